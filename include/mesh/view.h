/*
 * A view: the whole network at one moment, as the reports tell it. Built from a snapshot of the reports, then
 * immutable; a value for one thread that the caller frees. Pure functions.
 *
 * Nodes are those with a report, and those that only others name ("no report": a node of version 0.1.0, or one whose
 * report has not come yet). Pairs are the links that at least one end reports up, and the ends and failures that a node
 * reports about another. A failure whose nodeid is unknown is about the node whose report says that it listens there,
 * if there is one such node.
 *
 * Within reach are this node, and each node that a path of links leads to. One end within reach says that it has the
 * link; it leads on to the other end if
 * - the end that says so is this node, which knows its own connections; or
 * - the other end has no report; or
 * - the other end's report has the link too; or
 * - a second node within reach says that it has a link to that node.
 * What a node said before it was gone leads nowhere: a node that hung, and goes on, still says that it has its links.
 * So nobody alone can end a node that others are still linked with. The other end's report may be an old one, and then
 * one liar could keep a node alive that is gone: it is doubted if this node, or two nodes within reach, have lost a
 * link to it for VIEW_DOUBT_US, and it still has that link. A node that is doubted needs two others within reach that
 * have a link to it, or this node.
 *
 * The end of a connection is remembered for forget_after, as this node has it.
 *
 * A report is current if its node is within reach. What others said last of themselves is told apart by the state of
 * its node: gone or out of reach.
 */
#ifndef KITH_VIEW_H
#define KITH_VIEW_H

#include "mesh/reports.h"

/* Longer than ping_interval and ping_timeout together, by default: after that a node knows which links it has lost. */
#define VIEW_DOUBT_US ((int64_t)120 * 1000 * 1000)
/* Of nodes without a report so many are in the view: those that the most others name. */
enum { VIEW_NAMED = 4096 };

enum node_state {
	NODE_ALIVE, /* within reach */
	NODE_LATE,  /* the same, but every current report that has a link to it says that it is late */
	NODE_GONE,  /* no way leads to it and nothing speaks for it: left, crashed or silent, as the reason says */
	/*
	 * Out of reach: by its last report it is linked with others that are out of reach, and their last reports agree
	 * (or there are none). Not one of which all who lost it say that its process is gone: left, closed, reset or
	 * refused.
	 */
	NODE_OUT_OF_REACH,
	NODE_STATES,
};

/* What one end says of the other. */
struct view_words {
	const struct report_link *link;	      /* NULL for none; all three are borrowed from the report */
	const struct report_end *end;	      /* NULL for none */
	const struct report_failure *failure; /* NULL for none; the longest, if there are several */
};

struct view_node {
	struct nodeid nodeid;
	const struct report *report; /* NULL for none */
	bool is_old;		     /* it was gone since that came */
	enum node_state state;
	/*
	 * Of one that is gone or out of reach: what most of those within reach say that were linked with it until the
	 * last link ended, or VIEW_DOUBT_US before. A link that was ended by choice counts only if there is no other.
	 */
	enum report_reason reason;
	/* It is in that state since then, as far as that can be told; -1 if unknown. Alive: since it was started. Late:
	 * since the last one missed it. Gone or out of reach: since the last link to it ended. */
	int64_t since_us;
	int64_t heard_us;	       /* when its report came; -1 without one */
	int64_t rtt_us;		       /* over the fewest links, of these the fastest path; -1 if unknown */
	unsigned hops;		       /* of that path; 0 for this node itself, and for one that is not within reach */
	size_t link_count;	       /* pairs of it that are up */
	size_t late_count;	       /* of those, where the other end says that it is late */
	const char *name;	       /* as it says itself, or "" */
	bool has_namesake;	       /* another node has the same name */
	const struct address *address; /* where it listens, as it says; NULL for unknown */
};

/* Two nodes of which at least one says something about the other; first < second as places in nodes. */
struct view_pair {
	size_t first, second;
	struct view_words words[2]; /* what first says of second, and what second says of first */
	bool is_up; /* both are within reach, or both out of reach; one has the link, and the other does not say that it
		     * ended
		     */
};

struct view {
	struct view_node *nodes; /* ordered by nodeid */
	struct view_pair *pairs; /* ordered by first, then second */
	size_t node_count, pair_count;
	size_t self; /* the place of this node */
	int64_t now_us;
	struct reports_snapshot reports; /* keeps what the pointers point to */
};

/* False if there is no memory. Takes the snapshot, also then. */
bool view_build(struct view *view, struct reports_snapshot *snapshot, const struct nodeid *self, int64_t now_us);
void view_free(struct view *view);

/* Tells the reports who is within reach and who is gone: reports_expire. */
void view_expire(const struct view *view, struct reports *reports);

/* SIZE_MAX for none. */
size_t view_find(const struct view *view, const struct nodeid *nodeid);
/* NULL if neither says anything of the other. */
const struct view_pair *view_find_pair(const struct view *view, size_t one, size_t other);
/* How people call it: its name, or the first 8 digits of its nodeid. Two with one name: "alpha (1a2b3c4d)". */
enum { VIEW_LABEL_BYTES = 96 };
void view_label(const struct view *view, size_t node, char out[static VIEW_LABEL_BYTES]);

const char *node_state_name(enum node_state state);

#endif
