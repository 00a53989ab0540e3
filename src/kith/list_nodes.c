#include "kith/list.h"

#include <string.h>

static enum table_colour colour(struct json_object *row, const struct list_column *column)
{
	const char *state = value_text(row, "state");
	if (strcmp(column->key, "state") != 0 || state == NULL)
		return TABLE_NO_COLOUR;
	if (strcmp(state, "alive") == 0)
		return TABLE_GREEN;
	return strcmp(state, "late") == 0 ? TABLE_YELLOW : TABLE_RED;
}

static const struct list_column columns[] = {
	{"NAME", "name", NULL, FORM_PLAIN, TABLE_SHRINKS, true, "the name that it gives itself"},
	{"NODEID", "nodeid", NULL, FORM_NODEID, 0, true, "its first eight digits; all of it with -r"},
	{"ADDRESS", "address", "note", FORM_PLAIN, 0, true, "where it listens, as it says"},
	{"STATE", "state", NULL, FORM_PLAIN, 0, true, "alive, late, gone, or out_of_reach"},
	{"REASON", "reason", NULL, FORM_PLAIN, TABLE_SHRINKS, false, "how it went"},
	{"SEEN_BY", "seen_by", NULL, FORM_PLAIN, TABLE_RIGHT, true,
	 "how many nodes are connected with it, of how many others can tell"},
	{"LATE", "late_links", NULL, FORM_PLAIN, TABLE_RIGHT, false, "how many of those say that it is late"},
	{"RTT", "rtt_ms", NULL, FORM_RTT, TABLE_RIGHT, true,
	 "the round trip; of a node that is no peer, over the shortest way"},
	{"HOPS", "hops", NULL, FORM_PLAIN, TABLE_RIGHT, false, "connections on the way to it; 1 for a peer"},
	{"SINCE", "state_s", NULL, FORM_SINCE, 0, true, "since when it has been in that state"},
	{"UP", "up_s", NULL, FORM_SECONDS, TABLE_RIGHT, false, "how long its process has run"},
	{"REPORT", "report_s", NULL, FORM_AGO, TABLE_RIGHT, false, "when its last report came"},
	{"AGENT", "agent", NULL, FORM_PLAIN, TABLE_SHRINKS, false, "its program and version"},
	{"TAGS", "tags", NULL, FORM_PLAIN, TABLE_SHRINKS | LIST_HIDES_EMPTY, true, "its tags"},
	{.name = NULL},
};

const struct list list_nodes = {
	.request = "nodes",
	.row = "node",
	.sort_keys = {"name", "nodeid"},
	.none = "no nodes",
	.columns = columns,
	.colour = colour,
};
