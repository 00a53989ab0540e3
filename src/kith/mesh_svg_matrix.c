#include <stdlib.h>
#include <string.h>

#include "kith/cells.h"
#include "kith/mesh_svg_priv.h"
#include "kith/mesh_words.h"

/* ---- how large ---- */

static const struct size {
	size_t count; /* of nodes, at most */
	size_t cell, font, label;
	bool has_texts;
	const char *name;
} sizes[] = {
	{20, 36, 12, 20, true, "kith"},
	{40, 18, 12, 16, false, "kith k40"},
	{64, 13, 11, 16, false, "kith k64"},
	{MESH_SVG_MOST, 9, 8, 14, false, "kith k128"},
};

struct svg_matrix svg_matrix_plan(const struct mesh *mesh, size_t most_bytes)
{
	struct svg_matrix matrix = {.mesh = mesh, .most_bytes = most_bytes};
	const struct size *size = sizes;
	size_t widest = 0;
	matrix.places = mesh_choose(mesh, MESH_SVG_MOST, false, &matrix.count);
	while (size->count < matrix.count)
		size++;
	for (size_t i = 0; matrix.places != NULL && i < matrix.count; i++) {
		size_t width = cells_width(mesh->nodes[matrix.places[i]].label);
		widest = width > widest ? width : widest;
	}
	matrix.cell = size->cell;
	matrix.font = size->font;
	matrix.label = size->label;
	matrix.has_texts = size->has_texts;
	widest = widest < size->label ? widest : size->label;
	/* A character of a sans-serif font is about 0.6 as wide as high, and a bold one more; two more for the sign of
	 * its state. */
	matrix.size_class = size->name;
	matrix.margin = (widest + 2) * size->font * 63 / 100 + 6;
	return matrix;
}

void svg_matrix_fini(struct svg_matrix *matrix)
{
	free(matrix->places);
	*matrix = (struct svg_matrix){0};
}

size_t svg_matrix_size(const struct svg_matrix *matrix)
{
	return matrix->margin + matrix->count * matrix->cell;
}

/* ---- shapes ---- */

/* The name is that of the shape, and the class of paths whose vertices have it. */
static const struct {
	const char *name, *content, *words;
} shapes[SVG_SHAPES] = {
	[SHAPE_NEAR] = {"ka", "<rect x='-.44' y='-.44' width='.88' height='.88' rx='.1'/>", "< 1 ms"},
	[SHAPE_NEAR + 1] = {"kb", "<rect x='-.38' y='-.38' width='.76' height='.76' rx='.1'/>", "< 10 ms"},
	[SHAPE_NEAR + 2] = {"kc", "<rect x='-.31' y='-.31' width='.62' height='.62' rx='.1'/>", "< 100 ms"},
	[SHAPE_NEAR + 3] = {"kd", "<rect x='-.23' y='-.23' width='.46' height='.46' rx='.1'/>", "100 ms or more"},
	[SHAPE_UNMEASURED] = {"ke", "<rect x='-.36' y='-.36' width='.72' height='.72' rx='.1'/>", "not measured"},
	[SHAPE_NUMBER] = {"kn", "<rect x='-.46' y='-.46' width='.92' height='.92' rx='.12'/>", "round trip in ms"},
	[SHAPE_NONE] = {"ko", "<circle r='.1'/>", "no link, by choice"},
	[SHAPE_GONE] = {"kg", "<path d='M-.2.2L.2-.2'/>", "gone"},
	[SHAPE_OLD] = {"kp", "<circle r='.24'/>", "out of reach, last heard as linked"},
	[SHAPE_UNKNOWN] = {"ku", "<path d='M-.3 0q.15-.2 .3 0t.3 0'/>", "unknown: neither has sent a report"},
	[SHAPE_LATE] = {"kl", "<path d='M0-.42L.42 0 0 .42-.42 0z'/>", "late"},
	[SHAPE_FADING] = {"kf", "<rect x='-.32' y='-.32' width='.64' height='.64'/>", "linked, but neither can dial"},
	[SHAPE_TO_COLUMN] = {"kv", "<path d='M0-.42L.4.34H-.4z'/>", "only the one at the tip can be dialled"},
	[SHAPE_TO_ROW] = {"kw", "<path d='M-.42 0L.34-.4V.4z'/>", NULL},
	[SHAPE_DOWN] =
		{"kx",
		 "<rect x='-.46' y='-.46' width='.92' height='.92' rx='.1'/><path d='M-.28-.28l.56.56m0-.56l-.56.56'/>",
		 "can't talk"},
};

const char *svg_shape_words(enum svg_shape shape)
{
	return shapes[shape].words;
}

const char *svg_shape_name(enum svg_shape shape)
{
	return shapes[shape].name;
}

void svg_shapes_write(struct writing *out)
{
	writing_print(out, "<defs>");
	for (enum svg_shape shape = 0; shape < SVG_SHAPES; shape++)
		writing_print(out, "<marker id='%s' overflow='visible'>%s</marker>", shapes[shape].name,
			      shapes[shape].content);
	writing_print(out, "</defs>");
}

static const struct mesh_node *node_at(const struct svg_matrix *matrix, size_t at)
{
	return &matrix->mesh->nodes[matrix->places[at]];
}

/* Of the lower half of the matrix: column < row. */
static enum svg_shape find_shape(const struct svg_matrix *matrix, size_t row, size_t column)
{
	static const enum svg_shape of_links[MESH_LINKS] = {
		[LINK_NONE] = SHAPE_NONE,     [LINK_UP] = SHAPE_NUMBER,	      [LINK_GONE] = SHAPE_GONE,
		[LINK_OLD] = SHAPE_OLD,	      [LINK_UNKNOWN] = SHAPE_UNKNOWN, [LINK_LATE] = SHAPE_LATE,
		[LINK_FADING] = SHAPE_FADING, [LINK_DOWN] = SHAPE_DOWN,	      [LINK_ONE_WAY] = SHAPE_TO_ROW,
	};
	const struct mesh_pair *pair = mesh_find_pair(matrix->mesh, matrix->places[row], matrix->places[column]);
	if (pair == NULL)
		return of_links[mesh_link_of(matrix->mesh, matrix->places[row], matrix->places[column])];
	if (pair->link == LINK_UP && (!matrix->has_texts || pair->rtt_ms < 0))
		return (enum svg_shape)(SHAPE_NEAR + (int)mesh_distance(pair->rtt_ms));
	/* The one of the pair is the column, since places rise. */
	if (pair->link == LINK_ONE_WAY && !pair->is_one_able)
		return SHAPE_TO_COLUMN;
	return of_links[pair->link];
}

/*
 * The cells that have the same shape are one path, with a vertex in each, and the shape is its marker. The path itself
 * is not drawn. So a cell takes two bytes or three, whatever is beside it.
 */
static void add_path(struct writing *out, const struct svg_matrix *matrix, enum svg_shape shape)
{
	size_t count = 0, last_row = 0, last_column = 0;
	bool is_within = false; /* horizontal steps, which need no letter */
	for (size_t row = 1; row < matrix->count; row++)
		for (size_t column = 0; column < row; column++) {
			if (find_shape(matrix, row, column) != shape)
				continue;
			int step = (int)column - (int)last_column;
			if (count++ == 0)
				writing_print(out, "<path class='%s' d='M%zu %zu", shapes[shape].name, column, row);
			else if (row == last_row)
				writing_print(out, "%s%d", is_within ? " " : "h", step);
			else
				writing_print(out, "l%d %zu", step, row - last_row);
			is_within = count > 1 && row == last_row;
			last_row = row;
			last_column = column;
		}
	if (count > 0)
		writing_print(out, count == 1 ? "h0'/>" : "'/>");
}

static void add_shapes(struct writing *out, const struct svg_matrix *matrix, bool used[static SVG_SHAPES])
{
	for (size_t row = 1; row < matrix->count; row++)
		for (size_t column = 0; column < row; column++)
			used[find_shape(matrix, row, column)] = true;
	for (enum svg_shape shape = 0; shape < SVG_SHAPES; shape++)
		if (used[shape])
			add_path(out, matrix, shape);
}

/* ---- what is said when the pointer is over a cell ---- */

static void add_title(struct writing *out, struct writing *words)
{
	writing_print(out, "<title>");
	writing_markup(out, writing_content(words));
	writing_print(out, "</title>");
	out->lacks_memory = out->lacks_memory || words->lacks_memory;
	writing_fini(words);
}

/* Takes back what was written since then if it is too much. */
static bool is_too_much(struct writing *out, const struct svg_matrix *matrix, size_t before)
{
	bool result = writing_length(out) > matrix->most_bytes;
	if (result)
		writing_cut(out, before);
	return result;
}

static void add_row_titles(struct writing *out, const struct svg_matrix *matrix)
{
	for (size_t row = 0; row < matrix->count; row++) {
		size_t before = writing_length(out);
		struct writing words = {0};
		mesh_words_node(&words, node_at(matrix, row));
		writing_print(out, "<path d='M0 %zuh%zuv1h-%zuz'>", row, matrix->count, matrix->count);
		add_title(out, &words);
		writing_print(out, "</path>");
		if (is_too_much(out, matrix, before))
			return;
	}
}

static void add_cell_title(struct writing *out, const struct svg_matrix *matrix, size_t row, size_t column)
{
	struct writing words = {0};
	mesh_words_pair(&words, matrix->mesh, matrix->places[row], matrix->places[column]);
	writing_print(out, "<path d='M%zu %zuh1v1h-1z'>", column, row);
	add_title(out, &words);
	writing_print(out, "</path>");
}

/* Of cells that have trouble, or of the others; of one with a node that is gone, the row says it all. */
static void add_cell_titles(struct writing *out, const struct svg_matrix *matrix, bool of_trouble)
{
	for (size_t row = 1; row < matrix->count; row++)
		for (size_t column = 0; column < row; column++) {
			size_t before = writing_length(out);
			enum svg_shape shape = find_shape(matrix, row, column);
			if ((shape >= SHAPE_LATE) != of_trouble || shape == SHAPE_GONE)
				continue;
			add_cell_title(out, matrix, row, column);
			/* Some readers don't find the titles of the mirror. */
			if (matrix->has_texts)
				add_cell_title(out, matrix, column, row);
			if (is_too_much(out, matrix, before))
				return;
		}
}

/* ---- texts ---- */

static void add_numbers(struct writing *out, const struct svg_matrix *matrix)
{
	char rtt[WORDS_BYTES];
	for (size_t row = 0; row < matrix->count; row++)
		for (size_t column = 0; column < matrix->count; column++) {
			const struct mesh_pair *pair =
				mesh_find_pair(matrix->mesh, matrix->places[row], matrix->places[column]);
			if (row == column || pair == NULL || pair->link != LINK_UP || pair->rtt_ms < 0)
				continue;
			mesh_words_rtt(pair->rtt_ms, 4, rtt);
			writing_print(out, "<text x='%zu' y='%zu'>%s</text>", column * matrix->cell + matrix->cell / 2,
				      row * matrix->cell + matrix->cell / 2 + 4, rtt);
		}
}

/* Classes of labels, and signs before them, so that no state is told by a colour alone. */
static const struct {
	const char *name, *sign;
} states[MESH_STATES] = {
	[MESH_ALIVE] = {"", ""},
	[MESH_LATE] = {"late", "? "},
	[MESH_GONE] = {"gone", "\xe2\x9c\x95 "},
	[MESH_OUT_OF_REACH] = {"far", "\xe2\x97\x8b "},
};

/* Along one side, in a place where 0 is the middle of the first cell. */
static void add_labels(struct writing *out, const struct svg_matrix *matrix, const char *x)
{
	char label[MESH_SHORT_BYTES];
	for (size_t i = 0; i < matrix->count; i++) {
		const struct mesh_node *node = node_at(matrix, i);
		const char *name = node->is_self ? "self" : states[node->state].name;
		mesh_words_short(node->label, matrix->label, label);
		writing_print(out, "<text%s%s%s x='%s' y='%zu'>%s", name[0] == '\0' ? "" : " class='", name,
			      name[0] == '\0' ? "" : "'", x, i * matrix->cell, states[node->state].sign);
		writing_markup(out, label);
		writing_print(out, "</text>");
	}
}

void svg_matrix_write(struct writing *out, const struct svg_matrix *matrix, bool used[static SVG_SHAPES])
{
	size_t cell = matrix->cell, middle = cell / 2 + matrix->font * 35 / 100, size = cell * matrix->count;
	writing_print(out, "<g transform='translate(%zu %zu)' font-size='%zu'>", matrix->margin, matrix->margin,
		      matrix->font);
	writing_print(out, "<g class='row' transform='translate(0 %zu)'>", middle);
	add_labels(out, matrix, "-5");
	writing_print(out, "</g><g class='column' transform='matrix(0-1 1 0 %zu 0)'>", middle);
	add_labels(out, matrix, "5");
	writing_print(out, "</g><path class='self' d='M0 0L%zu %zu'/>", size, size);
	writing_print(out, "<g fill='none' transform='scale(%zu)translate(.5 .5)'><g id='kt'>", cell);
	add_shapes(out, matrix, used);
	/* The other half is its mirror. */
	writing_print(out, "</g><use href='#kt' transform='matrix(0 1 1 0 0 0)'/></g>");
	if (matrix->has_texts) {
		writing_print(out, "<g class='numbers'>");
		add_numbers(out, matrix);
		writing_print(out, "</g>");
	}
	writing_print(out, "<g class='hover' transform='scale(%zu)'>", cell);
	add_row_titles(out, matrix);
	writing_print(out, "<g id='kh'>");
	add_cell_titles(out, matrix, true);
	add_cell_titles(out, matrix, false);
	writing_print(out, matrix->has_texts ? "</g></g></g>"
					     : "</g><use href='#kh' transform='matrix(0 1 1 0 0 0)'/></g></g>");
}
