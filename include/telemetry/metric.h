/*
 * The metrics of a node: one table of their names, types, units and help, in the words of Prometheus. Where a value
 * comes from is another matter: counters.h counts, the control socket asks for the rest.
 */
#ifndef KITH_METRIC_H
#define KITH_METRIC_H

#include <stdbool.h>

enum metric_id {
	METRIC_NODE_INFO,
	METRIC_START_TIME,
	METRIC_UPTIME,
	METRIC_CONNECTIONS,
	METRIC_PEERS,
	METRIC_PING_RTT,
	METRIC_PINGS,
	METRIC_DIALS,
	METRIC_REFUSED,
	METRIC_PEERS_GONE,
	METRIC_PEERS_LATE,
	METRIC_PEERS_SILENT,
	METRIC_MESSAGES,
	METRIC_MESSAGE_BYTES,
	METRIC_ADDRESSES,
	METRIC_FAILED_ADDRESSES,
	METRIC_BANS,
	METRIC_BANNED,
	METRIC_PROBLEMS,
	METRIC_NODES,
	METRIC_BROKEN_PAIRS,
	METRIC_MESH_PROBLEMS,
	METRIC_OLDEST_REPORT,
	METRIC_REPORTS_MEMORY,
	METRIC_REPORTS_RELAYED,
	METRIC_THREADS,
	METRIC_MEMORY,
	METRIC_CPU,
	METRIC_DESCRIPTORS,
	METRIC_JOURNAL_EVENTS,
	METRIC_JOURNAL_NOTED,
	METRIC_JOURNAL_LEFT_OUT,
	METRIC_JOURNAL_BYTES,
	METRIC_LOG_DROPPED,
	METRIC_CONTROL_CLIENTS,
	METRIC_CONTROL_REQUESTS,
	METRICS,
};

struct metric {
	const char *name;
	const char *type; /* "counter", "gauge" or "histogram" */
	const char *unit; /* "seconds", "bytes", or "" */
	const char *help;
};

extern const struct metric metric_table[METRICS];

#endif
