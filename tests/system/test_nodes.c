#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "asker.h"
#include "kith.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* What a node knows of the whole network: each node is asked, not only the one next to what happens. */

enum { NODES = 3 };
static const char *const names[] = {"alpha", "beta", "gamma"};

struct node {
	struct kithd *kithd;
	const char *address, *host, *path, *nodeid;
	struct asker *asker;
};

static void start(struct node *node, const char *options)
{
	node->path = harness_text("%s/sock", harness_make_folder());
	node->kithd = kithd_start_at(node->address, "-o control=%s -o retry_max=1 %s", node->path, options);
	node->asker = asker_connect(node->path);
	node->nodeid = kithd_nodeid(node->kithd);
}

/* Each is the bootstrap of the next. The first and the last never connect. */
static void start_chain(struct node nodes[static NODES])
{
	for (int i = 0; i < NODES; i++) {
		nodes[i].address = harness_address();
		nodes[i].host = harness_text("%.*s", (int)strcspn(nodes[i].address, ":"), nodes[i].address);
	}
	for (int i = 0; i < NODES; i++) {
		const char *deny = i == 1 ? "" : harness_text("-o deny=%s", nodes[NODES - 1 - i].host);
		const char *bootstrap = i == 0 ? "" : harness_text("-b %s", nodes[i - 1].address);
		start(&nodes[i], harness_text("-o name=%s -o tags=place=%d %s %s", names[i], i, deny, bootstrap));
	}
}

static size_t count_states(struct asker *asker, const char *state)
{
	size_t rows = asker_ask(asker, "{'msgtype':'nodes'}"), count = 0;
	for (size_t i = 0; i < rows; i++)
		count += asker_pick(asker, i) && asker_is(asker, "state", state) &&
			 asker_is(asker, "has_report", "true");
	return count;
}

static bool knows(struct asker *asker, size_t nodes, size_t links)
{
	return count_states(asker, "alive") == nodes && asker_ask(asker, "{'msgtype':'links'}") == links;
}

static void await_chain(struct node nodes[static NODES])
{
	for (int i = 0; i < NODES; i++)
		AWAIT(knows(nodes[i].asker, NODES, NODES - 1));
}

/* All others have been told as events, which come a little later. */
static void await_events(struct asker *asker, size_t nodes)
{
	AWAIT(asker_ask(asker, "{'msgtype':'watch','since':0,'follow':false,'kinds':['node_up']}") == nodes - 1);
}

/* The node is in that state, to the one that is asked. */
static bool is_in_state(struct asker *asker, const char *nodeid, const char *state)
{
	asker_ask(asker, "{'msgtype':'nodes'}");
	return asker_find(asker, "nodeid", nodeid) && asker_is(asker, "state", state);
}

/* ---- everybody knows all ---- */

static void expect_nodes(const struct node nodes[static NODES], int asked)
{
	struct asker *asker = nodes[asked].asker;
	for (int i = 0; i < NODES; i++) {
		double hops = i > asked ? i - asked : asked - i;
		CU_ASSERT_EQUAL(asker_ask(asker, "{'msgtype':'nodes'}"), NODES);
		CU_ASSERT_FATAL(asker_find(asker, "nodeid", nodes[i].nodeid));
		EXPECT(asker_is(asker, "name", names[i]) && asker_is(asker, "address", nodes[i].address) &&
			       asker_is(asker, "is_self", i == asked ? "true" : "false") &&
			       asker_number(asker, "hops") == hops &&
			       asker_number(asker, "links") == (i == 1 ? 2 : 1) && asker_number(asker, "up_s") >= 0 &&
			       asker_is(asker, "reason", "null") &&
			       asker_is(asker, "tags", harness_text("[\"place=%d\"]", i)),
		       "%s asked of %s: %s", names[asked], names[i], asker_row(asker));
	}
}

static void expect_links(const struct node nodes[static NODES], int asked)
{
	struct asker *asker = nodes[asked].asker;
	for (size_t i = 0; i < NODES - 1; i++) {
		CU_ASSERT_EQUAL(asker_ask(asker, "{'msgtype':'links'}"), NODES - 1);
		CU_ASSERT(asker_pick(asker, i));
		EXPECT((asker_is(asker, "one_name", "beta") || asker_is(asker, "other_name", "beta")) &&
			       asker_is(asker, "state", "up") && asker_is(asker, "is_up", "true") &&
			       asker_is(asker, "one_says", "null") && asker_is(asker, "down_s", "null") &&
			       !asker_is(asker, "dialled_by", "null"),
		       "%s", asker_row(asker));
	}
	/* The one is the node that was asked for, or the first by name. */
	CU_ASSERT(asker_find(asker, "one_name", "alpha") && asker_is(asker, "other_name", "beta"));
	CU_ASSERT(asker_find(asker, "one_name", "beta") && asker_is(asker, "other_name", "gamma"));
	CU_ASSERT_EQUAL(asker_ask(asker, "{'msgtype':'links','peer':'beta'}"), 2);
	CU_ASSERT(asker_find(asker, "other_name", "alpha") && asker_is(asker, "one_name", "beta"));
	CU_ASSERT(asker_find(asker, "other_name", "gamma") && asker_is(asker, "one_name", "beta"));
	CU_ASSERT_EQUAL(asker_ask(asker, "{'msgtype':'links','peer':'%s'}", nodes[2].address), 1);
}

static void test_chain(void)
{
	struct node nodes[NODES];
	start_chain(nodes);
	await_chain(nodes);
	for (int i = 0; i < NODES; i++) {
		expect_nodes(nodes, i);
		expect_links(nodes, i);
		CU_ASSERT_EQUAL(asker_ask(nodes[i].asker, "{'msgtype':'problems'}"), 0);
	}
	/* The middle one is asked about two others, and one end about the two others. */
	struct asker *beta = nodes[1].asker, *alpha = nodes[0].asker;
	CU_ASSERT_EQUAL(asker_ask(beta, "{'msgtype':'why','about':'alpha','other':'gamma'}"), 3);
	CU_ASSERT(asker_find(beta, "fact", "link"));
	CU_ASSERT(asker_is(beta, "state", "apart") && asker_number(beta, "common") == 1);
	asker_ask(alpha, "{'msgtype':'why','about':'beta','other':'gamma'}");
	CU_ASSERT(asker_find(alpha, "fact", "link") && asker_is(alpha, "state", "up"));
	/* It is no peer of this one. */
	asker_ask(alpha, "{'msgtype':'why','about':'gamma'}");
	CU_ASSERT(asker_find(alpha, "fact", "node") && asker_is(alpha, "nodeid", nodes[2].nodeid));
	struct kith_run run = kith_run("-s %s why gamma", nodes[0].path);
	EXPECT(strstr(run.out, " is alive, 2 connections away (") != NULL, "%s%s", run.out, run.err);
	run = kith_run("-s %s nodes place=2", nodes[0].path);
	EXPECT(strstr(run.out, "\ngamma  ") != NULL && strstr(run.out, "\n1 of 3 nodes\n") != NULL, "%s", run.out);
}

static void test_names(void)
{
	struct node nodes[NODES];
	start_chain(nodes);
	await_chain(nodes);
	struct asker *asker = nodes[0].asker;
	static const char *const refused[][3] = {
		{"{'msgtype':'links','peer':'gama'}", "no_such_node", "did you mean \"gamma\"?"},
		{"{'msgtype':'why','about':'x','other':'beta'}", "no_such_node", "no node is called \"x\""},
		{"{'msgtype':'why','about':'beta','other':'x'}", "no_such_node", "no node is called \"x\""},
		{"{'msgtype':'why','about':'beta','other':'beta'}", "wrong_value", "are the same node"},
		{"{'msgtype':'why','about':'beta','other':7}", "wrong_type", "must be text"},
	};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		asker_send(asker, "%s", refused[i][0]);
		asker_expect_error(asker, refused[i][1], refused[i][2]);
	}
	struct node twin = {.address = harness_address()};
	start(&twin, harness_text("-o name=gamma -b %s", nodes[1].address));
	/* Others may say that it is there before it says its name. */
	AWAIT(is_in_state(asker, twin.nodeid, "alive") && asker_is(asker, "name", "gamma"));
	asker_send(asker, "{'msgtype':'links','peer':'gamma'}");
	asker_expect_error(asker, "ambiguous", "2 nodes are called \"gamma\": gamma (");
	AWAIT(asker_ask(asker, "{'msgtype':'links','peer':'%.8s'}", twin.nodeid) > 0);
	/* A node that is gone gives its name to one that is there. */
	kithd_stop(twin.kithd, SIGTERM);
	AWAIT(is_in_state(asker, twin.nodeid, "gone"));
	CU_ASSERT_EQUAL(asker_ask(asker, "{'msgtype':'links','peer':'gamma'}"), 1);
}

/* ---- a node that goes ---- */

/* The next event but for those of other nodes: that one did not run for a while is an event too. */
static void expect_event(struct asker *watcher, const char *kind, const char *nodeid, const char *reason)
{
	do
		asker_expect(watcher, "event");
	while (!asker_is(watcher, "nodeid", nodeid));
	if (!asker_is(watcher, "kind", kind) || strstr(asker_value(watcher, "reason"), reason) == NULL)
		harness_fail("not %s of %s because %s: %s", kind, nodeid, reason, asker_row(watcher));
}

/* Is a node gone, as a problem? There may be others, if nodes did not run for a while. */
static bool has_lost_node(struct asker *asker)
{
	asker_ask(asker, "{'msgtype':'problems'}");
	return asker_find(asker, "kind", "node");
}

/* Has the file these two lines, in this order? */
static bool has_lines(const char *file, const char *one, const char *other)
{
	const char *text = harness_read_file(file), *first = text == NULL ? NULL : strstr(text, one);
	return first != NULL && strstr(first, other) != NULL;
}

/* How a connection with a node that was killed ends: reset if the node had not read all that was sent to it. */
static bool is_crash(const char *reason)
{
	return strcmp(reason, "closed the connection without a bye") == 0 || strcmp(reason, "connection reset") == 0;
}

/* Runs a command for problems, which appends to the file. */
static void start_hook(const struct node *node, const char *file)
{
	const char *command = harness_text("echo $KITH_KIND $KITH_NAME $KITH_VALUE $KITH_PROBLEM >>%s", file);
	asker_ask(node->asker, "{'msgtype':'info'}");
	CU_ASSERT(asker_pick(node->asker, 0));
	double clients = asker_number(node->asker, "clients");
	kith_spawn("-s %s on problem problem_over -- sh -c '%s'", node->path, command);
	AWAIT((asker_ask(node->asker, "{'msgtype':'info'}"), asker_pick(node->asker, 0)) &&
	      asker_number(node->asker, "clients") > clients);
}

static void test_crash(void)
{
	struct node nodes[NODES];
	const char *file = harness_text("%s/log", harness_make_folder());
	start_chain(nodes);
	await_chain(nodes);
	start_hook(&nodes[0], file);
	struct asker *asker = nodes[0].asker, *watcher = asker_connect(nodes[0].path);
	await_events(asker, NODES);
	asker_send(watcher, "{'msgtype':'watch','kinds':['node_gone','problem','problem_over']}");
	asker_ask(asker_connect(nodes[0].path), "{'msgtype':'info'}");
	kithd_signal(nodes[2].kithd, SIGKILL);
	kithd_wait(nodes[2].kithd);
	/* The node that is asked was never connected with it. */
	AWAIT(has_lost_node(asker));
	CU_ASSERT(asker_is(asker, "is_notice", "false"));
	CU_ASSERT(asker_is(asker, "subjects", harness_text("[\"%s\"]", nodes[2].nodeid)));
	CU_ASSERT(asker_is(asker, "names", "[\"gamma\"]") && asker_number(asker, "since_s") > 1);
	double number = asker_number(asker, "number");
	CU_ASSERT(is_in_state(asker, nodes[2].nodeid, "gone"));
	CU_ASSERT(is_crash(asker_value(asker, "reason")) && asker_is(asker, "up_s", "null"));
	expect_event(watcher, "node_gone", nodes[2].nodeid, "");
	CU_ASSERT(is_crash(asker_value(watcher, "reason")));
	CU_ASSERT(asker_is(watcher, "ending", "failed") && asker_is(watcher, "name", "gamma"));
	expect_event(watcher, "problem", nodes[2].nodeid, "gamma is gone");
	CU_ASSERT(asker_is(watcher, "value", "node") && asker_number(watcher, "problem") == number);
	struct kith_run run = kith_run("-s %s", nodes[0].path);
	EXPECT(strstr(run.out, "\n  node  gamma is gone") != NULL, "%s", run.out);
	run = kith_run("-s %s check --min-peers-critical 1", nodes[0].path);
	EXPECT(run.status == 1 && strstr(run.out, "; gamma is gone") != NULL, "%d %s", run.status, run.out);
	/* It is also said of two others. */
	run = kith_run("-s %s why beta gamma", nodes[0].path);
	EXPECT(strstr(run.out, "beta and gamma are not connected: gamma is gone since ") != NULL, "%s", run.out);
	/* The same node is back. */
	start(&nodes[2], harness_text("-o name=gamma -o nodeid=%s -o deny=%s -b %s", nodes[2].nodeid, nodes[0].host,
				      nodes[1].address));
	AWAIT(!has_lost_node(asker));
	expect_event(watcher, "problem_over", nodes[2].nodeid, "gamma is gone");
	CU_ASSERT(asker_number(watcher, "problem") == number && asker_number(watcher, "lasted_s") > 1);
	AWAIT(has_lines(file, harness_text("problem gamma node %.0f\n", number),
			harness_text("problem_over gamma node %.0f\n", number)));
}

/* One that was stopped is gone, and nothing is wrong with that. */
static void test_stop(void)
{
	struct node nodes[NODES], other = {.address = harness_address()};
	start_chain(nodes);
	start(&other, harness_text("-o name=other -b %s", nodes[1].address));
	for (int i = 0; i < NODES; i++)
		AWAIT(count_states(nodes[i].asker, "alive") == NODES + 1);
	struct asker *asker = nodes[0].asker, *watcher = asker_connect(nodes[0].path);
	await_events(asker, NODES + 1);
	asker_send(watcher, "{'msgtype':'watch','kinds':['node_gone','problem']}");
	asker_ask(asker_connect(nodes[0].path), "{'msgtype':'info'}");
	kithd_stop(nodes[2].kithd, SIGTERM);
	expect_event(watcher, "node_gone", nodes[2].nodeid, "");
	CU_ASSERT(asker_is(watcher, "ending", "left"));
	CU_ASSERT(is_in_state(asker, nodes[2].nodeid, "gone"));
	kithd_signal(other.kithd, SIGKILL);
	kithd_wait(other.kithd);
	expect_event(watcher, "node_gone", other.nodeid, "");
	expect_event(watcher, "problem", other.nodeid, "other is gone");
	CU_ASSERT(has_lost_node(asker) && asker_is(asker, "subjects", harness_text("[\"%s\"]", other.nodeid)));
	CU_ASSERT(!asker_find(asker, "subjects", harness_text("[\"%s\"]", nodes[2].nodeid)));
}

/* A node that learns of others says so; so do those that learn of it. */
static void test_events(void)
{
	struct node nodes[NODES];
	start_chain(nodes);
	await_chain(nodes);
	asker_send(nodes[0].asker, "{'msgtype':'watch','since':0,'kinds':['node_up']}");
	asker_send(nodes[2].asker, "{'msgtype':'watch','since':0,'kinds':['node_up']}");
	for (int i = 0; i < 2 * (NODES - 1); i++) {
		int asked = i % 2 == 0 ? 0 : 2, others[] = {1, 2 - asked};
		struct asker *asker = nodes[asked].asker;
		asker_expect(asker, "event");
		CU_ASSERT(asker_is(asker, "nodeid", nodes[others[0]].nodeid) ||
			  asker_is(asker, "nodeid", nodes[others[1]].nodeid));
		CU_ASSERT(asker_is(asker, "value", "kithd/" KITH_VERSION));
	}
}

/* Of one that tells no reports only that is known what others say, and what its hello said. */
static void test_without_report(void)
{
	struct node node = {.address = harness_address()};
	start(&node, "-o name=alpha " RARE_PINGS);
	struct raw *alice = raw_join(node.kithd, ALICE, ",\"name\":\"alice\",\"listen\":7001");
	AWAIT(is_in_state(node.asker, ALICE, "alive"));
	CU_ASSERT(asker_is(node.asker, "has_report", "false") && asker_is(node.asker, "address", "null"));
	struct kith_run run = kith_run("-s %s nodes", node.path);
	EXPECT(strstr(run.out, "alice  a11ce000  no report") != NULL &&
		       strstr(run.out, "\n2 nodes, all alive\n") != NULL,
	       "%s", run.out);
	/* Whether two of them are connected is unknown. */
	raw_join(node.kithd, BOB, ",\"name\":\"bob\"");
	AWAIT(is_in_state(node.asker, BOB, "alive"));
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s nodes -r --noheadings -o seen_by", node.path).out, "1/1\n2/2\n1/1\n");
	run = kith_run("-s %s why %s %s", node.path, ALICE, BOB);
	EXPECT(strstr(run.out, " have sent no reports: whether they are connected is unknown") != NULL, "%s", run.out);
	run = kith_run("-s %s map", node.path);
	EXPECT(strstr(run.out, "~ unknown: neither has sent a report") != NULL && strstr(run.out, "by choice") == NULL,
	       "%s", run.out);
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'problems'}"), 0);
	/* One that crashes keeps its name, and the advice says where to look. */
	raw_close(alice);
	AWAIT(is_in_state(node.asker, ALICE, "gone"));
	AWAIT(asker_ask(node.asker, "{'msgtype':'problems'}") == 1);
	CU_ASSERT(asker_find(node.asker, "kind", "node"));
	EXPECT(strstr(asker_row(node.asker), "\"text\":\"alice is gone: ") != NULL &&
		       strstr(asker_row(node.asker), harness_host(200)) != NULL,
	       "%s", asker_row(node.asker));
}

static void test_without_reports(void)
{
	struct node nodes[2] = {{.address = harness_address()}, {.address = harness_address()}};
	start(&nodes[0], "-o name=alpha -o max_nodes=0");
	start(&nodes[1], harness_text("-o name=beta -b %s", nodes[0].address));
	AWAIT(kithd_peers(nodes[0].kithd) == 1);
	AWAIT(is_in_state(nodes[1].asker, nodes[0].nodeid, "alive"));
	static const char *const requests[] = {"nodes", "links", "problems"};
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		asker_send(nodes[0].asker, "{'msgtype':'%s'}", requests[i]);
		asker_expect_error(nodes[0].asker, "reports_off", "max_nodes");
	}
}

static CU_TestInfo tests[] = {
	{"each node of a chain knows all, and why two are apart", test_chain},
	{"nodes are called by names, nodeids and addresses", test_names},
	{"a crash is a problem to nodes that were never connected with it", test_crash},
	{"a stop is no problem", test_stop},
	{"nodes that are learnt of are events", test_events},
	{"a node without a report", test_without_report},
	{"a node that wants no reports", test_without_reports},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_nodes = {
	.pName = "nodes", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
