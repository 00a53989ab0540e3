#include "telemetry/counters.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"

/* The value of the sample with these labels; -1 if there is none, or several. */
static double value_of(const struct counters *counters, enum metric_id metric, const char *suffix, const char *labels)
{
	struct counters_sample sample;
	double value = -1;
	for (size_t i = 0; counters_sample(counters, i, &sample); i++) {
		if (sample.metric != metric || strcmp(sample.suffix, suffix) != 0 || strcmp(sample.labels, labels) != 0)
			continue;
		if (value >= 0)
			return -1;
		value = sample.value;
	}
	return value;
}

static void what_is_counted_is_told(void)
{
	static struct counters counters;
	counters_count(&counters, COUNTER_DIALS_FAILED);
	counters_count(&counters, COUNTER_DIALS_FAILED);
	counters_count_message(&counters, COUNTERS_IN, MESSAGE_PING, 19);
	counters_count_message(&counters, COUNTERS_OUT, MESSAGE_BYE, 40);
	CU_ASSERT_EQUAL(value_of(&counters, METRIC_DIALS, "", "{\"result\":\"failed\"}"), 2);
	CU_ASSERT_EQUAL(value_of(&counters, METRIC_DIALS, "", "{\"result\":\"ready\"}"), 0);
	CU_ASSERT_EQUAL(value_of(&counters, METRIC_MESSAGES, "", "{\"direction\":\"in\",\"type\":\"ping\"}"), 1);
	CU_ASSERT_EQUAL(value_of(&counters, METRIC_MESSAGE_BYTES, "", "{\"direction\":\"in\",\"type\":\"ping\"}"), 19);
	CU_ASSERT_EQUAL(value_of(&counters, METRIC_MESSAGE_BYTES, "", "{\"direction\":\"out\",\"type\":\"bye\"}"), 40);
	CU_ASSERT_EQUAL(value_of(&counters, METRIC_MESSAGES, "", "{\"direction\":\"in\",\"type\":\"bye\"}"), 0);
	/* Without any, nothing is counted. */
	counters_count(NULL, COUNTER_BANS);
	counters_count_message(NULL, COUNTERS_IN, MESSAGE_PING, 1);
	counters_count_rtt(NULL, 1);
}

static void round_trips_are_a_histogram(void)
{
	static struct counters counters;
	static const struct {
		const char *bound;
		double count;
	} cases[] = {{"0.0001", 2}, {"0.0003", 2}, {"0.001", 3}, {"3", 3}, {"+Inf", 4}};
	counters_count_rtt(&counters, 0);
	counters_count_rtt(&counters, 100);
	counters_count_rtt(&counters, 301);
	counters_count_rtt(&counters, 5000000);
	counters_count_rtt(&counters, -1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char labels[32];
		snprintf(labels, sizeof labels, "{\"le\":\"%s\"}", cases[i].bound);
		EXPECT(value_of(&counters, METRIC_PING_RTT, "_bucket", labels) == cases[i].count, "%s", cases[i].bound);
	}
	CU_ASSERT_EQUAL(value_of(&counters, METRIC_PING_RTT, "_count", "{}"), 4);
	CU_ASSERT_DOUBLE_EQUAL(value_of(&counters, METRIC_PING_RTT, "_sum", "{}"), 5.000401, 1e-9);
	CU_ASSERT_EQUAL(value_of(&counters, METRIC_PINGS, "", "{\"result\":\"answered\"}"), 4);
}

/* As https://prometheus.io/docs/practices/naming/ and the linter of promtool want it. */
static void names_follow_the_conventions(void)
{
	for (int i = 0; i < METRICS; i++) {
		const struct metric *metric = &metric_table[i];
		size_t length = strlen(metric->name), unit = strlen(metric->unit);
		bool is_counter = strcmp(metric->type, "counter") == 0;
		const char *end = metric->name + length - (is_counter ? strlen("_total") : 0);
		EXPECT(strncmp(metric->name, "kith_", 5) == 0, "%s", metric->name);
		EXPECT(is_counter == (strcmp(metric->name + length - 6, "_total") == 0), "%s", metric->name);
		EXPECT(unit == 0 || strncmp(end - unit, metric->unit, unit) == 0, "%s", metric->name);
		EXPECT(isupper((unsigned char)metric->help[0]) && metric->help[strlen(metric->help) - 1] == '.', "%s",
		       metric->name);
		for (int j = 0; j < i; j++)
			EXPECT(strcmp(metric->name, metric_table[j].name) != 0, "%s", metric->name);
	}
}

static CU_TestInfo tests[] = {
	{"what is counted is told", what_is_counted_is_told},
	{"round trips are a histogram", round_trips_are_a_histogram},
	{"names follow the conventions", names_follow_the_conventions},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_counters = {.pName = "counters", .pTests = tests};
