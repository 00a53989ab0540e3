/* Claims of a nodeid: kith-protocol(7), "One connection for a pair". */
#include "base/must.h"
#include "runner.h"
#include "unit/members/crowd.h"
#include "unit/suites.h"

enum { SMALLER = 1, LARGER = 9 };

static struct peer *add_from(struct registry *registry, enum peer_direction direction, const char *address)
{
	return crowd_add_at(registry, direction, address_of(address));
}

/* READY, and pinged. */
static struct peer *claim_alone(struct registry *registry, enum peer_direction direction, const char *address,
				unsigned number)
{
	struct peer *peer = add_from(registry, direction, address), *other;
	struct message_hello hello = {.nodeid = nodeid_of(number)};
	CU_ASSERT_EQUAL(crowd_claim(registry, peer, number, &other), REGISTRY_READY);
	CU_ASSERT_PTR_NULL(other);
	must(peer_ready(peer, &hello, &crowd_settings, &core_secret, crowd_start_us));
	peer_ping(peer, crowd_start_us);
	return peer;
}

static void establish(struct peer *peer)
{
	CU_ASSERT(peer_pong(peer, crowd_start_us + 1));
	CU_ASSERT(peer_is_established(peer));
}

static const struct second_case {
	enum peer_direction first, newcomer;
	bool is_established, is_from_elsewhere;
	enum registry_claim other_is_smaller, other_is_larger;
} second_cases[] = {
	/* A pong has come on the first: nothing that others say ends it. */
	{PEER_INBOUND, PEER_INBOUND, true, false, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_OUTBOUND, true, false, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_OUTBOUND, true, true, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_OUTBOUND, PEER_INBOUND, true, false, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_OUTBOUND, PEER_INBOUND, true, true, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_OUTBOUND, PEER_OUTBOUND, true, true, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	/* Dialled by the same end: no two dials have crossed. */
	{PEER_INBOUND, PEER_INBOUND, false, false, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_INBOUND, false, true, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_OUTBOUND, PEER_OUTBOUND, false, true, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	/* The greater one keeps the first, and the smaller one what is answered. */
	{PEER_OUTBOUND, PEER_INBOUND, false, false, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_OUTBOUND, PEER_INBOUND, false, true, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_OUTBOUND, false, false, REGISTRY_DUPLICATE, REGISTRY_REPLACES},
	{PEER_INBOUND, PEER_OUTBOUND, false, true, REGISTRY_DUPLICATE, REGISTRY_REPLACES},
};

enum { SECOND_CASES = sizeof second_cases / sizeof *second_cases };

static const char *newcomer_of(const struct second_case *it)
{
	return it->is_from_elsewhere ? "10.2.0.1:2" : "10.1.0.1:2";
}

static void check_second(const struct second_case *it, size_t i, unsigned number, enum registry_claim expected)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *first = claim_alone(registry, it->first, "10.1.0.1:1", number), *other;
	struct peer *newcomer = add_from(registry, it->newcomer, newcomer_of(it));
	if (it->is_established)
		establish(first);
	enum registry_claim result = crowd_claim(registry, newcomer, number, &other);
	EXPECT(result == expected && other == first, "case %zu, node %u: %d", i, number, (int)result);
	EXPECT(crowd_find(registry, number) == (expected == REGISTRY_REPLACES ? newcomer : first), "case %zu, node %u",
	       i, number);
	crowd_remove_all(registry);
}

static void of_two_connections_with_one_nodeid_the_right_one_stays(void)
{
	for (size_t i = 0; i < SECOND_CASES; i++) {
		check_second(&second_cases[i], i, SMALLER, second_cases[i].other_is_smaller);
		check_second(&second_cases[i], i, LARGER, second_cases[i].other_is_larger);
	}
}

static void a_closing_connection_stands_in_nobodys_way(void)
{
	for (size_t i = 0; i < SECOND_CASES; i++) {
		const struct second_case *it = &second_cases[i];
		struct registry *registry = crowd_new(CROWD_SELF);
		struct peer *first = claim_alone(registry, it->first, "10.1.0.1:1", LARGER), *other;
		struct peer *newcomer = add_from(registry, it->newcomer, newcomer_of(it));
		if (it->is_established)
			establish(first);
		peer_close(first, BYE_TIMEOUT);
		enum registry_claim result = crowd_claim(registry, newcomer, LARGER, &other);
		EXPECT(result == REGISTRY_READY && other == NULL, "case %zu: %d", i, (int)result);
		registry_retire(registry, first);
		registry_remove(registry, first);
		EXPECT(crowd_find(registry, LARGER) == newcomer, "case %zu", i);
		crowd_remove_all(registry);
	}
}

static void a_replaced_connection_leaves_without_a_trace(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *first = claim_alone(registry, PEER_INBOUND, "10.1.0.1:1", LARGER), *other;
	struct peer *second = add_from(registry, PEER_OUTBOUND, "10.1.0.1:2");
	CU_ASSERT_EQUAL(crowd_claim(registry, second, LARGER, &other), REGISTRY_REPLACES);
	crowd_counts_are(registry, (struct registry_counts){.connections = 2, .inbound = 1, .outbound = 1});
	struct registry_snapshot ready = registry_take_snapshot(registry, true);
	CU_ASSERT(ready.count == 1 && ready.peers[0] == second);
	registry_release_snapshot(&ready);
	registry_retire(registry, first);
	registry_remove(registry, first);
	crowd_counts_are(registry, (struct registry_counts){.connections = 1, .outbound = 1});
	CU_ASSERT_PTR_EQUAL(crowd_find(registry, LARGER), second);
	registry_remove(registry, second);
	CU_ASSERT_PTR_NULL(crowd_find(registry, LARGER));
	crowd_remove_all(registry);
}

static CU_TestInfo tests[] = {
	{"of two connections with one nodeid the right one stays",
	 of_two_connections_with_one_nodeid_the_right_one_stays},
	{"a closing connection stands in nobody's way", a_closing_connection_stands_in_nobodys_way},
	{"a replaced connection leaves without a trace", a_replaced_connection_leaves_without_a_trace},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_claims = {.pName = "claims", .pTests = tests};
