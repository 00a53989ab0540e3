#include "book/address_book.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/book/book_fixture.h"
#include "unit/suites.h"

/* ---- the sample ---- */

static size_t sample(struct fixture *fixture, struct message_entry *entries, size_t most)
{
	return address_book_sample(fixture->book, entries, most, fixture->now_us);
}

/* 10.G.0.N: reached so long ago. */
static void import_many(struct fixture *fixture, unsigned count, int64_t reached_ago_us)
{
	for (unsigned i = 0; i < count; i++) {
		char text[ADDRESS_TEXT_BYTES];
		snprintf(text, sizeof text, "10.%u.0.%u:5999", i % 250, i / 250 + 1);
		struct address_record record = record_of(text, ADDRESS_TRIED, 0, HOUR_US, reached_ago_us);
		record.nodeid = nodeid_of(i + 1);
		import(fixture, &record, 1);
	}
}

static void a_sample_is_at_most_23_percent_of_what_was_reached_within_a_day(void)
{
	static const struct {
		unsigned reached;
		int64_t ago_us;
		size_t most, sampled;
	} cases[] = {
		{0, HOUR_US, 1000, 0},	     {4, HOUR_US, 1000, 0},	    {5, HOUR_US, 1000, 1},
		{100, HOUR_US, 1000, 23},    {1000, HOUR_US, 1000, 230},    {1000, HOUR_US, 100, 100},
		{5000, HOUR_US, 1000, 1000}, {100, 24 * HOUR_US, 1000, 23}, {100, 24 * HOUR_US + SECOND_US, 1000, 0},
		{100, 0, 1000, 0},
	};
	static struct message_entry entries[1000];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		fixture_init(&fixture, "");
		import_many(&fixture, cases[i].reached, cases[i].ago_us);
		size_t count = sample(&fixture, entries, cases[i].most);
		EXPECT(count == cases[i].sampled, "case %zu: %zu", i, count);
		for (size_t j = 0; j < count; j++) {
			struct address_info info;
			EXPECT(find(&fixture, address_text(entries[j].address), &info) &&
				       nodeid_equals(&info.nodeid, &entries[j].nodeid),
			       "case %zu: entry %zu", i, j);
			if (cases[i].reached > 1000)
				break;
		}
		fixture_fini(&fixture);
	}
}

static void the_sample_is_the_same_for_a_day_and_another_the_next(void)
{
	static const struct {
		int64_t at_us;
		bool is_same;
	} cases[] = {{1000 * SECOND_US, true}, {20 * HOUR_US, true}, {DAY_US - 1, true}, {DAY_US, false}};
	struct message_entry first[23], other[23];
	struct fixture fixture;
	fixture_init(&fixture, "");
	import_many(&fixture, 100, SECOND_US);
	CU_ASSERT_EQUAL(sample(&fixture, first, 23), 23);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool is_same = true;
		fixture.now_us = cases[i].at_us;
		CU_ASSERT_EQUAL(sample(&fixture, other, 23), 23);
		for (size_t j = 0; j < 23; j++)
			is_same = is_same && address_equals(&first[j].address, &other[j].address);
		EXPECT(is_same == cases[i].is_same, "case %zu", i);
	}
	fixture_fini(&fixture);
}

static void what_is_connected_failed_or_only_hearsay_is_not_sampled(void)
{
	static struct message_entry entries[1000];
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	bool is_gone[250] = {false};
	fixture_init(&fixture, "");
	import_many(&fixture, 200, HOUR_US);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof text, "11.%u.0.1:5999", i);
		hear(&fixture, text, 1000 + i);
		snprintf(text, sizeof text, "12.%u.0.1:5999", i);
		claim(&fixture, text, 2000 + i);
	}
	CU_ASSERT_EQUAL(sample(&fixture, entries, 1000), 46);
	/* Some are connected, and some fail. */
	for (unsigned i = 0; i < 450; i++) {
		CU_ASSERT_STRING_NOT_EQUAL_FATAL(pick(&fixture, &dial, &next_us), "-");
		if (dial.address.host[0] == 10)
			is_gone[dial.address.host[1]] = true;
		if (i % 3 > 0)
			reach(&fixture, &dial, 3000 + i);
		else
			address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	}
	/* What others say of their nodeids hides none. */
	for (unsigned i = 0; i < 200; i++)
		connect_node(&fixture, i + 1);
	size_t left = 0;
	for (unsigned i = 0; i < 200; i++)
		left += !is_gone[i];
	CU_ASSERT(left < 100 && left > 10);
	size_t count = sample(&fixture, entries, 1000);
	CU_ASSERT_EQUAL(count, left * ADDRESS_BOOK_SAMPLE_PERCENT / 100);
	for (size_t i = 0; i < count; i++)
		EXPECT(entries[i].address.host[0] == 10 && !is_gone[entries[i].address.host[1]], "%s",
		       address_text(entries[i].address));
	fixture_fini(&fixture);
}

/* ---- to look at ---- */

static void what_was_heard_of_or_tried_last_is_shown_first(void)
{
	static const char *const order[] = {"10.0.0.2:5999", "10.0.0.5:5999", "10.0.0.1:5999", "10.0.0.4:5999",
					    "10.0.0.3:5999"};
	struct address_info infos[8];
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	fixture_init(&fixture, "");
	CU_ASSERT_EQUAL(address_book_recent(fixture.book, infos, 8, fixture.now_us), 0);
	hear(&fixture, "10.0.0.1:5999", 1);
	EXPECT_PICK(&fixture, "10.0.0.1:5999");
	connect_node(&fixture, 2);
	find_node_at(&fixture, "10.0.0.2:5999", 2);
	fixture.now_us = START_US + 1 * SECOND_US;
	hear(&fixture, "10.0.0.3:5999", 3);
	fixture.now_us = START_US + 2 * SECOND_US;
	find_node_at(&fixture, "10.0.0.4:5999", 4);
	fixture.now_us = START_US + 3 * SECOND_US;
	address_book_failed(fixture.book, &dial, "no route to host", fixture.now_us);
	fixture.now_us = START_US + 70 * SECOND_US;
	/* What has failed waits while something else is due: these two are under way meanwhile. */
	struct dial dials[MOST_PICKS];
	EXPECT_PICKS(&fixture, "10.0.0.1:5999 10.0.0.3:5999 10.0.0.4:5999");
	fixture.now_us = START_US + 80 * SECOND_US;
	hear(&fixture, "10.0.0.5:5999", 0);
	fixture.now_us = START_US + 90 * SECOND_US;
	size_t count = address_book_recent(fixture.book, infos, 8, fixture.now_us);
	CU_ASSERT_EQUAL_FATAL(count, 5);
	EXPECT_TEXT(address_text(infos[0].address), order[0]);
	EXPECT_TEXT(address_text(infos[1].address), order[1]);
	CU_ASSERT(infos[0].kind == ADDRESS_TRIED && infos[0].heard_us == fixture.now_us);
	CU_ASSERT(infos[0].tried_us == START_US && infos[0].error_us == NEVER_US && infos[0].error[0] == '\0');
	for (size_t i = 2; i < 5; i++) {
		CU_ASSERT_EQUAL(infos[i].tried_us, START_US + 70 * SECOND_US);
		if (infos[i].address.host[3] != 1)
			continue;
		struct nodeid one = nodeid_of(1);
		CU_ASSERT(nodeid_equals(&infos[i].nodeid, &one) && infos[i].kind == ADDRESS_NEW);
		CU_ASSERT(infos[i].heard_us == START_US && infos[i].error_us == START_US + 3 * SECOND_US);
		CU_ASSERT_EQUAL(infos[i].failures, 1);
		EXPECT_TEXT(infos[i].error, "no route to host");
	}
	CU_ASSERT_EQUAL(address_book_recent(fixture.book, infos, 2, fixture.now_us), 2);
	EXPECT_TEXT(address_text(infos[0].address), order[0]);
	EXPECT_TEXT(address_text(infos[1].address), order[1]);
	fixture_fini(&fixture);
}

static CU_TestInfo tests[] = {
	{"a sample is at most 23 % of what was reached within a day",
	 a_sample_is_at_most_23_percent_of_what_was_reached_within_a_day},
	{"the sample is the same for a day and another the next",
	 the_sample_is_the_same_for_a_day_and_another_the_next},
	{"what is connected failed or only hearsay is not sampled",
	 what_is_connected_failed_or_only_hearsay_is_not_sampled},
	{"what was heard of or tried last is shown first", what_was_heard_of_or_tried_last_is_shown_first},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_book_view = {.pName = "address_book_view", .pTests = tests};
