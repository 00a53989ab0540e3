/*
 * Mutexes, condition variables, threads, the monotonic clock: the one place that includes <pthread.h>.
 *
 * The annotations are read by clang's -Wthread-safety (`make lint`) and vanish elsewhere. In C a member can't name its
 * sibling as its guard, so a module declares one `extern struct mutex NAME_guard;` that is never defined, marks its
 * members GUARDED_BY(NAME_guard), and has private enter() and leave() functions that say they acquire and release it.
 */
#ifndef KITH_SYNC_H
#define KITH_SYNC_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#define ANNOTATION(x) __attribute__((x))
#else
#define ANNOTATION(x)
#endif
#define CAPABILITY(name) ANNOTATION(capability(name))
#define GUARDED_BY(guard) ANNOTATION(guarded_by(guard))
#define ACQUIRES(...) ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASES(...) ANNOTATION(release_capability(__VA_ARGS__))
#define REQUIRES(...) ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) ANNOTATION(locks_excluded(__VA_ARGS__))
#define UNCHECKED ANNOTATION(no_thread_safety_analysis)

/* A deadline that never comes. */
#define FOREVER_US INT64_MAX

static inline int64_t clock_earlier(int64_t one_us, int64_t other_us)
{
	return one_us < other_us ? one_us : other_us;
}

/*
 * Microseconds of CLOCK_MONOTONIC, and CLOCK_START_US more: the only clock that decides anything. Moments that others
 * tell may be before this machine booted, up to a hundred years: none of them is below 0, which often stands for none.
 */
#define CLOCK_START_US ((int64_t)40000 * 24 * 3600 * 1000 * 1000)
int64_t clock_now_us(void);
/* Microseconds of Unix time, for what outlives the process. */
int64_t clock_unix_us(void);
/* How long the machine was suspended since it booted, a time that CLOCK_MONOTONIC leaves out. */
int64_t clock_asleep_us(void);

struct CAPABILITY("mutex") mutex {
	pthread_mutex_t real;
};

/* For a static one, which needs no mutex_init. */
#define MUTEX_INITIALIZER                                                                                              \
	{                                                                                                              \
		PTHREAD_MUTEX_INITIALIZER                                                                              \
	}

void mutex_init(struct mutex *mutex);
void mutex_fini(struct mutex *mutex);
void mutex_lock(struct mutex *mutex) ACQUIRES(*mutex);
void mutex_unlock(struct mutex *mutex) RELEASES(*mutex);

struct condition {
	pthread_cond_t real;
};

void condition_init(struct condition *condition);
void condition_fini(struct condition *condition);
void condition_signal(struct condition *condition);
void condition_broadcast(struct condition *condition);
/* Blocks until a signal, spuriously or until deadline_us; false means that the deadline has passed. */
bool condition_wait_until(struct condition *condition, struct mutex *mutex, int64_t deadline_us) REQUIRES(*mutex);

struct thread {
	pthread_t real;
	void *stack; /* unmapped by the thread that joins it */
};

/*
 * Before the first thread is started: this many may wait for mutexes and condition variables at once. A hint to
 * the kernel, which otherwise looks for each that is woken among a sixteenth of all.
 */
void threads_expect(size_t waiting);

/* Starts body(argument) on a stack of 64 KiB or more with all signals as the caller has them. 0, or an errno. */
int thread_start(struct thread *thread, void *(*body)(void *), void *argument);
/*
 * Gives back the memory of the stack that the caller's earlier calls have used, and that it uses no more: whole pages.
 * What is left of one that only waits then is a single page, where the process has begun as main.c makes it begin.
 */
void thread_trim_stack(void);
/* Lets the threads that wait for a core go first. */
void thread_yield(void);
struct thread thread_self(void);
/* Blocks until the thread has ended. Each started thread is joined exactly once. */
void thread_join(struct thread thread);

/* An alarm: one thread waits, any thread rings. If no thread waits, the next wait ends at once. */
struct alarm {
	struct mutex mutex;
	struct condition rung;
	bool ringing;
};

void alarm_init(struct alarm *alarm);
void alarm_fini(struct alarm *alarm);
void alarm_ring(struct alarm *alarm);
/* Blocks until it rings or until deadline_us. */
void alarm_wait_until(struct alarm *alarm, int64_t deadline_us);

/* A wakeup: an alarm for a thread that waits in poll(2). fd is readable from wakeup_ring until wakeup_clear. */
struct wakeup {
	int fd;
	int ring_fd;
};

/* 0, or an errno (and then there is nothing to fini). */
int wakeup_init(struct wakeup *wakeup);
void wakeup_fini(struct wakeup *wakeup);
void wakeup_ring(const struct wakeup *wakeup);
void wakeup_clear(const struct wakeup *wakeup);

#endif
