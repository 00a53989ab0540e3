#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asker.h"
#include "attacker.h"
#include "crowd.h"
#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

enum {
	FEW_PINGS = 50,
	MOST_PINGS = 1000,
	PING_INTERVAL_US = 10000,
	GOOD_HOST = 201,
	NEWCOMER_HOST = 202,
	MAX_HANDSHAKES = 128,
	MAX_CONNECTIONS = 1024,
	MAX_PARKED = 64,
	LINE_BYTES = 131072,
	IDLE_KIB = 40,	  /* of a connection that does little */
	LINE_KIB = 512,	  /* of one whose long lines are read */
	ONCE_KIB = 128,	  /* of the node itself, which does some things for the first time */
	PER_NETWORK = 64, /* attackers in one network */
};

struct round_trips {
	double median_ms, p99_ms, slowest_ms;
};

/* A node, a good peer that pings it 100 times a second, and what the node was like before the attack. */
struct siege {
	struct kithd *kithd;
	struct raw *good;
	struct attacker *attacker;
	int threads, descriptors;
	long private_kib;
};

/* A sanitizer, which takes as much longer for each, sees with few what it sees with many. */
static size_t as_many(int count)
{
	return (size_t)(count / harness_slowness());
}

/* ---- the good peer ---- */

static int compare(const void *one, const void *other)
{
	int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
	return (a > b) - (a < b);
}

static double milliseconds(int64_t us)
{
	return (double)us / 1000;
}

/* The environment variable PINGS is for tests/bench, which publishes how long they take. */
static int count_of_pings(void)
{
	const char *text = getenv("PINGS");
	long count = text == NULL ? FEW_PINGS : strtol(text, NULL, 10);
	return count < 1 || count > MOST_PINGS ? MOST_PINGS : (int)count;
}

/*
 * A ping is sent when it is due, whether the one before was answered or not, so that who waits long is counted as often
 * as it is due. When this process itself comes too late, none is made up for.
 */
static struct round_trips ping_often(struct raw *good, int count)
{
	static const char ping[] = "{\"msgtype\":\"ping\"}", pong[] = "{\"msgtype\":\"pong\"}";
	int64_t sent_us[MOST_PINGS], took_us[MOST_PINGS] = {0}, next_us = clock_now_us();
	int sent = 0, answered = 0;
	while (answered < count) {
		if (sent < count && clock_now_us() >= next_us) {
			sent_us[sent++] = raw_clock_us();
			raw_send(good, "%s", ping);
			next_us = clock_now_us() + PING_INTERVAL_US;
		}
		if (!raw_has_line(good, sent < count ? next_us : harness_deadline_us(HARNESS_PATIENCE_S)))
			continue;
		const char *line = raw_line(good);
		if (line == NULL)
			harness_fail("the good peer has lost its connection");
		else if (strcmp(line, pong) == 0 && answered < sent)
			took_us[answered] = raw_arrived_us(good) - sent_us[answered], answered++;
		else if (strcmp(line, ping) == 0)
			raw_send(good, "%s", pong);
	}
	qsort(took_us, (size_t)count, sizeof *took_us, compare);
	int median = count / 2, p99 = count * 99 / 100;
	return (struct round_trips){.median_ms = milliseconds(took_us[median]),
				    .p99_ms = milliseconds(took_us[p99]),
				    .slowest_ms = milliseconds(took_us[count - 1])};
}

/* ---- the siege ---- */

static struct siege begin(const char *options)
{
	/* The good peer answers no ping while the test waits for something else. */
	struct siege siege = {
		.kithd = kithd_start(RARE_PINGS " -o ping_timeout=600%s%s", options[0] == '\0' ? "" : " ", options)};
	siege.good = raw_join_from(harness_host(GOOD_HOST), siege.kithd, ALICE, "");
	raw_ping_next(siege.good);
	raw_note_arrivals(siege.good);
	/* A node that answers has started everything. */
	AWAIT(kithd_has_peer(siege.kithd, ALICE));
	/* The good peer will have a second one: it pings, and is pinged when it stops. */
	siege.threads = kithd_entries(siege.kithd, "task") + 1;
	siege.descriptors = kithd_entries(siege.kithd, "fd");
	siege.private_kib = kithd_private_kib(siege.kithd);
	return siege;
}

/* What the node holds now, beyond what it held before. */
static void expect_bounds(const struct siege *siege, int threads, int descriptors, long private_kib)
{
	int more_threads = kithd_entries(siege->kithd, "task") - siege->threads;
	int more_descriptors = kithd_entries(siege->kithd, "fd") - siege->descriptors;
	long more_kib = kithd_private_kib(siege->kithd) - siege->private_kib;
	printf("attack: %d threads, %d descriptors and %ld kB more\n", more_threads, more_descriptors, more_kib);
	EXPECT(more_threads <= threads + MAX_PARKED, "%d threads more", more_threads);
	EXPECT(more_descriptors <= descriptors, "%d descriptors more", more_descriptors);
	/* A sanitizer has its own ideas of memory. */
	EXPECT(more_kib <= private_kib + ONCE_KIB || harness_slowness() > 1, "%ld KiB more", more_kib);
}

/* Attacks without an end: the good peer is answered, and a newcomer is let in. */
static void attack(struct siege *siege, const struct attack *attack)
{
	siege->attacker = attacker_start(siege->kithd, attack);
	int pings = count_of_pings();
	struct round_trips trips = ping_often(siege->good, pings);
	printf("attack: %s: %d pings, p50 %.2f ms, p99 %.2f ms, slowest %.2f ms\n", attack->name, pings,
	       trips.median_ms, trips.p99_ms, trips.slowest_ms);
	AWAIT(attacker_opened(siege->attacker) >= attack->connections);
	struct raw *newcomer = raw_join_from(harness_host(NEWCOMER_HOST), siege->kithd, BOB, "");
	raw_ping(newcomer);
	CU_ASSERT(kithd_has_peer(siege->kithd, BOB));
	CU_ASSERT(kithd_has_peer(siege->kithd, ALICE));
	raw_close(newcomer);
}

/* Ends the attack: all is as it was before. */
static void end(struct siege *siege)
{
	attacker_stop(siege->attacker);
	AWAIT_WITHIN(4 * HARNESS_PATIENCE_S, kithd_entries(siege->kithd, "fd") <= siege->descriptors);
	AWAIT_WITHIN(4 * HARNESS_PATIENCE_S, kithd_entries(siege->kithd, "task") <= siege->threads + MAX_PARKED);
	AWAIT_WITHIN(4 * HARNESS_PATIENCE_S, kithd_peers(siege->kithd) == 1);
}

/* ---- the attacks ---- */

static void test_silent(void)
{
	struct siege siege = begin("");
	attack(&siege, &(struct attack){.name = "2,000 silent connections", .connections = 2000, .hosts = 20});
	/* Some are about to be closed. */
	AWAIT(kithd_rows(siege.kithd, "STATE", "HELLO") <= MAX_HANDSHAKES);
	expect_bounds(&siege, MAX_CONNECTIONS, MAX_CONNECTIONS, MAX_CONNECTIONS * IDLE_KIB);
	end(&siege);
}

static void test_silent_and_held(void)
{
	enum { CONNECTIONS = 2000 };
	struct siege siege = begin("-o max_handshakes=0 -o max_connections=0 -o handshake_timeout=3600");
	attack(&siege,
	       &(struct attack){.name = "2,000 silent connections, held", .connections = CONNECTIONS, .hosts = 20});
	AWAIT(kithd_rows(siege.kithd, "STATE", "HELLO") == CONNECTIONS);
	expect_bounds(&siege, CONNECTIONS + 2, CONNECTIONS + 1, CONNECTIONS * IDLE_KIB);
	end(&siege);
}

static void test_dripping(void)
{
	enum { CONNECTIONS = 300, TIMEOUT_S = 1 };
	static const char hello[] =
		"{\"msgtype\":\"hello\",\"nodeid\":\"bad00000-0000-4000-8000-000000000000\",\"name\":\"";
	struct siege siege = begin("-o handshake_timeout=1 -o max_handshakes=0");
	attack(&siege, &(struct attack){.name = "300 dripping hellos",
					.connections = CONNECTIONS,
					.hosts = 150,
					.text = hello,
					.text_bytes = sizeof hello - 1,
					.bytes_at_once = 1,
					.pause_us = 20000});
	AWAIT(attacker_ended(siege.attacker) >= CONNECTIONS);
	int64_t longest_ms = attacker_longest_us(siege.attacker) / 1000;
	EXPECT((double)longest_ms < (TIMEOUT_S + 2) * 1000 * harness_slowness(), "%lld ms", (long long)longest_ms);
	expect_bounds(&siege, 2 * CONNECTIONS, 2 * CONNECTIONS, 2 * CONNECTIONS * IDLE_KIB);
	end(&siege);
}

/* Fills text with a line, over and over. */
static size_t repeat(char *text, size_t bytes, const char *line)
{
	char *to = text;
	while ((size_t)(to - text) + strlen(line) < bytes)
		to = stpcpy(to, line);
	return (size_t)(to - text);
}

static void test_never_reading(void)
{
	enum { OUTBOX_KIB = 128 };
	const size_t connections = as_many(200);
	static char questions[4096];
	size_t bytes = repeat(questions, sizeof questions, "{\"msgtype\":\"ping\"}\n{\"msgtype\":\"pong\"}\n");
	/* As many pings as it takes to fill an outbox, where most answers are short. */
	struct siege siege = begin("-o max_outbox=131072 -o max_message_rate=1000000");
	attack(&siege, &(struct attack){.name = "200 peers that never read",
					.connections = connections,
					.hosts = ATTACK_HOSTS,
					.receive_buffer_bytes = 1024,
					.hello_keys = ",\"listen\":9",
					.text = questions,
					.text_bytes = bytes,
					.bytes_at_once = bytes,
					.never_reads = true});
	expect_bounds(&siege, 2 * MAX_CONNECTIONS, MAX_CONNECTIONS, (long)connections * (2 * OUTBOX_KIB + IDLE_KIB));
	/* Each of them fills its outbox first. */
	AWAIT_WITHIN(4 * HARNESS_PATIENCE_S, kithd_log_count(siege.kithd, "it does not read what", "") >= connections);
	/* And not only by the node's own account. */
	AWAIT(attacker_ended(siege.attacker) >= connections);
	end(&siege);
}

/* Without a word: before anybody could have said hello. */
static bool is_refused_from(struct kithd *kithd, const char *host)
{
	struct raw *raw = raw_connect_from(host, kithd_address(kithd), 0);
	bool is_refused = raw_line(raw) == NULL;
	raw_close(raw);
	return is_refused;
}

static void test_garbage(void)
{
	enum { HOSTS = 10 };
	static char garbage[1 << 16];
	for (size_t i = 0; i < sizeof garbage; i++)
		garbage[i] = (char)(random() >> 8);
	struct siege siege = begin("");
	attack(&siege, &(struct attack){.name = "a flood of garbage",
					.connections = 50,
					.hosts = HOSTS,
					.text = garbage,
					.text_bytes = sizeof garbage,
					.bytes_at_once = sizeof garbage});
	for (int i = 1; i <= HOSTS; i++)
		EXPECT(is_refused_from(siege.kithd, harness_host(i)), "host %d", i);
	expect_bounds(&siege, MAX_CONNECTIONS, MAX_CONNECTIONS, MAX_CONNECTIONS * IDLE_KIB);
	end(&siege);
}

/* With pongs, so that no connection is closed for its silence, however long it takes. */
static size_t write_addr_lines(char *text, int lines)
{
	enum { ENTRIES = 1000 };
	char *to = text;
	for (int line = 0; line < lines; line++) {
		to = stpcpy(to, "{\"msgtype\":\"pong\"}\n{\"msgtype\":\"addr\",\"peers\":[");
		for (int i = 0; i < ENTRIES; i++)
			to += sprintf(to, "%s[\"127.%d.%d.%d:9\",\"bad00000-0000-4000-8000-%012x\"]", i == 0 ? "" : ",",
				      200 + line, i / 250, i % 250, line * ENTRIES + i);
		to = stpcpy(to, "]}\n");
	}
	return (size_t)(to - text);
}

static void test_addr(void)
{
	enum { LINES = 8, MAX_ADDRESSES = 2000 };
	const size_t connections = as_many(PER_NETWORK);
	static char lines[LINES * LINE_BYTES];
	size_t bytes = write_addr_lines(lines, LINES);
	/* Under a sanitizer a node takes as much longer to read each of its lines. */
	struct siege siege =
		begin(harness_text("-o max_addresses=2000 -o handshake_timeout=%g", 10 * harness_slowness()));
	attack(&siege, &(struct attack){.name = "a flood of addr",
					.connections = connections,
					.hosts = (int)connections,
					.hello_keys = "",
					.text = lines,
					.text_bytes = bytes,
					.bytes_at_once = LINE_BYTES});
	CU_ASSERT(strtol(kithd_header(siege.kithd, "known"), NULL, 10) <= MAX_ADDRESSES);
	EXPECT(attacker_ended(siege.attacker) == 0, "%llu were ended: %zu by a time-out, %zu as slow, %zu otherwise",
	       (unsigned long long)attacker_ended(siege.attacker),
	       kithd_log_count(siege.kithd, "no answer to a ping", ""),
	       kithd_log_count(siege.kithd, "it does not read what", ""),
	       kithd_log_count(siege.kithd, "; was up ", ""));
	expect_bounds(&siege, 3 * (int)connections, 2 * (int)connections, (long)connections * LINE_KIB);
	end(&siege);
}

static void test_getaddr(void)
{
	static char questions[32 * 1024];
	size_t bytes = repeat(questions, sizeof questions, "{\"msgtype\":\"getaddr\"}\n");
	struct siege siege = begin("");
	attack(&siege, &(struct attack){.name = "a flood of getaddr",
					.connections = PER_NETWORK,
					.hosts = PER_NETWORK,
					.hello_keys = ",\"listen\":9",
					.text = questions,
					.text_bytes = bytes,
					.bytes_at_once = bytes});
	expect_bounds(&siege, 3 * PER_NETWORK, 2 * PER_NETWORK, 2 * PER_NETWORK * IDLE_KIB);
	end(&siege);
}

static void test_connects(void)
{
	struct siege siege = begin("");
	attack(&siege,
	       &(struct attack){.name = "a flood of connects", .connections = 1000, .hosts = 100, .leaves = true});
	expect_bounds(&siege, MAX_CONNECTIONS, MAX_CONNECTIONS, MAX_CONNECTIONS * IDLE_KIB);
	end(&siege);
}

/* A reload that leaves a host out ends its connections at whatever point of their lives they are. */
static void test_connects_while_lists_change(void)
{
	enum { HOSTS = 4, RELOADS = 40 };
	const char *path = harness_write_file("");
	struct siege siege = begin(harness_text("-c %s -o max_per_address=0", path));
	attack(&siege,
	       &(struct attack){
		       .name = "connects while the lists change", .connections = 16, .hosts = HOSTS, .leaves = true});
	for (int i = 0; i < RELOADS; i++) {
		size_t before = kithd_log_count(siege.kithd, "deny: ", " is now ");
		FILE *file = fopen(path, "w");
		if (file == NULL)
			harness_fail("cannot write %s", path);
		if (i % 2 == 0)
			fprintf(file, "deny = [\"%s\", \"%s\", \"%s\"];\n", harness_host(1), harness_host(2),
				harness_host(3));
		else
			fprintf(file, "deny = [];\n");
		fclose(file);
		kithd_signal(siege.kithd, SIGHUP);
		AWAIT(kithd_log_count(siege.kithd, "deny: ", " is now ") > before);
	}
	end(&siege);
}

/* A connection is read to its end after a bye, but not for ever. */
static void test_flood_after_bye(void)
{
	enum { CONNECTIONS = 2, MOST_BYTES = 16 * 1024 * 1024 }; /* the kernel alone may take 10 MB */
	static char flood[1 << 16];
	memset(flood, 'x', sizeof flood);
	static const char bye[] = "{\"msgtype\":\"bye\",\"reason\":\"x\"}\n";
	memcpy(flood, bye, sizeof bye - 1);
	/* A fast machine has thousands come and go: the journal, which is bounded apart, would have most of the memory. */
	struct siege siege = begin("-o journal_events=16");
	attack(&siege, &(struct attack){.name = "a flood after bye",
					.connections = CONNECTIONS,
					.hosts = CONNECTIONS,
					.hello_keys = "",
					.text = flood,
					.text_bytes = sizeof flood,
					.bytes_at_once = sizeof flood,
					.never_reads = true});
	AWAIT(attacker_ended(siege.attacker) >= 2 * CONNECTIONS);
	uint64_t bytes = attacker_sent_bytes(siege.attacker) / attacker_ended(siege.attacker);
	printf("attack: %llu bytes of each\n", (unsigned long long)bytes);
	EXPECT(bytes < MOST_BYTES, "%llu bytes of each", (unsigned long long)bytes);
	expect_bounds(&siege, MAX_CONNECTIONS, MAX_CONNECTIONS, CONNECTIONS * LINE_KIB);
	end(&siege);
}

/* ---- clients of the control socket ---- */

enum { CLIENTS = 16, CLIENT_KIB = 256 };

static struct crowd *crowd;

static const char *control_path(void)
{
	return harness_text("%s/sock", harness_make_folder());
}

static struct siege begin_with_control(const char *path)
{
	return begin(harness_text("-o max_controls=40 -o control=%s", path));
}

/* Meanwhile the good peer is answered, and a newcomer is let in. */
static void beset(struct siege *siege, const char *name)
{
	int pings = count_of_pings();
	struct round_trips trips = ping_often(siege->good, pings);
	printf("attack: %s: %d pings, p50 %.2f ms, p99 %.2f ms, slowest %.2f ms\n", name, pings, trips.median_ms,
	       trips.p99_ms, trips.slowest_ms);
	struct raw *newcomer = raw_join_from(harness_host(NEWCOMER_HOST), siege->kithd, BOB, "");
	raw_ping(newcomer);
	raw_close(newcomer);
}

static void test_clients_that_never_read(void)
{
	static char requests[1 << 16];
	size_t bytes = repeat(requests, sizeof requests,
			      "{\"msgtype\":\"metrics\"}\n{\"msgtype\":\"settings\"}\n{\"msgtype\":\"peers\"}\n");
	const char *path = control_path();
	struct siege siege = begin_with_control(path);
	crowd = crowd_start(path, CLIENTS, requests, bytes, false);
	beset(&siege, "16 clients that never read");
	expect_bounds(&siege, CLIENTS + 4, CLIENTS + 2, CLIENTS * CLIENT_KIB);
	/* They keep their ends, and the node closes its own. */
	AWAIT_WITHIN(3 * HARNESS_PATIENCE_S, kithd_entries(siege.kithd, "fd") <= siege.descriptors);
	CU_ASSERT_EQUAL(asker_ask(asker_connect(path), "{'msgtype':'info'}"), 1);
}

static void test_clients_that_send_much(void)
{
	static char requests[1 << 16];
	size_t bytes = repeat(requests, sizeof requests,
			      "{\"msgtype\":\"info\"}\n{\"msgtype\":\"why\",\"about\":\"alice\"}\n{\"msgtype\":"
			      "\"peers\"}\n{\"msgtype\":\"nothing\"}\n{\"msgtype\":\"addresses\"}\n");
	const char *path = control_path();
	struct siege siege = begin_with_control(path);
	crowd = crowd_start(path, CLIENTS, requests, bytes, true);
	beset(&siege, "16 clients that send as fast as they can");
	/* An info counts descriptors, for which it opens two. */
	expect_bounds(&siege, CLIENTS + 4, 3 * CLIENTS + 2, CLIENTS * CLIENT_KIB);
	CU_ASSERT_EQUAL(asker_ask(asker_connect(path), "{'msgtype':'info'}"), 1);
	crowd_stop(crowd);
	crowd = NULL;
	AWAIT_WITHIN(3 * HARNESS_PATIENCE_S, kithd_entries(siege.kithd, "fd") <= siege.descriptors + 1);
}

/* Peers say hello, and bye at once; each is told to all watchers, twice. */
static void test_watchers(void)
{
	static const char watch[] = "{\"msgtype\":\"watch\",\"since\":0}\n",
			  bye[] = "{\"msgtype\":\"bye\",\"reason\":\"shutdown\"}\n";
	const char *path = control_path();
	struct siege siege = begin_with_control(path);
	crowd = crowd_start(path, CLIENTS, watch, sizeof watch - 1, true);
	attack(&siege, &(struct attack){.name = "16 watchers, and peers that come and go",
					.connections = 50,
					.hosts = 50,
					.hello_keys = "",
					.text = bye,
					.text_bytes = sizeof bye - 1,
					.bytes_at_once = sizeof bye - 1});
	AWAIT(attacker_ended(siege.attacker) >= 100);
	expect_bounds(&siege, MAX_CONNECTIONS, MAX_CONNECTIONS, MAX_CONNECTIONS * IDLE_KIB);
	crowd_stop(crowd);
	crowd = NULL;
	end(&siege);
}

static void clean_up(void)
{
	crowd_stop(crowd);
	crowd = NULL;
	attacker_stop_all();
	harness_end();
}

static CU_TestInfo tests[] = {
	{"2,000 silent connections", test_silent},
	{"2,000 silent connections where the settings allow them", test_silent_and_held},
	{"300 dripping hellos", test_dripping},
	{"200 peers that never read", test_never_reading},
	{"a flood of garbage", test_garbage},
	{"a flood of connects and disconnects", test_connects},
	{"connects while the lists change", test_connects_while_lists_change},
	{"a flood after bye", test_flood_after_bye},
	{"16 clients that send as fast as they can", test_clients_that_send_much},
	{"16 watchers, and peers that come and go", test_watchers},
	CU_TEST_INFO_NULL,
};

/* Most of their time these wait for the node to close the last connection. Each is a suite, so that they wait at once.
 */
static CU_TestInfo tests_of_addr[] = {
	{"a flood of addr", test_addr},
	CU_TEST_INFO_NULL,
};

static CU_TestInfo tests_of_getaddr[] = {
	{"a flood of getaddr", test_getaddr},
	CU_TEST_INFO_NULL,
};

static CU_TestInfo tests_of_unread[] = {
	{"16 clients of the control socket that never read", test_clients_that_never_read},
	CU_TEST_INFO_NULL,
};

#define SUITE(variable, name, its_tests)                                                                               \
	CU_SuiteInfo variable = {                                                                                      \
		.pName = (name), .pSetUpFunc = harness_begin, .pTearDownFunc = clean_up, .pTests = (its_tests)}

SUITE(suite_attack, "attack", tests);
SUITE(suite_attack_addr, "attack-addr", tests_of_addr);
SUITE(suite_attack_getaddr, "attack-getaddr", tests_of_getaddr);
SUITE(suite_attack_unread, "attack-unread", tests_of_unread);
