#include <signal.h>

#include "asker.h"
#include "kithd.h"
#include "raw.h"
#include "suites.h"

static void test_rtt(void)
{
	struct kithd *kithd = kithd_plain();
	struct kithd *other = kithd_start("-b %s", kithd_address(kithd));
	AWAIT(kithd_cell_number(kithd, kithd_nodeid(other), "RTT_MS") > 0);
	AWAIT(kithd_cell_number(other, kithd_nodeid(kithd), "RTT_MS") > 0);
	CU_ASSERT(kithd_cell_number(kithd, kithd_nodeid(other), "RTT_MS") < 1000 * harness_slowness());
}

static void test_rtt_of_the_hung(void)
{
	struct kithd *kithd = kithd_start("-o ping_interval=0.1");
	struct raw *raw = raw_join(kithd, ALICE, "");
	AWAIT(kithd_cell_number(kithd, ALICE, "RTT_MS") >= 0);
	/* Until one was answered soon. */
	do {
		raw_expect(raw, "ping");
		raw_send(raw, "{\"msgtype\":\"pong\"}");
		raw_ping_next(raw);
	} while (kithd_cell_number(kithd, ALICE, "RTT_MS") > 200);
	raw_expect(raw, "ping");
	AWAIT(kithd_cell_number(kithd, ALICE, "RTT_MS") > 200);
	AWAIT(kithd_cell_number(kithd, ALICE, "RTT_MS") > 400);
	double heard_s = kithd_cell_number(kithd, ALICE, "HEARD_S");
	double up_s = kithd_cell_number(kithd, ALICE, "UP_S");
	CU_ASSERT(heard_s >= 0.4 && heard_s <= up_s);
	/* Again and again, in case the next ping comes before this process has looked. */
	AWAIT((raw_send(raw, "{\"msgtype\":\"pong\"}"), kithd_cell_number(kithd, ALICE, "HEARD_S") < heard_s));
}

static void test_pings_go_on(void)
{
	struct kithd *kithd = kithd_start("-o ping_interval=0.05");
	struct raw *raw = raw_join(kithd, ALICE, "");
	for (int i = 0; i < 5; i++) {
		raw_expect_next(raw, "ping");
		raw_send(raw, "{\"msgtype\":\"pong\"}");
	}
}

static void test_one_ping_at_a_time(void)
{
	struct kithd *kithd = kithd_start("-o ping_interval=0.05");
	struct raw *alice = raw_join(kithd, ALICE, ""), *bob = raw_join(kithd, BOB, "");
	raw_expect_next(alice, "ping");
	for (int i = 0; i < 5; i++) {
		raw_expect_next(bob, "ping");
		raw_send(bob, "{\"msgtype\":\"pong\"}");
	}
	raw_ping_next(alice);
	raw_send(alice, "{\"msgtype\":\"pong\"}");
	raw_expect_next(alice, "ping");
}

/* A node that pings once, and a client that changes its settings. */
static struct kithd *start(struct asker **asker)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	struct kithd *kithd = kithd_start(RARE_PINGS " -o control=%s", path);
	*asker = asker_connect(path);
	return kithd;
}

static void test_time_out(void)
{
	struct asker *asker;
	struct kithd *kithd = start(&asker);
	struct raw *other = raw_join(kithd, BOB, "");
	raw_ping_next(other);
	asker_set(asker, "ping_timeout", 0.2);
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, "");
	raw_expect_bye(raw, "timeout");
	AWAIT(kithd_peers(kithd) == 1);
	/* The latter if the node did not run for a while, so that it was late first. */
	AWAIT(kithd_log_count(kithd, "no answer to a ping for ", raw_address(raw)) +
		      kithd_log_count(kithd, ") failed: silent for ", raw_address(raw)) ==
	      1);
	raw_ping_next(other);
}

static void test_talk_is_no_pong(void)
{
	struct asker *asker;
	struct kithd *kithd = start(&asker);
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, "");
	raw_expect(raw, "ping");
	raw_ping_next(raw);
	asker_set(asker, "ping_timeout", 0.3);
	raw_send(raw, "{\"msgtype\":\"ping\"}");
	raw_send(raw, "{\"msgtype\":\"getaddr\"}");
	raw_expect_bye(raw, "timeout");
}

static void test_unasked_pong(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_join(kithd, ALICE, "");
	for (int i = 0; i < 3; i++)
		raw_send(raw, "{\"msgtype\":\"pong\"}");
	raw_ping_next(raw);
}

static void test_kill(void)
{
	struct kithd *one = kithd_plain();
	struct kithd *two = kithd_start("-b %s", kithd_address(one));
	struct kithd *three = kithd_start("-b %s", kithd_address(one));
	AWAIT(kithd_peers(one) == 2 && kithd_peers(two) == 2 && kithd_peers(three) == 2);
	const char *nodeid = kithd_nodeid(two);
	kithd_signal(two, SIGKILL);
	CU_ASSERT_EQUAL(kithd_wait(two), 128 + SIGKILL);
	AWAIT(kithd_rows(one, "NODEID", nodeid) == 0);
	AWAIT(kithd_rows(three, "NODEID", nodeid) == 0);
	CU_ASSERT_EQUAL(kithd_peers(one), 1);
	CU_ASSERT_EQUAL(kithd_peers(three), 1);
}

static void test_freeze(void)
{
	static const char settings[] = "-o ping_interval=0.3 -o ping_timeout=0.3 -o retry_min=0.1 -o retry_max=0.2";
	struct kithd *one = kithd_start("%s", settings);
	struct kithd *two = kithd_start("%s -b %s", settings, kithd_address(one));
	struct kithd *three = kithd_start("%s -b %s", settings, kithd_address(one));
	AWAIT(kithd_peers(one) == 2 && kithd_peers(two) == 2 && kithd_peers(three) == 2);
	const char *nodeid = kithd_nodeid(two);
	kithd_signal(two, SIGSTOP);
	AWAIT(kithd_rows(one, "NODEID", nodeid) == 0);
	AWAIT(kithd_rows(three, "NODEID", nodeid) == 0);
	AWAIT(kithd_peers(one) == 1 && kithd_peers(three) == 1);
	kithd_signal(two, SIGCONT);
	AWAIT(kithd_has_peer(one, nodeid) && kithd_has_peer(three, nodeid) && kithd_peers(two) == 2);
	CU_ASSERT_STRING_EQUAL(kithd_nodeid(two), nodeid);
}

static CU_TestInfo tests[] = {
	{"the table shows the round trip of each peer", test_rtt},
	{"the round trip of a hung peer grows until it answers", test_rtt_of_the_hung},
	{"a peer is pinged again and again", test_pings_go_on},
	{"one ping is outstanding at a time", test_one_ping_at_a_time},
	{"who doesn't answer a ping gets bye timeout", test_time_out},
	{"who talks but doesn't answer a ping gets bye timeout", test_talk_is_no_pong},
	{"a pong that nobody waits for is ignored", test_unasked_pong},
	{"a node that is killed leaves every table", test_kill},
	{"a node that is frozen leaves every table, and comes back when it thaws", test_freeze},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_liveness = {
	.pName = "liveness", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
