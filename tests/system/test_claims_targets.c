/*
 * What peers tell of others makes a node dial and pass on within bounds: for each host that it is told of, for each
 * purpose of a feeler, and for each host that has some of its outbound places.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"

/* What is sent to 10.98/16 disappears, and is counted. */
static void dig_black_hole(void)
{
	harness_isolate();
	harness_ip("link add hole type veth peer name bottom");
	/* No packets but those that are sent there. */
	harness_ip("link set hole addrgenmode none");
	harness_ip("link set bottom addrgenmode none");
	harness_ip("link set hole up");
	harness_ip("link set bottom up");
	harness_ip("address add 10.99.0.1/24 dev hole");
	harness_ip("neigh add 10.99.0.2 lladdr 02:00:00:00:00:01 dev hole nud permanent");
	harness_ip("route add 10.98.0.0/16 via 10.99.0.2");
}

/* How many segments of TCP were sent again in this namespace. */
static long retransmissions(void)
{
	long again;
	const char *names = strstr(harness_read_file("/proc/self/net/snmp"), "\nTcp:"),
		   *line = names == NULL ? NULL : strstr(names + 1, "\nTcp:");
	if (line == NULL || sscanf(line, " Tcp: %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld", &again) != 1)
		harness_fail("no count of retransmissions");
	return again;
}

/* SYNs are sent again if the machine stands still for so long that a dial is not given up in time. */
static long packets_sent(void)
{
	long sent, again = retransmissions();
	const char *line = strstr(harness_read_file("/proc/self/net/dev"), "hole:");
	if (line == NULL || sscanf(line, "hole: %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld", &sent) != 1)
		harness_fail("no count of packets");
	return sent - again;
}

static const char *nodeid_number(int number)
{
	return harness_text("%08x-0000-4000-8000-000000000000", number + 16);
}

/* As many addresses of one host as a message that is passed on may have. */
static void tell_ports(struct raw *raw, const char *host, int first)
{
	const char *entries = "";
	for (int i = first; i < first + 10; i++)
		entries = harness_text("%s%s\"%s:%d\"", entries, i == first ? "" : ",", host, i);
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[%s]}", entries);
}

/*
 * Five nodes are told 200 ports of a host where nothing answers. Each dial is given up before its SYN is repeated. Once
 * more than one for each node has come, somebody has waited for retry_max.
 */
static void test_reflector(void)
{
	enum { NODES = 5, PORTS = 200 };
	static const char options[] = "-o connect_timeout=0.2 -o retry_min=0.1 -o retry_max=2";
	struct kithd *nodes[NODES];
	if (!harness_is_root("a third party gets few dials from all nodes together"))
		return;
	dig_black_hole();
	for (int i = 0; i < NODES; i++)
		nodes[i] =
			i == 0 ? kithd_start("%s", options) : kithd_start("%s -b %s", options, kithd_address(nodes[0]));
	for (int i = 0; i < NODES; i++)
		AWAIT(kithd_peers(nodes[i]) == NODES - 1);
	struct raw *teller = raw_join(nodes[0], ALICE, ""), *honest = raw_listen(harness_address());
	int64_t begun_us = clock_now_us();
	for (int i = 0; i < PORTS; i += 10)
		tell_ports(teller, "10.98.7.7", 20000 + i);
	/* An address where somebody is does not wait for these. */
	raw_send(teller, "{\"msgtype\":\"addr\",\"peers\":[[\"%s\",\"" BOB "\"]]}", raw_address(honest));
	raw_answer_hello(raw_accept(honest), BOB, "");
	CU_ASSERT(packets_sent() <= NODES);
	AWAIT(packets_sent() > NODES);
	CU_ASSERT(clock_now_us() - begun_us >= 2 * 1000 * 1000);
}

/* What a node passes on of such a host, and of others. */
static void test_passed_on(void)
{
	enum { HONEST = 20, MOST = 8 };
	struct kithd *kithd = kithd_start("-o retry_min=0.05");
	struct raw *teller = raw_join(kithd, ALICE, ""), *listener = raw_join(kithd, BOB, "");
	const char *victim = harness_host(100);
	for (int i = 0; i < 100; i += 10)
		tell_ports(teller, victim, 20000 + i);
	for (int i = 1; i <= HONEST; i++)
		raw_send(teller, "{\"msgtype\":\"addr\",\"peers\":[[\"127.%d.0.1:9\",\"%s\"]]}", i, nodeid_number(i));
	int of_victim = 0, of_others = 0;
	while (of_others < HONEST) {
		raw_expect(listener, "addr");
		for (int i = 0; i < 100; i++)
			of_victim += raw_told(listener, harness_text("%s:%d", victim, 20000 + i)) != NULL;
		for (int i = 1; i <= HONEST; i++)
			of_others += raw_told(listener, harness_text("127.%d.0.1:9", i)) != NULL;
	}
	CU_ASSERT(of_victim > 0 && of_victim <= MOST);
}

/* How often in a row the address has failed, as the second table shows it; 0 if it isn't there. */
static int failures_of(struct kithd *kithd, const char *address)
{
	const char *line = strstr(kithd_table(kithd), harness_text("\n%s ", address));
	int failures;
	return line != NULL && sscanf(line, " %*s %*s %*s %*s %*s %d", &failures) == 1 ? failures : 0;
}

/* Many peers claim to listen where nothing answers. A node that was lost is found again meanwhile. */
static void test_dark_claims(void)
{
	enum { CLAIMS = 24, LOST = 3 };
	if (!harness_is_root("claims of dark addresses leave feelers for lost nodes"))
		return;
	dig_black_hole();
	const char *address = harness_address();
	struct kithd *other = kithd_plain();
	struct kithd *lost = kithd_start_at(address, "-o max_outbound=0 -o nodeid=%s", DAVE);
	struct kithd *kithd = kithd_start("-o max_outbound=1 -o retry_min=0.1 -o retry_max=0.2 -o connect_timeout=60");
	struct raw *teller = raw_join(kithd, ALICE, "");
	raw_send(teller, "{\"msgtype\":\"addr\",\"peers\":[[\"%s\",\"" DAVE "\"]]}", address);
	AWAIT(kithd_has_peer(kithd, DAVE));
	kithd_signal(lost, SIGKILL);
	kithd_wait(lost);
	raw_send(teller, "{\"msgtype\":\"addr\",\"peers\":[[\"%s\",\"%s\"]]}", kithd_address(other),
		 kithd_nodeid(other));
	AWAIT(kithd_has_peer(kithd, kithd_nodeid(other)));
	/* From then on it gets a place when it is back. */
	AWAIT(failures_of(kithd, address) >= LOST);
	for (int i = 0; i < CLAIMS; i++) {
		struct raw *raw = raw_join_from(harness_host(20 + i % 8), kithd, nodeid_number(i), "");
		raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[[\"10.98.%d.1:5999\",\"%s\"]]}", i, nodeid_number(i));
	}
	AWAIT(kithd_rows(kithd, "STATE", "DIAL") >= 2);
	kithd_start_at(address, "-o max_outbound=0 -o nodeid=%s", DAVE);
	/* None of the dark dials has ended. */
	AWAIT(kithd_has_peer(kithd, DAVE));
	CU_ASSERT(kithd_rows(kithd, "STATE", "DIAL") >= 2);
}

/* A host listens on many ports. It has all places while it is alone, and one when there are others. */
static void test_many_ports(void)
{
	enum { PORTS = 12, PLACES = 4 };
	struct kithd *honest[PLACES - 1];
	if (!harness_is_root("a public host has one of the outbound places"))
		return;
	harness_isolate();
	harness_ip("address add 46.0.0.1/32 dev lo");
	harness_ip("address add 44.1.1.1/32 dev lo");
	for (int i = 0; i < PORTS; i++)
		kithd_await_listening(kithd_run("-l 44.1.1.1:%d -o max_outbound=0", 6000 + i));
	struct kithd *kithd = kithd_start_at("46.0.0.1:5999", "-o max_outbound=%d -o retry_min=0.1", PLACES);
	struct raw *teller = raw_connect_from("44.1.1.1", "46.0.0.1:5999", 0);
	raw_shake_hands(teller, ALICE, "");
	tell_ports(teller, "44.1.1.1", 6000);
	AWAIT(kithd_rows(kithd, "DIR", "out") == PLACES);
	for (int i = 0; i < PLACES - 1; i++) {
		harness_ip("address add 45.%d.1.1/32 dev lo", i);
		honest[i] = kithd_start_at(harness_text("45.%d.1.1:5999", i), "-o max_outbound=0");
		raw_send(teller, "{\"msgtype\":\"addr\",\"peers\":[[\"45.%d.1.1:5999\",\"%s\"]]}", i,
			 kithd_nodeid(honest[i]));
	}
	for (int i = 0; i < PLACES - 1; i++)
		AWAIT(kithd_has_peer(kithd, kithd_nodeid(honest[i])));
	AWAIT(kithd_rows(kithd, "DIR", "out") == PLACES);
	for (int i = 0; i < PLACES - 1; i++)
		CU_ASSERT(kithd_has_peer(kithd, kithd_nodeid(honest[i])));
}

static CU_TestInfo tests[] = {
	{"a third party gets few dials from all nodes together", test_reflector},
	{"of a third party few addresses are passed on", test_passed_on},
	{"claims of dark addresses leave feelers for lost nodes", test_dark_claims},
	{"a public host has one of the outbound places", test_many_ports},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_claims_targets = {
	.pName = "claims-targets", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
