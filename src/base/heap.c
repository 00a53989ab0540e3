#include "base/heap.h"

#include <stdlib.h>

void heap_fini(struct heap *heap)
{
	free(heap->items);
	*heap = (struct heap){0};
}

static void put(struct heap *heap, size_t place, struct heap_item *item)
{
	heap->items[place] = item;
	item->place = place;
}

static void sift_up(struct heap *heap, struct heap_item *item, size_t place)
{
	for (; place > 1 && heap->items[place / 2]->key > item->key; place /= 2)
		put(heap, place, heap->items[place / 2]);
	put(heap, place, item);
}

static void sift_down(struct heap *heap, struct heap_item *item, size_t place)
{
	for (size_t child; (child = place * 2) <= heap->count; place = child) {
		if (child < heap->count && heap->items[child + 1]->key < heap->items[child]->key)
			child++;
		if (heap->items[child]->key >= item->key)
			break;
		put(heap, place, heap->items[child]);
	}
	put(heap, place, item);
}

bool heap_reserve(struct heap *heap, size_t count)
{
	if (count < heap->capacity)
		return true;
	size_t capacity = heap->capacity == 0 ? 16 : heap->capacity * 2;
	while (capacity <= count)
		capacity *= 2;
	struct heap_item **grown = realloc(heap->items, capacity * sizeof(struct heap_item *));
	if (grown == NULL)
		return false;
	heap->items = grown;
	heap->capacity = capacity;
	return true;
}

bool heap_add(struct heap *heap, struct heap_item *item, int64_t key)
{
	if (!heap_reserve(heap, heap->count + 1))
		return false;
	item->key = key;
	sift_up(heap, item, ++heap->count);
	return true;
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
	size_t place = item->place;
	if (place == 0)
		return;
	struct heap_item *last = heap->items[heap->count--];
	item->place = 0;
	if (last == item)
		return;
	if (place > 1 && heap->items[place / 2]->key > last->key)
		sift_up(heap, last, place);
	else
		sift_down(heap, last, place);
}

struct heap_item *heap_first(const struct heap *heap)
{
	return heap->count == 0 ? NULL : heap->items[1];
}
