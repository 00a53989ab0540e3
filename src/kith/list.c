#include "kith/list.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/must.h"
#include "kith/answer.h"
#include "kith/rows.h"

enum { MOST_COLUMNS = 64, NAME_BYTES = 64 };

/* The rows of the answer, and which columns of them are shown. */
struct listing {
	const struct list *list;
	const struct options *options;
	struct rows *rows;
	struct list_column columns[MOST_COLUMNS];
	size_t column_count;
	char names[MOST_COLUMNS][NAME_BYTES]; /* of keys that are shown as columns */
};

/* ---- which columns ---- */

static bool show(struct listing *listing, const struct list_column *column)
{
	if (listing->column_count == MOST_COLUMNS)
		return false;
	listing->columns[listing->column_count++] = *column;
	return true;
}

static const struct list_column *find_column(const struct list *list, const char *name)
{
	for (const struct list_column *column = list->columns; column->name != NULL; column++)
		if (strcasecmp(column->name, name) == 0)
			return column;
	return NULL;
}

static bool rows_have(const struct listing *listing, const char *key)
{
	for (size_t i = 0; i < listing->rows->count; i++)
		if (json_object_object_get_ex(listing->rows->list[i], key, NULL))
			return true;
	return false;
}

static bool is_empty(struct json_object *row, const char *key)
{
	struct json_object *value = NULL;
	return key == NULL || !json_object_object_get_ex(row, key, &value) || value == NULL ||
	       (json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0);
}

/* Scripts count on all usual columns. */
static bool is_hidden(const struct listing *listing, const struct list_column *column)
{
	if ((column->flags & LIST_HIDES_EMPTY) == 0 || option_is_given(listing->options, OPTION_RAW) ||
	    option_is_given(listing->options, OPTION_NO_HEADINGS))
		return false;
	for (size_t i = 0; i < listing->rows->count; i++)
		if (!is_empty(listing->rows->list[i], column->key) ||
		    !is_empty(listing->rows->list[i], column->otherwise))
			return false;
	return true;
}

static enum outcome complain_of_column(const struct list *list, const char *name)
{
	char names[PROBLEM_BYTES / 2] = "";
	size_t length = 0;
	for (const struct list_column *column = list->columns; column->name != NULL && length < sizeof names; column++)
		length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", length == 0 ? "" : ", ",
					   column->name);
	return complain(OUTCOME_WRONG_USAGE, "there is no column \"%s\"; there are %s, and the keys of the rows (-j)",
			name, names);
}

static enum outcome choose_column(struct listing *listing, const char *name, size_t length)
{
	char key[NAME_BYTES];
	snprintf(key, sizeof key, "%.*s", (int)length, name);
	const struct list_column *column = find_column(listing->list, key);
	struct list_column other = {.key = listing->names[listing->column_count % MOST_COLUMNS]};
	other.name = other.key;
	if (column == NULL) {
		if (!rows_have(listing, key))
			return complain_of_column(listing->list, key);
		if (listing->column_count < MOST_COLUMNS)
			strcpy(listing->names[listing->column_count], key);
		column = &other;
	}
	return show(listing, column) ? OUTCOME_DONE
				     : complain(OUTCOME_WRONG_USAGE, "-o has more than %d columns", MOST_COLUMNS);
}

static enum outcome choose_columns(struct listing *listing)
{
	const char *chosen = listing->options->values[OPTION_COLUMNS];
	if (chosen == NULL || chosen[0] == '+')
		for (const struct list_column *column = listing->list->columns; column->name != NULL; column++)
			if (column->is_usual && !is_hidden(listing, column))
				show(listing, column);
	if (chosen == NULL)
		return OUTCOME_DONE;
	enum outcome outcome = OUTCOME_DONE;
	chosen += chosen[0] == '+';
	while (outcome == OUTCOME_DONE) {
		size_t length = strcspn(chosen, ",");
		outcome = choose_column(listing, chosen, length);
		if (chosen[length] == '\0')
			break;
		chosen += length + 1;
	}
	return outcome;
}

/* ---- the table ---- */

static int compare_by(struct json_object *first, struct json_object *second, const char *key)
{
	const char *a = value_text(first, key), *b = value_text(second, key);
	/* What has none comes last. */
	if (a == NULL || b == NULL)
		return (a == NULL) - (b == NULL);
	return strverscmp(a, b);
}

static int compare_rows(const void *one, const void *other, void *argument)
{
	const struct list *list = argument;
	struct json_object *first = *(struct json_object *const *)one, *second = *(struct json_object *const *)other;
	int order = 0;
	for (size_t i = 0; i < LIST_SORT_KEYS && order == 0 && list->sort_keys[i] != NULL; i++)
		order = compare_by(first, second, list->sort_keys[i]);
	return order;
}

static void put_cell(struct table *table, const struct listing *listing, size_t column_number, struct json_object *row)
{
	const struct list_column *column = &listing->columns[column_number];
	bool is_raw = table->style.is_raw;
	char *text = value_format(row, column->key, column->form, is_raw);
	if (text != NULL && text[0] == '\0' && column->otherwise != NULL) {
		free(text);
		text = value_format(row, column->otherwise, column->form, is_raw);
	}
	table_own(table, column_number, text);
	if (listing->list->colour != NULL)
		table_colour(table, column_number, listing->list->colour(row, column));
}

static enum outcome print_table(const struct listing *listing)
{
	struct table table;
	const struct options *options = listing->options;
	const struct table_style style = {.is_raw = option_is_given(options, OPTION_RAW),
					  .has_no_headings = option_is_given(options, OPTION_NO_HEADINGS)};
	if (listing->rows->count == 0 && !style.is_raw && isatty(STDOUT_FILENO)) {
		puts(listing->list->none);
		return OUTCOME_DONE;
	}
	table_init(&table, &style);
	for (size_t i = 0; i < listing->column_count; i++)
		table_add_column(&table, listing->columns[i].name, listing->columns[i].flags);
	for (size_t i = 0; i < listing->rows->count; i++) {
		table_add_line(&table);
		for (size_t j = 0; j < listing->column_count && !table.lacks_memory; j++)
			put_cell(&table, listing, j, listing->rows->list[i]);
	}
	enum outcome outcome = table_print(&table);
	table_fini(&table);
	return outcome;
}

enum outcome list_show(const struct list *list, const struct options *options, struct rows *rows)
{
	struct listing listing = {.list = list, .options = options, .rows = rows};
	if (list->sort_keys[0] != NULL && rows->count > 0)
		qsort_r(rows->list, rows->count, sizeof(struct json_object *), compare_rows, (void *)list);
	enum outcome outcome = choose_columns(&listing);
	return outcome == OUTCOME_DONE ? print_table(&listing) : outcome;
}

enum outcome list_print(const struct list *list, const struct options *options, struct session *session)
{
	struct rows rows = {0};
	enum session_result result;
	bool is_json = option_is_given(options, OPTION_JSON);
	enum outcome outcome = OUTCOME_DONE;
	if (!session_ask(session, list->request))
		return session->outcome;
	while (outcome == OUTCOME_DONE && (result = session_expect(session)) == SESSION_ROW) {
		const char *row = value_text(session->row, "msgtype");
		if (is_json)
			answer_print_row(session);
		else if (row != NULL && strcmp(row, list->row) == 0 && !rows_add(&rows, session->row))
			outcome = complain_no_memory();
	}
	if (outcome == OUTCOME_DONE && result == SESSION_FAILED)
		outcome = session->outcome;
	if (outcome == OUTCOME_DONE && !is_json)
		outcome = list_show(list, options, &rows);
	rows_fini(&rows);
	return outcome;
}
