#include "mesh/view_priv.h"

#include <stdlib.h>

/* ---- nodeids to places ---- */

static unsigned beginning(const struct view_index *index, const struct nodeid *nodeid)
{
	return ((unsigned)nodeid->bytes[0] << 8 | nodeid->bytes[1]) >> index->shift;
}

/* Owns the nodeids, which are in order. */
static bool index_init(struct view_index *index, struct nodeid *nodeids, size_t count)
{
	*index = (struct view_index){.nodeids = nodeids, .count = count, .shift = 15};
	while (index->shift > 0 && ((size_t)1 << (16 - index->shift)) < count)
		index->shift--;
	size_t beginnings = (size_t)1 << (16 - index->shift), next = 0;
	index->starts = calloc(beginnings + 1, sizeof *index->starts);
	if (index->starts == NULL)
		return false;
	for (size_t i = 0; i <= beginnings; i++) {
		while (next < count && beginning(index, &nodeids[next]) < i)
			next++;
		index->starts[i] = (uint32_t)next;
	}
	return true;
}

/* SIZE_MAX if it isn't there. */
static size_t index_find(const struct view_index *index, const struct nodeid *nodeid)
{
	unsigned start = beginning(index, nodeid);
	size_t low = index->starts[start], high = index->starts[start + 1];
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = nodeid_compare(&index->nodeids[middle], nodeid);
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return SIZE_MAX;
}

static void index_fini(struct view_index *index)
{
	free(index->nodeids);
	free(index->starts);
	*index = (struct view_index){0};
}

/* ---- who listens where ---- */

static int compare_listeners(const void *one, const void *other)
{
	return address_compare(one, other);
}

static bool find_listeners(struct view_work *work)
{
	const struct reports_snapshot *reports = &work->view->reports;
	struct view_listener *list = calloc(reports->count + 1, sizeof *list);
	size_t count = 0, kept = 0;
	if (list == NULL)
		return false;
	for (size_t i = 0; i < reports->count; i++)
		if (address_is_known(&reports->entries[i].report->address))
			list[count++] = (struct view_listener){reports->entries[i].report->address,
							       &reports->entries[i].report->nodeid};
	qsort(list, count, sizeof *list, compare_listeners);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && address_equals(&list[kept - 1].address, &list[i].address))
			list[kept - 1].nodeid = NULL;
		else
			list[kept++] = list[i];
	}
	work->listeners = list;
	work->listener_count = kept;
	return true;
}

/* Whom it is about; nodeid_none if nobody knows. */
static const struct nodeid *expected_at(const struct view_work *work, const struct report_failure *failure)
{
	if (!nodeid_is_none(&failure->nodeid))
		return &failure->nodeid;
	const struct view_listener wanted = {.address = failure->address};
	const struct view_listener *found =
		bsearch(&wanted, work->listeners, work->listener_count, sizeof wanted, compare_listeners);
	return found == NULL || found->nodeid == NULL ? &nodeid_none : found->nodeid;
}

bool view_remembers(const struct view_work *work, const struct report_end *end)
{
	return work->view->now_us - end->ended_us < work->view->reports.forget_after_us;
}

size_t view_place_of(const struct view_work *work, const struct nodeid *nodeid)
{
	return index_find(&work->index, nodeid);
}

size_t view_place_at(const struct view_work *work, const struct report_failure *failure)
{
	return index_find(&work->index, expected_at(work, failure));
}

/* ---- those that only others name ---- */

struct named {
	struct nodeid nodeid;
	size_t count; /* how often */
};

struct named_list {
	struct named *list;
	size_t count, room;
	bool lacks_memory;
};

static void name(struct named_list *named, const struct view_index *index, const struct nodeid *nodeid, size_t count)
{
	if (named->lacks_memory || nodeid_is_none(nodeid) || index_find(index, nodeid) != SIZE_MAX)
		return;
	if (named->count == named->room) {
		size_t room = named->room == 0 ? 64 : 2 * named->room;
		struct named *grown = realloc(named->list, room * sizeof *grown);
		named->lacks_memory = grown == NULL;
		if (grown == NULL)
			return;
		named->list = grown;
		named->room = room;
	}
	named->list[named->count++] = (struct named){*nodeid, count};
}

static int compare_named(const void *one, const void *other)
{
	const struct named *mine = one, *yours = other;
	return nodeid_compare(&mine->nodeid, &yours->nodeid);
}

/* Those that are named most often are first. */
static int compare_counts(const void *one, const void *other)
{
	const struct named *mine = one, *yours = other;
	int order = (mine->count < yours->count) - (mine->count > yours->count);
	return order != 0 ? order : compare_named(one, other);
}

/* Each once, in order, and not too many. */
static void narrow(struct named_list *named)
{
	size_t kept = 0;
	if (named->count == 0)
		return;
	qsort(named->list, named->count, sizeof *named->list, compare_named);
	for (size_t i = 1; i < named->count; i++) {
		if (nodeid_equals(&named->list[kept].nodeid, &named->list[i].nodeid))
			named->list[kept].count += named->list[i].count;
		else
			named->list[++kept] = named->list[i];
	}
	named->count = kept + 1;
	if (named->count <= VIEW_NAMED)
		return;
	qsort(named->list, named->count, sizeof *named->list, compare_counts);
	named->count = VIEW_NAMED;
	qsort(named->list, named->count, sizeof *named->list, compare_named);
}

/* Their list is for the caller to free, also if there is no memory. */
static bool find_named(struct view_work *work, const struct nodeid *self, struct named_list *named)
{
	const struct reports_snapshot *reports = &work->view->reports;
	const struct view_index *index = &work->index;
	/* This node is in its view in any case. */
	name(named, index, self, SIZE_MAX / 2);
	for (size_t i = 0; i < reports->count; i++) {
		const struct report *report = reports->entries[i].report;
		for (size_t j = 0; j < report->link_count; j++)
			name(named, index, &report->links[j].nodeid, 1);
		for (size_t j = 0; j < report->end_count; j++)
			if (view_remembers(work, &report->ends[j]))
				name(named, index, &report->ends[j].nodeid, 1);
		for (size_t j = 0; j < report->failure_count; j++)
			name(named, index, expected_at(work, &report->failures[j]), 1);
	}
	narrow(named);
	return !named->lacks_memory;
}

/* ---- the nodes ---- */

static struct view_node node_of(const struct reports_entry *entry)
{
	return (struct view_node){.nodeid = entry->report->nodeid,
				  .report = entry->report,
				  .is_old = entry->is_old,
				  .since_us = -1,
				  .heard_us = entry->heard_us,
				  .rtt_us = -1,
				  .name = entry->report->name,
				  .address =
					  address_is_known(&entry->report->address) ? &entry->report->address : NULL};
}

/* One without a report: its hello said what it is called, if it was ever a peer of this node. */
static struct view_node node_named(const struct view *view, const struct nodeid *nodeid)
{
	const struct reports_introduced *introduced = reports_find_introduced(&view->reports, nodeid);
	bool has_address = introduced != NULL && address_is_known(&introduced->address);
	return (struct view_node){.nodeid = *nodeid,
				  .since_us = -1,
				  .heard_us = -1,
				  .rtt_us = -1,
				  .name = introduced == NULL ? "" : introduced->name,
				  .address = has_address ? &introduced->address : NULL};
}

static bool index_reports(struct view_work *work)
{
	const struct reports_snapshot *reports = &work->view->reports;
	struct nodeid *nodeids = calloc(reports->count + 1, sizeof *nodeids);
	for (size_t i = 0; nodeids != NULL && i < reports->count; i++)
		nodeids[i] = reports->entries[i].report->nodeid;
	return nodeids != NULL && index_init(&work->index, nodeids, reports->count);
}

static bool index_nodes(struct view_work *work)
{
	const struct view *view = work->view;
	struct nodeid *nodeids = calloc(view->node_count + 1, sizeof *nodeids);
	index_fini(&work->index);
	for (size_t i = 0; nodeids != NULL && i < view->node_count; i++)
		nodeids[i] = view->nodes[i].nodeid;
	return nodeids != NULL && index_init(&work->index, nodeids, view->node_count);
}

/* Those with a report and those that are named, in order. */
static bool merge(struct view *view, const struct named_list *named)
{
	const struct reports_snapshot *reports = &view->reports;
	size_t next = 0;
	view->nodes = calloc(reports->count + named->count + 1, sizeof *view->nodes);
	if (view->nodes == NULL)
		return false;
	for (size_t i = 0; i <= reports->count; i++) {
		const struct reports_entry *entry = i < reports->count ? &reports->entries[i] : NULL;
		while (next < named->count &&
		       (entry == NULL || nodeid_compare(&named->list[next].nodeid, &entry->report->nodeid) < 0))
			view->nodes[view->node_count++] = node_named(view, &named->list[next++].nodeid);
		if (entry != NULL)
			view->nodes[view->node_count++] = node_of(entry);
	}
	return true;
}

bool view_find_nodes(struct view_work *work, const struct nodeid *self)
{
	struct named_list named = {.list = NULL};
	bool is_whole = index_reports(work) && find_listeners(work) && find_named(work, self, &named) &&
			merge(work->view, &named) && (named.count == 0 || index_nodes(work));
	free(named.list);
	if (is_whole)
		work->view->self = view_place_of(work, self);
	return is_whole;
}

void view_work_fini(struct view_work *work)
{
	index_fini(&work->index);
	free(work->listeners);
	free(work->sayings);
	free(work->first);
	free(work->heard);
	free(work->heard_first);
	free(work->is_reached);
}
