#include "mesh/pair.h"

#include <string.h>

#include "runner.h"
#include "unit/mesh/some_reports.h"
#include "unit/suites.h"

enum { REPORTS = 6 };

struct pair_case {
	const char *about;
	const char *reports[REPORTS];
	enum pair_state state; /* of numbers 1 and 2 */
	int down_s;	       /* -1 while it is not down */
	const char *says[2];
};

static void expect_pair(const struct pair_case *row)
{
	struct view view = some_view(3, row->reports);
	struct nodeid one = some_nodeid(1), other = some_nodeid(2);
	const struct view_pair *pair = view_find_pair(&view, view_find(&view, &one), view_find(&view, &other));
	if (!EXPECT(pair != NULL, "%s", row->about)) {
		view_free(&view);
		return;
	}
	int64_t since_us = pair_down_since(&view, pair), expected_us = SOME_NOW_US - row->down_s * INT64_C(1000000);
	EXPECT(pair_state(&view, pair) == row->state, "%s: %s", row->about, pair_state_name(pair_state(&view, pair)));
	EXPECT(since_us == (row->down_s < 0 ? -1 : expected_us), "%s: %lld s", row->about,
	       (long long)(SOME_NOW_US - since_us) / 1000000);
	EXPECT(pair_count_down(&view) == (row->state == PAIR_DOWN), "%s", row->about);
	for (int i = 0; i < 2; i++) {
		char words[PAIR_WORDS_BYTES];
		pair_say(&view, pair, i, words);
		EXPECT(strcmp(words, row->says[i]) == 0, "%s: %d says %s", row->about, i + 1, words);
	}
	view_free(&view);
}

static void a_pair_is_what_its_ends_say(void)
{
	static const struct pair_case cases[] = {
		{"connected", {"1: 2 3", "2: 1 3", "3: 1 2"}, PAIR_UP, -1, {"", ""}},
		{"one has not told yet", {"1: 2 3", "2: 3", "3: 1 2"}, PAIR_UP, -1, {"", ""}},
		{"late", {"1: 2! 3", "2: 1 3", "3: 1 2"}, PAIR_LATE, -1, {"connected, but no answer for 3 s", ""}},
		{"one can't dial",
		 {"1: 2 3 2?timed_out@40", "2: 1 3", "3: 1 2"},
		 PAIR_ONE_WAY,
		 -1,
		 {"connected, but to dial it fails: timed out, 5 times, last 40 s ago", ""}},
		{"neither can dial",
		 {"1: 2 3 2?timed_out@40", "2: 1 3 1?refused@5", "3: 1 2"},
		 PAIR_FADING,
		 -1,
		 {"connected, but to dial it fails: timed out, 5 times, last 40 s ago",
		  "connected, but to dial it fails: connection refused, 5 times, last 5 s ago"}},
		{"broken",
		 {"1: 3 2-silent@20", "2: 3 1-closed@10", "3: 1 2"},
		 PAIR_DOWN,
		 10,
		 {"no answer to pings, 20 s ago", "closed the connection without a bye, 10 s ago"}},
		{"broken, and not back",
		 {"1: 3 2-silent@200 2?timed_out@40", "2: 3 1-silent@190", "3: 1 2"},
		 PAIR_DOWN,
		 190,
		 {"timed out, 5 times, last 40 s ago", "no answer to pings, 3 min ago"}},
		{"never connected",
		 {"1: 3 2?timed_out@40", "2: 3", "3: 1 2"},
		 PAIR_DOWN,
		 100,
		 {"timed out, 5 times, last 40 s ago", ""}},
		{"parted by choice",
		 {"1: 3 2-removed@20", "2: 3", "3: 1 2"},
		 PAIR_APART,
		 -1,
		 {"was disconnected on purpose, 20 s ago", ""}},
		{"there is no room",
		 {"1: 3 2?full@40", "2: 3", "3: 1 2"},
		 PAIR_APART,
		 -1,
		 {"is full, 5 times, last 40 s ago", ""}},
		{"one is gone",
		 {"1: 3 2-closed@10", "2: 1 3", "3: 1 2-closed@10"},
		 PAIR_APART,
		 -1,
		 {"closed the connection without a bye, 10 s ago", "connected"}},
		{"both are out of reach",
		 {"3: 1-silent@20 2-silent@20", "1: 2 3", "2: 1 3"},
		 PAIR_UP,
		 -1,
		 {"connected, as it said 1 s ago", "connected, as it said 1 s ago"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_pair(&cases[i]);
}

static CU_TestInfo tests[] = {
	{"a pair is what its ends say", a_pair_is_what_its_ends_say},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_pair = {.pName = "pair", .pTests = tests};
