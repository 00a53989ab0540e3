#include "talk/outlook_priv.h"

#include <string.h>

#include "runner.h"
#include "talk/protocol_priv.h"
#include "unit/core.h"
#include "unit/mesh/some_reports.h"
#include "unit/suites.h"

/* When a node looks at the whole network, and what comes of it. */

struct scene {
	struct core core;
	struct problems *problems;
	int64_t seq;
	uint64_t after; /* the last event that was looked at */
};

static void start(struct scene *scene)
{
	*scene = (struct scene){.problems = problems_new()};
	core_init(&scene->core, 1, "10.0.0.1:5999");
	scene->core.self = some_nodeid(1);
	scene->core.has_reports = true;
	scene->core.now_us = SOME_NOW_US;
	scene->core.journal = journal_new(100);
	CU_ASSERT_FATAL(scene->problems != NULL && scene->core.journal != NULL);
	core_start(&scene->core);
	scene->core.protocol->parts.common.problems = scene->problems;
}

static void end(struct scene *scene)
{
	core_fini(&scene->core);
	journal_free(scene->core.journal);
	problems_free(scene->problems);
}

/* Number 1 is this node. */
static void say(struct scene *scene, unsigned number, const char *words)
{
	struct report *report = some_report(number, ++scene->seq, words), *current = NULL;
	struct reports_teller teller = {.nodeid = some_nodeid(number), .is_origin = true, .now_us = scene->core.now_us};
	int64_t before;
	if (number != 1) {
		CU_ASSERT_EQUAL(reports_take(scene->core.reports, report, &teller, &current, &before), REPORTS_TAKEN);
		report_release(current);
		return;
	}
	CU_ASSERT(reports_set_own(scene->core.reports, report, scene->core.now_us));
	report_release(report);
}

/* After so many milliseconds. Returns in how many to call again. */
static int64_t look(struct scene *scene, int64_t after_ms)
{
	scene->core.now_us += after_ms * MS_US;
	int64_t next_us = outlook_run(scene->core.protocol, scene->core.now_us);
	return next_us == FOREVER_US ? -1 : (next_us - scene->core.now_us + MS_US - 1) / MS_US;
}

/* After 300 ms, and then whenever it asks to be called, for so long. */
static void keep_looking(struct scene *scene, int64_t for_ms)
{
	for (int64_t next_ms = look(scene, 300), passed_ms = 0; passed_ms < for_ms; passed_ms += next_ms)
		next_ms = look(scene, next_ms);
}

/* Three nodes that are all connected. */
static void say_all_is_well(struct scene *scene)
{
	say(scene, 1, "2 3");
	say(scene, 2, "1 3");
	say(scene, 3, "1 2");
}

/* The kinds of the events since the last call. */
static const char *news(struct scene *scene)
{
	static char text[512];
	struct journal_entry *entries[JOURNAL_STEP];
	uint64_t lost;
	size_t used = 0, count = journal_read(scene->core.journal, &scene->after, entries, &lost);
	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : " ",
					 event_kind_name(journal_event(entries[i])->kind));
		journal_release(entries[i]);
	}
	return text;
}

static void a_look_follows_a_change(void)
{
	struct scene scene;
	start(&scene);
	say_all_is_well(&scene);
	int64_t next_ms = look(&scene, 0);
	EXPECT_TEXT(news(&scene), "node_up node_up");
	EXPECT(next_ms >= 250 && next_ms < 10100, "%d ms", (int)next_ms);
	/* Nothing new, and then something, but too soon. */
	CU_ASSERT_EQUAL(look(&scene, 10), next_ms - 10);
	say(&scene, 1, "2 3!");
	say(&scene, 2, "1 3!");
	next_ms = look(&scene, 10);
	CU_ASSERT(next_ms > 200 && next_ms <= 250);
	EXPECT_TEXT(news(&scene), "");
	look(&scene, next_ms);
	EXPECT_TEXT(news(&scene), "node_late");
	end(&scene);
}

static void a_problem_is_raised_and_over(void)
{
	struct scene scene;
	size_t kinds[FINDING_KINDS];
	start(&scene);
	say_all_is_well(&scene);
	look(&scene, 0);
	news(&scene);
	say(&scene, 1, "2 3-closed@0");
	say(&scene, 2, "1 3-closed@0");
	capture_log(LOG_INFO);
	keep_looking(&scene, 3000);
	EXPECT_TEXT(news(&scene), "node_gone problem");
	CU_ASSERT(problems_count(scene.problems, kinds) == 1 && kinds[FINDING_NODE] == 1);
	const char *log = captured_log();
	EXPECT(strstr(log, " warning problem 1: 00300000 is gone") != NULL, "%s", log);
	say_all_is_well(&scene);
	capture_log(LOG_INFO);
	keep_looking(&scene, 10000);
	EXPECT_TEXT(news(&scene), "node_up problem_over");
	log = captured_log();
	EXPECT(strstr(log, " info  problem 1 is over after ") != NULL, "%s", log);
	end(&scene);
}

/* Without reports nothing is known of the network, and no problem of it either. */
static void reports_are_turned_off(void)
{
	struct scene scene;
	size_t kinds[FINDING_KINDS];
	start(&scene);
	say(&scene, 1, "2 3-closed@10");
	say(&scene, 2, "1 3-closed@10");
	look(&scene, 0);
	look(&scene, 2500);
	CU_ASSERT_EQUAL(problems_count(scene.problems, kinds), 1);
	scene.core.settings.max_nodes = 0;
	int64_t next_ms = look(&scene, 100);
	CU_ASSERT(next_ms > 0);
	while (next_ms > 0)
		next_ms = look(&scene, next_ms);
	CU_ASSERT_EQUAL(problems_count(scene.problems, kinds), 0);
	end(&scene);
}

/* The pause grows with the network. */
static void a_large_network_is_looked_at_seldom(void)
{
	enum { NODES = 100 };
	struct scene scene;
	char words[NODES * 5];
	start(&scene);
	for (unsigned number = 1; number <= NODES; number++) {
		size_t used = 0;
		for (unsigned other = 1; other <= NODES; other++)
			if (other != number)
				used += (size_t)snprintf(words + used, sizeof words - used, "%u ", other);
		say(&scene, number, words);
	}
	look(&scene, 0);
	say(&scene, 2, "1");
	int64_t next_ms = look(&scene, 1);
	EXPECT(next_ms > 250 + 40 && next_ms < 250 + 100, "%d ms", (int)next_ms);
	end(&scene);
}

static CU_TestInfo tests[] = {
	{"a look follows a change", a_look_follows_a_change},
	{"a problem is raised, and over", a_problem_is_raised_and_over},
	{"reports are turned off", reports_are_turned_off},
	{"a large network is looked at seldom", a_large_network_is_looked_at_seldom},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_outlook = {
	.pName = "outlook", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
