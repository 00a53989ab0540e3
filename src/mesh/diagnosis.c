#include <stdlib.h>
#include <string.h>

#include "base/keyed_table.h"
#include "base/must.h"
#include "mesh/diagnosis_priv.h"

/* clang-format off */
static const struct {
	const char *name;
	diagnosis_function *find;
} kinds[FINDING_KINDS] = {
	[FINDING_ME]          = {"me",          diagnosis_find_me},
	[FINDING_PARTITION]   = {"partition",   diagnosis_find_partitions},
	[FINDING_NODE]        = {"node",        diagnosis_find_nodes},
	[FINDING_CUT]         = {"cut",         diagnosis_find_cuts},
	[FINDING_LINK]        = {"link",        diagnosis_find_links},
	[FINDING_ONE_WAY]     = {"one_way",     diagnosis_find_one_way},
	[FINDING_FADING]      = {"fading",      diagnosis_find_fading},
	[FINDING_SLOW]        = {"slow",        diagnosis_find_slow},
	[FINDING_CLOCK]       = {"clock",       diagnosis_find_clocks},
	[FINDING_DOUBLE]      = {"double",      diagnosis_find_doubles},
	[FINDING_TURNED_AWAY] = {"turned_away", diagnosis_find_turned_away},
	[FINDING_SINGLE]      = {"single",      diagnosis_find_single},
};
/* clang-format on */

const char *finding_kind_name(enum finding_kind kind)
{
	return kinds[kind].name;
}

bool finding_kind_find(const char *name, enum finding_kind *kind)
{
	for (int i = 0; i < FINDING_KINDS; i++)
		if (strcmp(name, kinds[i].name) == 0) {
			*kind = (enum finding_kind)i;
			return true;
		}
	return false;
}

size_t finding_listed(const struct finding *finding)
{
	return finding->subject_count < FINDING_SUBJECTS ? finding->subject_count : FINDING_SUBJECTS;
}

void findings_fini(struct findings *findings)
{
	free(findings->list);
	free(findings->unknown);
	*findings = (struct findings){0};
}

/* ---- findings ---- */

struct finding *diagnosis_add(struct look *look, enum finding_kind kind)
{
	enum { AT_FIRST = 4 };
	struct findings *findings = look->findings;
	if (findings->count == look->places) {
		findings->is_full[kind] = true;
		return NULL;
	}
	if (findings->count == look->room) {
		size_t room = look->room == 0 ? AT_FIRST : look->room * 2;
		struct finding *list = realloc(findings->list, room * sizeof *list);
		if (list == NULL) {
			findings->lacks_memory = true;
			return NULL;
		}
		findings->list = list;
		look->room = room;
	}
	struct finding *finding = &findings->list[findings->count++];
	memset(finding, 0, sizeof *finding);
	finding->kind = kind;
	finding->since_us = -1;
	finding->evidence_us = look->now_us;
	return finding;
}

void diagnosis_add_subject(struct look *look, struct finding *finding, size_t node)
{
	if (finding->subject_count < FINDING_SUBJECTS)
		finding->subjects[finding->subject_count] = look->view->nodes[node].nodeid;
	finding->subject_count++;
	finding->is_growing = finding->is_growing || look->facts[node].is_undecided;
}

void diagnosis_identify(struct finding *finding, const void *bytes, size_t length)
{
	uint64_t of[2] = {(uint64_t)finding->kind, keyed_table_hash(bytes, length)};
	finding->identity = keyed_table_hash(of, sizeof of);
}

void diagnosis_identify_subjects(struct finding *finding)
{
	diagnosis_identify(finding, finding->subjects, finding_listed(finding) * sizeof *finding->subjects);
}

void diagnosis_look_again(struct look *look, int64_t at_us)
{
	if (at_us > look->now_us)
		look->findings->again_us = clock_earlier(look->findings->again_us, at_us);
}

bool diagnosis_is_fine(const struct look *look, size_t pair)
{
	const struct view_pair *one = &look->view->pairs[pair];
	for (size_t end = 0; end < 2; end++)
		if (one->words[end].link != NULL && one->words[end].link->late_since_us >= 0)
			return false;
	return one->is_up;
}

/* ---- the look ---- */

/* Which pairs a node has, as counting sort does it. */
static void index_pairs(struct look *look)
{
	const struct view *view = look->view;
	size_t *starts = look->starts;
	for (size_t i = 0; i < view->pair_count; i++) {
		starts[view->pairs[i].first + 1]++;
		starts[view->pairs[i].second + 1]++;
	}
	for (size_t n = 0; n < view->node_count; n++)
		starts[n + 1] += starts[n];
	memcpy(look->scratch, starts, view->node_count * sizeof *starts);
	for (size_t i = 0; i < view->pair_count; i++) {
		look->incident[look->scratch[view->pairs[i].first]++] = i;
		look->incident[look->scratch[view->pairs[i].second]++] = i;
	}
}

static int64_t later(int64_t one_us, int64_t other_us)
{
	return one_us > other_us ? one_us : other_us;
}

static void note_facts(struct look *look)
{
	/* The nodes with a report are in the order of the snapshot. */
	const struct reports_entry *entry = look->view->reports.entries;
	for (size_t n = 0; n < look->view->node_count; n++) {
		const struct view_node *node = &look->view->nodes[n];
		struct node_facts *facts = &look->facts[n];
		facts->was_reached = node->report != NULL && (entry++)->reached_us >= 0;
		facts->is_there = node->state == NODE_ALIVE;
		facts->speaks = node->report != NULL && (facts->is_there || n == look->view->self);
		facts->settled_us = look->known != NULL ? look->known[n].there_us : DIAGNOSIS_LONG_AGO_US;
		if (node->report == NULL) {
			/* It can't say that it was started again: only what is new counts. */
			facts->settled_us = look->known != NULL ? facts->settled_us : look->now_us;
			continue;
		}
		facts->settled_us = later(facts->settled_us, node->report->started_us);
		if (node->report->stalled_us > 0)
			facts->settled_us = later(facts->settled_us, node->report->stall_end_us);
	}
}

static bool look_init(struct look *look, const struct view *view, struct diagnosis_memory *memory,
		      struct findings *findings)
{
	*look = (struct look){.view = view, .memory = memory, .now_us = view->now_us, .findings = findings};
	look->facts = calloc(view->node_count + 1, sizeof *look->facts);
	look->marks = calloc(view->pair_count + 1, sizeof *look->marks);
	look->starts = calloc(view->node_count + 2, sizeof *look->starts);
	look->incident = calloc(2 * view->pair_count + 1, sizeof *look->incident);
	look->scratch = calloc(view->node_count + 1, sizeof *look->scratch);
	if (look->facts == NULL || look->marks == NULL || look->starts == NULL || look->incident == NULL ||
	    look->scratch == NULL)
		return false;
	index_pairs(look);
	return memory == NULL || diagnosis_remember_nodes(look);
}

static void look_fini(struct look *look)
{
	free(look->facts);
	free(look->marks);
	free(look->starts);
	free(look->incident);
	free(look->scratch);
}

/* Nothing is known about now of those that are out of reach; of all others, if this node is cut off. */
static bool list_unknown(struct look *look)
{
	const struct view *view = look->view;
	size_t count = 0;
	for (size_t n = 0; n < view->node_count; n++)
		if (view->nodes[n].state == NODE_OUT_OF_REACH || (look->is_cut_off && n != view->self))
			look->scratch[count++] = n;
	if (count == 0)
		return true;
	struct nodeid *unknown = calloc(count, sizeof *unknown);
	if (unknown == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		unknown[i] = view->nodes[look->scratch[i]].nodeid;
	look->findings->unknown = unknown;
	look->findings->unknown_count = count;
	return true;
}

struct findings diagnosis_find(const struct view *view, struct diagnosis_memory *memory)
{
	struct findings findings = {.again_us = FOREVER_US};
	struct look look;
	findings.lacks_memory = !look_init(&look, view, memory, &findings);
	if (!findings.lacks_memory) {
		note_facts(&look);
		diagnosis_mark_pairs(&look);
		if (memory != NULL && !diagnosis_remember_pairs(&look))
			findings.lacks_memory = true;
		for (int kind = 0; kind < FINDING_KINDS && !(look.is_cut_off && kind > FINDING_ME); kind++) {
			/* A liar that invents nodes must leave room for what is wrong with links. */
			look.places = findings.count + (FINDINGS - findings.count + 1) / 2;
			kinds[kind].find(&look);
		}
		if (!list_unknown(&look))
			findings.lacks_memory = true;
	}
	look_fini(&look);
	return findings;
}
