#include "book/address_book_priv.h"

#include <stdlib.h>

void book_enter(struct address_book *book) UNCHECKED
{
	mutex_lock(&book->mutex);
}

void book_leave(struct address_book *book) UNCHECKED
{
	mutex_unlock(&book->mutex);
}

struct next_dial book_not_before(int64_t next_us)
{
	return (struct next_dial){.next_us = next_us};
}

int64_t book_jitter_us(int64_t middle_us, int64_t least_us, int64_t most_us, struct rng *rng)
{
	int64_t lowest_us = middle_us - middle_us / 4, highest_us = middle_us + middle_us / 4;
	if (lowest_us < least_us)
		lowest_us = least_us;
	if (highest_us > most_us)
		highest_us = most_us;
	return lowest_us + (int64_t)rng_below(rng, (uint32_t)((highest_us - lowest_us) / 1000) + 1) * 1000;
}

int64_t address_book_backoff_us(int64_t least_us, int64_t most_us, unsigned failures, struct rng *rng)
{
	int64_t middle_us = least_us;
	for (unsigned i = 1; i < failures && middle_us < most_us; i++)
		middle_us *= 2;
	return book_jitter_us(middle_us > most_us ? most_us : middle_us, least_us, most_us, rng);
}

int64_t book_after_failure_us(struct address_book *book, unsigned failures, int64_t now_us)
{
	int64_t least_us = book->settings->retry_min_us, most_us = book->settings->retry_max_us;
	return now_us +
	       address_book_backoff_us(least_us, most_us > least_us ? most_us : least_us, failures, &book->rng);
}

bool book_is_within(int64_t then_us, int64_t span_us, int64_t now_us)
{
	return then_us != NEVER_US && now_us - then_us <= span_us;
}

struct address_book *address_book_new(const struct settings *settings, const struct hash_key *secret, uint64_t seed,
				      int64_t now_us) UNCHECKED
{
	struct address_book *book = calloc(1, sizeof *book);
	if (book == NULL)
		return NULL;
	mutex_init(&book->mutex);
	rng_seed(&book->rng, seed);
	book->settings = settings;
	book->secret = *secret;
	targets_init(&book->targets, ADDRESS_BOOK_DAY_US);
	places_init(&book->places);
	book->next_again_us = now_us;
	book->next_feeler_us = now_us + book_jitter_us(ADDRESS_BOOK_FEELER_US, 0, FOREVER_US, &book->rng);
	if (!address_table_init(&book->table, (size_t)settings->max_addresses, secret) ||
	    !address_book_set_bootstraps(book, settings, now_us)) {
		address_book_free(book);
		return NULL;
	}
	return book;
}

#define FREE_LIST(type, head)                                                                                          \
	do {                                                                                                           \
		struct type *element = (head), *next;                                                                  \
		for (; element != NULL; element = next) {                                                              \
			next = element->next;                                                                          \
			free(element);                                                                                 \
		}                                                                                                      \
	} while (0)

/* Frees each element of a table that is cleared first: the links between the elements outlive the table. */
#define FREE_ALL(type, head)                                                                                           \
	do {                                                                                                           \
		struct type *element = (head), *next;                                                                  \
		HASH_CLEAR(hh, head);                                                                                  \
		for (; element != NULL; element = next) {                                                              \
			next = element->hh.next;                                                                       \
			free(element);                                                                                 \
		}                                                                                                      \
	} while (0)

void address_book_free(struct address_book *book) UNCHECKED
{
	if (book == NULL)
		return;
	while (book->connections != NULL)
		address_book_disconnected(book, book->connections->key, true, NULL, 0);
	FREE_LIST(claim, book->claims_under_way);
	heap_fini(&book->waiting_claims);
	FREE_ALL(node, book->nodes);
	FREE_ALL(group, book->groups);
	address_table_fini(&book->table);
	targets_fini(&book->targets);
	places_fini(&book->places);
	mutex_fini(&book->mutex);
	free(book->names);
	free(book->own);
	free(book);
}

bool book_leads_back(struct address_book *book, const struct address *address, const struct address_entry *entry)
{
	if (entry != NULL && entry->is_self)
		return true;
	for (size_t i = 0; i < book->self_count && i < ADDRESS_BOOK_SELVES; i++)
		if (address_equals(&book->selves[i], address))
			return true;
	for (size_t i = 0; i < book->own_count; i++)
		if (address_equals(&book->own[i], address))
			return true;
	return address_is_known(&book->advertised) && address_equals(&book->advertised, address);
}

bool book_is_self(struct address_book *book, const struct address *address)
{
	return book_leads_back(book, address, address_table_find(&book->table, address));
}

uint64_t address_book_changes(struct address_book *book)
{
	book_enter(book);
	uint64_t changes = book->changes;
	book_leave(book);
	return changes;
}

void address_book_add_own(struct address_book *book, const struct address *address)
{
	book_enter(book);
	struct address *grown = realloc(book->own, (book->own_count + 1) * sizeof *grown);
	if (grown != NULL) {
		book->own = grown;
		book->own[book->own_count++] = *address;
	}
	book_leave(book);
}

void address_book_set_advertised(struct address_book *book, const struct address *address)
{
	book_enter(book);
	if (address_is_known(&book->advertised) && !address_equals(&book->advertised, address)) {
		book->self_count = 0;
		for (struct address_entry *entry = book->table.entries; entry != NULL; entry = entry->hh.next)
			entry->is_self = false;
	}
	book->advertised = *address;
	book_leave(book);
}

void address_book_add_self(struct address_book *book, const struct address *address)
{
	book_enter(book);
	struct address_entry *entry = address_table_find(&book->table, address);
	if (entry != NULL && entry->is_bootstrap)
		entry->is_self = true;
	else if (!book_is_self(book, address))
		book->selves[book->self_count++ % ADDRESS_BOOK_SELVES] = *address;
	book_leave(book);
}

bool address_book_is_self(struct address_book *book, const struct address *address)
{
	book_enter(book);
	bool found = book_is_self(book, address);
	book_leave(book);
	return found;
}

/*
 * A peer says that this address is up. If it is in back-off, it is due again as soon as an address that has failed
 * once. next_again_us bounds what all such dials together may cost.
 */
static bool hurry(struct address_book *book, struct address_entry *entry, int64_t now_us) REQUIRES(address_book_guard)
{
	if (entry->kind == ADDRESS_NEW)
		entry->heard_us = now_us;
	if (entry->backoff < 2 || entry->lane != LANE_NONE || entry->is_dialing || entry->is_held)
		return false;
	int64_t due_us = entry->tried_us + book->settings->retry_min_us;
	address_table_set_due(&book->table, entry, due_us > now_us ? due_us : now_us);
	return true;
}

/* What this node has found itself, others don't change; where they disagree, nothing is known. */
static void compare_nodeid(struct address_book *book, struct address_entry *entry, const struct nodeid *told)
	REQUIRES(address_book_guard)
{
	if (entry->reached_us != NEVER_US || nodeid_is_none(told) || nodeid_equals(told, &entry->nodeid))
		return;
	book_set_nodeid(book, entry, &nodeid_none);
	entry->is_later = false;
	address_table_update_lane(&book->table, entry);
}

static bool hear(struct address_book *book, const struct message_entry *heard, const struct address *source,
		 int64_t now_us) REQUIRES(address_book_guard)
{
	struct address_entry *entry = address_table_find(&book->table, &heard->address);
	if (entry != NULL) {
		compare_nodeid(book, entry, &heard->nodeid);
		return hurry(book, entry, now_us);
	}
	return !book_leads_back(book, &heard->address, NULL) && book_add_heard(book, heard, source, now_us) != NULL;
}

size_t address_book_hear(struct address_book *book, const struct message_entry *entries, size_t count,
			 const struct address *source, int64_t now_us)
{
	size_t added = 0;
	if (count == 0)
		return 0;
	book_enter(book);
	for (size_t i = 0; i < count; i++)
		added += hear(book, &entries[i], source, now_us);
	book_leave(book);
	return added;
}

static enum target_standing weigh(struct address_book *book, const struct address *address) REQUIRES(address_book_guard)
{
	const struct address_entry *entry = address_table_find(&book->table, address);
	return entry != NULL && entry->reached_us != NEVER_US ? TARGET_MET : targets_weigh(&book->targets, address);
}

void address_book_weigh(struct address_book *book, const struct message_entry *entries, size_t count,
			enum target_standing *standings)
{
	book_enter(book);
	for (size_t i = 0; i < count; i++)
		standings[i] = weigh(book, &entries[i].address);
	book_leave(book);
}

bool address_book_knows(struct address_book *book, const struct address *address)
{
	book_enter(book);
	bool found = address_table_find(&book->table, address) != NULL;
	book_leave(book);
	return found;
}

size_t address_book_count(struct address_book *book)
{
	book_enter(book);
	size_t count = address_table_count(&book->table);
	book_leave(book);
	return count;
}
