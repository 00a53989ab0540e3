#include "base/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* A day: what is longer can't be meant. */
#define LONGEST_WATCHDOG_US ((int64_t)24 * 3600 * 1000 * 1000)

/* More than a unit has sockets. */
enum { MOST_FDS = 1024 };

bool notify_find(struct notify *notify, const char *socket_name, struct problem *problem)
{
	*notify = (struct notify){.address.sun_family = AF_UNIX};
	size_t length = socket_name == NULL ? 0 : strlen(socket_name);
	if (length == 0)
		return true;
	if ((socket_name[0] != '/' && socket_name[0] != '@') || length == 1)
		return problem_set(problem, "NOTIFY_SOCKET is \"%.100s\", which is no UNIX socket", socket_name);
	if (length >= sizeof notify->address.sun_path)
		return problem_set(problem, "NOTIFY_SOCKET is too long for a UNIX socket: it has %zu bytes", length);
	memcpy(notify->address.sun_path, socket_name, length);
	/* unix(7): an abstract name begins with NUL, and its length says where it ends. */
	if (socket_name[0] == '@')
		notify->address.sun_path[0] = '\0';
	notify->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (socket_name[0] == '/'));
	return true;
}

/* A socket for each: a manager that was started again listens at the same address. */
bool notify_send(const struct notify *notify, const char *lines)
{
	if (notify->length == 0)
		return true;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	struct timeval patience = {.tv_sec = 1};
	bool is_sent = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
		       connect(fd, (const struct sockaddr *)&notify->address, notify->length) == 0 &&
		       send(fd, lines, strlen(lines), MSG_NOSIGNAL) >= 0;
	int error = errno;
	close(fd);
	errno = error;
	return is_sent;
}

/* A whole number from 1 to most; 0 for anything else. */
static int64_t parse(const char *text, int64_t most)
{
	char *end = NULL;
	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && number <= most ? number : 0;
}

static bool is_this_process(const char *pid)
{
	return parse(pid, INT32_MAX) == getpid();
}

int64_t notify_watchdog_us(const char *usec, const char *pid)
{
	return pid == NULL || is_this_process(pid) ? parse(usec, LONGEST_WATCHDOG_US) : 0;
}

int notify_handed_over(const char *fds, const char *pid)
{
	return is_this_process(pid) ? (int)parse(fds, MOST_FDS) : 0;
}
