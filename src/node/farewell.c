#include "node/farewell_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/sync.h"
#include "link/stream.h"

void farewell_write(struct peer *peer, bool more_may_come, int64_t deadline_us)
{
	/* A peer is marked as closing a moment before its bye is in the outbox. */
	outbox_wait_closed(peer_outbox(peer), deadline_us);
	while (!outbox_take_turn(peer_outbox(peer))) {
		if (clock_now_us() >= deadline_us)
			return;
		outbox_wait(peer_outbox(peer), deadline_us);
	}
	if (peer_write(peer, deadline_us) != 0)
		stream_shut(peer_stream(peer));
	else if (more_may_come)
		stream_shut_writing(peer_stream(peer));
	outbox_return_turn(peer_outbox(peer));
}

/* At most this much is read and dropped after the end: four times the longest answer to a getaddr. */
enum { DROPPED_BYTES = 256 * 1024 };

/*
 * Writes the last lines, and reads and drops what the far end still sends until it closes too: closing with unread
 * bytes would send a reset, which can overtake the bye. A flooder risks that reset, since no rate is limited here, and
 * four of them once took 0.88 of a core.
 */
static void conclude(struct peer *peer, bool more_may_come)
{
	int64_t deadline_us = clock_now_us() + PEER_CLOSE_US;
	char bytes[1024];
	size_t dropped = 0;
	bool has_pinger = outbox_retire_pinger(peer_outbox(peer));
	if (!has_pinger)
		farewell_write(peer, more_may_come, deadline_us);
	while (more_may_come && dropped < DROPPED_BYTES && clock_now_us() < deadline_us) {
		ssize_t n = stream_read(peer_stream(peer), bytes, sizeof bytes, deadline_us);
		size_t records;
		more_may_come = n > 0 || (n < 0 && errno == ETIMEDOUT);
		dropped += stream_taken(peer_stream(peer), &records);
	}
	outbox_finish(peer_outbox(peer));
	if (has_pinger)
		outbox_wait_pinger_over(peer_outbox(peer));
	/* While the connection still counts: what the kernel keeps for it is bounded by the number of connections. */
	stream_drain(peer_stream(peer), deadline_us);
}

void farewell_begin(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	struct peer_info info = peer_look(peer, now_us);
	bool is_stuck = info.reason == BYE_TIMEOUT || info.reason == BYE_SLOW;
	if (is_stuck && info.state == PEER_READY && stream_loses_large(peer_stream(peer)))
		peer_note_losses(peer);
	protocol_ended(protocol, peer, now_us);
}

/* What it has used of its burst is a debt of its host: before anybody can see that it has ended, and come again. */
static void settle(struct worker *worker)
{
	const struct parts *common = &worker->parts->common;
	struct peer *peer = worker->peer;
	int64_t now_us = clock_now_us();
	struct intake_debt debt = intake_own_debt(&worker->intake, common->settings, now_us);
	sources_owe(common->sources, &peer_dial(peer)->address, debt, common->settings, now_us);
}

/* Only a connection that came in keeps its place: this node does not dial the other ones again that soon. */
static void keep_place(struct worker *worker)
{
	struct peer *peer = worker->peer;
	frame_fini(&worker->frame);
	if (worker->stay_us > clock_now_us() && peer_direction(peer) == PEER_INBOUND)
		stream_wait_closed(peer_stream(peer), worker->stay_us);
}

void farewell_finish(struct worker *worker, enum reach reach)
{
	struct protocol *protocol = worker->parts->protocol;
	struct peer *peer = worker->peer;
	if (reach == REACHED_PEER)
		settle(worker);
	farewell_begin(protocol, peer, clock_now_us());
	if (reach == REACHED_SOCKET)
		stream_linger(peer_stream(peer), clock_now_us() + PEER_CLOSE_US);
	if (reach == REACHED_PEER) {
		conclude(peer, !worker->is_at_end);
		keep_place(worker);
	}
	protocol_forget(protocol, peer);
	frame_fini(&worker->frame);
	peer_release(peer);
	free(worker);
}
