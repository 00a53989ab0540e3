#include "kith/command.h"

#include <string.h>

#define LIST_OPTIONS OPTION_JSON, OPTION_COLUMNS, OPTION_RAW, OPTION_NO_HEADINGS, OPTION_WATCH

/* clang-format off */
const struct command_kind command_kinds[] = {
	{.name = "status", .operands = "", .run = run_status, .options = {OPTION_JSON, OPTION_WATCH},
	 .help = "this node and its peers, problems first; also without a command"},
	{.name = "nodes", .operands = "[TAG=VALUE]...", .most = COMMAND_ANY, .completes = COMPLETES_TAGS, .run = run_nodes,
	 .list = &list_nodes, .options = {LIST_OPTIONS},
	 .help = "all nodes of the network, or those with these tags"},
	{.name = "links", .operands = "[NODE]", .most = 1, .completes = COMPLETES_MEMBERS, .run = run_links,
	 .list = &list_links, .options = {LIST_OPTIONS},
	 .help = "who is connected with whom, and what both say where that fails"},
	{.name = "problems", .operands = "", .run = run_problems, .list = &list_problems, .options = {LIST_OPTIONS},
	 .help = "what is wrong in the network, since when, and what to check"},
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
	 .help = "peers, nodes, links and problems on the full screen, refreshed: sort, search, look into one"},
	{.name = "map", .operands = "", .run = run_map, .options = {OPTION_WATCH, OPTION_DOT, OPTION_SVG, OPTION_HTML},
	 .help = "the whole network: which nodes can talk, how far apart they are, and what is wrong"},
	{.name = "web", .operands = "", .run = run_web,
	 .options = {OPTION_LISTEN, OPTION_HOST, OPTION_MIN_PEERS, OPTION_MIN_PEERS_CRITICAL, OPTION_MAX_RTT,
		     OPTION_MAX_RTT_CRITICAL},
	 .help = "the map for browsers, /metrics for Prometheus and /healthz, over HTTP"},
	{.name = "why", .operands = "NODE|ADDRESS [NODE]", .least = 1, .most = 2, .completes = COMPLETES_MEMBERS,
	 .run = run_why, .options = {OPTION_JSON},
	 .help = "what has happened to a node or an address, or what is between two nodes"},
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
	{.name = "local", .operands = "", .run = run_local, .options = {OPTION_RAW, OPTION_NO_HEADINGS},
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
