#include "base/keyed_table.h"

#include "base/keyed_hash.h"

static struct hash_key process_key;

void keyed_table_draw_key(void)
{
	process_key = hash_key_random();
}

unsigned keyed_table_hash(const void *key, size_t length)
{
	return (unsigned)keyed_hash(&process_key, key, length);
}
