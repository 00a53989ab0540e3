#include "kith/mesh_svg.h"

#include <string.h>

#include "kith/cells.h"
#include "kith/mesh_svg_priv.h"
#include "kith/mesh_words.h"

/*
 * Classes of paths stand alone: in the mirror of a half, selectors that name what is around it find nothing. A property
 * of a later rule wins, so the dark colours come last.
 */
const char mesh_svg_style[] =
	".kith{font-family:system-ui,sans-serif;fill:#24292f}"
	".kith .back{fill:#fff}.kith .row{text-anchor:end}"
	".kith .late{fill:#8a5a00;font-weight:bold}.kith .gone{fill:#b3261e;text-decoration:line-through}"
	".kith .far{fill:#6e7781;font-style:italic}.kith .self{font-weight:bold;stroke:#d0d7de}"
	".kith text.self{stroke:none}"
	".kith .numbers{text-anchor:middle;font-size:11px;fill:#0b3d2a}"
	".kith .hover{fill:none;pointer-events:all}.kith .hover path:hover{fill:#0969da;fill-opacity:.18}"
	".ka{marker:url(#ka)}.kb{marker:url(#kb)}.kc{marker:url(#kc)}.kd{marker:url(#kd)}"
	".ke{marker:url(#ke)}.kn{marker:url(#kn)}.ko{marker:url(#ko)}.kg{marker:url(#kg)}.ku{marker:url(#ku)}"
	".kp{marker:url(#kp)}.kl{marker:url(#kl)}.kf{marker:url(#kf)}.kv{marker:url(#kv)}"
	".kw{marker:url(#kw)}.kx{marker:url(#kx)}"
	"#ka{fill:#1a7f5a}#kb{fill:#3f9f78}#kc{fill:#6dbb98}#kd{fill:#8fcdb0}#kn{fill:#c6e9d8}"
	"#ke{fill:none;stroke:#3f9f78;stroke-width:.1}#ko{fill:#afb8c1}"
	"#kg,#ku{stroke:#afb8c1;stroke-width:.12}#ku{fill:none}#kp{fill:none;stroke:#8c959f;stroke-width:.1}"
	"#kl{fill:#e0a100}#kf{fill:none;stroke:#bf6a02;stroke-width:.14;stroke-dasharray:.2 .12}#kv,#kw{fill:#d4600a}"
	"#kx{fill:#ffd7d5;stroke:#c1121f;stroke-width:.16}#kx rect{stroke:none}#kx path{fill:none}"
	"@media(prefers-color-scheme:dark){"
	".kith{fill:#d6dde4}.kith .back{fill:#14181d}.kith .late{fill:#f0b73a}.kith .gone{fill:#ff8f86}"
	".kith .far{fill:#8b949e}.kith .self{stroke:#3a424b}.kith .numbers{fill:#c9f2df}"
	".kith .hover path:hover{fill:#58a6ff}"
	"#ka{fill:#45c08f}#kb{fill:#349671}#kc{fill:#287557}#kd{fill:#20604a}#kn{fill:#1d4a39}"
	"#ke{stroke:#349671}#ko{fill:#4a535d}#kg,#ku{stroke:#4a535d}#kp{stroke:#6e7781}"
	"#kl{fill:#e3a81f}#kf{stroke:#e08a2e}#kv,#kw{fill:#f0883e}#kx{fill:#5c1a1c;stroke:#ff7b72}}";

enum { LINE = 17, FONT = 13, GAP = 12, LEAST_WIDTH = 560 };
/* What is around the matrix has less than so many bytes. */
enum { MOST_BYTES = 98000, FRAME_BYTES = 9000, LEGEND_BYTES = 2500, PROBLEMS_MOST = 8, PROBLEM_BYTES_MOST = 800 };

/* A character of that font is about so wide. */
static size_t width_of(size_t characters)
{
	return characters * FONT * 56 / 100;
}

/* ---- the lines above and below the matrix ---- */

/* The text in lines that fit; returns the place of the next one. */
static size_t add_wrapped(struct writing *out, const char *text, size_t width, size_t y, const char *sign)
{
	size_t indent = sign[0] == '\0' ? 0 : GAP + 4, characters = (width - indent) * 100 / width_of(100);
	for (const char *at = text, *next; *at != '\0'; at = next) {
		struct writing line = {0};
		size_t bytes = cells_wrap(at, characters, &next);
		writing_print(&line, "%.*s", (int)bytes, at);
		if (at == text && sign[0] != '\0')
			writing_print(out, "<text y='%zu'>%s</text>", y, sign);
		writing_print(out, "<text x='%zu' y='%zu'>", indent, y);
		writing_markup(out, writing_content(&line));
		writing_print(out, "</text>");
		out->lacks_memory = out->lacks_memory || line.lacks_memory;
		writing_fini(&line);
		y += LINE;
	}
	return y;
}

static size_t add_problem(struct writing *out, const struct mesh *mesh, const struct mesh_problem *problem,
			  size_t width, size_t y)
{
	struct writing text = {0}, clean = {0};
	mesh_words_problem(&text, mesh, problem);
	if (problem->advice != NULL)
		writing_print(&text, ". %s", problem->advice);
	writing_text(&clean, writing_content(&text));
	writing_cut(&clean, PROBLEM_BYTES_MOST);
	y = add_wrapped(out, writing_content(&clean), width, y, problem->is_notice ? "\xe2\x80\x93" : "\xe2\x9a\xa0");
	out->lacks_memory = out->lacks_memory || text.lacks_memory || clean.lacks_memory;
	writing_fini(&clean);
	writing_fini(&text);
	return y;
}

static size_t add_head(struct writing *out, const struct mesh *mesh, size_t width, size_t y)
{
	struct writing text = {0};
	mesh_words_headline(&text, mesh);
	y = add_wrapped(out, writing_content(&text), width, y, "");
	for (size_t i = 0; i < mesh->problem_count && i < PROBLEMS_MOST; i++)
		y = add_problem(out, mesh, &mesh->problems[i], width, y);
	if (mesh->problem_count > PROBLEMS_MOST) {
		writing_print(out, "<text y='%zu'>and %zu more problems</text>", y,
			      mesh->problem_count - PROBLEMS_MOST);
		y += LINE;
	}
	out->lacks_memory = out->lacks_memory || text.lacks_memory;
	writing_fini(&text);
	return y;
}

static bool is_explained(const bool used[static SVG_SHAPES], enum svg_shape shape)
{
	return svg_shape_words(shape) != NULL && (used[shape] || (shape == SHAPE_TO_COLUMN && used[SHAPE_TO_ROW]));
}

/* The shapes that are used, with what they mean, in lines that fit. Returns the place below. */
static size_t add_legend(struct writing *out, const bool used[static SVG_SHAPES], size_t width, size_t y)
{
	size_t x = 0;
	for (enum svg_shape shape = 0; shape < SVG_SHAPES; shape++) {
		const char *words = svg_shape_words(shape);
		if (!is_explained(used, shape))
			continue;
		size_t wanted = 20 + width_of(strlen(words)) + GAP;
		if (x > 0 && x + wanted > width) {
			x = 0;
			y += LINE + 3;
		}
		writing_print(out,
			      "<g fill='none' transform='translate(%zu %zu)scale(15)'><path class='%s' d='M0 0h0'/></g>"
			      "<text x='%zu' y='%zu'>",
			      x + 8, y - 5, svg_shape_name(shape), x + 20, y);
		writing_markup(out, words);
		writing_print(out, "</text>");
		x += wanted;
	}
	return y + LINE;
}

/* The same as a list of a page, which finds its own lines. */
static void add_legend_inline(struct writing *out, const bool used[static SVG_SHAPES])
{
	writing_print(out, "<ul class='legend'>\n");
	for (enum svg_shape shape = 0; shape < SVG_SHAPES; shape++) {
		if (!is_explained(used, shape))
			continue;
		writing_print(out,
			      "<li><svg viewBox='-.5 -.5 1 1' width='15' height='15' aria-hidden='true'>"
			      "<path class='%s' fill='none' d='M0 0h0'/></svg> ",
			      svg_shape_name(shape));
		writing_markup(out, svg_shape_words(shape));
		writing_print(out, "</li>\n");
	}
	writing_print(out, "</ul>\n");
}

/* ---- all ---- */

static void open_element(struct writing *out, const struct svg_matrix *matrix, size_t width, size_t height)
{
	writing_print(out,
		      "<svg class='%s' xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %zu %zu' width='%zu' "
		      "height='%zu' font-size='%d' role='img' aria-label='a matrix of the nodes'>",
		      matrix->size_class, width, height, width, height, FONT);
}

void mesh_svg_write_inline(struct writing *out, const struct mesh *mesh, size_t most_bytes)
{
	struct svg_matrix matrix = svg_matrix_plan(mesh, writing_length(out) + most_bytes - LEGEND_BYTES);
	bool used[SVG_SHAPES] = {false};
	size_t size = svg_matrix_size(&matrix);
	if (matrix.places == NULL) {
		out->lacks_memory = true;
		return;
	}
	if (mesh->node_count > matrix.count)
		writing_print(out, "<p>%zu nodes with less trouble are left out.</p>\n",
			      mesh->node_count - matrix.count);
	writing_print(out, "<div class='scroll'>");
	open_element(out, &matrix, size, size);
	svg_shapes_write(out);
	svg_matrix_write(out, &matrix, used);
	writing_print(out, "</svg></div>\n");
	add_legend_inline(out, used);
	svg_matrix_fini(&matrix);
}

/* The whole picture, within a margin; the lines above and below are known only when they are written. */
static void write_file(struct writing *out, const struct svg_matrix *matrix)
{
	const struct mesh *mesh = matrix->mesh;
	struct writing body = {0};
	bool used[SVG_SHAPES] = {false};
	size_t size = svg_matrix_size(matrix), width = size > LEAST_WIDTH ? size : LEAST_WIDTH, y = FONT;
	y = add_head(&body, mesh, width, y);
	if (mesh->node_count > matrix->count) {
		writing_print(&body, "<text y='%zu'>%zu nodes with less trouble are left out.</text>", y,
			      mesh->node_count - matrix->count);
		y += LINE;
	}
	writing_print(&body, "<g transform='translate(0 %zu)'>", y);
	svg_matrix_write(&body, matrix, used);
	writing_print(&body, "</g>");
	y = add_legend(&body, used, width, y + size + GAP + LINE);
	open_element(out, matrix, width + (size_t)2 * GAP, y + GAP);
	writing_print(out, "<style>%s</style><rect class='back' width='100%%' height='100%%'/>", mesh_svg_style);
	svg_shapes_write(out);
	writing_print(out, "<g transform='translate(%d %d)'>", GAP, GAP);
	writing_print(out, "%s</g></svg>\n", writing_content(&body));
	out->lacks_memory = out->lacks_memory || body.lacks_memory;
	writing_fini(&body);
}

void mesh_svg_write(struct writing *out, const struct mesh *mesh)
{
	struct svg_matrix matrix = svg_matrix_plan(mesh, MOST_BYTES - FRAME_BYTES);
	if (matrix.places != NULL)
		write_file(out, &matrix);
	out->lacks_memory = out->lacks_memory || matrix.places == NULL;
	svg_matrix_fini(&matrix);
}
