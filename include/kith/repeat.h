/* What --watch does: a command is run again and again, on a terminal each time in the place of the last. */
#ifndef KITH_REPEAT_H
#define KITH_REPEAT_H

#include "kith/command.h"

/* Runs it once, or with --watch until it fails or what it prints can't be written. */
enum outcome repeat(const struct command_kind *kind, const struct options *options,
		    enum outcome (*run)(const struct command_kind *kind, const struct options *options));

#endif
