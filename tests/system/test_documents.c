#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "kith.h"
#include "kithd.h"
#include "settings/settings.h"
#include "suites.h"

static bool never(void)
{
	return false;
}

/* What the documents say against what the code does. They are found from the top of the source tree. */
static const char *document(const char *path)
{
	const char *text = harness_read_file(path);
	if (text == NULL)
		harness_fail("cannot read %s: run this at the top of the source tree", path);
	return text;
}

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);
	for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, line, length) == 0 && (at[length] == '\n' || at[length] == '\0'))
			return true;
	}
	return false;
}

static void test_file_has_each_setting(void)
{
	const char *file = document("conf/kith.conf");
	for (int i = 0; i < SETTING_COUNT; i++) {
		enum setting_id setting = (enum setting_id)i;
		const char *line = harness_text("#%s = %s;", setting_name(setting), setting_default(setting));
		if (!has_line(file, line))
			harness_fail("conf/kith.conf has no line %s", line);
	}
}

/* The file with each setting's line in force, and how many there are. */
static char *uncommented(const char *file, int *settings)
{
	char *text = strdup(file), *to = text;
	*settings = 0;
	for (const char *from = text; *from != '\0'; from++) {
		bool begins_line = from == text || from[-1] == '\n';
		if (begins_line && from[0] == '#' && islower((unsigned char)from[1])) {
			++*settings;
			continue;
		}
		*to++ = *from;
	}
	*to = '\0';
	return text;
}

static void test_file_loads_when_uncommented(void)
{
	struct settings settings, defaults;
	struct problem problem;
	int count;
	char *text = uncommented(document("conf/kith.conf"), &count);
	const char *path = harness_write_file(text);
	free(text);
	CU_ASSERT_EQUAL(count, SETTING_COUNT);
	settings_init(&settings);
	settings_init(&defaults);
	bool good = settings_read_file(&settings, path, never, &problem) && settings_check(&settings, &problem);
	if (!good)
		harness_fail("%s", problem.text);
	for (int i = 0; i < SETTING_COUNT; i++)
		CU_ASSERT_PTR_NOT_NULL(settings.texts->where[i]);
	CU_ASSERT_STRING_EQUAL(settings.texts->name, defaults.texts->name);
	CU_ASSERT_EQUAL(settings.ping_interval_us, defaults.ping_interval_us);
	CU_ASSERT_EQUAL(settings.retry_max_us, defaults.retry_max_us);
	CU_ASSERT_EQUAL(settings.max_inbound, defaults.max_inbound);
	CU_ASSERT_EQUAL(settings.log_level, defaults.log_level);
	CU_ASSERT_EQUAL(settings.texts->bootstrap_count, 0);
	CU_ASSERT_EQUAL(settings.listen_count, 1);
	settings_fini(&settings);
	settings_fini(&defaults);
}

static void test_man_page_has_each_setting(void)
{
	const char *page = document("man/kith.conf.5");
	for (int i = 0; i < SETTING_COUNT; i++) {
		const char *item = harness_text("\n.It Ic %s", setting_name((enum setting_id)i));
		const char *found = strstr(page, item);
		if (found == NULL || (found[strlen(item)] != '\n' && found[strlen(item)] != ' '))
			harness_fail("man/kith.conf.5 has no line `%s`", item + 1);
	}
	int items = 0;
	for (const char *at = page; (at = strstr(at, "\n.It Ic ")) != NULL; at++)
		items++;
	CU_ASSERT_EQUAL(items, SETTING_COUNT);
}

static void test_man_page_has_each_option(void)
{
	static const char *const options[] = {"b , -bootstrap", "c , -config",	"h , -help",
					      "l , -listen",	"-new-secret",	"o , -option",
					      "t , -test",	"V , -version", "v , -verbose"};
	const char *page = document("man/kithd.8");
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (strstr(page, harness_text("\n.It Fl %s", options[i])) == NULL)
			harness_fail("man/kithd.8 has no option %s", options[i]);
}

/* An item of a list, which may begin on a line of its own. */
static bool has_command(const char *page, const char *name)
{
	const char *const forms[] = {harness_text("\n.It Ic %s", name), harness_text("\n.It Xo\n.Ic %s", name)};
	for (size_t i = 0; i < 2; i++)
		for (const char *at = page; (at = strstr(at, forms[i])) != NULL; at++)
			if (strchr(" \n", at[strlen(forms[i])]) != NULL)
				return true;
	return false;
}

/* The command line of kith is a table, of which its help is made. */
static void test_man_page_has_each_command(void)
{
	const char *page = document("man/kith.1"), *help = kith_run("-h").out;
	size_t commands = 0;
	for (const char *line = help; *line != '\0'; line += strcspn(line, "\n") + 1) {
		if (strncmp(line, "  ", 2) != 0 || !islower((unsigned char)line[2]))
			continue;
		const char *name = harness_text("%.*s", (int)strcspn(line + 2, " "), line + 2);
		if (!has_command(page, name))
			harness_fail("man/kith.1 has no command %s", name);
		commands++;
		const char *own = kith_run("%s -h", name).out;
		for (const char *option = own; (option = strstr(option, " --")) != NULL; option++)
			if (strstr(page, harness_text("-%.*s", (int)strspn(option + 3, "abcdefghijklmnopqrstuvwxyz-"),
						      option + 3)) == NULL)
				harness_fail("man/kith.1 has no option of %s: %.20s", name, option);
	}
	CU_ASSERT(commands > 20);
}

static CU_TestInfo tests[] = {
	{"conf/kith.conf has each setting, commented out, at its default", test_file_has_each_setting},
	{"conf/kith.conf loads when its settings are uncommented", test_file_loads_when_uncommented},
	{"kith.conf(5) explains each setting", test_man_page_has_each_setting},
	{"kithd(8) explains each option", test_man_page_has_each_option},
	{"kith(1) explains each command and option", test_man_page_has_each_command},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_documents = {
	.pName = "documents", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
