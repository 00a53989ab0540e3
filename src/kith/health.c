#include "kith/health.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith/network.h"
#include "kith/status.h"
#include "kith/value.h"
#include "kith/words.h"

/* A pause of a second or two is usual for a busy machine; kithd logs it from here on. */
#define LATE_WARNING_S 2.0

struct health {
	double peers, inbound, outbound, uptime_s, memory_bytes;
	bool knows_memory;
	size_t late, rtt_count;
	double late_s;		    /* the longest */
	struct json_object *latest; /* its peer; NULL for none */
	double rtt_ms, worst_ms;    /* the median, and the worst */
	struct json_object *problems;
	size_t problem_count;
	const struct rows *network; /* its problems */
	size_t grave_count;	    /* of those, what monitoring warns of */
};

static bool add(struct buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool add(struct buffer *out, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return buffer_append(out, text, length < (int)sizeof text ? (size_t)length : sizeof text - 1);
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;
	return (a > b) - (a < b);
}

static void look_at_late(struct json_object *peer, struct health *health)
{
	double late_ms;
	health->late++;
	if (value_number(peer, "late_ms", &late_ms) && late_ms / 1000 > health->late_s) {
		health->late_s = late_ms / 1000;
		health->latest = peer;
	}
}

static bool look_at_peers(const struct rows *peers, struct health *health)
{
	double *rtts = calloc(peers->count + 1, sizeof *rtts);
	if (rtts == NULL)
		return false;
	for (size_t i = 0; i < peers->count; i++) {
		if (!status_is_ready(peers->list[i]))
			continue;
		if (status_is_late(peers->list[i]))
			look_at_late(peers->list[i], health);
		health->rtt_count += value_number(peers->list[i], "rtt_ms", &rtts[health->rtt_count]);
	}
	qsort(rtts, health->rtt_count, sizeof *rtts, compare);
	health->rtt_ms = words_median(rtts, health->rtt_count);
	health->worst_ms = health->rtt_count == 0 ? 0 : rtts[health->rtt_count - 1];
	free(rtts);
	return true;
}

static void look_at_info(struct json_object *info, struct health *health)
{
	value_number(info, "peers", &health->peers);
	value_number(info, "inbound", &health->inbound);
	value_number(info, "outbound", &health->outbound);
	value_number(info, "uptime_s", &health->uptime_s);
	health->knows_memory = value_number(info, "memory_bytes", &health->memory_bytes);
	json_object_object_get_ex(info, "problems", &health->problems);
	if (json_object_is_type(health->problems, json_type_array))
		health->problem_count = json_object_array_length(health->problems);
}

static void look_at_network(const struct rows *problems, struct health *health)
{
	health->network = problems;
	for (size_t i = 0; i < problems->count; i++)
		health->grave_count += network_is_grave(problems->list[i]);
}

static bool is_below(double value, double limit)
{
	return limit >= 0 && value < limit;
}

static bool is_above(double value, double limit)
{
	return limit >= 0 && value > limit;
}

static enum outcome judge(const struct health *health, const struct health_limits *limits)
{
	bool has_rtt = health->rtt_count > 0;
	if (is_below(health->peers, limits->min_peers_critical) ||
	    (has_rtt && is_above(health->rtt_ms, limits->max_rtt_critical_ms)))
		return OUTCOME_CRITICAL;
	if (is_below(health->peers, limits->min_peers) || (has_rtt && is_above(health->rtt_ms, limits->max_rtt_ms)) ||
	    health->problem_count > 0 || health->grave_count > 0 || health->late_s >= LATE_WARNING_S)
		return OUTCOME_WARNING;
	return OUTCOME_DONE;
}

/* A text of the node: "|" would end the line's text, and a line break the line. */
static bool add_clean(struct buffer *out, const char *text)
{
	char *clean = words_clean(text, TEXT_LINE);
	if (clean == NULL)
		return false;
	for (char *at = strchr(clean, '|'); at != NULL; at = strchr(at, '|'))
		*at = '/';
	bool is_good = buffer_append(out, clean, strlen(clean));
	free(clean);
	return is_good;
}

/* The first of them, and how many more there are. */
static bool add_network(struct buffer *out, const struct health *health)
{
	enum { SHOWN = 3 };
	size_t shown = 0;
	bool is_good = true;
	for (size_t i = 0; i < health->network->count && shown < SHOWN && is_good; i++) {
		struct json_object *problem = health->network->list[i];
		const char *text = value_text(problem, "text");
		if (!network_is_grave(problem))
			continue;
		is_good = add(out, "; ") && add_clean(out, text == NULL ? "" : text);
		shown++;
	}
	if (health->grave_count > shown)
		is_good = is_good && add(out, "; %zu more problems of the network", health->grave_count - shown);
	return is_good;
}

/* " (beta for 4.1 s)" */
static bool add_latest(struct buffer *out, const struct health *health)
{
	static const char *const keys[] = {"name", "listen", "address"};
	char late[WORDS_BYTES];
	const char *name = NULL;
	for (size_t i = 0; i < sizeof keys / sizeof *keys && name == NULL; i++)
		name = value_text(health->latest, keys[i]);
	words_duration(health->late_s, late);
	return name == NULL || (add(out, " (") && add_clean(out, name) && add(out, " for %s)", late));
}

static bool add_text(struct buffer *out, const struct health *health, const struct health_limits *limits)
{
	char peers[WORDS_BYTES], rtt[WORDS_BYTES];
	words_count((size_t)health->peers, "peer", "peers", peers);
	bool is_good = add(out, "%s", peers);
	double fewest =
		is_below(health->peers, limits->min_peers_critical) ? limits->min_peers_critical : limits->min_peers;
	if (is_below(health->peers, fewest))
		is_good = is_good && add(out, " (fewer than %g)", fewest);
	if (health->late > 0)
		is_good = is_good && add(out, ", %zu late", health->late) && add_latest(out, health);
	if (health->rtt_count > 0) {
		double longest = is_above(health->rtt_ms, limits->max_rtt_critical_ms) ? limits->max_rtt_critical_ms
										       : limits->max_rtt_ms;
		words_rtt(health->rtt_ms, rtt);
		is_good = is_good && add(out, ", rtt %s", rtt);
		if (is_above(health->rtt_ms, longest))
			is_good = is_good && add(out, " (more than %g ms)", longest);
	}
	is_good = is_good && add_network(out, health);
	for (size_t i = 0; i < health->problem_count && is_good; i++) {
		const char *problem = json_string(json_object_array_get_idx(health->problems, i));
		is_good = add(out, "; ") && add_clean(out, problem == NULL ? "" : problem);
	}
	return is_good;
}

/* A threshold as a range: "10:" warns below 10, "50" above 50. "" for none. */
static void format_limit(double limit, bool is_least, char out[static WORDS_BYTES])
{
	out[0] = '\0';
	if (limit >= 0)
		snprintf(out, WORDS_BYTES, is_least ? "%.15g:" : "%.15g", limit);
}

static bool add_perfdata(struct buffer *out, const struct health *health, const struct health_limits *limits)
{
	char warning[WORDS_BYTES], critical[WORDS_BYTES];
	format_limit(limits->min_peers, true, warning);
	format_limit(limits->min_peers_critical, true, critical);
	bool is_good = add(out, " | peers=%.0f;%s;%s;0 inbound=%.0f;;;0 outbound=%.0f;;;0 late=%zu;;;0", health->peers,
			   warning, critical, health->inbound, health->outbound, health->late);
	format_limit(limits->max_rtt_ms, false, warning);
	format_limit(limits->max_rtt_critical_ms, false, critical);
	if (health->rtt_count > 0)
		is_good = is_good && add(out, " rtt=%.3fms;%s;%s;0 rtt_worst=%.3fms;;;0", health->rtt_ms, warning,
					 critical, health->worst_ms);
	is_good = is_good && add(out, " problems=%zu;;;0 network_problems=%zu;;;0 uptime=%.0fs;;;0",
				 health->problem_count, health->grave_count, health->uptime_s);
	return is_good && (!health->knows_memory || add(out, " memory=%.0fB;;;0", health->memory_bytes));
}

enum outcome health_describe(struct json_object *info, const struct rows *peers, const struct rows *problems,
			     const struct health_limits *limits, struct buffer *out)
{
	static const char *const words[] = {
		[OUTCOME_DONE] = "OK", [OUTCOME_WARNING] = "WARNING", [OUTCOME_CRITICAL] = "CRITICAL"};
	struct health health = {0};
	look_at_info(info, &health);
	look_at_network(problems, &health);
	if (!look_at_peers(peers, &health))
		return OUTCOME_UNKNOWN;
	enum outcome outcome = judge(&health, limits);
	bool is_good = add(out, "KITH %s - ", words[outcome]) && add_text(out, &health, limits) &&
		       add_perfdata(out, &health, limits);
	return is_good ? outcome : OUTCOME_UNKNOWN;
}
