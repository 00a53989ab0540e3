#include "link/liveness.h"

#include <stddef.h>

#include "base/sync.h"
#include "runner.h"
#include "unit/suites.h"

enum { SECOND_US = 1000000 };

enum action { LOOK, PING, PONG, HURRY };

/* One moment of a peer's life: what is done, what that returns, and what is to be seen afterwards. */
struct step {
	int64_t now_us;
	enum action action;
	bool result; /* of PING and PONG */
	int64_t next_ping_us;
	int64_t deadline_us;
	int64_t rtt_us;
};

static void walk(int64_t interval_us, int64_t timeout_us, int64_t start_us, const struct step *steps, size_t count)
{
	struct liveness liveness;
	liveness_init(&liveness, interval_us, timeout_us, start_us);
	for (size_t i = 0; i < count; i++) {
		const struct step *step = &steps[i];
		if (step->action == PING)
			EXPECT(liveness_ping(&liveness, liveness.interval_us, step->now_us) == step->result, "step %zu",
			       i);
		else if (step->action == PONG)
			EXPECT(liveness_pong(&liveness, step->now_us) == step->result, "step %zu", i);
		else if (step->action == HURRY)
			liveness_hurry(&liveness, step->now_us);
		int64_t next_us = liveness_next_ping_us(&liveness, step->now_us);
		int64_t deadline_us = liveness_deadline_us(&liveness);
		int64_t rtt_us = liveness_rtt_us(&liveness, step->now_us);
		EXPECT(next_us == step->next_ping_us, "step %zu: %lld", i, (long long)next_us);
		EXPECT(deadline_us == step->deadline_us, "step %zu: %lld", i, (long long)deadline_us);
		EXPECT(rtt_us == step->rtt_us, "step %zu: %lld", i, (long long)rtt_us);
	}
}

#define WALK(interval_us, timeout_us, start_us, steps)                                                                 \
	walk(interval_us, timeout_us, start_us, steps, sizeof(steps) / sizeof *(steps))

static void a_healthy_peer_is_pinged_once_an_interval(void)
{
	static const struct step steps[] = {
		{5000, LOOK, false, 5000, FOREVER_US, -1},
		{5000, PING, true, 65000, 25000, 0},
		{5000, PING, false, 65000, 25000, 0},
		{5300, PONG, true, 65000, FOREVER_US, 300},
		{64999, PING, false, 65000, FOREVER_US, 300},
		{65000, PING, true, 125000, 85000, 300},
		{65100, PONG, true, 125000, FOREVER_US, 100},
		/* A ping that is late by 50 moves the ones after it: they are due an interval after the last. */
		{125050, PING, true, 185050, 145050, 100},
		{125055, PONG, true, 185050, FOREVER_US, 5},
	};
	WALK(60000, 20000, 5000, steps);
}

static void a_silent_peer_has_failed_at_the_time_out(void)
{
	static const struct step steps[] = {
		{0, PING, true, 60000, 20000, 0},	   {19999, LOOK, false, 60000, 20000, 19999},
		{20000, LOOK, false, 60000, 20000, 20000}, {20000, HURRY, false, 60000, 20000, 20000},
		{20000, PING, false, 60000, 20000, 20000},
	};
	WALK(60000, 20000, 0, steps);
}

static void a_pong_later_than_the_interval_makes_the_next_ping_due_at_once(void)
{
	static const struct step steps[] = {
		{1000, PING, true, 2000, 21000, 0},
		{1999, LOOK, false, 2000, 21000, 999},
		/* An interval after the ping there is nothing to do but wait for the pong. */
		{2000, PING, false, FOREVER_US, 21000, 1000},
		{7000, LOOK, false, FOREVER_US, 21000, 6000},
		{7000, PONG, true, 2000, FOREVER_US, 6000},
		{7000, PING, true, 8000, 27000, 6000},
		{7001, PONG, true, 8000, FOREVER_US, 1},
	};
	WALK(1000, 20000, 1000, steps);
}

static void a_pong_that_nobody_waits_for_changes_nothing(void)
{
	static const struct step steps[] = {
		{100, PONG, false, 100, FOREVER_US, -1},   {100, PING, true, 1100, 600, 0},
		{150, PONG, true, 1100, FOREVER_US, 50},   {160, PONG, false, 1100, FOREVER_US, 50},
		{1100, PING, true, 2100, 1600, 50},	   {1110, PONG, true, 2100, FOREVER_US, 10},
		{1120, PONG, false, 2100, FOREVER_US, 10},
	};
	WALK(1000, 500, 100, steps);
}

static void a_hurried_ping_is_sent_at_once_unless_one_is_outstanding(void)
{
	static const struct step steps[] = {
		{0, PING, true, 1000, 500, 0},
		{10, HURRY, false, 1000, 500, 10},
		{10, PING, false, 1000, 500, 10},
		{20, PONG, true, 1000, FOREVER_US, 20},
		{300, HURRY, false, 300, FOREVER_US, 20},
		/* It moves nobody's turn. */
		{300, PING, true, 1000, 800, 20},
		{310, PONG, true, 1000, FOREVER_US, 10},
		/* A ping that is overdue is not put off. */
		{1400, HURRY, false, 1000, FOREVER_US, 10},
		{1400, PING, true, 2400, 1900, 10},
	};
	WALK(1000, 500, 0, steps);
}

static void a_hung_peer_never_looks_fresh(void)
{
	static const struct step steps[] = {
		{0, PING, true, 1000, 5000, 0},
		{100, PONG, true, 1000, FOREVER_US, 100},
		{900, LOOK, false, 1000, FOREVER_US, 100},
		{1000, PING, true, 2000, 6000, 100},
		{1099, LOOK, false, 2000, 6000, 100},
		{1101, LOOK, false, 2000, 6000, 101},
		{4000, LOOK, false, FOREVER_US, 6000, 3000},
		{4100, PONG, true, 2000, FOREVER_US, 3100},
	};
	WALK(1000, 5000, 0, steps);
}

static void the_longest_interval_fits_a_machine_that_is_long_up(void)
{
	const int64_t day_us = INT64_C(86400) * SECOND_US, start_us = 3650 * day_us;
	const struct step steps[] = {
		{start_us, PING, true, start_us + day_us, start_us + day_us, 0},
		{start_us + 7, PONG, true, start_us + day_us, FOREVER_US, 7},
	};
	WALK(day_us, day_us, start_us, steps);
}

static void a_new_interval_counts_from_the_last_ping(void)
{
	struct liveness liveness;
	liveness_init(&liveness, 1000, 500, 5000);
	/* The first ping doesn't wait for an interval. */
	liveness_set(&liveness, 2000, 600);
	CU_ASSERT_EQUAL(liveness_next_ping_us(&liveness, 5000), 5000);
	CU_ASSERT(liveness_ping(&liveness, liveness.interval_us, 5000));
	liveness_set(&liveness, 3000, 700);
	CU_ASSERT_EQUAL(liveness_next_ping_us(&liveness, 5100), 8000);
	CU_ASSERT_EQUAL(liveness_deadline_us(&liveness), 5700);
	CU_ASSERT(liveness_pong(&liveness, 5200));
	CU_ASSERT_EQUAL(liveness_next_ping_us(&liveness, 5200), 8000);
	liveness_set(&liveness, 300, 700);
	CU_ASSERT_EQUAL(liveness_next_ping_us(&liveness, 5200), 5300);
	liveness_set(&liveness, 4000, 700);
	CU_ASSERT_EQUAL(liveness_next_ping_us(&liveness, 5200), 9000);
	CU_ASSERT_EQUAL(liveness_rtt_us(&liveness, 5300), 200);
	/* Nor does a hurried one. */
	liveness_hurry(&liveness, 5300);
	liveness_set(&liveness, 6000, 700);
	CU_ASSERT_EQUAL(liveness_next_ping_us(&liveness, 5300), 5300);
	CU_ASSERT(liveness_ping(&liveness, liveness.interval_us, 5300));
	CU_ASSERT_EQUAL(liveness_next_ping_us(&liveness, 5300), 11000);
}

static void a_time_in_which_nothing_is_read_does_not_count(void)
{
	struct liveness liveness;
	liveness_init(&liveness, 1000, 500, 0);
	liveness_be_deaf(&liveness, 0, 300);
	/* A ping that is sent meanwhile has what is left of it. */
	CU_ASSERT(liveness_ping(&liveness, liveness.interval_us, 100));
	CU_ASSERT_EQUAL(liveness_deadline_us(&liveness), 100 + 500 + 200);
	liveness_be_deaf(&liveness, 400, 450);
	CU_ASSERT_EQUAL(liveness_deadline_us(&liveness), 100 + 500 + 200 + 50);
	/* The round trip is what it is. */
	CU_ASSERT(liveness_pong(&liveness, 700));
	CU_ASSERT_EQUAL(liveness_rtt_us(&liveness, 700), 600);
	/* The next ping has the usual time. */
	CU_ASSERT(liveness_ping(&liveness, liveness.interval_us, 1100));
	CU_ASSERT_EQUAL(liveness_deadline_us(&liveness), 1600);
}

static void a_doubt_lasts_until_the_pong(void)
{
	struct liveness liveness;
	liveness_init(&liveness, 60 * SECOND_US, 20 * SECOND_US, 0);
	CU_ASSERT(liveness_ping(&liveness, liveness.interval_us, 0) && liveness_pong(&liveness, 10));
	CU_ASSERT_EQUAL(liveness_doubt_us(&liveness), FOREVER_US);
	liveness_doubt(&liveness, 1000);
	/* It runs from the ping on. */
	CU_ASSERT_EQUAL(liveness_doubt_us(&liveness), FOREVER_US);
	CU_ASSERT(liveness_ping(&liveness, liveness.interval_us, 2000));
	CU_ASSERT_EQUAL(liveness_doubt_us(&liveness), 2000 + LIVENESS_DOUBT_US);
	/* Another claim moves nothing. */
	liveness_doubt(&liveness, 3 * SECOND_US);
	CU_ASSERT_EQUAL(liveness_doubt_us(&liveness), 2000 + LIVENESS_DOUBT_US);
	liveness_doubt_again(&liveness, 6 * SECOND_US);
	CU_ASSERT_EQUAL(liveness_doubt_us(&liveness), 7 * SECOND_US);
	CU_ASSERT(liveness_pong(&liveness, 6 * SECOND_US + 5));
	CU_ASSERT_EQUAL(liveness_doubt_us(&liveness), FOREVER_US);
	/* An ordinary ping raises none; a claim while one is outstanding does. */
	CU_ASSERT(liveness_ping(&liveness, liveness.interval_us, 100 * SECOND_US));
	CU_ASSERT_EQUAL(liveness_doubt_us(&liveness), FOREVER_US);
	liveness_doubt(&liveness, 101 * SECOND_US);
	CU_ASSERT_EQUAL(liveness_doubt_us(&liveness), 101 * SECOND_US + LIVENESS_DOUBT_US);
}

static void the_usual_round_trip_follows_slowly(void)
{
	static const struct {
		int64_t rtt_us, usual_us;
	} pongs[] = {{800, 800}, {0, 700}, {1500, 800}, {800, 800}, {8800, 1800}};
	struct liveness liveness;
	liveness_init(&liveness, 1000, 20000, 0);
	CU_ASSERT_EQUAL(liveness.usual_rtt_us, -1);
	for (size_t i = 0; i < sizeof pongs / sizeof *pongs; i++) {
		int64_t now_us = 100000 * (int64_t)(i + 1);
		CU_ASSERT(liveness_ping(&liveness, 1000, now_us));
		CU_ASSERT(liveness_pong(&liveness, now_us + pongs[i].rtt_us));
		EXPECT(liveness.usual_rtt_us == pongs[i].usual_us, "pong %zu: %lld", i,
		       (long long)liveness.usual_rtt_us);
	}
}

static void round_trips_that_stay_much_shorter_are_usual_at_once(void)
{
	enum { STEPS = 8, MS = 1000 };
	static const struct {
		const char *what;
		int64_t rtts_ms[STEPS], usual_ms; /* after one of 800 ms; 0 ends them */
	} cases[] = {
		{"two", {4, 4}, 613},
		{"three", {4, 9, 6}, 9},
		{"with one that is not", {4, 4, 500, 4, 4}, 459},
		{"not by so much", {790, 780, 770, 760}, 788},
		{"half", {400, 400, 400}, 667},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct liveness liveness;
		int64_t now_us = 0;
		liveness_init(&liveness, 1000 * MS, 20000 * MS, 0);
		CU_ASSERT(liveness_ping(&liveness, 1000 * MS, 0) && liveness_pong(&liveness, 800 * MS));
		for (size_t j = 0; j < STEPS && cases[i].rtts_ms[j] > 0; j++) {
			now_us += 1000 * MS;
			CU_ASSERT(liveness_ping(&liveness, 1000 * MS, now_us));
			CU_ASSERT(liveness_pong(&liveness, now_us + cases[i].rtts_ms[j] * MS));
		}
		EXPECT(liveness.usual_rtt_us / MS == cases[i].usual_ms, "%s: %lld", cases[i].what,
		       (long long)liveness.usual_rtt_us);
		EXPECT(liveness.has_fallen == (cases[i].usual_ms == 9), "%s", cases[i].what);
	}
}

static void a_peer_is_silent_since_the_last_thing_that_excuses_it(void)
{
	static const struct {
		int64_t pinged_us, heard_us, deaf_until_us, excused_us; /* 0: never */
		int64_t since_us;
	} cases[] = {
		{0, 0, 0, 0, FOREVER_US},	{0, 5000, 6000, 7000, FOREVER_US}, {1000, 0, 0, 0, 1000},
		{1000, 900, 0, 0, 1000},	{1000, 1500, 0, 0, 1500},	   {1000, 1500, 1400, 0, 1500},
		{1000, 1500, 1600, 0, 1600},	{1000, 1500, 1600, 1700, 1700},	   {1000, 0, 0, 1700, 1700},
		{1000, 1500, 1900, 1700, 1900}, {1000, 0, 0, 900, 1000},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct liveness liveness;
		liveness_init(&liveness, 60000, 20000, 0);
		if (cases[i].pinged_us > 0)
			CU_ASSERT(liveness_ping(&liveness, 60000, cases[i].pinged_us));
		if (cases[i].deaf_until_us > 0)
			liveness_be_deaf(&liveness, 1200, cases[i].deaf_until_us);
		if (cases[i].excused_us > 0)
			liveness_excuse(&liveness, cases[i].excused_us);
		int64_t since_us = liveness_silent_since_us(&liveness, cases[i].heard_us);
		EXPECT(since_us == cases[i].since_us, "case %zu: %lld", i, (long long)since_us);
		CU_ASSERT(cases[i].pinged_us == 0 || liveness_pong(&liveness, 9000));
		CU_ASSERT_EQUAL(liveness_silent_since_us(&liveness, cases[i].heard_us), FOREVER_US);
	}
}

/* When ours is due after such pings of the far end; the last of them has this slack. */
static void a_ping_of_the_far_end_that_does_not_come_makes_ours_due(void)
{
	enum { PINGS = 4, OWN = 900000 };
	static const struct {
		const char *what;
		struct {
			int64_t then_us, next_us; /* 0 ends them; what it says, 0 for nothing */
		} theirs[PINGS];
		int64_t slack_us, due_us;
	} cases[] = {
		{"none", {{0}}, 300, OWN},
		{"it never says", {{5000, 0}, {9000, 0}, {13000, 0}}, 300, OWN},
		{"once", {{5000, 4000}}, 300, 9300},
		{"more slack", {{5000, 4000}}, 700, 9700},
		{"as long as it has said", {{5000, 4000}, {9000, 0}}, 300, 13300},
		{"longer", {{5000, 4000}, {9000, 7000}}, 300, 16300},
		{"and so on", {{5000, 4000}, {9000, 7000}, {16000, 0}}, 300, 23300},
		{"shorter", {{5000, 4000}, {9000, 1000}, {10000, 0}}, 300, 11300},
		{"sooner than it has said", {{5000, 4000}, {6000, 0}}, 300, 10300},
		{"one out of turn", {{5000, 4000}, {6000, 3000}}, 300, 9300},
		{"later than it has said", {{5000, 4000}, {11000, 0}}, 300, 15300},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct liveness liveness;
		liveness_init(&liveness, OWN, 20000, 0);
		CU_ASSERT(liveness_ping(&liveness, OWN, 0) && liveness_pong(&liveness, 10));
		for (size_t j = 0; j < PINGS && cases[i].theirs[j].then_us > 0; j++)
			liveness_note_ping(&liveness, cases[i].theirs[j].next_us, cases[i].slack_us,
					   cases[i].theirs[j].then_us);
		int64_t due_us = liveness_next_ping_us(&liveness, 20000);
		EXPECT(due_us == cases[i].due_us, "%s: %lld", cases[i].what, (long long)due_us);
		EXPECT(!liveness_is_due(&liveness, due_us - 1) && liveness_is_due(&liveness, due_us), "%s",
		       cases[i].what);
		/* Once, and that moves nothing. */
		if (due_us < OWN) {
			CU_ASSERT_FALSE(liveness_is_in_turn(&liveness, due_us));
			CU_ASSERT(liveness_ping(&liveness, OWN, due_us) && liveness_pong(&liveness, due_us + 10));
			EXPECT(liveness_next_ping_us(&liveness, due_us + 20) == OWN, "%s", cases[i].what);
		}
	}
}

/* The pinger that has just pinged sleeps until then: a pong wakes nobody. */
static void a_ping_that_is_expected_ends_the_sleep_after_ours(void)
{
	enum { OWN = 60000, SLACK = 300 };
	struct liveness liveness;
	liveness_init(&liveness, OWN, 20000, 0);
	CU_ASSERT(liveness_ping(&liveness, OWN, 0) && liveness_pong(&liveness, 10));
	liveness_note_ping(&liveness, 4000, SLACK, 4100);
	liveness_hurry(&liveness, 5000);
	CU_ASSERT(liveness_ping(&liveness, OWN, 5000));
	CU_ASSERT_EQUAL(liveness_next_ping_us(&liveness, 5000), 8400);
	CU_ASSERT_EQUAL(liveness_next_ping_us(&liveness, 8400), OWN);
	CU_ASSERT_EQUAL(liveness_next_ping_us(&liveness, OWN), FOREVER_US);
}

/* However it pings, this node pings it no more often than it does itself, nor twice within the slack. */
static void a_far_end_cannot_make_us_ping_without_end(void)
{
	enum { SLACK_US = 150000, STEP_US = 10000, LASTS_US = 60 * SECOND_US };
	for (int burst = 1; burst <= 8; burst++) {
		struct liveness liveness;
		int64_t last_us = 0, least_us = LASTS_US;
		int theirs = 0, ours = 0;
		liveness_init(&liveness, LASTS_US, 20 * SECOND_US, 0);
		CU_ASSERT(liveness_ping(&liveness, LASTS_US, 0) && liveness_pong(&liveness, 0));
		for (int i = 0; i < burst + 2; i++, theirs++)
			liveness_note_ping(&liveness, 1, SLACK_US, STEP_US);
		for (int64_t now_us = 2 * STEP_US; now_us < LASTS_US; now_us += STEP_US) {
			if (!liveness_ping(&liveness, LASTS_US, now_us))
				continue;
			CU_ASSERT(liveness_pong(&liveness, now_us));
			if (ours++ > 0 && now_us - last_us < least_us)
				least_us = now_us - last_us;
			last_us = now_us;
			for (int i = 0; i < burst; i++, theirs++)
				liveness_note_ping(&liveness, 1, SLACK_US, now_us);
		}
		EXPECT(least_us >= SLACK_US, "%d at once: again after %lld us", burst, (long long)least_us);
		EXPECT(ours <= theirs, "%d at once: %d for %d", burst, ours, theirs);
	}
}

static CU_TestInfo tests[] = {
	{"a doubt lasts until the pong", a_doubt_lasts_until_the_pong},
	{"a healthy peer is pinged once an interval", a_healthy_peer_is_pinged_once_an_interval},
	{"a silent peer has failed at the time-out", a_silent_peer_has_failed_at_the_time_out},
	{"a pong later than the interval makes the next ping due at once",
	 a_pong_later_than_the_interval_makes_the_next_ping_due_at_once},
	{"a pong that nobody waits for changes nothing", a_pong_that_nobody_waits_for_changes_nothing},
	{"a hurried ping is sent at once unless one is outstanding",
	 a_hurried_ping_is_sent_at_once_unless_one_is_outstanding},
	{"a new interval counts from the last ping", a_new_interval_counts_from_the_last_ping},
	{"a hung peer never looks fresh", a_hung_peer_never_looks_fresh},
	{"the longest interval fits a machine that is long up", the_longest_interval_fits_a_machine_that_is_long_up},
	{"a time in which nothing is read does not count", a_time_in_which_nothing_is_read_does_not_count},
	{"the usual round trip follows slowly", the_usual_round_trip_follows_slowly},
	{"round trips that stay much shorter are usual at once", round_trips_that_stay_much_shorter_are_usual_at_once},
	{"a peer is silent since the last thing that excuses it",
	 a_peer_is_silent_since_the_last_thing_that_excuses_it},
	{"a ping of the far end that does not come makes ours due",
	 a_ping_of_the_far_end_that_does_not_come_makes_ours_due},
	{"a ping that is expected ends the sleep after ours", a_ping_that_is_expected_ends_the_sleep_after_ours},
	{"a far end cannot make us ping without end", a_far_end_cannot_make_us_ping_without_end},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_liveness = {.pName = "liveness", .pTests = tests};
