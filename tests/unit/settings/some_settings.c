#include "some_settings.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

char some_directory[64];
char some_path[PATH_BYTES];

int some_settings_set_up(void)
{
	const char *parent = getenv("TMPDIR");
	if (parent == NULL || strlen(parent) > 32)
		parent = "/tmp";
	snprintf(some_directory, sizeof some_directory, "%s/kith-unit-XXXXXX", parent);
	if (mkdtemp(some_directory) == NULL)
		return 1;
	snprintf(some_path, sizeof some_path, "%s/kith.conf", some_directory);
	return 0;
}

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type, (void)where;
	return remove(name);
}

int some_settings_tear_down(void)
{
	return nftw(some_directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void write_bytes(const char *name, const char *bytes, size_t length)
{
	FILE *file = fopen(name, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	size_t written = fwrite(bytes, 1, length, file);
	CU_ASSERT_FATAL(fclose(file) == 0 && written == length);
}

void write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

bool never(void)
{
	return false;
}

/* Settings from a file with this text, which must be good; the caller gives them to settings_fini. */
struct settings read_good(const char *text)
{
	struct settings settings;
	struct problem problem = {.text = ""};
	write_text(some_path, text);
	settings_init(&settings);
	EXPECT(settings_read_file(&settings, some_path, never, &problem), "%s: %s", text, problem.text);
	return settings;
}

/* Settings with one option, which must be good; the caller gives them to settings_fini. */
struct settings with_option(const char *option)
{
	struct settings settings;
	struct problem problem = {.text = ""};
	settings_init(&settings);
	EXPECT(settings_set_option(&settings, option, &problem), "%s: %s", option, problem.text);
	return settings;
}

/* The error begins with where, and says this and that. */
void expect_error(const char *error, const char *where, const char *says, const char *and)
{
	EXPECT(strncmp(error, where, strlen(where)) == 0, "\"%s\" does not begin with \"%s\"", error, where);
	EXPECT(strstr(error, says) != NULL, "\"%s\" does not say \"%s\"", error, says);
	EXPECT(strstr(error, and) != NULL, "\"%s\" does not say \"%s\"", error, and);
}

void expect_bad_file(const char *text, int line, const char *says, const char *and)
{
	struct settings settings;
	struct problem problem = {.text = ""};
	char where[PATH_BYTES + 16];
	write_text(some_path, text);
	snprintf(where, sizeof where, "%s:%d: ", some_path, line);
	settings_init(&settings);
	if (EXPECT(!settings_read_file(&settings, some_path, never, &problem), "%s", text))
		expect_error(problem.text, where, says, and);
	settings_fini(&settings);
}

void expect_bad_option(const char *option, const char *where, const char *says, const char *and)
{
	struct settings settings;
	struct problem problem = {.text = ""};
	settings_init(&settings);
	if (EXPECT(!settings_set_option(&settings, option, &problem), "%s", option))
		expect_error(problem.text, where, says, and);
	settings_fini(&settings);
}

bool address_is(const struct address *address, const char *text)
{
	char formatted[ADDRESS_TEXT_BYTES];
	address_format(address, formatted);
	return strcmp(formatted, text) == 0;
}
