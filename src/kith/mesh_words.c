#include "kith/mesh_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "kith/cells.h"

const char *mesh_state_word(enum mesh_state state)
{
	static const char *const words[MESH_STATES] = {[MESH_ALIVE] = "alive",
						       [MESH_LATE] = "late",
						       [MESH_GONE] = "gone",
						       [MESH_OUT_OF_REACH] = "out of reach"};
	return words[state];
}

const char *mesh_link_words(enum mesh_link link)
{
	static const char *const words[MESH_LINKS] = {[LINK_NONE] = "no link, by choice",
						      [LINK_UP] = "linked",
						      [LINK_GONE] = "gone",
						      [LINK_OLD] = "out of reach, last heard as linked",
						      [LINK_UNKNOWN] = "unknown: neither has sent a report",
						      [LINK_LATE] = "late",
						      [LINK_FADING] = "linked, but neither can dial",
						      [LINK_ONE_WAY] = "only one can dial",
						      [LINK_DOWN] = "can't talk"};
	return words[link];
}

/* ---- numbers ---- */

void mesh_words_rtt(double rtt_ms, size_t most, char out[static WORDS_BYTES])
{
	static const double second_ms = 1000, longest_s = 99;
	double seconds = rtt_ms / second_ms;
	if (rtt_ms < 0)
		strcpy(out, "");
	else if (rtt_ms < 0.095)
		snprintf(out, WORDS_BYTES, ".%02.0f", rtt_ms * 100);
	else if (rtt_ms < 9.95)
		snprintf(out, WORDS_BYTES, "%.1f", rtt_ms);
	else if (rtt_ms < 999.5)
		snprintf(out, WORDS_BYTES, "%.0f", rtt_ms);
	else if (seconds < 9.95 && most > 3)
		snprintf(out, WORDS_BYTES, "%.1fs", seconds);
	else
		snprintf(out, WORDS_BYTES, "%.0fs", seconds < longest_s ? seconds : longest_s);
}

const char *const mesh_distance_words[MESH_DISTANCES] = {"< 1 ms", "< 10 ms", "< 100 ms", "100 ms or more",
							 "not measured"};

size_t mesh_distance(double rtt_ms)
{
	size_t distance = 0;
	if (rtt_ms < 0)
		return MESH_DISTANCE_UNKNOWN;
	for (double least_ms = 1; distance + 1 < MESH_DISTANCE_UNKNOWN && rtt_ms >= least_ms; least_ms *= 10)
		distance++;
	return distance;
}

/* ---- labels ---- */

static bool ends_in_digit(const char *label)
{
	size_t length = strlen(label);
	return length > 0 && isdigit((unsigned char)label[length - 1]);
}

/* The part of the text that begins so many cells before its end, or fewer. */
static const char *tail(const char *text, size_t cells)
{
	size_t width;
	while (cells_width(text) > cells)
		text += cells_step(text, &width);
	return text;
}

void mesh_words_short(const char *label, size_t cells, char out[static MESH_SHORT_BYTES])
{
	static const char gap[] = "~";
	enum { LEAST_WITH_GAP = 5 };
	size_t head = 0, width;
	if (cells_width(label) <= cells) {
		snprintf(out, MESH_SHORT_BYTES, "%s", label);
		return;
	}
	if (cells >= LEAST_WITH_GAP) {
		head = cells_fit(label, ends_in_digit(label) ? (cells - 1) / 2 : cells - 2);
		width = cells_width(label) - cells_width(label + head);
		snprintf(out, MESH_SHORT_BYTES, "%.*s%s%s", (int)head, label, gap, tail(label, cells - 1 - width));
	} else if (ends_in_digit(label)) {
		snprintf(out, MESH_SHORT_BYTES, "%s", tail(label, cells));
	} else {
		head = cells_fit(label, cells);
		snprintf(out, MESH_SHORT_BYTES, "%.*s", (int)(head == 0 ? cells_step(label, &width) : head), label);
	}
}

/* ---- sentences ---- */

static void add_count(struct writing *out, const char **gap, size_t count, const char *one, const char *many)
{
	char words[WORDS_BYTES];
	if (count == 0)
		return;
	words_count(count, one, many, words);
	writing_print(out, "%s%s", *gap, words);
	*gap = ", ";
}

void mesh_words_headline(struct writing *out, const struct mesh *mesh)
{
	char nodes[WORDS_BYTES];
	const char *gap = ": ";
	words_count(mesh->node_count, "node", "nodes", nodes);
	writing_print(out, "%s", nodes);
	for (enum mesh_state state = 0; state < MESH_STATES; state++) {
		const char *word = mesh_state_word(state);
		add_count(out, &gap, mesh_count_nodes(mesh, state), word, word);
	}
	gap = "; ";
	size_t late = mesh_count_pairs(mesh, LINK_LATE), fading = mesh_count_pairs(mesh, LINK_FADING);
	add_count(out, &gap, mesh_count_pairs(mesh, LINK_UP) + late + fading, "link", "links");
	add_count(out, &gap, late, "late", "late");
	add_count(out, &gap, fading, "fading", "fading");
	add_count(out, &gap, mesh_count_pairs(mesh, LINK_ONE_WAY), "pair one way", "pairs one way");
	add_count(out, &gap, mesh_count_pairs(mesh, LINK_DOWN), "pair can't talk", "pairs can't talk");
}

void mesh_words_problem(struct writing *out, const struct mesh *mesh, const struct mesh_problem *problem)
{
	char since[WORDS_BYTES];
	if (problem->since_s >= 0) {
		words_since(problem->since_s, mesh->now_s, since);
		writing_print(out, "since %s: ", since);
	}
	writing_print(out, "%s", problem->text == NULL ? "" : problem->text);
}

static void add_age(struct writing *out, const struct mesh_node *node)
{
	char age[WORDS_BYTES];
	if (!node->has_report || node->report_s < 0) {
		writing_print(out, "no report");
		return;
	}
	words_duration(node->report_s, age);
	writing_print(out, "report %s old", age);
}

void mesh_words_node(struct writing *out, const struct mesh_node *node)
{
	char how_long[WORDS_BYTES], rtt[WORDS_BYTES];
	writing_print(out, "%s", node->label);
	if (node->state != MESH_ALIVE) {
		writing_print(out, " is %s", mesh_state_word(node->state));
		words_duration(node->state_s, how_long);
		if (node->state_s >= 0)
			writing_print(out, " for %s", how_long);
		if (node->reason != NULL)
			writing_print(out, ": %s", node->reason);
	} else if (node->is_self) {
		writing_print(out, ", this node");
	} else if (node->rtt_ms >= 0) {
		words_rtt(node->rtt_ms, rtt);
		writing_print(out, ", %s away", rtt);
	}
	writing_print(out, "; ");
	add_age(out, node);
}

static void add_says(struct writing *out, const struct mesh_node *node, const char *says)
{
	if (says != NULL)
		writing_print(out, "; %s says %s", node->label, says);
}

/* "reports 3 s and 5 s old", "report of beta 3 s old, none of alpha" */
static void add_ages(struct writing *out, const struct mesh_node *one, const struct mesh_node *other)
{
	char first[WORDS_BYTES], second[WORDS_BYTES];
	bool has_one = one->has_report && one->report_s >= 0, has_other = other->has_report && other->report_s >= 0;
	words_duration(one->report_s, first);
	words_duration(other->report_s, second);
	if (has_one && has_other)
		writing_print(out, "; reports %s and %s old", first, second);
	else if (has_one || has_other)
		writing_print(out, "; report of %s %s old, none of %s", has_one ? one->label : other->label,
			      has_one ? first : second, has_one ? other->label : one->label);
	else
		writing_print(out, "; no reports");
}

static void add_link(struct writing *out, const struct mesh *mesh, const struct mesh_pair *pair)
{
	char rtt[WORDS_BYTES], down[WORDS_BYTES];
	const struct mesh_node *one = &mesh->nodes[pair->one], *other = &mesh->nodes[pair->other];
	double rtt_ms = pair->rtt_ms;
	words_rtt(rtt_ms, rtt);
	words_duration(pair->down_s, down);
	switch (pair->link) {
	case LINK_UP:
		writing_print(out, "%s", rtt_ms < 0 ? mesh_link_words(LINK_UP) : rtt);
		break;
	case LINK_LATE:
		writing_print(out, rtt_ms < 0 ? "late" : "late, usually %s", rtt);
		break;
	case LINK_ONE_WAY:
		writing_print(out, "only %s can dial", pair->is_one_able ? one->label : other->label);
		break;
	case LINK_DOWN:
		writing_print(out, pair->down_s < 0 ? "can't talk" : "can't talk for %s", down);
		break;
	default:
		writing_print(out, "%s", mesh_link_words(pair->link));
		break;
	}
	if (pair->link >= LINK_LATE) {
		add_says(out, one, pair->one_says);
		add_says(out, other, pair->other_says);
	}
}

void mesh_words_pair(struct writing *out, const struct mesh *mesh, size_t one, size_t other)
{
	const struct mesh_node *first = &mesh->nodes[one], *second = &mesh->nodes[other];
	enum mesh_link link = mesh_link_of(mesh, one, other);
	writing_print(out, "%s, %s: ", first->label, second->label);
	if (link == LINK_GONE)
		writing_print(out, "%s is gone", first->state == MESH_GONE ? first->label : second->label);
	else if (link == LINK_NONE || link == LINK_UNKNOWN)
		writing_print(out, "%s", mesh_link_words(link));
	else
		add_link(out, mesh, mesh_find_pair(mesh, one, other));
	add_ages(out, first, second);
}
