#include "kith/top_layout.h"

/* clang-format off */
const struct top_column_kind top_columns[TOP_COLUMNS] = {
	[TOP_NAME] = {"NAME", "name", "name", NULL, 8, 40, FORM_PLAIN, false, 'n'},
	[TOP_NODEID] = {"NODEID", "nodeid", "nodeid", NULL, 8, 8, FORM_NODEID, false, 'i'},
	[TOP_ADDRESS] = {"ADDRESS", "address", "listen", "address", 15, 47, FORM_PLAIN, false, 'a'},
	[TOP_DIRECTION] = {"DIR", "direction", "direction", NULL, 3, 3, FORM_PLAIN, false, 'd'},
	[TOP_STATE] = {"STATE", "state", "state", NULL, 5, 5, FORM_PLAIN, false, 's'},
	[TOP_RTT] = {"RTT", "rtt", "rtt_ms", NULL, 7, 7, FORM_RTT, true, 't'},
	[TOP_HEARD] = {"HEARD", "heard", "heard_s", "ago_s", 6, 6, FORM_SECONDS, true, 'e'},
	[TOP_UP] = {"UP", "up", "up_s", "age_s", 6, 6, FORM_SECONDS, true, 'u'},
	[TOP_BYTES_IN] = {"BYTES_IN", "bytes in", "bytes_in", NULL, 8, 8, FORM_BYTES, true, 'b'},
	[TOP_BYTES_OUT] = {"BYTES_OUT", "bytes out", "bytes_out", NULL, 9, 9, FORM_BYTES, true, 'o'},
	[TOP_AGENT] = {"AGENT", "agent", "agent", NULL, 11, 30, FORM_PLAIN, false, 'g'},
};
/* clang-format on */

/* The most important first. */
static const enum top_column by_importance[TOP_COLUMNS] = {
	TOP_NAME,      TOP_STATE, TOP_RTT,	TOP_ADDRESS,   TOP_UP,	  TOP_NODEID,
	TOP_DIRECTION, TOP_HEARD, TOP_BYTES_IN, TOP_BYTES_OUT, TOP_AGENT,
};

/* Takes the cells for one more column, if it fits. */
static void choose(enum top_column column, bool is_chosen[static TOP_COLUMNS], size_t *cells)
{
	size_t width = top_columns[column].least + TOP_GAP;
	if (is_chosen[column] || width > *cells)
		return;
	is_chosen[column] = true;
	*cells -= width;
}

static void widen(struct top_layout *layout, enum top_column column, size_t want, size_t *cells)
{
	const struct top_column_kind *kind = &top_columns[column];
	want = want > kind->most ? kind->most : want;
	for (size_t i = 0; i < layout->count; i++) {
		size_t *width = &layout->places[i].width;
		if (layout->places[i].column != column || want <= *width)
			continue;
		size_t more = want - *width > *cells ? *cells : want - *width;
		*width += more;
		*cells -= more;
	}
}

struct top_layout top_layout(size_t cells, enum top_column sort, const size_t wants[static TOP_COLUMNS])
{
	struct top_layout layout = {.count = 0};
	bool is_chosen[TOP_COLUMNS] = {false};
	if (cells < top_columns[TOP_NAME].least) {
		layout.places[0].column = TOP_NAME;
		layout.places[0].width = cells;
		layout.count = 1;
		return layout;
	}
	/* Before the first there is no gap. */
	cells += TOP_GAP;
	choose(TOP_NAME, is_chosen, &cells);
	choose(sort, is_chosen, &cells);
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		choose(by_importance[i], is_chosen, &cells);
	for (enum top_column column = 0; column < TOP_COLUMNS; column++) {
		if (!is_chosen[column])
			continue;
		layout.places[layout.count].column = column;
		layout.places[layout.count++].width = top_columns[column].least;
	}
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		widen(&layout, by_importance[i], wants[by_importance[i]], &cells);
	return layout;
}
