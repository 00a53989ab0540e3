/* What the kernel says of another process: its memory and its processor time. */
#ifndef KITH_BENCH_PROCESS_H
#define KITH_BENCH_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/* The memory that is this process's alone (smaps_rollup: Private_Clean and Private_Dirty); -1 if there is no such
 * process. */
long process_private_kb(pid_t pid);
/* -1 if there is no such process. */
long process_threads(pid_t pid);
/* The processor time of all its threads, those that have ended too; -1 if there is no such process. */
int64_t process_cpu_ns(pid_t pid);

#endif
