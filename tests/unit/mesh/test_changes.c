#include "mesh/changes.h"

#include <stdio.h>
#include <string.h>

#include "base/sync.h"
#include "runner.h"
#include "unit/mesh/some_reports.h"
#include "unit/suites.h"

enum { REPORTS = 6, TEXT_BYTES = 512 };
#define SECOND_US INT64_C(1000000)

/* "up 2, down 2-3" */
static void write_changes(const struct view *view, const struct changes *changes, char out[static TEXT_BYTES])
{
	static const char *const words[] = {[CHANGE_NODE_UP] = "up",
					    [CHANGE_NODE_LATE] = "late",
					    [CHANGE_NODE_GONE] = "gone",
					    [CHANGE_LINK_DOWN] = "down",
					    [CHANGE_LINK_UP] = "linked"};
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < changes->count && used < TEXT_BYTES; i++) {
		const struct change *change = &changes->list[i];
		used += (size_t)snprintf(out + used, TEXT_BYTES - used, "%s%s %u", i == 0 ? "" : ", ",
					 words[change->kind], some_number(&view->nodes[change->node].nodeid));
		if (change->other != SIZE_MAX)
			used += (size_t)snprintf(out + used, TEXT_BYTES - used, "-%u",
						 some_number(&view->nodes[change->other].nodeid));
		if (change->lasted_us >= 0)
			used += (size_t)snprintf(out + used, TEXT_BYTES - used, " (%lld s)",
						 (long long)(change->lasted_us / SECOND_US));
	}
}

static const struct changes_past no_past = {.nodes = NULL};

struct changes_case {
	const char *about;
	const char *before[REPORTS], *now[REPORTS];
	const char *changes;
};

/* As number 1 sees it; the second view is of the same moment. */
static void expect_changes(const struct changes_case *row)
{
	struct view before = some_view(1, row->before), now = some_view(1, row->now);
	struct changes_past past = {.nodes = NULL};
	struct changes changes;
	char text[TEXT_BYTES];
	CU_ASSERT(changes_keep(&past, &before));
	changes_find(&past, &now, &changes);
	write_changes(&now, &changes, text);
	EXPECT(strcmp(text, row->changes) == 0, "%s: %s", row->about, text);
	CU_ASSERT_EQUAL(changes.left_out, 0);
	/* What has been told is not told again. */
	CU_ASSERT(changes_keep(&past, &now));
	changes_find(&past, &now, &changes);
	EXPECT(changes.count == 0, "%s: again", row->about);
	changes_fini(&past);
	view_free(&before);
	view_free(&now);
}

#define MESH "1: 2 3", "2: 1 3", "3: 1 2"

static void what_happens_to_nodes(void)
{
	static const struct changes_case cases[] = {
		{"nothing", {MESH}, {MESH}, ""},
		{"a new one", {"1: 2", "2: 1"}, {MESH}, "up 3"},
		{"one that nobody knew as connected", {"1: 2", "2: 1", "3:"}, {MESH}, "up 3"},
		{"one without a report", {"1: 2", "2: 1"}, {"1: 2", "2: 1 3"}, ""},
		{"its report comes", {"1: 2", "2: 1 3"}, {MESH}, "up 3"},
		{"late", {MESH}, {"1: 2 3!", "2: 1 3!", "3: 1 2"}, "late 3 (3 s)"},
		{"heard again", {"1: 2 3!", "2: 1 3!", "3: 1 2"}, {MESH}, "up 3"},
		{"crashed", {MESH}, {"1: 2 3-closed@4", "2: 1 3-closed@5", "3: 1 2"}, "gone 3 (496 s)"},
		{"not everybody knows yet", {MESH}, {"1: 2 3-closed@0", "2: 1 3", "3: 1 2"}, ""},
		{"back", {"1: 2 3-closed@5", "2: 1 3-closed@5", "3: 1 2"}, {MESH}, "up 3"},
		{"forgotten", {"1: 2 3-closed@5", "2: 1 3-closed@5", "3: 1 2"}, {"1: 2", "2: 1"}, ""},
		{"a partition",
		 {"1: 2 3", "2: 1 3", "3: 1 2"},
		 {"1: 2-silent@5 3-silent@5", "2: 1 3", "3: 1 2"},
		 "gone 2 (495 s), gone 3 (495 s)"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_changes(&cases[i]);
}

static void what_happens_to_connections(void)
{
	static const struct changes_case cases[] = {
		{"it has just failed",
		 {"1: 2 3", "2: 1 3", "3: 1 2"},
		 {"1: 2 3", "2: 1 3-silent@2", "3: 1 2-silent@2"},
		 ""},
		{"it has not come back", {MESH}, {"1: 2 3", "2: 1 3-silent@4", "3: 1 2-silent@4"}, "down 2-3"},
		{"one end noticed later", {MESH}, {"1: 2 3", "2: 1 3-silent@9", "3: 1 2-closed@2"}, ""},
		{"it is back", {"1: 2 3", "2: 1 3-silent@60", "3: 1 2-silent@60"}, {MESH}, "linked 2-3 (60 s)"},
		{"two of several are back",
		 {"1: 2-silent@9 3-silent@9 4 5", "2: 3-silent@9 4 5", "3: 4 5-silent@9", "4: 1 2 3", "5: 1 2"},
		 {"1: 2-silent@9 3 4 5", "2: 3-silent@9 4 5", "3: 1 4 5", "4: 1 2 3", "5: 1 2 3"},
		 "linked 1-3 (9 s), linked 3-5 (9 s)"},
		{"it was back before anybody was told", {"1: 2 3", "2: 1 3-silent@2", "3: 1 2"}, {MESH}, ""},
		{"by choice", {MESH}, {"1: 2 3", "2: 1 3-removed@9", "3: 1 2-removed@9"}, ""},
		{"never connected, and failing", {MESH}, {"1: 2 3", "2: 1 3?timed_out", "3: 1"}, ""},
		{"of this node itself", {MESH}, {"1: 2-silent@9 3", "2: 3", "3: 1 2"}, "down 1-2"},
		{"a node that dies is one change",
		 {"1: 2 3 4", "2: 1 3 4", "3: 1 2 4", "4: 1 2 3"},
		 {"1: 2 3 4-closed@9", "2: 1 3 4-closed@9", "3: 1 2 4-closed@9", "4: 1 2 3"},
		 "gone 4 (491 s)"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_changes(&cases[i]);
}

static void the_first_view_is_all_new(void)
{
	struct view now = some_view(1, (const char *const[]){"1: 2 3", "2: 1 3-silent@9", "3: 1 2-silent@9", NULL});
	struct changes changes;
	char text[TEXT_BYTES];
	changes_find(&no_past, &now, &changes);
	write_changes(&now, &changes, text);
	EXPECT(strcmp(text, "up 2, up 3, down 2-3") == 0, "%s", text);
	CU_ASSERT_EQUAL(changes.again_us, FOREVER_US);
	view_free(&now);
}

/* A connection that has failed a moment ago is looked at again. */
static void when_to_look_again(void)
{
	struct view now = some_view(1, (const char *const[]){"1: 2 3", "2: 1 3-silent@1", "3: 1 2-silent@2", NULL});
	struct view later = some_view(1, (const char *const[]){"1: 2 3", "2: 1 3-silent@1", "3: 1 2-silent@2", NULL});
	struct changes_past past = {.nodes = NULL};
	struct changes changes;
	char text[TEXT_BYTES];
	CU_ASSERT(changes_keep(&past, &now));
	changes_find(&past, &now, &changes);
	CU_ASSERT_EQUAL(changes.again_us, SOME_NOW_US + 2 * SECOND_US);
	later.now_us = changes.again_us;
	changes_find(&past, &later, &changes);
	write_changes(&later, &changes, text);
	EXPECT(strcmp(text, "down 2-3") == 0, "%s", text);
	CU_ASSERT_EQUAL(changes.again_us, FOREVER_US);
	changes_fini(&past);
	view_free(&now);
	view_free(&later);
}

/* Of very many at once the first are told. */
static void changes_are_bounded(void)
{
	enum { NODES = CHANGES + 20, WORD_BYTES = 8 };
	static char hub[NODES * WORD_BYTES], others[NODES][16];
	const char *reports[NODES + 1] = {hub};
	size_t used = (size_t)sprintf(hub, "1:");
	for (int i = 2; i <= NODES; i++) {
		used += (size_t)sprintf(hub + used, " %d", i);
		sprintf(others[i - 1], "%d: 1", i);
		reports[i - 1] = others[i - 1];
	}
	struct view now = some_view(1, reports);
	struct changes changes;
	changes_find(&no_past, &now, &changes);
	CU_ASSERT(changes.count == CHANGES && changes.left_out == NODES - 1 - CHANGES);
	view_free(&now);
}

static CU_TestInfo tests[] = {
	{"what happens to nodes", what_happens_to_nodes},
	{"what happens to connections", what_happens_to_connections},
	{"the first view is all new", the_first_view_is_all_new},
	{"when to look again", when_to_look_again},
	{"changes are bounded", changes_are_bounded},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_changes = {.pName = "changes", .pTests = tests};
