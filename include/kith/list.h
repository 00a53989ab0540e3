/*
 * Lists: a request whose rows become a table. Each list_*.c has the columns of one. Any key of a row can be chosen as a
 * column too, so that what a newer node says can be seen.
 */
#ifndef KITH_LIST_H
#define KITH_LIST_H

#include "kith/options.h"
#include "kith/rows.h"
#include "kith/session.h"
#include "kith/table.h"
#include "kith/value.h"

/* A column that people don't see if it is empty. */
enum { LIST_HIDES_EMPTY = 1 << 8 };

enum { LIST_SORT_KEYS = 3 };

struct list_column {
	const char *name; /* NULL ends the columns */
	const char *key;
	const char *otherwise; /* the key that is shown if that one is unknown; NULL for none */
	enum value_form form;
	int flags;     /* of the table, and of the list */
	bool is_usual; /* shown unless others are chosen */
	const char *help;
};

struct list {
	const char *request;
	const char *row;		       /* the msgtype of the rows; others are ignored */
	const char *sort_keys[LIST_SORT_KEYS]; /* each among equal ones of those before; none for the order in which
						  they come */
	const char *none;		       /* what is said to a terminal if there are no rows */
	const struct list_column *columns;
	/* The colour of the cell in a usual column; NULL for none. */
	enum table_colour (*colour)(struct json_object *row, const struct list_column *column);
};

/* Asks for the rows, and prints them as the options say. */
enum outcome list_print(const struct list *list, const struct options *options, struct session *session);
/* Prints these rows, which it sorts. */
enum outcome list_show(const struct list *list, const struct options *options, struct rows *rows);

extern const struct list list_addresses, list_bans, list_links, list_nodes, list_peers, list_problems, list_settings;

#endif
