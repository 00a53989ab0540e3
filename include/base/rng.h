/*
 * Random numbers from a generator that is handed in, so that a run with the same seed is the same run. For jitter and
 * samples, not for secrets. Whoever owns a generator guards it.
 */
#ifndef KITH_RNG_H
#define KITH_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	unsigned short state[3]; /* of nrand48(3) */
};

/* Up to 256 bytes from the kernel that nobody can guess, good for secrets too. False with errno if it has none. */
bool rng_draw(void *bytes, size_t size);
void rng_seed(struct rng *rng, uint64_t seed);
/* A number from 0 to bound - 1; bound is from 1 to 2^31. */
uint32_t rng_below(struct rng *rng, uint32_t bound);

#endif
