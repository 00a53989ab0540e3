/*
 * Targets: how much a host, and its network, may be dialled for what others tell alone, and how much of it is passed
 * on. Anybody can tell addresses of a third party, and all nodes that hear of them dial: without a bound they send it
 * thousands of SYNs for a message. Dials and what is passed on have a table each, so that what is only told pushes no
 * dial out of the memory.
 *
 * A host (address_source) and a network (address_subnet) have a record each, of how many dials on hearsay may be under
 * way (its window), and whether it waits. A host begins with TARGETS_HOST_DIALS, a network with TARGETS_NETWORK_DIALS.
 * Hearsay that turns out to be true adds TARGETS_GAIN, so that a network of nodes that answer is connected at once.
 * Each failure takes one; once there is one left, each failure makes the record wait, twice as long each time. A node
 * that is found there, or connects from there, ends the wait.
 *
 * The life of a record: it begins with the first dial, or when a node is met there, or when an address of it is passed
 * on, and ends when nothing of that happens for long. At TARGETS_RECORDS the one that was
 * used longest ago makes room, unless dials to it are under way. Its weakness: to make it forget that a host does not
 * answer, an attacker has to make it dial so many others; then the host gets the dials of an unknown one.
 *
 * Not thread-safe, reads no clock: the book guards it.
 */
#ifndef KITH_TARGETS_H
#define KITH_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/token_bucket.h"
#include "wire/address.h"

enum {
	TARGETS_RECORDS = 2048,
	TARGETS_HOST_DIALS = 1,
	TARGETS_NETWORK_DIALS = 4,
	TARGETS_GAIN = 4,
	TARGETS_MOST_DIALS = 32,
	/* A network waits for a quarter of what a host waits after its first failure, and both at most ten times that.
	 */
	TARGETS_NETWORK_HURRY = 4,
	TARGETS_PATIENCE = 10,
	/* Addresses that are passed on in TARGETS_TELL_S: of a host, of a network, and of one where a node was met. */
	TARGETS_HOST_TOLD = 8,
	TARGETS_NETWORK_TOLD = 32,
	TARGETS_MET_NETWORK_TOLD = 256,
	TARGETS_TELL_S = 600,
};

/* Of those that wait for a dial to end, one asks again in this time for each dial that may be under way. */
#define TARGETS_QUEUE_US ((int64_t)20 * 1000)

struct target;

struct targets {
	struct target *records; /* numbered from 1 on */
	uint16_t *chains;	/* of records with the same hash; 0 where there is none */
	size_t capacity, count;
	size_t used;		 /* those beyond were never used */
	uint16_t spare;		 /* the first of those that are free again */
	uint16_t oldest, newest; /* by their last use */
	int64_t keep_us;
};

enum target_end {
	TARGET_REACHED, /* a node is there */
	TARGET_FAILED,
	TARGET_UNKNOWN, /* the dial says nothing about its target */
};

/* What was not used for keep_us is forgotten. */
void targets_init(struct targets *targets, int64_t keep_us);
void targets_fini(struct targets *targets);

/* Frees what was not used for long. */
void targets_tidy(struct targets *targets, int64_t now_us);

/* When hearsay at this address may be dialled, or when it is worth to ask again: not after now_us for at once. */
int64_t targets_ask(struct targets *targets, const struct address *address, int64_t now_us);
/* A dial on hearsay begins. False without memory: then it does not count, and targets_end must not be called. */
bool targets_begin(struct targets *targets, const struct address *address, int64_t now_us);
/* It is over. wait_us: how long the host waits after its first failure. */
void targets_end(struct targets *targets, const struct address *address, enum target_end end, int64_t wait_us,
		 int64_t now_us);
/* A node was found at this host by any dial, or is connected from there. */
void targets_meet(struct targets *targets, const struct address *address, int64_t now_us);
/* What does not answer may answer now: nothing waits any longer. */
void targets_hurry(struct targets *targets);

/* What this node itself knows of a host, as far as it remembers. */
enum target_standing {
	TARGET_STRANGE,
	TARGET_NEAR, /* a node was met in its network */
	TARGET_MET,  /* and at the host itself */
};

enum target_standing targets_weigh(const struct targets *targets, const struct address *address);
/* Takes one of the addresses of a host, and of its network, that may be passed on. False if none is left. */
bool targets_tell(struct targets *targets, const struct address *address, enum target_standing standing,
		  int64_t now_us);

#endif
