#include "mesh/view_priv.h"

#include <stdlib.h>

/* What those within reach say of one that is not, and of one that is, how many are linked with it. */
struct verdict {
	int64_t ended_us; /* when the last link to it ended; -1 for none */
	uint32_t said[REASONS];
	uint32_t links, late_links;
	int64_t late_us;   /* since when the last of these is late */
	bool is_candidate; /* it may be out of reach */
	uint32_t together; /* another of its group, those that are linked with each other out of reach; at last their
			      head */
	/* Of a head: how many they are, and when the last link to one of them ended. */
	uint32_t group_size;
	int64_t group_ended_us;
};

/* Calls what looks at each word of a node within reach. */
typedef void look(struct view_work *work, struct verdict *verdicts, size_t about, const struct view_words *words);

static void look_at_words(struct view_work *work, struct verdict *verdicts, look *look_at)
{
	for (size_t node = 0; node < work->view->node_count; node++)
		for (size_t i = work->first[node]; work->is_reached[node] && i < work->first[node + 1]; i++)
			look_at(work, verdicts, work->sayings[i].about, &work->sayings[i].words);
}

static void look_at_link(struct view_work *work, struct verdict *verdicts, size_t about, const struct view_words *words)
{
	struct verdict *verdict = &verdicts[about];
	(void)work;
	if (words->link != NULL) {
		int64_t late_us = words->link->late_since_us;
		verdict->links++;
		verdict->late_links += late_us >= 0;
		verdict->late_us = late_us > verdict->late_us ? late_us : verdict->late_us;
	}
	if (words->end != NULL && words->end->ended_us > verdict->ended_us)
		verdict->ended_us = words->end->ended_us;
}

/* Why it is gone, says one who was linked with it. A dial that is refused since then tells more. */
static void look_at_end(struct view_work *work, struct verdict *verdicts, size_t about, const struct view_words *words)
{
	struct verdict *verdict = &verdicts[about];
	(void)work;
	if (words->end == NULL || words->end->ended_us < verdict->ended_us - VIEW_DOUBT_US)
		return;
	bool is_refused = words->failure != NULL && words->failure->reason == REASON_REFUSED &&
			  words->failure->last_us > words->end->ended_us;
	verdict->said[is_refused ? REASON_REFUSED : words->end->reason]++;
}

/* Of a node that nobody was linked with, what those say who can't dial it. */
static void look_at_failure(struct view_work *work, struct verdict *verdicts, size_t about,
			    const struct view_words *words)
{
	(void)work;
	if (verdicts[about].ended_us < 0 && words->failure != NULL)
		verdicts[about].said[words->failure->reason]++;
}

static enum report_reason most_said(const struct verdict *verdict)
{
	enum report_reason most = REASON_OTHER;
	uint32_t count = 0;
	for (enum report_reason i = REASON_OTHER + 1; i < REASONS; i++) {
		if (i != REASON_REMOVED && verdict->said[i] > count) {
			most = i;
			count = verdict->said[i];
		}
	}
	return count == 0 && verdict->said[REASON_REMOVED] > 0 ? REASON_REMOVED : most;
}

/* Do all who lost it say that its process is gone? */
static bool has_ended(const struct verdict *verdict)
{
	static const enum report_reason ended[] = {REASON_LEFT, REASON_CLOSED, REASON_RESET, REASON_REFUSED};
	uint32_t all = 0, such = 0;
	for (size_t i = 0; i < REASONS; i++)
		all += i == REASON_REMOVED ? 0 : verdict->said[i];
	for (size_t i = 0; i < sizeof ended / sizeof *ended; i++)
		such += verdict->said[ended[i]];
	return such > 0 && such == all;
}

/* ---- out of reach, but together ---- */

/* The head of its group. */
static size_t head_of(struct verdict *verdicts, size_t node)
{
	while (verdicts[node].together != node) {
		verdicts[node].together = verdicts[verdicts[node].together].together;
		node = verdicts[node].together;
	}
	return node;
}

static void put_together(struct verdict *verdicts, size_t one, size_t other)
{
	one = head_of(verdicts, one);
	other = head_of(verdicts, other);
	if (one == other)
		return;
	bool is_smaller = verdicts[one].group_size < verdicts[other].group_size;
	struct verdict *head = &verdicts[is_smaller ? other : one], *joins = &verdicts[is_smaller ? one : other];
	joins->together = head->together;
	head->group_size += joins->group_size;
	if (joins->group_ended_us > head->group_ended_us)
		head->group_ended_us = joins->group_ended_us;
}

/* A report of the second would have been newer: it may have lost the first long before it was lost itself. */
static bool were_lost_apart(const struct verdict *one, const struct verdict *other)
{
	int64_t apart_us = one->ended_us - other->ended_us;
	return one->ended_us >= 0 && other->ended_us >= 0 && (apart_us > VIEW_DOUBT_US || -apart_us > VIEW_DOUBT_US);
}

/* By the last words of both ends, or of the one that has words. */
static bool were_linked(const struct view *view, const struct verdict *verdicts, const struct view_pair *pair)
{
	bool mine = pair->words[0].link != NULL, yours = pair->words[1].link != NULL;
	bool is_alone = (mine && view->nodes[pair->second].report == NULL) ||
			(yours && view->nodes[pair->first].report == NULL);
	return (mine && yours) || (is_alone && !were_lost_apart(&verdicts[pair->first], &verdicts[pair->second]));
}

static void find_groups(struct view_work *work, struct verdict *verdicts)
{
	const struct view *view = work->view;
	for (size_t i = 0; i < view->node_count; i++) {
		verdicts[i].is_candidate = !work->is_reached[i] && !has_ended(&verdicts[i]);
		verdicts[i].together = (uint32_t)i;
		verdicts[i].group_size = 1;
		verdicts[i].group_ended_us = verdicts[i].ended_us;
	}
	for (size_t i = 0; i < view->pair_count; i++) {
		const struct view_pair *pair = &view->pairs[i];
		if (verdicts[pair->first].is_candidate && verdicts[pair->second].is_candidate &&
		    were_linked(view, verdicts, pair))
			put_together(verdicts, pair->first, pair->second);
	}
}

/* ---- the states ---- */

static void set_reached(struct view *view, const struct verdict *verdict, size_t place)
{
	struct view_node *node = &view->nodes[place];
	bool is_late = place != view->self && verdict->links > 0 && verdict->late_links == verdict->links;
	node->state = is_late ? NODE_LATE : NODE_ALIVE;
	if (is_late)
		node->since_us = verdict->late_us;
	else if (node->report != NULL)
		node->since_us = node->report->started_us;
}

static void set_unreached(struct view *view, struct verdict *verdicts, size_t place, const struct reports_entry *entry)
{
	struct view_node *node = &view->nodes[place];
	const struct verdict *verdict = &verdicts[place], *head = &verdicts[head_of(verdicts, place)];
	bool is_out_of_reach = head->group_size >= 2;
	node->state = is_out_of_reach ? NODE_OUT_OF_REACH : NODE_GONE;
	node->reason = most_said(verdict);
	node->since_us = verdict->ended_us < 0 && is_out_of_reach ? head->group_ended_us : verdict->ended_us;
	if (node->since_us < 0 && entry != NULL)
		node->since_us = entry->reached_us;
}

static void set_up(struct view *view, struct view_pair *pair)
{
	struct view_node *ends[2] = {&view->nodes[pair->first], &view->nodes[pair->second]};
	bool are_out_of_reach = ends[0]->state == NODE_OUT_OF_REACH && ends[1]->state == NODE_OUT_OF_REACH;
	bool are_reached = ends[0]->state <= NODE_LATE && ends[1]->state <= NODE_LATE;
	bool has_link = false, is_denied = false;
	for (int i = 0; i < 2; i++) {
		const struct view_words *words = &pair->words[i];
		has_link = has_link || words->link != NULL;
		is_denied = is_denied || (words->link == NULL && words->end != NULL);
	}
	pair->is_up = (are_out_of_reach || are_reached) && has_link && !is_denied;
	for (int i = 0; pair->is_up && i < 2; i++) {
		const struct report_link *link = pair->words[1 - i].link;
		ends[i]->link_count++;
		ends[i]->late_count += link != NULL && link->late_since_us >= 0;
	}
}

bool view_find_states(struct view_work *work)
{
	struct view *view = work->view;
	struct verdict *verdicts = calloc(view->node_count, sizeof *verdicts);
	size_t next = 0;
	if (verdicts == NULL)
		return false;
	for (size_t i = 0; i < view->node_count; i++)
		verdicts[i].ended_us = verdicts[i].late_us = -1;
	look_at_words(work, verdicts, look_at_link);
	look_at_words(work, verdicts, look_at_end);
	look_at_words(work, verdicts, look_at_failure);
	find_groups(work, verdicts);
	for (size_t i = 0; i < view->node_count; i++) {
		/* The nodes with a report are in the order of the snapshot. */
		const struct reports_entry *entry =
			view->nodes[i].report == NULL ? NULL : &view->reports.entries[next++];
		if (work->is_reached[i])
			set_reached(view, &verdicts[i], i);
		else
			set_unreached(view, verdicts, i, entry);
	}
	for (size_t i = 0; i < view->pair_count; i++)
		set_up(view, &view->pairs[i]);
	free(verdicts);
	return true;
}

/* ---- how far they are ---- */

static int64_t smaller_known(int64_t one_us, int64_t other_us)
{
	if (one_us < 0 || other_us < 0)
		return one_us < 0 ? other_us : one_us;
	return one_us < other_us ? one_us : other_us;
}

/* Of one link: what this node measures itself, or else the smaller of what both ends say. */
static int64_t rtt_of(const struct view *view, const struct view_pair *pair)
{
	int64_t rtts_us[2];
	for (int i = 0; i < 2; i++)
		rtts_us[i] = pair->words[i].link == NULL ? -1 : pair->words[i].link->rtt_us;
	if (pair->first == view->self && rtts_us[0] >= 0)
		return rtts_us[0];
	if (pair->second == view->self && rtts_us[1] >= 0)
		return rtts_us[1];
	return smaller_known(rtts_us[0], rtts_us[1]);
}

/* From a node to one that a link leads to. */
static void step(struct view_work *work, size_t from, size_t to, const struct view_saying *saying, uint32_t *queue,
		 size_t *count)
{
	struct view *view = work->view;
	struct view_node *node = &view->nodes[to];
	if (saying->words.link == NULL || !work->is_reached[to] || to == view->self)
		return;
	if (node->hops == 0) {
		node->hops = view->nodes[from].hops + 1;
		queue[(*count)++] = (uint32_t)to;
	}
	int64_t before_us = from == view->self ? 0 : view->nodes[from].rtt_us;
	if (node->hops <= view->nodes[from].hops || before_us < 0)
		return;
	int64_t rtt_us = rtt_of(view, &view->pairs[saying->pair]);
	if (rtt_us >= 0)
		node->rtt_us = smaller_known(node->rtt_us, before_us + rtt_us);
}

bool view_find_paths(struct view_work *work)
{
	struct view *view = work->view;
	uint32_t *queue = calloc(view->node_count, sizeof *queue);
	size_t count = 1;
	if (queue == NULL)
		return false;
	queue[0] = (uint32_t)view->self;
	for (size_t next = 0; next < count; next++) {
		size_t from = queue[next];
		for (size_t i = work->first[from]; i < work->first[from + 1]; i++)
			step(work, from, work->sayings[i].about, &work->sayings[i], queue, &count);
		for (size_t i = work->heard_first[from]; i < work->heard_first[from + 1]; i++) {
			const struct view_saying *saying = &work->sayings[work->heard[i]];
			step(work, from, saying->by, saying, queue, &count);
		}
	}
	free(queue);
	return true;
}
