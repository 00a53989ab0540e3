#include "link/pace.h"

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

enum { PEERS = 200 };

/* Peers that ping when the pace says so. */
struct turns {
	struct settings settings;
	struct pace *pace;
	int64_t now_us;
	int64_t next_us[PEERS];
	int64_t last_us[PEERS];
	size_t count;
};

static void begin(struct turns *turns, size_t count)
{
	*turns = (struct turns){.settings = {.probe_interval_us = SECOND_US, .ping_interval_us = 60 * SECOND_US},
				.now_us = 1000 * SECOND_US,
				.count = count};
	turns->pace = pace_new(&turns->settings);
	CU_ASSERT_PTR_NOT_NULL_FATAL(turns->pace);
	for (size_t i = 0; i < count; i++) {
		pace_join(turns->pace);
		turns->next_us[i] = turns->now_us + (int64_t)i * MS_US;
	}
}

/* The pings of that time. The shortest and the longest gap between two of them, and the longest wait of a peer. */
struct seen {
	int64_t least_us, most_us, wait_us;
	int pings;
};

static struct seen run(struct turns *turns, int64_t duration_us)
{
	struct seen seen = {.least_us = INT64_MAX};
	int64_t end_us = turns->now_us + duration_us, before_us = 0;
	for (;;) {
		size_t i = 0;
		for (size_t j = 1; j < turns->count; j++)
			i = turns->next_us[j] < turns->next_us[i] ? j : i;
		if (turns->next_us[i] > end_us)
			break;
		turns->now_us = turns->next_us[i];
		int64_t gap_us = turns->now_us - before_us, wait_us = turns->now_us - turns->last_us[i];
		if (before_us > 0 && gap_us < seen.least_us)
			seen.least_us = gap_us;
		if (before_us > 0 && gap_us > seen.most_us)
			seen.most_us = gap_us;
		if (turns->last_us[i] > 0 && wait_us > seen.wait_us)
			seen.wait_us = wait_us;
		before_us = turns->last_us[i] = turns->now_us;
		turns->next_us[i] = turns->now_us + pace_take_us(turns->pace, turns->now_us);
		seen.pings++;
	}
	turns->now_us = end_us;
	return seen;
}

static void one_ping_is_sent_in_each_interval_whatever_the_number_of_peers(void)
{
	static const size_t counts[] = {1, 2, 3, 5, 20, 59};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct turns turns;
		begin(&turns, counts[i]);
		run(&turns, 300 * SECOND_US);
		struct seen seen = run(&turns, 600 * SECOND_US);
		EXPECT(seen.pings >= 599 && seen.pings <= 601, "%zu peers: %d pings", counts[i], seen.pings);
		EXPECT(seen.least_us == SECOND_US && seen.most_us == SECOND_US, "%zu peers: gaps of %lld to %lld us",
		       counts[i], (long long)seen.least_us, (long long)seen.most_us);
		EXPECT(seen.wait_us == (int64_t)counts[i] * SECOND_US, "%zu peers", counts[i]);
		EXPECT(pace_interval_us(turns.pace) == (int64_t)counts[i] * SECOND_US, "%zu peers", counts[i]);
		pace_free(turns.pace);
	}
}

static void no_peer_waits_for_longer_than_ping_interval(void)
{
	static const size_t counts[] = {60, 61, 200};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct turns turns;
		begin(&turns, counts[i]);
		CU_ASSERT_EQUAL(pace_interval_us(turns.pace), 60 * SECOND_US);
		struct seen seen = run(&turns, 600 * SECOND_US);
		EXPECT(seen.wait_us == 60 * SECOND_US, "%zu peers wait for up to %lld us", counts[i],
		       (long long)seen.wait_us);
		pace_free(turns.pace);
	}
	struct turns turns;
	begin(&turns, 3);
	turns.settings.probe_interval_us = 100 * SECOND_US;
	CU_ASSERT_EQUAL(pace_interval_us(turns.pace), 60 * SECOND_US);
	CU_ASSERT(pace_take_us(turns.pace, turns.now_us) <= 60 * SECOND_US);
	pace_free(turns.pace);
}

/* The last peer has ended. */
static void end_last(struct turns *turns)
{
	turns->count--;
	pace_leave(turns->pace, turns->next_us[turns->count]);
}

static void peers_that_leave_give_their_moments_back(void)
{
	struct turns turns;
	begin(&turns, 20);
	run(&turns, 100 * SECOND_US);
	while (turns.count > 5)
		end_last(&turns);
	CU_ASSERT_EQUAL(pace_interval_us(turns.pace), 5 * SECOND_US);
	struct seen seen = run(&turns, 20 * SECOND_US);
	EXPECT(seen.most_us <= SECOND_US && seen.pings <= 21, "%lld us, %d pings", (long long)seen.most_us, seen.pings);
	seen = run(&turns, 100 * SECOND_US);
	CU_ASSERT_EQUAL(seen.wait_us, 5 * SECOND_US);
	CU_ASSERT(seen.pings >= 99 && seen.pings <= 101);
	while (turns.count > 0)
		end_last(&turns);
	/* Nobody is there; the next one begins as the first has. */
	CU_ASSERT_EQUAL(pace_interval_us(turns.pace), SECOND_US);
	pace_free(turns.pace);
}

/* Moments of ended peers that are far away, since there were many peers, or ping_interval was longer. */
static void nobody_waits_for_a_moment_that_is_more_than_an_interval_away(void)
{
	struct turns turns;
	begin(&turns, 20);
	run(&turns, 100 * SECOND_US);
	for (int i = 0; i < 18; i++)
		pace_leave(turns.pace, i == 0 ? turns.now_us + 19 * SECOND_US : 0);
	CU_ASSERT(pace_take_us(turns.pace, turns.now_us) <= 2 * SECOND_US);
	/* It is taken when it is near. */
	CU_ASSERT_EQUAL(pace_take_us(turns.pace, turns.now_us + 18 * SECOND_US), SECOND_US);
	pace_leave(turns.pace, turns.now_us + 50 * SECOND_US);
	turns.settings.ping_interval_us = 500 * MS_US;
	CU_ASSERT(pace_take_us(turns.pace, turns.now_us + 20 * SECOND_US) <= 500 * MS_US);
	pace_free(turns.pace);
}

static void another_probe_interval_holds_from_the_next_ping_on(void)
{
	struct turns turns;
	begin(&turns, 10);
	run(&turns, 100 * SECOND_US);
	turns.settings.probe_interval_us = 2 * SECOND_US;
	CU_ASSERT_EQUAL(pace_interval_us(turns.pace), 20 * SECOND_US);
	run(&turns, 40 * SECOND_US);
	struct seen seen = run(&turns, 200 * SECOND_US);
	CU_ASSERT(seen.least_us == 2 * SECOND_US && seen.most_us == 2 * SECOND_US);
	turns.settings.probe_interval_us = SECOND_US / 10;
	run(&turns, 40 * SECOND_US);
	seen = run(&turns, 100 * SECOND_US);
	CU_ASSERT(seen.least_us == SECOND_US / 10 && seen.most_us == SECOND_US / 10);
	pace_free(turns.pace);
}

static void after_a_pause_the_first_come_sooner(void)
{
	struct turns turns;
	begin(&turns, 10);
	run(&turns, 100 * SECOND_US);
	turns.now_us += 1000 * SECOND_US;
	CU_ASSERT_EQUAL(pace_take_us(turns.pace, turns.now_us), 5 * SECOND_US);
	CU_ASSERT_EQUAL(pace_take_us(turns.pace, turns.now_us), 6 * SECOND_US);
	for (int i = 0; i < 20; i++)
		CU_ASSERT(pace_take_us(turns.pace, turns.now_us) <= 10 * SECOND_US);
	pace_free(turns.pace);
}

static CU_TestInfo tests[] = {
	{"one ping is sent in each interval, whatever the number of peers",
	 one_ping_is_sent_in_each_interval_whatever_the_number_of_peers},
	{"no peer waits for longer than ping_interval", no_peer_waits_for_longer_than_ping_interval},
	{"peers that leave give their moments back", peers_that_leave_give_their_moments_back},
	{"nobody waits for a moment that is more than an interval away",
	 nobody_waits_for_a_moment_that_is_more_than_an_interval_away},
	{"another probe_interval holds from the next ping on", another_probe_interval_holds_from_the_next_ping_on},
	{"after a pause the first come sooner", after_a_pause_the_first_come_sooner},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_pace = {.pName = "pace", .pTests = tests};
