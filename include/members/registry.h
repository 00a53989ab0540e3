/*
 * The registry: who is connected. A hash table of connections in every state, and an index of the READY ones by nodeid,
 * under one mutex.
 *
 * The life of an entry: the acceptor or the connector adds a connection before its worker starts; the worker claims the
 * nodeid of its far end when the hello is accepted, and removes the connection when it is over. registry_claim is the
 * one place that decides which of two connections of a pair stays. To work on many peers, take a snapshot or a visit:
 * both hand out counted references, so the lock is not held meanwhile, but a peer in them may be closing already.
 *
 * Any thread may call. Only registry_wait_empty blocks.
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
	size_t dials;	    /* outbound, not READY, without feelers; like the next two, until they are removed */
	size_t feelers;
	size_t outbound; /* READY */
};

/* The limit, if any, that keeps another inbound connection out. */
enum registry_limit {
	REGISTRY_NO_LIMIT,
	REGISTRY_MAX_CONNECTIONS, /* reached, with the dials that this node may still make counted */
	REGISTRY_MAX_PER_ADDRESS, /* reached by this host (address_source) */
	REGISTRY_MAX_PER_GROUP,	  /* reached by its group (address_subnet) */
};

/* This many inbound peers, those with the lowest round trips, are never evicted; as in Bitcoin Core. */
enum { REGISTRY_NEAREST = 8 };

enum registry_claim {
	REGISTRY_READY,	    /* the nodeid is this connection's */
	REGISTRY_REPLACES,  /* so it is, and the caller closes *other as a duplicate */
	REGISTRY_EVICTS,    /* so it is, and the caller closes *other, which makes room, as full */
	REGISTRY_DUPLICATE, /* *other stays, this one goes */
	REGISTRY_FULL,	    /* there is no room for this one */
};

/* Borrows the settings. NULL if there is no memory. */
struct registry *registry_new(const struct nodeid *self, const struct settings *settings);
void registry_free(struct registry *registry);

/* Holds the peer. False if there is no memory. */
bool registry_add(struct registry *registry, struct peer *peer);
void registry_remove(struct registry *registry, struct peer *peer);
/* An inbound connection is a stranger until it becomes READY, or until its far end has proven here that it has the
 * secret of the network. */
void registry_trust(struct registry *registry, struct peer *peer);
/* The connection has ended, but its worker has not: an inbound one now counts only as a connection. */
void registry_retire(struct registry *registry, struct peer *peer);

/*
 * Only the acceptor adds inbound connections, and asks this before each. If *goes is not NULL, it is held for the
 * caller, who cuts it. At max_handshakes that is the oldest handshake of the host that has most, so that silent
 * connections lock nobody out. At max_connections it is the one that was retired first, to make room for the next.
 */
enum registry_limit registry_admit(struct registry *registry, const struct address *from, struct peer **goes);

/*
 * If *other is not NULL, it is held for the caller. At max_inbound a newcomer evicts the youngest peer of the most
 * crowded network (address_network), but never the quarter that has lasted longest, the REGISTRY_NEAREST, or the only
 * peer of a network: to push them out, an attacker would need many networks, a short round trip, or an early start.
 * The model is Bitcoin Core's eviction.
 */
enum registry_claim registry_claim(struct registry *registry, struct peer *peer, const struct nodeid *nodeid,
				   struct peer **other);

/* The READY connection with this nodeid that isn't closing, held for the caller; NULL if there is none. */
struct peer *registry_find(struct registry *registry, const struct nodeid *nodeid);

/* The outbound peer that was dialled at this address and isn't closing, held for the caller; NULL if there is none. */
struct peer *registry_find_dialled(struct registry *registry, const struct address *address);
/* One of the outbound peers that aren't closing, at random, held for the caller; NULL if there is none. */
struct peer *registry_any_outbound(struct registry *registry, struct rng *rng);

/*
 * Up to REGISTRY_STEP of the READY peers that aren't closing, those that follow a random place in the order in which
 * they came, held for the caller. Returns how many.
 */
enum { REGISTRY_STEP = 64 };
size_t registry_sample(struct registry *registry, struct rng *rng, struct peer *peers[static REGISTRY_STEP]);

struct registry_counts registry_count(struct registry *registry);

/* References to the peers of one moment, in no order. peers is NULL if there are none, or no memory. */
struct registry_snapshot {
	struct peer **peers;
	size_t count;
};

struct registry_snapshot registry_take_snapshot(struct registry *registry, bool only_ready);
void registry_release_snapshot(struct registry_snapshot *snapshot);
/* Puts it into a random order. */
void registry_shuffle_snapshot(struct registry_snapshot *snapshot, struct rng *rng);

/*
 * A visit to all connections in the order in which they were added. It begins with the registry alone. Each connection
 * that is there from its beginning to its end comes once. The lock is held for one step at a time, whose length does
 * not depend on how many connections there are.
 */
struct registry_visit {
	struct registry *registry;
	/* The module's own. */
	struct peer *peers[REGISTRY_STEP]; /* the last step; held from the current one on */
	size_t count, next;
	uint64_t after;
};

/* The next one, which is held until the next call; NULL at the end. */
struct peer *registry_visit_next(struct registry_visit *visit);
/* Ends one before its end. */
void registry_visit_stop(struct registry_visit *visit);

/* Blocks until there is no connection. */
void registry_wait_empty(struct registry *registry);

#endif
