#include "kith/cursor.h"

#include <string.h>

#include "runner.h"
#include "unit/suites.h"

#define BOOT "5d21e0c7-8f0a-4be2-9a3c-3f5f6d1f7a10"
#define HEAD "kith cursor 1\nboot " BOOT "\n"

static bool parse(const char *text, struct cursor *cursor)
{
	struct problem problem;
	return cursor_parse(text, strlen(text), cursor, &problem);
}

static void what_is_written_is_read_again(void)
{
	static const char *const texts[] = {
		"",
		HEAD "number 0\nend\n",
		HEAD "number 1234\nwaiting 1\nwaiting 1234\nlost\ninitial\nend\n",
		HEAD "number 9223372036854775807\nwaiting 9223372036854775807\nend\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct cursor cursor;
		struct buffer out = {0};
		EXPECT(parse(texts[i], &cursor), "%s", texts[i]);
		CU_ASSERT(cursor_format(&cursor, &out));
		EXPECT(buffer_length(&out) == strlen(texts[i]) &&
			       memcmp(buffer_content(&out), texts[i], strlen(texts[i])) == 0,
		       "%.*s", (int)buffer_length(&out), buffer_content(&out));
		buffer_fini(&out);
	}
}

static void a_damaged_file_is_refused(void)
{
	static const char *const texts[] = {
		"\n",
		"kith cursor 2\nboot " BOOT "\nnumber 1\nend\n",
		HEAD,
		HEAD "end\n",
		HEAD "number 1\n",
		HEAD "number 1\nend",
		HEAD "number 1\nend\n\n",
		HEAD "number 01\nend\n",
		HEAD "number -1\nend\n",
		HEAD "number 9223372036854775808\nend\n",
		HEAD "number 99999999999999999999999999\nend\n",
		HEAD "number 5\nwaiting 6\nend\n",
		HEAD "number 5\nwaiting 0\nend\n",
		HEAD "number 5\nwaiting 3\nwaiting 3\nend\n",
		HEAD "number 5\nlost\nlost\nend\n",
		HEAD "number 5\nnews\nend\n",
		HEAD "number 5\nlost\nwaiting 3\nend\n",
		HEAD "number 5\ninitial\nlost\nend\n",
		"kith cursor 1\nboot 00000000-0000-0000-0000-000000000000\nnumber 1\nend\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct cursor cursor;
		EXPECT(!parse(texts[i], &cursor), "%s", texts[i]);
	}
}

static void more_never_wait_than_there_is_room_for(void)
{
	struct buffer text = {0};
	struct cursor cursor;
	struct problem problem;
	char line[32];
	CU_ASSERT(buffer_append(&text, HEAD "number 5000\n", strlen(HEAD "number 5000\n")));
	for (int i = 1; i <= CURSOR_WAITING; i++) {
		int length = snprintf(line, sizeof line, "waiting %d\n", i);
		CU_ASSERT(buffer_append(&text, line, (size_t)length));
	}
	size_t head = buffer_length(&text);
	CU_ASSERT(buffer_append(&text, "end\n", 4));
	CU_ASSERT(cursor_parse(buffer_content(&text), buffer_length(&text), &cursor, &problem));
	CU_ASSERT(cursor.waiting_count == CURSOR_WAITING && buffer_length(&text) <= CURSOR_BYTES);
	struct buffer more = {0};
	CU_ASSERT(buffer_append(&more, buffer_content(&text), head));
	CU_ASSERT(buffer_append(&more, "waiting 4000\nend\n", strlen("waiting 4000\nend\n")));
	CU_ASSERT(!cursor_parse(buffer_content(&more), buffer_length(&more), &cursor, &problem));
	buffer_fini(&more);
	buffer_fini(&text);
}

static void only_what_was_not_handled_is_wanted(void)
{
	struct cursor cursor;
	CU_ASSERT(parse(HEAD "number 10\nwaiting 4\nwaiting 7\nend\n", &cursor));
	CU_ASSERT(cursor_after(&cursor) == 3);
	for (uint64_t number = 1; number < 15; number++)
		EXPECT(cursor_wants(&cursor, number) == (number == 4 || number == 7 || number > 10), "%d", (int)number);
	CU_ASSERT(cursor_count_wanted(&cursor, 3, 3) == 0);
	CU_ASSERT(cursor_count_wanted(&cursor, 3, 6) == 1);
	CU_ASSERT(cursor_count_wanted(&cursor, 4, 6) == 0);
	CU_ASSERT(cursor_count_wanted(&cursor, 3, 12) == 4);
	CU_ASSERT(parse(HEAD "number 10\nend\n", &cursor));
	CU_ASSERT(cursor_after(&cursor) == 10 && !cursor_wants(&cursor, 10) && cursor_wants(&cursor, 11));
}

static CU_TestInfo tests[] = {
	{"what is written is read again", what_is_written_is_read_again},
	{"a damaged file is refused", a_damaged_file_is_refused},
	{"more never wait than there is room for", more_never_wait_than_there_is_room_for},
	{"only what was not handled is wanted", only_what_was_not_handled_is_wanted},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_cursor = {"cursor", NULL, NULL, NULL, NULL, tests};
