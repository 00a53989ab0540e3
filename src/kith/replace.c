#include "kith/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0 or an errno. */
static int write_bytes(int fd, mode_t mode, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		}
	}
	return fchmod(fd, mode) == 0 && fsync(fd) == 0 ? 0 : errno;
}

static int write_new(const char *path, mode_t mode, const char *bytes, size_t length)
{
	/* What a process with this number left behind when it crashed is not written into. */
	if (unlink(path) != 0 && errno != ENOENT)
		return errno;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	int error = write_bytes(fd, mode, bytes, length);
	if (close(fd) != 0 && error == 0)
		error = errno;
	return error;
}

/* fsync the directory so that the rename survives a crash. Not every file system can do that. */
static int sync_directory_of(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (slash == NULL)
		strcpy(directory, ".");
	else
		snprintf(directory, sizeof directory, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int error = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
	close(fd);
	return error;
}

bool replace_file(const char *path, mode_t mode, const char *bytes, size_t length, struct problem *problem)
{
	char temporary[PATH_MAX];
	int size = snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
	int error =
		size < 0 || (size_t)size >= sizeof temporary ? ENAMETOOLONG : write_new(temporary, mode, bytes, length);
	if (error == 0 && rename(temporary, path) != 0)
		error = errno;
	if (error == 0)
		error = sync_directory_of(path);
	else
		unlink(temporary);
	return error == 0 || problem_set(problem, "cannot write %s: %s", path, strerror(error));
}
