/*
 * What one node is told about another, and passes on: a complete report, changes of it, and changes of those. The input
 * is lines of `report`; the first complete one is what is known, and each change that fits is applied to it, as is what
 * a later complete one changes. What comes
 * of that is within its limits, is written and read again as the same, and can be told as a change to whoever knows one
 * of the reports before.
 */
#include "fuzz.h"

#include <string.h>

#include "base/must.h"
#include "base/text.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"
#include "wire/report.h"

enum { KEPT = 4 };

static const int64_t now_us = INT64_C(1000) * 3600 * 1000 * 1000;

/* What is known now, and what was before, the youngest first. */
struct known {
	struct report *reports[KEPT];
	size_t count;
	bool was_full; /* something was left out, so that who knows another report may keep something else */
};

static void write_report(const struct report *report, int64_t base, struct buffer *line)
{
	struct report_words words = {.base = base,
				     .now_us = now_us,
				     .clock_us = report->clock_us,
				     .is_own = nodeid_is_none(&report->nodeid)};
	must(report_write(report, &words, line));
	must(memchr(buffer_content(line), '\n', buffer_length(line)) == buffer_content(line) + buffer_length(line) - 1);
	must(buffer_length(line) <= FRAME_LINE_BYTES);
	must(json_count_values(buffer_content(line), buffer_length(line)) <= MESSAGE_JSON_VALUES);
}

static struct report *read_report(const char *line, size_t length)
{
	struct message message;
	struct problem problem;
	struct report *report = NULL;
	if (!message_decode(line, length, now_us, &message, &problem))
		return NULL;
	if (message.type == MESSAGE_REPORT)
		report = report_hold(message.report);
	message_fini(&message);
	return report;
}

static void check_same(const struct report *one, const struct report *other)
{
	struct buffer first = {0}, second = {0};
	write_report(one, 0, &first);
	write_report(other, 0, &second);
	must(buffer_length(&first) == buffer_length(&second) &&
	     memcmp(buffer_content(&first), buffer_content(&second), buffer_length(&first)) == 0);
	buffer_fini(&first);
	buffer_fini(&second);
}

static struct report *sent(const struct report *report, int64_t base)
{
	struct buffer line = {0};
	write_report(report, base, &line);
	struct report *read = read_report(buffer_content(&line), buffer_length(&line) - 1);
	must(read != NULL);
	buffer_fini(&line);
	return read;
}

/* ---- what holds for every report ---- */

static void check_numbers(const struct report *report)
{
	must(report->seq >= 1 && report->seq <= REPORT_SEQ_MOST);
	must(report->floor >= 1 && report->floor <= report->seq && report->base < report->seq);
	must(report->hole == 0 || (report->hole > report->base && report->hole <= report->seq));
	must(text_is_plain(report->name, strlen(report->name)) && text_is_plain(report->agent, strlen(report->agent)));
	must(report->tag_count <= REPORT_TAGS && report->double_count <= REPORT_DOUBLES &&
	     report->refusal_count <= REPORT_REFUSALS);
	must(report->link_count <= REPORT_LINKS && report->end_count <= REPORT_ENDS &&
	     report->failure_count <= REPORT_FAILURES && report->mended_count <= REPORT_MENDED);
	for (int i = 0; i < REPORT_FACTS; i++)
		must(report->fact_seq[i] <= report->seq);
}

static void check_entries(const struct report *report)
{
	for (size_t i = 0; i < report->link_count; i++) {
		const struct report_link *link = &report->links[i];
		must(!nodeid_is_none(&link->nodeid) && link->seq <= report->seq && link->late_since_us <= now_us);
		must(i == 0 || nodeid_compare(&link[-1].nodeid, &link->nodeid) < 0);
	}
	for (size_t i = 0; i < report->end_count; i++) {
		const struct report_end *end = &report->ends[i];
		must(!nodeid_is_none(&end->nodeid) && end->seq <= report->seq && end->link_seq <= report->seq);
		must(end->reason < REASONS && end->ended_us <= now_us && (report->base > 0 || !end->is_beginning));
		must(i == 0 || nodeid_compare(&end[-1].nodeid, &end->nodeid) < 0);
		must(report_find_link(report, &end->nodeid) == NULL);
	}
	for (size_t i = 0; i < report->failure_count; i++) {
		const struct report_failure *failure = &report->failures[i];
		must(failure->seq <= report->seq && failure->reason < REASONS && failure->tries > 0);
		must(failure->since_us <= failure->last_us && failure->last_us <= now_us);
		must(i == 0 || address_compare(&failure[-1].address, &failure->address) < 0);
	}
	for (size_t i = 0; i < report->mended_count; i++) {
		must(report->mended[i].seq <= report->seq);
		must(report_find_failure(report, &report->mended[i].address) == NULL);
	}
}

static void check_report(const struct report *report)
{
	check_numbers(report);
	check_entries(report);
}

/* ---- what is known ---- */

static void forget(struct known *known)
{
	for (size_t i = 0; i < known->count; i++)
		report_release(known->reports[i]);
	*known = (struct known){0};
}

static bool is_full(const struct report *report)
{
	return report->link_count == REPORT_LINKS || report->failure_count == REPORT_FAILURES;
}

static void add(struct known *known, struct report *report)
{
	struct report *again = sent(report, 0);
	check_report(report);
	check_same(report, again);
	report_release(again);
	if (known->count == KEPT)
		report_release(known->reports[--known->count]);
	memmove(&known->reports[1], &known->reports[0], known->count * sizeof *known->reports);
	known->reports[0] = report;
	known->count++;
	known->was_full = known->was_full || is_full(report);
}

/* Who knows an older one is told what has changed since. */
static void tell(const struct known *known)
{
	const struct report *last = known->reports[0];
	for (size_t i = 1; i < known->count; i++) {
		const struct report *before = known->reports[i];
		struct report *told = sent(last, before->seq);
		check_report(told);
		must((told->base != 0) == (last->floor <= before->seq));
		if (told->base != 0) {
			must(report_fits(told, before->seq));
			struct report *result = report_apply(before, told);
			must(result != NULL);
			/* Only a complete report tells it. */
			result->clock_us = last->clock_us;
			check_report(result);
			if (!known->was_full)
				check_same(result, last);
			report_release(result);
		}
		report_release(told);
	}
}

static void apply(struct known *known, const struct report *change)
{
	const struct report *last = known->reports[0];
	struct report *result = report_apply(last, change);
	must(result != NULL && result->seq == change->seq && nodeid_equals(&result->nodeid, &last->nodeid));
	add(known, result);
	tell(known);
}

/* Another complete one is told as what it changes, if it can be. */
static void hear_complete(struct known *known, struct report *report)
{
	const struct report *last = known->count > 0 ? known->reports[0] : NULL;
	bool is_later = last != NULL && last->seq < report->seq && nodeid_equals(&last->nodeid, &report->nodeid);
	struct report *change = is_later ? report_difference(last, report) : NULL;
	if (change == NULL) {
		forget(known);
		add(known, report_hold(report));
		return;
	}
	check_report(change);
	apply(known, change);
	report_release(change);
}

static void hear(struct known *known, struct report *report)
{
	const struct report *last = known->count > 0 ? known->reports[0] : NULL;
	check_report(report);
	if (report->base == 0)
		hear_complete(known, report);
	else if (last != NULL && last->seq < report->seq && report_fits(report, last->seq))
		apply(known, report);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *at = (const char *)bytes, *end = at + length;
	struct known known = {0};
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		const char *line_end = lf == NULL ? end : lf;
		struct report *report =
			line_end - at < FRAME_LINE_BYTES ? read_report(at, (size_t)(line_end - at)) : NULL;
		if (report != NULL)
			hear(&known, report);
		report_release(report);
		at = lf == NULL ? end : lf + 1;
	}
	forget(&known);
	return 0;
}
