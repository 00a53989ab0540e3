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

struct order {
	const char *key, *number_key;
};

static int compare_texts(struct json_object *row, const char *key, const char *text)
{
	const char *own = value_text(row, key);
	return own == NULL || text == NULL ? (own != NULL) - (text != NULL) : strcmp(own, text);
}

static int compare(const void *one, const void *other, void *argument)
{
	const struct order *order = argument;
	struct json_object *first = *(struct json_object *const *)one, *second = *(struct json_object *const *)other;
	double first_number, second_number;
	int texts = compare_texts(first, order->key, value_text(second, order->key));
	value_number(first, order->number_key, &first_number);
	value_number(second, order->number_key, &second_number);
	return texts != 0 ? texts : (first_number > second_number) - (first_number < second_number);
}

void rows_sort(struct rows *rows, const char *key, const char *number_key)
{
	struct order order = {key, number_key};
	if (rows->count > 0)
		qsort_r(rows->list, rows->count, sizeof(struct json_object *), compare, &order);
}

struct json_object *rows_search(const struct rows *rows, const char *key, const char *text)
{
	size_t from = 0, to = text == NULL ? 0 : rows->count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int result = compare_texts(rows->list[middle], key, text);
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
