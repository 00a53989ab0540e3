#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "settings/settings_priv.h"

/* Of a path, its end: it fits into an error with the rest. */
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
			  char error[static SETTINGS_ERROR_BYTES])
{
	const char *list[SETTINGS_LIST_ENTRIES];
	char where[SETTINGS_ERROR_BYTES / 2];
	struct value value = {.kind = VALUE_OTHER};

	snprintf(where, sizeof where, "%s:%u", shown(path), config_setting_source_line(from));
	const struct setting *setting = settings_find(config_setting_name(from), where, error);
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
	return settings_set(settings, setting, &value, where, setting->name, error);
}

/*
 * The whole file as a string, which the caller frees; NULL with the error. Read here and not by libconfig, whose
 * scanner calls exit() where a read fails (a directory does), and takes a NUL for the end of the file.
 */
static char *read_whole(const char *path, char error[static SETTINGS_ERROR_BYTES])
{
	char *content = NULL;
	FILE *file = fopen(path, "re");
	struct stat status;
	const char *problem = NULL;
	size_t length = 0;

	if (file == NULL || fstat(fileno(file), &status) != 0) {
		problem = strerror(errno);
	} else if (S_ISDIR(status.st_mode)) {
		problem = strerror(EISDIR);
	} else {
		content = malloc(SETTINGS_FILE_BYTES + 2);
		length = content == NULL ? 0 : fread(content, 1, SETTINGS_FILE_BYTES + 1, file);
		if (content == NULL || ferror(file))
			problem = strerror(errno);
		else if (length > SETTINGS_FILE_BYTES)
			problem = "it is larger than 1 MiB";
		else if (memchr(content, '\0', length) != NULL)
			problem = "it holds a NUL byte: it must be a text file";
		else /* libconfig 1.5 needs an end of line after a comment */
			strcpy(content + length, length > 0 && content[length - 1] != '\n' ? "\n" : "");
	}
	if (file != NULL)
		fclose(file);
	if (problem != NULL) {
		snprintf(error, SETTINGS_ERROR_BYTES, "cannot read \"%s\": %s; name a file that kithd may read",
			 shown(path), problem);
		free(content);
		return NULL;
	}
	return content;
}

/* libconfig finds an unfinished setting only after the end of the file: that is on its last line. */
static int line_of_error(const config_t *file, const char *content)
{
	int lines = 0;
	for (const char *c = content; *c != '\0'; c++)
		lines += *c == '\n' && c[1] != '\0';
	return config_error_line(file) < lines ? config_error_line(file) : lines + 1;
}

/* The next character outside of strings and comments, with the lines counted on the way; NULL at the end. */
static const char *next_code(const char *at, unsigned *line)
{
	const char *end;
	for (; *at != '\0'; at = *end == '\0' ? end : end + 1) {
		end = at;
		if (*at == '"') {
			for (end = at + 1; *end != '\0' && *end != '"'; end++)
				if (*end == '\\' && end[1] != '\0')
					end++;
		} else if (*at == '#' || (at[0] == '/' && at[1] == '/')) {
			end = at + strcspn(at, "\n");
		} else if (at[0] == '/' && at[1] == '*') {
			const char *close = strstr(at + 2, "*/");
			end = close == NULL ? at + strlen(at) : close + 1;
		} else if (*at != '\n') {
			return at;
		}
		for (const char *c = at; c <= end && *c != '\0'; c++)
			*line += *c == '\n';
	}
	return NULL;
}

/* Digits that are more than the largest value of any setting. */
static bool is_too_large(const char *digits, size_t count)
{
	static const char most[] = "1000000000";
	return count > sizeof most - 1 || (count == sizeof most - 1 && strncmp(digits, most, count) > 0);
}

/*
 * What libconfig 1.5 doesn't refuse, and should: a number beyond 32 bits, of which it takes the lower ones, and an
 * @include, for which its scanner calls exit() where the file can't be read.
 */
static bool check_text(const char *content, const char *path, char error[static SETTINGS_ERROR_BYTES])
{
	unsigned line = 1;
	for (const char *at = next_code(content, &line); at != NULL; at = next_code(at, &line)) {
		size_t word = strspn(at, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-+");
		size_t sign = strspn(at, "-+");
		size_t digits = strspn(at + sign, "0123456789");
		if (*at == '@') {
			snprintf(error, SETTINGS_ERROR_BYTES,
				 "%s:%u: a file can't include another: write all settings into this one", shown(path),
				 line);
			return false;
		}
		/* "L" marks a number of 64 bits, which is good for no setting either. */
		if (is_too_large(at + sign, digits) && strspn(at + sign + digits, "L") + sign + digits == word) {
			snprintf(error, SETTINGS_ERROR_BYTES,
				 "%s:%u: %.*s is too large: no setting takes more than 1000000000", shown(path), line,
				 word > 40 ? 40 : (int)word, at);
			return false;
		}
		at += word > 0 ? word : 1;
	}
	return true;
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

/* What is wrong where libconfig says little more than "syntax error". */
static void explain(const config_t *file, const char *content, const char *path,
		    char error[static SETTINGS_ERROR_BYTES])
{
	int number = line_of_error(file, content);
	struct code_line line = look_at(content, number);
	const char *text = config_error_text(file);
	const struct setting *setting = NULL;
	int used = snprintf(error, SETTINGS_ERROR_BYTES, "%s:%d: ", shown(path), number);
	char *problem = error + used;
	size_t bytes = SETTINGS_ERROR_BYTES - (size_t)used;
	for (size_t i = 0; line.value[0] != '\0' && i < SETTING_COUNT; i++)
		if (strcmp(line.name, settings_table[i].name) == 0)
			setting = &settings_table[i];
	if (strncmp(text, "mismatched element", 18) == 0)
		snprintf(problem, bytes, "each element of a list must be text in double quotes");
	else if (strncmp(text, "duplicate setting", 17) == 0)
		snprintf(problem, bytes, "duplicate setting: remove one of the two lines");
	else if (line.has_late_comma)
		snprintf(problem, bytes, "a comma before ] is not allowed");
	else if (setting != NULL && setting->type->option_syntax == READ_TEXT)
		snprintf(problem, bytes, "%s = %s: text needs double quotes: %s = \"%s\";", line.name, line.value,
			 line.name, line.value);
	else if (setting != NULL)
		snprintf(problem, bytes, "%s must be %s", line.name, setting->wanted);
	else
		snprintf(problem, bytes, "expected NAME = VALUE; as in name = \"alpha\";");
}

bool settings_read_file(struct settings *settings, const char *path, char error[static SETTINGS_ERROR_BYTES])
{
	char *content = read_whole(path, error);
	config_t file;

	if (content == NULL || !check_text(content, path, error)) {
		free(content);
		return false;
	}
	config_init(&file);
	bool good = config_read_string(&file, content) == CONFIG_TRUE;
	if (!good)
		explain(&file, content, path, error);
	for (unsigned i = 0; good; i++) {
		const config_setting_t *from = config_setting_get_elem(config_root_setting(&file), i);
		if (from == NULL)
			break;
		good = set_from_file(settings, path, from, error);
		settings->count_in_file = i + 1;
	}
	config_destroy(&file);
	free(content);
	return good;
}
