#include "kith/rows.h"

#include <stdlib.h>
#include <string.h>

#include "kith/value.h"

void rows_fini(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		json_object_put(rows->list[i]);
	free(rows->list);
	*rows = (struct rows){0};
}

bool rows_add(struct rows *rows, struct json_object *row)
{
	if (rows->count == rows->capacity) {
		size_t capacity = rows->capacity == 0 ? 64 : 2 * rows->capacity;
		struct json_object **grown = reallocarray(rows->list, capacity, sizeof(struct json_object *));
		if (grown == NULL)
			return false;
		rows->list = grown;
		rows->capacity = capacity;
	}
	rows->list[rows->count++] = json_object_get(row);
	return true;
}

struct json_object *rows_find(const struct rows *rows, const char *key, const char *text)
{
	for (size_t i = 0; i < rows->count && text != NULL; i++) {
		const char *other = value_text(rows->list[i], key);
		if (other != NULL && strcmp(text, other) == 0)
			return rows->list[i];
	}
	return NULL;
}
