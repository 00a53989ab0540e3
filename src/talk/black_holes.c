#include "talk/protocol_priv.h"

#define WHAT_TO_DO "lower the MTU of this path, or set net.ipv4.tcp_mtu_probing=1"

/* How many connections in a row have ended like this with the host, this one counted. */
static unsigned count_ends(struct protocol *protocol, const struct address *remote, bool is_one)
{
	struct black_hole *found = NULL;
	unsigned ends = 0;
	protocol_enter(protocol);
	for (size_t i = 0; i < PROTOCOL_BLACK_HOLES && found == NULL; i++)
		if (address_same_host(&protocol->black_holes[i].host, remote))
			found = &protocol->black_holes[i];
	if (found == NULL && is_one) {
		found = &protocol->black_holes[protocol->next_black_hole++ % PROTOCOL_BLACK_HOLES];
		*found = (struct black_hole){.host = *remote};
	}
	if (found != NULL && is_one)
		ends = ++found->ends;
	else if (found != NULL)
		*found = (struct black_hole){0};
	protocol_leave(protocol);
	return ends;
}

void black_holes_judge(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
		       struct ending_words *words)
{
	bool is_to_it = info->loses_large;
	/* It shook hands, and then answered nothing: what it answers to getaddr comes first. */
	bool is_from_it = !is_to_it && info->direction == PEER_OUTBOUND && info->ending == PEER_FAILED &&
			  info->reason == BYE_TIMEOUT && peer_rtt_us(peer) < 0;
	if (count_ends(protocol, &info->remote, is_to_it || is_from_it) < PROTOCOL_BLACK_HOLE_ENDS)
		return;
	words->hint = is_to_it ? ". Large packets do not get through to it (MTU?): " WHAT_TO_DO
			       : ". Perhaps large packets from it do not get through (MTU?): " WHAT_TO_DO " there";
	words->is_odd = true;
}
