/* What kithd prints on SIGUSR1, for people and awk: a header, the table of peers and the table of addresses. kithd(8)
 * describes the form. Pure: from values to text. */
#ifndef KITH_LISTING_H
#define KITH_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "book/address_book.h"
#include "link/peer.h"
#include "wire/nodeid.h"

struct listing_header {
	struct nodeid nodeid;
	const char *name;
	const char *network;
	int64_t uptime_us;
	size_t known; /* addresses in the address book */
};

/* At most this many addresses are shown. */
enum { LISTING_ADDRESSES = 50 };

/*
 * Leaves out the peers that are closing, and sorts the others in place. The addresses keep the order in which they are
 * given. Appends to out; false if there is no memory.
 */
bool listing_render(const struct listing_header *header, struct peer_info *peers, size_t peer_count,
		    const struct address_info *addresses, size_t address_count, int64_t now_us, struct buffer *out);

#endif
