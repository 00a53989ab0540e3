#include "control/control_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

/* clang-format off */
const struct request request_table[] = {
	{.name = "addresses", .row = "address", .run = rows_addresses,
	 .help = "the whole address book: what is known of each address, and when it is dialled next",
	 .keys = {{"missing", KEY_TRUTH, false, "true: only those that fail, or where a node was that is not connected now"},
		  {"keys", KEY_TEXTS, false, "only these keys of each row"}}},
	{.name = "ban", .row = "ban", .changes = true, .run = rows_ban,
	 .help = "refuses a block of addresses for some time: connections with it end, and it is not dialled",
	 .keys = {{"block", KEY_TEXT, true, "an address or a block, as in \"192.0.2.0/24\""},
		  {"seconds", KEY_NUMBER, false, "for how long; without it, ban_time"}}},
	{.name = "bans", .row = "ban", .run = rows_bans,
	 .help = "the hosts and blocks that are banned now"},
	{.name = "connect", .row = "peer", .changes = true, .run = rows_connect,
	 .help = "dials an address now, and waits until it is a peer or has failed",
	 .keys = {{"address", KEY_TEXT, true, "an IP address with or without a port, as in \"192.0.2.7:5999\""}}},
	{.name = "disconnect", .row = "peer", .changes = true, .run = rows_disconnect,
	 .help = "ends the connection with a peer; either side may dial again: ban it to keep it away",
	 .keys = {{"peer", KEY_TEXT, true, "its name, its nodeid or the first digits of it, or its address"}}},
	{.name = "forget", .changes = true, .run = rows_forget,
	 .help = "removes an address from the address book, until somebody tells of it again",
	 .keys = {{"address", KEY_TEXT, true, "an IP address with or without a port, as in \"192.0.2.7:5999\""}}},
	{.name = "help", .row = "request", .run = rows_help,
	 .help = "the requests, and their keys"},
	{.name = "info", .row = "info", .run = rows_info,
	 .help = "this node: who it is, where it listens, how many peers it has, and its problems"},
	{.name = "links", .row = "link", .run = rows_links,
	 .help = "every pair of nodes in the network that is connected, or should be, and what each says of the other",
	 .keys = {{"peer", KEY_TEXT, false, "only those of this node: its name, its nodeid or the first digits of it, or its address"}}},
	{.name = "metrics", .row = "metric", .run = rows_metrics,
	 .help = "counts and measures of the whole node, as Prometheus names them"},
	{.name = "nodes", .row = "node", .run = rows_nodes,
	 .help = "every node of the network that is known, also those that are not connected with this one"},
	{.name = "peers", .row = "peer", .run = rows_peers,
	 .help = "every connection",
	 .keys = {{"keys", KEY_TEXTS, false, "only these keys of each row"}}},
	{.name = "ping", .row = "pong", .run = rows_ping,
	 .help = "pings a peer now, and tells how long each answer took",
	 .keys = {{"peer", KEY_TEXT, true, "its name, its nodeid or the first digits of it, or its address"},
		  {"count", KEY_NUMBER, false, "how often; without it, once; 0 goes on until the client leaves"},
		  {"interval_ms", KEY_NUMBER, false, "from one ping to the next, at least 200; without it, 1000"}}},
	{.name = "problems", .row = "problem", .run = rows_problems,
	 .help = "what is wrong in the network now, as this node finds it out from what all of them report"},
	{.name = "reload", .row = "setting", .changes = true, .run = rows_reload,
	 .help = "reads the settings and the secrets again, as SIGHUP does; tells which settings differ"},
	{.name = "set", .row = "setting", .changes = true, .run = rows_set,
	 .help = "changes a setting of the running node, until the next reload or restart",
	 .keys = {{"setting", KEY_TEXT, true, "its name, as in kith.conf(5)"},
		  {"value", KEY_VALUE, true, "its new value"}}},
	{.name = "settings", .row = "setting", .run = rows_settings,
	 .help = "every setting: its value, its default, and where it was set"},
	{.name = "stop", .changes = true, .run = rows_stop,
	 .help = "stops the node, as SIGTERM does"},
	{.name = "unban", .changes = true, .run = rows_unban,
	 .help = "ends the ban of a block, and of all hosts in it",
	 .keys = {{"block", KEY_TEXT, true, "an address or a block, as in \"192.0.2.0/24\""}}},
	{.name = "watch", .row = "event", .run = rows_watch,
	 .help = "what has happened, then what happens, until the client leaves",
	 .keys = {{"since", KEY_ANY, false, "the number of the last event that is known, or how long ago, as in \"10m\""},
		  {"kinds", KEY_TEXTS, false, "only events of these kinds"},
		  {"follow", KEY_TRUTH, false, "false: only what has happened so far"}}},
	{.name = "why", .row = "fact", .run = rows_why,
	 .help = "all that is known of a node or an address, or of what is between two nodes",
	 .keys = {{"about", KEY_TEXT, true, "its name, its nodeid or the first digits of it, or its address"},
		  {"other", KEY_TEXT, false, "another node: only what is between the two, of which neither has to be this one"}}},
};
/* clang-format on */

const size_t request_count = sizeof request_table / sizeof *request_table;

/* ---- rows ---- */

struct row call_begin_row(struct call *call, const char *msgtype)
{
	struct row row = row_begin(&call->client->out, msgtype);
	if (call->id[0] != '\0')
		row_json(&row, "id", call->id);
	return row;
}

bool call_end_row(struct call *call, struct row *row)
{
	struct client *client = call->client;
	if (!row_end(row)) {
		call->has_failed = client->has_gone = true;
		return false;
	}
	call->rows++;
	if (buffer_length(&client->out) >= CLIENT_OUT_BYTES && !client_flush(client))
		call->has_failed = true;
	return !call->has_failed;
}

bool call_find_wanted(struct call *call, struct wanted_keys *wanted)
{
	struct json_object *keys = NULL;
	*wanted = (struct wanted_keys){.is_all = !json_object_object_get_ex(call->keys, "keys", &keys) || keys == NULL};
	size_t count = wanted->is_all ? 0 : json_object_array_length(keys);
	if (count > REQUEST_ROW_KEYS) {
		call_fail(call, "wrong_value", "at most %d keys can be asked for: leave \"keys\" out for all",
			  REQUEST_ROW_KEYS);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		wanted->list[i] = json_string(json_object_array_get_idx(keys, i));
	return true;
}

struct row call_begin_wanted_row(struct call *call, const char *msgtype, const struct wanted_keys *wanted)
{
	struct row row = call_begin_row(call, msgtype);
	if (!wanted->is_all)
		row_limit(&row, wanted->list);
	return row;
}

void call_fail(struct call *call, const char *code, const char *format, ...)
{
	struct problem problem;
	va_list arguments;
	if (call->has_failed)
		return;
	va_start(arguments, format);
	vsnprintf(problem.text, sizeof problem.text, format, arguments);
	va_end(arguments);
	struct row row = call_begin_row(call, "error");
	row_text(&row, "error", code);
	row_text(&row, "text", problem.text);
	row_end(&row);
	call->has_failed = true;
}

void call_fail_for_memory(struct call *call)
{
	call_fail(call, "no_memory", "this node has no memory for the answer");
}

const char *call_text(const struct call *call, const char *key)
{
	struct json_object *value = NULL;
	return json_object_object_get_ex(call->keys, key, &value) ? json_string(value) : NULL;
}

bool call_truth(const struct call *call, const char *key, bool otherwise)
{
	struct json_object *value = NULL;
	return json_object_object_get_ex(call->keys, key, &value) && value != NULL ? json_object_get_boolean(value)
										   : otherwise;
}

double call_number(const struct call *call, const char *key, double otherwise)
{
	struct json_object *value = NULL;
	return json_object_object_get_ex(call->keys, key, &value) ? json_object_get_double(value) : otherwise;
}

/* ---- a line ---- */

static bool is_list_of_texts(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (json_string(json_object_array_get_idx(value, i)) == NULL)
			return false;
	return true;
}

static bool is_of_type(struct json_object *value, enum key_type type)
{
	bool is_text = json_string(value) != NULL;
	bool is_whole = json_object_is_type(value, json_type_int);
	switch (type) {
	case KEY_TEXT:
		return is_text;
	case KEY_NUMBER:
		return is_whole || json_object_is_type(value, json_type_double);
	case KEY_ANY:
		return is_text || is_whole;
	case KEY_TRUTH:
		return json_object_is_type(value, json_type_boolean);
	case KEY_TEXTS:
		return is_list_of_texts(value);
	case KEY_VALUE:
		return is_text || is_whole || json_object_is_type(value, json_type_double) ||
		       json_object_is_type(value, json_type_boolean) || is_list_of_texts(value);
	}
	return false;
}

static const char *key_type_name(enum key_type type)
{
	static const char *const names[] = {[KEY_TEXT] = "text",
					    [KEY_NUMBER] = "a number",
					    [KEY_TEXTS] = "a list of texts",
					    [KEY_ANY] = "text or a whole number",
					    [KEY_TRUTH] = "true or false",
					    [KEY_VALUE] = "text, a number, true, false or a list of texts"};
	return names[type];
}

/* False if a key is missing or wrong: the answer is then an error. */
static bool check_keys(struct call *call)
{
	const struct request *request = call->request;
	for (size_t i = 0; i < REQUEST_KEYS && request->keys[i].name != NULL; i++) {
		const struct request_key *key = &request->keys[i];
		struct json_object *value = NULL;
		bool is_there = json_object_object_get_ex(call->keys, key->name, &value) && value != NULL;
		if (!is_there && key->is_required)
			call_fail(call, "missing_key", "%s needs the key \"%s\": %s", request->name, key->name,
				  key->help);
		else if (is_there && !is_of_type(value, key->type))
			call_fail(call, "wrong_type", "the key \"%s\" of %s must be %s: %s", key->name, request->name,
				  key_type_name(key->type), key->help);
	}
	return !call->has_failed;
}

static bool find_request(struct call *call, const char *name)
{
	const struct request *nearest = &request_table[0];
	for (size_t i = 0; i < request_count; i++) {
		if (strcmp(name, request_table[i].name) == 0)
			call->request = &request_table[i];
		if (text_distance(name, request_table[i].name) < text_distance(name, nearest->name))
			nearest = &request_table[i];
	}
	if (call->request != NULL)
		return true;
	if (text_distance(name, nearest->name) < 4)
		call_fail(call, "unknown_request", "there is no request \"%.64s\"; did you mean \"%s\"?", name,
			  nearest->name);
	else
		call_fail(call, "unknown_request", "there is no request \"%.64s\"; {\"msgtype\":\"help\"} lists them",
			  name);
	return false;
}

/* The id as it is repeated in every row. */
static bool take_id(struct call *call)
{
	struct json_object *id = NULL;
	struct buffer text = {0};
	if (!json_object_object_get_ex(call->keys, "id", &id))
		return true;
	bool fits = id == NULL || (json_write(id, &text) && buffer_length(&text) < sizeof call->id);
	if (id == NULL)
		strcpy(call->id, "null");
	else if (fits)
		memcpy(call->id, buffer_content(&text), buffer_length(&text));
	buffer_fini(&text);
	if (!fits)
		call_fail(call, "wrong_id", "an id has at most %d bytes", REQUEST_ID_BYTES - 1);
	return fits;
}

/* Reads the line. False if it is no request: the answer is then an error. */
static bool take_request(struct call *call, const char *line, size_t length)
{
	struct problem problem;
	struct json_object *msgtype = NULL;
	if (json_count_values(line, length) > REQUEST_JSON_VALUES) {
		call_fail(call, "not_a_request", "a request has at most %d values", REQUEST_JSON_VALUES);
		return false;
	}
	if (!json_parse(line, length, REQUEST_JSON_DEPTH, &call->keys, &problem)) {
		call_fail(call, "not_json", "%s: write {\"msgtype\":\"help\"}", problem.text);
		return false;
	}
	if (!json_object_is_type(call->keys, json_type_object) ||
	    !json_object_object_get_ex(call->keys, "msgtype", &msgtype) || json_string(msgtype) == NULL) {
		call_fail(call, "not_a_request", "a request is an object with a msgtype: write {\"msgtype\":\"help\"}");
		return false;
	}
	return take_id(call) && find_request(call, json_string(msgtype)) && check_keys(call);
}

static void answer_end(struct call *call)
{
	struct row row = row_begin(&call->client->out, "end");
	if (call->id[0] != '\0')
		row_json(&row, "id", call->id);
	row_integer(&row, "rows", (int64_t)call->rows);
	row_end(&row);
}

void request_answer(struct client *client, const char *line, size_t length)
{
	struct call call = {.client = client, .parts = control_parts(client->control)};
	counters_count(call.parts->common.counters, COUNTER_REQUESTS);
	if (take_request(&call, line, length)) {
		if (call.request->changes)
			log_info("control: uid %u, pid %d asks for %s", (unsigned)client->uid, (int)client->pid,
				 call.request->name);
		call.request->run(&call);
	}
	json_object_put(call.keys);
	if (!call.has_failed)
		answer_end(&call);
}

void rows_help(struct call *call)
{
	for (size_t i = 0; i < request_count; i++) {
		const struct request *request = &request_table[i];
		struct row row = call_begin_row(call, "request");
		row_text(&row, "request", request->name);
		row_text(&row, "help", request->help);
		row_text(&row, "rows", request->row);
		row_boolean(&row, "changes", request->changes);
		row_open_list(&row, "keys");
		for (size_t j = 0; j < REQUEST_KEYS && request->keys[j].name != NULL; j++) {
			const struct request_key *key = &request->keys[j];
			row_open_object(&row, NULL);
			row_text(&row, "key", key->name);
			row_text(&row, "type", key_type_name(key->type));
			row_boolean(&row, "required", key->is_required);
			row_text(&row, "help", key->help);
			row_close_object(&row);
		}
		row_close_list(&row);
		if (!call_end_row(call, &row))
			return;
	}
}
