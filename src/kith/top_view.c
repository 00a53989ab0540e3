#include "kith/top_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith/cells.h"
#include "kith/network.h"
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

static const char *const notes_of_pages[TOP_PAGES] = {
	[TOP_PEERS] =
		"STATE says gone for a node that broke off or fell silent and is not back, and late for one whose "
		"answer to a ping is overdue.\n",
	[TOP_NODES] =
		"STATE says gone for a node that nobody is connected with any more, and out_of_reach for one without a "
		"way to it from here, but connected with others by its last word.\n",
	[TOP_LINKS] =
		"STATE says down for two nodes that cannot talk, and one_way or fading for two that are connected "
		"while one or both of them fail to dial the other.\n",
	[TOP_PROBLEMS] = "",
};

static bool print_help(FILE *out, struct top_model *model)
{
	const struct top_page_kind *kind = top_page_kind(model);
	fputs("kith top: a node, its peers and its network, refreshed\n", out);
	for (enum top_page page = 0; page < TOP_PAGES; page++)
		fprintf(out, "  %d                            list the %s%s\n", page + 1, top_pages[page].word,
			page == TOP_PEERS ? " of this node" : " of the whole network");
	fputs("  Tab                          the next of these pages\n"
	      "  Up Down PgUp PgDn Home End   select a line; j and k too\n"
	      "  Enter                        why: what has happened to the node, or between the two nodes\n"
	      "  /                            search in names, nodeids, addresses, tags and agents; Esc shows all\n"
	      "  < > or Left Right            sort by another column\n",
	      out);
	for (size_t column = 0; column < kind->column_count; column++)
		if (kind->columns[column].letter != '\0')
			fprintf(out, "  %c                            sort by %s\n", kind->columns[column].letter,
				kind->columns[column].words);
	fputs("  r                            reverse the order, as the same key again does\n"
	      "  p                            pause; Space refreshes now\n"
	      "  ? q                          help, quit\n",
	      out);
	return fputs(notes_of_pages[model->page], out) >= 0;
}

/* ---- the table ---- */

static enum table_colour colour_of(struct json_object *row, enum top_page page)
{
	static const char *const good[] = {"ready", "alive", "up"}, *const bad[] = {"gone", "out_of_reach", "down"};
	const char *state = top_state(row);
	if (page == TOP_PROBLEMS && network_is_notice(row))
		return TABLE_NO_COLOUR;
	if (page == TOP_PROBLEMS)
		return network_is_grave(row) ? TABLE_RED : TABLE_YELLOW;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (strcmp(state, good[i]) == 0)
			return TABLE_GREEN;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (strcmp(state, bad[i]) == 0)
			return TABLE_RED;
	return TABLE_YELLOW;
}

static bool put_cell(struct buffer *line, const struct top_model *model, struct json_object *row, size_t column,
		     size_t width)
{
	const struct top_page_kind *page = top_page_kind(model);
	char *text = top_cell(model, row, column);
	bool is_state = column == page->state;
	const char *begin = is_state ? table_colour_escape(colour_of(row, model->page)) : "";
	const char *end = is_state ? table_colour_escape(TABLE_NO_COLOUR) : "";
	bool is_good = text != NULL && buffer_append(line, begin, strlen(begin)) &&
		       cells_put(line, text, width, page->columns[column].is_number) &&
		       buffer_append(line, end, strlen(end));
	free(text);
	return is_good;
}

/* A line of the table, or its headings for NULL, in so many cells. */
static void add_row(struct picture *picture, const struct top_model *model, const struct top_layout *layout,
		    struct json_object *row, size_t columns, enum picture_style style)
{
	struct buffer line = {0};
	bool is_good = true;
	size_t used = 0;
	for (size_t i = 0; i < layout->count && is_good; i++) {
		size_t column = layout->places[i].column;
		size_t width = layout->places[i].width, gap = i == 0 ? 0 : TOP_GAP;
		const struct top_column *kind = &top_page_kind(model)->columns[column];
		is_good = cells_put(&line, "", gap, false) &&
			  (row == NULL ? cells_put(&line, kind->heading, width, kind->is_number)
				       : put_cell(&line, model, row, column, width));
		used += gap + width;
	}
	is_good = is_good && cells_put(&line, "", columns - used, false);
	picture_add(picture, take_text(&line, is_good), style);
}

static void add_table(struct picture *picture, struct top_model *model, size_t rows, size_t columns)
{
	const struct top_place *place = top_place(model);
	struct top_layout layout = top_layout(top_page_kind(model), columns, place->sort, model->wants);
	size_t height = rows > picture->count + 1 ? rows - picture->count - 1 : 0;
	top_scroll(model, height);
	if (rows == 0)
		return;
	add_row(picture, model, &layout, NULL, columns, PICTURE_BOLD);
	for (size_t i = 0; i < height && place->first + i < model->shown.count; i++)
		add_row(picture, model, &layout, model->shown.list[place->first + i], columns,
			place->first + i == place->selected ? PICTURE_REVERSE : PICTURE_PLAIN);
}

/* ---- the last line ---- */

/* "the highest first": what the order of the column is. */
static const char *order_words(const struct top_page_kind *page, const struct top_place *place)
{
	if (!page->columns[place->sort].is_number)
		return place->is_reversed ? ", backwards" : "";
	return place->is_reversed ? ", lowest first" : ", highest first";
}

/* "1 peers [2 nodes] 3 links 4 problems" */
static void print_pages(FILE *out, enum top_page shown)
{
	for (enum top_page page = 0; page < TOP_PAGES; page++)
		fprintf(out, "%s%s%d %s%s", page == 0 ? "" : " ", page == shown ? "[" : "", page + 1,
			top_pages[page].word, page == shown ? "]" : "");
}

/* What matters least comes last: a narrow terminal cuts it off. */
static bool print_summary(FILE *out, struct top_model *model)
{
	const struct top_page_kind *page = top_page_kind(model);
	const struct top_place *place = top_place(model);
	if (model->filter[0] != '\0')
		fprintf(out, "/%s: %zu of %zu  ", model->filter, model->shown.count, model->all);
	fprintf(out, "%ssorted by %s%s  ", model->is_paused ? "paused  " : "", page->columns[place->sort].words,
		order_words(page, place));
	print_pages(out, model->page);
	return fputs("  ? help  q quit  Enter why  / search", out) >= 0;
}

static bool print_last_line(FILE *out, struct top_model *model)
{
	if (model->mode == TOP_SEARCH)
		return fprintf(out, "/%s_", model->filter) > 0;
	if (model->trouble.text[0] != '\0')
		return fputs(model->trouble.text, out) >= 0;
	if (model->mode == TOP_LIST)
		return print_summary(out, model);
	return fprintf(out, "%sUp Down scroll  Esc back", model->is_paused ? "paused  " : "") > 0;
}

static void add_last_line(struct picture *picture, struct top_model *model, size_t columns)
{
	char *text = print_into_text(print_last_line, model);
	char *clean = text == NULL ? NULL : words_clean(text, TEXT_LINE);
	if (clean == NULL)
		picture->lacks_memory = true;
	else
		add_cut(picture, clean, columns, PICTURE_REVERSE);
	free(clean);
	free(text);
}

/* ---- all of it ---- */

static void add_text_page(struct picture *picture, struct top_model *model, const char *text, size_t rows,
			  size_t columns)
{
	struct picture ignored = {0};
	model->height = rows > 0 ? rows : 1;
	model->story_lines = add_wrapped(&ignored, text, columns, 0, 0);
	size_t last = model->story_lines > model->height ? model->story_lines - model->height : 0;
	model->story_first = model->story_first > last ? last : model->story_first;
	add_wrapped(picture, text, columns, model->story_first, model->story_first + rows);
	picture_fini(&ignored);
}

static void add_help(struct picture *picture, struct top_model *model, size_t rows, size_t columns)
{
	char *text = print_into_text(print_help, model);
	if (text == NULL)
		picture->lacks_memory = true;
	else
		add_text_page(picture, model, text, rows, columns);
	free(text);
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
	if (model->mode == TOP_STORY) {
		add_text_page(&picture, model, model->story_text == NULL ? "" : model->story_text, room, columns);
	} else if (model->mode == TOP_HELP) {
		add_help(&picture, model, room, columns);
	} else {
		add_status(&picture, model->status_text == NULL ? "" : model->status_text, room, columns);
		add_table(&picture, model, room, columns);
	}
	fill(&picture, room);
	if (rows > 0)
		add_last_line(&picture, model, columns);
	return picture;
}
