/* The two tables, of peers and of addresses, as people and awk read them. Pure: from values to text; its form stands in
 * kithd(8). */
#ifndef KITH_TABLE_H
#define KITH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "book/address_book.h"
#include "link/peer.h"
#include "wire/nodeid.h"

struct table_header {
	struct nodeid nodeid;
	const char *name;
	const char *network;
	int64_t uptime_us;
	size_t known; /* addresses in the address book */
};

/* The addresses that are shown, at most. */
enum { TABLE_ADDRESSES = 50 };

/*
 * Leaves out the peers that are closing, and sorts the others in place; the addresses stand in the order in which they
 * are given. Appends to out; false if there is no memory.
 */
bool table_render(const struct table_header *header, struct peer_info *peers, size_t peer_count,
		  const struct address_info *addresses, size_t address_count, int64_t now_us, struct buffer *out);

#endif
