#include "talk/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "runner.h"
#include "talk/announcer.h"
#include "talk/directory.h"
#include "unit/core.h"
#include "unit/suites.h"

/* Node 5, which listens on 127.0.0.1:5999: there are smaller nodeids and larger ones. */
static void start(struct core *core)
{
	core_init(core, 5, "127.0.0.1:5999");
	core_start(core);
}

static struct peer_info look(const struct core *core, struct peer *peer)
{
	return peer_look(peer, core->now_us);
}

/* Where the peer can be dialled, as far as that is known. */
static const char *listen_of(const struct core *core, struct peer *peer)
{
	return address_text(look(core, peer).listen);
}

static const char *dialled_next(struct core *core)
{
	struct peer *peer = core_dial_next(core);
	return peer == NULL ? "-" : address_text(peer_dial(peer)->address);
}

/* These two are dialled now, whichever of them first. */
#define EXPECT_DIALLED(core, one, other) expect_dialled(__FILE__, __LINE__, core, one, other)
static void expect_dialled(const char *file, int line, struct core *core, const char *one, const char *other)
{
	char first[ADDRESS_TEXT_BYTES];
	snprintf(first, sizeof first, "%s", dialled_next(core));
	bool is_other = strcmp(first, other) == 0;
	expect_text(file, line, first, is_other ? other : one);
	expect_text(file, line, dialled_next(core), is_other ? one : other);
}

/* The ending of a READY peer or a dial, and how long after it its address is dialled again. */
static int64_t redial_after_us(struct core *core, const char *address)
{
	int64_t end_us = core->now_us + 2 * core->settings.retry_max_us, start_us = core->now_us;
	struct peer *peer = NULL;
	while (peer == NULL && core->now_us < end_us) {
		peer = core_dial_next(core);
		core->now_us += peer == NULL ? 10 * MS_US : 0;
	}
	if (peer == NULL)
		return FOREVER_US;
	EXPECT_TEXT(address_text(peer_dial(peer)->address), address);
	return core->now_us - start_us;
}

static bool is_back_off(int64_t after_us)
{
	return after_us >= SECOND_US && after_us <= 2 * SECOND_US + 10 * MS_US;
}

/* ---- the handshake ---- */

static void who_dials_says_hello_first(void)
{
	struct core core;
	start(&core);
	struct peer *in = core_accept(&core, "127.0.0.2:40000");
	EXPECT_SENT(in, "");
	struct peer *out = core_dial(&core, "127.0.0.3:5999");
	const char *line = take_line(out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	EXPECT_TEXT(line,
		    "{\"msgtype\":\"hello\",\"nodeid\":\"00000005-0000-4000-8000-000000000000\",\"version\":1,"
		    "\"network\":\"kith\",\"name\":\"node 5\",\"agent\":\"kithd/" KITH_VERSION "\",\"listen\":5999}");
	EXPECT_SENT(out, "");
	core_fini(&core);
}

static void a_hello_is_answered_by_a_hello_then_come_address_question_and_ping(void)
{
	struct core core;
	start(&core);
	struct peer *in = core_accept(&core, "127.0.0.2:40000");
	core_say_hello(&core, in, 2, 0);
	CU_ASSERT_EQUAL(peer_state(in), PEER_READY);
	EXPECT_SENT(in, "hello addr(127.0.0.1:5999=5) getaddr ping");
	struct peer *out = core_dial(&core, "127.0.0.3:5999");
	EXPECT_SENT(out, "hello");
	core_say_hello(&core, out, 3, 0);
	CU_ASSERT_EQUAL(peer_state(out), PEER_READY);
	EXPECT_SENT(out, "addr(127.0.0.1:5999=5) getaddr ping");
	core_fini(&core);
}

static void two_nodes_know_each_other_after_the_handshake(void)
{
	struct core one, two;
	struct link link;
	core_init(&one, 1, "127.0.0.1:5999");
	core_init(&two, 2, "127.0.0.2:5999");
	core_start(&one);
	core_start(&two);
	link_init(&link, &one, core_dial(&one, "127.0.0.2:5999"), &two, "127.0.0.1:40000");
	link_pass_all(&link, 1);
	struct peer_info at_one = look(&one, link.peers[0]), at_two = look(&two, link.peers[1]);
	CU_ASSERT(at_one.state == PEER_READY && at_two.state == PEER_READY);
	CU_ASSERT(nodeid_equals(&at_one.nodeid, &two.self) && nodeid_equals(&at_two.nodeid, &one.self));
	CU_ASSERT_STRING_EQUAL(at_one.name, "node 2");
	EXPECT_TEXT(address_text(at_one.listen), "127.0.0.2:5999");
	EXPECT_TEXT(address_text(at_two.listen), "127.0.0.1:5999");
	CU_ASSERT(at_one.rtt_us == 0 && at_two.rtt_us == 0);
	CU_ASSERT(at_one.ignored == 0 && at_two.ignored == 0 && at_one.useless == 0 && at_two.useless == 0);
	CU_ASSERT_PTR_NULL(core_dial_next(&one));
	CU_ASSERT_PTR_NULL(core_dial_next(&two));
	core_fini(&one);
	core_fini(&two);
}

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
		start(&core);
		struct peer *in = core_accept(&core, "127.0.0.2:40000"), *out = core_dial(&core, "127.0.0.3:5999");
		take_all(out);
		core_say(&core, in, "%s", cases[i].line);
		core_say(&core, out, "%s", cases[i].line);
		EXPECT_SENT(in, cases[i].sent_in);
		EXPECT_SENT(out, cases[i].sent_out);
		struct peer_info at_in = look(&core, in), at_out = look(&core, out);
		EXPECT(at_in.ignored == cases[i].ignored_in && at_out.ignored == cases[i].ignored_out, "%s",
		       cases[i].line);
		EXPECT(at_in.state == PEER_HELLO && at_out.state == PEER_HELLO, "%s", cases[i].line);
		EXPECT(at_in.messages_in == 1 && at_out.messages_in == 1, "%s", cases[i].line);
		core_fini(&core);
	}
}

static void a_full_node_may_name_others_before_the_handshake_but_once(void)
{
	struct core core;
	start(&core);
	struct peer *in = core_accept(&core, "127.0.0.2:40000"), *out = core_dial(&core, "127.0.0.3:5999");
	core_say(&core, in, "{'msgtype': 'addr', 'peers': ['127.0.0.4:5999']}");
	EXPECT_TEXT(dialled_next(&core), "-");
	core_say(&core, out, "{'msgtype': 'addr', 'peers': ['127.0.0.5:5999', '127.0.0.6:5999']}");
	EXPECT_DIALLED(&core, "127.0.0.5:5999", "127.0.0.6:5999");
	core_say(&core, out, "{'msgtype': 'addr', 'peers': ['127.0.0.7:5999']}");
	EXPECT_TEXT(dialled_next(&core), "-");
	CU_ASSERT_EQUAL(look(&core, out).ignored, 1);
	core_say_hello(&core, out, 3, 0);
	CU_ASSERT_EQUAL(peer_state(out), PEER_READY);
	core_fini(&core);
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
		start(&core);
		struct peer *in = core_meet(&core, 2, "127.0.0.2:40000", 0);
		core_say(&core, in, "%s", cases[i].line);
		EXPECT_SENT(in, cases[i].sent);
		EXPECT(look(&core, in).ignored == cases[i].ignored, "%s", cases[i].line);
		core_fini(&core);
	}
}

static void answers_come_in_the_order_of_the_questions(void)
{
	struct core core;
	start(&core);
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
	start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	core.now_us += 3 * MS_US;
	CU_ASSERT_EQUAL(look(&core, peer).rtt_us, 3 * MS_US);
	core_say(&core, peer, "{'msgtype': 'pong'}");
	core.now_us += SECOND_US;
	core_say(&core, peer, "{'msgtype': 'pong'}");
	struct peer_info info = look(&core, peer);
	CU_ASSERT(info.rtt_us == 3 * MS_US && info.ignored == 1);
	CU_ASSERT_EQUAL(peer_ping(peer, core.now_us), core.now_us - SECOND_US - 3 * MS_US + 60 * SECOND_US);
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
		start(&core);
		struct peer *other = core_meet(&core, 3, "127.0.0.3:40000", 5999);
		struct peer *peer = i % 2 == 0 ? core_accept(&core, "127.0.0.2:40000")
					       : core_meet(&core, 2, "127.0.0.2:40000", 5999);
		capture_log(LOG_WARNING);
		core_say(&core, peer, "%s", line);
		const char *log = captured_log();
		EXPECT(strstr(log, "protocol error: ") != NULL && strchr(log, '\n') == log + strlen(log) - 1, "%s: %s",
		       line, log);
		EXPECT_SENT(peer, "bye(protocol)");
		struct peer_info info = look(&core, peer);
		EXPECT(info.ending == PEER_CLOSED && info.reason == BYE_PROTOCOL, "%s", line);
		core_say(&core, other, "{'msgtype': 'ping'}");
		EXPECT_SENT(other, "pong");
		core_fini(&core);
	}
}

static void a_second_hello_is_a_protocol_error(void)
{
	struct core core;
	start(&core);
	struct peer *in = core_meet(&core, 2, "127.0.0.2:40000", 0), *out = core_reach(&core, 3, "127.0.0.3:5999");
	struct peer *feeler = core_accept(&core, "127.0.0.4:40000");
	core_say_hello(&core, in, 2, 0);
	EXPECT_SENT(in, "bye(protocol)");
	core_say_hello(&core, out, 4, 0);
	EXPECT_SENT(out, "bye(protocol)");
	core_say(&core, feeler, "{'msgtype': 'hello', 'nodeid': '%s', 'feeler': true}", nodeid_text(4));
	core_say(&core, feeler, "{'msgtype': 'hello', 'nodeid': '%s', 'feeler': true}", nodeid_text(4));
	EXPECT_SENT(feeler, "hello bye(protocol)");
	core_fini(&core);
}

static void another_network_is_turned_away(void)
{
	static const struct {
		const char *own, *key;
		bool is_welcome;
	} cases[] = {
		{"kith", "", true},
		{"kith", ", 'network': 'kith'", true},
		{"kith", ", 'network': 'Kith'", false},
		{"kith", ", 'network': 'kith '", false},
		{"kith", ", 'network': ''", false},
		{"lab", "", false},
		{"lab", ", 'network': 'kith'", false},
		{"lab", ", 'network': 'lab'", true},
		{"lab", ", 'network': ''", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		core_init(&core, 5, "127.0.0.1:5999");
		strcpy(core.settings.network, cases[i].own);
		core_start(&core);
		struct peer *in = core_accept(&core, "127.0.0.2:40000"), *out = core_dial(&core, "127.0.0.3:5999");
		take_all(out);
		core_say(&core, in, "{'msgtype': 'hello', 'nodeid': '%s'%s}", nodeid_text(2), cases[i].key);
		core_say(&core, out, "{'msgtype': 'hello', 'nodeid': '%s'%s}", nodeid_text(3), cases[i].key);
		EXPECT_SENT(in, cases[i].is_welcome ? "hello addr(127.0.0.1:5999=5) getaddr ping" : "bye(network)");
		EXPECT_SENT(out, cases[i].is_welcome ? "addr(127.0.0.1:5999=5) getaddr ping" : "bye(network)");
		core_fini(&core);
	}
}

static void another_version_is_welcome(void)
{
	struct core core;
	start(&core);
	struct peer *in = core_accept(&core, "127.0.0.2:40000");
	core_say(&core, in, "{'msgtype': 'hello', 'nodeid': '%s', 'version': 99, 'shoe': 43}", nodeid_text(2));
	CU_ASSERT_EQUAL(peer_state(in), PEER_READY);
	core_fini(&core);
}

/* ---- myself ---- */

static void who_is_dialled_by_itself_says_so_and_remembers_nothing(void)
{
	struct core core;
	struct address remote = address_of("127.0.0.1:40000"), listen = address_of("127.0.0.1:7000");
	start(&core);
	struct peer *in = core_accept(&core, "127.0.0.1:40000");
	core_say_hello(&core, in, 5, 7000);
	EXPECT_SENT(in, "bye(self)");
	core_end(&core, in);
	CU_ASSERT_FALSE(address_book_is_self(core.book, &remote));
	CU_ASSERT_FALSE(address_book_is_self(core.book, &listen));
	CU_ASSERT_EQUAL(address_book_count(core.book), 0);
	core_fini(&core);
}

static void an_address_where_a_node_meets_itself_is_not_dialled_again(void)
{
	static const char *const answers[] = {
		"{'msgtype': 'bye', 'reason': 'self'}",
		"{'msgtype': 'hello', 'nodeid': '00000005-0000-4000-8000-000000000000'}",
	};
	for (size_t i = 0; i < 2; i++) {
		struct core core;
		start(&core);
		struct peer *out = core_dial(&core, "127.0.0.9:5999");
		take_all(out);
		core_say(&core, out, "%s", answers[i]);
		EXPECT_SENT(out, i == 0 ? "" : "bye(self)");
		CU_ASSERT_EQUAL(look(&core, out).reason, BYE_SELF);
		core_end(&core, out);
		struct peer *teller = core_meet(&core, 2, "127.0.0.2:40000", 0);
		core_say(&core, teller, "{'msgtype': 'addr', 'peers': ['127.0.0.9:5999']}");
		EXPECT(redial_after_us(&core, "nowhere") == FOREVER_US, "%s", answers[i]);
		core_fini(&core);
	}
}

static void a_node_never_dials_where_it_listens(void)
{
	struct core core;
	core_init(&core, 5, "127.0.0.1:5999");
	core.settings.advertise = address_of("8.8.8.8:5999");
	core.listen[core.listen_count++] = address_of("127.0.0.7:6000");
	core_start(&core);
	struct peer *teller = core_meet(&core, 2, "127.0.0.2:40000", 0);
	core_say(&core, teller, "{'msgtype': 'addr', 'peers': ['127.0.0.1:5999', '127.0.0.7:6000', '8.8.8.8:5999']}");
	core_say(&core, teller, "{'msgtype': 'addr', 'peers': [['127.0.0.8:5999', '%s'], '127.0.0.9:5999']}",
		 nodeid_text(5));
	EXPECT_TEXT(dialled_next(&core), "127.0.0.9:5999");
	EXPECT_TEXT(dialled_next(&core), "-");
	core_fini(&core);
}

/* ---- the end of a connection ---- */

static void a_peer_that_says_bye_has_left(void)
{
	static const char *const reasons[] = {"shutdown", "duplicate", "full", "timeout", "feeler", "boredom", ""};
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		struct core core;
		char text[64];
		start(&core);
		struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
		core_say(&core, peer, "{'msgtype': 'bye', 'reason': '%s'}", reasons[i]);
		struct peer_info info = look(&core, peer);
		EXPECT(info.ending == PEER_LEFT && info.is_closing, "%s", reasons[i]);
		snprintf(text, sizeof text, "bye: %s", reasons[i]);
		EXPECT_TEXT(info.ending_text, text);
		EXPECT_SENT(peer, "");
		core_fini(&core);
	}
}

static void a_peer_that_goes_is_dialled_again_after_a_back_off(void)
{
	static const char *const byes[] = {"", "shutdown", "timeout", "boredom"};
	for (size_t i = 0; i < sizeof byes / sizeof *byes * 2; i++) {
		struct core core;
		const char *reason = byes[i / 2];
		start(&core);
		struct peer *peer = i % 2 == 0 ? core_reach(&core, 2, "127.0.0.2:5999")
					       : core_meet(&core, 2, "127.0.0.2:40000", 5999);
		core.now_us += 30 * SECOND_US;
		if (*reason != '\0')
			core_say(&core, peer, "{'msgtype': 'bye', 'reason': '%s'}", reason);
		core_end(&core, peer);
		int64_t after_us = redial_after_us(&core, "127.0.0.2:5999");
		EXPECT(is_back_off(after_us), "%s: %lld", reason, (long long)after_us);
		core_fini(&core);
	}
}

static void a_dial_that_is_turned_away_is_repeated_after_a_back_off(void)
{
	static const char *const byes[] = {"",	       "shutdown", "duplicate", "network", "full",
					   "protocol", "timeout",  "slow",	"feeler",  "boredom"};
	for (size_t i = 0; i < sizeof byes / sizeof *byes; i++) {
		struct core core;
		start(&core);
		struct peer *peer = core_dial(&core, "127.0.0.2:5999");
		if (*byes[i] != '\0')
			core_say(&core, peer, "{'msgtype': 'bye', 'reason': '%s'}", byes[i]);
		core_end(&core, peer);
		int64_t after_us = redial_after_us(&core, "127.0.0.2:5999");
		EXPECT(is_back_off(after_us), "%s: %lld", byes[i], (long long)after_us);
		core_fini(&core);
	}
}

static void the_end_of_a_peer_is_logged_once_with_its_reason(void)
{
	static const struct {
		const char *line, *logged;
	} cases[] = {
		{"", "peer 00000002 127.0.0.2:40000: failed (connection closed by the far end) after 2.0 s\n"},
		{"{'msgtype': 'bye', 'reason': 'shutdown'}",
		 "peer 00000002 127.0.0.2:40000: left (bye: shutdown) after 2.0 s\n"},
		{"[]", "peer 00000002 127.0.0.2:40000: closed (bye: protocol) after 2.0 s\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		start(&core);
		struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
		core.now_us += 2 * SECOND_US;
		if (cases[i].line[0] != '\0')
			core_say(&core, peer, "%s", cases[i].line);
		capture_log(LOG_INFO);
		peer_hold(peer);
		core_end(&core, peer);
		protocol_ended(core.protocol, peer, core.now_us);
		peer_release(peer);
		const char *log = captured_log(), *text = strstr(log, "peer ");
		EXPECT(text != NULL && strcmp(text, cases[i].logged) == 0, "%s", log);
		core_fini(&core);
	}
}

static void why_an_address_failed_is_kept_in_words(void)
{
	static const struct {
		const char *line; /* what it says; NULL where the connection isn't made, "" for nothing */
		const char *error;
	} cases[] = {
		{NULL, "connection refused"},
		{"", "connection closed by the far end"},
		{"{'msgtype': 'bye', 'reason': 'full'}", "bye: full"},
		{"{'msgtype': 'bye', 'reason': 'a reason that is so very long that it does not fit into what is "
		 "kept of one, which is cut'}",
		 "bye: a reason that is so very long that it does not fit into what is"},
		{"{'msgtype': 'hello', 'nodeid': '00000005-0000-4000-8000-000000000000'}", "reached myself"},
		{"{'msgtype': 'hello', 'nodeid': '00000002-0000-4000-8000-000000000000', 'network': 'other'}",
		 "bye: network"},
		{"[]", "bye: protocol"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		struct address_info info;
		start(&core);
		struct peer *peer = core_dial(&core, "127.0.0.2:5999");
		core.now_us += 3 * SECOND_US;
		if (cases[i].line == NULL)
			peer_fail(peer, ECONNREFUSED);
		else if (*cases[i].line != '\0')
			core_say(&core, peer, "%s", cases[i].line);
		core_end(&core, peer);
		CU_ASSERT_EQUAL_FATAL(address_book_recent(core.book, &info, 1, core.now_us), 1);
		EXPECT(strncasecmp(info.error, cases[i].error, strlen(cases[i].error)) == 0, "case %zu: %s", i,
		       info.error);
		EXPECT(info.failures == 1 && info.error_us == core.now_us, "case %zu", i);
		EXPECT(info.tried_us == core.now_us - 3 * SECOND_US, "case %zu", i);
		core_fini(&core);
	}
}

static void the_error_of_an_address_is_kept_until_it_is_reached_again(void)
{
	struct core core;
	struct address_info info;
	start(&core);
	struct peer *peer = core_reach(&core, 2, "127.0.0.2:5999");
	CU_ASSERT_EQUAL_FATAL(address_book_recent(core.book, &info, 1, core.now_us), 1);
	CU_ASSERT(info.error[0] == '\0' && info.error_us == NEVER_US && info.failures == 0);
	core_say(&core, peer, "{'msgtype': 'bye', 'reason': 'shutdown'}");
	core_end(&core, peer);
	core.now_us += core.settings.retry_max_us;
	CU_ASSERT_EQUAL_FATAL(address_book_recent(core.book, &info, 1, core.now_us), 1);
	EXPECT_TEXT(info.error, "bye: shutdown");
	CU_ASSERT_EQUAL(info.error_us, core.now_us - core.settings.retry_max_us);
	core_reach(&core, 2, "127.0.0.2:5999");
	CU_ASSERT_EQUAL_FATAL(address_book_recent(core.book, &info, 1, core.now_us), 1);
	CU_ASSERT(info.error[0] == '\0' && info.error_us == NEVER_US && info.failures == 0);
	core_fini(&core);
}

/* ---- what is too much ---- */

/* Tells of so many addresses in one message; how many of these were dropped. */
static size_t tell_many(struct core *core, struct peer *peer, unsigned count)
{
	static char words[64 * 1024];
	static unsigned number;
	int64_t before = look(core, peer).useless;
	size_t used = 0;
	for (unsigned i = 0; i < count; i++, number++)
		used += (size_t)snprintf(words + used, sizeof words - used, "%s['127.%u.%u.1:5999', '%s']",
					 i == 0 ? "" : ", ", number / 250 % 250 + 1, number % 250, nodeid_text(9999));
	core_say(core, peer, "{'msgtype': 'addr', 'peers': [%s]}", words);
	return (size_t)(look(core, peer).useless - before);
}

static void of_what_is_told_unasked_so_much_is_heard(void)
{
	static const struct {
		int64_t after_us;
		unsigned told;
		size_t dropped;
	} steps[] = {
		/* The burst, and what may be answered to the question that is asked of each peer at first. */
		{0, 1000, 0},
		{0, 999, 0},
		{0, 2, 1},
		{0, 1000, 1000},
		{9 * SECOND_US, 1, 1},
		{1 * SECOND_US, 2, 1},
		{1000 * SECOND_US, 200, 100},
		/* No more than the burst comes back. */
		{1000000 * SECOND_US, 1000, 0},
		{0, 1, 1},
	};
	struct core core;
	start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0),
		    *other = core_meet(&core, 3, "127.0.0.3:40000", 0);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		core.now_us += steps[i].after_us;
		size_t known = address_book_count(core.book);
		size_t dropped = tell_many(&core, peer, steps[i].told);
		EXPECT((address_book_count(core.book) > known) == (dropped < steps[i].told), "step %zu", i);
		EXPECT(dropped == steps[i].dropped, "step %zu: %zu", i, dropped);
	}
	/* Each peer has its own. */
	CU_ASSERT_EQUAL(tell_many(&core, other, 1000), 0);
	core_fini(&core);
}

static void before_it_is_asked_a_peer_has_the_burst_alone(void)
{
	struct core core;
	start(&core);
	struct peer *peer = core_dial(&core, "127.0.0.2:5999");
	CU_ASSERT_EQUAL(tell_many(&core, peer, 600), 0);
	core_say_hello(&core, peer, 2, 0);
	CU_ASSERT_EQUAL(tell_many(&core, peer, 1000), 0);
	CU_ASSERT_EQUAL(tell_many(&core, peer, 1000), 600);
	core_fini(&core);
}

/* ---- sleep ---- */

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
	start(&core);
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

/* ---- getaddr ---- */

static void getaddr_is_answered_with_those_who_are_connected_and_alive(void)
{
	struct core core;
	start(&core);
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

static void who_was_silent_for_too_long_is_not_told_to_others(void)
{
	struct core core;
	start(&core);
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

/* ---- full ---- */

static void a_full_node_says_where_else_to_go(void)
{
	struct core core;
	core_init(&core, 5, "127.0.0.1:5999");
	core.settings.max_inbound = 2;
	core_start(&core);
	core_reach(&core, 2, "127.0.0.2:5999");
	struct peer *in = core_meet(&core, 3, "127.3.0.3:40000", 5999);
	core_meet(&core, 4, "127.4.0.4:40000", 0);
	struct peer *late = core_accept(&core, "127.0.0.6:40000");
	core_say_hello(&core, late, 6, 5999);
	EXPECT_SENT(late, "addr(127.0.0.2:5999=2 127.3.0.3:5999=3) bye(full)");
	CU_ASSERT(peer_state(late) != PEER_READY);
	core_end(&core, late);
	core_end(&core, in);
	core_reach(&core, 7, "127.0.0.7:5999");
	core_meet(&core, 6, "127.0.0.6:40000", 5999);
	core_fini(&core);
}

static void a_full_node_makes_room_for_a_newcomer(void)
{
	struct core core;
	core_init(&core, 5, "127.0.0.1:5999");
	core.settings.max_inbound = 2;
	core_start(&core);
	struct peer *first = core_meet(&core, 3, "127.0.3.3:40000", 5999);
	struct peer *second = core_meet(&core, 4, "127.0.3.4:40000", 0);
	peer_hold(second);
	core_meet(&core, 6, "127.0.0.6:40000", 0);
	EXPECT_SENT(second, "bye(full)");
	CU_ASSERT_EQUAL(registry_count(core.registry).inbound, 2);
	CU_ASSERT_FALSE(peer_is_closing(first));
	core_end(&core, second);
	peer_release(second);
	CU_ASSERT_EQUAL(registry_count(core.registry).inbound, 2);
	core_fini(&core);
}

static void a_host_that_errs_again_and_again_is_banned(void)
{
	struct core core;
	struct address host = address_of("10.0.0.7:1");
	core_init(&core, 5, "10.0.0.1:5999");
	core_start(&core);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_FALSE(admission_is_banned(core.admission, &host, core.now_us));
		struct peer *peer = core_accept(&core, "10.0.0.7:40000");
		core_say(&core, peer, "nonsense");
		core_end(&core, peer);
	}
	CU_ASSERT(admission_is_banned(core.admission, &host, core.now_us));
	core_fini(&core);
}

static size_t count_lines(const char *text)
{
	size_t count = 0;
	for (; (text = strchr(text, '\n')) != NULL; text++)
		count++;
	return count;
}

/* Who has a network of addresses has another one for each line. */
static void bans_of_many_hosts_get_so_many_lines(void)
{
	struct core core;
	char from[32];
	core_init(&core, 5, "0.0.0.0:5999");
	core.settings.ban_after = 1;
	core_start(&core);
	capture_log(LOG_INFO);
	for (unsigned i = 0; i < 2 * PROTOCOL_STRANGERS_BURST; i++) {
		snprintf(from, sizeof from, "10.0.%u.%u:40000", i / 250, 1 + i % 250);
		struct peer *peer = core_accept(&core, from);
		core_say(&core, peer, "[]");
		core_end(&core, peer);
	}
	size_t lines = count_lines(captured_log());
	EXPECT(lines == PROTOCOL_STRANGERS_BURST, "%zu lines", lines);
	core_fini(&core);
}

static void who_is_dialled_is_not_banned(void)
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
	CU_ASSERT_FALSE(admission_is_banned(core.admission, &host, core.now_us));
	core_fini(&core);
}

static void what_the_lists_leave_out_is_not_believed(void)
{
	struct core core;
	char error[SETTINGS_ERROR_BYTES];
	core_init(&core, 5, "10.0.0.1:5999");
	CU_ASSERT(settings_set_option(&core.settings, "deny=10.0.9.0/24", error));
	core_start(&core);
	struct peer *peer = core_meet(&core, 3, "10.0.0.3:40000", 0);
	core_say(&core, peer, "{'msgtype': 'addr', 'peers': ['10.0.9.1:1', '10.0.8.1:1']}");
	struct address denied = address_of("10.0.9.1:1"), good = address_of("10.0.8.1:1");
	CU_ASSERT_FALSE(address_book_knows(core.book, &denied));
	CU_ASSERT(address_book_knows(core.book, &good));
	core_fini(&core);
}

static void who_is_turned_away_by_a_full_node_goes_elsewhere(void)
{
	struct core full, core;
	struct link link;
	core_init(&full, 5, "127.0.0.1:5999");
	full.settings.max_inbound = 0;
	core_start(&full);
	core_reach(&full, 2, "127.0.0.2:5999");
	core_init(&core, 6, "127.0.0.6:5999");
	core_start(&core);
	link_init(&link, &core, core_dial(&core, "127.0.0.1:5999"), &full, "127.0.0.6:40000");
	link_pass_all(&link, 1);
	CU_ASSERT(link.peers[0] == NULL && link.peers[1] == NULL);
	EXPECT_TEXT(dialled_next(&core), "127.0.0.2:5999");
	EXPECT_TEXT(dialled_next(&core), "-");
	core_fini(&full);
	core_fini(&core);
}

/* ---- one connection for a pair ---- */

/* A newcomer with the nodeid of a READY connection, seen from the end that is dialled. */
static void a_hello_with_a_nodeid_that_is_connected_is_decided_by_who_is_dialled(void)
{
	static const struct {
		int64_t age_us;
		enum peer_direction first;
		bool smaller_stays, larger_stays; /* the first, where the far end has the smaller or larger nodeid */
	} cases[] = {
		{SECOND_US, PEER_INBOUND, true, true},
		{11 * SECOND_US, PEER_INBOUND, true, true},
		{SECOND_US, PEER_OUTBOUND, false, true},
		{11 * SECOND_US, PEER_OUTBOUND, true, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases * 2; i++) {
		struct core core;
		unsigned number = i % 2 == 0 ? 2 : 9;
		bool first_stays = i % 2 == 0 ? cases[i / 2].smaller_stays : cases[i / 2].larger_stays;
		start(&core);
		struct peer *first = cases[i / 2].first == PEER_INBOUND ? core_meet(&core, number, "127.0.0.2:40000", 0)
									: core_reach(&core, number, "127.0.0.2:5999");
		core_say(&core, first, "{'msgtype': 'pong'}");
		core.now_us += cases[i / 2].age_us;
		struct peer *newcomer = core_accept(&core, "127.0.0.2:40001");
		core_say_hello(&core, newcomer, number, 5999);
		peer_ping(first, core.now_us);
		EXPECT_SENT(newcomer, first_stays ? "bye(duplicate)" : "hello addr(127.0.0.1:5999=5) getaddr ping");
		EXPECT_SENT(first, first_stays ? "ping" : "bye(duplicate)");
		core_fini(&core);
	}
}

/* The far end has answered the dial, so the dialler decides, by the same rule. */
static void a_dialler_whose_second_connection_is_answered_decides_too(void)
{
	static const struct {
		int64_t age_us;
		enum peer_direction first;
		bool smaller_stays, larger_stays;
	} cases[] = {
		{SECOND_US, PEER_INBOUND, true, false},
		{11 * SECOND_US, PEER_INBOUND, false, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases * 2; i++) {
		struct core core;
		unsigned number = i % 2 == 0 ? 2 : 9;
		bool first_stays = i % 2 == 0 ? cases[i / 2].smaller_stays : cases[i / 2].larger_stays;
		start(&core);
		struct peer *dial = core_dial(&core, "127.0.0.2:5999");
		struct peer *first = core_meet(&core, number, "127.0.0.2:40000", 0);
		take_all(dial);
		core_say(&core, first, "{'msgtype': 'pong'}");
		core.now_us += cases[i / 2].age_us;
		core_say_hello(&core, dial, number, 0);
		peer_ping(first, core.now_us);
		EXPECT_SENT(dial, first_stays ? "bye(duplicate)" : "addr(127.0.0.1:5999=5) getaddr ping");
		EXPECT_SENT(first, first_stays ? "ping" : "bye(duplicate)");
		core_end(&core, first_stays ? dial : first);
		core.now_us += 2 * core.settings.retry_max_us;
		EXPECT_TEXT(dialled_next(&core), "-");
		core_fini(&core);
	}
}

static void a_claimed_peer_is_not_pinged_while_a_ping_is_outstanding(void)
{
	struct core core;
	start(&core);
	struct peer *first = core_meet(&core, 2, "127.0.0.2:40000", 0);
	core.now_us += SECOND_US;
	core_say_hello(&core, core_accept(&core, "127.0.0.3:40000"), 2, 0);
	peer_ping(first, core.now_us);
	EXPECT_SENT(first, "");
	CU_ASSERT_EQUAL(peer_ping_deadline_us(first), core.now_us - SECOND_US + 20 * SECOND_US);
	core_fini(&core);
}

static void nobody_displaces_a_peer_by_claiming_its_nodeid(void)
{
	struct core core;
	start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	for (int i = 0; i < 5; i++) {
		core.now_us += 4 * SECOND_US;
		struct peer *stranger = core_accept(&core, "127.0.0.66:40000");
		core_say_hello(&core, stranger, 2, 6666);
		EXPECT_SENT(stranger, "bye(duplicate)");
		core_end(&core, stranger);
	}
	CU_ASSERT_FALSE(peer_is_closing(peer));
	EXPECT_TEXT(listen_of(&core, peer), "127.0.0.2:5999");
	EXPECT_TEXT(dialled_next(&core), "-");
	core_fini(&core);
}

/* Nodes 1 and 2, or 2 and 1, and a connection from each to the other. */
struct crossing {
	struct core cores[2];
	struct link links[2];
};

static void crossing_init(struct crossing *crossing, bool is_turned)
{
	static const char *const listens[] = {"127.0.0.1:5999", "127.0.0.2:5999"};
	static const char *const ports[] = {"127.0.0.1:40000", "127.0.0.2:40000"};
	struct peer *dials[2];
	for (int i = 0; i < 2; i++) {
		core_init(&crossing->cores[i], (i == 0) == is_turned ? 2 : 1, listens[i]);
		core_start(&crossing->cores[i]);
		dials[i] = core_dial(&crossing->cores[i], listens[1 - i]);
	}
	for (int i = 0; i < 2; i++)
		link_init(&crossing->links[i], &crossing->cores[i], dials[i], &crossing->cores[1 - i], ports[i]);
}

/* More than there are hellos, byes and ends of connections. */
enum { CROSSING_STEPS = 32 };

/* What nobody hears any more changes nothing, whenever it comes. */
static void pass_unheard(struct link *link, int from)
{
	const struct peer *receiver = link->peers[1 - from];
	while (link_has_line(link, from) && (receiver == NULL || peer_is_closing(receiver)))
		link_pass(link, from);
}

/*
 * Passes lines, up to a hello or a bye at each step, in the order that the choices say; options says how many there
 * were at each. Returns the number of steps.
 */
static int run_crossing(struct crossing *crossing, const int choices[static CROSSING_STEPS],
			int options[static CROSSING_STEPS])
{
	for (int step = 0;; step++) {
		int able[4], count = 0;
		for (int i = 0; i < 4; i++) {
			pass_unheard(&crossing->links[i / 2], i % 2);
			if (link_has_line(&crossing->links[i / 2], i % 2))
				able[count++] = i;
		}
		if (count == 0)
			return step;
		CU_ASSERT_FATAL(step < CROSSING_STEPS);
		options[step] = count;
		int which = able[choices[step]];
		struct link *link = &crossing->links[which / 2];
		crossing->cores[0].now_us += 10;
		crossing->cores[1].now_us = crossing->cores[0].now_us;
		while (link_has_line(link, which % 2) && !link_pass(link, which % 2))
			;
	}
}

/* The next order of steps; false after the last. */
static bool next_order(int choices[static CROSSING_STEPS], const int options[static CROSSING_STEPS], int steps)
{
	while (steps-- > 0)
		if (++choices[steps] < options[steps])
			return true;
		else
			choices[steps] = 0;
	return false;
}

/* The nodes keep the dial of the smaller nodeid alone, and know of each other. */
static bool has_kept_the_right_one(struct crossing *crossing, bool is_turned)
{
	const struct link *kept = &crossing->links[is_turned ? 1 : 0], *other = &crossing->links[is_turned ? 0 : 1];
	return kept->peers[0] != NULL && kept->peers[1] != NULL && other->peers[0] == NULL && other->peers[1] == NULL &&
	       peer_state(kept->peers[0]) == PEER_READY && peer_state(kept->peers[1]) == PEER_READY &&
	       !peer_is_closing(kept->peers[0]) && !peer_is_closing(kept->peers[1]);
}

/* Whom the nodes dial in the end, where all should be well: "-" for nobody. */
static const char *dialled_after_crossing(struct crossing *crossing)
{
	const char *dialled = "-";
	for (int i = 0; i < 2 && strcmp(dialled, "-") == 0; i++) {
		crossing->cores[i].now_us += 2 * crossing->cores[i].settings.retry_max_us;
		dialled = dialled_next(&crossing->cores[i]);
	}
	return dialled;
}

static void of_two_dials_that_cross_the_same_one_stays_at_both_ends_and_neither_is_repeated(void)
{
	for (int turn = 0; turn < 2; turn++) {
		int choices[CROSSING_STEPS] = {0}, options[CROSSING_STEPS], steps, orders = 0;
		bool is_right = true, is_calm = true;
		do {
			struct crossing crossing;
			crossing_init(&crossing, turn == 1);
			steps = run_crossing(&crossing, choices, options);
			if (is_right)
				is_right = EXPECT(has_kept_the_right_one(&crossing, turn == 1), "turn %d, order %d",
						  turn, orders);
			const char *dialled = dialled_after_crossing(&crossing);
			if (is_calm)
				is_calm = EXPECT(strcmp(dialled, "-") == 0, "turn %d, order %d: %s is dialled again",
						 turn, orders, dialled);
			core_fini(&crossing.cores[0]);
			core_fini(&crossing.cores[1]);
			orders++;
		} while (next_order(choices, options, steps));
		CU_ASSERT(orders > 50);
	}
}

static void a_duplicate_that_is_closed_is_no_departure(void)
{
	struct core core;
	start(&core);
	struct peer *first = core_reach(&core, 2, "127.0.0.2:5999");
	capture_log(LOG_INFO);
	struct peer *second = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	EXPECT_SENT(first, "bye(duplicate)");
	core_end(&core, first);
	core.now_us += 30 * SECOND_US;
	protocol_run_timers(core.protocol, core.now_us, 0);
	EXPECT_TEXT(dialled_next(&core), "-");
	const char *log = captured_log();
	EXPECT(strstr(log, ": left") == NULL && strstr(log, ": closed") == NULL && strstr(log, "failed") == NULL, "%s",
	       log);
	CU_ASSERT_FALSE(peer_is_closing(second));
	core_fini(&core);
}

static void a_duplicate_without_another_connection_is_a_departure_in_the_end(void)
{
	struct core core;
	start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	protocol_run_timers(core.protocol, core.now_us + ANNOUNCER_DELAY_US, 0);
	capture_log(LOG_INFO);
	core_say(&core, peer, "{'msgtype': 'bye', 'reason': 'duplicate'}");
	core_end(&core, peer);
	CU_ASSERT_EQUAL(protocol_run_timers(core.protocol, core.now_us, 0), core.now_us + 10 * SECOND_US);
	protocol_run_timers(core.protocol, core.now_us + 10 * SECOND_US - 1, 0);
	const char *log = captured_log();
	EXPECT_TEXT(log, "");
	int64_t after_us = redial_after_us(&core, "127.0.0.2:5999");
	EXPECT(is_back_off(after_us), "%lld", (long long)after_us);
	capture_log(LOG_INFO);
	core.now_us += 10 * SECOND_US;
	CU_ASSERT(protocol_run_timers(core.protocol, core.now_us, 0) >= core.now_us + 3600 * SECOND_US);
	log = captured_log();
	EXPECT(strstr(log, "peer 00000002 127.0.0.2:40000: left") != NULL, "%s", log);
	core_fini(&core);
}

static void a_duplicate_whose_other_connection_comes_in_time_is_no_departure(void)
{
	struct core core;
	start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	core_say(&core, peer, "{'msgtype': 'bye', 'reason': 'duplicate'}");
	core_end(&core, peer);
	core.now_us += 9 * SECOND_US;
	core_meet(&core, 2, "127.0.0.2:40001", 5999);
	capture_log(LOG_INFO);
	core.now_us += 9 * SECOND_US;
	protocol_run_timers(core.protocol, core.now_us, 0);
	EXPECT_TEXT(captured_log(), "");
	core_fini(&core);
}

static void who_is_refused_again_and_again_as_a_duplicate_is_told_of_a_double(void)
{
	enum { DIALS = 5 };
	for (int is_refused = 0; is_refused < 2; is_refused++) {
		struct core core;
		size_t told = 0, told_at = 0;
		start(&core);
		for (size_t dial = 1; dial <= DIALS; dial++) {
			capture_log(LOG_INFO);
			struct peer *peer = core_dial(&core, "127.0.0.2:5999");
			if (is_refused)
				core_say(&core, peer, "{'msgtype': 'bye', 'reason': 'duplicate'}");
			core_end(&core, peer);
			if (strstr(captured_log(), "warning dial 127.0.0.2:5999: is connected with this nodeid") !=
			    NULL) {
				told++;
				told_at = dial;
			}
			core.now_us += 600 * SECOND_US;
		}
		EXPECT(told == (is_refused ? 1 : 0) && told_at == (is_refused ? PROTOCOL_DOUBLE_FAILURES : 0),
		       "refused %d: told %zu times, at dial %zu", is_refused, told, told_at);
		core_fini(&core);
	}
}

static void very_many_departures_are_all_told_in_the_end(void)
{
	struct core core;
	size_t told = 0;
	start(&core);
	capture_log(LOG_INFO);
	for (unsigned i = 0; i < PROTOCOL_DEPARTURES + 5; i++) {
		char remote[ADDRESS_TEXT_BYTES];
		snprintf(remote, sizeof remote, "127.0.1.%u:40000", i + 1);
		struct peer *peer = core_meet(&core, 100 + i, remote, 0);
		core_say(&core, peer, "{'msgtype': 'bye', 'reason': 'duplicate'}");
		core_end(&core, peer);
	}
	core.now_us += 10 * SECOND_US;
	protocol_run_timers(core.protocol, core.now_us, 0);
	for (const char *at = captured_log(); (at = strstr(at, ": left (bye: duplicate")) != NULL; at++)
		told++;
	CU_ASSERT_EQUAL(told, PROTOCOL_DEPARTURES + 5);
	core_fini(&core);
}

/* ---- where a node listens ---- */

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
		for (; core.listen_count < CORE_LISTENS && cases[i].listen[core.listen_count] != NULL;
		     core.listen_count++)
			core.listen[core.listen_count] = address_of(cases[i].listen[core.listen_count]);
		if (cases[i].advertise != NULL)
			core.settings.advertise = address_of(cases[i].advertise);
		core_start(&core);
		struct peer_dial dial = {.address = address_of(cases[i].remote)};
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
		if (address_is_known(&advertise))
			CU_ASSERT(address_book_is_self(core.book, &advertise));
	}
	EXPECT_SENT(first, "");
	core_fini(&core);
}

/* ---- where a peer listens ---- */

/* Node 2, from 127.0.0.2:40000 or dialled at 127.0.0.2:5999, says these; where does it listen then? */
static void a_peer_says_itself_where_it_listens(void)
{
	static const struct {
		enum peer_direction direction;
		unsigned listen;
		const char *peers; /* of an addr; 2 and 3 stand for nodeids */
		const char *expected;
	} cases[] = {
		{PEER_INBOUND, 0, NULL, "-"},
		{PEER_INBOUND, 7000, NULL, "127.0.0.2:7000"},
		/* The random port of its own dial. */
		{PEER_INBOUND, 40000, NULL, "-"},
		{PEER_INBOUND, 0, "'127.0.0.2:40000'", "-"},
		{PEER_INBOUND, 0, "['127.0.0.2:40000', 2]", "-"},
		{PEER_OUTBOUND, 0, NULL, "127.0.0.2:5999"},
		{PEER_OUTBOUND, 7000, NULL, "127.0.0.2:7000"},
		{PEER_OUTBOUND, 5999, NULL, "127.0.0.2:5999"},
		{PEER_INBOUND, 0, "['127.0.0.2:7000', 2]", "127.0.0.2:7000"},
		{PEER_INBOUND, 0, "['127.0.0.9:7000', 3], ['127.0.0.2:7000', 2]", "127.0.0.2:7000"},
		{PEER_INBOUND, 6000, "['127.0.0.2:7000', 2]", "127.0.0.2:7000"},
		{PEER_OUTBOUND, 0, "['127.0.0.2:7000', 2]", "127.0.0.2:7000"},
		{PEER_INBOUND, 0, "['127.0.0.2:7000', 3]", "-"},
		/* One bare entry, while nothing is known. */
		{PEER_INBOUND, 0, "'127.0.0.2:7000'", "127.0.0.2:7000"},
		{PEER_INBOUND, 0, "'127.0.0.2:7000', '127.0.0.3:7000'", "-"},
		{PEER_INBOUND, 0, "'127.0.0.2:7000', 'no.address:7000'", "-"},
		{PEER_INBOUND, 6000, "'127.0.0.2:7000'", "127.0.0.2:6000"},
		{PEER_OUTBOUND, 0, "'127.0.0.2:7000'", "127.0.0.2:5999"},
		/* What is this node's own can't be the peer's. */
		{PEER_INBOUND, 0, "['127.0.0.1:5999', 2]", "-"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		char peers[512] = "";
		start(&core);
		struct peer *peer = cases[i].direction == PEER_INBOUND ? core_accept(&core, "127.0.0.2:40000")
								       : core_dial(&core, "127.0.0.2:5999");
		core_say_hello(&core, peer, 2, cases[i].listen);
		for (const char *from = cases[i].peers; from != NULL && *from != '\0'; from++) {
			bool is_number = (*from == '2' || *from == '3') && from[1] == ']';
			snprintf(peers + strlen(peers), sizeof peers - strlen(peers), is_number ? "'%.36s'" : "%.1s",
				 is_number ? nodeid_text(*from == '2' ? 2 : 3) : from);
		}
		if (cases[i].peers != NULL)
			core_say(&core, peer, "{'msgtype': 'addr', 'peers': [%s]}", peers);
		EXPECT(strcmp(listen_of(&core, peer), cases[i].expected) == 0, "case %zu: %s", i,
		       listen_of(&core, peer));
		core_fini(&core);
	}
}

static void where_this_node_listens_nobody_else_does(void)
{
	struct core core;
	start(&core);
	struct peer *peer = core_accept(&core, "127.0.0.1:40000");
	core_say_hello(&core, peer, 2, 5999);
	core_say(&core, peer, "{'msgtype': 'addr', 'peers': ['127.0.0.1:5999']}");
	core_say(&core, peer, "{'msgtype': 'addr', 'peers': [['127.0.0.1:5999', '%s']]}", nodeid_text(2));
	EXPECT_TEXT(listen_of(&core, peer), "-");
	core_fini(&core);
}

static void a_peer_that_moves_all_the_time_is_believed_and_not_passed_on_each_time(void)
{
	struct core core;
	int announcements = 0;
	start(&core);
	struct peer *watcher = core_meet(&core, 3, "127.0.0.3:40000", 0);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	for (unsigned port = 7000; port < 7100; port++) {
		core_say(&core, peer, "{'msgtype': 'addr', 'peers': [['127.0.0.2:%u', '%s']]}", port, nodeid_text(2));
		core.now_us += ANNOUNCER_DELAY_US;
		protocol_run_timers(core.protocol, core.now_us, 0);
		while (take_line(watcher) != NULL)
			announcements++;
	}
	EXPECT_TEXT(listen_of(&core, peer), "127.0.0.2:7099");
	EXPECT(announcements >= 1 && announcements <= 3, "%d", announcements);
	core_fini(&core);
}

static void another_node_than_was_expected_is_welcome(void)
{
	struct core core;
	start(&core);
	struct peer *teller = core_meet(&core, 2, "127.0.0.2:40000", 0);
	core_say(&core, teller, "{'msgtype': 'addr', 'peers': [['127.0.0.3:5999', '%s']]}", nodeid_text(3));
	struct peer *peer = core_dial_next(&core);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	core_say_hello(&core, peer, 4, 0);
	CU_ASSERT_EQUAL(peer_state(peer), PEER_READY);
	take_all(teller);
	core_say(&core, teller, "{'msgtype': 'getaddr'}");
	EXPECT_SENT(teller, "addr(127.0.0.3:5999=4)");
	core.now_us += 30 * SECOND_US;
	core_end(&core, peer);
	int64_t after_us = redial_after_us(&core, "127.0.0.3:5999");
	EXPECT(is_back_off(after_us), "%lld", (long long)after_us);
	core_fini(&core);
}

/* ---- addresses that are believed ---- */

static void what_is_heard_and_believed_is_dialled(void)
{
	static const struct {
		const char *local, *remote, *entry;
		bool is_believed;
	} cases[] = {
		{"127.0.0.1:5999", "127.0.0.2:9", "127.0.0.3:5999", true},
		{"127.0.0.1:5999", "127.0.0.2:9", "10.0.0.3:5999", true},
		{"127.0.0.1:5999", "127.0.0.2:9", "8.8.8.8:5999", true},
		{"[::1]:5999", "[::1]:9", "127.0.0.3:5999", true},
		{"10.0.0.1:5999", "10.0.0.2:9", "127.0.0.3:5999", false},
		{"10.0.0.1:5999", "10.0.0.2:9", "[::1]:5999", false},
		{"10.0.0.1:5999", "10.0.0.2:9", "10.0.0.3:5999", true},
		{"10.0.0.1:5999", "192.168.0.2:9", "172.16.0.3:5999", true},
		{"10.0.0.1:5999", "10.0.0.2:9", "172.32.0.3:5999", true},
		{"10.0.0.1:5999", "10.0.0.2:9", "169.254.0.3:5999", true},
		{"10.0.0.1:5999", "10.0.0.2:9", "100.64.0.3:5999", true},
		{"[fe80::1]:5999", "[fe80::2]:9", "[fe80::3]:5999", true},
		{"[fd00::1]:5999", "[fd00::2]:9", "[fd00::3]:5999", true},
		{"10.0.0.1:5999", "8.8.8.9:9", "10.0.0.3:5999", false},
		{"8.8.8.1:5999", "8.8.8.9:9", "8.8.8.8:5999", true},
		{"8.8.8.1:5999", "8.8.8.9:9", "192.168.0.3:5999", false},
		{"8.8.8.1:5999", "8.8.8.9:9", "169.254.0.3:5999", false},
		{"8.8.8.1:5999", "8.8.8.9:9", "100.127.0.3:5999", false},
		{"8.8.8.1:5999", "8.8.8.9:9", "100.128.0.3:5999", true},
		{"8.8.8.1:5999", "8.8.8.9:9", "172.31.0.3:5999", false},
		{"[2001:db8::1]:5999", "[2001:db8::2]:9", "[fe80::3]:5999", false},
		{"[2001:db8::1]:5999", "[2001:db8::2]:9", "[fd00::3]:5999", false},
		{"[2001:db8::1]:5999", "[2001:db8::2]:9", "[2001:db8::3]:5999", true},
		/* Nobody can listen there. */
		{"127.0.0.1:5999", "127.0.0.2:9", "127.0.0.3:0", false},
		{"127.0.0.1:5999", "127.0.0.2:9", "0.0.0.0:5999", false},
		{"127.0.0.1:5999", "127.0.0.2:9", "[::]:5999", false},
		{"127.0.0.1:5999", "127.0.0.2:9", "224.0.0.1:5999", false},
		{"127.0.0.1:5999", "127.0.0.2:9", "[ff02::1]:5999", false},
		{"127.0.0.1:5999", "127.0.0.2:9", "255.255.255.255:5999", false},
		{"127.0.0.1:5999", "127.0.0.2:9", "[fe80::1%eth0]:5999", false},
		{"127.0.0.1:5999", "127.0.0.2:9", "kith.example:5999", false},
		{"127.0.0.1:5999", "127.0.0.2:9", "127.0.0.3", false},
		/* The far end of the connection that it came over. */
		{"127.0.0.1:5999", "127.0.0.2:9", "127.0.0.2:9", false},
		{"127.0.0.1:5999", "127.0.0.2:9", "[::ffff:127.0.0.2]:9", false},
		/* A mapped address is what it maps to. */
		{"10.0.0.1:5999", "10.0.0.2:9", "[::ffff:127.0.0.3]:5999", false},
		{"127.0.0.1:5999", "127.0.0.2:9", "[::ffff:127.0.0.3]:5999", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		core_init(&core, 5, "0.0.0.0:5999");
		core_start(&core);
		struct peer *peer = core_connect(&core, PEER_INBOUND, NULL, cases[i].local, cases[i].remote);
		core_say_hello(&core, peer, 2, 0);
		core_say(&core, peer, "{'msgtype': 'addr', 'peers': [['%s', '%s']]}", cases[i].entry, nodeid_text(3));
		bool is_dialled = strcmp(dialled_next(&core), "-") != 0;
		EXPECT(is_dialled == cases[i].is_believed, "case %zu: %s", i, cases[i].entry);
		EXPECT(look(&core, peer).useless == !cases[i].is_believed, "case %zu: %s", i, cases[i].entry);
		EXPECT(!peer_is_closing(peer), "case %zu: %s", i, cases[i].entry);
		core_fini(&core);
	}
}

static void what_was_dialled_may_be_named_by_its_own_node(void)
{
	struct core core;
	start(&core);
	struct peer *peer = core_reach(&core, 2, "127.0.0.2:5999");
	core_say(&core, peer, "{'msgtype': 'addr', 'peers': [['127.0.0.2:5999', '%s']]}", nodeid_text(2));
	CU_ASSERT_EQUAL(look(&core, peer).useless, 0);
	EXPECT_TEXT(listen_of(&core, peer), "127.0.0.2:5999");
	core_fini(&core);
}

static void of_what_is_heard_only_the_new_is_dialled(void)
{
	struct core core;
	start(&core);
	core_meet(&core, 3, "127.0.0.3:40000", 5999);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	core_say(&core, peer,
		 "{'msgtype': 'addr', 'peers': ['127.0.0.2:5999', '127.0.0.3:5999', '127.0.0.4:5999', "
		 "'127.0.0.4:5999', ['127.0.0.8:5999', '%s'], ['127.0.0.9:5999', '%s'], ['127.0.0.6:5999', '%s']]}",
		 nodeid_text(3), nodeid_text(5), nodeid_text(6));
	EXPECT_DIALLED(&core, "127.0.0.4:5999", "127.0.0.6:5999");
	EXPECT_TEXT(dialled_next(&core), "-");
	core_fini(&core);
}

static void what_is_new_rings_the_alarm(void)
{
	struct core core;
	start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	alarm_wait_until(&core.alarm, 1);
	core_say(&core, peer, "{'msgtype': 'addr', 'peers': [['127.0.0.4:5999', '%s']]}", nodeid_text(4));
	CU_ASSERT(core.alarm.ringing);
	core_fini(&core);
}

static void an_end_rings_the_alarm_if_there_is_something_to_dial(void)
{
	struct core core;
	start(&core);
	struct peer *deaf = core_meet(&core, 2, "127.0.0.2:40000", 0);
	struct peer *listening = core_meet(&core, 3, "127.0.0.3:40000", 5999);
	struct peer *dialled = core_dial(&core, "127.0.0.4:5999");
	alarm_wait_until(&core.alarm, 1);
	core_end(&core, deaf);
	CU_ASSERT_FALSE(core.alarm.ringing);
	core_end(&core, listening);
	CU_ASSERT(core.alarm.ringing);
	alarm_wait_until(&core.alarm, 1);
	core_end(&core, dialled);
	CU_ASSERT(core.alarm.ringing);
	core_fini(&core);
}

/* ---- feelers ---- */

/* Node 2 claims an address on another host; returns the feeler. */
static struct peer *claim_elsewhere(struct core *core, struct peer *peer, const char *address)
{
	core_say(core, peer, "{'msgtype': 'addr', 'peers': [['%s', '%s']]}", address, nodeid_text(2));
	return core_dial_next(core);
}

static void an_address_on_another_host_is_proven_before_it_is_told(void)
{
	struct core core;
	start(&core);
	struct peer *other = core_meet(&core, 3, "127.0.0.3:40000", 0);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	struct peer *feeler = claim_elsewhere(&core, peer, "10.0.0.2:5999");
	CU_ASSERT_FATAL(feeler != NULL && peer_dial(feeler)->is_feeler);
	EXPECT_TEXT(address_text(peer_dial(feeler)->address), "10.0.0.2:5999");
	EXPECT_TEXT(listen_of(&core, peer), "-");
	core.now_us += ANNOUNCER_DELAY_US;
	protocol_run_timers(core.protocol, core.now_us, 0);
	core_say(&core, other, "{'msgtype': 'getaddr'}");
	EXPECT_SENT(other, "addr()");

	const char *hello = take_line(feeler);
	EXPECT(hello != NULL && strstr(hello, "\"feeler\":true") != NULL, "%s", hello);
	core_say_hello(&core, feeler, 2, 0);
	EXPECT_SENT(feeler, "bye(feeler)");
	EXPECT_TEXT(listen_of(&core, peer), "10.0.0.2:5999");
	core_end(&core, feeler);
	CU_ASSERT_FALSE(peer_is_closing(peer));
	core.now_us += ANNOUNCER_DELAY_US;
	protocol_run_timers(core.protocol, core.now_us, 0);
	EXPECT_SENT(other, "addr(10.0.0.2:5999=2)");
	EXPECT_TEXT(dialled_next(&core), "-");
	core_fini(&core);
}

static void a_claim_that_is_not_true_is_told_to_nobody(void)
{
	static const char *const answers[] = {
		"{'msgtype': 'hello', 'nodeid': '00000009-0000-4000-8000-000000000000'}",
		"{'msgtype': 'hello', 'nodeid': '00000003-0000-4000-8000-000000000000'}",
		"{'msgtype': 'hello', 'nodeid': '00000005-0000-4000-8000-000000000000'}",
		"{'msgtype': 'hello', 'nodeid': '00000002-0000-4000-8000-000000000000', 'network': 'lab'}",
		"{'msgtype': 'bye', 'reason': 'full'}",
		"[]",
		NULL,
	};
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct core core;
		start(&core);
		struct peer *other = core_meet(&core, 3, "127.0.0.3:40000", 0);
		struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
		struct peer *feeler = claim_elsewhere(&core, peer, "10.0.0.2:5999");
		CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
		if (answers[i] != NULL)
			core_say(&core, feeler, "%s", answers[i]);
		core_end(&core, feeler);
		EXPECT(strcmp(listen_of(&core, peer), "-") == 0, "case %zu", i);
		EXPECT(strcmp(listen_of(&core, other), "-") == 0, "case %zu", i);
		core.now_us += 2 * core.settings.retry_max_us;
		EXPECT(strcmp(dialled_next(&core), "-") == 0, "case %zu", i);
		core_say(&core, other, "{'msgtype': 'getaddr'}");
		EXPECT_SENT(other, "addr()");
		core_fini(&core);
	}
}

static void a_feeler_for_a_node_that_has_gone_finds_nothing(void)
{
	struct core core;
	start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	struct peer *feeler = claim_elsewhere(&core, peer, "10.0.0.2:5999");
	CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
	take_all(feeler);
	core_end(&core, peer);
	core_say_hello(&core, feeler, 2, 0);
	EXPECT_SENT(feeler, "bye(feeler)");
	core_end(&core, feeler);
	CU_ASSERT_EQUAL(registry_count(core.registry).connections, 0);
	core_fini(&core);
}

static void a_feeler_that_is_turned_away_has_failed_whatever_it_is_told(void)
{
	static const char *const byes[] = {"", "shutdown", "full", "self", "duplicate", "feeler", "boredom"};
	for (size_t i = 0; i < sizeof byes / sizeof *byes; i++) {
		struct core core;
		struct peer_dial dial;
		int64_t next_us;
		start(&core);
		core.now_us += 200 * SECOND_US;
		struct address address = address_of("127.0.0.9:5999");
		struct message_entry entry = {.address = address};
		address_book_hear(core.book, &entry, 1, &address, core.now_us);
		for (int turn = 0; turn < 2; turn++) {
			struct address_info info;
			CU_ASSERT_FATAL(
				address_book_pick(core.book, ADDRESS_BOOK_FEELERS, core.now_us, &dial, &next_us));
			CU_ASSERT(dial.is_feeler);
			struct peer *feeler =
				core_connect(&core, PEER_OUTBOUND, &dial, "127.0.0.1:40000", "127.0.0.9:5999");
			if (*byes[i] != '\0')
				core_say(&core, feeler, "{'msgtype': 'bye', 'reason': '%s'}", byes[i]);
			core_end(&core, feeler);
			CU_ASSERT_EQUAL(address_book_recent(core.book, &info, 1, core.now_us), 1);
			EXPECT(info.failures == (unsigned)turn + 1, "bye \"%s\": %u failures", byes[i], info.failures);
			core.now_us += 2 * core.settings.retry_max_us;
			if (strcmp(byes[i], "self") == 0)
				break;
		}
		core_fini(&core);
	}
}

static void one_claim_a_minute_is_proven(void)
{
	struct core core;
	start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	struct peer *feeler = claim_elsewhere(&core, peer, "10.0.0.2:5999");
	CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
	core_end(&core, feeler);
	core.now_us += 60 * SECOND_US - 1;
	CU_ASSERT_PTR_NULL(claim_elsewhere(&core, peer, "10.0.0.3:5999"));
	core.now_us += 1;
	feeler = claim_elsewhere(&core, peer, "10.0.0.3:5999");
	CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
	core_say_hello(&core, feeler, 2, 0);
	core_end(&core, feeler);
	EXPECT_TEXT(listen_of(&core, peer), "10.0.0.3:5999");
	core.now_us += 60 * SECOND_US;
	CU_ASSERT_PTR_NULL(claim_elsewhere(&core, peer, "10.0.0.3:5999"));
	core_fini(&core);
}

static void a_proven_address_gives_way_to_one_on_the_peers_own_host(void)
{
	struct core core;
	start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	struct peer *feeler = claim_elsewhere(&core, peer, "10.0.0.2:5999");
	CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
	core_say_hello(&core, feeler, 2, 0);
	core_end(&core, feeler);
	CU_ASSERT_PTR_NULL(claim_elsewhere(&core, peer, "127.0.0.2:7000"));
	EXPECT_TEXT(listen_of(&core, peer), "127.0.0.2:7000");
	core_fini(&core);
}

static void a_feeler_gets_a_hello_and_nothing_else(void)
{
	struct core core;
	start(&core);
	struct peer *other = core_meet(&core, 3, "127.0.0.3:40000", 0);
	struct peer *feeler = core_accept(&core, "127.0.0.2:40000");
	core_say(&core, feeler, "{'msgtype': 'hello', 'nodeid': '%s', 'feeler': true, 'listen': 5999}", nodeid_text(2));
	EXPECT_SENT(feeler, "hello");
	core_say(&core, feeler, "{'msgtype': 'ping'}");
	core_say(&core, feeler, "{'msgtype': 'getaddr'}");
	core_say(&core, feeler, "{'msgtype': 'addr', 'peers': ['127.0.0.9:5999']}");
	EXPECT_SENT(feeler, "");
	CU_ASSERT(peer_state(feeler) != PEER_READY);
	core.now_us += ANNOUNCER_DELAY_US;
	protocol_run_timers(core.protocol, core.now_us, 0);
	EXPECT_SENT(other, "");
	CU_ASSERT_EQUAL(registry_count(core.registry).handshakes, 1);
	core_say(&core, feeler, "{'msgtype': 'bye', 'reason': 'feeler'}");
	CU_ASSERT_EQUAL(look(&core, feeler).ending, PEER_LEFT);
	core_end(&core, feeler);
	EXPECT_TEXT(dialled_next(&core), "-");
	core_fini(&core);
}

static void a_feeler_of_a_connected_node_disturbs_nothing(void)
{
	struct core core;
	start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	core_say(&core, peer, "{'msgtype': 'pong'}");
	struct peer *feeler = core_accept(&core, "127.0.0.2:40001");
	core_say(&core, feeler, "{'msgtype': 'hello', 'nodeid': '%s', 'feeler': true}", nodeid_text(2));
	EXPECT_SENT(feeler, "hello");
	peer_ping(peer, core.now_us);
	EXPECT_SENT(peer, "");
	CU_ASSERT_FALSE(peer_is_closing(peer));
	core_fini(&core);
}

static void a_feeler_is_answered_by_a_full_node_too(void)
{
	struct core core;
	core_init(&core, 5, "127.0.0.1:5999");
	core.settings.max_inbound = 1;
	core_start(&core);
	core_meet(&core, 3, "127.0.0.3:40000", 0);
	struct peer *feeler = core_accept(&core, "127.0.0.2:40000");
	core_say(&core, feeler, "{'msgtype': 'hello', 'nodeid': '%s', 'feeler': true}", nodeid_text(2));
	EXPECT_SENT(feeler, "hello");
	core_fini(&core);
}

static void a_feeler_and_the_node_that_it_feels_part_without_a_trace(void)
{
	struct core asking, felt;
	struct link link;
	core_init(&asking, 5, "0.0.0.0:5999");
	core_init(&felt, 2, "0.0.0.0:5999");
	core_start(&asking);
	core_start(&felt);
	struct peer *peer = core_connect(&asking, PEER_INBOUND, NULL, "10.0.0.5:5999", "10.0.0.2:40000");
	core_say_hello(&asking, peer, 2, 0);
	struct peer *feeler = claim_elsewhere(&asking, peer, "8.8.8.2:5999");
	CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
	link_init(&link, &asking, feeler, &felt, "8.8.8.5:40000");
	link_pass_all(&link, 1);
	CU_ASSERT(link.peers[0] == NULL && link.peers[1] == NULL);
	EXPECT_TEXT(listen_of(&asking, peer), "8.8.8.2:5999");
	CU_ASSERT_EQUAL(registry_count(felt.registry).connections, 0);
	CU_ASSERT_EQUAL(address_book_count(felt.book), 0);
	core_fini(&asking);
	core_fini(&felt);
}

static void a_node_says_once_a_day_where_it_listens(void)
{
	struct core core;
	start(&core);
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

/* Lost and found by a feeler; returns that. */
static struct peer *find_again(struct core *core, const char *address, unsigned number)
{
	struct peer *feeler = NULL;
	for (int i = 0; i < ADDRESS_BOOK_LOST; i++) {
		core->now_us += core->settings.retry_max_us;
		feeler = core_dial_next(core);
		CU_ASSERT_FATAL(feeler != NULL && peer_dial(feeler)->is_feeler);
		EXPECT_TEXT(address_text(peer_dial(feeler)->address), address);
		if (i < ADDRESS_BOOK_LOST - 1)
			core_end(core, feeler);
	}
	core_say_hello(core, feeler, number, 0);
	return feeler;
}

/* A node that has lost its only outbound peer, at 127.0.0.2, and has another one in its place: that one. */
static struct peer *lose_one(struct core *core)
{
	core_init(core, 1, "127.0.0.1:5999");
	core->settings.max_outbound = 1;
	core_start(core);
	struct peer *lost = core_reach(core, 2, "127.0.0.2:5999");
	core->now_us += 60 * SECOND_US;
	core_end(core, lost);
	return core_reach(core, 4, "127.0.0.4:5999");
}

static void an_outbound_peer_gives_way_to_who_is_back(void)
{
	struct core core;
	struct peer *peer = lose_one(&core);
	struct peer *inbound = core_meet(&core, 5, "127.0.0.5:40000", 0);
	struct peer *feeler = find_again(&core, "127.0.0.2:5999", 2);
	CU_ASSERT(look(&core, peer).is_closing && !look(&core, inbound).is_closing);
	EXPECT_SENT(peer, "bye(full)");
	core_end(&core, feeler);
	core_end(&core, peer);
	struct peer *back = core_dial_next(&core);
	CU_ASSERT_PTR_NOT_NULL_FATAL(back);
	EXPECT_TEXT(address_text(peer_dial(back)->address), "127.0.0.2:5999");
	CU_ASSERT_FALSE(peer_dial(back)->is_feeler);
	core_fini(&core);
}

/* The next dial leads to the node with the number of its host. */
static struct peer *fill_place(struct core *core)
{
	core->now_us += 2 * SECOND_US;
	struct peer *peer = core_dial_next(core);
	CU_ASSERT_FATAL(peer != NULL && !peer_dial(peer)->is_feeler);
	core_say_hello(core, peer, peer_dial(peer)->address.host[3], 0);
	CU_ASSERT_EQUAL(peer_state(peer), PEER_READY);
	return peer;
}

static void nobody_gives_way_to_who_is_a_peer_already(void)
{
	struct core core;
	struct peer *peer = lose_one(&core);
	core_end(&core, find_again(&core, "127.0.0.2:5999", 4));
	CU_ASSERT_FALSE(look(&core, peer).is_closing);
	core_fini(&core);
}

/* Who is found first says to the feeler that he is this one. */
static void find_two_again(unsigned number)
{
	struct core core;
	core_init(&core, 1, "127.0.0.1:5999");
	core.settings.max_outbound = 2;
	core_start(&core);
	struct peer *lost = core_reach(&core, 2, "127.0.0.2:5999");
	struct peer *one = core_reach(&core, 3, "127.0.0.3:5999");
	core.now_us += 60 * SECOND_US;
	core_end(&core, lost);
	struct peer *other = core_reach(&core, 4, "127.0.0.4:5999");
	core_end(&core, find_again(&core, "127.0.0.2:5999", number));
	bool is_one = look(&core, one).is_closing;
	CU_ASSERT(look(&core, other).is_closing == !is_one);
	core_end(&core, is_one ? one : other);
	struct peer *back = fill_place(&core);
	EXPECT_TEXT(address_text(peer_dial(back)->address), "127.0.0.2:5999");
	core.now_us += 60 * SECOND_US;
	core_end(&core, is_one ? other : one);
	struct peer *third = fill_place(&core);
	core_end(&core, find_again(&core, is_one ? "127.0.0.4:5999" : "127.0.0.3:5999", is_one ? 4 : 3));
	EXPECT(look(&core, back).is_closing && !look(&core, third).is_closing, "as %u", number);
	core_fini(&core);
}

/* Else who makes his addresses fail and answer in turn would have all places in the end; by whatever nodeids. */
static void who_is_back_gives_way_to_the_next(void)
{
	find_two_again(2);
	find_two_again(77);
}

static void who_comes_and_goes_all_the_time_gets_so_many_lines(void)
{
	enum { COMERS = PROTOCOL_COMERS_BURST };
	struct core core;
	start(&core);
	capture_log(LOG_INFO);
	for (unsigned i = 0; i < COMERS; i++)
		core_end(&core, core_meet(&core, 2, "127.0.0.2:40000", 0));
	/* Half of them, with a line for each coming and each going. */
	size_t lines = count_lines(captured_log());
	EXPECT(lines == PROTOCOL_COMERS_BURST, "%zu lines", lines);
	capture_log(LOG_INFO);
	core.now_us += SECOND_US;
	core_end(&core, core_meet(&core, 2, "127.0.0.2:40000", 0));
	const char *log = captured_log(), *text = strstr(log, "4000 lines like the next one were left out\n");
	EXPECT(text != NULL && count_lines(log) == 3, "%s", log);
	/* Of those that this node has dialled there is always one. */
	capture_log(LOG_INFO);
	for (unsigned i = 0; i < COMERS; i++)
		core_end(&core, core_meet(&core, 2, "127.0.0.2:40000", 0));
	(void)captured_log();
	capture_log(LOG_INFO);
	core_reach(&core, 3, "127.0.0.3:5999");
	log = captured_log();
	EXPECT(strstr(log, "127.0.0.3:5999: ready") != NULL, "%s", log);
	core_fini(&core);
}

static CU_TestInfo tests[] = {
	{"who dials says hello first", who_dials_says_hello_first},
	{"nobody gives way to who is a peer already", nobody_gives_way_to_who_is_a_peer_already},
	{"who comes and goes all the time gets so many lines", who_comes_and_goes_all_the_time_gets_so_many_lines},
	{"a hello is answered by a hello, then come address, question and ping",
	 a_hello_is_answered_by_a_hello_then_come_address_question_and_ping},
	{"two nodes know each other after the handshake", two_nodes_know_each_other_after_the_handshake},
	{"before the handshake little is heard", before_the_handshake_little_is_heard},
	{"a full node may name others before the handshake, but once",
	 a_full_node_may_name_others_before_the_handshake_but_once},
	{"what a message does once the handshake is done", what_a_message_does_once_the_handshake_is_done},
	{"answers come in the order of the questions", answers_come_in_the_order_of_the_questions},
	{"a pong tells the round trip and another is ignored", a_pong_tells_the_round_trip_and_another_is_ignored},
	{"a protocol error ends its connection and no other", a_protocol_error_ends_its_connection_and_no_other},
	{"a second hello is a protocol error", a_second_hello_is_a_protocol_error},
	{"another network is turned away", another_network_is_turned_away},
	{"another version is welcome", another_version_is_welcome},
	{"who is dialled by itself says so and remembers nothing",
	 who_is_dialled_by_itself_says_so_and_remembers_nothing},
	{"an address where a node meets itself is not dialled again",
	 an_address_where_a_node_meets_itself_is_not_dialled_again},
	{"a node never dials where it listens", a_node_never_dials_where_it_listens},
	{"a peer that says bye has left", a_peer_that_says_bye_has_left},
	{"a peer that goes is dialled again after a back-off", a_peer_that_goes_is_dialled_again_after_a_back_off},
	{"a dial that is turned away is repeated after a back-off",
	 a_dial_that_is_turned_away_is_repeated_after_a_back_off},
	{"the end of a peer is logged once with its reason", the_end_of_a_peer_is_logged_once_with_its_reason},
	{"why an address failed is kept in words", why_an_address_failed_is_kept_in_words},
	{"the error of an address is kept until it is reached again",
	 the_error_of_an_address_is_kept_until_it_is_reached_again},
	{"of what is told unasked so much is heard", of_what_is_told_unasked_so_much_is_heard},
	{"before it is asked a peer has the burst alone", before_it_is_asked_a_peer_has_the_burst_alone},
	{"after a sleep all peers are pinged", after_a_sleep_all_peers_are_pinged},
	{"a ping that was outstanding in a sleep is not repeated",
	 a_ping_that_was_outstanding_in_a_sleep_is_not_repeated},
	{"getaddr is answered with those who are connected and alive",
	 getaddr_is_answered_with_those_who_are_connected_and_alive},
	{"who was silent for too long is not told to others", who_was_silent_for_too_long_is_not_told_to_others},
	{"an address is told only where it means something", an_address_is_told_only_where_it_means_something},
	{"an answer names at most a thousand", an_answer_names_at_most_a_thousand},
	{"a full node says where else to go", a_full_node_says_where_else_to_go},
	{"a full node makes room for a newcomer", a_full_node_makes_room_for_a_newcomer},
	{"a host that errs again and again is banned", a_host_that_errs_again_and_again_is_banned},
	{"bans of many hosts get so many lines", bans_of_many_hosts_get_so_many_lines},
	{"who is dialled is not banned", who_is_dialled_is_not_banned},
	{"what the lists leave out is not believed", what_the_lists_leave_out_is_not_believed},
	{"who is turned away by a full node goes elsewhere", who_is_turned_away_by_a_full_node_goes_elsewhere},
	{"a hello with a nodeid that is connected is decided by who is dialled",
	 a_hello_with_a_nodeid_that_is_connected_is_decided_by_who_is_dialled},
	{"a dialler whose second connection is answered decides too",
	 a_dialler_whose_second_connection_is_answered_decides_too},
	{"a claimed peer is not pinged while a ping is outstanding",
	 a_claimed_peer_is_not_pinged_while_a_ping_is_outstanding},
	{"nobody displaces a peer by claiming its nodeid", nobody_displaces_a_peer_by_claiming_its_nodeid},
	{"of two dials that cross, the same one stays at both ends, and neither is repeated",
	 of_two_dials_that_cross_the_same_one_stays_at_both_ends_and_neither_is_repeated},
	{"a duplicate that is closed is no departure", a_duplicate_that_is_closed_is_no_departure},
	{"a duplicate without another connection is a departure in the end",
	 a_duplicate_without_another_connection_is_a_departure_in_the_end},
	{"a duplicate whose other connection comes in time is no departure",
	 a_duplicate_whose_other_connection_comes_in_time_is_no_departure},
	{"who is refused again and again as a duplicate is told of a double",
	 who_is_refused_again_and_again_as_a_duplicate_is_told_of_a_double},
	{"very many departures are all told in the end", very_many_departures_are_all_told_in_the_end},
	{"a node tells the address where the far end can dial it",
	 a_node_tells_the_address_where_the_far_end_can_dial_it},
	{"a node introduces itself anew to those who come later",
	 a_node_introduces_itself_anew_to_those_who_come_later},
	{"a peer says itself where it listens", a_peer_says_itself_where_it_listens},
	{"where this node listens nobody else does", where_this_node_listens_nobody_else_does},
	{"a peer that moves all the time is believed, and not passed on each time",
	 a_peer_that_moves_all_the_time_is_believed_and_not_passed_on_each_time},
	{"another node than was expected is welcome", another_node_than_was_expected_is_welcome},
	{"what is heard and believed is dialled", what_is_heard_and_believed_is_dialled},
	{"what was dialled may be named by its own node", what_was_dialled_may_be_named_by_its_own_node},
	{"of what is heard only the new is dialled", of_what_is_heard_only_the_new_is_dialled},
	{"what is new rings the alarm", what_is_new_rings_the_alarm},
	{"an end rings the alarm if there is something to dial", an_end_rings_the_alarm_if_there_is_something_to_dial},
	{"an address on another host is proven before it is told",
	 an_address_on_another_host_is_proven_before_it_is_told},
	{"a claim that is not true is told to nobody", a_claim_that_is_not_true_is_told_to_nobody},
	{"a feeler for a node that has gone finds nothing", a_feeler_for_a_node_that_has_gone_finds_nothing},
	{"a feeler that is turned away has failed, whatever it is told",
	 a_feeler_that_is_turned_away_has_failed_whatever_it_is_told},
	{"one claim a minute is proven", one_claim_a_minute_is_proven},
	{"a proven address gives way to one on the peer's own host",
	 a_proven_address_gives_way_to_one_on_the_peers_own_host},
	{"a feeler gets a hello and nothing else", a_feeler_gets_a_hello_and_nothing_else},
	{"a feeler of a connected node disturbs nothing", a_feeler_of_a_connected_node_disturbs_nothing},
	{"a feeler is answered by a full node too", a_feeler_is_answered_by_a_full_node_too},
	{"a feeler and the node that it feels part without a trace",
	 a_feeler_and_the_node_that_it_feels_part_without_a_trace},
	{"a node says once a day where it listens", a_node_says_once_a_day_where_it_listens},
	{"who is back gives way to the next", who_is_back_gives_way_to_the_next},
	{"an outbound peer gives way to who is back", an_outbound_peer_gives_way_to_who_is_back},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_protocol = {
	.pName = "protocol", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
