#include "book/address_book_priv.h"

/* In the book already, or as if somebody had told of it. NULL if it has no place. */
static struct address_entry *find_or_add(struct address_book *book, const struct address *address, int64_t now_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *entry = address_table_find(&book->table, address);
	if (entry != NULL)
		return entry;
	entry = book_add(book, address, now_us);
	if (entry == NULL || address_table_place_new(&book->table, entry, book_may_go, book))
		return entry;
	address_table_remove(&book->table, entry);
	return NULL;
}

enum address_book_asked address_book_ask(struct address_book *book, const struct address *address, int64_t now_us)
{
	enum address_book_asked result = ADDRESS_BOOK_DUE;
	book_enter(book);
	struct address_entry *entry = book_is_self(book, address) ? NULL : find_or_add(book, address, now_us);
	if (book_is_self(book, address))
		result = ADDRESS_BOOK_SELF;
	else if (entry == NULL)
		result = ADDRESS_BOOK_CROWDED;
	else if (entry->is_held)
		result = ADDRESS_BOOK_CONNECTED;
	if (entry != NULL && result == ADDRESS_BOOK_DUE && !entry->is_dialing) {
		/* Dialled before others, and only once so. */
		entry->is_anchor = true;
		entry->backoff = 0;
		address_table_set_due(&book->table, entry, now_us);
		book->next_again_us = now_us;
	}
	book_leave(book);
	return result;
}

enum address_book_drop address_book_drop(struct address_book *book, const struct address *address, int64_t now_us)
{
	enum address_book_drop result = ADDRESS_BOOK_DROPPED;
	book_enter(book);
	struct address_entry *entry = address_table_find(&book->table, address);
	if (entry == NULL)
		result = ADDRESS_BOOK_UNKNOWN;
	else if (book_is_kept(entry))
		result = ADDRESS_BOOK_KEPT;
	else if (entry->is_held || book_is_busy(book, entry))
		result = ADDRESS_BOOK_BUSY;
	else
		book_forget(book, entry, now_us);
	book_leave(book);
	return result;
}
