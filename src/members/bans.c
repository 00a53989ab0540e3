#include "members/bans.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/sync.h"

extern struct mutex bans_guard;

struct bans {
	struct mutex mutex;
	/* Atomic. */
	atomic_size_t count; /* most nodes have none, and this is asked for each connection */
	/* Guarded. */
	struct ban list[BANS_MOST] GUARDED_BY(bans_guard); /* the first count of them */
};

static void enter(struct bans *bans) ACQUIRES(bans_guard) UNCHECKED
{
	mutex_lock(&bans->mutex);
}

static void leave(struct bans *bans) RELEASES(bans_guard) UNCHECKED
{
	mutex_unlock(&bans->mutex);
}

struct bans *bans_new(void) UNCHECKED
{
	struct bans *bans = calloc(1, sizeof *bans);
	if (bans != NULL)
		mutex_init(&bans->mutex);
	return bans;
}

void bans_free(struct bans *bans) UNCHECKED
{
	if (bans == NULL)
		return;
	mutex_fini(&bans->mutex);
	free(bans);
}

static void drop(struct bans *bans, size_t place) REQUIRES(bans_guard)
{
	bans->list[place] = bans->list[--bans->count];
}

static void drop_expired(struct bans *bans, int64_t now_us) REQUIRES(bans_guard)
{
	for (size_t i = bans->count; i > 0; i--)
		if (bans->list[i - 1].until_us <= now_us)
			drop(bans, i - 1);
}

bool bans_hold(struct bans *bans, const struct address *host, int64_t now_us)
{
	bool found = false;
	if (bans == NULL || atomic_load_explicit(&bans->count, memory_order_relaxed) == 0)
		return false;
	enter(bans);
	for (size_t i = 0; i < bans->count && !found; i++)
		found = now_us < bans->list[i].until_us && address_block_holds(&bans->list[i].block, host);
	leave(bans);
	return found;
}

static bool is_same(const struct address_block *one, const struct address_block *other)
{
	return one->prefix_bits == other->prefix_bits && address_equals(&one->base, &other->base);
}

/* Its place, or count. */
static size_t find(struct bans *bans, const struct address_block *block) REQUIRES(bans_guard)
{
	size_t place = 0;
	while (place < bans->count && !is_same(&bans->list[place].block, block))
		place++;
	return place;
}

bool bans_add(struct bans *bans, const struct address_block *block, int64_t until_us, int64_t now_us)
{
	enter(bans);
	drop_expired(bans, now_us);
	size_t place = find(bans, block);
	bool has_place = place < BANS_MOST;
	if (has_place)
		bans->list[place] = (struct ban){.block = *block, .until_us = until_us};
	if (has_place && place == bans->count)
		bans->count++;
	leave(bans);
	return has_place;
}

bool bans_remove(struct bans *bans, const struct address_block *block, int64_t now_us)
{
	enter(bans);
	drop_expired(bans, now_us);
	size_t place = find(bans, block);
	bool found = place < bans->count;
	if (found)
		drop(bans, place);
	leave(bans);
	return found;
}

size_t bans_list(struct bans *bans, struct ban list[static BANS_MOST], int64_t now_us)
{
	enter(bans);
	drop_expired(bans, now_us);
	size_t count = bans->count;
	memcpy(list, bans->list, count * sizeof *list);
	leave(bans);
	return count;
}
