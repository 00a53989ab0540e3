/*
 * The addresses that a peer knows of, as hashes: what it has been told and what it has told. A ring that grows to
 * KNOWN_ADDRESSES, and then forgets the oldest. All zero is an empty one. The caller locks.
 */
#ifndef KITH_KNOWN_ADDRESSES_H
#define KITH_KNOWN_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/address.h"

enum { KNOWN_ADDRESSES = 1024 };

struct known_addresses {
	uint64_t *hashes;
	size_t count, capacity;
	size_t next; /* where the next one goes */
};

void known_addresses_fini(struct known_addresses *known);
bool known_addresses_have(const struct known_addresses *known, const struct address *address);
void known_addresses_note(struct known_addresses *known, const struct address *address);

#endif
