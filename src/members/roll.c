#include "members/roll_priv.h"

#include <stdlib.h>

enum { LEAST = 16 };

void roll_fini(struct roll *roll)
{
	free(roll->places);
}

static void close_gaps(struct roll *roll)
{
	size_t kept = 0;
	for (size_t i = 0; i < roll->used; i++)
		if (roll->places[i].entry != NULL)
			roll->places[kept++] = roll->places[i];
	roll->used = kept;
}

static bool resize(struct roll *roll, size_t capacity)
{
	struct roll_place *places = realloc(roll->places, capacity * sizeof *places);
	if (places == NULL)
		return false;
	roll->places = places;
	roll->capacity = capacity;
	return true;
}

uint64_t roll_add(struct roll *roll, struct entry *entry)
{
	if (roll->used == roll->capacity && !resize(roll, roll->capacity == 0 ? LEAST : 2 * roll->capacity))
		return 0;
	roll->places[roll->used++] = (struct roll_place){.serial = ++roll->last_serial, .entry = entry};
	roll->entries++;
	return roll->last_serial;
}

/* The first place with a serial number of at least this; roll->used if there is none. */
static size_t find(const struct roll *roll, uint64_t serial)
{
	size_t low = 0, high = roll->used;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (roll->places[middle].serial < serial)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void roll_remove(struct roll *roll, uint64_t serial)
{
	roll->places[find(roll, serial)].entry = NULL;
	roll->entries--;
	if (roll->entries > roll->used / 2)
		return;
	close_gaps(roll);
	/* Without memory it stays larger than it need be. */
	if (roll->capacity > LEAST && roll->used < roll->capacity / 4)
		resize(roll, roll->capacity / 2);
}

struct entry *roll_next(const struct roll *roll, uint64_t *serial)
{
	for (size_t i = find(roll, *serial + 1); i < roll->used; i++) {
		if (roll->places[i].entry != NULL) {
			*serial = roll->places[i].serial;
			return roll->places[i].entry;
		}
	}
	return NULL;
}
