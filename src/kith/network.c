#include "kith/network.h"

#include <stdlib.h>
#include <string.h>

#include "kith/value.h"

static bool is_text(struct json_object *row, const char *key, const char *text)
{
	const char *value = value_text(row, key);
	return value != NULL && strcmp(value, text) == 0;
}

static bool print_clean(FILE *out, const char *text)
{
	char *clean = words_clean(text == NULL ? "" : text, TEXT_LINE);
	if (clean != NULL)
		fputs(clean, out);
	free(clean);
	return clean != NULL;
}

/* ---- problems ---- */

bool network_is_notice(struct json_object *problem)
{
	return value_is_true(problem, "is_notice");
}

bool network_is_grave(struct json_object *problem)
{
	static const char *const kinds[] = {"me", "partition", "node", "cut", "link"};
	bool is_grave = false;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		is_grave = is_grave || is_text(problem, "kind", kinds[i]);
	return is_grave && !network_is_notice(problem);
}

const char *network_kind(struct json_object *problem)
{
	static const char *const kinds[] = {"me",     "partition", "node",  "cut",    "link",	     "one_way",
					    "fading", "slow",	   "clock", "double", "turned_away", "single"};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (is_text(problem, "kind", kinds[i]))
			return kinds[i];
	return "other";
}

static const char *item(struct json_object *row, const char *key, size_t place)
{
	struct json_object *list = NULL;
	bool is_there = json_object_object_get_ex(row, key, &list) && json_object_is_type(list, json_type_array) &&
			place < json_object_array_length(list);
	return is_there ? json_string(json_object_array_get_idx(list, place)) : NULL;
}

bool network_is_about(struct json_object *problem, const char *nodeid)
{
	const char *subject;
	for (size_t i = 0; nodeid != NULL && (subject = item(problem, "subjects", i)) != NULL; i++)
		if (strcmp(subject, nodeid) == 0)
			return true;
	return false;
}

void network_say_since(struct json_object *problem, char out[static WORDS_BYTES + 8])
{
	char at[WORDS_BYTES];
	double seconds;
	bool is_known = value_number(problem, "since_s", &seconds);
	if (!is_known)
		value_number(problem, "raised_s", &seconds);
	words_since(seconds, words_now(), at);
	snprintf(out, WORDS_BYTES + 8, "%s %s", is_known ? "since" : "found", at);
}

static bool print_problem(FILE *out, struct json_object *problem, int width)
{
	char since[WORDS_BYTES + 8] = "notice";
	const char *advice = value_text(problem, "advice");
	if (!network_is_notice(problem))
		network_say_since(problem, since);
	fprintf(out, "%-*s  ", width, since);
	bool is_good = print_clean(out, value_text(problem, "text"));
	fputc('\n', out);
	if (advice == NULL)
		return is_good;
	fprintf(out, "%*s  ", width, "");
	is_good = print_clean(out, advice) && is_good;
	fputc('\n', out);
	return is_good;
}

bool network_print_problems(FILE *out, const struct rows *problems)
{
	size_t widest = strlen("notice");
	bool is_good = true;
	for (size_t i = 0; i < problems->count; i++) {
		char since[WORDS_BYTES + 8];
		network_say_since(problems->list[i], since);
		if (!network_is_notice(problems->list[i]) && strlen(since) > widest)
			widest = strlen(since);
	}
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < problems->count; i++)
			if (network_is_notice(problems->list[i]) == (round == 1))
				is_good = print_problem(out, problems->list[i], (int)widest) && is_good;
	if (problems->count == 0)
		fputs("no known problems\n", out);
	return is_good;
}

/* ---- nodes ---- */

static bool is_there(struct json_object *node)
{
	return is_text(node, "state", "alive") || is_text(node, "state", "late");
}

static size_t count_state(const struct rows *nodes, const char *state)
{
	size_t count = 0;
	for (size_t i = 0; i < nodes->count; i++)
		count += is_text(nodes->list[i], "state", state);
	return count;
}

static bool add_text(struct json_object *row, const char *key, const char *text)
{
	struct json_object *value = json_object_new_string(text);
	if (value != NULL && json_object_object_add(row, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

bool network_complete_nodes(const struct rows *nodes)
{
	size_t there = 0, telling = 0;
	bool is_good = true;
	for (size_t i = 0; i < nodes->count; i++) {
		there += is_there(nodes->list[i]);
		telling += is_there(nodes->list[i]) && value_is_true(nodes->list[i], "has_report");
	}
	for (size_t i = 0; i < nodes->count && is_good; i++) {
		struct json_object *node = nodes->list[i];
		char text[WORDS_BYTES];
		double links;
		if (!value_is_true(node, "has_report"))
			is_good = add_text(node, "note", "no report");
		if (!is_there(node) || !value_number(node, "links", &links))
			continue;
		/* Two that send no reports may be connected, and nobody knows. */
		snprintf(text, sizeof text, "%.0f/%zu", links, value_is_true(node, "has_report") ? there - 1 : telling);
		is_good = is_good && add_text(node, "seen_by", text);
	}
	return is_good;
}

/* "30 nodes: 28 alive, 1 late, 1 gone" */
static void print_states(FILE *out, const struct rows *nodes)
{
	static const struct {
		const char *state, *word;
	} states[] = {{"alive", "alive"}, {"late", "late"}, {"gone", "gone"}, {"out_of_reach", "out of reach"}};
	char count[WORDS_BYTES];
	const char *before = ": ";
	words_count(nodes->count, "node", "nodes", count);
	fputs(count, out);
	if (nodes->count > 1 && count_state(nodes, "alive") == nodes->count) {
		fputs(", all alive", out);
		return;
	}
	for (size_t i = 0; i < sizeof states / sizeof *states && nodes->count > 1; i++) {
		size_t some = count_state(nodes, states[i].state);
		if (some == 0)
			continue;
		fprintf(out, "%s%zu %s", before, some, states[i].word);
		before = ", ";
	}
}

static bool is_about_any(struct json_object *problem, const struct rows *nodes)
{
	for (size_t i = 0; i < nodes->count; i++)
		if (network_is_about(problem, value_text(nodes->list[i], "nodeid")))
			return true;
	return false;
}

/* Of two nodes that can't talk, what to ask. */
static bool print_pair(FILE *out, struct json_object *problem)
{
	const char *one = item(problem, "names", 0), *other = item(problem, "names", 1);
	return print_clean(out, one) && fputs(" has no connection to ", out) != EOF && print_clean(out, other) &&
	       fputs(" (kith why ", out) != EOF && print_clean(out, one) && fputs(" ", out) != EOF &&
	       print_clean(out, other) && fputs(")", out) != EOF;
}

static bool is_broken_pair(struct json_object *problem)
{
	return is_text(problem, "kind", "link") && item(problem, "names", 0) != NULL &&
	       item(problem, "names", 1) != NULL;
}

bool network_print_foot(FILE *out, const struct rows *nodes, const struct rows *shown, const struct rows *problems)
{
	struct json_object *pair = NULL;
	size_t others = 0;
	bool is_good = true;
	if (shown->count == nodes->count)
		print_states(out, nodes);
	else
		fprintf(out, "%zu of %zu node%s", shown->count, nodes->count, nodes->count == 1 ? "" : "s");
	for (size_t i = 0; i < problems->count; i++) {
		struct json_object *problem = problems->list[i];
		if (network_is_notice(problem) || !is_about_any(problem, shown))
			continue;
		if (pair == NULL && is_broken_pair(problem))
			pair = problem;
		else
			others++;
	}
	if (pair != NULL) {
		fputs("; ", out);
		is_good = print_pair(out, pair);
	}
	if (others > 0)
		fprintf(out, "; %zu %s%s: kith problems", others, pair == NULL ? "" : "more ",
			others == 1 ? "problem" : "problems");
	fputc('\n', out);
	return is_good;
}

/* ---- links ---- */

void network_print_links_foot(FILE *out, const struct rows *links)
{
	static const struct {
		const char *state, *words;
	} states[] = {{"up", "up"}, {"late", "late"}, {"one_way", "one way"}, {"fading", "fading"}, {"down", "down"}};
	char count[WORDS_BYTES];
	const char *before = ": ";
	words_count(links->count, "link", "links", count);
	fputs(links->count == 0 ? "no links" : count, out);
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		size_t some = count_state(links, states[i].state);
		if (some == 0)
			continue;
		fprintf(out, "%s%zu %s", before, some, states[i].words);
		before = ", ";
	}
	fputc('\n', out);
}
