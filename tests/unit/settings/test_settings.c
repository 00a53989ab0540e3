#include "settings/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "runner.h"
#include "unit/suites.h"

enum { PATH_BYTES = 512 };

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16

static char directory[64];
static char path[PATH_BYTES]; /* of the file that the tests write and read */

static int set_up(void)
{
	const char *parent = getenv("TMPDIR");
	if (parent == NULL || strlen(parent) > 32)
		parent = "/tmp";
	snprintf(directory, sizeof directory, "%s/kith-unit-XXXXXX", parent);
	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/kith.conf", directory);
	return 0;
}

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type, (void)where;
	return remove(name);
}

static int tear_down(void)
{
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_bytes(const char *name, const char *bytes, size_t length)
{
	FILE *file = fopen(name, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	size_t written = fwrite(bytes, 1, length, file);
	CU_ASSERT_FATAL(fclose(file) == 0 && written == length);
}

static void write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

/* Settings from a file with this text, which must be good; the caller gives them to settings_fini. */
static struct settings read_good(const char *text)
{
	struct settings settings;
	char error[SETTINGS_ERROR_BYTES] = "";
	write_text(path, text);
	settings_init(&settings);
	EXPECT(settings_read_file(&settings, path, error), "%s: %s", text, error);
	return settings;
}

/* Settings with one option, which must be good; the caller gives them to settings_fini. */
static struct settings with_option(const char *option)
{
	struct settings settings;
	char error[SETTINGS_ERROR_BYTES] = "";
	settings_init(&settings);
	EXPECT(settings_set_option(&settings, option, error), "%s: %s", option, error);
	return settings;
}

/* The error begins with where, and says this and that. */
static void expect_error(const char *error, const char *where, const char *says, const char *and)
{
	EXPECT(strncmp(error, where, strlen(where)) == 0, "\"%s\" does not begin with \"%s\"", error, where);
	EXPECT(strstr(error, says) != NULL, "\"%s\" does not say \"%s\"", error, says);
	EXPECT(strstr(error, and) != NULL, "\"%s\" does not say \"%s\"", error, and);
}

static void expect_bad_file(const char *text, int line, const char *says, const char *and)
{
	struct settings settings;
	char error[SETTINGS_ERROR_BYTES] = "", where[PATH_BYTES + 16];
	write_text(path, text);
	snprintf(where, sizeof where, "%s:%d: ", path, line);
	settings_init(&settings);
	if (EXPECT(!settings_read_file(&settings, path, error), "%s", text))
		expect_error(error, where, says, and);
	settings_fini(&settings);
}

static void expect_bad_option(const char *option, const char *where, const char *says, const char *and)
{
	struct settings settings;
	char error[SETTINGS_ERROR_BYTES] = "";
	settings_init(&settings);
	if (EXPECT(!settings_set_option(&settings, option, error), "%s", option))
		expect_error(error, where, says, and);
	settings_fini(&settings);
}

static bool address_is(const struct address *address, const char *text)
{
	char formatted[ADDRESS_TEXT_BYTES];
	address_format(address, formatted);
	return strcmp(formatted, text) == 0;
}

static bool nodeid_is(const struct nodeid *nodeid, const char *text)
{
	char formatted[NODEID_TEXT_BYTES];
	nodeid_format(nodeid, formatted);
	return strcmp(formatted, text) == 0;
}

static void expect_defaults(const struct settings *settings)
{
	char host_name[MESSAGE_TEXT_BYTES] = "";
	CU_ASSERT_EQUAL(gethostname(host_name, sizeof host_name - 1), 0);
	CU_ASSERT_EQUAL_FATAL(settings->listen_count, 1);
	CU_ASSERT(address_is(&settings->listen[0], "127.0.0.1:5999"));
	CU_ASSERT_FALSE(address_is_known(&settings->advertise));
	CU_ASSERT_EQUAL(settings->bootstrap_count, 0);
	CU_ASSERT_STRING_EQUAL(settings->network, "kith");
	CU_ASSERT_STRING_EQUAL(settings->name, host_name);
	CU_ASSERT_EQUAL(settings->nodeid_mode, NODEID_SESSION);
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
	CU_ASSERT_EQUAL(settings->retry_max_us, 300000000);
	CU_ASSERT_EQUAL(settings->log_level, LOG_INFO);
}

static void without_a_file_everything_is_at_its_default(void)
{
	struct settings settings;
	char error[SETTINGS_ERROR_BYTES];
	settings_init(&settings);
	expect_defaults(&settings);
	for (int i = 0; i < SETTING_COUNT; i++)
		EXPECT(settings.where[i] == NULL, "%s", setting_name((enum setting_id)i));
	CU_ASSERT(settings_check(&settings, error));
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
		snprintf(where, sizeof where, "%s:%d", path, i + 1);
		EXPECT(settings.where[i] != NULL && strcmp(settings.where[i], where) == 0, "%s", where);
	}
	settings_fini(&settings);
}

static void a_file_sets_every_setting(void)
{
	struct settings settings = read_good("# don't stop at a quote: \"\n"
					     "listen = [ \"0.0.0.0:5999\", \"[::]:5999\" ];\n"
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
					     "log_level = \"debug\"");
	CU_ASSERT_EQUAL_FATAL(settings.listen_count, 2);
	CU_ASSERT(address_is(&settings.listen[0], "0.0.0.0:5999"));
	CU_ASSERT(address_is(&settings.listen[1], "[::]:5999"));
	CU_ASSERT(address_is(&settings.advertise, "192.0.2.7:6000"));
	CU_ASSERT_EQUAL_FATAL(settings.bootstrap_count, 2);
	CU_ASSERT_STRING_EQUAL(settings.bootstrap[0].host, "node.example");
	CU_ASSERT_EQUAL(settings.bootstrap[0].port, 5999);
	CU_ASSERT_FALSE(address_is_known(&settings.bootstrap[0].address));
	CU_ASSERT(address_is(&settings.bootstrap[1].address, "192.0.2.9:7000"));
	CU_ASSERT_STRING_EQUAL(settings.network, "caf\xc3\xa9");
	CU_ASSERT_STRING_EQUAL(settings.name, "alpha");
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
		{"max_inbound = = 7;", "syntax"},
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
	expect_bad_file("bootstrap = (\n\"a\",\n\"b\",\n\n7);\n", 1, "bootstrap", "list");
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
		{SETTING_ADVERTISE, "7 7.5 true [\"192.0.2.7:1\"] (\"192.0.2.7:1\") {}", "as in \"192.0.2.7:5999\""},
		{SETTING_BOOTSTRAP, "7 7.5 true \"node.example\" {} [7] (\"node.example\",7)",
		 "a list of at most 256 addresses, as in [\"node.example:5999\"]"},
		{SETTING_NETWORK, "7 7.5 true [\"kith\"] {} () \"\"", "a text of 1 to 64 bytes"},
		{SETTING_SECRET_FILE, "7 true [\"/etc/kith/secret\"] {} \"/a\\nb\" \"/" X64 X64 X64 X64 "\"",
		 "an absolute path of at most 255 bytes without control characters, as in \"/etc/kith/secret\""},
		{SETTING_NAME, "7 7.5 true [\"alpha\"] {} ()", "a text of at most 64 bytes"},
		{SETTING_NODEID,
		 "7 true [\"keep\"] {} \"\" \"Keep\" \"1a2b3c4d\" \"00000000-0000-0000-0000-000000000000\"",
		 "\"session\", \"keep\" or a UUID, as in \"1a2b3c4d-"},
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
		{SETTING_PING_INTERVAL, "\"60\" true [60] {} 0 0.0099 -1 -0.5 86400.01 86401 1e999 -1e999",
		 "a number of seconds from 0.01 to 86400"},
		{SETTING_PING_TIMEOUT, "\"60\" true [60] {} 0 0.0099 -1 86401",
		 "a number of seconds from 0.01 to 86400"},
		{SETTING_CONNECT_TIMEOUT, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_HANDSHAKE_TIMEOUT, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_SHARE_WITHIN, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_RETRY_MIN, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_RETRY_MAX, "\"60\" true [60] {} 0 -1 86401", "a number of seconds from 0.01 to 86400"},
		{SETTING_LOG_LEVEL, "2 true [\"info\"] {} \"\" \"INFO\" \"verbose\" \"inf\" \"information\"",
		 "one of \"error\", \"warning\", \"info\", \"debug\""},
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

static void a_number_that_no_integer_holds_is_refused(void)
{
	/* Each would be a good value if its upper bits were cut off. */
	expect_bad_file("max_outbound = 4294967360;\n", 1, "4294967360 is too large", "1000000");
	expect_bad_file("# 1\nmax_inbound = 18446744073709551617L;\n", 2, "18446744073709551617L is too large",
			"1000000");
	expect_bad_file("ping_interval = -4294967356;\n", 1, "-4294967356 is too large", "1000000");
}

static void nan_and_infinity_are_no_numbers_in_a_file(void)
{
	static const char *const values[] = {"nan", "NaN", "inf", "-inf", "infinity"};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		char text[64];
		snprintf(text, sizeof text, "ping_interval = %s;\n", values[i]);
		expect_bad_file(text, 1, "syntax", "ping_interval = 60;");
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
		{"name = \"a\nb\";", false},
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
		{"listen;\n", 1, "syntax"},
		{"name = alpha;\n", 1, "syntax"},
		{"max_inbound 7;\n", 1, "syntax"},
		{"\n= 7;\n", 2, "syntax"},
		{"}\n", 1, "syntax"},
		{"listen = [\"127.0.0.1:1\";\n", 1, "syntax"},
		{"ping_interval = 60 s;\n", 1, "syntax"},
		{"ping-interval = 60;\n", 1, "there is no setting \"ping-interval\""},
		{"name = \"a\";\nname = \"b\";\n", 2, "duplicate"},
		{"listen = [\"127.0.0.1:1\", 7];\n", 1, "mismatched"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_bad_file(cases[i].text, cases[i].line, cases[i].says, "");
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
	snprintf(missing, sizeof missing, "%s/missing.conf", directory);
	snprintf(below, sizeof below, "%s/x", path);
	write_text(path, "name = \"alpha\";\n");
	const struct {
		const char *name;
		int reason;
	} cases[] = {
		{missing, ENOENT}, {below, ENOTDIR}, {directory, EISDIR}, {"/proc/self/mem", EIO}, {"", ENOENT},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct settings settings;
		char error[SETTINGS_ERROR_BYTES] = "";
		settings_init(&settings);
		EXPECT(!settings_read_file(&settings, cases[i].name, error), "%s", cases[i].name);
		expect_error(error, "cannot read ", cases[i].name, strerror(cases[i].reason));
		settings_fini(&settings);
	}
}

static void a_file_that_others_may_not_read_is_refused(void)
{
	struct settings settings;
	char error[SETTINGS_ERROR_BYTES] = "";
	write_text(path, "name = \"alpha\";\n");
	CU_ASSERT_EQUAL(chmod(path, 0), 0);
	settings_init(&settings);
	/* The superuser reads it all the same. */
	if (access(path, R_OK) != 0) {
		CU_ASSERT_FALSE(settings_read_file(&settings, path, error));
		expect_error(error, "cannot read ", path, strerror(EACCES));
	}
	settings_fini(&settings);
	CU_ASSERT_EQUAL(unlink(path), 0);
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
		char error[SETTINGS_ERROR_BYTES] = "";
		write_bytes(path, cases[i].bytes, cases[i].length);
		settings_init(&settings);
		EXPECT(!settings_read_file(&settings, path, error), "case %zu", i);
		expect_error(error, "cannot read ", path, "NUL");
		settings_fini(&settings);
	}
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
		char error[SETTINGS_ERROR_BYTES] = "";
		write_bytes(path, text, SETTINGS_FILE_BYTES + extra);
		settings_init(&settings);
		EXPECT(settings_read_file(&settings, path, error) == (extra == 0), "%zu: %s", extra, error);
		if (extra == 0)
			EXPECT(strcmp(settings.name, "alpha") == 0, "%s", settings.name);
		else
			expect_error(error, "cannot read ", path, "1 MiB");
		settings_fini(&settings);
	}
	free(text);
}

static void an_error_in_a_file_far_below_names_its_line(void)
{
	struct settings settings;
	char below[PATH_BYTES], name[PATH_BYTES + 128], where[PATH_BYTES + 256], error[SETTINGS_ERROR_BYTES] = "";
	snprintf(below, sizeof below, "%s/" X64 X64 X64, directory);
	CU_ASSERT_EQUAL_FATAL(mkdir(below, 0700), 0);
	snprintf(name, sizeof name, "%s/" X64 ".conf", below);
	snprintf(where, sizeof where, "%s:2: ", name);
	write_text(name, "\nmax_inbound = -1;\n");
	settings_init(&settings);
	CU_ASSERT_FALSE(settings_read_file(&settings, name, error));
	expect_error(error, where, "max_inbound", "from 0 to 1000000");
	settings_fini(&settings);
}

static void an_error_names_the_setting_even_if_the_file_begins_with_a_hyphen(void)
{
	struct settings settings;
	char error[SETTINGS_ERROR_BYTES] = "";
	int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_FATAL(home >= 0 && chdir(directory) == 0);
	write_text("-o.conf", "max_inbound = -1;\n");
	settings_init(&settings);
	CU_ASSERT_FALSE(settings_read_file(&settings, "-o.conf", error));
	expect_error(error, "-o.conf:1: ", "max_inbound", "from 0 to 1000000");
	settings_fini(&settings);
	CU_ASSERT_EQUAL(fchdir(home), 0);
	close(home);
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
			expect_bad_option(option, where, "must be", "a number of seconds from 0.01 to 86400");
		}
	}
	static const char *const counts[] = {"", "nan", "inf", "-1", "1.5", "1000001", "1e30", "x", "7x"};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		char option[64];
		snprintf(option, sizeof option, "max_inbound=%s", counts[i]);
		expect_bad_option(option, "-o max_inbound: ", "must be", "a whole number from 0 to 1000000");
	}
	expect_bad_option("max_dialing=0", "-o max_dialing: ", "must be", "a whole number from 1 to 1000000");
}

static void an_option_sets_text_without_quotes(void)
{
	struct settings settings = with_option("name=a name, with = and \"quotes\"");
	CU_ASSERT_STRING_EQUAL(settings.name, "a name, with = and \"quotes\"");
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
		EXPECT(settings.log_level == (enum log_level)i, "%s", option);
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
	expect_bad_option("log_level=", "-o log_level: ", "must be", "\"debug\"");
}

static void what_is_no_setting_with_a_value_is_refused(void)
{
	expect_bad_option("listen", "-o listen: ", "has no value", "-o SETTING=VALUE");
	expect_bad_option("", "-o", "has no value", "-o SETTING=VALUE");
	expect_bad_option("=7", "-o: ", "there is no setting \"\"", "kith.conf(5)");
	expect_bad_option("network or=7", "-o", "", "");
}

static void the_name_of_the_host_stands_for_an_empty_name(void)
{
	char host_name[MESSAGE_TEXT_BYTES] = "";
	CU_ASSERT_EQUAL(gethostname(host_name, sizeof host_name - 1), 0);
	struct settings settings = with_option("name=");
	CU_ASSERT_STRING_EQUAL(settings.name, host_name);
	settings_fini(&settings);
}

static void an_option_sets_a_list_separated_by_commas(void)
{
	static const struct {
		const char *option;
		size_t count;
		const char *first, *last;
	} cases[] = {
		{"listen=127.0.0.1:1", 1, "127.0.0.1:1", "127.0.0.1:1"},
		{"listen=127.0.0.1:1,[::1]:2", 2, "127.0.0.1:1", "[::1]:2"},
		{"listen= 127.0.0.1:1 , [::1]:2 ", 2, "127.0.0.1:1", "[::1]:2"},
		{"listen=0.0.0.0:5999,[::]:5999", 2, "0.0.0.0:5999", "[::]:5999"},
		{"listen=127.0.0.1:0,127.0.0.1:0,[::1]:0", 3, "127.0.0.1:0", "[::1]:0"},
		{"listen=127.0.0.1:1,127.0.0.2:1,127.0.0.1:2", 3, "127.0.0.1:1", "127.0.0.1:2"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct settings settings = with_option(cases[i].option);
		if (EXPECT(settings.listen_count == cases[i].count, "%s", cases[i].option)) {
			EXPECT(address_is(&settings.listen[0], cases[i].first), "%s", cases[i].option);
			EXPECT(address_is(&settings.listen[cases[i].count - 1], cases[i].last), "%s", cases[i].option);
		}
		settings_fini(&settings);
	}
}

static void a_wrong_address_to_listen_on_is_refused_with_what_to_write(void)
{
	static const struct {
		const char *address;
		const char *says;
	} cases[] = {
		{"127.0.0.1", "write \"127.0.0.1:5999\""},
		{"10.0.0.7", "write \"10.0.0.7:5999\""},
		{"::1", "write \"[::1]:5999\""},
		{"[::1]", "write \""},
		{"localhost:5999", "not a numeric address"},
		{"localhost", "write \"127.0.0.1:5999\""},
		{"*:5999", "write \"127.0.0.1:5999\""},
		{":5999", "write \"127.0.0.1:5999\""},
		{"5999", "write \"127.0.0.1:5999\""},
		{"127.0.0.1:", "port from 0 to 65535"},
		{"127.0.0.1:65536", "port from 0 to 65535"},
		{"127.0.0.1:-1", "port from 0 to 65535"},
		{"127.0.0.1:http", "port from 0 to 65535"},
		{"[fe80::1%lo]:5999", "write \"127.0.0.1:5999\""},
		{"127.0.0.1:1 127.0.0.1:2", "write"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[128];
		const char *address = cases[i].address;
		struct settings settings;
		char error[SETTINGS_ERROR_BYTES] = "";
		snprintf(text, sizeof text, "listen = [\"127.0.0.9:9\", \"%s\"];", address);
		expect_bad_file(text, 1, "listen", cases[i].says);
		snprintf(text, sizeof text, "listen=127.0.0.9:9,%s", address);
		expect_bad_option(text, "-o listen: ", address, cases[i].says);
		settings_init(&settings);
		EXPECT(!settings_set_listen(&settings, &address, 1, "-l", error), "%s", address);
		expect_error(error, "-l: ", address, cases[i].says);
		settings_fini(&settings);
	}
	expect_bad_option("listen=127.0.0.1:1,[::1]:1,127.0.0.1:1", "-o listen: ", "\"127.0.0.1:1\"", "twice");
	expect_bad_file("listen = [\"10.0.0.7:1\", \"[::ffff:10.0.0.7]:1\"];", 1, "listen", "twice");
}

static void an_advertised_address_is_one_that_others_can_dial(void)
{
	static const struct {
		const char *value;
		const char *says; /* NULL: it is good */
	} cases[] = {
		{"", NULL},
		{"192.0.2.7:5999", NULL},
		{"[2001:db8::7]:1", NULL},
		{"127.0.0.1:65535", NULL},
		{"0.0.0.0:5999", "dialled"},
		{"[::]:5999", "dialled"},
		{"224.0.0.1:5999", "dialled"},
		{"255.255.255.255:5999", "dialled"},
		{"192.0.2.7:0", "dialled"},
		{"192.0.2.7", "write \"192.0.2.7:5999\""},
		{"node.example:5999", "not a numeric address"},
		{"192.0.2.7:65536", "port from 0 to 65535"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char option[128], text[128];
		snprintf(option, sizeof option, "advertise=%s", cases[i].value);
		snprintf(text, sizeof text, "advertise = \"%s\";", cases[i].value);
		if (cases[i].says != NULL) {
			expect_bad_option(option, "-o advertise: ", cases[i].value, cases[i].says);
			expect_bad_file(text, 1, "advertise", cases[i].says);
			continue;
		}
		struct settings settings = with_option(option);
		EXPECT(address_is(&settings.advertise, cases[i].value[0] == '\0' ? "-" : cases[i].value), "%s", option);
		settings_fini(&settings);
	}
}

static void a_bootstrap_is_a_name_or_a_number_with_or_without_a_port(void)
{
	static const struct {
		const char *text;
		const char *host;
		uint16_t port;
		const char *address; /* "-" for a name */
	} cases[] = {
		{"node.example", "node.example", 5999, "-"},
		{"node.example:80", "node.example", 80, "-"},
		{"localhost", "localhost", 5999, "-"},
		{"a-b_c.7.example.", "a-b_c.7.example.", 5999, "-"},
		{"7up", "7up", 5999, "-"},
		{"192.0.2.7", "192.0.2.7", 5999, "192.0.2.7:5999"},
		{"192.0.2.7:1", "192.0.2.7", 1, "192.0.2.7:1"},
		{"[2001:db8::7]", "2001:db8::7", 5999, "[2001:db8::7]:5999"},
		{"[2001:db8::7]:65535", "2001:db8::7", 65535, "[2001:db8::7]:65535"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char option[128], error[SETTINGS_ERROR_BYTES] = "";
		snprintf(option, sizeof option, "bootstrap=first.example,%s", cases[i].text);
		struct settings settings = with_option(option);
		EXPECT(settings_add_bootstrap(&settings, cases[i].text, "-b", error), "%s: %s", cases[i].text, error);
		if (EXPECT(settings.bootstrap_count == 3, "%s", cases[i].text)) {
			EXPECT(strcmp(settings.bootstrap[0].host, "first.example") == 0, "%s", cases[i].text);
			for (size_t j = 1; j < 3; j++) {
				const struct bootstrap *bootstrap = &settings.bootstrap[j];
				EXPECT(strcmp(bootstrap->host, cases[i].host) == 0, "%s: %s", cases[i].text,
				       bootstrap->host);
				EXPECT(bootstrap->port == cases[i].port, "%s", cases[i].text);
				EXPECT(address_is(&bootstrap->address, cases[i].address), "%s", cases[i].text);
			}
		}
		settings_fini(&settings);
	}
}

static void a_wrong_bootstrap_is_refused(void)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{"node.example:0", "port from 1 to 65535"},
		{"node.example:65536", "port from 1 to 65535"},
		{"node.example:-1", "port from 1 to 65535"},
		{"node.example:http", "port from 1 to 65535"},
		{"node.example:", "port from 1 to 65535"},
		{":5999", "write \"node.example:5999\""},
		{"::1", "[2001:db8::7]:5999"},
		{"[::1", "[2001:db8::7]:5999"},
		{"0.0.0.0:5999", "can't be dialled"},
		{"[::]:5999", "can't be dialled"},
		{"224.0.0.1", "can't be dialled"},
		{"[ff02::1]", "can't be dialled"},
		{"1.2.3", "neither a numeric address nor a host name"},
		{"256.1.1.1", "neither a numeric address nor a host name"},
		{"1.2.3.4.5", "neither a numeric address nor a host name"},
		{"5999", "neither a numeric address nor a host name"},
		{"-node.example", "neither a numeric address nor a host name"},
		{".example", "neither a numeric address nor a host name"},
		{"no/de.example", "neither a numeric address nor a host name"},
		{"n\xc3\xb6rd.example", "neither a numeric address nor a host name"},
		{"http://node.example", "port from 1 to 65535"},
		{"node.example other.example", "neither a numeric address nor a host name"},
		{"[fe80::1%lo]:5999", "neither a numeric address nor a host name"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[128], error[SETTINGS_ERROR_BYTES] = "";
		struct settings settings;
		snprintf(text, sizeof text, "bootstrap = [\"good.example\", \"%s\"];", cases[i].text);
		expect_bad_file(text, 1, "bootstrap", cases[i].says);
		snprintf(text, sizeof text, "bootstrap=good.example,%s", cases[i].text);
		expect_bad_option(text, "-o bootstrap: ", cases[i].text, cases[i].says);
		settings_init(&settings);
		EXPECT(!settings_add_bootstrap(&settings, cases[i].text, "-b", error), "%s", cases[i].text);
		expect_error(error, "-b: ", cases[i].text, cases[i].says);
		settings_fini(&settings);
	}
}

static void a_list_has_at_most_256_entries(void)
{
	for (int count = SETTINGS_LIST_ENTRIES; count <= SETTINGS_LIST_ENTRIES + 1; count++) {
		bool good = count == SETTINGS_LIST_ENTRIES;
		char option[8192] = "bootstrap=", text[8192] = "bootstrap = [";
		for (int i = 0; i < count; i++) {
			sprintf(option + strlen(option), "%snode%d", i == 0 ? "" : ",", i);
			sprintf(text + strlen(text), "%s\"node%d\"", i == 0 ? "" : ",", i);
		}
		strcat(text, "];");
		if (!good) {
			expect_bad_option(option, "-o bootstrap: ", "must be", "at most 256 addresses");
			expect_bad_file(text, 1, "bootstrap must be", "at most 256 addresses");
			continue;
		}
		struct settings settings = with_option(option);
		CU_ASSERT_EQUAL(settings.bootstrap_count, SETTINGS_LIST_ENTRIES);
		char error[SETTINGS_ERROR_BYTES] = "";
		CU_ASSERT_FALSE(settings_add_bootstrap(&settings, "one.too.many", "-b", error));
		expect_error(error, "-b: ", "256", "");
		settings_fini(&settings);
		settings = read_good(text);
		CU_ASSERT_EQUAL(settings.bootstrap_count, SETTINGS_LIST_ENTRIES);
		settings_fini(&settings);
	}
}

static void an_option_beats_the_file_and_a_listen_address_replaces_and_a_bootstrap_adds(void)
{
	static const char *const listen[] = {"127.0.0.1:7001", "[::1]:7002"};
	char error[SETTINGS_ERROR_BYTES] = "", where[PATH_BYTES + 16];
	struct settings settings = read_good("ping_interval = 7;\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"];\n"
					     "bootstrap = [\"a.example\"];\n");
	CU_ASSERT(settings_set_option(&settings, "ping_interval=8", error));
	CU_ASSERT(settings_set_option(&settings, "ping_interval=9", error));
	CU_ASSERT_EQUAL(settings.ping_interval_us, 9000000);
	CU_ASSERT_STRING_EQUAL(settings.where[SETTING_PING_INTERVAL], "-o ping_interval");
	CU_ASSERT(settings_set_listen(&settings, listen, 2, "-l", error));
	CU_ASSERT_EQUAL_FATAL(settings.listen_count, 2);
	CU_ASSERT(address_is(&settings.listen[0], listen[0]) && address_is(&settings.listen[1], listen[1]));
	CU_ASSERT(settings_add_bootstrap(&settings, "b.example", "-b", error));
	CU_ASSERT_EQUAL_FATAL(settings.bootstrap_count, 2);
	CU_ASSERT_STRING_EQUAL(settings.bootstrap[0].host, "a.example");
	CU_ASSERT_STRING_EQUAL(settings.bootstrap[1].host, "b.example");
	CU_ASSERT(settings_set_option(&settings, "bootstrap=c.example", error));
	CU_ASSERT_EQUAL_FATAL(settings.bootstrap_count, 1);
	CU_ASSERT_STRING_EQUAL(settings.bootstrap[0].host, "c.example");
	snprintf(where, sizeof where, "%s:3", path);
	CU_ASSERT_STRING_EQUAL(settings.where[SETTING_BOOTSTRAP], "-o bootstrap");
	CU_ASSERT_PTR_NULL(settings.where[SETTING_NAME]);
	settings_fini(&settings);
}

static void a_back_off_that_ends_below_its_start_is_refused(void)
{
	static const struct {
		const char *text; /* of the file */
		const char *option;
		int line; /* 0: -o is where the error is */
		bool good;
	} cases[] = {
		{"", "retry_min=300", 0, true},
		{"", "retry_max=1", 0, true},
		{"", "retry_max=0.5", 0, false},
		{"", "retry_min=300.5", 0, false},
		{"\nretry_min = 301;", "network=kith", 2, false},
		{"retry_max = 0.5;", "network=kith", 1, false},
		{"retry_min = 9;\nretry_max = 8;", "network=kith", 2, false},
		{"retry_min = 8;\nretry_max = 8;", "network=kith", 0, true},
		{"retry_min = 9;\nretry_max = 20;", "retry_max=8", 0, false},
		{"retry_min = 400;", "retry_max=500", 0, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char error[SETTINGS_ERROR_BYTES] = "", where[PATH_BYTES + 16] = "-o retry_m";
		struct settings settings = read_good(cases[i].text);
		CU_ASSERT(settings_set_option(&settings, cases[i].option, error));
		bool good = settings_check(&settings, error);
		EXPECT(good == cases[i].good, "case %zu", i);
		if (cases[i].line != 0)
			snprintf(where, sizeof where, "%s:%d: ", path, cases[i].line);
		if (!good)
			expect_error(error, where, "retry_max", "retry_min");
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
		{"nodeid = \"keep\";", "nodeid=1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d", -1},
		{"nodeid = \"session\";\nstate_dir = \"/tmp\";", "nodeid=keep", -1},
		{"", "nodeid=keep", 0},
		{"state_dir = \"/tmp\";\nnodeid = \"keep\";", "state_dir=", 2},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char error[SETTINGS_ERROR_BYTES] = "", where[PATH_BYTES + 16] = "-o nodeid: ";
		struct settings settings = read_good(cases[i].text);
		EXPECT(settings_set_option(&settings, cases[i].option, error), "case %zu: %s", i, error);
		bool good = settings_check(&settings, error);
		EXPECT(good == (cases[i].line < 0), "case %zu", i);
		if (cases[i].line > 0)
			snprintf(where, sizeof where, "%s:%d: ", path, cases[i].line);
		if (!good)
			expect_error(error, where, "\"keep\"", "write state_dir = \"/var/lib/kith\"");
		settings_fini(&settings);
	}
}

/* Who has mistaken the one for the other finds it in no error. */
static void a_secret_in_place_of_its_file_is_not_shown(void)
{
	char error[SETTINGS_ERROR_BYTES];
	struct settings settings;
	CU_ASSERT_TRUE(settings_init(&settings));
	CU_ASSERT_FALSE(settings_set_option(&settings, "secret_file=5ec2e7", error));
	EXPECT(strstr(error, "5ec2e7") == NULL, "%s", error);
	EXPECT(strstr(error, "must be an absolute path") != NULL && strstr(error, "\"/etc/kith/secret\"") != NULL, "%s",
	       error);
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
	{SETTING_PING_INTERVAL, "0.25", NULL},
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
	{SETTING_LOG_LEVEL, "\"error\"", NULL},
	{SETTING_LOG_LEVEL, "\"warning\"", NULL},
	{SETTING_LOG_LEVEL, "\"info\"", NULL},
	{SETTING_LOG_LEVEL, "\"debug\"", NULL},
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
	settings_format(settings, setting, written);
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
	char error[SETTINGS_ERROR_BYTES] = "", name[SETTINGS_HOST_BYTES + 8], written[SETTINGS_VALUE_BYTES];
	settings_init(&settings);
	for (int i = 0; i < SETTINGS_LIST_ENTRIES; i++) {
		snprintf(name, sizeof name, X64 X64 X64 X16 X16 X16 "xxxxxxxxxxxx%03u:65535", (unsigned)i % 1000);
		EXPECT(settings_add_bootstrap(&settings, name, "-b", error), "%s", error);
	}
	settings_format(&settings, SETTING_BOOTSTRAP, written);
	struct settings again = with_value(SETTING_BOOTSTRAP, written);
	CU_ASSERT_EQUAL(again.bootstrap_count, SETTINGS_LIST_ENTRIES);
	is_written_as(&again, SETTING_BOOTSTRAP, written);
	settings_fini(&again);
	settings_fini(&settings);
}

static void a_running_node_takes_over_all_but_what_needs_a_restart(void)
{
	static const enum setting_id fixed[] = {SETTING_LISTEN,	    SETTING_NETWORK, SETTING_NODEID,
						SETTING_STATE_DIR,  SETTING_USER,    SETTING_MAX_ADDRESSES,
						SETTING_SECRET_FILE};
	for (size_t i = 0; i < VALUES; i++) {
		enum setting_id setting = values[i].setting;
		char before[SETTINGS_VALUE_BYTES], wanted[SETTINGS_VALUE_BYTES];
		struct settings running, fresh = with_value(setting, values[i].value);
		bool is_fixed = false;
		settings_init(&running);
		settings_format(&running, setting, before);
		settings_format(&fresh, setting, wanted);
		for (size_t j = 0; j < sizeof fixed / sizeof *fixed; j++)
			is_fixed = is_fixed || fixed[j] == setting;
		enum settings_change change = settings_apply(&running, &fresh, setting);
		if (strcmp(before, wanted) == 0) {
			EXPECT(change == SETTINGS_SAME, "%s = %s", setting_name(setting), wanted);
		} else if (is_fixed) {
			EXPECT(change == SETTINGS_NEED_RESTART, "%s = %s", setting_name(setting), wanted);
			is_written_as(&running, setting, before);
			is_written_as(&fresh, setting, wanted);
			CU_ASSERT_PTR_NULL(running.where[setting]);
		} else {
			EXPECT(change == SETTINGS_APPLIED, "%s = %s", setting_name(setting), wanted);
			is_written_as(&running, setting, wanted);
			is_written_as(&fresh, setting, before);
			CU_ASSERT_PTR_NOT_NULL(running.where[setting]);
			EXPECT(settings_apply(&running, &running, setting) == SETTINGS_SAME, "%s",
			       setting_name(setting));
		}
		settings_fini(&fresh);
		settings_fini(&running);
	}
}

static void no_setting_but_the_one_is_taken_over(void)
{
	struct settings running, fresh = read_good("max_inbound = 7;\nretry_max = 9;\nname = \"alpha\";\n");
	settings_init(&running);
	CU_ASSERT_EQUAL(settings_apply(&running, &fresh, SETTING_MAX_INBOUND), SETTINGS_APPLIED);
	CU_ASSERT_EQUAL(settings_apply(&running, &fresh, SETTING_MAX_OUTBOUND), SETTINGS_SAME);
	CU_ASSERT_EQUAL(running.max_inbound, 7);
	running.max_inbound = 512;
	free(running.where[SETTING_MAX_INBOUND]);
	running.where[SETTING_MAX_INBOUND] = NULL;
	expect_defaults(&running);
	settings_fini(&fresh);
	settings_fini(&running);
}

static void an_error_says_what_is_right_however_long_the_value_is(void)
{
	static const char *const names[] = {"listen", "advertise", "bootstrap"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char option[1024], where[64];
		snprintf(option, sizeof option, "%s=" X64 X64 X64 X64 X64 X64 X64 X64 X64 X64 ":5999", names[i]);
		snprintf(where, sizeof where, "-o %s: ", names[i]);
		expect_bad_option(option, where, "write \"", "[");
	}
}

static CU_TestInfo tests[] = {
	{"without a file everything is at its default", without_a_file_everything_is_at_its_default},
	{"a file that says nothing changes nothing", a_file_that_says_nothing_changes_nothing},
	{"the documented defaults are the defaults", the_documented_defaults_are_the_defaults},
	{"a file sets every setting", a_file_sets_every_setting},
	{"an error names the line, whatever stands before it", an_error_names_the_line_whatever_stands_before_it},
	{"a list over several lines is named by its first", a_list_over_several_lines_is_named_by_its_first},
	{"a file can't include another", a_file_cant_include_another},
	{"a value of the wrong type is refused with what would be right",
	 a_value_of_the_wrong_type_is_refused_with_what_would_be_right},
	{"a number that no integer holds is refused", a_number_that_no_integer_holds_is_refused},
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
	{"an option sets a number with or without a fraction", an_option_sets_a_number_with_or_without_a_fraction},
	{"an option that is no good number is refused", an_option_that_is_no_good_number_is_refused},
	{"an option sets text without quotes", an_option_sets_text_without_quotes},
	{"an option that is no good text is refused", an_option_that_is_no_good_text_is_refused},
	{"what is no setting with a value is refused", what_is_no_setting_with_a_value_is_refused},
	{"the name of the host stands for an empty name", the_name_of_the_host_stands_for_an_empty_name},
	{"an option sets a list separated by commas", an_option_sets_a_list_separated_by_commas},
	{"a wrong address to listen on is refused with what to write",
	 a_wrong_address_to_listen_on_is_refused_with_what_to_write},
	{"an advertised address is one that others can dial", an_advertised_address_is_one_that_others_can_dial},
	{"a bootstrap is a name or a number, with or without a port",
	 a_bootstrap_is_a_name_or_a_number_with_or_without_a_port},
	{"a wrong bootstrap is refused", a_wrong_bootstrap_is_refused},
	{"a list has at most 256 entries", a_list_has_at_most_256_entries},
	{"an option beats the file, a listen address replaces, a bootstrap adds",
	 an_option_beats_the_file_and_a_listen_address_replaces_and_a_bootstrap_adds},
	{"a back-off that ends below its start is refused", a_back_off_that_ends_below_its_start_is_refused},
	{"a nodeid is kept only where there is a directory", a_nodeid_is_kept_only_where_there_is_a_directory},
	{"a path has its limits", a_path_has_its_limits},
	{"a secret in place of its file is not shown", a_secret_in_place_of_its_file_is_not_shown},
	{"what is written of a setting is read back the same", what_is_written_of_a_setting_is_read_back_the_same},
	{"the defaults are written as they are documented", the_defaults_are_written_as_they_are_documented},
	{"the longest list is written whole", the_longest_list_is_written_whole},
	{"a running node takes over all but what needs a restart",
	 a_running_node_takes_over_all_but_what_needs_a_restart},
	{"no setting but the one is taken over", no_setting_but_the_one_is_taken_over},
	{"an error says what is right, however long the value is",
	 an_error_says_what_is_right_however_long_the_value_is},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_settings = {.pName = "settings", .pInitFunc = set_up, .pCleanupFunc = tear_down, .pTests = tests};
