#include "kithd.h"
#include "raw.h"
#include "suites.h"

/* Where a raw connection from the usual host would listen if it did. */
static const char *usual_address(int port)
{
	return harness_text("%s:%d", harness_host(200), port);
}

static void tell(struct raw *raw, const char *address, const char *nodeid)
{
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[[\"%s\",\"%s\"]]}", address, nodeid);
}

static void ask(struct raw *raw)
{
	raw_send(raw, "{\"msgtype\":\"getaddr\"}");
	raw_expect(raw, "addr");
}

/* Waits for the announcement of an address, and returns how many others came before it and with it. */
static int others_until(struct raw *raw, const char *address)
{
	int others = 0;
	for (;;) {
		raw_expect(raw, "addr");
		others += raw_told_count(raw);
		if (raw_told(raw, address) != NULL)
			return others - 1;
	}
}

/* Where a peer says that it listens is told to nobody before a feeler has found it there. */
static void test_listen_key(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *listener = raw_listen(usual_address(7001));
	raw_join(kithd, ALICE, ",\"listen\":7001");
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "LISTEN", "-"));
	CU_ASSERT_EQUAL(raw_ask_anew(kithd), 0);
	raw_be_found(listener, ALICE);
	AWAIT(kithd_cell_is(kithd, ALICE, "LISTEN", usual_address(7001)));
	AWAIT(raw_ask_anew(kithd) == 1);
}

static void test_own_entry(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_join(kithd, ALICE, "");
	for (int port = 7001; port <= 7002; port++) {
		struct raw *listener = raw_listen(usual_address(port));
		tell(raw, usual_address(port), ALICE);
		raw_be_found(listener, ALICE);
		AWAIT(kithd_cell_is(kithd, ALICE, "LISTEN", usual_address(port)));
	}
}

static void test_bare_entry(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_join(kithd, ALICE, ""), *found = raw_listen(usual_address(7001));
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[\"%s\"]}", usual_address(7001));
	raw_be_found(found, ALICE);
	AWAIT(kithd_cell_is(kithd, ALICE, "LISTEN", usual_address(7001)));
	/* It is known now, so this one is about somebody else. */
	struct raw *listener = raw_listen(harness_address());
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[\"%s\"]}", raw_address(listener));
	raw_answer_hello(raw_accept(listener), BOB, "");
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "LISTEN", usual_address(7001)));
}

static void test_found_replaces_the_dialled(void)
{
	struct raw *listener = raw_listen(harness_text("%s:7001", harness_host(5)));
	struct raw *moved = raw_listen(harness_text("%s:7002", harness_host(5)));
	struct kithd *kithd = kithd_start("-b %s", raw_address(listener));
	struct raw *raw = raw_accept(listener);
	raw_answer_hello(raw, ALICE, "");
	AWAIT(kithd_cell_is(kithd, ALICE, "LISTEN", raw_address(listener)));
	tell(raw, raw_address(moved), ALICE);
	raw_ping(raw);
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "LISTEN", raw_address(listener)));
	raw_be_found(moved, ALICE);
	AWAIT(kithd_cell_is(kithd, ALICE, "LISTEN", raw_address(moved)));
}

static void test_random_port_is_never_told(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *alice = raw_join(kithd, ALICE, ""), *bob = raw_join(kithd, BOB, "");
	tell(alice, raw_address(alice), ALICE);
	raw_ping(alice);
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "LISTEN", "-"));
	ask(bob);
	CU_ASSERT_EQUAL(raw_told_count(bob), 0);
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "known"), "0");
}

static void test_getaddr(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *alice = raw_join_found(kithd, ALICE, 7001);
	struct raw *bob = raw_join_found(kithd, BOB, 7002);
	CU_ASSERT_EQUAL(others_until(alice, usual_address(7002)), 0);
	raw_join(kithd, CAROL, "");
	ask(bob);
	CU_ASSERT_STRING_EQUAL(raw_told(bob, usual_address(7001)), ALICE);
	CU_ASSERT_EQUAL(raw_told_count(bob), 1);
	raw_close(bob);
	AWAIT(kithd_peers(kithd) == 2);
	raw_ping(alice);
	/* What is told may be 10 ms old. */
	AWAIT(raw_ask_anew(kithd) == 1);
	ask(alice);
	CU_ASSERT_EQUAL(raw_told_count(alice), 0);
}

static void test_announcement(void)
{
	struct kithd *kithd = kithd_plain();
	/* A peer that joins while an announcement waits for its 10 ms gets it too. So each waits until Alice has it. */
	struct raw *alice = raw_join(kithd, ALICE, "");
	struct raw *bob = raw_join_found(kithd, BOB, 7002);
	CU_ASSERT_EQUAL(others_until(alice, usual_address(7002)), 0);
	CU_ASSERT_STRING_EQUAL(raw_told(alice, usual_address(7002)), BOB);
	struct raw *carol = raw_join_found(kithd, CAROL, 7003);
	/* Neither of them was told its own address, nor of the other once more. */
	CU_ASSERT_EQUAL(others_until(alice, usual_address(7003)), 0);
	CU_ASSERT_EQUAL(others_until(bob, usual_address(7003)), 0);
	raw_join_found(kithd, DAVE, 7004);
	CU_ASSERT_EQUAL(others_until(carol, usual_address(7004)), 0);
}

static void test_announced_once(void)
{
	/* It does not dial Bob by itself, however long he is away. */
	struct kithd *kithd = kithd_start("-o retry_min=600 -o retry_max=600");
	struct raw *alice = raw_join(kithd, ALICE, "");
	struct raw *bob = raw_join_found(kithd, BOB, 7002);
	CU_ASSERT_EQUAL(others_until(alice, usual_address(7002)), 0);
	for (int i = 0; i < 3; i++) {
		raw_close(bob);
		AWAIT(kithd_peers(kithd) == 1);
		bob = raw_join_found(kithd, BOB, 7002);
	}
	raw_join_found(kithd, CAROL, 7003);
	CU_ASSERT_EQUAL(others_until(alice, usual_address(7003)), 0);
}

static void test_announced_when_known(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *alice = raw_join(kithd, ALICE, ""), *bob = raw_join(kithd, BOB, "");
	struct raw *listener = raw_listen(usual_address(7002));
	tell(bob, usual_address(7002), BOB);
	raw_be_found(listener, BOB);
	CU_ASSERT_EQUAL(others_until(alice, usual_address(7002)), 0);
}

static void test_not_told_to_the_teller(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_plain();
	struct raw *alice = raw_join(kithd, ALICE, ""), *bob = raw_join(kithd, BOB, "");
	tell(alice, raw_address(listener), CAROL);
	raw_answer_hello(raw_accept(listener), CAROL, "");
	CU_ASSERT_EQUAL(others_until(bob, raw_address(listener)), 0);
	raw_join_found(kithd, DAVE, 7004);
	CU_ASSERT_EQUAL(others_until(alice, usual_address(7004)), 0);
}

static void test_told_address_is_dialled(void)
{
	struct raw *listener = raw_listen(harness_address()), *bare = raw_listen(harness_address());
	struct kithd *kithd = kithd_plain();
	struct raw *alice = raw_join(kithd, ALICE, "");
	raw_send(alice, "{\"msgtype\":\"addr\",\"peers\":[\"localhost:%s\",[\"%s\",\"%s\"],\"%s\"]}",
		 strrchr(raw_address(listener), ':') + 1, raw_address(listener), BOB, raw_address(bare));
	raw_answer_hello(raw_accept(listener), BOB, "");
	raw_answer_hello(raw_accept(bare), CAROL, "");
	AWAIT(kithd_peers(kithd) == 3);
}

/* What was found there counts, and not what nodeid somebody tells beside an address. */
static void test_held_is_not_dialled(void)
{
	struct raw *first = raw_listen(harness_address()), *second = raw_listen(harness_address());
	struct kithd *kithd = kithd_plain();
	struct raw *alice = raw_join_found(kithd, ALICE, 7001), *known = raw_listen(usual_address(7001));
	struct raw *bob = raw_join(kithd, BOB, "");
	raw_send(bob,
		 "{\"msgtype\":\"addr\",\"peers\":[[\"%s\",\"%s\"],[\"%s\",\"%s\"],[\"%s\",\"%s\"],\"%s\",\"%s\"]}",
		 usual_address(7001), ALICE, raw_address(first), ALICE, raw_address(first), kithd_nodeid(kithd),
		 kithd_address(kithd), raw_address(second));
	raw_answer_hello(raw_accept(second), CAROL, "");
	raw_answer_hello(raw_accept(first), DAVE, "");
	raw_ping(bob);
	raw_ping(alice);
	CU_ASSERT_FALSE(raw_is_dialled(known));
}

/* Alice, on one host, says that she listens on another; kithd goes to see who answers there. */
static struct raw *sends_a_feeler(struct kithd *kithd, struct raw *alice, struct raw *listener)
{
	tell(alice, raw_address(listener), ALICE);
	struct raw *feeler = raw_accept(listener);
	raw_expect_next(feeler, "hello");
	CU_ASSERT(raw_has(feeler, "feeler"));
	CU_ASSERT_STRING_EQUAL(raw_text(feeler, "nodeid"), kithd_nodeid(kithd));
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "LISTEN", "-"));
	return feeler;
}

static void test_other_host_is_proven(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_plain();
	struct raw *alice = raw_join(kithd, ALICE, ""), *bob = raw_join(kithd, BOB, "");
	struct raw *feeler = sends_a_feeler(kithd, alice, listener);
	ask(bob);
	CU_ASSERT_EQUAL(raw_told_count(bob), 0);
	raw_send_hello(feeler, ALICE, "");
	raw_expect_next(feeler, "bye");
	CU_ASSERT_STRING_EQUAL(raw_text(feeler, "reason"), "feeler");
	CU_ASSERT_PTR_NULL(raw_line(feeler));
	AWAIT(kithd_cell_is(kithd, ALICE, "LISTEN", raw_address(listener)));
	CU_ASSERT_EQUAL(others_until(bob, raw_address(listener)), 0);
	ask(bob);
	CU_ASSERT_STRING_EQUAL(raw_told(bob, raw_address(listener)), ALICE);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 2);
}

static void test_other_host_is_somebody_else(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_plain();
	struct raw *alice = raw_join(kithd, ALICE, ""), *bob = raw_join(kithd, BOB, "");
	struct raw *feeler = sends_a_feeler(kithd, alice, listener);
	raw_send_hello(feeler, CAROL, "");
	raw_expect_end(feeler);
	raw_ping(alice);
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "LISTEN", "-"));
	raw_join_found(kithd, DAVE, 7004);
	CU_ASSERT_EQUAL(others_until(bob, usual_address(7004)), 0);
}

static void test_other_host_is_nobody(void)
{
	const char *nowhere = harness_address();
	struct kithd *kithd = kithd_plain();
	struct raw *alice = raw_join(kithd, ALICE, ""), *bob = raw_join(kithd, BOB, "");
	tell(alice, nowhere, ALICE);
	raw_ping(alice);
	AWAIT(kithd_rows(kithd, "STATE", "DIAL") == 0);
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "LISTEN", "-"));
	raw_join_found(kithd, DAVE, 7004);
	CU_ASSERT_EQUAL(others_until(bob, usual_address(7004)), 0);
}

static void test_proven_between_nodes(void)
{
	/* A node whose connections come from another host than the one it announces. */
	struct kithd *kithd = kithd_plain();
	const char *everywhere = harness_text("0.0.0.0:%d", harness_wildcard_port());
	const char *advertised = harness_text("%s:%s", harness_host(9), strrchr(everywhere, ':') + 1);
	struct kithd *node = kithd_start_at(everywhere, "-o advertise=%s -b %s", advertised, kithd_address(kithd));
	AWAIT(kithd_cell_is(kithd, kithd_nodeid(node), "LISTEN", advertised));
	AWAIT(raw_ask_anew(kithd) == 1);
	struct raw *asker = raw_join(kithd, ALICE, "");
	ask(asker);
	CU_ASSERT_STRING_EQUAL(raw_told(asker, advertised), kithd_nodeid(node));
}

/* Two private hosts on this machine's own loopback interface, where nothing else hears them. */
static void test_scope_of_the_told(void)
{
	if (!harness_is_root("a loopback address is not told over a private connection"))
		return;
	harness_isolate();
	harness_ip("address add 10.9.8.1/24 dev lo");
	harness_ip("address add 10.9.8.2/24 dev lo");
	struct kithd *kithd = kithd_run("-l 0.0.0.0:6000");
	kithd_await_listening(kithd);
	struct raw *near_listener = raw_listen("127.0.0.2:7001"), *private_listener = raw_listen("10.9.8.2:7002");
	struct raw *near = raw_connect_from("127.0.0.2", "127.0.0.1:6000", 0);
	raw_shake_hands(near, ALICE, ",\"listen\":7001");
	raw_be_found(near_listener, ALICE);
	struct raw *private = raw_connect_from("10.9.8.2", "10.9.8.1:6000", 0);
	raw_shake_hands(private, BOB, ",\"listen\":7002");
	raw_be_found(private_listener, BOB);
	struct raw *other = raw_connect_from("10.9.8.2", "10.9.8.1:6000", 0);
	raw_shake_hands(other, CAROL, "");
	ask(other);
	CU_ASSERT_EQUAL(raw_told_count(other), 1);
	CU_ASSERT_STRING_EQUAL(raw_told(other, "10.9.8.2:7002"), BOB);
	CU_ASSERT_EQUAL(others_until(near, "10.9.8.2:7002"), 0);
}

static void test_scope_of_the_heard(void)
{
	if (!harness_is_root("a loopback address that comes over a private connection is not dialled"))
		return;
	harness_isolate();
	harness_ip("address add 10.9.8.1/24 dev lo");
	harness_ip("address add 10.9.8.2/24 dev lo");
	struct raw *loopback = raw_listen("127.0.0.3:7003"), *private = raw_listen("10.9.8.2:7004");
	struct kithd *kithd = kithd_run("-l 0.0.0.0:6000");
	kithd_await_listening(kithd);
	struct raw *raw = raw_connect_from("10.9.8.2", "10.9.8.1:6000", 0);
	raw_shake_hands(raw, ALICE, ",\"listen\":7001");
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[[\"127.0.0.3:7003\",\"%s\"],[\"10.9.8.2:7004\",\"%s\"]]}", BOB,
		 CAROL);
	raw_answer_hello(raw_accept(private), CAROL, "");
	raw_ping(raw);
	CU_ASSERT_FALSE(raw_is_dialled(loopback));
	struct raw *near = raw_connect_from("127.0.0.2", "127.0.0.1:6000", 0);
	raw_shake_hands(near, DAVE, "");
	tell(near, "127.0.0.3:7003", BOB);
	raw_answer_hello(raw_accept(loopback), BOB, "");
}

static CU_TestInfo tests[] = {
	{"a hello's listen says where the peer listens", test_listen_key},
	{"a peer's own entry says where it listens", test_own_entry},
	{"a single bare address says where a peer listens, unless that is known", test_bare_entry},
	{"where a peer was found replaces the address that was dialled", test_found_replaces_the_dialled},
	{"the random port of an incoming connection is never told", test_random_port_is_never_told},
	{"getaddr is answered by who is connected, without the asker", test_getaddr},
	{"a new peer is announced to the others and to nobody twice", test_announcement},
	{"a peer that comes and goes is announced once", test_announced_once},
	{"a peer is announced when it was found where it says that it listens", test_announced_when_known},
	{"a peer isn't announced to whoever told of it", test_not_told_to_the_teller},
	{"an address that a peer tells is dialled, a name isn't", test_told_address_is_dialled},
	{"an address where a peer was found isn't dialled, one that is said to be a peer's is",
	 test_held_is_not_dialled},
	{"an address on another host is told once a feeler finds the peer there", test_other_host_is_proven},
	{"an address on another host where somebody else answers isn't believed", test_other_host_is_somebody_else},
	{"an address on another host where nobody answers isn't believed", test_other_host_is_nobody},
	{"a node that advertises another host is found there by a node", test_proven_between_nodes},
	{"a loopback address is not told over a private connection", test_scope_of_the_told},
	{"a loopback address that comes over a private connection is not dialled", test_scope_of_the_heard},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_addresses = {
	.pName = "addresses", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
