#include "wire/frame.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"

#define BYTES(literal) literal, sizeof(literal) - 1

/* What came out of a frame: each line with a '|' behind it, and how the stream stands. */
struct harvest {
	char lines[1024];
	size_t length;
	size_t count;
	enum frame_result result;
};

static void add(struct frame *frame, const char *bytes, size_t length)
{
	while (length > 0) {
		size_t room;
		char *space = frame_space(frame, &room);
		CU_ASSERT_FATAL(space != NULL && room > 0);
		size_t part = length < room ? length : room;
		memcpy(space, bytes, part);
		frame_added(frame, part);
		bytes += part;
		length -= part;
	}
}

static void take_lines(struct frame *frame, struct harvest *harvest)
{
	const char *line;
	size_t length;
	while ((harvest->result = frame_next(frame, &line, &length)) == FRAME_LINE) {
		if (harvest->length + length + 1 < sizeof harvest->lines) {
			memcpy(harvest->lines + harvest->length, line, length);
			harvest->length += length;
			harvest->lines[harvest->length++] = '|';
		}
		harvest->count++;
	}
}

/* The stream in reads that end at these places, with the lines taken after each. */
static struct harvest read_in_parts(const char *stream, size_t length, const size_t *ends, size_t count)
{
	struct frame frame = {0};
	struct harvest harvest = {.result = FRAME_NEED_MORE};
	size_t at = 0;
	for (size_t i = 0; i <= count; i++) {
		size_t end = ends != NULL && i < count ? ends[i] : length;
		add(&frame, stream + at, end - at);
		take_lines(&frame, &harvest);
		at = end;
	}
	frame_fini(&frame);
	return harvest;
}

static bool harvested(const struct harvest *harvest, const char *lines, size_t length)
{
	return harvest->length == length && memcmp(harvest->lines, lines, length) == 0;
}

static const char stream[] = "{\"msgtype\":\"ping\"}\n\n{\"a\":1}\r\n \t \r\n\r\n  {\"b\":[]} \n\rx\r\r\ny\n";
static const char stream_lines[] = "{\"msgtype\":\"ping\"}|{\"a\":1}|  {\"b\":[]} |\rx\r|y|";

static void the_same_lines_come_however_a_stream_is_cut(void)
{
	const size_t length = sizeof stream - 1;
	for (size_t one = 0; one <= length; one++) {
		for (size_t other = one; other <= length; other++) {
			struct harvest harvest = read_in_parts(stream, length, (size_t[]){one, other}, 2);
			EXPECT(harvested(&harvest, BYTES(stream_lines)), "cut at %zu and %zu", one, other);
			EXPECT(harvest.result == FRAME_NEED_MORE, "cut at %zu and %zu", one, other);
		}
	}
}

static void a_stream_may_come_a_byte_at_a_time(void)
{
	size_t ends[sizeof stream];
	for (size_t i = 0; i < sizeof stream - 1; i++)
		ends[i] = i + 1;
	struct harvest harvest = read_in_parts(stream, sizeof stream - 1, ends, sizeof stream - 1);
	CU_ASSERT(harvested(&harvest, BYTES(stream_lines)));
	CU_ASSERT_EQUAL(harvest.result, FRAME_NEED_MORE);
}

static void line_ends_and_blank_lines_mean_nothing(void)
{
	static const struct {
		const char *what;
		const char *bytes;
		size_t length;
		const char *lines;
		size_t lines_length;
	} cases[] = {
		{"nothing", BYTES(""), BYTES("")},
		{"no LF yet", BYTES("abc"), BYTES("")},
		{"LF", BYTES("abc\n"), BYTES("abc|")},
		{"CR LF", BYTES("abc\r\n"), BYTES("abc|")},
		{"CR alone ends no line", BYTES("abc\rdef\n"), BYTES("abc\rdef|")},
		{"one CR is taken away", BYTES("abc\r\r\n"), BYTES("abc\r|")},
		{"spaces are kept", BYTES("  abc\t \n"), BYTES("  abc\t |")},
		{"an empty line", BYTES("\n"), BYTES("")},
		{"empty lines", BYTES("\n\n\r\n\n"), BYTES("")},
		{"lines of white space", BYTES(" \n\t\n \t \r\n\r\r\n"), BYTES("")},
		{"blank lines before, between and after", BYTES("\n\r\na\n \nb\n\n"), BYTES("a|b|")},
		{"a NUL is a byte like any other", BYTES("a\0b\n\0\n"), BYTES("a\0b|\0|")},
		{"so is what is no UTF-8", BYTES("\xff\xfe\n"), BYTES("\xff\xfe|")},
		{"the end of the last line is missing", BYTES("a\nb\nc"), BYTES("a|b|")},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct harvest harvest = read_in_parts(cases[i].bytes, cases[i].length, NULL, 0);
		EXPECT(harvested(&harvest, cases[i].lines, cases[i].lines_length), "%s", cases[i].what);
		EXPECT(harvest.result == FRAME_NEED_MORE, "%s", cases[i].what);
	}
}

static void many_lines_may_come_in_one_read(void)
{
	enum { LINES = 5000 };
	static const char ping[] = "{\"msgtype\":\"ping\"}\n";
	struct frame frame = {0};
	struct harvest harvest = {0};
	char *bytes = malloc(LINES * (sizeof ping - 1));
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	for (size_t i = 0; i < LINES; i++)
		memcpy(bytes + i * (sizeof ping - 1), ping, sizeof ping - 1);
	add(&frame, bytes, LINES * (sizeof ping - 1));
	take_lines(&frame, &harvest);
	CU_ASSERT_EQUAL(harvest.count, LINES);
	CU_ASSERT_EQUAL(harvest.result, FRAME_NEED_MORE);
	frame_fini(&frame);
	free(bytes);
}

/* A stream that begins with prefix and then has so many x, and suffix. */
static char *long_stream(const char *prefix, size_t filler, const char *suffix, size_t *length)
{
	*length = strlen(prefix) + filler + strlen(suffix);
	char *bytes = malloc(*length + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	strcpy(bytes, prefix);
	memset(bytes + strlen(prefix), 'x', filler);
	strcpy(bytes + strlen(prefix) + filler, suffix);
	return bytes;
}

static void a_line_is_at_most_131072_bytes_with_its_lf(void)
{
	static const struct {
		const char *what;
		const char *prefix;
		size_t filler;
		const char *suffix;
		size_t lines;
		enum frame_result result;
	} cases[] = {
		{"131072 with LF", "", 131071, "\n", 1, FRAME_NEED_MORE},
		{"131072 with CR LF", "", 131070, "\r\n", 1, FRAME_NEED_MORE},
		{"131072 with LF, twice over", "a\n", 131071, "\nb\n", 3, FRAME_NEED_MORE},
		{"131071 without LF", "", 131071, "", 0, FRAME_NEED_MORE},
		{"131072 without LF: it can only become too long", "", 131072, "", 0, FRAME_TOO_LONG},
		{"131073 with LF", "", 131072, "\n", 0, FRAME_TOO_LONG},
		{"131073 with CR LF", "", 131071, "\r\n", 0, FRAME_TOO_LONG},
		{"far too long", "", 500000, "", 0, FRAME_TOO_LONG},
		{"too long after good lines", "a\nb\n", 131072, "\nc\n", 2, FRAME_TOO_LONG},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static const size_t reads[] = {1, 1000, 4096, 131072, 1000000};
		size_t length;
		char *bytes = long_stream(cases[i].prefix, cases[i].filler, cases[i].suffix, &length);
		for (size_t r = 0; r < sizeof reads / sizeof *reads; r++) {
			struct frame frame = {0};
			struct harvest harvest = {.result = FRAME_NEED_MORE};
			for (size_t at = 0; at < length && harvest.result != FRAME_TOO_LONG; at += reads[r]) {
				add(&frame, bytes + at, reads[r] < length - at ? reads[r] : length - at);
				take_lines(&frame, &harvest);
			}
			EXPECT(harvest.count == cases[i].lines, "%s, reads of %zu", cases[i].what, reads[r]);
			EXPECT(harvest.result == cases[i].result, "%s, reads of %zu", cases[i].what, reads[r]);
			frame_fini(&frame);
		}
		free(bytes);
	}
}

static void a_line_too_long_is_found_when_the_limit_is_passed_and_for_good(void)
{
	struct frame frame = {0};
	struct harvest harvest = {0};
	for (size_t held = 1; held < FRAME_LINE_BYTES; held++) {
		add(&frame, "x", 1);
		take_lines(&frame, &harvest);
		if (!EXPECT(harvest.result == FRAME_NEED_MORE, "%zu bytes", held))
			break;
	}
	add(&frame, "x", 1);
	take_lines(&frame, &harvest);
	CU_ASSERT_EQUAL(harvest.result, FRAME_TOO_LONG);
	CU_ASSERT(frame.buffer.capacity <= 4 * FRAME_LINE_BYTES);
	take_lines(&frame, &harvest);
	CU_ASSERT_EQUAL(harvest.result, FRAME_TOO_LONG);
	add(&frame, BYTES("x\n{\"msgtype\":\"ping\"}\n"));
	take_lines(&frame, &harvest);
	CU_ASSERT_EQUAL(harvest.result, FRAME_TOO_LONG);
	CU_ASSERT_EQUAL(harvest.count, 0);
	frame_fini(&frame);
}

static void a_line_of_spaces_has_a_limit_too(void)
{
	struct frame frame = {0};
	struct harvest harvest = {0};
	char *spaces = malloc(FRAME_LINE_BYTES);
	CU_ASSERT_PTR_NOT_NULL_FATAL(spaces);
	memset(spaces, ' ', FRAME_LINE_BYTES);
	add(&frame, spaces, FRAME_LINE_BYTES - 1);
	add(&frame, "\n", 1);
	take_lines(&frame, &harvest);
	CU_ASSERT_EQUAL(harvest.result, FRAME_NEED_MORE);
	add(&frame, spaces, FRAME_LINE_BYTES);
	take_lines(&frame, &harvest);
	CU_ASSERT_EQUAL(harvest.result, FRAME_TOO_LONG);
	CU_ASSERT_EQUAL(harvest.count, 0);
	frame_fini(&frame);
	free(spaces);
}

static void an_idle_connection_holds_little_memory(void)
{
	struct frame frame = {0};
	struct harvest harvest = {0};
	add(&frame, BYTES("{\"msgtype\":\"ping\"}\n\n"));
	take_lines(&frame, &harvest);
	CU_ASSERT_EQUAL(harvest.count, 1);
	CU_ASSERT(frame.buffer.capacity <= 512);
	frame_fini(&frame);
}

static size_t room_of(struct frame *frame)
{
	size_t room;
	CU_ASSERT_PTR_NOT_NULL(frame_space(frame, &room));
	return room;
}

static void a_read_is_as_large_as_what_comes_needs(void)
{
	struct frame frame = {0};
	const char *line;
	size_t length, least = room_of(&frame), most = least;
	for (int i = 0; i < 10; i++) {
		size_t room = room_of(&frame);
		EXPECT(room >= most, "%zu after %zu", room, most);
		most = room;
		memset(frame_space(&frame, &room), '\n', room);
		frame_added(&frame, room);
		CU_ASSERT_EQUAL(frame_next(&frame, &line, &length), FRAME_NEED_MORE);
	}
	CU_ASSERT(most >= 16 * least && most < 64 * 1024);
	for (int i = 0; i < 10; i++) {
		add(&frame, "\n", 1);
		CU_ASSERT_EQUAL(frame_next(&frame, &line, &length), FRAME_NEED_MORE);
	}
	CU_ASSERT_EQUAL(room_of(&frame), least);
	frame_fini(&frame);
}

static void the_beginning_of_a_line_is_told_from_none(void)
{
	static const struct {
		const char *bytes;
		bool is_within;
		size_t lines;
	} cases[] = {
		/* one after the other */
		{"", false, 0}, {"{", true, 0},	      {"}", true, 0},	      {"\n", false, 1},
		{" ", true, 1}, {"\r\n\n", false, 3}, {"{}\n{}\n{", true, 5}, {"\n", false, 6},
	};
	struct frame frame = {0};
	struct harvest harvest = {0};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		add(&frame, cases[i].bytes, strlen(cases[i].bytes));
		take_lines(&frame, &harvest);
		EXPECT(frame_is_within_line(&frame) == cases[i].is_within, "step %zu", i);
		EXPECT(frame.lines == cases[i].lines, "step %zu: %zu", i, frame.lines);
	}
	frame_fini(&frame);
}

static CU_TestInfo tests[] = {
	{"the same lines come however a stream is cut", the_same_lines_come_however_a_stream_is_cut},
	{"a stream may come a byte at a time", a_stream_may_come_a_byte_at_a_time},
	{"line ends and blank lines mean nothing", line_ends_and_blank_lines_mean_nothing},
	{"many lines may come in one read", many_lines_may_come_in_one_read},
	{"a line is at most 131072 bytes with its LF", a_line_is_at_most_131072_bytes_with_its_lf},
	{"a line too long is found when the limit is passed, and for good",
	 a_line_too_long_is_found_when_the_limit_is_passed_and_for_good},
	{"a line of spaces has a limit too", a_line_of_spaces_has_a_limit_too},
	{"an idle connection holds little memory", an_idle_connection_holds_little_memory},
	{"a read is as large as what comes needs", a_read_is_as_large_as_what_comes_needs},
	{"the beginning of a line is told from none", the_beginning_of_a_line_is_told_from_none},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_frame = {.pName = "frame", .pTests = tests};
