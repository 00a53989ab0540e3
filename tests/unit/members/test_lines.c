#include "members/lines.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

static const int64_t start_us = 1000 * SECOND_US;
static struct sources *sources;
static struct lines *lines;

static void begin(void)
{
	sources = sources_new();
	lines = lines_new(sources, start_us);
	CU_ASSERT_FATAL(sources != NULL && lines != NULL);
}

static void end(void)
{
	lines_free(lines);
	sources_free(sources);
}

static bool take(enum lines_about about, const char *from, int64_t now_us)
{
	struct address address;
	if (from == NULL)
		return lines_take(lines, about, LOG_INFO, NULL, now_us);
	address = address_of(from);
	return lines_take(lines, about, LOG_INFO, &address, now_us);
}

/* How many of 10,000 lines pass. */
static size_t flood(enum lines_about about, const char *from, int64_t now_us)
{
	size_t passed = 0;
	for (unsigned i = 0; i < 10000; i++)
		passed += take(about, from, now_us);
	return passed;
}

static void each_kind_has_its_bound(void)
{
	static const struct {
		const char *name;
		enum lines_about about;
		size_t burst, in_a_minute;
	} cases[] = {
		{"peers", LINES_PEERS, 4000, 600},
		{"dialled", LINES_DIALLED, 4000, 600},
		{"strangers", LINES_STRANGERS, 200, 60},
		{"dials", LINES_DIALS, 200, 60},
		{"problems", LINES_PROBLEMS, 200, 60},
		{"denied", LINES_DENIED, 1, 1},
		{"banned", LINES_BANNED, 1, 1},
		{"max_connections", LINES_MAX_CONNECTIONS, 1, 1},
		{"max_per_address", LINES_MAX_PER_ADDRESS, 1, 1},
		{"max_per_group", LINES_MAX_PER_GROUP, 1, 1},
	};
	begin();
	capture_log(LOG_INFO);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t burst = flood(cases[i].about, NULL, start_us);
		size_t later = flood(cases[i].about, NULL, start_us + 61 * SECOND_US) / 61 * 60;
		EXPECT(burst == cases[i].burst, "%s: %zu", cases[i].name, burst);
		EXPECT(later <= cases[i].in_a_minute, "%s: %zu", cases[i].name, later);
	}
	(void)captured_log();
	end();
}

static void a_host_has_a_part_of_it(void)
{
	static const struct {
		const char *name;
		enum lines_about about;
		const char *host, *neighbour, *other;
		size_t of_host, of_network;
	} cases[] = {
		{"strangers", LINES_STRANGERS, "8.8.8.8:1", "8.8.8.9:1", "9.9.9.9:1", 100, 150},
		{"strangers here", LINES_STRANGERS, "127.0.0.1:1", "127.0.0.2:1", "10.0.0.1:1", 100, 150},
		{"peers", LINES_PEERS, "8.8.8.8:1", "8.8.8.9:1", "9.9.9.9:1", 500, 1000},
		{"peers here", LINES_PEERS, "10.0.0.1:1", "10.0.0.2:1", "127.0.0.1:1", 2000, 3000},
		{"dialled", LINES_DIALLED, "8.8.8.8:1", "8.8.8.9:1", "9.9.9.9:1", 500, 1000},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin();
		capture_log(LOG_INFO);
		size_t of_host = flood(cases[i].about, cases[i].host, start_us);
		size_t of_network = of_host + flood(cases[i].about, cases[i].neighbour, start_us);
		bool of_other = take(cases[i].about, cases[i].other, start_us);
		(void)captured_log();
		EXPECT(of_host == cases[i].of_host, "%s: %zu", cases[i].name, of_host);
		EXPECT(of_network == cases[i].of_network, "%s: %zu", cases[i].name, of_network);
		EXPECT(of_other, "%s: nothing for others", cases[i].name);
		end();
	}
}

static void the_next_line_says_how_many_were_left_out(void)
{
	begin();
	capture_log(LOG_INFO);
	for (unsigned i = 0; i < 5; i++)
		take(LINES_BANNED, NULL, start_us);
	CU_ASSERT_STRING_EQUAL(captured_log(), "");
	capture_log(LOG_INFO);
	CU_ASSERT(take(LINES_BANNED, NULL, start_us + 61 * SECOND_US));
	const char *log = captured_log();
	EXPECT(strstr(log, "info  4 lines like the next one were left out\n") != NULL, "%s", log);
	capture_log(LOG_INFO);
	CU_ASSERT(take(LINES_BANNED, NULL, start_us + 122 * SECOND_US));
	CU_ASSERT_STRING_EQUAL(captured_log(), "");
	end();
}

/* They are for whoever wants all of them. */
static void debug_lines_pass(void)
{
	struct address from = address_of("8.8.8.8:1");
	size_t passed = 0;
	begin();
	capture_log(LOG_DEBUG);
	for (unsigned i = 0; i < 10000; i++)
		passed += lines_take(lines, LINES_STRANGERS, LOG_DEBUG, &from, start_us);
	(void)captured_log();
	CU_ASSERT_EQUAL(passed, 10000);
	end();
}

static void a_line_that_is_not_logged_costs_nothing(void)
{
	begin();
	log_set_level(LOG_ERROR);
	CU_ASSERT_EQUAL(flood(LINES_STRANGERS, "8.8.8.8:1", start_us), 0);
	capture_log(LOG_INFO);
	CU_ASSERT_EQUAL(flood(LINES_STRANGERS, "8.8.8.8:1", start_us), 100);
	(void)captured_log();
	end();
}

static CU_TestInfo tests[] = {
	{"each kind has its bound", each_kind_has_its_bound},
	{"a host has a part of it", a_host_has_a_part_of_it},
	{"the next line says how many were left out", the_next_line_says_how_many_were_left_out},
	{"debug lines pass", debug_lines_pass},
	{"a line that is not logged costs nothing", a_line_that_is_not_logged_costs_nothing},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_lines = {
	.pName = "lines", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
