#include "base/keyed_hash.h"

#include <sodium/crypto_shorthash.h>
#include <string.h>

#include "base/rng.h"

_Static_assert(HASH_KEY_BYTES == crypto_shorthash_KEYBYTES, "the key of SipHash");
_Static_assert(sizeof(uint64_t) == crypto_shorthash_BYTES, "the hash of SipHash");

struct hash_key hash_key_random(void)
{
	uint64_t words[] = {rng_draw_seed(), rng_draw_seed()};
	struct hash_key key;
	_Static_assert(sizeof words == sizeof key, "two words make a key");
	memcpy(&key, words, sizeof key);
	return key;
}

uint64_t keyed_hash(const struct hash_key *key, const void *bytes, size_t length)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash;
	crypto_shorthash(out, bytes, length, key->bytes);
	memcpy(&hash, out, sizeof hash);
	return hash;
}
