#include <stdlib.h>
#include <string.h>

#include "talk/reporting_priv.h"

void own_fini(struct own *own)
{
	report_release(own->report);
	free(own->links);
}

int64_t own_touch(struct look *look)
{
	look->has_changed = true;
	return look->seq;
}

/* ---- the number ---- */

/*
 * The number of the next report: one more than that of the last, and more than others have of this node, perhaps of an
 * earlier run whose clock was ahead. The first one is the wall clock's.
 */
static int64_t next_seq(const struct reporting *reporting, const struct look *look)
{
	int64_t clock_us = reporting_clock_us(reporting, look->now_us);
	int64_t heard_seq = atomic_load(&reporting->heard_seq);
	int64_t seq = look->before != NULL ? look->before->seq + 1 : (clock_us < 0 ? look->now_us : clock_us) / 1000;
	if (seq <= heard_seq)
		seq = heard_seq + 1;
	return seq < 1 ? 1 : seq < REPORT_SEQ_MOST ? seq : REPORT_SEQ_MOST;
}

/* Others have a later report than the last one: a change of that does not fit theirs. */
static bool must_jump(const struct reporting *reporting, const struct look *look)
{
	return look->before != NULL && atomic_load(&reporting->heard_seq) >= look->before->seq;
}

/* ---- a look ---- */

static struct report *new_report(const struct look *look, size_t links)
{
	size_t ends = look->noted.end_count + links, mended = 0;
	size_t failures = look->noted.failure_count < REPORT_FAILURES ? look->noted.failure_count : REPORT_FAILURES;
	if (look->before != NULL) {
		ends += look->before->end_count + look->before->link_count;
		mended = look->before->mended_count + look->before->failure_count;
	}
	return report_new(&(struct report_room){.tags = REPORT_TAGS,
						.doubles = REPORT_DOUBLES,
						.refusals = REPORT_REFUSALS,
						.links = links,
						.ends = ends,
						.failures = failures,
						.mended = mended});
}

static void copy_entries(struct report *packed, const struct report *report)
{
	packed->tag_count = report->tag_count;
	packed->double_count = report->double_count;
	packed->refusal_count = report->refusal_count;
	packed->link_count = report->link_count;
	packed->end_count = report->end_count;
	packed->failure_count = report->failure_count;
	packed->mended_count = report->mended_count;
	memcpy(packed->tags, report->tags, report->tag_count * sizeof *report->tags);
	memcpy(packed->doubles, report->doubles, report->double_count * sizeof *report->doubles);
	memcpy(packed->refusals, report->refusals, report->refusal_count * sizeof *report->refusals);
	memcpy(packed->links, report->links, report->link_count * sizeof *report->links);
	memcpy(packed->ends, report->ends, report->end_count * sizeof *report->ends);
	memcpy(packed->failures, report->failures, report->failure_count * sizeof *report->failures);
	memcpy(packed->mended, report->mended, report->mended_count * sizeof *report->mended);
}

static void copy_facts(struct report *packed, const struct report *report)
{
	packed->nodeid = report->nodeid;
	packed->seq = report->seq;
	packed->floor = report->floor;
	packed->hole = report->hole;
	memcpy(packed->fact_seq, report->fact_seq, sizeof packed->fact_seq);
	memcpy(packed->name, report->name, sizeof packed->name);
	memcpy(packed->agent, report->agent, sizeof packed->agent);
	packed->address = report->address;
	packed->started_us = report->started_us;
	packed->skew_ms = report->skew_ms;
	packed->stalled_us = report->stalled_us;
	packed->stall_end_us = report->stall_end_us;
	packed->late_peers = report->late_peers;
}

/* The same in no more memory than it needs, since it is kept. NULL if there is no memory. */
static struct report *pack(const struct report *report)
{
	struct report *packed = report_new(&(struct report_room){.tags = report->tag_count,
								 .doubles = report->double_count,
								 .refusals = report->refusal_count,
								 .links = report->link_count,
								 .ends = report->end_count,
								 .failures = report->failure_count,
								 .mended = report->mended_count});
	if (packed == NULL)
		return NULL;
	copy_facts(packed, report);
	copy_entries(packed, report);
	return packed;
}

static void publish(struct look *look)
{
	struct reporting *reporting = look->protocol->reporting;
	struct report *packed = pack(look->fresh);
	/* Without memory this is tried again at the next look. */
	if (packed == NULL || !reports_set_own(reporting->reports, packed, look->now_us)) {
		report_release(packed);
		look->next_us = clock_earlier(look->next_us, look->now_us + REPORTING_FAILING_US);
		return;
	}
	report_release(look->own->report);
	look->own->report = packed;
}

static void fill(struct look *look, struct own_link *links, size_t count)
{
	struct report *fresh = look->fresh;
	const struct report *before = look->before;
	bool jumps = must_jump(look->protocol->reporting, look);
	fresh->nodeid = look->protocol->parts.self;
	fresh->seq = look->seq;
	fresh->floor = before == NULL ? look->seq : jumps ? before->seq : before->floor;
	fresh->hole = jumps ? look->seq : before == NULL ? 0 : before->hole;
	look->has_changed = before == NULL || jumps;
	own_put_links(look, links, count);
	own_put_ends(look);
	own_put_failures(look);
	own_put_facts(look, links, count);
	report_order(fresh);
	report_limit(fresh);
	if (look->has_changed)
		publish(look);
}

int64_t own_look(struct protocol *protocol, int64_t now_us)
{
	struct own *own = &protocol->reporting->own;
	struct look look = {.protocol = protocol,
			    .own = own,
			    .before = own->report,
			    .now_us = now_us,
			    .next_us = now_us + REPORTING_LOOK_US};
	struct own_link *links = NULL;
	size_t count = 0;
	if (own->started_us == 0)
		own->started_us = now_us;
	look.seq = next_seq(protocol->reporting, &look);
	/* In this order: what is no link any more has been noted. */
	if (own_gather_links(&look, &links, &count) &&
	    reporting_take_noted(protocol->reporting, links, count, &look.noted, now_us))
		look.fresh = new_report(&look, count);
	if (look.fresh != NULL) {
		fill(&look, links, count);
		free(own->links);
		own->links = links;
		own->link_count = count;
	} else {
		free(links);
		look.next_us = now_us + REPORTING_FAILING_US;
	}
	report_release(look.fresh);
	reporting_free_noted(&look.noted);
	return look.next_us;
}
