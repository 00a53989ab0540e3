#include <stdlib.h>

#include "base/text.h"
#include "mesh/diagnosis_priv.h"

/* Of a node without a report, what is older than this is forgotten (forget_after, by default). */
static const int64_t forget_us = 3600 * DIAGNOSIS_SECOND_US;
/* After its start a node has heard of all others by then. */
static const int64_t catch_up_us = 30 * DIAGNOSIS_SECOND_US;
/* Restarts within this are one trouble. */
static const int64_t restarts_us = 600 * DIAGNOSIS_SECOND_US;
/* Changes of a node are told together after this: what is closer can't be told apart. */
static const int64_t together_us = DIAGNOSIS_SECOND_US / 10;

/* ---- what others say of a node that they have lost ---- */

enum loss_kind {
	LOSS_UNKNOWN, /* nobody says anything, or one of both wanted it so */
	LOSS_LEFT,
	LOSS_SILENT,
	LOSS_CRASHED,
	LOSS_OTHER,
	LOSS_KINDS,
};

struct loss {
	enum loss_kind kind;
	enum report_reason reason; /* of the first who says that kind */
	size_t count;		   /* of those who do: they are in look->scratch */
	int64_t first_us, last_us; /* when their connections ended */
	bool is_refused;	   /* the machine is up, and nothing listens there */
};

static enum loss_kind kind_of(enum report_reason reason)
{
	switch (reason) {
	case REASON_LEFT:
		return LOSS_LEFT;
	case REASON_CLOSED:
	case REASON_RESET:
		return LOSS_CRASHED;
	case REASON_SILENT:
	case REASON_TIMED_OUT:
		return LOSS_SILENT;
	case REASON_REMOVED:
	case REASON_FULL:
		return LOSS_UNKNOWN;
	default:
		return LOSS_OTHER;
	}
}

/* What the other end of one of its pairs says of the node; NULL if that is nothing, or not about now. */
static const struct view_words *words_about(const struct look *look, size_t incident, size_t node)
{
	const struct view_pair *pair = &look->view->pairs[look->incident[incident]];
	bool is_heard = look->facts[diagnosis_other(pair, node)].speaks;
	return is_heard ? &pair->words[1 - diagnosis_end(pair, node)] : NULL;
}

/* Connections that ended long before the last one say nothing of why it is gone. */
static const struct report_end *end_about(const struct look *look, size_t incident, size_t node, int64_t ended_us)
{
	const struct view_words *words = words_about(look, incident, node);
	bool is_late = words != NULL && words->end != NULL && words->end->ended_us > ended_us - VIEW_DOUBT_US;
	return is_late ? words->end : NULL;
}

/* What most say. Where as many say that it left, it did. */
static enum loss_kind most_said(const struct look *look, size_t node, int64_t ended_us)
{
	size_t counts[LOSS_KINDS] = {0};
	enum loss_kind most = LOSS_UNKNOWN;
	for (size_t i = look->starts[node]; i < look->starts[node + 1]; i++) {
		const struct report_end *end = end_about(look, i, node, ended_us);
		if (end != NULL)
			counts[kind_of(end->reason)]++;
	}
	counts[LOSS_UNKNOWN] = 0;
	for (int kind = LOSS_LEFT; kind < LOSS_KINDS; kind++)
		if (counts[kind] > counts[most])
			most = (enum loss_kind)kind;
	return most;
}

static struct loss find_loss(struct look *look, size_t node)
{
	struct loss loss = {0};
	int64_t ended_us = DIAGNOSIS_LONG_AGO_US;
	for (size_t i = look->starts[node]; i < look->starts[node + 1]; i++) {
		const struct view_words *words = words_about(look, i, node);
		if (words != NULL && words->end != NULL && words->end->ended_us > ended_us)
			ended_us = words->end->ended_us;
		if (words != NULL && words->failure != NULL && words->failure->reason == REASON_REFUSED)
			loss.is_refused = true;
	}
	if (ended_us == DIAGNOSIS_LONG_AGO_US)
		return loss;
	loss.kind = most_said(look, node, ended_us);
	for (size_t i = look->starts[node]; i < look->starts[node + 1]; i++) {
		const struct report_end *end = end_about(look, i, node, ended_us);
		if (end == NULL || kind_of(end->reason) != loss.kind)
			continue;
		if (loss.count == 0)
			loss.reason = end->reason;
		if (loss.count == 0 || end->ended_us < loss.first_us)
			loss.first_us = end->ended_us;
		if (loss.count == 0 || end->ended_us > loss.last_us)
			loss.last_us = end->ended_us;
		look->scratch[loss.count++] = diagnosis_other(&look->view->pairs[look->incident[i]], node);
	}
	return loss;
}

/* It was started again with a new nodeid, where it was. */
static bool is_back_with_another_nodeid(const struct look *look, size_t node)
{
	const struct view *view = look->view;
	const struct report *gone = view->nodes[node].report;
	if (gone == NULL || !address_is_known(&gone->address) || address_is_wildcard(&gone->address))
		return false;
	for (size_t n = 0; n < view->node_count; n++) {
		const struct report *report = view->nodes[n].report;
		if (look->facts[n].speaks && n != node && address_equals(&report->address, &gone->address) &&
		    report->started_us > gone->started_us)
			return true;
	}
	return false;
}

/* A node that was just started may hear what others have said last before it hears that they are gone. */
static bool is_catching_up(struct look *look)
{
	const struct report *own = look->view->nodes[look->view->self].report;
	if (own == NULL || look->now_us - own->started_us >= catch_up_us)
		return false;
	diagnosis_look_again(look, own->started_us + catch_up_us);
	return true;
}

/* ---- a node that is gone ---- */

static unsigned count_restarts(struct look *look, size_t node)
{
	unsigned count = 0;
	if (look->known == NULL)
		return 0;
	for (size_t i = 0; i < KNOWN_RESTARTS; i++)
		if (look->known[node].restarts_us[i] != DIAGNOSIS_LONG_AGO_US &&
		    look->now_us - look->known[node].restarts_us[i] < restarts_us) {
			diagnosis_look_again(look, look->known[node].restarts_us[i] + restarts_us);
			count++;
		}
	return count;
}

static void say_crash(const struct look *look, struct phrase *text, const struct loss *loss)
{
	char spread[TEXT_DURATION_BYTES];
	int64_t spread_us = loss->last_us - loss->first_us;
	text_duration(spread_us < together_us ? together_us : spread_us, spread);
	phrase_add(text, "it crashed (its connection%s to ", loss->count == 1 ? "" : "s");
	phrase_add_nodes(look, text, look->scratch, loss->count, loss->count, 3);
	if (loss->count == 1)
		phrase_add(text, " broke)");
	else
		phrase_add(text, " broke within %s)", spread);
}

static void say_loss(const struct look *look, struct phrase *text, size_t node, const struct loss *loss)
{
	phrase_add_node(look, text, node);
	phrase_add(text, " is gone: ");
	if (loss->kind == LOSS_CRASHED) {
		say_crash(look, text, loss);
	} else if (loss->kind == LOSS_SILENT) {
		phrase_add(text, "it fell silent (");
		phrase_add_nodes(look, text, look->scratch, loss->count, loss->count, 3);
		phrase_add(text, " hear%s nothing from it)", loss->count == 1 ? "s" : "");
	} else {
		phrase_add_claim(look, text, look->scratch[0], node, loss->reason);
		if (loss->count > 1)
			phrase_add(text, ", as do%s %zu other%s", loss->count == 2 ? "es" : "", loss->count - 1,
				   loss->count == 2 ? "" : "s");
	}
}

static void advise(const struct look *look, struct phrase *advice, size_t node, const struct loss *loss)
{
	if (loss->is_refused) {
		phrase_add(advice, "The machine is up, but nothing listens there: start kithd on ");
		phrase_add_host(look, advice, node);
		phrase_add(advice, ", and read its log");
	} else if (loss->kind == LOSS_CRASHED) {
		phrase_add(advice, "Check whether kithd runs on ");
		phrase_add_host(look, advice, node);
		phrase_add(advice, ", and read its log there");
	} else {
		phrase_add(advice, "Check whether ");
		phrase_add_host(look, advice, node);
		phrase_add(advice, " is up, whether kithd runs there, and its network");
	}
}

static void add_node(struct look *look, size_t node, const struct loss *loss, unsigned restarts)
{
	struct finding *finding = diagnosis_add(look, FINDING_NODE);
	if (finding == NULL)
		return;
	diagnosis_add_subject(look, finding, node);
	diagnosis_identify_subjects(finding);
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	if (loss != NULL) {
		finding->since_us = loss->first_us;
		finding->evidence_us = loss->last_us;
		finding->reasons[0] = loss->reason;
		finding->is_complete = !is_catching_up(look);
		say_loss(look, &text, node, loss);
		advise(look, &advice, node, loss);
	} else {
		finding->since_us = look->known[node].restarts_us[KNOWN_RESTARTS - 1];
		finding->evidence_us = look->known[node].restarts_us[0];
		phrase_add_node(look, &text, node);
		phrase_add(&advice, "Read the log of kithd on ");
		phrase_add_host(look, &advice, node);
	}
	if (restarts == KNOWN_RESTARTS)
		phrase_add(&text, "%s restarted %d times within 10 min", loss != NULL ? "; it was" : " was",
			   KNOWN_RESTARTS);
}

/* A trouble until it is back or forgotten. */
static bool is_remembered(struct look *look, size_t node, const struct loss *loss)
{
	if (look->view->nodes[node].report != NULL)
		return true;
	if (look->known != NULL && look->known[node].had_report)
		return false;
	diagnosis_look_again(look, loss->last_us + forget_us);
	return look->now_us - loss->last_us < forget_us;
}

static bool is_gone(struct look *look, size_t node, struct loss *loss)
{
	if (look->view->nodes[node].state != NODE_GONE || is_back_with_another_nodeid(look, node))
		return false;
	*loss = find_loss(look, node);
	return loss->kind != LOSS_UNKNOWN && loss->kind != LOSS_LEFT && is_remembered(look, node, loss);
}

void diagnosis_find_nodes(struct look *look)
{
	for (size_t n = 0; n < look->view->node_count; n++) {
		struct loss loss;
		unsigned restarts = count_restarts(look, n);
		if (is_gone(look, n, &loss))
			add_node(look, n, &loss, restarts);
		else if (restarts == KNOWN_RESTARTS && look->facts[n].is_there)
			add_node(look, n, NULL, restarts);
	}
}

/* ---- nodes that are out of reach together ---- */

/* Nobody knows that nodes are out of reach which never were within. */
bool diagnosis_is_lost(const struct look *look, size_t node)
{
	if (look->facts[node].was_reached)
		return true;
	for (size_t i = look->starts[node]; i < look->starts[node + 1]; i++) {
		const struct view_words *words = words_about(look, i, node);
		if (words != NULL && words->end != NULL && kind_of(words->end->reason) != LOSS_UNKNOWN)
			return true;
	}
	return false;
}

static int compare_places(const void *one, const void *other)
{
	const size_t *a = one, *b = other;
	return (*a > *b) - (*a < *b);
}

/* Those that their last reports link with this one: they go to look->scratch. */
static size_t collect_island(struct look *look, size_t node, bool *is_taken)
{
	size_t count = 0;
	look->scratch[count++] = node;
	is_taken[node] = true;
	for (size_t at = 0; at < count; at++) {
		size_t from = look->scratch[at];
		for (size_t i = look->starts[from]; i < look->starts[from + 1]; i++) {
			const struct view_pair *pair = &look->view->pairs[look->incident[i]];
			size_t other = diagnosis_other(pair, from);
			if (is_taken[other] || !pair->is_up || look->view->nodes[other].state != NODE_OUT_OF_REACH)
				continue;
			is_taken[other] = true;
			look->scratch[count++] = other;
		}
	}
	qsort(look->scratch, count, sizeof *look->scratch, compare_places);
	return count;
}

/* From this node to the first of those that this node was connected with, else to any. */
static void advise_about_island(const struct look *look, struct finding *finding, size_t count)
{
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	size_t there = look->scratch[0];
	for (size_t i = 0; i < count; i++)
		if (view_find_pair(look->view,
				   look->scratch[i] < look->view->self ? look->scratch[i] : look->view->self,
				   look->scratch[i] < look->view->self ? look->view->self : look->scratch[i]) != NULL) {
			there = look->scratch[i];
			break;
		}
	phrase_add(&advice, "Check the network between both sides, as ");
	phrase_add_way(look, &advice, look->view->self, there);
}

static void add_island(struct look *look, size_t count, size_t total)
{
	bool is_lost = false;
	for (size_t i = 0; i < count && !is_lost; i++)
		is_lost = diagnosis_is_lost(look, look->scratch[i]);
	struct finding *finding = is_lost ? diagnosis_add(look, FINDING_PARTITION) : NULL;
	if (finding == NULL)
		return;
	finding->evidence_us = DIAGNOSIS_LONG_AGO_US;
	for (size_t i = 0; i < count; i++) {
		const struct view_node *node = &look->view->nodes[look->scratch[i]];
		diagnosis_add_subject(look, finding, look->scratch[i]);
		if (node->since_us >= 0 && (finding->since_us == -1 || node->since_us < finding->since_us))
			finding->since_us = node->since_us;
		if (node->heard_us > finding->evidence_us)
			finding->evidence_us = node->heard_us;
	}
	finding->reasons[0] = look->view->nodes[look->scratch[0]].reason;
	diagnosis_identify_subjects(finding);
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	phrase_add(&text, "%zu of %zu nodes %s out of reach: ", count, total, count == 1 ? "is" : "are");
	phrase_add_nodes(look, &text, look->scratch, count, count, 4);
	if (count > 1)
		phrase_add(&text, "; by their last reports they are connected to each other");
	advise_about_island(look, finding, count);
}

void diagnosis_find_partitions(struct look *look)
{
	const struct view *view = look->view;
	size_t total = 0;
	if (is_catching_up(look))
		return;
	bool *is_taken = calloc(view->node_count + 1, sizeof *is_taken);
	if (is_taken == NULL) {
		look->findings->lacks_memory = true;
		return;
	}
	for (size_t n = 0; n < view->node_count; n++)
		total += view->nodes[n].state != NODE_GONE;
	for (size_t n = 0; n < view->node_count; n++)
		if (view->nodes[n].state == NODE_OUT_OF_REACH && !is_taken[n])
			add_island(look, collect_island(look, n, is_taken), total);
	free(is_taken);
}
