#include "kith/command.h"

#include <string.h>

#include "kith/answer.h"
#include "kith/finder.h"

/* The request in one line. */
static enum outcome read_request(const char *text, struct buffer *line)
{
	enum { DEPTH = 16 };
	struct json_object *request = NULL;
	struct problem problem;
	enum outcome outcome = OUTCOME_DONE;
	if (!json_parse(text, strlen(text), DEPTH, &request, &problem))
		outcome = complain(OUTCOME_WRONG_USAGE, "%s; write it as in '{\"msgtype\":\"help\"}'", problem.text);
	else if (!json_write(request, line))
		outcome = complain_no_memory();
	json_object_put(request);
	return outcome;
}

static enum outcome print_answer(struct session *session)
{
	enum session_result result;
	/* Some answers come when something happens. */
	session->patience_ms = SESSION_FOREVER_MS;
	while ((result = session_next(session)) == SESSION_ROW) {
		answer_print_row(session);
		if (!session_has_more(session) && !outcome_flush(stdout))
			return OUTCOME_SYSTEM_FAILS;
	}
	return result == SESSION_END ? OUTCOME_DONE : session->outcome;
}

enum outcome run_call(const struct command_kind *kind, const struct options *options)
{
	struct buffer line = {0};
	struct session session;
	(void)kind;
	enum outcome outcome = read_request(options->operands[0], &line);
	if (outcome == OUTCOME_DONE)
		outcome = finder_connect(options, &session);
	if (outcome == OUTCOME_DONE) {
		session.is_typed = true;
		outcome = session_send(&session, buffer_content(&line), buffer_length(&line)) ? print_answer(&session)
											      : session.outcome;
		session_fini(&session);
	}
	buffer_fini(&line);
	return outcome;
}
