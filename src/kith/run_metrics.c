#include "kith/command.h"

#include <string.h>

#include "kith/exposition.h"
#include "kith/finder.h"
#include "kith/replace.h"
#include "kith/value.h"

/* Reads the answers of that many requests. */
static enum outcome take_answers(struct session *session, int wanted, struct rows *metrics, struct rows *peers)
{
	for (int answers = 0; answers < wanted;) {
		enum session_result result = session_expect(session);
		if (result == SESSION_FAILED)
			return session->outcome;
		if (result == SESSION_END) {
			answers++;
			continue;
		}
		const char *msgtype = value_text(session->row, "msgtype");
		struct rows *rows = strcmp(msgtype, "metric") == 0 ? metrics
				    : strcmp(msgtype, "peer") == 0 ? peers
								   : NULL;
		if (rows != NULL && !rows_add(rows, session->row))
			return complain_no_memory();
	}
	return OUTCOME_DONE;
}

static enum outcome ask(const struct options *options, bool wants_peers, struct rows *metrics, struct rows *peers)
{
	struct session session;
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	bool is_asked = session_ask(&session, "metrics") && (!wants_peers || session_ask(&session, "peers"));
	outcome = is_asked ? take_answers(&session, wants_peers ? 2 : 1, metrics, peers) : session.outcome;
	session_fini(&session);
	return outcome;
}

/* Readable for the exporter of another user. */
static enum outcome put(const struct options *options, const struct buffer *text)
{
	enum { MODE = 0644 };
	const char *path = options->values[OPTION_WRITE];
	struct problem problem;
	if (path == NULL) {
		printf("%.*s", (int)buffer_length(text), buffer_content(text));
		return OUTCOME_DONE;
	}
	return replace_file(path, MODE, buffer_content(text), buffer_length(text), &problem)
		       ? OUTCOME_DONE
		       : complain(OUTCOME_SYSTEM_FAILS, "%s", problem.text);
}

enum outcome run_metrics(const struct command_kind *kind, const struct options *options)
{
	enum { PEERS_MOST = 100000 };
	struct rows metrics = {0}, peers = {0};
	struct buffer text = {0};
	struct problem problem;
	double most;
	(void)kind;
	if (!option_number(options, OPTION_PEERS, 0, PEERS_MOST, 0, &most, &problem))
		return complain(OUTCOME_WRONG_USAGE, "%s", problem.text);
	enum outcome outcome = ask(options, most > 0, &metrics, &peers), put_outcome = OUTCOME_DONE;
	bool is_up = outcome == OUTCOME_DONE;
	bool is_good = exposition_add_up(&text, is_up) &&
		       (!is_up ||
			(exposition_add_metrics(&text, &metrics) && exposition_add_peers(&text, &peers, (size_t)most)));
	if (!is_good)
		put_outcome = complain_no_memory();
	else if (is_up || (outcome == OUTCOME_NO_NODE && option_is_given(options, OPTION_WRITE)))
		/* Else the file would say for ever what the node said last. */
		put_outcome = put(options, &text);
	buffer_fini(&text);
	rows_fini(&metrics);
	rows_fini(&peers);
	return is_up ? put_outcome : outcome;
}
