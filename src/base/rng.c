#include "base/rng.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/sync.h"

uint64_t rng_draw_seed(void)
{
	uint64_t seed;
	/* Up to 256 bytes are never cut short once the kernel's pool is ready (getrandom(2)). */
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		seed = (uint64_t)clock_now_us();
	return seed;
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
