#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "wire.h"

/* Any moment will do that isn't 0, which stands for never in places. */
#define START_US (1000 * SECOND_US)

double world_chance(struct world *world)
{
	return rng_below(&world->rng, 1U << 31) / (double)(1U << 31);
}

uint32_t world_below(struct world *world, uint32_t bound)
{
	return rng_below(&world->rng, bound);
}

void world_init(struct world *world, uint64_t seed, size_t most_hosts, size_t max_outbound)
{
	*world = (struct world){.host_capacity = most_hosts};
	agenda_init(&world->agenda, START_US);
	rng_seed(&world->rng, seed);
	settings_init(&world->first);
	settings_init(&world->others);
	world->first.max_addresses = world->others.max_addresses = WORLD_ADDRESSES;
	world->retransmit_us = WORLD_RETRANSMIT_US;
	world->first.max_outbound = world->others.max_outbound = (int64_t)max_outbound;
	world->hosts = calloc(most_hosts, sizeof *world->hosts);
	must(world->hosts != NULL);
}

void world_fini(struct world *world)
{
	for (size_t i = 0; i < world->host_count; i++) {
		struct host *host = &world->hosts[i];
		if (host->state == HOST_UP)
			host_die(host);
		address_records_fini(&host->saved);
		free(host->ends);
		free(host->outboxes);
	}
	HASH_CLEAR(hh, world->by_address);
	wire_free_all(world);
	agenda_fini(&world->agenda);
	settings_fini(&world->first);
	settings_fini(&world->others);
	free(world->hosts);
}

void world_run(struct world *world, int64_t until_us)
{
	agenda_run(&world->agenda, until_us);
}

static uint32_t key_of(const struct address *address)
{
	uint32_t key;
	memcpy(&key, address->host, sizeof key);
	return key;
}

struct host *world_find_host(struct world *world, const struct address *address)
{
	struct host *host;
	uint32_t key = key_of(address);
	HASH_FIND(hh, world->by_address, &key, sizeof key, host);
	return host;
}

/* A global unicast address that nobody has. */
static struct address new_address(struct world *world, uint32_t network)
{
	struct address address = {.port = ADDRESS_DEFAULT_PORT, .family = ADDRESS_IPV4};
	do {
		uint32_t prefix = network == 0 ? (1 + world_below(world, 223)) << 8 | world_below(world, 256) : network;
		address.host[0] = (uint8_t)(prefix >> 8);
		address.host[1] = (uint8_t)prefix;
		address.host[2] = (uint8_t)world_below(world, 256);
		address.host[3] = (uint8_t)(1 + world_below(world, 254));
	} while (address_scope_of(&address) != SCOPE_GLOBAL || world_find_host(world, &address) != NULL);
	return address;
}

struct host *world_add_host(struct world *world, uint32_t network)
{
	must(world->host_count < world->host_capacity);
	struct host *host = &world->hosts[world->host_count++];
	*host = (struct host){.world = world,
			      .address = new_address(world, network),
			      .x = world_chance(world),
			      .y = world_chance(world),
			      .settings = &world->others};
	for (size_t i = 0; i < sizeof host->nodeid.bytes; i++)
		host->nodeid.bytes[i] = (uint8_t)world_below(world, 256);
	host->key = key_of(&host->address);
	HASH_ADD(hh, world->by_address, key, sizeof host->key, host);
	return host;
}

void world_ping_rarely(struct world *world)
{
	world->first.probe_interval_us = world->others.probe_interval_us = world->first.ping_interval_us;
}

void world_report_nothing(struct world *world)
{
	world->first.max_nodes = world->others.max_nodes = 0;
}

static void add_cut(struct world *world, const struct host *from, const struct host *to, bool is_of_dials)
{
	must(world->cut_count < WORLD_CUTS);
	world->cuts[world->cut_count++] = (struct cut){.from = from, .to = to, .is_of_dials = is_of_dials};
}

void world_cut(struct world *world, const struct host *from, const struct host *to)
{
	add_cut(world, from, to, false);
}

void world_cut_dials(struct world *world, const struct host *from, const struct host *to)
{
	add_cut(world, from, to, true);
}

void world_heal(struct world *world)
{
	world->cut_count = 0;
}

void world_lose_one(struct world *world)
{
	struct host *host;
	do
		host = &world->hosts[1 + world_below(world, (uint32_t)world->host_count - 1)];
	while (host->state != HOST_UP || host->is_attacker);
	switch (world_below(world, 3)) {
	case 0:
		host_stop(host);
		break;
	case 1:
		host_kill(host);
		break;
	default:
		host_die(host);
	}
}

void world_set_bootstrap(struct world *world, struct host *bootstrap)
{
	struct problem problem;
	char text[ADDRESS_TEXT_BYTES];
	address_format(&bootstrap->address, text);
	must(settings_add_bootstrap(&world->others, text, "the simulation", &problem));
	bootstrap->settings = &world->first;
}

static void start_host(void *subject, uint32_t mark)
{
	(void)mark;
	host_start(subject);
}

void world_grow(struct world *world, size_t nodes, uint32_t within_us)
{
	struct host *bootstrap = world_add_host(world, 0);
	world_set_bootstrap(world, bootstrap);
	host_start(bootstrap);
	for (size_t i = 1; i < nodes; i++) {
		struct host *host = world_add_host(world, 0);
		agenda_add(&world->agenda, world->agenda.now_us + world_below(world, within_us), start_host, host, 0);
	}
}
