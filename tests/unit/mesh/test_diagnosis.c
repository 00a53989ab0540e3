#include "mesh/diagnosis.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/mesh/network.h"
#include "unit/suites.h"

#define FOUR "nodes alpha beta gamma delta; mesh alpha beta gamma delta;"
#define FIVE "nodes alpha beta gamma delta epsilon; mesh alpha beta gamma delta epsilon;"
#define NOT_LINKED FOUR "apart beta gamma;"

/* ---- two that can't talk ---- */

static void two_that_cannot_talk_are_named_with_what_each_says(void)
{
	static const struct network_case cases[] = {
		{"all is well", FOUR, ""},
		{"both fail", NOT_LINKED "beta fails gamma timed_out 9 60 40; gamma fails beta refused 3 50 10",
		 "link(beta gamma) beta and gamma can't talk: beta says timed out, gamma says connection refused; "
		 "both talk to alpha and delta"},
		{"one fails", NOT_LINKED "gamma fails beta timed_out 2 60 40",
		 "link(beta gamma) beta and gamma can't talk: gamma says timed out; both talk to alpha and delta"},
		{"this node itself", FOUR "apart alpha beta; alpha fails beta timed_out 2 60 40",
		 "link(alpha beta) alpha and beta can't talk: alpha says timed out; both talk to delta and gamma"},
		{"both miss the other", FOUR "beta misses gamma 8; gamma misses beta 7",
		 "link(beta gamma) beta and gamma can't talk: beta says no answer to pings, gamma says no answer to "
		 "pings; both talk to alpha and delta"},
		{"one misses the other, which has not noticed", FOUR "beta misses gamma 8",
		 "link(beta gamma) beta and gamma can't talk: beta says no answer to pings; both talk to alpha and "
		 "delta"},
		{"one gave up, the other still waits", FOUR "beta loses gamma silent 1; gamma misses beta 19",
		 "link(beta gamma) beta and gamma can't talk: beta says no answer to pings, gamma says no answer to "
		 "pings; both talk to alpha and delta"},
		{"both gave up", FOUR "beta loses gamma silent 1; gamma loses beta silent 1",
		 "link(beta gamma) beta and gamma can't talk: beta says no answer to pings, gamma says no answer to "
		 "pings; both talk to alpha and delta"},
		{"the secrets differ", NOT_LINKED "beta fails gamma secret 9 60 40",
		 "link(beta gamma) beta and gamma can't talk: beta says gamma has another secret; both talk to alpha "
		 "and delta"},
		{"nobody talks to both",
		 "nodes alpha beta gamma delta; link alpha beta; link alpha delta; link delta gamma;"
		 "beta fails gamma timed_out 9 60 40",
		 "link(beta gamma) beta and gamma can't talk: beta says timed out"},
	};
	EXPECT_CASES(cases);
}

static void what_is_by_choice_or_still_open_is_no_broken_link(void)
{
	static const struct network_case cases[] = {
		{"not connected", NOT_LINKED, ""},
		{"one try", NOT_LINKED "beta fails gamma timed_out 1 9 9", ""},
		{"it is full", NOT_LINKED "beta fails gamma full 9 60 40", ""},
		{"it was removed", FOUR "beta loses gamma removed 30; gamma loses beta removed 30", ""},
		{"a dial failed before it was removed",
		 FOUR "beta loses gamma removed 30; gamma loses beta removed 30; beta fails gamma timed_out 3 90 60",
		 ""},
		{"dials fail since it was removed",
		 FOUR "beta loses gamma removed 90; gamma loses beta removed 90; beta fails gamma timed_out 3 60 30",
		 "link(beta gamma) beta and gamma can't talk: beta says timed out; both talk to alpha and delta"},
		{"the far end was stopped, and got the bye",
		 FOUR "beta loses gamma silent 20; gamma loses beta removed 20.5", ""},
		{"the connection broke, and is dialled again",
		 FOUR "beta loses gamma reset 1; gamma loses beta closed 1", ""},
		{"one end has lost it a moment ago", NOT_LINKED "beta loses gamma silent 5", ""},
		{"and it does not come back", NOT_LINKED "beta loses gamma silent 15",
		 "link(beta gamma) beta and gamma can't talk: beta says no answer to pings; both talk to alpha and "
		 "delta"},
		{"nobody wants it back", FOUR "beta loses gamma silent 300; gamma loses beta silent 300", ""},
		{"the last dial was long ago", NOT_LINKED "beta fails gamma timed_out 9 2500 1900", ""},
		{"it has moved", NOT_LINKED "beta fails gamma timed_out 9 60 40; gamma at 10.0.0.99:5999", ""},
		{"it does not say where it is", NOT_LINKED "gamma at -; beta fails gamma timed_out 9 60 40",
		 "link(beta gamma) beta and gamma can't talk: beta says timed out; both talk to alpha and delta"},
	};
	EXPECT_CASES(cases);
}

static void a_node_that_just_started_is_no_broken_link(void)
{
	static const struct network_case cases[] = {
		{"dials failed while it was down", NOT_LINKED "gamma started 8; beta fails gamma refused 9 60 10", ""},
		{"a dial may have begun before it was started",
		 NOT_LINKED "gamma started 30; beta fails gamma timed_out 9 60 15", ""},
		{"they fail since", NOT_LINKED "gamma started 90; beta fails gamma timed_out 9 80 10",
		 "link(beta gamma) beta and gamma can't talk: beta says timed out; both talk to alpha and delta"},
		{"the one that dials was started", NOT_LINKED "beta started 5; beta fails gamma timed_out 2 4 1", ""},
		{"it fell silent before it was started again", NOT_LINKED "gamma started 8; beta loses gamma silent 20",
		 ""},
		{"it was stopped", NOT_LINKED "gamma stalled 30 3; beta fails gamma timed_out 3 28 5", ""},
		{"it was stopped, and is missed", FOUR "gamma stalled 9 1; beta misses gamma 9", ""},
	};
	EXPECT_CASES(cases);
}

static void one_liar_breaks_no_link(void)
{
	static const struct network_case cases[] = {
		{"it has ended, it says", FOUR "beta loses gamma silent 30", ""},
		{"its dials fail, it says", FOUR "beta loses gamma silent 30; beta fails gamma timed_out 9 60 40", ""},
		{"all are gone, it says",
		 FIVE "beta loses alpha silent 30; beta loses gamma silent 30;"
		      "beta loses delta silent 30; beta loses epsilon silent 30",
		 ""},
		{"all are late, it says",
		 FIVE "beta misses alpha 9; beta misses gamma 9; beta misses delta 9;"
		      "beta misses epsilon 9",
		 ""},
		{"it has a link, it says",
		 NOT_LINKED "gamma fails beta timed_out 3 60 30; link beta gamma;"
			    "gamma loses beta silent 60",
		 ""},
		{"it doubts itself",
		 FIVE "beta misses gamma 9; beta misses delta 9; beta misses epsilon 9; beta doubts 3", ""},
	};
	EXPECT_CASES(cases);
}

static void a_node_that_is_dying_is_no_broken_link(void)
{
	static const struct network_case cases[] = {
		{"two have lost it, and one not yet", FIVE "beta loses gamma silent 1; delta loses gamma silent 1", ""},
		{"two miss it for long, and one not yet", FIVE "beta misses gamma 8; delta misses gamma 7", ""},
		{"all but one saw it crash", FIVE "gamma dies closed 0.1; link alpha gamma", ""},
		{"all miss it", FOUR "alpha misses gamma 8; beta misses gamma 8; delta misses gamma 8", ""},
		{"dials to it fail meanwhile",
		 FIVE "apart alpha gamma; alpha fails gamma timed_out 3 25 5; beta loses gamma silent 20;"
		      "delta loses gamma silent 20",
		 ""},
	};
	EXPECT_CASES(cases);
}

static void what_is_not_current_says_nothing(void)
{
	static const struct network_case cases[] = {
		{"one end is gone", NOT_LINKED "gamma fails beta timed_out 9 60 40; gamma dies left 30", ""},
		{"both are out of reach",
		 "nodes alpha beta gamma delta epsilon; mesh alpha beta; mesh gamma delta epsilon; link beta gamma;"
		 "beta loses gamma silent 30; apart gamma delta; gamma fails delta timed_out 9 60 40",
		 "partition(gamma delta epsilon) 3 of 5 nodes are out of reach: delta, epsilon and gamma; by their "
		 "last "
		 "reports they are connected to each other"},
		{"the far end sends no reports", NOT_LINKED "gamma silent; beta fails gamma timed_out 9 60 40", ""},
		{"neither does", NOT_LINKED "gamma silent; beta silent; beta fails gamma timed_out 9 60 40", ""},
	};
	EXPECT_CASES(cases);
}

/* ---- with a memory ---- */

static void a_node_without_reports_is_a_broken_link_if_dials_fail_while_it_is_there(void)
{
	static const struct network_step steps[] = {
		{0, "gamma silent; beta fails gamma refused 3 60 5", ""},
		{15, "beta fails gamma refused 4 75 1", ""},
		{60, "beta fails gamma refused 5 135 1",
		 "link(beta gamma) 00000003 and beta can't talk: beta says connection refused, 00000003 sends no "
		 "reports; "
		 "both talk to alpha and delta"},
		{5, "gamma dies closed 0.1",
		 "node(gamma) 00000003 is gone: it crashed (its connections to alpha and delta broke within 100 ms)"},
		{9, "link alpha gamma; link delta gamma", ""},
	};
	EXPECT_STORY(NOT_LINKED, steps);
}

static void a_broken_link_stays_one_while_one_end_gives_up_first(void)
{
	static const struct network_step steps[] = {
		{0, "", ""},
		{8, "beta misses gamma 7",
		 "link(beta gamma) beta and gamma can't talk: beta says no answer to pings; both talk to alpha and "
		 "delta"},
		{14, "beta loses gamma silent 0.1",
		 "link(beta gamma) beta and gamma can't talk: beta says no answer to pings; both talk to alpha and "
		 "delta"},
		{8, "",
		 "link(beta gamma) beta and gamma can't talk: beta says no answer to pings; both talk to alpha and "
		 "delta"},
		{9, "gamma misses beta 7",
		 "link(beta gamma) beta and gamma can't talk: beta says no answer to pings, gamma says no answer to "
		 "pings; both talk to alpha and delta"},
		{9, "gamma loses beta silent 0.1; beta fails gamma timed_out 2 20 1",
		 "link(beta gamma) beta and gamma can't talk: beta says timed out, gamma says no answer to pings; both "
		 "talk to alpha and delta"},
		{30, "link beta gamma", ""},
	};
	EXPECT_STORY(FOUR, steps);
}

static void an_end_that_alone_misses_the_other_for_too_long_is_wrong(void)
{
	static const struct network_step steps[] = {
		{0, "beta misses gamma 8",
		 "link(beta gamma) beta and gamma can't talk: beta says no answer to pings; both talk to alpha and "
		 "delta"},
		{90, "", ""},
	};
	EXPECT_STORY(FOUR, steps);
}

static void a_node_that_was_away_is_no_broken_link_until_dials_fail_again(void)
{
	static const struct network_step steps[] = {
		{0, "", ""},
		{30, "gamma dies silent 1",
		 "node(gamma) gamma is gone: it fell silent (alpha, beta and delta hear nothing from it)"},
		{60, "beta fails gamma timed_out 4 50 5",
		 "node(gamma) gamma is gone: it fell silent (alpha, beta and delta hear nothing from it)"},
		{9, "apart beta gamma; link alpha gamma; link gamma delta", ""},
		{9, "beta fails gamma timed_out 5 68 1", ""},
		{60, "beta fails gamma timed_out 6 128 1",
		 "link(beta gamma) beta and gamma can't talk: beta says timed out; both talk to alpha and delta"},
	};
	EXPECT_STORY(FOUR, steps);
}

/* ---- what to check ---- */

static void the_advice_names_where_to_look(void)
{
	static const struct {
		const char *text, *advice;
	} cases[] = {
		{NOT_LINKED "beta fails gamma timed_out 9 60 40",
		 "Probably a firewall or route between 10.0.0.2 and 10.0.0.3, TCP port 5999"},
		{NOT_LINKED "beta at 10.0.0.2:6001; beta fails gamma timed_out 9 60 40",
		 "Probably a firewall or route between 10.0.0.2 and 10.0.0.3, TCP ports 6001 and 5999"},
		{NOT_LINKED "beta at -; beta fails gamma unreachable 9 60 40",
		 "Probably a firewall or route between beta and 10.0.0.3, TCP port 5999"},
		{NOT_LINKED "beta at 10.0.0.3:6001; beta fails gamma timed_out 9 60 40",
		 "Probably a firewall or route on 10.0.0.3, TCP ports 6001 and 5999"},
		{NOT_LINKED "beta fails gamma refused 9 60 40",
		 "gamma does not listen on 10.0.0.3:5999, or a firewall rejects connections to it: compare listen and "
		 "advertise there"},
		{NOT_LINKED "beta fails gamma refused 9 60 40; gamma fails beta timed_out 9 60 40",
		 "Probably a firewall or route between 10.0.0.2 and 10.0.0.3, TCP port 5999"},
		{NOT_LINKED "beta fails gamma secret 9 60 40; gamma fails beta timed_out 9 60 40",
		 "Compare the secret files of beta and gamma: a rotation may not be finished"},
		{NOT_LINKED "gamma fails beta network 9 60 40", "Check what listens on 10.0.0.2:5999"},
		{FOUR "gamma fails beta timed_out 4 60 20", "Check for a firewall in front of beta: TCP port 5999"},
		{FOUR "gamma fails beta refused 4 60 20",
		 "beta does not listen on 10.0.0.2:5999, or a firewall rejects connections to it: compare listen and "
		 "advertise there"},
		{FOUR "gamma dies closed 5", "Check whether kithd runs on 10.0.0.3, and read its log there"},
		{FOUR "gamma dies silent 5", "Check whether 10.0.0.3 is up, whether kithd runs there, and its network"},
		{FOUR "gamma dies silent 5; beta fails gamma refused 2 4 1",
		 "The machine is up, but nothing listens there: start kithd on 10.0.0.3, and read its log"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct network *network = network_new(cases[i].text);
		struct findings findings = network_find(network, NULL);
		if (EXPECT(findings.count == 1, "%s", cases[i].text))
			EXPECT(strcmp(findings.list[0].advice, cases[i].advice) == 0, "%s: %s", cases[i].text,
			       findings.list[0].advice);
		findings_fini(&findings);
		network_free(network);
	}
}

static void a_finding_says_since_when_and_how_old_it_is(void)
{
	static const struct {
		const char *text;
		int since_s, evidence_s;
	} cases[] = {
		{NOT_LINKED "beta fails gamma timed_out 9 60 40; gamma fails beta refused 3 50 10", 60, 10},
		{FOUR "beta loses gamma silent 70; gamma loses beta silent 71; beta fails gamma timed_out 9 60 40", 71,
		 40},
		{FOUR "beta loses gamma silent 70; gamma loses beta silent 70; beta fails gamma timed_out 9 5000 40",
		 70, 40},
		{NOT_LINKED "beta loses gamma reset 5000; beta fails gamma timed_out 9 60 40", 60, 40},
		{FOUR "beta misses gamma 9; gamma misses beta 8", 9, 0},
		{FOUR "gamma fails beta timed_out 4 60 20", 60, 20},
		{FOUR "gamma dies closed 5", 5, 4},
		{FOUR "alpha stalled 4.1 10", 14, 10},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct network *network = network_new(cases[i].text);
		struct findings findings = network_find(network, NULL);
		if (EXPECT(findings.count == 1, "%s", cases[i].text)) {
			int64_t since_us = network_now(network) - findings.list[0].since_us;
			int64_t evidence_us = network_now(network) - findings.list[0].evidence_us;
			EXPECT(since_us / SECOND_US == cases[i].since_s &&
				       evidence_us / SECOND_US == cases[i].evidence_s,
			       "%s: since %lld us, from %lld us ago", cases[i].text, (long long)since_us,
			       (long long)evidence_us);
		}
		findings_fini(&findings);
		network_free(network);
	}
}

static void names_of_kinds_are_found_again(void)
{
	enum finding_kind kind;
	for (int i = 0; i < FINDING_KINDS; i++) {
		CU_ASSERT(finding_kind_find(finding_kind_name((enum finding_kind)i), &kind));
		CU_ASSERT_EQUAL(kind, i);
	}
	CU_ASSERT_STRING_EQUAL(finding_kind_name(FINDING_ONE_WAY), "one_way");
	CU_ASSERT_FALSE(finding_kind_find("nonsense", &kind));
}

/* Names are as long as they can be, and made to mislead. */
static void a_text_fits_and_shows_what_cannot_be_seen(void)
{
	static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123";
	struct network *network =
		network_new("nodes alpha beta gamma delta epsilon; mesh alpha beta gamma delta epsilon; apart beta "
			    "gamma; beta fails gamma timed_out 9 60 40; gamma fails beta secret 9 60 40");
	char say[1024];
	snprintf(say, sizeof say, "alpha called %s; beta called %s; gamma called %s; delta called \xe2\x80\xae%s",
		 longest, longest, longest, longest + 8);
	network_say(network, say);
	struct findings findings = network_find(network, NULL);
	if (EXPECT(findings.count == 1, "a broken link")) {
		const char *text = findings.list[0].text;
		size_t length = strlen(text);
		EXPECT(length < FINDING_TEXT_BYTES && length > FINDING_TEXT_BYTES / 2, "%zu bytes: %s", length, text);
		EXPECT(strstr(text, "\xe2\x80\xae") == NULL, "%s", text);
		EXPECT(strstr(text, "01234567890123 (00000002) and ") != NULL, "%s", text);
	}
	findings_fini(&findings);
	network_free(network);
}

static CU_TestInfo tests[] = {
	{"two that cannot talk are named, with what each says", two_that_cannot_talk_are_named_with_what_each_says},
	{"what is by choice or still open is no broken link", what_is_by_choice_or_still_open_is_no_broken_link},
	{"a node that just started is no broken link", a_node_that_just_started_is_no_broken_link},
	{"one liar breaks no link", one_liar_breaks_no_link},
	{"a node that is dying is no broken link", a_node_that_is_dying_is_no_broken_link},
	{"what is not current says nothing", what_is_not_current_says_nothing},
	{"a node without reports is a broken link if dials fail while it is there",
	 a_node_without_reports_is_a_broken_link_if_dials_fail_while_it_is_there},
	{"a broken link stays one while one end gives up first", a_broken_link_stays_one_while_one_end_gives_up_first},
	{"an end that alone misses the other for too long is wrong",
	 an_end_that_alone_misses_the_other_for_too_long_is_wrong},
	{"a node that was away is no broken link until dials fail again",
	 a_node_that_was_away_is_no_broken_link_until_dials_fail_again},
	{"the advice names where to look", the_advice_names_where_to_look},
	{"a finding says since when, and how old it is", a_finding_says_since_when_and_how_old_it_is},
	{"names of kinds are found again", names_of_kinds_are_found_again},
	{"a text fits, and shows what cannot be seen", a_text_fits_and_shows_what_cannot_be_seen},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_diagnosis = {.pName = "diagnosis", .pTests = tests};
