#include "book/address_book.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/book/book_fixture.h"
#include "unit/suites.h"

/* ---- back-off ---- */

static void the_back_off_doubles_within_its_bounds_with_jitter(void)
{
	static const struct {
		int64_t least_us, most_us;
		unsigned failures;
		int64_t lowest_us, highest_us;
	} cases[] = {
		{1 * SECOND_US, 300 * SECOND_US, 0, 1000000, 1250000},
		{1 * SECOND_US, 300 * SECOND_US, 1, 1000000, 1250000},
		{1 * SECOND_US, 300 * SECOND_US, 2, 1500000, 2500000},
		{1 * SECOND_US, 300 * SECOND_US, 3, 3 * SECOND_US, 5 * SECOND_US},
		{1 * SECOND_US, 300 * SECOND_US, 8, 96 * SECOND_US, 160 * SECOND_US},
		{1 * SECOND_US, 300 * SECOND_US, 9, 192 * SECOND_US, 300 * SECOND_US},
		{1 * SECOND_US, 300 * SECOND_US, 4000000000, 225 * SECOND_US, 300 * SECOND_US},
		{5 * SECOND_US, 5 * SECOND_US, 7, 5 * SECOND_US, 5 * SECOND_US},
		{5 * SECOND_US, 6 * SECOND_US, 7, 5 * SECOND_US, 6 * SECOND_US},
		{1000, 8000, 3, 3000, 5000},
	};
	struct rng rng;
	rng_seed(&rng, 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t lowest_us = INT64_MAX, highest_us = 0;
		for (int turn = 0; turn < 1000; turn++) {
			int64_t us =
				address_book_backoff_us(cases[i].least_us, cases[i].most_us, cases[i].failures, &rng);
			lowest_us = us < lowest_us ? us : lowest_us;
			highest_us = us > highest_us ? us : highest_us;
		}
		EXPECT(lowest_us >= cases[i].lowest_us && highest_us <= cases[i].highest_us, "case %zu: %lld to %lld",
		       i, (long long)lowest_us, (long long)highest_us);
		int64_t span_us = cases[i].highest_us - cases[i].lowest_us;
		EXPECT(highest_us - lowest_us >= span_us * 9 / 10, "case %zu: %lld to %lld", i, (long long)lowest_us,
		       (long long)highest_us);
	}
}

static void a_failing_bootstrap_is_tried_for_ever_with_back_off(void)
{
	struct fixture fixture;
	fixture_init(&fixture, "127.0.0.2:5999");
	for (unsigned i = 1; i <= 40; i++) {
		int64_t wait_us = fail_once(&fixture, "127.0.0.2:5999");
		EXPECT(is_back_off(wait_us, i), "failure %u: %lld", i, (long long)wait_us);
		fixture.now_us += wait_us;
	}
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 1);
	fixture_fini(&fixture);
}

static void failures_in_a_row_are_told(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	for (unsigned i = 1; i < 5; i++) {
		EXPECT_PICK(&fixture, "127.0.0.2:5999");
		CU_ASSERT_EQUAL(address_book_failed(fixture.book, &dial, "refused", fixture.now_us), i);
		fixture.now_us += fixture.settings.retry_max_us;
	}
	fixture_fini(&fixture);
}

/* ---- one dial at a time ---- */

static void one_dial_at_a_time_goes_to_an_address(void)
{
	struct fixture fixture;
	struct dial dial, first;
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	first = dial;
	hear(&fixture, "127.0.0.2:5999", 2);
	CU_ASSERT(claim(&fixture, "127.0.0.2:5999", 2));
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	address_book_abandoned(fixture.book, &first, fixture.now_us);
	fixture.now_us += 2 * SECOND_US;
	EXPECT_PICK(&fixture, "feeler 127.0.0.2:5999");
	EXPECT_PICK(&fixture, "-");
	address_book_abandoned(fixture.book, &dial, fixture.now_us);
	fixture.now_us += SECOND_US;
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	EXPECT_PICK(&fixture, "-");
	fixture_fini(&fixture);
}

static void of_the_addresses_of_one_nodeid_one_is_dialled_and_the_others_later(void)
{
	struct fixture fixture;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 2);
	hear(&fixture, "127.0.0.3:5999", 2);
	hear(&fixture, "127.0.0.4:5999", 0);
	hear(&fixture, "127.0.0.5:5999", 0);
	const char *words = pick_all(&fixture, dials, &next_us);
	bool is_first = strcmp(words, "127.0.0.2:5999 127.0.0.4:5999 127.0.0.5:5999") == 0;
	CU_ASSERT(is_first || strcmp(words, "127.0.0.3:5999 127.0.0.4:5999 127.0.0.5:5999") == 0);
	CU_ASSERT_EQUAL(next_us, fixture.now_us + fixture.settings.retry_min_us);
	/* However long the first takes. */
	fixture.now_us = next_us;
	EXPECT_PICK(&fixture, is_first ? "127.0.0.3:5999" : "127.0.0.2:5999");
	fixture_fini(&fixture);
}

static void what_is_not_due_waits(void)
{
	struct fixture fixture;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	hear(&fixture, "127.0.0.2:5999", 0);
	fixture.now_us += SECOND_US;
	hear(&fixture, "127.0.0.3:5999", 0);
	fixture.now_us -= SECOND_US;
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, START_US + SECOND_US);
	fixture.now_us += 30 * SECOND_US;
	hear(&fixture, "127.0.0.4:5999", 0);
	EXPECT_PICKS(&fixture, "127.0.0.3:5999 127.0.0.4:5999");
	fixture_fini(&fixture);
}

/* Of eight dials at most six are feelers or go to hearsay. Two may be feelers, and one of these proves a claim. */
static void addresses_that_lead_nowhere_leave_room_for_others(void)
{
	struct fixture fixture;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "127.0.0.2:5999 127.0.0.3:5999");
	fixture.settings.max_dialing = 8;
	for (unsigned i = 1; i <= 20; i++) {
		snprintf(text, sizeof text, "10.0.%u.1:5999", i);
		hear(&fixture, text, 0);
		snprintf(text, sizeof text, "10.1.%u.1:5999", i);
		claim(&fixture, text, 100 + i);
	}
	EXPECT_PICK(&fixture, "feeler 10.1.1.1:5999");
	struct dial feeler = dial;
	const char *words = pick_all(&fixture, dials, &next_us);
	CU_ASSERT_PTR_NOT_NULL(strstr(words, "127.0.0.2:5999 127.0.0.3:5999"));
	size_t hearsay = 0;
	for (const char *word = words; (word = strstr(word, "10.0.")) != NULL; word++)
		hearsay++;
	CU_ASSERT_EQUAL(hearsay, 5);
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	address_book_failed(fixture.book, &dials[0], "refused", fixture.now_us);
	CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
	reach(&fixture, &dial, 5);
	CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
	CU_ASSERT_FALSE(dial_is_feeler(&dial));
	address_book_abandoned(fixture.book, &feeler, fixture.now_us);
	EXPECT_PICK(&fixture, "feeler 10.1.2.1:5999");
	EXPECT_PICK(&fixture, "-");
	fixture_fini(&fixture);
}

/* A teller knows of its own address, and not of others in its network, be it a /64 or a /24. */
static void what_is_told_of_a_neighbour_is_dialled_one_at_a_time(void)
{
	static const struct {
		const char *teller, *host;
		size_t dials;
	} cases[] = {
		{"192.0.2.1:9", "192.0.2.7", 1},	 {"192.0.2.7:9", "192.0.2.7", 6},
		{"[2001:db8::1]:9", "[2001:db8::7]", 1}, {"[2001:db8::7]:9", "[2001:db8::7]", 6},
		{"[fd00::1]:9", "[fd00::7]", 1},	 {"[fd00::7]:9", "[fd00::7]", 6},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct dial dials[MOST_PICKS];
		int64_t next_us;
		size_t count = 0;
		char text[ADDRESS_TEXT_BYTES];
		fixture_init(&fixture, "");
		fixture.settings.max_dialing = 64;
		for (unsigned port = 1; port <= 6; port++) {
			snprintf(text, sizeof text, "%s:%u", cases[i].host, port);
			CU_ASSERT(hear_from(&fixture, text, 0, cases[i].teller));
		}
		const char *words = pick_all(&fixture, dials, &next_us);
		for (const char *word = words; (word = strstr(word, cases[i].host)) != NULL; word++)
			count++;
		EXPECT(count == cases[i].dials, "%s of %s: %s", cases[i].teller, cases[i].host, words);
		fixture_fini(&fixture);
	}
}

/* The kind of an address may change while it is dialled or felt; what is counted of dials under way doesn't drift. */
static void the_counts_of_dials_survive_what_becomes_of_an_address_meanwhile(void)
{
	enum change { CLAIMED, BECOMES_BOOTSTRAP, IS_BOOTSTRAP_NO_MORE, CHANGES };
	static const char *const names[] = {"claimed", "becomes a bootstrap", "is a bootstrap no more"};
	for (int i = 0; i < CHANGES * 2 * 3; i++) {
		enum change change = (enum change)(i % CHANGES);
		bool is_feeler = i / CHANGES % 2 == 1;
		int verdict = i / CHANGES / 2;
		struct fixture fixture;
		struct dial dial;
		int64_t next_us;
		fixture_init(&fixture, change == IS_BOOTSTRAP_NO_MORE && !is_feeler ? "127.0.0.2:5999" : "");
		fixture.settings.max_dialing = 8;
		fixture.now_us += 200 * SECOND_US;
		hear(&fixture, "127.0.0.2:5999", 0);
		if (is_feeler)
			EXPECT_PICK_FEELER(&fixture, "feeler 127.0.0.2:5999");
		else
			EXPECT_PICK(&fixture, "127.0.0.2:5999");
		if (change == CLAIMED)
			claim(&fixture, "127.0.0.2:5999", 2);
		else
			set_bootstraps(&fixture, change == BECOMES_BOOTSTRAP ? "127.0.0.2:5999" : "");
		if (verdict == 0)
			address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		else if (verdict == 1)
			address_book_abandoned(fixture.book, &dial, fixture.now_us);
		else
			reach(&fixture, &dial, 2);
		while (fixture.connections[2] > 0)
			let_node_go(&fixture, 2);
		EXPECT(count_dials_to_hearsay(&fixture) == 6, "%s, feeler %d, verdict %d", names[change], is_feeler,
		       verdict);
		fixture_fini(&fixture);
	}
}

/* ---- outbound places ---- */

/* One host listens on many ports: it gets one place while there is somebody else, and the others when there is not. */
static void a_public_host_gets_a_second_place_only_if_there_is_nobody_else(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	unsigned of_host = 0;
	fixture_init(&fixture, "");
	for (unsigned i = 1; i <= 30; i++) {
		snprintf(text, sizeof text, "44.1.1.1:%u", i);
		hear_from(&fixture, text, i, "44.1.1.1:1");
	}
	for (unsigned i = 1; i <= 10; i++) {
		snprintf(text, sizeof text, "45.%u.1.1:5999", i);
		hear(&fixture, text, 100 + i);
	}
	for (unsigned i = 0; i < 11; i++) {
		of_host += strncmp(pick(&fixture, &dial, &next_us), "44.1.1.1:", strlen("44.1.1.1:")) == 0;
		reach(&fixture, &dial, 1000 + i);
	}
	CU_ASSERT_EQUAL(of_host, 1);
	CU_ASSERT(strncmp(pick(&fixture, &dial, &next_us), "44.1.1.1:", strlen("44.1.1.1:")) == 0);
	/* Its first place is free again, and so is that of the dial that fails. */
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	hear(&fixture, "46.1.1.1:5999", 200);
	EXPECT_PICK(&fixture, "46.1.1.1:5999");
	fixture_fini(&fixture);
}

/* All places are one host's: what a feeler finds elsewhere takes one of them, however many were given so before. */
static void what_is_found_elsewhere_takes_a_surplus_place(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&fixture, "");
	fixture.settings.max_outbound = 8;
	for (unsigned i = 1; i <= 8; i++) {
		snprintf(text, sizeof text, "44.1.1.1:%u", i);
		hear_from(&fixture, text, i, "44.1.1.1:1");
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
		reach(&fixture, &dial, i);
	}
	struct address crowded = address_of("44.1.1.1:1"), other = address_of("45.1.1.1:1");
	CU_ASSERT(address_book_is_surplus(fixture.book, &crowded));
	CU_ASSERT_FALSE(address_book_is_surplus(fixture.book, &other));
	for (unsigned i = 1; i <= 7; i++) {
		struct nodeid nodeid = nodeid_of(100 + i);
		snprintf(text, sizeof text, "feeler 45.%u.1.1:5999", i);
		hear(&fixture, text + strlen("feeler "), 100 + i);
		fixture.now_us += SECOND_US;
		EXPECT_PICK_FEELER(&fixture, text);
		CU_ASSERT_EQUAL(address_book_reached(fixture.book, &dial, &nodeid, fixture.now_us), ADDRESS_BOOK_FRESH);
		/* One gives way. */
		let_node_go(&fixture, i);
		EXPECT_PICK(&fixture, text + strlen("feeler "));
		reach(&fixture, &dial, 100 + i);
	}
	CU_ASSERT_FALSE(address_book_is_surplus(fixture.book, &crowded));
	hear(&fixture, "45.100.1.1:5999", 0);
	fixture.now_us += SECOND_US;
	EXPECT_PICK_FEELER(&fixture, "-");
	fixture_fini(&fixture);
}

/* ---- the pace of what has failed ---- */

enum { DEAD = 1000 };

/* So many addresses that were tried have failed and are all due again: 10.G.0.N, each fourth in a group of its own. */
static void fixture_init_dead(struct fixture *fixture)
{
	struct dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(fixture, "");
	for (unsigned i = 0; i < DEAD; i++) {
		snprintf(text, sizeof text, "10.%u.0.%u:5999", i / 4, i % 4 + 1);
		find_node_at(fixture, text, i + 1);
	}
	for (unsigned i = 0; i < DEAD; i++) {
		CU_ASSERT_FATAL(strcmp(pick(fixture, &dial, &next_us), "-") != 0);
		address_book_failed(fixture->book, &dial, "refused", fixture->now_us);
	}
	EXPECT_PICK(fixture, "-");
	fixture->now_us += 2 * fixture->settings.retry_max_us;
}

static void of_many_dead_addresses_one_is_tried_in_retry_min(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us, picked_us = 0;
	fixture_init_dead(&fixture);
	for (int i = 0; i < 500; i++) {
		while (strcmp(pick(&fixture, &dial, &next_us), "-") == 0) {
			CU_ASSERT_FATAL(next_us > fixture.now_us &&
					next_us <= picked_us + fixture.settings.retry_min_us);
			fixture.now_us = next_us;
		}
		EXPECT(i == 0 || fixture.now_us == picked_us + fixture.settings.retry_min_us, "pick %d", i);
		picked_us = fixture.now_us;
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	}
	fixture_fini(&fixture);
}

/* One of a thousand that are drawn at random takes a thousand draws, on average. */
static void one_that_is_back_is_found_among_a_thousand_dead_ones_as_fast_as_chance_says(void)
{
	enum { TURNS = 30 };
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	int draws = 0;
	fixture_init_dead(&fixture);
	for (int turn = 0; turn < TURNS; turn++) {
		char text[ADDRESS_TEXT_BYTES];
		snprintf(text, sizeof text, "10.%d.0.1:5999", 7 * turn);
		struct address back = address_of(text);
		for (bool is_found = false; !is_found && draws < 10 * TURNS * DEAD;) {
			if (strcmp(pick(&fixture, &dial, &next_us), "-") == 0) {
				fixture.now_us = next_us;
				continue;
			}
			draws++;
			is_found = address_equals(&dial.address, &back);
			address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		}
	}
	EXPECT(draws > TURNS * DEAD / 3 && draws < TURNS * DEAD * 2, "%d", draws / TURNS);
	fixture_fini(&fixture);
}

static void once_something_is_reached_what_has_failed_need_not_wait(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init_dead(&fixture);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
		struct dial first = dial;
		EXPECT_PICK(&fixture, "-");
		CU_ASSERT_EQUAL(next_us, fixture.now_us + fixture.settings.retry_min_us);
		reach(&fixture, &first, 5000 + i);
	}
	/* What has not failed never waits for that. */
	CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
	hear(&fixture, "10.255.0.1:5999", 0);
	EXPECT_PICK(&fixture, "10.255.0.1:5999");
	fixture_fini(&fixture);
}

static void what_is_told_of_again_is_due_as_soon_as_after_one_failure(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	for (int i = 0; i < 8; i++)
		fixture.now_us += fail_once(&fixture, "127.0.0.2:5999");
	CU_ASSERT(fail_once(&fixture, "127.0.0.2:5999") > 40 * SECOND_US);
	CU_ASSERT(hear(&fixture, "127.0.0.2:5999", 0));
	/* The pace of all that has failed is not what it waits for. */
	hear(&fixture, "127.0.0.3:5999", 3);
	EXPECT_PICK(&fixture, "127.0.0.3:5999");
	reach(&fixture, &dial, 3);
	fixture.now_us += fixture.settings.retry_min_us - 1;
	EXPECT_PICK(&fixture, "-");
	fixture.now_us += 1;
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	fixture_fini(&fixture);
}

/* ---- whom to choose ---- */

static void half_of_the_time_a_tried_one_is_chosen(void)
{
	static const struct {
		unsigned tried, new, least, most; /* of 200 picks, so many are of tried ones */
	} cases[] = {
		{300, 300, 75, 125}, {300, 1000, 75, 125}, {1000, 300, 75, 125}, {300, 0, 200, 200}, {0, 300, 0, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct dial dial;
		int64_t next_us;
		char text[ADDRESS_TEXT_BYTES];
		unsigned tried = 0;
		fixture_init(&fixture, "");
		for (unsigned j = 0; j < cases[i].tried; j++) {
			snprintf(text, sizeof text, "10.%u.0.%u:5999", j % 250, j / 250 + 1);
			find_node_at(&fixture, text, j + 1);
		}
		for (unsigned j = 0; j < cases[i].new; j++) {
			snprintf(text, sizeof text, "11.%u.0.%u:5999", j % 250, j / 250 + 1);
			hear_from(&fixture, text, 0, text);
		}
		for (int turn = 0; turn < 200; turn++) {
			CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
			tried += dial.address.host[0] == 10;
		}
		EXPECT(tried >= cases[i].least && tried <= cases[i].most, "case %zu: %u", i, tried);
		fixture_fini(&fixture);
	}
}

static void a_group_in_which_no_node_is_connected_is_preferred(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	unsigned same = 0;
	fixture_init(&fixture, "");
	connect_node(&fixture, 1);
	find_node_at(&fixture, "10.1.255.1:5999", 1);
	for (unsigned i = 1; i <= 200; i++) {
		snprintf(text, sizeof text, "10.%u.0.%u:5999", i % 2 + 1, i);
		hear(&fixture, text, 0);
	}
	for (int turn = 0; turn < 50; turn++) {
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
		same += dial.address.host[1] == 1;
		address_book_abandoned(fixture.book, &dial, fixture.now_us);
	}
	EXPECT(same <= 5, "%u", same);
	/* Once it isn't any more, its group is like the others. */
	disconnect_node(&fixture, 1, true);
	for (int turn = 0; turn < 50; turn++) {
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
		same += dial.address.host[1] == 1;
		address_book_abandoned(fixture.book, &dial, fixture.now_us);
	}
	EXPECT(same >= 15, "%u", same);
	/* Nor is a group in which one is being dialled as good as another. */
	fixture.now_us += 2 * SECOND_US;
	for (int turn = 0; turn < 20; turn++) {
		struct dial first;
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &first, &next_us), "-");
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
		CU_ASSERT_NOT_EQUAL(first.address.host[1], dial.address.host[1]);
		address_book_abandoned(fixture.book, &first, fixture.now_us);
		address_book_abandoned(fixture.book, &dial, fixture.now_us);
	}
	fixture.now_us += 2 * SECOND_US;
	/* A preference, no condition. */
	connect_node(&fixture, 1);
	find_node_at(&fixture, "10.1.255.1:5999", 1);
	connect_node(&fixture, 2);
	find_node_at(&fixture, "10.2.255.1:5999", 2);
	CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
	fixture_fini(&fixture);
}

/* ---- this machine's own errors ---- */

static void what_does_not_leave_this_machine_counts_no_failure(void)
{
	static const char *const addresses[] = {"127.0.0.2:5999", "10.0.0.2:5999"};
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		struct fixture fixture;
		struct dial dial;
		struct address_info info;
		int64_t next_us;
		fixture_init(&fixture, i == 0 ? addresses[i] : "");
		if (i == 1)
			hear(&fixture, addresses[i], 2);
		for (unsigned tries = 0; tries < 12; tries++) {
			EXPECT_PICK(&fixture, addresses[i]);
			address_book_hindered(fixture.book, &dial, "no route", fixture.now_us);
			EXPECT_PICK(&fixture, "-");
			int64_t wait_us = next_us - fixture.now_us;
			/* Of hearsay anybody can tell so much. */
			EXPECT(i == 0 ? is_back_off(wait_us, 1) : wait_us == fixture.settings.retry_max_us,
			       "case %zu: %lld", i, (long long)wait_us);
			fixture.now_us = next_us;
		}
		CU_ASSERT(find(&fixture, addresses[i], &info) && info.failures == 0);
		EXPECT_TEXT(info.error, "no route");
		int64_t wait_us = fail_once(&fixture, addresses[i]);
		EXPECT(i == 0 ? is_back_off(wait_us, 2) : wait_us == fixture.settings.retry_max_us, "case %zu: %lld", i,
		       (long long)wait_us);
		fixture_fini(&fixture);
	}
}

static void of_many_addresses_without_a_route_one_is_dialled_in_retry_min(void)
{
	struct fixture fixture;
	struct dial dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "");
	for (unsigned i = 1; i <= 8; i++)
		find_node_at(&fixture,
			     address_text((struct address){
				     .family = ADDRESS_IPV4, .host = {10, 0, 0, (unsigned char)i}, .port = 5999}),
			     0);
	pick_all(&fixture, dials, &next_us);
	for (unsigned i = 0; i < 8; i++)
		address_book_hindered(fixture.book, &dials[i], "no route", fixture.now_us);
	fixture.now_us += 2 * SECOND_US;
	struct dial dial;
	CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
	EXPECT_PICK(&fixture, "-");
	CU_ASSERT_EQUAL(next_us, fixture.now_us + SECOND_US);
	fixture_fini(&fixture);
}

static void a_hurry_makes_everything_due(void)
{
	struct fixture fixture;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	fixture_init(&fixture, "127.0.0.2:5999");
	for (unsigned i = 1; i <= 6; i++)
		fixture.now_us += fail_once(&fixture, "127.0.0.2:5999");
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	find_node_at(&fixture, "127.0.0.3:5999", 3);
	EXPECT_PICK(&fixture, "127.0.0.3:5999");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	hear(&fixture, "127.0.0.4:5999", 4);
	EXPECT_PICK(&fixture, "127.0.0.4:5999");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	EXPECT_PICK(&fixture, "-");
	address_book_hurry(fixture.book, fixture.now_us);
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	EXPECT_PICK(&fixture, "127.0.0.3:5999");
	EXPECT_PICK(&fixture, "127.0.0.4:5999");
	/* Not what is being dialled. */
	address_book_hurry(fixture.book, fixture.now_us);
	EXPECT_PICKS(&fixture, "");
	fixture_fini(&fixture);
}

static CU_TestInfo tests[] = {
	{"a public host gets a second place only if there is nobody else",
	 a_public_host_gets_a_second_place_only_if_there_is_nobody_else},
	{"what is found elsewhere takes a surplus place", what_is_found_elsewhere_takes_a_surplus_place},
	{"what does not leave this machine counts no failure", what_does_not_leave_this_machine_counts_no_failure},
	{"of many addresses without a route one is dialled in retry min",
	 of_many_addresses_without_a_route_one_is_dialled_in_retry_min},
	{"a hurry makes everything due", a_hurry_makes_everything_due},
	{"the back-off doubles within its bounds, with jitter", the_back_off_doubles_within_its_bounds_with_jitter},
	{"a failing bootstrap is tried for ever, with back-off", a_failing_bootstrap_is_tried_for_ever_with_back_off},
	{"failures in a row are told", failures_in_a_row_are_told},
	{"one dial at a time goes to an address", one_dial_at_a_time_goes_to_an_address},
	{"of the addresses of one nodeid one is dialled, and the others later",
	 of_the_addresses_of_one_nodeid_one_is_dialled_and_the_others_later},
	{"what is not due waits", what_is_not_due_waits},
	{"addresses that lead nowhere leave room for others", addresses_that_lead_nowhere_leave_room_for_others},
	{"what is told of a neighbour is dialled one at a time", what_is_told_of_a_neighbour_is_dialled_one_at_a_time},
	{"the counts of dials survive what becomes of an address meanwhile",
	 the_counts_of_dials_survive_what_becomes_of_an_address_meanwhile},
	{"of many dead addresses one is tried in retry min", of_many_dead_addresses_one_is_tried_in_retry_min},
	{"one that is back is found among a thousand dead ones as fast as chance says",
	 one_that_is_back_is_found_among_a_thousand_dead_ones_as_fast_as_chance_says},
	{"once something is reached what has failed need not wait",
	 once_something_is_reached_what_has_failed_need_not_wait},
	{"what is told of again is due as soon as after one failure",
	 what_is_told_of_again_is_due_as_soon_as_after_one_failure},
	{"half of the time a tried one is chosen", half_of_the_time_a_tried_one_is_chosen},
	{"a group in which no node is connected is preferred", a_group_in_which_no_node_is_connected_is_preferred},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_book_dials = {.pName = "address_book_dials", .pTests = tests};
