#include <stdlib.h>
#include <string.h>

#include "mesh/diagnosis_priv.h"

/* In a smaller network a single connection is nothing special. */
enum { ENOUGH_NODES = 5 };

/* A node that was started a shorter time ago may still be dialling others. */
static const int64_t young_us = 60 * DIAGNOSIS_SECOND_US;

/*
 * A depth-first search (Tarjan, 1972) over the nodes that are there, without recursion. A branch of a node is cut off
 * without it if nothing in the branch leads past the node. Of nodes without a report not all connections are known, so
 * what has one in it may not be cut off.
 */
struct search {
	struct look *look;
	size_t count;
	size_t *order, *low; /* when each was met, from 1 on; the earliest that its branch leads to */
	size_t *parent, *at; /* who led to it, and which of its pairs is next */
	size_t *size;	     /* of its branch */
	size_t *met;	     /* all in the order in which they were met: a branch is `size` of them from its root on */
};

static bool is_in(const struct look *look, size_t node)
{
	enum node_state state = look->view->nodes[node].state;
	return state == NODE_ALIVE || state == NODE_LATE;
}

/* It says nothing of its connections, or nothing that is about now. */
static bool is_silent(const struct look *look, size_t node)
{
	return look->view->nodes[node].report == NULL || look->facts[node].doubted > 1;
}

static void free_search(struct search *search)
{
	free(search->order);
	free(search->low);
	free(search->parent);
	free(search->at);
	free(search->size);
	free(search->met);
}

static bool new_search(struct look *look, struct search *search)
{
	size_t nodes = look->view->node_count;
	*search = (struct search){.look = look};
	size_t **const arrays[] = {&search->order, &search->low,  &search->parent,
				   &search->at,	   &search->size, &search->met};
	for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
		if ((*arrays[i] = calloc(nodes + 1, sizeof **arrays[i])) == NULL)
			return false;
	return true;
}

static void meet(struct search *search, size_t node, size_t parent)
{
	search->met[search->count++] = node;
	search->order[node] = search->low[node] = search->count;
	search->parent[node] = parent;
	search->size[node] = 1;
}

/* The next that the node leads to; SIZE_MAX at the end. */
static size_t next_of(struct search *search, size_t node)
{
	const struct look *look = search->look;
	while (look->starts[node] + search->at[node] < look->starts[node + 1]) {
		size_t place = look->incident[look->starts[node] + search->at[node]++];
		size_t other = diagnosis_other(&look->view->pairs[place], node);
		if (look->view->pairs[place].is_up && is_in(look, other))
			return other;
	}
	return SIZE_MAX;
}

static void run(struct search *search, size_t root)
{
	size_t node = root;
	meet(search, root, SIZE_MAX);
	while (node != SIZE_MAX) {
		size_t next = next_of(search, node), parent = search->parent[node];
		if (next == SIZE_MAX) {
			if (parent != SIZE_MAX) {
				search->size[parent] += search->size[node];
				if (search->low[node] < search->low[parent])
					search->low[parent] = search->low[node];
			}
			node = parent;
		} else if (search->order[next] == 0) {
			meet(search, next, node);
			node = next;
		} else if (next != parent && search->order[next] < search->low[node]) {
			search->low[node] = search->order[next];
		}
	}
}

/* ---- what it means ---- */

/* The nodes that are cut off, if something breaks. */
struct loss {
	size_t *nodes, count;
	size_t parts;	 /* in so many pieces */
	bool by_bridge;	 /* the last piece hangs on one connection */
	bool is_unknown; /* some have no report: they may have other connections */
	bool is_young;	 /* all were started a short time ago */
};

static struct loss new_loss(const struct look *look)
{
	return (struct loss){.nodes = look->scratch, .is_young = true};
}

/* Those that were met from the place `from` up to `to`. */
static void lose(const struct search *search, struct loss *loss, size_t from, size_t to)
{
	const struct look *look = search->look;
	for (size_t i = from; i < to; i++) {
		size_t node = search->met[i];
		if (is_silent(look, node)) {
			loss->is_unknown = true;
			continue;
		}
		if (look->now_us - look->view->nodes[node].report->started_us >= young_us)
			loss->is_young = false;
		loss->nodes[loss->count++] = node;
	}
}

static size_t place_of(const struct search *search, size_t node)
{
	return search->order[node] - 1;
}

static void lose_branch(const struct search *search, struct loss *loss, size_t child)
{
	lose(search, loss, place_of(search, child), place_of(search, child) + search->size[child]);
}

static void lose_all_but_branch(const struct search *search, struct loss *loss, size_t child)
{
	lose(search, loss, 0, place_of(search, child));
	lose(search, loss, place_of(search, child) + search->size[child], search->count);
}

/* Nothing in the branch of the child leads past the node. */
static bool hangs_on(const struct search *search, size_t child, size_t node)
{
	return search->low[child] >= search->order[node];
}

static bool is_bridge(const struct search *search, size_t child)
{
	size_t parent = search->parent[child];
	return parent != SIZE_MAX && search->low[child] > search->order[parent];
}

/* The node's children begin where the one before ends. */
static size_t first_child(const struct search *search, size_t node)
{
	return place_of(search, node) + 1;
}

static size_t end_of(const struct search *search, size_t node)
{
	return place_of(search, node) + search->size[node];
}

/* The largest piece of what is left without the node: a child, or SIZE_MAX for what is not below it. */
static size_t find_main_piece(const struct search *search, size_t node)
{
	size_t main = SIZE_MAX, most = search->parent[node] == SIZE_MAX ? 0 : search->count - search->size[node];
	for (size_t i = first_child(search, node); i < end_of(search, node); i += search->size[search->met[i]])
		if (!hangs_on(search, search->met[i], node))
			most += search->size[search->met[i]];
	for (size_t i = first_child(search, node); i < end_of(search, node); i += search->size[search->met[i]]) {
		size_t child = search->met[i];
		if (hangs_on(search, child, node) && search->size[child] > most) {
			most = search->size[child];
			main = child;
		}
	}
	return main;
}

static struct loss lose_node(const struct search *search, size_t node)
{
	struct loss loss = new_loss(search->look);
	size_t main = find_main_piece(search, node);
	bool is_root = search->parent[node] == SIZE_MAX;
	for (size_t i = first_child(search, node); i < end_of(search, node); i += search->size[search->met[i]]) {
		size_t child = search->met[i];
		if (child == main)
			continue;
		if (hangs_on(search, child, node)) {
			loss.parts++;
			loss.by_bridge = is_bridge(search, child);
			lose_branch(search, &loss, child);
		} else if (main != SIZE_MAX) {
			/* A part of the piece that is not below the node. */
			lose_branch(search, &loss, child);
		}
	}
	if (main != SIZE_MAX && !is_root) {
		loss.parts++;
		loss.by_bridge = is_bridge(search, node);
		lose_all_but_branch(search, &loss, node);
	}
	return loss;
}

/* ---- findings ---- */

static int compare_places(const void *one, const void *other)
{
	const size_t *a = one, *b = other;
	return (*a > *b) - (*a < *b);
}

static struct finding *add_notice(struct look *look)
{
	struct finding *finding = diagnosis_add(look, FINDING_SINGLE);
	if (finding != NULL)
		finding->is_notice = true;
	return finding;
}

static bool is_worth_telling(const struct loss *loss)
{
	return loss->count > 0 && !loss->is_unknown && !loss->is_young;
}

static void say_loss(const struct look *look, struct phrase *text, const struct loss *loss)
{
	phrase_add_nodes(look, text, loss->nodes, loss->count, loss->count, 4);
}

/* What makes it the same again: the node or connection that would break. */
static void identify(struct look *look, struct finding *finding, char which, size_t one, size_t other)
{
	unsigned char bytes[2 * NODEID_BYTES + 1] = {(unsigned char)which};
	memcpy(bytes + 1, look->view->nodes[one].nodeid.bytes, NODEID_BYTES);
	if (other != SIZE_MAX)
		memcpy(bytes + 1 + NODEID_BYTES, look->view->nodes[other].nodeid.bytes, NODEID_BYTES);
	diagnosis_identify(finding, bytes, sizeof bytes);
}

/* without beta, delta and epsilon are cut off */
static void add_cut_node(struct look *look, size_t node, const struct loss *loss)
{
	struct finding *finding = add_notice(look);
	if (finding == NULL)
		return;
	qsort(loss->nodes, loss->count, sizeof *loss->nodes, compare_places);
	diagnosis_add_subject(look, finding, node);
	for (size_t i = 0; i < loss->count; i++)
		diagnosis_add_subject(look, finding, loss->nodes[i]);
	identify(look, finding, 'n', node, SIZE_MAX);
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	phrase_add(&text, "without ");
	phrase_add_node(look, &text, node);
	phrase_add(&text, ", ");
	say_loss(look, &text, loss);
	phrase_add(&text, " %s cut off", loss->count == 1 ? "is" : "are");
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "Give them a connection to another node: check max_outbound, max_inbound and firewalls");
}

/* epsilon has one link, to beta */
static void add_leaf(struct look *look, size_t leaf, size_t neighbour)
{
	struct finding *finding = add_notice(look);
	if (finding == NULL)
		return;
	diagnosis_add_subject(look, finding, leaf);
	diagnosis_add_subject(look, finding, neighbour);
	identify(look, finding, 'l', leaf, neighbour);
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	phrase_add_node(look, &text, leaf);
	phrase_add(&text, " has one link, to ");
	phrase_add_node(look, &text, neighbour);
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "Check why ");
	phrase_add_node(look, &advice, leaf);
	phrase_add(&advice, " is connected with no other: kith why, max_outbound and firewalls there");
}

/* delta, epsilon and zeta hang on one link, between beta and delta */
static void add_bridge(struct look *look, size_t one, size_t other, const struct loss *loss)
{
	struct finding *finding = add_notice(look);
	if (finding == NULL)
		return;
	qsort(loss->nodes, loss->count, sizeof *loss->nodes, compare_places);
	diagnosis_add_subject(look, finding, one);
	diagnosis_add_subject(look, finding, other);
	identify(look, finding, 'b', one < other ? one : other, one < other ? other : one);
	struct phrase text = phrase_of(finding->text, sizeof finding->text);
	say_loss(look, &text, loss);
	phrase_add(&text, " hang on one link, between ");
	phrase_add_nodes(look, &text, (size_t[]){one, other}, 2, 2, 2);
	struct phrase advice = phrase_of(finding->advice, sizeof finding->advice);
	phrase_add(&advice, "Connect the two sides a second time: check max_outbound, max_inbound and firewalls");
}

/* The lesser side hangs on it. */
static void find_bridge(struct search *search, size_t child, const bool *is_told)
{
	struct look *look = search->look;
	size_t parent = search->parent[child];
	struct loss loss = new_loss(look);
	bool is_branch = 2 * search->size[child] <= search->count;
	if (is_branch)
		lose_branch(search, &loss, child);
	else
		lose_all_but_branch(search, &loss, child);
	if (!is_worth_telling(&loss))
		return;
	size_t near = is_branch ? child : parent, far = is_branch ? parent : child;
	if (loss.count > 1)
		add_bridge(look, far, near, &loss);
	else if (!is_told[far])
		add_leaf(look, near, far);
}

static void tell(struct search *search, bool *is_told)
{
	for (size_t i = 0; i < search->count; i++) {
		size_t node = search->met[i];
		struct loss loss = lose_node(search, node);
		if (!is_worth_telling(&loss) || (loss.parts == 1 && loss.by_bridge))
			continue;
		add_cut_node(search->look, node, &loss);
		is_told[node] = true;
	}
	for (size_t i = 1; i < search->count; i++)
		if (is_bridge(search, search->met[i]))
			find_bridge(search, search->met[i], is_told);
}

void diagnosis_find_single(struct look *look)
{
	struct search search;
	size_t nodes = look->view->node_count, there = 0;
	for (size_t n = 0; n < nodes; n++) {
		there += is_in(look, n);
		if (is_in(look, n) && look->view->nodes[n].report != NULL)
			diagnosis_look_again(look, look->view->nodes[n].report->started_us + young_us);
	}
	if (there < ENOUGH_NODES)
		return;
	bool *is_told = calloc(nodes + 1, sizeof *is_told);
	bool has_memory = new_search(look, &search) && is_told != NULL;
	if (has_memory) {
		run(&search, look->view->self);
		tell(&search, is_told);
	} else {
		look->findings->lacks_memory = true;
	}
	free_search(&search);
	free(is_told);
}
