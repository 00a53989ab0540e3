#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asker.h"
#include "kith.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* What monitoring gets: kith check, kith metrics, and the files of conf that go with them. */

#define END "{'msgtype':'end','rows':1}\n"

struct node {
	struct kithd *kithd;
	const char *folder, *path;
};

static struct node start(void)
{
	struct node node = {.folder = harness_make_folder()};
	node.path = harness_text("%s/sock", node.folder);
	node.kithd = kithd_start("-o name=alpha -o control=%s", node.path);
	asker_close(asker_connect(node.path));
	return node;
}

static bool expect_run(struct kith_run run, int status, const char *words)
{
	return EXPECT(run.status == status && strstr(run.out, words) != NULL, "status %d instead of %d: %s%s",
		      run.status, status, run.out, run.err);
}

/* ---- check ---- */

static void test_check(void)
{
	static const struct fake_answer answers[] = {
		{"info", "{'msgtype':'info','peers':2,'problems':[]}\n" END},
		{"peers", "{'msgtype':'peer','state':'ready','rtt_ms':0.4}\n"
			  "{'msgtype':'peer','state':'ready','rtt_ms':0.6}\n" END},
		{NULL, NULL},
	};
	const char *path = harness_text("%s/sock", harness_make_folder());
	expect_run(kith_run("-s %s check", path), 3, "KITH UNKNOWN - ");
	fake_node(path, answers, false);
	expect_run(kith_run("-s %s check", path), 0, "KITH OK - 2 peers, rtt 0.5 ms | peers=2;;1:;0 ");
	expect_run(kith_run("-s %s check --min-peers 3", path), 1, "KITH WARNING - 2 peers (fewer than 3)");
	expect_run(kith_run("-s %s check --max-rtt-critical 0.2", path), 2, "KITH CRITICAL - ");
	expect_run(kith_run("-s %s check --min-peers many", path), 3, "KITH UNKNOWN - --min-peers: ");
	struct node node = start();
	expect_run(kith_run("-s %s check", node.path), 2, "KITH CRITICAL - 0 peers (fewer than 1)");
	raw_join(node.kithd, ALICE, "");
	AWAIT(kith_run("-s %s check", node.path).status <= 1);
}

/* ---- metrics ---- */

/* A line of the text begins with these words. */
static bool has_line(const char *text, const char *words)
{
	for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
		if (at == text || at[-1] == '\n')
			return true;
	return false;
}

static bool is_read_by_promtool(const char *text)
{
	const char *file = harness_write_file(text);
	int status =
		system(harness_text("promtool check metrics <%s", file)); /* NOLINT(cert-env33-c): the test's own */
	return status == 0;
}

/* Where changes are proved it must be there: nobody would notice that it is passed over. */
static bool has_promtool(const char *test)
{
	bool is_there = access("/usr/bin/promtool", X_OK) == 0;
	EXPECT(is_there || getenv("CI") == NULL, "there is no promtool: make deps-dev installs it");
	return harness_can(is_there, test, "there is no promtool (Debian: prometheus)");
}

static void test_metrics(void)
{
	struct node node = start();
	raw_join(node.kithd, ALICE, ",\"name\":\"a\\\"l\\\\ice\"");
	AWAIT(has_line(kith_run("-s %s metrics", node.path).out,
		       "kith_connections{direction=\"in\",state=\"ready\"} 1\n"));
	AWAIT(has_line(kith_run("-s %s metrics --peers 3", node.path).out,
		       "kith_peer_rtt_seconds{nodeid=\"" ALICE "\",name=\"a\\\"l\\\\ice\","));
	struct kith_run run = kith_run("-s %s metrics --peers 3", node.path);
	CU_ASSERT_EQUAL(run.status, 0);
	CU_ASSERT(has_line(run.out, "kith_up 1\n"));
	CU_ASSERT(has_line(run.out, "# TYPE kith_ping_rtt_seconds histogram\n"));
	CU_ASSERT(has_line(run.out, "kith_ping_rtt_seconds_bucket{le=\"+Inf\"} "));
	if (has_promtool("promtool finds nothing in the metrics"))
		CU_ASSERT(is_read_by_promtool(run.out));
}

static void test_metrics_file(void)
{
	struct node node = start();
	const char *file = harness_text("%s/kith.prom", node.folder);
	struct stat status;
	mode_t mask = umask(077);
	struct kith_run run = kith_run("-s %s metrics -w %s", node.path, file);
	umask(mask);
	EXPECT(run.status == 0 && run.out[0] == '\0', "%d %s%s", run.status, run.out, run.err);
	CU_ASSERT(stat(file, &status) == 0 && (status.st_mode & 07777) == 0644);
	CU_ASSERT(has_line(harness_read_file(file), "kith_up 1\n"));
	ino_t before = status.st_ino;
	CU_ASSERT_EQUAL(kith_run("-s %s metrics -w %s", node.path, file).status, 0);
	CU_ASSERT(stat(file, &status) == 0 && status.st_ino != before);
	/* What a node said last is not what it says now. */
	kithd_stop(node.kithd, SIGTERM);
	CU_ASSERT_EQUAL(kith_run("-s %s metrics -w %s", node.path, file).status, 69);
	CU_ASSERT(has_line(harness_read_file(file), "kith_up 0\n"));
	CU_ASSERT(strstr(harness_read_file(file), "kith_uptime_seconds") == NULL);
	run = kith_run("-s %s metrics -w /no/such/folder/kith.prom", node.path);
	EXPECT(run.status == 69 && strstr(run.err, "/no/such/folder/kith.prom") != NULL, "%d %s", run.status, run.err);
	CU_ASSERT_EQUAL(kith_run("-s %s metrics", node.path).status, 69);
}

/* ---- conf ---- */

static const char *document(const char *path)
{
	const char *text = harness_read_file(path);
	if (text == NULL)
		harness_fail("cannot read %s: run this at the top of the source tree", path);
	return text;
}

/* Every name in the text that begins with kith_ is that of a sample. */
static void expect_names(const char *path, const char *metrics)
{
	size_t count = 0;
	for (const char *at = document(path); (at = strstr(at, "kith_")) != NULL; count++) {
		size_t length = 0;
		while (isalnum((unsigned char)at[length]) || at[length] == '_')
			length++;
		const char *name = harness_text("%.*s", (int)length, at);
		EXPECT(has_line(metrics, harness_text("%s{", name)) || has_line(metrics, harness_text("%s ", name)),
		       "%s: there is no metric %s", path, name);
		at += length;
	}
	EXPECT(count > 5, "%s names %zu metrics", path, count);
}

static void test_documents(void)
{
	struct node node = start();
	const char *metrics = kith_run("-s %s metrics", node.path).out;
	expect_names("conf/kith.rules.yml", metrics);
	expect_names("conf/kith-dashboard.json", metrics);
	struct json_object *dashboard = json_tokener_parse(document("conf/kith-dashboard.json"));
	CU_ASSERT(json_object_is_type(json_object_object_get(dashboard, "panels"), json_type_array));
	json_object_put(dashboard);
	if (has_promtool("promtool accepts the alert rules"))
		CU_ASSERT_EQUAL(system("promtool check rules conf/kith.rules.yml >/dev/null"),
				0); /* NOLINT(cert-env33-c) */
}

/* Starts a command of a shell; its output goes to the file. */
static pid_t run_in_background(const char *command, const char *file)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	execl("/bin/sh", "sh", "-c", harness_text("exec %s >%s", command, file), (char *)NULL);
	_exit(127);
}

/* The program tells that a peer goes, and ends when the node does. */
static void expect_example(const char *command)
{
	struct node node = start();
	struct asker *asker = asker_connect(node.path);
	const char *output = harness_text("%s/output", node.folder);
	pid_t pid = run_in_background(harness_text("%s %s", command, node.path), output);
	/* It watches once there is a request that isn't the asker's. */
	int asked = 0;
	AWAIT((asked++, asker_ask(asker, "{'msgtype':'metrics'}"),
	       asker_find(asker, "name", "kith_control_requests_total"), asker_number(asker, "value") > asked));
	for (int i = 0; i < 2; i++) {
		int64_t since_us = clock_now_us();
		struct raw *raw = raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
		raw_send(raw, "{\"msgtype\":\"bye\",\"reason\":\"shutdown\"}");
		raw_expect_end(raw);
		harness_pause(since_us);
	}
	AWAIT(harness_read_file(output) != NULL &&
	      strstr(harness_read_file(output), "Z alice left it is shutting down\n") != NULL);
	kithd_stop(node.kithd, SIGTERM);
	CU_ASSERT(waitpid(pid, NULL, 0) == pid);
}

static void test_examples(void)
{
	const char *program = harness_text("%s/peer_down", harness_make_folder());
	expect_example("/usr/bin/python3 conf/examples/peer_down.py");
	/* NOLINTNEXTLINE(cert-env33-c): the test's own */
	int status = system(
		harness_text("cc -std=gnu11 -Wall -Wextra -Werror -o %s conf/examples/peer_down.c -ljson-c", program));
	CU_ASSERT_EQUAL_FATAL(status, 0);
	expect_example(program);
}

static CU_TestInfo tests[] = {
	{"check: one line, and 0 to 3", test_check},
	{"metrics are what Prometheus reads", test_metrics},
	{"a file of metrics is replaced, and tells if the node is down", test_metrics_file},
	{"alerts and the dashboard use metrics that exist", test_documents},
	{"the examples tell of peers that go", test_examples},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_monitoring = {"monitoring", NULL, NULL, harness_begin, harness_end, tests};
