/*
 * Reporting: this node tells its peers about itself, passes on what other nodes say of themselves, and catches up with
 * what it has missed. What all nodes say is kept in the table of reports (mesh/reports.h); here is how it travels.
 *
 * The life of this node's own report. What it says changes in many threads: a peer becomes READY, ends, or is late; a
 * dial fails. They note what the registry and the address book will not tell later (reporting_noted.c), and call
 * reporting_changed. REPORTING_DELAY_US later, or when no more peers come, the connector's thread looks: it walks the
 * registry, and compares what it finds with the report before (reporting_own.c). What differs gets the next number.
 * Then each READY peer is told what it lacks: one that was told nothing yet gets a complete report, others the changes
 * since what they were told last (reporting_tell.c). The next round waits until the bytes of this one are paid.
 *
 * The life of another node's report. A reader takes it into the table, and if it is news, leaves a mark: "the report of
 * that node is to be passed on, from this number on". The connector's thread passes it on to peers that are not linked
 * with that node, within report_rate, the newest first (reporting_relay.c).
 *
 * Catching up. Two peers compare what they know (`reports`) as soon as each has a report of the other, and so do a node
 * and a random peer now and then (reporting_catchup.c). What a peer has, and this node lacks, is wanted: the
 * connector's thread asks for it (`getreport`), each peer for other reports (reporting_wanted.c). A reader answers such
 * a question at once, within what the peer and the node may still send, and else not at all: the other end asks again,
 * or somebody else.
 *
 * One object for the node. Readers and pingers note, mark, take and answer; the connector's thread alone tells, passes
 * on and asks. Under the mutex nothing is sent.
 */
#ifndef KITH_REPORTING_PRIV_H
#define KITH_REPORTING_PRIV_H

#include <stdatomic.h>

#include "base/keyed_table.h"
#include "base/token_bucket.h"
#include "mesh/reports.h"
#include "talk/protocol_priv.h"

/* From the first change to the look; the same for reports that are passed on. */
#define REPORTING_DELAY_US ((int64_t)100 * 1000)
/*
 * While peers keep coming to a node that has just started, the look waits until none has come for so long, but not
 * beyond this time after the start: reports would take the time that connections need, and be told again at once. Later
 * nobody can delay what others are told.
 */
#define REPORTING_ARRIVALS_US ((int64_t)300 * 1000)
#define REPORTING_ARRIVALS_MOST_US ((int64_t)2000 * 1000)
/* A peer that could not be told is told after this. */
#define REPORTING_AGAIN_US ((int64_t)500 * 1000)
/* From one round of the own report to the next: a newcomer makes its connections one after the other. */
#define REPORTING_ROUND_US ((int64_t)1000 * 1000)
/* A round trip that is off by half for so long is told; the first one after this, or with anything else before. */
#define REPORTING_RTT_US ((int64_t)60 * 1000 * 1000)
#define REPORTING_FIRST_RTT_US ((int64_t)20 * 1000 * 1000)
#define REPORTING_SETTLE_US ((int64_t)300 * 1000 * 1000)
/* Nobody minds less. */
enum { REPORTING_RTT_LEAST_US = 1000 };
/*
 * Round trips of busy machines are off again and again. They may cost so many bytes a second, counted for all nodes
 * that hear of them. A difference that matters waits for no budget.
 */
enum { REPORTING_RTT_BYTES_PER_S = 32, REPORTING_RTT_MATTERS_US = 100 * 1000 };
/* Nothing may have been noted, and something may be different: a round trip, a clock. */
#define REPORTING_LOOK_US ((int64_t)10 * 1000 * 1000)
/*
 * A late peer is told when it would have been gone for so long, if it were its node that is gone. If another node has
 * heard it after this one had waited REPORTING_HEARD_US, the connection is broken, and that is told when it was silent
 * for two fifths of silent_after; at once, if the far end or another connection is known to be late: it is part of the
 * same.
 */
#define REPORTING_LATE_US ((int64_t)1000 * 1000)
#define REPORTING_HEARD_US ((int64_t)1000 * 1000)
/* So often it is looked whether another node has heard it. */
#define REPORTING_HEARD_LOOK_US ((int64_t)500 * 1000)
/* A failure is told when it is so old, and has happened again. */
#define REPORTING_FAILING_US ((int64_t)2 * 1000 * 1000)
enum { REPORTING_TRIES = 2 };
/* Failures with more time between them are not in a row: the address was given up meanwhile. */
#define REPORTING_ROW_US ((int64_t)2 * 3600 * 1000 * 1000)
/* If nobody is linked with the node, within this time, at random, and only if nobody else has told it. */
#define REPORTING_SPREAD_LEAST_US ((int64_t)5 * 1000 * 1000)
#define REPORTING_SPREAD_MOST_US ((int64_t)30 * 1000 * 1000)
/* A host is told of that was turned away so often, with less than this between two times. */
#define REPORTING_REFUSALS_US ((int64_t)600 * 1000 * 1000)
enum { REPORTING_REFUSALS = 10 };
/* Two hosts with one nodeid are told of when the second has come so often. */
enum { REPORTING_DOUBLES = 4 };
/*
 * Both have stopped when nothing came for twice the usual time between two tries, and a little more: a dial that fails
 * is tried again after up to twice the wait before, or after retry_max, and each wait varies by a quarter. No wait is
 * thought to be longer than two minutes (retry_max is one, by default).
 */
#define REPORTING_STOPPED_US ((int64_t)3 * 1000 * 1000)
#define REPORTING_STOPPED_LEAST_US ((int64_t)8 * 1000 * 1000)
#define REPORTING_TRY_MOST_US ((int64_t)120 * 1000 * 1000)
/* The wall clock is told to be wrong from this on, and to be right again below half of it. */
#define REPORTING_SKEW_US ((int64_t)2 * 1000 * 1000)
enum { REPORTING_SKEW_WITNESSES = 3 };
/*
 * A relay goes to this many peers at most, less those that are known to have it; but to so many at least. Who misses a
 * change notices it with the next one of the same node, or when it compares; of a node that is new there may be none.
 */
enum { REPORTING_TARGETS = 6, REPORTING_CHANGE_TARGETS = 4, REPORTING_LEAST_TARGETS = 2 };
/*
 * A peer with so many links or fewer is told besides, while more than half of the bucket is left: where a few nodes
 * have most links, it is unlikely that one of these few chooses it.
 */
enum { REPORTING_FEW_WAYS = 6 };
/*
 * Between two comparisons with a peer that is left out again and again: it hears one in 5 s
 * (ALLOWANCE_COMPARISONS_PER_S), and each of these brings an answer that it is to hear too.
 */
#define REPORTING_MAKE_UP_US ((int64_t)10 * 1000 * 1000)
/* report_rate is a bucket of so many seconds. Own reports have REPORTING_OWN_SHARE times report_rate: as much for those
 * that have come, and as much for the others. */
enum { REPORTING_BURST_S = 8, REPORTING_OWN_SHARE = 4 };
/* This part of report_rate is for answers, however much is to be passed on. */
enum { REPORTING_ANSWER_PART = 4 };
/* So many hosts that ask are told apart, and each is one that asks for so long. */
enum { REPORTING_ASKERS = 16 };
#define REPORTING_ASKER_US ((int64_t)10 * 1000 * 1000)
/* So many nodes or fewer are told by number, more by sums. */
enum { REPORTING_FEW_NODES = 32 };
/* Between two comparisons with a random peer; shorter after one that has found a difference. */
#define REPORTING_COMPARE_LEAST_US ((int64_t)30 * 1000 * 1000)
#define REPORTING_COMPARE_MOST_US ((int64_t)300 * 1000 * 1000)
#define REPORTING_COMPARE_SOON_US ((int64_t)5 * 1000 * 1000)
/* What is known, but not as it is now, is asked for after this: mostly somebody passes it on before. */
#define REPORTING_PATIENCE_US ((int64_t)4 * 1000 * 1000)
/*
 * Who is asked for reports has stopped answering when nothing came for REPORTING_STALL_US and a round trip: it sends no
 * more now, since it limits that. Then others are asked for the rest, and it for as many as it sent. If it sent none,
 * the wait doubles; after REPORTING_SILENCES of these it is no longer thought to have what it was asked for.
 */
#define REPORTING_STALL_US ((int64_t)1000 * 1000)
enum { REPORTING_SILENCES = 3 };
/* So many it is asked for at first. */
enum { REPORTING_WINDOW = 16 };
/* Nobody else is asked for a report before this, unless its teller has stopped answering. */
#define REPORTING_ANSWER_US ((int64_t)5 * 1000 * 1000)
/* What so many peers have is no news for the others. */
enum { REPORTING_MANY_TELLERS = 3 };
enum {
	REPORTING_TELLERS = 8,	    /* that are remembered to have a report that is wanted */
	REPORTING_NOTED_ENDS = 640, /* at most; both lists grow with their use */
	REPORTING_NOTED_FAILURES = 256,
	REPORTING_NOTED_HOSTS = 16,
};
/* What nobody has sent for so long is wanted no more. */
#define REPORTING_WANTED_US ((int64_t)60 * 1000 * 1000)
/* A comparison that finds so much is soon followed by another one. */
enum { REPORTING_MUCH = 8 };

extern struct mutex reporting_guard;

/* ---- what is noted ---- */

struct noted_end {
	struct nodeid nodeid;
	int64_t ended_us;
	enum report_reason reason;
};

struct noted_failure {
	struct address address;
	struct nodeid nodeid; /* who was looked for; may be none */
	int64_t since_us, last_us;
	int64_t tell_us; /* when to tell it although its node is gone */
	uint32_t tries;
	enum report_reason reason;
	bool is_here;	/* it did not leave this machine */
	bool is_feeler; /* to a peer */
	/* As the address book has it, in the copy of a look: */
	bool is_met;	    /* it is configured, or was reached: nobody has made that up */
	int64_t reached_us; /* -1 for never */
};

/* How somebody tries again and again. */
struct noted_tries {
	int64_t since_us, last_us;
	int64_t gap_us; /* usual between two; the longest of the last ones, as they get older less of it */
	uint32_t count; /* 0: free */
};

struct noted_refusal {
	struct address host;
	struct noted_tries tries;
};

struct noted_double {
	struct report_double what;
	struct noted_tries tries;
};

struct noted {
	struct noted_end *ends;		/* each node once */
	struct noted_failure *failures; /* each address once */
	size_t end_count, end_room, failure_count, failure_room;
	struct noted_refusal refusals[REPORTING_NOTED_HOSTS];
	struct noted_double doubles[REPORTING_NOTED_HOSTS];
	int64_t stalled_us, stall_end_us;
};

/* ---- what waits ---- */

/* A report that is to be passed on. */
struct mark {
	struct nodeid origin;
	struct nodeid tellers[REPORTING_TARGETS]; /* who have told what it is now; the first one first */
	unsigned teller_count;
	int64_t seq;  /* what it is now */
	int64_t base; /* what was passed on last, 0 for nothing */
	bool is_news; /* for all, not only for those that have few ways */
	int64_t marked_us;
	UT_hash_handle hh;
};

/* A report that others have, and this node lacks. */
struct wanted {
	struct nodeid origin;
	int64_t seq;				  /* the highest that is said to exist */
	struct nodeid tellers[REPORTING_TELLERS]; /* who say so */
	unsigned teller_count;
	unsigned asked, answered; /* a bit for each of these that was asked, and for each that has answered, or won't */
	unsigned last;		  /* the place of the one that was asked last */
	int64_t asked_us;	  /* when that was; 0 if others may be asked */
	int64_t given_up_us;	  /* when one of them stopped answering before it came to this one; 0 for never */
	int64_t wanted_us;	  /* since when */
	int64_t ask_us;		  /* not before */
	UT_hash_handle hh;
};

/* A host that asks for reports. All zero for none. */
struct asking_host {
	struct address host;
	int64_t asked_us;	   /* last */
	struct token_bucket bytes; /* its part of what there is for all that ask */
};

/* ---- the own report ---- */

/* A connection as it was at a look. */
struct own_link {
	struct nodeid nodeid;
	int64_t off_since_us; /* its round trip differs from what was told since then; -1 while it does not */
	int64_t rtt_us;
	int64_t late_us;
	bool is_dialled;
};

/* The connector's thread alone. */
struct own {
	struct report *report;	/* complete; NULL before the first look */
	struct own_link *links; /* of the last look, ordered by nodeid */
	size_t link_count;
	int64_t started_us;	/* 0 before the first look */
	int64_t skew_ms;	/* as it was told */
	int64_t me_since_us;	/* this node accuses nobody since then; -1 while that is not so */
	int64_t rtt_paid_us;	/* what was told of round trips is paid then */
	struct address address; /* where it says that it listens */
};

struct reporting {
	/* Immutable. */
	struct reports *reports;
	/* Atomic. */
	_Atomic int64_t clock_offset_us; /* from the monotonic clock to the wall clock; INT64_MIN if unknown */
	_Atomic int64_t heard_seq;	 /* the highest number that others have of this node */
	atomic_bool has_changed;	 /* the own report may have */
	atomic_uint arrivals;		 /* so many peers have become READY */
	atomic_bool is_behind;		 /* a comparison has found much that this node lacks */
	/* The connector's thread alone. */
	bool is_hurried;	/* look_us is for what has changed already */
	unsigned arrivals_seen; /* when it was hurried, or put off */
	bool is_relaying;	/* relay_us is for what is marked already */
	bool leaves_out;	/* a peer that is to be compared with as soon as it is busy no more */
	struct rng choices;
	struct own own;
	int64_t look_us;	    /* when to look again; 0 before the first look */
	int64_t round_us;	    /* no round of the own report before */
	struct token_bucket firsts; /* bytes of complete reports for those that have come */
	int64_t relay_us;	    /* when to pass on what is marked, or not before */
	int64_t ask_us;		    /* when to ask for what is wanted, or not before */
	int64_t compare_us;	    /* when to compare with a random peer; 0 before the first time */
	int64_t compare_wait_us;
	/* Guarded. */
	struct mutex mutex;
	struct noted noted GUARDED_BY(reporting_guard);
	struct mark *marks GUARDED_BY(reporting_guard);
	struct mark *last_mark GUARDED_BY(reporting_guard); /* put back in turn; or NULL */
	struct wanted *wanted GUARDED_BY(reporting_guard);
	struct wanted *next_wanted GUARDED_BY(reporting_guard);	 /* whose turn it is to give way; NULL for the first */
	struct token_bucket relays GUARDED_BY(reporting_guard);	 /* bytes */
	struct token_bucket answers GUARDED_BY(reporting_guard); /* of these, what is only for answers */
	struct asking_host askers[REPORTING_ASKERS] GUARDED_BY(reporting_guard);
	struct token_bucket jumps GUARDED_BY(reporting_guard); /* of the own number above what others say */
	struct rng rng GUARDED_BY(reporting_guard);
};

/* NULL if there is no memory. */
struct reporting *reporting_new(const struct protocol_parts *parts);
void reporting_free(struct reporting *reporting);

/* There are reports: this node has a table of them, and max_nodes is not 0. */
bool reporting_is_on(const struct protocol *protocol);
/* Any thread: something that the own report says may be different now. */
void reporting_changed(struct protocol *protocol);
/* The connector's thread: does what is due; returns when to call again. */
int64_t reporting_run(struct protocol *protocol, int64_t now_us);

protocol_handler reporting_handle_report;
protocol_handler reporting_handle_reports;
protocol_handler reporting_handle_getreport;

/* A connection whose far end others hear is broken when it has been silent for so long. */
int64_t reporting_missed_us(const struct protocol *protocol);
/*
 * It is a peer, and can be heard: nobody else's words about it count. Of one that has been silent for
 * reporting_missed_us, others know more.
 */
bool reporting_speaks_for_itself(struct protocol *protocol, const struct nodeid *nodeid, int64_t now_us);
/* What comes first is sent to the peer: it may be told of this node. */
void reporting_note_ready(struct protocol *protocol, struct peer *peer);
/*
 * From now on the peer is told changes and what is passed on; until now it may not have known these messages. True the
 * first time: it has missed what came until now, so this is when to compare, and no sooner.
 */
bool reporting_note_that_it_speaks(struct protocol *protocol, struct peer *peer);

void reporting_enter(struct reporting *reporting) ACQUIRES(reporting_guard);
void reporting_leave(struct reporting *reporting) RELEASES(reporting_guard);

/* ---- what is noted, by any thread (reporting_noted.c) ---- */

/* The connection of a READY peer has ended. */
void reporting_note_end(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us);
/* A dial has failed, or could not leave this machine. */
void reporting_note_failure(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us);
/* A dial has found a node at that address. */
void reporting_note_reached(struct protocol *protocol, const struct address *address);
/* A host was turned away: it does not have the secret. */
void reporting_note_refusal(struct protocol *protocol, const struct address *host, int64_t now_us);
/* A second host says that it is the node of this peer. */
void reporting_note_double(struct protocol *protocol, struct peer *peer, const struct peer_info *newcomer,
			   int64_t now_us);
/* Until then it has not stopped, if nothing more comes. */
int64_t reporting_stops_us(const struct noted_tries *tries);
/* This process did not run for so long. */
void reporting_note_stall(struct protocol *protocol, int64_t stalled_us, int64_t now_us);

/*
 * Takes out the ends, which are in the report from now on, and copies the rest. What was noted of a node that is still
 * among the links waits: it may be gone at the next look, unless it has another connection. False if there is no
 * memory; the copy is to be freed in any case.
 */
bool reporting_take_noted(struct reporting *reporting, const struct own_link *links, size_t count, struct noted *copy,
			  int64_t now_us);
void reporting_free_noted(struct noted *noted);

/* ---- the own report, by the connector's thread (reporting_own*.c) ---- */

/* One look, while it is under way. */
struct look {
	struct protocol *protocol;
	struct own *own;
	struct noted noted;	     /* a copy */
	const struct report *before; /* NULL for the first look */
	struct report *fresh;
	int64_t seq, now_us;
	int64_t next_us;  /* when something ripens that is not told yet */
	size_t rtt_count; /* links that are told since their round trip differs */
	bool has_changed;
};

/* Looks what there is to say; returns when to look again. */
int64_t own_look(struct protocol *protocol, int64_t now_us);
void own_fini(struct own *own);
/* This entry is new, or different: its number. */
int64_t own_touch(struct look *look);
/* Which connections there are; false if there is no memory. Ordered by nodeid. */
const struct own_link *own_find_link(const struct own_link *links, size_t count, const struct nodeid *nodeid);
bool own_gather_links(struct look *look, struct own_link **links, size_t *count);
void own_put_links(struct look *look, struct own_link *links, size_t count);
void own_put_ends(struct look *look);
void own_put_failures(struct look *look);
void own_put_facts(struct look *look, const struct own_link *links, size_t count);
/*
 * Is it worth telling that this address fails? If it is configured, if it was reached, or if a report says that a node
 * listens there. The nodeid is set to whom the address book expects there, if it is none.
 */
bool reporting_is_worth(const struct protocol *protocol, const struct address *address, struct nodeid *nodeid,
			int64_t now_us);
/* The wall clock at this moment; -1 if it is unknown. */
int64_t reporting_clock_us(const struct reporting *reporting, int64_t now_us);

/* ---- telling it, by the connector's thread (reporting_tell.c) ---- */

/* Tells each READY peer what it lacks of the own report. */
void reporting_tell(struct protocol *protocol, int64_t now_us);

/* ---- passing on (reporting_relay.c) ---- */

/*
 * Any thread: this report has come, and until then what has the number `before` was known. It is news for all, or, as
 * many have it, only for those that have few ways.
 */
void reporting_mark(struct protocol *protocol, const struct report *report, int64_t before,
		    const struct reports_teller *teller, bool is_news);
/* Any thread: that peer has told it too, with this number. */
void reporting_mark_again(struct protocol *protocol, const struct nodeid *origin, int64_t seq,
			  const struct nodeid *teller);
/* The connector's thread; returns when to call again. */
int64_t reporting_relay(struct protocol *protocol, int64_t now_us);

/* ---- catching up (reporting_catchup.c, reporting_wanted.c) ---- */

/* Any thread: says to a peer that others have a higher number of it than it has; once in REPORTING_COMPARE_LEAST_US. */
void reporting_warn(struct protocol *protocol, const struct report_number *number, int64_t now_us);
/* Says to the peer what is known, by number or by sums, if its host may still cause that. */
void reporting_compare(struct protocol *protocol, struct peer *peer, int64_t now_us);
/* The connector's thread: compares with a random peer when it is time; returns when to call again. */
int64_t reporting_compare_again(struct protocol *protocol, int64_t now_us);
/* Any thread: that peer, with this nodeid, has this report; true if nobody was known to have it. */
bool reporting_want(struct protocol *protocol, struct peer *peer, const struct report_number *number,
		    const struct nodeid *teller, int64_t now_us);
/* The peer, with this nodeid, was asked for it: how many are known to have it; 0 if it was not asked. */
unsigned reporting_expects(struct protocol *protocol, struct peer *peer, const struct nodeid *teller,
			   const struct nodeid *origin, int64_t now_us);
/* It has come, with this number. */
void reporting_got(struct protocol *protocol, const struct nodeid *origin, int64_t seq);
/* The connector's thread: asks for what is wanted; returns when to call again. */
int64_t reporting_ask(struct protocol *protocol, int64_t now_us);
/*
 * Others have a report of this node with that number, higher than its own. Who has it finds that the change to a still
 * higher one does not fit, and asks for everything.
 */
void reporting_hear_self(struct protocol *protocol, int64_t seq, int64_t now_us);

#endif
