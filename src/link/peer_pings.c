#include "link/peer_priv.h"
#include "telemetry/counters.h"

/* How much earlier than after an interval the ping that follows one of this moment is due. */
static int64_t draw_early_us(const struct peer *peer, int64_t now_us) REQUIRES(peer_guard)
{
	enum { BITS = 16 };
	int64_t drawn = (int64_t)(keyed_hash(peer->secret, &now_us, sizeof now_us) >> (64 - BITS));
	return peer->liveness.interval_us / PEER_PING_JITTER * drawn >> BITS;
}

int64_t peer_ping(struct peer *peer, int64_t now_us)
{
	peer_enter(peer);
	bool is_ready = peer->state == PEER_READY;
	bool is_due = is_ready && liveness_ping(&peer->liveness, draw_early_us(peer, now_us), now_us);
	int64_t next_us = is_ready ? liveness_next_ping_us(&peer->liveness, now_us) : FOREVER_US;
	peer_leave(peer);
	if (is_due)
		peer_send_type(peer, MESSAGE_PING);
	return next_us;
}

/* When the next ping is due, or the outstanding one has failed. */
static int64_t next_look_us(const struct peer *peer, int64_t now_us) REQUIRES(peer_guard)
{
	return clock_earlier(liveness_next_ping_us(&peer->liveness, now_us), liveness_deadline_us(&peer->liveness));
}

void peer_set_pings(struct peer *peer, const struct settings *settings, int64_t now_us)
{
	bool is_earlier = false;
	peer_enter(peer);
	if (peer->state == PEER_READY) {
		int64_t before_us = next_look_us(peer, now_us);
		liveness_set(&peer->liveness, settings->ping_interval_us, settings->ping_timeout_us);
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

void peer_send_news(struct peer *peer, const struct message *message, int64_t now_us)
{
	peer_send(peer, message);
	peer_enter(peer);
	peer->news++;
	peer_leave(peer);
	/* In time for what comes next. */
	peer_takes_news(peer, now_us);
}

bool peer_pong(struct peer *peer, int64_t now_us)
{
	peer_enter(peer);
	bool is_awaited = liveness_pong(&peer->liveness, now_us);
	if (is_awaited)
		peer->news = 0;
	bool is_due = is_awaited && liveness_next_ping_us(&peer->liveness, now_us) <= now_us;
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
	return is_awaited;
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
