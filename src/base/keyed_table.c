#include "base/keyed_table.h"

#include "base/keyed_hash.h"

static struct hash_key process_key;

bool keyed_table_draw_key(void)
{
	return hash_key_draw(&process_key);
}

uint64_t keyed_table_hash(const void *key, size_t length)
{
	return keyed_hash(&process_key, key, length);
}
