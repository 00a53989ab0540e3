#include "unit/members/crowd.h"

#include <stdlib.h>

#include "base/must.h"
#include "runner.h"
#include "unit/suites.h"

enum { SMALLER = 1, LARGER = 9 };

static void a_connection_is_counted_by_what_it_has_become(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *other;
	crowd_counts_are(registry, (struct registry_counts){0});
	struct peer *in = crowd_add(registry, PEER_INBOUND);
	struct peer *out = crowd_add(registry, PEER_OUTBOUND);
	struct peer *idle = crowd_add(registry, PEER_OUTBOUND);
	crowd_counts_are(registry, (struct registry_counts){.connections = 3, .handshakes = 1, .dials = 2});
	CU_ASSERT_EQUAL(crowd_claim(registry, in, 1, crowd_start_us, &other), REGISTRY_READY);
	crowd_counts_are(registry, (struct registry_counts){.connections = 3, .dials = 2, .inbound = 1});
	CU_ASSERT_EQUAL(crowd_claim(registry, out, 2, crowd_start_us, &other), REGISTRY_READY);
	crowd_counts_are(registry, (struct registry_counts){.connections = 3, .dials = 1, .inbound = 1, .outbound = 1});
	peer_close(in, BYE_SHUTDOWN);
	crowd_counts_are(registry, (struct registry_counts){.connections = 3, .dials = 1, .inbound = 1, .outbound = 1});
	registry_remove(registry, in);
	registry_remove(registry, idle);
	crowd_counts_are(registry, (struct registry_counts){.connections = 1, .outbound = 1});
	crowd_remove_all(registry);
}

static void the_registry_holds_a_connection_until_it_is_removed(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *peer = crowd_add_ready(registry, PEER_INBOUND, 2);
	CU_ASSERT_PTR_EQUAL(crowd_find(registry, 2), peer);
	CU_ASSERT_PTR_NULL(crowd_find(registry, 3));
	peer_hold(peer);
	registry_remove(registry, peer);
	CU_ASSERT_PTR_NULL(crowd_find(registry, 2));
	registry_remove(registry, peer);
	crowd_counts_are(registry, (struct registry_counts){0});
	peer_release(peer);
	crowd_remove_all(registry);
}

static void a_connection_that_shakes_hands_has_no_nodeid(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct nodeid none = nodeid_none;
	crowd_add(registry, PEER_INBOUND);
	CU_ASSERT_PTR_NULL(registry_find(registry, &none));
	crowd_remove_all(registry);
}

static void a_closing_connection_is_not_found(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *peer = crowd_add_ready(registry, PEER_INBOUND, 2);
	peer_close(peer, BYE_TIMEOUT);
	CU_ASSERT_PTR_NULL(crowd_find(registry, 2));
	crowd_remove_all(registry);
}

static bool is_in(const struct registry_snapshot *snapshot, const struct peer *peer)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->peers[i] == peer)
			return true;
	return false;
}

static void a_snapshot_holds_the_connections_of_its_moment(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct registry_snapshot none = registry_take_snapshot(registry, false);
	CU_ASSERT_EQUAL(none.count, 0);
	registry_release_snapshot(&none);
	struct peer *dialling = crowd_add(registry, PEER_OUTBOUND);
	struct peer *ready = crowd_add_ready(registry, PEER_INBOUND, 2);
	struct peer *closing = crowd_add_ready(registry, PEER_INBOUND, 3);
	peer_close(closing, BYE_FULL);
	struct registry_snapshot all = registry_take_snapshot(registry, false);
	struct registry_snapshot only_ready = registry_take_snapshot(registry, true);
	CU_ASSERT_EQUAL(all.count, 3);
	CU_ASSERT(is_in(&all, dialling) && is_in(&all, ready) && is_in(&all, closing));
	CU_ASSERT_EQUAL(only_ready.count, 1);
	CU_ASSERT(is_in(&only_ready, ready));
	crowd_remove_all(registry);
	CU_ASSERT_EQUAL(peer_direction(only_ready.peers[0]), PEER_INBOUND);
	registry_release_snapshot(&all);
	registry_release_snapshot(&only_ready);
	CU_ASSERT_EQUAL(all.count, 0);
}

static void a_walk_comes_by_every_connection_once(void)
{
	enum { CONNECTIONS = 4 * REGISTRY_STEP + 10, GONE = 2 * REGISTRY_STEP };
	static struct peer *added[CONNECTIONS];
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *step[REGISTRY_STEP];
	uint64_t after = 0;
	size_t count, seen = 0, next = 0;
	for (int i = 0; i < CONNECTIONS; i++)
		added[i] = crowd_add(registry, i % 2 == 0 ? PEER_INBOUND : PEER_OUTBOUND);
	registry_remove(registry, added[1]);
	added[1] = NULL;
	while ((count = registry_walk(registry, &after, step)) > 0) {
		for (size_t i = 0; i < count; i++, next++) {
			while (next < CONNECTIONS && added[next] == NULL)
				next++;
			EXPECT(next >= CONNECTIONS || step[i] == added[next], "connection %zu", next);
			peer_release(step[i]);
		}
		/* In the midst of the walk one comes, and so many go, before and after it, that gaps are closed. */
		for (size_t i = 0; seen == 0 && i < GONE; i++) {
			size_t gone = 10 + i;
			registry_remove(registry, added[gone]);
			added[gone] = NULL;
		}
		if (seen == 0)
			crowd_add(registry, PEER_INBOUND);
		seen += count;
	}
	CU_ASSERT_EQUAL(next, CONNECTIONS + 1);
	CU_ASSERT_EQUAL(seen, CONNECTIONS - 1 - (GONE - (REGISTRY_STEP - 9)) + 1);
	crowd_remove_all(registry);
}

/* ---- two connections with one nodeid ---- */

/* kith-protocol(7), "One connection for a pair": which claim gets what, with the other node smaller and larger. */
static const struct duplicate_case {
	enum peer_direction first, newcomer;
	int64_t age_us; /* of the first, in which it was READY */
	enum registry_claim other_is_smaller, other_is_larger;
} duplicate_cases[] = {
	/* Dialled by the same end: who was dialled keeps what it has, who dialled learns that the first is lost. */
	{PEER_INBOUND, PEER_INBOUND, 0, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_INBOUND, CROWD_TIMEOUT_US, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_INBOUND, CROWD_TIMEOUT_US + 1, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_OUTBOUND, PEER_OUTBOUND, 0, REGISTRY_REPLACES, REGISTRY_REPLACES},
	{PEER_OUTBOUND, PEER_OUTBOUND, CROWD_TIMEOUT_US, REGISTRY_REPLACES, REGISTRY_REPLACES},
	{PEER_OUTBOUND, PEER_OUTBOUND, CROWD_TIMEOUT_US + 1, REGISTRY_REPLACES, REGISTRY_REPLACES},
	/* Both have dialled at once: the dial of the smaller nodeid stays. */
	{PEER_OUTBOUND, PEER_INBOUND, 0, REGISTRY_REPLACES, REGISTRY_DUPLICATE},
	{PEER_OUTBOUND, PEER_INBOUND, CROWD_TIMEOUT_US, REGISTRY_REPLACES, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_OUTBOUND, 0, REGISTRY_DUPLICATE, REGISTRY_REPLACES},
	{PEER_INBOUND, PEER_OUTBOUND, CROWD_TIMEOUT_US, REGISTRY_DUPLICATE, REGISTRY_REPLACES},
	/* The first is too old for that. */
	{PEER_OUTBOUND, PEER_INBOUND, CROWD_TIMEOUT_US + 1, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_OUTBOUND, CROWD_TIMEOUT_US + 1, REGISTRY_REPLACES, REGISTRY_REPLACES},
};

enum { DUPLICATE_CASES = sizeof duplicate_cases / sizeof *duplicate_cases };

static void check_duplicate(const struct duplicate_case *it, size_t i, unsigned number, enum registry_claim expected)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *first = crowd_add_ready(registry, it->first, number);
	struct peer *newcomer = crowd_add(registry, it->newcomer), *other;
	enum registry_claim result = crowd_claim(registry, newcomer, number, crowd_start_us + it->age_us, &other);
	EXPECT(result == expected, "case %zu, node %u: %d", i, number, (int)result);
	EXPECT(other == first, "case %zu, node %u", i, number);
	EXPECT(crowd_find(registry, number) == (expected == REGISTRY_REPLACES ? newcomer : first), "case %zu, node %u",
	       i, number);
	crowd_remove_all(registry);
}

static void of_two_connections_with_one_nodeid_the_right_one_stays(void)
{
	for (size_t i = 0; i < DUPLICATE_CASES; i++) {
		check_duplicate(&duplicate_cases[i], i, SMALLER, duplicate_cases[i].other_is_smaller);
		check_duplicate(&duplicate_cases[i], i, LARGER, duplicate_cases[i].other_is_larger);
	}
}

static void a_closing_connection_stands_in_nobodys_way(void)
{
	for (size_t i = 0; i < DUPLICATE_CASES; i++) {
		const struct duplicate_case *it = &duplicate_cases[i];
		struct registry *registry = crowd_new(CROWD_SELF);
		struct peer *first = crowd_add_ready(registry, it->first, LARGER);
		struct peer *newcomer = crowd_add(registry, it->newcomer), *other;
		peer_close(first, BYE_TIMEOUT);
		enum registry_claim result =
			crowd_claim(registry, newcomer, LARGER, crowd_start_us + it->age_us, &other);
		EXPECT(result == REGISTRY_READY && other == NULL, "case %zu: %d", i, (int)result);
		registry_remove(registry, first);
		EXPECT(crowd_find(registry, LARGER) == newcomer, "case %zu", i);
		crowd_remove_all(registry);
	}
}

static void the_age_of_a_connection_counts_from_when_it_was_ready(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *first = crowd_add(registry, PEER_OUTBOUND), *other;
	CU_ASSERT_EQUAL(crowd_claim(registry, first, SMALLER, crowd_start_us + 100 * CROWD_TIMEOUT_US, &other),
			REGISTRY_READY);
	struct peer *newcomer = crowd_add(registry, PEER_INBOUND);
	CU_ASSERT_EQUAL(crowd_claim(registry, newcomer, SMALLER, crowd_start_us + 101 * CROWD_TIMEOUT_US, &other),
			REGISTRY_REPLACES);
	crowd_remove_all(registry);
}

static void a_replaced_connection_leaves_without_a_trace(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *first = crowd_add_ready(registry, PEER_INBOUND, LARGER);
	struct peer *second = crowd_add(registry, PEER_OUTBOUND), *other;
	CU_ASSERT_EQUAL(crowd_claim(registry, second, LARGER, crowd_start_us, &other), REGISTRY_REPLACES);
	crowd_counts_are(registry, (struct registry_counts){.connections = 2, .inbound = 1, .outbound = 1});
	struct registry_snapshot ready = registry_take_snapshot(registry, true);
	CU_ASSERT(ready.count == 1 && is_in(&ready, second));
	registry_release_snapshot(&ready);
	registry_remove(registry, first);
	crowd_counts_are(registry, (struct registry_counts){.connections = 1, .outbound = 1});
	CU_ASSERT_PTR_EQUAL(crowd_find(registry, LARGER), second);
	struct peer *third = crowd_add(registry, PEER_OUTBOUND);
	CU_ASSERT_EQUAL(crowd_claim(registry, third, LARGER, crowd_start_us, &other), REGISTRY_REPLACES);
	CU_ASSERT_PTR_EQUAL(other, second);
	registry_remove(registry, third);
	CU_ASSERT_PTR_NULL(crowd_find(registry, LARGER));
	crowd_remove_all(registry);
}

/* ---- full ---- */

static void beyond_the_limit_an_inbound_newcomer_finds_the_node_full(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *other, *first = crowd_add_ready(registry, PEER_INBOUND, 100);
	for (unsigned i = 1; i < CROWD_MAX_INBOUND; i++)
		crowd_add_ready(registry, PEER_INBOUND, 100 + i);
	struct peer *newcomer = crowd_add(registry, PEER_INBOUND);
	CU_ASSERT_EQUAL(crowd_claim(registry, newcomer, 200, crowd_start_us, &other), REGISTRY_FULL);
	CU_ASSERT_PTR_NULL(other);
	CU_ASSERT_PTR_NULL(crowd_find(registry, 200));
	crowd_counts_are(registry, (struct registry_counts){.connections = CROWD_MAX_INBOUND + 1,
							    .handshakes = 1,
							    .inbound = CROWD_MAX_INBOUND});
	crowd_add_ready(registry, PEER_OUTBOUND, 300);
	struct peer *duplicate = crowd_add(registry, PEER_INBOUND);
	CU_ASSERT_EQUAL(crowd_claim(registry, duplicate, 100, crowd_start_us, &other), REGISTRY_DUPLICATE);
	registry_remove(registry, first);
	CU_ASSERT_EQUAL(crowd_claim(registry, newcomer, 200, crowd_start_us, &other), REGISTRY_READY);
	crowd_remove_all(registry);
}

static void where_there_is_no_place_the_first_connection_of_a_pair_stays(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *other, *evicted, *first = crowd_add_ready(registry, PEER_OUTBOUND, SMALLER);
	crowd_settings.max_inbound = 40;
	for (unsigned i = 0; i < 40; i++)
		crowd_add_inbound(registry, "10.1.0.1:1", 100 + i, 0);
	struct peer *crossing = crowd_add(registry, PEER_INBOUND);
	CU_ASSERT_EQUAL(crowd_claim(registry, crossing, SMALLER, crowd_start_us, &other), REGISTRY_FULL);
	CU_ASSERT_PTR_NULL(other);
	CU_ASSERT_PTR_EQUAL(crowd_find(registry, SMALLER), first);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, 40);
	/* Others find somebody who makes room, as before. */
	CU_ASSERT_EQUAL(crowd_arrive(registry, 200, &evicted), REGISTRY_EVICTS);
	crowd_settings.max_inbound = 41;
	CU_ASSERT_EQUAL(crowd_claim(registry, crossing, SMALLER, crowd_start_us, &other), REGISTRY_REPLACES);
	CU_ASSERT_PTR_EQUAL(other, first);
	crowd_remove_all(registry);
}

static void another_limit_holds_from_now_on(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *other;
	for (unsigned i = 0; i < CROWD_MAX_INBOUND; i++)
		crowd_add_ready(registry, PEER_INBOUND, 100 + i);
	crowd_settings.max_inbound = CROWD_MAX_INBOUND + 1;
	crowd_add_ready(registry, PEER_INBOUND, 200);
	crowd_settings.max_inbound = 1;
	struct peer *newcomer = crowd_add(registry, PEER_INBOUND);
	CU_ASSERT_EQUAL(crowd_claim(registry, newcomer, 300, crowd_start_us, &other), REGISTRY_FULL);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, CROWD_MAX_INBOUND + 1);
	crowd_remove_all(registry);
}

static void dialled_peers_take_no_inbound_place(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	for (unsigned i = 0; i < CROWD_MAX_INBOUND + 2; i++)
		crowd_add_ready(registry, PEER_OUTBOUND, 100 + i);
	for (unsigned i = 0; i < CROWD_MAX_INBOUND; i++)
		crowd_add_ready(registry, PEER_INBOUND, 200 + i);
	crowd_remove_all(registry);
}

/* ---- two registries ---- */

/*
 * Node 1 and node 2 dial each other. Connection c is dialled by node c; end e of it is at node e. The acceptor claims
 * when the hello comes, the dialler when the answer does.
 */
struct crossing {
	struct registry *registries[2];
	struct peer *peers[2][2]; /* of a connection, at an end */
	bool answered[2];
	bool has_late_bye; /* a bye comes after everything else, instead of as soon as it can */
};

static void crossing_init(struct crossing *crossing, bool has_late_bye)
{
	*crossing = (struct crossing){.has_late_bye = has_late_bye};
	for (int end = 0; end < 2; end++)
		crossing->registries[end] = crowd_new((unsigned)end + 1);
	for (int c = 0; c < 2; c++)
		for (int end = 0; end < 2; end++)
			crossing->peers[c][end] =
				crowd_add(crossing->registries[end], c == end ? PEER_OUTBOUND : PEER_INBOUND);
}

static void crossing_fini(struct crossing *crossing)
{
	crowd_remove_all(crossing->registries[0]);
	crowd_remove_all(crossing->registries[1]);
}

/* Brings the byes to their far ends. */
static void deliver_byes(struct crossing *crossing)
{
	for (int c = 0; c < 2; c++)
		for (int end = 0; end < 2; end++)
			if (peer_is_closing(crossing->peers[c][end]) && (end == c || !crossing->answered[c]))
				peer_note_bye(crossing->peers[c][1 - end], BYE_DUPLICATE, "bye: duplicate");
}

static void deliver_hello(struct crossing *crossing, int c, int end, int64_t now_us)
{
	struct peer *peer = crossing->peers[c][end], *other;
	bool is_dialler = end == c;
	if (peer_is_closing(peer) || (is_dialler && !crossing->answered[c]))
		return;
	enum registry_claim result =
		crowd_claim(crossing->registries[end], peer, (unsigned)(1 - end) + 1, now_us, &other);
	if (result == REGISTRY_DUPLICATE)
		peer_close(peer, BYE_DUPLICATE);
	if (result == REGISTRY_REPLACES)
		peer_close(other, BYE_DUPLICATE);
	crossing->answered[c] = !is_dialler && result != REGISTRY_DUPLICATE;
	if (!crossing->has_late_bye)
		deliver_byes(crossing);
}

static void whichever_hello_comes_first_both_ends_keep_the_same_connection(void)
{
	/* Whose connection moves on next: the interleavings of two hellos with their answers. */
	static const int orders[6][4] = {{0, 0, 1, 1}, {0, 1, 0, 1}, {0, 1, 1, 0},
					 {1, 1, 0, 0}, {1, 0, 1, 0}, {1, 0, 0, 1}};
	for (int i = 0; i < 12; i++) {
		struct crossing crossing;
		int steps[2] = {0};
		crossing_init(&crossing, i >= 6);
		for (int step = 0; step < 4; step++) {
			int c = orders[i % 6][step];
			deliver_hello(&crossing, c, steps[c]++ == 0 ? 1 - c : c, crowd_start_us + step);
		}
		crossing.answered[0] = crossing.answered[1] = false;
		deliver_byes(&crossing);
		for (int end = 0; end < 2; end++)
			EXPECT(crowd_find(crossing.registries[end], (unsigned)(1 - end) + 1) == crossing.peers[0][end],
			       "order %d, end %d", i, end);
		crossing_fini(&crossing);
	}
}

/* ---- threads ---- */

struct worker_like {
	struct registry *registry;
	int claimed;
};

static void *come_and_go(void *argument)
{
	struct worker_like *worker = argument;
	struct nodeid nodeid = nodeid_of(7);
	for (int i = 0; i < 200; i++) {
		struct peer *other, *peer = crowd_add(worker->registry, PEER_INBOUND);
		peer_hold(peer);
		worker->claimed +=
			registry_claim(worker->registry, peer, &nodeid, crowd_start_us, &other) == REGISTRY_READY;
		struct registry_snapshot all = registry_take_snapshot(worker->registry, i % 2 == 0);
		if (other != NULL)
			peer_release(other);
		peer_close(peer, BYE_DUPLICATE);
		registry_release_snapshot(&all);
		registry_remove(worker->registry, peer);
		peer_release(peer);
	}
	return NULL;
}

static void many_threads_may_come_and_go_until_nobody_is_left(void)
{
	enum { WORKERS = 4 };
	struct registry *registry = crowd_new(CROWD_SELF);
	struct worker_like workers[WORKERS];
	struct thread threads[WORKERS];
	int claimed = 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker_like){.registry = registry};
		CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], come_and_go, &workers[i]), 0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		thread_join(threads[i]);
		claimed += workers[i].claimed;
	}
	CU_ASSERT(claimed > 0);
	registry_wait_empty(registry);
	crowd_remove_all(registry);
}

struct remover {
	struct registry *registry;
	struct peer *peer;
	struct alarm alarm;
	bool is_removed;
};

static void *wait_and_remove(void *argument)
{
	struct remover *remover = argument;
	alarm_wait_until(&remover->alarm, clock_now_us() + 20 * SECOND_US);
	remover->is_removed = true;
	registry_remove(remover->registry, remover->peer);
	return NULL;
}

static void one_can_wait_until_nobody_is_left(void)
{
	struct remover remover = {.registry = crowd_new(CROWD_SELF)};
	struct thread thread;
	registry_wait_empty(remover.registry);
	remover.peer = crowd_add(remover.registry, PEER_INBOUND);
	alarm_init(&remover.alarm);
	CU_ASSERT_EQUAL_FATAL(thread_start(&thread, wait_and_remove, &remover), 0);
	alarm_ring(&remover.alarm);
	registry_wait_empty(remover.registry);
	CU_ASSERT(remover.is_removed);
	thread_join(thread);
	alarm_fini(&remover.alarm);
	crowd_remove_all(remover.registry);
}

/* Whom it finds, not held. */
static struct peer *any_outbound(struct registry *registry, struct rng *rng)
{
	struct peer *found = registry_any_outbound(registry, rng);
	if (found != NULL)
		peer_release(found);
	return found;
}

static void any_of_the_outbound_peers_is_found(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct rng rng;
	int ones = 0;
	rng_seed(&rng, 1);
	CU_ASSERT_PTR_NULL(any_outbound(registry, &rng));
	crowd_add_ready(registry, PEER_INBOUND, 2);
	crowd_add(registry, PEER_OUTBOUND);
	CU_ASSERT_PTR_NULL(any_outbound(registry, &rng));
	struct peer *one = crowd_add_ready(registry, PEER_OUTBOUND, 3),
		    *other = crowd_add_ready(registry, PEER_OUTBOUND, 4);
	for (int turn = 0; turn < 1000; turn++) {
		struct peer *found = any_outbound(registry, &rng);
		CU_ASSERT(found == one || found == other);
		ones += found == one;
	}
	CU_ASSERT(ones > 400 && ones < 600);
	peer_close(one, BYE_FULL);
	CU_ASSERT_PTR_EQUAL(any_outbound(registry, &rng), other);
	crowd_remove_all(registry);
}

static CU_TestInfo tests[] = {
	{"a connection is counted by what it has become", a_connection_is_counted_by_what_it_has_become},
	{"the registry holds a connection until it is removed", the_registry_holds_a_connection_until_it_is_removed},
	{"a connection that shakes hands has no nodeid", a_connection_that_shakes_hands_has_no_nodeid},
	{"a closing connection is not found", a_closing_connection_is_not_found},
	{"a snapshot holds the connections of its moment", a_snapshot_holds_the_connections_of_its_moment},
	{"where there is no place the first connection of a pair stays",
	 where_there_is_no_place_the_first_connection_of_a_pair_stays},
	{"any of the outbound peers is found", any_of_the_outbound_peers_is_found},
	{"a walk comes by every connection once", a_walk_comes_by_every_connection_once},
	{"of two connections with one nodeid the right one stays",
	 of_two_connections_with_one_nodeid_the_right_one_stays},
	{"a closing connection stands in nobody's way", a_closing_connection_stands_in_nobodys_way},
	{"the age of a connection counts from when it was ready",
	 the_age_of_a_connection_counts_from_when_it_was_ready},
	{"a replaced connection leaves without a trace", a_replaced_connection_leaves_without_a_trace},
	{"beyond the limit an inbound newcomer finds the node full",
	 beyond_the_limit_an_inbound_newcomer_finds_the_node_full},
	{"another limit holds from now on", another_limit_holds_from_now_on},
	{"dialled peers take no inbound place", dialled_peers_take_no_inbound_place},
	{"whichever hello comes first, both ends keep the same connection",
	 whichever_hello_comes_first_both_ends_keep_the_same_connection},
	{"many threads may come and go until nobody is left", many_threads_may_come_and_go_until_nobody_is_left},
	{"one can wait until nobody is left", one_can_wait_until_nobody_is_left},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_registry = {.pName = "registry", .pTests = tests};
