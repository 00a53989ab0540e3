/* The columns of `kith top`, and which of them fit into a terminal. Pure functions. */
#ifndef KITH_TOP_LAYOUT_H
#define KITH_TOP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "kith/value.h"

/* From left to right. */
enum top_column {
	TOP_NAME,
	TOP_NODEID,
	TOP_ADDRESS,
	TOP_DIRECTION,
	TOP_STATE,
	TOP_RTT,
	TOP_HEARD,
	TOP_UP,
	TOP_BYTES_IN,
	TOP_BYTES_OUT,
	TOP_AGENT,
	TOP_COLUMNS,
};

struct top_column_kind {
	const char *heading;
	const char *words;     /* what it is called in a sentence */
	const char *key;       /* of the row */
	const char *otherwise; /* the key if that is unknown, or NULL */
	size_t least, most;    /* cells */
	enum value_form form;
	bool is_number; /* right-aligned, and sorted from the highest at first */
	char letter;	/* the key that sorts by it; '\0' for none */
};

extern const struct top_column_kind top_columns[TOP_COLUMNS];

enum { TOP_GAP = 2 }; /* cells between two columns */

struct top_layout {
	struct {
		enum top_column column;
		size_t width;
	} places[TOP_COLUMNS];
	size_t count;
};

/*
 * The most important columns that fit into so many cells, and always a name; wants says how wide the content of each
 * is. What is left goes to the columns that want more than their least.
 */
struct top_layout top_layout(size_t cells, enum top_column sort, const size_t wants[static TOP_COLUMNS]);

#endif
