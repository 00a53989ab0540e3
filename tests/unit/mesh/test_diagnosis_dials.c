#include "mesh/diagnosis.h"

#include "runner.h"
#include "unit/mesh/network.h"
#include "unit/suites.h"

/* Each was dialled by the one before it. */
#define FOUR "nodes alpha beta gamma delta; mesh alpha beta gamma delta;"
#define SIX "nodes alpha beta gamma delta epsilon zeta; mesh alpha beta gamma delta epsilon zeta;"

static void one_that_cannot_dial_the_other_is_one_way(void)
{
	static const struct network_case cases[] = {
		{"it was dialled by the other", FOUR "gamma fails beta timed_out 4 60 20",
		 "one_way(gamma beta) gamma can't dial beta (timed out), beta can dial gamma"},
		{"refused", FOUR "gamma fails beta refused 4 60 20",
		 "one_way(gamma beta) gamma can't dial beta (connection refused), beta can dial gamma"},
		{"it dialled the other itself, and the other may not have tried yet",
		 FOUR "beta fails gamma timed_out 4 59 20", ""},
		{"it dialled the other itself", FOUR "beta fails gamma timed_out 4 60 20",
		 "one_way(beta gamma) beta can't dial gamma any more (timed out), though it did"},
		{"one try", FOUR "gamma fails beta timed_out 1 20 20", ""},
		{"the other is full", FOUR "gamma fails beta full 4 60 20", ""},
		{"the other has moved", FOUR "gamma fails beta timed_out 4 60 20; beta at 10.0.0.9:5999", ""},
		{"the other sends no reports", FOUR "gamma fails beta timed_out 4 60 20; beta silent", ""},
		{"the other was started since", FOUR "gamma fails beta timed_out 4 60 20; beta started 10", ""},
		{"it may have been before they were connected",
		 FOUR "gamma fails beta timed_out 4 60 20; link beta gamma", ""},
		{"the link is broken",
		 FOUR "gamma fails beta timed_out 4 60 20; gamma misses beta 9; beta misses gamma 9",
		 "link(beta gamma) beta and gamma can't talk: beta says no answer to pings, gamma says no answer to "
		 "pings; both talk to alpha and delta"},
	};
	EXPECT_CASES(cases);
}

static void a_dial_that_failed_before_they_were_connected_counts_when_it_fails_again(void)
{
	static const struct network_step steps[] = {
		{0, "gamma fails beta timed_out 4 60 5",
		 "link(beta gamma) beta and gamma can't talk: gamma says timed out; both talk to alpha and delta"},
		{30, "link beta gamma", ""},
		{30, "gamma fails beta timed_out 5 120 15", ""},
		{30, "gamma fails beta timed_out 6 150 5",
		 "one_way(gamma beta) gamma can't dial beta (timed out), beta can dial gamma"},
		{30, "gamma reaches beta", ""},
	};
	EXPECT_STORY(FOUR "apart beta gamma", steps);
}

#define FADING "fading(beta gamma) beta and gamma are connected, but neither can dial the other any more (timed out)"

static void one_end_that_can_dial_again_before_the_other_is_not_one_way(void)
{
	static const struct network_step both[] = {
		{0, "", ""},
		{120, "beta fails gamma timed_out 3 60 5; gamma fails beta timed_out 4 60 20", FADING},
		{300, "gamma reaches beta", ""},
		{10, "", ""},
		{1, "beta reaches gamma", ""},
	};
	static const struct network_step one_alone[] = {
		{0, "", ""},
		{120, "beta fails gamma timed_out 3 60 5; gamma fails beta timed_out 4 60 20", FADING},
		{300, "beta reaches gamma", ""},
		{10, "gamma fails beta timed_out 20 370 8", ""},
		{16, "gamma fails beta timed_out 22 386 8", ""},
		{8, "gamma fails beta timed_out 23 394 8",
		 "one_way(gamma beta) gamma can't dial beta (timed out), beta can dial gamma"},
		{8, "beta fails gamma timed_out 2 4 0", FADING},
	};
	static const struct network_step no_news[] = {
		{0, "", ""},
		{120, "beta fails gamma timed_out 3 60 5; gamma fails beta timed_out 4 60 20", FADING},
		{300, "beta reaches gamma", ""},
		{59, "", ""},
		{1, "", "one_way(gamma beta) gamma can't dial beta (timed out), beta can dial gamma"},
		{3000, "", ""},
	};
	/* As soon as they are connected one of the two finds out. */
	static const struct network_step beginning[] = {
		{0, "", ""},
		{40, "gamma fails beta timed_out 2 24 12", ""},
		{20, "beta fails gamma timed_out 2 12 0", FADING},
	};
	static const struct network_step blocked[] = {
		{0, "", ""},
		{21, "gamma fails beta timed_out 2 11 0",
		 "one_way(gamma beta) gamma can't dial beta (timed out), beta can dial gamma"},
	};
	EXPECT_STORY(FOUR, beginning);
	EXPECT_STORY(FOUR, blocked);
	EXPECT_STORY(FOUR, both);
	EXPECT_STORY(FOUR, one_alone);
	EXPECT_STORY(FOUR, no_news);
}

static void a_node_that_nobody_can_dial_is_one_finding(void)
{
	static const struct network_case cases[] = {
		{"two can't", SIX "epsilon fails alpha timed_out 4 60 20; zeta fails alpha timed_out 4 60 20",
		 "one_way(epsilon alpha) epsilon can't dial alpha (timed out), alpha can dial epsilon\n"
		 "one_way(zeta alpha) zeta can't dial alpha (timed out), alpha can dial zeta"},
		{"three can't",
		 SIX "epsilon fails alpha timed_out 4 60 20; zeta fails alpha timed_out 4 60 20;"
		     "delta fails alpha timed_out 4 60 20",
		 "one_way(alpha delta epsilon zeta) nobody can dial alpha (delta, epsilon and zeta say timed out), "
		 "which "
		 "can dial others"},
		{"but one has",
		 SIX "link gamma alpha; epsilon fails alpha timed_out 4 60 20; zeta fails alpha timed_out 4 60 20;"
		     "delta fails alpha timed_out 4 60 20",
		 "one_way(delta alpha) delta can't dial alpha (timed out), alpha can dial delta\n"
		 "one_way(epsilon alpha) epsilon can't dial alpha (timed out), alpha can dial epsilon\n"
		 "one_way(zeta alpha) zeta can't dial alpha (timed out), alpha can dial zeta"},
		{"three that are not connected with it",
		 SIX "apart delta alpha; apart epsilon alpha; apart zeta alpha; epsilon fails alpha timed_out 4 60 20;"
		     "zeta fails alpha timed_out 4 60 20; delta fails alpha timed_out 4 60 20",
		 "one_way(alpha delta epsilon zeta) nobody can dial alpha (delta, epsilon and zeta say timed out), "
		 "which "
		 "can dial others"},
		{"those who have dialled it before can't any more",
		 SIX "delta fails epsilon timed_out 4 60 20; alpha fails epsilon timed_out 4 60 20;"
		     "beta fails epsilon timed_out 4 60 20; gamma fails epsilon timed_out 4 60 20",
		 "one_way(epsilon alpha beta gamma delta) nobody can dial epsilon (alpha, beta, delta and gamma say "
		 "timed out), which can dial others"},
		{"and it can't dial one of them",
		 "nodes alpha beta gamma delta epsilon zeta eta; mesh alpha beta gamma delta epsilon zeta eta;"
		 "apart delta alpha; apart epsilon alpha; apart zeta alpha; epsilon fails alpha timed_out 4 60 20;"
		 "zeta fails alpha timed_out 4 60 20; delta fails alpha timed_out 4 60 20;"
		 "eta fails alpha timed_out 4 60 20; alpha fails zeta timed_out 4 60 20",
		 "link(alpha zeta) alpha and zeta can't talk: alpha says timed out, zeta says timed out; both talk to "
		 "beta, eta and gamma\n"
		 "one_way(alpha delta epsilon zeta eta) nobody can dial alpha (delta, epsilon, eta and zeta say timed "
		 "out), which can dial others"},
	};
	EXPECT_CASES(cases);
}

static void a_connection_that_neither_could_make_again_is_fading(void)
{
	static const struct network_case cases[] = {
		{"both time out", FOUR "beta fails gamma timed_out 3 30 5; gamma fails beta timed_out 4 60 20",
		 "fading(beta gamma) beta and gamma are connected, but neither can dial the other any more (timed "
		 "out)"},
		{"each for another reason", FOUR "beta fails gamma timed_out 3 30 5; gamma fails beta refused 4 60 20",
		 "fading(beta gamma) beta and gamma are connected, but neither can dial the other any more (beta says "
		 "timed out, gamma says connection refused)"},
		{"all of one node",
		 FOUR "alpha fails delta timed_out 3 30 5; delta fails alpha timed_out 4 60 20;"
		      "beta fails delta timed_out 3 30 5; delta fails beta timed_out 4 60 20;"
		      "gamma fails delta timed_out 3 30 5; delta fails gamma timed_out 4 60 20",
		 "fading(alpha delta) alpha and delta are connected, but neither can dial the other any more (timed "
		 "out)\n"
		 "fading(beta delta) beta and delta are connected, but neither can dial the other any more (timed "
		 "out)\n"
		 "fading(gamma delta) delta and gamma are connected, but neither can dial the other any more (timed "
		 "out)"},
		{"before they were connected",
		 FOUR "beta fails gamma timed_out 3 30 5; gamma fails beta timed_out 4 60 20; link beta gamma", ""},
	};
	EXPECT_CASES(cases);
}

static CU_TestInfo tests[] = {
	{"one that cannot dial the other is one way", one_that_cannot_dial_the_other_is_one_way},
	{"a dial that failed before they were connected counts when it fails again",
	 a_dial_that_failed_before_they_were_connected_counts_when_it_fails_again},
	{"one end that can dial again before the other is not one way",
	 one_end_that_can_dial_again_before_the_other_is_not_one_way},
	{"a node that nobody can dial is one finding", a_node_that_nobody_can_dial_is_one_finding},
	{"a connection that neither could make again is fading", a_connection_that_neither_could_make_again_is_fading},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_diagnosis_dials = {.pName = "diagnosis_dials", .pTests = tests};
