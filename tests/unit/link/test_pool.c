#include "link/pool.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "base/sync.h"
#include "runner.h"
#include "unit/asleep.h"
#include "unit/suites.h"

enum { LATE_US = 20 * 1000 * 1000, LONG_US = 60 * 1000 * 1000, JOBS = 50 };

struct fixture {
	struct pool *pool;
	struct alarm done;
	atomic_int ended;
	size_t threads_before;
};

struct job {
	struct pool_job pool_job; /* first: what the pool runs */
	struct fixture *fixture;
	struct alarm *start; /* NULL: at once */
	struct thread thread;
	atomic_int tid;
};

static void work(struct pool_job *pool_job)
{
	struct job *job = (struct job *)pool_job;
	if (job->start != NULL)
		alarm_wait_until(job->start, clock_now_us() + LATE_US);
	job->thread = thread_self();
	atomic_store(&job->tid, gettid());
	struct fixture *fixture = job->fixture;
	atomic_fetch_add(&fixture->ended, 1);
	alarm_ring(&fixture->done);
}

static size_t count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	size_t count = 0;
	CU_ASSERT_PTR_NOT_NULL_FATAL(tasks);
	/* cppcheck-suppress readdirCalled; one thread reads this directory */
	while (readdir(tasks) != NULL)
		count++;
	closedir(tasks);
	return count;
}

static void fixture_init(struct fixture *fixture, size_t max_parked, int64_t parked_us)
{
	alarm_init(&fixture->done);
	atomic_init(&fixture->ended, 0);
	start_a_thread_and_wait(clock_now_us() + LATE_US);
	fixture->threads_before = count_threads();
	fixture->pool = pool_new(max_parked, parked_us);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->pool);
}

/* Whoever is not parked ends. */
static void wait_for_threads(struct fixture *fixture, size_t count)
{
	int64_t deadline_us = clock_now_us() + LATE_US;
	while (count_threads() != fixture->threads_before + count && clock_now_us() < deadline_us)
		thread_yield();
	CU_ASSERT_EQUAL(count_threads(), fixture->threads_before + count);
}

static void fixture_fini(struct fixture *fixture)
{
	pool_free(fixture->pool);
	/* A thread that was joined may be listed for a moment: the next test would count it. */
	wait_for_threads(fixture, 0);
	alarm_fini(&fixture->done);
}

static void run(struct fixture *fixture, struct job *job, struct alarm *start)
{
	*job = (struct job){.pool_job.run = work, .fixture = fixture, .start = start};
	CU_ASSERT_EQUAL_FATAL(pool_run(fixture->pool, &job->pool_job), 0);
}

static void wait_for_ends(struct fixture *fixture, int count)
{
	int64_t deadline_us = clock_now_us() + LATE_US;
	while (atomic_load(&fixture->ended) < count && clock_now_us() < deadline_us)
		alarm_wait_until(&fixture->done, deadline_us);
	CU_ASSERT_EQUAL(atomic_load(&fixture->ended), count);
}

static bool is_same_thread(const struct job *one, const struct job *other)
{
	return memcmp(&one->thread, &other->thread, sizeof one->thread) == 0;
}

static void a_parked_thread_takes_the_next_job(void)
{
	struct fixture fixture;
	struct job jobs[JOBS];
	fixture_init(&fixture, 1, LONG_US);
	for (int i = 0; i < JOBS; i++) {
		run(&fixture, &jobs[i], NULL);
		wait_for_ends(&fixture, i + 1);
		wait_until_asleep(&jobs[i].tid, clock_now_us() + LATE_US);
		CU_ASSERT_TRUE(is_same_thread(&jobs[i], &jobs[0]));
	}
	fixture_fini(&fixture);
}

static void jobs_run_at_the_same_time(void)
{
	struct fixture fixture;
	struct job jobs[3];
	struct alarm starts[3];
	fixture_init(&fixture, 1, LONG_US);
	for (int i = 0; i < 3; i++) {
		alarm_init(&starts[i]);
		run(&fixture, &jobs[i], &starts[i]);
	}
	for (int i = 2; i >= 0; i--) {
		alarm_ring(&starts[i]);
		wait_for_ends(&fixture, 3 - i);
	}
	CU_ASSERT_FALSE(is_same_thread(&jobs[0], &jobs[1]));
	fixture_fini(&fixture);
	for (int i = 0; i < 3; i++)
		alarm_fini(&starts[i]);
}

static void no_more_are_parked_than_allowed(void)
{
	struct fixture fixture;
	struct job jobs[JOBS];
	struct alarm starts[JOBS];
	fixture_init(&fixture, 3, LONG_US);
	for (int i = 0; i < JOBS; i++) {
		alarm_init(&starts[i]);
		run(&fixture, &jobs[i], &starts[i]);
	}
	for (int i = 0; i < JOBS; i++)
		alarm_ring(&starts[i]);
	wait_for_ends(&fixture, JOBS);
	wait_for_threads(&fixture, 3);
	fixture_fini(&fixture);
	for (int i = 0; i < JOBS; i++)
		alarm_fini(&starts[i]);
}

static void another_limit_holds_for_those_who_park_from_then_on(void)
{
	struct fixture fixture;
	struct job jobs[JOBS];
	struct alarm starts[JOBS];
	fixture_init(&fixture, 0, LONG_US);
	for (int i = 0; i < JOBS; i++) {
		alarm_init(&starts[i]);
		run(&fixture, &jobs[i], &starts[i]);
	}
	pool_set_max_parked(fixture.pool, 2);
	for (int i = 0; i < JOBS / 2; i++)
		alarm_ring(&starts[i]);
	wait_for_ends(&fixture, JOBS / 2);
	/* The others wait for their start. */
	wait_for_threads(&fixture, JOBS / 2 + 2);
	pool_set_max_parked(fixture.pool, 3);
	for (int i = JOBS / 2; i < JOBS; i++)
		alarm_ring(&starts[i]);
	wait_for_ends(&fixture, JOBS);
	wait_for_threads(&fixture, 3);
	fixture_fini(&fixture);
	for (int i = 0; i < JOBS; i++)
		alarm_fini(&starts[i]);
}

static void without_a_place_to_park_each_job_has_its_own_thread(void)
{
	struct fixture fixture;
	struct job jobs[JOBS];
	fixture_init(&fixture, 0, LONG_US);
	for (int i = 0; i < JOBS; i++)
		run(&fixture, &jobs[i], NULL);
	wait_for_ends(&fixture, JOBS);
	wait_for_threads(&fixture, 0);
	fixture_fini(&fixture);
}

static void *free_pool(void *argument)
{
	struct fixture *fixture = argument;
	pool_free(fixture->pool);
	return NULL;
}

static void who_was_parked_for_long_ends(void)
{
	struct fixture fixture;
	struct job first, second;
	fixture_init(&fixture, 3, 1000);
	run(&fixture, &first, NULL);
	wait_for_ends(&fixture, 1);
	wait_for_threads(&fixture, 0);
	run(&fixture, &second, NULL);
	wait_for_ends(&fixture, 2);
	fixture_fini(&fixture);
}

static void the_end_waits_for_every_job(void)
{
	struct fixture fixture;
	struct job jobs[3];
	struct alarm starts[3];
	struct thread stopper;
	fixture_init(&fixture, 3, LONG_US);
	for (int i = 0; i < 3; i++) {
		alarm_init(&starts[i]);
		run(&fixture, &jobs[i], &starts[i]);
	}
	CU_ASSERT_EQUAL_FATAL(thread_start(&stopper, free_pool, &fixture), 0);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(atomic_load(&fixture.ended), i);
		alarm_ring(&starts[i]);
		wait_for_ends(&fixture, i + 1);
	}
	thread_join(stopper);
	for (int i = 0; i < 3; i++)
		alarm_fini(&starts[i]);
	alarm_fini(&fixture.done);
}

static void a_pool_without_jobs_ends_at_once(void)
{
	struct fixture fixture;
	fixture_init(&fixture, 3, LONG_US);
	fixture_fini(&fixture);
	pool_free(NULL);
}

static CU_TestInfo tests[] = {
	{"a parked thread takes the next job", a_parked_thread_takes_the_next_job},
	{"jobs run at the same time", jobs_run_at_the_same_time},
	{"no more are parked than allowed", no_more_are_parked_than_allowed},
	{"another limit holds for those who park from then on", another_limit_holds_for_those_who_park_from_then_on},
	{"without a place to park each job has its own thread", without_a_place_to_park_each_job_has_its_own_thread},
	{"who was parked for long ends", who_was_parked_for_long_ends},
	{"the end waits for every job", the_end_waits_for_every_job},
	{"a pool without jobs ends at once", a_pool_without_jobs_ends_at_once},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_pool = {.pName = "pool", .pTests = tests};
