#include "asker.h"
#include "kithd.h"
#include "raw.h"
#include "suites.h"

/* Fast enough to try again and again within a test. */
#define EAGER "-o retry_min=0.05 -o retry_max=0.05"

/* Refuses so many dials that each other address has had its turn. */
static void turn_away(struct raw *listener, int times)
{
	while (times-- > 0)
		raw_close(raw_accept(listener));
}

static void test_own_nodeid_comes_in(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, kithd_nodeid(kithd), ",\"listen\":7000");
	raw_expect_bye(raw, "self");
	CU_ASSERT_EQUAL(kithd_peers(kithd), 0);
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "known"), "0");
}

/* What answers as this node itself, but is not the other end of its own dial, may be somebody on the path. */
static void expect_another_try(struct kithd *kithd, struct raw *mirror)
{
	for (int i = 0; i < 3; i++) {
		struct raw *raw = raw_accept(mirror);
		raw_expect_next(raw, "hello");
		raw_send(raw, "{\"msgtype\":\"bye\",\"reason\":\"self\"}");
		raw_expect_end(raw);
	}
	raw_answer_hello(raw_accept(mirror), ALICE, "");
	AWAIT(kithd_has_peer(kithd, ALICE));
	CU_ASSERT_EQUAL(kithd_log_count(kithd, " warning ", "is another node with the same nodeid as this one"), 1);
}

static void test_own_nodeid_answers(void)
{
	struct raw *mirror = raw_listen(harness_address());
	struct kithd *kithd = kithd_start(EAGER " -b %s", raw_address(mirror));
	struct raw *raw = raw_accept(mirror);
	raw_expect_next(raw, "hello");
	raw_send_hello(raw, kithd_nodeid(kithd), "");
	raw_expect_end(raw);
	expect_another_try(kithd, mirror);
}

static void test_bye_self_answers(void)
{
	struct raw *mirror = raw_listen(harness_address());
	expect_another_try(kithd_start(EAGER " -b %s", raw_address(mirror)), mirror);
}

static void test_bootstrap_is_itself(void)
{
	const char *address = harness_address();
	struct raw *other = raw_listen(harness_address());
	struct kithd *kithd =
		kithd_start_at(address, EAGER " -o log_level=debug -b %s -b %s", address, raw_address(other));
	turn_away(other, 8);
	CU_ASSERT(kithd_log_count(kithd, "was sent", address) <= 1);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 0);
}

static void test_wildcard_reaches_itself(const char *wildcard, const char *loopback)
{
	struct raw *other = raw_listen(harness_address());
	const char *bootstrap = harness_text("%s:%d", loopback, harness_wildcard_port());
	const char *address = harness_text("%s:%s", wildcard, strrchr(bootstrap, ':') + 1);
	struct kithd *kithd = kithd_start_at(address, EAGER " -b %s -b %s", bootstrap, raw_address(other));
	turn_away(other, 8);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 0);
	CU_ASSERT(kithd_log_count(kithd, bootstrap, "self") <= 1);
	CU_ASSERT_EQUAL(kithd_log_lines(kithd, " warning "), 0);
	/* A dial of itself would have shown as a connection that failed: one is enough to know. */
	CU_ASSERT(kithd_log_count(kithd, bootstrap, "") <= 2);
	CU_ASSERT_EQUAL(kithd_rows(kithd, "DIR", "in"), 0);
}

static void test_wildcards_reach_themselves(void)
{
	test_wildcard_reaches_itself("0.0.0.0", harness_host(7));
	test_wildcard_reaches_itself("[::]", "[::1]");
}

static void test_both_wildcards(void)
{
	int port = harness_wildcard_port();
	struct kithd *kithd = kithd_run("-l 0.0.0.0:%d -l [::]:%d", port, port);
	AWAIT(kithd_log_count(kithd, "listening on", harness_text("0.0.0.0:%d", port)) == 1);
	AWAIT(kithd_log_count(kithd, "listening on", harness_text("[::]:%d", port)) == 1);
	struct raw *raw = raw_connect(harness_text("%s:%d", harness_host(3), port));
	raw_send_hello(raw, ALICE, "");
	raw_expect(raw, "addr");
	CU_ASSERT_PTR_NOT_NULL(raw_told(raw, harness_text("%s:%d", harness_host(3), port)));
	raw = raw_connect(harness_text("[::1]:%d", port));
	raw_send_hello(raw, BOB, "");
	raw_expect(raw, "addr");
	CU_ASSERT_PTR_NOT_NULL(raw_told(raw, harness_text("[::1]:%d", port)));
}

static void test_other_network(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, ",\"network\":\"kin\"");
	raw_expect_bye(raw, "network");
	raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, ",\"network\":\"\"");
	raw_expect_bye(raw, "network");
	CU_ASSERT_EQUAL(kithd_peers(kithd), 0);
	raw_ping_next(raw_join(kithd, ALICE, ",\"network\":\"kith\""));
}

static void test_own_network(void)
{
	struct kithd *kithd = kithd_start("-o network=kin");
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, "");
	raw_expect_bye(raw, "network");
	raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, ",\"network\":\"kith\"");
	raw_expect_bye(raw, "network");
	raw = raw_join(kithd, ALICE, ",\"network\":\"kin\"");
	raw_ping_next(raw);
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "network"), "kin");
}

static void test_two_networks(void)
{
	struct kithd *kith = kithd_plain();
	struct kithd *kin = kithd_start("-o network=kin " EAGER " -b %s", kithd_address(kith));
	AWAIT(kithd_log_count(kin, "network", "") > 0);
	struct kithd *third = kithd_start("-b %s", kithd_address(kith));
	AWAIT(kithd_has_peer(kith, kithd_nodeid(third)));
	CU_ASSERT_EQUAL(kithd_peers(kith), 1);
	CU_ASSERT_EQUAL(kithd_peers(kin), 0);
}

static void test_full(void)
{
	struct kithd *kithd = kithd_start("-o max_inbound=2");
	struct raw *one = raw_join_found(kithd, ALICE, 7001);
	struct raw *two = raw_join(kithd, BOB, "");
	/* Their own pongs have been read by then: near peers are not evicted. */
	raw_ping(one);
	raw_ping(two);
	struct raw *three = raw_connect(kithd_address(kithd));
	raw_send_hello(three, CAROL, "");
	raw_expect_next(three, "addr");
	CU_ASSERT_STRING_EQUAL(raw_told(three, harness_text("%s:7001", harness_host(200))), ALICE);
	raw_expect_bye(three, "full");
	raw_ping(two);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 2);
	raw_close(one);
	AWAIT(kithd_peers(kithd) == 1);
	raw_ping_next(raw_join(kithd, CAROL, ""));
}

static void test_full_says_where_else(void)
{
	struct raw *full = raw_listen(harness_address()), *other = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-b %s", raw_address(full));
	struct raw *raw = raw_accept(full);
	raw_expect_next(raw, "hello");
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[[\"%s\",\"%s\"]]}", raw_address(other), BOB);
	raw_send(raw, "{\"msgtype\":\"bye\",\"reason\":\"full\"}");
	raw_expect_end(raw);
	raw_answer_hello(raw_accept(other), BOB, "");
	AWAIT(kithd_has_peer(kithd, BOB));
}

static void test_full_node_is_left_for_another(void)
{
	struct kithd *full = kithd_start("-o max_inbound=1");
	struct kithd *inside = kithd_start("-b %s", kithd_address(full));
	AWAIT(kithd_cell_is(full, kithd_nodeid(inside), "LISTEN", kithd_address(inside)));
	struct kithd *late = kithd_start("-b %s", kithd_address(full));
	AWAIT(kithd_has_peer(late, kithd_nodeid(inside)));
}

static void test_max_outbound(void)
{
	struct raw *one = raw_listen(harness_address()), *two = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-o max_outbound=1 " EAGER " -b %s", raw_address(one));
	struct raw *raw = raw_accept(one);
	raw_answer_hello(raw, ALICE, "");
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[\"%s\",\"%s\"]}", raw_address(two), harness_address());
	raw_ping_next(raw);
	AWAIT(strcmp(kithd_header(kithd, "outbound"), "1") == 0);
	AWAIT(strcmp(kithd_header(kithd, "known"), "3") == 0);
	raw_ping_next(raw);
	CU_ASSERT_FALSE(raw_is_dialled(two));
	raw_close(one);
	raw_close(raw);
	raw_answer_hello(raw_accept(two), BOB, "");
	AWAIT(kithd_has_peer(kithd, BOB));
}

static void test_old_connection_stays(void)
{
	struct kithd *kithd = kithd_start(RARE_PINGS);
	struct raw *old = raw_join(kithd, SMALLEST, "");
	raw_ping_next(old);
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, SMALLEST, "");
	raw_expect_bye(raw, "duplicate");
	raw_expect_next(old, "ping");
	raw_send(old, "{\"msgtype\":\"pong\"}");
	raw_ping_next(old);
	CU_ASSERT(kithd_has_peer(kithd, SMALLEST));
}

static void test_same_end_dials_twice(void)
{
	static const char *const nodeids[] = {SMALLEST, GREATEST};
	struct kithd *kithd = kithd_start(RARE_PINGS);
	for (int i = 0; i < 2; i++) {
		struct raw *first = raw_join(kithd, nodeids[i], "");
		/* Its own pong has come, so that no ping is outstanding. */
		raw_ping_next(first);
		struct raw *second = raw_connect(kithd_address(kithd));
		raw_send_hello(second, nodeids[i], "");
		raw_expect_bye(second, "duplicate");
		raw_expect_next(first, "ping");
		CU_ASSERT(kithd_cell_is(kithd, nodeids[i], "ADDRESS", raw_address(first)));
	}
}

static void test_no_second_ping(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *old = raw_connect(kithd_address(kithd));
	raw_send_hello(old, ALICE, "");
	raw_expect(old, "ping");
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, "");
	raw_expect_bye(raw, "duplicate");
	raw_ping_next(old);
}

static void test_dead_old_connection_is_found_out(void)
{
	const char *path = harness_text("%s/sock", harness_make_folder());
	struct kithd *kithd = kithd_start("-o control=%s", path);
	struct asker *asker = asker_connect(path);
	struct raw *dead = raw_join(kithd, ALICE, "");
	raw_ping_next(dead);
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, "");
	raw_expect_bye(raw, "duplicate");
	asker_set(asker, "ping_timeout", 0.3);
	raw_expect_bye(dead, "timeout");
	asker_set(asker, "ping_timeout", 20);
	AWAIT(kithd_peers(kithd) == 0);
	raw_ping_next(raw_join(kithd, ALICE, ""));
}

static const char *host_of(const struct raw *raw)
{
	const char *address = raw_address(raw);
	return harness_text("%.*s", (int)(strrchr(address, ':') - address), address);
}

/* The other node, which has answered no ping, and dials kithd itself from the host where kithd has dialled it. */
static struct raw *dial_back(struct kithd *kithd, const struct raw *listener, const char *nodeid)
{
	struct raw *raw = raw_connect_from(host_of(listener), kithd_address(kithd), 0);
	raw_send_hello(raw, nodeid, "");
	return raw;
}

/* kithd's dial was answered; then the other node's own dial arrives. */
static struct raw *dialled_and_dials(struct kithd **kithd, struct raw **incoming, const char *nodeid)
{
	struct raw *listener = raw_listen(harness_address());
	*kithd = kithd_start("-b %s", raw_address(listener));
	struct raw *outgoing = raw_accept(listener);
	raw_expect_next(outgoing, "hello");
	raw_send_hello(outgoing, nodeid, "");
	raw_expect(outgoing, "ping");
	*incoming = dial_back(*kithd, listener, nodeid);
	return outgoing;
}

/* The other node has dialled kithd; then kithd's own dial is answered. */
static struct raw *dials_and_is_dialled(struct kithd **kithd, struct raw **incoming, const char *nodeid)
{
	struct raw *listener = raw_listen(harness_address());
	*kithd = kithd_start("-b %s", raw_address(listener));
	struct raw *outgoing = raw_accept(listener);
	raw_expect_next(outgoing, "hello");
	*incoming = dial_back(*kithd, listener, nodeid);
	raw_expect(*incoming, "ping");
	raw_send_hello(outgoing, nodeid, "");
	return outgoing;
}

static void expect_one_peer(struct kithd *kithd, const char *nodeid, const char *direction)
{
	AWAIT(kithd_has_peer(kithd, nodeid));
	CU_ASSERT_STRING_EQUAL(kithd_cell(kithd, nodeid, "DIR"), direction);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 1);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "is ready after", ""), 1);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "left", ""), 0);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "failed", ""), 0);
}

static void test_smaller_dials_second(void)
{
	struct kithd *kithd;
	struct raw *incoming;
	struct raw *outgoing = dialled_and_dials(&kithd, &incoming, SMALLEST);
	raw_expect_bye(incoming, "duplicate");
	raw_send(outgoing, "{\"msgtype\":\"pong\"}");
	raw_ping(outgoing);
	expect_one_peer(kithd, SMALLEST, "out");
}

static void test_smaller_was_dialled_second(void)
{
	struct kithd *kithd;
	struct raw *incoming;
	struct raw *outgoing = dials_and_is_dialled(&kithd, &incoming, SMALLEST);
	raw_expect_bye(outgoing, "duplicate");
	raw_send(incoming, "{\"msgtype\":\"pong\"}");
	raw_ping(incoming);
	expect_one_peer(kithd, SMALLEST, "in");
}

static void test_greater_dials_second(void)
{
	struct kithd *kithd;
	struct raw *incoming;
	struct raw *outgoing = dialled_and_dials(&kithd, &incoming, GREATEST);
	raw_expect_bye(incoming, "duplicate");
	raw_send(outgoing, "{\"msgtype\":\"pong\"}");
	raw_ping(outgoing);
	expect_one_peer(kithd, GREATEST, "out");
}

static void test_greater_was_dialled_second(void)
{
	struct kithd *kithd;
	struct raw *incoming;
	struct raw *outgoing = dials_and_is_dialled(&kithd, &incoming, GREATEST);
	raw_expect_bye(incoming, "duplicate");
	raw_expect(outgoing, "ping");
	raw_send(outgoing, "{\"msgtype\":\"pong\"}");
	raw_ping(outgoing);
	expect_one_peer(kithd, GREATEST, "out");
}

/* The far end has lost the first connection, and kithd has not noticed. In how many seconds has it the second? */
static double lose_the_first(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_start(RARE_PINGS " -b %s", raw_address(listener));
	struct raw *dial = raw_accept(listener);
	raw_expect_next(dial, "hello");
	struct raw *old = raw_join(kithd, SMALLEST, "");
	raw_ping_next(old);
	int64_t since_us = clock_now_us();
	raw_send_hello(dial, SMALLEST, "");
	raw_expect_bye(dial, "duplicate");
	/* What the kernel of a host that has started again answers. */
	raw_expect_next(old, "ping");
	raw_close(old);
	raw_answer_hello(raw_accept(listener), SMALLEST, "");
	AWAIT(kithd_cell_is(kithd, SMALLEST, "DIR", "out"));
	return (double)(clock_now_us() - since_us) / 1e6;
}

/* Once in a few times, whatever else this machine has to do. */
static void test_far_end_lost_the_first(void)
{
	enum { TIMES = 3 };
	double most_s = 2 * harness_slowness(), took_s = most_s + 1;
	for (int i = 0; i < TIMES && took_s > most_s; i++)
		took_s = lose_the_first();
	CU_ASSERT(took_s <= most_s);
}

static void test_duplicate_without_another(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-o handshake_timeout=0.3 " EAGER " -b %s", raw_address(listener));
	struct raw *raw = raw_accept_in_time(listener, ALICE);
	raw_send(raw, "{\"msgtype\":\"bye\",\"reason\":\"duplicate\"}");
	raw_expect_end(raw);
	raw_accept_in_time(listener, ALICE);
	AWAIT(kithd_has_peer(kithd, ALICE));
}

static void test_another_nodeid_than_told(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_plain();
	struct raw *teller = raw_join(kithd, ALICE, "");
	raw_send(teller, "{\"msgtype\":\"addr\",\"peers\":[[\"%s\",\"%s\"]]}", raw_address(listener), BOB);
	raw_answer_hello(raw_accept(listener), CAROL, "");
	AWAIT(kithd_cell_is(kithd, CAROL, "LISTEN", raw_address(listener)));
}

static void test_feeler(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, ",\"feeler\":true,\"listen\":7000");
	raw_expect_next(raw, "hello");
	struct raw *peer = raw_join(kithd, BOB, "");
	raw_send(peer, "{\"msgtype\":\"getaddr\"}");
	raw_expect(peer, "addr");
	CU_ASSERT_EQUAL(raw_told_count(peer), 0);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 1);
	CU_ASSERT_FALSE(kithd_has_peer(kithd, ALICE));
	raw_send(raw, "{\"msgtype\":\"bye\",\"reason\":\"feeler\"}");
	CU_ASSERT_PTR_NULL(raw_line(raw));
}

/* Was it in time to say hello? */
static bool is_greeted(struct raw *raw)
{
	raw_send_hello(raw, ALICE, ",\"feeler\":true");
	const char *line = raw_line(raw);
	return line != NULL && strstr(line, "\"hello\"") != NULL;
}

static void test_feeler_stays_too_long(void)
{
	struct kithd *kithd = kithd_start("-o handshake_timeout=0.3");
	struct raw *raw;
	AWAIT(is_greeted(raw = raw_connect(kithd_address(kithd))));
	const char *line = raw_line(raw);
	CU_ASSERT(line == NULL || strstr(line, "\"bye\"") != NULL);
	raw_expect_end(raw);
	AWAIT(kithd_rows(kithd, "STATE", "HELLO") == 0);
}

static void test_feeler_false(void)
{
	struct kithd *kithd = kithd_plain();
	raw_ping_next(raw_join(kithd, ALICE, ",\"feeler\":false"));
	CU_ASSERT(kithd_has_peer(kithd, ALICE));
}

static CU_TestInfo tests[] = {
	{"a hello with the node's own nodeid gets bye self, and nothing is remembered", test_own_nodeid_comes_in},
	{"who answers with the node's own nodeid is dialled again", test_own_nodeid_answers},
	{"who answers bye self is dialled again", test_bye_self_answers},
	{"a node whose bootstrap is itself doesn't go on dialling it", test_bootstrap_is_itself},
	{"a node that listens everywhere finds out which bootstrap is itself", test_wildcards_reach_themselves},
	{"IPv4 and IPv6 wildcards stand side by side", test_both_wildcards},
	{"who is of another network gets bye network", test_other_network},
	{"outside the default network a hello without one is turned away", test_own_network},
	{"nodes of two networks stay apart", test_two_networks},
	{"a full node says who else is there, and bye full", test_full},
	{"who is turned away by a full node dials whom that one told", test_full_says_where_else},
	{"a node that finds its bootstrap full joins through another", test_full_node_is_left_for_another},
	{"with max_outbound peers dialled no more are, until one leaves", test_max_outbound},
	{"nobody displaces a connection by claiming its nodeid, and it is pinged", test_old_connection_stays},
	{"a second connection from the same end gets bye duplicate", test_same_end_dials_twice},
	{"a duplicate causes no second ping while one is outstanding", test_no_second_ping},
	{"a host that comes back gets in once its dead connection is found out", test_dead_old_connection_is_found_out},
	{"of two dials at once the first stays for the greater nodeid, if it has dialled first",
	 test_smaller_dials_second},
	{"of two dials at once the first stays for the greater nodeid, if it was dialled first",
	 test_smaller_was_dialled_second},
	{"of two dials at once the smaller nodeid's own stays, if it came first", test_greater_dials_second},
	{"of two dials at once the smaller nodeid's own stays, if it was answered second",
	 test_greater_was_dialled_second},
	{"a dial to a node that has lost the first connection is soon repeated", test_far_end_lost_the_first},
	{"who said duplicate and has no other connection is dialled again", test_duplicate_without_another},
	{"another nodeid than the one that was told is welcome", test_another_nodeid_than_told},
	{"a feeler gets a hello and nothing else", test_feeler},
	{"a feeler that doesn't leave is let go", test_feeler_stays_too_long},
	{"a feeler key that is false changes nothing", test_feeler_false},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_identity = {
	.pName = "identity", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
