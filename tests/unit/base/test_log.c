#include "base/log.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/sync.h"
#include "runner.h"
#include "unit/suites.h"

enum { TEXT_BYTES = 256 * 1024, STAMP_BYTES = sizeof "2026-11-23T10:15:02.123Z " - 1, LINE_MOST = 1024 };

/* stderr as a pipe that this test reads. */
static int saved_stderr;
static int reading_end;
static char text[TEXT_BYTES];

static void capture_stderr(void)
{
	int ends[2];
	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	CU_ASSERT_EQUAL_FATAL(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	CU_ASSERT_FATAL(saved_stderr >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
	close(ends[1]);
	reading_end = ends[0];
	log_set_level(LOG_INFO);
	log_open();
}

static void release_stderr(void)
{
	log_close();
	log_set_level(LOG_INFO);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(reading_end);
}

/* What was logged since the last call, in text. */
static size_t read_log(void)
{
	size_t length = 0;
	ssize_t n;
	while (length < sizeof text - 1 && (n = read(reading_end, text + length, sizeof text - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	return length;
}

static bool matches(const char *line, const char *pattern)
{
	regex_t regex;
	CU_ASSERT_EQUAL_FATAL(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	bool is_match = regexec(&regex, line, 0, NULL, 0) == 0;
	regfree(&regex);
	return is_match;
}

#define STAMP_ALONE "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"
#define STAMP STAMP_ALONE " "

static void a_line_has_a_time_a_level_and_a_text(void)
{
	capture_stderr();
	log_set_level(LOG_DEBUG);
	static const char *const patterns[] = {
		[LOG_ERROR] = STAMP "error peer 7: gone\n$",
		[LOG_WARNING] = STAMP "warning peer 7: gone\n$",
		[LOG_INFO] = STAMP "info  peer 7: gone\n$",
		[LOG_DEBUG] = STAMP "debug peer 7: gone\n$",
	};
	for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
		log_line((enum log_level)level, "peer %d: %s", 7, "gone");
		read_log();
		EXPECT(matches(text, patterns[level]), "%s", text);
	}
	release_stderr();
}

static void the_time_of_a_line_is_now_in_utc(void)
{
	struct tm utc = {0};
	capture_stderr();
	time_t before = time(NULL);
	log_info("now");
	read_log();
	CU_ASSERT_PTR_NOT_NULL(strptime(text, "%Y-%m-%dT%H:%M:%S", &utc));
	time_t logged = timegm(&utc);
	/* time() is read from a clock that may lag by a tick, and be a second behind. */
	CU_ASSERT(logged >= before - 1 && logged <= time(NULL) + 1);
	release_stderr();
}

/* JOURNAL_STREAM for the pipe, or with another inode. */
static void name_journal(ino_t more)
{
	char stream[64];
	struct stat status;
	CU_ASSERT_EQUAL_FATAL(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino + more);
	setenv("JOURNAL_STREAM", stream, 1);
	log_close();
	log_open();
}

static void a_line_in_the_journal_has_a_priority_and_no_time(void)
{
	static const char *const lines[] = {
		[LOG_ERROR] = "<3>gone\\x0a<0>\n",
		[LOG_WARNING] = "<4>gone\\x0a<0>\n",
		[LOG_INFO] = "<6>gone\\x0a<0>\n",
		[LOG_DEBUG] = "<7>gone\\x0a<0>\n",
	};
	capture_stderr();
	log_set_level(LOG_DEBUG);
	name_journal(0);
	for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
		log_line((enum log_level)level, "gone\n<0>");
		read_log();
		EXPECT(strcmp(text, lines[level]) == 0, "%s", text);
	}
	/* Of the process that this one was started by: its stderr isn't ours. */
	name_journal(1);
	log_info("gone");
	read_log();
	EXPECT(matches(text, STAMP "info  gone\n$"), "%s", text);
	unsetenv("JOURNAL_STREAM");
	release_stderr();
}

static int count_call(int *calls)
{
	return ++*calls;
}

static void a_level_shows_itself_and_what_is_worse(void)
{
	capture_stderr();
	for (int set = LOG_ERROR; set <= LOG_DEBUG; set++) {
		log_set_level((enum log_level)set);
		for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
			log_line((enum log_level)level, "x");
			EXPECT((read_log() > 0) == (level <= set), "level %d, set to %d", level, set);
			EXPECT(log_is_on((enum log_level)level) == (level <= set), "level %d, set to %d", level, set);
		}
		int calls = 0;
		log_debug("%d", count_call(&calls));
		EXPECT(calls == (set == LOG_DEBUG), "set to %d", set);
		read_log();
	}
	release_stderr();
}

static void text_from_a_peer_stays_on_its_line(void)
{
	capture_stderr();
	log_info("name %s", "evil\n2026-11-23T10:15:02.123Z error forged\r\x1b[2J\xff");
	read_log();
	EXPECT(strcmp(text + STAMP_BYTES,
		      "info  name evil\\x0a2026-11-23T10:15:02.123Z error forged\\x0d\\x1b[2J\\xff\n") == 0,
	       "%s", text);
	release_stderr();
}

static void a_long_line_is_cut_and_still_a_line(void)
{
	static const struct {
		const char *what;
		char filler;
		size_t length;
		bool is_cut;
	} cases[] = {
		{"plain", 'x', 3000, true},
		{"escaped", '\n', 3000, true},
		{"escaped, shorter", '\x01', 400, true},
		{"above the limit", 'x', 992, true},
		{"at the limit", 'x', 991, false},
	};
	capture_stderr();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *filler = calloc(1, cases[i].length + 1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(filler);
		memset(filler, cases[i].filler, cases[i].length);
		log_info("%s", filler);
		size_t length = read_log();
		EXPECT(length <= LINE_MOST && length > LINE_MOST - 12, "%s: %zu bytes", cases[i].what, length);
		EXPECT(length > 0 && strchr(text, '\n') == text + length - 1, "%s", cases[i].what);
		EXPECT((strstr(text, "...\n") != NULL) == cases[i].is_cut, "%s: %s", cases[i].what, text);
		free(filler);
	}
	release_stderr();
}

static size_t count_lines(void)
{
	size_t lines = 0;
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	return lines;
}

static void when_nobody_reads_lines_are_dropped_and_counted(void)
{
	enum { LINES = 5000 };
	int64_t deadline_us = clock_now_us() + 20 * 1000 * 1000;
	char notice[96];
	capture_stderr();
	for (int i = 0; i < LINES; i++)
		log_info("line %05d of a log that nobody reads", i);
	CU_ASSERT(clock_now_us() < deadline_us);
	read_log();
	size_t written = count_lines();
	CU_ASSERT(written > 0 && written < LINES);
	CU_ASSERT(text[strlen(text) - 1] == '\n');
	log_info("after");
	read_log();
	CU_ASSERT_EQUAL(count_lines(), 2);
	snprintf(notice, sizeof notice, "%zu log lines were dropped", LINES - written);
	EXPECT(strstr(text, notice) != NULL, "%s: %s", notice, text);
	EXPECT(strstr(text, " info  after\n") != NULL, "%s", text);
	log_info("and no more");
	read_log();
	CU_ASSERT_EQUAL(count_lines(), 1);
	release_stderr();
}

/* A file that takes this many bytes, as stderr, in place of a disk that is full. */
static void capture_in_file(FILE *file, rlim_t most_bytes, struct rlimit *before)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, before), 0);
	limit = *before;
	limit.rlim_cur = most_bytes;
	fflush(NULL);
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	CU_ASSERT_FATAL(saved_stderr >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
	reading_end = fcntl(fileno(file), F_DUPFD_CLOEXEC, 3);
	log_set_level(LOG_INFO);
	log_open();
}

/* Three lines into a file that takes so many bytes, and two when it has room again: what is then in it, in text. */
static void write_to_full_disk(rlim_t most_bytes)
{
	struct rlimit before;
	FILE *file = tmpfile();
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	capture_in_file(file, most_bytes, &before);
	for (int i = 0; i < 3; i++)
		log_info("line %d of a log", i);
	setrlimit(RLIMIT_FSIZE, &before);
	for (int i = 3; i < 5; i++)
		log_info("line %d of a log", i);
	release_stderr();
	rewind(file);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
}

/* Wherever in a line it ends. */
static void when_the_disk_has_room_again_each_line_is_whole(void)
{
	enum { BYTES = STAMP_BYTES + sizeof "info  line 0 of a log\n" - 1 };
	for (rlim_t most_bytes = BYTES; most_bytes <= (rlim_t)2 * BYTES; most_bytes++) {
		/* One that is written in part isn't dropped. */
		int lines = 0, dropped = most_bytes == BYTES ? 2 : 1;
		write_to_full_disk(most_bytes);
		char *notice = strstr(text, " log lines were dropped: file too large\n");
		EXPECT(notice != NULL && notice[-1] == '0' + dropped, "%d: %s", (int)most_bytes, text);
		for (char *line_end = text, *line; (line = strsep(&line_end, "\n")) != NULL && line[0] != '\0'; lines++)
			EXPECT(matches(line, STAMP "(info  line [0-9] of a log|warning [0-9] log lines.*)$"), "%d: %s",
			       (int)most_bytes, line);
		EXPECT(lines == 5 - dropped + 1, "%d: %d lines", (int)most_bytes, lines);
	}
}

/* ---- as JSON ---- */

/* An object with a time, a level and a text, and nothing else; the text is kept until the next call. NULL if not. */
static const char *json_text(const char *line, const char *level)
{
	static char kept[LINE_MOST];
	struct json_object *object = json_tokener_parse(line), *value;
	bool is_good = object != NULL && json_object_object_length(object) == 3 &&
		       json_object_object_get_ex(object, "time", &value) &&
		       matches(json_object_get_string(value), STAMP_ALONE) &&
		       json_object_object_get_ex(object, "level", &value) &&
		       strcmp(json_object_get_string(value), level) == 0 &&
		       json_object_object_get_ex(object, "text", &value);
	if (is_good)
		snprintf(kept, sizeof kept, "%s", json_object_get_string(value));
	json_object_put(object);
	return is_good ? kept : NULL;
}

static void capture_json(void)
{
	capture_stderr();
	log_set_format(LOG_JSON);
}

static void release_json(void)
{
	log_set_format(LOG_TEXT);
	release_stderr();
}

static void a_line_of_json_has_a_time_a_level_and_a_text(void)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	capture_json();
	log_set_level(LOG_DEBUG);
	for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
		log_line((enum log_level)level, "name %s", "\"evil\"\n{}\\\x1b\xff caf\xc3\xa9");
		size_t length = read_log();
		EXPECT(strchr(text, '\n') == text + length - 1, "%s", text);
		const char *read = json_text(text, names[level]);
		EXPECT(read != NULL && strcmp(read, "name \"evil\"\n{}\\\x1b\xef\xbf\xbd caf\xc3\xa9") == 0, "%s",
		       text);
	}
	/* The journal takes the priority away. */
	name_journal(0);
	log_info("gone");
	read_log();
	EXPECT(strncmp(text, "<6>{", 4) == 0 && json_text(text + 3, "info") != NULL, "%s", text);
	unsetenv("JOURNAL_STREAM");
	release_json();
}

static void a_long_line_of_json_is_cut_and_still_json(void)
{
	static const char fillers[] = "x\n\"\xff";
	capture_json();
	for (size_t i = 0; fillers[i] != '\0'; i++) {
		for (int length = 100; length <= 1100; length++) {
			char filler[1200] = "";
			memset(filler, fillers[i], (size_t)length);
			log_info("%s", filler);
			size_t bytes = read_log();
			const char *read = json_text(text, "info");
			EXPECT(bytes <= LINE_MOST && read != NULL, "%d of %d: %s", length, fillers[i], text);
		}
	}
	release_json();
}

static void when_the_disk_has_room_again_each_line_of_json_is_whole(void)
{
	enum {
		BYTES = sizeof "{\"time\":\"2026-11-23T10:15:02.123Z\",\"level\":\"info\",\"text\":\"line 0 of a "
			       "log\"}\n" -
			1
	};
	log_set_format(LOG_JSON);
	for (rlim_t most_bytes = BYTES; most_bytes <= (rlim_t)2 * BYTES; most_bytes++) {
		write_to_full_disk(most_bytes);
		int lines = 0, notices = 0;
		for (char *line_end = text, *line; (line = strsep(&line_end, "\n")) != NULL && line[0] != '\0';
		     lines++) {
			const char *notice = json_text(line, "warning");
			notices += notice != NULL && strstr(notice, " log lines were dropped: file too large") != NULL;
			EXPECT(notice != NULL || json_text(line, "info") != NULL, "%d: %s", (int)most_bytes, line);
		}
		EXPECT(notices == 1 && lines == (most_bytes == BYTES ? 4 : 5), "%d: %d lines", (int)most_bytes, lines);
	}
	log_set_format(LOG_TEXT);
}

static void *log_many(void *argument)
{
	for (int i = 0; i < 100; i++)
		log_info("thread %d says the same thing all over again", *(const int *)argument);
	return NULL;
}

static void lines_of_many_threads_stay_whole(void)
{
	enum { THREADS = 4 };
	struct thread threads[THREADS];
	int numbers[THREADS];
	int lines = 0;
	capture_stderr();
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], log_many, &numbers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	read_log();
	for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL && line[0] != '\0'; lines++)
		EXPECT(matches(line, STAMP "info  thread [0-3] says the same thing all over again$"), "%s", line);
	CU_ASSERT_EQUAL(lines, THREADS * 100);
	release_stderr();
}

static void a_trouble_that_repeats_is_logged_once_a_minute_with_its_count(void)
{
	struct log_limit limit = {0};
	unsigned suppressed = 99;
	int64_t before_us = clock_now_us();
	CU_ASSERT(log_limit_take(&limit, &suppressed));
	CU_ASSERT_EQUAL(suppressed, 0);
	int64_t next_us = limit.next_us;
	CU_ASSERT(next_us >= before_us + 60 * 1000000 && next_us <= clock_now_us() + 60 * 1000000);
	for (int i = 0; i < 7; i++)
		CU_ASSERT_FALSE(log_limit_take(&limit, &suppressed));
	limit.next_us = clock_now_us();
	CU_ASSERT(log_limit_take(&limit, &suppressed));
	CU_ASSERT_EQUAL(suppressed, 7);
	CU_ASSERT_FALSE(log_limit_take(&limit, &suppressed));
	limit.next_us = clock_now_us();
	CU_ASSERT(log_limit_take(&limit, &suppressed));
	CU_ASSERT_EQUAL(suppressed, 1);
}

static CU_TestInfo tests[] = {
	{"a line has a time, a level and a text", a_line_has_a_time_a_level_and_a_text},
	{"a line in the journal has a priority and no time", a_line_in_the_journal_has_a_priority_and_no_time},
	{"the time of a line is now, in UTC", the_time_of_a_line_is_now_in_utc},
	{"a level shows itself and what is worse", a_level_shows_itself_and_what_is_worse},
	{"text from a peer stays on its line", text_from_a_peer_stays_on_its_line},
	{"a long line is cut and still a line", a_long_line_is_cut_and_still_a_line},
	{"when nobody reads, lines are dropped and counted", when_nobody_reads_lines_are_dropped_and_counted},
	{"when the disk has room again, each line is whole", when_the_disk_has_room_again_each_line_is_whole},
	{"a line of JSON has a time, a level and a text", a_line_of_json_has_a_time_a_level_and_a_text},
	{"a long line of JSON is cut and still JSON", a_long_line_of_json_is_cut_and_still_json},
	{"when the disk has room again, each line of JSON is whole",
	 when_the_disk_has_room_again_each_line_of_json_is_whole},
	{"lines of many threads stay whole", lines_of_many_threads_stay_whole},
	{"a trouble that repeats is logged once a minute with its count",
	 a_trouble_that_repeats_is_logged_once_a_minute_with_its_count},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_log = {.pName = "log", .pTests = tests};
