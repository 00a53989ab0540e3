#include "reflector.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/must.h"
#include "talk/gossip.h"
#include "wire/message.h"

struct reflector {
	struct attack attack; /* the first member: whoever has it has the reflector */
	struct buffer hello, told;
};

static void receive(struct end *end, const char *line, size_t length)
{
	struct reflector *reflector = (struct reflector *)end->wire->world->attack;
	const char *pong = message_bare_line(MESSAGE_PONG);
	if (memmem(line, length, "\"hello\"", 7) != NULL)
		end_say(end, buffer_content(&reflector->told), buffer_length(&reflector->told));
	else if (memmem(line, length, "\"ping\"", 6) != NULL)
		end_say(end, pong, strlen(pong));
}

static void look(struct end *end)
{
	struct reflector *reflector = (struct reflector *)end->wire->world->attack;
	if (!end->is_greeted)
		end_say(end, buffer_content(&reflector->hello), buffer_length(&reflector->hello));
	end->is_greeted = true;
}

struct reflector *reflector_new(struct world *world, const struct host *node, const struct address *victim,
				size_t ports)
{
	struct reflector *reflector = calloc(1, sizeof *reflector);
	must(reflector != NULL);
	reflector->attack = (struct attack){.receives = receive, .looks = look};
	struct host *host = world_add_host(world, 0);
	host->is_attacker = true;
	host_start(host);
	struct message hello = {
		.type = MESSAGE_HELLO,
		.hello = {.nodeid = host->nodeid, .version = MESSAGE_VERSION, .network = "kith", .has_network = true}};
	must(message_encode(&hello, &reflector->hello));
	struct message_entry entries[GOSSIP_ENTRIES] = {0};
	struct message addr = {.type = MESSAGE_ADDR, .addr.entries = entries};
	for (size_t i = 0; i < ports; i++) {
		struct message_entry *entry = &entries[addr.addr.count++];
		entry->address = *victim;
		entry->address.port = (uint16_t)(victim->port + i);
		if (addr.addr.count < GOSSIP_ENTRIES && i + 1 < ports)
			continue;
		must(message_encode(&addr, &reflector->told));
		addr.addr.count = 0;
	}
	world->attack = &reflector->attack;
	host_dial(host, &node->address);
	return reflector;
}

size_t reflector_bytes(const struct reflector *reflector)
{
	return buffer_length(&reflector->hello) + buffer_length(&reflector->told);
}

void reflector_free(struct reflector *reflector)
{
	buffer_fini(&reflector->hello);
	buffer_fini(&reflector->told);
	free(reflector);
}
