#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "asker.h"
#include "kith.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* What the operator sees of a peer that owes an answer. */

struct node {
	struct kithd *kithd;
	const char *path;
	struct asker *asker, *watcher, *pinger; /* the second one is told what happens to peers */
};

/* Without reports no event of the network comes between. */
static struct node start(const char *options)
{
	struct node node = {.path = harness_text("%s/sock", harness_make_folder())};
	node.kithd = kithd_start("-o name=alpha -o max_nodes=0 -o control=%s %s", node.path, options);
	node.asker = asker_connect(node.path);
	node.watcher = asker_connect(node.path);
	node.pinger = asker_connect(node.path);
	asker_send(node.watcher, "{'msgtype':'watch','since':0,'kinds':['peer_late','peer_ok','peer_down']}");
	return node;
}

static struct raw *join(const struct node *node, const char *nodeid, const char *name)
{
	return raw_join(node->kithd, nodeid, harness_text(",\"name\":\"%s\"", name));
}

/* Waits for that event, which tells for how long the peer was silent: in seconds. */
static double await_event(const struct node *node, const char *kind)
{
	asker_expect(node->watcher, "event");
	if (!asker_is(node->watcher, "kind", kind))
		harness_fail("not %s: %s", kind, asker_row(node->watcher));
	return asker_number(node->watcher, "lasted_s");
}

/* The same of one of several peers. On a busy machine others may be late too. */
static void await_event_of(const struct node *node, const char *kind, const char *name)
{
	do
		asker_expect(node->watcher, "event");
	while (!asker_is(node->watcher, "name", name) || !asker_is(node->watcher, "kind", kind));
}

/* Answers a ping. */
static void answer(struct raw *raw)
{
	raw_send(raw, "{\"msgtype\":\"pong\"}");
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* Is there a row of that peer, and does its state say this? */
static bool is_in_state(const struct node *node, const char *nodeid, const char *state)
{
	asker_ask(node->asker, "{'msgtype':'peers'}");
	return asker_find(node->asker, "nodeid", nodeid) && asker_is(node->asker, "state", state);
}

/* The node pings her, and no other ping comes by itself. */
static void ping(const struct node *node, struct raw *alice)
{
	asker_send(node->pinger, "{'msgtype':'ping','peer':'" ALICE "','count':1}");
	raw_expect(alice, "ping");
}

/* A node, and a peer that has answered a ping and owes the answer to a second one. */
static struct node start_owing(const char *options, struct raw **alice)
{
	struct node node = start(harness_text(RARE_PINGS " %s", options));
	*alice = join(&node, ALICE, "alice");
	/* Once this is answered, so is the first ping of the node. */
	raw_ping(*alice);
	ping(&node, *alice);
	return node;
}

static void test_seen_everywhere(void)
{
	struct raw *alice;
	struct node node = start_owing("", &alice);
	double silent_s = await_event(&node, "peer_late");
	EXPECT(silent_s >= 1 && silent_s < 5 * harness_slowness(), "%f s", silent_s);
	CU_ASSERT(asker_is(node.watcher, "nodeid", ALICE) && asker_is(node.watcher, "name", "alice"));
	CU_ASSERT(asker_is(node.watcher, "direction", "in"));
	CU_ASSERT(is_in_state(&node, ALICE, "late"));
	CU_ASSERT(asker_number(node.asker, "late_ms") >= 1000 && asker_number(node.asker, "usual_rtt_ms") >= 0);
	CU_ASSERT(asker_number(node.asker, "waiting_ms") >= asker_number(node.asker, "late_ms"));
	CU_ASSERT(kithd_cell_is(node.kithd, ALICE, "STATE", "LATE"));
	CU_ASSERT(kithd_cell_number(node.kithd, ALICE, "LATE_S") >= 1);
	CU_ASSERT_STRING_EQUAL(kithd_header(node.kithd, "late"), "1");
	CU_ASSERT_EQUAL(kithd_peers(node.kithd), 1);
	const char *status = kith_run("-s %s", node.path).out;
	EXPECT(has(status, "1 peer: 0 ready, 1 late") && has(status, "  late  alice  no answer for "), "%s", status);
	const char *metrics = kith_run("-s %s metrics", node.path).out;
	EXPECT(has(metrics, "\nkith_peers{state=\"late\"} 1\n") && has(metrics, "\nkith_peers_late_total 1\n"), "%s",
	       metrics);
	/* After two seconds it is worth a line, and a warning. */
	AWAIT(kithd_log_count(node.kithd, "alice (a11ce000", "is late: no answer to a ping for ") == 1);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, "is late", " for 1"), 0);
	struct kith_run check = kith_run("-s %s check", node.path);
	EXPECT(check.status == 1 && has(check.out, "1 late (alice for "), "%d %s", check.status, check.out);
	answer(alice);
	silent_s = await_event(&node, "peer_ok");
	EXPECT(silent_s >= 2, "%f s", silent_s);
	AWAIT(kithd_log_count(node.kithd, "alice (a11ce000", "is heard again after ") == 1);
	const char *why = kith_run("-s %s why alice", node.path).out;
	EXPECT(has(why, "  late: no answer for ") && has(why, "  it answers again after "), "%s", why);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, "is late", ""), 1);
}

static void test_back(void)
{
	struct raw *alice;
	struct node node = start_owing("", &alice);
	double silent_s = 0;
	size_t lines = 0;
	/* Under load the pause may be longer than it should be. */
	do {
		if (silent_s >= 2)
			ping(&node, alice);
		await_event(&node, "peer_late");
		answer(alice);
		AWAIT(is_in_state(&node, ALICE, "ready"));
		CU_ASSERT(asker_is(node.asker, "late_ms", "null"));
		silent_s = await_event(&node, "peer_ok");
		lines += silent_s >= 2;
	} while (silent_s >= 2);
	raw_send(alice, "{\"msgtype\":\"bye\",\"reason\":\"shutdown\"}");
	await_event(&node, "peer_down");
	AWAIT(kithd_log_count(node.kithd, "alice (a11ce000", "left") == 1);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, "is heard again", ""), lines);
	CU_ASSERT(kithd_log_count(node.kithd, "is late", "") <= lines);
}

static void test_gone_while_late(void)
{
	struct raw *alice;
	struct node node = start_owing("-o ping_timeout=1.5", &alice);
	await_event(&node, "peer_late");
	await_event(&node, "peer_down");
	CU_ASSERT(has(asker_value(node.watcher, "reason"), "silent for ") &&
		  has(asker_value(node.watcher, "reason"), "; no witness"));
	const char *metrics = kith_run("-s %s metrics", node.path).out;
	EXPECT(has(metrics, "\nkith_peers_silent_total{verdict=\"timeout\"} 1\n") &&
		       has(metrics, "\nkith_peers{state=\"late\"} 0\n"),
	       "%s", metrics);
}

static void test_witnessed(void)
{
	static const char settings[] = "-o probe_interval=0.2 -o silent_after=2";
	struct node node = start(settings);
	struct kithd *two = kithd_start("-o name=beta %s -b %s", settings, kithd_address(node.kithd));
	struct kithd *three = kithd_start("-o name=gamma %s -b %s", settings, kithd_address(node.kithd));
	AWAIT(kithd_peers(node.kithd) == 2 && kithd_peers(two) == 2 && kithd_peers(three) == 2);
	kithd_signal(two, SIGSTOP);
	await_event_of(&node, "peer_late", "beta");
	await_event_of(&node, "peer_down", "beta");
	EXPECT(has(asker_value(node.watcher, "reason"), ", also to gamma"), "%s", asker_value(node.watcher, "reason"));
	kithd_signal(two, SIGCONT);
	const char *metrics = kith_run("-s %s metrics", node.path).out;
	EXPECT(has(metrics, "\nkith_peers_silent_total{verdict=\"witnessed\"} 1\n"), "%s", metrics);
	static const char *const types[] = {"suspect", "heard", "unheard"};
	for (size_t i = 0; i < 3; i++)
		EXPECT(has(metrics, harness_text("\nkith_messages_total{direction=\"out\",type=\"%s\"} ", types[i])),
		       "%s", types[i]);
	const char *why = kith_run("-s %s why beta", node.path).out;
	EXPECT(has(why, ", also to gamma: it hangs or is cut off"), "%s", why);
}

static void test_cut_off(void)
{
	static const char *const nodeids[] = {ALICE, BOB, CAROL};
	struct node node = start("-o probe_interval=0.2");
	for (size_t i = 0; i < 3; i++)
		join(&node, nodeids[i], "x");
	asker_ask(node.asker, "{'msgtype':'info'}");
	/* None is late yet, unless this process did not run meanwhile. */
	CU_ASSERT(asker_pick(node.asker, 0) &&
		  (asker_number(node.asker, "late") > 0 || !has(asker_value(node.asker, "problems"), "cut off")));
	AWAIT((asker_ask(node.asker, "{'msgtype':'info'}"), asker_pick(node.asker, 0)) &&
	      has(asker_value(node.asker, "problems"), "it may be cut off: 3 of 3 peers are late"));
	CU_ASSERT_EQUAL(asker_number(node.asker, "late"), 3);
	CU_ASSERT_EQUAL(asker_number(node.asker, "peers"), 3);
}

static void test_commands(void)
{
	struct raw *alice;
	struct node node = start_owing("", &alice);
	const char *log = harness_text("%s/log", harness_make_folder());
	await_event(&node, "peer_late");
	struct kith *kith = kith_spawn("-s %s on up late ok down --initial -- sh -c "
				       "'echo $KITH_KIND $KITH_NAME $KITH_SEQ >>%s'",
				       node.path, log);
	AWAIT(harness_read_file(log) != NULL &&
	      strcmp(harness_read_file(log), "peer_up alice\npeer_late alice\n") == 0);
	answer(alice);
	AWAIT(has(harness_read_file(log), "peer_late alice\npeer_ok alice 4\n"));
	kill(kith_pid(kith), SIGTERM);
	CU_ASSERT_EQUAL(kith_wait(kith).status, 0);
}

static CU_TestInfo tests[] = {
	{"a peer that does not answer is late in all that people look at", test_seen_everywhere},
	{"a peer that pauses makes events, and no line", test_back},
	{"a peer that goes while it is late is told as gone", test_gone_while_late},
	{"a verdict of several is told and counted", test_witnessed},
	{"a node whose peers are late tells that it may be cut off", test_cut_off},
	{"commands run for who is late, and who was late before", test_commands},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_late = {.pName = "late", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
