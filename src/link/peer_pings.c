#include "link/peer_priv.h"
#include "telemetry/counters.h"

static int64_t longer(int64_t one_us, int64_t other_us)
{
	return one_us > other_us ? one_us : other_us;
}

/* Up to `most`, drawn for this moment. */
static int64_t draw_us(const struct peer *peer, int64_t most_us, int64_t now_us) REQUIRES(peer_guard)
{
	enum { BITS = 16 };
	int64_t drawn = (int64_t)(keyed_hash(peer->secret, &now_us, sizeof now_us) >> (64 - BITS));
	return most_us * drawn >> BITS;
}

/* From a turn at this moment to the next one, at most. */
static int64_t next_wait_us(struct peer *peer, int64_t now_us) REQUIRES(peer_guard)
{
	if (peer->pace == NULL)
		return peer->ping_interval_us;
	if (peer->paced <= PEER_DRAWN_WAITS)
		peer->paced++;
	return peer->paced <= PEER_DRAWN_WAITS ? draw_us(peer, pace_interval_us(peer->pace) / 2, now_us)
					       : pace_take_us(peer->pace, now_us);
}

/* What a ping of this moment says of the next one; nothing if that is what the last one has said. */
static void say_next(struct peer *peer, struct message_ping *ping, int64_t now_us) REQUIRES(peer_guard)
{
	enum { MS_US = 1000 };
	int64_t next_us = peer->turn_us - now_us;
	if (next_us <= peer->said_us && next_us >= peer->said_us - PEER_SAID_US)
		return;
	ping->next_ms = clock_earlier((next_us + MS_US - 1) / MS_US, MESSAGE_NEXT_MS);
	peer->said_us = ping->next_ms * MS_US;
}

int64_t peer_ping(struct peer *peer, int64_t now_us)
{
	peer_enter(peer);
	bool is_ready = peer->state == PEER_READY;
	bool is_in_turn = is_ready && liveness_is_in_turn(&peer->liveness, now_us);
	struct message ping = {.type = MESSAGE_PING};
	int64_t interval_us = 0;
	if (is_in_turn) {
		int64_t wait_us = next_wait_us(peer, now_us);
		int64_t early_us = clock_earlier(wait_us / PEER_PING_JITTER, PEER_PING_EARLY_US);
		peer->turn_us = now_us + wait_us;
		interval_us = wait_us - draw_us(peer, early_us, peer->turn_us);
	}
	bool is_due = is_ready && liveness_ping(&peer->liveness, interval_us, now_us);
	if (is_due)
		say_next(peer, &ping.ping, now_us);
	int64_t next_us = is_ready ? liveness_next_ping_us(&peer->liveness, now_us) : FOREVER_US;
	peer_leave(peer);
	if (is_due && ping.ping.next_ms == 0)
		peer_send_type(peer, MESSAGE_PING);
	else if (is_due)
		peer_send(peer, &ping);
	return next_us;
}

/* When the next ping is due, or the outstanding one has failed. */
static int64_t next_look_us(const struct peer *peer, int64_t now_us) REQUIRES(peer_guard)
{
	return clock_earlier(liveness_next_ping_us(&peer->liveness, now_us), liveness_deadline_us(&peer->liveness));
}

void peer_note_ping(struct peer *peer, int64_t next_us, int64_t now_us)
{
	bool is_earlier = false;
	peer_enter(peer);
	if (peer->state == PEER_READY) {
		int64_t before_us = next_look_us(peer, now_us);
		int64_t slack_us = longer(PEER_SLACK_US, peer->liveness.usual_rtt_us / PEER_SLACK_PART);
		liveness_note_ping(&peer->liveness, next_us, slack_us + draw_us(peer, slack_us, now_us), now_us);
		is_earlier = next_look_us(peer, now_us) < before_us;
	}
	peer_leave(peer);
	/* It comes more often than it did, so the next one may be missed before the pinger wakes. */
	if (is_earlier)
		outbox_call_pinger(peer->outbox);
}

void peer_set_pings(struct peer *peer, const struct settings *settings, int64_t now_us)
{
	bool is_earlier = false;
	peer_enter(peer);
	if (peer->state == PEER_READY) {
		int64_t before_us = next_look_us(peer, now_us);
		peer->ping_interval_us = settings->ping_interval_us;
		liveness_set(&peer->liveness,
			     peer->pace == NULL ? settings->ping_interval_us : pace_interval_us(peer->pace),
			     settings->ping_timeout_us);
		peer->turn_us = liveness_turn_us(&peer->liveness);
		is_earlier = next_look_us(peer, now_us) < before_us;
	}
	peer_leave(peer);
	/* A pinger that waits for an earlier moment looks again by itself. */
	if (is_earlier)
		outbox_call_pinger(peer->outbox);
}

void peer_doubt(struct peer *peer, int64_t now_us)
{
	peer_enter(peer);
	bool may_hurry = now_us >= peer->hurry_us;
	bool is_new = peer->liveness.doubt_us == FOREVER_US && (may_hurry || peer->liveness.is_waiting);
	if (is_new)
		liveness_doubt(&peer->liveness, now_us);
	if (is_new && may_hurry)
		peer->hurry_us = now_us + PEER_HURRY_US;
	peer_leave(peer);
	if (is_new)
		outbox_call_pinger(peer->outbox);
}

int64_t peer_doubt_us(struct peer *peer)
{
	peer_enter(peer);
	int64_t doubt_us = liveness_doubt_us(&peer->liveness);
	peer_leave(peer);
	return doubt_us;
}

int64_t peer_doubt_again(struct peer *peer, int64_t now_us)
{
	peer_enter(peer);
	liveness_doubt_again(&peer->liveness, now_us);
	int64_t doubt_us = liveness_doubt_us(&peer->liveness);
	peer_leave(peer);
	return doubt_us;
}

void peer_hurry_ping(struct peer *peer, int64_t now_us)
{
	peer_enter(peer);
	bool may_hurry = now_us >= peer->hurry_us;
	if (may_hurry) {
		liveness_hurry(&peer->liveness, now_us);
		peer->hurry_us = now_us + PEER_HURRY_US;
	}
	peer_leave(peer);
	if (may_hurry)
		outbox_call_pinger(peer->outbox);
}

void peer_ping_by(struct peer *peer, int64_t then_us, int64_t now_us)
{
	peer_enter(peer);
	int64_t at_us = then_us >= peer->hurry_us ? then_us : peer->hurry_us;
	bool is_waiting = peer->liveness.is_waiting;
	if (!is_waiting && liveness_next_ping_us(&peer->liveness, now_us) > at_us) {
		liveness_hurry(&peer->liveness, at_us);
		peer->hurry_us = at_us + PEER_HURRY_US;
	}
	peer_leave(peer);
	/* Also if it is due already: the pinger may not have looked since. */
	if (!is_waiting)
		outbox_call_pinger(peer->outbox);
}

void peer_ping_soon(struct peer *peer, int64_t now_us)
{
	peer_ping_by(peer, now_us, now_us);
}

void peer_ask_ping(struct peer *peer, int64_t now_us)
{
	peer_enter(peer);
	bool may_ask = peer->state == PEER_READY && !peer->liveness.is_waiting && now_us >= peer->ask_us;
	if (may_ask) {
		liveness_hurry(&peer->liveness, now_us);
		peer->ask_us = now_us + PEER_ASK_US;
	}
	peer_leave(peer);
	if (may_ask)
		outbox_call_pinger(peer->outbox);
}

uint64_t peer_pongs(const struct peer *peer)
{
	return atomic_load(&peer->pongs);
}

bool peer_takes_news(struct peer *peer, int64_t now_us)
{
	peer_enter(peer);
	unsigned news = peer->news;
	peer_leave(peer);
	if (news >= PEER_NEWS / 2)
		peer_hurry_ping(peer, now_us);
	return news < PEER_NEWS;
}

static void count_news(struct peer *peer, int64_t now_us)
{
	peer_enter(peer);
	peer->news++;
	peer_leave(peer);
	/* In time for what comes next. */
	peer_takes_news(peer, now_us);
}

void peer_send_news(struct peer *peer, const struct message *message, int64_t now_us)
{
	peer_send(peer, message);
	count_news(peer, now_us);
}

void peer_send_news_line(struct peer *peer, enum message_type type, const struct buffer *line, int64_t now_us)
{
	peer_send_line(peer, type, line);
	count_news(peer, now_us);
}

bool peer_pong(struct peer *peer, int64_t now_us)
{
	peer_enter(peer);
	bool is_awaited = liveness_pong(&peer->liveness, now_us);
	if (is_awaited)
		peer->news = 0;
	bool is_due = is_awaited && liveness_next_ping_us(&peer->liveness, now_us) <= now_us;
	bool is_falling = is_awaited && peer->liveness.fallen > 0;
	if (is_awaited && peer->liveness.has_fallen)
		atomic_store(&peer->has_fallen, true);
	/* A peer that sends pongs unasked may have sent the others before their pings, to seem near. */
	peer->has_guessed = peer->has_guessed || !is_awaited;
	int64_t rtt_us = peer->liveness.rtt_us > peer->kernel_rtt_us ? peer->liveness.rtt_us : peer->kernel_rtt_us;
	atomic_store_explicit(&peer->rtt_us, peer->has_guessed ? -1 : rtt_us, memory_order_relaxed);
	if (is_awaited)
		atomic_fetch_add(&peer->pongs, 1);
	peer_leave(peer);
	if (is_awaited) {
		atomic_store(&peer->is_established, true);
		counters_count_rtt(peer->counters, rtt_us);
	}
	if (is_due)
		outbox_call_pinger(peer->outbox);
	if (is_falling)
		peer_ping_by(peer, now_us + PEER_FALL_US, now_us);
	return is_awaited;
}

bool peer_take_fall(struct peer *peer)
{
	return atomic_exchange(&peer->has_fallen, false);
}

int64_t peer_rtt_us(const struct peer *peer)
{
	return atomic_load_explicit(&peer->rtt_us, memory_order_relaxed);
}

void peer_be_deaf(struct peer *peer, int64_t now_us, int64_t until_us)
{
	peer_enter(peer);
	liveness_be_deaf(&peer->liveness, now_us, until_us);
	peer_leave(peer);
}

int64_t peer_ping_deadline_us(struct peer *peer)
{
	peer_enter(peer);
	int64_t deadline_us = liveness_deadline_us(&peer->liveness);
	peer_leave(peer);
	return deadline_us;
}

/* ---- silence ---- */

int64_t peer_late_after_us(const struct peer *peer)
{
	return longer(PEER_LATE_US, PEER_LATE_RTTS * peer->liveness.usual_rtt_us);
}

struct peer_silence peer_silence(struct peer *peer)
{
	struct peer_silence silence = {.since_us = FOREVER_US, .heard_us = atomic_load(&peer->heard_us)};
	peer_enter(peer);
	if (peer->state == PEER_READY)
		silence.since_us = liveness_silent_since_us(&peer->liveness, silence.heard_us);
	silence.late_after_us = peer_late_after_us(peer);
	int64_t least_us = peer_is_missed(peer) ? PEER_SHARED_US : PEER_SUSPECT_US;
	int64_t suspect_us = longer(least_us, PEER_SUSPECT_RTTS * peer->liveness.usual_rtt_us);
	peer_leave(peer);
	silence.ask_us = silence.since_us == FOREVER_US ? FOREVER_US : silence.since_us + suspect_us;
	return silence;
}

void peer_wake_pinger(struct peer *peer)
{
	outbox_call_pinger(peer->outbox);
}

void peer_excuse(struct peer *peer, int64_t now_us)
{
	peer_enter(peer);
	liveness_excuse(&peer->liveness, now_us);
	peer_leave(peer);
}

void peer_set_missed(struct peer *peer, bool is_missed)
{
	atomic_store(&peer->is_missed, is_missed);
}

bool peer_is_missed(const struct peer *peer)
{
	return atomic_load(&peer->is_missed);
}

bool peer_begin_late(struct peer *peer, int64_t since_us)
{
	int64_t none = -1;
	return atomic_compare_exchange_strong(&peer->late_us, &none, since_us);
}

bool peer_take_late_line(struct peer *peer)
{
	return !atomic_exchange(&peer->has_late_line, true);
}

int64_t peer_end_late(struct peer *peer)
{
	atomic_store(&peer->has_late_line, false);
	return atomic_exchange(&peer->late_us, -1);
}

bool peer_is_late(const struct peer *peer)
{
	return atomic_load(&peer->late_us) >= 0;
}

bool peer_take_late_event(struct peer *peer, int64_t now_us)
{
	return token_bucket_take(&peer->late_events, 1, 1.0 / PEER_LATE_EVENT_S, PEER_LATE_EVENTS, now_us) > 0;
}

void peer_set_late_noted(struct peer *peer)
{
	atomic_store(&peer->is_late_noted, true);
}

bool peer_take_late_noted(struct peer *peer)
{
	return atomic_exchange(&peer->is_late_noted, false);
}
