#include "node/memory_priv.h"

#include <malloc.h>
#include <sys/sysinfo.h>

/* What is free at the end of a memory pool goes back to the system where it is more than KEPT_BYTES, but TOP_BYTES. */
enum { KEPT_BYTES = 64 * 1024, TOP_BYTES = 16 * 1024 };

/*
 * The figures are private kB with 50 quiet peers in make soak SOAK_SECONDS=300 SOAK_SEED=3367812523 (200 s for the
 * first), without one line each; with all of them 2,036.
 */
void memory_share_pools(void)
{
#ifdef __GLIBC__
	/* One pool for each processor, where glibc has eight: 2,392. */
	mallopt(M_ARENA_MAX, get_nprocs());
	/* Otherwise glibc keeps twice the largest block that was ever freed, 2 MiB after one full outbox: 2,900, and
	 * the soak fails (+5.5 %). */
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	/* Otherwise 128 KiB, of which malloc_trim gives back nothing but in the main thread's pool: 2,388, and the soak
	 * fails (+2.4 %). */
	mallopt(M_TOP_PAD, TOP_BYTES);
#endif
}

void memory_trim(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
