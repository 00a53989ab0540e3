/* What this machine's own addresses and routes say. Asks the kernel, sends nothing, and doesn't wait. Any thread. */
#ifndef KITH_ROUTE_H
#define KITH_ROUTE_H

#include <stddef.h>

#include "wire/address.h"

/*
 * Where to dial a target from, so that the far end sees an address at which this node listens: one of the listening
 * addresses, or an unknown address to leave it to the kernel.
 *
 * For a loopback target it is the first loopback address of the target's family. Else the kernel says from which
 * address it would send: that one if the node listens there; else the first listening address of the same interface, as
 * where a machine has several addresses in one network. A node that listens on all addresses of the family leaves the
 * choice to the kernel, as does one that listens nowhere that the target could be reached from.
 */
struct address route_source(const struct address *listen, size_t listen_count, const struct address *target);

#endif
