/*
 * An outbox: the bounded queue of encoded lines that wait to be written to one peer. It knows nothing of sockets.
 *
 * The life of a line: any thread puts it in; the thread that has the write turn takes the head of the queue, writes it
 * without the lock, says how much of it went out, and gives the turn back. What was not written stays at the head, so a
 * line is never torn by another. The pinger waits here until there is something to write that nobody else is writing.
 * Once closed, the outbox takes no more lines; those within may still be written.
 *
 * Any thread may call, but the functions of the turn are for the thread that has it.
 */
#ifndef KITH_OUTBOX_H
#define KITH_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox;

enum outbox_result {
	OUTBOX_TAKEN,
	OUTBOX_FULL, /* the limit, or no memory: nothing was taken */
	OUTBOX_CLOSED,
};

/* Holds at most limit_bytes. NULL if there is no memory. */
struct outbox *outbox_new(size_t limit_bytes);
void outbox_free(struct outbox *outbox);

/* Copies one line, LF included. Wakes the pinger unless somebody has the turn and will write it anyway. */
enum outbox_result outbox_put(struct outbox *outbox, const char *line, size_t length);
/* Closes the outbox with this as its last line, whatever the limit; a length of 0 closes it without. */
enum outbox_result outbox_close(struct outbox *outbox, const char *line, size_t length);
bool outbox_is_closed(struct outbox *outbox);
/* What waits to be written. */
size_t outbox_held_bytes(struct outbox *outbox);

/* False if another thread has the turn. Does not block. */
bool outbox_take_turn(struct outbox *outbox);
/* The head of the queue, borrowed until outbox_wrote; 0 if the queue is empty. */
size_t outbox_head(struct outbox *outbox, const char **bytes);
void outbox_wrote(struct outbox *outbox, size_t bytes);
/* Wakes the pinger if lines are left. */
void outbox_return_turn(struct outbox *outbox);

/* Blocks until there are lines to write or it is closed, and the turn is free; until somebody nudges, or until_us. */
void outbox_wait(struct outbox *outbox, int64_t until_us);
/* Ends the wait, or the next one, without a line. */
void outbox_nudge(struct outbox *outbox);

/* The reader is done, for good: ends outbox_wait_finished. */
void outbox_finish(struct outbox *outbox);
void outbox_wait_finished(struct outbox *outbox, int64_t until_us);

#endif
