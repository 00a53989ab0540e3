#include "kith/top_keys.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kith/top_view.h"
#include "runner.h"
#include "unit/suites.h"

#define SECOND_US INT64_C(1000000)

/* Adds a row, in which ' stands for ". */
static void add(struct status *status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct status *status, const char *format, ...)
{
	char text[512];
	struct json_object *row = NULL;
	struct problem problem;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (char *at = text; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	CU_ASSERT_FATAL(json_parse(text, strlen(text), 4, &row, &problem));
	status_take(status, row);
	json_object_put(row);
}

static void add_peer(struct status *status, const char *name, const char *rest)
{
	add(status, "{'msgtype':'peer','nodeid':'id-%s','name':'%s','state':'ready'%s}", name, name, rest);
}

static void add_info(struct status *status, const char *boot)
{
	add(status, "{'msgtype':'info','nodeid':'me','name':'alpha','boot':'%s'}", boot);
}

static void add_event(struct status *status, int number, const char *kind, const char *name)
{
	add(status,
	    "{'msgtype':'event','kind':'%s','ending':'failed','number':%d,'ago_s':1,'nodeid':'id-%s','name':'%s'}",
	    kind, number, name, name);
}

/* Four peers, of which web-10 has no round trip yet. */
static void take_four(struct top_model *model)
{
	struct status status = {0};
	add_info(&status, "one");
	add_peer(&status, "web-10", ",'bytes_in':5,'listen':'10.0.0.10:5999'");
	add_peer(&status, "web-2", ",'rtt_ms':3,'bytes_in':7,'listen':'10.0.0.2:5999'");
	add_peer(&status, "db", ",'rtt_ms':1,'bytes_in':6,'listen':'10.0.0.7:5999'");
	add(&status, "{'msgtype':'peer','nodeid':'id-cache','name':'cache','state':'late','rtt_ms':2,'usual_rtt_ms':2,"
		     "'late_ms':4000,'listen':'10.0.0.9:5999','agent':'other/1'}");
	CU_ASSERT(top_take(model, &status, TOP_PEERS, SECOND_US));
}

static enum top_wish press(struct top_model *model, enum press_kind kind)
{
	return top_press(model, &(struct press){.kind = kind});
}

static enum top_wish type(struct top_model *model, const char *text)
{
	enum top_wish wish = TOP_NOTHING;
	for (; *text != '\0'; text++)
		wish = top_press(model, &(struct press){.kind = PRESS_TEXT, .text = {*text}});
	return wish;
}

/* Of a link "web-db", of a problem its text. */
static const char *name_of(struct json_object *row)
{
	static char link[64];
	const char *name = value_text(row, "name"), *text = value_text(row, "text");
	if (name != NULL || text != NULL)
		return name != NULL ? name : text;
	snprintf(link, sizeof link, "%s-%s", value_text(row, "one_name"), value_text(row, "other_name"));
	return link;
}

/* The names that are shown, in their order. */
static const char *names(const struct top_model *model)
{
	static char text[256];
	text[0] = '\0';
	for (size_t i = 0; i < model->shown.count; i++)
		strcat(strcat(text, i == 0 ? "" : " "), name_of(model->shown.list[i]));
	return text;
}

static const char *selected(const struct top_model *model)
{
	return model->shown.count == 0 ? "" : name_of(model->shown.list[model->places[model->page].selected]);
}

static void test_sort(void)
{
	static const struct {
		const char *keys, *names;
	} cases[] = {
		{"", "cache db web-2 web-10"},	 {"n", "web-10 web-2 db cache"},  {"t", "web-2 cache db web-10"},
		{"tt", "db cache web-2 web-10"}, {"tr", "db cache web-2 web-10"}, {"b", "web-2 db web-10 cache"},
		{"s", "cache db web-2 web-10"},	 {"a", "web-2 db cache web-10"},  {"g", "cache db web-2 web-10"},
		{">", "cache db web-2 web-10"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct top_model model;
		top_init(&model);
		take_four(&model);
		type(&model, cases[i].keys);
		EXPECT(strcmp(names(&model), cases[i].names) == 0, "%s: %s", cases[i].keys, names(&model));
		top_fini(&model);
	}
}

static void test_selection(void)
{
	struct top_model model;
	struct status status = {0};
	top_init(&model);
	CU_ASSERT_EQUAL(press(&model, PRESS_DOWN), TOP_NOTHING);
	CU_ASSERT_EQUAL(press(&model, PRESS_ENTER), TOP_NOTHING);
	take_four(&model);
	CU_ASSERT_STRING_EQUAL(selected(&model), "cache");
	press(&model, PRESS_UP);
	press(&model, PRESS_DOWN);
	type(&model, "j");
	CU_ASSERT_STRING_EQUAL(selected(&model), "web-2");
	/* It follows its peer into another order, and into the next state. */
	type(&model, "t");
	CU_ASSERT_STRING_EQUAL(selected(&model), "web-2");
	CU_ASSERT_EQUAL(model.places[0].selected, 0);
	add_info(&status, "one");
	add_peer(&status, "zeta", ",'rtt_ms':9");
	add_peer(&status, "web-2", ",'rtt_ms':3");
	top_take(&model, &status, TOP_PEERS, 2 * SECOND_US);
	CU_ASSERT_STRING_EQUAL(selected(&model), "web-2");
	CU_ASSERT_EQUAL(model.places[0].selected, 1);
	/* If its peer has gone for good, it stays where it is. */
	add_info(&status, "one");
	add_peer(&status, "zeta", ",'rtt_ms':9");
	top_take(&model, &status, TOP_PEERS, 3 * SECOND_US);
	CU_ASSERT_STRING_EQUAL(selected(&model), "zeta");
	add_info(&status, "one");
	top_take(&model, &status, TOP_PEERS, 4 * SECOND_US);
	CU_ASSERT_EQUAL(press(&model, PRESS_END), TOP_NOTHING);
	CU_ASSERT_EQUAL(model.shown.count, 0);
	top_fini(&model);
}

static void test_scroll(void)
{
	enum { PEERS = 50, PAGE = 10 };
	struct top_model model;
	struct status status = {0};
	top_init(&model);
	add_info(&status, "one");
	for (int i = 0; i < PEERS; i++) {
		char name[32];
		snprintf(name, sizeof name, "p%d", i);
		add_peer(&status, name, "");
	}
	top_take(&model, &status, TOP_PEERS, SECOND_US);
	static const struct {
		enum press_kind kind;
		size_t selected, first;
	} steps[] = {
		{PRESS_DOWN, 1, 0},    {PRESS_PAGE_DOWN, 11, 2}, {PRESS_UP, 10, 2},
		{PRESS_PAGE_UP, 0, 0}, {PRESS_END, 49, 40},	 {PRESS_DOWN, 49, 40},
		{PRESS_UP, 48, 40},    {PRESS_HOME, 0, 0},	 {PRESS_PAGE_DOWN, 10, 1},
	};
	top_scroll(&model, PAGE);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		press(&model, steps[i].kind);
		top_scroll(&model, PAGE);
		EXPECT(model.places[0].selected == steps[i].selected && model.places[0].first == steps[i].first,
		       "step %zu: %zu, %zu", i, model.places[0].selected, model.places[0].first);
	}
	/* A larger screen shows what fits. */
	press(&model, PRESS_END);
	top_scroll(&model, PEERS + 5);
	CU_ASSERT_EQUAL(model.places[0].first, 0);
	top_scroll(&model, 0);
	CU_ASSERT_EQUAL(model.height, 1);
	top_fini(&model);
}

static void test_search(void)
{
	struct top_model model;
	top_init(&model);
	take_four(&model);
	type(&model, "/WEB");
	CU_ASSERT_EQUAL(model.mode, TOP_SEARCH);
	CU_ASSERT_STRING_EQUAL(names(&model), "web-2 web-10");
	type(&model, "q");
	CU_ASSERT_EQUAL(model.shown.count, 0);
	press(&model, PRESS_BACKSPACE);
	press(&model, PRESS_DOWN);
	press(&model, PRESS_ENTER);
	CU_ASSERT_EQUAL(model.mode, TOP_LIST);
	CU_ASSERT_STRING_EQUAL(selected(&model), "web-10");
	/* It stays for the next state, until Escape. */
	take_four(&model);
	CU_ASSERT_STRING_EQUAL(names(&model), "web-2 web-10");
	press(&model, PRESS_ESCAPE);
	CU_ASSERT_EQUAL(model.shown.count, 4);
	static const struct {
		const char *words, *names;
	} cases[] = {{"0.0.7:", "db"}, {"other/", "cache"}, {"id-db", "db"}, {"late", "cache"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		type(&model, "/");
		type(&model, cases[i].words);
		EXPECT(strcmp(names(&model), cases[i].names) == 0, "%s: %s", cases[i].words, names(&model));
		press(&model, PRESS_ESCAPE);
		CU_ASSERT_EQUAL(model.mode, TOP_LIST);
	}
	/* A whole character is taken back. */
	type(&model, "/");
	top_press(&model, &(struct press){.kind = PRESS_TEXT, .text = "\u6771"});
	press(&model, PRESS_BACKSPACE);
	CU_ASSERT_STRING_EQUAL(model.filter, "");
	for (int i = 0; i < 2 * TOP_TEXT_BYTES; i++)
		type(&model, "x");
	CU_ASSERT_EQUAL(strlen(model.filter), TOP_TEXT_BYTES - 1);
	top_fini(&model);
}

static void test_gone(void)
{
	struct top_model model;
	struct status status = {0};
	double ago_s;
	top_init(&model);
	add_info(&status, "one");
	add_peer(&status, "web", "");
	add_event(&status, 3, "peer_up", "db");
	add_event(&status, 4, "peer_down", "db");
	CU_ASSERT(top_take(&model, &status, TOP_PEERS, SECOND_US));
	CU_ASSERT_STRING_EQUAL(names(&model), "db web");
	CU_ASSERT_STRING_EQUAL(top_state(model.shown.list[0]), "gone");
	CU_ASSERT_EQUAL(model.last_event, 4);
	/* What was known is still known, and older. */
	add_info(&status, "one");
	add_peer(&status, "web", "");
	CU_ASSERT(top_take(&model, &status, TOP_PEERS, 11 * SECOND_US));
	CU_ASSERT_STRING_EQUAL(names(&model), "db web");
	CU_ASSERT(value_number(model.shown.list[0], "ago_s", &ago_s) && ago_s > 10.9 && ago_s < 11.1);
	/* It is back. */
	add_info(&status, "one");
	add_peer(&status, "db", "");
	add_event(&status, 5, "peer_up", "db");
	CU_ASSERT(top_take(&model, &status, TOP_PEERS, 12 * SECOND_US));
	CU_ASSERT_STRING_EQUAL(names(&model), "db");
	CU_ASSERT_STRING_EQUAL(top_state(model.shown.list[0]), "ready");
	CU_ASSERT_EQUAL(model.status.events.count, 1);
	top_fini(&model);
}

/* The node was started again: its events are others, and asked for from their beginning. */
static void test_restart(void)
{
	struct top_model model;
	struct status status = {0};
	top_init(&model);
	add_info(&status, "one");
	add_event(&status, 7, "peer_down", "db");
	CU_ASSERT(top_take(&model, &status, TOP_PEERS, SECOND_US));
	add_info(&status, "two");
	add_event(&status, 8, "peer_down", "web");
	CU_ASSERT_FALSE(top_take(&model, &status, TOP_PEERS, 2 * SECOND_US));
	CU_ASSERT_EQUAL(model.last_event, 0);
	CU_ASSERT_EQUAL(model.shown.count, 0);
	add_info(&status, "two");
	add_event(&status, 2, "peer_down", "cache");
	CU_ASSERT(top_take(&model, &status, TOP_PEERS, 3 * SECOND_US));
	CU_ASSERT_STRING_EQUAL(names(&model), "cache");
	top_fini(&model);
}

static void test_keys(void)
{
	struct top_model model;
	struct rows facts = {0};
	struct problem nothing = {0};
	top_init(&model);
	take_four(&model);
	CU_ASSERT_EQUAL(type(&model, "p"), TOP_NOTHING);
	CU_ASSERT(model.is_paused);
	CU_ASSERT_EQUAL(type(&model, "p"), TOP_REFRESH);
	CU_ASSERT_EQUAL(type(&model, " "), TOP_REFRESH);
	CU_ASSERT_EQUAL(type(&model, "?"), TOP_NOTHING);
	CU_ASSERT_EQUAL(model.mode, TOP_HELP);
	/* It leaves the help, not the program. */
	CU_ASSERT_EQUAL(type(&model, "q"), TOP_NOTHING);
	CU_ASSERT_EQUAL(model.mode, TOP_LIST);
	CU_ASSERT_EQUAL(press(&model, PRESS_ENTER), TOP_REFRESH);
	CU_ASSERT_EQUAL(model.mode, TOP_STORY);
	CU_ASSERT_STRING_EQUAL(model.story.about.one, "id-cache");
	/* Of another node: too late. */
	top_take_story(&model, &(struct top_about){.one = "id-db"}, &facts, &(struct problem){.text = "no"});
	CU_ASSERT_STRING_EQUAL(model.story.no_story.text, "");
	top_take_story(&model, &(struct top_about){.one = "id-cache"}, &facts, &(struct problem){.text = "no"});
	CU_ASSERT_STRING_EQUAL(model.story.no_story.text, "no");
	top_take_story(&model, &(struct top_about){.one = "id-cache"}, &facts, &nothing);
	CU_ASSERT_STRING_EQUAL(model.story.no_story.text, "");
	press(&model, PRESS_ESCAPE);
	CU_ASSERT_EQUAL(model.mode, TOP_LIST);
	CU_ASSERT_STRING_EQUAL(model.story.about.one, "");
	CU_ASSERT_EQUAL(type(&model, "q"), TOP_QUIT);
	top_fini(&model);
}

/* The network, as it was asked for to show that page; with its second problem while that lasts. */
static void take_network(struct top_model *model, enum top_page page, bool has_second)
{
	struct status status = {0};
	add_info(&status, "one");
	add_peer(&status, "web", "");
	add(&status, "{'msgtype':'problem','number':1,'kind':'single','is_notice':true,'text':'thin','raised_s':9,"
		     "'subjects':['id-a','id-b','id-c']}");
	if (has_second)
		add(&status,
		    "{'msgtype':'problem','number':2,'kind':'link','text':'broken','advice':'look','since_s':9,"
		    "'raised_s':8,'evidence_s':3,'subjects':['id-db','id-web']}");
	if (page == TOP_NODES) {
		add(&status,
		    "{'msgtype':'node','nodeid':'id-db','name':'db','state':'alive','has_report':true,'links':1,"
		    "'rtt_ms':2,'tags':['role=db']}");
		add(&status, "{'msgtype':'node','nodeid':'id-web','name':'web','state':'alive','has_report':false,"
			     "'links':1,'rtt_ms':3}");
		add(&status,
		    "{'msgtype':'node','nodeid':'id-old','name':'old','state':'gone','has_report':true,'links':0,"
		    "'reason':'crashed'}");
	} else if (page == TOP_LINKS) {
		add(&status,
		    "{'msgtype':'link','one':'id-a','one_name':'a','other':'id-b','other_name':'b','state':'up',"
		    "'rtt_ms':1}");
		add(&status,
		    "{'msgtype':'link','one':'id-a','one_name':'a','other':'id-c','other_name':'c','state':'down',"
		    "'down_s':4,'one_says':'timed out'}");
	}
	CU_ASSERT_EQUAL(top_take(model, &status, page, SECOND_US), page == model->page);
}

static void test_pages(void)
{
	struct top_model model;
	top_init(&model);
	take_network(&model, TOP_PEERS, true);
	CU_ASSERT_STRING_EQUAL(names(&model), "web");
	/* What another page lists is to be asked for. */
	CU_ASSERT_EQUAL(type(&model, "2"), TOP_REFRESH);
	CU_ASSERT_EQUAL(model.shown.count, 0);
	take_network(&model, TOP_NODES, true);
	CU_ASSERT_STRING_EQUAL(names(&model), "db old web");
	type(&model, "s");
	CU_ASSERT_STRING_EQUAL(names(&model), "old db web");
	type(&model, "t");
	CU_ASSERT_STRING_EQUAL(names(&model), "web db old");
	type(&model, "jj/role=db");
	CU_ASSERT_STRING_EQUAL(names(&model), "db");
	press(&model, PRESS_ESCAPE);
	CU_ASSERT_EQUAL(press(&model, PRESS_TAB), TOP_REFRESH);
	/* An answer that was on its way is for the page before. */
	take_network(&model, TOP_NODES, true);
	CU_ASSERT_EQUAL(model.shown.count, 0);
	take_network(&model, TOP_LINKS, true);
	CU_ASSERT_STRING_EQUAL(names(&model), "a-c a-b");
	CU_ASSERT_EQUAL(type(&model, "4"), TOP_NOTHING);
	CU_ASSERT_STRING_EQUAL(names(&model), "broken thin");
	/* Each page keeps its order and its selection. */
	CU_ASSERT_EQUAL(type(&model, "2"), TOP_REFRESH);
	take_network(&model, TOP_NODES, true);
	CU_ASSERT_STRING_EQUAL(names(&model), "web db old");
	CU_ASSERT_STRING_EQUAL(selected(&model), "db");
	top_fini(&model);
}

static bool has_line(const struct picture *picture, const char *words)
{
	for (size_t i = 0; i < picture->count; i++)
		if (strstr(picture->lines[i].text, words) != NULL)
			return true;
	return false;
}

static bool shows(struct top_model *model, const char *words)
{
	struct picture picture = top_view(model, 24, 100);
	bool is_there = has_line(&picture, words);
	picture_fini(&picture);
	return is_there;
}

static size_t count_lines(struct top_model *model, const char *words)
{
	struct picture picture = top_view(model, 24, 100);
	size_t count = 0;
	for (size_t i = 0; i < picture.count; i++)
		count += strstr(picture.lines[i].text, words) != NULL;
	picture_fini(&picture);
	return count;
}

/* What is between the two nodes of the second problem. */
static void take_facts(struct top_model *model)
{
	static const char *const texts[] = {
		"{\"fact\":\"node\",\"nodeid\":\"id-db\",\"name\":\"db\",\"state\":\"alive\"}",
		"{\"fact\":\"node\",\"nodeid\":\"id-web\",\"name\":\"web\",\"state\":\"alive\"}",
		"{\"fact\":\"link\",\"one\":\"id-db\",\"other\":\"id-web\",\"state\":\"down\",\"is_up\":false}",
		"{\"fact\":\"event\",\"kind\":\"problem\",\"problem\":2,\"reason\":\"found again\"}",
		"{\"fact\":\"problem\",\"kind\":\"link\",\"number\":2,\"text\":\"found again\",\"advice\":\"look\"}",
	};
	struct rows facts = {0};
	struct problem problem, nothing = {0};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct json_object *row = NULL;
		CU_ASSERT_FATAL(json_parse(texts[i], strlen(texts[i]), 4, &row, &problem));
		CU_ASSERT(rows_add(&facts, row));
		json_object_put(row);
	}
	top_take_story(model, &(struct top_about){"id-db", "id-web"}, &facts, &nothing);
	take_network(model, TOP_PROBLEMS, true);
}

static void test_stories_of_pages(void)
{
	struct top_model model;
	top_init(&model);
	type(&model, "3");
	take_network(&model, TOP_LINKS, true);
	CU_ASSERT_EQUAL(press(&model, PRESS_ENTER), TOP_REFRESH);
	CU_ASSERT_STRING_EQUAL(model.story.about.one, "id-a");
	CU_ASSERT_STRING_EQUAL(model.story.about.other, "id-c");
	press(&model, PRESS_ESCAPE);
	CU_ASSERT_STRING_EQUAL(model.story.about.other, "");
	type(&model, "4");
	press(&model, PRESS_ENTER);
	CU_ASSERT_STRING_EQUAL(model.story.about.one, "id-db");
	CU_ASSERT_STRING_EQUAL(model.story.about.other, "id-web");
	CU_ASSERT(shows(&model, "broken") && shows(&model, "look"));
	CU_ASSERT(shows(&model, "the last report about it came 3 s ago") && !shows(&model, "it is over"));
	/* What the story tells is told once. */
	take_facts(&model);
	CU_ASSERT(shows(&model, "db and web can't talk") && !shows(&model, "found again"));
	CU_ASSERT_EQUAL(count_lines(&model, "look"), 1);
	/* It ends while it is read. */
	take_network(&model, TOP_PROBLEMS, false);
	CU_ASSERT(shows(&model, "broken") && shows(&model, "it is over"));
	press(&model, PRESS_ESCAPE);
	/* One about many nodes has no story. */
	press(&model, PRESS_ENTER);
	CU_ASSERT_STRING_EQUAL(model.story.about.one, "");
	CU_ASSERT(shows(&model, "thin") && shows(&model, "a notice: nothing is broken"));
	CU_ASSERT(!shows(&model, "asking the node"));
	top_fini(&model);
}

static void test_views_of_pages(void)
{
	struct top_model model;
	top_init(&model);
	take_network(&model, TOP_PEERS, true);
	CU_ASSERT(shows(&model, "[1 peers] 2 nodes 3 links 4 problems"));
	type(&model, "2");
	CU_ASSERT(shows(&model, "asking the node"));
	take_network(&model, TOP_NODES, true);
	CU_ASSERT(shows(&model, "3 nodes: 2 alive, 1 gone"));
	CU_ASSERT(shows(&model, "no report") && shows(&model, "1/1") && shows(&model, "crashed"));
	type(&model, "?");
	CU_ASSERT(shows(&model, "sort by seen by") && !shows(&model, "bytes in"));
	type(&model, "q3");
	take_network(&model, TOP_LINKS, true);
	CU_ASSERT(shows(&model, "2 links: 1 up, 1 down") && shows(&model, "timed out"));
	type(&model, "4");
	CU_ASSERT(shows(&model, "1 problem, 1 notice") && shows(&model, "single"));
	top_fini(&model);
}

/* At any size, in any mode: as many lines as there are rows, and none is too long. */
static void test_view_sizes(void)
{
	static const char *const keys[] = {"", "/web", "?", "2", "3", "4", "2?"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		for (size_t rows = 1; rows < 30; rows++)
			for (size_t columns = 1; columns < 90; columns += 3) {
				struct top_model model;
				top_init(&model);
				take_four(&model);
				type(&model, keys[i]);
				struct picture picture = top_view(&model, rows, columns);
				EXPECT(picture.count == rows && !picture.lacks_memory, "%zu rows of %zu", rows,
				       columns);
				for (size_t line = 0; line < picture.count; line++)
					EXPECT(strlen(picture.lines[line].text) <= columns, "%zu rows of %zu: %s", rows,
					       columns, picture.lines[line].text);
				picture_fini(&picture);
				top_fini(&model);
			}
}

static void test_view(void)
{
	struct top_model model;
	top_init(&model);
	take_four(&model);
	struct picture picture = top_view(&model, 24, 80);
	CU_ASSERT(has_line(&picture, "4 peers: 3 ready, 1 late"));
	CU_ASSERT(has_line(&picture, "late  cache  no answer for 4 s (usually 2.0 ms)"));
	CU_ASSERT(has_line(&picture, "web-2     id-web-2  10.0.0.2:5999         ready   3.0 ms"));
	CU_ASSERT(has_line(&picture, "sorted by name"));
	picture_fini(&picture);
	type(&model, "/web");
	press(&model, PRESS_ENTER);
	problem_set(&model.trouble, "no node answers");
	picture = top_view(&model, 24, 80);
	CU_ASSERT(has_line(&picture, "web-10") && !has_line(&picture, "10.0.0.7:5999"));
	CU_ASSERT(has_line(&picture, "no node answers"));
	model.trouble.text[0] = '\0';
	picture_fini(&picture);
	picture = top_view(&model, 24, 80);
	CU_ASSERT(has_line(&picture, "/web: 2 of 4"));
	picture_fini(&picture);
	top_fini(&model);
}

static CU_TestInfo tests[] = {
	{"the order of the peers", test_sort},
	{"the selection follows its peer", test_selection},
	{"the list scrolls with the selection", test_scroll},
	{"a search", test_search},
	{"nodes that are gone", test_gone},
	{"a node that was started again", test_restart},
	{"what keys do", test_keys},
	{"pages of the network", test_pages},
	{"why, on each page", test_stories_of_pages},
	{"what each page shows", test_views_of_pages},
	{"a picture of any size", test_view_sizes},
	{"what the picture has", test_view},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_top_model = {.pName = "top_model", .pTests = tests};
