#include "talk/gossip.h"

#include <stdlib.h>
#include <string.h>

#include "base/keyed_table.h"
#include "base/recent.h"
#include "link/peer.h"

extern struct mutex gossip_guard;

#define DAY_US ((int64_t)24 * 3600 * 1000 * 1000)

/* An entry that waits, and the host that has told it. */
struct waiting {
	struct message_entry entry;
	struct teller *teller;
};

/* A host of which entries wait. */
struct teller {
	struct address host;
	size_t count;
	UT_hash_handle hh;
};

struct gossip {
	/* Immutable. */
	struct registry *registry;
	struct alarm *alarm;
	struct hash_key secret;
	/* Guarded. */
	struct mutex mutex;
	struct recent heard GUARDED_BY(gossip_guard);
	struct targets targets GUARDED_BY(gossip_guard); /* of which others have told */
	struct teller *tellers GUARDED_BY(gossip_guard);
	struct waiting *waiting GUARDED_BY(gossip_guard); /* NULL until one waits */
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
	targets_init(&gossip->targets, (int64_t)TARGETS_TELL_S * 1000 * 1000);
	return gossip;
}

static void free_tellers(struct teller *tellers)
{
	struct teller *teller = tellers, *next;
	HASH_CLEAR(hh, tellers);
	for (; teller != NULL; teller = next) {
		next = teller->hh.next;
		free(teller);
	}
}

void gossip_free(struct gossip *gossip) UNCHECKED
{
	if (gossip == NULL)
		return;
	free_tellers(gossip->tellers);
	targets_fini(&gossip->targets);
	recent_fini(&gossip->heard);
	free(gossip->waiting);
	mutex_fini(&gossip->mutex);
	free(gossip);
}

static uint64_t hash_of(const struct gossip *gossip, const struct address *address)
{
	return keyed_hash(&gossip->secret, address, sizeof *address);
}

/* ---- the queue ---- */

/* NULL if there is no memory. */
static struct teller *need_teller(struct gossip *gossip, const struct address *host) REQUIRES(gossip_guard)
{
	struct teller *teller;
	HASH_FIND(hh, gossip->tellers, host, sizeof *host, teller);
	if (teller != NULL || (teller = calloc(1, sizeof *teller)) == NULL)
		return teller;
	teller->host = *host;
	HASH_ADD(hh, gossip->tellers, host, sizeof teller->host, teller);
	if (teller->hh.tbl != NULL)
		return teller;
	free(teller);
	return NULL;
}

/* The newest that waits of the host that has most; NULL if the newcomer's host has as many. */
static struct waiting *find_displaced(struct gossip *gossip, const struct teller *newcomer) REQUIRES(gossip_guard)
{
	const struct teller *most = newcomer;
	for (const struct teller *teller = gossip->tellers; teller != NULL; teller = teller->hh.next)
		most = teller->count > most->count ? teller : most;
	if (most->count <= newcomer->count + 1)
		return NULL;
	struct waiting *displaced = &gossip->waiting[gossip->count - 1];
	while (displaced->teller != most)
		displaced--;
	return displaced;
}

/* A place in the queue. NULL if it is full for this host, or if there is no memory. */
static struct waiting *make_room(struct gossip *gossip, const struct teller *newcomer) REQUIRES(gossip_guard)
{
	if (gossip->count == GOSSIP_WAITING) {
		struct waiting *displaced = find_displaced(gossip, newcomer);
		if (displaced == NULL)
			return NULL;
		/* It is passed on when it is told again. */
		recent_forget(&gossip->heard, hash_of(gossip, &displaced->entry.address));
		displaced->teller->count--;
		return displaced;
	}
	if (gossip->count == gossip->capacity) {
		size_t capacity = gossip->capacity == 0 ? GOSSIP_ENTRIES : gossip->capacity * 2;
		capacity = capacity < GOSSIP_WAITING ? capacity : GOSSIP_WAITING;
		struct waiting *grown = realloc(gossip->waiting, capacity * sizeof *grown);
		if (grown == NULL)
			return NULL;
		gossip->waiting = grown;
		gossip->capacity = capacity;
	}
	return &gossip->waiting[gossip->count++];
}

size_t gossip_sift(struct gossip *gossip, struct message_entry *entries, size_t count, int64_t now_us)
{
	size_t left = 0;
	enter(gossip);
	for (size_t i = 0; i < count; i++)
		if (!recent_knows(&gossip->heard, hash_of(gossip, &entries[i].address), now_us))
			entries[left++] = entries[i];
	leave(gossip);
	return left;
}

/* What is not passed on must not be noted: it would be kept from others for the span. */
static bool hear(struct gossip *gossip, const struct message_entry *entry, enum target_standing standing,
		 struct teller *teller, int64_t now_us) REQUIRES(gossip_guard)
{
	uint64_t hash = hash_of(gossip, &entry->address);
	if (!recent_note(&gossip->heard, hash, now_us))
		return false;
	struct waiting *waiting =
		targets_tell(&gossip->targets, &entry->address, standing, now_us) ? make_room(gossip, teller) : NULL;
	if (waiting == NULL) {
		recent_forget(&gossip->heard, hash);
		return false;
	}
	*waiting = (struct waiting){.entry = *entry, .teller = teller};
	teller->count++;
	return true;
}

size_t gossip_hear(struct gossip *gossip, const struct gossip_told *told, int64_t now_us)
{
	size_t taken = 0;
	enter(gossip);
	bool was_empty = gossip->count == 0;
	struct teller *teller = need_teller(gossip, &told->teller);
	for (size_t i = 0; i < told->count && taken < told->most && teller != NULL; i++)
		taken += hear(gossip, &told->entries[i], told->standings[i], teller, now_us);
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

static void tell(const struct listener *listener, size_t self, const struct waiting *waiting,
		 const struct choice *choices, size_t count, int64_t now_us)
{
	struct message_entry chosen[GOSSIP_ENTRIES];
	struct message message = {.type = MESSAGE_ADDR, .addr.entries = chosen};
	for (size_t i = 0; i < count; i++) {
		bool is_chosen = false;
		for (size_t j = 0; j < GOSSIP_TARGETS; j++)
			is_chosen = is_chosen || choices[i].targets[j] == self;
		if (!is_chosen)
			continue;
		chosen[message.addr.count++] = waiting[i].entry;
		if (message.addr.count == GOSSIP_ENTRIES) {
			peer_send_news(listener->peer, &message, now_us);
			message.addr.count = 0;
		}
	}
	if (message.addr.count > 0)
		peer_send_news(listener->peer, &message, now_us);
}

static void pass_on(struct gossip *gossip, const struct waiting *waiting, size_t count, int64_t now_us)
{
	struct registry_snapshot ready = registry_take_snapshot(gossip->registry, true);
	struct listener *listeners = calloc(ready.count + 1, sizeof *listeners);
	struct choice *choices = calloc(count, sizeof *choices);
	uint64_t *ranks = calloc(ready.count + 1, sizeof *ranks);
	if (listeners != NULL && choices != NULL && ranks != NULL) {
		size_t listening = 0;
		for (size_t i = 0; i < ready.count; i++)
			if (peer_takes_news(ready.peers[i], now_us))
				listeners[listening++] =
					(struct listener){ready.peers[i], peer_look(ready.peers[i], now_us)};
		for (size_t i = 0; i < count; i++) {
			rank(gossip, &waiting[i].entry, listeners, ranks, listening, now_us);
			choices[i] = choose(&waiting[i].entry, listeners, ranks, listening);
		}
		for (size_t i = 0; i < listening; i++)
			tell(&listeners[i], i, waiting, choices, count, now_us);
	}
	free(ranks);
	free(choices);
	free(listeners);
	registry_release_snapshot(&ready);
}

int64_t gossip_run(struct gossip *gossip, int64_t now_us)
{
	struct waiting *waiting = NULL;
	struct teller *tellers = NULL;
	size_t count = 0;
	int64_t next_us = FOREVER_US;

	enter(gossip);
	targets_tidy(&gossip->targets, now_us);
	if (gossip->count > 0 && gossip->due_us <= now_us) {
		waiting = gossip->waiting;
		tellers = gossip->tellers;
		gossip->tellers = NULL;
		count = gossip->count;
		gossip->waiting = NULL;
		gossip->count = gossip->capacity = 0;
	} else if (gossip->count > 0) {
		next_us = gossip->due_us;
	}
	leave(gossip);
	if (waiting != NULL)
		pass_on(gossip, waiting, count, now_us);
	free(waiting);
	free_tellers(tellers);
	return next_us;
}
