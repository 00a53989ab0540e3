#include "kith/status_priv.h"

#include <stdlib.h>
#include <string.h>

#include "kith/network.h"
#include "kith/value.h"
#include "kith/words.h"

/* Takes both texts, NULL for no memory. */
static void add_problem(struct status_problems *problems, const char *word, enum table_colour colour, char *subject,
			char *text)
{
	if (subject == NULL || text == NULL) {
		problems->lacks_memory = true;
	} else if (problems->count < STATUS_LINES) {
		problems->lines[problems->count++] = (struct status_line){word, colour, subject, text};
		return;
	} else {
		problems->hidden++;
	}
	free(subject);
	free(text);
}

/* Takes the text, NULL for no memory. */
static void add_sentence(struct status_problems *problems, const char *word, enum table_colour colour, char *text)
{
	if (text != NULL && problems->count < STATUS_LINES) {
		problems->lines[problems->count++] = (struct status_line){.word = word, .colour = colour, .text = text};
		return;
	}
	problems->lacks_memory = problems->lacks_memory || text == NULL;
	problems->hidden += text != NULL;
	free(text);
}

void status_problems_fini(struct status_problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		free(problems->lines[i].subject);
		free(problems->lines[i].text);
	}
}

static size_t width_of(const char *text)
{
	return text == NULL ? 0 : text_width(text);
}

void status_problems_print(FILE *out, const struct status_problems *problems)
{
	size_t widest_word = strlen("fails"), widest = 0;
	for (size_t i = 0; i < problems->count; i++) {
		size_t word = strlen(problems->lines[i].word), width = width_of(problems->lines[i].subject);
		widest_word = word > widest_word ? word : widest_word;
		widest = width > widest ? width : widest;
	}
	for (size_t i = 0; i < problems->count; i++) {
		const struct status_line *line = &problems->lines[i];
		fprintf(out, "  %s%-*s%s ", table_colour_escape(line->colour), (int)widest_word, line->word,
			table_colour_escape(TABLE_NO_COLOUR));
		if (line->subject != NULL)
			fprintf(out, "%s%*s%s", line->subject, (int)(widest - text_width(line->subject)), "",
				widest > 0 ? "  " : "");
		fprintf(out, "%s\n", line->text);
	}
	if (problems->hidden_of_network > 0)
		fprintf(out, "  and %zu more: kith problems\n", problems->hidden_of_network);
	if (problems->hidden > 0)
		fprintf(out, "  and %zu more: kith addresses\n", problems->hidden);
}

char *status_name_of(struct json_object *row)
{
	static const char *const keys[] = {"name", "listen", "address"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (value_text(row, keys[i]) != NULL)
			return status_clean(value_text(row, keys[i]));
	return value_format(row, "nodeid", FORM_NODEID, false);
}

/* ---- of the network ---- */

static void add_of_network(struct status_problems *problems, struct json_object *problem)
{
	char since[WORDS_BYTES + 8], *text = NULL, *sentence = status_clean(value_text(problem, "text"));
	network_say_since(problem, since);
	if (sentence == NULL || asprintf(&text, "%s, %s", sentence, since) < 0)
		text = NULL;
	add_sentence(problems, network_kind(problem), network_is_grave(problem) ? TABLE_RED : TABLE_YELLOW, text);
	free(sentence);
}

static void add_all_of_network(struct status_problems *problems, const struct status *status)
{
	for (size_t i = 0; i < status->problems.count; i++) {
		if (network_is_notice(status->problems.list[i]))
			continue;
		if (problems->count == STATUS_SHOWN)
			problems->hidden_of_network++;
		else
			add_of_network(problems, status->problems.list[i]);
	}
}

/* Does a problem of the network say already that this node is gone or out of reach? */
static bool is_told(const struct status *status, const char *nodeid)
{
	for (size_t i = 0; i < status->problems.count; i++)
		if ((status_is_text(status->problems.list[i], "kind", "node") ||
		     status_is_text(status->problems.list[i], "kind", "partition")) &&
		    network_is_about(status->problems.list[i], nodeid))
			return true;
	return false;
}

/* ---- of this node ---- */

static void add_own_problems(struct status_problems *problems, struct json_object *info)
{
	struct json_object *list = NULL;
	if (info == NULL || !json_object_object_get_ex(info, "problems", &list) ||
	    !json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		add_sentence(problems, "here", TABLE_RED,
			     status_clean(json_string(json_object_array_get_idx(list, i))));
}

static void add_late(struct status_problems *problems, struct json_object *peer)
{
	char wait[WORDS_BYTES], rtt[WORDS_BYTES], *text = NULL;
	double late_ms, rtt_ms;
	value_number(peer, "late_ms", &late_ms);
	words_duration(late_ms / 1000, wait);
	if (value_number(peer, "usual_rtt_ms", &rtt_ms)) {
		words_rtt(rtt_ms, rtt);
		if (asprintf(&text, "no answer for %s (usually %s)", wait, rtt) < 0)
			text = NULL;
	} else if (asprintf(&text, "no answer for %s", wait) < 0) {
		text = NULL;
	}
	add_problem(problems, "late", TABLE_YELLOW, status_name_of(peer), text);
}

bool status_is_failing(struct json_object *address)
{
	double failures;
	return value_number(address, "failures", &failures) && failures > 0;
}

/* ", next try in 22 s", or nothing. */
static void next_try(struct json_object *address, char out[static WORDS_BYTES + 32])
{
	char when[WORDS_BYTES];
	double seconds;
	out[0] = '\0';
	if (!value_number(address, "next_try_s", &seconds))
		return;
	words_duration(seconds, when);
	snprintf(out, WORDS_BYTES + 32, seconds >= 1 ? ", next try in %s" : ", next try now", when);
}

/* It went at this event; address is what is known of its address, or NULL. */
static void add_gone(struct status_problems *problems, struct json_object *event, struct json_object *address)
{
	char ago[WORDS_BYTES], next[WORDS_BYTES + 32] = "", *text = NULL;
	double seconds;
	bool has_left = status_is_text(event, "ending", "left");
	const char *error = address == NULL || has_left ? NULL : value_text(address, "error");
	char *reason = status_clean(error == NULL ? value_text(event, "reason") : error);
	if (address != NULL)
		next_try(address, next);
	value_number(event, "ago_s", &seconds);
	words_ago(seconds, ago);
	if (reason != NULL && asprintf(&text, "%s: %s%s", ago, reason, next) < 0)
		text = NULL;
	free(reason);
	add_problem(problems, has_left ? "left" : "gone", has_left ? TABLE_YELLOW : TABLE_RED, status_name_of(event),
		    text);
}

static void add_failing(struct status_problems *problems, struct json_object *address)
{
	char next[WORDS_BYTES + 32], *text = NULL;
	char *error = status_clean(value_text(address, "error"));
	next_try(address, next);
	if (error != NULL && asprintf(&text, "%s%s", error[0] == '\0' ? "no answer" : error, next) < 0)
		text = NULL;
	free(error);
	add_problem(problems, "fails", TABLE_YELLOW, status_name_of(address), text);
}

/* Rows to look up by nodeid. */
struct view {
	struct rows peers; /* that are ready */
	struct rows addresses;
	struct rows gone; /* of each node that went and is not back, the last event */
};

static void view_fini(struct view *view)
{
	rows_fini(&view->peers);
	rows_fini(&view->addresses);
	rows_fini(&view->gone);
}

static bool copy_sorted(const struct rows *rows, const char *number_key, struct rows *copy)
{
	bool is_good = true;
	for (size_t i = 0; i < rows->count && is_good; i++)
		is_good = rows_add(copy, rows->list[i]);
	return is_good && rows_sort(copy, "nodeid", number_key);
}

/* False if there is no memory. */
static bool view_init(struct view *view, const struct status *status)
{
	struct rows events = {0};
	*view = (struct view){0};
	bool is_good = true;
	/* They are looked up for who went: of 16,000, to sort them would take longer than all else. */
	for (size_t i = 0; i < status->peers.count && status->events.count > 0 && is_good; i++)
		is_good = !status_is_ready(status->peers.list[i]) || rows_add(&view->peers, status->peers.list[i]);
	is_good = is_good && rows_sort(&view->peers, "nodeid", "up_s") &&
		  copy_sorted(&status->addresses, "failures", &view->addresses) &&
		  copy_sorted(&status->events, "number", &events);
	for (size_t i = 0; i < events.count && is_good; i++) {
		const char *nodeid = value_text(events.list[i], "nodeid");
		bool is_last = i + 1 == events.count || nodeid == NULL ||
			       !status_is_text(events.list[i + 1], "nodeid", nodeid);
		if (is_last && nodeid != NULL && status_is_text(events.list[i], "kind", "peer_down") &&
		    rows_search(&view->peers, "nodeid", nodeid) == NULL)
			is_good = rows_add(&view->gone, events.list[i]);
	}
	rows_fini(&events);
	return is_good;
}

/* Those of them that broke or fell silent, the last one first. Where a node left, or this node disconnected it, its
 * address tells if it fails. */
static bool find_failed(const struct view *view, struct rows *failed)
{
	struct rows rising = {0};
	bool is_good = true;
	for (size_t i = 0; i < view->gone.count && is_good; i++)
		if (status_is_text(view->gone.list[i], "ending", "failed"))
			is_good = rows_add(&rising, view->gone.list[i]);
	is_good = is_good && rows_sort(&rising, "ending", "number");
	for (size_t i = rising.count; i-- > 0 && is_good;)
		is_good = rows_add(failed, rising.list[i]);
	rows_fini(&rising);
	return is_good;
}

bool status_find_gone(const struct status *status, struct rows *gone)
{
	struct view view;
	bool is_good = view_init(&view, status) && find_failed(&view, gone);
	view_fini(&view);
	return is_good;
}

static void add_all_gone(struct status_problems *problems, const struct status *status, const struct view *view)
{
	struct rows failed = {0};
	problems->lacks_memory = !find_failed(view, &failed) || problems->lacks_memory;
	for (size_t i = 0; i < failed.count; i++) {
		struct json_object *event = failed.list[i];
		if (is_told(status, value_text(event, "nodeid")))
			continue;
		if (problems->count < STATUS_SHOWN)
			add_gone(problems, event, rows_search(&view->addresses, "nodeid", value_text(event, "nodeid")));
		else
			problems->hidden++;
	}
	rows_fini(&failed);
}

/* Hearsay ("new") often fails: it is shown after what has worked before. */
static void add_all_failing(struct status_problems *problems, const struct status *status, const struct view *view)
{
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < view->addresses.count; i++) {
			struct json_object *address = view->addresses.list[i];
			struct json_object *gone = rows_search(&view->gone, "nodeid", value_text(address, "nodeid"));
			if (!status_is_failing(address) || status_is_text(address, "kind", "new") != (round == 1) ||
			    (gone != NULL && status_is_text(gone, "ending", "failed")) ||
			    is_told(status, value_text(address, "nodeid")))
				continue;
			if (problems->count >= STATUS_SHOWN)
				problems->hidden++;
			else if (gone != NULL)
				add_gone(problems, gone, address);
			else
				add_failing(problems, address);
		}
}

void status_find_problems(const struct status *status, struct status_problems *problems)
{
	struct view view;
	problems->lacks_memory = !view_init(&view, status);
	add_all_of_network(problems, status);
	add_own_problems(problems, status->info);
	for (size_t i = 0; i < status->peers.count; i++) {
		if (!status_is_ready(status->peers.list[i]) || !status_is_late(status->peers.list[i]))
			continue;
		if (problems->count < STATUS_SHOWN)
			add_late(problems, status->peers.list[i]);
		else
			problems->hidden++;
	}
	add_all_gone(problems, status, &view);
	add_all_failing(problems, status, &view);
	view_fini(&view);
}
