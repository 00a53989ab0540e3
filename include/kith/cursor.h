/*
 * How far `kith on` has come in the journal of a node, so that it goes on from there when it is started again. A plain
 * value; one thread. As a file:
 *
 *	kith cursor 1
 *	boot 5d21e0c7-8f0a-4be2-9a3c-3f5f6d1f7a10
 *	number 1234
 *	waiting 1201
 *	lost
 *	end
 */
#ifndef KITH_CURSOR_H
#define KITH_CURSOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/problem.h"
#include "wire/nodeid.h"

/* More events never wait at once (queue.h); a file is never longer. */
enum { CURSOR_WAITING = 1024, CURSOR_BYTES = 64 * 1024 };

struct cursor {
	struct nodeid boot; /* the run of the node; none: it has not come to any node yet */
	uint64_t number;    /* of the last event that was taken from the journal */
	/* Those taken whose command has not begun, in ascending order. */
	uint64_t waiting[CURSOR_WAITING];
	size_t waiting_count;
	bool is_lost_waiting;	 /* nor has that of a "lost" event */
	bool is_initial_waiting; /* nor have all of --initial */
};

/* False with a problem, for a text that cursor_format doesn't write. An empty one is a cursor without a boot. */
bool cursor_parse(const char *text, size_t length, struct cursor *cursor, struct problem *problem);
/* Appends the text. False if there is no memory. */
bool cursor_format(const struct cursor *cursor, struct buffer *out);

/* The number after which the journal is to be read. */
uint64_t cursor_after(const struct cursor *cursor);
/* Is this event still to be handled? */
bool cursor_wants(const struct cursor *cursor, uint64_t number);
/* How many of the events are that are after the first of these numbers, up to the second. */
uint64_t cursor_count_wanted(const struct cursor *cursor, uint64_t after, uint64_t last);

/* The file; one that doesn't exist is an empty one. False with a problem that names it. */
bool cursor_load(const char *path, struct cursor *cursor, struct problem *problem);
bool cursor_save(const char *path, const struct cursor *cursor, struct problem *problem);

/*
 * Takes the file for this process, until it ends or the descriptor is closed. -1 with a problem, which names the
 * process that has it. What is locked is FILE.lock, which stays: the file itself is replaced again and again.
 */
int cursor_lock(const char *path, struct problem *problem);

#endif
