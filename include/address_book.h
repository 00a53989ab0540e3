/*
 * The address book: which addresses might lead to a node, when to try each, and which nodes need no dial since they are
 * connected. It knows nothing of sockets and reads no clock; times are handed in.
 *
 * The life of an address. It comes in as a bootstrap of the configuration (kept for ever), by hearsay, or announced by
 * the node that listens there. address_book_pick takes it out for one dial at a time; then exactly one of
 * address_book_reached, address_book_failed and address_book_let_go brings it back. A failure doubles the time until
 * the next try. Hearsay that was never reached is forgotten after ADDRESS_BOOK_FAILURES of them. An address whose node
 * is connected isn't picked; when the last connection with that node ends, it is again, after a back-off.
 *
 * A name of the configuration is picked and looked up like an address; what it stood for is then in the book as
 * hearsay, but isn't forgotten while the name stands for it, and the name is due again only when none of these is
 * connected or being dialled.
 *
 * What peers can make grow is bounded: ADDRESS_BOOK_ENTRIES in all, and of those ADDRESS_BOOK_PER_SOURCE that were told
 * from one host and not reached by a dial of our own. A full book makes room by forgetting what the host that
 * told most has told, or else an address that once worked and fails, at most once in ADDRESS_BOOK_EVICTION_US, since
 * that takes a walk over all of it. Of the dials under way at most three quarters are for hearsay, and one quarter
 * feelers, so that addresses which lead nowhere can't keep those waiting that are known to be good. Its weakness: who
 * has many hosts has many shares.
 *
 * Any thread may call; nothing blocks.
 */
#ifndef KITH_ADDRESS_BOOK_H
#define KITH_ADDRESS_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "nodeid.h"
#include "peer.h"
#include "rng.h"
#include "settings.h"

enum {
	ADDRESS_BOOK_ENTRIES = 4096,
	ADDRESS_BOOK_PER_SOURCE = 1024,
	ADDRESS_BOOK_FAILURES = 3,
	ADDRESS_BOOK_SELVES = 64,
	ADDRESS_BOOK_PROOFS = 64,
	ADDRESS_BOOK_NAME_ADDRESSES = 16,
};

#define ADDRESS_BOOK_EVICTION_US ((int64_t)10 * 1000)

struct address_book;

/* The back-off after so many failures in a row: doubles from least to most, give or take a quarter within these two. */
int64_t address_book_backoff_us(int64_t least_us, int64_t most_us, unsigned failures, struct rng *rng);

/* Copies the bootstraps and the times of back-off. NULL if there is no memory. */
struct address_book *address_book_new(const struct settings *settings, uint64_t seed, int64_t now_us);
void address_book_free(struct address_book *book);

/* Where this node itself listens: never dialled, and never forgotten. */
void address_book_add_own(struct address_book *book, const struct address *address);
/* Where it has met itself: not dialled again. Beside bootstraps the last ADDRESS_BOOK_SELVES are remembered. */
void address_book_add_self(struct address_book *book, const struct address *address);
bool address_book_is_self(struct address_book *book, const struct address *address);

/*
 * Somebody at the host of source says that nodes listen there (a nodeid may be nodeid_none). How many of them are new
 * candidates.
 */
size_t address_book_hear(struct address_book *book, const struct message_entry *entries, size_t count,
			 const struct address *source, int64_t now_us);
/* The node that is connected from this host says so itself. */
void address_book_announced(struct address_book *book, const struct address *address, const struct nodeid *nodeid,
			    int64_t now_us);
/* Queues a feeler: does this node answer at this address? Dropped where too many wait. */
void address_book_prove(struct address_book *book, const struct address *address, const struct nodeid *nodeid);

/*
 * Takes the next dial out, if one is due; dial->host is then the caller's to free. Else *next_us is when the next one
 * will be due, FOREVER_US for never. With only_feelers, nothing else is taken.
 */
bool address_book_pick(struct address_book *book, bool only_feelers, int64_t now_us, struct peer_dial *dial,
		       int64_t *next_us);

/* The dial goes on, and this is the node that it leads to. */
void address_book_found(struct address_book *book, const struct peer_dial *dial, const struct nodeid *nodeid);
/* The dial led to this node. */
void address_book_reached(struct address_book *book, const struct peer_dial *dial, const struct nodeid *nodeid);
/* How many failures in a row that makes; 0 where it is none, since the node is connected another way. */
unsigned address_book_failed(struct address_book *book, const struct peer_dial *dial, int64_t now_us);
/* The dial is over without a verdict, or was a feeler. */
void address_book_let_go(struct address_book *book, const struct peer_dial *dial, int64_t now_us);
/* What the name of this dial stands for. */
void address_book_resolved(struct address_book *book, const struct peer_dial *dial, const struct address *addresses,
			   size_t count, int64_t now_us);

/* A connection with this node is READY, or is over; each of the first is followed by one of the second. */
void address_book_connected(struct address_book *book, const struct nodeid *nodeid);
/*
 * was_steady: it lasted long enough that earlier failures don't count any more. True if the node may now be dialled, at
 * some time.
 */
bool address_book_disconnected(struct address_book *book, const struct nodeid *nodeid, bool was_steady, int64_t now_us);
bool address_book_is_connected(struct address_book *book, const struct nodeid *nodeid);

size_t address_book_count(struct address_book *book);

#endif
