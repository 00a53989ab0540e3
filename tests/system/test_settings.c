#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"

/* One line, which says all of these words; nothing was opened. */
static void refuses(struct kithd *kithd, int status, const char *const *words, size_t count)
{
	int got = kithd_wait(kithd);
	const char *log = kithd_log(kithd);
	for (size_t i = 0; i < count && words[i] != NULL; i++)
		if (strstr(log, words[i]) == NULL)
			harness_fail("\"%s\" isn't in: %s", words[i], log);
	if (got != status)
		harness_fail("status %d, not %d: %s", got, status, log);
	if (strstr(log, "listening on") != NULL)
		harness_fail("it listened: %s", log);
}

static void refuses_in_one_line(struct kithd *kithd, int status, const char *const *words, size_t count)
{
	refuses(kithd, status, words, count);
	const char *log = kithd_log(kithd);
	const char *end = strchr(log, '\n');
	if (end == NULL || end[1] != '\0')
		harness_fail("more than one line: %s", log);
}

struct wrong {
	const char *text;
	const char *words[3];
};

static void test_wrong_options(void)
{
	static const struct wrong cases[] = {
		{"-o ping_interval=soon", {"-o ping_interval: ", "number"}},
		{"-o ping_interval=-1", {"-o ping_interval: ", "0.01 to 86400"}},
		{"-o ping_interval=0", {"-o ping_interval: ", "0.01 to 86400"}},
		{"-o ping_interval=nan", {"-o ping_interval: ", "0.01 to 86400"}},
		{"-o ping_interval=inf", {"-o ping_interval: ", "0.01 to 86400"}},
		{"-o ping_interval=5x", {"-o ping_interval: "}},
		{"-o ping_interval=", {"-o ping_interval: "}},
		{"-o max_outbound=1.5", {"-o max_outbound: ", "whole number"}},
		{"-o max_inbound=-1", {"-o max_inbound: "}},
		{"-o max_dialing=0", {"-o max_dialing: "}},
		{"-o log_level=loud", {"-o log_level: ", "debug"}},
		{"-o network=", {"-o network: "}},
		{"-o nodeid=keep", {"-o nodeid: ", "state_dir"}},
		{"-o nodeid=me", {"-o nodeid: ", "UUID"}},
		{"-o state_dir=kith", {"-o state_dir: ", "absolute"}},
		{"-o max_addresses=255", {"-o max_addresses: ", "256 to 1000000"}},
		{"-o listen=localhost:5999", {"-o listen: ", "IP addresses, not names", "localhost"}},
		{"-o listen=127.0.0.1", {"-o listen: ", "127.0.0.1:5999"}},
		{"-o listen=127.0.0.1:65536", {"-o listen: ", "65535"}},
		{"-o advertise=0.0.0.0:5999", {"-o advertise: "}},
		{"-o bootstrap=127.0.0.1:0", {"-o bootstrap: "}},
		{"-o ping_intervall=5", {"ping_intervall", "ping_interval\""}},
		{"-o listen=a\nb:1", {"-o listen: ", "\\x0a"}},
		{"-o colour=red", {"colour", "kith.conf"}},
		{"-l nowhere", {"-l", "nowhere"}},
		{"-l 127.0.0.1:x", {"-l", "127.0.0.1:x"}},
		{"-b 127.0.0.1:99999", {"-b", "127.0.0.1:99999"}},
		{"-b 300.0.0.1", {"-b", "300.0.0.1"}},
		{"-b 0.0.0.0", {"-b", "0.0.0.0"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		refuses_in_one_line(kithd_run("%s", cases[i].text), EX_CONFIG, cases[i].words, 3);
		refuses_in_one_line(kithd_run("-t %s", cases[i].text), EX_CONFIG, cases[i].words, 3);
	}
}

static void test_wrong_lines(void)
{
	static const struct wrong cases[] = {
		{"# fine\nping_interval = 5;\nping_timeout = \"5\";\n", {":3: ", "ping_timeout"}},
		{"ping_interval = -1;", {":1: ", "ping_interval"}},
		{"\n\nping_interval = true;", {":3: ", "ping_interval"}},
		{"/* one\ntwo */\n\nmax_inbound = 1.5;", {":4: ", "max_inbound"}},
		{"listen = \"127.0.0.1:5999\";", {":1: ", "listen", "list"}},
		{"listen = [1];", {":1: ", "listen"}},
		{"\nlisten = [\"127.0.0.1:5999\", \"127.0.0.1:5999\"];", {":2: ", "listen", "twice"}},
		{"name = [\"a\"];", {":1: ", "name"}},
		{"name = \"a\nb\";", {":1: ", "has no end"}},
		{"nmae = \"a\";", {":1: ", "nmae", "\"name\""}},
		{"network = { name = 1; };", {":1: ", "network"}},
		{"name = \"a\";\nname = \"b\";", {":2: "}},
		{"name = \"a\";\n\nname \"b\";", {":3: "}},
		{"name = \"a", {":1: "}},
		{"log_level = \"DEBUG\";", {":1: ", "log_level", "debug"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *path = harness_write_file(cases[i].text);
		const char *words[4] = {path, cases[i].words[0], cases[i].words[1], cases[i].words[2]};
		refuses_in_one_line(kithd_run("-c %s", path), EX_CONFIG, words, 4);
	}
}

static void test_unreadable_files(void)
{
	const char *missing = "/nonexistent/kith.conf";
	const char *words[] = {missing, "No such file or directory"};
	refuses_in_one_line(kithd_run("-c %s", missing), EX_CONFIG, words, 2);
	words[0] = "/";
	words[1] = "directory";
	refuses_in_one_line(kithd_run("-c /"), EX_CONFIG, words, 2);
}

static void test_usage(void)
{
	static const struct wrong cases[] = {
		{"-x", {"kithd: -x is not an option"}},
		{"-xv", {"kithd: -x is not an option"}},
		{"-o name=a -vx", {"kithd: -x is not an option"}},
		{"-o ping_interval 5", {"-o ping_interval has no value: write -o ping_interval=5"}},
		{"--colour", {"colour"}},
		{"-l", {"l"}},
		{"--listen", {"listen"}},
		{"-o", {"o"}},
		{"-c", {"c"}},
		{"--test=yes", {"test"}},
		{"--test=yes -v", {"--test=yes"}},
		{"-vl", {"kithd: -l needs a value"}},
		{"127.0.0.1:5999", {"127.0.0.1:5999", "-b HOST:PORT"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		refuses(kithd_run("%s", cases[i].text), EX_USAGE, cases[i].words, 3);
}

static void prints(const char *arguments, const char *wanted)
{
	struct kithd *kithd = kithd_run("%s", arguments);
	CU_ASSERT_EQUAL(kithd_wait(kithd), EX_OK);
	if (strstr(kithd_output(kithd), wanted) == NULL)
		harness_fail("kithd %s prints: %s", arguments, kithd_output(kithd));
	CU_ASSERT_STRING_EQUAL(kithd_log(kithd), "");
}

static void test_version_and_help(void)
{
	static const char *const options[] = {"--config", "--listen",  "--bootstrap", "--option",    "--verbose",
					      "--test",	  "--version", "--help",      "--new-secret"};
	prints("-V", "kithd " KITH_VERSION "\ncommit ");
	prints("--version", "\nwith json-c 0.");
	prints("-h", "-l");
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		prints("--help", options[i]);
}

static void test_new_secret(void)
{
	char before[128] = "";
	for (int i = 0; i < 2; i++) {
		struct kithd *kithd = kithd_run("--new-secret");
		CU_ASSERT_EQUAL(kithd_wait(kithd), EX_OK);
		const char *text = kithd_output(kithd);
		CU_ASSERT_EQUAL(strspn(text, "0123456789abcdef"), 64);
		CU_ASSERT_STRING_EQUAL(text + 64, "\n");
		CU_ASSERT_STRING_NOT_EQUAL(text, before);
		CU_ASSERT_STRING_EQUAL(kithd_log(kithd), "");
		snprintf(before, sizeof before, "%s", text);
	}
}

static void test_test_option(void)
{
	const char *address = harness_address();
	struct raw *used = raw_listen(address);
	struct kithd *kithd = kithd_run("-t -l %s", address);
	CU_ASSERT_EQUAL(kithd_wait(kithd), EX_OK);
	prints("--test -c conf/kith.conf", "conf/kith.conf is good (0 settings)\n");
	const char *path = harness_write_file("name = \"a\";\nping_interval = 5;\n");
	prints(harness_text("-t -o name=b -c %s", path), harness_text("%s is good (2 settings)\n", path));
	prints(harness_text("-t -c %s", harness_write_file("name = \"a\";\n")), " is good (1 setting)\n");
	CU_ASSERT_FALSE(raw_is_dialled(used));
}

/* systemd's name for a state directory is the default of state_dir. */
static void test_state_directory(void)
{
	static const struct {
		const char *variable, *file, *wanted;
	} cases[] = {
		{"/nonexistent/a/kith:/nonexistent/b", "", "state_dir \"/nonexistent/a/kith\""},
		{"/nonexistent/a/kith", "state_dir = \"/nonexistent/b/kith\";", "state_dir \"/nonexistent/b/kith\""},
		{"", "nodeid = \"keep\";", "nodeid \"keep\" needs a directory"},
		{"kith", "", "$STATE_DIRECTORY: \"kith\" is not an absolute path"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *words[] = {cases[i].wanted};
		setenv("STATE_DIRECTORY", cases[i].variable, 1);
		struct kithd *kithd = kithd_run("-l 127.0.0.1:0 -c %s", harness_write_file(cases[i].file));
		unsetenv("STATE_DIRECTORY");
		refuses_in_one_line(kithd, i < 2 ? EX_OSERR : EX_CONFIG, words, 1);
	}
}

static void test_long_options(void)
{
	const char *path = harness_write_file("name = \"file\";\nnetwork = \"kin\";\n");
	const char *one = harness_address(), *two = harness_address();
	struct kithd *first = kithd_run("--listen %s --config %s --option name=one", one, path);
	kithd_await_listening(first);
	struct kithd *second = kithd_run("--listen=%s --config=%s --bootstrap=%s --verbose", two, path, one);
	AWAIT(kithd_has_peer(first, kithd_nodeid(second)));
	AWAIT(kithd_cell_is(second, kithd_nodeid(first), "NAME", "one"));
	CU_ASSERT(kithd_cell_is(first, kithd_nodeid(second), "NAME", "file"));
	CU_ASSERT(kithd_log_count(second, " debug ", "") > 0);
	CU_ASSERT_EQUAL(kithd_log_count(first, " debug ", ""), 0);
}

static void test_precedence(void)
{
	const char *files = harness_address(), *given = harness_address();
	struct raw *file_bootstrap = raw_listen(harness_address()), *given_bootstrap = raw_listen(harness_address());
	const char *path = harness_write_file(harness_text("listen = [\"%s\"];\nbootstrap = [\"%s\"];\n"
							   "ping_interval = 1;\nname = \"file\";\n",
							   files, raw_address(file_bootstrap)));
	struct kithd *kithd = kithd_run("-o name=option -l %s -b %s -c %s", given, raw_address(given_bootstrap), path);
	kithd_await_listening(kithd);
	CU_ASSERT_STRING_EQUAL(kithd_address(kithd), given);
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "name"), "option");
	CU_ASSERT_PTR_NULL(raw_try_connect(files));
	raw_expect_next(raw_accept(file_bootstrap), "hello");
	raw_expect_next(raw_accept(given_bootstrap), "hello");
}

static void test_lists_in_options(void)
{
	const char *one = harness_address(), *two = harness_address();
	struct raw *bootstraps[2] = {raw_listen(harness_address()), raw_listen(harness_address())};
	struct kithd *kithd = kithd_run("-o listen=%s,%s -o bootstrap=%s,%s", one, two, raw_address(bootstraps[0]),
					raw_address(bootstraps[1]));
	AWAIT(kithd_log_count(kithd, "listening on", one) == 1 && kithd_log_count(kithd, "listening on", two) == 1);
	for (int i = 0; i < 2; i++)
		raw_expect_next(raw_accept(bootstraps[i]), "hello");
}

static void test_file_with_everything(void)
{
	const char *address = harness_address();
	struct kithd *kithd = kithd_run(
		"-c %s",
		harness_write_file(harness_text("# comment\nlisten = [\"%s\"]; // another\nadvertise = \"%s\";\n"
						"bootstrap = ( );\nnetwork = \"kith\"\nname = \"a b\";\n"
						"max_outbound = 1; max_inbound = 0x10; max_dialing = 3L;\n"
						"ping_interval = 2.5; ping_timeout : 5;\nlog_level = \"debug\";\n",
						address, address)));
	kithd_await_listening(kithd);
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "name"), "a\\x20b");
}

static void test_log_levels(void)
{
	struct kithd *kithd = kithd_start("-v");
	raw_ping(raw_join(kithd, ALICE, ""));
	AWAIT(kithd_log_count(kithd, " debug ", "") > 0);
	kithd = kithd_spawn_at(harness_address(), "-v -o log_level=warning -o name=info");
	AWAIT(kithd_log_count(kithd, " info  listening on ", "") == 1);
	raw_ping(raw_join(kithd, ALICE, ""));
	CU_ASSERT_EQUAL(kithd_log_count(kithd, " debug ", ""), 0);
}

static void test_quiet_levels(void)
{
	const char *addresses[] = {harness_address(), harness_address()};
	for (int i = 0; i < 2; i++) {
		struct kithd *kithd = kithd_spawn_at(addresses[i], "-o log_level=%s", i == 0 ? "error" : "warning");
		struct raw *raw = NULL;
		AWAIT((raw = raw_try_connect(addresses[i])) != NULL);
		raw_shake_hands(raw, ALICE, "");
		CU_ASSERT_EQUAL(kithd_log_lines(kithd, ""), 0);
	}
}

static void test_log_lines(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_join(kithd, ALICE, ",\"name\":\"alice\"");
	char year[5], level[8];
	int milliseconds;
	AWAIT(kithd_log_count(kithd, "a11ce000", harness_text("%s) is ready after ", raw_address(raw))) == 1);
	CU_ASSERT_EQUAL(sscanf(kithd_log(kithd), "%4s-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ %7s", year, &milliseconds, level),
			3);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, " info  listening on ", kithd_address(kithd)), 1);
}

static void test_nodeids(void)
{
	const char *address = harness_address();
	struct kithd *kithd = kithd_start("-o nodeid=%s", ALICE);
	CU_ASSERT_STRING_EQUAL(kithd_nodeid(kithd), ALICE);
	raw_ping_next(raw_join(kithd, BOB, ""));
	kithd = kithd_start_at(address, "-o name=first");
	const char *before = kithd_nodeid(kithd);
	kithd_stop(kithd, SIGTERM);
	CU_ASSERT_STRING_NOT_EQUAL(kithd_nodeid(kithd_start_at(address, "-o name=second")), before);
}

static void test_used_address(void)
{
	const char *address = harness_address();
	kithd_start_at(address, "-o name=first");
	struct kithd *second = kithd_run("-l %s", address);
	const char *words[] = {
		harness_text("cannot listen on %s: Address already in use, perhaps by another kithd: ", address)};
	refuses_in_one_line(second, EX_OSERR, words, 1);
	/* One of several is enough. */
	second = kithd_run("-l %s -l %s", harness_address(), address);
	CU_ASSERT_EQUAL(kithd_wait(second), EX_OSERR);
	CU_ASSERT_EQUAL(kithd_log_count(second, words[0], ""), 1);
}

static void test_address_of_another_machine(void)
{
	const char *words[] = {"cannot listen on 192.0.2.1:5999: no such address on this machine: "};
	refuses_in_one_line(kithd_run("-l 192.0.2.1:5999"), EX_OSERR, words, 1);
}

static void test_address_again_after_a_stop(void)
{
	const char *address = harness_address();
	for (int i = 0; i < 3; i++) {
		struct kithd *kithd = kithd_start_at(address, "-o name=again");
		raw_ping_next(raw_join(kithd, ALICE, ""));
		kithd_stop(kithd, SIGTERM);
	}
}

static void test_defaults(void)
{
	if (!harness_is_root("a node without arguments listens on 127.0.0.1:5999") ||
	    !harness_can(access("/etc/kith/kith.conf", F_OK) != 0, "a node without arguments",
			 "this machine has a kith.conf"))
		return;
	harness_isolate();
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = (const char *const[]){NULL}});
	kithd_await_listening(kithd);
	CU_ASSERT_STRING_EQUAL(kithd_address(kithd), "127.0.0.1:5999");
	struct kithd *other = kithd_run("-l 127.0.0.1:0 -b 127.0.0.1");
	AWAIT(kithd_peers(kithd) == 1);
	kithd_stop(other, SIGTERM);
	struct kithd *third = kithd_launch(&(struct launch){.argv = (const char *const[]){NULL}});
	const char *words[] = {"cannot listen on 127.0.0.1:5999: Address already in use, perhaps by another kithd: "
			       "choose another port with "
			       "-l, or find it with: ss -ltnp 'sport = :5999'"};
	refuses_in_one_line(third, EX_OSERR, words, 1);
}

static CU_TestInfo tests[] = {
	{"a wrong option gets a line that says what would be right, and status 78", test_wrong_options},
	{"a wrong line in the file gets a line with its number, and status 78", test_wrong_lines},
	{"a file that can't be read gets a line, and status 78", test_unreadable_files},
	{"wrong usage gets status 64", test_usage},
	{"-V and -h print to stdout", test_version_and_help},
	{"--new-secret prints 32 random bytes and nothing else", test_new_secret},
	{"-t checks and opens nothing", test_test_option},
	{"$STATE_DIRECTORY is the default of state_dir", test_state_directory},
	{"long options work", test_long_options},
	{"options beat the file, -l replaces its addresses and -b adds to its bootstraps", test_precedence},
	{"lists in options are separated by commas", test_lists_in_options},
	{"a file may use all that the syntax offers", test_file_with_everything},
	{"-v logs one level more", test_log_levels},
	{"errors and warnings alone are logged where that is asked for", test_quiet_levels},
	{"log lines have their form", test_log_lines},
	{"a node has the nodeid that it is given, or a new one each time", test_nodeids},
	{"an address in use gets a line that says so, and status 71", test_used_address},
	{"an address of another machine gets a line that says so, and status 71", test_address_of_another_machine},
	{"a stopped node's address can be used again at once", test_address_again_after_a_stop},
	{"a node without arguments listens on 127.0.0.1:5999", test_defaults},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_settings = {
	.pName = "settings", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
