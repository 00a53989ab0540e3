#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asker.h"
#include "kith.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* What the commands of kith tell of a node, and do with it. */

#define END(rows) "{'msgtype':'end','rows':" #rows "}\n"

static bool has(const char *text, const char *words)
{
	return EXPECT(strstr(text, words) != NULL, "\"%s\" is not in: %s", words, text);
}

static void expect_status(struct kith_run run, int status)
{
	EXPECT(run.status == status, "status %d; it says: %s%s", run.status, run.out, run.err);
}

struct node {
	struct kithd *kithd;
	const char *path;
};

static struct node start(const char *options)
{
	struct node node = {.path = harness_text("%s/sock", harness_make_folder())};
	node.kithd = kithd_start("-o name=alpha -o control=%s %s", node.path, options);
	asker_connect(node.path);
	return node;
}

static const char *fake(const struct fake_answer *answers)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	fake_node(path, answers, false);
	return path;
}

/* ---- status ---- */

#define NODEID(n) "'nodeid':'" #n "0000000-0000-4000-8000-000000000000'"
#define PEER(n, name, state, more) "{'msgtype':'peer'," NODEID(n) ",'name':'" name "','state':'" state "'" more "}\n"
#define READY(n, name, more) PEER(n, name, "ready", more)

static void test_status_of_trouble(void)
{
	static const struct fake_answer answers[] = {
		{"info", "{'msgtype':'info','name':'web-03'," NODEID(
				 9) ",'network':'prod','private':true,"
				    "'secrets':['b9dfd1c8'],'listen':['10.0.0.3:5999'],'uptime_s':1036805,'problems':['"
				    "it is Monday']}\n" END(1)},
		{"peers",
		 READY(1, "a", ",'rtt_ms':0.4,'agent':'kithd/0.2.0'") READY(2, "paris-01",
									    ",'rtt_ms':38.2,'agent':'kithd/0.2.0'")
			 PEER(3, "db-02", "late",
			      ",'rtt_ms':0.6,'usual_rtt_ms':0.6,'late_ms':4100,'agent':'kithd/0.1.0'")
				 READY(4, "back",
				       ",'rtt_ms':0.3,'waiting_ms':400,'agent':'other/1'") "{'msgtype':'peer','state':'"
											   "dial'}\n" END(5)},
		{"addresses",
		 "{'msgtype':'address','address':'10.0.0.47:5999'," NODEID(
			 5) ",'kind':'tried','failures':7,"
			    "'error':'connection refused','next_try_s':22.4}\n"
			    "{'msgtype':'address','address':'10.0.0.9:5999','kind':'new','failures':1,'error':'timed "
			    "out','next_try_s':0}\n"
			    "{'msgtype':'address','address':'10.0.0.8:5999','kind':'tried','failures':0}\n" END(3)},
		{"watch",
		 "{'msgtype':'event','kind':'peer_down','ending':'failed'," NODEID(
			 4) ",'name':'back','ago_s':500}\n"
			    "{'msgtype':'event','kind':'peer_up'," NODEID(
				    4) ",'name':'back','ago_s':400}\n"
				       "{'msgtype':'event','kind':'peer_down','ending':'left'," NODEID(
					       6) ",'name':'left','ago_s':300}\n"
						  "{'msgtype':'event','kind':'peer_down','ending':'failed'," NODEID(
							  5) ",'name':'cache-07','ago_s':185,"
							     "'reason':'it closed the connection without a bye'}\n" END(
								     4)},
		{NULL, NULL}};
	struct kith_run run = kith_run("-s %s", fake(answers));
	expect_status(run, 0);
	CU_ASSERT_STRING_EQUAL(run.out,
			       "web-03 (90000000) 10.0.0.3:5999, network \"prod\", private (b9dfd1c8), up 12 d\n"
			       "4 peers: 3 ready, 1 late, 1 connecting; 2 addresses fail\n"
			       "  here  it is Monday\n"
			       "  late  db-02          no answer for 4.1 s (usually 0.6 ms)\n"
			       "  gone  cache-07       3 min ago: connection refused, next try in 22 s\n"
			       "  fails 10.0.0.9:5999  timed out, next try now\n"
			       "rtt median 0.5 ms, worst 38 ms (paris-01); versions other/1: 1, 0.2.0: 2, 0.1.0: 1\n");
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s status", fake(answers)).out, run.out);
}

static void test_status_of_a_node(void)
{
	struct node node = start("");
	struct kith_run run = kith_run("-s %s", node.path);
	expect_status(run, 0);
	has(run.out, harness_text("alpha (%.8s) %s, network \"kith\", open, up ", kithd_nodeid(node.kithd),
				  kithd_address(node.kithd)));
	has(run.out, "\nno peers");
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\",\"agent\":\"raw/1\"");
	run = kith_run("-s %s", node.path);
	has(run.out, "\n1 peer");
	has(run.out, "; version raw/1\n");
	has(kith_run("-s %s -j", node.path).out, "\"name\":\"alice\"");
}

static void test_again_and_again(void)
{
	struct node node = start("");
	struct kith *kith = kith_spawn("-s %s --watch=0.1 info -r -o name", node.path);
	AWAIT(strstr(kith_output(kith), "name alpha\n\nname alpha\n") != NULL);
	kithd_stop(node.kithd, SIGTERM);
	struct kith_run run = kith_wait(kith);
	CU_ASSERT_EQUAL(run.status, 69);
}

/* ---- watch ---- */

static void test_watch(void)
{
	/* What Alice has not read when she closes would reset the connection: a ping, or a report. */
	struct node node = start(RARE_PINGS " -o max_nodes=0");
	struct kith *kith = kith_spawn("-s %s watch -S 1h", node.path);
	AWAIT(strstr(kith_output(kith), "  start  kithd " KITH_VERSION "\n") != NULL);
	struct raw *alice = raw_join(node.kithd, ALICE, ",\"name\":\"alice\",\"agent\":\"raw/1\"");
	AWAIT(strstr(kith_output(kith), "  up     alice  ") != NULL);
	has(kith_output(kith), ", raw/1\n");
	raw_close(alice);
	AWAIT(strstr(kith_output(kith), "  down   alice  failed: it closed the connection without a bye (was up ") !=
	      NULL);
	kithd_stop(node.kithd, SIGTERM);
	struct kith_run run = kith_wait(kith);
	CU_ASSERT_EQUAL(run.status, 69);
	has(run.out, "  stop   Terminated\n");
	CU_ASSERT_STRING_EQUAL(run.err, "kith: the node has stopped\n");
}

static void test_watch_some_kinds(void)
{
	struct node node = start("");
	struct kith *kith = kith_spawn("-s %s watch -j -S 0 up peer_down", node.path);
	struct raw *alice = raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	AWAIT(strstr(kith_output(kith), "\"kind\":\"peer_up\"") != NULL);
	raw_close(alice);
	AWAIT(strstr(kith_output(kith), "\"kind\":\"peer_down\"") != NULL);
	CU_ASSERT_PTR_NULL(strstr(kith_output(kith), "\"started\""));
	kill(kith_pid(kith), SIGINT);
	struct kith_run run = kith_wait(kith);
	CU_ASSERT_EQUAL(run.status, 128 + SIGINT);
	CU_ASSERT_STRING_EQUAL(run.err, "");
	run = kith_run("-s %s watch around", node.path);
	expect_status(run, 64);
	has(run.err, "there is no kind of event \"around\"");
	expect_status(kith_run("-s %s watch -S soon", node.path), 64);
}

static void test_lines_of_events(void)
{
	static const struct fake_answer answers[] = {{"watch",
						      "{'msgtype':'lost','events':12}\n"
						      "{'msgtype':'event','kind':'dial_failed','at':'2026-11-23T12:03:"
						      "58.114Z','address':'10.0.0.9:5999','reason':'timed out'}\n"
						      "{'msgtype':'event','kind':'setting','at':'2026-11-23T12:03:58."
						      "114Z','name':'ping_interval','value':'5','reason':'file'}\n"
						      "{'msgtype':'event','kind':'banned','at':'2026-11-23T12:03:58."
						      "114Z','address':'10.0.0.9','value':'10 min','reason':'so'}\n"
						      "{'msgtype':'event','kind':'moon_rose','at':'2026-11-23T12:03:58."
						      "114Z','value':'full','reason':'\\u001b[2J'}\n" END(5)},
						     {NULL, NULL}};
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s watch", fake(answers)).out,
			       "(12 events are lost: the journal no longer has them)\n"
			       "2026-11-23 12:03:58.114  fail  10.0.0.9:5999  timed out\n"
			       "2026-11-23 12:03:58.114  set   ping_interval  = 5: file\n"
			       "2026-11-23 12:03:58.114  ban   10.0.0.9       for 10 min: so\n"
			       "2026-11-23 12:03:58.114  moon_rose  full, \\x1b[2J\n");
}

/* ---- lists, on a real node ---- */

static void test_lists(void)
{
	struct node node = start("-o bootstrap=127.0.0.1:1 -o ping_interval=7");
	AWAIT(strstr(kith_run("-s %s addresses -r --noheadings -o address,error", node.path).out,
		     "127.0.0.1:1 connection\\x20refused\n") != NULL);
	has(kith_run("-s %s settings -r -o name,value,default,restart", node.path).out, "\nping_interval 7 60 no\n");
	has(kith_run("-s %s settings", node.path).out, "\nping_interval      7 ");
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s bans", node.path).out, "");
	has(kith_run("-s %s", node.path).out, "1 address fails\n");
	has(kith_run("-s %s", node.path).out, "  fails 127.0.0.1:1  connection refused, next try ");
}

/* ---- why ---- */

/* Its last round trip is known. */
static bool has_round_trip(const char *path, const char *name)
{
	const char *out = kith_run("-s %s peers -r --noheadings -o name,rtt", path).out;
	return strstr(out, harness_text("%s ", name)) != NULL && strstr(out, harness_text("%s -", name)) == NULL;
}

static void test_why(void)
{
	struct node node = start("");
	const char *listen = harness_address();
	struct kithd *beta = kithd_start_at(listen, "-o name=beta -b %s", kithd_address(node.kithd));
	AWAIT(strstr(kith_run("-s %s peers -r -o name,listen", node.path).out, harness_text("\nbeta %s\n", listen)) !=
	      NULL);
	AWAIT(has_round_trip(node.path, "beta"));
	struct kith_run run = kith_run("-s %s why beta", node.path);
	expect_status(run, 0);
	has(run.out, harness_text("beta (%.8s, %s) is connected for ", kithd_nodeid(beta), listen));
	has(run.out, ": it dialled this node, kithd/" KITH_VERSION ", rtt ");
	has(run.out, "  connected: it dialled this node, kithd/" KITH_VERSION "\n");
	run = kith_run("-s %s why bet", node.path);
	expect_status(run, 1);
	has(run.err, "did you mean \"beta\"?");
	kithd_signal(beta, SIGKILL);
	kithd_wait(beta);
	AWAIT(strstr(kith_run("-s %s why %.6s", node.path, kithd_nodeid(beta)).out, "dialled: connection refused") !=
	      NULL);
	run = kith_run("-s %s why %s", node.path, listen);
	has(run.out, harness_text("beta (%.8s, %s) is gone since ", kithd_nodeid(beta), listen));
	/* The latter if it had not read all that was sent to it. */
	if (strstr(run.out,
		   "  the connection failed: it closed the connection without a bye: killed or crashed; it was "
		   "up for ") == NULL)
		has(run.out, "  the connection failed: connection reset by peer: the other end was killed, or ");
	has(run.out, "dialled: connection refused: the machine is up, and nobody listens there\n");
	has(run.out, "; next try in ");
	/* After a while it is a problem. */
	const char *status = kith_run("-s %s", node.path).out;
	if (strstr(status, "  node  beta is gone: ") == NULL)
		has(status, "  gone  beta  ");
	has(kith_run("-s %s why alpha", node.path).out, "alpha is this node itself\n");
	has(kith_run("-s %s why beta -j", node.path).out, "{\"msgtype\":\"fact\",\"fact\":\"event\",");
}

/* ---- what changes something ---- */

static void test_ping(void)
{
	struct node node = start("");
	kithd_start("-o name=beta -b %s", kithd_address(node.kithd));
	AWAIT(has_round_trip(node.path, "beta"));
	struct kith_run run = kith_run("-s %s ping beta -c 2", node.path);
	expect_status(run, 0);
	has(run.out, " ms\nbeta (");
	has(run.out, "\n2 of 2 answered; least ");
	run = kith_run("-s %s ping gamma", node.path);
	expect_status(run, 1);
	has(run.err, "no peer is called \"gamma\"");
	has(kith_run("-s %s ping beta -c 1 -j", node.path).out, "{\"msgtype\":\"pong\",\"number\":1,");
}

static void test_ping_without_answer(void)
{
	static const struct fake_answer answers[] = {
		{"ping",
		 "{'msgtype':'pong','number':1,'label':'b','answered':false,'reason':'no answer yet'}\n" END(1)},
		{NULL, NULL}};
	struct kith_run run = kith_run("-s %s ping b", fake(answers));
	expect_status(run, 1);
	CU_ASSERT_STRING_EQUAL(run.out, "b: no answer yet\n0 of 1 answered\n");
}

static void test_connections(void)
{
	struct node node = start("");
	const char *address = harness_address();
	struct kith_run run = kith_run("-s %s connect %s", node.path, address);
	expect_status(run, 1);
	has(run.err, "connection refused");
	kithd_start_at(address, "-o name=beta");
	run = kith_run("-s %s connect %s", node.path, address);
	expect_status(run, 0);
	has(run.out, "connected with beta (");
	run = kith_run("-s %s disconnect beta", node.path);
	expect_status(run, 0);
	has(run.out, "disconnected from beta (");
	AWAIT(strstr(kith_run("-s %s peers -r -o name", node.path).out, "beta") == NULL);
	expect_status(kith_run("-s %s disconnect beta", node.path), 1);
	expect_status(kith_run("-s %s connect nowhere", node.path), 64);
	run = kith_run("-s %s forget 192.0.2.7", node.path);
	expect_status(run, 1);
	has(run.err, "the address book has no 192.0.2.7:5999");
}

static void test_bans(void)
{
	struct node node = start("");
	struct kith_run run = kith_run("-s %s ban 192.0.2.0/24 10m", node.path);
	expect_status(run, 0);
	CU_ASSERT_STRING_EQUAL(run.out, "banned 192.0.2.0/24 for 10 min\n");
	has(kith_run("-s %s bans", node.path).out, "\n192.0.2.0/24  ");
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s unban 192.0.2.0/24", node.path).out,
			       "192.0.2.0/24 is no longer banned\n");
	run = kith_run("-s %s unban 192.0.2.0/24", node.path);
	expect_status(run, 1);
	has(run.err, "192.0.2.0/24 is not banned; kith bans lists the bans");
	run = kith_run("-s %s ban 192.0.2.0/24 long", node.path);
	expect_status(run, 64);
	has(run.err, "\"long\" is not a duration: write it as in 90s, 10m, 2h or 1d");
	expect_status(kith_run("-s %s ban 192.0.2.1/24", node.path), 64);
}

static void test_settings(void)
{
	const char *file = harness_write_file("max_inbound = 20;\n");
	struct node node = start(harness_text("-c %s", file));
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s set ping_interval 9", node.path).out,
			       "ping_interval = 9 (was 60), until the next reload or restart\n");
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s set ping_interval=9", node.path).out,
			       "ping_interval has this value already\n");
	has(kith_run("-s %s set deny 192.0.2.0/24 198.51.100.0/24", node.path).out,
	    "deny = [\"192.0.2.0/24\", \"198.51.100.0/24\"] (was []), until");
	struct kith_run run = kith_run("-s %s set ping_interval soon", node.path);
	expect_status(run, 1);
	has(run.err, "\"soon\" is not a number of seconds");
	expect_status(kith_run("-s %s set ping_interval", node.path), 64);
	run = kith_run("-s %s reload", node.path);
	expect_status(run, 0);
	has(run.out, "ping_interval = 60 (was 9)\n");
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s reload", node.path).out, "nothing has changed\n");
}

static void test_stop(void)
{
	struct node node = start("");
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s stop", node.path).out, "the node stops\n");
	CU_ASSERT_EQUAL(kithd_wait(node.kithd), 0);
	expect_status(kith_run("-s %s stop", node.path), 69);
}

static void test_call(void)
{
	struct node node = start("");
	struct kith_run run = kith_run("-s %s call '{\"msgtype\":\"info\",\"id\":[1]}'", node.path);
	expect_status(run, 0);
	has(run.out, "{\"msgtype\":\"info\",\"id\":[1],\"version\":\"" KITH_VERSION "\",");
	CU_ASSERT_PTR_NULL(strstr(run.out, "\"end\""));
	run = kith_run("-s %s call '{\"msgtype\":\"inof\"}'", node.path);
	expect_status(run, 64);
	has(run.err, "kith: there is no request \"inof\"; did you mean \"info\"?\n");
	run = kith_run("-s %s call {", node.path);
	expect_status(run, 64);
	has(run.err, "write it as in '{\"msgtype\":\"help\"}'");
}

/* ---- completion ---- */

/* What the shell's script prints. */
static const char *offers_of(const char *script)
{
	static char offers[4096];
	FILE *pipe = popen(script, "re"); /* NOLINT(cert-env33-c): a fixed command of the test's own */
	if (pipe == NULL)
		abort();
	size_t length = fread(offers, 1, sizeof offers - 1, pipe);
	offers[length] = '\0';
	CU_ASSERT_EQUAL(pclose(pipe), 0);
	return offers;
}

/* What bash would offer for a line. */
static const char *complete(const char *line)
{
	return offers_of(harness_text("bash -c '. <(%s completion bash); COMP_LINE=\"%s\"; "
				      "COMP_POINT=${#COMP_LINE}; _kith; echo ${COMPREPLY[*]}'",
				      kith_program(), line));
}

static const char *complete_in_fish(const char *line)
{
	return offers_of(
		harness_text("fish --no-config -c '%s completion fish | source; complete -C \"%s\"' | cut -f 1",
			     kith_program(), line));
}

static void test_completion(void)
{
	struct node node = start("-o bootstrap=127.0.0.1:1 -o tags=role=db,zone=a,rack?7");
	const char *kith = harness_text("%s -s %s", kith_program(), node.path);
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	CU_ASSERT_STRING_EQUAL(complete("kith pe"), "peers\n");
	CU_ASSERT_STRING_EQUAL(complete("kith peers --no"), "--noheadings\n");
	CU_ASSERT_STRING_EQUAL(complete("kith peers -o BYTES"), "BYTES_IN BYTES_OUT\n");
	CU_ASSERT_STRING_EQUAL(complete("kith watch peer_"), "peer_up peer_down peer_late peer_ok\n");
	CU_ASSERT_STRING_EQUAL(complete("kith completion z"), "zsh\n");
	CU_ASSERT_STRING_EQUAL(complete(harness_text("%s ping a", kith)), "alice\n");
	CU_ASSERT_STRING_EQUAL(complete(harness_text("%s set ping_i", kith)), "ping_interval\n");
	AWAIT(strcmp(complete(harness_text("%s why alp", kith)), "alpha\n") == 0);
	CU_ASSERT_STRING_EQUAL(complete(harness_text("%s links alp", kith)), "alpha\n");
	CU_ASSERT_STRING_EQUAL(complete("kith nodes -o SEE"), "SEEN_BY\n");
	CU_ASSERT_STRING_EQUAL(complete(harness_text("%s nodes ", kith)), "role=db zone=a\n");
	CU_ASSERT_STRING_EQUAL(complete(harness_text("%s nodes zone=", kith)), "zone=a\n");
	/* bash parts words at colons. */
	CU_ASSERT_STRING_EQUAL(complete(harness_text("%s forget 127.0.0.1:", kith)), "1\n");
	CU_ASSERT_STRING_EQUAL(complete(harness_text("kith -s %.*s", (int)strlen(node.path) - 2, node.path)),
			       harness_text("%s\n", node.path));
}

/* bash expands the words that it is to offer, and others choose them. */
static void test_words_of_strangers(void)
{
	const char *folder = harness_make_folder(), *path = harness_text("%s/sock", folder);
	const char *made = harness_text("%s/made", folder);
	const char *names = harness_text(
		PEER(1, "$(touch${IFS}%s)", "ready", "") PEER(2, "`touch${IFS}%s`", "ready", "")
			PEER(3, "a$HOME", "ready", "") PEER(4, "-x", "ready", "") PEER(5, "a b", "ready", "")
				PEER(6, "caf\xc3\xa9", "ready", "") PEER(7, "[::1]", "ready", "") END(7),
		made, made);
	const struct fake_answer answers[] = {{"peers", names}, {NULL, NULL}};
	fake_node(path, answers, false);
	CU_ASSERT_STRING_EQUAL(complete(harness_text("%s -s %s ping ", kith_program(), path)), "[::1] caf\xc3\xa9\n");
	CU_ASSERT_NOT_EQUAL(access(made, F_OK), 0);
}

static void test_fish(void)
{
	struct node node = start("-o bootstrap=127.0.0.1:1 -o tags=role=db,zone=a,rack?7");
	const char *kith = harness_text("%s -s %s", kith_program(), node.path);
	if (!harness_can(access("/usr/bin/fish", X_OK) == 0, "fish completes words", "there is no fish"))
		return;
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	CU_ASSERT_STRING_EQUAL(complete_in_fish("kith pe"), "peers\n");
	CU_ASSERT_STRING_EQUAL(complete_in_fish("kith peers --no"), "--noheadings\n");
	CU_ASSERT_STRING_EQUAL(complete_in_fish("kith peers -o BYTES"), "BYTES_IN\nBYTES_OUT\n");
	/* The argument of an option is no command. */
	CU_ASSERT_STRING_EQUAL(complete_in_fish(harness_text("%s pe", kith)), "peers\n");
	CU_ASSERT_STRING_EQUAL(complete_in_fish(harness_text("%s -n peers ping", kith)), "ping\n");
	CU_ASSERT_STRING_EQUAL(complete_in_fish(harness_text("%s ping a", kith)), "alice\n");
	CU_ASSERT_STRING_EQUAL(complete_in_fish(harness_text("%s set ping_i", kith)), "ping_interval\n");
}

/* Other shells at least understand what is made for them. */
static void test_other_shells(void)
{
	static const char *const shells[] = {"zsh", "fish"};
	for (size_t i = 0; i < 2; i++) {
		const char *shell = shells[i];
		if (!harness_can(system(harness_text("command -v %s >/dev/null", shell)) == 0,
				 "completion", /* NOLINT */
				 harness_text("%s is not installed", shell)))
			continue;
		struct kith_run run = kith_run("completion %s", shell);
		expect_status(run, 0);
		const char *script = harness_write_file(run.out);
		CU_ASSERT_EQUAL(system(harness_text("%s -n %s", shell, script)), 0); /* NOLINT */
	}
}

static CU_TestInfo tests[] = {
	{"status tells problems first, in words", test_status_of_trouble},
	{"status is what is printed without a command", test_status_of_a_node},
	{"--watch prints it again and again", test_again_and_again},
	{"watch prints what happens, until the node stops", test_watch},
	{"watch takes kinds, and ends at SIGINT", test_watch_some_kinds},
	{"each event is a line", test_lines_of_events},
	{"lists of a node", test_lists},
	{"why tells the story of a node", test_why},
	{"ping tells round trips", test_ping},
	{"a ping without an answer is a no", test_ping_without_answer},
	{"connections are made and ended", test_connections},
	{"blocks are banned and unbanned", test_bans},
	{"settings are set and read again", test_settings},
	{"a node is stopped", test_stop},
	{"any request can be sent", test_call},
	{"bash completes words, and asks the node for names", test_completion},
	{"names that strangers have chosen are no commands", test_words_of_strangers},
	{"fish does, if it is installed", test_fish},
	{"zsh and fish understand their completions", test_other_shells},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_kith_commands = {
	.pName = "kith_commands", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
