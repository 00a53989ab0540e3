#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith/cells.h"
#include "kith/mesh_text_priv.h"
#include "kith/mesh_words.h"
#include "kith/words.h"

enum { PROBLEMS_MOST = 5 };

const char *mesh_text_colour(const struct mesh_text_style *style, enum table_colour colour)
{
	return style->has_colours ? table_colour_escape(colour) : "";
}

void mesh_text_put(struct writing *out, const char *text, size_t cells, bool is_right)
{
	char *clean = words_clean(text, TEXT_LINE);
	if (clean == NULL || !cells_put(&out->out, clean, cells, is_right))
		out->lacks_memory = true;
	free(clean);
}

void mesh_text_wrap(struct writing *out, const char *text, size_t width, size_t indent)
{
	enum { NARROWEST = 20 };
	char *clean = words_clean(text, TEXT_LINE);
	width = width < NARROWEST ? NARROWEST : width;
	out->lacks_memory = out->lacks_memory || clean == NULL;
	for (const char *at = clean, *next; at != NULL && *at != '\0'; at = next) {
		size_t bytes = cells_wrap(at, width, &next);
		writing_print(out, "%*s%.*s\n", at == clean ? 0 : (int)indent, "", (int)bytes, at);
	}
	free(clean);
}

void mesh_text_label(const struct mesh_node *node, size_t cells, char out[static MESH_SHORT_BYTES])
{
	char cut[MESH_LABEL_BYTES];
	char *clean = words_clean(node->label, TEXT_LINE);
	snprintf(cut, sizeof cut, "%s", clean == NULL ? "" : clean);
	free(clean);
	mesh_words_short(cut, cells, out);
}

static void add_problem(struct writing *out, const struct mesh *mesh, const struct mesh_problem *problem,
			const struct mesh_text_style *style)
{
	enum { INDENT = 4 };
	struct writing text = {0};
	size_t width = style->columns > INDENT ? style->columns - INDENT : 0;
	mesh_words_problem(&text, mesh, problem);
	writing_print(out, "  %s%s%s ", mesh_text_colour(style, problem->is_notice ? TABLE_YELLOW : TABLE_RED),
		      problem->is_notice ? "-" : "!", mesh_text_colour(style, TABLE_NO_COLOUR));
	mesh_text_wrap(out, writing_content(&text), width, INDENT);
	if (problem->advice != NULL) {
		writing_print(out, "%*s", INDENT, "");
		mesh_text_wrap(out, problem->advice, width, INDENT);
	}
	out->lacks_memory = out->lacks_memory || text.lacks_memory;
	writing_fini(&text);
}

static void add_problems(struct writing *out, const struct mesh *mesh, const struct mesh_text_style *style)
{
	for (size_t i = 0; i < mesh->problem_count && i < PROBLEMS_MOST; i++)
		add_problem(out, mesh, &mesh->problems[i], style);
	if (mesh->problem_count > PROBLEMS_MOST)
		writing_print(out, "  and %zu more: kith problems\n", mesh->problem_count - PROBLEMS_MOST);
}

void mesh_text_write(struct writing *out, const struct mesh *mesh, const struct mesh_text_style *style)
{
	struct writing headline = {0};
	mesh_words_headline(&headline, mesh);
	mesh_text_wrap(out, writing_content(&headline), style->columns, 0);
	out->lacks_memory = out->lacks_memory || headline.lacks_memory;
	writing_fini(&headline);
	add_problems(out, mesh, style);
	if (mesh->node_count > 1 && !mesh_text_matrix(out, mesh, style))
		mesh_text_list(out, mesh, style);
}
