#include "mesh/diagnosis_priv.h"

/* A node that so many can't dial, and none can, is found as one that can't be dialled, once. */
static const unsigned undialable_by_least = 3;

static const unsigned char cant_dial[] = {MARK_FIRST_CANT_DIAL, MARK_SECOND_CANT_DIAL};

static int64_t later(int64_t one_us, int64_t other_us)
{
	return one_us > other_us ? one_us : other_us;
}

/* ---- what one end says ---- */

static size_t node_of(const struct view_pair *pair, size_t end)
{
	return end == 0 ? pair->first : pair->second;
}

static bool is_choice(enum report_reason reason)
{
	return reason == REASON_LEFT || reason == REASON_REMOVED || reason == REASON_FULL;
}

static bool is_silence(enum report_reason reason)
{
	return reason == REASON_SILENT || reason == REASON_TIMED_OUT || reason == REASON_UNREACHABLE;
}

/*
 * When one of both ends last had it so. What was wrong before is over: as when an end that was silent for some time is
 * back, and is told that the other has ended the connection. The bye is some time on the way, as are both reports.
 */
static int64_t chosen_us(const struct look *look, const struct view_pair *pair)
{
	const int64_t on_the_way_us = 2 * DIAGNOSIS_SECOND_US;
	int64_t chosen = DIAGNOSIS_LONG_AGO_US;
	for (size_t end = 0; end < 2; end++) {
		const struct view_words *words = &pair->words[end];
		if (!look->facts[node_of(pair, end)].speaks)
			continue;
		if (words->end != NULL && is_choice(words->end->reason))
			chosen = later(chosen, words->end->ended_us + on_the_way_us);
		if (words->failure != NULL && is_choice(words->failure->reason))
			chosen = later(chosen, words->failure->last_us);
	}
	return chosen;
}

/* What is older says nothing of now. */
static int64_t settled_us(const struct look *look, const struct view_pair *pair)
{
	return later(look->facts[pair->first].settled_us, look->facts[pair->second].settled_us);
}

/* It speaks, of one that is there, and does not doubt itself. */
static bool is_heard(const struct look *look, const struct view_pair *pair, size_t end)
{
	size_t node = node_of(pair, end), other = node_of(pair, 1 - end);
	return look->facts[node].speaks && look->facts[other].is_there &&
	       look->view->nodes[node].report->late_peers == 0;
}

/* An old address of a node that is elsewhere now says nothing: only where it says that it listens counts. */
static const struct report_failure *find_failure(const struct look *look, const struct view_pair *pair, size_t end)
{
	const struct report *report = look->view->nodes[node_of(pair, end)].report;
	const struct report *other = look->view->nodes[node_of(pair, 1 - end)].report;
	if (other == NULL || !address_is_known(&other->address) || address_is_wildcard(&other->address))
		return pair->words[end].failure;
	const struct report_failure *failure = report_find_failure(report, &other->address);
	if (failure != NULL && !nodeid_is_none(&failure->nodeid) &&
	    !nodeid_equals(&failure->nodeid, &look->view->nodes[node_of(pair, 1 - end)].nodeid))
		return NULL;
	return failure;
}

const struct report_failure *diagnosis_failure(struct look *look, const struct view_pair *pair, size_t end)
{
	enum { ENOUGH_TRIES = 2 };
	if (pair->words[end].failure == NULL || !is_heard(look, pair, end))
		return NULL;
	const struct report_failure *failure = find_failure(look, pair, end);
	if (failure == NULL || failure->tries < ENOUGH_TRIES || is_choice(failure->reason) ||
	    failure->last_us <= chosen_us(look, pair) || failure->last_us <= settled_us(look, pair) + DIAGNOSIS_DIAL_US)
		return NULL;
	diagnosis_look_again(look, failure->last_us + DIAGNOSIS_FAILURE_US);
	return look->now_us - failure->last_us < DIAGNOSIS_FAILURE_US ? failure : NULL;
}

/* That the connection fell silent. */
static bool has_ended(struct look *look, const struct view_pair *pair, const struct report_end *ended)
{
	if (ended == NULL || ended->ended_us <= settled_us(look, pair) || ended->ended_us <= chosen_us(look, pair))
		return false;
	diagnosis_look_again(look, ended->ended_us + DIAGNOSIS_END_US);
	return is_silence(ended->reason) && look->now_us - ended->ended_us < DIAGNOSIS_END_US;
}

static struct claim claim_late(const struct look *look, const struct view_pair *pair, size_t end)
{
	const struct report_link *link = pair->words[end].link;
	const struct view_node *node = &look->view->nodes[node_of(pair, end)];
	if (link->late_since_us < 0 || link->late_since_us <= settled_us(look, pair))
		return (struct claim){.since_us = -1};
	return (struct claim){.kind = CLAIM_LATE,
			      .reason = REASON_SILENT,
			      .since_us = link->late_since_us,
			      .last_us = later(link->late_since_us, node->heard_us)};
}

struct claim diagnosis_claim(struct look *look, const struct view_pair *pair, size_t end)
{
	const struct view_words *words = &pair->words[end];
	struct claim claim = {.since_us = -1};
	if (!is_heard(look, pair, end))
		return claim;
	if (words->link != NULL)
		return claim_late(look, pair, end);
	const struct report_failure *failure = diagnosis_failure(look, pair, end);
	if (has_ended(look, pair, words->end))
		claim = (struct claim){.kind = CLAIM_ENDED,
				       .reason = words->end->reason,
				       .since_us = words->end->ended_us,
				       .last_us = words->end->ended_us};
	if (failure == NULL)
		return claim;
	claim.kind = CLAIM_FAILING;
	claim.reason = failure->reason;
	/* They could talk until the connection ended, whatever dials said before. */
	claim.since_us = failure->since_us;
	if (words->end != NULL && words->end->ended_us > failure->since_us - DIAGNOSIS_END_US)
		claim.since_us = words->end->ended_us;
	claim.last_us = later(claim.last_us, failure->last_us);
	return claim;
}

/* ---- what both say ---- */

/* This end has lost the connection, or misses the other. */
static bool has_lost(const struct look *look, const struct view_pair *pair, size_t end)
{
	const struct view_words *words = &pair->words[end];
	if (!is_heard(look, pair, end))
		return false;
	if (words->link != NULL)
		return words->link->late_since_us >= 0;
	return words->end != NULL && !is_choice(words->end->reason) && words->end->ended_us > settled_us(look, pair) &&
	       look->now_us - words->end->ended_us < DIAGNOSIS_END_US;
}

/* By its report, this end has a connection on which all is well. */
static bool has_link(const struct view_pair *pair, size_t end)
{
	return pair->words[end].link != NULL && pair->words[end].link->late_since_us < 0;
}

static bool is_calm(const struct view_pair *pair)
{
	return has_link(pair, 0) && has_link(pair, 1) && pair->words[0].failure == NULL &&
	       pair->words[1].failure == NULL;
}

/* A node that is dying has lost connections of which its report, an old one, knows nothing. */
static void count_doubts(struct look *look, const struct view_pair *pair)
{
	for (size_t end = 0; end < 2; end++) {
		size_t node = node_of(pair, end), other = node_of(pair, 1 - end);
		bool is_unaware = has_link(pair, 1 - end) || look->view->nodes[other].report == NULL;
		if (is_unaware && has_lost(look, pair, end)) {
			look->facts[node].doubting++;
			look->facts[other].doubted++;
		}
	}
}

/* The last dial that failed began after the two were connected. Without a memory, it was told after that. */
static bool is_younger(const struct look *look, const struct view_pair *pair, size_t end,
		       const struct report_failure *failure)
{
	const struct report_link *link = pair->words[end].link;
	if (look->memory == NULL)
		return link != NULL && failure->seq > link->seq;
	const struct known_pair *known = diagnosis_recall_pair(look, pair);
	int64_t then_us = later(look->memory->born_us, known != NULL ? known->down_us : DIAGNOSIS_LONG_AGO_US);
	return failure->last_us > then_us + DIAGNOSIS_DIAL_US;
}

/*
 * Dials of the other end failed too until a short time ago: what was between the two may be gone, and this end may not
 * have tried again since.
 */
static bool may_be_mended(struct look *look, const struct view_pair *pair, size_t end,
			  const struct report_failure *failure)
{
	const int64_t again_us = 60 * DIAGNOSIS_SECOND_US;
	const struct known_pair *known = diagnosis_recall_pair(look, pair);
	size_t other = 1 - end;
	if (known == NULL || pair->words[other].failure != NULL)
		return false;
	int64_t mended_us = known->is_failing[other] ? look->now_us : known->mended_us[other];
	if (failure->last_us > mended_us + DIAGNOSIS_DIAL_US)
		return false;
	diagnosis_look_again(look, mended_us + again_us);
	return look->now_us - again_us < mended_us;
}

/* They can't talk, whoever dials: the other end says so too, or a connection of the two fell silent. */
static bool is_mutual(struct look *look, const struct view_pair *pair, size_t end)
{
	const struct report_end *ended = pair->words[end].end;
	return (ended != NULL && is_silence(ended->reason)) || diagnosis_claim(look, pair, 1 - end).kind != CLAIM_NONE;
}

/* Who has dialled whom, and could do so again as far as is known. */
static void count_dialled(struct look *look, size_t place)
{
	const struct view_pair *pair = &look->view->pairs[place];
	for (size_t end = 0; end < 2 && pair->is_up; end++) {
		const struct report_link *link = pair->words[end].link;
		if (link == NULL)
			continue;
		size_t dialler = link->is_dialled ? end : 1 - end;
		if ((look->marks[place] & cant_dial[dialler]) == 0)
			look->facts[node_of(pair, 1 - dialler)].dialled_by++;
	}
}

static void mark_dials(struct look *look, size_t place)
{
	const struct view_pair *pair = &look->view->pairs[place];
	for (size_t end = 0; end < 2; end++) {
		const struct report_link *link = pair->words[end].link;
		size_t other = node_of(pair, 1 - end);
		const struct report_failure *failure = diagnosis_failure(look, pair, end);
		if (failure == NULL || look->view->nodes[other].report == NULL)
			continue;
		if (link == NULL && !pair->is_up)
			look->facts[other].undialable_by += !is_mutual(look, pair, end);
		else if (diagnosis_is_fine(look, place) && is_younger(look, pair, end, failure) &&
			 !may_be_mended(look, pair, end, failure))
			look->marks[place] |= cant_dial[end];
	}
	/* It must be able to dial others. */
	for (size_t end = 0; end < 2; end++)
		if ((look->marks[place] & MARK_CANT_DIAL_EACH_OTHER) == cant_dial[end])
			look->facts[node_of(pair, 1 - end)].undialable_by++;
	count_dialled(look, place);
}

bool diagnosis_is_undialable(const struct look *look, size_t node)
{
	return look->facts[node].undialable_by >= undialable_by_least && look->facts[node].dialled_by == 0;
}

/* In the look before. */
static bool was_broken(const struct look *look, const struct view_pair *pair)
{
	const struct known_pair *known = diagnosis_recall_pair(look, pair);
	return known != NULL && known->is_broken;
}

/* Only this end says that they can't talk. */
static bool is_broken_alone(struct look *look, const struct view_pair *pair, size_t end, const struct claim *claim)
{
	size_t node = node_of(pair, end), other = node_of(pair, 1 - end);
	const struct node_facts *facts = &look->facts[other];
	if (facts->doubted > 1)
		return false;
	if (facts->speaks && pair->words[1 - end].link != NULL) {
		/* The far end has not noticed, and will soon, or it is not so. */
		int64_t until_us = claim->since_us + DIAGNOSIS_BOTH_US;
		bool is_credible = 2 * (size_t)look->facts[node].doubting <= look->view->nodes[node].link_count + 1 &&
				   (claim->kind == CLAIM_LATE || was_broken(look, pair));
		diagnosis_look_again(look, until_us);
		return is_credible && look->now_us < until_us;
	}
	if (claim->kind == CLAIM_ENDED) {
		diagnosis_look_again(look, claim->since_us + DIAGNOSIS_AGAIN_US);
		return look->now_us - claim->since_us >= DIAGNOSIS_AGAIN_US || was_broken(look, pair);
	}
	return claim->kind == CLAIM_LATE || !diagnosis_is_undialable(look, other);
}

static bool is_broken(struct look *look, const struct view_pair *pair)
{
	struct claim claims[2] = {diagnosis_claim(look, pair, 0), diagnosis_claim(look, pair, 1)};
	if (!look->facts[pair->first].is_there || !look->facts[pair->second].is_there)
		return false;
	if (claims[0].kind != CLAIM_NONE && claims[1].kind != CLAIM_NONE)
		return true;
	for (size_t end = 0; end < 2; end++)
		if (claims[end].kind != CLAIM_NONE)
			return is_broken_alone(look, pair, end, &claims[end]);
	return false;
}

/* One end misses the other. That both say so, or not, is known after two pings and the way of their reports. */
static void note_undecided(struct look *look, const struct view_pair *pair)
{
	const int64_t decided_us = 10 * DIAGNOSIS_SECOND_US;
	for (size_t end = 0; end < 2; end++) {
		struct claim claim = diagnosis_claim(look, pair, end);
		if ((claim.kind != CLAIM_LATE && claim.kind != CLAIM_ENDED) ||
		    look->now_us - claim.since_us >= decided_us)
			continue;
		diagnosis_look_again(look, claim.since_us + decided_us);
		look->facts[pair->first].is_undecided = look->facts[pair->second].is_undecided = true;
	}
}

void diagnosis_mark_pairs(struct look *look)
{
	const struct view *view = look->view;
	for (size_t i = 0; i < view->pair_count; i++) {
		mark_dials(look, i);
		if (!is_calm(&view->pairs[i]))
			count_doubts(look, &view->pairs[i]);
	}
	for (size_t i = 0; i < view->pair_count; i++) {
		if (is_calm(&view->pairs[i]))
			continue;
		if (is_broken(look, &view->pairs[i]))
			look->marks[i] |= MARK_BROKEN;
		else
			note_undecided(look, &view->pairs[i]);
	}
}

/* ---- who sees both ---- */

size_t diagnosis_find_witnesses(struct look *look, size_t one, size_t other, size_t *witnesses, size_t most)
{
	size_t count = 0;
	for (size_t i = look->starts[one]; i < look->starts[one + 1]; i++) {
		size_t node = diagnosis_other(&look->view->pairs[look->incident[i]], one);
		const struct view_pair *pair;
		if (node == other || !look->facts[node].is_there || !diagnosis_is_fine(look, look->incident[i]))
			continue;
		pair = view_find_pair(look->view, node < other ? node : other, node < other ? other : node);
		if (pair == NULL || !diagnosis_is_fine(look, (size_t)(pair - look->view->pairs)))
			continue;
		if (count++ < most)
			witnesses[count - 1] = node;
	}
	return count;
}
