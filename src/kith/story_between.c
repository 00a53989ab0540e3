#include "kith/story_priv.h"

#include <stdlib.h>
#include <string.h>

#include "kith/network.h"
#include "kith/value.h"
#include "kith/words.h"

enum { NODES = 2 };

/* The facts, taken apart; the two in the order in which they were asked for. */
struct between {
	struct json_object *nodes[NODES]; /* NULL for none */
	struct json_object *link;
	struct json_object *problem; /* that the two cannot talk; NULL for none */
	const char *says[NODES];     /* what each says of the other; NULL for nothing */
	char *names[NODES];
	size_t dialler; /* NODES for nobody */
};

static char *name_of(struct json_object *row)
{
	return value_format(row, value_text(row, "name") == NULL ? "nodeid" : "name", FORM_NAME, false);
}

static bool is_cannot_talk(struct json_object *row)
{
	return story_is_fact(row, "problem") && strcmp(network_kind(row), "link") == 0;
}

static void take_apart(const struct rows *facts, struct between *between)
{
	size_t count = 0;
	for (size_t i = 0; i < facts->count; i++) {
		if (story_is_fact(facts->list[i], "node") && count < NODES)
			between->nodes[count++] = facts->list[i];
		else if (story_is_fact(facts->list[i], "link"))
			between->link = facts->list[i];
		else if (is_cannot_talk(facts->list[i]))
			between->problem = facts->list[i];
	}
	const char *one = value_text(between->link, "one"), *first = value_text(between->nodes[0], "nodeid");
	const char *dialler = value_text(between->link, "dialled_by");
	bool is_swapped = one != NULL && first != NULL && strcmp(one, first) != 0;
	between->dialler = dialler == NULL ? NODES : (strcmp(dialler, "one") == 0) == is_swapped;
	between->says[is_swapped] = value_text(between->link, "one_says");
	between->says[!is_swapped] = value_text(between->link, "other_says");
	for (int i = 0; i < NODES; i++)
		between->names[i] = name_of(between->nodes[i]);
}

static bool has_state(struct json_object *row, const char *state)
{
	const char *text = value_text(row, "state");
	return text != NULL && strcmp(text, state) == 0;
}

static bool is_missing(struct json_object *node)
{
	return has_state(node, "gone") || has_state(node, "out_of_reach");
}

/* ---- the first line ---- */

static void print_connected(FILE *out, const struct between *between)
{
	struct json_object *link = between->link;
	char rtt[WORDS_BYTES];
	double rtt_ms;
	fputs(" are connected", out);
	if (between->dialler < NODES)
		fprintf(out, ": %s dialled", between->names[between->dialler]);
	if (value_number(link, "rtt_ms", &rtt_ms)) {
		words_rtt(rtt_ms, rtt);
		fprintf(out, ", rtt %s", rtt);
	}
	if (has_state(link, "late"))
		fputs("; one has heard nothing of the other for too long", out);
	else if (has_state(link, "one_way"))
		fputs("; one of them fails to dial the other", out);
	else if (has_state(link, "fading"))
		fputs("; neither can dial the other", out);
}

/* One of them is not there, which explains it. */
static bool print_missing(FILE *out, const struct between *between)
{
	for (int i = 0; i < NODES; i++) {
		struct json_object *node = between->nodes[i];
		char since[WORDS_BYTES];
		double seconds;
		if (!is_missing(node))
			continue;
		fprintf(out, " are not connected: %s is %s", between->names[i],
			has_state(node, "gone") ? "gone" : "out of reach");
		if (value_number(node, "state_s", &seconds)) {
			words_since(seconds, words_now(), since);
			fprintf(out, " since %s", since);
		}
		if (value_text(node, "reason") != NULL) {
			fputs(": ", out);
			story_print_clean(out, value_text(node, "reason"));
		}
		return true;
	}
	return false;
}

/* Nodes of version 0.1.0 say nothing of their connections, and others only of their own. */
static bool knows_nothing(const struct between *between)
{
	return !value_is_true(between->nodes[0], "has_report") && !value_is_true(between->nodes[1], "has_report");
}

/* The problem began when the first end waited in vain, and the connection may not have ended yet. */
static void print_cannot_talk(FILE *out, const struct between *between)
{
	char since[WORDS_BYTES];
	double seconds;
	bool is_known =
		value_number(between->problem, "since_s", &seconds) || value_number(between->link, "down_s", &seconds);
	fputs(" can't talk", out);
	if (!is_known)
		return;
	words_since(seconds, words_now(), since);
	fprintf(out, " since %s", since);
}

static void print_state(FILE *out, const struct between *between)
{
	double common;
	if (between->problem != NULL || has_state(between->link, "down"))
		print_cannot_talk(out, between);
	else if (value_is_true(between->link, "is_up"))
		print_connected(out, between);
	else if (!print_missing(out, between))
		fputs(knows_nothing(between) ? " have sent no reports: whether they are connected is unknown"
					     : " are not connected, and neither fails to reach the other",
		      out);
	if (value_number(between->link, "common", &common) && common > 0)
		fprintf(out, "; both talk to %.0f %s", common, common == 1 ? "other" : "others");
	fputc('\n', out);
}

/* ---- the other lines ---- */

/* What a node that is not there has said last is not true any more. */
static void print_sayings(FILE *out, const struct between *between)
{
	size_t widths[NODES], widest = 0;
	for (int i = 0; i < NODES; i++) {
		widths[i] = text_width(between->names[i]);
		widest = widths[i] > widest ? widths[i] : widest;
	}
	for (int i = 0; i < NODES; i++) {
		if (between->says[i] == NULL || is_missing(between->nodes[i]))
			continue;
		fprintf(out, "  %s says%*s  ", between->names[i], (int)(widest - widths[i]), "");
		story_print_clean(out, between->says[i]);
		fputc('\n', out);
	}
}

static bool print_rest(FILE *out, const struct rows *facts)
{
	bool is_good = true;
	for (size_t i = 0; i < facts->count && is_good; i++)
		if (story_is_fact(facts->list[i], "event") && !story_is_known(facts, facts->list[i]))
			is_good = story_print_event(out, facts->list[i]);
	for (size_t i = 0; i < facts->count; i++) {
		struct json_object *row = facts->list[i];
		/* That the two cannot talk has been said. */
		if (is_cannot_talk(row))
			story_print_advice(out, row);
		else if (story_is_fact(row, "problem"))
			story_print_problem(out, row);
	}
	return is_good;
}

bool story_print_between(FILE *out, const struct rows *facts)
{
	struct between between = {.link = NULL};
	take_apart(facts, &between);
	bool is_good = between.names[0] != NULL && between.names[1] != NULL;
	if (is_good && between.link != NULL) {
		fprintf(out, "%s and %s", between.names[0], between.names[1]);
		print_state(out, &between);
		print_sayings(out, &between);
	}
	is_good = is_good && print_rest(out, facts);
	free(between.names[0]);
	free(between.names[1]);
	return is_good;
}
