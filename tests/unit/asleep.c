#include "asleep.h"

#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sync.h"

void wait_until_asleep(atomic_int *tid, int64_t deadline_us)
{
	char path[64], text[256];
	bool is_asleep = false;
	while (!is_asleep && clock_now_us() < deadline_us) {
		snprintf(path, sizeof path, "/proc/self/task/%d/stat", atomic_load(tid));
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
		text[n > 0 ? n : 0] = '\0';
		is_asleep = strstr(text, ") S ") != NULL;
		if (fd >= 0)
			close(fd);
	}
	CU_ASSERT(is_asleep);
}

static void *note_tid(void *tid)
{
	atomic_store((atomic_int *)tid, gettid());
	return NULL;
}

void start_a_thread_and_wait(int64_t deadline_us)
{
	struct thread thread;
	atomic_int tid = 0;
	CU_ASSERT_EQUAL_FATAL(thread_start(&thread, note_tid, &tid), 0);
	thread_join(thread);
	while (tgkill(getpid(), atomic_load(&tid), 0) == 0 && clock_now_us() < deadline_us)
		thread_yield();
}
