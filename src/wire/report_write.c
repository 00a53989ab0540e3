#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "wire/report_priv.h"
#include "wire/row.h"

/* What is less than this is written as 0. */
enum { LEAST_US = 500 };
/* A change that names ends leaves out a shorter age: one node of many that dies costs as many changes as pairs know it.
 */
enum { RECENT_US = 250 * 1000 };

struct writing {
	struct row row;
	const struct report *report;
	int64_t base; /* 0: all of it */
	int64_t now_us;
};

/* With milliseconds where they matter: for ten minutes. */
static void put_age(struct writing *writing, const char *key, int64_t moment_us)
{
	enum { MS_MATTER = 600 * 1000 };
	int64_t age_us = writing->now_us - moment_us;
	age_us = age_us < 0 ? 0 : age_us < REPORT_AGE_US ? age_us : REPORT_AGE_US;
	int64_t age_ms = (age_us + LEAST_US) / 1000;
	if (age_ms >= MS_MATTER)
		row_integer(&writing->row, key, (age_ms + 500) / 1000);
	else
		row_number(&writing->row, key, (double)age_ms / 1e3);
}

static bool is_due(const struct writing *writing, int64_t seq)
{
	return writing->base == 0 || seq > writing->base;
}

/* ---- facts ---- */

/* A complete report has what is there, a change what is new, even if nothing is there. */
static bool has_fact(const struct writing *writing, enum report_fact fact, bool is_there)
{
	return writing->base == 0 ? is_there : is_due(writing, writing->report->fact_seq[fact]);
}

static void put_tags(struct writing *writing)
{
	const struct report *report = writing->report;
	if (!has_fact(writing, FACT_TAGS, report->tag_count > 0))
		return;
	row_open_list(&writing->row, "tags");
	for (size_t i = 0; i < report->tag_count; i++)
		row_text(&writing->row, NULL, report->tags[i]);
	row_close_list(&writing->row);
}

static void put_stalled(struct writing *writing)
{
	const struct report *report = writing->report;
	bool was_stalled = report->stalled_us >= LEAST_US;
	if (!has_fact(writing, FACT_STALLED, was_stalled))
		return;
	if (!was_stalled) {
		row_null(&writing->row, "stalled");
		return;
	}
	row_open_list(&writing->row, "stalled");
	put_age(writing, NULL, writing->now_us - report->stalled_us);
	put_age(writing, NULL, report->stall_end_us);
	row_close_list(&writing->row);
}

static void put_doubles(struct writing *writing)
{
	const struct report *report = writing->report;
	struct row *row = &writing->row;
	if (!has_fact(writing, FACT_DOUBLES, report->double_count > 0))
		return;
	row_open_list(row, "doubles");
	for (size_t i = 0; i < report->double_count; i++) {
		row_open_list(row, NULL);
		row_nodeid(row, NULL, &report->doubles[i].nodeid);
		row_address(row, NULL, &report->doubles[i].one);
		row_address(row, NULL, &report->doubles[i].other);
		row_close_list(row);
	}
	row_close_list(row);
}

static void put_refusals(struct writing *writing)
{
	const struct report *report = writing->report;
	struct row *row = &writing->row;
	if (!has_fact(writing, FACT_REFUSALS, report->refusal_count > 0))
		return;
	row_open_list(row, "refusals");
	for (size_t i = 0; i < report->refusal_count; i++) {
		char host[ADDRESS_TEXT_BYTES];
		address_format_host(&report->refusals[i].host, host);
		row_open_list(row, NULL);
		row_text(row, NULL, host);
		row_integer(row, NULL, report->refusals[i].count);
		put_age(writing, NULL, report->refusals[i].since_us);
		put_age(writing, NULL, report->refusals[i].last_us);
		row_close_list(row);
	}
	row_close_list(row);
}

static void put_facts(struct writing *writing)
{
	const struct report *report = writing->report;
	struct row *row = &writing->row;
	if (has_fact(writing, FACT_NAME, report->name[0] != '\0'))
		row_text(row, "name", report->name);
	if (writing->base == 0 && report->agent[0] != '\0')
		row_text(row, "agent", report->agent);
	if (has_fact(writing, FACT_ADDRESS, address_is_known(&report->address)))
		row_address(row, "address", &report->address);
	if (writing->base == 0)
		put_age(writing, "up_s", report->started_us);
	put_tags(writing);
	if (has_fact(writing, FACT_SKEW, report->skew_ms != 0))
		row_integer(row, "skew_ms", report->skew_ms);
	put_stalled(writing);
	if (has_fact(writing, FACT_LATE_PEERS, report->late_peers > 0))
		row_integer(row, "late", report->late_peers);
	put_doubles(writing);
	put_refusals(writing);
}

/* ---- connections and failures ---- */

/* A list is opened with its first entry, and entries follow it. */
static void open_entry(struct writing *writing, const char *key, bool *is_open)
{
	if (!*is_open)
		row_open_list(&writing->row, key);
	*is_open = true;
	row_open_list(&writing->row, NULL);
}

static void close_list(struct writing *writing, bool is_open)
{
	if (is_open)
		row_close_list(&writing->row);
}

static void put_links(struct writing *writing)
{
	struct row *row = &writing->row;
	bool is_open = false;
	for (size_t i = 0; i < writing->report->link_count; i++) {
		const struct report_link *link = &writing->report->links[i];
		if (!is_due(writing, link->seq))
			continue;
		open_entry(writing, "links", &is_open);
		row_nodeid(row, NULL, &link->nodeid);
		if (link->rtt_us < 0)
			row_null(row, NULL);
		else
			row_integer(row, NULL, link->rtt_us);
		row_integer(row, NULL, link->is_dialled);
		if (link->late_since_us >= 0)
			put_age(writing, NULL, link->late_since_us);
		row_close_list(row);
	}
	close_list(writing, is_open);
}

/*
 * The first digits are enough if the receiver has the link, as it has with that base, and nobody else who is linked
 * now, or was since then, has the same ones.
 */
static bool is_short(const struct writing *writing, const struct report_end *end)
{
	struct nodeid prefix = report_prefix(&end->nodeid);
	const struct report_link *link;
	const struct report_end *other;
	if (end->is_beginning)
		return true;
	return writing->base > 0 && end->link_seq <= writing->base && !nodeid_is_none(&prefix) &&
	       report_count_links(writing->report, &prefix, &link) == 0 &&
	       report_count_ends(writing->report, &prefix, &other) == 1;
}

static void put_ends(struct writing *writing)
{
	struct row *row = &writing->row;
	bool is_open = false;
	for (size_t i = 0; i < writing->report->end_count; i++) {
		const struct report_end *end = &writing->report->ends[i];
		char nodeid[NODEID_TEXT_BYTES];
		if (!is_due(writing, end->seq))
			continue;
		nodeid_format(&end->nodeid, nodeid);
		if (is_short(writing, end))
			nodeid[REPORT_PREFIX_DIGITS] = '\0';
		open_entry(writing, "drop", &is_open);
		row_text(row, NULL, nodeid);
		row_text(row, NULL, report_reason_name(end->reason));
		if (writing->now_us - end->ended_us >= (writing->base != 0 ? RECENT_US : LEAST_US))
			put_age(writing, NULL, end->ended_us);
		row_close_list(row);
	}
	close_list(writing, is_open);
}

static void put_failures(struct writing *writing)
{
	struct row *row = &writing->row;
	bool is_open = false;
	for (size_t i = 0; i < writing->report->failure_count; i++) {
		const struct report_failure *failure = &writing->report->failures[i];
		if (!is_due(writing, failure->seq))
			continue;
		open_entry(writing, "failing", &is_open);
		row_address(row, NULL, &failure->address);
		row_nodeid(row, NULL, &failure->nodeid);
		row_text(row, NULL, report_reason_name(failure->reason));
		row_integer(row, NULL, failure->tries);
		put_age(writing, NULL, failure->since_us);
		put_age(writing, NULL, failure->last_us);
		if (failure->reached_us < 0)
			row_null(row, NULL);
		else
			put_age(writing, NULL, failure->reached_us);
		row_close_list(row);
	}
	close_list(writing, is_open);
}

/* A complete report has no address that is reached. */
static void put_mended(struct writing *writing)
{
	bool is_open = false;
	for (size_t i = 0; writing->base > 0 && i < writing->report->mended_count; i++) {
		const struct report_mended *mended = &writing->report->mended[i];
		if (!is_due(writing, mended->seq))
			continue;
		if (!is_open)
			row_open_list(&writing->row, "mended");
		is_open = true;
		row_address(&writing->row, NULL, &mended->address);
	}
	close_list(writing, is_open);
}

/* ---- all of it ---- */

/* The states between floor and the hole were never known: from there nothing can be told. */
static bool can_tell_since(const struct report *report, int64_t base)
{
	return base > 0 && base < report->seq &&
	       (base == report->floor || (base > report->floor && base >= report->hole));
}

bool report_write(const struct report *report, const struct report_words *words, struct buffer *out)
{
	int64_t base = report->base > 0 ? report->base : words->base;
	bool is_change = can_tell_since(report, base);
	must(is_change || report->base == 0);
	struct writing writing = {.row = row_begin(out, "report"),
				  .report = report,
				  .base = is_change ? base : 0,
				  .now_us = words->now_us};
	if (!words->is_own)
		row_nodeid(&writing.row, "nodeid", &report->nodeid);
	row_integer(&writing.row, "seq", report->seq);
	if (is_change && base != report->seq - 1)
		row_integer(&writing.row, "base", base);
	if (is_change && base < report->hole)
		row_integer(&writing.row, "hole", report->hole);
	put_facts(&writing);
	if (!is_change && words->is_own && words->clock_us >= 0)
		row_integer(&writing.row, "time", words->clock_us / 1000);
	put_links(&writing);
	put_ends(&writing);
	put_failures(&writing);
	put_mended(&writing);
	return row_end(&writing.row);
}
