#include "mesh/diagnosis_priv.h"

static size_t node_of(const struct view_pair *pair, size_t end)
{
	return end == 0 ? pair->first : pair->second;
}

/* ---- two that can't talk ---- */

/* "beta says timed out, gamma says connection refused" */
static void say_claims(const struct look *look, struct phrase *phrase, const struct view_pair *pair,
		       const struct claim *claims)
{
	size_t first = phrase_first_end(look, pair);
	bool is_first = true;
	for (size_t i = 0; i < 2; i++) {
		size_t end = i == 0 ? first : 1 - first;
		if (claims[end].kind == CLAIM_NONE)
			continue;
		phrase_add(phrase, "%s", is_first ? ": " : ", ");
		phrase_add_claim(look, phrase, node_of(pair, end), node_of(pair, 1 - end), claims[end].reason);
		is_first = false;
	}
	for (size_t end = 0; end < 2; end++) {
		size_t node = node_of(pair, end);
		if (look->view->nodes[node].report == NULL) {
			phrase_add(phrase, ", ");
			phrase_add_node(look, phrase, node);
			phrase_add(phrase, " sends no reports");
		}
	}
}

static void advise_about_listening(const struct look *look, struct phrase *phrase, size_t node)
{
	phrase_add_node(look, phrase, node);
	phrase_add(phrase, " does not listen on ");
	phrase_add_address(look, phrase, node);
	phrase_add(phrase, ", or a firewall rejects connections to it: compare listen and advertise there");
}

static void advise_about_link(const struct look *look, struct phrase *phrase, const struct view_pair *pair,
			      const struct claim *claims)
{
	/* What names a cause comes before a silence, which has many. */
	for (size_t end = 0; end < 2; end++) {
		size_t node = node_of(pair, end), other = node_of(pair, 1 - end);
		switch (claims[end].reason) {
		case REASON_SECRET:
			phrase_add(phrase, "Compare the secret files of ");
			phrase_add_nodes(look, phrase, (size_t[]){node, other}, 2, 2, 2);
			phrase_add(phrase, ": a rotation may not be finished");
			return;
		case REASON_NETWORK:
		case REASON_PROTOCOL:
			phrase_add(phrase, "Check what listens on ");
			phrase_add_address(look, phrase, other);
			return;
		case REASON_REFUSED:
			if (claims[1 - end].kind != CLAIM_NONE && claims[1 - end].reason != REASON_REFUSED)
				break;
			advise_about_listening(look, phrase, other);
			return;
		default:
			break;
		}
	}
	phrase_add(phrase, "Probably a firewall or route ");
	size_t first = phrase_first_end(look, pair);
	phrase_add_way(look, phrase, node_of(pair, first), node_of(pair, 1 - first));
}

static void add_link(struct look *look, const struct view_pair *pair)
{
	struct claim claims[2] = {diagnosis_claim(look, pair, 0), diagnosis_claim(look, pair, 1)};
	struct finding *finding = diagnosis_add(look, FINDING_LINK);
	if (finding == NULL)
		return;
	finding->evidence_us = DIAGNOSIS_LONG_AGO_US;
	for (size_t end = 0; end < 2; end++) {
		diagnosis_add_subject(look, finding, node_of(pair, end));
		if (claims[end].kind == CLAIM_NONE)
			continue;
		finding->reasons[end] = claims[end].reason;
		if (finding->since_us == -1 || claims[end].since_us < finding->since_us)
			finding->since_us = claims[end].since_us;
		if (claims[end].last_us > finding->evidence_us)
			finding->evidence_us = claims[end].last_us;
	}
	diagnosis_identify_subjects(finding);
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	phrase_add_nodes(look, &text, (size_t[]){pair->first, pair->second}, 2, 2, 2);
	phrase_add(&text, " can't talk");
	say_claims(look, &text, pair, claims);
	phrase_add_witnesses(look, &text, pair->first, pair->second);
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	advise_about_link(look, &advice, pair, claims);
}

void diagnosis_find_links(struct look *look)
{
	for (size_t i = 0; i < look->view->pair_count; i++)
		if ((look->marks[i] & (MARK_BROKEN | MARK_CUT)) == MARK_BROKEN)
			add_link(look, &look->view->pairs[i]);
}

/* ---- one that can't dial the other ---- */

static void note_failure(struct finding *finding, const struct report_failure *failure)
{
	if (finding->since_us == -1 || failure->since_us < finding->since_us)
		finding->since_us = failure->since_us;
	if (failure->last_us > finding->evidence_us)
		finding->evidence_us = failure->last_us;
}

static void advise_about_dialling(const struct look *look, struct finding *finding, size_t node,
				  enum report_reason reason)
{
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	if (reason == REASON_REFUSED) {
		advise_about_listening(look, &advice, node);
		return;
	}
	phrase_add(&advice, "Check for a firewall in front of ");
	phrase_add_node(look, &advice, node);
	phrase_add_port(look, &advice, node);
}

/* Of the two, this end has dialled the other. */
static bool is_dialled_by(const struct view_pair *pair, size_t end)
{
	const struct report_link *own = pair->words[end].link, *others = pair->words[1 - end].link;
	return own != NULL ? own->is_dialled : others != NULL && !others->is_dialled;
}

/* gamma can't dial beta (timed out), beta can dial gamma */
static void add_one_way(struct look *look, const struct view_pair *pair, size_t end)
{
	size_t node = node_of(pair, end), other = node_of(pair, 1 - end);
	const struct report_failure *failure = diagnosis_failure(look, pair, end);
	struct finding *finding = failure == NULL ? NULL : diagnosis_add(look, FINDING_ONE_WAY);
	if (finding == NULL)
		return;
	diagnosis_add_subject(look, finding, node);
	diagnosis_add_subject(look, finding, other);
	diagnosis_identify_subjects(finding);
	finding->evidence_us = DIAGNOSIS_LONG_AGO_US;
	finding->reasons[0] = failure->reason;
	note_failure(finding, failure);
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	phrase_add_node(look, &text, node);
	phrase_add(&text, " can't dial ");
	phrase_add_node(look, &text, other);
	if (is_dialled_by(pair, end)) {
		phrase_add(&text, " any more (%s), though it did", report_reason_words(failure->reason));
	} else {
		phrase_add(&text, " (%s), ", report_reason_words(failure->reason));
		phrase_add_node(look, &text, other);
		phrase_add(&text, " can dial ");
		phrase_add_node(look, &text, node);
	}
	advise_about_dialling(look, finding, other, failure->reason);
}

/* Everybody who tries: the subjects are the node, then those who can't dial it. */
static void add_undialable(struct look *look, size_t node)
{
	struct finding *finding = diagnosis_add(look, FINDING_ONE_WAY);
	size_t counts[REASONS] = {0}, total = 0;
	enum report_reason most = REASON_OTHER;
	if (finding == NULL)
		return;
	diagnosis_add_subject(look, finding, node);
	diagnosis_identify_subjects(finding);
	finding->evidence_us = DIAGNOSIS_LONG_AGO_US;
	for (size_t i = look->starts[node]; i < look->starts[node + 1]; i++) {
		const struct view_pair *pair = &look->view->pairs[look->incident[i]];
		const struct report_failure *failure = diagnosis_failure(look, pair, 1 - diagnosis_end(pair, node));
		if (failure == NULL)
			continue;
		look->scratch[total++] = diagnosis_other(pair, node);
		diagnosis_add_subject(look, finding, look->scratch[total - 1]);
		note_failure(finding, failure);
		if (++counts[failure->reason] > counts[most])
			most = failure->reason;
	}
	finding->reasons[0] = most;
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	phrase_add(&text, "nobody can dial ");
	phrase_add_node(look, &text, node);
	phrase_add(&text, " (");
	phrase_add_nodes(look, &text, look->scratch, total, total, 3);
	phrase_add(&text, " say %s), which can dial others", report_reason_words(most));
	advise_about_dialling(look, finding, node, most);
}

/* The other end has dialled it when this end began to fail; or it fails for so long that the other end has tried too.
 */
static bool is_one_way(struct look *look, const struct view_pair *pair, size_t end)
{
	/* A dial that got no answer began connect_timeout before it failed: 10 s, by default. */
	const int64_t together_us = 15 * DIAGNOSIS_SECOND_US, known_us = 60 * DIAGNOSIS_SECOND_US;
	const struct report_failure *failure = diagnosis_failure(look, pair, end);
	const struct known_pair *known = diagnosis_recall_pair(look, pair);
	int64_t up_us = look->memory == NULL ? look->now_us : look->memory->born_us;
	if (failure == NULL || look->view->nodes[node_of(pair, 1 - end)].report == NULL)
		return false;
	/* As far as is known, it came up then. */
	if (known != NULL && known->down_us > up_us)
		up_us = known->down_us;
	if (is_dialled_by(pair, 1 - end) && failure->since_us < up_us + together_us)
		return true;
	diagnosis_look_again(look, failure->since_us + known_us);
	return look->now_us - failure->since_us >= known_us;
}

void diagnosis_find_one_way(struct look *look)
{
	const struct view *view = look->view;
	for (size_t n = 0; n < view->node_count; n++)
		if (look->facts[n].is_there && view->nodes[n].link_count > 0 && diagnosis_is_undialable(look, n))
			add_undialable(look, n);
	for (size_t i = 0; i < view->pair_count; i++) {
		unsigned mark = look->marks[i] & MARK_CANT_DIAL_EACH_OTHER;
		if (mark != MARK_FIRST_CANT_DIAL && mark != MARK_SECOND_CANT_DIAL)
			continue;
		size_t end = mark == MARK_FIRST_CANT_DIAL ? 0 : 1;
		if (is_one_way(look, &view->pairs[i], end) &&
		    !diagnosis_is_undialable(look, node_of(&view->pairs[i], 1 - end)))
			add_one_way(look, &view->pairs[i], end);
	}
}

/* ---- neither can dial the other any more ---- */

static void add_fading(struct look *look, const struct view_pair *pair)
{
	const struct report_failure *failures[2] = {diagnosis_failure(look, pair, 0), diagnosis_failure(look, pair, 1)};
	if (failures[0] == NULL || failures[1] == NULL)
		return;
	struct finding *finding = diagnosis_add(look, FINDING_FADING);
	if (finding == NULL)
		return;
	finding->evidence_us = DIAGNOSIS_LONG_AGO_US;
	for (size_t end = 0; end < 2; end++) {
		diagnosis_add_subject(look, finding, node_of(pair, end));
		finding->reasons[end] = failures[end]->reason;
		note_failure(finding, failures[end]);
	}
	/* Until the later of the two, one of them could. */
	finding->since_us =
		failures[0]->since_us > failures[1]->since_us ? failures[0]->since_us : failures[1]->since_us;
	diagnosis_identify_subjects(finding);
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	phrase_add_nodes(look, &text, (size_t[]){pair->first, pair->second}, 2, 2, 2);
	phrase_add(&text, " are connected, but neither can dial the other any more (");
	size_t first = phrase_first_end(look, pair), second = 1 - first;
	if (failures[0]->reason == failures[1]->reason) {
		phrase_add(&text, "%s", report_reason_words(failures[0]->reason));
	} else {
		phrase_add_claim(look, &text, node_of(pair, first), node_of(pair, second), failures[first]->reason);
		phrase_add(&text, ", ");
		phrase_add_claim(look, &text, node_of(pair, second), node_of(pair, first), failures[second]->reason);
	}
	phrase_add(&text, ")");
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "Check for a new firewall rule ");
	phrase_add_way(look, &advice, node_of(pair, first), node_of(pair, second));
	phrase_add(&advice, ": once this connection ends, they can't talk");
}

void diagnosis_find_fading(struct look *look)
{
	for (size_t i = 0; i < look->view->pair_count; i++)
		if ((look->marks[i] & MARK_CANT_DIAL_EACH_OTHER) == MARK_CANT_DIAL_EACH_OTHER)
			add_fading(look, &look->view->pairs[i]);
}
