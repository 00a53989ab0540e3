/*
 * What the parts of the address book share: address_book (life cycle, what peers tell), address_book_entries,
 * address_book_nodes (who is connected), address_book_claims (where peers say that they listen), address_book_names
 * (bootstraps), address_book_proofs (feelers that test something), address_book_choice (which address is next),
 * address_book_dials, address_book_records (over restarts) and address_book_view. What only they may call begins with
 * book_. Only address_book.h is for other folders.
 */
#ifndef KITH_ADDRESS_BOOK_PRIV_H
#define KITH_ADDRESS_BOOK_PRIV_H

#include "book/address_book.h"

#include "base/keyed_table.h"
#include "base/sync.h"
#include "book/places.h"
#include "book/targets.h"

/* Never defined: it stands for the mutex of the book in clang's analysis (sync.h). */
extern struct mutex address_book_guard;

/* A node that is connected, or being dialled. Exists while one of these isn't 0. */
struct node {
	struct nodeid nodeid;
	struct connection *connections; /* whose far ends say that they are this node */
	unsigned dials;			/* to addresses of this nodeid */
	UT_hash_handle hh;
};

/* A connection that is READY. Its far end chooses the nodeid, but not the key by which the connection is told. */
struct connection {
	const void *key;
	struct node *node;
	struct connection *next;       /* of this node */
	struct address_entry *entries; /* that led to its node */
	struct claim *claim;	       /* NULL for none */
	struct address host;	       /* that the far end talks from; port 0 */
	int64_t since_us;
	bool is_dialled; /* by this node */
	UT_hash_handle hh;
};

/* A peer says that it listens there, and a feeler is to find out. Waits, then is due, then is being proven. */
struct claim {
	struct connection *connection; /* NULL once that is over, or claims another address */
	struct address address;
	struct nodeid nodeid;
	struct address host;	   /* of the claimant */
	unsigned failures;	   /* in a row */
	struct heap_item due;	   /* while it waits */
	struct claim *prev, *next; /* of those that are due, or of those that are being proven */
	bool is_proving;
	bool is_bounded; /* the claimant is at another host: its dial counts for its target (targets.h) */
};

/* A network in which nodes are connected, or being dialled. */
struct group {
	uint64_t id;
	unsigned count; /* of their entries */
	UT_hash_handle hh;
};

/* A bootstrap that is a name. */
struct name {
	struct bootstrap bootstrap;
	bool is_dialing;
	unsigned failures;
	int64_t due_us;
	struct address addresses[ADDRESS_BOOK_NAME_ADDRESSES]; /* of the last look-up */
	size_t address_count;
	char error[ADDRESS_ERROR_BYTES]; /* of the last look-up; "" for none */
};

/* A feeler that waits, or is under way: does this node still answer there? */
struct proof {
	struct address address;
	struct nodeid nodeid;
	struct address rival; /* takes its place among the tried if it doesn't answer */
	bool is_dialing;
};

/* What a dial that is over was about. */
struct ended {
	struct address_entry *entry; /* whose state depends on it; NULL for none */
	struct address rival;	     /* waits for the place of the address; or unknown */
	struct claim *claim;	     /* that was being proven; NULL for none */
};

/* What feelers are for, where those for one thing must not keep those for another from going out. */
enum feeler_purpose {
	FEELER_PROOF,
	FEELER_LOST,
	FEELER_HEARSAY,
	FEELER_PURPOSES,
};

struct address_book {
	/* Immutable. */
	const struct settings *settings; /* what it holds may change */
	struct hash_key secret;
	/* Guarded. */
	struct mutex mutex;
	struct address_table table GUARDED_BY(address_book_guard);
	struct targets targets GUARDED_BY(address_book_guard);
	struct places places GUARDED_BY(address_book_guard);
	struct node *nodes GUARDED_BY(address_book_guard);
	struct connection *connections GUARDED_BY(address_book_guard);
	struct heap waiting_claims GUARDED_BY(address_book_guard);
	struct claim *due_claims GUARDED_BY(address_book_guard);
	struct claim *claims_under_way GUARDED_BY(address_book_guard);
	struct group *groups GUARDED_BY(address_book_guard);
	struct name *names GUARDED_BY(address_book_guard);
	size_t name_count GUARDED_BY(address_book_guard);
	struct proof proofs[ADDRESS_BOOK_PROOFS] GUARDED_BY(address_book_guard);
	size_t proof_count GUARDED_BY(address_book_guard);
	struct address selves[ADDRESS_BOOK_SELVES] GUARDED_BY(address_book_guard);
	size_t self_count GUARDED_BY(address_book_guard); /* ever added; a ring */
	struct address *own GUARDED_BY(address_book_guard);
	size_t own_count GUARDED_BY(address_book_guard);
	struct address advertised GUARDED_BY(address_book_guard);
	size_t feelers[FEELER_PURPOSES] GUARDED_BY(address_book_guard); /* dials under way */
	size_t hearsay GUARDED_BY(address_book_guard);			/* the same, without feelers */
	size_t turn GUARDED_BY(address_book_guard);	       /* of what dials are for: what comes first next time */
	bool has_more GUARDED_BY(address_book_guard);	       /* a choice has left out something that is due */
	int64_t next_again_us GUARDED_BY(address_book_guard);  /* of what has failed */
	int64_t next_later_us GUARDED_BY(address_book_guard);  /* of LANE_LATER */
	int64_t next_feeler_us GUARDED_BY(address_book_guard); /* of hearsay */
	int64_t next_spread_us GUARDED_BY(address_book_guard); /* of those that look for other hosts */
	bool minds_places GUARDED_BY(address_book_guard);      /* what is chosen takes an outbound place */
	uint64_t changes GUARDED_BY(address_book_guard);
	int64_t proven GUARDED_BY(address_book_guard); /* of hearsay by feelers, as far as that got a place */
	struct rng rng GUARDED_BY(address_book_guard);
};

/* ---- times, and addresses of this node (address_book.c) ---- */

void book_enter(struct address_book *book) ACQUIRES(address_book_guard);
void book_leave(struct address_book *book) RELEASES(address_book_guard);
/* No dial before then. */
struct next_dial book_not_before(int64_t next_us);
/* Plus or minus a quarter, in steps of a millisecond, so that the span of any setting fits the generator. */
int64_t book_jitter_us(int64_t middle_us, int64_t least_us, int64_t most_us, struct rng *rng);
int64_t book_after_failure_us(struct address_book *book, unsigned failures, int64_t now_us)
	REQUIRES(address_book_guard);
bool book_is_within(int64_t then_us, int64_t span_us, int64_t now_us);
bool book_is_self(struct address_book *book, const struct address *address) REQUIRES(address_book_guard);
/* The same where the entry of the address, or that it has none (NULL), is known. */
bool book_leads_back(struct address_book *book, const struct address *address, const struct address_entry *entry)
	REQUIRES(address_book_guard);

/* ---- entries (address_book_entries.c) ---- */

bool book_is_hearsay(const struct address_entry *entry);
/* The counts of dials under way are kept by nodeid: they follow an entry that changes meanwhile. */
void book_set_nodeid(struct address_book *book, struct address_entry *entry, const struct nodeid *nodeid)
	REQUIRES(address_book_guard);
void book_set_error(struct address_book *book, struct address_entry *entry, const char *error, int64_t now_us)
	REQUIRES(address_book_guard);
void book_forget(struct address_book *book, struct address_entry *entry, int64_t now_us) REQUIRES(address_book_guard);
/* A dial to it is under way, or a connection holds it. */
bool book_is_busy(struct address_book *book, const struct address_entry *entry) REQUIRES(address_book_guard);
bool book_is_kept(const struct address_entry *entry);
/* Only the word of others leads there: neither a dial of this node, nor the host itself, nor the operator. */
bool book_is_unproven(const struct address_entry *entry);
bool book_may_go(void *context, const struct address_entry *entry);
/* Too old, if it is hearsay. */
bool book_is_unheard(const struct address_entry *entry, int64_t now_us);
/* It is no longer worth a dial. */
bool book_is_hopeless(const struct address_entry *entry, int64_t now_us);
/*
 * The entry was found to be true, and moves to the tried. If its bucket is full it stays hearsay, and a feeler tests
 * the entry that it could displace, unless that one was heard from within ADDRESS_BOOK_SURE_US.
 */
void book_make_tried(struct address_book *book, struct address_entry *entry, int64_t now_us)
	REQUIRES(address_book_guard);
/* A new entry. NULL if there is no memory. */
struct address_entry *book_add(struct address_book *book, const struct address *address, int64_t now_us)
	REQUIRES(address_book_guard);
/* The same for one that was found to be true. NULL also if there is no place for it. */
struct address_entry *book_add_found(struct address_book *book, const struct address *address, int64_t now_us)
	REQUIRES(address_book_guard);
/* The same for what the host of the teller says. */
struct address_entry *book_add_heard(struct address_book *book, const struct message_entry *heard,
				     const struct address *teller, int64_t now_us) REQUIRES(address_book_guard);

/* ---- nodes and connections (address_book_nodes.c) ---- */

struct node *book_find_node(struct address_book *book, const struct nodeid *nodeid) REQUIRES(address_book_guard);
struct connection *book_find_connection(struct address_book *book, const void *key) REQUIRES(address_book_guard);
/* One whose far end says that it is this node; NULL for none. */
struct connection *book_find_connection_of(struct address_book *book, const struct nodeid *nodeid)
	REQUIRES(address_book_guard);
/* Counts dials under way up or down. Without memory one isn't counted, and another may go to the same node. */
void book_count_dials(struct address_book *book, const struct nodeid *nodeid, int change) REQUIRES(address_book_guard);
struct group *book_find_group(struct address_book *book, const struct address *address) REQUIRES(address_book_guard);
/* Without memory a group isn't counted, and isn't avoided. */
void book_count_group(struct address_book *book, const struct address *address, int change)
	REQUIRES(address_book_guard);
/* The connection leads to this very address: the entry isn't due until it ends, or another one holds the entry. */
void book_hold(struct address_book *book, struct address_entry *entry, struct connection *connection, int64_t now_us)
	REQUIRES(address_book_guard);
/*
 * A dial to the entry has led to a node that is connected already, by this connection: it is dialled again after
 * retry_max, each time it does so later, up to ADDRESS_BOOK_DOUBLE_US; and soon, once the connection is over.
 */
void book_join(struct address_book *book, struct address_entry *entry, struct connection *connection, int64_t now_us)
	REQUIRES(address_book_guard);
/* It no longer belongs to a connection. */
void book_part(struct address_book *book, struct address_entry *entry, int64_t now_us) REQUIRES(address_book_guard);

/* ---- claims (address_book_claims.c) ---- */

/* The one that is being proven at this address; NULL for none. */
struct claim *book_find_claim(struct address_book *book, const struct address *address) REQUIRES(address_book_guard);
/* The next feeler for one. If none is due, next_us is when one may be. */
struct next_dial book_pick_claim(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard);
/*
 * Its feeler has found this node, or none: the connection whose claim is true by that, or NULL. What was not found is
 * looked for again, ever more rarely, while the connection lasts.
 */
struct connection *book_settle_claim(struct address_book *book, struct claim *claim, const struct nodeid *found,
				     int64_t now_us) REQUIRES(address_book_guard);
/* Its connection is over, or claims another address. */
void book_drop_claim(struct address_book *book, struct connection *connection) REQUIRES(address_book_guard);

/* ---- proofs (address_book_proofs.c) ---- */

struct proof *book_find_proof(struct address_book *book, const struct address *address) REQUIRES(address_book_guard);
/*
 * The tested address doesn't answer. If another still waits for its place, that one gets it, and the tested one becomes
 * hearsay again, or is removed.
 */
void book_give_place(struct address_book *book, const struct address *from, const struct address *to, int64_t now_us)
	REQUIRES(address_book_guard);
/*
 * Feelers may use a quarter of max_dialing; feelers and dials to hearsay together, three quarters. Of that quarter
 * proofs and hearsay may have half each, and what is lost all but one.
 */
bool book_may_feel(struct address_book *book, enum feeler_purpose purpose) REQUIRES(address_book_guard);
size_t book_count_feelers(struct address_book *book) REQUIRES(address_book_guard);
/* The next feeler that proves something, or when one may be due: FOREVER_US if other feelers have to end first. */
struct next_dial book_pick_proof(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard);
/* The proof is over. The entry is NULL also if another dial to it is under way. */
struct ended book_take_back_proof(struct address_book *book, const struct dial *dial) REQUIRES(address_book_guard);

/* ---- bootstraps (address_book_names.c) ---- */

/* Some address that the name stood for is connected or being dialled. */
bool book_is_satisfied(struct address_book *book, const struct name *name) REQUIRES(address_book_guard);
struct next_dial book_pick_name(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard);
/* A look-up is over and needs another try; error may be NULL. How many failures in a row that makes. */
unsigned book_retry_name(struct address_book *book, const struct dial *dial, const char *error, bool has_failed,
			 int64_t now_us) REQUIRES(address_book_guard);

/* Every name that waits is due at once. */
void book_hurry_names(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard);

/* ---- which address is next (address_book_choice.c) ---- */

bool book_may_dial_hearsay(struct address_book *book) REQUIRES(address_book_guard);
/* Its host or network has its share of the outbound places. */
bool book_is_crowded(struct address_book *book, const struct address_entry *entry) REQUIRES(address_book_guard);
/* Of those that were set aside for that a few are looked at again, each time that a dial is chosen. */
void book_look_at_crowd(struct address_book *book) REQUIRES(address_book_guard);
/*
 * One of a lane at random that may be dialled now; NULL if none is found. Of no lane more than some are looked at, and
 * what has to wait leaves its lane until then: book->has_more is set if something may have been left out.
 */
struct address_entry *book_choose(struct address_book *book, enum address_lane which, int64_t now_us)
	REQUIRES(address_book_guard);
/* Half of the time one of the first lane, where there is one. */
struct address_entry *book_choose_of_two(struct address_book *book, enum address_lane one, enum address_lane other,
					 int64_t now_us) REQUIRES(address_book_guard);
/* One of those that were put off, at most one in retry_min, however many others are due. */
struct address_entry *book_choose_later(struct address_book *book, int64_t now_us) REQUIRES(address_book_guard);

/* ---- dials (address_book_dials.c) ---- */

/* address_book_reached under the lock; connection: what the dial has become, or NULL for a feeler. */
enum address_book_place book_reached(struct address_book *book, const struct dial *dial, const struct nodeid *nodeid,
				     struct connection *connection, int64_t now_us) REQUIRES(address_book_guard);

#endif
