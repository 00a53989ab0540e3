/*
 * Changes: what has happened in the network since an earlier view: nodes that have come, fallen silent or gone, and
 * connections that have failed or are back. Of the earlier view only that is kept which changes can be told from.
 * Pure functions.
 *
 * Of nodes only those count whose report is known: what others say of the rest is too little.
 *
 * A connection counts as failed when both its nodes are still there CHANGES_SETTLE_US later: so the death of a node is
 * one change, and not one for each of its connections.
 */
#ifndef KITH_CHANGES_H
#define KITH_CHANGES_H

#include "mesh/view.h"

/* A node that falls silent is not given up by all at the same moment. */
#define CHANGES_SETTLE_US ((int64_t)3 * 1000 * 1000)

enum change_kind {
	CHANGE_NODE_UP,	  /* it is new, it is back, or it is heard again */
	CHANGE_NODE_LATE, /* all who are connected with it say that it is late */
	CHANGE_NODE_GONE, /* no connection leads to it, or it is out of reach */
	CHANGE_LINK_DOWN,
	CHANGE_LINK_UP, /* a connection that was told to be down */
};

struct change {
	enum change_kind kind;
	size_t node, other; /* places in the later view; other is SIZE_MAX for a change of a node */
	int64_t lasted_us;  /* how long what was before had lasted; -1 if unknown */
};

enum { CHANGES = 256 };

struct changes {
	struct change list[CHANGES]; /* those of nodes first */
	size_t count;
	size_t left_out;  /* that found no room */
	int64_t again_us; /* when to compare again although nothing has changed; FOREVER_US for never */
};

/* What is kept of a view; {0} before the first. */
struct changes_past {
	struct changes_node *nodes;    /* ordered by nodeid */
	struct changes_failed *failed; /* connections that count as failed */
	size_t node_count, failed_count;
};

/* Keeps this view in place of the one before. False if there is no memory: that one stays. */
bool changes_keep(struct changes_past *past, const struct view *view);
void changes_fini(struct changes_past *past);

/* Before the first view, every node that is there is new. This node itself is never among them. */
void changes_find(const struct changes_past *past, const struct view *now, struct changes *changes);

#endif
