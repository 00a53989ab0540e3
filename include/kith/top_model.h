/*
 * What `kith top` knows and shows: the last state of the node, which peers are listed in which order, which of them is
 * selected, and what a key does. It asks nobody and draws nothing (top_feed, top_view). A plain value; one thread.
 */
#ifndef KITH_TOP_MODEL_H
#define KITH_TOP_MODEL_H

#include <stdint.h>

#include "base/problem.h"
#include "kith/press.h"
#include "kith/status.h"
#include "kith/top_layout.h"
#include "kith/top_order.h"

enum { TOP_TEXT_BYTES = 128 };

struct top_model {
	struct status status;	   /* the last one that came whole; its events from all so far */
	char *status_text;	   /* of it, in lines; NULL before one has come */
	struct rows gone;	   /* of it */
	struct rows shown;	   /* the peers and the nodes that are gone, filtered and sorted */
	size_t wants[TOP_COLUMNS]; /* the widest content of the columns that grow */
	int64_t taken_us;	   /* when that was */
	double last_event;	   /* the number of the last event; 0 for none */
	bool lacks_memory;

	enum top_mode { TOP_LIST, TOP_SEARCH, TOP_STORY, TOP_HELP } mode;
	enum top_column sort;
	bool is_reversed;
	bool is_paused;
	char filter[TOP_TEXT_BYTES]; /* "" for none */
	size_t selected;	     /* of the shown ones */
	char selected_id[TOP_TEXT_BYTES];
	size_t first; /* the one in the first line of the list */
	size_t page;  /* how many lines the list has */

	char about[TOP_TEXT_BYTES]; /* whose story is told; "" for nobody's */
	struct rows facts;	    /* the story, as far as it is known */
	struct problem no_story;    /* why it can't be told; "" for nothing */
	size_t story_first, story_lines;

	struct problem trouble; /* with the node; "" for none */
};

void top_init(struct top_model *model);
void top_fini(struct top_model *model);

/*
 * Takes a state of the node, whose events are those since last_event. False if it is of another run of the node, and
 * its events are to be asked for again, from the beginning.
 */
bool top_take(struct top_model *model, struct status *status, int64_t now_us);
/* Takes the story of that node; of one that is no longer asked for, nothing. */
void top_take_story(struct top_model *model, const char *about, struct rows *facts, const struct problem *no_story);

enum top_wish {
	TOP_NOTHING,
	TOP_QUIT,
	TOP_REFRESH, /* ask the node now */
};

enum top_wish top_press(struct top_model *model, const struct press *press);

/* The list has that many lines: scrolls so that the selected one is among them. */
void top_scroll(struct top_model *model, size_t page);
/* What a row has in that column, for people. To be freed; NULL if there is no memory. */
char *top_cell(struct json_object *row, enum top_column column);

#endif
