/* For tests of what wakes a thread: is it really waiting? */
#ifndef KITH_UNIT_ASLEEP_H
#define KITH_UNIT_ASLEEP_H

#include <stdatomic.h>
#include <stdint.h>

/* Waits until the thread that has written its gettid() there sleeps in the kernel; a failed test at the deadline. */
void wait_until_asleep(atomic_int *tid, int64_t deadline_us);

#endif
