#include <string.h>

#include "base/text.h"
#include "wire/json.h"
#include "wire/report_priv.h"

struct reading {
	struct json_object *object;
	int64_t now_us;
	struct report *report;
	struct problem *problem;
};

/* ---- values ---- */

/* A time in seconds, as microseconds; false for what is none, or below 0. */
static bool take_duration(struct json_object *value, int64_t *us)
{
	if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
		return false;
	double seconds = json_object_get_double(value), most = (double)REPORT_AGE_US / 1e6;
	if (!(seconds >= 0))
		return false;
	*us = seconds < most ? (int64_t)(seconds * 1e6 + 0.5) : REPORT_AGE_US;
	return true;
}

static bool take_age(const struct reading *reading, struct json_object *value, int64_t *moment_us)
{
	int64_t age_us;
	if (!take_duration(value, &age_us))
		return false;
	*moment_us = reading->now_us - age_us;
	return true;
}

/* One that may be missing, which -1 means. */
static bool take_optional_age(const struct reading *reading, struct json_object *value, int64_t *moment_us)
{
	*moment_us = -1;
	if (value == NULL)
		return true;
	if (!take_age(reading, value, moment_us))
		return false;
	if (*moment_us < 0)
		*moment_us = 0;
	return true;
}

static bool take_nodeid(struct json_object *value, struct nodeid *nodeid)
{
	const char *text = json_string(value);
	return text != NULL && nodeid_parse(text, nodeid);
}

static bool take_address(struct json_object *value, struct address *address)
{
	const char *text = json_string(value);
	return text != NULL && address_parse(text, address);
}

static bool take_text(struct json_object *value, char out[static REPORT_TEXT_BYTES])
{
	const char *text = json_string(value);
	if (text == NULL || strlen(text) >= REPORT_TEXT_BYTES || !text_is_plain(text, strlen(text)))
		return false;
	strcpy(out, text);
	return true;
}

static bool take_count(struct json_object *value, uint32_t *count)
{
	int64_t number;
	if (!json_integer(value, 1, UINT32_MAX, &number))
		return false;
	*count = (uint32_t)number;
	return true;
}

static bool take_reason(struct json_object *value, enum report_reason *reason)
{
	if (!json_object_is_type(value, json_type_string))
		return false;
	*reason = report_reason_of(json_string(value));
	return true;
}

/* A list of at least so many elements? More than that mean nothing yet. */
static bool is_list(struct json_object *value, size_t least)
{
	return json_object_is_type(value, json_type_array) && json_object_array_length(value) >= least;
}

/* NULL for null, and for what is not there. */
static struct json_object *element(struct json_object *list, size_t index)
{
	return json_object_array_get_idx(list, index);
}

/* ---- entries of lists: what is too many is read, and left out ---- */

static bool take_tag(const struct reading *reading, struct json_object *value)
{
	struct report *report = reading->report;
	char tag[REPORT_TEXT_BYTES];
	if (!take_text(value, tag) || tag[0] == '\0')
		return false;
	if (report->tag_count < REPORT_TAGS)
		memcpy(report->tags[report->tag_count++], tag, sizeof tag);
	return true;
}

static bool take_double(const struct reading *reading, struct json_object *value)
{
	struct report *report = reading->report;
	struct report_double two;
	if (!is_list(value, 3) || !take_nodeid(element(value, 0), &two.nodeid) ||
	    !take_address(element(value, 1), &two.one) || !take_address(element(value, 2), &two.other))
		return false;
	if (report->double_count < REPORT_DOUBLES)
		report->doubles[report->double_count++] = two;
	return true;
}

static bool take_refusal(const struct reading *reading, struct json_object *value)
{
	struct report *report = reading->report;
	struct report_refusal refusal;
	const char *host = is_list(value, 4) ? json_string(element(value, 0)) : NULL;
	if (host == NULL || !address_from_host(host, 0, &refusal.host) ||
	    !take_count(element(value, 1), &refusal.count) ||
	    !take_age(reading, element(value, 2), &refusal.since_us) ||
	    !take_age(reading, element(value, 3), &refusal.last_us))
		return false;
	if (refusal.since_us > refusal.last_us)
		refusal.since_us = refusal.last_us;
	if (report->refusal_count < REPORT_REFUSALS)
		report->refusals[report->refusal_count++] = refusal;
	return true;
}

static bool take_link(const struct reading *reading, struct json_object *value)
{
	struct report *report = reading->report;
	struct report_link link = {.seq = report->seq, .rtt_us = -1};
	int64_t number;
	if (!is_list(value, 3) || !take_nodeid(element(value, 0), &link.nodeid))
		return false;
	if (element(value, 1) != NULL) {
		if (!json_integer(element(value, 1), 0, INT32_MAX, &number))
			return false;
		link.rtt_us = (int32_t)number;
	}
	if (!json_integer(element(value, 2), 0, 1, &number) ||
	    !take_optional_age(reading, element(value, 3), &link.late_since_us))
		return false;
	link.is_dialled = number == 1;
	if (report->link_count < REPORT_LINKS)
		report->links[report->link_count++] = link;
	return true;
}

/* Eight digits are the first ones of a nodeid of the base, which report_apply looks for. */
static bool take_beginning(const struct report *report, const char *text, struct report_end *end)
{
	static const char rest[] = "-0000-0000-0000-000000000000";
	char whole[NODEID_TEXT_BYTES];
	if (report->base == 0 || strlen(text) != REPORT_PREFIX_DIGITS)
		return false;
	memcpy(whole, text, REPORT_PREFIX_DIGITS);
	memcpy(whole + REPORT_PREFIX_DIGITS, rest, sizeof rest);
	end->is_beginning = true;
	return nodeid_parse(whole, &end->nodeid);
}

static bool take_end(const struct reading *reading, struct json_object *value)
{
	struct report *report = reading->report;
	struct report_end end = {.seq = report->seq, .link_seq = report->seq, .ended_us = reading->now_us};
	const char *nodeid = is_list(value, 2) ? json_string(element(value, 0)) : NULL;
	if (nodeid == NULL || !(nodeid_parse(nodeid, &end.nodeid) || take_beginning(report, nodeid, &end)) ||
	    !take_reason(element(value, 1), &end.reason) ||
	    (element(value, 2) != NULL && !take_age(reading, element(value, 2), &end.ended_us)))
		return false;
	size_t place = report->end_count;
	if (place == REPORT_ENDS) {
		place = 0;
		for (size_t i = 1; i < REPORT_ENDS; i++)
			if (report->ends[i].ended_us < report->ends[place].ended_us)
				place = i;
		if (report->ends[place].ended_us >= end.ended_us)
			return true;
	} else {
		report->end_count++;
	}
	report->ends[place] = end;
	return true;
}

static void keep_failure(struct report *report, const struct report_failure *failure)
{
	size_t place = report->failure_count;
	if (place == REPORT_FAILURES) {
		place = 0;
		for (size_t i = 1; i < REPORT_FAILURES; i++)
			if (report->failures[i].since_us > report->failures[place].since_us)
				place = i;
		if (report->failures[place].since_us <= failure->since_us)
			return;
	} else {
		report->failure_count++;
	}
	report->failures[place] = *failure;
}

static bool take_failure(const struct reading *reading, struct json_object *value)
{
	struct report_failure failure = {.seq = reading->report->seq};
	if (!is_list(value, 6) || !take_address(element(value, 0), &failure.address) ||
	    (element(value, 1) != NULL && !take_nodeid(element(value, 1), &failure.nodeid)) ||
	    !take_reason(element(value, 2), &failure.reason) || !take_count(element(value, 3), &failure.tries) ||
	    !take_age(reading, element(value, 4), &failure.since_us) ||
	    !take_age(reading, element(value, 5), &failure.last_us) ||
	    !take_optional_age(reading, element(value, 6), &failure.reached_us))
		return false;
	if (failure.since_us > failure.last_us)
		failure.since_us = failure.last_us;
	keep_failure(reading->report, &failure);
	return true;
}

static bool take_mended(const struct reading *reading, struct json_object *value)
{
	struct report *report = reading->report;
	struct report_mended mended = {.seq = report->seq};
	if (!take_address(value, &mended.address))
		return false;
	if (report->mended_count < REPORT_MENDED)
		report->mended[report->mended_count++] = mended;
	return true;
}

/* ---- lists ---- */

typedef bool take_entry(const struct reading *reading, struct json_object *value);

static size_t list_length(struct json_object *object, const char *key, size_t most)
{
	struct json_object *list;
	if (!json_object_object_get_ex(object, key, &list) || !json_object_is_type(list, json_type_array))
		return 0;
	size_t length = json_object_array_length(list);
	return length < most ? length : most;
}

static bool take_list(const struct reading *reading, const char *key, take_entry *take, const char *form)
{
	struct json_object *list;
	if (!json_object_object_get_ex(reading->object, key, &list))
		return true;
	if (!json_object_is_type(list, json_type_array))
		return problem_set(reading->problem, "report: \"%s\" must be a list", key);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!take(reading, element(list, i)))
			return problem_set(reading->problem, "report: entry %zu of \"%s\" must be %s", i + 1, key,
					   form);
	return true;
}

static bool take_lists(const struct reading *reading)
{
	return take_list(reading, "tags", take_tag, "a string of 1 to 64 bytes without control characters") &&
	       take_list(reading, "doubles", take_double, "[nodeid, \"host:port\", \"host:port\"]") &&
	       take_list(reading, "refusals", take_refusal, "[\"host\", count, since_s, last_s]") &&
	       take_list(reading, "links", take_link, "[nodeid, rtt_us or null, 1 or 0, late_s]") &&
	       take_list(reading, "drop", take_end, "[nodeid, reason, ago_s]") &&
	       take_list(reading, "failing", take_failure,
			 "[\"host:port\", nodeid or null, reason, tries, since_s, last_s, reached_s or null]") &&
	       (reading->report->base == 0 || take_list(reading, "mended", take_mended, "\"host:port\""));
}

static struct report *new_for(struct json_object *object)
{
	return report_new(&(struct report_room){
		.tags = list_length(object, "tags", REPORT_TAGS),
		.doubles = list_length(object, "doubles", REPORT_DOUBLES),
		.refusals = list_length(object, "refusals", REPORT_REFUSALS),
		.links = list_length(object, "links", REPORT_LINKS),
		.ends = list_length(object, "drop", REPORT_ENDS),
		.failures = list_length(object, "failing", REPORT_FAILURES),
		.mended = list_length(object, "mended", REPORT_MENDED),
	});
}

/* ---- single values ---- */

/* True for one that is there, which *value then is; it may be null. */
static bool find(const struct reading *reading, const char *key, struct json_object **value)
{
	return json_object_object_get_ex(reading->object, key, value);
}

static bool take_one_text(const struct reading *reading, const char *key, char out[static REPORT_TEXT_BYTES])
{
	struct json_object *value;
	if (!find(reading, key, &value) || value == NULL || take_text(value, out))
		return true;
	return problem_set(reading->problem,
			   "report: \"%s\" must be a string of at most %d bytes without control characters", key,
			   REPORT_TEXT_BYTES - 1);
}

static bool take_stalled(const struct reading *reading)
{
	struct report *report = reading->report;
	struct json_object *value;
	if (!find(reading, "stalled", &value) || value == NULL)
		return true;
	if (is_list(value, 2) && take_duration(element(value, 0), &report->stalled_us) &&
	    take_age(reading, element(value, 1), &report->stall_end_us))
		return true;
	return problem_set(reading->problem, "report: \"stalled\" must be [lasted_s, ago_s]");
}

static bool take_numbers(const struct reading *reading)
{
	struct report *report = reading->report;
	struct json_object *value;
	int64_t number;
	if (find(reading, "late", &value)) {
		if (!json_integer(value, 0, UINT32_MAX, &number))
			return problem_set(reading->problem, "report: \"late\" must be a whole number from 0 to %u",
					   UINT32_MAX);
		report->late_peers = (uint32_t)number;
	}
	if (find(reading, "skew_ms", &value) &&
	    !json_integer(value, -REPORT_SEQ_MOST, REPORT_SEQ_MOST, &report->skew_ms))
		return problem_set(reading->problem, "report: \"skew_ms\" must be a whole number");
	if (find(reading, "time", &value)) {
		if (!json_integer(value, 0, REPORT_SEQ_MOST, &number))
			return problem_set(reading->problem, "report: \"time\" must be milliseconds since 1970");
		/* From others, it is old. */
		if (nodeid_is_none(&report->nodeid))
			report->clock_us = number * 1000;
	}
	return true;
}

static bool take_facts(const struct reading *reading)
{
	/* clang-format off */
	static const char *const keys[REPORT_FACTS] = {
		[FACT_NAME]       = "name",
		[FACT_ADDRESS]    = "address",
		[FACT_TAGS]       = "tags",
		[FACT_SKEW]       = "skew_ms",
		[FACT_STALLED]    = "stalled",
		[FACT_LATE_PEERS] = "late",
		[FACT_DOUBLES]    = "doubles",
		[FACT_REFUSALS]   = "refusals",
	};
	/* clang-format on */
	struct report *report = reading->report;
	struct json_object *value;
	for (int i = 0; i < REPORT_FACTS; i++)
		report->fact_seq[i] = report->base == 0 || find(reading, keys[i], &value) ? report->seq : 0;
	if (find(reading, "address", &value) && value != NULL && !take_address(value, &report->address))
		return problem_set(reading->problem, "report: \"address\" must be \"host:port\"");
	return take_one_text(reading, "name", report->name) && take_one_text(reading, "agent", report->agent) &&
	       take_stalled(reading) && take_numbers(reading);
}

/* Whose it is, which one, and whether it is complete. */
static bool take_head(const struct reading *reading)
{
	struct report *report = reading->report;
	struct json_object *value;
	if (find(reading, "nodeid", &value) && !take_nodeid(value, &report->nodeid))
		return problem_set(reading->problem,
				   "report: \"nodeid\" must be a UUID of 36 characters that is not nil");
	if (!find(reading, "seq", &value))
		return problem_set(reading->problem, "report: \"seq\" is missing");
	if (!json_integer(value, 1, REPORT_SEQ_MOST, &report->seq))
		return problem_set(reading->problem, "report: \"seq\" must be a whole number from 1 to 2^53");
	report->read_us = reading->now_us;
	report->floor = report->seq;
	if (find(reading, "up_s", &value))
		return take_age(reading, value, &report->started_us) ||
		       problem_set(reading->problem, "report: \"up_s\" must be a number of seconds");
	report->base = report->seq - 1;
	if ((find(reading, "base", &value) && !json_integer(value, 1, report->seq - 1, &report->base)) ||
	    report->base == 0)
		return problem_set(reading->problem, "report: \"base\" must be a whole number from 1 to \"seq\" - 1");
	report->floor = report->base;
	if (find(reading, "hole", &value) && !json_integer(value, report->base + 1, report->seq, &report->hole))
		return problem_set(reading->problem,
				   "report: \"hole\" must be a whole number from \"base\" + 1 to \"seq\"");
	return true;
}

bool report_read(struct json_object *object, int64_t now_us, struct report **report, struct problem *problem)
{
	struct reading reading = {.object = object, .now_us = now_us, .report = new_for(object), .problem = problem};
	*report = reading.report;
	if (reading.report == NULL)
		return problem_set_lacks_memory(problem);
	if (take_head(&reading) && take_facts(&reading) && take_lists(&reading)) {
		report_order(reading.report);
		return true;
	}
	report_release(reading.report);
	*report = NULL;
	return false;
}
