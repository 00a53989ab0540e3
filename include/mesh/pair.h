/*
 * What is between two nodes: how their pair is, and what each end says of the other in words. Pure functions of a view.
 */
#ifndef KITH_PAIR_H
#define KITH_PAIR_H

#include "mesh/view.h"

enum pair_state {
	PAIR_UP,
	PAIR_LATE,    /* it is connected, and an end has heard nothing for too long */
	PAIR_ONE_WAY, /* it is connected, and one end fails to dial the other */
	PAIR_FADING,  /* it is connected, and neither end can dial the other */
	PAIR_DOWN,    /* it is not connected, though an end tries, or had a connection that failed */
	PAIR_APART,   /* it is not connected, and nothing is wrong with that: one of the two is gone, or wanted it so */
	PAIR_STATES,
};

enum pair_state pair_state(const struct view *view, const struct view_pair *pair);
/* As it is sent: "one_way". */
const char *pair_state_name(enum pair_state state);

/* Since when it is PAIR_DOWN; -1 if it is not. */
int64_t pair_down_since(const struct view *view, const struct view_pair *pair);
/* How many pairs of the view are PAIR_DOWN. */
size_t pair_count_down(const struct view *view);

/*
 * What the end (0 or 1) says of the other: "timed out, 9 times, last 40 s ago". "" for nothing, or only that they are
 * connected, where they are.
 */
enum { PAIR_WORDS_BYTES = 192 };
void pair_say(const struct view *view, const struct view_pair *pair, int end, char out[static PAIR_WORDS_BYTES]);

#endif
