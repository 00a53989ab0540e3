#include "book/address_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/sync.h"

/*
 * Of Bitcoin Core's 1,024 buckets for hearsay the addresses from one group of tellers have 64, and of its 256 for what
 * was tried one group of addresses has 8. Here they have a sixteenth as well, and an eighth: a network that lies within
 * one /16 would else be remembered by 512 addresses. tests/sim/README.md shows what an attacker makes of it.
 */
enum { TELLER_SHARE = 16, GROUP_SHARE = 64, TRIED_SHARE = 8 };

static bool init_buckets(struct address_buckets *kind, size_t count)
{
	kind->count = count;
	kind->buckets = calloc(count, sizeof *kind->buckets);
	kind->filled = calloc(count, sizeof *kind->filled);
	return kind->buckets != NULL && kind->filled != NULL;
}

bool address_table_init(struct address_table *table, size_t most, const struct hash_key *key)
{
	size_t buckets = most / ADDRESS_BUCKET_ENTRIES, tried = buckets / 4;
	*table = (struct address_table){.key = *key};
	slab_init(&table->slab, sizeof(struct address_entry));
	slab_init(&table->few_slots, ADDRESS_FEW_SLOTS * sizeof(struct address_slot));
	slab_init(&table->all_slots, ADDRESS_BUCKET_ENTRIES * sizeof(struct address_slot));
	if (tried == 0)
		tried = 1;
	return init_buckets(&table->kinds[ADDRESS_TRIED], tried) &&
	       init_buckets(&table->kinds[ADDRESS_NEW], buckets > tried ? buckets - tried : 1);
}

static void drop_slots(struct address_table *table, struct address_bucket *bucket)
{
	slab_give(bucket->capacity == ADDRESS_FEW_SLOTS ? &table->few_slots : &table->all_slots, bucket->slots);
	bucket->slots = NULL;
	bucket->capacity = 0;
}

static void free_entry(struct address_table *table, struct address_entry *entry)
{
	address_table_set_error(table, entry, NULL);
	slab_give(&table->slab, entry);
}

void address_table_fini(struct address_table *table)
{
	struct address_entry *entry = table->entries, *next;
	/* The links between the elements outlive the table. */
	HASH_CLEAR(hh, table->entries);
	for (; entry != NULL; entry = next) {
		next = entry->hh.next;
		free_entry(table, entry);
	}
	slab_fini(&table->slab);
	for (int lane = 0; lane < LANES; lane++)
		free(table->lanes[lane].entries);
	heap_fini(&table->waiting);
	for (int kind = 0; kind < 2; kind++) {
		for (size_t i = 0; i < table->kinds[kind].count && table->kinds[kind].buckets != NULL; i++)
			drop_slots(table, &table->kinds[kind].buckets[i]);
		free(table->kinds[kind].buckets);
		free(table->kinds[kind].filled);
	}
	slab_fini(&table->few_slots);
	slab_fini(&table->all_slots);
	*table = (struct address_table){0};
}

struct address_entry *address_table_find(const struct address_table *table, const struct address *address)
{
	struct address_entry *entry;
	HASH_FIND(hh, table->entries, address, sizeof *address, entry);
	return entry;
}

size_t address_table_count(const struct address_table *table)
{
	return HASH_COUNT(table->entries);
}

struct address_entry *address_table_add(struct address_table *table, const struct address *address)
{
	/* An entry that found no room among those that wait would never be due. */
	if (!heap_reserve(&table->waiting, (size_t)HASH_COUNT(table->entries) + 1))
		return NULL;
	struct address_entry *entry = slab_take(&table->slab);
	if (entry == NULL)
		return NULL;
	entry->address = *address;
	entry->heard_us = entry->tried_us = entry->reached_us = entry->error_us = NEVER_US;
	entry->lane = LANE_NONE;
	HASH_ADD(hh, table->entries, address, sizeof entry->address, entry);
	if (entry->hh.tbl == NULL) {
		slab_give(&table->slab, entry);
		return NULL;
	}
	return entry;
}

void address_entry_link(struct address_entry **list, struct address_entry *entry)
{
	entry->kin_next = *list;
	entry->kin_link = list;
	if (*list != NULL)
		(*list)->kin_link = &entry->kin_next;
	*list = entry;
}

void address_entry_unlink(struct address_entry *entry)
{
	if (entry->kin_link == NULL)
		return;
	*entry->kin_link = entry->kin_next;
	if (entry->kin_next != NULL)
		entry->kin_next->kin_link = entry->kin_link;
	entry->kin_next = NULL;
	entry->kin_link = NULL;
}

void address_table_remove(struct address_table *table, struct address_entry *entry)
{
	address_entry_unlink(entry);
	address_table_set_due(table, entry, FOREVER_US);
	address_table_unplace(table, entry);
	for (struct address_walk *walk = table->walks; walk != NULL; walk = walk->next)
		if (walk->entry == entry)
			walk->entry = entry->hh.next;
	HASH_DEL(table->entries, entry);
	free_entry(table, entry);
}

static struct address_error *take_error(struct address_table *table, const char *text)
{
	size_t length = strnlen(text, ADDRESS_ERROR_BYTES - 1);
	struct address_error *error;
	HASH_FIND(hh, table->errors, text, length, error);
	if (error == NULL && (error = calloc(1, sizeof *error)) != NULL) {
		memcpy(error->text, text, length);
		HASH_ADD_KEYPTR(hh, table->errors, error->text, length, error);
		if (error->hh.tbl == NULL) {
			free(error);
			return NULL;
		}
	}
	if (error != NULL)
		error->entries++;
	return error;
}

static void drop_error(struct address_table *table, struct address_error *error)
{
	if (error == NULL || --error->entries > 0)
		return;
	HASH_DEL(table->errors, error);
	free(error);
}

void address_table_set_error(struct address_table *table, struct address_entry *entry, const char *text)
{
	/* The text may be that of the old one. */
	struct address_error *old = entry->error;
	entry->error = text == NULL ? NULL : take_error(table, text);
	drop_error(table, old);
}

/* ---- buckets ---- */

static uint64_t hash_of(const struct address_table *table, uint64_t one, uint64_t other, uint64_t third)
{
	uint64_t words[3] = {one, other, third};
	return keyed_hash(&table->key, words, sizeof words);
}

/* A part of the buckets, but no fewer than these, so that a small book isn't parted too finely. */
static size_t share_of(size_t buckets, size_t share, size_t least)
{
	size_t part = buckets / share;
	return part >= least ? part : buckets < least ? buckets : least;
}

/* The group of the host that told of it; an address that no other host told of counts as told by its own node. */
static uint64_t tellers_of(const struct address_entry *entry)
{
	return address_group(address_is_known(&entry->teller) ? &entry->teller : &entry->address);
}

/* A bucket of those that this group of tellers has; the addresses of one group get a part of these. */
static uint32_t new_bucket(const struct address_table *table, const struct address_entry *entry)
{
	size_t buckets = table->kinds[ADDRESS_NEW].count;
	uint64_t tellers = tellers_of(entry), group = address_group(&entry->address);
	uint64_t spread =
		keyed_hash(&table->key, &entry->address, sizeof entry->address) % share_of(buckets, GROUP_SHARE, 2);
	uint64_t share = hash_of(table, tellers, group, spread) % share_of(buckets, TELLER_SHARE, 4);
	return 1 + (uint32_t)(hash_of(table, tellers, share, 0) % buckets);
}

static uint32_t tried_bucket(const struct address_table *table, const struct address_entry *entry)
{
	size_t buckets = table->kinds[ADDRESS_TRIED].count;
	uint64_t spread =
		keyed_hash(&table->key, &entry->address, sizeof entry->address) % share_of(buckets, TRIED_SHARE, 2);
	uint64_t hash = hash_of(table, address_group(&entry->address), spread, 1);
	return 1 + (uint32_t)(hash % buckets);
}

static bool make_room_for_slot(struct address_table *table, struct address_bucket *bucket)
{
	if (bucket->count < bucket->capacity)
		return true;
	bool are_few = bucket->capacity == 0;
	struct address_slot *slots = slab_take(are_few ? &table->few_slots : &table->all_slots);
	if (slots == NULL)
		return false;
	if (!are_few)
		memcpy(slots, bucket->slots, bucket->count * sizeof *slots);
	drop_slots(table, bucket);
	bucket->slots = slots;
	bucket->capacity = are_few ? ADDRESS_FEW_SLOTS : ADDRESS_BUCKET_ENTRIES;
	return true;
}

static bool place(struct address_table *table, struct address_entry *entry, enum address_kind kind, uint32_t number)
{
	struct address_buckets *buckets = &table->kinds[kind];
	struct address_bucket *bucket = &buckets->buckets[number - 1];
	/* Else the room that is made could go again as its old place is emptied. */
	if (entry->bucket == number && entry->kind == kind)
		return true;
	if (!make_room_for_slot(table, bucket))
		return false;
	address_table_unplace(table, entry);
	if (bucket->count == 0) {
		bucket->filled_place = (uint32_t)buckets->filled_count;
		buckets->filled[buckets->filled_count++] = number - 1;
	}
	entry->kind = kind;
	entry->bucket = number;
	entry->slot = bucket->count;
	bucket->slots[bucket->count++] = (struct address_slot){entry, tellers_of(entry)};
	return true;
}

void address_table_unplace(struct address_table *table, struct address_entry *entry)
{
	if (entry->bucket == 0)
		return;
	struct address_buckets *buckets = &table->kinds[entry->kind];
	struct address_bucket *bucket = &buckets->buckets[entry->bucket - 1];
	bucket->slots[entry->slot] = bucket->slots[--bucket->count];
	bucket->slots[entry->slot].entry->slot = entry->slot;
	entry->bucket = 0;
	if (bucket->count == 0) {
		drop_slots(table, bucket);
		uint32_t last = buckets->filled[--buckets->filled_count];
		buckets->filled[bucket->filled_place] = last;
		buckets->buckets[last].filled_place = bucket->filled_place;
	}
}

static bool is_full(const struct address_table *table, enum address_kind kind, uint32_t bucket)
{
	return table->kinds[kind].buckets[bucket - 1].count >= ADDRESS_BUCKET_ENTRIES;
}

static bool goes_before(const struct address_entry *one, const struct address_entry *other)
{
	return one->failures != other->failures ? one->failures > other->failures : one->heard_us < other->heard_us;
}

/* How many in a full bucket have the same tellers, for each; the newcomer counts with its own. */
static void count_tellers(const struct address_slot *slots, uint64_t own, uint8_t counts[static ADDRESS_BUCKET_ENTRIES])
{
	enum { CELLS = 2 * ADDRESS_BUCKET_ENTRIES };
	struct {
		uint64_t tellers;
		uint8_t count;
	} cells[CELLS] = {0};
	uint8_t cell_of[ADDRESS_BUCKET_ENTRIES];
	for (size_t i = 0; i < ADDRESS_BUCKET_ENTRIES; i++) {
		size_t cell = (slots[i].tellers * 0x9e3779b97f4a7c15u >> 32) % CELLS; /* Fibonacci hashing */
		while (cells[cell].count > 0 && cells[cell].tellers != slots[i].tellers)
			cell = (cell + 1) % CELLS;
		cells[cell].tellers = slots[i].tellers;
		cells[cell].count++;
		cell_of[i] = (uint8_t)cell;
	}
	for (size_t i = 0; i < ADDRESS_BUCKET_ENTRIES; i++)
		counts[i] = (uint8_t)(cells[cell_of[i]].count + (slots[i].tellers == own));
}

/* The worst of the first ADDRESS_CANDIDATES with that count that may go; NULL for none. */
static struct address_entry *worst_of(const struct address_slot *slots, const uint8_t *counts, size_t count,
				      address_may_go *may_go, void *context)
{
	struct address_entry *worst = NULL;
	for (size_t i = 0, seen = 0; i < ADDRESS_BUCKET_ENTRIES && seen < ADDRESS_CANDIDATES; i++) {
		if (counts[i] != count)
			continue;
		/* To ask whether one may go costs more than to see that it needn't. */
		bool is_worse = worst == NULL || goes_before(slots[i].entry, worst);
		if (is_worse && !may_go(context, slots[i].entry))
			continue;
		if (is_worse)
			worst = slots[i].entry;
		seen++;
	}
	return worst;
}

/* The entry that a new one of this group of tellers displaces in a full bucket; NULL for none. */
static struct address_entry *find_victim(const struct address_table *table, uint32_t number, uint64_t own,
					 address_may_go *may_go, void *context)
{
	const struct address_slot *slots = table->kinds[ADDRESS_NEW].buckets[number - 1].slots;
	uint8_t counts[ADDRESS_BUCKET_ENTRIES];
	struct address_entry *victim = NULL;
	size_t most = 0, own_count = 1;
	count_tellers(slots, own, counts);
	for (size_t i = 0; i < ADDRESS_BUCKET_ENTRIES; i++) {
		most = counts[i] > most ? counts[i] : most;
		own_count = slots[i].tellers == own ? counts[i] : own_count;
	}
	for (; victim == NULL && most >= own_count; most--)
		victim = worst_of(slots, counts, most, may_go, context);
	return victim;
}

bool address_table_place_new(struct address_table *table, struct address_entry *entry, address_may_go *may_go,
			     void *context)
{
	must(entry->bucket == 0);
	uint32_t bucket = new_bucket(table, entry);
	if (is_full(table, ADDRESS_NEW, bucket)) {
		struct address_entry *victim = find_victim(table, bucket, tellers_of(entry), may_go, context);
		if (victim == NULL)
			return false;
		address_table_remove(table, victim);
	}
	return place(table, entry, ADDRESS_NEW, bucket);
}

bool address_table_place_tried(struct address_table *table, struct address_entry *entry, address_may_go *may_go,
			       void *context, struct address_entry **rival)
{
	uint32_t bucket = tried_bucket(table, entry);
	*rival = NULL;
	if (!is_full(table, ADDRESS_TRIED, bucket))
		return place(table, entry, ADDRESS_TRIED, bucket);
	const struct address_slot *slots = table->kinds[ADDRESS_TRIED].buckets[bucket - 1].slots;
	for (size_t i = 0; i < ADDRESS_BUCKET_ENTRIES; i++)
		if ((*rival == NULL || slots[i].entry->heard_us < (*rival)->heard_us) &&
		    may_go(context, slots[i].entry))
			*rival = slots[i].entry;
	return false;
}

/* ---- when each is due ---- */

static struct address_entry *entry_of(struct heap_item *item)
{
	return (struct address_entry *)((char *)item - offsetof(struct address_entry, due));
}

static enum address_lane lane_of(const struct address_entry *entry)
{
	if (entry->is_crowded)
		return LANE_CROWDED;
	if (entry->is_anchor || (entry->is_bootstrap && entry->backoff == 0))
		return LANE_FIRST;
	if (entry->is_later && entry->backoff == 0)
		return LANE_LATER;
	bool counts_as_tried = entry->kind == ADDRESS_TRIED || entry->is_bootstrap;
	if (entry->backoff > 0)
		return counts_as_tried ? LANE_TRIED_AGAIN : LANE_NEW_AGAIN;
	return counts_as_tried ? LANE_TRIED : LANE_NEW;
}

/* An entry in a lane has its place there where one that waits has its place in the heap. */
static void leave_lane(struct address_table *table, struct address_entry *entry)
{
	struct address_lane_entries *lane = &table->lanes[entry->lane];
	struct address_entry *last = lane->entries[--lane->count];
	lane->entries[entry->due.place] = last;
	last->due.place = entry->due.place;
	entry->lane = LANE_NONE;
	entry->due.place = 0;
}

/* An entry that is due; without memory it is again after a while. */
static void enter_lane(struct address_table *table, struct address_entry *entry, int64_t again_us)
{
	enum address_lane which = lane_of(entry);
	struct address_lane_entries *lane = &table->lanes[which];
	if (lane->count == lane->capacity) {
		size_t capacity = lane->capacity == 0 ? 16 : lane->capacity * 2;
		struct address_entry **grown = realloc(lane->entries, capacity * sizeof(struct address_entry *));
		if (grown == NULL) {
			heap_add(&table->waiting, &entry->due, again_us);
			return;
		}
		lane->entries = grown;
		lane->capacity = capacity;
	}
	entry->lane = which;
	entry->due.place = lane->count;
	lane->entries[lane->count++] = entry;
}

void address_table_update_lane(struct address_table *table, struct address_entry *entry)
{
	if (entry->lane == LANE_NONE || entry->lane == lane_of(entry))
		return;
	leave_lane(table, entry);
	enter_lane(table, entry, entry->due.key);
}

void address_table_set_due(struct address_table *table, struct address_entry *entry, int64_t due_us)
{
	if (entry->lane != LANE_NONE)
		leave_lane(table, entry);
	else
		heap_remove(&table->waiting, &entry->due);
	if (due_us != FOREVER_US)
		heap_add(&table->waiting, &entry->due, due_us);
}

/* How soon there is another try where there was no memory. */
#define LANE_RETRY_US ((int64_t)1000 * 1000)

int64_t address_table_run(struct address_table *table, int64_t now_us)
{
	struct heap_item *first;
	while ((first = heap_first(&table->waiting)) != NULL && first->key <= now_us) {
		heap_remove(&table->waiting, first);
		enter_lane(table, entry_of(first), now_us + LANE_RETRY_US);
	}
	return first == NULL ? FOREVER_US : first->key;
}
