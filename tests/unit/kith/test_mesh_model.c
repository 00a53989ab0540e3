#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kith/mesh_words.h"
#include "runner.h"
#include "unit/kith/some_mesh.h"
#include "unit/suites.h"

static size_t place_of(const struct mesh *mesh, const char *label)
{
	for (size_t i = 0; i < mesh->node_count; i++)
		if (strcmp(mesh->nodes[i].label, label) == 0)
			return i;
	return SIZE_MAX;
}

static void nodes_are_ordered_by_name_and_nodeid(void)
{
	static const char *const labels[] = {"db", "web-2", "web-10 (n3)", "web-10 (n9)", "n1", "n5"};
	struct mesh mesh;
	mesh_init(&mesh, 0);
	some_mesh_node(&mesh, 9, "web-10", "");
	some_mesh_node(&mesh, 5, NULL, "");
	some_mesh_node(&mesh, 2, "web-2", ",'is_self':true");
	some_mesh_node(&mesh, 3, "web-10", "");
	some_mesh_node(&mesh, 1, NULL, "");
	some_mesh_node(&mesh, 4, "db", "");
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	CU_ASSERT_EQUAL_FATAL(mesh.node_count, 6);
	for (size_t i = 0; i < 6; i++)
		EXPECT(strcmp(mesh.nodes[i].label, labels[i]) == 0, "%zu: %s", i, mesh.nodes[i].label);
	CU_ASSERT_EQUAL(mesh.self, 1);
	mesh_fini(&mesh);
}

static void names_are_shown_clean(void)
{
	struct mesh mesh;
	mesh_init(&mesh, 0);
	some_mesh_node(&mesh, 1, "a\\u001b[31mb\\u202e", "");
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	CU_ASSERT_STRING_EQUAL(mesh.nodes[0].label, "a\\x1b[31mb\\xe2\\x80\\xae");
	mesh_fini(&mesh);
}

static void a_pair_is_found_from_both_ends(void)
{
	struct mesh mesh;
	some_mesh_four(&mesh);
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	size_t alpha = place_of(&mesh, "alpha"), beta = place_of(&mesh, "beta"), gamma = place_of(&mesh, "gamma");
	const struct mesh_pair *pair = mesh_find_pair(&mesh, alpha, gamma);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair);
	CU_ASSERT_PTR_EQUAL(mesh_find_pair(&mesh, gamma, alpha), pair);
	/* The row names gamma first. */
	CU_ASSERT(pair->link == LINK_ONE_WAY && pair->one == alpha && pair->is_one_able);
	CU_ASSERT(pair->rtt_ms == 38);
	CU_ASSERT_PTR_NULL(pair->one_says);
	CU_ASSERT_STRING_EQUAL(pair->other_says, "timed out");
	pair = mesh_find_pair(&mesh, beta, gamma);
	CU_ASSERT(pair != NULL && pair->link == LINK_DOWN && pair->down_s == 60);
	CU_ASSERT_PTR_NULL(mesh_find_pair(&mesh, beta, place_of(&mesh, "delta")));
	mesh_fini(&mesh);
}

/* Of a connection that is up one way, who dialled it could dial. */
static void who_can_dial_is_found_out(void)
{
	static const struct {
		int one, other;
		const char *rest;
		bool is_first_able;
	} cases[] = {
		{1, 2, ",'one_says':'timed out','dialled_by':'one'", false},
		{1, 2, ",'other_says':'timed out'", true},
		{2, 1, ",'one_says':'timed out'", true},
		{1, 2, ",'one_says':'full','other_says':'timed out','dialled_by':'one'", true},
		{2, 1, ",'one_says':'full','other_says':'timed out','dialled_by':'one'", false},
		{2, 1, ",'dialled_by':'other'", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mesh mesh;
		mesh_init(&mesh, 0);
		some_mesh_node(&mesh, 1, "a", "");
		some_mesh_node(&mesh, 2, "b", "");
		some_mesh_link(&mesh, cases[i].one, cases[i].other, "one_way", cases[i].rest);
		CU_ASSERT_FATAL(mesh_finish(&mesh));
		EXPECT(mesh_find_pair(&mesh, 0, 1)->is_one_able == cases[i].is_first_able, "case %zu", i);
		mesh_fini(&mesh);
	}
}

static void what_is_old_or_gone_is_not_news(void)
{
	static const char *const states[] = {"alive", "late", "gone", "out_of_reach", "of a newer node"};
	static const struct {
		int one, other; /* of the states */
		const char *link;
		enum mesh_link result;
	} cases[] = {
		{0, 0, "up", LINK_UP},	       {0, 1, "late", LINK_LATE},	{0, 2, "down", LINK_GONE},
		{2, 3, "up", LINK_GONE},       {3, 4, "up", LINK_OLD},		{3, 4, "down", LINK_OLD},
		{0, 3, "down", LINK_DOWN},     {0, 3, "up", LINK_OLD},		{0, 4, "late", LINK_OLD},
		{0, 1, "fading", LINK_FADING}, {0, 1, "one_way", LINK_ONE_WAY},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mesh mesh;
		mesh_init(&mesh, 0);
		some_mesh_row(&mesh, "{'msgtype':'node','nodeid':'n1','state':'%s'}", states[cases[i].one]);
		some_mesh_row(&mesh, "{'msgtype':'node','nodeid':'n2','state':'%s'}", states[cases[i].other]);
		some_mesh_link(&mesh, 2, 1, cases[i].link, "");
		CU_ASSERT_FATAL(mesh_finish(&mesh));
		const struct mesh_pair *pair = mesh_find_pair(&mesh, 0, 1);
		EXPECT(pair != NULL && pair->link == cases[i].result, "case %zu", i);
		mesh_fini(&mesh);
	}
}

static void what_nobody_tells_is_unknown(void)
{
	struct mesh mesh;
	mesh_init(&mesh, 0);
	some_mesh_node(&mesh, 1, "a", ",'state':'alive','has_report':true");
	some_mesh_node(&mesh, 2, "b", ",'state':'alive','has_report':false");
	some_mesh_node(&mesh, 3, "c", ",'state':'alive','has_report':false");
	some_mesh_link(&mesh, 1, 2, "up", "");
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	CU_ASSERT_EQUAL(mesh_link_of(&mesh, 0, 1), LINK_UP);
	CU_ASSERT_EQUAL(mesh_link_of(&mesh, 0, 2), LINK_NONE);
	CU_ASSERT_EQUAL(mesh_link_of(&mesh, 1, 2), LINK_UNKNOWN);
	mesh_fini(&mesh);
}

static void odd_rows_do_no_harm(void)
{
	static const char *const rows[] = {
		"{}",
		"{'msgtype':5}",
		"{'msgtype':'node'}",
		"{'msgtype':'node','nodeid':7}",
		"{'msgtype':'link','one':'n1','other':'n1','state':'up'}",
		"{'msgtype':'link','one':'n1','other':'unknown','state':'up'}",
		"{'msgtype':'link','one':'n1','other':'n2','state':'of a newer node'}",
		"{'msgtype':'link','one':null,'other':'n2'}",
		"{'msgtype':'node','nodeid':'too late','state':'alive'}",
		"{'msgtype':'problem','text':null,'since_s':'yesterday'}",
		"{'msgtype':'of a newer node'}",
	};
	struct mesh mesh;
	mesh_init(&mesh, 0);
	some_mesh_node(&mesh, 1, "", ",'report_s':'x','rtt_ms':[]");
	some_mesh_node(&mesh, 2, "b", "");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		some_mesh_row(&mesh, "%s", rows[i]);
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	CU_ASSERT(mesh.node_count == 2 && mesh.pair_count == 0 && mesh.problem_count == 1);
	CU_ASSERT_STRING_EQUAL(mesh.nodes[1].label, "n1");
	mesh_fini(&mesh);
}

static void the_worst_come_first(void)
{
	static const char *const worst[] = {"two broken", "one broken",	 "broken too",
					    "gone",	  "late to one", "late to two"};
	struct mesh mesh;
	size_t count = 0;
	mesh_init(&mesh, 0);
	some_mesh_node(&mesh, 1, "a fine one", "");
	some_mesh_node(&mesh, 2, "late to one", "");
	some_mesh_node(&mesh, 3, "late to two", "");
	some_mesh_node(&mesh, 4, "one broken", "");
	some_mesh_node(&mesh, 5, "two broken", "");
	some_mesh_node(&mesh, 6, "broken too", "");
	some_mesh_row(&mesh, "{'msgtype':'node','nodeid':'n7','name':'gone','state':'gone'}");
	some_mesh_link(&mesh, 4, 5, "down", "");
	some_mesh_link(&mesh, 6, 5, "fading", "");
	some_mesh_link(&mesh, 2, 3, "late", "");
	some_mesh_link(&mesh, 1, 7, "down", "");
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	size_t *places = mesh_choose(&mesh, 6, true, &count);
	CU_ASSERT_FATAL(places != NULL && count == 6);
	CU_ASSERT_STRING_EQUAL(mesh.nodes[places[0]].label, worst[0]);
	CU_ASSERT(strstr("one broken, broken too", mesh.nodes[places[1]].label) != NULL);
	for (size_t i = 3; i < 6; i++)
		EXPECT(strcmp(mesh.nodes[places[i]].label, worst[i]) == 0, "%zu: %s", i, mesh.nodes[places[i]].label);
	free(places);
	/* The same ones, each in its place. */
	places = mesh_choose(&mesh, 3, false, &count);
	CU_ASSERT_FATAL(places != NULL && count == 3);
	CU_ASSERT_STRING_EQUAL(mesh.nodes[places[2]].label, "two broken");
	free(places);
	CU_ASSERT(!mesh_is_troubled(&mesh.nodes[place_of(&mesh, "a fine one")]));
	CU_ASSERT(mesh_is_troubled(&mesh.nodes[place_of(&mesh, "gone")]));
	mesh_fini(&mesh);
}

static void who_is_late_to_all_is_alone_to_blame(void)
{
	struct mesh mesh;
	mesh_init(&mesh, 0);
	some_mesh_node(&mesh, 1, "a", "");
	some_mesh_row(&mesh, "{'msgtype':'node','nodeid':'n2','name':'b','state':'late'}");
	some_mesh_node(&mesh, 3, "c", "");
	some_mesh_link(&mesh, 1, 2, "late", "");
	some_mesh_link(&mesh, 2, 3, "late", "");
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	CU_ASSERT(!mesh_is_troubled(&mesh.nodes[0]) && !mesh_is_troubled(&mesh.nodes[2]));
	CU_ASSERT_EQUAL(mesh.nodes[1].counts[LINK_LATE], 2);
	mesh_fini(&mesh);
}

/* ---- words ---- */

static void expect_words(struct writing *out, const char *words)
{
	EXPECT(strcmp(writing_content(out), words) == 0, "%s", writing_content(out));
	writing_fini(out);
}

static void sentences_say_what_and_how_old(void)
{
	struct mesh mesh;
	struct writing out = {0};
	some_mesh_four(&mesh);
	some_mesh_row(&mesh, "{'msgtype':'problem','text':'n','is_notice':true}");
	some_mesh_row(&mesh, "{'msgtype':'problem','text':'beta and gamma can\\u0027t talk','advice':'check the route',"
			     "'since_s':61}");
	CU_ASSERT_FATAL(mesh_finish(&mesh));
	size_t alpha = 0, beta = 1, delta = 2, gamma = 3;
	mesh_words_headline(&out, &mesh);
	expect_words(&out, "4 nodes: 3 alive, 1 gone; 1 link, 1 pair one way, 1 pair can't talk");
	mesh_words_pair(&out, &mesh, alpha, beta);
	expect_words(&out, "alpha, beta: 0.5 ms; reports 0 ms and 5 s old");
	mesh_words_pair(&out, &mesh, gamma, alpha);
	expect_words(&out, "gamma, alpha: only alpha can dial; gamma says timed out; reports 3 s and 0 ms old");
	mesh_words_pair(&out, &mesh, beta, gamma);
	expect_words(&out, "beta, gamma: can't talk for 60 s; beta says timed out; gamma says connection refused; "
			   "reports 5 s and 3 s old");
	mesh_words_pair(&out, &mesh, alpha, delta);
	expect_words(&out, "alpha, delta: delta is gone; report of alpha 0 ms old, none of delta");
	mesh_words_pair(&out, &mesh, beta, delta);
	expect_words(&out, "beta, delta: delta is gone; report of beta 5 s old, none of delta");
	mesh_words_node(&out, &mesh.nodes[delta]);
	expect_words(&out, "delta is gone for 3 min: crashed; no report");
	mesh_words_node(&out, &mesh.nodes[alpha]);
	expect_words(&out, "alpha, this node; report 0 ms old");
	mesh_words_node(&out, &mesh.nodes[beta]);
	expect_words(&out, "beta, 0.4 ms away; report 5 s old");
	/* Notices come last. */
	CU_ASSERT(!mesh.problems[0].is_notice && mesh.problems[1].is_notice);
	setenv("TZ", "UTC", 1);
	tzset();
	mesh_words_problem(&out, &mesh, &mesh.problems[0]);
	expect_words(&out, "since 11:58:59: beta and gamma can't talk");
	mesh_words_problem(&out, &mesh, &mesh.problems[1]);
	expect_words(&out, "n");
	mesh_fini(&mesh);
}

static void round_trips_and_labels_are_cut(void)
{
	static const struct {
		double rtt_ms;
		size_t most;
		const char *text;
	} rtts[] = {{-1, 4, ""},       {0.04, 3, ".04"}, {0.094, 3, ".09"}, {0.096, 3, "0.1"},
		    {0.44, 3, "0.4"},  {9.94, 3, "9.9"}, {9.96, 3, "10"},   {999.4, 3, "999"},
		    {1200, 4, "1.2s"}, {1200, 3, "1s"},	 {12345, 4, "12s"}, {1e9, 3, "99s"}};
	static const struct {
		const char *label;
		size_t cells;
		const char *text;
	} labels[] = {{"alpha", 5, "alpha"},
		      {"alphabet", 6, "alph~t"},
		      {"web-eu-01", 8, "web~u-01"},
		      {"web-01", 4, "b-01"},
		      {"alphabet", 3, "alp"},
		      {"\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5"},
		      {"\xe6\x97\xa5\xe6\x9c\xac", 1, "\xe6\x97\xa5"}};
	static const struct {
		double rtt_ms;
		size_t distance;
	} distances[] = {{-1, 4}, {0, 0}, {0.9, 0}, {1, 1}, {99, 2}, {100, 3}, {1e9, 3}};
	char text[MESH_SHORT_BYTES];
	for (size_t i = 0; i < sizeof rtts / sizeof *rtts; i++) {
		mesh_words_rtt(rtts[i].rtt_ms, rtts[i].most, text);
		EXPECT(strcmp(text, rtts[i].text) == 0, "%g: %s", rtts[i].rtt_ms, text);
	}
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
		mesh_words_short(labels[i].label, labels[i].cells, text);
		EXPECT(strcmp(text, labels[i].text) == 0, "%s in %zu: %s", labels[i].label, labels[i].cells, text);
	}
	for (size_t i = 0; i < sizeof distances / sizeof *distances; i++)
		EXPECT(mesh_distance(distances[i].rtt_ms) == distances[i].distance, "%g", distances[i].rtt_ms);
}

static void text_is_escaped_for_its_language(void)
{
	static const char text[] = "<a href=\"x\">&'\\n\033]\xef\xbf\xbf\xff";
	struct writing out = {0};
	writing_markup(&out, text);
	expect_words(&out, "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\\n\\x1b]\xef\xbf\xbd\\xff");
	writing_graphviz(&out, text);
	expect_words(&out, "<a href=\\\"x\\\">&'\\\\n\\\\x1b]\xef\xbf\xbf\\\\xff");
	writing_print(&out, "%300d", 7);
	CU_ASSERT_EQUAL(writing_length(&out), 300);
	writing_cut(&out, 299);
	writing_print(&out, "8");
	CU_ASSERT(writing_length(&out) == 300 && strcmp(writing_content(&out) + 298, " 8") == 0);
	writing_print(&out, "\xe2\x9c\x95");
	writing_cut(&out, 302);
	CU_ASSERT_EQUAL(writing_length(&out), 300);
	writing_fini(&out);
}

static CU_TestInfo tests[] = {
	{"nodes are ordered by name, then by nodeid", nodes_are_ordered_by_name_and_nodeid},
	{"names are shown clean", names_are_shown_clean},
	{"a pair is found from both ends", a_pair_is_found_from_both_ends},
	{"who can dial is found out", who_can_dial_is_found_out},
	{"what is old or gone is not news", what_is_old_or_gone_is_not_news},
	{"what nobody tells is unknown", what_nobody_tells_is_unknown},
	{"odd rows do no harm", odd_rows_do_no_harm},
	{"the worst come first", the_worst_come_first},
	{"who is late to all is alone to blame", who_is_late_to_all_is_alone_to_blame},
	{"sentences say what is so, and how old that is", sentences_say_what_and_how_old},
	{"round trips and labels are cut to what fits", round_trips_and_labels_are_cut},
	{"text is escaped for its language", text_is_escaped_for_its_language},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_mesh_model = {.pName = "mesh_model", .pTests = tests};
