#include "talk/protocol_priv.h"

static struct twin *find(struct protocol *protocol, const struct address *address) REQUIRES(protocol_guard)
{
	for (size_t i = 0; i < PROTOCOL_DOUBLES; i++)
		if (address_equals(&protocol->doubles[i].address, address))
			return &protocol->doubles[i];
	return NULL;
}

bool doubles_note(struct protocol *protocol, const struct address *address, int64_t now_us)
{
	/* The far end may have pinged just before, and does so once in this time. */
	int64_t enough_us = protocol->parts.common.settings->ping_timeout_us + PEER_HURRY_US;
	protocol_enter(protocol);
	struct twin *twin = find(protocol, address);
	if (twin == NULL) {
		twin = &protocol->doubles[protocol->next_double++ % PROTOCOL_DOUBLES];
		*twin = (struct twin){.address = *address, .since_us = now_us};
	}
	bool tells = !twin->is_told && now_us - twin->since_us > enough_us;
	twin->is_told = twin->is_told || tells;
	protocol_leave(protocol);
	return tells;
}

void doubles_over(struct protocol *protocol, const struct address *address)
{
	protocol_enter(protocol);
	struct twin *twin = find(protocol, address);
	if (twin != NULL)
		twin->address = (struct address){0};
	protocol_leave(protocol);
}
