#include "settings/settings_priv.h"

#include <stdlib.h>
#include <string.h>

/* A name of letters, digits, hyphens, underscores and dots: what DNS can hold. */
static bool is_host_name(const char *host)
{
	return host[0] != '-' && host[0] != '.' &&
	       host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == '\0';
}

/* An address that is numeric and has a port: to listen on or to announce. */
static bool read_address(const struct setting *setting, const char *text, struct address *address,
			 struct problem *problem)
{
	char host[SETTINGS_HOST_BYTES];
	uint16_t port;
	if (address_parse(text, address))
		return true;
	if (address_from_host(text, ADDRESS_DEFAULT_PORT, address)) {
		char right[ADDRESS_TEXT_BYTES];
		address_format(address, right);
		return problem_set(problem, "\"%.100s\" has no port: write \"%s\"", text, right);
	}
	if (!address_split(text, host, sizeof host, &port))
		return problem_set(problem,
				   "\"%.100s\" is not host:port with a port from 0 to 65535: "
				   "write \"127.0.0.1:5999\" or \"[::1]:5999\"",
				   text);
	if (is_host_name(host) && host[strspn(host, "0123456789.")] != '\0')
		return problem_set(problem,
				   "\"%.100s\": %s takes IP addresses, not names: write \"127.0.0.1:5999\" or "
				   "\"[::1]:5999\"",
				   text, setting->name);
	return problem_set(problem,
			   "\"%.100s\" is not an IP address with a port: write \"127.0.0.1:5999\" or "
			   "\"[::1]:5999\"",
			   text);
}

static bool set_listen(struct settings *settings, const struct setting *setting, const struct value *value,
		       struct problem *problem)
{
	if (value->kind != VALUE_LIST)
		return setting_wrong_list(setting, value, problem);
	free(settings->listen);
	settings->listen = calloc(value->count + 1, sizeof *settings->listen);
	settings->listen_count = 0;
	if (settings->listen == NULL)
		return setting_lacks_memory(problem);
	for (size_t i = 0; i < value->count; i++) {
		struct address *address = &settings->listen[i];
		if (!read_address(setting, value->list[i], address, problem))
			return false;
		struct address with_port = *address;
		with_port.port = ADDRESS_DEFAULT_PORT;
		if (!address_is_wildcard(address) && !address_is_dialable(&with_port))
			return problem_set(problem,
					   "\"%.100s\" is an address that nobody can dial: write one of this machine",
					   value->list[i]);
		for (size_t j = 0; j < i; j++)
			if (address->port != 0 && address_equals(address, &settings->listen[j]))
				return problem_set(problem, "\"%.100s\" is listed twice: remove one", value->list[i]);
		settings->listen_count++;
	}
	return true;
}

static bool set_advertise(struct settings *settings, const struct setting *setting, const struct value *value,
			  struct problem *problem)
{
	if (value->kind != VALUE_TEXT)
		return setting_wrong_value(setting, problem);
	settings->texts->advertise = (struct address){0};
	if (value->text[0] == '\0')
		return true;
	if (!read_address(setting, value->text, &settings->texts->advertise, problem))
		return false;
	return address_is_dialable(&settings->texts->advertise) ||
	       problem_set(
		       problem,
		       "\"%.100s\" can't be dialled by others: write the host and port that they reach this node by",
		       value->text);
}

static bool read_bootstrap(const char *text, struct bootstrap *bootstrap, struct problem *problem)
{
	*bootstrap = (struct bootstrap){0};
	if (!address_split(text, bootstrap->host, sizeof bootstrap->host, &bootstrap->port) || bootstrap->port == 0)
		return problem_set(problem,
				   "\"%.100s\" is not host[:port] with a port from 1 to 65535: "
				   "write \"node.example:5999\", \"192.0.2.7:5999\" or \"[2001:db8::7]:5999\"",
				   text);
	if (address_from_host(bootstrap->host, bootstrap->port, &bootstrap->address))
		return address_is_dialable(&bootstrap->address) ||
		       problem_set(problem, "\"%.100s\" can't be dialled: write the address of a node", text);
	/* What looks like a number and isn't one would be asked of a name server. */
	if (is_host_name(bootstrap->host) && bootstrap->host[strspn(bootstrap->host, "0123456789.")] != '\0')
		return true;
	return problem_set(problem,
			   "\"%.100s\" is neither an IP address nor a host name: write \"node.example:5999\" or "
			   "\"192.0.2.7:5999\"",
			   text);
}

bool setting_append_bootstrap(struct settings *settings, const char *text, struct problem *problem)
{
	size_t count = settings->texts->bootstrap_count;
	if (count == SETTINGS_LIST_ENTRIES)
		return problem_set(problem, "has more than %d entries", SETTINGS_LIST_ENTRIES);
	struct bootstrap *grown = realloc(settings->texts->bootstrap, (count + 1) * sizeof *grown);
	if (grown == NULL)
		return setting_lacks_memory(problem);
	settings->texts->bootstrap = grown;
	if (!read_bootstrap(text, &grown[count], problem))
		return false;
	settings->texts->bootstrap_count++;
	return true;
}

static bool set_bootstrap(struct settings *settings, const struct setting *setting, const struct value *value,
			  struct problem *problem)
{
	if (value->kind != VALUE_LIST)
		return setting_wrong_list(setting, value, problem);
	settings->texts->bootstrap_count = 0;
	for (size_t i = 0; i < value->count; i++)
		if (!setting_append_bootstrap(settings, value->list[i], problem))
			return false;
	return true;
}

static bool read_block(const char *text, struct address_block *block, struct problem *problem)
{
	char right[ADDRESS_BLOCK_TEXT_BYTES];
	switch (address_block_parse(text, block)) {
	case ADDRESS_BLOCK_GOOD:
		return true;
	case ADDRESS_BLOCK_HAS_HOST_BITS:
		address_block_format(block, right);
		return problem_set(problem, "\"%.100s\" has bits set beyond its prefix: write \"%s\"", text, right);
	default:
		return problem_set(
			problem,
			"\"%.100s\" is not a block of addresses: write \"192.0.2.0/24\", \"2001:db8::/32\" or "
			"\"192.0.2.7\"",
			text);
	}
}

static bool set_blocks(struct settings *settings, const struct setting *setting, const struct value *value,
		       struct problem *problem)
{
	struct address_blocks *list = setting_field(settings, setting);
	if (value->kind != VALUE_LIST)
		return setting_wrong_list(setting, value, problem);
	free(list->blocks);
	list->blocks = calloc(value->count + 1, sizeof *list->blocks);
	list->count = 0;
	if (list->blocks == NULL)
		return setting_lacks_memory(problem);
	for (size_t i = 0; i < value->count; i++) {
		if (!read_block(value->list[i], &list->blocks[i], problem))
			return false;
		list->count++;
	}
	return true;
}

/* ---- values as the file would write them ---- */

static void format_listen(const struct settings *settings, const struct setting *setting, struct written *out)
{
	char address[ADDRESS_TEXT_BYTES];
	(void)setting;
	setting_add_text(out, "[");
	for (size_t i = 0; i < settings->listen_count; i++) {
		address_format(&settings->listen[i], address);
		setting_add_text(out, "%s\"%s\"", i == 0 ? "" : ", ", address);
	}
	setting_add_text(out, "]");
}

static void format_advertise(const struct settings *settings, const struct setting *setting, struct written *out)
{
	char address[ADDRESS_TEXT_BYTES];
	(void)setting;
	address_format(&settings->texts->advertise, address);
	setting_add_quoted(out, address_is_known(&settings->texts->advertise) ? address : "");
}

static void format_bootstrap(const struct settings *settings, const struct setting *setting, struct written *out)
{
	(void)setting;
	setting_add_text(out, "[");
	for (size_t i = 0; i < settings->texts->bootstrap_count; i++) {
		const struct bootstrap *bootstrap = &settings->texts->bootstrap[i];
		bool has_colon = strchr(bootstrap->host, ':') != NULL;
		setting_add_text(out, "%s\"%s%s%s:%u\"", i == 0 ? "" : ", ", has_colon ? "[" : "", bootstrap->host,
				 has_colon ? "]" : "", (unsigned)bootstrap->port);
	}
	setting_add_text(out, "]");
}

static void format_blocks(const struct settings *settings, const struct setting *setting, struct written *out)
{
	const struct address_blocks *list = setting_const_field(settings, setting);
	char block[ADDRESS_BLOCK_TEXT_BYTES];
	setting_add_text(out, "[");
	for (size_t i = 0; i < list->count; i++) {
		address_block_format(&list->blocks[i], block);
		setting_add_text(out, "%s\"%s\"", i == 0 ? "" : ", ", block);
	}
	setting_add_text(out, "]");
}

/* ---- two settings ---- */

static bool equals_listen(const struct settings *one, const struct settings *other, const struct setting *setting)
{
	bool equals = one->listen_count == other->listen_count;
	(void)setting;
	for (size_t i = 0; equals && i < one->listen_count; i++)
		equals = address_equals(&one->listen[i], &other->listen[i]);
	return equals;
}

static bool equals_advertise(const struct settings *one, const struct settings *other, const struct setting *setting)
{
	(void)setting;
	return address_equals(&one->texts->advertise, &other->texts->advertise);
}

static bool equals_bootstrap(const struct settings *one, const struct settings *other, const struct setting *setting)
{
	const struct settings_texts *mine = one->texts, *yours = other->texts;
	bool equals = mine->bootstrap_count == yours->bootstrap_count;
	(void)setting;
	for (size_t i = 0; equals && i < mine->bootstrap_count; i++)
		equals = mine->bootstrap[i].port == yours->bootstrap[i].port &&
			 strcmp(mine->bootstrap[i].host, yours->bootstrap[i].host) == 0;
	return equals;
}

static bool equals_blocks(const struct settings *one, const struct settings *other, const struct setting *setting)
{
	const struct address_blocks *mine = setting_const_field(one, setting);
	const struct address_blocks *yours = setting_const_field(other, setting);
	bool equals = mine->count == yours->count;
	for (size_t i = 0; equals && i < mine->count; i++) {
		char one_text[ADDRESS_BLOCK_TEXT_BYTES], other_text[ADDRESS_BLOCK_TEXT_BYTES];
		address_block_format(&mine->blocks[i], one_text);
		address_block_format(&yours->blocks[i], other_text);
		equals = strcmp(one_text, other_text) == 0;
	}
	return equals;
}

/* ---- the types ---- */

const struct setting_type setting_type_listen = {
	.set = set_listen, .format = format_listen, .equals = equals_listen, .option_syntax = READ_LIST};
const struct setting_type setting_type_advertise = {
	.set = set_advertise, .format = format_advertise, .equals = equals_advertise, .option_syntax = READ_TEXT};
const struct setting_type setting_type_bootstrap = {
	.set = set_bootstrap, .format = format_bootstrap, .equals = equals_bootstrap, .option_syntax = READ_LIST};
const struct setting_type setting_type_blocks = {
	.set = set_blocks, .format = format_blocks, .equals = equals_blocks, .option_syntax = READ_LIST};
