#include "book/address_book_priv.h"

bool book_is_hearsay(const struct address_entry *entry)
{
	return entry->kind == ADDRESS_NEW && !entry->is_bootstrap;
}

void book_set_nodeid(struct address_book *book, struct address_entry *entry, const struct nodeid *nodeid)
{
	if (nodeid_equals(&entry->nodeid, nodeid))
		return;
	if (entry->is_dialing) {
		book_count_dials(book, &entry->nodeid, -1);
		book_count_dials(book, nodeid, 1);
	}
	entry->nodeid = *nodeid;
	book->changes++;
}

void book_set_error(struct address_book *book, struct address_entry *entry, const char *error, int64_t now_us)
{
	address_table_set_error(&book->table, entry, error);
	entry->error_us = error == NULL ? NEVER_US : now_us;
}

void book_forget(struct address_book *book, struct address_entry *entry, int64_t now_us)
{
	book_part(book, entry, now_us);
	address_table_remove(&book->table, entry);
	book->changes++;
}

bool book_is_busy(struct address_book *book, const struct address_entry *entry)
{
	if (entry->is_dialing || entry->is_held)
		return true;
	const struct proof *proof = book_find_proof(book, &entry->address);
	return (proof != NULL && proof->is_dialing) || book_find_claim(book, &entry->address) != NULL;
}

bool book_is_kept(const struct address_entry *entry)
{
	return entry->is_bootstrap || entry->is_named;
}

bool book_is_unproven(const struct address_entry *entry)
{
	/* Not only in the same /64, where others may be too. */
	bool is_tellers_own = address_same_host(&entry->teller, &entry->address);
	return entry->kind == ADDRESS_NEW && !book_is_kept(entry) && entry->reached_us == NEVER_US &&
	       address_is_known(&entry->teller) && !is_tellers_own;
}

bool book_may_go(void *context, const struct address_entry *entry) UNCHECKED
{
	return !book_is_kept(entry) && !book_is_busy(context, entry);
}

bool book_is_unheard(const struct address_entry *entry, int64_t now_us)
{
	return !book_is_within(entry->heard_us, ADDRESS_BOOK_UNHEARD_US, now_us);
}

bool book_is_hopeless(const struct address_entry *entry, int64_t now_us)
{
	int64_t good_us = entry->reached_us > entry->heard_us ? entry->reached_us : entry->heard_us;
	if (book_is_kept(entry) || entry->is_held)
		return false;
	if (entry->kind == ADDRESS_NEW)
		return entry->failures >= ADDRESS_BOOK_NEW_FAILURES || book_is_unheard(entry, now_us);
	return entry->failures >= ADDRESS_BOOK_TRIED_FAILURES &&
	       !book_is_within(good_us, ADDRESS_BOOK_TRIED_US, now_us);
}

void book_make_tried(struct address_book *book, struct address_entry *entry, int64_t now_us)
{
	struct address_entry *rival;
	if (entry->kind == ADDRESS_TRIED)
		return;
	if (book_is_kept(entry)) {
		entry->kind = ADDRESS_TRIED;
		book->changes++;
	} else if (address_table_place_tried(&book->table, entry, book_may_go, book, &rival)) {
		book->changes++;
	} else if (rival != NULL && !book_is_within(rival->heard_us, ADDRESS_BOOK_SURE_US, now_us) &&
		   book->proof_count < ADDRESS_BOOK_PROOFS && book_find_proof(book, &rival->address) == NULL) {
		book->proofs[book->proof_count++] =
			(struct proof){.address = rival->address, .nodeid = rival->nodeid, .rival = entry->address};
	}
	address_table_update_lane(&book->table, entry);
}

struct address_entry *book_add(struct address_book *book, const struct address *address, int64_t now_us)
{
	struct address_entry *entry = address_table_add(&book->table, address);
	if (entry == NULL)
		return NULL;
	entry->heard_us = now_us;
	book->changes++;
	return entry;
}

struct address_entry *book_add_found(struct address_book *book, const struct address *address, int64_t now_us)
{
	struct address_entry *entry = book_add(book, address, now_us);
	if (entry == NULL)
		return NULL;
	entry->tried_us = now_us;
	book_make_tried(book, entry, now_us);
	if (entry->kind == ADDRESS_TRIED || address_table_place_new(&book->table, entry, book_may_go, book))
		return entry;
	address_table_remove(&book->table, entry);
	return NULL;
}

struct address_entry *book_add_heard(struct address_book *book, const struct message_entry *heard,
				     const struct address *teller, int64_t now_us)
{
	struct address_entry *entry = book_add(book, &heard->address, now_us);
	if (entry == NULL)
		return NULL;
	entry->teller = *teller;
	entry->teller.port = 0;
	entry->nodeid = heard->nodeid;
	if (!address_table_place_new(&book->table, entry, book_may_go, book)) {
		address_table_remove(&book->table, entry);
		return NULL;
	}
	address_table_set_due(&book->table, entry, now_us);
	return entry;
}
