/*
 * The journal: the last events of this node, in memory. A ring of counted references, under one mutex, that grows only
 * as it fills.
 *
 * The life of an event: any thread notes it, and gives it the next number. It stays until as many others have come
 * after it as the journal keeps. Readers hold what they read, so a slow one costs at most what it holds: it never keeps
 * the ring from moving on, and learns how many events it has missed.
 */
#ifndef KITH_JOURNAL_H
#define KITH_JOURNAL_H

#include <stddef.h>

#include "telemetry/event.h"

enum {
	/*
	 * What others can cause by connecting again and again: a burst of two fifths of the ring, and then a whole ring
	 * in at least JOURNAL_FLUSH_S. So nobody can flush the rest of it in less time.
	 */
	JOURNAL_FLUSH_S = 4 * 3600,
	JOURNAL_TEXT_BYTES = 512, /* longer texts of an event are cut, with their NUL */
	JOURNAL_STEP = 32,	  /* how many are read at once */
};

/* Immutable, and held by those who read it. */
struct journal_entry;

struct journal;

/* Keeps the last `most` events. NULL if there is no memory. */
struct journal *journal_new(size_t most);
void journal_free(struct journal *journal);
/* Another number is kept from now on: the oldest that are too many go. */
void journal_keep(struct journal *journal, size_t most);

/* A journal begins anew with each run: its clients tell one from the other by this. Constant. */
struct nodeid journal_boot(const struct journal *journal);

/*
 * Any thread; blocks nobody. The journal may be NULL: a core that is driven without one. An event for which there is no
 * memory is lost, and counts as such for the readers.
 */
void journal_note(struct journal *journal, const struct event *event);

/*
 * May another event be noted that a stranger has caused? Takes one of those that there may be. False if there are none
 * left now, or the journal is NULL.
 */
bool journal_may_note(struct journal *journal);

/*
 * What follows the event with the number *after (0: from the first on): up to JOURNAL_STEP entries, held for the
 * caller. *after moves on to the last of them. *lost is how many there were before these that are gone.
 */
size_t journal_read(struct journal *journal, uint64_t *after, struct journal_entry *entries[static JOURNAL_STEP],
		    uint64_t *lost);
/* The number before the first event that happened at_us or later: where to read from. */
uint64_t journal_before(struct journal *journal, int64_t at_us);
/* The number of the last event; 0 before the first. */
uint64_t journal_last(struct journal *journal);
/* How many are kept now, and the bytes of memory that they take. */
size_t journal_count(struct journal *journal, size_t *bytes);

/* Blocks until there is an event after that number, deadline_us, or journal_close. */
void journal_wait(struct journal *journal, uint64_t after, int64_t deadline_us);
/* Wakes all who wait: from now on nobody does. */
void journal_close(struct journal *journal);

/* ---- what a reader sees of an entry; the texts are "" for none, and good while it is held ---- */

const struct event *journal_event(const struct journal_entry *entry);
uint64_t journal_number(const struct journal_entry *entry);
/* When it was noted, by the monotonic clock and by the wall clock. */
int64_t journal_at_us(const struct journal_entry *entry);
int64_t journal_unix_us(const struct journal_entry *entry);
void journal_release(struct journal_entry *entry);

#endif
