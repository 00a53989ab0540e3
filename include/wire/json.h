/*
 * What messages, the file of addresses and all else that is JSON have in common. The one place that includes json-c;
 * its functions are used directly where nothing here is shorter. Pure functions.
 */
#ifndef KITH_JSON_H
#define KITH_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/problem.h"

/*
 * Parses one JSON text of at most depth nested lists and objects, by RFC 8259 and in UTF-8. *value is then the
 * caller's to put, and NULL for `null`.
 */
bool json_parse(const char *text, size_t length, int depth, struct json_object **value, struct problem *problem);

/*
 * How many values the text has at most: one more than its commas and openings, those in strings aside. json-c takes up
 * to 0.9 kB for one (an empty object), and a line of 131,072 bytes has room for 43,685 of those: that was 34 MB.
 */
size_t json_count_values(const char *text, size_t length);

/* The value as a C string, or NULL if it isn't a string or has a NUL in it. Borrowed from the value. */
const char *json_string(struct json_object *value);
/* The value as a whole number; false if it isn't one from least to most. */
bool json_integer(struct json_object *value, int64_t least, int64_t most, int64_t *out);

/* Takes the value, which may be NULL; false if there is no memory. */
bool json_add(struct json_object *object, const char *key, struct json_object *value);
/* Adds nothing for an empty text. */
bool json_add_text(struct json_object *object, const char *key, const char *text);
/* Appends the value as text in one line. False if there is no memory. */
bool json_write(struct json_object *value, struct buffer *out);

#endif
