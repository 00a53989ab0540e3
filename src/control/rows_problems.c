#include "control/rows_mesh_priv.h"

#include <stdlib.h>

static void add_subjects(struct row *row, const struct finding *finding, const struct view *view)
{
	size_t count = finding_listed(finding);
	row_open_list(row, "subjects");
	for (size_t i = 0; i < count; i++)
		row_nodeid(row, NULL, &finding->subjects[i]);
	row_close_list(row);
	row_open_list(row, "names");
	for (size_t i = 0; i < count; i++) {
		size_t place = view_find(view, &finding->subjects[i]);
		row_text(row, NULL, place == SIZE_MAX ? NULL : view->nodes[place].name);
	}
	row_close_list(row);
}

/* What the first two subjects say, null for nothing; an empty list where neither says anything. */
static void add_reasons(struct row *row, const enum report_reason reasons[static 2])
{
	bool has_some = reasons[0] != REASON_OTHER || reasons[1] != REASON_OTHER;
	row_open_list(row, "reasons");
	for (int i = 0; i < 2 && has_some; i++)
		row_text(row, NULL, reasons[i] == REASON_OTHER ? NULL : report_reason_name(reasons[i]));
	row_close_list(row);
}

void rows_add_problem(struct row *row, const struct problem_entry *problem, const struct view *view)
{
	const struct finding *finding = &problem->finding;
	row_integer(row, "number", (int64_t)problem->number);
	row_text(row, "kind", finding_kind_name(finding->kind));
	row_boolean(row, "is_notice", finding->is_notice);
	row_text(row, "text", finding->text);
	row_text(row, "advice", finding->advice);
	row_seconds(row, "since_s", rows_age(finding->since_us, view->now_us));
	row_seconds(row, "raised_s", rows_age(problem->raised_us, view->now_us));
	row_seconds(row, "evidence_s", rows_age(finding->evidence_us, view->now_us));
	add_subjects(row, finding, view);
	row_integer(row, "subject_count", (int64_t)finding->subject_count);
	row_integer(row, "side_count", (int64_t)finding->side_count);
	row_open_list(row, "addresses");
	for (int i = 0; i < 2; i++)
		if (address_is_known(&finding->addresses[i]))
			row_address(row, NULL, &finding->addresses[i]);
	row_close_list(row);
	add_reasons(row, finding->reasons);
}

bool rows_is_subject(const struct finding *finding, const struct nodeid *nodeid)
{
	size_t count = finding_listed(finding);
	for (size_t i = 0; i < count; i++)
		if (nodeid_equals(&finding->subjects[i], nodeid))
			return true;
	return false;
}

void rows_problems(struct call *call)
{
	struct view view;
	size_t count = 0;
	if (!rows_look_at_network(call, &view))
		return;
	struct problem_entry *list = problems_list(call->parts->common.problems, &count);
	for (size_t i = 0; i < count; i++) {
		struct row row = call_begin_row(call, "problem");
		rows_add_problem(&row, &list[i], &view);
		if (!call_end_row(call, &row))
			break;
	}
	free(list);
	view_free(&view);
}
