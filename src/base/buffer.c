#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

void buffer_fini(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}

size_t buffer_length(const struct buffer *buffer)
{
	return buffer->end - buffer->start;
}

const char *buffer_content(const struct buffer *buffer)
{
	return buffer->bytes == NULL ? "" : buffer->bytes + buffer->start;
}

size_t buffer_room(const struct buffer *buffer)
{
	return buffer->capacity - buffer->end;
}

char *buffer_reserve(struct buffer *buffer, size_t bytes)
{
	size_t length = buffer_length(buffer);
	if (buffer->bytes != NULL && buffer_room(buffer) >= bytes)
		return buffer->bytes + buffer->end;
	if (buffer->bytes == NULL || buffer->capacity < length + bytes) {
		size_t capacity = buffer->capacity < BUFFER_LEAST_BYTES ? BUFFER_LEAST_BYTES : buffer->capacity;
		while (capacity < length + bytes)
			capacity *= 2;
		char *grown = realloc(buffer->bytes, capacity);
		if (grown == NULL)
			return NULL;
		buffer->bytes = grown;
		buffer->capacity = capacity;
	}
	if (length > 0)
		memmove(buffer->bytes, buffer->bytes + buffer->start, length);
	buffer->start = 0;
	buffer->end = length;
	return buffer->bytes + buffer->end;
}

void buffer_commit(struct buffer *buffer, size_t bytes)
{
	must(bytes <= buffer_room(buffer));
	buffer->end += bytes;
}

bool buffer_append(struct buffer *buffer, const char *bytes, size_t length)
{
	if (length == 0)
		return true;
	char *room = buffer_reserve(buffer, length);
	if (room == NULL)
		return false;
	memcpy(room, bytes, length);
	buffer_commit(buffer, length);
	return true;
}

void buffer_consume(struct buffer *buffer, size_t bytes)
{
	must(bytes <= buffer_length(buffer));
	buffer->start += bytes;
	if (buffer->start == buffer->end)
		buffer->start = buffer->end = 0;
}
