#include "settings/settings.h"

#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "base/text.h"

/* A value as it was written, in the file or after -o, before its setting's type has judged it. */
struct value {
	enum { VALUE_NUMBER, VALUE_TEXT, VALUE_LIST, VALUE_OTHER } kind;
	double number;
	const char *text;
	const char *const *list;
	size_t count;
};

struct setting {
	const char *name;
	const char *default_text;
	const char *wanted;  /* what would be right */
	const char *example; /* of a path */
	bool (*set)(struct settings *settings, const struct setting *setting, const struct value *value, char *problem);
	/* As the file would write it; out has SETTINGS_VALUE_BYTES. */
	void (*format)(const struct settings *settings, const struct setting *setting, char *out);
	/* Of two settings with each other; NULL for what a running node can't take over. */
	void (*exchange)(struct settings *one, struct settings *other, const struct setting *setting);
	size_t offset;
	double least, most;
	bool takes_zero; /* besides: for no limit */
	enum { READ_NUMBER, READ_TEXT, READ_LIST } option_syntax;
};

/* A problem is half a sentence, at most this long, that follows the setting's name. */
enum { PROBLEM_BYTES = 400 };

static bool wrong(char *problem, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(char *problem, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(problem, PROBLEM_BYTES, format, arguments);
	va_end(arguments);
	return false;
}

/* No setting is wrong. */
static bool lack_memory(struct settings *settings, char *problem)
{
	settings->lacks_memory = true;
	return wrong(problem, "cannot be kept: %s", strerror(ENOMEM));
}

static void *field(struct settings *settings, const struct setting *setting)
{
	return (char *)settings + setting->offset;
}

static const void *const_field(const struct settings *settings, const struct setting *setting)
{
	return (const char *)settings + setting->offset;
}

static bool wrong_value(const struct setting *setting, char *problem)
{
	return wrong(problem, "must be %s", setting->wanted);
}

/* Written so that NaN, which is neither below nor above anything, is out of range. */
static bool is_in_range(const struct setting *setting, const struct value *value)
{
	return value->kind == VALUE_NUMBER && ((value->number >= setting->least && value->number <= setting->most) ||
					       (setting->takes_zero && value->number == 0));
}

static bool set_count(struct settings *settings, const struct setting *setting, const struct value *value,
		      char *problem)
{
	if (!is_in_range(setting, value) || value->number != (double)(int64_t)value->number)
		return wrong_value(setting, problem);
	*(_Atomic int64_t *)field(settings, setting) = (int64_t)value->number;
	return true;
}

static bool set_seconds(struct settings *settings, const struct setting *setting, const struct value *value,
			char *problem)
{
	if (!is_in_range(setting, value))
		return wrong_value(setting, problem);
	*(_Atomic int64_t *)field(settings, setting) = (int64_t)(value->number * 1e6 + 0.5);
	return true;
}

static bool set_text(struct settings *settings, const struct setting *setting, const struct value *value, char *problem)
{
	if (value->kind != VALUE_TEXT || strlen(value->text) >= MESSAGE_TEXT_BYTES ||
	    !text_is_plain(value->text, strlen(value->text)))
		return wrong_value(setting, problem);
	strcpy(field(settings, setting), value->text);
	return true;
}

static bool set_network(struct settings *settings, const struct setting *setting, const struct value *value,
			char *problem)
{
	if (value->kind == VALUE_TEXT && value->text[0] == '\0')
		return wrong_value(setting, problem);
	return set_text(settings, setting, value, problem);
}

static void set_host_name(struct settings *settings)
{
	char name[MESSAGE_TEXT_BYTES] = "";
	if (gethostname(name, sizeof name - 1) != 0 || !text_is_plain(name, strlen(name)))
		name[0] = '\0';
	strcpy(settings->name, name);
}

static bool set_name(struct settings *settings, const struct setting *setting, const struct value *value, char *problem)
{
	if (!set_text(settings, setting, value, problem))
		return false;
	if (settings->name[0] == '\0')
		set_host_name(settings);
	return true;
}

static bool set_nodeid(struct settings *settings, const struct setting *setting, const struct value *value,
		       char *problem)
{
	if (value->kind != VALUE_TEXT)
		return wrong_value(setting, problem);
	settings->nodeid = nodeid_none;
	if (strcmp(value->text, "session") == 0)
		settings->nodeid_mode = NODEID_SESSION;
	else if (strcmp(value->text, "keep") == 0)
		settings->nodeid_mode = NODEID_KEEP;
	else if (nodeid_parse(value->text, &settings->nodeid))
		settings->nodeid_mode = NODEID_GIVEN;
	else
		return wrong_value(setting, problem);
	return true;
}

static bool set_path(struct settings *settings, const struct setting *setting, const struct value *value, char *problem)
{
	if (value->kind != VALUE_TEXT || strlen(value->text) >= SETTINGS_PATH_BYTES ||
	    !text_is_plain(value->text, strlen(value->text)))
		return wrong_value(setting, problem);
	if (value->text[0] != '\0' && value->text[0] != '/')
		return wrong(problem, "\"%.100s\" is not an absolute path: write \"%s\"", value->text,
			     setting->example);
	strcpy(field(settings, setting), value->text);
	return true;
}

/* Where it isn't one, it may be the secret itself, which no error shows. */
static bool set_secret_file(struct settings *settings, const struct setting *setting, const struct value *value,
			    char *problem)
{
	if (value->kind == VALUE_TEXT && value->text[0] != '\0' && value->text[0] != '/')
		return wrong_value(setting, problem);
	return set_path(settings, setting, value, problem);
}

static const char *const level_names[] = {
	[LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};

static bool set_log_level(struct settings *settings, const struct setting *setting, const struct value *value,
			  char *problem)
{
	for (size_t i = 0; value->kind == VALUE_TEXT && i < sizeof level_names / sizeof *level_names; i++) {
		if (strcmp(value->text, level_names[i]) == 0) {
			settings->log_level = (enum log_level)i;
			return true;
		}
	}
	return wrong_value(setting, problem);
}

/* An address that is numeric and has a port: to listen on or to announce. */
static bool read_address(const char *text, struct address *address, char *problem)
{
	char host[SETTINGS_HOST_BYTES];
	uint16_t port;
	if (address_parse(text, address))
		return true;
	if (address_from_host(text, ADDRESS_DEFAULT_PORT, address)) {
		char right[ADDRESS_TEXT_BYTES];
		address_format(address, right);
		return wrong(problem, "\"%.100s\" has no port: write \"%s\"", text, right);
	}
	if (!address_split(text, host, sizeof host, &port))
		return wrong(problem,
			     "\"%.100s\" is not host:port with a port from 0 to 65535: "
			     "write \"127.0.0.1:5999\" or \"[::1]:5999\"",
			     text);
	return wrong(problem,
		     "\"%.100s\" is not a numeric address with a port: write \"127.0.0.1:5999\" or \"[::1]:5999\"",
		     text);
}

static bool set_listen(struct settings *settings, const struct setting *setting, const struct value *value,
		       char *problem)
{
	if (value->kind != VALUE_LIST)
		return wrong_value(setting, problem);
	free(settings->listen);
	settings->listen = calloc(value->count + 1, sizeof *settings->listen);
	settings->listen_count = 0;
	if (settings->listen == NULL)
		return lack_memory(settings, problem);
	for (size_t i = 0; i < value->count; i++) {
		struct address *address = &settings->listen[i];
		if (!read_address(value->list[i], address, problem))
			return false;
		struct address with_port = *address;
		with_port.port = ADDRESS_DEFAULT_PORT;
		if (!address_is_wildcard(address) && !address_is_dialable(&with_port))
			return wrong(problem,
				     "\"%.100s\" is an address that nobody can dial: write one of this machine",
				     value->list[i]);
		for (size_t j = 0; j < i; j++)
			if (address->port != 0 && address_equals(address, &settings->listen[j]))
				return wrong(problem, "\"%.100s\" stands there twice: leave one out", value->list[i]);
		settings->listen_count++;
	}
	return true;
}

static bool set_advertise(struct settings *settings, const struct setting *setting, const struct value *value,
			  char *problem)
{
	if (value->kind != VALUE_TEXT)
		return wrong_value(setting, problem);
	settings->advertise = (struct address){0};
	if (value->text[0] == '\0')
		return true;
	if (!read_address(value->text, &settings->advertise, problem))
		return false;
	return address_is_dialable(&settings->advertise) ||
	       wrong(problem,
		     "\"%.100s\" can't be dialled by others: write the host and port that they reach this node by",
		     value->text);
}

/* A name of letters, digits, hyphens, underscores and dots: what DNS can hold. */
static bool is_host_name(const char *host)
{
	return host[0] != '-' && host[0] != '.' &&
	       host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == '\0';
}

static bool read_bootstrap(const char *text, struct bootstrap *bootstrap, char *problem)
{
	*bootstrap = (struct bootstrap){0};
	if (!address_split(text, bootstrap->host, sizeof bootstrap->host, &bootstrap->port) || bootstrap->port == 0)
		return wrong(problem,
			     "\"%.100s\" is not host[:port] with a port from 1 to 65535: "
			     "write \"node.example:5999\", \"192.0.2.7:5999\" or \"[2001:db8::7]:5999\"",
			     text);
	if (address_from_host(bootstrap->host, bootstrap->port, &bootstrap->address))
		return address_is_dialable(&bootstrap->address) ||
		       wrong(problem, "\"%.100s\" can't be dialled: write the address of a node", text);
	/* What looks like a number and isn't one would be asked of a name server. */
	if (is_host_name(bootstrap->host) && bootstrap->host[strspn(bootstrap->host, "0123456789.")] != '\0')
		return true;
	return wrong(problem,
		     "\"%.100s\" is neither a numeric address nor a host name: write \"node.example:5999\" or "
		     "\"192.0.2.7:5999\"",
		     text);
}

static bool append_bootstrap(struct settings *settings, const char *text, char *problem)
{
	size_t count = settings->bootstrap_count;
	if (count == SETTINGS_LIST_ENTRIES)
		return wrong(problem, "has more than %d entries", SETTINGS_LIST_ENTRIES);
	struct bootstrap *grown = realloc(settings->bootstrap, (count + 1) * sizeof *grown);
	if (grown == NULL)
		return lack_memory(settings, problem);
	settings->bootstrap = grown;
	if (!read_bootstrap(text, &grown[count], problem))
		return false;
	settings->bootstrap_count++;
	return true;
}

static bool set_bootstrap(struct settings *settings, const struct setting *setting, const struct value *value,
			  char *problem)
{
	if (value->kind != VALUE_LIST)
		return wrong_value(setting, problem);
	settings->bootstrap_count = 0;
	for (size_t i = 0; i < value->count; i++)
		if (!append_bootstrap(settings, value->list[i], problem))
			return false;
	return true;
}

static bool read_block(const char *text, struct address_block *block, char *problem)
{
	char right[ADDRESS_BLOCK_TEXT_BYTES];
	switch (address_block_parse(text, block)) {
	case ADDRESS_BLOCK_GOOD:
		return true;
	case ADDRESS_BLOCK_HAS_HOST_BITS:
		address_block_format(block, right);
		return wrong(problem, "\"%.100s\" has bits set beyond its prefix: write \"%s\"", text, right);
	default:
		return wrong(problem,
			     "\"%.100s\" is no block of addresses: write \"192.0.2.0/24\", \"2001:db8::/32\" or "
			     "\"192.0.2.7\"",
			     text);
	}
}

static bool set_blocks(struct settings *settings, const struct setting *setting, const struct value *value,
		       char *problem)
{
	struct address_blocks *list = field(settings, setting);
	if (value->kind != VALUE_LIST)
		return wrong_value(setting, problem);
	free(list->blocks);
	list->blocks = calloc(value->count + 1, sizeof *list->blocks);
	list->count = 0;
	if (list->blocks == NULL)
		return lack_memory(settings, problem);
	for (size_t i = 0; i < value->count; i++) {
		if (!read_block(value->list[i], &list->blocks[i], problem))
			return false;
		list->count++;
	}
	return true;
}

/* ---- values as the file would write them ---- */

static void add_text(char *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_text(char *out, const char *format, ...)
{
	size_t used = strlen(out);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(out + used, SETTINGS_VALUE_BYTES - used, format, arguments);
	va_end(arguments);
}

static void add_quoted(char *out, const char *text)
{
	add_text(out, "\"");
	for (const char *c = text; *c != '\0'; c++)
		add_text(out, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
	add_text(out, "\"");
}

static void format_count(const struct settings *settings, const struct setting *setting, char *out)
{
	int64_t count = *(const _Atomic int64_t *)const_field(settings, setting);
	add_text(out, "%lld", (long long)count);
}

static void format_seconds(const struct settings *settings, const struct setting *setting, char *out)
{
	int64_t us = *(const _Atomic int64_t *)const_field(settings, setting);
	add_text(out, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
	for (size_t end = strlen(out) - 1; out[end] == '0' || out[end] == '.'; end--) {
		bool is_point = out[end] == '.';
		out[end] = '\0';
		if (is_point)
			break;
	}
}

static void format_text(const struct settings *settings, const struct setting *setting, char *out)
{
	add_quoted(out, const_field(settings, setting));
}

static void format_nodeid(const struct settings *settings, const struct setting *setting, char *out)
{
	char given[NODEID_TEXT_BYTES];
	(void)setting;
	nodeid_format(&settings->nodeid, given);
	if (settings->nodeid_mode == NODEID_GIVEN)
		add_quoted(out, given);
	else
		add_quoted(out, settings->nodeid_mode == NODEID_KEEP ? "keep" : "session");
}

static void format_log_level(const struct settings *settings, const struct setting *setting, char *out)
{
	(void)setting;
	add_quoted(out, level_names[settings->log_level]);
}

static void format_listen(const struct settings *settings, const struct setting *setting, char *out)
{
	char address[ADDRESS_TEXT_BYTES];
	(void)setting;
	add_text(out, "[");
	for (size_t i = 0; i < settings->listen_count; i++) {
		address_format(&settings->listen[i], address);
		add_text(out, "%s\"%s\"", i == 0 ? "" : ", ", address);
	}
	add_text(out, "]");
}

static void format_advertise(const struct settings *settings, const struct setting *setting, char *out)
{
	char address[ADDRESS_TEXT_BYTES];
	(void)setting;
	address_format(&settings->advertise, address);
	add_quoted(out, address_is_known(&settings->advertise) ? address : "");
}

static void format_bootstrap(const struct settings *settings, const struct setting *setting, char *out)
{
	(void)setting;
	add_text(out, "[");
	for (size_t i = 0; i < settings->bootstrap_count; i++) {
		const struct bootstrap *bootstrap = &settings->bootstrap[i];
		bool has_colon = strchr(bootstrap->host, ':') != NULL;
		add_text(out, "%s\"%s%s%s:%u\"", i == 0 ? "" : ", ", has_colon ? "[" : "", bootstrap->host,
			 has_colon ? "]" : "", (unsigned)bootstrap->port);
	}
	add_text(out, "]");
}

static void format_blocks(const struct settings *settings, const struct setting *setting, char *out)
{
	const struct address_blocks *list = const_field(settings, setting);
	char block[ADDRESS_BLOCK_TEXT_BYTES];
	add_text(out, "[");
	for (size_t i = 0; i < list->count; i++) {
		address_block_format(&list->blocks[i], block);
		add_text(out, "%s\"%s\"", i == 0 ? "" : ", ", block);
	}
	add_text(out, "]");
}

/* ---- what a running node can take over ---- */

#define EXCHANGE(type, one, other)                                                                                     \
	do {                                                                                                           \
		type held = (one);                                                                                     \
		(one) = (other);                                                                                       \
		(other) = held;                                                                                        \
	} while (0)

static void exchange_number(struct settings *one, struct settings *other, const struct setting *setting)
{
	_Atomic int64_t *mine = field(one, setting), *yours = field(other, setting);
	*yours = atomic_exchange(mine, *yours);
}

static void exchange_advertise(struct settings *one, struct settings *other, const struct setting *setting)
{
	(void)setting;
	EXCHANGE(struct address, one->advertise, other->advertise);
}

static void exchange_bootstrap(struct settings *one, struct settings *other, const struct setting *setting)
{
	(void)setting;
	EXCHANGE(struct bootstrap *, one->bootstrap, other->bootstrap);
	EXCHANGE(size_t, one->bootstrap_count, other->bootstrap_count);
}

static void exchange_blocks(struct settings *one, struct settings *other, const struct setting *setting)
{
	struct address_blocks *mine = field(one, setting), *yours = field(other, setting);
	EXCHANGE(struct address_blocks, *mine, *yours);
}

static void exchange_name(struct settings *one, struct settings *other, const struct setting *setting)
{
	char before[MESSAGE_TEXT_BYTES];
	(void)setting;
	strcpy(before, one->name);
	strcpy(one->name, other->name);
	strcpy(other->name, before);
}

static void exchange_log_level(struct settings *one, struct settings *other, const struct setting *setting)
{
	(void)setting;
	EXCHANGE(enum log_level, one->log_level, other->log_level);
}

/* ---- the table ---- */

#define COUNT(setting_name, default_value, minimum, exchange_function)                                                 \
	{                                                                                                              \
		.name = #setting_name, .default_text = (default_value), .set = set_count, .format = format_count,      \
		.exchange = (exchange_function), .wanted = "a whole number from " #minimum " to 1000000",              \
		.least = (minimum), .most = 1000000, .offset = offsetof(struct settings, setting_name),                \
		.option_syntax = READ_NUMBER                                                                           \
	}
#define LIMIT(setting_name, default_value, minimum, maximum)                                                           \
	{                                                                                                              \
		.name = #setting_name, .default_text = (default_value), .set = set_count, .format = format_count,      \
		.exchange = exchange_number,                                                                           \
		.wanted = "a whole number from " #minimum " to " #maximum ", or 0 for no limit", .least = (minimum),   \
		.most = (maximum), .takes_zero = true, .offset = offsetof(struct settings, setting_name),              \
		.option_syntax = READ_NUMBER                                                                           \
	}
#define BLOCKS(setting_name)                                                                                           \
	{                                                                                                              \
		.name = #setting_name, .default_text = "[]", .set = set_blocks, .format = format_blocks,               \
		.exchange = exchange_blocks,                                                                           \
		.wanted = "a list of at most 256 blocks of addresses, as in [\"192.0.2.0/24\"]",                       \
		.offset = offsetof(struct settings, setting_name), .option_syntax = READ_LIST                          \
	}
#define PATH(setting_name, set_function, example_path)                                                                 \
	{                                                                                                              \
		.name = #setting_name, .default_text = "\"\"", .set = (set_function), .format = format_text,           \
		.wanted = "an absolute path of at most 255 bytes without control characters, as in "                   \
			  "\"" example_path "\", or \"\" for none",                                                    \
		.example = (example_path), .offset = offsetof(struct settings, setting_name),                          \
		.option_syntax = READ_TEXT                                                                             \
	}
#define SECONDS(setting_name, default_value)                                                                           \
	{                                                                                                              \
		.name = #setting_name, .default_text = (default_value), .set = set_seconds, .format = format_seconds,  \
		.exchange = exchange_number, .wanted = "a number of seconds from 0.01 to 86400", .least = 0.01,        \
		.most = 86400, .offset = offsetof(struct settings, setting_name##_us), .option_syntax = READ_NUMBER    \
	}

static const struct setting table[SETTING_COUNT] = {
	[SETTING_LISTEN] = {.name = "listen",
			    .default_text = "[\"127.0.0.1:5999\"]",
			    .wanted = "a list of at most 256 addresses, as in [\"127.0.0.1:5999\"]",
			    .set = set_listen,
			    .format = format_listen,
			    .option_syntax = READ_LIST},
	[SETTING_ADVERTISE] = {.name = "advertise",
			       .default_text = "\"\"",
			       .wanted = "an address, as in \"192.0.2.7:5999\", or \"\" for none",
			       .set = set_advertise,
			       .format = format_advertise,
			       .exchange = exchange_advertise,
			       .option_syntax = READ_TEXT},
	[SETTING_BOOTSTRAP] = {.name = "bootstrap",
			       .default_text = "[]",
			       .wanted = "a list of at most 256 addresses, as in [\"node.example:5999\"]",
			       .set = set_bootstrap,
			       .format = format_bootstrap,
			       .exchange = exchange_bootstrap,
			       .option_syntax = READ_LIST},
	[SETTING_NETWORK] = {.name = "network",
			     .default_text = "\"kith\"",
			     .wanted = "a text of 1 to 64 bytes of UTF-8 without control characters, as in \"kith\"",
			     .set = set_network,
			     .format = format_text,
			     .offset = offsetof(struct settings, network),
			     .option_syntax = READ_TEXT},
	[SETTING_SECRET_FILE] = PATH(secret_file, set_secret_file, "/etc/kith/secret"),
	[SETTING_NAME] = {.name = "name",
			  .default_text = "\"\"",
			  .wanted = "a text of at most 64 bytes of UTF-8 without control characters, as in \"alpha\"",
			  .set = set_name,
			  .format = format_text,
			  .exchange = exchange_name,
			  .offset = offsetof(struct settings, name),
			  .option_syntax = READ_TEXT},
	[SETTING_NODEID] = {.name = "nodeid",
			    .default_text = "\"session\"",
			    .wanted = "\"session\", \"keep\" or a UUID, as in "
				      "\"1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d\"",
			    .set = set_nodeid,
			    .format = format_nodeid,
			    .option_syntax = READ_TEXT},
	[SETTING_STATE_DIR] = PATH(state_dir, set_path, "/var/lib/kith"),
	[SETTING_SAVE_INTERVAL] = SECONDS(save_interval, "60"),
	[SETTING_USER] = {.name = "user",
			  .default_text = "\"\"",
			  .wanted = "the name of a user, as in \"nobody\", or \"\" for the one who starts kithd",
			  .set = set_text,
			  .format = format_text,
			  .offset = offsetof(struct settings, user),
			  .option_syntax = READ_TEXT},
	[SETTING_MAX_OUTBOUND] = COUNT(max_outbound, "64", 0, exchange_number),
	[SETTING_MAX_INBOUND] = COUNT(max_inbound, "512", 0, exchange_number),
	[SETTING_MAX_DIALING] = COUNT(max_dialing, "16", 1, exchange_number),
	[SETTING_MAX_PARKED] = COUNT(max_parked, "64", 0, exchange_number),
	[SETTING_MAX_ADDRESSES] = COUNT(max_addresses, "81920", 256, NULL),
	[SETTING_MAX_CONNECTIONS] = LIMIT(max_connections, "1024", 1, 1000000),
	[SETTING_MAX_HANDSHAKES] = LIMIT(max_handshakes, "128", 1, 1000000),
	[SETTING_MAX_PER_ADDRESS] = LIMIT(max_per_address, "8", 1, 1000000),
	[SETTING_MAX_PER_GROUP] = LIMIT(max_per_group, "64", 1, 1000000),
	[SETTING_MAX_MESSAGE_RATE] = LIMIT(max_message_rate, "200", 1, 1000000),
	[SETTING_MAX_BYTE_RATE] = LIMIT(max_byte_rate, "1048576", 1, 1000000000),
	[SETTING_MAX_OUTBOX] = LIMIT(max_outbox, "1048576", 131072, 1000000000),
	[SETTING_BAN_AFTER] = LIMIT(ban_after, "5", 1, 64),
	[SETTING_BAN_TIME] = {.name = "ban_time",
			      .default_text = "600",
			      .wanted = "a number of seconds from 0.01 to 86400, or 0 to ban nobody",
			      .set = set_seconds,
			      .format = format_seconds,
			      .exchange = exchange_number,
			      .offset = offsetof(struct settings, ban_time_us),
			      .least = 0.01,
			      .most = 86400,
			      .takes_zero = true,
			      .option_syntax = READ_NUMBER},
	[SETTING_ALLOW] = BLOCKS(allow),
	[SETTING_DENY] = BLOCKS(deny),
	[SETTING_PING_INTERVAL] = SECONDS(ping_interval, "60"),
	[SETTING_PING_TIMEOUT] = SECONDS(ping_timeout, "20"),
	[SETTING_CONNECT_TIMEOUT] = SECONDS(connect_timeout, "10"),
	[SETTING_HANDSHAKE_TIMEOUT] = SECONDS(handshake_timeout, "10"),
	[SETTING_SHARE_WITHIN] = SECONDS(share_within, "240"),
	[SETTING_RETRY_MIN] = SECONDS(retry_min, "1"),
	[SETTING_RETRY_MAX] = SECONDS(retry_max, "300"),
	[SETTING_LOG_LEVEL] = {.name = "log_level",
			       .default_text = "\"info\"",
			       .wanted = "one of \"error\", \"warning\", \"info\", \"debug\"",
			       .set = set_log_level,
			       .format = format_log_level,
			       .exchange = exchange_log_level,
			       .option_syntax = READ_TEXT},
};

const char *setting_name(enum setting_id setting)
{
	return table[setting].name;
}

const char *setting_default(enum setting_id setting)
{
	return table[setting].default_text;
}

/* subject is the setting's name where that isn't in where already. */
static bool set(struct settings *settings, const struct setting *setting, const struct value *value, const char *where,
		const char *subject, char error[static SETTINGS_ERROR_BYTES])
{
	char problem[PROBLEM_BYTES];
	char **kept = &settings->where[setting - table];
	bool good = setting->set(settings, setting, value, problem);
	if (good) {
		free(*kept);
		*kept = strdup(where);
		good = *kept != NULL || lack_memory(settings, problem);
	}
	if (!good) {
		bool quotes = problem[0] == '"';
		snprintf(error, SETTINGS_ERROR_BYTES, "%s: %s%s%s", where, subject,
			 subject[0] == '\0' ? "" : (quotes ? ": " : " "), problem);
	}
	return good;
}

/* Finds the setting, or says which name was probably meant. */
static const struct setting *find_setting(const char *name, const char *where, char error[static SETTINGS_ERROR_BYTES])
{
	const struct setting *nearest = NULL;
	size_t nearest_distance = 4;
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strcmp(name, table[i].name) == 0)
			return &table[i];
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		size_t distance = text_distance(name, table[i].name);
		if (distance < nearest_distance) {
			nearest = &table[i];
			nearest_distance = distance;
		}
	}
	if (nearest != NULL)
		snprintf(error, SETTINGS_ERROR_BYTES, "%s: there is no setting \"%.64s\"; did you mean \"%s\"?", where,
			 name, nearest->name);
	else
		snprintf(error, SETTINGS_ERROR_BYTES, "%s: there is no setting \"%.64s\"; kith.conf(5) lists them",
			 where, name);
	return NULL;
}

bool settings_init(struct settings *settings)
{
	*settings = (struct settings){0};
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		/* The defaults are written as in the file; without its quotes and brackets they are options. */
		char option[128], error[SETTINGS_ERROR_BYTES];
		size_t used = (size_t)snprintf(option, sizeof option, "%s=", table[i].name);
		for (const char *c = table[i].default_text; *c != '\0'; c++)
			if (strchr("[]\"", *c) == NULL)
				option[used++] = *c;
		option[used] = '\0';
		bool good = settings_set_option(settings, option, error);
		must(good || settings->lacks_memory);
		if (!good)
			return false;
		free(settings->where[i]);
		settings->where[i] = NULL;
	}
	return true;
}

void settings_fini(struct settings *settings)
{
	free(settings->listen);
	free(settings->bootstrap);
	free(settings->allow.blocks);
	free(settings->deny.blocks);
	for (size_t i = 0; i < SETTING_COUNT; i++)
		free(settings->where[i]);
	*settings = (struct settings){0};
}

/* Reads a list of strings; list has room for SETTINGS_LIST_ENTRIES. */
static void read_list(const config_setting_t *from, const char **list, struct value *value)
{
	int length = config_setting_length(from);
	if (length > SETTINGS_LIST_ENTRIES)
		return;
	for (int i = 0; i < length; i++) {
		list[i] = config_setting_get_string_elem(from, i);
		if (list[i] == NULL)
			return;
	}
	*value = (struct value){.kind = VALUE_LIST, .list = list, .count = (size_t)length};
}

static bool set_from_file(struct settings *settings, const char *path, const config_setting_t *from,
			  char error[static SETTINGS_ERROR_BYTES])
{
	const char *list[SETTINGS_LIST_ENTRIES];
	char where[PATH_MAX + 16];
	struct value value = {.kind = VALUE_OTHER};

	snprintf(where, sizeof where, "%s:%u", path, config_setting_source_line(from));
	const struct setting *setting = find_setting(config_setting_name(from), where, error);
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
	return set(settings, setting, &value, where, setting->name, error);
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
		snprintf(error, SETTINGS_ERROR_BYTES, "cannot read \"%s\": %s; name a file that kithd may read", path,
			 problem);
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
				 "%s:%u: a file can't include another: write all settings into this one", path, line);
			return false;
		}
		/* "L" marks a number of 64 bits, which is good for no setting either. */
		if (is_too_large(at + sign, digits) && strspn(at + sign + digits, "L") + sign + digits == word) {
			snprintf(error, SETTINGS_ERROR_BYTES,
				 "%s:%u: %.*s is too large: no setting takes more than 1000000000", path, line,
				 word > 40 ? 40 : (int)word, at);
			return false;
		}
		at += word > 0 ? word : 1;
	}
	return true;
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
	const char *hint = good || strcmp(config_error_text(&file), "syntax error") != 0
				   ? ""
				   : "; a line is written as: ping_interval = 60;";
	if (!good)
		snprintf(error, SETTINGS_ERROR_BYTES, "%s:%d: %s%s", path, line_of_error(&file, content),
			 config_error_text(&file), hint);
	for (unsigned i = 0; good; i++) {
		const config_setting_t *from = config_setting_get_elem(config_root_setting(&file), i);
		if (from == NULL)
			break;
		good = set_from_file(settings, path, from, error);
	}
	config_destroy(&file);
	free(content);
	return good;
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

bool settings_set_option(struct settings *settings, const char *option, char error[static SETTINGS_ERROR_BYTES])
{
	const char *list[SETTINGS_LIST_ENTRIES];
	char where[128], name[64];
	size_t name_length = strcspn(option, " =");
	const char *text = option + name_length + strspn(option + name_length, " ");
	struct value value = {.kind = VALUE_OTHER};

	snprintf(name, sizeof name, "%.*s", (int)name_length, option);
	snprintf(where, sizeof where, "-o%s%s", name[0] == '\0' ? "" : " ", name);
	if (*text != '=') {
		snprintf(error, SETTINGS_ERROR_BYTES, "%s: has no value: write -o SETTING=VALUE", where);
		return false;
	}
	const struct setting *setting = find_setting(name, where, error);
	if (setting == NULL)
		return false;
	text += 1 + strspn(text + 1, " ");
	char *copy = strdup(text);
	if (copy == NULL) {
		settings->lacks_memory = true;
		snprintf(error, SETTINGS_ERROR_BYTES, "%s: %s", where, strerror(ENOMEM));
		return false;
	}
	if (setting->option_syntax == READ_NUMBER) {
		char *end;
		value.number = strtod(copy, &end);
		if (end != copy && *end == '\0')
			value.kind = VALUE_NUMBER;
	} else if (setting->option_syntax == READ_LIST) {
		split_list(copy, list, &value);
	} else {
		value = (struct value){.kind = VALUE_TEXT, .text = copy};
	}
	bool good = set(settings, setting, &value, where, "", error);
	free(copy);
	return good;
}

bool settings_set_listen(struct settings *settings, const char *const *addresses, size_t count, const char *where,
			 char error[static SETTINGS_ERROR_BYTES])
{
	struct value value = {.kind = VALUE_LIST, .list = addresses, .count = count};
	return set(settings, &table[SETTING_LISTEN], &value, where, "", error);
}

bool settings_add_bootstrap(struct settings *settings, const char *address, const char *where,
			    char error[static SETTINGS_ERROR_BYTES])
{
	char problem[PROBLEM_BYTES];
	bool good = append_bootstrap(settings, address, problem);
	if (!good)
		snprintf(error, SETTINGS_ERROR_BYTES, "%s: %s", where, problem);
	return good;
}

void settings_format(const struct settings *settings, enum setting_id setting, char out[static SETTINGS_VALUE_BYTES])
{
	out[0] = '\0';
	table[setting].format(settings, &table[setting], out);
}

enum settings_change settings_apply(struct settings *running, struct settings *fresh, enum setting_id setting)
{
	char before[SETTINGS_VALUE_BYTES], after[SETTINGS_VALUE_BYTES];
	settings_format(running, setting, before);
	settings_format(fresh, setting, after);
	if (strcmp(before, after) == 0)
		return SETTINGS_SAME;
	if (table[setting].exchange == NULL)
		return SETTINGS_NEED_RESTART;
	table[setting].exchange(running, fresh, &table[setting]);
	EXCHANGE(char *, running->where[setting], fresh->where[setting]);
	return SETTINGS_APPLIED;
}

static bool check_retries(const struct settings *settings, char error[static SETTINGS_ERROR_BYTES])
{
	if (settings->retry_min_us <= settings->retry_max_us)
		return true;
	const char *where = settings->where[SETTING_RETRY_MAX];
	if (where == NULL)
		where = settings->where[SETTING_RETRY_MIN];
	snprintf(error, SETTINGS_ERROR_BYTES, "%s: retry_max is below retry_min: raise retry_max, or lower retry_min",
		 where);
	return false;
}

static bool check_nodeid(const struct settings *settings, char error[static SETTINGS_ERROR_BYTES])
{
	if (settings->nodeid_mode != NODEID_KEEP || settings->state_dir[0] != '\0')
		return true;
	snprintf(error, SETTINGS_ERROR_BYTES,
		 "%s: nodeid \"keep\" needs a directory to keep it in: write state_dir = \"/var/lib/kith\", or another",
		 settings->where[SETTING_NODEID]);
	return false;
}

/* max_connections is the sum of what the others let in and of those that are being closed: it must leave room for
 * these. */
static bool check_connections(const struct settings *settings, char error[static SETTINGS_ERROR_BYTES])
{
	static const enum setting_id parts[] = {SETTING_MAX_CONNECTIONS, SETTING_MAX_INBOUND, SETTING_MAX_OUTBOUND,
						SETTING_MAX_DIALING, SETTING_MAX_HANDSHAKES};
	int64_t needed =
		settings->max_inbound + settings->max_outbound + settings->max_dialing + settings->max_handshakes;
	const char *where = NULL;
	if (settings->max_connections == 0 || settings->max_connections >= needed)
		return true;
	for (size_t i = 0; i < sizeof parts / sizeof *parts && where == NULL; i++)
		where = settings->where[parts[i]];
	snprintf(error, SETTINGS_ERROR_BYTES,
		 "%s: max_connections %lld is less than max_inbound, max_outbound, max_dialing and max_handshakes "
		 "together: raise it to %lld or more, write 0 for no limit, or lower one of these",
		 where, (long long)settings->max_connections, (long long)needed);
	return false;
}

bool settings_check(const struct settings *settings, char error[static SETTINGS_ERROR_BYTES])
{
	return check_retries(settings, error) && check_nodeid(settings, error) && check_connections(settings, error);
}
