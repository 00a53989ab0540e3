/*
 * Gossip: passes on what peers have heard of others, so that an address reaches nodes that are far from its own in a
 * network where not everybody is connected with everybody.
 *
 * The life of a piece of gossip: any reader hands in what a peer has told, and it is remembered for a day, also where
 * the address book forgets it, so that dead addresses don't circulate. Of an unasked `addr`, which has at most
 * GOSSIP_ENTRIES entries, what had not come within a day waits for GOSSIP_DELAY_US; then the connector's thread
 * passes each on to two peers, chosen by a hash of the address, the day and a secret of those that aren't known to know
 * it and that it may travel to, in messages of at most GOSSIP_ENTRIES again. What is more than GOSSIP_WAITING waits for
 * nothing: it is dropped.
 */
#ifndef KITH_GOSSIP_H
#define KITH_GOSSIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/keyed_hash.h"
#include "base/sync.h"
#include "members/registry.h"
#include "wire/message.h"

enum {
	GOSSIP_ENTRIES = 10, /* as in Bitcoin Core: a longer `addr` is an answer */
	GOSSIP_TARGETS = 2,
	GOSSIP_TRIES = 8,
	GOSSIP_WAITING = 1000,
	GOSSIP_REMEMBERED = 16384,
};

#define GOSSIP_DELAY_US ((int64_t)1000 * 1000)

struct gossip;

/* Borrows the registry and the alarm, which is rung when there is something to run. NULL if there is no memory. */
struct gossip *gossip_new(struct registry *registry, struct alarm *alarm, const struct hash_key *secret);
void gossip_free(struct gossip *gossip);

/* Any thread. A peer has told of these in a message that had so many entries, among others. */
void gossip_hear(struct gossip *gossip, const struct message_entry *entries, size_t count, size_t message_entries,
		 int64_t now_us);
/* Any thread. This address is known already: it isn't passed on when it is heard of within a day. */
void gossip_note(struct gossip *gossip, const struct address *address, int64_t now_us);
/* One thread alone. Sends what is due; returns when to call again. */
int64_t gossip_run(struct gossip *gossip, int64_t now_us);

#endif
