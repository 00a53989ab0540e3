/* A node and its peers, some of which fall silent: what it notices, whom it asks, and what it concludes. */
#include "talk/silence_priv.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"
#include "unit/talk/five.h"
#include "unit/talk/quiet.h"

enum { BETA, GAMMA, DELTA, EPSILON };

static void start(struct quiet *quiet, size_t peers, enum manner manner)
{
	quiet_init(quiet);
	quiet_start(quiet, peers);
	quiet_pass(quiet, 10 * SECOND_US);
	quiet_set(quiet, 0, peers, manner);
}

static int64_t late_us(const struct quiet *quiet, size_t i)
{
	return peer_look(quiet->peers[i], quiet->core.now_us).late_us;
}

static bool has_case(struct quiet *quiet, size_t i)
{
	static struct suspicion suspicion;
	struct nodeid nodeid = nodeid_of((unsigned)i + 1);
	return silence_look(quiet->core.protocol, &nodeid, &suspicion);
}

static size_t count_cases(struct quiet *quiet)
{
	size_t count = 0;
	for (size_t i = 0; i < quiet->count; i++)
		count += has_case(quiet, i);
	return count;
}

static unsigned sum(const unsigned *counts, size_t count)
{
	unsigned result = 0;
	for (size_t i = 0; i < count; i++)
		result += counts[i];
	return result;
}

/* ---- late ---- */

static void a_peer_is_late_after_a_second_and_ok_when_it_is_heard(void)
{
	static struct quiet quiet;
	int64_t lasted_us = 0;
	start(&quiet, 4, HEARS);
	quiet_mute(&quiet, BETA);
	quiet_pass(&quiet, SECOND_US - MS_US);
	CU_ASSERT(protocol_late(quiet.core.protocol) == 0 && late_us(&quiet, BETA) == -1);
	CU_ASSERT_EQUAL(quiet_count_events(&quiet, EVENT_PEER_LATE, BETA, NULL), 0);
	quiet_pass(&quiet, MS_US);
	CU_ASSERT(protocol_late(quiet.core.protocol) == 1 && late_us(&quiet, BETA) == SECOND_US);
	CU_ASSERT_EQUAL(quiet_count_events(&quiet, EVENT_PEER_LATE, BETA, &lasted_us), 1);
	CU_ASSERT_EQUAL(lasted_us, SECOND_US);
	quiet_pass(&quiet, 7 * SECOND_US);
	CU_ASSERT_EQUAL(quiet_count_events(&quiet, EVENT_PEER_LATE, BETA, NULL), 1);
	CU_ASSERT_EQUAL(quiet_count_events(&quiet, EVENT_PEER_OK, BETA, NULL), 0);
	/* Any message will do. */
	core_say(&quiet.core, quiet.peers[BETA], "{'msgtype': 'ping'}");
	CU_ASSERT(protocol_late(quiet.core.protocol) == 0 && late_us(&quiet, BETA) == -1);
	CU_ASSERT_EQUAL(quiet_count_events(&quiet, EVENT_PEER_OK, BETA, &lasted_us), 1);
	CU_ASSERT_EQUAL(lasted_us, 8 * SECOND_US);
	CU_ASSERT_FALSE(has_case(&quiet, BETA));
	/* It still owes the pong, and may be late again. */
	quiet_pass(&quiet, 2 * SECOND_US);
	CU_ASSERT_EQUAL(quiet_count_events(&quiet, EVENT_PEER_LATE, BETA, NULL), 2);
	core_say(&quiet.core, quiet.peers[BETA], "{'msgtype': 'pong'}");
	quiet_set(&quiet, BETA, 1, HEARS);
	quiet_pass(&quiet, 60 * SECOND_US);
	CU_ASSERT_EQUAL(quiet_count_events(&quiet, EVENT_PEER_LATE, BETA, NULL), 2);
	CU_ASSERT_EQUAL(quiet_count_events(&quiet, EVENT_PEER_OK, BETA, NULL), 2);
	quiet_fini(&quiet);
}

static void an_episode_is_logged_once_and_only_if_it_lasts(void)
{
	static const struct {
		int64_t silent_us;
		const char *late, *ok; /* NULL: nothing is logged */
	} cases[] = {
		{1999 * MS_US, NULL, NULL},
		{2000 * MS_US, "is late: no answer to a ping for 2 s", "is heard again after 2 s"},
		{9 * SECOND_US, "is late: no answer to a ping for 2 s", "is heard again after 9 s"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct quiet quiet;
		start(&quiet, 4, HEARS);
		quiet_mute(&quiet, BETA);
		capture_log(LOG_INFO);
		quiet_pass(&quiet, cases[i].silent_us);
		core_say(&quiet.core, quiet.peers[BETA], "{'msgtype': 'pong'}");
		const char *log = captured_log();
		EXPECT(five_count_lines(log) == (cases[i].late == NULL ? 0U : 2U), "case %zu: %s", i, log);
		EXPECT(cases[i].late == NULL || strstr(log, cases[i].late) != NULL, "case %zu: %s", i, log);
		EXPECT(cases[i].ok == NULL || strstr(log, cases[i].ok) != NULL, "case %zu: %s", i, log);
		quiet_fini(&quiet);
	}
}

/* ---- questions ---- */

static void three_others_are_asked_in_a_second_and_each_once(void)
{
	static struct quiet quiet;
	static const struct {
		int64_t after_us;
		unsigned asked;
	} steps[] = {{249 * MS_US, 0}, {MS_US, 3}, {999 * MS_US, 3}, {MS_US, 6}, {SECOND_US, 8}, {10 * SECOND_US, 8}};
	start(&quiet, 9, OLD);
	quiet_mute(&quiet, DELTA);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		quiet_pass(&quiet, steps[i].after_us);
		EXPECT(sum(quiet.asked, 9) == steps[i].asked, "step %zu: %u", i, sum(quiet.asked, 9));
	}
	for (size_t i = 0; i < 9; i++)
		EXPECT(quiet.asked[i] == (i != DELTA), "%s: %u", quiet_name(i), quiet.asked[i]);
	CU_ASSERT_EQUAL(quiet.questions[DELTA], 8);
	CU_ASSERT_PTR_NOT_NULL(quiet.peers[DELTA]);
	quiet_fini(&quiet);
}

/* Pings that were answered. */
static unsigned sum_pongs(struct quiet *quiet)
{
	unsigned count = 0;
	for (size_t i = 0; i < quiet->count; i++)
		count += quiet->peers[i] == NULL ? 0 : (unsigned)peer_pongs(quiet->peers[i]);
	return count;
}

static void when_others_hear_it_all_are_pinged_soon_but_not_again_and_again(void)
{
	enum { PEERS = 90 };
	static struct quiet quiet;
	start(&quiet, PEERS, HEARS);
	quiet_pass(&quiet, 200 * SECOND_US);
	quiet_mute(&quiet, BETA);
	quiet_pass(&quiet, SECOND_US);
	unsigned before = sum_pongs(&quiet);
	quiet_pass(&quiet, 1700 * MS_US);
	unsigned around = sum_pongs(&quiet) - before;
	EXPECT(around >= SILENCE_AROUND && around <= SILENCE_AROUND + 10, "%u pings", around);
	/* Then those whose turn it is are pinged, 3 in 2 s, and those who are asked. */
	unsigned asked = sum(quiet.asked, PEERS);
	before = sum_pongs(&quiet);
	quiet_pass(&quiet, 10 * SECOND_US);
	around = sum_pongs(&quiet) - before;
	asked = sum(quiet.asked, PEERS) - asked;
	EXPECT(around <= 16 + asked, "%u pings, of %u questions", around, asked);
	quiet_fini(&quiet);
}

static void a_witness_is_asked_again_when_its_word_is_old(void)
{
	static struct quiet quiet;
	start(&quiet, 3, HEARS);
	quiet_mute(&quiet, BETA);
	quiet_pass(&quiet, 250 * MS_US);
	CU_ASSERT(quiet.asked[GAMMA] == 1 && quiet.asked[DELTA] == 1);
	quiet_pass(&quiet, 1999 * MS_US);
	CU_ASSERT(quiet.asked[GAMMA] == 1 && quiet.asked[DELTA] == 1);
	quiet_pass(&quiet, MS_US);
	CU_ASSERT(quiet.asked[GAMMA] == 2 && quiet.asked[DELTA] == 2);
	quiet_pass(&quiet, 16 * SECOND_US);
	CU_ASSERT(quiet.asked[GAMMA] == 10 && quiet.asked[DELTA] == 10);
	CU_ASSERT(quiet.asked[BETA] == 0);
	quiet_fini(&quiet);
}

static void who_is_asked_is_pinged_too(void)
{
	static struct quiet quiet;
	quiet_init(&quiet);
	/* Otherwise it is pinged so seldom that none of those pings comes in between. */
	quiet.core.settings.probe_interval_us = 600 * SECOND_US;
	quiet.core.settings.ping_interval_us = 3600 * SECOND_US;
	quiet_start(&quiet, 3);
	quiet_pass(&quiet, 10000 * SECOND_US);
	quiet_mute(&quiet, BETA);
	quiet_set(&quiet, GAMMA, 1, MUTE);
	quiet_pass(&quiet, 249 * MS_US);
	CU_ASSERT_EQUAL(peer_silence(quiet.peers[GAMMA]).since_us, FOREVER_US);
	quiet_pass(&quiet, MS_US);
	CU_ASSERT_EQUAL(peer_silence(quiet.peers[GAMMA]).since_us, quiet.core.now_us);
	quiet_fini(&quiet);
}

static void sixty_questions_are_asked_at_once_about_all(void)
{
	enum { PEERS = 100, SILENT = 40 };
	static struct quiet quiet;
	start(&quiet, PEERS, HEARS);
	for (size_t i = 0; i < SILENT; i++)
		quiet_mute(&quiet, i);
	quiet_pass(&quiet, 500 * MS_US);
	CU_ASSERT_EQUAL(sum(quiet.asked, PEERS), SILENCE_QUESTIONS_PER_S);
	for (int second = 1; second <= 10; second++) {
		quiet_pass(&quiet, SECOND_US);
		EXPECT(sum(quiet.asked, PEERS) <= (unsigned)(second + 1) * SILENCE_QUESTIONS_PER_S, "%d: %u", second,
		       sum(quiet.asked, PEERS));
	}
	CU_ASSERT(sum(quiet.asked, PEERS) > 10 * SILENCE_QUESTIONS_PER_S);
	quiet_fini(&quiet);
}

static void those_that_hear_nothing_either_are_told_of_the_verdict(void)
{
	static const enum manner manners[] = {MUTE, AGREES, STRANGE, AGREES, OLD, AGREES, AGREES};
	enum { PEERS = sizeof manners / sizeof *manners };
	static struct quiet quiet;
	start(&quiet, PEERS, AGREES);
	for (size_t i = 0; i < PEERS; i++)
		quiet.manners[i] = manners[i];
	quiet_mute(&quiet, BETA);
	quiet_pass(&quiet, 4999 * MS_US);
	CU_ASSERT(sum(quiet.told, PEERS) == 0 && quiet.peers[BETA] != NULL);
	quiet_pass(&quiet, MS_US);
	CU_ASSERT_PTR_NULL(quiet.peers[BETA]);
	for (size_t i = 0; i < PEERS; i++)
		EXPECT(quiet.told[i] == (manners[i] == AGREES), "%s: %u", quiet_name(i), quiet.told[i]);
	quiet_fini(&quiet);
}

static void verdicts_are_told_within_the_bound_of_questions(void)
{
	enum { PEERS = 100, SILENT = 40 };
	static struct quiet quiet;
	start(&quiet, PEERS, AGREES);
	for (size_t i = 0; i < SILENT; i++)
		quiet_mute(&quiet, i);
	for (int second = 1; second <= 10; second++) {
		unsigned said = sum(quiet.asked, PEERS) + sum(quiet.told, PEERS);
		EXPECT(said <= (unsigned)second * SILENCE_QUESTIONS_PER_S, "%d: %u", second, said);
		quiet_pass(&quiet, SECOND_US);
	}
	CU_ASSERT(sum(quiet.told, PEERS) > 0);
	quiet_fini(&quiet);
}

/* ---- verdicts ---- */

/* Is it that text, in which % stands for the two witnesses in either order, and a + at the end for any three? */
static bool names_both(const char *text, const char *pattern, const char *one, const char *other)
{
	char both[PEER_ENDING_BYTES];
	const char *gap = strchr(pattern, '%'), *third = strstr(text, " and 1 more");
	size_t before = strcspn(pattern, "%+");
	if (pattern[before] == '+')
		return third != NULL && strncmp(text, pattern, before) == 0;
	if (gap == NULL)
		return strcmp(text, pattern) == 0;
	snprintf(both, sizeof both, "%.*s%s and %s%s", (int)before, pattern, one, other, gap + 1);
	if (strcmp(text, both) == 0)
		return true;
	snprintf(both, sizeof both, "%.*s%s and %s%s", (int)before, pattern, other, one, gap + 1);
	return strcmp(text, both) == 0;
}

static const struct {
	const char *what;
	size_t peers;
	enum manner manners[3]; /* of the others */
	int64_t gone_after_ms;
	const char *ending, *one, *other; /* % stands for these two */
} verdicts[] = {
	{"nobody else", 1, {OLD}, 20000, "silent for 20 s; no witness", "", ""},
	{"an old node", 2, {OLD}, 20000, "silent for 20 s; no witness", "", ""},
	{"strangers", 3, {STRANGE, STRANGE}, 20000, "silent for 20 s; no witness", "", ""},
	{"one that agrees", 2, {AGREES}, 5000, "silent for 5.0 s, also to gamma", "", ""},
	{"two that agree", 3, {AGREES, AGREES}, 5000, "silent for 5.0 s, also to %", "gamma", "delta"},
	{"one, and a stranger", 3, {STRANGE, AGREES}, 5000, "silent for 5.0 s, also to delta", "", ""},
	{"one, and an old node", 3, {OLD, AGREES}, 5000, "silent for 5.0 s, also to delta", "", ""},
	{"one that hears it", 3, {AGREES, HEARS}, 20000, "silent for 20 s; delta still hears it", "", ""},
	{"both hear it", 3, {HEARS, HEARS}, 20000, "silent for 20 s; % still hear it", "gamma", "delta"},
	{"a liar", 4, {LIES, HEARS, HEARS}, 20000, "silent for 20 s; % still hear it", "delta", "epsilon"},
	{"two liars", 3, {LIES, LIES}, 5000, "silent for 5.0 s, also to %", "gamma", "delta"},
	{"two liars, and one that agrees", 4, {LIES, LIES, AGREES}, 5000, "silent for 5.0 s, also to +", "", ""},
	{"three liars", 4, {LIES, LIES, LIES}, 2500, "silent for 2.5 s, also to +", "", ""},
};

static void a_peer_goes_when_others_hear_nothing_either(void)
{
	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
		static struct quiet quiet;
		start(&quiet, verdicts[i].peers, OLD);
		for (size_t j = 1; j < verdicts[i].peers; j++)
			quiet.manners[j] = verdicts[i].manners[j - 1];
		quiet_mute(&quiet, BETA);
		int64_t start_us = quiet.core.now_us;
		quiet_pass(&quiet, 30 * SECOND_US);
		EXPECT(quiet.gone_us[BETA] - start_us == verdicts[i].gone_after_ms * MS_US, "%s: gone after %lld ms",
		       verdicts[i].what, (long long)(quiet.gone_us[BETA] - start_us) / MS_US);
		EXPECT(names_both(quiet.endings[BETA], verdicts[i].ending, verdicts[i].one, verdicts[i].other),
		       "%s: %s", verdicts[i].what, quiet.endings[BETA]);
		EXPECT(protocol_late(quiet.core.protocol) == 0, "%s", verdicts[i].what);
		EXPECT(quiet_count_events(&quiet, EVENT_PEER_LATE, BETA, NULL) == 1, "%s", verdicts[i].what);
		EXPECT(quiet_count_events(&quiet, EVENT_PEER_OK, BETA, NULL) == 0, "%s", verdicts[i].what);
		for (size_t j = 1; j < verdicts[i].peers; j++)
			EXPECT(quiet.peers[j] != NULL, "%s: %s is gone", verdicts[i].what, quiet_name(j));
		quiet_fini(&quiet);
	}
}

static void of_many_witnesses_two_are_named(void)
{
	static const char head[] = "silent for 5.0 s, also to ", tail[] = " and 2 more";
	static struct quiet quiet;
	start(&quiet, 5, AGREES);
	quiet_mute(&quiet, BETA);
	quiet_pass(&quiet, 6 * SECOND_US);
	const char *ending = quiet.endings[BETA];
	size_t length = strlen(ending);
	EXPECT(strncmp(ending, head, strlen(head)) == 0 && length > strlen(tail) &&
		       strcmp(ending + length - strlen(tail), tail) == 0,
	       "%s", ending);
	CU_ASSERT_PTR_NOT_NULL(strchr(ending + strlen(head), ','));
	quiet_fini(&quiet);
}

static void a_peer_that_talks_but_does_not_answer_is_not_silent(void)
{
	static struct quiet quiet;
	start(&quiet, 3, AGREES);
	quiet_mute(&quiet, BETA);
	quiet.manners[BETA] = BABBLES;
	int64_t start_us = quiet.core.now_us;
	while (quiet.gone_us[BETA] == 0 && quiet.core.now_us < start_us + 30 * SECOND_US)
		quiet_pass(&quiet, 100 * MS_US);
	CU_ASSERT_EQUAL(quiet.gone_us[BETA] - start_us, 20 * SECOND_US);
	EXPECT_TEXT(quiet.endings[BETA], "no answer to a ping for 20 s");
	CU_ASSERT_EQUAL(quiet.questions[BETA], 0);
	CU_ASSERT_EQUAL(quiet_count_events(&quiet, EVENT_PEER_LATE, BETA, NULL), 0);
	quiet_fini(&quiet);
}

/* What it said last counts, not the ping that has no pong. */
static void a_silence_is_as_long_as_nothing_was_heard(void)
{
	static struct quiet quiet;
	start(&quiet, 1, OLD);
	quiet_mute(&quiet, BETA);
	quiet_pass(&quiet, 6 * SECOND_US);
	core_say(&quiet.core, quiet.peers[BETA], "{'msgtype': 'ping'}");
	quiet_pass(&quiet, 20 * SECOND_US);
	EXPECT_TEXT(quiet.endings[BETA], "silent for 14 s; no witness");
	quiet_fini(&quiet);
}

static void a_node_that_has_lost_most_of_its_peers_accuses_nobody(void)
{
	static const struct {
		size_t peers, silent;
		bool is_proven;
	} cases[] = {{2, 1, true},  {3, 2, true}, {4, 2, true},	 {5, 2, true},
		     {5, 3, false}, {6, 3, true}, {7, 4, false}, {9, 9, false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct quiet quiet;
		start(&quiet, cases[i].peers, AGREES);
		for (size_t j = 0; j < cases[i].silent; j++)
			quiet_mute(&quiet, j);
		int64_t start_us = quiet.core.now_us;
		quiet_pass(&quiet, 30 * SECOND_US);
		for (size_t j = 0; j < cases[i].silent; j++) {
			int64_t gone_us = quiet.gone_us[j] - start_us;
			EXPECT(gone_us == (cases[i].is_proven ? 5 : 20) * SECOND_US, "%zu of %zu: %s after %lld ms",
			       cases[i].silent, cases[i].peers, quiet_name(j), (long long)gone_us / MS_US);
		}
		quiet_fini(&quiet);
	}
}

static void a_node_that_has_lost_most_of_its_peers_asks_nobody(void)
{
	enum { PEERS = 9 };
	for (size_t silent = PEERS / 2; silent <= PEERS / 2 + 1; silent++) {
		static struct quiet quiet;
		start(&quiet, PEERS, OLD);
		for (size_t i = 0; i < silent; i++)
			quiet_mute(&quiet, i);
		quiet_pass(&quiet, SECOND_US);
		EXPECT(sum(quiet.asked, PEERS) == silent * SUSPICION_QUESTIONS, "%zu: %u", silent,
		       sum(quiet.asked, PEERS));
		quiet_pass(&quiet, 10 * SECOND_US);
		EXPECT((sum(quiet.asked, PEERS) > silent * SUSPICION_QUESTIONS) == (silent <= PEERS / 2), "%zu: %u",
		       silent, sum(quiet.asked, PEERS));
		quiet_fini(&quiet);
	}
}

/* Nor does it accuse anybody when the others go on to say that they hear nothing either. */
static void nobody_talks_it_into_accusing(void)
{
	static struct quiet quiet;
	start(&quiet, 5, AGREES);
	for (size_t i = BETA; i <= DELTA; i++)
		quiet_mute(&quiet, i);
	int64_t start_us = quiet.core.now_us;
	for (int second = 1; second <= 19; second++) {
		quiet_pass(&quiet, SECOND_US);
		for (size_t i = EPSILON; i < 5; i++)
			for (unsigned suspect = BETA + 1; suspect <= DELTA + 1; suspect++)
				core_say(&quiet.core, quiet.peers[i],
					 "{'msgtype': 'suspect', 'nodeid': '%s', 'silent_ms': %d}",
					 nodeid_text(suspect), second * 1000);
	}
	quiet_pass(&quiet, 2 * SECOND_US);
	for (size_t i = BETA; i <= DELTA; i++)
		CU_ASSERT_EQUAL(quiet.gone_us[i] - start_us, 20 * SECOND_US);
	quiet_fini(&quiet);
}

static void what_is_gone_is_not_late(void)
{
	static struct quiet quiet;
	start(&quiet, 3, HEARS);
	quiet_mute(&quiet, BETA);
	quiet_pass(&quiet, 1500 * MS_US);
	CU_ASSERT(protocol_late(quiet.core.protocol) == 1 && has_case(&quiet, BETA));
	peer_fail(quiet.peers[BETA], 0, "it closed the connection without a bye");
	quiet_pass(&quiet, MS_US);
	CU_ASSERT(quiet.peers[BETA] == NULL && protocol_late(quiet.core.protocol) == 0);
	CU_ASSERT_FALSE(has_case(&quiet, BETA));
	CU_ASSERT_EQUAL(quiet_count_events(&quiet, EVENT_PEER_OK, BETA, NULL), 0);
	/* Words that come now change nothing. */
	core_say(&quiet.core, quiet.peers[GAMMA], "{'msgtype': 'unheard', 'nodeid': '%s', 'silent_ms': 9}",
		 nodeid_text(BETA + 1));
	CU_ASSERT_FALSE(has_case(&quiet, BETA));
	quiet_fini(&quiet);
}

/* ---- is it this node? ---- */

static void a_process_that_did_not_run_blames_nobody(void)
{
	static struct quiet quiet;
	start(&quiet, 3, AGREES);
	quiet_mute(&quiet, BETA);
	quiet_pass(&quiet, 400 * MS_US);
	int64_t start_us = quiet.core.now_us += 10 * SECOND_US;
	capture_log(LOG_WARNING);
	for (size_t i = 0; i < 3; i++)
		protocol_stalled(quiet.core.protocol, quiet.peers[i], 10 * SECOND_US, quiet.core.now_us);
	quiet_pass(&quiet, 999 * MS_US);
	const char *log = captured_log();
	CU_ASSERT_EQUAL(five_count_lines(log), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "this process did not run for 10 s: no peer is blamed"));
	CU_ASSERT(quiet.peers[BETA] != NULL && protocol_late(quiet.core.protocol) == 0);
	quiet_pass(&quiet, MS_US);
	CU_ASSERT_EQUAL(protocol_late(quiet.core.protocol), 1);
	quiet_pass(&quiet, 30 * SECOND_US);
	CU_ASSERT_EQUAL(quiet.gone_us[BETA] - start_us, 5 * SECOND_US);
	quiet_fini(&quiet);
}

static void a_stall_is_logged_if_it_is_long_and_now_and_then(void)
{
	static const struct {
		int64_t after_us, stalled_us;
		size_t lines;
	} steps[] = {
		{0, 999 * MS_US, 0},   {0, 1000 * MS_US, 1},
		{0, 5 * SECOND_US, 0}, {SILENCE_KEPT_US - 1, 5 * SECOND_US, 0},
		{1, 5 * SECOND_US, 1},
	};
	static struct quiet quiet;
	start(&quiet, 3, OLD);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		quiet.core.now_us += steps[i].after_us;
		capture_log(LOG_WARNING);
		protocol_stalled(quiet.core.protocol, quiet.peers[i % 3], steps[i].stalled_us, quiet.core.now_us);
		EXPECT(five_count_lines(captured_log()) == steps[i].lines, "step %zu", i);
	}
	quiet_fini(&quiet);
}

/* It reads more slowly than the peer writes: that is no silence. */
static void a_peer_that_is_not_read_is_not_silent(void)
{
	static struct quiet quiet;
	start(&quiet, 3, AGREES);
	quiet_mute(&quiet, BETA);
	int64_t start_us = quiet.core.now_us;
	quiet_pass(&quiet, 200 * MS_US);
	peer_be_deaf(quiet.peers[BETA], quiet.core.now_us, start_us + 8 * SECOND_US);
	quiet_pass(&quiet, 8 * SECOND_US + 799 * MS_US);
	CU_ASSERT(quiet.peers[BETA] != NULL && protocol_late(quiet.core.protocol) == 0);
	quiet_pass(&quiet, 30 * SECOND_US);
	CU_ASSERT_EQUAL(quiet.gone_us[BETA] - start_us, 13 * SECOND_US);
	quiet_fini(&quiet);
}

static void after_a_sleep_of_the_machine_all_have_their_time_again(void)
{
	static struct quiet quiet;
	start(&quiet, 3, AGREES);
	protocol_run_timers(quiet.core.protocol, quiet.core.now_us, 0);
	quiet_mute(&quiet, BETA);
	quiet_pass(&quiet, 900 * MS_US);
	/* The clock stands still meanwhile, or it does not. */
	int64_t start_us = quiet.core.now_us += 100 * SECOND_US;
	protocol_run_timers(quiet.core.protocol, quiet.core.now_us, 100 * SECOND_US);
	CU_ASSERT_EQUAL(peer_silence(quiet.peers[BETA]).since_us, start_us);
	CU_ASSERT_EQUAL(late_us(&quiet, BETA), -1);
	quiet_fini(&quiet);
}

/* ---- many ---- */

static void of_257_suspects_one_has_no_case(void)
{
	static struct quiet quiet;
	start(&quiet, QUIET_PEERS, HEARS);
	for (size_t i = 0; i < SILENCE_CASES + 1; i++)
		quiet_mute(&quiet, i);
	quiet_pass(&quiet, 2 * SECOND_US);
	CU_ASSERT_EQUAL(count_cases(&quiet), SILENCE_CASES);
	CU_ASSERT_EQUAL(protocol_late(quiet.core.protocol), SILENCE_CASES + 1);
	/* There is room again when one is heard. */
	for (size_t i = 0; i < 10; i++)
		core_say(&quiet.core, quiet.peers[i], "{'msgtype': 'pong'}");
	quiet_set(&quiet, 0, 10, HEARS);
	quiet_pass(&quiet, 2 * SECOND_US);
	CU_ASSERT_EQUAL(count_cases(&quiet), SILENCE_CASES + 1 - 10);
	quiet_fini(&quiet);
}

/* However long the oldest cases last. */
static void cases_that_are_over_make_room(void) UNCHECKED
{
	enum { LAST = 8 };
	struct silence *silence = silence_new(1);
	int64_t start_us = 1000 * SECOND_US, now_us = start_us + SILENCE_KEPT_US;
	CU_ASSERT_PTR_NOT_NULL_FATAL(silence);
	silence_enter(silence);
	for (unsigned i = 1; i <= SILENCE_CASES; i++) {
		struct nodeid suspect = nodeid_of(i);
		CU_ASSERT_PTR_NOT_NULL(silence_open(silence, &suspect, start_us));
	}
	for (unsigned i = 1; i <= LAST; i++) {
		struct nodeid suspect = nodeid_of(i);
		CU_ASSERT_PTR_NOT_NULL(silence_open(silence, &suspect, now_us - 1));
	}
	for (unsigned i = 1; i <= SILENCE_CASES; i++) {
		struct nodeid suspect = nodeid_of(1000 + i);
		EXPECT(i > 1 || silence_open(silence, &suspect, now_us - 1) == NULL, "%u", i);
		EXPECT((silence_open(silence, &suspect, now_us) != NULL) == (i <= SILENCE_CASES - LAST), "%u", i);
	}
	for (unsigned i = 1; i <= LAST; i++) {
		struct nodeid suspect = nodeid_of(i);
		CU_ASSERT_PTR_NOT_NULL(silence_find(silence, &suspect));
	}
	silence_leave(silence);
	silence_free(silence);
}

static CU_TestInfo tests[] = {
	{"a peer is late after a second, and ok when it is heard",
	 a_peer_is_late_after_a_second_and_ok_when_it_is_heard},
	{"an episode is logged once, and only if it lasts", an_episode_is_logged_once_and_only_if_it_lasts},
	{"three others are asked in a second, and each once", three_others_are_asked_in_a_second_and_each_once},
	{"when others hear it all are pinged soon, but not again and again",
	 when_others_hear_it_all_are_pinged_soon_but_not_again_and_again},
	{"a witness is asked again when its word is old", a_witness_is_asked_again_when_its_word_is_old},
	{"who is asked is pinged too", who_is_asked_is_pinged_too},
	{"sixty questions are asked at once about all", sixty_questions_are_asked_at_once_about_all},
	{"those that hear nothing either are told of the verdict",
	 those_that_hear_nothing_either_are_told_of_the_verdict},
	{"verdicts are told within the bound of questions", verdicts_are_told_within_the_bound_of_questions},
	{"a peer goes when others hear nothing either", a_peer_goes_when_others_hear_nothing_either},
	{"of many witnesses two are named", of_many_witnesses_two_are_named},
	{"a peer that talks but does not answer is not silent", a_peer_that_talks_but_does_not_answer_is_not_silent},
	{"a silence is as long as nothing was heard", a_silence_is_as_long_as_nothing_was_heard},
	{"a node that has lost most of its peers accuses nobody",
	 a_node_that_has_lost_most_of_its_peers_accuses_nobody},
	{"a node that has lost most of its peers asks nobody", a_node_that_has_lost_most_of_its_peers_asks_nobody},
	{"nobody talks it into accusing", nobody_talks_it_into_accusing},
	{"what is gone is not late", what_is_gone_is_not_late},
	{"a process that did not run blames nobody", a_process_that_did_not_run_blames_nobody},
	{"a stall is logged if it is long, and now and then", a_stall_is_logged_if_it_is_long_and_now_and_then},
	{"a peer that is not read is not silent", a_peer_that_is_not_read_is_not_silent},
	{"after a sleep of the machine all have their time again",
	 after_a_sleep_of_the_machine_all_have_their_time_again},
	{"of 257 suspects one has no case", of_257_suspects_one_has_no_case},
	{"cases that are over make room", cases_that_are_over_make_room},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_silence = {
	.pName = "silence", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
