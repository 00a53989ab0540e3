#include "link/pace.h"

#include <stdlib.h>

#include "base/sync.h"

extern struct mutex pace_guard;

/* Given back, and not taken again yet. More than these are gaps. */
enum { FREE_MOMENTS = 64 };

struct pace {
	const struct settings *settings;
	struct mutex mutex;
	/* Guarded. */
	int64_t peers GUARDED_BY(pace_guard);
	int64_t taken_us GUARDED_BY(pace_guard); /* the last moment that is taken */
	int64_t free_us[FREE_MOMENTS] GUARDED_BY(pace_guard);
	size_t free_count GUARDED_BY(pace_guard);
};

static void enter(struct pace *pace) ACQUIRES(pace_guard) UNCHECKED
{
	mutex_lock(&pace->mutex);
}

static void leave(struct pace *pace) RELEASES(pace_guard) UNCHECKED
{
	mutex_unlock(&pace->mutex);
}

struct pace *pace_new(const struct settings *settings)
{
	struct pace *pace = calloc(1, sizeof *pace);
	if (pace == NULL)
		return NULL;
	pace->settings = settings;
	mutex_init(&pace->mutex);
	return pace;
}

void pace_free(struct pace *pace)
{
	if (pace == NULL)
		return;
	mutex_fini(&pace->mutex);
	free(pace);
}

void pace_join(struct pace *pace)
{
	enter(pace);
	pace->peers++;
	leave(pace);
}

void pace_leave(struct pace *pace, int64_t taken_us)
{
	enter(pace);
	pace->peers--;
	if (taken_us > 0 && pace->free_count < FREE_MOMENTS)
		pace->free_us[pace->free_count++] = taken_us;
	leave(pace);
}

static int64_t interval_us(const struct pace *pace) REQUIRES(pace_guard)
{
	int64_t most_us = pace->settings->ping_interval_us, step_us = pace->settings->probe_interval_us;
	int64_t peers = pace->peers > 0 ? pace->peers : 1;
	return peers < most_us / step_us ? peers * step_us : most_us;
}

/*
 * The first moment after now_us that was given back, which counts as taken; FOREVER_US if there is none. One that is
 * more than an interval away waits until it is near: nobody waits for longer because others have ended.
 */
static int64_t take_free_us(struct pace *pace, int64_t now_us) REQUIRES(pace_guard)
{
	int64_t first_us = FOREVER_US, last_us = now_us + interval_us(pace);
	size_t kept = 0;
	for (size_t i = 0; i < pace->free_count; i++)
		if (pace->free_us[i] > now_us && pace->free_us[i] <= last_us)
			first_us = clock_earlier(first_us, pace->free_us[i]);
	for (size_t i = 0; i < pace->free_count; i++)
		if (pace->free_us[i] > now_us && pace->free_us[i] != first_us)
			pace->free_us[kept++] = pace->free_us[i];
	pace->free_count = kept;
	return first_us;
}

int64_t pace_interval_us(struct pace *pace)
{
	enter(pace);
	int64_t result_us = interval_us(pace);
	leave(pace);
	return result_us;
}

/* The moment behind all that are taken. */
static int64_t take_last_us(struct pace *pace, int64_t now_us) REQUIRES(pace_guard)
{
	int64_t longest_us = interval_us(pace);
	int64_t next_us = pace->taken_us + pace->settings->probe_interval_us;
	/* After a pause, as at the start, the first ones come sooner, so that the others need not wait for them. */
	if (next_us < now_us + longest_us / 2)
		next_us = now_us + longest_us / 2;
	/* Some peers have gone; or there are more than ping_interval has moments for. */
	if (next_us > now_us + longest_us)
		next_us = now_us + longest_us;
	pace->taken_us = next_us;
	return next_us;
}

int64_t pace_take_us(struct pace *pace, int64_t now_us)
{
	enter(pace);
	int64_t next_us = take_free_us(pace, now_us);
	if (next_us == FOREVER_US)
		next_us = take_last_us(pace, now_us);
	leave(pace);
	return next_us - now_us;
}
