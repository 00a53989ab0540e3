/*
 * A bounded set of hashes that remembers when each came last, and forgets the oldest where it is full. It grows with
 * what is in it. Its weakness: a hash is kept by 32 of its bits, so one in some 200,000 that never came seems known.
 * Not thread-safe; embedded in its owner.
 */
#ifndef KITH_RECENT_H
#define KITH_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recent_slot;

struct recent {
	struct recent_slot *slots; /* in sets of RECENT_WAYS; a hash may be in one set alone */
	size_t sets;		   /* a power of two */
	size_t most_sets;
	uint32_t span_s;
};

/* Remembers at most `most` hashes (a power of two) for span_s seconds. */
void recent_init(struct recent *recent, size_t most, uint32_t span_s);
void recent_fini(struct recent *recent);
/* Notes that the hash has come now; false if it had come within the span. Without memory it is false too. */
bool recent_is_first(struct recent *recent, uint64_t hash, int64_t now_us);

#endif
