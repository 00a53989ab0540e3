#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/output.h"
#include "base/sync.h"
#include "base/text.h"

/* Below PIPE_BUF (4,096 on Linux), so that a pipe takes a line whole or not at all. */
enum { LINE_BYTES = 1024 };

enum { LIMIT_INTERVAL_US = 60 * 1000 * 1000 };

static struct output output = {.fd = STDERR_FILENO};
atomic_int log_current_level = LOG_INFO;
static atomic_ulong dropped_lines;

void log_open(void)
{
	output_init(&output, STDERR_FILENO);
}

void log_close(void)
{
	output_fini(&output);
	output = (struct output){.fd = STDERR_FILENO};
}

void log_set_level(enum log_level level)
{
	atomic_store(&log_current_level, (int)level);
}

static bool write_line(enum log_level level, const char *text, size_t length)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	char line[LINE_BYTES];
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
	used += (size_t)snprintf(line + used, sizeof line - used, ".%03ldZ %-5s ", now.tv_nsec / 1000000, names[level]);
	used += text_escape(line + used, sizeof line - used - 1, text, length, TEXT_LINE);
	line[used++] = '\n';
	return output_write(&output, line, used, 0, NULL) == used;
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[LINE_BYTES];
	va_list arguments;

	if (!log_is_on(level))
		return;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;

	unsigned long dropped = atomic_exchange(&dropped_lines, 0);
	if (dropped > 0) {
		char notice[96];
		int n = snprintf(notice, sizeof notice, "%lu log lines were dropped: stderr was not read", dropped);
		if (!write_line(LOG_WARNING, notice, (size_t)n)) {
			atomic_fetch_add(&dropped_lines, dropped + 1);
			return;
		}
	}
	if (!write_line(level, text, strnlen(text, sizeof text)))
		atomic_fetch_add(&dropped_lines, 1);
}

bool log_limit_passes(struct log_limit *limit, unsigned *suppressed)
{
	int64_t now_us = clock_now_us();
	int64_t next_us = atomic_load(&limit->next_us);
	if (now_us < next_us ||
	    !atomic_compare_exchange_strong(&limit->next_us, &next_us, now_us + LIMIT_INTERVAL_US)) {
		atomic_fetch_add(&limit->suppressed, 1);
		return false;
	}
	*suppressed = atomic_exchange(&limit->suppressed, 0);
	return true;
}
