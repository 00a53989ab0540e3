/*
 * A bounded set of hashes that are known for some time, and forgets the oldest when it is full. A hash that comes again
 * meanwhile is not known any longer for that. The set grows with its content. Its weakness: it keeps only 32 bits of a
 * hash, so about one in 200,000 that never came seems known. Not thread-safe; embedded in its owner.
 */
#ifndef KITH_RECENT_H
#define KITH_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recent_slot;

struct recent {
	struct recent_slot *slots; /* in sets of RECENT_WAYS; a hash belongs to one set */
	size_t sets;		   /* a power of two */
	size_t most_sets;
	uint32_t span_s;
};

/* Remembers at most `most` hashes (a power of two) for span_s seconds. */
void recent_init(struct recent *recent, size_t most, uint32_t span_s);
void recent_fini(struct recent *recent);
/* True if the hash was not known: it is from now on, for the span. Without memory false. */
bool recent_note(struct recent *recent, uint64_t hash, int64_t now_us);
/* Whether it is known. */
bool recent_knows(const struct recent *recent, uint64_t hash, int64_t now_us);
/* It is not known any longer. */
void recent_forget(struct recent *recent, uint64_t hash);

#endif
