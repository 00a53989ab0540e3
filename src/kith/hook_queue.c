#include "kith/hook_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "kith/value.h"

static const char *or_nothing(const char *text)
{
	return text == NULL ? "" : text;
}

/* Kinds that are states of one thing: the newest of them is how it is now. The others are each a thing of its own. */
static const char *state_of(const char *kind)
{
	static const struct {
		const char *kind, *state;
	} states[] = {
		{"peer_up", "peer"},	 {"peer_down", "peer"},	 {"peer_late", "late"},	 {"peer_ok", "late"},
		{"dial_failed", "dial"}, {"dial_ok", "dial"},	 {"started", "run"},	 {"stopping", "run"},
		{"reloaded", "reload"},	 {"setting", "setting"}, {"refused", "refused"}, {"banned", "banned"},
		{"lost", "lost"},	 {"node_up", "node"},	 {"node_late", "node"},	 {"node_gone", "node"},
		{"link_down", "link"},	 {"link_up", "link"},	 {"problem", "problem"}, {"problem_over", "problem"},
	};
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(states[i].kind, kind) == 0)
			return states[i].state;
	return NULL;
}

/*
 * A node by its nodeid, else by its address; a connection by both nodeids; a problem by its number; a setting by its
 * name; this node is "". To be freed; NULL if there is no memory.
 */
static char *subject_of(struct json_object *row, const char *state)
{
	const char *nodeid = value_text(row, "nodeid");
	char *subject = NULL;
	double number;
	if (strcmp(state, "run") == 0 || strcmp(state, "reload") == 0 || strcmp(state, "lost") == 0)
		return strdup("");
	if (strcmp(state, "setting") == 0)
		return strdup(or_nothing(value_text(row, "name")));
	if (strcmp(state, "link") == 0)
		return asprintf(&subject, "%s %s", or_nothing(nodeid), or_nothing(value_text(row, "other"))) < 0
			       ? NULL
			       : subject;
	if (strcmp(state, "problem") == 0 && value_number(row, "problem", &number))
		return asprintf(&subject, "problem %.0f", number) < 0 ? NULL : subject;
	return strdup(nodeid != NULL ? nodeid : or_nothing(value_text(row, "address")));
}

static void event_fini(struct hook_event *event)
{
	free(event->subject);
	json_object_put(event->row);
	*event = (struct hook_event){0};
}

void hook_queue_fini(struct hook_queue *queue)
{
	for (size_t i = 0; i < queue->count; i++)
		event_fini(&queue->waiting[i]);
	for (size_t i = 0; i < queue->busy_count; i++)
		free(queue->busy[i]);
	queue->count = queue->busy_count = 0;
}

bool hook_queue_is_full(const struct hook_queue *queue)
{
	return queue->count == HOOK_QUEUE_MOST;
}

static void remove_at(struct hook_queue *queue, size_t place)
{
	queue->count--;
	memmove(&queue->waiting[place], &queue->waiting[place + 1], (queue->count - place) * sizeof *queue->waiting);
}

static void drop_older(struct hook_queue *queue, const char *subject, const char *state)
{
	for (size_t i = 0; i < queue->count; i++) {
		struct hook_event *waiting = &queue->waiting[i];
		if (strcmp(waiting->subject, subject) != 0 || strcmp(waiting->state, state) != 0)
			continue;
		event_fini(waiting);
		remove_at(queue, i);
		return;
	}
}

bool hook_queue_put(struct hook_queue *queue, struct json_object *row, uint64_t number)
{
	must(!hook_queue_is_full(queue));
	const char *kind = or_nothing(value_text(row, "kind")), *state = state_of(kind);
	/* Of a kind that only a newer node knows, nothing is known to be its state. */
	bool is_known = state != NULL;
	if (!is_known)
		state = "";
	char *subject = subject_of(row, state);
	if (subject == NULL)
		return false;
	if (is_known)
		drop_older(queue, subject, state);
	queue->waiting[queue->count++] =
		(struct hook_event){.subject = subject, .state = state, .number = number, .row = json_object_get(row)};
	return true;
}

static bool is_busy(const struct hook_queue *queue, const char *subject)
{
	for (size_t i = 0; i < queue->busy_count; i++)
		if (strcmp(queue->busy[i], subject) == 0)
			return true;
	return false;
}

bool hook_queue_take(struct hook_queue *queue, struct hook_event *event)
{
	if (queue->busy_count == HOOK_RUNNING_MOST)
		return false;
	for (size_t i = 0; i < queue->count; i++) {
		if (is_busy(queue, queue->waiting[i].subject))
			continue;
		char *subject = strdup(queue->waiting[i].subject);
		if (subject == NULL)
			return false;
		queue->busy[queue->busy_count++] = subject;
		*event = queue->waiting[i];
		remove_at(queue, i);
		return true;
	}
	return false;
}

void hook_queue_done(struct hook_queue *queue, struct hook_event *event)
{
	size_t place = 0;
	while (place < queue->busy_count && strcmp(queue->busy[place], event->subject) != 0)
		place++;
	must(place < queue->busy_count);
	free(queue->busy[place]);
	queue->busy[place] = queue->busy[--queue->busy_count];
	event_fini(event);
}

void hook_queue_note_boot(struct hook_queue *queue)
{
	for (size_t i = 0; i < queue->count; i++)
		queue->waiting[i].is_of_earlier_boot = queue->waiting[i].number > 0;
}

void hook_queue_note_waiting(const struct hook_queue *queue, struct cursor *cursor)
{
	cursor->waiting_count = 0;
	cursor->is_lost_waiting = cursor->is_initial_waiting = false;
	for (size_t i = 0; i < queue->count; i++) {
		const struct hook_event *waiting = &queue->waiting[i];
		if (waiting->is_of_earlier_boot || strcmp(waiting->state, "lost") == 0)
			cursor->is_lost_waiting = true;
		else if (waiting->number == 0)
			cursor->is_initial_waiting = true;
		else
			cursor->waiting[cursor->waiting_count++] = waiting->number;
	}
}
