/*
 * What is kept of an address over restarts, to and from JSON. Plain values and pure functions. All times are seconds of
 * Unix time, since a monotonic clock begins anew with each boot. Only their distance from "saved" counts: the wall
 *clock may be wrong when they are written or read.
 *
 * The text is one JSON object with a line for each address, so that what is whole in a damaged file can be told from
 * what isn't. Keys without a value are left out:
 *
 *	{"format":"kith addresses","version":1,"saved":1764000000,
 *	"secret":"32 hexadecimal digits",
 *	"addresses":[
 *	{"address":"10.0.0.7:5999","kind":"tried","nodeid":"...","heard":1764000000,"failures":1,"told_by":"10.0.0.9"},
 *	{"address":"[2001:db8::7]:5999","kind":"new","heard":1764000000,"error":"connection refused","error_at":...}
 *	]}
 */
#ifndef KITH_ADDRESS_RECORD_H
#define KITH_ADDRESS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/keyed_hash.h"
#include "wire/address.h"
#include "wire/nodeid.h"

enum {
	ADDRESS_ERROR_BYTES = 96,   /* of the text that says why it failed last, and its NUL */
	ADDRESS_FAILURES = 1000000, /* higher counts are kept as this one */
};

/* The latest time that is kept or believed: some 35,000 years from now. */
#define ADDRESS_LATEST_S ((int64_t)1 << 40)

/* As in Bitcoin Core's address manager. */
enum address_kind {
	ADDRESS_NEW,   /* hearsay, or claimed by its node */
	ADDRESS_TRIED, /* reached by a dial or feeler of our own */
};

struct address_record {
	struct address address;
	struct nodeid nodeid;  /* the node that it led to, or is said to lead to; may be none */
	struct address teller; /* the host that told of it, port 0; unknown where it was not hearsay */
	enum address_kind kind;
	bool is_anchor;			 /* one of the peers that had been connected longest */
	int64_t heard_s;		 /* NEW: last told of; TRIED: its node was last heard from */
	int64_t tried_s;		 /* last dialled; 0 for never, as in the next two */
	int64_t reached_s;		 /* last reached by a dial or feeler of our own */
	int64_t error_s;		 /* when the last error was */
	unsigned failures;		 /* in a row */
	char error[ADDRESS_ERROR_BYTES]; /* the last error in words; "" for none since it was last reached */
};

/* An address book at one moment; the records are owned. */
struct address_records {
	struct hash_key secret; /* keys the choices of the book */
	bool has_secret;
	int64_t saved_s; /* when that was */
	struct address_record *records;
	size_t count;
	size_t left_out; /* more good ones were read than were asked for */
};

enum address_records_health {
	ADDRESS_RECORDS_GOOD,
	ADDRESS_RECORDS_DAMAGED, /* something in it is not as it should be; the rest was read */
	ADDRESS_RECORDS_FOREIGN, /* nothing in it could be read */
};

/* The records are then as new. */
void address_records_fini(struct address_records *records);

/* Appends the text. False if there is no memory. */
bool address_records_write(const struct address_records *records, struct buffer *out);

/*
 * Reads a text that may be anything: the first most addresses of it, each once. They are fit to be dialled, and all
 * that is said of them is in its range. A text that doesn't say when it was saved has the time of its latest record.
 * What can't be used of a newer version is left out without being a damage.
 * Memory that runs out is one.
 */
enum address_records_health address_records_read(const char *text, size_t length, size_t most,
						 struct address_records *records);

#endif
