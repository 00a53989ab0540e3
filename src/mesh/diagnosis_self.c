#include <stdlib.h>

#include "base/text.h"
#include "mesh/diagnosis_priv.h"

/* This node was stopped: that is worth knowing for so long. */
static const int64_t stall_told_us = 60 * DIAGNOSIS_SECOND_US;
/* A clock that is off by less is none of our business; those that agree are this close. */
static const int64_t clock_off_us = 5 * DIAGNOSIS_SECOND_US, clock_agrees_us = 2 * DIAGNOSIS_SECOND_US;
/* A clock that was read longer ago may have been set right since. */
static const int64_t clock_read_us = 900 * DIAGNOSIS_SECOND_US;

/* "4.1 s" */
static const char *duration(int64_t us, char out[static TEXT_DURATION_BYTES])
{
	text_duration(us < 0 ? -us : us, out);
	return out;
}

/* ---- this node ---- */

static struct finding *add_me(struct look *look, char which)
{
	struct finding *finding = diagnosis_add(look, FINDING_ME);
	if (finding == NULL)
		return NULL;
	diagnosis_add_subject(look, finding, look->view->self);
	diagnosis_identify(finding, &which, sizeof which);
	return finding;
}

static void find_late_peers(struct look *look, const struct report *own)
{
	if (own->late_peers == 0)
		return;
	struct finding *finding = add_me(look, 'l');
	size_t count = own->link_count < own->late_peers ? own->late_peers : own->link_count;
	bool are_all = own->late_peers >= count;
	look->is_cut_off = are_all;
	if (finding == NULL)
		return;
	for (size_t i = 0; i < own->link_count; i++) {
		int64_t since_us = own->links[i].late_since_us;
		if (since_us >= 0 && (finding->since_us == -1 || since_us < finding->since_us))
			finding->since_us = since_us;
	}
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	phrase_add(&text, "this node %s cut off: %u of %zu peers are late", are_all ? "is" : "may be",
		   (unsigned)own->late_peers, count);
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "Check the network of this machine");
}

/* It has lost more than half of all nodes, and has none left. */
static void find_loneliness(struct look *look)
{
	const struct view *view = look->view;
	size_t unreached = 0, others = 0;
	int64_t since_us = -1;
	for (size_t n = 0; n < view->node_count; n++) {
		const struct view_node *node = &view->nodes[n];
		if (n == view->self)
			continue;
		if (node->state == NODE_ALIVE || node->state == NODE_LATE)
			return;
		bool is_out_of_reach = node->state == NODE_OUT_OF_REACH && diagnosis_is_lost(look, n);
		others += is_out_of_reach || (node->report != NULL && node->reason != REASON_LEFT);
		unreached += is_out_of_reach;
		if (node->state == NODE_OUT_OF_REACH && node->since_us >= 0 &&
		    (since_us == -1 || node->since_us < since_us))
			since_us = node->since_us;
	}
	if (2 * unreached <= others)
		return;
	look->is_cut_off = true;
	struct finding *finding = add_me(look, 'l');
	if (finding == NULL)
		return;
	finding->since_us = since_us;
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	phrase_add(&text,
		   "this node is cut off: %zu of %zu other nodes are out of reach; by their last reports they "
		   "are connected to each other",
		   unreached, others);
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "Check the network of this machine");
}

static void find_stall(struct look *look, const struct report *own)
{
	char text[TEXT_DURATION_BYTES];
	if (own->stalled_us <= 0 || look->now_us - own->stall_end_us >= stall_told_us)
		return;
	diagnosis_look_again(look, own->stall_end_us + stall_told_us);
	struct finding *finding = add_me(look, 's');
	if (finding == NULL)
		return;
	finding->since_us = own->stall_end_us - own->stalled_us;
	finding->evidence_us = own->stall_end_us;
	struct phrase sentence = phrase_of(finding->text, sizeof finding->text);
	phrase_add(&sentence, "this node was stopped for %s", duration(own->stalled_us, text));
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "The machine is overloaded or was suspended, or a signal or debugger stopped kithd");
}

/* ---- clocks ---- */

/* From this node's monotonic clock to the wall clocks of itself and of its peers. */
struct clocks {
	int64_t *offsets_us; /* of those that were read, ordered */
	size_t count;
	int64_t usual_us; /* of most */
	size_t agreeing;
};

/* Its wall clock was read a short time ago. */
static bool has_clock(const struct look *look, size_t node)
{
	const struct report *report = look->view->nodes[node].report;
	return look->facts[node].speaks && report->clock_us >= 0 && look->now_us - report->read_us < clock_read_us;
}

static int64_t offset_us(const struct look *look, size_t node)
{
	const struct report *report = look->view->nodes[node].report;
	return report->clock_us - report->read_us;
}

static int compare_offsets(const void *one, const void *other)
{
	const int64_t *a = one, *b = other;
	return (*a > *b) - (*a < *b);
}

/* False if there are too few, or they don't agree: then nobody knows who is right. */
static bool read_clocks(struct look *look, struct clocks *clocks)
{
	enum { ENOUGH = 3 };
	for (size_t n = 0; n < look->view->node_count; n++)
		if (has_clock(look, n))
			clocks->offsets_us[clocks->count++] = offset_us(look, n);
	if (clocks->count < ENOUGH)
		return false;
	qsort(clocks->offsets_us, clocks->count, sizeof *clocks->offsets_us, compare_offsets);
	clocks->usual_us = clocks->offsets_us[clocks->count / 2];
	for (size_t i = 0; i < clocks->count; i++) {
		int64_t off_us = clocks->offsets_us[i] - clocks->usual_us;
		clocks->agreeing += off_us >= -clock_agrees_us && off_us <= clock_agrees_us;
	}
	return 2 * clocks->agreeing > clocks->count;
}

static bool compare_clocks(struct look *look, struct clocks *clocks)
{
	*clocks = (struct clocks){0};
	clocks->offsets_us = calloc(look->view->node_count, sizeof *clocks->offsets_us);
	if (clocks->offsets_us == NULL) {
		look->findings->lacks_memory = true;
		return false;
	}
	bool is_known = read_clocks(look, clocks);
	free(clocks->offsets_us);
	clocks->offsets_us = NULL;
	return is_known;
}

/* How far the clock of a node is ahead of the others'; 0 if that is unknown, or too little to tell. */
static int64_t skew_us(const struct look *look, size_t node, const struct clocks *clocks, bool *says_so)
{
	const struct report *report = look->view->nodes[node].report;
	const int64_t most_ms = REPORT_AGE_US / 1000;
	*says_so = report->skew_ms != 0;
	if (*says_so)
		return 1000 * (report->skew_ms > most_ms    ? most_ms
			       : report->skew_ms < -most_ms ? -most_ms
							    : report->skew_ms);
	if (clocks == NULL || !has_clock(look, node))
		return 0;
	int64_t off_us = offset_us(look, node) - clocks->usual_us;
	return off_us >= clock_off_us || off_us <= -clock_off_us ? off_us : 0;
}

static void say_skew(const struct look *look, struct finding *finding, size_t node, int64_t off_us)
{
	char text[TEXT_DURATION_BYTES];
	struct phrase sentence = phrase_of(finding->text, sizeof finding->text);
	phrase_add(&sentence, "the clock of ");
	if (node == look->view->self)
		phrase_add(&sentence, "this node");
	else
		phrase_add_node(look, &sentence, node);
	phrase_add(&sentence, " is %s %s the others", duration(off_us, text), off_us > 0 ? "ahead of" : "behind");
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "Check NTP on ");
	if (node == look->view->self)
		phrase_add(&advice, "this machine");
	else
		phrase_add_host(look, &advice, node);
	phrase_add(&advice, ": timedatectl");
	const struct view_node *of = &look->view->nodes[node];
	finding->evidence_us = of->report->clock_us >= 0 ? of->report->read_us : of->heard_us;
}

static void find_own_clock(struct look *look)
{
	struct clocks clocks;
	bool is_known = compare_clocks(look, &clocks), says_so;
	if (look->view->nodes[look->view->self].report == NULL)
		return;
	int64_t off_us = skew_us(look, look->view->self, is_known ? &clocks : NULL, &says_so);
	struct finding *finding = off_us == 0 ? NULL : add_me(look, 'c');
	if (finding != NULL)
		say_skew(look, finding, look->view->self, off_us);
}

void diagnosis_find_me(struct look *look)
{
	const struct report *own = look->view->nodes[look->view->self].report;
	if (own != NULL)
		find_late_peers(look, own);
	if (!look->is_cut_off)
		find_loneliness(look);
	if (own != NULL)
		find_stall(look, own);
	find_own_clock(look);
}

void diagnosis_find_clocks(struct look *look)
{
	struct clocks clocks;
	bool is_known = compare_clocks(look, &clocks);
	for (size_t n = 0; n < look->view->node_count; n++) {
		bool says_so;
		if (n == look->view->self || !look->facts[n].speaks)
			continue;
		int64_t off_us = skew_us(look, n, is_known ? &clocks : NULL, &says_so);
		struct finding *finding = off_us == 0 ? NULL : diagnosis_add(look, FINDING_CLOCK);
		if (finding == NULL)
			continue;
		diagnosis_add_subject(look, finding, n);
		diagnosis_identify_subjects(finding);
		say_skew(look, finding, n, off_us);
		if (!says_so)
			diagnosis_look_again(look, look->view->nodes[n].report->read_us + clock_read_us);
	}
}
