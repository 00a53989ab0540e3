/*
 * Counts of inbound connections, and of hosts that broke the protocol, by where they come from: one tally for each
 * host, group or network that has any. The caller locks.
 */
#ifndef KITH_TALLY_PRIV_H
#define KITH_TALLY_PRIV_H

#include <stddef.h>

#include "base/keyed_table.h"
#include "wire/address.h"

/* The inbound connections, or the offenders, of one host, group or network. */
struct tally {
	struct address of; /* address_source, address_subnet or address_network */
	size_t connections;
	size_t handshakes; /* counted for hosts only */
	size_t strangers;  /* counted for hosts and groups */
	size_t ready;	   /* counted for networks only */
	UT_hash_handle hh;
};

struct tally *tally_find(struct tally *tallies, struct address of);
/* Adds a connection; makes the tally for the first one. NULL if there is no memory. */
struct tally *tally_join(struct tally **tallies, struct address of);
/* Removes a connection, and the tally with the last one. The tally may be NULL. */
void tally_quit(struct tally **tallies, struct tally *tally);

#endif
