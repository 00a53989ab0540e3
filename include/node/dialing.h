/* Whom to dial next. It only decides; the connector dials. */
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

#endif
