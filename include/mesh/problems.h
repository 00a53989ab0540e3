/*
 * Problems: findings that last. A finding that is the same in every look for PROBLEM_STABLE_US is raised, a complete
 * one (a node that nobody is connected with any more) after PROBLEM_COMPLETE_US, a notice after 30 s; one that is in no
 * look for PROBLEM_STABLE_US is over. Several broken links of one node, and cuts, wait until nothing around them has
 * changed for 7 s, or for 30 s, and a broken link at least until what its ends miss besides is decided: so a cut that
 * still grows is one problem at its end, not forty on the way. What comes back within a minute is the same problem
 * again, and has its number. A problem of a node of which nothing is known any more lasts: unknown is not fine. Nothing
 * is ever done because of a problem.
 *
 * One object for the node; any thread may call, nothing blocks. Times are arguments.
 */
#ifndef KITH_PROBLEMS_H
#define KITH_PROBLEMS_H

#include "mesh/diagnosis.h"

#define PROBLEM_STABLE_US ((int64_t)2 * 1000 * 1000)
#define PROBLEM_COMPLETE_US ((int64_t)500 * 1000)

struct problem_entry {
	struct finding finding; /* as it was found last; since_us is the earliest that was found */
	uint64_t number;	/* counts up, from 1, as they are raised */
	int64_t raised_us;	/* the first time */
	int64_t over_us;	/* -1 while it lasts */
};

struct problems;

/* NULL if there is no memory. */
struct problems *problems_new(void);
void problems_free(struct problems *problems);

/* What diagnosis_find remembers between looks; for the thread that looks. */
struct diagnosis_memory *problems_memory(struct problems *problems);

/*
 * What was found now. The callback, without a lock, hears of each problem that is raised, and of each that is over.
 * By one thread. Returns when to look again although nothing has changed; FOREVER_US for never.
 */
typedef void problems_hear(void *context, const struct problem_entry *problem);
int64_t problems_look(struct problems *problems, const struct findings *findings, int64_t now_us, problems_hear *hear,
		      void *context);

/* Those that last, in the order of kinds; the caller frees the list. NULL for none, or no memory. */
struct problem_entry *problems_list(struct problems *problems, size_t *count);
/* How many last, notices aside, and of each kind. */
size_t problems_count(struct problems *problems, size_t kinds[static FINDING_KINDS]);

#endif
