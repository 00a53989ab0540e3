#include "kith/top_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith/cells.h"
#include "kith/story.h"
#include "kith/table.h"
#include "kith/words.h"

/* The content of the buffer as a text of its own, or NULL; empties the buffer. */
static char *take_text(struct buffer *buffer, bool is_good)
{
	char *text = is_good ? strndup(buffer_length(buffer) > 0 ? buffer_content(buffer) : "", buffer_length(buffer))
			     : NULL;
	buffer_fini(buffer);
	return text;
}

/* The text in exactly so many cells. */
static void add_cut(struct picture *picture, const char *text, size_t columns, enum picture_style style)
{
	struct buffer line = {0};
	bool is_good = cells_put(&line, text, columns, false);
	picture_add(picture, take_text(&line, is_good), style);
}

static void fill(struct picture *picture, size_t rows)
{
	while (picture->count < rows && !picture->lacks_memory)
		picture_add(picture, strdup(""), PICTURE_PLAIN);
}

/* ---- text of many lines ---- */

/* Adds those lines of the text that are at from up to to; lines that begin with spaces go on below their text. */
static size_t add_wrapped(struct picture *picture, const char *text, size_t columns, size_t from, size_t to)
{
	enum { INDENT = 4 };
	size_t number = 0;
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		char *line = strndup(text, length);
		const char *rest = line;
		bool is_first = true;
		if (line == NULL)
			picture->lacks_memory = true;
		while (rest != NULL && (is_first || *rest != '\0')) {
			struct buffer out = {0};
			size_t indent = is_first || columns <= 2 * (size_t)INDENT ? 0 : INDENT;
			const char *next;
			size_t bytes = cells_wrap(rest, columns - indent, &next);
			bool is_good = cells_put(&out, "", indent, false) && buffer_append(&out, rest, bytes);
			if (number >= from && number < to)
				picture_add(picture, take_text(&out, is_good),
					    number == 0 ? PICTURE_BOLD : PICTURE_PLAIN);
			buffer_fini(&out);
			number++;
			is_first = false;
			rest = next;
		}
		free(line);
		text += length + (text[length] == '\n');
	}
	return number;
}

/* What is printed, as a text; NULL if there is no memory. */
static char *print_into_text(bool (*print)(FILE *out, struct top_model *model), struct top_model *model)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	bool is_good = out != NULL && print(out, model);
	if (out == NULL || fclose(out) != 0 || !is_good) {
		free(text);
		return NULL;
	}
	return text;
}

static bool print_story(FILE *out, struct top_model *model)
{
	if (model->no_story.text[0] != '\0') {
		char *clean = words_clean(model->no_story.text, TEXT_LINE);
		bool is_good = clean != NULL && fprintf(out, "%s\n", clean) > 0;
		free(clean);
		return is_good;
	}
	if (model->facts.count == 0)
		return fputs("asking the node...\n", out) >= 0;
	return story_print(out, &model->facts, model->about);
}

static bool print_help(FILE *out, struct top_model *model)
{
	(void)model;
	fputs("kith top: a node and its peers, refreshed\n"
	      "  Up Down PgUp PgDn Home End   select a peer; j and k too\n"
	      "  Enter                        why: what has happened to it\n"
	      "  /                            search in names, nodeids, addresses and agents; Esc shows all\n"
	      "  < > or Left Right            sort by another column\n",
	      out);
	for (enum top_column column = 0; column < TOP_COLUMNS; column++)
		fprintf(out, "  %c                            sort by %s\n", top_columns[column].letter,
			top_columns[column].words);
	return fputs("  r                            reverse the order, as the same key again does\n"
		     "  p                            pause; Space refreshes now\n"
		     "  ? q                          help, quit\n"
		     "STATE says gone for a node that broke off or fell silent and is not back, and late for one whose "
		     "answer to a ping is overdue.\n",
		     out) >= 0;
}

/* ---- the table ---- */

static enum table_colour colour_of(const char *state)
{
	return strcmp(state, "ready") == 0 ? TABLE_GREEN : strcmp(state, "gone") == 0 ? TABLE_RED : TABLE_YELLOW;
}

static bool put_cell(struct buffer *line, struct json_object *row, enum top_column column, size_t width)
{
	char *text = top_cell(row, column);
	bool is_state = column == TOP_STATE;
	const char *begin = is_state ? table_colour_escape(colour_of(top_state(row))) : "";
	const char *end = is_state ? table_colour_escape(TABLE_NO_COLOUR) : "";
	bool is_good = text != NULL && buffer_append(line, begin, strlen(begin)) &&
		       cells_put(line, text, width, top_columns[column].is_number) &&
		       buffer_append(line, end, strlen(end));
	free(text);
	return is_good;
}

/* A line of the table, or its headings for NULL, in so many cells. */
static void add_row(struct picture *picture, const struct top_layout *layout, struct json_object *row, size_t columns,
		    enum picture_style style)
{
	struct buffer line = {0};
	bool is_good = true;
	size_t used = 0;
	for (size_t i = 0; i < layout->count && is_good; i++) {
		enum top_column column = layout->places[i].column;
		size_t width = layout->places[i].width, gap = i == 0 ? 0 : TOP_GAP;
		const struct top_column_kind *kind = &top_columns[column];
		is_good = cells_put(&line, "", gap, false) &&
			  (row == NULL ? cells_put(&line, kind->heading, width, kind->is_number)
				       : put_cell(&line, row, column, width));
		used += gap + width;
	}
	is_good = is_good && cells_put(&line, "", columns - used, false);
	picture_add(picture, take_text(&line, is_good), style);
}

static void add_table(struct picture *picture, struct top_model *model, size_t rows, size_t columns)
{
	struct top_layout layout = top_layout(columns, model->sort, model->wants);
	size_t page = rows > picture->count + 1 ? rows - picture->count - 1 : 0;
	top_scroll(model, page);
	if (rows == 0)
		return;
	add_row(picture, &layout, NULL, columns, PICTURE_BOLD);
	for (size_t i = 0; i < page && model->first + i < model->shown.count; i++)
		add_row(picture, &layout, model->shown.list[model->first + i], columns,
			model->first + i == model->selected ? PICTURE_REVERSE : PICTURE_PLAIN);
}

/* ---- the last line ---- */

/* "the highest first": what the order of the column is. */
static const char *order_words(const struct top_model *model)
{
	if (!top_columns[model->sort].is_number)
		return model->is_reversed ? ", backwards" : "";
	return model->is_reversed ? ", lowest first" : ", highest first";
}

static void format_summary(const struct top_model *model, char *out, size_t out_bytes)
{
	size_t all = model->status.peers.count + model->gone.count;
	size_t length = model->filter[0] == '\0' ? 0
						 : (size_t)snprintf(out, out_bytes, "/%s: %zu of %zu  ", model->filter,
								    model->shown.count, all);
	snprintf(out + length, out_bytes - length, "%ssorted by %s%s  Enter why  / search  ? help  q quit",
		 model->is_paused ? "paused  " : "", top_columns[model->sort].words, order_words(model));
}

static void add_last_line(struct picture *picture, const struct top_model *model, size_t columns)
{
	char text[PROBLEM_BYTES + TOP_TEXT_BYTES];
	if (model->mode == TOP_SEARCH)
		snprintf(text, sizeof text, "/%s_", model->filter);
	else if (model->trouble.text[0] != '\0')
		snprintf(text, sizeof text, "%s", model->trouble.text);
	else if (model->mode == TOP_LIST)
		format_summary(model, text, sizeof text);
	else
		snprintf(text, sizeof text, "%sUp Down scroll  Esc back", model->is_paused ? "paused  " : "");
	char *clean = words_clean(text, TEXT_LINE);
	if (clean == NULL)
		picture->lacks_memory = true;
	else
		add_cut(picture, clean, columns, PICTURE_REVERSE);
	free(clean);
}

/* ---- all of it ---- */

static void add_text_page(struct picture *picture, struct top_model *model, const char *text, size_t rows,
			  size_t columns)
{
	struct picture ignored = {0};
	model->page = rows > 0 ? rows : 1;
	model->story_lines = add_wrapped(&ignored, text, columns, 0, 0);
	size_t last = model->story_lines > model->page ? model->story_lines - model->page : 0;
	model->story_first = model->story_first > last ? last : model->story_first;
	add_wrapped(picture, text, columns, model->story_first, model->story_first + rows);
	picture_fini(&ignored);
}

/* A third of the screen is for what status tells, if the table keeps some lines. */
static void add_status(struct picture *picture, const char *text, size_t rows, size_t columns)
{
	enum { LEAST = 5, SHARE = 3 };
	size_t most = rows < LEAST ? 0 : rows / SHARE;
	for (size_t i = 0; i < most && *text != '\0'; i++) {
		size_t length = strcspn(text, "\n");
		char *line = strndup(text, length);
		if (line == NULL)
			picture->lacks_memory = true;
		else
			add_cut(picture, line, columns, i == 0 ? PICTURE_BOLD : PICTURE_PLAIN);
		free(line);
		text += length + (text[length] == '\n');
	}
}

struct picture top_view(struct top_model *model, size_t rows, size_t columns)
{
	struct picture picture = {0};
	size_t room = rows > 0 ? rows - 1 : 0;
	bool is_page = model->mode == TOP_STORY || model->mode == TOP_HELP;
	char *text = is_page ? print_into_text(model->mode == TOP_STORY ? print_story : print_help, model) : NULL;
	if (is_page && text == NULL)
		picture.lacks_memory = true;
	else if (is_page)
		add_text_page(&picture, model, text, room, columns);
	else
		add_status(&picture, model->status_text == NULL ? "" : model->status_text, room, columns);
	if (!is_page)
		add_table(&picture, model, room, columns);
	fill(&picture, room);
	if (rows > 0)
		add_last_line(&picture, model, columns);
	free(text);
	return picture;
}
