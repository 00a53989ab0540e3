#include "node/worker.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "link/resolver.h"
#include "link/route.h"
#include "link/stream.h"
#include "node/farewell_priv.h"
#include "node/pinger_priv.h"
#include "node/worker_priv.h"

/* A node that refuses a connection by its limits or lists says nothing. */
#define TURNED_AWAY "full, or we are denied or banned there?"
/* Answers are written in the midst of a batch of lines when so many bytes of them wait. */
enum { ANSWERS_BYTES = 64 * 1024 };
/*
 * After a line of more than this, or such answers, whoever else wants the core comes first: in a flood of long lines
 * from 64 peers the slowest hundredth of another peer's pings takes 8 to 28 ms then, instead of 22 to 153
 * (tests/system/test_attack.c, without limits of rate, on 2 cores that others use too).
 */
enum { MUCH_BYTES = 4 * 1024 };

/* Handles the lines that are there; with the turn, writes the answers when many of them wait. How many there were. */
static size_t handle_lines(struct worker *worker, int64_t now_us)
{
	struct peer *peer = worker->peer;
	size_t messages = 0;
	enum frame_result result = FRAME_NEED_MORE;
	const char *line;
	size_t length;

	while (!peer_is_closing(peer) && (result = frame_next(&worker->frame, &line, &length)) == FRAME_LINE) {
		protocol_receive(worker->parts->protocol, peer, line, length, now_us);
		messages++;
		bool was_much = length > MUCH_BYTES;
		if (worker->has_turn && outbox_held_bytes(peer_outbox(peer)) > ANSWERS_BYTES) {
			peer_write(peer, 0);
			was_much = true;
		}
		if (was_much)
			thread_yield();
	}
	if (result == FRAME_TOO_LONG)
		protocol_violated(worker->parts->protocol, peer, "a line of more than 131072 bytes", now_us);
	return messages;
}

/*
 * Too much may have come: then nothing is read for a while, which no deadline of the peer counts. A record of TLS costs
 * what a message costs, and may bring none.
 */
static void charge(struct worker *worker, size_t messages, int64_t now_us)
{
	size_t records, bytes = stream_taken(peer_stream(worker->peer), &records);
	if (bytes == 0 && records == 0)
		return;
	messages = messages > records ? messages : records;
	int64_t rest_us = intake_charge(&worker->intake, worker->parts->common.settings, messages, bytes, now_us);
	if (rest_us == 0)
		return;
	worker->read_again_us = now_us + rest_us;
	peer_be_deaf(worker->peer, now_us, worker->read_again_us);
	if (worker->line_deadline_us != FOREVER_US)
		worker->line_deadline_us += rest_us;
}

/* n bytes have come. */
static void take_in(struct worker *worker, size_t n, int64_t now_us)
{
	size_t lines_before = worker->frame.lines;
	worker->read_us = now_us;
	peer_count_read(worker->peer, n, now_us);
	frame_added(&worker->frame, n);
	size_t messages = handle_lines(worker, now_us);
	/* The time in which this node handles the lines before it is not the peer's. */
	if (!frame_is_within_line(&worker->frame))
		worker->line_deadline_us = FOREVER_US;
	else if (worker->line_deadline_us == FOREVER_US || worker->frame.lines != lines_before)
		worker->line_deadline_us = clock_now_us() + worker->parts->common.settings->handshake_timeout_us;
	charge(worker, messages, now_us);
}

/* Handles what a read has brought: n bytes, the end of file, or an error. */
static void handle_read(struct worker *worker, ssize_t n, int error, int64_t now_us)
{
	struct peer *peer = worker->peer;
	bool was_ready = peer_state(peer) == PEER_READY;

	if (n > 0)
		take_in(worker, (size_t)n, now_us);
	else if (n == 0 && was_ready)
		peer_fail(peer, "it closed the connection without a bye");
	else if (n == 0 || (error == ECONNRESET && !was_ready))
		peer_fail(peer, "it closed the connection before its hello: " TURNED_AWAY);
	else if (error == EPROTO && stream_problem(peer_stream(peer)) != NULL)
		protocol_refused(worker->parts->protocol, peer, stream_problem(peer_stream(peer)), true, now_us);
	else if (error == ETIMEDOUT)
		charge(worker, 0, now_us);
	else
		peer_fail_errno(peer, error);
	worker->is_at_end = n == 0 || (n < 0 && error != ETIMEDOUT && error != EPROTO);
	if (!was_ready && peer_state(peer) == PEER_READY)
		worker->look_up_us = clock_earlier(peer_ping(peer, now_us), peer_ping_deadline_us(peer));
	if (now_us >= worker->line_deadline_us)
		peer_close_because(peer, BYE_TIMEOUT, "a line of it took longer than handshake_timeout");
}

/*
 * Before the reader sleeps, or ends: gives the turn back when what doesn't block is written. The rest is the pinger's,
 * unless the peer has an ending: that finds the reader awake, and needs no pinger.
 */
static void give_turn_back(struct peer *peer)
{
	int error = peer_write(peer, 0);
	if (error != 0 && error != EAGAIN && error != EWOULDBLOCK)
		peer_fail_errno(peer, error);
	if (peer_is_closing(peer))
		outbox_retire_pinger(peer_outbox(peer));
	outbox_return_turn(peer_outbox(peer));
}

/*
 * The time to look up has come. A peer that has been READY until then gets its pinger, since it will stay. The reader
 * needs no clock any more, and gives back what the handshake has left in its stack: 19.8 kB for an idle peer instead of
 * 24.0 (make bench BENCH=memory1000, where lines are logged).
 */
static void look_up(struct worker *worker)
{
	struct peer *peer = worker->peer;
	worker->look_up_us = FOREVER_US;
	if (peer_state(peer) != PEER_READY) {
		peer_close(peer, BYE_TIMEOUT);
		return;
	}
	outbox_call_pinger(peer_outbox(peer));
	thread_trim_stack();
}

/* Waits for bytes, and puts them into the frame: how many, 0 at the end of file, or -1 with the error. */
static ssize_t read_more(struct worker *worker, int *error)
{
	size_t size;
	char *space = frame_space(&worker->frame, &size);
	if (space == NULL) {
		*error = ENOMEM;
		return -1;
	}
	/* Of the last read's time, since to look at the clock costs; at most it is too little, for one read. */
	size_t room = intake_room(&worker->intake, worker->parts->common.settings, worker->read_us);
	ssize_t n = stream_read(peer_stream(worker->peer), space, size < room ? size : room,
				clock_earlier(worker->look_up_us, worker->line_deadline_us));
	*error = errno;
	return n;
}

/*
 * Waits until something may be read again, as if nothing came meanwhile. What a far end that has gone has left behind
 * is bounded by the socket's buffer, and read at once: whether a peer is alive must not be known late.
 */
static ssize_t rest(struct worker *worker, int *error)
{
	bool has_gone =
		stream_wait_gone(peer_stream(worker->peer), clock_earlier(worker->read_again_us, worker->look_up_us));
	if (has_gone || clock_now_us() >= worker->read_again_us)
		worker->read_again_us = 0;
	*error = ETIMEDOUT;
	return -1;
}

/*
 * Reads until the connection is over or to be ended. While it is awake the reader has the turn, if that was free: so
 * its answers go out together and wake nobody.
 */
static void converse(struct worker *worker)
{
	struct peer *peer = worker->peer;
	for (;;) {
		if (worker->has_turn)
			give_turn_back(peer);
		if (peer_is_closing(peer))
			return;
		int error;
		ssize_t n = worker->read_again_us == 0 ? read_more(worker, &error) : rest(worker, &error);
		worker->has_turn = outbox_take_turn(peer_outbox(peer));
		int64_t now_us = clock_now_us();
		handle_read(worker, n, error, now_us);
		if (now_us >= worker->look_up_us && !peer_is_closing(peer))
			look_up(worker);
	}
}

static void resolve(struct worker *worker)
{
	const struct dial *dial = peer_dial(worker->peer);
	struct resolver_answer answer =
		stream_lookup(peer_stream(worker->peer), dial->host, dial->port,
			      clock_now_us() + worker->parts->common.settings->connect_timeout_us);
	if (answer.problem != NULL)
		peer_fail(worker->peer, answer.problem);
	else
		address_book_resolved(worker->parts->common.book, dial, answer.addresses, answer.count, clock_now_us());
}

/* After it is in the registry: a reload of the lists finds it there, or is seen here. */
static bool is_allowed(struct worker *worker)
{
	const struct address *far_end = &peer_dial(worker->peer)->address;
	bool allowed = admission_allows(worker->parts->common.admission, far_end);
	if (!allowed)
		peer_cut(worker->peer, "allow and deny exclude it");
	return allowed;
}

/* An outbound peer's connection; false if there is none in the end. */
static bool dial(struct worker *worker)
{
	const struct worker_parts *parts = worker->parts;
	const struct address *to = &peer_dial(worker->peer)->address;
	struct address from = route_source(parts->common.listen, parts->common.listen_count, to);
	int error = stream_connect(peer_stream(worker->peer), to, &from,
				   clock_now_us() + parts->common.settings->connect_timeout_us);
	if (error != 0)
		peer_fail_errno(worker->peer, error);
	return error == 0;
}

/* The stream's handshake, before the first byte. */
static enum reach shake_hands(struct worker *worker)
{
	struct peer *peer = worker->peer;
	int error = stream_handshake(peer_stream(peer), worker->look_up_us);
	if (error == 0)
		return REACHED_PEER;
	if (error == EPROTO) {
		const char *problem = stream_problem(peer_stream(peer));
		protocol_refused(worker->parts->protocol, peer, problem, false, clock_now_us());
		return REACHED_SOCKET;
	}
	if (error == ETIMEDOUT)
		peer_fail(peer, "no TLS handshake within handshake_timeout");
	else if (error == ECONNRESET)
		peer_fail(peer, "it closed the connection at the TLS handshake: " TURNED_AWAY);
	else
		peer_fail_errno(peer, error);
	return REACHED_NOBODY;
}

/* What comes between being connected and the first line. */
static enum reach begin(struct worker *worker)
{
	const struct worker_parts *parts = worker->parts;
	struct peer *peer = worker->peer;
	struct address local = stream_local_address(peer_stream(peer));
	int64_t now_us = clock_now_us();

	/* Of all that comes before READY, the stream's handshake included. */
	worker->look_up_us = now_us + parts->common.settings->handshake_timeout_us;
	worker->line_deadline_us = FOREVER_US;
	peer_connected(peer, &local);
	enum reach reach = shake_hands(worker);
	if (reach != REACHED_PEER)
		return reach;
	now_us = clock_now_us();
	intake_init(&worker->intake, parts->common.settings, now_us);
	worker->read_us = now_us;
	protocol_connected(parts->protocol, peer, &local);
	return reach;
}

static void read_peer(struct pool_job *job)
{
	struct worker *worker = worker_of(job, offsetof(struct worker, reading));
	struct peer *peer = worker->peer;
	enum reach reach = REACHED_NOBODY;

	/* Nobody else writes before READY, and an ending finds this thread awake. */
	worker->has_turn = outbox_take_turn(peer_outbox(peer));
	if (peer_dial(peer)->kind == DIAL_NAME)
		resolve(worker);
	else if (is_allowed(worker) && (peer_direction(peer) == PEER_INBOUND || dial(worker)))
		reach = begin(worker);
	if (reach == REACHED_PEER)
		converse(worker);
	farewell_finish(worker, reach);
}

int worker_start(const struct worker_parts *parts, struct peer *peer)
{
	struct worker *worker = calloc(1, sizeof *worker);
	if (worker == NULL)
		return ENOMEM;
	worker->reading.run = read_peer;
	worker->pinging.run = pinger_run;
	worker->parts = parts;
	worker->peer = peer_hold(peer);
	outbox_on_call(peer_outbox(peer), pinger_start, worker);
	int error = registry_add(parts->common.registry, peer) ? 0 : ENOMEM;
	if (error == 0) {
		error = pool_run(parts->pool, &worker->reading);
		if (error != 0)
			registry_remove(parts->common.registry, peer);
	}
	if (error != 0) {
		peer_release(peer);
		free(worker);
	}
	return error;
}
