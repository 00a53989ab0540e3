#include "members/registry.h"

#include <stdlib.h>

/* Without memory uthash leaves hh.tbl NULL, instead of ending the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "base/sync.h"

extern struct mutex registry_guard;

/* How many inbound connections there are of one host, group or network. */
struct tally {
	struct address of; /* address_host, address_subnet or address_network */
	size_t connections;
	size_t handshakes; /* of a host */
	size_t ready;	   /* of a network */
	UT_hash_handle hh;
};

struct entry {
	struct peer *peer;
	struct nodeid nodeid;
	bool is_ready; /* it has claimed its nodeid */
	bool is_indexed;
	bool is_retired;
	bool is_listed; /* in handshakes, or in retired */
	uint64_t serial;
	int64_t ready_us;
	struct tally *host, *group, *network; /* of an inbound connection; else NULL */
	UT_hash_handle hh;		      /* by peer */
	UT_hash_handle by_nodeid;
	struct entry *prev, *next; /* while it is listed */
};

struct registry {
	/* Immutable. */
	struct nodeid self;
	const struct settings *settings;
	struct mutex mutex;
	struct condition emptied;
	/* Guarded. */
	struct entry *entries GUARDED_BY(registry_guard);
	struct entry *ready GUARDED_BY(registry_guard);	     /* by nodeid */
	struct entry *handshakes GUARDED_BY(registry_guard); /* inbound, the oldest first */
	struct tally *hosts GUARDED_BY(registry_guard);
	struct entry *retired GUARDED_BY(registry_guard); /* and not over yet, the oldest first */
	struct tally *groups GUARDED_BY(registry_guard);
	struct tally *networks GUARDED_BY(registry_guard);
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

static bool is_inbound(const struct entry *entry)
{
	return peer_direction(entry->peer) == PEER_INBOUND;
}

/* The count that an entry is part of. */
static size_t *count_of(struct registry *registry, const struct entry *entry) REQUIRES(registry_guard)
{
	struct registry_counts *counts = &registry->counts;
	if (is_inbound(entry))
		return entry->is_ready ? &counts->inbound : &counts->handshakes;
	if (entry->is_ready)
		return &counts->outbound;
	return peer_dial(entry->peer)->is_feeler ? &counts->feelers : &counts->dials;
}

static void list(struct entry **entries, struct entry *entry)
{
	DL_APPEND(*entries, entry);
	entry->is_listed = true;
}

static void unlist(struct entry **entries, struct entry *entry)
{
	if (entry->is_listed)
		DL_DELETE(*entries, entry);
	entry->is_listed = false;
}

/* From now on the entry counts as what it is. */
static void enter_counts(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	++*count_of(registry, entry);
	if (!is_inbound(entry))
		return;
	if (entry->is_ready) {
		entry->network->ready++;
	} else {
		entry->host->handshakes++;
		list(&registry->handshakes, entry);
	}
}

static void leave_counts(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	--*count_of(registry, entry);
	if (!is_inbound(entry))
		return;
	if (entry->is_ready) {
		entry->network->ready--;
	} else {
		entry->host->handshakes--;
		unlist(&registry->handshakes, entry);
	}
}

static void retire(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	if (entry->is_retired || !is_inbound(entry))
		return;
	leave_counts(registry, entry);
	entry->is_retired = true;
	list(&registry->retired, entry);
}

static struct tally *find_tally(struct tally *tallies, struct address of)
{
	struct tally *tally;
	HASH_FIND(hh, tallies, &of, sizeof of, tally);
	return tally;
}

/* Counts a connection; the tally is made if it is the first. NULL if there is no memory. */
static struct tally *join(struct tally **tallies, struct address of)
{
	struct tally *tally = find_tally(*tallies, of);
	if (tally == NULL) {
		tally = calloc(1, sizeof *tally);
		if (tally == NULL)
			return NULL;
		tally->of = of;
		HASH_ADD(hh, *tallies, of, sizeof tally->of, tally);
		if (tally->hh.tbl == NULL) {
			free(tally);
			return NULL;
		}
	}
	tally->connections++;
	return tally;
}

static void quit(struct tally **tallies, struct tally *tally)
{
	if (tally == NULL || --tally->connections > 0)
		return;
	HASH_DEL(*tallies, tally);
	free(tally);
}

static void leave_tallies(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	quit(&registry->hosts, entry->host);
	quit(&registry->groups, entry->group);
	quit(&registry->networks, entry->network);
}

static bool join_tallies(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	const struct address *address = &peer_dial(entry->peer)->address;
	if (!is_inbound(entry))
		return true;
	entry->host = join(&registry->hosts, address_host(address));
	entry->group = join(&registry->groups, address_subnet(address));
	entry->network = join(&registry->networks, address_network(address));
	if (entry->host != NULL && entry->group != NULL && entry->network != NULL)
		return true;
	leave_tallies(registry, entry);
	return false;
}

static void unindex(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	if (entry->is_indexed)
		HASH_DELETE(by_nodeid, registry->ready, entry);
	entry->is_indexed = false;
}

static bool add(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	if (!join_tallies(registry, entry))
		return false;
	entry->serial = ++registry->last_serial;
	HASH_ADD_PTR(registry->entries, peer, entry);
	if (entry->hh.tbl == NULL) {
		leave_tallies(registry, entry);
		return false;
	}
	registry->counts.connections++;
	enter_counts(registry, entry);
	return true;
}

bool registry_add(struct registry *registry, struct peer *peer)
{
	struct entry *entry = calloc(1, sizeof *entry);
	if (entry == NULL)
		return false;
	entry->peer = peer_hold(peer);
	enter(registry);
	bool added = add(registry, entry);
	leave(registry);
	if (!added) {
		peer_release(peer);
		free(entry);
	}
	return added;
}

void registry_retire(struct registry *registry, struct peer *peer)
{
	enter(registry);
	struct entry *entry = find_entry(registry, peer);
	if (entry != NULL)
		retire(registry, entry);
	leave(registry);
}

void registry_remove(struct registry *registry, struct peer *peer)
{
	enter(registry);
	struct entry *entry = find_entry(registry, peer);
	if (entry != NULL) {
		unindex(registry, entry);
		if (entry->is_retired)
			unlist(&registry->retired, entry);
		else
			leave_counts(registry, entry);
		leave_tallies(registry, entry);
		HASH_DEL(registry->entries, entry);
		registry->counts.connections--;
		if (registry->entries == NULL)
			condition_broadcast(&registry->emptied);
	}
	leave(registry);
	if (entry != NULL)
		peer_release(peer);
	free(entry);
}

/* ---- who may come in ---- */

static bool is_reached(size_t count, int64_t limit)
{
	return limit != 0 && count >= (size_t)limit;
}

/* The connections that there may be once this node has dialled all that it may dial. */
static size_t expected_connections(const struct registry *registry) REQUIRES(registry_guard)
{
	const struct registry_counts *counts = &registry->counts;
	size_t own = counts->outbound + counts->dials + counts->feelers;
	size_t most_own = (size_t)(registry->settings->max_outbound + registry->settings->max_dialing);
	return counts->connections + (most_own > own ? most_own - own : 0);
}

static enum registry_admission judge(struct registry *registry, const struct address *from) REQUIRES(registry_guard)
{
	const struct settings *settings = registry->settings;
	const struct tally *host = find_tally(registry->hosts, address_host(from));
	const struct tally *group = find_tally(registry->groups, address_subnet(from));
	if (is_reached(expected_connections(registry), settings->max_connections))
		return REGISTRY_CONNECTIONS;
	if (address_scope_of(from) == SCOPE_LOOPBACK)
		return REGISTRY_ADMITTED;
	if (host != NULL && is_reached(host->connections, settings->max_per_address))
		return REGISTRY_ADDRESS;
	if (group != NULL && is_reached(group->connections, settings->max_per_group))
		return REGISTRY_GROUP;
	return REGISTRY_ADMITTED;
}

/* The oldest handshake of the host that has most, the one that comes included. */
static struct entry *choose_handshake(struct registry *registry, const struct address *from) REQUIRES(registry_guard)
{
	const struct tally *own = find_tally(registry->hosts, address_host(from));
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

/* Who has to go: a handshake for the one that comes, or one that is over all but for its last words. */
static struct entry *choose_to_go(struct registry *registry, const struct address *from,
				  enum registry_admission admission) REQUIRES(registry_guard)
{
	struct entry *entry = NULL;
	if (admission == REGISTRY_CONNECTIONS && registry->retired != NULL) {
		entry = registry->retired;
		unlist(&registry->retired, entry);
	} else if (admission == REGISTRY_ADMITTED &&
		   is_reached(registry->counts.handshakes, registry->settings->max_handshakes)) {
		entry = choose_handshake(registry, from);
		retire(registry, entry);
		unlist(&registry->retired, entry);
	}
	return entry;
}

enum registry_admission registry_admit(struct registry *registry, const struct address *from, struct peer **goes)
{
	enter(registry);
	enum registry_admission admission = judge(registry, from);
	struct entry *entry = choose_to_go(registry, from, admission);
	*goes = entry == NULL ? NULL : peer_hold(entry->peer);
	leave(registry);
	return admission;
}

static bool is_inbound_peer(const struct entry *entry)
{
	return is_inbound(entry) && !entry->is_retired;
}

/* Writes the inbound peers with the lowest round trips, the lowest first; how many. */
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

/* The inbound peer that makes room for another one; NULL if none may go. */
static struct entry *choose_peer(struct registry *registry) REQUIRES(registry_guard)
{
	const struct entry *nearest[REGISTRY_NEAREST];
	size_t nearest_count = find_nearest(registry, nearest);
	size_t eldest = (registry->counts.inbound + 3) / 4, seen = 0;
	struct entry *chosen = NULL;
	/* In the order in which they became READY: uthash keeps that. */
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

/* ---- whose nodeid it is ---- */

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

/* Enters the connection under its nodeid, in the place of the first one where there is one. False without memory. */
static bool enter_index(struct registry *registry, struct entry *entry, struct entry *first,
			const struct nodeid *nodeid) REQUIRES(registry_guard)
{
	entry->nodeid = *nodeid;
	HASH_ADD(by_nodeid, registry->ready, nodeid, sizeof entry->nodeid, entry);
	entry->is_indexed = entry->by_nodeid.tbl != NULL;
	if (entry->is_indexed && first != NULL)
		unindex(registry, first);
	return entry->is_indexed;
}

static void become_ready(struct registry *registry, struct entry *entry, int64_t now_us) REQUIRES(registry_guard)
{
	leave_counts(registry, entry);
	entry->is_ready = true;
	enter_counts(registry, entry);
	entry->ready_us = now_us;
}

static enum registry_claim claim(struct registry *registry, struct peer *peer, const struct nodeid *nodeid,
				 int64_t now_us, struct peer **other) REQUIRES(registry_guard)
{
	struct entry *entry = find_entry(registry, peer);
	struct entry *first = find_ready(registry, nodeid), *evicted = NULL;
	bool is_double = first != NULL && !peer_is_closing(first->peer);
	size_t inbound = registry->counts.inbound, max_inbound = (size_t)registry->settings->max_inbound;

	/* It has given way to another one, which its reader doesn't know yet. */
	if (entry->is_retired)
		return REGISTRY_FULL;
	if (is_double && !newcomer_stays(registry, first, peer_direction(peer), nodeid, now_us)) {
		*other = peer_hold(first->peer);
		return REGISTRY_DUPLICATE;
	}
	if (is_inbound(entry) && inbound >= max_inbound) {
		/* For the second connection of a pair nobody has to go: they have the first. There are more than
		 * max_inbound after a reload alone: then the next ones leave by themselves. */
		evicted = is_double || inbound > max_inbound ? NULL : choose_peer(registry);
		if (evicted == NULL)
			return REGISTRY_FULL;
	}
	if (!enter_index(registry, entry, first, nodeid))
		return REGISTRY_FULL;
	if (is_double)
		*other = peer_hold(first->peer);
	if (evicted != NULL) {
		*other = peer_hold(evicted->peer);
		retire(registry, evicted);
	}
	become_ready(registry, entry, now_us);
	if (is_double)
		return REGISTRY_REPLACES;
	return evicted == NULL ? REGISTRY_READY : REGISTRY_EVICTS;
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

static bool is_outbound_peer(const struct entry *entry)
{
	return entry->is_ready && peer_direction(entry->peer) == PEER_OUTBOUND && !peer_is_closing(entry->peer);
}

struct peer *registry_find_dialled(struct registry *registry, const struct address *address)
{
	struct peer *found = NULL;
	enter(registry);
	for (struct entry *entry = registry->entries; entry != NULL && found == NULL; entry = entry->hh.next)
		if (is_outbound_peer(entry) && address_equals(&peer_dial(entry->peer)->address, address))
			found = peer_hold(entry->peer);
	leave(registry);
	return found;
}

struct peer *registry_any_outbound(struct registry *registry, struct rng *rng)
{
	struct entry *chosen = NULL;
	uint32_t count = 0;
	enter(registry);
	for (struct entry *entry = registry->entries; entry != NULL; entry = entry->hh.next)
		if (is_outbound_peer(entry) && rng_below(rng, ++count) == 0)
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
