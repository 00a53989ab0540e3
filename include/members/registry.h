/*
 * The registry: who is connected. A hash table of connections in every state, and an index of the READY ones by nodeid,
 * under one mutex.
 *
 * The life of an entry: the acceptor or the connector adds a connection before its worker starts; the worker claims the
 * nodeid of its far end when the hello is accepted, which is the one place where two connections of a pair are told
 * apart; it removes the connection when it is over. Whoever needs the content takes a snapshot of counted references
 * and works on that. Its weakness: a snapshot is as old as its moment, so a peer in it may be closing.
 *
 * Any thread may call; nothing blocks but registry_wait_empty.
 */
#ifndef KITH_REGISTRY_H
#define KITH_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "link/peer.h"
#include "settings/settings.h"
#include "wire/nodeid.h"

struct registry;

struct registry_counts {
	size_t connections; /* in any state, until they are removed */
	size_t handshakes;  /* inbound, not READY, until they end */
	size_t inbound;	    /* READY, until they end */
	size_t dials;	    /* outbound, not READY, feelers aside, until they are removed as are the next two */
	size_t feelers;
	size_t outbound; /* READY */
};

/* May another connection come in? */
enum registry_admission {
	REGISTRY_ADMITTED,
	REGISTRY_CONNECTIONS, /* there are max_connections, but for those that this node may dial yet */
	REGISTRY_ADDRESS,     /* max_per_address have come from this host */
	REGISTRY_GROUP,	      /* max_per_group have come from its group (address_subnet) */
};

/* Of the inbound peers, those with the lowest round trips are never evicted; as in Bitcoin Core. */
enum { REGISTRY_NEAREST = 8 };

enum registry_claim {
	REGISTRY_READY,	    /* the nodeid is this connection's */
	REGISTRY_REPLACES,  /* the same, and *other is to be closed as a duplicate */
	REGISTRY_EVICTS,    /* the same as READY, and *other, which makes room, is to be closed as full */
	REGISTRY_DUPLICATE, /* *other stays, this one goes */
	REGISTRY_FULL,
};

/* Borrows the settings. NULL if there is no memory. */
struct registry *registry_new(const struct nodeid *self, const struct settings *settings);
void registry_free(struct registry *registry);

/* Holds the peer. False if there is no memory. */
bool registry_add(struct registry *registry, struct peer *peer);
void registry_remove(struct registry *registry, struct peer *peer);
/* The connection has its ending, but isn't over yet: an inbound one counts as a connection, and in no other way. */
void registry_retire(struct registry *registry, struct peer *peer);

/*
 * Asked by the acceptor, which alone adds inbound connections, before each. *goes, if it isn't NULL, is held for the
 * caller and has to be cut: where max_handshakes are under way, the oldest of the host that has most, so that silent
 * connections lock nobody out; where there are max_connections, the one that had its ending first and isn't over yet,
 * so that there is room for the next to come.
 */
enum registry_admission registry_admit(struct registry *registry, const struct address *from, struct peer **goes);

/*
 * *other, where it isn't NULL, is held for the caller. At max_inbound a newcomer evicts the youngest peer of the most
 * crowded network (address_network), but never of the quarter that has lasted longest, one of the REGISTRY_NEAREST, or
 * the only one of its network: an attacker would have to be in many networks, near, or there before. Bitcoin Core's
 * eviction is the model. Nobody makes room for the second connection of a pair: the first stays then.
 */
enum registry_claim registry_claim(struct registry *registry, struct peer *peer, const struct nodeid *nodeid,
				   int64_t now_us, struct peer **other);

/* The READY connection with this nodeid that isn't closing, held for the caller; NULL if there is none. */
struct peer *registry_find(struct registry *registry, const struct nodeid *nodeid);

/* The outbound peer that was dialled at this address and isn't closing, held for the caller; NULL if there is none. */
struct peer *registry_find_dialled(struct registry *registry, const struct address *address);
/* One of the outbound peers that aren't closing, at random, held for the caller; NULL if there is none. */
struct peer *registry_any_outbound(struct registry *registry, struct rng *rng);

struct registry_counts registry_count(struct registry *registry);

/* References to the peers of one moment, in no order. peers is NULL where there are none, or no memory. */
struct registry_snapshot {
	struct peer **peers;
	size_t count;
};

struct registry_snapshot registry_take_snapshot(struct registry *registry, bool only_ready);
void registry_release_snapshot(struct registry_snapshot *snapshot);
/* Puts it into a random order. */
void registry_shuffle_snapshot(struct registry_snapshot *snapshot, struct rng *rng);

/*
 * A walk over all connections in the order in which they were added, a few at a time: writes up to REGISTRY_STEP of
 * them, held for the caller, and moves *after on, which starts at 0. Returns how many; 0 at the end. Each connection
 * that is there from the beginning of the walk to its end comes once. The lock is held for one step at a time, whose
 * length does not depend on how many connections there are.
 */
enum { REGISTRY_STEP = 64 };
size_t registry_walk(struct registry *registry, uint64_t *after, struct peer *peers[static REGISTRY_STEP]);

/* Blocks until no connection is left. */
void registry_wait_empty(struct registry *registry);

#endif
