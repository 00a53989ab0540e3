/* The peer table as people and awk read it. Pure: from values to text; its form stands in kithd(8). */
#ifndef KITH_TABLE_H
#define KITH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "nodeid.h"
#include "peer.h"

struct table_header {
	struct nodeid nodeid;
	const char *name;
	const char *network;
	int64_t uptime_us;
	size_t known; /* addresses in the address book */
};

/* Leaves out the peers that are closing, and sorts the others in place. Appends to out; false if there is no memory. */
bool table_render(const struct table_header *header, struct peer_info *peers, size_t count, int64_t now_us,
		  struct buffer *out);

#endif
