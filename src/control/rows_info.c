#include "control/control_priv.h"
#include "control/rows_priv.h"
#include "control/warnings_priv.h"
#include "telemetry/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_listening(struct row *row, const struct listening *listening)
{
	size_t count = listening_count(listening);
	row_open_list(row, "listen");
	for (size_t i = 0; i < count; i++)
		row_address(row, NULL, &listening->addresses[i]);
	row_close_list(row);
}

/* The beginnings of their identities, the one that is used to dial first. */
static void add_secrets(struct row *row, struct tls_context *context)
{
	char secrets[SECRETS_MOST][TLS_FINGERPRINT_BYTES];
	size_t count = context == NULL ? 0 : tls_context_fingerprints(context, secrets);
	row_open_list(row, "secrets");
	for (size_t i = 0; i < count; i++)
		row_text(row, NULL, secrets[i]);
	row_close_list(row);
}

/* ---- the agents of the peers ---- */

enum { AGENTS = 16 };

struct agents {
	char names[AGENTS][MESSAGE_TEXT_BYTES];
	size_t peers[AGENTS];
	size_t count, others; /* others are of more agents than there is room for, or have not said theirs */
};

static void count_agent(struct agents *agents, const char *agent)
{
	size_t place = 0;
	while (place < agents->count && strcmp(agents->names[place], agent) != 0)
		place++;
	if (agent[0] == '\0' || place == AGENTS) {
		agents->others++;
		return;
	}
	if (place == agents->count)
		snprintf(agents->names[agents->count++], MESSAGE_TEXT_BYTES, "%s", agent);
	agents->peers[place]++;
}

static void count_agents(struct registry *registry, struct agents *agents)
{
	struct registry_visit all = {.registry = registry};
	struct peer *peer;
	while ((peer = registry_visit_next(&all)) != NULL) {
		struct peer_info info = peer_look(peer, 0);
		if (info.state == PEER_READY)
			count_agent(agents, info.agent);
	}
}

static void add_agents(struct row *row, struct registry *registry)
{
	struct agents *agents = calloc(1, sizeof *agents);
	if (agents != NULL)
		count_agents(registry, agents);
	row_open_list(row, "agents");
	for (size_t i = 0; agents != NULL && i < agents->count; i++) {
		row_open_object(row, NULL);
		row_text(row, "agent", agents->names[i]);
		row_integer(row, "peers", (int64_t)agents->peers[i]);
		row_close_object(row);
	}
	if (agents != NULL && agents->others > 0) {
		row_open_object(row, NULL);
		row_null(row, "agent");
		row_integer(row, "peers", (int64_t)agents->others);
		row_close_object(row);
	}
	row_close_list(row);
	free(agents);
}

static void add_problem(void *context, const char *text)
{
	row_text(context, NULL, text);
}

static void add_number(struct row *row, const char *key, int64_t number)
{
	if (number < 0)
		row_null(row, key);
	else
		row_integer(row, key, number);
}

static void add_process(struct row *row)
{
	struct process_use use = process_look();
	add_number(row, "memory_bytes", use.memory_bytes);
	add_number(row, "threads", use.threads);
	add_number(row, "descriptors", use.descriptors);
	row_seconds(row, "cpu_s", use.cpu_us);
}

void rows_info(struct call *call)
{
	const struct control_parts *parts = call->parts;
	const struct settings *settings = parts->common.settings;
	struct registry_counts counts = registry_count(parts->common.registry);
	int64_t now_us = clock_now_us();
	const struct settings_texts *texts = settings_hold_texts(settings);
	struct nodeid boot = journal_boot(parts->common.journal);
	struct row row = call_begin_row(call, "info");
	row_text(&row, "version", KITH_VERSION);
	row_nodeid(&row, "nodeid", &parts->self);
	row_text(&row, "name", texts->name);
	row_text(&row, "network", settings->network);
	row_boolean(&row, "private", parts->context != NULL);
	add_secrets(&row, parts->context);
	row_integer(&row, "pid", getpid());
	row_nodeid(&row, "boot", &boot);
	row_time(&row, "started", clock_unix_us() - (now_us - parts->started_us));
	row_seconds(&row, "uptime_s", now_us - parts->started_us);
	add_listening(&row, parts->common.listening);
	row_address(&row, "advertise", &texts->advertise);
	row_integer(&row, "peers", (int64_t)(counts.inbound + counts.outbound));
	row_integer(&row, "inbound", (int64_t)counts.inbound);
	row_integer(&row, "outbound", (int64_t)counts.outbound);
	row_integer(&row, "late", (int64_t)rows_count_late(parts->common.registry, 0));
	row_integer(&row, "handshakes", (int64_t)counts.handshakes);
	row_integer(&row, "dials", (int64_t)(counts.dials + counts.feelers));
	row_integer(&row, "connections", (int64_t)counts.connections);
	row_integer(&row, "addresses", (int64_t)address_book_count(parts->common.book));
	row_integer(&row, "last_event", (int64_t)journal_last(parts->common.journal));
	row_text(&row, "control", control_path(call->client->control));
	settings_release_texts(texts);
	row_integer(&row, "clients", (int64_t)control_clients(call->client->control));
	add_process(&row);
	add_agents(&row, parts->common.registry);
	row_open_list(&row, "problems");
	warnings_list(parts, add_problem, &row);
	row_close_list(&row);
	call_end_row(call, &row);
}
