#include "talk/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "talk/announcer.h"
#include "talk/directory.h"
#include "talk/gossip.h"
#include "talk/greeting.h"

extern struct mutex protocol_guard;

/* A node whose last connection was closed as a duplicate: gone, if no other is READY by then. */
struct departure {
	struct nodeid nodeid;
	int64_t deadline_us;
	char label[PEER_LABEL_BYTES];
};

/* How many log lines there may be about some kind of connection. */
struct lines {
	unsigned burst, per_s;
	struct token_bucket bucket;
	unsigned left_out; /* since the last one */
};

struct protocol {
	/* Immutable. */
	struct protocol_parts parts;
	struct announcer *announcer;
	struct directory *directory;
	struct greeter *greeter;
	struct gossip *gossip;
	/* Guarded. */
	struct mutex mutex;
	struct departure departures[PROTOCOL_DEPARTURES] GUARDED_BY(protocol_guard);
	size_t departure_count GUARDED_BY(protocol_guard);
	int64_t next_swap_us GUARDED_BY(protocol_guard);
	struct address back GUARDED_BY(protocol_guard); /* where somebody was back last */
	struct lines strangers GUARDED_BY(protocol_guard);
	struct lines comers GUARDED_BY(protocol_guard);
	struct rng rng GUARDED_BY(protocol_guard);
	/* Of the thread that runs the timers. */
	int64_t asleep_us; /* as it was told last; -1 before */
	int64_t tell_us;   /* when to say again where this node listens; 0 before the first look */
};

static void enter(struct protocol *protocol) ACQUIRES(protocol_guard) UNCHECKED
{
	mutex_lock(&protocol->mutex);
}

static void leave(struct protocol *protocol) RELEASES(protocol_guard) UNCHECKED
{
	mutex_unlock(&protocol->mutex);
}

static void lines_init(struct lines *lines, unsigned burst, unsigned per_s)
{
	*lines = (struct lines){.burst = burst, .per_s = per_s};
	token_bucket_init(&lines->bucket, burst, 0);
}

struct protocol *protocol_new(const struct protocol_parts *parts) UNCHECKED
{
	struct protocol *protocol = calloc(1, sizeof *protocol);
	if (protocol == NULL)
		return NULL;
	protocol->parts = *parts;
	protocol->announcer = announcer_new(parts->registry, parts->alarm, parts->seed);
	protocol->directory =
		directory_new(parts->registry, parts->book, parts->admission, parts->settings, parts->seed);
	protocol->greeter = greeter_new(parts->settings, &parts->self, parts->listen, parts->listen_count);
	protocol->gossip = gossip_new(parts->registry, parts->alarm, &parts->secret);
	protocol->asleep_us = -1;
	rng_seed(&protocol->rng, parts->seed);
	lines_init(&protocol->strangers, PROTOCOL_STRANGERS_BURST, PROTOCOL_STRANGERS_PER_S);
	lines_init(&protocol->comers, PROTOCOL_COMERS_BURST, PROTOCOL_COMERS_PER_S);
	mutex_init(&protocol->mutex);
	if (protocol->announcer == NULL || protocol->directory == NULL || protocol->greeter == NULL ||
	    protocol->gossip == NULL) {
		protocol_free(protocol);
		return NULL;
	}
	for (size_t i = 0; i < parts->listen_count; i++)
		if (!address_is_wildcard(&parts->listen[i]))
			address_book_add_own(parts->book, &parts->listen[i]);
	if (address_is_known(&parts->settings->advertise))
		address_book_add_own(parts->book, &parts->settings->advertise);
	return protocol;
}

void protocol_free(struct protocol *protocol)
{
	if (protocol == NULL)
		return;
	announcer_free(protocol->announcer);
	directory_free(protocol->directory);
	greeter_free(protocol->greeter);
	gossip_free(protocol->gossip);
	mutex_fini(&protocol->mutex);
	free(protocol);
}

void protocol_introduce_as(struct protocol *protocol, const char *name, const struct address *advertise)
{
	greeter_introduce_as(protocol->greeter, name, advertise);
	if (address_is_known(advertise) && !address_book_is_self(protocol->parts.book, advertise))
		address_book_add_own(protocol->parts.book, advertise);
}

/* May there be a line about the connection now? Those about connections that came in are bounded. */
static bool may_log(struct protocol *protocol, struct peer *peer, enum log_level level, int64_t now_us)
{
	if (peer_direction(peer) != PEER_INBOUND)
		return true;
	bool is_ready = peer_state(peer) == PEER_READY;
	enter(protocol);
	struct lines *lines = is_ready ? &protocol->comers : &protocol->strangers;
	bool may = token_bucket_take(&lines->bucket, 1, lines->per_s, lines->burst, now_us) > 0;
	unsigned left_out = may ? lines->left_out : lines->left_out + 1;
	lines->left_out = may ? 0 : left_out;
	leave(protocol);
	if (may && left_out > 0)
		log_line(level, "%u lines like the next one were left out", left_out);
	return may;
}

/* Logs what a peer has done wrong. */
static void log_wrong(struct protocol *protocol, struct peer *peer, enum log_level level, const char *what,
		      int64_t now_us)
{
	if (may_log(protocol, peer, level, now_us))
		peer_log(peer, level, "peer", "%s", what);
}

/* ---- what is said of addresses ---- */

/* May the address be used or told over this connection, and could a node listen there? */
static bool is_believable(const struct protocol *protocol, const struct peer_info *info, const struct address *address)
{
	/* The far end of a connection that the far end dialled is the random port of its dial. */
	bool is_random_port = info->direction == PEER_INBOUND && address_equals(address, &info->remote);
	return address_is_dialable(address) && !is_random_port &&
	       address_may_travel(address, &info->local, &info->remote) &&
	       admission_allows(protocol->parts.admission, address);
}

/* A listening address that is believed to be the peer's own. */
static void set_listen(struct protocol *protocol, struct peer *peer, const struct nodeid *nodeid,
		       const struct address *address, bool may_announce, int64_t now_us)
{
	if (address_book_is_self(protocol->parts.book, address))
		return;
	bool is_new = peer_set_listen(peer, address);
	peer_note_address(peer, address);
	if (is_new && may_announce) {
		gossip_note(protocol->gossip, address, now_us);
		address_book_announced(protocol->parts.book, address, nodeid, now_us);
		announcer_add(protocol->announcer, peer, now_us);
	}
}

/* The peer says itself where it listens: from the host that it talks from it is believed, else it must be proven. */
static void hear_self_announcement(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
				   const struct address *address, int64_t now_us)
{
	if (address_equals(address, &info->listen)) {
		struct message_entry entry = {.address = *address, .nodeid = info->nodeid};
		gossip_hear(protocol->gossip, &entry, 1, 1, now_us);
	} else if (address_same_host(address, &info->remote)) {
		bool may_announce = peer_may_move(peer, now_us, PROTOCOL_MOVE_US);
		set_listen(protocol, peer, &info->nodeid, address, may_announce, now_us);
	} else if (peer_may_prove(peer, now_us, PROTOCOL_PROOF_US)) {
		address_book_prove(protocol->parts.book, address, &info->nodeid);
		alarm_ring(protocol->parts.alarm);
	}
}

/* What there is to learn from an entry, except hearsay; true for that. */
static bool is_hearsay(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
		       const struct message_entry *entry, bool is_alone, int64_t now_us)
{
	bool is_ready = info->state == PEER_READY;
	bool is_own = is_ready && (nodeid_equals(&entry->nodeid, &info->nodeid) ||
				   (is_alone && nodeid_is_none(&entry->nodeid) && !address_is_known(&info->listen)));
	if (!is_believable(protocol, info, &entry->address))
		peer_count_useless(peer, 1);
	else if (is_own)
		hear_self_announcement(protocol, peer, info, &entry->address, now_us);
	else
		return !nodeid_equals(&entry->nodeid, &protocol->parts.self);
	return false;
}

/* ---- what a message does ---- */

static void become_ready(struct protocol *protocol, struct peer *peer, const struct message_hello *hello,
			 int64_t now_us)
{
	struct peer_info info = peer_look(peer, now_us);

	/* The answer is in the outbox before the peer is READY: nobody else sends to it earlier. */
	if (info.direction == PEER_INBOUND)
		greeter_say_hello(protocol->greeter, peer, &info);
	if (!peer_ready(peer, hello, protocol->parts.settings, now_us))
		return;
	address_book_connected(protocol->parts.book, &hello->nodeid);
	if (info.direction == PEER_OUTBOUND)
		address_book_reached(protocol->parts.book, peer_dial(peer), &hello->nodeid, now_us);
	if (may_log(protocol, peer, LOG_INFO, now_us))
		peer_log(peer, LOG_INFO, "peer", "ready after %lld ms%s%s", (long long)(now_us - info.since_us) / 1000,
			 hello->name[0] == '\0' ? "" : ", name ", hello->name);

	struct address listen = info.direction == PEER_OUTBOUND ? peer_dial(peer)->address : (struct address){0};
	if (hello->listen != 0) {
		struct address told = info.remote;
		told.port = hello->listen;
		if (is_believable(protocol, &info, &told))
			listen = told;
	}
	greeter_say_address(protocol->greeter, peer, &info);
	peer_send_type(peer, MESSAGE_GETADDR);
	peer_expect_addresses(peer);
	peer_ping(peer, now_us);
	if (address_is_known(&listen))
		set_listen(protocol, peer, &hello->nodeid, &listen, true, now_us);
}

static void claim_nodeid(struct protocol *protocol, struct peer *peer, const struct message_hello *hello,
			 int64_t now_us)
{
	struct peer *other;
	switch (registry_claim(protocol->parts.registry, peer, &hello->nodeid, now_us, &other)) {
	case REGISTRY_READY:
		become_ready(protocol, peer, hello, now_us);
		break;
	case REGISTRY_REPLACES:
		become_ready(protocol, peer, hello, now_us);
		peer_close(other, BYE_DUPLICATE);
		break;
	case REGISTRY_EVICTS:
		if (may_log(protocol, other, LOG_INFO, now_us))
			peer_log(other, LOG_INFO, "peer", "makes room for a newcomer");
		peer_close(other, BYE_FULL);
		become_ready(protocol, peer, hello, now_us);
		break;
	case REGISTRY_DUPLICATE:
		peer_hurry_ping(other, now_us);
		if (peer_direction(peer) == PEER_OUTBOUND)
			address_book_found(protocol->parts.book, peer_dial(peer), &hello->nodeid);
		peer_close(peer, BYE_DUPLICATE);
		break;
	case REGISTRY_FULL:
		directory_tell(protocol->directory, peer, now_us);
		peer_close(peer, BYE_FULL);
		break;
	}
	if (other != NULL)
		peer_release(other);
}

/*
 * Who gives way to another outbound peer, held for the caller; NULL for nobody. To one that is back, it is the one that
 * was back before: who makes his addresses fail and answer in turn gets one place by that, not all of them. By their
 * addresses, since a nodeid is what anybody says of himself.
 */
static struct peer *choose_who_gives_way(struct protocol *protocol, const struct address *back, struct rng *rng)
{
	struct peer *peer = back == NULL ? NULL : registry_find_dialled(protocol->parts.registry, back);
	return peer != NULL ? peer : registry_any_outbound(protocol->parts.registry, rng);
}

/* A feeler has found who should have a place among the outbound peers: one of them gives way, now and then. */
static void make_place(struct protocol *protocol, const struct address *found, enum address_book_place place,
		       int64_t now_us)
{
	bool is_full =
		registry_count(protocol->parts.registry).outbound >= (size_t)protocol->parts.settings->max_outbound;
	bool is_back = place == ADDRESS_BOOK_BACK;
	struct rng rng; /* the choice is made without the lock */
	enter(protocol);
	bool may_swap = is_full && now_us >= protocol->next_swap_us;
	struct address before = protocol->back;
	rng_seed(&rng, rng_below(&protocol->rng, 1U << 31));
	if (may_swap)
		protocol->next_swap_us = now_us + PROTOCOL_SWAP_US;
	if (is_back)
		protocol->back = *found;
	leave(protocol);
	struct peer *peer = may_swap ? choose_who_gives_way(protocol, is_back ? &before : NULL, &rng) : NULL;
	if (peer == NULL)
		return;
	peer_log(peer, LOG_INFO, "peer", "gives way to another");
	peer_stop(peer, BYE_FULL);
	peer_release(peer);
}

/* The feeler has found somebody: if it is a peer that claimed the address, the claim is true. */
static void finish_feeler(struct protocol *protocol, struct peer *feeler, const struct nodeid *found, int64_t now_us)
{
	const struct peer_dial *dial = peer_dial(feeler);
	struct peer *peer = registry_find(protocol->parts.registry, &dial->expected);
	bool is_proven = nodeid_equals(found, &dial->expected);

	peer_log(feeler, LOG_DEBUG, "feeler", is_proven ? "the node is there" : "a node is there");
	enum address_book_place place = address_book_reached(protocol->parts.book, dial, found, now_us);
	if (place != ADDRESS_BOOK_NO_PLACE && !address_book_is_connected(protocol->parts.book, found))
		make_place(protocol, &dial->address, place, now_us);
	if (is_proven && peer != NULL)
		set_listen(protocol, peer, &dial->expected, &dial->address, true, now_us);
	if (peer != NULL)
		peer_release(peer);
	peer_close(feeler, BYE_FEELER);
}

static void handle_hello(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	const struct message_hello *hello = &message->hello;
	const struct settings *settings = protocol->parts.settings;
	struct peer_info info = peer_look(peer, now_us);
	const char *network = hello->has_network ? hello->network : "kith";

	if (!peer_take_hello(peer)) {
		protocol_violated(protocol, peer, "a second hello", now_us);
	} else if (nodeid_equals(&hello->nodeid, &protocol->parts.self)) {
		peer_close(peer, BYE_SELF);
	} else if (strcmp(network, settings->network) != 0) {
		char what[MESSAGE_TEXT_BYTES * 2 + 64];
		snprintf(what, sizeof what, "is of network \"%s\", this node is of \"%s\"", network, settings->network);
		log_wrong(protocol, peer, LOG_INFO, what, now_us);
		peer_close(peer, BYE_NETWORK);
	} else if (info.is_feeler) {
		finish_feeler(protocol, peer, &hello->nodeid, now_us);
	} else if (hello->is_feeler && info.direction == PEER_INBOUND) {
		greeter_say_hello(protocol->greeter, peer, &info);
	} else {
		claim_nodeid(protocol, peer, hello, now_us);
	}
}

static void handle_ping(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	(void)protocol, (void)message, (void)now_us;
	peer_send_type(peer, MESSAGE_PONG);
}

static void handle_pong(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	(void)protocol, (void)message;
	if (!peer_pong(peer, now_us))
		peer_count_ignored(peer);
}

static void handle_getaddr(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	(void)message;
	directory_tell(protocol->directory, peer, now_us);
}

static void handle_addr(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	const struct message_addr *addr = &message->addr;
	struct peer_info info = peer_look(peer, now_us);
	size_t told = addr->count + addr->useless, heard = 0;
	peer_count_useless(peer, addr->useless);
	for (size_t i = 0; i < addr->count; i++)
		if (is_hearsay(protocol, peer, &info, &addr->entries[i], told == 1, now_us))
			addr->entries[heard++] = addr->entries[i];
	if (heard == 0)
		return;
	size_t granted = peer_take_addresses(peer, heard, now_us);
	peer_count_useless(peer, heard - granted);
	heard = granted;
	peer_note_addresses(peer, addr->entries, heard);
	gossip_hear(protocol->gossip, addr->entries, heard, told, now_us);
	if (address_book_hear(protocol->parts.book, addr->entries, heard, &info.remote, now_us) > 0)
		alarm_ring(protocol->parts.alarm);
}

static void handle_early_addr(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	if (peer_direction(peer) == PEER_OUTBOUND && peer_take_early_addr(peer))
		handle_addr(protocol, peer, message, now_us);
	else
		peer_count_ignored(peer);
}

static void handle_bye(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	char text[96];
	(void)protocol, (void)now_us;
	snprintf(text, sizeof text, "bye: %s", message->bye.text);
	peer_end(peer, PEER_LEFT, message->bye.reason, text);
}

static void ignore(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	(void)protocol, (void)message, (void)now_us;
	peer_count_ignored(peer);
}

typedef void handler(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us);

/* clang-format off */
static const struct {
	handler *before_ready;
	handler *when_ready;
} handlers[MESSAGE_TYPES] = {
	[MESSAGE_UNKNOWN] = {ignore,            ignore},
	[MESSAGE_HELLO]   = {handle_hello,      handle_hello},
	[MESSAGE_PING]    = {ignore,            handle_ping},
	[MESSAGE_PONG]    = {ignore,            handle_pong},
	[MESSAGE_GETADDR] = {ignore,            handle_getaddr},
	[MESSAGE_ADDR]    = {handle_early_addr, handle_addr},
	[MESSAGE_BYE]     = {handle_bye,        handle_bye},
};
/* clang-format on */

void protocol_receive(struct protocol *protocol, struct peer *peer, const char *line, size_t length, int64_t now_us)
{
	struct message message;
	char error[MESSAGE_ERROR_BYTES];

	peer_count_message(peer);
	if (!message_decode(line, length, &message, error)) {
		if (error[0] == '\0')
			peer_fail(peer, ENOMEM);
		else
			protocol_violated(protocol, peer, error, now_us);
		return;
	}
	peer_log(peer, LOG_DEBUG, "peer", "got %s", message_type_name(message.type));
	bool is_ready = peer_state(peer) == PEER_READY;
	handler *handle = is_ready ? handlers[message.type].when_ready : handlers[message.type].before_ready;
	handle(protocol, peer, &message, now_us);
	message_fini(&message);
}

/* Of who dialled: where this node dials, others may have sent it to somebody who speaks something else. */
static void note_error(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	const struct settings *settings = protocol->parts.settings;
	const struct address *host = &peer_dial(peer)->address;
	if (peer_direction(peer) == PEER_INBOUND && admission_note_error(protocol->parts.admission, host, now_us) &&
	    may_log(protocol, peer, LOG_WARNING, now_us))
		peer_log(peer, LOG_WARNING, "peer", "its host is banned for %g s: %lld protocol errors within an hour",
			 (double)settings->ban_time_us / 1e6, (long long)settings->ban_after);
}

void protocol_violated(struct protocol *protocol, struct peer *peer, const char *what, int64_t now_us)
{
	char line[MESSAGE_ERROR_BYTES + 32];
	snprintf(line, sizeof line, "protocol error: %s", what);
	log_wrong(protocol, peer, LOG_WARNING, line, now_us);
	note_error(protocol, peer, now_us);
	peer_close(peer, BYE_PROTOCOL);
}

void protocol_refused(struct protocol *protocol, struct peer *peer, const char *what, bool may_answer, int64_t now_us)
{
	bool is_stranger = peer_direction(peer) == PEER_INBOUND && peer_state(peer) != PEER_READY;
	if (is_stranger)
		log_wrong(protocol, peer, LOG_WARNING, what, now_us);
	if (is_stranger && may_answer)
		peer_close(peer, BYE_PROTOCOL);
	else
		peer_end(peer, PEER_FAILED, BYE_UNKNOWN, what);
}

/* ---- the beginning and the end of a connection ---- */

void protocol_connected(struct protocol *protocol, struct peer *peer, const struct address *local)
{
	if (!peer_connected(peer, local) || peer_direction(peer) != PEER_OUTBOUND)
		return;
	struct peer_info info = peer_look(peer, 0);
	greeter_say_hello(protocol->greeter, peer, &info);
}

/* A departure that may yet turn out to be none is logged later, if there is room to remember it. */
static bool put_off_departure(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
			      int64_t now_us)
{
	char label[PEER_LABEL_BYTES];
	peer_label(peer, label);
	enter(protocol);
	bool has_room = protocol->departure_count < PROTOCOL_DEPARTURES;
	if (has_room) {
		struct departure *departure = &protocol->departures[protocol->departure_count++];
		departure->nodeid = info->nodeid;
		departure->deadline_us = now_us + protocol->parts.settings->handshake_timeout_us;
		snprintf(departure->label, sizeof departure->label, "%s", label);
	}
	leave(protocol);
	if (has_room)
		alarm_ring(protocol->parts.alarm);
	return has_room;
}

static void log_ready_peer_ended(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
				 int64_t now_us)
{
	static const char *const words[] = {
		[PEER_GOES_ON] = "ended", [PEER_LEFT] = "left", [PEER_FAILED] = "failed", [PEER_CLOSED] = "closed"};
	if (info->reason == BYE_DUPLICATE) {
		peer_log(peer, LOG_DEBUG, "peer", "a duplicate connection is closed");
		if (address_book_is_connected(protocol->parts.book, &info->nodeid) ||
		    put_off_departure(protocol, peer, info, now_us))
			return;
	}
	if (may_log(protocol, peer, LOG_INFO, now_us))
		peer_log(peer, LOG_INFO, "peer", "%s (%s) after %.1f s", words[info->ending], info->ending_text,
			 (double)(now_us - info->since_us) / 1e6);
	if (info->ignored > 0 || info->useless > 0)
		peer_log(peer, LOG_DEBUG, "peer", "%lld messages were ignored, %lld addresses dropped",
			 (long long)info->ignored, (long long)info->useless);
}

static void end_ready_peer(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us)
{
	bool was_steady = now_us - info->since_us > protocol->parts.settings->handshake_timeout_us;
	bool gave_way = info->ending == PEER_CLOSED && info->reason == BYE_FULL;
	if (address_book_disconnected(protocol->parts.book, &info->nodeid, was_steady,
				      gave_way ? NULL : info->ending_text, now_us))
		alarm_ring(protocol->parts.alarm);
	log_ready_peer_ended(protocol, peer, info, now_us);
}

static void log_failed_dial(struct peer *peer, const struct peer_info *info, unsigned failures)
{
	bool is_refused = info->ending == PEER_LEFT && info->reason == BYE_DUPLICATE;
	/* A state is logged when it changes: the first failure, not each. */
	peer_log(peer, failures == 1 ? LOG_INFO : LOG_DEBUG, "dial", "failed (%s)", info->ending_text);
	if (is_refused && failures == PROTOCOL_DOUBLE_FAILURES)
		peer_log(
			peer, LOG_WARNING, "dial",
			"is connected with this nodeid, but not with this node: another node may have the same nodeid");
}

static void end_dial(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us)
{
	const struct peer_dial *dial = peer_dial(peer);
	if (info->ending == PEER_GOES_ON) {
		peer_log(peer, LOG_DEBUG, "dial", "the name is looked up");
		return;
	}
	bool is_self = info->reason == BYE_SELF;
	if (is_self)
		address_book_add_self(protocol->parts.book, &dial->address);
	/* A feeler that has found somebody says bye itself; the far end may use the same word. */
	if (dial->is_feeler && info->reason == BYE_FEELER && info->ending == PEER_CLOSED) {
		peer_log(peer, LOG_DEBUG, "feeler", "over (%s)", info->ending_text);
		return;
	}
	unsigned failures =
		address_book_failed(protocol->parts.book, dial, is_self ? "reached myself" : info->ending_text, now_us);
	if (dial->is_feeler)
		peer_log(peer, LOG_DEBUG, "feeler", "failed (%s)", info->ending_text);
	else if (is_self)
		peer_log(peer, LOG_DEBUG, "dial", "that is this node itself");
	else if (failures == 0)
		peer_log(peer, LOG_DEBUG, "dial", "over, the node is connected already (%s)", info->ending_text);
	else
		log_failed_dial(peer, info, failures);
}

void protocol_ended(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	if (!peer_take_ending(peer))
		return;
	registry_retire(protocol->parts.registry, peer);
	struct peer_info info = peer_look(peer, now_us);
	if (info.state == PEER_READY)
		end_ready_peer(protocol, peer, &info, now_us);
	else if (info.direction == PEER_OUTBOUND)
		end_dial(protocol, peer, &info, now_us);
	else
		peer_log(peer, LOG_DEBUG, "peer", "ended before it was ready (%s)", info.ending_text);
}

void protocol_forget(struct protocol *protocol, struct peer *peer)
{
	registry_remove(protocol->parts.registry, peer);
	/* There is room for another dial: an inbound peer's end leaves the connector asleep. */
	if (peer_direction(peer) == PEER_OUTBOUND)
		alarm_ring(protocol->parts.alarm);
}

/* ---- timers ---- */

/* Logs the departures that are certain by now; returns when the next one will be. */
static int64_t run_departures(struct protocol *protocol, int64_t now_us)
{
	struct departure due[PROTOCOL_DEPARTURES];
	size_t due_count = 0, kept = 0;
	int64_t next_us = FOREVER_US;

	enter(protocol);
	for (size_t i = 0; i < protocol->departure_count; i++) {
		struct departure departure = protocol->departures[i];
		if (departure.deadline_us <= now_us) {
			due[due_count++] = departure;
			continue;
		}
		if (departure.deadline_us < next_us)
			next_us = departure.deadline_us;
		protocol->departures[kept++] = departure;
	}
	protocol->departure_count = kept;
	leave(protocol);
	for (size_t i = 0; i < due_count; i++)
		if (!address_book_is_connected(protocol->parts.book, &due[i].nodeid))
			log_info("peer %s: left (bye: duplicate, and no other connection came)", due[i].label);
	return next_us;
}

static void ping_all(struct protocol *protocol, int64_t now_us)
{
	struct peer *peers[REGISTRY_STEP];
	uint64_t after = 0;
	size_t count;
	while ((count = registry_walk(protocol->parts.registry, &after, peers)) > 0) {
		for (size_t i = 0; i < count; i++) {
			if (peer_state(peers[i]) == PEER_READY)
				peer_hurry_ping(peers[i], now_us);
			peer_release(peers[i]);
		}
	}
}

static void tell_all(struct protocol *protocol, int64_t now_us)
{
	struct registry_snapshot ready = registry_take_snapshot(protocol->parts.registry, true);
	for (size_t i = 0; i < ready.count; i++) {
		struct peer_info info = peer_look(ready.peers[i], now_us);
		if (info.state == PEER_READY)
			greeter_say_address(protocol->greeter, ready.peers[i], &info);
	}
	registry_release_snapshot(&ready);
}

/* Once a day, at first after half of one or more, so that nodes that start together don't speak together. */
static int64_t run_telling(struct protocol *protocol, int64_t now_us)
{
	if (protocol->tell_us == 0) {
		int64_t half_us = PROTOCOL_TELL_US / 2;
		protocol->tell_us = now_us + half_us + (int64_t)(protocol->parts.seed % (uint64_t)half_us);
	} else if (now_us >= protocol->tell_us) {
		tell_all(protocol, now_us);
		protocol->tell_us = now_us + PROTOCOL_TELL_US;
	}
	return protocol->tell_us;
}

static void notice_sleep(struct protocol *protocol, int64_t now_us, int64_t asleep_us)
{
	int64_t slept_us = protocol->asleep_us < 0 ? 0 : asleep_us - protocol->asleep_us;
	if (protocol->asleep_us >= 0 && slept_us < PROTOCOL_SLEEP_US)
		return;
	protocol->asleep_us = asleep_us;
	if (slept_us == 0)
		return;
	log_info("this machine was asleep for %.1f s: all peers are pinged", (double)slept_us / 1e6);
	ping_all(protocol, now_us);
}

int64_t protocol_run_timers(struct protocol *protocol, int64_t now_us, int64_t asleep_us)
{
	notice_sleep(protocol, now_us, asleep_us);
	int64_t times_us[] = {run_departures(protocol, now_us), announcer_run(protocol->announcer, now_us),
			      gossip_run(protocol->gossip, now_us), run_telling(protocol, now_us)};
	int64_t next_us = FOREVER_US;
	for (size_t i = 0; i < sizeof times_us / sizeof *times_us; i++)
		if (times_us[i] < next_us)
			next_us = times_us[i];
	return next_us;
}
