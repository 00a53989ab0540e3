#include "kith/command.h"

#include "kith/finder.h"
#include "kith/health_check.h"

static bool take_answers(struct session *session, struct health_check *check)
{
	for (int answers = 0; answers < HEALTH_CHECK_REQUESTS;) {
		enum session_result result = session_expect(session);
		if (result == SESSION_FAILED)
			return false;
		if (result == SESSION_END)
			answers++;
		else if (!health_check_take(check, session->row))
			return complain_no_memory() == OUTCOME_DONE;
	}
	return true;
}

static bool ask(const struct options *options, struct health_check *check)
{
	struct session session;
	if (finder_connect(options, &session) != OUTCOME_DONE)
		return false;
	bool is_answered = health_check_ask(&session) && take_answers(&session, check);
	session_fini(&session);
	return is_answered;
}

/* What is wrong goes to stdout, which is what monitoring shows. */
enum outcome run_check(const struct command_kind *kind, const struct options *options)
{
	struct health_limits limits;
	struct problem problem = {0};
	struct health_check check = {0};
	struct buffer line = {0};
	(void)kind;
	complain_into(&problem);
	bool is_answered = health_check_parse_limits(options, &limits, &problem) && ask(options, &check);
	complain_into(NULL);
	enum outcome outcome = is_answered ? health_check_describe(&check, &limits, &line)
					   : health_check_describe_unknown(problem.text, &line);
	printf("%.*s\n", (int)buffer_length(&line), buffer_content(&line));
	buffer_fini(&line);
	health_check_fini(&check);
	return outcome;
}
