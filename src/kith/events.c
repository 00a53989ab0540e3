#include "kith/events.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kith/value.h"
#include "kith/words.h"

const struct event_words event_words[] = {
	{"started", "start", TABLE_NO_COLOUR},	 {"stopping", "stop", TABLE_YELLOW},
	{"reloaded", "reload", TABLE_NO_COLOUR}, {"setting", "set", TABLE_NO_COLOUR},
	{"peer_up", "up", TABLE_GREEN},		 {"peer_down", "down", TABLE_RED},
	{"peer_late", "late", TABLE_YELLOW},	 {"peer_ok", "ok", TABLE_GREEN},
	{"dial_failed", "fail", TABLE_YELLOW},	 {"dial_ok", "works", TABLE_GREEN},
	{"refused", "refuse", TABLE_YELLOW},	 {"banned", "ban", TABLE_RED},
	{"node_up", "alive", TABLE_GREEN},	 {"node_late", "silent", TABLE_YELLOW},
	{"node_gone", "gone", TABLE_RED},	 {"link_down", "broken", TABLE_RED},
	{"link_up", "linked", TABLE_GREEN},	 {"problem", "problem", TABLE_RED},
	{"problem_over", "over", TABLE_GREEN},
};

const size_t event_words_count = sizeof event_words / sizeof *event_words;

static const struct event_words *find_words(const char *text)
{
	for (size_t i = 0; i < event_words_count; i++)
		if (strcmp(event_words[i].kind, text) == 0 || strcmp(event_words[i].word, text) == 0)
			return &event_words[i];
	return NULL;
}

const char *event_kind(const char *text)
{
	const struct event_words *words = find_words(text);
	return words == NULL ? text : words->kind;
}

static const char *or_nothing(const char *text)
{
	return text == NULL ? "" : text;
}

static bool is_kind(struct json_object *row, const char *kind)
{
	return strcmp(or_nothing(value_text(row, "kind")), kind) == 0;
}

char *event_subject(struct json_object *row)
{
	static const char *const keys[] = {"name", "address", "nodeid"};
	/* A problem's sentence says whom it is about. */
	bool is_own = is_kind(row, "started") || is_kind(row, "stopping") || is_kind(row, "reloaded") ||
		      is_kind(row, "problem") || is_kind(row, "problem_over");
	for (size_t i = 0; i < sizeof keys / sizeof *keys && !is_own; i++)
		if (value_text(row, keys[i]) != NULL)
			return value_format(row, keys[i], i == 2 ? FORM_NODEID : FORM_PLAIN, false);
	return strdup("");
}

static bool add(struct buffer *out, const char *text)
{
	return buffer_append(out, text, strlen(text));
}

/* The texts, with the separator between those that aren't NULL. */
static bool add_joined(struct buffer *out, const char *separator, const char *const texts[], size_t count)
{
	bool is_good = true, is_first = true;
	for (size_t i = 0; i < count; i++) {
		if (texts[i] == NULL || texts[i][0] == '\0')
			continue;
		is_good = is_good && (is_first || add(out, separator)) && add(out, texts[i]);
		is_first = false;
	}
	return is_good;
}

/* " (was up 3 h)"; "" if nobody knows how long. */
static void say_lasted(struct json_object *row, const char *words, char out[static WORDS_BYTES + 16])
{
	char duration[WORDS_BYTES];
	double seconds;
	out[0] = '\0';
	if (!value_number(row, "lasted_s", &seconds))
		return;
	words_duration(seconds, duration);
	snprintf(out, WORDS_BYTES + 16, " (%.8s %s)", words, duration);
}

/* What happened in the network; false for another kind. */
static bool describe_of_network(struct json_object *row, struct buffer *out, bool *is_good)
{
	const char *address = value_text(row, "address"), *value = value_text(row, "value"),
		   *reason = value_text(row, "reason"), *name = value_text(row, "name");
	char lasted[WORDS_BYTES + 16];
	if (is_kind(row, "node_up")) {
		say_lasted(row, "after", lasted);
		*is_good = add_joined(out, ", ", (const char *const[]){name == NULL ? NULL : address, value}, 2) &&
			   add(out, lasted);
	} else if (is_kind(row, "node_late")) {
		say_lasted(row, "for", lasted);
		*is_good = add(out, "nobody hears it") && add(out, lasted);
	} else if (is_kind(row, "node_gone")) {
		say_lasted(row, "ran", lasted);
		*is_good = add(out, reason == NULL ? "" : reason) && add(out, lasted);
	} else if (is_kind(row, "link_down")) {
		*is_good = add(out, "and ") && add_joined(out, ": ", (const char *const[]){value, reason}, 2);
	} else if (is_kind(row, "link_up")) {
		say_lasted(row, "after", lasted);
		*is_good = add_joined(out, "", (const char *const[]){"and ", value, lasted}, 3);
	} else if (is_kind(row, "problem") || is_kind(row, "problem_over")) {
		say_lasted(row, "lasted", lasted);
		*is_good = add(out, reason == NULL ? "" : reason) && add(out, lasted);
	} else {
		return false;
	}
	return true;
}

static bool describe(struct json_object *row, struct buffer *out)
{
	bool is_good;
	if (describe_of_network(row, out, &is_good))
		return is_good;
	const char *name = value_text(row, "name"), *address = value_text(row, "address"),
		   *value = value_text(row, "value"), *reason = value_text(row, "reason");
	char lasted[WORDS_BYTES + sizeof " (was up )"] = "", duration[WORDS_BYTES];
	double seconds;
	if (is_kind(row, "setting"))
		return add_joined(out, "",
				  (const char *const[]){"= ", value == NULL ? "\"\"" : value,
							reason == NULL ? NULL : ": ", reason},
				  4);
	if (is_kind(row, "banned") && value != NULL)
		return add(out, "for ") && add_joined(out, ": ", (const char *const[]){value, reason}, 2);
	if (is_kind(row, "started"))
		return add_joined(out, " ", (const char *const[]){"kithd", value, reason}, 3);
	if (is_kind(row, "peer_down")) {
		if (value_number(row, "lasted_s", &seconds)) {
			words_duration(seconds, duration);
			snprintf(lasted, sizeof lasted, " (was up %s)", duration);
		}
		return add_joined(out, ": ", (const char *const[]){value_text(row, "ending"), reason}, 2) &&
		       add(out, lasted);
	}
	if (is_kind(row, "peer_late") || is_kind(row, "peer_ok")) {
		words_duration(value_number(row, "lasted_s", &seconds) ? seconds : 0, duration);
		return add(out, is_kind(row, "peer_late") ? "no answer for " : "answers again after ") &&
		       add(out, duration);
	}
	/* The address is the subject already if there is no name. */
	return add_joined(out, ", ", (const char *const[]){name == NULL ? NULL : address, value, reason}, 3);
}

char *event_describe(struct json_object *row)
{
	struct buffer text = {0};
	char *clean = NULL;
	if (describe(row, &text) && buffer_append(&text, "", 1))
		clean = words_clean(buffer_content(&text), TEXT_LINE);
	buffer_fini(&text);
	return clean;
}

/* The cell, with spaces up to the width of its column, which grows up to a limit. */
static void print_cell(const char *text, enum table_colour colour, size_t *column_width)
{
	enum { WIDEST = 24 };
	size_t width = text_width(text);
	if (width > *column_width)
		*column_width = width < WIDEST ? width : WIDEST;
	printf("%s%s%s%*s  ", colour == TABLE_NO_COLOUR ? "" : table_colour_escape(colour), text,
	       colour == TABLE_NO_COLOUR ? "" : table_colour_escape(TABLE_NO_COLOUR),
	       width < *column_width ? (int)(*column_width - width) : 0, "");
}

static void print_lost(struct json_object *row)
{
	double events;
	value_number(row, "events", &events);
	printf("(%.0f events are lost: the journal no longer has them)\n", events);
}

bool event_print(struct json_object *row, struct event_columns *columns)
{
	if (strcmp(or_nothing(value_text(row, "msgtype")), "lost") == 0) {
		print_lost(row);
		return true;
	}
	const struct event_words *words = find_words(or_nothing(value_text(row, "kind")));
	char *kind = words == NULL ? value_format(row, "kind", FORM_PLAIN, false) : strdup(words->word);
	char *subject = event_subject(row), *text = event_describe(row), at[WORDS_BYTES];
	bool is_good = kind != NULL && subject != NULL && text != NULL;
	if (is_good) {
		words_time(or_nothing(value_text(row, "at")), (int64_t)time(NULL), true, at);
		printf("%s  ", at);
		print_cell(kind, words == NULL ? TABLE_NO_COLOUR : words->colour, &columns->kind_width);
		/* What is about this node has no subject. */
		if (subject[0] != '\0')
			print_cell(subject, TABLE_NO_COLOUR, &columns->subject_width);
		puts(text);
	}
	free(kind);
	free(subject);
	free(text);
	return is_good;
}
