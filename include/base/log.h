/*
 * Lines to stderr: `2026-11-23T10:15:02.123Z info  beta (1a2b3c4d, 10.0.0.7:5999) is ready after 3 ms`. If stderr is
 * the journal of systemd, which has a time of its own, a priority takes the place of time and level: `<6>beta ...`. In
 * LOG_JSON a line is an object with the same three, after the priority: `{"time":...,"level":"info","text":...}`. Any
 * thread may log. Nobody waits for the reader of stderr: a line that can't be written now is dropped and counted, and
 * the count is logged with the reason when lines pass again. A line that is written in part is finished then. Every
 * line is escaped as a whole, so text from a peer needs no care by the caller. Never called under a lock.
 */
#ifndef KITH_LOG_H
#define KITH_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_ERROR,   /* the operator must act */
	LOG_WARNING, /* odd */
	LOG_INFO,    /* the life of a peer */
	LOG_DEBUG,   /* every message */
};

enum log_format {
	LOG_TEXT,
	LOG_JSON,
};

/* Before and after these two, lines go to stderr as it is. */
void log_open(void);
void log_close(void);

/* Is stderr the journal of systemd? */
bool log_goes_to_journal(void);

void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
enum log_format log_format(void);

/* log.c's; read by log_is_on, which is asked for every message. */
extern atomic_int log_current_level;
static inline bool log_is_on(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&log_current_level, memory_order_relaxed);
}

/* A line is at most 1,024 bytes with its escapes; a longer one is cut and ends in "...". */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How many lines could not be written, since the start. */
uint64_t log_dropped(void);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) (log_is_on(LOG_DEBUG) ? log_line(LOG_DEBUG, __VA_ARGS__) : (void)0)

/* For a trouble that repeats: true once a minute; *suppressed is how often it was false since. */
struct log_limit {
	_Atomic int64_t next_us;
	atomic_uint suppressed;
};

bool log_limit_take(struct log_limit *limit, unsigned *suppressed);

#endif
