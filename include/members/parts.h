/*
 * What the protocol and the workers of a node share. All of it is borrowed, and outlives them; the settings' numbers
 * change at a reload, the rest is as it was at the start.
 */
#ifndef KITH_PARTS_H
#define KITH_PARTS_H

#include <stddef.h>

#include "book/address_book.h"
#include "members/access.h"
#include "members/registry.h"
#include "settings/settings.h"

struct parts {
	const struct settings *settings;
	const struct address *listen; /* as bound: no port 0 */
	size_t listen_count;
	struct registry *registry;
	struct address_book *book;
	struct access *access;
};

#endif
