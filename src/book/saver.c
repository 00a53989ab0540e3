#include "book/saver.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "base/problem.h"

/* How soon a change is seen: the book doesn't ring. */
#define LOOK_US ((int64_t)1000 * 1000)

static int64_t lesser(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

static int64_t greater(int64_t one, int64_t other)
{
	return one > other ? one : other;
}

/*
 * What lies in another folder at the path is taken in before it is overwritten: it may be the volume that was to be
 * mounted before this node started.
 */
static bool follow_folder(struct saver *saver, int64_t now_us, bool *has_moved, struct problem *problem)
{
	struct address_records found;
	*has_moved = false;
	if (state_is_in_place(saver->state))
		return true;
	if (!state_move(saver->state, problem))
		return false;
	*has_moved = true;
	state_load_addresses(saver->state, (size_t)saver->settings->max_addresses, &found);
	address_book_import(saver->book, &found, now_us);
	address_records_fini(&found);
	return true;
}

static bool save_book(struct saver *saver, int64_t now_us, struct problem *problem)
{
	struct address_records records = {0};
	if (!address_book_export(saver->book, &records, now_us, clock_unix_us()))
		return problem_set(problem, "%s", strerror(ENOMEM));
	bool is_saved = state_save_addresses(saver->state, &records, problem);
	address_records_fini(&records);
	return is_saved;
}

static bool save_last(struct saver *saver, struct problem *problem)
{
	return saver->has_last ? state_save_addresses(saver->state, &saver->last, problem)
			       : problem_set(problem, "%s", strerror(ENOMEM));
}

static void save(struct saver *saver, int64_t now_us, bool is_last)
{
	/* What changes while it is exported may be in it or not, and is saved again. */
	uint64_t changes = address_book_changes(saver->book);
	struct problem problem;
	bool has_moved;
	/* What was exported for the last save lacks what another folder has brought. */
	bool is_saved = follow_folder(saver, now_us, &has_moved, &problem) &&
			(is_last && !has_moved ? save_last(saver, &problem) : save_book(saver, now_us, &problem));
	if (is_saved)
		saver->saved_changes = changes;
	if (!is_saved && !saver->is_failing)
		log_error("%s/" STATE_ADDRESSES_FILE " cannot be saved: %s; trying again every save_interval",
			  state_dir(saver->state), problem.text);
	if (is_saved && saver->is_failing)
		log_info("%s/" STATE_ADDRESSES_FILE " is saved again", state_dir(saver->state));
	saver->is_failing = !is_saved;
	saver->is_first = false;
	saver->saved_us = now_us;
	saver->changed_us = INT64_MAX;
}

/* Is there something that is not on disk, or is the disk elsewhere? */
static bool is_behind(struct saver *saver)
{
	return saver->is_failing || address_book_changes(saver->book) != saver->saved_changes ||
	       !state_is_in_place(saver->state);
}

/* When to save. */
static int64_t due_us(const struct saver *saver, int64_t interval_us)
{
	if (saver->changed_us == INT64_MAX)
		return saver->saved_us + SAVER_IDLE_US;
	if (saver->is_first)
		return saver->changed_us + lesser(interval_us, SAVER_FIRST_US);
	return greater(saver->changed_us, saver->saved_us + interval_us);
}

/* When to look whether there is something to save: no sooner than it could be done. */
static int64_t look_us(const struct saver *saver, int64_t interval_us, int64_t now_us)
{
	int64_t soon_us = now_us + lesser(interval_us, LOOK_US);
	return saver->is_first ? soon_us : greater(soon_us, saver->saved_us + interval_us);
}

static void *save_all(void *argument)
{
	struct saver *saver = argument;
	while (!atomic_load(&saver->is_stopping)) {
		int64_t now_us = clock_now_us(), interval_us = saver->settings->save_interval_us;
		if (saver->changed_us == INT64_MAX && is_behind(saver))
			saver->changed_us = now_us;
		int64_t wake_us = due_us(saver, interval_us);
		if (wake_us <= now_us) {
			save(saver, now_us, false);
			continue;
		}
		if (saver->changed_us == INT64_MAX)
			wake_us = lesser(wake_us, look_us(saver, interval_us, now_us));
		alarm_wait_until(&saver->alarm, wake_us);
	}
	save(saver, clock_now_us(), true);
	return NULL;
}

int saver_start(struct saver *saver, struct state *state, struct address_book *book, const struct settings *settings)
{
	*saver = (struct saver){.state = state,
				.book = book,
				.settings = settings,
				.saved_changes = address_book_changes(book),
				.saved_us = clock_now_us(),
				.changed_us = INT64_MAX,
				.is_first = true};
	alarm_init(&saver->alarm);
	atomic_init(&saver->is_stopping, false);
	int error = thread_start(&saver->thread, save_all, saver);
	if (error != 0)
		alarm_fini(&saver->alarm);
	return error;
}

void saver_finish(struct saver *saver)
{
	saver->has_last = address_book_export(saver->book, &saver->last, clock_now_us(), clock_unix_us());
	atomic_store(&saver->is_stopping, true);
	alarm_ring(&saver->alarm);
}

void saver_stop(struct saver *saver)
{
	thread_join(saver->thread);
	address_records_fini(&saver->last);
	alarm_fini(&saver->alarm);
}
