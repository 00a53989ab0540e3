#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"

#define BYTES(literal) literal, sizeof(literal) - 1

/* A copy without a NUL behind it, so that a sanitizer sees who reads too far. */
static char *exact_copy(const char *bytes, size_t length)
{
	char *copy = malloc(length + (length == 0));
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	return memcpy(copy, bytes, length);
}

static void only_utf8_without_control_characters_is_plain(void)
{
	static const struct {
		const char *what;
		const char *bytes;
		size_t length;
		bool is_plain;
	} cases[] = {
		{"nothing", BYTES(""), true},
		{"ASCII", BYTES("kith node 7 ~"), true},
		{"two bytes", BYTES("caf\xc3\xa9"), true},
		{"three bytes", BYTES("\xe6\x97\xa5\xe6\x9c\xac"), true},
		{"four bytes", BYTES("\xf0\x9f\x98\x80"), true},
		{"U+00A0, the first after the C1 controls", BYTES("\xc2\xa0"), true},
		{"U+2028, which is no control character", BYTES("\xe2\x80\xa8"), true},
		{"U+D7FF, the last before the surrogates", BYTES("\xed\x9f\xbf"), true},
		{"U+E000, the first after the surrogates", BYTES("\xee\x80\x80"), true},
		{"U+10FFFF, the last of all", BYTES("\xf4\x8f\xbf\xbf"), true},
		{"NUL", BYTES("a\0b"), false},
		{"LF", BYTES("a\nb"), false},
		{"tab", BYTES("\t"), false},
		{"escape", BYTES("\x1b[31m"), false},
		{"U+001F", BYTES("\x1f"), false},
		{"DEL", BYTES("\x7f"), false},
		{"U+0080", BYTES("\xc2\x80"), false},
		{"U+009F", BYTES("\xc2\x9f"), false},
		{"a continuation alone", BYTES("\x80"), false},
		{"the last continuation alone", BYTES("\xbf"), false},
		{"FE", BYTES("\xfe"), false},
		{"FF", BYTES("\xff"), false},
		{"overlong NUL", BYTES("\xc0\x80"), false},
		{"overlong, two bytes", BYTES("\xc1\xbf"), false},
		{"overlong, three bytes", BYTES("\xe0\x9f\xbf"), false},
		{"overlong, four bytes", BYTES("\xf0\x8f\xbf\xbf"), false},
		{"the first surrogate", BYTES("\xed\xa0\x80"), false},
		{"the last surrogate", BYTES("\xed\xbf\xbf"), false},
		{"U+110000", BYTES("\xf4\x90\x80\x80"), false},
		{"five bytes", BYTES("\xf8\x88\x80\x80\x80"), false},
		{"cut after one of two", BYTES("a\xc3"), false},
		{"cut after two of three", BYTES("a\xe2\x82"), false},
		{"cut after three of four", BYTES("a\xf0\x9f\x98"), false},
		{"a lead where a continuation belongs", BYTES("\xc3\xc3\xa9"), false},
		{"ASCII where a continuation belongs", BYTES("\xe2\x82x"), false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *copy = exact_copy(cases[i].bytes, cases[i].length);
		EXPECT(text_is_plain(copy, cases[i].length) == cases[i].is_plain, "%s", cases[i].what);
		free(copy);
	}
}

static void what_could_disturb_a_terminal_is_shown_as_hex(void)
{
	static const struct {
		const char *what;
		const char *bytes;
		size_t length;
		const char *line;
		const char *word;
	} cases[] = {
		{"nothing", BYTES(""), "", ""},
		{"a word", BYTES("alpha"), "alpha", "alpha"},
		{"a space", BYTES("a b"), "a b", "a\\x20b"},
		{"a backslash", BYTES("a\\b"), "a\\b", "a\\x5cb"},
		{"what looks like an escape", BYTES("\\x0a"), "\\x0a", "\\x5cx0a"},
		{"LF", BYTES("a\nb"), "a\\x0ab", "a\\x0ab"},
		{"CR LF", BYTES("\r\n"), "\\x0d\\x0a", "\\x0d\\x0a"},
		{"tab", BYTES("\t"), "\\x09", "\\x09"},
		{"NUL", BYTES("a\0b"), "a\\x00b", "a\\x00b"},
		{"escape", BYTES("\x1b[2J"), "\\x1b[2J", "\\x1b[2J"},
		{"DEL", BYTES("\x7f"), "\\x7f", "\\x7f"},
		{"U+0085", BYTES("\xc2\x85"), "\\xc2\\x85", "\\xc2\\x85"},
		{"letters beyond ASCII", BYTES("\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80"),
		 "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80", "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80"},
		{"no-break space", BYTES("\xc2\xa0"), "\xc2\xa0", "\\xc2\\xa0"},
		{"ideographic space", BYTES("\xe3\x80\x80"), "\xe3\x80\x80", "\\xe3\\x80\\x80"},
		{"line separator", BYTES("\xe2\x80\xa8"), "\\xe2\\x80\\xa8", "\\xe2\\x80\\xa8"},
		{"right-to-left override", BYTES("\xe2\x80\xae"), "\\xe2\\x80\\xae", "\\xe2\\x80\\xae"},
		{"right-to-left mark", BYTES("\xe2\x80\x8f"), "\\xe2\\x80\\x8f", "\\xe2\\x80\\x8f"},
		{"Arabic letter mark", BYTES("\xd8\x9c"), "\\xd8\\x9c", "\\xd8\\x9c"},
		{"right-to-left isolate", BYTES("\xe2\x81\xa7"), "\\xe2\\x81\\xa7", "\\xe2\\x81\\xa7"},
		{"zero-width space",
		 BYTES("a\xe2\x80\x8b"
		       "b"),
		 "a\\xe2\\x80\\x8bb", "a\\xe2\\x80\\x8bb"},
		{"zero-width joiner", BYTES("\xe2\x80\x8d"), "\\xe2\\x80\\x8d", "\\xe2\\x80\\x8d"},
		{"word joiner", BYTES("\xe2\x81\xa0"), "\\xe2\\x81\\xa0", "\\xe2\\x81\\xa0"},
		{"soft hyphen", BYTES("\xc2\xad"), "\\xc2\\xad", "\\xc2\\xad"},
		{"byte order mark", BYTES("\xef\xbb\xbf"), "\\xef\\xbb\\xbf", "\\xef\\xbb\\xbf"},
		{"a tag", BYTES("\xf3\xa0\x81\xa1"), "\\xf3\\xa0\\x81\\xa1", "\\xf3\\xa0\\x81\\xa1"},
		{"variation selector", BYTES("\xef\xb8\x8f"), "\\xef\\xb8\\x8f", "\\xef\\xb8\\x8f"},
		{"Hangul filler", BYTES("\xe3\x85\xa4"), "\\xe3\\x85\\xa4", "\\xe3\\x85\\xa4"},
		{"an accent, which is seen", BYTES("e\xcc\x81"), "e\xcc\x81", "e\xcc\x81"},
		{"not UTF-8", BYTES("a\xffz"), "a\\xffz", "a\\xffz"},
		{"a character cut short", BYTES("a\xe2\x82"), "a\\xe2\\x82", "a\\xe2\\x82"},
		{"a surrogate", BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"},
		{"a good character after a bad byte", BYTES("\xc3\xc3\xa9"), "\\xc3\xc3\xa9", "\\xc3\xc3\xa9"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *copy = exact_copy(cases[i].bytes, cases[i].length);
		char out[64];
		size_t written = text_escape(out, sizeof out, copy, cases[i].length, TEXT_LINE);
		EXPECT(strcmp(out, cases[i].line) == 0, "%s: %s", cases[i].what, out);
		EXPECT(written == strlen(out), "%s: %zu", cases[i].what, written);
		written = text_escape(out, sizeof out, copy, cases[i].length, TEXT_WORD);
		EXPECT(strcmp(out, cases[i].word) == 0, "%s: %s", cases[i].what, out);
		EXPECT(written == strlen(out), "%s: %zu", cases[i].what, written);
		free(copy);
	}
}

static void any_byte_is_plain_once_it_is_escaped(void)
{
	for (int byte = 0; byte < 256; byte++) {
		char in[] = {'<', (char)byte, '>'};
		char out[16];
		for (int style = TEXT_LINE; style <= TEXT_WORD; style++) {
			size_t length = text_escape(out, sizeof out, in, sizeof in, (enum text_style)style);
			EXPECT(text_is_plain(out, length), "byte %02x", (unsigned)byte);
			EXPECT(out[0] == '<' && out[length - 1] == '>', "byte %02x", (unsigned)byte);
			if (style == TEXT_WORD)
				EXPECT(strpbrk(out, " \t\n\r\v\f") == NULL, "byte %02x", (unsigned)byte);
		}
	}
}

static void a_text_that_does_not_fit_is_cut_between_characters(void)
{
	static const char in[] = "a\n\xc3\xa9\xc2\x85z";
	static const char *const pieces[] = {"a", "\\x0a", "\xc3\xa9", "\\xc2\\x85", "z"};
	char whole[32], wanted[32], *out;
	size_t whole_length = text_escape(whole, sizeof whole, in, sizeof in - 1, TEXT_LINE);

	for (size_t room = 1; room <= whole_length + 1; room++) {
		wanted[0] = '\0';
		for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
			if (strlen(wanted) + strlen(pieces[i]) >= room)
				break;
			strcat(wanted, pieces[i]);
		}
		out = malloc(room);
		CU_ASSERT_PTR_NOT_NULL_FATAL(out);
		size_t written = text_escape(out, room, in, sizeof in - 1, TEXT_LINE);
		EXPECT(strcmp(out, wanted) == 0, "%zu bytes: %s", room, out);
		EXPECT(written == strlen(wanted), "%zu bytes: %zu", room, written);
		free(out);
	}
	CU_ASSERT_STRING_EQUAL(wanted, whole);
}

static void a_column_is_as_wide_as_its_characters(void)
{
	static const struct {
		const char *text;
		size_t width;
	} cases[] = {
		{"", 0},
		{"alpha", 5},
		{"caf\xc3\xa9", 4},
		{"cafe\xcc\x81", 4},
		{"\xe6\x97\xa5\xe6\x9c\xac", 4},
		{"\xf0\x9f\x98\x80!", 3},
		{"\xef\xbc\xa1", 2},
		{"\xea\xb0\x80", 2},
		{"\xee\x80\x80", 1},
		{"a\xff"
		 "b",
		 3},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		EXPECT(text_width(cases[i].text) == cases[i].width, "%s", cases[i].text);
}

static void the_distance_of_two_words_is_the_count_of_their_edits(void)
{
	static const struct {
		const char *one;
		const char *other;
		size_t distance;
	} cases[] = {
		{"", "", 0},
		{"", "name", 4},
		{"name", "", 4},
		{"listen", "listen", 0},
		{"listn", "listen", 1},
		{"listenn", "listen", 1},
		{"lisyen", "listen", 1},
		{"ilsten", "listen", 2},
		{"kitten", "sitting", 3},
		{"Saturday", "Sunday", 3},
		{"ping-interval", "ping_interval", 1},
		{"abcd", "wxyz", 4},
		{"a name that is a good deal longer than any setting's", "name", 48},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t distance = text_distance(cases[i].one, cases[i].other);
		EXPECT(distance == cases[i].distance, "%s, %s: %zu", cases[i].one, cases[i].other, distance);
	}
}

static void a_duration_has_one_unit_and_no_more_digits_than_people_read(void)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "0 ms"},	    {3, "3 ms"},	  {999, "999 ms"},	{1000, "1 s"},	  {1099, "1 s"},
		{1100, "1.1 s"},    {9999, "9.9 s"},	  {10000, "10 s"},	{20000, "20 s"},  {95999, "95 s"},
		{119999, "119 s"},  {120000, "2 min"},	  {7199999, "119 min"}, {7200000, "2 h"}, {172799999, "47 h"},
		{172800000, "2 d"}, {1036800000, "12 d"},
	};
	char text[TEXT_DURATION_BYTES];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		text_duration(cases[i].ms * 1000, text);
		EXPECT(strcmp(text, cases[i].text) == 0, "%s: %s", cases[i].text, text);
	}
	text_duration(INT64_MAX, text);
	EXPECT(strcmp(text, "106751991 d") == 0, "%s", text);
}

static void a_string_of_json_is_valid_whatever_it_holds(void)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{"plain, caf\xc3\xa9", "plain, caf\xc3\xa9"},
		{"\"\\/", "\\\"\\\\/"},
		{"\n\t\x01\x7f\xc2\x85", "\\u000a\\u0009\\u0001\\u007f\\u0085"},
		{"\xe2\x80\xae", "\\u202e"},
		{"\xf3\xa0\x81\x81", "\\udb40\\udc41"},
		{"\xff|\xe2\x80|\xed\xa0\x80",
		 "\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};
	char out[128];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t length = text_json(out, sizeof out, cases[i].text, strlen(cases[i].text), false);
		EXPECT(strcmp(out, cases[i].json) == 0 && length == strlen(out), "%s", out);
		/* Cut anywhere, it holds no half of an escape or of a character. */
		for (size_t bytes = 4; bytes <= length; bytes++) {
			size_t cut = text_json(out, bytes, cases[i].text, strlen(cases[i].text), false);
			EXPECT(cut < bytes && strcmp(out + cut - 3, "...") == 0, "%zu: %s", bytes, out);
			EXPECT(text_is_plain(out, cut), "%zu: %s", bytes, out);
			const char *escape = strrchr(out, '\\');
			EXPECT(escape == NULL || (escape > out && escape[-1] == '\\') || escape[1] != 'u' ||
				       strspn(escape + 2, "0123456789abcdef") >= 4,
			       "%zu: %s", bytes, out);
		}
	}
	text_json(out, sizeof out, "cut", 3, true);
	CU_ASSERT_STRING_EQUAL(out, "cut...");
}

static CU_TestInfo tests[] = {
	{"only UTF-8 without control characters is plain", only_utf8_without_control_characters_is_plain},
	{"what could disturb a terminal is shown as hex", what_could_disturb_a_terminal_is_shown_as_hex},
	{"any byte is plain once it is escaped", any_byte_is_plain_once_it_is_escaped},
	{"a text that does not fit is cut between characters", a_text_that_does_not_fit_is_cut_between_characters},
	{"a string of JSON is valid, whatever it holds", a_string_of_json_is_valid_whatever_it_holds},
	{"a column is as wide as its characters", a_column_is_as_wide_as_its_characters},
	{"the distance of two words is the count of their edits",
	 the_distance_of_two_words_is_the_count_of_their_edits},
	{"a duration has one unit, and no more digits than people read",
	 a_duration_has_one_unit_and_no_more_digits_than_people_read},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_text = {.pName = "text", .pTests = tests};
