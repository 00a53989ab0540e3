#include "talk/protocol_priv.h"

#include <stdio.h>

/* A departure that may yet turn out to be none is logged later, if there is room to remember it. */
static bool put_off_departure(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
			      int64_t now_us)
{
	char label[PEER_LABEL_BYTES];
	peer_label(peer, label);
	protocol_enter(protocol);
	bool has_room = protocol->departure_count < PROTOCOL_DEPARTURES;
	if (has_room) {
		struct departure *departure = &protocol->departures[protocol->departure_count++];
		departure->nodeid = info->nodeid;
		departure->deadline_us = now_us + protocol->parts.settings->handshake_timeout_us;
		snprintf(departure->label, sizeof departure->label, "%s", label);
	}
	protocol_leave(protocol);
	if (has_room)
		alarm_ring(protocol->parts.alarm);
	return has_room;
}

static void log_ready_peer_ended(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
				 int64_t now_us)
{
	static const char *const words[] = {
		[PEER_GOES_ON] = "ended", [PEER_LEFT] = "left", [PEER_FAILED] = "failed", [PEER_CLOSED] = "closed"};
	if (info->reason == BYE_DUPLICATE) {
		peer_log(peer, LOG_DEBUG, "peer", "a duplicate connection is closed");
		if (address_book_is_connected(protocol->parts.book, &info->nodeid) ||
		    put_off_departure(protocol, peer, info, now_us))
			return;
	}
	if (protocol_take_log_line(protocol, peer, LOG_INFO, now_us))
		peer_log(peer, LOG_INFO, "peer", "%s (%s) after %.1f s", words[info->ending], info->ending_text,
			 (double)(now_us - info->since_us) / 1e6);
	if (info->ignored > 0 || info->useless > 0)
		peer_log(peer, LOG_DEBUG, "peer", "%lld messages were ignored, %lld addresses dropped",
			 (long long)info->ignored, (long long)info->useless);
}

static void end_ready_peer(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us)
{
	bool was_steady = now_us - info->since_us > protocol->parts.settings->handshake_timeout_us;
	bool gave_way = info->ending == PEER_CLOSED && info->reason == BYE_FULL;
	if (address_book_disconnected(protocol->parts.book, &info->nodeid, was_steady,
				      gave_way ? NULL : info->ending_text, now_us))
		alarm_ring(protocol->parts.alarm);
	log_ready_peer_ended(protocol, peer, info, now_us);
}

static void log_failed_dial(struct peer *peer, const struct peer_info *info, unsigned failures)
{
	bool is_refused = info->ending == PEER_LEFT && info->reason == BYE_DUPLICATE;
	/* A state is logged when it changes: the first failure, not each. */
	peer_log(peer, failures == 1 ? LOG_INFO : LOG_DEBUG, "dial", "failed (%s)", info->ending_text);
	if (is_refused && failures == PROTOCOL_DOUBLE_FAILURES)
		peer_log(
			peer, LOG_WARNING, "dial",
			"is connected with this nodeid, but not with this node: another node may have the same nodeid");
}

static void end_dial(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us)
{
	const struct dial *dial = peer_dial(peer);
	if (info->ending == PEER_GOES_ON) {
		peer_log(peer, LOG_DEBUG, "dial", "the name is looked up");
		return;
	}
	bool is_self = info->reason == BYE_SELF;
	if (is_self)
		address_book_add_self(protocol->parts.book, &dial->address);
	/* A feeler that has found somebody says bye itself; the far end may use the same word. */
	if (dial_is_feeler(dial) && info->reason == BYE_FEELER && info->ending == PEER_CLOSED) {
		peer_log(peer, LOG_DEBUG, "feeler", "over (%s)", info->ending_text);
		return;
	}
	unsigned failures =
		address_book_failed(protocol->parts.book, dial, is_self ? "reached myself" : info->ending_text, now_us);
	if (dial_is_feeler(dial))
		peer_log(peer, LOG_DEBUG, "feeler", "failed (%s)", info->ending_text);
	else if (is_self)
		peer_log(peer, LOG_DEBUG, "dial", "that is this node itself");
	else if (failures == 0)
		peer_log(peer, LOG_DEBUG, "dial", "over, the node is connected already (%s)", info->ending_text);
	else
		log_failed_dial(peer, info, failures);
}

void endings_conclude(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	struct peer_info info = peer_look(peer, now_us);
	if (info.state == PEER_READY)
		end_ready_peer(protocol, peer, &info, now_us);
	else if (info.direction == PEER_OUTBOUND)
		end_dial(protocol, peer, &info, now_us);
	else
		peer_log(peer, LOG_DEBUG, "peer", "ended before it was ready (%s)", info.ending_text);
}

int64_t endings_run(struct protocol *protocol, int64_t now_us)
{
	struct departure due[PROTOCOL_DEPARTURES];
	size_t due_count = 0, kept = 0;
	int64_t next_us = FOREVER_US;

	protocol_enter(protocol);
	for (size_t i = 0; i < protocol->departure_count; i++) {
		struct departure departure = protocol->departures[i];
		if (departure.deadline_us <= now_us) {
			due[due_count++] = departure;
			continue;
		}
		if (departure.deadline_us < next_us)
			next_us = departure.deadline_us;
		protocol->departures[kept++] = departure;
	}
	protocol->departure_count = kept;
	protocol_leave(protocol);
	for (size_t i = 0; i < due_count; i++)
		if (!address_book_is_connected(protocol->parts.book, &due[i].nodeid))
			log_info("peer %s: left (bye: duplicate, and no other connection came)", due[i].label);
	return next_us;
}
