/* Whom to dial next, and from where. Decides from what it is handed; dials nothing itself. */
#ifndef KITH_DIALING_H
#define KITH_DIALING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "book/address_book.h"
#include "link/dial.h"
#include "members/registry.h"
#include "settings/settings.h"

/*
 * Takes the next dial out of the book if one is due and the limits allow it: max_dialing dials under way, max_outbound
 * peers that were dialled; once there are so many, feelers alone.
 */
struct next_dial dialing_next(const struct settings *settings, struct registry *registry, struct address_book *book,
			      int64_t now_us);

/*
 * Where to dial from: the first specific listening address of the target's family that is loopback if and only if the
 * target is. An unknown address leaves it to the kernel.
 */
struct address dialing_source(const struct address *listen, size_t listen_count, const struct address *target);

#endif
