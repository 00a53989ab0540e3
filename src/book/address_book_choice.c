#include "book/address_book_priv.h"

bool book_may_dial_hearsay(struct address_book *book)
{
	return book_count_feelers(book) + book->hearsay < (size_t)(book->settings->max_dialing * 3 + 3) / 4;
}

/*
 * Whether an entry that is due may be dialled now. If not, it is due again when that may have changed, so that it is
 * looked at once, and not at each choice.
 */
static bool is_eligible(struct address_book *book, struct address_entry *entry, int64_t now_us)
	REQUIRES(address_book_guard)
{
	int64_t again_us = now_us;
	if (book_leads_back(book, &entry->address, entry))
		again_us = now_us + book->settings->retry_max_us;
	else if (book_is_busy(book, entry) || (book_is_hearsay(entry) && !book_may_dial_hearsay(book)))
		again_us = now_us + book->settings->retry_min_us;
	else if (book_is_unproven(entry))
		again_us = targets_ask(&book->targets, &entry->address, now_us);
	if (again_us > now_us)
		address_table_set_due(&book->table, entry, again_us);
	return again_us <= now_us;
}

/*
 * A nodeid beside an address is a hint: if that node is connected, or being dialled, the address is probably its own,
 * and has its turn later. True for one that was put off just now, and has left its lane.
 */
static bool put_off(struct address_book *book, struct address_entry *entry, int64_t now_us) REQUIRES(address_book_guard)
{
	if ((entry->lane != LANE_NEW && entry->lane != LANE_TRIED) || nodeid_is_none(&entry->nodeid) ||
	    book_find_node(book, &entry->nodeid) == NULL)
		return false;
	int64_t next_us = now_us + book->settings->retry_min_us;
	if (book->table.lanes[LANE_LATER].count == 0 && book->next_later_us < next_us)
		book->next_later_us = next_us;
	entry->is_later = true;
	address_table_update_lane(&book->table, entry);
	return true;
}

bool book_is_crowded(struct address_book *book, const struct address_entry *entry)
{
	return !book_is_kept(entry) &&
	       places_is_crowded(&book->places, &entry->address, (size_t)book->settings->max_outbound);
}

/* Its host or network has its share of the places: others come first. True for one that has left its lane. */
static bool set_aside(struct address_book *book, struct address_entry *entry) REQUIRES(address_book_guard)
{
	if (!book->minds_places || entry->is_crowded || !book_is_crowded(book, entry))
		return false;
	entry->is_crowded = true;
	address_table_update_lane(&book->table, entry);
	return true;
}

/* Of those that were set aside a few are looked at again each time. */
void book_look_at_crowd(struct address_book *book)
{
	enum { LOOKS = 2 };
	const struct address_lane_entries *lane = &book->table.lanes[LANE_CROWDED];
	for (int i = 0; i < LOOKS && lane->count > 0; i++) {
		struct address_entry *entry = lane->entries[rng_below(&book->rng, (uint32_t)lane->count)];
		if (book_is_crowded(book, entry))
			continue;
		entry->is_crowded = false;
		address_table_update_lane(&book->table, entry);
	}
}

/*
 * One of a bucket at random, preferring groups in which no node is connected or being dialled (*is_apart: it is of such
 * a group). NULL if no entry is in that lane and may be dialled now.
 */
static struct address_entry *choose_in_bucket(struct address_book *book, enum address_lane lane,
					      const struct address_bucket *bucket, bool *is_apart, int64_t now_us)
	REQUIRES(address_book_guard)
{
	struct address_entry *chosen = NULL;
	uint32_t count = 0;
	*is_apart = false;
	for (uint32_t i = 0; i < bucket->count; i++) {
		struct address_entry *entry = bucket->slots[i].entry;
		if (entry->lane != lane || put_off(book, entry, now_us) || set_aside(book, entry) ||
		    !is_eligible(book, entry, now_us))
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
 * One of a lane, from a random bucket, preferring groups in which no node is connected or being dialled. An attacker
 * with many addresses in few networks has few buckets. NULL if none is found.
 */
static struct address_entry *choose_by_bucket(struct address_book *book, enum address_lane lane, int64_t now_us)
	REQUIRES(address_book_guard)
{
	enum { PROBES = 32, HITS = 8 };
	const struct address_buckets *kind = &book->table.kinds[lane == LANE_NEW ? ADDRESS_NEW : ADDRESS_TRIED];
	struct address_entry *chosen = NULL;
	for (int i = 0, hits = 0; i < PROBES && hits < HITS && kind->filled_count > 0; i++) {
		uint32_t bucket = kind->filled[rng_below(&book->rng, (uint32_t)kind->filled_count)];
		bool is_apart;
		struct address_entry *entry = choose_in_bucket(book, lane, &kind->buckets[bucket], &is_apart, now_us);
		if (entry == NULL)
			continue;
		chosen = entry;
		if (is_apart)
			break;
		hits++;
	}
	return chosen;
}

/* One of a lane at random that may be dialled now; NULL if none is found. What is left then is for the next time. */
struct address_entry *book_choose(struct address_book *book, enum address_lane which, int64_t now_us)
{
	enum { PROBES = 64 };
	const struct address_lane_entries *lane = &book->table.lanes[which];
	struct address_entry *chosen = NULL;
	bool is_hearsay_alone = which == LANE_NEW || which == LANE_NEW_AGAIN;
	if (lane->count == 0 || (is_hearsay_alone && !book_may_dial_hearsay(book)))
		return NULL;
	if (which == LANE_NEW || which == LANE_TRIED)
		chosen = choose_by_bucket(book, which, now_us);
	/* Each that is of no use leaves the lane. */
	for (int i = 0; i < PROBES && lane->count > 0 && chosen == NULL; i++) {
		struct address_entry *entry = lane->entries[rng_below(&book->rng, (uint32_t)lane->count)];
		if (!put_off(book, entry, now_us) && !set_aside(book, entry) && is_eligible(book, entry, now_us))
			chosen = entry;
	}
	book->has_more = book->has_more || (chosen == NULL && lane->count > 0);
	return chosen;
}

/* Half of the time one of the first lane, where there is one. */
struct address_entry *book_choose_of_two(struct address_book *book, enum address_lane one, enum address_lane other,
					 int64_t now_us)
{
	bool one_first = rng_below(&book->rng, 2) == 0;
	struct address_entry *entry = book_choose(book, one_first ? one : other, now_us);
	return entry != NULL ? entry : book_choose(book, one_first ? other : one, now_us);
}

/* One of those that were put off, at most one in retry_min, however many others are due. */
struct address_entry *book_choose_later(struct address_book *book, int64_t now_us)
{
	if (now_us < book->next_later_us)
		return NULL;
	struct address_entry *entry = book_choose(book, LANE_LATER, now_us);
	if (entry != NULL)
		book->next_later_us = now_us + book->settings->retry_min_us;
	return entry;
}
