/*
 * The roll: all entries of the registry in the order in which they were added, so that a visit can release the lock
 * and go on where it was, at the same cost for any number of entries. A removed entry leaves a gap; the gaps are closed
 * when they are half of the roll. For callers that hold the registry's lock. All zero is an empty roll.
 */
#ifndef KITH_ROLL_PRIV_H
#define KITH_ROLL_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry;

struct roll {
	struct roll_place {
		uint64_t serial;     /* ascending, never used twice */
		struct entry *entry; /* NULL for a gap */
	} * places;
	size_t used, capacity;
	size_t entries;
	uint64_t last_serial;
};

void roll_fini(struct roll *roll);
/* The serial number of the entry; 0 if there is no memory. */
uint64_t roll_add(struct roll *roll, struct entry *entry);
void roll_remove(struct roll *roll, uint64_t serial);
/* The first entry after a serial number, which moves on to that entry's; NULL at the end. */
struct entry *roll_next(const struct roll *roll, uint64_t *serial);

#endif
