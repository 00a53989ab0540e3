#include "members/eviction_priv.h"

struct entry *eviction_choose_handshake(struct registry *registry, const struct address *from)
{
	const struct tally *own = tally_find(registry->hosts, address_source(from));
	struct entry *chosen = NULL;
	size_t most = 0;
	for (struct entry *entry = registry->handshakes; entry != NULL; entry = entry->next) {
		size_t count = entry->host->handshakes + (entry->host == own);
		if (count > most) {
			most = count;
			chosen = entry;
		}
	}
	return chosen;
}

static bool is_inbound_peer(const struct entry *entry)
{
	return registry_is_inbound(entry) && !entry->is_retired;
}

/* Finds the inbound peers with the lowest round trips, the lowest first. Returns how many. */
static size_t find_nearest(const struct registry *registry, const struct entry *nearest[static REGISTRY_NEAREST])
	REQUIRES(registry_guard)
{
	size_t count = 0;
	for (const struct entry *entry = registry->ready; entry != NULL; entry = entry->by_nodeid.next) {
		int64_t rtt_us = peer_rtt_us(entry->peer);
		if (!is_inbound_peer(entry) || rtt_us < 0)
			continue;
		size_t place = count < REGISTRY_NEAREST ? count++ : REGISTRY_NEAREST;
		for (; place > 0 && rtt_us < peer_rtt_us(nearest[place - 1]->peer); place--)
			if (place < REGISTRY_NEAREST)
				nearest[place] = nearest[place - 1];
		if (place < REGISTRY_NEAREST)
			nearest[place] = entry;
	}
	return count;
}

static bool is_among(const struct entry *const *entries, size_t count, const struct entry *wanted)
{
	for (size_t i = 0; i < count; i++)
		if (entries[i] == wanted)
			return true;
	return false;
}

struct entry *eviction_choose_peer(struct registry *registry)
{
	const struct entry *nearest[REGISTRY_NEAREST];
	size_t nearest_count = find_nearest(registry, nearest);
	size_t eldest = (registry->counts.inbound + 3) / 4, seen = 0;
	struct entry *chosen = NULL;
	/* uthash keeps the order in which they became READY. */
	for (struct entry *entry = registry->ready; entry != NULL; entry = entry->by_nodeid.next) {
		if (!is_inbound_peer(entry) || seen++ < eldest)
			continue;
		if (entry->network->ready < 2 || is_among(nearest, nearest_count, entry))
			continue;
		if (chosen == NULL || entry->network->ready >= chosen->network->ready)
			chosen = entry;
	}
	return chosen;
}
