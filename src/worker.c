#include "worker.h"

#include <errno.h>
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

struct worker {
	struct reaper_entry entry; /* first: what the reaper frees */
	const struct worker_parts *parts;
	struct peer *peer;
	/* The reader's alone. */
	struct frame frame;
	struct thread pinger;
	bool has_pinger;
	int64_t handshake_deadline_us;
};

static int64_t earlier(int64_t one_us, int64_t other_us)
{
	return one_us < other_us ? one_us : other_us;
}

/* ---- writing ---- */

/*
 * By the holder of the turn: writes what the outbox holds until it is empty or deadline_us (0: without blocking). 0 or
 * an errno.
 */
static int write_outbox(struct peer *peer, int64_t deadline_us)
{
	struct outbox *outbox = peer_outbox(peer);
	const char *bytes;
	size_t length;
	while ((length = outbox_head(outbox, &bytes)) > 0) {
		ssize_t n = stream_write(peer_stream(peer), bytes, length, deadline_us);
		if (n < 0)
			return errno;
		outbox_wrote(outbox, (size_t)n);
		peer_count_written(peer, (size_t)n);
	}
	return 0;
}

/* The end of all writing: what is left, for at most PEER_CLOSE_US, then the end of file. */
static void write_last(struct peer *peer, int64_t deadline_us)
{
	while (!outbox_take_turn(peer_outbox(peer))) {
		if (clock_now_us() >= deadline_us)
			return;
		outbox_wait(peer_outbox(peer), deadline_us);
	}
	if (write_outbox(peer, deadline_us) == 0)
		stream_shut_writing(peer_stream(peer));
	else
		stream_shut(peer_stream(peer));
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
		error = write_outbox(peer, earlier(deadline_us, now_us + CLOSE_CHECK_US));
	} while (error == ETIMEDOUT && now_us < deadline_us && !outbox_is_closed(outbox));
	outbox_return_turn(outbox);
	if (error == ETIMEDOUT && now_us >= deadline_us)
		peer_close(peer, peer_ping_deadline_us(peer) <= clock_now_us() ? BYE_TIMEOUT : BYE_SLOW);
	else if (error != 0 && error != ETIMEDOUT)
		peer_end(peer, PEER_FAILED, BYE_UNKNOWN, strerror(error));
}

static void *ping(void *argument)
{
	struct worker *worker = argument;
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
	write_last(peer, close_deadline_us);
	outbox_wait_finished(outbox, close_deadline_us);
	stream_shut(peer_stream(peer));
	return NULL;
}

static void start_pinger(struct worker *worker)
{
	static struct log_limit limit;
	unsigned suppressed;
	int error = thread_start(&worker->pinger, ping, worker);
	worker->has_pinger = error == 0;
	if (error == 0)
		return;
	if (log_limit_passes(&limit, &suppressed))
		log_error("cannot start a thread: %s; a peer is turned away (%u more since the last such line)",
			  strerror(error), suppressed);
	peer_close(worker->peer, BYE_FULL);
}

/* ---- the reader ---- */

/* Handles the lines that are there, and writes the answers unless that would block: then the pinger does. */
static void handle_lines(struct worker *worker, int64_t now_us)
{
	struct peer *peer = worker->peer;
	struct outbox *outbox = peer_outbox(peer);
	enum frame_result result = FRAME_NEED_MORE;
	const char *line;
	size_t length;

	/* With the turn held, an answer wakes nobody: that saves a thread switch for each. */
	bool has_turn = outbox_take_turn(outbox);
	while (!peer_is_closing(peer) && (result = frame_next(&worker->frame, &line, &length)) == FRAME_LINE) {
		protocol_receive(worker->parts->protocol, peer, line, length, now_us);
		if (has_turn && outbox_held_bytes(outbox) > ANSWERS_BYTES)
			write_outbox(peer, 0);
	}
	if (result == FRAME_TOO_LONG)
		protocol_violated(worker->parts->protocol, peer, "a line of more than 131072 bytes");
	if (!has_turn)
		return;
	int error = write_outbox(peer, 0);
	outbox_return_turn(outbox);
	if (error != 0 && error != EAGAIN && error != EWOULDBLOCK)
		peer_end(peer, PEER_FAILED, BYE_UNKNOWN, strerror(error));
}

static void end_of_reading(struct peer *peer, ssize_t result, int error)
{
	if (result == 0)
		peer_end(peer, PEER_FAILED, BYE_UNKNOWN, "connection closed by the far end");
	else if (error == ETIMEDOUT && peer_state(peer) != PEER_READY)
		peer_close(peer, BYE_TIMEOUT);
	else
		peer_end(peer, PEER_FAILED, BYE_UNKNOWN, strerror(error));
}

/* Reads until the connection is over or to be ended. */
static void converse(struct worker *worker)
{
	struct peer *peer = worker->peer;
	while (!peer_is_closing(peer)) {
		size_t size;
		char *space = frame_space(&worker->frame, &size);
		if (space == NULL) {
			peer_end(peer, PEER_FAILED, BYE_UNKNOWN, "out of memory");
			break;
		}
		bool is_ready = worker->has_pinger; /* which then judges the peer's silence */
		ssize_t n = stream_read(peer_stream(peer), space, size,
					is_ready ? FOREVER_US : worker->handshake_deadline_us);
		if (n <= 0) {
			end_of_reading(peer, n, errno);
			break;
		}
		int64_t now_us = clock_now_us();
		peer_count_read(peer, (size_t)n, now_us);
		frame_added(&worker->frame, (size_t)n);
		handle_lines(worker, now_us);
		if (is_ready || peer_is_closing(peer))
			continue;
		if (peer_state(peer) == PEER_READY)
			start_pinger(worker);
		else if (now_us >= worker->handshake_deadline_us)
			peer_close(peer, BYE_TIMEOUT);
	}
}

/*
 * The rest of a connection that has an ending: the last lines go out, and what the far end still sends is read and
 * dropped until it closes too. To close with unread bytes would send a reset, and that can overtake the bye.
 */
static void conclude(struct worker *worker)
{
	struct peer *peer = worker->peer;
	int64_t deadline_us = clock_now_us() + PEER_CLOSE_US;
	char dropped[4096];
	if (!worker->has_pinger)
		write_last(peer, deadline_us);
	while (clock_now_us() < deadline_us && stream_read(peer_stream(peer), dropped, sizeof dropped, deadline_us) > 0)
		;
	outbox_finish(peer_outbox(peer));
	if (worker->has_pinger)
		thread_join(worker->pinger);
	stream_shut(peer_stream(peer));
}

static void look_up(struct worker *worker)
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

static void bury(struct reaper_entry *entry)
{
	free(entry);
}

static void *read_peer(void *argument)
{
	struct worker *worker = argument;
	const struct worker_parts *parts = worker->parts;
	struct peer *peer = worker->peer;

	if (peer_dial(peer)->host != NULL) {
		look_up(worker);
	} else if (peer_direction(peer) == PEER_INBOUND || dial(worker)) {
		struct address local = stream_local_address(peer_stream(peer));
		worker->handshake_deadline_us = clock_now_us() + parts->settings->handshake_timeout_us;
		protocol_connected(parts->protocol, peer, &local);
		handle_lines(worker, clock_now_us());
		converse(worker);
		protocol_ended(parts->protocol, peer, clock_now_us());
		conclude(worker);
		warn_of_a_double(peer);
	}
	protocol_ended(parts->protocol, peer, clock_now_us());
	protocol_forget(parts->protocol, peer);
	frame_fini(&worker->frame);
	peer_release(peer);
	reaper_give(parts->reaper, &worker->entry);
	return NULL;
}

int worker_start(const struct worker_parts *parts, struct peer *peer)
{
	struct worker *worker = calloc(1, sizeof *worker);
	struct thread reader;
	if (worker == NULL || !registry_add(parts->registry, peer)) {
		free(worker);
		return ENOMEM;
	}
	worker->entry.bury = bury;
	worker->parts = parts;
	worker->peer = peer_hold(peer);
	reaper_expect(parts->reaper);
	int error = thread_start(&reader, read_peer, worker);
	if (error != 0) {
		reaper_forget(parts->reaper);
		registry_remove(parts->registry, peer);
		peer_release(peer);
		free(worker);
	}
	return error;
}
