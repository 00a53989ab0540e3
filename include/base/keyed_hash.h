/*
 * SipHash-2-4: hashes that are unpredictable without the key, for choices that senders of addresses must not be able to
 * steer. A plain value.
 */
#ifndef KITH_KEYED_HASH_H
#define KITH_KEYED_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HASH_KEY_BYTES = 16 };

struct hash_key {
	unsigned char bytes[HASH_KEY_BYTES];
};

/* A key that nobody else knows. False with errno if the kernel has no random numbers. */
bool hash_key_draw(struct hash_key *key);
uint64_t keyed_hash(const struct hash_key *key, const void *bytes, size_t length);

#endif
