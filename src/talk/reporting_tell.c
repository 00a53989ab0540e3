#include <stdio.h>
#include <stdlib.h>

#include "talk/reporting_priv.h"

/* Peers that were told the same before are told the same now: their line is written once. */
struct telling {
	const struct report *report;
	int64_t base; /* of the line; -1 for none yet */
	struct buffer line;
	size_t bytes;	   /* of changes that were sent */
	bool has_left_out; /* a peer that is to be told later */
};

static bool write_line(struct telling *telling, const struct protocol *protocol, int64_t base, int64_t now_us)
{
	struct report_words words = {.base = base,
				     .now_us = now_us,
				     .clock_us = reporting_clock_us(protocol->reporting, now_us),
				     .is_own = true};
	if (telling->base == base)
		return true;
	buffer_consume(&telling->line, buffer_length(&telling->line));
	telling->base = report_write(telling->report, &words, &telling->line) ? base : -1;
	return telling->base == base;
}

static double rate_of(const struct protocol *protocol)
{
	return (double)protocol->parts.common.settings->report_rate * REPORTING_OWN_SHARE;
}

/*
 * Who comes is told everything, and pays from another purse: somebody who comes again and again must not delay what the
 * others are told. Returns how long to wait.
 */
static int64_t pay_for_first(struct protocol *protocol, size_t bytes, int64_t now_us)
{
	double rate = rate_of(protocol);
	return token_bucket_charge(&protocol->reporting->firsts, (double)bytes, rate, rate * REPORTING_BURST_S, now_us);
}

/* It may be one that never sends a report. */
static void introduce(struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	const struct peer_info info = peer_look(peer, now_us);
	struct reports_introduced introduced = {.nodeid = info.nodeid,
						.address = address_is_known(&info.listen) ? info.listen : info.claim};
	snprintf(introduced.name, sizeof introduced.name, "%s", info.name);
	reports_introduce(protocol->reporting->reports, &introduced);
}

/*
 * The report has the connection with that peer, or no room for it. Without it, others could take a node that has just
 * started again, and says that it has no connections, for one that is gone.
 */
static bool has_it(const struct protocol *protocol, struct peer *peer, int64_t now_us)
{
	const struct own *own = &protocol->reporting->own;
	const struct peer_info info = peer_look(peer, now_us);
	return own->link_count >= REPORT_LINKS || own_find_link(own->links, own->link_count, &info.nodeid) != NULL;
}

static void tell_first(struct protocol *protocol, struct peer *peer, const struct telling *telling, int64_t now_us)
{
	introduce(protocol, peer, now_us);
	peer_send_news_line(peer, MESSAGE_REPORT, &telling->line, now_us);
	pay_for_first(protocol, buffer_length(&telling->line), now_us);
}

static void tell(struct protocol *protocol, struct peer *peer, struct telling *telling, int64_t now_us)
{
	struct peer_reports *state = peer_reports(peer);
	int64_t told_seq = atomic_load(&state->told_seq);
	bool is_first = told_seq == 0;
	if (!atomic_load(&state->is_greeted) || peer_is_closing(peer) || told_seq >= telling->report->seq ||
	    (!is_first && !atomic_load(&state->speaks)))
		return;
	bool is_too_early = is_first && (!has_it(protocol, peer, now_us) || pay_for_first(protocol, 0, now_us) > 0);
	if (is_too_early || !peer_takes_news(peer, now_us) || !write_line(telling, protocol, told_seq, now_us)) {
		telling->has_left_out = true;
		return;
	}
	atomic_store(&state->told_seq, telling->report->seq);
	if (is_first) {
		tell_first(protocol, peer, telling, now_us);
		return;
	}
	peer_send_news_line(peer, MESSAGE_REPORT, &telling->line, now_us);
	telling->bytes += buffer_length(&telling->line);
}

void reporting_tell(struct protocol *protocol, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	struct telling telling = {.report = reporting->own.report, .base = -1};
	if (telling.report == NULL)
		return;
	struct registry_snapshot ready = registry_take_snapshot(protocol->parts.common.registry, true);
	registry_shuffle_snapshot(&ready, &reporting->choices);
	for (size_t i = 0; i < ready.count; i++)
		tell(protocol, ready.peers[i], &telling, now_us);
	registry_release_snapshot(&ready);
	buffer_fini(&telling.line);
	int64_t paid_us = (int64_t)((double)telling.bytes / rate_of(protocol) * 1e6);
	if (telling.bytes > 0 && paid_us < REPORTING_ROUND_US)
		paid_us = REPORTING_ROUND_US;
	reporting->round_us = now_us + paid_us;
	/* A peer that has yet to read what it was sent, or that has just come, is told later. */
	if (telling.has_left_out)
		reporting->look_us = clock_earlier(reporting->look_us, reporting->round_us + REPORTING_AGAIN_US);
}
