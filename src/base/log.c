#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/output.h"
#include "base/sync.h"
#include "base/text.h"

/* Below PIPE_BUF (4,096 on Linux), so that a pipe takes a line whole or not at all. */
enum { LINE_BYTES = 1024 };

enum { LIMIT_INTERVAL_US = 60 * 1000 * 1000 };

atomic_int log_current_level = LOG_INFO;
static atomic_int current_format = LOG_TEXT;
static bool is_journal; /* set before there are threads */

/* One line is written at a time: one that a full disk takes half of is finished before the next one begins. */
static struct mutex turn = MUTEX_INITIALIZER;
static struct output output GUARDED_BY(turn) = {.fd = STDERR_FILENO};
static char rest[LINE_BYTES] GUARDED_BY(turn); /* of a line that was written in part */
static size_t rest_bytes GUARDED_BY(turn);
static unsigned long dropped_lines GUARDED_BY(turn);
static int last_error GUARDED_BY(turn); /* why the last line that failed was not written */

/* systemd.exec(5), JOURNAL_STREAM: the device and inode of the journal's stream, in decimal. */
bool log_goes_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat status;
	if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
		return false;
	snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)status.st_dev, (unsigned long long)status.st_ino);
	return strcmp(stream, own) == 0;
}

void log_open(void)
{
	is_journal = log_goes_to_journal();
	mutex_lock(&turn);
	output_init(&output, STDERR_FILENO);
	mutex_unlock(&turn);
}

static bool write_rest(void) REQUIRES(turn)
{
	size_t written = output_write(&output, rest, rest_bytes, 0, NULL);
	rest_bytes -= written;
	memmove(rest, rest + written, rest_bytes);
	return rest_bytes == 0;
}

void log_close(void)
{
	mutex_lock(&turn);
	write_rest();
	rest_bytes = 0;
	dropped_lines = 0;
	output_fini(&output);
	output = (struct output){.fd = STDERR_FILENO};
	mutex_unlock(&turn);
	is_journal = false;
}

void log_set_level(enum log_level level)
{
	atomic_store(&log_current_level, (int)level);
}

void log_set_format(enum log_format format)
{
	atomic_store(&current_format, (int)format);
}

enum log_format log_format(void)
{
	return (enum log_format)atomic_load(&current_format);
}

/* What a line begins with. */
static size_t write_head(enum log_level level, enum log_format format, char line[static LINE_BYTES])
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	static const int priorities[] = {3, 4, 6, 7}; /* of syslog(3); sd-daemon(3) has the form */
	char seconds[32];
	struct timespec now;
	struct tm utc;
	size_t used = is_journal ? (size_t)snprintf(line, LINE_BYTES, "<%d>", priorities[level]) : 0;
	if (is_journal && format == LOG_TEXT)
		return used;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
	return used + (size_t)snprintf(line + used, LINE_BYTES - used,
				       format == LOG_JSON ? "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"text\":\""
							  : "%s.%03ldZ %-5s ",
				       seconds, now.tv_nsec / 1000000, names[level]);
}

/* Without the LF. */
static size_t write_whole(enum log_level level, const char *text, size_t length, bool is_cut,
			  char line[static LINE_BYTES])
{
	static const char tail[] = "\"}";
	enum log_format format = log_format();
	size_t used = write_head(level, format, line), room = LINE_BYTES - used - 1;
	if (format == LOG_TEXT)
		return used + text_escape_marked(line + used, room, text, length, is_cut);
	used += text_json(line + used, room - strlen(tail), text, length, is_cut);
	memcpy(line + used, tail, sizeof tail);
	return used + strlen(tail);
}

/* False if nothing of it is written: what is written in part will be finished. */
static bool write_line(enum log_level level, const char *text, size_t length, bool is_cut) REQUIRES(turn)
{
	char line[LINE_BYTES];
	size_t used = write_whole(level, text, length, is_cut, line), written = 0;
	line[used++] = '\n';
	if (write_rest())
		written = output_write(&output, line, used, 0, NULL);
	if (written < used)
		last_error = errno;
	if (written == 0)
		return false;
	rest_bytes = used - written;
	memcpy(rest, line + written, rest_bytes);
	return true;
}

static bool write_notice(void) REQUIRES(turn)
{
	char notice[TEXT_ERROR_BYTES + 64], error[TEXT_ERROR_BYTES];
	text_error(last_error, error);
	int length = snprintf(notice, sizeof notice, "%lu log lines were dropped: %s", dropped_lines,
			      last_error == EAGAIN ? "stderr was not read" : error);
	return write_line(LOG_WARNING, notice, (size_t)length, false);
}

/* Lines that were dropped since the start, for those that ask; dropped_lines are those that are still to be reported.
 */
static _Atomic uint64_t all_dropped;

uint64_t log_dropped(void)
{
	return atomic_load_explicit(&all_dropped, memory_order_relaxed);
}

static void note_drop(void) REQUIRES(turn)
{
	dropped_lines++;
	atomic_fetch_add_explicit(&all_dropped, 1, memory_order_relaxed);
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

	mutex_lock(&turn);
	if (dropped_lines > 0 && write_notice())
		dropped_lines = 0;
	if (dropped_lines > 0 || !write_line(level, text, strlen(text), length >= LINE_BYTES))
		note_drop();
	mutex_unlock(&turn);
}

bool log_limit_take(struct log_limit *limit, unsigned *suppressed)
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
