#include "kith/health_check.h"

#include <string.h>

#include "base/text.h"
#include "kith/status.h"
#include "kith/value.h"

bool health_check_parse_limits(const struct options *options, struct health_limits *limits, struct problem *problem)
{
	enum { PEERS_MOST = 1000000, RTT_MOST_MS = 86400000, NONE = -1, USUAL_LEAST = 1 };
	return option_number(options, OPTION_MIN_PEERS, 0, PEERS_MOST, NONE, &limits->min_peers, problem) &&
	       option_number(options, OPTION_MIN_PEERS_CRITICAL, 0, PEERS_MOST, USUAL_LEAST,
			     &limits->min_peers_critical, problem) &&
	       option_number(options, OPTION_MAX_RTT, 0, RTT_MOST_MS, NONE, &limits->max_rtt_ms, problem) &&
	       option_number(options, OPTION_MAX_RTT_CRITICAL, 0, RTT_MOST_MS, NONE, &limits->max_rtt_critical_ms,
			     problem);
}

bool health_check_ask(struct session *session)
{
	/* An older node knows no problems of the network. */
	session->tolerates_unknown = true;
	return session_ask(session, "info") && status_ask_for_peers(session) && session_ask(session, "problems");
}

void health_check_fini(struct health_check *check)
{
	json_object_put(check->info);
	rows_fini(&check->peers);
	rows_fini(&check->problems);
	*check = (struct health_check){0};
}

bool health_check_take(struct health_check *check, struct json_object *row)
{
	const char *msgtype = value_text(row, "msgtype");
	if (strcmp(msgtype, "peer") == 0)
		return rows_add(&check->peers, row);
	if (strcmp(msgtype, "problem") == 0)
		return rows_add(&check->problems, row);
	if (strcmp(msgtype, "info") == 0 && check->info == NULL)
		check->info = json_object_get(row);
	return true;
}

enum outcome health_check_describe_unknown(const char *why, struct buffer *out)
{
	static const char head[] = "KITH UNKNOWN - ";
	char line[PROBLEM_BYTES];
	size_t length = text_escape(line, sizeof line, why, strlen(why), TEXT_LINE);
	for (char *at = line; (at = strchr(at, '|')) != NULL;)
		*at = '/';
	return buffer_append(out, head, strlen(head)) && buffer_append(out, line, length) ? OUTCOME_UNKNOWN
											  : complain_no_memory();
}

enum outcome health_check_describe(const struct health_check *check, const struct health_limits *limits,
				   struct buffer *out)
{
	if (check->info == NULL)
		return health_check_describe_unknown("the node does not say how it is", out);
	enum outcome outcome = health_describe(check->info, &check->peers, &check->problems, limits, out);
	if (outcome == OUTCOME_UNKNOWN)
		buffer_fini(out);
	return outcome == OUTCOME_UNKNOWN ? health_check_describe_unknown("out of memory", out) : outcome;
}
