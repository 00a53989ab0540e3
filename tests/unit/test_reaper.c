#include "reaper.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "../runner.h"
#include "must.h"
#include "suites.h"

enum { LATE_US = 20 * 1000 * 1000, THREADS = 50 };

struct job {
	struct reaper_entry entry; /* first: what the reaper buries */
	struct reaper *reaper;
	struct alarm *start; /* NULL: at once */
	atomic_int *ended, *buried;
	struct alarm *done; /* rung at the burial */
};

static void bury(struct reaper_entry *entry)
{
	struct job *job = (struct job *)entry;
	struct alarm *done = job->done;
	atomic_fetch_add(job->buried, 1);
	free(job);
	alarm_ring(done);
}

static void *work(void *argument)
{
	struct job *job = argument;
	if (job->start != NULL)
		alarm_wait_until(job->start, clock_now_us() + LATE_US);
	atomic_fetch_add(job->ended, 1);
	reaper_give(job->reaper, &job->entry);
	return NULL;
}

struct fixture {
	struct reaper *reaper;
	struct alarm done;
	atomic_int ended, buried;
};

static void fixture_init(struct fixture *fixture)
{
	int error = -1;
	alarm_init(&fixture->done);
	atomic_init(&fixture->ended, 0);
	atomic_init(&fixture->buried, 0);
	fixture->reaper = reaper_start(&error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->reaper);
	CU_ASSERT_EQUAL(error, 0);
}

static void start_job(struct fixture *fixture, struct alarm *start)
{
	struct job *job = calloc(1, sizeof *job);
	struct thread thread;
	must(job != NULL);
	*job = (struct job){.entry.bury = bury,
			    .reaper = fixture->reaper,
			    .start = start,
			    .ended = &fixture->ended,
			    .buried = &fixture->buried,
			    .done = &fixture->done};
	reaper_expect(fixture->reaper);
	CU_ASSERT_EQUAL_FATAL(thread_start(&thread, work, job), 0);
}

static void wait_for_burials(struct fixture *fixture, int count)
{
	int64_t deadline_us = clock_now_us() + LATE_US;
	while (atomic_load(&fixture->buried) < count && clock_now_us() < deadline_us)
		alarm_wait_until(&fixture->done, deadline_us);
	CU_ASSERT_EQUAL(atomic_load(&fixture->buried), count);
}

static void threads_are_joined_as_they_end(void)
{
	struct fixture fixture;
	fixture_init(&fixture);
	for (int i = 0; i < THREADS; i++)
		start_job(&fixture, NULL);
	wait_for_burials(&fixture, THREADS);
	CU_ASSERT_EQUAL(atomic_load(&fixture.ended), THREADS);
	reaper_stop(fixture.reaper);
	alarm_fini(&fixture.done);
}

static void a_thread_that_goes_on_keeps_no_other_from_its_burial(void)
{
	struct fixture fixture;
	struct alarm start;
	alarm_init(&start);
	fixture_init(&fixture);
	start_job(&fixture, &start);
	start_job(&fixture, NULL);
	wait_for_burials(&fixture, 1);
	alarm_ring(&start);
	reaper_stop(fixture.reaper);
	CU_ASSERT_EQUAL(atomic_load(&fixture.buried), 2);
	alarm_fini(&start);
	alarm_fini(&fixture.done);
}

static void *stop(void *argument)
{
	struct fixture *fixture = argument;
	reaper_stop(fixture->reaper);
	alarm_ring(&fixture->done);
	return NULL;
}

static void a_stop_waits_for_every_thread(void)
{
	struct fixture fixture;
	struct alarm starts[3];
	struct thread stopper;
	fixture_init(&fixture);
	for (int i = 0; i < 3; i++) {
		alarm_init(&starts[i]);
		start_job(&fixture, &starts[i]);
	}
	CU_ASSERT_EQUAL_FATAL(thread_start(&stopper, stop, &fixture), 0);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(atomic_load(&fixture.buried), i);
		alarm_ring(&starts[i]);
		wait_for_burials(&fixture, i + 1);
	}
	thread_join(stopper);
	for (int i = 0; i < 3; i++)
		alarm_fini(&starts[i]);
	alarm_fini(&fixture.done);
}

static void a_thread_that_could_not_start_is_not_waited_for(void)
{
	struct fixture fixture;
	fixture_init(&fixture);
	reaper_expect(fixture.reaper);
	start_job(&fixture, NULL);
	reaper_forget(fixture.reaper);
	reaper_stop(fixture.reaper);
	CU_ASSERT_EQUAL(atomic_load(&fixture.buried), 1);
	alarm_fini(&fixture.done);
}

static void a_reaper_without_threads_stops_at_once(void)
{
	struct fixture fixture;
	fixture_init(&fixture);
	reaper_stop(fixture.reaper);
	reaper_stop(NULL);
	alarm_fini(&fixture.done);
}

static CU_TestInfo tests[] = {
	{"threads are joined as they end", threads_are_joined_as_they_end},
	{"a thread that goes on keeps no other from its burial", a_thread_that_goes_on_keeps_no_other_from_its_burial},
	{"a stop waits for every thread", a_stop_waits_for_every_thread},
	{"a thread that could not start is not waited for", a_thread_that_could_not_start_is_not_waited_for},
	{"a reaper without threads stops at once", a_reaper_without_threads_stops_at_once},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_reaper = {.pName = "reaper", .pTests = tests};
