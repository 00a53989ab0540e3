#include "talk/protocol_priv.h"

#include <stdio.h>
#include <string.h>

/*
 * Without a route each address of the book fails for the same reason, again and again: the reason is logged once for
 * all addresses of a family, and the address that it was logged with says when it works again.
 */
static bool remember(struct protocol *protocol, enum address_family family, const char *text, const char *label)
	REQUIRES(protocol_guard)
{
	for (size_t i = 0; i < PROTOCOL_HINDRANCES; i++) {
		const struct hindrance *known = &protocol->hindrances[i];
		if (known->label[0] != '\0' && known->family == family && strcmp(known->text, text) == 0)
			return false;
	}
	struct hindrance *hindrance = &protocol->hindrances[protocol->next_hindrance++ % PROTOCOL_HINDRANCES];
	hindrance->family = family;
	snprintf(hindrance->text, sizeof hindrance->text, "%s", text);
	snprintf(hindrance->label, sizeof hindrance->label, "%s", label);
	return true;
}

void hindrances_note(struct protocol *protocol, struct peer *peer, const struct ending_words *words, int64_t now_us)
{
	const struct dial *dial = peer_dial(peer);
	char label[PEER_LABEL_BYTES];
	bool is_new = false;
	peer_label(peer, label);
	protocol_enter(protocol);
	if (!dial_is_feeler(dial))
		is_new = remember(protocol, dial->address.family, words->text, label);
	protocol_leave(protocol);
	ending_log(protocol, peer, is_new ? LOG_INFO : LOG_DEBUG, words, "", now_us);
}

void hindrances_over(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	char label[PEER_LABEL_BYTES];
	bool was_noted = false;
	peer_label(peer, label);
	protocol_enter(protocol);
	for (size_t i = 0; i < PROTOCOL_HINDRANCES; i++) {
		struct hindrance *hindrance = &protocol->hindrances[i];
		if (strcmp(hindrance->label, label) != 0)
			continue;
		was_noted = true;
		hindrance->label[0] = '\0';
	}
	protocol_leave(protocol);
	if (was_noted)
		lines_log_peer(protocol->parts.common.lines, peer, LOG_INFO, now_us,
			       "can be dialled from this machine again");
}
