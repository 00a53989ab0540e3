#include "link/known_addresses.h"

#include <stdlib.h>

#include "base/keyed_table.h"

/* Keyed: otherwise somebody could tell an address that looks as if the peer knew another one. */
static uint64_t hash_of(const struct address *address)
{
	return keyed_table_hash(address, sizeof *address);
}

void known_addresses_fini(struct known_addresses *known)
{
	free(known->hashes);
}

bool known_addresses_have(const struct known_addresses *known, const struct address *address)
{
	uint64_t hash = hash_of(address);
	for (size_t i = 0; i < known->count; i++)
		if (known->hashes[i] == hash)
			return true;
	return false;
}

/* Grows the ring of known addresses up to its full size; without memory it stays as it is, and forgets earlier. */
static void grow(struct known_addresses *known)
{
	enum { LEAST = 16 };
	size_t capacity = known->capacity == 0 ? LEAST : known->capacity * 2;
	uint64_t *grown = realloc(known->hashes, capacity * sizeof *grown);
	if (grown == NULL)
		return;
	known->hashes = grown;
	known->capacity = capacity;
	known->next = known->count;
}

void known_addresses_note(struct known_addresses *known, const struct address *address)
{
	if (known->count == known->capacity && known->capacity < KNOWN_ADDRESSES)
		grow(known);
	if (known->capacity == 0)
		return;
	if (known->next == known->capacity)
		known->next = 0;
	known->hashes[known->next++] = hash_of(address);
	if (known->count < known->capacity)
		known->count++;
}
