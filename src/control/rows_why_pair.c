#include "control/rows_mesh_priv.h"
#include "control/who_priv.h"

#include <stdlib.h>

enum { EVENTS = 100 };

/* What is between two nodes, neither of which has to be this one. */
struct between {
	struct view view;
	size_t one, other;
	struct nodeid ends[2];
};

static bool add_nodes(struct call *call, const struct between *between)
{
	const size_t places[] = {between->one, between->other};
	bool goes_on = true;
	for (int i = 0; i < 2 && goes_on; i++) {
		struct row row = call_begin_row(call, "fact");
		row_text(&row, "fact", "node");
		rows_add_node(&row, &between->view, places[i]);
		goes_on = call_end_row(call, &row);
	}
	return goes_on;
}

static bool is_connected(const struct view *view, size_t one, size_t other)
{
	const struct view_pair *pair = view_find_pair(view, one, other);
	return pair != NULL && pair->is_up;
}

/* How many nodes are connected with both. */
static size_t count_common(const struct between *between)
{
	size_t count = 0;
	for (size_t i = 0; i < between->view.node_count; i++)
		if (i != between->one && i != between->other && is_connected(&between->view, i, between->one) &&
		    is_connected(&between->view, i, between->other))
			count++;
	return count;
}

static bool add_link(struct call *call, const struct between *between)
{
	const struct view_pair *pair = view_find_pair(&between->view, between->one, between->other);
	bool is_ordered = between->one < between->other;
	const struct view_pair nothing = {.first = is_ordered ? between->one : between->other,
					  .second = is_ordered ? between->other : between->one};
	struct row row = call_begin_row(call, "fact");
	row_text(&row, "fact", "link");
	rows_add_link(&row, &between->view, pair == NULL ? &nothing : pair, is_ordered ? 0 : 1);
	row_integer(&row, "common", (int64_t)count_common(between));
	return call_end_row(call, &row);
}

static bool add_problems(struct call *call, const struct between *between)
{
	size_t count = 0;
	struct problem_entry *list = problems_list(call->parts->common.problems, &count);
	bool goes_on = true;
	for (size_t i = 0; i < count && goes_on; i++) {
		if (!rows_is_subject(&list[i].finding, &between->ends[0]) ||
		    !rows_is_subject(&list[i].finding, &between->ends[1]))
			continue;
		struct row row = call_begin_row(call, "fact");
		row_text(&row, "fact", "problem");
		rows_add_problem(&row, &list[i], &between->view);
		goes_on = call_end_row(call, &row);
	}
	free(list);
	return goes_on;
}

/* ---- the journal ---- */

static bool is_end(const struct between *between, const struct nodeid *nodeid)
{
	return nodeid_equals(&between->ends[0], nodeid) || nodeid_equals(&between->ends[1], nodeid);
}

/* An event of a connection of this node has no other. */
static bool is_between(const struct between *between, const struct nodeid *self, const struct event *event)
{
	const struct nodeid *other = nodeid_is_none(&event->other) ? self : &event->other;
	return is_end(between, &event->nodeid) && is_end(between, other) && !nodeid_equals(&event->nodeid, other);
}

/* Lists the events between the two, but for as many of the first as skip says; returns how many there are. */
static size_t visit_events(struct call *call, const struct between *between, size_t skip)
{
	struct journal *journal = call->parts->common.journal;
	struct journal_entry *entries[JOURNAL_STEP];
	uint64_t after = 0, last = journal_last(journal), lost;
	size_t count, found = 0;
	while (!call->has_failed && after < last &&
	       (count = journal_read(journal, &after, entries, &lost)) + lost > 0) {
		for (size_t i = 0; i < count; i++) {
			bool is_wanted = is_between(between, &call->parts->self, journal_event(entries[i]));
			if (is_wanted && found++ >= skip && !call->has_failed) {
				struct row row = call_begin_row(call, "fact");
				row_text(&row, "fact", "event");
				rows_add_event(&row, entries[i]);
				call_end_row(call, &row);
			}
			journal_release(entries[i]);
		}
	}
	return found;
}

static void add_events(struct call *call, const struct between *between)
{
	/* How many there are, to list the last of them. */
	size_t found = visit_events(call, between, SIZE_MAX);
	visit_events(call, between, found > EVENTS ? found - EVENTS : 0);
}

static void answer(struct call *call, struct between *between)
{
	between->one = who_find_node(call, &between->view, "about");
	between->other = call->has_failed ? SIZE_MAX : who_find_node(call, &between->view, "other");
	if (call->has_failed)
		return;
	if (between->one == between->other) {
		call_fail(call, "wrong_value", "\"%.64s\" and \"%.64s\" are the same node", call_text(call, "about"),
			  call_text(call, "other"));
		return;
	}
	between->ends[0] = between->view.nodes[between->one].nodeid;
	between->ends[1] = between->view.nodes[between->other].nodeid;
	if (add_nodes(call, between) && add_link(call, between) && add_problems(call, between))
		add_events(call, between);
}

void rows_why_pair(struct call *call)
{
	struct between between;
	if (!rows_look_at_mesh(call, &between.view))
		return;
	answer(call, &between);
	view_free(&between.view);
}
