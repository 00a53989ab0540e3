#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "asker.h"
#include "kith.h"
#include "kithd.h"
#include "runner.h"
#include "suites.h"

/* kith map: pictures of real networks, and how it ends. */

#define END "{'msgtype':'end','rows':1}\n"

static const struct fake_answer pair[] = {
	{"info", "{'msgtype':'info','network':'prod'}\n" END},
	{"nodes", "{'msgtype':'node','nodeid':'n1','name':'a-node-with-a-long-name','state':'alive','is_self':true}\n"
		  "{'msgtype':'node','nodeid':'n2','name':'beta','state':'alive'}\n" END},
	{"links", "{'msgtype':'link','one':'n1','other':'n2','state':'down','one_says':'timed out'}\n" END},
	{"problems", END},
	{NULL, NULL},
};

static const struct fake_answer old[] = {{"info", "{'msgtype':'info'}\n" END}, {NULL, NULL}};

static const char *fake(const struct fake_answer *answers)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	fake_node(path, answers, false);
	return path;
}

static bool has(const char *text, const char *words)
{
	return strstr(text, words) != NULL;
}

static void test_a_real_network(void)
{
	static const char *const forms[][2] = {
		{"--svg", "</svg>\n"}, {"--html", "</html>\n"}, {"--dot", "graph kith {\n"}};
	const char *path = harness_text("%s/sock", harness_make_folder());
	struct kithd *alpha = kithd_start("-o name=alpha -o control=%s", path);
	struct kithd *beta = kithd_start("-o name=beta -b %s", kithd_address(alpha));
	kithd_start("-o name=gamma -b %s", kithd_address(alpha));
	struct asker *asker = asker_connect(path);
	AWAIT(asker_ask(asker, "{'msgtype':'links'}") == 3 && asker_ask(asker, "{'msgtype':'nodes'}") == 3 &&
	      asker_find(asker, "name", "beta") && asker_find(asker, "name", "gamma"));
	struct kith_run run = kith_run("-s %s map", path);
	EXPECT(has(run.out, "3 nodes: 3 alive; 3 links") && has(run.out, "\n* alpha ") && has(run.out, "\n  beta ") &&
		       has(run.out, "\n  gamma ") && has(run.out, "\nround trips in ms, * this node\n"),
	       "%s", run.out);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		run = kith_run("-s %s map %s", path, forms[i][0]);
		EXPECT(run.status == 0 && has(run.out, forms[i][1]) && has(run.out, "alpha") && has(run.out, "beta") &&
			       has(run.out, "gamma"),
		       "%s: %d %s%s", forms[i][0], run.status, run.out, run.err);
	}
	kithd_signal(beta, SIGKILL);
	kithd_wait(beta);
	/* There may be others, if a node did not run for a while. */
	AWAIT(asker_ask(asker, "{'msgtype':'problems'}") > 0 && asker_find(asker, "kind", "node"));
	run = kith_run("-s %s map", path);
	EXPECT(has(run.out, "3 nodes: 2 alive, 1 gone; 1 link\n") && has(run.out, "\n- beta ") &&
		       has(run.out, ": beta is gone: "),
	       "%s", run.out);
	CU_ASSERT(has(kith_run("-s %s map --html", path).out, "beta is gone"));
}

static void test_a_terminal(void)
{
	static const struct kith_how narrow = {.columns = 32}, wide = {.columns = 200};
	const char *path = fake(pair);
	const char *text = kith_run_as(&narrow, "-s %s map", path).out;
	CU_ASSERT(has(text, "a-node-with"));
	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1) {
		/* Colours take no cell. */
		size_t cells = 0;
		for (const char *character = at; *character != '\n' && *character != '\0'; character++) {
			if (*character == '\033')
				character += strcspn(character, "m");
			else
				cells += *character != '\r';
		}
		EXPECT(cells <= 32, "%zu cells in: %.*s", cells, (int)strcspn(at, "\n"), at);
	}
	CU_ASSERT(has(kith_run_as(&wide, "-s %s map", path).out, "\033["));
	static const char *const environment[] = {"NO_COLOR=1", NULL};
	static const struct kith_how plain = {.columns = 200, .environment = environment};
	CU_ASSERT(!has(kith_run_as(&plain, "-s %s map", path).out, "\033["));
}

static void test_watch(void)
{
	struct kith *kith = kith_spawn("-s %s map --watch=0.1", fake(pair));
	const char *again;
	AWAIT((again = strstr(kith_output(kith), "2 nodes")) != NULL && has(again + 1, "2 nodes"));
	kill(kith_pid(kith), SIGTERM);
	kith_wait(kith);
}

static void test_ends(void)
{
	const char *path = fake(pair);
	static const char *const two[] = {"--svg --html", "--dot --svg", "--watch --html"};
	for (size_t i = 0; i < sizeof two / sizeof *two; i++) {
		struct kith_run run = kith_run("-s %s map %s", path, two[i]);
		EXPECT(run.status == 64 && run.out[0] == '\0' && has(run.err, "choose one of"), "%s: %d %s", two[i],
		       run.status, run.err);
	}
	CU_ASSERT_EQUAL(kith_run("-s %s map everything", path).status, 64);
	CU_ASSERT_EQUAL(kith_run("-s %s.none map", path).status, 69);
	struct kith_run run = kith_run("-s %s map --svg", fake(old));
	EXPECT(run.status == 69 && run.out[0] == '\0' && has(run.err, "the node is older than this kith"), "%d %s%s",
	       run.status, run.out, run.err);
	static const struct kith_how full = {.output = "/dev/full"};
	CU_ASSERT_EQUAL(kith_run_as(&full, "-s %s map --html", path).status, 71);
}

static CU_TestInfo tests[] = {
	{"a real network has pictures, which tell who is gone", test_a_real_network},
	{"a terminal has its width, and colours", test_a_terminal},
	{"--watch goes on", test_watch},
	{"what is wrong is explained", test_ends},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_map = {"map", NULL, NULL, harness_begin, harness_end, tests};
