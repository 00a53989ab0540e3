#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "settings/settings_priv.h"

bool settings_set(struct settings *settings, const struct setting *setting, const struct value *value,
		  const char *where, const char *subject, struct problem *problem)
{
	char **kept = &settings->texts->where[setting - settings_table];
	bool good = setting->type->set(settings, setting, value, problem);
	if (good) {
		free(*kept);
		*kept = strdup(where);
		good = *kept != NULL || setting_lacks_memory(problem);
	}
	bool quotes = !good && problem->text[0] == '"';
	return good ||
	       problem_prefix(problem, "%s: %s%s", where, subject, subject[0] == '\0' ? "" : (quotes ? ": " : " "));
}

enum { OPTION_BYTES = 128 };

/* "NAME=VALUE" at the default, which in the table is written as in the file: -o wants no quotes and brackets. */
static void write_default(const struct setting *setting, char out[static OPTION_BYTES])
{
	size_t used = (size_t)snprintf(out, OPTION_BYTES, "%s=", setting->name);
	for (const char *c = setting->default_text; *c != '\0'; c++)
		if (strchr("[]\"", *c) == NULL)
			out[used++] = *c;
	out[used] = '\0';
}

bool settings_init(struct settings *settings)
{
	*settings = (struct settings){.texts = settings_texts_new()};
	for (size_t i = 0; i < SETTING_COUNT && settings->texts != NULL; i++) {
		struct problem problem;
		char option[OPTION_BYTES];
		write_default(&settings_table[i], option);
		bool good = settings_set_option(settings, option, &problem);
		must(good || problem.lacks_memory);
		if (!good)
			return false;
		free(settings->texts->where[i]);
		settings->texts->where[i] = NULL;
	}
	return settings->texts != NULL;
}

void settings_fini(struct settings *settings)
{
	free(settings->listen);
	settings_release_texts(settings->texts);
	*settings = (struct settings){0};
}

/* Splits text at its commas into list, whose strings stay within text; false for too many. */
static bool split_list(char *text, const char **list, struct value *value)
{
	size_t count = 0;
	for (char *rest = text, *item; (item = strsep(&rest, ",")) != NULL;) {
		item += strspn(item, " ");
		for (size_t end = strlen(item); end > 0 && item[end - 1] == ' ';)
			item[--end] = '\0';
		if (item[0] == '\0')
			continue;
		if (count == SETTINGS_LIST_ENTRIES)
			return false;
		list[count++] = item;
	}
	*value = (struct value){.kind = VALUE_LIST, .list = list, .count = count};
	return true;
}

/* NULL if the option names no setting. */
static bool lacks_value(const char *how, const struct setting *setting, struct problem *problem)
{
	char example[OPTION_BYTES] = "SETTING=VALUE";
	if (setting != NULL)
		write_default(setting, example);
	return problem_set(problem, "%s%s%s has no value: write %s %s", how, setting == NULL ? "" : " ",
			   setting == NULL ? "" : setting->name, how, example);
}

/* how is what stands before an option where it was given: "-o". */
static bool set_option(struct settings *settings, const char *how, const char *option, enum setting_id *id,
		       struct problem *problem)
{
	const char *list[SETTINGS_LIST_ENTRIES];
	char where[128], name[64];
	size_t name_length = strcspn(option, " =");
	const char *text = option + name_length + strspn(option + name_length, " ");
	struct value value = {.kind = VALUE_OTHER};

	snprintf(name, sizeof name, "%.*s", (int)name_length, option);
	snprintf(where, sizeof where, "%s%s%s", how, name[0] == '\0' ? "" : " ", name);
	if (name[0] == '\0' && *text != '=')
		return lacks_value(how, NULL, problem);
	const struct setting *setting = settings_find(name, where, problem);
	if (setting == NULL)
		return false;
	if (*text != '=')
		return lacks_value(how, setting, problem);
	*id = (enum setting_id)(setting - settings_table);
	text += 1 + strspn(text + 1, " ");
	char *copy = strdup(text);
	if (copy == NULL) {
		problem_set_lacks_memory(problem);
		return problem_prefix(problem, "%s: ", where);
	}
	if (setting->type->option_syntax == READ_NUMBER) {
		char *end;
		value.number = strtod(copy, &end);
		value.kind = end != copy && *end == '\0' ? VALUE_NUMBER : VALUE_TEXT;
		value.text = copy;
	} else if (setting->type->option_syntax == READ_BOOLEAN) {
		value.is_true = strcmp(copy, "true") == 0;
		value.kind = value.is_true || strcmp(copy, "false") == 0 ? VALUE_BOOLEAN : VALUE_TEXT;
		value.text = copy;
	} else if (setting->type->option_syntax == READ_LIST) {
		split_list(copy, list, &value);
	} else {
		value = (struct value){.kind = VALUE_TEXT, .text = copy};
	}
	bool good = settings_set(settings, setting, &value, where, "", problem);
	free(copy);
	return good;
}

bool settings_set_option(struct settings *settings, const char *option, struct problem *problem)
{
	enum setting_id setting;
	return set_option(settings, "-o", option, &setting, problem);
}

bool settings_set_live(struct settings *settings, const char *option, enum setting_id *setting, struct problem *problem)
{
	return set_option(settings, "set", option, setting, problem);
}

bool settings_set_listen(struct settings *settings, const char *const *addresses, size_t count, const char *where,
			 struct problem *problem)
{
	struct value value = {.kind = VALUE_LIST, .list = addresses, .count = count};
	return settings_set(settings, &settings_table[SETTING_LISTEN], &value, where, "", problem);
}

bool settings_add_bootstrap(struct settings *settings, const char *address, const char *where, struct problem *problem)
{
	return setting_append_bootstrap(settings, address, problem) || problem_prefix(problem, "%s: ", where);
}

bool settings_set_state_dir(struct settings *settings, const char *path, const char *where, struct problem *problem)
{
	char first[SETTINGS_PATH_BYTES + 1];
	struct value value = {.kind = VALUE_TEXT, .text = first};
	snprintf(first, sizeof first, "%.*s", (int)strcspn(path, ":"), path);
	return settings_set(settings, &settings_table[SETTING_STATE_DIR], &value, where, "", problem);
}

bool settings_copy(struct settings *copy, const struct settings *settings)
{
	*copy = *settings;
	copy->texts = settings_texts_copy(settings->texts);
	copy->listen = calloc(settings->listen_count + 1, sizeof *copy->listen);
	if (copy->texts == NULL || copy->listen == NULL) {
		settings_fini(copy);
		return false;
	}
	if (settings->listen_count > 0)
		memcpy(copy->listen, settings->listen, settings->listen_count * sizeof *copy->listen);
	return true;
}

void settings_report_fini(struct settings_report *report)
{
	settings_fini(&report->now);
	settings_fini(&report->other);
}

void settings_format(const struct settings *settings, enum setting_id setting, char *out, size_t out_bytes)
{
	struct written written = {.text = out, .bytes = out_bytes};
	settings_table[setting].type->format(settings, &settings_table[setting], &written);
}

void settings_take_over(struct settings *running, struct settings *fresh,
			enum settings_change changes[static SETTING_COUNT])
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *setting = &settings_table[i];
		changes[i] = SETTINGS_SAME;
		if (setting->type->equals(running, fresh, setting))
			continue;
		changes[i] = setting->needs_restart ? SETTINGS_NEED_RESTART : SETTINGS_APPLIED;
		if (changes[i] == SETTINGS_APPLIED && !setting->is_in_texts)
			setting->type->exchange(running, fresh, setting);
	}
	/* With them goes where each setting was read, so this isn't left out for texts that are the same. */
	settings_texts_exchange(running, fresh);
	running->count_in_file = fresh->count_in_file;
}

bool settings_choose_listen(struct settings *settings, struct problem *problem)
{
	static const char *const everywhere[] = {"0.0.0.0:5999", "[::]:5999"};
	char **where = &settings->texts->where[SETTING_LISTEN];
	if (*where != NULL || settings->secret_file[0] == '\0')
		return true;
	bool good =
		settings_set_listen(settings, everywhere, sizeof everywhere / sizeof *everywhere, "listen", problem);
	free(*where);
	*where = NULL; /* it is a default */
	return good;
}

static bool has_bootstrap_elsewhere(const struct settings_texts *texts)
{
	for (size_t i = 0; i < texts->bootstrap_count; i++) {
		const struct bootstrap *bootstrap = &texts->bootstrap[i];
		if (address_is_known(&bootstrap->address) ? address_scope_of(&bootstrap->address) != SCOPE_LOOPBACK
							  : strcasecmp(bootstrap->host, "localhost") != 0)
			return true;
	}
	return false;
}

bool settings_is_secluded(const struct settings *settings, struct problem *problem)
{
	const struct address *listen = settings->listen;
	char where[ADDRESS_TEXT_BYTES];
	bool is_one_host = true;
	const struct settings_texts *texts = settings_hold_texts(settings);
	bool dials_others = !address_is_known(&texts->advertise) && has_bootstrap_elsewhere(texts);
	settings_release_texts(texts);
	if (settings->listen_count == 0 || !dials_others)
		return false;
	for (size_t i = 0; i < settings->listen_count; i++) {
		if (address_scope_of(&listen[i]) != SCOPE_LOOPBACK)
			return false;
		is_one_host = is_one_host && address_same_host(&listen[i], &listen[0]);
	}
	address_format(&listen[0], where);
	*strrchr(where, ':') = '\0';
	unsigned port = listen[0].port == 0 ? ADDRESS_DEFAULT_PORT : listen[0].port;
	problem_set(problem,
		    "listens on %s only, so other machines cannot dial this node: write listen = [\"0.0.0.0:%u\", "
		    "\"[::]:%u\"]",
		    is_one_host ? where : "loopback addresses", port, port);
	return true;
}

/* Where the user has set the first of these that has no default. */
static const char *first_set(const struct settings *settings, const enum setting_id *parts, size_t count)
{
	const char *where = NULL;
	for (size_t i = 0; i < count && where == NULL; i++)
		where = settings->texts->where[parts[i]];
	return where;
}

static bool check_retries(const struct settings *settings, struct problem *problem)
{
	static const enum setting_id parts[] = {SETTING_RETRY_MAX, SETTING_RETRY_MIN};
	if (settings->retry_min_us <= settings->retry_max_us)
		return true;
	return problem_set(problem, "%s: retry_max is below retry_min: raise retry_max, or lower retry_min",
			   first_set(settings, parts, sizeof parts / sizeof *parts));
}

/* A healthy peer that has nothing to say is heard from once in this time: others must be told of it meanwhile. */
static bool check_sharing(const struct settings *settings, struct problem *problem)
{
	static const enum setting_id parts[] = {SETTING_SHARE_WITHIN, SETTING_PING_INTERVAL, SETTING_PING_TIMEOUT};
	int64_t silence_us = settings->ping_interval_us + settings->ping_timeout_us;
	if (settings->share_within_us >= silence_us)
		return true;
	return problem_set(
		problem,
		"%s: share_within %.9g is below ping_interval + ping_timeout, which is %.9g seconds, so healthy peers "
		"would not be told to others: raise share_within to %.9g or more, or lower one of these",
		first_set(settings, parts, sizeof parts / sizeof *parts), (double)settings->share_within_us / 1e6,
		(double)silence_us / 1e6, (double)silence_us / 1e6);
}

bool settings_keep_nodeid(const struct settings *settings)
{
	return settings->nodeid_mode == NODEID_KEEP ||
	       (settings->nodeid_mode == NODEID_AUTO && settings->state_dir[0] != '\0');
}

static bool check_nodeid(const struct settings *settings, struct problem *problem)
{
	if (settings->nodeid_mode != NODEID_KEEP || settings->state_dir[0] != '\0')
		return true;
	return problem_set(
		problem,
		"%s: nodeid \"keep\" needs a directory to keep it in: write state_dir = \"/var/lib/kith\", or another",
		settings->texts->where[SETTING_NODEID]);
}

/* max_connections is the sum of what the others let in and of those that are being closed: it must leave room for
 * these. */
static bool check_connections(const struct settings *settings, struct problem *problem)
{
	static const enum setting_id parts[] = {SETTING_MAX_CONNECTIONS, SETTING_MAX_INBOUND, SETTING_MAX_OUTBOUND,
						SETTING_MAX_DIALING, SETTING_MAX_HANDSHAKES};
	int64_t needed =
		settings->max_inbound + settings->max_outbound + settings->max_dialing + settings->max_handshakes;
	if (settings->max_connections == 0 || settings->max_connections >= needed)
		return true;
	return problem_set(
		problem,
		"%s: max_connections %lld is less than max_inbound, max_outbound, max_dialing and max_handshakes "
		"together: raise it to %lld or more, write 0 for no limit, or lower one of these",
		first_set(settings, parts, sizeof parts / sizeof *parts), (long long)settings->max_connections,
		(long long)needed);
}

bool settings_check(const struct settings *settings, struct problem *problem)
{
	return check_retries(settings, problem) && check_sharing(settings, problem) &&
	       check_nodeid(settings, problem) && check_connections(settings, problem);
}
