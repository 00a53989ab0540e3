#include <stdlib.h>
#include <string.h>

#include "mesh/diagnosis_priv.h"

/* Of what others only say of third parties, so many of each kind: a liar can't fill the list. */
enum { MOST = 16 };

/* "alpha, beta and 2 others say so" */
static void say_who(const struct look *look, struct phrase *phrase, const size_t *nodes, size_t count)
{
	phrase_add(phrase, " (");
	phrase_add_nodes(look, phrase, nodes, count, count, 2);
	phrase_add(phrase, " say%s so)", count == 1 ? "s" : "");
}

/* ---- one nodeid, two hosts ---- */

/* Whether node's report says it of that nodeid. A report has what goes on, and no more what has stopped. */
static const struct report_double *find_double(const struct look *look, size_t node, const struct nodeid *nodeid)
{
	const struct report *report = look->view->nodes[node].report;
	for (size_t i = 0; look->facts[node].speaks && i < report->double_count; i++)
		if (nodeid_equals(&report->doubles[i].nodeid, nodeid))
			return &report->doubles[i];
	return NULL;
}

static void say_addresses(struct phrase *phrase, const struct address *one, const struct address *other)
{
	char texts[2][ADDRESS_TEXT_BYTES];
	if (address_same_host(one, other)) {
		address_format(one, texts[0]);
		address_format(other, texts[1]);
	} else {
		address_format_host(one, texts[0]);
		address_format_host(other, texts[1]);
	}
	phrase_add(phrase, "%s and %s", texts[0], texts[1]);
}

static void add_double(struct look *look, const struct report_double *twice)
{
	char text[NODEID_TEXT_BYTES];
	struct finding *finding = diagnosis_add(look, FINDING_DOUBLE);
	size_t count = 0;
	if (finding == NULL)
		return;
	finding->subjects[finding->subject_count++] = twice->nodeid;
	finding->addresses[0] = twice->one;
	finding->addresses[1] = twice->other;
	diagnosis_identify_subjects(finding);
	finding->evidence_us = DIAGNOSIS_LONG_AGO_US;
	for (size_t n = 0; n < look->view->node_count; n++) {
		if (find_double(look, n, &twice->nodeid) == NULL)
			continue;
		look->scratch[count++] = n;
		if (look->view->nodes[n].heard_us > finding->evidence_us)
			finding->evidence_us = look->view->nodes[n].heard_us;
	}
	nodeid_format(&twice->nodeid, text);
	struct phrase sentence = phrase_of(finding->text, sizeof finding->text);
	phrase_add(&sentence, "two nodes use nodeid %.8s: ", text);
	say_addresses(&sentence, &twice->one, &twice->other);
	say_who(look, &sentence, look->scratch, count);
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "One is probably a copy of the other: give it a nodeid of its own (remove the file nodeid "
			    "from its state_dir, or change the setting nodeid)");
}

static bool is_found(const struct look *look, enum finding_kind kind, uint64_t identity)
{
	for (size_t i = 0; i < look->findings->count; i++)
		if (look->findings->list[i].kind == kind && look->findings->list[i].identity == identity)
			return true;
	return false;
}

static uint64_t identity_of(enum finding_kind kind, const void *bytes, size_t length)
{
	struct finding finding = {.kind = kind};
	diagnosis_identify(&finding, bytes, length);
	return finding.identity;
}

void diagnosis_find_doubles(struct look *look)
{
	size_t added = 0;
	for (size_t n = 0; n < look->view->node_count; n++) {
		const struct report *report = look->view->nodes[n].report;
		for (size_t i = 0; look->facts[n].speaks && i < report->double_count && added < MOST; i++) {
			const struct report_double *twice = &report->doubles[i];
			uint64_t identity = identity_of(FINDING_DOUBLE, &twice->nodeid, sizeof twice->nodeid);
			if (is_found(look, FINDING_DOUBLE, identity))
				continue;
			add_double(look, twice);
			added++;
		}
	}
}

/* ---- hosts that are turned away ---- */

static const struct report_refusal *find_refusal(const struct look *look, size_t node, const struct address *host)
{
	const struct report *report = look->view->nodes[node].report;
	for (size_t i = 0; look->facts[node].speaks && i < report->refusal_count; i++)
		if (address_same_host(&report->refusals[i].host, host))
			return &report->refusals[i];
	return NULL;
}

static void add_turned_away(struct look *look, const struct address *host)
{
	char text[ADDRESS_TEXT_BYTES];
	struct finding *finding = diagnosis_add(look, FINDING_TURNED_AWAY);
	size_t count = 0;
	uint64_t times = 0;
	if (finding == NULL)
		return;
	finding->addresses[0] = address_host(host);
	diagnosis_identify(finding, &finding->addresses[0], sizeof finding->addresses[0]);
	finding->evidence_us = DIAGNOSIS_LONG_AGO_US;
	for (size_t n = 0; n < look->view->node_count; n++) {
		const struct report_refusal *refusal = find_refusal(look, n, host);
		if (refusal == NULL)
			continue;
		look->scratch[count++] = n;
		times += refusal->count;
		if (finding->since_us == -1 || refusal->since_us < finding->since_us)
			finding->since_us = refusal->since_us;
		if (refusal->last_us > finding->evidence_us)
			finding->evidence_us = refusal->last_us;
	}
	address_format_host(host, text);
	struct phrase sentence = phrase_of(finding->text, sizeof finding->text);
	phrase_add(&sentence, "%s was turned away %llu times: it does not have this network's secret", text,
		   (unsigned long long)times);
	say_who(look, &sentence, look->scratch, count);
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "If %s is one of your nodes, copy the secret file of this network to it; if not, deny it",
		   text);
}

void diagnosis_find_turned_away(struct look *look)
{
	size_t added = 0;
	for (size_t n = 0; n < look->view->node_count; n++) {
		const struct report *report = look->view->nodes[n].report;
		for (size_t i = 0; look->facts[n].speaks && i < report->refusal_count && added < MOST; i++) {
			struct address host = address_host(&report->refusals[i].host);
			uint64_t identity = identity_of(FINDING_TURNED_AWAY, &host, sizeof host);
			if (is_found(look, FINDING_TURNED_AWAY, identity))
				continue;
			add_turned_away(look, &host);
			added++;
		}
	}
}
