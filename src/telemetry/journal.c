#include "telemetry/journal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/sync.h"
#include "base/token_bucket.h"

extern struct mutex journal_guard;

struct journal_entry {
	atomic_uint references;
	uint64_t number;
	int64_t at_us, unix_us;
	struct event event; /* its texts are behind it */
	size_t bytes;
	char texts[];
};

struct journal {
	/* Immutable. */
	struct nodeid boot;
	/* Guarded. */
	struct mutex mutex;
	struct condition noted;
	bool is_closed GUARDED_BY(journal_guard);
	struct journal_entry **ring GUARDED_BY(journal_guard); /* NULL where memory was lacking */
	size_t capacity GUARDED_BY(journal_guard);
	size_t most GUARDED_BY(journal_guard);
	size_t first GUARDED_BY(journal_guard); /* the oldest one's place */
	size_t count GUARDED_BY(journal_guard);
	size_t bytes GUARDED_BY(journal_guard);
	uint64_t last GUARDED_BY(journal_guard); /* the newest one's number */
	struct token_bucket strangers GUARDED_BY(journal_guard);
};

static void enter(struct journal *journal) ACQUIRES(journal_guard) UNCHECKED
{
	mutex_lock(&journal->mutex);
}

static void leave(struct journal *journal) RELEASES(journal_guard) UNCHECKED
{
	mutex_unlock(&journal->mutex);
}

static double strangers_burst(size_t most)
{
	return 1 + (double)most * 2 / 5;
}

struct journal *journal_new(size_t most) UNCHECKED
{
	struct journal *journal = calloc(1, sizeof *journal);
	if (journal == NULL)
		return NULL;
	journal->boot = nodeid_random();
	journal->most = most;
	token_bucket_init(&journal->strangers, strangers_burst(most), clock_now_us());
	mutex_init(&journal->mutex);
	condition_init(&journal->noted);
	return journal;
}

void journal_free(struct journal *journal) UNCHECKED
{
	if (journal == NULL)
		return;
	for (size_t i = 0; i < journal->count; i++)
		journal_release(journal->ring[(journal->first + i) % journal->capacity]);
	free(journal->ring);
	condition_fini(&journal->noted);
	mutex_fini(&journal->mutex);
	free(journal);
}

struct nodeid journal_boot(const struct journal *journal)
{
	return journal->boot;
}

/* Takes the oldest out, for the caller to release. */
static struct journal_entry *take_oldest(struct journal *journal) REQUIRES(journal_guard)
{
	struct journal_entry *entry = journal->ring[journal->first];
	journal->first = (journal->first + 1) % journal->capacity;
	journal->count--;
	if (entry != NULL)
		journal->bytes -= entry->bytes;
	return entry;
}

void journal_keep(struct journal *journal, size_t most)
{
	struct journal_entry *gone = NULL;
	bool is_done = false;
	/* One at a time, so that nothing is freed under the lock and nobody waits for all of them. */
	while (!is_done) {
		enter(journal);
		journal->most = most;
		is_done = journal->count <= most;
		gone = is_done ? NULL : take_oldest(journal);
		leave(journal);
		journal_release(gone);
	}
}

/* Room for one more; false if there is none, and no memory. */
static bool grow(struct journal *journal) REQUIRES(journal_guard)
{
	enum { LEAST = 64 };
	if (journal->count < journal->capacity)
		return true;
	must(journal->count == journal->capacity);
	size_t capacity = journal->capacity == 0 ? LEAST : journal->capacity * 2;
	struct journal_entry **grown = calloc(capacity, sizeof *grown);
	if (grown == NULL)
		return false;
	for (size_t i = 0; i < journal->count; i++)
		grown[i] = journal->ring[(journal->first + i) % journal->capacity];
	free(journal->ring);
	journal->ring = grown;
	journal->capacity = capacity;
	journal->first = 0;
	return true;
}

static size_t length_of(const char *text)
{
	return text == NULL ? 0 : strnlen(text, JOURNAL_TEXT_BYTES - 1);
}

/* A copy at *at, which moves behind it. */
static const char *copy_text(char **at, const char *text)
{
	char *copy = *at;
	size_t length = length_of(text);
	if (length > 0)
		memcpy(copy, text, length);
	/* Not within a character of UTF-8. */
	while (length > 0 && text[length] != '\0' && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	copy[length] = '\0';
	*at = copy + length + 1;
	return copy;
}

static struct journal_entry *new_entry(const struct event *event)
{
	size_t texts = length_of(event->name) + length_of(event->value) + length_of(event->reason) + 3;
	struct journal_entry *entry = malloc(sizeof *entry + texts);
	if (entry == NULL)
		return NULL;
	char *at = entry->texts;
	atomic_init(&entry->references, 1);
	entry->bytes = sizeof *entry + texts;
	entry->at_us = clock_now_us();
	entry->unix_us = clock_unix_us();
	entry->event = *event;
	entry->event.name = copy_text(&at, event->name);
	entry->event.value = copy_text(&at, event->value);
	entry->event.reason = copy_text(&at, event->reason);
	return entry;
}

void journal_note(struct journal *journal, const struct event *event)
{
	if (journal == NULL)
		return;
	struct journal_entry *entry = new_entry(event), *gone = NULL;
	enter(journal);
	uint64_t number = ++journal->last;
	if (entry != NULL)
		entry->number = number;
	if (journal->count == journal->most || !grow(journal))
		gone = journal->count > 0 ? take_oldest(journal) : NULL;
	if (journal->count < journal->most && journal->count < journal->capacity) {
		journal->ring[(journal->first + journal->count++) % journal->capacity] = entry;
		journal->bytes += entry == NULL ? 0 : entry->bytes;
		entry = NULL;
	}
	condition_broadcast(&journal->noted);
	leave(journal);
	journal_release(gone);
	journal_release(entry);
}

bool journal_may_note(struct journal *journal)
{
	if (journal == NULL)
		return false;
	int64_t now_us = clock_now_us();
	enter(journal);
	bool may = token_bucket_take(&journal->strangers, 1, (double)journal->most / JOURNAL_FLUSH_S,
				     strangers_burst(journal->most), now_us) > 0;
	leave(journal);
	return may;
}

size_t journal_read(struct journal *journal, uint64_t *after, struct journal_entry *entries[static JOURNAL_STEP],
		    uint64_t *lost)
{
	size_t count = 0;
	*lost = 0;
	enter(journal);
	uint64_t before = journal->last - journal->count; /* the number before the oldest */
	if (*after < before) {
		*lost = before - *after;
		*after = before;
	}
	while (*after < journal->last && count < JOURNAL_STEP) {
		size_t place = (journal->first + (size_t)(*after - before)) % journal->capacity;
		struct journal_entry *entry = journal->ring[place];
		/* Those that are lost come before those that are read. */
		if (entry == NULL && count > 0)
			break;
		++*after;
		if (entry == NULL) {
			++*lost;
			continue;
		}
		atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
		entries[count++] = entry;
	}
	leave(journal);
	return count;
}

uint64_t journal_before(struct journal *journal, int64_t at_us)
{
	enter(journal);
	uint64_t number = journal->last;
	for (size_t i = journal->count; i > 0; i--, number--) {
		const struct journal_entry *entry = journal->ring[(journal->first + i - 1) % journal->capacity];
		if (entry != NULL && entry->at_us < at_us)
			break;
	}
	leave(journal);
	return number;
}

uint64_t journal_last(struct journal *journal)
{
	enter(journal);
	uint64_t last = journal->last;
	leave(journal);
	return last;
}

size_t journal_count(struct journal *journal, size_t *bytes)
{
	enter(journal);
	size_t count = journal->count;
	*bytes = journal->bytes + journal->capacity * sizeof(struct journal_entry *);
	leave(journal);
	return count;
}

void journal_wait(struct journal *journal, uint64_t after, int64_t deadline_us) UNCHECKED
{
	enter(journal);
	while (!journal->is_closed && journal->last <= after &&
	       condition_wait_until(&journal->noted, &journal->mutex, deadline_us))
		continue;
	leave(journal);
}

void journal_close(struct journal *journal)
{
	if (journal == NULL)
		return;
	enter(journal);
	journal->is_closed = true;
	condition_broadcast(&journal->noted);
	leave(journal);
}

const struct event *journal_event(const struct journal_entry *entry)
{
	return &entry->event;
}

uint64_t journal_number(const struct journal_entry *entry)
{
	return entry->number;
}

int64_t journal_at_us(const struct journal_entry *entry)
{
	return entry->at_us;
}

int64_t journal_unix_us(const struct journal_entry *entry)
{
	return entry->unix_us;
}

void journal_release(struct journal_entry *entry)
{
	if (entry != NULL && atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) == 1)
		free(entry);
}
