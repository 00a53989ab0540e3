#include "mesh/reports_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

/* In milliseconds: a hundred years, and the moment at which the year 2026 began. */
#define BELIEVED_AHEAD (INT64_C(100) * 365 * 24 * 3600 * 1000)
#define YEAR_2026 INT64_C(1767225600000)

static void enter(struct reports *reports) ACQUIRES(reports_guard) UNCHECKED
{
	mutex_lock(&reports->mutex);
}

static void leave(struct reports *reports) RELEASES(reports_guard) UNCHECKED
{
	mutex_unlock(&reports->mutex);
}

struct reports *reports_new(const struct settings *settings, const struct nodeid *self) UNCHECKED
{
	struct reports *reports = calloc(1, sizeof *reports);
	if (reports == NULL)
		return NULL;
	reports->settings = settings;
	reports->self = *self;
	mutex_init(&reports->mutex);
	return reports;
}

void reports_free(struct reports *reports) UNCHECKED
{
	struct teller *teller, *next;
	if (reports == NULL)
		return;
	for (size_t i = 0; i < reports->count; i++) {
		report_release(reports->places[i].entry->report);
		free(reports->places[i].entry);
	}
	teller = reports->tellers;
	HASH_CLEAR(hh, reports->tellers);
	for (; teller != NULL; teller = next) {
		next = teller->hh.next;
		free(teller);
	}
	mutex_fini(&reports->mutex);
	free(reports->places);
	free(reports->introduced);
	free(reports);
}

/* ---- what is told ---- */

/* Can a node have this number? */
static bool is_believed(int64_t seq, bool is_own_word, int64_t clock_us)
{
	int64_t clock_ms = clock_us / 1000, now_ms = clock_ms > YEAR_2026 ? clock_ms : YEAR_2026;
	return seq <= REPORT_SEQ_MOST && seq - BELIEVED_AHEAD * (is_own_word ? 2 : 1) <= now_ms;
}

/* 0 for none. */
static int64_t seq_of(const struct entry *entry)
{
	return entry == NULL ? 0 : entry->report->seq;
}

/* Its node says itself what it is, and others have told the same number, or a higher one. */
static bool is_correction(const struct entry *entry, const struct report *report, const struct reports_teller *teller)
{
	return entry != NULL && teller->is_origin && !entry->is_own_word && report->seq <= entry->report->seq;
}

/* What comes of a report that is not to be kept; REPORTS_TAKEN for one that may be. */
static enum reports_outcome judge(struct reports *reports, const struct report *report,
				  const struct reports_teller *teller, const struct entry *entry)
	REQUIRES(reports_guard)
{
	int64_t own = reports->own == NULL ? 0 : reports->own->report->seq, known = seq_of(entry);
	bool is_self = nodeid_equals(&report->nodeid, &reports->self);
	if (reports->settings->max_nodes == 0 || nodeid_is_none(&report->nodeid))
		return REPORTS_REFUSED;
	if (is_correction(entry, report, teller) && !is_self)
		return report->base > 0 ? REPORTS_GAP : REPORTS_TAKEN;
	if (report->seq <= (is_self ? own : known))
		return REPORTS_OLD;
	if (!is_believed(report->seq, teller->is_origin, teller->clock_us))
		return REPORTS_REFUSED;
	if (is_self)
		return REPORTS_SELF;
	if (teller->origin_is_peer && !teller->is_origin)
		return REPORTS_EARLY;
	return report->base > 0 && !report_fits(report, known) ? REPORTS_GAP : REPORTS_TAKEN;
}

/* The complete report that comes of this one, held; NULL if there is no memory. What is the same as before keeps its
 * numbers: only what has changed is passed on. */
static struct report *complete(const struct report *before, struct report *report)
{
	struct report *whole, *change;
	if (before != NULL && report->base > 0)
		return report_apply(before, report);
	change = before == NULL ? NULL : report_difference(before, report);
	if (change == NULL)
		return report_hold(report);
	whole = report_apply(before, change);
	report_release(change);
	return whole;
}

enum reports_outcome reports_take(struct reports *reports, struct report *report, const struct reports_teller *teller,
				  struct report **current, int64_t *before)
{
	struct report *whole = NULL;
	if (teller->is_origin)
		report->nodeid = teller->nodeid;
	enter(reports);
	struct entry *entry = reports_find_entry(reports, &report->nodeid);
	int64_t known = seq_of(entry);
	enum reports_outcome outcome = judge(reports, report, teller, entry);
	if (outcome == REPORTS_TAKEN) {
		bool is_fresh = entry == NULL || is_correction(entry, report, teller);
		whole = complete(is_fresh ? NULL : entry->report, report);
		if (whole != NULL && !reports_make_room(reports, whole, entry))
			outcome = REPORTS_REFUSED;
		else if (whole == NULL || reports_keep(reports, whole, teller) == NULL)
			outcome = REPORTS_NO_MEMORY;
		else
			reports_drop_introduced(reports, &whole->nodeid);
	}
	leave(reports);
	if (outcome != REPORTS_TAKEN) {
		report_release(whole);
		whole = NULL;
	}
	report_release(report);
	*current = whole;
	*before = known;
	return outcome;
}

bool reports_set_own(struct reports *reports, struct report *report, int64_t now_us)
{
	struct reports_teller from = {.nodeid = reports->self, .now_us = now_us};
	must(nodeid_equals(&report->nodeid, &reports->self) && report->base == 0);
	enter(reports);
	reports_make_room(reports, report, reports->own);
	struct entry *entry = reports_keep(reports, report, &from);
	if (entry != NULL)
		reports->own = entry;
	leave(reports);
	return entry != NULL;
}

void reports_forget(struct reports *reports, const struct nodeid *nodeid)
{
	enter(reports);
	struct entry *entry = reports_find_entry(reports, nodeid);
	if (entry != NULL && entry != reports->own)
		reports_drop_entry(reports, nodeid);
	leave(reports);
}

void reports_introduce(struct reports *reports, const struct reports_introduced *introduced)
{
	enter(reports);
	if (reports_find_entry(reports, &introduced->nodeid) == NULL)
		reports_add_introduced(reports, introduced);
	leave(reports);
}

/* Is it to be forgotten? */
static bool note_reach(struct reports *reports, struct entry *entry, bool is_reached, bool is_gone, int64_t now_us)
	REQUIRES(reports_guard)
{
	bool was_reached = entry->is_reached;
	entry->is_reached = is_reached;
	entry->is_old = entry->is_old || (is_gone && entry->reached_us >= 0);
	/* Of one that is old and back, when it came back stays. */
	if (entry->is_old && was_reached && is_reached)
		entry->is_old = now_us - entry->reached_us < REPORTS_OLD_US;
	/* Nobody looked in between: it was within reach until just now. */
	else if (was_reached || is_reached)
		entry->reached_us = now_us;
	int64_t last_us = entry->reached_us >= 0 ? entry->reached_us : entry->heard_us;
	return entry != reports->own && now_us - last_us > reports->settings->forget_after_us;
}

void reports_expire(struct reports *reports, const struct reports_sight *seen, size_t count, int64_t now_us)
{
	size_t kept = 0, next = 0;
	enter(reports);
	for (size_t i = 0; i < reports->count; i++) {
		struct place place = reports->places[i];
		while (next < count && nodeid_compare(&seen[next].nodeid, &place.nodeid) < 0)
			next++;
		bool is_seen = next < count && nodeid_equals(&seen[next].nodeid, &place.nodeid);
		bool is_reached = is_seen && !seen[next].is_gone;
		bool is_gone = is_seen && seen[next].is_gone;
		if (note_reach(reports, place.entry, is_reached, is_gone, now_us))
			reports_free_entry(reports, place.entry);
		else
			reports->places[kept++] = place;
	}
	reports->count = kept;
	reports_make_room(reports, NULL, NULL);
	leave(reports);
}

/* ---- what is known ---- */

struct report *reports_find(struct reports *reports, const struct nodeid *nodeid)
{
	enter(reports);
	struct entry *entry = reports_find_entry(reports, nodeid);
	struct report *report = entry == NULL ? NULL : report_hold(entry->report);
	leave(reports);
	return report;
}

int64_t reports_seq(struct reports *reports, const struct nodeid *nodeid)
{
	enter(reports);
	struct entry *entry = reports_find_entry(reports, nodeid);
	int64_t seq = seq_of(entry);
	leave(reports);
	return seq;
}

bool reports_lacks(struct reports *reports, const struct report_number *number, const struct reports_teller *teller)
{
	bool is_own_word = nodeid_equals(&number->nodeid, &teller->nodeid);
	enter(reports);
	const struct entry *entry = reports_find_entry(reports, &number->nodeid);
	int64_t known = seq_of(entry);
	bool is_wrong = is_own_word && number->seq < known && !entry->is_own_word;
	leave(reports);
	return (number->seq > known || is_wrong) && is_believed(number->seq, is_own_word, teller->clock_us);
}

struct reports_snapshot reports_take_snapshot(struct reports *reports)
{
	struct reports_snapshot snapshot = {0};
	enter(reports);
	if (reports->count > 0)
		snapshot.entries = calloc(reports->count, sizeof *snapshot.entries);
	if (snapshot.entries != NULL)
		snapshot.count = reports->count;
	for (size_t i = 0; i < snapshot.count; i++) {
		const struct entry *entry = reports->places[i].entry;
		snapshot.entries[i] = (struct reports_entry){.report = report_hold(entry->report),
							     .teller = entry->teller->nodeid,
							     .heard_us = entry->heard_us,
							     .reached_us = entry->reached_us,
							     .is_old = entry->is_old};
	}
	reports_copy_introduced(reports, &snapshot);
	snapshot.forget_after_us = reports->settings->forget_after_us;
	leave(reports);
	return snapshot;
}

void reports_release_snapshot(struct reports_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		report_release(snapshot->entries[i].report);
	free(snapshot->entries);
	free(snapshot->introduced);
	*snapshot = (struct reports_snapshot){0};
}

size_t reports_count(struct reports *reports, size_t *bytes)
{
	enter(reports);
	size_t count = reports->count;
	*bytes = reports->bytes + reports->room * sizeof *reports->places + count * sizeof(struct entry) +
		 HASH_COUNT(reports->tellers) * sizeof(struct teller) +
		 reports->introduced_room * sizeof *reports->introduced;
	leave(reports);
	return count;
}

uint64_t reports_version(struct reports *reports)
{
	enter(reports);
	uint64_t version = reports->version;
	leave(reports);
	return version;
}

void reports_sums(struct reports *reports, uint64_t sums[static REPORTS_PARTS])
{
	enter(reports);
	memcpy(sums, reports->sums, sizeof reports->sums);
	leave(reports);
}

size_t reports_have(struct reports *reports, uint64_t parts, struct nodeid *after, struct report_number *have,
		    size_t most)
{
	size_t count = 0;
	enter(reports);
	for (size_t i = reports_place_after(reports, after); i < reports->count && count < most; i++) {
		const struct place *place = &reports->places[i];
		*after = place->nodeid;
		if ((parts >> reports_part(&place->nodeid) & 1) != 0)
			have[count++] = (struct report_number){place->nodeid, place->entry->report->seq};
	}
	leave(reports);
	return count;
}
