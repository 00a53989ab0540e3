#include "settings/settings_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Rows of a kind. */
#define COUNT(setting_name, default_value, minimum, maximum, restart)                                                  \
	{                                                                                                              \
		.name = #setting_name, .type = &setting_type_count, .default_text = (default_value),                   \
		.wanted = "a whole number from " #minimum " to " #maximum, .least = (minimum), .most = (maximum),      \
		.offset = offsetof(struct settings, setting_name), .needs_restart = (restart)                          \
	}
#define LIMIT(setting_name, default_value, minimum, maximum)                                                           \
	{                                                                                                              \
		.name = #setting_name, .type = &setting_type_count, .default_text = (default_value),                   \
		.wanted = "a whole number from " #minimum " to " #maximum ", or 0 for no limit", .least = (minimum),   \
		.most = (maximum), .takes_zero = true, .offset = offsetof(struct settings, setting_name)               \
	}
#define SECONDS(setting_name, default_value)                                                                           \
	{                                                                                                              \
		.name = #setting_name, .type = &setting_type_seconds, .default_text = (default_value),                 \
		.wanted = "a number of seconds from 0.01 to 86400", .least = 0.01, .most = 86400,                      \
		.offset = offsetof(struct settings, setting_name##_us)                                                 \
	}
#define BLOCKS(setting_name)                                                                                           \
	{                                                                                                              \
		.name = #setting_name, .type = &setting_type_blocks, .default_text = "[]",                             \
		.wanted = "a list of at most 256 blocks of addresses, as in [\"192.0.2.0/24\"]", .is_in_texts = true,  \
		.offset = offsetof(struct settings_texts, setting_name)                                                \
	}
#define PATH(setting_name, path_type, example_path)                                                                    \
	{                                                                                                              \
		.name = #setting_name, .type = &(path_type), .default_text = "\"\"",                                   \
		.wanted = "an absolute path of at most 255 bytes without control characters, as in "                   \
			  "\"" example_path "\", or \"\" for none",                                                    \
		.example = (example_path), .offset = offsetof(struct settings, setting_name), .needs_restart = true    \
	}

static const char *const log_levels[] = {
	[LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug", NULL};
static const char *const log_formats[] = {[LOG_TEXT] = "text", [LOG_JSON] = "json", NULL};

const struct setting settings_table[SETTING_COUNT] = {
	[SETTING_LISTEN] = {.name = "listen",
			    .type = &setting_type_listen,
			    .default_text = "[\"127.0.0.1:5999\"]",
			    .wanted = "a list of at most 256 addresses, as in [\"127.0.0.1:5999\"]",
			    .needs_restart = true},
	[SETTING_LISTEN_RETRY] = {.name = "listen_retry",
				  .type = &setting_type_boolean,
				  .default_text = "true",
				  .wanted = "true or false",
				  .offset = offsetof(struct settings, listen_retry),
				  .needs_restart = true},
	[SETTING_ADVERTISE] = {.name = "advertise",
			       .type = &setting_type_advertise,
			       .default_text = "\"\"",
			       .wanted = "an address, as in \"192.0.2.7:5999\", or \"\" for none",
			       .is_in_texts = true},
	[SETTING_BOOTSTRAP] = {.name = "bootstrap",
			       .type = &setting_type_bootstrap,
			       .default_text = "[]",
			       .wanted = "a list of at most 256 addresses, as in [\"node.example:5999\"]",
			       .is_in_texts = true},
	[SETTING_NETWORK] = {.name = "network",
			     .type = &setting_type_network,
			     .default_text = "\"kith\"",
			     .wanted = "a text of 1 to 64 bytes of UTF-8 without control characters, as in \"kith\"",
			     .offset = offsetof(struct settings, network),
			     .needs_restart = true},
	[SETTING_SECRET_FILE] = PATH(secret_file, setting_type_secret_file, "/etc/kith/secret"),
	[SETTING_NAME] = {.name = "name",
			  .type = &setting_type_name,
			  .default_text = "\"\"",
			  .wanted = "a text of at most 64 bytes of UTF-8 without control characters, as in \"alpha\"",
			  .is_in_texts = true,
			  .offset = offsetof(struct settings_texts, name)},
	[SETTING_TAGS] = {.name = "tags",
			  .type = &setting_type_tags,
			  .default_text = "[]",
			  .wanted = "a list of at most 16 texts, as in [\"role=db\", \"rack 7\"]",
			  .is_in_texts = true},
	[SETTING_NODEID] = {.name = "nodeid",
			    .type = &setting_type_nodeid,
			    .default_text = "\"auto\"",
			    .wanted = "\"auto\", \"keep\", \"session\" or a UUID, as in "
				      "\"1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d\"",
			    .needs_restart = true},
	[SETTING_STATE_DIR] = PATH(state_dir, setting_type_path, "/var/lib/kith"),
	[SETTING_SAVE_INTERVAL] = SECONDS(save_interval, "60"),
	[SETTING_USER] = {.name = "user",
			  .type = &setting_type_text,
			  .default_text = "\"\"",
			  .wanted = "the name of a user, as in \"nobody\", or \"\" for the one who starts kithd",
			  .offset = offsetof(struct settings, user),
			  .needs_restart = true},
	[SETTING_MAX_OUTBOUND] = COUNT(max_outbound, "64", 0, 1000000, false),
	[SETTING_MAX_INBOUND] = COUNT(max_inbound, "512", 0, 1000000, false),
	[SETTING_MAX_DIALING] = COUNT(max_dialing, "16", 1, 1000000, false),
	[SETTING_MAX_PARKED] = COUNT(max_parked, "64", 0, 1000000, false),
	[SETTING_MAX_ADDRESSES] = COUNT(max_addresses, "81920", 256, 1000000, true),
	[SETTING_MAX_CONNECTIONS] = LIMIT(max_connections, "1024", 1, 1000000),
	[SETTING_MAX_HANDSHAKES] = LIMIT(max_handshakes, "128", 1, 1000000),
	[SETTING_MAX_PER_ADDRESS] = LIMIT(max_per_address, "8", 1, 1000000),
	[SETTING_MAX_PER_GROUP] = LIMIT(max_per_group, "64", 1, 1000000),
	[SETTING_MAX_MESSAGE_RATE] = LIMIT(max_message_rate, "200", 1, 1000000),
	[SETTING_MAX_BYTE_RATE] = LIMIT(max_byte_rate, "1048576", 1, 1000000000),
	[SETTING_MAX_OUTBOX] = LIMIT(max_outbox, "1048576", 131072, 1000000000),
	[SETTING_BAN_AFTER] = LIMIT(ban_after, "5", 1, 64),
	[SETTING_BAN_TIME] = {.name = "ban_time",
			      .type = &setting_type_seconds,
			      .default_text = "600",
			      .wanted = "a number of seconds from 0.01 to 86400, or 0 to ban nobody",
			      .offset = offsetof(struct settings, ban_time_us),
			      .least = 0.01,
			      .most = 86400,
			      .takes_zero = true},
	[SETTING_ALLOW] = BLOCKS(allow),
	[SETTING_DENY] = BLOCKS(deny),
	[SETTING_PROBE_INTERVAL] = SECONDS(probe_interval, "1"),
	[SETTING_SILENT_AFTER] = SECONDS(silent_after, "5"),
	[SETTING_PING_INTERVAL] = SECONDS(ping_interval, "60"),
	[SETTING_PING_TIMEOUT] = SECONDS(ping_timeout, "20"),
	[SETTING_MAX_NODES] = COUNT(max_nodes, "4096", 0, 16384, false),
	[SETTING_REPORT_RATE] = COUNT(report_rate, "8192", 1024, 1000000000, false),
	[SETTING_FORGET_AFTER] = SECONDS(forget_after, "3600"),
	[SETTING_CONNECT_TIMEOUT] = SECONDS(connect_timeout, "10"),
	[SETTING_HANDSHAKE_TIMEOUT] = SECONDS(handshake_timeout, "10"),
	[SETTING_SHARE_WITHIN] = SECONDS(share_within, "240"),
	[SETTING_RETRY_MIN] = SECONDS(retry_min, "1"),
	[SETTING_RETRY_MAX] = SECONDS(retry_max, "60"),
	[SETTING_FEELER_INTERVAL] = SECONDS(feeler_interval, "120"),
	[SETTING_LOG_LEVEL] = {.name = "log_level",
			       .type = &setting_type_choice,
			       .default_text = "\"info\"",
			       .wanted = "one of \"error\", \"warning\", \"info\", \"debug\"",
			       .choices = log_levels,
			       .offset = offsetof(struct settings, log_level)},
	[SETTING_LOG_FORMAT] = {.name = "log_format",
				.type = &setting_type_choice,
				.default_text = "\"text\"",
				.wanted = "\"text\" or \"json\"",
				.choices = log_formats,
				.offset = offsetof(struct settings, log_format)},
	[SETTING_CONTROL] =
		{.name = "control",
		 .type = &setting_type_control,
		 .default_text = "\"auto\"",
		 .wanted = "\"auto\", an absolute path of at most 107 bytes without control characters, as in "
			   "\"/run/kith/alpha.sock\", or \"\" for none",
		 .example = "/run/kith/alpha.sock",
		 .offset = offsetof(struct settings, control),
		 .needs_restart = true},
	[SETTING_CONTROL_GROUP] = {.name = "control_group",
				   .type = &setting_type_text,
				   .default_text = "\"\"",
				   .wanted = "the name of a group, as in \"kith\", or \"\" for none",
				   .offset = offsetof(struct settings, control_group),
				   .needs_restart = true},
	[SETTING_MAX_CONTROLS] = COUNT(max_controls, "16", 1, 1000000, false),
	[SETTING_JOURNAL_EVENTS] = COUNT(journal_events, "10000", 0, 1000000, false),
};

const char *setting_name(enum setting_id setting)
{
	return settings_table[setting].name;
}

const char *setting_default(enum setting_id setting)
{
	return settings_table[setting].default_text;
}

bool setting_needs_restart(enum setting_id setting)
{
	return settings_table[setting].needs_restart;
}

/* Finds the setting, or says which name was probably meant. */
const struct setting *settings_find(const char *name, const char *where, struct problem *problem)
{
	const struct setting *nearest = NULL;
	size_t nearest_distance = 4;
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strcmp(name, settings_table[i].name) == 0)
			return &settings_table[i];
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		size_t distance = text_distance(name, settings_table[i].name);
		if (distance < nearest_distance) {
			nearest = &settings_table[i];
			nearest_distance = distance;
		}
	}
	if (nearest != NULL)
		problem_set(problem, "%s: there is no setting \"%.64s\"; did you mean \"%s\"?", where, name,
			    nearest->name);
	else
		problem_set(problem, "%s: there is no setting \"%.64s\"; kith.conf(5) lists them", where, name);
	return NULL;
}
