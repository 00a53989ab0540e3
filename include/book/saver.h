/*
 * The saver: the thread that saves the address book when something in it has changed, once in save_interval at most,
 * and once an hour without a change, since the times of those that are connected move on; and at the stop.
 */
#ifndef KITH_SAVER_H
#define KITH_SAVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sync.h"
#include "book/address_book.h"
#include "book/state.h"
#include "settings/settings.h"

/* A node's first save waits for so long after the first change, or for save_interval if that is less. */
#define SAVER_FIRST_US ((int64_t)5 * 1000 * 1000)
#define SAVER_IDLE_US ((int64_t)3600 * 1000 * 1000)

struct saver {
	struct state *state;
	struct address_book *book;
	const struct settings *settings;
	struct thread thread;

	/* the thread's alone */
	uint64_t saved_changes; /* of what is on disk */
	int64_t saved_us;	/* when that was last tried; at first the start */
	int64_t changed_us;	/* when the first change since was seen; INT64_MAX for none */
	bool is_first;		/* it was not tried yet */
	bool is_failing;

	/* any thread's */
	struct alarm alarm; /* rung when save_interval has changed */
	_Atomic bool is_stopping;

	/* the last that is saved; the thread's as soon as is_stopping is set */
	struct address_records last;
	bool has_last; /* there was memory for it */
};

/* Borrows all three; what is in the book now needs no save. 0, or an errno. */
int saver_start(struct saver *saver, struct state *state, struct address_book *book, const struct settings *settings);
/* What is in the book now is saved once more, and nothing after that. Doesn't wait for the disk. */
void saver_finish(struct saver *saver);
/* After saver_finish: blocks until that is saved and the thread has ended. */
void saver_stop(struct saver *saver);

#endif
