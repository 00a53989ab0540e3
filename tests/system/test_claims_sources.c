#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/*
 * What one host gets out of a node by coming again and again, with an honest host beside it. All of these addresses are
 * this machine's, in a namespace of the test.
 */
#define NODE "203.0.113.1"
#define NODE_LISTENS NODE ":5999"
#define ATTACKER "198.51.100.7"
#define HONEST "192.0.2.9"

static bool begin(const char *test)
{
	if (!harness_is_root(test))
		return false;
	harness_isolate();
	harness_ip("route add local " NODE "/32 dev lo");
	harness_ip("route add local 198.51.100.0/24 dev lo");
	harness_ip("route add local 192.0.2.0/24 dev lo");
	return true;
}

static struct kithd *start_node(const char *more)
{
	struct kithd *kithd = kithd_run("-l " NODE_LISTENS " -o name=node -o retry_min=0.05 -o retry_max=0.1%s", more);
	kithd_await_listening(kithd);
	return kithd;
}

static const char *nodeid(unsigned number)
{
	return harness_text("%08x-0000-4000-8000-000000000000", 0x10000000 + number);
}

/* Asks four times, as often as one connection may: how many answers come? */
static int ask_on_a_new_connection(struct kithd *kithd, const char *from, unsigned number)
{
	struct raw *raw = raw_join_from(from, kithd, nodeid(number), "");
	int answers = 0;
	const char *line;
	for (int i = 0; i < 4; i++)
		raw_send(raw, "{\"msgtype\":\"getaddr\"}");
	raw_send(raw, "{\"msgtype\":\"ping\"}");
	while ((line = raw_line(raw)) != NULL && strstr(line, "\"pong\"") == NULL)
		answers += strstr(line, "\"addr\"") != NULL;
	raw_close(raw);
	return answers;
}

/* 64, and 96 in a minute. */
static void test_questions(void)
{
	enum { CONNECTIONS = 60, AT_ONCE = 64 };
	int answers = 0;
	if (!begin("a host that comes and goes is not answered for ever"))
		return;
	struct kithd *kithd = start_node("");
	int64_t since_us = clock_now_us();
	for (unsigned i = 0; i < CONNECTIONS; i++)
		answers += ask_on_a_new_connection(kithd, ATTACKER, i);
	int most = AT_ONCE + 1 + (int)(1.6 * (double)(clock_now_us() - since_us) / 1e6);
	EXPECT(answers >= AT_ONCE && answers <= most, "%d answers", answers);
	CU_ASSERT_EQUAL(ask_on_a_new_connection(kithd, HONEST, CONNECTIONS), 4);
}

/* Counts the entries of a host in what has come, until the address is told. */
static int entries_until_told(struct raw *raw, const char *host, const char *address)
{
	int entries = 0;
	const char *line, *at;
	while ((line = raw_line(raw)) != NULL) {
		for (at = line; (at = strstr(at, host)) != NULL; at++)
			entries++;
		if (strstr(line, address) != NULL)
			return entries;
		if (strstr(line, "\"ping\"") != NULL)
			raw_send(raw, "{\"msgtype\":\"pong\"}");
	}
	harness_fail("the end, before %s was told", address);
}

/* What is announced of one host is a small part of what peers hear from the node: a newcomer is heard of. */
static void test_announcements(void)
{
	enum { CONNECTIONS = 400, AT_ONCE = 50, MOST = 64 };
	struct raw *raws[CONNECTIONS];
	if (!begin("a host that comes and goes does not use up what peers hear from the node"))
		return;
	struct kithd *kithd = start_node("");
	struct raw *listener = raw_join_from(HONEST, kithd, ALICE, "");
	/* Each stays for long enough to be announced. */
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		raws[i] = raw_join_from(ATTACKER, kithd, nodeid(i), harness_text(",\"listen\":%u", 7000 + i));
		if (i >= AT_ONCE)
			raw_close(raws[i - AT_ONCE]);
	}
	kithd_await_listening(kithd_run("-l 192.0.2.10:5999 -b " NODE_LISTENS));
	int entries = entries_until_told(listener, ATTACKER, "192.0.2.10:5999");
	EXPECT(entries <= MOST, "%d entries", entries);
}

/* Somebody from there is a peer, and goes: both are logged. */
static void expect_life_in_log(struct kithd *kithd, const char *from)
{
	raw_close(raw_join_from(from, kithd, BOB, ""));
	AWAIT(kithd_log_count(kithd, from, " is ready after ") == 1);
	AWAIT(kithd_log_count(kithd, from, "; was up ") == 1);
}

static void enter(int namespace)
{
	if (setns(namespace, CLONE_NEWNET) != 0)
		harness_fail("no network namespace");
}

/* Ends in a second namespace, which has the attacker and the honest host: they are no addresses of the node's host. */
static void move_others_away(void)
{
	int here = harness_keep_fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	if (unshare(CLONE_NEWNET) != 0)
		harness_fail("no second network namespace");
	int there = harness_keep_fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	harness_ip("link set lo up");
	harness_ip("link add cable type veth peer name cable netns /proc/%d/fd/%d", (int)getpid(), here);
	harness_ip("address add 10.99.0.2/24 dev cable");
	harness_ip("link set cable up");
	harness_ip("route add local 198.51.100.0/24 dev lo");
	harness_ip("route add local 192.0.2.0/24 dev lo");
	enter(here);
	harness_ip("route del local 198.51.100.0/24 dev lo");
	harness_ip("route del local 192.0.2.0/24 dev lo");
	harness_ip("address add 10.99.0.1/24 dev cable");
	harness_ip("link set cable up");
	harness_ip("route add default via 10.99.0.2");
	enter(there);
	harness_ip("route add default via 10.99.0.1");
}

/* A hello with the node's own nodeid ends its connection and nothing else. */
static void test_own_nodeid(void)
{
	enum { CONNECTIONS = 1000, LINES = 10 };
	if (!begin("a hello with the node's own nodeid fills no log"))
		return;
	struct kithd *kithd = start_node("");
	const char *self = kithd_nodeid(kithd);
	move_others_away();
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct raw *raw = raw_connect_from(ATTACKER, NODE_LISTENS, 0);
		raw_send_hello(raw, self, "");
		raw_expect_bye(raw, "self");
		raw_close(raw);
	}
	size_t lines = kithd_log_count(kithd, "", "");
	EXPECT(lines <= LINES, "%zu lines", lines);
	/* It is no protocol error: a node behind a router that sends its own packets back to it does so too. */
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "is banned", ""), 0);
	expect_life_in_log(kithd, HONEST);
}

/* Nobody listens at any of them; each is on another host. */
static void tell_dead_addresses(struct raw *raw, unsigned network, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[[\"127.%u.%u.%u:9\",\"%s\"]]}", network, i / 250,
			 1 + i % 250, nodeid(1000 * network + i));
}

/* Has the log come to a line that says how many were left out? One in a second may pass. */
static bool has_left_out(struct kithd *kithd, struct raw *raw, unsigned *told)
{
	tell_dead_addresses(raw, 250, (*told)++, 1);
	return kithd_log_count(kithd, " lines like the next one were left out", "") > 0;
}

static void test_dead_addresses(void)
{
	enum { NETWORKS = 8, EACH = 100, MOST = 200 };
	unsigned told = 0;
	struct raw *raw = NULL;
	if (!harness_is_root("dead addresses that are told fill no log"))
		return;
	harness_isolate();
	struct kithd *kithd = kithd_run("-l 127.0.0.1:5999 -o retry_min=0.01 -o retry_max=0.02 -o max_dialing=64");
	kithd_await_listening(kithd);
	int64_t since_us = clock_now_us();
	/* By several hosts, since the book bounds what it keeps of one. */
	for (unsigned i = 0; i < NETWORKS; i++) {
		raw = raw_join_from(harness_text("127.%u.0.1", 100 + i), kithd, nodeid(i), "");
		tell_dead_addresses(raw, 200 + i, 0, EACH);
	}
	AWAIT(has_left_out(kithd, raw, &told));
	size_t most = MOST + 1 + (size_t)((clock_now_us() - since_us) / 1000000);
	size_t lines = kithd_log_count(kithd, "cannot be reached", "");
	EXPECT(lines >= MOST && lines <= most, "%zu lines", lines);
	expect_life_in_log(kithd, "127.99.0.1");
}

static void expect_banned(struct kithd *kithd, const char *from, bool is_banned)
{
	struct raw *raw = raw_connect_from(from, kithd_address(kithd), 0);
	raw_send_hello(raw, ALICE, ",\"feeler\":true");
	EXPECT((raw_line(raw) == NULL) == is_banned, "%s", from);
	raw_close(raw);
}

static void err_from(struct kithd *kithd, const char *from)
{
	struct raw *raw = raw_connect_from(from, kithd_address(kithd), 0);
	raw_send(raw, "[]");
	raw_expect_end(raw);
	raw_close(raw);
}

/* For IPv6, a local route alone does not allow to bind to its addresses. */
static void allow_any_address(void)
{
	int fd = harness_keep_fd(open("/proc/sys/net/ipv6/ip_nonlocal_bind", O_WRONLY | O_CLOEXEC));
	if (write(fd, "1", 1) != 1)
		harness_fail("cannot write ip_nonlocal_bind");
}

static struct kithd *start_on_ipv6(const char *test, int ban_after)
{
	if (!harness_is_root(test))
		return NULL;
	harness_isolate();
	/* Not an address of lo: Linux makes the local route of one later, in a work queue. */
	harness_ip("-6 route add local 2001:db8::1/128 dev lo");
	harness_ip("-6 route add local 2001:db8:7::/48 dev lo");
	harness_ip("-6 route add local 2001:db9::/32 dev lo");
	allow_any_address();
	struct kithd *kithd = kithd_run("-l [2001:db8::1]:5999 -o ban_after=%d", ban_after);
	kithd_await_listening(kithd);
	return kithd;
}

static void test_a_64_is_banned(void)
{
	struct kithd *kithd = start_on_ipv6("a /64 is banned as one host", 3);
	if (kithd == NULL)
		return;
	err_from(kithd, "2001:db8:7:1::1");
	err_from(kithd, "2001:db8:7:1:aaaa::2");
	expect_banned(kithd, "2001:db8:7:1::3", false);
	err_from(kithd, "2001:db8:7:1:bbbb:1:2:3");
	expect_banned(kithd, "2001:db8:7:1::9", true);
	expect_banned(kithd, "2001:db8:7:2::1", false);
	expect_banned(kithd, "2001:db9:7:1::1", false);
}

static void test_bans_of_others_stay(void)
{
	enum { HOSTS = 1100 };
	struct kithd *kithd = start_on_ipv6("a network pushes out no bans of others", 1);
	if (kithd == NULL)
		return;
	err_from(kithd, "2001:db9::1");
	for (unsigned i = 0; i < HOSTS; i++)
		err_from(kithd, harness_text("2001:db8:7:%x::1", i));
	expect_banned(kithd, "2001:db9::1", true);
	expect_banned(kithd, harness_text("2001:db8:7:%x::1", HOSTS - 1), true);
	expect_banned(kithd, "2001:db8:7:0::1", false);
}

static CU_TestInfo tests[] = {
	{"a host that comes and goes is not answered for ever", test_questions},
	{"a host that comes and goes does not use up what peers hear from the node", test_announcements},
	{"a hello with the node's own nodeid fills no log", test_own_nodeid},
	{"dead addresses that are told fill no log", test_dead_addresses},
	{"a /64 is banned as one host", test_a_64_is_banned},
	{"a network pushes out no bans of others", test_bans_of_others_stay},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_claims_sources = {
	.pName = "claims-sources", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
