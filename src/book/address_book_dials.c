#include "book/address_book_priv.h"

/* When a choice goes on that had to leave something out. */
#define MORE_US ((int64_t)10 * 1000)

static enum feeler_purpose purpose_of(enum dial_kind kind)
{
	return kind == DIAL_FEELER_LOST ? FEELER_LOST : FEELER_HEARSAY;
}

/* An entry whose dial is under way from now on. */
static struct next_dial take_out(struct address_book *book, struct address_entry *entry, enum dial_kind kind,
				 int64_t now_us) REQUIRES(address_book_guard)
{
	struct dial dial = {.kind = kind, .address = entry->address};
	bool is_feeler = dial_is_feeler(&dial);
	address_table_set_due(&book->table, entry, FOREVER_US);
	entry->is_dialing = true;
	entry->is_anchor = entry->is_later = entry->is_crowded = false;
	entry->tried_us = now_us;
	entry->is_bounded = book_is_unproven(entry) && targets_begin(&book->targets, &entry->address, now_us);
	entry->is_on_hearsay = dial.is_hearsay = !is_feeler && book_is_hearsay(entry);
	book->hearsay += entry->is_on_hearsay;
	if (is_feeler)
		book->feelers[purpose_of(kind)]++;
	if (kind == DIAL_ENTRY)
		places_take(&book->places, &entry->address);
	book_count_dials(book, &entry->nodeid, 1);
	book_count_group(book, &entry->address, 1);
	return (struct next_dial){.is_due = true, .dial = dial};
}

/* The one that is due, else the one that is due earlier. */
static struct next_dial sooner(struct next_dial one, struct next_dial other)
{
	return one.is_due || (!other.is_due && one.next_us <= other.next_us) ? one : other;
}

static struct next_dial pick_failed(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard)
{
	bool has_some = book->table.lanes[LANE_TRIED_AGAIN].count > 0 ||
			(book->table.lanes[LANE_NEW_AGAIN].count > 0 && book_may_dial_hearsay(book));
	if (!has_some || now_us < book->next_again_us)
		return book_not_before(has_some ? book->next_again_us : FOREVER_US);
	struct address_entry *entry = book_choose_of_two(book, LANE_TRIED_AGAIN, LANE_NEW_AGAIN, now_us);
	if (entry == NULL)
		return book_not_before(FOREVER_US);
	book->next_again_us = now_us + book->settings->retry_min_us;
	return take_out(book, entry, DIAL_ENTRY, now_us);
}

/* There is nobody else. */
static struct next_dial pick_crowded(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard)
{
	struct address_entry *entry = book_choose(book, LANE_CROWDED, now_us);
	if (entry == NULL)
		return book_not_before(FOREVER_US);
	if (entry->backoff > 0 && now_us < book->next_again_us)
		return book_not_before(book->next_again_us);
	if (entry->backoff > 0)
		book->next_again_us = now_us + book->settings->retry_min_us;
	return take_out(book, entry, DIAL_ENTRY, now_us);
}

static struct next_dial pick_entry(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard)
{
	struct address_entry *entry = book_choose(book, LANE_FIRST, now_us);
	if (entry == NULL)
		entry = book_choose_later(book, now_us);
	if (entry == NULL)
		entry = book_choose_of_two(book, LANE_TRIED, LANE_NEW, now_us);
	if (entry != NULL)
		return take_out(book, entry, DIAL_ENTRY, now_us);
	bool waits = book->table.lanes[LANE_LATER].count > 0 && now_us < book->next_later_us;
	struct next_dial next = pick_failed(book, now_us);
	if (!next.is_due)
		next = sooner(next, pick_crowded(book, now_us));
	return sooner(next, book_not_before(waits ? book->next_later_us : FOREVER_US));
}

static bool has_surplus(struct address_book *book) REQUIRES(address_book_guard)
{
	return places_has_surplus(&book->places, (size_t)book->settings->max_outbound);
}

/* Where hosts or networks have more than their share of the places: is there somebody else? */
static struct next_dial pick_spread(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard)
{
	if (!book_may_feel(book, FEELER_HEARSAY) || !has_surplus(book))
		return book_not_before(FOREVER_US);
	if (now_us < book->next_spread_us)
		return book_not_before(book->next_spread_us);
	book->minds_places = true;
	struct address_entry *entry = book_choose(book, LANE_FIRST, now_us);
	if (entry == NULL)
		entry = book_choose_of_two(book, LANE_TRIED, LANE_NEW, now_us);
	book->minds_places = false;
	if (entry == NULL)
		return book_not_before(FOREVER_US);
	book->next_spread_us = now_us + book->settings->retry_min_us;
	return take_out(book, entry, DIAL_FEELER_HEARSAY, now_us);
}

/* To what was tried and has failed: this is how halves of a network that were cut from each other meet again. */
static struct next_dial pick_lost(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard)
{
	if (!book_may_feel(book, FEELER_LOST) || book->table.lanes[LANE_TRIED_AGAIN].count == 0)
		return book_not_before(FOREVER_US);
	if (now_us < book->next_again_us)
		return book_not_before(book->next_again_us);
	struct address_entry *entry = book_choose(book, LANE_TRIED_AGAIN, now_us);
	if (entry == NULL)
		return book_not_before(FOREVER_US);
	book->next_again_us = now_us + book->settings->retry_min_us;
	return take_out(book, entry, DIAL_FEELER_LOST, now_us);
}

static struct next_dial pick_hearsay(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard)
{
	if (!book_may_feel(book, FEELER_HEARSAY))
		return book_not_before(FOREVER_US);
	if (now_us < book->next_feeler_us)
		return book_not_before(book->next_feeler_us);
	book->next_feeler_us = now_us + book_jitter_us(ADDRESS_BOOK_FEELER_US, 0, FOREVER_US, &book->rng);
	struct address_entry *entry = book_choose_of_two(book, LANE_NEW, LANE_LATER, now_us);
	if (entry == NULL)
		entry = book_choose(book, LANE_NEW_AGAIN, now_us);
	return entry == NULL ? book_not_before(book->next_feeler_us)
			     : take_out(book, entry, DIAL_FEELER_HEARSAY, now_us);
}

static struct next_dial pick_for_peers(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard)
{
	struct next_dial next = book_pick_name(book, now_us);
	return next.is_due ? next : sooner(next, pick_entry(book, now_us));
}

typedef struct next_dial picker(struct address_book *book, int64_t now_us);

/* What dials are for takes turns: where few may be under way, none of it waits for all of another. */
static struct next_dial pick_in_turn(struct address_book *book, picker *const *pickers, size_t count, int64_t now_us)
	REQUIRES(address_book_guard)
{
	struct next_dial next = book_not_before(FOREVER_US);
	for (size_t i = 0; i < count && !next.is_due; i++) {
		size_t turn = (book->turn + i) % count;
		next = sooner(next, pickers[turn](book, now_us));
		if (next.is_due)
			book->turn = turn + 1;
	}
	return next;
}

struct next_dial address_book_pick(struct address_book *book, enum address_book_wanted wanted, int64_t now_us)
{
	static picker *const for_peers[] = {book_pick_proof, pick_for_peers};
	static picker *const feelers[] = {book_pick_proof, pick_lost, pick_hearsay, pick_spread};
	book_enter(book);
	/* Proofs have a share of several dials, so that they may come first. */
	if (wanted == ADDRESS_BOOK_PEERS && book->settings->max_dialing > 1)
		book->turn = 0;
	address_table_run(&book->table, now_us);
	targets_tidy(&book->targets, now_us);
	book->has_more = false;
	book->minds_places = wanted == ADDRESS_BOOK_PEERS;
	book_look_at_crowd(book);
	struct next_dial next = wanted == ADDRESS_BOOK_FEELERS ? pick_in_turn(book, feelers, 4, now_us)
							       : pick_in_turn(book, for_peers, 2, now_us);
	if (book->has_more)
		next = sooner(next, book_not_before(now_us + MORE_US));
	/* What was looked at in vain is due later. */
	next = sooner(next, book_not_before(address_table_run(&book->table, now_us)));
	book_leave(book);
	return next;
}

/* ---- how a dial ends ---- */

/* A dial has ended so, which counted for its target or did not. */
static void settle_target(struct address_book *book, const struct address *address, bool *is_bounded,
			  enum target_end end, int64_t now_us) REQUIRES(address_book_guard)
{
	if (*is_bounded)
		targets_end(&book->targets, address, end, book->settings->retry_max_us, now_us);
	else if (end == TARGET_REACHED)
		targets_meet(&book->targets, address, now_us);
	*is_bounded = false;
}

static struct address_entry *take_back_entry(struct address_book *book, const struct dial *dial, enum target_end end,
					     int64_t now_us) REQUIRES(address_book_guard)
{
	struct address_entry *entry = address_table_find(&book->table, &dial->address);
	if (entry == NULL || !entry->is_dialing)
		return NULL;
	entry->is_dialing = false;
	settle_target(book, &entry->address, &entry->is_bounded, end, now_us);
	book->hearsay -= entry->is_on_hearsay;
	if (dial_is_feeler(dial))
		book->feelers[purpose_of(dial->kind)]--;
	book_count_dials(book, &entry->nodeid, -1);
	book_count_group(book, &entry->address, -1);
	return entry;
}

static struct ended take_back_proof(struct address_book *book, const struct dial *dial, enum target_end end,
				    int64_t now_us) REQUIRES(address_book_guard)
{
	struct ended ended = book_take_back_proof(book, dial);
	if (ended.claim != NULL)
		settle_target(book, &dial->address, &ended.claim->is_bounded, end, now_us);
	return ended;
}

static struct ended take_back(struct address_book *book, const struct dial *dial, enum target_end end, int64_t now_us)
	REQUIRES(address_book_guard)
{
	switch (dial->kind) {
	case DIAL_NONE:
	case DIAL_NAME:
	case DIAL_FEELER_PEER:
		break;
	case DIAL_ENTRY:
	case DIAL_FEELER_LOST:
	case DIAL_FEELER_HEARSAY:
		return (struct ended){.entry = take_back_entry(book, dial, end, now_us)};
	case DIAL_PROOF_CLAIM:
	case DIAL_PROOF_RIVAL:
		return take_back_proof(book, dial, end, now_us);
	}
	return (struct ended){.entry = NULL};
}

/* Takes back a dial that has found nobody. */
static struct ended take_back_in_vain(struct address_book *book, const struct dial *dial, enum target_end end,
				      int64_t now_us) REQUIRES(address_book_guard)
{
	struct ended ended = take_back(book, dial, end, now_us);
	if (dial->kind == DIAL_ENTRY)
		places_give_back(&book->places, &dial->address);
	book_settle_claim(book, ended.claim, &nodeid_none, now_us);
	ended.claim = NULL;
	return ended;
}

/* A dial of our own has led to this node. */
static void note_found(struct address_book *book, struct address_entry *entry, const struct nodeid *nodeid,
		       int64_t now_us) REQUIRES(address_book_guard)
{
	book_set_nodeid(book, entry, nodeid);
	entry->heard_us = entry->reached_us = now_us;
	entry->failures = 0;
	book_set_error(book, entry, NULL, now_us);
	book_make_tried(book, entry, now_us);
	book->changes++;
}

static void note_answer(struct address_book *book, struct address_entry *entry, int64_t now_us)
	REQUIRES(address_book_guard)
{
	if (entry != NULL && entry->is_dialing)
		settle_target(book, &entry->address, &entry->is_bounded, TARGET_REACHED, now_us);
}

void address_book_answered(struct address_book *book, const struct dial *dial, int64_t now_us)
{
	book_enter(book);
	note_answer(book, address_table_find(&book->table, &dial->address), now_us);
	book_leave(book);
}

void address_book_found(struct address_book *book, const struct dial *dial, const struct nodeid *nodeid, int64_t now_us)
{
	book_enter(book);
	struct address_entry *entry = address_table_find(&book->table, &dial->address);
	note_answer(book, entry, now_us);
	if (entry != NULL)
		note_found(book, entry, nodeid, now_us);
	book_leave(book);
}

/* Of an entry whose node this dial has found. Only a feeler gives it a place: a proof was about something else. */
static enum address_book_place place_of(struct address_book *book, const struct dial *dial,
					const struct address_entry *entry) REQUIRES(address_book_guard)
{
	bool is_lost = entry->reached_us != NEVER_US && entry->failures >= ADDRESS_BOOK_LOST;
	if (dial->kind != DIAL_FEELER_LOST && dial->kind != DIAL_FEELER_HEARSAY)
		return ADDRESS_BOOK_NO_PLACE;
	if (is_lost && entry->kind == ADDRESS_TRIED)
		return ADDRESS_BOOK_BACK;
	if (has_surplus(book) && !book_is_crowded(book, entry))
		return ADDRESS_BOOK_FRESH;
	if (entry->kind == ADDRESS_TRIED)
		return ADDRESS_BOOK_NO_PLACE;
	if (book->proven >= book->settings->max_outbound / 2)
		return ADDRESS_BOOK_NO_PLACE;
	book->proven++;
	return ADDRESS_BOOK_FRESH;
}

enum address_book_place book_reached(struct address_book *book, const struct dial *dial, const struct nodeid *nodeid,
				     struct connection *connection, int64_t now_us)
{
	struct ended ended = take_back(book, dial, TARGET_REACHED, now_us);
	struct address_entry *entry = ended.entry;
	struct connection *claimant = book_settle_claim(book, ended.claim, nodeid, now_us);
	struct connection *other = book_find_connection_of(book, nodeid);
	struct connection *holder = connection != NULL ? connection : claimant;
	enum address_book_place place = ADDRESS_BOOK_NO_PLACE;
	if (entry == NULL && claimant != NULL)
		entry = book_add_found(book, &dial->address, now_us);
	if (entry == NULL)
		return place;
	if (other == NULL)
		place = place_of(book, dial, entry);
	entry->is_anchor = place != ADDRESS_BOOK_NO_PLACE;
	note_found(book, entry, nodeid, now_us);
	/* A peer that only shook hands may come and go: its back-off ends when a connection was steady. */
	if (dial_is_feeler(dial))
		entry->backoff = 0;
	if (holder != NULL)
		book_hold(book, entry, holder, now_us);
	else if (!entry->is_held && other != NULL)
		book_join(book, entry, other, now_us);
	else if (!entry->is_held)
		address_table_set_due(&book->table, entry, now_us);
	/* Something is up again: what else has failed needn't wait. */
	book->next_again_us = now_us;
	return place;
}

enum address_book_place address_book_reached(struct address_book *book, const struct dial *dial,
					     const struct nodeid *nodeid, int64_t now_us)
{
	book_enter(book);
	enum address_book_place place = book_reached(book, dial, nodeid, NULL, now_us);
	book_leave(book);
	return place;
}

/* A proof changes nothing about when its address is due. */
static bool is_proof(const struct dial *dial)
{
	return dial->kind == DIAL_PROOF_CLAIM || dial->kind == DIAL_PROOF_RIVAL;
}

static void wait_after_failure(struct address_book *book, struct address_entry *entry, int64_t now_us)
	REQUIRES(address_book_guard)
{
	int64_t due_us = book_after_failure_us(book, ++entry->backoff, now_us);
	int64_t target_us = book_is_unproven(entry) ? targets_ask(&book->targets, &entry->address, now_us) : now_us;
	address_table_set_due(&book->table, entry, due_us > target_us ? due_us : target_us);
}

static unsigned fail_entry(struct address_book *book, struct address_entry *entry, const char *error, int64_t now_us)
	REQUIRES(address_book_guard)
{
	if (entry->is_held)
		return 0;
	unsigned failures = ++entry->failures;
	entry->doubles = 0;
	book_set_error(book, entry, error, now_us);
	book->changes++;
	if (book_is_hopeless(entry, now_us))
		book_forget(book, entry, now_us);
	else
		wait_after_failure(book, entry, now_us);
	return failures;
}

unsigned address_book_failed(struct address_book *book, const struct dial *dial, const char *error, int64_t now_us)
{
	unsigned failures = 0;
	book_enter(book);
	struct ended ended = take_back_in_vain(book, dial, TARGET_FAILED, now_us);
	if (dial->kind == DIAL_NAME)
		failures = book_retry_name(book, dial, error, true, now_us);
	else if (ended.entry != NULL)
		failures = fail_entry(book, ended.entry, error, now_us);
	if (address_is_known(&ended.rival))
		book_give_place(book, &dial->address, &ended.rival, now_us);
	book_leave(book);
	return failures;
}

unsigned address_book_doubled(struct address_book *book, const struct dial *dial, const char *error, int64_t now_us)
{
	unsigned failures = 0;
	book_enter(book);
	struct address_entry *entry = take_back_in_vain(book, dial, TARGET_REACHED, now_us).entry;
	struct connection *other = entry == NULL ? NULL : book_find_connection_of(book, &entry->nodeid);
	if (other != NULL && !entry->is_held)
		book_join(book, entry, other, now_us);
	else if (entry != NULL)
		failures = fail_entry(book, entry, error, now_us);
	book_leave(book);
	return failures;
}

void address_book_hindered(struct address_book *book, const struct dial *dial, const char *error, int64_t now_us)
{
	book_enter(book);
	struct address_entry *entry = take_back_in_vain(book, dial, TARGET_UNKNOWN, now_us).entry;
	if (dial->kind == DIAL_NAME)
		book_retry_name(book, dial, error, false, now_us);
	if (entry != NULL && !entry->is_held && !is_proof(dial)) {
		book_set_error(book, entry, error, now_us);
		entry->backoff = entry->backoff > 0 ? entry->backoff : 1;
		/* Anybody can tell of addresses that this machine cannot dial, such as IPv6 ones where it has none. */
		bool is_hearsay = book_is_hearsay(entry) && entry->reached_us == NEVER_US;
		address_table_set_due(&book->table, entry,
				      is_hearsay ? now_us + book->settings->retry_max_us
						 : book_after_failure_us(book, 0, now_us));
	}
	book_leave(book);
}

void address_book_abandoned(struct address_book *book, const struct dial *dial, int64_t now_us)
{
	book_enter(book);
	struct address_entry *entry = take_back_in_vain(book, dial, TARGET_UNKNOWN, now_us).entry;
	if (dial->kind == DIAL_NAME)
		book_retry_name(book, dial, NULL, false, now_us);
	if (entry != NULL && !is_proof(dial) && !entry->is_held)
		address_table_set_due(&book->table, entry, book_after_failure_us(book, 0, now_us));
	book_leave(book);
}

void address_book_hurry(struct address_book *book, int64_t now_us)
{
	book_enter(book);
	for (struct address_entry *entry = book->table.entries; entry != NULL; entry = entry->hh.next) {
		bool is_good = book_is_kept(entry) || (entry->kind == ADDRESS_TRIED &&
						       book_is_within(entry->heard_us, ADDRESS_BOOK_DAY_US, now_us));
		if (entry->is_dialing || entry->is_held)
			continue;
		if (is_good)
			entry->backoff = 0;
		address_table_set_due(&book->table, entry, now_us);
	}
	targets_hurry(&book->targets);
	book_hurry_names(book, now_us);
	book->next_again_us = now_us;
	book_leave(book);
}

bool address_book_is_surplus(struct address_book *book, const struct address *address)
{
	book_enter(book);
	bool is_surplus = places_is_surplus(&book->places, address, (size_t)book->settings->max_outbound);
	book_leave(book);
	return is_surplus;
}
