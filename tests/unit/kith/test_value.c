#include "kith/value.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "kith/rows.h"
#include "runner.h"
#include "unit/suites.h"

static struct json_object *parse(const char *text)
{
	struct json_object *row = NULL;
	struct problem problem;
	CU_ASSERT_FATAL(json_parse(text, strlen(text), 8, &row, &problem));
	return row;
}

static void values_of_any_type(void)
{
	struct json_object *row = parse("{\"t\":\"x\",\"n\":1.5,\"b\":true,\"z\":null,\"l\":[\"a\",\"b\"],\"e\":[]}");
	char first[VALUE_SHORT_BYTES];
	double number;
	CU_ASSERT_STRING_EQUAL(value_text(row, "t"), "x");
	CU_ASSERT_PTR_NULL(value_text(row, "n"));
	CU_ASSERT_PTR_NULL(value_text(row, "z"));
	CU_ASSERT_PTR_NULL(value_text(row, "none"));
	CU_ASSERT_PTR_NULL(value_text(NULL, "t"));
	CU_ASSERT(value_number(row, "n", &number) && number == 1.5);
	CU_ASSERT(!value_number(row, "t", &number) && number == 0);
	CU_ASSERT(value_is_true(row, "b") && !value_is_true(row, "n") && !value_is_true(row, "none"));
	value_first_of_list(row, "l", first);
	CU_ASSERT_STRING_EQUAL(first, "a");
	value_first_of_list(row, "e", first);
	CU_ASSERT_STRING_EQUAL(first, "");
	value_first_of_list(row, "t", first);
	CU_ASSERT_STRING_EQUAL(first, "");
	json_object_put(row);
}

static void values_as_text(void)
{
	static const struct {
		const char *value;
		enum value_form form;
		const char *words, *raw;
	} cases[] = {
		{"\"alice b\"", FORM_PLAIN, "alice b", "alice\\x20b"},
		{"\"\\u001b[1m\"", FORM_PLAIN, "\\x1b[1m", "\\x1b[1m"},
		{"null", FORM_PLAIN, "", ""},
		{"null", FORM_RTT, "", ""},
		{"12.5", FORM_PLAIN, "12.5", "12.5"},
		{"12.5", FORM_SECONDS, "12 s", "12.5"},
		{"185", FORM_AGO, "3 min ago", "185"},
		{"0.412", FORM_RTT, "0.4 ms", "0.412"},
		{"1500", FORM_BYTES, "1.5 kB", "1500"},
		{"\"soon\"", FORM_SECONDS, "soon", "soon"},
		{"true", FORM_YES, "yes", "yes"},
		{"false", FORM_YES, "", "no"},
		{"false", FORM_PLAIN, "no", "no"},
		{"\"1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d\"", FORM_NODEID, "1a2b3c4d",
		 "1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"},
		{"\"1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d\"", FORM_NAME, "1a2b3c4d",
		 "1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"},
		{"\"1a2b3c4d-node\"", FORM_NAME, "1a2b3c4d-node", "1a2b3c4d-node"},
		{"[\"a\",1,[true]]", FORM_PLAIN, "a, 1, yes", "a,\\x201,\\x20yes"},
		{"{\"a\":[]}", FORM_PLAIN, "{\"a\":[]}", "{\"a\":[]}"},
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char line[256];
		snprintf(line, sizeof line, "{\"k\":%s}", cases[i].value);
		struct json_object *row = parse(line);
		char *words = value_format(row, "k", cases[i].form, false),
		     *raw = value_format(row, "k", cases[i].form, true);
		EXPECT(strcmp(words, cases[i].words) == 0 && strcmp(raw, cases[i].raw) == 0, "%s: \"%s\", \"%s\"",
		       cases[i].value, words, raw);
		free(words);
		free(raw);
		json_object_put(row);
	}
	setlocale(LC_CTYPE, "C");
}

static void rows_are_found(void)
{
	static const char *const lines[] = {"{\"k\":\"b\",\"n\":2}", "{\"k\":\"c\"}", "{\"n\":5}",
					    "{\"k\":\"b\",\"n\":1}", "{\"k\":\"a\"}"};
	struct rows rows = {0};
	double number;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct json_object *row = parse(lines[i]);
		CU_ASSERT(rows_add(&rows, row));
		json_object_put(row);
	}
	rows_sort(&rows, "k", "n");
	CU_ASSERT_PTR_NULL(value_text(rows.list[0], "k"));
	CU_ASSERT_STRING_EQUAL(value_text(rows.list[1], "k"), "a");
	CU_ASSERT(value_number(rows.list[2], "n", &number) && number == 1);
	CU_ASSERT(value_number(rows.list[3], "n", &number) && number == 2);
	CU_ASSERT_PTR_EQUAL(rows_search(&rows, "k", "c"), rows.list[4]);
	CU_ASSERT_PTR_EQUAL(rows_search(&rows, "k", "a"), rows.list[1]);
	CU_ASSERT_PTR_NULL(rows_search(&rows, "k", "d"));
	CU_ASSERT_PTR_NULL(rows_search(&rows, "k", ""));
	CU_ASSERT_PTR_NULL(rows_search(&rows, "k", NULL));
	rows_fini(&rows);
	CU_ASSERT_PTR_NULL(rows_search(&rows, "k", "a"));
}

static CU_TestInfo tests[] = {
	{"values may be missing, or of another type", values_of_any_type},
	{"values as people and as programs read them", values_as_text},
	{"rows are sorted and found", rows_are_found},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_value = {.pName = "value", .pTests = tests};
