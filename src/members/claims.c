#include "members/eviction_priv.h"

/* Indexes the connection by its nodeid, instead of the first one if there is one. False if there is no memory. */
static bool enter_index(struct registry *registry, struct entry *entry, struct entry *first) REQUIRES(registry_guard)
{
	HASH_ADD(by_nodeid, registry->ready, nodeid, sizeof entry->nodeid, entry);
	entry->is_indexed = entry->by_nodeid.tbl != NULL;
	if (entry->is_indexed && first != NULL)
		registry_unindex(registry, first);
	return entry->is_indexed;
}

/*
 * Does a second connection with a nodeid take the place of the first? kith-protocol(7), "One connection for a pair".
 * Anybody can claim any nodeid, so a claim ends no connection on which a pong has come. Before that two dials may have
 * crossed. Then the end with the greater nodeid keeps the connection that it has accepted first, and so the other end,
 * whose own dial was answered, knows that its first one is refused there.
 */
static bool newcomer_stays(const struct registry *registry, const struct entry *first, const struct entry *newcomer)
{
	bool is_answered_dial = registry_is_inbound(first) && !registry_is_inbound(newcomer);
	return is_answered_dial && !peer_is_established(first->peer) &&
	       nodeid_compare(&registry->self, &newcomer->nodeid) < 0;
}

/* Nobody has the nodeid; the first one, if there is one, is closing. */
static enum registry_claim claim_alone(struct registry *registry, struct entry *entry, struct entry *first,
				       struct peer **other) REQUIRES(registry_guard)
{
	size_t inbound = registry->counts.inbound, max_inbound = (size_t)registry->settings->max_inbound;
	struct entry *evicted = NULL;
	if (registry_is_inbound(entry) && inbound >= max_inbound) {
		/* More than max_inbound there are only after a reload: then no one is evicted, and newcomers are
		 * refused. */
		evicted = inbound > max_inbound ? NULL : eviction_choose_peer(registry);
		if (evicted == NULL)
			return REGISTRY_FULL;
	}
	if (!enter_index(registry, entry, first))
		return REGISTRY_FULL;
	if (evicted != NULL) {
		*other = peer_hold(evicted->peer);
		registry_retire_entry(registry, evicted);
	}
	registry_become_ready(registry, entry);
	return evicted == NULL ? REGISTRY_READY : REGISTRY_EVICTS;
}

static enum registry_claim claim_second(struct registry *registry, struct entry *entry, struct entry *first,
					struct peer **other) REQUIRES(registry_guard)
{
	*other = peer_hold(first->peer);
	if (!newcomer_stays(registry, first, entry) || !enter_index(registry, entry, first))
		return REGISTRY_DUPLICATE;
	registry_become_ready(registry, entry);
	return REGISTRY_REPLACES;
}

enum registry_claim registry_claim(struct registry *registry, struct peer *peer, const struct nodeid *nodeid,
				   struct peer **other)
{
	enum registry_claim result = REGISTRY_FULL;
	*other = NULL;
	registry_enter(registry);
	struct entry *entry = registry_find_entry(registry, peer), *first = registry_find_indexed(registry, nodeid);
	/* A retired one has given way to another one, and its reader does not know it yet. */
	if (!entry->is_retired) {
		entry->nodeid = *nodeid;
		result = first != NULL && !peer_is_closing(first->peer) ? claim_second(registry, entry, first, other)
									: claim_alone(registry, entry, first, other);
	}
	registry_leave(registry);
	return result;
}
