#include "members/claims_priv.h"

#include "members/eviction_priv.h"

static bool is_live(const struct entry *entry)
{
	return entry != NULL && !peer_is_closing(entry->peer);
}

struct entry *claims_find_live(struct registry *registry, const struct nodeid *nodeid)
{
	struct entry *first = registry_find_indexed(registry, nodeid);
	if (first == NULL || is_live(first))
		return first;
	return is_live(first->other) ? first->other : NULL;
}

void claims_unindex(struct registry *registry, struct entry *entry)
{
	if (entry->is_indexed)
		HASH_DELETE(by_nodeid, registry->ready, entry);
	entry->is_indexed = false;
}

/* Indexes the connection by its nodeid, instead of the first one if there is one. False if there is no memory. */
static bool enter_index(struct registry *registry, struct entry *entry, struct entry *first) REQUIRES(registry_guard)
{
	/* While the first one is still in it, this needs no new table. */
	HASH_ADD(by_nodeid, registry->ready, nodeid, sizeof entry->nodeid, entry);
	entry->is_indexed = entry->by_nodeid.tbl != NULL;
	if (entry->is_indexed && first != NULL)
		claims_unindex(registry, first);
	return entry->is_indexed;
}

static void make_spare(struct registry *registry, struct entry *spare, struct entry *indexed, int64_t now_us)
	REQUIRES(registry_guard)
{
	spare->other = indexed;
	indexed->other = spare;
	spare->spare_us = now_us;
	registry_list(&registry->spares, spare);
	peer_set_spare(spare->peer, true);
}

/* A pair has two connections no longer. */
static void part(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	struct entry *other = entry->other;
	if (other == NULL)
		return;
	registry_unlist(&registry->spares, entry->is_indexed ? other : entry);
	entry->other = other->other = NULL;
}

struct entry *claims_succeed(struct registry *registry, struct entry *entry)
{
	struct entry *other = entry->other;
	bool is_spare = other != NULL && !entry->is_indexed;
	part(registry, entry);
	if (other == NULL || is_spare)
		return NULL;
	enter_index(registry, other, entry);
	peer_set_spare(other->peer, false);
	return other;
}

/* ---- claims ---- */

/* What becomes of a second connection with a nodeid. */
enum second {
	SECOND_GOES,
	SECOND_REPLACES, /* the first one goes */
	SECOND_WAITS,	 /* it is the spare of the first one */
	SECOND_LEADS,	 /* the first one is its spare */
};

/*
 * kith-protocol(7), "One connection for a pair". Anybody can claim any nodeid, so a claim ends no connection on which a
 * pong has come. Before that two dials may have crossed. Then the end with the smaller nodeid decides; the other end
 * keeps both connections until it hears which of them has ended.
 */
static enum second judge_second(const struct registry *registry, const struct entry *first,
				const struct entry *newcomer)
{
	bool is_dial = !registry_is_inbound(newcomer);
	bool is_same_dialler = registry_is_inbound(first) == registry_is_inbound(newcomer);
	if (is_same_dialler || first->other != NULL || peer_is_established(first->peer))
		return SECOND_GOES;
	/* A ping that this end answers on a connection tells the other end that it has accepted that one. So this end
	 * accepts no second one but its own dial, and ends the first for it at once. */
	if (nodeid_compare(&registry->self, &newcomer->nodeid) < 0)
		return is_dial ? SECOND_REPLACES : SECOND_GOES;
	if (address_same_host(&peer_dial(first->peer)->address, &peer_dial(newcomer->peer)->address))
		return SECOND_WAITS;
	/* From elsewhere: somebody else perhaps. What this node has dialled itself is worth more than a claim. */
	return is_dial ? SECOND_LEADS : SECOND_GOES;
}

/* It has claimed the nodeid, which nobody else has, or the first one only until it has ended. */
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
	if (first != NULL)
		part(registry, first);
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
					int64_t now_us, struct peer **other) REQUIRES(registry_guard)
{
	enum second second = judge_second(registry, first, entry);
	bool is_full =
		registry_is_inbound(entry) && registry->counts.inbound >= (size_t)registry->settings->max_inbound;
	bool is_leader = second == SECOND_REPLACES || second == SECOND_LEADS;
	if (second == SECOND_GOES) {
		*other = peer_hold(first->peer);
		return REGISTRY_DUPLICATE;
	}
	/* Nobody is evicted for the second connection of a pair, since it has the first. */
	if (is_full || (is_leader && !enter_index(registry, entry, first)))
		return REGISTRY_FULL;
	registry_become_ready(registry, entry);
	if (second == SECOND_LEADS)
		make_spare(registry, first, entry, now_us);
	else if (second == SECOND_WAITS)
		make_spare(registry, entry, first, now_us);
	*other = peer_hold(first->peer);
	return second == SECOND_REPLACES ? REGISTRY_REPLACES : REGISTRY_SECOND;
}

enum registry_claim registry_claim(struct registry *registry, struct peer *peer, const struct nodeid *nodeid,
				   int64_t now_us, struct peer **other)
{
	enum registry_claim result = REGISTRY_FULL;
	*other = NULL;
	registry_enter(registry);
	struct entry *entry = registry_find_entry(registry, peer), *live = claims_find_live(registry, nodeid);
	/* A retired one has given way to another one, and its reader does not know it yet. */
	if (!entry->is_retired) {
		entry->nodeid = *nodeid;
		result = live == NULL ? claim_alone(registry, entry, registry_find_indexed(registry, nodeid), other)
				      : claim_second(registry, entry, live, now_us, other);
	}
	registry_leave(registry);
	return result;
}

struct peer *registry_take_overdue(struct registry *registry, int64_t now_us, int64_t *next_us)
{
	struct peer *overdue = NULL;
	*next_us = FOREVER_US;
	registry_enter(registry);
	struct entry *spare = registry->spares;
	if (spare != NULL && spare->spare_us + registry->settings->handshake_timeout_us > now_us) {
		*next_us = spare->spare_us + registry->settings->handshake_timeout_us;
	} else if (spare != NULL) {
		bool is_better = peer_is_established(spare->peer) && !peer_is_established(spare->other->peer);
		registry_unlist(&registry->spares, spare);
		overdue = peer_hold(is_better ? spare->other->peer : spare->peer);
	}
	registry_leave(registry);
	return overdue;
}
