#include "book/address_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "unit/book/book_fixture.h"
#include "unit/some_records.h"
#include "unit/suites.h"

/* ---- what is forgotten ---- */

/* What has failed is tried once more, and fails. */
static void what_fails_for_long_enough_is_forgotten(void)
{
	static const struct {
		const char *bootstrap;
		enum address_kind kind;
		unsigned failures;
		int64_t heard_ago_us, reached_ago_us;
		bool is_forgotten;
	} cases[] = {
		{"", ADDRESS_NEW, 0, HOUR_US, 0, false},
		{"", ADDRESS_NEW, 1, HOUR_US, 0, false},
		{"", ADDRESS_NEW, 2, HOUR_US, 0, true},
		{"", ADDRESS_NEW, 2, HOUR_US, HOUR_US, true},
		{"", ADDRESS_NEW, 0, 29 * DAY_US, 0, false},
		{"", ADDRESS_NEW, 0, 30 * DAY_US - SECOND_US, 0, true},
		{"", ADDRESS_TRIED, 0, HOUR_US, HOUR_US, false},
		{"", ADDRESS_TRIED, 8, 8 * DAY_US, 8 * DAY_US, false},
		{"", ADDRESS_TRIED, 9, 8 * DAY_US, 8 * DAY_US, true},
		{"", ADDRESS_TRIED, 9, 8 * DAY_US, 6 * DAY_US, false},
		{"", ADDRESS_TRIED, 9, 6 * DAY_US, 8 * DAY_US, false},
		{"", ADDRESS_TRIED, 500, 6 * DAY_US, 6 * DAY_US, false},
		{"", ADDRESS_TRIED, 0, 29 * DAY_US, 29 * DAY_US, false},
		{"", ADDRESS_TRIED, 8, 40 * DAY_US, 40 * DAY_US, false},
		{"127.0.0.2:5999", ADDRESS_NEW, 500, 40 * DAY_US, 0, false},
		{"127.0.0.2:5999", ADDRESS_TRIED, 500, 40 * DAY_US, 40 * DAY_US, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct dial dial;
		int64_t next_us;
		fixture_init(&fixture, cases[i].bootstrap);
		struct address_record record = record_of("127.0.0.2:5999", cases[i].kind, cases[i].failures,
							 cases[i].heard_ago_us, cases[i].reached_ago_us);
		import(&fixture, &record, 1);
		EXPECT(address_book_count(fixture.book) == 1, "case %zu: imported", i);
		EXPECT_PICK(&fixture, "127.0.0.2:5999");
		fixture.now_us += 10 * SECOND_US;
		unsigned failures = address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
		EXPECT(failures == cases[i].failures + 1, "case %zu: %u", i, failures);
		EXPECT(address_book_count(fixture.book) == !cases[i].is_forgotten, "case %zu", i);
		fixture_fini(&fixture);
	}
}

/* Before there were feelers for it, an address was tried once its node had said that it listens there. */
static void what_an_earlier_version_took_for_tried_is_hearsay_and_gets_a_dial(void)
{
	struct fixture fixture;
	struct dial dial;
	int64_t next_us;
	struct address_record records[] = {
		record_of("10.0.0.1:5999", ADDRESS_TRIED, 0, HOUR_US, 0),
		record_of("10.0.0.2:5999", ADDRESS_TRIED, 0, HOUR_US, HOUR_US),
		record_of("10.0.0.3:5999", ADDRESS_TRIED, 500, HOUR_US, 0),
	};
	fixture_init(&fixture, "");
	CU_ASSERT_EQUAL(import(&fixture, records, 3).known, 3);
	EXPECT_TEXT(kind_of(&fixture, "10.0.0.1:5999"), "new");
	EXPECT_TEXT(kind_of(&fixture, "10.0.0.2:5999"), "tried");
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_STRING_NOT_EQUAL(pick(&fixture, &dial, &next_us), "-");
		address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	}
	EXPECT_TEXT(kind_of(&fixture, "10.0.0.1:5999"), "new");
	EXPECT_TEXT(kind_of(&fixture, "10.0.0.3:5999"), "-");
	fixture_fini(&fixture);
}

/* ---- over restarts ---- */

static void what_is_hopeless_is_not_imported(void)
{
	static const struct {
		const char *text;
		enum address_kind kind;
		unsigned failures;
		int64_t heard_ago_us, reached_ago_us;
		bool is_imported;
	} cases[] = {
		{"127.0.0.2:5999", ADDRESS_NEW, 2, HOUR_US, 0, true},
		{"127.0.0.2:5999", ADDRESS_NEW, 3, HOUR_US, 0, false},
		{"127.0.0.2:5999", ADDRESS_NEW, 0, 31 * DAY_US, 0, false},
		{"127.0.0.2:5999", ADDRESS_TRIED, 10, 6 * DAY_US, 6 * DAY_US, true},
		{"127.0.0.2:5999", ADDRESS_TRIED, 10, 8 * DAY_US, 8 * DAY_US, true},
		/* What earlier versions took for tried, and was only announced. */
		{"127.0.0.2:5999", ADDRESS_TRIED, 9, 3650 * DAY_US, 0, true},
		{"127.0.0.2:5999", ADDRESS_TRIED, 500, 3650 * DAY_US, 3650 * DAY_US, true},
		/* What is later than the file is now, and what has no time too. */
		{"127.0.0.2:5999", ADDRESS_NEW, 0, -5 * DAY_US, 0, true},
		{"127.0.0.2:5999", ADDRESS_NEW, 0, UNIX_US, 0, true},
		/* Where this node listens. */
		{"127.0.0.1:5999", ADDRESS_TRIED, 0, HOUR_US, HOUR_US, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		struct address own = address_of("127.0.0.1:5999");
		fixture_init(&fixture, "");
		address_book_add_own(fixture.book, &own);
		struct address_record record = record_of(cases[i].text, cases[i].kind, cases[i].failures,
							 cases[i].heard_ago_us, cases[i].reached_ago_us);
		import(&fixture, &record, 1);
		struct address_info info;
		EXPECT(find(&fixture, cases[i].text, &info) == cases[i].is_imported, "case %zu", i);
		EXPECT(!cases[i].is_imported || info.heard_us <= fixture.now_us, "case %zu: heard of in the future", i);
		fixture_fini(&fixture);
	}
}

static int compare_records(const void *one, const void *other)
{
	const struct address_record *a = one, *b = other;
	return strcmp(address_text(a->address), address_text(b->address));
}

/* A second run goes on where the first has ended, whatever lies between. */
static void what_is_kept_comes_back_as_it_was(void)
{
	struct fixture fixture, after;
	struct address_records exported, again;
	struct address_record records[] = {
		record_of("10.0.0.1:5999", ADDRESS_NEW, 0, HOUR_US, 0),
		record_of("10.0.0.2:5999", ADDRESS_NEW, 2, 29 * DAY_US, 3 * DAY_US),
		record_of("10.0.0.3:5999", ADDRESS_TRIED, 0, SECOND_US, SECOND_US),
		record_of("10.0.0.4:5999", ADDRESS_TRIED, 12, 20 * DAY_US, 6 * DAY_US),
		record_of("[2001:db8::5]:5999", ADDRESS_TRIED, 1, HOUR_US, HOUR_US),
	};
	size_t count = sizeof records / sizeof *records;
	records[1].nodeid = nodeid_of(2);
	records[1].tried_s = records[1].error_s = UNIX_US / SECOND_US - 77;
	strcpy(records[1].error, "connection refused");
	records[3].nodeid = nodeid_of(4);
	records[4].tried_s = UNIX_US / SECOND_US - 5;
	memset(records[4].error, 'x', ADDRESS_ERROR_BYTES - 1);
	records[4].error_s = UNIX_US / SECOND_US - 4;
	fixture_init(&fixture, "");
	import(&fixture, records, count);
	CU_ASSERT(address_book_changes(fixture.book) > 0);
	CU_ASSERT(address_book_export(fixture.book, &exported, START_US + 5 * SECOND_US, UNIX_US + 5 * SECOND_US));
	fixture_init(&after, "");
	address_book_import(after.book, &exported, START_US);
	CU_ASSERT(address_book_export(after.book, &again, START_US + HOUR_US, UNIX_US + 5 * SECOND_US + HOUR_US));
	CU_ASSERT(again.has_secret && memcmp(&again.secret, &core_secret, sizeof core_secret) == 0);
	CU_ASSERT_EQUAL_FATAL(again.count, count);
	qsort(again.records, count, sizeof *again.records, compare_records);
	for (size_t i = 0; i < count; i++)
		EXPECT(record_equals(&again.records[i], &records[i]), "record %zu", i);
	address_records_fini(&exported);
	address_records_fini(&again);
	fixture_fini(&fixture);
	fixture_fini(&after);
}

/* Runs one after the other whose wall clocks are wrong: nothing is lost, and no age but what the runs have lasted. */
static void a_wrong_wall_clock_loses_nothing(void)
{
	static const int64_t clocks_us[] = {0,	     30 * SECOND_US,	    UNIX_US + 3650 * DAY_US,
					    UNIX_US, UNIX_US + 40 * DAY_US, UNIX_US - 3650 * DAY_US,
					    UNIX_US};
	struct address_record records[] = {
		record_of("10.0.0.1:5999", ADDRESS_NEW, 2, 20 * DAY_US, 0),
		record_of("10.0.0.2:5999", ADDRESS_TRIED, 0, HOUR_US, 2 * HOUR_US),
		record_of("10.0.0.3:5999", ADDRESS_TRIED, 500, 40 * DAY_US, 40 * DAY_US),
	};
	size_t count = sizeof records / sizeof *records;
	struct address_records kept = {.saved_s = UNIX_US / SECOND_US, .records = records, .count = count};
	for (size_t i = 0; i < sizeof clocks_us / sizeof *clocks_us; i++) {
		struct address_records exported, read;
		struct buffer text = {0};
		struct fixture fixture;
		fixture_init(&fixture, "");
		struct address_book_import import = address_book_import(fixture.book, &kept, START_US);
		EXPECT(import.known == count, "run %zu: %zu", i, import.known);
		CU_ASSERT(address_book_export(fixture.book, &exported, START_US + HOUR_US, clocks_us[i]));
		CU_ASSERT_FATAL(address_records_write(&exported, &text));
		CU_ASSERT_EQUAL(address_records_read(buffer_content(&text), buffer_length(&text), 9, &read),
				ADDRESS_RECORDS_GOOD);
		buffer_fini(&text);
		fixture_fini(&fixture);
		address_records_fini(&exported);
		if (i > 0)
			address_records_fini(&kept);
		kept = read;
	}
	CU_ASSERT_EQUAL_FATAL(kept.count, count);
	qsort(kept.records, count, sizeof *kept.records, compare_records);
	for (size_t i = 0; i < count; i++) {
		int64_t aged_s = (int64_t)(sizeof clocks_us / sizeof *clocks_us) * HOUR_US / SECOND_US;
		EXPECT(kept.saved_s - kept.records[i].heard_s == UNIX_US / SECOND_US - records[i].heard_s + aged_s,
		       "record %zu: heard", i);
		EXPECT(records[i].reached_s == 0 ? kept.records[i].reached_s == 0
						 : kept.saved_s - kept.records[i].reached_s ==
							   UNIX_US / SECOND_US - records[i].reached_s + aged_s,
		       "record %zu: reached", i);
		EXPECT(kept.records[i].failures == records[i].failures, "record %zu: failures", i);
	}
	address_records_fini(&kept);
}

static void what_becomes_of_the_records_is_counted(void)
{
	struct fixture fixture;
	struct address own = address_of("127.0.0.1:5999");
	struct address_record records[] = {
		record_of("10.0.0.1:5999", ADDRESS_TRIED, 0, 40 * DAY_US, 40 * DAY_US),
		record_of("10.0.0.2:5999", ADDRESS_NEW, 0, HOUR_US, 0),
		record_of("10.0.0.2:5999", ADDRESS_NEW, 0, HOUR_US, 0),
		record_of("10.0.0.3:5999", ADDRESS_NEW, 0, 31 * DAY_US, 0),
		record_of("10.0.0.4:5999", ADDRESS_NEW, 3, HOUR_US, 0),
		record_of("10.0.0.5:5999", ADDRESS_NEW, 4, 31 * DAY_US, 0),
		record_of("127.0.0.1:5999", ADDRESS_TRIED, 0, HOUR_US, HOUR_US),
	};
	fixture_init(&fixture, "");
	address_book_add_own(fixture.book, &own);
	struct address_book_import counts = import(&fixture, records, sizeof records / sizeof *records);
	CU_ASSERT_EQUAL(counts.known, 2);
	CU_ASSERT_EQUAL(counts.unheard, 2);
	CU_ASSERT_EQUAL(counts.failed, 1);
	CU_ASSERT_EQUAL(counts.own, 1);
	CU_ASSERT_EQUAL(counts.crowded, 0);
	fixture_fini(&fixture);
}

static bool is_exported(struct fixture *fixture, const char *text, struct address_record *record)
{
	struct address_records records;
	struct address address = address_of(text);
	bool found = false;
	CU_ASSERT_FATAL(address_book_export(fixture->book, &records, fixture->now_us, UNIX_US));
	for (size_t i = 0; i < records.count && !found; i++) {
		found = address_equals(&records.records[i].address, &address);
		*record = records.records[i];
	}
	address_records_fini(&records);
	return found;
}

static void what_the_configuration_says_anyway_is_not_kept_before_it_was_reached(void)
{
	struct fixture fixture;
	struct dial dial;
	struct address_record record = {.failures = 0};
	int64_t next_us;
	struct address self = address_of("10.0.0.3:5999");
	fixture_init(&fixture, "127.0.0.2:5999");
	hear(&fixture, "10.0.0.3:5999", 3);
	hear(&fixture, "10.0.0.4:5999", 4);
	address_book_add_self(fixture.book, &self);
	CU_ASSERT_FALSE(is_exported(&fixture, "127.0.0.2:5999", &record));
	CU_ASSERT_FALSE(is_exported(&fixture, "10.0.0.3:5999", &record));
	CU_ASSERT(is_exported(&fixture, "10.0.0.4:5999", &record));
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	reach(&fixture, &dial, 2);
	/* While it is connected it is heard from. */
	fixture.now_us += 40 * DAY_US;
	CU_ASSERT_FATAL(is_exported(&fixture, "127.0.0.2:5999", &record));
	CU_ASSERT(record.kind == ADDRESS_TRIED && record.heard_s == UNIX_US / SECOND_US);
	CU_ASSERT_FALSE(is_exported(&fixture, "10.0.0.4:5999", &record));
	fixture_fini(&fixture);
}

static void the_peers_that_were_connected_longest_are_dialled_first_after_a_restart(void)
{
	struct fixture before, after;
	struct address_records records;
	struct dial dial, dials[MOST_PICKS];
	int64_t next_us;
	char text[ADDRESS_TEXT_BYTES];
	fixture_init(&before, "");
	for (unsigned i = 1; i <= 30; i++) {
		before.now_us = START_US + (i * 7 % 31) * SECOND_US;
		snprintf(text, sizeof text, "10.%u.0.1:5999", i);
		connect_node(&before, i);
		find_node_at(&before, text, i);
	}
	before.now_us = START_US + HOUR_US;
	CU_ASSERT(address_book_export(before.book, &records, before.now_us, UNIX_US));
	fixture_init(&after, "");
	address_book_import(after.book, &records, START_US);
	/* The first two, in any order. */
	CU_ASSERT_STRING_NOT_EQUAL(pick(&after, &dial, &next_us), "-");
	bool is_first = dial.address.host[1] == 9;
	EXPECT_TEXT(address_text(dial.address), is_first ? "10.9.0.1:5999" : "10.18.0.1:5999");
	EXPECT_PICK(&after, is_first ? "10.18.0.1:5999" : "10.9.0.1:5999");
	/* That is so once. */
	address_book_failed(after.book, &dial, "refused", after.now_us);
	after.now_us += after.settings.retry_max_us;
	CU_ASSERT_STRING_NOT_EQUAL(pick(&after, &dial, &next_us), "-");
	CU_ASSERT(dial.address.host[1] != 9 && dial.address.host[1] != 18);
	pick_all(&after, dials, &next_us);
	CU_ASSERT_EQUAL(next_us, FOREVER_US);
	fixture_fini(&after);
	address_records_fini(&records);
	fixture_fini(&before);
}

static void an_import_adds_to_what_the_configuration_says(void)
{
	struct fixture fixture;
	struct dial dial;
	struct address_info info;
	int64_t next_us;
	struct address_record records[] = {
		record_of("127.0.0.2:5999", ADDRESS_TRIED, 2, 40 * DAY_US, 40 * DAY_US),
		record_of("127.0.0.3:5999", ADDRESS_TRIED, 0, HOUR_US, HOUR_US),
		/* Twice in a file: the first counts. */
		record_of("127.0.0.3:5999", ADDRESS_TRIED, 5, HOUR_US, HOUR_US),
	};
	records[0].nodeid = nodeid_of(2);
	records[0].error_s = UNIX_US / SECOND_US - 60;
	strcpy(records[0].error, "connection refused");
	fixture_init(&fixture, "127.0.0.2:5999");
	import(&fixture, records, 3);
	CU_ASSERT_EQUAL(address_book_count(fixture.book), 2);
	CU_ASSERT_FATAL(find(&fixture, "127.0.0.3:5999", &info));
	CU_ASSERT_EQUAL(info.failures, 0);
	CU_ASSERT_FATAL(find(&fixture, "127.0.0.2:5999", &info));
	CU_ASSERT(info.failures == 2 && info.kind == ADDRESS_TRIED && info.error_us == START_US - 60 * SECOND_US);
	CU_ASSERT(nodeid_equals(&info.nodeid, &records[0].nodeid));
	EXPECT_TEXT(info.error, "connection refused");
	EXPECT_PICK(&fixture, "127.0.0.2:5999");
	address_book_failed(fixture.book, &dial, "refused", fixture.now_us);
	EXPECT_PICK(&fixture, "127.0.0.3:5999");
	fixture_fini(&fixture);
}

static CU_TestInfo tests[] = {
	{"what fails for long enough is forgotten", what_fails_for_long_enough_is_forgotten},
	{"what an earlier version took for tried is hearsay, and gets a dial",
	 what_an_earlier_version_took_for_tried_is_hearsay_and_gets_a_dial},
	{"what is hopeless is not imported", what_is_hopeless_is_not_imported},
	{"what is kept comes back as it was", what_is_kept_comes_back_as_it_was},
	{"a wrong wall clock loses nothing", a_wrong_wall_clock_loses_nothing},
	{"what becomes of the records is counted", what_becomes_of_the_records_is_counted},
	{"what the configuration says anyway is not kept before it was reached",
	 what_the_configuration_says_anyway_is_not_kept_before_it_was_reached},
	{"the peers that were connected longest are dialled first after a restart",
	 the_peers_that_were_connected_longest_are_dialled_first_after_a_restart},
	{"an import adds to what the configuration says", an_import_adds_to_what_the_configuration_says},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address_book_records = {.pName = "address_book_records", .pTests = tests};
