#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "talk/announcer.h"
#include "talk/protocol.h"
#include "unit/core.h"
#include "unit/suites.h"
#include "unit/talk/five.h"

/* Tells of so many addresses in one message; how many of these were dropped. */
static size_t tell_many(struct core *core, struct peer *peer, unsigned count)
{
	static char words[64 * 1024];
	static unsigned number;
	int64_t before = five_look(core, peer).useless;
	size_t used = 0;
	for (unsigned i = 0; i < count; i++, number++)
		used += (size_t)snprintf(words + used, sizeof words - used, "%s['127.%u.%u.1:5999', '%s']",
					 i == 0 ? "" : ", ", number / 250 % 250 + 1, number % 250, nodeid_text(9999));
	core_say(core, peer, "{'msgtype': 'addr', 'peers': [%s]}", words);
	return (size_t)(five_look(core, peer).useless - before);
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
	five_start(&core);
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
	five_start(&core);
	struct peer *peer = core_dial(&core, "127.0.0.2:5999");
	CU_ASSERT_EQUAL(tell_many(&core, peer, 600), 0);
	core_say_hello(&core, peer, 2, 0);
	CU_ASSERT_EQUAL(tell_many(&core, peer, 1000), 0);
	CU_ASSERT_EQUAL(tell_many(&core, peer, 1000), 600);
	core_fini(&core);
}

static void what_the_lists_leave_out_is_not_believed(void)
{
	struct core core;
	struct problem problem;
	core_init(&core, 5, "10.0.0.1:5999");
	CU_ASSERT(settings_set_option(&core.settings, "deny=10.0.9.0/24", &problem));
	core_start(&core);
	struct peer *peer = core_meet(&core, 3, "10.0.0.3:40000", 0);
	core_say(&core, peer, "{'msgtype': 'addr', 'peers': ['10.0.9.1:1', '10.0.8.1:1']}");
	struct address_info infos[3];
	CU_ASSERT_EQUAL_FATAL(address_book_recent(core.book, infos, 3, core.now_us), 1);
	EXPECT_TEXT(address_text(infos[0].address), "10.0.8.1:1");
	core_fini(&core);
}

/* Node 2, from 127.0.0.2:40000 or dialled at 127.0.0.2:5999, says these; where do feelers find it then? */
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
		five_start(&core);
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
		/* Nobody else has looked yet. */
		const char *before = cases[i].direction == PEER_INBOUND ? "-" : "127.0.0.2:5999";
		EXPECT(strcmp(five_listen_of(&core, peer), before) == 0, "case %zu: before", i);
		five_prove(&core, 2);
		EXPECT(strcmp(five_listen_of(&core, peer), cases[i].expected) == 0, "case %zu: %s", i,
		       five_listen_of(&core, peer));
		core_fini(&core);
	}
}

static void where_this_node_listens_nobody_else_does(void)
{
	struct core core;
	five_start(&core);
	struct peer *peer = core_accept(&core, "127.0.0.1:40000");
	core_say_hello(&core, peer, 2, 5999);
	core_say(&core, peer, "{'msgtype': 'addr', 'peers': ['127.0.0.1:5999']}");
	core_say(&core, peer, "{'msgtype': 'addr', 'peers': [['127.0.0.1:5999', '%s']]}", nodeid_text(2));
	EXPECT_TEXT(five_listen_of(&core, peer), "-");
	core_fini(&core);
}

static void a_peer_that_moves_all_the_time_is_not_looked_for_each_time(void)
{
	struct core core;
	int announcements = 0;
	five_start(&core);
	struct peer *watcher = core_meet(&core, 3, "127.0.0.3:40000", 0);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	for (unsigned port = 7000; port < 7100; port++) {
		core_say(&core, peer, "{'msgtype': 'addr', 'peers': [['127.0.0.2:%u', '%s']]}", port, nodeid_text(2));
		five_prove(&core, 2);
		core.now_us += ANNOUNCER_DELAY_US;
		protocol_run_timers(core.protocol, core.now_us, 0);
		while (take_line(watcher) != NULL)
			announcements++;
	}
	EXPECT_TEXT(five_listen_of(&core, peer), "127.0.0.2:7001");
	EXPECT(announcements >= 1 && announcements <= 3, "%d", announcements);
	core_fini(&core);
}

static void another_node_than_was_expected_is_welcome(void)
{
	struct core core;
	five_start(&core);
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
	int64_t after_us = five_redial_after_us(&core, "127.0.0.3:5999");
	EXPECT(five_is_back_off(after_us), "%lld", (long long)after_us);
	core_fini(&core);
}

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
		bool is_dialled = strcmp(five_dials_next(&core), "-") != 0;
		EXPECT(is_dialled == cases[i].is_believed, "case %zu: %s", i, cases[i].entry);
		EXPECT(five_look(&core, peer).useless == !cases[i].is_believed, "case %zu: %s", i, cases[i].entry);
		EXPECT(!peer_is_closing(peer), "case %zu: %s", i, cases[i].entry);
		core_fini(&core);
	}
}

static void what_was_dialled_may_be_named_by_its_own_node(void)
{
	struct core core;
	five_start(&core);
	struct peer *peer = core_reach(&core, 2, "127.0.0.2:5999");
	core_say(&core, peer, "{'msgtype': 'addr', 'peers': [['127.0.0.2:5999', '%s']]}", nodeid_text(2));
	CU_ASSERT_EQUAL(five_look(&core, peer).useless, 0);
	EXPECT_TEXT(five_listen_of(&core, peer), "127.0.0.2:5999");
	core_fini(&core);
}

static void of_what_is_heard_only_the_new_is_dialled(void)
{
	struct core core;
	five_start(&core);
	core_meet(&core, 3, "127.0.0.3:40000", 5999);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	core_say(&core, peer,
		 "{'msgtype': 'addr', 'peers': ['127.0.0.2:5999', '127.0.0.3:5999', '127.0.0.4:5999', "
		 "'127.0.0.4:5999', ['127.0.0.8:5999', '%s'], ['127.0.0.9:5999', '%s'], ['127.0.0.6:5999', '%s']]}",
		 nodeid_text(3), nodeid_text(5), nodeid_text(6));
	EXPECT_DIALLED(&core, "127.0.0.4:5999", "127.0.0.6:5999");
	EXPECT_TEXT(five_dials_next(&core), "-");
	core_fini(&core);
}

static void what_is_new_rings_the_alarm(void)
{
	struct core core;
	five_start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	alarm_wait_until(&core.alarm, 1);
	core_say(&core, peer, "{'msgtype': 'addr', 'peers': [['127.0.0.4:5999', '%s']]}", nodeid_text(4));
	CU_ASSERT(core.alarm.ringing);
	core_fini(&core);
}

/* Node 2 claims an address on another host; returns the feeler. */
static struct peer *claim_elsewhere(struct core *core, struct peer *peer, const char *address)
{
	core_say(core, peer, "{'msgtype': 'addr', 'peers': [['%s', '%s']]}", address, nodeid_text(2));
	return core_dial_next(core);
}

static void an_address_on_another_host_is_proven_before_it_is_told(void)
{
	struct core core;
	five_start(&core);
	struct peer *other = core_meet(&core, 3, "127.0.0.3:40000", 0);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	struct peer *feeler = claim_elsewhere(&core, peer, "10.0.0.2:5999");
	CU_ASSERT_FATAL(feeler != NULL && dial_is_feeler(peer_dial(feeler)));
	EXPECT_TEXT(address_text(peer_dial(feeler)->address), "10.0.0.2:5999");
	EXPECT_TEXT(five_listen_of(&core, peer), "-");
	core.now_us += ANNOUNCER_DELAY_US;
	protocol_run_timers(core.protocol, core.now_us, 0);
	core_say(&core, other, "{'msgtype': 'getaddr'}");
	EXPECT_SENT(other, "addr()");

	const char *hello = take_line(feeler);
	EXPECT(hello != NULL && strstr(hello, "\"feeler\":true") != NULL, "%s", hello);
	core_say_hello(&core, feeler, 2, 0);
	EXPECT_SENT(feeler, "bye(feeler)");
	EXPECT_TEXT(five_listen_of(&core, peer), "10.0.0.2:5999");
	core_end(&core, feeler);
	CU_ASSERT_FALSE(peer_is_closing(peer));
	core.now_us += ANNOUNCER_DELAY_US;
	protocol_run_timers(core.protocol, core.now_us, 0);
	EXPECT_SENT(other, "addr(10.0.0.2:5999=2)");
	EXPECT_TEXT(five_dials_next(&core), "-");
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
		five_start(&core);
		struct peer *other = core_meet(&core, 3, "127.0.0.3:40000", 0);
		struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
		struct peer *feeler = claim_elsewhere(&core, peer, "10.0.0.2:5999");
		CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
		if (answers[i] != NULL)
			core_say(&core, feeler, "%s", answers[i]);
		core_end(&core, feeler);
		EXPECT(strcmp(five_listen_of(&core, peer), "-") == 0, "case %zu", i);
		EXPECT(strcmp(five_listen_of(&core, other), "-") == 0, "case %zu", i);
		core.now_us += 2 * core.settings.retry_max_us;
		/* It is looked for again, unless this node has met itself there. */
		struct peer *again = core_dial_next(&core);
		EXPECT(again == NULL ? i == 2 : peer_dial(again)->kind == DIAL_PROOF_CLAIM, "case %zu", i);
		core_say(&core, other, "{'msgtype': 'getaddr'}");
		EXPECT_SENT(other, "addr()");
		core_fini(&core);
	}
}

static void a_feeler_for_a_node_that_has_gone_finds_nothing(void)
{
	struct core core;
	five_start(&core);
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
		five_start(&core);
		core.now_us += 200 * SECOND_US;
		struct address address = address_of("127.0.0.9:5999");
		struct message_entry entry = {.address = address};
		address_book_hear(core.book, &entry, 1, &address, core.now_us);
		for (int turn = 0; turn < 2; turn++) {
			struct address_info info;
			struct next_dial next = address_book_pick(core.book, ADDRESS_BOOK_FEELERS, core.now_us);
			CU_ASSERT_FATAL(next.is_due && dial_is_feeler(&next.dial));
			struct peer *feeler =
				core_connect(&core, PEER_OUTBOUND, &next.dial, "127.0.0.1:40000", "127.0.0.9:5999");
			if (*byes[i] != '\0')
				core_say(&core, feeler, "{'msgtype': 'bye', 'reason': '%s'}", byes[i]);
			core_end(&core, feeler);
			CU_ASSERT_EQUAL(address_book_recent(core.book, &info, 1, core.now_us), 1);
			EXPECT(info.failures == (unsigned)turn + 1, "bye \"%s\": %u failures", byes[i], info.failures);
			core.now_us += 2 * ADDRESS_BOOK_FEELER_US;
			if (strcmp(byes[i], "self") == 0)
				break;
		}
		core_fini(&core);
	}
}

static void after_two_claims_one_a_minute_is_proven(void)
{
	struct core core;
	five_start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	for (unsigned i = 1; i <= 3; i++) {
		char text[ADDRESS_TEXT_BYTES];
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		struct peer *feeler = claim_elsewhere(&core, peer, text);
		CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
		core_say_hello(&core, feeler, 2, 0);
		core_end(&core, feeler);
		EXPECT_TEXT(five_listen_of(&core, peer), text);
		/* Nothing is new. */
		CU_ASSERT_PTR_NULL(claim_elsewhere(&core, peer, text));
	}
	core.now_us += 60 * SECOND_US - 1;
	CU_ASSERT_PTR_NULL(claim_elsewhere(&core, peer, "10.0.0.4:5999"));
	core.now_us += 1;
	CU_ASSERT_PTR_NOT_NULL(claim_elsewhere(&core, peer, "10.0.0.4:5999"));
	core_fini(&core);
}

static void a_proven_address_gives_way_to_one_that_is_proven_later(void)
{
	struct core core;
	five_start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
	struct peer *feeler = claim_elsewhere(&core, peer, "10.0.0.2:5999");
	CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
	core_say_hello(&core, feeler, 2, 0);
	core_end(&core, feeler);
	CU_ASSERT_PTR_NOT_NULL_FATAL(feeler = claim_elsewhere(&core, peer, "127.0.0.2:7000"));
	EXPECT_TEXT(five_listen_of(&core, peer), "10.0.0.2:5999");
	core_say_hello(&core, feeler, 2, 0);
	EXPECT_TEXT(five_listen_of(&core, peer), "127.0.0.2:7000");
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
	EXPECT_TEXT(five_listen_of(&asking, peer), "8.8.8.2:5999");
	CU_ASSERT_EQUAL(registry_count(felt.registry).connections, 0);
	CU_ASSERT_EQUAL(address_book_count(felt.book), 0);
	core_fini(&asking);
	core_fini(&felt);
}

/* A hundred entries of hosts that differ for each number. */
static const char *hundred_public(unsigned first)
{
	static char words[100 * 32];
	size_t used = 0;
	for (unsigned i = first; i < first + 100; i++)
		used += (size_t)snprintf(words + used, sizeof words - used, "%s'9.%u.%u.%u:1'", i == first ? "" : ", ",
					 i / 40000, i / 200 % 200, 1 + i % 200);
	return words;
}

/* A public host has what 16 connections may tell, each of which would begin with a burst. */
static void a_host_that_comes_again_tells_no_more(void)
{
	enum { OF_A_HOST = 16000, CONNECTIONS = 40, EACH = 1000 };
	struct core core;
	size_t heard = 0;
	core_init(&core, 1, "0.0.0.0:5999");
	core_start(&core);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct peer *peer = core_connect(&core, PEER_INBOUND, NULL, "8.8.8.1:5999", "8.8.8.2:40000");
		core_say_hello(&core, peer, 2, 0);
		for (unsigned j = 0; j < EACH; j += 100)
			core_say(&core, peer, "{'msgtype': 'addr', 'peers': [%s]}", hundred_public(i * EACH + j));
		heard += EACH - (size_t)five_look(&core, peer).useless;
		core_end(&core, peer);
	}
	EXPECT(heard == OF_A_HOST, "%zu", heard);
	struct peer *other = core_connect(&core, PEER_INBOUND, NULL, "8.8.8.1:5999", "8.8.9.2:40000");
	core_say_hello(&core, other, 3, 0);
	core_say(&core, other, "{'msgtype': 'addr', 'peers': [%s]}", hundred_public(CONNECTIONS * EACH));
	CU_ASSERT_EQUAL(five_look(&core, other).useless, 0);
	core_fini(&core);
}

static CU_TestInfo tests[] = {
	{"of what is told unasked so much is heard", of_what_is_told_unasked_so_much_is_heard},
	{"before it is asked a peer has the burst alone", before_it_is_asked_a_peer_has_the_burst_alone},
	{"a host that comes again tells no more", a_host_that_comes_again_tells_no_more},
	{"what the lists leave out is not believed", what_the_lists_leave_out_is_not_believed},
	{"a peer says itself where it listens", a_peer_says_itself_where_it_listens},
	{"where this node listens nobody else does", where_this_node_listens_nobody_else_does},
	{"a peer that moves all the time is not looked for each time",
	 a_peer_that_moves_all_the_time_is_not_looked_for_each_time},
	{"another node than was expected is welcome", another_node_than_was_expected_is_welcome},
	{"what is heard and believed is dialled", what_is_heard_and_believed_is_dialled},
	{"what was dialled may be named by its own node", what_was_dialled_may_be_named_by_its_own_node},
	{"of what is heard only the new is dialled", of_what_is_heard_only_the_new_is_dialled},
	{"what is new rings the alarm", what_is_new_rings_the_alarm},
	{"an address on another host is proven before it is told",
	 an_address_on_another_host_is_proven_before_it_is_told},
	{"a claim that is not true is told to nobody", a_claim_that_is_not_true_is_told_to_nobody},
	{"a feeler for a node that has gone finds nothing", a_feeler_for_a_node_that_has_gone_finds_nothing},
	{"a feeler that is turned away has failed, whatever it is told",
	 a_feeler_that_is_turned_away_has_failed_whatever_it_is_told},
	{"after two claims one a minute is proven", after_two_claims_one_a_minute_is_proven},
	{"a proven address gives way to one that is proven later",
	 a_proven_address_gives_way_to_one_that_is_proven_later},
	{"a feeler and the node that it feels part without a trace",
	 a_feeler_and_the_node_that_it_feels_part_without_a_trace},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_hearsay = {
	.pName = "hearsay", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
