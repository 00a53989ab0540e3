#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"

#define UNCHANGED "the settings are read again: nothing has changed"
#define REFUSED "settings are not read again: "

/* A node and its file. */
struct node {
	struct kithd *kithd;
	const char *path;
};

static struct node start(const char *content, const char *options)
{
	struct node node = {.path = harness_write_file(content)};
	node.kithd = kithd_start("-c %s %s", node.path, options);
	return node;
}

/* Changes the file; returns when one more line of the log has this, and the change is in force. */
static void reload(const struct node *node, const char *content, const char *line)
{
	size_t before = kithd_log_count(node->kithd, line, "");
	FILE *file = fopen(node->path, "w");
	if (file == NULL || fputs(content, file) == EOF || fclose(file) != 0)
		harness_fail("cannot write %s", node->path);
	kithd_signal(node->kithd, SIGHUP);
	AWAIT(kithd_log_count(node->kithd, line, "") > before);
	/* The thread that waits for signals is through with this one when it has answered the next. */
	kithd_table(node->kithd);
}

static struct raw *says_hello(const struct node *node, const char *nodeid)
{
	struct raw *raw = raw_connect(kithd_address(node->kithd));
	raw_send_hello(raw, nodeid, "");
	return raw;
}

static void test_max_inbound(void)
{
	struct node node = start("", "");
	struct raw *alice = raw_join(node.kithd, ALICE, ""), *bob = raw_join(node.kithd, BOB, "");
	/* Their own pongs have been read by then: near peers are not evicted. */
	raw_ping_next(alice);
	raw_ping_next(bob);
	reload(&node, "max_inbound = 1;", " info  max_inbound: 512 is now 1");
	raw_expect_bye(says_hello(&node, CAROL), "full");
	raw_ping_next(alice);
	raw_ping_next(bob);
	reload(&node, "max_inbound = 3;", "max_inbound: 1 is now 3");
	raw_ping(raw_join(node.kithd, CAROL, ""));
	raw_expect_bye(says_hello(&node, DAVE), "full");
	CU_ASSERT_EQUAL(kithd_peers(node.kithd), 3);
}

static void test_max_outbound(void)
{
	struct raw *bootstrap = raw_listen(harness_address());
	struct node node = start("max_outbound = 0;", harness_text("-b %s", raw_address(bootstrap)));
	kithd_table(node.kithd);
	CU_ASSERT_FALSE(raw_is_dialled(bootstrap));
	reload(&node, "max_outbound = 1;", "max_outbound: 0 is now 1");
	raw_answer_hello(raw_accept(bootstrap), ALICE, "");
}

static void test_bootstraps(void)
{
	struct raw *old = raw_listen(harness_address()), *new = raw_listen(harness_address());
	struct node node = start(harness_text("bootstrap = [\"%s\"];", raw_address(old)), "");
	struct raw *alice = raw_accept(old);
	raw_answer_hello(alice, ALICE, "");
	reload(&node, harness_text("bootstrap = [\"%s\"];", raw_address(new)),
	       harness_text("bootstrap: [\"%s\"] is now [\"%s\"]", raw_address(old), raw_address(new)));
	raw_answer_hello(raw_accept(new), BOB, "");
	raw_ping(alice);
	CU_ASSERT_EQUAL(kithd_peers(node.kithd), 2);
}

static void test_bootstrap_that_is_gone(void)
{
	const char *nobody = harness_address();
	struct node node = start(harness_text("bootstrap = [\"%s\"];", nobody), "-o retry_min=0.02 -o retry_max=0.05");
	AWAIT(kithd_log_count(node.kithd, "cannot be reached", nobody) == 1);
	CU_ASSERT_STRING_EQUAL(kithd_header(node.kithd, "known"), "1");
	reload(&node, "# none", harness_text("bootstrap: [\"%s\"] is now []", nobody));
	AWAIT(strcmp(kithd_header(node.kithd, "known"), "0") == 0);
	/* Those of the command line stay. */
	struct node given = start("", harness_text("-b %s -o retry_min=0.02 -o retry_max=0.05", nobody));
	reload(&given, "bootstrap = [\"localhost:1\"];",
	       harness_text("bootstrap: [\"%s\"] is now [\"localhost:1\", \"%s\"]", nobody, nobody));
	struct raw *bootstrap = raw_listen(nobody);
	raw_answer_hello(raw_accept(bootstrap), ALICE, "");
}

static void test_ping_interval(void)
{
	struct node node = start("", "");
	struct raw *idle = raw_join(node.kithd, ALICE, "");
	/* So long that its thread sleeps until the next ping. */
	AWAIT(kithd_cell_number(node.kithd, ALICE, "UP_S") > 0.1);
	reload(&node, "ping_interval = 0.05;", "ping_interval: 60 is now 0.05");
	for (int i = 0; i < 3; i++) {
		raw_expect_next(idle, "ping");
		raw_send(idle, "{\"msgtype\":\"pong\"}");
	}
	reload(&node, "ping_interval = 200;", "ping_interval: 0.05 is now 200");
	raw_ping(idle);
	/* A ping may have been on its way, and is answered like the others. */
	raw_send(idle, "{\"msgtype\":\"pong\"}");
	raw_ping(idle);
	raw_ping_next(idle);
}

static void test_ping_timeout(void)
{
	struct node node = start("ping_interval = 0.05;", "");
	struct raw *alice = raw_join(node.kithd, ALICE, "");
	raw_expect_next(alice, "ping");
	reload(&node, "ping_interval = 200; ping_timeout = 0.1;", "ping_timeout: 20 is now 0.1");
	raw_expect_bye(alice, "timeout");
}

static void test_other_timeouts(void)
{
	struct node node = start("", "");
	struct raw *deaf = raw_listen_deaf(harness_address());
	reload(&node,
	       harness_text("connect_timeout = 0.1; handshake_timeout = 0.2; bootstrap = [\"%s\"];", raw_address(deaf)),
	       "handshake_timeout: 10 is now 0.2");
	raw_expect_bye(raw_connect(kithd_address(node.kithd)), "timeout");
	AWAIT(kithd_log_count(node.kithd, raw_address(deaf), "cannot be reached: timed out") == 1);
}

/* Idle peers that answer their pings are told whatever the file asks for. */
static void test_share_within(void)
{
	struct node node = start("", "");
	raw_join_found(node.kithd, ALICE, 5999);
	AWAIT(raw_ask_anew(node.kithd) == 1);
	reload(&node, "share_within = 79;", " error " REFUSED);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, ":1: share_within 79 ", "raise share_within to 80 or more"), 1);
	reload(&node, "share_within = 80;", "share_within: 240 is now 80");
	AWAIT(raw_ask_anew(node.kithd) == 1);
}

/* What it says about itself to a new peer. */
static void introduces_itself(const struct node *node, const char *nodeid, const char *name, const char *address)
{
	struct raw *raw = says_hello(node, nodeid);
	raw_expect_next(raw, "hello");
	CU_ASSERT_STRING_EQUAL(raw_text(raw, "name"), name);
	raw_expect_next(raw, "addr");
	if (raw_told(raw, address) == NULL)
		harness_fail("it doesn't tell %s", address);
	raw_close(raw);
}

static void test_name_and_advertise(void)
{
	struct node node = start("name = \"one\";", "");
	const char *advertise = harness_text("%s:6100", harness_host(200));
	struct raw *alice = raw_join(node.kithd, ALICE, "");
	introduces_itself(&node, BOB, "one", kithd_address(node.kithd));
	reload(&node, "name = \"two\";", "name: \"one\" is now \"two\"");
	introduces_itself(&node, BOB, "two", kithd_address(node.kithd));
	CU_ASSERT_STRING_EQUAL(kithd_header(node.kithd, "name"), "two");
	reload(&node, harness_text("name = \"two\"; advertise = \"%s\";", advertise),
	       harness_text("advertise: \"\" is now \"%s\"", advertise));
	introduces_itself(&node, BOB, "two", advertise);
	reload(&node, "name = \"one\";", "name: \"two\" is now \"one\"");
	introduces_itself(&node, BOB, "one", kithd_address(node.kithd));
	raw_ping_next(alice);
}

static void test_log_level(void)
{
	const char *address = harness_address();
	struct node node = {.path = harness_write_file("log_level = \"warning\";")};
	struct raw *alice;
	node.kithd = kithd_spawn_at(address, "-c %s", node.path);
	AWAIT((alice = raw_try_connect(address)) != NULL);
	raw_shake_hands(alice, ALICE, "");
	CU_ASSERT_EQUAL(kithd_log_lines(node.kithd, ""), 0);
	reload(&node, "log_level = \"debug\";", " info  log_level: \"warning\" is now \"debug\"");
	raw_ping(alice);
	AWAIT(kithd_log_count(node.kithd, " debug ", ") sent ping") == 1);
	reload(&node, "log_level = \"info\";", "log_level: \"debug\" is now \"info\"");
	size_t before = kithd_log_count(node.kithd, " debug ", "");
	raw_ping(alice);
	raw_shake_hands(raw_connect(address), BOB, "");
	AWAIT(kithd_log_count(node.kithd, " info ", "ready after") == 1);
	reload(&node, "log_level = \"error\";", "log_level: \"info\" is now \"error\"");
	size_t length = strlen(kithd_log(node.kithd));
	raw_shake_hands(raw_connect(address), CAROL, "");
	CU_ASSERT_EQUAL(strlen(kithd_log(node.kithd)), length);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, " debug ", ""), before);
}

static void test_verbose_stays(void)
{
	struct node node = start("", "-v");
	reload(&node, "log_level = \"warning\";", "log_level: \"info\" is now \"warning\"");
	size_t before = kithd_log_count(node.kithd, " debug ", "");
	raw_join(node.kithd, ALICE, "");
	AWAIT(kithd_log_count(node.kithd, " info ", "ready after") == 1);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, " debug ", ""), before);
}

static void test_restart_needed(void)
{
	const char *first = harness_address(), *second = harness_address();
	struct node node = {.path = harness_write_file(harness_text("listen = [\"%s\"];", first))};
	node.kithd = kithd_run("-c %s", node.path);
	kithd_await_listening(node.kithd);
	const char *nodeid = kithd_nodeid(node.kithd);
	const char *changed =
		harness_text("listen = [\"%s\"]; network = \"kin\"; nodeid = \"%s\"; state_dir = \"/tmp\";"
			     "user = \"nobody\"; max_addresses = 300; max_inbound = 7;",
			     second, ALICE);
	const char *lines[] = {
		harness_text("listen: [\"%s\"] stays until a restart; the file says [\"%s\"]", first, second),
		"network: \"kith\" stays until a restart; the file says \"kin\"",
		harness_text("nodeid: \"auto\" stays until a restart; the file says \"%s\"", ALICE),
		"state_dir: \"\" stays until a restart; the file says \"/tmp\"",
		"user: \"\" stays until a restart; the file says \"nobody\"",
		"max_addresses: 81920 stays until a restart; the file says 300",
	};
	reload(&node, changed, "max_inbound: 512 is now 7");
	/* It says so as long as it is so. */
	for (size_t round = 1; round <= 2; round++) {
		for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
			AWAIT(kithd_log_count(node.kithd, " warning ", lines[i]) == round);
		if (round == 1)
			kithd_signal(node.kithd, SIGHUP);
	}
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, UNCHANGED, ""), 0);
	CU_ASSERT_PTR_NULL(raw_try_connect(second));
	raw_join(node.kithd, BOB, ",\"network\":\"kith\"");
	CU_ASSERT_STRING_EQUAL(kithd_nodeid(node.kithd), nodeid);
	CU_ASSERT_STRING_EQUAL(kithd_header(node.kithd, "network"), "kith");
}

static void test_options_stay(void)
{
	struct node node = start("ping_interval = 1; name = \"file\";", "-o ping_interval=2 -o name=option");
	const char *listen = "listen = [\"127.0.0.1:1\"]; ping_interval = 3; name = \"other\";";
	reload(&node, listen, UNCHANGED);
	CU_ASSERT_STRING_EQUAL(kithd_header(node.kithd, "name"), "option");
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, " is now ", ""), 0);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, " stays ", ""), 0);
}

static void test_errors(void)
{
	static const struct {
		const char *content;
		const char *says;
	} cases[] = {
		{"max_inbound = 0;\nping_interval = -1;", ":2: ping_interval must be a number of seconds"},
		{"max_inbound = 0;\nping_intervall = 1;", ":2: there is no setting"},
		{"max_inbound = 0;\n\nping_interval 1;", ":3: syntax error: expected NAME = VALUE"},
		{"max_inbound = 0;\nretry_max = 0.5;", ":2: retry_max is below retry_min"},
		{"max_inbound = 0;\nnodeid = \"keep\";", ":2: nodeid \"keep\" needs a directory"},
	};
	struct node node = start("name = \"one\";", "");
	struct raw *alice = raw_join(node.kithd, ALICE, "");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		reload(&node, cases[i].content, harness_text(" error " REFUSED "%s%s", node.path, cases[i].says));
		CU_ASSERT_STRING_EQUAL(kithd_header(node.kithd, "name"), "one");
		raw_ping_next(alice);
	}
	unlink(node.path);
	kithd_signal(node.kithd, SIGHUP);
	AWAIT(kithd_log_count(node.kithd, " error " REFUSED "cannot read ", "No such file or directory: put it back") ==
	      1);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, " is now ", ""), 0);
	raw_join(node.kithd, BOB, "");
	reload(&node, "name = \"two\"; max_inbound = 2;", "name: \"one\" is now \"two\"");
	raw_expect_bye(says_hello(&node, CAROL), "full");
}

static void test_no_file(void)
{
	if (!harness_can(access("/etc/kith/kith.conf", F_OK) != 0, "without a file there is nothing to read again",
			 "this machine has a kith.conf"))
		return;
	struct kithd *kithd = kithd_plain();
	struct raw *alice = raw_join(kithd, ALICE, "");
	for (size_t i = 1; i <= 2; i++) {
		kithd_signal(kithd, SIGHUP);
		AWAIT(kithd_log_count(kithd, " warning " REFUSED "there is no /etc/kith/kith.conf", "") == i);
	}
	raw_ping_next(alice);
}

static void test_twice(void)
{
	struct node node = start("", "");
	reload(&node, "max_parked = 7;", "max_parked: 64 is now 7");
	reload(&node, "max_parked = 7;", UNCHANGED);
	reload(&node, "# none", "max_parked: 7 is now 64");
	/* At once: the second may fall together with the first. */
	kithd_signal(node.kithd, SIGHUP);
	reload(&node, "max_parked = 8;", "max_parked: 64 is now 8");
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, " is now ", ""), 3);
	kithd_stop(node.kithd, SIGTERM);
}

/* All that a running node can take over, in two variants. Peers that answer no ping stay for as long as a test takes.
 */
static const char *everything(int variant)
{
	return variant == 0
		       ? "ping_timeout = 80; share_within = 200;"
		       : "advertise = \"127.0.0.9:1\"; bootstrap = [\"localhost:1\", \"127.0.0.1:1\"]; name = \"b\";"
			 "max_outbound = 9; max_inbound = 9; max_dialing = 9; max_parked = 9;"
			 "ping_interval = 0.03; ping_timeout = 90; connect_timeout = 9; handshake_timeout = 9;"
			 "share_within = 99; retry_min = 400; retry_max = 500; save_interval = 9;"
			 "log_level = \"warning\";";
}

static void test_peers_notice_nothing(void)
{
	struct node node = start(everything(0), "");
	struct kithd *other = kithd_start("-b %s", kithd_address(node.kithd));
	struct raw *alice = raw_join(node.kithd, ALICE, "");
	AWAIT(kithd_has_peer(node.kithd, kithd_nodeid(other)));
	const char *address = kithd_cell(node.kithd, kithd_nodeid(other), "ADDRESS");
	double up_s = kithd_cell_number(node.kithd, kithd_nodeid(other), "UP_S");
	reload(&node, everything(1), "log_level: \"info\" is now \"warning\"");
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, " is now ", ""), 16);
	reload(&node, everything(0), "log_level: \"warning\" is now \"info\"");
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, " is now ", ""), 32);
	CU_ASSERT_EQUAL(kithd_log_count(node.kithd, " stays ", ""), 0);
	raw_ping(alice);
	CU_ASSERT_STRING_EQUAL(kithd_cell(node.kithd, kithd_nodeid(other), "ADDRESS"), address);
	AWAIT(kithd_cell_number(node.kithd, kithd_nodeid(other), "UP_S") > up_s);
	AWAIT(kithd_cell_number(other, kithd_nodeid(node.kithd), "UP_S") >= up_s);
	CU_ASSERT_EQUAL(kithd_peers(node.kithd), 2);
	CU_ASSERT_EQUAL(kithd_log_count(other, "ready after", ""), 1);
}

static void test_many(void)
{
	enum { TIMES = 100 };
	static const char eager[] = "-o ping_interval=0.01";
	struct node node = start(everything(0), "-o max_inbound=100");
	struct kithd *others[3];
	for (int i = 0; i < 3; i++)
		others[i] = kithd_start("%s -b %s", eager, kithd_address(node.kithd));
	for (int i = 0; i < 3; i++)
		AWAIT(kithd_peers(node.kithd) == 3 && kithd_peers(others[i]) == 3);
	for (int i = 0; i < TIMES; i++) {
		bool is_odd = i % 2 != 0;
		reload(&node, everything(!is_odd), is_odd ? "name: \"b\" is now " : " is now \"b\"");
		if (i % 10 == 0)
			raw_join(node.kithd, harness_text("%08x-0000-4000-8000-000000000000", i + 1), "");
	}
	CU_ASSERT_EQUAL(kithd_peers(node.kithd), 3 + TIMES / 10);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(kithd_log_count(others[i], ") left: ", ""), 0);
		CU_ASSERT_EQUAL(kithd_log_count(others[i], ") failed: ", ""), 0);
		CU_ASSERT_EQUAL(kithd_log_count(others[i], ") is disconnected: ", ""), 0);
		CU_ASSERT(kithd_has_peer(others[i], kithd_nodeid(node.kithd)));
	}
	kithd_stop(node.kithd, SIGTERM);
}

static void test_file_that_has_become_empty(void)
{
	struct node node = start("max_parked = 7;", "");
	reload(&node, "", "is empty; for the defaults, write a comment into it");
	reload(&node, " \n", "is empty; for the defaults, write a comment into it");
	reload(&node, "max_parked = 7;", UNCHANGED);
	reload(&node, "# none", "max_parked: 7 is now 64");
	reload(&node, "", UNCHANGED);
}

static void test_file_that_has_become_a_pipe(void)
{
	struct node node = start("max_parked = 7;", "");
	if (unlink(node.path) != 0 || mkfifo(node.path, 0600) != 0)
		harness_fail("no FIFO");
	kithd_signal(node.kithd, SIGHUP);
	AWAIT(kithd_log_count(node.kithd, REFUSED, "only a regular file") == 1);
	CU_ASSERT_EQUAL(kithd_peers(node.kithd), 0);
	kithd_stop(node.kithd, SIGTERM);
}

/* As with kithd -c <(generate) in a shell. */
static void test_settings_from_a_pipe(void)
{
	static const char content[] = "deny = [\"10.0.0.0/8\"];\n";
	int ends[2];
	if (pipe(ends) != 0 || write(ends[1], content, sizeof content - 1) < 0)
		harness_fail("no pipe");
	close(ends[1]);
	struct kithd *kithd = kithd_run("-l %s -c /dev/fd/%d", harness_address(), harness_keep_fd(ends[0]));
	kithd_await_listening(kithd);
	kithd_signal(kithd, SIGHUP);
	AWAIT(kithd_log_count(kithd, REFUSED, "only a regular file") == 1);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "deny:", ""), 0);
}

static void test_start_that_waits_for_a_pipe(void)
{
	static const int numbers[] = {SIGINT, SIGTERM};
	const char *path = harness_text("%s/fifo", harness_make_folder());
	if (mkfifo(path, 0600) != 0)
		harness_fail("no FIFO");
	for (size_t i = 0; i < 2; i++) {
		struct kithd *kithd = kithd_run("-t -c %s", path);
		AWAIT(strstr(harness_read_file(harness_text("/proc/%d/comm", (int)kithd_pid(kithd))), "kithd") != NULL);
		kithd_signal(kithd, numbers[i]);
		CU_ASSERT_EQUAL(kithd_wait(kithd), 128 + numbers[i]);
	}
}

static CU_TestInfo tests[] = {
	{"a file that has become empty changes nothing", test_file_that_has_become_empty},
	{"a file that has become a pipe changes nothing", test_file_that_has_become_a_pipe},
	{"settings from a pipe stay at a reload", test_settings_from_a_pipe},
	{"a start that waits for a pipe can be stopped", test_start_that_waits_for_a_pipe},
	{"max_inbound turns newcomers away, and lets them in", test_max_inbound},
	{"max_outbound lets a node dial", test_max_outbound},
	{"a new bootstrap is dialled, and the old one's node stays", test_bootstraps},
	{"a bootstrap that is gone from the file is an address like others", test_bootstrap_that_is_gone},
	{"ping_interval reaches the peers that are there", test_ping_interval},
	{"ping_timeout reaches a ping that is outstanding", test_ping_timeout},
	{"connect_timeout and handshake_timeout hold from now on", test_other_timeouts},
	{"share_within below the time in which a peer is heard from is refused", test_share_within},
	{"name and advertise are told to those who come later", test_name_and_advertise},
	{"log_level changes what is logged", test_log_level},
	{"-v adds to a new log_level too", test_verbose_stays},
	{"what needs a restart is named", test_restart_needed},
	{"what the command line says stays", test_options_stay},
	{"a file with an error changes nothing", test_errors},
	{"without a file there is nothing to read again", test_no_file},
	{"a second time changes nothing more", test_twice},
	{"peers notice nothing", test_peers_notice_nothing},
	{"peers ping while settings change a hundred times", test_many},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_reload = {
	.pName = "reload", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
