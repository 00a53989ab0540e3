/*
 * An address book with settings of its own, as the tests of the book/ folder drive it: they hand in what peers say,
 * take dials out, end them, and move the time.
 */
#ifndef KITH_BOOK_FIXTURE_H
#define KITH_BOOK_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sync.h"
#include "book/address_book.h"
#include "settings/settings.h"
#include "unit/core.h"

/* When each book begins. */
#define START_US (1000 * SECOND_US)

#define HOUR_US (3600 * SECOND_US)

/* max_addresses of a book with one bucket for each of the two kinds. */
enum { SMALL = 2 * ADDRESS_BUCKET_ENTRIES };

/* A book with settings of its own, at a moment that tests move. */
struct fixture {
	struct settings settings;
	struct address_book *book;
	int64_t now_us;
	uint8_t connections[8192]; /* of the node with this number */
};

/* most: max_addresses */
void fixture_init_bounded(struct fixture *fixture, const char *bootstraps, int64_t most);
void fixture_init(struct fixture *fixture, const char *bootstraps);

/* The configuration names other ones now. */
void set_bootstraps(struct fixture *fixture, const char *bootstraps);
void fixture_fini(struct fixture *fixture);
bool hear_from(struct fixture *fixture, const char *text, unsigned number, const char *source);
bool hear(struct fixture *fixture, const char *text, unsigned number);
/* The node was found at this address: just now by a feeler, if it is connected, else in an earlier run. */
void find_node_at(struct fixture *fixture, const char *text, unsigned number);
/* The node, which connects if it is not connected yet, says that it listens there. */
bool claim(struct fixture *fixture, const char *text, unsigned number);
/* The node dials this one from that host, or from 10.8.8.8. */
void connect_node_from(struct fixture *fixture, unsigned number, const char *host);
void connect_node(struct fixture *fixture, unsigned number);
/* The last of its connections ends. */
void disconnect_node(struct fixture *fixture, unsigned number, bool was_steady);
/* The same for no fault of the node; true if it may be dialled at some time. */
bool let_node_go(struct fixture *fixture, unsigned number);
/* The dial, or feeler, has led to the node. */
void reach(struct fixture *fixture, const struct dial *dial, unsigned number);

/* What is dialled now: an address, a name with its port, "feeler ADDRESS", or "-". */
const char *pick(struct fixture *fixture, struct dial *dial, int64_t *next_us);

#define EXPECT_PICK(fixture, expected) expect_text(__FILE__, __LINE__, pick(fixture, &dial, &next_us), expected)

/* The same where no more peers are wanted. */
const char *pick_where_peers_are_enough(struct fixture *fixture, struct dial *dial, int64_t *next_us);
#define EXPECT_PICK_FEELER(fixture, expected)                                                                          \
	expect_text(__FILE__, __LINE__, pick_where_peers_are_enough(fixture, &dial, &next_us), expected)

enum { MOST_PICKS = 64 };

/* Everything that is dialled now, in the order of the texts: which of several is taken first is left to chance. */
const char *pick_all(struct fixture *fixture, struct dial dials[static MOST_PICKS], int64_t *next_us);

#define EXPECT_PICKS(fixture, expected) expect_text(__FILE__, __LINE__, pick_all(fixture, dials, &next_us), expected)

/* What the book knows of an address; false if it isn't there. */
bool find(struct fixture *fixture, const char *text, struct address_info *info);

/* "new", "tried", or "-" where it isn't in the book. */
const char *kind_of(struct fixture *fixture, const char *text);

/* Lets what is due fail once; returns how long the next try is away. */
int64_t fail_once(struct fixture *fixture, const char *expected);

/* Is this a wait after so many failures in a row, with the default settings? */
bool is_back_off(int64_t wait_us, unsigned failures);

/* Of the hearsay that is told now, this many are dialled before the dials end. */
size_t count_dials_to_hearsay(struct fixture *fixture);

#define DAY_US (24 * HOUR_US)

/* The wall clock at the start. */
#define UNIX_US (1764000000 * SECOND_US)

/* What an earlier run kept of an address that was heard of, and reached, so long ago (0: never). */
struct address_record record_of(const char *text, enum address_kind kind, unsigned failures, int64_t heard_ago_us,
				int64_t reached_ago_us);
struct address_book_import import(struct fixture *fixture, struct address_record *records, size_t count);

#endif
