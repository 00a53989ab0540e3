#include "base/runtime_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "unit/suites.h"

static void set_or_unset(const char *name, const char *value)
{
	if (value == NULL)
		unsetenv(name);
	else
		setenv(name, value, 1);
}

static void a_daemon_uses_one(void)
{
	static const struct {
		uid_t uid;
		const char *unit, *xdg, *expected;
	} cases[] = {
		{0, NULL, NULL, "/run/kith"},
		{0, NULL, "/run/user/0", "/run/kith"},
		{0, "/run/other", NULL, "/run/other"},
		{7, "/run/one:/run/two", "/run/user/7", "/run/one"},
		{7, "not/absolute", "/run/user/7", "/run/user/7/kith"},
		{7, NULL, "/run/user/7", "/run/user/7/kith"},
		{7, NULL, "", "/tmp/kith-7"},
		{7, NULL, "not/absolute", "/tmp/kith-7"},
		{7, NULL, NULL, "/tmp/kith-7"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char own[RUNTIME_DIR_BYTES];
		set_or_unset("RUNTIME_DIRECTORY", cases[i].unit);
		set_or_unset("XDG_RUNTIME_DIR", cases[i].xdg);
		runtime_dir_own(cases[i].uid, own);
		EXPECT(strcmp(own, cases[i].expected) == 0, "case %zu: %s", i, own);
	}
	set_or_unset("RUNTIME_DIRECTORY", NULL);
}

/* Wherever a daemon of that user or of root puts its socket, its client looks. */
static void a_client_looks_there(void)
{
	char dirs[RUNTIME_DIRS][RUNTIME_DIR_BYTES];
	set_or_unset("XDG_RUNTIME_DIR", "/run/user/7");
	CU_ASSERT_EQUAL(runtime_dir_list(7, dirs), 4);
	CU_ASSERT_STRING_EQUAL(dirs[0], "/run/kith");
	CU_ASSERT_STRING_EQUAL(dirs[1], "/run/kithd");
	CU_ASSERT_STRING_EQUAL(dirs[2], "/run/user/7/kith");
	CU_ASSERT_STRING_EQUAL(dirs[3], "/tmp/kith-7");
	/* As after su: the daemon may have been started from a login. */
	set_or_unset("XDG_RUNTIME_DIR", NULL);
	CU_ASSERT_EQUAL(runtime_dir_list(7, dirs), 4);
	CU_ASSERT_STRING_EQUAL(dirs[2], "/run/user/7/kith");
	CU_ASSERT_EQUAL(runtime_dir_list(0, dirs), 2);
	set_or_unset("XDG_RUNTIME_DIR", "not/absolute");
	CU_ASSERT_EQUAL(runtime_dir_list(7, dirs), 3);
	CU_ASSERT_STRING_EQUAL(dirs[2], "/tmp/kith-7");
	/* As within a unit. */
	set_or_unset("RUNTIME_DIRECTORY", "/run/other");
	CU_ASSERT_EQUAL(runtime_dir_list(0, dirs), 3);
	CU_ASSERT_STRING_EQUAL(dirs[0], "/run/other");
	CU_ASSERT_STRING_EQUAL(dirs[1], "/run/kith");
	set_or_unset("RUNTIME_DIRECTORY", "/run/kithd");
	CU_ASSERT_EQUAL(runtime_dir_list(0, dirs), 2);
	CU_ASSERT_STRING_EQUAL(dirs[0], "/run/kithd");
	set_or_unset("RUNTIME_DIRECTORY", NULL);
	set_or_unset("XDG_RUNTIME_DIR", NULL);
}

static void a_directory_in_tmp_is_the_users_alone(void)
{
	char path[] = "/tmp/kith-unit-XXXXXX", link[64];
	struct problem problem;
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(path));
	CU_ASSERT_TRUE(runtime_dir_make(path, getuid(), getgid(), &problem));
	CU_ASSERT_EQUAL(chmod(path, 0750), 0);
	CU_ASSERT_FALSE(runtime_dir_make(path, getuid(), getgid(), &problem));
	CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "is open to other users: run chmod 700"));
	CU_ASSERT_EQUAL(chmod(path, 0700), 0);
	if (getuid() != 0) {
		CU_ASSERT_FALSE(runtime_dir_make(path, getuid() + 1, getgid(), &problem));
		CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "belongs to another user"));
	}
	snprintf(link, sizeof link, "%s-link", path);
	CU_ASSERT_EQUAL(symlink(path, link), 0);
	CU_ASSERT_FALSE(runtime_dir_make(link, getuid(), getgid(), &problem));
	CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "is no directory: remove it"));
	CU_ASSERT_EQUAL(unlink(link), 0);
	CU_ASSERT_EQUAL(rmdir(path), 0);
	/* It is made again. */
	CU_ASSERT_TRUE(runtime_dir_make(path, getuid(), getgid(), &problem));
	CU_ASSERT_EQUAL(rmdir(path), 0);
	snprintf(link, sizeof link, "%s/below", path);
	CU_ASSERT_FALSE(runtime_dir_make(link, getuid(), getgid(), &problem));
	CU_ASSERT_PTR_NOT_NULL(strstr(problem.text, "cannot make the directory"));
}

static CU_TestInfo tests[] = {
	{"a daemon uses the first that there is", a_daemon_uses_one},
	{"a client looks wherever a daemon may be", a_client_looks_there},
	{"a directory in /tmp is the user's alone", a_directory_in_tmp_is_the_users_alone},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_runtime_dir = {.pName = "runtime_dir", .pTests = tests};
