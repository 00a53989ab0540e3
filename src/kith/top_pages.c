#include "kith/top_pages.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* clang-format off */

/* ---- peers ---- */

static const struct top_column peer_columns[] = {
	{"NAME", "name", "name", NULL, 8, 40, FORM_PLAIN, false, 'n'},
	{"NODEID", "nodeid", "nodeid", NULL, 8, 8, FORM_NODEID, false, 'i'},
	{"ADDRESS", "address", "listen", "address", 15, 47, FORM_PLAIN, false, 'a'},
	{"DIR", "direction", "direction", NULL, 3, 3, FORM_PLAIN, false, 'd'},
	{"STATE", "state", "state", NULL, 5, 5, FORM_PLAIN, false, 's'},
	{"RTT", "rtt", "rtt_ms", NULL, 7, 7, FORM_RTT, true, 't'},
	{"HEARD", "heard", "heard_s", "ago_s", 6, 6, FORM_SECONDS, true, 'e'},
	{"UP", "up", "up_s", "age_s", 6, 6, FORM_SECONDS, true, 'u'},
	{"BYTES_IN", "bytes in", "bytes_in", NULL, 8, 8, FORM_BYTES, true, 'b'},
	{"BYTES_OUT", "bytes out", "bytes_out", NULL, 9, 9, FORM_BYTES, true, 'o'},
	{"AGENT", "agent", "agent", NULL, 11, 30, FORM_PLAIN, false, 'g'},
};
static const unsigned char peers_by_importance[] = {0, 4, 5, 2, 7, 1, 3, 6, 8, 9, 10};
static const char *const peer_states[] = {"gone", "late", "dial", "hello", NULL};

/* ---- nodes ---- */

static const struct top_column node_columns[] = {
	{"NAME", "name", "name", NULL, 8, 40, FORM_PLAIN, false, 'n'},
	{"NODEID", "nodeid", "nodeid", NULL, 8, 8, FORM_NODEID, false, 'i'},
	{"ADDRESS", "address", "address", "note", 15, 47, FORM_PLAIN, false, 'a'},
	{"STATE", "state", "state", NULL, 6, 6, FORM_PLAIN, false, 's'},
	{"SEEN_BY", "seen by", "seen_by", NULL, 7, 9, FORM_PLAIN, false, 'b'},
	{"LATE", "how many say it is late", "late_links", NULL, 4, 4, FORM_PLAIN, true, 'l'},
	{"RTT", "rtt", "rtt_ms", NULL, 7, 7, FORM_RTT, true, 't'},
	{"HOPS", "hops", "hops", NULL, 4, 4, FORM_PLAIN, true, 'o'},
	{"SINCE", "time in its state", "state_s", NULL, 8, 19, FORM_SINCE, true, 'e'},
	{"UP", "up", "up_s", NULL, 6, 6, FORM_SECONDS, true, 'u'},
	{"REASON", "reason", "reason", NULL, 18, 40, FORM_PLAIN, false, '\0'},
	{"TAGS", "tags", "tags", NULL, 8, 40, FORM_PLAIN, false, 'y'},
	{"AGENT", "agent", "agent", NULL, 11, 30, FORM_PLAIN, false, 'g'},
};
static const unsigned char nodes_by_importance[] = {0, 3, 6, 2, 4, 8, 1, 10, 11, 9, 7, 5, 12};
static const char *const node_states[] = {"gone", "out_of_reach", "late", NULL};

/* ---- links ---- */

static const struct top_column link_columns[] = {
	{"ONE", "the one", "one_name", "one", 8, 40, FORM_NAME, false, 'n'},
	{"OTHER", "the other", "other_name", "other", 8, 40, FORM_NAME, false, 'o'},
	{"STATE", "state", "state", NULL, 7, 7, FORM_PLAIN, false, 's'},
	{"RTT", "rtt", "rtt_ms", NULL, 7, 7, FORM_RTT, true, 't'},
	{"DOWN", "time down", "down_s", NULL, 8, 19, FORM_SINCE, true, 'e'},
	{"DIALLED", "who dialled", "dialled_by", NULL, 7, 7, FORM_PLAIN, false, 'd'},
	{"ONE_SAYS", "what the one says", "one_says", NULL, 14, 60, FORM_PLAIN, false, '\0'},
	{"OTHER_SAYS", "what the other says", "other_says", NULL, 14, 60, FORM_PLAIN, false, '\0'},
};
static const unsigned char links_by_importance[] = {0, 1, 2, 3, 6, 7, 4, 5};
static const char *const link_states[] = {"down", "late", "one_way", "fading", NULL};

/* ---- problems ---- */

static const struct top_column problem_columns[] = {
	{"KIND", "kind", "kind", NULL, 9, 11, FORM_PLAIN, false, 's'},
	{"SINCE", "time that it lasts", "since_s", "raised_s", 8, 19, FORM_SINCE, true, 'e'},
	{"TEXT", "text", "text", NULL, 20, 1000, FORM_PLAIN, false, 't'},
};
static const unsigned char problems_by_importance[] = {0, 2, 1};
static const char *const problem_kinds[] = {"me",	"partition", "node",   "cut",	      "link",	"one_way", "fading",
					    "slow",	"clock",     "double", "turned_away", "single", NULL};

/* clang-format on */

#define PAGE(word, columns, by_importance, state, states, sort)                                                        \
	{                                                                                                              \
		word, columns, COUNT_OF(columns), by_importance, state, states, sort                                   \
	}

const struct top_page_kind top_pages[TOP_PAGES] = {
	[TOP_PEERS] = PAGE("peers", peer_columns, peers_by_importance, 4, peer_states, 0),
	[TOP_NODES] = PAGE("nodes", node_columns, nodes_by_importance, 3, node_states, 0),
	[TOP_LINKS] = PAGE("links", link_columns, links_by_importance, 2, link_states, 2),
	[TOP_PROBLEMS] = PAGE("problems", problem_columns, problems_by_importance, 0, problem_kinds, 0),
};
