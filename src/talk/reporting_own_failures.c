#include <stdlib.h>
#include <string.h>

#include "talk/reporting_priv.h"

/* ---- which are told ---- */

/* Does a report say that a node listens there? */
static bool is_of_a_node(const struct protocol *protocol, const struct address *address, const struct nodeid *nodeid)
{
	struct report *report = nodeid_is_none(nodeid) ? NULL : reports_find(protocol->reporting->reports, nodeid);
	bool is_there = report != NULL && address_equals(&report->address, address);
	report_release(report);
	return is_there;
}

bool reporting_is_worth(const struct protocol *protocol, const struct address *address, struct nodeid *nodeid,
			int64_t now_us)
{
	struct address_info info;
	bool is_known = address_book_look(protocol->parts.common.book, address, &info, now_us);
	if (is_known && nodeid_is_none(nodeid))
		*nodeid = info.nodeid;
	return (is_known && (info.is_bootstrap || info.reached_us != NEVER_US)) ||
	       is_of_a_node(protocol, address, nodeid);
}

/* What the address book knows of it now. False if it does not fail any more, or not for others to know. */
static bool look_up(struct look *look, struct noted_failure *failure)
{
	struct address_info info;
	failure->is_met = false;
	failure->reached_us = -1;
	bool fails = reporting_is_worth(look->protocol, &failure->address, &failure->nodeid, look->now_us);
	/* A feeler to a peer knows more than the connection that there is, but says nothing once that has ended. */
	if (failure->is_feeler)
		fails = fails && report_find_link(look->fresh, &failure->nodeid) != NULL;
	if (!address_book_look(look->protocol->parts.common.book, &failure->address, &info, look->now_us))
		return fails;
	bool was_reached = info.reached_us != NEVER_US;
	if (was_reached)
		failure->reached_us = info.reached_us;
	failure->is_met = info.is_bootstrap || was_reached;
	return fails && !(info.is_connected && !failure->is_feeler) &&
	       !(was_reached && info.reached_us >= failure->last_us);
}

/* What all others say of a node. */
struct rumour {
	bool is_linked;	 /* it is linked with one of them, or with this node */
	bool is_failing; /* one of them fails to reach it */
};

static struct rumour ask_around(const struct look *look, const struct reports_snapshot *others,
				const struct nodeid *nodeid)
{
	struct rumour rumour = {.is_linked = report_find_link(look->fresh, nodeid) != NULL};
	for (size_t i = 0; i < others->count && !(rumour.is_linked && rumour.is_failing); i++) {
		const struct report *report = others->entries[i].report;
		if (nodeid_equals(&report->nodeid, nodeid) || nodeid_equals(&report->nodeid, &look->fresh->nodeid))
			continue;
		rumour.is_linked = rumour.is_linked || report_find_link(report, nodeid) != NULL;
		rumour.is_failing = rumour.is_failing || report_fails_to_reach(report, nodeid);
	}
	return rumour;
}

/*
 * A node that is gone fails for everybody. One that says so is enough, and which one is a matter of chance.
 */
static bool may_tell(struct look *look, const struct noted_failure *failure, const struct reports_snapshot *others)
{
	bool is_told = look->before != NULL && report_find_failure(look->before, &failure->address) != NULL;
	struct rumour rumour = ask_around(look, others, &failure->nodeid);
	/* Not from this machine, but the node is connected all the same. */
	if (failure->is_here && report_find_link(look->fresh, &failure->nodeid) != NULL)
		return false;
	if (nodeid_is_none(&failure->nodeid) || rumour.is_linked || is_told)
		return true;
	if (look->now_us < failure->tell_us)
		look->next_us = clock_earlier(look->next_us, failure->tell_us);
	return look->now_us >= failure->tell_us && !rumour.is_failing;
}

/* It has failed for long enough, and more than once. */
static bool is_ripe(struct look *look, const struct noted_failure *failure)
{
	int64_t ripe_us = failure->since_us + REPORTING_FAILING_US;
	if (failure->tries < REPORTING_TRIES)
		return false;
	if (look->now_us < ripe_us)
		look->next_us = clock_earlier(look->next_us, ripe_us);
	return look->now_us >= ripe_us;
}

/* ---- what is said of them ---- */

/* Each try makes a difference, and nobody has to know of each. */
static bool is_same(const struct report_failure *told, const struct noted_failure *failure)
{
	const int64_t again_us = (int64_t)600 * 1000 * 1000;
	return told->reason == failure->reason && nodeid_equals(&told->nodeid, &failure->nodeid) &&
	       failure->tries / 2 < told->tries && failure->last_us - told->last_us < again_us;
}

static struct report_failure say(struct look *look, const struct noted_failure *failure)
{
	const struct report_failure *told =
		look->before == NULL ? NULL : report_find_failure(look->before, &failure->address);
	if (told != NULL && is_same(told, failure))
		return *told;
	return (struct report_failure){.address = failure->address,
				       .nodeid = failure->nodeid,
				       .seq = own_touch(look),
				       .since_us = failure->since_us,
				       .last_us = failure->last_us,
				       .reached_us = failure->reached_us,
				       .tries = failure->tries,
				       .reason = failure->reason};
}

static int compare_ages(const void *one, const void *other)
{
	const struct noted_failure *a = one, *b = other;
	return (a->since_us > b->since_us) - (a->since_us < b->since_us);
}

/* What was told, and is no failure any more. */
static void put_mended(struct look *look)
{
	const struct report *before = look->before;
	struct report *fresh = look->fresh;
	for (size_t i = 0; before != NULL && i < before->failure_count; i++) {
		const struct address *address = &before->failures[i].address;
		bool fails = false;
		for (size_t j = 0; j < fresh->failure_count && !fails; j++)
			fails = address_equals(&fresh->failures[j].address, address);
		if (!fails)
			fresh->mended[fresh->mended_count++] =
				(struct report_mended){.address = *address, .seq = own_touch(look)};
	}
	/* Those that fail again are left out when the report is put in order. */
	for (size_t i = 0; before != NULL && i < before->mended_count; i++)
		fresh->mended[fresh->mended_count++] = before->mended[i];
}

/* Those that are ripe and still fail, the longest first. */
static size_t gather(struct look *look)
{
	struct noted_failure *failures = look->noted.failures;
	size_t count = 0;
	for (size_t i = 0; i < look->noted.failure_count; i++)
		if (is_ripe(look, &failures[i]) && look_up(look, &failures[i]))
			failures[count++] = failures[i];
	if (count > 0)
		qsort(failures, count, sizeof *failures, compare_ages);
	return count;
}

/* Says those that are met, or the others, as far as there is room. */
static void put_some(struct look *look, size_t count, bool are_met, const struct reports_snapshot *others)
{
	struct report *fresh = look->fresh;
	for (size_t i = 0; i < count && fresh->failure_count < REPORT_FAILURES; i++) {
		const struct noted_failure *failure = &look->noted.failures[i];
		if (failure->is_met == are_met && may_tell(look, failure, others))
			fresh->failures[fresh->failure_count++] = say(look, failure);
	}
}

void own_put_failures(struct look *look)
{
	size_t count = gather(look);
	if (count > 0) {
		struct reports_snapshot others = reports_take_snapshot(look->protocol->reporting->reports);
		put_some(look, count, true, &others);
		put_some(look, count, false, &others);
		reports_release_snapshot(&others);
	}
	put_mended(look);
}
