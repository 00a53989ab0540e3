#include "mesh/view_priv.h"

#include <stdlib.h>

#include "base/must.h"

/* What a report says of one other node, by the place of that node. */
struct word {
	size_t about;
	const void *word;
};

/* The words of one kind in one report, in the order of places. */
struct run {
	struct word *words;
	size_t count, next;
};

static void say(struct run *run, size_t by, size_t about, const void *word)
{
	if (about != SIZE_MAX && about != by)
		run->words[run->count++] = (struct word){about, word};
}

static int compare_failures(const void *one, const void *other)
{
	const struct word *mine = one, *yours = other;
	const struct report_failure *my = mine->word, *your = yours->word;
	if (mine->about != yours->about)
		return mine->about < yours->about ? -1 : 1;
	return my->since_us < your->since_us ? -1 : my->since_us > your->since_us;
}

static size_t next_about(const struct run *run)
{
	return run->next < run->count ? run->words[run->next].about : SIZE_MAX;
}

/* The next word, if it is about that node. Of several the first. */
static const void *take(struct run *run, size_t about)
{
	const void *word = NULL;
	for (; next_about(run) == about; run->next++)
		if (word == NULL)
			word = run->words[run->next].word;
	return word;
}

enum { LINKS, ENDS, FAILURES, RUNS };

/* Adds what this node says, ordered by whom it is about. */
static void gather_words(struct view_work *work, size_t by, size_t *count, struct run runs[static RUNS])
{
	const struct report *report = work->view->nodes[by].report;
	for (size_t i = 0; i < RUNS; i++)
		runs[i].count = runs[i].next = 0;
	for (size_t i = 0; i < report->link_count; i++)
		say(&runs[LINKS], by, view_place_of(work, &report->links[i].nodeid), &report->links[i]);
	for (size_t i = 0; i < report->end_count; i++)
		if (view_remembers(work, &report->ends[i]))
			say(&runs[ENDS], by, view_place_of(work, &report->ends[i].nodeid), &report->ends[i]);
	for (size_t i = 0; i < report->failure_count; i++)
		say(&runs[FAILURES], by, view_place_at(work, &report->failures[i]), &report->failures[i]);
	qsort(runs[FAILURES].words, runs[FAILURES].count, sizeof *runs[FAILURES].words, compare_failures);
	for (;;) {
		size_t about = SIZE_MAX;
		for (size_t i = 0; i < RUNS; i++)
			about = next_about(&runs[i]) < about ? next_about(&runs[i]) : about;
		if (about == SIZE_MAX)
			return;
		struct view_words words = {.link = take(&runs[LINKS], about),
					   .end = take(&runs[ENDS], about),
					   .failure = take(&runs[FAILURES], about)};
		work->sayings[(*count)++] =
			(struct view_saying){.by = (uint32_t)by, .about = (uint32_t)about, .words = words};
	}
}

/* How many words the longest list of a kind has, and all of them. */
static size_t most_words(const struct view *view, size_t *all)
{
	size_t most = 0;
	*all = 0;
	for (size_t i = 0; i < view->reports.count; i++) {
		const struct report *report = view->reports.entries[i].report;
		const size_t counts[] = {report->link_count, report->end_count, report->failure_count};
		for (size_t j = 0; j < sizeof counts / sizeof *counts; j++) {
			most = counts[j] > most ? counts[j] : most;
			*all += counts[j];
		}
	}
	return most;
}

static bool gather_sayings(struct view_work *work)
{
	const struct view *view = work->view;
	size_t all, most = most_words(view, &all), count = 0;
	struct word *words = calloc(RUNS * (most + 1), sizeof *words);
	work->sayings = calloc(all + 1, sizeof *work->sayings);
	work->first = calloc(view->node_count + 1, sizeof *work->first);
	bool is_whole = words != NULL && work->sayings != NULL && work->first != NULL;
	must(all < UINT32_MAX && view->node_count < UINT32_MAX);
	struct run runs[RUNS];
	for (size_t i = 0; i < RUNS; i++)
		runs[i] = (struct run){.words = words + i * (most + 1)};
	for (size_t i = 0; is_whole && i < view->node_count; i++) {
		if (view->nodes[i].report != NULL)
			gather_words(work, i, &count, runs);
		work->first[i + 1] = count;
	}
	free(words);
	return is_whole;
}

/* What is said of each node: as the sayings are in the order of who says them, so is this. */
static bool gather_heard(struct view_work *work)
{
	size_t nodes = work->view->node_count, count = work->first[nodes];
	size_t *next = work->heard_first = calloc(nodes + 2, sizeof *work->heard_first);
	work->heard = calloc(count + 1, sizeof *work->heard);
	if (next == NULL || work->heard == NULL)
		return false;
	/* next[n + 1] counts up from the start of n's list to its end, which is where that of n + 1 starts. */
	for (size_t i = 0; i < count; i++)
		next[work->sayings[i].about + 2]++;
	for (size_t i = 0; i < nodes; i++)
		next[i + 2] += next[i + 1];
	for (size_t i = 0; i < count; i++)
		work->heard[next[work->sayings[i].about + 1]++] = (uint32_t)i;
	return true;
}

/* The pairs of which this node is the first. */
static void pair_up(struct view_work *work, size_t first)
{
	struct view *view = work->view;
	size_t own = work->first[first], own_end = work->first[first + 1];
	size_t other = work->heard_first[first], other_end = work->heard_first[first + 1];
	while (own < own_end && work->sayings[own].about < first)
		own++;
	while (other < other_end && work->sayings[work->heard[other]].by < first)
		other++;
	while (own < own_end || other < other_end) {
		struct view_saying *said = own < own_end ? &work->sayings[own] : NULL;
		struct view_saying *heard = other < other_end ? &work->sayings[work->heard[other]] : NULL;
		size_t about = said == NULL ? SIZE_MAX : said->about, by = heard == NULL ? SIZE_MAX : heard->by;
		struct view_pair *pair = &view->pairs[view->pair_count];
		*pair = (struct view_pair){.first = first, .second = about < by ? about : by};
		if (said != NULL && about <= by) {
			pair->words[0] = said->words;
			said->pair = (uint32_t)view->pair_count;
			own++;
		}
		if (heard != NULL && by <= about) {
			pair->words[1] = heard->words;
			heard->pair = (uint32_t)view->pair_count;
			other++;
		}
		view->pair_count++;
	}
}

static bool gather_pairs(struct view_work *work)
{
	struct view *view = work->view;
	view->pairs = calloc(work->first[view->node_count] + 1, sizeof *view->pairs);
	if (view->pairs == NULL)
		return false;
	for (size_t i = 0; i < view->node_count; i++)
		pair_up(work, i);
	/* Most links are said by both ends. */
	struct view_pair *fitting = realloc(view->pairs, (view->pair_count + 1) * sizeof *fitting);
	view->pairs = fitting == NULL ? view->pairs : fitting;
	return true;
}

bool view_gather(struct view_work *work, const struct nodeid *self)
{
	return view_find_nodes(work, self) && gather_sayings(work) && gather_heard(work) && gather_pairs(work);
}
