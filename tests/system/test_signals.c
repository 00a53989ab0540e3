#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* What a test and the child that becomes kithd tell each other. */
struct shared {
	_Atomic pid_t pid;
	int pipe[2];
};

static struct shared *share(void)
{
	/* cppcheck-suppress invalidFunctionArg; mmap(2) wants -1 here */
	struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || pipe2(shared->pipe, O_CLOEXEC) != 0)
		abort();
	harness_keep_fd(shared->pipe[0]);
	return shared;
}

static void test_signals_that_change_nothing(void)
{
	static const int numbers[] = {SIGUSR2, SIGPIPE, SIGXFSZ, SIGTTIN, SIGTTOU, SIGCHLD, SIGWINCH, SIGURG};
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_join(kithd, ALICE, "");
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		kithd_signal(kithd, numbers[i]);
		raw_ping_next(raw);
		EXPECT(kithd_peers(kithd) == 1, "%s", strsignal(numbers[i]));
	}
	kithd_stop(kithd, SIGTERM);
}

static void test_failing_power(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_join(kithd, ALICE, "");
	kithd_stop(kithd, SIGPWR);
	raw_expect_bye(raw, "shutdown");
}

static bool ignore_hangup(const void *given)
{
	(void)given;
	return signal(SIGHUP, SIG_IGN) != SIG_ERR;
}

/* As under nohup(1). */
static void test_ignored_hangup(void)
{
	const char *argv[] = {"-l", harness_address(), "-c", harness_write_file("ping_interval = 7;\n"), NULL};
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv, .prepare = ignore_hangup});
	kithd_await_listening(kithd);
	kithd_signal(kithd, SIGHUP);
	AWAIT(kithd_log_count(kithd, "read again", "") == 1);
}

static bool limit_files(const void *given)
{
	struct rlimit limit = {.rlim_cur = 8192, .rlim_max = 8192};
	(void)given;
	return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

static void test_log_that_reaches_its_limit(void)
{
	const char *argv[] = {"-l", harness_address(), "-o", "log_level=debug", NULL};
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv, .prepare = limit_files});
	kithd_await_listening(kithd);
	struct raw *raw = raw_join(kithd, ALICE, "");
	for (int i = 0; i < 100; i++)
		raw_ping_next(raw);
	CU_ASSERT_EQUAL(strlen(kithd_log(kithd)), 8192);
	kithd_stop(kithd, SIGTERM);
	raw_expect_bye(raw, "shutdown");
}

/* A child that has ended already, and the child of another that will end when the test closes the pipe. */
static bool adopt(const void *given)
{
	struct shared *shared = *(struct shared *const *)given;
	pid_t first = prctl(PR_SET_CHILD_SUBREAPER, 1L) == 0 ? fork() : -1;
	if (first != 0)
		return first > 0 && waitid(P_PID, (id_t)first, &(siginfo_t){0}, WEXITED | WNOWAIT) == 0;
	pid_t second = fork();
	if (second > 0)
		shared->pid = second;
	if (second == 0) {
		char byte;
		close(shared->pipe[1]);
		while (read(shared->pipe[0], &byte, 1) > 0)
			continue;
	}
	_exit(0);
}

static bool has_child(struct kithd *kithd)
{
	const char *children = harness_read_file(
		harness_text("/proc/%d/task/%d/children", (int)kithd_pid(kithd), (int)kithd_pid(kithd)));
	return children == NULL || children[0] != '\0';
}

static void test_inherited_children(void)
{
	struct shared *shared = share();
	const char *argv[] = {"-l", harness_address(), NULL};
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv, .prepare = adopt, .given = &shared});
	kithd_await_listening(kithd);
	CU_ASSERT(has_child(kithd));
	close(shared->pipe[1]);
	AWAIT(!has_child(kithd));
	AWAIT(kill(shared->pid, 0) != 0);
}

/*
 * This process leads a session whose terminal has tostop and lets a job in the background become kithd, which has the
 * terminal as stderr.
 */
static bool become_background_job(const void *given)
{
	struct shared *shared = *(struct shared *const *)given;
	struct termios modes;
	pid_t job;
	int status, master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 || setsid() < 0)
		return false;
	int terminal = harness_keep_fd(open(ptsname(master), O_RDWR));
	if (tcgetattr(terminal, &modes) != 0)
		return false;
	modes.c_lflag |= TOSTOP;
	if (tcsetattr(terminal, TCSANOW, &modes) != 0 || (job = fork()) < 0)
		return false;
	if (job == 0)
		return prctl(PR_SET_PDEATHSIG, (long)SIGKILL) == 0 && setpgid(0, 0) == 0 &&
		       dup2(terminal, STDERR_FILENO) >= 0;
	shared->pid = job;
	_exit(waitpid(job, &status, 0) > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void test_background_job(void)
{
	struct shared *shared = share();
	struct raw *raw = NULL;
	const char *argv[] = {"-l", harness_address(), NULL};
	struct kithd *shell =
		kithd_launch(&(struct launch){.argv = argv, .prepare = become_background_job, .given = &shared});
	AWAIT((raw = raw_try_connect(argv[1])) != NULL);
	raw_shake_hands(raw, ALICE, "");
	raw_ping_next(raw);
	AWAIT(shared->pid > 0);
	kill(shared->pid, SIGTERM);
	raw_expect_bye(raw, "shutdown");
	kithd_stop(shell, 0);
}

static CU_TestInfo tests[] = {
	{"signals that are not for a node change nothing", test_signals_that_change_nothing},
	{"SIGPWR stops as SIGTERM does", test_failing_power},
	{"SIGHUP that the parent ignored reads the settings again", test_ignored_hangup},
	{"a log that reaches the limit of file sizes stops nothing", test_log_that_reaches_its_limit},
	{"children that kithd has inherited leave no zombies", test_inherited_children},
	{"a job in the background writes to a terminal with tostop", test_background_job},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_signals = {
	.pName = "signals", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
