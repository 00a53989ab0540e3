/* How kith ends, and how it says what went wrong. */
#ifndef KITH_OUTCOME_H
#define KITH_OUTCOME_H

#include <stdbool.h>
#include <stdio.h>

/* Exit statuses: those of sysexits(3), and what scripts ask for. */
enum outcome {
	OUTCOME_DONE = 0,
	OUTCOME_NO = 1, /* the node answers, and the answer is no */
	/* Of kith check, as plugins for monitoring end. */
	OUTCOME_WARNING = 1,
	OUTCOME_CRITICAL = 2,
	OUTCOME_UNKNOWN = 3,
	OUTCOME_WRONG_USAGE = 64,
	OUTCOME_NO_NODE = 69,	   /* none answers */
	OUTCOME_SYSTEM_FAILS = 71, /* no memory, or what is printed can't be written */
	OUTCOME_NOT_ALLOWED = 77,
};

/* Prints a line to stderr, escaped. Returns the outcome, so that a function can return with it. */
enum outcome complain(enum outcome outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum outcome complain_no_memory(void);
/* From now on complaints go there, each in place of the one before: a line would spoil a full screen. NULL: to stderr.
 */
struct problem;
void complain_into(struct problem *problem);
/* Do they go to stderr, where a list may follow them? */
bool complaints_are_shown(void);

/*
 * What is printed is on its way to its reader. False if it can't be written: the reader has gone, which needs no words,
 * or the disk is full, which is said.
 */
bool outcome_flush(FILE *out);

#endif
