#include "wire.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { BLOCK_WIRES = 1024, SEGMENT_ROOM = 200, FIRST_PORT = 32768, PORTS = 28232 };

struct wire_block {
	struct wire_block *next;
	struct wire wires[BLOCK_WIRES];
};

enum segment_kind {
	SEGMENT_LINES,
	SEGMENT_END,
	SEGMENT_RESET,
};

/* Lines that were in an outbox together, on their way. Small ones are used again. */
struct segment {
	struct segment *next;
	struct end *to;
	enum segment_kind kind;
	uint32_t generation;
	const char *bytes;
	size_t length;
	char room[];
};

static int64_t now_of(const struct end *end)
{
	return end->wire->world->agenda.now_us;
}

struct end *end_other(struct end *end)
{
	return &end->wire->ends[end == &end->wire->ends[0]];
}

bool end_is_ready(const struct end *end)
{
	return end->state == END_OPEN && end->is_ready;
}

/* ---- what the core has touched ---- */

/* An outbox with something to do, since the host was attended last. */
struct touched {
	struct outbox *outbox;
	bool is_called; /* for its pinger */
};

static struct touched *touched;
static size_t touched_count, touched_capacity;

static void touch(struct outbox *outbox, bool is_called)
{
	if (touched_count > 0 && touched[touched_count - 1].outbox == outbox) {
		touched[touched_count - 1].is_called |= is_called;
		return;
	}
	if (touched_count == touched_capacity) {
		touched_capacity = touched_capacity * 2 + 64;
		struct touched *grown = realloc(touched, touched_capacity * sizeof *touched);
		must(grown != NULL);
		touched = grown;
	}
	touched[touched_count++] = (struct touched){.outbox = outbox, .is_called = is_called};
}

/* The names are the linker's. NOLINTBEGIN(bugprone-reserved-identifier) */
enum outbox_result __real_outbox_put(struct outbox *outbox, const char *line, size_t length, bool may_write);
enum outbox_result __wrap_outbox_put(struct outbox *outbox, const char *line, size_t length, bool may_write);
enum outbox_result __real_outbox_close(struct outbox *outbox, const char *line, size_t length);
enum outbox_result __wrap_outbox_close(struct outbox *outbox, const char *line, size_t length);
void __wrap_outbox_call_pinger(struct outbox *outbox);

enum outbox_result __wrap_outbox_put(struct outbox *outbox, const char *line, size_t length, bool may_write)
{
	touch(outbox, false);
	return __real_outbox_put(outbox, line, length, may_write);
}

enum outbox_result __wrap_outbox_close(struct outbox *outbox, const char *line, size_t length)
{
	touch(outbox, false);
	return __real_outbox_close(outbox, line, length);
}

/* There is no pinger to call. */
void __wrap_outbox_call_pinger(struct outbox *outbox)
{
	touch(outbox, true);
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* ---- memory ---- */

static void add_block(struct world *world)
{
	struct wire_block *block = calloc(1, sizeof *block);
	must(block != NULL);
	block->next = world->wire_blocks;
	world->wire_blocks = block;
	world->own_bytes += sizeof *block;
	for (size_t i = 0; i < BLOCK_WIRES; i++) {
		block->wires[i].world = world;
		block->wires[i].ends[0].wire = block->wires[i].ends[1].wire = &block->wires[i];
		block->wires[i].next = world->free_wires;
		world->free_wires = &block->wires[i];
	}
}

static void reset_end(struct end *end)
{
	*end = (struct end){.wire = end->wire, .timer_us = FOREVER_US, .timer_mark = end->timer_mark + 1};
}

static struct wire *new_wire(struct world *world)
{
	if (world->free_wires == NULL)
		add_block(world);
	struct wire *wire = world->free_wires;
	world->free_wires = wire->next;
	reset_end(&wire->ends[0]);
	reset_end(&wire->ends[1]);
	return wire;
}

static void free_wire_when_over(struct wire *wire)
{
	if (wire->ends[0].state != END_OVER || wire->ends[1].state != END_OVER)
		return;
	wire->generation++;
	wire->next = wire->world->free_wires;
	wire->world->free_wires = wire;
}

static struct segment *new_segment(struct world *world, size_t length)
{
	struct segment *segment = world->free_segments;
	size_t room = length < SEGMENT_ROOM ? SEGMENT_ROOM : length;
	if (segment != NULL && length <= SEGMENT_ROOM) {
		world->free_segments = segment->next;
		return segment;
	}
	segment = malloc(sizeof *segment + room);
	must(segment != NULL);
	return segment;
}

static void free_segment(struct world *world, struct segment *segment)
{
	if (segment->bytes == segment->room && segment->length > SEGMENT_ROOM) {
		free(segment);
		return;
	}
	segment->next = world->free_segments;
	world->free_segments = segment;
}

/* ---- the ends of a host ---- */

static void open_end(struct end *end, struct host *host, struct peer *peer, enum end_state state)
{
	if (host->end_count == host->end_capacity) {
		host->end_capacity = host->end_capacity * 2 + 8;
		host->ends = realloc(host->ends, host->end_capacity * sizeof(struct end *));
		host->outboxes = realloc(host->outboxes, host->end_capacity * sizeof(struct outbox *));
		must(host->ends != NULL && host->outboxes != NULL);
	}
	end->host = host;
	end->peer = peer;
	end->state = state;
	end->place = host->end_count;
	host->outboxes[host->end_count] = peer == NULL ? NULL : peer_outbox(peer);
	host->ends[host->end_count++] = end;
}

static void close_end(struct end *end)
{
	struct host *host = end->host;
	struct end *last = host->ends[--host->end_count];
	host->ends[end->place] = last;
	host->outboxes[end->place] = host->outboxes[host->end_count];
	last->place = end->place;
	end->state = END_OVER;
	end->timer_us = FOREVER_US;
	end->timer_mark++;
	if (end->peer != NULL)
		peer_release(end->peer);
	end->peer = NULL;
	free_wire_when_over(end->wire);
}

/* The connection is over, to its last byte. */
static void forget(struct end *end)
{
	struct host *host = end->host;
	if (end->peer != NULL)
		protocol_forget(host->protocol, end->peer);
	close_end(end);
	host_attend(host);
}

/* ---- what travels ---- */

static void deliver(void *subject, uint32_t mark);

static bool has_cut(const struct host *from, const struct host *to, bool is_of_dials)
{
	const struct world *world = from->world;
	bool is_cut = false;
	for (size_t i = 0; i < world->cut_count && !is_cut; i++) {
		const struct cut *cut = &world->cuts[i];
		is_cut = cut->from == from && cut->to == to && cut->is_of_dials == is_of_dials;
	}
	return is_cut;
}

static bool is_way_cut(const struct host *from, const struct host *to)
{
	return (from->world->is_parted && from->is_far_side != to->is_far_side) || has_cut(from, to, false);
}

static bool is_cut(const struct host *one, const struct host *other)
{
	return is_way_cut(one, other) || is_way_cut(other, one);
}

static bool is_dial_cut(const struct host *from, const struct host *to)
{
	return is_cut(from, to) || has_cut(from, to, true);
}

bool wire_is_whole(const struct wire *wire)
{
	const struct end *ends = wire->ends;
	return !ends[0].is_broken && !ends[1].is_broken && !is_cut(ends[0].host, ends[1].host);
}

/* How much later a segment comes because it was lost a few times. */
static int64_t retransmissions_us(struct world *world)
{
	int64_t late_us = 0, next_us = world->retransmit_us;
	for (; world->loss > 0 && world_chance(world) < world->loss; next_us *= 2)
		late_us += next_us < WORLD_MOST_RETRANSMIT_US ? next_us : WORLD_MOST_RETRANSMIT_US;
	return late_us;
}

/* Up to a twentieth of the latency is added, or what the world says. */
static int64_t jitter_us(struct wire *wire)
{
	struct world *world = wire->world;
	if (world->latency_us == 0)
		return world_below(world, (uint32_t)(wire->latency_us / 20) + 1);
	return world_below(world, (uint32_t)(2 * world->jitter_us) + 1) - world->jitter_us;
}

/*
 * Does a segment of now not get there? Where only the way back is cut, data comes, but no acknowledgement of it: TCP
 * then sends nothing but the first of it again.
 */
static bool is_in_vain(struct end *to, const struct host *from, const struct host *far)
{
	int64_t now_us = now_of(to);
	if (to->is_broken || far == NULL || from->world->cut_count + from->world->is_parted == 0)
		return to->is_broken;
	if (is_way_cut(far, from) && to->unacked_us == 0)
		to->unacked_us = now_us;
	to->is_broken =
		is_way_cut(from, far) || (to->unacked_us != 0 && now_us - to->unacked_us >= WORLD_RETRANSMIT_US);
	return to->is_broken;
}

static void count_sent(struct host *host, const char *bytes, size_t length)
{
	static const char question[] = "\"suspect\"";
	host->sent += length;
	if (!host->world->counts_questions || length == 0)
		return;
	for (const char *at = bytes, *past = bytes + length;
	     (at = memmem(at, (size_t)(past - at), question, sizeof question - 1)) != NULL; at += sizeof question - 1)
		host->asked++;
}

/* The bytes are copied, unless they stay as they are. */
static void send_segment(struct end *from, enum segment_kind kind, const char *bytes, size_t length, bool stays)
{
	struct wire *wire = from->wire;
	struct world *world = wire->world;
	struct end *to = end_other(from);
	struct host *far = to->host;
	count_sent(from->host, bytes, length);
	if (is_in_vain(to, from->host, far))
		return;
	struct segment *segment = new_segment(world, stays ? 0 : length);
	*segment = (struct segment){.to = to, .kind = kind, .generation = wire->generation, .length = length};
	segment->bytes = stays ? bytes : segment->room;
	if (!stays && length > 0)
		memcpy(segment->room, bytes, length);
	int64_t at_us = world->agenda.now_us + wire->latency_us + retransmissions_us(world) + jitter_us(wire);
	if (at_us < to->arrival_us)
		at_us = to->arrival_us;
	to->arrival_us = at_us;
	agenda_add(&world->agenda, at_us, deliver, segment, 0);
}

/* ---- the course of a connection ---- */

static void look_at_end(void *subject, uint32_t mark);

/* A look that comes too early does no harm. */
static void look_by(struct end *end, int64_t at_us)
{
	if (at_us >= end->timer_us)
		return;
	end->timer_us = at_us;
	agenda_add(&end->wire->world->agenda, at_us, look_at_end, end, ++end->timer_mark);
}

static void send_waiting(struct end *end)
{
	struct outbox *outbox = peer_outbox(end->peer);
	const char *bytes;
	if (outbox_held_bytes(outbox) == 0)
		return;
	must(outbox_take_turn(outbox));
	for (size_t held; (held = outbox_head(outbox, &bytes)) > 0; outbox_wrote(outbox, held))
		send_segment(end, SEGMENT_LINES, bytes, held, false);
	outbox_return_turn(outbox);
}

/* Was the far end alive and within reach all the time? One that thaws again counts as alive. */
static bool is_false_alarm(struct end *end)
{
	const struct end *other = end_other(end);
	return other->state == END_OPEN && other->host->frozen_until_us != FOREVER_US && wire_is_whole(end->wire);
}

static void count_drop(struct end *end)
{
	struct world_counts *counts = &end->wire->world->counts;
	struct peer_info info = peer_look(end->peer, now_of(end));
	if (info.state != PEER_READY || info.ending != PEER_FAILED ||
	    (info.reason != BYE_TIMEOUT && info.reason != BYE_SLOW))
		return;
	counts->dropped++;
	snprintf(end->wire->world->drop_text, PEER_ENDING_BYTES, "%s", info.ending_text);
	counts->false_alarms += is_false_alarm(end);
	counts->false_verdicts += is_false_alarm(end) && end->is_judged;
}

/* The peer has its ending. */
static void conclude(struct end *end)
{
	bool was_open = end->state == END_OPEN;
	count_drop(end);
	end->state = END_CONCLUDES;
	end->timer_us = FOREVER_US; /* what was to come then is stale */
	protocol_ended(end->host->protocol, end->peer, now_of(end));
	if (was_open && !end->is_at_end) {
		send_waiting(end);
		send_segment(end, SEGMENT_END, NULL, 0, false);
		look_by(end, now_of(end) + PEER_CLOSE_US);
	} else {
		if (was_open)
			send_segment(end, SEGMENT_END, NULL, 0, false);
		forget(end);
	}
}

static void flush(struct end *end)
{
	if (end->state == END_CONCLUDES)
		return;
	if (peer_is_closing(end->peer))
		conclude(end);
	else if (end->state == END_OPEN)
		send_waiting(end);
}

static struct end *find_end(const struct host *host, const struct outbox *outbox)
{
	for (size_t i = 0; i < host->end_count; i++)
		if (host->outboxes[i] == outbox)
			return host->ends[i];
	return NULL;
}

void wire_flush(struct host *host)
{
	while (touched_count > 0) {
		struct touched one = touched[--touched_count];
		struct end *end = find_end(host, one.outbox);
		if (end == NULL)
			continue;
		if (one.is_called && end_is_ready(end))
			look_by(end, now_of(end));
		flush(end);
	}
}

/* As pinger.c does, of which this has the figure. */
#define STALL_US (500 * MS_US)

static void run_pinger(struct end *end, int64_t late_us, int64_t now_us)
{
	struct protocol *protocol = end->host->protocol;
	if (late_us > STALL_US)
		protocol_stalled(protocol, end->peer, late_us, now_us);
	int64_t next_us = peer_ping(end->peer, now_us), deadline_us = peer_ping_deadline_us(end->peer);
	if (deadline_us <= now_us) {
		char text[PEER_ENDING_BYTES];
		protocol_say_timeout(protocol, end->peer, now_us, text);
		peer_close_because(end->peer, BYE_TIMEOUT, text);
		return;
	}
	next_us = clock_earlier(next_us, protocol_watch(protocol, end->peer, now_us));
	end->is_judged = peer_is_closing(end->peer);
	if (!end->is_judged)
		look_by(end, clock_earlier(next_us, deadline_us));
}

/* As the pinger of a READY peer, and the reader of another. late_us is how much later that is than it should be. */
static void look_at_peer(struct end *end, int64_t late_us, int64_t now_us)
{
	if (end->state != END_OPEN) {
		peer_fail_errno(end->peer, ETIMEDOUT);
	} else if (peer_state(end->peer) != PEER_READY) {
		peer_close(end->peer, BYE_TIMEOUT);
	} else {
		run_pinger(end, late_us, now_us);
	}
}

static void look_at_end(void *subject, uint32_t mark)
{
	struct end *end = subject;
	struct host *host = end->host;
	if (mark != end->timer_mark)
		return;
	/* What a process that was frozen has to read, it reads first. */
	if (host_is_frozen(host)) {
		if (host->frozen_until_us != FOREVER_US)
			agenda_add(&host->world->agenda, host->frozen_until_us + MS_US, look_at_end, end, mark);
		return;
	}
	int64_t late_us = now_of(end) - end->timer_us;
	end->timer_us = FOREVER_US;
	if (end->state == END_CONCLUDES)
		forget(end);
	else if (end->peer != NULL)
		look_at_peer(end, late_us, now_of(end));
	else if (end->state == END_DIALS)
		close_end(end);
	else
		end->wire->world->attack->looks(end);
	host_attend(host);
}

/* ---- arrivals ---- */

static void count_lines(struct world *world, size_t lines, size_t bytes)
{
	world->counts.messages += lines;
	world->counts.bytes += bytes;
}

static bool begins_with(const char *line, size_t length, const char *beginning)
{
	size_t bytes = strlen(beginning);
	return length >= bytes && memcmp(line, beginning, bytes) == 0;
}

/* A message begins with its type; only a report of another node says next whose it is: then it is true. */
static bool count_told(struct end *end, const char *line, size_t length)
{
	static const char report[] = "{\"msgtype\":\"report\",", compare[] = "{\"msgtype\":\"reports\",",
			  ask[] = "{\"msgtype\":\"getreport\",";
	uint64_t *told = end->wire->world->counts.told_bytes;
	bool is_relayed = false;
	if (begins_with(line, length, report)) {
		size_t type = sizeof report - 1;
		is_relayed = begins_with(line + type, length - type, "\"nodeid\"");
		told[is_relayed ? WORLD_RELAYED : WORLD_OWN] += length + 1;
		if (is_relayed)
			end_other(end)->host->relayed += length + 1;
	} else if (begins_with(line, length, compare) || begins_with(line, length, ask)) {
		told[WORLD_COMPARED] += length + 1;
	}
	return is_relayed;
}

static void receive_line(struct end *end, const char *line, size_t length)
{
	struct host *host = end->host;
	struct world_counts *counts = &end->wire->world->counts;
	if (end->wire->world->drops_addresses && begins_with(line, length, "{\"msgtype\":\"addr\""))
		return;
	bool is_relayed = count_told(end, line, length);
	uint64_t version = is_relayed ? reports_version(host->reports) : 0;
	protocol_receive(host->protocol, end->peer, line, length, now_of(end));
	counts->relayed += is_relayed;
	counts->news += is_relayed && reports_version(host->reports) != version;
}

static void receive_lines(struct end *end, const char *bytes, size_t length)
{
	struct host *host = end->host;
	int64_t now_us = now_of(end);
	size_t lines = 0;

	const char *watched = end->wire->world->watched;
	if (watched[0] != '\0' && memmem(bytes, length, watched, strlen(watched)) != NULL)
		host->has_heard = true;
	peer_count_read(end->peer, length, now_us);
	for (const char *line = bytes, *past = bytes + length; line < past && !peer_is_closing(end->peer); lines++) {
		const char *stop = memchr(line, '\n', (size_t)(past - line));
		receive_line(end, line, (size_t)(stop - line));
		line = stop + 1;
	}
	if (!end_other(end)->host->is_attacker)
		count_lines(end->wire->world, lines, length);
	if (!end->is_ready && peer_state(end->peer) == PEER_READY) {
		end->is_ready = true;
		end->wire->world->counts.ready++;
		look_by(end, now_us);
	}
	host_attend(host);
}

static void attacker_receives_lines(struct end *end, const char *bytes, size_t length)
{
	const char *past = bytes + length;
	for (const char *line = bytes; line < past && end->state == END_OPEN;) {
		const char *stop = memchr(line, '\n', (size_t)(past - line));
		end->wire->world->attack->receives(end, line, (size_t)(stop - line));
		line = stop + 1;
	}
}

/* The end of file, or a reset. */
static void receive_end(struct end *end, enum segment_kind kind)
{
	struct host *host = end->host;
	end->is_at_end = true;
	if (end->state == END_CONCLUDES) {
		forget(end);
	} else if (end->peer == NULL) {
		send_segment(end, SEGMENT_END, NULL, 0, false);
		close_end(end);
	} else {
		if (kind == SEGMENT_END)
			peer_fail(end->peer, 0, "it closed the connection without a bye");
		else
			peer_fail_errno(end->peer, ECONNRESET);
	}
	host_attend(host);
}

/* There is no such connection any more: a machine that is up says so. */
static void answer_with_reset(struct end *end, enum segment_kind kind)
{
	if (kind != SEGMENT_RESET && end->host != NULL && end->host->state != HOST_DEAD)
		send_segment(end, SEGMENT_RESET, NULL, 0, false);
}

static void deliver(void *subject, uint32_t mark)
{
	struct segment *segment = subject;
	struct end *end = segment->to;
	struct world *world = end->wire->world;
	if (segment->generation == end->wire->generation) {
		if (end->host != NULL && host_keeps(end->host, deliver, segment, mark))
			return;
		if (end->state == END_OVER)
			answer_with_reset(end, segment->kind);
		else if (segment->kind != SEGMENT_LINES)
			receive_end(end, segment->kind);
		else if (end->state == END_OPEN && end->peer != NULL)
			receive_lines(end, segment->bytes, segment->length);
		else if (end->state == END_OPEN)
			attacker_receives_lines(end, segment->bytes, segment->length);
	}
	free_segment(world, segment);
}

void end_vanish(struct end *end, bool is_heard)
{
	if (is_heard && end->state == END_OPEN)
		send_segment(end, SEGMENT_RESET, NULL, 0, false);
	if (end->peer != NULL)
		registry_remove(end->host->registry, end->peer);
	close_end(end);
}

void wire_free_all(struct world *world)
{
	/* What is still on its way. */
	for (size_t i = 0; i < world->agenda.count; i++)
		if (world->agenda.heap[i].call == deliver)
			free_segment(world, world->agenda.heap[i].subject);
	while (world->wire_blocks != NULL) {
		struct wire_block *block = world->wire_blocks;
		world->wire_blocks = block->next;
		free(block);
	}
	free(touched);
	touched = NULL;
	touched_count = touched_capacity = 0;
	while (world->free_segments != NULL) {
		struct segment *segment = world->free_segments;
		world->free_segments = segment->next;
		free(segment);
	}
}

/* ---- dials ---- */

static void arrive(void *subject, uint32_t mark);
static void be_connected(void *subject, uint32_t mark);
static void be_refused(void *subject, uint32_t mark);

static int64_t latency_us(const struct host *one, const struct host *other)
{
	double distance = hypot(one->x - other->x, one->y - other->y) / sqrt(2);
	return (WORLD_LEAST_RTT_US + (int64_t)((double)(WORLD_MOST_RTT_US - WORLD_LEAST_RTT_US) * distance)) / 2;
}

static uint16_t next_port(struct host *host)
{
	host->last_port = (uint16_t)((host->last_port + 1) % PORTS);
	return (uint16_t)(FIRST_PORT + host->last_port);
}

void wire_dial(struct host *host, const struct address *to, struct peer *peer)
{
	struct world *world = host->world;
	struct wire *wire = new_wire(world);
	struct end *end = &wire->ends[0];
	struct host *far = world_find_host(world, to);
	bool is_lost = world->loss > 0 && world_chance(world) < world->loss;

	world->counts.dials++;
	world->counts.victim_dials += address_same_host(to, &world->victim);
	open_end(end, host, peer, END_DIALS);
	end->address = host->address;
	end->address.port = next_port(host);
	wire->ends[1].address = *to;
	wire->ends[1].host = far;
	look_by(end, world->agenda.now_us + host->settings->connect_timeout_us);
	if (far == NULL || is_lost || is_dial_cut(host, far))
		return;
	wire->latency_us = world->latency_us != 0 ? world->latency_us : latency_us(host, far);
	agenda_add(&world->agenda, world->agenda.now_us + wire->latency_us, arrive, wire, wire->generation);
}

static bool listens(const struct host *host, const struct address *to)
{
	return host->state == HOST_UP && (host->is_attacker || address_equals(&host->address, to));
}

/* As acceptor.c does. False where it may not come in. */
static bool accept_peer(struct host *host, struct wire *wire, int64_t now_us)
{
	struct dial dial = {.address = wire->ends[0].address};
	struct peer *goes;

	if (access_is_banned(host->access, &dial.address, now_us) ||
	    registry_admit(host->registry, &dial.address, &goes) != REGISTRY_NO_LIMIT)
		return false;
	if (goes != NULL) {
		peer_cut(goes, "it made room for another connection");
		peer_release(goes);
		wire_flush(host);
	}
	struct peer *peer = peer_new(PEER_INBOUND, NULL, &dial, host->settings, now_us);
	must(peer != NULL && registry_add(host->registry, peer));
	peer_set_pace(peer, host->pace);
	open_end(&wire->ends[1], host, peer, END_OPEN);
	protocol_connected(host->protocol, peer, &wire->ends[1].address, host->world->agenda.now_us);
	look_by(&wire->ends[1], now_us + host->settings->handshake_timeout_us);
	return true;
}

/* The connection waits to be accepted. */
static void accept_end(void *subject, uint32_t mark)
{
	struct wire *wire = subject;
	struct end *end = &wire->ends[1];
	struct host *host = end->host;

	if (mark != wire->generation || !listens(host, &end->address) || host_keeps(host, accept_end, wire, mark))
		return;
	if (host->is_attacker) {
		open_end(end, host, NULL, END_OPEN);
		wire->world->attack->looks(end);
	} else if (!accept_peer(host, wire, wire->world->agenda.now_us)) {
		send_segment(end, SEGMENT_END, NULL, 0, false);
	}
	host_attend(host);
}

/* The SYN is there. */
static void arrive(void *subject, uint32_t mark)
{
	struct wire *wire = subject;
	struct agenda *agenda = &wire->world->agenda;
	struct end *end = &wire->ends[1];
	struct host *host = end->host;
	int64_t back_us = agenda->now_us + wire->latency_us;

	if (mark != wire->generation || host->state == HOST_DEAD || is_dial_cut(wire->ends[0].host, host))
		return;
	if (!listens(host, &end->address)) {
		agenda_add(agenda, back_us, be_refused, wire, mark);
		return;
	}
	agenda_add(agenda, back_us, be_connected, wire, mark);
	wire->ends[0].arrival_us = back_us;
	accept_end(wire, mark);
}

static void be_connected(void *subject, uint32_t mark)
{
	struct wire *wire = subject;
	struct end *end = &wire->ends[0];
	struct host *host = end->host;
	if (mark != wire->generation || end->state != END_DIALS || host_keeps(host, be_connected, wire, mark))
		return;
	end->state = END_OPEN;
	end->timer_us = FOREVER_US; /* what was to come then is stale */
	if (end->peer == NULL) {
		wire->world->attack->looks(end);
		return;
	}
	protocol_connected(host->protocol, end->peer, &end->address, host->world->agenda.now_us);
	look_by(end, wire->world->agenda.now_us + host->settings->handshake_timeout_us);
	host_attend(host);
}

static void be_refused(void *subject, uint32_t mark)
{
	struct wire *wire = subject;
	struct end *end = &wire->ends[0];
	struct host *host = end->host;
	if (mark != wire->generation || end->state != END_DIALS || host_keeps(host, be_refused, wire, mark))
		return;
	if (end->peer == NULL) {
		close_end(end);
		return;
	}
	peer_fail_errno(end->peer, ECONNREFUSED);
	host_attend(host);
}

/* ---- what an attacker does ---- */

void end_say(struct end *end, const char *bytes, size_t length)
{
	send_segment(end, SEGMENT_LINES, bytes, length, true);
}

void end_look_at(struct end *end, int64_t at_us)
{
	look_by(end, at_us);
}
