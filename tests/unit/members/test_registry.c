#include "members/registry.h"

#include <stdatomic.h>

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

enum { SELF = 5, SMALLER = 1, LARGER = 9, MAX_INBOUND = 3 };

static const int64_t start_us = 1000 * SECOND_US, timeout_us = 10 * SECOND_US;
static struct settings settings;

static struct registry *new_registry(unsigned self)
{
	struct nodeid nodeid = nodeid_of(self);
	settings.handshake_timeout_us = timeout_us;
	settings.max_inbound = MAX_INBOUND;
	settings.max_connections = settings.max_handshakes = settings.max_per_address = settings.max_per_group = 0;
	settings.max_outbound = settings.max_dialing = 0;
	struct registry *registry = registry_new(&nodeid, &settings);
	CU_ASSERT_PTR_NOT_NULL_FATAL(registry);
	return registry;
}

/* A connection that shakes hands, held by the registry alone. In any thread. */
static struct peer *add_peer_at(struct registry *registry, enum peer_direction direction, struct address address)
{
	struct peer_dial dial = {.address = address};
	struct peer *peer = peer_new(direction, NULL, &dial, &settings, start_us);
	must(peer != NULL && registry_add(registry, peer));
	must(peer_connected(peer, &dial.address));
	peer_release(peer);
	return peer;
}

static struct peer *add_peer(struct registry *registry, enum peer_direction direction)
{
	/* Each is the only one of its network, so that nobody is evicted. */
	static atomic_uint last;
	unsigned number = ++last;
	struct address address = address_of("10.0.0.1:1");
	address.host[1] = (uint8_t)number;
	address.host[2] = (uint8_t)(number >> 8);
	return add_peer_at(registry, direction, address);
}

/* The claim, and which connection it was weighed against. */
static enum registry_claim claim(struct registry *registry, struct peer *peer, unsigned number, int64_t now_us,
				 struct peer **other)
{
	struct nodeid nodeid = nodeid_of(number);
	struct peer *held;
	enum registry_claim result = registry_claim(registry, peer, &nodeid, now_us, &held);
	if (held != NULL)
		peer_release(held);
	*other = held;
	return result;
}

static struct peer *add_ready(struct registry *registry, enum peer_direction direction, unsigned number)
{
	struct peer *peer = add_peer(registry, direction), *other;
	CU_ASSERT_EQUAL(claim(registry, peer, number, start_us, &other), REGISTRY_READY);
	CU_ASSERT_PTR_NULL(other);
	return peer;
}

/* Who has the nodeid, or NULL. */
static struct peer *find(struct registry *registry, unsigned number)
{
	struct nodeid nodeid = nodeid_of(number);
	struct peer *found = registry_find(registry, &nodeid);
	if (found != NULL)
		peer_release(found);
	return found;
}

static bool counts_are(struct registry *registry, struct registry_counts expected)
{
	struct registry_counts counts = registry_count(registry);
	return EXPECT(counts.connections == expected.connections && counts.handshakes == expected.handshakes &&
			      counts.dials == expected.dials && counts.inbound == expected.inbound &&
			      counts.outbound == expected.outbound,
		      "%zu connections, %zu handshakes, %zu dials, %zu in, %zu out", counts.connections,
		      counts.handshakes, counts.dials, counts.inbound, counts.outbound);
}

static void remove_all(struct registry *registry)
{
	struct registry_snapshot all = registry_take_snapshot(registry, false);
	for (size_t i = 0; i < all.count; i++)
		registry_remove(registry, all.peers[i]);
	registry_release_snapshot(&all);
	counts_are(registry, (struct registry_counts){0});
	registry_free(registry);
}

static void a_connection_is_counted_by_what_it_has_become(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *other;
	counts_are(registry, (struct registry_counts){0});
	struct peer *in = add_peer(registry, PEER_INBOUND);
	struct peer *out = add_peer(registry, PEER_OUTBOUND);
	struct peer *idle = add_peer(registry, PEER_OUTBOUND);
	counts_are(registry, (struct registry_counts){.connections = 3, .handshakes = 1, .dials = 2});
	CU_ASSERT_EQUAL(claim(registry, in, 1, start_us, &other), REGISTRY_READY);
	counts_are(registry, (struct registry_counts){.connections = 3, .dials = 2, .inbound = 1});
	CU_ASSERT_EQUAL(claim(registry, out, 2, start_us, &other), REGISTRY_READY);
	counts_are(registry, (struct registry_counts){.connections = 3, .dials = 1, .inbound = 1, .outbound = 1});
	peer_close(in, BYE_SHUTDOWN);
	counts_are(registry, (struct registry_counts){.connections = 3, .dials = 1, .inbound = 1, .outbound = 1});
	registry_remove(registry, in);
	registry_remove(registry, idle);
	counts_are(registry, (struct registry_counts){.connections = 1, .outbound = 1});
	remove_all(registry);
}

static void the_registry_holds_a_connection_until_it_is_removed(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *peer = add_ready(registry, PEER_INBOUND, 2);
	CU_ASSERT_PTR_EQUAL(find(registry, 2), peer);
	CU_ASSERT_PTR_NULL(find(registry, 3));
	peer_hold(peer);
	registry_remove(registry, peer);
	CU_ASSERT_PTR_NULL(find(registry, 2));
	registry_remove(registry, peer);
	counts_are(registry, (struct registry_counts){0});
	peer_release(peer);
	remove_all(registry);
}

static void a_connection_that_shakes_hands_has_no_nodeid(void)
{
	struct registry *registry = new_registry(SELF);
	struct nodeid none = nodeid_none;
	add_peer(registry, PEER_INBOUND);
	CU_ASSERT_PTR_NULL(registry_find(registry, &none));
	remove_all(registry);
}

static void a_closing_connection_is_not_found(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *peer = add_ready(registry, PEER_INBOUND, 2);
	peer_close(peer, BYE_TIMEOUT);
	CU_ASSERT_PTR_NULL(find(registry, 2));
	remove_all(registry);
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
	struct registry *registry = new_registry(SELF);
	struct registry_snapshot none = registry_take_snapshot(registry, false);
	CU_ASSERT_EQUAL(none.count, 0);
	registry_release_snapshot(&none);
	struct peer *dialling = add_peer(registry, PEER_OUTBOUND);
	struct peer *ready = add_ready(registry, PEER_INBOUND, 2);
	struct peer *closing = add_ready(registry, PEER_INBOUND, 3);
	peer_close(closing, BYE_FULL);
	struct registry_snapshot all = registry_take_snapshot(registry, false);
	struct registry_snapshot only_ready = registry_take_snapshot(registry, true);
	CU_ASSERT_EQUAL(all.count, 3);
	CU_ASSERT(is_in(&all, dialling) && is_in(&all, ready) && is_in(&all, closing));
	CU_ASSERT_EQUAL(only_ready.count, 1);
	CU_ASSERT(is_in(&only_ready, ready));
	remove_all(registry);
	CU_ASSERT_EQUAL(peer_direction(only_ready.peers[0]), PEER_INBOUND);
	registry_release_snapshot(&all);
	registry_release_snapshot(&only_ready);
	CU_ASSERT_EQUAL(all.count, 0);
}

/* ---- who may come in ---- */

/* What is said of a connection from there, and which handshake gives way for it. */
static enum registry_admission admit(struct registry *registry, const char *from, struct peer **gives_way)
{
	struct address address = address_of(from);
	enum registry_admission admission = registry_admit(registry, &address, gives_way);
	if (*gives_way != NULL)
		peer_release(*gives_way);
	return admission;
}

/* A handshake, if it may come in; what was said. */
static enum registry_admission come(struct registry *registry, const char *from)
{
	struct peer *gives_way;
	enum registry_admission admission = admit(registry, from, &gives_way);
	if (admission == REGISTRY_ADMITTED)
		add_peer_at(registry, PEER_INBOUND, address_of(from));
	return admission;
}

static void beyond_max_handshakes_the_oldest_of_the_host_with_most_gives_way(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *gives_way;
	settings.max_handshakes = 4;
	add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.1:1"));
	struct peer *first = add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.2:1"));
	struct peer *second = add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.2:2"));
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.3:1", &gives_way), REGISTRY_ADMITTED);
	CU_ASSERT_PTR_NULL(gives_way);
	add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.3:1"));
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &gives_way), REGISTRY_ADMITTED);
	CU_ASSERT_PTR_EQUAL(gives_way, first);
	CU_ASSERT_EQUAL(registry_count(registry).handshakes, 3);
	/* It has gone, though its connection lasts for a moment. */
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &gives_way), REGISTRY_ADMITTED);
	CU_ASSERT_PTR_NULL(gives_way);
	add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.4:1"));
	/* Each has one now, and the one that comes is the second of its host. */
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.2:3", &gives_way), REGISTRY_ADMITTED);
	CU_ASSERT_PTR_EQUAL(gives_way, second);
	remove_all(registry);
}

static void what_is_no_inbound_handshake_does_not_give_way(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *gives_way, *other;
	settings.max_handshakes = 1;
	add_peer_at(registry, PEER_OUTBOUND, address_of("10.0.0.1:1"));
	struct peer *ready = add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.2:1"));
	claim(registry, ready, 2, start_us, &other);
	struct peer *over = add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.2:2"));
	registry_retire(registry, over);
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.3:1", &gives_way), REGISTRY_ADMITTED);
	CU_ASSERT_PTR_NULL(gives_way);
	CU_ASSERT_EQUAL(registry_count(registry).handshakes, 0);
	CU_ASSERT_EQUAL(registry_count(registry).connections, 3);
	remove_all(registry);
}

static void a_host_and_a_group_have_a_bound(void)
{
	struct registry *registry = new_registry(SELF);
	settings.max_per_address = 2;
	settings.max_per_group = 3;
	CU_ASSERT_EQUAL(come(registry, "10.0.0.1:1"), REGISTRY_ADMITTED);
	CU_ASSERT_EQUAL(come(registry, "10.0.0.1:2"), REGISTRY_ADMITTED);
	CU_ASSERT_EQUAL(come(registry, "10.0.0.1:3"), REGISTRY_ADDRESS);
	CU_ASSERT_EQUAL(come(registry, "10.0.0.2:1"), REGISTRY_ADMITTED);
	CU_ASSERT_EQUAL(come(registry, "10.0.0.3:1"), REGISTRY_GROUP);
	CU_ASSERT_EQUAL(come(registry, "10.0.1.3:1"), REGISTRY_ADMITTED);
	CU_ASSERT_EQUAL(come(registry, "[2001:db8:0:1::1]:1"), REGISTRY_ADMITTED);
	CU_ASSERT_EQUAL(come(registry, "[2001:db8:0:2::1]:1"), REGISTRY_ADMITTED);
	CU_ASSERT_EQUAL(come(registry, "[2001:db8:0:ff::1]:1"), REGISTRY_ADMITTED);
	CU_ASSERT_EQUAL(come(registry, "[2001:db8:0:3::1]:1"), REGISTRY_GROUP);
	CU_ASSERT_EQUAL(come(registry, "[2001:db8:0:100::1]:1"), REGISTRY_ADMITTED);
	for (int i = 0; i < 10; i++) {
		CU_ASSERT_EQUAL(come(registry, "127.0.0.1:1"), REGISTRY_ADMITTED);
		CU_ASSERT_EQUAL(come(registry, "[::1]:1"), REGISTRY_ADMITTED);
	}
	remove_all(registry);
}

static void a_connection_counts_for_its_host_until_it_is_over(void)
{
	struct registry *registry = new_registry(SELF);
	settings.max_per_address = 1;
	struct peer *peer = add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.1:1"));
	registry_retire(registry, peer);
	CU_ASSERT_EQUAL(come(registry, "10.0.0.1:2"), REGISTRY_ADDRESS);
	registry_remove(registry, peer);
	/* What this node dials doesn't count. */
	add_peer_at(registry, PEER_OUTBOUND, address_of("10.0.0.1:3"));
	CU_ASSERT_EQUAL(come(registry, "10.0.0.1:2"), REGISTRY_ADMITTED);
	remove_all(registry);
}

static void what_is_over_gives_way_at_max_connections(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *goes;
	settings.max_connections = 3;
	struct peer *first = add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.1:1"));
	struct peer *second = add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.2:1"));
	add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.3:1"));
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &goes), REGISTRY_CONNECTIONS);
	CU_ASSERT_PTR_NULL(goes);
	registry_retire(registry, second);
	registry_retire(registry, first);
	/* Each once, the one that ended first before the other; there is room when they have gone. */
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &goes), REGISTRY_CONNECTIONS);
	CU_ASSERT_PTR_EQUAL(goes, second);
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &goes), REGISTRY_CONNECTIONS);
	CU_ASSERT_PTR_EQUAL(goes, first);
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &goes), REGISTRY_CONNECTIONS);
	CU_ASSERT_PTR_NULL(goes);
	registry_remove(registry, first);
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &goes), REGISTRY_ADMITTED);
	CU_ASSERT_PTR_NULL(goes);
	remove_all(registry);
}

static void who_has_given_way_becomes_no_peer(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *goes, *other;
	settings.max_handshakes = 1;
	struct peer *peer = add_peer_at(registry, PEER_INBOUND, address_of("10.0.0.1:1"));
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.2:1", &goes), REGISTRY_ADMITTED);
	CU_ASSERT_PTR_EQUAL(goes, peer);
	CU_ASSERT_EQUAL(claim(registry, peer, 2, start_us, &other), REGISTRY_FULL);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, 0);
	remove_all(registry);
}

static void max_connections_leaves_room_for_own_dials(void)
{
	struct registry *registry = new_registry(SELF);
	settings.max_connections = 6;
	settings.max_outbound = 2;
	settings.max_dialing = 1;
	add_ready(registry, PEER_OUTBOUND, 2);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(come(registry, "127.0.0.1:1"), REGISTRY_ADMITTED);
	CU_ASSERT_EQUAL(come(registry, "127.0.0.1:1"), REGISTRY_CONNECTIONS);
	add_ready(registry, PEER_OUTBOUND, 3);
	add_peer(registry, PEER_OUTBOUND);
	CU_ASSERT_EQUAL(registry_count(registry).connections, 6);
	CU_ASSERT_EQUAL(come(registry, "127.0.0.1:1"), REGISTRY_CONNECTIONS);
	settings.max_connections = 0;
	CU_ASSERT_EQUAL(come(registry, "127.0.0.1:1"), REGISTRY_ADMITTED);
	remove_all(registry);
}

/* ---- eviction ---- */

/* An inbound peer that has answered a ping after rtt_us; 0 for none. */
static struct peer *add_inbound(struct registry *registry, const char *from, unsigned number, int64_t rtt_us)
{
	struct peer *peer = add_peer_at(registry, PEER_INBOUND, address_of(from)), *other;
	struct message_hello hello = {.nodeid = nodeid_of(number)};
	CU_ASSERT_EQUAL(claim(registry, peer, number, start_us, &other), REGISTRY_READY);
	must(peer_ready(peer, &hello, &settings, start_us));
	if (rtt_us > 0) {
		peer_ping(peer, start_us);
		CU_ASSERT(peer_pong(peer, start_us + rtt_us));
	}
	return peer;
}

/* What happens to an inbound newcomer, and who goes for him. */
static enum registry_claim arrive(struct registry *registry, unsigned number, struct peer **evicted)
{
	struct peer *newcomer = add_peer_at(registry, PEER_INBOUND, address_of("192.0.2.1:1"));
	return claim(registry, newcomer, number, start_us, evicted);
}

static void the_youngest_of_the_most_crowded_group_makes_room(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *evicted, *peers[8];
	settings.max_inbound = 8;
	/* Two of the eldest quarter, a group of two, a group of three, and one alone that is the youngest. */
	static const char *const hosts[] = {"10.1.0.1:1", "10.1.0.2:1", "10.2.0.1:1", "10.2.0.2:1",
					    "10.3.0.1:1", "10.3.0.2:1", "10.3.0.3:1", "10.4.0.1:1"};
	for (unsigned i = 0; i < 8; i++)
		peers[i] = add_inbound(registry, hosts[i], i + 10, 0);
	CU_ASSERT_EQUAL(arrive(registry, 100, &evicted), REGISTRY_EVICTS);
	CU_ASSERT_PTR_EQUAL(evicted, peers[6]);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, 8);
	/* It goes once, though it is still there: groups 2 and 3 have two each, and the youngest is in 3. */
	CU_ASSERT_EQUAL(arrive(registry, 101, &evicted), REGISTRY_EVICTS);
	CU_ASSERT_PTR_EQUAL(evicted, peers[5]);
	remove_all(registry);
}

static void the_eldest_the_nearest_and_the_only_one_of_a_group_stay(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *evicted;
	enum { FIRST = 10 };
	settings.max_inbound = 12;
	/* Three of the eldest quarter and one that is alone. */
	for (unsigned i = 0; i < 3; i++)
		add_inbound(registry, "10.1.0.1:1", FIRST + i, 90000);
	add_inbound(registry, "10.2.0.1:1", FIRST + 3, 90000);
	/* Eight of one group; the one that is farthest is none of the nearest once there is another near one. */
	for (unsigned i = 4; i < 12; i++)
		add_inbound(registry, "10.3.0.1:1", FIRST + i, 1000 + i);
	CU_ASSERT_EQUAL(arrive(registry, 100, &evicted), REGISTRY_FULL);
	CU_ASSERT_PTR_NULL(evicted);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, 12);
	settings.max_inbound = 13;
	struct peer *nearest = add_inbound(registry, "10.4.0.1:1", 50, 10);
	CU_ASSERT_EQUAL(arrive(registry, 101, &evicted), REGISTRY_EVICTS);
	CU_ASSERT_PTR_NOT_EQUAL(evicted, nearest);
	struct peer_info info = peer_look(evicted, start_us);
	/* Of 13, four are the eldest quarter. */
	CU_ASSERT_EQUAL(info.rtt_us, 1000 + 11);
	remove_all(registry);
}

static void without_inbound_peers_nobody_makes_room(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *evicted;
	settings.max_inbound = 0;
	for (unsigned i = 0; i < 20; i++)
		add_ready(registry, PEER_OUTBOUND, 10 + i);
	CU_ASSERT_EQUAL(arrive(registry, 100, &evicted), REGISTRY_FULL);
	CU_ASSERT_PTR_NULL(evicted);
	/* Nor does anybody after the limit was lowered below what there is. */
	settings.max_inbound = 20;
	for (unsigned i = 0; i < 20; i++)
		add_inbound(registry, "10.1.0.1:1", 50 + i, 0);
	settings.max_inbound = 19;
	CU_ASSERT_EQUAL(arrive(registry, 101, &evicted), REGISTRY_FULL);
	settings.max_inbound = 0;
	CU_ASSERT_EQUAL(arrive(registry, 102, &evicted), REGISTRY_FULL);
	settings.max_inbound = 20;
	CU_ASSERT_EQUAL(arrive(registry, 103, &evicted), REGISTRY_EVICTS);
	remove_all(registry);
}

static void a_peer_that_has_its_ending_counts_no_more(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *evicted;
	for (unsigned i = 0; i < MAX_INBOUND; i++)
		add_inbound(registry, "10.1.0.1:1", 10 + i, 0);
	struct peer *outbound = add_ready(registry, PEER_OUTBOUND, 2);
	struct peer *last = find(registry, 10 + MAX_INBOUND - 1);
	registry_retire(registry, last);
	registry_retire(registry, last);
	registry_retire(registry, outbound);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, MAX_INBOUND - 1);
	CU_ASSERT_EQUAL(registry_count(registry).outbound, 1);
	CU_ASSERT_EQUAL(arrive(registry, 100, &evicted), REGISTRY_READY);
	registry_remove(registry, last);
	registry_remove(registry, outbound);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, MAX_INBOUND);
	CU_ASSERT_EQUAL(registry_count(registry).outbound, 0);
	remove_all(registry);
}

static void a_walk_comes_by_every_connection_once(void)
{
	enum { CONNECTIONS = 2 * REGISTRY_STEP + 10 };
	static struct peer *added[CONNECTIONS];
	struct registry *registry = new_registry(SELF);
	struct peer *step[REGISTRY_STEP];
	uint64_t after = 0;
	size_t count, seen = 0;
	for (int i = 0; i < CONNECTIONS; i++)
		added[i] = add_peer(registry, i % 2 == 0 ? PEER_INBOUND : PEER_OUTBOUND);
	registry_remove(registry, added[1]);
	while ((count = registry_walk(registry, &after, step)) > 0) {
		if (seen == 0) {
			add_peer(registry, PEER_INBOUND);
			registry_remove(registry, added[REGISTRY_STEP + 5]);
		}
		for (size_t i = 0; i < count; i++)
			peer_release(step[i]);
		seen += count;
	}
	CU_ASSERT_EQUAL(seen, CONNECTIONS - 1);
	remove_all(registry);
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
	{PEER_INBOUND, PEER_INBOUND, timeout_us, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_INBOUND, timeout_us + 1, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_OUTBOUND, PEER_OUTBOUND, 0, REGISTRY_REPLACES, REGISTRY_REPLACES},
	{PEER_OUTBOUND, PEER_OUTBOUND, timeout_us, REGISTRY_REPLACES, REGISTRY_REPLACES},
	{PEER_OUTBOUND, PEER_OUTBOUND, timeout_us + 1, REGISTRY_REPLACES, REGISTRY_REPLACES},
	/* Both have dialled at once: the dial of the smaller nodeid stays. */
	{PEER_OUTBOUND, PEER_INBOUND, 0, REGISTRY_REPLACES, REGISTRY_DUPLICATE},
	{PEER_OUTBOUND, PEER_INBOUND, timeout_us, REGISTRY_REPLACES, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_OUTBOUND, 0, REGISTRY_DUPLICATE, REGISTRY_REPLACES},
	{PEER_INBOUND, PEER_OUTBOUND, timeout_us, REGISTRY_DUPLICATE, REGISTRY_REPLACES},
	/* The first is too old for that. */
	{PEER_OUTBOUND, PEER_INBOUND, timeout_us + 1, REGISTRY_DUPLICATE, REGISTRY_DUPLICATE},
	{PEER_INBOUND, PEER_OUTBOUND, timeout_us + 1, REGISTRY_REPLACES, REGISTRY_REPLACES},
};

enum { DUPLICATE_CASES = sizeof duplicate_cases / sizeof *duplicate_cases };

static void check_duplicate(const struct duplicate_case *it, size_t i, unsigned number, enum registry_claim expected)
{
	struct registry *registry = new_registry(SELF);
	struct peer *first = add_ready(registry, it->first, number);
	struct peer *newcomer = add_peer(registry, it->newcomer), *other;
	enum registry_claim result = claim(registry, newcomer, number, start_us + it->age_us, &other);
	EXPECT(result == expected, "case %zu, node %u: %d", i, number, (int)result);
	EXPECT(other == first, "case %zu, node %u", i, number);
	EXPECT(find(registry, number) == (expected == REGISTRY_REPLACES ? newcomer : first), "case %zu, node %u", i,
	       number);
	remove_all(registry);
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
		struct registry *registry = new_registry(SELF);
		struct peer *first = add_ready(registry, it->first, LARGER);
		struct peer *newcomer = add_peer(registry, it->newcomer), *other;
		peer_close(first, BYE_TIMEOUT);
		enum registry_claim result = claim(registry, newcomer, LARGER, start_us + it->age_us, &other);
		EXPECT(result == REGISTRY_READY && other == NULL, "case %zu: %d", i, (int)result);
		registry_remove(registry, first);
		EXPECT(find(registry, LARGER) == newcomer, "case %zu", i);
		remove_all(registry);
	}
}

static void the_age_of_a_connection_counts_from_when_it_was_ready(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *first = add_peer(registry, PEER_OUTBOUND), *other;
	CU_ASSERT_EQUAL(claim(registry, first, SMALLER, start_us + 100 * timeout_us, &other), REGISTRY_READY);
	struct peer *newcomer = add_peer(registry, PEER_INBOUND);
	CU_ASSERT_EQUAL(claim(registry, newcomer, SMALLER, start_us + 101 * timeout_us, &other), REGISTRY_REPLACES);
	remove_all(registry);
}

static void a_replaced_connection_leaves_without_a_trace(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *first = add_ready(registry, PEER_INBOUND, LARGER);
	struct peer *second = add_peer(registry, PEER_OUTBOUND), *other;
	CU_ASSERT_EQUAL(claim(registry, second, LARGER, start_us, &other), REGISTRY_REPLACES);
	counts_are(registry, (struct registry_counts){.connections = 2, .inbound = 1, .outbound = 1});
	struct registry_snapshot ready = registry_take_snapshot(registry, true);
	CU_ASSERT(ready.count == 1 && is_in(&ready, second));
	registry_release_snapshot(&ready);
	registry_remove(registry, first);
	counts_are(registry, (struct registry_counts){.connections = 1, .outbound = 1});
	CU_ASSERT_PTR_EQUAL(find(registry, LARGER), second);
	struct peer *third = add_peer(registry, PEER_OUTBOUND);
	CU_ASSERT_EQUAL(claim(registry, third, LARGER, start_us, &other), REGISTRY_REPLACES);
	CU_ASSERT_PTR_EQUAL(other, second);
	registry_remove(registry, third);
	CU_ASSERT_PTR_NULL(find(registry, LARGER));
	remove_all(registry);
}

/* ---- full ---- */

static void beyond_the_limit_an_inbound_newcomer_finds_the_node_full(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *other, *first = add_ready(registry, PEER_INBOUND, 100);
	for (unsigned i = 1; i < MAX_INBOUND; i++)
		add_ready(registry, PEER_INBOUND, 100 + i);
	struct peer *newcomer = add_peer(registry, PEER_INBOUND);
	CU_ASSERT_EQUAL(claim(registry, newcomer, 200, start_us, &other), REGISTRY_FULL);
	CU_ASSERT_PTR_NULL(other);
	CU_ASSERT_PTR_NULL(find(registry, 200));
	counts_are(registry,
		   (struct registry_counts){.connections = MAX_INBOUND + 1, .handshakes = 1, .inbound = MAX_INBOUND});
	add_ready(registry, PEER_OUTBOUND, 300);
	struct peer *duplicate = add_peer(registry, PEER_INBOUND);
	CU_ASSERT_EQUAL(claim(registry, duplicate, 100, start_us, &other), REGISTRY_DUPLICATE);
	registry_remove(registry, first);
	CU_ASSERT_EQUAL(claim(registry, newcomer, 200, start_us, &other), REGISTRY_READY);
	remove_all(registry);
}

static void where_there_is_no_place_the_first_connection_of_a_pair_stays(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *other, *evicted, *first = add_ready(registry, PEER_OUTBOUND, SMALLER);
	settings.max_inbound = 40;
	for (unsigned i = 0; i < 40; i++)
		add_inbound(registry, "10.1.0.1:1", 100 + i, 0);
	struct peer *crossing = add_peer(registry, PEER_INBOUND);
	CU_ASSERT_EQUAL(claim(registry, crossing, SMALLER, start_us, &other), REGISTRY_FULL);
	CU_ASSERT_PTR_NULL(other);
	CU_ASSERT_PTR_EQUAL(find(registry, SMALLER), first);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, 40);
	/* Others find somebody who makes room, as before. */
	CU_ASSERT_EQUAL(arrive(registry, 200, &evicted), REGISTRY_EVICTS);
	settings.max_inbound = 41;
	CU_ASSERT_EQUAL(claim(registry, crossing, SMALLER, start_us, &other), REGISTRY_REPLACES);
	CU_ASSERT_PTR_EQUAL(other, first);
	remove_all(registry);
}

static void another_limit_holds_from_now_on(void)
{
	struct registry *registry = new_registry(SELF);
	struct peer *other;
	for (unsigned i = 0; i < MAX_INBOUND; i++)
		add_ready(registry, PEER_INBOUND, 100 + i);
	settings.max_inbound = MAX_INBOUND + 1;
	add_ready(registry, PEER_INBOUND, 200);
	settings.max_inbound = 1;
	struct peer *newcomer = add_peer(registry, PEER_INBOUND);
	CU_ASSERT_EQUAL(claim(registry, newcomer, 300, start_us, &other), REGISTRY_FULL);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, MAX_INBOUND + 1);
	remove_all(registry);
}

static void dialled_peers_take_no_inbound_place(void)
{
	struct registry *registry = new_registry(SELF);
	for (unsigned i = 0; i < MAX_INBOUND + 2; i++)
		add_ready(registry, PEER_OUTBOUND, 100 + i);
	for (unsigned i = 0; i < MAX_INBOUND; i++)
		add_ready(registry, PEER_INBOUND, 200 + i);
	remove_all(registry);
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
		crossing->registries[end] = new_registry((unsigned)end + 1);
	for (int c = 0; c < 2; c++)
		for (int end = 0; end < 2; end++)
			crossing->peers[c][end] =
				add_peer(crossing->registries[end], c == end ? PEER_OUTBOUND : PEER_INBOUND);
}

static void crossing_fini(struct crossing *crossing)
{
	remove_all(crossing->registries[0]);
	remove_all(crossing->registries[1]);
}

/* Brings the byes to their far ends. */
static void deliver_byes(struct crossing *crossing)
{
	for (int c = 0; c < 2; c++)
		for (int end = 0; end < 2; end++)
			if (peer_is_closing(crossing->peers[c][end]) && (end == c || !crossing->answered[c]))
				peer_end(crossing->peers[c][1 - end], PEER_LEFT, BYE_DUPLICATE, "bye: duplicate");
}

static void deliver_hello(struct crossing *crossing, int c, int end, int64_t now_us)
{
	struct peer *peer = crossing->peers[c][end], *other;
	bool is_dialler = end == c;
	if (peer_is_closing(peer) || (is_dialler && !crossing->answered[c]))
		return;
	enum registry_claim result = claim(crossing->registries[end], peer, (unsigned)(1 - end) + 1, now_us, &other);
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
			deliver_hello(&crossing, c, steps[c]++ == 0 ? 1 - c : c, start_us + step);
		}
		crossing.answered[0] = crossing.answered[1] = false;
		deliver_byes(&crossing);
		for (int end = 0; end < 2; end++)
			EXPECT(find(crossing.registries[end], (unsigned)(1 - end) + 1) == crossing.peers[0][end],
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
		struct peer *other, *peer = add_peer(worker->registry, PEER_INBOUND);
		peer_hold(peer);
		worker->claimed += registry_claim(worker->registry, peer, &nodeid, start_us, &other) == REGISTRY_READY;
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
	struct registry *registry = new_registry(SELF);
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
	remove_all(registry);
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
	struct remover remover = {.registry = new_registry(SELF)};
	struct thread thread;
	registry_wait_empty(remover.registry);
	remover.peer = add_peer(remover.registry, PEER_INBOUND);
	alarm_init(&remover.alarm);
	CU_ASSERT_EQUAL_FATAL(thread_start(&thread, wait_and_remove, &remover), 0);
	alarm_ring(&remover.alarm);
	registry_wait_empty(remover.registry);
	CU_ASSERT(remover.is_removed);
	thread_join(thread);
	alarm_fini(&remover.alarm);
	remove_all(remover.registry);
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
	struct registry *registry = new_registry(SELF);
	struct rng rng;
	int ones = 0;
	rng_seed(&rng, 1);
	CU_ASSERT_PTR_NULL(any_outbound(registry, &rng));
	add_ready(registry, PEER_INBOUND, 2);
	add_peer(registry, PEER_OUTBOUND);
	CU_ASSERT_PTR_NULL(any_outbound(registry, &rng));
	struct peer *one = add_ready(registry, PEER_OUTBOUND, 3), *other = add_ready(registry, PEER_OUTBOUND, 4);
	for (int turn = 0; turn < 1000; turn++) {
		struct peer *found = any_outbound(registry, &rng);
		CU_ASSERT(found == one || found == other);
		ones += found == one;
	}
	CU_ASSERT(ones > 400 && ones < 600);
	peer_close(one, BYE_FULL);
	CU_ASSERT_PTR_EQUAL(any_outbound(registry, &rng), other);
	remove_all(registry);
}

static CU_TestInfo tests[] = {
	{"a connection is counted by what it has become", a_connection_is_counted_by_what_it_has_become},
	{"the registry holds a connection until it is removed", the_registry_holds_a_connection_until_it_is_removed},
	{"a connection that shakes hands has no nodeid", a_connection_that_shakes_hands_has_no_nodeid},
	{"a closing connection is not found", a_closing_connection_is_not_found},
	{"a snapshot holds the connections of its moment", a_snapshot_holds_the_connections_of_its_moment},
	{"beyond max_handshakes the oldest of the host with most gives way",
	 beyond_max_handshakes_the_oldest_of_the_host_with_most_gives_way},
	{"what is no inbound handshake does not give way", what_is_no_inbound_handshake_does_not_give_way},
	{"a host and a group have a bound", a_host_and_a_group_have_a_bound},
	{"a connection counts for its host until it is over", a_connection_counts_for_its_host_until_it_is_over},
	{"what is over gives way at max_connections", what_is_over_gives_way_at_max_connections},
	{"who has given way becomes no peer", who_has_given_way_becomes_no_peer},
	{"max_connections leaves room for own dials", max_connections_leaves_room_for_own_dials},
	{"the youngest of the most crowded group makes room", the_youngest_of_the_most_crowded_group_makes_room},
	{"the eldest, the nearest and the only one of a group stay",
	 the_eldest_the_nearest_and_the_only_one_of_a_group_stay},
	{"where there is no place the first connection of a pair stays",
	 where_there_is_no_place_the_first_connection_of_a_pair_stays},
	{"without inbound peers nobody makes room", without_inbound_peers_nobody_makes_room},
	{"a peer that has its ending counts no more", a_peer_that_has_its_ending_counts_no_more},
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
