#include "node/pinger_priv.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/sync.h"
#include "link/liveness.h"
#include "link/stream.h"
#include "node/farewell_priv.h"

/* How often a pinger checks whether its reader has handled the unread bytes, which may be the pong. */
#define UNREAD_CHECK_US ((int64_t)20 * 1000)
/* Waking so much late is no matter of a busy machine. */
#define STALL_US ((int64_t)500 * 1000)
/* How often a pinger that waits to write checks whether the peer is closing. */
#define CLOSE_CHECK_US ((int64_t)100 * 1000)

/* The ping deadline has passed: the peer has failed, unless unread bytes wait for its reader. Returns when to look
 * again. */
static int64_t judge_silence(struct worker *worker, int64_t deadline_us, int64_t timeout_us, int64_t now_us)
{
	struct peer *peer = worker->peer;
	char text[PEER_ENDING_BYTES];
	if (stream_has_unread(peer_stream(peer)) && now_us < deadline_us + timeout_us)
		return now_us + UNREAD_CHECK_US;
	protocol_say_timeout(worker->parts->protocol, peer, now_us, text);
	counters_count(worker->parts->common.counters, COUNTER_SILENT_TIMEOUT);
	peer_close_because(peer, BYE_TIMEOUT, text);
	return now_us;
}

/* Is the peer silent? Returns when to look again. */
static int64_t watch(struct worker *worker, int64_t now_us)
{
	struct peer *peer = worker->peer;
	/* Its reader is about to say that it is heard. */
	if (now_us >= peer_silence(peer).ask_us && stream_has_unread(peer_stream(peer)))
		return now_us + UNREAD_CHECK_US;
	return protocol_watch(worker->parts->protocol, peer, now_us);
}

/* Waits for lines to write, or until then. To wake late by more than STALL_US means that the process did not run. */
static void wait_until(struct worker *worker, int64_t until_us)
{
	outbox_wait(peer_outbox(worker->peer), until_us);
	int64_t now_us = clock_now_us();
	if (until_us != FOREVER_US && now_us - until_us > STALL_US)
		protocol_stalled(worker->parts->protocol, worker->peer, now_us - until_us, now_us);
}

/*
 * Another connection claims to be the same node, and the ping that was sent for that has no pong yet. A claim ends
 * nothing: only that the host acknowledges nothing at all does, which a liar cannot bring about.
 */
static int64_t judge_host(struct peer *peer, int64_t now_us)
{
	if (!stream_gets_no_acks(peer_stream(peer), LIVENESS_DOUBT_US))
		return peer_doubt_again(peer, now_us);
	peer_close_because(peer, BYE_TIMEOUT,
			   "no acknowledgement from its host for 5 s; another connection claims to be the same node");
	return now_us;
}

/*
 * Writes until nothing is left, the peer is closing, or it has taken nothing for timeout_us. A wait for a socket is not
 * ended by a condition variable, so it is cut into pieces to notice that the peer is closing. 0, or an errno.
 */
static int write_patiently(struct peer *peer, int64_t timeout_us)
{
	int64_t now_us = clock_now_us(), progress_us = now_us, written = peer_written_bytes(peer);
	for (;;) {
		int64_t give_up_us = clock_earlier(peer_ping_deadline_us(peer), progress_us + timeout_us);
		int error = peer_write(peer, clock_earlier(give_up_us, now_us + CLOSE_CHECK_US));
		now_us = clock_now_us();
		if (peer_doubt_us(peer) <= now_us)
			judge_host(peer, now_us);
		bool has_ended = error != ETIMEDOUT || outbox_is_closed(peer_outbox(peer));
		if (peer_written_bytes(peer) > written)
			progress_us = now_us;
		written = peer_written_bytes(peer);
		if (has_ended || now_us >= clock_earlier(peer_ping_deadline_us(peer), progress_us + timeout_us))
			return error;
	}
}

static void write_as_pinger(struct peer *peer, int64_t timeout_us)
{
	struct outbox *outbox = peer_outbox(peer);
	if (!outbox_take_turn(outbox))
		return;
	int error = write_patiently(peer, timeout_us);
	bool has_ended = outbox_is_closed(outbox);
	outbox_return_turn(outbox);
	if (error == ETIMEDOUT && !has_ended)
		peer_close(peer, peer_ping_deadline_us(peer) <= clock_now_us() ? BYE_TIMEOUT : BYE_SLOW);
	else if (error != 0 && error != ETIMEDOUT)
		peer_fail_errno(peer, error);
}

void pinger_run(struct pool_job *job)
{
	struct worker *worker = worker_of(job, offsetof(struct worker, pinging));
	struct peer *peer = worker->peer;
	struct outbox *outbox = peer_outbox(peer);
	int64_t woke_us = 0;

	while (!outbox_is_closed(outbox)) {
		int64_t now_us = clock_now_us(), timeout_us = worker->parts->common.settings->ping_timeout_us;
		int64_t next_us = peer_ping(peer, now_us);
		int64_t deadline_us = peer_ping_deadline_us(peer);
		if (deadline_us <= now_us)
			deadline_us = judge_silence(worker, deadline_us, timeout_us, now_us);
		int64_t doubt_us = peer_doubt_us(peer);
		if (doubt_us <= now_us)
			doubt_us = judge_host(peer, now_us);
		next_us = clock_earlier(next_us, watch(worker, now_us));
		/* At first too: an earlier job of this thread may have used much of it. */
		if (now_us - woke_us > QUIET_US)
			thread_trim_stack();
		woke_us = now_us;
		wait_until(worker, clock_earlier(doubt_us, clock_earlier(next_us, deadline_us)));
		if (!outbox_is_closed(outbox))
			write_as_pinger(peer, timeout_us);
	}
	int64_t now_us = clock_now_us();
	int64_t close_deadline_us = now_us + PEER_CLOSE_US;
	farewell_begin(worker->parts->protocol, peer, now_us);
	/* A reader that only keeps the place of a connection does so without a word to its far end. */
	bool stays = peer_stays(peer);
	if (!stays)
		farewell_write(peer, true, close_deadline_us);
	outbox_wait_finished(outbox, close_deadline_us);
	if (!stays)
		stream_shut(peer_stream(peer));
	outbox_pinger_over(outbox);
}

bool pinger_start(void *argument)
{
	static struct log_limit limit;
	struct worker *worker = argument;
	struct peer *peer = worker->peer;
	unsigned suppressed;
	int error = pool_run(worker->parts->pool, &worker->pinging);
	if (error == 0)
		return true;
	if (log_limit_take(&limit, &suppressed))
		log_error("cannot start a thread: %s; a peer is disconnected (%u more since the last such line)",
			  strerror(error), suppressed);
	/* The reader, which this wakes, says it. */
	peer_close(peer, BYE_FULL);
	stream_shut_reading(peer_stream(peer));
	return false;
}
