/* What the files of the registry share: its entries, and its lock. claims.c has the index by nodeid. */
#ifndef KITH_REGISTRY_PRIV_H
#define KITH_REGISTRY_PRIV_H

#include "base/keyed_table.h"
#include "base/sync.h"
#include "members/registry.h"
#include "members/roll_priv.h"
#include "members/tally_priv.h"

extern struct mutex registry_guard;

struct entry {
	struct peer *peer;
	struct nodeid nodeid;
	bool is_ready;	  /* it has claimed a nodeid */
	bool is_stranger; /* inbound, and has neither proven the secret nor been READY */
	bool is_indexed;
	bool is_retired;
	bool is_listed;	 /* in handshakes, in spares, or in retired */
	uint64_t serial; /* in the roll */
	/* Of a pair with two connections: of the indexed one its spare, and of a spare the indexed one; else NULL. */
	struct entry *other;
	int64_t spare_us;		      /* a spare since then */
	struct tally *host, *group, *network; /* of an inbound connection; else NULL */
	UT_hash_handle hh;		      /* by peer */
	UT_hash_handle by_nodeid;
	struct entry *prev, *next; /* in that list */
};

struct registry {
	/* Immutable. */
	struct nodeid self;
	const struct settings *settings;
	struct mutex mutex;
	struct condition emptied;
	/* Guarded. */
	struct entry *entries GUARDED_BY(registry_guard);
	struct entry *ready GUARDED_BY(registry_guard);	     /* by nodeid */
	struct entry *handshakes GUARDED_BY(registry_guard); /* inbound, the oldest first */
	struct entry *spares GUARDED_BY(registry_guard);     /* that wait to be ended, the oldest first */
	struct tally *hosts GUARDED_BY(registry_guard);
	struct entry *retired GUARDED_BY(registry_guard); /* retired and not removed, the oldest first */
	struct tally *groups GUARDED_BY(registry_guard);
	struct tally *networks GUARDED_BY(registry_guard);
	struct registry_counts counts GUARDED_BY(registry_guard);
	struct roll roll GUARDED_BY(registry_guard);
};

void registry_enter(struct registry *registry) ACQUIRES(registry_guard);
void registry_leave(struct registry *registry) RELEASES(registry_guard);

struct entry *registry_find_entry(struct registry *registry, struct peer *peer) REQUIRES(registry_guard);
struct entry *registry_find_indexed(struct registry *registry, const struct nodeid *nodeid) REQUIRES(registry_guard);
/* Into, and out of, one of the lists: an entry is in one at a time. */
void registry_list(struct entry **entries, struct entry *entry);
void registry_unlist(struct entry **entries, struct entry *entry);
void registry_become_ready(struct registry *registry, struct entry *entry) REQUIRES(registry_guard);
void registry_retire_entry(struct registry *registry, struct entry *entry) REQUIRES(registry_guard);

static inline bool registry_is_inbound(const struct entry *entry)
{
	return peer_direction(entry->peer) == PEER_INBOUND;
}

#endif
