/*
 * Events that wait for their command. One command runs at a time for each subject, and its events keep their order. A
 * newer state of a subject takes the place of an older one that still waits. A plain value; one thread.
 */
#ifndef KITH_HOOK_QUEUE_H
#define KITH_HOOK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kith/cursor.h"
#include "wire/json.h"

enum { HOOK_QUEUE_MOST = CURSOR_WAITING, HOOK_RUNNING_MOST = 16 };

struct hook_event {
	char *subject;		 /* whom it is about */
	const char *state;	 /* which of its states: peer_up and peer_down are of one */
	uint64_t number;	 /* 0 for one that isn't in the journal: lost, or of the present state */
	bool is_of_earlier_boot; /* the journal with that number is gone */
	struct json_object *row;
};

struct hook_queue {
	struct hook_event waiting[HOOK_QUEUE_MOST]; /* in the order of their coming */
	size_t count;
	char *busy[HOOK_RUNNING_MOST]; /* subjects whose command runs */
	size_t busy_count;
};

void hook_queue_fini(struct hook_queue *queue);
bool hook_queue_is_full(const struct hook_queue *queue);

/* Holds the row. The queue is not full. False if there is no memory. */
bool hook_queue_put(struct hook_queue *queue, struct json_object *row, uint64_t number);

/*
 * Takes the first event whose subject has no command running, which from then on has one. False if there is none, or
 * HOOK_RUNNING_MOST run. The event is the caller's, who gives it back when its command has ended.
 */
bool hook_queue_take(struct hook_queue *queue, struct hook_event *event);
void hook_queue_done(struct hook_queue *queue, struct hook_event *event);

/* The node has begun another journal. */
void hook_queue_note_boot(struct hook_queue *queue);
/* Writes down in the cursor what waits. */
void hook_queue_note_waiting(const struct hook_queue *queue, struct cursor *cursor);

#endif
