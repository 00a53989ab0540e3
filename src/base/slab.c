#include "base/slab.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/must.h"

/* AddressSanitizer then reports who uses an object that was given back. */
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(from, bytes) ((void)(from), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(from, bytes) ((void)(from), (void)(bytes))
#endif

enum { CHUNK_BYTES = 16 * 1024 };

/* What precedes each object. */
union cell {
	struct slab_chunk *chunk; /* of an object that is in use */
	union cell *next;	  /* the next free one of its chunk */
};

struct slab_chunk {
	struct slab_chunk *prev, *next; /* of those with room */
	union cell *free;
	size_t used;
};

static size_t cell_bytes(const struct slab *slab)
{
	size_t bytes = sizeof(union cell) + slab->object_bytes;
	return (bytes + sizeof(union cell) - 1) / sizeof(union cell) * sizeof(union cell);
}

void slab_init(struct slab *slab, size_t object_bytes)
{
	*slab = (struct slab){.object_bytes = object_bytes};
	must(sizeof(struct slab_chunk) + cell_bytes(slab) <= CHUNK_BYTES);
}

void slab_fini(struct slab *slab)
{
	struct slab_chunk *chunk = slab->with_room;
	must(chunk == NULL || (chunk->used == 0 && chunk->next == NULL));
	free(chunk);
	slab->with_room = NULL;
}

static struct slab_chunk *new_chunk(const struct slab *slab)
{
	struct slab_chunk *chunk = malloc(CHUNK_BYTES);
	if (chunk == NULL)
		return NULL;
	*chunk = (struct slab_chunk){0};
	size_t step = cell_bytes(slab), count = (CHUNK_BYTES - sizeof *chunk) / step;
	char *cells = (char *)(chunk + 1);
	/* The first is the last that is linked, so that they are used in their order. */
	while (count-- > 0) {
		union cell *cell = (union cell *)(void *)(cells + count * step);
		cell->next = chunk->free;
		chunk->free = cell;
		ASAN_POISON_MEMORY_REGION(cell + 1, slab->object_bytes);
	}
	return chunk;
}

void *slab_take(struct slab *slab)
{
	struct slab_chunk *chunk = slab->with_room;
	if (chunk == NULL) {
		chunk = new_chunk(slab);
		if (chunk == NULL)
			return NULL;
		DL_PREPEND(slab->with_room, chunk);
	}
	union cell *cell = chunk->free;
	must(cell != NULL);
	chunk->free = cell->next;
	chunk->used++;
	if (chunk->free == NULL)
		DL_DELETE(slab->with_room, chunk);
	cell->chunk = chunk;
	ASAN_UNPOISON_MEMORY_REGION(cell + 1, slab->object_bytes);
	return memset(cell + 1, 0, slab->object_bytes);
}

void slab_give(struct slab *slab, void *object)
{
	if (object == NULL)
		return;
	union cell *cell = (union cell *)object - 1;
	struct slab_chunk *chunk = cell->chunk;
	/* What was full a moment ago is filled up again before others, so that those can become empty. */
	if (chunk->free == NULL)
		DL_PREPEND(slab->with_room, chunk);
	cell->next = chunk->free;
	chunk->free = cell;
	chunk->used--;
	ASAN_POISON_MEMORY_REGION(object, slab->object_bytes);
	bool is_only = slab->with_room->next == NULL;
	if (chunk->used > 0 || is_only)
		return;
	DL_DELETE(slab->with_room, chunk);
	free(chunk);
}
