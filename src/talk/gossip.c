#include "talk/gossip.h"

#include <stdlib.h>
#include <string.h>

#include "base/recent.h"
#include "link/peer.h"

extern struct mutex gossip_guard;

#define DAY_US ((int64_t)24 * 3600 * 1000 * 1000)

struct gossip {
	/* Immutable. */
	struct registry *registry;
	struct alarm *alarm;
	struct hash_key secret;
	/* Guarded. */
	struct mutex mutex;
	struct recent heard GUARDED_BY(gossip_guard);
	struct message_entry *waiting GUARDED_BY(gossip_guard); /* NULL until one waits */
	size_t count GUARDED_BY(gossip_guard);
	size_t capacity GUARDED_BY(gossip_guard);
	int64_t due_us GUARDED_BY(gossip_guard); /* meaningless while none waits */
};

/* A peer that may be told, as it was at one moment. */
struct listener {
	struct peer *peer;
	struct peer_info info;
};

/* The peers that get one entry: indexes in the list of listeners, or the length of the list for none. */
struct choice {
	size_t targets[GOSSIP_TARGETS];
};

static void enter(struct gossip *gossip) ACQUIRES(gossip_guard) UNCHECKED
{
	mutex_lock(&gossip->mutex);
}

static void leave(struct gossip *gossip) RELEASES(gossip_guard) UNCHECKED
{
	mutex_unlock(&gossip->mutex);
}

struct gossip *gossip_new(struct registry *registry, struct alarm *alarm, const struct hash_key *secret) UNCHECKED
{
	struct gossip *gossip = calloc(1, sizeof *gossip);
	if (gossip == NULL)
		return NULL;
	gossip->registry = registry;
	gossip->alarm = alarm;
	gossip->secret = *secret;
	mutex_init(&gossip->mutex);
	recent_init(&gossip->heard, GOSSIP_REMEMBERED, GOSSIP_SPAN_S);
	return gossip;
}

void gossip_free(struct gossip *gossip) UNCHECKED
{
	if (gossip == NULL)
		return;
	recent_fini(&gossip->heard);
	free(gossip->waiting);
	mutex_fini(&gossip->mutex);
	free(gossip);
}

/* False if GOSSIP_WAITING wait already, or if there is no memory. */
static bool make_room(struct gossip *gossip) REQUIRES(gossip_guard)
{
	if (gossip->count == gossip->capacity && gossip->capacity < GOSSIP_WAITING) {
		size_t capacity = gossip->capacity == 0 ? GOSSIP_ENTRIES : gossip->capacity * 2;
		struct message_entry *grown = realloc(gossip->waiting, capacity * sizeof *grown);
		if (grown == NULL)
			return false;
		gossip->waiting = grown;
		gossip->capacity = capacity;
	}
	return gossip->count < GOSSIP_WAITING;
}

static uint64_t hash_of(const struct gossip *gossip, const struct address *address)
{
	return keyed_hash(&gossip->secret, address, sizeof *address);
}

size_t gossip_hear(struct gossip *gossip, const struct message_entry *entries, size_t count, size_t message_entries,
		   size_t most, int64_t now_us)
{
	size_t taken = 0;
	if (message_entries > GOSSIP_ENTRIES)
		return 0;
	enter(gossip);
	bool was_empty = gossip->count == 0;
	/* What is not passed on must not be noted: it would be kept from others for the span. */
	for (size_t i = 0; i < count && taken < most && make_room(gossip); i++) {
		if (!recent_note(&gossip->heard, hash_of(gossip, &entries[i].address), now_us))
			continue;
		gossip->waiting[gossip->count++] = entries[i];
		taken++;
	}
	bool has_begun = was_empty && gossip->count > 0;
	if (has_begun)
		gossip->due_us = now_us + GOSSIP_DELAY_US;
	leave(gossip);
	if (has_begun)
		alarm_ring(gossip->alarm);
	return taken;
}

void gossip_note(struct gossip *gossip, const struct address *address, int64_t now_us)
{
	enter(gossip);
	recent_note(&gossip->heard, hash_of(gossip, address), now_us);
	leave(gossip);
}

static bool may_be_told(const struct listener *listener, const struct message_entry *entry)
{
	const struct peer_info *info = &listener->info;
	return !nodeid_equals(&entry->nodeid, &info->nodeid) &&
	       address_may_travel(&entry->address, &info->local, &info->remote);
}

/* For each listener a hash with this address and day, the same all day; 0 if it may not be told. */
static void rank(const struct gossip *gossip, const struct message_entry *entry, const struct listener *listeners,
		 uint64_t *ranks, size_t count, int64_t now_us)
{
	struct {
		struct address address;
		struct nodeid listener;
		uint32_t zero; /* where padding would be, whose bytes count too */
		int64_t day;
	} hashed = {.address = entry->address, .day = now_us / DAY_US};
	_Static_assert(sizeof hashed ==
			       sizeof hashed.address + sizeof hashed.listener + sizeof hashed.zero + sizeof hashed.day,
		       "no padding");
	for (size_t i = 0; i < count; i++) {
		hashed.listener = listeners[i].info.nodeid;
		ranks[i] = may_be_told(&listeners[i], entry) ? keyed_hash(&gossip->secret, &hashed, sizeof hashed) : 0;
	}
}

/*
 * Those of the highest rank that are not known to know the address; from then on they are. If the first GOSSIP_TRIES
 * all know it, nearly all others know it too.
 */
static struct choice choose(const struct message_entry *entry, const struct listener *listeners, uint64_t *ranks,
			    size_t count)
{
	struct choice choice;
	size_t chosen = 0;
	for (size_t i = 0; i < GOSSIP_TARGETS; i++)
		choice.targets[i] = count;
	for (size_t tries = 0; tries < GOSSIP_TRIES && chosen < GOSSIP_TARGETS; tries++) {
		size_t best = 0;
		for (size_t i = 1; i < count; i++)
			if (ranks[i] > ranks[best])
				best = i;
		if (count == 0 || ranks[best] == 0)
			break;
		ranks[best] = 0;
		if (peer_knows_address(listeners[best].peer, &entry->address))
			continue;
		peer_note_address(listeners[best].peer, &entry->address);
		choice.targets[chosen++] = best;
	}
	return choice;
}

static void tell(const struct listener *listener, size_t self, const struct message_entry *entries,
		 const struct choice *choices, size_t count)
{
	struct message_entry chosen[GOSSIP_ENTRIES];
	struct message message = {.type = MESSAGE_ADDR, .addr.entries = chosen};
	for (size_t i = 0; i < count; i++) {
		bool is_chosen = false;
		for (size_t j = 0; j < GOSSIP_TARGETS; j++)
			is_chosen = is_chosen || choices[i].targets[j] == self;
		if (!is_chosen)
			continue;
		chosen[message.addr.count++] = entries[i];
		if (message.addr.count == GOSSIP_ENTRIES) {
			peer_send(listener->peer, &message);
			message.addr.count = 0;
		}
	}
	if (message.addr.count > 0)
		peer_send(listener->peer, &message);
}

static void pass_on(struct gossip *gossip, const struct message_entry *entries, size_t count, int64_t now_us)
{
	struct registry_snapshot ready = registry_take_snapshot(gossip->registry, true);
	struct listener *listeners = calloc(ready.count + 1, sizeof *listeners);
	struct choice *choices = calloc(count, sizeof *choices);
	uint64_t *ranks = calloc(ready.count + 1, sizeof *ranks);
	if (listeners != NULL && choices != NULL && ranks != NULL) {
		for (size_t i = 0; i < ready.count; i++)
			listeners[i] = (struct listener){ready.peers[i], peer_look(ready.peers[i], now_us)};
		for (size_t i = 0; i < count; i++) {
			rank(gossip, &entries[i], listeners, ranks, ready.count, now_us);
			choices[i] = choose(&entries[i], listeners, ranks, ready.count);
		}
		for (size_t i = 0; i < ready.count; i++)
			tell(&listeners[i], i, entries, choices, count);
	}
	free(ranks);
	free(choices);
	free(listeners);
	registry_release_snapshot(&ready);
}

int64_t gossip_run(struct gossip *gossip, int64_t now_us)
{
	struct message_entry *entries = NULL;
	size_t count = 0;
	int64_t next_us = FOREVER_US;

	enter(gossip);
	if (gossip->count > 0 && gossip->due_us <= now_us) {
		entries = gossip->waiting;
		count = gossip->count;
		gossip->waiting = NULL;
		gossip->count = gossip->capacity = 0;
	} else if (gossip->count > 0) {
		next_us = gossip->due_us;
	}
	leave(gossip);
	if (entries != NULL)
		pass_on(gossip, entries, count, now_us);
	free(entries);
	return next_us;
}
