#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "asker.h"
#include "kith.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

/*
 * kith top on a terminal, started by a shell. What it has drawn is read loosely: as the text that came since it last
 * cleared the screen, without the escapes.
 */

#define CONTROL_L "\f"
#define CONTROL_C "\003"
#define CONTROL_Z "\032"
#define ESCAPE "\033"

struct top {
	int fd;
	pid_t shell;
	char raw[1 << 20];
	size_t length;
	char text[1 << 20];
};

static struct top top;

/* After a stop, "fg" goes on when a line is typed. */
static const char script[] =
	"set -m; trap : INT; before=$(stty -g); \"$@\"; status=$?; "
	"if [ $status = 148 ]; then "
	"echo \"[stopped]\"; [ \"$(stty -g)\" = \"$before\" ] && echo '[as before]'; read go; fg; status=$?; fi; "
	"echo \"[ended $status]\"; [ \"$(stty -g)\" = \"$before\" ] && echo '[restored]'";

static void set_size(int rows, int columns)
{
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
	ioctl(top.fd, TIOCSWINSZ, &size);
}

static void start_with(const char *path, const char *term, const char *no_color)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	const char *kith = kith_program();
	top.length = 0;
	fflush(NULL);
	top.shell = forkpty(&top.fd, NULL, NULL, &size);
	if (top.shell < 0)
		abort();
	if (top.shell == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("TERM", term, 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		setenv("NO_COLOR", no_color, 1);
		execl("/bin/sh", "sh", "-c", script, "sh", kith, "-s", path, "top", "-d", "0.3", (char *)NULL);
		_exit(97);
	}
	harness_keep_fd(top.fd);
}

static void start(const char *path)
{
	start_with(path, "xterm", "");
}

static void take_output(void)
{
	struct pollfd ready = {.fd = top.fd, .events = POLLIN};
	while (poll(&ready, 1, 20) > 0 && (ready.revents & POLLIN) != 0) {
		ssize_t n = read(top.fd, top.raw + top.length, sizeof top.raw - 1 - top.length);
		if (n <= 0)
			return;
		top.length += (size_t)n;
	}
}

/* How many bytes the escape at the beginning has: ESC [ ... letter, ESC ( character, or ESC character. */
static size_t escape_bytes(const char *escape)
{
	if (escape[1] == '[')
		return 2 + strspn(escape + 2, "0123456789;?") + 1;
	return escape[1] == '(' ? 3 : 2;
}

/* The text since the screen was cleared. Colours vanish; what moves the cursor begins a line. */
static const char *screen(void)
{
	take_output();
	size_t from = 0, to = 0;
	static const char clear[] = ESCAPE "[H" ESCAPE "[";
	for (size_t at = 0; at + sizeof clear <= top.length; at++)
		if (memcmp(top.raw + at, clear, sizeof clear - 1) == 0)
			from = at;
	top.raw[top.length] = '\0';
	for (size_t at = from; at < top.length; at++) {
		if (top.raw[at] == '\033') {
			at += escape_bytes(top.raw + at) - 1;
			if (at < top.length && strchr("mB", top.raw[at]) == NULL)
				top.text[to++] = '\n';
		} else if (top.raw[at] != '\017') {
			top.text[to++] = top.raw[at];
		}
	}
	top.text[to] = '\0';
	return top.text;
}

static void type(const char *keys)
{
	if (write(top.fd, keys, strlen(keys)) < 0)
		harness_fail("cannot type");
}

/* Has it the words? If not, it is asked to draw itself again. */
static bool shows(const char *words)
{
	if (strstr(screen(), words) != NULL)
		return true;
	type(CONTROL_L);
	return false;
}

static bool shows_no(const char *words)
{
	type(CONTROL_L);
	return strstr(screen(), words) == NULL;
}

static bool has_printed(const char *words)
{
	return strstr(screen(), words) != NULL;
}

/* It ends, and the terminal is as it was. */
static void expect_end(const char *ending)
{
	int status;
	AWAIT(has_printed(ending));
	AWAIT(has_printed("[restored]"));
	CU_ASSERT_EQUAL(waitpid(top.shell, &status, 0), top.shell);
}

struct node {
	struct kithd *kithd;
	const char *path;
};

static struct node start_node(void)
{
	struct node node = {.path = harness_text("%s/sock", harness_make_folder())};
	node.kithd = kithd_start(RARE_PINGS " -o name=alpha -o control=%s", node.path);
	AWAIT(asker_can_connect(node.path));
	return node;
}

static void test_list(void)
{
	struct node node = start_node();
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\",\"listen\":7");
	raw_join(node.kithd, BOB, ",\"name\":\"\u6771\u4eac-01\"");
	struct raw *carol = raw_join(node.kithd, CAROL, ",\"name\":\"c\\u202ex\"");
	start(node.path);
	AWAIT(shows("3 peers, all ready"));
	AWAIT(shows("alice"));
	AWAIT(shows("\u6771\u4eac-01"));
	AWAIT(shows("c\\xe2\\x80\\xaex"));
	AWAIT(shows(harness_text("%s:7", harness_host(200))));
	type("t");
	AWAIT(shows("sorted by rtt, highest first"));
	type("t");
	AWAIT(shows("sorted by rtt, lowest first"));
	type("/");
	type("\u4eac");
	AWAIT(shows_no("a11ce000"));
	AWAIT(shows("\u6771\u4eac-01"));
	type("\r");
	AWAIT(shows("1 of 3"));
	type(ESCAPE);
	AWAIT(shows("alice"));
	type("n?");
	AWAIT(shows("sort by bytes in"));
	type("q");
	/* One that comes and one that goes. */
	raw_close(carol);
	AWAIT(shows("2 peers"));
	AWAIT(shows("gone"));
	type("q");
	expect_end("[ended 0]");
}

static void test_story(void)
{
	struct node node = start_node();
	struct raw *alice = raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	start(node.path);
	AWAIT(shows("alice"));
	type("\r");
	AWAIT(shows("is connected for"));
	AWAIT(shows("connected: it dialled this node"));
	/* The story goes on while it is read. */
	raw_close(alice);
	AWAIT(shows("is gone since"));
	AWAIT(shows("the connection failed"));
	set_size(10, 30);
	AWAIT(shows("the connection"));
	type(ESCAPE "q");
	type("q");
	expect_end("[ended 0]");
}

static void test_sizes(void)
{
	struct node node = start_node();
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\",\"agent\":\"raw/1\"");
	start(node.path);
	AWAIT(shows("HEARD"));
	AWAIT(shows_no("AGENT"));
	set_size(24, 140);
	AWAIT(shows("AGENT"));
	AWAIT(shows("raw/1"));
	set_size(12, 40);
	AWAIT(shows_no("HEARD"));
	AWAIT(shows("alice"));
	set_size(2, 9);
	AWAIT(shows_no("ready"));
	set_size(24, 80);
	AWAIT(shows("HEARD"));
	type("q");
	expect_end("[ended 0]");
}

static void test_restart(void)
{
	struct node node = start_node();
	const char *address = kithd_address(node.kithd);
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	start(node.path);
	AWAIT(shows("alice"));
	kithd_stop(node.kithd, SIGTERM);
	AWAIT(shows("no node answers since"));
	AWAIT(shows("alice"));
	type("t");
	node.kithd = kithd_start_at(address, RARE_PINGS " -o name=alpha -o control=%s", node.path);
	raw_join(node.kithd, BOB, ",\"name\":\"bob\"");
	AWAIT(shows("bob"));
	AWAIT(shows("sorted by rtt"));
	AWAIT(shows_no("no node answers"));
	/* The second start has an own journal, of which nothing is missed. */
	kithd_signal(node.kithd, SIGKILL);
	kithd_wait(node.kithd);
	AWAIT(shows("no node answers since"));
	type("q");
	expect_end("[ended 0]");
}

static void test_hanging_node(void)
{
	struct node node = start_node();
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	start(node.path);
	AWAIT(shows("alice"));
	kithd_signal(node.kithd, SIGSTOP);
	AWAIT(shows("the node has not answered for"));
	type("?");
	AWAIT(shows("sort by name"));
	type("q");
	AWAIT(shows("alice"));
	kithd_signal(node.kithd, SIGCONT);
	AWAIT(shows_no("has not answered"));
	AWAIT(shows("sorted by name"));
	type("q");
	expect_end("[ended 0]");
}

static void test_signals(void)
{
	struct node node = start_node();
	start(node.path);
	AWAIT(shows("no peers"));
	type(CONTROL_C);
	expect_end("[ended 130]");
	start(node.path);
	AWAIT(shows("no peers"));
	kill(-tcgetpgrp(top.fd), SIGTERM);
	expect_end("[ended 143]");
}

static void test_stop(void)
{
	struct node node = start_node();
	start(node.path);
	AWAIT(shows("no peers"));
	type(CONTROL_Z);
	AWAIT(has_printed("[stopped]"));
	AWAIT(has_printed("[as before]"));
	set_size(20, 60);
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	type("go\n");
	AWAIT(shows("alice"));
	type("q");
	expect_end("[ended 0]");
}

static bool has_colours(void)
{
	return strstr(top.raw, ESCAPE "[31m") != NULL || strstr(top.raw, ESCAPE "[32m") != NULL;
}

static void test_colours(void)
{
	static const struct {
		const char *term, *no_color;
		bool has_colours;
	} cases[] = {{"xterm", "", true}, {"xterm", "1", false}, {"vt100", "", false}};
	struct node node = start_node();
	raw_join(node.kithd, ALICE, ",\"name\":\"alice\"");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		start_with(node.path, cases[i].term, cases[i].no_color);
		AWAIT(shows("alice"));
		type("q");
		expect_end("[ended 0]");
		EXPECT(has_colours() == cases[i].has_colours, "%s, NO_COLOR=%s", cases[i].term, cases[i].no_color);
	}
}

static void test_no_terminal(void)
{
	struct node node = start_node();
	struct kith_run run = kith_run("-s %s top", node.path);
	CU_ASSERT_EQUAL(run.status, 64);
	CU_ASSERT(strstr(run.err, "kith top needs a terminal: write kith") != NULL);
	run = kith_run("-s %s top -d 0", node.path);
	CU_ASSERT_EQUAL(run.status, 64);
	CU_ASSERT(strstr(run.err, "-d: \"0\" is not a number from") != NULL);
	start_with(node.path, "dumb", "");
	expect_end("[ended 64]");
	CU_ASSERT(has_printed("the terminal \"dumb\" has no cursor that moves"));
	start_with(harness_text("%s-none", node.path), "xterm", "");
	expect_end("[ended 69]");
	CU_ASSERT(has_printed("there is no such socket"));
}

#define UUID(n) "'" #n "0000000-0000-4000-8000-000000000000'"
#define END "{'msgtype':'end'}\n"

/* What the node says of a network of three, in which two cannot talk. */
static const struct fake_answer network[] = {
	{"info", "{'msgtype':'info','name':'alpha','nodeid':" UUID(1) ",'boot':'x','uptime_s':60}\n" END},
	{"peers", "{'msgtype':'peer','nodeid':" UUID(2) ",'name':'beta','state':'ready'}\n" END},
	{"addresses", END},
	{"watch", END},
	{"problems",
	 "{'msgtype':'problem','number':7,'kind':'link','since_s':60,'evidence_s':3,'subjects':[" UUID(2) "," UUID(
		 3) "],'text':'beta and gamma are apart','advice':'Look at the firewall'}\n" END},
	{"nodes", "{'msgtype':'node','nodeid':" UUID(2) ",'name':'beta','state':'alive','has_report':true,'links':1,"
							"'tags':['role=db']}\n"
							"{'msgtype':'node','nodeid':" UUID(
								3) ",'name':'gamma','state':'late','links':1}\n" END},
	{"links", "{'msgtype':'link','one':" UUID(1) ",'one_name':'alpha','other':" UUID(
			  2) ",'other_name':'beta','state':'up','rtt_ms':0.5}\n"
			     "{'msgtype':'link','one':" UUID(2) ",'one_name':'beta','other':" UUID(
				     3) ",'other_name':'gamma','state':'down','one_says':'timed out'}\n" END},
	{"why", "{'msgtype':'fact','fact':'node','nodeid':" UUID(
			2) ",'name':'beta','state':'alive'}\n"
			   "{'msgtype':'fact','fact':'node','nodeid':" UUID(
				   3) ",'name':'gamma','state':'late'}\n"
				      "{'msgtype':'fact','fact':'link','one':" UUID(2) ",'other':" UUID(
					      3) ",'state':'down','is_up':false,'one_says':'timed out'}\n" END},
	{NULL, NULL}};

static void test_pages(void)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	fake_node(path, network, false);
	start(path);
	AWAIT(shows("[1 peers] 2 nodes 3 links 4 problems"));
	AWAIT(shows("link  beta and gamma are apart"));
	type("2");
	AWAIT(shows("2 nodes: 1 alive, 1 late"));
	AWAIT(shows("1/1"));
	AWAIT(shows("no report"));
	type("s/role=db\r");
	AWAIT(shows("1 of 2"));
	AWAIT(shows("sorted by state"));
	type(ESCAPE "\t");
	AWAIT(shows("2 links: 1 up, 1 down"));
	AWAIT(shows("timed out"));
	type("\r");
	AWAIT(shows("beta and gamma can't talk"));
	type(ESCAPE "4");
	AWAIT(shows("1 problem"));
	AWAIT(shows("sorted by kind"));
	type("\r");
	AWAIT(shows("Look at the firewall"));
	AWAIT(shows("the last report about it came 3 s ago"));
	AWAIT(shows("beta says   timed out"));
	type(ESCAPE "?");
	AWAIT(shows("list the problems of the whole network"));
	AWAIT(shows("sort by time that it lasts"));
	type("q\t");
	AWAIT(shows("[1 peers]"));
	type("q");
	expect_end("[ended 0]");
}

/* A node of before there were reports knows of its peers alone. */
static void test_old_node(void)
{
	static const struct fake_answer old[] = {
		{"info", "{'msgtype':'info','name':'old','nodeid':" UUID(1) ",'boot':'x','uptime_s':60}\n" END},
		{"peers", "{'msgtype':'peer','nodeid':" UUID(2) ",'name':'beta','state':'ready'}\n" END},
		{"addresses", END},
		{"watch", END},
		{NULL, NULL}};
	const char *path = harness_text("%s/sock", harness_make_folder());
	fake_node(path, old, false);
	start(path);
	AWAIT(shows("beta"));
	type("2");
	AWAIT(shows("this node tells nothing of the network"));
	type("1");
	AWAIT(shows("beta"));
	type("q");
	expect_end("[ended 0]");
}

static CU_TestInfo tests[] = {
	{"peers are listed, sorted and searched", test_list},
	{"the story of a peer", test_story},
	{"pages of the network", test_pages},
	{"a node that knows no network", test_old_node},
	{"a terminal of another size", test_sizes},
	{"a node that is started again", test_restart},
	{"a node that hangs", test_hanging_node},
	{"signals that end it", test_signals},
	{"it is stopped and continued", test_stop},
	{"colours", test_colours},
	{"where it can't run", test_no_terminal},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_top = {"top", NULL, NULL, harness_begin, harness_end, tests};
