#include "talk/reporting_priv.h"

#include <stdlib.h>
#include <string.h>

/* The list with room for one more entry of that size; it may have moved. NULL if there may be no more, or no memory. */
static void *with_room(void *list, size_t count, size_t *room, size_t most, size_t size)
{
	enum { FIRST = 8 };
	if (count < *room)
		return list;
	size_t more = *room == 0 ? FIRST : *room * 2 < most ? *room * 2 : most;
	void *grown = count < most ? realloc(list, more * size) : NULL;
	if (grown != NULL)
		*room = more;
	return grown;
}

void reporting_free_noted(struct noted *noted)
{
	free(noted->ends);
	free(noted->failures);
}

/* ---- connections that have ended ---- */

void reporting_note_end(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	struct noted_end end = {.nodeid = info->nodeid, .ended_us = now_us, .reason = ending_reason(info)};
	if (!reporting_is_on(protocol))
		return;
	reporting_enter(reporting);
	struct noted *noted = &reporting->noted;
	size_t place = 0;
	while (place < noted->end_count && !nodeid_equals(&noted->ends[place].nodeid, &end.nodeid))
		place++;
	/* More than this at once: what has no place is told without a reason. */
	if (place == noted->end_count) {
		struct noted_end *list =
			with_room(noted->ends, place, &noted->end_room, REPORTING_NOTED_ENDS, sizeof *noted->ends);
		if (list != NULL) {
			noted->ends = list;
			noted->end_count++;
		}
	}
	if (place < noted->end_count)
		noted->ends[place] = end;
	reporting_leave(reporting);
	/* Now a look may leave it out. */
	atomic_store(&peer_reports(peer)->has_ended, true);
	reporting_changed(protocol);
}

/* ---- dials that have failed ---- */

/*
 * The place of this address, or else one that may be used for it: a new one, or that of the one that failed longest
 * ago. NULL if there is no memory.
 */
static struct noted_failure *place_of_failure(struct noted *noted, const struct address *address)
{
	struct noted_failure *oldest = NULL;
	for (size_t i = 0; i < noted->failure_count; i++) {
		struct noted_failure *one = &noted->failures[i];
		if (address_equals(&one->address, address))
			return one;
		if (oldest == NULL || one->last_us < oldest->last_us)
			oldest = one;
	}
	struct noted_failure *list = with_room(noted->failures, noted->failure_count, &noted->failure_room,
					       REPORTING_NOTED_FAILURES, sizeof *noted->failures);
	if (list == NULL)
		return oldest;
	noted->failures = list;
	list[noted->failure_count] = (struct noted_failure){0};
	return &list[noted->failure_count++];
}

/* Returns how often in a row; 0 if there is no memory to know it. */
static uint32_t fail(struct reporting *reporting, const struct noted_failure *failed) REQUIRES(reporting_guard)
{
	struct noted_failure *place = place_of_failure(&reporting->noted, &failed->address);
	if (place == NULL)
		return 0;
	if (!address_equals(&place->address, &failed->address) || failed->last_us - place->last_us > REPORTING_ROW_US) {
		*place = *failed;
		place->since_us = failed->last_us;
	}
	place->last_us = failed->last_us;
	place->reason = failed->reason;
	place->is_here = failed->is_here;
	place->is_feeler = failed->is_feeler;
	if (!nodeid_is_none(&failed->nodeid))
		place->nodeid = failed->nodeid;
	if (++place->tries == REPORTING_TRIES) {
		uint32_t spread_ms = (uint32_t)((REPORTING_SPREAD_MOST_US - REPORTING_SPREAD_LEAST_US) / 1000);
		place->tell_us = failed->last_us + REPORTING_SPREAD_LEAST_US +
				 (int64_t)rng_below(&reporting->rng, spread_ms) * 1000;
	}
	return place->tries;
}

void reporting_note_failure(struct protocol *protocol, struct peer *peer, const struct peer_info *info, int64_t now_us)
{
	const struct dial *dial = peer_dial(peer);
	struct noted_failure failed = {.address = dial->address,
				       .nodeid = dial->expected,
				       .last_us = now_us,
				       .reason = ending_reason(info),
				       .is_here = info->ending == PEER_HINDERED,
				       .is_feeler = dial->kind == DIAL_FEELER_PEER};
	/* Others can make this node dial whatever they like. */
	if (!reporting_is_on(protocol) || dial->kind == DIAL_NAME ||
	    !reporting_is_worth(protocol, &failed.address, &failed.nodeid, now_us))
		return;
	reporting_enter(protocol->reporting);
	uint32_t tries = fail(protocol->reporting, &failed);
	reporting_leave(protocol->reporting);
	feelers_note_failure(protocol, &failed.address, &failed.nodeid, tries, now_us);
	reporting_changed(protocol);
}

void reporting_note_reached(struct protocol *protocol, const struct address *address)
{
	struct reporting *reporting = protocol->reporting;
	bool had_failed = false;
	reporting_enter(reporting);
	struct noted *noted = &reporting->noted;
	for (size_t i = 0; i < noted->failure_count && !had_failed; i++)
		if (address_equals(&noted->failures[i].address, address)) {
			noted->failures[i] = noted->failures[--noted->failure_count];
			had_failed = true;
		}
	reporting_leave(reporting);
	if (had_failed)
		reporting_changed(protocol);
}

/* ---- hosts ---- */

/* Once more; how often. */
static uint32_t try_again(struct noted_tries *tries, int64_t now_us)
{
	enum { KEPT = 4 };
	int64_t gap_us = now_us - tries->last_us, kept_us = tries->gap_us - tries->gap_us / KEPT;
	if (tries->count == 0 || gap_us > REPORTING_REFUSALS_US)
		*tries = (struct noted_tries){.since_us = now_us};
	else if (gap_us > REPORTING_TRY_MOST_US)
		tries->gap_us = REPORTING_TRY_MOST_US;
	else
		tries->gap_us = gap_us > kept_us ? gap_us : kept_us;
	tries->last_us = now_us;
	return ++tries->count;
}

int64_t reporting_stops_us(const struct noted_tries *tries)
{
	int64_t wait_us = 2 * tries->gap_us + REPORTING_STOPPED_US;
	return tries->last_us + (wait_us > REPORTING_STOPPED_LEAST_US ? wait_us : REPORTING_STOPPED_LEAST_US);
}

void reporting_note_refusal(struct protocol *protocol, const struct address *host, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	struct address who = address_host(host);
	if (!reporting_is_on(protocol))
		return;
	reporting_enter(reporting);
	struct noted_refusal *place = &reporting->noted.refusals[0];
	for (size_t i = 0; i < REPORTING_NOTED_HOSTS; i++) {
		struct noted_refusal *one = &reporting->noted.refusals[i];
		if (address_equals(&one->host, &who)) {
			place = one;
			break;
		}
		if (one->tries.last_us < place->tries.last_us)
			place = one;
	}
	if (!address_equals(&place->host, &who))
		*place = (struct noted_refusal){.host = who};
	bool is_news = try_again(&place->tries, now_us) >= REPORTING_REFUSALS;
	reporting_leave(reporting);
	if (is_news)
		reporting_changed(protocol);
}

static bool is_same_double(const struct noted_double *one, const struct report_double *other)
{
	return one->tries.count > 0 && nodeid_equals(&one->what.nodeid, &other->nodeid) &&
	       address_same_host(&one->what.other, &other->other);
}

void reporting_note_double(struct protocol *protocol, struct peer *peer, const struct peer_info *newcomer,
			   int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	struct peer_info info = peer_look(peer, now_us);
	struct report_double what = {.nodeid = info.nodeid, .one = info.remote, .other = newcomer->remote};
	/* Dials that have crossed, or one more of the same host, are no second node. */
	if (!reporting_is_on(protocol) || address_same_host(&info.remote, &newcomer->remote))
		return;
	if (address_is_known(&info.listen))
		what.one = info.listen;
	reporting_enter(reporting);
	struct noted_double *place = &reporting->noted.doubles[0];
	for (size_t i = 0; i < REPORTING_NOTED_HOSTS; i++) {
		struct noted_double *one = &reporting->noted.doubles[i];
		if (is_same_double(one, &what)) {
			place = one;
			break;
		}
		if (one->tries.last_us < place->tries.last_us)
			place = one;
	}
	if (!is_same_double(place, &what))
		*place = (struct noted_double){.what = what};
	bool is_news = try_again(&place->tries, now_us) >= REPORTING_DOUBLES;
	reporting_leave(reporting);
	if (is_news)
		reporting_changed(protocol);
}

void reporting_note_stall(struct protocol *protocol, int64_t stalled_us, int64_t now_us)
{
	struct reporting *reporting = protocol->reporting;
	if (!reporting_is_on(protocol))
		return;
	reporting_enter(reporting);
	struct noted *noted = &reporting->noted;
	/* All pingers say so, one after the other. */
	bool is_same = noted->stalled_us > 0 && now_us - stalled_us < noted->stall_end_us;
	bool is_news = !is_same || stalled_us > noted->stalled_us;
	if (is_news) {
		noted->stalled_us = stalled_us;
		noted->stall_end_us = now_us;
	}
	reporting_leave(reporting);
	if (is_news)
		reporting_changed(protocol);
}

/* ---- what becomes of it ---- */

bool reporting_take_noted(struct reporting *reporting, const struct own_link *links, size_t count, struct noted *copy,
			  int64_t now_us)
{
	const int64_t waits_us = 10 * PEER_CLOSE_US;
	size_t kept = 0;
	reporting_enter(reporting);
	struct noted *noted = &reporting->noted;
	*copy = *noted;
	copy->end_count = copy->failure_count = 0;
	copy->ends = calloc(noted->end_count + 1, sizeof *copy->ends);
	copy->failures = calloc(noted->failure_count + 1, sizeof *copy->failures);
	bool has_memory = copy->ends != NULL && copy->failures != NULL;
	for (size_t i = 0; has_memory && i < noted->failure_count; i++)
		copy->failures[copy->failure_count++] = noted->failures[i];
	for (size_t i = 0; has_memory && i < noted->end_count; i++) {
		const struct noted_end *end = &noted->ends[i];
		if (own_find_link(links, count, &end->nodeid) == NULL)
			copy->ends[copy->end_count++] = *end;
		else if (now_us - end->ended_us < waits_us)
			noted->ends[kept++] = *end;
	}
	if (has_memory)
		noted->end_count = kept;
	reporting_leave(reporting);
	return has_memory;
}
