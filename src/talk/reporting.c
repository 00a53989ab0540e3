#include "talk/reporting_priv.h"

#include <stdlib.h>

#include "link/allowance.h"

void reporting_enter(struct reporting *reporting) UNCHECKED
{
	mutex_lock(&reporting->mutex);
}

void reporting_leave(struct reporting *reporting) UNCHECKED
{
	mutex_unlock(&reporting->mutex);
}

struct reporting *reporting_new(const struct protocol_parts *parts) UNCHECKED
{
	struct reporting *reporting = calloc(1, sizeof *reporting);
	if (reporting == NULL)
		return NULL;
	reporting->reports = parts->common.reports;
	atomic_init(&reporting->clock_offset_us, INT64_MIN);
	reporting->own.me_since_us = -1;
	rng_seed(&reporting->rng, parts->seed);
	rng_seed(&reporting->choices, parts->seed);
	mutex_init(&reporting->mutex);
	return reporting;
}

static void free_waiting(struct mark *marks, struct wanted *wanted)
{
	struct mark *mark = marks, *next_mark;
	struct wanted *one = wanted, *next_wanted;
	HASH_CLEAR(hh, marks);
	for (; mark != NULL; mark = next_mark) {
		next_mark = mark->hh.next;
		free(mark);
	}
	HASH_CLEAR(hh, wanted);
	for (; one != NULL; one = next_wanted) {
		next_wanted = one->hh.next;
		free(one);
	}
}

void reporting_free(struct reporting *reporting) UNCHECKED
{
	if (reporting == NULL)
		return;
	own_fini(&reporting->own);
	reporting_free_noted(&reporting->noted);
	free_waiting(reporting->marks, reporting->wanted);
	mutex_fini(&reporting->mutex);
	free(reporting);
}

bool reporting_is_on(const struct protocol *protocol)
{
	return protocol->reporting->reports != NULL && protocol->parts.common.settings->max_nodes > 0;
}

void reporting_changed(struct protocol *protocol)
{
	if (reporting_is_on(protocol) && !atomic_exchange(&protocol->reporting->has_changed, true))
		alarm_ring(protocol->parts.alarm);
}

/* ---- the wall clock ---- */

void protocol_note_clock(struct protocol *protocol, int64_t now_us, int64_t unix_us)
{
	atomic_store(&protocol->reporting->clock_offset_us, unix_us - now_us);
}

int64_t reporting_clock_us(const struct reporting *reporting, int64_t now_us)
{
	int64_t offset_us = atomic_load(&reporting->clock_offset_us);
	return offset_us == INT64_MIN || offset_us + now_us < 0 ? -1 : offset_us + now_us;
}

/* ---- the report of another node ---- */

void reporting_hear_self(struct protocol *protocol, int64_t seq, int64_t now_us)
{
	/* After some at once, one lie in this time makes this node raise its number. */
	enum { LIES = 4 };
	const double lies_per_s = 0.1;
	struct reporting *reporting = protocol->reporting;
	reporting_enter(reporting);
	bool counts = seq > atomic_load(&reporting->heard_seq) &&
		      token_bucket_take(&reporting->jumps, 1, lies_per_s, LIES, now_us) > 0;
	if (counts)
		atomic_store(&reporting->heard_seq, seq);
	reporting_leave(reporting);
	if (counts)
		reporting_changed(protocol);
}

/* So much of its allowance a report costs: about its bytes on the wire. */
static size_t cost_of(const struct report *report)
{
	enum { MESSAGE = 256, ENTRY = 64 };
	size_t entries = report->tag_count + report->double_count + report->refusal_count + report->link_count +
			 report->end_count + 2 * report->failure_count + report->mended_count;
	return MESSAGE + ENTRY * entries;
}

static bool take_allowance(struct protocol *protocol, struct peer *peer, const struct report *report, int64_t now_us)
{
	double per_s = (double)protocol->parts.common.settings->report_rate * REPORTING_OWN_SHARE;
	return allowance_take_report(peer_allowance(peer), cost_of(report), per_s, now_us);
}

int64_t reporting_missed_us(const struct protocol *protocol)
{
	return protocol->parts.common.settings->silent_after_us * 2 / 5;
}

bool reporting_speaks_for_itself(struct protocol *protocol, const struct nodeid *nodeid, int64_t now_us)
{
	struct peer *peer = registry_find(protocol->parts.common.registry, nodeid);
	if (peer == NULL)
		return false;
	bool is_heard = peer_look(peer, now_us).late_us < reporting_missed_us(protocol);
	peer_release(peer);
	return is_heard;
}

void reporting_note_ready(struct protocol *protocol, struct peer *peer)
{
	atomic_store(&peer_reports(peer)->is_greeted, true);
	atomic_fetch_add(&protocol->reporting->arrivals, 1);
	reporting_changed(protocol);
}

bool reporting_note_that_it_speaks(struct protocol *protocol, struct peer *peer)
{
	if (atomic_exchange(&peer_reports(peer)->speaks, true))
		return false;
	reporting_changed(protocol);
	return true;
}

/*
 * A node that joins a large network asks for the reports of all nodes there. What many of its peers have is no news for
 * the others: those that lack it find out when they compare.
 */
static bool is_news(struct protocol *protocol, int64_t before, unsigned answers_of)
{
	size_t bytes;
	return before > 0 || answers_of < REPORTING_MANY_TELLERS ||
	       reports_count(protocol->reporting->reports, &bytes) <= REPORTING_FEW_NODES;
}

/* It is an answer to a question, and so many peers have it; 0 for none. */
static void take(struct protocol *protocol, struct peer *peer, struct report *report,
		 const struct reports_teller *teller, unsigned answers_of)
{
	struct nodeid origin = teller->is_origin ? teller->nodeid : report->nodeid;
	struct report *current;
	int64_t before, seq = report->seq;
	switch (reports_take(protocol->reporting->reports, report, teller, &current, &before)) {
	case REPORTS_TAKEN:
		outlook_changed(protocol);
		reporting_got(protocol, &origin, seq);
		/* What others have told is wrong, or of an earlier run: with a higher number its node is heard. */
		if (before > seq)
			reporting_warn(protocol, &(struct report_number){origin, before}, teller->now_us);
		else if (before < seq)
			reporting_mark(protocol, current, before, teller, is_news(protocol, before, answers_of));
		report_release(current);
		break;
	case REPORTS_EARLY:
		/*
		 * If the peer does not tell it soon, its connection may be broken: then the teller is asked once. If
		 * the peer is heard even so, the number is a lie, or of an earlier run.
		 */
		if (answers_of == 0)
			reporting_want(protocol, peer, &(struct report_number){origin, seq}, &teller->nodeid,
				       teller->now_us);
		else
			reporting_warn(protocol, &(struct report_number){origin, seq}, teller->now_us);
		break;
	case REPORTS_GAP:
		reporting_want(protocol, peer, &(struct report_number){origin, seq}, &teller->nodeid, teller->now_us);
		break;
	case REPORTS_SELF:
		reporting_hear_self(protocol, seq, teller->now_us);
		break;
	case REPORTS_REFUSED:
		peer_count_ignored(peer);
		break;
	case REPORTS_OLD:
		reporting_mark_again(protocol, &origin, seq, &teller->nodeid);
		break;
	case REPORTS_NO_MEMORY:
		break;
	}
}

/* A peer says that it misses this node, or has lost it: this node may miss it too, and not know yet. */
static void ping_who_misses(struct protocol *protocol, const struct report *report, const struct nodeid *origin,
			    int64_t now_us)
{
	struct peer *peer = report_misses(report, &protocol->parts.self)
				    ? registry_find(protocol->parts.common.registry, origin)
				    : NULL;
	if (peer == NULL)
		return;
	peer_ping_soon(peer, now_us);
	peer_release(peer);
}

void reporting_handle_report(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us)
{
	struct report *report = message->report;
	struct reports_teller teller = {.nodeid = peer_look(peer, now_us).nodeid,
					.now_us = now_us,
					.clock_us = reporting_clock_us(protocol->reporting, now_us)};
	struct nodeid origin = nodeid_is_none(&report->nodeid) ? teller.nodeid : report->nodeid;
	teller.is_origin = nodeid_equals(&origin, &teller.nodeid);
	/* What it was asked for, the peer may tell. */
	unsigned answers_of =
		reporting_is_on(protocol) ? reporting_expects(protocol, peer, &teller.nodeid, &origin, now_us) : 0;
	if (!reporting_is_on(protocol) || (answers_of == 0 && !take_allowance(protocol, peer, report, now_us))) {
		peer_count_ignored(peer);
		return;
	}
	if (reporting_note_that_it_speaks(protocol, peer))
		reporting_compare(protocol, peer, now_us);
	teller.origin_is_peer = teller.is_origin || reporting_speaks_for_itself(protocol, &origin, now_us);
	ping_who_misses(protocol, report, &origin, now_us);
	if (teller.is_origin || !teller.origin_is_peer)
		feelers_hear(protocol, report, &origin, now_us);
	take(protocol, peer, report_hold(report), &teller, answers_of);
}

/* ---- timers ---- */

/* Something has changed: what changes within REPORTING_DELAY_US is told together, and not before the last round is
 * paid. */
static void hurry(struct reporting *reporting, int64_t now_us)
{
	int64_t soon_us = now_us + REPORTING_DELAY_US;
	if (soon_us < reporting->look_us)
		reporting->look_us = soon_us > reporting->round_us ? soon_us : reporting->round_us;
	reporting->is_hurried = true;
	reporting->arrivals_seen = atomic_load(&reporting->arrivals);
}

/* This node has just started, and peers have come since it hurries, or since the last time that this was asked. */
static bool peers_keep_coming(struct reporting *reporting, int64_t now_us)
{
	unsigned seen = reporting->arrivals_seen;
	reporting->arrivals_seen = atomic_load(&reporting->arrivals);
	return reporting->is_hurried && now_us < reporting->own.started_us + REPORTING_ARRIVALS_MOST_US &&
	       reporting->arrivals_seen != seen;
}

static int64_t run_own(struct protocol *protocol, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	if (atomic_load(&reporting->has_changed) && !reporting->is_hurried)
		hurry(reporting, now_us);
	/* This process did not run: before it says with whom it is connected, it reads what has come meanwhile. */
	if (reporting->look_us != 0 && now_us - reporting->look_us > PROTOCOL_STALL_US)
		reporting->look_us = now_us + REPORTING_DELAY_US;
	if (now_us >= reporting->look_us && peers_keep_coming(reporting, now_us))
		reporting->look_us = now_us + REPORTING_ARRIVALS_US;
	if (now_us >= reporting->look_us) {
		atomic_store(&reporting->has_changed, false);
		reporting->is_hurried = false;
		reporting->look_us = own_look(protocol, now_us);
		reporting_tell(protocol, now_us);
	}
	return reporting->look_us;
}

int64_t reporting_run(struct protocol *protocol, int64_t now_us)
{
	if (!reporting_is_on(protocol))
		return FOREVER_US;
	int64_t next_us = run_own(protocol, now_us);
	next_us = clock_earlier(next_us, reporting_relay(protocol, now_us));
	next_us = clock_earlier(next_us, reporting_compare_again(protocol, now_us));
	return clock_earlier(next_us, reporting_ask(protocol, now_us));
}
