#include "wire/addr_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

#define ID "0123abcd-4567-89ef-a0b1-c2d3e4f5a6b7"

static void an_addr_is_written_without_spaces(void)
{
	struct message_entry entries[] = {{.address = address_of("127.0.0.1:5999"), .nodeid = nodeid_of(7)},
					  {.address = address_of("[2001:db8::7]:65535")},
					  {.address = address_of("10.0.0.7:1"), .nodeid = nodeid_of(0xffffffff)}};
	struct message_addr addr = {.entries = entries};
	struct buffer out = {0};
	CU_ASSERT(addr_line_write(&addr, &out));
	addr.count = 3;
	CU_ASSERT(addr_line_write(&addr, &out));
	CU_ASSERT(buffer_append(&out, "", 1));
	EXPECT_TEXT(buffer_content(&out), "{\"msgtype\":\"addr\",\"peers\":[]}\n"
					  "{\"msgtype\":\"addr\",\"peers\":["
					  "[\"127.0.0.1:5999\",\"00000007-0000-4000-8000-000000000000\"],"
					  "\"[2001:db8::7]:65535\","
					  "[\"10.0.0.7:1\",\"ffffffff-0000-4000-8000-000000000000\"]]}\n");
	buffer_fini(&out);
}

static void the_longest_entries_are_written_whole(void)
{
	static struct message_entry entries[MESSAGE_ADDR_ENTRIES];
	for (size_t i = 0; i < MESSAGE_ADDR_ENTRIES; i++)
		entries[i] = (struct message_entry){.address = address_of("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:"
									  "65535"),
						    .nodeid = nodeid_of(0xffffffff)};
	struct message_addr addr = {.entries = entries, .count = MESSAGE_ADDR_ENTRIES}, read;
	struct buffer out = {0};
	CU_ASSERT(addr_line_write(&addr, &out));
	CU_ASSERT(addr_line_read(buffer_content(&out), buffer_length(&out) - 1, &read));
	CU_ASSERT(read.count == addr.count && memcmp(read.entries, entries, sizeof entries) == 0);
	free(read.entries);
	buffer_fini(&out);
}

static void the_usual_forms_are_read(void)
{
	static const struct {
		const char *line;
		size_t count, useless;
	} cases[] = {
		{"{\"msgtype\":\"addr\",\"peers\":[]}", 0, 0},
		{"{\"msgtype\": \"addr\", \"peers\": []}", 0, 0},
		{"{\"msgtype\":\"addr\",\"peers\":[\"127.0.0.1:1\"]}", 1, 0},
		{"{\"msgtype\":\"addr\",\"peers\":[\"127.0.0.1:1\",\"127.0.0.1:2\"]}", 2, 0},
		{"{\"msgtype\":\"addr\",\"peers\":[[\"127.0.0.1:1\",\"" ID "\"]]}", 1, 0},
		{"{\"msgtype\": \"addr\", \"peers\": [[\"127.0.0.1:1\", \"" ID "\"], \"[::1]:1\"]}", 2, 0},
		{"{\"msgtype\":\"addr\",\"peers\":[[\"127.0.0.1:1\",\"" ID "\"],[\"node.example:1\",\"" ID "\"]]}", 1,
		 1},
		{"{\"msgtype\":\"addr\",\"peers\":[\"\",[\"\",\"\"],\"127.0.0.1:1\",\"x\"]}", 1, 3},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message_addr addr;
		if (!EXPECT(addr_line_read(cases[i].line, strlen(cases[i].line), &addr), "%s", cases[i].line))
			continue;
		EXPECT(addr.count == cases[i].count && addr.useless == cases[i].useless, "%s", cases[i].line);
		free(addr.entries);
	}
}

static void any_other_form_is_left_to_json_c(void)
{
	static const char *const lines[] = {
		"",
		"{",
		"{\"msgtype\":\"addr\"}",
		"{\"msgtype\":\"addr\",\"peers\":[",
		"{\"msgtype\":\"addr\",\"peers\":[]",
		"{\"msgtype\":\"addr\",\"peers\":[]} ",
		"{\"msgtype\":\"addr\",\"peers\":[]},",
		"{\"msgtype\":\"addr\",\"peers\":[],\"more\":1}",
		"{\"peers\":[],\"msgtype\":\"addr\"}",
		" {\"msgtype\":\"addr\",\"peers\":[]}",
		"{ \"msgtype\":\"addr\",\"peers\":[]}",
		"{\"msgtype\":  \"addr\",\"peers\":[]}",
		"{\"msgtype\":\"addr\",\"peers\":[ ]}",
		"{\"msgtype\":\"addr\",\"peers\":[\"127.0.0.1:1\",]}",
		"{\"msgtype\":\"addr\",\"peers\":[\"127.0.0.1:1\" ]}",
		"{\"msgtype\":\"addr\",\"peers\":[\"127.0.0.1:1]}",
		"{\"msgtype\":\"addr\",\"peers\":[\"127.0.0.1:1\"\"127.0.0.1:2\"]}",
		"{\"msgtype\":\"addr\",\"peers\":[\"127.0.0.\\u0031:1\"]}",
		"{\"msgtype\":\"addr\",\"peers\":[\"caf\xc3\xa9:1\"]}",
		"{\"msgtype\":\"addr\",\"peers\":[\"a\tb\"]}",
		"{\"msgtype\":\"addr\",\"peers\":[\"a name that is far too long for an address to have it....\"]}",
		"{\"msgtype\":\"addr\",\"peers\":[[\"127.0.0.1:1\"]]}",
		"{\"msgtype\":\"addr\",\"peers\":[[\"127.0.0.1:1\",7]]}",
		"{\"msgtype\":\"addr\",\"peers\":[[\"127.0.0.1:1\",\"one\",\"more\"]]}",
		"{\"msgtype\":\"addr\",\"peers\":[[\"127.0.0.1:1\",\"0123abcd-4567-89ef-a0b1-c2d3e4f5a6b7\"]}",
		"{\"msgtype\":\"addr\",\"peers\":[7]}",
		"{\"msgtype\":\"addr\",\"peers\":[null]}",
		"{\"msgtype\":\"addr\",\"peers\":7}",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct message_addr addr;
		EXPECT(!addr_line_read(lines[i], strlen(lines[i]), &addr), "%s", lines[i]);
	}
}

static void more_entries_than_a_message_may_have_are_left_to_json_c(void)
{
	struct buffer line = {0};
	struct message_addr addr;
	static const char head[] = "{\"msgtype\":\"addr\",\"peers\":[\"\"";
	CU_ASSERT(buffer_append(&line, head, sizeof head - 1));
	for (int i = 1; i < MESSAGE_ADDR_ENTRIES; i++)
		CU_ASSERT(buffer_append(&line, ",\"\"", 3));
	struct buffer longer = {0};
	CU_ASSERT(buffer_append(&longer, buffer_content(&line), buffer_length(&line)));
	CU_ASSERT(buffer_append(&line, "]}", 2) && buffer_append(&longer, ",\"\"]}", 5));
	CU_ASSERT_FATAL(addr_line_read(buffer_content(&line), buffer_length(&line), &addr));
	CU_ASSERT(addr.count == 0 && addr.useless == MESSAGE_ADDR_ENTRIES);
	free(addr.entries);
	CU_ASSERT_FALSE(addr_line_read(buffer_content(&longer), buffer_length(&longer), &addr));
	buffer_fini(&line);
	buffer_fini(&longer);
}

/* ---- the same answer as json-c's ---- */

enum { LINES = 20000, LINE_BYTES = 512 };

static const char *const pieces[] = {"\"127.0.0.1:5999\"",
				     "[\"10.0.0.7:1\",\"" ID "\"]",
				     "[\"[2001:db8::7]:65535\", \"" ID "\"]",
				     "\"node.example:5999\"",
				     "[\"8.8.8.8:0\",\"nobody\"]",
				     "\"\"",
				     "[]",
				     "7",
				     "null",
				     "\"a\\u0062:1\"",
				     "[[\"1.2.3.4:5\",\"" ID "\"]]",
				     "{}"};

/* A line of some entries, with some damage now and then. */
static size_t make_line(struct rng *rng, char line[static LINE_BYTES])
{
	static const char damage[] = "\",:[]{}\\ 0a\t\x01\xff";
	bool is_spaced = rng_below(rng, 2) == 0;
	size_t length = (size_t)snprintf(line, LINE_BYTES,
					 is_spaced ? "{\"msgtype\": \"addr\", \"peers\": ["
						   : "{\"msgtype\":\"addr\",\"peers\":[");
	uint32_t count = rng_below(rng, 4), kinds = rng_below(rng, 3) == 0 ? sizeof pieces / sizeof *pieces : 5;
	for (uint32_t i = 0; i < count; i++)
		length += (size_t)snprintf(line + length, LINE_BYTES - length, "%s%s%s", i == 0 ? "" : ",",
					   is_spaced && i > 0 ? " " : "", pieces[rng_below(rng, kinds)]);
	length += (size_t)snprintf(line + length, LINE_BYTES - length, "]}");
	if (rng_below(rng, 2) == 0)
		line[1 + rng_below(rng, (uint32_t)length - 1)] = damage[rng_below(rng, sizeof damage - 1)];
	if (rng_below(rng, 8) == 0)
		length = 1 + rng_below(rng, (uint32_t)length - 1);
	return length;
}

static bool is_same(const struct message *one, const struct message *other)
{
	if (one->type != MESSAGE_ADDR || other->type != MESSAGE_ADDR)
		return one->type == other->type;
	if (one->addr.count != other->addr.count || one->addr.useless != other->addr.useless)
		return false;
	for (size_t i = 0; i < one->addr.count; i++)
		if (!address_equals(&one->addr.entries[i].address, &other->addr.entries[i].address) ||
		    !nodeid_equals(&one->addr.entries[i].nodeid, &other->addr.entries[i].nodeid))
			return false;
	return true;
}

static void a_line_means_the_same_as_to_json_c(void)
{
	struct rng rng;
	int good = 0, bad = 0;
	rng_seed(&rng, 42);
	for (int i = 0; i < LINES; i++) {
		char line[LINE_BYTES], unusual[LINE_BYTES + 1];
		struct problem problem;
		struct message message, other;
		size_t length = make_line(&rng, line);
		/* With a space after the brace it is in no usual form. */
		unusual[0] = '{';
		unusual[1] = ' ';
		memcpy(unusual + 2, line + 1, length - 1);
		bool is_good = message_decode(line, length, 0, &message, &problem);
		if (!EXPECT(is_good == message_decode(unusual, length + 1, 0, &other, &problem), "%.*s", (int)length,
			    line))
			return;
		if (is_good) {
			EXPECT(is_same(&message, &other), "%.*s", (int)length, line);
			message_fini(&message);
			message_fini(&other);
		}
		good += is_good;
		bad += !is_good;
	}
	CU_ASSERT(good > LINES / 4 && bad > LINES / 4);
}

static CU_TestInfo tests[] = {
	{"an addr is written without spaces", an_addr_is_written_without_spaces},
	{"the longest entries are written whole", the_longest_entries_are_written_whole},
	{"the usual forms are read", the_usual_forms_are_read},
	{"any other form is left to json-c", any_other_form_is_left_to_json_c},
	{"more entries than a message may have are left to json-c",
	 more_entries_than_a_message_may_have_are_left_to_json_c},
	{"a line means the same as to json-c", a_line_means_the_same_as_to_json_c},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_addr_line = {.pName = "addr_line", .pTests = tests};
