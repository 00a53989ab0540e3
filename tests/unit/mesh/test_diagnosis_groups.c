#include "mesh/diagnosis.h"

#include "runner.h"
#include "unit/mesh/network.h"
#include "unit/suites.h"

#define SIX "nodes c1 eu1 eu2 us1 us2 c2; mesh c1 eu1 eu2 us1 us2 c2;"
#define MISS(one, other) #one " misses " #other " 9; " #other " misses " #one " 9;"
/* Five minutes ago; since then one dials in vain. */
#define LOSE(one, other)                                                                                               \
#one " loses " #other " silent 300; " #other " loses " #one " silent 300;" #other " fails " #one               \
	     " timed_out 5 290 20;"
#define CUT SIX MISS(eu1, us1) MISS(eu1, us2) MISS(eu2, us1) MISS(eu2, us2)

/* ---- cuts ---- */

static void two_groups_that_cannot_talk_are_one_finding(void)
{
	static const struct network_case cases[] = {
		{"two and two", CUT,
		 "cut(eu1 eu2 | us1 us2) eu1 eu2 | us1 us2: 0 of 4 pairs can talk; seen by c1 and c2"},
		{"one and four", SIX "c1 called c1; " MISS(eu1, eu2) MISS(eu1, us1) MISS(eu1, us2) MISS(eu1, c2),
		 "cut(eu1 | eu2 us1 us2 c2) eu1 | c2 eu2 us1 us2: 0 of 4 pairs can talk; seen by c1"},
		{"three pairs are three links", SIX MISS(eu1, us1) MISS(eu1, us2) MISS(eu2, us1),
		 "link(eu1 us1) eu1 and us1 can't talk: eu1 says no answer to pings, us1 says no answer to pings; both "
		 "talk to c1 and c2\n"
		 "link(eu1 us2) eu1 and us2 can't talk: eu1 says no answer to pings, us2 says no answer to pings; both "
		 "talk to c1, c2 and eu2\n"
		 "link(eu2 us1) eu2 and us1 can't talk: eu2 says no answer to pings, us1 says no answer to pings; both "
		 "talk to c1, c2 and us2"},
		{"and another link that is broken", CUT MISS(eu1, eu2),
		 "cut(eu1 eu2 | us1 us2) eu1 eu2 | us1 us2: 0 of 4 pairs can talk; seen by c1 and c2\n"
		 "link(eu1 eu2) eu1 and eu2 can't talk: eu1 says no answer to pings, eu2 says no answer to pings; both "
		 "talk to c1 and c2"},
		{"this node is part of it",
		 "nodes eu1 eu2 us1 us2 c1; mesh eu1 eu2 us1 us2 c1;" MISS(eu1, us1) MISS(eu1, us2) MISS(eu2, us1)
			 MISS(eu2, us2),
		 "cut(eu1 eu2 | us1 us2) eu1 eu2 | us1 us2: 0 of 4 pairs can talk; seen by c1"},
		{"one pair may never have been connected",
		 "nodes c1 a1 a2 a3 b1 b2 b3; mesh c1 a1 a2 a3 b1 b2 b3; apart a3 b3;" MISS(a1, b1) MISS(a1, b2)
			 MISS(a1, b3) MISS(a2, b1) MISS(a2, b2) MISS(a2, b3) MISS(a3, b1) MISS(a3, b2),
		 "cut(a1 a2 a3 | b1 b2 b3) a1 a2 a3 | b1 b2 b3: 0 of 8 pairs can talk; seen by c1"},
		{"a node that can talk to some of the other side is on neither",
		 "nodes c a1 a2 a3 b1 b2 x; mesh c a1 a2 a3 b1 b2 x;" MISS(a1, b1) MISS(a1, b2) MISS(a2, b1)
			 MISS(a2, b2) MISS(a3, b1) MISS(a3, b2) MISS(a1, x) MISS(a2, x),
		 "cut(a1 a2 a3 | b1 b2) a1 a2 a3 | b1 b2: 0 of 6 pairs can talk; seen by c\n"
		 "link(a1 x) a1 and x can't talk: a1 says no answer to pings, x says no answer to pings; both talk to "
		 "a3 and c\n"
		 "link(a2 x) a2 and x can't talk: a2 says no answer to pings, x says no answer to pings; both talk to "
		 "a3 and c"},
		{"in a chain nobody knows of most pairs",
		 "nodes c a b x y z; link c a; link c b; link c x; link c y; link c z; link z a; link a x; link b y;"
		 "a fails b timed_out 3 60 30; b fails x timed_out 3 60 30; x fails y timed_out 3 60 30;"
		 "y fails z timed_out 3 60 30",
		 "link(a b) a and b can't talk: a says timed out; both talk to c\n"
		 "link(b x) b and x can't talk: b says timed out; both talk to c\n"
		 "link(x y) x and y can't talk: x says timed out; both talk to c\n"
		 "link(y z) y and z can't talk: y says timed out; both talk to c\n"
		 "single(c b y) without c, b and y are cut off"},
		{"each node of one side can be dialled by none of the other, and has dialled all others",
		 "nodes a1 a2 a3 b1 b2 b3 c d; mesh a1 a2 a3 b1 b2 b3 c d;" LOSE(a1, b1) LOSE(a1, b2) LOSE(a1, b3)
			 LOSE(a2, b1) LOSE(a2, b2) LOSE(a2, b3) LOSE(a3, b1) LOSE(a3, b2) LOSE(a3, b3),
		 "cut(a1 a2 a3 | b1 b2 b3) a1 a2 a3 | b1 b2 b3: 0 of 9 pairs can talk; seen by c and d"},
		{"many",
		 "nodes c a1 a2 a3 a4 a5 a6 a7 b1; mesh c a1 a2 a3 a4 a5 a6 a7 b1;" MISS(a1, b1) MISS(a2, b1)
			 MISS(a3, b1) MISS(a4, b1) MISS(a5, b1) MISS(a6, b1) MISS(a7, b1),
		 "cut(a1 a2 a3 a4 a5 a6 a7 | b1) a1 a2 a3 a4 a5 a6 and 1 other | b1: 0 of 7 pairs can talk; seen by c"},
	};
	EXPECT_CASES(cases);
}

static void two_cuts_are_two_findings(void)
{
	static const struct network_case cases[] = {
		{"three groups",
		 "nodes c a1 a2 b1 b2 d1 d2; mesh c a1 a2 b1 b2 d1 d2;" MISS(a1, b1) MISS(a1, b2) MISS(a2, b1)
			 MISS(a2, b2) MISS(d1, b1) MISS(d1, b2) MISS(d2, b1) MISS(d2, b2) MISS(a1, d1) MISS(a1, d2)
				 MISS(a2, d1) MISS(a2, d2),
		 "cut(a1 a2 | b1 b2 d1 d2) a1 a2 | b1 b2 d1 d2: 0 of 8 pairs can talk; seen by c\n"
		 "cut(b1 b2 | d1 d2) b1 b2 | d1 d2: 0 of 4 pairs can talk; seen by c"},
	};
	EXPECT_CASES(cases);
}

static void a_cut_that_heals_leaves_no_broken_links(void)
{
	static const struct network_step steps[] = {
		{0, "", "cut(eu1 eu2 | us1 us2) eu1 eu2 | us1 us2: 0 of 4 pairs can talk; seen by c1 and c2"},
		{5, "link eu1 us1",
		 "cut(eu1 eu2 | us1 us2) eu1 eu2 | us1 us2: 1 of 4 pairs can talk; seen by c1 and c2"},
		{5, "link eu1 us2", "cut(eu2 | us1 us2) eu2 | us1 us2: 0 of 2 pairs can talk; seen by c1, c2 and eu1"},
		{5, "link eu2 us2", "cut(eu2 | us1) eu2 | us1: 0 of 1 pair can talk; seen by c1, c2, eu1 and us2"},
		{5, "link eu2 us1", ""},
	};
	EXPECT_STORY(CUT, steps);
}

static void what_does_not_heal_is_a_broken_link_at_last(void)
{
	static const struct network_step steps[] = {
		{0, "", "cut(eu1 eu2 | us1 us2) eu1 eu2 | us1 us2: 0 of 4 pairs can talk; seen by c1 and c2"},
		{5, "link eu1 us1; link eu1 us2; link eu2 us2",
		 "cut(eu2 | us1) eu2 | us1: 0 of 1 pair can talk; seen by c1, c2, eu1 and us2"},
		{60, "",
		 "link(eu2 us1) eu2 and us1 can't talk: eu2 says no answer to pings, us1 says no answer to pings; both "
		 "talk to c1, eu1 and 2 others"},
	};
	EXPECT_STORY(CUT, steps);
}

/* Its identity stays. */
static void a_cut_that_grows_is_the_same(void)
{
	struct network *network = network_new(CUT);
	struct diagnosis_memory *memory = diagnosis_memory_new();
	struct findings before = network_find(network, memory);
	network_say(network, MISS(c2, us1) MISS(c2, us2));
	struct findings after = network_find(network, memory);
	EXPECT(before.count == 1 && after.count == 1 && before.list[0].identity == after.list[0].identity, "%s",
	       network_write(network, &after));
	EXPECT(after.list[0].subject_count == 5 && after.list[0].side_count == 3, "%s", network_write(network, &after));
	EXPECT(after.list[0].reasons[0] == REASON_SILENT && after.list[0].reasons[1] == REASON_SILENT, "both say why");
	findings_fini(&before);
	findings_fini(&after);
	diagnosis_memory_free(memory);
	network_free(network);
}

/* ---- a slow node ---- */

#define FIVE "nodes alpha beta gamma delta epsilon; mesh alpha beta gamma delta epsilon;"

static void a_node_that_answers_everybody_slowly_is_named(void)
{
	static const struct network_step steps[] = {
		{0, "", ""},
		{60, "", ""},
		{60, "gamma rtt 820",
		 "slow(gamma) gamma answers everybody slowly (820 ms, before: 1 ms); other links are unchanged"},
		{600, "",
		 "slow(gamma) gamma answers everybody slowly (820 ms, before: 1 ms); other links are unchanged"},
		{60, "delta rtt 700; gamma rtt 1200",
		 "slow(gamma) gamma answers everybody slowly (1.2 s, before: 1 ms); other links are unchanged\n"
		 "slow(delta) delta answers everybody slowly (700 ms, before: 1 ms); other links are unchanged"},
		{60, "gamma rtt 2; delta rtt 1", ""},
	};
	EXPECT_STORY(FIVE, steps);
}

/* It is not usual for long. */
static void what_was_slow_in_the_beginning_does_not_hide_a_node_that_gets_slow(void)
{
	static const struct network_step steps[] = {
		{0, "gamma rtt 2000", ""},
		{60, "gamma rtt 1", ""},
		{20, "gamma rtt 820", ""},
		{20, "",
		 "slow(gamma) gamma answers everybody slowly (820 ms, before: 1 ms); other links are unchanged"},
	};
	EXPECT_STORY(FIVE, steps);
}

static void what_is_slow_for_another_reason_names_nobody(void)
{
	static const struct network_step all[] = {
		{0, "", ""},
		{60, "alpha rtt 820; beta rtt 820; gamma rtt 820; delta rtt 820; epsilon rtt 820", ""},
	};
	static const struct network_step twice[] = {{0, "", ""}, {60, "gamma rtt 9", ""}, {60, "gamma rtt 51", ""}};
	static const struct network_step at_first[] = {{0, "gamma rtt 820", ""}, {60, "", ""}};
	static const struct network_step too_early[] = {{0, "", ""}, {20, "gamma rtt 820", ""}};
	static const struct network_step few[] = {{0, "apart gamma delta epsilon", ""}, {60, "gamma rtt 820", ""}};
	EXPECT_STORY(FIVE, all);
	EXPECT_STORY(FIVE, twice);
	EXPECT_STORY(FIVE, at_first);
	EXPECT_STORY(FIVE, too_early);
	EXPECT_STORY(FIVE, few);
}

/* ---- what hangs on one node or link ---- */

static void what_hangs_on_one_node_or_link_is_a_notice(void)
{
	static const struct network_case cases[] = {
		{"one link", FIVE "apart epsilon alpha; apart epsilon gamma; apart epsilon delta",
		 "single(epsilon beta) epsilon has one link, to beta"},
		{"this node has one", FIVE "apart alpha gamma; apart alpha beta; apart alpha delta",
		 "single(alpha epsilon) alpha has one link, to epsilon"},
		{"four nodes are too few", "nodes alpha beta gamma delta; mesh alpha beta gamma; link beta delta", ""},
		{"one node", "nodes alpha beta gamma delta epsilon; mesh alpha beta gamma; mesh beta delta epsilon",
		 "single(beta delta epsilon) without beta, delta and epsilon are cut off"},
		{"the lesser part is cut off",
		 "nodes alpha beta gamma delta epsilon zeta; mesh beta gamma delta epsilon;"
		 "mesh alpha beta zeta",
		 "single(beta alpha zeta) without beta, alpha and zeta are cut off"},
		{"two with one link",
		 "nodes alpha beta gamma delta epsilon; mesh alpha beta gamma; link beta delta;"
		 "link beta epsilon",
		 "single(beta delta epsilon) without beta, delta and epsilon are cut off"},
		{"one link between two groups",
		 "nodes a1 a2 a3 b1 b2 b3 b4; mesh a1 a2 a3; mesh b1 b2 b3 b4; link a3 b1",
		 "single(a3 a1 a2) without a3, a1 and a2 are cut off\n"
		 "single(b1 b2 b3 b4) without b1, b2, b3 and b4 are cut off\n"
		 "single(b1 a3) a1, a2 and a3 hang on one link, between a3 and b1"},
		{"a ring", "nodes a b c d e; link a b; link b c; link c d; link d e; link e a", ""},
		{"a chain", "nodes a b c d e; link a b; link b c; link c d; link d e",
		 "single(a b) a has one link, to b\n"
		 "single(c b) a and b hang on one link, between b and c\n"
		 "single(c d) d and e hang on one link, between c and d\n"
		 "single(e d) e has one link, to d"},
		{"just started",
		 FIVE "apart epsilon alpha; apart epsilon gamma; apart epsilon delta; epsilon started 50", ""},
		{"it sends no reports",
		 FIVE "apart epsilon alpha; apart epsilon gamma; apart epsilon delta; epsilon silent", ""},
		{"with one that sends none", "nodes a b c d e f; mesh a b c d; link d e; link e f; f silent", ""},
	};
	EXPECT_CASES(cases);
}

static CU_TestInfo tests[] = {
	{"two groups that cannot talk are one finding", two_groups_that_cannot_talk_are_one_finding},
	{"two cuts are two findings", two_cuts_are_two_findings},
	{"a cut that heals leaves no broken links", a_cut_that_heals_leaves_no_broken_links},
	{"what does not heal is a broken link at last", what_does_not_heal_is_a_broken_link_at_last},
	{"a cut that grows is the same", a_cut_that_grows_is_the_same},
	{"a node that answers everybody slowly is named", a_node_that_answers_everybody_slowly_is_named},
	{"what was slow in the beginning does not hide a node that gets slow",
	 what_was_slow_in_the_beginning_does_not_hide_a_node_that_gets_slow},
	{"what is slow for another reason names nobody", what_is_slow_for_another_reason_names_nobody},
	{"what hangs on one node or link is a notice", what_hangs_on_one_node_or_link_is_a_notice},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_diagnosis_groups = {.pName = "diagnosis_groups", .pTests = tests};
