#include "kith/mesh_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "kith/value.h"

enum { NODEID_DIGITS = 8 };

void mesh_init(struct mesh *mesh, double now_s)
{
	*mesh = (struct mesh){.self = SIZE_MAX, .now_s = now_s};
}

void mesh_fini(struct mesh *mesh)
{
	for (size_t i = 0; i < mesh->node_count; i++) {
		struct mesh_node *node = &mesh->nodes[i];
		free(node->nodeid);
		free(node->name);
		free(node->address);
		free(node->agent);
		free(node->reason);
	}
	for (size_t i = 0; i < mesh->pair_count; i++) {
		free(mesh->pairs[i].one_says);
		free(mesh->pairs[i].other_says);
	}
	for (size_t i = 0; i < mesh->problem_count; i++) {
		free(mesh->problems[i].text);
		free(mesh->problems[i].advice);
	}
	free(mesh->nodes);
	free(mesh->pairs);
	free(mesh->problems);
	free(mesh->by_nodeid);
	free(mesh->network);
	*mesh = (struct mesh){0};
}

/* ---- rows ---- */

/* The list with room for one more; NULL if there is no memory, and then it stays as it is. */
static void *with_room(struct mesh *mesh, void *list, size_t count, size_t *room, size_t bytes)
{
	if (count < *room)
		return list;
	size_t more = *room == 0 ? 64 : 2 * *room;
	void *grown = reallocarray(list, more, bytes);
	if (grown == NULL)
		mesh->lacks_memory = true;
	else
		*room = more;
	return grown;
}

static char *copy_text(struct mesh *mesh, struct json_object *row, const char *key)
{
	const char *text = value_text(row, key);
	char *copy = text == NULL || text[0] == '\0' ? NULL : strdup(text);
	mesh->lacks_memory = mesh->lacks_memory || (copy == NULL && text != NULL && text[0] != '\0');
	return copy;
}

static double number(struct json_object *row, const char *key)
{
	double value;
	return value_number(row, key, &value) ? value : -1;
}

static enum mesh_state find_state(const char *word)
{
	static const char *const words[MESH_STATES] = {[MESH_ALIVE] = "alive",
						       [MESH_LATE] = "late",
						       [MESH_GONE] = "gone",
						       [MESH_OUT_OF_REACH] = "out_of_reach"};
	for (enum mesh_state state = 0; state < MESH_STATES; state++)
		if (word != NULL && strcmp(words[state], word) == 0)
			return state;
	/* Of a newer node: out of reach at least of what this program knows. */
	return MESH_OUT_OF_REACH;
}

static enum mesh_link find_link(const char *word)
{
	static const char *const words[MESH_LINKS] = {[LINK_UP] = "up",
						      [LINK_LATE] = "late",
						      [LINK_FADING] = "fading",
						      [LINK_ONE_WAY] = "one_way",
						      [LINK_DOWN] = "down"};
	for (enum mesh_link link = 0; link < MESH_LINKS; link++)
		if (word != NULL && words[link] != NULL && strcmp(words[link], word) == 0)
			return link;
	return LINK_NONE;
}

static void take_node(struct mesh *mesh, struct json_object *row)
{
	const char *nodeid = value_text(row, "nodeid");
	if (nodeid == NULL || mesh->by_nodeid != NULL)
		return;
	struct mesh_node *nodes = with_room(mesh, mesh->nodes, mesh->node_count, &mesh->node_room, sizeof *nodes);
	if (nodes == NULL)
		return;
	mesh->nodes = nodes;
	nodes[mesh->node_count++] = (struct mesh_node){.nodeid = copy_text(mesh, row, "nodeid"),
						       .name = copy_text(mesh, row, "name"),
						       .address = copy_text(mesh, row, "address"),
						       .agent = copy_text(mesh, row, "agent"),
						       .reason = copy_text(mesh, row, "reason"),
						       .state = find_state(value_text(row, "state")),
						       .is_self = value_is_true(row, "is_self"),
						       .has_report = value_is_true(row, "has_report"),
						       .state_s = number(row, "state_s"),
						       .report_s = number(row, "report_s"),
						       .rtt_ms = number(row, "rtt_ms"),
						       .hops = number(row, "hops"),
						       .links = number(row, "links")};
}

/* ---- the order of nodes ---- */

static int compare_texts(const char *one, const char *other)
{
	/* What has none comes last. */
	if (one == NULL || other == NULL)
		return (one == NULL) - (other == NULL);
	return strverscmp(one, other);
}

static int compare_nodes(const void *one, const void *other)
{
	const struct mesh_node *first = one, *second = other;
	int names = compare_texts(first->name, second->name);
	return names != 0 ? names : strcmp(first->nodeid, second->nodeid);
}

static int compare_nodeids(const void *one, const void *other, void *nodes)
{
	const struct mesh_node *first = (const struct mesh_node *)nodes + *(const uint32_t *)one,
			       *second = (const struct mesh_node *)nodes + *(const uint32_t *)other;
	return strcmp(first->nodeid, second->nodeid);
}

static bool has_same_name(const struct mesh *mesh, size_t one, size_t other)
{
	return other < mesh->node_count && mesh->nodes[one].name != NULL && mesh->nodes[other].name != NULL &&
	       strcmp(mesh->nodes[one].name, mesh->nodes[other].name) == 0;
}

static void set_label(struct mesh *mesh, size_t place)
{
	struct mesh_node *node = &mesh->nodes[place];
	enum { DIGIT_BYTES = 4, DIGITS_BYTES = NODEID_DIGITS * DIGIT_BYTES + 1, SUFFIX_BYTES = DIGITS_BYTES + 3 };
	char digits[DIGITS_BYTES];
	text_escape(digits, sizeof digits, node->nodeid, strnlen(node->nodeid, NODEID_DIGITS), TEXT_LINE);
	if (node->name == NULL) {
		strcpy(node->label, digits);
		return;
	}
	/* Those of one name are neighbours. */
	bool is_double = has_same_name(mesh, place, place + 1) || (place > 0 && has_same_name(mesh, place, place - 1));
	size_t room = sizeof node->label - (is_double ? SUFFIX_BYTES : 0);
	size_t length = text_escape(node->label, room, node->name, strlen(node->name), TEXT_LINE);
	if (is_double)
		snprintf(node->label + length, sizeof node->label - length, " (%s)", digits);
}

/* No more nodes come: orders them. */
static bool seal(struct mesh *mesh)
{
	if (mesh->by_nodeid != NULL)
		return true;
	for (size_t i = 0; i < mesh->node_count; i++)
		if (mesh->nodes[i].nodeid == NULL)
			return false;
	mesh->by_nodeid = calloc(mesh->node_count + 1, sizeof *mesh->by_nodeid);
	if (mesh->by_nodeid == NULL)
		return false;
	if (mesh->node_count > 0)
		qsort(mesh->nodes, mesh->node_count, sizeof *mesh->nodes, compare_nodes);
	for (size_t i = 0; i < mesh->node_count; i++) {
		mesh->by_nodeid[i] = (uint32_t)i;
		if (mesh->nodes[i].is_self)
			mesh->self = i;
		set_label(mesh, i);
	}
	qsort_r(mesh->by_nodeid, mesh->node_count, sizeof *mesh->by_nodeid, compare_nodeids, mesh->nodes);
	return true;
}

static bool find_node(const struct mesh *mesh, const char *nodeid, uint32_t *place)
{
	size_t from = 0, to = nodeid == NULL ? 0 : mesh->node_count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int result = strcmp(mesh->nodes[mesh->by_nodeid[middle]].nodeid, nodeid);
		if (result == 0) {
			*place = mesh->by_nodeid[middle];
			return true;
		}
		if (result < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

/* ---- pairs ---- */

/* Of what is heard of it, what it means for the picture. */
static enum mesh_link judge(const struct mesh *mesh, const struct mesh_pair *pair, enum mesh_link link)
{
	enum mesh_state one = mesh->nodes[pair->one].state, other = mesh->nodes[pair->other].state;
	bool is_up = link == LINK_UP || link == LINK_LATE;
	if (one == MESH_GONE || other == MESH_GONE)
		return LINK_GONE;
	if (one == MESH_OUT_OF_REACH && other == MESH_OUT_OF_REACH)
		return LINK_OLD;
	return is_up && (one == MESH_OUT_OF_REACH || other == MESH_OUT_OF_REACH) ? LINK_OLD : link;
}

static void swap_ends(struct mesh_pair *pair)
{
	uint32_t place = pair->one;
	char *says = pair->one_says;
	pair->one = pair->other;
	pair->other = place;
	pair->one_says = pair->other_says;
	pair->other_says = says;
}

static void take_link(struct mesh *mesh, struct json_object *row)
{
	uint32_t one, other;
	enum mesh_link link = find_link(value_text(row, "state"));
	if (!seal(mesh)) {
		mesh->lacks_memory = true;
		return;
	}
	/* One end may have come after the nodes were listed. */
	if (link == LINK_NONE || !find_node(mesh, value_text(row, "one"), &one) ||
	    !find_node(mesh, value_text(row, "other"), &other) || one == other)
		return;
	struct mesh_pair *pairs = with_room(mesh, mesh->pairs, mesh->pair_count, &mesh->pair_room, sizeof *pairs);
	if (pairs == NULL)
		return;
	mesh->pairs = pairs;
	struct mesh_pair *pair = &pairs[mesh->pair_count++];
	*pair = (struct mesh_pair){.one = one,
				   .other = other,
				   .rtt_ms = number(row, "rtt_ms"),
				   .down_s = number(row, "down_s"),
				   .one_says = copy_text(mesh, row, "one_says"),
				   .other_says = copy_text(mesh, row, "other_says")};
	if (one > other)
		swap_ends(pair);
	pair->link = judge(mesh, pair, link);
	/* Who can't dial says why; where both say something, who dialled could. */
	bool is_by_one = value_text(row, "dialled_by") != NULL && strcmp(value_text(row, "dialled_by"), "one") == 0;
	bool says_one = pair->one_says != NULL, says_other = pair->other_says != NULL;
	pair->is_one_able = says_one != says_other ? says_other : is_by_one == (one < other);
}

static int compare_pairs(const void *one, const void *other)
{
	const struct mesh_pair *first = one, *second = other;
	int ones = (first->one > second->one) - (first->one < second->one);
	return ones != 0 ? ones : (first->other > second->other) - (first->other < second->other);
}

static void count_pairs(struct mesh *mesh)
{
	for (size_t i = 0; i < mesh->pair_count; i++) {
		const struct mesh_pair *pair = &mesh->pairs[i];
		struct mesh_node *one = &mesh->nodes[pair->one], *other = &mesh->nodes[pair->other];
		bool is_late = pair->link == LINK_LATE, is_one_late = one->state == MESH_LATE;
		/* Of a node that is late to everybody, nobody else is to blame. */
		if (!is_late || is_one_late || other->state != MESH_LATE)
			one->counts[pair->link]++;
		if (!is_late || !is_one_late || other->state == MESH_LATE)
			other->counts[pair->link]++;
	}
}

/* ---- problems ---- */

static void take_problem(struct mesh *mesh, struct json_object *row)
{
	struct mesh_problem *problems =
		with_room(mesh, mesh->problems, mesh->problem_count, &mesh->problem_room, sizeof *problems);
	if (problems == NULL)
		return;
	mesh->problems = problems;
	problems[mesh->problem_count++] = (struct mesh_problem){.text = copy_text(mesh, row, "text"),
								.advice = copy_text(mesh, row, "advice"),
								.is_notice = value_is_true(row, "is_notice"),
								.since_s = number(row, "since_s")};
}

/* Keeps their order. */
static void put_notices_last(struct mesh *mesh)
{
	for (size_t i = 1; i < mesh->problem_count; i++) {
		struct mesh_problem problem = mesh->problems[i];
		size_t at = i;
		while (at > 0 && !problem.is_notice && mesh->problems[at - 1].is_notice) {
			mesh->problems[at] = mesh->problems[at - 1];
			at--;
		}
		mesh->problems[at] = problem;
	}
}

/* ---- all ---- */

void mesh_take(struct mesh *mesh, struct json_object *row)
{
	const char *msgtype = value_text(row, "msgtype");
	if (msgtype == NULL)
		return;
	if (strcmp(msgtype, "node") == 0) {
		take_node(mesh, row);
	} else if (strcmp(msgtype, "link") == 0) {
		take_link(mesh, row);
	} else if (strcmp(msgtype, "problem") == 0) {
		take_problem(mesh, row);
	} else if (strcmp(msgtype, "info") == 0 && mesh->network == NULL) {
		mesh->network = copy_text(mesh, row, "network");
	}
}

bool mesh_finish(struct mesh *mesh)
{
	if (mesh->lacks_memory || !seal(mesh))
		return false;
	if (mesh->pair_count > 0)
		qsort(mesh->pairs, mesh->pair_count, sizeof *mesh->pairs, compare_pairs);
	count_pairs(mesh);
	put_notices_last(mesh);
	return true;
}

const struct mesh_pair *mesh_find_pair(const struct mesh *mesh, size_t one, size_t other)
{
	struct mesh_pair wanted = {.one = (uint32_t)(one < other ? one : other),
				   .other = (uint32_t)(one < other ? other : one)};
	if (mesh->pair_count == 0)
		return NULL;
	return bsearch(&wanted, mesh->pairs, mesh->pair_count, sizeof *mesh->pairs, compare_pairs);
}

enum mesh_link mesh_link_of(const struct mesh *mesh, size_t one, size_t other)
{
	const struct mesh_pair *pair = mesh_find_pair(mesh, one, other);
	if (mesh->nodes[one].state == MESH_GONE || mesh->nodes[other].state == MESH_GONE)
		return LINK_GONE;
	if (pair != NULL)
		return pair->link;
	return mesh->nodes[one].has_report || mesh->nodes[other].has_report ? LINK_NONE : LINK_UNKNOWN;
}

size_t mesh_count_nodes(const struct mesh *mesh, enum mesh_state state)
{
	size_t count = 0;
	for (size_t i = 0; i < mesh->node_count; i++)
		count += mesh->nodes[i].state == state;
	return count;
}

size_t mesh_count_pairs(const struct mesh *mesh, enum mesh_link link)
{
	size_t count = 0;
	for (size_t i = 0; i < mesh->pair_count; i++)
		count += mesh->pairs[i].link == link;
	return count;
}

/* ---- the worst ---- */

static size_t count_broken(const struct mesh_node *node)
{
	return node->counts[LINK_DOWN] + node->counts[LINK_ONE_WAY] + node->counts[LINK_FADING];
}

bool mesh_is_troubled(const struct mesh_node *node)
{
	return node->state != MESH_ALIVE || count_broken(node) > 0 || node->counts[LINK_LATE] > 0;
}

/* Of equal ones, the one that comes first in the order of nodes. */
static int compare_trouble(const void *one, const void *other, void *nodes)
{
	size_t first_place = *(const size_t *)one, second_place = *(const size_t *)other;
	const struct mesh_node *first = (const struct mesh_node *)nodes + first_place,
			       *second = (const struct mesh_node *)nodes + second_place;
	size_t troubles[][2] = {
		{count_broken(first), count_broken(second)},
		{first->state != MESH_ALIVE, second->state != MESH_ALIVE},
		{first->counts[LINK_LATE], second->counts[LINK_LATE]},
		{second_place, first_place},
	};
	for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
		if (troubles[i][0] != troubles[i][1])
			return troubles[i][0] < troubles[i][1] ? 1 : -1;
	return 0;
}

static int compare_places(const void *one, const void *other)
{
	size_t first = *(const size_t *)one, second = *(const size_t *)other;
	return (first > second) - (first < second);
}

size_t *mesh_choose(const struct mesh *mesh, size_t most, bool worst_first, size_t *count)
{
	size_t *places = calloc(mesh->node_count + 1, sizeof *places);
	if (places == NULL)
		return NULL;
	for (size_t i = 0; i < mesh->node_count; i++)
		places[i] = i;
	qsort_r(places, mesh->node_count, sizeof *places, compare_trouble, mesh->nodes);
	*count = most < mesh->node_count ? most : mesh->node_count;
	if (!worst_first)
		qsort(places, *count, sizeof *places, compare_places);
	return places;
}
