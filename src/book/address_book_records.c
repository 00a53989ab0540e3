#include "book/address_book_priv.h"

#include <stdlib.h>
#include <string.h>

static int64_t from_saved(int64_t then_s, int64_t now_us, int64_t saved_s)
{
	return then_s <= 0 ? NEVER_US : then_s < saved_s ? now_us - (saved_s - then_s) * 1000000 : now_us;
}

/* 0 for never. What a file of a far later clock has made older than the epoch is as old as a file can say. */
static int64_t to_unix(int64_t then_us, int64_t now_us, int64_t unix_us)
{
	if (then_us == NEVER_US)
		return 0;
	int64_t then_s = (unix_us - (now_us - then_us)) / 1000000;
	return then_s < 1 ? 1 : then_s;
}

/* Puts an imported entry into a bucket; false where there is no room. */
static bool place_import(struct address_book *book, struct address_entry *entry, enum address_kind kind)
	REQUIRES(address_book_guard)
{
	struct address_entry *rival;
	if (book_is_kept(entry)) {
		entry->kind = kind;
		return true;
	}
	return (kind == ADDRESS_TRIED && address_table_place_tried(&book->table, entry, book_may_go, book, &rival)) ||
	       address_table_place_new(&book->table, entry, book_may_go, book);
}

/* Earlier versions kept as tried also what its node had only announced: that is hearsay, and gets at least one dial. */
static enum address_kind kind_of(const struct address_record *record)
{
	return record->reached_s > 0 ? record->kind : ADDRESS_NEW;
}

static void fill(struct address_book *book, struct address_entry *entry, const struct address_record *record,
		 int64_t now_us, int64_t saved_s) REQUIRES(address_book_guard)
{
	bool was_announced = record->kind == ADDRESS_TRIED && record->reached_s <= 0;
	entry->nodeid = record->nodeid;
	entry->teller = record->teller;
	entry->heard_us = record->heard_s <= 0 ? now_us : from_saved(record->heard_s, now_us, saved_s);
	entry->tried_us = from_saved(record->tried_s, now_us, saved_s);
	entry->reached_us = from_saved(record->reached_s, now_us, saved_s);
	entry->failures = record->failures;
	if (was_announced && entry->failures >= ADDRESS_BOOK_NEW_FAILURES)
		entry->failures = ADDRESS_BOOK_NEW_FAILURES - 1;
	if (was_announced && book_is_unheard(entry, now_us))
		entry->heard_us = now_us;
	entry->is_anchor = record->is_anchor;
	if (record->error[0] != '\0')
		book_set_error(book, entry, record->error, from_saved(record->error_s, now_us, saved_s));
	entry->kind = kind_of(record);
}

/* The count of what became of it; NULL for one that the file says twice, or if there is no memory. */
static size_t *import(struct address_book *book, const struct address_record *record, int64_t now_us, int64_t saved_s,
		      struct address_book_import *counts) REQUIRES(address_book_guard)
{
	struct address_entry *entry = address_table_find(&book->table, &record->address);
	if (book_is_self(book, &record->address))
		return &counts->own;
	/* What is known already is newer than the file, which may be read while the node runs. */
	if (entry != NULL && (!book_is_kept(entry) || entry->is_dialing || entry->is_held))
		return NULL;
	if (entry == NULL)
		entry = book_add(book, &record->address, now_us);
	if (entry == NULL)
		return NULL;
	fill(book, entry, record, now_us, saved_s);
	size_t *count = &counts->known;
	if (entry->kind == ADDRESS_NEW && book_is_hopeless(entry, now_us))
		count = book_is_unheard(entry, now_us) ? &counts->unheard : &counts->failed;
	else if (!place_import(book, entry, kind_of(record)))
		count = &counts->crowded;
	if (count == &counts->known)
		address_table_set_due(&book->table, entry, now_us);
	else
		address_table_remove(&book->table, entry);
	return count;
}

struct address_book_import address_book_import(struct address_book *book, const struct address_records *records,
					       int64_t now_us)
{
	struct address_book_import counts = {0};
	book_enter(book);
	for (size_t i = 0; i < records->count; i++) {
		size_t *count = import(book, &records->records[i], now_us, records->saved_s, &counts);
		if (count != NULL)
			++*count;
	}
	book_leave(book);
	return counts;
}

static void export(const struct address_entry *entry, struct address_record *record, int64_t now_us, int64_t unix_us)
{
	int64_t heard_us = entry->is_held ? now_us : entry->heard_us;
	*record = (struct address_record){.address = entry->address,
					  .nodeid = entry->nodeid,
					  .teller = entry->teller,
					  .kind = entry->kind,
					  .heard_s = to_unix(heard_us, now_us, unix_us),
					  .tried_s = to_unix(entry->tried_us, now_us, unix_us),
					  .reached_s = to_unix(entry->reached_us, now_us, unix_us),
					  .error_s = to_unix(entry->error_us, now_us, unix_us),
					  .failures = entry->failures};
	if (entry->error != NULL)
		strcpy(record->error, entry->error->text);
}

static bool is_better_anchor(const struct connection *one, const struct connection *other)
{
	return one->is_dialled != other->is_dialled ? one->is_dialled : one->since_us < other->since_us;
}

/*
 * The peers that have been connected longest become the anchors, and those that this node has dialled come first: an
 * attacker can connect, but can't make this node dial it.
 */
static void mark_anchors(struct address_book *book, struct address_records *records) REQUIRES(address_book_guard)
{
	const struct address_entry *eldest[ADDRESS_BOOK_ANCHORS] = {NULL};
	for (const struct address_entry *entry = book->table.entries; entry != NULL; entry = entry->hh.next) {
		if (!entry->is_held)
			continue;
		const struct address_entry *candidate = entry;
		for (size_t i = 0; i < ADDRESS_BOOK_ANCHORS && candidate != NULL; i++) {
			if (eldest[i] != NULL && !is_better_anchor(candidate->connection, eldest[i]->connection))
				continue;
			const struct address_entry *displaced = eldest[i];
			eldest[i] = candidate;
			candidate = displaced;
		}
	}
	for (size_t i = 0; i < records->count; i++)
		for (size_t j = 0; j < ADDRESS_BOOK_ANCHORS; j++)
			if (eldest[j] != NULL && address_equals(&records->records[i].address, &eldest[j]->address))
				records->records[i].is_anchor = true;
}

static void export_kind(struct address_book *book, struct address_records *records, enum address_kind kind,
			int64_t now_us, int64_t unix_us) REQUIRES(address_book_guard)
{
	for (struct address_entry *entry = book->table.entries; entry != NULL; entry = entry->hh.next)
		/* Addresses known only from the configuration will be there after a restart anyway. */
		if (entry->kind == kind && !book_is_self(book, &entry->address) &&
		    (kind == ADDRESS_TRIED || (!book_is_kept(entry) && !book_is_hopeless(entry, now_us))))
			export(entry, &records->records[records->count++], now_us, unix_us);
}

bool address_book_export(struct address_book *book, struct address_records *records, int64_t now_us, int64_t unix_us)
{
	if (unix_us < ADDRESS_BOOK_EARLIEST_S * 1000000)
		unix_us = ADDRESS_BOOK_EARLIEST_S * 1000000;
	*records = (struct address_records){.secret = book->secret, .has_secret = true, .saved_s = unix_us / 1000000};
	book_enter(book);
	records->records = calloc(address_table_count(&book->table) + 1, sizeof *records->records);
	if (records->records != NULL) {
		/* The better ones first, for a book that has become smaller. */
		export_kind(book, records, ADDRESS_TRIED, now_us, unix_us);
		export_kind(book, records, ADDRESS_NEW, now_us, unix_us);
		mark_anchors(book, records);
	}
	book_leave(book);
	return records->records != NULL;
}
