#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"
#include "some_settings.h"
#include "unit/suites.h"

static bool nodeid_is(const struct nodeid *nodeid, const char *text)
{
	char formatted[NODEID_TEXT_BYTES];
	nodeid_format(nodeid, formatted);
	return strcmp(formatted, text) == 0;
}

static void a_file_sets_every_setting(void)
{
	struct settings settings = read_good("# don't stop at a quote: \"\n"
					     "listen = [ \"0.0.0.0:5999\", \"[::]:5999\" ];\n"
					     "listen_retry = false;\n"
					     "advertise = \"192.0.2.7:6000\";\n"
					     "bootstrap = ( \"node.example\", \"192.0.2.9:7000\" );\n"
					     "network = \"caf\xc3\xa9\";\n"
					     "name : \"alpha\"\n"
					     "nodeid = \"1A2B3C4D-5e6f-4a7b-8c9d-0e1f2a3b4c5d\";\n"
					     "state_dir = \"/var/lib/kith\"; save_interval = 0.5;\n"
					     "user = \"nobody\";\n"
					     "max_outbound = 0; max_inbound = 1000000; max_dialing = 1L;\n"
					     "max_parked = 0; max_addresses = 256;\n"
					     "ping_interval = 0.25;\n"
					     "ping_timeout = 5;\n"
					     "connect_timeout = 1e1;\n"
					     "handshake_timeout = 0.01;\n"
					     "share_within = 86400;\n"
					     "retry_min = 0.123456;\n"
					     "retry_max = 86400.0;\n"
					     "log_level = \"debug\"; log_format = \"json\"");
	CU_ASSERT_EQUAL_FATAL(settings.listen_count, 2);
	CU_ASSERT(address_is(&settings.listen[0], "0.0.0.0:5999"));
	CU_ASSERT(address_is(&settings.listen[1], "[::]:5999"));
	CU_ASSERT_FALSE(settings.listen_retry);
	CU_ASSERT(address_is(&settings.texts->advertise, "192.0.2.7:6000"));
	CU_ASSERT_EQUAL_FATAL(settings.texts->bootstrap_count, 2);
	CU_ASSERT_STRING_EQUAL(settings.texts->bootstrap[0].host, "node.example");
	CU_ASSERT_EQUAL(settings.texts->bootstrap[0].port, 5999);
	CU_ASSERT_FALSE(address_is_known(&settings.texts->bootstrap[0].address));
	CU_ASSERT(address_is(&settings.texts->bootstrap[1].address, "192.0.2.9:7000"));
	CU_ASSERT_STRING_EQUAL(settings.network, "caf\xc3\xa9");
	CU_ASSERT_STRING_EQUAL(settings.texts->name, "alpha");
	CU_ASSERT_EQUAL(settings.nodeid_mode, NODEID_GIVEN);
	CU_ASSERT(nodeid_is(&settings.nodeid, "1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d"));
	CU_ASSERT_STRING_EQUAL(settings.state_dir, "/var/lib/kith");
	CU_ASSERT_EQUAL(settings.save_interval_us, 500000);
	CU_ASSERT_STRING_EQUAL(settings.user, "nobody");
	CU_ASSERT_EQUAL(settings.max_outbound, 0);
	CU_ASSERT_EQUAL(settings.max_inbound, 1000000);
	CU_ASSERT_EQUAL(settings.max_dialing, 1);
	CU_ASSERT_EQUAL(settings.max_parked, 0);
	CU_ASSERT_EQUAL(settings.max_addresses, 256);
	CU_ASSERT_EQUAL(settings.ping_interval_us, 250000);
	CU_ASSERT_EQUAL(settings.ping_timeout_us, 5000000);
	CU_ASSERT_EQUAL(settings.connect_timeout_us, 10000000);
	CU_ASSERT_EQUAL(settings.handshake_timeout_us, 10000);
	CU_ASSERT_EQUAL(settings.share_within_us, INT64_C(86400000000));
	CU_ASSERT_EQUAL(settings.retry_min_us, 123456);
	CU_ASSERT_EQUAL(settings.retry_max_us, INT64_C(86400000000));
	CU_ASSERT_EQUAL(settings.log_level, LOG_DEBUG);
	CU_ASSERT_EQUAL(settings.log_format, LOG_JSON);
	settings_fini(&settings);
}

static void an_error_names_the_line_whatever_stands_before_it(void)
{
	static const struct {
		const char *before;
		int line;
	} cases[] = {
		{"", 1},
		{"\n\n\n", 4},
		{"# a comment\n", 2},
		{"# isn't \"closed\n", 2},
		{"// neither \"is this\n\n", 3},
		{"/* \"nor\n this' */\n", 3},
		{"/* one\n two\n three */ ", 3},
		{"network = \"kith\"; ", 1},
		{"network = \"kith\"; # the 'default\"\n", 2},
		{"name = \"a # is no comment\"; // but \"this is\n", 2},
		{"listen = [\n\t\"127.0.0.1:1\", # one\n\n\t\"127.0.0.1:2\" // \"two\n];\n", 6},
		{"bootstrap = (\n\"node.example\"\n)\n", 4},
		{"network\n=\n\"kith\"\n;\n", 5},
		{"network = \"ki\"\n \"th\";\n", 3},
		{"name = \"a\";\r\nnetwork = \"b\";\r\n", 3},
	};
	static const struct {
		const char *text;
		const char *says;
	} errors[] = {
		{"ping_timeout = -1;\n", "ping_timeout"},
		{"ping_timeout = -1;\nmax_dialing = 0;\n", "ping_timeout"},
		{"retry_min\n=\n\"soon\"\n;\n", "retry_min"},
		{"advertise = \"nowhere\";", "advertise"},
		{"speed = 7;", "speed"},
		{"max_inbound = = 7;", "expected NAME = VALUE"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (size_t j = 0; j < sizeof errors / sizeof *errors; j++) {
			char text[512];
			snprintf(text, sizeof text, "%s%s", cases[i].before, errors[j].text);
			expect_bad_file(text, cases[i].line, errors[j].says, "");
		}
	}
}

static void a_list_over_several_lines_is_named_by_its_first(void)
{
	expect_bad_file("# one\nlisten = [\n\t\"127.0.0.1:1\",\n\t\"nowhere\"\n];\n", 2, "nowhere", "write");
	expect_bad_file("bootstrap = (\n\"a\",\n\"b\",\n\n7);\n", 1, "bootstrap element 3", "text in double quotes");
}

static void a_file_cant_include_another(void)
{
	expect_bad_file("# @include in a comment\nname = \"@include\";\n@include \"other.conf\"\n", 3, "include",
			"into this one");
	expect_bad_file("/* two\nlines */ @include \"/\"\n", 2, "include", "into this one");
}

static void a_value_of_the_wrong_type_is_refused_with_what_would_be_right(void)
{
	static const struct {
		enum setting_id setting;
		const char *values; /* wrong ones, separated by spaces */
		const char *right;
	} cases[] = {
		{SETTING_LISTEN, "7 7.5 true \"127.0.0.1:1\" {} [7] [true] (\"127.0.0.1:1\",7) ([\"127.0.0.1:1\"])",
		 "a list of at most 256 addresses, as in [\"127.0.0.1:5999\"]"},
		{SETTING_LISTEN_RETRY, "7 0 1 7.5 \"true\" [true] {}", "true or false"},
		{SETTING_ADVERTISE, "7 7.5 true [\"192.0.2.7:1\"] (\"192.0.2.7:1\") {}", "as in \"192.0.2.7:5999\""},
		{SETTING_BOOTSTRAP, "7 7.5 true \"node.example\" {} [7] (\"node.example\",7)",
		 "a list of at most 256 addresses, as in [\"node.example:5999\"]"},
		{SETTING_NETWORK, "7 7.5 true [\"kith\"] {} () \"\"", "a text of 1 to 64 bytes"},
		{SETTING_SECRET_FILE, "7 true [\"/etc/kith/secret\"] {} \"/a\\nb\" \"/" X64 X64 X64 X64 "\"",
		 "an absolute path of at most 255 bytes without control characters, as in \"/etc/kith/secret\""},
		{SETTING_NAME, "7 7.5 true [\"alpha\"] {} ()", "a text of at most 64 bytes"},
		{SETTING_TAGS, "7 7.5 true \"role=db\" {} [7]", "at most 16 texts, as in [\"role=db\", "},
		{SETTING_NODEID,
		 "7 true [\"keep\"] {} \"\" \"Keep\" \"1a2b3c4d\" \"00000000-0000-0000-0000-000000000000\"",
		 "\"auto\", \"keep\", \"session\" or a UUID, as in \"1a2b3c4d-"},
		{SETTING_STATE_DIR, "7 true [\"/var/lib/kith\"] {} \"/a\\nb\" \"/" X64 X64 X64 X64 "\"",
		 "an absolute path of at most 255 bytes"},
		{SETTING_SAVE_INTERVAL, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_USER, "7 true [\"nobody\"] {} \"no\\nbody\" \"" X64 "x\"",
		 "the name of a user, as in \"nobody\""},
		{SETTING_MAX_OUTBOUND, "\"7\" true [7] {} 7.5 -1 1000001 1e999", "a whole number from 0 to 1000000"},
		{SETTING_MAX_INBOUND, "\"7\" true [7] {} 7.5 -1 1000001 1e999", "a whole number from 0 to 1000000"},
		{SETTING_MAX_DIALING, "\"7\" true [7] {} 7.5 -1 0 1000001", "a whole number from 1 to 1000000"},
		{SETTING_MAX_PARKED, "\"7\" true [7] {} 7.5 -1 1000001", "a whole number from 0 to 1000000"},
		{SETTING_MAX_ADDRESSES, "\"7\" true [7] {} 256.5 -1 255 1000001", "a whole number from 256 to 1000000"},
		{SETTING_MAX_CONNECTIONS, "\"7\" true [7] {} 7.5 -1 1000001",
		 "a whole number from 1 to 1000000, or 0 for no limit"},
		{SETTING_MAX_HANDSHAKES, "\"7\" true [7] {} 7.5 -1 1000001", "from 1 to 1000000, or 0 for no limit"},
		{SETTING_MAX_PER_ADDRESS, "\"7\" true [7] {} 7.5 -1 1000001", "from 1 to 1000000, or 0 for no limit"},
		{SETTING_MAX_PER_GROUP, "\"7\" true [7] {} 7.5 -1 1000001", "from 1 to 1000000, or 0 for no limit"},
		{SETTING_MAX_MESSAGE_RATE, "\"7\" true [7] {} 7.5 -1 1000001", "from 1 to 1000000, or 0 for no limit"},
		{SETTING_MAX_BYTE_RATE, "\"7\" true [7] {} 7.5 -1 1e10", "from 1 to 1000000000, or 0 for no limit"},
		{SETTING_MAX_OUTBOX, "\"7\" true [7] {} 131072.5 -1 131071 1e10",
		 "from 131072 to 1000000000, or 0 for no limit"},
		{SETTING_BAN_AFTER, "\"7\" true [7] {} 7.5 -1 65", "from 1 to 64, or 0 for no limit"},
		{SETTING_BAN_TIME, "\"60\" true [60] {} 0.001 -1 86401",
		 "a number of seconds from 0.01 to 86400, or 0 to ban nobody"},
		{SETTING_ALLOW, "7 7.5 true \"10.0.0.0/8\" {} [7]", "at most 256 blocks of addresses, as in"},
		{SETTING_DENY, "7 7.5 true \"10.0.0.0/8\" {} [7]", "at most 256 blocks of addresses, as in"},
		{SETTING_PROBE_INTERVAL, "\"1\" true [1] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_SILENT_AFTER, "\"5\" true [5] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_PING_INTERVAL, "\"60\" true [60] {} 0 0.0099 -1 -0.5 86400.01 86401 1e999 -1e999",
		 "a number of seconds from 0.01 to 86400"},
		{SETTING_PING_TIMEOUT, "\"60\" true [60] {} 0 0.0099 -1 86401",
		 "a number of seconds from 0.01 to 86400"},
		{SETTING_MAX_NODES, "\"7\" true [7] {} 7.5 -1 16385", "a whole number from 0 to 16384"},
		{SETTING_REPORT_RATE, "\"7\" true [7] {} 1024.5 -1 0 1023 1e10",
		 "a whole number from 1024 to 1000000000"},
		{SETTING_FORGET_AFTER, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_CONNECT_TIMEOUT, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_HANDSHAKE_TIMEOUT, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_SHARE_WITHIN, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_RETRY_MIN, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_FEELER_INTERVAL, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_RETRY_MAX, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_LOG_LEVEL, "2 true [\"info\"] {} \"\" \"INFO\" \"verbose\" \"inf\" \"information\"",
		 "one of \"error\", \"warning\", \"info\", \"debug\""},
		{SETTING_LOG_FORMAT, "1 true [\"json\"] {} \"\" \"JSON\" \"js\"", "\"text\" or \"json\""},
		{SETTING_CONTROL, "7 true [\"auto\"] {} \"kith.sock\" \"/a\\nb\" \"/" X64 X64 "\"", "path"},
		{SETTING_CONTROL_GROUP, "7 true [\"kith\"] {} \"ki\\nth\" \"" X64 "x\"",
		 "the name of a group, as in \"kith\""},
		{SETTING_MAX_CONTROLS, "\"7\" true [7] {} 7.5 -1 0 1000001", "a whole number from 1 to 1000000"},
		{SETTING_JOURNAL_EVENTS, "\"7\" true [7] {} 7.5 -1 1000001", "a whole number from 0 to 1000000"},
	};
	CU_ASSERT_EQUAL(sizeof cases / sizeof *cases, SETTING_COUNT);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char values[512], text[512];
		const char *name = setting_name(cases[i].setting);
		strcpy(values, cases[i].values);
		for (char *rest = values, *value; (value = strsep(&rest, " ")) != NULL;) {
			snprintf(text, sizeof text, "\n%s = %s;\n", name, value);
			expect_bad_file(text, 2, name, cases[i].right);
		}
	}
}

#define TAGS_15 "\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\""

static void tags_are_few_and_short(void)
{
	static const struct {
		const char *tags, *says;
	} cases[] = {
		{"\"\"", "tags element 1 must be 1 to 64 bytes of UTF-8 without control characters"},
		{"\"a\", \"b\\nc\"", "tags element 2 must be 1 to 64 bytes"},
		{"\"a\", \"\xff\"", "tags element 2 must be 1 to 64 bytes"},
		{"\"" X64 "x\"", "tags element 1 must be 1 to 64 bytes"},
		{"\"a\", \"b\", \"a\"", "tags: \"a\" is listed twice: remove one"},
		{TAGS_15 ", \"16\", \"17\"", "tags has 17 entries: write at most 16"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[256];
		snprintf(text, sizeof text, "tags = [%s];\n", cases[i].tags);
		expect_bad_file(text, 1, cases[i].says, "");
	}
	struct settings settings = read_good("tags = [" TAGS_15 ", \"" X64 "\"];\n");
	CU_ASSERT_EQUAL(settings.texts->tag_count, 16);
	CU_ASSERT_STRING_EQUAL(settings.texts->tags[15], X64);
	settings_fini(&settings);
}

static void a_number_that_no_integer_holds_is_refused(void)
{
	/* Each would be a good value if its upper bits were cut off. */
	expect_bad_file("max_outbound = 4294967360;\n", 1, "4294967360 is too large", "1000000");
	expect_bad_file("# 1\nmax_inbound = 18446744073709551617L;\n", 2, "18446744073709551617L is too large",
			"1000000");
	expect_bad_file("ping_interval = -4294967356;\n", 1, "-4294967356 is too large", "1000000");
	expect_bad_file("max_outbound = 0x100000040;\n", 1, "0x100000040 is too large", "1000000");
	expect_bad_file("max_outbound = 0X1000000000000000040L;\n", 1, "0X1000000000000000040L is too large",
			"1000000");
	expect_bad_file("max_outbound = 0xffffffff;\n", 1, "0xffffffff is too large", "1000000");
}

static void a_number_has_one_meaning(void)
{
	struct settings settings = read_good("max_outbound = 0x40; max_inbound = 0X00000040L; max_dialing = 7LL;");
	CU_ASSERT_EQUAL(settings.max_outbound, 64);
	CU_ASSERT_EQUAL(settings.max_inbound, 64);
	CU_ASSERT_EQUAL(settings.max_dialing, 7);
	settings_fini(&settings);
	expect_bad_file("max_outbound = 010;\n", 1, "010: write", "without a leading zero");
	expect_bad_file("max_outbound = -010L;\n", 1, "-010L: write", "without a leading zero");
	expect_bad_file("\nmax_outbound = 0b101;\n", 2, "0b101: write", "in decimal");
	expect_bad_file("\nmax_outbound = 0o17;\n", 2, "0o17: write", "in decimal");
	settings = read_good("name = \"010 0b1 0x100000040\"; # 010\nping_interval = 007.5;");
	CU_ASSERT_EQUAL(settings.ping_interval_us, 7500000);
	settings_fini(&settings);
}

static void nan_and_infinity_are_no_numbers_in_a_file(void)
{
	static const char *const values[] = {"nan", "NaN", "inf", "-inf", "infinity"};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		char text[64];
		snprintf(text, sizeof text, "ping_interval = %s;\n", values[i]);
		expect_bad_file(text, 1, "ping_interval must be", "a number of seconds");
	}
}

static void text_of_a_file_has_its_limits(void)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"name = \"" X64 "\";", true},
		{"network = \"" X64 "\";", true},
		{"name = \"\xf0\x9f\x98\x80 and \\\"quotes\\\"\";", true},
		{"name = \"" X64 "x\";", false},
		{"network = \"" X64 "x\";", false},
		{"name = \"a\\nb\";", false},
		{"name = \"\\x1b[2J\";", false},
		{"name = \"\xff\";", false},
		{"network = \"\xc3\";", false},
		{"network = \"\x7f\";", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (cases[i].good) {
			struct settings settings = read_good(cases[i].text);
			settings_fini(&settings);
		} else {
			expect_bad_file(cases[i].text, 1, "must be a text of", "UTF-8 without control characters");
		}
	}
}

static void what_is_not_libconfig_is_refused_with_its_line(void)
{
	static const struct {
		const char *text;
		int line;
		const char *says;
	} cases[] = {
		{"listen;\n", 1, "expected NAME = VALUE; as in name = \"alpha\";"},
		{"name = alpha;\n", 1, "name = alpha: text needs double quotes: name = \"alpha\";"},
		{"state_dir = /var/lib/kith;\n", 1, "text needs double quotes: state_dir = \"/var/lib/kith\";"},
		{"max_inbound 7;\n", 1, "expected NAME = VALUE"},
		{"\n= 7;\n", 2, "expected NAME = VALUE"},
		{"}\n", 1, "expected NAME = VALUE"},
		{"listen = [\"127.0.0.1:1\";\n", 1, "expected NAME = VALUE"},
		{"listen = [\"127.0.0.1:1\", ];\n", 1, "a comma before ] is not allowed"},
		{"listen = [\n\"127.0.0.1:1\",\n];\n", 3, "a comma before ] is not allowed"},
		{"ping_interval = 60s;\n", 1, "ping_interval must be a number of seconds"},
		{"bootstrap = node.example;\n", 1, "bootstrap must be a list"},
		{"ping-interval = 60;\n", 1, "there is no setting \"ping-interval\""},
		{"ping_interval = \"5s\";\n", 1, "ping_interval: \"5s\" is not a number of seconds"},
		{"ping_interval = \"5s\";\n", 1, ": write 5"},
		{"name = \"a\";\nname = \"b\";\n", 2, "duplicate"},
		{"listen = [\"127.0.0.1:1\", 7];\n", 1, "must be text in double quotes"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_bad_file(cases[i].text, cases[i].line, cases[i].says, "");
}

/* Whatever follows: libconfig names the line where it notices. */
static void an_unfinished_line_is_named_itself(void)
{
	static const char *const unfinished[] = {
		"ping_interval 7;",
		"ping_interval",
		"ping_interval = ;",
		"ping_interval =",
		"ping_interval = ,",
		"listen = [\"127.0.0.1:1\"",
		"listen = [\"127.0.0.1:1\",",
		"listen = [",
		"listen = [\"127.0.0.1:1\", ];",
		"= 7;",
		"name = \"alpha;",
		"name = \"alpha",
		"name = \"al\\\"pha;",
		"network = ki\"th\";",
		"/* name = \"alpha\";",
		"]",
		"name = alpha # a comment",
	};
	static const char *const after[] = {"",
					    "\n",
					    "\n\n# a comment\n",
					    "\nping_timeout = 5;\n",
					    "\nstate_dir = \"\";\nuser = \"\";\n",
					    "\n// a comment\nallow = [];\n\n"};
	for (size_t i = 0; i < sizeof unfinished / sizeof *unfinished; i++) {
		for (size_t j = 0; j < sizeof after / sizeof *after; j++) {
			char text[256];
			snprintf(text, sizeof text, "%s%s", unfinished[i], after[j]);
			expect_bad_file(text, 1, "", "");
			snprintf(text, sizeof text, "retry_min = 2;\nretry_max = 9;\n\n%s%s", unfinished[i], after[j]);
			expect_bad_file(text, 4, "", "");
		}
	}
	expect_bad_file("network = \"kith\";\nname = \"alpha;\n", 2, "a text has no end", "write \" after it");
	expect_bad_file("\n/* name = \"alpha\";\n", 2, "the comment that begins here has no end", "write */");
	expect_bad_file("listen = [\n\"127.0.0.1:1\",\nhere\n];\n", 3, "syntax error", "");
}

static void an_unknown_setting_gets_a_suggestion_where_one_is_near(void)
{
	static const struct {
		const char *name;
		const char *suggestion; /* NULL: none is near */
	} cases[] = {
		{"listn", "listen"},
		{"Listen", "listen"},
		{"bootstraps", "bootstrap"},
		{"ping_intervall", "ping_interval"},
		{"pingtimeout", "ping_timeout"},
		{"loglevel", "log_level"},
		{"max_outbounds", "max_outbound"},
		{"retry_mim", "retry_min"},
		{"colour", NULL},
		{"a_name_that_is_a_good_deal_longer_than_any_of_the_settings_that_there_are", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[128], says[64];
		const char *suggestion = cases[i].suggestion;
		if (suggestion == NULL)
			strcpy(says, "kith.conf(5)");
		else
			snprintf(says, sizeof says, "did you mean \"%s\"?", suggestion);
		snprintf(text, sizeof text, "\n%s = 7;\n", cases[i].name);
		expect_bad_file(text, 2, "there is no setting", says);
		snprintf(text, sizeof text, "%s=7", cases[i].name);
		expect_bad_option(text, "-o", "there is no setting", says);
	}
}

static void a_file_that_cannot_be_read_is_named_with_the_reason(void)
{
	char missing[PATH_BYTES], below[PATH_BYTES + 8];
	snprintf(missing, sizeof missing, "%s/missing.conf", some_directory);
	snprintf(below, sizeof below, "%s/x", some_path);
	write_text(some_path, "name = \"alpha\";\n");
	const struct {
		const char *name;
		int reason;
	} cases[] = {
		{missing, ENOENT}, {below, ENOTDIR}, {some_directory, EISDIR}, {"/proc/self/mem", EIO}, {"", ENOENT},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct settings settings;
		struct problem problem = {.text = ""};
		settings_init(&settings);
		EXPECT(!settings_read_file(&settings, cases[i].name, never, &problem), "%s", cases[i].name);
		expect_error(problem.text, "cannot read ", cases[i].name, strerror(cases[i].reason));
		settings_fini(&settings);
	}
}

static void a_file_that_others_may_not_read_is_refused(void)
{
	struct settings settings;
	struct problem problem = {.text = ""};
	write_text(some_path, "name = \"alpha\";\n");
	CU_ASSERT_EQUAL(chmod(some_path, 0), 0);
	settings_init(&settings);
	/* The superuser reads it all the same. */
	if (access(some_path, R_OK) != 0) {
		CU_ASSERT_FALSE(settings_read_file(&settings, some_path, never, &problem));
		expect_error(problem.text, "cannot read ", some_path, strerror(EACCES));
		EXPECT(strstr(problem.text, "as with sudo -u kithd") != NULL, "%s", problem.text);
	}
	settings_fini(&settings);
	CU_ASSERT_EQUAL(unlink(some_path), 0);
}

static void a_file_with_a_nul_byte_is_no_text_file(void)
{
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{"\0", 1},
		{"name = \"alpha\";\n\0", 17},
		{"name = \"alpha\";\n\0garbage", 24},
		{"name = \"al\0pha\";\n", 17},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct settings settings;
		struct problem problem = {.text = ""};
		write_bytes(some_path, cases[i].bytes, cases[i].length);
		settings_init(&settings);
		EXPECT(!settings_read_file(&settings, some_path, never, &problem), "case %zu", i);
		expect_error(problem.text, "cannot read ", some_path, "NUL");
		settings_fini(&settings);
	}
}

static void a_byte_order_mark_is_passed_over(void)
{
	struct settings settings = read_good("\xef\xbb\xbfname = \"alpha\";\r\n");
	CU_ASSERT_STRING_EQUAL(settings.texts->name, "alpha");
	settings_fini(&settings);
	expect_bad_file("\xef\xbb\xbf\nmax_inbound = -1;\n", 2, "max_inbound", "");
}

/* Of settings_read_file for this path: "" if it is good. */
static const char *error_of(const char *path, bool (*interrupted)(void))
{
	static struct problem problem;
	struct settings settings;
	settings_init(&settings);
	problem_set(&problem, "%s", "");
	EXPECT(settings_read_file(&settings, path, interrupted, &problem) == (problem.text[0] == '\0'), "%s",
	       problem.text);
	settings_fini(&settings);
	return problem.text;
}

static void a_file_in_utf_16_is_named(void)
{
	write_bytes(some_path, "\xff\xfen\0a\0", 6);
	CU_ASSERT_PTR_NOT_NULL(strstr(error_of(some_path, never), "UTF-16: save it as UTF-8"));
}

static bool at_once(void)
{
	return true;
}

static void a_start_waits_for_a_pipe_and_can_be_stopped(void)
{
	static const char bad[] = "name = \"alpha\";\nmax_inbound = -1;\n";
	char fifo[PATH_BYTES], path[32];
	int ends[2];
	snprintf(fifo, sizeof fifo, "%s/fifo", some_directory);
	CU_ASSERT_EQUAL_FATAL(mkfifo(fifo, 0600), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(error_of(fifo, at_once), "was stopped while it waited"));
	pid_t writer = fork();
	if (writer == 0) {
		int fd = open(fifo, O_WRONLY);
		_exit(fd < 0 || write(fd, bad, sizeof bad - 1) < 0 ? 1 : 0);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(error_of(fifo, never), "fifo:2: max_inbound"));
	CU_ASSERT_EQUAL(waitpid(writer, NULL, 0), writer);

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
	CU_ASSERT_EQUAL(write(ends[1], bad, sizeof bad - 1), sizeof bad - 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(error_of(path, at_once), "was stopped while it waited"));
	close(ends[1]);
	CU_ASSERT_PTR_NOT_NULL(strstr(error_of(path, never), "its writer wrote nothing"));
	close(ends[0]);
}

static void a_running_node_reads_only_a_regular_file(void)
{
	char fifo[PATH_BYTES];
	snprintf(fifo, sizeof fifo, "%s/fifo", some_directory);
	CU_ASSERT_PTR_NOT_NULL(strstr(error_of(fifo, NULL), "only a regular file"));
	CU_ASSERT_PTR_NOT_NULL(strstr(error_of("/dev/null", NULL), "only a regular file"));
	CU_ASSERT_STRING_EQUAL(error_of("/dev/null", never), "");
	write_text(some_path, "\xef\xbb\xbf \n");
	CU_ASSERT_STRING_EQUAL(error_of(some_path, never), "");
	write_text(some_path, " \r\n\t\n");
	CU_ASSERT_STRING_EQUAL(error_of(some_path, never), "");
	CU_ASSERT_STRING_EQUAL(error_of(some_path, NULL), "");
	write_text(some_path, "# all at its default\n");
	CU_ASSERT_STRING_EQUAL(error_of(some_path, NULL), "");
}

static void a_file_has_at_most_1_mib(void)
{
	static const char good[] = "\nname = \"alpha\";";
	char *text = malloc(SETTINGS_FILE_BYTES + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, '#', SETTINGS_FILE_BYTES + 1);
	memcpy(text + SETTINGS_FILE_BYTES - (sizeof good - 1), good, sizeof good - 1);
	for (size_t extra = 0; extra < 2; extra++) {
		struct settings settings;
		struct problem problem = {.text = ""};
		write_bytes(some_path, text, SETTINGS_FILE_BYTES + extra);
		settings_init(&settings);
		EXPECT(settings_read_file(&settings, some_path, never, &problem) == (extra == 0), "%zu: %s", extra,
		       problem.text);
		if (extra == 0)
			EXPECT(strcmp(settings.texts->name, "alpha") == 0, "%s", settings.texts->name);
		else
			expect_error(problem.text, "cannot read ", some_path, "1 MiB");
		settings_fini(&settings);
	}
	free(text);
}

static void an_error_in_a_file_far_below_names_its_line(void)
{
	struct settings settings;
	struct problem problem = {.text = ""};
	char below[PATH_BYTES], name[PATH_BYTES + 128], where[PATH_BYTES + 256];
	snprintf(below, sizeof below, "%s/" X64 X64 X64, some_directory);
	CU_ASSERT_EQUAL_FATAL(mkdir(below, 0700), 0);
	snprintf(name, sizeof name, "%s/" X64 ".conf", below);
	snprintf(where, sizeof where, "%s:2: ", name);
	write_text(name, "\nmax_inbound = -1;\n");
	settings_init(&settings);
	CU_ASSERT_FALSE(settings_read_file(&settings, name, never, &problem));
	expect_error(problem.text, where, "max_inbound", "from 0 to 1000000");
	settings_fini(&settings);
}

static void an_error_names_the_setting_even_if_the_file_begins_with_a_hyphen(void)
{
	struct settings settings;
	struct problem problem = {.text = ""};
	int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_FATAL(home >= 0 && chdir(some_directory) == 0);
	write_text("-o.conf", "max_inbound = -1;\n");
	settings_init(&settings);
	CU_ASSERT_FALSE(settings_read_file(&settings, "-o.conf", never, &problem));
	expect_error(problem.text, "-o.conf:1: ", "max_inbound", "from 0 to 1000000");
	settings_fini(&settings);
	CU_ASSERT_EQUAL(fchdir(home), 0);
	close(home);
}

static CU_TestInfo tests[] = {
	{"a file sets every setting", a_file_sets_every_setting},
	{"an error names the line, whatever stands before it", an_error_names_the_line_whatever_stands_before_it},
	{"a list over several lines is named by its first", a_list_over_several_lines_is_named_by_its_first},
	{"a file can't include another", a_file_cant_include_another},
	{"a value of the wrong type is refused with what would be right",
	 a_value_of_the_wrong_type_is_refused_with_what_would_be_right},
	{"tags are few and short", tags_are_few_and_short},
	{"a number that no integer holds is refused", a_number_that_no_integer_holds_is_refused},
	{"a number has one meaning", a_number_has_one_meaning},
	{"an unfinished line is named itself", an_unfinished_line_is_named_itself},
	{"a byte order mark is passed over", a_byte_order_mark_is_passed_over},
	{"a file in UTF-16 is named", a_file_in_utf_16_is_named},
	{"a start waits for a pipe and can be stopped", a_start_waits_for_a_pipe_and_can_be_stopped},
	{"a running node reads only a regular file", a_running_node_reads_only_a_regular_file},
	{"NaN and infinity are no numbers in a file", nan_and_infinity_are_no_numbers_in_a_file},
	{"text of a file has its limits", text_of_a_file_has_its_limits},
	{"what is not libconfig is refused with its line", what_is_not_libconfig_is_refused_with_its_line},
	{"an unknown setting gets a suggestion where one is near",
	 an_unknown_setting_gets_a_suggestion_where_one_is_near},
	{"a file that cannot be read is named with the reason", a_file_that_cannot_be_read_is_named_with_the_reason},
	{"a file that others may not read is refused", a_file_that_others_may_not_read_is_refused},
	{"a file with a NUL byte is no text file", a_file_with_a_nul_byte_is_no_text_file},
	{"a file has at most 1 MiB", a_file_has_at_most_1_mib},
	{"an error in a file far below names its line", an_error_in_a_file_far_below_names_its_line},
	{"an error names the setting even if the file begins with a hyphen",
	 an_error_names_the_setting_even_if_the_file_begins_with_a_hyphen},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_settings_file = {.pName = "settings_file",
				    .pInitFunc = some_settings_set_up,
				    .pCleanupFunc = some_settings_tear_down,
				    .pTests = tests};
