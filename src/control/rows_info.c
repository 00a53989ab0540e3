#include "control/control_priv.h"

#include <unistd.h>

static void add_listening(struct row *row, const struct listening *listening)
{
	size_t count = listening_count(listening);
	row_open_list(row, "listen");
	for (size_t i = 0; i < count; i++)
		row_address(row, NULL, &listening->addresses[i]);
	row_close_list(row);
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
	row_boolean(&row, "private", parts->is_private);
	row_integer(&row, "pid", getpid());
	row_nodeid(&row, "boot", &boot);
	row_time(&row, "started", clock_unix_us() - (now_us - parts->started_us));
	row_seconds(&row, "uptime_s", now_us - parts->started_us);
	add_listening(&row, parts->common.listening);
	row_address(&row, "advertise", &texts->advertise);
	row_integer(&row, "peers", (int64_t)(counts.inbound + counts.outbound));
	row_integer(&row, "inbound", (int64_t)counts.inbound);
	row_integer(&row, "outbound", (int64_t)counts.outbound);
	row_integer(&row, "handshakes", (int64_t)counts.handshakes);
	row_integer(&row, "dials", (int64_t)(counts.dials + counts.feelers));
	row_integer(&row, "connections", (int64_t)counts.connections);
	row_integer(&row, "addresses", (int64_t)address_book_count(parts->common.book));
	row_integer(&row, "last_event", (int64_t)journal_last(parts->common.journal));
	row_text(&row, "control", control_path(call->client->control));
	settings_release_texts(texts);
	call_end_row(call, &row);
}
