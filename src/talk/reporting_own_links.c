#include <stdlib.h>
#include <string.h>

#include "talk/reporting_priv.h"
#include "talk/silence_priv.h"

/* ---- which connections there are ---- */

static struct own_link link_of(const struct peer_info *info)
{
	return (struct own_link){.nodeid = info->nodeid,
				 .off_since_us = -1,
				 .rtt_us = info->usual_rtt_us,
				 .late_us = info->late_us,
				 .is_dialled = info->direction == PEER_OUTBOUND};
}

/* Both begin with a nodeid. */
static int compare(const void *one, const void *other)
{
	return nodeid_compare(one, other);
}

const struct own_link *own_find_link(const struct own_link *links, size_t count, const struct nodeid *nodeid)
{
	return count == 0 ? NULL : bsearch(nodeid, links, count, sizeof *links, compare);
}

/* Of two connections of a pair one is about to end. */
static size_t unite(struct own_link *links, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !nodeid_equals(&links[kept - 1].nodeid, &links[i].nodeid))
			links[kept++] = links[i];
		else if (links[kept - 1].late_us > links[i].late_us)
			links[kept - 1] = links[i];
	return kept;
}

bool own_gather_links(struct look *look, struct own_link **links, size_t *count)
{
	struct registry *registry = look->protocol->parts.common.registry;
	struct registry_counts counts = registry_count(registry);
	struct registry_visit all = {.registry = registry};
	struct peer *peer;
	size_t room = counts.connections < REPORT_LINKS ? counts.connections : REPORT_LINKS, found = 0;
	*links = malloc((room + 1) * sizeof **links);
	while (*links != NULL && (peer = registry_visit_next(&all)) != NULL) {
		struct peer_info info = peer_look(peer, look->now_us);
		if (info.state == PEER_READY && found < room && !atomic_load(&peer_reports(peer)->has_ended))
			(*links)[found++] = link_of(&info);
	}
	if (*links != NULL && found > 0) {
		qsort(*links, found, sizeof **links, compare);
		found = unite(*links, found);
	}
	*count = found;
	return *links != NULL;
}

/* ---- what is said of them ---- */

/* By its own report, the far end misses this node. */
static bool misses_this_node(const struct look *look, const struct nodeid *nodeid)
{
	struct report *report = reports_find(look->protocol->reporting->reports, nodeid);
	const struct report_link *link = report == NULL ? NULL : report_find_link(report, &look->protocol->parts.self);
	bool misses = link != NULL && link->late_since_us >= 0;
	report_release(report);
	return misses;
}

static bool has_told_of_a_late_one(const struct look *look)
{
	for (size_t i = 0; look->before != NULL && i < look->before->link_count; i++)
		if (look->before->links[i].late_since_us >= 0)
			return true;
	return false;
}

/* So much silence is told of. */
static int64_t told_after_us(const struct look *look, const struct own_link *link)
{
	int64_t silent_after_us = look->protocol->parts.common.settings->silent_after_us;
	struct suspicion suspicion;
	bool is_heard = silence_look(look->protocol, &link->nodeid, &suspicion) &&
			suspicion.heard_us >= look->now_us - link->late_us + REPORTING_HEARD_US;
	if (misses_this_node(look, &link->nodeid) || has_told_of_a_late_one(look))
		return 0;
	return is_heard ? reporting_missed_us(look->protocol) : silent_after_us + REPORTING_LATE_US;
}

/* It has been late for so long that others are told. */
static bool is_late(struct look *look, const struct own_link *link)
{
	if (link->late_us < 0)
		return false;
	int64_t left_us = told_after_us(look, link) - link->late_us;
	if (left_us > REPORTING_HEARD_LOOK_US)
		left_us = REPORTING_HEARD_LOOK_US;
	if (left_us > 0)
		look->next_us = clock_earlier(look->next_us, look->now_us + left_us);
	return left_us <= 0;
}

/* The round trip is off by half, and more than anybody minds. */
static bool is_off(int64_t rtt_us, int64_t told_us)
{
	int64_t difference_us = rtt_us > told_us ? rtt_us - told_us : told_us - rtt_us;
	if (rtt_us < 0 || told_us < 0)
		return rtt_us >= 0;
	return difference_us > told_us / 2 && difference_us > REPORTING_RTT_LEAST_US;
}

/* The first one does, and one that people would notice. */
static bool matters(int64_t rtt_us, int64_t told_us)
{
	return told_us < 0 || rtt_us - told_us > REPORTING_RTT_MATTERS_US ||
	       told_us - rtt_us > REPORTING_RTT_MATTERS_US;
}

/* Has it been off for long enough? A look every now and then is enough to see it. */
static bool is_rtt_due(struct look *look, struct own_link *link, int64_t told_us)
{
	/* Several in a row that are much shorter have made it usual. */
	bool has_fallen = told_us - link->rtt_us > REPORTING_RTT_MATTERS_US;
	int64_t wait_us = has_fallen ? 0 : told_us < 0 ? REPORTING_FIRST_RTT_US : REPORTING_RTT_US;
	const struct own_link *last = own_find_link(look->own->links, look->own->link_count, &link->nodeid);
	if (!is_off(link->rtt_us, told_us))
		return false;
	link->off_since_us = last != NULL && last->off_since_us >= 0 ? last->off_since_us : look->now_us;
	int64_t due_us = link->off_since_us + wait_us;
	if (due_us < look->own->rtt_paid_us && !matters(link->rtt_us, told_us))
		due_us = look->own->rtt_paid_us;
	if (look->now_us < due_us)
		look->next_us = clock_earlier(look->next_us, due_us);
	else
		look->rtt_count++;
	return look->now_us >= due_us;
}

/* What is told of round trips has to be paid before the next ones are told. */
static void pay_for_rtts(struct look *look)
{
	enum { MESSAGE = 80, ENTRY = 48 };
	size_t bytes, count = reports_count(look->protocol->reporting->reports, &bytes);
	if (look->rtt_count == 0)
		return;
	double cost = (double)((MESSAGE + ENTRY * look->rtt_count) * count);
	look->own->rtt_paid_us = look->now_us + (int64_t)(cost / REPORTING_RTT_BYTES_PER_S * 1e6);
}

static int32_t rtt_of(const struct own_link *link)
{
	return link->rtt_us < INT32_MAX ? (int32_t)link->rtt_us : INT32_MAX;
}

/* Nodes that have just met are busy with that: what is measured then need not be corrected at once. */
static void note_first_rtt(struct look *look)
{
	int64_t settled_us = look->now_us + REPORTING_SETTLE_US;
	if (look->own->rtt_paid_us < settled_us)
		look->own->rtt_paid_us = settled_us;
}

static struct report_link say(struct look *look, struct own_link *link)
{
	const struct report_link *told = look->before == NULL ? NULL : report_find_link(look->before, &link->nodeid);
	bool late = is_late(look, link);
	bool is_same = told != NULL && told->is_dialled == link->is_dialled && late == (told->late_since_us >= 0) &&
		       !is_rtt_due(look, link, told->rtt_us);
	if (is_same)
		return *told;
	link->off_since_us = -1;
	if (link->rtt_us >= 0 && (told == NULL || told->rtt_us < 0))
		note_first_rtt(look);
	return (struct report_link){.nodeid = link->nodeid,
				    .seq = own_touch(look),
				    .late_since_us = late ? look->now_us - link->late_us : -1,
				    .rtt_us = rtt_of(link),
				    .is_dialled = link->is_dialled};
}

/* If something is told anyway, first round trips go with it. */
static void say_first_rtts(struct look *look, const struct own_link *links, size_t count)
{
	struct report *fresh = look->fresh;
	for (size_t i = 0; i < count; i++)
		if (fresh->links[i].rtt_us < 0 && links[i].rtt_us >= 0) {
			fresh->links[i].rtt_us = rtt_of(&links[i]);
			fresh->links[i].seq = own_touch(look);
			note_first_rtt(look);
		}
}

void own_put_links(struct look *look, struct own_link *links, size_t count)
{
	struct report *fresh = look->fresh;
	for (size_t i = 0; i < count; i++)
		fresh->links[fresh->link_count++] = say(look, &links[i]);
	pay_for_rtts(look);
	if (look->has_changed)
		say_first_rtts(look, links, count);
}

/* ---- those that have ended ---- */

/* What the report before had of that node. */
static int64_t last_link_seq(const struct look *look, const struct nodeid *nodeid)
{
	const struct report_link *link = look->before == NULL ? NULL : report_find_link(look->before, nodeid);
	const struct report_end *end = look->before == NULL ? NULL : report_find_end(look->before, nodeid);
	return link != NULL ? link->seq : end != NULL ? end->link_seq : look->seq;
}

static void add_end(struct look *look, const struct noted_end *end)
{
	struct report *fresh = look->fresh;
	fresh->ends[fresh->end_count++] = (struct report_end){.nodeid = end->nodeid,
							      .seq = own_touch(look),
							      .link_seq = last_link_seq(look, &end->nodeid),
							      .ended_us = end->ended_us,
							      .reason = end->reason};
}

static bool is_noted(const struct look *look, const struct nodeid *nodeid)
{
	for (size_t i = 0; i < look->noted.end_count; i++)
		if (nodeid_equals(&look->noted.ends[i].nodeid, nodeid))
			return true;
	return false;
}

/* Keeps it until it is old; a report from which it would be missing can't be told changes of earlier ones. */
static void keep_end(struct look *look, const struct report_end *end)
{
	struct report *fresh = look->fresh;
	if (look->now_us - end->ended_us < look->protocol->parts.common.settings->forget_after_us)
		fresh->ends[fresh->end_count++] = *end;
	else if (fresh->floor < end->seq)
		fresh->floor = end->seq;
}

void own_put_ends(struct look *look)
{
	const struct report *before = look->before;
	for (size_t i = 0; i < look->noted.end_count; i++)
		if (report_find_link(look->fresh, &look->noted.ends[i].nodeid) == NULL)
			add_end(look, &look->noted.ends[i]);
	for (size_t i = 0; before != NULL && i < before->end_count; i++)
		if (report_find_link(look->fresh, &before->ends[i].nodeid) == NULL &&
		    !is_noted(look, &before->ends[i].nodeid))
			keep_end(look, &before->ends[i]);
	/* There were more at once than are noted. */
	for (size_t i = 0; before != NULL && i < before->link_count; i++) {
		struct noted_end end = {
			.nodeid = before->links[i].nodeid, .ended_us = look->now_us, .reason = REASON_OTHER};
		if (report_find_link(look->fresh, &end.nodeid) == NULL && !is_noted(look, &end.nodeid))
			add_end(look, &end);
	}
}
