#include "kith/top_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith/value.h"

void top_id(struct json_object *row, char id[static TOP_TEXT_BYTES])
{
	static const char *const keys[] = {"nodeid", "address", "label", "one"};
	const char *text = NULL, *other = value_text(row, "other");
	double number;
	for (size_t i = 0; i < sizeof keys / sizeof *keys && text == NULL; i++)
		text = value_text(row, keys[i]);
	if (text == NULL && value_number(row, "number", &number))
		snprintf(id, TOP_TEXT_BYTES, "%.0f", number);
	else
		snprintf(id, TOP_TEXT_BYTES, "%s%s%s", text == NULL ? "" : text, other == NULL ? "" : " ",
			 other == NULL ? "" : other);
}

static bool is_a(struct json_object *row, const char *msgtype)
{
	const char *text = value_text(row, "msgtype");
	return text != NULL && strcmp(text, msgtype) == 0;
}

const char *top_state(struct json_object *row)
{
	const char *state = value_text(row, is_a(row, "problem") ? "kind" : "state");
	if (is_a(row, "event"))
		return "gone";
	return state == NULL ? "" : state;
}

/* ---- the order ---- */

struct place {
	struct json_object *row;
	size_t number_of_row;
	double number; /* of the column, or the rank of the state */
	bool has_number;
	const char *text, *first, *second; /* NULL for unknown */
};

struct order {
	const struct top_page_kind *page;
	size_t sort;
	bool is_reversed;
};

/* Problems come first. */
static int rank_of_state(struct json_object *row, const char *const *states)
{
	int rank = 0;
	while (states[rank] != NULL && strcmp(top_state(row), states[rank]) != 0)
		rank++;
	return rank;
}

static const char *text_of(struct json_object *row, const struct top_column *column)
{
	const char *text = value_text(row, column->key);
	return text == NULL && column->otherwise != NULL ? value_text(row, column->otherwise) : text;
}

static struct place place_of(struct json_object *row, const struct order *order)
{
	const struct top_column *columns = order->page->columns, *column = &columns[order->sort];
	struct place place = {.row = row, .first = text_of(row, &columns[0]), .second = text_of(row, &columns[1])};
	if (order->sort == order->page->state)
		place.number = rank_of_state(row, order->page->states);
	else if (!column->is_number)
		place.text = text_of(row, column);
	else
		place.has_number = value_number(row, column->key, &place.number) ||
				   (column->otherwise != NULL && value_number(row, column->otherwise, &place.number));
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
	if (order->sort == order->page->state)
		result = (one->number > other->number) - (one->number < other->number);
	else if (order->page->columns[order->sort].is_number)
		result = compare_numbers(one, other, &is_unknown);
	else
		result = compare_texts(one->text, other->text, &is_unknown);
	if (result != 0)
		return order->is_reversed && !is_unknown ? -result : result;
	result = compare_texts(one->first, other->first, &ignored);
	if (result == 0)
		result = compare_texts(one->second, other->second, &ignored);
	return result != 0 ? result : (one->number_of_row > other->number_of_row ? 1 : -1);
}

bool top_order(struct rows *rows, const struct top_page_kind *page, size_t sort, bool is_reversed)
{
	struct order order = {page, sort, is_reversed};
	struct place *places = rows->count == 0 ? NULL : calloc(rows->count, sizeof *places);
	if (places == NULL)
		return rows->count == 0;
	for (size_t i = 0; i < rows->count; i++) {
		places[i] = place_of(rows->list[i], &order);
		places[i].number_of_row = i;
	}
	qsort_r(places, rows->count, sizeof *places, compare, &order);
	for (size_t i = 0; i < rows->count; i++)
		rows->list[i] = places[i].row;
	free(places);
	return true;
}
