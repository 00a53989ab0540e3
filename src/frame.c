#include "frame.h"

#include <string.h>

enum { READ_BYTES = 4096 };

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
	/* Doubling: a long line is read in few calls, and an idle connection holds nothing. */
	size_t held = buffer_length(&frame->buffer);
	char *space = buffer_reserve(&frame->buffer, held < READ_BYTES ? READ_BYTES : held);
	*bytes = space == NULL ? 0 : buffer_room(&frame->buffer);
	return space;
}

void frame_added(struct frame *frame, size_t bytes)
{
	buffer_commit(&frame->buffer, bytes);
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
