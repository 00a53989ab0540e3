#include "kith/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kith/replace.h"

#define FIRST_LINE "kith cursor 1"

/* Numbers of events fit into JSON's integers. */
#define NUMBER_MOST ((uint64_t)INT64_MAX)

/* ---- the text ---- */

/* Digits without a zero in front, so that a number has one form. */
static bool parse_number(const char *text, uint64_t *number)
{
	size_t digits = strspn(text, "0123456789");
	*number = 0;
	if (digits == 0 || text[digits] != '\0' || (digits > 1 && text[0] == '0'))
		return false;
	for (; *text != '\0'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');
		if (*number > (NUMBER_MOST - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return true;
}

static bool parse_waiting(struct cursor *cursor, const char *text)
{
	uint64_t number, before = cursor->waiting_count == 0 ? 0 : cursor->waiting[cursor->waiting_count - 1];
	if (!parse_number(text, &number) || number <= before || number > cursor->number ||
	    cursor->waiting_count == CURSOR_WAITING || cursor->is_lost_waiting || cursor->is_initial_waiting)
		return false;
	cursor->waiting[cursor->waiting_count++] = number;
	return true;
}

static bool set_once(bool *flag)
{
	bool was_set = *flag;
	*flag = true;
	return !was_set;
}

static const char *after_word(const char *line, const char *word)
{
	size_t length = strlen(word);
	return strncmp(line, word, length) == 0 && line[length] == ' ' ? line + length + 1 : NULL;
}

/* The line with this number, from 1 on. */
static bool parse_line(struct cursor *cursor, int number, const char *line)
{
	const char *rest;
	if (number == 1)
		return strcmp(line, FIRST_LINE) == 0;
	if (number == 2)
		return (rest = after_word(line, "boot")) != NULL && nodeid_parse(rest, &cursor->boot);
	if (number == 3)
		return (rest = after_word(line, "number")) != NULL && parse_number(rest, &cursor->number);
	if ((rest = after_word(line, "waiting")) != NULL)
		return parse_waiting(cursor, rest);
	if (strcmp(line, "lost") == 0)
		return !cursor->is_initial_waiting && set_once(&cursor->is_lost_waiting);
	return strcmp(line, "initial") == 0 && set_once(&cursor->is_initial_waiting);
}

static bool is_all_read(const char *text, size_t length, int number, struct problem *problem)
{
	return (number > 3 && length == 0) || problem_set(problem, "line %d: %s", number,
							  length == 0	    ? "it ends too early"
							  : text[0] == '\0' ? "a NUL"
									    : "nothing follows \"end\"");
}

bool cursor_parse(const char *text, size_t length, struct cursor *cursor, struct problem *problem)
{
	enum { LINE_BYTES = 64 };
	*cursor = (struct cursor){0};
	if (length == 0)
		return true;
	for (int number = 1;; number++) {
		char line[LINE_BYTES];
		const char *end = length == 0 ? NULL : memchr(text, '\n', length);
		size_t line_length = end == NULL ? length : (size_t)(end - text);
		if (end == NULL || line_length >= sizeof line)
			return problem_set(problem, "line %d: it %s", number,
					   end == NULL ? "ends too early" : "is too long");
		memcpy(line, text, line_length);
		line[line_length] = '\0';
		text += line_length + 1;
		length -= line_length + 1;
		if (strlen(line) == 3 && line_length == 3 && strcmp(line, "end") == 0)
			return is_all_read(text, length, number, problem);
		if (strlen(line) != line_length || !parse_line(cursor, number, line))
			return problem_set(problem, "line %d: this is no cursor of kith on", number);
	}
}

static bool append_line(struct buffer *out, const char *word, const char *rest)
{
	return buffer_append(out, word, strlen(word)) && buffer_append(out, rest, strlen(rest)) &&
	       buffer_append(out, "\n", 1);
}

static bool append_number(struct buffer *out, const char *word, uint64_t number)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%" PRIu64, number);
	return append_line(out, word, digits);
}

bool cursor_format(const struct cursor *cursor, struct buffer *out)
{
	char boot[NODEID_TEXT_BYTES];
	if (nodeid_is_none(&cursor->boot))
		return true;
	nodeid_format(&cursor->boot, boot);
	bool is_good = append_line(out, FIRST_LINE, "") && append_line(out, "boot ", boot) &&
		       append_number(out, "number ", cursor->number);
	for (size_t i = 0; i < cursor->waiting_count && is_good; i++)
		is_good = append_number(out, "waiting ", cursor->waiting[i]);
	return is_good && (!cursor->is_lost_waiting || append_line(out, "lost", "")) &&
	       (!cursor->is_initial_waiting || append_line(out, "initial", "")) && append_line(out, "end", "");
}

/* ---- what it means ---- */

uint64_t cursor_after(const struct cursor *cursor)
{
	return cursor->waiting_count > 0 ? cursor->waiting[0] - 1 : cursor->number;
}

bool cursor_wants(const struct cursor *cursor, uint64_t number)
{
	return number > 0 && cursor_count_wanted(cursor, number - 1, number) > 0;
}

uint64_t cursor_count_wanted(const struct cursor *cursor, uint64_t after, uint64_t last)
{
	uint64_t start = after > cursor->number ? after : cursor->number, count = last > start ? last - start : 0;
	for (size_t i = 0; i < cursor->waiting_count; i++)
		count += cursor->waiting[i] > after && cursor->waiting[i] <= last;
	return count;
}

/* ---- the file ---- */

/* How many bytes, or -1 with errno. */
static ssize_t read_all(const char *path, char *bytes, size_t most)
{
	/* Without O_NONBLOCK a FIFO would wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t length = 0;
	ssize_t n = -1;
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	while (length < most && ((n = read(fd, bytes + length, most - length)) > 0 || (n < 0 && errno == EINTR)))
		length += n > 0 ? (size_t)n : 0;
	int error = errno;
	close(fd);
	errno = error;
	return n < 0 ? -1 : (ssize_t)length;
}

bool cursor_load(const char *path, struct cursor *cursor, struct problem *problem)
{
	char bytes[CURSOR_BYTES];
	ssize_t length = read_all(path, bytes, sizeof bytes);
	if (length < 0)
		return problem_set(problem, "cannot read %s: %s", path, strerror(errno));
	return cursor_parse(bytes, (size_t)length, cursor, problem) || (problem_prefix(problem, "%s: ", path), false);
}

bool cursor_save(const char *path, const struct cursor *cursor, struct problem *problem)
{
	enum { MODE = 0600 };
	struct buffer text = {0};
	bool is_saved = cursor_format(cursor, &text)
				? replace_file(path, MODE, buffer_content(&text), buffer_length(&text), problem)
				: problem_set_lacks_memory(problem);
	buffer_fini(&text);
	return is_saved;
}

/* Why the lock is not to be had: another process has it, or the file system fails. */
static bool explain_lock(int fd, const char *path, struct problem *problem)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int error = errno;
	if (error != EACCES && error != EAGAIN)
		return problem_set(problem, "cannot lock %s.lock: %s", path, strerror(error));
	/* 0 and less: it is in another namespace, or on another machine. */
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
		return problem_set(problem,
				   "another kith on (pid %ld) uses the cursor %s: each needs a file of its own",
				   (long)lock.l_pid, path);
	return problem_set(problem, "another kith on uses the cursor %s: each needs a file of its own", path);
}

int cursor_lock(const char *path, struct problem *problem)
{
	/* Of the process, so that a command that outlives it does not keep it. */
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char lock_path[PATH_MAX];
	int size = snprintf(lock_path, sizeof lock_path, "%s.lock", path);
	bool is_too_long = size < 0 || (size_t)size >= sizeof lock_path;
	int fd = is_too_long ? -1 : open(lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0) {
		problem_set(problem, "cannot open %s.lock: %s", path, strerror(is_too_long ? ENAMETOOLONG : errno));
		return -1;
	}
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return fd;
	explain_lock(fd, path, problem);
	close(fd);
	return -1;
}
