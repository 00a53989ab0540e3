#include "kith/list.h"

#include <string.h>

static enum table_colour colour(struct json_object *row, const struct list_column *column)
{
	const char *state = value_text(row, "state");
	if (strcmp(column->key, "state") != 0 || state == NULL)
		return TABLE_NO_COLOUR;
	return strcmp(state, "ready") == 0 ? TABLE_GREEN : TABLE_YELLOW;
}

static const struct list_column columns[] = {
	{"NAME", "name", NULL, FORM_PLAIN, TABLE_SHRINKS, true, "the name that it gives itself"},
	{"NODEID", "nodeid", NULL, FORM_NODEID, 0, true, "its first eight digits; all of it with -r"},
	{"ADDRESS", "listen", "address", FORM_PLAIN, 0, true, "where it can be dialled"},
	{"REMOTE", "address", NULL, FORM_PLAIN, 0, false, "its end of the connection"},
	{"LOCAL", "local", NULL, FORM_PLAIN, 0, false, "this node's end of the connection"},
	{"HOST", "host", NULL, FORM_PLAIN, TABLE_SHRINKS, false, "the host name that was dialled"},
	{"DIR", "direction", NULL, FORM_PLAIN, 0, true, "in: it dialled this node; out: this node dialled it"},
	{"STATE", "state", NULL, FORM_PLAIN, 0, true, "dial, hello, ready or late"},
	{"PURPOSE", "purpose", NULL, FORM_PLAIN, 0, false, "why this node has dialled it"},
	{"RTT", "rtt_ms", NULL, FORM_RTT, TABLE_RIGHT, true, "the last round trip"},
	{"USUAL", "usual_rtt_ms", NULL, FORM_RTT, TABLE_RIGHT, false, "its round trips, smoothed"},
	{"LATE", "late_ms", NULL, FORM_RTT, TABLE_RIGHT, false, "for how long it has been silent, if it is late"},
	{"WAIT", "waiting_ms", NULL, FORM_RTT, TABLE_RIGHT, false, "for how long its ping has been unanswered"},
	{"HEARD", "heard_s", NULL, FORM_SECONDS, TABLE_RIGHT, false, "how long ago it was last heard from"},
	{"UP", "up_s", "age_s", FORM_SECONDS, TABLE_RIGHT, true, "how long it has been connected"},
	{"MSGS_IN", "messages_in", NULL, FORM_PLAIN, TABLE_RIGHT, false, "messages from it"},
	{"MSGS_OUT", "messages_out", NULL, FORM_PLAIN, TABLE_RIGHT, false, "messages to it"},
	{"BYTES_IN", "bytes_in", NULL, FORM_BYTES, TABLE_RIGHT, false, "bytes from it"},
	{"BYTES_OUT", "bytes_out", NULL, FORM_BYTES, TABLE_RIGHT, false, "bytes to it"},
	{"AGENT", "agent", NULL, FORM_PLAIN, TABLE_SHRINKS, true, "its program and version"},
	{.name = NULL},
};

const struct list list_peers = {
	.request = "peers",
	.row = "peer",
	.sort_keys = {"name"},
	.none = "no peers",
	.columns = columns,
	.colour = colour,
};
