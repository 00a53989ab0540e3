#include "base/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_DIR "/run/kith"
#define UNIT_DIR "/run/kithd" /* $RUNTIME_DIRECTORY of conf/kithd.service */

static void format_own(uid_t uid, const char *xdg, char out[static RUNTIME_DIR_BYTES])
{
	int length = 0;
	if (xdg != NULL && xdg[0] == '/')
		length = snprintf(out, RUNTIME_DIR_BYTES, "%s/kith", xdg);
	if (length <= 0 || length >= RUNTIME_DIR_BYTES)
		snprintf(out, RUNTIME_DIR_BYTES, "/tmp/kith-%u", (unsigned)uid);
}

/* The first of the directories that systemd has made for the unit, if it was started by one. False for none. */
static bool take_of_unit(char out[static RUNTIME_DIR_BYTES])
{
	const char *dirs = getenv("RUNTIME_DIRECTORY");
	if (dirs == NULL || dirs[0] != '/')
		return false;
	size_t length = strcspn(dirs, ":");
	if (length >= RUNTIME_DIR_BYTES)
		return false;
	memcpy(out, dirs, length);
	out[length] = '\0';
	return true;
}

void runtime_dir_own(uid_t uid, char out[static RUNTIME_DIR_BYTES])
{
	if (take_of_unit(out))
		return;
	if (uid == 0)
		strcpy(out, ROOT_DIR);
	else
		format_own(uid, getenv("XDG_RUNTIME_DIR"), out);
}

/* Is the last of them new? */
static size_t count_new(char out[static RUNTIME_DIRS][RUNTIME_DIR_BYTES], size_t last)
{
	for (size_t i = 0; i < last; i++)
		if (strcmp(out[i], out[last]) == 0)
			return last;
	return last + 1;
}

size_t runtime_dir_list(uid_t uid, char out[static RUNTIME_DIRS][RUNTIME_DIR_BYTES])
{
	size_t count = take_of_unit(out[0]) ? 1 : 0;
	char usual_xdg[64];
	strcpy(out[count], ROOT_DIR);
	count = count_new(out, count);
	strcpy(out[count], UNIT_DIR);
	count = count_new(out, count);
	if (uid == 0)
		return count;
	/* su and cron leave XDG_RUNTIME_DIR out, where a login has it. */
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	snprintf(usual_xdg, sizeof usual_xdg, "/run/user/%u", (unsigned)uid);
	format_own(uid, xdg == NULL ? usual_xdg : xdg, out[count]);
	count = count_new(out, count);
	format_own(uid, NULL, out[count]);
	return count_new(out, count);
}

static bool check_private(const char *path, uid_t uid, struct problem *problem)
{
	struct stat status;
	if (lstat(path, &status) != 0)
		return problem_set(problem, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return problem_set(problem, "%s is no directory: remove it", path);
	if (status.st_uid != uid)
		return problem_set(problem, "%s belongs to another user: remove it, or set control = \"PATH\"", path);
	if ((status.st_mode & 077) != 0)
		return problem_set(problem, "%s is open to other users: run chmod 700 %s", path, path);
	return true;
}

bool runtime_dir_make(const char *path, uid_t uid, gid_t gid, struct problem *problem)
{
	bool is_shared = strcmp(path, ROOT_DIR) == 0; /* its sockets have modes of their own */
	bool is_anyones = strncmp(path, "/tmp/", 5) == 0;
	bool is_made = mkdir(path, is_shared ? 0755 : 0700) == 0;
	if (!is_made && errno != EEXIST)
		return problem_set(problem, "cannot make the directory %s: %s", path, strerror(errno));
	/* Of an earlier run as root. */
	struct stat status;
	bool is_roots = lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == 0;
	if ((is_made || is_roots) && geteuid() == 0 && uid != 0 && lchown(path, uid, gid) != 0)
		return problem_set(problem, "cannot give the directory %s to its user: %s", path, strerror(errno));
	return !is_anyones || check_private(path, uid, problem);
}
