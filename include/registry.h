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

#include "nodeid.h"
#include "peer.h"
#include "rng.h"
#include "settings.h"

struct registry;

struct registry_counts {
	size_t connections; /* in any state */
	size_t handshakes;  /* inbound, not READY */
	size_t dials;	    /* outbound, not READY, feelers aside */
	size_t feelers;
	size_t inbound, outbound; /* READY, until they are removed */
};

enum registry_claim {
	REGISTRY_READY,	    /* the nodeid is this connection's */
	REGISTRY_REPLACES,  /* the same, and *other is to be closed as a duplicate */
	REGISTRY_DUPLICATE, /* *other stays, this one goes */
	REGISTRY_FULL,
};

/* Borrows the settings. NULL if there is no memory. */
struct registry *registry_new(const struct nodeid *self, const struct settings *settings);
void registry_free(struct registry *registry);

/* Holds the peer. False if there is no memory. */
bool registry_add(struct registry *registry, struct peer *peer);
void registry_remove(struct registry *registry, struct peer *peer);

/* *other, where it isn't NULL, is held for the caller. */
enum registry_claim registry_claim(struct registry *registry, struct peer *peer, const struct nodeid *nodeid,
				   int64_t now_us, struct peer **other);

/* The READY connection with this nodeid that isn't closing, held for the caller; NULL if there is none. */
struct peer *registry_find(struct registry *registry, const struct nodeid *nodeid);
/* The oldest inbound connection that still shakes hands, held for the caller; NULL if there is none. */
struct peer *registry_oldest_handshake(struct registry *registry);

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
 * A walk over all connections that needs no memory: writes up to REGISTRY_STEP of them, held for the caller, that were
 * added after the serial number *after, and moves that on. 0 at the end. Start with *after at 0.
 */
enum { REGISTRY_STEP = 64 };
size_t registry_walk(struct registry *registry, uint64_t *after, struct peer *peers[static REGISTRY_STEP]);

/* Blocks until no connection is left. */
void registry_wait_empty(struct registry *registry);

#endif
