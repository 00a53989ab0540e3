#include <stdlib.h>
#include <string.h>

#include "kith/cells.h"
#include "kith/mesh_text_priv.h"
#include "kith/mesh_words.h"

/* How a matrix fits into the terminal. */
struct layout {
	size_t label, cell; /* cells of the terminal; what is before a cell's content counts as its own */
	size_t gap;	    /* behind the label */
	bool is_upright;    /* headings from top to bottom */
	size_t head;	    /* lines of the headings */
};

enum {
	MARK = 2,	    /* the state of a node, before its label */
	GAP = 1,	    /* before the content of a cell, where there is room */
	RTT_CELL = 3 + GAP, /* from here on, a cell has room for a round trip */
	WIDEST = 12 + GAP,
	HEAD_MOST = 12,
};

/* ---- what fits ---- */

static size_t widest_label(const struct mesh *mesh)
{
	size_t widest = 0;
	for (size_t i = 0; i < mesh->node_count; i++) {
		size_t width = cells_width(mesh->nodes[i].label);
		widest = width > widest ? width : widest;
	}
	return widest;
}

static size_t smaller(size_t one, size_t other)
{
	return one < other ? one : other;
}

/* Wide cells first, then long labels. */
static bool find_layout(const struct mesh *mesh, size_t columns, struct layout *layout)
{
	static const struct {
		size_t cell, label;
	} tries[] = {{WIDEST, 24}, {5, 24}, {4, 24}, {4, 16}, {4, 10}, {2, 24}, {2, 16},
		     {2, 10},	   {1, 24}, {1, 16}, {1, 10}, {1, 8},  {1, 6},	{1, 4}};
	size_t widest = widest_label(mesh);
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		size_t cell = tries[i].cell, label = smaller(tries[i].label, widest);
		bool is_upright = cell != WIDEST;
		if (!is_upright && widest + GAP > cell)
			continue;
		if (!is_upright)
			cell = widest + GAP > RTT_CELL + 1 ? widest + GAP : RTT_CELL + 1;
		if (MARK + label + (cell == 1) + mesh->node_count * cell > columns)
			continue;
		*layout = (struct layout){label, cell, cell == 1, is_upright,
					  is_upright ? smaller(widest, HEAD_MOST) : 1};
		return true;
	}
	return false;
}

/* ---- signs ---- */

struct sign {
	const char *text;
	enum table_colour colour;
};

static struct sign link_sign(enum mesh_link link)
{
	static const struct sign signs[MESH_LINKS] = {
		[LINK_NONE] = {".", TABLE_GREY},     [LINK_UP] = {"up", TABLE_GREEN},
		[LINK_GONE] = {"-", TABLE_GREY},     [LINK_OLD] = {"o", TABLE_GREY},
		[LINK_UNKNOWN] = {"~", TABLE_GREY},  [LINK_LATE] = {"?", TABLE_YELLOW},
		[LINK_FADING] = {"%", TABLE_YELLOW}, [LINK_ONE_WAY] = {">", TABLE_YELLOW},
		[LINK_DOWN] = {"X", TABLE_RED},
	};
	return signs[link];
}

static struct sign state_sign(enum mesh_state state)
{
	static const struct sign signs[MESH_STATES] = {
		[MESH_ALIVE] = {" ", TABLE_NO_COLOUR},
		[MESH_LATE] = {"?", TABLE_YELLOW},
		[MESH_GONE] = {"-", TABLE_RED},
		[MESH_OUT_OF_REACH] = {"o", TABLE_RED},
	};
	return signs[state];
}

static const char *distance_sign(size_t distance)
{
	static const char *const bars[MESH_DISTANCES] = {"▁", "▃", "▅", "▇", "+"};
	static const char *const digits[MESH_DISTANCES] = {"1", "2", "3", "4", "+"};
	return words_are_utf8() ? bars[distance] : digits[distance];
}

/* What a matrix has in it, and so needs words. */
struct used {
	bool links[MESH_LINKS], distances[MESH_DISTANCES];
};

/* ---- the matrix ---- */

static void put(struct writing *out, struct sign sign, size_t cells, const struct mesh_text_style *style)
{
	bool is_plain = sign.colour == TABLE_NO_COLOUR;
	writing_print(out, "%s", is_plain ? "" : mesh_text_colour(style, sign.colour));
	if (!cells_put(&out->out, sign.text, cells, true))
		out->lacks_memory = true;
	writing_print(out, "%s", is_plain ? "" : mesh_text_colour(style, TABLE_NO_COLOUR));
}

static void add_cell(struct writing *out, const struct mesh *mesh, size_t row, size_t column,
		     const struct layout *layout, const struct mesh_text_style *style, struct used *used)
{
	char rtt[WORDS_BYTES];
	const struct mesh_pair *pair = row == column ? NULL : mesh_find_pair(mesh, row, column);
	enum mesh_link link = mesh_link_of(mesh, row, column);
	struct sign sign = link_sign(link);
	if (row == column) {
		put(out, (struct sign){"\\", TABLE_GREY}, layout->cell, style);
		return;
	}
	used->links[link] = true;
	if (link == LINK_ONE_WAY && pair->is_one_able != (row < column))
		sign.text = "<";
	double rtt_ms = pair == NULL ? -1 : pair->rtt_ms;
	if (link == LINK_UP && layout->cell < RTT_CELL) {
		size_t distance = mesh_distance(rtt_ms);
		used->distances[distance] = true;
		sign.text = distance_sign(distance);
	} else if (link == LINK_UP && rtt_ms >= 0) {
		mesh_words_rtt(rtt_ms, layout->cell - GAP, rtt);
		sign.text = rtt;
	}
	put(out, sign, layout->cell, style);
}

/* The character of the label that comes in that line, of an upright one that ends in the last line. */
static void add_upright(struct writing *out, const struct mesh_node *node, const struct layout *layout, size_t line)
{
	char text[MESH_SHORT_BYTES], character[8];
	size_t width, at = 0, step, characters = 0;
	mesh_text_label(node, layout->head, text);
	for (const char *from = text; (step = cells_step(from, &width)) > 0; from += step)
		characters++;
	size_t skipped = layout->head > characters ? layout->head - characters : 0;
	for (size_t i = skipped; i < line && text[at] != '\0'; i++)
		at += cells_step(text + at, &width);
	step = line < skipped ? 0 : cells_step(text + at, &width);
	snprintf(character, sizeof character, "%.*s", (int)step, text + at);
	mesh_text_put(out, character, layout->cell, true);
}

static void add_headings(struct writing *out, const struct mesh *mesh, const struct layout *layout)
{
	for (size_t line = 0; line < layout->head; line++) {
		writing_print(out, "%*s", (int)(MARK + layout->label + layout->gap), "");
		for (size_t i = 0; i < mesh->node_count; i++) {
			if (layout->is_upright)
				add_upright(out, &mesh->nodes[i], layout, line);
			else
				mesh_text_put(out, mesh->nodes[i].label, layout->cell, true);
		}
		writing_print(out, "\n");
	}
}

static void add_row(struct writing *out, const struct mesh *mesh, size_t row, const struct layout *layout,
		    const struct mesh_text_style *style, struct used *used)
{
	char label[MESH_SHORT_BYTES];
	const struct mesh_node *node = &mesh->nodes[row];
	struct sign mark = node->is_self ? (struct sign){"*", TABLE_NO_COLOUR} : state_sign(node->state);
	mesh_text_label(node, layout->label, label);
	put(out, mark, MARK - 1, style);
	writing_print(out, " ");
	mesh_text_put(out, label, layout->label + layout->gap, false);
	for (size_t column = 0; column < mesh->node_count; column++)
		add_cell(out, mesh, row, column, layout, style, used);
	writing_print(out, "\n");
}

/* ---- the legend ---- */

static void add_legend(struct writing *out, const struct mesh *mesh, const struct layout *layout,
		       const struct mesh_text_style *style, const struct used *used)
{
	struct writing legend = {0};
	if (used->links[LINK_UP] && layout->cell >= RTT_CELL)
		writing_print(&legend, "round trips in ms");
	for (size_t i = 0; i < MESH_DISTANCES; i++)
		if (used->distances[i])
			writing_print(&legend, "%s%s %s", writing_length(&legend) == 0 ? "" : ", ", distance_sign(i),
				      mesh_distance_words[i]);
	for (enum mesh_link link = 0; link < MESH_LINKS; link++)
		if (used->links[link] && link != LINK_UP)
			writing_print(&legend, "%s%s %s", writing_length(&legend) == 0 ? "" : ", ",
				      link == LINK_ONE_WAY ? "> <" : link_sign(link).text, mesh_link_words(link));
	if (mesh->self != SIZE_MAX)
		writing_print(&legend, "%s* this node", writing_length(&legend) == 0 ? "" : ", ");
	mesh_text_wrap(out, writing_content(&legend), style->columns, 0);
	out->lacks_memory = out->lacks_memory || legend.lacks_memory;
	writing_fini(&legend);
}

bool mesh_text_matrix(struct writing *out, const struct mesh *mesh, const struct mesh_text_style *style)
{
	struct layout layout;
	struct used used = {0};
	if (mesh->node_count > MESH_TEXT_MOST || !find_layout(mesh, style->columns, &layout))
		return false;
	writing_print(out, "\n");
	add_headings(out, mesh, &layout);
	for (size_t row = 0; row < mesh->node_count; row++)
		add_row(out, mesh, row, &layout, style, &used);
	writing_print(out, "\n");
	add_legend(out, mesh, &layout, style, &used);
	return true;
}
