#include <string.h>

#include "base/must.h"
#include "wire/report_priv.h"

/* ---- what is told once for all: the facts ---- */

static void take_small_facts(struct report *result, const struct report *change)
{
	const int64_t *told = change->fact_seq;
	if (told[FACT_NAME] > 0)
		memcpy(result->name, change->name, sizeof result->name);
	if (told[FACT_ADDRESS] > 0)
		result->address = change->address;
	if (told[FACT_SKEW] > 0)
		result->skew_ms = change->skew_ms;
	if (told[FACT_STALLED] > 0) {
		result->stalled_us = change->stalled_us;
		result->stall_end_us = change->stall_end_us;
	}
	if (told[FACT_LATE_PEERS] > 0)
		result->late_peers = change->late_peers;
	if (change->clock_us >= 0) {
		result->clock_us = change->clock_us;
		result->read_us = change->read_us;
	}
}

/* Of the two, the one that has the list of this fact. */
static const struct report *teller(const struct report *whole, const struct report *change, enum report_fact fact)
{
	return change->fact_seq[fact] > 0 ? change : whole;
}

static void copy_lists(struct report *result, const struct report *tags, const struct report *doubles,
		       const struct report *refusals)
{
	result->tag_count = tags->tag_count;
	memcpy(result->tags, tags->tags, tags->tag_count * sizeof *tags->tags);
	result->double_count = doubles->double_count;
	memcpy(result->doubles, doubles->doubles, doubles->double_count * sizeof *doubles->doubles);
	result->refusal_count = refusals->refusal_count;
	memcpy(result->refusals, refusals->refusals, refusals->refusal_count * sizeof *refusals->refusals);
}

static void take_facts(struct report *result, const struct report *whole, const struct report *change)
{
	memcpy(result->name, whole->name, sizeof result->name);
	memcpy(result->agent, whole->agent, sizeof result->agent);
	result->address = whole->address;
	result->started_us = whole->started_us;
	result->clock_us = whole->clock_us;
	result->read_us = whole->read_us;
	result->skew_ms = whole->skew_ms;
	result->stalled_us = whole->stalled_us;
	result->stall_end_us = whole->stall_end_us;
	result->late_peers = whole->late_peers;
	take_small_facts(result, change);
	copy_lists(result, teller(whole, change, FACT_TAGS), teller(whole, change, FACT_DOUBLES),
		   teller(whole, change, FACT_REFUSALS));
	for (int i = 0; i < REPORT_FACTS; i++)
		result->fact_seq[i] = change->fact_seq[i] > 0 ? change->fact_seq[i] : whole->fact_seq[i];
}

/* ---- connections ---- */

/* Whose connection has ended; none if that can't be told. */
static struct nodeid whose_end(const struct report *whole, const struct report_end *end)
{
	const struct report_link *link;
	const struct report_end *before;
	if (!end->is_beginning)
		return end->nodeid;
	size_t links = report_count_links(whole, &end->nodeid, &link);
	if (links > 0)
		return links == 1 ? link->nodeid : nodeid_none;
	return report_count_ends(whole, &end->nodeid, &before) == 1 ? before->nodeid : nodeid_none;
}

/* The ends that the change tells. */
static void add_new_ends(struct report *result, const struct report *whole, const struct report *change)
{
	for (size_t i = 0; i < change->end_count; i++) {
		struct report_end end = change->ends[i];
		end.nodeid = whose_end(whole, &end);
		end.is_beginning = false;
		if (nodeid_is_none(&end.nodeid))
			continue;
		const struct report_link *link = report_find_link(whole, &end.nodeid);
		const struct report_end *before = report_find_end(whole, &end.nodeid);
		if (link != NULL)
			end.link_seq = link->seq;
		else
			end.link_seq = before != NULL ? before->link_seq : change->seq;
		result->ends[result->end_count++] = end;
	}
}

static void add_links(struct report *result, const struct report *whole, const struct report *change, size_t room)
{
	const struct report_link *old = whole->links, *new = change->links;
	const struct report_link *old_end = old + whole->link_count, *new_end = new + change->link_count;
	while (result->link_count < room && (old < old_end || new < new_end)) {
		int order = old == old_end ? 1 : new == new_end ? -1 : nodeid_compare(&old->nodeid, &new->nodeid);
		if (order >= 0)
			result->links[result->link_count++] = *new ++;
		else if (report_find_end(result, &old->nodeid) == NULL)
			result->links[result->link_count++] = *old;
		if (order <= 0)
			old++;
	}
}

static void add_old_ends(struct report *result, const struct report *whole, size_t new_count)
{
	struct report news = {.ends = result->ends, .end_count = new_count};
	for (size_t i = 0; i < whole->end_count; i++)
		if (report_find_end(&news, &whole->ends[i].nodeid) == NULL)
			result->ends[result->end_count++] = whole->ends[i];
}

/* ---- failures ---- */

static bool is_mended(const struct report *change, const struct address *address)
{
	for (size_t i = 0; i < change->mended_count; i++)
		if (address_equals(&change->mended[i].address, address))
			return true;
	return false;
}

static void add_failures(struct report *result, const struct report *whole, const struct report *change)
{
	memcpy(result->failures, change->failures, change->failure_count * sizeof *change->failures);
	result->failure_count = change->failure_count;
	for (size_t i = 0; i < whole->failure_count; i++) {
		const struct address *address = &whole->failures[i].address;
		if (report_find_failure(change, address) == NULL && !is_mended(change, address))
			result->failures[result->failure_count++] = whole->failures[i];
	}
	memcpy(result->mended, change->mended, change->mended_count * sizeof *change->mended);
	result->mended_count = change->mended_count;
	for (size_t i = 0; i < whole->mended_count; i++)
		if (!is_mended(change, &whole->mended[i].address))
			result->mended[result->mended_count++] = whole->mended[i];
}

/* ---- all of it ---- */

static size_t count_new_links(const struct report *whole, const struct report *change)
{
	size_t count = 0;
	for (size_t i = 0; i < change->link_count; i++)
		count += report_find_link(whole, &change->links[i].nodeid) == NULL;
	return count;
}

static struct report *new_for(const struct report *whole, const struct report *change)
{
	size_t links = whole->link_count + count_new_links(whole, change);
	return report_new(&(struct report_room){
		.tags = teller(whole, change, FACT_TAGS)->tag_count,
		.doubles = teller(whole, change, FACT_DOUBLES)->double_count,
		.refusals = teller(whole, change, FACT_REFUSALS)->refusal_count,
		.links = links < REPORT_LINKS ? links : REPORT_LINKS,
		.ends = whole->end_count + change->end_count,
		.failures = whole->failure_count + change->failure_count,
		.mended = whole->mended_count + change->mended_count,
	});
}

bool report_fits(const struct report *change, int64_t seq)
{
	return change->base == seq || (change->base < seq && seq >= change->hole);
}

struct report *report_apply(const struct report *whole, const struct report *change)
{
	must(whole->base == 0 && change->base > 0 && report_fits(change, whole->seq) && whole->seq < change->seq);
	struct report *result = new_for(whole, change);
	if (result == NULL)
		return NULL;
	result->nodeid = whole->nodeid;
	result->seq = change->seq;
	bool skips = change->hole > whole->seq;
	result->floor = skips ? whole->seq : whole->floor;
	result->hole = skips ? change->hole : whole->hole;
	take_facts(result, whole, change);
	add_new_ends(result, whole, change);
	report_order(result);
	add_links(result, whole, change, REPORT_LINKS);
	add_old_ends(result, whole, result->end_count);
	add_failures(result, whole, change);
	report_order(result);
	report_limit(result);
	return result;
}
