#include "wire/message.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"
#include "wire/frame.h"

/* What is encoded, and read back. */

#define ID "0123abcd-4567-89ef-a0b1-c2d3e4f5a6b7"
#define OTHER_ID "ffffffff-ffff-4fff-bfff-ffffffffffff"
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define E_ACUTE "\xc3\xa9"
#define E8 E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE E_ACUTE
#define E32 E8 E8 E8 E8

/* What the message says on the wire, read again; text is the line. The caller gives the result to message_fini. */
static struct message sent_and_read(const struct message *message, struct buffer *text)
{
	CU_ASSERT_FATAL(message_encode(message, text));
	size_t length = buffer_length(text);
	CU_ASSERT_FATAL(length > 0);
	EXPECT(memchr(buffer_content(text), '\n', length) == buffer_content(text) + length - 1, "%s",
	       message_type_name(message->type));
	struct message again;
	struct problem problem;
	if (!EXPECT(message_decode(buffer_content(text), length - 1, 0, &again, &problem), "%.*s", (int)length,
		    buffer_content(text)))
		memset(&again, 0, sizeof again);
	return again;
}

static void messages_without_keys_survive_the_wire(void)
{
	static const struct {
		enum message_type type;
		const char *line;
	} cases[] = {
		{MESSAGE_PING, "{\"msgtype\":\"ping\"}\n"},
		{MESSAGE_PONG, "{\"msgtype\":\"pong\"}\n"},
		{MESSAGE_GETADDR, "{\"msgtype\":\"getaddr\"}\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message message = {.type = cases[i].type};
		struct buffer text = {0};
		struct message again = sent_and_read(&message, &text);
		EXPECT(again.type == cases[i].type, "%s", cases[i].line);
		EXPECT(buffer_length(&text) == strlen(cases[i].line) &&
			       memcmp(buffer_content(&text), cases[i].line, strlen(cases[i].line)) == 0,
		       "%s", cases[i].line);
		message_fini(&again);
		buffer_fini(&text);
	}
}

static void a_hello_survives_the_wire(void)
{
	static const struct message_hello hellos[] = {
		{.version = 1},
		{.version = 1,
		 .network = "kith",
		 .has_network = true,
		 .name = "alpha",
		 .agent = "kithd/0.1.0",
		 .listen = 5999},
		{.version = INT64_MAX, .network = X64, .has_network = true, .name = E32, .agent = X64, .listen = 65535},
		{.version = 1, .name = "\"quoted\" \\ and / \xf0\x9f\x98\x80 {}", .listen = 1},
		{.version = 1, .network = "kith", .has_network = true, .is_feeler = true},
	};
	for (size_t i = 0; i < sizeof hellos / sizeof *hellos; i++) {
		struct message message = {.type = MESSAGE_HELLO, .hello = hellos[i]};
		struct buffer text = {0};
		CU_ASSERT_FATAL(nodeid_parse(i % 2 == 0 ? ID : OTHER_ID, &message.hello.nodeid));
		struct message again = sent_and_read(&message, &text);
		const struct message_hello *hello = &again.hello;
		EXPECT(again.type == MESSAGE_HELLO, "hello %zu", i);
		EXPECT(nodeid_equals(&hello->nodeid, &message.hello.nodeid), "hello %zu", i);
		EXPECT(hello->version == hellos[i].version, "hello %zu", i);
		EXPECT(strcmp(hello->network, hellos[i].network) == 0, "hello %zu: %s", i, hello->network);
		EXPECT(hello->has_network == hellos[i].has_network, "hello %zu", i);
		EXPECT(strcmp(hello->name, hellos[i].name) == 0, "hello %zu: %s", i, hello->name);
		EXPECT(strcmp(hello->agent, hellos[i].agent) == 0, "hello %zu: %s", i, hello->agent);
		EXPECT(hello->listen == hellos[i].listen, "hello %zu", i);
		EXPECT(hello->is_feeler == hellos[i].is_feeler, "hello %zu", i);
		message_fini(&again);
		buffer_fini(&text);
	}
}

static void an_addr_of_the_longest_entries_survives_the_wire_as_one_line(void)
{
	static const size_t counts[] = {0, 1, 2, MESSAGE_ADDR_ENTRIES};
	static struct message_entry entries[MESSAGE_ADDR_ENTRIES];
	for (size_t i = 0; i < MESSAGE_ADDR_ENTRIES; i++) {
		char address[ADDRESS_TEXT_BYTES];
		snprintf(address, sizeof address, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:%04zx]:%zu", 0xf000 + i,
			 60000 + i);
		entries[i] = (struct message_entry){0};
		CU_ASSERT_FATAL(address_parse(address, &entries[i].address));
		if (i != 1)
			CU_ASSERT_FATAL(nodeid_parse(OTHER_ID, &entries[i].nodeid));
	}
	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
		struct message message = {.type = MESSAGE_ADDR, .addr = {.entries = entries, .count = counts[c]}};
		struct buffer text = {0};
		struct message again = sent_and_read(&message, &text);
		CU_ASSERT(buffer_length(&text) <= FRAME_LINE_BYTES);
		CU_ASSERT_EQUAL(again.type, MESSAGE_ADDR);
		CU_ASSERT_EQUAL(again.addr.useless, 0);
		if (EXPECT(again.addr.count == counts[c], "%zu", again.addr.count)) {
			for (size_t i = 0; i < counts[c]; i++) {
				EXPECT(address_equals(&again.addr.entries[i].address, &entries[i].address), "%zu", i);
				EXPECT(nodeid_equals(&again.addr.entries[i].nodeid, &entries[i].nodeid), "%zu", i);
			}
		}
		message_fini(&again);
		buffer_fini(&text);
	}
}

static void a_bye_survives_the_wire(void)
{
	for (int reason = BYE_SHUTDOWN; reason <= BYE_OPERATOR; reason++) {
		struct message message = {.type = MESSAGE_BYE, .bye = {.reason = (enum bye_reason)reason}};
		struct buffer text = {0};
		struct message again = sent_and_read(&message, &text);
		EXPECT(again.type == MESSAGE_BYE && again.bye.reason == message.bye.reason, "reason %d", reason);
		EXPECT(strcmp(again.bye.text, bye_reason_name(message.bye.reason)) == 0, "%s", again.bye.text);
		message_fini(&again);
		buffer_fini(&text);
	}
	for (int limit = BYE_NO_LIMIT; limit < BYE_LIMITS; limit++) {
		struct message message = {.type = MESSAGE_BYE,
					  .bye = {.reason = BYE_FULL, .limit = (enum bye_limit)limit}};
		struct buffer text = {0};
		struct message again = sent_and_read(&message, &text);
		EXPECT(again.bye.limit == message.bye.limit, "limit %d", limit);
		message_fini(&again);
		buffer_fini(&text);
	}
}

static void what_a_ping_says_of_the_next_survives_the_wire(void)
{
	static const struct {
		int64_t next_ms;
		const char *line;
	} cases[] = {
		{0, "{\"msgtype\":\"ping\"}\n"},
		{1, "{\"msgtype\":\"ping\",\"next_ms\":1}\n"},
		{MESSAGE_NEXT_MS, "{\"msgtype\":\"ping\",\"next_ms\":86400000}\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message message = {.type = MESSAGE_PING, .ping.next_ms = cases[i].next_ms};
		struct buffer text = {0};
		struct message again = sent_and_read(&message, &text);
		EXPECT(again.type == MESSAGE_PING && again.ping.next_ms == cases[i].next_ms, "%s", cases[i].line);
		EXPECT(buffer_length(&text) == strlen(cases[i].line) &&
			       memcmp(buffer_content(&text), cases[i].line, strlen(cases[i].line)) == 0,
		       "%.*s", (int)buffer_length(&text), buffer_content(&text));
		message_fini(&again);
		buffer_fini(&text);
	}
}

static void words_about_a_silence_survive_the_wire(void)
{
	static const struct {
		enum message_type type;
		int64_t ms;
		const char *line;
	} cases[] = {
		{MESSAGE_SUSPECT, 1200, "{\"msgtype\":\"suspect\",\"nodeid\":\"" ID "\",\"silent_ms\":1200}\n"},
		{MESSAGE_HEARD, 0, "{\"msgtype\":\"heard\",\"nodeid\":\"" ID "\",\"ago_ms\":0}\n"},
		{MESSAGE_UNHEARD, MESSAGE_SILENCE_MS,
		 "{\"msgtype\":\"unheard\",\"nodeid\":\"" ID "\",\"silent_ms\":86400000}\n"},
		{MESSAGE_UNHEARD, -1, "{\"msgtype\":\"unheard\",\"nodeid\":\"" ID "\"}\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message message = {.type = cases[i].type, .silence.ms = cases[i].ms};
		struct buffer text = {0};
		CU_ASSERT_FATAL(nodeid_parse(ID, &message.silence.nodeid));
		struct message again = sent_and_read(&message, &text);
		EXPECT(again.type == cases[i].type && again.silence.ms == cases[i].ms &&
			       nodeid_equals(&again.silence.nodeid, &message.silence.nodeid),
		       "%s", cases[i].line);
		EXPECT(buffer_length(&text) == strlen(cases[i].line) &&
			       memcmp(buffer_content(&text), cases[i].line, strlen(cases[i].line)) == 0,
		       "%.*s", (int)buffer_length(&text), buffer_content(&text));
		message_fini(&again);
		buffer_fini(&text);
	}
}

static void a_message_is_written_behind_those_that_wait(void)
{
	struct message ping = {.type = MESSAGE_PING}, pong = {.type = MESSAGE_PONG};
	struct buffer text = {0};
	static const char both[] = "{\"msgtype\":\"ping\"}\n{\"msgtype\":\"pong\"}\n";
	CU_ASSERT(message_encode(&ping, &text) && message_encode(&pong, &text));
	CU_ASSERT_EQUAL_FATAL(buffer_length(&text), sizeof both - 1);
	CU_ASSERT_EQUAL(memcmp(buffer_content(&text), both, sizeof both - 1), 0);
	buffer_fini(&text);
}

static CU_TestInfo tests[] = {
	{"messages without keys survive the wire", messages_without_keys_survive_the_wire},
	{"a hello survives the wire", a_hello_survives_the_wire},
	{"an addr of the longest entries survives the wire as one line",
	 an_addr_of_the_longest_entries_survives_the_wire_as_one_line},
	{"a bye survives the wire", a_bye_survives_the_wire},
	{"what a ping says of the next survives the wire", what_a_ping_says_of_the_next_survives_the_wire},
	{"words about a silence survive the wire", words_about_a_silence_survive_the_wire},
	{"a message is written behind those that wait", a_message_is_written_behind_those_that_wait},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_message_encoding = {.pName = "message_encoding", .pTests = tests};
