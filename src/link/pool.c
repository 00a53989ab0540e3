#include "link/pool.h"

#include <stdlib.h>

#include "base/sync.h"

extern struct mutex pool_guard;

/*
 * Where a thread is parked. It outlives the thread, so that the thread that gives it a job may signal without the
 * lock: otherwise the thread that wakes up would wait for the lock at once.
 */
struct place {
	struct condition changed;
	struct pool_job *job GUARDED_BY(pool_guard); /* what it is to do; NULL while it waits */
	struct place *next GUARDED_BY(pool_guard);
};

struct pool {
	/* Immutable. */
	int64_t parked_us;
	struct mutex mutex;
	struct condition emptied;
	/* Guarded. */
	size_t max_parked GUARDED_BY(pool_guard);
	struct place *parked GUARDED_BY(pool_guard); /* the last to be parked first: its memory is the warmest */
	struct place *free GUARDED_BY(pool_guard);
	size_t parked_count GUARDED_BY(pool_guard);
	size_t threads GUARDED_BY(pool_guard);
	struct thread ended GUARDED_BY(pool_guard); /* the last to end, not joined yet */
	bool has_ended GUARDED_BY(pool_guard);
	bool is_stopping GUARDED_BY(pool_guard);
};

static void enter(struct pool *pool) ACQUIRES(pool_guard) UNCHECKED
{
	mutex_lock(&pool->mutex);
}

static void leave(struct pool *pool) RELEASES(pool_guard) UNCHECKED
{
	mutex_unlock(&pool->mutex);
}

static bool wait_for(struct pool *pool, struct condition *condition, int64_t deadline_us) REQUIRES(pool_guard) UNCHECKED
{
	return condition_wait_until(condition, &pool->mutex, deadline_us);
}

struct pool *pool_new(size_t max_parked, int64_t parked_us) UNCHECKED
{
	struct pool *pool = calloc(1, sizeof *pool);
	if (pool == NULL)
		return NULL;
	pool->max_parked = max_parked;
	pool->parked_us = parked_us;
	mutex_init(&pool->mutex);
	condition_init(&pool->emptied);
	return pool;
}

/* NULL if there is no memory. */
static struct place *take_place(struct pool *pool) REQUIRES(pool_guard)
{
	struct place *place = pool->free;
	if (place != NULL) {
		pool->free = place->next;
		return place;
	}
	place = malloc(sizeof *place);
	if (place != NULL)
		condition_init(&place->changed);
	return place;
}

static void unpark(struct pool *pool, const struct place *place) REQUIRES(pool_guard)
{
	struct place **link = &pool->parked;
	while (*link != NULL && *link != place)
		link = &(*link)->next;
	if (*link == NULL)
		return;
	*link = place->next;
	pool->parked_count--;
}

static struct pool_job *wait_for_job(struct pool *pool) REQUIRES(pool_guard)
{
	struct place *place = take_place(pool);
	if (place == NULL)
		return NULL;
	int64_t deadline_us = clock_now_us() + pool->parked_us;
	place->job = NULL;
	place->next = pool->parked;
	pool->parked = place;
	pool->parked_count++;
	while (place->job == NULL && !pool->is_stopping && wait_for(pool, &place->changed, deadline_us))
		;
	if (place->job == NULL)
		unpark(pool, place);
	place->next = pool->free;
	pool->free = place;
	return place->job;
}

/*
 * Parks the thread until there is another job; NULL if none came in time and the thread must end. Starting a thread
 * costs about as much as the rest of a short connection: there are 1.9 times as many handshakes as with max_parked=0
 * (tests/bench/README.md).
 */
static struct pool_job *park(struct pool *pool)
{
	struct pool_job *job = NULL;
	enter(pool);
	if (pool->parked_count < pool->max_parked && !pool->is_stopping)
		job = wait_for_job(pool);
	leave(pool);
	return job;
}

static struct place *take_parked(struct pool *pool) REQUIRES(pool_guard)
{
	struct place *parked = pool->parked;
	if (parked != NULL) {
		pool->parked = parked->next;
		pool->parked_count--;
	}
	return parked;
}

/* The last call of a thread. */
static void end_thread(struct pool *pool)
{
	enter(pool);
	struct thread before = pool->ended;
	bool has_before = pool->has_ended;
	pool->ended = thread_self();
	pool->has_ended = true;
	if (--pool->threads == 0)
		condition_signal(&pool->emptied);
	leave(pool);
	if (has_before)
		thread_join(before);
}

static void *work(void *argument)
{
	struct pool_job *job = argument;
	struct pool *pool = job->pool;
	do
		job->run(job);
	while ((job = park(pool)) != NULL);
	end_thread(pool);
	return NULL;
}

static int run_on_new_thread(struct pool *pool, struct pool_job *job)
{
	struct thread thread;
	job->pool = pool;
	enter(pool);
	pool->threads++;
	leave(pool);
	int error = thread_start(&thread, work, job);
	if (error == 0)
		return 0;
	enter(pool);
	if (--pool->threads == 0)
		condition_signal(&pool->emptied);
	leave(pool);
	return error;
}

int pool_run(struct pool *pool, struct pool_job *job)
{
	enter(pool);
	struct place *parked = take_parked(pool);
	if (parked != NULL)
		parked->job = job;
	leave(pool);
	if (parked == NULL)
		return run_on_new_thread(pool, job);
	condition_signal(&parked->changed);
	return 0;
}

void pool_set_max_parked(struct pool *pool, size_t max_parked)
{
	enter(pool);
	pool->max_parked = max_parked;
	leave(pool);
}

void pool_free(struct pool *pool) UNCHECKED
{
	if (pool == NULL)
		return;
	enter(pool);
	pool->is_stopping = true;
	struct place *parked;
	while ((parked = take_parked(pool)) != NULL)
		condition_signal(&parked->changed);
	while (pool->threads > 0)
		wait_for(pool, &pool->emptied, FOREVER_US);
	leave(pool);
	if (pool->has_ended)
		thread_join(pool->ended);
	while (pool->free != NULL) {
		struct place *place = pool->free;
		pool->free = place->next;
		condition_fini(&place->changed);
		free(place);
	}
	condition_fini(&pool->emptied);
	mutex_fini(&pool->mutex);
	free(pool);
}
