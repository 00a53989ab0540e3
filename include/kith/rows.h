/* Rows that are kept. A plain value; one thread. */
#ifndef KITH_ROWS_H
#define KITH_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/json.h"

struct rows {
	struct json_object **list;
	size_t count, capacity;
};

void rows_fini(struct rows *rows);
/* Holds the row. False if there is no memory. */
bool rows_add(struct rows *rows, struct json_object *row);
/* The first whose key has that text, which may be NULL; NULL for none. */
struct json_object *rows_find(const struct rows *rows, const char *key, const char *text);
/*
 * By the texts of a key, those without it first; among equal ones by a number. False if there is no memory: they are as
 * they were.
 */
bool rows_sort(struct rows *rows, const char *key, const char *number_key);
/* One whose key has that text, of rows that are sorted by it; NULL for none. The text may be NULL. */
struct json_object *rows_search(const struct rows *rows, const char *key, const char *text);

#endif
