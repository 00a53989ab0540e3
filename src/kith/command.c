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
	{.name = "addresses", .operands = "", .run = run_list, .list = &list_addresses, .options = {LIST_OPTIONS},
	 .help = "the address book: where other nodes may be, and why dials fail"},
	{.name = "settings", .operands = "", .run = run_list, .list = &list_settings, .options = {LIST_OPTIONS},
	 .help = "the settings, and where each was set"},
	{.name = "bans", .operands = "", .run = run_list, .list = &list_bans, .options = {LIST_OPTIONS},
	 .help = "the hosts and blocks that are banned now"},
	{.name = "watch", .operands = "[KIND]...", .most = COMMAND_ANY, .completes = COMPLETES_KINDS, .run = run_watch,
	 .options = {OPTION_JSON, OPTION_SINCE},
	 .help = "events as they happen: peers that come and go, dials that fail, settings that change"},
	{.name = "top", .operands = "", .run = run_top, .options = {OPTION_INTERVAL},
	 .help = "status, refreshed, on the full screen: sort, search, and look into a peer"},
	{.name = "why", .operands = "NAME|NODEID|ADDRESS", .least = 1, .most = 1, .completes = COMPLETES_PEERS,
	 .run = run_why, .options = {OPTION_JSON},
	 .help = "what has happened to a node or an address, and what keeps it away"},
	{.name = "ping", .operands = "PEER", .least = 1, .most = 1, .completes = COMPLETES_PEERS, .run = run_ping,
	 .options = {OPTION_JSON, OPTION_COUNT},
	 .help = "ping a peer now; 4 times, or -c COUNT; -c 0 goes on"},
	{.name = "connect", .operands = "ADDRESS", .least = 1, .most = 1, .completes = COMPLETES_ADDRESSES,
	 .run = run_steer, .options = {OPTION_JSON},
	 .help = "dial an address now, and wait for what comes of it"},
	{.name = "disconnect", .operands = "PEER", .least = 1, .most = 1, .completes = COMPLETES_PEERS,
	 .run = run_steer, .options = {OPTION_JSON},
	 .help = "end the connection with a peer; either side may dial again"},
	{.name = "forget", .operands = "ADDRESS", .least = 1, .most = 1, .completes = COMPLETES_ADDRESSES,
	 .run = run_steer, .options = {OPTION_JSON},
	 .help = "remove an address from the address book"},
	{.name = "ban", .operands = "BLOCK [DURATION]", .least = 1, .most = 2, .completes = COMPLETES_ADDRESSES,
	 .run = run_steer, .options = {OPTION_JSON},
	 .help = "refuse an address or a block, as in 192.0.2.0/24, for 10m, 2h or 1d"},
	{.name = "unban", .operands = "BLOCK", .least = 1, .most = 1, .completes = COMPLETES_BANS, .run = run_steer,
	 .options = {OPTION_JSON},
	 .help = "end a ban"},
	{.name = "set", .operands = "SETTING VALUE...", .least = 1, .most = COMMAND_ANY,
	 .completes = COMPLETES_SETTINGS, .run = run_steer, .options = {OPTION_JSON},
	 .help = "change a setting of the running node, until its next reload or restart"},
	{.name = "reload", .operands = "", .run = run_steer, .options = {OPTION_JSON},
	 .help = "read the settings and the secrets again, and tell what has changed"},
	{.name = "stop", .operands = "", .run = run_steer, .options = {OPTION_JSON},
	 .help = "stop the node"},
	{.name = "on", .operands = "KIND... -- COMMAND [ARG...]", .least = 2, .most = COMMAND_ANY,
	 .completes = COMPLETES_KINDS, .run = run_on, .options = {OPTION_TIMEOUT, OPTION_INITIAL, OPTION_CURSOR},
	 .help = "run a command for each event of these kinds"},
	{.name = "check", .operands = "", .run = run_check,
	 .options = {OPTION_MIN_PEERS, OPTION_MIN_PEERS_CRITICAL, OPTION_MAX_RTT, OPTION_MAX_RTT_CRITICAL},
	 .help = "one line for Nagios and similar, with an exit status from 0 to 3"},
	{.name = "metrics", .operands = "", .run = run_metrics, .options = {OPTION_WRITE, OPTION_PEERS},
	 .help = "counts and measures in the text format of Prometheus"},
	{.name = "nodes", .operands = "", .run = run_nodes, .options = {OPTION_RAW, OPTION_NO_HEADINGS},
	 .help = "the nodes that run on this machine"},
	{.name = "call", .operands = "JSON", .least = 1, .most = 1, .run = run_call,
	 .options = {OPTION_JSON},
	 .help = "send one request, and print the rows: kith call '{\"msgtype\":\"help\"}'"},
	{.name = "completion", .operands = "bash|zsh|fish", .least = 1, .most = 1, .completes = COMPLETES_SHELLS,
	 .run = run_completion, .options = {OPTION_NONE},
	 .help = "print what makes a shell complete the words of kith"},
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
