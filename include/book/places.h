/*
 * Places: how the outbound connections of this node, and the dials that may become some, are spread over the hosts and
 * networks of the Internet. Whoever listens on many ports of one host has many addresses, but only one machine: a host
 * should have one place, and a network (address_network) a quarter of them. Loopback and private hosts are not counted.
 *
 * The life of a record: it begins with the first place of its host or network, and ends with the last. Not thread-safe:
 * the book guards it.
 */
#ifndef KITH_PLACES_H
#define KITH_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/address.h"

enum { PLACES_NETWORK_SHARE = 4 };

struct place;

struct places {
	struct place *records;
	size_t surplus_hosts;	 /* places of hosts beyond the first of each */
	size_t surplus_networks; /* those of networks beyond their share, which is this now: */
	size_t network_share;
};

void places_init(struct places *places);
void places_fini(struct places *places);

/* A dial to this address has begun. Without memory it is not counted. */
void places_take(struct places *places, const struct address *address);
/* It has failed, or its connection is over. */
void places_give_back(struct places *places, const struct address *address);
/* Another place would be more than the share of its host, or of its network, of `most` places in all. */
bool places_is_crowded(const struct places *places, const struct address *address, size_t most);
/* Its host or network has more than its share. */
bool places_is_surplus(const struct places *places, const struct address *address, size_t most);
/* Some host or network has more than its share. */
bool places_has_surplus(struct places *places, size_t most);

#endif
