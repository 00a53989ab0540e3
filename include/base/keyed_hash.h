/*
 * Hashes that nobody can foresee who doesn't have the key (SipHash-2-4): where a node's choices must not be in the
 * hands of those who send it addresses. A plain value.
 */
#ifndef KITH_KEYED_HASH_H
#define KITH_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { HASH_KEY_BYTES = 16 };

struct hash_key {
	unsigned char bytes[HASH_KEY_BYTES];
};

uint64_t keyed_hash(const struct hash_key *key, const void *bytes, size_t length);

#endif
