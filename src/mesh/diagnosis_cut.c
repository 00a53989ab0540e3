#include <stdlib.h>

#include "mesh/diagnosis_priv.h"

/* What the pairs of a cut say. */
struct tally {
	size_t broken, up;
	size_t reasons[2][REASONS]; /* what each side says */
	int64_t *since_us;	    /* of each broken pair */
	int64_t evidence_us;
};

static void count_pair(struct look *look, struct tally *tally, const struct view_pair *pair, size_t node)
{
	int64_t since_us = FOREVER_US;
	for (size_t end = 0; end < 2; end++) {
		struct claim claim = diagnosis_claim(look, pair, end);
		if (claim.kind == CLAIM_NONE)
			continue;
		since_us = clock_earlier(since_us, claim.since_us);
		tally->reasons[end == diagnosis_end(pair, node) ? 0 : 1][claim.reason]++;
		if (claim.last_us > tally->evidence_us)
			tally->evidence_us = claim.last_us;
	}
	tally->since_us[tally->broken++] = since_us;
}

static bool count_pairs(struct cutting *cutting, const struct cut *cut, struct tally *tally)
{
	struct look *look = cutting->look;
	*tally = (struct tally){.evidence_us = DIAGNOSIS_LONG_AGO_US};
	tally->since_us = calloc(look->view->pair_count + 1, sizeof *tally->since_us);
	if (tally->since_us == NULL)
		return false;
	for (size_t i = 0; i < cut->count; i++)
		cutting->sides[cut->members[i]] = i < cut->side_count ? 1 : 2;
	for (size_t i = 0; i < cut->side_count; i++)
		for (size_t at = look->starts[cut->members[i]]; at < look->starts[cut->members[i] + 1]; at++) {
			size_t place = look->incident[at];
			const struct view_pair *pair = &look->view->pairs[place];
			if (cutting->sides[diagnosis_other(pair, cut->members[i])] != 2)
				continue;
			if ((look->marks[place] & MARK_BROKEN) != 0)
				count_pair(look, tally, pair, cut->members[i]);
			else
				tally->up += pair->is_up;
		}
	for (size_t i = 0; i < cut->count; i++)
		cutting->sides[cut->members[i]] = 0;
	return true;
}

static int compare_times(const void *one, const void *other)
{
	const int64_t *a = one, *b = other;
	return (*a > *b) - (*a < *b);
}

static enum report_reason most_frequent(const size_t counts[REASONS])
{
	enum report_reason most = REASON_OTHER;
	for (int reason = 0; reason < REASONS; reason++)
		if (counts[reason] > counts[most])
			most = (enum report_reason)reason;
	return most;
}

/* So many of each side are named, that both fit. */
static void name_subjects(struct look *look, struct finding *finding, const struct cut *cut)
{
	enum { HALF = FINDING_SUBJECTS / 2 };
	size_t counts[2] = {cut->side_count, cut->count - cut->side_count}, named[2];
	for (size_t side = 0; side < 2; side++) {
		size_t room = counts[1 - side] < HALF ? FINDING_SUBJECTS - counts[1 - side] : HALF;
		named[side] = counts[side] < room ? counts[side] : room;
	}
	for (size_t i = 0; i < named[0]; i++)
		diagnosis_add_subject(look, finding, cut->members[i]);
	for (size_t i = 0; i < named[1]; i++)
		diagnosis_add_subject(look, finding, cut->members[cut->side_count + i]);
	finding->side_count = named[0];
	finding->subject_count = cut->count;
}

/* eu1 eu2 | us1 us2: 0 of 4 pairs can talk; seen by c1 and c2 */
static void say_cut(struct look *look, struct finding *finding, const struct cut *cut, const struct tally *tally)
{
	enum { NAMED = 3 };
	size_t witnesses[NAMED + 1], one = cut->members[0], other = cut->members[cut->side_count];
	/* Of others nobody knows, since nobody tries. */
	size_t pairs = tally->broken + tally->up;
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	phrase_add_side(look, &text, cut->members, cut->side_count);
	phrase_add(&text, " | ");
	phrase_add_side(look, &text, cut->members + cut->side_count, cut->count - cut->side_count);
	phrase_add(&text, ": %zu of %zu pair%s can talk", tally->up, pairs, pairs == 1 ? "" : "s");
	size_t total = diagnosis_find_witnesses(look, one, other, witnesses, NAMED + 1);
	if (total > 0) {
		phrase_add(&text, "; seen by ");
		phrase_add_nodes(look, &text, witnesses, total <= NAMED + 1 ? total : NAMED + 1, total, NAMED);
	}
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "Check the firewalls and routes between both groups, as ");
	phrase_add_way(look, &advice, one, other);
}

static void add_finding(struct cutting *cutting, struct cut *cut)
{
	struct look *look = cutting->look;
	struct tally tally;
	if (!count_pairs(cutting, cut, &tally)) {
		look->findings->lacks_memory = true;
		return;
	}
	struct finding *finding = diagnosis_add(look, FINDING_CUT);
	if (finding != NULL) {
		name_subjects(look, finding, cut);
		diagnosis_identify_subjects(finding);
		if (cut->identity != 0)
			finding->identity = cut->identity;
		cut->identity = finding->identity;
		qsort(tally.since_us, tally.broken, sizeof *tally.since_us, compare_times);
		if (cut->since_us == -1)
			cut->since_us = tally.since_us[tally.broken / 2];
		finding->since_us = cut->since_us;
		finding->evidence_us = tally.evidence_us;
		finding->reasons[0] = most_frequent(tally.reasons[0]);
		finding->reasons[1] = most_frequent(tally.reasons[1]);
		say_cut(look, finding, cut, &tally);
	}
	free(tally.since_us);
}

/* For the next look. */
static void remember(struct cutting *cutting)
{
	struct diagnosis_memory *memory = cutting->look->memory;
	for (size_t i = 0; i < memory->cut_count; i++)
		free(memory->cuts[i].members);
	memory->cut_count = 0;
	for (size_t i = 0; i < cutting->cut_count; i++) {
		const struct cut *cut = &cutting->cuts[i];
		struct nodeid *members = calloc(cut->count, sizeof *members);
		if (members == NULL || cut->identity == 0) {
			free(members);
			continue;
		}
		for (size_t m = 0; m < cut->count; m++)
			members[m] = cutting->look->view->nodes[cut->members[m]].nodeid;
		memory->cuts[memory->cut_count++] = (struct known_cut){members,	      cut->count,    cut->side_count,
								       cut->identity, cut->since_us, cut->whole_us};
	}
}

static bool new_cutting(struct look *look, struct cutting *cutting)
{
	size_t nodes = look->view->node_count + 1;
	*cutting = (struct cutting){.look = look};
	cutting->sides = calloc(nodes, sizeof *cutting->sides);
	cutting->is_tried = calloc(nodes, sizeof *cutting->is_tried);
	cutting->groups[0] = calloc(nodes, sizeof *cutting->groups[0]);
	cutting->groups[1] = calloc(nodes, sizeof *cutting->groups[1]);
	return cutting->sides != NULL && cutting->is_tried != NULL && cutting->groups[0] != NULL &&
	       cutting->groups[1] != NULL;
}

static void free_cutting(struct cutting *cutting)
{
	for (size_t i = 0; i < cutting->cut_count; i++)
		free(cutting->cuts[i].members);
	free(cutting->sides);
	free(cutting->is_tried);
	free(cutting->groups[0]);
	free(cutting->groups[1]);
}

void diagnosis_find_cuts(struct look *look)
{
	struct cutting cutting;
	if (new_cutting(look, &cutting)) {
		diagnosis_cut_groups(&cutting);
		for (size_t i = 0; i < cutting.cut_count; i++)
			add_finding(&cutting, &cutting.cuts[i]);
		if (look->memory != NULL)
			remember(&cutting);
	} else {
		look->findings->lacks_memory = true;
	}
	free_cutting(&cutting);
}
