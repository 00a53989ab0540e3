#include "mesh/view_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *node_state_name(enum node_state state)
{
	static const char *const names[NODE_STATES] = {[NODE_ALIVE] = "alive",
						       [NODE_LATE] = "late",
						       [NODE_GONE] = "gone",
						       [NODE_OUT_OF_REACH] = "out_of_reach"};
	return names[state];
}

static int compare_names(const void *one, const void *other)
{
	const struct view_node *const *mine = one, *const *yours = other;
	return strcmp((*mine)->name, (*yours)->name);
}

static bool find_namesakes(struct view *view)
{
	struct view_node **named = calloc(view->node_count + 1, sizeof *named);
	size_t count = 0;
	if (named == NULL)
		return false;
	for (size_t i = 0; i < view->node_count; i++)
		if (view->nodes[i].name[0] != '\0')
			named[count++] = &view->nodes[i];
	qsort(named, count, sizeof *named, compare_names);
	for (size_t i = 1; i < count; i++)
		if (strcmp(named[i - 1]->name, named[i]->name) == 0)
			named[i - 1]->has_namesake = named[i]->has_namesake = true;
	free(named);
	return true;
}

bool view_build(struct view *view, struct reports_snapshot *snapshot, const struct nodeid *self, int64_t now_us)
{
	struct view_work work = {.view = view};
	*view = (struct view){.now_us = now_us, .reports = *snapshot};
	*snapshot = (struct reports_snapshot){0};
	bool is_whole = view_gather(&work, self) && view_find_reached(&work) && view_find_states(&work) &&
			view_find_paths(&work) && find_namesakes(view);
	view_work_fini(&work);
	if (!is_whole)
		view_free(view);
	return is_whole;
}

void view_free(struct view *view)
{
	free(view->nodes);
	free(view->pairs);
	reports_release_snapshot(&view->reports);
	*view = (struct view){0};
}

void view_expire(const struct view *view, struct reports *reports)
{
	struct reports_sight *seen = calloc(view->node_count + 1, sizeof *seen);
	size_t count = 0;
	if (seen == NULL)
		return;
	for (size_t i = 0; i < view->node_count; i++)
		if (view->nodes[i].state != NODE_OUT_OF_REACH)
			seen[count++] =
				(struct reports_sight){view->nodes[i].nodeid, view->nodes[i].state == NODE_GONE};
	reports_expire(reports, seen, count, view->now_us);
	free(seen);
}

size_t view_find(const struct view *view, const struct nodeid *nodeid)
{
	size_t low = 0, high = view->node_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = nodeid_compare(&view->nodes[middle].nodeid, nodeid);
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return SIZE_MAX;
}

const struct view_pair *view_find_pair(const struct view *view, size_t one, size_t other)
{
	size_t first = one < other ? one : other, second = one < other ? other : one;
	size_t low = 0, high = view->pair_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct view_pair *pair = &view->pairs[middle];
		if (pair->first == first && pair->second == second)
			return pair;
		if (pair->first < first || (pair->first == first && pair->second < second))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void view_label(const struct view *view, size_t node, char out[static VIEW_LABEL_BYTES])
{
	enum { DIGITS = 8 };
	char nodeid[NODEID_TEXT_BYTES];
	const struct view_node *of = &view->nodes[node];
	nodeid_format(&of->nodeid, nodeid);
	nodeid[DIGITS] = '\0';
	if (of->name[0] == '\0')
		snprintf(out, VIEW_LABEL_BYTES, "%s", nodeid);
	else if (of->has_namesake)
		snprintf(out, VIEW_LABEL_BYTES, "%s (%s)", of->name, nodeid);
	else
		snprintf(out, VIEW_LABEL_BYTES, "%s", of->name);
}
