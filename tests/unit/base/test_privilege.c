#include "base/privilege.h"

#include <linux/securebits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"
#include "unit/suites.h"

#define UNKNOWN "kith-no-such-user"

/* What a process may do is tried in a process of its own: 0 where it went well, or the number of the step that didn't.
 */
static int in_a_child(int (*work)(void))
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(work());
	CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_refused(const char *user, const char *says)
{
	struct problem problem;
	return !privilege_check_user(user, &problem) && strstr(problem.text, says) != NULL;
}

static bool is_good(const char *user)
{
	struct problem problem;
	return privilege_check_user(user, &problem);
}

static int become_nobody(void)
{
	struct passwd room, *nobody;
	char texts[4096];
	if (getpwnam_r("nobody", &room, texts, sizeof texts, &nobody) != 0 || nobody == NULL)
		return 9;
	return geteuid() != 0 || setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid) == 0 ? 0 : 1;
}

static void a_user_that_is_not_there_is_refused(void)
{
	CU_ASSERT(is_refused(UNKNOWN, "there is no user \"" UNKNOWN "\": make one"));
	CU_ASSERT(is_refused("4294967295", "there is no user \"4294967295\""));
}

static void root_is_no_user_to_become(void)
{
	CU_ASSERT(is_refused("root", "the user \"root\" is root, and kithd needs no privilege"));
}

static void no_user_is_good_for_everybody(void)
{
	CU_ASSERT(is_good(""));
}

static int as_who_i_am(void)
{
	struct problem problem;
	char own[PRIVILEGE_USER_BYTES];
	if (become_nobody() != 0)
		return 1;
	privilege_user_name(own);
	if (own[strspn(own, "0123456789")] == '\0')
		return 0; /* a user without a name can't be named */
	if (!is_good(own))
		return 2;
	if (!privilege_settle(own, &problem))
		return 3;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 4;
}

static void who_it_is_already_is_good(void)
{
	CU_ASSERT_EQUAL(in_a_child(as_who_i_am), 0);
}

static int as_another(void)
{
	struct problem problem;
	if (become_nobody() != 0)
		return 1;
	if (!is_refused("daemon", "only root can become the user \"daemon\", and kithd runs as \""))
		return 2;
	return privilege_settle("daemon", &problem) ? 3 : 0;
}

static void only_root_can_become_another(void)
{
	CU_ASSERT_EQUAL(in_a_child(as_another), 0);
}

static bool holds_a_capability(void)
{
	char line[256];
	bool holds = false;
	FILE *file = fopen("/proc/self/status", "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		holds = holds || (strncmp(line, "Cap", 3) == 0 && strpbrk(line + 7, "123456789abcdef") != NULL);
	if (file != NULL)
		fclose(file);
	return file == NULL || holds;
}

/* With these bits the kernel leaves the capabilities to who was root. */
static int with_securebits(void)
{
	struct problem problem;
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS) != 0)
		return 0; /* not every root may do that */
	if (!privilege_settle("nobody", &problem))
		return 2;
	if (holds_a_capability())
		return 3;
	return setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 || geteuid() == 0 ? 4 : 0;
}

static void no_capability_outlasts_the_change(void)
{
	if (geteuid() != 0)
		return; /* only root can become another */
	CU_ASSERT_EQUAL(in_a_child(with_securebits), 0);
}

static CU_TestInfo tests[] = {
	{"a user that isn't there is refused, with what to do", a_user_that_is_not_there_is_refused},
	{"root is no user to become", root_is_no_user_to_become},
	{"no user is good for everybody", no_user_is_good_for_everybody},
	{"who it is already is good", who_it_is_already_is_good},
	{"only root can become another", only_root_can_become_another},
	{"no capability outlasts the change of user, whatever the securebits say", no_capability_outlasts_the_change},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_privilege = {.pName = "privilege", .pTests = tests};
