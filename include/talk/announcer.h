/*
 * The announcer tells the READY peers, unasked, of a peer that has become READY or has said where it listens. So nodes
 * that start at the same moment find each other without waiting.
 *
 * The life of an announcement: any reader adds a peer, which is held. Peers that are added within ANNOUNCER_DELAY_US
 * wait together. Then the connector's thread sends them as one `addr` to each READY peer, except what the peer knows,
 * what must not travel to it, and the peer itself; then it releases them. If there are more than ANNOUNCER_TARGETS
 * peers, a random choice of ANNOUNCER_TARGETS is told.
 */
#ifndef KITH_ANNOUNCER_H
#define KITH_ANNOUNCER_H

#include <stdint.h>

#include "base/sync.h"
#include "link/peer.h"
#include "members/registry.h"

enum { ANNOUNCER_TARGETS = 64 };

#define ANNOUNCER_DELAY_US ((int64_t)10 * 1000)

struct announcer;

/* Borrows both; the alarm is rung when there is something to run. NULL if there is no memory. */
struct announcer *announcer_new(struct registry *registry, struct alarm *alarm, uint64_t seed);
void announcer_free(struct announcer *announcer);

/* Any thread. Holds the peer until it is announced. */
void announcer_add(struct announcer *announcer, struct peer *peer, int64_t now_us);
/* One thread alone. Sends what is due; returns when to call again. */
int64_t announcer_run(struct announcer *announcer, int64_t now_us);

#endif
