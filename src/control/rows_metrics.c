#include "control/rows_mesh_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "control/warnings_priv.h"
#include "mesh/pair.h"
#include "telemetry/process.h"

/* A row without its labels and its value. */
static struct row begin(struct call *call, enum metric_id id, const char *suffix)
{
	const struct metric *metric = &metric_table[id];
	char sample[96];
	struct row row = call_begin_row(call, "metric");
	snprintf(sample, sizeof sample, "%s%s", metric->name, suffix);
	row_text(&row, "name", metric->name);
	row_text(&row, "type", metric->type);
	row_text(&row, "unit", metric->unit);
	row_text(&row, "help", metric->help);
	row_text(&row, "sample", sample);
	return row;
}

static void add_labelled(struct call *call, enum metric_id id, const char *suffix, const char *labels, double value)
{
	if (call->has_failed)
		return;
	struct row row = begin(call, id, suffix);
	row_json(&row, "labels", labels);
	row_real(&row, "value", value);
	call_end_row(call, &row);
}

static void add(struct call *call, enum metric_id id, double value)
{
	add_labelled(call, id, "", "{}", value);
}

static void add_node_info(struct call *call)
{
	const struct settings *settings = call->parts->common.settings;
	const struct settings_texts *texts = settings_hold_texts(settings);
	struct row row = begin(call, METRIC_NODE_INFO, "");
	row_open_object(&row, "labels");
	row_text(&row, "version", KITH_VERSION);
	row_nodeid(&row, "nodeid", &call->parts->self);
	row_text(&row, "name", texts->name);
	row_text(&row, "network", settings->network);
	row_close_object(&row);
	row_integer(&row, "value", 1);
	settings_release_texts(texts);
	call_end_row(call, &row);
}

static void add_connections(struct call *call)
{
	struct registry_counts counts = registry_count(call->parts->common.registry);
	size_t known = counts.handshakes + counts.inbound + counts.dials + counts.feelers + counts.outbound;
	const struct {
		const char *labels;
		size_t count;
	} states[] = {
		{"{\"direction\":\"in\",\"state\":\"ready\"}", counts.inbound},
		{"{\"direction\":\"in\",\"state\":\"hello\"}", counts.handshakes},
		{"{\"direction\":\"in\",\"state\":\"ending\"}",
		 counts.connections > known ? counts.connections - known : 0},
		{"{\"direction\":\"out\",\"state\":\"ready\"}", counts.outbound},
		{"{\"direction\":\"out\",\"state\":\"dial\"}", counts.dials},
		{"{\"direction\":\"out\",\"state\":\"feeler\"}", counts.feelers},
	};
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		add_labelled(call, METRIC_CONNECTIONS, "", states[i].labels, (double)states[i].count);
}

static void add_peers(struct call *call)
{
	struct registry *registry = call->parts->common.registry;
	struct registry_counts counts = registry_count(registry);
	size_t late = rows_count_late(registry, 0), peers = counts.inbound + counts.outbound;
	add_labelled(call, METRIC_PEERS, "", "{\"state\":\"ready\"}", peers > late ? (double)(peers - late) : 0);
	add_labelled(call, METRIC_PEERS, "", "{\"state\":\"late\"}", (double)late);
}

static void add_addresses(struct call *call)
{
	struct address_book *book = call->parts->common.book;
	struct address_info *infos = calloc(ADDRESS_BOOK_STEP, sizeof *infos);
	struct address_walk walk;
	size_t tried = 0, new = 0, failed = 0, count;
	if (infos == NULL)
		return;
	address_book_begin_walk(book, &walk);
	while ((count = address_book_walk(book, &walk, infos, 0)) > 0) {
		for (size_t i = 0; i < count; i++) {
			tried += infos[i].kind == ADDRESS_TRIED;
			new += infos[i].kind == ADDRESS_NEW;
			failed += infos[i].error[0] != '\0' && !infos[i].is_connected;
		}
	}
	address_book_end_walk(book, &walk);
	free(infos);
	add_labelled(call, METRIC_ADDRESSES, "", "{\"kind\":\"tried\"}", (double)tried);
	add_labelled(call, METRIC_ADDRESSES, "", "{\"kind\":\"new\"}", (double)new);
	add(call, METRIC_FAILED_ADDRESSES, (double)failed);
}

static void add_mesh_problems(struct call *call)
{
	size_t kinds[FINDING_KINDS];
	char labels[64];
	problems_count(call->parts->common.problems, kinds);
	for (int i = 0; i < FINDING_KINDS; i++) {
		snprintf(labels, sizeof labels, "{\"kind\":\"%s\"}", finding_kind_name((enum finding_kind)i));
		add_labelled(call, METRIC_MESH_PROBLEMS, "", labels, (double)kinds[i]);
	}
}

static void add_nodes(struct call *call, const struct view *view)
{
	size_t states[NODE_STATES] = {0};
	int64_t oldest_us = view->now_us;
	char labels[64];
	for (size_t i = 0; i < view->node_count; i++) {
		const struct view_node *node = &view->nodes[i];
		states[node->state]++;
		if (i != view->self && node->state != NODE_GONE && node->heard_us >= 0 && node->heard_us < oldest_us)
			oldest_us = node->heard_us;
	}
	for (int i = 0; i < NODE_STATES; i++) {
		snprintf(labels, sizeof labels, "{\"state\":\"%s\"}", node_state_name((enum node_state)i));
		add_labelled(call, METRIC_NODES, "", labels, (double)states[i]);
	}
	add(call, METRIC_OLDEST_REPORT, (double)(view->now_us - oldest_us) / 1e6);
}

static void add_mesh(struct call *call)
{
	struct view view;
	size_t bytes;
	if (call->has_failed || !rows_look_at_mesh(call, &view))
		return;
	add_nodes(call, &view);
	add(call, METRIC_BROKEN_PAIRS, (double)pair_count_down(&view));
	view_free(&view);
	add_mesh_problems(call);
	reports_count(call->parts->common.reports, &bytes);
	add(call, METRIC_REPORTS_MEMORY, (double)bytes);
}

static void add_process(struct call *call)
{
	struct process_use use = process_look();
	if (use.threads >= 0)
		add(call, METRIC_THREADS, (double)use.threads);
	if (use.memory_bytes >= 0)
		add(call, METRIC_MEMORY, (double)use.memory_bytes);
	if (use.cpu_us >= 0)
		add(call, METRIC_CPU, (double)use.cpu_us / 1e6);
	if (use.descriptors >= 0)
		add(call, METRIC_DESCRIPTORS, (double)use.descriptors);
}

static void add_journal(struct call *call)
{
	struct journal *journal = call->parts->common.journal;
	size_t bytes, kept = journal_count(journal, &bytes);
	add(call, METRIC_JOURNAL_EVENTS, (double)kept);
	add(call, METRIC_JOURNAL_NOTED, (double)journal_last(journal));
	add(call, METRIC_JOURNAL_BYTES, (double)bytes);
}

void rows_metrics(struct call *call)
{
	const struct control_parts *parts = call->parts;
	int64_t now_us = clock_now_us(), uptime_us = now_us - parts->started_us;
	struct counters_sample sample;
	add_node_info(call);
	add(call, METRIC_START_TIME, (double)(clock_unix_us() - uptime_us) / 1e6);
	add(call, METRIC_UPTIME, (double)uptime_us / 1e6);
	add_connections(call);
	add_peers(call);
	add_addresses(call);
	add(call, METRIC_BANNED, (double)rows_count_bans(&parts->common));
	add(call, METRIC_PROBLEMS, (double)warnings_list(parts, NULL, NULL));
	add_mesh(call);
	add_process(call);
	add_journal(call);
	add(call, METRIC_LOG_DROPPED, (double)log_dropped());
	add(call, METRIC_CONTROL_CLIENTS, (double)control_clients(call->client->control));
	for (size_t i = 0; counters_sample(parts->common.counters, i, &sample); i++)
		add_labelled(call, sample.metric, sample.suffix, sample.labels, sample.value);
}
