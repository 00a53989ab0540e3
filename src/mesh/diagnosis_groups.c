#include <stdlib.h>
#include <string.h>

#include "mesh/diagnosis_priv.h"

/* Fewer pairs are so many broken links. */
enum { ENOUGH_PAIRS = 4 };

/* In a large network a member is connected with few of the other side: that it can talk to none of so many is enough.
 */
enum { ENOUGH_OTHERS = 3 };

/* A cut of which most pairs can talk again is one for so much longer; then what is left are broken links. */
static const int64_t healing_us = 60 * DIAGNOSIS_SECOND_US;

/* They can't talk, and that is part of no cut yet. */
static bool is_free(const struct look *look, size_t place)
{
	return (look->marks[place] & (MARK_BROKEN | MARK_CUT)) == MARK_BROKEN;
}

/* ---- the two groups ---- */

static void take_side(struct cutting *cutting, size_t group, size_t node)
{
	cutting->sides[node] = (unsigned char)(group + 1);
	cutting->groups[group][cutting->counts[group]++] = node;
}

static void leave_side(struct cutting *cutting, size_t group, size_t place)
{
	cutting->sides[cutting->groups[group][place]] = 0;
	cutting->groups[group][place] = cutting->groups[group][--cutting->counts[group]];
}

static void leave_sides(struct cutting *cutting)
{
	for (size_t group = 0; group < 2; group++)
		while (cutting->counts[group] > 0)
			leave_side(cutting, group, cutting->counts[group] - 1);
}

/* What a node has to do with both groups: pairs that can't talk, and that can. */
struct relations {
	size_t broken[2], up[2];
};

static struct relations relate(const struct cutting *cutting, size_t node)
{
	const struct look *look = cutting->look;
	struct relations relations = {0};
	for (size_t i = look->starts[node]; i < look->starts[node + 1]; i++) {
		size_t place = look->incident[i];
		const struct view_pair *pair = &look->view->pairs[place];
		unsigned side = cutting->sides[diagnosis_other(pair, node)];
		if (side == 0)
			continue;
		relations.broken[side - 1] += is_free(look, place);
		relations.up[side - 1] += (look->marks[place] & MARK_BROKEN) == 0 && pair->is_up;
	}
	return relations;
}

/* It can't talk to more than half of a group, or to enough of it. */
static bool is_cut_from(size_t broken, size_t group_count)
{
	size_t enough = group_count / 2 + 1;
	return broken >= (enough < ENOUGH_OTHERS ? enough : ENOUGH_OTHERS);
}

/* The broken pairs between both groups: each gets the mark, and their number is returned. */
static size_t mark_pairs(struct cutting *cutting, unsigned char mark)
{
	struct look *look = cutting->look;
	size_t count = 0;
	for (size_t i = 0; i < cutting->counts[0]; i++) {
		size_t node = cutting->groups[0][i];
		for (size_t at = look->starts[node]; at < look->starts[node + 1]; at++) {
			size_t place = look->incident[at];
			size_t other = diagnosis_other(&look->view->pairs[place], node);
			if (cutting->sides[other] != 2 || !is_free(look, place))
				continue;
			look->marks[place] |= mark;
			count++;
		}
	}
	return count;
}

static int compare_places(const void *one, const void *other)
{
	const size_t *a = one, *b = other;
	return (*a > *b) - (*a < *b);
}

/* Takes over the groups: in the order of nodes, the side with the first one first. */
static void add_cut(struct cutting *cutting, const struct cut *known)
{
	size_t counts[2] = {cutting->counts[0], cutting->counts[1]};
	struct cut *cut = &cutting->cuts[cutting->cut_count];
	for (size_t group = 0; group < 2; group++)
		qsort(cutting->groups[group], counts[group], sizeof *cutting->groups[group], compare_places);
	size_t first = cutting->groups[1][0] < cutting->groups[0][0] ? 1 : 0;
	size_t *members = calloc(counts[0] + counts[1], sizeof *members);
	if (members == NULL) {
		cutting->look->findings->lacks_memory = true;
		return;
	}
	mark_pairs(cutting, MARK_CUT);
	memcpy(members, cutting->groups[first], counts[first] * sizeof *members);
	memcpy(members + counts[first], cutting->groups[1 - first], counts[1 - first] * sizeof *members);
	*cut = *known;
	cut->members = members;
	cut->count = counts[0] + counts[1];
	cut->side_count = counts[first];
	cutting->cut_count++;
}

/* ---- cuts that are known already ---- */

/* Who is cut from the other side too, and connected with none of it, joins. */
static void extend(struct cutting *cutting, size_t group)
{
	const struct look *look = cutting->look;
	size_t others = cutting->counts[1 - group];
	for (size_t i = 0; i < others; i++) {
		size_t node = cutting->groups[1 - group][i];
		for (size_t at = look->starts[node]; at < look->starts[node + 1]; at++) {
			size_t other = diagnosis_other(&look->view->pairs[look->incident[at]], node);
			if (!is_free(look, look->incident[at]) || cutting->sides[other] != 0)
				continue;
			struct relations relations = relate(cutting, other);
			if (relations.up[1 - group] == 0 && is_cut_from(relations.broken[1 - group], others))
				take_side(cutting, group, other);
		}
	}
}

/* Its members that still can't talk to some of the other side. */
static void recall_members(struct cutting *cutting, const struct known_cut *known)
{
	for (size_t i = 0; i < known->count; i++) {
		size_t node = view_find(cutting->look->view, &known->members[i]);
		if (node != SIZE_MAX)
			take_side(cutting, i < known->side_count ? 0 : 1, node);
	}
	for (size_t group = 0; group < 2; group++)
		for (size_t i = cutting->counts[group]; i-- > 0;)
			if (relate(cutting, cutting->groups[group][i]).broken[1 - group] == 0)
				leave_side(cutting, group, i);
}

static void recall_cut(struct cutting *cutting, const struct known_cut *known)
{
	struct look *look = cutting->look;
	struct cut cut = {.identity = known->identity, .since_us = known->since_us, .whole_us = known->whole_us};
	recall_members(cutting, known);
	if (cutting->counts[0] > 0 && cutting->counts[1] > 0) {
		extend(cutting, 0);
		extend(cutting, 1);
		size_t broken = mark_pairs(cutting, 0), up = 0;
		for (size_t i = 0; i < cutting->counts[0]; i++)
			up += relate(cutting, cutting->groups[0][i]).up[1];
		if (broken >= ENOUGH_PAIRS && broken > up)
			cut.whole_us = look->now_us;
		diagnosis_look_again(look, cut.whole_us + healing_us);
		if (look->now_us - cut.whole_us < healing_us)
			add_cut(cutting, &cut);
	}
	leave_sides(cutting);
}

/* ---- new ones ---- */

/* All that broken pairs lead to from one node: each on the other side than the one that led to it. */
static void colour(struct cutting *cutting, size_t start)
{
	const struct look *look = cutting->look;
	size_t *queue = look->scratch, count = 0;
	queue[count++] = start;
	cutting->is_tried[start] = true;
	take_side(cutting, 0, start);
	for (size_t next = 0; next < count; next++) {
		size_t node = queue[next];
		for (size_t at = look->starts[node]; at < look->starts[node + 1]; at++) {
			size_t other = diagnosis_other(&look->view->pairs[look->incident[at]], node);
			if (!is_free(look, look->incident[at]) || cutting->is_tried[other])
				continue;
			cutting->is_tried[other] = true;
			take_side(cutting, cutting->sides[node] == 1 ? 1 : 0, other);
			queue[count++] = other;
		}
	}
}

/* A member that can't talk to more of its own side than of the other one changes sides. */
static void balance(struct cutting *cutting)
{
	enum { ROUNDS = 4 };
	bool has_changed = true;
	for (int round = 0; has_changed && round < ROUNDS; round++) {
		has_changed = false;
		for (size_t group = 0; group < 2; group++)
			for (size_t i = cutting->counts[group]; i-- > 0;) {
				size_t node = cutting->groups[group][i];
				struct relations relations = relate(cutting, node);
				if (relations.broken[group] <= relations.broken[1 - group])
					continue;
				leave_side(cutting, group, i);
				take_side(cutting, 1 - group, node);
				has_changed = true;
			}
	}
}

/* Of both groups, the one with fewer members that have more than so many connections loses these. */
static void leave_most_connected(struct cutting *cutting, const size_t *up, size_t limit)
{
	size_t found[2] = {0};
	for (size_t group = 0; group < 2; group++)
		for (size_t i = 0; i < cutting->counts[group]; i++)
			found[group] += up[cutting->groups[group][i]] > limit;
	size_t group = found[1] == 0 || (found[0] > 0 && found[0] < found[1]) ? 0 : 1;
	for (size_t i = cutting->counts[group]; i-- > 0;)
		if (up[cutting->groups[group][i]] > limit)
			leave_side(cutting, group, i);
}

/*
 * Leaves out who is not cut from the other side, and who is connected with it, those with the most connections first.
 * False if nothing is left, or there is no end of that.
 */
static bool prune(struct cutting *cutting)
{
	enum { ROUNDS = 16 };
	size_t *up = cutting->look->scratch;
	for (int round = 0; round < ROUNDS && cutting->counts[0] > 0 && cutting->counts[1] > 0; round++) {
		size_t most = 0, before = cutting->counts[0] + cutting->counts[1];
		for (size_t group = 0; group < 2; group++)
			for (size_t i = cutting->counts[group]; i-- > 0;) {
				size_t node = cutting->groups[group][i];
				struct relations relations = relate(cutting, node);
				up[node] = relations.up[1 - group];
				most = up[node] > most ? up[node] : most;
				if (!is_cut_from(relations.broken[1 - group], cutting->counts[1 - group]))
					leave_side(cutting, group, i);
			}
		if (most > 0)
			leave_most_connected(cutting, up, most / 2);
		if (cutting->counts[0] + cutting->counts[1] == before)
			return true;
	}
	return false;
}

/* One in what belongs together. */
static bool find_cut(struct cutting *cutting, size_t start)
{
	bool is_found = false;
	colour(cutting, start);
	if (cutting->counts[0] + cutting->counts[1] > ENOUGH_PAIRS / 2) {
		balance(cutting);
		is_found = prune(cutting) && mark_pairs(cutting, 0) >= ENOUGH_PAIRS;
	}
	if (is_found) {
		struct cut cut = {.whole_us = cutting->look->now_us, .since_us = -1};
		add_cut(cutting, &cut);
	}
	leave_sides(cutting);
	return is_found;
}

static bool has_free_pair(const struct look *look, size_t node)
{
	for (size_t at = look->starts[node]; at < look->starts[node + 1]; at++)
		if (is_free(look, look->incident[at]))
			return true;
	return false;
}

/* What is left of the broken pairs when those of a cut are taken away may be another. */
static bool find_new(struct cutting *cutting)
{
	size_t nodes = cutting->look->view->node_count, before = cutting->cut_count;
	memset(cutting->is_tried, 0, nodes * sizeof *cutting->is_tried);
	for (size_t n = 0; n < nodes && cutting->cut_count < KNOWN_CUTS; n++)
		if (!cutting->is_tried[n] && has_free_pair(cutting->look, n))
			find_cut(cutting, n);
	return cutting->cut_count > before;
}

void diagnosis_cut_groups(struct cutting *cutting)
{
	struct diagnosis_memory *memory = cutting->look->memory;
	for (size_t i = 0; memory != NULL && i < memory->cut_count; i++)
		recall_cut(cutting, &memory->cuts[i]);
	while (cutting->cut_count < KNOWN_CUTS && find_new(cutting))
		;
}
