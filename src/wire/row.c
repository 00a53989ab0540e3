#include "wire/row.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/must.h"

static void append(struct row *row, const char *bytes, size_t length)
{
	row->lacks_memory = row->lacks_memory || !buffer_append(row->out, bytes, length);
}

static void append_text(struct row *row, const char *text)
{
	append(row, text, strlen(text));
}

static void begin_value(struct row *row, const char *key)
{
	if (!row->is_first)
		append(row, ",", 1);
	row->is_first = false;
	if (key == NULL)
		return;
	append(row, "\"", 1);
	append_text(row, key);
	append(row, "\":", 2);
}

struct row row_begin(struct buffer *out, const char *msgtype)
{
	struct row row = {.out = out, .start_bytes = buffer_length(out)};
	append_text(&row, "{\"msgtype\":\"");
	append_text(&row, msgtype);
	append(&row, "\"", 1);
	return row;
}

void row_limit(struct row *row, const char *const *only)
{
	row->only = only;
}

bool row_wants(const struct row *row, const char *key)
{
	if (row->only == NULL)
		return true;
	for (const char *const *wanted = row->only; *wanted != NULL; wanted++)
		if (strcmp(*wanted, key) == 0)
			return true;
	return false;
}

bool row_end(struct row *row)
{
	append(row, "}\n", 2);
	if (row->lacks_memory)
		row->out->end = row->out->start + row->start_bytes;
	return !row->lacks_memory;
}

void row_json(struct row *row, const char *key, const char *json)
{
	if (!row_wants(row, key))
		return;
	begin_value(row, key);
	append_text(row, json);
}

void row_null(struct row *row, const char *key)
{
	row_json(row, key, "null");
}

void row_boolean(struct row *row, const char *key, bool value)
{
	row_json(row, key, value ? "true" : "false");
}

void row_integer(struct row *row, const char *key, int64_t value)
{
	char text[24];
	if (!row_wants(row, key))
		return;
	snprintf(text, sizeof text, "%lld", (long long)value);
	row_json(row, key, text);
}

void row_number(struct row *row, const char *key, double value)
{
	char text[64];
	if (!row_wants(row, key))
		return;
	if (!isfinite(value) || fabs(value) > 1e15) {
		row_null(row, key);
		return;
	}
	snprintf(text, sizeof text, "%.3f", value);
	/* "12.500" is 12.5, and "12.000" is 12. */
	size_t length = strlen(text);
	while (text[length - 1] == '0')
		length--;
	if (text[length - 1] == '.')
		length--;
	text[length] = '\0';
	row_json(row, key, text);
}

void row_real(struct row *row, const char *key, double value)
{
	char text[32];
	snprintf(text, sizeof text, "%.15g", value);
	row_json(row, key, isfinite(value) ? text : "null");
}

void row_seconds(struct row *row, const char *key, int64_t us)
{
	if (us < 0)
		row_null(row, key);
	else
		row_number(row, key, (double)us / 1e6);
}

void row_milliseconds(struct row *row, const char *key, int64_t us)
{
	if (us < 0)
		row_null(row, key);
	else
		row_number(row, key, (double)us / 1e3);
}

void row_time(struct row *row, const char *key, int64_t unix_us)
{
	time_t seconds = (time_t)(unix_us / 1000000);
	struct tm parts;
	char text[64];
	if (!row_wants(row, key))
		return;
	if (unix_us < 0 || gmtime_r(&seconds, &parts) == NULL) {
		row_null(row, key);
		return;
	}
	size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + length, sizeof text - length, ".%03dZ", (int)(unix_us / 1000 % 1000));
	row_text(row, key, text);
}

/* The bytes of the character of UTF-8 that the text begins with; 0 if that is none (RFC 3629). */
static size_t character_bytes(const unsigned char *text)
{
	unsigned char first = text[0];
	size_t length = first < 0x80			? 1
			: first >= 0xc2 && first < 0xe0 ? 2
			: (first & 0xf0) == 0xe0	? 3
			: first >= 0xf0 && first < 0xf5 ? 4
							: 0;
	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	bool is_overlong = (first == 0xe0 && text[1] < 0xa0) || (first == 0xf0 && text[1] < 0x90);
	bool is_surrogate = first == 0xed && text[1] >= 0xa0;
	bool is_beyond = first == 0xf4 && text[1] >= 0x90;
	return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

static void append_character(struct row *row, const char *character, size_t length)
{
	char escape[8];
	if (length == 0) {
		append_text(row, "\xef\xbf\xbd");
	} else if (*character == '"' || *character == '\\') {
		append(row, "\\", 1);
		append(row, character, 1);
	} else if ((unsigned char)*character < 0x20 || *character == 0x7f) {
		snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)*character);
		append_text(row, escape);
	} else {
		append(row, character, length);
	}
}

static bool is_simple(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void row_text(struct row *row, const char *key, const char *text)
{
	if (!row_wants(row, key))
		return;
	if (text == NULL || text[0] == '\0') {
		row_null(row, key);
		return;
	}
	begin_value(row, key);
	append(row, "\"", 1);
	while (*text != '\0') {
		size_t simple = 0;
		while (is_simple(text[simple]))
			simple++;
		append(row, text, simple);
		text += simple;
		if (*text == '\0')
			break;
		size_t length = character_bytes((const unsigned char *)text);
		append_character(row, text, length);
		text += length == 0 ? 1 : length;
	}
	append(row, "\"", 1);
}

void row_nodeid(struct row *row, const char *key, const struct nodeid *nodeid)
{
	char text[NODEID_TEXT_BYTES] = "";
	if (row_wants(row, key) && !nodeid_is_none(nodeid))
		nodeid_format(nodeid, text);
	row_text(row, key, text);
}

void row_address(struct row *row, const char *key, const struct address *address)
{
	char text[ADDRESS_TEXT_BYTES] = "";
	if (row_wants(row, key) && address_is_known(address))
		address_format(address, text);
	row_text(row, key, text);
}

static void open_bracket(struct row *row, const char *key, const char *bracket)
{
	must(row->only == NULL);
	begin_value(row, key);
	append(row, bracket, 1);
	row->is_first = true;
}

static void close_bracket(struct row *row, const char *bracket)
{
	append(row, bracket, 1);
	row->is_first = false;
}

void row_open_list(struct row *row, const char *key)
{
	open_bracket(row, key, "[");
}

void row_close_list(struct row *row)
{
	close_bracket(row, "]");
}

void row_open_object(struct row *row, const char *key)
{
	open_bracket(row, key, "{");
}

void row_close_object(struct row *row)
{
	close_bracket(row, "}");
}
