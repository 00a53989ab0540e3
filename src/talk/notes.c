#include "talk/notes_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static struct counters *counters_of(const struct protocol *protocol)
{
	return protocol->parts.common.counters;
}

static void note(struct protocol *protocol, const struct event *event)
{
	journal_note(protocol->parts.common.journal, event);
}

/* May the journal have another event of those that strangers cause? */
static bool may_note(struct protocol *protocol)
{
	if (journal_may_note(protocol->parts.common.journal))
		return true;
	counters_count(counters_of(protocol), COUNTER_EVENTS_LEFT_OUT);
	return false;
}

/* Where it listens, if that is known, else where it is. */
static struct address address_of(const struct peer_info *info)
{
	return address_is_known(&info->listen) ? info->listen : info->remote;
}

static const char *reason_of(const struct ending_words *words)
{
	return words->text[0] != '\0' ? words->text : words->verb;
}

/* ---- peers ---- */

/* It had failed, and works again. */
static void note_dial_ok(struct protocol *protocol, struct peer *peer, const struct nodeid *nodeid)
{
	struct address_info known;
	const struct dial *dial = peer_dial(peer);
	if (peer_direction(peer) != PEER_OUTBOUND ||
	    !address_book_look(protocol->parts.common.book, &dial->address, &known, 0))
		return;
	/* The end of a connection counts as the first failure of an address that was reached. */
	if (known.failures < (known.reached_us == NEVER_US ? 1U : 2U))
		return;
	struct event event = {.kind = EVENT_DIAL_OK,
			      .nodeid = *nodeid,
			      .address = dial->address,
			      .reason = known.error,
			      .lasted_us = -1};
	note(protocol, &event);
}

bool notes_before_ready(struct protocol *protocol, struct peer *peer, const struct nodeid *nodeid)
{
	bool has_other = address_book_is_connected(protocol->parts.common.book, nodeid);
	if (has_other)
		peer_set_noted(peer);
	note_dial_ok(protocol, peer, nodeid);
	return has_other;
}

void notes_peer_up(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	struct peer_info info = peer_look(peer, now_us);
	if (info.direction == PEER_OUTBOUND)
		counters_count(counters_of(protocol), COUNTER_DIALS_READY);
	if (peer_is_noted(peer) || (info.direction == PEER_INBOUND && !may_note(protocol)))
		return;
	peer_set_noted(peer);
	struct event event = {.kind = EVENT_PEER_UP,
			      .direction = info.direction == PEER_INBOUND ? EVENT_INBOUND : EVENT_OUTBOUND,
			      .nodeid = info.nodeid,
			      .address = address_of(&info),
			      .name = info.name,
			      .value = info.agent,
			      .lasted_us = -1};
	note(protocol, &event);
}

static enum counter reason_counter(const struct peer_info *info)
{
	static const enum counter by_bye[] = {
		[BYE_UNKNOWN] = COUNTER_GONE_OTHER,	  [BYE_SHUTDOWN] = COUNTER_GONE_SHUTDOWN,
		[BYE_DUPLICATE] = COUNTER_GONE_DUPLICATE, [BYE_SELF] = COUNTER_GONE_OTHER,
		[BYE_NETWORK] = COUNTER_GONE_OTHER,	  [BYE_FULL] = COUNTER_GONE_FULL,
		[BYE_PROTOCOL] = COUNTER_GONE_PROTOCOL,	  [BYE_TIMEOUT] = COUNTER_GONE_TIMEOUT,
		[BYE_SLOW] = COUNTER_GONE_SLOW,		  [BYE_FEELER] = COUNTER_GONE_OTHER,
		[BYE_OPERATOR] = COUNTER_GONE_OTHER,
	};
	if (info->ending == PEER_HINDERED)
		return COUNTER_GONE_HERE;
	if (info->ending == PEER_FAILED && info->reason == BYE_UNKNOWN)
		return COUNTER_GONE_BROKEN;
	return by_bye[info->reason];
}

void notes_connection_ended(struct protocol *protocol, const struct peer_info *info)
{
	counters_count(counters_of(protocol), reason_counter(info));
	if (info->ending == PEER_FAILED && info->reason == BYE_TIMEOUT)
		counters_count(counters_of(protocol), COUNTER_PINGS_UNANSWERED);
}

static enum event_ending ending_of(const struct peer_info *info)
{
	switch (info->ending) {
	case PEER_LEFT:
		return EVENT_LEFT;
	case PEER_CLOSED:
		return EVENT_CLOSED;
	default:
		return EVENT_FAILED;
	}
}

void notes_peer_down(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
		     const struct ending_words *words, int64_t now_us)
{
	if (!peer_is_noted(peer))
		return;
	struct event event = {.kind = EVENT_PEER_DOWN,
			      .ending = ending_of(info),
			      .direction = info->direction == PEER_INBOUND ? EVENT_INBOUND : EVENT_OUTBOUND,
			      .nodeid = info->nodeid,
			      .address = address_of(info),
			      .name = info->name,
			      .value = info->agent,
			      .reason = reason_of(words),
			      .lasted_us = now_us - info->since_us};
	note(protocol, &event);
}

static void note_silence(struct protocol *protocol, struct peer *peer, enum event_kind kind, int64_t silent_us)
{
	struct peer_info info = peer_look(peer, 0);
	struct event event = {.kind = kind,
			      .direction = info.direction == PEER_INBOUND ? EVENT_INBOUND : EVENT_OUTBOUND,
			      .nodeid = info.nodeid,
			      .address = address_of(&info),
			      .name = info.name,
			      .lasted_us = silent_us};
	note(protocol, &event);
}

void notes_peer_late(struct protocol *protocol, struct peer *peer, int64_t silent_us, int64_t now_us)
{
	counters_count(counters_of(protocol), COUNTER_LATE);
	if (!peer_is_noted(peer))
		return;
	if (!peer_take_late_event(peer, now_us)) {
		counters_count(counters_of(protocol), COUNTER_EVENTS_LEFT_OUT);
		return;
	}
	if (!may_note(protocol))
		return;
	note_silence(protocol, peer, EVENT_PEER_LATE, silent_us);
	peer_set_late_noted(peer);
}

void notes_peer_ok(struct protocol *protocol, struct peer *peer, int64_t silent_us)
{
	if (peer_take_late_noted(peer))
		note_silence(protocol, peer, EVENT_PEER_OK, silent_us);
}

/* ---- dials ---- */

bool notes_is_news(struct protocol *protocol, struct peer *peer, const struct ending_words *words)
{
	const struct dial *dial = peer_dial(peer);
	struct address_info known;
	if (dial_is_feeler(dial))
		return false;
	if (!address_book_look(protocol->parts.common.book, &dial->address, &known, 0))
		return dial->kind == DIAL_NAME;
	if (known.failures > 0 && strncmp(known.error, words->text, sizeof known.error - 1) == 0)
		return false;
	bool is_hearsay = known.kind == ADDRESS_NEW && !known.is_bootstrap;
	return !is_hearsay || may_note(protocol);
}

void notes_dial_failed(struct protocol *protocol, struct peer *peer, const struct ending_words *words, bool is_news,
		       unsigned failures)
{
	const struct dial *dial = peer_dial(peer);
	struct peer_info info = peer_look(peer, 0);
	bool is_hindered = info.ending == PEER_HINDERED;
	if (dial->kind != DIAL_NAME)
		counters_count(counters_of(protocol), is_hindered ? COUNTER_DIALS_HINDERED : COUNTER_DIALS_FAILED);
	if (!is_news || failures == 0 || (dial->kind == DIAL_NAME && failures > 1))
		return;
	struct event event = {.kind = EVENT_DIAL_FAILED,
			      .direction = EVENT_OUTBOUND,
			      .address = dial->address,
			      .name = info.host,
			      .reason = reason_of(words),
			      .lasted_us = -1};
	note(protocol, &event);
}

/* ---- strangers ---- */

static bool is_turned_away(const struct peer_info *info, enum counter *counter)
{
	bool is_ours = info->ending == PEER_CLOSED;
	*counter = COUNTER_REFUSED_SILENT;
	if (info->ending == PEER_REFUSED || (is_ours && info->reason == BYE_PROTOCOL))
		*counter = COUNTER_REFUSED_PROTOCOL;
	else if (is_ours && info->reason == BYE_FULL)
		*counter = COUNTER_REFUSED_MAX_INBOUND;
	else if (is_ours && info->reason == BYE_DUPLICATE)
		*counter = COUNTER_REFUSED_DUPLICATE;
	else if (is_ours && info->reason == BYE_NETWORK)
		*counter = COUNTER_REFUSED_NETWORK;
	return *counter != COUNTER_REFUSED_SILENT;
}

void notes_stranger_gone(struct protocol *protocol, const struct peer_info *info, const struct ending_words *words)
{
	enum counter counter;
	/* One who only looked whether somebody is here, or another connection of which has stayed. */
	if (info->reason == BYE_FEELER || info->reason == BYE_SELF ||
	    (info->ending == PEER_LEFT && info->reason == BYE_DUPLICATE))
		return;
	bool is_told = is_turned_away(info, &counter) && counter != COUNTER_REFUSED_DUPLICATE;
	counters_count(counters_of(protocol), counter);
	if (!is_told || !may_note(protocol))
		return;
	struct event event = {.kind = EVENT_REFUSED,
			      .direction = EVENT_INBOUND,
			      .address = info->remote,
			      .reason = reason_of(words),
			      .lasted_us = -1};
	note(protocol, &event);
}

void notes_ban(struct protocol *protocol, struct peer *peer)
{
	const struct settings *settings = protocol->parts.common.settings;
	char reason[96], duration[TEXT_DURATION_BYTES];
	counters_count(counters_of(protocol), COUNTER_BANS);
	if (!may_note(protocol))
		return;
	text_duration(settings->ban_time_us, duration);
	snprintf(reason, sizeof reason, "%lld protocol errors within an hour", (long long)settings->ban_after);
	struct event event = {.kind = EVENT_BANNED,
			      .address = address_host(&peer_dial(peer)->address),
			      .value = duration,
			      .reason = reason,
			      .lasted_us = -1};
	note(protocol, &event);
}
