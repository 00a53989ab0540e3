#include "kith/list.h"

#include <string.h>

static enum table_colour colour(struct json_object *row, const struct list_column *column)
{
	bool is_set = value_text(row, "where") != NULL;
	return is_set && strcmp(column->key, "name") == 0 ? TABLE_GREEN : TABLE_NO_COLOUR;
}

static const struct list_column columns[] = {
	{"NAME", "name", NULL, FORM_PLAIN, 0, true, "kith.conf(5) explains it"},
	{"VALUE", "value", NULL, FORM_PLAIN, TABLE_SHRINKS, true, "as in the file"},
	{"DEFAULT", "default", NULL, FORM_PLAIN, TABLE_SHRINKS, false, "what it is if it is not set"},
	{"WHERE", "where", NULL, FORM_PLAIN, TABLE_SHRINKS, true, "where it was set; empty for the default"},
	{"RESTART", "needs_restart", NULL, FORM_YES, 0, false, "yes: a change needs a restart"},
	{.name = NULL},
};

const struct list list_settings = {
	.request = "settings",
	.row = "setting",
	.none = "no settings",
	.columns = columns,
	.colour = colour,
};
