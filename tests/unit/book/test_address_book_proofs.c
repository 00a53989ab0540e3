#include "book/address_book.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/book/book_fixture.h"
#include "unit/suites.h"

/* ---- feelers ---- */

static void a_claim_of_another_host_is_proven_once_at_a_time_and_makes_no_entry(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	CU_ASSERT(claim(&fixture, "10.0.0.2:5999", 2));
	CU_ASSERT_FALSE(claim(&fixture, "10.0.0.2:5999", 2));
	CU_ASSERT(claim(&fixture, "10.0.0.2:5999", 3));
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	EXPECT_PICK_FEELER(&fixture, "feeler 10.0.0.2:5999");
	struct nodeid two = nodeid_of(2), three = nodeid_of(3);
	CU_ASSERT(dial.kind == DIAL_PROOF_CLAIM && nodeid_equals(&dial.expected, &two));
	EXPECT_PICK(&fixture, "-");
	hear(&fixture, "10.0.0.2:5999", 2);
	EXPECT_PICK(&fixture, "-");
	address_book_abandoned(fixture.book, &dial, fixture.now_us);
	EXPECT_PICK(&fixture, "feeler 10.0.0.2:5999");
	CU_ASSERT(nodeid_equals(&dial.expected, &three));
	fixture_fini(&fixture);
}

/* Its firewall may open, or it may begin to listen a moment after it has dialled. */
static void a_claim_is_looked_into_ever_more_rarely_while_its_connection_lasts(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us, waited_us = 0;
	fixture_init(&fixture, "");
	claim(&fixture, "10.0.0.2:5999", 2);
	for (unsigned turn = 0; turn < 10; turn++) {
		int64_t before_us = fixture.now_us;
		while (strcmp(pick_where_peers_are_enough(&fixture, &dial, &next_us), "-") == 0)
			fixture.now_us = next_us;
		EXPECT_TEXT(address_text(dial.address), "10.0.0.2:5999");
		int64_t wait_us = fixture.now_us - before_us;
		EXPECT(turn == 0 || (wait_us >= 60 * SECOND_US && wait_us > waited_us && wait_us <= HOUR_US) ||
			       waited_us > HOUR_US / 2,
		       "turn %u: %lld", turn, (long long)wait_us);
		waited_us = wait_us;
		if (turn % 2 == 0)
			address_book_failed(fixture.book, &dial, "timed out", fixture.now_us);
		else
			reach(&fixture, &dial, 3);
		CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	}
	disconnect_node(&fixture, 2, true);
	fixture.now_us += 2 * HOUR_US;
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	fixture_fini(&fixture);
}

/* What became of the claim while its feeler was under way. */
static void a_claim_that_is_given_up_holds_nothing(void)
{
	enum meanwhile { ENDS, CLAIMS_ANOTHER, MEANWHILES };
	for (enum meanwhile meanwhile = ENDS; meanwhile < MEANWHILES; meanwhile++) {
		struct fixture fixture;
		struct dial dial;
		int64_t next_us;
		struct address address = address_of("10.8.8.8:5999");
		fixture_init(&fixture, "");
		claim(&fixture, "10.8.8.8:5999", 2);
		EXPECT_PICK_FEELER(&fixture, "feeler 10.8.8.8:5999");
		if (meanwhile == ENDS)
			disconnect_node(&fixture, 2, true);
		else
			claim(&fixture, "10.8.8.8:6000", 2);
		reach(&fixture, &dial, 2);
		struct nodeid tenant = address_book_tenant(fixture.book, &address);
		EXPECT(nodeid_is_none(&tenant), "%d", meanwhile);
		EXPECT_TEXT(kind_of(&fixture, "10.8.8.8:5999"), "tried");
		EXPECT_PICK(&fixture, meanwhile == ENDS ? "10.8.8.8:5999" : "feeler 10.8.8.8:6000");
		fixture_fini(&fixture);
	}
}

static void dark_claims_of_one_host_leave_the_feelers_to_others(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "");
	for (unsigned i = 1; i <= 200; i++) {
		snprintf(text, sizeof text, "10.8.8.8:%u", i);
		claim(&fixture, text, i);
	}
	connect_node_from(&fixture, 300, "10.7.7.7:40000");
	claim(&fixture, "10.7.7.7:5999", 300);
	EXPECT_PICK_FEELER(&fixture, "feeler 10.8.8.8:1");
	struct dial first = dial;
	EXPECT_PICK_FEELER(&fixture, "feeler 10.7.7.7:5999");
	for (unsigned i = 2; i <= ADDRESS_BOOK_CLAIMS_PER_HOST; i++) {
		snprintf(text, sizeof text, "feeler 10.8.8.8:%u", i);
		EXPECT_PICK_FEELER(&fixture, text);
	}
	EXPECT_PICK_FEELER(&fixture, "-");
	address_book_failed(fixture.book, &first, "timed out", fixture.now_us);
	EXPECT_PICK_FEELER(&fixture, "feeler 10.8.8.8:3");
	fixture_fini(&fixture);
}

static void where_only_feelers_may_go_out_nothing_else_does(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us = 0;
	fixture_init(&fixture, "127.0.0.2:5999 kith.example:5999");
	EXPECT_PICK_FEELER(&fixture, "-");
	/* For these it is a feeler's time. */
	CU_ASSERT(next_us > fixture.now_us && next_us < FOREVER_US);
	claim(&fixture, "10.0.0.3:5999", 3);
	EXPECT_PICK_FEELER(&fixture, "feeler 10.0.0.3:5999");
	fixture_fini(&fixture);
}

/* Fills the places for what was tried: 10.0.0.I has node I, and was heard from I seconds after the start. */
static void fill_tried(struct fixture *fixture)
{
	char text[ADDRESS_TEXT_BYTES];
	fixture_init_bounded(fixture, "", SMALL);
	for (unsigned i = 1; i <= ADDRESS_BUCKET_ENTRIES; i++) {
		fixture->now_us = START_US + i * SECOND_US;
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		find_node_at(fixture, text, i);
		EXPECT_TEXT(kind_of(fixture, text), "tried");
	}
}

/* A peer was found where it says that it listens, and has gone again. */
static void find_new_node_at(struct fixture *fixture, const char *text, unsigned number)
{
	connect_node(fixture, number);
	find_node_at(fixture, text, number);
	let_node_go(fixture, number);
}

static bool pick_feeler(struct fixture *fixture, struct dial *dial)
{
	struct next_dial next = address_book_pick(fixture->book, ADDRESS_BOOK_FEELERS, fixture->now_us);
	*dial = next.dial;
	return next.is_due && dial_is_feeler(dial);
}

/* Feelers go to the address, which must be the only one of hearsay, until it is forgotten. */
static void forget_hearsay(struct fixture *fixture, const char *text)
{
	struct dial dial;
	for (int i = 0; i < ADDRESS_BOOK_NEW_FAILURES; i++) {
		fixture->now_us += 2 * ADDRESS_BOOK_FEELER_US;
		CU_ASSERT_FATAL(pick_feeler(fixture, &dial));
		EXPECT_TEXT(address_text(dial.address), text);
		address_book_failed(fixture->book, &dial, "refused", fixture->now_us);
	}
	EXPECT_TEXT(kind_of(fixture, text), "-");
}

static void what_was_tried_is_tested_before_it_is_displaced(void)
{
	enum meanwhile { NOTHING, NEWCOMER_IS_FORGOTTEN };
	enum verdict { ANSWERS, IS_LET_GO, FAILS };
	static const struct {
		int64_t after_us;
		enum meanwhile meanwhile;
		enum verdict verdict;
		const char *tested, *newcomer;
	} cases[] = {
		{5 * HOUR_US, NOTHING, ANSWERS, "tried", "new"},
		{5 * HOUR_US, NOTHING, IS_LET_GO, "tried", "new"},
		{5 * HOUR_US, NOTHING, FAILS, "new", "tried"},
		{5 * HOUR_US, NEWCOMER_IS_FORGOTTEN, FAILS, "tried", "-"},
		{31 * 24 * HOUR_US, NOTHING, FAILS, "new", "tried"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct dial dial;
		fill_tried(&fixture);
		fixture.now_us += cases[i].after_us;
		find_new_node_at(&fixture, "10.0.1.1:5999", 100);
		EXPECT_TEXT(kind_of(&fixture, "10.0.1.1:5999"), "new");
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		EXPECT_TEXT(address_text(dial.address), "10.0.0.1:5999");
		struct address_info info;
		CU_ASSERT(find(&fixture, "10.0.0.1:5999", &info) && info.tried_us == fixture.now_us);
		if (cases[i].meanwhile == NEWCOMER_IS_FORGOTTEN)
			forget_hearsay(&fixture, "10.0.1.1:5999");
		if (cases[i].verdict == ANSWERS)
			reach(&fixture, &dial, 1);
		else if (cases[i].verdict == IS_LET_GO)
			address_book_abandoned(fixture.book, &dial, fixture.now_us);
		else
			address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		EXPECT(strcmp(kind_of(&fixture, "10.0.0.1:5999"), cases[i].tested) == 0, "case %zu: tested", i);
		EXPECT(strcmp(kind_of(&fixture, "10.0.1.1:5999"), cases[i].newcomer) == 0, "case %zu: newcomer", i);
		EXPECT_TEXT(kind_of(&fixture, "10.0.0.2:5999"), "tried");
		fixture_fini(&fixture);
	}
}

static void what_was_heard_from_within_four_hours_is_not_even_tested(void)
{
	struct fixture fixture;
	struct dial dial;
	fill_tried(&fixture);
	fixture.now_us = START_US + SECOND_US + 4 * HOUR_US;
	find_new_node_at(&fixture, "10.0.1.1:5999", 100);
	CU_ASSERT_FALSE(pick_feeler(&fixture, &dial));
	fixture.now_us += 1;
	find_new_node_at(&fixture, "10.0.1.1:5999", 100);
	find_new_node_at(&fixture, "10.0.1.3:5999", 103);
	CU_ASSERT(pick_feeler(&fixture, &dial));
	EXPECT_TEXT(address_text(dial.address), "10.0.0.1:5999");
	/* One test of an address at a time. */
	find_new_node_at(&fixture, "10.0.1.2:5999", 101);
	CU_ASSERT_FALSE(pick_feeler(&fixture, &dial));
	address_book_abandoned(fixture.book, &dial, fixture.now_us);
	CU_ASSERT_FALSE(pick_feeler(&fixture, &dial));
	fixture_fini(&fixture);
}

static void what_was_found_displaces_no_hearsay_while_there_is_room_among_the_tried(void)
{
	struct fixture fixture;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init_bounded(&fixture, "", SMALL);
	for (unsigned i = 1; i <= ADDRESS_BUCKET_ENTRIES; i++) {
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		CU_ASSERT(hear(&fixture, text, 0));
	}
	find_new_node_at(&fixture, "10.0.1.1:5999", 100);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), ADDRESS_BUCKET_ENTRIES + 1);
	EXPECT_TEXT(kind_of(&fixture, "10.0.1.1:5999"), "tried");
	fixture_fini(&fixture);
}

/* ---- feelers for hearsay ---- */

static void once_no_more_peers_are_wanted_one_of_hearsay_is_felt_every_two_minutes(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "127.0.0.2:5999");
	find_node_at(&fixture, "10.0.1.1:5999", 500);
	for (unsigned i = 1; i <= 100; i++) {
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		hear(&fixture, text, i);
	}
	for (int i = 0; i < 60; i++) {
		EXPECT_PICK_FEELER(&fixture, "-");
		int64_t wait_us = next_us - fixture.now_us;
		EXPECT(wait_us >= 90 * SECOND_US && wait_us <= 150 * SECOND_US, "%d: %lld", i, (long long)wait_us);
		fixture.now_us = next_us - 1;
		CU_ASSERT_FALSE(pick_feeler(&fixture, &dial));
		fixture.now_us = next_us;
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		snprintf(text, sizeof text, "%s", address_text(dial.address));
		/* Neither bootstraps nor what was tried, and none twice: all of these answer. */
		EXPECT(strncmp(text, "10.0.0.", 7) == 0, "%s", text);
		EXPECT_TEXT(kind_of(&fixture, text), "new");
		struct nodeid nodeid = nodeid_of(dial.address.host[3]);
		address_book_reached(fixture.book, &dial, &nodeid, fixture.now_us);
		EXPECT_TEXT(kind_of(&fixture, text), "tried");
	}
	fixture_fini(&fixture);
}

/* What was tried, and has failed a few times since. */
static void lose(struct fixture *fixture, const char *text, unsigned number, unsigned failures)
{
	struct dial dial;
	int64_t next_us;
	hear(fixture, text, number);
	EXPECT_PICK(fixture, text);
	reach(fixture, &dial, number);
	disconnect_node(fixture, number, true);
	for (unsigned i = 1; i < failures; i++) {
		fixture->now_us += 2 * fixture->settings.retry_max_us;
		CU_ASSERT_FATAL(pick_feeler(fixture, &dial));
		EXPECT_TEXT(address_text(dial.address), text);
		address_book_failed(fixture->book, &dial, "timed out", fixture->now_us);
	}
}

static void what_is_lost_is_felt_and_dialled_first_when_it_is_back(void)
{
	static const struct {
		unsigned failures;
		bool is_back;
	} cases[] = {{1, false}, {ADDRESS_BOOK_LOST - 1, false}, {ADDRESS_BOOK_LOST, true}, {7, true}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct dial dial;
		int64_t next_us;
		struct nodeid two = nodeid_of(2);
		fixture_init(&fixture, "");
		lose(&fixture, "10.1.0.2:5999", 2, cases[i].failures);
		hear(&fixture, "10.2.0.3:5999", 3);
		hear(&fixture, "10.3.0.4:5999", 4);
		fixture.now_us += fixture.settings.retry_max_us;
		/* What is lost takes turns with hearsay. */
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		if (dial.kind == DIAL_FEELER_HEARSAY)
			CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		EXPECT_TEXT(address_text(dial.address), "10.1.0.2:5999");
		enum address_book_place place = address_book_reached(fixture.book, &dial, &two, fixture.now_us);
		EXPECT(place == (cases[i].is_back ? ADDRESS_BOOK_BACK : ADDRESS_BOOK_NO_PLACE), "case %zu", i);
		if (cases[i].is_back)
			EXPECT_PICK(&fixture, "10.1.0.2:5999");
		fixture_fini(&fixture);
	}
}

/* A young node mixes its peers: the first of what its feelers find get a place. */
static void the_first_of_hearsay_that_is_true_gets_a_place(void)
{
	struct fixture fixture;
	struct dial dial;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "");
	fixture.settings.max_outbound = 6;
	for (unsigned i = 1; i <= 6; i++) {
		snprintf(text, sizeof text, "10.%u.0.1:5999", i);
		hear(&fixture, text, i);
	}
	for (unsigned i = 1; i <= 6; i++) {
		fixture.now_us += 2 * ADDRESS_BOOK_FEELER_US;
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		struct nodeid nodeid = nodeid_of(dial.address.host[1]);
		enum address_book_place place = address_book_reached(fixture.book, &dial, &nodeid, fixture.now_us);
		EXPECT(place == (i <= 3 ? ADDRESS_BOOK_FRESH : ADDRESS_BOOK_NO_PLACE), "%u", i);
	}
	fixture_fini(&fixture);
}

static void what_is_lost_is_felt_at_the_pace_of_what_has_failed(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "");
	for (unsigned i = 2; i < 30; i++) {
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		connect_node(&fixture, i);
		find_node_at(&fixture, text, i);
	}
	for (unsigned i = 2; i < 30; i++)
		disconnect_node(&fixture, i, true);
	fixture.now_us += 2 * SECOND_US;
	for (unsigned i = 2; i < 30; i++) {
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		address_book_failed(fixture.book, &dial, "timed out", fixture.now_us);
		EXPECT_PICK_FEELER(&fixture, "-");
		CU_ASSERT(next_us <= fixture.now_us + fixture.settings.retry_min_us);
		fixture.now_us += fixture.settings.retry_min_us;
	}
	fixture_fini(&fixture);
}

/* It was closed to make place for another. */
static void who_gave_way_has_not_failed(void)
{
	struct fixture fixture;
	fixture_init(&fixture, "");
	connect_node(&fixture, 2);
	find_node_at(&fixture, "10.1.0.2:5999", 2);
	CU_ASSERT(let_node_go(&fixture, 2));
	struct address_info info;
	CU_ASSERT_EQUAL_FATAL(address_book_recent(fixture.book, &info, 1, fixture.now_us), 1);
	CU_ASSERT(info.failures == 0 && info.error[0] == '\0');
	fixture_fini(&fixture);
}

static void hearsay_that_feelers_do_not_reach_is_forgotten(void)
{
	struct fixture fixture;
	fixture_init(&fixture, "");
	hear(&fixture, "10.0.0.2:5999", 2);
	forget_hearsay(&fixture, "10.0.0.2:5999");
	fixture_fini(&fixture);
}

static void where_peers_are_wanted_no_hearsay_is_felt(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "10.0.0.2:5999", 2);
	fixture.now_us += HOUR_US;
	EXPECT_PICK(&fixture, "10.0.0.2:5999");
	CU_ASSERT_FALSE(dial_is_feeler(&dial));
	fixture_fini(&fixture);
}

static CU_TestInfo tests[] = {
	{"a claim of another host is proven once at a time, and makes no entry",
	 a_claim_of_another_host_is_proven_once_at_a_time_and_makes_no_entry},
	{"a claim is looked into ever more rarely while its connection lasts",
	 a_claim_is_looked_into_ever_more_rarely_while_its_connection_lasts},
	{"a claim that is given up holds nothing", a_claim_that_is_given_up_holds_nothing},
	{"dark claims of one host leave the feelers to others", dark_claims_of_one_host_leave_the_feelers_to_others},
	{"where only feelers may go out, nothing else does", where_only_feelers_may_go_out_nothing_else_does},
	{"what was tried is tested before it is displaced", what_was_tried_is_tested_before_it_is_displaced},
	{"what was heard from within four hours is not even tested",
	 what_was_heard_from_within_four_hours_is_not_even_tested},
	{"what was found displaces no hearsay while there is room among the tried",
	 what_was_found_displaces_no_hearsay_while_there_is_room_among_the_tried},
	{"once no more peers are wanted one of hearsay is felt every two minutes",
	 once_no_more_peers_are_wanted_one_of_hearsay_is_felt_every_two_minutes},
	{"what is lost is felt, and dialled first when it is back",
	 what_is_lost_is_felt_and_dialled_first_when_it_is_back},
	{"the first of hearsay that is true gets a place", the_first_of_hearsay_that_is_true_gets_a_place},
	{"what is lost is felt at the pace of what has failed", what_is_lost_is_felt_at_the_pace_of_what_has_failed},
	{"who gave way has not failed", who_gave_way_has_not_failed},
	{"hearsay that feelers do not reach is forgotten", hearsay_that_feelers_do_not_reach_is_forgotten},
	{"where peers are wanted no hearsay is felt", where_peers_are_wanted_no_hearsay_is_felt},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_book_proofs = {.pName = "address_book_proofs", .pTests = tests};
