#include "kith/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kith/answer.h"
#include "kith/finder.h"
#include "kith/value.h"
#include "kith/words.h"

/* A dial, or the end of a stop, may take long. */
enum { PATIENCE_MS = 120000 };

/* A command that changes something: what it asks for, and how it tells of what was done. */
struct steering {
	const char *command;
	const char *keys[2]; /* of the operands */
	const char *done;    /* what is printed for the rows, with the row's label or block; NULL for settings */
	const char *nothing; /* what is printed for an answer without rows; %s is the first operand */
};

static const struct steering steerings[] = {
	{"connect", {"address"}, "connected with", "connected with %s"},
	{"disconnect", {"peer"}, "disconnected from", "disconnected from %s"},
	{"forget", {"address"}, NULL, "forgot %s"},
	{"ban", {"block", "seconds"}, "banned", "banned %s"},
	{"unban", {"block"}, NULL, "%s is no longer banned"},
	{"set", {"setting", "value"}, NULL, "%s has this value already"},
	{"reload", {NULL}, NULL, "nothing has changed"},
	{"stop", {NULL}, NULL, "the node stops"},
};

static const struct steering *find_steering(const char *command)
{
	for (size_t i = 0; i < sizeof steerings / sizeof *steerings; i++)
		if (strcmp(steerings[i].command, command) == 0)
			return &steerings[i];
	return NULL;
}

/* ---- what is asked ---- */

/* "600", "90s", "10m", "2h", "1d" as seconds. */
static bool parse_duration(const char *text, double *seconds)
{
	static const struct {
		char unit;
		double seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;
	double number = strtod(text, &end), unit = *end == '\0' ? 1 : 0;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (*end == units[i].unit && end[1] == '\0')
			unit = units[i].seconds;
	*seconds = number * unit;
	return end != text && unit > 0 && number > 0 && number < 1e12;
}

/* Several words are a list. */
static void add_value(struct row *row, const char *key, char **words, size_t count)
{
	if (count == 1 && words[0][0] == '\0') {
		row_json(row, key, "\"\"");
		return;
	}
	if (count == 1) {
		row_text(row, key, words[0]);
		return;
	}
	row_open_list(row, key);
	for (size_t i = 0; i < count; i++)
		row_text(row, NULL, words[i]);
	row_close_list(row);
}

/* `set NAME=VALUE` is `set NAME VALUE`. */
static bool ask_to_set(struct row *row, const struct options *options)
{
	char *first = options->operands[0], *equals = strchr(first, '=');
	if (options->operand_count > 1) {
		row_text(row, "setting", first);
		add_value(row, "value", options->operands + 1, options->operand_count - 1);
		return true;
	}
	if (equals == NULL)
		return false;
	*equals = '\0';
	char *value = equals + 1;
	row_text(row, "setting", first);
	add_value(row, "value", &value, 1);
	return true;
}

/* False with a complaint. */
static bool ask(struct session *session, const struct steering *steering, const struct options *options)
{
	struct buffer out = {0};
	struct row row = row_begin(&out, steering->command);
	double seconds;
	bool is_good = true;
	if (strcmp(steering->command, "set") == 0) {
		is_good = ask_to_set(&row, options);
		if (!is_good)
			session->outcome = complain(OUTCOME_WRONG_USAGE, "write kith set SETTING VALUE");
	} else {
		for (size_t i = 0; i < options->operand_count && is_good; i++) {
			if (strcmp(steering->keys[i], "seconds") != 0) {
				row_text(&row, steering->keys[i], options->operands[i]);
				continue;
			}
			is_good = parse_duration(options->operands[i], &seconds);
			row_number(&row, steering->keys[i], seconds);
			if (!is_good)
				session->outcome =
					complain(OUTCOME_WRONG_USAGE,
						 "\"%s\" is not a duration: write it as in 90s, 10m, 2h or 1d",
						 options->operands[i]);
		}
	}
	if (is_good)
		return session_send_row(session, &row);
	buffer_fini(&out);
	return false;
}

/* ---- what is told ---- */

struct telling {
	const struct steering *steering;
	size_t rows;
};

static bool tell_setting(struct json_object *row)
{
	char *name = value_format(row, "name", FORM_PLAIN, false),
	     *value = value_format(row, "value", FORM_PLAIN, false);
	char *before = value_format(row, "before", FORM_PLAIN, false),
	     *wanted = value_format(row, "wanted", FORM_PLAIN, false),
	     *until = value_format(row, "until", FORM_PLAIN, false);
	const char *change = value_text(row, "change");
	bool is_good = name != NULL && value != NULL && before != NULL && wanted != NULL && until != NULL;
	if (is_good && change != NULL && strcmp(change, "needs_restart") == 0)
		printf("%s = %s until a restart; then %s\n", name, value, wanted[0] == '\0' ? "the new value" : wanted);
	else if (is_good)
		printf("%s = %s (was %s)%s%s\n", name, value, before, until[0] == '\0' ? "" : ", until ", until);
	free(name);
	free(value);
	free(before);
	free(wanted);
	free(until);
	return is_good;
}

static bool tell_done(const struct steering *steering, struct json_object *row)
{
	char words[WORDS_BYTES];
	double left_s;
	bool is_ban = value_text(row, "block") != NULL;
	char *label = value_format(row, is_ban ? "block" : "label", FORM_PLAIN, false);
	if (label == NULL)
		return false;
	printf("%s %s", steering->done, label);
	if (value_number(row, "left_s", &left_s)) {
		words_duration(left_s, words);
		printf(" for %s", words);
	}
	putchar('\n');
	free(label);
	return true;
}

static bool tell(void *context, struct json_object *row)
{
	struct telling *telling = context;
	const char *msgtype = value_text(row, "msgtype");
	bool is_setting = msgtype != NULL && strcmp(msgtype, "setting") == 0;
	if (!is_setting && telling->steering->done == NULL)
		return true; /* of a newer node */
	telling->rows++;
	return is_setting ? tell_setting(row) : tell_done(telling->steering, row);
}

static void tell_of_nothing(const struct steering *steering, const char *operand)
{
	char *clean = words_clean(operand == NULL ? "" : operand, TEXT_LINE);
	const char *place = strstr(steering->nothing, "%s");
	if (place == NULL)
		puts(steering->nothing);
	else
		printf("%.*s%s%s\n", (int)(place - steering->nothing), steering->nothing, clean == NULL ? "" : clean,
		       place + 2);
	free(clean);
}

enum outcome run_steer(const struct command_kind *kind, const struct options *options)
{
	struct session session;
	struct telling telling = {.steering = find_steering(kind->name)};
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	session.patience_ms = PATIENCE_MS;
	outcome = ask(&session, telling.steering, options) ? answer_read(&session, options, tell, &telling)
							   : session.outcome;
	if (outcome == OUTCOME_DONE && telling.rows == 0 && !option_is_given(options, OPTION_JSON))
		tell_of_nothing(telling.steering, options->operand_count > 0 ? options->operands[0] : NULL);
	session_fini(&session);
	return outcome;
}
