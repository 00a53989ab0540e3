#include "telemetry/journal.h"

#include <string.h>

#include "base/sync.h"
#include "runner.h"
#include "unit/suites.h"

static void note(struct journal *journal, const char *name)
{
	struct event event = {.kind = EVENT_PEER_UP, .name = name, .lasted_us = -1};
	journal_note(journal, &event);
}

/* Reads a step, and expects entries with these numbers, after so many that are lost. */
static void expect_read(struct journal *journal, uint64_t *after, uint64_t first, uint64_t last, uint64_t lost)
{
	struct journal_entry *entries[JOURNAL_STEP];
	uint64_t missed;
	size_t count = journal_read(journal, after, entries, &missed);
	size_t wanted = first == 0 ? 0 : (size_t)(last - first + 1);
	EXPECT(count == wanted && missed == lost, "%zu read, %llu lost", count, (unsigned long long)missed);
	for (size_t i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(journal_number(entries[i]), first + i);
		journal_release(entries[i]);
	}
}

static void events_are_read_in_order(void)
{
	struct journal *journal = journal_new(10);
	uint64_t after = 0;
	expect_read(journal, &after, 0, 0, 0);
	note(journal, "a");
	note(journal, "b");
	expect_read(journal, &after, 1, 2, 0);
	expect_read(journal, &after, 0, 0, 0);
	note(journal, "c");
	expect_read(journal, &after, 3, 3, 0);
	CU_ASSERT_EQUAL(journal_last(journal), 3);
	journal_free(journal);
}

static void what_the_ring_has_lost_is_counted(void)
{
	struct journal *journal = journal_new(4);
	uint64_t after = 0;
	size_t bytes;
	for (int i = 0; i < 10; i++)
		note(journal, "a");
	CU_ASSERT_EQUAL(journal_count(journal, &bytes), 4);
	CU_ASSERT(bytes > 0 && bytes < 4 * 256 + 64 * sizeof(void *));
	expect_read(journal, &after, 7, 10, 6);
	for (int i = 0; i < 5; i++)
		note(journal, "a");
	expect_read(journal, &after, 12, 15, 1);
	journal_free(journal);
}

static void a_long_history_is_read_in_steps(void)
{
	struct journal *journal = journal_new(1000);
	uint64_t after = 0;
	for (int i = 0; i < JOURNAL_STEP + 5; i++)
		note(journal, "a");
	expect_read(journal, &after, 1, JOURNAL_STEP, 0);
	expect_read(journal, &after, JOURNAL_STEP + 1, JOURNAL_STEP + 5, 0);
	journal_free(journal);
}

static void another_size_keeps_the_newest(void)
{
	struct journal *journal = journal_new(100);
	uint64_t after = 0;
	size_t bytes;
	for (int i = 0; i < 100; i++)
		note(journal, "a");
	journal_keep(journal, 3);
	expect_read(journal, &after, 98, 100, 97);
	note(journal, "b");
	CU_ASSERT_EQUAL(journal_count(journal, &bytes), 3);
	journal_keep(journal, 5);
	note(journal, "c");
	CU_ASSERT_EQUAL(journal_count(journal, &bytes), 4);
	journal_keep(journal, 0);
	note(journal, "d");
	CU_ASSERT_EQUAL(journal_count(journal, &bytes), 0);
	expect_read(journal, &after, 0, 0, 3);
	journal_free(journal);
}

static void an_entry_is_good_while_it_is_held(void)
{
	struct journal *journal = journal_new(1);
	struct journal_entry *entries[JOURNAL_STEP];
	uint64_t after = 0, lost;
	char name[16] = "first";
	int64_t before_us = clock_now_us(), unix_us = clock_unix_us();
	struct event event = {
		.kind = EVENT_PEER_DOWN, .ending = EVENT_FAILED, .name = name, .reason = "it was cut", .lasted_us = 7};
	journal_note(journal, &event);
	strcpy(name, "changed");
	CU_ASSERT_EQUAL(journal_read(journal, &after, entries, &lost), 1);
	note(journal, "second");
	const struct event *kept = journal_event(entries[0]);
	CU_ASSERT_STRING_EQUAL(kept->name, "first");
	CU_ASSERT_STRING_EQUAL(kept->reason, "it was cut");
	CU_ASSERT_STRING_EQUAL(kept->value, "");
	CU_ASSERT_EQUAL(kept->lasted_us, 7);
	CU_ASSERT(journal_at_us(entries[0]) >= before_us && journal_at_us(entries[0]) <= clock_now_us());
	CU_ASSERT(journal_unix_us(entries[0]) >= unix_us);
	journal_release(entries[0]);
	journal_free(journal);
}

static void a_long_text_is_cut_between_characters(void)
{
	struct journal *journal = journal_new(1);
	struct journal_entry *entries[JOURNAL_STEP];
	uint64_t after = 0, lost;
	char text[JOURNAL_TEXT_BYTES * 2];
	for (size_t i = 0; i + 2 < sizeof text; i += 2)
		memcpy(text + i, "\xc3\xa9", 3);
	struct event event = {.kind = EVENT_REFUSED, .reason = text, .lasted_us = -1};
	journal_note(journal, &event);
	CU_ASSERT_EQUAL(journal_read(journal, &after, entries, &lost), 1);
	CU_ASSERT_EQUAL(strlen(journal_event(entries[0])->reason), JOURNAL_TEXT_BYTES - 2);
	journal_release(entries[0]);
	journal_free(journal);
}

static void reading_can_begin_at_a_time(void)
{
	struct journal *journal = journal_new(10);
	note(journal, "a");
	note(journal, "b");
	CU_ASSERT_EQUAL(journal_before(journal, 0), 0);
	CU_ASSERT_EQUAL(journal_before(journal, FOREVER_US), 2);
	int64_t between_us = clock_now_us() + 1;
	while (clock_now_us() <= between_us)
		continue;
	note(journal, "c");
	CU_ASSERT_EQUAL(journal_before(journal, between_us), 2);
	journal_free(journal);
}

static void *note_soon(void *argument)
{
	note(argument, "a");
	return NULL;
}

static void *close_soon(void *argument)
{
	journal_close(argument);
	return NULL;
}

static void who_waits_is_woken_by_an_event_and_by_the_end(void)
{
	struct journal *journal = journal_new(10);
	struct thread thread;
	journal_wait(journal, 0, clock_now_us()); /* the deadline has passed */
	CU_ASSERT_EQUAL(thread_start(&thread, note_soon, journal), 0);
	journal_wait(journal, 0, FOREVER_US);
	thread_join(thread);
	CU_ASSERT_EQUAL(thread_start(&thread, close_soon, journal), 0);
	journal_wait(journal, 1, FOREVER_US);
	thread_join(thread);
	journal_free(journal);
}

static void strangers_have_a_share(void)
{
	struct journal *journal = journal_new(100);
	int count = 0;
	while (count < 1000 && journal_may_note(journal))
		count++;
	/* One more may have come meanwhile. */
	CU_ASSERT(count >= 40 && count <= 42);
	journal_free(journal);
	journal = journal_new(0);
	CU_ASSERT_TRUE(journal_may_note(journal));
	CU_ASSERT_FALSE(journal_may_note(journal));
	CU_ASSERT_FALSE(journal_may_note(NULL));
	journal_free(journal);
}

static void a_node_without_a_journal_notes_nothing(void)
{
	note(NULL, "a");
	journal_close(NULL);
	journal_free(NULL);
}

static void kinds_have_names(void)
{
	for (int i = 0; i < EVENT_KINDS; i++) {
		enum event_kind kind = EVENT_KINDS;
		CU_ASSERT(event_kind_find(event_kind_name((enum event_kind)i), &kind));
		CU_ASSERT_EQUAL((int)kind, i);
	}
	enum event_kind kind;
	CU_ASSERT_FALSE(event_kind_find("", &kind));
	CU_ASSERT_FALSE(event_kind_find("peer", &kind));
}

static CU_TestInfo tests[] = {
	{"events are read in order", events_are_read_in_order},
	{"what the ring has lost is counted", what_the_ring_has_lost_is_counted},
	{"a long history is read in steps", a_long_history_is_read_in_steps},
	{"another size keeps the newest", another_size_keeps_the_newest},
	{"an entry is good while it is held", an_entry_is_good_while_it_is_held},
	{"a long text is cut between characters", a_long_text_is_cut_between_characters},
	{"reading can begin at a time", reading_can_begin_at_a_time},
	{"who waits is woken by an event and by the end", who_waits_is_woken_by_an_event_and_by_the_end},
	{"strangers have a share", strangers_have_a_share},
	{"a node without a journal notes nothing", a_node_without_a_journal_notes_nothing},
	{"kinds have names", kinds_have_names},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_journal = {"journal", NULL, NULL, NULL, NULL, tests};
