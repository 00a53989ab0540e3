#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The sum of the lines of /proc/PID/FILE that begin with this name. */
static long sum_lines(pid_t pid, const char *file, const char *name)
{
	char path[64], line[256];
	long sum = -1;
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	FILE *stream = fopen(path, "r");
	if (stream == NULL)
		return -1;
	while (fgets(line, sizeof line, stream) != NULL) {
		const char *colon = strchr(line, ':');
		if (colon != NULL && strncmp(line, name, strlen(name)) == 0)
			sum = (sum < 0 ? 0 : sum) + strtol(colon + 1, NULL, 10);
	}
	fclose(stream);
	return sum;
}

long process_private_kb(pid_t pid)
{
	return sum_lines(pid, "smaps_rollup", "Private_");
}

long process_threads(pid_t pid)
{
	return sum_lines(pid, "status", "Threads:");
}

int64_t process_cpu_ns(pid_t pid)
{
	clockid_t clock;
	struct timespec time;
	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
		return -1;
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
