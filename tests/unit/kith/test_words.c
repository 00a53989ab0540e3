#include "kith/words.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kith/status.h"
#include "kith/story.h"
#include "runner.h"
#include "unit/suites.h"

static void expect_words(void (*words)(double number, char out[static WORDS_BYTES]), double number,
			 const char *expected)
{
	char out[WORDS_BYTES];
	words(number, out);
	EXPECT(strcmp(out, expected) == 0, "%g is \"%s\", not \"%s\"", number, out, expected);
}

static void durations(void)
{
	expect_words(words_duration, 0.0031, "3 ms");
	expect_words(words_duration, 4.1, "4.1 s");
	expect_words(words_duration, 185, "3 min");
	expect_words(words_duration, 1036805, "12 d");
	expect_words(words_duration, -3, "0 ms");
	expect_words(words_duration, 1e300, "11574 d");
	expect_words(words_ago, 185, "3 min ago");
	expect_words(words_ago, 0.2, "just now");
}

static void round_trips(void)
{
	expect_words(words_rtt, 0, "0.00 ms");
	expect_words(words_rtt, 0.043, "0.04 ms");
	expect_words(words_rtt, 0.0999, "0.1 ms");
	expect_words(words_rtt, 0.412, "0.4 ms");
	expect_words(words_rtt, 9.96, "10 ms");
	expect_words(words_rtt, 38.2, "38 ms");
	expect_words(words_rtt, 999.6, "1.0 s");
	expect_words(words_rtt, 5250, "5.2 s");
}

static void bytes(void)
{
	expect_words(words_bytes, 0, "0 B");
	expect_words(words_bytes, 999, "999 B");
	expect_words(words_bytes, 999.6, "1.0 kB");
	expect_words(words_bytes, 38e6, "38 MB");
	expect_words(words_bytes, 2e18, "2000 PB");
}

static void expect_time(const char *text, int64_t now_s, bool has_milliseconds, const char *expected)
{
	char out[WORDS_BYTES];
	words_time(text, now_s, has_milliseconds, out);
	EXPECT(strcmp(out, expected) == 0, "%s is \"%s\", not \"%s\"", text, out, expected);
}

/* At noon of 2026-11-23. */
static void times(void)
{
	static const int64_t now_s = 1795435200;
	setenv("TZ", "UTC", 1);
	tzset();
	expect_time("2026-11-23T09:03:58.114Z", now_s, true, "09:03:58.114");
	expect_time("2026-11-23T09:03:58.114Z", now_s, false, "09:03:58");
	expect_time("2026-11-23T09:03:58Z", now_s, true, "09:03:58.000");
	expect_time("2026-11-23T09:03:58.9999Z", now_s, true, "09:03:59.000");
	expect_time("2026-11-22T09:03:58.114Z", now_s, false, "2026-11-22 09:03:58");
	expect_time("2025-11-23T09:03:58.114Z", now_s, false, "2025-11-23 09:03:58");
	expect_time("yesterday", now_s, false, "yesterday");
	expect_time("2026-11-23T09:03:58.114+01:00", now_s, false, "2026-11-23T09:03:58.114+01:00");
	expect_time("\033[2J", now_s, false, "\\x1b[2J");
	char out[WORDS_BYTES];
	words_since(7200, (double)now_s + 0.7, out);
	CU_ASSERT_STRING_EQUAL(out, "10:00:00");
	words_since(86400, (double)now_s, out);
	CU_ASSERT_STRING_EQUAL(out, "2026-11-22 12:00:00");
	setenv("TZ", "EST5", 1);
	tzset();
	expect_time("2026-11-23T09:03:58.114Z", now_s, true, "04:03:58.114");
	setenv("TZ", "UTC", 1);
	tzset();
}

static void expect_clean(const char *text, enum text_style style, const char *expected)
{
	char *clean = words_clean(text, style);
	EXPECT(clean != NULL && strcmp(clean, expected) == 0, "\"%s\", not \"%s\"", clean, expected);
	free(clean);
}

static void texts_are_escaped(void)
{
	CU_ASSERT_PTR_NOT_NULL(setlocale(LC_CTYPE, "C.UTF-8"));
	expect_clean("", TEXT_LINE, "");
	expect_clean("caf\xc3\xa9 \\", TEXT_LINE, "caf\xc3\xa9 \\");
	expect_clean("caf\xc3\xa9 \\", TEXT_WORD, "caf\xc3\xa9\\x20\\x5c");
	expect_clean("a\033]0;b\a\xff\xe2\x80\xae", TEXT_LINE, "a\\x1b]0;b\\x07\\xff\\xe2\\x80\\xae");
	CU_ASSERT_PTR_NOT_NULL(setlocale(LC_CTYPE, "C"));
	expect_clean("caf\xc3\xa9 \xff", TEXT_LINE, "caf\\xc3\\xa9 \\xff");
}

static void medians(void)
{
	double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};
	CU_ASSERT_EQUAL(words_median(odd, 0), 0);
	CU_ASSERT_EQUAL(words_median(odd, 3), 2);
	CU_ASSERT_EQUAL(words_median(even, 4), 2.5);
	CU_ASSERT_EQUAL(even[0], 1);
	CU_ASSERT_EQUAL(even[3], 4);
}

static void counts(void)
{
	char out[WORDS_BYTES];
	words_count(1, "address fails", "addresses fail", out);
	CU_ASSERT_STRING_EQUAL(out, "1 address fails");
	words_count(0, "peer", "peers", out);
	CU_ASSERT_STRING_EQUAL(out, "0 peers");
}

static void hints(void)
{
	CU_ASSERT_STRING_EQUAL(story_hint("it closed the connection without a bye"), "killed or crashed");
	CU_ASSERT_PTR_NULL(story_hint("it is shutting down"));
}

static void a_peer_is_late(void)
{
	static const struct {
		const char *peer;
		bool is_late;
	} cases[] = {
		{"{\"state\":\"ready\",\"late_ms\":null,\"waiting_ms\":900}", false},
		{"{\"state\":\"late\",\"late_ms\":1000}", true},
		{"{\"state\":\"hello\"}", false},
		{"{}", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_object *peer = NULL;
		struct problem problem;
		CU_ASSERT(json_parse(cases[i].peer, strlen(cases[i].peer), 2, &peer, &problem));
		EXPECT(status_is_late(peer) == cases[i].is_late, "%s", cases[i].peer);
		json_object_put(peer);
	}
}

static CU_TestInfo tests[] = {
	{"durations", durations},
	{"round trips", round_trips},
	{"bytes", bytes},
	{"times are local, with a date if it is another day", times},
	{"texts are escaped, in ASCII where there is no UTF-8", texts_are_escaped},
	{"medians", medians},
	{"counts", counts},
	{"hints", hints},
	{"a peer is late if the node says so", a_peer_is_late},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_words = {.pName = "words", .pTests = tests};
