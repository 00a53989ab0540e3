#include "face/reloading.h"

#include "base/log.h"
#include "settings/secret.h"

void reloading_warn_of_swap(bool is_locked)
{
	if (!is_locked)
		log_warning("the secrets may be written to swap space: allow kithd to lock 64 kB of memory (ulimit -l "
			    "64, or "
			    "LimitMEMLOCK=64K of systemd)");
}

/* Which file it is needs a restart; what it holds doesn't, and no settings that are wrong stand in its way. */
static bool reload_secrets(struct node *node, const struct settings *running, struct problem *problem)
{
	if (running->secret_file[0] == '\0')
		return true;
	struct secrets *secrets = secrets_read(running->secret_file, running->user, problem);
	if (secrets == NULL) {
		problem_prefix(problem, "the secrets stay as they were: ");
		log_error("%s", problem->text);
		return false;
	}
	reloading_warn_of_swap(secrets->is_locked);
	node_reload_secrets(node, secrets);
	return true;
}

/* Takes over fresh, and puts what came of it into the report, which takes fresh. */
static void take_over(struct node *node, const struct settings *running, const struct arguments *arguments,
		      struct settings *fresh, enum node_reload_cause cause, struct settings_report *report)
{
	enum settings_change changes[SETTING_COUNT];
	enum log_level before = arguments_log_level(arguments, running), after = arguments_log_level(arguments, fresh);
	/* What changes is logged if either level has it. */
	log_set_level(before > after ? before : after);
	node_reload(node, fresh, cause, changes);
	log_set_level(after);
	log_set_format((enum log_format)running->log_format);
	if (report == NULL || !settings_copy(&report->now, running))
		return;
	report->other = *fresh;
	*fresh = (struct settings){0};
	for (size_t i = 0; i < SETTING_COUNT; i++)
		report->changes[i] = changes[i];
}

/* False with a problem: the settings stay as they were. */
static bool reload_settings(struct node *node, const struct settings *running, const struct arguments *arguments,
			    struct settings_report *report, struct problem *problem)
{
	struct settings fresh;
	bool is_read = false;
	if (!settings_init(&fresh)) {
		problem_set_lacks_memory(problem);
	} else if (arguments_file(arguments) == NULL) {
		problem_set(problem, "there is no %s, and -c names no other file", arguments_default_file);
	} else if (!arguments_read_settings(arguments, &fresh, NULL, problem)) {
		is_read = false;
	} else if (fresh.is_file_blank && running->count_in_file > 0) {
		/* As a file is for a moment while somebody writes it. */
		problem_set(problem, "%s is empty; for the defaults, write a comment into it",
			    arguments_file(arguments));
	} else {
		is_read = true;
		take_over(node, running, arguments, &fresh, NODE_RELOAD_FILE, report);
	}
	settings_fini(&fresh);
	if (!is_read)
		log_line(arguments_file(arguments) == NULL ? LOG_WARNING : LOG_ERROR, "settings are not read again: %s",
			 problem->text);
	return is_read;
}

bool reloading_reload(struct node *node, const struct settings *running, const struct arguments *arguments,
		      struct settings_report *report, struct problem *problem)
{
	struct problem of_secrets;
	bool is_read = reload_settings(node, running, arguments, report, problem);
	bool has_secrets = reload_secrets(node, running, &of_secrets);
	if (is_read && !has_secrets)
		*problem = of_secrets;
	node_redial(node);
	return is_read && has_secrets;
}

bool reloading_set(struct node *node, const struct settings *running, const struct arguments *arguments,
		   const char *option, struct settings_report *report, struct problem *problem)
{
	struct settings fresh;
	enum setting_id setting;
	bool is_set = false;
	if (!settings_copy(&fresh, running))
		problem_set_lacks_memory(problem);
	else if (settings_set_live(&fresh, option, &setting, problem) && settings_check(&fresh, problem))
		is_set = !setting_needs_restart(setting) ||
			 problem_set(problem,
				     "%s can't change while the node runs: write it into the settings file, and "
				     "restart kithd",
				     setting_name(setting));
	if (is_set)
		take_over(node, running, arguments, &fresh, NODE_RELOAD_SET, report);
	settings_fini(&fresh);
	return is_set;
}
