/*
 * Inside the view: how it is built, in three steps. Who is there (view_nodes.c), and who says what of whom
 * (view_words.c); who is within reach (view_reach.c); in which state the others are, and how far each is
 * (view_states.c).
 */
#ifndef KITH_VIEW_PRIV_H
#define KITH_VIEW_PRIV_H

#include "mesh/view.h"

/* Finds the place of a nodeid: those that begin alike are next to each other. */
struct view_index {
	struct nodeid *nodeids; /* in order */
	size_t count;
	uint32_t *starts; /* where those with each beginning start */
	unsigned shift;	  /* so many of the first 16 bits are not in the beginning */
};

/* A node that says that it listens there. */
struct view_listener {
	struct address address;
	const struct nodeid *nodeid; /* NULL for several */
};

/* What one node says of another. */
struct view_saying {
	uint32_t by, about; /* places in nodes */
	uint32_t pair;	    /* the place in pairs */
	struct view_words words;
};

/* What is needed while a view is built. The list of the node n is from first[n] to before first[n + 1]. */
struct view_work {
	struct view *view;
	struct view_index index;
	struct view_listener *listeners; /* ordered by address */
	size_t listener_count;
	struct view_saying *sayings; /* ordered by who says it, then whom it is about */
	size_t *first;
	uint32_t *heard; /* places in sayings: what is said of a node, ordered by who says it */
	size_t *heard_first;
	bool *is_reached;
};

/* These return false if there is no memory; then and otherwise view_work_fini frees what they have made. */
/* The view's nodes, without their states, and its pairs. */
bool view_gather(struct view_work *work, const struct nodeid *self);
bool view_find_nodes(struct view_work *work, const struct nodeid *self);
bool view_find_reached(struct view_work *work);
bool view_find_states(struct view_work *work);
bool view_find_paths(struct view_work *work);
void view_work_fini(struct view_work *work);

/*
 * Whether the end of a connection still says something. The node that told it forgets it after forget_after, and does
 * not tell others that.
 */
bool view_remembers(const struct view_work *work, const struct report_end *end);
/* SIZE_MAX for none. */
size_t view_place_of(const struct view_work *work, const struct nodeid *nodeid);
/* Of the node that the failure is about. */
size_t view_place_at(const struct view_work *work, const struct report_failure *failure);

#endif
