#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"

enum { MESH_S = 20, MANY = 20 };

/* Is there one row for each other node, ready? Feelers, which find out where peers listen, have rows for a moment. */
static bool has_settled(struct kithd *kithd, int peers, int *outbound)
{
	const char *table = kithd_table(kithd);
	int rows = 0;
	while (shown_cell(table, rows, "NODEID") != NULL) {
		if (strcmp(shown_cell(table, rows, "STATE"), "READY") != 0)
			return false;
		*outbound += strcmp(shown_cell(table, rows, "DIR"), "out") == 0;
		rows++;
	}
	return rows == peers;
}

/* Each connection is one node's dial. */
static bool is_full_mesh(struct kithd *const *nodes, int count)
{
	int outbound = 0;
	for (int i = 0; i < count; i++)
		if (!has_settled(nodes[i], count - 1, &outbound))
			return false;
	return outbound == count * (count - 1) / 2;
}

static void become_full_mesh(struct kithd *const *nodes, int count)
{
	for (int i = 0; i < count; i++)
		kithd_await_listening(nodes[i]);
	AWAIT_WITHIN(MESH_S, is_full_mesh(nodes, count));
	for (int i = 0; i < count; i++)
		for (int j = 0; j < i; j++)
			CU_ASSERT_EQUAL(kithd_rows(nodes[i], "NODEID", kithd_nodeid(nodes[j])), 1);
}

static void test_pair(void)
{
	struct kithd *nodes[2];
	nodes[0] = kithd_plain();
	nodes[1] = kithd_start("-b %s", kithd_address(nodes[0]));
	become_full_mesh(nodes, 2);
	AWAIT(kithd_cell_is(nodes[0], kithd_nodeid(nodes[1]), "LISTEN", kithd_address(nodes[1])));
	AWAIT(kithd_cell_is(nodes[1], kithd_nodeid(nodes[0]), "LISTEN", kithd_address(nodes[0])));
}

static void test_chain(void)
{
	enum { CHAIN = 5 };
	struct kithd *nodes[CHAIN];
	nodes[0] = kithd_plain();
	for (int i = 1; i < CHAIN; i++)
		nodes[i] = kithd_start("-b %s", kithd_address(nodes[i - 1]));
	become_full_mesh(nodes, CHAIN);
}

static void test_chain_at_once(void)
{
	enum { CHAIN = 5 };
	struct kithd *nodes[CHAIN];
	const char *addresses[CHAIN];
	for (int i = 0; i < CHAIN; i++)
		addresses[i] = harness_address();
	for (int i = CHAIN - 1; i > 0; i--)
		nodes[i] = kithd_spawn_at(addresses[i], "-b %s", addresses[i - 1]);
	nodes[0] = kithd_run("-l %s", addresses[0]);
	become_full_mesh(nodes, CHAIN);
}

static void test_pointing_at_each_other(void)
{
	enum { RING = 6 };
	struct kithd *nodes[RING];
	const char *addresses[RING];
	for (int i = 0; i < RING; i++)
		addresses[i] = harness_address();
	for (int i = 0; i < RING; i++)
		nodes[i] = kithd_spawn_at(addresses[i], "-b %s -b %s", addresses[(i + 1) % RING],
					  addresses[(i + RING - 1) % RING]);
	become_full_mesh(nodes, RING);
}

static void test_all_know_all(void)
{
	enum { ALL = 6 };
	struct kithd *nodes[ALL];
	const char *addresses[ALL], *bootstraps = "";
	for (int i = 0; i < ALL; i++) {
		addresses[i] = harness_address();
		bootstraps = harness_text("%s -b %s", bootstraps, addresses[i]);
	}
	for (int i = 0; i < ALL; i++)
		nodes[i] = kithd_spawn_at(addresses[i], "%s", bootstraps);
	become_full_mesh(nodes, ALL);
}

/* Those of connections that begin, end, or fail to begin. On a busy machine there may be others. */
static size_t lines_of(struct kithd *kithd)
{
	static const char *const words[] = {" is ready after ",
					    " failed: ", " left: ", " is disconnected: ", " cannot be "};
	size_t lines = 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		lines += kithd_log_lines(kithd, words[i]);
	return lines;
}

/* No connection begins, ends or fails to begin until each has been pinged a few times more. */
static void stays_calm(struct kithd *const *nodes, int count)
{
	size_t lines[MANY];
	for (int i = 0; i < count; i++)
		lines[i] = lines_of(nodes[i]);
	const char *witness = kithd_nodeid(nodes[1]);
	double messages = kithd_cell_number(nodes[0], witness, "MSGS_IN");
	AWAIT(kithd_cell_number(nodes[0], witness, "MSGS_IN") >= messages + 6);
	for (int i = 0; i < count; i++)
		CU_ASSERT_EQUAL(lines_of(nodes[i]), lines[i]);
	become_full_mesh(nodes, count);
}

static void test_many_at_once(void)
{
	struct kithd *nodes[MANY];
	const char *bootstrap = harness_address();
	int64_t began_us = clock_now_us();
	for (int i = 0; i < MANY; i++)
		nodes[i] = kithd_spawn_at(i == 0 ? bootstrap : harness_address(),
					  "-o ping_interval=0.5 -o name=node%02d -b %s", i, bootstrap);
	become_full_mesh(nodes, MANY);
	printf("mesh: %d nodes were a mesh %.1f s after the first was started\n", MANY,
	       (double)(clock_now_us() - began_us) / 1e6);
	stays_calm(nodes, MANY);
}

static void test_late_bootstrap(void)
{
	const char *address = harness_address();
	struct kithd *nodes[3];
	nodes[1] = kithd_start("-o retry_min=0.05 -o retry_max=0.2 -b %s", address);
	nodes[2] = kithd_start("-o retry_min=0.05 -o retry_max=0.2 -b %s", address);
	CU_ASSERT_EQUAL(kithd_peers(nodes[1]), 0);
	nodes[0] = kithd_start_at(address, "-o name=late");
	become_full_mesh(nodes, 3);
}

static void test_bootstrap_comes_back(void)
{
	const char *address = harness_address();
	struct kithd *nodes[3];
	nodes[0] = kithd_start_at(address, "-o name=first");
	nodes[1] = kithd_start("-o retry_min=0.05 -o retry_max=0.2 -b %s", address);
	nodes[2] = kithd_start("-o retry_min=0.05 -o retry_max=0.2 -b %s", address);
	become_full_mesh(nodes, 3);
	kithd_signal(nodes[0], SIGKILL);
	kithd_wait(nodes[0]);
	AWAIT(kithd_peers(nodes[1]) == 1 && kithd_peers(nodes[2]) == 1);
	nodes[0] = kithd_start_at(address, "-o name=second");
	become_full_mesh(nodes, 3);
	kithd_stop(nodes[0], SIGTERM);
	AWAIT(kithd_peers(nodes[1]) == 1 && kithd_peers(nodes[2]) == 1);
	nodes[0] = kithd_start_at(address, "-o name=third");
	become_full_mesh(nodes, 3);
}

static void test_mesh_outlives_its_bootstrap(void)
{
	struct kithd *first = kithd_plain();
	struct kithd *nodes[2];
	nodes[0] = kithd_start("-b %s", kithd_address(first));
	nodes[1] = kithd_start("-b %s", kithd_address(first));
	AWAIT(kithd_peers(nodes[0]) == 2 && kithd_peers(nodes[1]) == 2);
	kithd_stop(first, SIGTERM);
	AWAIT(kithd_peers(nodes[0]) == 1 && kithd_peers(nodes[1]) == 1);
	CU_ASSERT(kithd_has_peer(nodes[0], kithd_nodeid(nodes[1])));
	CU_ASSERT_EQUAL(kithd_log_count(nodes[0], " left", ""), 1);
	CU_ASSERT_EQUAL(kithd_log_count(nodes[0], " failed", ""), 0);
}

static CU_TestInfo tests[] = {
	{"two nodes find each other and know where the other listens", test_pair},
	{"a chain of bootstraps becomes a full mesh", test_chain},
	{"a chain that starts at one moment, its head last, becomes a full mesh", test_chain_at_once},
	{"nodes that point at each other and start at one moment become a full mesh", test_pointing_at_each_other},
	{"nodes that all know all and start at one moment become a full mesh", test_all_know_all},
	{"20 nodes that start at one moment become a full mesh and stay calm", test_many_at_once},
	{"a bootstrap that isn't up yet is tried until it is", test_late_bootstrap},
	{"a bootstrap that goes down and comes back is rejoined", test_bootstrap_comes_back},
	{"a mesh outlives its bootstrap, which left and did not fail", test_mesh_outlives_its_bootstrap},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_mesh = {.pName = "mesh", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
