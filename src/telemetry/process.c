#include "telemetry/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* proc(5): resident pages are the 24th field of the line, threads the 20th; the second may hold spaces. */
static void read_stat(struct process_use *use)
{
	char line[1024];
	long threads, pages;
	FILE *file = fopen("/proc/self/stat", "re");
	if (file == NULL)
		return;
	size_t length = fread(line, 1, sizeof line - 1, file);
	fclose(file);
	line[length] = '\0';
	const char *rest = strrchr(line, ')');
	if (rest == NULL || sscanf(rest + 1,
				   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %*u "
				   "%*u %ld",
				   &threads, &pages) != 2)
		return;
	use->threads = threads;
	use->memory_bytes = pages * sysconf(_SC_PAGESIZE);
}

static int64_t count_descriptors(void)
{
	/* ".", ".." and the one that reads them. */
	int64_t count = -3;
	DIR *directory = opendir("/proc/self/fd");
	if (directory == NULL)
		return -1;
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

struct process_use process_look(void)
{
	struct process_use use = {.memory_bytes = -1, .threads = -1, .cpu_us = -1};
	struct rusage usage;
	read_stat(&use);
	use.descriptors = count_descriptors();
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		use.cpu_us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
			     usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	return use;
}
