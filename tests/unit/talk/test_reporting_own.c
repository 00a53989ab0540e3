#include <CUnit/CUnit.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "talk/reporting_priv.h"
#include "unit/suites.h"
#include "unit/talk/telling.h"

static const unsigned alone[] = {5, 0};

static void start(struct core *core)
{
	telling_init(core);
	telling_start(core);
}

static void start_with_bootstrap(struct core *core, const char *address)
{
	struct problem problem;
	telling_init(core);
	CU_ASSERT_FATAL(settings_add_bootstrap(&core->settings, address, "the test", &problem));
	telling_start(core);
}

/* ---- how connections are ---- */

static void a_round_trip_is_told_when_it_has_been_off_for_a_minute(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *other = telling_meet(&core, 3, alone);
	telling_tend(&core, other, true, 400 * SECOND_US);
	take_all(peer);
	/* From now on its answers take 200 ms. */
	int64_t since_us = core.now_us;
	for (int i = 0; i < 100; i++) {
		core.now_us += SECOND_US;
		core_tend(&core, other);
		telling_pass(&core, 200 * MS_US);
		core_say(&core, other, "{'msgtype': 'pong'}");
		core_say(&core, peer, "{'msgtype': 'pong'}");
		const struct report *report = telling_take_report(&core, peer);
		if (report == NULL)
			continue;
		EXPECT_TEXT(telling_links(report), "3");
		EXPECT(report->links[0].rtt_us > 20 * 1000, "%d", report->links[0].rtt_us);
		break;
	}
	EXPECT(core.now_us - since_us > 60 * SECOND_US && core.now_us - since_us < 90 * SECOND_US, "%lld",
	       (long long)(core.now_us - since_us));
	CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
	telling_fini(&core);
}

static void a_first_round_trip_is_not_corrected_at_once(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *other = telling_meet(&core, 3, alone);
	int64_t since_us = core.now_us;
	telling_tend(&core, other, true, 30 * SECOND_US);
	take_all(peer);
	/* From now on its answers take 50 ms. */
	const struct report *report = NULL;
	for (int i = 0; i < 1000 && report == NULL; i++) {
		core.now_us += SECOND_US;
		core_tend(&core, other);
		telling_pass(&core, 50 * MS_US);
		core_say(&core, other, "{'msgtype': 'pong'}");
		core_say(&core, peer, "{'msgtype': 'pong'}");
		report = telling_take_report(&core, peer);
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_links(report), "3");
	EXPECT(core.now_us - since_us > 290 * SECOND_US && core.now_us - since_us < 400 * SECOND_US, "%lld",
	       (long long)(core.now_us - since_us));
	telling_fini(&core);
}

static void a_late_peer_is_told_after_the_moment_of_the_verdict(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *mute = telling_meet(&core, 3, alone);
	telling_tend(&core, mute, true, 20 * SECOND_US);
	telling_take_report(&core, peer);
	take_all(peer);
	/* A ping is due within ping_interval. */
	while (peer_look(mute, core.now_us).late_us < 0)
		telling_tend(&core, mute, false, 100 * MS_US);
	CU_ASSERT(peer_look(mute, core.now_us).late_us <= 2 * SECOND_US);
	telling_tend(&core, mute, false, 4 * SECOND_US);
	CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
	telling_tend(&core, mute, false, SECOND_US + 200 * MS_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_links(report), "3~");
	/* And when it is not. */
	telling_tend(&core, mute, true, SECOND_US);
	report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_links(report), "3");
	telling_fini(&core);
}

/* What the peers hear of a third one, which is asked of them. */
static void answer_questions(struct core *core, struct peer *peer, unsigned about)
{
	while (telling_take(core, peer, MESSAGE_SUSPECT) != NULL)
		core_say(core, peer, "{'msgtype': 'heard', 'nodeid': '%s', 'ago_ms': 0}", nodeid_text(about));
}

/* How long it is late when that is told; others hear it. */
static int64_t late_when_told_us(struct core *core, struct peer *mute, struct peer *peer)
{
	struct nodeid third = nodeid_of(3);
	bool is_told = false;
	for (int i = 0; i < 1000 && !is_told; i++) {
		telling_tend(core, mute, false, 100 * MS_US);
		answer_questions(core, peer, 3);
		struct report *report = reports_find(core->reports, &core->self);
		const struct report_link *link = report_find_link(report, &third);
		is_told = link != NULL && link->late_since_us >= 0;
		report_release(report);
	}
	CU_ASSERT_FATAL(is_told);
	return peer_look(mute, core->now_us).late_us;
}

static void a_late_peer_that_others_hear_is_told_sooner(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *mute = telling_meet(&core, 3, alone);
	telling_tend(&core, mute, true, 20 * SECOND_US);
	int64_t late_us = late_when_told_us(&core, mute, peer);
	EXPECT(late_us >= 2500 * MS_US && late_us <= 3200 * MS_US, "%lld", (long long)late_us);
	/* At once, if it says itself that it misses this node. */
	telling_tend(&core, mute, true, 10 * SECOND_US);
	core_say(&core, mute, "{'msgtype': 'report', 'seq': 1001, 'links': [['%s', 7, 1, 6]]}", nodeid_text(5));
	late_us = late_when_told_us(&core, mute, peer);
	EXPECT(late_us >= SECOND_US && late_us <= 2 * SECOND_US, "%lld", (long long)late_us);
	telling_fini(&core);
}

/* ---- what can't be reached ---- */

static void an_address_that_fails_twice_is_told_and_told_again_when_it_is_reached(void)
{
	struct core core;
	start_with_bootstrap(&core, "127.0.0.9:5999");
	struct peer *peer = telling_meet(&core, 2, alone);
	telling_fail_dial(&core, "127.0.0.9:5999", ECONNREFUSED);
	telling_pass(&core, 500 * MS_US);
	CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
	telling_fail_dial(&core, "127.0.0.9:5999", ECONNREFUSED);
	telling_pass(&core, 3 * SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_failures(report), "127.0.0.9:5999=0 refused 2");
	CU_ASSERT_EQUAL(report->failures[0].reached_us, -1);
	CU_ASSERT(report->failures[0].since_us < report->failures[0].last_us);
	struct peer *found = core_dial_next(&core);
	while (found == NULL) {
		telling_pass(&core, 100 * MS_US);
		found = core_dial_next(&core);
	}
	core_say_hello(&core, found, 9, 0);
	telling_pass(&core, SECOND_US);
	report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->mended_count, 1);
	EXPECT_TEXT(address_text(report->mended[0].address), "127.0.0.9:5999");
	EXPECT_TEXT(telling_links(report), "9+");
	telling_fini(&core);
}

static void another_reason_is_told_and_the_same_when_the_tries_have_doubled(void)
{
	struct core core;
	start_with_bootstrap(&core, "127.0.0.9:5999");
	struct peer *peer = telling_meet(&core, 2, alone);
	size_t told = 0;
	for (int i = 0; i < 8; i++) {
		telling_fail_dial(&core, "127.0.0.9:5999", ETIMEDOUT);
		telling_pass(&core, SECOND_US);
		core_say(&core, peer, "{'msgtype': 'pong'}");
		told += telling_count_reports(&core, peer);
	}
	/* At the second or third try, and some time later. */
	EXPECT(told >= 2 && told <= 3, "%zu", told);
	telling_fail_dial(&core, "127.0.0.9:5999", EHOSTUNREACH);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_failures(report), "127.0.0.9:5999=0 unreachable 9");
	telling_fini(&core);
}

/* Anybody can tell this node to dial anything. */
static void hearsay_that_nobody_has_reached_is_not_told(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	struct message_entry entry = {.address = address_of("127.0.0.9:5999"), .nodeid = nodeid_of(9)};
	struct address teller = address_of("127.0.0.2:5999");
	address_book_hear(core.book, &entry, 1, &teller, core.now_us);
	for (int i = 0; i < 2; i++)
		telling_fail_dial(&core, "127.0.0.9:5999", ECONNREFUSED);
	telling_pass(&core, 60 * SECOND_US);
	CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
	telling_fini(&core);
}

/* Node 9, which is no peer, listens there, as it says; the links are those of node 9. */
static void tell_of_nine(struct core *core, struct peer *teller, const char *links)
{
	core_say(core, teller,
		 "{'msgtype': 'report', 'nodeid': '%s', 'seq': 7, 'up_s': 1, 'address': '127.0.0.9:5999', 'links': "
		 "[%s]}",
		 nodeid_text(9), links);
	struct message_entry entry = {.address = address_of("127.0.0.9:5999"), .nodeid = nodeid_of(9)};
	struct address host = address_of("127.0.0.2:5999");
	address_book_hear(core->book, &entry, 1, &host, core->now_us);
}

static void where_a_report_knows_a_node_a_failure_is_told(void)
{
	static const unsigned links[] = {5, 9, 0};
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, links);
	tell_of_nine(&core, peer, "");
	for (int i = 0; i < 2; i++)
		telling_fail_dial(&core, "127.0.0.9:5999", ETIMEDOUT);
	telling_pass(&core, 3 * SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_failures(report), "127.0.0.9:5999=9 timed_out 2");
	telling_fini(&core);
}

static void of_a_node_that_is_gone_one_who_says_so_is_enough(void)
{
	for (int others_say_so = 0; others_say_so < 2; others_say_so++) {
		struct core core;
		start(&core);
		struct peer *peer = telling_meet(&core, 2, alone);
		tell_of_nine(&core, peer, "");
		for (int i = 0; i < 2; i++)
			telling_fail_dial(&core, "127.0.0.9:5999", ETIMEDOUT);
		int64_t since_us = core.now_us;
		telling_pass(&core, REPORTING_SPREAD_LEAST_US - 100 * MS_US);
		CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
		if (others_say_so)
			core_say(&core, peer,
				 "{'msgtype': 'report', 'seq': 2000, 'base': 1, 'failing': [['127.0.0.9:5999', '%s', "
				 "'timed_out', 2, 3, 1, null]]}",
				 nodeid_text(9));
		telling_pass(&core, REPORTING_SPREAD_MOST_US);
		EXPECT((telling_take_report(&core, peer) != NULL) == !others_say_so, "%d after %lld", others_say_so,
		       (long long)(core.now_us - since_us));
		telling_fini(&core);
	}
}

/* It goes on to say so, whoever else does. */
static void what_was_told_of_a_node_that_is_gone_is_told_until_it_is_reached(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	tell_of_nine(&core, peer, "");
	for (int i = 0; i < 2; i++)
		telling_fail_dial(&core, "127.0.0.9:5999", ETIMEDOUT);
	telling_pass(&core, REPORTING_SPREAD_MOST_US);
	CU_ASSERT_PTR_NOT_NULL(telling_take_report(&core, peer));
	core_say(
		&core, peer,
		"{'msgtype': 'report', 'seq': 2000, 'base': 1, 'failing': [['127.0.0.9:5999', '%s', 'timed_out', 2, 3, "
		"1, null]]}",
		nodeid_text(9));
	telling_pass(&core, REPORTING_SPREAD_MOST_US);
	CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
	telling_fini(&core);
}

static void what_this_machine_cannot_dial_is_no_failure_while_the_node_is_connected(void)
{
	struct core core;
	start_with_bootstrap(&core, "127.0.0.9:5999");
	struct peer *peer = telling_meet(&core, 2, alone);
	/* Who is there is known. */
	struct peer *nine = core_reach(&core, 9, "127.0.0.9:5999");
	core_end(&core, nine);
	telling_pass(&core, SECOND_US);
	for (int i = 0; i < 2; i++) {
		struct peer *dial = NULL;
		while ((dial = core_dial_next(&core)) == NULL)
			telling_pass(&core, 100 * MS_US);
		peer_hinder_errno(dial, ENETUNREACH);
		core_end(&core, dial);
	}
	take_all(peer);
	telling_pass(&core, REPORTING_SPREAD_MOST_US + REPORTING_LOOK_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_failures(report), "127.0.0.9:5999=9 unreachable 2");
	/* It comes by itself. */
	telling_meet_old(&core, 9);
	telling_pass(&core, SECOND_US);
	report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_links(report), "9");
	CU_ASSERT_EQUAL(report->mended_count, 1);
	telling_fini(&core);
}

/* ---- how it is itself ---- */

static void a_stop_of_this_process_is_told_once(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *other = telling_meet(&core, 3, alone);
	take_all(peer);
	protocol_stalled(core.protocol, peer, 4100 * MS_US, core.now_us);
	protocol_stalled(core.protocol, other, 4090 * MS_US, core.now_us);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT(report->stalled_us / 1000 == 4100, "%lld", (long long)report->stalled_us);
	CU_ASSERT_EQUAL(report->link_count, 0);
	CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
	/* A short one is none. */
	protocol_stalled(core.protocol, peer, 600 * MS_US, core.now_us);
	telling_pass(&core, SECOND_US);
	CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
	telling_fini(&core);
}

/* These peers' clocks are so far ahead of this node's. */
static void meet_with_clock(struct core *core, unsigned number, int64_t ahead_ms)
{
	struct peer *peer = telling_meet_old(core, number);
	long long clock_ms = (TELLING_CLOCK_US + core->now_us - 1000 * SECOND_US) / 1000 + ahead_ms;
	core_say(core, peer, "{'msgtype': 'report', 'seq': 1000, 'up_s': 1, 'time': %lld}", clock_ms);
}

static void a_clock_that_differs_from_most_is_told(void)
{
	static const struct {
		int64_t ahead_ms[4]; /* of the peers; 0 at the end */
		int64_t skew_ms;     /* of this node */
	} cases[] = {{{-43000, -43000, -42900, 0}, 43000},
		     {{5000, 5100, 4900, 9000}, -5000},
		     {{-43000, -43000, 0}, 0},
		     {{-1500, -1500, -1500, 0}, 0},
		     {{-43000, 1, 1, 1}, 0},
		     {{-43000, -43000, 1, 1}, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		start(&core);
		for (unsigned j = 0; j < 4 && cases[i].ahead_ms[j] != 0; j++)
			meet_with_clock(&core, 10 + j, cases[i].ahead_ms[j]);
		telling_pass(&core, SECOND_US);
		struct peer *peer = telling_meet_old(&core, 2);
		telling_pass(&core, SECOND_US);
		const struct report *report = telling_take_report(&core, peer);
		CU_ASSERT_PTR_NOT_NULL_FATAL(report);
		EXPECT(report->skew_ms / 100 == cases[i].skew_ms / 100, "case %zu: %lld", i,
		       (long long)report->skew_ms);
		telling_fini(&core);
	}
}

static void a_second_host_with_the_nodeid_of_a_peer_is_told_when_it_keeps_coming(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *first = telling_meet(&core, 3, alone);
	take_all(peer);
	for (int i = 0; i < REPORTING_DOUBLES; i++) {
		telling_pass(&core, 10 * SECOND_US);
		CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
		struct peer *twin = core_accept(&core, "127.0.7.7:41000");
		core_say_hello(&core, twin, 3, 0);
		CU_ASSERT(peer_is_closing(twin) && !peer_is_closing(first));
		core_end(&core, twin);
	}
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL_FATAL(report->double_count, 1);
	CU_ASSERT(nodeid_equals(&report->doubles[0].nodeid, &(struct nodeid){{0, 0, 0, 3, [6] = 0x40, [8] = 0x80}}));
	EXPECT_TEXT(address_text(report->doubles[0].one), "127.0.0.3:40000");
	EXPECT_TEXT(address_text(report->doubles[0].other), "127.0.7.7:41000");
	telling_fini(&core);
}

/* Comes once, from that host, with the nodeid of a peer. */
static void come_as_double(struct core *core)
{
	struct peer *twin = core_accept(core, "127.0.7.7:41000");
	core_say_hello(core, twin, 3, 0);
	core_end(core, twin);
}

static bool tells_of_a_double(struct core *core)
{
	struct report *report = reports_find(core->reports, &core->self);
	bool tells = report->double_count > 0;
	report_release(report);
	return tells;
}

static void a_double_that_comes_no_more_is_over_after_twice_its_usual_wait(void)
{
	static const struct {
		int64_t waits_us[2]; /* in turn */
		int64_t over_us;
	} cases[] = {
		{{SECOND_US, SECOND_US}, 8 * SECOND_US},
		{{8 * SECOND_US, 8 * SECOND_US}, 19 * SECOND_US},
		{{SECOND_US, 20 * SECOND_US}, 43 * SECOND_US},
		{{60 * SECOND_US, 45 * SECOND_US}, 93 * SECOND_US},
		{{500 * SECOND_US, 500 * SECOND_US}, 243 * SECOND_US},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		start(&core);
		telling_meet(&core, 3, alone);
		for (int j = 0; j < 20; j++) {
			telling_pass(&core, cases[i].waits_us[j % 2]);
			EXPECT(i == 4 || tells_of_a_double(&core) == (j >= REPORTING_DOUBLES), "case %zu, %d", i, j);
			come_as_double(&core);
			telling_pass(&core, SECOND_US);
		}
		telling_pass(&core, cases[i].over_us - 1500 * MS_US);
		EXPECT(tells_of_a_double(&core), "case %zu", i);
		telling_pass(&core, 4 * SECOND_US);
		EXPECT(!tells_of_a_double(&core), "case %zu", i);
		telling_fini(&core);
	}
}

static void a_host_without_the_secret_is_told_when_it_keeps_coming(void)
{
	struct core core;
	struct protocol_stranger stranger = {.what = "does not hold this network's secret", .lacks_secret = true};
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	take_all(peer);
	for (int i = 0; i < REPORTING_REFUSALS; i++) {
		telling_pass(&core, SECOND_US);
		CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
		struct peer *one = core_accept(&core, "127.0.7.7:41000");
		protocol_refused(core.protocol, one, &stranger, core.now_us);
		core_end(&core, one);
	}
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL_FATAL(report->refusal_count, 1);
	CU_ASSERT_EQUAL(report->refusals[0].count, REPORTING_REFUSALS);
	/* When it comes no more, that is told too. */
	telling_pass(&core, REPORTING_STOPPED_LEAST_US);
	report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT(report->fact_seq[FACT_REFUSALS] > 0 && report->refusal_count == 0);
	telling_fini(&core);
}

/* ---- bounds ---- */

/* More peers than a report tells of as ended leave at once. */
static void many_peers_that_go_at_once_are_told(void)
{
	enum { PEERS = 150 };
	struct core core;
	telling_init(&core);
	core.settings.max_inbound = 2 * PEERS;
	telling_start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *others[PEERS];
	for (unsigned i = 0; i < PEERS; i++)
		others[i] = telling_meet_old(&core, 300 + i);
	telling_pass(&core, 10 * SECOND_US);
	core_say(&core, peer, "{'msgtype': 'pong'}");
	take_all(peer);
	for (unsigned i = 0; i < PEERS; i++)
		core_end(&core, others[i]);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	/* A change could not name them all. */
	CU_ASSERT_EQUAL(report->base, 0);
	EXPECT_TEXT(telling_links(report), "2");
	CU_ASSERT_EQUAL(report->end_count, REPORT_ENDS);
	telling_fini(&core);
}

static void an_end_is_told_no_more_after_forget_after(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *other = telling_meet(&core, 3, alone);
	core_end(&core, other);
	telling_pass(&core, core.settings.forget_after_us + SECOND_US);
	take_all(peer);
	struct peer *late = telling_meet_old(&core, 4);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, late);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_ends(report), "");
	report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT(report->base > 0);
	telling_fini(&core);
}

/* From what is known now it can't be told that it has ended. */
static void who_has_missed_an_end_that_is_told_no_more_is_told_everything(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet_old(&core, 2), *other = telling_meet(&core, 3, alone);
	telling_pass(&core, SECOND_US);
	take_all(peer);
	core_end(&core, other);
	telling_pass(&core, core.settings.forget_after_us + SECOND_US);
	telling_meet_old(&core, 4);
	telling_pass(&core, SECOND_US);
	core_say(&core, peer, "{'msgtype': 'reports', 'have': []}");
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->base, 0);
	EXPECT_TEXT(telling_links(report), "2 4");
	telling_fini(&core);
}

static CU_TestInfo tests[] = {
	{"a round trip is told when it has been off for a minute",
	 a_round_trip_is_told_when_it_has_been_off_for_a_minute},
	{"a first round trip is not corrected at once", a_first_round_trip_is_not_corrected_at_once},
	{"a late peer is told after the moment of the verdict", a_late_peer_is_told_after_the_moment_of_the_verdict},
	{"a late peer that others hear is told sooner", a_late_peer_that_others_hear_is_told_sooner},
	{"an address that fails twice is told, and told again when it is reached",
	 an_address_that_fails_twice_is_told_and_told_again_when_it_is_reached},
	{"another reason is told, and the same when the tries have doubled",
	 another_reason_is_told_and_the_same_when_the_tries_have_doubled},
	{"hearsay that nobody has reached is not told", hearsay_that_nobody_has_reached_is_not_told},
	{"where a report knows a node a failure is told", where_a_report_knows_a_node_a_failure_is_told},
	{"of a node that is gone one who says so is enough", of_a_node_that_is_gone_one_who_says_so_is_enough},
	{"what was told of a node that is gone is told until it is reached",
	 what_was_told_of_a_node_that_is_gone_is_told_until_it_is_reached},
	{"what this machine cannot dial is no failure while the node is connected",
	 what_this_machine_cannot_dial_is_no_failure_while_the_node_is_connected},
	{"a stop of this process is told once", a_stop_of_this_process_is_told_once},
	{"a clock that differs from most is told", a_clock_that_differs_from_most_is_told},
	{"a second host with the nodeid of a peer is told when it keeps coming",
	 a_second_host_with_the_nodeid_of_a_peer_is_told_when_it_keeps_coming},
	{"a double that comes no more is over after twice its usual wait",
	 a_double_that_comes_no_more_is_over_after_twice_its_usual_wait},
	{"a host without the secret is told when it keeps coming",
	 a_host_without_the_secret_is_told_when_it_keeps_coming},
	{"many peers that go at once are told", many_peers_that_go_at_once_are_told},
	{"who has missed an end that is told no more is told everything",
	 who_has_missed_an_end_that_is_told_no_more_is_told_everything},
	{"an end is told no more after forget_after", an_end_is_told_no_more_after_forget_after},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_reporting_own = {
	.pName = "reporting_own", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
