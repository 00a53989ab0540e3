#include "unit/members/crowd.h"

#include <stdatomic.h>

#include "base/must.h"
#include "runner.h"

const int64_t crowd_start_us = 1000 * SECOND_US;
struct settings crowd_settings;

struct registry *crowd_new(unsigned self)
{
	struct nodeid nodeid = nodeid_of(self);
	crowd_settings.handshake_timeout_us = CROWD_TIMEOUT_US;
	crowd_settings.max_inbound = CROWD_MAX_INBOUND;
	crowd_settings.max_connections = crowd_settings.max_handshakes = crowd_settings.max_per_address =
		crowd_settings.max_per_group = 0;
	crowd_settings.max_outbound = crowd_settings.max_dialing = 0;
	struct registry *registry = registry_new(&nodeid, &crowd_settings);
	CU_ASSERT_PTR_NOT_NULL_FATAL(registry);
	return registry;
}

struct peer *crowd_add_at(struct registry *registry, enum peer_direction direction, struct address address)
{
	struct dial dial = {.address = address};
	struct peer *peer = peer_new(direction, NULL, &dial, &crowd_settings, crowd_start_us);
	must(peer != NULL && registry_add(registry, peer));
	must(peer_connected(peer, &dial.address));
	peer_release(peer);
	return peer;
}

struct peer *crowd_add(struct registry *registry, enum peer_direction direction)
{
	/* Each is the only one of its network, so that nobody is evicted. */
	static atomic_uint last;
	unsigned number = ++last;
	struct address address = address_of("10.0.0.1:1");
	address.host[1] = (uint8_t)number;
	address.host[2] = (uint8_t)(number >> 8);
	return crowd_add_at(registry, direction, address);
}

enum registry_claim crowd_claim(struct registry *registry, struct peer *peer, unsigned number, int64_t now_us,
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

struct peer *crowd_add_ready(struct registry *registry, enum peer_direction direction, unsigned number)
{
	struct peer *peer = crowd_add(registry, direction), *other;
	CU_ASSERT_EQUAL(crowd_claim(registry, peer, number, crowd_start_us, &other), REGISTRY_READY);
	CU_ASSERT_PTR_NULL(other);
	return peer;
}

struct peer *crowd_find(struct registry *registry, unsigned number)
{
	struct nodeid nodeid = nodeid_of(number);
	struct peer *found = registry_find(registry, &nodeid);
	if (found != NULL)
		peer_release(found);
	return found;
}

bool crowd_counts_are(struct registry *registry, struct registry_counts expected)
{
	struct registry_counts counts = registry_count(registry);
	return EXPECT(counts.connections == expected.connections && counts.handshakes == expected.handshakes &&
			      counts.dials == expected.dials && counts.inbound == expected.inbound &&
			      counts.outbound == expected.outbound,
		      "%zu connections, %zu handshakes, %zu dials, %zu in, %zu out", counts.connections,
		      counts.handshakes, counts.dials, counts.inbound, counts.outbound);
}

void crowd_remove_all(struct registry *registry)
{
	struct registry_snapshot all = registry_take_snapshot(registry, false);
	for (size_t i = 0; i < all.count; i++)
		registry_remove(registry, all.peers[i]);
	registry_release_snapshot(&all);
	crowd_counts_are(registry, (struct registry_counts){0});
	registry_free(registry);
}

struct peer *crowd_add_inbound(struct registry *registry, const char *from, unsigned number, int64_t rtt_us)
{
	struct peer *peer = crowd_add_at(registry, PEER_INBOUND, address_of(from)), *other;
	struct message_hello hello = {.nodeid = nodeid_of(number)};
	CU_ASSERT_EQUAL(crowd_claim(registry, peer, number, crowd_start_us, &other), REGISTRY_READY);
	must(peer_ready(peer, &hello, &crowd_settings, &core_secret, crowd_start_us));
	if (rtt_us > 0) {
		peer_ping(peer, crowd_start_us);
		CU_ASSERT(peer_pong(peer, crowd_start_us + rtt_us));
	}
	return peer;
}

enum registry_claim crowd_arrive(struct registry *registry, unsigned number, struct peer **evicted)
{
	struct peer *newcomer = crowd_add_at(registry, PEER_INBOUND, address_of("192.0.2.1:1"));
	return crowd_claim(registry, newcomer, number, crowd_start_us, evicted);
}
