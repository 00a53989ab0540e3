#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"

/* A node whose threads all run: it answers. */
static struct kithd *running(const char *options)
{
	struct kithd *kithd = kithd_start("%s", options);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 0);
	return kithd;
}

/* Connections of every kind: peers, feelers, mutes, liars, and some that are gone before anybody says hello. */
static void come_and_go(struct kithd *kithd, int times)
{
	for (int i = 0; i < times; i++) {
		struct raw *raw = raw_connect(kithd_address(kithd));
		if (i % 5 < 2) {
			raw_shake_hands(raw, ALICE, "");
			raw_send(raw, "{\"msgtype\":\"bye\",\"reason\":\"shutdown\"}");
			raw_expect_end(raw);
			AWAIT(kithd_peers(kithd) == 0);
		} else if (i % 5 == 2) {
			raw_send_hello(raw, BOB, ",\"feeler\":true");
			raw_expect_next(raw, "hello");
		} else if (i % 5 == 3) {
			raw_send(raw, "nonsense");
			raw_expect_bye(raw, "protocol");
		}
		raw_close(raw);
	}
}

static void test_counts_stay(void)
{
	struct kithd *kithd = running("-o max_parked=0 -o ban_after=0");
	int threads = kithd_entries(kithd, "task"), descriptors = kithd_entries(kithd, "fd");
	come_and_go(kithd, 100);
	AWAIT(kithd_entries(kithd, "task") == threads && kithd_entries(kithd, "fd") == descriptors);
	long before_kib = kithd_status_number(kithd, "VmRSS");
	come_and_go(kithd, 500);
	AWAIT(kithd_entries(kithd, "task") == threads);
	AWAIT(kithd_entries(kithd, "fd") == descriptors);
	/* A sanitizer keeps what was freed for a while. */
	if (harness_slowness() == 1)
		CU_ASSERT(kithd_status_number(kithd, "VmRSS") < before_kib + 1024);
}

/* As idle peers do; what else comes is read. */
static void answer_pings(struct raw *const *peers, int count)
{
	const char *line;
	for (int i = 0; i < count; i++)
		while (raw_has_line(peers[i], clock_now_us()) && (line = raw_line(peers[i])) != NULL)
			if (strstr(line, "\"msgtype\":\"ping\"") != NULL)
				raw_send(peers[i], "{\"msgtype\":\"pong\"}");
}

static void test_threads_are_parked(void)
{
	enum { PEERS = 8, PARKED = 3 };
	struct kithd *kithd = running("-o max_parked=3 " RARE_PINGS);
	struct raw *raws[PEERS];
	int threads = kithd_entries(kithd, "task");
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < PEERS; i++) {
			raws[i] = raw_connect(kithd_address(kithd));
			raw_shake_hands(raws[i], harness_text("%08x-0000-4000-8000-000000000000", i + 1), "");
			raw_ping_next(raws[i]);
		}
		/* Each has one, once its ping is answered; in the second round, the parked ones are among them. */
		AWAIT((answer_pings(raws, PEERS), kithd_entries(kithd, "task") == threads + PEERS));
		for (int i = 0; i < PEERS; i++)
			raw_close(raws[i]);
		AWAIT(kithd_entries(kithd, "task") == threads + PARKED);
	}
	kithd_stop(kithd, SIGTERM);
}

static void test_two_threads_for_a_peer(void)
{
	struct kithd *kithd = running("-o max_parked=0 -o ping_interval=0.3");
	int threads = kithd_entries(kithd, "task"), descriptors = kithd_entries(kithd, "fd");
	raw_join(kithd, ALICE, "");
	struct raw *bob = raw_join(kithd, BOB, "");
	AWAIT(kithd_entries(kithd, "task") == threads + 4);
	raw_close(bob);
	AWAIT(kithd_entries(kithd, "task") == threads + 2);
	AWAIT(kithd_entries(kithd, "fd") <= descriptors + 2);
}

static void test_a_second_thread_when_there_is_something_to_wait_for(void)
{
	struct kithd *kithd = running("-o max_parked=0 " RARE_PINGS);
	int threads = kithd_entries(kithd, "task");
	struct raw *alice = raw_join(kithd, ALICE, ""), *bob = raw_join(kithd, BOB, "");
	AWAIT((answer_pings((struct raw *[]){alice, bob}, 2), kithd_entries(kithd, "task") == threads + 2));
	raw_close(alice);
	AWAIT(kithd_entries(kithd, "task") == threads + 1);
}

/* How many stacks of threads hold one page and no more; -1 if nobody may look. */
static int stacks_of_a_page(struct kithd *kithd)
{
	char line[256], mode[8];
	unsigned long begin, end, inode;
	int count = 0, name_at, kib;
	bool is_stack = false;
	FILE *file = fopen(harness_text("/proc/%d/smaps", (int)kithd_pid(kithd)), "re");
	if (file == NULL)
		return -1;
	while (fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, "%lx-%lx %7s %*s %*s %lu %n", &begin, &end, mode, &inode, &name_at) == 4)
			is_stack = end - begin == 64 * 1024 && strcmp(mode, "rw-p") == 0 && line[name_at] == '\0';
		else if (is_stack && sscanf(line, "Private_Dirty: %d kB", &kib) == 1)
			count += kib == 4;
	}
	fclose(file);
	return count;
}

static void test_idle_peers_have_small_stacks(void)
{
	enum { PEERS = 4 };
	static const char test[] = "the threads of idle peers keep a page of their stacks each";
	struct raw *peers[PEERS];
	bool is_known = false;
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__OPTIMIZE__)
	is_known = sysconf(_SC_PAGESIZE) == 4096 && getenv("GLIBC_TUNABLES") == NULL;
#endif
	if (!harness_can(harness_slowness() == 1 && is_known, test, "another build, machine or C library"))
		return;
	struct kithd *kithd = running("-o control= -o ping_interval=1");
	if (!harness_can(stacks_of_a_page(kithd) >= 0, test, "only root can look"))
		return;
	for (int i = 0; i < PEERS; i++)
		peers[i] = raw_join(kithd, harness_text("%08x-0000-4000-8000-000000000000", i + 1), "");
	/* The node has two or three other threads. At some moment no peer has been pinged just now. */
	AWAIT((answer_pings(peers, PEERS), stacks_of_a_page(kithd) >= 2 * PEERS));
}

static void allow_descriptors(struct kithd *kithd, rlim_t descriptors)
{
	struct rlimit limit = {.rlim_cur = descriptors, .rlim_max = 1024};
	if (prlimit(kithd_pid(kithd), RLIMIT_NOFILE, &limit, NULL) != 0)
		harness_fail("no prlimit");
}

static void test_out_of_descriptors(void)
{
	enum { EXTRA = 3, TOO_MANY = 12 };
	struct kithd *kithd = running("");
	struct raw *peer = raw_join(kithd, ALICE, ""), *raws[TOO_MANY];
	int descriptors = kithd_entries(kithd, "fd");
	/* Low numbers are taken first, so that is what is left. */
	allow_descriptors(kithd, (rlim_t)descriptors + EXTRA);
	for (int i = 0; i < TOO_MANY; i++)
		raws[i] = raw_connect(kithd_address(kithd));
	raw_expect_end(raws[TOO_MANY - 1]);
	raw_ping_next(peer);
	for (int i = 0; i < TOO_MANY; i++)
		raw_close(raws[i]);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "Too many open files", "") + kithd_log_count(kithd, "descriptors", ""),
			1);
	/* A connection leaves the table a moment before its descriptor is closed. */
	AWAIT(kithd_rows(kithd, "NODEID", "-") == 0 && kithd_entries(kithd, "fd") <= descriptors);
	raw_ping_next(raw_join(kithd, BOB, ""));
	raw_ping(peer);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 2);
}

static void test_out_of_descriptors_for_a_dial(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = running("-o retry_min=0.02 -o retry_max=0.05");
	struct raw *peer = raw_join(kithd, ALICE, "");
	int descriptors = kithd_entries(kithd, "fd");
	allow_descriptors(kithd, (rlim_t)descriptors);
	raw_send(peer, "{\"msgtype\":\"addr\",\"peers\":[[\"%s\",\"%s\"]]}", raw_address(listener), BOB);
	raw_ping(peer);
	allow_descriptors(kithd, 256);
	raw_answer_hello(raw_accept(listener), BOB, "");
	AWAIT(kithd_peers(kithd) == 2);
}

/* Once all have been given, those below 300 aren't given again (the kernel's RESERVED_PIDS): a hundred are left. */
enum { PIDS = 400 };

static bool pid_max_is_of_a_namespace(const char *test)
{
	struct utsname kernel;
	return harness_can(uname(&kernel) == 0 && strverscmp(kernel.release, "6.14") >= 0, test,
			   "before Linux 6.14 all PID namespaces have one pid_max");
}

static bool allow_few_pids(const void *given)
{
	(void)given;
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) != 0)
		return false;
	int fd = open("/proc/sys/kernel/pid_max", O_WRONLY | O_CLOEXEC);
	return fd >= 0 && dprintf(fd, "%d", PIDS) > 0;
}

/* The first process of a PID namespace, which ends with it. */
static struct kithd *start_with_few_pids(const char *const *argv)
{
	int home = harness_keep_fd(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
	if (unshare(CLONE_NEWPID) != 0)
		harness_fail("no PID namespace");
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv, .prepare = allow_few_pids});
	if (setns(home, CLONE_NEWPID) != 0)
		abort();
	kithd_await_listening(kithd);
	return kithd;
}

/* The first needs no second thread, each after it does. */
static void answer_a_ping(struct raw *raw)
{
	raw_expect(raw, "ping");
	raw_send(raw, "{\"msgtype\":\"pong\"}");
}

static void test_out_of_threads(void)
{
	static const char test[] = "out of threads a newcomer is refused, and the others go on";
	if (!harness_is_root(test) || !pid_max_is_of_a_namespace(test))
		return;
	const char *argv[] = {"-l", harness_address(),	 "-o", "max_parked=0",	   "-o", "handshake_timeout=600",
			      "-o", "ping_interval=0.3", "-o", "ping_timeout=600", "-o", "max_handshakes=0",
			      "-o", "share_within=601",	 NULL};
	struct kithd *kithd = start_with_few_pids(argv);
	struct raw *peer = raw_join(kithd, ALICE, ""), *raws[PIDS];
	answer_a_ping(peer);
	long threads = kithd_status_number(kithd, "Threads");
	for (int i = 0; i < PIDS; i++)
		raws[i] = raw_connect(kithd_address(kithd));
	raw_expect_end(raws[PIDS - 1]);
	AWAIT(kithd_log_count(kithd, "Resource temporarily unavailable", "refused a connection") == 1);
	/* This one has a thread, and needs a second to stay. It is not asked about a silent peer. */
	raw_ping_next(peer);
	raw_shake_hands(raws[0], BOB, "");
	raw_expect_bye(raws[0], "full");
	AWAIT(kithd_log_count(kithd, "Resource temporarily unavailable", "a peer is disconnected") == 1);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "Resource temporarily unavailable", ""), 2);
	answer_a_ping(peer);
	raw_ping(peer);
	CU_ASSERT(kithd_has_peer(kithd, ALICE));
	for (int i = 0; i < PIDS; i++)
		raw_close(raws[i]);
	AWAIT(kithd_status_number(kithd, "Threads") <= threads);
	struct raw *newcomer;
	/* The kernel takes a pid back a moment after its thread has gone. */
	AWAIT((newcomer = raw_connect(kithd_address(kithd)), raw_send_hello(newcomer, CAROL, ""),
	       raw_line(newcomer) != NULL));
	answer_a_ping(newcomer);
	answer_a_ping(newcomer);
	raw_ping(peer);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 2);
}

static void test_no_descriptor_leaks_into_the_table(void)
{
	struct kithd *kithd = running("");
	int descriptors = kithd_entries(kithd, "fd");
	for (int i = 0; i < 20; i++)
		kithd_table(kithd);
	CU_ASSERT_EQUAL(kithd_entries(kithd, "fd"), descriptors);
}

static void test_too_slow(void)
{
	enum { PINGS = 400000, AT_ONCE = 1000 };
	static const char ping[] = "{\"msgtype\":\"ping\"}\n";
	static char pings[AT_ONCE * sizeof ping];
	struct kithd *kithd = kithd_start("-o max_message_rate=0 -o max_byte_rate=0");
	struct raw *peer = raw_join(kithd, BOB, "");
	struct raw *raw = raw_connect_from(NULL, kithd_address(kithd), 1024);
	raw_send_hello(raw, ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
	char *end = pings;
	for (int i = 0; i < AT_ONCE; i++)
		end = stpcpy(end, ping);
	for (int i = 0; i < PINGS / AT_ONCE && kithd_has_peer(kithd, ALICE); i++)
		raw_write(raw, pings, (size_t)(end - pings));
	AWAIT(!kithd_has_peer(kithd, ALICE));
	AWAIT(kithd_log_count(kithd, "it does not read what this node sends", raw_address(raw)) == 1);
	raw_ping_next(peer);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 1);
}

static void test_flood_of_addresses(void)
{
	enum { MESSAGES = 10, ENTRIES = 1000 };
	static char line[ENTRIES * 32 + 64];
	struct kithd *kithd = kithd_start("-o max_dialing=1 -o connect_timeout=0.05");
	struct raw *raw = raw_join(kithd, ALICE, ""), *peer = raw_join(kithd, BOB, "");
	for (int i = 0; i < MESSAGES; i++) {
		char *end = stpcpy(line, "{\"msgtype\":\"addr\",\"peers\":[");
		for (int j = 0; j < ENTRIES; j++)
			end += sprintf(end, "%s\"%s:%d\"", j == 0 ? "" : ",", harness_host(251), 1 + i * ENTRIES + j);
		end = stpcpy(end, "]}\n");
		raw_write(raw, line, (size_t)(end - line));
	}
	raw_ping(raw);
	CU_ASSERT(strtol(kithd_header(kithd, "known"), NULL, 10) <= 4096);
	raw_ping_next(peer);
}

static CU_TestInfo tests[] = {
	{"500 connects and disconnects leave threads, descriptors and memory as they were", test_counts_stay},
	{"threads are parked, and take the next connections", test_threads_are_parked},
	{"a peer takes two threads and a descriptor, and gives them back", test_two_threads_for_a_peer},
	{"a peer's second thread starts when there is something to wait for",
	 test_a_second_thread_when_there_is_something_to_wait_for},
	{"the threads of idle peers keep a page of their stacks each", test_idle_peers_have_small_stacks},
	{"out of descriptors a newcomer is refused, and the others go on", test_out_of_descriptors},
	{"out of descriptors a dial fails and is tried again", test_out_of_descriptors_for_a_dial},
	{"out of threads a newcomer is refused, and the others go on", test_out_of_threads},
	{"tables cost no descriptor", test_no_descriptor_leaks_into_the_table},
	{"a peer that reads too slowly is let go, and the others go on", test_too_slow},
	{"a peer that tells thousands of addresses fills no memory", test_flood_of_addresses},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_limits = {
	.pName = "limits", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
