/* What the process takes of its machine now, as the kernel counts it. */
#ifndef KITH_PROCESS_H
#define KITH_PROCESS_H

#include <stdint.h>

/* -1 for what the kernel doesn't tell. */
struct process_use {
	int64_t memory_bytes; /* resident */
	int64_t threads;
	int64_t cpu_us; /* user and system time */
	int64_t descriptors;
};

struct process_use process_look(void);

#endif
