#include "base/recent.h"

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

enum { MOST = 1024, SPAN_S = 100 };

/* A hash for each number, of which all bits differ. */
static uint64_t hash_of(unsigned number)
{
	return keyed_hash(&core_secret, &number, sizeof number);
}

static void what_has_come_within_the_span_is_known(void)
{
	static const struct {
		int64_t after_us;
		bool is_first;
	} cases[] = {
		{0, false},
		{SECOND_US, false},
		{(SPAN_S - 1) * SECOND_US, false},
		{SPAN_S * SECOND_US, true},
		{10 * SPAN_S * SECOND_US, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		/* From the moment when the clock began, too. */
		for (int64_t start_us = 0; start_us <= 1000 * SECOND_US; start_us += 1000 * SECOND_US) {
			struct recent recent;
			recent_init(&recent, MOST, SPAN_S);
			CU_ASSERT(recent_note(&recent, hash_of(1), start_us));
			CU_ASSERT(recent_note(&recent, hash_of(2), start_us));
			EXPECT(recent_note(&recent, hash_of(1), start_us + cases[i].after_us) == cases[i].is_first,
			       "case %zu from %lld", i, (long long)start_us);
			recent_fini(&recent);
		}
	}
}

static void what_comes_again_is_not_remembered_for_longer(void)
{
	struct recent recent;
	recent_init(&recent, MOST, SPAN_S);
	for (int64_t s = 0; s < 10 * SPAN_S; s += 10)
		EXPECT(recent_note(&recent, hash_of(1), s * SECOND_US) == (s % SPAN_S == 0), "after %lld s",
		       (long long)s);
	recent_fini(&recent);
}

/* How many of these are known now; asking notes them. */
static unsigned count_known(struct recent *recent, unsigned from, unsigned to, int64_t now_us)
{
	unsigned known = 0;
	for (unsigned number = from; number < to; number++)
		known += !recent_note(recent, hash_of(number), now_us);
	return known;
}

static void it_remembers_what_it_has_room_for(void)
{
	struct recent recent;
	recent_init(&recent, MOST, SPAN_S);
	CU_ASSERT_EQUAL(count_known(&recent, 0, MOST / 4, 0), 0);
	/* It has grown meanwhile, and lost none on the way. */
	CU_ASSERT_EQUAL(count_known(&recent, 0, MOST / 4, SECOND_US), MOST / 4);
	recent_fini(&recent);
}

static void it_is_bounded_and_forgets_the_oldest(void)
{
	struct recent recent;
	recent_init(&recent, MOST, SPAN_S);
	count_known(&recent, 0, 10 * MOST, 0);
	CU_ASSERT_EQUAL(count_known(&recent, 10 * MOST, 10 * MOST + 64, SECOND_US), 0);
	CU_ASSERT_EQUAL(count_known(&recent, 10 * MOST, 10 * MOST + 64, 2 * SECOND_US), 64);
	unsigned known = count_known(&recent, 0, 10 * MOST, 2 * SECOND_US);
	EXPECT(known <= MOST, "%u", known);
	recent_fini(&recent);
}

static void what_has_expired_makes_room(void)
{
	struct recent recent;
	recent_init(&recent, 64, SPAN_S);
	count_known(&recent, 0, 1000, 0);
	CU_ASSERT_EQUAL(count_known(&recent, 1000, 1016, SPAN_S * SECOND_US), 0);
	CU_ASSERT_EQUAL(count_known(&recent, 1000, 1016, SPAN_S * SECOND_US), 16);
	recent_fini(&recent);
}

static void to_ask_notes_nothing(void)
{
	struct recent recent;
	recent_init(&recent, MOST, SPAN_S);
	CU_ASSERT(!recent_knows(&recent, hash_of(1), 0));
	CU_ASSERT(recent_note(&recent, hash_of(1), 0));
	CU_ASSERT(recent_knows(&recent, hash_of(1), 0));
	CU_ASSERT(recent_knows(&recent, hash_of(1), (SPAN_S - 1) * SECOND_US));
	CU_ASSERT(!recent_knows(&recent, hash_of(1), SPAN_S * SECOND_US));
	CU_ASSERT(!recent_knows(&recent, hash_of(2), 0));
	CU_ASSERT(recent_note(&recent, hash_of(2), 0));
	recent_forget(&recent, hash_of(1));
	CU_ASSERT(!recent_knows(&recent, hash_of(1), 0));
	recent_fini(&recent);
}

static CU_TestInfo tests[] = {
	{"what has come within the span is known", what_has_come_within_the_span_is_known},
	{"what comes again is not remembered for longer", what_comes_again_is_not_remembered_for_longer},
	{"it remembers what it has room for", it_remembers_what_it_has_room_for},
	{"it is bounded, and forgets the oldest", it_is_bounded_and_forgets_the_oldest},
	{"what has expired makes room", what_has_expired_makes_room},
	{"to ask notes nothing", to_ask_notes_nothing},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_recent = {.pName = "recent", .pTests = tests};
