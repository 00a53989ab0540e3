#include "settings/settings_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

bool setting_lacks_memory(struct problem *problem)
{
	problem_set_lacks_memory(problem);
	return problem_prefix(problem, "cannot be kept: ");
}

bool setting_wrong_value(const struct setting *setting, struct problem *problem)
{
	return problem_set(problem, "must be %s", setting->wanted);
}

bool setting_wrong_list(const struct setting *setting, const struct value *value, struct problem *problem)
{
	if (value->wrong_element == 0)
		return setting_wrong_value(setting, problem);
	return problem_set(problem, "element %d must be text in double quotes: write %s", value->wrong_element,
			   setting->wanted);
}

/* Written so that NaN, which is neither below nor above anything, is out of range. */
static bool is_in_range(const struct setting *setting, const struct value *value)
{
	return value->kind == VALUE_NUMBER && ((value->number >= setting->least && value->number <= setting->most) ||
					       (setting->takes_zero && value->number == 0));
}

/* Text in place of a number: perhaps it has a unit, or quotes in the file. */
static bool wrong_number(const struct setting *setting, const struct value *value, struct problem *problem)
{
	if (value->kind != VALUE_TEXT)
		return setting_wrong_value(setting, problem);
	size_t digits = strspn(value->text, "0123456789");
	struct value number = {.kind = VALUE_NUMBER, .number = strtod(value->text, NULL)};
	if (digits == 0 || digits > 9 || !is_in_range(setting, &number))
		return problem_set(problem, "\"%.40s\" is not %s: write %s", value->text, setting->wanted,
				   setting->default_text);
	return problem_set(problem, "\"%.40s\" is not %s: write %.*s", value->text, setting->wanted, (int)digits,
			   value->text);
}

static bool set_count(struct settings *settings, const struct setting *setting, const struct value *value,
		      struct problem *problem)
{
	if (!is_in_range(setting, value) || value->number != (double)(int64_t)value->number)
		return wrong_number(setting, value, problem);
	*(_Atomic int64_t *)setting_field(settings, setting) = (int64_t)value->number;
	return true;
}

static bool set_seconds(struct settings *settings, const struct setting *setting, const struct value *value,
			struct problem *problem)
{
	if (!is_in_range(setting, value))
		return wrong_number(setting, value, problem);
	*(_Atomic int64_t *)setting_field(settings, setting) = (int64_t)(value->number * 1e6 + 0.5);
	return true;
}

static bool set_boolean(struct settings *settings, const struct setting *setting, const struct value *value,
			struct problem *problem)
{
	if (value->kind != VALUE_BOOLEAN)
		return setting_wrong_value(setting, problem);
	*(bool *)setting_field(settings, setting) = value->is_true;
	return true;
}

static bool set_text(struct settings *settings, const struct setting *setting, const struct value *value,
		     struct problem *problem)
{
	if (value->kind != VALUE_TEXT || strlen(value->text) >= MESSAGE_TEXT_BYTES ||
	    !text_is_plain(value->text, strlen(value->text)))
		return setting_wrong_value(setting, problem);
	strcpy(setting_field(settings, setting), value->text);
	return true;
}

static bool set_network(struct settings *settings, const struct setting *setting, const struct value *value,
			struct problem *problem)
{
	if (value->kind == VALUE_TEXT && value->text[0] == '\0')
		return setting_wrong_value(setting, problem);
	return set_text(settings, setting, value, problem);
}

static void set_host_name(struct settings *settings)
{
	enum { LONGEST = 64 }; /* that Linux has, whatever HOST_NAME_MAX says */
	char name[MESSAGE_TEXT_BYTES] = "";
	_Static_assert(sizeof name > LONGEST, "the longest host name fits");
	if (gethostname(name, sizeof name) != 0 || !text_is_plain(name, strlen(name)))
		name[0] = '\0';
	strcpy(settings->texts->name, name);
}

static bool set_name(struct settings *settings, const struct setting *setting, const struct value *value,
		     struct problem *problem)
{
	if (!set_text(settings, setting, value, problem))
		return false;
	if (settings->texts->name[0] == '\0')
		set_host_name(settings);
	return true;
}

static bool set_tags(struct settings *settings, const struct setting *setting, const struct value *value,
		     struct problem *problem)
{
	struct settings_texts *texts = settings->texts;
	if (value->kind != VALUE_LIST)
		return setting_wrong_list(setting, value, problem);
	if (value->count > SETTINGS_TAGS)
		return problem_set(problem, "has %zu entries: write at most %d", value->count, SETTINGS_TAGS);
	texts->tag_count = 0;
	for (size_t i = 0; i < value->count; i++) {
		const char *tag = value->list[i];
		size_t length = strlen(tag);
		if (length == 0 || length >= sizeof texts->tags[i] || !text_is_plain(tag, length))
			return problem_set(problem,
					   "element %zu must be 1 to %zu bytes of UTF-8 without control characters",
					   i + 1, sizeof texts->tags[i] - 1);
		for (size_t j = 0; j < i; j++)
			if (strcmp(tag, texts->tags[j]) == 0)
				return problem_set(problem, "\"%.100s\" is listed twice: remove one", tag);
		strcpy(texts->tags[i], tag);
		texts->tag_count++;
	}
	return true;
}

static const char *const nodeid_mode_names[NODEID_GIVEN] = {
	[NODEID_AUTO] = "auto", [NODEID_SESSION] = "session", [NODEID_KEEP] = "keep"};

static bool set_nodeid(struct settings *settings, const struct setting *setting, const struct value *value,
		       struct problem *problem)
{
	if (value->kind != VALUE_TEXT)
		return setting_wrong_value(setting, problem);
	settings->nodeid = nodeid_none;
	for (size_t i = 0; i < NODEID_GIVEN; i++) {
		if (strcmp(value->text, nodeid_mode_names[i]) == 0) {
			settings->nodeid_mode = (enum nodeid_mode)i;
			return true;
		}
	}
	settings->nodeid_mode = NODEID_GIVEN;
	return nodeid_parse(value->text, &settings->nodeid) || setting_wrong_value(setting, problem);
}

static bool set_path(struct settings *settings, const struct setting *setting, const struct value *value,
		     struct problem *problem)
{
	if (value->kind != VALUE_TEXT || strlen(value->text) >= SETTINGS_PATH_BYTES ||
	    !text_is_plain(value->text, strlen(value->text)))
		return setting_wrong_value(setting, problem);
	if (value->text[0] != '\0' && value->text[0] != '/')
		return problem_set(problem, "\"%.100s\" is not an absolute path: write \"%s\"", value->text,
				   setting->example);
	strcpy(setting_field(settings, setting), value->text);
	return true;
}

/* "auto", or a path that fits into the address of a UNIX socket (unix(7)). */
static bool set_control(struct settings *settings, const struct setting *setting, const struct value *value,
			struct problem *problem)
{
	enum { MOST = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 };
	if (value->kind == VALUE_TEXT && strcmp(value->text, "auto") == 0) {
		strcpy(setting_field(settings, setting), value->text);
		return true;
	}
	if (value->kind == VALUE_TEXT && strlen(value->text) > MOST)
		return problem_set(problem, "\"%.40s...\" has %zu bytes, and the path of a UNIX socket has at most %d",
				   value->text, strlen(value->text), MOST);
	return set_path(settings, setting, value, problem);
}

/* Where it isn't one, it may be the secret itself, which no error shows. */
static bool set_secret_file(struct settings *settings, const struct setting *setting, const struct value *value,
			    struct problem *problem)
{
	if (value->kind == VALUE_TEXT && value->text[0] != '\0' && value->text[0] != '/')
		return setting_wrong_value(setting, problem);
	return set_path(settings, setting, value, problem);
}

static bool set_choice(struct settings *settings, const struct setting *setting, const struct value *value,
		       struct problem *problem)
{
	for (int i = 0; value->kind == VALUE_TEXT && setting->choices[i] != NULL; i++) {
		if (strcmp(value->text, setting->choices[i]) == 0) {
			*(_Atomic int *)setting_field(settings, setting) = i;
			return true;
		}
	}
	return setting_wrong_value(setting, problem);
}

/* ---- values as the file would write them ---- */

void setting_add_text(struct written *out, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(out->text + out->length, out->bytes - out->length, format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length < out->bytes - out->length) {
		out->length += (size_t)length;
	} else {
		out->length = out->bytes - 1;
		memcpy(out->text + out->length - 3, "...", 4);
	}
}

void setting_add_quoted(struct written *out, const char *text)
{
	setting_add_text(out, "\"");
	for (const char *c = text; *c != '\0'; c++)
		setting_add_text(out, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
	setting_add_text(out, "\"");
}

static void format_count(const struct settings *settings, const struct setting *setting, struct written *out)
{
	int64_t count = *(const _Atomic int64_t *)setting_const_field(settings, setting);
	setting_add_text(out, "%lld", (long long)count);
}

static void format_boolean(const struct settings *settings, const struct setting *setting, struct written *out)
{
	setting_add_text(out, "%s", *(const bool *)setting_const_field(settings, setting) ? "true" : "false");
}

static void format_seconds(const struct settings *settings, const struct setting *setting, struct written *out)
{
	int64_t us = *(const _Atomic int64_t *)setting_const_field(settings, setting);
	char text[32];
	int length = snprintf(text, sizeof text, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
	while (text[length - 1] == '0')
		length--;
	setting_add_text(out, "%.*s", text[length - 1] == '.' ? length - 1 : length, text);
}

static void format_text(const struct settings *settings, const struct setting *setting, struct written *out)
{
	setting_add_quoted(out, setting_const_field(settings, setting));
}

static void format_tags(const struct settings *settings, const struct setting *setting, struct written *out)
{
	(void)setting;
	setting_add_text(out, "[");
	for (size_t i = 0; i < settings->texts->tag_count; i++) {
		setting_add_text(out, "%s", i == 0 ? "" : ", ");
		setting_add_quoted(out, settings->texts->tags[i]);
	}
	setting_add_text(out, "]");
}

static void format_nodeid(const struct settings *settings, const struct setting *setting, struct written *out)
{
	char given[NODEID_TEXT_BYTES];
	(void)setting;
	nodeid_format(&settings->nodeid, given);
	setting_add_quoted(out,
			   settings->nodeid_mode == NODEID_GIVEN ? given : nodeid_mode_names[settings->nodeid_mode]);
}

static void format_choice(const struct settings *settings, const struct setting *setting, struct written *out)
{
	setting_add_quoted(out, setting->choices[*(const _Atomic int *)setting_const_field(settings, setting)]);
}

/* ---- two settings ---- */

static bool equals_number(const struct settings *one, const struct settings *other, const struct setting *setting)
{
	const _Atomic int64_t *mine = setting_const_field(one, setting), *yours = setting_const_field(other, setting);
	return *mine == *yours;
}

static bool equals_text(const struct settings *one, const struct settings *other, const struct setting *setting)
{
	return strcmp(setting_const_field(one, setting), setting_const_field(other, setting)) == 0;
}

static bool equals_tags(const struct settings *one, const struct settings *other, const struct setting *setting)
{
	bool equals = one->texts->tag_count == other->texts->tag_count;
	(void)setting;
	for (size_t i = 0; equals && i < one->texts->tag_count; i++)
		equals = strcmp(one->texts->tags[i], other->texts->tags[i]) == 0;
	return equals;
}

static bool equals_nodeid(const struct settings *one, const struct settings *other, const struct setting *setting)
{
	(void)setting;
	return one->nodeid_mode == other->nodeid_mode && nodeid_equals(&one->nodeid, &other->nodeid);
}

static bool equals_boolean(const struct settings *one, const struct settings *other, const struct setting *setting)
{
	return *(const bool *)setting_const_field(one, setting) == *(const bool *)setting_const_field(other, setting);
}

static bool equals_choice(const struct settings *one, const struct settings *other, const struct setting *setting)
{
	const _Atomic int *mine = setting_const_field(one, setting), *yours = setting_const_field(other, setting);
	return *mine == *yours;
}

static void exchange_number(struct settings *one, struct settings *other, const struct setting *setting)
{
	_Atomic int64_t *mine = setting_field(one, setting), *yours = setting_field(other, setting);
	*yours = atomic_exchange(mine, *yours);
}

static void exchange_choice(struct settings *one, struct settings *other, const struct setting *setting)
{
	_Atomic int *mine = setting_field(one, setting), *yours = setting_field(other, setting);
	*yours = atomic_exchange(mine, *yours);
}

/* ---- the types ---- */

const struct setting_type setting_type_count = {.set = set_count,
						.format = format_count,
						.equals = equals_number,
						.exchange = exchange_number,
						.option_syntax = READ_NUMBER};
const struct setting_type setting_type_seconds = {.set = set_seconds,
						  .format = format_seconds,
						  .equals = equals_number,
						  .exchange = exchange_number,
						  .option_syntax = READ_NUMBER};
const struct setting_type setting_type_boolean = {
	.set = set_boolean, .format = format_boolean, .equals = equals_boolean, .option_syntax = READ_BOOLEAN};
const struct setting_type setting_type_text = {
	.set = set_text, .format = format_text, .equals = equals_text, .option_syntax = READ_TEXT};
const struct setting_type setting_type_network = {
	.set = set_network, .format = format_text, .equals = equals_text, .option_syntax = READ_TEXT};
const struct setting_type setting_type_name = {
	.set = set_name, .format = format_text, .equals = equals_text, .option_syntax = READ_TEXT};
const struct setting_type setting_type_tags = {
	.set = set_tags, .format = format_tags, .equals = equals_tags, .option_syntax = READ_LIST};
const struct setting_type setting_type_nodeid = {
	.set = set_nodeid, .format = format_nodeid, .equals = equals_nodeid, .option_syntax = READ_TEXT};
const struct setting_type setting_type_path = {
	.set = set_path, .format = format_text, .equals = equals_text, .option_syntax = READ_TEXT};
const struct setting_type setting_type_control = {
	.set = set_control, .format = format_text, .equals = equals_text, .option_syntax = READ_TEXT};
const struct setting_type setting_type_secret_file = {
	.set = set_secret_file, .format = format_text, .equals = equals_text, .option_syntax = READ_TEXT};
const struct setting_type setting_type_choice = {.set = set_choice,
						 .format = format_choice,
						 .equals = equals_choice,
						 .exchange = exchange_choice,
						 .option_syntax = READ_TEXT};
