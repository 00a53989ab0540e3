/*
 * What the files of diagnosis share: the look at one view, what counts as evidence in it, and how findings are written
 * down.
 */
#ifndef KITH_DIAGNOSIS_PRIV_H
#define KITH_DIAGNOSIS_PRIV_H

#include <stdarg.h>

#include "base/sync.h"
#include "mesh/diagnosis.h"

#define DIAGNOSIS_SECOND_US ((int64_t)1000 * 1000)
#define DIAGNOSIS_LONG_AGO_US INT64_MIN
/* A dial takes at most so long (connect_timeout and handshake_timeout, by default): one that has failed may have begun
 * so long before. */
#define DIAGNOSIS_DIAL_US (20 * DIAGNOSIS_SECOND_US)
/* A node that fails to reach another tries again within a minute or two; after this it has stopped. */
#define DIAGNOSIS_FAILURE_US (1800 * DIAGNOSIS_SECOND_US)
/* That a connection fell silent says for so long that the two can't talk. After that only dials that fail do. */
#define DIAGNOSIS_END_US (180 * DIAGNOSIS_SECOND_US)
/* Within this the far end of a connection that one end lost may dial again, or learn it itself. */
#define DIAGNOSIS_AGAIN_US (10 * DIAGNOSIS_SECOND_US)
/* Within this both ends know it (ping_interval and ping_timeout, by default). */
#define DIAGNOSIS_BOTH_US (90 * DIAGNOSIS_SECOND_US)

/* What is known of a pair. */
enum pair_mark {
	MARK_BROKEN = 1,	   /* they can't talk */
	MARK_CUT = 2,		   /* that is part of a cut */
	MARK_FIRST_CANT_DIAL = 4,  /* the first end can't dial the second */
	MARK_SECOND_CANT_DIAL = 8, /* the second end can't dial the first */
	MARK_CANT_DIAL_EACH_OTHER = MARK_FIRST_CANT_DIAL | MARK_SECOND_CANT_DIAL,
};

/* What is known of a node besides the view. */
struct node_facts {
	int64_t settled_us;	/* what was said of it and by it before is over: it was started, or came back, then */
	unsigned doubted;	/* ends that have lost it, or miss it, of which its own report knows nothing */
	unsigned doubting;	/* the same the other way round */
	unsigned undialable_by; /* nodes that can't dial it */
	unsigned dialled_by;	/* links to it that the other end dialled, and could dial again */
	bool is_there;		/* alive, and not late */
	bool speaks;		/* its report is about now */
	bool was_reached;	/* by this node, at some time */
	bool is_undecided; /* a short time ago an end of one of its pairs was missed; whether it is broken shows soon */
};

struct known_node;
struct known_pair;

struct look {
	const struct view *view;
	struct diagnosis_memory *memory; /* NULL for none */
	const struct known_node *known;	 /* of each node; NULL without memory */
	int64_t now_us;
	struct node_facts *facts; /* of each node */
	unsigned char *marks;	  /* of each pair */
	/* The pairs of node n are incident[starts[n]] to incident[starts[n + 1] - 1]. */
	size_t *starts, *incident;
	size_t *scratch; /* room for a place of each node, for whoever needs it; nobody keeps it */
	bool is_cut_off; /* this node: it knows nothing of the others */
	struct findings *findings;
	size_t room;   /* in their list */
	size_t places; /* so many with those of this kind */
};

/* ---- the table's functions: each adds the findings of its kind ---- */

typedef void diagnosis_function(struct look *look);
diagnosis_function diagnosis_find_me, diagnosis_find_partitions, diagnosis_find_nodes, diagnosis_find_cuts,
	diagnosis_find_links, diagnosis_find_one_way, diagnosis_find_fading, diagnosis_find_slow, diagnosis_find_clocks,
	diagnosis_find_doubles, diagnosis_find_turned_away, diagnosis_find_single;

/* ---- findings (diagnosis.c) ---- */

/* A new one of that kind, empty; NULL if there are enough, or no memory. */
struct finding *diagnosis_add(struct look *look, enum finding_kind kind);
void diagnosis_add_subject(struct look *look, struct finding *finding, size_t node);
/* Its identity, of what makes it the same in the next view besides its kind. */
void diagnosis_identify(struct finding *finding, const void *bytes, size_t length);
/* All its subjects. */
void diagnosis_identify_subjects(struct finding *finding);
/* The outcome may be another then, though the view is the same. */
void diagnosis_look_again(struct look *look, int64_t at_us);
/* The other end of a pair, and which end a node is. */
static inline size_t diagnosis_other(const struct view_pair *pair, size_t node)
{
	return pair->first == node ? pair->second : pair->first;
}
static inline size_t diagnosis_end(const struct view_pair *pair, size_t node)
{
	return pair->first == node ? 0 : 1;
}
/* The pair is up, and neither end misses the other. */
bool diagnosis_is_fine(const struct look *look, size_t pair);

/* ---- evidence (diagnosis_evidence.c) ---- */

/* What one end of a pair says against the other. */
enum claim_kind {
	CLAIM_NONE,
	CLAIM_LATE,    /* it has a link, on which nothing comes */
	CLAIM_ENDED,   /* a link fell silent */
	CLAIM_FAILING, /* it fails to dial it */
};

struct claim {
	enum claim_kind kind;
	enum report_reason reason;
	int64_t since_us;
	int64_t last_us; /* how old the evidence is, as a moment */
};

/* Only what is believed: about now, and nobody's choice. */
struct claim diagnosis_claim(struct look *look, const struct view_pair *pair, size_t end);
/* Marks the pairs, and the nodes of those that are undecided. */
void diagnosis_mark_pairs(struct look *look);
/* Several fail to dial it, and nobody has: then it is not a trouble of each pair. */
bool diagnosis_is_undialable(const struct look *look, size_t node);
/* The dials of that end to the other that fail; NULL for none that counts. */
const struct report_failure *diagnosis_failure(struct look *look, const struct view_pair *pair, size_t end);
/* It was within reach of this node, or of one that says so (diagnosis_node.c). */
bool diagnosis_is_lost(const struct look *look, size_t node);
/* Nodes that talk to both, up to `most` of them; how many there are. */
size_t diagnosis_find_witnesses(struct look *look, size_t one, size_t other, size_t *witnesses, size_t most);

/* ---- what is remembered (diagnosis_memory.c) ---- */

enum { KNOWN_RESTARTS = 3, KNOWN_LINKS = 8, KNOWN_PAIRS = 16384, KNOWN_CUTS = 8 };

/* A connection and its usual round trip. */
struct known_link {
	uint32_t tag;	   /* of the other end's nodeid; 0 for none */
	int32_t usual_us;  /* round trip */
	int64_t since_us;  /* it is known */
	int64_t learnt_us; /* usual_us was brought up to date last */
};

struct known_node {
	struct nodeid nodeid;
	int64_t there_us;   /* it came back then; DIAGNOSIS_LONG_AGO_US if it was there from the first look on */
	int64_t started_us; /* by its report */
	int64_t restarts_us[KNOWN_RESTARTS]; /* the last ones, the newest first; DIAGNOSIS_LONG_AGO_US for none */
	int64_t slow_us;		     /* it answers slowly since; -1 if it doesn't */
	bool is_there, had_report;
	struct known_link links[KNOWN_LINKS];
};

struct known_pair {
	struct nodeid one, other; /* one is the lesser */
	int64_t down_us;	  /* it was not fine last, or came up until then; DIAGNOSIS_LONG_AGO_US for never */
	int64_t mended_us[2];	  /* dials of that end to the other failed until then; the same */
	bool is_down, is_broken;  /* in the last look: it was not fine; they could not talk */
	bool is_failing[2];	  /* the same: dials of that end to the other failed */
};

/* Two groups that could not talk. The members of one side come first. */
struct known_cut {
	struct nodeid *members;
	size_t count, side_count;
	uint64_t identity;
	int64_t since_us;
	int64_t whole_us; /* most of its pairs could not talk then */
};

struct diagnosis_memory {
	int64_t born_us;	  /* the first look; DIAGNOSIS_LONG_AGO_US before it */
	struct known_node *nodes; /* of the last view, in its order */
	size_t node_count;
	struct known_pair *pairs; /* ordered */
	size_t pair_count;
	struct known_cut cuts[KNOWN_CUTS];
	size_t cut_count;
};

/* Takes over the nodes of this view, then which pairs are not fine. False if there is no memory. */
bool diagnosis_remember_nodes(struct look *look);
bool diagnosis_remember_pairs(struct look *look);
/* NULL for a pair that was fine for long, and whose dials did not fail. */
const struct known_pair *diagnosis_recall_pair(const struct look *look, const struct view_pair *pair);

/* ---- cuts (diagnosis_cut.c) ---- */

/* Two groups of nodes. */
struct cut {
	size_t *members, count, side_count; /* those of the first side come first */
	uint64_t identity;		    /* 0 for a new one */
	int64_t since_us;		    /* -1 for a new one */
	int64_t whole_us;		    /* most of its pairs could not talk then */
};

/* A search for cuts. The arrays have room for all nodes. */
struct cutting {
	struct look *look;
	unsigned char *sides; /* of each node: 1 or 2, 0 for neither; all 0 between uses */
	bool *is_tried;	      /* of each node, in this round */
	size_t *groups[2], counts[2];
	struct cut cuts[KNOWN_CUTS];
	size_t cut_count;
};

/* Finds those of the memory again, then new ones; the broken pairs of all get the mark (diagnosis_groups.c). */
void diagnosis_cut_groups(struct cutting *cutting);

/* ---- words (diagnosis_words.c) ---- */

/* A text that grows; what is too much ends it with "...". */
struct phrase {
	char *out;
	size_t room, length;
};

struct phrase phrase_of(char *out, size_t room);
void phrase_add(struct phrase *phrase, const char *format, ...) __attribute__((format(printf, 2, 3)));
void phrase_add_node(const struct look *look, struct phrase *phrase, size_t node);
/* Nodes are named in the order of their names. Which end of a pair comes first by that: 0 or 1. */
size_t phrase_first_end(const struct look *look, const struct view_pair *pair);
/* "alpha, beta and 3 others": `count` of `total` nodes are in the list, and at most `most` are named. */
void phrase_add_nodes(const struct look *look, struct phrase *phrase, const size_t *nodes, size_t count, size_t total,
		      size_t most);
/* "alpha beta" and "and 3 others". */
void phrase_add_side(const struct look *look, struct phrase *phrase, const size_t *nodes, size_t count);
/* "beta says timed out" */
void phrase_add_claim(const struct look *look, struct phrase *phrase, size_t node, size_t about,
		      enum report_reason reason);
/* "; both talk to alpha and delta" */
void phrase_add_witnesses(struct look *look, struct phrase *phrase, size_t one, size_t other);
/* "820 ms" */
void phrase_add_rtt(struct phrase *phrase, int64_t rtt_us);
/* "10.0.0.7", or what the node is called if its host is unknown. */
void phrase_add_host(const struct look *look, struct phrase *phrase, size_t node);
/* "between 10.0.0.1 and 10.0.0.21, TCP port 5999" */
void phrase_add_way(const struct look *look, struct phrase *phrase, size_t one, size_t other);
/* ": TCP port 5999", where the node listens; nothing if that is unknown. */
void phrase_add_port(const struct look *look, struct phrase *phrase, size_t node);
/* "10.0.0.21:5999", where the node listens */
void phrase_add_address(const struct look *look, struct phrase *phrase, size_t node);

#endif
