#include "link/pace.h"

#include <stdlib.h>

#include "base/sync.h"

extern struct mutex pace_guard;

struct pace {
	const struct settings *settings;
	struct mutex mutex;
	/* Guarded. */
	int64_t peers GUARDED_BY(pace_guard);
	int64_t taken_us GUARDED_BY(pace_guard); /* the last moment that is taken */
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

void pace_leave(struct pace *pace)
{
	enter(pace);
	pace->peers--;
	leave(pace);
}

static int64_t interval_us(const struct pace *pace) REQUIRES(pace_guard)
{
	int64_t most_us = pace->settings->ping_interval_us, step_us = pace->settings->probe_interval_us;
	int64_t peers = pace->peers > 0 ? pace->peers : 1;
	return peers < most_us / step_us ? peers * step_us : most_us;
}

int64_t pace_interval_us(struct pace *pace)
{
	enter(pace);
	int64_t result_us = interval_us(pace);
	leave(pace);
	return result_us;
}

int64_t pace_take_us(struct pace *pace, int64_t now_us)
{
	enter(pace);
	int64_t longest_us = interval_us(pace);
	int64_t next_us = pace->taken_us + pace->settings->probe_interval_us;
	/* After a pause, as at the start, the first ones come sooner, so that the others need not wait for them. */
	if (next_us < now_us + longest_us / 2)
		next_us = now_us + longest_us / 2;
	/* Some peers have gone, and their moments with them; or there are more than ping_interval has moments for. */
	if (next_us > now_us + longest_us)
		next_us = now_us + longest_us;
	pace->taken_us = next_us;
	leave(pace);
	return next_us - now_us;
}
