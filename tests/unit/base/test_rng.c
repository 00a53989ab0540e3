#include "base/rng.h"

#include <stdbool.h>
#include <stddef.h>

#include "runner.h"
#include "unit/suites.h"

static void the_same_seed_replays_the_same_run(void)
{
	static const uint64_t seeds[] = {0, 1, 42, UINT64_C(1) << 48, UINT64_MAX};
	for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
		struct rng one, other;
		rng_seed(&one, seeds[i]);
		rng_seed(&other, seeds[i]);
		for (int n = 0; n < 1000; n++)
			EXPECT(rng_below(&one, 1000000) == rng_below(&other, 1000000), "seed %zu, number %d", i, n);
	}
}

static void a_seed_that_differs_in_one_bit_makes_another_run(void)
{
	for (int bit = 0; bit < 64; bit++) {
		struct rng one, other;
		bool differs = false;
		rng_seed(&one, 7);
		rng_seed(&other, 7 ^ UINT64_C(1) << bit);
		for (int n = 0; n < 20; n++)
			differs |= rng_below(&one, 1u << 31) != rng_below(&other, 1u << 31);
		EXPECT(differs, "bit %d", bit);
	}
}

static void a_number_is_below_its_bound(void)
{
	static const uint32_t bounds[] = {1, 2, 3, 10, 64, 1000, 65537, (1u << 31) - 1, 1u << 31};
	struct rng rng;
	rng_seed(&rng, 20261123);
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
		for (int n = 0; n < 2000; n++)
			EXPECT(rng_below(&rng, bounds[i]) < bounds[i], "bound %u", bounds[i]);
}

static void every_number_below_the_bound_comes_about_as_often(void)
{
	enum { BOUND = 6, DRAWS = 60000 };
	int times[BOUND] = {0};
	struct rng rng;
	rng_seed(&rng, 1);
	for (int n = 0; n < DRAWS; n++)
		times[rng_below(&rng, BOUND)]++;
	for (int i = 0; i < BOUND; i++)
		EXPECT(times[i] > DRAWS / BOUND * 9 / 10 && times[i] < DRAWS / BOUND * 11 / 10, "%d: %d times", i,
		       times[i]);
}

static void large_numbers_come_too(void)
{
	struct rng rng;
	uint32_t largest = 0;
	rng_seed(&rng, 1);
	for (int n = 0; n < 1000; n++) {
		uint32_t number = rng_below(&rng, 1u << 31);
		largest = number > largest ? number : largest;
	}
	CU_ASSERT(largest > (1u << 31) - (1u << 25));
}

static CU_TestInfo tests[] = {
	{"the same seed replays the same run", the_same_seed_replays_the_same_run},
	{"a seed that differs in one bit makes another run", a_seed_that_differs_in_one_bit_makes_another_run},
	{"a number is below its bound", a_number_is_below_its_bound},
	{"every number below the bound comes about as often", every_number_below_the_bound_comes_about_as_often},
	{"large numbers come too", large_numbers_come_too},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_rng = {.pName = "rng", .pTests = tests};
