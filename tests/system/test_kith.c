#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asker.h"
#include "base/privilege.h"
#include "base/text.h"
#include "kith.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/* The program kith: which node it asks, what it prints where, and how it ends. */

#define PEER(name, more)                                                                                               \
	"{'msgtype':'peer','nodeid':'1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d','name':" name                               \
	",'listen':'10.0.0.7:5999','state':'ready','direction':'in','rtt_ms':0.412,'agent':'kithd/0.1.0'" more "}\n"
#define END(rows) "{'msgtype':'end','rows':" #rows "}\n"
#define UTF8 "LC_ALL=C.UTF-8"

static bool has(const char *text, const char *words)
{
	return EXPECT(strstr(text, words) != NULL, "\"%s\" is not in: %s", words, text);
}

static void expect_status(struct kith_run run, int status)
{
	EXPECT(run.status == status, "status %d; it says: %s%s", run.status, run.out, run.err);
}

/* ---- which node ---- */

static void test_no_node(void)
{
	const char *folder = harness_make_folder();
	struct kith_run run = kith_run("-s %s", folder);
	expect_status(run, 69);
	has(run.err, harness_text("kith: no node runs here: there is no control socket in %s\n", folder));
	has(run.err, "kithd -o name=alpha");
	CU_ASSERT_STRING_EQUAL(run.out, "");
	run = kith_run("-s %s/sock", folder);
	expect_status(run, 69);
	has(run.err, "there is no such socket");
}

static void test_one_node(void)
{
	const char *folder = harness_make_folder(), *path = harness_text("%s/a.sock", folder);
	struct kithd *kithd = kithd_start("-o name=alpha -o control=%s", path);
	asker_connect(path);
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s info -r -o name,nodeid", path).out,
			       harness_text("nodeid %s\nname alpha\n", kithd_nodeid(kithd)));
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s info -r -o name", folder).out, "name alpha\n");
	/* Options may come after the command too, and the place from the environment. */
	const char *environment[] = {harness_text("KITH_CONTROL=%s", path), NULL};
	struct kith_how how = {.environment = environment};
	CU_ASSERT_STRING_EQUAL(kith_run_as(&how, "info -o name -r").out, "name alpha\n");
	CU_ASSERT_STRING_EQUAL(kith_run_as(&how, "info -s %s -r -o name", folder).out, "name alpha\n");
}

static void test_two_nodes(void)
{
	const char *folder = harness_make_folder();
	const char *one = harness_text("%s/1.sock", folder), *two = harness_text("%s/2.sock", folder);
	struct kithd *alpha = kithd_start("-o name=alpha -o control=%s", one);
	struct kithd *beta = kithd_start("-o name=beta -o control=%s", two);
	asker_connect(one);
	asker_connect(two);
	struct kith_run run = kith_run("-s %s peers", folder);
	expect_status(run, 64);
	has(run.err, "kith: 2 nodes run here: choose one with -n NAME, or with -s SOCKET:\n");
	has(run.err, harness_text("alpha  %s  %s\n", kithd_address(alpha), one));
	has(run.err, two);
	has(run.err, kithd_address(beta));
	CU_ASSERT_STRING_EQUAL(run.out, "");
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s -n beta info -r -o name", folder).out, "name beta\n");
	run = kith_run("-s %s -n gamma", folder);
	expect_status(run, 69);
	has(run.err, "no node that runs here is called \"gamma\"");
	has(run.err, one);
	run = kith_run("-s %s local -r --noheadings", folder);
	CU_ASSERT_STRING_EQUAL(run.out, harness_text("alpha %s %s\nbeta %s %s\n", kithd_address(alpha), one,
						     kithd_address(beta), two));
	/* One of them is gone: the other is the only one. */
	kithd_signal(alpha, SIGKILL);
	kithd_wait(alpha);
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s info -r -o name", folder).out, "name beta\n");
}

/* More than kith asks nodes, and named so that they come first. */
static void test_one_node_among_dead_sockets(void)
{
	enum { DEAD = 300 };
	const char *folder = harness_make_folder(), *path = harness_text("%s/9.sock", folder);
	for (int i = 0; i < DEAD; i++)
		asker_leave_dead_socket(harness_text("%s/0.%d.sock", folder, i));
	struct kithd *kithd = kithd_start("-o name=alpha -o control=%s", path);
	asker_connect(path);
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s info -r -o name", folder).out, "name alpha\n");
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s -n alpha info -r -o name", folder).out, "name alpha\n");
	struct kith_run run = kith_run("-s %s local -r --noheadings", folder);
	CU_ASSERT_STRING_EQUAL(run.out, harness_text("alpha %s %s\n", kithd_address(kithd), path));
	CU_ASSERT_STRING_EQUAL(run.err, "");
}

static void test_two_of_a_name(void)
{
	const char *folder = harness_make_folder();
	for (int i = 0; i < 2; i++) {
		const char *path = harness_text("%s/%d.sock", folder, i);
		kithd_start("-o name=alpha -o control=%s", path);
		asker_connect(path);
	}
	struct kith_run run = kith_run("-s %s -n alpha", folder);
	expect_status(run, 64);
	has(run.err, "2 nodes are called \"alpha\": choose one by its socket, with -s:");
}

static void test_dead_socket(void)
{
	const char *folder = harness_make_folder(), *path = harness_text("%s/a.sock", folder);
	struct kithd *kithd = kithd_start("-o control=%s", path);
	asker_connect(path);
	kithd_signal(kithd, SIGKILL);
	kithd_wait(kithd);
	struct kith_run run = kith_run("-s %s", path);
	expect_status(run, 69);
	has(run.err, "nobody listens there: its kithd was killed or has crashed");
	expect_status(kith_run("-s %s", folder), 69);
}

static void test_not_allowed(void)
{
	static const char test[] = "who may not ask";
	uid_t uid = 0;
	gid_t gid = 0;
	if (!harness_can(geteuid() == 0, test, "only root can try it as another user") ||
	    !harness_can(privilege_find_user("nobody", &uid, &gid), test, "this machine has no user nobody"))
		return;
	const char *folder = harness_make_folder(), *path = harness_text("%s/a.sock", folder);
	struct kith_how how = {.uid = uid};
	CU_ASSERT_EQUAL(chmod(folder, 0755), 0);
	kithd_start("-o control=%s", path);
	asker_connect(path);
	struct kith_run run = kith_run_as(&how, "-s %s", path);
	expect_status(run, 77);
	has(run.err, "only the user \"root\" may ask this node: run sudo -u root kith");
	has(kith_run_as(&how, "-s %s", folder).err, "only the user \"root\" may ask");
	const char *shared = harness_text("%s/b.sock", folder);
	kithd_start("-o control=%s -o control_group=daemon", shared);
	asker_connect(shared);
	run = kith_run_as(&how, "-s %s", shared);
	expect_status(run, 77);
	has(run.err, "the group \"daemon\" may ask this node; join the group with: sudo usermod -aG daemon nobody");
	/* A directory that is closed is named itself. */
	CU_ASSERT_EQUAL(chmod(folder, 0700), 0);
	run = kith_run_as(&how, "-s %s", path);
	expect_status(run, 77);
	has(run.err, harness_text("%s: only the user \"root\"", folder));
}

static void test_hung_node(void)
{
	const char *path = harness_text("%s/a.sock", harness_make_folder());
	struct kithd *kithd = kithd_start("-o control=%s", path);
	asker_connect(path);
	kithd_signal(kithd, SIGSTOP);
	struct kith *kith = kith_spawn("-s %s info", path);
	struct kith_run run = kith_wait(kith);
	kithd_signal(kithd, SIGCONT);
	expect_status(run, 69);
	has(run.err, "the node has not answered for 10 s: is it stopped?");
}

/* ---- nodes of other kinds ---- */

static const char *fake(const struct fake_answer *answers)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	fake_node(path, answers, false);
	return path;
}

static void test_stops_in_the_middle(void)
{
	static const struct fake_answer rows[] = {{"peers", PEER("'alice'", "") PEER("'bob'", "")}, {NULL, NULL}};
	static const struct fake_answer half[] = {{"peers", PEER("'alice'", "") "{'msgtype':'pe"}, {NULL, NULL}};
	const char *folder = harness_make_folder();
	fake_node(harness_text("%s/rows", folder), rows, true);
	fake_node(harness_text("%s/half", folder), half, true);
	struct kith_run run = kith_run("-s %s/rows peers", folder);
	expect_status(run, 69);
	has(run.err, "the node stopped in the middle of its answer: the rows are not all");
	CU_ASSERT_STRING_EQUAL(run.out, "");
	run = kith_run("-s %s/half peers -j", folder);
	expect_status(run, 69);
	has(run.err, "the node stopped in the middle");
	has(run.out, "\"alice\"");
}

static void test_no_node_of_kith(void)
{
	static const struct fake_answer answers[] = {{"info", "HTTP/1.0 400 Bad request\n"}, {NULL, NULL}};
	struct kith_run run = kith_run("-s %s info", fake(answers));
	expect_status(run, 69);
	has(run.err, "this is no node of kith: it sent \"HTTP/1.0 400 Bad request\"");
}

static void test_older_node(void)
{
	static const struct fake_answer answers[] = {
		{"info", "{'msgtype':'info','name':'old','listen':['10.0.0.3:5999'],'uptime_s':61}\n" END(1)},
		{"peers", PEER("'alice'", "") END(1)},
		{NULL, NULL}};
	const char *path = fake(answers);
	struct kith_run run = kith_run("-s %s", path);
	expect_status(run, 0);
	has(run.out, "old 10.0.0.3:5999, network \"\", open, up 61 s\n1 peer\n");
	CU_ASSERT_STRING_EQUAL(run.err, "");
	run = kith_run("-s %s bans", path);
	expect_status(run, 69);
	has(run.err, "there is no request: the node is older than this kith");
}

static void test_newer_node(void)
{
	static const struct fake_answer answers[] = {
		{"info",
		 "{'msgtype':'info','name':'new','spin':[1,{'a':null}],'wait_ms':2}\n{'msgtype':'mood'}\n" END(2)},
		{"peers", "{'msgtype':'hint','x':1}\n" PEER("'alice'", ",'mood':'calm','pulse':[1,2]") END(2)},
		{NULL, NULL}};
	const char *path = fake(answers);
	struct kith_run run = kith_run("-s %s", path);
	expect_status(run, 0);
	has(run.out, "1 peer\n");
	has(kith_run("-s %s info", path).out, "spin  1, {\"a\":null}\nwait  2.0 ms\n");
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s peers -r -o name,mood,pulse", path).out,
			       "NAME mood pulse\nalice calm 1,\\x202\n");
	/* All rows are there for programs. */
	has(kith_run("-s %s peers -j", path).out, "{\"msgtype\":\"hint\",\"x\":1}\n");
}

/* ---- tables ---- */

static const struct fake_answer two_peers[] = {
	{"peers",
	 PEER("'b'", "") PEER("'alice'", ",'up_s':86400.5") "{'msgtype':'peer','name':null,'state':'dial'}\n" END(3)},
	{NULL, NULL}};

static void test_table(void)
{
	const char *path = fake(two_peers);
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s peers -o name,nodeid,address,up,state", path).out,
			       "NAME   NODEID    ADDRESS          UP  STATE\n"
			       "alice  1a2b3c4d  10.0.0.7:5999  24 h  ready\n"
			       "b      1a2b3c4d  10.0.0.7:5999        ready\n"
			       "                                      dial\n");
	CU_ASSERT_STRING_EQUAL(kith_run("-s %s peers -r -o NAME,RTT,nodeid --noheadings", path).out,
			       "alice 0.412 1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d\n"
			       "b 0.412 1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d\n- - -\n");
	has(kith_run("-s %s peers -o +host", path).out, "AGENT        HOST");
	struct kith_run run = kith_run("-s %s peers -o name,speed", path);
	expect_status(run, 64);
	has(run.err, "there is no column \"speed\"; there are NAME, NODEID, ");
}

static void test_rows_as_sent(void)
{
	static const struct fake_answer answers[] = {
		{"peers", "{'msgtype':'peer', 'x':1.50,'y':'\\u00e9\xc3\xa9'}\n{'z':{},'msgtype':'peer'}\n" END(2)},
		{NULL, NULL}};
	CU_ASSERT_STRING_EQUAL(
		kith_run("-s %s peers -j", fake(answers)).out,
		"{\"msgtype\":\"peer\", \"x\":1.50,\"y\":\"\\u00e9\xc3\xa9\"}\n{\"z\":{},\"msgtype\":\"peer\"}\n");
	CU_ASSERT_STRING_EQUAL(kith_run("-j -s %s call '{\"msgtype\":\"peers\"}'", fake(two_peers)).out,
			       kith_run("-s %s peers -j", fake(two_peers)).out);
}

static void test_closed_reader(void)
{
	struct kith_how how = {.has_no_reader = true};
	struct kith_run run = kith_run_as(&how, "-s %s peers", fake(two_peers));
	CU_ASSERT_EQUAL(run.status, 128 + SIGPIPE);
	CU_ASSERT_STRING_EQUAL(run.err, "");
}

static void test_full_disk(void)
{
	if (!harness_can(access("/dev/full", W_OK) == 0, "a full disk", "this machine has no /dev/full"))
		return;
	struct kith_run run = kith_run_as(&(struct kith_how){.output = "/dev/full"}, "-s %s peers", fake(two_peers));
	expect_status(run, 71);
	has(run.err, "cannot write: No space left on device");
}

static void test_colours(void)
{
	static const char green[] = "\033[32m";
	static const char *const plain[] = {"TERM=xterm", NULL}, *const none[] = {"TERM=xterm", "NO_COLOR=1", NULL},
				 *const empty[] = {"TERM=xterm", "NO_COLOR=", NULL},
				 *const dumb[] = {"TERM=dumb", NULL};
	const char *path = fake(two_peers);
	struct kith_how terminal = {.columns = 120, .environment = plain};
	CU_ASSERT_PTR_NOT_NULL(strstr(kith_run_as(&terminal, "-s %s peers", path).out, green));
	terminal.environment = empty;
	CU_ASSERT_PTR_NOT_NULL(strstr(kith_run_as(&terminal, "-s %s peers", path).out, green));
	terminal.environment = none;
	CU_ASSERT_PTR_NULL(strchr(kith_run_as(&terminal, "-s %s peers", path).out, '\033'));
	terminal.environment = dumb;
	CU_ASSERT_PTR_NULL(strchr(kith_run_as(&terminal, "-s %s peers", path).out, '\033'));
	CU_ASSERT_PTR_NULL(
		strchr(kith_run_as(&(struct kith_how){.environment = plain}, "-s %s peers", path).out, '\033'));
}

static void test_narrow_terminal(void)
{
	static const char *const environment[] = {"TERM=xterm", "NO_COLOR=1", UTF8, NULL};
	static const struct fake_answer answers[] = {
		{"peers", PEER("'a name that is far longer than all of this narrow terminal'", "") END(1)},
		{NULL, NULL}};
	struct kith_how how = {.columns = 40, .environment = environment};
	const char *out = kith_run_as(&how, "-s %s peers -o name,address,state", fake(answers)).out;
	CU_ASSERT(strstr(out, "ready") != NULL);
	for (const char *line = out; *line != '\0'; line += strcspn(line, "\n") + 1) {
		size_t width = text_width(harness_text("%.*s", (int)strcspn(line, "\r\n"), line));
		EXPECT(width <= 40, "%zu columns: %s", width, line);
	}
}

/* 節点 takes four columns. */
static void test_wide_names(void)
{
	static const char *const utf8[] = {UTF8, NULL}, *const ascii[] = {"LC_ALL=C", NULL};
	static const struct fake_answer answers[] = {{"peers",
						      PEER("'\xe7\xaf\x80\xe7\x82\xb9'", "") PEER("'caf\xc3\xa9!'", "")
							      PEER("'z\\u001b[31m\\u202e'", "") END(3)},
						     {NULL, NULL}};
	const char *path = fake(answers);
	CU_ASSERT_STRING_EQUAL(
		kith_run_as(&(struct kith_how){.environment = utf8}, "-s %s peers -o name,state", path).out,
		"NAME                   STATE\n"
		"caf\xc3\xa9!                  ready\n"
		"z\\x1b[31m\\xe2\\x80\\xae  ready\n"
		"\xe7\xaf\x80\xe7\x82\xb9                   ready\n");
	CU_ASSERT_STRING_EQUAL(
		kith_run_as(&(struct kith_how){.environment = ascii}, "-s %s peers -o name,state", path).out,
		"NAME                      STATE\n"
		"caf\\xc3\\xa9!              ready\n"
		"z\\x1b[31m\\xe2\\x80\\xae     ready\n"
		"\\xe7\\xaf\\x80\\xe7\\x82\\xb9  ready\n");
}

/* ---- the command line ---- */

static void test_wrong_usage(void)
{
	static const char *const cases[][2] = {
		{"peer", "there is no command \"peer\"; did you mean \"peers\"?"},
		{"pe", "there is no command \"pe\"; did you mean \"peers\"?"},
		{"something", "there is no command \"something\"; kith -h lists them"},
		{"peers alice", "kith peers takes no operands"},
		{"why", "too few words: write kith why NODE|ADDRESS [NODE]"},
		{"why a b c", "too many words: write kith why"},
		{"-x", "there is no option -x here; kith -h lists the options"},
		{"peers --colour", "there is no option --colour here"},
		{"-s", "-s has no value"},
		{"peers --output", "--output has no value"},
		{"-o name call {}", "kith call takes no -o; kith call -h says what it takes"},
		{"--watch stop", "kith stop takes no --watch"},
		{"--watch=soon", "--watch: \"soon\" is not a number from 0.1 to 86400"},
		{"ping a -c many", "-c: \"many\" is not a number from 0 to 1000000"},
		{"completion tcsh", "kith completes words in bash, zsh and fish, not in \"tcsh\""},
		{"help me", "there is no command \"me\""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct kith_run run = kith_run("%s", cases[i][0]);
		EXPECT(run.status == 64 && strstr(run.err, cases[i][1]) != NULL && run.out[0] == '\0', "%s: %d, %s",
		       cases[i][0], run.status, run.err);
	}
}

static void test_help(void)
{
	struct kith_run run = kith_run("-h");
	expect_status(run, 0);
	has(run.out, "usage: kith [-s PATH | -n NAME] [COMMAND [OPTION]... [OPERAND]...]\n");
	has(run.out, "\n  peers                     the connections to other nodes\n");
	has(run.out, "\n      --watch[=SECONDS]     ");
	CU_ASSERT_STRING_EQUAL(kith_run("help").out, run.out);
	has(kith_run("peers -h").out, "  * RTT         the last round trip\n");
	CU_ASSERT_STRING_EQUAL(kith_run("help peers").out, kith_run("peers -h").out);
	run = kith_run("-V");
	has(run.out, "kith " KITH_VERSION "\ncommit ");
	has(run.out, "\nwith json-c 0.");
}

static CU_TestInfo tests[] = {
	{"without a node it says where it looked, and how to start one", test_no_node},
	{"one node is found", test_one_node},
	{"several nodes are listed, and -n chooses one", test_two_nodes},
	{"sockets that killed nodes have left hide none that runs", test_one_node_among_dead_sockets},
	{"nodes of one name are told apart by their sockets", test_two_of_a_name},
	{"a dead socket is named as such", test_dead_socket},
	{"who is not allowed is told who is", test_not_allowed},
	{"a node that is stopped is given up", test_hung_node},
	{"a node that stops in the middle of an answer is noticed", test_stops_in_the_middle},
	{"what is no node of kith is named as such", test_no_node_of_kith},
	{"a node that knows fewer requests tells what it can", test_older_node},
	{"a newer node's rows and keys are ignored or shown", test_newer_node},
	{"tables have the columns that are asked for", test_table},
	{"-j prints the rows as they were sent", test_rows_as_sent},
	{"a reader that goes away ends it without words", test_closed_reader},
	{"a full disk is reported", test_full_disk},
	{"colours are for terminals, and never with NO_COLOR", test_colours},
	{"a table keeps to the width of its terminal", test_narrow_terminal},
	{"wide names line up, and nothing disturbs the terminal", test_wide_names},
	{"wrong usage is told what is right", test_wrong_usage},
	{"help says what there is", test_help},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_kith = {.pName = "kith", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
