/*
 * A pool of threads, one for each running job. A thread whose job has ended is parked for the next job; if max_parked
 * threads are parked already, it ends. Each thread that ends joins the one that ended before it, so nobody has to wait
 * for that, and pool_free joins the last.
 */
#ifndef KITH_POOL_H
#define KITH_POOL_H

#include <stddef.h>
#include <stdint.h>

struct pool;

/* Embedded in what the job works on. The pool does not touch it after run has begun. */
struct pool_job {
	void (*run)(struct pool_job *job);
	struct pool *pool; /* the pool's */
};

/* A thread is parked for parked_us at most. NULL if there is no memory. */
struct pool *pool_new(size_t max_parked, int64_t parked_us);
/* Blocks until every job has ended by itself, and every thread. */
void pool_free(struct pool *pool);

/* Runs the job on a parked thread or on a new one. Any thread, before pool_free. 0, or an errno: it won't run. */
int pool_run(struct pool *pool, struct pool_job *job);

/* Threads that are parked already stay for their parked_us. */
void pool_set_max_parked(struct pool *pool, size_t max_parked);

#endif
