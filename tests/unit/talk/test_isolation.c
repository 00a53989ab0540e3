#include "talk/isolation.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"
#include "unit/talk/five.h"

/* Node 5 with these bootstraps, separated by spaces. */
static void start(struct core *core, const char *bootstraps)
{
	struct problem problem;
	char list[512], *next = list, *word;
	core_init(core, 5, "127.0.0.1:5999");
	snprintf(list, sizeof list, "%s", bootstraps);
	while ((word = strtok_r(next, " ", &next)) != NULL)
		CU_ASSERT_FATAL(settings_add_bootstrap(&core->settings, word, "-b", &problem));
	core_start(core);
}

/* What is logged in this time, in which the timers run when they are due. */
static const char *wait(struct core *core, int64_t us)
{
	int64_t end_us = core->now_us + us;
	capture_log(LOG_INFO);
	while (core->now_us <= end_us) {
		int64_t next_us = protocol_run_timers(core->protocol, core->now_us, 0);
		CU_ASSERT_FATAL(next_us > core->now_us);
		core->now_us = next_us;
	}
	core->now_us = end_us;
	return captured_log();
}

/* Every address and name that is due fails for this reason. */
static void fail_all(struct core *core, const char *reason)
{
	struct next_dial next;
	while ((next = address_book_pick(core->book, ADDRESS_BOOK_PEERS, core->now_us)).is_due) {
		address_book_failed(core->book, &next.dial, reason, core->now_us);
		dial_fini(&next.dial);
	}
}

static void a_node_that_knows_of_nobody_waits_silently(void)
{
	struct core core;
	start(&core, "");
	EXPECT_TEXT(wait(&core, 3600 * SECOND_US), "");
	core_fini(&core);
}

static void a_node_that_is_alone_says_why(void)
{
	static const struct {
		const char *bootstraps, *warning;
	} cases[] = {
		{"127.0.0.1:5999", "the bootstrap leads to no peer: 127.0.0.1:5999 (is this node itself)\n"},
		{"nosuch.example", "the bootstrap leads to no peer: nosuch.example:5999 (is broken)\n"},
		{"127.0.0.1:5999 10.0.0.7:5999 nosuch.example:6000",
		 "no bootstrap leads to a peer: nosuch.example:6000 (is broken), 127.0.0.1:5999 (is this node itself), "
		 "10.0.0.7:5999 (is broken)\n"},
		{"10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6",
		 "no bootstrap leads to a peer: 10.0.0.1:5999 (is broken), 10.0.0.2:5999 (is broken), "
		 "10.0.0.3:5999 (is broken), 10.0.0.4:5999 (is broken), and 2 more\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		start(&core, cases[i].bootstraps);
		fail_all(&core, "is broken");
		EXPECT_TEXT(wait(&core, 30 * SECOND_US - 1), "");
		const char *log = wait(&core, 1);
		EXPECT(strstr(log, "warning this node has been alone for 30 s: ") != NULL, "%s", log);
		EXPECT(strstr(log, cases[i].warning) != NULL, "case %zu: %s", i, log);
		CU_ASSERT_EQUAL(five_count_lines(log), 1);
		core_fini(&core);
	}
}

static void what_was_not_tried_is_said_to_be_so(void)
{
	struct core core;
	start(&core, "10.0.0.1 10.0.0.2 name.example");
	struct next_dial next;
	do
		next = address_book_pick(core.book, ADDRESS_BOOK_PEERS, core.now_us);
	while (next.is_due && next.dial.kind == DIAL_NAME && (dial_fini(&next.dial), true));
	const char *log = wait(&core, 30 * SECOND_US);
	EXPECT(strstr(log, "name.example:5999 (no answer of a name server yet)") != NULL, "%s", log);
	EXPECT(strstr(log, "(no answer yet)") != NULL && strstr(log, "(not dialled yet)") != NULL, "%s", log);
	core_fini(&core);
}

static void the_addresses_of_a_name_say_why(void)
{
	struct core core;
	struct address addresses[] = {address_of("127.0.0.1:5999"), address_of("10.0.0.1:5999")};
	for (size_t i = 0; i < 2; i++) {
		start(&core, "name.example");
		struct next_dial next = address_book_pick(core.book, ADDRESS_BOOK_PEERS, core.now_us);
		CU_ASSERT_EQUAL_FATAL(next.dial.kind, DIAL_NAME);
		address_book_resolved(core.book, &next.dial, &addresses[i], 1, core.now_us);
		dial_fini(&next.dial);
		fail_all(&core, "is broken");
		const char *log = wait(&core, 30 * SECOND_US);
		EXPECT(strstr(log, i == 0 ? "name.example:5999 (is this node itself)\n"
					  : "name.example:5999 (is broken)\n") != NULL,
		       "%s", log);
		core_fini(&core);
	}
}

static void the_warning_is_repeated_every_five_minutes_until_there_is_a_peer(void)
{
	struct core core;
	start(&core, "127.0.0.1:5999");
	CU_ASSERT_EQUAL(five_count_lines(wait(&core, 30 * SECOND_US)), 1);
	EXPECT_TEXT(wait(&core, 300 * SECOND_US - 1), "");
	const char *log = wait(&core, 1);
	EXPECT(strstr(log, "alone for 5 min: ") != NULL, "%s", log);
	CU_ASSERT_EQUAL(five_count_lines(wait(&core, 3000 * SECOND_US)), 10);
	/* Who only shakes hands is no peer. */
	struct peer *peer = core_accept(&core, "127.0.0.2:40000");
	EXPECT_TEXT(wait(&core, SECOND_US), "");
	core_say_hello(&core, peer, 2, 0);
	log = wait(&core, SECOND_US);
	EXPECT(strstr(log, "info  this node has a peer, after it was alone for 55 min\n") != NULL, "%s", log);
	EXPECT_TEXT(wait(&core, 3600 * SECOND_US), "");
	/* And once more. */
	core_end(&core, peer);
	EXPECT_TEXT(wait(&core, 30 * SECOND_US - 1), "");
	CU_ASSERT_EQUAL(five_count_lines(wait(&core, 1)), 1);
	core_fini(&core);
}

static void a_short_time_alone_is_not_worth_a_line(void)
{
	struct core core;
	start(&core, "127.0.0.1:5999");
	for (unsigned i = 0; i < 10; i++) {
		EXPECT_TEXT(wait(&core, 29 * SECOND_US), "");
		struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
		EXPECT_TEXT(wait(&core, SECOND_US), "");
		core_end(&core, peer);
	}
	core_fini(&core);
}

static void without_a_bootstrap_the_known_addresses_are_named(void)
{
	struct core core;
	start(&core, "");
	for (unsigned i = 1; i <= 6; i++) {
		char text[ADDRESS_TEXT_BYTES];
		snprintf(text, sizeof text, "10.0.0.%u:5999", i);
		struct message_entry entry = {.address = address_of(text)};
		address_book_hear(core.book, &entry, 1, &entry.address, core.now_us);
	}
	const char *log = wait(&core, 30 * SECOND_US);
	EXPECT(strstr(log, "no known address leads to a peer, and there is no bootstrap: 10.0.0.1:5999 (not dialled "
			   "yet), ") != NULL &&
		       strstr(log, ", and 2 more\n") != NULL,
	       "%s", log);
	core_fini(&core);
}

static CU_TestInfo tests[] = {
	{"a node that knows of nobody waits silently", a_node_that_knows_of_nobody_waits_silently},
	{"a node that is alone says why", a_node_that_is_alone_says_why},
	{"what was not tried is said to be so", what_was_not_tried_is_said_to_be_so},
	{"the addresses of a name say why", the_addresses_of_a_name_say_why},
	{"the warning is repeated every five minutes until there is a peer",
	 the_warning_is_repeated_every_five_minutes_until_there_is_a_peer},
	{"a short time alone is not worth a line", a_short_time_alone_is_not_worth_a_line},
	{"without a bootstrap the known addresses are named", without_a_bootstrap_the_known_addresses_are_named},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_isolation = {
	.pName = "isolation", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
