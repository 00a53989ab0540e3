#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "runner.h"
#include "talk/announcer.h"
#include "talk/protocol.h"
#include "unit/core.h"
#include "unit/suites.h"
#include "unit/talk/five.h"

static void a_peer_that_says_bye_has_left(void)
{
	static const char *const reasons[] = {"shutdown", "duplicate", "full", "timeout", "feeler", "boredom", ""};
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		struct core core;
		five_start(&core);
		struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
		core_say(&core, peer, "{'msgtype': 'bye', 'reason': '%s'}", reasons[i]);
		struct peer_info info = five_look(&core, peer);
		EXPECT(info.ending == PEER_LEFT && info.is_closing, "%s", reasons[i]);
		EXPECT_TEXT(info.ending_text, reasons[i]);
		EXPECT_SENT(peer, "");
		core_fini(&core);
	}
}

static void a_peer_that_goes_is_dialled_again_after_a_back_off(void)
{
	static const char *const byes[] = {"", "shutdown", "timeout", "boredom"};
	for (size_t i = 0; i < sizeof byes / sizeof *byes * 2; i++) {
		struct core core;
		const char *reason = byes[i / 2];
		five_start(&core);
		struct peer *peer = i % 2 == 0 ? core_reach(&core, 2, "127.0.0.2:5999")
					       : core_meet(&core, 2, "127.0.0.2:40000", 5999);
		core.now_us += 30 * SECOND_US;
		if (*reason != '\0')
			core_say(&core, peer, "{'msgtype': 'bye', 'reason': '%s'}", reason);
		core_end(&core, peer);
		int64_t after_us = five_redial_after_us(&core, "127.0.0.2:5999");
		EXPECT(five_is_back_off(after_us), "%s: %lld", reason, (long long)after_us);
		core_fini(&core);
	}
}

static void a_dial_that_is_turned_away_is_repeated_after_a_back_off(void)
{
	static const char *const byes[] = {"",	       "shutdown", "duplicate", "network", "full",
					   "protocol", "timeout",  "slow",	"feeler",  "boredom"};
	for (size_t i = 0; i < sizeof byes / sizeof *byes; i++) {
		struct core core;
		five_start(&core);
		struct peer *peer = core_dial(&core, "127.0.0.2:5999");
		if (*byes[i] != '\0')
			core_say(&core, peer, "{'msgtype': 'bye', 'reason': '%s'}", byes[i]);
		core_end(&core, peer);
		int64_t after_us = five_redial_after_us(&core, "127.0.0.2:5999");
		EXPECT(five_is_back_off(after_us), "%s: %lld", byes[i], (long long)after_us);
		core_fini(&core);
	}
}

/* There may be no node at all. */
static void what_others_tell_in_vain_waits_longer(void)
{
	struct core core;
	struct message_entry entry = {.address = address_of("127.0.0.2:5999")};
	struct address teller = address_of("127.0.0.9:5999");
	five_start(&core);
	address_book_hear(core.book, &entry, 1, &teller, core.now_us);
	core_end(&core, core_dial_next(&core));
	CU_ASSERT_EQUAL(five_redial_after_us(&core, "127.0.0.2:5999"), core.settings.retry_max_us);
	core_fini(&core);
}

static void the_end_of_a_peer_is_logged_once_with_its_reason(void)
{
	static const struct {
		const char *line, *logged;
	} cases[] = {
		{"", "failed: it closed the connection without a bye; was up 2 s\n"},
		{"{'msgtype': 'bye', 'reason': 'shutdown'}", "left: it is shutting down; was up 2 s\n"},
		{"{'msgtype': 'bye', 'reason': 'timeout'}",
		 "dropped this node: it got no answer from us in time; was up 2 s. Was this machine hanging?\n"},
		{"{'msgtype': 'bye', 'reason': 'slow'}",
		 "dropped this node: we did not read what it sent; was up 2 s. Is this machine overloaded?\n"},
		{"{'msgtype': 'bye', 'reason': 'full'}",
		 "dropped this node: it made room for another peer; was up 2 s\n"},
		{"{'msgtype': 'bye', 'reason': 'protocol'}",
		 "dropped this node: it says that we broke the protocol; was up 2 s\n"},
		{"{'msgtype': 'bye', 'reason': 'gone fishing'}", "left: it said \"gone fishing\"; was up 2 s\n"},
		{"[]", "is disconnected: it broke the protocol; was up 2 s\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		five_start(&core);
		struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 0);
		core.now_us += 2 * SECOND_US;
		if (cases[i].line[0] != '\0')
			core_say(&core, peer, "%s", cases[i].line);
		capture_log(LOG_INFO);
		peer_hold(peer);
		core_end(&core, peer);
		protocol_ended(core.protocol, peer, core.now_us);
		peer_release(peer);
		static const char label[] = "info  00000002 (127.0.0.2:40000) ";
		const char *log = captured_log(), *text = strstr(log, label);
		EXPECT(text != NULL && strcmp(text + sizeof label - 1, cases[i].logged) == 0, "%s", log);
		core_fini(&core);
	}
}

static void why_an_address_failed_is_kept_in_words(void)
{
	static const struct {
		const char *line; /* what it says; NULL where the connection isn't made, "" for nothing */
		const char *error;
	} cases[] = {
		{NULL, "connection refused"},
		{"", "it closed the connection without a bye"},
		{"{'msgtype': 'bye', 'reason': 'full'}", "is full"},
		{"{'msgtype': 'bye', 'reason': 'full', 'limit': 'max_per_group'}",
		 "is full for this network (max_per_group there)"},
		{"{'msgtype': 'bye', 'reason': 'full', 'limit': 'max_per_address'}",
		 "is full for this address (max_per_address there)"},
		{"{'msgtype': 'bye', 'reason': 'full', 'limit': 'max_connections'}", "is full (max_connections there)"},
		{"{'msgtype': 'bye', 'reason': 'full', 'limit': 'max_whatever'}", "is full"},
		{"{'msgtype': 'bye', 'reason': 'a reason that is so very long that it does not fit into what is "
		 "kept of one, which is cut'}",
		 "it said \"a reason that is so very long that it does not fit into what is "},
		{"{'msgtype': 'hello', 'nodeid': '00000005-0000-4000-8000-000000000000'}",
		 "is another node with the same nodeid as this one"},
		{"{'msgtype': 'hello', 'nodeid': '00000002-0000-4000-8000-000000000000', 'network': 'other'}",
		 "is in network \"other\", not in \"kith\""},
		{"{'msgtype': 'bye', 'reason': 'network'}", "is in another network than \"kith\" and refused us"},
		{"{'msgtype': 'bye', 'reason': 'duplicate'}", "is connected with this node already"},
		{"{'msgtype': 'bye', 'reason': 'timeout'}", "it got no hello from us in time"},
		{"[]", "is not a kith node: it sent \"[]\""},
		{"HTTP/1.0 400 Bad request\r", "is not a kith node: it sent \"HTTP/1.0 400 Bad req...\""},
		{"{}", "broke the protocol: \"msgtype\" is missing"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		struct address_info info;
		five_start(&core);
		struct peer *peer = core_dial(&core, "127.0.0.2:5999");
		core.now_us += 3 * SECOND_US;
		if (cases[i].line == NULL)
			peer_fail_errno(peer, ECONNREFUSED);
		else if (*cases[i].line != '\0')
			core_say(&core, peer, "%s", cases[i].line);
		core_end(&core, peer);
		CU_ASSERT_EQUAL_FATAL(address_book_recent(core.book, &info, 1, core.now_us), 1);
		EXPECT(strncasecmp(info.error, cases[i].error, strlen(cases[i].error)) == 0, "case %zu: %s", i,
		       info.error);
		EXPECT(info.failures == 1 && info.error_us == core.now_us, "case %zu", i);
		EXPECT(info.tried_us == core.now_us - 3 * SECOND_US, "case %zu", i);
		core_fini(&core);
	}
}

/* Without a route all addresses of a family fail alike: the first is logged, and that it works again. */
static void why_dials_do_not_leave_this_machine_is_logged_once(void)
{
	struct core core;
	five_start(&core);
	capture_log(LOG_INFO);
	for (int i = 2; i < 5; i++) {
		char to[ADDRESS_TEXT_BYTES];
		snprintf(to, sizeof to, "127.0.0.%d:5999", i);
		struct peer *peer = core_dial(&core, to);
		peer_hinder_errno(peer, ENETUNREACH);
		core_end(&core, peer);
	}
	address_book_hurry(core.book, core.now_us);
	for (int i = 2; i < 5; i++) {
		core.now_us += 2 * SECOND_US;
		CU_ASSERT_PTR_NOT_NULL(core_dial_next(&core));
	}
	const char *log = captured_log();
	CU_ASSERT_EQUAL(five_count_lines(log), 2);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(log, "127.0.0.2:5999 cannot be dialled from this machine: network is unreachable\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(log, "127.0.0.2:5999 can be dialled from this machine again\n"));
	core_fini(&core);
}

static void the_error_of_an_address_is_kept_until_it_is_reached_again(void)
{
	struct core core;
	struct address_info info;
	five_start(&core);
	struct peer *peer = core_reach(&core, 2, "127.0.0.2:5999");
	CU_ASSERT_EQUAL_FATAL(address_book_recent(core.book, &info, 1, core.now_us), 1);
	CU_ASSERT(info.error[0] == '\0' && info.error_us == NEVER_US && info.failures == 0);
	core_say(&core, peer, "{'msgtype': 'bye', 'reason': 'shutdown'}");
	core_end(&core, peer);
	core.now_us += core.settings.retry_max_us;
	CU_ASSERT_EQUAL_FATAL(address_book_recent(core.book, &info, 1, core.now_us), 1);
	EXPECT_TEXT(info.error, "it is shutting down");
	CU_ASSERT_EQUAL(info.error_us, core.now_us - core.settings.retry_max_us);
	core_reach(&core, 2, "127.0.0.2:5999");
	CU_ASSERT_EQUAL_FATAL(address_book_recent(core.book, &info, 1, core.now_us), 1);
	CU_ASSERT(info.error[0] == '\0' && info.error_us == NEVER_US && info.failures == 0);
	core_fini(&core);
}

static void a_second_connection_that_ends_is_no_departure(void)
{
	static const bool first_ends[] = {true, false};
	for (int i = 0; i < 2; i++) {
		struct core core;
		five_start(&core);
		struct peer *first = core_reach(&core, 2, "127.0.0.2:5999");
		capture_log(LOG_INFO);
		struct peer *second = core_meet(&core, 2, "127.0.0.2:40000", 5999);
		struct peer *ends = first_ends[i] ? first : second;
		core_say(&core, ends, "{'msgtype': 'bye', 'reason': 'duplicate'}");
		core_end(&core, ends);
		core.now_us += 30 * SECOND_US;
		protocol_run_timers(core.protocol, core.now_us, 0);
		EXPECT_TEXT(five_dials_next(&core), "-");
		EXPECT_TEXT(captured_log(), "");
		CU_ASSERT_FALSE(peer_is_closing(first_ends[i] ? second : first));
		core_fini(&core);
	}
}

static void a_duplicate_without_another_connection_is_a_departure(void)
{
	struct core core;
	five_start(&core);
	struct peer *peer = core_meet(&core, 2, "127.0.0.2:40000", 5999);
	capture_log(LOG_INFO);
	core_say(&core, peer, "{'msgtype': 'bye', 'reason': 'duplicate'}");
	core_end(&core, peer);
	const char *log = captured_log();
	EXPECT(strstr(log, "00000002 (127.0.0.2:5999) left: its connection was a duplicate") != NULL, "%s", log);
	int64_t after_us = five_redial_after_us(&core, "127.0.0.2:5999");
	EXPECT(five_is_back_off(after_us), "%lld", (long long)after_us);
	core_fini(&core);
}

/* How many warnings of a double that dial logs. */
static size_t dial_in_vain(struct core *core, bool is_refused)
{
	capture_log(LOG_INFO);
	struct peer *peer = core_dial(core, "127.0.0.2:5999");
	if (is_refused)
		core_say(core, peer, "{'msgtype': 'bye', 'reason': 'duplicate'}");
	core_end(core, peer);
	return strstr(captured_log(), "warning 127.0.0.2:5999 is connected with this nodeid") != NULL;
}

static void who_is_refused_as_a_duplicate_for_long_is_told_of_a_double(void)
{
	static const struct {
		int64_t after_s; /* the dial before */
		bool is_refused, is_told;
	} dials[] = {
		{0, true, false},
		{10, true, false},
		/* Just now the far end may notice that an earlier connection is dead. */
		{10, true, false},
		{2, true, true},
		{100, true, false},
		/* In a row. */
		{100, false, false},
		{100, true, false},
		{10, true, false},
		{12, true, true},
	};
	struct core core;
	five_start(&core);
	core.settings.retry_max_us = SECOND_US;
	for (size_t i = 0; i < sizeof dials / sizeof *dials; i++) {
		core.now_us += dials[i].after_s * SECOND_US;
		EXPECT(dial_in_vain(&core, dials[i].is_refused) == dials[i].is_told, "dial %zu", i);
	}
	core_fini(&core);
}

static void an_end_rings_the_alarm_if_there_is_something_to_dial(void)
{
	struct core core;
	five_start(&core);
	struct peer *deaf = core_meet(&core, 2, "127.0.0.2:40000", 0);
	struct peer *listening = core_meet(&core, 3, "127.0.0.3:40000", 5999);
	struct peer *dialled = core_dial(&core, "127.0.0.4:5999");
	alarm_wait_until(&core.alarm, 1);
	core_end(&core, deaf);
	CU_ASSERT_FALSE(core.alarm.ringing);
	core_end(&core, listening);
	CU_ASSERT(core.alarm.ringing);
	alarm_wait_until(&core.alarm, 1);
	core_end(&core, dialled);
	CU_ASSERT(core.alarm.ringing);
	core_fini(&core);
}

/* The host comes and goes so often, with a line for each. */
static void come_and_go(struct core *core, const char *host, unsigned times)
{
	char from[ADDRESS_TEXT_BYTES];
	snprintf(from, sizeof from, "%s:40000", host);
	for (unsigned i = 0; i < times; i++)
		core_end(core, core_meet(core, 2, from, 0));
}

static size_t lines_of(struct core *core, const char *host, unsigned times)
{
	capture_log(LOG_INFO);
	come_and_go(core, host, times);
	return five_count_lines(captured_log());
}

static void who_comes_and_goes_all_the_time_gets_so_many_lines(void)
{
	enum { ALL = 4000, OF_A_HOST = 2000 };
	struct core core;
	five_start(&core);
	size_t lines = lines_of(&core, "127.0.0.2", ALL);
	EXPECT(lines == OF_A_HOST, "%zu lines", lines);
	/* Nobody hides what is said of others. */
	lines = lines_of(&core, "127.0.1.3", 100);
	EXPECT(lines == 200 + 1, "%zu lines", lines);
	lines = lines_of(&core, "127.0.1.4", ALL) + lines_of(&core, "127.0.2.5", ALL);
	EXPECT(lines == ALL - OF_A_HOST - 200, "%zu lines", lines);
	capture_log(LOG_INFO);
	core.now_us += SECOND_US;
	come_and_go(&core, "127.0.3.6", 1);
	const char *log = captured_log();
	EXPECT(strstr(log, " lines like the next one were left out\n") != NULL && five_count_lines(log) == 3, "%s",
	       log);
	/* Of those that this node has dialled there is always one. */
	(void)lines_of(&core, "127.0.4.7", ALL);
	capture_log(LOG_INFO);
	core_reach(&core, 3, "127.0.0.3:5999");
	log = captured_log();
	EXPECT(strstr(log, "127.0.0.3:5999) is ready") != NULL, "%s", log);
	core_fini(&core);
}

/* Nobody at an address can help it that others have told of it. */
static void dials_of_dead_hearsay_get_so_many_lines(void)
{
	enum { DIALS = 400, MOST = 200 };
	struct core core;
	five_start(&core);
	capture_log(LOG_INFO);
	for (unsigned i = 0; i < DIALS; i++) {
		char to[ADDRESS_TEXT_BYTES];
		snprintf(to, sizeof to, "127.1.%u.%u:5999", i / 200, 1 + i % 200);
		core_end(&core, core_dial(&core, to));
	}
	size_t lines = five_count_lines(captured_log());
	EXPECT(lines == MOST, "%zu lines", lines);
	/* A peer that goes, and does not answer when it is dialled again, is no hearsay. */
	capture_log(LOG_INFO);
	core_end(&core, core_reach(&core, 3, "127.0.0.3:5999"));
	core.now_us += core.settings.retry_max_us;
	const char *log = captured_log();
	EXPECT(strstr(log, "127.0.0.3:5999) failed") != NULL, "%s", log);
	core_fini(&core);
}

static CU_TestInfo tests[] = {
	{"why dials do not leave this machine is logged once", why_dials_do_not_leave_this_machine_is_logged_once},
	{"who comes and goes all the time gets so many lines", who_comes_and_goes_all_the_time_gets_so_many_lines},
	{"dials of dead hearsay get so many lines", dials_of_dead_hearsay_get_so_many_lines},
	{"a peer that says bye has left", a_peer_that_says_bye_has_left},
	{"a peer that goes is dialled again after a back-off", a_peer_that_goes_is_dialled_again_after_a_back_off},
	{"a dial that is turned away is repeated after a back-off",
	 a_dial_that_is_turned_away_is_repeated_after_a_back_off},
	{"what others tell in vain waits longer", what_others_tell_in_vain_waits_longer},
	{"the end of a peer is logged once with its reason", the_end_of_a_peer_is_logged_once_with_its_reason},
	{"why an address failed is kept in words", why_an_address_failed_is_kept_in_words},
	{"the error of an address is kept until it is reached again",
	 the_error_of_an_address_is_kept_until_it_is_reached_again},
	{"a second connection that ends is no departure", a_second_connection_that_ends_is_no_departure},
	{"a duplicate without another connection is a departure",
	 a_duplicate_without_another_connection_is_a_departure},
	{"who is refused as a duplicate for long is told of a double",
	 who_is_refused_as_a_duplicate_for_long_is_told_of_a_double},
	{"an end rings the alarm if there is something to dial", an_end_rings_the_alarm_if_there_is_something_to_dial},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_endings = {
	.pName = "endings", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
