#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kithd.h"
#include "raw.h"
#include "suites.h"

static void test_empty(void)
{
	struct kithd *kithd = kithd_start("-o name=alpha");
	const char *table = kithd_table(kithd);
	char node[64], rest[256];
	double uptime_s;
	int length = 0;
	CU_ASSERT_EQUAL_FATAL(sscanf(table, "# kithd " KITH_VERSION " node %36s name alpha network kith uptime_s %lf%n",
				     node, &uptime_s, &length),
			      2);
	CU_ASSERT(strlen(node) == 36 && uptime_s >= 0 && uptime_s < 60 * harness_slowness());
	snprintf(rest, sizeof rest, "%.*s", (int)strcspn(table + length, "\n"), table + length);
	CU_ASSERT_STRING_EQUAL(rest, " peers 0 outbound 0 inbound 0 known 0 late 0");
	const char *columns = strchr(table, '\n') + 1;
	CU_ASSERT_PTR_NOT_NULL(strchr(columns, '\n'));
	CU_ASSERT_STRING_EQUAL(strchr(columns, '\n'),
			       "\n# addresses\nADDRESS  NODEID  KIND  HEARD_S  TRIED_S  FAILURES  LAST_ERROR\n# end\n");
}

static void test_columns(void)
{
	static const char *const columns[] = {"NODEID",	  "NAME",     "ADDRESS",   "LISTEN", "DIR",
					      "STATE",	  "RTT_MS",   "HEARD_S",   "UP_S",   "MSGS_IN",
					      "MSGS_OUT", "BYTES_IN", "BYTES_OUT", "AGENT",  "LATE_S"};
	const char *table = kithd_table(kithd_plain());
	char line[512], *rest = NULL;
	size_t count = 0;
	snprintf(line, sizeof line, "%.*s", (int)strcspn(strchr(table, '\n') + 1, "\n"), strchr(table, '\n') + 1);
	for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest), count++)
		if (count < sizeof columns / sizeof *columns)
			CU_ASSERT_STRING_EQUAL(word, columns[count]);
	CU_ASSERT_EQUAL(count, sizeof columns / sizeof *columns);
}

static void test_counts(void)
{
	struct kithd *kithd = kithd_start(RARE_PINGS " -o max_nodes=0");
	struct raw *raw = raw_join(kithd, ALICE, "");
	raw_join(kithd, BOB, "");
	for (int i = 0; i < 3; i++)
		raw_ping_next(raw);
	/* In: hello, pong, three pings. Out: hello, addr, getaddr, ping, three pongs. */
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "MSGS_IN", "5"));
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "MSGS_OUT", "7"));
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "BYTES_IN", harness_text("%zu", raw_bytes_sent(raw))));
	/* What was written is counted after it was written. */
	AWAIT(kithd_cell_is(kithd, ALICE, "BYTES_OUT", harness_text("%zu", raw_bytes_read(raw))));
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "peers"), "2");
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "inbound"), "2");
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "outbound"), "0");
}

static void test_both_directions(void)
{
	struct kithd *one = kithd_plain();
	struct kithd *two = kithd_start("-b %s", kithd_address(one));
	AWAIT(kithd_has_peer(one, kithd_nodeid(two)) && kithd_has_peer(two, kithd_nodeid(one)));
	CU_ASSERT(kithd_cell_is(one, kithd_nodeid(two), "DIR", "in"));
	CU_ASSERT(kithd_cell_is(two, kithd_nodeid(one), "DIR", "out"));
	CU_ASSERT_STRING_EQUAL(kithd_header(one, "inbound"), "1");
	CU_ASSERT_STRING_EQUAL(kithd_header(two, "outbound"), "1");
	AWAIT(strcmp(kithd_header(two, "known"), "1") == 0);
}

static void test_order(void)
{
	static const char *const expected[] = {CAROL, DAVE, SMALLEST, ALICE, BOB, GREATEST};
	struct kithd *kithd = kithd_plain();
	raw_join(kithd, BOB, ",\"name\":\"b\"");
	raw_join(kithd, GREATEST, ",\"name\":\"b\"");
	raw_join(kithd, SMALLEST, ",\"name\":\"b\"");
	raw_join(kithd, DAVE, ",\"name\":\"a\"");
	raw_join(kithd, ALICE, ",\"name\":\"b\"");
	raw_join(kithd, CAROL, ",\"name\":\"a\"");
	const char *table = kithd_table(kithd);
	for (int i = 0; i < 6; i++)
		CU_ASSERT_STRING_EQUAL(shown_cell(table, i, "NODEID"), expected[i]);
}

static void test_names(void)
{
	struct kithd *kithd = kithd_plain();
	raw_join(kithd, ALICE, ",\"name\":\"two words\"");
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "NAME", "two\\x20words"));
	raw_join(kithd, BOB, ",\"name\":\"back\\\\slash\",\"agent\":\"my node 1\"");
	CU_ASSERT(kithd_cell_is(kithd, BOB, "NAME", "back\\x5cslash"));
	CU_ASSERT(kithd_cell_is(kithd, BOB, "AGENT", "my\\x20node\\x201"));
	CU_ASSERT(kithd_cell_is(kithd, ALICE, "AGENT", "-"));
	raw_join(kithd, CAROL, ",\"name\":\"no\\u00a0break\\u2028line\"");
	CU_ASSERT(kithd_cell_is(kithd, CAROL, "NAME", "no\\xc2\\xa0break\\xe2\\x80\\xa8line"));
	raw_join(kithd, DAVE,
		 ",\"name\":\"\xc3\xbc"
		 "ber\"");
	CU_ASSERT(kithd_cell_is(kithd, DAVE, "NAME",
				"\xc3\xbc"
				"ber"));
	raw_join(kithd, SMALLEST, ",\"name\":\"\"");
	CU_ASSERT(kithd_cell_is(kithd, SMALLEST, "NAME", "-"));
}

static void test_own_name(void)
{
	const char *argv[] = {"-l", harness_address(), "-o", "name=two words", "-o", "network=our own", NULL};
	struct kithd *kithd = kithd_launch(&(struct launch){.argv = argv});
	kithd_await_listening(kithd);
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "name"), "two\\x20words");
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd, "network"), "our\\x20own");
	struct raw *raw = raw_connect(kithd_address(kithd));
	raw_send_hello(raw, ALICE, ",\"network\":\"our own\"");
	raw_expect_next(raw, "hello");
	CU_ASSERT_STRING_EQUAL(raw_text(raw, "name"), "two words");
}

static void test_default_name(void)
{
	char name[256] = "";
	CU_ASSERT_EQUAL_FATAL(gethostname(name, sizeof name - 1), 0);
	name[64] = '\0';
	CU_ASSERT_STRING_EQUAL(kithd_header(kithd_plain(), "name"), name);
}

static void test_dialling_and_shaking_hands(void)
{
	struct raw *deaf = raw_listen_deaf(harness_address()), *mute = raw_listen(harness_address());
	struct kithd *kithd = kithd_start("-o connect_timeout=60 -o handshake_timeout=60 -b %s -b %s",
					  raw_address(deaf), raw_address(mute));
	struct raw *raw = raw_connect(kithd_address(kithd));
	AWAIT(kithd_rows(kithd, "STATE", "DIAL") == 1 && kithd_rows(kithd, "STATE", "HELLO") == 2);
	const char *table = kithd_table(kithd);
	for (int i = 0; i < 3; i++) {
		const char *address = shown_cell(table, i, "ADDRESS"), *dir = shown_cell(table, i, "DIR");
		const char *state = shown_cell(table, i, "STATE");
		CU_ASSERT_STRING_EQUAL(shown_cell(table, i, "NODEID"), "-");
		CU_ASSERT_STRING_EQUAL(shown_cell(table, i, "NAME"), "-");
		CU_ASSERT_STRING_EQUAL(shown_cell(table, i, "RTT_MS"), "-");
		CU_ASSERT_STRING_EQUAL(state, strcmp(address, raw_address(deaf)) == 0 ? "DIAL" : "HELLO");
		CU_ASSERT_STRING_EQUAL(dir, strcmp(address, raw_address(raw)) == 0 ? "in" : "out");
	}
	CU_ASSERT_STRING_EQUAL(shown_field(table, "peers"), "0");
}

static void test_many_signals(void)
{
	struct kithd *kithd = kithd_plain();
	struct raw *raw = raw_join(kithd, ALICE, "");
	for (int i = 0; i < 300; i++) {
		kithd_signal(kithd, SIGUSR1);
		raw_ping_next(raw);
	}
	/* Each table that was begun is whole. */
	AWAIT(kithd_peers(kithd) == 1);
	const char *output = kithd_output(kithd);
	int begun = 0, ended = 0;
	for (const char *at = output; (at = strstr(at, "# kithd ")) != NULL; at++)
		begun++;
	for (const char *at = output; (at = strstr(at, "# end\n")) != NULL; at++)
		ended++;
	CU_ASSERT(begun > 0 && begun - ended <= 1);
	CU_ASSERT_EQUAL(strncmp(output, "# kithd ", 8), 0);
}

static CU_TestInfo tests[] = {
	{"the table of a node alone has its header, its columns and its end", test_empty},
	{"the columns stand in their order", test_columns},
	{"messages and bytes are counted both ways", test_counts},
	{"the table says who dialled", test_both_directions},
	{"rows are sorted by name, then nodeid", test_order},
	{"a name with white space stays one word", test_names},
	{"a node's own name may have spaces", test_own_name},
	{"a node without a name has the host's", test_default_name},
	{"connections that dial or shake hands are rows too", test_dialling_and_shaking_hands},
	{"many signals disturb nobody", test_many_signals},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_table = {
	.pName = "table", .pSetUpFunc = harness_begin, .pTearDownFunc = harness_end, .pTests = tests};
