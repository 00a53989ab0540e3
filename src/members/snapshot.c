#include <stdlib.h>

#include "members/registry_priv.h"

struct registry_snapshot registry_take_snapshot(struct registry *registry, bool only_ready)
{
	struct registry_snapshot snapshot = {0};
	registry_enter(registry);
	size_t most = HASH_COUNT(registry->entries);
	snapshot.peers = most == 0 ? NULL : calloc(most, sizeof *snapshot.peers);
	for (struct entry *entry = registry->entries; snapshot.peers != NULL && entry != NULL; entry = entry->hh.next)
		if (!only_ready || ((entry->is_indexed || entry->other != NULL) && !peer_is_closing(entry->peer)))
			snapshot.peers[snapshot.count++] = peer_hold(entry->peer);
	registry_leave(registry);
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
