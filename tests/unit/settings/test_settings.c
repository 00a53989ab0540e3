#include "settings/settings.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"
#include "some_settings.h"
#include "unit/suites.h"

static void expect_defaults(const struct settings *settings)
{
	char host_name[MESSAGE_TEXT_BYTES] = "";
	CU_ASSERT_EQUAL(gethostname(host_name, sizeof host_name), 0);
	CU_ASSERT_EQUAL_FATAL(settings->listen_count, 1);
	CU_ASSERT(address_is(&settings->listen[0], "127.0.0.1:5999"));
	CU_ASSERT_FALSE(address_is_known(&settings->texts->advertise));
	CU_ASSERT_EQUAL(settings->texts->bootstrap_count, 0);
	CU_ASSERT_STRING_EQUAL(settings->network, "kith");
	CU_ASSERT_STRING_EQUAL(settings->texts->name, host_name);
	CU_ASSERT_EQUAL(settings->nodeid_mode, NODEID_AUTO);
	CU_ASSERT(nodeid_is_none(&settings->nodeid));
	CU_ASSERT_STRING_EQUAL(settings->state_dir, "");
	CU_ASSERT_EQUAL(settings->save_interval_us, 60000000);
	CU_ASSERT_STRING_EQUAL(settings->user, "");
	CU_ASSERT_EQUAL(settings->max_outbound, 64);
	CU_ASSERT_EQUAL(settings->max_inbound, 512);
	CU_ASSERT_EQUAL(settings->max_dialing, 16);
	CU_ASSERT_EQUAL(settings->max_parked, 64);
	CU_ASSERT_EQUAL(settings->max_addresses, 81920);
	CU_ASSERT_EQUAL(settings->ping_interval_us, 60000000);
	CU_ASSERT_EQUAL(settings->ping_timeout_us, 20000000);
	CU_ASSERT_EQUAL(settings->connect_timeout_us, 10000000);
	CU_ASSERT_EQUAL(settings->handshake_timeout_us, 10000000);
	CU_ASSERT_EQUAL(settings->share_within_us, 240000000);
	CU_ASSERT_EQUAL(settings->retry_min_us, 1000000);
	CU_ASSERT_EQUAL(settings->retry_max_us, 60000000);
	CU_ASSERT_EQUAL(settings->log_level, LOG_INFO);
	CU_ASSERT_EQUAL(settings->log_format, LOG_TEXT);
}

static void without_a_file_everything_is_at_its_default(void)
{
	struct settings settings;
	struct problem problem = {.text = ""};
	settings_init(&settings);
	expect_defaults(&settings);
	for (int i = 0; i < SETTING_COUNT; i++)
		EXPECT(settings.texts->where[i] == NULL, "%s", setting_name((enum setting_id)i));
	CU_ASSERT(settings_check(&settings, &problem));
	settings_fini(&settings);
	settings_fini(&settings);
}

static void a_file_that_says_nothing_changes_nothing(void)
{
	static const char *const texts[] = {
		"",
		"\n\n",
		"# nothing\n",
		"/* nothing,\n at length */\n",
		"// nothing, without LF",
		"# nothing, without LF",
		" \t\r\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct settings settings = read_good(texts[i]);
		expect_defaults(&settings);
		settings_fini(&settings);
	}
}

static void the_documented_defaults_are_the_defaults(void)
{
	char text[4096] = "", where[PATH_BYTES + 16];
	for (int i = 0; i < SETTING_COUNT; i++) {
		const char *name = setting_name((enum setting_id)i);
		size_t used = strlen(text);
		snprintf(text + used, sizeof text - used, "%s = %s;\n", name, setting_default((enum setting_id)i));
		for (int j = 0; j < i; j++)
			EXPECT(strcmp(setting_name((enum setting_id)j), name) != 0, "%s", name);
	}
	struct settings settings = read_good(text);
	expect_defaults(&settings);
	for (int i = 0; i < SETTING_COUNT; i++) {
		snprintf(where, sizeof where, "%s:%d", some_path, i + 1);
		EXPECT(settings.texts->where[i] != NULL && strcmp(settings.texts->where[i], where) == 0, "%s", where);
	}
	settings_fini(&settings);
}

static void an_option_sets_a_number_with_or_without_a_fraction(void)
{
	static const struct {
		const char *text;
		int64_t us;
	} seconds[] = {
		{"60", 60000000},
		{"0.5", 500000},
		{".5", 500000},
		{"0.01", 10000},
		{"86400", INT64_C(86400000000)},
		{"1e3", 1000000000},
		{"+7", 7000000},
		{"0.0100004", 10000},
		{"1.999999", 1999999},
		{"  5", 5000000},
	};
	for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
		char option[64];
		snprintf(option, sizeof option, "ping_interval=%s", seconds[i].text);
		struct settings settings = with_option(option);
		EXPECT(settings.ping_interval_us == seconds[i].us, "%s: %lld", option,
		       (long long)settings.ping_interval_us);
		settings_fini(&settings);
	}
	static const struct {
		const char *text;
		int64_t count;
	} counts[] = {{"0", 0}, {"1", 1}, {"1000000", 1000000}, {"7.0", 7}};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		char option[64];
		snprintf(option, sizeof option, "max_outbound=%s", counts[i].text);
		struct settings settings = with_option(option);
		EXPECT(settings.max_outbound == counts[i].count, "%s", option);
		settings_fini(&settings);
	}
}

static void an_option_that_is_no_good_number_is_refused(void)
{
	static const char *const seconds[] = {
		"",	   "nan",   "NaN",   "-nan", "inf", "-inf", "infinity", "-1",  "-0.5", "0",	 "0.0099",
		"86400.1", "86401", "1e400", "x",    "60s", "1,5",  "60 ",	"5 6", "[60]", "\"60\"",
	};
	static const char *const names[] = {"ping_interval", "ping_timeout", "connect_timeout", "handshake_timeout",
					    "share_within",  "retry_min",    "retry_max"};
	for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
		for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
			char option[64], where[64];
			snprintf(option, sizeof option, "%s=%s", names[n], seconds[i]);
			snprintf(where, sizeof where, "-o %s: ", names[n]);
			expect_bad_option(option, where, "a number of seconds", "from 0.01 to 86400");
		}
	}
	static const char *const counts[] = {"", "nan", "inf", "-1", "1.5", "1000001", "1e30", "x", "7x"};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		char option[64];
		snprintf(option, sizeof option, "max_inbound=%s", counts[i]);
		expect_bad_option(option, "-o max_inbound: ", "a whole number", "from 0 to 1000000");
	}
	expect_bad_option("max_dialing=0", "-o max_dialing: ", "must be", "a whole number from 1 to 1000000");
}

static void an_option_sets_text_without_quotes(void)
{
	struct settings settings = with_option("name=a name, with = and \"quotes\"");
	CU_ASSERT_STRING_EQUAL(settings.texts->name, "a name, with = and \"quotes\"");
	settings_fini(&settings);
	settings = with_option("network=" X64);
	CU_ASSERT_STRING_EQUAL(settings.network, X64);
	settings_fini(&settings);
	settings = with_option("network = other");
	CU_ASSERT_STRING_EQUAL(settings.network, "other");
	settings_fini(&settings);
	static const char *const levels[] = {"error", "warning", "info", "debug"};
	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
		char option[32];
		snprintf(option, sizeof option, "log_level=%s", levels[i]);
		settings = with_option(option);
		EXPECT(settings.log_level == i, "%s", option);
		settings_fini(&settings);
	}
}

static void an_option_that_is_no_good_text_is_refused(void)
{
	expect_bad_option("network=", "-o network: ", "must be", "1 to 64 bytes");
	expect_bad_option("network=" X64 "x", "-o network: ", "must be", "1 to 64 bytes");
	expect_bad_option("name=" X64 "x", "-o name: ", "must be", "at most 64 bytes");
	expect_bad_option("name=a\nb", "-o name: ", "must be", "without control characters");
	expect_bad_option("name=\xff", "-o name: ", "must be", "UTF-8");
	expect_bad_option("log_level=loud", "-o log_level: ", "must be", "\"error\", \"warning\", \"info\", \"debug\"");
	expect_bad_option("log_format=xml", "-o log_format: ", "must be", "\"text\" or \"json\"");
	expect_bad_option("log_level=", "-o log_level: ", "must be", "\"debug\"");
}

static void what_is_no_setting_with_a_value_is_refused(void)
{
	expect_bad_option("listen", "-o listen has no value", "write -o listen=127.0.0.1:5999", "");
	expect_bad_option("ping_interval", "-o ping_interval has no value", "write -o ping_interval=60", "");
	expect_bad_option("listn", "-o listn: ", "did you mean \"listen\"?", "");
	expect_bad_option("", "-o", "has no value", "-o SETTING=VALUE");
	expect_bad_option("=7", "-o: ", "there is no setting \"\"", "kith.conf(5)");
	expect_bad_option("network or=7", "-o", "", "");
}

static void the_name_of_the_host_stands_for_an_empty_name(void)
{
	char host_name[MESSAGE_TEXT_BYTES] = "";
	CU_ASSERT_EQUAL(gethostname(host_name, sizeof host_name), 0);
	struct settings settings = with_option("name=");
	CU_ASSERT_STRING_EQUAL(settings.texts->name, host_name);
	settings_fini(&settings);
}

static void an_option_beats_the_file_and_a_listen_address_replaces_and_a_bootstrap_adds(void)
{
	static const char *const listen[] = {"127.0.0.1:7001", "[::1]:7002"};
	struct problem problem = {.text = ""};
	char where[PATH_BYTES + 16];
	struct settings settings = read_good("ping_interval = 7;\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"];\n"
					     "bootstrap = [\"a.example\"];\n");
	CU_ASSERT(settings_set_option(&settings, "ping_interval=8", &problem));
	CU_ASSERT(settings_set_option(&settings, "ping_interval=9", &problem));
	CU_ASSERT_EQUAL(settings.ping_interval_us, 9000000);
	CU_ASSERT_STRING_EQUAL(settings.texts->where[SETTING_PING_INTERVAL], "-o ping_interval");
	CU_ASSERT(settings_set_listen(&settings, listen, 2, "-l", &problem));
	CU_ASSERT_EQUAL_FATAL(settings.listen_count, 2);
	CU_ASSERT(address_is(&settings.listen[0], listen[0]) && address_is(&settings.listen[1], listen[1]));
	CU_ASSERT(settings_add_bootstrap(&settings, "b.example", "-b", &problem));
	CU_ASSERT_EQUAL_FATAL(settings.texts->bootstrap_count, 2);
	CU_ASSERT_STRING_EQUAL(settings.texts->bootstrap[0].host, "a.example");
	CU_ASSERT_STRING_EQUAL(settings.texts->bootstrap[1].host, "b.example");
	CU_ASSERT(settings_set_option(&settings, "bootstrap=c.example", &problem));
	CU_ASSERT_EQUAL_FATAL(settings.texts->bootstrap_count, 1);
	CU_ASSERT_STRING_EQUAL(settings.texts->bootstrap[0].host, "c.example");
	snprintf(where, sizeof where, "%s:3", some_path);
	CU_ASSERT_STRING_EQUAL(settings.texts->where[SETTING_BOOTSTRAP], "-o bootstrap");
	CU_ASSERT_PTR_NULL(settings.texts->where[SETTING_NAME]);
	settings_fini(&settings);
}

static void with_a_secret_the_default_is_to_listen_everywhere(void)
{
	static const struct {
		const char *secret_file, *listen; /* NULL for none */
		size_t count;
		const char *first;
	} cases[] = {
		{"", NULL, 1, "127.0.0.1:5999"},
		{"secret_file=/etc/kith/secret", NULL, 2, "0.0.0.0:5999"},
		{"secret_file=/etc/kith/secret", "listen=127.0.0.1:5999", 1, "127.0.0.1:5999"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct settings settings;
		struct problem problem = {.text = ""};
		settings_init(&settings);
		CU_ASSERT(cases[i].secret_file[0] == '\0' ||
			  settings_set_option(&settings, cases[i].secret_file, &problem));
		CU_ASSERT(cases[i].listen == NULL || settings_set_option(&settings, cases[i].listen, &problem));
		CU_ASSERT(settings_choose_listen(&settings, &problem));
		CU_ASSERT_EQUAL(settings.listen_count, cases[i].count);
		CU_ASSERT(address_is(&settings.listen[0], cases[i].first));
		if (cases[i].count == 2)
			CU_ASSERT(address_is(&settings.listen[1], "[::]:5999"));
		CU_ASSERT((settings.texts->where[SETTING_LISTEN] == NULL) == (cases[i].listen == NULL));
		settings_fini(&settings);
	}
}

static void a_node_that_other_machines_cannot_dial_is_told_so(void)
{
	static const struct {
		const char *listen, *bootstrap, *advertise;
		const char *warning; /* what it begins with; NULL for none */
	} cases[] = {
		{"127.0.0.1:5999", "", "", NULL},
		{"127.0.0.1:5999", "127.0.0.1:6000", "", NULL},
		{"127.0.0.1:5999", "localhost", "", NULL},
		{"127.0.0.1:5999", "[::1]:6000,127.0.0.7", "", NULL},
		{"127.0.0.1:5999", "10.0.0.1", "192.0.2.7:6000", NULL},
		{"", "10.0.0.1", "", NULL},
		{"10.0.0.2:5999", "10.0.0.1", "", NULL},
		{"127.0.0.1:5999,[::]:5999", "10.0.0.1", "", NULL},
		{"127.0.0.1:5999", "10.0.0.1", "",
		 "listens on 127.0.0.1 only, so other machines cannot dial this node: "
		 "write listen = [\"0.0.0.0:5999\", \"[::]:5999\"]"},
		{"127.0.0.1:7000,127.0.0.1:7001", "127.0.0.1,node.example", "",
		 "listens on 127.0.0.1 only, so other machines cannot dial this node: "
		 "write listen = [\"0.0.0.0:7000\", \"[::]:7000\"]"},
		{"[::1]:0", "10.0.0.1", "",
		 "listens on [::1] only, so other machines cannot dial this node: "
		 "write listen = [\"0.0.0.0:5999\", \"[::]:5999\"]"},
		{"[::1]:5999,127.0.0.1:5999", "10.0.0.1", "", "listens on loopback addresses only, "},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct settings settings;
		struct problem problem = {.text = ""};
		char option[128];
		settings_init(&settings);
		snprintf(option, sizeof option, "listen=%s", cases[i].listen);
		CU_ASSERT(settings_set_option(&settings, option, &problem));
		snprintf(option, sizeof option, "bootstrap=%s", cases[i].bootstrap);
		CU_ASSERT(settings_set_option(&settings, option, &problem));
		snprintf(option, sizeof option, "advertise=%s", cases[i].advertise);
		CU_ASSERT(settings_set_option(&settings, option, &problem));
		bool is_secluded = settings_is_secluded(&settings, &problem);
		const char *wanted = cases[i].warning;
		EXPECT(is_secluded == (wanted != NULL), "%s, %s", cases[i].listen, cases[i].bootstrap);
		EXPECT(wanted == NULL || strncmp(problem.text, wanted, strlen(wanted)) == 0, "%s", problem.text);
		settings_fini(&settings);
	}
}

static void a_back_off_that_ends_below_its_start_is_refused(void)
{
	static const struct {
		const char *text; /* of the file */
		const char *option;
		int line; /* 0: -o is where the error is */
		bool good;
	} cases[] = {
		{"", "retry_min=60", 0, true},
		{"", "retry_max=1", 0, true},
		{"", "retry_max=0.5", 0, false},
		{"", "retry_min=60.5", 0, false},
		{"\nretry_min = 61;", "network=kith", 2, false},
		{"retry_max = 0.5;", "network=kith", 1, false},
		{"retry_min = 9;\nretry_max = 8;", "network=kith", 2, false},
		{"retry_min = 8;\nretry_max = 8;", "network=kith", 0, true},
		{"retry_min = 9;\nretry_max = 20;", "retry_max=8", 0, false},
		{"retry_min = 400;", "retry_max=500", 0, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct problem problem = {.text = ""};
		char where[PATH_BYTES + 16] = "-o retry_m";
		struct settings settings = read_good(cases[i].text);
		CU_ASSERT(settings_set_option(&settings, cases[i].option, &problem));
		bool good = settings_check(&settings, &problem);
		EXPECT(good == cases[i].good, "case %zu", i);
		if (cases[i].line != 0)
			snprintf(where, sizeof where, "%s:%d: ", some_path, cases[i].line);
		if (!good)
			expect_error(problem.text, where, "retry_max", "retry_min");
		settings_fini(&settings);
	}
}

static void a_nodeid_is_kept_only_where_there_is_a_directory(void)
{
	static const struct {
		const char *text; /* of the file */
		const char *option;
		int line; /* 0: -o is where the error is; -1: there is none */
	} cases[] = {
		{"nodeid = \"keep\";", "network=kith", 1},
		{"\nnodeid = \"keep\";\nstate_dir = \"\";", "network=kith", 2},
		{"state_dir = \"/tmp\";", "nodeid=keep", -1},
		{"nodeid = \"keep\";", "state_dir=/", -1},
		{"nodeid = \"keep\";", "nodeid=session", -1},
		{"nodeid = \"keep\";", "nodeid=auto", -1},
		{"nodeid = \"keep\";", "nodeid=1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d", -1},
		{"nodeid = \"session\";\nstate_dir = \"/tmp\";", "nodeid=keep", -1},
		{"", "nodeid=keep", 0},
		{"state_dir = \"/tmp\";\nnodeid = \"keep\";", "state_dir=", 2},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct problem problem = {.text = ""};
		char where[PATH_BYTES + 16] = "-o nodeid: ";
		struct settings settings = read_good(cases[i].text);
		EXPECT(settings_set_option(&settings, cases[i].option, &problem), "case %zu: %s", i, problem.text);
		bool good = settings_check(&settings, &problem);
		EXPECT(good == (cases[i].line < 0), "case %zu", i);
		if (cases[i].line > 0)
			snprintf(where, sizeof where, "%s:%d: ", some_path, cases[i].line);
		if (!good)
			expect_error(problem.text, where, "\"keep\"", "write state_dir = \"/var/lib/kith\"");
		settings_fini(&settings);
	}
}

static void without_a_mode_a_nodeid_is_kept_where_there_is_a_directory(void)
{
	static const struct {
		const char *text; /* of the file */
		bool is_kept;
	} cases[] = {
		{"", false},
		{"nodeid = \"auto\";", false},
		{"state_dir = \"/tmp\";", true},
		{"nodeid = \"auto\";\nstate_dir = \"/tmp\";", true},
		{"nodeid = \"keep\";\nstate_dir = \"/tmp\";", true},
		{"nodeid = \"session\";\nstate_dir = \"/tmp\";", false},
		{"nodeid = \"1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d\";\nstate_dir = \"/tmp\";", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct settings settings = read_good(cases[i].text);
		EXPECT(settings_keep_nodeid(&settings) == cases[i].is_kept, "case %zu", i);
		settings_fini(&settings);
	}
}

static void a_time_to_share_within_that_healthy_peers_exceed_is_refused(void)
{
	static const struct {
		const char *text; /* of the file */
		const char *option;
		int line; /* 0: -o is where the error is; -1: there is none */
		const char *numbers[2];
	} cases[] = {
		{"", "share_within=80", -1, {NULL}},
		{"", "share_within=79.99", 0, {"share_within 79.99", "share_within to 80 "}},
		{"share_within = 9;", "network=kith", 1, {"share_within 9 ", "is 80 seconds"}},
		{"ping_interval = 2;\nping_timeout = 0.5;\nshare_within = 2.5;", "network=kith", -1, {NULL}},
		{"ping_interval = 2;\nping_timeout = 0.6;\nshare_within = 2.5;", "network=kith", 3, {"2.5 ", "2.6 "}},
		{"ping_interval = 220;", "network=kith", -1, {NULL}},
		{"\nping_interval = 3600;", "network=kith", 2, {"share_within 240", "to 3620 "}},
		{"\n\nping_timeout = 180.000001;", "network=kith", 3, {"share_within 240", "to 240.000001 "}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct problem problem = {.text = ""};
		char where[PATH_BYTES + 16] = "-o share_within: ";
		struct settings settings = read_good(cases[i].text);
		CU_ASSERT(settings_set_option(&settings, cases[i].option, &problem));
		EXPECT(settings_check(&settings, &problem) == (cases[i].line < 0), "case %zu", i);
		if (cases[i].line > 0)
			snprintf(where, sizeof where, "%s:%d: ", some_path, cases[i].line);
		if (cases[i].line >= 0)
			expect_error(problem.text, where, cases[i].numbers[0], cases[i].numbers[1]);
		settings_fini(&settings);
	}
}

/* Who has mistaken the one for the other finds it in no error. */
static void a_secret_in_place_of_its_file_is_not_shown(void)
{
	struct problem problem = {.text = ""};
	struct settings settings;
	CU_ASSERT_TRUE(settings_init(&settings));
	CU_ASSERT_FALSE(settings_set_option(&settings, "secret_file=5ec2e7", &problem));
	EXPECT(strstr(problem.text, "5ec2e7") == NULL, "%s", problem.text);
	EXPECT(strstr(problem.text, "must be an absolute path") != NULL &&
		       strstr(problem.text, "\"/etc/kith/secret\"") != NULL,
	       "%s", problem.text);
	settings_fini(&settings);
}

static void a_path_has_its_limits(void)
{
	static const char longest[] = "state_dir=/" X64 X64 X64 X16 X16 X16 "xxxxxxxxxxxxxx";
	struct settings settings = with_option(longest);
	CU_ASSERT_EQUAL(strlen(settings.state_dir), SETTINGS_PATH_BYTES - 1);
	settings_fini(&settings);
	expect_bad_option("state_dir=var/lib/kith", "-o state_dir: ", "\"var/lib/kith\" is not an absolute path",
			  "write \"/var/lib/kith\"");
	expect_bad_option("state_dir=~/kith", "-o state_dir: ", "\"~/kith\" is not an absolute path",
			  "write \"/var/lib/kith\"");
	expect_bad_file("\nstate_dir = \".\";", 2, "state_dir: \".\" is not an absolute path",
			"write \"/var/lib/kith\"");
}

/* What the file says, and what is written; every setting stands there. */
static const struct {
	enum setting_id setting;
	const char *value;
	const char *written; /* NULL: the same */
} values[] = {
	{SETTING_LISTEN, "[]", NULL},
	{SETTING_LISTEN, "[\"127.0.0.1:5999\"]", NULL},
	{SETTING_LISTEN, "(\"0.0.0.0:0\",\"[0:0::1]:7\")", "[\"0.0.0.0:0\", \"[::1]:7\"]"},
	{SETTING_LISTEN_RETRY, "true", NULL},
	{SETTING_LISTEN_RETRY, "FALSE", "false"},
	{SETTING_ADVERTISE, "\"\"", NULL},
	{SETTING_ADVERTISE, "\"192.0.2.7:6000\"", NULL},
	{SETTING_ADVERTISE, "\"[2001:db8::7]:6000\"", NULL},
	{SETTING_BOOTSTRAP, "[]", NULL},
	{SETTING_BOOTSTRAP, "[\"node.example\", \"192.0.2.7:1\", \"[2001:db8::7]\"]",
	 "[\"node.example:5999\", \"192.0.2.7:1\", \"[2001:db8::7]:5999\"]"},
	{SETTING_NETWORK, "\"caf\xc3\xa9\"", NULL},
	{SETTING_NETWORK, "\"\\\"\\\\\\\"\"", NULL},
	{SETTING_NAME, "\"a \\\"b\\\" \\\\\"", NULL},
	{SETTING_NAME, "\"" X64 "\"", NULL},
	{SETTING_NODEID, "\"auto\"", NULL},
	{SETTING_NODEID, "\"session\"", NULL},
	{SETTING_NODEID, "\"keep\"", NULL},
	{SETTING_NODEID, "\"1A2B3C4D-5E6F-4A7B-8C9D-0E1F2A3B4C5D\"", "\"1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d\""},
	{SETTING_STATE_DIR, "\"\"", NULL},
	{SETTING_STATE_DIR, "\"/a \\\"b\\\"\"", NULL},
	{SETTING_SAVE_INTERVAL, "60", NULL},
	{SETTING_USER, "\"\"", NULL},
	{SETTING_USER, "\"nobody\"", NULL},
	{SETTING_MAX_OUTBOUND, "0", NULL},
	{SETTING_MAX_INBOUND, "1000000", NULL},
	{SETTING_MAX_DIALING, "0x10", "16"},
	{SETTING_MAX_PARKED, "10", NULL},
	{SETTING_MAX_ADDRESSES, "256", NULL},
	{SETTING_MAX_CONNECTIONS, "0", NULL},
	{SETTING_MAX_HANDSHAKES, "1", NULL},
	{SETTING_MAX_PER_ADDRESS, "0", NULL},
	{SETTING_MAX_PER_GROUP, "7", NULL},
	{SETTING_MAX_MESSAGE_RATE, "1000000", NULL},
	{SETTING_MAX_BYTE_RATE, "1000000000", NULL},
	{SETTING_MAX_OUTBOX, "0", NULL},
	{SETTING_MAX_OUTBOX, "131072", NULL},
	{SETTING_BAN_AFTER, "64", NULL},
	{SETTING_BAN_TIME, "0", NULL},
	{SETTING_BAN_TIME, "0.5", NULL},
	{SETTING_ALLOW, "[]", NULL},
	{SETTING_ALLOW, "[\"10.0.0.0/8\", \"fe80:0::/10\"]", "[\"10.0.0.0/8\", \"fe80::/10\"]"},
	{SETTING_DENY, "[\"192.0.2.7\"]", "[\"192.0.2.7/32\"]"},
	{SETTING_PROBE_INTERVAL, "0.5", NULL},
	{SETTING_SILENT_AFTER, "2.5", NULL},
	{SETTING_PING_INTERVAL, "0.25", NULL},
	{SETTING_MAX_NODES, "0", NULL},
	{SETTING_MAX_NODES, "16384", NULL},
	{SETTING_REPORT_RATE, "1024", NULL},
	{SETTING_FORGET_AFTER, "7.5", NULL},
	{SETTING_TAGS, "[]", NULL},
	{SETTING_TAGS, "[\"role=db\", \"rack 7\", \"a \\\"b\\\"\"]", NULL},
	{SETTING_SECRET_FILE, "\"/etc/kith/secret\"", NULL},
	{SETTING_SECRET_FILE, "\"\"", NULL},
	{SETTING_PING_INTERVAL, "100", NULL},
	{SETTING_PING_TIMEOUT, "0.123456", NULL},
	{SETTING_CONNECT_TIMEOUT, "86400", NULL},
	{SETTING_CONNECT_TIMEOUT, "86399.999999", NULL},
	{SETTING_HANDSHAKE_TIMEOUT, "10.50", "10.5"},
	{SETTING_SHARE_WITHIN, "1e1", "10"},
	{SETTING_RETRY_MIN, "0.01", NULL},
	{SETTING_RETRY_MAX, "2.000001", NULL},
	{SETTING_FEELER_INTERVAL, "5", NULL},
	{SETTING_LOG_LEVEL, "\"error\"", NULL},
	{SETTING_LOG_LEVEL, "\"warning\"", NULL},
	{SETTING_LOG_LEVEL, "\"info\"", NULL},
	{SETTING_LOG_LEVEL, "\"debug\"", NULL},
	{SETTING_LOG_FORMAT, "\"text\"", NULL},
	{SETTING_LOG_FORMAT, "\"json\"", NULL},
	{SETTING_CONTROL, "\"auto\"", NULL},
	{SETTING_CONTROL, "\"\"", NULL},
	{SETTING_CONTROL, "\"/run/kith/alpha.sock\"", NULL},
	{SETTING_CONTROL_GROUP, "\"kith\"", NULL},
	{SETTING_MAX_CONTROLS, "1", NULL},
	{SETTING_JOURNAL_EVENTS, "0", NULL},
};

enum { VALUES = sizeof values / sizeof *values };

/* Settings from a file with this one value; the caller gives them to settings_fini. */
static struct settings with_value(enum setting_id setting, const char *value)
{
	char text[SETTINGS_VALUE_BYTES + 64];
	snprintf(text, sizeof text, "%s = %s;\n", setting_name(setting), value);
	return read_good(text);
}

static bool is_written_as(const struct settings *settings, enum setting_id setting, const char *wanted)
{
	char written[SETTINGS_VALUE_BYTES];
	settings_format(settings, setting, written, sizeof written);
	return EXPECT(strcmp(written, wanted) == 0, "%s = %s, not %s", setting_name(setting), written, wanted);
}

static void what_is_written_of_a_setting_is_read_back_the_same(void)
{
	bool has_value[SETTING_COUNT] = {false};
	for (size_t i = 0; i < VALUES; i++) {
		enum setting_id setting = values[i].setting;
		const char *wanted = values[i].written == NULL ? values[i].value : values[i].written;
		struct settings settings = with_value(setting, values[i].value);
		if (is_written_as(&settings, setting, wanted)) {
			struct settings again = with_value(setting, wanted);
			is_written_as(&again, setting, wanted);
			settings_fini(&again);
		}
		settings_fini(&settings);
		has_value[setting] = true;
	}
	for (int i = 0; i < SETTING_COUNT; i++)
		EXPECT(has_value[i], "%s", setting_name((enum setting_id)i));
}

static void the_defaults_are_written_as_they_are_documented(void)
{
	struct settings settings;
	settings_init(&settings);
	for (int i = 0; i < SETTING_COUNT; i++)
		if (i != SETTING_NAME) /* which is the host's */
			is_written_as(&settings, (enum setting_id)i, setting_default((enum setting_id)i));
	settings_fini(&settings);
}

static void the_longest_list_is_written_whole(void)
{
	struct settings settings;
	struct problem problem = {.text = ""};
	char name[SETTINGS_HOST_BYTES + 8], written[SETTINGS_VALUE_BYTES];
	settings_init(&settings);
	for (int i = 0; i < SETTINGS_LIST_ENTRIES; i++) {
		snprintf(name, sizeof name, X64 X64 X64 X16 X16 X16 "xxxxxxxxxxxx%03u:65535", (unsigned)i % 1000);
		EXPECT(settings_add_bootstrap(&settings, name, "-b", &problem), "%s", problem.text);
	}
	settings_format(&settings, SETTING_BOOTSTRAP, written, sizeof written);
	struct settings again = with_value(SETTING_BOOTSTRAP, written);
	CU_ASSERT_EQUAL(again.texts->bootstrap_count, SETTINGS_LIST_ENTRIES);
	is_written_as(&again, SETTING_BOOTSTRAP, written);
	settings_fini(&again);
	settings_fini(&settings);
}

static void a_running_node_takes_over_all_but_what_needs_a_restart(void)
{
	static const enum setting_id fixed[] = {
		SETTING_LISTEN, SETTING_LISTEN_RETRY,  SETTING_NETWORK,	    SETTING_NODEID,  SETTING_STATE_DIR,
		SETTING_USER,	SETTING_MAX_ADDRESSES, SETTING_SECRET_FILE, SETTING_CONTROL, SETTING_CONTROL_GROUP};
	for (size_t i = 0; i < VALUES; i++) {
		enum setting_id setting = values[i].setting;
		char before[SETTINGS_VALUE_BYTES], wanted[SETTINGS_VALUE_BYTES];
		struct settings running, fresh = with_value(setting, values[i].value);
		bool is_fixed = false;
		settings_init(&running);
		settings_format(&running, setting, before, sizeof before);
		settings_format(&fresh, setting, wanted, sizeof wanted);
		for (size_t j = 0; j < sizeof fixed / sizeof *fixed; j++)
			is_fixed = is_fixed || fixed[j] == setting;
		enum settings_change changes[SETTING_COUNT];
		settings_take_over(&running, &fresh, changes);
		enum settings_change change = changes[setting];
		if (strcmp(before, wanted) == 0) {
			EXPECT(change == SETTINGS_SAME, "%s = %s", setting_name(setting), wanted);
		} else if (is_fixed) {
			EXPECT(change == SETTINGS_NEED_RESTART, "%s = %s", setting_name(setting), wanted);
			is_written_as(&running, setting, before);
			is_written_as(&fresh, setting, wanted);
		} else {
			EXPECT(change == SETTINGS_APPLIED, "%s = %s", setting_name(setting), wanted);
			is_written_as(&running, setting, wanted);
			is_written_as(&fresh, setting, before);
			CU_ASSERT_PTR_NOT_NULL(running.texts->where[setting]);
		}
		settings_fini(&fresh);
		settings_fini(&running);
	}
}

static void what_differs_is_taken_over_and_nothing_else(void)
{
	enum settings_change changes[SETTING_COUNT];
	struct settings running, fresh = read_good("max_inbound = 7;\nname = \"alpha\";\nnetwork = \"other\";\n");
	settings_init(&running);
	const struct settings_texts *before = settings_hold_texts(&running);
	settings_take_over(&running, &fresh, changes);
	for (int i = 0; i < SETTING_COUNT; i++) {
		enum settings_change wanted = i == SETTING_MAX_INBOUND || i == SETTING_NAME ? SETTINGS_APPLIED
					      : i == SETTING_NETWORK			    ? SETTINGS_NEED_RESTART
											    : SETTINGS_SAME;
		EXPECT(changes[i] == wanted, "%s", setting_name((enum setting_id)i));
	}
	CU_ASSERT_EQUAL(running.max_inbound, 7);
	CU_ASSERT_EQUAL(fresh.max_inbound, 512);
	CU_ASSERT_STRING_EQUAL(running.texts->name, "alpha");
	CU_ASSERT_STRING_EQUAL(running.network, "kith");
	CU_ASSERT_PTR_NOT_NULL(running.texts->where[SETTING_MAX_INBOUND]);
	CU_ASSERT_PTR_EQUAL(fresh.texts, before);
	settings_take_over(&running, &running, changes);
	for (int i = 0; i < SETTING_COUNT; i++)
		EXPECT(changes[i] == SETTINGS_SAME, "%s", setting_name((enum setting_id)i));
	settings_fini(&fresh);
	settings_fini(&running);
	CU_ASSERT_STRING_NOT_EQUAL(before->name, "alpha");
	settings_release_texts(before);
}

static void a_value_that_is_cut_says_so(void)
{
	static const struct {
		const char *option, *written;
	} cases[] = {
		{"name=alpha", "\"alpha\""},
		{"name=alphabet", "\"alphabet\""},
		{"name=alphabets", "\"alphab..."},
		{"name=a rather long name", "\"a rath..."},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char written[11];
		struct settings settings = with_option(cases[i].option);
		settings_format(&settings, SETTING_NAME, written, sizeof written);
		EXPECT(strcmp(written, cases[i].written) == 0, "%s: %s", cases[i].option, written);
		settings_fini(&settings);
	}
}

/* In a process of its own, whose host name is changed. */
static void the_longest_host_name_is_a_name(void)
{
	static const char longest[] = "a-host-name-of-64-bytes.with-dots.and-more-of-it.as-long-as-can-";
	_Static_assert(sizeof longest - 1 == HOST_NAME_MAX, "it is the longest");
	enum { SAME, DIFFERENT, NOT_ALLOWED };
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		struct settings settings;
		if (unshare(CLONE_NEWUTS) != 0 || sethostname(longest, sizeof longest - 1) != 0)
			_exit(NOT_ALLOWED);
		_exit(settings_init(&settings) && strcmp(settings.texts->name, longest) == 0 ? SAME : DIFFERENT);
	}
	CU_ASSERT_FATAL(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_ALLOWED)
		puts("left out: only root can give this host another name");
	else
		CU_ASSERT_EQUAL(WEXITSTATUS(status), SAME);
}

static void a_copy_is_one_of_its_own(void)
{
	struct settings settings, copy;
	struct problem problem;
	char value[256];
	static const char *const options[] = {"name=alpha",
					      "bootstrap=a:1,b:2",
					      "allow=10.0.0.0/8",
					      "max_inbound=7",
					      "listen=127.0.0.1:1,127.0.0.1:2",
					      "tags=role=db,rack 7"};
	CU_ASSERT_TRUE_FATAL(settings_init(&settings));
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		EXPECT(settings_set_option(&settings, options[i], &problem), "%s", problem.text);
	CU_ASSERT_TRUE(settings_copy(&copy, &settings));
	settings_fini(&settings);
	CU_ASSERT_EQUAL(copy.max_inbound, 7);
	CU_ASSERT_STRING_EQUAL(copy.texts->name, "alpha");
	CU_ASSERT_STRING_EQUAL(copy.texts->where[SETTING_NAME], "-o name");
	CU_ASSERT_PTR_NULL(copy.texts->where[SETTING_NETWORK]);
	settings_format(&copy, SETTING_BOOTSTRAP, value, sizeof value);
	CU_ASSERT_STRING_EQUAL(value, "[\"a:1\", \"b:2\"]");
	settings_format(&copy, SETTING_LISTEN, value, sizeof value);
	CU_ASSERT_STRING_EQUAL(value, "[\"127.0.0.1:1\", \"127.0.0.1:2\"]");
	settings_format(&copy, SETTING_TAGS, value, sizeof value);
	CU_ASSERT_STRING_EQUAL(value, "[\"role=db\", \"rack 7\"]");
	settings_fini(&copy);
}

static void a_setting_is_set_live(void)
{
	struct settings settings;
	struct problem problem;
	enum setting_id setting = SETTING_COUNT;
	CU_ASSERT_TRUE_FATAL(settings_init(&settings));
	CU_ASSERT_TRUE(settings_set_live(&settings, "max_inbound=7", &setting, &problem));
	CU_ASSERT_EQUAL(setting, SETTING_MAX_INBOUND);
	CU_ASSERT_STRING_EQUAL(settings.texts->where[SETTING_MAX_INBOUND], "set max_inbound");
	settings_fini(&settings);
	CU_ASSERT_TRUE_FATAL(settings_init(&settings));
	CU_ASSERT_FALSE(settings_set_live(&settings, "max_inbound=many", &setting, &problem));
	CU_ASSERT_EQUAL(strncmp(problem.text, "set max_inbound: ", 17), 0);
	settings_fini(&settings);
	CU_ASSERT_TRUE(setting_needs_restart(SETTING_NETWORK));
	CU_ASSERT_FALSE(setting_needs_restart(SETTING_MAX_INBOUND));
}

static CU_TestInfo tests[] = {
	{"without a file everything is at its default", without_a_file_everything_is_at_its_default},
	{"a file that says nothing changes nothing", a_file_that_says_nothing_changes_nothing},
	{"the documented defaults are the defaults", the_documented_defaults_are_the_defaults},
	{"an option sets a number with or without a fraction", an_option_sets_a_number_with_or_without_a_fraction},
	{"an option that is no good number is refused", an_option_that_is_no_good_number_is_refused},
	{"an option sets text without quotes", an_option_sets_text_without_quotes},
	{"an option that is no good text is refused", an_option_that_is_no_good_text_is_refused},
	{"what is no setting with a value is refused", what_is_no_setting_with_a_value_is_refused},
	{"the name of the host stands for an empty name", the_name_of_the_host_stands_for_an_empty_name},
	{"the longest host name is a name", the_longest_host_name_is_a_name},
	{"an option beats the file, a listen address replaces, a bootstrap adds",
	 an_option_beats_the_file_and_a_listen_address_replaces_and_a_bootstrap_adds},
	{"a back-off that ends below its start is refused", a_back_off_that_ends_below_its_start_is_refused},
	{"a nodeid is kept only where there is a directory", a_nodeid_is_kept_only_where_there_is_a_directory},
	{"without a mode a nodeid is kept where there is a directory",
	 without_a_mode_a_nodeid_is_kept_where_there_is_a_directory},
	{"a time to share within that healthy peers exceed is refused",
	 a_time_to_share_within_that_healthy_peers_exceed_is_refused},
	{"a path has its limits", a_path_has_its_limits},
	{"a secret in place of its file is not shown", a_secret_in_place_of_its_file_is_not_shown},
	{"what is written of a setting is read back the same", what_is_written_of_a_setting_is_read_back_the_same},
	{"the defaults are written as they are documented", the_defaults_are_written_as_they_are_documented},
	{"the longest list is written whole", the_longest_list_is_written_whole},
	{"a running node takes over all but what needs a restart",
	 a_running_node_takes_over_all_but_what_needs_a_restart},
	{"what differs is taken over, and nothing else", what_differs_is_taken_over_and_nothing_else},
	{"a value that is cut says so", a_value_that_is_cut_says_so},
	{"with a secret the default is to listen everywhere", with_a_secret_the_default_is_to_listen_everywhere},
	{"a node that other machines cannot dial is told so", a_node_that_other_machines_cannot_dial_is_told_so},
	{"a copy is one of its own", a_copy_is_one_of_its_own},
	{"a setting is set live", a_setting_is_set_live},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_settings = {.pName = "settings",
			       .pInitFunc = some_settings_set_up,
			       .pCleanupFunc = some_settings_tear_down,
			       .pTests = tests};
