#include "base/sync.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "runner.h"
#include "unit/suites.h"

/* So late that whoever waits for it instead of what it should wait for is seen to be wrong. */
enum { LATE_US = 20 * 1000 * 1000, SOON_US = 20 * 1000, THREADS = 4 };

static void the_clock_never_goes_back(void)
{
	const int64_t century_us = (int64_t)36525 * 24 * 3600 * 1000 * 1000;
	int64_t last_us = clock_now_us();
	/* What was before the machine booted is a moment above 0 too. */
	CU_ASSERT(last_us > century_us);
	for (int i = 0; i < 10000; i++) {
		int64_t now_us = clock_now_us();
		CU_ASSERT(now_us >= last_us);
		last_us = now_us;
	}
}

struct visit {
	int argument;
	struct thread self;
};

static void *note_visit(void *argument)
{
	struct visit *visit = argument;
	visit->argument++;
	visit->self = thread_self();
	return NULL;
}

static void a_thread_has_done_its_work_once_it_is_joined(void)
{
	struct visit visits[THREADS] = {{0}};
	struct thread threads[THREADS];
	for (int i = 0; i < THREADS; i++) {
		visits[i].argument = i;
		CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], note_visit, &visits[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		thread_join(threads[i]);
		CU_ASSERT_EQUAL(visits[i].argument, i + 1);
		CU_ASSERT(pthread_equal(visits[i].self.real, threads[i].real));
	}
}

struct counter {
	struct mutex mutex;
	struct condition changed;
	int count;
	bool may_go;
};

static void *count_up(void *argument)
{
	struct counter *counter = argument;
	for (int i = 0; i < 20000; i++) {
		mutex_lock(&counter->mutex);
		counter->count++;
		mutex_unlock(&counter->mutex);
	}
	return NULL;
}

static void a_mutex_lets_in_one_thread_at_a_time(void)
{
	struct counter counter = {0};
	struct thread threads[THREADS];
	mutex_init(&counter.mutex);
	for (int i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], count_up, &counter), 0);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	CU_ASSERT_EQUAL(counter.count, THREADS * 20000);
	mutex_fini(&counter.mutex);
}

static void *arrive_and_wait(void *argument)
{
	struct counter *counter = argument;
	int64_t deadline_us = clock_now_us() + LATE_US;
	mutex_lock(&counter->mutex);
	counter->count++;
	condition_broadcast(&counter->changed);
	while (!counter->may_go && condition_wait_until(&counter->changed, &counter->mutex, deadline_us))
		;
	counter->count -= counter->may_go;
	mutex_unlock(&counter->mutex);
	return NULL;
}

static void a_broadcast_wakes_all_who_wait(void)
{
	struct counter counter = {0};
	struct thread threads[THREADS];
	int64_t deadline_us = clock_now_us() + LATE_US;
	mutex_init(&counter.mutex);
	condition_init(&counter.changed);
	for (int i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], arrive_and_wait, &counter), 0);
	mutex_lock(&counter.mutex);
	while (counter.count < THREADS && condition_wait_until(&counter.changed, &counter.mutex, deadline_us))
		;
	CU_ASSERT_EQUAL(counter.count, THREADS);
	counter.may_go = true;
	condition_broadcast(&counter.changed);
	mutex_unlock(&counter.mutex);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	CU_ASSERT_EQUAL(counter.count, 0);
	CU_ASSERT(clock_now_us() < deadline_us);
	condition_fini(&counter.changed);
	mutex_fini(&counter.mutex);
}

static void a_wait_ends_at_its_deadline_and_not_before(void)
{
	struct mutex mutex;
	struct condition condition;
	int64_t start_us = clock_now_us(), deadline_us = start_us + SOON_US;
	mutex_init(&mutex);
	condition_init(&condition);
	mutex_lock(&mutex);
	while (condition_wait_until(&condition, &mutex, deadline_us))
		;
	CU_ASSERT(clock_now_us() >= deadline_us);
	CU_ASSERT(clock_now_us() < start_us + LATE_US);
	CU_ASSERT_FALSE(condition_wait_until(&condition, &mutex, start_us));
	mutex_unlock(&mutex);
	condition_fini(&condition);
	mutex_fini(&mutex);
}

static void an_alarm_that_rang_before_ends_the_next_wait_at_once(void)
{
	struct alarm alarm;
	int64_t deadline_us = clock_now_us() + LATE_US;
	alarm_init(&alarm);
	alarm_ring(&alarm);
	alarm_wait_until(&alarm, deadline_us);
	CU_ASSERT(clock_now_us() < deadline_us);
	alarm_ring(&alarm);
	alarm_wait_until(&alarm, FOREVER_US);
	alarm_fini(&alarm);
}

static void rings_do_not_add_up(void)
{
	struct alarm alarm;
	alarm_init(&alarm);
	for (int i = 0; i < 3; i++)
		alarm_ring(&alarm);
	alarm_wait_until(&alarm, clock_now_us() + LATE_US);
	int64_t deadline_us = clock_now_us() + SOON_US;
	alarm_wait_until(&alarm, deadline_us);
	CU_ASSERT(clock_now_us() >= deadline_us);
	alarm_fini(&alarm);
}

static void *ring(void *argument)
{
	alarm_ring(argument);
	return NULL;
}

static void another_thread_ends_the_wait_for_an_alarm(void)
{
	struct alarm alarm;
	int64_t deadline_us = clock_now_us() + LATE_US;
	alarm_init(&alarm);
	for (int i = 0; i < 100; i++) {
		struct thread thread;
		CU_ASSERT_EQUAL_FATAL(thread_start(&thread, ring, &alarm), 0);
		alarm_wait_until(&alarm, deadline_us);
		thread_join(thread);
	}
	CU_ASSERT(clock_now_us() < deadline_us);
	alarm_fini(&alarm);
}

static bool is_readable(int fd, int wait_ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	return poll(&ready, 1, wait_ms) == 1 && (ready.revents & POLLIN) != 0;
}

static void a_wakeup_is_readable_for_ever_once_it_rang(void)
{
	struct wakeup wakeup;
	CU_ASSERT_EQUAL_FATAL(wakeup_init(&wakeup), 0);
	CU_ASSERT_FALSE(is_readable(wakeup.fd, 0));
	wakeup_ring(&wakeup);
	for (int i = 0; i < 3; i++)
		CU_ASSERT(is_readable(wakeup.fd, 0));
	wakeup_fini(&wakeup);
}

static void a_wakeup_may_ring_any_number_of_times(void)
{
	struct wakeup wakeup;
	CU_ASSERT_EQUAL_FATAL(wakeup_init(&wakeup), 0);
	/* More than a pipe holds: 64 KiB on Linux. */
	for (int i = 0; i < 70000; i++)
		wakeup_ring(&wakeup);
	CU_ASSERT(is_readable(wakeup.fd, 0));
	wakeup_fini(&wakeup);
}

static void *ring_wakeup(void *argument)
{
	wakeup_ring(argument);
	return NULL;
}

static void another_thread_ends_a_poll_on_a_wakeup(void)
{
	struct wakeup wakeup;
	struct thread thread;
	CU_ASSERT_EQUAL_FATAL(wakeup_init(&wakeup), 0);
	CU_ASSERT_EQUAL_FATAL(thread_start(&thread, ring_wakeup, &wakeup), 0);
	CU_ASSERT(is_readable(wakeup.fd, LATE_US / 1000));
	thread_join(thread);
	wakeup_fini(&wakeup);
}

static void a_wakeup_leaves_no_descriptor_behind_nor_to_a_program_that_is_started(void)
{
	struct wakeup wakeup;
	CU_ASSERT_EQUAL_FATAL(wakeup_init(&wakeup), 0);
	CU_ASSERT(fcntl(wakeup.fd, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT(fcntl(wakeup.ring_fd, F_GETFD) & FD_CLOEXEC);
	wakeup_fini(&wakeup);
	CU_ASSERT_EQUAL(fcntl(wakeup.fd, F_GETFD), -1);
	CU_ASSERT_EQUAL(fcntl(wakeup.ring_fd, F_GETFD), -1);
}

static CU_TestInfo tests[] = {
	{"the clock never goes back", the_clock_never_goes_back},
	{"a thread has done its work once it is joined", a_thread_has_done_its_work_once_it_is_joined},
	{"a mutex lets in one thread at a time", a_mutex_lets_in_one_thread_at_a_time},
	{"a broadcast wakes all who wait", a_broadcast_wakes_all_who_wait},
	{"a wait ends at its deadline and not before", a_wait_ends_at_its_deadline_and_not_before},
	{"an alarm that rang before ends the next wait at once", an_alarm_that_rang_before_ends_the_next_wait_at_once},
	{"rings do not add up", rings_do_not_add_up},
	{"another thread ends the wait for an alarm", another_thread_ends_the_wait_for_an_alarm},
	{"a wakeup is readable for ever once it rang", a_wakeup_is_readable_for_ever_once_it_rang},
	{"a wakeup may ring any number of times", a_wakeup_may_ring_any_number_of_times},
	{"another thread ends a poll on a wakeup", another_thread_ends_a_poll_on_a_wakeup},
	{"a wakeup leaves no descriptor behind, nor to a program that is started",
	 a_wakeup_leaves_no_descriptor_behind_nor_to_a_program_that_is_started},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_sync = {.pName = "sync", .pTests = tests};
