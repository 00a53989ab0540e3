/*
 * A worker: the two threads of one peer. The reader connects or is handed the accepted socket, shakes hands, reads
 * until the end, and answers what it reads. The pinger pings, writes what would have blocked whoever put it into the
 * outbox, says the last words when another thread closes the peer, and starts when there is first such a need. They are
 * two because one thread can't wait for a blocking read and for a condition variable.
 */
#ifndef KITH_WORKER_H
#define KITH_WORKER_H

#include "book/address_book.h"
#include "link/peer.h"
#include "link/pool.h"
#include "members/admission.h"
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
 * Puts the peer into the registry and starts its reader, which from then on holds it; the caller's reference stays the
 * caller's. 0, or an errno: nothing was started, and the peer is in no registry.
 */
int worker_start(const struct worker_parts *parts, struct peer *peer);

#endif
