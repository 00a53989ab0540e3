/*
 * Counts of inbound connections by where they come from: one tally for each host, group or network that has any. Who
 * holds the registry's lock may call.
 */
#ifndef KITH_TALLY_PRIV_H
#define KITH_TALLY_PRIV_H

#include <stddef.h>

#include "base/keyed_table.h"
#include "wire/address.h"

/* How many inbound connections there are of one host, group or network. */
struct tally {
	struct address of; /* address_host, address_subnet or address_network */
	size_t connections;
	size_t handshakes; /* of a host */
	size_t ready;	   /* of a network */
	UT_hash_handle hh;
};

struct tally *tally_find(struct tally *tallies, struct address of);
/* Counts a connection; the tally is made if it is the first. NULL if there is no memory. */
struct tally *tally_join(struct tally **tallies, struct address of);
/* Takes a connection out of the count; the last one takes the tally with it. A tally may be NULL. */
void tally_quit(struct tally **tallies, struct tally *tally);

#endif
