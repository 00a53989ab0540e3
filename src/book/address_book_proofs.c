#include "book/address_book_priv.h"

struct proof *book_find_proof(struct address_book *book, const struct address *address)
{
	for (size_t i = 0; i < book->proof_count; i++)
		if (address_equals(&book->proofs[i].address, address))
			return &book->proofs[i];
	return NULL;
}

void book_give_place(struct address_book *book, const struct address *from, const struct address *to, int64_t now_us)
{
	struct address_entry *loser = address_table_find(&book->table, from);
	struct address_entry *winner = address_table_find(&book->table, to);
	if (winner == NULL || winner->kind == ADDRESS_TRIED || (loser != NULL && !book_may_go(book, loser)))
		return;
	if (loser != NULL) {
		address_table_unplace(&book->table, loser);
		if (address_table_place_new(&book->table, loser, book_may_go, book))
			address_table_set_due(&book->table, loser, book_after_failure_us(book, loser->backoff, now_us));
		else
			book_forget(book, loser, now_us);
	}
	/* Placing the loser may have removed the winner. */
	winner = address_table_find(&book->table, to);
	if (winner != NULL)
		book_make_tried(book, winner, now_us);
}

size_t book_count_feelers(struct address_book *book)
{
	size_t count = 0;
	for (int purpose = 0; purpose < FEELER_PURPOSES; purpose++)
		count += book->feelers[purpose];
	return count;
}

bool book_may_feel(struct address_book *book, enum feeler_purpose purpose)
{
	size_t most = (size_t)(book->settings->max_dialing + 3) / 4;
	size_t share = purpose == FEELER_LOST ? most - 1 : most / 2;
	return book_count_feelers(book) < most && book->feelers[purpose] < (share > 0 ? share : 1);
}

static struct next_dial pick_test(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard)
{
	for (size_t i = 0; i < book->proof_count && book_may_feel(book, FEELER_PROOF); i++) {
		struct proof *proof = &book->proofs[i];
		struct address_entry *entry = address_table_find(&book->table, &proof->address);
		if (proof->is_dialing || (entry != NULL && entry->is_dialing) ||
		    book_find_claim(book, &proof->address) != NULL)
			continue;
		if (entry != NULL)
			entry->tried_us = now_us;
		proof->is_dialing = true;
		book->feelers[FEELER_PROOF]++;
		struct dial dial = {.kind = DIAL_PROOF_RIVAL, .address = proof->address, .expected = proof->nodeid};
		return (struct next_dial){.is_due = true, .dial = dial};
	}
	return book_not_before(FOREVER_US);
}

struct next_dial book_pick_proof(struct address_book *book, int64_t now_us)
{
	struct next_dial claim = book_pick_claim(book, now_us);
	struct next_dial test = claim.is_due ? claim : pick_test(book, now_us);
	return test.is_due ? test : claim;
}

struct ended book_take_back_proof(struct address_book *book, const struct dial *dial)
{
	struct address_entry *entry = address_table_find(&book->table, &dial->address);
	struct ended ended = {.entry = entry != NULL && !entry->is_dialing ? entry : NULL};
	struct proof *proof = book_find_proof(book, &dial->address);
	if (dial->kind == DIAL_PROOF_CLAIM) {
		ended.claim = book_find_claim(book, &dial->address);
	} else if (proof != NULL && proof->is_dialing) {
		ended.rival = proof->rival;
		*proof = book->proofs[--book->proof_count];
		book->feelers[FEELER_PROOF]--;
	}
	bool was_under_way = ended.claim != NULL || address_is_known(&ended.rival);
	return was_under_way ? ended : (struct ended){.entry = NULL};
}
