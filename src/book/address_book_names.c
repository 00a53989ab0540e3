#include "book/address_book_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct name *find_name_of(struct name *names, size_t count, const char *host, uint16_t port)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].bootstrap.port == port && strcmp(names[i].bootstrap.host, host) == 0)
			return &names[i];
	return NULL;
}

/* This address was among the results of the last look-up of a name. */
static bool is_named(struct address_book *book, const struct address *address) REQUIRES(address_book_guard)
{
	for (size_t i = 0; i < book->name_count; i++)
		for (size_t j = 0; j < book->names[i].address_count; j++)
			if (address_equals(&book->names[i].addresses[j], address))
				return true;
	return false;
}

/* The configuration keeps the entry, or no longer does. Entries that it keeps are in no bucket. */
static void set_kept(struct address_book *book, struct address_entry *entry, bool is_bootstrap, int64_t now_us)
	REQUIRES(address_book_guard)
{
	bool was_kept = book_is_kept(entry);
	struct address_entry *rival;
	entry->is_bootstrap = is_bootstrap;
	entry->is_named = is_named(book, &entry->address);
	address_table_update_lane(&book->table, entry);
	if (book_is_kept(entry) == was_kept)
		return;
	if (book_is_kept(entry)) {
		address_table_unplace(&book->table, entry);
		return;
	}
	entry->is_self = false;
	bool has_place = entry->kind == ADDRESS_TRIED &&
			 address_table_place_tried(&book->table, entry, book_may_go, book, &rival);
	if (!has_place && !address_table_place_new(&book->table, entry, book_may_go, book) && book_may_go(book, entry))
		book_forget(book, entry, now_us);
	else
		address_table_update_lane(&book->table, entry);
}

static bool add_bootstrap(struct address_book *book, const struct address *address, int64_t now_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *entry = address_table_find(&book->table, address);
	if (entry == NULL) {
		entry = book_add(book, address, now_us);
		if (entry == NULL)
			return false;
		entry->is_bootstrap = true;
		address_table_set_due(&book->table, entry, now_us);
	} else {
		set_kept(book, entry, true, now_us);
	}
	return true;
}

/* The names of the settings, with what is known of those that were there before; NULL without memory. */
static struct name *list_names(const struct settings *settings, struct name *before, size_t before_count, size_t *count,
			       int64_t now_us)
{
	struct name *names = calloc(settings->texts->bootstrap_count + 1, sizeof *names);
	*count = 0;
	for (size_t i = 0; names != NULL && i < settings->texts->bootstrap_count; i++) {
		const struct bootstrap *bootstrap = &settings->texts->bootstrap[i];
		if (address_is_known(&bootstrap->address) ||
		    find_name_of(names, *count, bootstrap->host, bootstrap->port) != NULL)
			continue;
		const struct name *known = find_name_of(before, before_count, bootstrap->host, bootstrap->port);
		names[(*count)++] = known != NULL ? *known : (struct name){.bootstrap = *bootstrap, .due_us = now_us};
	}
	return names;
}

static bool is_bootstrap(const struct settings *settings, const struct address *address)
{
	for (size_t i = 0; i < settings->texts->bootstrap_count; i++)
		if (address_equals(&settings->texts->bootstrap[i].address, address))
			return true;
	return false;
}

/* This entry or the first after it that the configuration keeps; NULL if there is none. */
static struct address_entry *first_kept(struct address_entry *entry)
{
	while (entry != NULL && !book_is_kept(entry))
		entry = entry->hh.next;
	return entry;
}

static bool set_bootstraps(struct address_book *book, const struct settings *settings, struct name *names,
			   size_t name_count, int64_t now_us) REQUIRES(address_book_guard)
{
	struct address_entry *next;
	bool is_done = true;
	free(book->names);
	book->names = names;
	book->name_count = name_count;
	for (struct address_entry *entry = first_kept(book->table.entries); entry != NULL; entry = next) {
		/* An entry that is placed may displace others, but none that is kept. */
		next = first_kept(entry->hh.next);
		if (!is_bootstrap(settings, &entry->address))
			set_kept(book, entry, false, now_us);
	}
	for (size_t i = 0; i < settings->texts->bootstrap_count; i++)
		if (address_is_known(&settings->texts->bootstrap[i].address))
			is_done = add_bootstrap(book, &settings->texts->bootstrap[i].address, now_us) && is_done;
	return is_done;
}

bool address_book_set_bootstraps(struct address_book *book, const struct settings *settings, int64_t now_us)
{
	size_t count;
	book_enter(book);
	struct name *names = list_names(settings, book->names, book->name_count, &count, now_us);
	bool is_done = names != NULL && set_bootstraps(book, settings, names, count, now_us);
	book_leave(book);
	return is_done;
}

bool book_is_satisfied(struct address_book *book, const struct name *name)
{
	for (size_t i = 0; i < name->address_count; i++) {
		struct address_entry *entry = address_table_find(&book->table, &name->addresses[i]);
		if (entry != NULL && (entry->connection != NULL || book_is_busy(book, entry)))
			return true;
	}
	return false;
}

struct next_dial book_pick_name(struct address_book *book, int64_t now_us)
{
	int64_t next_us = FOREVER_US;
	for (size_t i = 0; i < book->name_count; i++) {
		struct name *name = &book->names[i];
		if (name->is_dialing || book_is_satisfied(book, name))
			continue;
		if (name->due_us > now_us) {
			next_us = name->due_us < next_us ? name->due_us : next_us;
			continue;
		}
		char *host = strdup(name->bootstrap.host);
		if (host == NULL)
			continue;
		name->is_dialing = true;
		struct dial dial = {.kind = DIAL_NAME, .host = host, .port = name->bootstrap.port};
		return (struct next_dial){.is_due = true, .dial = dial};
	}
	return book_not_before(next_us);
}

static struct name *take_back_name(struct address_book *book, const struct dial *dial) REQUIRES(address_book_guard)
{
	struct name *name = find_name_of(book->names, book->name_count, dial->host, dial->port);
	if (name != NULL)
		name->is_dialing = false;
	return name;
}

unsigned book_retry_name(struct address_book *book, const struct dial *dial, const char *error, bool has_failed,
			 int64_t now_us)
{
	struct name *name = take_back_name(book, dial);
	if (name == NULL)
		return 0;
	if (error != NULL)
		snprintf(name->error, sizeof name->error, "%s", error);
	unsigned failures = has_failed ? ++name->failures : 0;
	name->due_us = book_after_failure_us(book, failures, now_us);
	return failures;
}

void book_hurry_names(struct address_book *book, int64_t now_us)
{
	for (size_t i = 0; i < book->name_count; i++) {
		book->names[i].failures = 0;
		if (book->names[i].due_us > now_us)
			book->names[i].due_us = now_us;
	}
}

void address_book_resolved(struct address_book *book, const struct dial *dial, const struct address *addresses,
			   size_t count, int64_t now_us)
{
	struct address before[ADDRESS_BOOK_NAME_ADDRESSES];
	size_t before_count = 0;
	book_enter(book);
	struct name *name = take_back_name(book, dial);
	if (name != NULL) {
		before_count = name->address_count;
		memcpy(before, name->addresses, before_count * sizeof *before);
		name->error[0] = '\0';
		name->address_count = count < ADDRESS_BOOK_NAME_ADDRESSES ? count : ADDRESS_BOOK_NAME_ADDRESSES;
		memcpy(name->addresses, addresses, name->address_count * sizeof *addresses);
		/* A failure, until one of them becomes a peer. */
		name->due_us = book_after_failure_us(book, ++name->failures, now_us);
	}
	for (size_t i = 0; i < before_count; i++) {
		struct address_entry *entry = address_table_find(&book->table, &before[i]);
		if (entry != NULL)
			set_kept(book, entry, entry->is_bootstrap, now_us);
	}
	for (size_t i = 0; name != NULL && i < name->address_count; i++) {
		struct address_entry *entry = address_table_find(&book->table, &addresses[i]);
		if (entry != NULL) {
			set_kept(book, entry, entry->is_bootstrap, now_us);
		} else if (!book_is_self(book, &addresses[i]) &&
			   (entry = book_add(book, &addresses[i], now_us)) != NULL) {
			entry->is_named = true;
			address_table_set_due(&book->table, entry, now_us);
		}
	}
	book_leave(book);
}
