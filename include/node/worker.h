/*
 * A worker: the two threads of one peer. The reader connects, or takes over an accepted socket, shakes hands, and reads
 * and answers until the end. The pinger pings, writes what would have blocked its sender, and says the last words when
 * another thread closes the peer; it starts when one of these is needed first. They are two because one thread can't
 * wait for a blocking read and for a condition variable.
 */
#ifndef KITH_WORKER_H
#define KITH_WORKER_H

#include "book/address_book.h"
#include "link/peer.h"
#include "link/pool.h"
#include "members/access.h"
#include "members/parts.h"
#include "members/registry.h"
#include "settings/settings.h"
#include "talk/protocol.h"

/* What all workers share; borrowed, and outlives them. */
struct worker_parts {
	struct parts common;
	struct protocol *protocol;
	struct pool *pool;
	struct tls_context *context; /* NULL where connections are plain */
};

/*
 * Puts the peer into the registry and starts its reader, which holds it; the caller keeps its own reference. 0, or an
 * errno if nothing was started: then the peer is in no registry.
 */
int worker_start(const struct worker_parts *parts, struct peer *peer);

#endif
