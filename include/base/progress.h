/*
 * Does a thread that runs in a loop still go round? Another thread asks, wakes it if it may be waiting, and looks later
 * whether it has shown itself since. Any threads.
 */
#ifndef KITH_PROGRESS_H
#define KITH_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>

struct progress {
	atomic_bool is_awaited;
};

static inline void progress_ask(struct progress *progress)
{
	atomic_store(&progress->is_awaited, true);
}

/* The thread that is asked, in each round. */
static inline void progress_show(struct progress *progress)
{
	atomic_store(&progress->is_awaited, false);
}

/* Has it gone round since it was asked? */
static inline bool progress_is_shown(const struct progress *progress)
{
	return !atomic_load(&progress->is_awaited);
}

#endif
