#include "base/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The texts of one user in the database, and of one group, which names all its members. */
enum { ENTRY_BYTES = 4096, GROUP_BYTES = 65536 };

bool privilege_is_root(void)
{
	return geteuid() == 0;
}

void privilege_name_user(uid_t uid, char out[static PRIVILEGE_USER_BYTES])
{
	struct passwd room, *entry;
	char texts[ENTRY_BYTES];
	if (getpwuid_r(uid, &room, texts, sizeof texts, &entry) == 0 && entry != NULL)
		snprintf(out, PRIVILEGE_USER_BYTES, "%s", entry->pw_name);
	else
		snprintf(out, PRIVILEGE_USER_BYTES, "%u", (unsigned)uid);
}

void privilege_name_group(gid_t gid, char out[static PRIVILEGE_USER_BYTES])
{
	struct group room, *entry;
	char texts[GROUP_BYTES];
	if (getgrgid_r(gid, &room, texts, sizeof texts, &entry) == 0 && entry != NULL)
		snprintf(out, PRIVILEGE_USER_BYTES, "%s", entry->gr_name);
	else
		snprintf(out, PRIVILEGE_USER_BYTES, "%u", (unsigned)gid);
}

void privilege_user_name(char out[static PRIVILEGE_USER_BYTES])
{
	privilege_name_user(geteuid(), out);
}

struct identity {
	uid_t uid;
	gid_t gid;
};

static bool find(const char *user, struct identity *identity, struct problem *problem)
{
	struct passwd room, *entry;
	char texts[ENTRY_BYTES];
	int error = getpwnam_r(user, &room, texts, sizeof texts, &entry);
	*identity = (struct identity){0};
	if (entry != NULL) {
		*identity = (struct identity){entry->pw_uid, entry->pw_gid};
		return true;
	}
	/* Not found is 0 or one of several errors, says getpwnam_r(3); these come of databases that aren't there. */
	if (error == 0 || error == ENOENT || error == ESRCH)
		return problem_set(
			problem, "there is no user \"%s\": make one, as with useradd --system, or name another", user);
	return problem_set(problem, "the user \"%s\" can't be looked up: %s", user, strerror(error));
}

bool privilege_find_user(const char *user, uid_t *uid, gid_t *gid)
{
	struct identity identity;
	struct problem problem;
	if (!find(user, &identity, &problem))
		return false;
	*uid = identity.uid;
	*gid = identity.gid;
	return true;
}

bool privilege_find_group(const char *group, gid_t *gid)
{
	struct group room, *entry = NULL;
	char texts[GROUP_BYTES];
	if (getgrnam_r(group, &room, texts, sizeof texts, &entry) != 0 || entry == NULL)
		return false;
	*gid = entry->gr_gid;
	return true;
}

static bool check(const char *user, struct identity *identity, struct problem *problem)
{
	char own[PRIVILEGE_USER_BYTES];
	if (!find(user, identity, problem))
		return false;
	if (identity->uid == 0)
		return problem_set(
			problem,
			"the user \"%s\" is root, and kithd needs no privilege: name another user, such as \"kith\"",
			user);
	if (privilege_is_root() || (identity->uid == geteuid() && identity->uid == getuid()))
		return true;
	privilege_user_name(own);
	return problem_set(
		problem,
		"only root can become the user \"%s\", and kithd runs as \"%s\": start it as root, or as \"%s\", or "
		"write user = \"\"",
		user, own, user);
}

bool privilege_check_user(const char *user, struct problem *problem)
{
	struct identity identity;
	return user[0] == '\0' || check(user, &identity, problem);
}

bool privilege_has_group(const char *user, gid_t group)
{
	enum { GROUPS = 1024 };
	gid_t groups[GROUPS];
	struct identity identity;
	struct problem problem;
	int count = getgroups(GROUPS, groups);
	bool has = group == getegid();
	if (user[0] != '\0' && privilege_is_root()) {
		/* What the process will have. */
		if (!find(user, &identity, &problem))
			return false;
		count = GROUPS;
		has = group == identity.gid;
		if (getgrouplist(user, identity.gid, groups, &count) < 0)
			count = 0;
	}
	for (int i = 0; i < count && !has; i++)
		has = groups[i] == group;
	return has;
}

bool privilege_is_user(const char *user, uid_t uid)
{
	struct identity identity;
	struct problem problem;
	return uid == geteuid() || (user[0] != '\0' && find(user, &identity, &problem) && uid == identity.uid);
}

/* What a program that is executed could get back; only root may do this, and not everywhere. */
static void narrow_bounding_set(void)
{
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		prctl(PR_CAPBSET_DROP, capability);
}

/* The kernel does it with the change of user, unless the securebits that were inherited say otherwise. */
static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
	return syscall(SYS_capset, &header, none) == 0;
}

static bool can_go_back(const struct identity *identity)
{
	uid_t real, effective, saved;
	gid_t real_group, effective_group, saved_group;
	return getresuid(&real, &effective, &saved) != 0 || real != identity->uid || effective != identity->uid ||
	       saved != identity->uid || getresgid(&real_group, &effective_group, &saved_group) != 0 ||
	       real_group != identity->gid || effective_group != identity->gid || saved_group != identity->gid ||
	       setuid(0) == 0 || (identity->gid != 0 && setgid(0) == 0);
}

static bool become(const char *user, const struct identity *identity, struct problem *problem)
{
	narrow_bounding_set();
	if (initgroups(user, identity->gid) != 0 || setresgid(identity->gid, identity->gid, identity->gid) != 0 ||
	    setresuid(identity->uid, identity->uid, identity->uid) != 0 || !drop_capabilities()) {
		int error = errno;
		return problem_set(problem, "cannot become the user \"%s\": %s%s", user, strerror(error),
				   error == EPERM ? ": it takes the capabilities CAP_SETUID and CAP_SETGID" : "");
	}
	if (can_go_back(identity))
		return problem_set(
			problem, "cannot become the user \"%s\" for good: the system would let it be root again", user);
	return true;
}

bool privilege_settle(const char *user, struct problem *problem)
{
	struct identity identity;
	if (user[0] != '\0') {
		if (!check(user, &identity, problem))
			return false;
		if (privilege_is_root() && !become(user, &identity, problem))
			return false;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0)
		return problem_set(problem, "cannot forbid this process to gain privileges: %s", strerror(errno));
	return true;
}

void privilege_hide_memory(void)
{
	prctl(PR_SET_DUMPABLE, 0);
}
