#include "base/keyed_hash.h"

#include <sodium/crypto_shorthash.h>

#include "base/rng.h"

_Static_assert(HASH_KEY_BYTES == crypto_shorthash_KEYBYTES, "the key of SipHash");
_Static_assert(sizeof(uint64_t) == crypto_shorthash_BYTES, "the hash of SipHash");

bool hash_key_draw(struct hash_key *key)
{
	return rng_draw(key->bytes, sizeof key->bytes);
}

uint64_t keyed_hash(const struct hash_key *key, const void *bytes, size_t length)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash = 0;
	crypto_shorthash(out, bytes, length, key->bytes);
	/* The same number on every machine: nodes compare sums of hashes. */
	for (size_t i = sizeof out; i-- > 0;)
		hash = hash << 8 | out[i];
	return hash;
}
