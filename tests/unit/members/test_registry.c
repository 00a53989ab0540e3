#include "unit/members/crowd.h"

#include <stdlib.h>

#include "base/must.h"
#include "runner.h"
#include "unit/suites.h"

static void a_connection_is_counted_by_what_it_has_become(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *other;
	crowd_counts_are(registry, (struct registry_counts){0});
	struct peer *in = crowd_add(registry, PEER_INBOUND);
	struct peer *out = crowd_add(registry, PEER_OUTBOUND);
	struct peer *idle = crowd_add(registry, PEER_OUTBOUND);
	crowd_counts_are(registry, (struct registry_counts){.connections = 3, .handshakes = 1, .dials = 2});
	CU_ASSERT_EQUAL(crowd_claim(registry, in, 1, &other), REGISTRY_READY);
	crowd_counts_are(registry, (struct registry_counts){.connections = 3, .dials = 2, .inbound = 1});
	CU_ASSERT_EQUAL(crowd_claim(registry, out, 2, &other), REGISTRY_READY);
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

static void a_visit_comes_by_every_connection_once(void)
{
	enum { CONNECTIONS = 4 * REGISTRY_STEP + 10, GONE = 2 * REGISTRY_STEP };
	static struct peer *added[CONNECTIONS];
	struct registry *registry = crowd_new(CROWD_SELF);
	struct registry_visit visit = {.registry = registry};
	struct peer *peer;
	size_t seen = 0, next = 0;
	for (int i = 0; i < CONNECTIONS; i++)
		added[i] = crowd_add(registry, i % 2 == 0 ? PEER_INBOUND : PEER_OUTBOUND);
	registry_remove(registry, added[1]);
	added[1] = NULL;
	for (; (peer = registry_visit_next(&visit)) != NULL; next++) {
		while (next < CONNECTIONS && added[next] == NULL)
			next++;
		EXPECT(next >= CONNECTIONS || peer == added[next], "connection %zu", next);
		if (++seen != REGISTRY_STEP)
			continue;
		/* In the midst of it one comes, and so many go, before and after it, that gaps are closed. */
		for (size_t gone = 10; gone < 10 + GONE; gone++) {
			registry_remove(registry, added[gone]);
			added[gone] = NULL;
		}
		crowd_add(registry, PEER_INBOUND);
	}
	CU_ASSERT_EQUAL(next, CONNECTIONS + 1);
	CU_ASSERT_EQUAL(seen, CONNECTIONS - 1 - (GONE - (REGISTRY_STEP - 9)) + 1);
	crowd_remove_all(registry);
}

static void a_visit_may_stop_before_its_end(void)
{
	enum { CONNECTIONS = 2 * REGISTRY_STEP + 10 };
	static const size_t ends[] = {0, 1, REGISTRY_STEP - 1, REGISTRY_STEP, REGISTRY_STEP + 1, CONNECTIONS};
	struct peer *added[CONNECTIONS];
	struct registry *registry = crowd_new(CROWD_SELF);
	for (int i = 0; i < CONNECTIONS; i++)
		added[i] = crowd_add(registry, PEER_INBOUND);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct registry_visit visit = {.registry = registry};
		for (size_t seen = 0; seen < ends[i]; seen++)
			EXPECT(registry_visit_next(&visit) == added[seen], "connection %zu", seen);
		if (ends[i] == CONNECTIONS)
			CU_ASSERT_PTR_NULL(registry_visit_next(&visit));
		registry_visit_stop(&visit);
	}
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
	CU_ASSERT_EQUAL(crowd_claim(registry, newcomer, 200, &other), REGISTRY_FULL);
	CU_ASSERT_PTR_NULL(other);
	CU_ASSERT_PTR_NULL(crowd_find(registry, 200));
	crowd_counts_are(registry, (struct registry_counts){.connections = CROWD_MAX_INBOUND + 1,
							    .handshakes = 1,
							    .inbound = CROWD_MAX_INBOUND});
	crowd_add_ready(registry, PEER_OUTBOUND, 300);
	struct peer *duplicate = crowd_add(registry, PEER_INBOUND);
	CU_ASSERT_EQUAL(crowd_claim(registry, duplicate, 100, &other), REGISTRY_DUPLICATE);
	registry_remove(registry, first);
	CU_ASSERT_EQUAL(crowd_claim(registry, newcomer, 200, &other), REGISTRY_READY);
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
	CU_ASSERT_EQUAL(crowd_claim(registry, newcomer, 300, &other), REGISTRY_FULL);
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
		worker->claimed += registry_claim(worker->registry, peer, &nodeid, &other) == REGISTRY_READY;
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
	{"any of the outbound peers is found", any_of_the_outbound_peers_is_found},
	{"a visit comes by every connection once", a_visit_comes_by_every_connection_once},
	{"a visit may stop before its end", a_visit_may_stop_before_its_end},
	{"beyond the limit an inbound newcomer finds the node full",
	 beyond_the_limit_an_inbound_newcomer_finds_the_node_full},
	{"another limit holds from now on", another_limit_holds_from_now_on},
	{"dialled peers take no inbound place", dialled_peers_take_no_inbound_place},
	{"many threads may come and go until nobody is left", many_threads_may_come_and_go_until_nobody_is_left},
	{"one can wait until nobody is left", one_can_wait_until_nobody_is_left},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_registry = {.pName = "registry", .pTests = tests};
