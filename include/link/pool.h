/*
 * A pool of threads, one for each job that is under way. A thread whose job has ended is parked, and takes the next
 * job, if few enough are parked already; else it ends. Each thread that ends joins the one that ended before it, so
 * nobody has to wait for that, and pool_free joins the last.
 */
#ifndef KITH_POOL_H
#define KITH_POOL_H

#include <stddef.h>
#include <stdint.h>

struct pool;

/* Embedded in what the job works on; the pool doesn't touch it any more once run has begun. */
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

/* Of those that are parked beyond it, each stays for its parked_us. */
void pool_set_max_parked(struct pool *pool, size_t max_parked);

#endif
