/* What a row holds. Pure functions. */
#ifndef KITH_VALUE_H
#define KITH_VALUE_H

#include <stdbool.h>

#include "wire/json.h"

enum { VALUE_SHORT_BYTES = 128 };

/* Any value may be missing, null, or of another type in the rows of a node of another version. */

/* Borrowed from the row; NULL for none. */
const char *value_text(struct json_object *row, const char *key);
bool value_number(struct json_object *row, const char *key, double *number);
bool value_is_true(struct json_object *row, const char *key);
/* "" for none. */
void value_first_of_list(struct json_object *row, const char *key, char out[static VALUE_SHORT_BYTES]);

/* How a value is written for people. */
enum value_form {
	FORM_PLAIN,
	FORM_NODEID,  /* its first eight digits */
	FORM_NAME,    /* a name, or the first eight digits of a nodeid */
	FORM_SECONDS, /* how long */
	FORM_AGO,     /* seconds: how long ago */
	FORM_SINCE,   /* seconds: at what time that was */
	FORM_RTT,     /* milliseconds */
	FORM_BYTES,
	FORM_TIME, /* a point in time */
	FORM_YES,  /* "yes", and nothing for false */
};

/*
 * The value for people, or with is_raw for programs; "" for none. Lists are separated by commas. To be freed; NULL if
 * there is no memory.
 */
char *value_format(struct json_object *row, const char *key, enum value_form form, bool is_raw);

#endif
