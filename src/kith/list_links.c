#include "kith/list.h"

#include <string.h>

static enum table_colour colour(struct json_object *row, const struct list_column *column)
{
	const char *state = value_text(row, "state");
	if (strcmp(column->key, "state") != 0 || state == NULL)
		return TABLE_NO_COLOUR;
	if (strcmp(state, "up") == 0)
		return TABLE_GREEN;
	return strcmp(state, "down") == 0 ? TABLE_RED : TABLE_YELLOW;
}

static const struct list_column columns[] = {
	{"ONE", "one_name", "one", FORM_NAME, TABLE_SHRINKS, true, "a node: the one that was asked for, if one was"},
	{"OTHER", "other_name", "other", FORM_NAME, TABLE_SHRINKS, true, "the other node"},
	{"STATE", "state", NULL, FORM_PLAIN, 0, true, "up, late, one_way or fading (an end fails to dial), or down"},
	{"RTT", "rtt_ms", NULL, FORM_RTT, TABLE_RIGHT, true, "the usual round trip"},
	{"DIALLED", "dialled_by", NULL, FORM_PLAIN, 0, false, "who dialled: one or other"},
	{"DOWN", "down_s", NULL, FORM_SINCE, LIST_HIDES_EMPTY, true, "since when it has been down"},
	{"ONE_SAYS", "one_says", NULL, FORM_PLAIN, TABLE_SHRINKS | LIST_HIDES_EMPTY, true,
	 "what the one says of the other"},
	{"OTHER_SAYS", "other_says", NULL, FORM_PLAIN, TABLE_SHRINKS | LIST_HIDES_EMPTY, true,
	 "what the other says of the one"},
	{.name = NULL},
};

/* By chance of the alphabet, those that are down come first, and those that are up last. */
const struct list list_links = {
	.request = "links",
	.row = "link",
	.sort_keys = {"state", "one_name", "other_name"},
	.none = "no links",
	.columns = columns,
	.colour = colour,
};
