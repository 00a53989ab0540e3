#include "wire/report_lists.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json.h"
#include "wire/row.h"

enum { SUM_DIGITS = 16 };

/* ---- writing ---- */

static void put_sums(struct row *row, const uint64_t sums[static MESSAGE_SUMS])
{
	row_open_list(row, "sums");
	for (size_t i = 0; i < MESSAGE_SUMS; i++) {
		char text[SUM_DIGITS + 1];
		snprintf(text, sizeof text, "%016" PRIx64, sums[i]);
		row_text(row, NULL, text);
	}
	row_close_list(row);
}

bool reports_line_write(const struct message_reports *reports, struct buffer *out)
{
	struct row row = row_begin(out, "reports");
	if (reports->has_sums)
		put_sums(&row, reports->sums);
	if (reports->count > 0 || !reports->has_sums) {
		row_open_list(&row, "have");
		for (size_t i = 0; i < reports->count; i++) {
			row_open_list(&row, NULL);
			row_nodeid(&row, NULL, &reports->have[i].nodeid);
			row_integer(&row, NULL, reports->have[i].seq);
			row_close_list(&row);
		}
		row_close_list(&row);
	}
	return row_end(&row);
}

bool getreport_line_write(const struct message_getreport *getreport, struct buffer *out)
{
	struct row row = row_begin(out, "getreport");
	row_open_list(&row, "nodeids");
	for (size_t i = 0; i < getreport->count; i++)
		row_nodeid(&row, NULL, &getreport->nodeids[i]);
	row_close_list(&row);
	return row_end(&row);
}

/* ---- reading ---- */

/* True for a list, if it is as long as it may be. */
static bool is_short_list(struct json_object *list, const char *name, size_t most, struct problem *problem)
{
	if (!json_object_is_type(list, json_type_array))
		return problem_set(problem, "%s must be a list", name);
	size_t length = json_object_array_length(list);
	return length <= most || problem_set(problem, "%s has %zu entries, and may have %zu", name, length, most);
}

static bool read_nodeid(struct json_object *value, struct nodeid *nodeid)
{
	const char *text = json_string(value);
	return text != NULL && nodeid_parse(text, nodeid);
}

static bool read_sum(struct json_object *value, uint64_t *sum)
{
	const char *text = json_string(value);
	if (text == NULL || strlen(text) != SUM_DIGITS || strspn(text, "0123456789abcdefABCDEF") != SUM_DIGITS)
		return false;
	*sum = strtoull(text, NULL, 16);
	return true;
}

static bool read_sums(struct json_object *list, struct message_reports *reports, struct problem *problem)
{
	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) != MESSAGE_SUMS)
		return problem_set(problem, "reports: \"sums\" must be a list of %d strings", MESSAGE_SUMS);
	for (size_t i = 0; i < MESSAGE_SUMS; i++)
		if (!read_sum(json_object_array_get_idx(list, i), &reports->sums[i]))
			return problem_set(problem, "reports: entry %zu of \"sums\" must be %d hex digits", i + 1,
					   SUM_DIGITS);
	reports->has_sums = true;
	return true;
}

static bool read_number(struct json_object *value, struct report_number *number)
{
	return json_object_is_type(value, json_type_array) && json_object_array_length(value) >= 2 &&
	       read_nodeid(json_object_array_get_idx(value, 0), &number->nodeid) &&
	       json_integer(json_object_array_get_idx(value, 1), 1, REPORT_SEQ_MOST, &number->seq);
}

static bool read_have(struct json_object *list, struct message_reports *reports, struct problem *problem)
{
	if (!is_short_list(list, "reports: \"have\"", MESSAGE_HAVE, problem))
		return false;
	size_t length = json_object_array_length(list);
	reports->have = calloc(length + 1, sizeof *reports->have);
	if (reports->have == NULL)
		return problem_set_lacks_memory(problem);
	for (; reports->count < length; reports->count++)
		if (!read_number(json_object_array_get_idx(list, reports->count), &reports->have[reports->count]))
			return problem_set(problem, "reports: entry %zu of \"have\" must be [nodeid, seq]",
					   reports->count + 1);
	return true;
}

bool reports_line_read(struct json_object *object, struct message_reports *reports, struct problem *problem)
{
	struct json_object *sums, *have;
	bool has_sums = json_object_object_get_ex(object, "sums", &sums);
	bool has_have = json_object_object_get_ex(object, "have", &have);
	if (!has_sums && !has_have)
		return problem_set(problem, "reports: \"have\" is missing");
	return (!has_sums || read_sums(sums, reports, problem)) && (!has_have || read_have(have, reports, problem));
}

bool getreport_line_read(struct json_object *object, struct message_getreport *getreport, struct problem *problem)
{
	struct json_object *list;
	if (!json_object_object_get_ex(object, "nodeids", &list))
		return problem_set(problem, "getreport: \"nodeids\" is missing");
	if (!is_short_list(list, "getreport: \"nodeids\"", MESSAGE_GETREPORT_NODEIDS, problem))
		return false;
	size_t length = json_object_array_length(list);
	getreport->nodeids = calloc(length + 1, sizeof *getreport->nodeids);
	if (getreport->nodeids == NULL)
		return problem_set_lacks_memory(problem);
	for (; getreport->count < length; getreport->count++)
		if (!read_nodeid(json_object_array_get_idx(list, getreport->count),
				 &getreport->nodeids[getreport->count]))
			return problem_set(problem, "getreport: entry %zu of \"nodeids\" must be a nodeid",
					   getreport->count + 1);
	return true;
}
