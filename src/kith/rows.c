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

static int compare_texts(const char *own, const char *text)
{
	return own == NULL || text == NULL ? (own != NULL) - (text != NULL) : strcmp(own, text);
}

/* What a row is compared by, looked up once: a sort looks at each row many times. */
struct place {
	struct json_object *row;
	const char *text;
	double number;
};

static int compare(const void *one, const void *other)
{
	const struct place *first = one, *second = other;
	int texts = compare_texts(first->text, second->text);
	return texts != 0 ? texts : (first->number > second->number) - (first->number < second->number);
}

bool rows_sort(struct rows *rows, const char *key, const char *number_key)
{
	struct place *places = rows->count == 0 ? NULL : calloc(rows->count, sizeof *places);
	if (places == NULL)
		return rows->count == 0;
	for (size_t i = 0; i < rows->count; i++) {
		places[i] = (struct place){.row = rows->list[i], .text = value_text(rows->list[i], key)};
		value_number(rows->list[i], number_key, &places[i].number);
	}
	qsort(places, rows->count, sizeof *places, compare);
	for (size_t i = 0; i < rows->count; i++)
		rows->list[i] = places[i].row;
	free(places);
	return true;
}

struct json_object *rows_search(const struct rows *rows, const char *key, const char *text)
{
	size_t from = 0, to = text == NULL ? 0 : rows->count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int result = compare_texts(value_text(rows->list[middle], key), text);
		if (result == 0)
			return rows->list[middle];
		if (result < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
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
