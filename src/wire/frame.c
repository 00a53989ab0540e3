#include "wire/frame.h"

#include <string.h>

enum { LEAST_READ_BYTES = 256, MOST_READ_BYTES = 16 * 1024 };

void frame_fini(struct frame *frame)
{
	buffer_fini(&frame->buffer);
	*frame = (struct frame){0};
}

static void drop_taken(struct frame *frame)
{
	if (frame->taken_bytes > 0)
		buffer_consume(&frame->buffer, frame->taken_bytes);
	frame->taken_bytes = 0;
}

char *frame_space(struct frame *frame, size_t *bytes)
{
	drop_taken(frame);
	if (frame->read_bytes == 0)
		frame->read_bytes = LEAST_READ_BYTES;
	/* Doubling: a long line is read in few calls. */
	size_t held = buffer_length(&frame->buffer);
	if (held == 0 && buffer_room(&frame->buffer) >= 2 * frame->read_bytes)
		buffer_fini(&frame->buffer);
	char *space = buffer_reserve(&frame->buffer, held < frame->read_bytes ? frame->read_bytes : held);
	*bytes = space == NULL ? 0 : buffer_room(&frame->buffer);
	return space;
}

/*
 * The next read is for twice as much where this one was filled, and for half as much where it wasn't needed: a peer
 * that only answers pings waits in 256 bytes instead of 4 kB (make bench BENCH=memory10000), and one that says more is
 * read in few calls.
 */
static void fit_read(struct frame *frame, size_t bytes)
{
	if (bytes >= frame->read_bytes && frame->read_bytes < MOST_READ_BYTES)
		frame->read_bytes *= 2;
	else if (bytes < frame->read_bytes / 4 && frame->read_bytes > LEAST_READ_BYTES)
		frame->read_bytes /= 2;
}

void frame_added(struct frame *frame, size_t bytes)
{
	buffer_commit(&frame->buffer, bytes);
	fit_read(frame, bytes);
}

bool frame_is_within_line(const struct frame *frame)
{
	return buffer_length(&frame->buffer) > 0;
}

size_t frame_held_bytes(const struct frame *frame)
{
	return buffer_length(&frame->buffer) - frame->taken_bytes;
}

enum frame_result frame_next(struct frame *frame, const char **line, size_t *length)
{
	for (;;) {
		drop_taken(frame);
		size_t held = buffer_length(&frame->buffer);
		if (held == 0)
			return FRAME_NEED_MORE;
		const char *start = buffer_content(&frame->buffer);
		const char *end = memchr(start + frame->searched_bytes, '\n', held - frame->searched_bytes);
		size_t line_bytes = end == NULL ? held + 1 : (size_t)(end - start) + 1;
		if (line_bytes > FRAME_LINE_BYTES)
			return FRAME_TOO_LONG;
		if (end == NULL) {
			frame->searched_bytes = held;
			return FRAME_NEED_MORE;
		}
		frame->searched_bytes = 0;
		frame->taken_bytes = line_bytes;
		frame->lines++;
		*line = start;
		*length = line_bytes - 1;
		if (*length > 0 && start[*length - 1] == '\r')
			(*length)--;
		size_t blank = 0;
		while (blank < *length && (start[blank] == ' ' || start[blank] == '\t' || start[blank] == '\r'))
			blank++;
		if (blank < *length)
			return FRAME_LINE;
	}
}
