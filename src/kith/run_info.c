#include "kith/command.h"

#include <string.h>

#include "kith/answer.h"
#include "kith/finder.h"
#include "kith/repeat.h"
#include "kith/table.h"
#include "kith/value.h"
#include "kith/words.h"

/* The end of a key says its unit, also of those of newer nodes. *length is that of the rest. */
static enum value_form form_of(struct json_object *row, const char *key, size_t *length)
{
	static const struct {
		const char *suffix;
		enum value_form form;
	} units[] = {{"_s", FORM_SECONDS}, {"_ms", FORM_RTT}, {"_bytes", FORM_BYTES}};
	double seconds;
	const char *text = value_text(row, key);
	*length = strlen(key);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		size_t suffix_length = strlen(units[i].suffix);
		if (*length <= suffix_length || strcmp(key + *length - suffix_length, units[i].suffix) != 0)
			continue;
		*length -= suffix_length;
		return units[i].form;
	}
	return text != NULL && words_parse_time(text, &seconds) ? FORM_TIME : FORM_PLAIN;
}

/* Is the key in the list, separated by commas? */
static bool is_chosen(const char *list, const char *key)
{
	size_t length = strlen(key);
	for (const char *at = list;; at++) {
		if (strncmp(at, key, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
		at = strchr(at, ',');
		if (at == NULL)
			return false;
	}
}

static enum outcome print_row(struct json_object *row, const struct options *options)
{
	const char *chosen = options->values[OPTION_COLUMNS];
	struct table table;
	bool is_raw = option_is_given(options, OPTION_RAW);
	table_init(&table, &(struct table_style){.is_raw = is_raw, .has_no_headings = true});
	table_add_column(&table, "KEY", 0);
	table_add_column(&table, "VALUE", TABLE_SHRINKS);
	json_object_object_foreach(row, key, value)
	{
		char label[VALUE_SHORT_BYTES];
		size_t length;
		enum value_form form = form_of(row, key, &length);
		bool is_empty = value == NULL ||
				(json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0);
		bool is_usual = strcmp(key, "msgtype") != 0 && !is_empty;
		if (chosen == NULL ? !is_usual : !is_chosen(chosen, key))
			continue;
		snprintf(label, sizeof label, "%.*s", is_raw ? (int)strlen(key) : (int)length, key);
		table_add_line(&table);
		table_put(&table, 0, label);
		if (!table.lacks_memory)
			table_own(&table, 1, value_format(row, key, form, is_raw));
	}
	enum outcome outcome = table_print(&table);
	table_fini(&table);
	return outcome;
}

static enum outcome print_answer(struct session *session, const struct options *options)
{
	enum session_result result;
	enum outcome outcome = OUTCOME_DONE;
	while (outcome == OUTCOME_DONE && (result = session_expect(session)) == SESSION_ROW) {
		const char *msgtype = value_text(session->row, "msgtype");
		if (option_is_given(options, OPTION_JSON))
			answer_print_row(session);
		else if (msgtype != NULL && strcmp(msgtype, "info") == 0)
			outcome = print_row(session->row, options);
	}
	return outcome == OUTCOME_DONE && result == SESSION_FAILED ? session->outcome : outcome;
}

static enum outcome print_once(const struct command_kind *kind, const struct options *options)
{
	struct session session;
	(void)kind;
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	outcome = session_ask(&session, "info") ? print_answer(&session, options) : session.outcome;
	session_fini(&session);
	return outcome;
}

enum outcome run_info(const struct command_kind *kind, const struct options *options)
{
	return repeat(kind, options, print_once);
}
