#include "kith/list.h"

#include <string.h>

static enum table_colour colour(struct json_object *row, const struct list_column *column)
{
	double failures;
	if (strcmp(column->key, "connected") == 0)
		return TABLE_GREEN;
	if (strcmp(column->key, "error") != 0 || !value_number(row, "failures", &failures) || failures == 0)
		return TABLE_NO_COLOUR;
	return TABLE_YELLOW;
}

static const struct list_column columns[] = {
	{"ADDRESS", "address", NULL, FORM_PLAIN, 0, true, "where a node may listen"},
	{"NODEID", "nodeid", NULL, FORM_NODEID, 0, true, "of the node that was there, or is said to be"},
	{"KIND", "kind", NULL, FORM_PLAIN, 0, true, "tried: a node was reached there; new: hearsay"},
	{"UP", "connected", NULL, FORM_YES, 0, true, "yes: its node is connected"},
	{"DIALING", "dialing", NULL, FORM_YES, 0, false, "yes: it is being dialled"},
	{"BOOTSTRAP", "bootstrap", NULL, FORM_YES, 0, false, "yes: the settings name it"},
	{"TOLD_BY", "told_by", NULL, FORM_PLAIN, 0, false, "the host that told of it"},
	{"HEARD", "heard_s", NULL, FORM_AGO, TABLE_RIGHT, false, "when it was last heard of"},
	{"TRIED", "tried_s", NULL, FORM_AGO, TABLE_RIGHT, true, "when it was last dialled"},
	{"REACHED", "reached_s", NULL, FORM_AGO, TABLE_RIGHT, false, "when a dial last succeeded"},
	{"FAILURES", "failures", NULL, FORM_PLAIN, TABLE_RIGHT, true, "failed dials since the last success"},
	{"NEXT", "next_try_s", NULL, FORM_SECONDS, TABLE_RIGHT, true, "time until the next dial"},
	{"ERROR", "error", NULL, FORM_PLAIN, TABLE_SHRINKS, true, "why the last dial failed"},
	{.name = NULL},
};

const struct list list_addresses = {
	.request = "addresses",
	.row = "address",
	.sort_keys = {"address"},
	.none = "no addresses",
	.columns = columns,
	.colour = colour,
};
