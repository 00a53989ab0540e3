#include <stdio.h>
#include <string.h>

#include "kith/exposition.h"
#include "kith/health.h"
#include "runner.h"
#include "unit/suites.h"

/* Parses a text in which ' stands for ". */
static struct json_object *parse(const char *text)
{
	char copy[1024];
	struct problem problem;
	struct json_object *row = NULL;
	snprintf(copy, sizeof copy, "%s", text);
	for (char *at = copy; (at = strchr(at, '\'')) != NULL;)
		*at = '"';
	CU_ASSERT_FATAL(json_parse(copy, strlen(copy), 8, &row, &problem));
	return row;
}

static struct rows parse_all(const char *const *texts)
{
	struct rows rows = {0};
	for (; *texts != NULL; texts++) {
		struct json_object *row = parse(*texts);
		CU_ASSERT(rows_add(&rows, row));
		json_object_put(row);
	}
	return rows;
}

static void expect_text(struct buffer *out, const char *text)
{
	EXPECT(buffer_length(out) == strlen(text) && memcmp(buffer_content(out), text, strlen(text)) == 0, "%.*s",
	       (int)buffer_length(out), buffer_content(out));
	buffer_fini(out);
}

/* ---- check ---- */

static const struct rows no_rows = {.count = 0};

/* The line of what was found begins with these words. */
static void expect_line(enum outcome found, enum outcome outcome, struct buffer *line, const char *words, size_t number)
{
	CU_ASSERT(buffer_append(line, "", 1));
	EXPECT(found == outcome && strncmp(buffer_content(line), words, strlen(words)) == 0, "case %zu: %d %s", number,
	       (int)found, buffer_content(line));
	buffer_fini(line);
}

static void thresholds_decide(void)
{
	static const char *const peers[] = {
		"{'state':'ready','rtt_ms':3}",	  "{'state':'ready','rtt_ms':1}",    "{'state':'ready','rtt_ms':200}",
		"{'state':'hello','rtt_ms':999}", "{'state':'ready','rtt_ms':null}", NULL,
	};
	static const char good[] = "{'peers':4,'problems':[]}", bad[] = "{'peers':4,'problems':['no way out']}";
	static const struct {
		const char *info;
		struct health_limits limits;
		enum outcome outcome;
		const char *words;
	} cases[] = {
		{good, {-1, -1, -1, -1}, OUTCOME_DONE, "KITH OK - 4 peers, rtt 3.0 ms | "},
		{good, {4, 4, 3, 3}, OUTCOME_DONE, "KITH OK - 4 peers, rtt 3.0 ms | peers=4;4:;4:;0 "},
		{good,
		 {5, 1, -1, -1},
		 OUTCOME_WARNING,
		 "KITH WARNING - 4 peers (fewer than 5), rtt 3.0 ms | peers=4;5:;1:;0"},
		{good, {6, 5, -1, -1}, OUTCOME_CRITICAL, "KITH CRITICAL - 4 peers (fewer than 5), rtt 3.0 ms | "},
		{good, {-1, -1, 2.5, 10}, OUTCOME_WARNING, "KITH WARNING - 4 peers, rtt 3.0 ms (more than 2.5 ms) | "},
		{good, {-1, -1, -1, 2}, OUTCOME_CRITICAL, "KITH CRITICAL - 4 peers, rtt 3.0 ms (more than 2 ms) | "},
		{bad, {-1, -1, -1, -1}, OUTCOME_WARNING, "KITH WARNING - 4 peers, rtt 3.0 ms; no way out | "},
		{bad,
		 {-1, 5, -1, -1},
		 OUTCOME_CRITICAL,
		 "KITH CRITICAL - 4 peers (fewer than 5), rtt 3.0 ms; no way out | "},
	};
	struct rows rows = parse_all(peers);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer line = {0};
		struct json_object *info = parse(cases[i].info);
		enum outcome outcome = health_describe(info, &rows, &no_rows, &cases[i].limits, &line);
		expect_line(outcome, cases[i].outcome, &line, cases[i].words, i);
		json_object_put(info);
	}
	rows_fini(&rows);
}

static void a_peer_that_is_late_for_long_is_a_warning(void)
{
	static const char *const peers[][3] = {
		{"{'state':'ready','name':'a'}", "{'state':'late','late_ms':1900,'name':'b','rtt_ms':2}", NULL},
		{"{'state':'late','late_ms':1200,'name':'a'}", "{'state':'late','late_ms':2000,'name':'b|c'}", NULL},
	};
	static const char *const lines[] = {
		"KITH OK - 2 peers, 1 late (b for 1.9 s), rtt 2.0 ms | peers=2;;1:;0",
		"KITH WARNING - 2 peers, 2 late (b/c for 2 s) | peers=2;;1:;0 inbound=0;;;0 "
		"outbound=0;;;0 late=2;;;0"};
	static const struct health_limits none = {-1, 1, -1, -1};
	for (size_t i = 0; i < 2; i++) {
		struct rows rows = parse_all(peers[i]);
		struct buffer line = {0};
		struct json_object *info = parse("{'peers':2,'problems':[]}");
		enum outcome outcome = health_describe(info, &rows, &no_rows, &none, &line);
		expect_line(outcome, i == 0 ? OUTCOME_DONE : OUTCOME_WARNING, &line, lines[i], i);
		json_object_put(info);
		rows_fini(&rows);
	}
}

static void the_line_has_one_bar(void)
{
	static const struct health_limits none = {-1, 1, -1, -1};
	struct rows rows = {0};
	struct buffer line = {0};
	struct json_object *info = parse("{'peers':0,'inbound':0,'outbound':0,'uptime_s':12.4,'memory_bytes':2000,"
					 "'problems':['a|b\\nc']}");
	CU_ASSERT(health_describe(info, &rows, &no_rows, &none, &line) == OUTCOME_CRITICAL);
	expect_text(&line,
		    "KITH CRITICAL - 0 peers (fewer than 1); a/b\\x0ac | peers=0;;1:;0 inbound=0;;;0 "
		    "outbound=0;;;0 late=0;;;0 problems=1;;;0 network_problems=0;;;0 uptime=12s;;;0 memory=2000B;;;0");
	json_object_put(info);
}

/* ---- metrics ---- */

static void samples_of_a_metric_are_together(void)
{
	static const char *const texts[] = {
		"{'name':'b_total','type':'counter','help':'B.','labels':{'k':'1'},'value':5}",
		"{'name':'a','type':'gauge','help':'A.','labels':{},'value':0.25}",
		"{'name':'b_total','type':'counter','help':'B.','labels':{'k':'2','l':''},'value':1e15}",
		"{'name':'h','type':'histogram','sample':'h_bucket','labels':{'le':'+Inf'},'value':3}",
		"{'name':'h','type':'histogram','sample':'h_sum','value':1.5}",
		"{'name':'unknown','type':'gauge','help':'','labels':{},'value':null}",
		"{'name':'no name','type':'gauge','value':1}",
		NULL,
	};
	struct rows rows = parse_all(texts);
	struct buffer out = {0};
	CU_ASSERT(exposition_add_metrics(&out, &rows));
	expect_text(&out,
		    "# HELP b_total B.\n# TYPE b_total counter\nb_total{k=\"1\"} 5\nb_total{k=\"2\",l=\"\"} 1e+15\n"
		    "# HELP a A.\n# TYPE a gauge\na 0.25\n"
		    "# HELP h \n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3\nh_sum 1.5\n"
		    "# HELP unknown \n# TYPE unknown gauge\n");
	rows_fini(&rows);
}

static void texts_are_escaped(void)
{
	static const char *const texts[] = {
		"{'name':'a','type':'gauge','help':'a \\\\ \\n \\u0022','labels':{'x y':'1','n':'\\\\ \\n \\u0022 "
		"\u00e9'},'value':1}",
		NULL,
	};
	struct rows rows = parse_all(texts);
	struct buffer out = {0};
	CU_ASSERT(exposition_add_metrics(&out, &rows));
	expect_text(&out, "# HELP a a \\\\ \\n \"\n# TYPE a gauge\na{n=\"\\\\ \\n \\\" \u00e9\"} 1\n");
	rows_fini(&rows);
}

static void the_worst_peers_are_added(void)
{
	static const char *const texts[] = {
		"{'nodeid':'1','name':'one','address':'x','state':'ready','rtt_ms':1}",
		"{'nodeid':'2','name':null,'address':'y','state':'ready','rtt_ms':1500}",
		"{'nodeid':'3','name':'three','address':'z','state':'ready','rtt_ms':20}",
		"{'nodeid':'4','name':'four','address':'z','state':'ready','rtt_ms':null}",
		"{'nodeid':'5','name':'five','address':'z','state':'hello','rtt_ms':9999}",
		NULL,
	};
	struct rows rows = parse_all(texts);
	struct buffer out = {0};
	CU_ASSERT(exposition_add_peers(&out, &rows, 2));
	expect_text(&out, "# HELP kith_peer_rtt_seconds The last round trip of the peers with the longest ones.\n"
			  "# TYPE kith_peer_rtt_seconds gauge\n"
			  "kith_peer_rtt_seconds{nodeid=\"2\",name=\"\",address=\"y\"} 1.5\n"
			  "kith_peer_rtt_seconds{nodeid=\"3\",name=\"three\",address=\"z\"} 0.02\n");
	CU_ASSERT(exposition_add_peers(&out, &rows, 0) && buffer_length(&out) == 0);
	rows_fini(&rows);
}

static void problems_of_the_network(void)
{
#define PROBLEM(kind, more, text) "{'kind':'" kind "'" more ",'text':'" text "'}"
	static const struct {
		const char *problems[6];
		enum outcome outcome;
		const char *words;
	} cases[] = {
		{{NULL}, OUTCOME_DONE, "KITH OK - 4 peers | "},
		{{PROBLEM("link", "", "a|b are apart")}, OUTCOME_WARNING, "KITH WARNING - 4 peers; a/b are apart | "},
		{{PROBLEM("single", ",'is_notice':true", "c has one link")}, OUTCOME_DONE, "KITH OK - 4 peers | "},
		{{PROBLEM("node", ",'is_notice':true", "c is gone")}, OUTCOME_DONE, "KITH OK - 4 peers | "},
		{{PROBLEM("slow", "", "c is slow"), PROBLEM("news", "", "what is that")},
		 OUTCOME_DONE,
		 "KITH OK - 4 peers | "},
		{{PROBLEM("me", "", "1"), PROBLEM("partition", "", "2"), PROBLEM("node", "", "3"),
		  PROBLEM("cut", "", "4"), PROBLEM("link", "", "5")},
		 OUTCOME_WARNING,
		 "KITH WARNING - 4 peers; 1; 2; 3; 2 more problems of the network | "},
	};
	static const struct health_limits limits = {-1, 1, -1, -1};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rows problems = parse_all(cases[i].problems);
		struct json_object *info = parse("{'peers':4,'problems':[]}");
		struct buffer line = {0};
		enum outcome outcome = health_describe(info, &no_rows, &problems, &limits, &line);
		expect_line(outcome, cases[i].outcome, &line, cases[i].words, i);
		json_object_put(info);
		rows_fini(&problems);
	}
#undef PROBLEM
}

static CU_TestInfo tests[] = {
	{"check: thresholds decide", thresholds_decide},
	{"check: the line has one bar", the_line_has_one_bar},
	{"problems of the network are a warning, if a node or a connection is missing", problems_of_the_network},
	{"a peer that is late for long is a warning", a_peer_that_is_late_for_long_is_a_warning},
	{"metrics: samples of a metric are together", samples_of_a_metric_are_together},
	{"metrics: texts are escaped", texts_are_escaped},
	{"metrics: the worst peers are added", the_worst_peers_are_added},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_monitoring = {"monitoring", NULL, NULL, NULL, NULL, tests};
