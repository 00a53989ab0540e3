#include "kith/top_model.h"

#include <stdlib.h>
#include <string.h>

#include "kith/top_order.h"
#include "kith/words.h"

void top_init(struct top_model *model)
{
	*model = (struct top_model){.page = 1};
}

void top_fini(struct top_model *model)
{
	status_fini(&model->status);
	free(model->status_text);
	rows_fini(&model->gone);
	rows_fini(&model->shown);
	rows_fini(&model->facts);
}

static const char *text_or_nothing(struct json_object *row, const char *key)
{
	const char *text = value_text(row, key);
	return text == NULL ? "" : text;
}

char *top_cell(struct json_object *row, enum top_column column)
{
	const struct top_column_kind *kind = &top_columns[column];
	if (column == TOP_STATE)
		return words_clean(top_state(row), TEXT_LINE);
	char *text = value_format(row, kind->key, kind->form, false);
	if (text == NULL || text[0] != '\0' || kind->otherwise == NULL)
		return text;
	free(text);
	return value_format(row, kind->otherwise, kind->form, false);
}

/* ---- what is listed ---- */

static bool is_wanted(const struct top_model *model, struct json_object *row)
{
	static const char *const keys[] = {"name", "nodeid", "listen", "address", "host", "agent"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcasestr(text_or_nothing(row, keys[i]), model->filter) != NULL)
			return true;
	return model->filter[0] == '\0' || strcmp(top_state(row), model->filter) == 0;
}

/* ---- the selection ---- */

static void select_number(struct top_model *model, size_t number)
{
	size_t count = model->shown.count;
	model->selected = count == 0 ? 0 : (number < count ? number : count - 1);
	if (count > 0)
		snprintf(model->selected_id, sizeof model->selected_id, "%s",
			 top_id(model->shown.list[model->selected]));
}

/* It follows its peer; if that isn't there any more, it stays where it is. */
static void follow_selected(struct top_model *model)
{
	for (size_t i = 0; i < model->shown.count; i++)
		if (strcmp(top_id(model->shown.list[i]), model->selected_id) == 0) {
			model->selected = i;
			return;
		}
	select_number(model, model->selected);
}

static void list(struct top_model *model)
{
	const struct rows *sources[] = {&model->status.peers, &model->gone};
	rows_fini(&model->shown);
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
		for (size_t j = 0; j < sources[i]->count; j++)
			if (is_wanted(model, sources[i]->list[j]) && !rows_add(&model->shown, sources[i]->list[j]))
				model->lacks_memory = true;
	if (!top_order(&model->shown, model->sort, model->is_reversed))
		model->lacks_memory = true;
	follow_selected(model);
}

void top_scroll(struct top_model *model, size_t page)
{
	size_t last = model->shown.count > page ? model->shown.count - page : 0;
	model->page = page > 0 ? page : 1;
	if (model->selected < model->first)
		model->first = model->selected;
	if (model->selected >= model->first + model->page)
		model->first = model->selected - model->page + 1;
	if (model->first > last)
		model->first = last;
}

/* ---- a new state ---- */

static void measure_cell(struct top_model *model, struct json_object *row, enum top_column column)
{
	char *text = top_cell(row, column);
	size_t width = text == NULL ? 0 : text_width(text);
	if (width > model->wants[column])
		model->wants[column] = width;
	model->lacks_memory = model->lacks_memory || text == NULL;
	free(text);
}

static void measure(struct top_model *model)
{
	memset(model->wants, 0, sizeof model->wants);
	for (size_t i = 0; i < model->shown.count; i++)
		for (enum top_column column = 0; column < TOP_COLUMNS; column++)
			if (top_columns[column].most > top_columns[column].least)
				measure_cell(model, model->shown.list[i], column);
}

static bool has_same_text(struct json_object *one, struct json_object *other, const char *key)
{
	const char *a = value_text(one, key), *b = value_text(other, key);
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool has_later(const struct rows *events, size_t from, struct json_object *event)
{
	for (size_t i = from; i < events->count; i++)
		if (has_same_text(events->list[i], event, "nodeid"))
			return true;
	return false;
}

/* Puts the known events in front of the new ones; of each node, the last is enough. */
static void keep_events(struct top_model *model, struct status *status, int64_t now_us)
{
	enum { MOST = 1000 };
	struct rows *known = &model->status.events, all = {0};
	double passed_s = (double)(now_us - model->taken_us) / 1e6, ago_s;
	for (size_t i = 0; i < known->count; i++) {
		struct json_object *event = known->list[i];
		value_number(event, "ago_s", &ago_s);
		if (!has_later(&status->events, 0, event) &&
		    (!json_add(event, "ago_s", json_object_new_double(ago_s + passed_s)) || !rows_add(&all, event)))
			model->lacks_memory = true;
	}
	size_t from = status->events.count > MOST ? status->events.count - MOST : 0;
	for (size_t i = from; i < status->events.count; i++)
		if (!has_later(&status->events, i + 1, status->events.list[i]) &&
		    !rows_add(&all, status->events.list[i]))
			model->lacks_memory = true;
	if (status->events.count > 0)
		value_number(status->events.list[status->events.count - 1], "number", &model->last_event);
	rows_fini(&status->events);
	status->events = all;
}

/* Once for each state: of 16,000 peers it takes too long for each picture. */
static void tell_status(struct top_model *model)
{
	size_t bytes;
	free(model->status_text);
	model->status_text = NULL;
	FILE *out = open_memstream(&model->status_text, &bytes);
	bool is_good = out != NULL && status_print(out, &model->status);
	if (out == NULL || fclose(out) != 0 || !is_good)
		model->lacks_memory = true;
}

bool top_take(struct top_model *model, struct status *status, int64_t now_us)
{
	bool is_new = model->status.info != NULL && !has_same_text(model->status.info, status->info, "boot");
	bool lacks_events = is_new && model->last_event > 0;
	if (is_new) {
		rows_fini(&model->status.events);
		model->last_event = 0;
	}
	if (lacks_events)
		rows_fini(&status->events);
	keep_events(model, status, now_us);
	status_fini(&model->status);
	model->status = *status;
	*status = (struct status){0};
	model->taken_us = now_us;
	rows_fini(&model->gone);
	if (model->status.lacks_memory || !status_find_gone(&model->status, &model->gone))
		model->lacks_memory = true;
	tell_status(model);
	list(model);
	measure(model);
	return !lacks_events;
}

void top_take_story(struct top_model *model, const char *about, struct rows *facts, const struct problem *no_story)
{
	if (strcmp(model->about, about) != 0)
		return;
	rows_fini(&model->facts);
	model->facts = *facts;
	*facts = (struct rows){0};
	model->no_story = *no_story;
}

/* ---- keys ---- */

static void sort_by(struct top_model *model, enum top_column column)
{
	model->is_reversed = model->sort == column && !model->is_reversed;
	model->sort = column;
	list(model);
}

static void add_to_filter(struct top_model *model, const char *text)
{
	if (strlen(model->filter) + strlen(text) < sizeof model->filter)
		strcat(model->filter, text);
	list(model);
}

static void shorten_filter(struct top_model *model)
{
	size_t length = strlen(model->filter);
	while (length > 0 && ((unsigned char)model->filter[length - 1] & 0xc0) == 0x80)
		length--;
	model->filter[length > 0 ? length - 1 : 0] = '\0';
	list(model);
}

static void clear_filter(struct top_model *model)
{
	model->filter[0] = '\0';
	list(model);
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
	rows_fini(&model->facts);
	model->no_story.text[0] = '\0';
	snprintf(model->about, sizeof model->about, "%s", top_id(model->shown.list[model->selected]));
	return TOP_REFRESH;
}

static void close_page(struct top_model *model)
{
	model->mode = TOP_LIST;
	model->about[0] = '\0';
	rows_fini(&model->facts);
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
		model->is_reversed = !model->is_reversed;
		list(model);
		return TOP_NOTHING;
	case 'j':
	case 'k':
		select_number(model, moved(model->selected, model->shown.count, model->page,
					   letter == 'j' ? PRESS_DOWN : PRESS_UP));
		return TOP_NOTHING;
	case '<':
	case '>':
		sort_by(model, (model->sort + (letter == '>' ? 1 : TOP_COLUMNS - 1)) % TOP_COLUMNS);
		return TOP_NOTHING;
	default:
		for (enum top_column column = 0; column < TOP_COLUMNS; column++)
			if (letter != '\0' && top_columns[column].letter == letter)
				sort_by(model, column);
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
	default:
		select_number(model, moved(model->selected, model->shown.count, model->page, press->kind));
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
		select_number(model, moved(model->selected, model->shown.count, model->page, press->kind));
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
	size_t places = model->story_lines > model->page ? model->story_lines - model->page + 1 : 1;
	model->story_first = moved(model->story_first, places, model->page, kind);
	return TOP_NOTHING;
}

enum top_wish top_press(struct top_model *model, const struct press *press)
{
	if (model->mode == TOP_SEARCH)
		return press_in_search(model, press);
	return model->mode == TOP_LIST ? press_in_list(model, press) : press_in_page(model, press);
}
