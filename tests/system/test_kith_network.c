#include <stdio.h>
#include <string.h>

#include "kith.h"
#include "runner.h"
#include "suites.h"

/* What kith says of the whole network, by the rows of a node that is made up. */

#define END(rows) "{'msgtype':'end','rows':" #rows "}\n"
#define UUID(n) "'" #n "0000000-0000-4000-8000-000000000000'"
#define NODE(n, name, state, more)                                                                                     \
	"{'msgtype':'node','nodeid':" UUID(n) ",'name':'" name "','address':'10.0.0." #n ":5999','state':'" state      \
					      "','has_report':true" more "}\n"
#define LINK(one, other, state, more)                                                                                  \
	"{'msgtype':'link','one':" UUID(one) ",'other':" UUID(other) ",'state':'" state "'" more "}\n"
#define WEB_AND_DB "'subjects':[" UUID(1) "," UUID(2) "],'names':['web-01','db-01']"

static bool has(const char *text, const char *words)
{
	return EXPECT(strstr(text, words) != NULL, "\"%s\" is not in: %s", words, text);
}

static void lacks(const char *text, const char *words)
{
	EXPECT(strstr(text, words) == NULL, "\"%s\" is in: %s", words, text);
}

static const struct fake_answer network[] = {
	{"nodes",
	 NODE(1, "web-01", "alive", ",'is_self':true,'links':2,'tags':['role=web'],'hops':0") NODE(
		 2, "db-01", "alive",
		 ",'links':2,'rtt_ms':0.52,'tags':['role=db','zone=a'],'hops':2") NODE(3, "db-02", "late",
										       ",'links':3,'tags':['role=db'],'"
										       "hops':1")
		 NODE(4, "old", "gone", ",'reason':'timed out','state_s':70") "{'msgtype':'node','nodeid':" UUID(
			 5) ",'state':'alive','has_report':false,'links':1}\n" END(5)},
	{"problems", "{'msgtype':'problem','kind':'link','since_s':60," WEB_AND_DB
		     ",'text':'web-01 and db-01 can not talk','advice':'Look at the firewall'}\n"
		     "{'msgtype':'problem','kind':'slow','since_s':null,'raised_s':5,'subjects':[" UUID(
			     3) "],'names':['db-02']"
				",'text':'db-02 is slow'}\n"
				"{'msgtype':'problem','kind':'single','is_notice':true,'subjects':[" UUID(
					2) "],'names':['db-01']"
					   ",'text':'db-01 has one link'}\n" END(3)},
	{"links", LINK(1, 3, "up", ",'one_name':'web-01','other_name':'db-02','rtt_ms':0.4") LINK(
			  1, 2, "down",
			  ",'one_name':'web-01','other_name':'db-01','one_says':'timed out, 9 times, last 40 s ago'")
			  LINK(1, 5, "late", ",'one_name':'web-01','other_name':null") END(3)},
	{"info", "{'msgtype':'info','name':'web-01','nodeid':" UUID(
			 1) ",'network':'prod','listen':['10.0.0.1:5999'],"
			    "'uptime_s':60,'peers':3,'problems':['it is Monday']}\n" END(1)},
	{"peers", "{'msgtype':'peer','name':'db-02','state':'ready'}\n" END(1)},
	{"addresses",
	 "{'msgtype':'address','address':'10.0.0.4:5999','nodeid':" UUID(4) ",'failures':7,'error':'x'}\n" END(1)},
	{"watch", END(0)},
	{NULL, NULL}};

static const char *fake(const struct fake_answer *answers)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	fake_node(path, answers, false);
	return path;
}

static void test_nodes(void)
{
	const char *path = fake(network);
	struct kith_run run = kith_run("-s %s nodes", path);
	CU_ASSERT_EQUAL(run.status, 0);
	has(run.out, "NAME    NODEID    ADDRESS        STATE  SEEN_BY     RTT  SINCE");
	has(run.out, "web-01  10000000  10.0.0.1:5999  alive      2/3");
	has(run.out, "db-01   20000000  10.0.0.2:5999  alive      2/3  0.5 ms");
	has(run.out, "50000000  no report      alive      1/3");
	has(run.out, "\n5 nodes: 3 alive, 1 late, 1 gone; web-01 has no connection to db-01 (kith why web-01 db-01)"
		     "; 1 more problem: kith problems\n");
	run = kith_run("-s %s nodes role=db", path);
	lacks(run.out, "\nweb-01");
	has(run.out, "\n2 of 5 nodes; web-01 has no connection to db-01");
	run = kith_run("-s %s nodes role=db zone=a", path);
	lacks(run.out, "\ndb-02");
	has(run.out, "\n1 of 5 nodes; web-01");
	lacks(run.out, "more problem");
	has(kith_run("-s %s nodes role=x", path).out, "0 of 5 nodes\n");
	/* For programs: no other line. */
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s nodes -r --noheadings -o name,state,seen_by,hops role=db", path).out,
			       "db-01 alive 2/3 2\ndb-02 late 3/3 1\n");
	has(kith_run("-s %s nodes -j role=web", path).out, "{\"msgtype\":\"node\",\"nodeid\":\"10000000-");
	lacks(kith_run("-s %s nodes -j role=web", path).out, "db-01");
}

static void test_links(void)
{
	const char *path = fake(network);
	struct kith_run run = kith_run("-s %s links -r", path);
	CU_ASSERT_EQUAL(run.status, 0);
	CU_ASSERT_STRING_EQUAL(run.out,
			       "ONE OTHER STATE RTT DOWN ONE_SAYS OTHER_SAYS\n"
			       "web-01 db-01 down - - timed\\x20out,\\x209\\x20times,\\x20last\\x2040\\x20s\\x20ago -\n"
			       "web-01 50000000-0000-4000-8000-000000000000 late - - - -\n"
			       "web-01 db-02 up 0.4 - - -\n");
	has(kith_run("-s %s links", path).out, "web-01  50000000  late");
	has(kith_run("-s %s links", path).out, "\n3 links: 1 up, 1 late, 1 down\n");
	/* What no link has is no column for people. */
	static const struct fake_answer fine[] = {
		{"links", LINK(1, 3, "up", ",'one_name':'b','other_name':'c'")
				  LINK(1, 4, "up", ",'one_name':'b','other_name':'a'")
					  LINK(1, 5, "up", ",'one_name':'a','other_name':'c'") END(3)},
		{NULL, NULL}};
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s links", fake(fine)).out, "ONE  OTHER  STATE  RTT\n"
									"a    c      up     \n"
									"b    a      up     \n"
									"b    c      up     \n"
									"3 links: 3 up\n");
	has(kith_run("-s %s links db-01 -j", path).out, "\"state\":\"down\"");
}

static void test_problems(void)
{
	const char *path = fake(network);
	struct kith_run run = kith_run("-s %s problems", path);
	CU_ASSERT_EQUAL(run.status, 0);
	has(run.out, "since ");
	has(run.out, "  web-01 and db-01 can not talk\n");
	has(run.out, "  Look at the firewall\n");
	has(run.out, "found ");
	const char *notice = strstr(run.out, "\nnotice ");
	EXPECT(notice != NULL && strcmp(notice + strlen(notice) - strlen("  db-01 has one link\n"),
					"  db-01 has one link\n") == 0,
	       "%s", run.out);
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s problems -r -o kind,notice,nodes", path).out,
			       "KIND NOTICE NODES\nlink - web-01,\\x20db-01\nslow - db-02\nsingle yes db-01\n");
	has(kith_run("-s %s problems -j", path).out, "{\"msgtype\":\"problem\",\"kind\":\"link\",");
	static const struct fake_answer none[] = {{"problems", END(0)}, {NULL, NULL}};
	run = kith_run("-s %s problems", fake(none));
	EXPECT(run.status == 0 && strcmp(run.out, "no known problems\n") == 0, "%d %s", run.status, run.out);
	static const struct fake_answer old[] = {{"info", END(0)}, {NULL, NULL}};
	CU_ASSERT_EQUAL(kith_run("-s %s problems", fake(old)).status, 69);
}

static void test_status(void)
{
	struct kith_run run = kith_run("-s %s", fake(network));
	const char *lines = strstr(run.out, "\n  link  web-01 and db-01 can not talk, since ");
	EXPECT(lines != NULL, "%s", run.out);
	has(run.out, "\n  slow  db-02 is slow, found ");
	has(run.out, "\n  here  it is Monday\n  fails 10.0.0.4:5999  x\n");
	lacks(run.out, "one link");
	run = kith_run("-s %s check", fake(network));
	EXPECT(run.status == 1 && strstr(run.out, "KITH WARNING - 3 peers; web-01 and db-01 can not talk; it is Monday"
						  " | ") != NULL,
	       "%d %s", run.status, run.out);
}

/* A node that is gone or out of reach is told once. */
static void test_status_of_a_gone_node(void)
{
	static const struct fake_answer answers[] = {
		{"info", "{'msgtype':'info','name':'a','problems':[]}\n" END(1)},
		{"problems", "{'msgtype':'problem','kind':'node','since_s':60,'subjects':[" UUID(
				     4) "],'text':"
					"'old is gone: it crashed'}\n"
					"{'msgtype':'problem','kind':'partition','since_s':60,'subjects':[" UUID(
						7) "],'text':'1 of 3 nodes is out of reach'}\n" END(2)},
		{"peers", END(0)},
		{"addresses", "{'msgtype':'address','address':'10.0.0.4:5999','nodeid':" UUID(
				      4) ",'failures':7}\n"
					 "{'msgtype':'address','address':'10.0.0.6:5999','nodeid':" UUID(
						 6) ",'failures':7}\n" END(2)},
		{"watch", "{'msgtype':'event','kind':'peer_down','ending':'failed','nodeid':" UUID(
				  4) ",'name':'old'}\n"
				     "{'msgtype':'event','kind':'peer_down','ending':'failed','nodeid':" UUID(
					     7) ",'name':'far'}\n" END(2)},
		{NULL, NULL}};
	struct kith_run run = kith_run("-s %s", fake(answers));
	has(run.out, "\n  node      old is gone: it crashed, since ");
	has(run.out, "\n  partition 1 of 3 nodes is out of reach, since ");
	has(run.out, "\n  fails     10.0.0.6:5999  no answer\n");
	lacks(run.out, "  gone  ");
	lacks(run.out, "10.0.0.4");
}

/* ---- why ---- */

#define FACT(what, row) "{'msgtype':'fact','fact':'" what "'," row "}\n"
#define WEB FACT("node", "'nodeid':" UUID(1) ",'name':'web-01','state':'alive','has_report':true")
#define DB FACT("node", "'nodeid':" UUID(2) ",'name':'db-01','state':'alive'")
#define PAIR(state, more)                                                                                              \
	FACT("link", "'one':" UUID(1) ",'one_name':'web-01','other':" UUID(2) ",'other_name':'db-01','state':'" state  \
									      "'" more)

static void test_why(void)
{
	static const struct {
		const char *facts, *lines[6];
	} cases[] = {
		{WEB DB PAIR("up", ",'is_up':true,'rtt_ms':0.52,'dialled_by':'other','common':1") END(3),
		 {"web-01 and db-01 are connected: db-01 dialled, rtt 0.5 ms; both talk to 1 other\n"}},
		{DB WEB PAIR("late", ",'is_up':true,'dialled_by':'one','one_says':'x','other_says':'y'") END(3),
		 {"db-01 and web-01 are connected: web-01 dialled; one has heard nothing of the other for too long\n"
		  "  db-01 says   y\n  web-01 says  x\n"}},
		{WEB DB PAIR("one_way", ",'is_up':true,'dialled_by':'one','one_says':'connected, but'") END(3),
		 {"web-01 and db-01 are connected: web-01 dialled; one of them fails to dial the other\n",
		  "  web-01 says  connected, but\n"}},
		{WEB DB PAIR("down", ",'is_up':false,'down_s':60,'common':27,'one_says':'timed out, 9 times, last 40 s "
				     "ago','other_says':'no answer to pings, 60 s ago'")
			 FACT("event", "'kind':'link_down','name':'web-01','value':'db-01','reason':'x: y'")
				 FACT("problem", "'kind':'link','since_s':61,'text':'They can not talk','advice':"
						 "'Look at the firewall'") END(5),
		 {"web-01 and db-01 can't talk since ", "; both talk to 27 others\n",
		  "  web-01 says  timed out, 9 times, last 40 s ago\n", "  db-01 says   no answer to pings, 60 s ago\n",
		  "  web-01 and db-01 lost their connection: x: y\n", "\n  Look at the firewall\n"}},
		/* The connection has not ended yet. */
		{WEB DB PAIR("late", ",'is_up':true,'one_says':'connected, but no answer for 9 s'")
			 FACT("event", "'kind':'problem','problem':7,'reason':'They can not talk'") FACT(
				 "problem", "'number':7,'kind':'link','since_s':61,'text':'They can not talk'") END(5),
		 {"web-01 and db-01 can't talk since ", "\n  web-01 says  connected, but no answer for 9 s\n"}},
		{WEB FACT("node", "'nodeid':" UUID(2) ",'name':'db-01','state':'gone','reason':'closed','state_s':9")
			 PAIR("apart", ",'is_up':false,'one_says':'x','other_says':'y'") END(3),
		 {"web-01 and db-01 are not connected: db-01 is gone since ", ": closed\n  web-01 says  x\n"}},
		{WEB DB PAIR("apart", ",'is_up':false,'common':3")
			 FACT("event", "'kind':'node_gone','name':'db-01','reason':'out of reach','lasted_s':9") FACT(
				 "event", "'kind':'node_gone','name':'db-01','reason':'was killed','ending':'failed'")
				 END(5),
		 {"  it is out of reach (ran 9 s)\n", "  it is gone: was killed\n"}},
		{WEB DB PAIR("apart", ",'is_up':false,'common':3") END(3),
		 {"web-01 and db-01 are not connected, and neither fails to reach the other; both talk to 3 others\n"}},
		{DB FACT("node", "'nodeid':" UUID(1) ",'name':'web-01','state':'alive'")
			 PAIR("apart", ",'is_up':false,'common':3") END(3),
		 {"db-01 and web-01 have sent no reports: whether they are connected is unknown; both talk to 3 "
		  "others\n"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct fake_answer answers[] = {{"why", cases[i].facts}, {NULL, NULL}};
		struct kith_run run = kith_run("-s %s why web-01 db-01", fake(answers));
		EXPECT(run.status == 0, "%zu: %d %s", i, run.status, run.err);
		for (size_t j = 0; j < 6 && cases[i].lines[j] != NULL; j++)
			has(run.out, cases[i].lines[j]);
		/* The first line and the advice say it. */
		lacks(run.out, "They can not talk");
	}
}

static void test_why_of_no_peer(void)
{
	static const struct fake_answer answers[] = {
		{"why", FACT("node", "'nodeid':" UUID(2) ",'name':'db-01','address':'10.0.0.2:5999','state':'alive',"
							 "'hops':2,'rtt_ms':0.8,'links':27")
				FACT("problem", "'kind':'link','since_s':61,'text':'They can not talk'") END(2)},
		{NULL, NULL}};
	struct kith_run run = kith_run("-s %s why db-01", fake(answers));
	has(run.out, "db-01 (20000000, 10.0.0.2:5999) is alive, 2 connections away (0.8 ms); 27 nodes are connected "
		     "with it\n  They can not talk, since ");
}

static CU_TestInfo tests[] = {
	{"nodes are listed, and chosen by their tags", test_nodes},
	{"links are listed, the broken ones first", test_links},
	{"problems are sentences", test_problems},
	{"status and check tell the problems of the network first", test_status},
	{"a node that is gone is told once", test_status_of_a_gone_node},
	{"what is between two nodes", test_why},
	{"why tells of a node that is no peer", test_why_of_no_peer},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_kith_network = {
	.pName = "kith_network", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
