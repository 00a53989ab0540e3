/* Settings from a text or an option, and what is expected of wrong ones: what the suites of the settings share. */
#ifndef KITH_UNIT_SOME_SETTINGS_H
#define KITH_UNIT_SOME_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "settings/settings.h"

enum { PATH_BYTES = 512 };

#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16

/* A directory of the suite, and the file in it that the tests write and read. */
extern char some_directory[64];
extern char some_path[PATH_BYTES];

int some_settings_set_up(void);
int some_settings_tear_down(void);

void write_bytes(const char *name, const char *bytes, size_t length);
void write_text(const char *name, const char *text);

/* Settings from a file with this text, or with this option, which must be good; the caller gives them to settings_fini.
 */
struct settings read_good(const char *text);
struct settings with_option(const char *option);

/* What settings_read_file asks while it waits. */
bool never(void);

/* The error begins with where, and says this and that. */
void expect_error(const char *error, const char *where, const char *says, const char *and);
void expect_bad_file(const char *text, int line, const char *says, const char *and);
void expect_bad_option(const char *option, const char *where, const char *says, const char *and);

bool address_is(const struct address *address, const char *text);

#endif
