#include "members/registry.h"

#include <stdlib.h>

#include <utlist.h>

#include "members/eviction_priv.h"
#include "members/registry_priv.h"

void registry_enter(struct registry *registry) UNCHECKED
{
	mutex_lock(&registry->mutex);
}

void registry_leave(struct registry *registry) UNCHECKED
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
	roll_fini(&registry->roll);
	condition_fini(&registry->emptied);
	mutex_fini(&registry->mutex);
	free(registry);
}

struct entry *registry_find_entry(struct registry *registry, struct peer *peer)
{
	struct entry *entry;
	HASH_FIND_PTR(registry->entries, &peer, entry);
	return entry;
}

struct entry *registry_find_indexed(struct registry *registry, const struct nodeid *nodeid)
{
	struct entry *entry;
	HASH_FIND(by_nodeid, registry->ready, nodeid, sizeof *nodeid, entry);
	return entry;
}

void registry_unindex(struct registry *registry, struct entry *entry)
{
	if (entry->is_indexed)
		HASH_DELETE(by_nodeid, registry->ready, entry);
	entry->is_indexed = false;
}

/* The count that an entry belongs to. */
static size_t *count_of(struct registry *registry, const struct entry *entry) REQUIRES(registry_guard)
{
	struct registry_counts *counts = &registry->counts;
	if (registry_is_inbound(entry))
		return entry->is_ready ? &counts->inbound : &counts->handshakes;
	if (entry->is_ready)
		return &counts->outbound;
	return dial_is_feeler(peer_dial(entry->peer)) ? &counts->feelers : &counts->dials;
}

static void list(struct entry **entries, struct entry *entry)
{
	DL_APPEND(*entries, entry);
	entry->is_listed = true;
}

static void unlist(struct entry **entries, struct entry *entry)
{
	if (entry->is_listed)
		DL_DELETE(*entries, entry); /* NOLINT(clang-analyzer-core.NullDereference): it is in the list */
	entry->is_listed = false;
}

/* Counts an entry by its present state. */
static void enter_counts(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	++*count_of(registry, entry);
	if (!registry_is_inbound(entry))
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
	if (!registry_is_inbound(entry))
		return;
	if (entry->is_ready) {
		entry->network->ready--;
	} else {
		entry->host->handshakes--;
		unlist(&registry->handshakes, entry);
	}
}

void registry_retire_entry(struct registry *registry, struct entry *entry)
{
	if (entry->is_retired || !registry_is_inbound(entry))
		return;
	leave_counts(registry, entry);
	entry->is_retired = true;
	list(&registry->retired, entry);
}

/* From now on it counts for neither max_per_address nor max_per_group. */
static void trust(struct entry *entry)
{
	if (!entry->is_stranger)
		return;
	entry->is_stranger = false;
	entry->host->strangers--;
	entry->group->strangers--;
}

void registry_become_ready(struct registry *registry, struct entry *entry)
{
	leave_counts(registry, entry);
	trust(entry);
	entry->is_ready = true;
	enter_counts(registry, entry);
}

static void leave_tallies(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	tally_quit(&registry->hosts, entry->host);
	tally_quit(&registry->groups, entry->group);
	tally_quit(&registry->networks, entry->network);
}

static bool join_tallies(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	const struct address *address = &peer_dial(entry->peer)->address;
	if (!registry_is_inbound(entry))
		return true;
	entry->host = tally_join(&registry->hosts, address_source(address));
	entry->group = tally_join(&registry->groups, address_subnet(address));
	entry->network = tally_join(&registry->networks, address_network(address));
	if (entry->host == NULL || entry->group == NULL || entry->network == NULL) {
		leave_tallies(registry, entry);
		return false;
	}
	entry->is_stranger = true;
	entry->host->strangers++;
	entry->group->strangers++;
	return true;
}

static bool add(struct registry *registry, struct entry *entry) REQUIRES(registry_guard)
{
	if (!join_tallies(registry, entry))
		return false;
	entry->serial = roll_add(&registry->roll, entry);
	if (entry->serial != 0) {
		HASH_ADD_PTR(registry->entries, peer, entry);
		if (entry->hh.tbl == NULL)
			roll_remove(&registry->roll, entry->serial);
	}
	if (entry->hh.tbl == NULL) {
		trust(entry);
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
	registry_enter(registry);
	bool added = add(registry, entry);
	registry_leave(registry);
	if (!added) {
		peer_release(peer);
		free(entry);
	}
	return added;
}

void registry_retire(struct registry *registry, struct peer *peer)
{
	registry_enter(registry);
	struct entry *entry = registry_find_entry(registry, peer);
	if (entry != NULL)
		registry_retire_entry(registry, entry);
	registry_leave(registry);
}

void registry_trust(struct registry *registry, struct peer *peer)
{
	registry_enter(registry);
	struct entry *entry = registry_find_entry(registry, peer);
	if (entry != NULL)
		trust(entry);
	registry_leave(registry);
}

void registry_remove(struct registry *registry, struct peer *peer)
{
	registry_enter(registry);
	struct entry *entry = registry_find_entry(registry, peer);
	if (entry != NULL) {
		registry_unindex(registry, entry);
		if (entry->is_retired)
			unlist(&registry->retired, entry);
		else
			leave_counts(registry, entry);
		trust(entry);
		leave_tallies(registry, entry);
		HASH_DEL(registry->entries, entry);
		roll_remove(&registry->roll, entry->serial);
		registry->counts.connections--;
		if (registry->entries == NULL)
			condition_broadcast(&registry->emptied);
	}
	registry_leave(registry);
	if (entry != NULL)
		peer_release(peer);
	free(entry);
}

/* ---- limits ---- */

static bool is_reached(size_t count, int64_t limit)
{
	return limit != 0 && count >= (size_t)limit;
}

/* How many connections there can be once this node has made all the dials that it may make. */
static size_t expected_connections(const struct registry *registry) REQUIRES(registry_guard)
{
	const struct registry_counts *counts = &registry->counts;
	size_t own = counts->outbound + counts->dials + counts->feelers;
	size_t most_own = (size_t)(registry->settings->max_outbound + registry->settings->max_dialing);
	return counts->connections + (most_own > own ? most_own - own : 0);
}

static enum registry_limit judge(struct registry *registry, const struct address *from) REQUIRES(registry_guard)
{
	const struct settings *settings = registry->settings;
	const struct tally *host = tally_find(registry->hosts, address_source(from));
	const struct tally *group = tally_find(registry->groups, address_subnet(from));
	if (is_reached(expected_connections(registry), settings->max_connections))
		return REGISTRY_MAX_CONNECTIONS;
	/* One's own network: there are many nodes in it, and max_handshakes is limit enough for it. */
	if (address_scope_of(from) != SCOPE_GLOBAL)
		return REGISTRY_NO_LIMIT;
	if (host != NULL && is_reached(host->strangers, settings->max_per_address))
		return REGISTRY_MAX_PER_ADDRESS;
	if (group != NULL && is_reached(group->strangers, settings->max_per_group))
		return REGISTRY_MAX_PER_GROUP;
	return REGISTRY_NO_LIMIT;
}

/* What has to go: a handshake, for the newcomer; or a retired connection, for the next one. */
static struct entry *choose_to_go(struct registry *registry, const struct address *from, enum registry_limit limit)
	REQUIRES(registry_guard)
{
	struct entry *entry = NULL;
	if (limit == REGISTRY_MAX_CONNECTIONS && registry->retired != NULL) {
		entry = registry->retired;
		unlist(&registry->retired, entry);
	} else if (limit == REGISTRY_NO_LIMIT &&
		   is_reached(registry->counts.handshakes, registry->settings->max_handshakes)) {
		entry = eviction_choose_handshake(registry, from);
		registry_retire_entry(registry, entry);
		unlist(&registry->retired, entry);
	}
	return entry;
}

enum registry_limit registry_admit(struct registry *registry, const struct address *from, struct peer **goes)
{
	registry_enter(registry);
	enum registry_limit limit = judge(registry, from);
	struct entry *entry = choose_to_go(registry, from, limit);
	*goes = entry == NULL ? NULL : peer_hold(entry->peer);
	registry_leave(registry);
	return limit;
}

/* ---- who is there ---- */

struct peer *registry_find(struct registry *registry, const struct nodeid *nodeid)
{
	registry_enter(registry);
	struct entry *entry = registry_find_indexed(registry, nodeid);
	struct peer *found = entry != NULL && !peer_is_closing(entry->peer) ? peer_hold(entry->peer) : NULL;
	registry_leave(registry);
	return found;
}

static bool is_outbound_peer(const struct entry *entry)
{
	return entry->is_ready && peer_direction(entry->peer) == PEER_OUTBOUND && !peer_is_closing(entry->peer);
}

struct peer *registry_find_dialled(struct registry *registry, const struct address *address)
{
	struct peer *found = NULL;
	registry_enter(registry);
	for (struct entry *entry = registry->entries; entry != NULL && found == NULL; entry = entry->hh.next)
		if (is_outbound_peer(entry) && address_equals(&peer_dial(entry->peer)->address, address))
			found = peer_hold(entry->peer);
	registry_leave(registry);
	return found;
}

struct peer *registry_any_outbound(struct registry *registry, struct rng *rng)
{
	struct entry *chosen = NULL;
	uint32_t count = 0;
	registry_enter(registry);
	for (struct entry *entry = registry->entries; entry != NULL; entry = entry->hh.next)
		if (is_outbound_peer(entry) && rng_below(rng, ++count) == 0)
			chosen = entry;
	struct peer *found = chosen == NULL ? NULL : peer_hold(chosen->peer);
	registry_leave(registry);
	return found;
}

size_t registry_sample(struct registry *registry, struct rng *rng, struct peer *peers[static REGISTRY_STEP])
{
	size_t count = 0;
	registry_enter(registry);
	size_t places = registry->roll.used, first = places == 0 ? 0 : rng_below(rng, (uint32_t)places);
	for (size_t i = 0; i < places && count < REGISTRY_STEP; i++) {
		struct entry *entry = registry->roll.places[(first + i) % places].entry;
		if (entry != NULL && entry->is_indexed && !peer_is_closing(entry->peer))
			peers[count++] = peer_hold(entry->peer);
	}
	registry_leave(registry);
	return count;
}

struct registry_counts registry_count(struct registry *registry)
{
	registry_enter(registry);
	struct registry_counts counts = registry->counts;
	registry_leave(registry);
	return counts;
}

static void take_step(struct registry_visit *visit)
{
	struct entry *entry;
	visit->count = visit->next = 0;
	registry_enter(visit->registry);
	while (visit->count < REGISTRY_STEP && (entry = roll_next(&visit->registry->roll, &visit->after)) != NULL)
		visit->peers[visit->count++] = peer_hold(entry->peer);
	registry_leave(visit->registry);
}

struct peer *registry_visit_next(struct registry_visit *visit)
{
	if (visit->next > 0)
		peer_release(visit->peers[visit->next - 1]);
	if (visit->next == visit->count)
		take_step(visit);
	return visit->count == 0 ? NULL : visit->peers[visit->next++];
}

void registry_visit_stop(struct registry_visit *visit)
{
	for (size_t i = visit->next; i > 0 && i <= visit->count; i++)
		peer_release(visit->peers[i - 1]);
	visit->count = visit->next = 0;
}

void registry_wait_empty(struct registry *registry)
{
	registry_enter(registry);
	while (registry->entries != NULL)
		wait_for_change(registry);
	registry_leave(registry);
}
