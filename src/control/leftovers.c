#include "control/leftovers.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/address.h"

/*
 * What connecting says, an errno. A datagram socket is of the wrong type, so nothing is ever connected: EPROTOTYPE says
 * that the path is bound, ECONNREFUSED that it is not (unix(7)).
 */
static int try_path(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path)
		return ENAMETOOLONG;
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	int error = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
	close(fd);
	return error;
}

bool leftovers_is_bound(const char *path)
{
	int error = try_path(path);
	return error == 0 || error == EPROTOTYPE;
}

static bool is_dead(const char *path)
{
	return try_path(path) == ECONNREFUSED;
}

/* ADDRESS.sock or ADDRESS-PID.sock; the address is "-" where a node listens nowhere. */
static int is_name_of_node(const struct dirent *entry)
{
	const char *name = entry->d_name;
	static const char suffix[] = ".sock";
	char text[ADDRESS_TEXT_BYTES + 16];
	struct address address;
	size_t length = strlen(name);
	if (length <= strlen(suffix) || length - strlen(suffix) >= sizeof text ||
	    strcmp(name + length - strlen(suffix), suffix) != 0)
		return false;
	length -= strlen(suffix);
	memcpy(text, name, length);
	text[length] = '\0';
	/* The digits of an address's port come after a colon. */
	const char *dash = strrchr(text, '-');
	if (dash != NULL && dash > text && isdigit((unsigned char)dash[1]) &&
	    dash[1 + strspn(dash + 1, "0123456789")] == '\0')
		text[dash - text] = '\0';
	return strcmp(text, "-") == 0 || address_parse(text, &address);
}

static bool is_own_socket(const char *path)
{
	struct stat status;
	return lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) && status.st_uid == geteuid();
}

/*
 * Between the look and the removal, a node that starts may have put its own socket there. So the file is moved aside,
 * where nobody binds, and looked at again; the kernel moves no file whose bind(2) is not done.
 */
static bool remove_if_dead(const char *directory, const char *path)
{
	char aside[PATH_MAX];
	if (!is_dead(path) || snprintf(aside, sizeof aside, "%s/.%d", directory, (int)getpid()) >= (int)sizeof aside ||
	    rename(path, aside) != 0)
		return false;
	if (!is_dead(aside)) {
		(void)rename(aside, path);
		return false;
	}
	return unlink(aside) == 0;
}

size_t leftovers_remove(const char *directory)
{
	struct dirent **entries;
	char path[PATH_MAX];
	size_t removed = 0;
	int count = scandir(directory, &entries, is_name_of_node, alphasort);
	for (int i = 0; i < count; i++) {
		if (snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name) < (int)sizeof path &&
		    is_own_socket(path) && remove_if_dead(directory, path))
			removed++;
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return removed;
}
