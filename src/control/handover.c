#include "control/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/notify.h"

/* SD_LISTEN_FDS_START of sd_listen_fds(3). */
enum { FIRST_FD = 3 };

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t size = sizeof value;
	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

/* Why it can't be the control socket; NULL if it can. */
static const char *unfitness(int fd)
{
	int family = option_of(fd, SO_DOMAIN), type = option_of(fd, SO_TYPE);
	bool is_stream = type == SOCK_STREAM;
	if (family == AF_INET || family == AF_INET6)
		return is_stream ? "a TCP socket" : "a UDP socket";
	if (family != AF_UNIX)
		return family < 0 ? "no socket" : "no UNIX socket";
	if (!is_stream)
		return "no stream socket";
	return option_of(fd, SO_ACCEPTCONN) == 1 ? NULL : "a socket that does not listen";
}

static void write_path(int fd, char path[static HANDOVER_PATH_BYTES])
{
	struct sockaddr_un address = {0};
	socklen_t length = sizeof address;
	const size_t head = offsetof(struct sockaddr_un, sun_path);
	path[0] = '\0';
	if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 || length <= head)
		return;
	bool is_abstract = address.sun_path[0] == '\0';
	if (is_abstract)
		address.sun_path[0] = '@';
	snprintf(path, HANDOVER_PATH_BYTES, "%.*s", (int)(length - head), address.sun_path);
}

int handover_take(char path[static HANDOVER_PATH_BYTES])
{
	int count = notify_handed_over(getenv("LISTEN_FDS"), getenv("LISTEN_PID")), taken = -1;
	for (int fd = FIRST_FD; fd < FIRST_FD + count; fd++) {
		int flags = fcntl(fd, F_GETFD);
		/* One that this process has opened would not have come through execve. */
		if (flags < 0 || (flags & FD_CLOEXEC) != 0) {
			log_warning("LISTEN_FDS is %d, but descriptor %d is not handed over", count, fd);
			break;
		}
		const char *why_not = taken < 0 ? unfitness(fd) : "one too many";
		if (why_not == NULL) {
			taken = fd;
			fcntl(fd, F_SETFD, FD_CLOEXEC);
			fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
			write_path(fd, path);
		} else {
			log_warning("descriptor %d from the service manager is %s, and is closed: kithd takes one "
				    "UNIX stream socket, for control; correct ListenStream in the socket unit",
				    fd, why_not);
			close(fd);
		}
	}
	return taken;
}
