#include "mesh/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sync.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/mesh/network.h"
#include "unit/suites.h"

#define FOUR "nodes alpha beta gamma delta; mesh alpha beta gamma delta;"
#define SIX "nodes c1 eu1 eu2 us1 us2 c2; mesh c1 eu1 eu2 us1 us2 c2;"
#define MISS(one, other) #one " misses " #other " 9; " #other " misses " #one " 9;"

enum { NEWS_BYTES = 4096, NAME_BYTES = 512 };

/* A network that is looked at, and what was heard. */
struct watch {
	struct network *network;
	struct problems *problems;
	char news[NEWS_BYTES];
};

static void hear(void *context, const struct problem_entry *problem)
{
	struct watch *watch = context;
	char name[NAME_BYTES];
	size_t used = strlen(watch->news);
	network_write_finding(watch->network, &problem->finding, name, sizeof name);
	snprintf(watch->news + used, sizeof watch->news - used, "%s%s%llu %s", used == 0 ? "" : ", ",
		 problem->over_us == -1 ? "+" : "-", (unsigned long long)problem->number, name);
}

/* As the node does: at each change, and when it was told to look again. */
static int64_t look(struct watch *watch)
{
	struct findings findings = network_find(watch->network, problems_memory(watch->problems));
	int64_t again_us = problems_look(watch->problems, &findings, network_now(watch->network), hear, watch);
	findings_fini(&findings);
	return again_us;
}

/* What is said at this moment, after so many seconds, and what is heard until then. */
struct scene {
	double wait_s;
	const char *text;
	const char *news;
};

static void play(const char *file, int line, const char *text, const struct scene *scenes, size_t count)
{
	struct watch watch = {.network = network_new(text), .problems = problems_new()};
	int64_t again_us = look(&watch);
	for (size_t i = 0; i < count; i++) {
		int64_t then_us = network_now(watch.network) + (int64_t)(scenes[i].wait_s * 1e6);
		watch.news[0] = '\0';
		while (again_us < then_us) {
			network_wait(watch.network, (double)(again_us - network_now(watch.network)) / 1e6);
			again_us = look(&watch);
			EXPECT(again_us > network_now(watch.network), "scene %zu: looks on and on", i + 1);
		}
		network_wait(watch.network, (double)(then_us - network_now(watch.network)) / 1e6);
		network_say(watch.network, scenes[i].text);
		again_us = look(&watch);
		expect(strcmp(watch.news, scenes[i].news) == 0, file, line, "the news", "scene %zu (%s): %s, not %s",
		       i + 1, scenes[i].text, watch.news, scenes[i].news);
	}
	problems_free(watch.problems);
	network_free(watch.network);
}

#define PLAY(text, scenes) play(__FILE__, __LINE__, text, scenes, sizeof(scenes) / sizeof *(scenes))

static void what_lasts_is_raised_once_and_over_once(void)
{
	static const struct scene scenes[] = {
		{5, MISS(beta, gamma), ""}, {1.9, "", ""}, {0.2, "", "+1 link(beta gamma)"}, {60, "", ""},
		{1, "link beta gamma", ""}, {1.9, "", ""}, {0.2, "", "-1 link(beta gamma)"}, {300, "", ""},
	};
	PLAY(FOUR, scenes);
}

static void what_comes_and_goes_is_one_problem(void)
{
	static const struct scene scenes[] = {
		{5, MISS(beta, gamma), ""},
		{1, "link beta gamma", ""},
		{1, MISS(beta, gamma), ""},
		{1.5, "", ""},
		{1, "", "+1 link(beta gamma)"},
		{1, "link beta gamma", ""},
		{1, MISS(beta, gamma), ""},
		{1.5, "link beta gamma", ""},
		{1.5, MISS(beta, gamma), ""},
		{9, "link beta gamma", ""},
		{3, "", "-1 link(beta gamma)"},
		{40, MISS(beta, gamma), ""},
		{3, "link beta gamma", "+1 link(beta gamma)"},
		{3, "", "-1 link(beta gamma)"},
		{61, MISS(beta, gamma), ""},
		{3, "", "+2 link(beta gamma)"},
	};
	PLAY(FOUR, scenes);
}

static void a_restart_or_a_leave_is_no_problem(void)
{
	static const struct scene scenes[] = {
		{40, "gamma dies closed 0.1", ""},
		{0.4, "gamma started 0.2; link alpha gamma; apart beta gamma; apart gamma delta", ""},
		{1, "link beta gamma; link gamma delta", ""},
		{9, "gamma dies left 0.1", ""},
		{9, "", ""},
		{99, "delta dies closed 0.1", ""},
		{0.4, "", ""},
		{0.2, "", "+1 node(delta)"},
	};
	PLAY(FOUR, scenes);
}

static void a_node_that_has_just_started_waits_before_it_says_who_is_gone(void)
{
	static const struct scene scenes[] = {
		{5, "alpha started 5; gamma dies closed 0.1", ""},
		{1.9, "", ""},
		{0.2, "", "+1 node(gamma)"},
		{40, "delta dies closed 0.1", ""},
		{0.6, "", "+2 node(delta)"},
	};
	PLAY(FOUR, scenes);
}

static void a_cut_that_still_grows_is_one_problem(void)
{
	static const struct scene scenes[] = {
		{5, MISS(eu1, us1), ""},
		{1.5, MISS(eu1, us2), ""},
		{1.5, MISS(eu2, us1), ""},
		{1.5, MISS(eu2, us2), ""},
		{6.9, "", ""},
		{0.2, "", "+1 cut(eu1 eu2 | us1 us2)"},
		{20, "link eu1 us1; link eu2 us2", ""},
		{9, "link eu2 us1", ""},
		{9, "link eu1 us2", ""},
		{3, "", "-1 cut(eu1 | us2)"},
		{90, "", ""},
	};
	PLAY(SIX, scenes);
}

static void a_broken_link_that_becomes_part_of_a_cut_gives_way_to_it(void)
{
	static const struct scene scenes[] = {
		{5, MISS(eu1, us1), ""},
		{9, "", "+1 link(eu1 us1)"},
		{9, MISS(eu1, us2) MISS(eu2, us1) MISS(eu2, us2), ""},
		{6.9, "", ""},
		{0.2, "", "+2 cut(eu1 eu2 | us1 us2)"},
		{3, "", "-1 link(eu1 us1)"},
		{9, MISS(c2, us1) MISS(c2, us2), ""},
		{9, "", ""},
	};
	PLAY(SIX, scenes);
}

/* us1 may be dying, as long as it says nothing itself. */
#define DOUBTS "eu1 misses us1 3; eu2 misses us1 3;"

static void a_broken_link_waits_for_what_is_not_decided_at_its_ends(void)
{
	static const struct scene grows[] = {
		{5, MISS(eu1, us2) DOUBTS, ""},
		{6, "us1 misses eu1 1; us1 misses eu2 1;" MISS(eu2, us2), ""},
		{6.9, "", ""},
		{0.2, "", "+1 cut(eu1 eu2 | us1 us2)"},
	};
	static const struct scene was_nothing[] = {
		{5, MISS(eu1, us2) DOUBTS, ""},
		{6, "eu1 hears us1; eu2 hears us1", ""},
		{1.9, "", ""},
		{0.2, "", "+1 link(eu1 us2)"},
	};
	static const struct scene is_never_decided[] = {
		{5, MISS(eu1, us2) DOUBTS, ""},
		{8.9, "", ""},
		{0.2, "", "+1 link(eu1 us2)"},
	};
	static const struct scene is_elsewhere[] = {
		{5, MISS(c1, us2) DOUBTS, ""},
		{2.1, "", "+1 link(c1 us2)"},
	};
	PLAY(SIX, grows);
	PLAY(SIX, was_nothing);
	PLAY(SIX, is_never_decided);
	PLAY(SIX, is_elsewhere);
}

/* Each is new every time: it was away for a moment. */
#define FIRST "link eu2 us1;" MISS(eu1, us2)
#define SECOND "link eu1 us2;" MISS(eu2, us1)

static void growth_without_end_is_told_at_last(void)
{
	static const struct scene scenes[] = {
		{0, MISS(eu1, us1), ""},
		{1.9, FIRST, ""},
		{1.9, SECOND, ""},
		{1.9, FIRST, ""},
		{1.9, SECOND, ""},
		{1.9, FIRST, ""},
		{1.9, SECOND, ""},
		{1.9, FIRST, ""},
		{1.9, SECOND, ""},
		{1.9, FIRST, ""},
		{1.9, SECOND, ""},
		{1.9, FIRST, ""},
		{1.9, SECOND, ""},
		{1.9, FIRST, ""},
		{1.9, SECOND, ""},
		{1.9, FIRST, ""},
		{1.9, SECOND, "+1 link(eu1 us1)"},
	};
	PLAY(SIX, scenes);
}

static void two_broken_links_of_one_node_wait_for_a_third(void)
{
	static const struct scene scenes[] = {
		{5, MISS(eu1, us1), ""},
		{1.5, MISS(eu1, us2), ""},
		{6.5, MISS(eu1, c2), ""},
		{6.9, "", ""},
		{0.2, "", "+1 link(eu1 us1), +2 link(eu1 us2), +3 link(eu1 c2)"},
		{9, MISS(eu1, eu2), ""},
		{9, "", "+4 cut(eu1 | eu2 us1 us2 c2), -1 link(eu1 us1), -2 link(eu1 us2), -3 link(eu1 c2)"},
	};
	PLAY(SIX, scenes);
}

static void another_link_elsewhere_delays_nothing(void)
{
	static const struct scene scenes[] = {
		{5, MISS(eu1, us1), ""},
		{1.5, MISS(eu2, us2), ""},
		{1, "", "+1 link(eu1 us1)"},
		{1, "", "+2 link(eu2 us2)"},
	};
	PLAY(SIX, scenes);
}

static void unknown_is_not_fine(void)
{
	static const struct scene scenes[] = {
		{5, MISS(gamma, delta), ""},
		{3, "", "+1 link(gamma delta)"},
		{9,
		 "apart beta gamma delta; link gamma delta; link beta gamma; link beta delta;"
		 "apart alpha beta gamma delta; link beta gamma; link beta delta; link gamma delta;"
		 "link alpha beta; link alpha gamma; link alpha delta; alpha loses beta silent 1;"
		 "alpha loses gamma silent 1; alpha loses delta silent 1",
		 ""},
		{3, "", "+2 me(alpha)"},
		{900, "", ""},
		{1, "mesh alpha beta gamma delta", ""},
		{3, "", "-1 link(gamma delta), -2 me(alpha)"},
	};
	PLAY(FOUR, scenes);
}

static void nodes_that_are_lost_one_after_the_other_are_one_partition(void)
{
	static const struct scene scenes[] = {
		{5, "apart c1 eu1 eu2 us1 us2 c2; mesh c1 c2; mesh eu1 eu2 us1 us2; link c1 eu1; c1 loses eu1 silent 1",
		 ""},
		{3, "", "+1 partition(eu1 eu2 us1 us2)"},
		{9, "apart us2 eu1; apart us2 eu2; apart us2 us1; link c1 us2", ""},
		{9, "apart eu1 us1; apart eu2 us1; link c1 us1", ""},
		{9, "link c1 eu1", ""},
		{9, "", "-1 partition(eu1 eu2)"},
	};
	PLAY(SIX, scenes);
}

static void a_notice_takes_longer(void)
{
	static const struct scene scenes[] = {
		{0, "", ""},
		{29, "", ""},
		{2, "", "+1 single(c2 c1)"},
		{9, "link c2 us1", ""},
		{9, "", "-1 single(c2 c1)"},
	};
	PLAY("nodes c1 eu1 eu2 us1 us2 c2; mesh c1 eu1 eu2 us1 us2; link c1 c2", scenes);
}

/* ---- what others ask ---- */

static void those_that_last_are_listed_in_the_order_of_kinds(void)
{
	struct watch watch = {.network = network_new(SIX), .problems = problems_new()};
	size_t kinds[FINDING_KINDS], count;
	CU_ASSERT_PTR_NULL(problems_list(watch.problems, &count));
	CU_ASSERT_EQUAL(count, 0);
	look(&watch);
	network_say(watch.network, MISS(eu1, us1) "eu2 skew 43; c2 dies closed 1");
	look(&watch);
	network_wait(watch.network, 3);
	look(&watch);
	struct problem_entry *list = problems_list(watch.problems, &count);
	if (EXPECT(count == 3, "%zu", count)) {
		CU_ASSERT_EQUAL(list[0].finding.kind, FINDING_NODE);
		CU_ASSERT_EQUAL(list[1].finding.kind, FINDING_LINK);
		CU_ASSERT_EQUAL(list[2].finding.kind, FINDING_CLOCK);
		CU_ASSERT_EQUAL(list[0].raised_us, network_now(watch.network));
		CU_ASSERT_EQUAL(list[0].over_us, -1);
	}
	free(list);
	CU_ASSERT_EQUAL(problems_count(watch.problems, kinds), 3);
	CU_ASSERT_EQUAL(kinds[FINDING_NODE], 1);
	CU_ASSERT_EQUAL(kinds[FINDING_CUT], 0);
	problems_free(watch.problems);
	network_free(watch.network);
}

/* ---- bounds ---- */

static void hear_nothing(void *context, const struct problem_entry *problem)
{
	size_t *count = context;
	*count += problem->number > 0;
}

/* There are too many of its kind to list them all. */
static void what_may_be_missing_lasts(void)
{
	static struct finding list = {.kind = FINDING_NODE, .since_us = -1, .identity = 7};
	struct findings findings = {.list = &list, .count = 1, .again_us = FOREVER_US};
	struct problems *problems = problems_new();
	size_t heard = 0;
	int64_t now_us = 1000 * SECOND_US;
	for (int i = 0; i < 3; i++)
		problems_look(problems, &findings, now_us += 3 * SECOND_US, hear_nothing, &heard);
	CU_ASSERT_EQUAL(heard, 1);
	findings.count = 0;
	findings.is_full[FINDING_NODE] = true;
	for (int i = 0; i < 3; i++)
		problems_look(problems, &findings, now_us += 3 * SECOND_US, hear_nothing, &heard);
	CU_ASSERT_EQUAL(heard, 1);
	findings.is_full[FINDING_NODE] = false;
	for (int i = 0; i < 3; i++)
		problems_look(problems, &findings, now_us += 3 * SECOND_US, hear_nothing, &heard);
	CU_ASSERT_EQUAL(heard, 2);
	problems_free(problems);
}

/* Others each time: none is remembered for long, and there is room for those of one look. */
static void the_memory_is_bounded(void)
{
	struct problems *problems = problems_new();
	struct finding *list = calloc(FINDINGS, sizeof *list);
	size_t heard = 0, count;
	int64_t now_us = 1000 * SECOND_US;
	CU_ASSERT_PTR_NOT_NULL_FATAL(list);
	for (uint64_t round = 0; round < 100; round++) {
		struct findings findings = {.list = list, .count = FINDINGS, .again_us = FOREVER_US};
		for (size_t i = 0; i < FINDINGS; i++) {
			list[i].kind = FINDING_NODE;
			list[i].since_us = -1;
			list[i].identity = round * FINDINGS + i;
		}
		problems_look(problems, &findings, now_us, hear_nothing, &heard);
		now_us += 3 * SECOND_US;
		problems_look(problems, &findings, now_us, hear_nothing, &heard);
		struct problem_entry *entries = problems_list(problems, &count);
		EXPECT(count <= 2 * (size_t)FINDINGS, "round %d: %zu", (int)round, count);
		free(entries);
		now_us += 3 * SECOND_US;
	}
	EXPECT(heard >= 100 * (size_t)FINDINGS, "%zu were heard", heard);
	free(list);
	problems_free(problems);
}

static CU_TestInfo tests[] = {
	{"what may be missing lasts", what_may_be_missing_lasts},
	{"what lasts is raised once, and over once", what_lasts_is_raised_once_and_over_once},
	{"what comes and goes is one problem", what_comes_and_goes_is_one_problem},
	{"a restart or a leave is no problem", a_restart_or_a_leave_is_no_problem},
	{"a node that has just started waits before it says who is gone",
	 a_node_that_has_just_started_waits_before_it_says_who_is_gone},
	{"a cut that still grows is one problem", a_cut_that_still_grows_is_one_problem},
	{"a broken link that becomes part of a cut gives way to it",
	 a_broken_link_that_becomes_part_of_a_cut_gives_way_to_it},
	{"a broken link waits for what is not decided at its ends",
	 a_broken_link_waits_for_what_is_not_decided_at_its_ends},
	{"growth without end is told at last", growth_without_end_is_told_at_last},
	{"two broken links of one node wait for a third", two_broken_links_of_one_node_wait_for_a_third},
	{"another link elsewhere delays nothing", another_link_elsewhere_delays_nothing},
	{"unknown is not fine", unknown_is_not_fine},
	{"nodes that are lost one after the other are one partition",
	 nodes_that_are_lost_one_after_the_other_are_one_partition},
	{"a notice takes longer", a_notice_takes_longer},
	{"those that last are listed in the order of kinds", those_that_last_are_listed_in_the_order_of_kinds},
	{"the memory is bounded", the_memory_is_bounded},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_problems = {.pName = "problems", .pTests = tests};
