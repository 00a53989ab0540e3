/*
 * However TCP cuts a stream, its lines are the same, and one that is too long is found with the byte that makes it so.
 *
 * The input is a plan and a stream, with a NUL between them. Each byte of the plan is the size of a piece: up to 127
 * it is so many bytes plus one, above that so many times 1,024; at its end the plan begins again. In the stream, three
 * bytes `^ C N` stand for N times 1,024 of the character C, so that short inputs make lines of the longest kind.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "wire/frame.h"

enum { STREAM_BYTES = 2 * FRAME_LINE_BYTES, SMALL_PIECES = 1024 };

static char stream[STREAM_BYTES];

/* The length of the stream. */
static size_t expand(const uint8_t *bytes, size_t length)
{
	size_t used = 0;
	for (size_t at = 0; at < length && used < sizeof stream; at++) {
		if (bytes[at] != '^' || length - at < 3) {
			stream[used++] = (char)bytes[at];
			continue;
		}
		size_t run = (size_t)bytes[at + 2] * 1024, room = sizeof stream - used;
		run = run < room ? run : room;
		memset(stream + used, bytes[at + 1], run);
		used += run;
		at += 2;
	}
	return used;
}

/* ---- what is expected, said another way than frame.c says it ---- */

struct expected {
	size_t at;  /* where the next line begins */
	size_t end; /* behind its LF; more than STREAM_BYTES if it has none */
};

static void find_end(struct expected *expected, size_t stream_length)
{
	const char *end = memchr(stream + expected->at, '\n', stream_length - expected->at);
	expected->end = end == NULL ? STREAM_BYTES + 1 : (size_t)(end - stream) + 1;
}

static bool is_blank(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

/* What frame_next should tell when so many bytes of the stream have come. */
static enum frame_result next_expected(struct expected *expected, size_t bytes, size_t stream_length, const char **line,
				       size_t *length)
{
	for (;;) {
		size_t here = expected->end <= bytes ? expected->end - expected->at : bytes - expected->at + 1;
		if (here > FRAME_LINE_BYTES)
			return FRAME_TOO_LONG;
		if (expected->end > bytes)
			return FRAME_NEED_MORE;
		*line = stream + expected->at;
		*length = here - 1;
		if (*length > 0 && (*line)[*length - 1] == '\r')
			--*length;
		expected->at = expected->end;
		find_end(expected, stream_length);
		if (!is_blank(*line, *length))
			return FRAME_LINE;
	}
}

/* ---- the stream in pieces ---- */

static size_t piece_size(const uint8_t *plan, size_t plan_length, size_t number)
{
	uint8_t size = plan_length == 0 || number >= SMALL_PIECES ? UINT8_MAX : plan[number % plan_length];
	return size < 128 ? size + 1U : (size - 127U) * 1024U;
}

/* Takes out all lines that the bytes so far hold. False once there will be no more. */
static bool take_lines(struct frame *frame, struct expected *expected, size_t bytes, size_t stream_length)
{
	for (;;) {
		const char *line, *expected_line;
		size_t length, expected_length;
		enum frame_result result = frame_next(frame, &line, &length);
		must(result == next_expected(expected, bytes, stream_length, &expected_line, &expected_length));
		if (result != FRAME_LINE)
			return result != FRAME_TOO_LONG;
		must(length == expected_length && memcmp(line, expected_line, length) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const uint8_t *nul = length == 0 ? NULL : memchr(bytes, '\0', length);
	size_t plan_length = nul == NULL ? 0 : (size_t)(nul - bytes);
	size_t skipped = nul == NULL ? 0 : plan_length + 1;
	size_t stream_length = expand(bytes + skipped, length - skipped);

	struct frame frame = {0};
	struct expected expected = {0};
	bool goes_on = true;
	find_end(&expected, stream_length);
	for (size_t fed = 0, piece = 0; goes_on && fed < stream_length; piece++) {
		size_t room, size = piece_size(bytes, plan_length, piece);
		char *space = frame_space(&frame, &room);
		must(space != NULL && room > 0);
		/* All of it must be there to be written to. */
		space[room - 1] = 'x';
		size = size < room ? size : room;
		size = size < stream_length - fed ? size : stream_length - fed;
		memcpy(space, stream + fed, size);
		frame_added(&frame, size);
		fed += size;
		goes_on = take_lines(&frame, &expected, fed, stream_length);
		/* What waits is less than a line, and one read. */
		must(frame.buffer.capacity <= 4 * FRAME_LINE_BYTES);
	}
	frame_fini(&frame);
	return 0;
}
