/*
 * The faults that a test deals out, one after the other, and what came of them. The binary with the seam is what the
 * environment variable KITHD names. One thread. What came of the faults is counted in the file that the environment
 * variable FAULTS names, where there is one: processes that each run one suite count there together.
 */
#ifndef KITH_TEST_FAULTS_H
#define KITH_TEST_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "seam.h"
#include "system/kithd.h"

#define FAULTS_VARIABLE "FAULTS"

/* A call that fails, and how. */
struct fault {
	const char *call, *result;
	enum seam_kind kind;
	int error;
	/* What one such fault may cost of those who were peers before. */
	enum { COSTS_NOBODY, COSTS_ITS_SOCKET, COSTS_ONE } cost;
};

extern const struct fault faults[];
extern const size_t fault_count;

/* What became of a node, or of its peers, when a call failed. */
enum outcome {
	OUTCOME_NONE,	    /* all went on */
	OUTCOME_LOST,	    /* one of the good peers lost its connection, and came back */
	OUTCOME_NO_SYSTEM,  /* a start that ended with status 71 */
	OUTCOME_NO_SETTING, /* with status 78 */
	OUTCOMES
};

/* A seam, until the end of the test. */
struct seam *faults_open(void);
/* A kithd with that seam: for struct launch. */
bool faults_prepare(const void *seam);

/* The call of that kind after so many others fails, and so do the following ones, as many in all as that. */
void faults_arm(struct seam *seam, const struct fault *fault, unsigned pass, unsigned fail);
void faults_disarm(struct seam *seam);
bool faults_has_hit(const struct seam *seam);
/* Counts what came of it. */
void faults_tell(const struct fault *fault, enum outcome outcome);
/* At the end of the test: the places in the program that the seam has seen are kept for the table. */
void faults_close(struct seam *seam);

/* A row for each fault; fails for a fault that nothing was hit by. */
void faults_print_table(void);
bool faults_are_all_dealt(void);

#endif
