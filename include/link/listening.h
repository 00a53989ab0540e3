/*
 * Where this node listens: the addresses as bound, so without a port 0. One thread at a time adds; what is there stays
 * where it is, so any thread may read the first listening_count of them.
 */
#ifndef KITH_LISTENING_H
#define KITH_LISTENING_H

#include <stdatomic.h>
#include <stddef.h>

#include "wire/address.h"

struct listening {
	struct address *addresses; /* its owner's: room for all that may be added */
	atomic_size_t count;
};

void listening_add(struct listening *listening, const struct address *address);
size_t listening_count(const struct listening *listening);

#endif
