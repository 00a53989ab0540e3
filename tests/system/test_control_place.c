#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asker.h"
#include "base/privilege.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* Where the control socket is, who may connect to it, and what becomes of it. */

static const char *in_folder(void)
{
	return harness_text("%s/sock", harness_make_folder());
}

static void expect_answer(const char *path, struct kithd *kithd)
{
	struct asker *asker = asker_connect(path);
	CU_ASSERT_EQUAL(asker_ask(asker, "{'msgtype':'info'}"), 1);
	CU_ASSERT(asker_pick(asker, 0) && asker_is(asker, "nodeid", kithd_nodeid(kithd)));
	CU_ASSERT(asker_is(asker, "control", path));
	asker_close(asker);
}

static unsigned mode_of(const char *path)
{
	struct stat status = {0};
	CU_ASSERT_EQUAL(lstat(path, &status), 0);
	return status.st_mode & 07777;
}

static void test_removed_on_exit(void)
{
	const char *path = in_folder();
	struct kithd *kithd = kithd_start("-o control=%s", path);
	expect_answer(path, kithd);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, harness_text("the control socket is %s", path), ""), 1);
	kithd_stop(kithd, SIGTERM);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
}

static void test_stale_socket(void)
{
	const char *path = in_folder();
	struct kithd *kithd = kithd_start("-o control=%s", path);
	expect_answer(path, kithd);
	kithd_signal(kithd, SIGKILL);
	kithd_wait(kithd);
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	struct kithd *next = kithd_start("-o control=%s", path);
	expect_answer(path, next);
}

static void test_second_node(void)
{
	const char *path = in_folder();
	struct kithd *first = kithd_start("-o control=%s", path);
	expect_answer(path, first);
	struct kithd *second = kithd_start("-o control=%s", path);
	const char *other = harness_text("%s-%d", path, (int)kithd_pid(second));
	expect_answer(other, second);
	expect_answer(path, first);
	AWAIT(kithd_log_count(second, " warning another process has the usual control socket", other) == 1);
	kithd_stop(second, SIGTERM);
	CU_ASSERT_NOT_EQUAL(access(other, F_OK), 0);
	expect_answer(path, first);
}

static void test_wrong_paths(void)
{
	const char *cases[][2] = {{"sock", "is not an absolute path: write"},
				  {harness_text("/tmp/%0110d", 1), "the path of a UNIX socket has at most 107"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct kithd *kithd = kithd_run("-l %s -o control=%s", harness_address(), cases[i][0]);
		CU_ASSERT_EQUAL(kithd_wait(kithd), 78);
		CU_ASSERT_EQUAL(kithd_log_count(kithd, "kithd: -o control: ", cases[i][1]), 1);
	}
}

/* What keeps the socket from being there is said, and the node runs. */
static void expect_warning(const char *options, const char *words)
{
	struct kithd *kithd = kithd_start("%s", options);
	AWAIT(kithd_log_count(kithd, " warning the control socket is off: ", words) == 1);
	raw_join(kithd, ALICE, "");
}

static void test_warnings(void)
{
	const char *folder = harness_make_folder(), *file = harness_write_file("");
	expect_warning(harness_text("-o control=%s/no/sock", folder), "No such file or directory");
	expect_warning(harness_text("-o control=%s", file), "is no socket: remove it");
	CU_ASSERT_EQUAL(access(file, F_OK), 0);
	expect_warning(harness_text("-o control=%s/sock -o control_group=kith-no-such-group", folder),
		       "there is no group \"kith-no-such-group\": run groupadd");
	CU_ASSERT_NOT_EQUAL(access(harness_text("%s/sock", folder), F_OK), 0);
}

static void test_none(void)
{
	struct kithd *kithd = kithd_start("-o control=");
	raw_join(kithd, ALICE, "");
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "control", ""), 0);
}

static void test_modes(void)
{
	const char *path = in_folder();
	struct kithd *kithd = kithd_start("-o control=%s", path);
	expect_answer(path, kithd);
	CU_ASSERT_EQUAL(mode_of(path), 0600);
	if (!harness_can(geteuid() == 0, "a socket for a group", "only root can give it to any group"))
		return;
	gid_t gid = 0;
	if (!harness_can(privilege_find_group("nogroup", &gid), "a socket for a group",
			 "this machine has no group nogroup"))
		return;
	const char *shared = in_folder();
	struct kithd *other = kithd_start("-o control=%s -o control_group=nogroup", shared);
	expect_answer(shared, other);
	struct stat status = {0};
	CU_ASSERT_EQUAL(lstat(shared, &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 07777, 0660);
	CU_ASSERT_EQUAL(status.st_gid, gid);
}

/* Tries in a process of that user, with this group alone: 0 if it can connect. */
static int try_as(uid_t uid, gid_t gid, const char *path)
{
	int status = -1;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
			_exit(2);
		_exit(asker_can_connect(path) ? 0 : 1);
	}
	if (waitpid(pid, &status, 0) != pid)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_other_users(void)
{
	static const char test[] = "who may connect";
	uid_t uid = 0;
	gid_t gid = 0, none = 0;
	if (!harness_can(geteuid() == 0, test, "only root can try it as another user") ||
	    !harness_can(privilege_find_user("nobody", &uid, &none), test, "this machine has no user nobody") ||
	    !harness_can(privilege_find_group("daemon", &gid), test, "this machine has no group daemon"))
		return;
	const char *folder = harness_make_folder(), *path = harness_text("%s/sock", folder);
	const char *shared = harness_text("%s/shared", folder);
	CU_ASSERT_EQUAL(chmod(folder, 0755), 0);
	expect_answer(path, kithd_start("-o control=%s", path));
	expect_answer(shared, kithd_start("-o control=%s -o control_group=daemon", shared));
	CU_ASSERT_EQUAL(try_as(uid, gid, path), 1);
	CU_ASSERT_EQUAL(try_as(uid, none, shared), 1);
	CU_ASSERT_EQUAL(try_as(uid, gid, shared), 0);
}

/* ---- auto ---- */

static bool set_environment(const void *given)
{
	const char *const *pair = given;
	unsetenv("RUNTIME_DIRECTORY");
	unsetenv("XDG_RUNTIME_DIR");
	return pair[0] == NULL || setenv(pair[0], pair[1], 1) == 0;
}

static struct kithd *start_with(const char *variable, const char *value, const char *const *options)
{
	const char *address = harness_address(), *pair[] = {variable, value};
	const char *argv[] = {"-l", address, "-o", "control=auto", options[0], options[1], NULL};
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv, .prepare = set_environment, .given = pair});
	kithd_await_listening(kithd);
	return kithd;
}

static void test_directory_of_the_unit(void)
{
	static const char *const options[] = {NULL, NULL};
	const char *folder = harness_make_folder();
	struct kithd *kithd = start_with("RUNTIME_DIRECTORY", harness_text("%s:/elsewhere", folder), options);
	const char *path = harness_text("%s/%s.sock", folder, kithd_address(kithd));
	expect_answer(path, kithd);
	CU_ASSERT_EQUAL(mode_of(path), 0600);
}

static void test_directory_given_to_the_user(void)
{
	static const char test[] = "the directory is the user's";
	uid_t uid = 0;
	gid_t gid = 0;
	if (!harness_can(geteuid() == 0, test, "only root can become another user") ||
	    !harness_can(privilege_find_user("nobody", &uid, &gid), test, "this machine has no user nobody"))
		return;
	static const char *const options[] = {"-o", "user=nobody"};
	const char *folder = harness_make_folder(), *directory = harness_text("%s/kith", folder);
	CU_ASSERT_EQUAL(chmod(folder, 0755), 0);
	struct kithd *kithd = start_with("RUNTIME_DIRECTORY", directory, options);
	const char *path = harness_text("%s/%s.sock", directory, kithd_address(kithd));
	expect_answer(path, kithd);
	struct stat status = {0};
	CU_ASSERT_EQUAL(stat(directory, &status), 0);
	CU_ASSERT_EQUAL(status.st_uid, uid);
	CU_ASSERT_EQUAL(status.st_mode & 07777, 0700);
	kithd_stop(kithd, SIGTERM);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
}

static void test_directory_that_cannot_be_made(void)
{
	static const char *const options[] = {NULL, NULL};
	const char *file = harness_write_file("");
	struct kithd *kithd = start_with("RUNTIME_DIRECTORY", harness_text("%s/kith", file), options);
	AWAIT(kithd_log_count(kithd, " warning the control socket is off: cannot make the directory",
			      "Not a directory") == 1);
	raw_join(kithd, ALICE, "");
}

static void test_what_killed_nodes_have_left(void)
{
	enum { DEAD = 100 };
	static const char *const options[] = {NULL, NULL};
	const char *folder = harness_make_folder(), *dead[DEAD];
	struct kithd *other = start_with("RUNTIME_DIRECTORY", folder, options);
	const char *others = harness_text("%s/%s.sock", folder, kithd_address(other));
	const char *foreign = harness_text("%s/mine.sock", folder);
	expect_answer(others, other);
	asker_leave_dead_socket(foreign);
	for (int i = 0; i < DEAD; i++) {
		dead[i] = harness_text("%s/10.0.0.%d:5999.sock", folder, i);
		asker_leave_dead_socket(dead[i]);
	}
	struct kithd *kithd = start_with("RUNTIME_DIRECTORY", folder, options);
	AWAIT(kithd_log_count(kithd, "removed 100 control sockets of killed nodes from ", folder) == 1);
	for (int i = 0; i < DEAD; i++)
		EXPECT(access(dead[i], F_OK) != 0, "%s", dead[i]);
	CU_ASSERT_EQUAL(access(foreign, F_OK), 0);
	expect_answer(others, other);
	expect_answer(harness_text("%s/%s.sock", folder, kithd_address(kithd)), kithd);
}

static CU_TestInfo tests[] = {
	{"the socket is removed when the node stops", test_removed_on_exit},
	{"a socket that a killed node has left is replaced", test_stale_socket},
	{"a second node gets a path of its own, and says so", test_second_node},
	{"a path that a socket can't have is a wrong setting", test_wrong_paths},
	{"what else is wrong with the path is a warning, and the node runs", test_warnings},
	{"without a path there is none", test_none},
	{"the owner may connect, or a group", test_modes},
	{"others are refused", test_other_users},
	{"auto is in the directory that systemd made", test_directory_of_the_unit},
	{"a directory that root makes is the user's", test_directory_given_to_the_user},
	{"what killed nodes have left is removed, and nothing else", test_what_killed_nodes_have_left},
	{"a directory that can't be made is a warning", test_directory_that_cannot_be_made},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_control_place = {
	.pName = "control_place", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
