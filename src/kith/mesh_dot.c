#include "kith/mesh_dot.h"

#include <math.h>
#include <string.h>

#include "kith/mesh_words.h"

/* Edges have their round trips beside them in a graph of so few nodes. */
enum { LABELLED_MOST = 10 };

static void add_quoted(struct writing *out, const char *text)
{
	writing_print(out, "\"");
	writing_graphviz(out, text);
	writing_print(out, "\"");
}

static void add_words(struct writing *out, struct writing *words)
{
	writing_print(out, " tooltip=");
	add_quoted(out, writing_content(words));
	out->lacks_memory = out->lacks_memory || words->lacks_memory;
	writing_fini(words);
}

/* Positions are in inches; with a "!" neato takes them as they are. */
static void add_node(struct writing *out, const struct mesh *mesh, size_t place)
{
	static const char *const styles[MESH_STATES] = {
		[MESH_ALIVE] = "",
		[MESH_LATE] = " color=orange peripheries=2",
		[MESH_GONE] = " color=red fontcolor=red style=dashed",
		[MESH_OUT_OF_REACH] = " color=grey fontcolor=grey style=dotted",
	};
	static const double arc = 1.3, least_radius = 1.6;
	const struct mesh_node *node = &mesh->nodes[place];
	struct writing words = {0};
	double angle = 2 * M_PI * (double)place / (double)mesh->node_count;
	double radius = fmax(least_radius, (double)mesh->node_count * arc / (2 * M_PI));
	writing_print(out, "\t");
	add_quoted(out, node->nodeid);
	writing_print(out, " [label=");
	add_quoted(out, node->label);
	writing_print(out, " pos=\"%.3f,%.3f!\"%s%s", radius * sin(angle), radius * cos(angle), styles[node->state],
		      node->is_self ? " penwidth=2" : "");
	mesh_words_node(&words, node);
	add_words(out, &words);
	writing_print(out, "];\n");
}

static const char *edge_style(const struct mesh_pair *pair)
{
	static const char *const styles[MESH_LINKS] = {
		[LINK_UP] = "color=darkgreen",
		[LINK_OLD] = "color=grey style=dotted",
		[LINK_LATE] = "color=orange style=dashed",
		[LINK_FADING] = "color=orange style=dotted penwidth=2",
		[LINK_ONE_WAY] = "color=orange dir=forward penwidth=2",
		[LINK_DOWN] = "color=red dir=both arrowhead=tee arrowtail=tee style=dashed penwidth=2",
	};
	return pair->link == LINK_ONE_WAY && !pair->is_one_able ? "color=orange dir=back penwidth=2"
								: styles[pair->link];
}

static void add_edge(struct writing *out, const struct mesh *mesh, const struct mesh_pair *pair)
{
	char rtt[WORDS_BYTES];
	struct writing words = {0};
	if (pair->link == LINK_GONE || pair->link == LINK_NONE)
		return;
	writing_print(out, "\t");
	add_quoted(out, mesh->nodes[pair->one].nodeid);
	writing_print(out, " -- ");
	add_quoted(out, mesh->nodes[pair->other].nodeid);
	writing_print(out, " [%s", edge_style(pair));
	if (mesh->node_count <= LABELLED_MOST && pair->rtt_ms >= 0) {
		words_rtt(pair->rtt_ms, rtt);
		writing_print(out, " label=\"%s\"", rtt);
	}
	mesh_words_pair(&words, mesh, pair->one, pair->other);
	add_words(out, &words);
	writing_print(out, "];\n");
}

void mesh_dot_write(struct writing *out, const struct mesh *mesh)
{
	writing_print(out, "graph kith {\n\tlayout=neato;\n\tnode [fontname=\"sans-serif\"];\n"
			   "\tedge [fontname=\"sans-serif\" fontsize=10];\n");
	for (size_t i = 0; i < mesh->node_count; i++)
		add_node(out, mesh, i);
	for (size_t i = 0; i < mesh->pair_count; i++)
		add_edge(out, mesh, &mesh->pairs[i]);
	writing_print(out, "}\n");
}
