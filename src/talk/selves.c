#include "talk/protocol_priv.h"

void selves_note(struct protocol *protocol, const struct address *from)
{
	protocol_enter(protocol);
	protocol->selves[protocol->next_self++ % PROTOCOL_SELVES] = *from;
	protocol_leave(protocol);
}

bool selves_have(struct protocol *protocol, const struct address *from)
{
	bool found = false;
	protocol_enter(protocol);
	for (size_t i = 0; i < PROTOCOL_SELVES && !found; i++)
		found = address_is_known(from) && address_equals(&protocol->selves[i], from);
	protocol_leave(protocol);
	return found;
}
