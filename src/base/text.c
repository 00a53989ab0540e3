#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

/*
 * The length of the character that starts at bytes, with its code point, or 0 where that isn't UTF-8 (RFC 3629: no
 * overlong forms, no surrogates, nothing above U+10FFFF).
 */
static size_t next_character(const char *bytes, size_t length, uint32_t *code_point)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	unsigned char first = (unsigned char)bytes[0];

	for (size_t extra = 0; extra < 4; extra++) {
		if ((first & forms[extra].mask) != forms[extra].lead)
			continue;
		if (extra >= length)
			return 0;
		uint32_t c = first & (unsigned char)~forms[extra].mask;
		for (size_t i = 1; i <= extra; i++) {
			unsigned char byte = (unsigned char)bytes[i];
			if ((byte & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (byte & 0x3f);
		}
		if (c < forms[extra].least || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
			return 0;
		*code_point = c;
		return extra + 1;
	}
	return 0;
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/*
 * What breaks a line, reorders it, or cannot be seen: the categories Zl, Zp and Cf of Unicode 15, what it calls
 * Default_Ignorable_Code_Point (fillers, variation selectors), and the blank of Braille.
 */
static bool is_invisible(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0xad, 0xad},	    {0x34f, 0x34f},	{0x600, 0x605},	    {0x61c, 0x61c},	{0x6dd, 0x6dd},
		{0x70f, 0x70f},	    {0x890, 0x891},	{0x8e2, 0x8e2},	    {0x115f, 0x1160},	{0x17b4, 0x17b5},
		{0x180b, 0x180f},   {0x200b, 0x200f},	{0x2028, 0x202e},   {0x2060, 0x206f},	{0x2800, 0x2800},
		{0x3164, 0x3164},   {0xfe00, 0xfe0f},	{0xfeff, 0xfeff},   {0xffa0, 0xffa0},	{0xfff0, 0xfffb},
		{0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
		{0xe0000, 0xe0fff},
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges && c >= ranges[i].first; i++)
		if (c <= ranges[i].last)
			return true;
	return false;
}

/* Unicode's category Zs. */
static bool is_space(uint32_t c)
{
	return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f ||
	       c == 0x3000;
}

bool text_is_plain(const char *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		uint32_t c = 0;
		size_t step = next_character(bytes + at, length - at, &c);
		if (step == 0 || is_control(c))
			return false;
		at += step;
	}
	return true;
}

/* How many of the bytes fit. */
static size_t escape(char *out, size_t out_bytes, const char *bytes, size_t length, enum text_style style)
{
	static const char hex[] = "0123456789abcdef";
	size_t written = 0, at = 0;

	while (at < length) {
		uint32_t c = 0;
		size_t step = next_character(bytes + at, length - at, &c);
		bool is_escaped = step == 0 || is_control(c) || is_invisible(c) ||
				  (style == TEXT_WORD && (is_space(c) || c == '\\'));
		size_t from_bytes = step == 0 ? 1 : step;
		if (written + from_bytes * (is_escaped ? 4 : 1) >= out_bytes)
			break;
		for (size_t i = 0; i < from_bytes; i++) {
			unsigned char byte = (unsigned char)bytes[at + i];
			if (is_escaped) {
				out[written++] = '\\';
				out[written++] = 'x';
				out[written++] = hex[byte >> 4];
				out[written++] = hex[byte & 15];
			} else {
				out[written++] = (char)byte;
			}
		}
		at += from_bytes;
	}
	out[written] = '\0';
	return at;
}

size_t text_escape(char *out, size_t out_bytes, const char *bytes, size_t length, enum text_style style)
{
	escape(out, out_bytes, bytes, length, style);
	return strlen(out);
}

size_t text_escape_marked(char *out, size_t out_bytes, const char *bytes, size_t length, bool is_cut)
{
	static const char mark[] = "...";
	if (!is_cut && escape(out, out_bytes, bytes, length, TEXT_LINE) == length)
		return strlen(out);
	escape(out, out_bytes - strlen(mark), bytes, length, TEXT_LINE);
	return strlen(strcat(out, mark));
}

/* The character at bytes, or the byte that is none, within a string of JSON. Returns its length. */
static size_t write_json_character(char out[static 16], const char *bytes, size_t step, uint32_t c)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	if (step == 0)
		return (size_t)sprintf(out, "%s", replacement);
	if (c == '"' || c == '\\')
		return (size_t)sprintf(out, "\\%c", (int)c);
	if (!is_control(c) && !is_invisible(c))
		return (size_t)sprintf(out, "%.*s", (int)step, bytes);
	if (c < 0x10000)
		return (size_t)sprintf(out, "\\u%04x", (unsigned)c);
	/* A surrogate pair (RFC 8259, 7). */
	c -= 0x10000;
	return (size_t)sprintf(out, "\\u%04x\\u%04x", 0xd800 | (unsigned)(c >> 10), 0xdc00 | (unsigned)(c & 0x3ff));
}

/* How many of the bytes fit. */
static size_t write_json(char *out, size_t out_bytes, const char *bytes, size_t length)
{
	size_t written = 0, at = 0;
	while (at < length) {
		char character[16];
		uint32_t c = 0;
		size_t step = next_character(bytes + at, length - at, &c);
		size_t used = write_json_character(character, bytes + at, step, c);
		if (written + used >= out_bytes)
			break;
		memcpy(out + written, character, used);
		written += used;
		at += step == 0 ? 1 : step;
	}
	out[written] = '\0';
	return at;
}

size_t text_json(char *out, size_t out_bytes, const char *bytes, size_t length, bool is_cut)
{
	static const char mark[] = "...";
	if (!is_cut && write_json(out, out_bytes, bytes, length) == length)
		return strlen(out);
	write_json(out, out_bytes - strlen(mark), bytes, length);
	return strlen(strcat(out, mark));
}

/* What the system says; strerror_r of glibc is not that of POSIX. */
static const char *system_text(int error, char *buffer, size_t size)
{
#ifdef __GLIBC__
	return strerror_r(error, buffer, size);
#else
	return strerror_r(error, buffer, size) == 0 ? buffer : "unknown error";
#endif
}

void text_error(int error, char out[static TEXT_ERROR_BYTES])
{
	char buffer[TEXT_ERROR_BYTES];
	/* glibc's text says that a connection timed out, which a name's look-up does too. */
	const char *text = error == ETIMEDOUT ? "timed out" : system_text(error, buffer, sizeof buffer);
	bool is_word = text[0] != '\0' && islower((unsigned char)text[1]);
	snprintf(out, TEXT_ERROR_BYTES, "%c%s", is_word ? tolower((unsigned char)text[0]) : text[0], text + 1);
}

void text_duration(int64_t us, char out[static TEXT_DURATION_BYTES])
{
	static const struct {
		int64_t below_s, unit_s;
		const char *unit;
	} steps[] = {{120, 1, "s"}, {7200, 60, "min"}, {172800, 3600, "h"}, {INT64_MAX, 86400, "d"}};
	int64_t s = us / 1000000, ms = us / 1000;
	size_t i = 0;
	if (ms < 1000) {
		snprintf(out, TEXT_DURATION_BYTES, "%lld ms", (long long)ms);
	} else if (s < 10 && ms % 1000 >= 100) {
		snprintf(out, TEXT_DURATION_BYTES, "%lld.%lld s", (long long)s, (long long)(ms % 1000 / 100));
	} else {
		while (s >= steps[i].below_s)
			i++;
		snprintf(out, TEXT_DURATION_BYTES, "%lld %s", (long long)(s / steps[i].unit_s), steps[i].unit);
	}
}

/* For wcwidth, made when it is needed first and kept; none where the system lacks it. */
static locale_t utf8_locale(void)
{
	static _Atomic(locale_t) kept;
	locale_t locale = atomic_load(&kept), none = (locale_t)0;
	if (locale != none)
		return locale;
	locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", none);
	if (locale == none || atomic_compare_exchange_strong(&kept, &none, locale))
		return locale;
	freelocale(locale);
	return none; /* another thread's, which was faster */
}

/* A character that is unknown to the system takes one cell, as on most terminals. */
static size_t width_of(uint32_t c, locale_t locale)
{
	locale_t before = uselocale(locale);
	int width = wcwidth((wchar_t)c);
	uselocale(before);
	return width < 0 ? 1 : (size_t)width;
}

size_t text_width(const char *text)
{
	size_t width = 0, length = strlen(text);
	for (size_t at = 0; at < length;) {
		uint32_t c = 0;
		size_t step = next_character(text + at, length - at, &c);
		locale_t locale = c < 0x80 ? (locale_t)0 : utf8_locale();
		width += locale == (locale_t)0 ? 1 : width_of(c, locale);
		at += step == 0 ? 1 : step;
	}
	return width;
}

size_t text_distance(const char *one, const char *other)
{
	enum { LONGEST = 32 };
	size_t row[LONGEST + 1];
	size_t columns = strlen(other);

	if (columns > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 0; one[i] != '\0'; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < columns; j++) {
			size_t best = diagonal + (one[i] != other[j]);
			diagonal = row[j + 1];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[j + 1] = best;
		}
	}
	return row[columns];
}
