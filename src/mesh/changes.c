#include "mesh/changes.h"

#include <stdlib.h>

#include "base/sync.h"
#include "mesh/pair.h"

struct changes_node {
	struct nodeid nodeid;
	enum node_state state;
	int64_t from_us; /* in that state, or of one that is alive, its process has run; -1 if unknown */
};

struct changes_failed {
	struct nodeid nodeids[2]; /* ordered by the first, then by the second */
	int64_t since_us;
};

static void add(struct changes *changes, enum change_kind kind, size_t node, size_t other, int64_t lasted_us)
{
	if (changes->count == CHANGES)
		changes->left_out++;
	else
		changes->list[changes->count++] = (struct change){kind, node, other, lasted_us};
}

static bool is_there(enum node_state state)
{
	return state == NODE_ALIVE || state == NODE_LATE;
}

/* ---- what counts as failed ---- */

/* When it does; FOREVER_US for a connection that is not down. */
static int64_t settles_us(const struct view *view, const struct view_pair *pair)
{
	int64_t since_us = pair_down_since(view, pair);
	bool are_there = is_there(view->nodes[pair->first].state) && is_there(view->nodes[pair->second].state);
	bool was_up = pair->words[0].end != NULL || pair->words[1].end != NULL;
	return since_us < 0 || !are_there || !was_up ? FOREVER_US : since_us + CHANGES_SETTLE_US;
}

static bool has_failed(const struct view *view, const struct view_pair *pair)
{
	return settles_us(view, pair) <= view->now_us;
}

/* ---- what is kept ---- */

/* What others say of a node that says nothing itself is too little: it is not there yet. */
static struct changes_node keep_node(const struct view_node *node)
{
	struct changes_node kept = {.nodeid = node->nodeid, .state = NODE_GONE, .from_us = -1};
	if (node->report == NULL)
		return kept;
	kept.state = node->state;
	kept.from_us = node->state == NODE_ALIVE ? node->report->started_us : node->since_us;
	return kept;
}

static struct changes_node *keep_nodes(const struct view *view)
{
	struct changes_node *nodes = calloc(view->node_count + 1, sizeof *nodes);
	for (size_t i = 0; nodes != NULL && i < view->node_count; i++)
		nodes[i] = keep_node(&view->nodes[i]);
	return nodes;
}

static struct changes_failed *keep_failed(const struct view *view, size_t *count)
{
	size_t most = 1;
	for (size_t i = 0; i < view->pair_count; i++)
		most += has_failed(view, &view->pairs[i]);
	struct changes_failed *failed = calloc(most, sizeof *failed);
	*count = 0;
	for (size_t i = 0; failed != NULL && i < view->pair_count; i++) {
		const struct view_pair *pair = &view->pairs[i];
		if (has_failed(view, pair))
			failed[(*count)++] = (struct changes_failed){
				.nodeids = {view->nodes[pair->first].nodeid, view->nodes[pair->second].nodeid},
				.since_us = pair_down_since(view, pair)};
	}
	return failed;
}

bool changes_keep(struct changes_past *past, const struct view *view)
{
	struct changes_past kept = {.nodes = keep_nodes(view), .node_count = view->node_count};
	kept.failed = keep_failed(view, &kept.failed_count);
	bool is_kept = kept.nodes != NULL && kept.failed != NULL;
	changes_fini(is_kept ? past : &kept);
	if (is_kept)
		*past = kept;
	return is_kept;
}

void changes_fini(struct changes_past *past)
{
	free(past->nodes);
	free(past->failed);
	*past = (struct changes_past){.nodes = NULL};
}

/* ---- nodes ---- */

static void compare_node(const struct changes_node *before, const struct view *view, size_t place,
			 struct changes *changes)
{
	const struct view_node *now = &view->nodes[place];
	enum node_state state = before == NULL ? NODE_GONE : before->state;
	int64_t lasted_us = -1;
	if (before != NULL && before->from_us >= 0 && now->since_us >= before->from_us)
		lasted_us = now->since_us - before->from_us;
	if (now->report == NULL || now->state == state || (!is_there(now->state) && !is_there(state)))
		return;
	if (now->state == NODE_ALIVE)
		add(changes, CHANGE_NODE_UP, place, SIZE_MAX, lasted_us);
	else if (now->state == NODE_LATE)
		/* How long it has been silent so far. */
		add(changes, CHANGE_NODE_LATE, place, SIZE_MAX, now->since_us < 0 ? -1 : view->now_us - now->since_us);
	else
		add(changes, CHANGE_NODE_GONE, place, SIZE_MAX, lasted_us);
}

static void compare_nodes(const struct changes_past *past, const struct view *now, struct changes *changes)
{
	for (size_t i = 0, j = 0; i < now->node_count; i++) {
		int order = -1;
		while (j < past->node_count &&
		       (order = nodeid_compare(&past->nodes[j].nodeid, &now->nodes[i].nodeid)) < 0)
			j++;
		if (i != now->self)
			compare_node(j < past->node_count && order == 0 ? &past->nodes[j] : NULL, now, i, changes);
	}
}

/* ---- connections ---- */

static int compare_ends(const struct changes_failed *failed, const struct view *view, const struct view_pair *pair)
{
	int order = nodeid_compare(&failed->nodeids[0], &view->nodes[pair->first].nodeid);
	return order != 0 ? order : nodeid_compare(&failed->nodeids[1], &view->nodes[pair->second].nodeid);
}

/* Both are in the same order. */
static void find_failed(const struct changes_past *past, const struct view *now, struct changes *changes)
{
	for (size_t i = 0, j = 0; i < now->pair_count; i++) {
		const struct view_pair *pair = &now->pairs[i];
		int64_t at_us = settles_us(now, pair);
		if (at_us > now->now_us) {
			changes->again_us = clock_earlier(changes->again_us, at_us);
			continue;
		}
		while (j < past->failed_count && compare_ends(&past->failed[j], now, pair) < 0)
			j++;
		if (j == past->failed_count || compare_ends(&past->failed[j], now, pair) != 0)
			add(changes, CHANGE_LINK_DOWN, pair->first, pair->second, -1);
	}
}

static void find_restored(const struct changes_past *past, const struct view *now, struct changes *changes)
{
	for (size_t i = 0; i < past->failed_count; i++) {
		const struct changes_failed *failed = &past->failed[i];
		size_t first = view_find(now, &failed->nodeids[0]), second = view_find(now, &failed->nodeids[1]);
		const struct view_pair *pair =
			first == SIZE_MAX || second == SIZE_MAX ? NULL : view_find_pair(now, first, second);
		if (pair != NULL && pair->is_up)
			add(changes, CHANGE_LINK_UP, first, second, now->now_us - failed->since_us);
	}
}

void changes_find(const struct changes_past *past, const struct view *now, struct changes *changes)
{
	changes->count = changes->left_out = 0;
	changes->again_us = FOREVER_US;
	compare_nodes(past, now, changes);
	find_failed(past, now, changes);
	find_restored(past, now, changes);
}
