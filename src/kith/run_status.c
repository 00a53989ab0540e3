#include "kith/command.h"

#include "kith/answer.h"
#include "kith/finder.h"
#include "kith/repeat.h"
#include "kith/status.h"

static bool ask_for_events(struct session *session, const char *kinds)
{
	struct buffer out = {0};
	struct row row = row_begin(&out, "watch");
	row_text(&row, "since", "1d");
	row_json(&row, "kinds", kinds);
	row_boolean(&row, "follow", false);
	return session_send_row(session, &row);
}

/* A full address book has 80,000 addresses, most of which nobody has dialled. */
static bool ask_for_missing(struct session *session)
{
	struct buffer out = {0};
	struct row row = row_begin(&out, "addresses");
	row_boolean(&row, "missing", true);
	return session_send_row(session, &row);
}

/*
 * All at once, so that the node answers at once. For people only what the status is made of: a node that went before
 * the peers are listed, and is not among them, is gone; so of the events the departures are enough.
 */
static bool ask_all(struct session *session, bool is_json)
{
	if (!session_ask(session, "info") || !session_ask(session, "problems"))
		return false;
	if (is_json)
		return session_ask(session, "peers") && session_ask(session, "addresses") &&
		       ask_for_events(session, "[\"peer_up\",\"peer_down\"]");
	return ask_for_events(session, "[\"peer_down\"]") && status_ask_for_peers(session) && ask_for_missing(session);
}

static enum outcome take_answers(struct session *session, struct status *status, bool is_json)
{
	enum { ANSWERS = 5 };
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
	bool is_json = option_is_given(options, OPTION_JSON);
	outcome = ask_all(&session, is_json) ? take_answers(&session, &status, is_json) : session.outcome;
	session_fini(&session);
	status_fini(&status);
	return outcome;
}

enum outcome run_status(const struct command_kind *kind, const struct options *options)
{
	return repeat(kind, options, print_once);
}
