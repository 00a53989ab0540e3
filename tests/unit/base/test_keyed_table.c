#include "base/keyed_table.h"

#include "runner.h"
#include "unit/suites.h"

enum { HOSTILE_KEYS = 1000, HOSTILE_BUCKETS = 4096 };

struct element {
	uint32_t key;
	UT_hash_handle hh;
};

static struct element elements[HOSTILE_KEYS];

/* Keys that uthash's own hash puts into the first bucket, however much the table has grown. */
static void choose_hostile_keys(void)
{
	size_t found = 0;
	for (uint32_t key = 0; found < HOSTILE_KEYS; key++) {
		unsigned hash;
		HASH_JEN(&key, sizeof key, hash);
		if (hash % HOSTILE_BUCKETS == 0)
			elements[found++].key = key;
	}
}

static struct element *fill(void)
{
	struct element *table = NULL;
	for (size_t i = 0; i < HOSTILE_KEYS; i++)
		HASH_ADD(hh, table, key, sizeof elements[i].key, &elements[i]);
	return table;
}

static void hostile_keys_are_spread(void)
{
	choose_hostile_keys();
	struct element *table = fill();
	const UT_hash_table *inner = table->hh.tbl;
	unsigned longest = 0;
	for (unsigned i = 0; i < inner->num_buckets; i++)
		longest = inner->buckets[i].count > longest ? inner->buckets[i].count : longest;
	EXPECT(longest <= 20, "%u of %u keys are in one of %u buckets", longest, HOSTILE_KEYS, inner->num_buckets);
	for (size_t i = 0; i < HOSTILE_KEYS; i++) {
		struct element *found;
		HASH_FIND(hh, table, &elements[i].key, sizeof elements[i].key, found);
		EXPECT(found == &elements[i], "key %zu", i);
	}
	HASH_CLEAR(hh, table);
}

static void each_process_has_its_own_hashes(void)
{
	uint64_t first = keyed_table_hash("kith", 4);
	CU_ASSERT(keyed_table_draw_key());
	uint64_t second = keyed_table_hash("kith", 4);
	CU_ASSERT(keyed_table_draw_key());
	/* By chance two of them are equal once in four thousand million times. */
	CU_ASSERT(first != second || second != keyed_table_hash("kith", 4));
}

static void the_order_is_that_of_adding(void)
{
	for (int round = 0; round < 3; round++) {
		size_t next = 0;
		CU_ASSERT(keyed_table_draw_key());
		struct element *table = fill();
		for (const struct element *at = table; at != NULL; at = at->hh.next, next++)
			EXPECT(at == &elements[next], "round %d, element %zu", round, next);
		HASH_CLEAR(hh, table);
	}
}

static CU_TestInfo tests[] = {
	{"hostile keys are spread", hostile_keys_are_spread},
	{"each process has its own hashes", each_process_has_its_own_hashes},
	{"the order is that of adding", the_order_is_that_of_adding},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_keyed_table = {.pName = "keyed_table", .pTests = tests};
