#include "control/rows_mesh_priv.h"

int64_t rows_age(int64_t then_us, int64_t now_us)
{
	return then_us < 0 ? -1 : now_us > then_us ? now_us - then_us : 0;
}

bool rows_look_at_mesh(struct call *call, struct view *view)
{
	const struct control_parts *parts = call->parts;
	struct reports_snapshot snapshot = reports_take_snapshot(parts->common.reports);
	if (view_build(view, &snapshot, &parts->self, clock_now_us()))
		return true;
	call_fail_for_memory(call);
	return false;
}

bool rows_look_at_network(struct call *call, struct view *view)
{
	if (call->parts->common.settings->max_nodes > 0)
		return rows_look_at_mesh(call, view);
	call_fail(call, "reports_off", "max_nodes is 0: this node knows only its own peers");
	return false;
}

static bool is_there(const struct view_node *node)
{
	return node->state == NODE_ALIVE || node->state == NODE_LATE;
}

static void add_tags(struct row *row, const struct report *report)
{
	row_open_list(row, "tags");
	for (size_t i = 0; report != NULL && i < report->tag_count; i++)
		row_text(row, NULL, report->tags[i]);
	row_close_list(row);
}

void rows_add_node(struct row *row, const struct view *view, size_t place)
{
	const struct view_node *node = &view->nodes[place];
	const struct report *report = node->report;
	bool is_self = place == view->self;
	row_nodeid(row, "nodeid", &node->nodeid);
	row_text(row, "name", node->name);
	row_text(row, "agent", report == NULL ? NULL : report->agent);
	if (report == NULL)
		row_null(row, "address");
	else
		row_address(row, "address", &report->address);
	row_boolean(row, "is_self", is_self);
	row_text(row, "state", node_state_name(node->state));
	row_text(row, "reason",
		 is_there(node) || node->reason == REASON_OTHER ? NULL : report_reason_words(node->reason));
	row_seconds(row, "state_s", rows_age(node->since_us, view->now_us));
	row_boolean(row, "has_report", report != NULL);
	row_seconds(row, "report_s", rows_age(node->heard_us, view->now_us));
	row_seconds(row, "up_s", report == NULL || !is_there(node) ? -1 : rows_age(report->started_us, view->now_us));
	row_integer(row, "links", (int64_t)node->link_count);
	row_integer(row, "late_links", (int64_t)node->late_count);
	row_milliseconds(row, "rtt_ms", node->rtt_us);
	if (is_self || node->hops > 0)
		row_integer(row, "hops", node->hops);
	else
		row_null(row, "hops");
	add_tags(row, report);
}

void rows_nodes(struct call *call)
{
	struct view view;
	if (!rows_look_at_network(call, &view))
		return;
	for (size_t i = 0; i < view.node_count; i++) {
		struct row row = call_begin_row(call, "node");
		rows_add_node(&row, &view, i);
		if (!call_end_row(call, &row))
			break;
	}
	view_free(&view);
}
