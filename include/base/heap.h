/*
 * A binary heap: things in the order of their keys, the least first. An item is embedded in the thing itself, so that
 * it can be removed from the middle. Not thread-safe; embedded in its owner.
 */
#ifndef KITH_HEAP_H
#define KITH_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_item {
	int64_t key;
	size_t place; /* in the heap; 0 while it is in none */
};

struct heap {
	struct heap_item **items; /* from 1 on: the children of i are 2i and 2i + 1 */
	size_t count;
	size_t capacity;
};

/* Frees the heap, not its items. */
void heap_fini(struct heap *heap);
/* Makes room for this many items in all: for those heap_add needs no more memory. False if there is no memory. */
bool heap_reserve(struct heap *heap, size_t count);
/* Borrows the item until it is removed. False if there is no memory. */
bool heap_add(struct heap *heap, struct heap_item *item, int64_t key);
/* Does nothing for an item that is in no heap. */
void heap_remove(struct heap *heap, struct heap_item *item);
/* The item with the least key; NULL if there is none. */
struct heap_item *heap_first(const struct heap *heap);

#endif
