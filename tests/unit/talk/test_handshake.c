#include <errno.h>
#include <string.h>

#include "runner.h"
#include "talk/announcer.h"
#include "talk/protocol.h"
#include "unit/core.h"
#include "unit/suites.h"
#include "unit/talk/five.h"

static void who_dials_says_hello_first(void)
{
	struct core core;
	five_start(&core);
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
	five_start(&core);
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
	struct peer_info at_one = five_look(&one, link.peers[0]), at_two = five_look(&two, link.peers[1]);
	CU_ASSERT(at_one.state == PEER_READY && at_two.state == PEER_READY);
	CU_ASSERT(nodeid_equals(&at_one.nodeid, &two.self) && nodeid_equals(&at_two.nodeid, &one.self));
	CU_ASSERT_STRING_EQUAL(at_one.name, "node 2");
	EXPECT_TEXT(address_text(at_one.listen), "127.0.0.2:5999");
	EXPECT_TEXT(address_text(at_two.listen), "-");
	EXPECT_TEXT(address_text(at_two.claim), "127.0.0.1:5999");
	core_prove(&two, link.peers[1], 1);
	EXPECT_TEXT(five_listen_of(&two, link.peers[1]), "127.0.0.1:5999");
	CU_ASSERT(at_one.rtt_us == 0 && at_two.rtt_us == 0);
	CU_ASSERT(at_one.ignored == 0 && at_two.ignored == 0 && at_one.useless == 0 && at_two.useless == 0);
	CU_ASSERT_PTR_NULL(core_dial_next(&one));
	CU_ASSERT_PTR_NULL(core_dial_next(&two));
	core_fini(&one);
	core_fini(&two);
}

static void a_full_node_may_name_others_before_the_handshake_but_once(void)
{
	struct core core;
	five_start(&core);
	struct peer *in = core_accept(&core, "127.0.0.2:40000"), *out = core_dial(&core, "127.0.0.3:5999");
	core_say(&core, in, "{'msgtype': 'addr', 'peers': ['127.0.0.4:5999']}");
	EXPECT_TEXT(five_dials_next(&core), "-");
	core_say(&core, out, "{'msgtype': 'addr', 'peers': ['127.0.0.5:5999', '127.0.0.6:5999']}");
	EXPECT_DIALLED(&core, "127.0.0.5:5999", "127.0.0.6:5999");
	core_say(&core, out, "{'msgtype': 'addr', 'peers': ['127.0.0.7:5999']}");
	EXPECT_TEXT(five_dials_next(&core), "-");
	CU_ASSERT_EQUAL(five_look(&core, out).ignored, 1);
	core_say_hello(&core, out, 3, 0);
	CU_ASSERT_EQUAL(peer_state(out), PEER_READY);
	core_fini(&core);
}

static void a_second_hello_is_a_protocol_error(void)
{
	struct core core;
	five_start(&core);
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
	five_start(&core);
	struct peer *in = core_accept(&core, "127.0.0.2:40000");
	core_say(&core, in, "{'msgtype': 'hello', 'nodeid': '%s', 'version': 99, 'shoe': 43}", nodeid_text(2));
	CU_ASSERT_EQUAL(peer_state(in), PEER_READY);
	core_fini(&core);
}

static void who_is_dialled_by_itself_says_so_and_remembers_nothing(void)
{
	struct core core;
	struct address remote = address_of("127.0.0.1:40000"), listen = address_of("127.0.0.1:7000");
	five_start(&core);
	struct peer *in = core_accept(&core, "127.0.0.1:40000");
	core_say_hello(&core, in, 5, 7000);
	EXPECT_SENT(in, "bye(self)");
	core_end(&core, in);
	CU_ASSERT_FALSE(address_book_is_self(core.book, &remote));
	CU_ASSERT_FALSE(address_book_is_self(core.book, &listen));
	CU_ASSERT_EQUAL(address_book_count(core.book), 0);
	core_fini(&core);
}

/*
 * A dial that leads to this node itself shows at both ends. Somebody on the path can lead it here too, but not from
 * where it was made: that says nothing about the address.
 */
static void an_address_where_a_node_meets_itself_is_not_dialled_again(void)
{
	static const char *const answers[] = {
		"{'msgtype': 'bye', 'reason': 'self'}",
		"{'msgtype': 'hello', 'nodeid': '00000005-0000-4000-8000-000000000000'}",
	};
	static const struct {
		const char
			*accepted_from; /* a connection of a node with this nodeid; core_dial dials from port 40000 */
		bool is_self;
	} cases[] = {{"127.0.0.1:40000", true}, {"127.0.0.1:40001", false}, {"127.0.0.9:40000", false}};
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		struct core core;
		const char *answer = answers[i % 2];
		five_start(&core);
		struct peer *out = core_dial(&core, "127.0.0.9:5999");
		struct peer *in = core_accept(&core, cases[i / 2].accepted_from);
		take_all(out);
		core_say_hello(&core, in, 5, 5999);
		core_end(&core, in);
		core_say(&core, out, "%s", answer);
		EXPECT_SENT(out, i % 2 == 0 ? "" : "bye(self)");
		CU_ASSERT_EQUAL(five_look(&core, out).reason, BYE_SELF);
		core_end(&core, out);
		int64_t after_us = five_redial_after_us(&core, "127.0.0.9:5999");
		EXPECT(cases[i / 2].is_self ? after_us == FOREVER_US : five_is_back_off(after_us), "from %s, %s: %lld",
		       cases[i / 2].accepted_from, answer, (long long)after_us);
		core_fini(&core);
	}
}

static void a_node_never_dials_where_it_listens(void)
{
	struct core core;
	core_init(&core, 5, "127.0.0.1:5999");
	core.settings.texts->advertise = address_of("8.8.8.8:5999");
	core_listen(&core, "127.0.0.7:6000");
	core_start(&core);
	struct peer *teller = core_meet(&core, 2, "127.0.0.2:40000", 0);
	core_say(&core, teller, "{'msgtype': 'addr', 'peers': ['127.0.0.1:5999', '127.0.0.7:6000', '8.8.8.8:5999']}");
	core_say(&core, teller, "{'msgtype': 'addr', 'peers': [['127.0.0.8:5999', '%s'], '127.0.0.9:5999']}",
		 nodeid_text(5));
	EXPECT_TEXT(five_dials_next(&core), "127.0.0.9:5999");
	EXPECT_TEXT(five_dials_next(&core), "-");
	core_fini(&core);
}

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
	EXPECT_TEXT(five_dials_next(&core), "127.0.0.2:5999");
	EXPECT_TEXT(five_dials_next(&core), "-");
	core_fini(&full);
	core_fini(&core);
}

/*
 * What becomes of a second connection with the nodeid of node 2 or 9, at node 5: kith-protocol(7), "One connection for
 * a pair". The first one is with 127.0.0.2.
 */
static void a_second_connection_with_a_nodeid_is_judged_by_what_has_been_shown(void)
{
	enum goes { FIRST, SECOND };
	static const struct {
		enum peer_direction first;
		bool is_established;
		enum peer_direction second;
		bool is_from_elsewhere;
		enum goes smaller, larger; /* where the far end has the smaller or larger nodeid */
	} cases[] = {
		{PEER_INBOUND, true, PEER_INBOUND, false, SECOND, SECOND},
		{PEER_INBOUND, true, PEER_OUTBOUND, false, SECOND, SECOND},
		{PEER_INBOUND, true, PEER_OUTBOUND, true, SECOND, SECOND},
		{PEER_OUTBOUND, true, PEER_INBOUND, false, SECOND, SECOND},
		{PEER_OUTBOUND, true, PEER_INBOUND, true, SECOND, SECOND},
		{PEER_OUTBOUND, true, PEER_OUTBOUND, true, SECOND, SECOND},
		{PEER_INBOUND, false, PEER_INBOUND, false, SECOND, SECOND},
		{PEER_INBOUND, false, PEER_OUTBOUND, false, SECOND, FIRST},
		{PEER_INBOUND, false, PEER_OUTBOUND, true, SECOND, FIRST},
		{PEER_OUTBOUND, false, PEER_INBOUND, false, SECOND, SECOND},
		{PEER_OUTBOUND, false, PEER_INBOUND, true, SECOND, SECOND},
		{PEER_OUTBOUND, false, PEER_OUTBOUND, true, SECOND, SECOND},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases * 2; i++) {
		struct core core;
		unsigned number = i % 2 == 0 ? 2 : 9;
		enum goes goes = i % 2 == 0 ? cases[i / 2].smaller : cases[i / 2].larger;
		bool is_dial = cases[i / 2].second == PEER_OUTBOUND;
		five_start(&core);
		struct peer *second = !is_dial ? NULL
					       : core_dial(&core, cases[i / 2].is_from_elsewhere ? "127.0.0.3:5999"
												 : "127.0.0.2:5999");
		struct peer *first = cases[i / 2].first == PEER_INBOUND ? core_meet(&core, number, "127.0.0.2:40000", 0)
									: core_reach(&core, number, "127.0.0.2:5999");
		if (second == NULL)
			second = core_accept(&core,
					     cases[i / 2].is_from_elsewhere ? "127.0.0.3:40001" : "127.0.0.2:40001");
		if (cases[i / 2].is_established)
			core_say(&core, first, "{'msgtype': 'pong'}");
		core.now_us += SECOND_US;
		take_all(second);
		core_say_hello(&core, second, number, 0);
		peer_ping(first, core.now_us);
		bool is_right =
			peer_is_closing(first) == (goes == FIRST) && peer_is_closing(second) == (goes == SECOND);
		EXPECT(is_right, "case %zu, node %u", i / 2, number);
		const char *answer =
			is_dial ? "addr(127.0.0.1:5999=5) getaddr ping" : "hello addr(127.0.0.1:5999=5) getaddr ping";
		EXPECT_SENT(second, goes == SECOND ? "bye(duplicate)" : answer);
		/* Whoever is claimed to be somebody else is pinged, unless it has not answered yet. */
		EXPECT_SENT(first, goes == FIRST ? "bye(duplicate)" : cases[i / 2].is_established ? "ping" : "");
		core_fini(&core);
	}
}

/* Two dials have crossed, and this node keeps its own: one of the two is told to be ready, at any time. */
static void of_two_connections_that_cross_one_is_logged_as_ready(void)
{
	for (int was_ready = 0; was_ready < 2; was_ready++) {
		struct core core;
		struct nodeid other = nodeid_of(9);
		five_start(&core);
		capture_log(LOG_INFO);
		struct peer *second = core_dial(&core, "127.0.0.2:5999");
		struct peer *first = core_accept(&core, "127.0.0.2:40000"), *nobody = NULL;
		if (was_ready)
			core_say_hello(&core, first, 9, 0);
		else
			registry_claim(core.registry, first, &other, &nobody);
		core_say_hello(&core, second, 9, 0);
		CU_ASSERT(peer_is_closing(first) && !peer_is_closing(second));
		const char *log = captured_log(), *ready = strstr(log, "is ready");
		EXPECT(ready != NULL && strstr(ready + 1, "is ready") == NULL, "%s", log);
		core_fini(&core);
	}
}

static void a_claimed_peer_is_not_pinged_while_a_ping_is_outstanding(void)
{
	struct core core;
	five_start(&core);
	struct peer *first = core_meet(&core, 2, "127.0.0.2:40000", 0);
	core.now_us += SECOND_US;
	core_say_hello(&core, core_accept(&core, "127.0.0.3:40000"), 2, 0);
	peer_ping(first, core.now_us);
	EXPECT_SENT(first, "");
	CU_ASSERT_EQUAL(peer_ping_deadline_us(first), core.now_us - SECOND_US + 20 * SECOND_US);
	core_fini(&core);
}

static void a_newcomer_at_the_address_of_a_peer_has_that_pinged(void)
{
	static const struct {
		const char *remote;
		unsigned listen;
		const char *sent;
	} comers[] = {
		{"127.0.0.2:40001", 5999, "ping"}, /* installed again, say */
		{"127.0.0.2:40002", 6000, ""},	   /* another node on its host */
		{"127.0.0.3:40003", 5999, ""},
	};
	for (size_t i = 0; i < sizeof comers / sizeof *comers; i++) {
		struct core core;
		five_start(&core);
		struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 5999);
		core_say(&core, peer, "{'msgtype': 'pong'}");
		core.now_us += 3 * SECOND_US;
		protocol_run_timers(core.protocol, core.now_us, 0);
		take_all(peer);
		core_meet(&core, 3, comers[i].remote, comers[i].listen);
		peer_ping(peer, core.now_us);
		EXPECT_SENT(peer, comers[i].sent);
		CU_ASSERT_FALSE(peer_is_closing(peer));
		core_fini(&core);
	}
}

static void nobody_displaces_a_peer_by_claiming_its_nodeid(void)
{
	struct core core;
	five_start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	for (int i = 0; i < 5; i++) {
		core.now_us += 4 * SECOND_US;
		struct peer *stranger = core_accept(&core, "127.0.0.66:40000");
		core_say_hello(&core, stranger, 2, 6666);
		EXPECT_SENT(stranger, "bye(duplicate)");
		core_end(&core, stranger);
	}
	CU_ASSERT_FALSE(peer_is_closing(peer));
	EXPECT_TEXT(five_listen_of(&core, peer), "127.0.0.2:5999");
	EXPECT_TEXT(five_dials_next(&core), "-");
	core_fini(&core);
}

static void a_feeler_gets_a_hello_and_nothing_else(void)
{
	struct core core;
	five_start(&core);
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
	CU_ASSERT_EQUAL(five_look(&core, feeler).ending, PEER_LEFT);
	core_end(&core, feeler);
	EXPECT_TEXT(five_dials_next(&core), "-");
	core_fini(&core);
}

static void a_feeler_of_a_connected_node_disturbs_nothing(void)
{
	struct core core;
	five_start(&core);
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

/* Lost and found by a feeler; returns that. */
static struct peer *find_again(struct core *core, const char *address, unsigned number)
{
	struct peer *feeler = NULL;
	for (int i = 0; i < ADDRESS_BOOK_LOST; i++) {
		core->now_us += core->settings.retry_max_us;
		feeler = core_dial_next(core);
		CU_ASSERT_FATAL(feeler != NULL && dial_is_feeler(peer_dial(feeler)));
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
	CU_ASSERT(five_look(&core, peer).is_closing && !five_look(&core, inbound).is_closing);
	EXPECT_SENT(peer, "bye(full)");
	core_end(&core, feeler);
	core_end(&core, peer);
	struct peer *back = core_dial_next(&core);
	CU_ASSERT_PTR_NOT_NULL_FATAL(back);
	EXPECT_TEXT(address_text(peer_dial(back)->address), "127.0.0.2:5999");
	CU_ASSERT_FALSE(dial_is_feeler(peer_dial(back)));
	core_fini(&core);
}

/* The next dial leads to the node with the number of its host. */
static struct peer *fill_place(struct core *core)
{
	core->now_us += 2 * SECOND_US;
	struct peer *peer = core_dial_next(core);
	CU_ASSERT_FATAL(peer != NULL && !dial_is_feeler(peer_dial(peer)));
	core_say_hello(core, peer, peer_dial(peer)->address.host[3], 0);
	CU_ASSERT_EQUAL(peer_state(peer), PEER_READY);
	return peer;
}

static void nobody_gives_way_to_who_is_a_peer_already(void)
{
	struct core core;
	struct peer *peer = lose_one(&core);
	core_end(&core, find_again(&core, "127.0.0.2:5999", 4));
	CU_ASSERT_FALSE(five_look(&core, peer).is_closing);
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
	bool is_one = five_look(&core, one).is_closing;
	CU_ASSERT(five_look(&core, other).is_closing == !is_one);
	core_end(&core, is_one ? one : other);
	struct peer *back = fill_place(&core);
	EXPECT_TEXT(address_text(peer_dial(back)->address), "127.0.0.2:5999");
	core.now_us += 60 * SECOND_US;
	core_end(&core, is_one ? other : one);
	struct peer *third = fill_place(&core);
	core_end(&core, find_again(&core, is_one ? "127.0.0.4:5999" : "127.0.0.3:5999", is_one ? 4 : 3));
	EXPECT(five_look(&core, back).is_closing && !five_look(&core, third).is_closing, "as %u", number);
	core_fini(&core);
}

/* Else who makes his addresses fail and answer in turn would have all places in the end; by whatever nodeids. */
static void who_is_back_gives_way_to_the_next(void)
{
	find_two_again(2);
	find_two_again(77);
}

static CU_TestInfo tests[] = {
	{"a newcomer at the address of a peer has that pinged", a_newcomer_at_the_address_of_a_peer_has_that_pinged},
	{"who dials says hello first", who_dials_says_hello_first},
	{"nobody gives way to who is a peer already", nobody_gives_way_to_who_is_a_peer_already},
	{"a hello is answered by a hello, then come address, question and ping",
	 a_hello_is_answered_by_a_hello_then_come_address_question_and_ping},
	{"two nodes know each other after the handshake", two_nodes_know_each_other_after_the_handshake},
	{"a full node may name others before the handshake, but once",
	 a_full_node_may_name_others_before_the_handshake_but_once},
	{"a second hello is a protocol error", a_second_hello_is_a_protocol_error},
	{"another network is turned away", another_network_is_turned_away},
	{"another version is welcome", another_version_is_welcome},
	{"who is dialled by itself says so and remembers nothing",
	 who_is_dialled_by_itself_says_so_and_remembers_nothing},
	{"an address where a node meets itself is not dialled again",
	 an_address_where_a_node_meets_itself_is_not_dialled_again},
	{"a node never dials where it listens", a_node_never_dials_where_it_listens},
	{"a full node says where else to go", a_full_node_says_where_else_to_go},
	{"a full node makes room for a newcomer", a_full_node_makes_room_for_a_newcomer},
	{"who is turned away by a full node goes elsewhere", who_is_turned_away_by_a_full_node_goes_elsewhere},
	{"a second connection with a nodeid is judged by what has been shown",
	 a_second_connection_with_a_nodeid_is_judged_by_what_has_been_shown},
	{"of two connections that cross one is logged as ready", of_two_connections_that_cross_one_is_logged_as_ready},
	{"a claimed peer is not pinged while a ping is outstanding",
	 a_claimed_peer_is_not_pinged_while_a_ping_is_outstanding},
	{"nobody displaces a peer by claiming its nodeid", nobody_displaces_a_peer_by_claiming_its_nodeid},
	{"a feeler gets a hello and nothing else", a_feeler_gets_a_hello_and_nothing_else},
	{"a feeler of a connected node disturbs nothing", a_feeler_of_a_connected_node_disturbs_nothing},
	{"a feeler is answered by a full node too", a_feeler_is_answered_by_a_full_node_too},
	{"who is back gives way to the next", who_is_back_gives_way_to_the_next},
	{"an outbound peer gives way to who is back", an_outbound_peer_gives_way_to_who_is_back},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_handshake = {
	.pName = "handshake", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
