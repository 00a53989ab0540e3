#include "kith/top_order.h"

#include <stdlib.h>
#include <string.h>

#include "kith/value.h"

const char *top_id(struct json_object *row)
{
	static const char *const keys[] = {"nodeid", "address", "label"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (value_text(row, keys[i]) != NULL)
			return value_text(row, keys[i]);
	return "";
}

const char *top_state(struct json_object *row)
{
	const char *state = value_text(row, "state"), *msgtype = value_text(row, "msgtype");
	if (msgtype != NULL && strcmp(msgtype, "event") == 0)
		return "gone";
	return state == NULL ? "" : state;
}

/* ---- the order ---- */

struct place {
	struct json_object *row;
	double number; /* of the column, or the rank of the state */
	bool has_number;
	const char *text, *name, *id; /* NULL for unknown */
};

struct order {
	enum top_column sort;
	bool is_reversed;
};

/* Problems come first. */
static int rank_of_state(struct json_object *row)
{
	static const char *const states[] = {"gone", "late", "dial", "hello"};
	int rank = 0;
	while (rank < (int)(sizeof states / sizeof *states) && strcmp(top_state(row), states[rank]) != 0)
		rank++;
	return rank;
}

static const char *text_of(struct json_object *row, enum top_column column)
{
	const struct top_column_kind *kind = &top_columns[column];
	const char *text = value_text(row, kind->key);
	return text == NULL && kind->otherwise != NULL ? value_text(row, kind->otherwise) : text;
}

static struct place place_of(struct json_object *row, enum top_column sort)
{
	const struct top_column_kind *kind = &top_columns[sort];
	struct place place = {.row = row, .name = text_of(row, TOP_NAME), .id = top_id(row)};
	if (sort == TOP_STATE)
		place.number = rank_of_state(row);
	else if (!kind->is_number)
		place.text = text_of(row, sort);
	else
		place.has_number = value_number(row, kind->key, &place.number) ||
				   (kind->otherwise != NULL && value_number(row, kind->otherwise, &place.number));
	return place;
}

static int compare_numbers(const struct place *one, const struct place *other, bool *is_unknown)
{
	*is_unknown = !one->has_number || !other->has_number;
	return *is_unknown ? (int)other->has_number - (int)one->has_number
			   : (one->number < other->number) - (one->number > other->number);
}

static int compare_texts(const char *one, const char *other, bool *is_unknown)
{
	*is_unknown = one == NULL || other == NULL;
	return *is_unknown ? (one == NULL) - (other == NULL) : strverscmp(one, other);
}

static int compare(const void *first, const void *second, void *context)
{
	const struct place *one = first, *other = second;
	const struct order *order = context;
	bool is_unknown = false, ignored;
	int result;
	if (order->sort == TOP_STATE)
		result = (one->number > other->number) - (one->number < other->number);
	else if (top_columns[order->sort].is_number)
		result = compare_numbers(one, other, &is_unknown);
	else
		result = compare_texts(one->text, other->text, &is_unknown);
	if (result != 0)
		return order->is_reversed && !is_unknown ? -result : result;
	result = compare_texts(one->name, other->name, &ignored);
	return result != 0 ? result : strcmp(one->id, other->id);
}

bool top_order(struct rows *rows, enum top_column sort, bool is_reversed)
{
	struct order order = {sort, is_reversed};
	struct place *places = rows->count == 0 ? NULL : calloc(rows->count, sizeof *places);
	if (places == NULL)
		return rows->count == 0;
	for (size_t i = 0; i < rows->count; i++)
		places[i] = place_of(rows->list[i], sort);
	qsort_r(places, rows->count, sizeof *places, compare, &order);
	for (size_t i = 0; i < rows->count; i++)
		rows->list[i] = places[i].row;
	free(places);
	return true;
}
