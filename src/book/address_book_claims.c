#include "book/address_book_priv.h"

#include <stdlib.h>

#include <utlist.h>

/* When a claim that was not found to be true is looked into again: doubles from the first to the second. */
#define CLAIM_AGAIN_US ((int64_t)60 * 1000 * 1000)
#define CLAIM_RARELY_US ((int64_t)3600 * 1000 * 1000)

static struct claim *claim_of(struct heap_item *item)
{
	return (struct claim *)((char *)item - offsetof(struct claim, due));
}

struct claim *book_find_claim(struct address_book *book, const struct address *address)
{
	for (struct claim *claim = book->claims_under_way; claim != NULL; claim = claim->next)
		if (address_equals(&claim->address, address))
			return claim;
	return NULL;
}

void book_drop_claim(struct address_book *book, struct connection *connection)
{
	struct claim *claim = connection->claim;
	connection->claim = NULL;
	if (claim == NULL)
		return;
	claim->connection = NULL;
	/* Its feeler brings it back. */
	if (claim->is_proving)
		return;
	if (claim->due.place > 0)
		heap_remove(&book->waiting_claims, &claim->due);
	else
		DL_DELETE(book->due_claims, claim);
	free(claim);
}

static size_t count_under_way(struct address_book *book, const struct address *host) REQUIRES(address_book_guard)
{
	size_t under_way = 0;
	for (const struct claim *claim = book->claims_under_way; claim != NULL; claim = claim->next)
		under_way += address_equals(&claim->host, host);
	return under_way;
}

static bool may_be_proven(struct address_book *book, const struct claim *claim) REQUIRES(address_book_guard)
{
	const struct address_entry *entry = address_table_find(&book->table, &claim->address);
	const struct proof *proof = book_find_proof(book, &claim->address);
	return !book_is_self(book, &claim->address) && (entry == NULL || !entry->is_dialing) &&
	       (proof == NULL || !proof->is_dialing) && book_find_claim(book, &claim->address) == NULL;
}

static bool is_of_another(const struct claim *claim)
{
	return !address_same_host(&claim->host, &claim->address);
}

/* False for one that waits for its target, and is no longer due. */
static bool is_free_to_go(struct address_book *book, struct claim *claim, int64_t now_us) REQUIRES(address_book_guard)
{
	int64_t due_us = is_of_another(claim) ? targets_ask(&book->targets, &claim->address, now_us) : now_us;
	if (due_us <= now_us || !heap_add(&book->waiting_claims, &claim->due, due_us))
		return true;
	DL_DELETE(book->due_claims, claim);
	return false;
}

/*
 * The one that has been due longest, rather of a host for which no feeler is under way, so that hosts with dark
 * addresses leave the feelers to others; NULL for none.
 */
static struct claim *choose_claim(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard)
{
	struct claim *next, *second = NULL;
	for (struct claim *claim = book->due_claims; claim != NULL; claim = next) {
		next = claim->next;
		if (!may_be_proven(book, claim) || !is_free_to_go(book, claim, now_us))
			continue;
		size_t under_way = count_under_way(book, &claim->host);
		if (under_way == 0)
			return claim;
		if (second == NULL && under_way < ADDRESS_BOOK_CLAIMS_PER_HOST)
			second = claim;
	}
	return second;
}

static struct next_dial prove(struct address_book *book, struct claim *claim, int64_t now_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *entry = address_table_find(&book->table, &claim->address);
	DL_DELETE(book->due_claims, claim);
	DL_APPEND(book->claims_under_way, claim);
	claim->is_proving = true;
	claim->is_bounded = is_of_another(claim) && targets_begin(&book->targets, &claim->address, now_us);
	book->feelers[FEELER_PROOF]++;
	if (entry != NULL)
		entry->tried_us = now_us;
	struct dial dial = {.kind = DIAL_PROOF_CLAIM, .address = claim->address, .expected = claim->nodeid};
	return (struct next_dial){.is_due = true, .dial = dial};
}

struct next_dial book_pick_claim(struct address_book *book, int64_t now_us)
{
	struct heap_item *first;
	while ((first = heap_first(&book->waiting_claims)) != NULL && first->key <= now_us) {
		struct claim *claim = claim_of(first);
		heap_remove(&book->waiting_claims, first);
		DL_APPEND(book->due_claims, claim);
	}
	struct claim *claim = book_may_feel(book, FEELER_PROOF) ? choose_claim(book, now_us) : NULL;
	if (claim != NULL)
		return prove(book, claim, now_us);
	first = heap_first(&book->waiting_claims);
	return book_not_before(first == NULL ? FOREVER_US : first->key);
}

struct connection *book_settle_claim(struct address_book *book, struct claim *claim, const struct nodeid *found,
				     int64_t now_us)
{
	if (claim == NULL)
		return NULL;
	struct connection *connection = claim->connection;
	bool is_true = connection != NULL && nodeid_equals(found, &claim->nodeid);
	DL_DELETE(book->claims_under_way, claim);
	claim->is_proving = false;
	book->feelers[FEELER_PROOF]--;
	if (connection != NULL && !is_true) {
		int64_t wait_us =
			address_book_backoff_us(CLAIM_AGAIN_US, CLAIM_RARELY_US, ++claim->failures, &book->rng);
		if (heap_add(&book->waiting_claims, &claim->due, now_us + wait_us))
			return NULL;
	}
	if (connection != NULL)
		connection->claim = NULL;
	free(claim);
	return is_true ? connection : NULL;
}

/* NULL if there is no memory. */
static struct claim *new_claim(struct connection *connection, const struct address *address)
{
	struct claim *claim = calloc(1, sizeof *claim);
	if (claim != NULL)
		*claim = (struct claim){.connection = connection,
					.address = *address,
					.nodeid = connection->node->nodeid,
					.host = connection->host};
	return claim;
}

static bool claim_address(struct address_book *book, struct connection *connection, const struct address *address,
			  int64_t now_us) REQUIRES(address_book_guard)
{
	struct address_entry *entry = address_table_find(&book->table, address);
	bool is_same = connection->claim != NULL && address_equals(&connection->claim->address, address);
	if (book_is_self(book, address) || is_same ||
	    (entry != NULL && entry->connection == connection && entry->is_held))
		return false;
	struct claim *claim = new_claim(connection, address);
	if (claim == NULL)
		return false;
	book_drop_claim(book, connection);
	connection->claim = claim;
	DL_APPEND(book->due_claims, claim);
	/* What a peer says of other hosts leaves no trace before it was found to be true. */
	if (entry == NULL && address_same_host(address, &connection->host)) {
		struct message_entry heard = {.address = *address, .nodeid = claim->nodeid};
		entry = book_add_heard(book, &heard, &connection->host, now_us);
		if (entry != NULL) /* the feeler comes first */
			address_table_set_due(&book->table, entry, now_us + book->settings->retry_max_us);
	}
	return true;
}

bool address_book_claimed(struct address_book *book, const void *key, const struct address *address, int64_t now_us)
{
	book_enter(book);
	struct connection *connection = book_find_connection(book, key);
	bool is_due = connection != NULL && claim_address(book, connection, address, now_us);
	book_leave(book);
	return is_due;
}
