#include "book/address_book_priv.h"

#include <stdlib.h>
#include <string.h>

/* An address that may be told, and its place in the order of the day. */
struct candidate {
	uint64_t rank;
	struct message_entry entry;
};

static int compare_ranks(const void *one, const void *other)
{
	const struct candidate *a = one, *b = other;
	return (a->rank > b->rank) - (a->rank < b->rank);
}

static struct candidate candidate_of(const struct address_book *book, const struct address_entry *entry, int64_t now_us)
{
	struct {
		struct address address;
		uint32_t zero; /* where padding would be, whose bytes count too */
		int64_t day;
	} hashed = {entry->address, 0, now_us / ADDRESS_BOOK_DAY_US};
	_Static_assert(sizeof hashed == sizeof hashed.address + sizeof hashed.zero + sizeof hashed.day, "no padding");
	return (struct candidate){keyed_hash(&book->secret, &hashed, sizeof hashed), {entry->address, entry->nodeid}};
}

size_t address_book_sample(struct address_book *book, struct message_entry *entries, size_t most, int64_t now_us)
{
	size_t count = 0;
	book_enter(book);
	struct candidate *candidates = calloc(address_table_count(&book->table) + 1, sizeof *candidates);
	for (struct address_entry *entry = book->table.entries; candidates != NULL && entry != NULL;
	     entry = entry->hh.next)
		if (book_is_within(entry->reached_us, ADDRESS_BOOK_DAY_US, now_us) && entry->failures == 0 &&
		    !book_is_connected(book, &entry->nodeid) && !book_is_self(book, &entry->address))
			candidates[count++] = candidate_of(book, entry, now_us);
	book_leave(book);
	if (count > 0)
		qsort(candidates, count, sizeof *candidates, compare_ranks);
	count = count * ADDRESS_BOOK_SAMPLE_PERCENT / 100;
	if (count > most)
		count = most;
	for (size_t i = 0; i < count; i++)
		entries[i] = candidates[i].entry;
	free(candidates);
	return count;
}

/* When an address was last heard of or tried. */
static int64_t touched_us(const struct address_entry *entry, int64_t now_us)
{
	if (entry->since_us != NEVER_US)
		return now_us;
	return entry->tried_us > entry->heard_us ? entry->tried_us : entry->heard_us;
}

static struct address_info look(const struct address_entry *entry, int64_t now_us)
{
	struct address_info info = {.address = entry->address,
				    .nodeid = entry->nodeid,
				    .kind = entry->kind,
				    .heard_us = entry->since_us != NEVER_US ? now_us : entry->heard_us,
				    .tried_us = entry->tried_us,
				    .error_us = entry->error_us,
				    .failures = entry->failures};
	if (entry->error != NULL)
		strcpy(info.error, entry->error->text);
	return info;
}

size_t address_book_recent(struct address_book *book, struct address_info *infos, size_t most, int64_t now_us)
{
	size_t count = 0;
	const struct address_entry **recent = calloc(most + 1, sizeof *recent);
	book_enter(book);
	for (struct address_entry *entry = book->table.entries; recent != NULL && entry != NULL;
	     entry = entry->hh.next) {
		size_t place = count;
		for (; place > 0 && touched_us(recent[place - 1], now_us) < touched_us(entry, now_us); place--)
			recent[place] = recent[place - 1];
		recent[place] = entry;
		count += count < most;
	}
	for (size_t i = 0; i < count; i++)
		infos[i] = look(recent[i], now_us);
	book_leave(book);
	free(recent);
	return count;
}
