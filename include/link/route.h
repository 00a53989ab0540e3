/* What this machine's own addresses and routes say. Asks the kernel, sends nothing, and doesn't wait. Any thread. */
#ifndef KITH_ROUTE_H
#define KITH_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/address.h"

/*
 * Where to dial a target from, so that the far end sees an address at which this node listens: one of the listening
 * addresses, or an unknown address to leave it to the kernel.
 *
 * For a loopback target it is the first loopback address of the target's family. Else the kernel says from which
 * address it would send: that one if the node listens there; else the first listening address of the same interface
 * and subnet, as where a machine has several addresses in one network. A node that listens on all addresses of the
 * family leaves the choice to the kernel, as does one that listens nowhere that the target could be reached from.
 */
struct address route_source(const struct address *listen, size_t listen_count, const struct address *target);

/* Is this host no longer one of this machine's? False in doubt. */
bool route_host_is_gone(const struct address *address);

/*
 * A number that changes with the interfaces, the addresses and the default routes of this machine, and not when the
 * kernel merely says again what they are.
 */
uint64_t route_fingerprint(void);

#endif
