#include "kith/top_layout.h"

/* Takes the cells for one more column, if it fits. */
static void choose(const struct top_page_kind *page, size_t column, bool is_chosen[static TOP_MOST_COLUMNS],
		   size_t *cells)
{
	size_t width = page->columns[column].least + TOP_GAP;
	if (is_chosen[column] || width > *cells)
		return;
	is_chosen[column] = true;
	*cells -= width;
}

static void widen(struct top_layout *layout, const struct top_column *kind, size_t column, size_t want, size_t *cells)
{
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

struct top_layout top_layout(const struct top_page_kind *page, size_t cells, size_t sort,
			     const size_t wants[static TOP_MOST_COLUMNS])
{
	struct top_layout layout = {.count = 0};
	bool is_chosen[TOP_MOST_COLUMNS] = {false};
	if (cells < page->columns[0].least) {
		layout.places[0].width = cells;
		layout.count = 1;
		return layout;
	}
	/* Before the first there is no gap. */
	cells += TOP_GAP;
	choose(page, 0, is_chosen, &cells);
	choose(page, sort, is_chosen, &cells);
	for (size_t i = 0; i < page->column_count; i++)
		choose(page, page->by_importance[i], is_chosen, &cells);
	for (size_t column = 0; column < page->column_count; column++) {
		if (!is_chosen[column])
			continue;
		layout.places[layout.count].column = column;
		layout.places[layout.count++].width = page->columns[column].least;
	}
	for (size_t i = 0; i < page->column_count; i++) {
		size_t column = page->by_importance[i];
		widen(&layout, &page->columns[column], column, wants[column], &cells);
	}
	return layout;
}
