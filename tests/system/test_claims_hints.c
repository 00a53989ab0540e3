/*
 * What peers say of addresses is a hint: a nodeid beside an address, and the port at which a peer says that it listens.
 * Whatever they say, it changes what a node does to others only in its order.
 */
#include <string.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"

/* Addresses are dialled again soon, so that the tests are quick. */
#define QUICK "-o retry_min=0.05"

static void tell(struct raw *raw, const char *address, const char *nodeid)
{
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[[\"%s\",\"%s\"]]}", address, nodeid);
}

static bool is_told(struct raw *raw, const char *address)
{
	raw_send(raw, "{\"msgtype\":\"getaddr\"}");
	raw_expect(raw, "addr");
	return raw_told(raw, address) != NULL;
}

/* The column of the second table for this address; "" if it isn't there. */
static const char *address_cell(struct kithd *kithd, const char *address, int column)
{
	const char *line = strstr(kithd_table(kithd), harness_text("\n%s ", address));
	static char word[128];
	char format[64];
	word[0] = '\0';
	if (line == NULL)
		return word;
	snprintf(format, sizeof format, "%s%%127s", column == 1 ? "%*s " : "%*s %*s ");
	return sscanf(line, format, word) == 1 ? word : "";
}

/* A liar is connected as X, and X is told beside the addresses of honest nodes. */
static void test_poisoned_nodeid(void)
{
	enum { HONEST = 10 };
	struct raw *honest[HONEST], *control = raw_listen(harness_address());
	struct kithd *kithd = kithd_start(QUICK);
	raw_join(kithd, ALICE, "");
	struct raw *teller = raw_join(kithd, BOB, "");
	for (int i = 0; i < HONEST; i++) {
		honest[i] = raw_listen(harness_address());
		tell(teller, raw_address(honest[i]), ALICE);
	}
	tell(teller, raw_address(control), CAROL);
	raw_answer_hello(raw_accept(control), CAROL, "");
	for (int i = 0; i < HONEST; i++)
		raw_answer_hello(raw_accept(honest[i]), harness_text("%08x-0000-4000-8000-000000000000", i + 10), "");
	AWAIT(kithd_peers(kithd) == 3 + HONEST);
}

/* An honest teller is enough: the address need not wait for its turn among those of the liar. */
static void test_tellers_disagree(void)
{
	struct raw *honest = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-o retry_min=3600 -o retry_max=3600");
	raw_join(kithd, ALICE, "");
	struct raw *liar = raw_join(kithd, BOB, ""), *teller = raw_join(kithd, CAROL, "");
	tell(liar, raw_address(honest), ALICE);
	raw_ping(liar);
	CU_ASSERT_FALSE(raw_is_dialled(honest));
	tell(teller, raw_address(honest), DAVE);
	raw_answer_hello(raw_accept(honest), DAVE, "");
	AWAIT(kithd_has_peer(kithd, DAVE));
}

/* Two nodes are behind one address: the port of the first is not the second's because that says so. */
static void test_behind_one_address(void)
{
	const char *shared = harness_host(5);
	struct raw *first = raw_listen(harness_text("%s:7001", shared));
	struct kithd *kithd = kithd_start(QUICK " -b %s", raw_address(first));
	struct raw *alice = raw_accept(first);
	raw_answer_hello(alice, ALICE, "");
	AWAIT(kithd_cell_is(kithd, ALICE, "LISTEN", raw_address(first)));
	struct raw *bob = raw_join_from(shared, kithd, BOB, ",\"listen\":7001"), *carol = raw_join(kithd, CAROL, "");
	CU_ASSERT_STRING_EQUAL(address_cell(kithd, raw_address(first), 1), ALICE);
	raw_be_found(first, ALICE);
	raw_ping(bob);
	CU_ASSERT(kithd_cell_is(kithd, BOB, "LISTEN", "-"));
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "LISTEN", raw_address(first)));
	raw_send(carol, "{\"msgtype\":\"getaddr\"}");
	raw_expect(carol, "addr");
	CU_ASSERT_STRING_EQUAL(raw_told(carol, raw_address(first)), ALICE);
	/* The address is not dialled when the second one leaves, but when the first one does. */
	raw_close(bob);
	AWAIT(!kithd_has_peer(kithd, BOB));
	raw_ping(alice);
	CU_ASSERT_FALSE(raw_is_dialled(first));
	raw_close(alice);
	raw_answer_hello(raw_accept(first), ALICE, "");
}

/* A host comes and goes, with another port each time; then an honest newcomer is heard of. */
static void test_false_ports(void)
{
	enum { TIMES = 100 };
	struct kithd *kithd = kithd_start(QUICK);
	struct raw *watcher = raw_join(kithd, ALICE, "");
	for (int i = 0; i < TIMES; i++) {
		struct raw *raw = raw_connect_from(harness_host(6), kithd_address(kithd), 0);
		raw_shake_hands(raw, harness_text("%08x-0000-4000-8000-000000000000", i + 10),
				harness_text(",\"listen\":%d", 20000 + i));
		raw_close(raw);
	}
	AWAIT(kithd_peers(kithd) == 1);
	CU_ASSERT_PTR_NULL(strstr(kithd_table(kithd), " tried "));
	const char *honest = harness_text("%s:7004", harness_host(200));
	raw_join_found(kithd, DAVE, 7004);
	/* It is the first that the watcher is told of. */
	raw_expect(watcher, "addr");
	CU_ASSERT_EQUAL(raw_told_count(watcher), 1);
	CU_ASSERT_STRING_EQUAL(raw_told(watcher, honest), DAVE);
	AWAIT(is_told(raw_join(kithd, harness_text("%08x-0000-4000-8000-000000000000", 9), ""), honest));
	CU_ASSERT_EQUAL(raw_told_count(watcher), 1);
	CU_ASSERT_STRING_EQUAL(address_cell(kithd, honest, 2), "tried");
}

/* No port is forwarded to it: it is a peer like others, and its address is told to nobody. */
static void test_no_way_in(void)
{
	struct kithd *kithd = kithd_start(QUICK);
	struct raw *alice = raw_join_from(harness_host(7), kithd, ALICE, ",\"listen\":7001");
	struct raw *bob = raw_join(kithd, BOB, "");
	const char *claimed = harness_text("%s:7001", harness_host(7));
	AWAIT(kithd_rows(kithd, "STATE", "DIAL") == 0 && kithd_rows(kithd, "STATE", "HELLO") == 0);
	CU_ASSERT_FALSE(is_told(bob, claimed));
	CU_ASSERT_STRING_NOT_EQUAL(address_cell(kithd, claimed, 2), "tried");
	raw_ping(alice);
	CU_ASSERT_EQUAL(kithd_peers(kithd), 2);
}

static CU_TestInfo tests[] = {
	{"a nodeid that is told beside honest addresses hides none of them", test_poisoned_nodeid},
	{"where tellers disagree about a nodeid the address is dialled at once", test_tellers_disagree},
	{"who is behind the address of another peer does not take over its port", test_behind_one_address},
	{"who comes and goes with other ports is believed none, and a newcomer is heard of", test_false_ports},
	{"a peer without a way in is a peer, and nobody is sent there", test_no_way_in},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_claims_hints = {
	.pName = "claims-hints", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
