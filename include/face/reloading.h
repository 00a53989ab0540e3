/*
 * What changes the settings of a running node: the file, read again, or one setting that somebody sets. The main
 * thread's. What comes of it is logged.
 */
#ifndef KITH_RELOADING_H
#define KITH_RELOADING_H

#include "face/arguments.h"
#include "node/node.h"

/*
 * Reads the settings and the secrets again, and dials at once what waits. False with a problem: the settings, or the
 * secrets, stay as they were. The report is NULL, or filled; it is for settings_report_fini either way.
 */
bool reloading_reload(struct node *node, const struct settings *running, const struct arguments *arguments,
		      struct settings_report *report, struct problem *problem);

/*
 * "SETTING=VALUE", as after -o, until the next reload. False with a problem: nothing has changed. The report is filled
 * as above.
 */
bool reloading_set(struct node *node, const struct settings *running, const struct arguments *arguments,
		   const char *option, struct settings_report *report, struct problem *problem);

/* Before, or instead of, the secrets' being used. */
void reloading_warn_of_swap(bool is_locked);

#endif
