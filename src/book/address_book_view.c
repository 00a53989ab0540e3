#include "book/address_book_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

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
		    !entry->is_held && !book_is_self(book, &entry->address))
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
	if (entry->is_held)
		return now_us;
	return entry->tried_us > entry->heard_us ? entry->tried_us : entry->heard_us;
}

/* It is in a lane, or waits. */
static bool has_due(const struct address_entry *entry)
{
	return entry->lane != LANE_NONE || entry->due.place != 0;
}

static struct address_info look(struct address_book *book, const struct address_entry *entry, int64_t now_us)
	REQUIRES(address_book_guard)
{
	struct address_info info = {.address = entry->address,
				    .nodeid = entry->nodeid,
				    .kind = entry->kind,
				    .heard_us = entry->is_held ? now_us : entry->heard_us,
				    .tried_us = entry->tried_us,
				    .error_us = entry->error_us,
				    .reached_us = entry->reached_us,
				    .due_us = has_due(entry) ? entry->due.key : FOREVER_US,
				    .teller = entry->teller,
				    .is_bootstrap = book_is_kept(entry),
				    .is_connected = entry->is_held,
				    .is_dialing = entry->is_dialing,
				    .is_self = book_leads_back(book, &entry->address, entry),
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
		infos[i] = look(book, recent[i], now_us);
	book_leave(book);
	free(recent);
	return count;
}

bool address_book_look(struct address_book *book, const struct address *address, struct address_info *info,
		       int64_t now_us)
{
	book_enter(book);
	const struct address_entry *entry = address_table_find(&book->table, address);
	if (entry != NULL)
		*info = look(book, entry, now_us);
	book_leave(book);
	return entry != NULL;
}

void address_book_begin_walk(struct address_book *book, struct address_walk *walk)
{
	book_enter(book);
	walk->entry = book->table.entries;
	DL_APPEND(book->table.walks, walk);
	book_leave(book);
}

size_t address_book_walk(struct address_book *book, struct address_walk *walk,
			 struct address_info infos[static ADDRESS_BOOK_STEP], int64_t now_us)
{
	size_t count = 0;
	book_enter(book);
	for (; walk->entry != NULL && count < ADDRESS_BOOK_STEP; walk->entry = walk->entry->hh.next)
		infos[count++] = look(book, walk->entry, now_us);
	book_leave(book);
	return count;
}

void address_book_end_walk(struct address_book *book, struct address_walk *walk)
{
	book_enter(book);
	DL_DELETE(book->table.walks, walk);
	book_leave(book);
}

bool address_book_is_empty(struct address_book *book)
{
	book_enter(book);
	bool is_empty = address_table_count(&book->table) == 0 && book->name_count == 0;
	book_leave(book);
	return is_empty;
}

/* What came of the dials to an address; the entry is NULL if it is not in the book. */
static const char *result_of(struct address_book *book, const struct address *address,
			     const struct address_entry *entry) REQUIRES(address_book_guard)
{
	if (book_is_self(book, address))
		return "is this node itself";
	if (entry != NULL && entry->error != NULL)
		return entry->error->text;
	return entry != NULL && entry->is_dialing ? "no answer yet" : "not dialled yet";
}

static struct address_trial try_address(struct address_book *book, const struct address_entry *entry)
	REQUIRES(address_book_guard)
{
	struct address_trial trial;
	address_format(&entry->address, trial.label);
	snprintf(trial.result, sizeof trial.result, "%s", result_of(book, &entry->address, entry));
	return trial;
}

/* Of a name that has addresses, the first stands for all. */
static struct address_trial try_name(struct address_book *book, const struct name *name) REQUIRES(address_book_guard)
{
	struct address_trial trial;
	snprintf(trial.label, sizeof trial.label, "%.80s:%u", name->bootstrap.host, (unsigned)name->bootstrap.port);
	const char *result = name->is_dialing ? "no answer of a name server yet" : "not looked up yet";
	if (name->error[0] != '\0')
		result = name->error;
	else if (name->address_count > 0)
		result = result_of(book, &name->addresses[0], address_table_find(&book->table, &name->addresses[0]));
	snprintf(trial.result, sizeof trial.result, "%s", result);
	return trial;
}

size_t address_book_list_bootstraps(struct address_book *book, struct address_trial *trials, size_t most)
{
	size_t count = 0;
	book_enter(book);
	for (size_t i = 0; i < book->name_count; i++, count++)
		if (count < most)
			trials[count] = try_name(book, &book->names[i]);
	for (struct address_entry *entry = book->table.entries; entry != NULL; entry = entry->hh.next) {
		if (entry->is_bootstrap && count < most)
			trials[count] = try_address(book, entry);
		count += entry->is_bootstrap;
	}
	book_leave(book);
	return count;
}

size_t address_book_list_known(struct address_book *book, struct address_trial *trials, size_t most)
{
	size_t count = 0;
	book_enter(book);
	for (struct address_entry *entry = book->table.entries; entry != NULL && count < most; entry = entry->hh.next)
		trials[count++] = try_address(book, entry);
	count = address_table_count(&book->table);
	book_leave(book);
	return count;
}
