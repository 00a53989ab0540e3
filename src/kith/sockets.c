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
#include "base/text.h"

/* How long a node may take to accept. */
enum { CONNECT_S = 5 };

static void connect_to(struct socket_found *socket_found)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = CONNECT_S};
	strcpy(address.sun_path, socket_found->path);
	socket_found->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (socket_found->fd >= 0 &&
	    setsockopt(socket_found->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
	    connect(socket_found->fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return;
	socket_found->error = errno;
	if (socket_found->fd >= 0)
		close(socket_found->fd);
	socket_found->fd = -1;
}

bool sockets_look_at(struct sockets *sockets, const char *path)
{
	if (strlen(path) >= SOCKET_PATH_BYTES)
		return false;
	if (sockets->count == SOCKETS_MOST)
		return true;
	struct socket_found *found = &sockets->found[sockets->count++];
	strcpy(found->path, path);
	connect_to(found);
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

size_t sockets_count_connected(const struct sockets *sockets)
{
	size_t count = 0;
	for (size_t i = 0; i < sockets->count; i++)
		count += sockets->found[i].fd >= 0;
	return count;
}

const struct socket_found *sockets_find_failed(const struct sockets *sockets, int error)
{
	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->found[i].fd < 0 && sockets->found[i].error == error)
			return &sockets->found[i];
	return NULL;
}

void sockets_close(struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->count; i++) {
		if (sockets->found[i].fd >= 0)
			close(sockets->found[i].fd);
		sockets->found[i].fd = -1;
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
	if (error == EAGAIN || error == ETIMEDOUT)
		return complain(OUTCOME_NO_NODE, "%s: the node does not accept; is it stopped, or very busy?", path);
	if (error == ENOENT)
		return complain(OUTCOME_NO_NODE, "%s: there is no such socket: is this node running?", path);
	return complain(OUTCOME_NO_NODE, "%s: %s", path, words);
}
