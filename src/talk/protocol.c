#include "talk/protocol_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "link/allowance.h"
#include "talk/announcer.h"
#include "talk/directory.h"
#include "talk/gossip.h"
#include "talk/greeter.h"
#include "talk/notes_priv.h"
#include "talk/reporting_priv.h"
#include "talk/silence_priv.h"

void protocol_enter(struct protocol *protocol) UNCHECKED
{
	mutex_lock(&protocol->mutex);
}

void protocol_leave(struct protocol *protocol) UNCHECKED
{
	mutex_unlock(&protocol->mutex);
}

/* A listening address is not dialled. */
static void add_own(struct protocol *protocol, const struct address *address)
{
	if (!address_is_wildcard(address))
		address_book_add_own(protocol->parts.common.book, address);
}

struct protocol *protocol_new(const struct protocol_parts *parts) UNCHECKED
{
	struct protocol *protocol = calloc(1, sizeof *protocol);
	if (protocol == NULL)
		return NULL;
	protocol->parts = *parts;
	protocol->announcer = announcer_new(parts->common.registry, parts->alarm, parts->seed);
	protocol->directory = directory_new(parts->common.registry, parts->common.book, parts->common.access,
					    parts->common.settings, parts->seed);
	protocol->greeter = greeter_new(parts->common.settings, &parts->self, parts->common.listening);
	protocol->gossip = gossip_new(parts->common.registry, parts->alarm, &parts->secret);
	protocol->silence = silence_new(parts->seed);
	protocol->reporting = reporting_new(parts);
	protocol->asleep_us = -1;
	rng_seed(&protocol->rng, parts->seed);
	rng_seed(&protocol->feelers.rng, parts->seed);
	mutex_init(&protocol->mutex);
	if (protocol->announcer == NULL || protocol->directory == NULL || protocol->greeter == NULL ||
	    protocol->gossip == NULL || protocol->silence == NULL || protocol->reporting == NULL) {
		protocol_free(protocol);
		return NULL;
	}
	size_t count = listening_count(parts->common.listening);
	for (size_t i = 0; i < count; i++)
		add_own(protocol, &parts->common.listening->addresses[i]);
	address_book_set_advertised(parts->common.book, &parts->common.settings->texts->advertise);
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
	silence_free(protocol->silence);
	reporting_free(protocol->reporting);
	outlook_fini(&protocol->outlook);
	mutex_fini(&protocol->mutex);
	free(protocol);
}

void protocol_introduce_as(struct protocol *protocol, const char *name, const struct address *advertise)
{
	greeter_introduce_as(protocol->greeter, name, advertise);
	address_book_set_advertised(protocol->parts.common.book, advertise);
	reporting_changed(protocol);
}

void protocol_report_anew(struct protocol *protocol)
{
	reporting_changed(protocol);
}

void protocol_listens(struct protocol *protocol, const struct address *address)
{
	add_own(protocol, address);
	atomic_store(&protocol->tells_now, true);
	alarm_ring(protocol->parts.alarm);
}

bool protocol_write_refusal(struct protocol *protocol, const struct protocol_refusal *refusal, struct buffer *out)
{
	struct message bye = {.type = MESSAGE_BYE, .bye = {.reason = BYE_FULL, .limit = refusal->limit}};
	if (refusal->names_others && !directory_write(protocol->directory, &refusal->near_end, &refusal->far_end,
						      PROTOCOL_REFERRED, refusal->now_us, out))
		return false;
	return message_encode(&bye, out);
}

size_t protocol_charge(struct protocol *protocol, const struct peer *peer, enum source_kind kind, size_t wanted,
		       int64_t now_us)
{
	return sources_take(protocol->parts.common.sources, kind, &peer_dial(peer)->address, wanted, now_us);
}

void protocol_turn_away(struct protocol *protocol, struct peer *peer, enum log_level level, enum bye_reason reason,
			const char *what, int64_t now_us)
{
	bool is_dial = peer_direction(peer) == PEER_OUTBOUND && peer_state(peer) != PEER_READY;
	if (!is_dial)
		lines_log_peer(protocol->parts.common.lines, peer, level, now_us, "%s", what);
	peer_close_because(peer, reason, what);
}

/* ---- what a message does ---- */

static void handle_ping(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	(void)protocol;
	peer_note_ping(peer, message->ping.next_ms * 1000, now_us);
	peer_send_type(peer, MESSAGE_PONG);
}

static void handle_pong(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	(void)message;
	if (!peer_pong(peer, now_us))
		peer_count_ignored(peer);
	else if (peer_take_fall(peer))
		reporting_changed(protocol);
}

static void handle_getaddr(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	(void)message;
	if (allowance_take_question(peer_allowance(peer), now_us) &&
	    protocol_charge(protocol, peer, SOURCE_QUESTIONS, 1, now_us) > 0)
		directory_tell(protocol->directory, peer, now_us);
	else
		peer_count_ignored(peer);
}

static void handle_bye(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	(void)protocol, (void)now_us;
	const char *limit = bye_limit_name(message->bye.limit);
	peer_note_bye(peer, message->bye.reason, limit != NULL ? limit : message->bye.text);
}

static void ignore(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	(void)protocol, (void)message, (void)now_us;
	peer_count_ignored(peer);
}

/* clang-format off */
static const struct {
	protocol_handler *before_ready;
	protocol_handler *when_ready;
} handlers[MESSAGE_TYPES] = {
	[MESSAGE_UNKNOWN]   = {ignore,                    ignore},
	[MESSAGE_HELLO]     = {handshake_handle_hello,    handshake_handle_hello},
	[MESSAGE_PING]      = {ignore,                    handle_ping},
	[MESSAGE_PONG]      = {ignore,                    handle_pong},
	[MESSAGE_GETADDR]   = {ignore,                    handle_getaddr},
	[MESSAGE_ADDR]      = {hearsay_handle_early_addr, hearsay_handle_addr},
	[MESSAGE_BYE]       = {handle_bye,                handle_bye},
	[MESSAGE_SUSPECT]   = {ignore,                    silence_handle_suspect},
	[MESSAGE_HEARD]     = {ignore,                    silence_handle_heard},
	[MESSAGE_UNHEARD]   = {ignore,                    silence_handle_unheard},
	[MESSAGE_REPORT]    = {ignore,                    reporting_handle_report},
	[MESSAGE_REPORTS]   = {ignore,                    reporting_handle_reports},
	[MESSAGE_GETREPORT] = {ignore,                    reporting_handle_getreport},
};
/* clang-format on */

/* Only an inbound connection counts: others may have sent this node to dial a program that is no kith node. */
static void note_error(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	const struct settings *settings = protocol->parts.common.settings;
	const struct address *host = &peer_dial(peer)->address;
	if (peer_direction(peer) == PEER_INBOUND && access_note_error(protocol->parts.common.access, host, now_us)) {
		notes_ban(protocol, peer);
		char duration[TEXT_DURATION_BYTES];
		text_duration(settings->ban_time_us, duration);
		lines_log_peer(protocol->parts.common.lines, peer, LOG_WARNING, now_us,
			       "is banned for %s with its whole host: %lld protocol errors within an hour", duration,
			       (long long)settings->ban_after);
	}
}

void protocol_violated(struct protocol *protocol, struct peer *peer, const char *what, int64_t now_us)
{
	char text[PROBLEM_BYTES + 32];
	snprintf(text, sizeof text, "broke the protocol: %s", what);
	protocol_turn_away(protocol, peer, LOG_WARNING, BYE_PROTOCOL, text, now_us);
	note_error(protocol, peer, now_us);
}

/* Its first line is nothing that a kith node would send. */
static void turn_stranger_away(struct protocol *protocol, struct peer *peer, const char *line, size_t length,
			       int64_t now_us)
{
	enum { SHOWN = 20 };
	char shown[4 * SHOWN + 1], text[sizeof shown + 48];
	bool is_cut = length > SHOWN;
	text_escape(shown, sizeof shown, line, is_cut ? SHOWN : length, TEXT_LINE);
	snprintf(text, sizeof text, "is not a kith node: it sent \"%s%s\"", shown, is_cut ? "..." : "");
	protocol_turn_away(protocol, peer, LOG_WARNING, BYE_PROTOCOL, text, now_us);
	note_error(protocol, peer, now_us);
}

static bool is_from_a_stranger(struct peer *peer, const char *line, size_t length)
{
	return peer_look(peer, 0).messages_in == 1 && (length == 0 || line[0] != '{');
}

size_t protocol_receive(struct protocol *protocol, struct peer *peer, const char *line, size_t length, int64_t now_us)
{
	struct message message;
	struct problem problem;

	peer_count_message(peer);
	if (!message_decode(line, length, now_us, &message, &problem)) {
		if (problem.lacks_memory)
			peer_fail_errno(peer, ENOMEM);
		else if (is_from_a_stranger(peer, line, length))
			turn_stranger_away(protocol, peer, line, length, now_us);
		else
			protocol_violated(protocol, peer, problem.text, now_us);
		return message.values;
	}
	counters_count_message(protocol->parts.common.counters, COUNTERS_IN, message.type, length + 1);
	peer_debug(peer, "sent %s", message_type_name(message.type));
	bool is_ready = peer_state(peer) == PEER_READY;
	protocol_handler *handle = is_ready ? handlers[message.type].when_ready : handlers[message.type].before_ready;
	if (peer_is_missed(peer))
		silence_heard(protocol, peer, now_us);
	handle(protocol, peer, &message, now_us);
	message_fini(&message);
	return message.values;
}

void protocol_refused(struct protocol *protocol, struct peer *peer, const struct protocol_stranger *stranger,
		      int64_t now_us)
{
	bool has_dialled = peer_direction(peer) == PEER_INBOUND && peer_state(peer) != PEER_READY;
	if (has_dialled)
		lines_log_peer(protocol->parts.common.lines, peer, LOG_WARNING, now_us, "%s", stranger->what);
	if (has_dialled && stranger->lacks_secret)
		reporting_note_refusal(protocol, &peer_dial(peer)->address, now_us);
	if (has_dialled && stranger->may_answer)
		peer_close_because(peer, BYE_PROTOCOL, stranger->what);
	else
		peer_refuse(peer, stranger->lacks_secret ? EACCES : EPROTO, stranger->what);
}

/* ---- the beginning and the end of a connection ---- */

void protocol_connected(struct protocol *protocol, struct peer *peer, const struct address *local, int64_t now_us)
{
	if (!peer_connected(peer, local) || peer_direction(peer) != PEER_OUTBOUND)
		return;
	struct peer_info info = peer_look(peer, now_us);
	hindrances_over(protocol, peer, now_us);
	greeter_say_hello(protocol->greeter, peer, &info);
}

void protocol_ended(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	if (!peer_take_ending(peer))
		return;
	registry_retire(protocol->parts.common.registry, peer);
	silence_ended(protocol, peer, now_us);
	endings_conclude(protocol, peer, now_us);
}

void protocol_forget(struct protocol *protocol, struct peer *peer)
{
	registry_remove(protocol->parts.common.registry, peer);
	/* There is room for another dial. The end of an inbound peer need not wake the connector. */
	if (peer_direction(peer) == PEER_OUTBOUND)
		alarm_ring(protocol->parts.alarm);
}

/* ---- timers ---- */

static void ping_all(struct protocol *protocol, int64_t now_us)
{
	struct registry_visit all = {.registry = protocol->parts.common.registry};
	struct peer *peer;
	while ((peer = registry_visit_next(&all)) != NULL) {
		if (peer_state(peer) == PEER_READY) {
			peer_excuse(peer, now_us);
			peer_hurry_ping(peer, now_us);
		}
	}
}

static void tell_all(struct protocol *protocol, int64_t now_us)
{
	struct registry_snapshot ready = registry_take_snapshot(protocol->parts.common.registry, true);
	for (size_t i = 0; i < ready.count; i++) {
		struct peer_info info = peer_look(ready.peers[i], now_us);
		if (info.state == PEER_READY)
			greeter_say_address(protocol->greeter, ready.peers[i], &info);
	}
	registry_release_snapshot(&ready);
}

/* Once a day; the first time after half a day to a day, so that nodes that start together do not tell together. */
static int64_t run_telling(struct protocol *protocol, int64_t now_us)
{
	if (protocol->tell_us == 0) {
		int64_t half_us = PROTOCOL_TELL_US / 2;
		protocol->tell_us = now_us + half_us + (int64_t)(protocol->parts.seed % (uint64_t)half_us);
	} else if (atomic_exchange(&protocol->tells_now, false)) {
		tell_all(protocol, now_us);
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
	char duration[TEXT_DURATION_BYTES];
	text_duration(slept_us, duration);
	log_info("this machine was asleep for %s: all peers are pinged", duration);
	ping_all(protocol, now_us);
}

int64_t protocol_run_timers(struct protocol *protocol, int64_t now_us, int64_t asleep_us)
{
	notice_sleep(protocol, now_us, asleep_us);
	int64_t times_us[] = {announcer_run(protocol->announcer, now_us),
			      gossip_run(protocol->gossip, now_us),
			      run_telling(protocol, now_us),
			      reporting_run(protocol, now_us),
			      outlook_run(protocol, now_us),
			      isolation_run(&protocol->isolation, protocol->parts.common.registry,
					    protocol->parts.common.book, now_us)};
	int64_t next_us = FOREVER_US;
	for (size_t i = 0; i < sizeof times_us / sizeof *times_us; i++)
		if (times_us[i] < next_us)
			next_us = times_us[i];
	return next_us;
}

struct next_dial protocol_next_feeler(struct protocol *protocol, int64_t now_us)
{
	return feelers_next(protocol, now_us);
}
