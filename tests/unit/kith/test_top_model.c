#include "kith/top_model.h"

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
	CU_ASSERT(top_take(model, &status, SECOND_US));
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

/* The names that are shown, in their order. */
static const char *names(const struct top_model *model)
{
	static char text[256];
	text[0] = '\0';
	for (size_t i = 0; i < model->shown.count; i++)
		strcat(strcat(text, i == 0 ? "" : " "), value_text(model->shown.list[i], "name"));
	return text;
}

static const char *selected(const struct top_model *model)
{
	return model->shown.count == 0 ? "" : value_text(model->shown.list[model->selected], "name");
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
	CU_ASSERT_EQUAL(model.selected, 0);
	add_info(&status, "one");
	add_peer(&status, "zeta", ",'rtt_ms':9");
	add_peer(&status, "web-2", ",'rtt_ms':3");
	top_take(&model, &status, 2 * SECOND_US);
	CU_ASSERT_STRING_EQUAL(selected(&model), "web-2");
	CU_ASSERT_EQUAL(model.selected, 1);
	/* If its peer has gone for good, it stays where it is. */
	add_info(&status, "one");
	add_peer(&status, "zeta", ",'rtt_ms':9");
	top_take(&model, &status, 3 * SECOND_US);
	CU_ASSERT_STRING_EQUAL(selected(&model), "zeta");
	add_info(&status, "one");
	top_take(&model, &status, 4 * SECOND_US);
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
		char name[16];
		snprintf(name, sizeof name, "p%d", i);
		add_peer(&status, name, "");
	}
	top_take(&model, &status, SECOND_US);
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
		EXPECT(model.selected == steps[i].selected && model.first == steps[i].first, "step %zu: %zu, %zu", i,
		       model.selected, model.first);
	}
	/* A larger screen shows what fits. */
	press(&model, PRESS_END);
	top_scroll(&model, PEERS + 5);
	CU_ASSERT_EQUAL(model.first, 0);
	top_scroll(&model, 0);
	CU_ASSERT_EQUAL(model.page, 1);
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
	CU_ASSERT(top_take(&model, &status, SECOND_US));
	CU_ASSERT_STRING_EQUAL(names(&model), "db web");
	CU_ASSERT_STRING_EQUAL(top_state(model.shown.list[0]), "gone");
	CU_ASSERT_EQUAL(model.last_event, 4);
	/* What was known is still known, and older. */
	add_info(&status, "one");
	add_peer(&status, "web", "");
	CU_ASSERT(top_take(&model, &status, 11 * SECOND_US));
	CU_ASSERT_STRING_EQUAL(names(&model), "db web");
	CU_ASSERT(value_number(model.shown.list[0], "ago_s", &ago_s) && ago_s > 10.9 && ago_s < 11.1);
	/* It is back. */
	add_info(&status, "one");
	add_peer(&status, "db", "");
	add_event(&status, 5, "peer_up", "db");
	CU_ASSERT(top_take(&model, &status, 12 * SECOND_US));
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
	CU_ASSERT(top_take(&model, &status, SECOND_US));
	add_info(&status, "two");
	add_event(&status, 8, "peer_down", "web");
	CU_ASSERT_FALSE(top_take(&model, &status, 2 * SECOND_US));
	CU_ASSERT_EQUAL(model.last_event, 0);
	CU_ASSERT_EQUAL(model.shown.count, 0);
	add_info(&status, "two");
	add_event(&status, 2, "peer_down", "cache");
	CU_ASSERT(top_take(&model, &status, 3 * SECOND_US));
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
	CU_ASSERT_STRING_EQUAL(model.about, "id-cache");
	/* Of another node: too late. */
	top_take_story(&model, "id-db", &facts, &(struct problem){.text = "no"});
	CU_ASSERT_STRING_EQUAL(model.no_story.text, "");
	top_take_story(&model, "id-cache", &facts, &(struct problem){.text = "no"});
	CU_ASSERT_STRING_EQUAL(model.no_story.text, "no");
	top_take_story(&model, "id-cache", &facts, &nothing);
	CU_ASSERT_STRING_EQUAL(model.no_story.text, "");
	press(&model, PRESS_ESCAPE);
	CU_ASSERT_EQUAL(model.mode, TOP_LIST);
	CU_ASSERT_STRING_EQUAL(model.about, "");
	CU_ASSERT_EQUAL(type(&model, "q"), TOP_QUIT);
	top_fini(&model);
}

/* At any size, in any mode: as many lines as there are rows, and none is too long. */
static void test_view_sizes(void)
{
	static const char *const keys[] = {"", "/web", "?"};
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

static bool has_line(const struct picture *picture, const char *words)
{
	for (size_t i = 0; i < picture->count; i++)
		if (strstr(picture->lines[i].text, words) != NULL)
			return true;
	return false;
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
	{"a picture of any size", test_view_sizes},
	{"what the picture has", test_view},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_top_model = {.pName = "top_model", .pTests = tests};
