#include "link/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/peer_priv.h"
#include "telemetry/counters.h"

struct peer *peer_new(enum peer_direction direction, struct stream *stream, const struct dial *dial,
		      const struct settings *settings, int64_t now_us) UNCHECKED
{
	struct peer *peer = calloc(1, sizeof *peer);
	struct outbox *outbox = outbox_new(settings->max_outbox == 0 ? SIZE_MAX : (size_t)settings->max_outbox);
	if (peer == NULL || outbox == NULL) {
		free(peer);
		outbox_free(outbox);
		return NULL;
	}
	atomic_init(&peer->references, 1);
	peer->direction = direction;
	peer->dial = *dial;
	peer->stream = stream;
	peer->outbox = outbox;
	peer->created_us = now_us;
	peer->kernel_rtt_us = direction == PEER_INBOUND && stream != NULL ? stream_rtt_us(stream) : 0;
	allowance_init(&peer->allowance, now_us);
	mutex_init(&peer->mutex);
	peer->state = PEER_DIAL;
	peer->rtt_us = -1;
	peer->late_us = -1;
	token_bucket_init(&peer->late_events, PEER_LATE_EVENTS, now_us);
	return peer;
}

void peer_set_counters(struct peer *peer, struct counters *counters)
{
	peer->counters = counters;
}

void peer_set_pace(struct peer *peer, struct pace *pace)
{
	peer->pace = pace;
}

struct peer *peer_hold(struct peer *peer)
{
	atomic_fetch_add_explicit(&peer->references, 1, memory_order_relaxed);
	return peer;
}

void peer_release(struct peer *peer) UNCHECKED
{
	if (atomic_fetch_sub_explicit(&peer->references, 1, memory_order_acq_rel) != 1)
		return;
	stream_free(peer->stream);
	outbox_free(peer->outbox);
	mutex_fini(&peer->mutex);
	dial_fini(&peer->dial);
	known_addresses_fini(&peer->known);
	free(peer->name);
	free(peer->agent);
	free(peer->ending_text);
	free(peer);
}

enum peer_direction peer_direction(const struct peer *peer)
{
	return peer->direction;
}

const struct dial *peer_dial(const struct peer *peer)
{
	return &peer->dial;
}

struct stream *peer_stream(const struct peer *peer)
{
	return peer->stream;
}

struct outbox *peer_outbox(const struct peer *peer)
{
	return peer->outbox;
}

/* How long it has been late; -1 while it is not. */
static int64_t late_us(const struct peer *peer, int64_t heard_us, int64_t now_us) REQUIRES(peer_guard)
{
	int64_t since_us = liveness_silent_since_us(&peer->liveness, heard_us);
	return since_us != FOREVER_US && now_us - since_us >= peer_late_after_us(peer) ? now_us - since_us : -1;
}

struct peer_info peer_look(struct peer *peer, int64_t now_us)
{
	struct peer_info info = {
		.direction = peer->direction,
		.is_feeler = dial_is_feeler(&peer->dial),
		.remote = peer->dial.address,
		.is_closing = atomic_load(&peer->is_closing),
		.loses_large = atomic_load(&peer->loses_large),
		.heard_us = atomic_load(&peer->heard_us),
		.messages_in = atomic_load(&peer->messages_in),
		.messages_out = atomic_load(&peer->messages_out),
		.bytes_in = atomic_load(&peer->bytes_in),
		.bytes_out = atomic_load(&peer->bytes_out),
		.ignored = atomic_load(&peer->ignored),
		.useless = atomic_load(&peer->useless),
	};
	if (peer->dial.host != NULL)
		snprintf(info.host, sizeof info.host, "%s:%u", peer->dial.host, (unsigned)peer->dial.port);
	peer_enter(peer);
	info.state = peer->state;
	info.nodeid = peer->nodeid;
	info.name = peer->name == NULL ? "" : peer->name;
	info.agent = peer->agent == NULL ? "" : peer->agent;
	info.local = peer->local;
	info.listen = peer->listen;
	info.claim = peer->claim;
	info.since_us = peer->state == PEER_READY ? peer->ready_us : peer->created_us;
	info.rtt_us = peer->state == PEER_READY ? liveness_rtt_us(&peer->liveness, now_us) : -1;
	info.answered_us = atomic_load(&peer->rtt_us);
	info.usual_rtt_us = peer->state == PEER_READY ? peer->liveness.usual_rtt_us : -1;
	info.waiting_us =
		peer->state == PEER_READY && peer->liveness.is_waiting ? now_us - peer->liveness.pinged_us : -1;
	info.late_us = peer->state == PEER_READY ? late_us(peer, info.heard_us, now_us) : -1;
	info.ending = peer->ending;
	info.reason = peer->reason;
	info.error = peer->error;
	if (peer->ending_text != NULL)
		info.ending_text = peer->ending_text;
	else
		info.ending_text = peer->ending == PEER_GOES_ON ? "" : "no memory to say why";
	peer_leave(peer);
	return info;
}

enum peer_state peer_state(struct peer *peer)
{
	return atomic_load(&peer->state);
}

bool peer_is_closing(const struct peer *peer)
{
	return atomic_load(&peer->is_closing);
}

bool peer_is_established(const struct peer *peer)
{
	return atomic_load(&peer->is_established);
}

bool peer_connected(struct peer *peer, const struct address *local)
{
	peer_enter(peer);
	bool goes_on = peer->ending == PEER_GOES_ON;
	peer->state = PEER_HELLO;
	peer->local = *local;
	peer_leave(peer);
	return goes_on;
}

bool peer_ready(struct peer *peer, const struct message_hello *hello, const struct settings *settings,
		const struct hash_key *secret, int64_t now_us)
{
	char *name = hello->name[0] == '\0' ? NULL : strdup(hello->name);
	char *agent = hello->agent[0] == '\0' ? NULL : strdup(hello->agent);
	peer_enter(peer);
	bool goes_on = peer->ending == PEER_GOES_ON;
	if (goes_on) {
		peer->state = PEER_READY;
		peer->nodeid = hello->nodeid;
		peer->name = name;
		peer->agent = agent;
		peer->ready_us = now_us;
		peer->secret = secret;
		/* Under the lock, so that a change is either seen here or by peer_set_pings. */
		peer->ping_interval_us = settings->ping_interval_us;
		liveness_init(&peer->liveness, settings->ping_interval_us, settings->ping_timeout_us, now_us);
	}
	peer_leave(peer);
	if (goes_on && peer->pace != NULL)
		pace_join(peer->pace);
	if (!goes_on) {
		free(name);
		free(agent);
	}
	return goes_on;
}

bool peer_set_listen(struct peer *peer, const struct address *address)
{
	peer_enter(peer);
	bool is_new = !address_equals(&peer->listen, address);
	peer->listen = *address;
	peer_leave(peer);
	return is_new;
}

void peer_set_claim(struct peer *peer, const struct address *address)
{
	peer_enter(peer);
	peer->claim = *address;
	peer_leave(peer);
}

void peer_count_sent(struct peer *peer, enum message_type type, size_t bytes)
{
	counters_count_message(peer->counters, COUNTERS_OUT, type, bytes);
	atomic_fetch_add_explicit(&peer->messages_out, 1, memory_order_relaxed);
	peer_debug(peer, "was sent %s", message_type_name(type));
}

int peer_write(struct peer *peer, int64_t deadline_us)
{
	const char *bytes;
	size_t length;
	while ((length = outbox_head(peer->outbox, &bytes)) > 0) {
		ssize_t n = stream_write(peer->stream, bytes, length, deadline_us);
		if (n < 0)
			return errno;
		outbox_wrote(peer->outbox, (size_t)n);
		atomic_fetch_add_explicit(&peer->bytes_out, n, memory_order_relaxed);
	}
	return 0;
}

int64_t peer_written_bytes(const struct peer *peer)
{
	return atomic_load_explicit(&peer->bytes_out, memory_order_relaxed);
}

/* With the turn: writes a line as far as that does not block, leaves the rest to the pinger, and gives the turn back.
 */
static void write_line(struct peer *peer, const char *line, size_t length)
{
	ssize_t n = stream_write(peer->stream, line, length, 0);
	int error = n < 0 ? errno : 0;
	size_t written = n < 0 ? 0 : (size_t)n;
	if (error == EAGAIN || error == EWOULDBLOCK)
		error = 0;
	if (error == 0 && written < length && !outbox_keep(peer->outbox, line + written, length - written))
		error = ENOMEM;
	atomic_fetch_add_explicit(&peer->bytes_out, (int64_t)written, memory_order_relaxed);
	outbox_return_turn(peer->outbox);
	if (error != 0)
		peer_fail_errno(peer, error);
}

/*
 * If nothing is queued and nobody writes, the sender writes the line itself, from where it is. That saves a thread
 * switch, for most peers a thread, and the memory for a copy.
 */
static void send_line(struct peer *peer, enum message_type type, const char *line, size_t length)
{
	switch (outbox_put(peer->outbox, line, length, peer->stream != NULL)) {
	case OUTBOX_TAKEN:
		peer_count_sent(peer, type, length);
		break;
	case OUTBOX_EMPTY:
		peer_count_sent(peer, type, length);
		write_line(peer, line, length);
		break;
	case OUTBOX_FULL:
		peer_close(peer, BYE_SLOW);
		break;
	case OUTBOX_CLOSED:
		break;
	}
}

void peer_send(struct peer *peer, const struct message *message)
{
	struct buffer line = {0};
	if (message_encode(message, &line))
		peer_send_line(peer, message->type, &line);
	else
		peer_close(peer, BYE_SLOW);
	buffer_fini(&line);
}

void peer_send_line(struct peer *peer, enum message_type type, const struct buffer *line)
{
	send_line(peer, type, buffer_content(line), buffer_length(line));
}

void peer_send_type(struct peer *peer, enum message_type type)
{
	const char *line = message_bare_line(type);
	send_line(peer, type, line, strlen(line));
}

void peer_note_losses(struct peer *peer)
{
	atomic_store(&peer->loses_large, true);
}

bool peer_take_ending(struct peer *peer)
{
	return !atomic_exchange(&peer->is_logged, true);
}

void peer_set_noted(struct peer *peer)
{
	atomic_store(&peer->is_noted, true);
}

bool peer_is_noted(const struct peer *peer)
{
	return atomic_load(&peer->is_noted);
}

bool peer_knows_address(struct peer *peer, const struct address *address)
{
	peer_enter(peer);
	bool found = known_addresses_have(&peer->known, address);
	peer_leave(peer);
	return found;
}

void peer_note_address(struct peer *peer, const struct address *address)
{
	peer_enter(peer);
	known_addresses_note(&peer->known, address);
	peer_leave(peer);
}

void peer_note_addresses(struct peer *peer, const struct message_entry *entries, size_t count)
{
	if (count == 0)
		return;
	peer_enter(peer);
	for (size_t i = 0; i < count; i++)
		known_addresses_note(&peer->known, &entries[i].address);
	peer_leave(peer);
}

/* Only one thread adds to this, so a locked instruction is not needed. */
static void add_as_reader(_Atomic int64_t *count, int64_t more)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + more, memory_order_relaxed);
}

void peer_count_read(struct peer *peer, size_t bytes, int64_t now_us)
{
	add_as_reader(&peer->bytes_in, (int64_t)bytes);
	atomic_store_explicit(&peer->heard_us, now_us, memory_order_relaxed);
}

void peer_count_message(struct peer *peer)
{
	add_as_reader(&peer->messages_in, 1);
}

void peer_count_ignored(struct peer *peer)
{
	add_as_reader(&peer->ignored, 1);
}

void peer_count_useless(struct peer *peer, size_t addresses)
{
	add_as_reader(&peer->useless, (int64_t)addresses);
}

struct allowance *peer_allowance(struct peer *peer)
{
	return &peer->allowance;
}

struct peer_reports *peer_reports(struct peer *peer)
{
	return &peer->reports;
}
