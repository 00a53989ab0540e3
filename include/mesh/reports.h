/*
 * The reports of all nodes that this node knows of, its own among them. The life of a report: a peer tells it, or this
 * node makes its own; it replaces the one before of the same node; it stays until a newer one comes, until its node has
 * been gone for forget_after, or until it has to give way because max_nodes are remembered.
 *
 * A report speaks about its sender only, so what is kept under a nodeid came from that node, or from a peer that says
 * so. While a node is a READY peer of this one, and can be heard, only its own words count.
 *
 * One object for the node, an array ordered by nodeid, under a mutex. Any thread may call; nothing blocks. Reports are
 * immutable, so whoever reads many takes references (reports_take_snapshot) and reads them without the lock.
 */
#ifndef KITH_REPORTS_H
#define KITH_REPORTS_H

#include "settings/settings.h"
#include "wire/report.h"

struct reports;

/* Borrows the settings (max_nodes, forget_after), read at each use. NULL if there is no memory. */
struct reports *reports_new(const struct settings *settings, const struct nodeid *self);
void reports_free(struct reports *reports);

enum reports_outcome {
	REPORTS_TAKEN,	 /* it is newer than what was known */
	REPORTS_OLD,	 /* as much or more was known */
	REPORTS_GAP,	 /* it does not fit what is known: the complete one is missing */
	REPORTS_EARLY,	 /* a peer that can be heard has not told this itself: only its own words count */
	REPORTS_REFUSED, /* not believed: the number is out of bounds, or there is no room */
	REPORTS_SELF,	 /* it is about this node, and newer than what this node has said: its number must rise */
	REPORTS_NO_MEMORY,
};

/* Who tells, and when. */
struct reports_teller {
	struct nodeid nodeid;
	bool is_origin;	     /* the report is its own */
	bool origin_is_peer; /* the node that it is about is a READY peer of this one, and can be heard */
	int64_t now_us;
	int64_t clock_us; /* the wall clock; -1 if unknown */
};

/*
 * Takes over a report as it was read, whatever comes of it: the caller's reference is gone. One that is a peer's own
 * needs no nodeid. A base is applied to what is known. With REPORTS_TAKEN *current is the complete report, held for
 * the caller; else it is NULL. *before is the number that was known, 0 for none.
 *
 * A number is believed up to a hundred years (in milliseconds) after now, by the wall clock, or after the beginning of
 * 2026 if that says less. So a wrong clock, here or there, silences nobody, and lies cannot exhaust the numbers of a
 * node: the highest one grows with time. A node itself is believed twice as far, so that it can go on above that.
 *
 * The word of a node about itself replaces what others have told of it, whatever their number. *before is then not
 * less than the number of *current.
 *
 * There is room for max_nodes, and for REPORTS_NODE_BYTES for each of them, all together. When it is used up, the one
 * that was heard longest ago gives way, of those that the teller with the most told. This node itself never gives way,
 * nor does a node that its own report is linked with, or one that has told its own report since that one was set.
 */
enum { REPORTS_NODE_BYTES = 8192 };
enum reports_outcome reports_take(struct reports *reports, struct report *report, const struct reports_teller *teller,
				  struct report **current, int64_t *before);
/* This node's own report, complete; holds it. False if there is no memory. */
bool reports_set_own(struct reports *reports, struct report *report, int64_t now_us);

/* The report of that node, held for the caller; NULL if there is none. */
struct report *reports_find(struct reports *reports, const struct nodeid *nodeid);
/* Forgets it, as an operator says. This node's own stays. */
void reports_forget(struct reports *reports, const struct nodeid *nodeid);
/* A node that is within reach, or gone. */
struct reports_sight {
	struct nodeid nodeid;
	bool is_gone;
};
/* What a node said before it was gone is old until it says more, or until it has been back for so long. */
#define REPORTS_OLD_US ((int64_t)5 * 1000 * 1000)
/*
 * Is told which nodes are within reach, and which are gone, ordered by nodeid (view_expire does that). Forgets those
 * that have been neither within reach nor heard for forget_after; of those that never were within reach, those that
 * were not heard for that long. Makes room, if max_nodes is lower than before.
 */
void reports_expire(struct reports *reports, const struct reports_sight *seen, size_t count, int64_t now_us);

/*
 * What a peer says of itself in its hello, which is all that is known of one that sends no reports. Kept until its
 * first report comes, of the last REPORTS_INTRODUCED of them.
 */
struct reports_introduced {
	struct nodeid nodeid;
	char name[REPORT_TEXT_BYTES]; /* "" for none */
	struct address address;	      /* where it listens, as it says; may be unknown */
};
enum { REPORTS_INTRODUCED = 256 };
void reports_introduce(struct reports *reports, const struct reports_introduced *introduced);

struct reports_entry {
	struct report *report; /* held */
	struct nodeid teller;  /* who told it last; itself for a peer */
	int64_t heard_us;      /* when it was told */
	int64_t reached_us; /* when it was last known to be within reach; if it is old, when it was back; -1 for never
			     */
	bool is_old;	    /* it was gone since it said this */
};

struct reports_snapshot {
	struct reports_entry *entries; /* ordered by nodeid; NULL if there is none, or no memory */
	size_t count;
	struct reports_introduced *introduced; /* the same */
	size_t introduced_count;
	int64_t forget_after_us; /* the setting */
};
struct reports_snapshot reports_take_snapshot(struct reports *reports);
void reports_release_snapshot(struct reports_snapshot *snapshot);
/* NULL for none. */
const struct reports_introduced *reports_find_introduced(const struct reports_snapshot *snapshot,
							 const struct nodeid *nodeid);

/* How many nodes are remembered, and the bytes of memory that they take. */
size_t reports_count(struct reports *reports, size_t *bytes);
/* Grows whenever anything changes. */
uint64_t reports_version(struct reports *reports);

/* ---- catching up ---- */

/*
 * What is known, as numbers that two nodes compare. SipHash-2-4 with a key of zeros divides the nodeids into
 * REPORTS_PARTS: the lowest 6 bits of the hash of a nodeid's 16 bytes. The sum of a part, modulo 2^64, is that of the
 * hashes of each nodeid's 16 bytes with the 8 bytes of its number after them, the highest first. Equal sums mean the
 * same reports.
 */
enum { REPORTS_PARTS = 64 };
void reports_sums(struct reports *reports, uint64_t sums[static REPORTS_PARTS]);
unsigned reports_part(const struct nodeid *nodeid);

/* Up to `most` of those in the parts of the mask (a bit for each), in the order of nodeids after *after, which moves
 * on; it starts as nodeid_none. How many were written. */
size_t reports_have(struct reports *reports, uint64_t parts, struct nodeid *after, struct report_number *have,
		    size_t most);
/* The number that is known of that node; 0 for none. */
int64_t reports_seq(struct reports *reports, const struct nodeid *nodeid);
/* It is later than what is known of that node, or its node says it and others a higher one; and believed. */
bool reports_lacks(struct reports *reports, const struct report_number *number, const struct reports_teller *teller);

#endif
