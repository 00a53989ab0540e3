#include "kith/command.h"

#include <string.h>

#define LIST_OPTIONS OPTION_JSON, OPTION_COLUMNS, OPTION_RAW, OPTION_NO_HEADINGS, OPTION_WATCH

/* clang-format off */
const struct command_kind command_kinds[] = {
	{.name = "status", .operands = "", .run = run_status, .options = {OPTION_JSON, OPTION_WATCH},
	 .help = "this node and its peers, problems first; also without a command"},
	{.name = "info", .operands = "", .run = run_info, .options = {OPTION_JSON, OPTION_COLUMNS, OPTION_RAW, OPTION_WATCH},
	 .help = "this node: who it is, where it listens, how many peers it has"},
	{.name = "peers", .operands = "", .run = run_list, .list = &list_peers, .options = {LIST_OPTIONS},
	 .help = "the connections to other nodes"},
	{.name = "watch", .operands = "[KIND]...", .most = COMMAND_ANY, .completes = COMPLETES_KINDS, .run = run_watch,
	 .options = {OPTION_JSON, OPTION_SINCE},
	 .help = "events as they happen: peers that come and go, dials that fail, settings that change"},
	{.name = "call", .operands = "JSON", .least = 1, .most = 1, .run = run_call,
	 .options = {OPTION_JSON},
	 .help = "send one request, and print the rows: kith call '{\"msgtype\":\"help\"}'"},
	{.name = "help", .operands = "[COMMAND]", .most = 1, .completes = COMPLETES_COMMANDS, .run = run_help,
	 .options = {OPTION_NONE},
	 .help = "what kith, or one command, takes"},
};
/* clang-format on */

const size_t command_count = sizeof command_kinds / sizeof *command_kinds;

const struct command_kind *command_find(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(command_kinds[i].name, name) == 0)
			return &command_kinds[i];
	return NULL;
}
