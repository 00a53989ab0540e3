#include "talk/suspicion.h"

#include <string.h>

#include "base/sync.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

/* Milliseconds of a case count from here: a liar's may be before it. */
static const int64_t origin_us = 100000 * SECOND_US;

enum { WORDS = 8, NEVER = -1, HOUR_MS = 3600 * 1000 };

enum act { END, ASK, STRANGER, UNHEARD, HEARD };

/* At that moment a witness is asked, or says that. */
struct word {
	enum act act;
	char who;
	int at_ms;
	int then_ms; /* of UNHEARD and HEARD */
};

struct row {
	const char *what;
	size_t others;
	int since_ms;	     /* this node has heard nothing */
	int silent_after_ms; /* 0: 5000 */
	struct word words[WORDS];
	int now_ms;
	bool is_proven;
	int next_ms;
};

static int64_t at(int ms)
{
	return origin_us + ms * MS_US;
}

static void say(struct suspicion *suspicion, const struct word *word)
{
	static const enum testimony testimonies[] = {
		[STRANGER] = TESTIMONY_STRANGER, [UNHEARD] = TESTIMONY_UNHEARD, [HEARD] = TESTIMONY_HEARD};
	struct nodeid who = nodeid_of((unsigned char)word->who);
	if (word->act == ASK)
		suspicion_ask(suspicion, &who, at(word->at_ms));
	else
		suspicion_tell(suspicion, &who, testimonies[word->act], at(word->then_ms), at(word->at_ms));
}

static void expect_verdict(const struct row *row)
{
	struct suspicion suspicion = {.count = 0};
	struct suspect suspect = {.since_us = at(row->since_ms),
				  .silent_after_us = (row->silent_after_ms == 0 ? 5000 : row->silent_after_ms) * MS_US,
				  .others = row->others};
	int64_t next_us, expected_us = row->next_ms == NEVER ? FOREVER_US : at(row->next_ms);
	for (size_t i = 0; i < WORDS && row->words[i].act != END; i++)
		say(&suspicion, &row->words[i]);
	bool is_proven = suspicion_is_proven(&suspicion, &suspect, at(row->now_ms), &next_us);
	EXPECT(is_proven == row->is_proven, "%s, at %d ms", row->what, row->now_ms);
	EXPECT(is_proven || next_us == expected_us, "%s, at %d ms: looks again at %lld ms, not %d", row->what,
	       row->now_ms, next_us == FOREVER_US ? -1LL : (long long)((next_us - origin_us) / MS_US), row->next_ms);
}

static void expect_verdicts(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_verdict(&rows[i]);
}

#define EXPECT_VERDICTS(rows) expect_verdicts(rows, sizeof(rows) / sizeof *(rows))

/* clang-format off */

static void alone_a_node_never_knows(void)
{
	static const struct row rows[] = {
		{"two nodes",          0, 0, 0, {{0}},                                        1000, false, 2500},
		{"two nodes",          0, 0, 0, {{0}},                                        2500, false, 5000},
		{"two nodes",          0, 0, 0, {{0}},                                       19000, false, NEVER},
		{"nobody asked yet",   3, 0, 0, {{0}},                                       19000, false, NEVER},
		{"only strangers",     2, 0, 0, {{STRANGER, 'a', 600, 0}, {STRANGER, 'b', 600, 0}}, 19000, false, NEVER},
		{"only old nodes",     2, 0, 0, {{ASK, 'a', 500, 0}, {ASK, 'b', 500, 0}},    19000, false, NEVER},
		{"a peer no more",     1, 0, 0, {{UNHEARD, 'a', 1000, 0}, {STRANGER, 'a', 4900, 0}}, 5000, false, NEVER},
	};
	EXPECT_VERDICTS(rows);
}

static void two_witnesses_are_enough(void)
{
	static const struct row rows[] = {
		{"both for long",      9, 0, 0, {{UNHEARD, 'a', 4000, 0}, {UNHEARD, 'b', 4000, 0}},       4999, false, 5000},
		{"both for long",      9, 0, 0, {{UNHEARD, 'a', 4000, 0}, {UNHEARD, 'b', 4000, 0}},       5000, true, 0},
		{"both for half",      9, 0, 0, {{UNHEARD, 'a', 4000, 2500}, {UNHEARD, 'b', 4000, 2500}}, 4999, false, 5000},
		{"both for half",      9, 0, 0, {{UNHEARD, 'a', 4000, 2500}, {UNHEARD, 'b', 4000, 2500}}, 5000, true, 0},
		{"one for less",       9, 0, 0, {{UNHEARD, 'a', 4000, 2500}, {UNHEARD, 'b', 4000, 2600}}, 5000, false, 5100},
		{"one for less",       9, 0, 0, {{UNHEARD, 'a', 4000, 2500}, {UNHEARD, 'b', 4000, 2600}}, 5100, true, 0},
		{"they saw it first",  9, 1250, 0, {{UNHEARD, 'a', 4000, -100}, {UNHEARD, 'b', 4000, -700}}, 6249, false, 6250},
		{"a third has no word", 9, 0, 0, {{UNHEARD, 'a', 4000, 0}, {UNHEARD, 'b', 4000, 0}, {ASK, 'c', 4900, 0}}, 5000, true, 0},
		{"one says it twice",  9, 0, 0, {{UNHEARD, 'a', 4000, 0}, {UNHEARD, 'a', 4100, 0}},       5000, false, NEVER},
		{"silent_after of 10 s", 9, 0, 10000, {{UNHEARD, 'a', 8000, 5000}, {UNHEARD, 'b', 8000, 5000}}, 9999, false, 10000},
		{"silent_after of 10 s", 9, 0, 10000, {{UNHEARD, 'a', 8000, 5000}, {UNHEARD, 'b', 8000, 5000}}, 10000, true, 0},
		{"silent_after of 1 s", 9, 0, 1000, {{UNHEARD, 'a', 700, 0}, {UNHEARD, 'b', 700, 500}},    999, false, 1000},
		{"silent_after of 1 s", 9, 0, 1000, {{UNHEARD, 'a', 700, 0}, {UNHEARD, 'b', 700, 500}},   1000, true, 0},
	};
	EXPECT_VERDICTS(rows);
}

static void half_is_enough_for_this_node_where_three_have_waited_for_all_of_it(void)
{
	static const struct row rows[] = {
		{"asked late",        9, 2500, 0, {{UNHEARD, 'a', 4000, -700}, {UNHEARD, 'b', 4000, -100}, {UNHEARD, 'c', 4000, 0}}, 4999, false, 5000},
		{"asked late",        9, 2500, 0, {{UNHEARD, 'a', 4000, -700}, {UNHEARD, 'b', 4000, -100}, {UNHEARD, 'c', 4000, 0}}, 5000, true, 0},
		{"asked later",       9, 2501, 0, {{UNHEARD, 'a', 4000, -700}, {UNHEARD, 'b', 4000, -100}, {UNHEARD, 'c', 4000, 0}}, 5000, false, 5001},
		{"the third later",   9, 2500, 0, {{UNHEARD, 'a', 4000, -700}, {UNHEARD, 'b', 4000, -100}, {UNHEARD, 'c', 4000, 900}}, 5899, false, 5900},
		{"the third later",   9, 2500, 0, {{UNHEARD, 'a', 4000, -700}, {UNHEARD, 'b', 4000, -100}, {UNHEARD, 'c', 4000, 900}}, 5900, true, 0},
		{"the third hears it", 9, 2500, 0, {{UNHEARD, 'a', 4000, -700}, {UNHEARD, 'b', 4000, -100}, {HEARD, 'c', 4000, 4000}}, 5000, false, 6500},
		{"a word is too old", 9, 2500, 0, {{UNHEARD, 'a', 1499, -700}, {UNHEARD, 'b', 4000, -100}, {UNHEARD, 'c', 4000, 0}}, 5000, false, 7500},
		{"only two exist",    2, 2500, 0, {{UNHEARD, 'a', 7000, -700}, {UNHEARD, 'b', 7000, -100}}, 7499, false, 7500},
		{"silent_after of 2 s", 9, 1000, 2000, {{UNHEARD, 'a', 1500, -700}, {UNHEARD, 'b', 1500, -100}, {UNHEARD, 'c', 1500, 0}}, 1999, false, 2000},
		{"silent_after of 2 s", 9, 1000, 2000, {{UNHEARD, 'a', 1500, -700}, {UNHEARD, 'b', 1500, -100}, {UNHEARD, 'c', 1500, 0}}, 2000, true, 0},
	};
	EXPECT_VERDICTS(rows);
}

static void one_witness_is_enough_where_there_is_no_other(void)
{
	static const struct row rows[] = {
		{"three nodes",          1, 0, 0, {{UNHEARD, 'a', 4000, 0}},                                 4999, false, 5000},
		{"three nodes",          1, 0, 0, {{UNHEARD, 'a', 4000, 0}},                                 5000, true, 0},
		{"three nodes, later",   1, 0, 0, {{UNHEARD, 'a', 4000, 3000}},                              5000, false, 5500},
		{"three nodes, later",   1, 0, 0, {{UNHEARD, 'a', 4000, 3000}},                              5500, true, 0},
		{"and a stranger",       2, 0, 0, {{UNHEARD, 'a', 4000, 0}, {STRANGER, 'b', 600, 0}},        5000, true, 0},
		{"another is not asked", 2, 0, 0, {{UNHEARD, 'a', 4000, 0}},                                 5000, false, NEVER},
		{"an old node",          2, 0, 0, {{UNHEARD, 'a', 4000, 0}, {ASK, 'b', 2500, 0}},            5000, true, 0},
		{"an old node, asked late", 2, 0, 0, {{UNHEARD, 'a', 4000, 0}, {ASK, 'b', 3000, 0}},         5000, false, 5500},
		{"an old node, asked late", 2, 0, 0, {{UNHEARD, 'a', 4000, 0}, {ASK, 'b', 3000, 0}},         5499, false, 5500},
		{"an old node, asked late", 2, 0, 0, {{UNHEARD, 'a', 4000, 0}, {ASK, 'b', 3000, 0}},         5500, true, 0},
		{"one that hears it",    2, 0, 0, {{UNHEARD, 'a', 4000, 0}, {HEARD, 'b', 600, 0}},           5000, false, NEVER},
		{"one whose word is old", 2, 0, 0, {{UNHEARD, 'a', 4000, 0}, {UNHEARD, 'b', 1000, 0}},       5000, false, NEVER},
	};
	EXPECT_VERDICTS(rows);
}

static void a_word_counts_for_a_while(void)
{
	static const struct row rows[] = {
		{"just fresh",           9, 0, 0, {{UNHEARD, 'a', 1500, 0}, {UNHEARD, 'b', 1500, 0}},        5000, true, 0},
		{"just too old",         9, 0, 0, {{UNHEARD, 'a', 1499, 0}, {UNHEARD, 'b', 1500, 0}},        5000, false, NEVER},
		{"the last three nodes'", 1, 0, 0, {{UNHEARD, 'a', 1499, 0}},                                5000, false, NEVER},
		{"said again",           9, 0, 0, {{UNHEARD, 'a', 1000, 0}, {UNHEARD, 'b', 1500, 0}, {UNHEARD, 'a', 2000, 0}}, 5000, true, 0},
	};
	EXPECT_VERDICTS(rows);
}

static void who_hears_it_puts_the_verdict_off(void)
{
	static const struct row rows[] = {
		{"a third hears it",     9, 0, 0, {{UNHEARD, 'a', 4000, 0}, {UNHEARD, 'b', 4000, 0}, {HEARD, 'c', 4900, 4900}}, 5000, false, 7400},
		{"a third hears it",     9, 0, 0, {{UNHEARD, 'a', 4000, 0}, {UNHEARD, 'b', 4000, 0}, {HEARD, 'c', 4900, 4900}}, 7399, false, 7400},
		{"a third hears it",     9, 0, 0, {{UNHEARD, 'a', 4000, 0}, {UNHEARD, 'b', 4000, 0}, {HEARD, 'c', 4900, 4900}}, 7400, false, 9900},
		{"and never again",      9, 0, 0, {{HEARD, 'c', 4900, 4900}, {UNHEARD, 'a', 8000, 0}, {UNHEARD, 'b', 8000, 0}}, 9899, false, 9900},
		{"and never again",      9, 0, 0, {{HEARD, 'c', 4900, 4900}, {UNHEARD, 'a', 8000, 0}, {UNHEARD, 'b', 8000, 0}}, 9900, true, 0},
		{"before this node did", 9, 0, 0, {{HEARD, 'c', 200, -100}, {UNHEARD, 'a', 4000, 0}, {UNHEARD, 'b', 4000, 0}}, 5000, true, 0},
		{"unheard after heard",  1, 0, 0, {{HEARD, 'a', 1000, 1000}, {UNHEARD, 'a', 5500, 1000}},                      5999, false, 6000},
		{"unheard after heard",  1, 0, 0, {{HEARD, 'a', 1000, 1000}, {UNHEARD, 'a', 5500, 1000}},                      6000, true, 0},
		{"heard after unheard",  1, 0, 0, {{UNHEARD, 'a', 4000, 0}, {HEARD, 'a', 4900, 4900}},                         5000, false, 7400},
		{"unheard for longer than heard", 1, 0, 0, {{HEARD, 'a', 1000, 1000}, {UNHEARD, 'a', 5500, -HOUR_MS}},         5999, false, 6000},
		{"heard, from earlier",  9, 0, 0, {{HEARD, 'c', 3000, 3000}, {HEARD, 'c', 3500, 1000}, {UNHEARD, 'a', 5000, 0}, {UNHEARD, 'b', 5000, 0}}, 7999, false, 8000},
	};
	EXPECT_VERDICTS(rows);
}

static void liars_gain_little(void)
{
	static const struct row rows[] = {
		{"one says heard",       9, 0, 0, {{UNHEARD, 'a', 18000, 0}, {UNHEARD, 'b', 18000, 0}, {HEARD, 'x', 18900, 18900}}, 19000, false, 21400},
		{"one says unheard",     1, 0, 0, {{UNHEARD, 'x', 100, -HOUR_MS}},                                  2500, false, 5000},
		{"one of two",           9, 0, 0, {{UNHEARD, 'x', 1000, -HOUR_MS}, {UNHEARD, 'a', 2400, 0}},        2500, false, 5000},
		{"one of two",           9, 0, 0, {{UNHEARD, 'x', 4000, -HOUR_MS}, {UNHEARD, 'a', 4000, 0}},        5000, true, 0},
		{"one, and a young one", 9, 0, 0, {{UNHEARD, 'x', 4000, -HOUR_MS}, {UNHEARD, 'a', 4000, 3000}},     5000, false, 5500},
		{"one says unheard",     9, 0, 0, {{UNHEARD, 'x', 4000, -HOUR_MS}},                               2500, false, 5000},
		{"one of three",         9, 0, 0, {{UNHEARD, 'x', 3000, -HOUR_MS}, {UNHEARD, 'a', 3000, 0}, {UNHEARD, 'b', 3000, 0}}, 4999, false, 5000},
		{"two",                  9, 0, 0, {{UNHEARD, 'x', 3000, -HOUR_MS}, {UNHEARD, 'y', 3000, -HOUR_MS}}, 4999, false, 5000},
		{"two",                  9, 0, 0, {{UNHEARD, 'x', 3000, -HOUR_MS}, {UNHEARD, 'y', 3000, -HOUR_MS}}, 5000, true, 0},
		{"two of three",         9, 1500, 0, {{UNHEARD, 'x', 3000, -HOUR_MS}, {UNHEARD, 'y', 3000, -HOUR_MS}, {UNHEARD, 'a', 3000, 0}}, 4999, false, 5000},
		{"two, of one that talks", 9, 2000, 0, {{UNHEARD, 'x', 3000, -HOUR_MS}, {UNHEARD, 'y', 3000, -HOUR_MS}}, 4500, false, 7000},
		{"three, too early",     9, 0, 0, {{UNHEARD, 'x', 1000, -HOUR_MS}, {UNHEARD, 'y', 1000, -HOUR_MS}, {UNHEARD, 'z', 1000, -HOUR_MS}}, 2499, false, 2500},
		{"three",                9, 0, 0, {{UNHEARD, 'x', 1000, -HOUR_MS}, {UNHEARD, 'y', 1000, -HOUR_MS}, {UNHEARD, 'z', 1000, -HOUR_MS}}, 2500, true, 0},
		{"three, and one hears it", 9, 0, 0, {{UNHEARD, 'x', 100, -HOUR_MS}, {UNHEARD, 'y', 100, -HOUR_MS}, {UNHEARD, 'z', 100, -HOUR_MS}, {HEARD, 'a', 2000, 2000}}, 2500, false, 4500},
		{"one that says it thrice", 9, 0, 0, {{UNHEARD, 'x', 1000, -HOUR_MS}, {UNHEARD, 'x', 1100, -HOUR_MS}, {UNHEARD, 'x', 1200, -HOUR_MS}}, 2500, false, 5000},
	};
	EXPECT_VERDICTS(rows);
}

/* clang-format on */

static void a_33rd_witness_is_not_heard(void)
{
	struct suspicion suspicion = {.count = 0};
	struct suspect suspect = {.since_us = at(0), .silent_after_us = 5 * SECOND_US, .others = 40};
	struct nodeid last = nodeid_of(SUSPICION_WITNESSES + 1), first = nodeid_of(1);
	int64_t next_us;
	for (unsigned i = 1; i <= SUSPICION_WITNESSES; i++) {
		struct nodeid nodeid = nodeid_of(i);
		suspicion_tell(&suspicion, &nodeid, i <= 2 ? TESTIMONY_UNHEARD : TESTIMONY_STRANGER, at(0), at(4000));
	}
	suspicion_tell(&suspicion, &last, TESTIMONY_HEARD, at(4900), at(4900));
	suspicion_ask(&suspicion, &last, at(4900));
	CU_ASSERT_EQUAL(suspicion.count, SUSPICION_WITNESSES);
	CU_ASSERT_EQUAL(suspicion.asked_us, at(4900));
	CU_ASSERT_FALSE(suspicion_knows(&suspicion, &last));
	CU_ASSERT(suspicion_knows(&suspicion, &first));
	CU_ASSERT(suspicion_is_proven(&suspicion, &suspect, at(5000), &next_us));
	/* Those that are known are still heard. */
	suspicion_tell(&suspicion, &first, TESTIMONY_HEARD, at(4900), at(5000));
	CU_ASSERT_FALSE(suspicion_is_proven(&suspicion, &suspect, at(5000), &next_us));
}

static void witnesses_with_an_old_word_are_asked_again_the_longest_silence_first(void)
{
	static const struct word words[] = {
		{UNHEARD, 'a', 1000, 700}, {UNHEARD, 'b', 1000, 300},	{STRANGER, 'c', 1000, 0},
		{HEARD, 'd', 1000, 900},   {UNHEARD, 'e', 1001, -9000}, {ASK, 'f', 1000, 0},
	};
	struct suspicion suspicion = {.count = 0};
	int now_ms = 1000 + (int)(SUSPICION_STALE_US / MS_US);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		say(&suspicion, &words[i]);
	CU_ASSERT_PTR_NULL(suspicion_stale(&suspicion, at(now_ms - 1)));
	for (const char *who = "bad"; *who != '\0'; who++) {
		const struct witness *stale = suspicion_stale(&suspicion, at(now_ms));
		struct nodeid expected = nodeid_of((unsigned char)*who);
		CU_ASSERT_PTR_NOT_NULL_FATAL(stale);
		EXPECT(nodeid_equals(&stale->nodeid, &expected), "%c", *who);
		say(&suspicion, &(struct word){ASK, *who, now_ms, 0});
	}
	CU_ASSERT_PTR_NULL(suspicion_stale(&suspicion, at(now_ms)));
	/* One that has not answered is asked again in the next round. */
	const struct witness *next = suspicion_stale(&suspicion, at(now_ms + 1));
	struct nodeid e = nodeid_of('e'), b = nodeid_of('b');
	CU_ASSERT(next != NULL && nodeid_equals(&next->nodeid, &e));
	say(&suspicion, &(struct word){ASK, 'e', now_ms + 1, 0});
	CU_ASSERT_PTR_NULL(suspicion_stale(&suspicion, at(now_ms + 999)));
	next = suspicion_stale(&suspicion, at(now_ms + 1000));
	CU_ASSERT(next != NULL && nodeid_equals(&next->nodeid, &b));
}

static CU_TestInfo tests[] = {
	{"alone a node never knows", alone_a_node_never_knows},
	{"two witnesses are enough", two_witnesses_are_enough},
	{"half is enough for this node where three have waited for all of it",
	 half_is_enough_for_this_node_where_three_have_waited_for_all_of_it},
	{"one witness is enough where there is no other", one_witness_is_enough_where_there_is_no_other},
	{"a word counts for a while", a_word_counts_for_a_while},
	{"who hears it puts the verdict off", who_hears_it_puts_the_verdict_off},
	{"liars gain little", liars_gain_little},
	{"a 33rd witness is not heard", a_33rd_witness_is_not_heard},
	{"witnesses with an old word are asked again, the longest silence first",
	 witnesses_with_an_old_word_are_asked_again_the_longest_silence_first},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_suspicion = {.pName = "suspicion", .pTests = tests};
