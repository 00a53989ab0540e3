#include "kith/sockets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/privilege.h"
#include "base/sync.h"
#include "base/text.h"

/* How long nodes may take to accept, together: several may hang. */
enum { CONNECT_US = 5 * 1000 * 1000 };

int sockets_connect_at_once(const char *path, int *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= SOCKET_PATH_BYTES) {
		*error = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* What is sent and read later waits as it is told to. */
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
	    fcntl(fd, F_SETFL, 0) == 0)
		return fd;
	*error = errno;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int connect_within(const char *path, int64_t left_us, int *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = (time_t)(left_us / 1000000),
					 .tv_usec = (suseconds_t)(left_us % 1000000)};
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	*error = errno;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int connect_to(struct sockets *sockets, const char *path, int *error)
{
	int64_t now_us = clock_now_us();
	if (sockets->patience_end_us == 0)
		sockets->patience_end_us = now_us + CONNECT_US;
	int64_t left_us = sockets->patience_end_us - now_us;
	/* A time-out of 0 would be none. */
	return left_us > 0 ? connect_within(path, left_us, error) : sockets_connect_at_once(path, error);
}

static bool is_hung(int error)
{
	return error == EAGAIN || error == ETIMEDOUT;
}

/* How near a failure is to a node that can be asked. */
static int nearness(int error)
{
	return error == EACCES ? 2 : is_hung(error) ? 1 : 0;
}

bool sockets_look_at(struct sockets *sockets, const char *path)
{
	struct socket_found found = {.fd = -1};
	if (strlen(path) >= SOCKET_PATH_BYTES)
		return false;
	strcpy(found.path, path);
	bool is_full = sockets->count == SOCKETS_MOST;
	found.fd = is_full ? sockets_connect_at_once(path, &found.error) : connect_to(sockets, path, &found.error);
	if (is_full && (found.fd >= 0 || is_hung(found.error)))
		sockets->left_out++;
	if (is_full && found.fd >= 0)
		close(found.fd);
	else if (found.fd >= 0)
		sockets->connected[sockets->count++] = found;
	else if (sockets->failed.path[0] == '\0' || nearness(found.error) > nearness(sockets->failed.error))
		sockets->failed = found;
	return true;
}

static int is_socket_name(const struct dirent *entry)
{
	static const char suffix[] = ".sock";
	size_t length = strlen(entry->d_name);
	return length >= strlen(suffix) && strcmp(entry->d_name + length - strlen(suffix), suffix) == 0;
}

void sockets_look_in(struct sockets *sockets, const char *directory)
{
	struct dirent **entries;
	char path[PATH_MAX + NAME_MAX + 2];
	int count = scandir(directory, &entries, is_socket_name, versionsort);
	if (count < 0 && (errno == EACCES || errno == EPERM))
		snprintf(sockets->closed_directory, sizeof sockets->closed_directory, "%s", directory);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
		sockets_look_at(sockets, path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

void sockets_close(struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->count; i++) {
		if (sockets->connected[i].fd >= 0)
			close(sockets->connected[i].fd);
		sockets->connected[i].fd = -1;
	}
}

/* The outermost part of the path that this user may not enter, or the path itself. It is cut to that. */
static void cut_to_barrier(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
			return;
		*slash = '/';
	}
}

static enum outcome complain_of_permission(const char *path)
{
	char barrier[SOCKET_PATH_BYTES] = "";
	struct stat status;
	strncpy(barrier, path, sizeof barrier - 1);
	cut_to_barrier(barrier);
	if (stat(barrier, &status) != 0)
		return complain(OUTCOME_NOT_ALLOWED, "%s: %s", barrier, strerror(errno));
	char owner[PRIVILEGE_USER_BYTES], group[PRIVILEGE_USER_BYTES], me[PRIVILEGE_USER_BYTES];
	privilege_name_user(status.st_uid, owner);
	privilege_name_group(status.st_gid, group);
	privilege_user_name(me);
	bool is_groups = (status.st_mode & (S_ISDIR(status.st_mode) ? S_IXGRP : S_IWGRP)) != 0;
	if (is_groups && status.st_gid != 0)
		return complain(OUTCOME_NOT_ALLOWED,
				"%s: only the user \"%s\" and the group \"%s\" may ask this node; join the group with: "
				"sudo usermod -aG %s %s; then log in again",
				barrier, owner, group, group, me);
	return complain(OUTCOME_NOT_ALLOWED,
			"%s: only the user \"%s\" may ask this node: run sudo -u %s kith, or let a group ask it: set "
			"control_group in its settings and restart it",
			barrier, owner, owner);
}

enum outcome sockets_complain(const char *path, int error)
{
	char words[TEXT_ERROR_BYTES];
	text_error(error, words);
	if (error == EACCES || error == EPERM)
		return complain_of_permission(path);
	if (error == ECONNREFUSED)
		return complain(OUTCOME_NO_NODE,
				"%s: nobody listens there: its kithd was killed or has crashed; start it again, and it "
				"takes the socket over",
				path);
	if (is_hung(error))
		return complain(OUTCOME_NO_NODE, "%s: the node does not accept; is it stopped, or very busy?", path);
	if (error == ENOENT)
		return complain(OUTCOME_NO_NODE, "%s: there is no such socket: is this node running?", path);
	return complain(OUTCOME_NO_NODE, "%s: %s", path, words);
}
