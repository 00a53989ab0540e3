#include "attacker.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/must.h"
#include "wire/message.h"

enum { FLOODS = 16 };

/* What he says as the node that listens at one address. */
struct role {
	struct buffer hello, addr;
};

struct attacker {
	struct attack attack; /* the first member: whoever has it has the attacker */
	struct world *world;
	struct host *hosts;
	size_t host_count;
	size_t ports;
	struct role *roles; /* ports of each host */
	struct buffer floods[FLOODS];
};

static struct attacker *attacker_of(const struct end *end)
{
	return (struct attacker *)end->wire->world->attack;
}

static struct message_entry entry_of(const struct attacker *attacker, size_t role)
{
	const struct host *host = &attacker->hosts[role / attacker->ports];
	struct message_entry entry = {.address = host->address, .nodeid = host->nodeid};
	size_t port = role % attacker->ports;
	entry.address.port = (uint16_t)(entry.address.port + port);
	entry.nodeid.bytes[0] ^= (uint8_t)port;
	entry.nodeid.bytes[1] ^= (uint8_t)(port >> 8);
	return entry;
}

static void encode(const struct message *message, struct buffer *line)
{
	must(message_encode(message, line));
}

static void prepare_role(struct attacker *attacker, size_t role)
{
	struct message_entry entry = entry_of(attacker, role);
	struct message hello = {.type = MESSAGE_HELLO,
				.hello = {.nodeid = entry.nodeid,
					  .version = MESSAGE_VERSION,
					  .network = "kith",
					  .has_network = true,
					  .listen = entry.address.port}};
	struct message addr = {.type = MESSAGE_ADDR, .addr = {.entries = &entry, .count = 1}};
	encode(&hello, &attacker->roles[role].hello);
	encode(&addr, &attacker->roles[role].addr);
}

/* As many of his addresses as a message may have, or all of them. */
static void prepare_flood(struct attacker *attacker, struct buffer *line)
{
	struct message_entry entries[MESSAGE_ADDR_ENTRIES];
	size_t roles = attacker->host_count * attacker->ports;
	struct message message = {.type = MESSAGE_ADDR, .addr.entries = entries};
	for (size_t i = 0; i < roles && i < MESSAGE_ADDR_ENTRIES; i++) {
		size_t role = roles <= MESSAGE_ADDR_ENTRIES ? i : world_below(attacker->world, (uint32_t)roles);
		entries[message.addr.count++] = entry_of(attacker, role);
	}
	encode(&message, line);
}

static void say(struct end *end, const struct buffer *line)
{
	end_say(end, buffer_content(line), buffer_length(line));
}

static const struct role *role_of(const struct end *end)
{
	const struct attacker *attacker = attacker_of(end);
	size_t port = end == &end->wire->ends[0] ? 0 : (size_t)(end->address.port - ADDRESS_DEFAULT_PORT);
	return &attacker->roles[(size_t)(end->host - attacker->hosts) * attacker->ports + port % attacker->ports];
}

static void flood(struct end *end)
{
	struct attacker *attacker = attacker_of(end);
	say(end, &attacker->floods[world_below(attacker->world, FLOODS)]);
	end_look_at(end, attacker->world->agenda.now_us + ATTACKER_FLOOD_US);
}

static bool is_of_type(const char *line, size_t length, const char *type)
{
	return memmem(line, length, type, strlen(type)) != NULL;
}

static void receive(struct end *end, const char *line, size_t length)
{
	const char *pong = message_bare_line(MESSAGE_PONG);
	bool is_accepted = end == &end->wire->ends[1];
	if (is_of_type(line, length, "\"hello\"")) {
		if (is_accepted)
			say(end, &role_of(end)->hello);
		say(end, &role_of(end)->addr);
		flood(end);
	} else if (is_of_type(line, length, "\"ping\"")) {
		end_say(end, pong, strlen(pong));
	} else if (is_of_type(line, length, "\"getaddr\"")) {
		flood(end);
	}
}

static void look(struct end *end)
{
	bool is_dialled = end == &end->wire->ends[0];
	if (end->is_greeted)
		flood(end);
	else if (is_dialled)
		say(end, &role_of(end)->hello);
	end->is_greeted = true;
}

/* ---- the dials ---- */

static size_t count_attackers(const struct host *node)
{
	size_t count = 0;
	for (size_t i = 0; i < node->end_count; i++)
		count += node->ends[i] == &node->ends[i]->wire->ends[1] && end_other(node->ends[i])->host->is_attacker;
	return count;
}

static void make_round(void *subject, uint32_t mark)
{
	struct attacker *attacker = subject;
	struct world *world = attacker->world;
	(void)mark;
	for (size_t i = 0; i < world->host_count; i++) {
		struct host *node = &world->hosts[i];
		if (node->is_attacker || node->state != HOST_UP || count_attackers(node) >= ATTACKER_INBOUND)
			continue;
		struct host *host = &attacker->hosts[world_below(world, (uint32_t)attacker->host_count)];
		host_dial(host, &node->address);
	}
	agenda_add(&world->agenda, world->agenda.now_us + ATTACKER_ROUND_US, make_round, attacker, 0);
}

struct attacker *attacker_new(struct world *world, size_t hosts)
{
	struct attacker *attacker = calloc(1, sizeof *attacker);
	must(attacker != NULL);
	attacker->attack = (struct attack){.receives = receive, .looks = look};
	attacker->world = world;
	attacker->host_count = hosts;
	attacker->ports = (ATTACKER_ADDRESSES + hosts - 1) / hosts;
	attacker->hosts = &world->hosts[world->host_count];
	for (size_t i = 0; i < hosts; i++) {
		const struct host *first = &attacker->hosts[i - i % ATTACKER_NETWORK_HOSTS];
		uint32_t network = i == 0 || &attacker->hosts[i] == first
					   ? 0
					   : (uint32_t)(first->address.host[0] << 8 | first->address.host[1]);
		struct host *host = world_add_host(world, network);
		host->is_attacker = true;
		host_start(host);
	}
	attacker->roles = calloc(hosts * attacker->ports, sizeof *attacker->roles);
	must(attacker->roles != NULL);
	for (size_t i = 0; i < hosts * attacker->ports; i++)
		prepare_role(attacker, i);
	for (size_t i = 0; i < FLOODS; i++)
		prepare_flood(attacker, &attacker->floods[i]);
	world->attack = &attacker->attack;
	agenda_add(&world->agenda, world->agenda.now_us, make_round, attacker, 0);
	return attacker;
}

void attacker_free(struct attacker *attacker)
{
	if (attacker == NULL)
		return;
	for (size_t i = 0; i < attacker->host_count * attacker->ports; i++) {
		buffer_fini(&attacker->roles[i].hello);
		buffer_fini(&attacker->roles[i].addr);
	}
	for (size_t i = 0; i < FLOODS; i++)
		buffer_fini(&attacker->floods[i]);
	free(attacker->roles);
	free(attacker);
}
