#include "kith/table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kith/words.h"

/* By https://no-color.org, any value but an empty one counts. */
static bool has_colours(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(fd) && (no_color == NULL || no_color[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

void table_init(struct table *table, const struct table_style *style)
{
	*table = (struct table){.scols = scols_new_table(), .style = *style};
	if (table->scols == NULL) {
		table->lacks_memory = true;
		return;
	}
	scols_table_set_stream(table->scols, style->is_for_stderr ? stderr : stdout);
	scols_table_enable_noheadings(table->scols, style->has_no_headings);
	scols_table_enable_colors(table->scols, has_colours(style->is_for_stderr ? STDERR_FILENO : STDOUT_FILENO));
	/* The cells are escaped already. */
	scols_table_enable_noencoding(table->scols, true);
	scols_table_set_column_separator(table->scols, "  ");
}

void table_fini(struct table *table)
{
	scols_unref_table(table->scols);
	table->scols = NULL;
}

void table_add_column(struct table *table, const char *name, int flags)
{
	const double narrowest = 0.1; /* of the terminal */
	int scols_flags =
		((flags & TABLE_RIGHT) != 0 ? SCOLS_FL_RIGHT : 0) | ((flags & TABLE_SHRINKS) != 0 ? SCOLS_FL_TRUNC : 0);
	if (!table->lacks_memory)
		table->lacks_memory =
			scols_table_new_column(table->scols, name, (flags & TABLE_SHRINKS) != 0 ? narrowest : 0,
					       scols_flags) == NULL;
}

void table_add_line(struct table *table)
{
	if (table->lacks_memory)
		return;
	table->line = scols_table_new_line(table->scols, NULL);
	table->lacks_memory = table->line == NULL;
}

void table_own(struct table *table, size_t column, char *text)
{
	table->lacks_memory = table->lacks_memory || text == NULL;
	if (table->lacks_memory || scols_line_refer_data(table->line, column, text) != 0) {
		table->lacks_memory = true;
		free(text);
	}
}

void table_put(struct table *table, size_t column, const char *text)
{
	if (!table->lacks_memory)
		table_own(table, column, words_clean(text, table->style.is_raw ? TEXT_WORD : TEXT_LINE));
}

static const char *colour_name(enum table_colour colour)
{
	static const char *const names[] = {
		[TABLE_GREEN] = "green", [TABLE_YELLOW] = "yellow", [TABLE_RED] = "red", [TABLE_GREY] = "darkgray"};
	return names[colour];
}

void table_colour(struct table *table, size_t column, enum table_colour colour)
{
	if (table->lacks_memory || colour == TABLE_NO_COLOUR)
		return;
	scols_cell_set_color(scols_line_get_cell(table->line, column), colour_name(colour));
}

static void print_raw_cell(struct libscols_cell *cell, size_t column)
{
	const char *text = scols_cell_get_data(cell);
	bool is_empty = text == NULL || text[0] == '\0';
	printf("%s%s", column == 0 ? "" : " ", is_empty ? "-" : text);
}

/* Single spaces between the cells. None is empty, so that each line has as many words. */
static void print_raw(const struct table *table)
{
	size_t columns = scols_table_get_ncols(table->scols), lines = scols_table_get_nlines(table->scols);
	for (size_t i = 0; i < columns && !table->style.has_no_headings; i++)
		print_raw_cell(scols_column_get_header(scols_table_get_column(table->scols, i)), i);
	if (columns > 0 && !table->style.has_no_headings)
		putchar('\n');
	for (size_t i = 0; i < lines; i++) {
		for (size_t j = 0; j < columns; j++)
			print_raw_cell(scols_line_get_cell(scols_table_get_line(table->scols, i), j), j);
		putchar('\n');
	}
}

enum outcome table_print(struct table *table)
{
	if (table->lacks_memory)
		return complain_no_memory();
	if (table->style.is_raw) {
		print_raw(table);
		return OUTCOME_DONE;
	}
	if (scols_table_get_nlines(table->scols) > 0 && scols_print_table(table->scols) != 0)
		return complain_no_memory();
	return OUTCOME_DONE;
}

const char *table_colour_escape(enum table_colour colour)
{
	static const char *const escapes[] = {[TABLE_NO_COLOUR] = "\033[0m",
					      [TABLE_GREEN] = "\033[32m",
					      [TABLE_YELLOW] = "\033[33m",
					      [TABLE_RED] = "\033[31m",
					      [TABLE_GREY] = "\033[90m"};
	return has_colours(STDOUT_FILENO) ? escapes[colour] : "";
}

const char *table_library_version(void)
{
	const char *version = NULL;
	scols_get_library_version(&version);
	return version;
}
