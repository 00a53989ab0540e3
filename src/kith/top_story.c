#include "kith/top_story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith/network.h"
#include "kith/story.h"
#include "kith/value.h"
#include "kith/words.h"

/* ---- whose it is ---- */

static void copy_text(char out[static TOP_TEXT_BYTES], const char *text)
{
	snprintf(out, TOP_TEXT_BYTES, "%s", text == NULL ? "" : text);
}

/* The nodes of a problem, if they are one or two. */
static void find_subjects(struct json_object *problem, struct top_about *about)
{
	struct json_object *list = NULL;
	if (!json_object_object_get_ex(problem, "subjects", &list) || !json_object_is_type(list, json_type_array))
		return;
	size_t count = json_object_array_length(list);
	char *nodeids[] = {about->one, about->other};
	for (size_t i = 0; i < count && count <= 2; i++)
		copy_text(nodeids[i], json_string(json_object_array_get_idx(list, i)));
}

void top_story_begin(struct top_story *story, struct json_object *row, enum top_page page)
{
	top_story_end(story);
	if (page == TOP_PROBLEMS) {
		story->problem = json_object_get(row);
		find_subjects(row, &story->about);
	} else if (page == TOP_LINKS) {
		copy_text(story->about.one, value_text(row, "one"));
		copy_text(story->about.other, value_text(row, "other"));
	} else {
		top_id(row, story->about.one);
	}
}

void top_story_end(struct top_story *story)
{
	rows_fini(&story->facts);
	json_object_put(story->problem);
	*story = (struct top_story){.problem = NULL};
}

void top_story_renew(struct top_story *story, const struct rows *problems)
{
	double number, other;
	if (story->problem == NULL || !value_number(story->problem, "number", &number))
		return;
	story->is_over = true;
	for (size_t i = 0; i < problems->count && story->is_over; i++) {
		if (!value_number(problems->list[i], "number", &other) || other != number)
			continue;
		json_object_put(story->problem);
		story->problem = json_object_get(problems->list[i]);
		story->is_over = false;
	}
}

/* ---- how it is told ---- */

static bool print_clean(FILE *out, const char *before, const char *text)
{
	char *clean = words_clean(text, TEXT_LINE);
	if (clean != NULL)
		fprintf(out, "%s%s\n", before, clean);
	free(clean);
	return clean != NULL;
}

/* That two nodes cannot talk is a part of what is between them, with what to check. */
static bool is_cannot_talk(const struct top_story *story)
{
	return story->problem != NULL && story->about.other[0] != '\0' &&
	       strcmp(network_kind(story->problem), "link") == 0;
}

/* What is wrong and what to check, since when, and how old the evidence is. */
static bool print_problem(FILE *out, const struct top_story *story)
{
	struct json_object *problem = story->problem;
	const char *text = value_text(problem, "text"), *advice = value_text(problem, "advice");
	char since[WORDS_BYTES + 8], evidence[WORDS_BYTES];
	double seconds;
	bool has_own_advice = advice != NULL && !(is_cannot_talk(story) && story->facts.count > 0 && !story->is_over);
	bool is_good =
		print_clean(out, "", text == NULL ? "" : text) && (!has_own_advice || print_clean(out, "  ", advice));
	network_say_since(problem, since);
	fprintf(out, "  %s%s", network_is_notice(problem) ? "a notice: nothing is broken; " : "", since);
	if (value_number(problem, "evidence_s", &seconds)) {
		words_ago(seconds, evidence);
		fprintf(out, "; the last report about it came %s", evidence);
	}
	fputs(story->is_over ? "; it is over\n" : "\n", out);
	return is_good;
}

/* Is it about the problem that is told already: the problem itself, or the event that it was found? */
static bool is_told(const struct top_story *story, struct json_object *fact)
{
	const char *what = value_text(fact, "fact");
	double number, other;
	if (story->problem == NULL || what == NULL || !value_number(story->problem, "number", &number))
		return false;
	return (strcmp(what, "problem") == 0 && !is_cannot_talk(story) && value_number(fact, "number", &other) &&
		other == number) ||
	       (strcmp(what, "event") == 0 && value_number(fact, "problem", &other) && other == number);
}

static bool print_facts(FILE *out, const struct top_story *story)
{
	struct rows facts = {0};
	bool is_good = true;
	for (size_t i = 0; i < story->facts.count && is_good; i++)
		is_good = is_told(story, story->facts.list[i]) || rows_add(&facts, story->facts.list[i]);
	if (is_good)
		is_good = story->about.other[0] == '\0' ? story_print(out, &facts, story->about.one)
							: story_print_between(out, &facts);
	rows_fini(&facts);
	return is_good;
}

static bool print_story(FILE *out, const struct top_story *story)
{
	if (story->problem != NULL && !print_problem(out, story))
		return false;
	if (story->about.one[0] == '\0')
		return true;
	if (story->problem != NULL)
		fputc('\n', out);
	if (story->no_story.text[0] != '\0')
		return print_clean(out, "", story->no_story.text);
	if (story->facts.count == 0)
		return fputs("asking the node...\n", out) >= 0;
	return print_facts(out, story);
}

char *top_story_tell(const struct top_story *story)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	bool is_good = out != NULL && print_story(out, story);
	if (out == NULL || fclose(out) != 0 || !is_good) {
		free(text);
		return NULL;
	}
	return text;
}
