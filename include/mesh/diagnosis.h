/*
 * Diagnosis: what is wrong in the network, found out from one view by a pure function. One function for each kind, one
 * table of kinds. It keeps nothing from one look to the next; `problems` decides when a finding becomes a problem.
 *
 * A finding has subjects that stay the same while the same thing is wrong, so that it can be found again in the next
 * view. What others say is never certain, so each finding names its witnesses, and old information is none: a node
 * whose report can't be current (it is out of reach) says nothing about now.
 */
#ifndef KITH_DIAGNOSIS_H
#define KITH_DIAGNOSIS_H

#include "mesh/view.h"

enum finding_kind {
	FINDING_ME,	     /* this node is cut off; was stopped; its clock is ahead of the others */
	FINDING_PARTITION,   /* several nodes are out of reach, linked with each other by their last reports */
	FINDING_NODE,	     /* a node is gone: crashed or silent; or restarted again and again. Not one that left */
	FINDING_CUT,	     /* two groups of which no pair can talk, while others talk to both */
	FINDING_LINK,	     /* two nodes that can't talk, while others talk to both */
	FINDING_ONE_WAY,     /* one can't dial the other, which can dial it */
	FINDING_FADING,	     /* two are connected, and neither can dial the other any more */
	FINDING_SLOW,	     /* a node answers everybody slowly; other links are unchanged */
	FINDING_CLOCK,	     /* a node's clock is ahead of or behind the others' */
	FINDING_DOUBLE,	     /* two hosts use one nodeid */
	FINDING_TURNED_AWAY, /* a host without this network's secret tries again and again */
	FINDING_SINGLE,	     /* a notice, from 5 nodes on: a node with one link, or one whose loss cuts others off */
	FINDING_KINDS,
};

enum {
	FINDING_TEXT_BYTES = 512,
	FINDING_SUBJECTS = 64, /* nodes that one finding names at most; of more, these and how many there are */
	FINDINGS = 256,	       /* in one look at most, of each kind half of what those before it have left */
};

struct finding {
	enum finding_kind kind;
	bool is_notice;	   /* worth knowing, nothing is broken */
	bool is_complete;  /* nothing more of it can break: it needn't wait for that */
	bool is_growing;   /* a subject may have lost another one, and that is not decided yet: it may be a part */
	uint64_t identity; /* of kind and subjects: the same while the same thing is wrong */
	struct nodeid subjects[FINDING_SUBJECTS];
	size_t subject_count;		 /* may be more than the list has: finding_listed */
	size_t side_count;		 /* of a cut: the first side_count of the list are one side */
	struct address addresses[2];	 /* of a double or one that is turned away; else unknown */
	int64_t since_us;		 /* -1 if unknown */
	int64_t evidence_us;		 /* how old the youngest evidence is, as a moment */
	enum report_reason reasons[2];	 /* of a pair: what each end says; REASON_OTHER for nothing */
	char text[FINDING_TEXT_BYTES];	 /* the sentence, without the start time, which whoever shows it adds */
	char advice[FINDING_TEXT_BYTES]; /* what to check; "" for nothing */
};

struct findings {
	struct finding *list; /* in the order of kinds */
	size_t count;
	/* Nodes of which nothing is known about now, ordered: what was wrong with them may still be. */
	struct nodeid *unknown;
	size_t unknown_count;
	int64_t again_us;	     /* when there may be others although the view is the same; FOREVER_US for never */
	bool lacks_memory;	     /* then some may be missing */
	bool is_full[FINDING_KINDS]; /* of that kind there may be more */
};

void findings_fini(struct findings *findings);

/*
 * What one view can't tell: since when a node is back, how often it was restarted, which pairs could not talk before,
 * what was usual. Kept by `problems` between looks; its size is bounded by that of the views.
 */
struct diagnosis_memory;
struct diagnosis_memory *diagnosis_memory_new(void);
void diagnosis_memory_free(struct diagnosis_memory *memory);

/*
 * The memory may be NULL: then nothing that needs one is found. Views of one memory are of one node, and their times
 * don't go back.
 */
struct findings diagnosis_find(const struct view *view, struct diagnosis_memory *memory);

/* How many of its subjects are in the list. */
size_t finding_listed(const struct finding *finding);

/* As it is sent: "one_way". */
const char *finding_kind_name(enum finding_kind kind);
bool finding_kind_find(const char *name, enum finding_kind *kind);

#endif
