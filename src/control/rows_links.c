#include "control/rows_mesh_priv.h"
#include "control/who_priv.h"
#include "mesh/pair.h"

#include <string.h>

static int64_t rtt_of(const struct view_words *words)
{
	return words->link == NULL ? -1 : words->link->rtt_us;
}

static int64_t shorter(int64_t one_us, int64_t other_us)
{
	return one_us < 0 || (other_us >= 0 && other_us < one_us) ? other_us : one_us;
}

/* Of the two, the one is that end. */
static const char *dialler_of(const struct view_pair *pair, size_t one)
{
	for (size_t end = 0; end < 2; end++)
		if (pair->words[end].link != NULL)
			return pair->words[end].link->is_dialled == (end == one) ? "one" : "other";
	return NULL;
}

static void add_words(struct row *row, const char *key, const struct view *view, const struct view_pair *pair,
		      size_t end)
{
	char words[PAIR_WORDS_BYTES];
	pair_say(view, pair, (int)end, words);
	row_text(row, key, words);
}

void rows_add_link(struct row *row, const struct view *view, const struct view_pair *pair, size_t end)
{
	const size_t places[] = {pair->first, pair->second};
	const struct view_node *one = &view->nodes[places[end]], *other = &view->nodes[places[1 - end]];
	int64_t one_us = rtt_of(&pair->words[end]), other_us = rtt_of(&pair->words[1 - end]);
	row_nodeid(row, "one", &one->nodeid);
	row_text(row, "one_name", one->name);
	row_nodeid(row, "other", &other->nodeid);
	row_text(row, "other_name", other->name);
	row_text(row, "state", pair_state_name(pair_state(view, pair)));
	row_boolean(row, "is_up", pair->is_up);
	row_milliseconds(row, "rtt_ms", shorter(one_us, other_us));
	row_milliseconds(row, "one_rtt_ms", one_us);
	row_milliseconds(row, "other_rtt_ms", other_us);
	row_text(row, "dialled_by", dialler_of(pair, end));
	add_words(row, "one_says", view, pair, end);
	add_words(row, "other_says", view, pair, 1 - end);
	row_seconds(row, "down_s", rows_age(pair_down_since(view, pair), view->now_us));
}

/* The node that was asked for, or else the one whose name comes first. */
static size_t first_end(const struct view *view, const struct view_pair *pair, size_t peer)
{
	if (peer != SIZE_MAX)
		return pair->first == peer ? 0 : 1;
	return strverscmp(view->nodes[pair->first].name, view->nodes[pair->second].name) <= 0 ? 0 : 1;
}

static void list_links(struct call *call, const struct view *view)
{
	size_t peer = SIZE_MAX;
	if (call_text(call, "peer") != NULL && (peer = who_find_node(call, view, "peer")) == SIZE_MAX)
		return;
	for (size_t i = 0; i < view->pair_count; i++) {
		const struct view_pair *pair = &view->pairs[i];
		bool is_wanted = peer == SIZE_MAX || pair->first == peer || pair->second == peer;
		if (!is_wanted || pair_state(view, pair) == PAIR_APART)
			continue;
		struct row row = call_begin_row(call, "link");
		rows_add_link(&row, view, pair, first_end(view, pair, peer));
		if (!call_end_row(call, &row))
			return;
	}
}

void rows_links(struct call *call)
{
	struct view view;
	if (!rows_look_at_network(call, &view))
		return;
	list_links(call, &view);
	view_free(&view);
}
