/*
 * Feelers to peers. Nobody dials a node that it is connected with, so a firewall that came later, and spares the
 * connections that there are, would not be noticed until they end. So a node now and then dials the address at which a
 * peer listens, shakes hands and says bye: one peer after the other, one in feeler_interval. One that fails is tried
 * again soon, and told in this node's report like each dial that fails. The other end then tries too, so that both know
 * who can dial whom, and so do the other nodes, one after the other: it may be that nobody can.
 *
 * The address is where a dial has found the peer, or where it says that it listens at the host that it talks from:
 * nobody can make this node dial a third one. Feelers change nothing in the address book. The far end answers them as
 * all feelers (kith-protocol(7)).
 *
 * Feelers are begun by the connector's thread; any thread may ask for one.
 */
#ifndef KITH_FEELERS_PRIV_H
#define KITH_FEELERS_PRIV_H

#include <stdatomic.h>

#include "base/rng.h"
#include "link/dial.h"
#include "link/peer.h"
#include "wire/report.h"

struct protocol;

/* One that has failed once is tried again after this. */
#define FEELERS_SURE_US ((int64_t)2 * 1000 * 1000)
/* One that fails again and again is tried after this, times the nodes that say that they can't dial it either. */
#define FEELERS_AGAIN_US ((int64_t)8 * 1000 * 1000)
#define FEELERS_AGAIN_MOST_US ((int64_t)600 * 1000 * 1000)
/* So many under way at once; other feelers count. */
enum { FEELERS = 4 };

struct feelers {
	atomic_bool is_hurried; /* one is due earlier than it was */
	/* Of the connector's thread. */
	struct rng rng;
	int64_t look_us; /* when one may be due */
	int64_t turn_us; /* when the next one in turn is; 0 before the first look */
};

/* The connector's thread: the next one, if it is due; the caller's, like that of address_book_pick. */
struct next_dial feelers_next(struct protocol *protocol, int64_t now_us);
/* A dial to that address, where that node is expected, has failed so often in a row. */
void feelers_note_failure(struct protocol *protocol, const struct address *address, const struct nodeid *nodeid,
			  uint32_t tries, int64_t now_us);
/*
 * What a report says that fails: whom it can't dial, who are peers of this node, is to be looked into. If that is this
 * node itself, its origin is dialled at once, else the peer, a time later that is drawn: of n nodes one in
 * FEELERS_SPREAD_US, so that all do in n times this. What does not fail any more is tried again soon.
 */
#define FEELERS_SPREAD_US ((int64_t)2 * 1000 * 1000)
void feelers_hear(struct protocol *protocol, const struct report *report, const struct nodeid *origin, int64_t now_us);

#endif
