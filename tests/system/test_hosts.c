#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"

/* Two hosts on one cable: network namespaces. The test is in the second one until it says otherwise. */
struct hosts {
	int one, other;
};

#define ONE "10.99.0.1"
#define OTHER "10.99.0.2"
/* In full, since clang-tidy takes two literals side by side in a list for a missing comma. */
#define ONE_LISTENS "10.99.0.1:5999"
#define OTHER_LISTENS "10.99.0.2:5999"
#define ONE_ANYWHERE "10.99.0.1:0"
#define NODEID_ALICE "nodeid=a11ce000-0000-4000-8000-000000000001"

static void enter(int namespace)
{
	if (setns(namespace, CLONE_NEWNET) != 0)
		harness_fail("no network namespace");
}

static struct hosts two_hosts(void)
{
	struct hosts hosts;
	harness_isolate();
	hosts.one = harness_keep_fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	if (unshare(CLONE_NEWNET) != 0)
		harness_fail("no second network namespace");
	hosts.other = harness_keep_fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	harness_ip("link set lo up");
	harness_ip("link add cable type veth peer name cable netns /proc/%d/fd/%d", (int)getpid(), hosts.one);
	harness_ip("address add " OTHER "/24 dev cable");
	harness_ip("link set cable up");
	enter(hosts.one);
	harness_ip("address add " ONE "/24 dev cable");
	harness_ip("link set cable up");
	return hosts;
}

static bool enter_before(const void *namespace)
{
	return setns(*(const int *)namespace, CLONE_NEWNET) == 0;
}

static struct kithd *start_on(int namespace, const char *host, const char *option, const char *value)
{
	const char *argv[] = {
		"-l", harness_text("%s:5999", host), "-o", "retry_min=0.05", "-o", "retry_max=0.1", option, value,
		NULL};
	struct kithd *kithd =
		kithd_launch(&(struct launch){.argv = argv, .prepare = enter_before, .given = &namespace});
	kithd_await_listening(kithd);
	return kithd;
}

static void test_mesh_of_hosts(void)
{
	if (!harness_is_root("nodes on two hosts become a mesh"))
		return;
	struct hosts hosts = two_hosts();
	struct kithd *one = start_on(hosts.one, ONE, "-o", "name=one");
	struct kithd *other = start_on(hosts.other, OTHER, "-b", ONE);
	AWAIT(kithd_cell_is(one, kithd_nodeid(other), "LISTEN", OTHER_LISTENS));
	AWAIT(kithd_cell_is(other, kithd_nodeid(one), "LISTEN", ONE_LISTENS));
}

static void test_one_nodeid_on_two_hosts(void)
{
	if (!harness_is_root("two hosts with one nodeid get a warning"))
		return;
	struct hosts hosts = two_hosts();
	enter(hosts.other);
	struct raw *twin = raw_listen(OTHER_LISTENS);
	struct kithd *kithd = start_on(hosts.one, ONE, "-b", OTHER);
	struct raw *raw = raw_accept(twin);
	raw_expect_next(raw, "hello");
	raw_send_hello(raw, kithd_nodeid(kithd), "");
	raw_expect_end(raw);
	AWAIT(kithd_log_count(kithd, " warning ", OTHER) == 1);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, " warning ", "nodeid"), 1);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 0);
}

static void test_reaching_oneself_is_no_warning(void)
{
	if (!harness_is_root("a node that reaches itself by another address gets no warning"))
		return;
	struct hosts hosts = two_hosts();
	struct kithd *kithd = start_on(hosts.one, "0.0.0.0", "-b", ONE);
	enter(hosts.other);
	/* Bob, who is dialled again and again, while the node's own address is not. */
	struct raw *other = raw_listen(OTHER_LISTENS);
	struct raw *teller = raw_connect_from(OTHER, ONE_LISTENS, 0);
	raw_shake_hands(teller, ALICE, "");
	raw_send(teller, "{\"msgtype\":\"addr\",\"peers\":[[\"" OTHER ":5999\",\"" BOB "\"]]}");
	raw_answer_hello(raw_accept(other), BOB, "");
	AWAIT(kithd_peers(kithd) == 2 && kithd_has_peer(kithd, ALICE) && kithd_has_peer(kithd, BOB));
	CU_ASSERT_EQUAL(kithd_log_lines(kithd, " warning "), 0);
}

/* A second cable, as another network; ends in the namespace of the first host. */
static void add_second_cable(const struct hosts *hosts)
{
	enter(hosts->other);
	harness_ip("link add second type veth peer name second netns /proc/%d/fd/%d", (int)getpid(), hosts->one);
	harness_ip("address add 10.98.0.2/24 dev second");
	harness_ip("link set second up");
	enter(hosts->one);
	harness_ip("address add 10.98.0.1/24 dev second");
	harness_ip("link set second up");
}

static struct kithd *launch_on(int namespace, const char *const *argv)
{
	struct kithd *kithd =
		kithd_launch(&(struct launch){.argv = argv, .prepare = enter_before, .given = &namespace});
	kithd_await_listening(kithd);
	return kithd;
}

static void test_two_networks(void)
{
	if (!harness_is_root("a machine in two networks dials into each from its address there"))
		return;
	struct hosts hosts = two_hosts();
	add_second_cable(&hosts);
	struct kithd *other = start_on(hosts.other, "0.0.0.0", "-o", "name=other");
	const char *argv[] = {"-l", ONE_LISTENS, "-l", "10.98.0.1:5999", "-b", "10.98.0.2", NULL};
	struct kithd *one = launch_on(hosts.one, argv);
	AWAIT(kithd_cell_is(other, kithd_nodeid(one), "LISTEN", "10.98.0.1:5999"));
}

/* The first listening address goes away while the node runs: the second still serves. */
static void test_first_network_goes(void)
{
	if (!harness_is_root("a machine that loses one of its two networks still dials into the other"))
		return;
	struct hosts hosts = two_hosts();
	add_second_cable(&hosts);
	const char *argv[] = {"-l", ONE_LISTENS,      "-l", "10.98.0.1:5999", "-b", "10.98.0.2",
			      "-o", "retry_min=0.05", "-o", "retry_max=0.1",  NULL};
	struct kithd *one = launch_on(hosts.one, argv);
	harness_ip("address del " ONE "/24 dev cable");
	struct kithd *other = start_on(hosts.other, "10.98.0.2", "-o", "name=other");
	AWAIT(kithd_cell_is(other, kithd_nodeid(one), "LISTEN", "10.98.0.1:5999"));
}

/* Several addresses in one network, of which the kernel prefers another than the one that the node listens on. */
static void test_second_address_of_an_interface(void)
{
	if (!harness_is_root("a node on the second address of an interface dials from that one"))
		return;
	struct hosts hosts = two_hosts();
	harness_ip("address add 10.99.0.11/24 dev cable");
	struct kithd *other = start_on(hosts.other, OTHER, "-o", "name=other");
	struct kithd *one = start_on(hosts.one, "10.99.0.11", "-b", OTHER);
	AWAIT(kithd_cell_is(other, kithd_nodeid(one), "LISTEN", "10.99.0.11:5999"));
}

static void test_cut_cable(void)
{
	if (!harness_is_root("a cut cable is noticed, and the peer comes back when it is mended"))
		return;
	struct hosts hosts = two_hosts();
	static const char *const timing[] = {"-o", "ping_interval=0.3",	 "-o", "ping_timeout=0.3",
					     "-o", "retry_min=0.1",	 "-o", "retry_max=0.2",
					     "-o", "connect_timeout=0.3"};
	const char *argv[2][16] = {{"-l", ONE_LISTENS}, {"-l", OTHER_LISTENS, "-b", ONE}};
	struct kithd *nodes[2];
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < 10; j++)
			argv[i][(i == 0 ? 2 : 4) + j] = timing[j];
		nodes[i] = kithd_launch(&(struct launch){
			.argv = argv[i], .prepare = enter_before, .given = i == 0 ? &hosts.one : &hosts.other});
		kithd_await_listening(nodes[i]);
	}
	AWAIT(kithd_peers(nodes[0]) == 1 && kithd_peers(nodes[1]) == 1);
	enter(hosts.one);
	harness_ip("link set cable down");
	AWAIT(kithd_peers(nodes[0]) == 0);
	AWAIT(kithd_peers(nodes[1]) == 0);
	harness_ip("link set cable up");
	AWAIT(kithd_peers(nodes[0]) == 1 && kithd_peers(nodes[1]) == 1);
}

/* The network comes late: nothing waits for the next retry, and nothing is forgotten. */
static void test_network_comes_late(void)
{
	if (!harness_is_root("a node dials as soon as its network is there"))
		return;
	struct hosts hosts = two_hosts();
	harness_ip("link set cable down");
	const char *argv[] = {"-l", "0.0.0.0:5999", "-b", OTHER, "-o", "retry_min=600", "-o", "retry_max=600", NULL};
	struct kithd *one = launch_on(hosts.one, argv);
	AWAIT(kithd_log_count(one, " info ", "cannot be dialled from this machine: network is unreachable") == 1);
	struct kithd *other = start_on(hosts.other, OTHER, "-o", "name=other");
	harness_ip("link set cable up");
	AWAIT(kithd_cell_is(one, kithd_nodeid(other), "STATE", "READY"));
	CU_ASSERT_EQUAL(kithd_log_count(one, " info ", "can be dialled from this machine again"), 1);
}

static void test_signal_dials(void)
{
	if (!harness_is_root("SIGHUP dials an address that waits"))
		return;
	struct hosts hosts = two_hosts();
	const char *argv[] = {"-l", ONE_LISTENS, "-b", OTHER, "-o", "retry_min=600", "-o", "retry_max=600", NULL};
	struct kithd *one = launch_on(hosts.one, argv);
	AWAIT(kithd_log_count(one, " info ", "connection refused") == 1);
	struct kithd *other = start_on(hosts.other, OTHER, "-o", "name=other");
	kithd_signal(one, SIGHUP);
	AWAIT(kithd_cell_is(one, kithd_nodeid(other), "STATE", "READY"));
}

/* An address goes, another comes: both ends get rid of the old connection by what they see themselves. */
static void test_address_changes(void)
{
	if (!harness_is_root("a machine that gets another address is a peer again soon"))
		return;
	struct hosts hosts = two_hosts();
	const char *argv[] = {"-l", "0.0.0.0:5999",  "-b", OTHER,	 "-o", "retry_min=0.5",
			      "-o", "retry_max=0.5", "-o", NODEID_ALICE, NULL};
	struct kithd *other = start_on(hosts.other, OTHER, "-o", "handshake_timeout=0.2");
	struct kithd *one = launch_on(hosts.one, argv);
	AWAIT(kithd_cell_is(other, ALICE, "LISTEN", ONE_LISTENS));
	harness_ip("address add 10.99.0.3/24 dev cable");
	harness_ip("address del " ONE "/24 dev cable");
	harness_ip("address replace 10.99.0.3/24 dev cable");
	AWAIT(kithd_log_count(one, " info ", ONE " is no longer an address of this machine") == 1);
	AWAIT(kithd_log_count(other, " info ", "no acknowledgement from its host for 5 s") == 1);
	AWAIT(kithd_cell_is(other, ALICE, "LISTEN", "10.99.0.3:5999"));
	AWAIT(kithd_cell_is(one, kithd_nodeid(other), "STATE", "READY"));
}

/* As when a lease is renewed. */
static void test_address_comes_back(void)
{
	if (!harness_is_root("an address that comes back at once ends no connection"))
		return;
	struct hosts hosts = two_hosts();
	struct kithd *other = start_on(hosts.other, OTHER, "-o", "name=other");
	const char *argv[] = {"-l", "0.0.0.0:5999",    "-b", OTHER, "-o", "ping_interval=0.2",
			      "-o", "log_level=debug", NULL};
	struct kithd *one = launch_on(hosts.one, argv);
	AWAIT(kithd_cell_is(one, kithd_nodeid(other), "STATE", "READY"));
	harness_ip("address del " ONE "/24 dev cable");
	harness_ip("address add " ONE "/24 dev cable");
	AWAIT(kithd_log_count(one, " debug ", "the network of this machine has changed") > 0);
	/* When it would have ended, it is pinged again and again. */
	AWAIT(kithd_cell_number(one, kithd_nodeid(other), "UP_S") > 3);
	CU_ASSERT_EQUAL(kithd_log_count(one, "is no longer an address", ""), 0);
}

/* A claim ends nothing, whatever the far end's program does: its host acknowledges. */
static void test_hung_peer_keeps_its_place(void)
{
	if (!harness_is_root("a hung peer keeps its place while its host is there"))
		return;
	struct hosts hosts = two_hosts();
	struct kithd *one = start_on(hosts.one, ONE, "-o", "name=one");
	enter(hosts.other);
	struct raw *hung = raw_connect_from(OTHER, ONE_LISTENS, 0);
	raw_shake_hands(hung, ALICE, "");
	raw_ping_next(hung);
	struct raw *liar = raw_connect_from(OTHER, ONE_LISTENS, 0);
	raw_send_hello(liar, ALICE, "");
	raw_expect_bye(liar, "duplicate");
	raw_expect_next(hung, "ping");
	AWAIT(kithd_cell_number(one, ALICE, "RTT_MS") > 7000);
	CU_ASSERT_EQUAL(kithd_log_count(one, "no acknowledgement", ""), 0);
	CU_ASSERT(kithd_has_peer(one, ALICE));
}

/*
 * A power cut: the other host's kernel knows nothing of its old connections. Nothing was left to acknowledge, so that
 * nothing is sent again. Returns the namespace in which it starts again, which the test is in.
 */
static int cut_power(const struct hosts *hosts, struct kithd *one, const char *nodeid)
{
	AWAIT(kithd_cell_number(one, nodeid, "HEARD_S") > 0.1);
	if (unshare(CLONE_NEWNET) != 0)
		harness_fail("no third network namespace");
	int again = harness_keep_fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	enter(hosts->other);
	harness_ip("link set cable netns /proc/%d/fd/%d", (int)getpid(), again);
	enter(again);
	harness_ip("address add " OTHER "/24 dev cable");
	harness_ip("link set cable up");
	return again;
}

/* A new node at the same address. */
static void test_reinstalled(void)
{
	if (!harness_is_root("a node that is installed again replaces the old one at once"))
		return;
	struct hosts hosts = two_hosts();
	struct kithd *one = start_on(hosts.one, ONE, "-o", "name=one");
	const char *argv[] = {"-l", "0.0.0.0:5999", "-b", ONE, NULL};
	struct kithd *before = launch_on(hosts.other, argv);
	AWAIT(kithd_cell_is(one, kithd_nodeid(before), "LISTEN", OTHER_LISTENS));
	struct kithd *after = launch_on(cut_power(&hosts, one, kithd_nodeid(before)), argv);
	AWAIT(kithd_cell_is(one, kithd_nodeid(after), "LISTEN", OTHER_LISTENS));
	AWAIT_WITHIN(5, kithd_peers(one) == 1);
}

/* The same node: its first dial is refused as a duplicate, and the other node finds out that the old one is dead. */
static void test_back_after_a_power_cut(void)
{
	if (!harness_is_root("a node that starts again after a power cut is back within 2 seconds"))
		return;
	struct hosts hosts = two_hosts();
	struct kithd *one = start_on(hosts.one, ONE, "-o", "name=one");
	const char *argv[] = {"-l", "0.0.0.0:5999", "-b", ONE, "-o", NODEID_ALICE, NULL};
	launch_on(hosts.other, argv);
	AWAIT(kithd_cell_is(one, ALICE, "LISTEN", OTHER_LISTENS));
	int again = cut_power(&hosts, one, ALICE);
	int64_t since_us = clock_now_us();
	struct kithd *after = launch_on(again, argv);
	AWAIT(kithd_has_peer(after, kithd_nodeid(one)));
	CU_ASSERT(clock_now_us() - since_us <= (int64_t)(2e6 * harness_slowness()));
	AWAIT(kithd_has_peer(one, ALICE));
	CU_ASSERT(kithd_log_count(one, " failed: connection reset", "") == 1);
}

/* A power cut, and the same node on another machine: the old connection has no other end. */
static void test_restarts_elsewhere(void)
{
	if (!harness_is_root("a node that restarts elsewhere is back soon, and is no double"))
		return;
	struct hosts hosts = two_hosts();
	add_second_cable(&hosts);
	struct kithd *one = start_on(hosts.one, "0.0.0.0", "-o", "handshake_timeout=1");
	const char *argv[2][10] = {
		{"-l", OTHER_LISTENS, "-b", ONE, "-o", NODEID_ALICE, NULL},
		{"-l", "10.98.0.2:5999", "-b", "10.98.0.1", "-o", NODEID_ALICE, "-o", "retry_max=1", NULL}};
	struct kithd *before = launch_on(hosts.other, argv[0]);
	AWAIT(kithd_cell_is(one, ALICE, "LISTEN", OTHER_LISTENS));
	/* It does not see how it loses its address. */
	kithd_signal(before, SIGSTOP);
	enter(hosts.other);
	harness_ip("address del " OTHER "/24 dev cable");
	struct kithd *after = launch_on(hosts.other, argv[1]);
	AWAIT(kithd_cell_is(one, ALICE, "LISTEN", "10.98.0.2:5999"));
	CU_ASSERT_EQUAL(kithd_log_count(after, "the same nodeid", ""), 0);
	kithd_signal(before, SIGKILL);
	kithd_wait(before);
}

/* What one tells other is too long for the way there; the handshake and pings are not. */
static void test_black_hole(void)
{
	enum { MEMBERS = 12 };
	static const char rules[] =
		"nft 'add table ip hole; add chain ip hole in { type filter hook input priority 0; }; "
		"add rule ip hole in iifname cable meta length > 600 drop' 2>/dev/null";
	if (!harness_is_root("a path that loses large packets is named"))
		return;
	struct hosts hosts = two_hosts();
	enter(hosts.other);
	bool has_rules = system(rules) == 0; /* NOLINT(cert-env33-c): a fixed command of the test's own */
	if (!harness_can(has_rules, "a path that loses large packets is named", "there is no nft"))
		return;
	enter(hosts.one);
	struct kithd *one = start_on(hosts.one, ONE, "-o", "max_per_address=0");
	/* One tells only of those that it has found where they listen. */
	const char *member[] = {"-l", ONE_ANYWHERE, "-b", ONE, "-o", "max_outbound=1", NULL};
	for (int i = 0; i < MEMBERS; i++)
		launch_on(hosts.one, member);
	AWAIT(kithd_peers(one) == MEMBERS && kithd_rows(one, "LISTEN", "-") == 0);
	const char *argv[] = {"-l", OTHER_LISTENS, "-b", ONE, "-o", "ping_timeout=3", "-o", "retry_max=1", NULL};
	struct kithd *other = launch_on(hosts.other, argv);
	AWAIT(kithd_log_count(one, " warning ", ". Large packets do not get through to it (MTU?): lower the MTU") >= 1);
	CU_ASSERT(kithd_log_count(one, "dropped this node: it got no answer from us in time", OTHER) >= 2);
	CU_ASSERT(kithd_log_count(other, ONE, " is ready after ") >= 2);
}

static CU_TestInfo tests[] = {
	{"a node that restarts elsewhere is back soon, and is no double", test_restarts_elsewhere},
	{"a node that is installed again replaces the old one at once", test_reinstalled},
	{"a node that starts again after a power cut is back within 2 seconds", test_back_after_a_power_cut},
	{"a machine that gets another address is a peer again soon", test_address_changes},
	{"an address that comes back at once ends no connection", test_address_comes_back},
	{"a hung peer keeps its place while its host is there", test_hung_peer_keeps_its_place},
	{"a node dials as soon as its network is there", test_network_comes_late},
	{"SIGHUP dials an address that waits", test_signal_dials},
	{"nodes on two hosts become a mesh", test_mesh_of_hosts},
	{"two hosts with one nodeid get a warning", test_one_nodeid_on_two_hosts},
	{"a node that reaches itself by another address gets no warning", test_reaching_oneself_is_no_warning},
	{"a path that loses large packets is named", test_black_hole},
	{"a cut cable is noticed, and the peer comes back when it is mended", test_cut_cable},
	{"a machine in two networks dials into each from its address there", test_two_networks},
	{"a machine that loses one of its two networks still dials into the other", test_first_network_goes},
	{"a node on the second address of an interface dials from that one", test_second_address_of_an_interface},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_hosts = {
	.pName = "hosts", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
