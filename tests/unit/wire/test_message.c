#include "wire/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "runner.h"
#include "unit/suites.h"

#define BYTES(literal) literal, sizeof(literal) - 1

#define ID "0123abcd-4567-89ef-a0b1-c2d3e4f5a6b7"
#define UPPER_ID "0123ABCD-4567-89EF-A0B1-C2D3E4F5A6B7"
#define OTHER_ID "ffffffff-ffff-4fff-bfff-ffffffffffff"
#define NIL_ID "00000000-0000-0000-0000-000000000000"
/* In full, since clang-tidy takes literals side by side in a list for a missing comma. */
#define NIL_TEXT "\"00000000-0000-0000-0000-000000000000\""
#define HELLO "{\"msgtype\":\"hello\",\"nodeid\":\"" ID "\""
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define E_ACUTE "\xc3\xa9"
#define E8 E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE
#define E32 E8 E8 E8 E8

struct refusal {
	const char *line;
	size_t length;
	const char *says; /* what the error has to name */
};

/* A copy without a NUL behind it, so that a sanitizer sees who reads too far. */
static bool decode(const char *line, size_t length, struct message *message, struct problem *problem)
{
	char *copy = malloc(length + (length == 0));
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, line, length);
	memset(problem, 'E', sizeof *problem);
	bool decoded = message_decode(copy, length, 0, message, problem);
	free(copy);
	return decoded;
}

static void expect_refused(const struct refusal *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct message message;
		struct problem problem;
		if (!EXPECT(!decode(cases[i].line, cases[i].length, &message, &problem), "%s", cases[i].line)) {
			message_fini(&message);
			continue;
		}
		size_t length = strnlen(problem.text, sizeof problem.text);
		EXPECT(length > 0 && length < sizeof problem.text, "%s", cases[i].line);
		EXPECT(text_is_plain(problem.text, length), "%s", cases[i].line);
		EXPECT(strstr(problem.text, cases[i].says) != NULL, "%s: \"%s\" says nothing of \"%s\"", cases[i].line,
		       problem.text, cases[i].says);
	}
}

#define EXPECT_REFUSED(cases) expect_refused(cases, sizeof(cases) / sizeof *(cases))

/* A message that must be good; the caller gives it to message_fini. */
static struct message decoded(const char *line, size_t length)
{
	struct message message;
	struct problem problem;
	if (!EXPECT(decode(line, length, &message, &problem), "%s: %.*s", line, PROBLEM_BYTES, problem.text))
		memset(&message, 0, sizeof message);
	return message;
}

static void each_type_is_known_by_its_name(void)
{
	static const struct {
		const char *line;
		enum message_type type;
		const char *name;
	} cases[] = {
		{HELLO "}", MESSAGE_HELLO, "hello"},
		{"{\"msgtype\":\"ping\"}", MESSAGE_PING, "ping"},
		{"{\"msgtype\":\"pong\"}", MESSAGE_PONG, "pong"},
		{"{\"msgtype\":\"getaddr\"}", MESSAGE_GETADDR, "getaddr"},
		{"{\"msgtype\":\"addr\",\"peers\":[]}", MESSAGE_ADDR, "addr"},
		{"{\"msgtype\":\"bye\",\"reason\":\"full\"}", MESSAGE_BYE, "bye"},
		{"{\"msgtype\":\"suspect\",\"nodeid\":\"" ID "\",\"silent_ms\":1}", MESSAGE_SUSPECT, "suspect"},
		{"{\"msgtype\":\"heard\",\"nodeid\":\"" ID "\",\"ago_ms\":1}", MESSAGE_HEARD, "heard"},
		{"{\"msgtype\":\"unheard\",\"nodeid\":\"" ID "\"}", MESSAGE_UNHEARD, "unheard"},
		{"{\"msgtype\":\"report\",\"seq\":1,\"up_s\":1}", MESSAGE_REPORT, "report"},
		{"{\"msgtype\":\"reports\",\"have\":[]}", MESSAGE_REPORTS, "reports"},
		{"{\"msgtype\":\"getreport\",\"nodeids\":[]}", MESSAGE_GETREPORT, "getreport"},
		{"{\"msgtype\":\"gossip\"}", MESSAGE_UNKNOWN, "unknown"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message message = decoded(cases[i].line, strlen(cases[i].line));
		EXPECT(message.type == cases[i].type, "%s", cases[i].line);
		EXPECT(strcmp(message_type_name(cases[i].type), cases[i].name) == 0, "%s", cases[i].name);
		message_fini(&message);
	}
}

static void a_message_of_an_unknown_type_is_no_error(void)
{
	static const struct {
		const char *line;
		size_t length;
	} cases[] = {
		{BYTES("{\"msgtype\":\"gossip\",\"hops\":[1,2,{\"three\":null}]}")},
		{BYTES("{\"msgtype\":\"\"}")},
		{BYTES("{\"msgtype\":\"PING\"}")},
		{BYTES("{\"msgtype\":\"ping \"}")},
		{BYTES("{\"msgtype\":\"unknown\"}")},
		{BYTES("{\"msgtype\":\"ping\\u0000\"}")},
		{BYTES("{\"msgtype\":\"hello\\u0000\",\"nodeid\":7}")},
		{BYTES("{\"msgtype\":\"" X64 X64 X64 X64 "\"}")},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message message = decoded(cases[i].line, cases[i].length);
		EXPECT(message.type == MESSAGE_UNKNOWN, "%s", cases[i].line);
		message_fini(&message);
	}
}

static void keys_that_are_not_known_are_ignored(void)
{
	static const struct {
		const char *line;
		enum message_type type;
	} cases[] = {
		{"{\"msgtype\":\"ping\",\"x\":1,\"y\":{\"msgtype\":\"bye\"}}", MESSAGE_PING},
		{"{\"msgtype\":\"ping\",\"nodeid\":7,\"peers\":\"none\",\"reason\":null}", MESSAGE_PING},
		{"{\"Nodeid\":1,\"msgtype\":\"pong\"}", MESSAGE_PONG},
		{"{\"msgtype\":\"getaddr\",\"peers\":1}", MESSAGE_GETADDR},
		{HELLO ",\"peers\":1,\"reason\":2,\"Listen\":\"x\",\"\":null}", MESSAGE_HELLO},
		{"{\"msgtype\":\"addr\",\"peers\":[],\"nodeid\":1,\"name\":2}", MESSAGE_ADDR},
		{"{\"msgtype\":\"bye\",\"reason\":\"self\",\"peers\":1}", MESSAGE_BYE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message message = decoded(cases[i].line, strlen(cases[i].line));
		EXPECT(message.type == cases[i].type, "%s", cases[i].line);
		message_fini(&message);
	}
}

static void spaces_around_and_within_mean_nothing(void)
{
	static const char *const lines[] = {
		" {\"msgtype\":\"ping\"}",  "{\"msgtype\":\"ping\"} ",	   "\t {\"msgtype\":\"ping\"}\t  ",
		"{\"msgtype\":\"ping\"}\r", "{ \"msgtype\" :\t\"ping\" }", "{\"\\u006dsgtype\":\"p\\u0069ng\"}",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct message message = decoded(lines[i], strlen(lines[i]));
		EXPECT(message.type == MESSAGE_PING, "%s", lines[i]);
		message_fini(&message);
	}
}

static void what_is_not_one_json_object_is_refused(void)
{
	static const struct refusal cases[] = {
		{BYTES(""), "JSON"},
		{BYTES(HELLO ",\"name\":\"\xff\"}"), ""},
		{BYTES(HELLO ",\"name\":\"\xc0\x80\"}"), ""},
		{BYTES(HELLO ",\"name\":\"\xed\xa0\x80\"}"), ""},
		{BYTES(HELLO ",\"name\":\"\xf4\x90\x80\x80\"}"), ""},
		{BYTES(" "), "JSON"},
		{BYTES("hello"), "JSON"},
		{BYTES("GET / HTTP/1.1"), "JSON"},
		{BYTES("\x16\x03\x01\x02"), "JSON"},
		{BYTES("{"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\""), "JSON"},
		{BYTES("{\"msgtype\":\"ping"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\"}}"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\"}{\"msgtype\":\"ping\"}"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\"} x"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\"},"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\",}"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\" \"x\":1}"), "JSON"},
		{BYTES("{'msgtype':'ping'}"), "JSON"},
		{BYTES("{msgtype:\"ping\"}"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\",\"x\":[1,]}"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\",\"x\":01}"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\",\"x\":TRUE}"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\",\"x\":\"\\q\"}"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\",\"x\":\"\\u12\"}"), "JSON"},
		{BYTES("/* ping */{\"msgtype\":\"ping\"}"), "JSON"},
		{BYTES("{\"msgtype\":\"ping\"}// ping"), "JSON"},
		{BYTES("[]"), "object"},
		{BYTES("[{\"msgtype\":\"ping\"}]"), "object"},
		{BYTES("\"ping\""), "object"},
		{BYTES("null"), "object"},
		{BYTES("true"), "object"},
		{BYTES("7"), "object"},
	};
	EXPECT_REFUSED(cases);
}

static void a_message_has_a_type_that_is_a_string(void)
{
	static const struct refusal cases[] = {
		{BYTES("{}"), "msgtype"},
		{BYTES("{\"nodeid\":\"" ID "\"}"), "msgtype"},
		{BYTES("{\"Msgtype\":\"ping\"}"), "msgtype"},
		{BYTES("{\"msgtype\":null}"), "msgtype"},
		{BYTES("{\"msgtype\":1}"), "msgtype"},
		{BYTES("{\"msgtype\":true}"), "msgtype"},
		{BYTES("{\"msgtype\":[\"ping\"]}"), "msgtype"},
		{BYTES("{\"msgtype\":{}}"), "msgtype"},
	};
	EXPECT_REFUSED(cases);
}

static void a_nul_byte_is_refused_wherever_it_stands(void)
{
	static const struct refusal cases[] = {
		{BYTES("\0{\"msgtype\":\"ping\"}"), "NUL"},	   {BYTES("{\"msgtype\":\"ping\"}\0"), "NUL"},
		{BYTES("{\"msgtype\":\"ping\"}\0garbage"), "NUL"}, {BYTES("{\"msgtype\":\"pi\0ng\"}"), "NUL"},
		{BYTES("{\0\"msgtype\":\"ping\"}"), "NUL"},	   {BYTES("\0"), "NUL"},
	};
	EXPECT_REFUSED(cases);
}

/* A ping that nests so many lists and objects, the message itself being the first, around the innermost value. */
static size_t nested_ping(char *line, int depth, bool is_list, const char *innermost)
{
	char *at = stpcpy(line, "{\"msgtype\":\"ping\",\"x\":");
	for (int i = 1; i < depth; i++)
		at = stpcpy(at, is_list ? "[" : i == depth - 1 && innermost[0] == '\0' ? "{" : "{\"x\":");
	at = stpcpy(at, innermost);
	for (int i = 1; i < depth; i++)
		*at++ = is_list ? ']' : '}';
	at = stpcpy(at, "}");
	return (size_t)(at - line);
}

static void json_may_nest_16_deep_and_no_deeper(void)
{
	static const char *const innermost[] = {"", "1", "\"text\"", "null"};
	static const struct {
		int depth;
		bool good;
	} cases[] = {{2, true}, {15, true}, {16, true}, {17, false}, {18, false}, {1000, false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int is_list = 0; is_list < 2; is_list++) {
			for (size_t j = 0; j < sizeof innermost / sizeof *innermost; j++) {
				char line[8192];
				struct problem problem = {0};
				struct message message;
				size_t length = nested_ping(line, cases[i].depth, is_list, innermost[j]);
				bool good = message_decode(line, length, 0, &message, &problem);
				EXPECT(good == cases[i].good, "%d deep, around '%s', %s %s", cases[i].depth,
				       innermost[j], is_list ? "lists" : "objects", good ? "" : problem.text);
				if (good)
					message_fini(&message);
			}
		}
	}
}

/* A ping with a list of so many values. */
static size_t ping_with_values(char *line, int count, const char *value)
{
	char *at = stpcpy(line, "{\"msgtype\":\"ping\",\"x\":[");
	for (int i = 0; i < count; i++)
		at = stpcpy(stpcpy(at, i == 0 ? "" : ","), value);
	at = stpcpy(at, "]}");
	return (size_t)(at - line);
}

/* The message, its two keys' commas and the list's opening count too: 4 for what stands around the values. */
static void a_message_may_have_4096_values_and_no_more(void)
{
	static const struct {
		const char *value;
		int count;
		bool good;
	} cases[] = {
		{"0", 4093, true},	  {"0", 4094, false},
		{"{}", 2046, true},	  {"{}", 2047, false},
		{"[]", 2047, false},	  {"{}", 43000, false},
		{"\",[{\"", 4093, true},  {"\"\\\",[{\\\\\"", 4093, true},
		{"\",[{\"", 4094, false},
	};
	static char line[131072];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct problem problem = {0};
		struct message message;
		size_t length = ping_with_values(line, cases[i].count, cases[i].value);
		bool good = message_decode(line, length, 0, &message, &problem);
		EXPECT(good == cases[i].good, "%d times %s: %s", cases[i].count, cases[i].value, problem.text);
		if (good)
			message_fini(&message);
		else
			CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "values"));
	}
}

/* Which is what it costs (link/intake.h). An addr in the usual form is not parsed by json-c, but it costs as much. */
static void a_message_says_how_many_values_it_has(void)
{
	static const struct {
		const char *line;
		size_t values;
	} cases[] = {
		{"{\"msgtype\":\"ping\"}", 1},
		{"{ \"msgtype\" : \"ping\" }", 2},
		{"{\"msgtype\":\"x\",\"x\":[{},{}]}", 7},
		{"{\"msgtype\":\"x\",\"x\":\"[{,\"}", 3},
		{"{\"msgtype\":\"addr\",\"peers\":[]}", 3},
		{"{\"msgtype\":\"addr\",\"peers\":[\"127.0.0.1:1\",[\"127.0.0.1:2\",\"" ID "\"]]}", 9},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message message = decoded(cases[i].line, strlen(cases[i].line));
		EXPECT(message.values == cases[i].values, "%s: %zu", cases[i].line, message.values);
		message_fini(&message);
	}
}

static void the_plainest_hello_needs_a_nodeid_alone(void)
{
	struct message message = decoded(BYTES("{\"msgtype\": \"hello\", \"nodeid\": \"" UPPER_ID "\"}"));
	const struct message_hello *hello = &message.hello;
	struct nodeid nodeid;
	CU_ASSERT_FATAL(nodeid_parse(ID, &nodeid));
	CU_ASSERT_EQUAL(message.type, MESSAGE_HELLO);
	CU_ASSERT(nodeid_equals(&hello->nodeid, &nodeid));
	CU_ASSERT_EQUAL(hello->version, 0);
	CU_ASSERT_STRING_EQUAL(hello->network, "");
	CU_ASSERT_STRING_EQUAL(hello->name, "");
	CU_ASSERT_STRING_EQUAL(hello->agent, "");
	CU_ASSERT_FALSE(hello->has_network);
	CU_ASSERT_EQUAL(hello->listen, 0);
	CU_ASSERT_FALSE(hello->is_feeler);
	message_fini(&message);
}

static void a_full_hello_is_understood(void)
{
	struct message message =
		decoded(BYTES("{\"feeler\":true,\"listen\":5998,\"agent\":\"kithd/0.1.0\",\"name\":\"b\\u00e9ta\","
			      "\"network\":\"kith\",\"version\":1,\"nodeid\":\"" ID "\",\"msgtype\":\"hello\"}"));
	const struct message_hello *hello = &message.hello;
	CU_ASSERT_EQUAL(message.type, MESSAGE_HELLO);
	CU_ASSERT_EQUAL(hello->version, 1);
	CU_ASSERT_STRING_EQUAL(hello->network, "kith");
	CU_ASSERT(hello->has_network);
	CU_ASSERT_STRING_EQUAL(hello->name, "b\xc3\xa9ta");
	CU_ASSERT_STRING_EQUAL(hello->agent, "kithd/0.1.0");
	CU_ASSERT_EQUAL(hello->listen, 5998);
	CU_ASSERT(hello->is_feeler);
	message_fini(&message);
}

static void values_of_a_hello_may_reach_their_limits(void)
{
	static const struct {
		const char *keys;
		const char *name;
		int64_t version;
		uint16_t listen;
		bool has_network;
	} cases[] = {
		{",\"name\":\"" X64 "\"", X64, 0, 0, false},
		{",\"name\":\"" E32 "\"", E32, 0, 0, false},
		{",\"name\":\"\"", "", 0, 0, false},
		{",\"name\":\"\\ud83d\\ude00 \\\"\\\\\\/\"", "\xf0\x9f\x98\x80 \"\\/", 0, 0, false},
		{",\"network\":\"\"", "", 0, 0, true},
		{",\"network\":\"" X64 "\",\"agent\":\"" X64 "\"", "", 0, 0, true},
		{",\"listen\":1", "", 0, 1, false},
		{",\"listen\":65535", "", 0, 65535, false},
		{",\"version\":0", "", 0, 0, false},
		{",\"version\":2", "", 2, 0, false},
		{",\"version\":-1", "", -1, 0, false},
		{",\"version\":9223372036854775807", "", INT64_MAX, 0, false},
		{",\"feeler\":false", "", 0, 0, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char line[512];
		int length = snprintf(line, sizeof line, HELLO "%s}", cases[i].keys);
		struct message message = decoded(line, (size_t)length);
		EXPECT(strcmp(message.hello.name, cases[i].name) == 0, "%s", line);
		EXPECT(message.hello.version == cases[i].version, "%s", line);
		EXPECT(message.hello.listen == cases[i].listen, "%s", line);
		EXPECT(message.hello.has_network == cases[i].has_network, "%s", line);
		EXPECT(!message.hello.is_feeler, "%s", line);
		message_fini(&message);
	}
}

static void a_hello_without_a_good_nodeid_is_refused(void)
{
	static const struct refusal cases[] = {
		{BYTES("{\"msgtype\":\"hello\"}"), "nodeid"},
		{BYTES("{\"msgtype\":\"hello\",\"nodeid\":null}"), "nodeid"},
		{BYTES("{\"msgtype\":\"hello\",\"nodeid\":7}"), "nodeid"},
		{BYTES("{\"msgtype\":\"hello\",\"nodeid\":[\"" ID "\"]}"), "nodeid"},
		{BYTES("{\"msgtype\":\"hello\",\"nodeid\":\"\"}"), "nodeid"},
		{BYTES("{\"msgtype\":\"hello\",\"nodeid\":\"" NIL_ID "\"}"), "nodeid"},
		{BYTES("{\"msgtype\":\"hello\",\"nodeid\":\"" ID "7\"}"), "nodeid"},
		{BYTES("{\"msgtype\":\"hello\",\"nodeid\":\"" ID "\\u0000\"}"), "nodeid"},
		{BYTES("{\"msgtype\":\"hello\",\"nodeid\":\"" ID "\\u0000x\"}"), "nodeid"},
		{BYTES("{\"msgtype\":\"hello\",\"nodeid\":\"{" ID "}\"}"), "nodeid"},
		{BYTES("{\"msgtype\":\"hello\",\"nodeid\":\"alpha\"}"), "nodeid"},
	};
	EXPECT_REFUSED(cases);
}

static void a_known_key_of_a_hello_with_a_wrong_value_is_refused(void)
{
	static const struct {
		const char *value;
		const char *keys; /* for which of these it is wrong */
	} cases[] = {
		{"null", "version network name agent listen feeler"},
		{"[]", "version network name agent listen feeler"},
		{"{}", "version network name agent listen feeler"},
		{"7", "network name agent feeler"},
		{"1.0", "version network name agent listen feeler"},
		{"5999.5", "version listen"},
		{"1e3", "version listen"},
		{"true", "version network name agent listen"},
		{"\"7\"", "version listen feeler"},
		{"\"true\"", "feeler"},
		{"0", "network name agent listen feeler"},
		{"1", "feeler"},
		{"-1", "listen"},
		{"65536", "listen"},
		{"-59537", "listen"},
		{"71535", "listen"},
		{"4294973295", "listen"},
		{"18446744073709557615", "listen"},
		{"99999999999999999999999999", "listen"},
		{"\"" X64 "x\"", "network name agent"},
		{"\"" E32 "x\"", "network name agent"},
		{"\"a\\u0000\"", "network name agent"},
		{"\"\\u0000\"", "network name agent"},
		{"\"a\\nb\"", "network name agent"},
		{"\"a\\tb\"", "network name agent"},
		{"\"\\u001b[2J\"", "network name agent"},
		{"\"\\u007f\"", "network name agent"},
		{"\"\\u0085\"", "network name agent"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char keys[64], line[512];
		strcpy(keys, cases[i].keys);
		for (char *rest = keys, *key; (key = strsep(&rest, " ")) != NULL;) {
			int length = snprintf(line, sizeof line, HELLO ",\"%s\":%s}", key, cases[i].value);
			expect_refused(&(struct refusal){line, (size_t)length, key}, 1);
		}
	}
}

static bool entry_is(const struct message_entry *entry, const char *address, const char *nodeid)
{
	struct address wanted_address;
	struct nodeid wanted_nodeid = nodeid_none;
	return address_parse(address, &wanted_address) && address_equals(&entry->address, &wanted_address) &&
	       (nodeid == NULL || nodeid_parse(nodeid, &wanted_nodeid)) &&
	       nodeid_equals(&entry->nodeid, &wanted_nodeid);
}

static void an_addr_lists_addresses_with_and_without_nodeids(void)
{
	struct message message =
		decoded(BYTES("{\"msgtype\":\"addr\",\"peers\":[[\"127.0.0.1:5999\",\"" ID "\"],\"10.0.0.7:1\","
			      "[\"[2001:db8::7]:65535\",\"" UPPER_ID "\"],\"[::ffff:192.0.2.1]:80\",\"10.0.0.7:1\"]}"));
	CU_ASSERT_EQUAL(message.type, MESSAGE_ADDR);
	CU_ASSERT_EQUAL_FATAL(message.addr.count, 5);
	CU_ASSERT_EQUAL(message.addr.useless, 0);
	CU_ASSERT(entry_is(&message.addr.entries[0], "127.0.0.1:5999", ID));
	CU_ASSERT(entry_is(&message.addr.entries[1], "10.0.0.7:1", NULL));
	CU_ASSERT(entry_is(&message.addr.entries[2], "[2001:db8::7]:65535", ID));
	CU_ASSERT(entry_is(&message.addr.entries[3], "192.0.2.1:80", NULL));
	CU_ASSERT(entry_is(&message.addr.entries[4], "10.0.0.7:1", NULL));
	message_fini(&message);
}

static void a_useless_entry_is_dropped_and_counted_and_the_others_stay(void)
{
	static const char *const useless[] = {
		"\"\"",
		"\"localhost:5999\"",
		"\"node.example:5999\"",
		"\"127.0.0.1\"",
		"\"127.0.0.1:\"",
		"\"127.0.0.1:65536\"",
		"\"127.0.0.1:-1\"",
		"\"127.0.0.1:http\"",
		"\"::1:5999\"",
		"\"[::1]\"",
		"\"[fe80::1%eth0]:5999\"",
		"\"127.0.0.1:5999\\u0000\"",
		"\"127.0.0.1:5999\\u0000x\"",
		"[\"localhost:5999\",\"" ID "\"]",
		"[\"\",\"\"]",
		"[\"127.0.0.1:5999\",\"\"]",
		"[\"127.0.0.1:5999\",\"alpha\"]",
		"[\"127.0.0.1:5999\",\"" NIL_ID "\"]",
		"[\"127.0.0.1:5999\",\"" ID "0\"]",
		"[\"127.0.0.1:5999\",\"" ID "\\u0000\"]",
		"[\"127.0.0.1:5999\\u0000\",\"" ID "\"]",
		"[\"" ID "\",\"127.0.0.1:5999\"]",
	};
	for (size_t i = 0; i < sizeof useless / sizeof *useless; i++) {
		char line[512];
		int length =
			snprintf(line, sizeof line,
				 "{\"msgtype\":\"addr\",\"peers\":[\"10.0.0.1:1\",%s,%s,[\"10.0.0.2:2\",\"" ID "\"]]}",
				 useless[i], useless[i]);
		struct message message = decoded(line, (size_t)length);
		EXPECT(message.type == MESSAGE_ADDR && message.addr.useless == 2, "%s", useless[i]);
		if (EXPECT(message.addr.count == 2, "%s", useless[i])) {
			EXPECT(entry_is(&message.addr.entries[0], "10.0.0.1:1", NULL), "%s", useless[i]);
			EXPECT(entry_is(&message.addr.entries[1], "10.0.0.2:2", ID), "%s", useless[i]);
		}
		message_fini(&message);
	}
}

static void an_addr_with_an_entry_of_another_type_is_refused(void)
{
	static const char *const entries[] = {
		"null",
		"7",
		"1.5",
		"true",
		"{}",
		"{\"127.0.0.1:5999\":\"" ID "\"}",
		"[]",
		"[\"127.0.0.1:5999\"]",
		"[\"127.0.0.1:5999\",\"" ID "\",\"\"]",
		"[\"127.0.0.1:5999\",null]",
		"[\"127.0.0.1:5999\",7]",
		"[\"127.0.0.1:5999\",[\"" ID "\"]]",
		"[null,\"" ID "\"]",
		"[5999,\"" ID "\"]",
		"[[\"127.0.0.1:5999\",\"" ID "\"]]",
		"[\"localhost:5999\",7]",
	};
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
		char line[512];
		int length =
			snprintf(line, sizeof line, "{\"msgtype\":\"addr\",\"peers\":[\"10.0.0.1:1\",%s]}", entries[i]);
		expect_refused(&(struct refusal){line, (size_t)length, "entry 2"}, 1);
	}
	static const struct refusal peers[] = {
		{BYTES("{\"msgtype\":\"addr\"}"), "peers"},
		{BYTES("{\"msgtype\":\"addr\",\"peers\":null}"), "peers"},
		{BYTES("{\"msgtype\":\"addr\",\"peers\":{}}"), "peers"},
		{BYTES("{\"msgtype\":\"addr\",\"peers\":\"127.0.0.1:5999\"}"), "peers"},
		{BYTES("{\"msgtype\":\"addr\",\"peers\":0}"), "peers"},
	};
	EXPECT_REFUSED(peers);
}

static void an_addr_has_at_most_1000_entries(void)
{
	static const struct {
		int entries;
		const char *entry;
		bool good;
		size_t count, useless;
	} cases[] = {
		{0, "", true, 0, 0},
		{1, "\"10.0.0.1:1\"", true, 1, 0},
		{1000, "\"10.0.0.1:1\"", true, 1000, 0},
		{1000, "\"useless\"", true, 0, 1000},
		{1001, "\"10.0.0.1:1\"", false, 0, 0},
		{1001, "\"useless\"", false, 0, 0},
		{4000, "\"10.0.0.1:1\"", false, 0, 0},
		/* Not as kithd writes it, so json-c reads it. */
		{1000, " [ \"10.0.0.1:1\", \"a11ce000-0000-4000-8000-000000000001\" ]", true, 1000, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer line = {0};
		struct message message;
		struct problem problem;
		static const char head[] = "{\"msgtype\":\"addr\",\"peers\":[";
		CU_ASSERT(buffer_append(&line, head, sizeof head - 1));
		for (int n = 0; n < cases[i].entries; n++)
			CU_ASSERT((n == 0 || buffer_append(&line, ",", 1)) &&
				  buffer_append(&line, cases[i].entry, strlen(cases[i].entry)));
		CU_ASSERT(buffer_append(&line, "]}", 2));
		bool good = decode(buffer_content(&line), buffer_length(&line), &message, &problem);
		EXPECT(good == cases[i].good, "%d entries", cases[i].entries);
		if (good) {
			EXPECT(message.addr.count == cases[i].count, "%d entries", cases[i].entries);
			EXPECT(message.addr.useless == cases[i].useless, "%d entries", cases[i].entries);
			message_fini(&message);
		} else {
			EXPECT(strstr(problem.text, "1000") != NULL, "%s", problem.text);
		}
		buffer_fini(&line);
	}
}

static void a_bye_says_why(void)
{
	static const struct {
		const char *reason;
		enum bye_reason meaning;
		const char *text;
	} cases[] = {
		{"shutdown", BYE_SHUTDOWN, "shutdown"},
		{"duplicate", BYE_DUPLICATE, "duplicate"},
		{"self", BYE_SELF, "self"},
		{"network", BYE_NETWORK, "network"},
		{"full", BYE_FULL, "full"},
		{"protocol", BYE_PROTOCOL, "protocol"},
		{"timeout", BYE_TIMEOUT, "timeout"},
		{"slow", BYE_SLOW, "slow"},
		{"feeler", BYE_FEELER, "feeler"},
		{"operator", BYE_OPERATOR, "operator"},
		{"", BYE_UNKNOWN, ""},
		{"unknown", BYE_UNKNOWN, "unknown"},
		{"Shutdown", BYE_UNKNOWN, "Shutdown"},
		{"shutdown ", BYE_UNKNOWN, "shutdown "},
		{"shut", BYE_UNKNOWN, "shut"},
		{"see you \\\"later\\\"", BYE_UNKNOWN, "see you \"later\""},
		{"a\\nb", BYE_UNKNOWN, "a\\x0ab"},
		{X64 "y", BYE_UNKNOWN, X64},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char line[256];
		int length = snprintf(line, sizeof line, "{\"msgtype\":\"bye\",\"reason\":\"%s\"}", cases[i].reason);
		struct message message = decoded(line, (size_t)length);
		EXPECT(message.type == MESSAGE_BYE && message.bye.reason == cases[i].meaning, "%s", line);
		EXPECT(strcmp(message.bye.text, cases[i].text) == 0, "%s: %s", line, message.bye.text);
		if (cases[i].meaning != BYE_UNKNOWN)
			EXPECT(strcmp(bye_reason_name(cases[i].meaning), cases[i].reason) == 0, "%s", line);
		message_fini(&message);
	}
}

static void a_bye_says_which_limit_was_reached(void)
{
	static const struct {
		const char *line;
		enum bye_limit meaning;
	} cases[] = {
		{"{\"msgtype\":\"bye\",\"reason\":\"full\"}", BYE_NO_LIMIT},
		{"{\"msgtype\":\"bye\",\"reason\":\"full\",\"limit\":\"max_per_group\"}", BYE_MAX_PER_GROUP},
		{"{\"msgtype\":\"bye\",\"reason\":\"full\",\"limit\":\"max_anything\"}", BYE_NO_LIMIT},
		{"{\"msgtype\":\"bye\",\"reason\":\"full\",\"limit\":\"\"}", BYE_NO_LIMIT},
		{"{\"msgtype\":\"bye\",\"reason\":\"full\",\"limit\":7}", BYE_NO_LIMIT},
		{"{\"msgtype\":\"bye\",\"reason\":\"full\",\"limit\":null}", BYE_NO_LIMIT},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message message = decoded(cases[i].line, strlen(cases[i].line));
		EXPECT(message.bye.reason == BYE_FULL && message.bye.limit == cases[i].meaning, "%s", cases[i].line);
		message_fini(&message);
	}
}

static void a_reason_with_a_nul_in_it_is_not_the_word_before_the_nul(void)
{
	struct message message = decoded(BYTES("{\"msgtype\":\"bye\",\"reason\":\"shutdown\\u0000x\"}"));
	CU_ASSERT_EQUAL(message.type, MESSAGE_BYE);
	CU_ASSERT_EQUAL(message.bye.reason, BYE_UNKNOWN);
	message_fini(&message);
}

static void a_bye_without_a_reason_is_refused(void)
{
	static const struct refusal cases[] = {
		{BYTES("{\"msgtype\":\"bye\"}"), "reason"},
		{BYTES("{\"msgtype\":\"bye\",\"reason\":null}"), "reason"},
		{BYTES("{\"msgtype\":\"bye\",\"reason\":7}"), "reason"},
		{BYTES("{\"msgtype\":\"bye\",\"reason\":[\"full\"]}"), "reason"},
		{BYTES("{\"msgtype\":\"bye\",\"reason\":{}}"), "reason"},
	};
	EXPECT_REFUSED(cases);
}

static void words_about_a_silence_are_understood(void)
{
	static const struct {
		const char *keys;
		enum message_type type;
		int64_t ms;
	} cases[] = {
		{"suspect\",\"nodeid\":\"" ID "\",\"silent_ms\":0", MESSAGE_SUSPECT, 0},
		{"suspect\",\"silent_ms\":1200,\"nodeid\":\"" UPPER_ID "\",\"ago_ms\":\"x\"", MESSAGE_SUSPECT, 1200},
		{"suspect\",\"nodeid\":\"" ID "\",\"silent_ms\":86400000", MESSAGE_SUSPECT, MESSAGE_SILENCE_MS},
		{"heard\",\"nodeid\":\"" ID "\",\"ago_ms\":0", MESSAGE_HEARD, 0},
		{"heard\",\"nodeid\":\"" ID "\",\"ago_ms\":40,\"silent_ms\":null", MESSAGE_HEARD, 40},
		{"unheard\",\"nodeid\":\"" ID "\",\"silent_ms\":1500", MESSAGE_UNHEARD, 1500},
		{"unheard\",\"nodeid\":\"" ID "\"", MESSAGE_UNHEARD, -1},
		{"unheard\",\"nodeid\":\"" ID "\",\"ago_ms\":7", MESSAGE_UNHEARD, -1},
	};
	struct nodeid nodeid;
	CU_ASSERT_FATAL(nodeid_parse(ID, &nodeid));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char line[256];
		int length = snprintf(line, sizeof line, "{\"msgtype\":\"%s}", cases[i].keys);
		struct message message = decoded(line, (size_t)length);
		EXPECT(message.type == cases[i].type && message.silence.ms == cases[i].ms, "%s: %lld", line,
		       (long long)message.silence.ms);
		EXPECT(nodeid_equals(&message.silence.nodeid, &nodeid), "%s", line);
		message_fini(&message);
	}
}

static void words_about_a_silence_with_a_wrong_value_are_refused(void)
{
	static const char *const types[] = {"suspect", "heard", "unheard"};
	static const char *const nodeids[] = {"null", "7", "[]", "{}", "true", "\"\"", "\"alpha\"", NIL_TEXT};
	static const char *const durations[] = {"null", "true", "[]",  "{}",	   "\"7\"",
						"-1",	"1.5",	"1e3", "86400001", "99999999999999999999999"};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		char line[256], says[128];
		const char *key = strcmp(types[i], "heard") == 0 ? "ago_ms" : "silent_ms";
		for (size_t j = 0; j < sizeof nodeids / sizeof *nodeids; j++) {
			int length = snprintf(line, sizeof line, "{\"msgtype\":\"%s\",\"nodeid\":%s,\"%s\":1}",
					      types[i], nodeids[j], key);
			snprintf(says, sizeof says, "%s: \"nodeid\" must be a UUID", types[i]);
			expect_refused(&(struct refusal){line, (size_t)length, says}, 1);
		}
		for (size_t j = 0; j < sizeof durations / sizeof *durations; j++) {
			int length = snprintf(line, sizeof line, "{\"msgtype\":\"%s\",\"nodeid\":\"" ID "\",\"%s\":%s}",
					      types[i], key, durations[j]);
			snprintf(says, sizeof says, "%s: \"%s\" must be a whole number from 0 to 86400000", types[i],
				 key);
			expect_refused(&(struct refusal){line, (size_t)length, says}, 1);
		}
		int length = snprintf(line, sizeof line, "{\"msgtype\":\"%s\",\"%s\":1}", types[i], key);
		snprintf(says, sizeof says, "%s: \"nodeid\" is missing", types[i]);
		expect_refused(&(struct refusal){line, (size_t)length, says}, 1);
	}
	static const struct refusal missing[] = {
		{BYTES("{\"msgtype\":\"suspect\",\"nodeid\":\"" ID "\"}"), "suspect: \"silent_ms\" is missing"},
		{BYTES("{\"msgtype\":\"suspect\",\"nodeid\":\"" ID "\",\"ago_ms\":1}"),
		 "suspect: \"silent_ms\" is missing"},
		{BYTES("{\"msgtype\":\"heard\",\"nodeid\":\"" ID "\",\"silent_ms\":1}"),
		 "heard: \"ago_ms\" is missing"},
	};
	EXPECT_REFUSED(missing);
}

static void a_ping_whose_next_has_a_wrong_value_is_refused(void)
{
	static const char says[] = "ping: \"next_ms\" must be a whole number from 1 to 86400000";
	static const struct refusal cases[] = {
		{BYTES("{\"msgtype\":\"ping\",\"next_ms\":0}"), says},
		{BYTES("{\"msgtype\":\"ping\",\"next_ms\":86400001}"), says},
		{BYTES("{\"msgtype\":\"ping\",\"next_ms\":\"7\"}"), says},
	};
	EXPECT_REFUSED(cases);
}

static void of_a_key_that_stands_twice_the_last_counts(void)
{
	struct message message = decoded(BYTES("{\"msgtype\":\"ping\",\"msgtype\":\"pong\"}"));
	CU_ASSERT_EQUAL(message.type, MESSAGE_PONG);
	message_fini(&message);
	message =
		decoded(BYTES("{\"msgtype\":\"hello\",\"nodeid\":7,\"nodeid\":\"" ID "\",\"listen\":1,\"listen\":2}"));
	CU_ASSERT_EQUAL(message.type, MESSAGE_HELLO);
	CU_ASSERT_EQUAL(message.hello.listen, 2);
	message_fini(&message);
	static const struct refusal cases[] = {
		{BYTES("{\"msgtype\":\"hello\",\"nodeid\":\"" ID "\",\"nodeid\":7}"), "nodeid"},
	};
	EXPECT_REFUSED(cases);
}

static CU_TestInfo tests[] = {
	{"each type is known by its name", each_type_is_known_by_its_name},
	{"a message of an unknown type is no error", a_message_of_an_unknown_type_is_no_error},
	{"keys that are not known are ignored", keys_that_are_not_known_are_ignored},
	{"spaces around and within mean nothing", spaces_around_and_within_mean_nothing},
	{"what is not one JSON object is refused", what_is_not_one_json_object_is_refused},
	{"a message has a type that is a string", a_message_has_a_type_that_is_a_string},
	{"a NUL byte is refused wherever it stands", a_nul_byte_is_refused_wherever_it_stands},
	{"JSON may nest 16 deep and no deeper", json_may_nest_16_deep_and_no_deeper},
	{"a message says how many values it has", a_message_says_how_many_values_it_has},
	{"a message may have 4096 values and no more", a_message_may_have_4096_values_and_no_more},
	{"the plainest hello needs a nodeid alone", the_plainest_hello_needs_a_nodeid_alone},
	{"a full hello is understood", a_full_hello_is_understood},
	{"values of a hello may reach their limits", values_of_a_hello_may_reach_their_limits},
	{"a hello without a good nodeid is refused", a_hello_without_a_good_nodeid_is_refused},
	{"a known key of a hello with a wrong value is refused", a_known_key_of_a_hello_with_a_wrong_value_is_refused},
	{"an addr lists addresses with and without nodeids", an_addr_lists_addresses_with_and_without_nodeids},
	{"a useless entry is dropped and counted, and the others stay",
	 a_useless_entry_is_dropped_and_counted_and_the_others_stay},
	{"an addr with an entry of another type is refused", an_addr_with_an_entry_of_another_type_is_refused},
	{"an addr has at most 1000 entries", an_addr_has_at_most_1000_entries},
	{"a bye says why", a_bye_says_why},
	{"a bye says which limit was reached", a_bye_says_which_limit_was_reached},
	{"a reason with a NUL in it is not the word before the NUL",
	 a_reason_with_a_nul_in_it_is_not_the_word_before_the_nul},
	{"a bye without a reason is refused", a_bye_without_a_reason_is_refused},
	{"words about a silence are understood", words_about_a_silence_are_understood},
	{"words about a silence with a wrong value are refused", words_about_a_silence_with_a_wrong_value_are_refused},
	{"a ping whose next has a wrong value is refused", a_ping_whose_next_has_a_wrong_value_is_refused},
	{"of a key that stands twice the last counts", of_a_key_that_stands_twice_the_last_counts},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_message = {.pName = "message", .pTests = tests};
