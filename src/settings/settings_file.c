#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings_priv.h"

/* Of a path, its end: it fits into a problem with the rest. */
static const char *shown(const char *path)
{
	enum { SHOWN_BYTES = 400 };
	size_t length = strlen(path);
	return length > SHOWN_BYTES ? path + length - SHOWN_BYTES : path;
}

/* Reads a list of strings; list has room for SETTINGS_LIST_ENTRIES. */
static void read_list(const config_setting_t *from, const char **list, struct value *value)
{
	int length = config_setting_length(from);
	if (length > SETTINGS_LIST_ENTRIES)
		return;
	for (int i = 0; i < length; i++) {
		list[i] = config_setting_get_string_elem(from, i);
		if (list[i] == NULL) {
			value->wrong_element = i + 1;
			return;
		}
	}
	*value = (struct value){.kind = VALUE_LIST, .list = list, .count = (size_t)length};
}

static bool set_from_file(struct settings *settings, const char *path, const config_setting_t *from,
			  struct problem *problem)
{
	const char *list[SETTINGS_LIST_ENTRIES];
	char where[PROBLEM_BYTES / 2];
	struct value value = {.kind = VALUE_OTHER};

	snprintf(where, sizeof where, "%s:%u", shown(path), config_setting_source_line(from));
	const struct setting *setting = settings_find(config_setting_name(from), where, problem);
	if (setting == NULL)
		return false;
	switch (config_setting_type(from)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		value = (struct value){.kind = VALUE_NUMBER, .number = (double)config_setting_get_int64(from)};
		break;
	case CONFIG_TYPE_FLOAT:
		value = (struct value){.kind = VALUE_NUMBER, .number = config_setting_get_float(from)};
		break;
	case CONFIG_TYPE_BOOL:
		value = (struct value){.kind = VALUE_BOOLEAN, .is_true = config_setting_get_bool(from) == CONFIG_TRUE};
		break;
	case CONFIG_TYPE_STRING:
		value = (struct value){.kind = VALUE_TEXT, .text = config_setting_get_string(from)};
		break;
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		read_list(from, list, &value);
		break;
	default:
		break;
	}
	return settings_set(settings, setting, &value, where, setting->name, problem);
}

/* A line of the file, as far as it matters to an error. */
struct code_line {
	char name[40], value[80]; /* "" unless it is NAME = VALUE, which then has no quotes */
	bool has_late_comma;	  /* before a bracket */
};

static struct code_line look_at(const char *content, int number)
{
	struct code_line line = {.has_late_comma = false};
	const char *text = content, *close;
	for (; number > 1 && strchr(text, '\n') != NULL; number--)
		text = strchr(text, '\n') + 1;
	sscanf(text, " %39[a-z_] %*1[=:] %79[a-zA-Z0-9_./:-]", line.name, line.value);
	for (close = text; *close != '\0' && *close != '\n' && !line.has_late_comma; close++) {
		const char *before = close;
		while (before > content && strchr(" \t\r\n", before[-1]) != NULL)
			before--;
		line.has_late_comma = (*close == ']' || *close == ')') && before > content && before[-1] == ',';
	}
	return line;
}

/* The last one that is not empty. */
static int last_line(const char *content)
{
	size_t length = strlen(content);
	int lines = 1;
	while (length > 0 && content[length - 1] == '\n')
		length--;
	for (size_t i = 0; i < length; i++)
		lines += content[i] == '\n';
	return lines;
}

/* What is wrong where libconfig says little more than "syntax error". */
static void explain(const config_t *file, unsigned wrong_line, const char *content, const char *path,
		    struct problem *problem)
{
	/* libconfig names the line where it noticed. */
	int number = wrong_line > 0 ? (int)wrong_line : config_error_line(file), last = last_line(content);
	/* What is not finished is noticed after the end of the file. */
	number = number > last ? last : number;
	struct code_line line = look_at(content, number);
	const char *text = config_error_text(file);
	const struct setting *setting = NULL;
	bool is_syntax = strcmp(text, "syntax error") == 0;
	for (size_t i = 0; line.value[0] != '\0' && i < SETTING_COUNT; i++)
		if (strcmp(line.name, settings_table[i].name) == 0)
			setting = &settings_table[i];
	if (strncmp(text, "mismatched element", 18) == 0)
		problem_set(problem, "%s%seach element of a list must be text in double quotes", line.name,
			    line.name[0] == '\0' ? "" : ": ");
	else if (strncmp(text, "duplicate setting", 17) == 0)
		problem_set(problem, "duplicate setting: remove one of the two lines");
	else if (line.has_late_comma)
		problem_set(problem, "a comma before ] is not allowed");
	else if (setting != NULL && setting->type->option_syntax == READ_TEXT)
		problem_set(problem, "%s = %s: text needs double quotes: %s = \"%s\";", line.name, line.value,
			    line.name, line.value);
	else if (setting != NULL)
		problem_set(problem, "%s must be %s", line.name, setting->wanted);
	else
		problem_set(problem, "expected NAME = VALUE; as in name = \"alpha\";");
	problem_prefix(problem, "%s:%d: %s", shown(path), number, is_syntax ? "syntax error: " : "");
}

bool settings_read_file(struct settings *settings, const char *path, bool (*interrupted)(void), struct problem *problem)
{
	unsigned wrong_line;
	char *content = settings_source_read(path, interrupted, problem);
	config_t file;

	if (content == NULL)
		return problem_prefix(problem, "cannot read \"%s\": ", shown(path));
	settings->is_file_blank = content[strspn(content, " \t\r\n")] == '\0';
	if (!settings_check_syntax(content, shown(path), &wrong_line, problem)) {
		free(content);
		return false;
	}
	config_init(&file);
	bool good = config_read_string(&file, content) == CONFIG_TRUE;
	if (!good)
		explain(&file, wrong_line, content, path, problem);
	for (unsigned i = 0; good; i++) {
		const config_setting_t *from = config_setting_get_elem(config_root_setting(&file), i);
		if (from == NULL)
			break;
		good = set_from_file(settings, path, from, problem);
		settings->count_in_file = i + 1;
	}
	config_destroy(&file);
	free(content);
	return good;
}

#define TEXT_OF(number) #number
#define VERSION(major, minor, revision) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(revision)

const char *settings_library_version(void)
{
	return VERSION(LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR, LIBCONFIG_VER_REVISION);
}
