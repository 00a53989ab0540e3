/*
 * The command line of kithd: what it says, and the settings that come of it and of the file. One thread, that of main.
 */
#ifndef KITH_ARGUMENTS_H
#define KITH_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "settings/settings.h"

/* Exit statuses: sysexits.h has the names, 64 EX_USAGE, 71 EX_OSERR, 78 EX_CONFIG. */
enum { STATUS_STOPPED = 0, STATUS_USAGE = 64, STATUS_SYSTEM = 71, STATUS_SETTINGS = 78 };

extern const char arguments_default_file[];

enum { ARGUMENTS_MOST = SETTINGS_LIST_ENTRIES };

struct arguments {
	const char *file;
	const char *listen[ARGUMENTS_MOST];
	size_t listen_count;
	const char *bootstrap[ARGUMENTS_MOST];
	size_t bootstrap_count;
	const char *options[ARGUMENTS_MOST];
	size_t option_count;
	int verbose;
	bool only_test;
	bool wants_secret;
};

/* -1 to go on, or the exit status: it has printed what there was to print. The strings of argv are borrowed. */
int arguments_parse(struct arguments *arguments, int argc, char **argv);

/* The file to read; NULL if there is none. */
const char *arguments_file(const struct arguments *arguments);

/*
 * Into settings at their defaults: $STATE_DIRECTORY, which systemd sets, for state_dir; the file; -o, which beats it;
 * -l and -b. interrupted is that of settings_read_file. False with a problem.
 */
bool arguments_read_settings(const struct arguments *arguments, struct settings *settings, bool (*interrupted)(void),
			     struct problem *problem);

/* The settings' log level and -v. */
enum log_level arguments_log_level(const struct arguments *arguments, const struct settings *settings);

/* The one line in which the program says why it ends, in the format of the log; it may quote what the user wrote. */
void arguments_complain(const char *text);

#endif
