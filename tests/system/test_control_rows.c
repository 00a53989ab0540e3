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

/* What each request of the control socket answers, and does. */

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

/* The request has no rows, or is refused. */
static void expect_refusal(const struct node *node, const char *request, const char *code, const char *words)
{
	asker_send(node->asker, "%s", request);
	asker_expect_error(node->asker, code, words);
}

/* Another node that has dialled this one, and was found where it listens. */
static struct kithd *start_beta(const struct node *node)
{
	struct kithd *beta = kithd_start("-o name=beta -b %s", kithd_address(node->kithd));
	AWAIT((asker_ask(node->asker, "{'msgtype':'addresses'}"),
	       asker_find(node->asker, "address", kithd_address(beta))) &&
	      asker_is(node->asker, "kind", "tried") && asker_is(node->asker, "connected", "true"));
	/* The peer is called by that address too, and the feeler that has found it there is over. */
	AWAIT(kithd_cell_is(node->kithd, kithd_nodeid(beta), "LISTEN", kithd_address(beta)));
	AWAIT(kithd_rows(node->kithd, "STATE", "HELLO") == 0);
	return beta;
}

/* ---- who is meant ---- */

static void test_names(void)
{
	struct node node = start(RARE_PINGS);
	struct raw *gamma = raw_join(node.kithd, ALICE, ",\"name\":\"gamma\"");
	raw_ping_next(gamma);
	raw_join(node.kithd, BOB, ",\"name\":\"web\"");
	raw_join(node.kithd, CAROL, ",\"name\":\"web\"");
	const char *const names[] = {"gamma", ALICE, "a11c", "A11CE000", raw_address(gamma)};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		asker_send(node.asker, "{'msgtype':'ping','peer':'%s','count':1}", names[i]);
		raw_expect_next(gamma, "ping");
		raw_send(gamma, "{\"msgtype\":\"pong\"}");
		asker_expect(node.asker, "pong");
		EXPECT(asker_is(node.asker, "nodeid", ALICE) && asker_is(node.asker, "answered", "true"), "%s",
		       names[i]);
		asker_expect(node.asker, "end");
	}
	struct kithd *beta = start_beta(&node);
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'ping','peer':'%s'}", kithd_address(beta)), 1);
	CU_ASSERT(asker_pick(node.asker, 0) && asker_is(node.asker, "name", "beta"));
	expect_refusal(&node, "{'msgtype':'ping','peer':'gama'}", "no_such_peer",
		       "no peer is called \"gama\"; did you mean \"gamma\"?");
	expect_refusal(&node, "{'msgtype':'ping','peer':'a11'}", "no_such_peer", "no peer is called \"a11\"; name one");
	expect_refusal(&node, "{'msgtype':'disconnect','peer':'web'}", "ambiguous",
		       "2 peers are called \"web\": web (");
	expect_refusal(&node, "{'msgtype':'ping'}", "missing_key", "ping needs the key \"peer\"");
	expect_refusal(&node, "{'msgtype':'ping','peer':7}", "wrong_type", "must be text");
}

/* ---- ping ---- */

/* Three pings, 200 ms apart. Has this process answered each of them before the next was due? */
static bool ping_thrice(const struct node *node, struct raw *alice)
{
	bool was_prompt = true;
	asker_send(node->asker, "{'msgtype':'ping','peer':'alice','count':3,'interval_ms':200}");
	for (int i = 1; i <= 3; i++) {
		if (was_prompt)
			raw_expect_next(alice, "ping");
		raw_send(alice, "{\"msgtype\":\"pong\"}");
		asker_expect(node->asker, "pong");
		CU_ASSERT_EQUAL(asker_number(node->asker, "number"), i);
		CU_ASSERT(asker_is(node->asker, "name", "alice"));
		was_prompt = was_prompt && asker_is(node->asker, "answered", "true");
		CU_ASSERT(!was_prompt || asker_number(node->asker, "rtt_ms") >= 0);
		CU_ASSERT(!was_prompt || asker_is(node->asker, "reason", "null"));
	}
	asker_expect(node->asker, "end");
	CU_ASSERT_EQUAL(asker_number(node->asker, "rows"), 3);
	return was_prompt;
}

static void test_ping(void)
{
	enum { TIMES = 5 };
	struct node node = start(RARE_PINGS);
	struct raw *alice = raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	bool was_prompt = false;
	for (int i = 0; i < TIMES && !was_prompt; i++) {
		/* Once this is answered, no ping of the node is outstanding. */
		raw_ping(alice);
		was_prompt = ping_thrice(&node, alice);
	}
	CU_ASSERT(was_prompt);
	expect_refusal(&node, "{'msgtype':'ping','peer':'alice','interval_ms':10}", "wrong_value", "from 200 to");
	expect_refusal(&node, "{'msgtype':'ping','peer':'alice','count':-1}", "wrong_value", "from 1 to 1000000");
}

static void test_ping_without_answer(void)
{
	struct node node = start(RARE_PINGS);
	struct raw *alice = raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	raw_ping_next(alice);
	asker_send(node.asker, "{'msgtype':'ping','peer':'alice','count':0,'interval_ms':200}");
	raw_expect_next(alice, "ping");
	asker_expect(node.asker, "pong");
	CU_ASSERT(asker_is(node.asker, "answered", "false") && asker_is(node.asker, "rtt_ms", "null"));
	CU_ASSERT(asker_number(node.asker, "waiting_ms") >= 100);
	CU_ASSERT(asker_is(node.asker, "reason", "no answer yet"));
	raw_close(alice);
	while (asker_next(node.asker) && !asker_is(node.asker, "msgtype", "end"))
		CU_ASSERT(asker_is(node.asker, "answered", "false"));
	CU_ASSERT(asker_is(node.asker, "msgtype", "end"));
}

/* Many clients that ping the same peer at once share the pings: the peer gets ten a second. */
static void test_many_ping(void)
{
	enum { CLIENTS = 12 };
	struct node node = start("");
	struct kithd *peer = kithd_start("-o name=beta -o max_message_rate=20 -b %s", kithd_address(node.kithd));
	struct asker *askers[CLIENTS];
	AWAIT(kithd_peers(peer) == 1);
	for (int i = 0; i < CLIENTS; i++) {
		askers[i] = asker_connect(node.path);
		asker_send(askers[i], "{'msgtype':'ping','peer':'beta','count':5,'interval_ms':200}");
	}
	for (int i = 0; i < CLIENTS; i++) {
		for (int j = 0; j < 5; j++)
			asker_expect(askers[i], "pong");
		asker_expect(askers[i], "end");
	}
	asker_ask(node.asker, "{'msgtype':'peers'}");
	CU_ASSERT(asker_find(node.asker, "name", "beta") && asker_number(node.asker, "messages_out") < 40);
	CU_ASSERT_EQUAL(kithd_peers(peer), 1);
}

/* What a shell does: it closes its writing end, and reads. */
static void test_half_closed(void)
{
	struct node node = start(RARE_PINGS);
	struct raw *alice = raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	raw_ping_next(alice);
	asker_send(node.asker, "{'msgtype':'ping','peer':'alice','count':1}");
	shutdown(asker_fd(node.asker), SHUT_WR);
	raw_expect_next(alice, "ping");
	raw_send(alice, "{\"msgtype\":\"pong\"}");
	asker_expect(node.asker, "pong");
	asker_expect(node.asker, "end");
	CU_ASSERT_FALSE(asker_next(node.asker));
	struct asker *watcher = asker_connect(node.path);
	asker_send(watcher, "{'msgtype':'watch'}");
	shutdown(asker_fd(watcher), SHUT_WR);
	/* Its watch has begun when the node has been through with two more turns. */
	asker_ask(asker_connect(node.path), "{'msgtype':'info'}");
	do
		raw_close(raw_join(node.kithd, BOB, ""));
	while (!asker_has_row(watcher, clock_now_us() + 100000));
	asker_expect(watcher, "event");
}

/* ---- the address book ---- */

static void test_own_bootstrap(void)
{
	int port = harness_wildcard_port();
	const char *own = harness_text("%s:%d", harness_host(7), port);
	struct node node = {.path = harness_text("%s/sock", harness_make_folder())};
	node.kithd = kithd_start_at(harness_text("0.0.0.0:%d", port), "-o control=%s -b %s", node.path, own);
	node.asker = asker_connect(node.path);
	AWAIT((asker_ask(node.asker, "{'msgtype':'addresses'}"), asker_find(node.asker, "address", own)) &&
	      asker_is(node.asker, "error", "is this node itself"));
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'addresses','missing':true}"), 0);
}

static void test_addresses(void)
{
	const char *down = harness_address();
	struct node node = start(harness_text("-b %s -o retry_min=60 -o retry_max=60", down));
	struct kithd *beta = start_beta(&node);
	struct raw *alice = raw_join(node.kithd, ALICE, "");
	char line[8192], *at = line + sprintf(line, "{\"msgtype\":\"addr\",\"peers\":[");
	enum { MANY = 150 };
	for (int i = 0; i < MANY; i++)
		at += sprintf(at, "%s\"%s:%d\"", i == 0 ? "" : ",", harness_host(100), 3000 + i);
	strcpy(at, "]}");
	raw_send(alice, "%s", line);
	raw_ping(alice);
	/* max_outbound is far, so they are dialled, and fail. */
	AWAIT(asker_ask(node.asker, "{'msgtype':'addresses'}") == MANY + 2);
	CU_ASSERT(asker_find(node.asker, "nodeid", kithd_nodeid(beta)));
	CU_ASSERT(asker_is(node.asker, "address", kithd_address(beta)));
	CU_ASSERT(asker_is(node.asker, "kind", "tried") && asker_is(node.asker, "connected", "true"));
	CU_ASSERT(asker_is(node.asker, "next_try_s", "null") && asker_is(node.asker, "error", "null"));
	CU_ASSERT(asker_find(node.asker, "address", harness_text("%s:3007", harness_host(100))));
	CU_ASSERT(asker_is(node.asker, "kind", "new") && asker_is(node.asker, "told_by", harness_host(200)));
	AWAIT((asker_ask(node.asker, "{'msgtype':'addresses'}"), asker_find(node.asker, "address", down)) &&
	      asker_is(node.asker, "error", "connection refused"));
	CU_ASSERT(asker_is(node.asker, "bootstrap", "true") && asker_number(node.asker, "failures") == 1);
	CU_ASSERT(asker_number(node.asker, "next_try_s") > 30);
}

/* Of the book: what fails, and the place of a node that is gone; not what nobody has dialled yet. */
static void test_missing(void)
{
	const char *down = harness_address();
	struct node node = start(harness_text("-b %s -o retry_min=60 -o retry_max=60", down));
	struct kithd *beta = start_beta(&node), *gone = kithd_start("-o name=gone -b %s", kithd_address(node.kithd));
	const char *request = "{'msgtype':'addresses','missing':true,'keys':['address']}";
	AWAIT(kithd_peers(node.kithd) == 2 && asker_ask(node.asker, "%s", request) == 1);
	CU_ASSERT(asker_pick(node.asker, 0));
	EXPECT(strcmp(asker_row(node.asker), harness_text("{\"msgtype\":\"address\",\"address\":\"%s\"}", down)) == 0,
	       "%s", asker_row(node.asker));
	kithd_stop(gone, SIGTERM);
	AWAIT(asker_ask(node.asker, "%s", request) == 2);
	CU_ASSERT(asker_find(node.asker, "address", kithd_address(gone)));
	CU_ASSERT(!asker_find(node.asker, "address", kithd_address(beta)));
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'addresses','missing':false}"), 3);
}

static void test_connect(void)
{
	/* It dials nobody again by itself. */
	struct node node = start("-o retry_min=600 -o retry_max=600");
	struct kithd *peer = kithd_start("-o name=beta");
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'connect','address':'%s'}", kithd_address(peer)), 1);
	CU_ASSERT(asker_pick(node.asker, 0) && asker_is(node.asker, "msgtype", "peer"));
	CU_ASSERT(asker_is(node.asker, "name", "beta") && asker_is(node.asker, "direction", "out"));
	/* It is connected already. */
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'connect','address':'%s'}", kithd_address(peer)), 1);
	const char *down = harness_address();
	for (int i = 0; i < 3; i++)
		expect_refusal(&node, harness_text("{'msgtype':'connect','address':'%s'}", down), "not_done",
			       i < 2 ? "connection refused" : "is forgotten");
	expect_refusal(&node, harness_text("{'msgtype':'connect','address':'%s'}", kithd_address(node.kithd)),
		       "not_done", "is this node itself");
	expect_refusal(&node, "{'msgtype':'connect','address':'beta'}", "wrong_value", "is not an IP address");
	expect_refusal(&node, "{'msgtype':'connect','address':'0.0.0.0:7'}", "wrong_value", "nobody can be dialled");
	asker_ask(node.asker, "{'msgtype':'set','setting':'max_outbound','value':1}");
	expect_refusal(&node, harness_text("{'msgtype':'connect','address':'%s'}", down), "not_allowed",
		       "max_outbound = 1");
}

static void test_forget(void)
{
	const char *down = harness_address(), *other = harness_address();
	struct node node = start(harness_text("-b %s", down));
	struct kithd *beta = start_beta(&node);
	expect_refusal(&node, harness_text("{'msgtype':'connect','address':'%s'}", other), "not_done", "refused");
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'addresses'}"), 3);
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'forget','address':'%s'}", other), 0);
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'addresses'}"), 2);
	expect_refusal(&node, harness_text("{'msgtype':'forget','address':'%s'}", other), "no_such_address",
		       "the address book has no ");
	expect_refusal(&node, harness_text("{'msgtype':'forget','address':'%s'}", down), "not_allowed",
		       "is a bootstrap");
	expect_refusal(&node, harness_text("{'msgtype':'forget','address':'%s'}", kithd_address(beta)), "not_allowed",
		       "is connected");
}

static void test_disconnect(void)
{
	struct node node = start("");
	struct raw *alice = raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'disconnect','peer':'alice'}"), 1);
	raw_expect_bye(alice, "operator");
	AWAIT(asker_ask(node.asker, "{'msgtype':'peers'}") == 0);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, "alice (a11ce000, ", "a client of the control socket asks for it"),
			1);
}

/* ---- bans ---- */

static void test_bans(void)
{
	struct node node = start("-o ban_after=1 -o ban_time=77");
	const char *host = harness_host(240), *block = harness_text("%s/32", harness_host(240));
	struct raw *alice = raw_join_from(host, node.kithd, ALICE, ""), *bob = raw_join(node.kithd, BOB, "");
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'ban','block':'%s','seconds':100}", host), 1);
	CU_ASSERT(asker_pick(node.asker, 0) && asker_is(node.asker, "block", block));
	CU_ASSERT(asker_is(node.asker, "by", "operator"));
	double left_s = asker_number(node.asker, "left_s");
	CU_ASSERT(left_s > 50 && left_s <= 100);
	raw_expect_end(alice);
	raw_ping_next(bob);
	raw_expect_end(raw_connect_from(host, kithd_address(node.kithd), 0));
	AWAIT(kithd_log_count(node.kithd, harness_text("refused %s:", host),
			      "a client of the control socket has banned it") == 1);
	expect_refusal(&node, harness_text("{'msgtype':'connect','address':'%s:7'}", host), "not_allowed", "is banned");
	/* One that broke the protocol is listed with it. */
	const char *rude = harness_host(241);
	struct raw *raw = raw_connect_from(rude, kithd_address(node.kithd), 0);
	raw_send(raw, "[]");
	raw_expect_end(raw);
	AWAIT(asker_ask(node.asker, "{'msgtype':'bans'}") == 2);
	CU_ASSERT(asker_find(node.asker, "block", harness_text("%s/32", rude)));
	CU_ASSERT(asker_is(node.asker, "by", "protocol"));
	asker_ask(node.asker, "{'msgtype':'unban','block':'%s'}", host);
	asker_ask(node.asker, "{'msgtype':'unban','block':'%s'}", rude);
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'bans'}"), 0);
	raw_join_from(host, node.kithd, ALICE, "");
	raw_join_from(rude, node.kithd, CAROL, "");
	expect_refusal(&node, harness_text("{'msgtype':'unban','block':'%s'}", host), "no_such_ban", "is not banned");
	expect_refusal(&node, "{'msgtype':'ban','block':'10.0.0.1/8'}", "wrong_value", "write \"10.0.0.0/8\"");
	expect_refusal(&node, "{'msgtype':'ban','block':'alice'}", "wrong_value", "is not a block of addresses");
	expect_refusal(&node, "{'msgtype':'ban','block':'10.0.0.0/8','seconds':0}", "wrong_value", "more than 0");
}

static void test_ban_ends(void)
{
	struct node node = start("");
	asker_ask(node.asker, "{'msgtype':'ban','block':'%s','seconds':0.05}", harness_host(240));
	AWAIT(asker_ask(node.asker, "{'msgtype':'bans'}") == 0);
	raw_join_from(harness_host(240), node.kithd, ALICE, "");
}

/* ---- settings ---- */

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "we");
	if (file == NULL || fputs(content, file) == EOF || fclose(file) != 0)
		harness_fail("cannot write %s", path);
}

static void test_settings(void)
{
	const char *file = harness_write_file("max_inbound = 7;\nbootstrap = [];\n");
	struct node node = start(harness_text("-c %s", file));
	CU_ASSERT(asker_ask(node.asker, "{'msgtype':'settings'}") > 30);
	CU_ASSERT(asker_find(node.asker, "name", "max_inbound"));
	CU_ASSERT(asker_is(node.asker, "value", "7") && asker_is(node.asker, "default", "512"));
	CU_ASSERT(asker_is(node.asker, "where", harness_text("%s:1", file)));
	CU_ASSERT(asker_is(node.asker, "needs_restart", "false") && asker_is(node.asker, "change", "null"));
	CU_ASSERT(asker_find(node.asker, "name", "name"));
	CU_ASSERT(asker_is(node.asker, "value", "\"alpha\"") && asker_is(node.asker, "where", "-o name"));
	CU_ASSERT(asker_find(node.asker, "name", "network"));
	CU_ASSERT(asker_is(node.asker, "where", "null") && asker_is(node.asker, "needs_restart", "true"));
}

static void test_reload(void)
{
	const char *file = harness_write_file("max_inbound = 7;");
	struct node node = start(harness_text("-c %s", file));
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'reload'}"), 0);
	write_file(file, "max_inbound = 8; network = \"other\";");
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'reload'}"), 2);
	CU_ASSERT(asker_find(node.asker, "name", "max_inbound") && asker_is(node.asker, "change", "applied"));
	CU_ASSERT(asker_is(node.asker, "value", "8") && asker_is(node.asker, "before", "7"));
	CU_ASSERT(asker_is(node.asker, "wanted", "null") && asker_is(node.asker, "until", "null"));
	CU_ASSERT(asker_find(node.asker, "name", "network") && asker_is(node.asker, "change", "needs_restart"));
	CU_ASSERT(asker_is(node.asker, "value", "\"kith\"") && asker_is(node.asker, "wanted", "\"other\""));
	write_file(file, "max_inbound = many;");
	expect_refusal(&node, "{'msgtype':'reload'}", "not_done", file);
}

static void test_set(void)
{
	const char *file = harness_write_file("max_inbound = 7;");
	struct node node = start(harness_text("-c %s", file));
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'set','setting':'max_inbound','value':0}"), 1);
	CU_ASSERT(asker_pick(node.asker, 0) && asker_is(node.asker, "change", "applied"));
	CU_ASSERT(asker_is(node.asker, "before", "7") && asker_is(node.asker, "value", "0"));
	CU_ASSERT(asker_is(node.asker, "where", "set max_inbound"));
	CU_ASSERT(asker_is(node.asker, "until", "the next reload or restart"));
	struct raw *raw = raw_connect(kithd_address(node.kithd));
	raw_send_hello(raw, ALICE, "");
	raw_expect_bye(raw, "full");
	/* The same one again is no change. */
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'set','setting':'max_inbound','value':'0'}"), 0);
	/* Texts and lists. */
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'set','setting':'name','value':'two words'}"), 1);
	const char *value = harness_text("['%s','10.0.0.0/8']", harness_host(240));
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'set','setting':'deny','value':%s}", value), 1);
	CU_ASSERT(asker_pick(node.asker, 0));
	CU_ASSERT_STRING_EQUAL(asker_value(node.asker, "value"),
			       harness_text("[\"%s/32\", \"10.0.0.0/8\"]", harness_host(240)));
	asker_ask(node.asker, "{'msgtype':'info'}");
	CU_ASSERT(asker_pick(node.asker, 0) && asker_is(node.asker, "name", "two words"));
	/* A reload takes back what was set. */
	CU_ASSERT_EQUAL(asker_ask(node.asker, "{'msgtype':'reload'}"), 3);
	CU_ASSERT(asker_find(node.asker, "name", "max_inbound") && asker_is(node.asker, "value", "7"));
	raw_join_from(harness_host(240), node.kithd, ALICE, "");
	asker_send(node.asker, "{'msgtype':'watch','since':0,'kinds':['setting']}");
	asker_expect(node.asker, "event");
	CU_ASSERT(asker_is(node.asker, "reason", "a client of the control socket has set it"));
}

static void test_wrong_sets(void)
{
	static const struct {
		const char *keys, *code, *words;
	} cases[] = {
		{"'setting':'max_inbond','value':7", "not_done", "did you mean \"max_inbound\"?"},
		{"'setting':'max_inbound','value':'many'", "not_done", "\"many\" is not a whole number"},
		{"'setting':'max_inbound','value':true", "not_done", "set max_inbound"},
		{"'setting':'network','value':'other'", "not_done", "network can't change while the node runs"},
		{"'setting':'retry_max','value':0.5", "not_done", "retry_max is below retry_min"},
		{"'setting':'max_inbound=1 ','value':7", "wrong_value", "there is no setting"},
		{"'setting':'','value':7", "wrong_value", "there is no setting"},
		{"'setting':'max_inbound','value':{}", "wrong_type", "text, a number, true, false or a list"},
		{"'setting':'deny','value':[[]]", "wrong_type", "a list of texts"},
		{"'setting':'deny','value':['nobody']", "not_done", "nobody"},
		{"'setting':'max_inbound'", "missing_key", "its new value"},
	};
	struct node node = start("");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_refusal(&node, harness_text("{'msgtype':'set',%s}", cases[i].keys), cases[i].code,
			       cases[i].words);
	CU_ASSERT(asker_ask(node.asker, "{'msgtype':'settings'}") > 30);
	CU_ASSERT(asker_find(node.asker, "name", "max_inbound") && asker_is(node.asker, "value", "512"));
}

/* ---- why ---- */

static void test_why(void)
{
	const char *address = harness_address();
	struct node node = start("-o retry_min=60 -o retry_max=60");
	struct kithd *beta = start_beta(&node);
	const char *nodeid = kithd_nodeid(beta), *where = kithd_address(beta);
	CU_ASSERT(asker_ask(node.asker, "{'msgtype':'why','about':'beta'}") >= 3);
	CU_ASSERT(asker_find(node.asker, "fact", "connection") && asker_is(node.asker, "nodeid", nodeid));
	CU_ASSERT(asker_find(node.asker, "fact", "address") && asker_is(node.asker, "address", where));
	CU_ASSERT(asker_find(node.asker, "fact", "event") && asker_is(node.asker, "kind", "peer_up"));
	kithd_signal(beta, SIGKILL);
	kithd_wait(beta);
	/* Gone, it is found by its name in the journal. */
	AWAIT((asker_ask(node.asker, "{'msgtype':'why','about':'beta'}"),
	       asker_find(node.asker, "kind", "peer_down")) &&
	      !asker_find(node.asker, "fact", "connection"));
	CU_ASSERT(asker_find(node.asker, "kind", "peer_down") && asker_is(node.asker, "ending", "failed"));
	CU_ASSERT(asker_find(node.asker, "fact", "address") && asker_number(node.asker, "failures") == 1);
	/* The latter if it had not read all that was sent to it. */
	CU_ASSERT(asker_is(node.asker, "error", "it closed the connection without a bye") ||
		  asker_is(node.asker, "error", "connection reset by peer"));
	const char *const others[] = {harness_text("%.6s", nodeid), nodeid, where};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		asker_ask(node.asker, "{'msgtype':'why','about':'%s'}", others[i]);
		EXPECT(asker_find(node.asker, "kind", "peer_down"), "%s", others[i]);
	}
	/* An address of which nothing is known but that it is banned. */
	asker_ask(node.asker, "{'msgtype':'ban','block':'%s'}", harness_host(240));
	asker_ask(node.asker, "{'msgtype':'why','about':'%s:7'}", harness_host(240));
	CU_ASSERT(asker_find(node.asker, "fact", "ban"));
	CU_ASSERT(asker_is(node.asker, "text", "a client of the control socket has banned it"));
	asker_ask(node.asker, "{'msgtype':'set','setting':'max_outbound','value':0}");
	asker_ask(node.asker, "{'msgtype':'why','about':'%s'}", address);
	CU_ASSERT(asker_find(node.asker, "fact", "limit"));
	CU_ASSERT(strstr(asker_value(node.asker, "text"), "max_outbound = 0") != NULL);
	asker_ask(node.asker, "{'msgtype':'why','about':'alpha'}");
	CU_ASSERT(asker_find(node.asker, "fact", "self"));
	raw_join(node.kithd, BOB, ",\"name\":\"gamma\"");
	expect_refusal(&node, "{'msgtype':'why','about':'gama'}", "no_such_node", "did you mean \"gamma\"?");
	expect_refusal(&node, "{'msgtype':'why','about':'zzzzzzzz'}", "no_such_node", "nothing is known of");
}

/* ---- metrics ---- */

/* The value of the sample with that label; -1 if there is none. */
static double value_of(struct asker *asker, const char *sample, const char *label)
{
	double value = -1;
	for (size_t i = 0; asker_pick(asker, i); i++)
		if (asker_is(asker, "sample", sample) && strstr(asker_value(asker, "labels"), label) != NULL)
			value = asker_number(asker, "value");
	return value;
}

static void test_metrics(void)
{
	struct node node = start("-o ping_interval=0.1");
	struct raw *alice = raw_join(node.kithd, ALICE, "");
	raw_ping(alice);
	size_t samples = asker_ask(node.asker, "{'msgtype':'metrics'}");
	CU_ASSERT(samples > 50 && samples < 160);
	for (size_t i = 0; i < samples; i++) {
		asker_pick(node.asker, i);
		const char *name = asker_value(node.asker, "name"), *type = asker_value(node.asker, "type");
		size_t length = strlen(name);
		bool is_total = length > 6 && strcmp(name + length - 6, "_total") == 0;
		EXPECT(strncmp(name, "kith_", 5) == 0 && is_total == (strcmp(type, "counter") == 0), "%s", name);
		EXPECT(!asker_is(node.asker, "help", "null"), "%s", name);
	}
	CU_ASSERT_EQUAL(value_of(node.asker, "kith_connections", "\"in\",\"state\":\"ready\""), 1);
	CU_ASSERT_EQUAL(value_of(node.asker, "kith_messages_total", "\"in\",\"type\":\"hello\""), 1);
	CU_ASSERT(value_of(node.asker, "kith_messages_total", "\"out\",\"type\":\"ping\"") >= 1);
	CU_ASSERT(value_of(node.asker, "kith_message_bytes_total", "\"out\",\"type\":\"hello\"") > 60);
	CU_ASSERT(value_of(node.asker, "kith_ping_rtt_seconds_count", "") >= 1);
	CU_ASSERT_EQUAL(value_of(node.asker, "kith_ping_rtt_seconds_bucket", "+Inf"),
			value_of(node.asker, "kith_ping_rtt_seconds_count", ""));
	CU_ASSERT(value_of(node.asker, "kith_resident_memory_bytes", "") > 1e6);
	CU_ASSERT_EQUAL(value_of(node.asker, "kith_control_clients", ""), 1);
	/* Alice is silent. */
	asker_set(node.asker, "ping_timeout", 0.3);
	raw_expect_bye(alice, "timeout");
	AWAIT((asker_ask(node.asker, "{'msgtype':'metrics'}"),
	       value_of(node.asker, "kith_pings_total", "unanswered") == 1));
	CU_ASSERT_EQUAL(value_of(node.asker, "kith_peers_gone_total", "timeout"), 1);
}

static void test_info_of_a_private_node(void)
{
	const char *secret = harness_write_file("7d1fc3a9e05b8246f3d9a1c47be2906c58af134d96e07bc2185fd3ae490b6c71\n");
	struct node node = start(harness_text("-o secret_file=%s", secret));
	asker_ask(node.asker, "{'msgtype':'info'}");
	CU_ASSERT(asker_pick(node.asker, 0) && asker_is(node.asker, "private", "true"));
	const char *secrets = asker_value(node.asker, "secrets");
	CU_ASSERT_EQUAL(strlen(secrets), strlen("[\"7d1fc3a9\"]"));
	char fingerprint[9] = "";
	snprintf(fingerprint, sizeof fingerprint, "%.8s", secrets + 2);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, "dials with secret", fingerprint), 1);
	CU_ASSERT(strncmp(fingerprint, "7d1fc3a9", 8) != 0);
	asker_ask(node.asker, "{'msgtype':'settings'}");
	for (size_t i = 0; asker_pick(node.asker, i); i++)
		CU_ASSERT(strstr(asker_row(node.asker), "7d1fc3a9e05b") == NULL);
}

static void test_problems(void)
{
	struct node node = start(harness_text("-b %s", harness_address()));
	asker_ask(node.asker, "{'msgtype':'info'}");
	CU_ASSERT(asker_pick(node.asker, 0));
	CU_ASSERT(strstr(asker_value(node.asker, "problems"), "it has no peer: of 1 address") != NULL);
	raw_join(node.kithd, ALICE, ",\"agent\":\"raw/1\"");
	raw_join(node.kithd, BOB, ",\"agent\":\"raw/1\"");
	raw_join(node.kithd, CAROL, "");
	asker_ask(node.asker, "{'msgtype':'info'}");
	CU_ASSERT(asker_pick(node.asker, 0));
	CU_ASSERT(strstr(asker_value(node.asker, "problems"), "it has no peer") == NULL);
	CU_ASSERT_STRING_EQUAL(asker_value(node.asker, "agents"),
			       "[{\"agent\":\"raw\\/1\",\"peers\":2},{\"agent\":null,\"peers\":1}]");
}

static CU_TestInfo tests[] = {
	{"a peer is named in many ways", test_names},
	{"ping measures now", test_ping},
	{"ping says what became of one that does not answer", test_ping_without_answer},
	{"many who ping share the pings", test_many_ping},
	{"a client that has closed its writing end is answered", test_half_closed},
	{"addresses lists the whole book", test_addresses},
	{"a bootstrap that is the node itself is in the book, and not missing", test_own_bootstrap},
	{"addresses lists those that are missed", test_missing},
	{"connect dials, and says what came of it", test_connect},
	{"forget removes an address", test_forget},
	{"disconnect says bye", test_disconnect},
	{"a ban keeps a block out, until it ends", test_bans},
	{"a ban ends by itself", test_ban_ends},
	{"settings lists each with its origin", test_settings},
	{"reload tells what has changed", test_reload},
	{"set changes a running node until the next reload", test_set},
	{"a wrong set changes nothing", test_wrong_sets},
	{"why tells the story of a node", test_why},
	{"metrics have names, types and values", test_metrics},
	{"info has fingerprints of secrets, and nothing more of them", test_info_of_a_private_node},
	{"info has the problems, and the agents of peers", test_problems},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_control_rows = {
	.pName = "control_rows", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
