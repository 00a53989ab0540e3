#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "asker.h"
#include "kithd.h"
#include "raw.h"
#include "secure.h"
#include "suites.h"

static struct raw *join_from(const char *host, struct kithd *kithd, int number)
{
	return raw_join_from(host, kithd, harness_text("%08x-0000-4000-8000-000000000000", number), "");
}

/* The far end has closed, and has said nothing before. */
static void expect_closed(struct raw *raw)
{
	const char *line = raw_line(raw);
	if (line != NULL)
		harness_fail("expected the end, and not %s", line);
}

/* The answer to a connection that is refused for a limit: where else to go, and why. */
static void expect_referral(struct raw *raw, const char *limit, const char *named)
{
	if (secure_is_on()) {
		expect_closed(raw);
		return;
	}
	raw_send_hello(raw, DAVE, "");
	raw_expect_next(raw, "addr");
	CU_ASSERT_EQUAL(raw_told(raw, named) != NULL, named != NULL);
	raw_expect_line(raw, "{\"msgtype\":\"bye\",\"reason\":\"full\",\"limit\":\"%s\"}", limit);
	raw_expect_end(raw);
}

/* What a connection from there comes to: true if a hello is answered. */
static bool is_let_in(const char *host, struct kithd *kithd)
{
	struct raw *raw = raw_connect_from(host, kithd_address(kithd), 0);
	raw_send_hello(raw, ALICE, ",\"feeler\":true");
	bool is_answered = raw_line(raw) != NULL;
	raw_close(raw);
	return is_answered;
}

/* ---- connections ---- */

static void test_max_connections(void)
{
	struct kithd *kithd = kithd_start("-o max_connections=4 -o max_inbound=1 -o max_outbound=1 -o max_dialing=1 "
					  "-o max_handshakes=1");
	struct raw *peer = raw_join(kithd, ALICE, "");
	struct raw *other = raw_connect(kithd_address(kithd));
	AWAIT(kithd_rows(kithd, "STATE", "HELLO") == 1);
	expect_referral(raw_connect(kithd_address(kithd)), "max_connections", NULL);
	AWAIT(kithd_log_count(kithd, "refused ", "all connections are in use (max_connections = ") == 1);
	raw_ping(peer);
	raw_close(other);
	AWAIT(is_let_in(NULL, kithd));
}

static void test_max_handshakes(void)
{
	enum { HANDSHAKES = 4 };
	struct kithd *kithd = kithd_start("-o max_handshakes=%d -o handshake_timeout=600", HANDSHAKES);
	const char *silent_host = harness_host(1), *quiet_host = harness_host(2);
	struct raw *quiet = raw_connect_from(quiet_host, kithd_address(kithd), 0), *silent[HANDSHAKES];
	for (int i = 0; i < HANDSHAKES; i++)
		silent[i] = raw_connect_from(silent_host, kithd_address(kithd), 0);
	/* Of the host that has most, the oldest has gone for the last. */
	expect_closed(silent[0]);
	/* A peer can come, and the next ones go for it. */
	join_from(harness_host(3), kithd, 3);
	raw_connect_from(harness_host(4), kithd_address(kithd), 0);
	struct raw *next = raw_connect_from(harness_host(5), kithd_address(kithd), 0);
	expect_closed(silent[1]);
	raw_shake_hands(quiet, ALICE, "");
	raw_shake_hands(next, BOB, "");
	CU_ASSERT_EQUAL(kithd_peers(kithd), 3);
}

static void test_bounds_of_an_address_and_a_group(void)
{
	if (!harness_is_root("max_per_address and max_per_group hold for strangers on public addresses"))
		return;
	harness_isolate();
	for (int i = 1; i <= 4; i++)
		harness_ip("address add 198.51.100.%d/32 dev lo", i);
	harness_ip("address add 203.0.113.1/32 dev lo");
	struct kithd *kithd = kithd_start_at("198.51.100.1:5999", "-o max_per_address=2 -o max_per_group=3 "
								  "-o handshake_timeout=600");
	struct raw *listener = raw_listen("198.51.100.2:6000");
	/* Peers count for no such limit. */
	for (int i = 0; i < 3; i++)
		raw_join_from("198.51.100.2", kithd, harness_text("%08x-0000-4000-8000-000000000000", i + 10),
			      i == 0 ? ",\"listen\":6000" : "");
	raw_be_found(listener, "0000000a-0000-4000-8000-000000000000");
	AWAIT(kithd_cell_is(kithd, "0000000a-0000-4000-8000-000000000000", "LISTEN", "198.51.100.2:6000"));
	struct raw *first = raw_connect_from("198.51.100.2", "198.51.100.1:5999", 0);
	raw_connect_from("198.51.100.2", "198.51.100.1:5999", 0);
	AWAIT(kithd_rows(kithd, "STATE", "HELLO") == 2);
	expect_referral(raw_connect_from("198.51.100.2", "198.51.100.1:5999", 0), "max_per_address",
			"198.51.100.2:6000");
	AWAIT(kithd_log_count(kithd, "198.51.100.2",
			      "2 handshakes from its host already (max_per_address = 2); raise it if") == 1);
	raw_connect_from("198.51.100.3", "198.51.100.1:5999", 0);
	AWAIT(kithd_rows(kithd, "STATE", "HELLO") == 3);
	expect_referral(raw_connect_from("198.51.100.4", "198.51.100.1:5999", 0), "max_per_group", "198.51.100.2:6000");
	AWAIT(kithd_log_count(kithd, "198.51.100.4",
			      "3 handshakes from 198.51.100.0/24 already (max_per_group = 3); raise it if") == 1);
	CU_ASSERT(is_let_in("203.0.113.1", kithd));
	raw_close(first);
	AWAIT(is_let_in("198.51.100.4", kithd));
}

/* One that is refused says so, and goes where it is sent. */
static void test_who_is_refused_goes_elsewhere(void)
{
	if (!harness_is_root("a node that is refused goes where it is sent") || secure_is_on())
		return;
	harness_isolate();
	for (int i = 1; i <= 3; i++)
		harness_ip("address add 198.51.100.%d/32 dev lo", i);
	struct kithd *full = kithd_start_at("198.51.100.1:5999", "-o max_per_group=1 -o handshake_timeout=600");
	struct kithd *other = kithd_start_at("198.51.100.2:5999", "-b 198.51.100.1:5999");
	AWAIT(kithd_cell_is(full, kithd_nodeid(other), "LISTEN", "198.51.100.2:5999"));
	/* The answer is up to a moment old: it is asked until the other peer is in it. */
	AWAIT(raw_ask_anew(full) == 1);
	raw_connect_from("198.51.100.2", "198.51.100.1:5999", 0);
	AWAIT(kithd_rows(full, "STATE", "HELLO") == 1);
	struct kithd *late = kithd_start_at("198.51.100.3:5999", "-b 198.51.100.1:5999");
	AWAIT(kithd_log_count(late, "198.51.100.1:5999",
			      " is full for this network (max_per_group there) and named 1 other node") == 1);
	AWAIT(kithd_has_peer(late, kithd_nodeid(other)));
}

static void test_a_private_network_has_no_such_bounds(void)
{
	enum { CONNECTIONS = 4 };
	if (!harness_is_root("max_per_address and max_per_group leave private addresses alone"))
		return;
	harness_isolate();
	harness_ip("address add 10.0.0.1/32 dev lo");
	struct kithd *kithd = kithd_start_at("10.0.0.1:5999", "-o max_per_address=1 -o max_per_group=1");
	for (int i = 0; i < CONNECTIONS; i++)
		raw_connect_from("10.0.0.1", "10.0.0.1:5999", 0);
	AWAIT(kithd_rows(kithd, "STATE", "HELLO") == CONNECTIONS);
}

/* More refused connections than are answered, and none of them costs a descriptor for long. */
static void test_flood_of_refused_connections(void)
{
	enum { CONNECTIONS = 1000 };
	if (!harness_is_root("a flood of refused connections leaves nothing behind"))
		return;
	harness_isolate();
	harness_ip("address add 198.51.100.1/32 dev lo");
	struct kithd *kithd = kithd_start_at("198.51.100.1:5999", "-o max_per_address=1 -o handshake_timeout=600");
	struct raw *stays = raw_connect_from("198.51.100.1", "198.51.100.1:5999", 0);
	AWAIT(kithd_rows(kithd, "STATE", "HELLO") == 1);
	int before = kithd_entries(kithd, "fd");
	for (int i = 0; i < CONNECTIONS; i++)
		raw_close(raw_connect_from("198.51.100.1", "198.51.100.1:5999", 0));
	AWAIT(kithd_entries(kithd, "fd") == before);
	raw_shake_hands(stays, ALICE, "");
}

static void test_loopback_has_no_bound_of_an_address(void)
{
	struct kithd *kithd = kithd_start("-o max_per_address=1 -o max_per_group=1");
	for (int i = 1; i <= 4; i++)
		join_from(harness_host(7), kithd, i);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 4);
}

/* ---- a full node ---- */

static void test_full_node_makes_room(void)
{
	enum { PEERS = 16 };
	struct kithd *kithd = kithd_start("-o max_inbound=%d", PEERS);
	struct raw *peers[PEERS];
	for (int i = 0; i < PEERS; i++)
		peers[i] = join_from(harness_host(1 + i), kithd, i + 1);
	join_from(harness_host(120), kithd, 100);
	AWAIT(kithd_log_count(kithd, "is disconnected: it made room for another peer", "") == 1);
	AWAIT(kithd_peers(kithd) == PEERS);
	/* The quarter that came first is still there. */
	for (int i = 0; i < PEERS / 4; i++)
		raw_ping(peers[i]);
	int evicted = 0;
	for (int i = PEERS / 4; i < PEERS; i++)
		evicted += !kithd_has_peer(kithd, harness_text("%08x-0000-4000-8000-000000000000", i + 1));
	CU_ASSERT_EQUAL(evicted, 1);
	for (int i = PEERS / 4; i < PEERS; i++)
		if (!kithd_has_peer(kithd, harness_text("%08x-0000-4000-8000-000000000000", i + 1)))
			raw_expect_bye(peers[i], "full");
}

/* ---- time ---- */

static void test_a_dripped_hello_is_in_vain(void)
{
	static const char hello[] = "{\"msgtype\":\"hello\",\"nodeid\":\"" ALICE "\"";
	struct kithd *kithd = kithd_start("-o handshake_timeout=0.5");
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_write(raw, hello, sizeof hello - 1);
	/* What ends it is the time since it connected, however much comes. */
	AWAIT((raw_write(raw, " ", 1), kithd_rows(kithd, "NODEID", "-") == 0));
	raw_expect_bye(raw, "timeout");
}

/* A client of a node, for settings that are to hold once peers have joined. */
static struct kithd *start(struct asker **asker)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	struct kithd *kithd = kithd_start("-o control=%s", path);
	*asker = asker_connect(path);
	return kithd;
}

static void test_a_line_must_end(void)
{
	struct asker *asker;
	struct kithd *kithd = start(&asker);
	struct raw *raw = raw_join(kithd, ALICE, ""), *other = raw_join(kithd, BOB, "");
	asker_set(asker, "handshake_timeout", 0.5);
	AWAIT((raw_write(raw, "{", 1), !kithd_has_peer(kithd, ALICE)));
	raw_expect_bye(raw, "timeout");
	AWAIT(kithd_log_count(kithd, "a11ce000",
			      ") failed: a line of it took longer than handshake_timeout; was up ") == 1);
	/* A line that ends in time is fine, and so is a pause between two lines. */
	asker_set(asker, "handshake_timeout", 10);
	raw_write(other, "{\"msgtype\":", 11);
	raw_write(other, "\"ping\"}\n", 8);
	raw_expect(other, "pong");
	CU_ASSERT(kithd_has_peer(kithd, BOB));
}

static void test_a_pause_between_lines_is_none_within(void)
{
	struct asker *asker;
	struct kithd *kithd = start(&asker);
	struct raw *raw = raw_join(kithd, ALICE, "");
	asker_set(asker, "handshake_timeout", 0.2);
	/* Two joins later as much time has passed as a line may take, and more. */
	struct raw *silent = raw_connect(kithd_address(kithd));
	raw_expect_bye(silent, "timeout");
	raw_ping(raw);
	raw_write(raw, "\n \n", 3);
	silent = raw_connect(kithd_address(kithd));
	raw_expect_bye(silent, "timeout");
	raw_ping(raw);
}

static void test_a_write_without_progress(void)
{
	enum { PINGS = 1000 };
	size_t at = 0;
	/* The pongs answer pings of kithd that the test does not read. */
	static const char lines[] = "{\"msgtype\":\"ping\"}\n{\"msgtype\":\"pong\"}\n";
	const char *path = harness_text("%s/sock", harness_make_folder());
	struct kithd *kithd =
		kithd_start("-o max_message_rate=0 -o max_byte_rate=0 -o max_outbox=0 -o control=%s " RARE_PINGS, path);
	struct raw *peer = raw_join(kithd, BOB, "");
	struct raw *raw = raw_connect_from(harness_host(3), kithd_address(kithd), 1024);
	raw_shake_hands(raw, ALICE, "");
	raw_ping_next(peer);
	raw_ping_next(raw);
	asker_set(asker_connect(path), "ping_timeout", 1);
	for (int i = 0; kithd_has_peer(kithd, ALICE) && i < 1000; i++)
		for (int j = 0; j < PINGS; j++) {
			ssize_t written = raw_try_write(raw, lines + at, sizeof lines - 1 - at);
			if (written < 0)
				break;
			at = (at + (size_t)written) % (sizeof lines - 1);
		}
	AWAIT(!kithd_has_peer(kithd, ALICE));
	AWAIT(kithd_log_count(kithd, "a11ce000", ") failed: it does not read what this node sends; was up ") == 1);
	raw_ping(peer);
}

/* ---- volume ---- */

static void send_pings(struct raw *raw, int count)
{
	for (int i = 0; i < count; i++)
		raw_send(raw, "{\"msgtype\":\"ping\"}");
}

static void expect_pongs(struct raw *raw, int count)
{
	for (int i = 0; i < count; i++)
		raw_expect(raw, "pong");
}

static void test_a_rate_of_messages_delays(void)
{
	enum { RATE = 100, BURST = 10 * RATE, MORE = 150 };
	struct kithd *kithd = kithd_start("-o max_message_rate=%d", RATE);
	int64_t start_us = clock_now_us();
	struct raw *raw = raw_join(kithd, ALICE, ""), *other = raw_join(kithd, BOB, "");
	send_pings(raw, BURST + MORE);
	raw_ping(other);
	expect_pongs(raw, BURST);
	expect_pongs(raw, MORE);
	/* What was read at once beyond the burst is paid for before the next is read. */
	send_pings(raw, RATE);
	expect_pongs(raw, RATE);
	double seconds = (double)(clock_now_us() - start_us) / 1e6;
	if (seconds < (double)MORE / RATE)
		harness_fail("%d messages in %.2f s", BURST + MORE + RATE, seconds);
	CU_ASSERT(kithd_has_peer(kithd, ALICE));
}

static void test_a_rate_of_bytes_delays(void)
{
	enum { RATE = 20000, LINE_BYTES = 100000 };
	static char spaces[LINE_BYTES];
	struct kithd *kithd = kithd_start("-o max_byte_rate=%d", RATE);
	int64_t start_us = clock_now_us();
	struct raw *raw = raw_join(kithd, ALICE, "");
	memset(spaces, ' ', sizeof spaces);
	spaces[LINE_BYTES - 1] = '\n';
	raw_write(raw, spaces, sizeof spaces);
	/* The first may have come with the last of the spaces. */
	raw_ping(raw);
	raw_ping(raw);
	double seconds = (double)(clock_now_us() - start_us) / 1e6;
	if (seconds < (double)LINE_BYTES / RATE - 4)
		harness_fail("%d bytes in %.2f s", LINE_BYTES, seconds);
}

/* The answer to a ping waits behind so much that the time-out is long over when it is read. Does the peer stay? */
static bool stays_while_delayed(void)
{
	enum { RATE = 20, BURST = 10 * RATE };
	struct kithd *kithd = kithd_start(
		"-o max_message_rate=%d -o ping_interval=0.3 -o ping_timeout=0.5 -o handshake_timeout=0.5", RATE);
	struct raw *raw = raw_join(kithd, ALICE, "");
	send_pings(raw, BURST + 2 * RATE);
	for (int pings = 0, pongs = 0; pings < 3 || pongs < BURST + 2 * RATE;) {
		const char *line = raw_line(raw);
		if (line == NULL)
			return false;
		if (strstr(line, "\"ping\"") != NULL) {
			raw_send(raw, "{\"msgtype\":\"pong\"}");
			pings++;
		} else {
			pongs += strstr(line, "\"pong\"") != NULL;
		}
	}
	return true;
}

/* Once in a few times at least this process answers each ping in time. */
static void test_a_delay_is_no_silence(void)
{
	enum { TIMES = 3 };
	bool stays = false;
	for (int i = 0; i < TIMES && !stays; i++)
		stays = stays_while_delayed();
	CU_ASSERT(stays);
}

static void test_the_end_of_a_delayed_peer_is_known_at_once(void)
{
	struct kithd *kithd = kithd_start("-o max_message_rate=1");
	struct raw *raw = raw_join(kithd, ALICE, "");
	/* At this rate they would take a quarter of an hour. */
	send_pings(raw, 1000);
	AWAIT(kithd_cell_number(kithd, ALICE, "MSGS_IN") > 10);
	CU_ASSERT(kithd_has_peer(kithd, ALICE));
	raw_close_writing(raw);
	AWAIT(!kithd_has_peer(kithd, ALICE));
}

static void test_a_stop_waits_for_no_delayed_peer(void)
{
	struct kithd *kithd = kithd_start("-o max_message_rate=1");
	struct raw *raw = raw_join(kithd, ALICE, "");
	send_pings(raw, 1000);
	AWAIT(kithd_cell_number(kithd, ALICE, "MSGS_IN") > 10);
	kithd_stop(kithd, SIGTERM);
}

/* ---- bans ---- */

static void err(const char *host, struct kithd *kithd)
{
	struct raw *raw = raw_connect_from(host, kithd_address(kithd), 0);
	raw_send(raw, "nonsense");
	raw_expect_bye(raw, "protocol");
	raw_close(raw);
}

static void test_ban(void)
{
	struct kithd *kithd = kithd_start("-o ban_after=3 -o ban_time=1");
	const char *host = harness_host(9);
	struct raw *peer = join_from(host, kithd, 1);
	for (int i = 0; i < 3; i++)
		err(host, kithd);
	AWAIT(kithd_log_count(kithd, host, "is banned for 1 s with its whole host: 3 protocol errors within an hour") ==
	      1);
	expect_closed(raw_connect_from(host, kithd_address(kithd), 0));
	AWAIT(kithd_log_count(kithd, harness_text("refused %s", host), "and is banned for 1 s") == 1);
	/* Neither who is connected from there nor others have anything to do with it. */
	raw_ping(peer);
	CU_ASSERT(is_let_in(harness_host(10), kithd));
	AWAIT(is_let_in(host, kithd));
}

static void test_the_operator_is_not_banned(void)
{
	struct kithd *kithd = kithd_start("-o ban_after=2");
	for (int i = 0; i < 4; i++)
		err("127.0.0.1", kithd);
	CU_ASSERT(is_let_in("127.0.0.1", kithd));
}

/* ---- the lists ---- */

static void test_deny_and_allow(void)
{
	struct kithd *kithd =
		kithd_start("-o deny=%s -o allow=%s,%s", harness_host(11), harness_host(11), harness_host(12));
	expect_closed(raw_connect_from(harness_host(11), kithd_address(kithd), 0));
	expect_closed(raw_connect_from(harness_host(13), kithd_address(kithd), 0));
	CU_ASSERT(is_let_in(harness_host(12), kithd));
	AWAIT(kithd_log_count(kithd, harness_text("refused %s", harness_host(11)), "allow and deny exclude it") == 1);
}

static void test_a_denied_address_is_not_dialled(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-b %s -o deny=127.0.0.0/8", raw_address(listener));
	AWAIT(kithd_log_count(kithd, raw_address(listener), "is not dialled: allow and deny exclude it") == 1);
	CU_ASSERT_FALSE(raw_is_dialled(listener));
}

static void test_a_reload_closes_who_is_denied(void)
{
	const char *file = harness_write_file("");
	struct kithd *kithd = kithd_start("-c %s", file);
	struct raw *denied = join_from(harness_host(14), kithd, 1), *other = join_from(harness_host(15), kithd, 2);
	FILE *opened = fopen(file, "w");
	fprintf(opened, "deny = [\"%s\"];\n", harness_host(14));
	fclose(opened);
	kithd_signal(kithd, SIGHUP);
	raw_expect_end(denied);
	AWAIT(kithd_log_count(kithd, "00000001", "is disconnected: allow and deny exclude it; was up ") == 1);
	raw_ping(other);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 1);
}

static CU_TestInfo tests[] = {
	{"beyond max_connections nobody comes in", test_max_connections},
	{"silent connections lock nobody out", test_max_handshakes},
	{"max_per_address and max_per_group hold for strangers on public addresses",
	 test_bounds_of_an_address_and_a_group},
	{"max_per_address and max_per_group leave private addresses alone", test_a_private_network_has_no_such_bounds},
	{"a node that is refused goes where it is sent", test_who_is_refused_goes_elsewhere},
	{"a flood of refused connections leaves nothing behind", test_flood_of_refused_connections},
	{"loopback addresses have no bound", test_loopback_has_no_bound_of_an_address},
	{"a full node makes room for a newcomer", test_full_node_makes_room},
	{"a dripped hello is in vain", test_a_dripped_hello_is_in_vain},
	{"a line that has begun must end", test_a_line_must_end},
	{"a pause between two lines is none within one", test_a_pause_between_lines_is_none_within},
	{"a write without progress ends the connection", test_a_write_without_progress},
	{"more messages than the rate are read later", test_a_rate_of_messages_delays},
	{"more bytes than the rate are read later", test_a_rate_of_bytes_delays},
	{"a peer that is read later is not silent", test_a_delay_is_no_silence},
	{"the end of a peer that is read later is known at once", test_the_end_of_a_delayed_peer_is_known_at_once},
	{"a stop waits for no peer that is read later", test_a_stop_waits_for_no_delayed_peer},
	{"an address that errs again and again is banned for a while", test_ban},
	{"127.0.0.1 is never banned", test_the_operator_is_not_banned},
	{"allow and deny decide who comes in", test_deny_and_allow},
	{"an address that deny has is not dialled", test_a_denied_address_is_not_dialled},
	{"a reload closes who is denied", test_a_reload_closes_who_is_denied},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_bounds = {
	.pName = "bounds", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
