#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asker.h"
#include "kithd.h"
#include "manager.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* ---- what the manager hears ---- */

static struct kithd *start_ready(struct manager *manager, const char *more)
{
	struct kithd *kithd = manager_start(manager, "-l %s -o name=alpha %s", harness_address(), more);
	AWAIT(manager_heard(manager, "READY=1") == 1);
	return kithd;
}

static void test_ready(void)
{
	struct manager manager = {0};
	manager_listen(&manager, NULL);
	struct kithd *kithd = start_ready(&manager, "-o network=prod");
	/* Ready means that a peer can come. */
	const char *listening = strstr(kithd_log(kithd), "listening on ");
	CU_ASSERT_PTR_NOT_NULL(listening);
	raw_close(raw_join(kithd, ALICE, ",\"network\":\"prod\""));
	const char *status = harness_text("STATUS=alpha (%.8s) %s, network \"prod\", open, 0 peers",
					  kithd_nodeid(kithd), kithd_address(kithd));
	EXPECT(manager_heard(&manager, status) == 1, "%s, not %s", manager_all(&manager), status);
	CU_ASSERT_EQUAL(manager_heard(&manager, "WATCHDOG=1"), 0);
	kithd_stop(kithd, SIGTERM);
	CU_ASSERT_EQUAL(manager_heard(&manager, "STOPPING=1"), 1);
}

static void test_status_follows(void)
{
	struct manager manager = {0};
	manager_listen(&manager, NULL);
	struct kithd *kithd = start_ready(&manager, "");
	struct raw *alice = raw_join(kithd, ALICE, "");
	AWAIT(strstr(manager_last(&manager, "STATUS="), ", 1 peer") != NULL);
	raw_join(kithd, BOB, "");
	AWAIT(strstr(manager_last(&manager, "STATUS="), ", 2 peers") != NULL);
	raw_close(alice);
	AWAIT(strstr(manager_last(&manager, "STATUS="), ", 1 peer") != NULL);
	/* What is the same is not told again. */
	CU_ASSERT_EQUAL(manager_heard(&manager, "STATUS="), 4);
}

static void test_reload(void)
{
	static const char *const contents[] = {"name = \"beta\";", "name = 7;"};
	struct manager manager = {0};
	manager_listen(&manager, NULL);
	const char *path = harness_write_file("name = \"alpha\";");
	struct kithd *kithd = manager_start(&manager, "-l %s -c %s", harness_address(), path);
	AWAIT(manager_heard(&manager, "READY=1") == 1);
	/* Whether it is good or not. */
	for (int i = 0; i < 2; i++) {
		FILE *file = fopen(path, "we");
		fputs(contents[i], file);
		fclose(file);
		int64_t before_us = clock_now_us();
		kithd_signal(kithd, SIGHUP);
		AWAIT(manager_heard(&manager, "READY=1") == 2 + i);
		CU_ASSERT_EQUAL(manager_heard(&manager, "RELOADING=1"), 1 + i);
		/* In one datagram, and by the manager's clock. */
		const char *reloading = strstr(manager_all(&manager), "RELOADING=1\nMONOTONIC_USEC=");
		CU_ASSERT_PTR_NOT_NULL_FATAL(reloading);
		const char *at = manager_last(&manager, "MONOTONIC_USEC=");
		int64_t at_us = CLOCK_START_US + strtoll(strchr(at, '=') + 1, NULL, 10);
		CU_ASSERT(at_us >= before_us && at_us <= clock_now_us());
	}
	AWAIT(strncmp(manager_last(&manager, "STATUS="), "STATUS=beta (", 13) == 0);
}

static void test_commands(void)
{
	struct manager manager = {0};
	manager_listen(&manager, NULL);
	const char *path = harness_text("%s/control", harness_make_folder());
	const char *file = harness_write_file("max_inbound = 7;");
	struct kithd *kithd = start_ready(&manager, harness_text("-o control=%s -c %s", path, file));
	struct asker *asker = asker_connect(path);
	asker_ask(asker, "{'msgtype':'reload'}");
	AWAIT(manager_heard(&manager, "READY=1") == 2);
	CU_ASSERT_EQUAL(manager_heard(&manager, "RELOADING=1"), 1);
	asker_ask(asker, "{'msgtype':'stop'}");
	CU_ASSERT_EQUAL(kithd_wait(kithd), 0);
	CU_ASSERT_EQUAL(manager_heard(&manager, "STOPPING=1"), 1);
}

static void test_sockets(void)
{
	struct manager manager = {0};
	manager_listen(&manager, harness_text("@kith-test-%d", (int)getpid()));
	start_ready(&manager, "");
	static const struct {
		const char *socket, *warning;
	} cases[] = {
		{"", ""},
		{"vsock:2:1234", "NOTIFY_SOCKET is \"vsock:2:1234\", which is no UNIX socket"},
		{"@", "which is no UNIX socket"},
		{"/no/such/socket", "cannot notify the service manager: No such file or directory"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct manager other = {.notify_socket = cases[i].socket, .watchdog_us = 400000};
		struct kithd *kithd = manager_start(&other, "-l %s", harness_address());
		struct raw *alice = raw_join(kithd, ALICE, "");
		raw_ping(alice);
		raw_close(alice);
		bool is_warned = cases[i].warning[0] != '\0';
		if (is_warned)
			AWAIT(kithd_log_count(kithd, " warning ", cases[i].warning) == 1);
		/* On a busy machine a thread may hang for a while. */
		size_t hung = kithd_log_count(kithd, " warning ", " thread hangs no longer");
		EXPECT(kithd_log_lines(kithd, " warning ") - hung == is_warned, "%s: %s", cases[i].socket,
		       kithd_log(kithd));
		kithd_stop(kithd, SIGTERM);
	}
}

/* ---- the watchdog ---- */

#define WATCHDOG_US ((int64_t)400 * 1000)

static int is_number(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The threads of a kithd but for main. */
static size_t list_threads(const struct kithd *kithd, pid_t *threads, size_t most)
{
	size_t count = 0;
	struct dirent **list;
	int entries = scandir(harness_text("/proc/%d/task", (int)kithd_pid(kithd)), &list, is_number, alphasort);
	if (entries < 0)
		harness_fail("no threads");
	for (int i = 0; i < entries; i++) {
		pid_t thread = (pid_t)strtol(list[i]->d_name, NULL, 10);
		if (thread != kithd_pid(kithd) && count < most)
			threads[count++] = thread;
		free(list[i]);
	}
	free(list);
	return count;
}

/* Until resume, the thread does nothing. */
static bool stop_thread(pid_t thread)
{
	return ptrace(PTRACE_SEIZE, thread, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) == 0 &&
	       waitpid(thread, NULL, __WALL) == thread;
}

static void resume_thread(pid_t thread)
{
	if (ptrace(PTRACE_DETACH, thread, NULL, NULL) != 0)
		harness_fail("cannot resume a thread: %s", strerror(errno));
}

static void test_watchdog(void)
{
	static const char *const names[] = {"acceptor", "connector", "control"};
	enum { THREADS = 3 };
	struct manager manager = {.watchdog_us = WATCHDOG_US};
	manager_listen(&manager, NULL);
	struct kithd *kithd = start_ready(&manager, harness_text("-o control=%s/socket", harness_make_folder()));
	AWAIT(manager_heard(&manager, "WATCHDOG=1") >= 3);
	pid_t threads[THREADS + 1] = {0};
	size_t count = list_threads(kithd, threads, THREADS + 1);
	if (!harness_can(count == THREADS || harness_slowness() <= 1, "a thread that hangs stops the watchdog",
			 "a sanitizer has a thread of its own"))
		return;
	CU_ASSERT_EQUAL_FATAL(count, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		if (!harness_can(stop_thread(threads[i]), "a thread that hangs stops the watchdog", "no ptrace"))
			return;
		AWAIT(kithd_log_count(kithd, " error the ", " thread hangs") == i + 1);
		int before = manager_heard(&manager, "WATCHDOG=1");
		/* The main thread, which would tell, goes on. */
		int reloads = manager_heard(&manager, "RELOADING=1");
		int64_t until_us = clock_now_us() + WATCHDOG_US;
		do {
			kithd_signal(kithd, SIGHUP);
			AWAIT(manager_heard(&manager, "RELOADING=1") > reloads);
			reloads = manager_heard(&manager, "RELOADING=1");
		} while (clock_now_us() < until_us);
		CU_ASSERT_EQUAL(manager_heard(&manager, "WATCHDOG=1"), before);
		resume_thread(threads[i]);
		AWAIT(kithd_log_count(kithd, " warning the ", " thread hangs no longer") == i + 1);
		AWAIT(manager_heard(&manager, "WATCHDOG=1") > before);
	}
	for (size_t i = 0; i < THREADS; i++)
		EXPECT(kithd_log_count(kithd, harness_text("the %s thread hangs:", names[i]), "") == 1, "%s: %s",
		       names[i], kithd_log(kithd));
	kithd_stop(kithd, SIGTERM);
}

static void test_watchdog_of_another(void)
{
	struct manager manager = {.watchdog_us = WATCHDOG_US, .is_for_another = true};
	manager_listen(&manager, NULL);
	struct kithd *kithd = start_ready(&manager, "");
	raw_join(kithd, ALICE, "");
	/* Longer than the watchdog would wait. */
	AWAIT(strstr(manager_last(&manager, "STATUS="), ", 1 peer") != NULL);
	CU_ASSERT_EQUAL(manager_heard(&manager, "WATCHDOG=1"), 0);
}

/* ---- sockets that the manager has opened ---- */

/* Of the manager's, at this path, with the mode that its unit says; NULL for one that is connected to nothing. */
static int open_unix(int type, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = harness_keep_fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
	if (path == NULL)
		return fd;
	strcpy(address.sun_path, path);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0660) != 0 ||
	    (type == SOCK_STREAM && listen(fd, 8) != 0))
		harness_fail("cannot listen on %s: %s", path, strerror(errno));
	return fd;
}

static int open_tcp(void)
{
	int fd = harness_keep_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (listen(fd, 8) != 0)
		harness_fail("no TCP socket: %s", strerror(errno));
	return fd;
}

static void test_handed_over(void)
{
	const char *folder = harness_make_folder(), *path = harness_text("%s/handed", folder);
	struct manager manager = {.fds = {open_unix(SOCK_STREAM, path)}, .fd_count = 1};
	/* A client that comes before it waits. */
	struct asker *asker = asker_connect(path);
	/* The path of the settings is for a start without the manager. */
	for (int i = 0; i < 2; i++) {
		struct kithd *kithd = manager_start(&manager, "-l %s -o control=%s/other", harness_address(), folder);
		if (i > 0)
			asker = asker_connect(path);
		CU_ASSERT_EQUAL(asker_ask(asker, "{'msgtype':'info'}"), 1);
		CU_ASSERT(asker_pick(asker, 0) && asker_is(asker, "control", path));
		asker_close(asker);
		AWAIT(kithd_log_count(kithd, " the control socket is ", "from the service manager") == 1);
		CU_ASSERT_EQUAL(kithd_log_lines(kithd, " warning "), 0);
		CU_ASSERT_NOT_EQUAL(access(harness_text("%s/other", folder), F_OK), 0);
		kithd_stop(kithd, SIGTERM);
		/* The file and its mode are the manager's. */
		struct stat status = {0};
		CU_ASSERT_EQUAL(lstat(path, &status), 0);
		CU_ASSERT_EQUAL(status.st_mode & 0777, 0660);
	}
}

static void test_handed_over_wrong(void)
{
	const char *folder = harness_make_folder();
	const char *own = harness_text("%s/own", folder), *first = harness_text("%s/first", folder);
	int good = open_unix(SOCK_STREAM, first);
	const struct {
		const char *says;
		int fd;
		bool has_good; /* a good one after it */
		const char *path;
	} cases[] = {
		{"descriptor 3 from the service manager is a TCP socket, and is closed", open_tcp(), true, first},
		{"descriptor 3 from the service manager is a TCP socket, and is closed", open_tcp(), false, own},
		{"is no stream socket", open_unix(SOCK_DGRAM, harness_text("%s/d", folder)), true, first},
		{"is a socket that does not listen", open_unix(SOCK_STREAM, NULL), true, first},
		{"descriptor 4 from the service manager is one too many", good, true, first},
		{"is no socket", harness_keep_fd(open("/dev/null", O_RDWR | O_CLOEXEC)), true, first},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct manager manager = {.fds = {cases[i].fd, good}, .fd_count = 1 + cases[i].has_good};
		struct kithd *kithd = manager_start(&manager, "-l %s -o control=%s", harness_address(), own);
		struct asker *asker = asker_connect(cases[i].path);
		asker_ask(asker, "{'msgtype':'info'}");
		CU_ASSERT(asker_pick(asker, 0) && asker_is(asker, "control", cases[i].path));
		asker_close(asker);
		EXPECT(kithd_log_count(kithd, " warning ", cases[i].says) == 1, "%s: %s", cases[i].says,
		       kithd_log(kithd));
		kithd_stop(kithd, SIGTERM);
	}
}

static void test_handed_over_for_nothing(void)
{
	const char *path = harness_text("%s/handed", harness_make_folder());
	struct manager manager = {.fds = {open_unix(SOCK_STREAM, path)}, .fd_count = 1};
	struct kithd *kithd = manager_start(&manager, "-l %s -o control=", harness_address());
	AWAIT(kithd_log_count(kithd, " warning the control socket is off: control is \"\"", path) == 1);
	raw_close(raw_join(kithd, ALICE, ""));
	kithd_stop(kithd, SIGTERM);
	/* For another process: it is left alone. */
	manager.is_for_another = true;
	kithd = manager_start(&manager, "-l %s -o control=", harness_address());
	raw_close(raw_join(kithd, ALICE, ""));
	CU_ASSERT_EQUAL(kithd_log_lines(kithd, " warning "), 0);
	kithd_stop(kithd, SIGTERM);
}

/* ---- the log as JSON ---- */

/* Each line is an object with a text: how many of them say this. */
static int count_json(struct kithd *kithd, const char *says)
{
	int count = 0;
	char *log = strdup(kithd_log(kithd)), *rest = NULL;
	for (char *line = strtok_r(log, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		struct json_object *object = json_tokener_parse(line), *text = NULL;
		bool is_whole = object != NULL && json_object_object_get_ex(object, "text", &text);
		EXPECT(is_whole, "%s", line);
		count += is_whole && strstr(json_object_get_string(text), says) != NULL;
		json_object_put(object);
	}
	free(log);
	return count;
}

static void test_log_in_json(void)
{
	const char *path = harness_write_file("log_format = \"json\";"), *address = harness_address();
	struct kithd *kithd = kithd_run("-l %s -c %s -o log_level=debug", address, path);
	AWAIT(count_json(kithd, harness_text("listening on %s", address)) == 1);
	/* A name that needs escapes, and a message that is cut. */
	struct raw *raw = raw_connect(address);
	raw_send(raw, "{\"msgtype\":\"hello\",\"version\":1,\"nodeid\":\"" ALICE
		      "\",\"network\":\"kith\",\"name\":\"\\\"a\\\\\\u202e\"}");
	AWAIT(count_json(kithd, "\"a\\\u202e (a11ce000") >= 1);
	raw_send(raw, "%0*d", 3000, 7);
	raw_expect_end(raw);
	raw_close(raw);
	/* A reload changes it. */
	FILE *file = fopen(path, "we");
	fputs("log_format = \"text\";", file);
	fclose(file);
	kithd_signal(kithd, SIGHUP);
	AWAIT(kithd_log_count(kithd, "{\"time\"", "log_format: \\\"json\\\" is now \\\"text\\\"") == 1);
	kithd_stop(kithd, SIGTERM);
	AWAIT(kithd_log_count(kithd, "Z info  stopped", "") == 1);
	/* What ends a start is said in the same form. */
	struct kithd *wrong = kithd_run("-l 192.0.2.1:7 -o log_format=json");
	CU_ASSERT_EQUAL(kithd_wait(wrong), 71);
	CU_ASSERT_EQUAL(count_json(wrong, "cannot listen on 192.0.2.1:7"), 1);
}

/* ---- the units ---- */

/* As `make install` writes it, with the kithd of this run. */
static const char *install_unit(const char *folder, const char *name)
{
	const char *text = harness_read_file(harness_text("conf/%s", name)), *program = getenv("KITHD");
	if (text == NULL)
		harness_fail("cannot read conf/%s: run this at the top of the source tree", name);
	char *directory = realpath(program == NULL ? "build/kithd" : program, NULL);
	const char *path = harness_text("%s/%s", folder, name);
	FILE *file = fopen(path, "we");
	*strrchr(directory, '/') = '\0';
	for (const char *at; (at = strstr(text, "@BINDIR@")) != NULL; text = at + 8)
		fprintf(file, "%.*s%s", (int)(at - text), text, directory);
	fputs(text, file);
	fclose(file);
	free(directory);
	return path;
}

/* A command, which must end well; returns what it has printed. */
static const char *run(const char *command)
{
	const char *output = harness_write_file("");
	int status = system(harness_text("%s >%s 2>&1", command, output)); /* NOLINT(cert-env33-c): the test's own */
	const char *printed = harness_read_file(output);
	EXPECT(status == 0, "%s: %s", command, printed);
	return printed;
}

static void test_units(void)
{
	enum { MOST_EXPOSURE = 11 }; /* tenths */
	if (!harness_can(access("/usr/bin/systemd-analyze", X_OK) == 0, "systemd accepts the units",
			 "there is no systemd-analyze"))
		return;
	const char *folder = harness_make_folder();
	const char *service = install_unit(folder, "kithd.service"),
		   *unix_socket = install_unit(folder, "kithd.socket");
	const char *printed =
		run(harness_text("systemd-analyze verify --man=no --recursive-errors=no %s %s", service, unix_socket));
	CU_ASSERT_STRING_EQUAL(printed, "");
	run(harness_text("systemd-analyze security --no-pager --offline=true --threshold=%d %s", MOST_EXPOSURE,
			 service));
}

static CU_TestInfo tests[] = {
	{"the manager hears that it is ready, how it is, and that it stops", test_ready},
	{"the status follows the peers, and is told only when it changes", test_status_follows},
	{"the manager hears of a reload and of its end, good or bad", test_reload},
	{"it hears the same of commands on the control socket", test_commands},
	{"abstract sockets are told; what is no socket, or a dead one, is a warning", test_sockets},
	{"the watchdog is told until a thread hangs, and again when it goes on", test_watchdog},
	{"a watchdog for another process is none", test_watchdog_of_another},
	{"a socket of the manager is the control socket, and its file stays", test_handed_over},
	{"what is not a control socket is a warning", test_handed_over_wrong},
	{"a socket that the settings don't want, and one for another process", test_handed_over_for_nothing},
	{"a log in JSON is JSON in each line", test_log_in_json},
	{"systemd accepts the units, and finds the service as confined as before", test_units},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_systemd = {
	.pName = "systemd", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
