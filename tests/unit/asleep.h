/* For tests of what wakes a thread: is it really waiting? */
#ifndef KITH_UNIT_ASLEEP_H
#define KITH_UNIT_ASLEEP_H

#include <stdatomic.h>
#include <stdint.h>

/* Waits until the thread that has written its gettid() there sleeps in the kernel; a failed test at the deadline. */
void wait_until_asleep(atomic_int *tid, int64_t deadline_us);
/*
 * Starts a thread, and waits until it has gone from the list of the process. With the first thread, ThreadSanitizer
 * starts one of its own, which stays: who counts threads calls this before.
 */
void start_a_thread_and_wait(int64_t deadline_us);

#endif
