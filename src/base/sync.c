#include "base/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"

/*
 * 64 KiB hold the deepest path (a table of addresses to JSON) several times over; a default stack would be 8 MiB of
 * address space for each of two threads a peer. Sanitizers widen every frame.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
enum { STACK_BYTES = 1024 * 1024 };
#else
enum { STACK_BYTES = 64 * 1024 };
#endif

static int64_t read_clock_us(clockid_t clock)
{
	struct timespec now;
	must(clock_gettime(clock, &now) == 0);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
	return CLOCK_START_US + read_clock_us(CLOCK_MONOTONIC);
}

int64_t clock_unix_us(void)
{
	return read_clock_us(CLOCK_REALTIME);
}

int64_t clock_asleep_us(void)
{
	return read_clock_us(CLOCK_BOOTTIME) - read_clock_us(CLOCK_MONOTONIC);
}

void mutex_init(struct mutex *mutex)
{
	must(pthread_mutex_init(&mutex->real, NULL) == 0);
}

void mutex_fini(struct mutex *mutex)
{
	must(pthread_mutex_destroy(&mutex->real) == 0);
}

void mutex_lock(struct mutex *mutex) UNCHECKED
{
	must(pthread_mutex_lock(&mutex->real) == 0);
}

void mutex_unlock(struct mutex *mutex) UNCHECKED
{
	must(pthread_mutex_unlock(&mutex->real) == 0);
}

void condition_init(struct condition *condition)
{
	pthread_condattr_t attributes;
	must(pthread_condattr_init(&attributes) == 0);
	must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	must(pthread_cond_init(&condition->real, &attributes) == 0);
	pthread_condattr_destroy(&attributes);
}

void condition_fini(struct condition *condition)
{
	must(pthread_cond_destroy(&condition->real) == 0);
}

void condition_signal(struct condition *condition)
{
	must(pthread_cond_signal(&condition->real) == 0);
}

void condition_broadcast(struct condition *condition)
{
	must(pthread_cond_broadcast(&condition->real) == 0);
}

bool condition_wait_until(struct condition *condition, struct mutex *mutex, int64_t deadline_us)
{
	if (deadline_us == FOREVER_US) {
		must(pthread_cond_wait(&condition->real, &mutex->real) == 0);
		return true;
	}
	int64_t until_us = deadline_us > CLOCK_START_US ? deadline_us - CLOCK_START_US : 0;
	struct timespec until = {.tv_sec = (time_t)(until_us / 1000000), .tv_nsec = (long)(until_us % 1000000) * 1000};
	int error = pthread_cond_timedwait(&condition->real, &mutex->real, &until);
	must(error == 0 || error == ETIMEDOUT);
	return error == 0;
}

/* PR_FUTEX_HASH_SET_SLOTS(2const), since Linux 6.17; the headers may be older. */
enum { FUTEX_HASH = 78, FUTEX_HASH_SET_SLOTS = 1 };

/*
 * With two processors a process has 16 slots for all its waiting threads, and the kernel searches a slot to wake one.
 * With 10,000 idle peers that are pinged every 5 s this call brings the processor time down from 41 % of a core to 18 %
 * (load idle -c 10000 -s 9 -t 10, as make bench BENCH=memory10000 does). A slot takes 64 bytes of the kernel's memory.
 */
void threads_expect(size_t waiting)
{
	enum { LEAST_SLOTS = 16, MOST_SLOTS = 65536 };
	unsigned long slots = LEAST_SLOTS;
	while (slots < waiting && slots < MOST_SLOTS)
		slots *= 2;
	/* An older kernel has one table for all processes, and says EINVAL. */
	prctl(FUTEX_HASH, FUTEX_HASH_SET_SLOTS, slots, 0UL, 0UL);
}

/*
 * The stacks are our own, with a guard page below each. glibc would keep those of threads that have ended, up to
 * 20 kB of each in use and 40 MB in all: a node that once had 300 threads kept 4 MB.
 */
static size_t guard_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* As much as the system asks for, if that is more: 128 KiB on arm64. */
static size_t stack_bytes(void)
{
	long least = sysconf(_SC_THREAD_STACK_MIN);
	return least > STACK_BYTES ? (size_t)least : STACK_BYTES;
}

static void *map_stack(void)
{
	size_t guard = guard_bytes(), bytes = guard + stack_bytes();
	/* cppcheck-suppress invalidFunctionArg; without a file the descriptor is -1 */
	char *stack = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (stack == MAP_FAILED)
		return NULL;
	if (mprotect(stack + guard, stack_bytes(), PROT_READ | PROT_WRITE) == 0)
		return stack;
	munmap(stack, bytes);
	return NULL;
}

static void unmap_stack(void *stack)
{
	if (stack != NULL)
		munmap(stack, guard_bytes() + stack_bytes());
}

/* What a new thread is told; it frees that. */
struct start {
	void *(*body)(void *argument);
	void *argument;
	void *stack;
};

static _Thread_local void *own_stack;

static void *run(void *given)
{
	struct start start = *(struct start *)given;
	free(given);
	own_stack = start.stack;
	return start.body(start.argument);
}

static int create(struct thread *thread, struct start *start)
{
	pthread_attr_t attributes;
	int error = pthread_attr_init(&attributes);
	if (error != 0)
		return error;
	error = pthread_attr_setstack(&attributes, (char *)start->stack + guard_bytes(), stack_bytes());
	if (error == 0)
		error = pthread_create(&thread->real, &attributes, run, start);
	pthread_attr_destroy(&attributes);
	return error;
}

int thread_start(struct thread *thread, void *(*body)(void *), void *argument)
{
	struct start *start = malloc(sizeof *start);
	void *stack = start == NULL ? NULL : map_stack();
	int error = ENOMEM;
	if (stack != NULL) {
		*start = (struct start){body, argument, stack};
		thread->stack = stack;
		error = create(thread, start);
	}
	if (error != 0) {
		unmap_stack(stack);
		free(start);
	}
	return error;
}

void thread_trim_stack(void)
{
	enum { CALL_BYTES = 256 }; /* what the call of madvise may use itself */
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t bottom = (uintptr_t)own_stack + guard_bytes();
	uintptr_t used = ((uintptr_t)__builtin_frame_address(0) - CALL_BYTES) / page * page;
	if (own_stack != NULL && used > bottom)
		madvise((char *)own_stack + guard_bytes(), used - bottom, MADV_DONTNEED);
}

void thread_yield(void)
{
	sched_yield();
}

struct thread thread_self(void)
{
	return (struct thread){.real = pthread_self(), .stack = own_stack};
}

void thread_join(struct thread thread)
{
	must(pthread_join(thread.real, NULL) == 0);
	unmap_stack(thread.stack);
}

void alarm_init(struct alarm *alarm)
{
	mutex_init(&alarm->mutex);
	condition_init(&alarm->rung);
	alarm->ringing = false;
}

void alarm_fini(struct alarm *alarm)
{
	condition_fini(&alarm->rung);
	mutex_fini(&alarm->mutex);
}

void alarm_ring(struct alarm *alarm)
{
	mutex_lock(&alarm->mutex);
	alarm->ringing = true;
	condition_signal(&alarm->rung);
	mutex_unlock(&alarm->mutex);
}

void alarm_wait_until(struct alarm *alarm, int64_t deadline_us)
{
	mutex_lock(&alarm->mutex);
	while (!alarm->ringing && condition_wait_until(&alarm->rung, &alarm->mutex, deadline_us))
		;
	alarm->ringing = false;
	mutex_unlock(&alarm->mutex);
}

int wakeup_init(struct wakeup *wakeup)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return errno;
	*wakeup = (struct wakeup){.fd = ends[0], .ring_fd = ends[1]};
	return 0;
}

void wakeup_fini(struct wakeup *wakeup)
{
	close(wakeup->fd);
	close(wakeup->ring_fd);
}

void wakeup_ring(const struct wakeup *wakeup)
{
	/*
	 * A full pipe is readable already: that is all a ring has to achieve. Linux allocates a pipe's memory at the
	 * first write; a ring that got lost for want of it would never be heard.
	 */
	while (write(wakeup->ring_fd, "", 1) < 0 && errno != EAGAIN)
		;
}

void wakeup_clear(const struct wakeup *wakeup)
{
	char rings[64];
	while (read(wakeup->fd, rings, sizeof rings) > 0)
		;
}
