/*
 * The address book: which addresses might lead to a node, when to try each, and which need no dial. It knows nothing of
 * sockets and files and reads no clock; times are handed in.
 *
 * The life of an address. It comes from the configuration (a bootstrap, kept while it is configured), from the file of
 * an earlier run, by hearsay, or from the node that says that it listens there. address_book_pick takes it out for one
 * dial at a time; then exactly one of address_book_arrived, address_book_reached, address_book_failed,
 * address_book_doubled, address_book_hindered and address_book_abandoned brings it back. A failure doubles the time
 * until the next try.
 *
 * What others say changes only the order. An address is *held*, and isn't picked, by a connection of our own to that
 * very address: by the peer that was dialled there, or by a peer whose nodeid a feeler of ours has found there while it
 * was connected. The nodeid beside an address is a hint: if that node is connected or being dialled, the address has
 * its turn later, one in retry_min. Once a dial has shown that it leads to a connected node, it is dialled ever more
 * rarely. If tellers disagree there is no hint; and hearsay never changes the nodeid that a dial or feeler has found.
 *
 * Two kinds, as in Bitcoin Core's address manager. NEW is hearsay, and what a node says of itself before that was
 * proven; TRIED was reached by a dial or feeler of our own. Hearsay is forgotten after ADDRESS_BOOK_NEW_FAILURES
 * failures in a row, and when nothing was heard of it for ADDRESS_BOOK_UNHEARD_US; what was tried after
 * ADDRESS_BOOK_TRIED_FAILURES and ADDRESS_BOOK_TRIED_US without success. Bootstraps, and the addresses of a bootstrap's
 * name, are never forgotten.
 *
 * What peers can make grow is bounded: three quarters of max_addresses are NEW and the rest TRIED, in buckets of
 * ADDRESS_BUCKET_ENTRIES. The bucket of an address is chosen by a hash that is keyed by a secret of this node: for NEW
 * from a sixteenth of them that depends on the group (address_group) of the host that told it, of which the addresses
 * of one group have a quarter; for TRIED from an eighth that depends on the group of the address. A full bucket of NEW
 * removes an entry of the group of tellers that has most in it, so that a flood displaces only itself. A full bucket of
 * TRIED makes room only if its longest unheard address doesn't answer a feeler.
 *
 * A name of the configuration is picked and looked up like an address. It is due again only when none of its addresses
 * is connected or being dialled.
 *
 * Any thread may call; nothing blocks.
 */
#ifndef KITH_ADDRESS_BOOK_H
#define KITH_ADDRESS_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "book/address_record.h"
#include "book/address_table.h"
#include "book/targets.h"
#include "link/dial.h"
#include "settings/settings.h"
#include "wire/address.h"
#include "wire/message.h"
#include "wire/nodeid.h"

enum {
	ADDRESS_BOOK_NEW_FAILURES = 3,
	ADDRESS_BOOK_TRIED_FAILURES = 10,
	ADDRESS_BOOK_LOST = 3,
	ADDRESS_BOOK_ANCHORS = 2,
	ADDRESS_BOOK_SELVES = 64,
	ADDRESS_BOOK_PROOFS = 64,
	ADDRESS_BOOK_CLAIMS_PER_HOST = 2, /* feelers under way for what peers of one host claim */
	ADDRESS_BOOK_NAME_ADDRESSES = 16,
	ADDRESS_BOOK_SAMPLE_PERCENT = 23, /* as Bitcoin Core answers getaddr */
};

#define ADDRESS_BOOK_DAY_US ((int64_t)24 * 3600 * 1000 * 1000)
#define ADDRESS_BOOK_TRIED_US (7 * ADDRESS_BOOK_DAY_US)
#define ADDRESS_BOOK_UNHEARD_US (30 * ADDRESS_BOOK_DAY_US)
/* Between two feelers that only want to know whether hearsay is true; as in Bitcoin Core. */
#define ADDRESS_BOOK_FEELER_US ((int64_t)120 * 1000 * 1000)
/* An address that leads to a node that is connected another way is dialled at least once in this time. */
#define ADDRESS_BOOK_DOUBLE_US ((int64_t)3600 * 1000 * 1000)
/* What was reached within this time keeps its place among the tried without a test; as in Bitcoin Core. */
#define ADDRESS_BOOK_SURE_US ((int64_t)4 * 3600 * 1000 * 1000)

/* The first day of 2025: an earlier wall clock is wrong. */
#define ADDRESS_BOOK_EARLIEST_S INT64_C(1735689600)

struct address_book;

/* The back-off after this many failures in a row: doubles from least to most, plus or minus a quarter within them. */
int64_t address_book_backoff_us(int64_t least_us, int64_t most_us, unsigned failures, struct rng *rng);

/* Borrows the settings, and copies the bootstraps. NULL if there is no memory. */
struct address_book *address_book_new(const struct settings *settings, const struct hash_key *secret, uint64_t seed,
				      int64_t now_us);
void address_book_free(struct address_book *book);
/*
 * Other bootstraps than before: those that are gone become addresses like others. False if there was no memory for all
 * of them: to be tried again.
 */
bool address_book_set_bootstraps(struct address_book *book, const struct settings *settings, int64_t now_us);

/* ---- over restarts ---- */

/* What became of the records of an earlier run. */
struct address_book_import {
	size_t known;
	size_t unheard, failed; /* hearsay: too old; failed too often */
	size_t crowded;		/* no place in their bucket */
	size_t own;		/* where this node itself listens */
};

/*
 * Adds the records of an earlier run, as old as they were when they were saved: how long ago that was, and what a wall
 * clock says that may be wrong, doesn't count. What is later than that is now. No age drops one that was tried. All are
 * due at once, anchors first.
 */
struct address_book_import address_book_import(struct address_book *book, const struct address_records *records,
					       int64_t now_us);
/*
 * Copies everything worth keeping. unix_us is the wall clock at the moment now_us; one that is before
 * ADDRESS_BOOK_EARLIEST_S counts as that, since there would be no times before it. False if there is no memory.
 */
bool address_book_export(struct address_book *book, struct address_records *records, int64_t now_us, int64_t unix_us);
/* How many changes worth keeping there have been. */
uint64_t address_book_changes(struct address_book *book);

/* ---- what is heard ---- */

/* Where this node itself listens: never dialled, and never forgotten. */
void address_book_add_own(struct address_book *book, const struct address *address);
/*
 * The address that this node advertises from now on (unknown for none): the same. The one before becomes an address
 * like others, and so do those where the node has met itself: what led here by way of it may lead elsewhere now.
 */
void address_book_set_advertised(struct address_book *book, const struct address *address);
/* Where it has met itself: not dialled again. Bootstraps aside, the last ADDRESS_BOOK_SELVES are remembered. */
void address_book_add_self(struct address_book *book, const struct address *address);
bool address_book_is_self(struct address_book *book, const struct address *address);

/*
 * Somebody at the host of source says that nodes listen there (a nodeid may be nodeid_none). How many of them are now
 * candidates that weren't before.
 */
size_t address_book_hear(struct address_book *book, const struct message_entry *entries, size_t count,
			 const struct address *source, int64_t now_us);
/* What this node itself knows of each of these: one that it has reached is TARGET_MET. */
void address_book_weigh(struct address_book *book, const struct message_entry *entries, size_t count,
			enum target_standing *standings);

/* ---- dials ---- */

enum address_book_wanted {
	ADDRESS_BOOK_PEERS,   /* any dial */
	ADDRESS_BOOK_FEELERS, /* no more peers: feelers alone */
};

/*
 * Takes the next dial out if one is due.
 *
 * Anchors and bootstraps that have not failed come first. Of the others, one at random: half of the time a tried one
 * where there is one, of a random bucket, and rather of a group in which no node is connected. Once there are only such
 * that have failed, one of those that are due at random, and one in retry_min. Where only feelers are wanted, they go
 * to what was tried and has failed, at the same pace, and one in ADDRESS_BOOK_FEELER_US to hearsay.
 */
struct next_dial address_book_pick(struct address_book *book, enum address_book_wanted wanted, int64_t now_us);

/* The dial goes on. A node has answered, whatever it said: its host is none of those that others only tell of. */
void address_book_answered(struct address_book *book, const struct dial *dial, int64_t now_us);
/* The same, and this is the node. */
void address_book_found(struct address_book *book, const struct dial *dial, const struct nodeid *nodeid,
			int64_t now_us);
/* Whether what a feeler has found should have a place among the outbound peers. */
enum address_book_place {
	ADDRESS_BOOK_NO_PLACE,
	/*
	 * This node had reached it, and it has failed at least ADDRESS_BOOK_LOST times in a row since. Without this,
	 * halves of a network that were cut from each other, and have filled their places since, never meet again.
	 */
	ADDRESS_BOOK_BACK,
	/*
	 * It is one of the first hearsay addresses found to be true, up to half of max_outbound. All nodes take their
	 * first peers from those that their bootstrap knows: in a network of 10,000 these would have nearly all
	 * connections, and the others would hear of nothing (tests/sim/README.md). Or it is of another host while some
	 * host or network has more than its share of the places.
	 */
	ADDRESS_BOOK_FRESH,
};

/* The host or network of this outbound peer has more than its share of the places: it is the first to give way. */
bool address_book_is_surplus(struct address_book *book, const struct address *address);

/*
 * The feeler led to this node. An address that gets a place is dialled before others when a peer is wanted; one whose
 * node is connected needs none. If the node is the peer that has claimed the address, its connection holds it now.
 */
enum address_book_place address_book_reached(struct address_book *book, const struct dial *dial,
					     const struct nodeid *nodeid, int64_t now_us);
/* error: what went wrong, in words. Returns how many failures in a row that makes; 0 if the address is held. */
unsigned address_book_failed(struct address_book *book, const struct dial *dial, const char *error, int64_t now_us);
/*
 * One of the two ends says that they are connected already. If the node that is expected there is, that is no failure,
 * and the result is 0.
 */
unsigned address_book_doubled(struct address_book *book, const struct dial *dial, const char *error, int64_t now_us);
/*
 * This machine could not dial it: no route, no name server, no descriptor. error is kept, but no failure is counted and
 * nothing forgotten. It is due after retry_min, as one of those that have failed: of all these one is dialled in that
 * time, however many addresses this machine has no route to.
 */
void address_book_hindered(struct address_book *book, const struct dial *dial, const char *error, int64_t now_us);
/* The dial is over, and says nothing about its address. */
void address_book_abandoned(struct address_book *book, const struct dial *dial, int64_t now_us);
/* The addresses that the name of this dial was resolved to. */
void address_book_resolved(struct address_book *book, const struct dial *dial, const struct address *addresses,
			   size_t count, int64_t now_us);

/*
 * What has failed may work now, since the network of this machine has changed or the operator says so: every address
 * and name that waits is due at once. Those of the configuration, and those whose node was heard from within a day, are
 * dialled as if they had not failed; the others one in retry_min, until one answers.
 */
void address_book_hurry(struct address_book *book, int64_t now_us);

/* ---- what the operator wants ---- */

enum address_book_asked {
	ADDRESS_BOOK_DUE,	/* it is dialled before others, as soon as a peer is wanted */
	ADDRESS_BOOK_CONNECTED, /* its node is, so it is not dialled */
	ADDRESS_BOOK_SELF,	/* this node listens there */
	ADDRESS_BOOK_CROWDED,	/* it has no place in the book */
};

enum address_book_asked address_book_ask(struct address_book *book, const struct address *address, int64_t now_us);

enum address_book_drop {
	ADDRESS_BOOK_DROPPED,
	ADDRESS_BOOK_UNKNOWN, /* it is not in the book */
	ADDRESS_BOOK_KEPT,    /* the configuration keeps it */
	ADDRESS_BOOK_BUSY,    /* its node is connected, or being dialled */
};

/* Forgets the address. */
enum address_book_drop address_book_drop(struct address_book *book, const struct address *address, int64_t now_us);

/* ---- connections ---- */

/* A connection that has become READY. */
struct arrival {
	const void *connection;	 /* tells it from all others until address_book_disconnected; it is not looked at */
	const struct dial *dial; /* that led to it, and ends with it; NULL for an inbound one */
	struct nodeid nodeid;
	struct address host; /* that its far end talks from; the port doesn't matter */
	int64_t now_us;
};

/* Each arrival is followed by one address_book_disconnected. */
void address_book_arrived(struct address_book *book, const struct arrival *arrival);
/*
 * Its far end says that it listens at this address: a feeler is to find out, now and ever more rarely while the
 * connection lasts and doesn't claim another. Until then the address is hearsay of the far end's host; what it says of
 * another host is not even that. False if there is nothing to find out.
 */
bool address_book_claimed(struct address_book *book, const void *connection, const struct address *address,
			  int64_t now_us);
/*
 * A connection is over, and lets go of its addresses. was_steady: it lasted long enough that earlier failures don't
 * count any more; error: how it ended, in words, or NULL if that was for no fault of the node. True if one of these
 * addresses may now be dialled, at some time.
 */
bool address_book_disconnected(struct address_book *book, const void *connection, bool was_steady, const char *error,
			       int64_t now_us);
/* Somebody who says that it is this node is connected. */
bool address_book_is_connected(struct address_book *book, const struct nodeid *nodeid);
/* The node whose connection holds this address; none for nobody. */
struct nodeid address_book_tenant(struct address_book *book, const struct address *address);

/* ---- to look at ---- */

/*
 * The addresses to tell of besides connected ones: of those that this node itself reached within a day, at most
 * ADDRESS_BOOK_SAMPLE_PERCENT, and the same to everybody for a day. How many were written to entries.
 */
size_t address_book_sample(struct address_book *book, struct message_entry *entries, size_t most, int64_t now_us);

/* An address as it is shown. */
struct address_info {
	struct address address;
	struct address teller; /* the host that told of it; unknown where it was not hearsay */
	struct nodeid nodeid;
	enum address_kind kind;
	int64_t heard_us, tried_us, error_us; /* NEVER_US for never */
	int64_t reached_us;
	int64_t due_us; /* the next try, at the earliest; FOREVER_US for none */
	unsigned failures;
	bool is_bootstrap; /* of the configuration, or an address of a name that is */
	bool is_connected, is_dialing, is_self;
	char error[ADDRESS_ERROR_BYTES];
};

/* Those that were last heard of or tried, the most recent first. How many were written. */
size_t address_book_recent(struct address_book *book, struct address_info *infos, size_t most, int64_t now_us);
/* False if it is not in the book. */
bool address_book_look(struct address_book *book, const struct address *address, struct address_info *info,
		       int64_t now_us);

/*
 * A walk over all addresses, a few at a time: each that is there from the beginning to the end comes once. The lock is
 * held for one step at a time. It ends before the book does.
 */
enum { ADDRESS_BOOK_STEP = 64 };
void address_book_begin_walk(struct address_book *book, struct address_walk *walk);
/* How many were written; 0 at the end. */
size_t address_book_walk(struct address_book *book, struct address_walk *walk,
			 struct address_info infos[static ADDRESS_BOOK_STEP], int64_t now_us);
void address_book_end_walk(struct address_book *book, struct address_walk *walk);
/* For the simulation, which asks it of each node at each step. */
bool address_book_knows(struct address_book *book, const struct address *address);
size_t address_book_count(struct address_book *book);
/* It knows no address and has no bootstrap. */
bool address_book_is_empty(struct address_book *book);

/* An address or a name, and what came of the last dial, for people. */
struct address_trial {
	char label[96]; /* "HOST:PORT"; a long name is cut */
	char result[ADDRESS_ERROR_BYTES + 16];
};

/* The first `most` bootstraps. Returns how many there are in all. */
size_t address_book_list_bootstraps(struct address_book *book, struct address_trial *trials, size_t most);
/* The same for all addresses: those that are known longest. */
size_t address_book_list_known(struct address_book *book, struct address_trial *trials, size_t most);

#endif
