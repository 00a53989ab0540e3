#include "kith/story_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kith/events.h"
#include "kith/network.h"
#include "kith/table.h"
#include "kith/value.h"
#include "kith/words.h"

const char *story_hint(const char *reason)
{
	static const struct {
		const char *part, *hint;
	} hints[] = {
		{"connection refused", "the machine is up, and nobody listens there"},
		{"no route to host", "the machine is down or in a network without a way to it"},
		{"network is unreachable", "this machine has no way to that network"},
		{"timed out", "the machine is down, or a firewall drops what is sent to it"},
		{"without a bye", "killed or crashed"},
		{"still hear", "the way between this node and it is broken"},
		{"silent for", "it hangs or is cut off"},
		{"no answer to a ping", "it hangs or is cut off"},
		{"connection reset", "the other end was killed, or a firewall resets connections"},
	};
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (strstr(reason, hints[i].part) != NULL)
			return hints[i].hint;
	return NULL;
}

bool story_is_fact(struct json_object *row, const char *fact)
{
	const char *text = value_text(row, "fact");
	return text != NULL && strcmp(text, fact) == 0;
}

static bool is_kind(struct json_object *row, const char *kind)
{
	const char *text = value_text(row, "kind");
	return story_is_fact(row, "event") && text != NULL && strcmp(text, kind) == 0;
}

/* The last fact for which that is true; NULL for none. */
static struct json_object *last_of(const struct rows *facts, bool (*is)(struct json_object *row, const char *name),
				   const char *name)
{
	for (size_t i = facts->count; i-- > 0;)
		if (is(facts->list[i], name))
			return facts->list[i];
	return NULL;
}

void story_print_clean(FILE *out, const char *text)
{
	char *clean = words_clean(text, TEXT_LINE);
	fputs(clean == NULL ? "" : clean, out);
	free(clean);
}

/* A reason and what it means. */
static void print_reason(FILE *out, const char *before, const char *reason)
{
	if (reason == NULL)
		return;
	const char *hint = story_hint(reason);
	fputs(before, out);
	story_print_clean(out, reason);
	fprintf(out, "%s%s", hint == NULL ? "" : ": ", hint == NULL ? "" : hint);
}

/* ---- the first line ---- */

/* What has happened between two nodes has the names of both: the first one may be the other. */
static bool is_of_a_pair(struct json_object *row)
{
	return is_kind(row, "link_down") || is_kind(row, "link_up");
}

/* "cache-07 (5d21e0c7, 10.0.0.47:5999)", as far as the facts know. */
static void print_subject(FILE *out, const struct rows *facts, const char *about)
{
	const char *name = NULL, *nodeid = NULL, *address = NULL;
	for (size_t i = facts->count; i-- > 0;) {
		struct json_object *row = facts->list[i];
		const char *listen = value_text(row, "listen");
		if (is_of_a_pair(row))
			continue;
		name = name == NULL ? value_text(row, "name") : name;
		nodeid = nodeid == NULL ? value_text(row, "nodeid") : nodeid;
		if (story_is_fact(row, "connection"))
			address = listen == NULL ? value_text(row, "address") : listen;
		else
			address = address == NULL ? value_text(row, "address") : address;
	}
	bool has_more = nodeid != NULL || (address != NULL && name != NULL);
	story_print_clean(out, name != NULL ? name : address != NULL ? address : about);
	if (!has_more)
		return;
	fprintf(out, " (%.8s", nodeid == NULL ? "" : nodeid);
	if (name != NULL && address != NULL) {
		fputs(nodeid == NULL ? "" : ", ", out);
		story_print_clean(out, address);
	}
	fputc(')', out);
}

static void print_connected(FILE *out, struct json_object *connection)
{
	char up[WORDS_BYTES], rtt[WORDS_BYTES];
	double seconds, rtt_ms;
	const char *direction = value_text(connection, "direction"), *agent = value_text(connection, "agent");
	fputs(" is connected", out);
	if (value_number(connection, "up_s", &seconds)) {
		words_duration(seconds, up);
		fprintf(out, " for %s", up);
	}
	fprintf(out, ": %s",
		direction != NULL && strcmp(direction, "in") == 0 ? "it dialled this node" : "this node dialled it");
	if (agent != NULL) {
		fputs(", ", out);
		story_print_clean(out, agent);
	}
	if (value_number(connection, "rtt_ms", &rtt_ms)) {
		words_rtt(rtt_ms, rtt);
		fprintf(out, ", rtt %s", rtt);
	}
	if (value_number(connection, "late_ms", &rtt_ms)) {
		words_duration(rtt_ms / 1000, rtt);
		fprintf(out, "; it is late: no answer for %s", rtt);
	}
}

static void print_gone(FILE *out, struct json_object *down)
{
	char at[WORDS_BYTES], ago[WORDS_BYTES];
	const char *time_text = value_text(down, "at");
	double seconds;
	words_time(time_text == NULL ? "" : time_text, (int64_t)time(NULL), false, at);
	fprintf(out, " is gone since %s", at);
	if (value_number(down, "ago_s", &seconds)) {
		words_duration(seconds, ago);
		fprintf(out, ", for %s", ago);
	}
}

/* It is no peer: what the network knows of it. */
static void print_member(FILE *out, struct json_object *node)
{
	char words[WORDS_BYTES];
	double number, links;
	const char *state = value_text(node, "state"), *reason = value_text(node, "reason");
	bool is_gone = strcmp(state, "gone") == 0, is_out_of_reach = strcmp(state, "out_of_reach") == 0;
	fprintf(out, " is %s", is_gone ? "gone" : is_out_of_reach ? "out of reach" : "alive");
	if ((is_gone || is_out_of_reach) && value_number(node, "state_s", &number)) {
		words_since(number, words_now(), words);
		fprintf(out, " since %s", words);
	}
	print_reason(out, ": ", reason);
	if (is_gone || is_out_of_reach)
		return;
	if (value_number(node, "hops", &number))
		fprintf(out, ", %.0f connection%s away", number, number == 1 ? "" : "s");
	if (value_number(node, "rtt_ms", &number)) {
		words_rtt(number, words);
		fprintf(out, " (%s)", words);
	}
	if (value_number(node, "links", &links)) {
		words_count((size_t)links, "node", "nodes", words);
		fprintf(out, "; %s %s connected with it", words, links == 1 ? "is" : "are");
	}
	if (strcmp(state, "late") == 0)
		fputs(", and nobody hears it", out);
}

static void print_state(FILE *out, const struct rows *facts)
{
	struct json_object *connection = last_of(facts, story_is_fact, "connection");
	struct json_object *down = last_of(facts, is_kind, "peer_down");
	struct json_object *address = last_of(facts, story_is_fact, "address");
	struct json_object *node = last_of(facts, story_is_fact, "node");
	bool is_member = value_text(node, "state") != NULL;
	bool is_there = is_member && strcmp(value_text(node, "state"), "gone") != 0;
	const char *state = value_text(connection, "state");
	double reached_s;
	if (last_of(facts, story_is_fact, "self") != NULL)
		fputs(" is this node itself", out);
	else if (connection != NULL && state != NULL && (strcmp(state, "ready") == 0 || strcmp(state, "late") == 0))
		print_connected(out, connection);
	else if (connection != NULL)
		fputs(" is being connected", out);
	else if (is_there || (is_member && down == NULL))
		print_member(out, node);
	else if (down != NULL)
		print_gone(out, down);
	else if (address != NULL && !value_number(address, "reached_s", &reached_s))
		fputs(" was never reached by this node", out);
	else
		fputs(" is not connected", out);
	fputc('\n', out);
}

/* ---- the other lines ---- */

static void print_time(FILE *out, const char *rfc3339)
{
	char at[WORDS_BYTES];
	words_time(rfc3339 == NULL ? "" : rfc3339, (int64_t)time(NULL), false, at);
	fprintf(out, "  %s  ", at);
}

static void print_time_ago(FILE *out, double seconds)
{
	char at[WORDS_BYTES];
	words_since(seconds, words_now(), at);
	fprintf(out, "  %s  ", at);
}

/* A connection between two nodes. */
static void print_link(FILE *out, struct json_object *row)
{
	const char *one = value_text(row, "name"), *other = value_text(row, "value");
	char lasted[WORDS_BYTES];
	double seconds;
	story_print_clean(out, one == NULL ? "?" : one);
	fputs(" and ", out);
	story_print_clean(out, other == NULL ? "?" : other);
	if (is_kind(row, "link_down")) {
		fputs(" lost their connection: ", out);
		story_print_clean(out, value_text(row, "reason") == NULL ? "" : value_text(row, "reason"));
		return;
	}
	fputs(" are connected again", out);
	if (value_number(row, "lasted_s", &seconds)) {
		words_duration(seconds, lasted);
		fprintf(out, " after %s", lasted);
	}
}

/* One that has no words of its own here: what kind it is, and what events say of it. False if there is no memory. */
static bool print_other_event(FILE *out, struct json_object *row)
{
	static const struct {
		const char *kind, *words;
	} leads[] = {{"node_up", "it is alive"},
		     {"node_late", "it is late"},
		     {"node_gone", "it is gone"},
		     {"problem", "problem"},
		     {"problem_over", "problem over"}};
	const char *kind = value_text(row, "kind"), *lead = kind == NULL ? "" : kind;
	char *text = event_describe(row);
	for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
		if (is_kind(row, leads[i].kind))
			lead = leads[i].words;
	/* A node that is out of reach may be there: nothing has ended it. */
	bool is_out_of_reach = is_kind(row, "node_gone") && value_text(row, "ending") == NULL;
	story_print_clean(out, is_out_of_reach ? "it is" : lead);
	if (text != NULL && text[0] != '\0')
		fprintf(out, "%s %s", is_out_of_reach ? "" : ":", text);
	free(text);
	return text != NULL;
}

bool story_print_event(FILE *out, struct json_object *row)
{
	const char *reason = value_text(row, "reason"), *ending = value_text(row, "ending"),
		   *value = value_text(row, "value");
	const char *direction = value_text(row, "direction");
	char lasted[WORDS_BYTES];
	double seconds;
	print_time(out, value_text(row, "at"));
	if (is_kind(row, "peer_up")) {
		fputs(direction != NULL && strcmp(direction, "in") == 0 ? "connected: it dialled this node"
									: "connected: this node dialled it",
		      out);
		if (value != NULL) {
			fputs(", ", out);
			story_print_clean(out, value);
		}
	} else if (is_kind(row, "peer_down")) {
		fputs(ending != NULL && strcmp(ending, "left") == 0	? "it left"
		      : ending != NULL && strcmp(ending, "closed") == 0 ? "this node ended the connection"
									: "the connection failed",
		      out);
		print_reason(out, ": ", reason);
		if (value_number(row, "lasted_s", &seconds)) {
			words_duration(seconds, lasted);
			fprintf(out, "; it was up for %s", lasted);
		}
	} else if (is_kind(row, "peer_late") || is_kind(row, "peer_ok")) {
		words_duration(value_number(row, "lasted_s", &seconds) ? seconds : 0, lasted);
		fprintf(out, is_kind(row, "peer_late") ? "late: no answer for %s" : "it answers again after %s",
			lasted);
	} else if (is_kind(row, "dial_failed")) {
		print_reason(out, "dialled: ", reason);
	} else if (is_kind(row, "dial_ok")) {
		fputs("dialled: it works again", out);
	} else if (is_kind(row, "refused")) {
		print_reason(out, "refused: ", reason);
	} else if (is_kind(row, "link_down") || is_kind(row, "link_up")) {
		print_link(out, row);
	} else if (!print_other_event(out, row)) {
		return false;
	}
	fputc('\n', out);
	return true;
}

void story_print_advice(FILE *out, struct json_object *problem)
{
	const char *advice = value_text(problem, "advice");
	if (advice == NULL)
		return;
	fputs("  ", out);
	story_print_clean(out, advice);
	fputc('\n', out);
}

void story_print_problem(FILE *out, struct json_object *problem)
{
	char since[WORDS_BYTES + 8];
	const char *text = value_text(problem, "text");
	network_say_since(problem, since);
	fputs("  ", out);
	story_print_clean(out, text == NULL ? "" : text);
	fprintf(out, network_is_notice(problem) ? "\n" : ", %s\n", since);
	story_print_advice(out, problem);
}

/* Is the last dial of this address the one that the event tells of? */
static bool is_told(struct json_object *address, struct json_object *event)
{
	const char *at = value_text(event, "at");
	double told_s, tried_s;
	return at != NULL && words_parse_time(at, &told_s) && value_number(address, "tried_s", &tried_s) &&
	       (double)time(NULL) - tried_s - told_s < 1.5;
}

static void print_last_dial(FILE *out, struct json_object *row, struct json_object *last_event, double failures)
{
	const char *error = value_text(row, "error"), *same = value_text(last_event, "reason");
	double tried_s;
	bool is_same = same != NULL && error != NULL && strcmp(same, error) == 0;
	value_number(row, "tried_s", &tried_s);
	if (is_same && is_told(row, last_event)) {
		fputs("  not dialled again yet", out);
		return;
	}
	print_time_ago(out, tried_s);
	if (is_same) {
		fputs("dialled again, same result", out);
	} else {
		fputs("dialled ", out);
		story_print_clean(out, value_text(row, "address"));
		print_reason(out, ": ", error == NULL ? "it failed" : error);
	}
	if (failures > 1)
		fprintf(out, "; %.0f failures in a row", failures);
}

static void print_origin(FILE *out, struct json_object *row)
{
	char words[WORDS_BYTES];
	double heard_s;
	const char *teller = value_text(row, "told_by");
	bool is_bootstrap = value_is_true(row, "bootstrap");
	fputs("  ", out);
	story_print_clean(out, value_text(row, "address"));
	fputs(is_bootstrap ? " is a bootstrap" : teller == NULL ? " is in the address book" : " was told by ", out);
	if (teller != NULL && !is_bootstrap)
		story_print_clean(out, teller);
	if (value_number(row, "heard_s", &heard_s)) {
		words_ago(heard_s, words);
		fprintf(out, ", last heard of %s", words);
	}
}

/* last_event is the last dial that is told of, or NULL. */
static void print_address(FILE *out, struct json_object *row, struct json_object *last_event)
{
	char words[WORDS_BYTES];
	double failures, tried_s, next_s;
	value_number(row, "failures", &failures);
	if (value_number(row, "tried_s", &tried_s) && failures > 0)
		print_last_dial(out, row, last_event, failures);
	else
		print_origin(out, row);
	if (value_is_true(row, "dialing")) {
		fputs("; it is being dialled now", out);
	} else if (value_number(row, "next_try_s", &next_s)) {
		words_duration(next_s, words);
		fprintf(out, "; next try in %s", words);
	}
	fputc('\n', out);
}

static void print_text(FILE *out, struct json_object *row)
{
	const char *text = value_text(row, "text"), *address = value_text(row, "address");
	if (text == NULL)
		return;
	fputs("  ", out);
	if (address != NULL) {
		story_print_clean(out, address);
		fputs(": ", out);
	}
	story_print_clean(out, text);
	fputc('\n', out);
}

bool story_is_known(const struct rows *facts, struct json_object *event)
{
	double number, other;
	for (size_t i = 0; i < facts->count && value_number(event, "problem", &number); i++)
		if (story_is_fact(facts->list[i], "problem") && value_number(facts->list[i], "number", &other) &&
		    number == other)
			return true;
	return false;
}

/* What others say of a node adds nothing to what this one has seen of it itself. */
static bool is_told_twice(const struct rows *facts, struct json_object *row)
{
	bool is_of_node = is_kind(row, "node_up") || is_kind(row, "node_late") || is_kind(row, "node_gone");
	return story_is_known(facts, row) || (is_of_node && last_of(facts, is_kind, "peer_up") != NULL);
}

bool story_print(FILE *out, const struct rows *facts, const char *about)
{
	bool is_good = true;
	struct json_object *connection = last_of(facts, story_is_fact, "connection"),
			   *last = last_of(facts, is_kind, "dial_failed");
	print_subject(out, facts, about);
	print_state(out, facts);
	for (size_t i = 0; i < facts->count && is_good; i++)
		if (story_is_fact(facts->list[i], "event") && !is_told_twice(facts, facts->list[i]))
			is_good = story_print_event(out, facts->list[i]);
	for (size_t i = 0; i < facts->count; i++) {
		struct json_object *row = facts->list[i];
		bool is_address = story_is_fact(row, "address") && value_text(row, "address") != NULL;
		if (is_address && connection == NULL)
			print_address(out, row, last);
		else if (!story_is_fact(row, "self") && !story_is_fact(row, "problem"))
			print_text(out, row);
	}
	for (size_t i = 0; i < facts->count; i++)
		if (story_is_fact(facts->list[i], "problem"))
			story_print_problem(out, facts->list[i]);
	return is_good;
}
