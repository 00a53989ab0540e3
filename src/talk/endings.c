#include "talk/notes_priv.h"
#include "talk/reporting_priv.h"

#include <stdio.h>

#include "base/text.h"

static void log_ready_peer_ended(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
				 const struct ending_words *words, int64_t now_us)
{
	/* Of dials that have crossed, one ends. Which one stays may be READY a moment later. */
	bool has_crossed = info->reason == BYE_DUPLICATE && !peer_is_established(peer);
	if (has_crossed) {
		peer_debug(peer, "has one connection less");
		return;
	}
	notes_peer_down(protocol, peer, info, words, now_us);
	enum log_level level = words->is_odd ? LOG_WARNING : LOG_INFO;
	char duration[TEXT_DURATION_BYTES], since[TEXT_DURATION_BYTES + 16];
	text_duration(now_us - info->since_us, duration);
	snprintf(since, sizeof since, "; was up %s", duration);
	ending_log(protocol, peer, level, words, since, now_us);
	if (info->ignored > 0 || info->useless > 0)
		peer_debug(peer, "sent %lld messages that were ignored and %lld addresses that were dropped",
			   (long long)info->ignored, (long long)info->useless);
}

static void end_ready_peer(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us)
{
	bool was_steady = now_us - info->since_us > protocol->parts.common.settings->handshake_timeout_us;
	bool gave_way = info->ending == PEER_CLOSED && (info->reason == BYE_FULL || info->reason == BYE_OPERATOR);
	bool is_blameless = gave_way || info->ending == PEER_HINDERED || info->reason == BYE_DUPLICATE;
	struct ending_words words;
	ending_words(protocol, peer, info, &words);
	black_holes_judge(protocol, peer, info, &words);
	notes_connection_ended(protocol, info);
	reporting_note_end(protocol, peer, info, now_us);
	if (address_book_disconnected(protocol->parts.common.book, peer, was_steady, is_blameless ? NULL : words.text,
				      now_us))
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
	enum log_level level = failures > 1 ? LOG_DEBUG : words->is_odd ? LOG_WARNING : LOG_INFO;
	ending_log(protocol, peer, is_wrong ? LOG_WARNING : level, words, "", now_us);
	if (!is_duplicate)
		doubles_over(protocol, address);
	else if (doubles_note(protocol, address, now_us))
		lines_log_peer(
			protocol->parts.common.lines, peer, LOG_WARNING, now_us,
			"is connected with this nodeid, but not with this node: another node may have the same nodeid");
}

static void end_dial(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us)
{
	const struct dial *dial = peer_dial(peer);
	struct ending_words words;
	if (info->ending == PEER_GOES_ON) {
		peer_debug(peer, "was looked up");
		hindrances_over(protocol, peer, now_us);
		return;
	}
	bool is_self = info->reason == BYE_SELF && selves_have(protocol, &info->local);
	if (is_self)
		address_book_add_self(protocol->parts.common.book, &dial->address);
	/* A feeler that has found somebody says bye itself; the far end may use the same word. */
	if (dial_is_feeler(dial) && info->reason == BYE_FEELER && info->ending == PEER_CLOSED) {
		counters_count(protocol->parts.common.counters, COUNTER_DIALS_FOUND);
		return;
	}
	/* Somebody is there. */
	if (dial->kind == DIAL_FEELER_PEER && info->ending == PEER_LEFT) {
		reporting_note_reached(protocol, &dial->address);
		return;
	}
	ending_words(protocol, peer, info, &words);
	if (is_self)
		snprintf(words.text, sizeof words.text, "is this node itself");
	bool is_news = notes_is_news(protocol, peer, &words);
	if (info->reason != BYE_DUPLICATE && !is_self)
		reporting_note_failure(protocol, peer, info, now_us);
	if (info->ending == PEER_HINDERED) {
		address_book_hindered(protocol->parts.common.book, dial, words.text, now_us);
		notes_dial_failed(protocol, peer, &words, is_news, 1);
		hindrances_note(protocol, peer, &words, now_us);
		return;
	}
	hindrances_over(protocol, peer, now_us);
	if (info->ending == PEER_LEFT)
		address_book_answered(protocol->parts.common.book, dial, now_us);
	/* Anybody can tell an address that leads back here. */
	bool is_quiet = dial_is_feeler(dial) || is_self || (info->reason == BYE_SELF && dial->is_hearsay);
	unsigned failures = info->reason == BYE_DUPLICATE
				    ? address_book_doubled(protocol->parts.common.book, dial, words.text, now_us)
				    : address_book_failed(protocol->parts.common.book, dial, words.text, now_us);
	notes_dial_failed(protocol, peer, &words, is_news, failures);
	if (is_quiet || failures == 0)
		ending_log(protocol, peer, LOG_DEBUG, &words, "", now_us);
	else
		log_failed_dial(protocol, peer, info, &words, failures, now_us);
}

static void end_stranger(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us)
{
	struct ending_words words;
	ending_words(protocol, peer, info, &words);
	notes_stranger_gone(protocol, info, &words);
	ending_log(protocol, peer, LOG_DEBUG, &words, "", now_us);
}

void endings_conclude(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	struct peer_info info = peer_look(peer, now_us);
	if (info.state == PEER_READY)
		end_ready_peer(protocol, peer, &info, now_us);
	else if (info.direction == PEER_OUTBOUND)
		end_dial(protocol, peer, &info, now_us);
	else
		end_stranger(protocol, peer, &info, now_us);
}
