#include "link/intake.h"

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

static const int64_t start_us = 1000 * SECOND_US;

static void a_burst_passes_and_then_the_rate_holds(void)
{
	static const struct settings settings = {.max_message_rate = 200, .max_byte_rate = 1000};
	static const struct {
		int64_t after_us;
		size_t messages, bytes;
		int64_t rest_us;
	} cases[] = {
		/* one after the other, of one peer; a rest is rounded up to a whole microsecond */
		{0, 2000, 0, 0},
		{0, 1, 0, 5000 + 1},
		{5000, 0, 0, 0},
		{0, 200, 0, SECOND_US + 1},
		{10 * SECOND_US, 0, 4000, 0},
		{0, 0, 500, SECOND_US / 2 + 1},
		/* The longer rest counts. */
		{0, 2000, 0, SECOND_US + 1},
		{0, 0, 1500, 2 * SECOND_US + 1},
	};
	struct intake intake;
	int64_t now_us = start_us;
	intake_init(&intake, &settings, now_us);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		now_us += cases[i].after_us;
		int64_t rest_us = intake_charge(&intake, &settings, cases[i].messages, cases[i].bytes, now_us);
		EXPECT(rest_us == cases[i].rest_us, "step %zu: %lld", i, (long long)rest_us);
	}
}

static void a_rate_of_0_is_no_limit(void)
{
	static const struct settings none = {.max_message_rate = 0}, one = {.max_message_rate = 1};
	struct intake intake;
	intake_init(&intake, &none, start_us);
	CU_ASSERT_EQUAL(intake_charge(&intake, &none, 1000000, SIZE_MAX / 2, start_us), 0);
	/* One that is set later is filled since the beginning. */
	CU_ASSERT_EQUAL(intake_charge(&intake, &one, 3, 0, start_us + 3 * SECOND_US), 0);
	CU_ASSERT_EQUAL(intake_charge(&intake, &one, 1, 0, start_us + 3 * SECOND_US), SECOND_US + 1);
}

static void there_is_room_for_as_much_as_may_come(void)
{
	static const struct settings both = {.max_message_rate = 200, .max_byte_rate = 10000}, none = {.max_outbox = 0};
	enum { SHORTEST = sizeof "{\"msgtype\":\"\"}\n" - 1 };
	struct intake intake;
	intake_init(&intake, &both, start_us);
	CU_ASSERT_EQUAL(intake_room(&intake, &none, start_us), SIZE_MAX);
	CU_ASSERT_EQUAL(intake_room(&intake, &both, start_us), 2000 * SHORTEST);
	intake_charge(&intake, &both, 0, 20000, start_us);
	CU_ASSERT_EQUAL(intake_room(&intake, &both, start_us), 20000);
	intake_charge(&intake, &both, 1900, 0, start_us);
	CU_ASSERT_EQUAL(intake_room(&intake, &both, start_us), 100 * SHORTEST);
	/* The least is so little that the rest after it is short. */
	intake_charge(&intake, &both, 100, 0, start_us);
	CU_ASSERT_EQUAL(intake_room(&intake, &both, start_us), 256);
	CU_ASSERT_EQUAL(intake_room(&intake, &both, start_us + SECOND_US), 200 * SHORTEST);
}

static CU_TestInfo tests[] = {
	{"a burst passes, and then the rate holds", a_burst_passes_and_then_the_rate_holds},
	{"a rate of 0 is no limit", a_rate_of_0_is_no_limit},
	{"there is room for as much as may come", there_is_room_for_as_much_as_may_come},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_intake = {.pName = "intake", .pTests = tests};
