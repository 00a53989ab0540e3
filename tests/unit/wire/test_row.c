#include "wire/row.h"

#include <math.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"
#include "wire/json.h"

static void expect_line(struct buffer *out, const char *line)
{
	EXPECT(buffer_length(out) == strlen(line) && memcmp(buffer_content(out), line, strlen(line)) == 0, "%.*s",
	       (int)buffer_length(out), buffer_content(out));
	buffer_fini(out);
}

static void a_row_is_one_line_of_json(void)
{
	struct buffer out = {0};
	struct nodeid nodeid;
	struct address address;
	CU_ASSERT(nodeid_parse("1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d", &nodeid));
	CU_ASSERT(address_parse("[::1]:5999", &address));
	struct row row = row_begin(&out, "peer");
	row_text(&row, "name", "alpha");
	row_nodeid(&row, "nodeid", &nodeid);
	row_address(&row, "address", &address);
	row_boolean(&row, "is_up", true);
	row_integer(&row, "count", -5);
	row_seconds(&row, "up_s", 12500000);
	row_milliseconds(&row, "rtt_ms", 1234);
	row_time(&row, "at", INT64_C(1764000000123456));
	row_json(&row, "list", "[1]");
	CU_ASSERT(row_end(&row));
	expect_line(&out,
		    "{\"msgtype\":\"peer\",\"name\":\"alpha\",\"nodeid\":\"1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d\","
		    "\"address\":\"[::1]:5999\",\"is_up\":true,\"count\":-5,\"up_s\":12.5,\"rtt_ms\":1.234,"
		    "\"at\":\"2025-11-24T16:00:00.123Z\",\"list\":[1]}\n");
}

static void what_is_unknown_is_null(void)
{
	struct buffer out = {0};
	struct address nowhere = {0};
	struct row row = row_begin(&out, "x");
	row_text(&row, "a", "");
	row_text(&row, "b", NULL);
	row_nodeid(&row, "c", &nodeid_none);
	row_address(&row, "d", &nowhere);
	row_seconds(&row, "e", -1);
	row_milliseconds(&row, "f", -1);
	row_time(&row, "g", -1);
	row_number(&row, "h", NAN);
	row_null(&row, "i");
	CU_ASSERT(row_end(&row));
	expect_line(&out, "{\"msgtype\":\"x\",\"a\":null,\"b\":null,\"c\":null,\"d\":null,\"e\":null,\"f\":null,"
			  "\"g\":null,\"h\":null,\"i\":null}\n");
}

static void numbers_have_no_more_decimals_than_they_need(void)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},	{100, "100"},	  {0.5, "0.5"}, {0.0004, "0"}, {1e15, "1000000000000000"},
		{2e15, "null"}, {-1.25, "-1.25"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer out = {0};
		char line[128];
		struct row row = row_begin(&out, "x");
		row_number(&row, "n", cases[i].value);
		CU_ASSERT(row_end(&row));
		snprintf(line, sizeof line, "{\"msgtype\":\"x\",\"n\":%s}\n", cases[i].text);
		expect_line(&out, line);
	}
}

static void only_wanted_keys_are_written(void)
{
	static const char *const wanted[] = {"c", "j", "unknown", NULL}, *const none[] = {NULL};
	const struct address nowhere = {0};
	struct buffer out = {0};
	struct row row = row_begin(&out, "x");
	row_integer(&row, "id", 7);
	row_limit(&row, wanted);
	CU_ASSERT(row_wants(&row, "c") && !row_wants(&row, "b"));
	row_text(&row, "a", "text");
	row_text(&row, "b", NULL);
	row_text(&row, "c", "text");
	row_null(&row, "d");
	row_boolean(&row, "e", true);
	row_integer(&row, "f", 1);
	row_number(&row, "g", 1.5);
	row_seconds(&row, "h", 1);
	row_time(&row, "i", 0);
	row_milliseconds(&row, "j", 1500);
	row_nodeid(&row, "k", &nodeid_none);
	row_address(&row, "l", &nowhere);
	row_real(&row, "m", 1);
	CU_ASSERT(row_end(&row));
	expect_line(&out, "{\"msgtype\":\"x\",\"id\":7,\"c\":\"text\",\"j\":1.5}\n");
	row = row_begin(&out, "x");
	row_limit(&row, none);
	row_text(&row, "a", "text");
	CU_ASSERT(row_end(&row));
	expect_line(&out, "{\"msgtype\":\"x\"}\n");
}

/* Every text comes out as a string that json-c reads, and is the same where it was UTF-8. */
static void any_text_is_a_string(void)
{
	static const struct {
		const char *text, *read;
	} cases[] = {
		{"plain", "plain"},
		{"\"quoted\\\"", "\"quoted\\\""},
		{"tab\t, end\n, \x7f", "tab\t, end\n, \x7f"},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"\xff", "\xef\xbf\xbd"},
		{"a\xc3", "a\xef\xbf\xbd"},
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer out = {0};
		struct json_object *value = NULL, *text = NULL;
		struct problem problem = {0};
		struct row row = row_begin(&out, "x");
		row_text(&row, "t", cases[i].text);
		CU_ASSERT(row_end(&row));
		EXPECT(json_parse(buffer_content(&out), buffer_length(&out) - 1, 2, &value, &problem), "case %zu: %s",
		       i, problem.text);
		CU_ASSERT(json_object_object_get_ex(value, "t", &text));
		EXPECT(json_string(text) != NULL && strcmp(json_string(text), cases[i].read) == 0, "case %zu", i);
		json_object_put(value);
		buffer_fini(&out);
	}
}

static CU_TestInfo tests[] = {
	{"a row is one line of JSON", a_row_is_one_line_of_json},
	{"what is unknown is null", what_is_unknown_is_null},
	{"numbers have no more decimals than they need", numbers_have_no_more_decimals_than_they_need},
	{"only wanted keys are written", only_wanted_keys_are_written},
	{"any text is a string", any_text_is_a_string},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_row = {"row", NULL, NULL, NULL, NULL, tests};
