/*
 * What `kith top` tells of a line that was chosen: the story of a node or an address, what is between two nodes, or a
 * problem with the story of its nodes. A plain value.
 */
#ifndef KITH_TOP_STORY_H
#define KITH_TOP_STORY_H

#include "base/problem.h"
#include "kith/rows.h"
#include "kith/top_order.h"

/* Whose story it is: one node or address, or two nodes; "" for nobody's. */
struct top_about {
	char one[TOP_TEXT_BYTES], other[TOP_TEXT_BYTES];
};

struct top_story {
	struct top_about about;
	struct json_object *problem; /* NULL for none */
	bool is_over;		     /* the problem */
	struct rows facts;	     /* as far as they are known */
	struct problem no_story;     /* why it can't be told; "" for nothing */
};

/* For a row of that page. Holds it if it is a problem. */
void top_story_begin(struct top_story *story, struct json_object *row, enum top_page page);
void top_story_end(struct top_story *story);
/* Takes over what the problems say now of the one that is told. */
void top_story_renew(struct top_story *story, const struct rows *problems);
/* In lines. To be freed; NULL if there is no memory. */
char *top_story_tell(const struct top_story *story);

#endif
