/*
 * Isolation: tells the operator that this node has no peer although it knows where others could be, and why. A node
 * that knows of nobody waits silently: others may come.
 *
 * Plain data of the thread that runs the timers. Times are arguments.
 */
#ifndef KITH_ISOLATION_H
#define KITH_ISOLATION_H

#include <stdbool.h>
#include <stdint.h>

#include "book/address_book.h"
#include "members/registry.h"

/* From the loss of the last peer, or the start, to the first warning, and between two warnings. */
#define ISOLATION_FIRST_US ((int64_t)30 * 1000 * 1000)
#define ISOLATION_AGAIN_US ((int64_t)300 * 1000 * 1000)
/* Addresses that a warning names; of more it says how many. */
enum { ISOLATION_NAMED = 4 };

struct isolation {
	bool is_alone, was_told;
	int64_t since_us;
	int64_t warn_us; /* meaningless while it is not alone, as is since_us */
};

/* Logs what is due; returns when to call again. */
int64_t isolation_run(struct isolation *isolation, struct registry *registry, struct address_book *book,
		      int64_t now_us);

#endif
