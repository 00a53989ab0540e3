/*
 * An outbox: the bounded queue of encoded lines that wait to be written to one peer. It knows nothing of sockets.
 *
 * The life of a line: any thread puts it in; the thread that has the write turn takes the head of the queue, writes it
 * without the lock, says how much of it went out, and gives the turn back. What was not written stays at the head, so a
 * line is never torn by another. The pinger waits here until there is something to write that nobody else is writing.
 * Once closed, the outbox takes no more lines; those within may still be written.
 *
 * The life of a pinger: there is none until one is needed, since lines or a close wait that nobody attends to, or since
 * somebody calls outbox_call_pinger; then outbox_on_call's function starts it, once. It says when it is over; before
 * that the reader retires it, and from then on none starts.
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
	OUTBOX_EMPTY, /* nothing waits and nobody writes: the caller has the turn, and the line is still his to write */
	OUTBOX_FULL,  /* the limit, or no memory: nothing was taken */
	OUTBOX_CLOSED,
};

/* Holds at most limit_bytes. NULL if there is no memory. */
struct outbox *outbox_new(size_t limit_bytes);
void outbox_free(struct outbox *outbox);

/* Before any other thread knows of the outbox: how a pinger is started; false if it can't be. Without that there is
 * none.
 */
void outbox_on_call(struct outbox *outbox, bool (*start_pinger)(void *argument), void *argument);

/* Copies one line, LF included. With may_write, OUTBOX_EMPTY is a possible answer. */
enum outbox_result outbox_put(struct outbox *outbox, const char *line, size_t length, bool may_write);
/* Closes the outbox with this as its last line, whatever the limit; a length of 0 closes it without. Calls the pinger
 * unless somebody has the turn. */
enum outbox_result outbox_close(struct outbox *outbox, const char *line, size_t length);
bool outbox_is_closed(struct outbox *outbox);
/* Blocks until outbox_close has been called, or until_us. By the reader once it has retired the pinger, or by the
 * pinger: the start of one would wake nobody here. */
void outbox_wait_closed(struct outbox *outbox, int64_t until_us);
/* What waits to be written. */
size_t outbox_held_bytes(struct outbox *outbox);

/* False if somebody has the turn. Does not block. The thread that takes the turn is the one that gives it back. */
bool outbox_take_turn(struct outbox *outbox);
/* The head of the queue, borrowed until outbox_wrote; 0 if the queue is empty. */
size_t outbox_head(struct outbox *outbox, const char **bytes);
void outbox_wrote(struct outbox *outbox, size_t bytes);
/* What is left of a line that was the caller's to write goes into the queue. False if there is no memory. */
bool outbox_keep(struct outbox *outbox, const char *bytes, size_t length);
/* Calls the pinger if lines are left, or if the outbox was closed. */
void outbox_return_turn(struct outbox *outbox);

/* Blocks until there are lines to write or it is closed, and the turn is free; until somebody nudges, or until_us. */
void outbox_wait(struct outbox *outbox, int64_t until_us);
/* Ends the wait, or the next one, without a line; starts the pinger where there is none yet. */
void outbox_call_pinger(struct outbox *outbox);

/* The reader has come to the end: no pinger starts any more. True if there has been one. */
bool outbox_retire_pinger(struct outbox *outbox);
/* The reader is done, for good: ends outbox_wait_finished. */
void outbox_finish(struct outbox *outbox);
void outbox_wait_finished(struct outbox *outbox, int64_t until_us);
/* The pinger is over: it touches nothing of this any more. */
void outbox_pinger_over(struct outbox *outbox);
/* Blocks until then. */
void outbox_wait_pinger_over(struct outbox *outbox);

#endif
