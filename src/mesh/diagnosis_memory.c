#include <stdlib.h>
#include <string.h>

#include "mesh/diagnosis_priv.h"

/* Two reports of one start differ by less: they tell its age, which is some time on the way. */
static const int64_t same_start_us = 2 * DIAGNOSIS_SECOND_US;
/* A pair that was fine for so long says nothing more of what was before. */
static const int64_t pair_kept_us = DIAGNOSIS_FAILURE_US;

struct diagnosis_memory *diagnosis_memory_new(void)
{
	struct diagnosis_memory *memory = calloc(1, sizeof *memory);
	if (memory != NULL)
		memory->born_us = DIAGNOSIS_LONG_AGO_US;
	return memory;
}

void diagnosis_memory_free(struct diagnosis_memory *memory)
{
	if (memory == NULL)
		return;
	for (size_t i = 0; i < memory->cut_count; i++)
		free(memory->cuts[i].members);
	free(memory->nodes);
	free(memory->pairs);
	free(memory);
}

/* ---- nodes ---- */

static void note_start(struct known_node *known, const struct report *report)
{
	bool is_again = known->had_report && report->started_us > known->started_us + same_start_us;
	if (is_again) {
		memmove(known->restarts_us + 1, known->restarts_us, (KNOWN_RESTARTS - 1) * sizeof *known->restarts_us);
		known->restarts_us[0] = report->started_us;
	}
	if (is_again || !known->had_report)
		known->started_us = report->started_us;
	known->had_report = true;
}

static void meet(struct known_node *known, const struct view_node *node, int64_t now_us)
{
	*known = (struct known_node){.nodeid = node->nodeid, .there_us = DIAGNOSIS_LONG_AGO_US, .slow_us = -1};
	for (size_t i = 0; i < KNOWN_RESTARTS; i++)
		known->restarts_us[i] = DIAGNOSIS_LONG_AGO_US;
	/* Of one that says nothing of itself nobody knows since when it is there. */
	if (node->report == NULL)
		known->there_us = now_us;
}

static void see(struct known_node *known, const struct view_node *node, bool is_new, int64_t now_us)
{
	bool is_there = node->state == NODE_ALIVE || node->state == NODE_LATE;
	if (!is_new && is_there && !known->is_there)
		known->there_us = now_us;
	known->is_there = is_there;
	if (node->report != NULL)
		note_start(known, node->report);
}

bool diagnosis_remember_nodes(struct look *look)
{
	const struct view *view = look->view;
	struct diagnosis_memory *memory = look->memory;
	struct known_node *nodes = calloc(view->node_count + 1, sizeof *nodes);
	size_t old = 0;
	if (nodes == NULL)
		return false;
	for (size_t n = 0; n < view->node_count; n++) {
		int order = 1;
		while (old < memory->node_count &&
		       (order = nodeid_compare(&memory->nodes[old].nodeid, &view->nodes[n].nodeid)) < 0)
			old++;
		bool is_new = old == memory->node_count || order != 0;
		if (is_new)
			meet(&nodes[n], &view->nodes[n], look->now_us);
		else
			nodes[n] = memory->nodes[old];
		see(&nodes[n], &view->nodes[n], is_new, look->now_us);
	}
	free(memory->nodes);
	memory->nodes = nodes;
	memory->node_count = view->node_count;
	if (memory->born_us == DIAGNOSIS_LONG_AGO_US)
		memory->born_us = look->now_us;
	look->known = memory->nodes;
	return true;
}

/* ---- pairs ---- */

static int compare_pairs(const struct known_pair *known, const struct nodeid *one, const struct nodeid *other)
{
	int order = nodeid_compare(&known->one, one);
	return order != 0 ? order : nodeid_compare(&known->other, other);
}

const struct known_pair *diagnosis_recall_pair(const struct look *look, const struct view_pair *pair)
{
	const struct nodeid *one = &look->view->nodes[pair->first].nodeid;
	const struct nodeid *other = &look->view->nodes[pair->second].nodeid;
	const struct known_pair *pairs = look->memory == NULL ? NULL : look->memory->pairs;
	size_t first = 0, after = pairs == NULL ? 0 : look->memory->pair_count;
	while (first < after) {
		size_t middle = first + (after - first) / 2;
		int order = compare_pairs(&pairs[middle], one, other);
		if (order == 0)
			return &pairs[middle];
		if (order < 0)
			first = middle + 1;
		else
			after = middle;
	}
	return NULL;
}

/* A connection that ended long ago, and that nobody wants back, is forgotten. */
static bool is_worth_keeping(const struct look *look, size_t pair)
{
	const struct view_pair *one = &look->view->pairs[pair];
	bool is_fine = diagnosis_is_fine(look, pair);
	for (size_t end = 0; end < 2; end++) {
		const struct view_words *words = &one->words[end];
		if (words->failure != NULL)
			return true;
		if (!is_fine && (words->link != NULL ||
				 (words->end != NULL && look->now_us - words->end->ended_us < DIAGNOSIS_END_US)))
			return true;
	}
	return false;
}

/* If it was not fine in the last look, it came up some time since; so it is with dials that do not fail any more. */
static void note_fine(struct known_pair *now, int64_t now_us)
{
	if (now->is_down)
		now->down_us = now_us;
	now->is_down = now->is_broken = false;
}

static void note_failing(struct known_pair *now, size_t end, bool is_failing, int64_t now_us)
{
	if (now->is_failing[end] && !is_failing)
		now->mended_us[end] = now_us;
	now->is_failing[end] = is_failing;
}

/* Known is what was remembered of it, or NULL. */
static void see_pair(const struct look *look, size_t pair, const struct known_pair *known, struct known_pair *now)
{
	const struct view_pair *one = &look->view->pairs[pair];
	if (known != NULL)
		*now = *known;
	else
		*now = (struct known_pair){.one = look->view->nodes[one->first].nodeid,
					   .other = look->view->nodes[one->second].nodeid,
					   .down_us = DIAGNOSIS_LONG_AGO_US,
					   .mended_us = {DIAGNOSIS_LONG_AGO_US, DIAGNOSIS_LONG_AGO_US}};
	for (size_t end = 0; end < 2; end++)
		note_failing(now, end, one->words[end].failure != NULL, look->now_us);
	if (diagnosis_is_fine(look, pair)) {
		note_fine(now, look->now_us);
		return;
	}
	now->down_us = look->now_us;
	now->is_down = true;
	now->is_broken = (look->marks[pair] & MARK_BROKEN) != 0;
}

/* One that is fine now, or not in the view, and whose dials do not fail. */
static size_t keep_pair(const struct look *look, const struct known_pair *known, struct known_pair *kept)
{
	int64_t oldest_us = look->now_us - pair_kept_us;
	*kept = *known;
	note_fine(kept, look->now_us);
	note_failing(kept, 0, false, look->now_us);
	note_failing(kept, 1, false, look->now_us);
	return kept->down_us > oldest_us || kept->mended_us[0] > oldest_us || kept->mended_us[1] > oldest_us;
}

/* Both are in the order of nodeids: one list comes of them. What is too many is not remembered. */
static size_t merge_pairs(const struct look *look, struct known_pair *merged)
{
	const struct view *view = look->view;
	const struct diagnosis_memory *memory = look->memory;
	size_t count = 0, old = 0;
	for (size_t i = 0; i < view->pair_count && count < KNOWN_PAIRS; i++) {
		if (!is_worth_keeping(look, i))
			continue;
		const struct nodeid *one = &view->nodes[view->pairs[i].first].nodeid;
		const struct nodeid *other = &view->nodes[view->pairs[i].second].nodeid;
		int order = 1;
		while (old < memory->pair_count && (order = compare_pairs(&memory->pairs[old], one, other)) < 0) {
			if (count < KNOWN_PAIRS - 1)
				count += keep_pair(look, &memory->pairs[old], &merged[count]);
			old++;
		}
		bool is_known = old < memory->pair_count && order == 0;
		see_pair(look, i, is_known ? &memory->pairs[old] : NULL, &merged[count++]);
		old += is_known;
	}
	for (; old < memory->pair_count && count < KNOWN_PAIRS; old++)
		count += keep_pair(look, &memory->pairs[old], &merged[count]);
	return count;
}

static size_t count_worth_keeping(const struct look *look)
{
	size_t count = 0;
	for (size_t i = 0; i < look->view->pair_count; i++)
		count += is_worth_keeping(look, i);
	return count;
}

bool diagnosis_remember_pairs(struct look *look)
{
	struct diagnosis_memory *memory = look->memory;
	size_t most = memory->pair_count + count_worth_keeping(look);
	struct known_pair *merged = calloc((most < KNOWN_PAIRS ? most : KNOWN_PAIRS) + 1, sizeof *merged);
	if (merged == NULL)
		return false;
	size_t count = merge_pairs(look, merged);
	free(memory->pairs);
	memory->pairs = merged;
	memory->pair_count = count;
	return true;
}
