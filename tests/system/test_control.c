#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "asker.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* What travels on the control socket, whatever is asked: lines, ids, errors, limits. */

/* A node with a control socket, and a client of it. */
struct node {
	struct kithd *kithd;
	const char *path;
	struct asker *asker;
};

static struct node start(const char *options)
{
	struct node node = {.path = harness_text("%s/sock", harness_make_folder())};
	node.kithd = kithd_start("-o name=alpha -o control=%s %s", node.path, options);
	node.asker = asker_connect(node.path);
	return node;
}

static void test_help(void)
{
	static const char *const requests[] = {"help", "info", "peers", "watch", "reload", "stop"};
	struct node node = start("");
	asker_ask(node.asker, "{'msgtype':'help'}");
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		EXPECT(asker_find(node.asker, "request", requests[i]) && asker_is(node.asker, "msgtype", "request") &&
			       !asker_is(node.asker, "help", "null"),
		       "%s", requests[i]);
	CU_ASSERT(asker_find(node.asker, "request", "watch"));
	CU_ASSERT(strstr(asker_value(node.asker, "keys"), "{\"key\":\"since\",\"type\":") != NULL);
	CU_ASSERT(asker_is(node.asker, "changes", "false"));
	CU_ASSERT(asker_find(node.asker, "request", "stop") && asker_is(node.asker, "changes", "true"));
}

/* A watch that doesn't follow has an end. */
static void test_what_has_happened(void)
{
	struct node node = start("");
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'watch','since':0,'follow':false}"), 1);
	CU_ASSERT(asker_find(node.asker, "kind", "started"));
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'watch','since':'1d','kinds':['peer_up'],'follow':false}"),
			0);
}

static void test_info(void)
{
	struct node node = start("-o network=ours");
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'info'}"), 1);
	CU_ASSERT(asker_pick(node.asker, 0));
	CU_ASSERT(asker_is(node.asker, "version", KITH_VERSION));
	CU_ASSERT(asker_is(node.asker, "nodeid", kithd_nodeid(node.kithd)));
	CU_ASSERT(asker_is(node.asker, "name", "alpha"));
	CU_ASSERT(asker_is(node.asker, "network", "ours"));
	CU_ASSERT(asker_is(node.asker, "private", "false"));
	CU_ASSERT(asker_is(node.asker, "control", node.path));
	CU_ASSERT_EQUAL(asker_number(node.asker, "pid"), kithd_pid(node.kithd));
	CU_ASSERT_STRING_EQUAL(asker_value(node.asker, "listen"), harness_text("[\"%s\"]", kithd_address(node.kithd)));
	double uptime_s = asker_number(node.asker, "uptime_s");
	CU_ASSERT(uptime_s > 0 && uptime_s < 60 * harness_slowness());
}

static void test_peers(void)
{
	struct node node = start(RARE_PINGS);
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\",\"agent\":\"raw/1\",\"listen\":7");
	raw_join(node.kithd, BOB, "");
	AWAIT(asker_ask(node.asker, "{'msgtype':'peers'}") == 2 && asker_find(node.asker, "nodeid", ALICE) &&
	      asker_number(node.asker, "rtt_ms") >= 0 && !asker_is(node.asker, "state", "late"));
	CU_ASSERT(asker_is(node.asker, "msgtype", "peer"));
	CU_ASSERT(asker_is(node.asker, "name", "alice"));
	CU_ASSERT(asker_is(node.asker, "agent", "raw/1"));
	CU_ASSERT(asker_is(node.asker, "direction", "in"));
	CU_ASSERT(asker_is(node.asker, "state", "ready"));
	CU_ASSERT(asker_is(node.asker, "purpose", "null"));
	CU_ASSERT(asker_find(node.asker, "nodeid", BOB) && asker_is(node.asker, "name", "null"));
}

static void test_some_keys(void)
{
	struct node node = start(RARE_PINGS);
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	AWAIT(asker_ask(node.asker, "{'msgtype':'peers','keys':['state','name','no such key'],'id':7}") == 1 &&
	      asker_pick(node.asker, 0) && asker_is(node.asker, "state", "ready"));
	CU_ASSERT_STRING_EQUAL(asker_row(node.asker),
			       "{\"msgtype\":\"peer\",\"id\":7,\"name\":\"alice\",\"state\":\"ready\"}");
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'peers','keys':[]}"), 1);
	CU_ASSERT(asker_pick(node.asker, 0));
	CU_ASSERT_STRING_EQUAL(asker_row(node.asker), "{\"msgtype\":\"peer\"}");
	char line[512], *at = line + sprintf(line, "{'msgtype':'peers','keys':['name'");
	for (int i = 0; i < 32; i++)
		at += sprintf(at, ",'k%d'", i);
	asker_send(node.asker, "%s]}", line);
	asker_expect_error(node.asker, "wrong_value", "at most 32 keys");
}

/* More peers than one step of a visit holds. */
static void test_many_peers(void)
{
	enum { MANY = 150 };
	struct node node = start("-o max_per_address=0 -o max_per_group=0");
	for (int i = 0; i < MANY; i++)
		raw_join(node.kithd, harness_text("%08x-0000-4000-8000-000000000000", i + 1), "");
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'peers'}"), MANY);
	for (int i = 0; i < MANY; i++)
		CU_ASSERT(asker_find(node.asker, "nodeid", harness_text("%08x-0000-4000-8000-000000000000", i + 1)));
}

static void test_wrong_requests(void)
{
	static const struct {
		const char *request, *code, *words;
	} cases[] = {
		{"{'msgtype':'inof'}", "unknown_request", "did you mean \"info\"?"},
		{"{'msgtype':'nothing like it'}", "unknown_request", "{\"msgtype\":\"help\"} lists them"},
		{"{'msgtype':''}", "unknown_request", "there is no request"},
		{"{'msgtype':'watch','since':true}", "wrong_type", "\"since\" of watch must be text or a whole number"},
		{"{'msgtype':'watch','since':1.5}", "wrong_type", "since"},
		{"{'msgtype':'watch','since':'yesterday'}", "wrong_value", "as in \"10m\""},
		{"{'msgtype':'watch','since':'-5m'}", "wrong_value", "as in \"10m\""},
		{"{'msgtype':'watch','since':-1}", "wrong_value", "number of an event"},
		{"{'msgtype':'watch','since':4000000}", "wrong_value", "there is no event 4000000 yet"},
		{"{'msgtype':'watch','kinds':'peer_up'}", "wrong_type", "a list of texts"},
		{"{'msgtype':'watch','follow':0}", "wrong_type", "\"follow\" of watch must be true or false"},
		{"{'msgtype':'watch','kinds':[1]}", "wrong_type", "a list of texts"},
		{"{'msgtype':'watch','kinds':['peer_around']}", "wrong_value",
		 "there is no kind of event \"peer_around\""},
		{"peers", "not_json", "write {\"msgtype\":\"help\"}"},
		{"{'msgtype':'info'", "not_json", "ends within a value"},
		{"{'msgtype':'info'}x", "not_json", ""},
		{"[[[[[[[1]]]]]]]", "not_json", ""},
		{"{'msgtype':'\xff'}", "not_json", ""},
		{"['msgtype','info']", "not_a_request", "an object with a msgtype"},
		{"{}", "not_a_request", "an object with a msgtype"},
		{"{'msgtype':7}", "not_a_request", "an object with a msgtype"},
		{"{'msgtype':null,'id':1}", "not_a_request", "an object with a msgtype"},
	};
	struct node node = start("");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		asker_send(node.asker, "%s", cases[i].request);
		asker_expect_error(node.asker, cases[i].code, cases[i].words);
	}
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'info'}"), 1);
}

static void test_too_many_values(void)
{
	char line[4096] = "{\"msgtype\":\"info\",\"kinds\":[1", *at = line + strlen(line);
	struct node node = start("");
	for (int i = 0; i < 300; i++)
		at += sprintf(at, ",1");
	strcpy(at, "]}\n");
	asker_write(node.asker, line, strlen(line));
	asker_expect_error(node.asker, "not_a_request", "at most 256 values");
}

static void test_ids(void)
{
	static const char *const ids[] = {"7", "-1.5", "true", "null", "[1,{\"a\":null}]", "{\"a\":[]}", "\"\""};
	struct node node = start("");
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		const char *shown = strcmp(ids[i], "\"\"") == 0 ? "" : ids[i];
		CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'info','id':%s}", ids[i]), 1);
		for (size_t row = 0; row < 2; row++)
			EXPECT(asker_pick(node.asker, row) && asker_is(node.asker, "id", shown), "%s: %s", ids[i],
			       asker_row(node.asker));
		asker_send(node.asker, "{'msgtype':'inof','id':%s}", ids[i]);
		asker_expect_error(node.asker, "unknown_request", "info");
		EXPECT(asker_is(node.asker, "id", shown), "%s: %s", ids[i], asker_row(node.asker));
	}
	asker_ask(node.asker, "{'msgtype':'info'}");
	CU_ASSERT(asker_pick(node.asker, 0) && asker_value(node.asker, "id") == NULL);
	asker_send(node.asker, "{'msgtype':'info','id':'%0300d'}", 1);
	asker_expect_error(node.asker, "wrong_id", "at most 255 bytes");
}

static void test_order(void)
{
	enum { MANY = 200 };
	struct node node = start("");
	char lines[MANY * 64], *at = lines;
	for (int i = 0; i < MANY; i++)
		at += sprintf(at, "{\"msgtype\":\"%s\",\"id\":%d}\n", i % 3 == 0 ? "peers" : "inof", i);
	asker_write(node.asker, lines, (size_t)(at - lines));
	for (int i = 0; i < MANY; i++) {
		asker_expect(node.asker, i % 3 == 0 ? "end" : "error");
		CU_ASSERT_EQUAL(asker_number(node.asker, "id"), i);
	}
}

static void test_half_a_line(void)
{
	static const char request[] = "{\"msgtype\":\"info\"}\r\n";
	struct node node = start("");
	struct asker *other = asker_connect(node.path);
	for (size_t i = 0; i < strlen(request); i++) {
		asker_write(node.asker, request + i, 1);
		CU_ASSERT_EQUAL(asker_ask(other, "{'msgtype':'info'}"), 1);
	}
	asker_expect(node.asker, "info");
	asker_expect(node.asker, "end");
	/* A client that leaves in the middle of a line is forgotten. */
	asker_write(node.asker, request, 5);
	shutdown(asker_fd(node.asker), SHUT_WR);
	asker_expect_close(node.asker);
	asker_write(other, "\n  \n\r\n", 6);
	CU_ASSERT_EQUAL(asker_ask(other, "{'msgtype':'info'}"), 1);
}

static void test_long_lines(void)
{
	enum { MOST = 131072 };
	static char line[MOST + 1];
	static const char request[] = "{\"msgtype\":\"info\"}";
	struct node node = start("");
	memset(line, ' ', sizeof line);
	line[snprintf(line, sizeof line, "%s", request)] = ' ';
	line[MOST - 1] = '\n';
	asker_write(node.asker, line, MOST);
	asker_expect(node.asker, "info");
	asker_expect(node.asker, "end");
	line[MOST - 1] = ' ';
	asker_write(node.asker, line, MOST + 1);
	asker_expect_error(node.asker, "line_too_long", "at most 131072 bytes");
	CU_ASSERT_FALSE(asker_next(node.asker));
	CU_ASSERT_EQUAL(asker_ask(asker_connect(node.path), "{'msgtype':'info'}"), 1);
}

static void test_too_many_clients(void)
{
	struct node node = start("-o max_controls=2");
	struct asker *second = asker_connect(node.path);
	CU_ASSERT_EQUAL(asker_ask(second, "{'msgtype':'info'}"), 1);
	struct asker *third = asker_connect(node.path);
	asker_expect_error(third, "too_many_clients", "max_controls");
	CU_ASSERT_FALSE(asker_next(third));
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'info'}"), 1);
	asker_close(node.asker);
	for (bool is_served = false; !is_served;) {
		struct asker *fourth = asker_connect(node.path);
		asker_try_send(fourth, "{'msgtype':'info'}");
		is_served = asker_next(fourth) && asker_is(fourth, "msgtype", "info");
		asker_close(fourth);
	}
}

/* Those that leave give back all that they had. */
static void test_many_come_and_go(void)
{
	/* A client that leaves while nothing happens is noticed a second later. */
	struct node node = start("-o max_controls=110");
	asker_ask(node.asker, "{'msgtype':'info'}");
	int threads = kithd_entries(node.kithd, "task"), fds = kithd_entries(node.kithd, "fd");
	for (int i = 0; i < 100; i++) {
		struct asker *asker = asker_connect(node.path);
		asker_send(asker, i % 2 == 0 ? "{'msgtype':'peers'}" : "{'msgtype':'watch','since':0}");
		CU_ASSERT(asker_next(asker));
		asker_close(asker);
	}
	AWAIT(kithd_entries(node.kithd, "task") == threads && kithd_entries(node.kithd, "fd") == fds);
}

/* ---- what happens ---- */

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "we");
	if (file == NULL || fputs(content, file) == EOF || fclose(file) != 0)
		harness_fail("cannot write %s", path);
}

static void test_watch(void)
{
	const char *file = harness_write_file("");
	struct node node = start(harness_text("-c %s", file));
	struct asker *settings = asker_connect(node.path), *now = asker_connect(node.path);
	asker_send(node.asker, "{'msgtype':'watch','since':0,'id':'w'}");
	asker_expect(node.asker, "event");
	CU_ASSERT(asker_is(node.asker, "kind", "started"));
	CU_ASSERT(asker_is(node.asker, "id", "w"));
	CU_ASSERT_EQUAL(asker_number(node.asker, "number"), 1);
	CU_ASSERT(asker_is(node.asker, "name", "alpha"));
	const char *boot = asker_value(node.asker, "boot");
	/* Each of these is known to wait when its first row has come, or another answer has. */
	asker_send(settings, "{'msgtype':'watch','kinds':['setting'],'since':'10m'}");
	asker_send(now, "{'msgtype':'watch','since':1}");
	write_file(file, "max_inbound = 7;");
	kithd_signal(node.kithd, SIGHUP);
	asker_expect(node.asker, "event");
	CU_ASSERT(asker_is(node.asker, "kind", "setting") && asker_is(node.asker, "name", "max_inbound"));
	CU_ASSERT(asker_is(node.asker, "value", "7"));
	CU_ASSERT_EQUAL(asker_number(node.asker, "number"), 2);
	asker_expect(node.asker, "event");
	CU_ASSERT(asker_is(node.asker, "kind", "reloaded") && asker_is(node.asker, "boot", boot));
	asker_expect(settings, "event");
	CU_ASSERT(asker_is(settings, "kind", "setting"));
	asker_expect(now, "event");
	CU_ASSERT(asker_is(now, "kind", "setting"));
	/* A client is told why the node goes, and then the connection ends. */
	kithd_signal(node.kithd, SIGTERM);
	asker_expect(node.asker, "event");
	CU_ASSERT(asker_is(node.asker, "kind", "stopping"));
	asker_expect_close(node.asker);
	asker_expect_close(settings);
	kithd_stop(node.kithd, 0);
}

static void test_lost(void)
{
	const char *file = harness_write_file("");
	struct node node = start(harness_text("-c %s -o journal_events=2", file));
	for (int i = 0; i < 4; i++)
		asker_ask(node.asker, "{'msgtype':'reload'}");
	asker_send(node.asker, "{'msgtype':'watch','since':0}");
	asker_expect(node.asker, "lost");
	CU_ASSERT_EQUAL(asker_number(node.asker, "events"), 3);
	for (int i = 4; i <= 5; i++) {
		asker_expect(node.asker, "event");
		CU_ASSERT_EQUAL(asker_number(node.asker, "number"), i);
	}
}

/* ---- what changes something ---- */

static void test_reload(void)
{
	const char *file = harness_write_file("max_inbound = 7;");
	struct node node = start(harness_text("-c %s", file));
	write_file(file, "max_inbound = 8;");
	asker_ask(node.asker, "{'msgtype':'reload'}");
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, "max_inbound: 7 is now 8", ""), 1);
	CU_ASSERT_EQUAL(
		kithd_log_count(node.kithd,
				harness_text("control: uid %d, pid %d asks for reload", (int)geteuid(), (int)getpid()),
				""),
		1);
	write_file(file, "max_inbound = many;");
	asker_send(node.asker, "{'msgtype':'reload'}");
	asker_expect_error(node.asker, "not_done", file);
	asker_send(node.asker, "{'msgtype':'info'}");
	asker_expect(node.asker, "info");
}

static void test_stop(void)
{
	struct node node = start("");
	asker_ask(node.asker, "{'msgtype':'stop'}");
	asker_expect_close(node.asker);
	kithd_stop(node.kithd, 0);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, "stopping: a client of the control socket asks for it", ""), 1);
	CU_ASSERT_NOT_EQUAL(access(node.path, F_OK), 0);
}

/* Clients that wait for something, or never read, hold up no stop. */
static void test_stop_with_clients(void)
{
	struct node node = start("");
	for (int i = 0; i < 10; i++) {
		struct asker *asker = asker_connect(node.path);
		asker_send(asker, i % 2 == 0 ? "{'msgtype':'watch'}" : "{'msgtype'");
	}
	kithd_stop(node.kithd, SIGTERM);
}

static CU_TestInfo tests[] = {
	{"help lists the requests and their keys", test_help},
	{"a watch may end with what has happened", test_what_has_happened},
	{"info says who the node is", test_info},
	{"peers lists the connections", test_peers},
	{"a list may have only some keys", test_some_keys},
	{"peers lists more of them than are held at once", test_many_peers},
	{"a wrong request gets an error that says what is right, and the connection goes on", test_wrong_requests},
	{"a request with too many values is refused", test_too_many_values},
	{"an id of any type is repeated in every row", test_ids},
	{"requests on one connection are answered in order", test_order},
	{"half a line disturbs nobody", test_half_a_line},
	{"a line may have 131,072 bytes, and no more", test_long_lines},
	{"a client too many is told so", test_too_many_clients},
	{"clients that leave give back threads and descriptors", test_many_come_and_go},
	{"watch tells what has happened and what happens", test_watch},
	{"what the journal no longer has is told as lost", test_lost},
	{"reload has a result", test_reload},
	{"stop is answered", test_stop},
	{"clients hold up no stop", test_stop_with_clients},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_control = {
	.pName = "control", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
