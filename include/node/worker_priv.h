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

/* The reader's, which frees it when the pinger is over. */
struct worker {
	struct pool_job reading, pinging;
	const struct worker_parts *parts;
	struct peer *peer;
	/* The reader's alone. */
	struct frame frame;
	bool has_turn;	    /* of the outbox: while the reader is awake, if it was free */
	bool is_at_end;	    /* nothing more can come from the far end */
	int64_t look_up_us; /* when to look up from a read that goes on, for the next thing that only time brings */
	struct intake intake;
	int64_t read_us;	  /* when something was read last */
	int64_t read_again_us;	  /* before that nothing is read: too much came */
	int64_t line_deadline_us; /* when the line that has begun must have ended; FOREVER_US between lines */
};

/* The worker that a job is part of. */
static inline struct worker *worker_of(struct pool_job *job, size_t offset)
{
	return (struct worker *)((char *)job - offset);
}

#endif
