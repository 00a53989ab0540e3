/*
 * A growing queue of bytes: appended at one end, consumed at the other. It keeps its memory when it is empty, until
 * buffer_fini. Not thread-safe; embedded in its owner.
 */
#ifndef KITH_BUFFER_H
#define KITH_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

enum { BUFFER_LEAST_BYTES = 256 }; /* what it takes from the heap at first */

struct buffer {
	char *bytes;
	size_t start, end; /* the content is bytes[start] to bytes[end - 1] */
	size_t capacity;
};

/* The buffer is then as new. */
void buffer_fini(struct buffer *buffer);
size_t buffer_length(const struct buffer *buffer);
const char *buffer_content(const struct buffer *buffer);

/* Makes room for at least this many bytes behind the content; NULL if there is no memory. */
char *buffer_reserve(struct buffer *buffer, size_t bytes);
/* How many bytes fit behind the content as it is. */
size_t buffer_room(const struct buffer *buffer);
/* This many bytes were put where buffer_reserve said. */
void buffer_commit(struct buffer *buffer, size_t bytes);
bool buffer_append(struct buffer *buffer, const char *bytes, size_t length);
void buffer_consume(struct buffer *buffer, size_t bytes);

#endif
