#include <stdarg.h>
#include <stdio.h>

#include "link/peer_priv.h"

void peer_label(struct peer *peer, char out[static PEER_LABEL_BYTES])
{
	char address[ADDRESS_TEXT_BYTES], nodeid[NODEID_TEXT_BYTES], name[MESSAGE_TEXT_BYTES];
	peer_enter(peer);
	struct nodeid id = peer->nodeid;
	struct address at = peer->dial.address;
	if (address_is_known(&peer->listen))
		at = peer->listen;
	else if (address_is_known(&peer->claim))
		at = peer->claim;
	snprintf(name, sizeof name, "%s", peer->name == NULL ? "" : peer->name);
	peer_leave(peer);
	if (peer->dial.host != NULL) {
		snprintf(out, PEER_LABEL_BYTES, "%.80s:%u", peer->dial.host, (unsigned)peer->dial.port);
		return;
	}
	address_format(&at, address);
	nodeid_format(&id, nodeid);
	if (nodeid_is_none(&id))
		snprintf(out, PEER_LABEL_BYTES, "%s", address);
	else if (name[0] == '\0')
		snprintf(out, PEER_LABEL_BYTES, "%.8s (%s)", nodeid, address);
	else
		snprintf(out, PEER_LABEL_BYTES, "%s (%.8s, %s)", name, nodeid, address);
}

void peer_log_line(struct peer *peer, enum log_level level, const char *format, ...)
{
	char label[PEER_LABEL_BYTES], text[512];
	va_list arguments;
	peer_label(peer, label);
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	log_line(level, "%s %s", label, text);
}
