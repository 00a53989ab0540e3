#include "kith/command.h"

#include <string.h>

#include "kith/finder.h"
#include "kith/health.h"
#include "kith/status.h"
#include "kith/value.h"
#include "kith/words.h"

/* What is wrong goes to stdout, which is what monitoring shows. */
static enum outcome say_unknown(const struct problem *problem)
{
	char line[PROBLEM_BYTES];
	text_escape(line, sizeof line, problem->text, strlen(problem->text), TEXT_LINE);
	for (char *at = line; (at = strchr(at, '|')) != NULL;)
		*at = '/';
	printf("KITH UNKNOWN - %s\n", line);
	return OUTCOME_UNKNOWN;
}

static bool parse_limits(const struct options *options, struct health_limits *limits, struct problem *problem)
{
	enum { PEERS_MOST = 1000000, RTT_MOST_MS = 86400000, NONE = -1, USUAL_LEAST = 1 };
	return option_number(options, OPTION_MIN_PEERS, 0, PEERS_MOST, NONE, &limits->min_peers, problem) &&
	       option_number(options, OPTION_MIN_PEERS_CRITICAL, 0, PEERS_MOST, USUAL_LEAST,
			     &limits->min_peers_critical, problem) &&
	       option_number(options, OPTION_MAX_RTT, 0, RTT_MOST_MS, NONE, &limits->max_rtt_ms, problem) &&
	       option_number(options, OPTION_MAX_RTT_CRITICAL, 0, RTT_MOST_MS, NONE, &limits->max_rtt_critical_ms,
			     problem);
}

/* Reads the answers to info and peers. */
static bool take_answers(struct session *session, struct json_object **info, struct rows *peers)
{
	enum { ANSWERS = 2 };
	for (int answers = 0; answers < ANSWERS;) {
		enum session_result result = session_expect(session);
		const char *msgtype = result == SESSION_ROW ? value_text(session->row, "msgtype") : "";
		if (result == SESSION_FAILED)
			return false;
		if (result == SESSION_END)
			answers++;
		else if (strcmp(msgtype, "info") == 0 && *info == NULL)
			*info = json_object_get(session->row);
		else if (strcmp(msgtype, "peer") == 0 && !rows_add(peers, session->row))
			return complain_no_memory() == OUTCOME_DONE;
	}
	return *info != NULL;
}

static bool ask(const struct options *options, struct json_object **info, struct rows *peers)
{
	struct session session;
	if (finder_connect(options, &session) != OUTCOME_DONE)
		return false;
	bool is_answered =
		session_ask(&session, "info") && status_ask_for_peers(&session) && take_answers(&session, info, peers);
	session_fini(&session);
	return is_answered;
}

enum outcome run_check(const struct command_kind *kind, const struct options *options)
{
	struct health_limits limits;
	struct problem problem = {.text = "the node does not say how it is"};
	struct json_object *info = NULL;
	struct rows peers = {0};
	struct buffer line = {0};
	enum outcome outcome;
	(void)kind;
	if (!parse_limits(options, &limits, &problem))
		return say_unknown(&problem);
	complain_into(&problem);
	if (!ask(options, &info, &peers)) {
		outcome = say_unknown(&problem);
	} else if ((outcome = health_describe(info, &peers, &limits, &line)) == OUTCOME_UNKNOWN) {
		complain_no_memory();
		say_unknown(&problem);
	} else {
		printf("%.*s\n", (int)buffer_length(&line), buffer_content(&line));
	}
	complain_into(NULL);
	buffer_fini(&line);
	json_object_put(info);
	rows_fini(&peers);
	return outcome;
}
