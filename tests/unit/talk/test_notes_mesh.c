#include <string.h>

#include "runner.h"
#include "talk/notes_priv.h"
#include "unit/core.h"
#include "unit/mesh/some_reports.h"
#include "unit/suites.h"

/* What the journal learns of the whole network. */

enum { TEXT_BYTES = 2048 };

struct notes {
	struct core core;
	struct counters counters;
	uint64_t after; /* the last event that was looked at */
};

static void start(struct notes *notes, size_t journal_events)
{
	*notes = (struct notes){.after = 0};
	core_init(&notes->core, 1, "10.0.0.1:5999");
	notes->core.journal = journal_new(journal_events);
	CU_ASSERT_PTR_NOT_NULL_FATAL(notes->core.journal);
	core_start(&notes->core);
	notes->core.protocol->parts.common.counters = &notes->counters;
}

static void end(struct notes *notes)
{
	core_fini(&notes->core);
	journal_free(notes->core.journal);
}

static void add(char *text, const char *word)
{
	size_t length = strlen(text);
	if (word != NULL && word[0] != '\0')
		snprintf(text + length, TEXT_BYTES - length, "%s%s", length == 0 || text[length - 1] == '\n' ? "" : " ",
			 word);
}

/* The events since the last call, a line for each. */
static const char *news(struct notes *notes)
{
	static char text[TEXT_BYTES];
	struct journal_entry *entries[JOURNAL_STEP];
	uint64_t lost;
	size_t count = journal_read(notes->core.journal, &notes->after, entries, &lost);
	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		const struct event *event = journal_event(entries[i]);
		char number[32] = "", seconds[32];
		if (event->problem > 0)
			snprintf(number, sizeof number, "#%d", (int)event->problem);
		snprintf(seconds, sizeof seconds, "%d s", (int)(event->lasted_us / SECOND_US));
		add(text, event_kind_name(event->kind));
		add(text, number);
		add(text, event_ending_name(event->ending));
		add(text, event->name);
		add(text, event->value);
		add(text, event->reason);
		if (event->lasted_us >= 0)
			add(text, seconds);
		if (!nodeid_is_none(&event->other))
			add(text, "(other)");
		strcat(text, "\n");
		journal_release(entries[i]);
	}
	CU_ASSERT_EQUAL(lost, 0);
	return text;
}

static uint64_t left_out(struct notes *notes)
{
	return atomic_load(&notes->counters.counts[COUNTER_EVENTS_LEFT_OUT]);
}

static void nodes_and_connections(void)
{
	static const struct {
		const char *reports[4];
		const char *news;
	} views[] = {
		{{"1: 2 3 =a", "2: 1 3 =b", "3: 1 2 =c"}, "node_up b\nnode_up c\n"},
		{{"1: 2 3! =a", "2: 1 3! =b", "3: 1 2 =c"}, "node_late c 3 s\n"},
		{{"1: 2 3 =a", "2: 1 3-silent@4 =b", "3: 1 2-closed@4 =c"},
		 "node_up c\nlink_down b c b: no answer to pings; c: closed the connection without a bye (other)\n"},
		{{"1: 2 3 =a", "2: 1 3 =b", "3: 1 2 =c"}, "link_up b c 4 s (other)\n"},
		{{"1: 2 3-closed@5 =a", "2: 1 3-closed@5 =b", "3: 1 2 =c"},
		 "node_gone failed c closed the connection without a bye 495 s\n"},
		{{"1: 2-left@5 =a", "2: 1 =b", "3: 1 2 =c"}, "node_gone left b left 495 s\n"},
	};
	struct notes notes;
	struct changes_past past = {.nodes = NULL};
	start(&notes, 100);
	for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
		struct view now = some_view(1, views[i].reports);
		notes_view(notes.core.protocol, &past, &now);
		EXPECT_TEXT(news(&notes), views[i].news);
		CU_ASSERT(changes_keep(&past, &now));
		view_free(&now);
	}
	changes_fini(&past);
	CU_ASSERT_EQUAL(left_out(&notes), 0);
	end(&notes);
}

static struct problem_entry problem_of(uint64_t number)
{
	return (struct problem_entry){.number = number,
				      .raised_us = SOME_NOW_US - 2 * SECOND_US,
				      .over_us = -1,
				      .finding = {.kind = FINDING_LINK,
						  .subjects = {some_nodeid(2), some_nodeid(3)},
						  .subject_count = 2,
						  .since_us = SOME_NOW_US - 5 * SECOND_US,
						  .text = "b and c can't talk"}};
}

static void problems(void)
{
	struct notes notes;
	struct view view = some_view(1, (const char *const[]){"1: 2 3 =a", "2: 1 =b", "3: 1 =c", NULL});
	struct problem_entry problem = problem_of(7);
	start(&notes, 100);
	notes_problem(notes.core.protocol, &problem, &view);
	EXPECT_TEXT(news(&notes), "problem #7 b link b and c can't talk (other)\n");
	problem.over_us = SOME_NOW_US;
	notes_problem(notes.core.protocol, &problem, NULL);
	EXPECT_TEXT(news(&notes), "problem_over #7 link b and c can't talk 5 s (other)\n");
	view_free(&view);
	end(&notes);
}

/* As many as strangers may cause; of one that the journal has, it also gets the end. */
static void the_journal_is_not_flushed(void)
{
	enum { EVENTS = 20, MANY = 50 };
	struct notes notes;
	const struct changes_past no_past = {.nodes = NULL};
	uint64_t raised = 0, over = 0;
	start(&notes, EVENTS);
	for (uint64_t number = 1; number <= MANY; number++) {
		struct problem_entry problem = problem_of(number);
		notes_problem(notes.core.protocol, &problem, NULL);
	}
	raised = journal_last(notes.core.journal);
	CU_ASSERT(raised > 0 && raised <= EVENTS / 2);
	CU_ASSERT_EQUAL(left_out(&notes), MANY - raised);
	for (uint64_t number = 1; number <= MANY; number++) {
		struct problem_entry problem = problem_of(number);
		problem.over_us = SOME_NOW_US;
		notes_problem(notes.core.protocol, &problem, NULL);
	}
	over = journal_last(notes.core.journal) - raised;
	CU_ASSERT_EQUAL(over, raised);
	struct view view = some_view(1, (const char *const[]){"1: 2 3", "2: 1 3", "3: 1 2", NULL});
	notes_view(notes.core.protocol, &no_past, &view);
	CU_ASSERT_EQUAL(journal_last(notes.core.journal), raised + over);
	CU_ASSERT_EQUAL(left_out(&notes), MANY - raised + 2);
	view_free(&view);
	end(&notes);
}

static CU_TestInfo tests[] = {
	{"nodes and connections", nodes_and_connections},
	{"problems", problems},
	{"the journal is not flushed", the_journal_is_not_flushed},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_notes_mesh = {
	.pName = "notes_mesh", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
