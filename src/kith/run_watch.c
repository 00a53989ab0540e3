#include "kith/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kith/answer.h"
#include "kith/events.h"
#include "kith/finder.h"
#include "kith/value.h"

/* As the request wants it: the number of an event, or a text like "10m". */
static void add_since(struct row *row, const char *since)
{
	char *end;
	errno = 0;
	long long number = strtoll(since, &end, 10);
	if (*end == '\0' && end != since && errno == 0)
		row_integer(row, "since", number);
	else
		row_text(row, "since", since);
}

static bool ask(struct session *session, const struct options *options)
{
	struct buffer out = {0};
	struct row row = row_begin(&out, "watch");
	if (option_is_given(options, OPTION_SINCE))
		add_since(&row, options->values[OPTION_SINCE]);
	if (options->operand_count > 0) {
		row_open_list(&row, "kinds");
		for (size_t i = 0; i < options->operand_count; i++)
			row_text(&row, NULL, event_kind(options->operands[i]));
		row_close_list(&row);
	}
	return session_send_row(session, &row);
}

static enum outcome print_events(struct session *session, bool is_json)
{
	struct event_columns columns = {.kind_width = 4};
	enum session_result result;
	session->patience_ms = SESSION_FOREVER_MS;
	while ((result = session_next(session)) == SESSION_ROW) {
		if (is_json)
			answer_print_row(session);
		else if (!event_print(session->row, &columns))
			return complain_no_memory();
		if (!session_has_more(session) && !outcome_flush(stdout))
			return OUTCOME_SYSTEM_FAILS;
	}
	if (result == SESSION_END)
		return complain(OUTCOME_NO_NODE, "the node has stopped");
	return session->outcome;
}

enum outcome run_watch(const struct command_kind *kind, const struct options *options)
{
	struct session session;
	(void)kind;
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	outcome = ask(&session, options) ? print_events(&session, option_is_given(options, OPTION_JSON))
					 : session.outcome;
	session_fini(&session);
	return outcome;
}
