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

static void an_address_where_a_node_meets_itself_is_not_dialled_again(void)
{
	static const char *const answers[] = {
		"{'msgtype': 'bye', 'reason': 'self'}",
		"{'msgtype': 'hello', 'nodeid': '00000005-0000-4000-8000-000000000000'}",
	};
	for (size_t i = 0; i < 2; i++) {
		struct core core;
		five_start(&core);
		struct peer *out = core_dial(&core, "127.0.0.9:5999");
		take_all(out);
		core_say(&core, out, "%s", answers[i]);
		EXPECT_SENT(out, i == 0 ? "" : "bye(self)");
		CU_ASSERT_EQUAL(five_look(&core, out).reason, BYE_SELF);
		core_end(&core, out);
		struct peer *teller = core_meet(&core, 2, "127.0.0.2:40000", 0);
		core_say(&core, teller, "{'msgtype': 'addr', 'peers': ['127.0.0.9:5999']}");
		EXPECT(five_redial_after_us(&core, "nowhere") == FOREVER_US, "%s", answers[i]);
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
		five_start(&core);
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
		five_start(&core);
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
		EXPECT_TEXT(five_dials_next(&core), "-");
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
		five_prove(&crossing->cores[i], 2U - (unsigned)i);
		crossing->cores[i].now_us += 2 * crossing->cores[i].settings.retry_max_us;
		dialled = five_dials_next(&crossing->cores[i]);
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
	{"a hello with a nodeid that is connected is decided by who is dialled",
	 a_hello_with_a_nodeid_that_is_connected_is_decided_by_who_is_dialled},
	{"a dialler whose second connection is answered decides too",
	 a_dialler_whose_second_connection_is_answered_decides_too},
	{"a claimed peer is not pinged while a ping is outstanding",
	 a_claimed_peer_is_not_pinged_while_a_ping_is_outstanding},
	{"nobody displaces a peer by claiming its nodeid", nobody_displaces_a_peer_by_claiming_its_nodeid},
	{"of two dials that cross, the same one stays at both ends, and neither is repeated",
	 of_two_dials_that_cross_the_same_one_stays_at_both_ends_and_neither_is_repeated},
	{"a feeler gets a hello and nothing else", a_feeler_gets_a_hello_and_nothing_else},
	{"a feeler of a connected node disturbs nothing", a_feeler_of_a_connected_node_disturbs_nothing},
	{"a feeler is answered by a full node too", a_feeler_is_answered_by_a_full_node_too},
	{"who is back gives way to the next", who_is_back_gives_way_to_the_next},
	{"an outbound peer gives way to who is back", an_outbound_peer_gives_way_to_who_is_back},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_handshake = {
	.pName = "handshake", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
