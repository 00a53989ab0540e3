/*
 * The state of a node in a few lines, problems first, made from the rows of several answers. Plain values; one thread.
 */
#ifndef KITH_STATUS_H
#define KITH_STATUS_H

#include <stdio.h>

#include "kith/rows.h"
#include "kith/session.h"

struct status {
	struct json_object *info; /* NULL before it has come */
	struct rows peers, addresses;
	struct rows events;	  /* of peers that came and went */
	struct rows problems;	  /* of the network */
	struct rows nodes, links; /* of the network; empty unless asked for */
	bool lacks_memory;
};

void status_fini(struct status *status);
/* Holds a row of info, peers, addresses, problems, nodes, links or watch, and ignores any other. */
void status_take(struct status *status, struct json_object *row);

/* Asks for the peers with only those keys that the status is made of: of 16,000, all keys take seconds to read. */
bool status_ask_for_peers(struct session *session);

/* Is it a peer? What is being closed is one no more. */
bool status_is_ready(struct json_object *peer);
/* Does it owe an answer for longer than its round trips explain? */
bool status_is_late(struct json_object *peer);

/* Adds the events with which nodes broke off or fell silent that are not back, the last one first. False if there is no
 * memory. */
bool status_find_gone(const struct status *status, struct rows *gone);

/* Prints it; status_print_head the first line alone. False if there is no memory. */
bool status_print(FILE *out, struct status *status);
void status_print_head(FILE *out, struct json_object *info);

#endif
