#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

#define UNKNOWN "kith-no-such-user"
#define AS_ROOT "running as root"
#define NO_CAPABILITY "0000000000000000"

static const struct passwd *nobody(void)
{
	static struct passwd room;
	static char texts[4096];
	struct passwd *entry;
	if (getpwnam_r("nobody", &room, texts, sizeof texts, &entry) != 0 || entry == NULL)
		harness_fail("this machine has no user nobody");
	return entry;
}

static bool can_become(const char *test)
{
	return harness_can(geteuid() == 0, test, "only root can become another user");
}

/* What a thread's status in /proc says of a name, with single spaces between its words; NULL if it has ended. */
static const char *status_of(int pid, const char *thread, const char *name)
{
	const char *status = harness_read_file(harness_text("/proc/%d/task/%s/status", pid, thread));
	if (status == NULL || status[0] == '\0')
		return NULL;
	const char *words = strstr(status, harness_text("\n%s:", name)), *text = "";
	if (words == NULL)
		harness_fail("no %s of thread %s", name, thread);
	for (words += strlen(name) + 2; *words != '\n';) {
		words += strspn(words, " \t");
		size_t length = strcspn(words, " \t\n");
		text = harness_text("%s%s%.*s", text, text[0] == '\0' || length == 0 ? "" : " ", (int)length, words);
		words += length;
	}
	return text;
}

static int is_number(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Of each thread; returns how many there are. */
static int expect_of_threads(const struct kithd *kithd, const char *name, const char *value)
{
	int pid = (int)kithd_pid(kithd), count = 0;
	struct dirent **threads;
	int entries = scandir(harness_text("/proc/%d/task", pid), &threads, is_number, alphasort);
	if (entries < 0)
		harness_fail("no threads");
	for (int i = 0; i < entries; i++) {
		const char *found = status_of(pid, threads[i]->d_name, name);
		EXPECT(found == NULL || strcmp(found, value) == 0, "thread %s has %s %s, not %s", threads[i]->d_name,
		       name, found, value);
		count += found != NULL;
		free(threads[i]);
	}
	free(threads);
	return count;
}

/* The numbers of that user's groups, as /proc shows them. */
static const char *groups_of(const struct passwd *user)
{
	gid_t groups[64];
	int count = sizeof groups / sizeof *groups;
	const char *text = "";
	if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		harness_fail("%s has too many groups", user->pw_name);
	/* The kernel sorts them. */
	for (int i = 0; i < count; i++)
		for (int j = i + 1; j < count; j++)
			if (groups[j] < groups[i]) {
				gid_t held = groups[i];
				groups[i] = groups[j];
				groups[j] = held;
			}
	for (int i = 0; i < count; i++)
		text = harness_text("%s%s%u", text, i == 0 ? "" : " ", (unsigned)groups[i]);
	return text;
}

static void expect_nobody_without_privilege(struct kithd *kithd)
{
	static const char *const capabilities[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
	const struct passwd *user = nobody();
	unsigned uid = user->pw_uid, gid = user->pw_gid;
	/* A node that answers has started all its threads. */
	kithd_table(kithd);
	int threads = expect_of_threads(kithd, "Uid", harness_text("%u %u %u %u", uid, uid, uid, uid));
	expect_of_threads(kithd, "Gid", harness_text("%u %u %u %u", gid, gid, gid, gid));
	expect_of_threads(kithd, "Groups", groups_of(user));
	for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
		expect_of_threads(kithd, capabilities[i], NO_CAPABILITY);
	expect_of_threads(kithd, "NoNewPrivs", "1");
	/* main, acceptor, connector, and those of a peer. */
	CU_ASSERT(threads >= 4);
}

static void test_root_becomes_another(void)
{
	if (!can_become("a node that root has started is another user's"))
		return;
	struct kithd *kithd = kithd_start("-o user=nobody");
	struct raw *alice = raw_join(kithd, ALICE, "");
	expect_nobody_without_privilege(kithd);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, AS_ROOT, ""), 0);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 1);
	raw_ping_next(alice);
	kithd_stop(kithd, SIGTERM);
}

static void test_file_names_the_user(void)
{
	if (!can_become("the file's user is taken, and the command line's beats it"))
		return;
	const char *path = harness_write_file("user = \"nobody\";");
	struct kithd *kithd = kithd_start("-c %s", path);
	raw_join(kithd, ALICE, "");
	expect_nobody_without_privilege(kithd);
	struct kithd *beaten = kithd_start("-c %s -o user=", path);
	AWAIT(kithd_log_count(beaten, " warning " AS_ROOT, "set user = \"kithd\"") == 1);
}

/* As root: a node that stays root, and says so. */
static void test_no_user(void)
{
	struct kithd *kithd = kithd_plain();
	unsigned uid = geteuid();
	kithd_table(kithd);
	expect_of_threads(kithd, "Uid", harness_text("%u %u %u %u", uid, uid, uid, uid));
	expect_of_threads(kithd, "NoNewPrivs", "1");
	CU_ASSERT_EQUAL(kithd_log_count(kithd, " warning " AS_ROOT, "set user = \"kithd\""), uid == 0 ? 1 : 0);
}

static void expect_setting_error(const char *arguments, const char *where, const char *says)
{
	static const char *const modes[] = {"", " -t"};
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		struct kithd *kithd = kithd_run("%s%s -l %s", arguments, modes[i], harness_address());
		CU_ASSERT_EQUAL(kithd_wait(kithd), 78);
		CU_ASSERT_EQUAL(kithd_log_count(kithd, harness_text("kithd: %s: ", where), says), 1);
		CU_ASSERT_EQUAL(kithd_log_count(kithd, "", ""), 1);
	}
}

static void test_unknown_user(void)
{
	const char *path = harness_write_file("name = \"alpha\";\nuser = \"" UNKNOWN "\";\n");
	expect_setting_error(harness_text("-c %s", path), harness_text("%s:2", path),
			     "there is no user \"" UNKNOWN "\": make one, ");
	expect_setting_error("-o user=" UNKNOWN, "-o user", "there is no user \"" UNKNOWN "\": make one, ");
	expect_setting_error("-o user=root", "-o user", "the user \"root\" is root, and kithd needs no privilege");
}

static bool become_nobody(const void *given)
{
	const struct passwd *user = given;
	return setgroups(0, NULL) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0;
}

/* Whether that user can execute the program, which may be in a folder of root's. */
static bool reaches_program(const struct passwd *user)
{
	const char *program = getenv("KITHD");
	bool reaches = setegid(user->pw_gid) == 0 && seteuid(user->pw_uid) == 0 &&
		       faccessat(AT_FDCWD, program == NULL ? "build/kithd" : program, X_OK, AT_EACCESS) == 0;
	if (seteuid(0) != 0 || setegid(0) != 0)
		abort();
	return reaches;
}

static struct kithd *started_by_nobody(const char *user)
{
	const char *option = harness_text("user=%s", user), *address = harness_address();
	const char *const argv[] = {"-l", address, "-o", option, NULL};
	return kithd_launch(&(struct launch){.argv = argv, .prepare = become_nobody, .given = nobody()});
}

static void test_started_by_another(void)
{
	static const char test[] = "a node that root hasn't started stays its user's";
	if (!can_become(test) || !harness_can(reaches_program(nobody()), test, "nobody may not execute the program"))
		return;
	struct kithd *same = started_by_nobody("nobody"), *unnamed = started_by_nobody("");
	kithd_await_listening(same);
	kithd_await_listening(unnamed);
	expect_of_threads(same, "NoNewPrivs", "1");
	expect_of_threads(unnamed, "NoNewPrivs", "1");
	kithd_table(same);
	kithd_table(unnamed);
	CU_ASSERT_EQUAL(kithd_log_count(same, " warning ", "") + kithd_log_count(unnamed, " warning ", ""), 0);
	struct kithd *another = started_by_nobody("daemon");
	CU_ASSERT_EQUAL(kithd_wait(another), 78);
	CU_ASSERT_EQUAL(kithd_log_count(another, "kithd: -o user: only root can become the user \"daemon\"",
					"runs as \"nobody\": start it as root, or as \"daemon\""),
			1);
}

static void test_state_dir(void)
{
	if (!can_become("the state is the user's"))
		return;
	const struct passwd *user = nobody();
	const char *folder = harness_make_folder();
	struct kithd *refused = kithd_run("-l %s -o user=nobody -o state_dir=%s", harness_address(), folder);
	CU_ASSERT_EQUAL(kithd_wait(refused), 71);
	CU_ASSERT_EQUAL(kithd_log_count(refused, harness_text("state_dir \"%s\": Permission denied", folder),
					"make a folder there that the user \"nobody\" can read and write"),
			1);
	if (chown(folder, user->pw_uid, user->pw_gid) != 0)
		harness_fail("cannot give %s to nobody", folder);
	struct kithd *kithd =
		kithd_start("-o user=nobody -o state_dir=%s -o nodeid=keep -o save_interval=0.05", folder);
	raw_join(kithd, ALICE, ",\"listen\":7");
	kithd_stop(kithd, SIGTERM);
	static const char *const files[] = {"nodeid", "addresses.json"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct stat status = {0};
		CU_ASSERT_EQUAL(stat(harness_text("%s/%s", folder, files[i]), &status), 0);
		CU_ASSERT_EQUAL(status.st_uid, user->pw_uid);
		CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
	}
}

static void test_file_that_the_user_cannot_read(void)
{
	if (!can_become("a file that the user can't read is named at the start and at SIGHUP"))
		return;
	/* mkstemp makes a file that only root can read. */
	const char *path = harness_write_file("user = \"nobody\"; max_inbound = 7;");
	struct kithd *kithd = kithd_start("-c %s", path);
	AWAIT(kithd_log_count(kithd, harness_text(" warning the user \"nobody\" can't read %s", path), "SIGHUP") == 1);
	kithd_signal(kithd, SIGHUP);
	AWAIT(kithd_log_count(kithd, " error settings are not read again: ", path) == 1);
	CU_ASSERT_EQUAL(
		kithd_log_count(kithd, " error settings are not read again: ", "let the user of this node read it"), 1);
	CU_ASSERT_EQUAL(chmod(path, 0644), 0);
	kithd_signal(kithd, SIGHUP);
	AWAIT(kithd_log_count(kithd, "the settings are read again: nothing has changed", "") == 1);
}

/* As from a shell's pipe, which belongs to the user that started it. */
static void test_table_into_a_pipe_of_root(void)
{
	if (!can_become("a pipe that root has opened takes the table"))
		return;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		harness_fail("no pipe");
	int reader = harness_keep_fd(ends[0]), writer = harness_keep_fd(ends[1]);
	const char *address = harness_address();
	const char *const argv[] = {"-l", address, "-o", "user=nobody", NULL};
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv, .stdout_fd = writer});
	kithd_await_listening(kithd);
	kithd_signal(kithd, SIGUSR1);
	char byte = 0;
	CU_ASSERT_EQUAL(read(reader, &byte, 1), 1);
	CU_ASSERT_EQUAL(byte, '#');
}

static CU_TestInfo tests[] = {
	{"a node that root has started is another user's, in each thread and without a capability",
	 test_root_becomes_another},
	{"the user may stand in the file, and the command line beats it", test_file_names_the_user},
	{"without a user it stays its starter's; root is warned, and nobody gains privileges", test_no_user},
	{"a user who isn't there, or is root, is a wrong setting, also for -t", test_unknown_user},
	{"a node that another has started is that one's, and can't be a third one's", test_started_by_another},
	{"state_dir is the user's, and where it isn't the error names the user", test_state_dir},
	{"a file that the user can't read is named at the start and at SIGHUP", test_file_that_the_user_cannot_read},
	{"the table goes into a pipe that root has opened", test_table_into_a_pipe_of_root},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_privileges = {
	.pName = "privileges", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
