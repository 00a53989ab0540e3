#include "kithd.h"
#include "runner.h"
#include "suites.h"

/*
 * A network of this many machines, each with an address of its own and the default settings, of which all know the
 * first. That is 4,950 connections: with the 100 calls of ip(8) it takes 11 s of processor time. A build that is slow
 * gets fewer machines, still more than max_per_group.
 */
enum { HOSTS = 100, FEWER_HOSTS = 70, PATIENCE_S = 60 };

static const char *host(const char *network, int number)
{
	return harness_text("%s.%d", network, number);
}

static void start_network(const char *network, struct kithd *nodes[static HOSTS], int hosts)
{
	harness_isolate();
	for (int i = 0; i < hosts; i++)
		harness_ip("address add %s/24 dev lo", host(network, i + 1));
	for (int i = 0; i < hosts; i++)
		nodes[i] =
			kithd_run("-l %s:5999 -b %s:5999 -o name=n%d", host(network, i + 1), host(network, 1), i + 1);
}

static void expect_peers_for_all(struct kithd *nodes[static HOSTS], int hosts)
{
	for (int i = 0; i < hosts; i++)
		AWAIT_WITHIN(PATIENCE_S, kithd_log_count(nodes[i], " is ready after ", "") > 0);
}

static void test_private_addresses(void)
{
	struct kithd *nodes[HOSTS];
	int hosts = harness_slowness() > 1 ? FEWER_HOSTS : HOSTS;
	if (!harness_is_root("each of 100 machines of one network becomes a member"))
		return;
	start_network("10.66.0", nodes, hosts);
	expect_peers_for_all(nodes, hosts);
	for (int i = 0; i < hosts; i++)
		EXPECT(kithd_log_count(nodes[i], "max_per_", "") == 0, "%s", kithd_log(nodes[i]));
}

/* Nine nodes and more behind one public address, as behind a router: all of them are peers. */
static void test_one_public_address(void)
{
	enum { NODES = 16 };
	struct kithd *nodes[NODES];
	if (!harness_is_root("each of 16 nodes behind one public address becomes a member"))
		return;
	harness_isolate();
	harness_ip("address add 198.51.100.7/32 dev lo");
	harness_ip("address add 203.0.113.1/32 dev lo");
	struct kithd *first = kithd_start_at("203.0.113.1:5999", "-o name=first");
	for (int i = 0; i < NODES; i++)
		nodes[i] = kithd_run("-l 198.51.100.7:%d -b 203.0.113.1:5999", 6000 + i);
	for (int i = 0; i < NODES; i++)
		AWAIT_WITHIN(PATIENCE_S, kithd_log_count(nodes[i], " is ready after ", "") > 0);
	AWAIT_WITHIN(PATIENCE_S, kithd_peers(first) == NODES);
}

static CU_TestInfo tests[] = {
	{"each of 100 machines of one network becomes a member", test_private_addresses},
	{"each of 16 nodes behind one public address becomes a member", test_one_public_address},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_lan = {.pName = "lan", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
