#include "link/intake.h"

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

static const int64_t start_us = 1000 * SECOND_US;

static const struct intake_debt none = {0, 0};

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
		{0, 20, 0, 100000 + 1},
		{100000, 0, 0, 0},
		{0, 200, 0, SECOND_US + 1},
		{10 * SECOND_US, 0, 4000, 0},
		{0, 0, 500, SECOND_US / 2 + 1},
		/* The longer rest counts. */
		{0, 2000, 0, SECOND_US + 1},
		{0, 0, 1500, 2 * SECOND_US + 1},
		/* No rest is too short to be worth it. */
		{11 * SECOND_US, 2000, 0, 0},
		{0, 1, 0, INTAKE_REST_US},
		{INTAKE_REST_US, 9, 0, 0},
		{0, 1, 0, INTAKE_REST_US},
	};
	struct intake intake;
	int64_t now_us = start_us;
	intake_init(&intake, &settings, none, now_us);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		now_us += cases[i].after_us;
		int64_t rest_us = intake_charge(&intake, &settings, cases[i].messages, cases[i].bytes, now_us);
		EXPECT(rest_us == cases[i].rest_us, "step %zu: %lld", i, (long long)rest_us);
	}
}

static void a_rate_of_0_is_no_limit(void)
{
	static const struct settings no_rate = {.max_message_rate = 0}, one = {.max_message_rate = 1};
	struct intake intake;
	intake_init(&intake, &no_rate, none, start_us);
	CU_ASSERT_EQUAL(intake_charge(&intake, &no_rate, 1000000, SIZE_MAX / 2, start_us), 0);
	/* One that is set later is filled since the beginning. */
	CU_ASSERT_EQUAL(intake_charge(&intake, &one, 3, 0, start_us + 3 * SECOND_US), 0);
	CU_ASSERT_EQUAL(intake_charge(&intake, &one, 1, 0, start_us + 3 * SECOND_US), SECOND_US + 1);
}

static void there_is_room_for_as_much_as_may_come(void)
{
	static const struct settings rates = {.max_message_rate = 1, .max_byte_rate = 10000},
				     no_rate = {.max_outbox = 0};
	struct intake intake;
	intake_init(&intake, &rates, none, start_us);
	CU_ASSERT_EQUAL(intake_room(&intake, &no_rate, start_us), SIZE_MAX);
	CU_ASSERT_EQUAL(intake_room(&intake, &rates, start_us), 40000);
	intake_charge(&intake, &rates, 0, 20000, start_us);
	CU_ASSERT_EQUAL(intake_room(&intake, &rates, start_us), 20000);
	/* The least is so little that the rest after it is short. */
	intake_charge(&intake, &rates, 0, 20000, start_us);
	CU_ASSERT_EQUAL(intake_room(&intake, &rates, start_us), 256);
	CU_ASSERT_EQUAL(intake_room(&intake, &rates, start_us + SECOND_US), 10000);
}

static void what_is_dear_weighs_more(void)
{
	static const struct {
		size_t values, weight;
	} cases[] = {{1, 1}, {INTAKE_VALUES - 1, 1}, {INTAKE_VALUES, 2}, {3003, 24}, {4096, 33}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		EXPECT(intake_weight(cases[i].values) == cases[i].weight, "%zu values", cases[i].values);
}

/* ---- debts ---- */

static void a_connection_owes_what_it_has_used(void)
{
	static const struct settings settings = {.max_message_rate = 200, .max_byte_rate = 1000};
	static const struct {
		const char *name;
		struct intake_debt inherited;
		size_t messages, bytes;
		int64_t after_us;
		struct intake_debt own;
	} cases[] = {
		{"nothing", {0, 0}, 0, 0, 0, {0, 0}},
		{"the little of a handshake", {0, 0}, 10, 500, 0, {10, 500}},
		{"what has been made up for", {0, 0}, 10, 500, SECOND_US / 10, {0, 400}},
		{"the whole burst and more", {0, 0}, 2500, 0, 0, {2500, 0}},
		{"what it has inherited is not its own", {1000, 3000}, 100, 0, 0, {100, 0}},
		{"that is made up for first", {1000, 0}, 100, 0, 2 * SECOND_US, {100, 0}},
		{"and then its own", {200, 0}, 100, 0, SECOND_US + SECOND_US / 4, {50, 0}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct intake intake;
		intake_init(&intake, &settings, cases[i].inherited, start_us);
		intake_charge(&intake, &settings, cases[i].messages, cases[i].bytes, start_us);
		struct intake_debt own = intake_own_debt(&intake, &settings, start_us + cases[i].after_us);
		EXPECT((int)(own.messages + 0.5) == (int)cases[i].own.messages &&
			       (int)(own.bytes + 0.5) == (int)cases[i].own.bytes,
		       "%s: %f messages, %f bytes", cases[i].name, own.messages, own.bytes);
	}
}

static void one_connection_after_the_other_gets_the_rate_and_no_more(void)
{
	static const struct settings settings = {.max_message_rate = 200};
	enum { SECONDS = 60, EACH = 150 };
	struct intake_debt debt = {0};
	int64_t now_us = start_us, debt_us = start_us;
	size_t read = 0;
	while (now_us < start_us + SECONDS * SECOND_US) {
		struct intake intake;
		int64_t rest_us = 0;
		intake_init(&intake, &settings, intake_add_debt(debt, now_us - debt_us, none, &settings), now_us);
		/* It ends when it is held back, or has sent what it has. */
		for (int i = 0; i < EACH && rest_us == 0; i++, read++)
			rest_us = intake_charge(&intake, &settings, 1, 0, now_us);
		now_us += 5000;
		debt = intake_add_debt(debt, now_us - debt_us, intake_own_debt(&intake, &settings, now_us), &settings);
		debt_us = now_us;
	}
	EXPECT(read <= 2000 + SECONDS * 210, "%zu messages", read);
	EXPECT(read >= SECONDS * 200, "%zu messages", read);
}

static void a_debt_is_one_burst_at_the_most(void)
{
	static const struct settings settings = {.max_message_rate = 200, .max_byte_rate = 1000}, no_rates = {0};
	struct intake_debt debt = {1500, 100}, more = {1500, 5000};
	debt = intake_add_debt(debt, SECOND_US, more, &settings);
	EXPECT(debt.messages == 2000 && debt.bytes == 4000, "%f messages, %f bytes", debt.messages, debt.bytes);
	debt = intake_add_debt(debt, 3 * SECOND_US, none, &settings);
	EXPECT(debt.messages == 1400 && debt.bytes == 1000, "%f messages, %f bytes", debt.messages, debt.bytes);
	debt = intake_add_debt(debt, 0, more, &no_rates);
	EXPECT(debt.messages == 0 && debt.bytes == 0, "%f messages, %f bytes", debt.messages, debt.bytes);
}

static void unread_bytes_take_as_long_as_the_shortest_messages(void)
{
	static const struct {
		struct settings settings;
		int64_t time_us;
	} cases[] = {
		{{.max_message_rate = 200}, 10 * SECOND_US},
		{{.max_byte_rate = 1000}, 30 * SECOND_US},
		{{.max_message_rate = 200, .max_byte_rate = 1000000}, 10 * SECOND_US},
		{{.max_message_rate = 0}, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t time_us = intake_time_us(&cases[i].settings, 30000);
		EXPECT(time_us == cases[i].time_us, "case %zu: %lld", i, (long long)time_us);
	}
}

static CU_TestInfo tests[] = {
	{"a burst passes, and then the rate holds", a_burst_passes_and_then_the_rate_holds},
	{"a rate of 0 is no limit", a_rate_of_0_is_no_limit},
	{"there is room for as much as may come", there_is_room_for_as_much_as_may_come},
	{"what is dear weighs more", what_is_dear_weighs_more},
	{"a connection owes what it has used", a_connection_owes_what_it_has_used},
	{"one connection after the other gets the rate and no more",
	 one_connection_after_the_other_gets_the_rate_and_no_more},
	{"a debt is one burst at the most", a_debt_is_one_burst_at_the_most},
	{"unread bytes take as long as the shortest messages", unread_bytes_take_as_long_as_the_shortest_messages},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_intake = {.pName = "intake", .pTests = tests};
