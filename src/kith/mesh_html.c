#include "kith/mesh_html.h"

#include <stdlib.h>
#include <time.h>

#include "kith/mesh_svg.h"
#include "kith/mesh_words.h"

enum { MOST_BYTES = 98000, PROBLEMS_BYTES = 8000, TAIL_BYTES = 100, LABEL_MOST = 24 };

static const char page_style[] =
	"body{font:15px/1.45 system-ui,sans-serif;margin:0 "
	"auto;padding:16px;max-width:1400px;background:#fff;color:#24292f;"
	"overflow-wrap:anywhere}"
	"h1{font-size:22px;margin:0}p{margin:.3em 0}.quiet{color:#57606a}"
	".problems{list-style:none;padding:0;margin:12px 0}"
	".problems li{margin:6px 0;padding:8px 12px;border-left:5px solid #c1121f;background:#fff1f0}"
	".problems .notice{border-left:5px double #bf8700;background:#fff8e6}"
	".problems b{margin-right:.5em}"
	".both{display:flex;flex-wrap:wrap;gap:0 "
	"40px;align-items:flex-start}.both>div{min-width:min(360px,100%);max-width:100%}"
	".scroll{overflow-x:auto;margin:12px 0}.kith{max-width:100%;height:auto;display:block}"
	".k40{min-width:560px}.k64{min-width:700px}.k128{min-width:900px}"
	".legend{width:0;min-width:100%;list-style:none;padding:0;margin:8px 0;display:flex;flex-wrap:wrap;gap:2px "
	"18px;font-size:14px}"
	".legend svg{vertical-align:-2px}"
	"table{border-collapse:collapse;margin:12px 0}th{text-align:left;font-weight:600}"
	"td,th{padding:3px 14px 3px 0;border-bottom:1px solid #d8dee4;vertical-align:top}"
	"td:first-child{min-width:5.5em}.n{text-align:right;white-space:nowrap}td.late{color:#8a5a00}td.gone,td.far{"
	"color:#b3261e}"
	"@media(max-width:600px){body{padding:10px}.wide{display:none}td,th{padding-right:9px;font-size:14px}}"
	"@media(prefers-color-scheme:dark){body{background:#14181d;color:#d6dde4}.quiet{color:#8b949e}"
	".problems li{background:#33191b;border-color:#ff7b72}.problems "
	".notice{background:#2f2711;border-color:#d9a520}"
	"td,th{border-color:#30363d}td.late{color:#f0b73a}td.gone,td.far{color:#ff8f86}}";

/* The digest is that of what is between <style> and </style>; a unit test computes it again. */
const char mesh_html_policy[] = "default-src 'none'; style-src 'sha256-4vwEi9iNavGJnIlO5Q4dWaqhpeqIYMW6tectSiC04Cg='; "
				"base-uri 'none'; form-action 'none'; "
				"frame-ancestors 'none'";

static void begin(struct writing *out, const char *title, unsigned refresh_s)
{
	writing_print(out, "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
			   "<meta name='viewport' content='width=device-width,initial-scale=1'>");
	if (refresh_s > 0)
		writing_print(out, "<meta http-equiv='refresh' content='%u'>", refresh_s);
	writing_print(out, "<title>");
	writing_markup(out, title);
	writing_print(out, "</title><style>%s%s</style></head><body>\n", mesh_svg_style, page_style);
}

static void add_heading(struct writing *out, const struct mesh *mesh)
{
	char when[WORDS_BYTES] = "";
	struct writing headline = {0};
	time_t now = (time_t)mesh->now_s;
	struct tm parts;
	if (localtime_r(&now, &parts) != NULL)
		strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %Z", &parts);
	writing_print(out, "<h1>");
	writing_markup(out, mesh->network == NULL ? "kith" : mesh->network);
	writing_print(out, "</h1><p class='quiet'>");
	if (mesh->self != SIZE_MAX) {
		writing_print(out, "as ");
		writing_markup(out, mesh->nodes[mesh->self].label);
		writing_print(out, " knows it, ");
	}
	writing_print(out, "%s</p><p>", when);
	mesh_words_headline(&headline, mesh);
	writing_markup(out, writing_content(&headline));
	writing_print(out, "</p>\n");
	out->lacks_memory = out->lacks_memory || headline.lacks_memory;
	writing_fini(&headline);
}

static void add_problem(struct writing *out, const struct mesh *mesh, const struct mesh_problem *problem)
{
	struct writing text = {0};
	writing_print(out, problem->is_notice ? "<li class='notice'><b>Notice</b>" : "<li><b>&#9888; Problem</b>");
	mesh_words_problem(&text, mesh, problem);
	writing_markup(out, writing_content(&text));
	if (problem->advice != NULL) {
		writing_print(out, "<br><span class='quiet'>");
		writing_markup(out, problem->advice);
		writing_print(out, "</span>");
	}
	writing_print(out, "</li>\n");
	out->lacks_memory = out->lacks_memory || text.lacks_memory;
	writing_fini(&text);
}

static void add_problems(struct writing *out, const struct mesh *mesh)
{
	size_t from = writing_length(out), shown = 0;
	if (mesh->problem_count == 0) {
		writing_print(out, "<p>No problems are known.</p>\n");
		return;
	}
	writing_print(out, "<ul class='problems'>\n");
	for (; shown < mesh->problem_count; shown++) {
		size_t before = writing_length(out);
		add_problem(out, mesh, &mesh->problems[shown]);
		if (writing_length(out) - from > PROBLEMS_BYTES) {
			writing_cut(out, before);
			break;
		}
	}
	writing_print(out, "</ul>\n");
	if (shown < mesh->problem_count)
		writing_print(out, "<p>And %zu more: kith problems</p>\n", mesh->problem_count - shown);
}

/* ---- the table of nodes ---- */

static void add_cell(struct writing *out, const char *opening, const char *text)
{
	writing_print(out, "%s", opening);
	writing_markup(out, text == NULL ? "" : text);
}

/* Of one that is not well also since when. */
static void add_state(struct writing *out, const struct mesh *mesh, const struct mesh_node *node)
{
	static const char *const cells[MESH_STATES] = {[MESH_ALIVE] = "<td>",
						       [MESH_LATE] = "<td class='late'>? ",
						       [MESH_GONE] = "<td class='gone'>&#10005; ",
						       [MESH_OUT_OF_REACH] = "<td class='far'>&#9675; "};
	char since[WORDS_BYTES];
	add_cell(out, cells[node->state], node->is_self ? "this node" : mesh_state_word(node->state));
	if (node->state == MESH_ALIVE || node->is_self || node->state_s < 0)
		return;
	words_since(node->state_s, mesh->now_s, since);
	writing_print(out, " since %s", since);
}

static void add_node(struct writing *out, const struct mesh *mesh, const struct mesh_node *node)
{
	char label[MESH_SHORT_BYTES], words[WORDS_BYTES] = "";
	mesh_words_short(node->label, LABEL_MOST, label);
	add_cell(out, "<tr><td>", label);
	add_cell(out, "<td class='wide'>", node->address);
	add_state(out, mesh, node);
	words[0] = '\0';
	if (node->rtt_ms >= 0 && !node->is_self)
		words_rtt(node->rtt_ms, words);
	add_cell(out, "<td class='n'>", words);
	if (node->links >= 0)
		writing_print(out, "<td class='n'>%.0f", node->links);
	else
		writing_print(out, "<td>");
	words[0] = '\0';
	if (node->has_report && node->report_s >= 0)
		words_duration(node->report_s, words);
	add_cell(out, "<td class='n'>", words[0] == '\0' ? "none" : words);
	writing_print(out, "\n");
}

static void add_nodes(struct writing *out, const struct mesh *mesh)
{
	size_t count = 0;
	size_t *places = mesh_choose(mesh, MESH_SVG_MOST, false, &count);
	if (places == NULL) {
		out->lacks_memory = true;
		return;
	}
	writing_print(out, "<table><thead><tr><th>Node<th class='wide'>Address<th>State<th class='n'>RTT<th class='n'>"
			   "Links<th class='n'>Report<span class='wide'> age</span></thead><tbody>\n");
	for (size_t i = 0; i < count; i++)
		add_node(out, mesh, &mesh->nodes[places[i]]);
	writing_print(out, "</tbody></table>\n");
	free(places);
}

/* ---- all ---- */

static void finish(struct writing *out)
{
	writing_print(out, "<p class='quiet'>kith " KITH_VERSION "</p></body></html>\n");
}

void mesh_html_write(struct writing *out, const struct mesh *mesh, unsigned refresh_s)
{
	struct writing nodes = {0};
	begin(out, mesh->network == NULL ? "kith" : mesh->network, refresh_s);
	add_heading(out, mesh);
	add_problems(out, mesh);
	add_nodes(&nodes, mesh);
	size_t others = writing_length(out) + writing_length(&nodes) + TAIL_BYTES;
	writing_print(out, "<div class='both'><div>");
	mesh_svg_write_inline(out, mesh, others < MOST_BYTES ? MOST_BYTES - others : 0);
	writing_print(out, "</div>\n%s</div>\n", writing_content(&nodes));
	finish(out);
	out->lacks_memory = out->lacks_memory || nodes.lacks_memory;
	writing_fini(&nodes);
}

void mesh_html_write_failure(struct writing *out, const char *why, unsigned refresh_s)
{
	begin(out, "kith: no node answers", refresh_s);
	writing_print(out, "<h1>No node answers</h1><ul class='problems'><li>");
	writing_markup(out, why);
	writing_print(out, "</li></ul>");
	finish(out);
}
