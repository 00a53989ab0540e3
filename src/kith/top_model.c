#include "kith/top_model_priv.h"

#include <stdlib.h>
#include <string.h>

#include "kith/network.h"
#include "kith/top_summary.h"
#include "kith/words.h"

void top_init(struct top_model *model)
{
	*model = (struct top_model){.height = 1};
	for (enum top_page page = 0; page < TOP_PAGES; page++)
		model->places[page].sort = top_pages[page].sort;
}

void top_fini(struct top_model *model)
{
	status_fini(&model->status);
	free(model->status_text);
	rows_fini(&model->gone);
	rows_fini(&model->shown);
	top_story_end(&model->story);
	free(model->story_text);
}

const struct top_page_kind *top_page_kind(const struct top_model *model)
{
	return &top_pages[model->page];
}

struct top_place *top_place(struct top_model *model)
{
	return &model->places[model->page];
}

/* Peers and problems come with each state. */
bool top_has_page(const struct top_model *model)
{
	bool has_own = model->page == TOP_NODES || model->page == TOP_LINKS;
	return model->status.info != NULL && (!has_own || model->status_page == model->page);
}

static const char *text_or_nothing(struct json_object *row, const char *key)
{
	const char *text = value_text(row, key);
	return text == NULL ? "" : text;
}

/* By the clock of when the row came: it doesn't change until the next one comes. */
static char *format_since(const struct top_model *model, double seconds)
{
	char words[WORDS_BYTES];
	words_since(seconds, model->taken_s, words);
	return strdup(words);
}

static char *format(const struct top_model *model, struct json_object *row, const char *key, enum value_form form)
{
	double seconds;
	return form == FORM_SINCE && value_number(row, key, &seconds) ? format_since(model, seconds)
								      : value_format(row, key, form, false);
}

char *top_cell(const struct top_model *model, struct json_object *row, size_t column)
{
	const struct top_page_kind *page = top_page_kind(model);
	const struct top_column *kind = &page->columns[column];
	if (column == page->state)
		return words_clean(top_state(row), TEXT_LINE);
	char *text = format(model, row, kind->key, kind->form);
	if (text == NULL || text[0] != '\0' || kind->otherwise == NULL)
		return text;
	free(text);
	return format(model, row, kind->otherwise, kind->form);
}

/* ---- what is listed ---- */

static bool has_words(struct json_object *row, const char *key, const char *words)
{
	struct json_object *list = NULL;
	if (strcasestr(text_or_nothing(row, key), words) != NULL)
		return true;
	if (!json_object_object_get_ex(row, key, &list) || !json_object_is_type(list, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *text = json_string(json_object_array_get_idx(list, i));
		if (text != NULL && strcasestr(text, words) != NULL)
			return true;
	}
	return false;
}

static bool is_wanted(const struct top_model *model, struct json_object *row)
{
	static const char *const keys[] = {"name",     "nodeid",     "listen", "address", "host",  "agent",
					   "one_name", "other_name", "one",    "other",	  "names", "tags"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (has_words(row, keys[i], model->filter))
			return true;
	return model->filter[0] == '\0' || strcmp(top_state(row), model->filter) == 0;
}

/* ---- the selection ---- */

void top_select(struct top_model *model, size_t number)
{
	struct top_place *place = top_place(model);
	size_t count = model->shown.count;
	place->selected = count == 0 ? 0 : (number < count ? number : count - 1);
	if (count > 0)
		top_id(model->shown.list[place->selected], place->selected_id);
}

/* It follows its row; if that isn't there any more, it stays where it is. */
static void follow_selected(struct top_model *model)
{
	struct top_place *place = top_place(model);
	char id[TOP_TEXT_BYTES];
	for (size_t i = 0; i < model->shown.count; i++) {
		top_id(model->shown.list[i], id);
		if (strcmp(id, place->selected_id) == 0) {
			place->selected = i;
			return;
		}
	}
	/* What hasn't come yet may have it. */
	if (top_has_page(model))
		top_select(model, place->selected);
}

static void list_rows(struct top_model *model, const struct rows *rows)
{
	model->all += rows->count;
	for (size_t i = 0; i < rows->count; i++)
		if (is_wanted(model, rows->list[i]) && !rows_add(&model->shown, rows->list[i]))
			model->lacks_memory = true;
}

void top_list(struct top_model *model)
{
	const struct rows *sources[TOP_PAGES] = {[TOP_PEERS] = &model->status.peers,
						 [TOP_NODES] = &model->status.nodes,
						 [TOP_LINKS] = &model->status.links,
						 [TOP_PROBLEMS] = &model->status.problems};
	const struct top_place *place = top_place(model);
	rows_fini(&model->shown);
	model->all = 0;
	list_rows(model, sources[model->page]);
	if (model->page == TOP_PEERS)
		list_rows(model, &model->gone);
	if (!top_order(&model->shown, top_page_kind(model), place->sort, place->is_reversed))
		model->lacks_memory = true;
	follow_selected(model);
}

void top_scroll(struct top_model *model, size_t height)
{
	struct top_place *place = top_place(model);
	size_t last = model->shown.count > height ? model->shown.count - height : 0;
	model->height = height > 0 ? height : 1;
	if (place->selected < place->first)
		place->first = place->selected;
	if (place->selected >= place->first + model->height)
		place->first = place->selected - model->height + 1;
	if (place->first > last)
		place->first = last;
}

/* ---- a new state ---- */

static void measure_cell(struct top_model *model, struct json_object *row, size_t column)
{
	char *text = top_cell(model, row, column);
	size_t width = text == NULL ? 0 : text_width(text);
	if (width > model->wants[column])
		model->wants[column] = width;
	model->lacks_memory = model->lacks_memory || text == NULL;
	free(text);
}

static void measure(struct top_model *model)
{
	const struct top_page_kind *page = top_page_kind(model);
	memset(model->wants, 0, sizeof model->wants);
	for (size_t i = 0; i < model->shown.count; i++)
		for (size_t column = 0; column < page->column_count; column++)
			if (page->columns[column].most > page->columns[column].least)
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

static bool print_status(FILE *out, struct top_model *model)
{
	if (model->page == TOP_PEERS)
		return status_print(out, &model->status);
	if (model->status.info != NULL)
		status_print_head(out, model->status.info);
	if (!top_has_page(model))
		return fputs("asking the node...\n", out) >= 0;
	return top_summary_print(out, &model->status, model->page);
}

/* Once for each state and page: of 16,000 peers it takes too long for each picture. */
static void tell_status(struct top_model *model)
{
	size_t bytes;
	free(model->status_text);
	model->status_text = NULL;
	FILE *out = open_memstream(&model->status_text, &bytes);
	bool is_good = out != NULL && print_status(out, model);
	if (out == NULL || fclose(out) != 0 || !is_good)
		model->lacks_memory = true;
}

/* Once for each state, too, since times are told by the clock of that moment. */
void top_tell_story(struct top_model *model)
{
	free(model->story_text);
	model->story_text = top_story_tell(&model->story);
	model->lacks_memory = model->lacks_memory || model->story_text == NULL;
}

void top_show(struct top_model *model)
{
	top_list(model);
	measure(model);
	tell_status(model);
}

bool top_take(struct top_model *model, struct status *status, enum top_page page, int64_t now_us)
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
	model->status_page = page;
	model->taken_us = now_us;
	model->taken_s = words_now();
	rows_fini(&model->gone);
	if (model->status.lacks_memory || !status_find_gone(&model->status, &model->gone) ||
	    !network_complete_nodes(&model->status.nodes))
		model->lacks_memory = true;
	top_show(model);
	if (model->mode == TOP_STORY) {
		top_story_renew(&model->story, &model->status.problems);
		top_tell_story(model);
	}
	return !lacks_events && top_has_page(model);
}

void top_take_story(struct top_model *model, const struct top_about *about, struct rows *facts,
		    const struct problem *no_story)
{
	struct top_story *story = &model->story;
	if (strcmp(story->about.one, about->one) != 0 || strcmp(story->about.other, about->other) != 0)
		return;
	rows_fini(&story->facts);
	story->facts = *facts;
	*facts = (struct rows){0};
	story->no_story = *no_story;
}
