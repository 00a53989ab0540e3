#include "book/address_book_priv.h"

static bool may_dial_hearsay(struct address_book *book) REQUIRES(address_book_guard)
{
	return book->feelers + book->hearsay < (size_t)(book->settings->max_dialing * 3 + 3) / 4;
}

static bool is_eligible(struct address_book *book, const struct address_entry *entry) REQUIRES(address_book_guard)
{
	return !book_is_busy(book, entry) && !book_is_self(book, &entry->address) &&
	       (!book_is_hearsay(entry) || may_dial_hearsay(book));
}

/*
 * One of a bucket at random, of a group in which no node is connected or being dialled if there is one: *is_apart. NULL
 * if none of it is in that lane and may be dialled now.
 */
static struct address_entry *choose_in_bucket(struct address_book *book, enum address_lane lane,
					      const struct address_bucket *bucket, bool *is_apart)
	REQUIRES(address_book_guard)
{
	struct address_entry *chosen = NULL;
	uint32_t count = 0;
	*is_apart = false;
	for (uint32_t i = 0; i < bucket->count; i++) {
		struct address_entry *entry = bucket->slots[i].entry;
		if (entry->lane != lane || !is_eligible(book, entry))
			continue;
		bool is_better = book_find_group(book, &entry->address) == NULL;
		if (*is_apart && !is_better)
			continue;
		count = *is_apart == is_better ? count + 1 : 1;
		*is_apart = is_better;
		if (rng_below(&book->rng, count) == 0)
			chosen = entry;
	}
	return chosen;
}

/*
 * One of a lane by a random bucket, rather of a group in which no node is connected or being dialled: who has many
 * addresses in few networks has few buckets. NULL if that hits none.
 */
static struct address_entry *choose_by_bucket(struct address_book *book, enum address_lane lane)
	REQUIRES(address_book_guard)
{
	enum { PROBES = 32, HITS = 8 };
	const struct address_buckets *kind = &book->table.kinds[lane == LANE_NEW ? ADDRESS_NEW : ADDRESS_TRIED];
	struct address_entry *chosen = NULL;
	for (int i = 0, hits = 0; i < PROBES && hits < HITS && kind->filled_count > 0; i++) {
		uint32_t bucket = kind->filled[rng_below(&book->rng, (uint32_t)kind->filled_count)];
		bool is_apart;
		struct address_entry *entry = choose_in_bucket(book, lane, &kind->buckets[bucket], &is_apart);
		if (entry == NULL)
			continue;
		chosen = entry;
		if (is_apart)
			break;
		hits++;
	}
	return chosen;
}

/* One of a lane at random, as far as it may be dialled now; NULL if none may. */
static struct address_entry *choose(struct address_book *book, enum address_lane which) REQUIRES(address_book_guard)
{
	const struct address_lane_entries *lane = &book->table.lanes[which];
	struct address_entry *chosen = NULL;
	bool is_hearsay_alone = which == LANE_NEW || which == LANE_NEW_AGAIN;
	if (lane->count == 0 || (is_hearsay_alone && !may_dial_hearsay(book)))
		return NULL;
	if (which == LANE_NEW || which == LANE_TRIED)
		chosen = choose_by_bucket(book, which);
	size_t start = rng_below(&book->rng, (uint32_t)lane->count);
	for (size_t i = 0; i < lane->count && chosen == NULL; i++) {
		struct address_entry *entry = lane->entries[(start + i) % lane->count];
		if (is_eligible(book, entry))
			chosen = entry;
	}
	return chosen;
}

/* Half of the time a tried one, where there is one. */
static struct address_entry *choose_of_two(struct address_book *book, enum address_lane tried, enum address_lane new)
	REQUIRES(address_book_guard)
{
	bool tried_first = rng_below(&book->rng, 2) == 0;
	struct address_entry *entry = choose(book, tried_first ? tried : new);
	return entry != NULL ? entry : choose(book, tried_first ? new : tried);
}

/* The dial's own entry: it is then under way. */
static void take_out(struct address_book *book, struct address_entry *entry, bool is_feeler, int64_t now_us,
		     struct peer_dial *dial) REQUIRES(address_book_guard)
{
	address_table_set_due(&book->table, entry, FOREVER_US);
	entry->is_dialing = true;
	entry->is_anchor = false;
	entry->tried_us = now_us;
	entry->is_on_hearsay = !is_feeler && book_is_hearsay(entry);
	book->hearsay += entry->is_on_hearsay;
	book->feelers += is_feeler;
	book_count_node(book, &entry->nodeid, 0, 1);
	book_count_group(book, &entry->address, 1);
	*dial = (struct peer_dial){.address = entry->address, .is_feeler = is_feeler};
}

static bool pick_entry(struct address_book *book, int64_t now_us, struct peer_dial *dial, int64_t *next_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *entry = choose(book, LANE_FIRST);
	if (entry == NULL)
		entry = choose_of_two(book, LANE_TRIED, LANE_NEW);
	if (entry == NULL) {
		entry = choose_of_two(book, LANE_TRIED_AGAIN, LANE_NEW_AGAIN);
		if (entry != NULL && now_us < book->next_again_us) {
			if (book->next_again_us < *next_us)
				*next_us = book->next_again_us;
			return false;
		}
		if (entry != NULL)
			book->next_again_us = now_us + book->settings->retry_min_us;
	}
	if (entry == NULL)
		return false;
	take_out(book, entry, false, now_us, dial);
	return true;
}

/* A feeler for what was tried and has failed: halves that were cut from each other find each other by it. */
static bool pick_lost(struct address_book *book, int64_t now_us, struct peer_dial *dial, int64_t *next_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *entry = book_may_feel(book) ? choose(book, LANE_TRIED_AGAIN) : NULL;
	if (entry == NULL)
		return false;
	if (now_us < book->next_again_us) {
		*next_us = book->next_again_us < *next_us ? book->next_again_us : *next_us;
		return false;
	}
	book->next_again_us = now_us + book->settings->retry_min_us;
	take_out(book, entry, true, now_us, dial);
	return true;
}

/* A feeler for hearsay. */
static bool pick_feeler(struct address_book *book, int64_t now_us, struct peer_dial *dial, int64_t *next_us)
	REQUIRES(address_book_guard)
{
	if (now_us < book->next_feeler_us) {
		*next_us = book->next_feeler_us < *next_us ? book->next_feeler_us : *next_us;
		return false;
	}
	book->next_feeler_us = now_us + book_jitter_us(ADDRESS_BOOK_FEELER_US, 0, FOREVER_US, &book->rng);
	*next_us = book->next_feeler_us < *next_us ? book->next_feeler_us : *next_us;
	struct address_entry *entry = book_may_feel(book) ? choose(book, LANE_NEW) : NULL;
	if (entry == NULL && book_may_feel(book))
		entry = choose(book, LANE_NEW_AGAIN);
	if (entry == NULL)
		return false;
	take_out(book, entry, true, now_us, dial);
	return true;
}

bool address_book_pick(struct address_book *book, enum address_book_wanted wanted, int64_t now_us,
		       struct peer_dial *dial, int64_t *next_us)
{
	book_enter(book);
	*next_us = address_table_run(&book->table, now_us);
	bool picked = book_pick_proof(book, now_us, dial);
	if (!picked && wanted == ADDRESS_BOOK_FEELERS) {
		picked = pick_lost(book, now_us, dial, next_us) || pick_feeler(book, now_us, dial, next_us);
	} else if (!picked) {
		picked = book_pick_name(book, now_us, dial, next_us) || pick_entry(book, now_us, dial, next_us);
	}
	book_leave(book);
	return picked;
}

struct address_entry *book_take_back(struct address_book *book, const struct peer_dial *dial, struct proof *proof)
{
	struct proof *found = dial->is_feeler ? book_find_proof(book, &dial->address) : NULL;
	struct name *name = book_find_name(book, dial);
	struct address_entry *entry = dial->host == NULL ? address_table_find(&book->table, &dial->address) : NULL;
	*proof = (struct proof){0};
	if (found != NULL && found->is_dialing) {
		*proof = *found;
		*found = book->proofs[--book->proof_count];
		book->feelers--;
		return entry != NULL && !entry->is_dialing ? entry : NULL;
	}
	if (name != NULL)
		name->is_dialing = false;
	if (entry == NULL || !entry->is_dialing)
		return NULL;
	entry->is_dialing = false;
	book->hearsay -= entry->is_on_hearsay;
	book->feelers -= dial->is_feeler;
	book_count_node(book, &entry->nodeid, 0, -1);
	book_count_group(book, &entry->address, -1);
	return entry;
}

void address_book_found(struct address_book *book, const struct peer_dial *dial, const struct nodeid *nodeid)
{
	book_enter(book);
	struct address_entry *entry = dial->host == NULL ? address_table_find(&book->table, &dial->address) : NULL;
	if (entry != NULL)
		book_set_nodeid(book, entry, nodeid, entry->heard_us);
	book_leave(book);
}

/* Of an entry whose node a feeler has found. */
static enum address_book_place place_of(struct address_book *book, const struct address_entry *entry)
	REQUIRES(address_book_guard)
{
	bool is_lost = entry->reached_us != NEVER_US && entry->failures >= ADDRESS_BOOK_LOST;
	if (entry->kind == ADDRESS_TRIED)
		return is_lost ? ADDRESS_BOOK_BACK : ADDRESS_BOOK_NO_PLACE;
	if (book->proven >= book->settings->max_outbound / 2)
		return ADDRESS_BOOK_NO_PLACE;
	book->proven++;
	return ADDRESS_BOOK_FRESH;
}

enum address_book_place address_book_reached(struct address_book *book, const struct peer_dial *dial,
					     const struct nodeid *nodeid, int64_t now_us)
{
	struct proof proof;
	enum address_book_place place = ADDRESS_BOOK_NO_PLACE;
	book_enter(book);
	struct address_entry *entry = book_take_back(book, dial, &proof);
	if (entry != NULL) {
		if (dial->is_feeler && !address_is_known(&proof.address))
			place = place_of(book, entry);
		entry->is_anchor = place != ADDRESS_BOOK_NO_PLACE;
		book_set_nodeid(book, entry, nodeid, now_us);
		entry->heard_us = entry->reached_us = now_us;
		entry->failures = 0;
		/* Who only shook hands may come and go: that ends when a connection was steady. */
		if (dial->is_feeler)
			entry->backoff = 0;
		book_set_error(book, entry, NULL, now_us);
		book_make_tried(book, entry, now_us);
		if (entry->since_us == NEVER_US)
			address_table_set_due(&book->table, entry, now_us);
		book_attach(book, entry, now_us);
		book->changes++;
		/* Something is up again: what else has failed needn't wait. */
		book->next_again_us = now_us;
	}
	book_leave(book);
	return place;
}

unsigned address_book_failed(struct address_book *book, const struct peer_dial *dial, const char *error, int64_t now_us)
{
	struct proof proof;
	unsigned failures = 0;
	book_enter(book);
	struct name *name = book_find_name(book, dial);
	struct address_entry *entry = book_take_back(book, dial, &proof);
	if (name != NULL) {
		failures = ++name->failures;
		name->due_us = book_after_failure_us(book, failures, now_us);
	}
	if (entry != NULL && !book_is_connected(book, &entry->nodeid)) {
		failures = ++entry->failures;
		book_set_error(book, entry, error, now_us);
		book->changes++;
		if (book_is_hopeless(entry, now_us))
			book_forget(book, entry, now_us);
		else
			address_table_set_due(&book->table, entry,
					      book_after_failure_us(book, ++entry->backoff, now_us));
	} else if (entry != NULL) {
		book_attach(book, entry, now_us);
	}
	if (address_is_known(&proof.rival))
		book_give_place(book, &proof.address, &proof.rival, now_us);
	book_leave(book);
	return failures;
}

void address_book_let_go(struct address_book *book, const struct peer_dial *dial, int64_t now_us)
{
	struct proof proof;
	book_enter(book);
	struct name *name = book_find_name(book, dial);
	struct address_entry *entry = book_take_back(book, dial, &proof);
	if (name != NULL)
		name->due_us = book_after_failure_us(book, 0, now_us);
	/* A feeler that proves something took nothing out. */
	if (entry != NULL && !address_is_known(&proof.address) && entry->since_us == NEVER_US)
		address_table_set_due(&book->table, entry, book_after_failure_us(book, 0, now_us));
	book_leave(book);
}
