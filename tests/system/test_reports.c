#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* What nodes say about themselves, and how far that gets. */

/* The next report for which more(raw) is true. */
static void expect_report(struct raw *raw, bool (*more)(struct raw *raw))
{
	do
		raw_expect(raw, "report");
	while (!more(raw));
}

static bool is_own(struct raw *raw)
{
	return !raw_has(raw, "nodeid");
}

static bool is_own_change(struct raw *raw)
{
	return is_own(raw) && !raw_has(raw, "up_s");
}

static bool is_own_complete(struct raw *raw)
{
	return is_own(raw) && raw_has(raw, "up_s");
}

static bool has_drop(struct raw *raw)
{
	return is_own_change(raw) && raw_has(raw, "drop");
}

/* Does it say nothing else? */
static bool has_drop_alone(struct raw *raw)
{
	const char *begin =
		harness_text("{\"msgtype\":\"report\",\"seq\":%lld,\"drop\":", (long long)raw_number(raw, "seq"));
	return strncmp(raw_json(raw, NULL), begin, strlen(begin)) == 0 && strstr(raw_json(raw, NULL), "]]}") != NULL;
}

static bool has_links(struct raw *raw)
{
	return is_own_change(raw) && raw_has(raw, "links");
}

static bool has_link_to_bob(struct raw *raw)
{
	return has_links(raw) && strstr(raw_json(raw, "links"), "[\"" BOB "\",") != NULL;
}

#define REPORT "{\"msgtype\":\"report\",\"seq\":1,\"up_s\":1}"

/* A peer that knows these messages: it sends its report, and has yet to read that of the node. */
static struct raw *join(struct kithd *kithd, const char *nodeid)
{
	struct raw *raw = raw_join(kithd, nodeid, "");
	raw_send(raw, REPORT);
	return raw;
}

static void test_complete(void)
{
	struct kithd *kithd = kithd_start("-o name=alpha -o tags=role=db,rack=7");
	struct raw *alice = raw_join(kithd, ALICE, "");
	expect_report(alice, is_own_complete);
	CU_ASSERT_STRING_EQUAL(raw_text(alice, "name"), "alpha");
	CU_ASSERT_STRING_EQUAL(raw_text(alice, "address"), kithd_address(kithd));
	CU_ASSERT_STRING_EQUAL(raw_json(alice, "tags"), "[\"role=db\",\"rack=7\"]");
	CU_ASSERT(strncmp(raw_json(alice, "links"), "[[\"" ALICE "\",", 40) == 0);
	int64_t off_us = raw_number(alice, "time") * 1000 - raw_clock_us();
	CU_ASSERT(off_us < 0 && off_us > -(int64_t)HARNESS_PATIENCE_S * 1000000);
	/* It may not know these messages; once it sends one, it is told which reports are known, and what changes. */
	raw_send(alice, REPORT);
	raw_expect(alice, "reports");
	CU_ASSERT(raw_has(alice, "have"));
}

static void test_changes(void)
{
	enum { TIMES = 5 };
	struct kithd *kithd = kithd_plain();
	struct raw *alice = join(kithd, ALICE);
	expect_report(alice, is_own_complete);
	int64_t seq = raw_number(alice, "seq");
	struct raw *bob;
	/* A node that did not run for a while has something else to say. */
	for (int i = 0; i < TIMES && !has_drop_alone(alice); i++) {
		bob = join(kithd, BOB);
		expect_report(alice, has_link_to_bob);
		CU_ASSERT(raw_number(alice, "seq") > seq);
		raw_close(bob);
		expect_report(alice, has_drop);
		CU_ASSERT(strncmp(raw_json(alice, "drop"), "[[\"b0b00000\",\"", 14) == 0);
	}
	size_t bytes = strlen(raw_json(alice, NULL)) + 1;
	EXPECT(bytes <= 90, "%zu bytes", bytes);
	/* A peer that says that it stops has left. */
	bob = join(kithd, BOB);
	expect_report(alice, has_link_to_bob);
	raw_send(bob, "{\"msgtype\":\"bye\",\"reason\":\"shutdown\"}");
	expect_report(alice, has_drop);
	CU_ASSERT(strncmp(raw_json(alice, "drop"), "[[\"b0b00000\",\"left\"", 19) == 0);
}

static void test_off(void)
{
	struct kithd *kithd = kithd_start(RARE_PINGS " -o max_nodes=0");
	struct raw *alice = join(kithd, ALICE);
	raw_send(alice, "{\"msgtype\":\"reports\",\"have\":[[\"" BOB "\",7]]}");
	raw_send(alice, "{\"msgtype\":\"getreport\",\"nodeids\":[\"%s\"]}", kithd_nodeid(kithd));
	AWAIT(kithd_cell_number(kithd, ALICE, "MSGS_IN") == 5);
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "MSGS_OUT", "4"));
}

/* ---- several nodes ---- */

enum { NODES = 5 };

/* Does the node at the other end of this connection know the report of that node? */
static bool knows(struct raw *raw, const char *nodeid)
{
	bool found = false;
	const char *line;
	raw_send(raw, "{\"msgtype\":\"getreport\",\"nodeids\":[\"%s\"]}", nodeid);
	raw_send(raw, "{\"msgtype\":\"ping\"}");
	while ((line = raw_line(raw)) != NULL && strstr(line, "\"pong\"") == NULL) {
		if (strstr(line, "\"ping\"") != NULL)
			raw_send(raw, "{\"msgtype\":\"pong\"}");
		found = found || (strstr(line, "{\"msgtype\":\"report\",") == line && strstr(line, nodeid) != NULL &&
				  strstr(line, "\"up_s\"") != NULL &&
				  strncmp(strstr(line, nodeid) - 10, "\"nodeid\":\"", 10) == 0);
	}
	return found;
}

/* Each talks with its neighbours alone, and with raw peers. */
static void start_chain(struct kithd *nodes[static NODES])
{
	const char *addresses[NODES], *hosts[NODES + 2] = {NULL};
	for (int i = 0; i < NODES; i++) {
		addresses[i] = harness_address();
		hosts[i + 1] = harness_text("%.*s", (int)strcspn(addresses[i], ":"), addresses[i]);
	}
	for (int i = 0; i < NODES; i++) {
		const char *left = i == 0 ? "" : harness_text(",%s", hosts[i]);
		const char *right = i == NODES - 1 ? "" : harness_text(",%s", hosts[i + 2]);
		const char *bootstrap = i == 0 ? "" : harness_text(" -b %s", addresses[i - 1]);
		nodes[i] = kithd_start_at(addresses[i], "-o retry_min=0.1 -o retry_max=0.5 -o allow=%s%s%s%s",
					  harness_host(200), left, right, bootstrap);
	}
	for (int i = 0; i < NODES; i++)
		AWAIT(kithd_peers(nodes[i]) == (i == 0 || i == NODES - 1 ? 1 : 2));
}

static void test_chain(void)
{
	struct kithd *nodes[NODES];
	start_chain(nodes);
	struct raw *first = join(nodes[0], ALICE), *last = join(nodes[NODES - 1], BOB);
	for (int i = 0; i < NODES - 1; i++) {
		AWAIT(knows(first, kithd_nodeid(nodes[i + 1])));
		AWAIT(knows(last, kithd_nodeid(nodes[i])));
	}
	/* Raw peers are nodes like others. */
	AWAIT(knows(first, BOB));
	/* What happens at one end is known at the other. */
	kithd_signal(nodes[NODES - 1], SIGKILL);
	CU_ASSERT_EQUAL(kithd_wait(nodes[NODES - 1]), 128 + SIGKILL);
	const char *begin = harness_text("{\"msgtype\":\"report\",\"nodeid\":\"%s\"", kithd_nodeid(nodes[NODES - 2]));
	const char *line;
	do
		line = raw_line(first);
	while (line != NULL && (strncmp(line, begin, strlen(begin)) != 0 || strstr(line, "\"drop\"") == NULL));
	CU_ASSERT(line != NULL && (strstr(line, "\"closed\"") != NULL || strstr(line, "\"reset\"") != NULL));
}

/* Both halves know each other once somebody is connected with both. */
static void test_join(void)
{
	struct kithd *alpha = kithd_plain(), *beta = kithd_plain();
	struct kithd *gamma = kithd_start("-b %s", kithd_address(alpha));
	AWAIT(kithd_peers(alpha) == 1);
	struct kithd *delta = kithd_start("-b %s -b %s", kithd_address(beta), kithd_address(gamma));
	struct raw *alice = join(alpha, ALICE);
	AWAIT(knows(alice, kithd_nodeid(beta)));
	AWAIT(knows(alice, kithd_nodeid(delta)));
	/* A node that starts again with the same nodeid is known anew. */
	kithd_stop(gamma, SIGTERM);
	AWAIT(kithd_peers(alpha) == 3);
}

static CU_TestInfo tests[] = {
	{"a peer is told all that a node says about itself", test_complete},
	{"then it is told what changes, in few bytes", test_changes},
	{"without max_nodes there are no reports", test_off},
	{"nodes in a chain know each other, and what happens", test_chain},
	{"two networks that meet know each other", test_join},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_reports = {
	.pName = "reports", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
