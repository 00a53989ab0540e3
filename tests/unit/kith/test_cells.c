#include "kith/cells.h"

#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"

#define RED "\033[31m"
#define PLAIN "\033[0m"

static void test_fit(void)
{
	static const struct {
		const char *text;
		size_t width, bytes, all;
	} cases[] = {
		{"", 5, 0, 0},
		{"abc", 0, 0, 3},
		{"abc", 2, 2, 3},
		{"abc", 9, 3, 3},
		/* A wide character is never halved. */
		{"\u6771\u4eac", 3, 3, 4},
		{"\u6771\u4eac", 4, 6, 4},
		{"x\u6771", 2, 1, 3},
		/* An accent stays on its letter. */
		{"e\u0301b", 1, 3, 2},
		/* Colours take no cell. */
		{RED "ab" PLAIN "c", 2, 11, 3},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		EXPECT(cells_fit(cases[i].text, cases[i].width) == cases[i].bytes, "case %zu", i);
		EXPECT(cells_width(cases[i].text) == cases[i].all, "case %zu", i);
	}
}

static void test_put(void)
{
	static const struct {
		const char *text;
		size_t width;
		bool is_right;
		const char *expected;
	} cases[] = {
		{"ab", 4, false, "ab  "},
		{"ab", 4, true, "  ab"},
		{"abcd", 3, false, "abc"},
		{"abcd", 3, true, "abc"},
		{"\u6771\u4eac", 3, false, "\u6771 "},
		{"\u6771\u4eac", 3, true, " \u6771"},
		{"", 2, false, "  "},
		{"ab", 0, false, ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer out = {0};
		EXPECT(cells_put(&out, cases[i].text, cases[i].width, cases[i].is_right) && buffer_append(&out, "", 1),
		       "case %zu", i);
		EXPECT(strcmp(buffer_content(&out), cases[i].expected) == 0, "case %zu: \"%s\"", i,
		       buffer_content(&out));
		buffer_fini(&out);
	}
}

static void test_wrap(void)
{
	static const struct {
		const char *text;
		size_t width;
		const char *lines; /* with a | between them */
	} cases[] = {
		{"one two three", 20, "one two three"}, {"one two three", 7, "one two|three"},
		{"one two three", 6, "one|two|three"},	{"onetwothree", 4, "onet|woth|ree"},
		{"  one two", 6, "  one|two"},		{"  onetwo", 4, "  on|etwo"},
		{"\u6771\u4eac", 1, "\u6771|\u4eac"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char lines[64] = "";
		const char *rest = cases[i].text;
		while (*rest != '\0' && strlen(lines) < 48) {
			const char *next;
			size_t bytes = cells_wrap(rest, cases[i].width, &next);
			strcat(strncat(lines, rest, bytes), *next == '\0' ? "" : "|");
			rest = next;
		}
		EXPECT(strcmp(lines, cases[i].lines) == 0, "case %zu: \"%s\"", i, lines);
	}
}

static CU_TestInfo tests[] = {
	{"what fits into some cells", test_fit},
	{"text in exactly so many cells", test_put},
	{"lines are broken between words", test_wrap},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_cells = {.pName = "cells", .pTests = tests};
