#include "link/outbox.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/sync.h"

extern struct mutex outbox_guard;

enum pinger {
	PINGER_NONE,
	PINGER_RUNS,
	PINGER_OVER,
	PINGER_NEVER, /* retired before it was needed, or couldn't be had */
};

/*
 * Two buffers: the holder of the turn writes from one without the lock, while all threads, the holder too, fill the
 * other. To let the holder put its own lines without the lock saves nothing that can be measured: 1.24 us of processor
 * time for a pong with it, 1.20 without (load ping -c 16 -w 32 on both builds by turns).
 */
struct outbox {
	struct mutex mutex;
	struct condition changed;
	/* Immutable. */
	size_t limit_bytes;
	bool (*start_pinger)(void *argument);
	void *start_argument;
	/* Guarded. */
	enum pinger pinger GUARDED_BY(outbox_guard);
	struct buffer filling GUARDED_BY(outbox_guard);
	bool is_nudged GUARDED_BY(outbox_guard);
	bool is_finished GUARDED_BY(outbox_guard);
	bool is_taken GUARDED_BY(outbox_guard); /* the turn */
	bool is_closed GUARDED_BY(outbox_guard);
	size_t held_bytes GUARDED_BY(outbox_guard); /* in both buffers */
	/* The turn holder's alone. The turn is taken and given back under the lock, which hands this over. */
	struct buffer writing;
};

static void enter(struct outbox *outbox) ACQUIRES(outbox_guard) UNCHECKED
{
	mutex_lock(&outbox->mutex);
}

static void leave(struct outbox *outbox) RELEASES(outbox_guard) UNCHECKED
{
	mutex_unlock(&outbox->mutex);
}

static bool wait_until(struct outbox *outbox, int64_t until_us) REQUIRES(outbox_guard) UNCHECKED
{
	return condition_wait_until(&outbox->changed, &outbox->mutex, until_us);
}

struct outbox *outbox_new(size_t limit_bytes)
{
	struct outbox *outbox = calloc(1, sizeof *outbox);
	if (outbox == NULL)
		return NULL;
	mutex_init(&outbox->mutex);
	condition_init(&outbox->changed);
	outbox->limit_bytes = limit_bytes;
	return outbox;
}

void outbox_free(struct outbox *outbox) UNCHECKED
{
	if (outbox == NULL)
		return;
	buffer_fini(&outbox->filling);
	buffer_fini(&outbox->writing);
	condition_fini(&outbox->changed);
	mutex_fini(&outbox->mutex);
	free(outbox);
}

void outbox_on_call(struct outbox *outbox, bool (*start_pinger)(void *argument), void *argument)
{
	outbox->start_pinger = start_pinger;
	outbox->start_argument = argument;
}

static void end_pinger(struct outbox *outbox, enum pinger pinger)
{
	enter(outbox);
	outbox->pinger = pinger;
	condition_broadcast(&outbox->changed);
	leave(outbox);
}

/* Leaves, and wakes the pinger; starts it where this is the first need of it. */
static void leave_and_call(struct outbox *outbox) RELEASES(outbox_guard)
{
	bool starts = outbox->pinger == PINGER_NONE && outbox->start_pinger != NULL;
	if (starts)
		outbox->pinger = PINGER_RUNS;
	else
		condition_broadcast(&outbox->changed); /* the reader may wait here too, for the pinger's end */
	leave(outbox);
	if (starts && !outbox->start_pinger(outbox->start_argument))
		end_pinger(outbox, PINGER_NEVER);
}

size_t outbox_held_bytes(struct outbox *outbox)
{
	enter(outbox);
	size_t bytes = outbox->held_bytes;
	leave(outbox);
	return bytes;
}

static bool append(struct outbox *outbox, const char *line, size_t length) REQUIRES(outbox_guard)
{
	if (!buffer_append(&outbox->filling, line, length))
		return false;
	outbox->held_bytes += length;
	return true;
}

static void swap_buffers(struct outbox *outbox) REQUIRES(outbox_guard)
{
	struct buffer empty = outbox->writing;
	outbox->writing = outbox->filling;
	outbox->filling = empty;
}

static void give_turn(struct outbox *outbox) REQUIRES(outbox_guard)
{
	outbox->is_taken = true;
	if (buffer_length(&outbox->writing) == 0)
		swap_buffers(outbox);
}

enum outbox_result outbox_put(struct outbox *outbox, const char *line, size_t length, bool may_write)
{
	enum outbox_result result = OUTBOX_TAKEN;
	enter(outbox);
	if (outbox->is_closed) {
		result = OUTBOX_CLOSED;
	} else if (may_write && !outbox->is_taken && outbox->held_bytes == 0) {
		give_turn(outbox);
		result = OUTBOX_EMPTY;
	} else if (outbox->held_bytes + length > outbox->limit_bytes || !append(outbox, line, length)) {
		result = OUTBOX_FULL;
	}
	leave(outbox);
	return result;
}

enum outbox_result outbox_close(struct outbox *outbox, const char *line, size_t length)
{
	enum outbox_result result = OUTBOX_CLOSED;
	enter(outbox);
	bool is_first = !outbox->is_closed;
	outbox->is_closed = true;
	if (is_first)
		result = append(outbox, line, length) ? OUTBOX_TAKEN : OUTBOX_FULL;
	if (is_first && !outbox->is_taken)
		leave_and_call(outbox);
	else
		leave(outbox);
	return result;
}

bool outbox_is_closed(struct outbox *outbox)
{
	enter(outbox);
	bool is_closed = outbox->is_closed;
	leave(outbox);
	return is_closed;
}

void outbox_wait_closed(struct outbox *outbox, int64_t until_us)
{
	enter(outbox);
	while (!outbox->is_closed && wait_until(outbox, until_us))
		;
	leave(outbox);
}

bool outbox_take_turn(struct outbox *outbox)
{
	enter(outbox);
	bool taken = !outbox->is_taken;
	if (taken)
		give_turn(outbox);
	leave(outbox);
	return taken;
}

size_t outbox_head(struct outbox *outbox, const char **bytes)
{
	if (buffer_length(&outbox->writing) == 0) {
		enter(outbox);
		swap_buffers(outbox);
		leave(outbox);
	}
	*bytes = buffer_content(&outbox->writing);
	return buffer_length(&outbox->writing);
}

void outbox_wrote(struct outbox *outbox, size_t bytes)
{
	buffer_consume(&outbox->writing, bytes);
	/* Most outboxes are empty nearly always. Then they hold the room of a few pongs and no more: with it a ping is
	 * answered without malloc, whose lock may be with one of hundreds of busy threads (50 ms, else: the system
	 * tests' suite `attack`). */
	if (buffer_length(&outbox->writing) == 0 && outbox->writing.capacity > BUFFER_LEAST_BYTES)
		buffer_fini(&outbox->writing);
	enter(outbox);
	outbox->held_bytes -= bytes;
	leave(outbox);
}

bool outbox_keep(struct outbox *outbox, const char *bytes, size_t length)
{
	if (!buffer_append(&outbox->writing, bytes, length))
		return false;
	enter(outbox);
	outbox->held_bytes += length;
	leave(outbox);
	return true;
}

void outbox_return_turn(struct outbox *outbox)
{
	enter(outbox);
	outbox->is_taken = false;
	if (outbox->held_bytes > 0 || outbox->is_closed)
		leave_and_call(outbox);
	else
		leave(outbox);
}

void outbox_wait(struct outbox *outbox, int64_t until_us)
{
	enter(outbox);
	while (!outbox->is_nudged && (outbox->is_taken || (outbox->held_bytes == 0 && !outbox->is_closed)))
		if (!wait_until(outbox, until_us))
			break;
	outbox->is_nudged = false;
	leave(outbox);
}

void outbox_call_pinger(struct outbox *outbox)
{
	enter(outbox);
	outbox->is_nudged = true;
	leave_and_call(outbox);
}

bool outbox_retire_pinger(struct outbox *outbox)
{
	enter(outbox);
	if (outbox->pinger == PINGER_NONE)
		outbox->pinger = PINGER_NEVER;
	bool has_run = outbox->pinger != PINGER_NEVER;
	leave(outbox);
	return has_run;
}

void outbox_finish(struct outbox *outbox)
{
	enter(outbox);
	outbox->is_finished = true;
	condition_broadcast(&outbox->changed);
	leave(outbox);
}

void outbox_wait_finished(struct outbox *outbox, int64_t until_us)
{
	enter(outbox);
	while (!outbox->is_finished && wait_until(outbox, until_us))
		;
	leave(outbox);
}

void outbox_pinger_over(struct outbox *outbox)
{
	end_pinger(outbox, PINGER_OVER);
}

void outbox_wait_pinger_over(struct outbox *outbox)
{
	enter(outbox);
	while (outbox->pinger == PINGER_RUNS)
		wait_until(outbox, FOREVER_US);
	leave(outbox);
}
