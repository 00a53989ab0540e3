/*
 * Gossip passes on what peers have told of others, so that an address reaches all nodes of a network in which not every
 * node is connected with every other.
 *
 * The life of a piece of gossip: any reader hands in what a peer has told. It is remembered for a day, even if the
 * address book forgets it, so that dead addresses don't circulate. An `addr` that was not asked for has at most
 * GOSSIP_ENTRIES entries; those that had not come within a day wait for GOSSIP_DELAY_US. Then the connector's thread
 * passes each on to GOSSIP_TARGETS peers, in messages of at most GOSSIP_ENTRIES. A hash of the address, the day and a
 * secret chooses them among the peers that it may travel to and that are not known to know it. At most GOSSIP_WAITING
 * entries wait; more are dropped.
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

/* Any thread. A peer has told of these, in a message that had message_entries entries in all. */
void gossip_hear(struct gossip *gossip, const struct message_entry *entries, size_t count, size_t message_entries,
		 int64_t now_us);
/* Any thread. This address is known already: it isn't passed on when it is heard of within a day. */
void gossip_note(struct gossip *gossip, const struct address *address, int64_t now_us);
/* One thread alone. Sends what is due; returns when to call again. */
int64_t gossip_run(struct gossip *gossip, int64_t now_us);

#endif
