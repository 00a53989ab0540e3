#include "mesh/view_priv.h"

#include <stdlib.h>
#include <string.h>

/* Two words of others, or one of this node, who knows its own connections. */
enum { ENOUGH = 2 };

/* A walk over the links, from this node. */
struct walk {
	struct view_work *work;
	uint32_t *queue;
	size_t count;	  /* of those that were reached, and so are in the queue */
	uint32_t *links;  /* how many of those that were reached have a link to it */
	uint32_t *losses; /* how many of those say for long that a link to it has ended, which it still has */
};

static void reach(struct walk *walk, size_t node)
{
	walk->work->is_reached[node] = true;
	walk->queue[walk->count++] = (uint32_t)node;
}

static bool leads_on(const struct walk *walk, const struct view_saying *saying)
{
	const struct view *view = walk->work->view;
	const struct view_pair *pair = &view->pairs[saying->pair];
	if (saying->by == view->self || walk->links[saying->about] >= ENOUGH)
		return true;
	if (walk->losses[saying->about] >= ENOUGH)
		return false;
	return view->nodes[saying->about].report == NULL ||
	       (pair->words[0].link != NULL && pair->words[1].link != NULL);
}

static void go(struct walk *walk)
{
	struct view_work *work = walk->work;
	memset(work->is_reached, 0, work->view->node_count * sizeof *work->is_reached);
	memset(walk->links, 0, work->view->node_count * sizeof *walk->links);
	walk->count = 0;
	reach(walk, work->view->self);
	for (size_t next = 0; next < walk->count; next++) {
		size_t node = walk->queue[next];
		if (work->view->nodes[node].is_old)
			continue;
		for (size_t i = work->first[node]; i < work->first[node + 1]; i++) {
			const struct view_saying *saying = &work->sayings[i];
			if (saying->words.link == NULL || work->is_reached[saying->about])
				continue;
			walk->links[saying->about]++;
			if (leads_on(walk, saying))
				reach(walk, saying->about);
		}
	}
}

/* Is there a node whose report must be an old one, since it still has links that others have lost long ago? */
static bool doubts(struct walk *walk)
{
	const struct view_work *work = walk->work;
	const struct view *view = work->view;
	bool has_doubts = false;
	for (size_t i = 0; i < view->pair_count; i++) {
		const struct view_pair *pair = &view->pairs[i];
		for (int end = 0; end < 2; end++) {
			size_t by = end == 0 ? pair->first : pair->second,
			       about = end == 0 ? pair->second : pair->first;
			const struct view_words *words = &pair->words[end], *others = &pair->words[1 - end];
			if (!work->is_reached[by] || !work->is_reached[about] || words->link != NULL ||
			    words->end == NULL || others->link == NULL ||
			    view->now_us - words->end->ended_us < VIEW_DOUBT_US)
				continue;
			walk->losses[about] += by == view->self ? ENOUGH : 1;
			has_doubts = has_doubts || walk->losses[about] >= ENOUGH;
		}
	}
	return has_doubts;
}

bool view_find_reached(struct view_work *work)
{
	size_t nodes = work->view->node_count;
	struct walk walk = {.work = work,
			    .queue = calloc(nodes, sizeof *walk.queue),
			    .links = calloc(nodes, sizeof *walk.links),
			    .losses = calloc(nodes, sizeof *walk.losses)};
	work->is_reached = calloc(nodes, sizeof *work->is_reached);
	bool is_whole = walk.queue != NULL && walk.links != NULL && walk.losses != NULL && work->is_reached != NULL;
	if (is_whole)
		go(&walk);
	if (is_whole && doubts(&walk))
		go(&walk);
	free(walk.queue);
	free(walk.links);
	free(walk.losses);
	return is_whole;
}
