#include "reaper.h"

#include <errno.h>
#include <stdlib.h>

extern struct mutex reaper_guard;

struct reaper {
	struct mutex mutex;
	struct condition changed;
	struct thread thread;
	/* Guarded. */
	struct reaper_entry *finished GUARDED_BY(reaper_guard);
	size_t expected GUARDED_BY(reaper_guard);
	bool is_stopping GUARDED_BY(reaper_guard);
};

static void enter(struct reaper *reaper) ACQUIRES(reaper_guard) UNCHECKED
{
	mutex_lock(&reaper->mutex);
}

static void leave(struct reaper *reaper) RELEASES(reaper_guard) UNCHECKED
{
	mutex_unlock(&reaper->mutex);
}

static void wait_for_change(struct reaper *reaper) REQUIRES(reaper_guard) UNCHECKED
{
	condition_wait_until(&reaper->changed, &reaper->mutex, FOREVER_US);
}

/* Blocks until threads have finished, and returns them; NULL when it is all over. */
static struct reaper_entry *next_finished(struct reaper *reaper)
{
	enter(reaper);
	while (reaper->finished == NULL && !(reaper->is_stopping && reaper->expected == 0))
		wait_for_change(reaper);
	struct reaper_entry *finished = reaper->finished;
	reaper->finished = NULL;
	leave(reaper);
	return finished;
}

static void *reap(void *argument)
{
	struct reaper *reaper = argument;
	struct reaper_entry *entry;
	while ((entry = next_finished(reaper)) != NULL) {
		while (entry != NULL) {
			struct reaper_entry *next = entry->next;
			thread_join(entry->thread);
			entry->bury(entry);
			reaper_forget(reaper);
			entry = next;
		}
	}
	return NULL;
}

struct reaper *reaper_start(int *error)
{
	struct reaper *reaper = calloc(1, sizeof *reaper);
	*error = ENOMEM;
	if (reaper == NULL)
		return NULL;
	mutex_init(&reaper->mutex);
	condition_init(&reaper->changed);
	*error = thread_start(&reaper->thread, reap, reaper);
	if (*error == 0)
		return reaper;
	condition_fini(&reaper->changed);
	mutex_fini(&reaper->mutex);
	free(reaper);
	return NULL;
}

void reaper_stop(struct reaper *reaper)
{
	if (reaper == NULL)
		return;
	enter(reaper);
	reaper->is_stopping = true;
	condition_signal(&reaper->changed);
	leave(reaper);
	thread_join(reaper->thread);
	condition_fini(&reaper->changed);
	mutex_fini(&reaper->mutex);
	free(reaper);
}

void reaper_expect(struct reaper *reaper)
{
	enter(reaper);
	reaper->expected++;
	leave(reaper);
}

void reaper_forget(struct reaper *reaper)
{
	enter(reaper);
	reaper->expected--;
	condition_signal(&reaper->changed);
	leave(reaper);
}

void reaper_give(struct reaper *reaper, struct reaper_entry *entry)
{
	entry->thread = thread_self();
	enter(reaper);
	entry->next = reaper->finished;
	reaper->finished = entry;
	condition_signal(&reaper->changed);
	leave(reaper);
}
