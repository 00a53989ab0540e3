#include "wire/report_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

/* clang-format off */
static const struct {
	const char *name;
	const char *words;
} reasons[REASONS] = {
	[REASON_OTHER]       = {"other",       "failed"},
	[REASON_LEFT]        = {"left",        "left"},
	[REASON_REMOVED]     = {"removed",     "was disconnected on purpose"},
	[REASON_CLOSED]      = {"closed",      "closed the connection without a bye"},
	[REASON_RESET]       = {"reset",       "connection reset"},
	[REASON_SILENT]      = {"silent",      "no answer to pings"},
	[REASON_TIMED_OUT]   = {"timed_out",   "timed out"},
	[REASON_REFUSED]     = {"refused",     "connection refused"},
	[REASON_UNREACHABLE] = {"unreachable", "host unreachable"},
	[REASON_FULL]        = {"full",        "is full"},
	[REASON_NETWORK]     = {"network",     "is in another network"},
	[REASON_SECRET]      = {"secret",      "has another secret"},
	[REASON_PROTOCOL]    = {"protocol",    "broke the protocol"},
	[REASON_SLOW]        = {"slow",        "does not read what it is sent"},
};
/* clang-format on */

const char *report_reason_name(enum report_reason reason)
{
	return reasons[reason].name;
}

const char *report_reason_words(enum report_reason reason)
{
	return reasons[reason].words;
}

enum report_reason report_reason_of(const char *name)
{
	for (int i = REASON_OTHER + 1; name != NULL && i < REASONS; i++)
		if (strcmp(name, reasons[i].name) == 0)
			return (enum report_reason)i;
	return REASON_OTHER;
}

/* ---- memory ---- */

/* Puts a list of so many entries behind the first *bytes, and says where it begins. */
static size_t place(size_t *bytes, size_t count, size_t size)
{
	enum { ALIGNMENT = 8 };
	size_t at = (*bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	*bytes = at + count * size;
	return at;
}

/* One block of memory: a node that remembers a thousand reports keeps no pieces. */
struct report *report_new(const struct report_room *room)
{
	size_t bytes = sizeof(struct report);
	size_t tags = place(&bytes, room->tags, REPORT_TEXT_BYTES);
	size_t doubles = place(&bytes, room->doubles, sizeof(struct report_double));
	size_t refusals = place(&bytes, room->refusals, sizeof(struct report_refusal));
	size_t links = place(&bytes, room->links, sizeof(struct report_link));
	size_t ends = place(&bytes, room->ends, sizeof(struct report_end));
	size_t failures = place(&bytes, room->failures, sizeof(struct report_failure));
	size_t mended = place(&bytes, room->mended, sizeof(struct report_mended));
	char *block = calloc(1, bytes);
	if (block == NULL)
		return NULL;
	struct report *report = (void *)block;
	atomic_init(&report->references, 1);
	report->bytes = bytes;
	report->clock_us = -1;
	report->tags = (void *)(block + tags);
	report->doubles = (void *)(block + doubles);
	report->refusals = (void *)(block + refusals);
	report->links = (void *)(block + links);
	report->ends = (void *)(block + ends);
	report->failures = (void *)(block + failures);
	report->mended = (void *)(block + mended);
	return report;
}

struct report *report_hold(struct report *report)
{
	atomic_fetch_add(&report->references, 1);
	return report;
}

void report_release(struct report *report)
{
	if (report != NULL && atomic_fetch_sub(&report->references, 1) == 1)
		free(report);
}

size_t report_bytes(const struct report *report)
{
	return report->bytes;
}

/* ---- order ---- */

/* Of entries that begin with a nodeid. */
static int compare_nodeids(const void *one, const void *other)
{
	return nodeid_compare(one, other);
}

/* Of entries that begin with an address. */
static int compare_addresses(const void *one, const void *other)
{
	return address_compare(one, other);
}

typedef int comparison(const void *one, const void *other);

static bool is_ordered(const char *entries, size_t count, size_t size, comparison *compare)
{
	for (size_t i = 1; i < count; i++)
		if (compare(entries + (i - 1) * size, entries + i * size) >= 0)
			return false;
	return true;
}

/* Orders the entries, and leaves out all but one of those that are alike; how many stay. */
static size_t order(void *list, size_t count, size_t size, comparison *compare)
{
	char *entries = list;
	if (is_ordered(entries, count, size, compare))
		return count;
	qsort(list, count, size, compare);
	size_t kept = 1;
	for (size_t i = 1; i < count; i++)
		if (compare(entries + (kept - 1) * size, entries + i * size) != 0)
			memmove(entries + kept++ * size, entries + i * size, size);
	return kept;
}

void report_order(struct report *report)
{
	report->link_count = order(report->links, report->link_count, sizeof *report->links, compare_nodeids);
	report->end_count = order(report->ends, report->end_count, sizeof *report->ends, compare_nodeids);
	report->failure_count =
		order(report->failures, report->failure_count, sizeof *report->failures, compare_addresses);
	report->mended_count = order(report->mended, report->mended_count, sizeof *report->mended, compare_addresses);
	size_t kept = 0;
	for (size_t i = 0; i < report->end_count; i++)
		if (report_find_link(report, &report->ends[i].nodeid) == NULL)
			report->ends[kept++] = report->ends[i];
	report->end_count = kept;
	kept = 0;
	for (size_t i = 0; i < report->mended_count; i++)
		if (report_find_failure(report, &report->mended[i].address) == NULL)
			report->mended[kept++] = report->mended[i];
	report->mended_count = kept;
}

const struct report_link *report_find_link(const struct report *report, const struct nodeid *nodeid)
{
	return bsearch(nodeid, report->links, report->link_count, sizeof *report->links, compare_nodeids);
}

const struct report_end *report_find_end(const struct report *report, const struct nodeid *nodeid)
{
	return bsearch(nodeid, report->ends, report->end_count, sizeof *report->ends, compare_nodeids);
}

const struct report_failure *report_find_failure(const struct report *report, const struct address *address)
{
	return bsearch(address, report->failures, report->failure_count, sizeof *report->failures, compare_addresses);
}

bool report_misses(const struct report *report, const struct nodeid *nodeid)
{
	const struct report_link *link = report_find_link(report, nodeid);
	if (link != NULL)
		return link->late_since_us >= 0;
	for (size_t i = 0; i < report->end_count; i++) {
		const struct report_end *end = &report->ends[i];
		size_t known = end->is_beginning ? REPORT_PREFIX_BYTES : sizeof nodeid->bytes;
		if (memcmp(end->nodeid.bytes, nodeid->bytes, known) == 0)
			return true;
	}
	return false;
}

bool report_fails_to_reach(const struct report *report, const struct nodeid *nodeid)
{
	for (size_t i = 0; i < report->failure_count; i++)
		if (nodeid_equals(&report->failures[i].nodeid, nodeid))
			return true;
	return false;
}

/* ---- the beginnings of nodeids ---- */

struct nodeid report_prefix(const struct nodeid *nodeid)
{
	struct nodeid prefix = nodeid_none;
	memcpy(prefix.bytes, nodeid->bytes, REPORT_PREFIX_BYTES);
	return prefix;
}

static bool begins_with(const void *entry, const struct nodeid *prefix)
{
	return memcmp(entry, prefix->bytes, REPORT_PREFIX_BYTES) == 0;
}

/* Of entries that begin with a nodeid, and are ordered by it: how many have these first bytes, and the first of them.
 */
static size_t count_prefix(const void *list, size_t count, size_t size, const struct nodeid *prefix, const void **found)
{
	const char *entries = list;
	size_t first = 0, after = count;
	while (first < after) {
		size_t middle = first + (after - first) / 2;
		if (memcmp(entries + middle * size, prefix->bytes, REPORT_PREFIX_BYTES) < 0)
			first = middle + 1;
		else
			after = middle;
	}
	for (after = first; after < count && begins_with(entries + after * size, prefix);)
		after++;
	*found = after == first ? NULL : entries + first * size;
	return after - first;
}

size_t report_count_links(const struct report *report, const struct nodeid *prefix, const struct report_link **first)
{
	const void *found;
	size_t count = count_prefix(report->links, report->link_count, sizeof *report->links, prefix, &found);
	*first = found;
	return count;
}

size_t report_count_ends(const struct report *report, const struct nodeid *prefix, const struct report_end **first)
{
	const void *found;
	size_t count = count_prefix(report->ends, report->end_count, sizeof *report->ends, prefix, &found);
	*first = found;
	return count;
}

/* ---- limits ---- */

/* Changes since an earlier report than this can no longer be told. */
static void raise_floor(struct report *report, int64_t seq)
{
	if (report->floor < seq)
		report->floor = seq;
}

static void limit_ends(struct report *report)
{
	while (report->end_count > REPORT_ENDS) {
		size_t oldest = 0;
		for (size_t i = 1; i < report->end_count; i++)
			if (report->ends[i].ended_us < report->ends[oldest].ended_us)
				oldest = i;
		raise_floor(report, report->ends[oldest].seq);
		report->end_count--;
		memmove(&report->ends[oldest], &report->ends[oldest + 1],
			(report->end_count - oldest) * sizeof *report->ends);
	}
}

static void limit_failures(struct report *report)
{
	while (report->failure_count > REPORT_FAILURES) {
		size_t latest = 0;
		for (size_t i = 1; i < report->failure_count; i++)
			if (report->failures[i].since_us > report->failures[latest].since_us)
				latest = i;
		report->failure_count--;
		memmove(&report->failures[latest], &report->failures[latest + 1],
			(report->failure_count - latest) * sizeof *report->failures);
	}
}

static void limit_mended(struct report *report)
{
	while (report->mended_count > REPORT_MENDED) {
		size_t oldest = 0;
		for (size_t i = 1; i < report->mended_count; i++)
			if (report->mended[i].seq < report->mended[oldest].seq)
				oldest = i;
		raise_floor(report, report->mended[oldest].seq);
		report->mended_count--;
		memmove(&report->mended[oldest], &report->mended[oldest + 1],
			(report->mended_count - oldest) * sizeof *report->mended);
	}
}

void report_limit(struct report *report)
{
	limit_ends(report);
	limit_failures(report);
	limit_mended(report);
}
