#include "mesh/reports_priv.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/keyed_hash.h"
#include "base/must.h"

/* What max_nodes and REPORTS_NODE_BYTES leave out: this node's own report, which is always kept. */
enum { OWN_BYTES = 65536 };

/* ---- what is known, in numbers ---- */

static const struct hash_key no_key;

unsigned reports_part(const struct nodeid *nodeid)
{
	return (unsigned)(keyed_hash(&no_key, nodeid->bytes, NODEID_BYTES) % REPORTS_PARTS);
}

static uint64_t summand(const struct report *report)
{
	unsigned char bytes[NODEID_BYTES + sizeof report->seq];
	memcpy(bytes, report->nodeid.bytes, NODEID_BYTES);
	for (size_t i = 0; i < sizeof report->seq; i++)
		bytes[NODEID_BYTES + i] = (unsigned char)((uint64_t)report->seq >> (56 - 8 * i));
	return keyed_hash(&no_key, bytes, sizeof bytes);
}

/* Counts it in, or out. */
static void count_in(struct reports *reports, const struct report *report) REQUIRES(reports_guard)
{
	reports->sums[reports_part(&report->nodeid)] += summand(report);
	reports->bytes += report_bytes(report);
	reports->version++;
}

static void count_out(struct reports *reports, const struct report *report) REQUIRES(reports_guard)
{
	reports->sums[reports_part(&report->nodeid)] -= summand(report);
	reports->bytes -= report_bytes(report);
	reports->version++;
}

/* ---- the entries ---- */

/* Its place, or where it would be. */
static size_t find(struct reports *reports, const struct nodeid *nodeid, bool *is_there) REQUIRES(reports_guard)
{
	size_t low = 0, high = reports->count;
	*is_there = false;
	while (low < high && !*is_there) {
		size_t middle = low + (high - low) / 2;
		int order = nodeid_compare(&reports->places[middle].nodeid, nodeid);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
		if (order == 0) {
			low = middle;
			*is_there = true;
		}
	}
	return low;
}

struct entry *reports_find_entry(struct reports *reports, const struct nodeid *nodeid)
{
	bool is_there;
	size_t at = find(reports, nodeid, &is_there);
	return is_there ? reports->places[at].entry : NULL;
}

size_t reports_place_after(struct reports *reports, const struct nodeid *nodeid)
{
	bool is_there;
	size_t at = find(reports, nodeid, &is_there);
	return is_there ? at + 1 : at;
}

/* NULL if there is no memory. */
static struct teller *find_teller(struct reports *reports, const struct nodeid *nodeid) REQUIRES(reports_guard)
{
	struct teller *teller;
	HASH_FIND(hh, reports->tellers, nodeid, sizeof *nodeid, teller);
	if (teller != NULL)
		return teller;
	teller = calloc(1, sizeof *teller);
	if (teller == NULL)
		return NULL;
	teller->nodeid = *nodeid;
	HASH_ADD(hh, reports->tellers, nodeid, sizeof teller->nodeid, teller);
	if (teller->hh.tbl != NULL)
		return teller;
	free(teller);
	return NULL;
}

static void drop_idle_teller(struct reports *reports, struct teller *teller) REQUIRES(reports_guard)
{
	if (teller == NULL || teller->count > 0)
		return;
	HASH_DEL(reports->tellers, teller);
	free(teller);
}

/* It is the youngest of what this teller has told. */
static void tell(struct entry *entry, struct teller *teller, int64_t now_us)
{
	entry->teller = teller;
	entry->heard_us = now_us;
	DL_APPEND(teller->told, entry);
	teller->count++;
}

static void untell(struct entry *entry)
{
	DL_DELETE(entry->teller->told, entry);
	entry->teller->count--;
	entry->teller = NULL;
}

/* An entry without a report and teller, at its place. NULL if there is no memory. */
static struct entry *add_entry(struct reports *reports, const struct nodeid *nodeid) REQUIRES(reports_guard)
{
	bool is_there;
	size_t at = find(reports, nodeid, &is_there);
	must(!is_there);
	if (reports->count == reports->room) {
		size_t room = reports->room == 0 ? 16 : 2 * reports->room;
		struct place *grown = realloc(reports->places, room * sizeof *grown);
		if (grown == NULL)
			return NULL;
		reports->places = grown;
		reports->room = room;
	}
	struct entry *entry = calloc(1, sizeof *entry);
	if (entry == NULL)
		return NULL;
	entry->nodeid = *nodeid;
	entry->reached_us = -1;
	memmove(&reports->places[at + 1], &reports->places[at], (reports->count - at) * sizeof *reports->places);
	reports->places[at] = (struct place){.nodeid = *nodeid, .entry = entry};
	reports->count++;
	return entry;
}

void reports_free_entry(struct reports *reports, struct entry *entry)
{
	struct teller *teller = entry->teller;
	count_out(reports, entry->report);
	untell(entry);
	drop_idle_teller(reports, teller);
	report_release(entry->report);
	free(entry);
}

void reports_drop_entry(struct reports *reports, const struct nodeid *nodeid)
{
	bool is_there;
	size_t at = find(reports, nodeid, &is_there);
	must(is_there);
	reports_free_entry(reports, reports->places[at].entry);
	reports->count--;
	memmove(&reports->places[at], &reports->places[at + 1], (reports->count - at) * sizeof *reports->places);
}

/* ---- who gives way ---- */

static bool is_protected(struct reports *reports, const struct entry *entry) REQUIRES(reports_guard)
{
	const struct entry *own = reports->own;
	if (entry == own || reports->settings->max_nodes == 0)
		return entry == own;
	return (entry->is_own_word && (own == NULL || entry->heard_us >= own->heard_us)) ||
	       (own != NULL && report_find_link(own->report, &entry->nodeid) != NULL);
}

/* The one that gives way for another, other than kept; NULL if there is none. */
static struct entry *find_victim(struct reports *reports, const struct entry *kept) REQUIRES(reports_guard)
{
	struct entry *victim = NULL;
	size_t most = 0;
	for (struct teller *teller = reports->tellers; teller != NULL; teller = teller->hh.next) {
		struct entry *entry = teller->count > most ? teller->told : NULL;
		while (entry != NULL && (entry == kept || is_protected(reports, entry)))
			entry = entry->next;
		if (entry != NULL) {
			victim = entry;
			most = teller->count;
		}
	}
	return victim;
}

bool reports_make_room(struct reports *reports, const struct report *report, const struct entry *kept)
{
	size_t most = (size_t)reports->settings->max_nodes, most_bytes = most * REPORTS_NODE_BYTES + OWN_BYTES;
	size_t new_nodes = report != NULL && kept == NULL, new_bytes = report == NULL ? 0 : report_bytes(report);
	size_t old_bytes = kept == NULL ? 0 : report_bytes(kept->report);
	while (reports->count + new_nodes > most || reports->bytes - old_bytes + new_bytes > most_bytes) {
		struct entry *victim = find_victim(reports, kept);
		if (victim == NULL)
			return false;
		reports_drop_entry(reports, &victim->nodeid);
	}
	return true;
}

struct entry *reports_keep(struct reports *reports, struct report *report, const struct reports_teller *from)
{
	struct entry *entry = reports_find_entry(reports, &report->nodeid);
	struct teller *teller = find_teller(reports, &from->nodeid), *former = entry == NULL ? NULL : entry->teller;
	if (teller != NULL && entry == NULL)
		entry = add_entry(reports, &report->nodeid);
	if (teller == NULL || entry == NULL) {
		drop_idle_teller(reports, teller);
		return NULL;
	}
	if (former != NULL) {
		count_out(reports, entry->report);
		report_release(entry->report);
		untell(entry);
	}
	tell(entry, teller, from->now_us);
	drop_idle_teller(reports, former);
	entry->report = report_hold(report);
	entry->is_own_word = from->is_origin;
	entry->is_old = false;
	count_in(reports, report);
	return entry;
}
