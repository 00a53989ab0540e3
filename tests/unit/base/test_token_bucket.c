#include "base/token_bucket.h"

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

static const double per_second = 0.1, burst = 1000;

static void it_is_full_at_first_and_fills_at_its_rate(void)
{
	static const struct {
		int64_t after_us;
		size_t wanted, taken;
	} cases[] = {
		/* one after the other, of one bucket */
		{0, 0, 0},
		{0, 999, 999},
		{0, 2, 1},
		{0, 1, 0},
		{9999999, 1, 0},
		{1, 1, 1},
		{5 * SECOND_US, 10, 0},
		{5 * SECOND_US, 10, 1},
		{100 * SECOND_US, 4, 4},
		{0, 10, 6},
		/* It holds no more than the burst. */
		{1000000 * SECOND_US, 2000, 1000},
		{0, 1, 0},
	};
	struct token_bucket bucket;
	int64_t now_us = 7 * SECOND_US;
	token_bucket_init(&bucket, burst, now_us);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		now_us += cases[i].after_us;
		size_t taken = token_bucket_take(&bucket, cases[i].wanted, per_second, burst, now_us);
		EXPECT(taken == cases[i].taken, "step %zu: %zu", i, taken);
	}
}

static void what_is_added_goes_beyond_the_burst(void)
{
	struct token_bucket bucket;
	token_bucket_init(&bucket, burst, 0);
	token_bucket_add(&bucket, 500);
	/* It doesn't fill meanwhile, and loses none either. */
	CU_ASSERT_EQUAL(token_bucket_take(&bucket, 600, per_second, burst, 1000 * SECOND_US), 600);
	CU_ASSERT_EQUAL(token_bucket_take(&bucket, 1000, per_second, burst, 1000 * SECOND_US), 900);
	CU_ASSERT_EQUAL(token_bucket_take(&bucket, 1, per_second, burst, 1000 * SECOND_US), 0);
}

static void a_clock_that_stands_or_goes_back_fills_nothing(void)
{
	struct token_bucket bucket;
	token_bucket_init(&bucket, burst, 100 * SECOND_US);
	CU_ASSERT_EQUAL(token_bucket_take(&bucket, 1000, per_second, burst, 100 * SECOND_US), 1000);
	CU_ASSERT_EQUAL(token_bucket_take(&bucket, 1, per_second, burst, 100 * SECOND_US), 0);
	CU_ASSERT_EQUAL(token_bucket_take(&bucket, 1, per_second, burst, 50 * SECOND_US), 0);
	CU_ASSERT_EQUAL(token_bucket_take(&bucket, 2, per_second, burst, 110 * SECOND_US), 1);
}

static void a_charge_beyond_what_there_is_is_a_wait(void)
{
	struct token_bucket bucket;
	token_bucket_init(&bucket, burst, 0);
	CU_ASSERT_EQUAL(token_bucket_charge(&bucket, 1000, per_second, burst, 0), 0);
	CU_ASSERT_EQUAL(token_bucket_charge(&bucket, 2, per_second, burst, 0), 20 * SECOND_US + 1);
	CU_ASSERT_EQUAL(token_bucket_charge(&bucket, 0, per_second, burst, 5 * SECOND_US), 15 * SECOND_US + 1);
	CU_ASSERT_EQUAL(token_bucket_charge(&bucket, 0, per_second, burst, 21 * SECOND_US), 0);
	CU_ASSERT_EQUAL(token_bucket_take(&bucket, 1, per_second, burst, 21 * SECOND_US), 0);
}

static CU_TestInfo tests[] = {
	{"it is full at first, and fills at its rate", it_is_full_at_first_and_fills_at_its_rate},
	{"what is added goes beyond the burst", what_is_added_goes_beyond_the_burst},
	{"a clock that stands or goes back fills nothing", a_clock_that_stands_or_goes_back_fills_nothing},
	{"a charge beyond what there is is a wait", a_charge_beyond_what_there_is_is_a_wait},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_token_bucket = {.pName = "token_bucket", .pTests = tests};
