#include "talk/notes_priv.h"

#include <stdio.h>

#include "base/text.h"

/*
 * The node may still be connected: its departure is logged later, if there is room to remember it. When 20 nodes start
 * at once, 20 of their connections end as duplicates before the one that stays is READY: each would log a peer that
 * left.
 */
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
		departure->deadline_us = now_us + protocol->parts.common.settings->handshake_timeout_us;
		snprintf(departure->label, sizeof departure->label, "%s", label);
		notes_put_off(peer, info, departure);
	}
	protocol_leave(protocol);
	if (has_room)
		alarm_ring(protocol->parts.alarm);
	return has_room;
}

static void log_ready_peer_ended(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
				 const struct ending_words *words, int64_t now_us)
{
	if (info->reason == BYE_DUPLICATE) {
		peer_log(peer, LOG_DEBUG, "has one connection less, which was a duplicate");
		if (address_book_is_connected(protocol->parts.common.book, &info->nodeid) ||
		    put_off_departure(protocol, peer, info, now_us))
			return;
	}
	notes_peer_down(protocol, peer, info, words, now_us);
	enum log_level level = words->is_odd ? LOG_WARNING : LOG_INFO;
	if (protocol_take_log_line(protocol, peer, level, now_us)) {
		char duration[TEXT_DURATION_BYTES], since[TEXT_DURATION_BYTES + 16];
		text_duration(now_us - info->since_us, duration);
		snprintf(since, sizeof since, "; was up %s", duration);
		ending_log(peer, level, words, since);
	}
	if (info->ignored > 0 || info->useless > 0)
		peer_log(peer, LOG_DEBUG, "sent %lld messages that were ignored and %lld addresses that were dropped",
			 (long long)info->ignored, (long long)info->useless);
}

static void end_ready_peer(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us)
{
	bool was_steady = now_us - info->since_us > protocol->parts.common.settings->handshake_timeout_us;
	bool gave_way = info->ending == PEER_CLOSED && (info->reason == BYE_FULL || info->reason == BYE_OPERATOR);
	bool is_blameless = gave_way || info->ending == PEER_HINDERED;
	struct ending_words words;
	ending_words(protocol, peer, info, &words);
	black_holes_judge(protocol, peer, info, &words);
	notes_connection_ended(protocol, info);
	if (address_book_disconnected(protocol->parts.common.book, &info->nodeid, was_steady,
				      is_blameless ? NULL : words.text, now_us))
		alarm_ring(protocol->parts.alarm);
	log_ready_peer_ended(protocol, peer, info, &words, now_us);
}

static void log_failed_dial(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
			    const struct ending_words *words, unsigned failures, int64_t now_us)
{
	const struct address *address = &peer_dial(peer)->address;
	bool is_duplicate = info->ending == PEER_LEFT && info->reason == BYE_DUPLICATE;
	bool is_wrong = info->ending == PEER_CLOSED && info->reason == BYE_PROTOCOL;
	/* Of failures in a row the first is logged, not each; what it does wrong may differ each time. */
	ending_log(peer, is_wrong ? LOG_WARNING : failures == 1 ? LOG_INFO : LOG_DEBUG, words, "");
	if (!is_duplicate)
		doubles_over(protocol, address);
	else if (doubles_note(protocol, address, now_us))
		peer_log(
			peer, LOG_WARNING,
			"is connected with this nodeid, but not with this node: another node may have the same nodeid");
}

static void end_dial(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us)
{
	const struct dial *dial = peer_dial(peer);
	struct ending_words words;
	if (info->ending == PEER_GOES_ON) {
		peer_log(peer, LOG_DEBUG, "was looked up");
		hindrances_over(protocol, peer);
		return;
	}
	if (info->reason == BYE_SELF)
		address_book_add_self(protocol->parts.common.book, &dial->address);
	/* A feeler that has found somebody says bye itself; the far end may use the same word. */
	if (dial_is_feeler(dial) && info->reason == BYE_FEELER && info->ending == PEER_CLOSED) {
		counters_count(protocol->parts.common.counters, COUNTER_DIALS_FOUND);
		return;
	}
	ending_words(protocol, peer, info, &words);
	bool is_news = notes_is_news(protocol, peer, &words);
	if (info->ending == PEER_HINDERED) {
		address_book_hindered(protocol->parts.common.book, dial, words.text, now_us);
		notes_dial_failed(protocol, peer, &words, is_news, 1);
		hindrances_note(protocol, peer, &words);
		return;
	}
	hindrances_over(protocol, peer);
	unsigned failures = address_book_failed(protocol->parts.common.book, dial, words.text, now_us);
	notes_dial_failed(protocol, peer, &words, is_news, failures);
	if (dial_is_feeler(dial) || info->reason == BYE_SELF || failures == 0)
		ending_log(peer, LOG_DEBUG, &words, "");
	else
		log_failed_dial(protocol, peer, info, &words, failures, now_us);
}

static void end_stranger(struct protocol *protocol, struct peer *peer, const struct peer_info *info)
{
	struct ending_words words;
	ending_words(protocol, peer, info, &words);
	notes_stranger_gone(protocol, info, &words);
	ending_log(peer, LOG_DEBUG, &words, "");
}

void endings_conclude(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	struct peer_info info = peer_look(peer, now_us);
	if (info.state == PEER_READY)
		end_ready_peer(protocol, peer, &info, now_us);
	else if (info.direction == PEER_OUTBOUND)
		end_dial(protocol, peer, &info, now_us);
	else
		end_stranger(protocol, peer, &info);
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
		if (!address_book_is_connected(protocol->parts.common.book, &due[i].nodeid)) {
			log_info("%s left: its connection was a duplicate, and no other came", due[i].label);
			notes_departed(protocol, &due[i]);
		}
	return next_us;
}
