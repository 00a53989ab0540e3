#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "runner.h"
#include "unit/mesh/some_reports.h"
#include "unit/suites.h"

enum { REPORTS = 12, TEXT_BYTES = 512 };

/* "1 alive, 2 gone closed", without the alive ones. */
static void write_states(const struct view *view, char out[static TEXT_BYTES])
{
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < view->node_count; i++) {
		const struct view_node *node = &view->nodes[i];
		bool has_reason = node->state == NODE_GONE || node->state == NODE_OUT_OF_REACH;
		if (node->state == NODE_ALIVE)
			continue;
		used += (size_t)snprintf(out + used, TEXT_BYTES - used, "%s%u %s%s%s", used == 0 ? "" : ", ",
					 some_number(&node->nodeid), node_state_name(node->state),
					 has_reason ? " " : "", has_reason ? report_reason_name(node->reason) : "");
	}
}

struct states_case {
	const char *about;
	const char *reports[REPORTS];
	const char *states; /* of those that are not alive */
};

/* As number 1 sees it. */
static void expect_states(const struct states_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char states[TEXT_BYTES];
		struct view view = some_view(1, cases[i].reports);
		write_states(&view, states);
		EXPECT(strcmp(states, cases[i].states) == 0, "%s: %s, not %s", cases[i].about, states, cases[i].states);
		view_free(&view);
	}
}

#define EXPECT_STATES(cases) expect_states((cases), sizeof(cases) / sizeof *(cases))

/* Who told it does not say when it has forgotten it. */
static void the_end_of_a_connection_is_forgotten(void)
{
	struct view view = some_view(1, (const char *const[]){"1: 2 3 8-silent@3599 9-silent@3600",
							      "2: 1 3-silent@3600", "3: 1 2-silent@3601", NULL});
	struct nodeid known = some_nodeid(8), forgotten = some_nodeid(9);
	CU_ASSERT(view_find(&view, &known) != SIZE_MAX);
	CU_ASSERT_EQUAL(view_find(&view, &forgotten), SIZE_MAX);
	CU_ASSERT_PTR_NULL(view_find_pair(&view, 1, 2));
	view_free(&view);
}

static void a_node_is_alive_while_a_path_of_links_leads_to_it(void)
{
	static const struct states_case cases[] = {
		{"alone", {"1:"}, ""},
		{"not even an own report", {NULL}, ""},
		{"a full mesh", {"1: 2 3", "2: 1 3", "3: 1 2"}, ""},
		{"a chain", {"1: 2", "2: 1 3", "3: 2 4", "4: 3"}, ""},
		{"known, but linked with nobody", {"1: 2", "2: 1", "3:"}, "3 gone other"},
		{"without a report", {"1: 2"}, ""},
		{"without a report, a peer of a peer", {"1: 2", "2: 1 3"}, ""},
		{"it has left, and had no report", {"1: 2-left"}, "2 gone left"},
		{"linked with the others only", {"1: 2 3-silent", "2: 1 3", "3: 2"}, ""},
		{"not everybody has noticed yet", {"1: 2 3-closed", "2: 1 3", "3: 1 2"}, ""},
		{"everybody has lost it", {"1: 2 3-closed", "2: 1 3-closed", "3: 1 2"}, "3 gone closed"},
		{"a link that only the far end has", {"1: 2", "2: 1", "3: 1 2"}, "3 gone other"},
		{"two links that only others have", {"1: 2 4", "2: 1 3", "3:", "4: 1 3"}, ""},
		{"this node knows its own links", {"1: 2", "2: 1-silent"}, ""},
		{"a failure is no link", {"1: 2?refused"}, "2 gone refused"},
		{"who is named by ends only", {"1: 2 3-left", "2: 1 4-silent 3-left"}, "3 gone left, 4 gone silent"},
	};
	EXPECT_STATES(cases);
}

static void a_node_is_late_if_all_who_are_linked_with_it_say_so(void)
{
	static const struct states_case cases[] = {
		{"all", {"1: 2 3!", "2: 1 3!", "3: 1 2"}, "3 late"},
		{"not all", {"1: 2 3!", "2: 1 3", "3: 1 2"}, ""},
		{"the other way round", {"1: 2", "2: 1!"}, ""},
		{"those who have lost it do not count", {"1: 2 3!", "2: 1 3-silent", "3: 1 2"}, "3 late"},
		{"without a report", {"1: 2!"}, "2 late"},
	};
	EXPECT_STATES(cases);
	struct view view = some_view(1, (const char *const[]){"1: 2!", "2: 1", NULL});
	CU_ASSERT_EQUAL(view.nodes[1].since_us, SOME_NOW_US - 3000000);
	CU_ASSERT_EQUAL(view.nodes[0].since_us, SOME_NOW_US - 500000000);
	view_free(&view);
}

static void those_cut_off_are_out_of_reach_if_they_were_linked_with_each_other(void)
{
	static const struct states_case cases[] = {
		{"one half of four",
		 {"1: 2 3-silent 4-silent", "2: 1 3-silent 4-silent", "3: 1 2 4", "4: 1 2 3"},
		 "3 out_of_reach silent, 4 out_of_reach silent"},
		{"one alone", {"1: 2 3-silent", "2: 1 3-silent", "3: 1 2"}, "3 gone silent"},
		{"not linked", {"1: 2-silent 3-silent", "2: 1", "3: 1"}, "2 gone silent, 3 gone silent"},
		{"only one says that they are",
		 {"1: 2-silent 3-silent", "2: 1 3", "3: 1"},
		 "2 gone silent, 3 gone silent"},
		{"one without a report",
		 {"1: 2-silent 3-silent", "2: 1 3"},
		 "2 out_of_reach silent, 3 out_of_reach silent"},
		{"two that crash together",
		 {"1: 2 3-closed 4-reset", "2: 1 3-closed 4-closed", "3: 1 2 4", "4: 1 2 3"},
		 "3 gone closed, 4 gone closed"},
		{"two that crash together, and one who had left them before",
		 {"1: 2 3-closed 4-closed", "2: 1 3-removed 4-removed", "3: 1 4", "4: 1 3"},
		 "3 gone closed, 4 gone closed"},
		{"two that are stopped together", {"1: 2-left 3-left", "2: 1 3", "3: 1 2"}, "2 gone left, 3 gone left"},
		{"not all say that the process is gone",
		 {"1: 2 3-closed 4-silent", "2: 1 3-silent 4-silent", "3: 1 2 4", "4: 1 2 3"},
		 "3 out_of_reach closed, 4 out_of_reach silent"},
		{"one of three crashed, and the others are linked",
		 {"1: 2-closed 3-silent 4-silent", "2: 1 3 4", "3: 1 2 4", "4: 1 2 3"},
		 "2 gone closed, 3 out_of_reach silent, 4 out_of_reach silent"},
		{"one of two crashed", {"1: 2-closed 3-silent", "2: 1 3", "3: 1 2"}, "2 gone closed, 3 gone silent"},
		{"their machine is back without them",
		 {"1: 2-silent 3-silent 2?refused 3?refused", "2: 1 3", "3: 1 2"},
		 "2 gone refused, 3 gone refused"},
		{"they were refused before",
		 {"1: 2-silent 3-silent 2?refused@20 3?refused@20", "2: 1 3", "3: 1 2"},
		 "2 out_of_reach silent, 3 out_of_reach silent"},
		{"a neighbour of theirs that nobody here knew",
		 {"1: 2-silent", "2: 1 3", "3: 2 4", "4: 3"},
		 "2 out_of_reach silent, 3 out_of_reach other, 4 out_of_reach other"},
		{"two parts, each by itself",
		 {"1: 2-silent 4-silent", "2: 1 3", "3: 2", "4: 1 5", "5: 4"},
		 "2 out_of_reach silent, 3 out_of_reach other, 4 out_of_reach silent, 5 out_of_reach other"},
	};
	EXPECT_STATES(cases);
}

static void one_liar_neither_ends_a_node_nor_keeps_it_alive(void)
{
	static const struct states_case cases[] = {
		{"one says that it is gone", {"1: 2 4", "2: 1 3-closed 4", "3: 2 4", "4: 1 2 3"}, ""},
		{"one has a link to a node that has none", {"1: 2", "2: 1 3", "3: 2-left"}, "3 gone other"},
		{"the node's last report has the link, and this node lost it just now",
		 {"1: 2 3-silent", "2: 1 3", "3: 1 2"},
		 ""},
		{"this node lost it long ago, and it does not know",
		 {"1: 2 3-silent@121", "2: 1 3", "3: 1 2"},
		 "3 gone silent"},
		{"this node lost it long ago, and it knows", {"1: 2 3-silent@121", "2: 1 3", "3: 1-silent@121 2"}, ""},
		{"one other lost it long ago, and it does not know",
		 {"1: 2 4", "2: 1 3", "3: 2 4", "4: 1 3-silent@121"},
		 ""},
		{"two others lost it long ago, and are out of reach themselves",
		 {"1: 2 4-silent@300 5-silent@300", "2: 1 3", "3: 2 4 5", "4: 3-silent@121 5", "5: 3-silent@121 4"},
		 "4 out_of_reach silent, 5 out_of_reach silent"},
		{"two others lost it long ago, and it does not know",
		 {"1: 2 4 5", "2: 1 3", "3: 2 4 5", "4: 1 3-silent@121", "5: 1 3-silent@121"},
		 "3 gone silent"},
		{"the same, but two have a link to it",
		 {"1: 2 4 5 6", "2: 1 3", "3: 2 4 5 6", "4: 1 3-silent@121", "5: 1 3-silent@121", "6: 1 3"},
		 ""},
		{"this node has a link to it in spite of all others",
		 {"1: 2 3 4 5", "2: 1 3-silent@121", "3: 2 4 5", "4: 1 3-silent@121", "5: 1 3-silent@121"},
		 ""},
		{"a bridge to the other side that is none",
		 {"1: 2 5 3-silent@121 4-silent@121", "2: 1 5 3-silent@121 4-silent@121", "3: 1 2 4 5", "4: 1 2 3 5",
		  "5: 1 2 3 4"},
		 "3 out_of_reach silent, 4 out_of_reach silent"},
		{"a bridge to the other side that is one",
		 {"1: 2 5 3-silent@121 4-silent@121", "2: 1 5 3-silent@121 4-silent@121",
		  "3: 1-silent@121 2-silent@121 4 5", "4: 1-silent@121 2-silent@121 3 5", "5: 1 2 3 4"},
		 ""},
	};
	EXPECT_STATES(cases);
}

static void the_reason_is_what_most_say_of_the_last_links(void)
{
	static const struct states_case cases[] = {
		{"most", {"1: 2 3 4-closed", "2: 1 3 4-reset", "3: 1 2 4-reset", "4: 1 2 3"}, "4 gone reset"},
		{"by choice counts only if there is no other",
		 {"1: 2 3 4-silent", "2: 1 3 4-removed", "3: 1 2 4-removed", "4: 1"},
		 "4 gone silent"},
		{"there is no other", {"1: 2-removed", "2:"}, "2 gone removed"},
		{"what was long before does not count",
		 {"1: 2 3 4-closed", "2: 1 3 4-silent@131", "3: 1 2 4-silent@131", "4: 1"},
		 "4 gone closed"},
		{"not a dial of one who was linked, unless it was refused",
		 {"1: 2-silent 2?timed_out"},
		 "2 gone silent"},
		{"nor the dials of others, if one was linked",
		 {"1: 2-silent 3 4", "2: 1", "3: 1 2?timed_out", "4: 1 2?timed_out"},
		 "2 gone silent"},
		{"by the address that it says it listens at", {"1: ?2?refused", "2:"}, "2 gone refused"},
	};
	EXPECT_STATES(cases);
}

static void since_when_is_told_by_the_last_link(void)
{
	static const struct {
		const char *reports[REPORTS];
		int64_t ago_s; /* of number 3; -1 if nobody can tell */
	} cases[] = {
		{{"1: 2 3-closed@20", "2: 1 3-closed@15", "3: 1 2"}, 15},
		{{"1: 2", "2: 1", "3:"}, -1},
		{{"1: 2-silent@30", "2: 1 3", "3: 2"}, 30},
		{{"1: 4-silent@30", "2:", "3: 4", "4: 1 3"}, 30},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct view view = some_view(1, cases[i].reports);
		int64_t wanted_us = cases[i].ago_s < 0 ? -1 : SOME_NOW_US - cases[i].ago_s * 1000000;
		EXPECT(view.nodes[2].since_us == wanted_us, "%zu: %lld", i, (long long)view.nodes[2].since_us);
		view_free(&view);
	}
}

static void a_pair_is_up_if_one_end_has_the_link_and_the_other_does_not_deny_it(void)
{
	static const struct {
		const char *reports[REPORTS];
		unsigned first, second;
		bool is_up;
	} cases[] = {
		{{"1: 2", "2: 1"}, 1, 2, true},
		{{"1: 2"}, 1, 2, true},
		{{"1: 2 3", "2: 1", "3: 1 2"}, 2, 3, true},
		{{"1: 2 3", "2: 1 3", "3: 1 2-silent"}, 2, 3, false},
		{{"1: 2 3", "2: 1 3-silent", "3: 1 2-silent"}, 2, 3, false},
		{{"1: 2 3", "2: 1 3?timed_out", "3: 1"}, 2, 3, false},
		{{"1: 2 3", "2: 1 3?timed_out", "3: 1 2"}, 2, 3, true},
		/* This node has lost both. */
		{{"1: 2-silent 3-silent", "2: 1 3", "3: 1 2"}, 2, 3, true},
		{{"1: 2-silent 3-silent", "2: 1 3", "3: 1 2"}, 1, 2, false},
		/* The link of one that is gone. */
		{{"1: 2 3-closed", "2: 1 3-closed", "3: 1 2"}, 2, 3, false},
		{{"1: 2", "2: 1", "3: 1 2"}, 1, 3, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct view view = some_view(1, cases[i].reports);
		const struct view_pair *pair = view_find_pair(&view, cases[i].second - 1, cases[i].first - 1);
		if (EXPECT(pair != NULL, "%zu: no pair", i))
			EXPECT(pair->is_up == cases[i].is_up, "%zu: %d", i, pair->is_up);
		view_free(&view);
	}
}

static void a_pair_has_the_words_of_both_ends(void)
{
	static const char *const reports[] = {"1: 2 3", "2: 1 3-silent 3?timed_out", "3: 1! ?2?unreachable", NULL};
	struct view view = some_view(1, reports);
	const struct view_pair *pair = view_find_pair(&view, 1, 2);
	CU_ASSERT_EQUAL(view.pair_count, 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair);
	CU_ASSERT_TRUE(pair->first == 1 && pair->second == 2 && !pair->is_up);
	CU_ASSERT_PTR_NULL(pair->words[0].link);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair->words[0].end);
	CU_ASSERT_EQUAL(pair->words[0].end->reason, REASON_SILENT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair->words[0].failure);
	CU_ASSERT_TRUE(pair->words[1].link == NULL && pair->words[1].end == NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair->words[1].failure);
	CU_ASSERT_EQUAL(pair->words[1].failure->reason, REASON_UNREACHABLE);
	CU_ASSERT_TRUE(view.nodes[0].link_count == 2 && view.nodes[0].late_count == 1);
	CU_ASSERT_TRUE(view.nodes[1].link_count == 1 && view.nodes[1].late_count == 0);
	CU_ASSERT_TRUE(view.nodes[2].link_count == 1 && view.nodes[2].late_count == 0);
	CU_ASSERT_PTR_NULL(view_find_pair(&view, 0, 0));
	view_free(&view);
}

/* Two addresses of one node, of which the other end reports both. */
static void of_several_failures_the_longest_counts(void)
{
	struct report *reports[] = {some_report(1, 7, "2 3?refused 4?timed_out@7"), some_report(2, 7, "1")};
	struct reports_snapshot snapshot = {
		.entries = calloc(2, sizeof *snapshot.entries), .count = 2, .forget_after_us = SOME_FORGET_AFTER_US};
	struct nodeid self = some_nodeid(1), third = some_nodeid(3);
	struct view view;
	CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot.entries);
	CU_ASSERT_EQUAL_FATAL(reports[0]->failure_count, 2);
	for (size_t i = 0; i < 2; i++) {
		reports[0]->failures[i].nodeid = third;
		snapshot.entries[i] = (struct reports_entry){.report = reports[i], .reached_us = -1};
	}
	CU_ASSERT_TRUE_FATAL(view_build(&view, &snapshot, &self, SOME_NOW_US));
	const struct view_pair *pair = view_find_pair(&view, 0, view_find(&view, &third));
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair->words[0].failure);
	CU_ASSERT_EQUAL(pair->words[0].failure->reason, REASON_TIMED_OUT);
	CU_ASSERT_EQUAL(view.nodes[2].reason, REASON_TIMED_OUT);
	view_free(&view);
}

static void an_address_that_several_have_names_nobody(void)
{
	struct report *reports[] = {some_report(1, 7, "2 3 ?2?refused"), some_report(2, 7, "1"),
				    some_report(3, 7, "1")};
	struct reports_snapshot snapshot = {
		.entries = calloc(3, sizeof *snapshot.entries), .count = 3, .forget_after_us = SOME_FORGET_AFTER_US};
	struct nodeid self = some_nodeid(1);
	struct view view;
	CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot.entries);
	reports[2]->address = reports[1]->address;
	for (size_t i = 0; i < 3; i++)
		snapshot.entries[i] = (struct reports_entry){.report = reports[i], .reached_us = -1};
	CU_ASSERT_TRUE_FATAL(view_build(&view, &snapshot, &self, SOME_NOW_US));
	CU_ASSERT_EQUAL(view.pair_count, 2);
	CU_ASSERT_TRUE(view.pairs[0].words[0].failure == NULL && view.pairs[1].words[0].failure == NULL);
	view_free(&view);
}

static void a_path_has_the_fewest_links_and_of_these_the_fastest(void)
{
	static const struct {
		const char *reports[REPORTS];
		unsigned number, hops;
		int64_t rtt_us;
	} cases[] = {
		{{"1: 2/500", "2: 1/700"}, 1, 0, -1},
		{{"1: 2/500", "2: 1/300"}, 2, 1, 500},
		{{"1: 2/-1", "2: 1/300"}, 2, 1, 300},
		{{"1: 2/500"}, 2, 1, 500},
		{{"1: 2/500 3/100", "2: 1/500 4/10", "3: 1/100 4/200", "4: 2/10 3/150"}, 4, 2, 250},
		{{"1: 2/500 3/100", "2: 1/500 3/100", "3: 1/100 2/100"}, 2, 1, 500},
		{{"1: 2/500", "2: 1/500 3/7", "3: 2/9 4/9", "4: 3/9"}, 4, 3, 516},
		{{"1: 2/500", "2: 1/500 3/-1", "3: 2/-1"}, 3, 2, -1},
		{{"1: 2/-1", "2: 1/-1 3/5", "3: 2/5"}, 3, 2, -1},
		{{"1: 2/500 3-silent", "2: 1/500 3-silent", "3: 1 2"}, 3, 0, -1},
		{{"1: 2/500", "2: 1/500 3/100", "3: 2/100 1-silent"}, 3, 2, 600},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct view view = some_view(1, cases[i].reports);
		const struct view_node *node = &view.nodes[cases[i].number - 1];
		EXPECT(node->hops == cases[i].hops && node->rtt_us == cases[i].rtt_us, "%zu: %u hops, %lld us", i,
		       node->hops, (long long)node->rtt_us);
		view_free(&view);
	}
}

static void nodes_are_called_by_name_and_namesakes_by_both(void)
{
	static const char *const reports[] = {"1: =alpha 2 3 4", "2: =beta 1", "3: =alpha 1", "4: 1", NULL};
	static const char *const labels[] = {"alpha (00100000)", "beta", "alpha (00300000)", "00400000"};
	struct view view = some_view(1, reports);
	CU_ASSERT_EQUAL_FATAL(view.node_count, 4);
	for (size_t i = 0; i < view.node_count; i++) {
		char label[VIEW_LABEL_BYTES];
		view_label(&view, i, label);
		EXPECT(strcmp(label, labels[i]) == 0, "%s, not %s", label, labels[i]);
		CU_ASSERT_EQUAL(view_find(&view, &view.nodes[i].nodeid), i);
	}
	CU_ASSERT_EQUAL(view_find(&view, &nodeid_none), SIZE_MAX);
	view_free(&view);
}

/* Reports that name more nodes without a report than a view has: each names its own, and all name number 4000. */
static void of_those_that_are_only_named_the_most_named_are_kept(void)
{
	enum { NAMERS = 9, EACH = 600 };
	struct reports_snapshot snapshot = {.entries = calloc(NAMERS, sizeof *snapshot.entries),
					    .count = NAMERS,
					    .forget_after_us = SOME_FORGET_AFTER_US};
	struct nodeid self = some_nodeid(1), known = some_nodeid(4000), other = known;
	struct view view;
	CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot.entries);
	/* It is the last one in their order. */
	known.bytes[2] = 1;
	for (size_t i = 0; i < NAMERS; i++) {
		struct report *report = report_new(&(struct report_room){.links = EACH + 1});
		CU_ASSERT_PTR_NOT_NULL_FATAL(report);
		report->nodeid = some_nodeid((unsigned)i + 1);
		for (size_t j = 0; j <= EACH; j++) {
			report->links[j] = (struct report_link){.nodeid = j == 0 ? known : other, .late_since_us = -1};
			if (j > 0)
				memcpy(&report->links[j].nodeid.bytes[4], (size_t[]){i * EACH + j}, sizeof(size_t));
		}
		report->link_count = EACH + 1;
		report_order(report);
		snapshot.entries[i] = (struct reports_entry){.report = report, .reached_us = -1};
	}
	CU_ASSERT_TRUE_FATAL(view_build(&view, &snapshot, &self, SOME_NOW_US));
	CU_ASSERT_EQUAL(view.node_count, NAMERS + VIEW_NAMED);
	CU_ASSERT_NOT_EQUAL(view_find(&view, &known), SIZE_MAX);
	for (size_t i = 1; i < view.node_count; i++)
		if (nodeid_compare(&view.nodes[i - 1].nodeid, &view.nodes[i].nodeid) >= 0)
			CU_FAIL("nodes are not in order");
	view_free(&view);
}

enum { RANDOM_NODES = 14 };

/* Any words; some nodes have no report. */
static struct view random_view(struct rng *rng)
{
	static const char *const words[] = {"%u ", "%u! ", "%u-silent ", "%u-closed@150 ", "%u?refused ", "?%u?full "};
	char texts[RANDOM_NODES][TEXT_BYTES];
	const char *reports[RANDOM_NODES + 1] = {NULL};
	size_t count = 0;
	for (unsigned i = 0; i < RANDOM_NODES; i++) {
		size_t used = (size_t)snprintf(texts[i], TEXT_BYTES, "%u: ", i + 1);
		for (unsigned j = 0; j < RANDOM_NODES && rng_below(rng, 3) > 0; j++)
			used += (size_t)snprintf(texts[i] + used, TEXT_BYTES - used,
						 words[rng_below(rng, sizeof words / sizeof *words)],
						 (unsigned)rng_below(rng, RANDOM_NODES) + 1);
		if (rng_below(rng, 4) > 0)
			reports[count++] = texts[i];
	}
	return some_view(1, reports);
}

static size_t count_said(const struct view *view)
{
	size_t said = 0;
	for (size_t i = 0; i < view->pair_count; i++) {
		const struct view_pair *pair = &view->pairs[i];
		CU_ASSERT_TRUE(pair->first < pair->second && pair->second < view->node_count);
		CU_ASSERT_PTR_EQUAL(view_find_pair(view, pair->second, pair->first), pair);
		for (int end = 0; end < 2; end++) {
			said += pair->words[end].link != NULL;
			said += pair->words[end].end != NULL;
			said += pair->words[end].failure != NULL;
		}
	}
	return said;
}

/* What a report says of others; not of nobody, as the failures at an address that no report has. */
static size_t count_written(const struct view *view, const struct report *report)
{
	size_t written = report->link_count + report->end_count;
	written -= report_find_link(report, &report->nodeid) != NULL;
	written -= report_find_end(report, &report->nodeid) != NULL;
	for (unsigned i = 1; i <= RANDOM_NODES; i++) {
		struct nodeid about = some_nodeid(i);
		struct address address = some_address(i);
		const struct report_failure *failure = report_find_failure(report, &address);
		size_t place = view_find(view, &about);
		bool is_named = failure != NULL && !nodeid_is_none(&failure->nodeid);
		bool is_known = failure != NULL && place != SIZE_MAX && view->nodes[place].report != NULL;
		written += (is_named || is_known) && !nodeid_equals(&about, &report->nodeid);
	}
	return written;
}

static void everything_that_is_said_is_found_in_the_pairs(void)
{
	enum { ROUNDS = 300 };
	struct rng rng;
	rng_seed(&rng, 7);
	for (int round = 0; round < ROUNDS; round++) {
		struct view view = random_view(&rng);
		size_t written = 0, said = count_said(&view);
		for (size_t i = 0; i < view.node_count; i++) {
			const struct view_node *node = &view.nodes[i];
			bool is_reached = node->state == NODE_ALIVE || node->state == NODE_LATE;
			written += node->report == NULL ? 0 : count_written(&view, node->report);
			EXPECT((node->hops > 0) == (is_reached && i != view.self), "round %d: %zu", round, i);
		}
		EXPECT(said == written, "round %d: %zu of %zu", round, said, written);
		view_free(&view);
	}
}

/* The reports of number 1. */
static struct reports *some_store(const struct settings *settings)
{
	struct nodeid self = some_nodeid(1);
	struct reports *reports = reports_new(settings, &self);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reports);
	return reports;
}

static void take(struct reports *reports, unsigned number, int64_t seq, const char *words)
{
	struct reports_teller from = {.nodeid = some_nodeid(2)};
	struct report *report = some_report(number, seq, words), *current = NULL;
	int64_t before;
	if (number == 1) {
		CU_ASSERT_TRUE(reports_set_own(reports, report, 0));
		report_release(report);
	} else {
		CU_ASSERT_EQUAL(reports_take(reports, report, &from, &current, &before), REPORTS_TAKEN);
	}
	report_release(current);
}

static struct view look(struct reports *reports, int64_t now_us)
{
	struct nodeid self = some_nodeid(1);
	struct reports_snapshot snapshot = reports_take_snapshot(reports);
	struct view view;
	CU_ASSERT_TRUE_FATAL(view_build(&view, &snapshot, &self, now_us));
	view_expire(&view, reports);
	return view;
}

/* Two nodes that died together name each other for ever: they are forgotten all the same. */
static void reports_are_told_who_is_within_reach(void)
{
	static const size_t left[] = {4, 2, 2};
	static const struct settings settings = {.max_nodes = 16, .forget_after_us = 60 * 1000000};
	struct reports *reports = some_store(&settings);
	take(reports, 1, 100, "2 3-silent 4-silent");
	take(reports, 2, 100, "1 3-silent 4-silent");
	take(reports, 3, 100, "1 2 4");
	take(reports, 4, 100, "1 2 3");
	for (int i = 0; i < 3; i++) {
		size_t bytes;
		struct view view = look(reports, (i + 1) * 31 * 1000000);
		EXPECT(reports_count(reports, &bytes) == left[i], "look %d", i);
		view_free(&view);
	}
	reports_free(reports);
}

/* 2 crashes while 3 hangs, and 3 goes on: what it said before keeps nobody alive. */
static void what_a_node_said_before_it_was_gone_is_old(void)
{
	static const struct settings settings = {.max_nodes = 16, .forget_after_us = 3600 * INT64_C(1000000)};
	struct reports *reports = some_store(&settings);
	int64_t now_us = SOME_NOW_US;
	take(reports, 1, 100, "2 3");
	take(reports, 2, 100, "1 3");
	take(reports, 3, 100, "1 2");
	struct view view = look(reports, now_us);
	CU_ASSERT(view.nodes[1].state == NODE_ALIVE && view.nodes[2].state == NODE_ALIVE);
	view_free(&view);
	take(reports, 1, 101, "2-closed@1 3-silent@0");
	view = look(reports, now_us += 1000000);
	CU_ASSERT(view.nodes[1].state == NODE_GONE && view.nodes[2].state == NODE_GONE);
	view_free(&view);
	take(reports, 1, 102, "2-closed@1 3");
	for (int i = 0; i < 2; i++) {
		view = look(reports, now_us += 1000000);
		CU_ASSERT(view.nodes[1].state == NODE_GONE && view.nodes[2].state == NODE_ALIVE);
		view_free(&view);
	}
	/* It says it again: then it is so. */
	take(reports, 3, 101, "1 2");
	view = look(reports, now_us + 1000000);
	CU_ASSERT_EQUAL(view.nodes[1].state, NODE_ALIVE);
	view_free(&view);
	reports_free(reports);
}

/* It has no more to say. */
static void a_node_that_is_back_for_a_while_means_what_it_said(void)
{
	static const struct settings settings = {.max_nodes = 16, .forget_after_us = 3600 * INT64_C(1000000)};
	struct reports *reports = some_store(&settings);
	int64_t now_us = SOME_NOW_US;
	take(reports, 1, 100, "2");
	take(reports, 2, 100, "1 3");
	take(reports, 3, 100, "2");
	struct view view = look(reports, now_us);
	view_free(&view);
	take(reports, 1, 101, "2-closed@0");
	take(reports, 3, 101, "2-closed@0");
	view = look(reports, now_us += 1000000);
	CU_ASSERT_EQUAL(view.nodes[1].state, NODE_GONE);
	view_free(&view);
	take(reports, 1, 102, "2");
	take(reports, 3, 102, "2");
	for (int i = 0; i < 3; i++) {
		view = look(reports, now_us);
		CU_ASSERT_EQUAL(view.nodes[2].state, i < 2 ? NODE_GONE : NODE_ALIVE);
		view_free(&view);
		now_us += REPORTS_OLD_US;
	}
	reports_free(reports);
}

static void who_is_gone_without_a_word_was_within_reach_until_a_look(void)
{
	static const struct settings settings = {.max_nodes = 16, .forget_after_us = 3600 * INT64_C(1000000)};
	struct reports *reports = some_store(&settings);
	take(reports, 1, 100, "2");
	take(reports, 2, 100, "1 3");
	take(reports, 3, 100, "2");
	struct view view = look(reports, 7000000);
	view_free(&view);
	take(reports, 2, 101, "1");
	view = look(reports, 8000000);
	CU_ASSERT_EQUAL(view.nodes[2].state, NODE_GONE);
	CU_ASSERT_EQUAL(view.nodes[2].since_us, 7000000);
	view_free(&view);
	reports_free(reports);
}

static CU_TestInfo tests[] = {
	{"the end of a connection is forgotten", the_end_of_a_connection_is_forgotten},
	{"a node is alive while a path of links leads to it", a_node_is_alive_while_a_path_of_links_leads_to_it},
	{"a node is late if all who are linked with it say so", a_node_is_late_if_all_who_are_linked_with_it_say_so},
	{"those cut off are out of reach if they were linked with each other",
	 those_cut_off_are_out_of_reach_if_they_were_linked_with_each_other},
	{"one liar neither ends a node nor keeps it alive", one_liar_neither_ends_a_node_nor_keeps_it_alive},
	{"the reason is what most say of the last links", the_reason_is_what_most_say_of_the_last_links},
	{"since when is told by the last link", since_when_is_told_by_the_last_link},
	{"a pair is up if one end has the link and the other does not deny it",
	 a_pair_is_up_if_one_end_has_the_link_and_the_other_does_not_deny_it},
	{"a pair has the words of both ends", a_pair_has_the_words_of_both_ends},
	{"of several failures the longest counts", of_several_failures_the_longest_counts},
	{"an address that several have names nobody", an_address_that_several_have_names_nobody},
	{"a path has the fewest links, and of these the fastest", a_path_has_the_fewest_links_and_of_these_the_fastest},
	{"nodes are called by name, and namesakes by both", nodes_are_called_by_name_and_namesakes_by_both},
	{"of those that are only named the most named are kept", of_those_that_are_only_named_the_most_named_are_kept},
	{"everything that is said is found in the pairs", everything_that_is_said_is_found_in_the_pairs},
	{"reports are told who is within reach", reports_are_told_who_is_within_reach},
	{"what a node said before it was gone is old", what_a_node_said_before_it_was_gone_is_old},
	{"a node that is back for a while means what it said", a_node_that_is_back_for_a_while_means_what_it_said},
	{"who is gone without a word was within reach until a look",
	 who_is_gone_without_a_word_was_within_reach_until_a_look},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_view = {.pName = "view", .pTests = tests};
