#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "wire/report_priv.h"

/* A moment is told as an age, which is rounded and takes its time. */
#define SAME_MOMENT_US ((int64_t)5 * 1000 * 1000)
/* A node that has started again begins with the milliseconds of its clock. */
enum { SAME_RUN_NUMBERS = 1000 };

static bool is_same_moment(int64_t one_us, int64_t other_us)
{
	return llabs(one_us - other_us) <= SAME_MOMENT_US;
}

static bool is_same_run(const struct report *before, const struct report *whole)
{
	return whole->seq - before->seq <= SAME_RUN_NUMBERS && is_same_moment(before->started_us, whole->started_us) &&
	       strcmp(before->agent, whole->agent) == 0;
}

/* A change can't say that a connection is no more, unless it is among those that have ended. */
static bool has_lost_links(const struct report *before, const struct report *whole)
{
	for (size_t i = 0; i < before->link_count; i++) {
		const struct nodeid *nodeid = &before->links[i].nodeid;
		if (report_find_link(whole, nodeid) == NULL && report_find_end(whole, nodeid) == NULL)
			return true;
	}
	return false;
}

/* ---- the facts ---- */

static bool same_refusals(const struct report *one, const struct report *other)
{
	bool same = one->refusal_count == other->refusal_count;
	for (size_t i = 0; same && i < one->refusal_count; i++)
		same = address_equals(&one->refusals[i].host, &other->refusals[i].host) &&
		       one->refusals[i].count == other->refusals[i].count;
	return same;
}

static bool same_doubles(const struct report *one, const struct report *other)
{
	bool same = one->double_count == other->double_count;
	for (size_t i = 0; same && i < one->double_count; i++)
		same = nodeid_equals(&one->doubles[i].nodeid, &other->doubles[i].nodeid) &&
		       address_equals(&one->doubles[i].one, &other->doubles[i].one) &&
		       address_equals(&one->doubles[i].other, &other->doubles[i].other);
	return same;
}

static bool same_tags(const struct report *one, const struct report *other)
{
	bool same = one->tag_count == other->tag_count;
	for (size_t i = 0; same && i < one->tag_count; i++)
		same = strcmp(one->tags[i], other->tags[i]) == 0;
	return same;
}

bool report_same_fact(const struct report *before, const struct report *whole, enum report_fact fact)
{
	switch (fact) {
	case FACT_NAME:
		return strcmp(before->name, whole->name) == 0;
	case FACT_ADDRESS:
		return address_equals(&before->address, &whole->address);
	case FACT_TAGS:
		return same_tags(before, whole);
	case FACT_SKEW:
		return before->skew_ms == whole->skew_ms;
	case FACT_STALLED:
		return before->stalled_us == whole->stalled_us &&
		       (whole->stalled_us == 0 || is_same_moment(before->stall_end_us, whole->stall_end_us));
	case FACT_LATE_PEERS:
		return before->late_peers == whole->late_peers;
	case FACT_DOUBLES:
		return same_doubles(before, whole);
	case FACT_REFUSALS:
		return same_refusals(before, whole);
	case REPORT_FACTS:
		break;
	}
	return false;
}

static void tell_facts(struct report *change, const struct report *before, const struct report *whole)
{
	for (int i = 0; i < REPORT_FACTS; i++)
		change->fact_seq[i] = report_same_fact(before, whole, (enum report_fact)i) ? 0 : whole->seq;
	memcpy(change->name, whole->name, sizeof change->name);
	change->address = whole->address;
	change->skew_ms = whole->skew_ms;
	change->stalled_us = whole->stalled_us;
	change->stall_end_us = whole->stall_end_us;
	change->late_peers = whole->late_peers;
	change->clock_us = whole->clock_us;
	change->read_us = whole->read_us;
	change->tag_count = whole->tag_count;
	memcpy(change->tags, whole->tags, whole->tag_count * sizeof *whole->tags);
	change->double_count = whole->double_count;
	memcpy(change->doubles, whole->doubles, whole->double_count * sizeof *whole->doubles);
	change->refusal_count = whole->refusal_count;
	memcpy(change->refusals, whole->refusals, whole->refusal_count * sizeof *whole->refusals);
}

/* ---- connections and failures ---- */

static void tell_links(struct report *change, const struct report *before, const struct report *whole)
{
	for (size_t i = 0; i < whole->link_count; i++) {
		const struct report_link *link = &whole->links[i], *known = report_find_link(before, &link->nodeid);
		if (known == NULL || known->rtt_us != link->rtt_us || known->is_dialled != link->is_dialled ||
		    (known->late_since_us < 0) != (link->late_since_us < 0))
			change->links[change->link_count++] = *link;
	}
}

static void tell_ends(struct report *change, const struct report *before, const struct report *whole)
{
	for (size_t i = 0; i < whole->end_count; i++) {
		const struct report_end *end = &whole->ends[i], *known = report_find_end(before, &end->nodeid);
		if (known == NULL || known->reason != end->reason || !is_same_moment(known->ended_us, end->ended_us))
			change->ends[change->end_count++] = *end;
	}
}

/* What fails no more is mended: a complete report does not have it. */
static void tell_failures(struct report *change, const struct report *before, const struct report *whole)
{
	for (size_t i = 0; i < whole->failure_count; i++) {
		const struct report_failure *failure = &whole->failures[i],
					    *known = report_find_failure(before, &failure->address);
		if (known == NULL || known->reason != failure->reason || known->tries != failure->tries ||
		    !nodeid_equals(&known->nodeid, &failure->nodeid))
			change->failures[change->failure_count++] = *failure;
	}
	for (size_t i = 0; i < before->failure_count; i++)
		if (report_find_failure(whole, &before->failures[i].address) == NULL)
			change->mended[change->mended_count++] =
				(struct report_mended){.address = before->failures[i].address, .seq = whole->seq};
}

/* ---- all of it ---- */

struct report *report_difference(const struct report *before, const struct report *whole)
{
	must(before->base == 0 && whole->base == 0 && before->seq < whole->seq);
	if (!is_same_run(before, whole) || has_lost_links(before, whole))
		return NULL;
	struct report *change = report_new(&(struct report_room){.tags = whole->tag_count,
								 .doubles = whole->double_count,
								 .refusals = whole->refusal_count,
								 .links = whole->link_count,
								 .ends = whole->end_count,
								 .failures = whole->failure_count,
								 .mended = before->failure_count});
	if (change == NULL)
		return NULL;
	change->nodeid = whole->nodeid;
	change->seq = whole->seq;
	change->base = change->floor = before->seq;
	change->hole = whole->seq - before->seq > 1 ? whole->seq : 0;
	tell_facts(change, before, whole);
	tell_links(change, before, whole);
	tell_ends(change, before, whole);
	tell_failures(change, before, whole);
	return change;
}
