/*
 * What a node does when an interface, an address or a route of this machine comes: it dials what it could not reach.
 * The connector's thread looks at each of its rounds, and so within a second; without netlink (netwatch_open) nothing
 * happens here, and addresses are dialled when they are due.
 */
#ifndef KITH_REROUTING_H
#define KITH_REROUTING_H

#include <stdint.h>

#include "base/token_bucket.h"
#include "node/worker.h"

/* The rest of a change, such as the route after the address, has this long to come. */
#define REROUTING_SETTLE_US ((int64_t)300 * 1000)
/* Containers and virtual machines may change the network all day: so often it makes addresses due. */
enum { REROUTING_BURST = 5 };
#define REROUTING_EACH_S 10

/* The connector's thread's alone. */
struct rerouting {
	int fd;		   /* of netwatch; -1 for none */
	int64_t redial_us; /* when to make all addresses due; FOREVER_US for no reason to */
	struct token_bucket redials;
};

void rerouting_open(struct rerouting *rerouting, int64_t now_us);
void rerouting_close(struct rerouting *rerouting);
/* Does what is due; returns when to call again at the latest. */
int64_t rerouting_run(struct rerouting *rerouting, const struct worker_parts *parts, int64_t now_us);

#endif
