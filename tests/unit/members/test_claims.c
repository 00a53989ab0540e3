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
	CU_ASSERT_EQUAL(crowd_claim(registry, peer, number, crowd_start_us, &other), REGISTRY_READY);
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
	/* The smaller one decides, and the larger one waits for what it decides. */
	{PEER_OUTBOUND, PEER_INBOUND, false, false, REGISTRY_SECOND, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_OUTBOUND, false, false, REGISTRY_SECOND, REGISTRY_REPLACES},
	/* Who comes from elsewhere may be anybody. */
	{PEER_OUTBOUND, PEER_INBOUND, false, true, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_OUTBOUND, false, true, REGISTRY_SECOND, REGISTRY_REPLACES},
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
	enum registry_claim result = crowd_claim(registry, newcomer, number, crowd_start_us + 1, &other);
	EXPECT(result == expected && other == first, "case %zu, node %u: %d", i, number, (int)result);
	bool leads = expected == REGISTRY_REPLACES || (expected == REGISTRY_SECOND && it->is_from_elsewhere);
	EXPECT(crowd_find(registry, number) == (leads ? newcomer : first), "case %zu, node %u", i, number);
	EXPECT(peer_is_spare(leads ? first : newcomer) == (expected == REGISTRY_SECOND), "case %zu, node %u", i,
	       number);
	EXPECT(!peer_is_spare(leads ? newcomer : first), "case %zu, node %u", i, number);
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
		enum registry_claim result = crowd_claim(registry, newcomer, LARGER, crowd_start_us, &other);
		EXPECT(result == REGISTRY_READY && other == NULL, "case %zu: %d", i, (int)result);
		CU_ASSERT_PTR_NULL(registry_retire(registry, first));
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
	CU_ASSERT_EQUAL(crowd_claim(registry, second, LARGER, crowd_start_us, &other), REGISTRY_REPLACES);
	crowd_counts_are(registry, (struct registry_counts){.connections = 2, .inbound = 1, .outbound = 1});
	struct registry_snapshot ready = registry_take_snapshot(registry, true);
	CU_ASSERT(ready.count == 1 && ready.peers[0] == second);
	registry_release_snapshot(&ready);
	CU_ASSERT_PTR_NULL(registry_retire(registry, first));
	registry_remove(registry, first);
	crowd_counts_are(registry, (struct registry_counts){.connections = 1, .outbound = 1});
	CU_ASSERT_PTR_EQUAL(crowd_find(registry, LARGER), second);
	registry_remove(registry, second);
	CU_ASSERT_PTR_NULL(crowd_find(registry, LARGER));
	crowd_remove_all(registry);
}

/* ---- spares ---- */

/* A pair with two connections, of which the second one is the spare. */
static struct registry *registry_with_two(struct peer *pair[static 2])
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct message_hello hello = {.nodeid = nodeid_of(SMALLER)};
	struct peer *other;
	pair[0] = claim_alone(registry, PEER_OUTBOUND, "10.1.0.1:1", SMALLER);
	pair[1] = add_from(registry, PEER_INBOUND, "10.1.0.1:2");
	CU_ASSERT_EQUAL(crowd_claim(registry, pair[1], SMALLER, crowd_start_us, &other), REGISTRY_SECOND);
	must(peer_ready(pair[1], &hello, &crowd_settings, &core_secret, crowd_start_us));
	peer_ping(pair[1], crowd_start_us);
	return registry;
}

static struct peer *take_overdue(struct registry *registry, int64_t now_us, int64_t *next_us)
{
	struct peer *peer = registry_take_overdue(registry, now_us, next_us);
	if (peer != NULL)
		peer_release(peer);
	return peer;
}

static void a_spare_counts_and_hears_what_peers_are_told(void)
{
	struct peer *pair[2];
	struct registry *registry = registry_with_two(pair);
	crowd_counts_are(registry, (struct registry_counts){.connections = 2, .inbound = 1, .outbound = 1});
	struct registry_snapshot ready = registry_take_snapshot(registry, true);
	CU_ASSERT_EQUAL(ready.count, 2);
	registry_release_snapshot(&ready);
	crowd_remove_all(registry);
}

static void whichever_of_two_ends_the_other_one_stays(void)
{
	for (int ends = 0; ends < 2; ends++) {
		struct peer *pair[2];
		struct registry *registry = registry_with_two(pair);
		peer_fail(pair[ends], "it has ended");
		/* At once, whoever asks. */
		CU_ASSERT_PTR_EQUAL(crowd_find(registry, SMALLER), pair[1 - ends]);
		struct peer *heir = registry_retire(registry, pair[ends]);
		CU_ASSERT_PTR_EQUAL(heir, ends == 0 ? pair[1] : NULL);
		if (heir != NULL)
			peer_release(heir);
		registry_remove(registry, pair[ends]);
		CU_ASSERT_PTR_EQUAL(crowd_find(registry, SMALLER), pair[1 - ends]);
		CU_ASSERT_FALSE(peer_is_spare(pair[1 - ends]));
		int64_t next_us;
		CU_ASSERT_PTR_NULL(take_overdue(registry, crowd_start_us + 2 * CROWD_TIMEOUT_US, &next_us));
		CU_ASSERT_EQUAL(next_us, FOREVER_US);
		crowd_remove_all(registry);
	}
}

static void a_third_connection_goes_whatever_becomes_of_the_two(void)
{
	for (int closing = -1; closing < 2; closing++)
		for (int direction = 0; direction < 2; direction++) {
			struct peer *pair[2], *other;
			struct registry *registry = registry_with_two(pair);
			if (closing >= 0)
				peer_close(pair[closing], BYE_DUPLICATE);
			struct peer *third =
				add_from(registry, direction == 0 ? PEER_INBOUND : PEER_OUTBOUND, "10.1.0.1:3");
			CU_ASSERT_EQUAL(crowd_claim(registry, third, SMALLER, crowd_start_us, &other),
					REGISTRY_DUPLICATE);
			CU_ASSERT_PTR_EQUAL(other, closing == 0 ? pair[1] : pair[0]);
			crowd_remove_all(registry);
		}
}

static void who_comes_when_both_are_closing_has_the_nodeid(void)
{
	struct peer *pair[2], *other;
	struct registry *registry = registry_with_two(pair);
	peer_close(pair[0], BYE_SHUTDOWN);
	peer_close(pair[1], BYE_SHUTDOWN);
	struct peer *third = add_from(registry, PEER_INBOUND, "10.1.0.1:3");
	CU_ASSERT_EQUAL(crowd_claim(registry, third, SMALLER, crowd_start_us, &other), REGISTRY_READY);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_PTR_NULL(registry_retire(registry, pair[i]));
		registry_remove(registry, pair[i]);
	}
	CU_ASSERT_PTR_EQUAL(crowd_find(registry, SMALLER), third);
	crowd_remove_all(registry);
}

/* The end that decides has not: it is somebody else, or hangs. */
static void two_connections_are_one_again_after_the_handshake_timeout(void)
{
	static const struct {
		bool first_is_established, spare_is_established;
		int goes;
	} cases[] = {{false, false, 1}, {true, false, 1}, {true, true, 1}, {false, true, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct peer *pair[2];
		struct registry *registry = registry_with_two(pair);
		int64_t next_us, due_us = crowd_start_us + CROWD_TIMEOUT_US;
		if (cases[i].first_is_established)
			establish(pair[0]);
		if (cases[i].spare_is_established)
			establish(pair[1]);
		CU_ASSERT_PTR_NULL(take_overdue(registry, due_us - 1, &next_us));
		CU_ASSERT_EQUAL(next_us, due_us);
		EXPECT(take_overdue(registry, due_us, &next_us) == pair[cases[i].goes], "case %zu", i);
		CU_ASSERT_PTR_NULL(take_overdue(registry, due_us, &next_us));
		peer_close(pair[cases[i].goes], BYE_DUPLICATE);
		CU_ASSERT_PTR_EQUAL(crowd_find(registry, SMALLER), pair[1 - cases[i].goes]);
		crowd_remove_all(registry);
	}
}

static void where_there_is_no_place_the_first_connection_of_a_pair_stays(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *other, *evicted, *first = claim_alone(registry, PEER_OUTBOUND, "10.9.0.1:1", SMALLER);
	crowd_settings.max_inbound = 40;
	for (unsigned i = 0; i < 40; i++)
		crowd_add_inbound(registry, "10.1.0.1:1", 100 + i, 0);
	struct peer *crossing = add_from(registry, PEER_INBOUND, "10.9.0.1:2");
	CU_ASSERT_EQUAL(crowd_claim(registry, crossing, SMALLER, crowd_start_us, &other), REGISTRY_FULL);
	CU_ASSERT_PTR_NULL(other);
	CU_ASSERT_PTR_EQUAL(crowd_find(registry, SMALLER), first);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, 40);
	/* Others find somebody who makes room, as before. */
	CU_ASSERT_EQUAL(crowd_arrive(registry, 200, &evicted), REGISTRY_EVICTS);
	crowd_settings.max_inbound = 41;
	CU_ASSERT_EQUAL(crowd_claim(registry, crossing, SMALLER, crowd_start_us, &other), REGISTRY_SECOND);
	CU_ASSERT_PTR_EQUAL(other, first);
	crowd_remove_all(registry);
}

static CU_TestInfo tests[] = {
	{"of two connections with one nodeid the right one stays",
	 of_two_connections_with_one_nodeid_the_right_one_stays},
	{"a closing connection stands in nobody's way", a_closing_connection_stands_in_nobodys_way},
	{"a replaced connection leaves without a trace", a_replaced_connection_leaves_without_a_trace},
	{"a spare counts, and hears what peers are told", a_spare_counts_and_hears_what_peers_are_told},
	{"whichever of two ends, the other one stays", whichever_of_two_ends_the_other_one_stays},
	{"a third connection goes, whatever becomes of the two", a_third_connection_goes_whatever_becomes_of_the_two},
	{"who comes when both are closing has the nodeid", who_comes_when_both_are_closing_has_the_nodeid},
	{"two connections are one again after the handshake timeout",
	 two_connections_are_one_again_after_the_handshake_timeout},
	{"where there is no place the first connection of a pair stays",
	 where_there_is_no_place_the_first_connection_of_a_pair_stays},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_claims = {.pName = "claims", .pTests = tests};
