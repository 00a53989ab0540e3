/*
 * What claims of a nodeid do to the connections of others: nothing. kith-protocol(7), "One connection for a pair". Each
 * attack has an honest node beside it that does the same with its own nodeid. Over TLS the attacker is a member.
 */
#include <math.h>
#include <signal.h>
#include <string.h>

#include "asker.h"
#include "kithd.h"
#include "raw.h"
#include "suites.h"

#define EAGER "-o retry_min=0.05 -o retry_max=0.05"

/* Two nodes that are connected, by a dial of the second one. */
struct two {
	struct kithd *one, *other;
};

static struct two two_nodes(const char *nodeid, const char *other_nodeid)
{
	struct two two = {.one = kithd_start(EAGER " -o nodeid=%s", nodeid)};
	two.other = kithd_start(EAGER " -o nodeid=%s -b %s", other_nodeid, kithd_address(two.one));
	/* Its round trip is known: a pong has come. */
	AWAIT(kithd_cell_number(two.one, other_nodeid, "RTT_MS") >= 0);
	AWAIT(kithd_cell_number(two.other, nodeid, "RTT_MS") >= 0);
	return two;
}

static void expect_still_connected(const struct two *two)
{
	const char *nodeid = kithd_nodeid(two->one), *other = kithd_nodeid(two->other);
	CU_ASSERT_EQUAL(kithd_rows(two->one, "NODEID", other), 1);
	CU_ASSERT_EQUAL(kithd_rows(two->other, "NODEID", nodeid), 1);
	CU_ASSERT_STRING_EQUAL(kithd_cell(two->one, other, "DIR"), "in");
	CU_ASSERT_EQUAL(kithd_log_count(two->one, " is ready after ", harness_text("%.8s", other)), 1);
	CU_ASSERT_EQUAL(kithd_log_count(two->other, " is ready after ", harness_text("%.8s", nodeid)), 1);
}

/* The attacker has the node dial a port of its own, and answers with the nodeid of the node's peer. */
static void answer_as(struct kithd *victim, const char *claimed, int number)
{
	struct raw *liar = raw_listen(harness_address()), *honest = raw_listen(harness_address());
	const char *own = harness_text("77777777-0000-4000-8000-%012x", 2 * number);
	struct raw *teller = raw_join(victim, harness_text("77777777-0000-4000-8000-%012x", 2 * number + 1), "");
	raw_send(teller, "{\"msgtype\":\"addr\",\"peers\":[\"%s\",\"%s\"]}", raw_address(liar), raw_address(honest));
	struct raw *lie = raw_accept(liar);
	raw_expect_next(lie, "hello");
	raw_send_hello(lie, claimed, "");
	raw_expect_bye(lie, "duplicate");
	raw_answer_hello(raw_accept(honest), own, "");
	AWAIT(kithd_has_peer(victim, own));
}

static void test_answers_with_a_peers_nodeid(void)
{
	static const char *const nodeids[] = {SMALLEST, GREATEST};
	for (int i = 0; i < 2; i++) {
		struct two two = two_nodes(nodeids[i], nodeids[1 - i]);
		answer_as(two.one, nodeids[1 - i], 2 * i);
		answer_as(two.other, nodeids[i], 2 * i + 1);
		expect_still_connected(&two);
	}
}

static void test_says_hello_with_a_peers_nodeid(void)
{
	static const char *const nodeids[] = {SMALLEST, GREATEST};
	for (int i = 0; i < 2; i++) {
		struct two two = two_nodes(nodeids[i], nodeids[1 - i]);
		for (int j = 0; j < 4; j++) {
			struct kithd *victim = j % 2 == 0 ? two.one : two.other;
			struct raw *liar = raw_connect_from(harness_host(201 + j), kithd_address(victim), 0);
			raw_send_hello(liar, kithd_nodeid(j % 2 == 0 ? two.other : two.one), ",\"listen\":5999");
			raw_expect_bye(liar, "duplicate");
			raw_ping(raw_join(victim, harness_text("77777777-0000-4000-8000-%012x", 10 * i + j), ""));
		}
		expect_still_connected(&two);
	}
}

/* ---- a node that starts ---- */

enum { BOOTSTRAPS = 24, ATTACKERS = 4 };

/*
 * Attackers say hello with the nodeids of those that a node has dialled a moment ago: of half of them before they have
 * answered its first ping.
 */
static void test_takes_over_a_start(void)
{
	struct raw *listeners[BOOTSTRAPS], *honest[BOOTSTRAPS];
	const char *nodeids[BOOTSTRAPS], *bootstraps = "";
	for (int i = 0; i < BOOTSTRAPS; i++) {
		listeners[i] = raw_listen(harness_address());
		nodeids[i] = harness_text("00000000-0000-4000-8000-%012x", 100 + i);
		bootstraps = harness_text("%s -b %s", bootstraps, raw_address(listeners[i]));
	}
	struct kithd *victim = kithd_start("-o max_dialing=%d -o nodeid=" GREATEST "%s", BOOTSTRAPS, bootstraps);
	for (int i = 0; i < BOOTSTRAPS; i++) {
		honest[i] = raw_accept(listeners[i]);
		raw_expect_next(honest[i], "hello");
		raw_send_hello(honest[i], nodeids[i], "");
		raw_expect(honest[i], "ping");
		if (i % 2 == 0)
			raw_send(honest[i], "{\"msgtype\":\"pong\"}");
		raw_ping(honest[i]);
	}
	for (int i = 0; i < BOOTSTRAPS; i++) {
		const char *host = harness_host(201 + i % ATTACKERS);
		struct raw *liar = raw_connect_from(host, kithd_address(victim), 0);
		raw_send_hello(liar, nodeids[i], ",\"listen\":5999");
		raw_send(liar, "{\"msgtype\":\"pong\"}");
		raw_expect_bye(liar, "duplicate");
	}
	for (int i = 1; i < BOOTSTRAPS; i += 2)
		raw_send(honest[i], "{\"msgtype\":\"pong\"}");
	for (int i = 0; i < BOOTSTRAPS; i++) {
		raw_ping(honest[i]);
		CU_ASSERT_STRING_EQUAL(kithd_cell(victim, nodeids[i], "ADDRESS"), raw_address(listeners[i]));
	}
	CU_ASSERT_EQUAL(kithd_peers(victim), BOOTSTRAPS);
	CU_ASSERT_STRING_EQUAL(kithd_header(victim, "outbound"), harness_text("%d", BOOTSTRAPS));
}

/* A claim that came before the answer of the node that is dialled, and answers no ping, keeps nobody out for long. */
static void test_claim_without_a_pong(void)
{
	static const char *const nodeids[] = {SMALLEST, GREATEST};
	for (int i = 0; i < 2; i++) {
		struct raw *listener = raw_listen(harness_address());
		const char *path = harness_text("%s/sock", harness_make_folder());
		struct kithd *kithd = kithd_start(EAGER " -o control=%s -b %s", path, raw_address(listener));
		struct asker *asker = asker_connect(path);
		struct raw *honest = raw_accept(listener);
		raw_expect_next(honest, "hello");
		struct raw *liar = raw_connect_from(harness_host(201), kithd_address(kithd), 0);
		raw_send_hello(liar, nodeids[i], "");
		raw_expect(liar, "ping");
		raw_send_hello(honest, nodeids[i], "");
		/* The smaller nodeid takes what is answered at once, the greater one waits for the pong of the first.
		 */
		if (i == 0) {
			raw_expect_bye(honest, "duplicate");
			asker_set(asker, "ping_timeout", 0.3);
			raw_expect_bye(liar, "timeout");
			asker_set(asker, "ping_timeout", 20);
			honest = raw_accept(listener);
			raw_answer_hello(honest, nodeids[i], "");
		} else {
			raw_expect(honest, "ping");
			raw_send(honest, "{\"msgtype\":\"pong\"}");
			raw_expect_bye(liar, "duplicate");
		}
		raw_ping(honest);
		AWAIT(strcmp(kithd_cell(kithd, nodeids[i], "ADDRESS"), raw_address(listener)) == 0);
		CU_ASSERT_EQUAL(kithd_peers(kithd), 1);
	}
}

/* ---- a dial that is led back ---- */

/* Passes one line on. */
static void pass_on(struct raw *from, struct raw *to)
{
	const char *line = raw_line(from);
	if (line == NULL)
		harness_fail("no line to pass on");
	raw_send(to, "%s", line);
}

/* Somebody on the path leads a dial back to the node, for a while; the control is a path that is cut for as long. */
static void test_led_back(void)
{
	for (int i = 0; i < 2; i++) {
		struct raw *path = raw_listen(harness_address());
		struct kithd *kithd = kithd_start(EAGER " -b %s", raw_address(path));
		for (int j = 0; j < 3; j++) {
			struct raw *dial = raw_accept(path);
			if (i == 0) {
				raw_close(dial);
				continue;
			}
			struct raw *back = raw_connect(kithd_address(kithd));
			pass_on(dial, back);
			pass_on(back, dial);
			raw_close(back);
			raw_expect_end(dial);
			raw_close(dial);
		}
		raw_answer_hello(raw_accept(path), ALICE, "");
		AWAIT(kithd_has_peer(kithd, ALICE));
		CU_ASSERT_EQUAL(kithd_log_count(kithd, " warning ", "leads back to this one"), (size_t)i);
	}
}

/* ---- who comes back ---- */

static double seconds_since(int64_t since_us)
{
	return (double)(clock_now_us() - since_us) / 1e6 / harness_slowness();
}

/* Once in a few times it takes 2 seconds at the most, whatever else this machine has to do. */
static void expect_soon(double (*take)(void))
{
	enum { TIMES = 3 };
	double seconds = INFINITY;
	for (int i = 0; i < TIMES && seconds > 2; i++)
		seconds = take();
	CU_ASSERT(seconds <= 2);
}

/* Killed and started again, with the same nodeid and the default back-off. */
static double come_back_after_a_crash(void)
{
	struct kithd *one = kithd_plain();
	const char *address = harness_address();
	struct kithd *other = kithd_start_at(address, "-o nodeid=" ALICE " -b %s", kithd_address(one));
	AWAIT(kithd_cell_number(one, ALICE, "RTT_MS") >= 0);
	kithd_signal(other, SIGKILL);
	kithd_wait(other);
	int64_t since_us = clock_now_us();
	other = kithd_start_at(address, "-o nodeid=" ALICE " -b %s", kithd_address(one));
	AWAIT(kithd_has_peer(other, kithd_nodeid(one)) && kithd_has_peer(one, ALICE));
	return seconds_since(since_us);
}

static void test_back_after_a_crash(void)
{
	expect_soon(come_back_after_a_crash);
}

/* Two nodes with one nodeid: the first keeps its place, and when it dies the second one has it soon. */
static double take_over_from_a_double(void)
{
	struct kithd *one = kithd_plain();
	struct kithd *first = kithd_start("-o nodeid=" ALICE " -b %s", kithd_address(one));
	AWAIT(kithd_cell_number(one, ALICE, "RTT_MS") >= 0);
	const char *place = kithd_cell(one, ALICE, "ADDRESS");
	struct kithd *second = kithd_start("-o retry_max=1 -o nodeid=" ALICE " -b %s", kithd_address(one));
	AWAIT(kithd_log_count(second, kithd_address(one), "is connected with this nodeid already") > 0 ||
	      kithd_log_count(second, kithd_address(one), "is connected with this node already") > 0);
	CU_ASSERT_STRING_EQUAL(kithd_cell(one, ALICE, "ADDRESS"), place);
	kithd_signal(first, SIGKILL);
	kithd_wait(first);
	int64_t since_us = clock_now_us();
	AWAIT(kithd_has_peer(second, kithd_nodeid(one)) && kithd_has_peer(one, ALICE));
	return seconds_since(since_us);
}

static void test_double(void)
{
	expect_soon(take_over_from_a_double);
}

static CU_TestInfo tests[] = {
	{"who answers a dial with a peer's nodeid ends no connection", test_answers_with_a_peers_nodeid},
	{"who says hello with a peer's nodeid ends no connection", test_says_hello_with_a_peers_nodeid},
	{"nobody takes the places of those that a node dials at its start", test_takes_over_a_start},
	{"a claim that answers no ping keeps nobody out for long", test_claim_without_a_pong},
	{"an address that was led back for a while is dialled again", test_led_back},
	{"a node that crashed is back within 2 seconds", test_back_after_a_crash},
	{"of two nodes with one nodeid the second has its place soon after the first is gone", test_double},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_claims_pairs = {
	.pName = "claims-pairs", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
