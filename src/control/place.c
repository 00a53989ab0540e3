#include "control/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/privilege.h"
#include "control/handover.h"
#include "control/leftovers.h"

static bool wants_none(const struct settings *settings)
{
	return settings->control[0] == '\0';
}

static bool is_auto(const struct settings *settings)
{
	return strcmp(settings->control, "auto") == 0;
}

bool place_prepare(struct place *place, const struct settings *settings, struct problem *problem)
{
	*place = (struct place){.fd = -1};
	place->fd = handover_take(place->path);
	place->is_handed_over = place->fd >= 0;
	if (place->is_handed_over && wants_none(settings)) {
		place_fini(place);
		return problem_set(problem,
				   "control is \"\", so %s from the service manager is closed: disable its "
				   "socket unit, or set control = \"auto\"",
				   place->path);
	}
	if (place->is_handed_over || wants_none(settings) || !is_auto(settings))
		return true;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	runtime_dir_own(uid, place->directory);
	if (settings->user[0] != '\0')
		privilege_find_user(settings->user, &uid, &gid);
	if (runtime_dir_make(place->directory, uid, gid, problem))
		return true;
	place->directory[0] = '\0';
	return false;
}

static bool set_path(struct place *place, const struct settings *settings, const struct address *listening,
		     const char *suffix, struct problem *problem)
{
	char name[ADDRESS_TEXT_BYTES], path[SETTINGS_PATH_BYTES + RUNTIME_DIR_BYTES];
	address_format(listening, name);
	if (is_auto(settings))
		snprintf(path, sizeof path, "%s/%s%s.sock", place->directory, name, suffix);
	else
		snprintf(path, sizeof path, "%s%s", settings->control, suffix);
	int length = snprintf(place->path, sizeof place->path, "%s", path);
	return length < (int)sizeof place->path ||
	       problem_set(problem, "the path %s is too long for a socket: set control = \"PATH\"", path);
}

static struct sockaddr_un socket_address(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strcpy(address.sun_path, path);
	return address;
}

/* What is at the path gives way, if it is a socket that nobody listens to. False with a problem. */
static bool clear_path(const char *path, struct problem *problem)
{
	struct stat status;
	if (lstat(path, &status) != 0)
		return true; /* bind says what else is wrong */
	if (!S_ISSOCK(status.st_mode))
		return problem_set(problem, "%s is no socket: remove it, or set control = \"PATH\"", path);
	return unlink(path) == 0 || errno == ENOENT ||
	       problem_set(problem, "cannot replace %s: %s", path, strerror(errno));
}

/* With a group, its members may connect, else the owner alone. Until then, nobody else can. */
static bool let_group_in(const struct place *place, const char *name, struct problem *problem)
{
	if (name[0] == '\0')
		return true;
	gid_t gid;
	if (!privilege_find_group(name, &gid))
		return problem_set(problem, "control_group: there is no group \"%s\": run groupadd %s", name, name);
	if (lchown(place->path, (uid_t)-1, gid) != 0 || chmod(place->path, 0660) != 0)
		return problem_set(problem,
				   "control_group: cannot give %s to the group \"%s\": %s: make kithd's user a member "
				   "of it",
				   place->path, name, strerror(errno));
	return true;
}

static bool listen_there(struct place *place, struct problem *problem)
{
	enum { QUEUE = 16 };
	struct sockaddr_un address = socket_address(place->path);
	place->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* On Linux the mode of the descriptor becomes that of the file: nobody else gets in between. */
	if (place->fd >= 0 && fchmod(place->fd, 0600) == 0 &&
	    bind(place->fd, (const struct sockaddr *)&address, sizeof address) == 0) {
		place->is_bound_here = true;
		if (listen(place->fd, QUEUE) == 0)
			return true;
	}
	problem_set(problem, "cannot listen on %s: %s: make its folder writable, or set control to another path",
		    place->path, strerror(errno));
	place_fini(place);
	return false;
}

bool place_bind(struct place *place, const struct settings *settings, const struct address *listening,
		struct problem *problem)
{
	char suffix[16] = "";
	if (place->is_handed_over || wants_none(settings) || (is_auto(settings) && place->directory[0] == '\0'))
		return true;
	if (!set_path(place, settings, listening, suffix, problem))
		return false;
	place->is_second = leftovers_is_bound(place->path);
	if (place->is_second) {
		snprintf(suffix, sizeof suffix, "-%d", (int)getpid());
		if (!set_path(place, settings, listening, suffix, problem))
			return false;
	}
	if (!clear_path(place->path, problem) || !listen_there(place, problem))
		return false;
	if (!let_group_in(place, settings->control_group, problem)) {
		place_fini(place);
		return false;
	}
	if (is_auto(settings))
		place->leftovers = leftovers_remove(place->directory);
	return true;
}

void place_fini(struct place *place)
{
	/* In this order: once it is closed, another node may put its own there. */
	if (place->is_bound_here)
		unlink(place->path);
	if (place->fd >= 0)
		close(place->fd);
	place->fd = -1;
	place->is_bound_here = false;
}
