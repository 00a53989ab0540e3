#include "base/rng.h"

#include <stdlib.h>
#include <sys/random.h>

bool rng_draw(void *bytes, size_t size)
{
	/* Up to 256 bytes are never cut short once the kernel's pool is ready (getrandom(2)). */
	return getrandom(bytes, size, 0) == (ssize_t)size;
}

void rng_seed(struct rng *rng, uint64_t seed)
{
	for (int i = 0; i < 3; i++)
		rng->state[i] = (unsigned short)(seed >> 16 * i ^ seed >> 48);
}

uint32_t rng_below(struct rng *rng, uint32_t bound)
{
	return (uint32_t)((uint64_t)nrand48(rng->state) * bound >> 31);
}
