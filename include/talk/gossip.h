/*
 * Gossip passes on what peers have told of others, so that an address reaches all nodes of a network in which not every
 * node is connected with every other.
 *
 * The life of a piece of gossip: any reader hands in what a peer has told. An `addr` that was not asked for has at most
 * GOSSIP_ENTRIES entries; longer ones are answers and no gossip. An entry whose address was not passed on within
 * GOSSIP_SPAN_S waits for GOSSIP_DELAY_US. Then the connector's thread passes it on to GOSSIP_TARGETS peers, in
 * messages of at most GOSSIP_ENTRIES. A hash of the address, the day and a secret chooses them among the peers that it
 * may travel to and that are not known to know it.
 *
 * Of a host, and of a network, where this node has met nobody, few addresses are passed on (targets.h). At
 * GOSSIP_WAITING the newest of the host that has told most makes room for what another host tells.
 *
 * An address that is passed on is remembered for GOSSIP_SPAN_S, even if the address book forgets it, so that dead
 * addresses don't circulate. Nothing else keeps an address from being passed on: mentions meanwhile do not extend the
 * time, and the entries of answers, and those that are dropped, are not remembered.
 * Otherwise a peer could hide an address from others by telling it.
 */
#ifndef KITH_GOSSIP_H
#define KITH_GOSSIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/keyed_hash.h"
#include "base/sync.h"
#include "book/targets.h"
#include "members/registry.h"
#include "wire/message.h"

enum {
	GOSSIP_ENTRIES = 10, /* as in Bitcoin Core: a longer `addr` is an answer */
	GOSSIP_TARGETS = 2,
	GOSSIP_TRIES = 8,
	GOSSIP_WAITING = 1000,
	GOSSIP_REMEMBERED = 16384,
};

/* A node tells its own address once a day: the repetition must be new to others, even if it comes a little early. */
#define GOSSIP_SPAN_S (23 * 3600)
#define GOSSIP_DELAY_US ((int64_t)1000 * 1000)

struct gossip;

/* Borrows the registry and the alarm, which is rung when there is something to run. NULL if there is no memory. */
struct gossip *gossip_new(struct registry *registry, struct alarm *alarm, const struct hash_key *secret);
void gossip_free(struct gossip *gossip);

/* What a peer has told. */
struct gossip_told {
	const struct message_entry *entries;
	const enum target_standing *standings; /* of each */
	size_t count;
	size_t most;	       /* that may be passed on */
	struct address teller; /* its host, port 0 */
};

/* Any thread. Leaves those that may be news: most of what is told was passed on already, and needs no more looks. */
size_t gossip_sift(struct gossip *gossip, struct message_entry *entries, size_t count, int64_t now_us);
/* Any thread. Returns how many will be passed on, unless others displace them. */
size_t gossip_hear(struct gossip *gossip, const struct gossip_told *told, int64_t now_us);
/* Any thread. This address is announced another way: it isn't passed on when it is heard of within the span. */
void gossip_note(struct gossip *gossip, const struct address *address, int64_t now_us);
/* One thread alone. Sends what is due; returns when to call again. */
int64_t gossip_run(struct gossip *gossip, int64_t now_us);

#endif
