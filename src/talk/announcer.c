#include "talk/announcer.h"

#include <stdlib.h>

#include "base/rng.h"

extern struct mutex announcer_guard;

struct announcer {
	/* Immutable. */
	struct registry *registry;
	struct alarm *alarm;
	/* Guarded. */
	struct mutex mutex;
	struct peer **waiting GUARDED_BY(announcer_guard); /* held; each once */
	size_t count GUARDED_BY(announcer_guard);
	size_t capacity GUARDED_BY(announcer_guard);
	int64_t due_us GUARDED_BY(announcer_guard); /* meaningless while none waits */
	/* Of the thread that runs it. */
	struct rng rng;
};

static void enter(struct announcer *announcer) ACQUIRES(announcer_guard) UNCHECKED
{
	mutex_lock(&announcer->mutex);
}

static void leave(struct announcer *announcer) RELEASES(announcer_guard) UNCHECKED
{
	mutex_unlock(&announcer->mutex);
}

struct announcer *announcer_new(struct registry *registry, struct alarm *alarm, uint64_t seed)
{
	struct announcer *announcer = calloc(1, sizeof *announcer);
	if (announcer == NULL)
		return NULL;
	announcer->registry = registry;
	announcer->alarm = alarm;
	mutex_init(&announcer->mutex);
	rng_seed(&announcer->rng, seed);
	return announcer;
}

void announcer_free(struct announcer *announcer) UNCHECKED
{
	if (announcer == NULL)
		return;
	for (size_t i = 0; i < announcer->count; i++)
		peer_release(announcer->waiting[i]);
	free(announcer->waiting);
	mutex_fini(&announcer->mutex);
	free(announcer);
}

static bool waits(struct announcer *announcer, const struct peer *peer) REQUIRES(announcer_guard)
{
	for (size_t i = 0; i < announcer->count; i++)
		if (announcer->waiting[i] == peer)
			return true;
	return false;
}

/* False if there is no memory: the announcement is lost, and the others learn of the peer by getaddr. */
static bool make_room(struct announcer *announcer) REQUIRES(announcer_guard)
{
	if (announcer->count < announcer->capacity)
		return true;
	size_t capacity = announcer->capacity * 2 + 16;
	struct peer **grown = realloc(announcer->waiting, capacity * sizeof(struct peer *));
	if (grown == NULL)
		return false;
	announcer->waiting = grown;
	announcer->capacity = capacity;
	return true;
}

void announcer_add(struct announcer *announcer, struct peer *peer, int64_t now_us)
{
	enter(announcer);
	bool is_first = announcer->count == 0;
	if (!waits(announcer, peer) && make_room(announcer)) {
		if (is_first)
			announcer->due_us = now_us + ANNOUNCER_DELAY_US;
		announcer->waiting[announcer->count++] = peer_hold(peer);
	}
	leave(announcer);
	if (is_first)
		alarm_ring(announcer->alarm);
}

/*
 * Tells one peer of those that are announced, except itself, what it knows, and what must not travel to it. chosen has
 * room for as many entries as a message may have. False if there was nothing to tell.
 */
static bool announce_to(struct peer *target, const struct message_entry *entries, size_t count,
			struct message_entry *chosen, int64_t now_us)
{
	struct message message = {.type = MESSAGE_ADDR, .addr.entries = chosen};
	struct peer_info info = peer_look(target, now_us);

	if (info.state != PEER_READY || !peer_takes_news(target, now_us))
		return false;
	for (size_t i = 0; i < count && message.addr.count < MESSAGE_ADDR_ENTRIES; i++) {
		const struct message_entry *entry = &entries[i];
		if (nodeid_equals(&entry->nodeid, &info.nodeid) || peer_knows_address(target, &entry->address) ||
		    !address_may_travel(&entry->address, &info.local, &info.remote))
			continue;
		peer_note_address(target, &entry->address);
		chosen[message.addr.count++] = *entry;
	}
	if (message.addr.count > 0)
		peer_send_news(target, &message, now_us);
	return message.addr.count > 0;
}

/* Announces the peers, and releases them. */
static void send_announcements(struct announcer *announcer, struct peer **announced, size_t count, int64_t now_us)
{
	/* Those that are known, and behind them the choice for one peer. */
	struct message_entry *entries = calloc(count + MESSAGE_ADDR_ENTRIES, sizeof *entries);
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		struct peer_info info = peer_look(announced[i], now_us);
		if (entries != NULL && info.state == PEER_READY && !info.is_closing && address_is_known(&info.listen))
			entries[known++] = (struct message_entry){.address = info.listen, .nodeid = info.nodeid};
		peer_release(announced[i]);
	}
	struct registry_snapshot ready = registry_take_snapshot(announcer->registry, true);
	if (ready.count > ANNOUNCER_TARGETS)
		registry_shuffle_snapshot(&ready, &announcer->rng);
	size_t told = 0;
	for (size_t i = 0; known > 0 && i < ready.count && told < ANNOUNCER_TARGETS; i++)
		told += announce_to(ready.peers[i], entries, known, entries + count, now_us);
	registry_release_snapshot(&ready);
	free(entries);
	free(announced);
}

int64_t announcer_run(struct announcer *announcer, int64_t now_us)
{
	struct peer **announced = NULL;
	size_t count = 0;
	int64_t next_us = FOREVER_US;

	enter(announcer);
	if (announcer->count > 0 && announcer->due_us <= now_us) {
		announced = announcer->waiting;
		count = announcer->count;
		announcer->waiting = NULL;
		announcer->count = announcer->capacity = 0;
	} else if (announcer->count > 0) {
		next_us = announcer->due_us;
	}
	leave(announcer);
	if (announced != NULL)
		send_announcements(announcer, announced, count, now_us);
	return next_us;
}
