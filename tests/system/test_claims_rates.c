#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asker.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

enum { BAD_HOST = 211, GOOD_HOST = 212, BURST_S = 10 };

#define ENDED_EARLY "it closed the connection while it was slowed down"

static const char ping[] = "{\"msgtype\":\"ping\"}\n";

/* Sends this over and over, as far as the node's kernel takes it without waiting. */
static size_t flood(struct raw *raw, const char *text, size_t most)
{
	size_t sent = 0;
	while (sent < most && raw_try_write(raw, text, strlen(text)) == (ssize_t)strlen(text))
		sent++;
	return sent;
}

static double seconds_since(int64_t begun_us)
{
	return (double)(clock_now_us() - begun_us) / 1e6;
}

/* A good peer of another host is answered at once, whatever the bad one does, and even if this process reads it late.
 */
static void expect_answer(struct raw *good)
{
	raw_note_arrivals(good);
	raw_write(good, ping, strlen(ping));
	int64_t asked_us = raw_clock_us();
	raw_expect(good, "pong");
	double seconds = (double)(raw_arrived_us(good) - asked_us) / 1e6;
	EXPECT(seconds < harness_slowness(), "%.2f s", seconds);
}

static int count_pongs(struct raw *raw)
{
	int pongs = 0;
	const char *line;
	while ((line = raw_line(raw)) != NULL)
		pongs += strstr(line, "\"pong\"") != NULL;
	return pongs;
}

/* ---- one connection after the other ---- */

/* Each fills the node's receive buffer and half-closes. */
static void test_a_half_close_wins_nothing(void)
{
	enum { RATE = 20, FLOOD = 500, CONNECTIONS = 3 };
	const char *path = harness_text("%s/sock", harness_make_folder());
	struct kithd *kithd = kithd_start("-o max_message_rate=%d -o control=%s", RATE, path);
	struct asker *asker = asker_connect(path);
	struct raw *good = raw_join_from(harness_host(GOOD_HOST), kithd, BOB, "");
	int64_t begun_us = clock_now_us();
	int pongs = 0;
	for (int i = 0; i < CONNECTIONS; i++) {
		struct raw *bad = raw_connect_from(harness_host(BAD_HOST), kithd_address(kithd), 0);
		int64_t came_us = clock_now_us();
		raw_send_hello(bad, ALICE, "");
		raw_expect(bad, "hello");
		asker_set(asker, "handshake_timeout", 1);
		CU_ASSERT(flood(bad, ping, FLOOD) > 0);
		raw_close_writing(bad);
		AWAIT(kithd_log_count(kithd, ENDED_EARLY, "") == (size_t)i + 1);
		CU_ASSERT_FALSE(kithd_has_peer(kithd, ALICE));
		expect_answer(good);
		pongs += count_pongs(bad);
		/* What was dropped would have taken longer than handshake_timeout, for which the place was kept. */
		EXPECT(seconds_since(came_us) >= 1, "%d: %.2f s", i, seconds_since(came_us));
		raw_close(bad);
		asker_set(asker, "handshake_timeout", 10);
	}
	double most = RATE * (BURST_S + seconds_since(begun_us)) + 10 * CONNECTIONS;
	EXPECT(pongs <= most, "%d pongs of %d connections in %.1f s", pongs, CONNECTIONS, seconds_since(begun_us));
	CU_ASSERT(pongs >= RATE * BURST_S / 2);
}

/* The same without waiting for an end: what comes again and again has one burst, not one for each connection. */
static void test_a_burst_is_of_the_host(void)
{
	enum { RATE = 20, FLOOD = 150, CONNECTIONS = 8, FEW = 5 };
	struct kithd *kithd = kithd_start("-o max_message_rate=%d", RATE);
	int64_t begun_us = clock_now_us();
	int pongs = 0;
	for (int i = 0; i < CONNECTIONS; i++) {
		struct raw *bad = raw_connect_from(harness_host(BAD_HOST), kithd_address(kithd), 0);
		raw_send_hello(bad, ALICE, "");
		raw_expect(bad, "hello");
		flood(bad, ping, FLOOD);
		const char *line;
		for (int64_t until_us = clock_now_us() + 100000;
		     raw_has_line(bad, until_us) && (line = raw_line(bad)) != NULL;)
			pongs += strstr(line, "pong") != NULL;
		raw_close(bad);
		AWAIT(!kithd_has_peer(kithd, ALICE));
	}
	double most = RATE * (BURST_S + seconds_since(begun_us)) + 10 * CONNECTIONS;
	EXPECT(pongs <= most, "%d pongs to %d connections in %.1f s", pongs, CONNECTIONS, seconds_since(begun_us));
	/* Another host has its own burst. */
	struct raw *good = raw_join_from(harness_host(GOOD_HOST), kithd, BOB, "");
	for (int i = 0; i < FEW; i++)
		expect_answer(good);
}

/* Nodes on one host use little of its burst each, and do not wait for each other. */
static void test_many_nodes_of_one_host(void)
{
	enum { NODES = 50, MESSAGES = 8 };
	struct kithd *kithd = kithd_plain();
	for (int round = 0; round < 2; round++) {
		struct raw *nodes[NODES];
		for (int i = 0; i < NODES; i++)
			nodes[i] = raw_join_from(harness_host(BAD_HOST), kithd,
						 harness_text("600d0000-0000-4000-8000-%012d", i), "");
		for (int i = 0; i < NODES; i++)
			for (int j = 0; j < MESSAGES; j++)
				expect_answer(nodes[i]);
		for (int i = 0; i < NODES; i++)
			raw_close(nodes[i]);
		AWAIT(kithd_peers(kithd) == 0);
	}
}

/* As with `printf ... | nc -N`. */
static void test_a_person_who_half_closes_is_answered(void)
{
	enum { PINGS = 3 };
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, "");
	for (int i = 0; i < PINGS; i++)
		raw_write(raw, ping, strlen(ping));
	raw_close_writing(raw);
	CU_ASSERT_EQUAL(count_pongs(raw), PINGS);
	AWAIT(kithd_log_count(kithd, "it closed the connection without a bye", "") == 1);
}

/* ---- a connection that keeps its place ---- */

/* One that has ended early, and keeps its place for handshake_timeout, which is long. */
static struct raw *end_early(struct kithd *kithd)
{
	enum { FLOOD = 1000 };
	struct raw *bad = raw_connect_from(harness_host(BAD_HOST), kithd_address(kithd), 0);
	raw_send_hello(bad, ALICE, "");
	raw_expect(bad, "hello");
	flood(bad, ping, FLOOD);
	raw_close_writing(bad);
	AWAIT(kithd_log_count(kithd, ENDED_EARLY, "") == 1);
	return bad;
}

static void test_a_stop_waits_for_no_place(void)
{
	struct kithd *kithd = kithd_start("-o max_message_rate=1 -o handshake_timeout=600");
	end_early(kithd);
	kithd_stop(kithd, SIGTERM);
}

static void test_lists_take_a_place_away(void)
{
	const char *path = harness_write_file("");
	struct kithd *kithd = kithd_start("-c %s -o max_message_rate=1 -o handshake_timeout=600", path);
	struct raw *bad = end_early(kithd);
	FILE *file = fopen(path, "w");
	if (file == NULL)
		abort();
	fprintf(file, "deny = [\"%s\"];\n", harness_host(BAD_HOST));
	fclose(file);
	kithd_signal(kithd, SIGHUP);
	raw_expect_end(bad);
}

/* The node itself is not kept from coming back. */
static void test_a_place_is_not_in_the_way(void)
{
	struct kithd *kithd = kithd_start("-o max_message_rate=1 -o handshake_timeout=600");
	end_early(kithd);
	struct raw *back = raw_connect_from(harness_host(GOOD_HOST), kithd_address(kithd), 0);
	raw_send_hello(back, ALICE, "");
	raw_expect(back, "hello");
	AWAIT(kithd_has_peer(kithd, ALICE));
	raw_ping(back);
}

/* ---- what it costs to hold somebody back ---- */

/* How often the threads of the node have waited for something. */
static long count_waits(const struct kithd *kithd)
{
	FILE *lines = popen(harness_text("cat /proc/%d/task/*/status", (int)kithd_pid(kithd)), "r");
	char line[256];
	long all = 0, one;
	while (lines != NULL && fgets(line, sizeof line, lines) != NULL)
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &one) == 1)
			all += one;
	if (lines == NULL || pclose(lines) != 0)
		harness_fail("cannot count");
	return all;
}

/* 20 times a second, not for each 256 bytes. */
static void test_who_is_held_back_is_read_seldom(void)
{
	enum { MEASURED_S = 1, MOST_PER_S = 100 };
	static char text[1024];
	static const struct {
		const char *name, *options, *line;
	} cases[] = {
		{"messages", "-o max_message_rate=100", ping},
		{"bytes", "-o max_byte_rate=100000", text},
	};
	memset(text, ' ', sizeof text - 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct kithd *kithd = kithd_start("%s", cases[i].options);
		struct raw *good = raw_join_from(harness_host(GOOD_HOST), kithd, BOB, "");
		struct raw *bad = raw_join_from(harness_host(BAD_HOST), kithd, ALICE, "");
		/* Once its burst has passed, the node's kernel takes no more. */
		int64_t begun_us = clock_now_us();
		for (int64_t took_us = begun_us; clock_now_us() - took_us < 200000;)
			if (flood(bad, cases[i].line, 100000) > 0)
				took_us = clock_now_us();
			else
				usleep(1000);
		long before = count_waits(kithd);
		begun_us = clock_now_us();
		while (seconds_since(begun_us) < MEASURED_S) {
			flood(bad, cases[i].line, 100000);
			usleep(10000);
		}
		double per_s = (double)(count_waits(kithd) - before) / seconds_since(begun_us);
		EXPECT(per_s < MOST_PER_S, "%s: %.0f waits a second", cases[i].name, per_s);
		expect_answer(good);
	}
}

/* ---- dear messages ---- */

static void test_a_dear_message_counts_as_several(void)
{
	enum { RATE = 50, VALUES = 4000, WEIGHT = 1 + VALUES / 128, MESSAGES = RATE * BURST_S / WEIGHT + 4 };
	static char line[2 * VALUES + 64];
	struct kithd *kithd = kithd_start("-o max_message_rate=%d", RATE);
	struct raw *good = raw_join_from(harness_host(GOOD_HOST), kithd, BOB, "");
	struct raw *bad = raw_join_from(harness_host(BAD_HOST), kithd, ALICE, "");
	char *to = stpcpy(line, "{\"msgtype\":\"x\",\"x\":[0");
	for (int i = 3; i < VALUES; i++)
		to = stpcpy(to, ",0");
	strcpy(to, "]}");
	int64_t begun_us = clock_now_us();
	for (int i = 0; i < MESSAGES; i++)
		raw_send(bad, "%s", line);
	expect_answer(good);
	raw_ping(bad);
	raw_ping(bad);
	double least = (double)(MESSAGES * WEIGHT) / RATE - BURST_S - 0.5;
	EXPECT(seconds_since(begun_us) > least, "%.2f s", seconds_since(begun_us));
}

static CU_TestInfo tests[] = {
	{"a half-close wins nothing", test_a_half_close_wins_nothing},
	{"a burst is of the host", test_a_burst_is_of_the_host},
	{"many nodes of one host", test_many_nodes_of_one_host},
	{"a person who half-closes is answered", test_a_person_who_half_closes_is_answered},
	{"a stop waits for no place", test_a_stop_waits_for_no_place},
	{"lists take a place away", test_lists_take_a_place_away},
	{"a place is not in the way", test_a_place_is_not_in_the_way},
	{"who is held back is read seldom", test_who_is_held_back_is_read_seldom},
	{"a dear message counts as several", test_a_dear_message_counts_as_several},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_claims_rates = {
	.pName = "claims-rates", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
