#include "kith/command.h"

#include <string.h>

#include "kith/answer.h"
#include "kith/finder.h"
#include "kith/network.h"
#include "kith/repeat.h"

/* Is the output a table of rows, or JSON, rather than words for people? */
static bool is_for_programs(const struct options *options)
{
	return option_is_given(options, OPTION_JSON) || option_is_given(options, OPTION_RAW);
}

/* ---- nodes ---- */

struct nodes {
	const struct options *options;
	struct rows all, shown;
	struct rows problems;
};

static bool has_tag(struct json_object *node, const char *wanted)
{
	struct json_object *tags = NULL;
	if (!json_object_object_get_ex(node, "tags", &tags) || !json_object_is_type(tags, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(tags); i++) {
		const char *tag = json_string(json_object_array_get_idx(tags, i));
		if (tag != NULL && strcmp(tag, wanted) == 0)
			return true;
	}
	return false;
}

static bool is_wanted(struct json_object *node, const struct options *options)
{
	bool wanted = true;
	for (size_t i = 0; i < options->operand_count && wanted; i++)
		wanted = has_tag(node, options->operands[i]);
	return wanted;
}

/* False if there is no memory. */
static bool take_row(struct nodes *nodes, struct session *session)
{
	const char *msgtype = value_text(session->row, "msgtype");
	if (strcmp(msgtype, "problem") == 0)
		return rows_add(&nodes->problems, session->row);
	if (strcmp(msgtype, "node") != 0)
		return true;
	bool wanted = is_wanted(session->row, nodes->options);
	if (wanted && option_is_given(nodes->options, OPTION_JSON))
		answer_print_row(session);
	return rows_add(&nodes->all, session->row) && (!wanted || rows_add(&nodes->shown, session->row));
}

static enum outcome take_nodes(struct nodes *nodes, struct session *session)
{
	bool wants_problems = !is_for_programs(nodes->options);
	if (!session_ask(session, "nodes") || (wants_problems && !session_ask(session, "problems")))
		return session->outcome;
	for (int answers = wants_problems ? 2 : 1; answers > 0;) {
		enum session_result result = session_expect(session);
		if (result == SESSION_FAILED)
			return session->outcome;
		if (result == SESSION_END)
			answers--;
		else if (!take_row(nodes, session))
			return complain_no_memory();
	}
	return OUTCOME_DONE;
}

static enum outcome show_nodes(struct nodes *nodes)
{
	const struct options *options = nodes->options;
	if (option_is_given(options, OPTION_JSON))
		return OUTCOME_DONE;
	if (!network_complete_nodes(&nodes->all))
		return complain_no_memory();
	enum outcome outcome = list_show(&list_nodes, options, &nodes->shown);
	if (outcome == OUTCOME_DONE && !is_for_programs(options) &&
	    !network_print_foot(stdout, &nodes->all, &nodes->shown, &nodes->problems))
		outcome = complain_no_memory();
	return outcome;
}

static enum outcome print_nodes(const struct command_kind *kind, const struct options *options)
{
	struct session session;
	struct nodes nodes = {.options = options};
	(void)kind;
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	outcome = take_nodes(&nodes, &session);
	if (outcome == OUTCOME_DONE)
		outcome = show_nodes(&nodes);
	session_fini(&session);
	rows_fini(&nodes.all);
	rows_fini(&nodes.shown);
	rows_fini(&nodes.problems);
	return outcome;
}

enum outcome run_nodes(const struct command_kind *kind, const struct options *options)
{
	return repeat(kind, options, print_nodes);
}

/* ---- links and problems ---- */

static bool keep(void *context, struct json_object *row)
{
	return rows_add(context, row);
}

/* Asks for the rows of the list, for one node or all of them, and shows them. */
static enum outcome print_rows(const struct list *list, const struct options *options, bool as_sentences)
{
	struct session session;
	struct rows rows = {0};
	struct buffer out = {0};
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	struct row request = row_begin(&out, list->request);
	if (options->operand_count > 0)
		row_text(&request, "peer", options->operands[0]);
	outcome = session_send_row(&session, &request) ? answer_read(&session, options, keep, &rows) : session.outcome;
	if (outcome == OUTCOME_DONE && as_sentences)
		outcome = network_print_problems(stdout, &rows) ? OUTCOME_DONE : complain_no_memory();
	else if (outcome == OUTCOME_DONE && !option_is_given(options, OPTION_JSON))
		outcome = list_show(list, options, &rows);
	if (outcome == OUTCOME_DONE && list == &list_links && rows.count > 0 && !is_for_programs(options))
		network_print_links_foot(stdout, &rows);
	session_fini(&session);
	rows_fini(&rows);
	return outcome;
}

static enum outcome print_links(const struct command_kind *kind, const struct options *options)
{
	(void)kind;
	return print_rows(&list_links, options, false);
}

enum outcome run_links(const struct command_kind *kind, const struct options *options)
{
	return repeat(kind, options, print_links);
}

static enum outcome print_problems(const struct command_kind *kind, const struct options *options)
{
	(void)kind;
	return print_rows(&list_problems, options,
			  !is_for_programs(options) && !option_is_given(options, OPTION_COLUMNS));
}

enum outcome run_problems(const struct command_kind *kind, const struct options *options)
{
	return repeat(kind, options, print_problems);
}
