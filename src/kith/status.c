#include "kith/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith/table.h"
#include "kith/value.h"
#include "kith/words.h"

enum { MOST_SHOWN = 10, NODEID_DIGITS = 8 };

void status_fini(struct status *status)
{
	json_object_put(status->info);
	rows_fini(&status->peers);
	rows_fini(&status->addresses);
	rows_fini(&status->events);
}

static bool is_text(struct json_object *row, const char *key, const char *text)
{
	const char *value = value_text(row, key);
	return value != NULL && strcmp(value, text) == 0;
}

static void keep(struct status *status, struct rows *rows, struct json_object *row)
{
	status->lacks_memory = !rows_add(rows, row) || status->lacks_memory;
}

void status_take(struct status *status, struct json_object *row)
{
	if (is_text(row, "msgtype", "peer")) {
		keep(status, &status->peers, row);
	} else if (is_text(row, "msgtype", "address")) {
		keep(status, &status->addresses, row);
	} else if (is_text(row, "msgtype", "event")) {
		keep(status, &status->events, row);
	} else if (is_text(row, "msgtype", "info")) {
		json_object_put(status->info);
		status->info = json_object_get(row);
	}
}

bool status_ask_for_peers(struct session *session)
{
	static const char keys[] = "[\"nodeid\",\"name\",\"listen\",\"address\",\"agent\",\"state\",\"closing\","
				   "\"rtt_ms\",\"usual_rtt_ms\",\"late_ms\",\"up_s\"]";
	struct buffer out = {0};
	struct row row = row_begin(&out, "peers");
	row_json(&row, "keys", keys);
	return session_send_row(session, &row);
}

bool status_is_late(struct json_object *peer)
{
	return is_text(peer, "state", "late");
}

bool status_is_ready(struct json_object *peer)
{
	return (is_text(peer, "state", "ready") || status_is_late(peer)) && !value_is_true(peer, "closing");
}

/* Text of the node, as it can be shown; the outcome is the caller's to free. */
static char *clean(const char *text)
{
	return words_clean(text == NULL ? "" : text, TEXT_LINE);
}

/* ---- problems ---- */

struct problem_line {
	const char *word;
	enum table_colour colour;
	char *subject, *text;
};

struct problems {
	struct problem_line lines[2 * MOST_SHOWN + 2];
	size_t count;
	size_t hidden; /* that have found no line */
	bool lacks_memory;
};

/* Takes both texts, NULL for no memory. */
static void add_problem(struct problems *problems, const char *word, enum table_colour colour, char *subject,
			char *text)
{
	if (subject == NULL || text == NULL) {
		problems->lacks_memory = true;
	} else if (problems->count < sizeof problems->lines / sizeof *problems->lines) {
		problems->lines[problems->count++] = (struct problem_line){word, colour, subject, text};
		return;
	} else {
		problems->hidden++;
	}
	free(subject);
	free(text);
}

static void problems_fini(struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		free(problems->lines[i].subject);
		free(problems->lines[i].text);
	}
}

static void problems_print(FILE *out, const struct problems *problems)
{
	size_t widest = 0;
	for (size_t i = 0; i < problems->count; i++) {
		size_t width = text_width(problems->lines[i].subject);
		widest = width > widest ? width : widest;
	}
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem_line *line = &problems->lines[i];
		fprintf(out, "  %s%-5s%s %s%*s%s%s\n", table_colour_escape(line->colour), line->word,
			table_colour_escape(TABLE_NO_COLOUR), line->subject, (int)(widest - text_width(line->subject)),
			"", widest > 0 ? "  " : "", line->text);
	}
	if (problems->hidden > 0)
		fprintf(out, "  and %zu more: kith addresses\n", problems->hidden);
}

static char *name_of(struct json_object *row)
{
	static const char *const keys[] = {"name", "listen", "address"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (value_text(row, keys[i]) != NULL)
			return clean(value_text(row, keys[i]));
	return value_format(row, "nodeid", FORM_NODEID, false);
}

static void add_own_problems(struct problems *problems, struct json_object *info)
{
	struct json_object *list = NULL;
	if (info == NULL || !json_object_object_get_ex(info, "problems", &list) ||
	    !json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		add_problem(problems, "node", TABLE_RED, strdup(""),
			    clean(json_string(json_object_array_get_idx(list, i))));
}

static void add_late(struct problems *problems, struct json_object *peer)
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
	add_problem(problems, "late", TABLE_YELLOW, name_of(peer), text);
}

static bool is_failing(struct json_object *address)
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
static void add_gone(struct problems *problems, struct json_object *event, struct json_object *address)
{
	char ago[WORDS_BYTES], next[WORDS_BYTES + 32] = "", *text = NULL;
	double seconds;
	bool has_left = is_text(event, "ending", "left");
	const char *error = address == NULL || has_left ? NULL : value_text(address, "error");
	char *reason = clean(error == NULL ? value_text(event, "reason") : error);
	if (address != NULL)
		next_try(address, next);
	value_number(event, "ago_s", &seconds);
	words_ago(seconds, ago);
	if (reason != NULL && asprintf(&text, "%s: %s%s", ago, reason, next) < 0)
		text = NULL;
	free(reason);
	add_problem(problems, has_left ? "left" : "gone", has_left ? TABLE_YELLOW : TABLE_RED, name_of(event), text);
}

static void add_failing(struct problems *problems, struct json_object *address)
{
	char next[WORDS_BYTES + 32], *text = NULL;
	char *error = clean(value_text(address, "error"));
	next_try(address, next);
	if (error != NULL && asprintf(&text, "%s%s", error[0] == '\0' ? "no answer" : error, next) < 0)
		text = NULL;
	free(error);
	add_problem(problems, "fails", TABLE_YELLOW, name_of(address), text);
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
		bool is_last =
			i + 1 == events.count || nodeid == NULL || !is_text(events.list[i + 1], "nodeid", nodeid);
		if (is_last && nodeid != NULL && is_text(events.list[i], "kind", "peer_down") &&
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
		if (is_text(view->gone.list[i], "ending", "failed"))
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

static void add_all_gone(struct problems *problems, const struct view *view)
{
	struct rows failed = {0};
	problems->lacks_memory = !find_failed(view, &failed) || problems->lacks_memory;
	for (size_t i = 0; i < failed.count; i++) {
		struct json_object *event = failed.list[i];
		if (problems->count < MOST_SHOWN)
			add_gone(problems, event, rows_search(&view->addresses, "nodeid", value_text(event, "nodeid")));
		else
			problems->hidden++;
	}
	rows_fini(&failed);
}

/* Hearsay ("new") often fails: it is shown after what has worked before. */
static void add_all_failing(struct problems *problems, const struct view *view)
{
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < view->addresses.count; i++) {
			struct json_object *address = view->addresses.list[i];
			struct json_object *gone = rows_search(&view->gone, "nodeid", value_text(address, "nodeid"));
			if (!is_failing(address) || is_text(address, "kind", "new") != (round == 1) ||
			    (gone != NULL && is_text(gone, "ending", "failed")))
				continue;
			if (problems->count >= MOST_SHOWN)
				problems->hidden++;
			else if (gone != NULL)
				add_gone(problems, gone, address);
			else
				add_failing(problems, address);
		}
}

static void find_problems(const struct status *status, struct problems *problems)
{
	struct view view;
	problems->lacks_memory = !view_init(&view, status);
	add_own_problems(problems, status->info);
	for (size_t i = 0; i < status->peers.count; i++) {
		if (!status_is_ready(status->peers.list[i]) || !status_is_late(status->peers.list[i]))
			continue;
		if (problems->count < MOST_SHOWN)
			add_late(problems, status->peers.list[i]);
		else
			problems->hidden++;
	}
	add_all_gone(problems, &view);
	add_all_failing(problems, &view);
	view_fini(&view);
}

/* ---- the other lines ---- */

void status_print_head(FILE *out, struct json_object *info)
{
	char *name = clean(value_text(info, "name")), *network = clean(value_text(info, "network"));
	char *nodeid = value_format(info, "nodeid", FORM_NODEID, false);
	char first[VALUE_SHORT_BYTES], secret[VALUE_SHORT_BYTES], up[WORDS_BYTES];
	double uptime_s;
	value_first_of_list(info, "listen", first);
	value_first_of_list(info, "secrets", secret);
	value_number(info, "uptime_s", &uptime_s);
	words_duration(uptime_s, up);
	if (name != NULL && network != NULL && nodeid != NULL) {
		bool has_name = name[0] != '\0' && nodeid[0] != '\0';
		fprintf(out, "%s%s%s%s %s, network \"%s\", %s%s%s%s, up %s\n", name, has_name ? " (" : "", nodeid,
			has_name ? ")" : "", first[0] == '\0' ? "listens nowhere" : first, network,
			value_is_true(info, "private") ? "private" : "open", secret[0] == '\0' ? "" : " (", secret,
			secret[0] == '\0' ? "" : ")", up);
	}
	free(name);
	free(network);
	free(nodeid);
}

static void print_counts(FILE *out, const struct status *status)
{
	size_t ready = 0, late = 0, others = 0, failing = 0;
	char peers[WORDS_BYTES], addresses[WORDS_BYTES];
	for (size_t i = 0; i < status->peers.count; i++) {
		struct json_object *peer = status->peers.list[i];
		if (!status_is_ready(peer))
			others += !value_is_true(peer, "closing");
		else if (status_is_late(peer))
			late++;
		else
			ready++;
	}
	for (size_t i = 0; i < status->addresses.count; i++)
		failing += is_failing(status->addresses.list[i]);
	words_count(ready + late, "peer", "peers", peers);
	words_count(failing, "address fails", "addresses fail", addresses);
	fprintf(out, "%s", ready + late == 0 ? "no peers" : peers);
	if (late > 0)
		fprintf(out, ": %zu ready, %zu late", ready, late);
	else if (ready > 1)
		fprintf(out, ", all ready");
	if (others > 0)
		fprintf(out, ", %zu connecting", others);
	fprintf(out, "%s%s\n", failing > 0 ? "; " : "", failing > 0 ? addresses : "");
}

static bool print_rtts(FILE *out, const struct status *status)
{
	double *rtts = calloc(status->peers.count + 1, sizeof *rtts), worst = -1;
	struct json_object *worst_peer = NULL;
	size_t count = 0;
	if (rtts == NULL)
		return false;
	for (size_t i = 0; i < status->peers.count; i++) {
		if (!status_is_ready(status->peers.list[i]) ||
		    !value_number(status->peers.list[i], "rtt_ms", &rtts[count]))
			continue;
		if (rtts[count] > worst) {
			worst = rtts[count];
			worst_peer = status->peers.list[i];
		}
		count++;
	}
	if (count > 0) {
		char median[WORDS_BYTES], most[WORDS_BYTES], *name = name_of(worst_peer);
		words_rtt(words_median(rtts, count), median);
		words_rtt(worst, most);
		if (count > 1)
			fprintf(out, "rtt median %s, worst %s (%s); ", median, most, name == NULL ? "" : name);
		else
			fprintf(out, "rtt %s; ", most);
		free(name);
	}
	free(rtts);
	return true;
}

/* "0.2.0" of "kithd/0.2.0"; all of what another program says. */
static const char *version_of(struct json_object *peer)
{
	static const char prefix[] = "kithd/";
	const char *agent = value_text(peer, "agent");
	if (agent == NULL)
		return "unknown";
	return strncmp(agent, prefix, strlen(prefix)) == 0 ? agent + strlen(prefix) : agent;
}

static int compare_versions(const void *one, const void *other)
{
	return -strverscmp(*(const char *const *)one, *(const char *const *)other);
}

/* The newest first. */
static bool print_versions(FILE *out, const struct status *status)
{
	const char **versions = calloc(status->peers.count + 1, sizeof *versions);
	size_t count = 0, shown = 0;
	if (versions == NULL)
		return false;
	for (size_t i = 0; i < status->peers.count; i++)
		if (status_is_ready(status->peers.list[i]))
			versions[count++] = version_of(status->peers.list[i]);
	qsort(versions, count, sizeof *versions, compare_versions);
	for (size_t i = 0; i < count && shown < MOST_SHOWN; shown++) {
		size_t end = i;
		while (end < count && strcmp(versions[i], versions[end]) == 0)
			end++;
		char *version = clean(versions[i]);
		fprintf(out, end - i == count ? "%s%s" : "%s%s: %zu",
			shown == 0 ? (end == count ? "version " : "versions ") : ", ", version == NULL ? "" : version,
			end - i);
		free(version);
		i = end;
	}
	free(versions);
	return true;
}

bool status_print(FILE *out, struct status *status)
{
	struct problems problems = {0};
	bool is_good = !status->lacks_memory;
	size_t ready = 0;
	find_problems(status, &problems);
	if (status->info != NULL)
		status_print_head(out, status->info);
	print_counts(out, status);
	problems_print(out, &problems);
	for (size_t i = 0; i < status->peers.count; i++)
		ready += status_is_ready(status->peers.list[i]);
	if (ready > 0) {
		is_good = print_rtts(out, status) && is_good;
		is_good = print_versions(out, status) && is_good;
		fputc('\n', out);
	}
	is_good = is_good && !problems.lacks_memory;
	problems_fini(&problems);
	return is_good;
}
