#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "runner.h"
#include "talk/directory.h"
#include "talk/protocol.h"
#include "unit/core.h"
#include "unit/suites.h"
#include "unit/talk/five.h"

/* What a message does before the handshake is done: what is sent, and how many are ignored. */
static void before_the_handshake_little_is_heard(void)
{
	static const struct {
		const char *line, *sent_in, *sent_out;
		int ignored_in, ignored_out;
	} cases[] = {
		{"{'msgtype': 'ping'}", "", "", 1, 1},
		{"{'msgtype': 'pong'}", "", "", 1, 1},
		{"{'msgtype': 'getaddr'}", "", "", 1, 1},
		{"{'msgtype': 'addr', 'peers': []}", "", "", 1, 0},
		{"{'msgtype': 'weather', 'peers': 7}", "", "", 1, 1},
		{"{'msgtype': 'bye', 'reason': 'shutdown'}", "", "", 0, 0},
		{"{'msgtype': 'addr', 'peers': 7}", "bye(protocol)", "bye(protocol)", 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		five_start(&core);
		struct peer *in = core_accept(&core, "127.0.0.2:40000"), *out = core_dial(&core, "127.0.0.3:5999");
		take_all(out);
		core_say(&core, in, "%s", cases[i].line);
		core_say(&core, out, "%s", cases[i].line);
		EXPECT_SENT(in, cases[i].sent_in);
		EXPECT_SENT(out, cases[i].sent_out);
		struct peer_info at_in = five_look(&core, in), at_out = five_look(&core, out);
		EXPECT(at_in.ignored == cases[i].ignored_in && at_out.ignored == cases[i].ignored_out, "%s",
		       cases[i].line);
		EXPECT(at_in.state == PEER_HELLO && at_out.state == PEER_HELLO, "%s", cases[i].line);
		EXPECT(at_in.messages_in == 1 && at_out.messages_in == 1, "%s", cases[i].line);
		core_fini(&core);
	}
}

static void what_a_message_does_once_the_handshake_is_done(void)
{
	static const struct {
		const char *line, *sent;
		int ignored;
	} cases[] = {
		{"{'msgtype': 'ping'}", "pong", 0},
		{"{'msgtype': 'ping', 'n': 17}", "pong", 0},
		{"{'msgtype': 'pong'}", "", 0},
		{"{'msgtype': 'getaddr'}", "addr()", 0},
		{"{'msgtype': 'addr', 'peers': []}", "", 0},
		{"{'msgtype': 'weather', 'rain': true}", "", 1},
		{"{'msgtype': ''}", "", 1},
		{"{'msgtype': 'bye', 'reason': 'boredom'}", "", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		five_start(&core);
		struct peer *in = core_meet(&core, 2, "127.0.0.2:40000", 0);
		core_say(&core, in, "%s", cases[i].line);
		EXPECT_SENT(in, cases[i].sent);
		EXPECT(five_look(&core, in).ignored == cases[i].ignored, "%s", cases[i].line);
		core_fini(&core);
	}
}

static void answers_come_in_the_order_of_the_questions(void)
{
	struct core core;
	five_start(&core);
	core_meet(&core, 3, "127.0.0.3:40000", 5999);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	core_say(&core, peer, "{'msgtype': 'ping'}");
	core_say(&core, peer, "{'msgtype': 'getaddr'}");
	core_say(&core, peer, "{'msgtype': 'ping'}");
	core_say(&core, peer, "{'msgtype': 'hello'}");
	EXPECT_SENT(peer, "pong addr(127.0.0.3:5999=3) pong bye(protocol)");
	core_fini(&core);
}

static void a_pong_tells_the_round_trip_and_another_is_ignored(void)
{
	struct core core;
	five_start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	core.now_us += 3 * MS_US;
	CU_ASSERT_EQUAL(five_look(&core, peer).rtt_us, 3 * MS_US);
	core_say(&core, peer, "{'msgtype': 'pong'}");
	core.now_us += SECOND_US;
	core_say(&core, peer, "{'msgtype': 'pong'}");
	struct peer_info info = five_look(&core, peer);
	CU_ASSERT(info.rtt_us == 3 * MS_US && info.ignored == 1);
	int64_t after_us = peer_ping(peer, core.now_us) - (core.now_us - SECOND_US - 3 * MS_US);
	CU_ASSERT(after_us <= 60 * SECOND_US && after_us >= 60 * SECOND_US - 60 * SECOND_US / PEER_PING_JITTER);
	EXPECT_SENT(peer, "");
	core_fini(&core);
}

static void a_protocol_error_ends_its_connection_and_no_other(void)
{
	static const char *const lines[] = {
		"hello",
		"[]",
		"{}",
		"{'msgtype': 7}",
		"{'msgtype': 'hello'}",
		"{'msgtype': 'hello', 'nodeid': '00000000-0000-0000-0000-000000000000'}",
		"{'msgtype': 'hello', 'nodeid': '00000002-0000-4000-8000-000000000000', 'listen': 0}",
		"{'msgtype': 'hello', 'nodeid': '00000002-0000-4000-8000-000000000000', 'feeler': 1}",
		"{'msgtype': 'addr'}",
		"{'msgtype': 'addr', 'peers': [7]}",
		"{'msgtype': 'bye'}",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines * 2; i++) {
		struct core core;
		const char *line = lines[i / 2];
		five_start(&core);
		struct peer *other = core_meet(&core, 3, "127.0.0.3:40000", 5999);
		struct peer *peer = i % 2 == 0 ? core_accept(&core, "127.0.0.2:40000")
					       : core_meet(&core, 2, "127.0.0.2:40000", 5999);
		capture_log(LOG_WARNING);
		core_say(&core, peer, "%s", line);
		const char *log = captured_log();
		bool is_strange = i % 2 == 0 && line[0] != '{';
		EXPECT(strstr(log, is_strange ? "is not a kith node: " : "broke the protocol: ") != NULL &&
			       strchr(log, '\n') == log + strlen(log) - 1,
		       "%s: %s", line, log);
		EXPECT_SENT(peer, "bye(protocol)");
		struct peer_info info = five_look(&core, peer);
		EXPECT(info.ending == PEER_CLOSED && info.reason == BYE_PROTOCOL, "%s", line);
		core_say(&core, other, "{'msgtype': 'ping'}");
		EXPECT_SENT(other, "pong");
		core_fini(&core);
	}
}

static void after_a_sleep_all_peers_are_pinged(void)
{
	static const struct {
		int64_t asleep_us; /* since the boot */
		bool is_pinged;
	} steps[] = {
		{5000 * SECOND_US, false}, /* before this node was started */
		{5000 * SECOND_US, false},
		{5000 * SECOND_US + PROTOCOL_SLEEP_US - 1, false},
		{5000 * SECOND_US + PROTOCOL_SLEEP_US, true},
		{5000 * SECOND_US + PROTOCOL_SLEEP_US, false},
		{9000 * SECOND_US, true},
		{9000 * SECOND_US + 1, false},
	};
	enum { PEERS = 100 };
	static struct peer *peers[PEERS];
	struct core core;
	core_init(&core, 5, "127.0.0.1:5999");
	core.settings.max_inbound = PEERS + 1;
	core_start(&core);
	struct peer *shaking = core_accept(&core, "127.0.1.1:40000");
	for (unsigned i = 0; i < PEERS; i++) {
		char remote[ADDRESS_TEXT_BYTES];
		snprintf(remote, sizeof remote, "127.0.0.%u:40000", i + 2);
		peers[i] = core_meet(&core, 10 + i, remote, 0);
		core_say(&core, peers[i], "{'msgtype': 'pong'}");
	}
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		core.now_us += SECOND_US;
		protocol_run_timers(core.protocol, core.now_us, steps[i].asleep_us);
		for (size_t j = 0; j < PEERS; j++) {
			peer_ping(peers[j], core.now_us);
			bool is_pinged = strcmp(take_all(peers[j]), "ping") == 0;
			EXPECT(is_pinged == steps[i].is_pinged, "step %zu, peer %zu", i, j);
			/* Who doesn't answer is dropped within ping_timeout, as after any ping. */
			int64_t deadline_us = peer_ping_deadline_us(peers[j]);
			EXPECT(deadline_us == (is_pinged ? core.now_us + core.settings.ping_timeout_us : FOREVER_US),
			       "step %zu, peer %zu", i, j);
			if (is_pinged)
				core_say(&core, peers[j], "{'msgtype': 'pong'}");
		}
		EXPECT_SENT(shaking, "");
	}
	core_fini(&core);
}

static void a_ping_that_was_outstanding_in_a_sleep_is_not_repeated(void)
{
	struct core core;
	five_start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	int64_t deadline_us = core.now_us + core.settings.ping_timeout_us;
	CU_ASSERT_EQUAL(peer_ping_deadline_us(peer), deadline_us);
	protocol_run_timers(core.protocol, core.now_us, 0);
	core.now_us += SECOND_US;
	protocol_run_timers(core.protocol, core.now_us, 1000 * SECOND_US);
	peer_ping(peer, core.now_us);
	EXPECT_SENT(peer, "");
	CU_ASSERT_EQUAL(peer_ping_deadline_us(peer), deadline_us);
	core_fini(&core);
}

static void getaddr_is_answered_with_those_who_are_connected_and_alive(void)
{
	struct core core;
	five_start(&core);
	struct peer *asker = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	struct peer *in = core_meet(&core, 3, "127.0.0.3:40000", 6000);
	core_reach(&core, 4, "127.0.0.4:5999");
	core_meet(&core, 6, "127.0.0.6:40000", 0);
	core_accept(&core, "127.0.0.7:40000");
	peer_close(core_meet(&core, 8, "127.0.0.8:40000", 5999), BYE_TIMEOUT);
	core_say(&core, asker, "{'msgtype': 'addr', 'peers': ['127.0.0.99:5999']}");
	core_say(&core, asker, "{'msgtype': 'getaddr'}");
	EXPECT_SENT(asker, "addr(127.0.0.3:6000=3 127.0.0.4:5999=4)");
	core_say(&core, in, "{'msgtype': 'getaddr'}");
	EXPECT_SENT(in, "addr(127.0.0.2:5999=2 127.0.0.4:5999=4)");
	core_fini(&core);
}

static void a_getaddr_too_many_is_ignored_and_counted(void)
{
	static const struct {
		int64_t after_us;
		int questions, answered;
	} cases[] = {
		{0, 200, 4},
		{9 * SECOND_US, 5, 0},
		{SECOND_US, 5, 1},
		{10 * SECOND_US, 5, 1},
		{3600 * SECOND_US, 200, 4},
		{20 * SECOND_US, 5, 2},
	};
	struct core core;
	five_start(&core);
	struct peer *asker = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	struct peer *other = core_meet(&core, 3, "127.0.0.3:40000", 5999);
	int ignored = 0;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int answered = 0;
		core.now_us += cases[i].after_us;
		for (int j = 0; j < cases[i].questions; j++) {
			core_say(&core, asker, "{'msgtype': 'getaddr'}");
			answered += take_line(asker) != NULL;
		}
		ignored += cases[i].questions - cases[i].answered;
		EXPECT(answered == cases[i].answered, "case %zu: %d", i, answered);
		EXPECT(five_look(&core, asker).ignored == ignored, "case %zu", i);
	}
	/* What one has asked takes nothing from another. */
	core_say(&core, other, "{'msgtype': 'getaddr'}");
	CU_ASSERT_PTR_NOT_NULL(take_line(other));
	core_fini(&core);
}

static void a_peer_that_was_silent_for_too_long_is_not_told_to_others(void)
{
	struct core core;
	five_start(&core);
	struct peer *asker = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	struct peer *talker = core_meet(&core, 3, "127.0.0.3:40000", 5999);
	core_meet(&core, 4, "127.0.0.4:40000", 5999);
	core.now_us += 240 * SECOND_US;
	core_say(&core, talker, "{'msgtype': 'pong'}");
	core_say(&core, asker, "{'msgtype': 'getaddr'}");
	EXPECT_SENT(asker, "addr(127.0.0.3:5999=3 127.0.0.4:5999=4)");
	core.now_us += DIRECTORY_AGE_US;
	core_say(&core, asker, "{'msgtype': 'getaddr'}");
	EXPECT_SENT(asker, "addr(127.0.0.3:5999=3)");
	core_fini(&core);
}

static void an_address_is_told_only_where_it_means_something(void)
{
	static const char *const hosts[] = {"127.0.0", "10.0.0", "8.8.8"};
	static const char *const expected[] = {
		"addr(10.0.0.3:5999=31 127.0.0.3:5999=30 8.8.8.3:5999=32)",
		"addr(10.0.0.3:5999=31 8.8.8.3:5999=32)",
		"addr(8.8.8.3:5999=32)",
	};
	struct core core;
	struct peer *askers[3];
	core_init(&core, 5, "0.0.0.0:5999");
	core_start(&core);
	for (unsigned i = 0; i < 6; i++) {
		char local[ADDRESS_TEXT_BYTES], remote[ADDRESS_TEXT_BYTES];
		snprintf(local, sizeof local, "%s.1:5999", hosts[i % 3]);
		snprintf(remote, sizeof remote, "%s.%u:40000", hosts[i % 3], i / 3 + 2);
		struct peer *peer = core_connect(&core, PEER_INBOUND, NULL, local, remote);
		core_say_hello(&core, peer, (i / 3 + 2) * 10 + i % 3, i < 3 ? 0 : 5999);
		five_prove(&core, (i / 3 + 2) * 10 + i % 3);
		if (i < 3)
			askers[i] = peer;
	}
	for (int i = 0; i < 3; i++) {
		take_all(askers[i]);
		core_say(&core, askers[i], "{'msgtype': 'getaddr'}");
		EXPECT_SENT(askers[i], expected[i]);
	}
	core_fini(&core);
}

static void an_answer_names_at_most_a_thousand(void)
{
	struct core core;
	core_init(&core, 5, "127.0.0.1:5999");
	core.settings.max_inbound = 2000;
	core_start(&core);
	struct peer *asker = core_meet(&core, 2, "127.0.0.2:40000", 0);
	for (unsigned i = 0; i < MESSAGE_ADDR_ENTRIES + 10; i++) {
		char remote[ADDRESS_TEXT_BYTES];
		snprintf(remote, sizeof remote, "127.1.%u.%u:40000", i / 250, i % 250 + 1);
		core_meet(&core, 1000 + i, remote, 5999);
	}
	core_say(&core, asker, "{'msgtype': 'getaddr'}");
	const char *line = take_line(asker);
	size_t entries = 0;
	for (const char *at = line; at != NULL && (at = strstr(at, ":5999")) != NULL; at++)
		entries++;
	CU_ASSERT_EQUAL(entries, MESSAGE_ADDR_ENTRIES);
	EXPECT_SENT(asker, "");
	core_fini(&core);
}

static void a_host_that_errs_again_and_again_is_banned(void)
{
	struct core core;
	struct address host = address_of("10.0.0.7:1");
	core_init(&core, 5, "10.0.0.1:5999");
	core_start(&core);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_FALSE(access_is_banned(core.access, &host, core.now_us));
		struct peer *peer = core_accept(&core, "10.0.0.7:40000");
		core_say(&core, peer, "nonsense");
		core_end(&core, peer);
	}
	CU_ASSERT(access_is_banned(core.access, &host, core.now_us));
	core_fini(&core);
}

/* Who has a network of addresses has another one for each line. */
static void bans_of_many_hosts_get_so_many_lines(void)
{
	enum { MOST = 200 };
	struct core core;
	char from[32];
	core_init(&core, 5, "0.0.0.0:5999");
	core.settings.ban_after = 1;
	core_start(&core);
	capture_log(LOG_INFO);
	for (unsigned i = 0; i < 2 * MOST; i++) {
		snprintf(from, sizeof from, "10.0.%u.%u:40000", i / 250, 1 + i % 250);
		struct peer *peer = core_accept(&core, from);
		core_say(&core, peer, "[]");
		core_end(&core, peer);
	}
	size_t lines = five_count_lines(captured_log());
	/* One says that some of the first network were left out. */
	EXPECT(lines == MOST + 1, "%zu lines", lines);
	core_fini(&core);
}

static void a_host_that_is_dialled_is_not_banned(void)
{
	struct core core;
	struct address host = address_of("10.0.0.7:1");
	core_init(&core, 5, "10.0.0.1:5999");
	core_start(&core);
	for (int i = 0; i < 10; i++) {
		char to[32];
		snprintf(to, sizeof to, "10.0.0.7:%d", 6000 + i);
		struct peer *peer = core_dial(&core, to);
		core_say(&core, peer, "HTTP/1.1 400 Bad Request");
		core_end(&core, peer);
	}
	CU_ASSERT_FALSE(access_is_banned(core.access, &host, core.now_us));
	core_fini(&core);
}

/* What the node says of itself on a connection: the port in its hello (0: none), and what follows it. */
static void a_node_tells_the_address_where_the_far_end_can_dial_it(void)
{
	static const struct {
		const char *listen[CORE_LISTENS], *advertise;
		const char *local, *remote;
		enum peer_direction direction;
		unsigned port;
		const char *told;
	} cases[] = {
		{{"127.0.0.1:5999"}, NULL, "127.0.0.1:5999", "127.0.0.2:9", PEER_INBOUND, 5999, "127.0.0.1:5999=5"},
		{{"127.0.0.1:5999"}, NULL, "127.0.0.1:9", "127.0.0.2:5999", PEER_OUTBOUND, 5999, "127.0.0.1:5999=5"},
		/* The one that the connection was accepted on. */
		{{"127.0.0.1:5999", "127.0.0.1:6000"},
		 NULL,
		 "127.0.0.1:6000",
		 "127.0.0.2:9",
		 PEER_INBOUND,
		 6000,
		 "127.0.0.1:6000=5"},
		/* The first of the connection's family and scope. */
		{{"127.0.0.1:5999", "10.0.0.1:6000", "10.0.0.1:7000", "[fd00::1]:8000"},
		 NULL,
		 "10.0.0.1:9",
		 "10.0.0.2:5999",
		 PEER_OUTBOUND,
		 6000,
		 "10.0.0.1:6000=5"},
		{{"127.0.0.1:5999", "10.0.0.1:6000", "[fd00::1]:8000"},
		 NULL,
		 "[fd00::1]:9",
		 "[fd00::2]:5999",
		 PEER_OUTBOUND,
		 8000,
		 "[fd00::1]:8000=5"},
		{{"127.0.0.1:5999"}, NULL, "10.0.0.1:9", "10.0.0.2:5999", PEER_OUTBOUND, 0, NULL},
		{{"[::1]:5999"}, NULL, "127.0.0.1:9", "127.0.0.2:5999", PEER_OUTBOUND, 0, NULL},
		/* Another host than the connection's: told by the addr, not by a port. */
		{{"127.0.0.7:5999"}, NULL, "127.0.0.1:9", "127.0.0.2:5999", PEER_OUTBOUND, 0, "127.0.0.7:5999=5"},
		{{"10.0.0.1:5999"}, NULL, "10.0.0.99:9", "10.0.0.2:5999", PEER_OUTBOUND, 0, "10.0.0.1:5999=5"},
		/* A wildcard stands for the connection's own address. */
		{{"0.0.0.0:5999"}, NULL, "10.0.0.1:5999", "10.0.0.2:9", PEER_INBOUND, 5999, "10.0.0.1:5999=5"},
		{{"0.0.0.0:5999"}, NULL, "10.0.0.1:9", "10.0.0.2:5999", PEER_OUTBOUND, 5999, "10.0.0.1:5999=5"},
		{{"0.0.0.0:5999"}, NULL, "127.0.0.1:9", "127.0.0.2:5999", PEER_OUTBOUND, 5999, "127.0.0.1:5999=5"},
		{{"0.0.0.0:5999", "[::]:6000"},
		 NULL,
		 "[fe80::1]:9",
		 "[fe80::2]:5999",
		 PEER_OUTBOUND,
		 6000,
		 "[fe80::1]:6000=5"},
		/* The operator knows best. */
		{{"0.0.0.0:5999"}, "8.8.8.8:7000", "10.0.0.1:5999", "10.0.0.2:9", PEER_INBOUND, 0, "8.8.8.8:7000=5"},
		{{"0.0.0.0:5999"}, "8.8.8.8:7000", "8.8.8.8:9", "8.8.4.4:5999", PEER_OUTBOUND, 7000, "8.8.8.8:7000=5"},
		/* What means nothing to the far end isn't told. */
		{{"0.0.0.0:5999"}, "10.0.0.1:7000", "8.8.8.8:9", "8.8.4.4:5999", PEER_OUTBOUND, 0, NULL},
		{{"0.0.0.0:5999"}, "127.0.0.1:7000", "10.0.0.1:9", "10.0.0.2:5999", PEER_OUTBOUND, 0, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		char port[32] = "", sent[128] = "getaddr ping";
		core_init(&core, 5, cases[i].listen[0]);
		for (size_t j = 1; j < CORE_LISTENS && cases[i].listen[j] != NULL; j++)
			core_listen(&core, cases[i].listen[j]);
		if (cases[i].advertise != NULL)
			core.settings.texts->advertise = address_of(cases[i].advertise);
		core_start(&core);
		struct dial dial = {.address = address_of(cases[i].remote)};
		struct peer *peer = core_connect(&core, cases[i].direction, &dial, cases[i].local, cases[i].remote);
		core_say_hello(&core, peer, 2, 0);
		const char *hello = take_line(peer);
		if (cases[i].port != 0)
			snprintf(port, sizeof port, ",\"listen\":%u}", cases[i].port);
		EXPECT(hello != NULL && strstr(hello, cases[i].port == 0 ? "}" : port) != NULL &&
			       (strstr(hello, "listen") != NULL) == (cases[i].port != 0),
		       "case %zu: %s", i, hello);
		if (cases[i].told != NULL)
			snprintf(sent, sizeof sent, "addr(%s) getaddr ping", cases[i].told);
		EXPECT_SENT(peer, sent);
		core_fini(&core);
	}
}

static void a_node_introduces_itself_anew_to_those_who_come_later(void)
{
	static const struct {
		const char *name;
		const char *advertise;
		const char *hello; /* what it has */
		const char *told;
	} cases[] = {
		{"one", "-", "\"name\":\"one\"", "addr(10.0.0.1:5999=5)"},
		{"one", "8.8.8.8:6000", "\"name\":\"one\"", "addr(8.8.8.8:6000=5)"},
		{"two", "8.8.8.8:6000", "\"name\":\"two\"", "addr(8.8.8.8:6000=5)"},
		{"two", "8.8.4.4:6000", "\"name\":\"two\"", "addr(8.8.4.4:6000=5)"},
		{"", "-", "\"kith\",\"agent\"", "addr(10.0.0.1:5999=5)"},
	};
	struct core core;
	core_init(&core, 5, "10.0.0.1:5999");
	core_start(&core);
	struct peer *first = core_meet(&core, 1, "10.0.0.9:40000", 0);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address advertise = {0};
		char remote[32], sent[64];
		if (strcmp(cases[i].advertise, "-") != 0)
			advertise = address_of(cases[i].advertise);
		protocol_introduce_as(core.protocol, cases[i].name, &advertise);
		snprintf(remote, sizeof remote, "10.0.1.%u:40000", i + 1);
		struct peer *peer = core_accept(&core, remote);
		core_say_hello(&core, peer, 10 + i, 0);
		const char *hello = take_line(peer);
		EXPECT(hello != NULL && strstr(hello, cases[i].hello) != NULL, "case %u: %s", i, hello);
		snprintf(sent, sizeof sent, "%s getaddr ping", cases[i].told);
		EXPECT_SENT(peer, sent);
		struct address one = address_of("8.8.8.8:6000"), two = address_of("8.8.4.4:6000");
		EXPECT(address_book_is_self(core.book, &one) == address_equals(&one, &advertise), "case %u", i);
		EXPECT(address_book_is_self(core.book, &two) == address_equals(&two, &advertise), "case %u", i);
		CU_ASSERT(address_book_is_self(core.book, &core.listen[0]));
	}
	EXPECT_SENT(first, "");
	core_fini(&core);
}

static void a_node_says_once_a_day_where_it_listens(void)
{
	struct core core;
	five_start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	int64_t begin_us = core.now_us;
	core.now_us = protocol_run_timers(core.protocol, core.now_us, 0);
	CU_ASSERT(core.now_us >= begin_us + PROTOCOL_TELL_US / 2 && core.now_us <= begin_us + PROTOCOL_TELL_US);
	EXPECT_SENT(peer, "");
	for (int day = 0; day < 3; day++) {
		int64_t next_us = protocol_run_timers(core.protocol, core.now_us, 0);
		CU_ASSERT_EQUAL(next_us, core.now_us + PROTOCOL_TELL_US);
		EXPECT_SENT(peer, "addr(127.0.0.1:5999=5)");
		core.now_us = next_us;
	}
	core_fini(&core);
}

/* The threads that read two peers take the time each by themselves. */
static void a_suspect_that_is_heard_in_this_very_moment_was_heard_no_time_ago(void)
{
	struct core core;
	five_start(&core);
	struct peer *asker = core_meet(&core, 2, "127.0.0.2:40000", 0), *suspect;
	suspect = core_meet(&core, 3, "127.0.0.3:40000", 0);
	take_all(asker);
	peer_count_read(suspect, 1, core.now_us + 2 * MS_US);
	core_say(&core, asker, "{'msgtype':'suspect','nodeid':'%s','silent_ms':500}", nodeid_text(3));
	const char *line = take_line(asker);
	CU_ASSERT(line != NULL && strstr(line, "\"heard\"") != NULL && strstr(line, "\"ago_ms\":0}") != NULL);
	core_fini(&core);
}

static CU_TestInfo tests[] = {
	{"before the handshake little is heard", before_the_handshake_little_is_heard},
	{"what a message does once the handshake is done", what_a_message_does_once_the_handshake_is_done},
	{"answers come in the order of the questions", answers_come_in_the_order_of_the_questions},
	{"a pong tells the round trip and another is ignored", a_pong_tells_the_round_trip_and_another_is_ignored},
	{"a protocol error ends its connection and no other", a_protocol_error_ends_its_connection_and_no_other},
	{"after a sleep all peers are pinged", after_a_sleep_all_peers_are_pinged},
	{"a ping that was outstanding in a sleep is not repeated",
	 a_ping_that_was_outstanding_in_a_sleep_is_not_repeated},
	{"getaddr is answered with those who are connected and alive",
	 getaddr_is_answered_with_those_who_are_connected_and_alive},
	{"a getaddr too many is ignored and counted", a_getaddr_too_many_is_ignored_and_counted},
	{"a peer that was silent for too long is not told to others",
	 a_peer_that_was_silent_for_too_long_is_not_told_to_others},
	{"an address is told only where it means something", an_address_is_told_only_where_it_means_something},
	{"an answer names at most a thousand", an_answer_names_at_most_a_thousand},
	{"a host that errs again and again is banned", a_host_that_errs_again_and_again_is_banned},
	{"bans of many hosts get so many lines", bans_of_many_hosts_get_so_many_lines},
	{"a host that is dialled is not banned", a_host_that_is_dialled_is_not_banned},
	{"a node tells the address where the far end can dial it",
	 a_node_tells_the_address_where_the_far_end_can_dial_it},
	{"a node introduces itself anew to those who come later",
	 a_node_introduces_itself_anew_to_those_who_come_later},
	{"a suspect that is heard in this very moment was heard no time ago",
	 a_suspect_that_is_heard_in_this_very_moment_was_heard_no_time_ago},
	{"a node says once a day where it listens", a_node_says_once_a_day_where_it_listens},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_protocol = {
	.pName = "protocol", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
