#include <errno.h>
#include <string.h>

#include "runner.h"
#include "talk/protocol_priv.h"
#include "telemetry/counters.h"
#include "telemetry/journal.h"
#include "unit/core.h"
#include "unit/suites.h"
#include "unit/talk/five.h"

/* What journal and counters learn of connections. */

struct notes {
	struct core core;
	struct journal *journal;
	struct counters counters;
	uint64_t after; /* the last event that was looked at */
};

static void start(struct notes *notes, size_t journal_events)
{
	*notes = (struct notes){.journal = journal_new(journal_events)};
	CU_ASSERT_PTR_NOT_NULL_FATAL(notes->journal);
	five_start(&notes->core);
	notes->core.protocol->parts.common.journal = notes->journal;
	notes->core.protocol->parts.common.counters = &notes->counters;
}

static void end(struct notes *notes)
{
	core_fini(&notes->core);
	journal_free(notes->journal);
}

static bool is_empty(const char *text)
{
	return text == NULL || text[0] == '\0';
}

/* The events since the last call, in short: "peer_up in, peer_down left: it is shutting down". */
static const char *news(struct notes *notes)
{
	static char text[2048];
	struct journal_entry *entries[JOURNAL_STEP];
	uint64_t lost;
	size_t length = 0, count = journal_read(notes->journal, &notes->after, entries, &lost);
	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		const struct event *event = journal_event(entries[i]);
		const char *word = event_ending_name(event->ending);
		word = is_empty(word) ? event_direction_name(event->direction) : word;
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s %s%s%s", i == 0 ? "" : ", ",
					   event_kind_name(event->kind), is_empty(word) ? "-" : word,
					   is_empty(event->reason) ? "" : ": ",
					   is_empty(event->reason) ? "" : event->reason);
		journal_release(entries[i]);
	}
	CU_ASSERT_EQUAL(lost, 0);
	return text;
}

static uint64_t count(struct notes *notes, enum counter counter)
{
	return atomic_load(&notes->counters.counts[counter]);
}

static void a_peer_comes_and_goes(void)
{
	static const struct {
		const char *bye, *news;
		enum counter counter;
	} cases[] = {
		{"shutdown", "peer_down left: it is shutting down", COUNTER_GONE_SHUTDOWN},
		{"full", NULL, COUNTER_GONE_FULL},
		{"timeout", NULL, COUNTER_GONE_TIMEOUT},
		{"", "peer_down failed: it closed the connection without a bye", COUNTER_GONE_BROKEN},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct notes notes;
		start(&notes, 100);
		struct peer *peer = core_meet(&notes.core, 2, "127.0.0.2:40000", 5999);
		EXPECT_TEXT(news(&notes), "peer_up in");
		if (cases[i].bye[0] != '\0')
			core_say(&notes.core, peer, "{'msgtype': 'bye', 'reason': '%s'}", cases[i].bye);
		else
			peer_fail(peer, 0, "it closed the connection without a bye");
		core_end(&notes.core, peer);
		const char *told = news(&notes);
		EXPECT(strncmp(told, "peer_down ", 10) == 0, "%s: %s", cases[i].bye, told);
		if (cases[i].news != NULL)
			EXPECT_TEXT(told, cases[i].news);
		EXPECT(count(&notes, cases[i].counter) == 1, "%s", cases[i].bye);
		end(&notes);
	}
}

/* The dial that is due next fails. */
static const char *fail_next(struct notes *notes, int error)
{
	struct peer *peer = NULL;
	for (int step = 0; step < 1000 && (peer = core_dial_next(&notes->core)) == NULL; step++)
		notes->core.now_us += SECOND_US;
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	peer_fail_errno(peer, error);
	core_end(&notes->core, peer);
	return news(notes);
}

/* A dial that fails is news once, until it fails for another reason; then that it works again is. */
static void a_failed_dial_is_told_once(void)
{
	struct notes notes;
	start(&notes, 100);
	struct peer *peer = core_reach(&notes.core, 2, "127.0.0.2:5999");
	EXPECT_TEXT(news(&notes), "peer_up out");
	CU_ASSERT_EQUAL(count(&notes, COUNTER_DIALS_READY), 1);
	peer_fail(peer, 0, "it closed the connection without a bye");
	core_end(&notes.core, peer);
	EXPECT_TEXT(news(&notes), "peer_down failed: it closed the connection without a bye");
	EXPECT_TEXT(fail_next(&notes, ECONNREFUSED), "dial_failed out: connection refused");
	EXPECT_TEXT(fail_next(&notes, ECONNREFUSED), "");
	CU_ASSERT(strncmp(fail_next(&notes, ETIMEDOUT), "dial_failed out: ", 17) == 0);
	EXPECT_TEXT(fail_next(&notes, ETIMEDOUT), "");
	CU_ASSERT_EQUAL(count(&notes, COUNTER_DIALS_FAILED), 4);
	for (int step = 0; step < 1000 && (peer = core_dial_next(&notes.core)) == NULL; step++)
		notes.core.now_us += SECOND_US;
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	core_say_hello(&notes.core, peer, 2, 5999);
	const char *told = news(&notes);
	EXPECT(strncmp(told, "dial_ok -: ", 11) == 0 && strstr(told, ", peer_up out") != NULL, "%s", told);
	end(&notes);
}

/* What strangers cause is counted each time, and noted as long as there is room for it. */
static void strangers_are_counted(void)
{
	enum { MANY = 50, JOURNAL = 20 };
	struct notes notes;
	start(&notes, JOURNAL);
	for (int i = 0; i < MANY; i++) {
		char from[32];
		snprintf(from, sizeof from, "127.0.1.%d:40000", i);
		struct peer *peer = core_accept(&notes.core, from);
		core_say(&notes.core, peer, "GET / HTTP/1.0");
		core_end(&notes.core, peer);
	}
	CU_ASSERT_EQUAL(count(&notes, COUNTER_REFUSED_PROTOCOL), MANY);
	uint64_t noted = journal_last(notes.journal);
	EXPECT(noted > 0 && noted <= 1 + JOURNAL * 2 / 5, "%llu", (unsigned long long)noted);
	CU_ASSERT(count(&notes, COUNTER_EVENTS_LEFT_OUT) >= MANY - noted);
	CU_ASSERT(strncmp(news(&notes), "refused in: ", 12) == 0);
	end(&notes);
}

/* One who looks whether somebody is here, and one who never says hello. */
static void who_only_looks_is_no_news(void)
{
	struct notes notes;
	start(&notes, 100);
	struct peer *feeler = core_accept(&notes.core, "127.0.0.2:40000");
	core_say(&notes.core, feeler, "{'msgtype': 'bye', 'reason': 'feeler'}");
	core_end(&notes.core, feeler);
	CU_ASSERT_EQUAL(count(&notes, COUNTER_REFUSED_SILENT), 0);
	struct peer *silent = core_accept(&notes.core, "127.0.0.2:40001");
	peer_fail(silent, 0, "it closed the connection without a bye");
	core_end(&notes.core, silent);
	CU_ASSERT_EQUAL(count(&notes, COUNTER_REFUSED_SILENT), 1);
	EXPECT_TEXT(news(&notes), "");
	end(&notes);
}

static CU_TestInfo tests[] = {
	{"a peer comes and goes", a_peer_comes_and_goes},
	{"a failed dial is told once, until the reason changes", a_failed_dial_is_told_once},
	{"strangers are counted each time, and noted as far as there is room", strangers_are_counted},
	{"who only looks is no news", who_only_looks_is_no_news},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_notes = {
	.pName = "notes", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
