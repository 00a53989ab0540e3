/*
 * The pace of a node's pings: one in each probe_interval, to its peers in turn. So pinging costs a node the same
 * however many peers it has, and in a mesh where each is connected with each, every node is pinged about once in a
 * probe_interval by somebody.
 *
 * There is no list of whose turn it is. Whoever has just pinged takes the next free moment: as each of N peers holds
 * one moment, that is N moments later, and the pings are evenly spaced. The moment of a peer that has ended is free
 * again: otherwise it would be a gap of two intervals, in which nobody misses a node that dies. Any thread may call.
 */
#ifndef KITH_PACE_H
#define KITH_PACE_H

#include <stddef.h>
#include <stdint.h>

#include "settings/settings.h"

struct pace;

/* Borrows the settings. NULL if there is no memory. */
struct pace *pace_new(const struct settings *settings);
void pace_free(struct pace *pace);

/* A peer is READY. */
void pace_join(struct pace *pace);
/* It has ended, and had taken that moment; 0 for none. */
void pace_leave(struct pace *pace, int64_t taken_us);

/* How long a peer waits for its next ping now: probe_interval for each peer, but never more than ping_interval. */
int64_t pace_interval_us(struct pace *pace);
/* The same for a peer that is pinged now, which takes the next free moment: one that was given back, if there is one.
 */
int64_t pace_take_us(struct pace *pace, int64_t now_us);

#endif
