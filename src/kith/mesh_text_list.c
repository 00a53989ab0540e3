#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith/cells.h"
#include "kith/mesh_text_priv.h"
#include "kith/mesh_words.h"

enum { NAMES_MOST = 4, LABEL_MOST = 24, LINKS_CELLS = 7, GAP = 2 };

/* "; late: beta, gamma and 3 more", or nothing; is_first leaves the semicolon off. */
static void add_links(struct writing *out, const struct mesh *mesh, size_t place, enum mesh_link link, bool is_first)
{
	size_t count = mesh->nodes[place].counts[link], named = 0;
	if (count == 0)
		return;
	writing_print(out, "%s%s:", is_first ? "" : "; ", mesh_link_words(link));
	for (size_t other = 0; other < mesh->node_count && named < NAMES_MOST; other++) {
		const struct mesh_pair *pair = other == place ? NULL : mesh_find_pair(mesh, place, other);
		if (pair == NULL || pair->link != link)
			continue;
		writing_print(out, "%s %s", named == 0 ? "" : ",", mesh->nodes[other].label);
		named++;
	}
	if (count > named)
		writing_print(out, " and %zu more", count - named);
}

static void add_trouble(struct writing *out, const struct mesh *mesh, size_t place)
{
	char how_long[WORDS_BYTES];
	const struct mesh_node *node = &mesh->nodes[place];
	bool is_first = true;
	if (node->state != MESH_ALIVE) {
		words_duration(node->state_s, how_long);
		writing_print(out, node->state_s < 0 ? "%s" : "%s for %s", mesh_state_word(node->state), how_long);
		if (node->reason != NULL)
			writing_print(out, ": %s", node->reason);
		is_first = false;
	}
	for (enum mesh_link link = MESH_LINKS - 1; link >= LINK_LATE; link--) {
		add_links(out, mesh, place, link, is_first);
		is_first = is_first && node->counts[link] == 0;
	}
}

static void add_row(struct writing *out, const struct mesh *mesh, size_t place, size_t label_cells, size_t columns)
{
	char label[MESH_SHORT_BYTES], links[WORDS_BYTES];
	struct writing trouble = {0};
	size_t before = label_cells + LINKS_CELLS + GAP;
	mesh_text_label(&mesh->nodes[place], label_cells, label);
	mesh_text_put(out, label, label_cells, false);
	snprintf(links, sizeof links, "%.0f", mesh->nodes[place].links);
	mesh_text_put(out, mesh->nodes[place].links < 0 ? "" : links, LINKS_CELLS, true);
	writing_print(out, "%*s", GAP, "");
	add_trouble(&trouble, mesh, place);
	mesh_text_wrap(out, writing_content(&trouble), columns > before ? columns - before : 0, before);
	out->lacks_memory = out->lacks_memory || trouble.lacks_memory;
	writing_fini(&trouble);
}

static size_t widest_label(const struct mesh *mesh, const size_t *places, size_t count)
{
	size_t widest = sizeof "NODE" - 1;
	for (size_t i = 0; i < count; i++) {
		size_t width = cells_width(mesh->nodes[places[i]].label);
		widest = width > widest ? width : widest;
	}
	return widest < LABEL_MOST ? widest : LABEL_MOST;
}

void mesh_text_list(struct writing *out, const struct mesh *mesh, const struct mesh_text_style *style)
{
	size_t count = 0, troubled = 0;
	size_t *places = mesh_choose(mesh, MESH_TEXT_MOST, true, &count);
	for (size_t i = 0; i < mesh->node_count; i++)
		troubled += mesh_is_troubled(&mesh->nodes[i]);
	count = count < troubled ? count : troubled;
	if (places == NULL) {
		out->lacks_memory = true;
		return;
	}
	size_t label_cells = widest_label(mesh, places, count);
	if (count > 0) {
		writing_print(out, "\n");
		mesh_text_put(out, "NODE", label_cells, false);
		writing_print(out, "  LINKS  TROUBLE\n");
	}
	for (size_t i = 0; i < count; i++)
		add_row(out, mesh, places[i], label_cells, style->columns);
	if (troubled > count)
		writing_print(out, "%zu more nodes have trouble, %zu have none\n", troubled - count,
			      mesh->node_count - troubled);
	else
		writing_print(out, "%zu %s without trouble\n", mesh->node_count - troubled,
			      mesh->node_count - troubled == 1 ? "node is" : "nodes are");
	free(places);
}
