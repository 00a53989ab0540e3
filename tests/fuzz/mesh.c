/*
 * What a node makes of what others say of themselves: reports, a view of the whole network, what is wrong in it, and
 * what of that lasts. The input is lines. The first character says who tells: 1 to 7 are READY peers of this node, and
 * 0 is its own report; the rest is a `report`, where ~3 stands for the nodeid of number 3, from 0 to f, and @3 for the
 * address at which it listens. "+9" lets nine seconds pass.
 *
 * A report changes what is known of its own node and of no other, and a peer's own words are not replaced by those of
 * others. All counts are within their bounds. Each word in the view is from the report of the one who says it. Findings
 * name nodes that there are, their texts are plain, none is found twice, and time does not run backwards in them.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/sync.h"
#include "base/text.h"
#include "mesh/problems.h"
#include "wire/json.h"
#include "wire/message.h"

enum { MOST_NODES = 12, PEERS = 7, LINE_BYTES = 16384, LINES = 96, MOST_WAIT_S = 4000 };

#define START_US ((int64_t)100000 * 1000 * 1000)

static struct settings settings;

struct node {
	struct reports *reports;
	struct problems *problems;
	struct nodeid self;
	int64_t now_us, own_seq;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	settings_init(&settings);
	settings.max_nodes = MOST_NODES;
	return 0;
}

static struct nodeid nodeid_of(unsigned number)
{
	struct nodeid nodeid = {{0}};
	nodeid.bytes[0] = (unsigned char)(0x10 + number);
	nodeid.bytes[NODEID_BYTES - 1] = 1;
	return nodeid;
}

/* The number that a digit of hex stands for; 16 for none. */
static unsigned digit(char byte)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = byte == '\0' ? NULL : strchr(digits, byte);
	return found == NULL ? 16 : (unsigned)(found - digits);
}

/* Writes the line with nodeids and addresses in place of what stands for them; its length, or 0 if it is too long. */
static size_t expand(const char *line, size_t length, char out[static LINE_BYTES])
{
	size_t used = 0;
	for (size_t i = 0; i < length; i++) {
		char text[NODEID_TEXT_BYTES];
		unsigned number = i + 1 < length ? digit(line[i + 1]) : 16;
		struct nodeid nodeid = nodeid_of(number);
		if (used + sizeof text >= LINE_BYTES)
			return 0;
		if (number < 16 && line[i] == '~') {
			nodeid_format(&nodeid, text);
			used += (size_t)sprintf(out + used, "%s", text);
			i++;
		} else if (number < 16 && line[i] == '@') {
			used += (size_t)sprintf(out + used, "10.0.0.%u:5999", number + 1);
			i++;
		} else {
			out[used++] = line[i];
		}
	}
	return used;
}

static struct report *read_report(const char *line, size_t length, int64_t now_us)
{
	char text[LINE_BYTES];
	struct json_object *object;
	struct problem problem = {0};
	struct report *report = NULL;
	size_t used = expand(line, length, text);
	if (!json_parse(text, used, MESSAGE_JSON_DEPTH, &object, &problem))
		return NULL;
	if (!json_object_is_type(object, json_type_object) || !report_read(object, now_us, &report, &problem))
		report = NULL;
	json_object_put(object);
	return report;
}

/* ---- what is told ---- */

static bool is_peer(const struct nodeid *nodeid)
{
	for (unsigned i = 1; i <= PEERS; i++) {
		struct nodeid peer = nodeid_of(i);
		if (nodeid_equals(nodeid, &peer))
			return true;
	}
	return false;
}

static const struct reports_entry *find_entry(const struct reports_snapshot *snapshot, const struct nodeid *nodeid)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (nodeid_equals(&snapshot->entries[i].report->nodeid, nodeid))
			return &snapshot->entries[i];
	return NULL;
}

/* Its number is higher than what was known; or its node says it itself, and what was known others had told. */
static bool is_later(const struct reports_entry *was, const struct report *report, const struct reports_teller *teller)
{
	return was == NULL || was->report->seq < report->seq ||
	       (teller->is_origin && !nodeid_equals(&was->teller, &teller->nodeid));
}

/* Nothing is different but what is known of that node, and that others may have had to make room. */
static void check_change(const struct node *node, const struct reports_snapshot *before, const struct nodeid *about,
			 const struct reports_teller *teller)
{
	struct reports_snapshot after = reports_take_snapshot(node->reports);
	size_t lost = 0;
	must(after.count <= MOST_NODES);
	for (size_t i = 0; i < after.count; i++) {
		const struct report *report = after.entries[i].report;
		const struct reports_entry *was = find_entry(before, &report->nodeid);
		must(i == 0 || nodeid_compare(&after.entries[i - 1].report->nodeid, &report->nodeid) < 0);
		must(nodeid_equals(&report->nodeid, about) || (was != NULL && was->report == report));
		must((was != NULL && was->report == report) || is_later(was, report, teller));
	}
	for (size_t i = 0; i < before->count; i++)
		lost += find_entry(&after, &before->entries[i].report->nodeid) == NULL;
	must(lost == 0 || after.count >= before->count);
	reports_release_snapshot(&after);
}

static void take(struct node *node, unsigned number, struct report *report)
{
	struct reports_snapshot before = reports_take_snapshot(node->reports);
	struct reports_teller teller = {.nodeid = nodeid_of(number), .now_us = node->now_us};
	struct nodeid about = nodeid_is_none(&report->nodeid) ? teller.nodeid : report->nodeid;
	const struct reports_entry *known = find_entry(&before, &about);
	struct report *current = NULL;
	int64_t seq = -1;
	teller.is_origin = nodeid_is_none(&report->nodeid);
	/* In every other second no peer is heard. */
	teller.origin_is_peer = is_peer(&about) && (teller.is_origin || node->now_us / 1000000 % 2 == 0);
	enum reports_outcome outcome = reports_take(node->reports, report, &teller, &current, &seq);
	must((outcome == REPORTS_TAKEN) == (current != NULL));
	must(outcome != REPORTS_TAKEN || teller.is_origin || !teller.origin_is_peer);
	must(outcome != REPORTS_TAKEN || !nodeid_equals(&about, &node->self));
	if (current != NULL) {
		must(nodeid_equals(&current->nodeid, &about) && current->base == 0);
		must(current->link_count <= REPORT_LINKS && current->end_count <= REPORT_ENDS);
		must(current->failure_count <= REPORT_FAILURES && is_later(known, current, &teller));
		must(seq == (known == NULL ? 0 : known->report->seq));
	}
	report_release(current);
	check_change(node, &before, &about, &teller);
	reports_release_snapshot(&before);
}

/* This node's own, as it says it; a change of it is none. */
static void set_own(struct node *node, struct report *report)
{
	if (report->base == 0) {
		report->nodeid = node->self;
		report->seq = ++node->own_seq;
		must(reports_set_own(node->reports, report, node->now_us));
	}
	report_release(report);
}

/* ---- what is seen ---- */

static bool is_word_of(const struct report *report, const struct view_words *words, const struct nodeid *about)
{
	bool is_link = words->link == NULL ||
		       (words->link >= report->links && words->link < report->links + report->link_count &&
			nodeid_equals(&words->link->nodeid, about));
	bool is_end =
		words->end == NULL || (words->end >= report->ends && words->end < report->ends + report->end_count &&
				       nodeid_equals(&words->end->nodeid, about));
	bool is_failure = words->failure == NULL || (words->failure >= report->failures &&
						     words->failure < report->failures + report->failure_count);
	return is_link && is_end && is_failure;
}

static void check_view(const struct node *node, const struct view *view)
{
	must(view->node_count <= MOST_NODES + VIEW_NAMED && view->self < view->node_count);
	must(nodeid_equals(&view->nodes[view->self].nodeid, &node->self));
	must(view->nodes[view->self].state == NODE_ALIVE);
	for (size_t i = 0; i < view->pair_count; i++) {
		const struct view_pair *pair = &view->pairs[i];
		const struct view_node *ends[2] = {&view->nodes[pair->first], &view->nodes[pair->second]};
		must(pair->first < pair->second && pair->second < view->node_count);
		for (int end = 0; end < 2; end++)
			must(ends[end]->report == NULL
				     ? pair->words[end].link == NULL && pair->words[end].end == NULL &&
					       pair->words[end].failure == NULL
				     : is_word_of(ends[end]->report, &pair->words[end], &ends[1 - end]->nodeid));
	}
}

/* ---- what is found ---- */

static void check_finding(const struct node *node, const struct view *view, const struct finding *finding)
{
	must(finding->kind < FINDING_KINDS && finding_listed(finding) <= FINDING_SUBJECTS);
	must(finding->side_count <= finding_listed(finding) && finding->subject_count <= view->node_count + 1);
	must((finding->side_count != 0) == (finding->kind == FINDING_CUT));
	must(strlen(finding->text) > 0 && strlen(finding->text) < FINDING_TEXT_BYTES);
	must(strlen(finding->advice) < FINDING_TEXT_BYTES);
	must(text_is_plain(finding->text, strlen(finding->text)));
	must(text_is_plain(finding->advice, strlen(finding->advice)));
	must(finding->since_us <= node->now_us && finding->evidence_us <= node->now_us);
	must(finding->reasons[0] < REASONS && finding->reasons[1] < REASONS);
	for (size_t i = 0; i < finding_listed(finding); i++)
		must(finding->kind == FINDING_DOUBLE || view_find(view, &finding->subjects[i]) != SIZE_MAX);
}

static void check_findings(const struct node *node, const struct view *view, const struct findings *findings)
{
	must(findings->count <= FINDINGS && !findings->lacks_memory && findings->again_us > node->now_us);
	must(findings->unknown_count <= view->node_count);
	for (size_t i = 1; i < findings->unknown_count; i++)
		must(nodeid_compare(&findings->unknown[i - 1], &findings->unknown[i]) < 0);
	for (size_t i = 0; i < findings->count; i++) {
		check_finding(node, view, &findings->list[i]);
		must(i == 0 || findings->list[i - 1].kind <= findings->list[i].kind);
		for (size_t j = 0; j < i; j++)
			must(findings->list[j].kind != findings->list[i].kind ||
			     findings->list[j].identity != findings->list[i].identity);
	}
}

static void hear(void *context, const struct problem_entry *problem)
{
	const struct node *node = context;
	must(problem->number > 0 && problem->raised_us <= node->now_us);
	must(problem->over_us == -1 || problem->over_us == node->now_us);
}

static void look(struct node *node)
{
	struct reports_snapshot snapshot = reports_take_snapshot(node->reports);
	struct view view;
	size_t count, kinds[FINDING_KINDS];
	must(view_build(&view, &snapshot, &node->self, node->now_us));
	check_view(node, &view);
	struct findings findings = diagnosis_find(&view, NULL);
	check_findings(node, &view, &findings);
	findings_fini(&findings);
	findings = diagnosis_find(&view, problems_memory(node->problems));
	check_findings(node, &view, &findings);
	must(problems_look(node->problems, &findings, node->now_us, hear, node) > node->now_us);
	findings_fini(&findings);
	struct problem_entry *list = problems_list(node->problems, &count);
	must(count <= 2 * FINDINGS && problems_count(node->problems, kinds) <= count);
	free(list);
	view_expire(&view, node->reports);
	view_free(&view);
}

/* ---- the lines ---- */

static void do_line(struct node *node, const char *line, size_t length)
{
	unsigned number = length == 0 ? 16 : digit(line[0]);
	if (length > 1 && line[0] == '+') {
		int64_t seconds = 0;
		for (size_t i = 1; i < length && line[i] >= '0' && line[i] <= '9' && seconds < MOST_WAIT_S; i++)
			seconds = 10 * seconds + (line[i] - '0');
		node->now_us += (seconds < MOST_WAIT_S ? seconds : MOST_WAIT_S) * 1000 * 1000;
	} else if (number <= PEERS) {
		struct report *report = read_report(line + 1, length - 1, node->now_us);
		if (report == NULL)
			return;
		if (number == 0)
			set_own(node, report);
		else
			take(node, number, report);
	}
	look(node);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct node node = {.self = nodeid_of(0), .now_us = START_US, .own_seq = 1};
	const char *text = (const char *)bytes;
	node.reports = reports_new(&settings, &node.self);
	node.problems = problems_new();
	must(node.reports != NULL && node.problems != NULL);
	for (int i = 0; i < LINES && length > 0; i++) {
		const char *end = memchr(text, '\n', length);
		size_t line = end == NULL ? length : (size_t)(end - text);
		do_line(&node, text, line);
		length -= end == NULL ? length : line + 1;
		text += line + 1;
	}
	problems_free(node.problems);
	reports_free(node.reports);
	return 0;
}
