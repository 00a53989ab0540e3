/* The pages of `kith top`: which rows each lists, and in which columns. Constants. */
#ifndef KITH_TOP_PAGES_H
#define KITH_TOP_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "kith/value.h"

/* In the order of their keys, which are the digits from 1. */
enum top_page { TOP_PEERS, TOP_NODES, TOP_LINKS, TOP_PROBLEMS, TOP_PAGES };

struct top_column {
	const char *heading;
	const char *words;     /* what it is called in a sentence */
	const char *key;       /* of the row */
	const char *otherwise; /* the key if that is unknown, or NULL */
	size_t least, most;    /* cells */
	enum value_form form;
	bool is_number; /* right-aligned, and sorted from the highest at first */
	char letter;	/* the key that sorts by it; '\0' for none */
};

enum { TOP_MOST_COLUMNS = 14 };

struct top_page_kind {
	const char *word; /* what it lists, as in the last line */
	const struct top_column *columns;
	size_t column_count;
	const unsigned char *by_importance; /* their numbers; those that don't fit are left out from the end */
	size_t state;			    /* the column that says how a row is */
	const char *const *states;	    /* its words with problems first; NULL ends them */
	size_t sort;			    /* by which column at first */
};

extern const struct top_page_kind top_pages[TOP_PAGES];

#endif
