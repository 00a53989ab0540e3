/*
 * The command line of kith. Options of every command may come before its name or after it; those of one command come
 * after it. A plain value: its texts are those of argv.
 */
#ifndef KITH_OPTIONS_H
#define KITH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"

enum option_id {
	OPTION_NONE,
	/* Every command's. */
	OPTION_SOCKET,
	OPTION_NAME,
	OPTION_HELP,
	OPTION_VERSION,
	/* Of those that print rows. */
	OPTION_JSON,
	/* Of those that print tables. */
	OPTION_COLUMNS,
	OPTION_RAW,
	OPTION_NO_HEADINGS,
	OPTION_WATCH,
	/* Of one command each. */
	OPTION_SINCE,
	OPTION_COUNT,
	OPTION_INTERVAL,
	OPTION_TIMEOUT,
	OPTION_INITIAL,
	OPTION_CURSOR,
	OPTION_MIN_PEERS,
	OPTION_MIN_PEERS_CRITICAL,
	OPTION_MAX_RTT,
	OPTION_MAX_RTT_CRITICAL,
	OPTION_WRITE,
	OPTION_PEERS,
	OPTION_DOT,
	OPTION_SVG,
	OPTION_HTML,
	OPTION_LISTEN,
	OPTION_HOST,
	OPTION_IDS,
	OPTION_LAST_OF_ALL = OPTION_VERSION, /* the last of every command's */
	OPTION_LAST_BEFORE = OPTION_WATCH,   /* the last that may come before the command */
};

/* What the shell can complete. */
enum completes {
	COMPLETES_NOTHING,
	COMPLETES_COMMANDS, /* of kith */
	COMPLETES_FILES,
	COMPLETES_NODES,     /* names of the nodes on this machine */
	COMPLETES_PEERS,     /* names of peers */
	COMPLETES_MEMBERS,   /* names of all nodes of the network */
	COMPLETES_TAGS,	     /* of all nodes of the network */
	COMPLETES_ADDRESSES, /* in the address book */
	COMPLETES_BANS,
	COMPLETES_SETTINGS,
	COMPLETES_KINDS, /* of events */
	COMPLETES_COLUMNS,
	COMPLETES_SHELLS,
};

struct option_kind {
	const char *name;
	const char *argument; /* NULL for none; "[=SECONDS]" for one that may be left off */
	const char *help;
	enum completes completes;
	char letter; /* '\0' for none */
};

extern const struct option_kind option_kinds[OPTION_IDS];

struct options {
	const char *values[OPTION_IDS]; /* NULL for one that isn't given; "" for one without an argument */
	char **operands;
	size_t operand_count;
	size_t before_dashes; /* how many of the operands come before a "--" */
};

/* The options before the command. *used is how many words they were. False with a problem. */
bool options_parse_common(struct options *options, int argc, char **argv, int *used, struct problem *problem);
/*
 * What follows the command's name, which is argv[0]: own is a list of the options that it takes besides those of every
 * command, ended by OPTION_NONE. Moves the operands to the end of argv. False with a problem.
 */
bool options_parse_own(struct options *options, const enum option_id *own, int argc, char **argv,
		       struct problem *problem);

bool option_is_given(const struct options *options, enum option_id id);
/* The option's number, or that one if it isn't given. False with a problem if it is none from least to most. */
bool option_number(const struct options *options, enum option_id id, double least, double most, double otherwise,
		   double *number, struct problem *problem);

/* As it is typed: "-s", "--watch". */
enum { OPTION_TEXT_BYTES = 32 };
void option_format(enum option_id id, char out[static OPTION_TEXT_BYTES]);

#endif
