#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/sync.h"
#include "settings/settings_priv.h"

/* How long a pipe may take, and how often it is asked whether the wait is over. */
enum { WAIT_S = 30, SLICE_MS = 50 };

/* A pipe of the shell whose writers have gone gets no new one, as a FIFO in a folder does. */
static bool can_get_writer(int fd, const struct stat *status)
{
	struct statfs system;
	return S_ISFIFO(status->st_mode) && (fstatfs(fd, &system) != 0 || system.f_type != PIPEFS_MAGIC);
}

/* Reads to the end, or until there is more than a file may have. NULL, or why not. */
static const char *fill(int fd, bool waits_for_writer, bool (*interrupted)(void), char *content, size_t *length)
{
	int64_t deadline_us = clock_now_us() + WAIT_S * INT64_C(1000000);
	while (*length <= SETTINGS_FILE_BYTES) {
		ssize_t n = read(fd, content + *length, SETTINGS_FILE_BYTES + 1 - *length);
		if (n > 0)
			*length += (size_t)n;
		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		if (n < 0 && errno != EAGAIN)
			return strerror(errno);
		if (n == 0 && (*length > 0 || !waits_for_writer))
			return NULL;
		if (interrupted == NULL || interrupted())
			return "kithd was stopped while it waited for its writer";
		if (clock_now_us() >= deadline_us)
			return "its writer did not finish within 30 s";
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		if (poll(&ready, 1, SLICE_MS) > 0 && n == 0 && (ready.revents & POLLIN) == 0)
			return NULL;
	}
	return NULL;
}

static bool has_changed(int fd, const struct stat *before)
{
	struct stat now;
	return fstat(fd, &now) != 0 || now.st_size != before->st_size || now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != before->st_mtim.tv_nsec;
}

/* What is wrong with what was read; is_again: by a node that runs. */
static const char *judge(int fd, const struct stat *status, bool is_again, const char *content, size_t length)
{
	bool is_utf16 = strncmp(content, "\xff\xfe", 2) == 0 || strncmp(content, "\xfe\xff", 2) == 0;
	if (length > SETTINGS_FILE_BYTES)
		return "it is larger than 1 MiB";
	if (is_utf16)
		return "it is in UTF-16: save it as UTF-8";
	if (memchr(content, '\0', length) != NULL)
		return "it holds a NUL byte: it must be a text file";
	if (S_ISFIFO(status->st_mode) && length == 0)
		return "its writer wrote nothing";
	if (is_again && has_changed(fd, status))
		return "it was changed meanwhile: send SIGHUP again";
	return NULL;
}

/* Why a file cannot be opened, with what to do if that is known. */
static const char *unopened(int error, bool is_again)
{
	if (error == EACCES)
		return is_again ? "Permission denied: let the user of this node read it, and send SIGHUP again"
				: "Permission denied: run kithd as a user that may read it, as with sudo -u kithd";
	if (error == ENOENT && is_again)
		return "No such file or directory: put it back, and send SIGHUP again";
	return strerror(error);
}

static char *refuse(char *content, const char *why, struct problem *problem)
{
	/* A colon introduces what to do. */
	problem_set(problem, "%s%s", why, strchr(why, ':') == NULL ? "; name a file that kithd may read" : "");
	free(content);
	return NULL;
}

/*
 * Read here and not by libconfig, whose scanner calls exit() where a read fails (a directory does), and takes a NUL for
 * the end of the file.
 */
char *settings_source_read(const char *path, bool (*interrupted)(void), struct problem *problem)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	bool is_again = interrupted == NULL;
	char *content = calloc(1, SETTINGS_FILE_BYTES + 3);
	if (content == NULL) {
		problem_set_lacks_memory(problem);
		return NULL;
	}
	struct stat status = {0};
	size_t length = 0;
	const char *why;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0)
		why = unopened(errno, is_again);
	else if (S_ISDIR(status.st_mode))
		why = strerror(EISDIR);
	else if (is_again && !S_ISREG(status.st_mode))
		why = "a running node reads only a regular file: restart kithd to read this";
	else
		why = fill(fd, can_get_writer(fd, &status), interrupted, content, &length);
	if (why == NULL)
		why = judge(fd, &status, is_again, content, length);
	if (fd >= 0)
		close(fd);
	if (why != NULL)
		return refuse(content, why, problem);
	/* libconfig 1.5 needs an end of line after a comment. */
	content[length] = '\n';
	size_t mark = strlen(byte_order_mark);
	if (strncmp(content, byte_order_mark, mark) == 0)
		memmove(content, content + mark, length + 2 - mark);
	return content;
}
