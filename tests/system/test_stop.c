#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"

static void stops_with_bye(int signal)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-b %s", raw_address(listener));
	struct raw *outgoing = raw_accept(listener);
	raw_answer_hello(outgoing, ALICE, "");
	struct raw *incoming = raw_join(kithd, BOB, "");
	kithd_stop(kithd, signal);
	raw_expect_bye(outgoing, "shutdown");
	raw_expect_bye(incoming, "shutdown");
	CU_ASSERT_PTR_NULL(raw_try_connect(kithd_address(kithd)));
}

static void test_sigterm(void)
{
	stops_with_bye(SIGTERM);
}

static void test_sigint(void)
{
	stops_with_bye(SIGINT);
}

static void test_alone(void)
{
	kithd_stop(kithd_plain(), SIGTERM);
}

static void test_right_after_the_start(void)
{
	const char *bootstrap = harness_address();
	struct kithd *nodes[6];
	for (int i = 0; i < 6; i++)
		nodes[i] = kithd_spawn_at(i == 0 ? bootstrap : harness_address(), "-b %s", bootstrap);
	for (int i = 0; i < 6; i++)
		kithd_await_listening(nodes[i]);
	for (int i = 0; i < 6; i++)
		kithd_signal(nodes[i], SIGTERM);
	for (int i = 0; i < 6; i++)
		kithd_stop(nodes[i], 0);
}

static void test_left_is_not_failed(void)
{
	struct kithd *one = kithd_plain();
	struct kithd *two = kithd_start("-b %s", kithd_address(one));
	AWAIT(kithd_has_peer(one, kithd_nodeid(two)) && kithd_peers(two) == 1);
	kithd_stop(two, SIGTERM);
	AWAIT(kithd_peers(one) == 0);
	CU_ASSERT_EQUAL(kithd_log_count(one, "left", ""), 1);
	CU_ASSERT_EQUAL(kithd_log_count(one, harness_text("%s) left: it is shutting down", kithd_address(two)), ""), 1);
	CU_ASSERT_EQUAL(kithd_log_count(one, "failed", ""), 0);
}

/*
 * Asks more than the kernel holds answers for, so that kithd is left with lines that it can't write. Where the small
 * buffer overflows, Linux drops what comes with the acknowledgements, and nothing goes in either direction any more:
 * that will do as well. True if the connection is still there.
 */
static bool is_stuck(struct kithd *kithd, struct raw *raw, const char *nodeid)
{
	enum { ROUNDS = 40, PINGS = 500 };
	double answers = (double)strlen("{\"msgtype\":\"pong\"}\n") * PINGS;
	for (int round = 0; round < ROUNDS && kithd_has_peer(kithd, nodeid); round++) {
		double in = kithd_cell_number(kithd, nodeid, "MSGS_IN");
		double out = kithd_cell_number(kithd, nodeid, "BYTES_OUT");
		for (int i = 0; i < PINGS; i++)
			raw_send(raw, "{\"msgtype\":\"ping\"}");
		int64_t since_us = clock_now_us(), deadline_us = harness_deadline_us(2);
		while (kithd_cell_number(kithd, nodeid, "MSGS_IN") < in + PINGS && kithd_has_peer(kithd, nodeid) &&
		       clock_now_us() < deadline_us)
			harness_pause(since_us);
		if (kithd_cell_number(kithd, nodeid, "BYTES_OUT") < out + answers / 2)
			break;
	}
	return kithd_has_peer(kithd, nodeid);
}

static void test_peer_that_never_reads(void)
{
	struct kithd *kithd = kithd_start("-o max_message_rate=0");
	struct raw *reader = raw_join(kithd, BOB, ",\"listen\":7002");
	struct raw *raw = raw_connect_from(NULL, kithd_address(kithd), 1024);
	raw_send_hello(raw, ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
	CU_ASSERT(is_stuck(kithd, raw, ALICE));
	raw_ping(reader);
	kithd_stop(kithd, SIGTERM);
	raw_expect_bye(reader, "shutdown");
}

/* How long does a node run after the first of two signals? A peer that does not read would make it wait for a second.
 */
static double stop_twice(void)
{
	struct kithd *kithd = kithd_start("-o max_message_rate=0");
	struct raw *raw = raw_connect_from(NULL, kithd_address(kithd), 1024);
	raw_send_hello(raw, ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
	CU_ASSERT(is_stuck(kithd, raw, ALICE));
	int64_t began_us = clock_now_us();
	kithd_signal(kithd, SIGTERM);
	AWAIT(kithd_log_count(kithd, "stopping", "") == 1);
	kithd_signal(kithd, SIGINT);
	return kithd_wait(kithd) == 0 ? INFINITY : (double)(clock_now_us() - began_us) / 1e6;
}

/* Once in a few times at least, whatever else this machine has to do. */
static void test_second_signal(void)
{
	enum { TIMES = 3 };
	double most_s = 0.8 * harness_slowness(), took_s = INFINITY;
	for (int i = 0; i < TIMES && took_s >= most_s; i++)
		took_s = stop_twice();
	CU_ASSERT(took_s < most_s);
}

static void test_unfinished_handshakes(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-b %s", raw_address(listener));
	raw_expect_next(raw_accept(listener), "hello");
	raw_connect(kithd_address(kithd));
	raw_write(raw_connect(kithd_address(kithd)), "{\"msgtype\":", 11);
	AWAIT(kithd_rows(kithd, "STATE", "HELLO") == 3);
	kithd_stop(kithd, SIGTERM);
}

static void test_unfinished_dials(void)
{
	struct raw *one = raw_listen_deaf(harness_address()), *two = raw_listen_deaf(harness_address());
	struct kithd *kithd = kithd_start("-b %s -b %s", raw_address(one), raw_address(two));
	AWAIT(kithd_rows(kithd, "STATE", "DIAL") == 2);
	kithd_stop(kithd, SIGTERM);
}

static void test_dial_times_out(void)
{
	struct raw *deaf = raw_listen_deaf(harness_address()), *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-o connect_timeout=0.3 -o max_dialing=1 -b %s -b %s", raw_address(deaf),
					  raw_address(listener));
	raw_answer_hello(raw_accept(listener), ALICE, "");
	AWAIT(kithd_rows(kithd, "STATE", "DIAL") == 0);
	CU_ASSERT(kithd_has_peer(kithd, ALICE));
}

/* A pipe that is full. */
static void fill_pipe(int ends[2])
{
	static const char bytes[4096];
	if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0)
		harness_fail("no pipe");
	harness_keep_fd(ends[0]);
	harness_keep_fd(ends[1]);
	while (write(ends[1], bytes, sizeof bytes) > 0 || write(ends[1], bytes, 1) > 0)
		continue;
	if (fcntl(ends[1], F_SETFL, 0) != 0)
		harness_fail("no blocking pipe");
}

static void test_stdout_that_nobody_reads(void)
{
	int ends[2];
	fill_pipe(ends);
	const char *argv[] = {"-l", harness_address(), NULL};
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv, .stdout_fd = ends[1]});
	kithd_await_listening(kithd);
	struct raw *raw = raw_join(kithd, ALICE, "");
	kithd_signal(kithd, SIGUSR1);
	AWAIT(kithd_log_count(kithd, "table", "") > 0);
	raw_ping_next(raw);
	kithd_signal(kithd, SIGUSR1);
	raw_ping_next(raw);
	kithd_stop(kithd, SIGTERM);
	raw_expect_bye(raw, "shutdown");
}

/* A peer of a node that logs everything, into a pipe that is full. */
static struct raw *join_unheard(struct kithd **kithd, int ends[2])
{
	fill_pipe(ends);
	const char *argv[] = {"-l", harness_address(), "-o", "log_level=debug", NULL};
	*kithd = kithd_launch(&(struct launch){.argv = argv, .stderr_fd = ends[1]});
	struct raw *raw = NULL;
	AWAIT((raw = raw_try_connect(argv[1])) != NULL);
	raw_shake_hands(raw, ALICE, "");
	return raw;
}

static void test_stderr_that_nobody_reads(void)
{
	int ends[2];
	struct kithd *kithd;
	struct raw *raw = join_unheard(&kithd, ends);
	for (int i = 0; i < 200; i++)
		raw_ping_next(raw);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 1);
	kithd_stop(kithd, SIGTERM);
	raw_expect_bye(raw, "shutdown");
}

static void test_dropped_log_lines_are_counted(void)
{
	static char bytes[1 << 17];
	int ends[2];
	struct kithd *kithd;
	struct raw *raw = join_unheard(&kithd, ends);
	for (int i = 0; i < 20; i++)
		raw_ping_next(raw);
	CU_ASSERT(read(ends[0], bytes, sizeof bytes) > 0);
	raw_ping_next(raw);
	raw_close(raw);
	kithd_stop(kithd, SIGTERM);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	ssize_t length = read(ends[0], bytes, sizeof bytes - 1);
	bytes[length > 0 ? length : 0] = '\0';
	CU_ASSERT_PTR_NOT_NULL(strstr(bytes, "dropped"));
}

static void test_reader_of_stdout_goes_away(void)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		harness_fail("no pipe");
	close(ends[0]);
	const char *argv[] = {"-l", harness_address(), NULL};
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv, .stdout_fd = harness_keep_fd(ends[1])});
	kithd_await_listening(kithd);
	struct raw *raw = raw_join(kithd, ALICE, "");
	kithd_signal(kithd, SIGUSR1);
	raw_ping_next(raw);
	kithd_stop(kithd, SIGTERM);
}

static bool close_stdout(const void *given)
{
	(void)given;
	close(STDOUT_FILENO);
	return true;
}

static void test_closed_stdout(void)
{
	const char *argv[] = {"-l", harness_address(), NULL};
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv, .prepare = close_stdout});
	kithd_await_listening(kithd);
	struct raw *raw = raw_join(kithd, ALICE, "");
	kithd_signal(kithd, SIGUSR1);
	raw_ping_next(raw);
	struct raw *other = raw_join(kithd, BOB, "");
	raw_ping_next(other);
	/* What stood in for stdout is no peer's connection. */
	raw_ping(raw);
	kithd_stop(kithd, SIGTERM);
}

static CU_TestInfo tests[] = {
	{"SIGTERM: each peer gets bye shutdown, and the exit status is 0", test_sigterm},
	{"SIGINT: each peer gets bye shutdown, and the exit status is 0", test_sigint},
	{"a node without peers stops", test_alone},
	{"nodes stop in the middle of finding each other", test_right_after_the_start},
	{"a node that stopped has left and not failed", test_left_is_not_failed},
	{"a peer that never reads doesn't delay a stop", test_peer_that_never_reads},
	{"a second signal ends a stop that takes its time", test_second_signal},
	{"unfinished handshakes don't delay a stop", test_unfinished_handshakes},
	{"unfinished dials don't delay a stop", test_unfinished_dials},
	{"a dial that nobody answers gives way to the next", test_dial_times_out},
	{"a stdout that nobody reads stops nothing", test_stdout_that_nobody_reads},
	{"a stderr that nobody reads stops nothing", test_stderr_that_nobody_reads},
	{"log lines that nobody could read are counted", test_dropped_log_lines_are_counted},
	{"a reader of stdout that goes away stops nothing", test_reader_of_stdout_goes_away},
	{"a closed stdout stops nothing", test_closed_stdout},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_stop = {.pName = "stop", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
