/* How a node is, as a plugin for monitoring says it: one line, and a state. Plain values. */
#ifndef KITH_HEALTH_H
#define KITH_HEALTH_H

#include "base/buffer.h"
#include "kith/outcome.h"
#include "kith/rows.h"

/* Negative for none. */
struct health_limits {
	double min_peers, min_peers_critical;
	double max_rtt_ms, max_rtt_critical_ms;
};

/*
 * Appends the line, without its LF, from a row of info and those of peers and problems: OUTCOME_DONE, OUTCOME_WARNING
 * or OUTCOME_CRITICAL; OUTCOME_UNKNOWN if there is no memory.
 */
enum outcome health_describe(struct json_object *info, const struct rows *peers, const struct rows *problems,
			     const struct health_limits *limits, struct buffer *out);

#endif
