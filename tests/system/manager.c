#include "manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kithd.h"

void manager_listen(struct manager *manager, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (name == NULL)
		name = harness_text("%s/notify", harness_make_folder());
	manager->notify_socket = name;
	manager->heard = "";
	strcpy(address.sun_path, name);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	manager->fd = harness_keep_fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	if (bind(manager->fd, (struct sockaddr *)&address, length) != 0)
		harness_fail("cannot listen on %s: %s", name, strerror(errno));
}

/* The descriptors become 3, 4 and so on: first they go where none of those is. */
static bool hand_over(const struct manager *manager)
{
	enum { FIRST = 3, ELSEWHERE = 200 };
	int copies[MANAGER_FDS];
	for (int i = 0; i < manager->fd_count; i++)
		copies[i] = fcntl(manager->fds[i], F_DUPFD_CLOEXEC, ELSEWHERE);
	for (int i = 0; i < manager->fd_count; i++)
		if (dup2(copies[i], FIRST + i) != FIRST + i)
			return false;
	return true;
}

static void set(const char *name, const char *format, long long value)
{
	char text[32];
	snprintf(text, sizeof text, format, value);
	setenv(name, text, 1);
}

/* In the child. */
static bool prepare(const void *given)
{
	const struct manager *manager = given;
	int pid = manager->is_for_another ? getppid() : getpid();
	if (manager->notify_socket != NULL)
		setenv("NOTIFY_SOCKET", manager->notify_socket, 1);
	if (manager->watchdog_us > 0) {
		set("WATCHDOG_USEC", "%lld", manager->watchdog_us);
		set("WATCHDOG_PID", "%lld", pid);
	}
	if (manager->fd_count > 0) {
		set("LISTEN_FDS", "%lld", manager->fd_count);
		set("LISTEN_PID", "%lld", pid);
	}
	if (manager->runtime_directory != NULL)
		setenv("RUNTIME_DIRECTORY", manager->runtime_directory, 1);
	return hand_over(manager);
}

struct kithd *manager_start(const struct manager *manager, const char *format, ...)
{
	enum { WORDS = 16 };
	const char *argv[WORDS + 1] = {NULL};
	char text[512], *rest = text;
	size_t count = 0;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (char *word = strtok_r(text, " ", &rest); word != NULL && count < WORDS; word = strtok_r(NULL, " ", &rest))
		argv[count++] = word;
	return kithd_launch(&(struct launch){.argv = argv, .prepare = prepare, .given = manager});
}

static void hear(struct manager *manager)
{
	char lines[4096];
	ssize_t length;
	while ((length = recv(manager->fd, lines, sizeof lines, 0)) > 0)
		manager->heard = harness_text("%s%.*s\n", manager->heard, (int)length, lines);
}

int manager_heard(struct manager *manager, const char *line)
{
	int count = 0;
	hear(manager);
	for (const char *at = manager->heard; *at != '\0'; at = strchr(at, '\n') + 1)
		count += strncmp(at, line, strlen(line)) == 0;
	return count;
}

const char *manager_last(struct manager *manager, const char *line)
{
	const char *last = "";
	hear(manager);
	for (const char *at = manager->heard; *at != '\0'; at = strchr(at, '\n') + 1)
		if (strncmp(at, line, strlen(line)) == 0)
			last = at;
	return harness_text("%.*s", (int)strcspn(last, "\n"), last);
}

const char *manager_all(struct manager *manager)
{
	hear(manager);
	return manager->heard;
}
