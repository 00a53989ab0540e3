#include "mesh/diagnosis.h"

#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/mesh/network.h"
#include "unit/suites.h"

#define FOUR "nodes alpha beta gamma delta; mesh alpha beta gamma delta;"
#define SIX "nodes alpha beta gamma delta epsilon zeta; mesh alpha beta gamma delta epsilon zeta;"
/* alpha and beta, cut off from the others a minute ago. */
#define HALF                                                                                                           \
	SIX "apart alpha beta gamma delta epsilon zeta; mesh gamma delta epsilon zeta; link alpha beta;"               \
	    "link alpha gamma; alpha loses gamma silent 60; link beta delta; beta loses delta silent 58;"              \
	    "link beta zeta; beta loses zeta silent 61;"

/* ---- a node that is gone ---- */

static void a_node_that_is_gone_is_named_with_why(void)
{
	static const struct network_case cases[] = {
		{"it crashed", FOUR "gamma dies closed 30",
		 "node(gamma) gamma is gone: it crashed (its connections to alpha, beta and delta broke within 100 "
		 "ms)"},
		{"over some time", FOUR "gamma dies reset 30; beta loses gamma reset 28",
		 "node(gamma) gamma is gone: it crashed (its connections to alpha, beta and delta broke within 2 s)"},
		{"one was connected with it", FOUR "apart beta gamma delta; link beta delta; gamma dies closed 30",
		 "node(gamma) gamma is gone: it crashed (its connection to alpha broke)"},
		{"many were", SIX "gamma dies closed 30",
		 "node(gamma) gamma is gone: it crashed (its connections to alpha, beta, delta and 2 others broke "
		 "within "
		 "100 ms)"},
		{"it fell silent", FOUR "gamma dies silent 30",
		 "node(gamma) gamma is gone: it fell silent (alpha, beta and delta hear nothing from it)"},
		{"somebody saw its connection broken", FOUR "gamma dies silent 30; beta loses gamma closed 20",
		 "node(gamma) gamma is gone: it fell silent (alpha and delta hear nothing from it)"},
		{"one connection ended long before", FOUR "gamma dies silent 30; beta loses gamma closed 300",
		 "node(gamma) gamma is gone: it fell silent (alpha and delta hear nothing from it)"},
		{"most ended long before",
		 FOUR "gamma dies silent 30; beta loses gamma closed 300; delta loses gamma closed 300",
		 "node(gamma) gamma is gone: it fell silent (alpha hears nothing from it)"},
		{"it broke the protocol", FOUR "gamma dies protocol 30",
		 "node(gamma) gamma is gone: alpha says gamma broke the protocol, as do 2 others"},
		{"dials are refused since",
		 FOUR "gamma dies closed 30; alpha fails gamma refused 3 29 5; beta fails gamma refused 3 29 5;"
		      "delta fails gamma refused 3 29 5",
		 "node(gamma) gamma is gone: it crashed (its connections to alpha, beta and delta broke within 100 "
		 "ms)"},
		{"two at once", SIX "gamma dies closed 30; zeta dies closed 30",
		 "node(gamma) gamma is gone: it crashed (its connections to alpha, beta, delta and epsilon broke "
		 "within "
		 "100 ms)\n"
		 "node(zeta) zeta is gone: it crashed (its connections to alpha, beta, delta and epsilon broke within "
		 "100 ms)"},
		{"it sends no reports", FOUR "gamma silent; gamma dies silent 30",
		 "node(gamma) 00000003 is gone: it fell silent (alpha, beta and delta hear nothing from it)"},
		{"the only other one", "nodes alpha beta; mesh alpha beta; beta dies silent 30",
		 "node(beta) beta is gone: it fell silent (alpha hears nothing from it)"},
	};
	EXPECT_CASES(cases);
}

static void a_node_that_left_or_is_back_is_no_trouble(void)
{
	static const struct network_case cases[] = {
		{"it left", FOUR "gamma dies left 30", ""},
		{"one saw no bye", FOUR "gamma dies left 30; beta loses gamma closed 30", ""},
		{"as many did as did not",
		 SIX "apart epsilon gamma; gamma dies left 30; alpha loses gamma closed 30;"
		     "beta loses gamma closed 30",
		 ""},
		{"two left", FOUR "gamma dies left 30; delta dies left 30; alpha loses gamma left 30", ""},
		{"it was removed", FOUR "gamma dies removed 30", ""},
		{"it left, and cannot be dialled", FOUR "gamma dies left 30; alpha fails gamma refused 9 29 1", ""},
		{"nobody knows why",
		 FOUR "apart alpha beta gamma delta; mesh alpha beta delta;"
		      "alpha fails gamma timed_out 9 80 1",
		 ""},
		{"an address book is old",
		 "nodes alpha beta gamma; mesh alpha beta; gamma silent;"
		 "alpha fails gamma timed_out 9 80 1; beta fails gamma timed_out 9 80 1",
		 ""},
		{"it was restarted with another nodeid",
		 SIX "gamma dies closed 30; zeta at 10.0.0.3:5999; zeta started 20", ""},
		{"another was there before it", SIX "gamma dies closed 30; zeta at 10.0.0.3:5999; zeta started 7200",
		 "node(gamma) gamma is gone: it crashed (its connections to alpha, beta, delta and 2 others broke "
		 "within "
		 "100 ms)"},
		{"it was restarted, and some have not seen it",
		 FOUR
		 "gamma dies closed 5; apart alpha gamma delta;"
		 "link alpha gamma; link alpha delta; gamma started 2; apart beta gamma; beta loses gamma closed 5",
		 ""},
		{"it sent no reports, long ago", FOUR "gamma silent; gamma dies silent 3601", ""},
	};
	EXPECT_CASES(cases);
}

static void restarts_are_counted(void)
{
	static const struct network_step steps[] = {
		{0, "", ""},
		{60, "gamma started 1", ""},
		{60, "gamma started 1", ""},
		{60, "", ""},
		{60, "gamma started 1", "node(gamma) gamma was restarted 3 times within 10 min"},
		{10, "gamma dies closed 1",
		 "node(gamma) gamma is gone: it crashed (its connections to alpha, beta and delta broke within 100 "
		 "ms); it "
		 "was restarted 3 times within 10 min"},
		{10, "link alpha gamma; link beta gamma; link gamma delta; gamma started 4",
		 "node(gamma) gamma was restarted 3 times within 10 min"},
		{480, "", ""},
	};
	EXPECT_STORY(FOUR, steps);
}

static void an_age_that_is_read_again_is_no_restart(void)
{
	static const struct network_step steps[] = {
		{0, "gamma started 100", ""},	 {60, "gamma started 159.1", ""}, {60, "gamma started 218.5", ""},
		{60, "gamma started 279.3", ""}, {60, "gamma started 338.2", ""},
	};
	EXPECT_STORY(FOUR, steps);
}

static void a_node_is_forgotten_with_its_report(void)
{
	static const struct network_step steps[] = {
		{0, "", ""},
		{30, "gamma dies silent 1",
		 "node(gamma) gamma is gone: it fell silent (alpha, beta and delta hear nothing from it)"},
		{900, "gamma silent", ""},
	};
	EXPECT_STORY(FOUR, steps);
}

/* ---- many nodes ---- */

static void nodes_out_of_reach_are_one_finding(void)
{
	static const struct network_case cases[] = {
		{"four of six", HALF,
		 "partition(gamma delta epsilon zeta) 4 of 6 nodes are out of reach: delta, epsilon, gamma and zeta; "
		 "by "
		 "their last reports they are connected to each other"},
		{"one of them left before",
		 HALF "apart zeta gamma delta epsilon; apart beta zeta;"
		      "mesh gamma delta epsilon; beta loses zeta left 100",
		 "partition(gamma delta epsilon) 3 of 5 nodes are out of reach: delta, epsilon and gamma; by their "
		 "last "
		 "reports they are connected to each other"},
		{"what they said of each other is old", HALF "apart epsilon zeta; epsilon fails zeta timed_out 3 80 65",
		 "partition(gamma delta epsilon zeta) 4 of 6 nodes are out of reach: delta, epsilon, gamma and zeta; "
		 "by "
		 "their last reports they are connected to each other"},
		{"they never were within reach",
		 "nodes alpha beta gamma delta; mesh alpha beta; mesh gamma delta; link beta gamma; apart beta gamma;"
		 "gamma new; delta new",
		 ""},
		{"another says that they were",
		 "nodes alpha beta gamma delta; mesh alpha beta; mesh gamma delta; gamma new; delta new;"
		 "beta loses gamma silent 60",
		 "partition(gamma delta) 2 of 4 nodes are out of reach: delta and gamma; by their last reports they "
		 "are "
		 "connected to each other"},
		{"this node was just started", HALF "alpha started 25", ""},
		{"two islands",
		 HALF "apart gamma delta epsilon zeta; link gamma delta; link epsilon zeta;"
		      "link alpha epsilon; alpha loses epsilon silent 60",
		 "partition(gamma delta) 2 of 6 nodes are out of reach: delta and gamma; by their last reports they "
		 "are "
		 "connected to each other\n"
		 "partition(epsilon zeta) 2 of 6 nodes are out of reach: epsilon and zeta; by their last reports they "
		 "are connected to each other"},
	};
	EXPECT_CASES(cases);
}

/* More than a finding lists. */
static void a_large_partition_lists_some_and_counts_all(void)
{
	enum { NODES = 200 };
	struct reports_snapshot snapshot = {.entries = calloc(NODES, sizeof *snapshot.entries),
					    .count = NODES,
					    .forget_after_us = 3600 * SECOND_US};
	struct nodeid self = nodeid_of(1);
	struct view view;
	CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot.entries);
	for (unsigned i = 0; i < NODES; i++) {
		struct report *report = report_new(&(struct report_room){.links = NODES});
		CU_ASSERT_PTR_NOT_NULL_FATAL(report);
		report->nodeid = nodeid_of(i + 1);
		/* Node 1 is alone with node 2. */
		for (unsigned j = 0; j < NODES; j++)
			if (j != i && (i < 2) == (j < 2))
				report->links[report->link_count++] = (struct report_link){
					.nodeid = nodeid_of(j + 1), .late_since_us = -1, .rtt_us = -1};
		report_order(report);
		snapshot.entries[i] = (struct reports_entry){.report = report, .teller = report->nodeid};
	}
	CU_ASSERT_FATAL(view_build(&view, &snapshot, &self, 3600 * SECOND_US));
	struct findings findings = diagnosis_find(&view, NULL);
	if (EXPECT(findings.count == 1, "%zu", findings.count)) {
		const char *text = "198 of 200 nodes are out of reach: ";
		CU_ASSERT_EQUAL(findings.list[0].subject_count, NODES - 2);
		CU_ASSERT_EQUAL(finding_listed(&findings.list[0]), FINDING_SUBJECTS);
		EXPECT(strncmp(findings.list[0].text, text, strlen(text)) == 0, "%s", findings.list[0].text);
		EXPECT(strstr(findings.list[0].text, " and 194 others;") != NULL, "%s", findings.list[0].text);
	}
	CU_ASSERT_EQUAL(findings.unknown_count, NODES - 2);
	findings_fini(&findings);
	view_free(&view);
}

/* Node 1 has lost many; nodes 2 and 3 can't talk, as both say. */
static void many_that_are_gone_hide_no_broken_link(void)
{
	enum { PEERS = 4, GONE = 300 };
	struct reports_snapshot snapshot = {.entries = calloc(PEERS, sizeof *snapshot.entries),
					    .count = PEERS,
					    .forget_after_us = 3600 * SECOND_US};
	struct nodeid self = nodeid_of(1);
	struct view view;
	const int64_t now_us = 3600 * SECOND_US;
	CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot.entries);
	for (unsigned i = 1; i <= PEERS; i++) {
		struct report *report =
			report_new(&(struct report_room){.links = PEERS, .ends = GONE + 1, .failures = 1});
		CU_ASSERT_PTR_NOT_NULL_FATAL(report);
		report->nodeid = nodeid_of(i);
		for (unsigned j = 1; j <= PEERS; j++)
			if (j != i && i + j != 2 + 3)
				report->links[report->link_count++] =
					(struct report_link){.nodeid = nodeid_of(j), .late_since_us = -1, .rtt_us = -1};
		for (unsigned j = 0; i == 1 && j < GONE; j++)
			report->ends[report->end_count++] = (struct report_end){.nodeid = nodeid_of(1000 + j),
										.ended_us = now_us - 60 * SECOND_US,
										.reason = REASON_SILENT};
		if (i == 2 || i == 3)
			report->ends[report->end_count++] = (struct report_end){.nodeid = nodeid_of(2 + 3 - i),
										.ended_us = now_us - 60 * SECOND_US,
										.reason = REASON_SILENT};
		report_order(report);
		snapshot.entries[i - 1] =
			(struct reports_entry){.report = report, .teller = report->nodeid, .reached_us = now_us};
	}
	CU_ASSERT_FATAL(view_build(&view, &snapshot, &self, now_us));
	struct findings findings = diagnosis_find(&view, NULL);
	size_t nodes = 0, links = 0;
	for (size_t i = 0; i < findings.count; i++) {
		nodes += findings.list[i].kind == FINDING_NODE;
		links += findings.list[i].kind == FINDING_LINK;
	}
	EXPECT(nodes == FINDINGS / 2 && links == 1, "%zu nodes, %zu links", nodes, links);
	CU_ASSERT(findings.is_full[FINDING_NODE] && !findings.is_full[FINDING_LINK]);
	findings_fini(&findings);
	view_free(&view);
}

static void a_node_that_is_cut_off_says_so_and_accuses_nobody(void)
{
	static const struct network_case cases[] = {
		{"all are late", FOUR "alpha doubts 3; alpha misses beta 3; alpha misses gamma 3; alpha misses delta 2",
		 "me(alpha) this node is cut off: 3 of 3 peers are late"},
		{"most are", SIX "alpha doubts 3; alpha misses beta 8; alpha misses gamma 8; alpha misses delta 8",
		 "me(alpha) this node may be cut off: 3 of 5 peers are late"},
		{"all are lost",
		 FOUR "alpha loses beta silent 9; alpha loses gamma silent 9; alpha loses delta silent 8",
		 "me(alpha) this node is cut off: 3 of 3 other nodes are out of reach; by their last reports they are "
		 "connected to each other"},
		{"some were gone before",
		 SIX
		 "beta dies left 90; gamma dies silent 90; alpha loses delta silent 9; alpha loses epsilon silent 9;"
		 "alpha loses zeta silent 8",
		 "me(alpha) this node is cut off: 3 of 4 other nodes are out of reach; by their last reports they are "
		 "connected to each other"},
		{"what others say says nothing then",
		 FOUR
		 "alpha doubts 3; alpha misses beta 8; alpha misses gamma 8; alpha misses delta 8; apart beta gamma;"
		 "beta fails gamma timed_out 9 60 40",
		 "me(alpha) this node is cut off: 3 of 3 peers are late"},
		{"but if some are not late, it does",
		 SIX
		 "alpha doubts 3; alpha misses beta 8; alpha misses gamma 8; alpha misses delta 8; apart epsilon zeta;"
		 "epsilon fails zeta timed_out 9 60 40",
		 "me(alpha) this node may be cut off: 3 of 5 peers are late\n"
		 "link(epsilon zeta) epsilon and zeta can't talk: epsilon says timed out; both talk to alpha, beta and "
		 "2 "
		 "others"},
		{"most were gone before",
		 SIX "beta dies silent 90; gamma dies silent 90; delta dies silent 90; alpha loses epsilon silent 9;"
		     "alpha loses zeta silent 8; apart beta gamma; apart beta delta; apart gamma delta",
		 "partition(epsilon zeta) 2 of 3 nodes are out of reach: epsilon and zeta; by their last reports they "
		 "are "
		 "connected to each other\n"
		 "node(beta) beta is gone: it fell silent (alpha hears nothing from it)\n"
		 "node(gamma) gamma is gone: it fell silent (alpha hears nothing from it)\n"
		 "node(delta) delta is gone: it fell silent (alpha hears nothing from it)"},
		{"another is", FOUR "beta doubts 3; beta misses alpha 8; beta misses gamma 8; beta misses delta 8", ""},
		{"the others all crashed", FOUR "beta dies closed 9; gamma dies closed 9; delta dies closed 9",
		 "node(beta) beta is gone: it crashed (its connection to alpha broke)\n"
		 "node(gamma) gamma is gone: it crashed (its connection to alpha broke)\n"
		 "node(delta) delta is gone: it crashed (its connection to alpha broke)"},
	};
	EXPECT_CASES(cases);
}

static void a_node_knows_that_it_was_stopped(void)
{
	static const struct network_case cases[] = {
		{"just now", FOUR "alpha stalled 4.1 10", "me(alpha) this node was stopped for 4.1 s"},
		{"a while ago", FOUR "alpha stalled 4.1 61", ""},
		{"another one", FOUR "beta stalled 4.1 10", ""},
	};
	EXPECT_CASES(cases);
}

/* ---- clocks ---- */

static void a_clock_that_is_wrong_is_named(void)
{
	static const struct network_case cases[] = {
		{"it says so itself", FOUR "gamma skew 43",
		 "clock(gamma) the clock of gamma is 43 s ahead of the others"},
		{"behind", FOUR "gamma skew -43", "clock(gamma) the clock of gamma is 43 s behind the others"},
		{"this node says so", FOUR "alpha skew -4000",
		 "me(alpha) the clock of this node is 66 min behind the others"},
		{"one differs", FOUR "alpha clock 0; beta clock 0; gamma clock 43.5; delta clock -0.5",
		 "clock(gamma) the clock of gamma is 43 s ahead of the others"},
		{"all others differ", FOUR "alpha clock 0; beta clock 43; gamma clock 43.5; delta clock 42.5",
		 "me(alpha) the clock of this node is 43 s behind the others"},
		{"they don't agree", FOUR "alpha clock 0; beta clock 43; gamma clock 90; delta clock 0", ""},
		{"there are two", FOUR "alpha clock 0; beta clock 43", ""},
		{"this node does not say", FOUR "beta clock 43; gamma clock 0; delta clock 0",
		 "clock(beta) the clock of beta is 43 s ahead of the others"},
		{"too little to tell", FOUR "alpha clock 0; beta clock 4; gamma clock 0; delta clock 0", ""},
		{"a year", FOUR "gamma skew 99999999999999",
		 "clock(gamma) the clock of gamma is 36500 d ahead of the others"},
	};
	EXPECT_CASES(cases);
}

/* ---- what others say of third parties ---- */

static void doubles_and_hosts_that_are_turned_away_are_gathered(void)
{
	static const struct network_case cases[] = {
		{"one says so", FOUR "beta doubles delta 10.0.0.4:5999 10.0.0.9:5999",
		 "double(delta) two nodes use nodeid 00000004: 10.0.0.4 and 10.0.0.9 (beta says so)"},
		{"two say so",
		 FOUR "beta doubles delta 10.0.0.4:5999 10.0.0.9:5999; gamma doubles delta 10.0.0.9:5999 10.0.0.4:5999",
		 "double(delta) two nodes use nodeid 00000004: 10.0.0.4 and 10.0.0.9 (beta and gamma say so)"},
		{"on one host", FOUR "beta doubles delta 10.0.0.4:5999 10.0.0.4:6000",
		 "double(delta) two nodes use nodeid 00000004: 10.0.0.4:5999 and 10.0.0.4:6000 (beta says so)"},
		{"one that is gone says so", FOUR "beta doubles delta 10.0.0.4:5999 10.0.0.9:5999; beta dies left 5",
		 ""},
		{"turned away", FOUR "beta refuses 10.0.0.9 312 3600 5",
		 "turned_away() 10.0.0.9 was turned away 312 times: it does not have this network's secret (beta says "
		 "so)"},
		{"by two",
		 FOUR "beta refuses 10.0.0.9 312 3600 5; gamma refuses 10.0.0.9 8 3000 900;"
		      "gamma refuses 2001:db8::7 3 9 4",
		 "turned_away() 10.0.0.9 was turned away 320 times: it does not have this network's secret (beta and "
		 "gamma say so)\n"
		 "turned_away() 2001:db8::7 was turned away 3 times: it does not have this network's secret (gamma "
		 "says so)"},
	};
	EXPECT_CASES(cases);
}

static CU_TestInfo tests[] = {
	{"a node that is gone is named, with why", a_node_that_is_gone_is_named_with_why},
	{"a node that left or is back is no trouble", a_node_that_left_or_is_back_is_no_trouble},
	{"restarts are counted", restarts_are_counted},
	{"an age that is read again is no restart", an_age_that_is_read_again_is_no_restart},
	{"a node is forgotten with its report", a_node_is_forgotten_with_its_report},
	{"nodes out of reach are one finding", nodes_out_of_reach_are_one_finding},
	{"many that are gone hide no broken link", many_that_are_gone_hide_no_broken_link},
	{"a large partition lists some, and counts all", a_large_partition_lists_some_and_counts_all},
	{"a node that is cut off says so and accuses nobody", a_node_that_is_cut_off_says_so_and_accuses_nobody},
	{"a node knows that it was stopped", a_node_knows_that_it_was_stopped},
	{"a clock that is wrong is named", a_clock_that_is_wrong_is_named},
	{"doubles, and hosts that are turned away, are gathered", doubles_and_hosts_that_are_turned_away_are_gathered},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_diagnosis_nodes = {.pName = "diagnosis_nodes", .pTests = tests};
