#include <stdlib.h>
#include <string.h>

#include "mesh/reports_priv.h"

/* The one that was introduced last is at the end. */
static size_t find(const struct reports *reports, const struct nodeid *nodeid) REQUIRES(reports_guard)
{
	size_t at = 0;
	while (at < reports->introduced_count && !nodeid_equals(&reports->introduced[at].nodeid, nodeid))
		at++;
	return at;
}

static void remove_at(struct reports *reports, size_t at) REQUIRES(reports_guard)
{
	struct reports_introduced *list = reports->introduced;
	reports->introduced_count--;
	memmove(&list[at], &list[at + 1], (reports->introduced_count - at) * sizeof *list);
	if (reports->introduced_count > 0)
		return;
	free(list);
	reports->introduced = NULL;
	reports->introduced_room = 0;
}

/* Most of the time few or none are there. */
static bool has_room(struct reports *reports) REQUIRES(reports_guard)
{
	enum { AT_FIRST = 8 };
	if (reports->introduced_count < reports->introduced_room)
		return true;
	size_t room = reports->introduced_room == 0 ? AT_FIRST : 2 * reports->introduced_room;
	struct reports_introduced *grown = realloc(reports->introduced, room * sizeof *grown);
	if (grown == NULL)
		return false;
	reports->introduced = grown;
	reports->introduced_room = room;
	return true;
}

void reports_drop_introduced(struct reports *reports, const struct nodeid *nodeid)
{
	size_t at = find(reports, nodeid);
	if (at < reports->introduced_count)
		remove_at(reports, at);
}

void reports_add_introduced(struct reports *reports, const struct reports_introduced *introduced)
{
	reports_drop_introduced(reports, &introduced->nodeid);
	if (reports->introduced_count == REPORTS_INTRODUCED)
		remove_at(reports, 0);
	if (has_room(reports))
		reports->introduced[reports->introduced_count++] = *introduced;
}

static int compare(const void *one, const void *other)
{
	const struct reports_introduced *mine = one, *yours = other;
	return nodeid_compare(&mine->nodeid, &yours->nodeid);
}

/* Without memory they have no names. */
void reports_copy_introduced(const struct reports *reports, struct reports_snapshot *snapshot)
{
	if (reports->introduced_count == 0)
		return;
	snapshot->introduced = calloc(reports->introduced_count, sizeof *snapshot->introduced);
	if (snapshot->introduced == NULL)
		return;
	snapshot->introduced_count = reports->introduced_count;
	memcpy(snapshot->introduced, reports->introduced, reports->introduced_count * sizeof *snapshot->introduced);
	qsort(snapshot->introduced, snapshot->introduced_count, sizeof *snapshot->introduced, compare);
}

const struct reports_introduced *reports_find_introduced(const struct reports_snapshot *snapshot,
							 const struct nodeid *nodeid)
{
	const struct reports_introduced wanted = {.nodeid = *nodeid};
	return snapshot->introduced_count == 0
		       ? NULL
		       : bsearch(&wanted, snapshot->introduced, snapshot->introduced_count, sizeof wanted, compare);
}
