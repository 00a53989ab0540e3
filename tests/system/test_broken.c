#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "asker.h"
#include "kith.h"
#include "kithd.h"
#include "suites.h"

/* Three hosts on a bridge, in network namespaces, and a broken path between two of them: the third one names it. */

enum { HOSTS = 3 };

static const char *const names[HOSTS] = {"alpha", "beta", "gamma"};

struct host {
	int namespace;
	const char *address, *path, *nodeid;
	struct kithd *kithd;
};

static void enter(int namespace)
{
	if (setns(namespace, CLONE_NEWNET) != 0)
		harness_fail("no network namespace");
}

static bool enter_before(const void *namespace)
{
	return setns(*(const int *)namespace, CLONE_NEWNET) == 0;
}

static int own_namespace(void)
{
	return harness_keep_fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

static void add_host(struct host *host, int number, int hub)
{
	if (unshare(CLONE_NEWNET) != 0)
		harness_fail("no network namespace");
	host->namespace = own_namespace();
	host->address = harness_text("10.99.0.%d", number + 1);
	harness_ip("link set lo up");
	harness_ip("link add cable type veth peer name cable%d netns /proc/%d/fd/%d", number, (int)getpid(), hub);
	harness_ip("address add %s/24 dev cable", host->address);
	harness_ip("link set cable up");
	enter(hub);
	harness_ip("link set cable%d master bridge up", number);
}

/* Silence is noticed sooner than by default. */
static void start(struct host *host, int number)
{
	host->path = harness_text("%s/sock", harness_make_folder());
	const char *argv[] = {"-l", harness_text("%s:5999", host->address),
			      "-o", harness_text("name=%s", names[number]),
			      "-o", harness_text("control=%s", host->path),
			      "-o", "silent_after=1",
			      "-o", "ping_timeout=4",
			      "-o", "retry_max=1",
			      "-b", "10.99.0.1",
			      NULL};
	host->kithd = kithd_launch(&(struct launch){.argv = argv, .prepare = enter_before, .given = &host->namespace});
	kithd_await_listening(host->kithd);
	host->nodeid = kithd_nodeid(host->kithd);
}

static void start_all(struct host hosts[static HOSTS])
{
	harness_isolate();
	int hub = own_namespace();
	harness_ip("link add bridge type bridge");
	harness_ip("link set bridge up");
	for (int i = 0; i < HOSTS; i++)
		add_host(&hosts[i], i, hub);
	for (int i = 0; i < HOSTS; i++)
		start(&hosts[i], i);
}

static bool has(const char *text, const char *words)
{
	return strstr(text, words) != NULL;
}

/* What one sends to the other is lost without an error: it goes to a host that does not exist. */
static void cut(const struct host *one, const struct host *other)
{
	enter(one->namespace);
	harness_ip("neigh replace %s lladdr 02:00:00:00:00:63 nud permanent dev cable", other->address);
}

static void heal(const struct host *one, const struct host *other)
{
	enter(one->namespace);
	harness_ip("neigh del %s dev cable", other->address);
}

/* Is there a problem between two nodes? There may be others, if nodes did not run for a while. */
static bool has_broken_link(struct asker *asker)
{
	asker_ask(asker, "{'msgtype':'problems'}");
	return asker_find(asker, "kind", "link");
}

/* The next event of that kind. */
static void await_event(struct asker *watcher, const char *kind)
{
	do
		asker_expect(watcher, "event");
	while (!asker_is(watcher, "kind", kind));
}

static void test_broken_path(void)
{
	enum { NAMED_S = 30, HEALED_S = 60 };
	struct host hosts[HOSTS];
	if (!harness_is_root("a broken path between two nodes is named by a third"))
		return;
	start_all(hosts);
	struct asker *gamma = asker_connect(hosts[2].path), *watcher = asker_connect(hosts[2].path),
		     *other_watcher = asker_connect(hosts[2].path);
	AWAIT(asker_ask(gamma, "{'msgtype':'links'}") == HOSTS);
	asker_send(watcher, "{'msgtype':'watch','since':0,'kinds':['problem','problem_over']}");
	asker_send(other_watcher, "{'msgtype':'watch','since':0,'kinds':['link_down','link_up']}");
	cut(&hosts[0], &hosts[1]);
	AWAIT_WITHIN(NAMED_S, has_broken_link(gamma));
	CU_ASSERT(asker_is(gamma, "subject_count", "2"));
	CU_ASSERT(has(asker_value(gamma, "subjects"), hosts[0].nodeid));
	CU_ASSERT(has(asker_value(gamma, "subjects"), hosts[1].nodeid));
	CU_ASSERT(has(asker_value(gamma, "advice"), "firewall or route"));
	do
		await_event(watcher, "problem");
	while (!asker_is(watcher, "value", "link"));
	AWAIT_WITHIN(NAMED_S,
		     asker_ask(gamma, "{'msgtype':'links','peer':'alpha'}") == 2 && asker_find(gamma, "state", "down"));
	CU_ASSERT(asker_number(gamma, "down_s") >= 0 && !asker_is(gamma, "one_says", "null"));
	struct kith_run run = kith_run("-s %s why alpha beta", hosts[2].path);
	CU_ASSERT(has(run.out, "alpha and beta can't talk since ") && has(run.out, "; both talk to 1 other\n") &&
		  has(run.out, "\n  alpha says  ") && has(run.out, "\n  Probably a firewall or route "));
	asker_expect(other_watcher, "event");
	CU_ASSERT(asker_is(other_watcher, "kind", "link_down") && !asker_is(other_watcher, "other", "null"));
	heal(&hosts[0], &hosts[1]);
	AWAIT_WITHIN(HEALED_S, !has_broken_link(gamma));
	asker_expect(other_watcher, "event");
	CU_ASSERT(asker_is(other_watcher, "kind", "link_up"));
	do
		await_event(watcher, "problem_over");
	while (!asker_is(watcher, "value", "link"));
}

static CU_TestInfo tests[] = {
	{"a broken path between two nodes is named by a third", test_broken_path},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_broken = {
	.pName = "broken", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
