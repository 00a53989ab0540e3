/* Which columns of a page of `kith top` fit into a terminal. A pure function. */
#ifndef KITH_TOP_LAYOUT_H
#define KITH_TOP_LAYOUT_H

#include "kith/top_pages.h"

enum { TOP_GAP = 2 }; /* cells between two columns */

struct top_layout {
	struct {
		size_t column;
		size_t width;
	} places[TOP_MOST_COLUMNS];
	size_t count;
};

/*
 * The most important columns of the page that fit into so many cells, and always the first; wants says how wide the
 * content of each is. What is left goes to the columns that want more than their least.
 */
struct top_layout top_layout(const struct top_page_kind *page, size_t cells, size_t sort,
			     const size_t wants[static TOP_MOST_COLUMNS]);

#endif
