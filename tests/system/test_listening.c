#include <stdlib.h>

#include "kithd.h"
#include "raw.h"
#include "runner.h"
#include "suites.h"

static void test_secluded_node(void)
{
	static const char warning[] = "listens on 127.0.0.1 only, so other machines cannot dial this node: "
				      "write listen = [\"0.0.0.0:7000\", \"[::]:7000\"]";
	if (!harness_is_root("a node that other machines cannot dial is told what to write"))
		return;
	harness_isolate();
	struct kithd *kithd = kithd_start_at("127.0.0.1:7000", "-b 10.0.0.1");
	AWAIT(kithd_log_count(kithd, " warning ", warning) == 1);
	struct kithd *test = kithd_run("-t -l 127.0.0.1:7000 -b 10.0.0.1");
	CU_ASSERT_EQUAL(kithd_wait(test), 0);
	CU_ASSERT(strstr(kithd_log(test), warning) != NULL);
	CU_ASSERT_STRING_EQUAL(kithd_output(test), "no configuration file; the settings are good\n");
	kithd = kithd_start_at("127.0.0.1:7001", "-b 127.0.0.1:7000");
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "cannot dial this node", ""), 0);
}

static void test_listens_everywhere_with_a_secret(void)
{
	static const char secret[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
	if (!harness_is_root("a node with a secret listens on all addresses"))
		return;
	harness_isolate();
	struct kithd *kithd = kithd_run("-o secret_file=%s", harness_write_file(secret));
	AWAIT(kithd_log_count(kithd, "listening on 0.0.0.0:5999", "") == 1);
	AWAIT(kithd_log_count(kithd, "listening on [::]:5999", "") == 1);
}

static void test_late_address(void)
{
	if (!harness_is_root("an address that comes late is listened on, and told then"))
		return;
	harness_isolate();
	harness_ip("address add 10.0.0.1/32 dev lo");
	struct kithd *other = kithd_start_at("10.0.0.1:5999", "-o name=other");
	struct kithd *kithd = kithd_run("-l 127.0.0.1:5999 -l 10.0.0.9:5999 -b 10.0.0.1");
	AWAIT(kithd_log_count(kithd, " warning ", "cannot listen on 10.0.0.9:5999 yet: ") == 1);
	AWAIT(kithd_has_peer(other, kithd_nodeid(kithd)));
	CU_ASSERT(kithd_cell_is(other, kithd_nodeid(kithd), "LISTEN", "-"));
	harness_ip("address add 10.0.0.9/32 dev lo");
	AWAIT(kithd_log_count(kithd, " info ", "listening on 10.0.0.9:5999") == 1);
	raw_shake_hands(raw_connect_from("10.0.0.1", "10.0.0.9:5999", 0), ALICE, "");
	AWAIT(kithd_peers(kithd) == 2);
}

static void test_missing_address(void)
{
	static const char *const refused[] = {
		"-l 10.0.0.9:5999",
		"-l 10.0.0.9:5999 -b 10.0.0.1 -o listen_retry=false",
		"-l 10.0.0.9:5999 -l 127.0.0.1:5999 -o listen_retry=false",
	};
	if (!harness_is_root("a missing address ends the start where there is no other use of the node"))
		return;
	harness_isolate();
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct kithd *kithd = kithd_run("%s", refused[i]);
		EXPECT(kithd_wait(kithd) == 71, "%s", refused[i]);
		EXPECT(kithd_log_count(kithd, "cannot listen on 10.0.0.9:5999", "") == 1, "%s", refused[i]);
	}
	struct kithd *alone = kithd_run("-l 10.0.0.9:5999 -o listen_retry=true");
	struct kithd *dials = kithd_run("-l 10.0.0.9:6000 -b 10.0.0.1");
	AWAIT(kithd_log_count(alone, "cannot listen on 10.0.0.9:5999 yet", "") == 1);
	AWAIT(kithd_log_count(dials, "cannot listen on 10.0.0.9:6000 yet", "") == 1);
	harness_ip("address add 10.0.0.9/32 dev lo");
	AWAIT(kithd_log_count(alone, "listening on 10.0.0.9:5999", "") == 1);
	AWAIT(kithd_log_count(dials, "listening on 10.0.0.9:6000", "") == 1);
	/* A port that is in use is no address that comes later. */
	struct kithd *second = kithd_run("-l 10.0.0.9:5999 -l 127.0.0.1:5999");
	CU_ASSERT_EQUAL(kithd_wait(second), 71);
}

/* Somebody destroys the listening socket, as ss -K does. */
static void test_destroyed_socket(void)
{
	if (!harness_is_root("a listening socket that was destroyed is opened again"))
		return;
	harness_isolate();
	struct kithd *kithd = kithd_start_at("127.0.0.1:5999", "-o name=n");
	struct raw *peer = raw_join(kithd, ALICE, "");
	int status = system("ss -H -K state listening sport = :5999 >/dev/null 2>&1");
	if (!harness_can(status == 0, "a listening socket that was destroyed is opened again", "ss -K does not work"))
		return;
	AWAIT(kithd_log_count(kithd, "listening on 127.0.0.1:5999", "") == 2);
	CU_ASSERT_EQUAL(kithd_log_count(kithd, "cannot accept connections on 127.0.0.1:5999", ""), 1);
	raw_join(kithd, BOB, "");
	raw_ping(peer);
}

static CU_TestInfo tests[] = {
	{"a node that other machines cannot dial is told what to write", test_secluded_node},
	{"a node with a secret listens on all addresses", test_listens_everywhere_with_a_secret},
	{"an address that comes late is listened on, and told then", test_late_address},
	{"a missing address ends the start where there is no other use of the node", test_missing_address},
	{"a listening socket that was destroyed is opened again", test_destroyed_socket},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_listening = {
	.pName = "listening", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
