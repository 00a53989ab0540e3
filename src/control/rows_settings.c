#include "control/control_priv.h"

#include <stdlib.h>
#include <string.h>

static const char *change_name(enum settings_change change)
{
	static const char *const names[] = {
		[SETTINGS_SAME] = NULL, [SETTINGS_APPLIED] = "applied", [SETTINGS_NEED_RESTART] = "needs_restart"};
	return names[change];
}

/* A value as the file would write it; room is of SETTINGS_VALUE_BYTES. */
static void add_value(struct row *row, const char *key, const struct settings *settings, enum setting_id id, char *room)
{
	settings_format(settings, id, room, SETTINGS_VALUE_BYTES);
	row_text(row, key, room);
}

static bool add_setting(struct call *call, const struct settings_report *report, enum setting_id id, char *room)
{
	enum settings_change change = report->changes[id];
	struct row row = call_begin_row(call, "setting");
	row_text(&row, "name", setting_name(id));
	add_value(&row, "value", &report->now, id, room);
	row_text(&row, "default", setting_default(id));
	row_text(&row, "where", report->now.texts->where[id]);
	row_boolean(&row, "needs_restart", setting_needs_restart(id));
	row_text(&row, "change", change_name(change));
	if (change == SETTINGS_APPLIED)
		add_value(&row, "before", &report->other, id, room);
	else
		row_null(&row, "before");
	/* What stands in the place of a secret's file may be the secret itself. */
	if (change == SETTINGS_NEED_RESTART && id != SETTING_SECRET_FILE)
		add_value(&row, "wanted", &report->other, id, room);
	else
		row_null(&row, "wanted");
	row_text(&row, "until", call->request->run == rows_set ? "the next reload or restart" : NULL);
	return call_end_row(call, &row);
}

/* All, or those that differ. */
static void add_settings(struct call *call, const struct settings_report *report, bool only_changes)
{
	char *room = malloc(SETTINGS_VALUE_BYTES);
	bool goes_on = room != NULL;
	if (!goes_on)
		call_fail_for_memory(call);
	for (int i = 0; i < SETTING_COUNT && goes_on; i++)
		if (!only_changes || report->changes[i] != SETTINGS_SAME)
			goes_on = add_setting(call, report, (enum setting_id)i, room);
	free(room);
}

/* Only the main thread may look at all settings, so it copies them. */
static void submit(struct call *call, struct command *command, bool only_changes)
{
	bool is_done = commands_submit(call->parts->commands, command);
	if (command->report.now.texts != NULL)
		add_settings(call, &command->report, only_changes);
	if (!is_done)
		call_fail(call, "not_done", "%s", command->problem.text);
	settings_report_fini(&command->report);
}

void rows_settings(struct call *call)
{
	struct command command = {.kind = COMMAND_SETTINGS};
	submit(call, &command, false);
}

void rows_reload(struct call *call)
{
	struct command command = {.kind = COMMAND_RELOAD};
	submit(call, &command, true);
}

void rows_stop(struct call *call)
{
	struct command command = {.kind = COMMAND_STOP};
	if (!commands_submit(call->parts->commands, &command))
		call_fail(call, "not_done", "%s", command.problem.text);
}

/* The value as -o takes it: a list is separated by commas. False if there is no memory. */
static bool append_value(struct json_object *value, struct buffer *out)
{
	const char *text = json_string(value);
	if (text != NULL)
		return buffer_append(out, text, strlen(text));
	if (!json_object_is_type(value, json_type_array))
		return json_write(value, out);
	bool good = true;
	for (size_t i = 0; i < json_object_array_length(value) && good; i++)
		good = (i == 0 || buffer_append(out, ",", 1)) && append_value(json_object_array_get_idx(value, i), out);
	return good;
}

void rows_set(struct call *call)
{
	const char *name = call_text(call, "setting");
	struct json_object *value = json_object_object_get(call->keys, "value");
	struct command command = {.kind = COMMAND_SET};
	struct buffer option = {0};
	/* An option ends its name with the first of these. */
	if (name[0] == '\0' || name[strcspn(name, " =")] != '\0') {
		call_fail(call, "wrong_value", "there is no setting \"%.64s\"; {\"msgtype\":\"settings\"} lists them",
			  name);
		return;
	}
	if (buffer_append(&option, name, strlen(name)) && buffer_append(&option, "=", 1) &&
	    append_value(value, &option) && buffer_append(&option, "", 1)) {
		command.option = buffer_content(&option);
		submit(call, &command, true);
	} else {
		call_fail_for_memory(call);
	}
	buffer_fini(&option);
}
