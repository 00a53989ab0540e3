#include "base/heap.h"

#include <stdlib.h>

#include "base/rng.h"
#include "runner.h"
#include "unit/suites.h"

enum { ITEMS = 200 };

static int compare_keys(const void *one, const void *other)
{
	const int64_t *a = one, *b = other;
	return (*a > *b) - (*a < *b);
}

/* Takes out all that is in there, and compares it with the keys, which get sorted. */
static bool comes_in_order(struct heap *heap, int64_t *keys, size_t count)
{
	bool is_right = heap->count == count;
	qsort(keys, count, sizeof *keys, compare_keys);
	for (size_t i = 0; i < count && is_right; i++) {
		struct heap_item *first = heap_first(heap);
		is_right = first != NULL && first->key == keys[i];
		if (is_right)
			heap_remove(heap, first);
	}
	return is_right && heap_first(heap) == NULL;
}

static void what_comes_out_first_has_the_least_key(void)
{
	static const struct {
		size_t count;
		int64_t keys[8];
	} cases[] = {
		{0, {0}},
		{1, {7}},
		{2, {2, 1}},
		{8, {1, 2, 3, 4, 5, 6, 7, 8}},
		{8, {8, 7, 6, 5, 4, 3, 2, 1}},
		{8, {3, 3, 1, 1, 2, 2, 3, 1}},
		{4, {INT64_MAX, INT64_MIN, 0, -1}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct heap heap = {0};
		struct heap_item items[8] = {{0}};
		int64_t keys[8] = {0};
		for (size_t j = 0; j < cases[i].count; j++)
			CU_ASSERT(heap_add(&heap, &items[j], keys[j] = cases[i].keys[j]));
		EXPECT(comes_in_order(&heap, keys, cases[i].count), "case %zu", i);
		heap_fini(&heap);
	}
}

static void any_item_can_be_taken_out_of_the_middle(void)
{
	static struct heap_item items[ITEMS];
	struct rng rng;
	rng_seed(&rng, 1);
	for (int turn = 0; turn < 100; turn++) {
		struct heap heap = {0};
		int64_t keys[ITEMS] = {0};
		size_t left = 0;
		for (size_t i = 0; i < ITEMS; i++) {
			items[i] = (struct heap_item){0};
			CU_ASSERT(heap_add(&heap, &items[i], rng_below(&rng, 50)));
		}
		for (size_t i = 0; i < ITEMS; i++)
			if (rng_below(&rng, 2) == 0)
				heap_remove(&heap, &items[i]);
		for (size_t i = 0; i < ITEMS; i++)
			if (items[i].place != 0)
				keys[left++] = items[i].key;
		EXPECT(left > 0 && left < ITEMS, "turn %d", turn);
		EXPECT(comes_in_order(&heap, keys, left), "turn %d", turn);
		heap_fini(&heap);
	}
}

static void an_item_that_is_in_no_heap_is_removed_from_none(void)
{
	struct heap heap = {0};
	struct heap_item one = {0}, other = {0};
	heap_remove(&heap, &one);
	CU_ASSERT_PTR_NULL(heap_first(&heap));
	CU_ASSERT(heap_add(&heap, &one, 1));
	heap_remove(&heap, &other);
	CU_ASSERT_PTR_EQUAL(heap_first(&heap), &one);
	heap_remove(&heap, &one);
	heap_remove(&heap, &one);
	CU_ASSERT_PTR_NULL(heap_first(&heap));
	CU_ASSERT(heap_add(&heap, &one, 2));
	CU_ASSERT_PTR_EQUAL(heap_first(&heap), &one);
	heap_fini(&heap);
}

static CU_TestInfo tests[] = {
	{"what comes out first has the least key", what_comes_out_first_has_the_least_key},
	{"any item can be taken out of the middle", any_item_can_be_taken_out_of_the_middle},
	{"an item that is in no heap is removed from none", an_item_that_is_in_no_heap_is_removed_from_none},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_heap = {.pName = "heap", .pTests = tests};
