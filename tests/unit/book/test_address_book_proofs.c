#include "book/address_book.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/book/book_fixture.h"
#include "unit/suites.h"

/* ---- feelers ---- */

static void a_feeler_goes_out_once_and_makes_no_entry(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	prove(&fixture, "10.0.0.2:5999", 2);
	prove(&fixture, "10.0.0.2:5999", 3);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 0);
	EXPECT_PICK_FEELER(&fixture, "feeler 10.0.0.2:5999");
	struct nodeid two = nodeid_of(2);
	CU_ASSERT(dial.kind == DIAL_PROOF_CLAIM && nodeid_equals(&dial.expected, &two));
	EXPECT_PICK(&fixture, "-");
	hear(&fixture, "10.0.0.2:5999", 2);
	EXPECT_PICK(&fixture, "-");
	address_book_abandoned(fixture.book, &dial, fixture.now_us);
	fixture.now_us += 2 * fixture.settings.retry_max_us;
	EXPECT_PICK(&fixture, "10.0.0.2:5999");
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
	prove(&fixture, "10.0.0.3:5999", 3);
	EXPECT_PICK_FEELER(&fixture, "feeler 10.0.0.3:5999");
	fixture_fini(&fixture);
}

static void too_many_feelers_do_not_wait(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	int picked = 0;
	struct address address = address_of("10.0.0.2:1");
	struct nodeid two = nodeid_of(2);
	fixture_init(&fixture, "");
	for (int port = 1; port <= ADDRESS_BOOK_PROOFS + 10; port++) {
		address.port = (uint16_t)port;
		address_book_prove(fixture.book, &address, &two);
	}
	while (picked <= ADDRESS_BOOK_PROOFS + 10 && strcmp(pick(&fixture, &dial, &next_us), "-") != 0) {
		address_book_abandoned(fixture.book, &dial, fixture.now_us);
		picked++;
	}
	CU_ASSERT_EQUAL(picked, ADDRESS_BOOK_PROOFS);
	prove(&fixture, "10.0.0.3:5999", 3);
	EXPECT_PICK(&fixture, "feeler 10.0.0.3:5999");
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
		announce(fixture, text, i);
		EXPECT_TEXT(kind_of(fixture, text), "tried");
	}
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
	enum meanwhile { NOTHING, IS_CONNECTED, NEWCOMER_IS_FORGOTTEN };
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
		{5 * HOUR_US, IS_CONNECTED, FAILS, "tried", "new"},
		{5 * HOUR_US, NEWCOMER_IS_FORGOTTEN, FAILS, "tried", "-"},
		{31 * 24 * HOUR_US, NOTHING, FAILS, "new", "tried"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct dial dial;
		fill_tried(&fixture);
		fixture.now_us += cases[i].after_us;
		announce(&fixture, "10.0.1.1:5999", 100);
		EXPECT_TEXT(kind_of(&fixture, "10.0.1.1:5999"), "new");
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		EXPECT_TEXT(address_text(dial.address), "10.0.0.1:5999");
		struct address_info info;
		CU_ASSERT(find(&fixture, "10.0.0.1:5999", &info) && info.tried_us == fixture.now_us);
		if (cases[i].meanwhile == IS_CONNECTED)
			connect_node(&fixture, 1);
		else if (cases[i].meanwhile == NEWCOMER_IS_FORGOTTEN)
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
	announce(&fixture, "10.0.1.1:5999", 100);
	CU_ASSERT(pick_feeler(&fixture, &dial));
	EXPECT_TEXT(address_text(dial.address), "10.0.1.1:5999");
	CU_ASSERT_FALSE(pick_feeler(&fixture, &dial));
	fixture.now_us += 1;
	announce(&fixture, "10.0.1.1:5999", 100);
	announce(&fixture, "10.0.1.3:5999", 103);
	CU_ASSERT(pick_feeler(&fixture, &dial));
	EXPECT_TEXT(address_text(dial.address), "10.0.0.1:5999");
	/* One test of an address at a time. */
	announce(&fixture, "10.0.1.2:5999", 101);
	CU_ASSERT_FALSE(pick_feeler(&fixture, &dial));
	address_book_abandoned(fixture.book, &dial, fixture.now_us);
	CU_ASSERT_FALSE(pick_feeler(&fixture, &dial));
	fixture_fini(&fixture);
}

static void what_is_announced_displaces_no_hearsay_while_there_is_room_among_the_tried(void)
{
	struct fixture fixture;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init_bounded(&fixture, "", SMALL);
	for (unsigned i = 1; i <= ADDRESS_BUCKET_ENTRIES; i++) {
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		CU_ASSERT(hear(&fixture, text, 0));
	}
	announce(&fixture, "10.0.1.1:5999", 100);
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
	announce(&fixture, "10.0.1.1:5999", 500);
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
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		EXPECT_TEXT(address_text(dial.address), "10.1.0.2:5999");
		enum address_book_place place = address_book_reached(fixture.book, &dial, &two, fixture.now_us);
		EXPECT(place == (cases[i].is_back ? ADDRESS_BOOK_BACK : ADDRESS_BOOK_NO_PLACE), "case %zu", i);
		if (cases[i].is_back)
			EXPECT_PICK(&fixture, "10.1.0.2:5999");
		fixture_fini(&fixture);
	}
}

/* Who only says that it listens there could let it fail, and answer, as often as it likes. */
static void what_was_never_reached_is_not_lost(void)
{
	struct fixture fixture;
	struct dial dial;
	struct nodeid two = nodeid_of(2);
	fixture_init(&fixture, "");
	connect_node(&fixture, 2);
	announce(&fixture, "10.1.0.2:5999", 2);
	disconnect_node(&fixture, 2, true);
	for (int i = 0; i < ADDRESS_BOOK_LOST; i++) {
		fixture.now_us += 2 * fixture.settings.retry_max_us;
		CU_ASSERT_FATAL(pick_feeler(&fixture, &dial));
		if (i < ADDRESS_BOOK_LOST - 1)
			address_book_failed(fixture.book, &dial, "timed out", fixture.now_us);
	}
	CU_ASSERT_EQUAL(address_book_reached(fixture.book, &dial, &two, fixture.now_us), ADDRESS_BOOK_NO_PLACE);
	fixture_fini(&fixture);
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
		announce(&fixture, text, i);
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
	struct nodeid two = nodeid_of(2);
	fixture_init(&fixture, "");
	connect_node(&fixture, 2);
	announce(&fixture, "10.1.0.2:5999", 2);
	CU_ASSERT(address_book_disconnected(fixture.book, &two, true, NULL, fixture.now_us));
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
	{"a feeler goes out once and makes no entry", a_feeler_goes_out_once_and_makes_no_entry},
	{"where only feelers may go out, nothing else does", where_only_feelers_may_go_out_nothing_else_does},
	{"too many feelers do not wait", too_many_feelers_do_not_wait},
	{"what was tried is tested before it is displaced", what_was_tried_is_tested_before_it_is_displaced},
	{"what was heard from within four hours is not even tested",
	 what_was_heard_from_within_four_hours_is_not_even_tested},
	{"what is announced displaces no hearsay while there is room among the tried",
	 what_is_announced_displaces_no_hearsay_while_there_is_room_among_the_tried},
	{"once no more peers are wanted one of hearsay is felt every two minutes",
	 once_no_more_peers_are_wanted_one_of_hearsay_is_felt_every_two_minutes},
	{"what is lost is felt, and dialled first when it is back",
	 what_is_lost_is_felt_and_dialled_first_when_it_is_back},
	{"what was never reached is not lost", what_was_never_reached_is_not_lost},
	{"the first of hearsay that is true gets a place", the_first_of_hearsay_that_is_true_gets_a_place},
	{"what is lost is felt at the pace of what has failed", what_is_lost_is_felt_at_the_pace_of_what_has_failed},
	{"who gave way has not failed", who_gave_way_has_not_failed},
	{"hearsay that feelers do not reach is forgotten", hearsay_that_feelers_do_not_reach_is_forgotten},
	{"where peers are wanted no hearsay is felt", where_peers_are_wanted_no_hearsay_is_felt},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_book_proofs = {.pName = "address_book_proofs", .pTests = tests};
