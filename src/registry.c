#include "registry.h"

#include <stdlib.h>

/* Without memory uthash leaves hh.tbl NULL, instead of ending the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "sync.h"

extern struct mutex registry_guard;

struct entry {
	struct peer *peer;
	struct nodeid nodeid;
	bool is_ready; /* it has claimed its nodeid */
	bool is_indexed;
	uint64_t serial;
	int64_t ready_us;
	UT_hash_handle hh; /* by peer */
	UT_hash_handle by_nodeid;
};

struct registry {
	/* Immutable. */
	struct nodeid self;
	const struct settings *settings;
	struct mutex mutex;
	struct condition emptied;
	/* Guarded. */
	struct entry *entries GUARDED_BY(registry_guard);
	struct entry *ready GUARDED_BY(registry_guard);
	struct registry_counts counts GUARDED_BY(registry_guard);
	uint64_t last_serial GUARDED_BY(registry_guard);
};

static void enter(struct registry *registry) ACQUIRES(registry_guard) UNCHECKED
{
	mutex_lock(&registry->mutex);
}

static void leave(struct registry *registry) RELEASES(registry_guard) UNCHECKED
{
	mutex_unlock(&registry->mutex);
}

static void wait_for_change(struct registry *registry) REQUIRES(registry_guard) UNCHECKED
{
	condition_wait_until(&registry->emptied, &registry->mutex, FOREVER_US);
}

struct registry *registry_new(const struct nodeid *self, const struct settings *settings)
{
	struct registry *registry = calloc(1, sizeof *registry);
	if (registry == NULL)
		return NULL;
	registry->self = *self;
	registry->settings = settings;
	mutex_init(&registry->mutex);
	condition_init(&registry->emptied);
	return registry;
}

void registry_free(struct registry *registry)
{
	if (registry == NULL)
		return;
	condition_fini(&registry->emptied);
	mutex_fini(&registry->mutex);
	free(registry);
}

static struct entry *find_entry(struct registry *registry, struct peer *peer) REQUIRES(registry_guard)
{
	struct entry *entry;
	HASH_FIND_PTR(registry->entries, &peer, entry);
	return entry;
}

static struct entry *find_ready(struct registry *registry, const struct nodeid *nodeid) REQUIRES(registry_guard)
{
	struct entry *entry;
	HASH_FIND(by_nodeid, registry->ready, nodeid, sizeof *nodeid, entry);
	return entry;
}

/* The count that an entry is part of. */
static size_t *count_of(struct registry *registry, const struct entry *entry) REQUIRES(registry_guard)
{
	struct registry_counts *counts = &registry->counts;
	if (peer_direction(entry->peer) == PEER_INBOUND)
		return entry->is_ready ? &counts->inbound : &counts->handshakes;
	if (entry->is_ready)
		return &counts->outbound;
	return peer_dial(entry->peer)->is_feeler ? &counts->feelers : &counts->dials;
}

static void unindex(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	if (entry->is_indexed)
		HASH_DELETE(by_nodeid, registry->ready, entry);
	entry->is_indexed = false;
}

bool registry_add(struct registry *registry, struct peer *peer)
{
	struct entry *entry = calloc(1, sizeof *entry);
	if (entry == NULL)
		return false;
	entry->peer = peer;
	enter(registry);
	entry->serial = ++registry->last_serial;
	HASH_ADD_PTR(registry->entries, peer, entry);
	bool added = entry->hh.tbl != NULL;
	if (added) {
		registry->counts.connections++;
		++*count_of(registry, entry);
	}
	leave(registry);
	if (added)
		peer_hold(peer);
	else
		free(entry);
	return added;
}

void registry_remove(struct registry *registry, struct peer *peer)
{
	enter(registry);
	struct entry *entry = find_entry(registry, peer);
	if (entry != NULL) {
		unindex(registry, entry);
		HASH_DEL(registry->entries, entry);
		registry->counts.connections--;
		--*count_of(registry, entry);
		if (registry->entries == NULL)
			condition_broadcast(&registry->emptied);
	}
	leave(registry);
	if (entry != NULL)
		peer_release(peer);
	free(entry);
}

/*
 * Which of two connections with one nodeid stays. Each end of a pair decides for itself, and both must come to the same
 * answer: kith-protocol(7), "One connection for a pair".
 */
static bool newcomer_stays(const struct registry *registry, const struct entry *first, enum peer_direction newcomer,
			   const struct nodeid *nodeid, int64_t now_us)
{
	/* READY for so long, it is no simultaneous dial. */
	bool is_old = now_us - first->ready_us > registry->settings->handshake_timeout_us;
	bool same_dialler = peer_direction(first->peer) == newcomer;
	/*
	 * Old, or dialled by the same end: no two dials have crossed. The end that was dialled keeps what it has, since
	 * anybody may claim a nodeid; the dialler learns from the answered hello that the far end has lost the first.
	 */
	if (is_old || same_dialler)
		return newcomer == PEER_OUTBOUND;
	/* Both ends have dialled at once: the dial of the smaller nodeid stays. */
	bool self_is_smaller = nodeid_compare(&registry->self, nodeid) < 0;
	return self_is_smaller == (newcomer == PEER_OUTBOUND);
}

static enum registry_claim claim(struct registry *registry, struct peer *peer, const struct nodeid *nodeid,
				 int64_t now_us, struct peer **other) REQUIRES(registry_guard)
{
	struct entry *entry = find_entry(registry, peer);
	struct entry *first = find_ready(registry, nodeid);
	enum registry_claim result = REGISTRY_READY;

	if (first != NULL && !peer_is_closing(first->peer)) {
		*other = peer_hold(first->peer);
		if (!newcomer_stays(registry, first, peer_direction(peer), nodeid, now_us))
			return REGISTRY_DUPLICATE;
		result = REGISTRY_REPLACES;
	} else if (peer_direction(peer) == PEER_INBOUND &&
		   registry->counts.inbound >= (size_t)registry->settings->max_inbound) {
		return REGISTRY_FULL;
	}
	if (first != NULL)
		unindex(registry, first);
	entry->nodeid = *nodeid;
	HASH_ADD(by_nodeid, registry->ready, nodeid, sizeof entry->nodeid, entry);
	entry->is_indexed = entry->by_nodeid.tbl != NULL;
	if (!entry->is_indexed)
		return REGISTRY_FULL;
	--*count_of(registry, entry);
	entry->is_ready = true;
	++*count_of(registry, entry);
	entry->ready_us = now_us;
	return result;
}

enum registry_claim registry_claim(struct registry *registry, struct peer *peer, const struct nodeid *nodeid,
				   int64_t now_us, struct peer **other)
{
	*other = NULL;
	enter(registry);
	enum registry_claim result = claim(registry, peer, nodeid, now_us, other);
	leave(registry);
	return result;
}

struct peer *registry_find(struct registry *registry, const struct nodeid *nodeid)
{
	enter(registry);
	struct entry *entry = find_ready(registry, nodeid);
	struct peer *found = entry != NULL && !peer_is_closing(entry->peer) ? peer_hold(entry->peer) : NULL;
	leave(registry);
	return found;
}

struct peer *registry_oldest_handshake(struct registry *registry)
{
	struct entry *oldest = NULL;
	enter(registry);
	for (struct entry *entry = registry->entries; entry != NULL; entry = entry->hh.next)
		if (!entry->is_ready && peer_direction(entry->peer) == PEER_INBOUND && !peer_is_closing(entry->peer) &&
		    (oldest == NULL || entry->serial < oldest->serial))
			oldest = entry;
	struct peer *found = oldest == NULL ? NULL : peer_hold(oldest->peer);
	leave(registry);
	return found;
}

struct peer *registry_any_outbound(struct registry *registry, struct rng *rng)
{
	struct entry *chosen = NULL;
	uint32_t count = 0;
	enter(registry);
	for (struct entry *entry = registry->entries; entry != NULL; entry = entry->hh.next)
		if (entry->is_ready && peer_direction(entry->peer) == PEER_OUTBOUND && !peer_is_closing(entry->peer) &&
		    rng_below(rng, ++count) == 0)
			chosen = entry;
	struct peer *found = chosen == NULL ? NULL : peer_hold(chosen->peer);
	leave(registry);
	return found;
}

struct registry_counts registry_count(struct registry *registry)
{
	enter(registry);
	struct registry_counts counts = registry->counts;
	leave(registry);
	return counts;
}

struct registry_snapshot registry_take_snapshot(struct registry *registry, bool only_ready)
{
	struct registry_snapshot snapshot = {0};
	enter(registry);
	size_t most = HASH_COUNT(registry->entries);
	snapshot.peers = most == 0 ? NULL : calloc(most, sizeof *snapshot.peers);
	for (struct entry *entry = registry->entries; snapshot.peers != NULL && entry != NULL; entry = entry->hh.next)
		if (!only_ready || (entry->is_indexed && !peer_is_closing(entry->peer)))
			snapshot.peers[snapshot.count++] = peer_hold(entry->peer);
	leave(registry);
	return snapshot;
}

void registry_release_snapshot(struct registry_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		peer_release(snapshot->peers[i]);
	free(snapshot->peers);
	*snapshot = (struct registry_snapshot){0};
}

void registry_shuffle_snapshot(struct registry_snapshot *snapshot, struct rng *rng)
{
	for (size_t i = 0; i < snapshot->count; i++) {
		size_t other = i + rng_below(rng, (uint32_t)(snapshot->count - i));
		struct peer *chosen = snapshot->peers[other];
		snapshot->peers[other] = snapshot->peers[i];
		snapshot->peers[i] = chosen;
	}
}

size_t registry_walk(struct registry *registry, uint64_t *after, struct peer *peers[static REGISTRY_STEP])
{
	size_t count = 0;
	enter(registry);
	/* uthash keeps its elements in the order in which they were added. */
	for (struct entry *entry = registry->entries; entry != NULL && count < REGISTRY_STEP; entry = entry->hh.next) {
		if (entry->serial <= *after)
			continue;
		peers[count++] = peer_hold(entry->peer);
		*after = entry->serial;
	}
	leave(registry);
	return count;
}

void registry_wait_empty(struct registry *registry)
{
	enter(registry);
	while (registry->entries != NULL)
		wait_for_change(registry);
	leave(registry);
}
