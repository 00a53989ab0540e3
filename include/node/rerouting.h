/*
 * What a node does when an interface, an address or a route of this machine comes or goes. When one comes, it dials
 * what it could not reach. When one goes, it pings the peers that are connected over an address which this machine does
 * not have any more; if it is not back within REROUTING_BACK_US, as after the renewal of a lease, these connections
 * end.
 *
 * The connector's thread looks at each of its rounds, and so within a second. Without netlink (netwatch_open) nothing
 * happens here: addresses are dialled when they are due, and peers fail for their pings.
 */
#ifndef KITH_REROUTING_H
#define KITH_REROUTING_H

#include <stdint.h>

#include "base/token_bucket.h"
#include "node/worker.h"

/* The rest of a change, such as the route after the address, has this long to come. */
#define REROUTING_SETTLE_US ((int64_t)300 * 1000)
#define REROUTING_BACK_US ((int64_t)1000 * 1000)
/* Containers and virtual machines may change the network all day: so often it makes addresses due. */
enum { REROUTING_BURST = 5 };
#define REROUTING_EACH_S 10

/* The connector's thread's alone. What the kernel merely says again, as when a lease is renewed, is no gain. */
struct rerouting {
	int fd;		      /* of netwatch; -1 for none */
	int64_t redial_us;    /* when to make all addresses due; FOREVER_US for no reason to */
	int64_t judge_us;     /* when to end the connections of addresses that are gone; FOREVER_US for none */
	uint64_t fingerprint; /* of the routes, when it was looked at last */
	struct token_bucket redials;
};

void rerouting_open(struct rerouting *rerouting, int64_t now_us);
void rerouting_close(struct rerouting *rerouting);
/* Does what is due; returns when to call again at the latest. */
int64_t rerouting_run(struct rerouting *rerouting, const struct worker_parts *parts, int64_t now_us);

#endif
