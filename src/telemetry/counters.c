#include "telemetry/counters.h"

#include <stdio.h>

/* From far less than a switched network takes to what people notice: each is about three times the one before. */
static const double rtt_bounds_s[COUNTERS_RTT_BUCKETS] = {0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3};

static const struct {
	enum metric_id metric;
	const char *labels;
} plain[COUNTERS] = {
	[COUNTER_PINGS_ANSWERED] = {METRIC_PINGS, "{\"result\":\"answered\"}"},
	[COUNTER_PINGS_UNANSWERED] = {METRIC_PINGS, "{\"result\":\"unanswered\"}"},
	[COUNTER_DIALS_READY] = {METRIC_DIALS, "{\"result\":\"ready\"}"},
	[COUNTER_DIALS_FOUND] = {METRIC_DIALS, "{\"result\":\"found\"}"},
	[COUNTER_DIALS_FAILED] = {METRIC_DIALS, "{\"result\":\"failed\"}"},
	[COUNTER_DIALS_HINDERED] = {METRIC_DIALS, "{\"result\":\"hindered\"}"},
	[COUNTER_REFUSED_DENIED] = {METRIC_REFUSED, "{\"reason\":\"denied\"}"},
	[COUNTER_REFUSED_BANNED] = {METRIC_REFUSED, "{\"reason\":\"banned\"}"},
	[COUNTER_REFUSED_MAX_CONNECTIONS] = {METRIC_REFUSED, "{\"reason\":\"max_connections\"}"},
	[COUNTER_REFUSED_MAX_PER_ADDRESS] = {METRIC_REFUSED, "{\"reason\":\"max_per_address\"}"},
	[COUNTER_REFUSED_MAX_PER_GROUP] = {METRIC_REFUSED, "{\"reason\":\"max_per_group\"}"},
	[COUNTER_REFUSED_MAX_INBOUND] = {METRIC_REFUSED, "{\"reason\":\"max_inbound\"}"},
	[COUNTER_REFUSED_DUPLICATE] = {METRIC_REFUSED, "{\"reason\":\"duplicate\"}"},
	[COUNTER_REFUSED_NETWORK] = {METRIC_REFUSED, "{\"reason\":\"network\"}"},
	[COUNTER_REFUSED_PROTOCOL] = {METRIC_REFUSED, "{\"reason\":\"protocol\"}"},
	[COUNTER_REFUSED_SILENT] = {METRIC_REFUSED, "{\"reason\":\"silent\"}"},
	[COUNTER_GONE_SHUTDOWN] = {METRIC_PEERS_GONE, "{\"reason\":\"shutdown\"}"},
	[COUNTER_GONE_DUPLICATE] = {METRIC_PEERS_GONE, "{\"reason\":\"duplicate\"}"},
	[COUNTER_GONE_FULL] = {METRIC_PEERS_GONE, "{\"reason\":\"full\"}"},
	[COUNTER_GONE_PROTOCOL] = {METRIC_PEERS_GONE, "{\"reason\":\"protocol\"}"},
	[COUNTER_GONE_TIMEOUT] = {METRIC_PEERS_GONE, "{\"reason\":\"timeout\"}"},
	[COUNTER_GONE_SLOW] = {METRIC_PEERS_GONE, "{\"reason\":\"slow\"}"},
	[COUNTER_GONE_BROKEN] = {METRIC_PEERS_GONE, "{\"reason\":\"broken\"}"},
	[COUNTER_GONE_HERE] = {METRIC_PEERS_GONE, "{\"reason\":\"here\"}"},
	[COUNTER_GONE_OTHER] = {METRIC_PEERS_GONE, "{\"reason\":\"other\"}"},
	[COUNTER_LATE] = {METRIC_PEERS_LATE, "{}"},
	[COUNTER_SILENT_WITNESSED] = {METRIC_PEERS_SILENT, "{\"verdict\":\"witnessed\"}"},
	[COUNTER_SILENT_TIMEOUT] = {METRIC_PEERS_SILENT, "{\"verdict\":\"timeout\"}"},
	[COUNTER_BANS] = {METRIC_BANS, "{}"},
	[COUNTER_EVENTS_LEFT_OUT] = {METRIC_JOURNAL_LEFT_OUT, "{}"},
	[COUNTER_REQUESTS] = {METRIC_CONTROL_REQUESTS, "{}"},
	[COUNTER_REPORTS_RELAYED] = {METRIC_REPORTS_RELAYED, "{}"},
};

static uint64_t read_count(const _Atomic uint64_t *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

void counters_count_rtt(struct counters *counters, int64_t rtt_us)
{
	size_t bucket = 0;
	if (counters == NULL || rtt_us < 0)
		return;
	while (bucket < COUNTERS_RTT_BUCKETS && (double)rtt_us > rtt_bounds_s[bucket] * 1e6)
		bucket++;
	counters_add(&counters->rtts[bucket], 1);
	counters_add(&counters->rtt_sum_us, (uint64_t)rtt_us);
	counters_count(counters, COUNTER_PINGS_ANSWERED);
}

static void sample_message(const struct counters *counters, size_t number, struct counters_sample *sample)
{
	enum counters_direction direction = number / MESSAGE_TYPES % 2 == 0 ? COUNTERS_IN : COUNTERS_OUT;
	enum message_type type = (enum message_type)(number % MESSAGE_TYPES);
	bool is_bytes = number >= (size_t)2 * MESSAGE_TYPES;
	sample->metric = is_bytes ? METRIC_MESSAGE_BYTES : METRIC_MESSAGES;
	snprintf(sample->labels, sizeof sample->labels, "{\"direction\":\"%s\",\"type\":\"%s\"}",
		 direction == COUNTERS_IN ? "in" : "out",
		 type == MESSAGE_UNKNOWN ? "unknown" : message_type_name(type));
	sample->value =
		(double)read_count(is_bytes ? &counters->bytes[direction][type] : &counters->messages[direction][type]);
}

/* A histogram of Prometheus: each bucket counts what is in those below it too. */
static void sample_rtt(const struct counters *counters, size_t number, struct counters_sample *sample)
{
	sample->metric = METRIC_PING_RTT;
	if (number == COUNTERS_RTT_BUCKETS + 1) {
		sample->suffix = "_sum";
		sample->value = (double)read_count(&counters->rtt_sum_us) / 1e6;
		return;
	}
	for (size_t i = 0; i <= COUNTERS_RTT_BUCKETS && i <= number; i++)
		sample->value += (double)read_count(&counters->rtts[i]);
	sample->suffix = number > COUNTERS_RTT_BUCKETS ? "_count" : "_bucket";
	if (number < COUNTERS_RTT_BUCKETS)
		snprintf(sample->labels, sizeof sample->labels, "{\"le\":\"%g\"}", rtt_bounds_s[number]);
	else if (number == COUNTERS_RTT_BUCKETS)
		snprintf(sample->labels, sizeof sample->labels, "{\"le\":\"+Inf\"}");
}

bool counters_sample(const struct counters *counters, size_t number, struct counters_sample *sample)
{
	enum { RTTS = COUNTERS_RTT_BUCKETS + 3, MESSAGES = 4 * MESSAGE_TYPES };
	*sample = (struct counters_sample){.suffix = "", .labels = "{}"};
	if (number < COUNTERS) {
		sample->metric = plain[number].metric;
		snprintf(sample->labels, sizeof sample->labels, "%s", plain[number].labels);
		sample->value = (double)read_count(&counters->counts[number]);
	} else if (number < COUNTERS + RTTS) {
		sample_rtt(counters, number - COUNTERS, sample);
	} else if (number < COUNTERS + RTTS + MESSAGES) {
		sample_message(counters, number - COUNTERS - RTTS, sample);
	}
	return number < COUNTERS + RTTS + MESSAGES;
}
