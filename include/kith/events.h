/* Events of a node's journal as people read them. */
#ifndef KITH_EVENTS_H
#define KITH_EVENTS_H

#include "kith/table.h"
#include "wire/json.h"

struct event_words {
	const char *kind; /* as the node calls it */
	const char *word; /* as it is shown; either may be typed */
	enum table_colour colour;
};

extern const struct event_words event_words[];
extern const size_t event_words_count;

/* As the node calls it, of either form; the text itself for one that only a newer node knows. */
const char *event_kind(const char *text);

/*
 * What happened, without when, of which kind and to whom: "failed: connection closed without a bye (was up 12 d)". To
 * be freed; NULL if there is no memory.
 */
char *event_describe(struct json_object *row);
/* Whom it is about: a name, else an address, else the first digits of a nodeid; "" for this node. To be freed. */
char *event_subject(struct json_object *row);

/* The widths of the columns so far. */
struct event_columns {
	size_t kind_width, subject_width;
};

/* Prints a line to stdout. False if there is no memory. */
bool event_print(struct json_object *row, struct event_columns *columns);

#endif
