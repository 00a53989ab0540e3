/* What the two threads of a worker share. */
#ifndef KITH_WORKER_PRIV_H
#define KITH_WORKER_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/intake.h"
#include "link/pool.h"
#include "node/worker.h"
#include "wire/frame.h"

/*
 * A thread that wakes after a longer wait than this gives back what it then used of its stack before it waits again
 * (thread_trim_stack). Of an idle peer both do so at each ping, for about 10 us of processor time; those of a busy one
 * never do.
 */
#define QUIET_US ((int64_t)100 * 1000)

/* Owned by the reader, which frees it when the pinger has ended. */
struct worker {
	struct pool_job reading, pinging;
	const struct worker_parts *parts;
	struct peer *peer;
	/* The reader's alone. */
	struct frame frame;
	bool has_turn;	    /* of the outbox: while the reader is awake, if it was free */
	bool is_at_end;	    /* the far end sends nothing more */
	int64_t look_up_us; /* when a read is interrupted, for a deadline or a ping */
	struct intake intake;
	size_t paid;		  /* so many of the next messages were charged when they were read */
	bool is_behind;		  /* there may be whole lines in the frame */
	int64_t read_us;	  /* the last time that something was read */
	int64_t read_again_us;	  /* before that nothing is read or handled, since too much came; 0 for no such time */
	int64_t stay_us;	  /* so long the connection keeps its place after its end */
	int64_t line_deadline_us; /* when the unfinished line must be complete; FOREVER_US between lines */
};

/* The worker that contains a job. */
static inline struct worker *worker_of(struct pool_job *job, size_t offset)
{
	return (struct worker *)((char *)job - offset);
}

#endif
