#include "kith/command.h"

#include "kith/answer.h"
#include "kith/finder.h"
#include "kith/repeat.h"
#include "kith/status.h"

/* All at once, so that the node answers at once. */
static bool ask_all(struct session *session)
{
	struct buffer out = {0};
	if (!session_ask(session, "info") || !session_ask(session, "peers") || !session_ask(session, "addresses"))
		return false;
	struct row row = row_begin(&out, "watch");
	row_text(&row, "since", "1d");
	row_json(&row, "kinds", "[\"peer_up\",\"peer_down\"]");
	row_boolean(&row, "follow", false);
	return session_send_row(session, &row);
}

static enum outcome take_answers(struct session *session, struct status *status, bool is_json)
{
	enum { ANSWERS = 4 };
	enum session_result result;
	/* An older node tells less. */
	session->tolerates_unknown = true;
	for (int answers = 0; answers < ANSWERS;) {
		result = session_expect(session);
		if (result == SESSION_FAILED)
			return session->outcome;
		if (result == SESSION_END)
			answers++;
		else if (is_json)
			answer_print_row(session);
		else
			status_take(status, session->row);
	}
	return is_json || status_print(stdout, status) ? OUTCOME_DONE : complain_no_memory();
}

static enum outcome print_once(const struct command_kind *kind, const struct options *options)
{
	struct session session;
	struct status status = {0};
	(void)kind;
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	outcome = ask_all(&session) ? take_answers(&session, &status, option_is_given(options, OPTION_JSON))
				    : session.outcome;
	session_fini(&session);
	status_fini(&status);
	return outcome;
}

enum outcome run_status(const struct command_kind *kind, const struct options *options)
{
	return repeat(kind, options, print_once);
}
