#include "base/recent.h"

#include <stdlib.h>

enum { RECENT_WAYS = 8, LEAST_SETS = 8 };

struct recent_slot {
	uint32_t hash;
	uint32_t time_s; /* since the epoch of the caller's clock, and 1; 0 for an empty slot */
};

void recent_init(struct recent *recent, size_t most, uint32_t span_s)
{
	*recent = (struct recent){.most_sets = most / RECENT_WAYS, .span_s = span_s};
}

void recent_fini(struct recent *recent)
{
	free(recent->slots);
	*recent = (struct recent){0};
}

static bool is_expired(const struct recent *recent, const struct recent_slot *slot, uint32_t time_s)
{
	return slot->time_s == 0 || time_s - slot->time_s >= recent->span_s;
}

static struct recent_slot *set_of(const struct recent *recent, uint32_t hash)
{
	return recent->slots + (hash & (recent->sets - 1)) * RECENT_WAYS;
}

/* The slot of this hash, else the one to use for it: one that is free, or the oldest. */
static struct recent_slot *find_slot(const struct recent *recent, uint32_t hash)
{
	struct recent_slot *set = set_of(recent, hash), *oldest = set;
	for (size_t i = 0; i < RECENT_WAYS; i++) {
		if (set[i].time_s != 0 && set[i].hash == hash)
			return &set[i];
		if (set[i].time_s < oldest->time_s)
			oldest = &set[i];
	}
	return oldest;
}

static bool grow(struct recent *recent)
{
	struct recent old = *recent;
	size_t sets = old.sets == 0 ? LEAST_SETS : old.sets * 2;
	if (sets > old.most_sets)
		return false;
	struct recent_slot *slots = calloc(sets * RECENT_WAYS, sizeof *slots);
	if (slots == NULL)
		return false;
	recent->slots = slots;
	recent->sets = sets;
	for (size_t i = 0; i < old.sets * RECENT_WAYS; i++)
		if (old.slots[i].time_s != 0)
			*find_slot(recent, old.slots[i].hash) = old.slots[i];
	free(old.slots);
	return true;
}

static uint32_t time_of(int64_t now_us)
{
	return (uint32_t)(now_us / 1000000) + 1;
}

bool recent_knows(const struct recent *recent, uint64_t hash, int64_t now_us)
{
	const struct recent_slot *slot = recent->sets == 0 ? NULL : find_slot(recent, (uint32_t)hash);
	return slot != NULL && slot->hash == (uint32_t)hash && !is_expired(recent, slot, time_of(now_us));
}

bool recent_note(struct recent *recent, uint64_t hash, int64_t now_us)
{
	uint32_t low = (uint32_t)hash, time_s = time_of(now_us);
	if (recent->sets == 0 && !grow(recent))
		return false;
	struct recent_slot *slot = find_slot(recent, low);
	bool is_known = slot->time_s != 0 && slot->hash == low && !is_expired(recent, slot, time_s);
	while (!is_known && !is_expired(recent, slot, time_s) && slot->hash != low && grow(recent))
		slot = find_slot(recent, low);
	if (!is_known)
		*slot = (struct recent_slot){.hash = low, .time_s = time_s};
	return !is_known;
}

void recent_forget(struct recent *recent, uint64_t hash)
{
	struct recent_slot *slot = recent->sets == 0 ? NULL : find_slot(recent, (uint32_t)hash);
	if (slot != NULL && slot->hash == (uint32_t)hash)
		*slot = (struct recent_slot){0};
}
