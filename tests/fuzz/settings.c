/*
 * Any file is either read, and then written so that it is read as the same, or refused with an error that names the
 * line. The input is the file.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/must.h"
#include "settings/settings.h"

static bool never(void)
{
	return false;
}

/*
 * libconfig loses a string that stands where the grammar wants none: of each file that is refused for that, its bytes
 * once. What else is allocated for a file, by libconfig too, must be freed.
 */
const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex";
}

static int file;      /* in memory, always the same */
static char path[64]; /* of it */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	file = memfd_create("kith.conf", MFD_CLOEXEC);
	must(file >= 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	return 0;
}

static void fill_file(const char *content, size_t length)
{
	must(ftruncate(file, 0) == 0 && pwrite(file, content, length, 0) == (ssize_t)length);
}

/* PATH:LINE: TEXT, with a line that the file has; where no line is to blame, what is wrong with the file. */
static void check_error(const char *error, const char *content, size_t length)
{
	size_t path_length = strlen(path);
	unsigned long lines = 1;
	for (size_t i = 0; i + 1 < length; i++)
		lines += content[i] == '\n';
	bool is_utf_16 = length >= 2 && (memcmp(content, "\xff\xfe", 2) == 0 || memcmp(content, "\xfe\xff", 2) == 0);
	if (memchr(content, '\0', length) != NULL || length > SETTINGS_FILE_BYTES || is_utf_16) {
		must(strncmp(error, "cannot read \"", 13) == 0 && strstr(error, path) != NULL);
		return;
	}
	must(strncmp(error, path, path_length) == 0 && error[path_length] == ':');
	char *after;
	unsigned long line = strtoul(error + path_length + 1, &after, 10);
	must(line >= 1 && line <= lines);
	must(after[0] == ':' && after[1] == ' ' && after[2] != '\0');
}

/* Appends "NAME = VALUE;" for each setting; returns the length. */
static size_t write_settings(const struct settings *settings, char *out, size_t room)
{
	static char value[SETTINGS_VALUE_BYTES];
	size_t used = 0;
	for (int i = 0; i < SETTING_COUNT; i++) {
		settings_format(settings, (enum setting_id)i, value, sizeof value);
		used += (size_t)snprintf(out + used, room - used, "%s = %s;\n", setting_name((enum setting_id)i),
					 value);
		must(used < room);
	}
	return used;
}

static void check_round_trip(struct settings *settings)
{
	static char written[SETTING_COUNT * 1024 + 2 * SETTINGS_VALUE_BYTES], again[sizeof written];
	struct settings fresh, running;
	struct problem problem;
	size_t length = write_settings(settings, written, sizeof written);
	settings_init(&fresh);
	fill_file(written, length);
	must(settings_read_file(&fresh, path, never, &problem));
	must(write_settings(&fresh, again, sizeof again) == length && memcmp(written, again, length) == 0);

	/* A running node that takes over what it can differs in the rest alone. */
	settings_init(&running);
	enum settings_change first[SETTING_COUNT], second[SETTING_COUNT];
	settings_take_over(&running, &fresh, first);
	settings_take_over(&running, settings, second);
	for (int i = 0; i < SETTING_COUNT; i++)
		must(second[i] == (first[i] == SETTINGS_APPLIED ? SETTINGS_SAME : first[i]));
	settings_fini(&running);
	settings_fini(&fresh);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *content = (const char *)bytes;
	struct settings settings;
	struct problem problem;
	settings_init(&settings);
	fill_file(content, length);
	if (!settings_read_file(&settings, path, never, &problem)) {
		check_error(problem.text, content, length);
	} else {
		/* What the settings say together may be wrong; then the error names one of them. */
		if (!settings_check(&settings, &problem))
			check_error(problem.text, content, length);
		check_round_trip(&settings);
	}
	settings_fini(&settings);
	return 0;
}
