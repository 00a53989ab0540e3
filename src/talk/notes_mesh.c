#include "talk/notes_priv.h"

#include <stdio.h>
#include <string.h>

#include "mesh/changes.h"

static void count_left_out(struct protocol *protocol, size_t events)
{
	if (protocol->parts.common.counters != NULL)
		counters_add(&protocol->parts.common.counters->counts[COUNTER_EVENTS_LEFT_OUT], events);
}

/* Any member can make up nodes and connections: all of this is noted as often as what strangers cause. */
static bool may_note(struct protocol *protocol)
{
	bool may = journal_may_note(protocol->parts.common.journal);
	if (!may)
		count_left_out(protocol, 1);
	return may;
}

/* ---- nodes and connections ---- */

static void describe_node(const struct view_node *node, struct event *event)
{
	event->nodeid = node->nodeid;
	event->name = node->name;
	if (node->report != NULL)
		event->address = node->report->address;
}

static void note_node(struct protocol *protocol, const struct view *view, const struct change *change)
{
	static const enum event_kind kinds[] = {[CHANGE_NODE_UP] = EVENT_NODE_UP,
						[CHANGE_NODE_LATE] = EVENT_NODE_LATE,
						[CHANGE_NODE_GONE] = EVENT_NODE_GONE};
	const struct view_node *node = &view->nodes[change->node];
	struct event event = {.kind = kinds[change->kind], .lasted_us = change->lasted_us};
	describe_node(node, &event);
	if (node->report != NULL && event.kind != EVENT_NODE_LATE)
		event.value = node->report->agent;
	if (event.kind == EVENT_NODE_GONE && node->state == NODE_OUT_OF_REACH) {
		event.reason = "out of reach";
	} else if (event.kind == EVENT_NODE_GONE) {
		event.ending = node->reason == REASON_LEFT ? EVENT_LEFT : EVENT_FAILED;
		event.reason = report_reason_words(node->reason);
	}
	journal_note(protocol->parts.common.journal, &event);
}

/* Why it is down, as one end says; NULL if it says nothing. */
static const char *reason_of(const struct view_words *words)
{
	if (words->failure != NULL)
		return report_reason_words(words->failure->reason);
	return words->end == NULL ? NULL : report_reason_words(words->end->reason);
}

/* "beta: timed out; gamma: closed the connection without a bye" */
static void say_both(const struct view *view, const struct view_pair *pair, char *out, size_t out_bytes)
{
	const size_t nodes[] = {pair->first, pair->second};
	size_t used = 0;
	out[0] = '\0';
	for (int i = 0; i < 2 && used < out_bytes; i++) {
		char label[VIEW_LABEL_BYTES];
		const char *reason = reason_of(&pair->words[i]);
		if (reason == NULL)
			continue;
		view_label(view, nodes[i], label);
		used += (size_t)snprintf(out + used, out_bytes - used, "%s%s: %s", used == 0 ? "" : "; ", label,
					 reason);
	}
}

static void note_link(struct protocol *protocol, const struct view *view, const struct change *change)
{
	const struct view_pair *pair = view_find_pair(view, change->node, change->other);
	enum { REASON_BYTES = 64 };
	char label[VIEW_LABEL_BYTES], reason[2 * (VIEW_LABEL_BYTES + REASON_BYTES)] = "";
	struct event event = {.kind = change->kind == CHANGE_LINK_DOWN ? EVENT_LINK_DOWN : EVENT_LINK_UP,
			      .other = view->nodes[change->other].nodeid,
			      .lasted_us = change->lasted_us};
	describe_node(&view->nodes[change->node], &event);
	view_label(view, change->other, label);
	event.value = label;
	if (event.kind == EVENT_LINK_DOWN && pair != NULL) {
		say_both(view, pair, reason, sizeof reason);
		event.reason = reason;
	}
	journal_note(protocol->parts.common.journal, &event);
}

int64_t notes_view(struct protocol *protocol, const struct changes_past *past, const struct view *now)
{
	struct changes changes;
	changes_find(past, now, &changes);
	for (size_t i = 0; i < changes.count; i++) {
		if (!may_note(protocol))
			continue;
		if (changes.list[i].other == SIZE_MAX)
			note_node(protocol, now, &changes.list[i]);
		else
			note_link(protocol, now, &changes.list[i]);
	}
	count_left_out(protocol, changes.left_out);
	return changes.again_us;
}

/* ---- problems ---- */

/* Forgets it; false if the journal does not have it. */
static bool take_noted(struct noted_problems *noted, uint64_t number)
{
	for (size_t i = 0; i < noted->count; i++) {
		if (noted->numbers[i] != number)
			continue;
		noted->numbers[i] = noted->numbers[--noted->count];
		return true;
	}
	return false;
}

/* Of one that the journal has, it gets the end too. */
static bool may_note_problem(struct protocol *protocol, const struct problem_entry *problem)
{
	struct noted_problems *noted = &protocol->outlook.noted;
	if (problem->over_us >= 0)
		return take_noted(noted, problem->number);
	if (noted->count == NOTED_PROBLEMS || !may_note(protocol))
		return false;
	noted->numbers[noted->count++] = problem->number;
	return true;
}

void notes_problem(struct protocol *protocol, const struct problem_entry *problem, const struct view *view)
{
	const struct finding *finding = &problem->finding;
	bool is_over = problem->over_us >= 0;
	int64_t since_us = finding->since_us >= 0 ? finding->since_us : problem->raised_us;
	if (!may_note_problem(protocol, problem))
		return;
	struct event event = {.kind = is_over ? EVENT_PROBLEM_OVER : EVENT_PROBLEM,
			      .problem = problem->number,
			      .address = finding->addresses[0],
			      .value = finding_kind_name(finding->kind),
			      .reason = finding->text,
			      .lasted_us = is_over ? problem->over_us - since_us : -1};
	if (finding->subject_count > 0) {
		size_t place = view == NULL ? SIZE_MAX : view_find(view, &finding->subjects[0]);
		event.nodeid = finding->subjects[0];
		if (place != SIZE_MAX)
			event.name = view->nodes[place].name;
	}
	if (finding->subject_count > 1)
		event.other = finding->subjects[1];
	journal_note(protocol->parts.common.journal, &event);
}
