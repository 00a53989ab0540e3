/* What the files of stories share: story.c tells of one node, story_between.c of two. */
#ifndef KITH_STORY_PRIV_H
#define KITH_STORY_PRIV_H

#include "kith/story.h"

bool story_is_fact(struct json_object *row, const char *fact);
/* Text of the node, as it can be shown. */
void story_print_clean(FILE *out, const char *text);
/* A line for an event. False if there is no memory. */
bool story_print_event(FILE *out, struct json_object *row);
/* Is it the event of a problem that is among the facts itself? */
bool story_is_known(const struct rows *facts, struct json_object *event);
/* The sentence of a problem, and what to check; or that alone. */
void story_print_problem(FILE *out, struct json_object *problem);
void story_print_advice(FILE *out, struct json_object *problem);

#endif
