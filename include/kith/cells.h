/*
 * Text as cells of a terminal. A text is clean (words_clean), but may have the escapes of colours
 * (table_colour_escape), which take no cell. Pure functions.
 */
#ifndef KITH_CELLS_H
#define KITH_CELLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* How many bytes the character or the escape at the beginning takes, 0 at the end, and how many cells. */
size_t cells_step(const char *text, size_t *width);
size_t cells_width(const char *text);
/* The bytes of the text that fit into so many cells. */
size_t cells_fit(const char *text, size_t width);

/* Appends the text in exactly so many cells: cut, or with spaces behind it, or before it if is_right. */
bool cells_put(struct buffer *out, const char *text, size_t width, bool is_right);

/*
 * The bytes of the first of the lines into which the text is broken, between words if it can be; *next is what follows.
 * At least one character.
 */
size_t cells_wrap(const char *text, size_t width, const char **next);

#endif
