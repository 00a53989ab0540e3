/*
 * Bytes to lines: whatever TCP did to them on the way. The reader puts bytes in as they come and takes whole lines out.
 * Embedded in the reader's own data; not thread-safe.
 */
#ifndef KITH_FRAME_H
#define KITH_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* A line with its LF. Long enough for an `addr` of 1,000 of the longest entries (96 bytes each). */
enum { FRAME_LINE_BYTES = 131072 };

struct frame {
	struct buffer buffer;
	size_t searched_bytes; /* of the buffer, known to hold no LF */
	size_t taken_bytes;    /* of the line that was handed out last: consumed at the next call */
	size_t read_bytes;     /* how much the next read should be for; 0 before the first */
	size_t lines;	       /* that have ended so far, those of white space included */
};

enum frame_result {
	FRAME_LINE,
	FRAME_NEED_MORE,
	FRAME_TOO_LONG, /* for good: the stream can't be understood any more */
};

void frame_fini(struct frame *frame);

/* Where to put bytes, and how many fit: never 0 after FRAME_NEED_MORE. NULL if there is no memory. */
char *frame_space(struct frame *frame, size_t *bytes);
void frame_added(struct frame *frame, size_t bytes);

/* Is there the beginning of a line whose end is still to come? To be asked after FRAME_NEED_MORE. */
bool frame_is_within_line(const struct frame *frame);

/* Bytes that were put in and not handed out. */
size_t frame_held_bytes(const struct frame *frame);

/*
 * The next line, without its LF and a CR before it, borrowed until the next call of any of these. Lines of white space
 * are passed over.
 */
enum frame_result frame_next(struct frame *frame, const char **line, size_t *length);

#endif
