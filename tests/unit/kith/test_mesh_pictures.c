#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kith/mesh_dot.h"
#include "kith/mesh_html.h"
#include "kith/mesh_svg.h"
#include "runner.h"
#include "unit/kith/some_mesh.h"
#include "unit/suites.h"

enum { MOST_BYTES = 100000 };

static const char *const mix[] = {"up", "down", "late", "one_way", "fading", "up", NULL};

static void write_page(struct writing *out, const struct mesh *mesh)
{
	mesh_html_write(out, mesh, 0);
}

/* Frees the mesh. */
static struct writing draw(void (*write)(struct writing *out, const struct mesh *mesh), struct mesh *mesh)
{
	struct writing out = {0};
	write(&out, mesh);
	CU_ASSERT(!out.lacks_memory);
	mesh_fini(mesh);
	return out;
}

/* Of XML: each element is closed, in order, and each "<" and "&" begins what it should. */
static bool is_well_formed(const char *text)
{
	enum { DEPTH = 32, NAME = 16 };
	char names[DEPTH][NAME];
	size_t depth = 0;
	for (const char *at = text; (at = strpbrk(at, "<&")) != NULL; at++) {
		if (*at == '&') {
			if (strspn(at + 1, "abcdefghijklmnopqrstuvwxyz#0123456789") != strcspn(at + 1, ";"))
				return false;
			continue;
		}
		bool is_end = at[1] == '/';
		const char *name = at + 1 + is_end, *end = strpbrk(at + 1, "<>");
		int length = (int)strspn(name, "abcdefghijklmnopqrstuvwxyz");
		if (length == 0 || length >= NAME || end == NULL || *end != '>')
			return false;
		if (is_end && (depth == 0 || strncmp(names[--depth], name, (size_t)length) != 0))
			return false;
		if (!is_end && end[-1] != '/') {
			if (depth == DEPTH)
				return false;
			snprintf(names[depth++], NAME, "%.*s", length, name);
		}
	}
	return depth == 0;
}

static bool has(struct writing *out, const char *words)
{
	return strstr(writing_content(out), words) != NULL;
}

/* ---- what is in a picture ---- */

static void each_state_has_a_shape_and_words(void)
{
	static const char *const words[] = {"round trip in ms", "gone", "only the one at the tip can be dialled",
					    "can&#39;t talk"};
	static const char *const titles[] = {
		/* In both halves. */
		"<title>alpha, beta: 0.5 ms; reports 0 ms and 5 s old</title>",
		"<title>beta, alpha: 0.5 ms; reports 5 s and 0 ms old</title>",
		"<title>gamma, beta: can&#39;t talk for 60 s; beta says timed out; gamma says connection refused; "
		"reports "
		"3 s and 5 s old</title>",
		/* Of the whole row. */
		"<path d='M0 2h4v1h-4z'><title>delta is gone for 3 min: crashed; no report</title></path>",
	};
	struct mesh mesh;
	some_mesh_four(&mesh);
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	struct writing out = draw(mesh_svg_write, &mesh);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		EXPECT(has(&out, words[i]), "%s", words[i]);
	for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
		EXPECT(has(&out, titles[i]), "%s", titles[i]);
	/* beta is linked with alpha; delta is gone; in the last row gamma can be dialled by alpha, and not by beta. */
	CU_ASSERT(has(&out, "<path class='kn' d='M0 1h0'/>"));
	CU_ASSERT(has(&out, "<path class='kg' d='M0 2h1l1 1'/>"));
	CU_ASSERT(has(&out, "<path class='kw' d='M0 3h0'/>"));
	CU_ASSERT(has(&out, "<path class='kx' d='M1 3h0'/>"));
	CU_ASSERT(!has(&out, "class='kv' d='M0 3"));
	CU_ASSERT(has(&out, ">0.5</text>") && has(&out, "class='gone'") && has(&out, "class='self'"));
	CU_ASSERT(is_well_formed(writing_content(&out)));
	writing_fini(&out);
}

static void a_row_of_one_shape_is_short(void)
{
	struct mesh mesh;
	some_mesh_full(&mesh, 22, NULL);
	struct writing out = draw(mesh_svg_write, &mesh);
	CU_ASSERT(has(&out, "<path class='ka' d='M0 1l0 1h1l-1 1h1 1l-2 1h1 1 1l-3 1"));
	writing_fini(&out);
}

static void pictures_need_nothing_else(void)
{
	static const char *const unwanted[] = {"<script", "src=", "url(h", "@import", "javascript", "onload", "style="};
	void (*const writes[])(struct writing *, const struct mesh *) = {mesh_svg_write, write_page};
	for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
		struct mesh mesh;
		some_mesh_full(&mesh, 50, mix);
		struct writing out = draw(writes[i], &mesh);
		const char *text = writing_content(&out);
		for (size_t j = 0; j < sizeof unwanted / sizeof *unwanted; j++)
			EXPECT(!has(&out, unwanted[j]), "%s", unwanted[j]);
		CU_ASSERT_EQUAL(some_mesh_count(text, "href="), some_mesh_count(text, "href='#"));
		CU_ASSERT_EQUAL(some_mesh_count(text, "url("), some_mesh_count(text, "url(#"));
		CU_ASSERT_EQUAL(some_mesh_count(text, "://"),
				some_mesh_count(text, "xmlns='http://www.w3.org/2000/svg'"));
		CU_ASSERT(has(&out, "@media(prefers-color-scheme:dark)"));
		writing_fini(&out);
	}
}

/* ---- names ---- */

#define EVIL "<script>&\\u0022\\u0027\\\\N]]>\\u202e\\uffff<b>"

static void take_evil_names(struct mesh *mesh, int nodes)
{
	mesh_init(mesh, SOME_MESH_NOW_S);
	some_mesh_row(mesh, "{'msgtype':'info','network':'<script>'}");
	for (int i = 0; i < nodes; i++) {
		char name[200];
		snprintf(name, sizeof name, "\\u0027%d\\u0022%s", i, EVIL "&&&&&&&&&&&&&&&&&&&&&&&&&");
		/* A nodeid is not always one, in what a control socket that isn't a node's says. */
		some_mesh_row(
			mesh,
			"{'msgtype':'node','nodeid':'n%d\\u0022]','name':'%s','state':'gone','address':'%s','reason':"
			"'%s','is_self':%s,'has_report':true,'report_s':1}",
			i, name, EVIL, EVIL, i == 0 ? "true" : "false");
	}
	for (int i = 0; i < nodes; i++)
		for (int j = i + 1; j < nodes; j++)
			some_mesh_row(
				mesh,
				"{'msgtype':'link','one':'n%d\\u0022]','other':'n%d\\u0022]','state':'down','one_says':"
				"'" EVIL "'}",
				i, j);
	for (int i = 0; i < 100; i++)
		some_mesh_row(mesh, "{'msgtype':'problem','text':'" EVIL EVIL EVIL EVIL "','advice':'" EVIL "'}");
	CU_ASSERT_FATAL(mesh_finish(mesh));
}

static void names_are_escaped(void)
{
	static const int sizes[] = {4, 30, MESH_SVG_MOST};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct mesh mesh;
		take_evil_names(&mesh, sizes[i]);
		struct writing out = draw(mesh_svg_write, &mesh);
		CU_ASSERT(is_well_formed(writing_content(&out)));
		CU_ASSERT(!has(&out, "<script") && !has(&out, "<b>") && !has(&out, "\xe2\x80\xae") &&
			  !has(&out, "\xef\xbf\xbf"));
		CU_ASSERT(has(&out, "&lt;script&gt;"));
		EXPECT(writing_length(&out) <= MOST_BYTES, "%d: %zu", sizes[i], writing_length(&out));
		writing_fini(&out);
		take_evil_names(&mesh, sizes[i]);
		out = draw(write_page, &mesh);
		CU_ASSERT(!has(&out, "<script") && !has(&out, "\xe2\x80\xae"));
		CU_ASSERT_EQUAL(some_mesh_count(writing_content(&out), "<b>"),
				some_mesh_count(writing_content(&out), "<li><b>"));
		EXPECT(writing_length(&out) <= MOST_BYTES, "%d: %zu", sizes[i], writing_length(&out));
		writing_fini(&out);
	}
}

/* ---- sizes and places ---- */

static void a_picture_of_128_nodes_is_small(void)
{
	void (*const writes[])(struct writing *, const struct mesh *) = {mesh_svg_write, write_page};
	static const char *const *const mixes[] = {NULL, mix};
	for (size_t i = 0; i < 4; i++) {
		struct mesh mesh;
		some_mesh_full(&mesh, MESH_SVG_MOST, mixes[i / 2]);
		struct writing out = draw(writes[i % 2], &mesh);
		EXPECT(writing_length(&out) <= MOST_BYTES, "%zu: %zu", i, writing_length(&out));
		/* Each row says how old it is. */
		CU_ASSERT(some_mesh_count(writing_content(&out), "<title>web-eu-") >= MESH_SVG_MOST);
		writing_fini(&out);
	}
}

static void of_more_nodes_the_worst_are_drawn(void)
{
	struct mesh mesh;
	mesh_init(&mesh, 0);
	for (int i = 0; i < 200; i++) {
		char name[32];
		snprintf(name, sizeof name, "node-%03d", i);
		some_mesh_node(&mesh, i, name, ",'has_report':true");
	}
	some_mesh_link(&mesh, 7, 199, "down", "");
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	struct writing out = draw(mesh_svg_write, &mesh);
	CU_ASSERT(has(&out, "no link, by choice") && has(&out, "<path class='ko' d='M0 1"));
	CU_ASSERT(has(&out, ">72 nodes with less trouble are left out.<"));
	/* Those with trouble, in their places: the first and the last of all keep the order. */
	CU_ASSERT(has(&out, ">node-007</text>") && has(&out, ">node-199</text>") && !has(&out, ">node-198</text>"));
	CU_ASSERT(strstr(writing_content(&out), ">node-007</text>") <
		  strstr(writing_content(&out), ">node-199</text>"));
	writing_fini(&out);
}

/* Nodes in any order make the same picture. */
static void nodes_keep_their_places(void)
{
	struct writing pictures[2];
	for (int turn = 0; turn < 2; turn++) {
		struct mesh mesh;
		mesh_init(&mesh, SOME_MESH_NOW_S);
		for (int i = 0; i < 30; i++) {
			int number = turn == 0 ? i : 29 - i;
			char name[32];
			snprintf(name, sizeof name, "node-%02d", number);
			some_mesh_node(&mesh, number, name, "");
		}
		for (int i = 1; i < 30; i++)
			some_mesh_link(&mesh, turn == 0 ? 0 : i, turn == 0 ? i : 0, "up", "");
		CU_ASSERT_FATAL(mesh_finish(&mesh));
		pictures[turn] = draw(mesh_svg_write, &mesh);
	}
	CU_ASSERT_STRING_EQUAL(writing_content(&pictures[0]), writing_content(&pictures[1]));
	writing_fini(&pictures[0]);
	writing_fini(&pictures[1]);
}

/* ---- the page ---- */

static void problems_are_sentences_at_the_top(void)
{
	struct mesh mesh;
	struct writing out = {0};
	setenv("TZ", "UTC", 1);
	tzset();
	some_mesh_four(&mesh);
	some_mesh_row(&mesh, "{'msgtype':'problem','text':'epsilon has one link','is_notice':true}");
	some_mesh_row(&mesh, "{'msgtype':'problem','text':'a & b fail','advice':'look at c','since_s':60}");
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	mesh_html_write(&out, &mesh, 5);
	const char *text = writing_content(&out),
		   *problem =
			   strstr(text, "since 11:59:00: a &amp; b fail<br><span class='quiet'>look at c</span></li>");
	CU_ASSERT_PTR_NOT_NULL_FATAL(problem);
	CU_ASSERT(problem < strstr(text, "epsilon has one link</li>"));
	CU_ASSERT(problem < strstr(text, "<svg"));
	CU_ASSERT(has(&out, "<h1>prod</h1>") && has(&out, "as alpha knows it, 2026-01-01 12:00:00 UTC"));
	CU_ASSERT(has(&out, "<meta http-equiv='refresh' content='5'>"));
	CU_ASSERT(has(&out, "<meta name='viewport' content='width=device-width,initial-scale=1'>"));
	CU_ASSERT(has(&out,
		      "<tr><td>gamma<td class='wide'><td>alive<td class='n'>38 ms<td class='n'>1<td class='n'>3 s\n"));
	CU_ASSERT(has(&out, "<td class='gone'>&#10005; gone since "));
	writing_fini(&out);
	mesh_html_write(&out, &mesh, 0);
	CU_ASSERT(!has(&out, "refresh"));
	writing_fini(&out);
	mesh_fini(&mesh);
	mesh_html_write_failure(&out, "no node <runs> here", 5);
	CU_ASSERT(has(&out, "no node &lt;runs&gt; here") && has(&out, "http-equiv='refresh' content='5'"));
	writing_fini(&out);
}

/* RFC 4648, 4. (GnuTLS can do it, but gives memory away with a variable that other tests must not link.) */
static void write_base64(const unsigned char *bytes, size_t length, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < length; i += 3, out += 4) {
		size_t left = length - i;
		unsigned group = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0) |
				 (left > 2 ? bytes[i + 2] : 0);
		sprintf(out, "%c%c%c%c", digits[group >> 18], digits[group >> 12 & 63],
			left > 1 ? digits[group >> 6 & 63] : '=', left > 2 ? digits[group & 63] : '=');
	}
}

static void the_policy_has_the_digest_of_the_styles(void)
{
	unsigned char digest[32];
	char base64[64], wanted[128];
	struct mesh mesh;
	some_mesh_full(&mesh, 3, NULL);
	struct writing out = draw(write_page, &mesh);
	const char *begin = strstr(writing_content(&out), "<style>"), *end = strstr(writing_content(&out), "</style>");
	CU_ASSERT_FATAL(begin != NULL && end != NULL);
	begin += strlen("<style>");
	CU_ASSERT(gnutls_hash_fast(GNUTLS_DIG_SHA256, begin, (size_t)(end - begin), digest) == 0);
	write_base64(digest, sizeof digest, base64);
	snprintf(wanted, sizeof wanted, "style-src 'sha256-%s';", base64);
	EXPECT(strstr(mesh_html_policy, wanted) != NULL, "the policy needs %s", wanted);
	CU_ASSERT(strncmp(mesh_html_policy, "default-src 'none';", 19) == 0);
	writing_fini(&out);
}

/* ---- Graphviz ---- */

static void a_graph_has_nodes_and_edges(void)
{
	struct mesh mesh;
	some_mesh_four(&mesh);
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	struct writing out = draw(mesh_dot_write, &mesh);
	CU_ASSERT(strncmp(writing_content(&out), "graph kith {\n", 13) == 0);
	CU_ASSERT(has(&out, "\t\"n1\" [label=\"alpha\" pos=\"0.000,1.600!\" penwidth=2 "));
	CU_ASSERT(has(&out, "\t\"n4\" [label=\"delta\" pos=\"0.000,-1.600!\" color=red fontcolor=red style=dashed "));
	CU_ASSERT(has(&out, "\t\"n1\" -- \"n3\" [color=darkgreen label=\"0.5 ms\" "));
	CU_ASSERT(has(&out, "\t\"n1\" -- \"n2\" [color=orange dir=forward "));
	CU_ASSERT(has(&out, "\t\"n3\" -- \"n2\" [color=red dir=both "));
	CU_ASSERT(!has(&out, "-- \"n4\""));
	writing_fini(&out);
	take_evil_names(&mesh, 4);
	out = draw(mesh_dot_write, &mesh);
	CU_ASSERT(has(&out, "\t\"n0\\\"]\" [label=\"'0\\\"<script>&\\\"'\\\\N]]>\\\\xe2\\\\x80\\\\xae"));
	writing_fini(&out);
}

static CU_TestInfo tests[] = {
	{"each state has a shape and words", each_state_has_a_shape_and_words},
	{"cells of one shape are short", a_row_of_one_shape_is_short},
	{"pictures need nothing else", pictures_need_nothing_else},
	{"names are escaped", names_are_escaped},
	{"a picture of 128 nodes is small", a_picture_of_128_nodes_is_small},
	{"of more nodes the worst are drawn", of_more_nodes_the_worst_are_drawn},
	{"nodes keep their places", nodes_keep_their_places},
	{"problems are sentences at the top of the page", problems_are_sentences_at_the_top},
	{"the policy has the digest of the styles", the_policy_has_the_digest_of_the_styles},
	{"a graph has nodes and edges", a_graph_has_nodes_and_edges},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_mesh_pictures = {.pName = "mesh_pictures", .pTests = tests};
