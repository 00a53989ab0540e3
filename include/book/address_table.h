/*
 * The addresses of the address book: found by address, placed in buckets, and in order of when each is due. It decides
 * which bucket an address goes into and what it displaces; the book decides whether it may be dialled now. Borrows
 * nothing, reads no clock, takes no lock: the book guards it.
 */
#ifndef KITH_ADDRESS_TABLE_H
#define KITH_ADDRESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/keyed_hash.h"
#include "base/keyed_table.h"
#include "base/slab.h"
#include "book/address_record.h"
#include "wire/address.h"
#include "wire/nodeid.h"

enum {
	ADDRESS_BUCKET_ENTRIES = 64, /* as in Bitcoin Core */
	ADDRESS_FEW_SLOTS = 8,
	ADDRESS_CANDIDATES = 8,
};

/* The time of what never happened. */
#define NEVER_US INT64_MIN

/* What is due, by how soon it should be dialled. */
enum address_lane {
	LANE_FIRST, /* bootstraps that have not failed, and anchors */
	LANE_TRIED, /* has not failed, as far as this run knows */
	LANE_NEW,
	LANE_LATER,	  /* is said to lead to a node that is connected, or being dialled */
	LANE_TRIED_AGAIN, /* has failed */
	LANE_NEW_AGAIN,
	LANE_CROWDED, /* its host or network has its share of the outbound places (places.h) */
	LANES,
	LANE_NONE = LANES, /* not due yet, or not to be dialled */
};

/* What went wrong, in words: many entries share one. */
struct address_error {
	size_t entries;
	UT_hash_handle hh;
	char text[ADDRESS_ERROR_BYTES];
};

struct connection;

struct address_entry {
	struct address address;
	struct address teller; /* the host that told it; unknown where it was not hearsay */
	struct nodeid nodeid;  /* the node that it led to, or, before it was reached, is said to lead to; may be none */
	int64_t heard_us;      /* NEW: last told of; TRIED: its node was last heard from */
	int64_t tried_us;      /* last dialled */
	int64_t reached_us;    /* by a dial or feeler of our own */
	int64_t error_us;
	struct address_error *error; /* what went wrong last; NULL for nothing since it was last reached */
	unsigned failures;	     /* in a row, over restarts */
	unsigned backoff;	     /* in a row, in this run: how long to wait */
	unsigned doubles;	     /* dials in a row that led to a node that was connected another way */
	enum address_kind kind : 8;
	bool is_bootstrap;
	bool is_named;	/* a bootstrap's name was resolved to it */
	bool is_anchor; /* dialled before others: of those that were connected longest, or back after a while */
	bool is_self;	/* a bootstrap where this node has met itself */
	bool is_dialing;
	bool is_held;	    /* by its connection, which leads to this very address: no dial is needed */
	bool is_later;	    /* it was its turn, and its nodeid that of a node that needs no dial */
	bool is_crowded;    /* it was its turn, and its host or network had its share of the outbound places */
	bool is_on_hearsay; /* the dial that is under way, or was the last, began when this was hearsay; no feeler */
	bool is_bounded;    /* the dial that is under way counts for its target (targets.h) */
	/* Those that led to the node of one connection; NULL where none has. */
	struct connection *connection;
	struct address_entry *kin_next, **kin_link; /* what points to it */
	/* The table's. */
	enum address_lane lane : 8;
	uint32_t bucket; /* of its kind, from 1 on; 0 for none */
	uint32_t slot;	 /* in its bucket */
	struct heap_item due;
	UT_hash_handle hh;
};

struct address_lane_entries {
	struct address_entry **entries;
	size_t count;
	size_t capacity;
};

/* The group of the tellers is kept beside the entry: looking at 64 entries costs 64 cache misses. */
struct address_slot {
	struct address_entry *entry;
	uint64_t tellers;
};

struct address_bucket {
	struct address_slot *slots; /* NULL while it is empty */
	uint32_t count, capacity;
	uint32_t filled_place; /* in the list of those that aren't empty, if it is in it */
};

/* The buckets of one kind. */
struct address_buckets {
	struct address_bucket *buckets;
	size_t count;
	uint32_t *filled; /* which of them aren't empty, in no order */
	size_t filled_count;
};

/* A walk over the entries that goes on although some are removed meanwhile. */
struct address_walk {
	struct address_entry *entry; /* the next one */
	struct address_walk *prev, *next;
};

struct address_table {
	struct hash_key key;
	struct slab slab;		  /* of entries */
	struct slab few_slots, all_slots; /* of ADDRESS_FEW_SLOTS and of ADDRESS_BUCKET_ENTRIES slots */
	struct address_entry *entries;
	struct address_error *errors;
	struct address_buckets kinds[2]; /* by enum address_kind */
	struct heap waiting;
	struct address_lane_entries lanes[LANES];
	struct address_walk *walks;
};

/* Room for about `most` addresses besides those in no bucket. False if there is no memory. */
bool address_table_init(struct address_table *table, size_t most, const struct hash_key *key);
void address_table_fini(struct address_table *table);

struct address_entry *address_table_find(const struct address_table *table, const struct address *address);
size_t address_table_count(const struct address_table *table);

/* A new entry in no bucket, which is due never; NULL if there is no memory. */
struct address_entry *address_table_add(struct address_table *table, const struct address *address);
/* Takes it off the list that it is in too. */
void address_table_remove(struct address_table *table, struct address_entry *entry);
/* Puts an entry on the list of a connection, or takes it off the one that it is on. */
void address_entry_link(struct address_entry **list, struct address_entry *entry);
void address_entry_unlink(struct address_entry *entry);
/* What went wrong with it last, of which ADDRESS_ERROR_BYTES - 1 are kept, or NULL. Without memory it is NULL. */
void address_table_set_error(struct address_table *table, struct address_entry *entry, const char *text);

/*
 * Puts an entry that is in no bucket among the NEW ones. If its bucket is full, one is removed that may_go allows, of
 * the group of tellers that has most in there, this one counted: of ADDRESS_CANDIDATES of them the one that failed
 * most, of those the one that was heard of longest ago. False, and nothing has changed, if that would be the newcomer's
 * own group and none of it may go.
 */
typedef bool address_may_go(void *context, const struct address_entry *entry);
bool address_table_place_new(struct address_table *table, struct address_entry *entry, address_may_go *may_go,
			     void *context);
/*
 * Puts an entry among the TRIED ones. If its bucket is full, it stays where it is, and *rival is the entry that it
 * could displace: of those that may go the one whose node was heard from longest ago; NULL for none.
 */
bool address_table_place_tried(struct address_table *table, struct address_entry *entry, address_may_go *may_go,
			       void *context, struct address_entry **rival);
/* Takes an entry out of its bucket; its kind stays. */
void address_table_unplace(struct address_table *table, struct address_entry *entry);

/* When the entry may be dialled: from due_us on, or never for FOREVER_US. */
void address_table_set_due(struct address_table *table, struct address_entry *entry, int64_t due_us);
/* Something that its lane depends on has changed, but not when it is due. */
void address_table_update_lane(struct address_table *table, struct address_entry *entry);
/* Moves what is due by now into its lane; returns when the next one will be due. */
int64_t address_table_run(struct address_table *table, int64_t now_us);

#endif
