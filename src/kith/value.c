#include "kith/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "kith/words.h"
#include "wire/nodeid.h"

static struct json_object *value_of(struct json_object *row, const char *key)
{
	struct json_object *value = NULL;
	return row != NULL && json_object_object_get_ex(row, key, &value) ? value : NULL;
}

const char *value_text(struct json_object *row, const char *key)
{
	return json_string(value_of(row, key));
}

static bool is_number(struct json_object *value)
{
	return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
}

bool value_number(struct json_object *row, const char *key, double *number)
{
	struct json_object *value = value_of(row, key);
	*number = is_number(value) ? json_object_get_double(value) : 0;
	return is_number(value);
}

bool value_is_true(struct json_object *row, const char *key)
{
	struct json_object *value = value_of(row, key);
	return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

void value_first_of_list(struct json_object *row, const char *key, char out[static VALUE_SHORT_BYTES])
{
	struct json_object *value = value_of(row, key);
	const char *first = NULL;
	if (json_object_is_type(value, json_type_array) && json_object_array_length(value) > 0)
		first = json_string(json_object_array_get_idx(value, 0));
	snprintf(out, VALUE_SHORT_BYTES, "%s", first == NULL ? "" : first);
}

/* ---- as text ---- */

static bool append(struct buffer *out, const char *text)
{
	return buffer_append(out, text, strlen(text));
}

/* As it is: a text without its quotes, the items of a list with commas, all else as JSON. */
static bool append_plain(struct buffer *out, struct json_object *value)
{
	bool is_good = true;
	if (value == NULL)
		return true;
	if (json_string(value) != NULL)
		return append(out, json_string(value));
	if (json_object_is_type(value, json_type_boolean))
		return append(out, json_object_get_boolean(value) ? "yes" : "no");
	if (!json_object_is_type(value, json_type_array))
		return json_write(value, out);
	for (size_t i = 0; i < json_object_array_length(value) && is_good; i++)
		is_good = (i == 0 || append(out, ", ")) && append_plain(out, json_object_array_get_idx(value, i));
	return is_good;
}

static void format_number(double number, enum value_form form, char out[static WORDS_BYTES])
{
	if (form == FORM_SECONDS)
		words_duration(number, out);
	else if (form == FORM_AGO)
		words_ago(number, out);
	else if (form == FORM_SINCE)
		words_since(number, words_now(), out);
	else if (form == FORM_RTT)
		words_rtt(number, out);
	else
		words_bytes(number, out);
}

static bool append_value(struct buffer *out, struct json_object *value, enum value_form form)
{
	enum { NODEID_DIGITS = 8 };
	char words[WORDS_BYTES];
	const char *text = json_string(value);
	struct nodeid nodeid;
	if (text != NULL && (form == FORM_NODEID || (form == FORM_NAME && nodeid_parse(text, &nodeid))))
		return buffer_append(out, text, strnlen(text, NODEID_DIGITS));
	if (form == FORM_YES && json_object_is_type(value, json_type_boolean))
		return append(out, json_object_get_boolean(value) ? "yes" : "");
	if (form == FORM_TIME && text != NULL) {
		words_time(text, (int64_t)time(NULL), false, words);
		return append(out, words);
	}
	if (form >= FORM_SECONDS && form <= FORM_BYTES && is_number(value)) {
		format_number(json_object_get_double(value), form, words);
		return append(out, words);
	}
	return append_plain(out, value);
}

char *value_format(struct json_object *row, const char *key, enum value_form form, bool is_raw)
{
	struct buffer text = {0};
	char *clean = NULL;
	struct json_object *value = value_of(row, key);
	if ((is_raw ? append_plain(&text, value) : append_value(&text, value, form)) && buffer_append(&text, "", 1))
		clean = words_clean(buffer_content(&text), is_raw ? TEXT_WORD : TEXT_LINE);
	buffer_fini(&text);
	return clean;
}
