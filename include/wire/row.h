/*
 * One JSON object in one line, written key by key, without a tree of objects in between: a list of 16,000 peers is
 * written in a fraction of the time (tests/bench/README.md). A plain value for one thread.
 *
 *	struct row row = row_begin(out, "peer");
 *	row_text(&row, "name", "alpha");
 *	row_seconds(&row, "up_s", 12500000);
 *	row_end(&row);
 */
#ifndef KITH_ROW_H
#define KITH_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "wire/address.h"
#include "wire/nodeid.h"

struct row {
	struct buffer *out;
	size_t start_bytes;	 /* of out, before the row */
	const char *const *only; /* the keys that are wanted, ended by NULL; borrowed. NULL: all */
	bool is_first;		 /* what comes next is the first in its list or object */
	bool lacks_memory;	 /* nothing more is written */
};

/* Begins a row of this msgtype; out is borrowed. */
struct row row_begin(struct buffer *out, const char *msgtype);
/* Other keys than these are left out from now on; not for rows with lists or objects. The list is borrowed. */
void row_limit(struct row *row, const char *const *only);
/* Is the key written, so that its value is worth finding out? */
bool row_wants(const struct row *row, const char *key);
/* Ends it, with an LF. False if there was no memory: out is then as before. */
bool row_end(struct row *row);

/*
 * The key is written as it is; so is a value of row_json, which is JSON. Within a list the key is NULL. What is unknown
 * is null.
 */
void row_null(struct row *row, const char *key);
void row_boolean(struct row *row, const char *key, bool value);
void row_integer(struct row *row, const char *key, int64_t value);
/* With up to three decimals. */
void row_number(struct row *row, const char *key, double value);
/* With fifteen significant digits. */
void row_real(struct row *row, const char *key, double value);
/* Any bytes: what is not UTF-8 is replaced by U+FFFD. NULL and "" are null. */
void row_text(struct row *row, const char *key, const char *text);
void row_json(struct row *row, const char *key, const char *json);
/* As seconds and as milliseconds, with three decimals; null below 0. */
void row_seconds(struct row *row, const char *key, int64_t us);
void row_milliseconds(struct row *row, const char *key, int64_t us);
/* A point in time, as RFC 3339 in UTC with milliseconds; null below 0. */
void row_time(struct row *row, const char *key, int64_t unix_us);
/* A list, and an object: what follows is in it until it is closed. */
void row_open_list(struct row *row, const char *key);
void row_close_list(struct row *row);
void row_open_object(struct row *row, const char *key);
void row_close_object(struct row *row);
/* null for none, or unknown. */
void row_nodeid(struct row *row, const char *key, const struct nodeid *nodeid);
void row_address(struct row *row, const char *key, const struct address *address);

#endif
