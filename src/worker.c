#include "worker.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "dialing.h"
#include "frame.h"
#include "log.h"
#include "resolver.h"
#include "stream.h"

/* How often a pinger looks again whether its reader has come to the pong that may be waiting unread. */
#define UNREAD_CHECK_US ((int64_t)20 * 1000)
/* How often a pinger that waits to write looks whether the peer is to be closed. */
#define CLOSE_CHECK_US ((int64_t)100 * 1000)
/* Answers are written in the midst of a batch of lines when so many bytes of them wait. */
enum { ANSWERS_BYTES = 64 * 1024 };

/* The reader's, which frees it when the pinger is over. */
struct worker {
	struct pool_job reading, pinging;
	const struct worker_parts *parts;
	struct peer *peer;
	/* The reader's alone. */
	struct frame frame;
	int64_t look_up_us; /* when to look up from a read that goes on: the handshake is late, or a pinger is needed */
};

static int64_t earlier(int64_t one_us, int64_t other_us)
{
	return one_us < other_us ? one_us : other_us;
}

/* ---- writing ---- */

/* The end of all writing: what is left, for at most PEER_CLOSE_US, then the end of file unless both ends are through.
 */
static void write_last(struct peer *peer, bool more_may_come, int64_t deadline_us)
{
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

/* ---- the pinger ---- */

/* The ping deadline has passed: the peer has failed, unless what it sent is only waiting for its reader. */
static int64_t judge_silence(struct peer *peer, int64_t deadline_us, int64_t timeout_us, int64_t now_us)
{
	if (stream_has_unread(peer_stream(peer)) && now_us < deadline_us + timeout_us)
		return now_us + UNREAD_CHECK_US;
	peer_close(peer, BYE_TIMEOUT);
	return now_us;
}

static void write_as_pinger(struct peer *peer, int64_t timeout_us)
{
	struct outbox *outbox = peer_outbox(peer);
	if (!outbox_take_turn(outbox))
		return;
	int64_t deadline_us = earlier(peer_ping_deadline_us(peer), clock_now_us() + timeout_us), now_us;
	int error;
	/* No condition variable wakes who waits for a socket: whether the peer is to be closed is looked at in between.
	 */
	do {
		now_us = clock_now_us();
		error = peer_write(peer, earlier(deadline_us, now_us + CLOSE_CHECK_US));
	} while (error == ETIMEDOUT && now_us < deadline_us && !outbox_is_closed(outbox));
	outbox_return_turn(outbox);
	if (error == ETIMEDOUT && now_us >= deadline_us)
		peer_close(peer, peer_ping_deadline_us(peer) <= clock_now_us() ? BYE_TIMEOUT : BYE_SLOW);
	else if (error != 0 && error != ETIMEDOUT)
		peer_end(peer, PEER_FAILED, BYE_UNKNOWN, strerror(error));
}

static struct worker *worker_of(struct pool_job *job, size_t offset)
{
	return (struct worker *)((char *)job - offset);
}

static void ping(struct pool_job *job)
{
	struct worker *worker = worker_of(job, offsetof(struct worker, pinging));
	struct peer *peer = worker->peer;
	struct outbox *outbox = peer_outbox(peer);
	int64_t timeout_us = worker->parts->settings->ping_timeout_us;

	while (!outbox_is_closed(outbox)) {
		int64_t now_us = clock_now_us();
		int64_t next_us = peer_ping(peer, now_us);
		int64_t deadline_us = peer_ping_deadline_us(peer);
		if (deadline_us <= now_us)
			deadline_us = judge_silence(peer, deadline_us, timeout_us, now_us);
		outbox_wait(outbox, earlier(next_us, deadline_us));
		if (!outbox_is_closed(outbox))
			write_as_pinger(peer, timeout_us);
	}
	int64_t now_us = clock_now_us();
	int64_t close_deadline_us = now_us + PEER_CLOSE_US;
	protocol_ended(worker->parts->protocol, peer, now_us);
	write_last(peer, true, close_deadline_us);
	outbox_wait_finished(outbox, close_deadline_us);
	stream_shut(peer_stream(peer));
	outbox_pinger_over(outbox);
}

/*
 * By whichever thread needs it first: the reader, when the next ping is due; another thread, when it has a line that
 * would block, or closes the peer. A connection that ends before that never has a pinger, and without it one is opened
 * 1.6 times as fast (tests/bench/README.md, keep).
 */
static void start_pinger(void *argument)
{
	static struct log_limit limit;
	struct worker *worker = argument;
	struct peer *peer = worker->peer;
	unsigned suppressed;
	int error = pool_run(worker->parts->pool, &worker->pinging);
	if (error == 0)
		return;
	if (log_limit_passes(&limit, &suppressed))
		log_error("cannot start a thread: %s; a peer is turned away (%u more since the last such line)",
			  strerror(error), suppressed);
	peer_close(peer, BYE_FULL);
	peer_flush(peer);
	stream_shut(peer_stream(peer));
	outbox_pinger_over(peer_outbox(peer));
}

/* ---- the reader ---- */

/* Handles the lines that are there; with the turn, writes the answers when many of them wait. */
static void handle_lines(struct worker *worker, bool has_turn, int64_t now_us)
{
	struct peer *peer = worker->peer;
	enum frame_result result = FRAME_NEED_MORE;
	const char *line;
	size_t length;

	while (!peer_is_closing(peer) && (result = frame_next(&worker->frame, &line, &length)) == FRAME_LINE) {
		protocol_receive(worker->parts->protocol, peer, line, length, now_us);
		if (has_turn && outbox_held_bytes(peer_outbox(peer)) > ANSWERS_BYTES)
			peer_write(peer, 0);
	}
	if (result == FRAME_TOO_LONG)
		protocol_violated(worker->parts->protocol, peer, "a line of more than 131072 bytes");
}

/* The time to look up has come: before READY the handshake is late, and then there must be a pinger from now on. */
static void look_up(struct worker *worker)
{
	worker->look_up_us = FOREVER_US;
	if (peer_state(worker->peer) == PEER_READY)
		outbox_call_pinger(peer_outbox(worker->peer));
	else
		peer_close(worker->peer, BYE_TIMEOUT);
}

/* Handles what a read has brought: n bytes, the end of file, or an error. */
static void handle_read(struct worker *worker, bool has_turn, ssize_t n, int error)
{
	struct peer *peer = worker->peer;
	bool was_ready = peer_state(peer) == PEER_READY;
	int64_t now_us = clock_now_us();

	if (n > 0) {
		peer_count_read(peer, (size_t)n, now_us);
		frame_added(&worker->frame, (size_t)n);
		handle_lines(worker, has_turn, now_us);
	} else if (n == 0) {
		peer_end(peer, PEER_FAILED, BYE_UNKNOWN, "connection closed by the far end");
	} else if (error != ETIMEDOUT) {
		peer_end(peer, PEER_FAILED, BYE_UNKNOWN, strerror(error));
	}
	/* The first ping is on its way: until it should be answered, or the next is due, there is nothing to wait for.
	 */
	if (!was_ready && peer_state(peer) == PEER_READY)
		worker->look_up_us = earlier(peer_ping(peer, now_us), peer_ping_deadline_us(peer));
	if (now_us >= worker->look_up_us)
		look_up(worker);
}

/*
 * Before the reader sleeps, or ends: gives the turn back when what doesn't block is written. The rest is the pinger's,
 * unless the peer has an ending: that finds the reader awake, and needs no pinger.
 */
static void give_turn_back(struct peer *peer)
{
	int error = peer_write(peer, 0);
	if (error != 0 && error != EAGAIN && error != EWOULDBLOCK)
		peer_end(peer, PEER_FAILED, BYE_UNKNOWN, strerror(error));
	if (peer_is_closing(peer))
		outbox_retire_pinger(peer_outbox(peer));
	outbox_return_turn(peer_outbox(peer));
}

/*
 * Reads until the connection is over or to be ended. While it is awake the reader has the turn, if that was free: so
 * its answers go out together and wake nobody. False if nothing more can come from the far end.
 */
static bool converse(struct worker *worker)
{
	struct peer *peer = worker->peer;
	struct outbox *outbox = peer_outbox(peer);
	bool has_turn = true;
	ssize_t n = 1;
	for (;;) {
		if (has_turn)
			give_turn_back(peer);
		if (peer_is_closing(peer))
			return n > 0;
		size_t size;
		char *space = frame_space(&worker->frame, &size);
		if (space != NULL)
			n = stream_read(peer_stream(peer), space, size, worker->look_up_us);
		int error = space == NULL ? ENOMEM : errno;
		has_turn = outbox_take_turn(outbox);
		handle_read(worker, has_turn, space == NULL ? -1 : n, error);
	}
}

/*
 * The rest of a connection that has an ending: the last lines go out, and what the far end still sends is read and
 * dropped until it closes too. To close with unread bytes would send a reset, and that can overtake the bye.
 */
static void conclude(struct peer *peer, bool more_may_come)
{
	int64_t deadline_us = clock_now_us() + PEER_CLOSE_US;
	char dropped[1024];
	bool has_pinger = outbox_retire_pinger(peer_outbox(peer));
	if (!has_pinger)
		write_last(peer, more_may_come, deadline_us);
	while (more_may_come && clock_now_us() < deadline_us)
		more_may_come = stream_read(peer_stream(peer), dropped, sizeof dropped, deadline_us) > 0;
	outbox_finish(peer_outbox(peer));
	if (has_pinger)
		outbox_wait_pinger_over(peer_outbox(peer));
}

static void resolve(struct worker *worker)
{
	const struct peer_dial *dial = peer_dial(worker->peer);
	struct address addresses[RESOLVER_ADDRESSES];
	size_t count;
	const char *problem =
		stream_lookup(peer_stream(worker->peer), dial->host, dial->port,
			      clock_now_us() + worker->parts->settings->connect_timeout_us, addresses, &count);
	if (problem != NULL)
		peer_end(worker->peer, PEER_FAILED, BYE_UNKNOWN, problem);
	else
		address_book_resolved(worker->parts->book, dial, addresses, count, clock_now_us());
}

/* An outbound peer's connection; false if there is none in the end. */
static bool dial(struct worker *worker)
{
	const struct worker_parts *parts = worker->parts;
	const struct address *to = &peer_dial(worker->peer)->address;
	struct address from = dialing_source(parts->listen, parts->listen_count, to);
	int error = stream_connect(peer_stream(worker->peer), to, &from,
				   clock_now_us() + parts->settings->connect_timeout_us);
	if (error != 0)
		peer_end(worker->peer, PEER_FAILED, BYE_UNKNOWN, strerror(error));
	return error == 0;
}

/* To meet oneself is no wonder at an address of one's own; elsewhere somebody has the same nodeid. */
static void warn_of_a_double(struct peer *peer)
{
	struct peer_info info = peer_look(peer, clock_now_us());
	char address[ADDRESS_TEXT_BYTES];
	/* What a far end that dialled says of itself proves nothing. */
	bool is_found = info.ending == PEER_CLOSED || (info.direction == PEER_OUTBOUND && info.state != PEER_READY);
	if (info.reason != BYE_SELF || !is_found || stream_host_is_local(&info.remote))
		return;
	address_format(&info.remote, address);
	log_warning("another node has the same nodeid as this one: the one at %s, which is no address of this machine",
		    address);
}

static void serve(struct worker *worker)
{
	const struct worker_parts *parts = worker->parts;
	struct peer *peer = worker->peer;
	struct address local = stream_local_address(peer_stream(peer));
	worker->look_up_us = clock_now_us() + parts->settings->handshake_timeout_us;
	protocol_connected(parts->protocol, peer, &local);
	bool more_may_come = converse(worker);
	protocol_ended(parts->protocol, peer, clock_now_us());
	conclude(peer, more_may_come);
	warn_of_a_double(peer);
}

static void read_peer(struct pool_job *job)
{
	struct worker *worker = worker_of(job, offsetof(struct worker, reading));
	const struct worker_parts *parts = worker->parts;
	struct peer *peer = worker->peer;

	/* Nobody else writes before READY, and an ending finds this thread awake. */
	outbox_take_turn(peer_outbox(peer));
	if (peer_dial(peer)->host != NULL)
		resolve(worker);
	else if (peer_direction(peer) == PEER_INBOUND || dial(worker))
		serve(worker);
	protocol_ended(parts->protocol, peer, clock_now_us());
	protocol_forget(parts->protocol, peer);
	frame_fini(&worker->frame);
	peer_release(peer);
	free(worker);
}

int worker_start(const struct worker_parts *parts, struct peer *peer)
{
	struct worker *worker = calloc(1, sizeof *worker);
	if (worker == NULL)
		return ENOMEM;
	worker->reading.run = read_peer;
	worker->pinging.run = ping;
	worker->parts = parts;
	worker->peer = peer_hold(peer);
	outbox_on_call(peer_outbox(peer), start_pinger, worker);
	int error = registry_add(parts->registry, peer) ? 0 : ENOMEM;
	if (error == 0) {
		error = pool_run(parts->pool, &worker->reading);
		if (error != 0)
			registry_remove(parts->registry, peer);
	}
	if (error != 0) {
		peer_release(peer);
		free(worker);
	}
	return error;
}
