/*
 * The reaper: one thread that joins the threads that have finished, so that they may finish anywhere. A thread that is
 * to be reaped is counted before it starts; as the last thing it does it hands itself over.
 */
#ifndef KITH_REAPER_H
#define KITH_REAPER_H

#include "sync.h"

struct reaper;

/* Embedded in what a thread leaves behind. */
struct reaper_entry {
	struct thread thread;
	void (*bury)(struct reaper_entry *entry); /* frees it, after the join */
	struct reaper_entry *next;
};

/* NULL with *error set to an errno. */
struct reaper *reaper_start(int *error);
/* Blocks until every thread that was counted has been joined. */
void reaper_stop(struct reaper *reaper);

/* Before a thread is started; reaper_forget if that failed. */
void reaper_expect(struct reaper *reaper);
void reaper_forget(struct reaper *reaper);
/* By the thread itself, at its end. Takes the entry. */
void reaper_give(struct reaper *reaper, struct reaper_entry *entry);

#endif
