/*
 * A report: what one node says about itself. It names the node's connections, those that have ended, and what the node
 * fails to reach. A report is complete, or it has only the changes since an earlier one of the same node (its base).
 *
 * Times are moments of this node's monotonic clock. On the wire they are ages, so that nobody's wall clock matters.
 * What was before this machine has started is a moment below 0, or 0 where -1 means that there is none.
 *
 * A report is written by one thread, and immutable once others have it. It is counted: whoever keeps it holds it, and
 * the last release frees it. Pure functions; kith-protocol(7) describes the message.
 */
#ifndef KITH_REPORT_H
#define KITH_REPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/problem.h"
#include "wire/address.h"
#include "wire/nodeid.h"

struct json_object;

enum {
	REPORT_TEXT_BYTES = 65, /* name, agent, a tag: 64 bytes and a NUL */
	REPORT_LINKS = 600,	/* more than max_outbound and max_inbound are by default */
	REPORT_ENDS = 64,	/* the youngest are kept */
	REPORT_FAILURES = 32,	/* the longest are kept */
	REPORT_MENDED = 32,	/* the youngest are kept */
	REPORT_TAGS = 16,
	REPORT_DOUBLES = 4,
	REPORT_REFUSALS = 4,
};

/* 2^53: every program that reads JSON keeps whole numbers up to it. */
#define REPORT_SEQ_MOST INT64_C(9007199254740992)
/* An age is at most this: a hundred years. */
#define REPORT_AGE_US ((int64_t)36500 * 24 * 3600 * 1000 * 1000)

/* Why a connection has ended, or why a dial fails, as the one says who reports it. */
enum report_reason {
	REASON_OTHER,	    /* a word that this version does not know */
	REASON_LEFT,	    /* the far end said bye: it was stopped */
	REASON_REMOVED,	    /* one of both ends ended it by choice: a limit, an eviction, an operator, a double */
	REASON_CLOSED,	    /* the far end closed the connection without a bye: its process is gone */
	REASON_RESET,	    /* connection reset */
	REASON_SILENT,	    /* no answer to pings */
	REASON_TIMED_OUT,   /* nothing came back for a dial */
	REASON_REFUSED,	    /* connection refused: the machine is up, nobody listens on that port */
	REASON_UNREACHABLE, /* no route to it, or the network says that it is unreachable */
	REASON_FULL,	    /* a limit of the far end */
	REASON_NETWORK,	    /* it belongs to another network */
	REASON_SECRET,	    /* one of the two does not have the other's secret */
	REASON_PROTOCOL,    /* it broke the protocol, or is no kith node */
	REASON_SLOW,	    /* it does not read what it is sent */
	REASONS,
};

/* A connection that is up. */
struct report_link {
	struct nodeid nodeid;
	int64_t seq;	       /* of the report in which this entry has changed last */
	int64_t late_since_us; /* it owes an answer since then; -1 while it is not late */
	int32_t rtt_us;	       /* usual round trip; -1 if unknown */
	bool is_dialled;       /* by the node that reports */
};

/* A connection that was up. While the node is linked again there is no such entry. */
struct report_end {
	struct nodeid nodeid;
	int64_t seq;
	int64_t link_seq; /* seq of the link when it ended: a report with that number has the link */
	int64_t ended_us;
	enum report_reason reason;
	bool is_beginning; /* of a change: nodeid has only its first 4 bytes, and zeros */
};

/* An address that the node fails to reach: only attempts count. */
struct report_failure {
	struct address address;
	struct nodeid nodeid; /* who is expected there; may be none */
	int64_t seq;
	int64_t since_us;   /* the first failure in a row */
	int64_t last_us;    /* the last one */
	int64_t reached_us; /* when it was reached last; -1 for never */
	uint32_t tries;	    /* failures in a row */
	enum report_reason reason;
};

/* An address that is no failure any more: it is reached again, or the node has given it up. */
struct report_mended {
	struct address address;
	int64_t seq;
};

/* Two hosts that use one nodeid. */
struct report_double {
	struct nodeid nodeid;
	struct address one, other;
};

/* A host that was turned away again and again, since it does not have the secret of this network. */
struct report_refusal {
	struct address host; /* the port means nothing */
	int64_t since_us, last_us;
	uint32_t count;
};

/* Which report of a node is known. */
struct report_number {
	struct nodeid nodeid;
	int64_t seq;
};

/* What a change tells only if it has changed. */
enum report_fact {
	FACT_NAME,
	FACT_ADDRESS,
	FACT_TAGS,
	FACT_SKEW,
	FACT_STALLED,
	FACT_LATE_PEERS,
	FACT_DOUBLES,
	FACT_REFUSALS,
	REPORT_FACTS,
};

struct report {
	atomic_size_t references;
	size_t bytes;	      /* of memory */
	struct nodeid nodeid; /* whose it is; none in a message that came from that node itself */
	int64_t seq;
	int64_t base; /* only the changes since that one; 0 for a complete report */
	/* Of a complete one: changes since an earlier one than this can't be told from it. An entry of ends or of
	 * mended that is left out, because it is old or one too many, raises it to the entry's seq. */
	int64_t floor;
	/* This node did not hear of the reports between floor and this one, or others have made them up: changes since
	 * floor do not fit them. 0 for none. Of a change: it does not fit those between base and this one. */
	int64_t hole;
	int64_t fact_seq[REPORT_FACTS]; /* of the report in which each has changed last; 0: a change does not tell it */
	char name[REPORT_TEXT_BYTES], agent[REPORT_TEXT_BYTES]; /* "" for none */
	struct address address;					/* where it listens; may be unknown */
	int64_t started_us;
	int64_t clock_us;     /* its wall clock at the moment read_us, as its own words said; -1 if unknown */
	int64_t read_us;      /* of this node's monotonic clock */
	int64_t skew_ms;      /* it says that its wall clock is ahead of its peers' by so much; 0 for not */
	int64_t stalled_us;   /* it was stopped for so long last; 0 for never */
	int64_t stall_end_us; /* until then */
	uint32_t late_peers;  /* it accuses nobody: so many of its peers are late at once; 0 while that is not so */
	char (*tags)[REPORT_TEXT_BYTES];
	struct report_double *doubles;
	struct report_refusal *refusals;
	size_t tag_count, double_count, refusal_count;
	/* Ordered by nodeid, and by address (address_compare); no two alike. No end has a link, no mended a failure. */
	struct report_link *links;
	struct report_end *ends;
	struct report_failure *failures;
	/* A complete one has the last of them too: a change that is told from it names those with a number above its
	 * base. */
	struct report_mended *mended;
	size_t link_count, end_count, failure_count, mended_count;
};

/* An empty one with one reference, and room for so many of each. NULL if there is no memory. */
struct report_room {
	size_t tags, doubles, refusals, links, ends, failures, mended;
};
struct report *report_new(const struct report_room *room);
struct report *report_hold(struct report *report);
void report_release(struct report *report); /* accepts NULL */
/* Bytes of memory that it takes. */
size_t report_bytes(const struct report *report);
/* Puts the four lists of one that is being written in order, and leaves out what is not allowed in them. */
void report_order(struct report *report);
/* Leaves out what is too many of these lists: the oldest ends and mended addresses, the latest failures. */
void report_limit(struct report *report);

/* NULL if there is none with that nodeid, or address. */
const struct report_link *report_find_link(const struct report *report, const struct nodeid *nodeid);
const struct report_end *report_find_end(const struct report *report, const struct nodeid *nodeid);
const struct report_failure *report_find_failure(const struct report *report, const struct address *address);
/* It says that its link to that node is late, or has ended. Of a change, which may name it by its first bytes alone. */
bool report_misses(const struct report *report, const struct nodeid *nodeid);
/* It says that dials to that node fail. */
bool report_fails_to_reach(const struct report *report, const struct nodeid *nodeid);

/*
 * The complete report that comes of these two; change has a base, which is at most whole->seq, and whole->seq is less
 * than change->seq. What would be too many is left out. NULL if there is no memory.
 *
 * An end of the change that has only the beginning of a nodeid means the one node with that among those that are linked
 * by whole, or were.
 */
struct report *report_apply(const struct report *whole, const struct report *change);

/*
 * What a later complete report of the same node changes, as a change with that report's number; NULL if a change can't
 * say it, or there is no memory. If there were others in between it has a hole: what was different only there is not
 * told.
 */
struct report *report_difference(const struct report *before, const struct report *whole);
/* Do two complete reports of one node say the same of this? */
bool report_same_fact(const struct report *before, const struct report *whole, enum report_fact fact);
/* Can the change be applied to the complete report with this number? */
bool report_fits(const struct report *change, int64_t seq);

/*
 * Appends the message with its LF: complete, or only the changes since base where that is not 0 and report->floor <=
 * base < report->seq, and base is in no hole (else complete). is_own: by the node itself, to a peer of it: without its
 * nodeid, and a complete one with its clock (clock_us, -1 for none). A report that is itself a change is written as the
 * same change. False if there is no memory.
 */
struct report_words {
	int64_t base;
	int64_t now_us;
	int64_t clock_us;
	bool is_own;
};
bool report_write(const struct report *report, const struct report_words *words, struct buffer *out);

/*
 * Reads one from a message. False is a protocol error, or no memory, as with message_decode. Ages become moments before
 * now_us. Entries that no node could mean (a nil nodeid, an age below 0) are errors; what is too many is left out. All
 * entries have the report's seq, and its floor is its seq, or the base of a change.
 */
bool report_read(struct json_object *object, int64_t now_us, struct report **report, struct problem *problem);

/* As on the wire: "timed_out". */
const char *report_reason_name(enum report_reason reason);
/* For people: "timed out". */
const char *report_reason_words(enum report_reason reason);

#endif
