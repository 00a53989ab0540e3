#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"

static void gets_to_the_letter(struct raw *raw, struct kithd *kithd, const char *nodeid)
{
	int port = (int)strtol(strrchr(kithd_address(kithd), ':') + 1, NULL, 10);
	raw_expect_line(
		raw,
		"{\"msgtype\":\"hello\",\"nodeid\":\"%s\",\"version\":1,\"network\":\"kith\",\"name\":\"alpha\","
		"\"agent\":\"kithd/" KITH_VERSION "\",\"listen\":%d}",
		nodeid, port);
}

static void gets_acquainted_to_the_letter(struct raw *raw, struct kithd *kithd, const char *nodeid)
{
	raw_expect_line(raw, "{\"msgtype\":\"addr\",\"peers\":[[\"%s\",\"%s\"]]}", kithd_address(kithd), nodeid);
	raw_expect_line(raw, "{\"msgtype\":\"getaddr\"}");
	raw_expect_next(raw, "ping");
	int64_t next_ms = raw_number(raw, "next_ms");
	if (next_ms < 1 || next_ms > 60000)
		harness_fail("the next ping comes after %lld ms", (long long)next_ms);
}

static void test_accepting(void)
{
	struct kithd *kithd = kithd_start("-o name=alpha");
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, "");
	gets_to_the_letter(raw, kithd, kithd_nodeid(kithd));
	gets_acquainted_to_the_letter(raw, kithd, kithd_nodeid(kithd));
	raw_send(raw, "{\"msgtype\":\"ping\"}");
	raw_expect_line(raw, "{\"msgtype\":\"pong\"}");
	raw_send(raw, "{\"msgtype\":\"getaddr\"}");
	raw_expect_line(raw, "{\"msgtype\":\"addr\",\"peers\":[]}");
}

static void test_dialling(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-o name=alpha -b %s", raw_address(listener));
	const char *nodeid = kithd_nodeid(kithd);
	struct raw *raw = raw_accept(listener);
	gets_to_the_letter(raw, kithd, nodeid);
	raw_send_hello(raw, ALICE, "");
	gets_acquainted_to_the_letter(raw, kithd, nodeid);
	AWAIT(kithd_cell_is(kithd, ALICE, "DIR", "out"));
	AWAIT(kithd_cell_is(kithd, ALICE, "LISTEN", raw_address(listener)));
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "ADDRESS", raw_address(listener)));
}

static void test_dials_from_its_address(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-b %s", raw_address(listener));
	struct raw *raw = raw_accept(listener);
	raw_answer_hello(raw, ALICE, "");
	struct sockaddr_in from = {0};
	socklen_t bytes = sizeof from;
	CU_ASSERT_FATAL(getpeername(raw_fd(raw), (struct sockaddr *)&from, &bytes) == 0);
	const char *host = kithd_address(kithd);
	CU_ASSERT_STRING_EQUAL(harness_text("%s:", inet_ntoa(from.sin_addr)),
			       harness_text("%.*s", (int)(strchr(host, ':') + 1 - host), host));
}

static void test_plainest_hello(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send(raw, "{\"msgtype\": \"hello\", \"nodeid\": \"%s\"}", ALICE);
	raw_expect_next(raw, "hello");
	AWAIT(kithd_has_peer(kithd, ALICE));
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "NAME", "-"));
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "LISTEN", "-"));
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "ADDRESS", raw_address(raw)));
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "DIR", "in"));
}

static void test_byte_by_byte(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_write_slowly(raw, "{\"msgtype\":\"hello\",\"nodeid\":\"" ALICE "\",\"name\":\"zwölf\"}\n");
	raw_expect_next(raw, "hello");
	raw_expect(raw, "ping");
	raw_write_slowly(raw, "{\"msgtype\":\"pong\"}\n{\"msgtype\":\"ping\"}\n{\"msgtype\":\"getaddr\"}\n");
	raw_expect_next(raw, "pong");
	raw_expect_next(raw, "addr");
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "NAME", "zwölf"));
}

static void test_joined_lines(void)
{
	enum { PINGS = 100 };
	static const char ping[] = "{\"msgtype\":\"ping\"}\n";
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	char lines[PINGS * sizeof ping + 200];
	char *end = lines + sprintf(lines, "{\"msgtype\":\"hello\",\"nodeid\":\"" ALICE "\"}\n");
	for (int i = 0; i < PINGS; i++)
		end = stpcpy(end, ping);
	raw_write(raw, lines, (size_t)(end - lines));
	raw_expect_next(raw, "hello");
	for (int i = 0; i < PINGS; i++)
		raw_expect(raw, "pong");
}

static void test_white_space(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	static const char lines[] = "\n\r\n   \n  {\"msgtype\":\"hello\",\"nodeid\":\"" ALICE "\"}  \r\n\r\n\t\n"
				    "\t{ \"msgtype\" : \"ping\" }\t\r\n";
	raw_write(raw, lines, sizeof lines - 1);
	raw_expect_next(raw, "hello");
	raw_expect(raw, "pong");
	raw_ping_next(raw);
}

static void test_half_close(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send(raw,
		 "{\"msgtype\":\"hello\",\"nodeid\":\"" ALICE "\"}\n{\"msgtype\":\"getaddr\"}\n{\"msgtype\":\"ping\"}");
	raw_close_writing(raw);
	raw_expect_next(raw, "hello");
	raw_expect(raw, "pong");
	raw_expect_end(raw);
	AWAIT(kithd_peers(kithd) == 0);
}

static void test_unknown_types_and_keys(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send(raw, "{\"msgtype\":\"greeting\",\"nodeid\":17}");
	raw_send(raw, "{\"colour\":[1,{\"a\":null}],\"msgtype\":\"hello\",\"nodeid\":\"" ALICE "\",\"Name\":5}");
	raw_expect_next(raw, "hello");
	raw_expect(raw, "ping");
	raw_send(raw, "{\"msgtype\":\"\"}");
	raw_send(raw, "{\"msgtype\":\"gossip\",\"peers\":\"none\",\"reason\":{}}");
	raw_send(raw, "{\"msgtype\":\"getaddr\",\"peers\":5,\"why\":null}");
	raw_expect_next(raw, "addr");
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[],\"nodeid\":0}");
	raw_ping_next(raw);
}

static void test_before_the_hello(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send(raw, "{\"msgtype\":\"ping\"}\n{\"msgtype\":\"pong\"}\n{\"msgtype\":\"getaddr\"}");
	raw_send(raw, "{\"msgtype\":\"addr\",\"peers\":[\"%s\"]}", harness_address());
	raw_send_hello(raw, ALICE, "");
	raw_expect_next(raw, "hello");
	raw_expect_next(raw, "addr");
	raw_expect_next(raw, "getaddr");
	raw_expect_next(raw, "ping");
	raw_ping_next(raw);
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "known"), "0");
}

static void test_upper_case(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_join_found(kithd, "A11CE000-0000-4000-8000-000000000001", 7000);
	CU_ASSERT(kithd_has_peer(kithd, ALICE));
	struct raw *other = raw_join(kithd, BOB, "");
	raw_send(other, "{\"msgtype\":\"getaddr\"}");
	raw_expect(other, "addr");
	CU_ASSERT_STRING_EQUAL(raw_told(other, harness_text("%s:7000", harness_host(200))), ALICE);
	raw_ping(raw);
}

static void test_another_version(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_join(kithd, ALICE, ",\"version\":99,\"agent\":\"other/2\"");
	raw_ping_next(raw);
	CU_ASSERT(kithd_has_peer(kithd, ALICE));
}

static void test_silence(void)
{
	struct kithd *kithd = kithd_start("-o handshake_timeout=0.2");
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_expect_end(raw);
	AWAIT(kithd_rows(kithd, "STATE", "HELLO") == 0);
}

static void test_silence_of_the_dialled(void)
{
	struct raw *listener = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-o handshake_timeout=0.2 -o retry_min=0.05 -b %s", raw_address(listener));
	struct raw *raw = raw_accept(listener);
	raw_expect_next(raw, "hello");
	raw_expect_end(raw);
	/* It tries again, and one of its dials is answered. */
	raw_accept_in_time(listener, ALICE);
	AWAIT(kithd_has_peer(kithd, ALICE));
}

static void test_bye(void)
{
	static const char *const reasons[] = {"shutdown", "full", "tired of you", ""};
	struct kithd *kithd = kithd_plain();
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		struct raw *raw = raw_join(kithd, ALICE, "");
		raw_send(raw, "{\"msgtype\":\"bye\",\"reason\":\"%s\"}", reasons[i]);
		raw_expect_end(raw);
		AWAIT(kithd_peers(kithd) == 0);
	}
	raw_ping_next(raw_join(kithd, ALICE, ""));
}

static void test_ipv6(void)
{
	struct kithd *kithd = kithd_run("-l [::1]:0");
	kithd_await_listening(kithd);
	struct kithd *other = kithd_run("-l [::1]:0 -b %s", kithd_address(kithd));
	kithd_await_listening(other);
	AWAIT(kithd_has_peer(kithd, kithd_nodeid(other)));
	AWAIT(kithd_cell_is(kithd, kithd_nodeid(other), "LISTEN", kithd_address(other)));
	AWAIT(kithd_cell_is(other, kithd_nodeid(kithd), "LISTEN", kithd_address(kithd)));
	raw_ping(raw_join(kithd, ALICE, ""));
}

static void test_several_listeners(void)
{
	const char *one = harness_address(), *two = harness_address();
	struct kithd *kithd = kithd_run("-l %s -l %s", one, two);
	AWAIT(kithd_log_count(kithd, "listening on", two) == 1);
	struct raw *raw = raw_connect(two);
	raw_send_hello(raw, ALICE, "");
	raw_expect_next(raw, "hello");
	CU_ASSERT_EQUAL(raw_number(raw, "listen"), strtol(strrchr(two, ':') + 1, NULL, 10));
	raw_expect_next(raw, "addr");
	CU_ASSERT_STRING_EQUAL(raw_told(raw, two), kithd_nodeid(kithd));
}

static void test_advertise(void)
{
	const char *advertised = harness_address();
	struct kithd *kithd = kithd_start("-o advertise=%s", advertised);
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, "");
	raw_expect_next(raw, "hello");
	raw_expect_next(raw, "addr");
	CU_ASSERT_STRING_EQUAL(raw_told(raw, advertised), kithd_nodeid(kithd));
	CU_ASSERT_EQUAL(raw_told_count(raw), 1);
}

static CU_TestInfo tests[] = {
	{"a hello is answered by hello, own address, getaddr and ping, to the letter", test_accepting},
	{"who is dialled gets the hello first, and the rest once it has answered", test_dialling},
	{"a node dials from the address that it listens on", test_dials_from_its_address},
	{"a hello with a nodeid alone makes a peer", test_plainest_hello},
	{"lines that come a byte at a time are understood", test_byte_by_byte},
	{"a hundred lines in one piece are all answered", test_joined_lines},
	{"CR, empty lines and spaces mean nothing", test_white_space},
	{"lines before the end of the input are answered, then comes the end", test_half_close},
	{"unknown types and unknown keys are ignored", test_unknown_types_and_keys},
	{"what comes before the hello is ignored", test_before_the_hello},
	{"a nodeid in upper case is the same in lower case", test_upper_case},
	{"another version is welcome", test_another_version},
	{"who connects and says nothing is let go", test_silence},
	{"who is dialled and says nothing is let go and dialled again", test_silence_of_the_dialled},
	{"after a bye, whatever its reason, the connection ends and the peer is gone", test_bye},
	{"IPv6 works", test_ipv6},
	{"a node announces the one of its addresses that it was reached by", test_several_listeners},
	{"a node announces the address that it is told to advertise", test_advertise},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_handshake = {
	.pName = "handshake", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
