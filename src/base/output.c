#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sync.h"

enum { POLL_SLICE_US = 50 * 1000 };

void output_init(struct output *output, int fd)
{
	struct stat status;
	*output = (struct output){.fd = fd};
	if (fstat(fd, &status) != 0)
		return;
	output->is_socket = S_ISSOCK(status.st_mode);
	if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
		char path[32];
		snprintf(path, sizeof path, "/dev/fd/%d", fd);
		int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		output->is_own = own >= 0;
		output->is_shared = own < 0;
		if (own >= 0)
			output->fd = own;
	}
}

void output_fini(struct output *output)
{
	if (output->is_own)
		close(output->fd);
}

/*
 * For a pipe that couldn't be opened a second time: poll says when it takes PIPE_BUF bytes without blocking, which
 * holds for one writer at a time.
 */
static ssize_t write_polled(struct output *output, const char *bytes, size_t length)
{
	struct pollfd ready = {.fd = output->fd, .events = POLLOUT};
	if (poll(&ready, 1, 0) != 0)
		return write(output->fd, bytes, length < PIPE_BUF ? length : PIPE_BUF);
	errno = EAGAIN;
	return -1;
}

static ssize_t write_now(struct output *output, const char *bytes, size_t length)
{
	if (output->is_socket)
		return send(output->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	return output->is_shared ? write_polled(output, bytes, length) : write(output->fd, bytes, length);
}

size_t output_write(struct output *output, const char *bytes, size_t length, int64_t deadline_us,
		    bool (*interrupted)(void))
{
	size_t written = 0;
	while (written < length) {
		ssize_t n = write_now(output, bytes + written, length - written);
		if (n > 0) {
			written += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			break;
		int64_t left_us = deadline_us == 0 ? 0 : deadline_us - clock_now_us();
		if (left_us <= 0 || (interrupted != NULL && interrupted())) {
			errno = EAGAIN;
			break;
		}
		struct pollfd ready = {.fd = output->fd, .events = POLLOUT};
		poll(&ready, 1, (int)((left_us < POLL_SLICE_US ? left_us : POLL_SLICE_US) / 1000) + 1);
	}
	return written;
}
