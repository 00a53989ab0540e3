#include "book/address_record.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyed_table.h"
#include "base/text.h"
#include "wire/json.h"

#define FORMAT "kith addresses"

enum {
	VERSION = 1,
	JSON_DEPTH = 16, /* of lists and objects; a newer version may nest more than this one does */
	SECRET_TEXT_BYTES = 2 * HASH_KEY_BYTES + 1,
};

static const char *const kind_names[] = {[ADDRESS_NEW] = "new", [ADDRESS_TRIED] = "tried"};

enum { KINDS = sizeof kind_names / sizeof *kind_names };

void address_records_fini(struct address_records *records)
{
	free(records->records);
	*records = (struct address_records){0};
}

/* ---- writing ---- */

/* What isn't plain would make the whole file unreadable. */
static bool add_plain(struct json_object *object, const char *key, const char *text)
{
	return !text_is_plain(text, strlen(text)) || json_add_text(object, key, text);
}

static bool add_time(struct json_object *object, const char *key, int64_t time_s)
{
	return time_s <= 0 || time_s > ADDRESS_LATEST_S || json_add(object, key, json_object_new_int64(time_s));
}

static bool add_teller(struct json_object *object, const struct address *teller)
{
	char host[INET6_ADDRSTRLEN];
	int family = teller->family == ADDRESS_IPV6 ? AF_INET6 : AF_INET;
	return !address_is_known(teller) || inet_ntop(family, teller->host, host, sizeof host) == NULL ||
	       add_plain(object, "told_by", host);
}

static bool add_keys(struct json_object *object, const struct address_record *record)
{
	char address[ADDRESS_TEXT_BYTES], nodeid[NODEID_TEXT_BYTES] = "";
	unsigned failures = record->failures < ADDRESS_FAILURES ? record->failures : ADDRESS_FAILURES;
	address_format(&record->address, address);
	if (!nodeid_is_none(&record->nodeid))
		nodeid_format(&record->nodeid, nodeid);
	return add_plain(object, "address", address) && add_plain(object, "kind", kind_names[record->kind]) &&
	       add_plain(object, "nodeid", nodeid) && add_time(object, "heard", record->heard_s) &&
	       add_time(object, "tried", record->tried_s) && add_time(object, "reached", record->reached_s) &&
	       (failures == 0 || json_add(object, "failures", json_object_new_int64(failures))) &&
	       add_teller(object, &record->teller) && add_plain(object, "error", record->error) &&
	       add_time(object, "error_at", record->error_s) &&
	       (!record->is_anchor || json_add(object, "anchor", json_object_new_boolean(true)));
}

static bool write_record(const struct address_record *record, struct buffer *out)
{
	struct json_object *object = json_object_new_object();
	bool written = object != NULL && add_keys(object, record) && json_write(object, out);
	json_object_put(object);
	return written;
}

static bool write_head(const struct address_records *records, struct buffer *out)
{
	char line[128], secret[SECRET_TEXT_BYTES];
	int length = snprintf(line, sizeof line, "{\"format\":\"" FORMAT "\",\"version\":%d,\"saved\":%" PRId64 ",\n",
			      VERSION, records->saved_s);
	if (!buffer_append(out, line, (size_t)length))
		return false;
	if (!records->has_secret)
		return true;
	for (size_t i = 0; i < HASH_KEY_BYTES; i++)
		snprintf(secret + 2 * i, 3, "%02x", records->secret.bytes[i]);
	length = snprintf(line, sizeof line, "\"secret\":\"%s\",\n", secret);
	return buffer_append(out, line, (size_t)length);
}

static bool append(struct buffer *out, const char *text)
{
	return buffer_append(out, text, strlen(text));
}

bool address_records_write(const struct address_records *records, struct buffer *out)
{
	bool written = write_head(records, out) && append(out, "\"addresses\":[");
	for (size_t i = 0; written && i < records->count; i++)
		written = append(out, i == 0 ? "\n" : ",\n") && write_record(&records->records[i], out);
	return written && append(out, "\n]}\n");
}

/* ---- reading ---- */

/* What was read, by its address and in the order of the text. */
struct found {
	struct address_record record;
	UT_hash_handle hh;
};

struct reader {
	struct found *found;
	size_t most, left_out;
	int64_t saved_s, latest_s; /* as the text says; of its records */
	struct hash_key secret;
	bool has_secret;
};

/* These read a key that may be missing. False for a value of another type or out of its range. */

static bool read_number(struct json_object *object, const char *key, int64_t most, int64_t *out)
{
	struct json_object *value;
	int64_t number;
	if (!json_object_object_get_ex(object, key, &value))
		return true;
	if (!json_integer(value, 0, most, &number))
		return false;
	*out = number;
	return true;
}

static bool read_kind(struct json_object *object, enum address_kind *kind)
{
	struct json_object *value;
	if (!json_object_object_get_ex(object, "kind", &value))
		return true;
	const char *text = json_string(value);
	for (int i = 0; text != NULL && i < KINDS; i++) {
		if (strcmp(text, kind_names[i]) == 0) {
			*kind = (enum address_kind)i;
			return true;
		}
	}
	return false;
}

static bool read_nodeid(struct json_object *object, struct nodeid *nodeid)
{
	struct json_object *value;
	if (!json_object_object_get_ex(object, "nodeid", &value))
		return true;
	const char *text = json_string(value);
	return text != NULL && nodeid_parse(text, nodeid);
}

static bool read_teller(struct json_object *object, struct address *teller)
{
	struct json_object *value;
	if (!json_object_object_get_ex(object, "told_by", &value))
		return true;
	const char *text = json_string(value);
	return text != NULL && address_from_host(text, 0, teller);
}

static bool read_anchor(struct json_object *object, bool *is_anchor)
{
	struct json_object *value;
	if (!json_object_object_get_ex(object, "anchor", &value))
		return true;
	*is_anchor = json_object_get_boolean(value);
	return json_object_is_type(value, json_type_boolean);
}

/* Only people read it: what they shouldn't see is no reason to lose an address. */
static void read_error(struct json_object *object, char error[static ADDRESS_ERROR_BYTES])
{
	struct json_object *value;
	const char *text = json_object_object_get_ex(object, "error", &value) ? json_string(value) : NULL;
	if (text != NULL && strlen(text) < ADDRESS_ERROR_BYTES && text_is_plain(text, strlen(text)))
		strcpy(error, text);
}

static bool read_record(struct json_object *object, struct address_record *record)
{
	struct json_object *value;
	int64_t failures = 0;
	*record = (struct address_record){0};
	if (!json_object_object_get_ex(object, "address", &value))
		return false;
	const char *address = json_string(value);
	if (address == NULL || !address_parse(address, &record->address) || !address_is_dialable(&record->address))
		return false;
	if (!read_kind(object, &record->kind) || !read_nodeid(object, &record->nodeid) ||
	    !read_teller(object, &record->teller) || !read_anchor(object, &record->is_anchor) ||
	    !read_number(object, "heard", ADDRESS_LATEST_S, &record->heard_s) ||
	    !read_number(object, "tried", ADDRESS_LATEST_S, &record->tried_s) ||
	    !read_number(object, "reached", ADDRESS_LATEST_S, &record->reached_s) ||
	    !read_number(object, "error_at", ADDRESS_LATEST_S, &record->error_s) ||
	    !read_number(object, "failures", ADDRESS_FAILURES, &failures))
		return false;
	record->failures = (unsigned)failures;
	read_error(object, record->error);
	return true;
}

static void note_time(struct reader *reader, int64_t time_s)
{
	if (time_s > reader->latest_s)
		reader->latest_s = time_s;
}

/* False for what is no good record, or if there is no memory. */
static bool take_record(struct reader *reader, struct json_object *object)
{
	struct address_record record;
	struct found *found;
	if (!json_object_is_type(object, json_type_object) || !read_record(object, &record))
		return false;
	HASH_FIND(hh, reader->found, &record.address, sizeof record.address, found);
	if (found != NULL)
		return true;
	if (HASH_COUNT(reader->found) >= reader->most) {
		reader->left_out++;
		return true;
	}
	found = calloc(1, sizeof *found);
	if (found == NULL)
		return false;
	found->record = record;
	note_time(reader, record.heard_s);
	note_time(reader, record.tried_s);
	note_time(reader, record.reached_s);
	note_time(reader, record.error_s);
	HASH_ADD(hh, reader->found, record.address, sizeof found->record.address, found);
	if (found->hh.tbl != NULL)
		return true;
	free(found);
	return false;
}

/* A secret that is missing is none; false for a bad one. */
static bool take_secret(struct reader *reader, struct json_object *object)
{
	struct json_object *value;
	struct hash_key secret;
	if (reader->has_secret || !json_object_object_get_ex(object, "secret", &value))
		return true;
	const char *text = json_string(value);
	if (text == NULL || strlen(text) != SECRET_TEXT_BYTES - 1)
		return false;
	for (size_t i = 0; i < HASH_KEY_BYTES; i++) {
		const char digits[] = {text[2 * i], text[2 * i + 1], '\0'};
		if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
			return false;
		secret.bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
	}
	reader->secret = secret;
	reader->has_secret = true;
	return true;
}

/* NULL for what is not JSON. */
static struct json_object *parse(const char *text, size_t length)
{
	struct json_object *value;
	struct problem problem;
	json_parse(text, length, JSON_DEPTH, &value, &problem);
	return value;
}

/* Takes what is good in a whole text. False where something isn't. */
static bool take_whole(struct reader *reader, struct json_object *root)
{
	struct json_object *value, *addresses;
	int64_t version = 0;
	if (!json_object_is_type(root, json_type_object) || !json_object_object_get_ex(root, "format", &value))
		return false;
	const char *format = json_string(value);
	if (format == NULL || strcmp(format, FORMAT) != 0 || !read_number(root, "version", INT64_MAX, &version) ||
	    !json_object_object_get_ex(root, "addresses", &addresses) ||
	    !json_object_is_type(addresses, json_type_array))
		return false;
	bool is_good = take_secret(reader, root);
	is_good = read_number(root, "saved", ADDRESS_LATEST_S, &reader->saved_s) && is_good;
	for (size_t i = 0; i < json_object_array_length(addresses); i++)
		is_good = take_record(reader, json_object_array_get_idx(addresses, i)) && is_good;
	return is_good || version > VERSION;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void salvage_secret(struct reader *reader, const char *line, size_t length)
{
	char text[128];
	if (length + 2 > sizeof text)
		return;
	text[0] = '{';
	memcpy(text + 1, line, length);
	text[length + 1] = '}';
	struct json_object *object = parse(text, length + 2);
	if (json_object_is_type(object, json_type_object))
		take_secret(reader, object);
	json_object_put(object);
}

static void salvage_line(struct reader *reader, const char *line, size_t length)
{
	for (; length > 0 && is_blank(line[0]); length--)
		line++;
	while (length > 0 && is_blank(line[length - 1]))
		length--;
	if (length > 0 && line[length - 1] == ',')
		length--;
	if (length > 0 && line[0] == '{') {
		struct json_object *object = parse(line, length);
		take_record(reader, object);
		json_object_put(object);
	} else if (length > 0) {
		salvage_secret(reader, line, length);
	}
}

static void salvage(struct reader *reader, const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		const char *end = memchr(text + at, '\n', length - at);
		size_t line_length = end == NULL ? length - at : (size_t)(end - text) - at;
		salvage_line(reader, text + at, line_length);
		at += line_length + 1;
	}
}

/* Moves what was found to where the caller wants it. False if there is no memory. */
static bool hand_over(struct reader *reader, struct address_records *records)
{
	struct found *found = reader->found, *next;
	records->secret = reader->secret;
	records->has_secret = reader->has_secret;
	records->saved_s = reader->saved_s > 0 ? reader->saved_s : reader->latest_s;
	records->left_out = reader->left_out;
	records->records = calloc((size_t)HASH_COUNT(found) + 1, sizeof *records->records);
	HASH_CLEAR(hh, reader->found);
	for (; found != NULL; found = next) {
		next = found->hh.next;
		if (records->records != NULL)
			records->records[records->count++] = found->record;
		free(found);
	}
	return records->records != NULL;
}

enum address_records_health address_records_read(const char *text, size_t length, size_t most,
						 struct address_records *records)
{
	struct reader reader = {.most = most};
	*records = (struct address_records){0};
	struct json_object *root = parse(text, length);
	bool is_good = take_whole(&reader, root);
	json_object_put(root);
	if (!is_good)
		salvage(&reader, text, length);
	bool is_foreign = !is_good && reader.found == NULL && !reader.has_secret;
	is_good = hand_over(&reader, records) && is_good;
	if (is_foreign)
		return ADDRESS_RECORDS_FOREIGN;
	return is_good ? ADDRESS_RECORDS_GOOD : ADDRESS_RECORDS_DAMAGED;
}
