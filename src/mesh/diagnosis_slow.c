#include <stdlib.h>
#include <string.h>

#include "mesh/diagnosis_priv.h"

/* Slow is ten times the usual, and this more. */
enum { SLOWER = 10, SLOWER_US = 50 * 1000, ENOUGH_LINKS = 3 };

/* A connection's round trip is usual once it is known for so long; it is brought up to date this often. */
static const int64_t learn_us = 30 * DIAGNOSIS_SECOND_US, again_us = 60 * DIAGNOSIS_SECOND_US;

/* Of the connections of a node of which something is known. */
struct pace {
	unsigned known, slow;
};

static uint32_t tag_of(const struct nodeid *nodeid)
{
	uint32_t tag;
	memcpy(&tag, nodeid->bytes, sizeof tag);
	return tag != 0 ? tag : 1;
}

/* The round trip of a pair, the lesser of what both ends say; -1 if it is not known, or the pair is not fine. */
static int32_t rtt_us(const struct look *look, size_t place)
{
	const struct view_pair *pair = &look->view->pairs[place];
	int32_t least_us = -1;
	if (!diagnosis_is_fine(look, place))
		return -1;
	for (size_t end = 0; end < 2; end++) {
		const struct report_link *link = pair->words[end].link;
		if (link != NULL && look->facts[end == 0 ? pair->first : pair->second].speaks && link->rtt_us >= 0 &&
		    (least_us < 0 || link->rtt_us < least_us))
			least_us = link->rtt_us;
	}
	return least_us;
}

static bool is_slow(const struct known_link *link, int32_t rtt)
{
	return rtt - link->usual_us >= SLOWER_US && rtt / SLOWER >= link->usual_us;
}

static struct known_link *find_link(struct known_node *known, uint32_t tag)
{
	for (size_t i = 0; i < KNOWN_LINKS; i++)
		if (known->links[i].tag == tag)
			return &known->links[i];
	return NULL;
}

/*
 * A connection that is twice as fast is learnt anew: the first round trips of nodes that start together are those of
 * busy machines, and would pass for usual for half an hour.
 */
static void learn(struct known_link *link, int32_t rtt, int64_t now_us)
{
	enum { WEIGHT = 8 };
	if (rtt < link->usual_us / 2) {
		link->usual_us = rtt;
		link->since_us = link->learnt_us = now_us;
		return;
	}
	if (is_slow(link, rtt) || now_us - link->learnt_us < again_us)
		return;
	link->usual_us += (rtt - link->usual_us) / WEIGHT;
	link->learnt_us = now_us;
}

/* Takes up connections that are new in the places of those that are no more. */
static void meet_links(const struct look *look, struct known_node *known, size_t node, unsigned seen)
{
	size_t free_place = 0;
	for (size_t i = look->starts[node]; i < look->starts[node + 1]; i++) {
		size_t other = diagnosis_other(&look->view->pairs[look->incident[i]], node);
		uint32_t tag = tag_of(&look->view->nodes[other].nodeid);
		int32_t rtt = rtt_us(look, look->incident[i]);
		while (free_place < KNOWN_LINKS && (seen & 1U << free_place) != 0)
			free_place++;
		if (free_place == KNOWN_LINKS)
			return;
		if (rtt < 0 || find_link(known, tag) != NULL)
			continue;
		known->links[free_place] =
			(struct known_link){tag, .usual_us = rtt, .since_us = look->now_us, .learnt_us = look->now_us};
		seen |= 1U << free_place;
	}
}

static struct pace measure(struct look *look, struct known_node *known, size_t node)
{
	struct pace pace = {0};
	unsigned seen = 0;
	for (size_t i = look->starts[node]; i < look->starts[node + 1]; i++) {
		size_t other = diagnosis_other(&look->view->pairs[look->incident[i]], node);
		struct known_link *link = find_link(known, tag_of(&look->view->nodes[other].nodeid));
		int32_t rtt = link == NULL ? -1 : rtt_us(look, look->incident[i]);
		if (rtt < 0)
			continue;
		seen |= 1U << (link - known->links);
		learn(link, rtt, look->now_us);
		if (look->now_us - link->since_us < learn_us) {
			diagnosis_look_again(look, is_slow(link, rtt) ? link->since_us + learn_us : FOREVER_US);
			continue;
		}
		pace.known++;
		pace.slow += is_slow(link, rtt);
	}
	meet_links(look, known, node, seen);
	return pace;
}

static bool is_slow_everywhere(const struct pace *pace)
{
	return pace->known >= ENOUGH_LINKS && pace->slow == pace->known;
}

/* Most of its neighbours have only this one slow connection, or few: then it is this node, and not the network. */
static bool is_it_alone(const struct look *look, const struct pace *paces, size_t node)
{
	size_t fine = 0, others = 0;
	for (size_t i = look->starts[node]; i < look->starts[node + 1]; i++) {
		const struct pace *other = &paces[diagnosis_other(&look->view->pairs[look->incident[i]], node)];
		if (rtt_us(look, look->incident[i]) < 0 || other->known < 2)
			continue;
		others++;
		fine += other->slow <= 1 || 2 * other->slow <= other->known;
	}
	return others > 0 && 2 * fine > others;
}

static int compare_numbers(const void *one, const void *other)
{
	const int32_t *a = one, *b = other;
	return (*a > *b) - (*a < *b);
}

static void add_slow(struct look *look, size_t node, struct known_node *known)
{
	int32_t now[KNOWN_LINKS], before[KNOWN_LINKS];
	size_t count = 0;
	struct finding *finding = diagnosis_add(look, FINDING_SLOW);
	if (finding == NULL)
		return;
	diagnosis_add_subject(look, finding, node);
	diagnosis_identify_subjects(finding);
	for (size_t i = look->starts[node]; i < look->starts[node + 1] && count < KNOWN_LINKS; i++) {
		size_t other = diagnosis_other(&look->view->pairs[look->incident[i]], node);
		struct known_link *link = find_link(known, tag_of(&look->view->nodes[other].nodeid));
		int32_t rtt = link == NULL ? -1 : rtt_us(look, look->incident[i]);
		if (rtt < 0 || look->now_us - link->since_us < learn_us)
			continue;
		now[count] = rtt;
		before[count++] = link->usual_us;
	}
	qsort(now, count, sizeof *now, compare_numbers);
	qsort(before, count, sizeof *before, compare_numbers);
	finding->since_us = known->slow_us;
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	phrase_add_node(look, &text, node);
	phrase_add(&text, " answers everybody slowly (");
	phrase_add_rtt(&text, now[count / 2]);
	phrase_add(&text, ", before: ");
	phrase_add_rtt(&text, before[count / 2]);
	phrase_add(&text, "); other links are unchanged");
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "Check the load and the network of ");
	phrase_add_host(look, &advice, node);
}

void diagnosis_find_slow(struct look *look)
{
	const struct view *view = look->view;
	if (look->memory == NULL)
		return;
	struct known_node *known = look->memory->nodes;
	struct pace *paces = calloc(view->node_count + 1, sizeof *paces);
	if (paces == NULL) {
		look->findings->lacks_memory = true;
		return;
	}
	for (size_t n = 0; n < view->node_count; n++)
		if (look->facts[n].is_there)
			paces[n] = measure(look, &known[n], n);
	for (size_t n = 0; n < view->node_count; n++) {
		bool is_found = is_slow_everywhere(&paces[n]) && is_it_alone(look, paces, n);
		if (!is_found)
			known[n].slow_us = -1;
		else if (known[n].slow_us < 0)
			known[n].slow_us = look->now_us;
		if (is_found)
			add_slow(look, n, &known[n]);
	}
	free(paces);
}
