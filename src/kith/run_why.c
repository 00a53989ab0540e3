#include "kith/command.h"

#include "kith/answer.h"
#include "kith/finder.h"
#include "kith/story.h"

static bool keep(void *context, struct json_object *row)
{
	return rows_add(context, row);
}

enum outcome run_why(const struct command_kind *kind, const struct options *options)
{
	struct session session;
	struct rows facts = {0};
	struct buffer out = {0};
	(void)kind;
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	struct row row = row_begin(&out, "why");
	bool is_pair = options->operand_count > 1;
	row_text(&row, "about", options->operands[0]);
	if (is_pair)
		row_text(&row, "other", options->operands[1]);
	outcome = session_send_row(&session, &row) ? answer_read(&session, options, keep, &facts) : session.outcome;
	if (outcome == OUTCOME_DONE && !option_is_given(options, OPTION_JSON) &&
	    !(is_pair ? story_print_between(stdout, &facts) : story_print(stdout, &facts, options->operands[0])))
		outcome = complain_no_memory();
	rows_fini(&facts);
	session_fini(&session);
	return outcome;
}
