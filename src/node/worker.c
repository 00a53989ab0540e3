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
/* When this many bytes of answers wait, they are written before the batch of lines is handled to its end. */
enum { ANSWERS_BYTES = 64 * 1024 };
/*
 * After a longer line than this, or after such answers, the reader yields the core. In a flood of long lines from 64
 * peers the slowest hundredth of another peer's pings then takes 8 to 28 ms, instead of 22 to 153
 * (tests/system/test_attack.c, without limits of rate, on 2 cores that others use too).
 */
enum { MUCH_BYTES = 4 * 1024 };

/* So much was taken in. If that was too much, nothing more is for a while. */
static void charge(struct worker *worker, size_t messages, size_t bytes, int64_t now_us)
{
	int64_t rest_us = intake_charge(&worker->intake, worker->parts->common.settings, messages, bytes, now_us);
	if (rest_us > 0 && now_us + rest_us > worker->read_again_us)
		worker->read_again_us = now_us + rest_us;
}

static void charge_line(struct worker *worker, size_t values, int64_t now_us)
{
	size_t weight = intake_weight(values), paid = worker->paid < weight ? worker->paid : weight;
	worker->paid -= paid;
	if (weight > paid)
		charge(worker, weight - paid, 0, now_us);
}

/*
 * Handles the lines that are there until it is time to rest, and writes the answers when many wait, if it has the turn.
 */
static void handle_lines(struct worker *worker, int64_t now_us)
{
	struct peer *peer = worker->peer;
	enum frame_result result = FRAME_NEED_MORE;
	const char *line;
	size_t length;

	while (!peer_is_closing(peer) && worker->read_again_us == 0 &&
	       (result = frame_next(&worker->frame, &line, &length)) == FRAME_LINE) {
		charge_line(worker, protocol_receive(worker->parts->protocol, peer, line, length, now_us), now_us);
		bool was_much = length > MUCH_BYTES;
		if (worker->has_turn && outbox_held_bytes(peer_outbox(peer)) > ANSWERS_BYTES) {
			peer_write(peer, 0);
			was_much = true;
		}
		if (was_much)
			thread_yield();
	}
	worker->is_behind = worker->read_again_us != 0;
	if (result == FRAME_TOO_LONG)
		protocol_violated(worker->parts->protocol, peer, "a line of more than 131072 bytes", now_us);
}

/* n bytes have come. */
static void take_in(struct worker *worker, size_t n, int64_t now_us)
{
	worker->read_us = now_us;
	peer_count_read(worker->peer, n, now_us);
	frame_added(&worker->frame, n);
}

/*
 * Handles what has come, and charges for what reading it has taken: the bytes; and as much as for a message, even if it
 * brought none, for each read and each record of TLS.
 */
static void handle_input(struct worker *worker, int64_t now_us)
{
	size_t lines_before = worker->frame.lines, records;
	size_t bytes = stream_taken(peer_stream(worker->peer), &records);
	size_t reads = records > 0 ? records : bytes > 0;
	if (reads > 0)
		worker->paid = reads;
	handle_lines(worker, now_us);
	charge(worker, reads, bytes, now_us);
	/* The time that this node needs for the earlier lines is not charged to the peer. */
	if (worker->is_behind || !frame_is_within_line(&worker->frame))
		worker->line_deadline_us = FOREVER_US;
	else if (worker->line_deadline_us == FOREVER_US || worker->frame.lines != lines_before)
		worker->line_deadline_us = clock_now_us() + worker->parts->common.settings->handshake_timeout_us;
	if (worker->read_again_us == 0)
		return;
	/* The peer's deadlines stand still meanwhile. */
	peer_be_deaf(worker->peer, now_us, worker->read_again_us);
	if (worker->line_deadline_us != FOREVER_US)
		worker->line_deadline_us += worker->read_again_us - now_us;
}

/* When a READY peer needs a pinger at the latest: to ping it, or because it owes an answer for so long. */
static int64_t next_look_us(struct peer *peer, int64_t now_us)
{
	int64_t next_us = clock_earlier(peer_ping(peer, now_us), peer_ping_deadline_us(peer));
	return clock_earlier(next_us, peer_silence(peer).ask_us);
}

/* The far end is nobody who may join, as its stream says. */
static void refuse(struct worker *worker, bool may_answer, int64_t now_us)
{
	const struct stream *stream = peer_stream(worker->peer);
	struct protocol_stranger stranger = {
		.what = stream_problem(stream), .lacks_secret = stream_lacks_secret(stream), .may_answer = may_answer};
	protocol_refused(worker->parts->protocol, worker->peer, &stranger, now_us);
}

/* Handles the result of a read: n bytes, the end of file, or an error. */
static void handle_read(struct worker *worker, ssize_t n, int error, int64_t now_us)
{
	struct peer *peer = worker->peer;
	bool was_ready = peer_state(peer) == PEER_READY;

	if (n > 0)
		take_in(worker, (size_t)n, now_us);
	else if (n == 0 && was_ready)
		peer_fail(peer, 0, "it closed the connection without a bye");
	else if (n == 0 || (error == ECONNRESET && !was_ready))
		peer_fail(peer, 0, "it closed the connection before its hello: " TURNED_AWAY);
	else if (error == EPROTO && stream_problem(peer_stream(peer)) != NULL)
		refuse(worker, true, now_us);
	else if (error != ETIMEDOUT)
		peer_fail_errno(peer, error);
	worker->is_at_end |= n == 0 || (n < 0 && error != ETIMEDOUT && error != EPROTO);
	if (!peer_is_closing(peer))
		handle_input(worker, now_us);
	if (!was_ready && peer_state(peer) == PEER_READY)
		worker->look_up_us = next_look_us(peer, now_us);
	if (now_us >= worker->line_deadline_us)
		peer_close_because(peer, BYE_TIMEOUT, "a line of it took longer than handshake_timeout");
}

/*
 * Before the reader sleeps or ends: writes what does not block, and gives the turn back. The rest is left to the
 * pinger, unless the peer is closing: then the reader writes it, and no pinger starts.
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
 * It is time to look up. A peer that has been READY until now will stay, so it gets its pinger. The reader needs no
 * clock any more.
 */
static void look_up(struct worker *worker)
{
	struct peer *peer = worker->peer;
	worker->look_up_us = FOREVER_US;
	if (peer_state(peer) != PEER_READY) {
		peer_close(peer, BYE_TIMEOUT);
		return;
	}
	int64_t now_us = clock_now_us(), next_us = next_look_us(peer, now_us);
	if (next_us > now_us && peer_silence(peer).since_us == FOREVER_US) {
		worker->look_up_us = next_us;
		return;
	}
	outbox_call_pinger(peer_outbox(peer));
}

/* Waits for bytes, and puts them into the frame. Returns how many, 0 at the end of file, or -1 with the error. */
static ssize_t read_more(struct worker *worker, int *error)
{
	size_t size;
	char *space = frame_space(&worker->frame, &size);
	if (space == NULL) {
		*error = ENOMEM;
		return -1;
	}
	/* With the time of the last read, since reading the clock costs: the room may be too small, for one read. */
	size_t room = intake_room(&worker->intake, worker->parts->common.settings, worker->read_us);
	ssize_t n = stream_read(peer_stream(worker->peer), space, size < room ? size : room,
				clock_earlier(worker->look_up_us, worker->line_deadline_us));
	*error = errno;
	return n;
}

/*
 * The far end has closed, though we had not read all that it sent. That is known at once, and what is unread is
 * dropped. But a far end that comes again and again must not be read faster for it: the connection keeps its place for
 * as long as reading the rest would have taken.
 */
static void end_early(struct worker *worker, int64_t now_us)
{
	const struct settings *settings = worker->parts->common.settings;
	struct peer *peer = worker->peer;
	size_t unread = stream_unread_bytes(peer_stream(peer)) + frame_held_bytes(&worker->frame);
	int64_t stay_us = intake_time_us(settings, unread);
	if (stay_us > settings->handshake_timeout_us)
		stay_us = settings->handshake_timeout_us;
	worker->is_at_end = true;
	if (peer_fail_and_stay(peer, "it closed the connection while it was slowed down (max_message_rate, "
				     "max_byte_rate)"))
		worker->stay_us = now_us + stay_us;
}

/* Waits until reading is allowed again, as if nothing came meanwhile. */
static void rest(struct worker *worker)
{
	bool has_gone =
		stream_wait_gone(peer_stream(worker->peer), clock_earlier(worker->read_again_us, worker->look_up_us));
	int64_t now_us = clock_now_us();
	if (has_gone)
		end_early(worker, now_us);
	else if (now_us >= worker->read_again_us)
		worker->read_again_us = 0;
}

/*
 * Reads until the connection ends. While the reader is awake it has the turn, if that was free, so its answers go out
 * together and wake nobody.
 */
static void converse(struct worker *worker)
{
	struct peer *peer = worker->peer;
	bool was_quiet = false;
	for (;;) {
		if (worker->has_turn)
			give_turn_back(peer);
		if (peer_is_closing(peer))
			return;
		if (was_quiet)
			stream_trim_stack(peer_stream(peer));
		int error = ETIMEDOUT;
		ssize_t n = -1;
		if (worker->read_again_us != 0)
			rest(worker);
		else if (!worker->is_behind)
			n = read_more(worker, &error);
		worker->has_turn = outbox_take_turn(peer_outbox(peer));
		int64_t now_us = clock_now_us();
		was_quiet = now_us - worker->read_us > QUIET_US;
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
	if (answer.is_unanswered)
		peer_hinder(worker->peer, EAGAIN, answer.problem);
	else if (answer.problem != NULL)
		peer_fail(worker->peer, ENOENT, answer.problem);
	else
		address_book_resolved(worker->parts->common.book, dial, answer.addresses, answer.count, clock_now_us());
}

/* Called once the peer is in the registry: a reload of the lists either finds it there, or is seen here. */
static bool is_allowed(struct worker *worker)
{
	const struct address *far_end = &peer_dial(worker->peer)->address;
	const char *why = NULL;
	if (!access_allows(worker->parts->common.access, far_end))
		why = "allow and deny exclude it";
	else if (bans_hold(worker->parts->common.bans, far_end, clock_now_us()))
		why = "it is banned";
	if (why != NULL)
		peer_cut(worker->peer, why);
	return why == NULL;
}

/* Connects an outbound peer. False if that fails. */
static bool dial(struct worker *worker)
{
	const struct worker_parts *parts = worker->parts;
	const struct address *to = &peer_dial(worker->peer)->address;
	const struct listening *listening = parts->common.listening;
	struct address from = route_source(listening->addresses, listening_count(listening), to);
	int error = stream_connect(peer_stream(worker->peer), to, &from,
				   clock_now_us() + parts->common.settings->connect_timeout_us);
	if (error != 0 && stream_is_hindered(peer_stream(worker->peer)))
		peer_hinder_errno(worker->peer, error);
	else if (error != 0)
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
		refuse(worker, false, clock_now_us());
		return REACHED_SOCKET;
	}
	if (error == ETIMEDOUT)
		peer_fail(peer, ETIMEDOUT, "no TLS handshake within handshake_timeout");
	else if (error == ECONNRESET)
		peer_fail(peer, 0, "it closed the connection at the TLS handshake: " TURNED_AWAY);
	else
		peer_fail_errno(peer, error);
	return REACHED_NOBODY;
}

/* From the connection to the first line. */
static enum reach begin(struct worker *worker)
{
	const struct worker_parts *parts = worker->parts;
	struct peer *peer = worker->peer;
	struct address local = stream_local_address(peer_stream(peer));
	int64_t now_us = clock_now_us();

	/* For all that comes before READY, including the stream's handshake. */
	worker->look_up_us = now_us + parts->common.settings->handshake_timeout_us;
	worker->line_deadline_us = FOREVER_US;
	peer_connected(peer, &local);
	enum reach reach = shake_hands(worker);
	if (reach != REACHED_PEER)
		return reach;
	if (parts->context != NULL)
		registry_trust(parts->common.registry, peer);
	now_us = clock_now_us();
	intake_init(&worker->intake, parts->common.settings,
		    sources_debt(parts->common.sources, &peer_dial(peer)->address, parts->common.settings, now_us),
		    now_us);
	worker->read_us = now_us;
	protocol_connected(parts->protocol, peer, &local, now_us);
	return reach;
}

static void read_peer(struct pool_job *job)
{
	struct worker *worker = worker_of(job, offsetof(struct worker, reading));
	struct peer *peer = worker->peer;
	enum reach reach = REACHED_NOBODY;

	/* Nobody else writes before READY; and if another thread ends the connection, this one sees it. */
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
	peer_set_counters(peer, parts->common.counters);
	peer_set_pace(peer, parts->common.pace);
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
