#include "telemetry/process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sync.h"
#include "runner.h"
#include "unit/asleep.h"
#include "unit/suites.h"

static void *wait_for_end(void *pipe_end)
{
	char byte;
	ssize_t n = read(*(int *)pipe_end, &byte, 1);
	(void)n;
	return NULL;
}

static void what_the_process_takes_is_counted(void)
{
	enum { BYTES = 32 * 1024 * 1024, LATE_US = 20 * 1000 * 1000 };
	start_a_thread_and_wait(clock_now_us() + LATE_US);
	struct process_use before = process_look();
	struct thread thread;
	int ends[2];
	CU_ASSERT(before.memory_bytes > 0 && before.threads > 0 && before.descriptors >= 3 && before.cpu_us >= 0);
	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	CU_ASSERT_EQUAL_FATAL(thread_start(&thread, wait_for_end, &ends[0]), 0);
	char *block = malloc(BYTES);
	CU_ASSERT_PTR_NOT_NULL_FATAL(block);
	explicit_bzero(block, BYTES);
	struct process_use after = process_look();
	free(block);
	close(ends[1]);
	thread_join(thread);
	close(ends[0]);
	CU_ASSERT_EQUAL(after.threads, before.threads + 1);
	CU_ASSERT_EQUAL(after.descriptors, before.descriptors + 2);
	CU_ASSERT(after.memory_bytes >= before.memory_bytes + BYTES / 2);
	CU_ASSERT(after.cpu_us >= before.cpu_us);
}

static CU_TestInfo tests[] = {
	{"what the process takes is counted", what_the_process_takes_is_counted},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_process = {"process", NULL, NULL, NULL, NULL, tests};
