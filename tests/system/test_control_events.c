#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "asker.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* What the journal notes of connections, as a watcher is told it. */

struct node {
	struct kithd *kithd;
	const char *path;
	struct asker *asker; /* watches from the beginning on */
};

/* Without reports no event of the network comes between. */
static struct node start(const char *options)
{
	struct node node = {.path = harness_text("%s/sock", harness_make_folder())};
	node.kithd = kithd_start(RARE_PINGS " -o name=alpha -o max_nodes=0 -o control=%s %s", node.path, options);
	node.asker = asker_connect(node.path);
	asker_send(node.asker, "{'msgtype':'watch','since':0}");
	asker_expect(node.asker, "event");
	CU_ASSERT(asker_is(node.asker, "kind", "started"));
	return node;
}

/* The next event has these values; NULL is any. */
static void expect_event(const struct node *node, const char *kind, const char *nodeid, const char *reason)
{
	asker_expect(node->asker, "event");
	const char *found = asker_value(node->asker, "reason");
	if (!asker_is(node->asker, "kind", kind) || (nodeid != NULL && !asker_is(node->asker, "nodeid", nodeid)) ||
	    (reason != NULL && strstr(found, reason) == NULL))
		harness_fail("not %s of %s because %s: %s", kind, nodeid, reason, asker_row(node->asker));
}

static void test_left(void)
{
	struct node node = start("");
	struct raw *raw = raw_join(node.kithd, ALICE, ",\"name\":\"alice\",\"agent\":\"raw/1\"");
	expect_event(&node, "peer_up", ALICE, NULL);
	CU_ASSERT(asker_is(node.asker, "name", "alice"));
	CU_ASSERT(asker_is(node.asker, "value", "raw/1"));
	CU_ASSERT(asker_is(node.asker, "direction", "in"));
	CU_ASSERT(asker_is(node.asker, "address", raw_address(raw)));
	CU_ASSERT(asker_is(node.asker, "ending", "null"));
	CU_ASSERT(asker_is(node.asker, "lasted_s", "null"));
	raw_send(raw, "{\"msgtype\":\"bye\",\"reason\":\"shutdown\"}");
	expect_event(&node, "peer_down", ALICE, "it is shutting down");
	CU_ASSERT(asker_is(node.asker, "ending", "left"));
	CU_ASSERT(asker_is(node.asker, "name", "alice"));
	CU_ASSERT(asker_number(node.asker, "lasted_s") >= 0);
	CU_ASSERT_EQUAL(asker_number(node.asker, "number"), 3);
}

static void test_failed(void)
{
	struct node node = start("");
	raw_close(raw_join(node.kithd, ALICE, ""));
	expect_event(&node, "peer_up", ALICE, NULL);
	expect_event(&node, "peer_down", ALICE, "it closed the connection without a bye");
	CU_ASSERT(asker_is(node.asker, "ending", "failed"));
}

static void test_silent(void)
{
	struct node node = start("-o ping_timeout=0.2");
	raw_send_hello(raw_connect(kithd_address(node.kithd)), ALICE, "");
	expect_event(&node, "peer_up", ALICE, NULL);
	expect_event(&node, "peer_down", ALICE, "no answer to a ping for ");
	CU_ASSERT(asker_is(node.asker, "ending", "failed"));
}

static void test_closed(void)
{
	struct node node = start("");
	struct raw *raw = raw_join(node.kithd, ALICE, "");
	expect_event(&node, "peer_up", ALICE, NULL);
	raw_send(raw, "[]");
	expect_event(&node, "peer_down", ALICE, "broke the protocol");
	CU_ASSERT(asker_is(node.asker, "ending", "closed"));
}

/* A second connection of a pair, of which one goes as a duplicate: the peer was up all the time. */
static void test_duplicates(void)
{
	struct node node = start("");
	struct raw *first = raw_join(node.kithd, ALICE, "");
	expect_event(&node, "peer_up", ALICE, NULL);
	struct raw *second = raw_connect(kithd_address(node.kithd));
	raw_send_hello(second, ALICE, "");
	raw_expect_bye(second, "duplicate");
	raw_send(first, "{\"msgtype\":\"bye\",\"reason\":\"shutdown\"}");
	expect_event(&node, "peer_down", ALICE, NULL);
}

/* Whichever connection of a pair stays, one up is followed by one down. */
static void test_two_nodes(void)
{
	const char *one = harness_address(), *two = harness_address();
	const char *path = harness_text("%s/sock", harness_make_folder());
	struct kithd *alpha = kithd_start_at(one, "-o control=%s -b %s -o retry_max=1", path, two);
	struct kithd *beta = kithd_start_at(two, "-b %s", one);
	struct asker *asker = asker_connect(path);
	AWAIT(kithd_has_peer(alpha, kithd_nodeid(beta)) && kithd_peers(beta) == 1);
	kithd_stop(beta, SIGTERM);
	asker_send(asker, "{'msgtype':'watch','since':0,'kinds':['peer_up','peer_down']}");
	asker_expect(asker, "event");
	CU_ASSERT(asker_is(asker, "kind", "peer_up") && asker_is(asker, "nodeid", kithd_nodeid(beta)));
	asker_expect(asker, "event");
	CU_ASSERT(asker_is(asker, "kind", "peer_down") && asker_is(asker, "ending", "left"));
}

static void test_dials(void)
{
	const char *address = harness_address();
	struct node node = start(harness_text("-b %s -o retry_min=0.05 -o retry_max=0.05", address));
	expect_event(&node, "dial_failed", NULL, "connection refused");
	CU_ASSERT(asker_is(node.asker, "address", address));
	/* Another reason is news, and the same one is not. */
	struct raw *listener = raw_listen(address);
	raw_close(raw_accept(listener));
	expect_event(&node, "dial_failed", NULL, "it closed the connection before its hello");
	raw_answer_hello(raw_accept(listener), ALICE, "");
	expect_event(&node, "dial_ok", ALICE, "it closed the connection before its hello");
	CU_ASSERT(asker_is(node.asker, "address", address));
	expect_event(&node, "peer_up", ALICE, NULL);
	CU_ASSERT(asker_is(node.asker, "direction", "out"));
}

static void test_unknown_host(void)
{
	struct node node = start("-b nosuch.invalid:7 -o retry_min=0.05 -o retry_max=0.05");
	expect_event(&node, "dial_failed", NULL, NULL);
	CU_ASSERT(asker_is(node.asker, "name", "nosuch.invalid:7"));
	CU_ASSERT(asker_is(node.asker, "address", "null"));
}

static void test_refused(void)
{
	const char *denied = harness_host(250);
	struct node node = start(harness_text("-o deny=%s", denied));
	struct raw *raw = raw_connect(kithd_address(node.kithd));
	raw_send_hello(raw, ALICE, ",\"network\":\"other\"");
	expect_event(&node, "refused", NULL, "is in network \"other\", not in \"kith\"");
	CU_ASSERT(asker_is(node.asker, "address", raw_address(raw)));
	raw_expect_end(raw);
	raw_send(raw_connect(kithd_address(node.kithd)), "GET / HTTP/1.0");
	expect_event(&node, "refused", NULL, "is not a kith node");
	raw_connect_from(denied, kithd_address(node.kithd), 0);
	expect_event(&node, "refused", NULL, "allow and deny exclude it");
}

/* 127.0.0.1 alone is never banned, and this suite has other hosts. */
static void test_banned(void)
{
	struct node node = start("-o ban_after=1 -o ban_time=60");
	struct raw *raw = raw_connect(kithd_address(node.kithd));
	raw_send(raw, "[]");
	expect_event(&node, "banned", NULL, "1 protocol errors within an hour");
	CU_ASSERT(asker_is(node.asker, "value", "60 s"));
	expect_event(&node, "refused", NULL, "is not a kith node");
	raw_connect(kithd_address(node.kithd));
	expect_event(&node, "refused", NULL, "is banned for 60 s");
}

/* However often strangers come, what happened before stays in the journal. */
static void test_flood(void)
{
	enum { EVENTS = 100, STRANGERS = 3 * EVENTS };
	struct node node = start(harness_text("-o journal_events=%d -o max_per_address=0", EVENTS));
	raw_close(raw_join(node.kithd, ALICE, ""));
	expect_event(&node, "peer_up", ALICE, NULL);
	expect_event(&node, "peer_down", ALICE, NULL);
	for (int i = 0; i < STRANGERS; i++) {
		struct raw *raw = raw_connect(kithd_address(node.kithd));
		raw_send_hello(raw, BOB, ",\"network\":\"other\"");
		raw_expect_end(raw);
		raw_close(raw);
	}
	raw_close(raw_join(node.kithd, CAROL, ""));
	struct asker *asker = asker_connect(node.path);
	asker_send(asker, "{'msgtype':'watch','since':0}");
	asker_expect(asker, "event");
	CU_ASSERT_EQUAL(asker_number(asker, "number"), 1);
	asker_expect(asker, "event");
	CU_ASSERT(asker_is(asker, "nodeid", ALICE));
}

static CU_TestInfo tests[] = {
	{"a peer comes and leaves", test_left},
	{"a peer fails", test_failed},
	{"a peer falls silent", test_silent},
	{"a peer is disconnected", test_closed},
	{"a second connection is no news", test_duplicates},
	{"two nodes that dial each other are up once", test_two_nodes},
	{"a dial fails, fails for another reason, and works", test_dials},
	{"a name that leads nowhere is a failed dial", test_unknown_host},
	{"who is refused is told with the reason", test_refused},
	{"a host is banned", test_banned},
	{"strangers cannot flush the journal", test_flood},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_control_events = {
	.pName = "control_events", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
