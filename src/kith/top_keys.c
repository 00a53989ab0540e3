#include "kith/top_keys.h"

#include <string.h>

#include "kith/top_model_priv.h"

static void sort_by(struct top_model *model, size_t column)
{
	struct top_place *place = top_place(model);
	place->is_reversed = place->sort == column && !place->is_reversed;
	place->sort = column;
	top_list(model);
}

/* What it lists may not have come yet. */
static enum top_wish turn_to(struct top_model *model, enum top_page page)
{
	model->page = page;
	top_show(model);
	return top_has_page(model) ? TOP_NOTHING : TOP_REFRESH;
}

static void add_to_filter(struct top_model *model, const char *text)
{
	if (strlen(model->filter) + strlen(text) < sizeof model->filter)
		strcat(model->filter, text);
	top_list(model);
}

static void shorten_filter(struct top_model *model)
{
	size_t length = strlen(model->filter);
	while (length > 0 && ((unsigned char)model->filter[length - 1] & 0xc0) == 0x80)
		length--;
	model->filter[length > 0 ? length - 1 : 0] = '\0';
	top_list(model);
}

static void clear_filter(struct top_model *model)
{
	model->filter[0] = '\0';
	top_list(model);
}

/* Moves within count things; how far a key goes. */
static size_t moved(size_t at, size_t count, size_t page, enum press_kind kind)
{
	size_t last = count > 0 ? count - 1 : 0;
	size_t step = kind == PRESS_UP || kind == PRESS_DOWN ? 1 : page;
	switch (kind) {
	case PRESS_UP:
	case PRESS_PAGE_UP:
		return at > step ? at - step : 0;
	case PRESS_DOWN:
	case PRESS_PAGE_DOWN:
		return at + step < last ? at + step : last;
	case PRESS_HOME:
		return 0;
	case PRESS_END:
		return last;
	default:
		return at;
	}
}

static enum top_wish open_story(struct top_model *model)
{
	if (model->shown.count == 0)
		return TOP_NOTHING;
	model->mode = TOP_STORY;
	model->story_first = 0;
	top_story_begin(&model->story, model->shown.list[top_place(model)->selected], model->page);
	top_tell_story(model);
	return TOP_REFRESH;
}

static void close_page(struct top_model *model)
{
	model->mode = TOP_LIST;
	top_story_end(&model->story);
}

static void move_selection(struct top_model *model, enum press_kind kind)
{
	top_select(model, moved(top_place(model)->selected, model->shown.count, model->height, kind));
}

static void press_sort(struct top_model *model, char letter)
{
	const struct top_page_kind *page = top_page_kind(model);
	size_t sort = top_place(model)->sort, count = page->column_count;
	if (letter == '<' || letter == '>')
		sort_by(model, (sort + (letter == '>' ? 1 : count - 1)) % count);
	for (size_t column = 0; column < count; column++)
		if (letter != '\0' && page->columns[column].letter == letter)
			sort_by(model, column);
}

static enum top_wish press_letter(struct top_model *model, char letter)
{
	switch (letter) {
	case 'q':
		return TOP_QUIT;
	case '?':
	case 'h':
		model->mode = TOP_HELP;
		model->story_first = 0;
		return TOP_NOTHING;
	case '/':
		model->mode = TOP_SEARCH;
		return TOP_NOTHING;
	case 'p':
		model->is_paused = !model->is_paused;
		return model->is_paused ? TOP_NOTHING : TOP_REFRESH;
	case ' ':
		return TOP_REFRESH;
	case 'r':
		top_place(model)->is_reversed = !top_place(model)->is_reversed;
		top_list(model);
		return TOP_NOTHING;
	case 'j':
	case 'k':
		move_selection(model, letter == 'j' ? PRESS_DOWN : PRESS_UP);
		return TOP_NOTHING;
	default:
		if (letter >= '1' && letter < '1' + TOP_PAGES)
			return turn_to(model, (enum top_page)(letter - '1'));
		press_sort(model, letter);
		return TOP_NOTHING;
	}
}

static enum top_wish press_in_list(struct top_model *model, const struct press *press)
{
	switch (press->kind) {
	case PRESS_TEXT:
		return press->text[1] == '\0' ? press_letter(model, press->text[0]) : TOP_NOTHING;
	case PRESS_ENTER:
		return open_story(model);
	case PRESS_ESCAPE:
		clear_filter(model);
		return TOP_NOTHING;
	case PRESS_LEFT:
		return press_letter(model, '<');
	case PRESS_RIGHT:
		return press_letter(model, '>');
	case PRESS_TAB:
		return turn_to(model, (model->page + 1) % TOP_PAGES);
	default:
		move_selection(model, press->kind);
		return TOP_NOTHING;
	}
}

static enum top_wish press_in_search(struct top_model *model, const struct press *press)
{
	switch (press->kind) {
	case PRESS_TEXT:
		add_to_filter(model, press->text);
		break;
	case PRESS_BACKSPACE:
		shorten_filter(model);
		break;
	case PRESS_ESCAPE:
		clear_filter(model);
		model->mode = TOP_LIST;
		break;
	case PRESS_ENTER:
		model->mode = TOP_LIST;
		break;
	default:
		move_selection(model, press->kind);
		break;
	}
	return TOP_NOTHING;
}

/* A story or the help. */
static enum top_wish press_in_page(struct top_model *model, const struct press *press)
{
	char letter = '\0';
	if (press->kind == PRESS_TEXT)
		letter = press->text[0];
	if (press->kind == PRESS_ESCAPE || press->kind == PRESS_LEFT || press->kind == PRESS_ENTER || letter == 'q' ||
	    letter == '?' || letter == 'h') {
		close_page(model);
		return TOP_NOTHING;
	}
	if (letter == 'p' || letter == ' ')
		return press_letter(model, letter);
	enum press_kind kind = letter == 'j' ? PRESS_DOWN : (letter == 'k' ? PRESS_UP : press->kind);
	size_t places = model->story_lines > model->height ? model->story_lines - model->height + 1 : 1;
	model->story_first = moved(model->story_first, places, model->height, kind);
	return TOP_NOTHING;
}

enum top_wish top_press(struct top_model *model, const struct press *press)
{
	if (model->mode == TOP_SEARCH)
		return press_in_search(model, press);
	return model->mode == TOP_LIST ? press_in_list(model, press) : press_in_page(model, press);
}
