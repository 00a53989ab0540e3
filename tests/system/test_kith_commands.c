#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asker.h"
#include "kith.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* What the commands of kith tell of a node, and do with it. */

#define END(rows) "{'msgtype':'end','rows':" #rows "}\n"

static bool has(const char *text, const char *words)
{
	return EXPECT(strstr(text, words) != NULL, "\"%s\" is not in: %s", words, text);
}

static void expect_status(struct kith_run run, int status)
{
	EXPECT(run.status == status, "status %d; it says: %s%s", run.status, run.out, run.err);
}

struct node {
	struct kithd *kithd;
	const char *path;
};

static struct node start(const char *options)
{
	struct node node = {.path = harness_text("%s/sock", harness_make_folder())};
	node.kithd = kithd_start("-o name=alpha -o control=%s %s", node.path, options);
	asker_connect(node.path);
	return node;
}

static const char *fake(const struct fake_answer *answers)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	fake_node(path, answers, false);
	return path;
}

/* ---- status ---- */

#define NODEID(n) "'nodeid':'" #n "0000000-0000-4000-8000-000000000000'"
#define READY(n, name, more) "{'msgtype':'peer'," NODEID(n) ",'name':'" name "','state':'ready'" more "}\n"

static void test_status_of_trouble(void)
{
	static const struct fake_answer answers[] = {
		{"info", "{'msgtype':'info','name':'web-03'," NODEID(
				 9) ",'network':'prod','private':true,"
				    "'secrets':['b9dfd1c8'],'listen':['10.0.0.3:5999'],'uptime_s':1036805,'problems':['"
				    "it is Monday']}\n" END(1)},
		{"peers",
		 READY(1, "a", ",'rtt_ms':0.4,'agent':'kithd/0.2.0'") READY(2, "paris-01",
									    ",'rtt_ms':38.2,'agent':'kithd/0.2.0'")
			 READY(3, "db-02", ",'rtt_ms':0.6,'waiting_ms':4100,'agent':'kithd/0.1.0'")
				 READY(4, "back",
				       ",'rtt_ms':0.3,'waiting_ms':400,'agent':'other/1'") "{'msgtype':'peer','state':'"
											   "dial'}\n" END(5)},
		{"addresses",
		 "{'msgtype':'address','address':'10.0.0.47:5999'," NODEID(
			 5) ",'kind':'tried','failures':7,"
			    "'error':'connection refused','next_try_s':22.4}\n"
			    "{'msgtype':'address','address':'10.0.0.9:5999','kind':'new','failures':1,'error':'timed "
			    "out','next_try_s':0}\n"
			    "{'msgtype':'address','address':'10.0.0.8:5999','kind':'tried','failures':0}\n" END(3)},
		{"watch",
		 "{'msgtype':'event','kind':'peer_down','ending':'failed'," NODEID(
			 4) ",'name':'back','ago_s':500}\n"
			    "{'msgtype':'event','kind':'peer_up'," NODEID(
				    4) ",'name':'back','ago_s':400}\n"
				       "{'msgtype':'event','kind':'peer_down','ending':'left'," NODEID(
					       6) ",'name':'left','ago_s':300}\n"
						  "{'msgtype':'event','kind':'peer_down','ending':'failed'," NODEID(
							  5) ",'name':'cache-07','ago_s':185,"
							     "'reason':'it closed the connection without a bye'}\n" END(
								     4)},
		{NULL, NULL}};
	struct kith_run run = kith_run("-s %s", fake(answers));
	expect_status(run, 0);
	CU_ASSERT_STRING_EQUAL(run.out,
			       "web-03 (90000000) 10.0.0.3:5999, network \"prod\", private (b9dfd1c8), up 12 d\n"
			       "4 peers: 3 ready, 1 late, 1 connecting; 2 addresses fail\n"
			       "  node                 it is Monday\n"
			       "  late  db-02          no answer for 4.1 s (usually 0.6 ms)\n"
			       "  gone  cache-07       3 min ago: connection refused, next try in 22 s\n"
			       "  fails 10.0.0.9:5999  timed out, next try now\n"
			       "rtt median 0.5 ms, worst 38 ms (paris-01); versions other/1: 1, 0.2.0: 2, 0.1.0: 1\n");
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s status", fake(answers)).out, run.out);
}

static void test_status_of_a_node(void)
{
	struct node node = start("");
	struct kith_run run = kith_run("-s %s", node.path);
	expect_status(run, 0);
	has(run.out, harness_text("alpha (%.8s) %s, network \"kith\", open, up ", kithd_nodeid(node.kithd),
				  kithd_address(node.kithd)));
	has(run.out, "\nno peers");
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\",\"agent\":\"raw/1\"");
	run = kith_run("-s %s", node.path);
	has(run.out, "\n1 peer");
	has(run.out, "; version raw/1\n");
	has(kith_run("-s %s -j", node.path).out, "\"name\":\"alice\"");
}

static void test_again_and_again(void)
{
	struct node node = start("");
	struct kith *kith = kith_spawn("-s %s --watch=0.1 info -r -o name", node.path);
	AWAIT(strstr(kith_output(kith), "name alpha\n\nname alpha\n") != NULL);
	kithd_stop(node.kithd, SIGTERM);
	struct kith_run run = kith_wait(kith);
	CU_ASSERT_EQUAL(run.status, 69);
}

/* ---- watch ---- */

static void test_watch(void)
{
	struct node node = start("");
	struct kith *kith = kith_spawn("-s %s watch -S 1h", node.path);
	AWAIT(strstr(kith_output(kith), "  start  kithd " KITH_VERSION "\n") != NULL);
	struct raw *alice = raw_join(node.kithd, ALICE, ",\"name\":\"alice\",\"agent\":\"raw/1\"");
	AWAIT(strstr(kith_output(kith), "  up     alice  ") != NULL);
	has(kith_output(kith), ", raw/1\n");
	raw_close(alice);
	AWAIT(strstr(kith_output(kith), "  down   alice  failed: it closed the connection without a bye (was up ") !=
	      NULL);
	kithd_stop(node.kithd, SIGTERM);
	struct kith_run run = kith_wait(kith);
	CU_ASSERT_EQUAL(run.status, 69);
	has(run.out, "  stop   Terminated\n");
	CU_ASSERT_STRING_EQUAL(run.err, "kith: the node has stopped\n");
}

static void test_watch_some_kinds(void)
{
	struct node node = start("");
	struct kith *kith = kith_spawn("-s %s watch -j -S 0 up peer_down", node.path);
	struct raw *alice = raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	AWAIT(strstr(kith_output(kith), "\"kind\":\"peer_up\"") != NULL);
	raw_close(alice);
	AWAIT(strstr(kith_output(kith), "\"kind\":\"peer_down\"") != NULL);
	CU_ASSERT_PTR_NULL(strstr(kith_output(kith), "\"started\""));
	kill(kith_pid(kith), SIGINT);
	struct kith_run run = kith_wait(kith);
	CU_ASSERT_EQUAL(run.status, 128 + SIGINT);
	CU_ASSERT_STRING_EQUAL(run.err, "");
	run = kith_run("-s %s watch around", node.path);
	expect_status(run, 64);
	has(run.err, "there is no kind of event \"around\"");
	expect_status(kith_run("-s %s watch -S soon", node.path), 64);
}

static void test_lines_of_events(void)
{
	static const struct fake_answer answers[] = {{"watch",
						      "{'msgtype':'lost','events':12}\n"
						      "{'msgtype':'event','kind':'dial_failed','at':'2026-11-23T12:03:"
						      "58.114Z','address':'10.0.0.9:5999','reason':'timed out'}\n"
						      "{'msgtype':'event','kind':'setting','at':'2026-11-23T12:03:58."
						      "114Z','name':'ping_interval','value':'5','reason':'file'}\n"
						      "{'msgtype':'event','kind':'banned','at':'2026-11-23T12:03:58."
						      "114Z','address':'10.0.0.9','value':'10 min','reason':'so'}\n"
						      "{'msgtype':'event','kind':'moon_rose','at':'2026-11-23T12:03:58."
						      "114Z','value':'full','reason':'\\u001b[2J'}\n" END(5)},
						     {NULL, NULL}};
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s watch", fake(answers)).out,
			       "(12 events are lost: the journal no longer has them)\n"
			       "2026-11-23 12:03:58.114  fail  10.0.0.9:5999  timed out\n"
			       "2026-11-23 12:03:58.114  set   ping_interval  = 5: file\n"
			       "2026-11-23 12:03:58.114  ban   10.0.0.9       for 10 min: so\n"
			       "2026-11-23 12:03:58.114  moon_rose  full, \\x1b[2J\n");
}

static CU_TestInfo tests[] = {
	{"status tells problems first, in words", test_status_of_trouble},
	{"status is what is printed without a command", test_status_of_a_node},
	{"--watch prints it again and again", test_again_and_again},
	{"watch prints what happens, until the node stops", test_watch},
	{"watch takes kinds, and ends at SIGINT", test_watch_some_kinds},
	{"each event is a line", test_lines_of_events},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_kith_commands = {
	.pName = "kith_commands", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
