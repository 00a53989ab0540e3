#include "wire/json.h"

#include <string.h>

#include "runner.h"
#include "unit/suites.h"

#define BYTES(literal) literal, sizeof(literal) - 1

enum { DEPTH = 16 };

static struct json_object *parsed(const char *text)
{
	struct json_object *value;
	struct problem problem;
	EXPECT(json_parse(text, strlen(text), DEPTH, &value, &problem), "%s: %s", text, problem.text);
	return value;
}

static void what_is_not_json_is_refused(void)
{
	static const struct {
		const char *text;
		size_t length;
		const char *says;
	} cases[] = {
		{BYTES(""), "ends within"},
		{BYTES("{\"x\":"), "ends within"},
		{BYTES("{\"x\":1} 2"), "not JSON: "},
		{BYTES("{\"x\":1,}"), "not JSON: "},
		{BYTES("{x:1}"), "at byte 2"},
		{BYTES("{\"x\":1}\0"), "NUL"},
		{BYTES("\0"), "NUL"},
		/* What is not UTF-8. */
		{BYTES("{\"x\":\"\xff\"}"), "not JSON: "},
		{BYTES("{\"x\":\"\xc3(\"}"), "not JSON: "},
		{BYTES("{\"x\":\"\x80\"}"), "not JSON: "},
		{BYTES("{\"\xff\":1}"), "not JSON: "},
		{BYTES("{\"x\":\"\xe2\x82\"}"), "not JSON: "},
		{BYTES("\xff\xfe{\"x\":1}"), "not JSON: "},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_object *value;
		struct problem problem = {0};
		bool is_good = json_parse(cases[i].text, cases[i].length, DEPTH, &value, &problem);
		EXPECT(!is_good && value == NULL, "case %zu", i);
		EXPECT(strstr(problem.text, cases[i].says) != NULL, "case %zu: %s", i, problem.text);
		EXPECT(!problem.lacks_memory, "case %zu", i);
	}
}

static void lists_nest_as_deep_as_is_allowed(void)
{
	for (int depth = 1; depth <= DEPTH + 1; depth++) {
		char text[2 * DEPTH + 4] = "";
		struct json_object *value;
		struct problem problem;
		memset(text, '[', (size_t)depth);
		text[depth] = '1';
		memset(text + depth + 1, ']', (size_t)depth);
		bool is_good = json_parse(text, strlen(text), DEPTH, &value, &problem);
		EXPECT(is_good == (depth <= DEPTH), "%s", text);
		json_object_put(value);
	}
}

static void only_a_string_without_a_nul_is_a_c_string(void)
{
	struct json_object *list = parsed("[\"a\\u00e9\",\"\",\"a\\u0000b\",1,null]");
	CU_ASSERT_STRING_EQUAL(json_string(json_object_array_get_idx(list, 0)), "a\xc3\xa9");
	CU_ASSERT_STRING_EQUAL(json_string(json_object_array_get_idx(list, 1)), "");
	for (size_t i = 2; i < 5; i++)
		EXPECT(json_string(json_object_array_get_idx(list, i)) == NULL, "element %zu", i);
	json_object_put(list);
}

static void an_integer_is_within_its_range(void)
{
	struct json_object *list = parsed("[0,1,9,10,5.0,\"5\",true,null]");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		int64_t number;
		bool is_good = json_integer(json_object_array_get_idx(list, i), 1, 9, &number);
		EXPECT(is_good == (i == 1 || i == 2), "element %zu", i);
	}
	json_object_put(list);
}

static void a_value_is_written_in_one_line(void)
{
	static const char expected[] = "before{\"path\":\"a/b\\n\",\"n\":1}";
	struct json_object *object = json_object_new_object();
	struct buffer out = {0};
	CU_ASSERT(buffer_append(&out, "before", 6));
	CU_ASSERT(json_add_text(object, "path", "a/b\n") && json_add_text(object, "none", ""));
	CU_ASSERT(json_add(object, "n", json_object_new_int64(1)));
	CU_ASSERT_FALSE(json_add(object, "lost", NULL));
	CU_ASSERT(json_write(object, &out));
	CU_ASSERT_EQUAL_FATAL(buffer_length(&out), sizeof expected - 1);
	CU_ASSERT(memcmp(buffer_content(&out), expected, sizeof expected - 1) == 0);
	buffer_fini(&out);
	json_object_put(object);
}

static CU_TestInfo tests[] = {
	{"what is not JSON is refused", what_is_not_json_is_refused},
	{"lists nest as deep as is allowed", lists_nest_as_deep_as_is_allowed},
	{"only a string without a NUL is a C string", only_a_string_without_a_nul_is_a_c_string},
	{"an integer is within its range", an_integer_is_within_its_range},
	{"a value is written in one line", a_value_is_written_in_one_line},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_json = {.pName = "json", .pTests = tests};
