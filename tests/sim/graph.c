#include "graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { SOURCES = 64 }; /* the bits of a word: so many searches go on at once */

static bool is_node(const struct host *host)
{
	return host->state == HOST_UP && !host->is_attacker;
}

/* Of an edge both ends are READY, and lines get through. */
static bool is_edge(struct end *end)
{
	return end_is_ready(end) && end_is_ready(end_other(end)) && wire_is_whole(end->wire);
}

static int compare_degrees(const void *one, const void *other)
{
	size_t a = *(const size_t *)one, b = *(const size_t *)other;
	return (a > b) - (a < b);
}

static size_t *new_table(size_t count)
{
	size_t *table = calloc(count + 1, sizeof *table);
	must(table != NULL);
	return table;
}

static size_t root_of(size_t *parents, size_t node)
{
	while (parents[node] != node)
		node = parents[node] = parents[parents[node]];
	return node;
}

/* Joins what is connected; the parents of those that are no nodes mean nothing. */
static size_t *find_components(struct world *world)
{
	size_t *parents = new_table(world->host_count);
	for (size_t i = 0; i < world->host_count; i++)
		parents[i] = i;
	for (size_t i = 0; i < world->host_count; i++) {
		const struct host *host = &world->hosts[i];
		for (size_t j = 0; j < host->end_count; j++)
			if (host->ends[j] == &host->ends[j]->wire->ends[0] && is_edge(host->ends[j])) {
				size_t far = (size_t)(end_other(host->ends[j])->host - world->hosts);
				parents[root_of(parents, far)] = root_of(parents, i);
			}
	}
	return parents;
}

/* The degree of a node. One that is connected with all others that it can reach needs no more. */
static size_t count_ends(const struct host *host, struct graph *graph)
{
	size_t degree = 0, outbound = 0, outbound_attacker = 0;
	for (size_t i = 0; i < host->end_count; i++) {
		struct end *end = host->ends[i];
		bool is_outbound = end == &end->wire->ends[0], is_good = is_edge(end);
		bool is_attacker = end_is_ready(end) && end_other(end)->host->is_attacker;
		degree += is_good;
		outbound += is_outbound && (is_good || is_attacker);
		outbound_attacker += is_outbound && is_attacker;
	}
	graph->outbound += outbound;
	graph->outbound_attacker += outbound_attacker;
	graph->full +=
		outbound >= (size_t)host->settings->max_outbound || degree + 1 >= graph->side_nodes[host->is_far_side];
	graph->degree += (double)degree;
	return degree;
}

static void sum_up_degrees(struct graph *graph, size_t *degrees)
{
	if (graph->nodes == 0)
		return;
	qsort(degrees, graph->nodes, sizeof *degrees, compare_degrees);
	graph->degree /= (double)graph->nodes;
	graph->least_degree = degrees[0];
	graph->median_degree = degrees[graph->nodes / 2];
	graph->most_degree = degrees[graph->nodes - 1];
}

struct graph graph_look(struct world *world)
{
	struct graph graph = {0};
	size_t *parents = find_components(world);
	size_t *sizes = new_table(world->host_count), *degrees = new_table(world->host_count), counted = 0;
	for (size_t i = 0; i < world->host_count; i++) {
		const struct host *host = &world->hosts[i];
		if (!is_node(host))
			continue;
		graph.nodes++;
		graph.side_nodes[0] += !world->is_parted || !host->is_far_side;
		graph.side_nodes[1] += !world->is_parted || host->is_far_side;
	}
	for (size_t i = 0; i < world->host_count; i++) {
		const struct host *host = &world->hosts[i];
		if (!is_node(host))
			continue;
		degrees[counted++] = count_ends(host, &graph);
		size_t size = ++sizes[root_of(parents, i)];
		graph.components += size == 1;
		if (size > graph.largest)
			graph.largest = size;
	}
	sum_up_degrees(&graph, degrees);
	free(parents);
	free(degrees);
	free(sizes);
	return graph;
}

/* ---- the diameter ---- */

/* The edges of each node in one list: those of i are from starts[i] to before starts[i + 1]. */
struct lists {
	size_t *starts;
	uint32_t *edges;
};

static struct lists list_edges(struct world *world)
{
	struct lists lists = {.starts = new_table(world->host_count)};
	size_t count = 0;
	for (size_t i = 0; i < world->host_count; i++)
		count += world->hosts[i].end_count;
	lists.edges = calloc(count + 1, sizeof *lists.edges);
	must(lists.edges != NULL);
	count = 0;
	for (size_t i = 0; i < world->host_count; i++) {
		const struct host *host = &world->hosts[i];
		lists.starts[i] = count;
		for (size_t j = 0; j < host->end_count; j++)
			if (is_edge(host->ends[j]))
				lists.edges[count++] = (uint32_t)(end_other(host->ends[j])->host - world->hosts);
	}
	lists.starts[world->host_count] = count;
	return lists;
}

/* One step from everywhere; true if somebody was reached by a search that hadn't come there yet. */
static bool spread(const struct lists *lists, size_t nodes, const uint64_t *reached, uint64_t *next)
{
	bool is_further = false;
	for (size_t i = 0; i < nodes; i++) {
		uint64_t all = reached[i];
		for (size_t j = lists->starts[i]; j < lists->starts[i + 1]; j++)
			all |= reached[lists->edges[j]];
		next[i] = all;
		is_further |= all != reached[i];
	}
	return is_further;
}

/* The longest way from any of these. */
static size_t search(const struct lists *lists, size_t nodes, size_t first, uint64_t *reached, uint64_t *next)
{
	size_t steps = 0;
	memset(reached, 0, nodes * sizeof *reached);
	for (size_t i = first; i < nodes && i < first + SOURCES; i++)
		reached[i] = (uint64_t)1 << (i - first);
	while (spread(lists, nodes, reached, next)) {
		uint64_t *before = reached;
		reached = next;
		next = before;
		steps++;
	}
	return steps;
}

size_t graph_diameter(struct world *world)
{
	struct lists lists = list_edges(world);
	uint64_t *reached = calloc(world->host_count * 2 + 1, sizeof *reached);
	size_t longest = 0;
	must(reached != NULL);
	for (size_t first = 0; first < world->host_count; first += SOURCES) {
		size_t steps = search(&lists, world->host_count, first, reached, reached + world->host_count);
		if (steps > longest)
			longest = steps;
	}
	free(lists.starts);
	free(lists.edges);
	free(reached);
	return longest;
}
