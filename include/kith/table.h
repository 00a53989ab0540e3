/*
 * A table for people, or with -r for scripts. The one place that includes libsmartcols. Cells keep to the terminal's
 * width, and have colours only on a terminal and never with NO_COLOR. Lack of memory is remembered, and reported when
 * it is printed.
 */
#ifndef KITH_TABLE_H
#define KITH_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "kith/outcome.h"

struct table_style {
	bool is_raw, has_no_headings, is_for_stderr;
};

/* How a column behaves. */
enum {
	TABLE_RIGHT = 1,   /* numbers */
	TABLE_SHRINKS = 2, /* cut if the terminal is too narrow */
};

enum table_colour { TABLE_NO_COLOUR, TABLE_GREEN, TABLE_YELLOW, TABLE_RED, TABLE_GREY };

struct libscols_table;
struct libscols_line;

struct table {
	struct libscols_table *scols;
	struct libscols_line *line; /* the last one */
	struct table_style style;
	bool lacks_memory;
};

void table_init(struct table *table, const struct table_style *style);
void table_fini(struct table *table);
void table_add_column(struct table *table, const char *name, int flags);
void table_add_line(struct table *table);
/* A cell of the last line. The text is escaped; table_own takes a text that is escaped already, or NULL for no memory.
 */
void table_put(struct table *table, size_t column, const char *text);
void table_own(struct table *table, size_t column, char *text);
/* Of the last line. */
void table_colour(struct table *table, size_t column, enum table_colour colour);
/* Prints it. */
enum outcome table_print(struct table *table);

/* The escape that begins a colour on stdout, or ends it for TABLE_NO_COLOUR; "" if stdout has no colours. */
const char *table_colour_escape(enum table_colour colour);

/* Of libsmartcols. */
const char *table_library_version(void);

#endif
