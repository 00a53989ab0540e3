/*
 * What `kith top` knows and shows: the last state of the node, which page of it is shown, in which order, which of its
 * rows is selected. It asks nobody and draws nothing (top_feed, top_view), and top_keys changes it. A plain value; one
 * thread.
 */
#ifndef KITH_TOP_MODEL_H
#define KITH_TOP_MODEL_H

#include <stdint.h>

#include "base/problem.h"
#include "kith/status.h"
#include "kith/top_layout.h"
#include "kith/top_order.h"
#include "kith/top_story.h"

/* How the user has left a page. */
struct top_place {
	size_t sort;
	bool is_reversed;
	size_t selected; /* of the shown rows */
	char selected_id[TOP_TEXT_BYTES];
	size_t first; /* the row in the first line of the list */
};

struct top_model {
	struct status status;		/* the last one that came whole; its events from all so far */
	enum top_page status_page;	/* for which page it was asked for */
	char *status_text;		/* of it, in lines; NULL before one has come */
	struct rows gone;		/* of it */
	struct rows shown;		/* those of the page, filtered and sorted */
	size_t all;			/* how many there are without a filter */
	size_t wants[TOP_MOST_COLUMNS]; /* the widest content of the columns that grow */
	int64_t taken_us;		/* when that was */
	double taken_s;			/* the same, since 1970 */
	double last_event;		/* the number of the last event; 0 for none */
	bool lacks_memory;

	enum top_mode { TOP_LIST, TOP_SEARCH, TOP_STORY, TOP_HELP } mode;
	enum top_page page;
	struct top_place places[TOP_PAGES];
	bool is_paused;
	char filter[TOP_TEXT_BYTES]; /* "" for none */
	size_t height;		     /* how many lines the list has */

	struct top_story story;
	char *story_text; /* of it, in lines; NULL if none is told */
	size_t story_first, story_lines;

	struct problem trouble; /* with the node; "" for none */
};

void top_init(struct top_model *model);
void top_fini(struct top_model *model);

/*
 * Takes a state of the node, which was asked for to show that page, and whose events are those since last_event. False
 * if the node is to be asked again at once: it is another run of it, whose events are needed from their beginning, or
 * another page is shown by now.
 */
bool top_take(struct top_model *model, struct status *status, enum top_page page, int64_t now_us);
/* Takes a story; one that is no longer asked for is dropped. */
void top_take_story(struct top_model *model, const struct top_about *about, struct rows *facts,
		    const struct problem *no_story);

/* What the page lists, and how it is sorted and selected. */
const struct top_page_kind *top_page_kind(const struct top_model *model);
struct top_place *top_place(struct top_model *model);
/* Has what the page lists come yet? */
bool top_has_page(const struct top_model *model);

/* The list has that many lines: scrolls so that the selected one is among them. */
void top_scroll(struct top_model *model, size_t height);
/* What a row has in that column of the page, for people. To be freed; NULL if there is no memory. */
char *top_cell(const struct top_model *model, struct json_object *row, size_t column);

#endif
