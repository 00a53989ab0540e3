#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "talk/silence_priv.h"

/* The name of a node that is a peer, else the beginning of its nodeid. */
static void name_node(struct protocol *protocol, const struct nodeid *nodeid, char out[static MESSAGE_TEXT_BYTES])
{
	char text[NODEID_TEXT_BYTES];
	struct peer *peer = registry_find(protocol->parts.common.registry, nodeid);
	nodeid_format(nodeid, text);
	snprintf(out, MESSAGE_TEXT_BYTES, "%.8s", text);
	if (peer == NULL)
		return;
	const char *name = peer_look(peer, 0).name;
	if (name[0] != '\0')
		snprintf(out, MESSAGE_TEXT_BYTES, "%s", name);
	peer_release(peer);
}

/* "beta", "beta and gamma", "beta, gamma and 2 more": those that say this. Returns how many. */
static size_t name_witnesses(struct protocol *protocol, const struct suspicion *suspicion, enum testimony testimony,
			     char *out, size_t room)
{
	enum { NAMED = 2 };
	char names[NAMED][MESSAGE_TEXT_BYTES];
	size_t count = 0;
	for (size_t i = 0; i < suspicion->count; i++) {
		if (suspicion->witnesses[i].testimony != testimony)
			continue;
		if (count < NAMED)
			name_node(protocol, &suspicion->witnesses[i].nodeid, names[count]);
		count++;
	}
	out[0] = '\0';
	if (count == 1)
		snprintf(out, room, "%s", names[0]);
	else if (count == NAMED)
		snprintf(out, room, "%s and %s", names[0], names[1]);
	else if (count > NAMED)
		snprintf(out, room, "%s, %s and %zu more", names[0], names[1], count - NAMED);
	return count;
}

enum { NAMES_BYTES = 2 * MESSAGE_TEXT_BYTES + 32 };

void silence_say_verdict(struct protocol *protocol, const struct suspicion *evidence, int64_t silent_us,
			 char out[static PEER_ENDING_BYTES])
{
	char names[NAMES_BYTES];
	name_witnesses(protocol, evidence, TESTIMONY_UNHEARD, names, sizeof names);
	snprintf(out, PEER_ENDING_BYTES, "silent for %.1f s, also to %s", (double)silent_us / 1e6, names);
}

void protocol_say_timeout(struct protocol *protocol, struct peer *peer, int64_t now_us,
			  char out[static PEER_ENDING_BYTES])
{
	struct suspicion suspicion;
	struct peer_info info = peer_look(peer, now_us);
	char names[NAMES_BYTES], text[NAMES_BYTES + 64], duration[TEXT_DURATION_BYTES];
	bool is_silent = info.late_us >= info.waiting_us / 2;
	int64_t lasted_us = is_silent ? info.late_us : info.waiting_us;
	text_duration(lasted_us > 0 ? lasted_us : 0, duration);
	if (!silence_look(protocol, &info.nodeid, &suspicion))
		suspicion = (struct suspicion){.count = 0};
	if (!is_silent)
		snprintf(text, sizeof text, "no answer to a ping for %s", duration);
	else if (name_witnesses(protocol, &suspicion, TESTIMONY_HEARD, names, sizeof names) > 0)
		snprintf(text, sizeof text, "silent for %s; %s still hear%s it", duration, names,
			 strstr(names, " and ") == NULL ? "s" : "");
	else if (name_witnesses(protocol, &suspicion, TESTIMONY_UNHEARD, names, sizeof names) > 0)
		snprintf(text, sizeof text, "silent for %s, also to %s", duration, names);
	else
		snprintf(text, sizeof text, "silent for %s; no witness", duration);
	snprintf(out, PEER_ENDING_BYTES, "%.*s", PEER_ENDING_BYTES - 1, text);
}
