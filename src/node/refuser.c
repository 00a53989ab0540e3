#include "node/refuser_priv.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sync.h"
#include "base/text.h"

enum { REASON_BYTES = 192 };

/* How long an answered socket is kept, and how long the kernel then tries to deliver the answer. */
#define KEPT_US ((int64_t)1000 * 1000)
enum { DELIVERY_MS = 2000 };

/* Of what the far end has sent, so much is read before the close; a hello is a few hundred bytes. */
enum { DROPPED_BYTES = 16 * 1024 };

void refuser_init(struct refuser *refuser, const struct worker_parts *parts)
{
	int64_t now_us = clock_now_us();
	*refuser = (struct refuser){.parts = parts};
	token_bucket_init(&refuser->answers, REFUSER_ANSWERS_BURST, now_us);
	token_bucket_init(&refuser->referrals, REFUSER_REFERRALS_BURST, now_us);
	for (size_t i = 0; i < REFUSER_KEPT; i++)
		refuser->kept[i].fd = -1;
}

/* Why a connection from there is refused, and what to do about it if that is wrong. */
static void explain(const struct settings *settings, enum refusal refusal, const struct address *from,
		    char out[static REASON_BYTES])
{
	static const char raise[] = "raise it if these are your nodes";
	struct address_block group = {.base = address_subnet(from),
				      .prefix_bits = from->family == ADDRESS_IPV4 ? 24 : 56};
	char block[ADDRESS_BLOCK_TEXT_BYTES], duration[TEXT_DURATION_BYTES];
	switch (refusal) {
	case REFUSED_DENIED:
		snprintf(out, REASON_BYTES, "allow and deny exclude it");
		break;
	case REFUSED_BANNED:
		text_duration(settings->ban_time_us, duration);
		snprintf(out, REASON_BYTES, "its host broke the protocol again and again, and is banned for %s",
			 duration);
		break;
	case REFUSED_BY_OPERATOR:
		snprintf(out, REASON_BYTES, "a client of the control socket has banned it");
		break;
	case REFUSED_CONNECTIONS:
		snprintf(out, REASON_BYTES, "all connections are in use (max_connections = %lld); %s",
			 (long long)settings->max_connections, raise);
		break;
	case REFUSED_ADDRESS:
		snprintf(out, REASON_BYTES, "%lld handshakes from its host already (max_per_address = %lld); %s",
			 (long long)settings->max_per_address, (long long)settings->max_per_address, raise);
		break;
	default:
		address_block_format(&group, block);
		snprintf(out, REASON_BYTES, "%lld handshakes from %s already (max_per_group = %lld); %s",
			 (long long)settings->max_per_group, block, (long long)settings->max_per_group, raise);
	}
}

static enum counter counter_of(enum refusal refusal)
{
	static const enum counter counters[] = {
		[REFUSED_DENIED] = COUNTER_REFUSED_DENIED,
		[REFUSED_BANNED] = COUNTER_REFUSED_BANNED,
		[REFUSED_CONNECTIONS] = COUNTER_REFUSED_MAX_CONNECTIONS,
		[REFUSED_ADDRESS] = COUNTER_REFUSED_MAX_PER_ADDRESS,
		[REFUSED_GROUP] = COUNTER_REFUSED_MAX_PER_GROUP,
		[REFUSED_BY_OPERATOR] = COUNTER_REFUSED_BANNED,
	};
	return counters[refusal];
}

static void log_refusal(struct refuser *refuser, const struct address *from, enum refusal refusal, int64_t now_us)
{
	static const enum lines_about about[] = {
		[REFUSED_DENIED] = LINES_DENIED,	   [REFUSED_BANNED] = LINES_BANNED,
		[REFUSED_BY_OPERATOR] = LINES_BANNED,	   [REFUSED_CONNECTIONS] = LINES_MAX_CONNECTIONS,
		[REFUSED_ADDRESS] = LINES_MAX_PER_ADDRESS, [REFUSED_GROUP] = LINES_MAX_PER_GROUP};
	char text[ADDRESS_TEXT_BYTES], reason[REASON_BYTES];
	if (!lines_take(refuser->parts->common.lines, about[refusal], LOG_WARNING, NULL, now_us))
		return;
	address_format(from, text);
	explain(refuser->parts->common.settings, refusal, from, reason);
	log_warning("refused %s: %s", text, reason);
	struct event event = {
		.kind = EVENT_REFUSED, .direction = EVENT_INBOUND, .address = *from, .reason = reason, .lasted_us = -1};
	journal_note(refuser->parts->common.journal, &event);
}

/* Closes a socket on which bytes may have come that would turn the close into a reset. */
static void close_kept(struct refuser *refuser, size_t place)
{
	char bytes[DROPPED_BYTES];
	int fd = refuser->kept[place].fd, delivery_ms = DELIVERY_MS;
	if (fd < 0)
		return;
	refuser->kept[place].fd = -1;
	(void)!recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &delivery_ms, sizeof delivery_ms);
	close(fd);
}

void refuser_fini(struct refuser *refuser)
{
	for (size_t i = 0; refuser->parts != NULL && i < REFUSER_KEPT; i++)
		close_kept(refuser, i);
}

int64_t refuser_run(struct refuser *refuser, int64_t now_us)
{
	int64_t next_us = FOREVER_US;
	for (size_t i = 0; i < REFUSER_KEPT; i++) {
		if (refuser->kept[i].fd < 0)
			continue;
		if (now_us >= refuser->kept[i].until_us)
			close_kept(refuser, i);
		else
			next_us = clock_earlier(next_us, refuser->kept[i].until_us);
	}
	return next_us;
}

/* A limit is nobody's fault, and the far end may go elsewhere; who is denied or banned gets no answer. */
static enum bye_limit limit_of(enum refusal refusal)
{
	switch (refusal) {
	case REFUSED_CONNECTIONS:
		return BYE_MAX_CONNECTIONS;
	case REFUSED_ADDRESS:
		return BYE_MAX_PER_ADDRESS;
	case REFUSED_GROUP:
		return BYE_MAX_PER_GROUP;
	default:
		return BYE_NO_LIMIT;
	}
}

/* Over TLS nothing can be said before the handshake. */
static bool may_answer(struct refuser *refuser, const struct address *from, enum refusal refusal, int64_t now_us)
{
	return limit_of(refusal) != BYE_NO_LIMIT && refuser->parts->context == NULL &&
	       sources_take(refuser->parts->common.sources, SOURCE_REFUSALS, from, 1, now_us) > 0 &&
	       token_bucket_take(&refuser->answers, 1, REFUSER_ANSWERS_PER_S, REFUSER_ANSWERS_BURST, now_us) > 0;
}

/* Writes what the socket takes at once, which is all of it unless the system lacks memory. */
static bool answer(struct refuser *refuser, int fd, const struct address *from, enum refusal refusal, int64_t now_us)
{
	struct protocol_refusal about = {.far_end = *from, .limit = limit_of(refusal), .now_us = now_us};
	struct sockaddr_storage local;
	socklen_t length = sizeof local;
	struct buffer lines = {0};
	if (getsockname(fd, (struct sockaddr *)&local, &length) != 0 || !address_from_socket(&local, &about.near_end))
		return false;
	about.names_others =
		token_bucket_take(&refuser->referrals, 1, REFUSER_REFERRALS_PER_S, REFUSER_REFERRALS_BURST, now_us) > 0;
	bool written = protocol_write_refusal(refuser->parts->protocol, &about, &lines) &&
		       send(fd, buffer_content(&lines), buffer_length(&lines), MSG_DONTWAIT | MSG_NOSIGNAL) > 0 &&
		       shutdown(fd, SHUT_WR) == 0;
	buffer_fini(&lines);
	return written;
}

void refuser_turn_away(struct refuser *refuser, int fd, const struct address *from, enum refusal refusal)
{
	int64_t now_us = clock_now_us();
	counters_count(refuser->parts->common.counters, counter_of(refusal));
	log_refusal(refuser, from, refusal, now_us);
	if (!may_answer(refuser, from, refusal, now_us) || !answer(refuser, fd, from, refusal, now_us)) {
		close(fd);
		return;
	}
	close_kept(refuser, refuser->next);
	refuser->kept[refuser->next].fd = fd;
	refuser->kept[refuser->next].until_us = now_us + KEPT_US;
	refuser->next = (refuser->next + 1) % REFUSER_KEPT;
}
