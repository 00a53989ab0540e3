#include "runner.h"
#include "unit/members/crowd.h"
#include "unit/suites.h"

/* ---- who may come in ---- */

/* What is said of a connection from there, and which handshake gives way for it. */
static enum registry_limit admit(struct registry *registry, const char *from, struct peer **gives_way)
{
	struct address address = address_of(from);
	enum registry_limit limit = registry_admit(registry, &address, gives_way);
	if (*gives_way != NULL)
		peer_release(*gives_way);
	return limit;
}

/* A handshake, if it may come in; what was said. */
static enum registry_limit come(struct registry *registry, const char *from)
{
	struct peer *gives_way;
	enum registry_limit limit = admit(registry, from, &gives_way);
	if (limit == REGISTRY_NO_LIMIT)
		crowd_add_at(registry, PEER_INBOUND, address_of(from));
	return limit;
}

static void beyond_max_handshakes_the_oldest_of_the_host_with_most_gives_way(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *gives_way;
	crowd_settings.max_handshakes = 4;
	crowd_add_at(registry, PEER_INBOUND, address_of("10.0.0.1:1"));
	struct peer *first = crowd_add_at(registry, PEER_INBOUND, address_of("10.0.0.2:1"));
	struct peer *second = crowd_add_at(registry, PEER_INBOUND, address_of("10.0.0.2:2"));
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.3:1", &gives_way), REGISTRY_NO_LIMIT);
	CU_ASSERT_PTR_NULL(gives_way);
	crowd_add_at(registry, PEER_INBOUND, address_of("10.0.0.3:1"));
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &gives_way), REGISTRY_NO_LIMIT);
	CU_ASSERT_PTR_EQUAL(gives_way, first);
	CU_ASSERT_EQUAL(registry_count(registry).handshakes, 3);
	/* It has gone, though its connection lasts for a moment. */
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &gives_way), REGISTRY_NO_LIMIT);
	CU_ASSERT_PTR_NULL(gives_way);
	crowd_add_at(registry, PEER_INBOUND, address_of("10.0.0.4:1"));
	/* Each has one now, and the one that comes is the second of its host. */
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.2:3", &gives_way), REGISTRY_NO_LIMIT);
	CU_ASSERT_PTR_EQUAL(gives_way, second);
	crowd_remove_all(registry);
}

static void what_is_no_inbound_handshake_does_not_give_way(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *gives_way, *other;
	crowd_settings.max_handshakes = 1;
	crowd_add_at(registry, PEER_OUTBOUND, address_of("10.0.0.1:1"));
	struct peer *ready = crowd_add_at(registry, PEER_INBOUND, address_of("10.0.0.2:1"));
	crowd_claim(registry, ready, 2, &other);
	struct peer *over = crowd_add_at(registry, PEER_INBOUND, address_of("10.0.0.2:2"));
	registry_retire(registry, over);
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.3:1", &gives_way), REGISTRY_NO_LIMIT);
	CU_ASSERT_PTR_NULL(gives_way);
	CU_ASSERT_EQUAL(registry_count(registry).handshakes, 0);
	CU_ASSERT_EQUAL(registry_count(registry).connections, 3);
	crowd_remove_all(registry);
}

static void the_strangers_of_a_public_host_and_group_have_a_bound(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	crowd_settings.max_per_address = 2;
	crowd_settings.max_per_group = 3;
	CU_ASSERT_EQUAL(come(registry, "198.51.100.1:1"), REGISTRY_NO_LIMIT);
	CU_ASSERT_EQUAL(come(registry, "198.51.100.1:2"), REGISTRY_NO_LIMIT);
	CU_ASSERT_EQUAL(come(registry, "198.51.100.1:3"), REGISTRY_MAX_PER_ADDRESS);
	CU_ASSERT_EQUAL(come(registry, "198.51.100.2:1"), REGISTRY_NO_LIMIT);
	CU_ASSERT_EQUAL(come(registry, "198.51.100.3:1"), REGISTRY_MAX_PER_GROUP);
	CU_ASSERT_EQUAL(come(registry, "198.51.101.3:1"), REGISTRY_NO_LIMIT);
	CU_ASSERT_EQUAL(come(registry, "[2001:db8:0:1::1]:1"), REGISTRY_NO_LIMIT);
	CU_ASSERT_EQUAL(come(registry, "[2001:db8:0:2::1]:1"), REGISTRY_NO_LIMIT);
	CU_ASSERT_EQUAL(come(registry, "[2001:db8:0:ff::1]:1"), REGISTRY_NO_LIMIT);
	CU_ASSERT_EQUAL(come(registry, "[2001:db8:0:3::1]:1"), REGISTRY_MAX_PER_GROUP);
	CU_ASSERT_EQUAL(come(registry, "[2001:db8:0:100::1]:1"), REGISTRY_NO_LIMIT);
	crowd_remove_all(registry);
}

static void ones_own_networks_have_no_such_bound(void)
{
	static const char *const hosts[] = {"127.0.0.1:1",  "[::1]:1",	     "10.0.0.1:1",
					    "172.16.0.1:1", "192.168.0.1:1", "169.254.0.1:1",
					    "100.64.0.1:1", "[fd00::1]:1",   "[fe80::1]:1"};
	struct registry *registry = crowd_new(CROWD_SELF);
	crowd_settings.max_per_address = crowd_settings.max_per_group = 1;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		for (int j = 0; j < 10; j++)
			EXPECT(come(registry, hosts[i]) == REGISTRY_NO_LIMIT, "%s", hosts[i]);
	crowd_remove_all(registry);
}

static void a_connection_counts_for_its_host_until_it_is_over(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	crowd_settings.max_per_address = 1;
	struct peer *peer = crowd_add_at(registry, PEER_INBOUND, address_of("198.51.100.1:1"));
	registry_retire(registry, peer);
	CU_ASSERT_EQUAL(come(registry, "198.51.100.1:2"), REGISTRY_MAX_PER_ADDRESS);
	registry_remove(registry, peer);
	/* What this node dials doesn't count. */
	crowd_add_at(registry, PEER_OUTBOUND, address_of("198.51.100.1:3"));
	CU_ASSERT_EQUAL(come(registry, "198.51.100.1:2"), REGISTRY_NO_LIMIT);
	crowd_remove_all(registry);
}

static void members_and_peers_count_for_no_host(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *other;
	crowd_settings.max_per_address = crowd_settings.max_per_group = 1;
	struct peer *peer = crowd_add_at(registry, PEER_INBOUND, address_of("198.51.100.1:1"));
	crowd_claim(registry, peer, 2, &other);
	CU_ASSERT_EQUAL(come(registry, "198.51.100.1:2"), REGISTRY_NO_LIMIT);
	CU_ASSERT_EQUAL(come(registry, "198.51.100.1:3"), REGISTRY_MAX_PER_ADDRESS);
	/* Its end changes nothing for those that still count. */
	registry_retire(registry, peer);
	registry_remove(registry, peer);
	CU_ASSERT_EQUAL(come(registry, "198.51.100.1:3"), REGISTRY_MAX_PER_ADDRESS);
	struct peer *member = crowd_add_at(registry, PEER_INBOUND, address_of("203.0.113.1:1"));
	CU_ASSERT_EQUAL(come(registry, "203.0.113.2:1"), REGISTRY_MAX_PER_GROUP);
	registry_trust(registry, member);
	registry_trust(registry, member);
	CU_ASSERT_EQUAL(come(registry, "203.0.113.2:1"), REGISTRY_NO_LIMIT);
	crowd_remove_all(registry);
}

static void what_is_over_gives_way_at_max_connections(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *goes;
	crowd_settings.max_connections = 3;
	struct peer *first = crowd_add_at(registry, PEER_INBOUND, address_of("10.0.0.1:1"));
	struct peer *second = crowd_add_at(registry, PEER_INBOUND, address_of("10.0.0.2:1"));
	crowd_add_at(registry, PEER_INBOUND, address_of("10.0.0.3:1"));
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &goes), REGISTRY_MAX_CONNECTIONS);
	CU_ASSERT_PTR_NULL(goes);
	registry_retire(registry, second);
	registry_retire(registry, first);
	/* Each once, the one that ended first before the other; there is room when they have gone. */
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &goes), REGISTRY_MAX_CONNECTIONS);
	CU_ASSERT_PTR_EQUAL(goes, second);
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &goes), REGISTRY_MAX_CONNECTIONS);
	CU_ASSERT_PTR_EQUAL(goes, first);
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &goes), REGISTRY_MAX_CONNECTIONS);
	CU_ASSERT_PTR_NULL(goes);
	registry_remove(registry, first);
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.4:1", &goes), REGISTRY_NO_LIMIT);
	CU_ASSERT_PTR_NULL(goes);
	crowd_remove_all(registry);
}

static void who_has_given_way_becomes_no_peer(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *goes, *other;
	crowd_settings.max_handshakes = 1;
	struct peer *peer = crowd_add_at(registry, PEER_INBOUND, address_of("10.0.0.1:1"));
	CU_ASSERT_EQUAL(admit(registry, "10.0.0.2:1", &goes), REGISTRY_NO_LIMIT);
	CU_ASSERT_PTR_EQUAL(goes, peer);
	CU_ASSERT_EQUAL(crowd_claim(registry, peer, 2, &other), REGISTRY_FULL);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, 0);
	crowd_remove_all(registry);
}

static void max_connections_leaves_room_for_own_dials(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	crowd_settings.max_connections = 6;
	crowd_settings.max_outbound = 2;
	crowd_settings.max_dialing = 1;
	crowd_add_ready(registry, PEER_OUTBOUND, 2);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(come(registry, "127.0.0.1:1"), REGISTRY_NO_LIMIT);
	CU_ASSERT_EQUAL(come(registry, "127.0.0.1:1"), REGISTRY_MAX_CONNECTIONS);
	crowd_add_ready(registry, PEER_OUTBOUND, 3);
	crowd_add(registry, PEER_OUTBOUND);
	CU_ASSERT_EQUAL(registry_count(registry).connections, 6);
	CU_ASSERT_EQUAL(come(registry, "127.0.0.1:1"), REGISTRY_MAX_CONNECTIONS);
	crowd_settings.max_connections = 0;
	CU_ASSERT_EQUAL(come(registry, "127.0.0.1:1"), REGISTRY_NO_LIMIT);
	crowd_remove_all(registry);
}

/* ---- eviction ---- */

static void the_youngest_of_the_most_crowded_group_makes_room(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *evicted, *peers[8];
	crowd_settings.max_inbound = 8;
	/* Two of the eldest quarter, a group of two, a group of three, and one alone that is the youngest. */
	static const char *const hosts[] = {"10.1.0.1:1", "10.1.0.2:1", "10.2.0.1:1", "10.2.0.2:1",
					    "10.3.0.1:1", "10.3.0.2:1", "10.3.0.3:1", "10.4.0.1:1"};
	for (unsigned i = 0; i < 8; i++)
		peers[i] = crowd_add_inbound(registry, hosts[i], i + 10, 0);
	CU_ASSERT_EQUAL(crowd_arrive(registry, 100, &evicted), REGISTRY_EVICTS);
	CU_ASSERT_PTR_EQUAL(evicted, peers[6]);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, 8);
	/* It goes once, though it is still there: groups 2 and 3 have two each, and the youngest is in 3. */
	CU_ASSERT_EQUAL(crowd_arrive(registry, 101, &evicted), REGISTRY_EVICTS);
	CU_ASSERT_PTR_EQUAL(evicted, peers[5]);
	crowd_remove_all(registry);
}

static void the_eldest_the_nearest_and_the_only_one_of_a_group_stay(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *evicted;
	enum { FIRST = 10 };
	crowd_settings.max_inbound = 12;
	/* Three of the eldest quarter and one that is alone. */
	for (unsigned i = 0; i < 3; i++)
		crowd_add_inbound(registry, "10.1.0.1:1", FIRST + i, 90000);
	crowd_add_inbound(registry, "10.2.0.1:1", FIRST + 3, 90000);
	/* Eight of one group; the one that is farthest is none of the nearest once there is another near one. */
	for (unsigned i = 4; i < 12; i++)
		crowd_add_inbound(registry, "10.3.0.1:1", FIRST + i, 1000 + i);
	CU_ASSERT_EQUAL(crowd_arrive(registry, 100, &evicted), REGISTRY_FULL);
	CU_ASSERT_PTR_NULL(evicted);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, 12);
	crowd_settings.max_inbound = 13;
	struct peer *nearest = crowd_add_inbound(registry, "10.4.0.1:1", 50, 10);
	CU_ASSERT_EQUAL(crowd_arrive(registry, 101, &evicted), REGISTRY_EVICTS);
	CU_ASSERT_PTR_NOT_EQUAL(evicted, nearest);
	struct peer_info info = peer_look(evicted, crowd_start_us);
	/* Of 13, four are the eldest quarter. */
	CU_ASSERT_EQUAL(info.rtt_us, 1000 + 11);
	crowd_remove_all(registry);
}

static void without_inbound_peers_nobody_makes_room(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *evicted;
	crowd_settings.max_inbound = 0;
	for (unsigned i = 0; i < 20; i++)
		crowd_add_ready(registry, PEER_OUTBOUND, 10 + i);
	CU_ASSERT_EQUAL(crowd_arrive(registry, 100, &evicted), REGISTRY_FULL);
	CU_ASSERT_PTR_NULL(evicted);
	/* Nor does anybody after the limit was lowered below what there is. */
	crowd_settings.max_inbound = 20;
	for (unsigned i = 0; i < 20; i++)
		crowd_add_inbound(registry, "10.1.0.1:1", 50 + i, 0);
	crowd_settings.max_inbound = 19;
	CU_ASSERT_EQUAL(crowd_arrive(registry, 101, &evicted), REGISTRY_FULL);
	crowd_settings.max_inbound = 0;
	CU_ASSERT_EQUAL(crowd_arrive(registry, 102, &evicted), REGISTRY_FULL);
	crowd_settings.max_inbound = 20;
	CU_ASSERT_EQUAL(crowd_arrive(registry, 103, &evicted), REGISTRY_EVICTS);
	crowd_remove_all(registry);
}

static void a_peer_that_has_its_ending_counts_no_more(void)
{
	struct registry *registry = crowd_new(CROWD_SELF);
	struct peer *evicted;
	for (unsigned i = 0; i < CROWD_MAX_INBOUND; i++)
		crowd_add_inbound(registry, "10.1.0.1:1", 10 + i, 0);
	struct peer *outbound = crowd_add_ready(registry, PEER_OUTBOUND, 2);
	struct peer *last = crowd_find(registry, 10 + CROWD_MAX_INBOUND - 1);
	registry_retire(registry, last);
	registry_retire(registry, last);
	registry_retire(registry, outbound);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, CROWD_MAX_INBOUND - 1);
	CU_ASSERT_EQUAL(registry_count(registry).outbound, 1);
	CU_ASSERT_EQUAL(crowd_arrive(registry, 100, &evicted), REGISTRY_READY);
	registry_remove(registry, last);
	registry_remove(registry, outbound);
	CU_ASSERT_EQUAL(registry_count(registry).inbound, CROWD_MAX_INBOUND);
	CU_ASSERT_EQUAL(registry_count(registry).outbound, 0);
	crowd_remove_all(registry);
}

static CU_TestInfo tests[] = {
	{"beyond max_handshakes the oldest of the host with most gives way",
	 beyond_max_handshakes_the_oldest_of_the_host_with_most_gives_way},
	{"what is no inbound handshake does not give way", what_is_no_inbound_handshake_does_not_give_way},
	{"the strangers of a public host and group have a bound",
	 the_strangers_of_a_public_host_and_group_have_a_bound},
	{"one's own networks have no such bound", ones_own_networks_have_no_such_bound},
	{"members and peers count for no host", members_and_peers_count_for_no_host},
	{"a connection counts for its host until it is over", a_connection_counts_for_its_host_until_it_is_over},
	{"what is over gives way at max_connections", what_is_over_gives_way_at_max_connections},
	{"who has given way becomes no peer", who_has_given_way_becomes_no_peer},
	{"max_connections leaves room for own dials", max_connections_leaves_room_for_own_dials},
	{"the youngest of the most crowded group makes room", the_youngest_of_the_most_crowded_group_makes_room},
	{"the eldest, the nearest and the only one of a group stay",
	 the_eldest_the_nearest_and_the_only_one_of_a_group_stay},
	{"without inbound peers nobody makes room", without_inbound_peers_nobody_makes_room},
	{"a peer that has its ending counts no more", a_peer_that_has_its_ending_counts_no_more},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_eviction = {.pName = "eviction", .pTests = tests};
