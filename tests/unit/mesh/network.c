#include "unit/mesh/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "runner.h"
#include "unit/core.h"

enum { WORDS = 72, STATEMENT_BYTES = 1024, LISTED = 4 };

static const int64_t start_us = 100000 * SECOND_US;
static const int64_t unix_us = INT64_C(1764000000) * SECOND_US;

struct tie {
	bool is_linked, has_ended, is_failing;
	struct report_link link;
	struct report_end end;
	struct report_failure failure;
};

struct member {
	char name[REPORT_TEXT_BYTES], called[REPORT_TEXT_BYTES];
	bool is_silent, is_new;
	struct address address;
	int64_t started_us, stalled_us, stall_end_us, clock_us, seq;
	int64_t skew_ms;
	uint32_t late_peers;
	struct report_double doubles[LISTED];
	struct report_refusal refusals[LISTED];
	size_t double_count, refusal_count;
	struct tie ties[NETWORK_NODES]; /* what it says of each */
};

struct network {
	int64_t now_us;
	size_t count;
	struct member members[NETWORK_NODES];
};

/* ---- words ---- */

static size_t place_of(const struct network *network, const char *name)
{
	size_t i = 0;
	while (i < network->count && strcmp(network->members[i].name, name) != 0)
		i++;
	must(i < network->count);
	return i;
}

static int64_t us_of(const char *seconds)
{
	double us = strtod(seconds, NULL) * 1e6;
	return (int64_t)(us + (us < 0 ? -0.5 : 0.5));
}

static int64_t ago(const struct network *network, const char *seconds)
{
	return network->now_us - us_of(seconds);
}

static enum report_reason reason_of(const char *name)
{
	for (int i = 0; i < REASONS; i++)
		if (strcmp(report_reason_name((enum report_reason)i), name) == 0)
			return (enum report_reason)i;
	must(false);
}

static struct address host_of(const char *text)
{
	struct address address;
	must(address_from_host(text, 0, &address));
	return address;
}

/* ---- statements ---- */

static void add_node(struct network *network, const char *name)
{
	char text[ADDRESS_TEXT_BYTES];
	must(network->count < NETWORK_NODES);
	struct member *member = &network->members[network->count++];
	snprintf(member->name, sizeof member->name, "%s", name);
	snprintf(member->called, sizeof member->called, "%s", name);
	snprintf(text, sizeof text, "10.0.0.%zu:5999", network->count);
	must(address_parse(text, &member->address));
	member->started_us = network->now_us - 3600 * SECOND_US;
	member->seq = 1;
}

static void link_one(struct member *from, size_t to, bool is_dialled, int64_t seq)
{
	from->ties[to].is_linked = true;
	from->ties[to].has_ended = false;
	from->ties[to].link = (struct report_link){
		.seq = seq, .late_since_us = -1, .rtt_us = (int32_t)MS_US, .is_dialled = is_dialled};
}

static void link_both(struct network *network, size_t one, size_t other)
{
	link_one(&network->members[one], other, true, network->members[one].seq);
	link_one(&network->members[other], one, false, network->members[other].seq);
}

static void do_all(struct network *network, char *const *words, size_t count)
{
	bool is_nodes = strcmp(words[0], "nodes") == 0, is_apart = strcmp(words[0], "apart") == 0;
	for (size_t i = 1; i < count; i++) {
		if (is_nodes)
			add_node(network, words[i]);
		for (size_t j = i + 1; j < count && !is_nodes; j++) {
			size_t one = place_of(network, words[i]), other = place_of(network, words[j]);
			if (is_apart) {
				network->members[one].ties[other] = (struct tie){0};
				network->members[other].ties[one] = (struct tie){0};
			} else {
				link_both(network, one, other);
			}
		}
	}
}

static void lose(struct network *network, size_t node, size_t other, const char *reason, int64_t ended_us)
{
	struct tie *tie = &network->members[node].ties[other];
	tie->is_linked = false;
	tie->has_ended = true;
	tie->end = (struct report_end){.reason = reason_of(reason), .ended_us = ended_us};
}

static void die(struct network *network, size_t node, const char *reason, int64_t ended_us)
{
	for (size_t i = 0, n = 0; i < network->count; i++)
		if (network->members[i].ties[node].is_linked)
			lose(network, i, node, reason, ended_us + (int64_t)n++ * 10 * MS_US % (20 * MS_US));
}

/* Two nodes. */
static bool do_pair(struct network *network, size_t node, char *const *words, size_t count)
{
	struct member *member = &network->members[node];
	const char *verb = words[1];
	if (strcmp(verb, "loses") == 0 && count == 5) {
		lose(network, node, place_of(network, words[2]), words[3], ago(network, words[4]));
	} else if (strcmp(verb, "misses") == 0 && count == 4) {
		member->ties[place_of(network, words[2])].link.late_since_us = ago(network, words[3]);
	} else if (strcmp(verb, "hears") == 0 && count == 3) {
		member->ties[place_of(network, words[2])].link.late_since_us = -1;
	} else if (strcmp(verb, "reaches") == 0 && count == 3) {
		member->ties[place_of(network, words[2])].is_failing = false;
	} else if (strcmp(verb, "fails") == 0 && count == 7) {
		size_t other = place_of(network, words[2]);
		member->ties[other].is_failing = true;
		member->ties[other].failure = (struct report_failure){.address = network->members[other].address,
								      .seq = member->seq,
								      .since_us = ago(network, words[5]),
								      .last_us = ago(network, words[6]),
								      .reached_us = -1,
								      .tries = (uint32_t)strtoul(words[4], NULL, 10),
								      .reason = reason_of(words[3])};
	} else {
		return false;
	}
	return true;
}

/* One node. */
static bool do_one(struct network *network, size_t node, char *const *words, size_t count)
{
	struct member *member = &network->members[node];
	const char *verb = words[1];
	if (strcmp(verb, "dies") == 0 && count == 4) {
		die(network, node, words[2], ago(network, words[3]));
	} else if (strcmp(verb, "rtt") == 0 && count == 3) {
		for (size_t i = 0; i < network->count; i++)
			member->ties[i].link.rtt_us = network->members[i].ties[node].link.rtt_us =
				(int32_t)(strtod(words[2], NULL) * 1e3);
	} else if (strcmp(verb, "silent") == 0 && count == 2) {
		member->is_silent = true;
	} else if (strcmp(verb, "new") == 0 && count == 2) {
		member->is_new = true;
	} else if (strcmp(verb, "started") == 0 && count == 3) {
		member->started_us = ago(network, words[2]);
	} else if (strcmp(verb, "stalled") == 0 && count == 4) {
		member->stalled_us = us_of(words[2]);
		member->stall_end_us = ago(network, words[3]);
	} else if (strcmp(verb, "skew") == 0 && count == 3) {
		member->skew_ms = (int64_t)(strtod(words[2], NULL) * 1e3);
	} else if (strcmp(verb, "clock") == 0 && count == 3) {
		member->clock_us = unix_us + us_of(words[2]);
	} else if (strcmp(verb, "doubts") == 0 && count == 3) {
		member->late_peers = (uint32_t)strtoul(words[2], NULL, 10);
	} else if (strcmp(verb, "called") == 0 && count == 3) {
		snprintf(member->called, sizeof member->called, "%s", words[2]);
	} else if (strcmp(verb, "at") == 0 && count == 3) {
		member->address = (struct address){0};
		must(strcmp(words[2], "-") == 0 || address_parse(words[2], &member->address));
	} else {
		return false;
	}
	return true;
}

/* What it says of third parties. */
static bool do_list(struct network *network, size_t node, char *const *words, size_t count)
{
	struct member *member = &network->members[node];
	if (strcmp(words[1], "doubles") == 0 && count == 5) {
		must(member->double_count < LISTED);
		struct report_double *twice = &member->doubles[member->double_count++];
		twice->nodeid = nodeid_of((unsigned)place_of(network, words[2]) + 1);
		twice->one = address_of(words[3]);
		twice->other = address_of(words[4]);
	} else if (strcmp(words[1], "refuses") == 0 && count == 6) {
		must(member->refusal_count < LISTED);
		member->refusals[member->refusal_count++] =
			(struct report_refusal){.host = host_of(words[2]),
						.count = (uint32_t)strtoul(words[3], NULL, 10),
						.since_us = ago(network, words[4]),
						.last_us = ago(network, words[5])};
	} else {
		return false;
	}
	return true;
}

static void do_statement(struct network *network, char *text)
{
	char *words[WORDS], *rest = NULL;
	size_t count = 0;
	for (char *word = strtok_r(text, " \t\n", &rest); word != NULL; word = strtok_r(NULL, " \t\n", &rest)) {
		must(count < WORDS);
		words[count++] = word;
	}
	if (count == 0)
		return;
	if (strcmp(words[0], "nodes") == 0 || strcmp(words[0], "mesh") == 0 || strcmp(words[0], "link") == 0 ||
	    strcmp(words[0], "apart") == 0) {
		do_all(network, words, count);
		return;
	}
	must(count >= 2);
	size_t node = place_of(network, words[0]);
	network->members[node].seq++;
	must(do_pair(network, node, words, count) || do_one(network, node, words, count) ||
	     do_list(network, node, words, count));
}

void network_say(struct network *network, const char *text)
{
	while (*text != '\0') {
		char statement[STATEMENT_BYTES];
		size_t length = strcspn(text, ";");
		must(length < sizeof statement);
		memcpy(statement, text, length);
		statement[length] = '\0';
		do_statement(network, statement);
		text += length + (text[length] == ';');
	}
}

struct network *network_new(const char *text)
{
	struct network *network = calloc(1, sizeof *network);
	must(network != NULL);
	network->now_us = start_us;
	network_say(network, text);
	return network;
}

void network_free(struct network *network)
{
	free(network);
}

void network_wait(struct network *network, double seconds)
{
	network->now_us += (int64_t)(seconds * 1e6);
}

int64_t network_now(const struct network *network)
{
	return network->now_us;
}

/* ---- reports and a view ---- */

static void report_ties(const struct network *network, size_t node, struct report *report)
{
	const struct member *member = &network->members[node];
	for (size_t i = 0; i < network->count; i++) {
		const struct tie *tie = &member->ties[i];
		struct nodeid nodeid = nodeid_of((unsigned)i + 1);
		if (tie->is_linked) {
			report->links[report->link_count] = tie->link;
			report->links[report->link_count++].nodeid = nodeid;
		}
		if (tie->has_ended) {
			report->ends[report->end_count] = tie->end;
			report->ends[report->end_count++].nodeid = nodeid;
		}
		if (tie->is_failing) {
			report->failures[report->failure_count] = tie->failure;
			report->failures[report->failure_count++].nodeid = nodeid;
		}
	}
}

static struct report *report_of(const struct network *network, size_t node)
{
	const struct member *member = &network->members[node];
	struct report_room room = {0, LISTED, LISTED, NETWORK_NODES, NETWORK_NODES, NETWORK_NODES, 0};
	struct report *report = report_new(&room);
	must(report != NULL);
	report->nodeid = nodeid_of((unsigned)node + 1);
	report->seq = member->seq;
	snprintf(report->name, sizeof report->name, "%s", member->called);
	report->address = member->address;
	report->started_us = member->started_us;
	report->stalled_us = member->stalled_us;
	report->stall_end_us = member->stall_end_us;
	report->skew_ms = member->skew_ms;
	report->late_peers = member->late_peers;
	report->clock_us = member->clock_us == 0 ? -1 : member->clock_us + (network->now_us - start_us);
	report->read_us = network->now_us;
	memcpy(report->doubles, member->doubles, sizeof member->doubles);
	report->double_count = member->double_count;
	memcpy(report->refusals, member->refusals, sizeof member->refusals);
	report->refusal_count = member->refusal_count;
	report_ties(network, node, report);
	report_order(report);
	return report;
}

struct view network_view(const struct network *network)
{
	struct reports_snapshot snapshot = {.entries = calloc(NETWORK_NODES, sizeof *snapshot.entries),
					    .forget_after_us = 3600 * SECOND_US};
	struct nodeid self = nodeid_of(1);
	struct view view;
	must(snapshot.entries != NULL);
	for (size_t i = 0; i < network->count; i++)
		if (!network->members[i].is_silent)
			snapshot.entries[snapshot.count++] =
				(struct reports_entry){.report = report_of(network, i),
						       .teller = nodeid_of((unsigned)i + 1),
						       .heard_us = network->now_us,
						       .reached_us = network->members[i].is_new ? -1 : network->now_us};
	must(view_build(&view, &snapshot, &self, network->now_us));
	return view;
}

struct findings network_find(const struct network *network, struct diagnosis_memory *memory)
{
	struct view view = network_view(network);
	struct findings findings = diagnosis_find(&view, memory);
	view_free(&view);
	must(!findings.lacks_memory);
	return findings;
}

/* ---- what was found ---- */

void network_write_finding(const struct network *network, const struct finding *finding, char *out, size_t room)
{
	size_t used = (size_t)snprintf(out, room, "%s(", finding_kind_name(finding->kind));
	for (size_t i = 0; i < finding_listed(finding) && used < room; i++) {
		size_t n = 0;
		const char *between = i == 0 ? "" : finding->side_count == i ? " | " : " ";
		struct nodeid nodeid = nodeid_of(1);
		while (n < network->count && !nodeid_equals(&nodeid, &finding->subjects[i]))
			nodeid = nodeid_of((unsigned)++n + 1);
		used += (size_t)snprintf(out + used, room - used, "%s%s", between,
					 n < network->count ? network->members[n].name : "?");
	}
	if (used < room)
		snprintf(out + used, room - used, ")");
}

const char *network_write(const struct network *network, const struct findings *findings)
{
	static char text[NETWORK_TEXT_BYTES];
	char head[1024];
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < findings->count && used < sizeof text; i++) {
		network_write_finding(network, &findings->list[i], head, sizeof head);
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %s", i == 0 ? "" : "\n", head,
					 findings->list[i].text);
	}
	return text;
}

/* In a failure, the first line that differs is what matters; all are shown. */
static void expect_found(const char *file, int line, const char *what, const char *found, const char *expected)
{
	expect(strcmp(found, expected) == 0, file, line, "the findings", "%s\n\tfound:    %s\n\texpected: %s", what,
	       found, expected);
}

void expect_cases(const char *file, int line, const struct network_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct network *network = network_new(cases[i].text);
		struct findings findings = network_find(network, NULL);
		expect_found(file, line, cases[i].what, network_write(network, &findings), cases[i].found);
		findings_fini(&findings);
		network_free(network);
	}
}

void expect_story(const char *file, int line, const char *text, const struct network_step *steps, size_t count)
{
	struct network *network = network_new(text);
	struct diagnosis_memory *memory = diagnosis_memory_new();
	must(memory != NULL);
	for (size_t i = 0; i < count; i++) {
		char what[256];
		network_wait(network, steps[i].wait_s);
		network_say(network, steps[i].text);
		struct findings findings = network_find(network, memory);
		snprintf(what, sizeof what, "step %zu: %.200s", i + 1, steps[i].text);
		expect_found(file, line, what, network_write(network, &findings), steps[i].found);
		findings_fini(&findings);
	}
	diagnosis_memory_free(memory);
	network_free(network);
}
