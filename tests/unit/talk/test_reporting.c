#include <CUnit/CUnit.h>
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

/* ---- the first words ---- */

static void a_new_peer_is_told_everything(void)
{
	struct core core;
	telling_init(&core);
	snprintf(core.settings.texts->tags[0], sizeof core.settings.texts->tags[0], "role=db");
	telling_start(&core);
	core.now_us += 100 * SECOND_US;
	struct peer *peer = telling_meet_old(&core, 2);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT(nodeid_is_none(&report->nodeid));
	CU_ASSERT_EQUAL(report->base, 0);
	CU_ASSERT(report->seq >= TELLING_CLOCK_US / 1000);
	EXPECT_TEXT(report->name, "node 5");
	CU_ASSERT(strncmp(report->agent, "kithd/", 6) == 0);
	EXPECT_TEXT(address_text(report->address), "127.0.0.1:5999");
	CU_ASSERT_EQUAL(report->tag_count, 1);
	EXPECT_TEXT(report->tags[0], "role=db");
	EXPECT_TEXT(telling_links(report), "2");
	int64_t up_us = report->read_us - report->started_us, clock_us = report->clock_us - TELLING_CLOCK_US;
	EXPECT(up_us >= 100 * SECOND_US && up_us <= 101 * SECOND_US, "%lld", (long long)up_us);
	EXPECT(clock_us >= 100 * SECOND_US && clock_us <= 101 * SECOND_US, "%lld", (long long)clock_us);
	/* Once it speaks itself, it is told which reports are known: that one. */
	CU_ASSERT_PTR_NULL(telling_take(&core, peer, MESSAGE_REPORTS));
	telling_report(&core, peer, 0, 1000, alone);
	const struct message *message = telling_take(&core, peer, MESSAGE_REPORTS);
	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	CU_ASSERT(!message->reports.has_sums && message->reports.count == 1);
	CU_ASSERT(nodeid_equals(&message->reports.have[0].nodeid, &core.self));
	telling_fini(&core);
}

/* It became READY after the last look. */
static void a_new_peer_is_told_when_the_report_has_it(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet_old(&core, 2);
	reporting_tell(core.protocol, core.now_us);
	CU_ASSERT_EQUAL(telling_count_reports(&core, peer), 0);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_links(report), "2");
	telling_fini(&core);
}

/* Its report would be told again with each peer. Once it runs for a while, nobody can delay what it tells. */
static void a_node_that_starts_tells_nothing_while_peers_keep_coming(void)
{
	enum { PEERS = 12, BEFORE = 5 };
	struct core core;
	struct peer *peers[PEERS];
	start(&core);
	for (unsigned i = 0; i < BEFORE; i++) {
		peers[i] = telling_meet_old(&core, 300 + i);
		telling_pass(&core, i == 0 ? REPORTING_DELAY_US / 2 : REPORTING_ARRIVALS_US / 2);
		CU_ASSERT_EQUAL(telling_count_reports(&core, peers[0]), 0);
	}
	telling_pass(&core, REPORTING_ARRIVALS_US + 100 * MS_US);
	const struct report *report = telling_take_report(&core, peers[0]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->link_count, BEFORE);
	telling_pass(&core, REPORTING_ARRIVALS_MOST_US);
	for (unsigned i = BEFORE; i < PEERS; i++) {
		peers[i] = telling_meet_old(&core, 300 + i);
		telling_pass(&core, 200 * MS_US);
	}
	CU_ASSERT_EQUAL(telling_count_reports(&core, peers[BEFORE]), 1);
	telling_fini(&core);
}

/* Its threads run in any order when it goes on: that a peer has ended may be noticed a moment later. */
static void a_node_that_did_not_run_reads_before_it_tells(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *other = telling_meet(&core, 3, alone);
	telling_pass(&core, 5 * SECOND_US);
	take_all(peer);
	core.now_us += 40 * SECOND_US;
	struct peer *again = telling_meet_old(&core, 4);
	telling_pass(&core, 50 * MS_US);
	core_end(&core, other);
	telling_pass(&core, 5 * SECOND_US);
	const struct report *report = telling_take_report(&core, again);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_links(report), "2 4");
	report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_ends(report), "3 closed");
	telling_fini(&core);
}

/* A report has room for so many connections, and is for the others too. */
static void a_peer_for_which_the_report_has_no_room_is_told_too(void)
{
	enum { PEERS = REPORT_LINKS + 2 };
	static struct peer *peers[PEERS];
	struct core core;
	telling_init(&core);
	core.settings.max_inbound = PEERS;
	core.settings.report_rate = 1000000000;
	telling_start(&core);
	for (unsigned i = 0; i < PEERS; i++)
		peers[i] = telling_meet_old(&core, 300 + i);
	telling_pass(&core, 3 * SECOND_US);
	size_t told = 0;
	for (unsigned i = 0; i < PEERS; i++)
		told += telling_count_reports(&core, peers[i]) > 0;
	EXPECT(told == PEERS, "%zu", told);
	telling_fini(&core);
}

static void who_never_speaks_of_reports_is_told_no_changes(void)
{
	struct core core;
	start(&core);
	struct peer *old = telling_meet_old(&core, 2), *other = telling_meet_old(&core, 3);
	telling_pass(&core, SECOND_US);
	CU_ASSERT_EQUAL(telling_count_reports(&core, old), 1);
	core_end(&core, other);
	telling_pass(&core, 60 * SECOND_US);
	CU_ASSERT_EQUAL(telling_count_reports(&core, old), 0);
	/* Once it does, it is told what it has missed. */
	core_say(&core, old, "{'msgtype': 'reports', 'have': []}");
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, old);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_ends(report), "3 closed");
	telling_fini(&core);
}

static void without_max_nodes_nothing_is_said_or_heard(void)
{
	struct core core;
	telling_init(&core);
	core.settings.max_nodes = 0;
	telling_start(&core);
	struct peer *peer = telling_meet_old(&core, 2);
	telling_report(&core, peer, 0, 1000, alone);
	core_say(&core, peer, "{'msgtype': 'reports', 'have': [['%s', 7]]}", nodeid_text(9));
	core_say(&core, peer, "{'msgtype': 'getreport', 'nodeids': ['%s']}", nodeid_text(5));
	telling_pass(&core, 400 * SECOND_US);
	CU_ASSERT_EQUAL(telling_count_reports(&core, peer), 0);
	size_t bytes;
	CU_ASSERT_EQUAL(reports_count(core.reports, &bytes), 0);
	CU_ASSERT_EQUAL(peer_look(peer, core.now_us).ignored, 3);
	/* A reload sets it. */
	core.settings.max_nodes = 100;
	protocol_report_anew(core.protocol);
	telling_pass(&core, SECOND_US);
	CU_ASSERT_EQUAL(telling_count_reports(&core, peer), 1);
	telling_fini(&core);
}

/* ---- changes ---- */

static void a_peer_that_ends_costs_others_a_short_line(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *other = telling_meet(&core, 3, alone);
	take_all(peer);
	core_end(&core, other);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->base, report->seq - 1);
	CU_ASSERT_EQUAL(report->end_count, 1);
	CU_ASSERT_EQUAL(report->link_count, 0);
	CU_ASSERT_EQUAL(report->ends[0].reason, REASON_CLOSED);
	EXPECT(strlen(telling_line()) < 90, "%s", telling_line());
	CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
	telling_fini(&core);
}

static void changes_that_come_together_are_told_together(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *others[3];
	for (unsigned i = 0; i < 3; i++)
		others[i] = telling_meet(&core, 10 + i, alone);
	take_all(peer);
	for (unsigned i = 0; i < 3; i++) {
		core_end(&core, others[i]);
		telling_pass(&core, 20 * MS_US);
	}
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->end_count, 3);
	CU_ASSERT_PTR_NULL(telling_take_report(&core, peer));
	telling_fini(&core);
}

static void a_quiet_node_tells_nothing(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	telling_pass(&core, 10 * SECOND_US);
	take_all(peer);
	telling_pass(&core, 3600 * SECOND_US);
	CU_ASSERT_EQUAL(telling_count_reports(&core, peer), 0);
	telling_fini(&core);
}

/* Each is told what it lacks. */
static void who_comes_later_is_told_everything_and_the_others_a_change(void)
{
	struct core core;
	start(&core);
	struct peer *first = telling_meet(&core, 2, alone);
	struct peer *second = telling_meet_old(&core, 3);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, first);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT(report->base > 0);
	EXPECT_TEXT(telling_links(report), "3");
	report = telling_take_report(&core, second);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->base, 0);
	EXPECT_TEXT(telling_links(report), "2 3");
	telling_fini(&core);
}

static void who_is_back_is_an_end_no_more(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *other = telling_meet(&core, 3, alone);
	core_end(&core, other);
	telling_pass(&core, SECOND_US);
	telling_meet(&core, 3, alone);
	take_all(peer);
	core_say(&core, peer, "{'msgtype': 'getreport', 'nodeids': ['%s']}", nodeid_text(5));
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_links(report), "2 3");
	EXPECT_TEXT(telling_ends(report), "");
	telling_fini(&core);
}

/* The message says so, and the reports of all receivers agree with what the node says of itself. */
static void a_name_and_tags_that_change_are_told(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	snprintf(core.settings.texts->name, sizeof core.settings.texts->name, "other");
	snprintf(core.settings.texts->tags[0], sizeof core.settings.texts->tags[0], "role=web");
	protocol_report_anew(core.protocol);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(report->name, "other");
	CU_ASSERT_EQUAL(report->tag_count, 1);
	CU_ASSERT_EQUAL(report->link_count, 0);
	telling_fini(&core);
}

/* A round waits until the one before is paid. */
static void the_own_reports_keep_to_their_rate(void)
{
	enum { PEERS = 40 };
	struct core core;
	telling_init(&core);
	core.settings.report_rate = 256;
	telling_start(&core);
	struct peer *peers[PEERS];
	for (unsigned i = 0; i < PEERS; i++) {
		peers[i] = telling_meet(&core, 10 + i, alone);
		telling_pass(&core, 30 * SECOND_US);
		core_say(&core, peers[i], "{'msgtype': 'pong'}");
	}
	size_t bytes = 0, reports = 0;
	for (unsigned i = 0; i < PEERS; i++)
		take_all(peers[i]);
	for (int i = 0; i < 100; i++) {
		snprintf(core.settings.texts->name, sizeof core.settings.texts->name, "name %d", i);
		protocol_report_anew(core.protocol);
		telling_pass(&core, 100 * MS_US);
	}
	for (unsigned i = 0; i < PEERS; i++)
		while (telling_take_report(&core, peers[i]) != NULL) {
			bytes += strlen(telling_line()) + 1;
			reports++;
		}
	/* 1 kB/s for 10 s, and the last round. */
	EXPECT(bytes <= 1024 * 10 + PEERS * 100, "%zu", bytes);
	EXPECT(bytes >= 1024 * 8, "%zu bytes in %zu reports", bytes, reports);
	telling_fini(&core);
}

/* What it is told is long, and each time the same. */
static void who_comes_again_and_again_does_not_delay_what_others_are_told(void)
{
	enum { PEERS = 60 };
	struct core core;
	telling_init(&core);
	core.settings.max_inbound = 2 * PEERS;
	core.settings.report_rate = 1024;
	telling_start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	for (unsigned i = 0; i < PEERS; i++)
		telling_meet_old(&core, 300 + i);
	size_t bytes = 0;
	for (int i = 0; i < 100; i++) {
		struct peer *guest = telling_meet_old(&core, 9);
		telling_pass(&core, 150 * MS_US);
		if (telling_take_report(&core, guest) != NULL)
			bytes += strlen(telling_line()) + 1;
		core_end(&core, guest);
		telling_pass(&core, 50 * MS_US);
	}
	EXPECT(bytes <= 4 * 1024 * (20 + 8) + 4096, "%zu", bytes);
	core_tend(&core, peer);
	core_say(&core, peer, "{'msgtype': 'pong'}");
	telling_pass(&core, SECOND_US);
	take_all(peer);
	snprintf(core.settings.texts->name, sizeof core.settings.texts->name, "other");
	protocol_report_anew(core.protocol);
	telling_pass(&core, 300 * MS_US);
	CU_ASSERT_EQUAL(telling_count_reports(&core, peer), 1);
	telling_fini(&core);
}

/* ---- numbers ---- */

static void the_number_rises_above_what_is_heard_of_itself(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	int64_t later = TELLING_CLOCK_US / 1000 + INT64_C(3600) * 24 * 365 * 1000;
	int64_t before = reports_seq(core.reports, &core.self);
	telling_report(&core, peer, 5, later, alone);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->seq, later + 1);
	/* What others have under that number may be anything: the change fits it no more than those in between. */
	CU_ASSERT_EQUAL(report->base, before);
	CU_ASSERT(!report_fits(report, later) && report_fits(report, before));
	telling_fini(&core);
}

/* Its clock was set back: the first number of this run is below those of the last. */
static void a_clock_that_was_set_back_silences_nobody(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet_old(&core, 2);
	int64_t later = TELLING_CLOCK_US / 1000 + 5000000;
	core_say(&core, peer, "{'msgtype': 'reports', 'have': [['%s', %lld]]}", nodeid_text(5), (long long)later);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peer);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT(report->seq > later && report->base == 0);
	telling_fini(&core);
}

/* Each costs a change to everybody. */
static void lies_about_its_number_have_little_effect(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	int64_t seq = TELLING_CLOCK_US / 1000 + 5000000;
	size_t count = 0;
	for (int i = 0; i < 600; i++) {
		telling_report(&core, peer, 5, seq += 1000000, alone);
		telling_pass(&core, 100 * MS_US);
		core_say(&core, peer, "{'msgtype': 'pong'}");
		count += telling_count_reports(&core, peer);
	}
	EXPECT(count >= 1 && count <= 12, "%zu", count);
	telling_fini(&core);
}

/* The number that the peer is told of itself, by the last message of that kind; 0 for none. */
static int64_t told_of_itself(struct core *core, struct peer *peer, unsigned number)
{
	const struct nodeid nodeid = nodeid_of(number);
	const struct message *message;
	int64_t seq = 0;
	while ((message = telling_take(core, peer, MESSAGE_REPORTS)) != NULL)
		for (size_t i = 0; i < message->reports.count; i++)
			if (nodeid_equals(&message->reports.have[i].nodeid, &nodeid))
				seq = message->reports.have[i].seq;
	return seq;
}

static void a_peer_is_believed_and_learns_of_a_higher_number(void)
{
	const struct nodeid nine = nodeid_of(9);
	struct core core;
	start(&core);
	struct peer *liar = telling_meet(&core, 2, alone);
	telling_report(&core, liar, 9, 2000, alone);
	CU_ASSERT_EQUAL(reports_seq(core.reports, &nine), 2000);
	struct peer *peer = telling_meet_old(&core, 9);
	telling_report(&core, peer, 0, 1000, alone);
	CU_ASSERT_EQUAL(reports_seq(core.reports, &nine), 1000);
	CU_ASSERT_EQUAL(told_of_itself(&core, peer, 9), 2000);
	/* Others say that they have a higher one: the peer hears of that now and then. */
	core_say(&core, liar, "{'msgtype': 'reports', 'have': [['%s', 3000]]}", nodeid_text(9));
	CU_ASSERT_EQUAL(told_of_itself(&core, peer, 9), 0);
	telling_tend(&core, peer, true, REPORTING_COMPARE_LEAST_US);
	core_say(&core, liar, "{'msgtype': 'reports', 'have': [['%s', 3000]]}", nodeid_text(9));
	CU_ASSERT_EQUAL(told_of_itself(&core, peer, 9), 3000);
	core_say(&core, liar, "{'msgtype': 'reports', 'have': [['%s', 4000]]}", nodeid_text(9));
	CU_ASSERT_EQUAL(told_of_itself(&core, peer, 9), 0);
	CU_ASSERT_EQUAL(reports_seq(core.reports, &nine), 1000);
	telling_fini(&core);
}

/* Above it no number would be believed by anybody. */
static void a_number_that_is_not_believed_of_others_is_not_believed_of_itself(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	int64_t before = reports_seq(core.reports, &core.self);
	core_say(&core, peer, "{'msgtype': 'reports', 'have': [['%s', %lld]]}", nodeid_text(5),
		 (long long)REPORT_SEQ_MOST);
	telling_pass(&core, 2 * SECOND_US);
	int64_t after = reports_seq(core.reports, &core.self);
	EXPECT(after >= before && after < before + 10, "%lld after %lld", (long long)after, (long long)before);
	telling_fini(&core);
}

/* All get what they lack, as ever. */
static void a_lie_about_its_number_does_not_make_it_tell_everything(void)
{
	enum { PEERS = 60 };
	struct core core;
	telling_init(&core);
	core.settings.max_inbound = 100;
	telling_start(&core);
	struct peer *peers[PEERS];
	for (unsigned i = 0; i < PEERS; i++)
		peers[i] = telling_meet(&core, 300 + i, alone);
	telling_pass(&core, 60 * SECOND_US);
	for (unsigned i = 0; i < PEERS; i++) {
		core_tend(&core, peers[i]);
		core_say(&core, peers[i], "{'msgtype': 'pong'}");
	}
	telling_pass(&core, 5 * SECOND_US);
	for (unsigned i = 0; i < PEERS; i++)
		take_all(peers[i]);
	int64_t before = reports_seq(core.reports, &core.self), lie = before + 5000000;
	telling_report(&core, peers[0], 5, lie, alone);
	telling_pass(&core, SECOND_US);
	for (unsigned i = 0; i < PEERS; i++) {
		const struct report *report = telling_take_report(&core, peers[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(report);
		CU_ASSERT_EQUAL(report->seq, lie + 1);
		CU_ASSERT_EQUAL(report->base, before);
		CU_ASSERT_EQUAL(report->hole, lie + 1);
		EXPECT(strlen(telling_line()) < 100, "%s", telling_line());
	}
	/* Nor does it keep what happens then from being told. */
	core_end(&core, peers[1]);
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, peers[2]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->base, lie + 1);
	CU_ASSERT_EQUAL(report->end_count, 1);
	telling_fini(&core);
}

static CU_TestInfo tests[] = {
	{"a new peer is told everything", a_new_peer_is_told_everything},
	{"a new peer is told when the report has it", a_new_peer_is_told_when_the_report_has_it},
	{"a node that starts tells nothing while peers keep coming",
	 a_node_that_starts_tells_nothing_while_peers_keep_coming},
	{"a node that did not run reads before it tells", a_node_that_did_not_run_reads_before_it_tells},
	{"a peer for which the report has no room is told too", a_peer_for_which_the_report_has_no_room_is_told_too},
	{"who never speaks of reports is told no changes", who_never_speaks_of_reports_is_told_no_changes},
	{"without max_nodes nothing is said or heard", without_max_nodes_nothing_is_said_or_heard},
	{"a peer that ends costs others a short line", a_peer_that_ends_costs_others_a_short_line},
	{"changes that come together are told together", changes_that_come_together_are_told_together},
	{"a quiet node tells nothing", a_quiet_node_tells_nothing},
	{"who comes later is told everything, and the others a change",
	 who_comes_later_is_told_everything_and_the_others_a_change},
	{"who is back is an end no more", who_is_back_is_an_end_no_more},
	{"a name and tags that change are told", a_name_and_tags_that_change_are_told},
	{"the own reports keep to their rate", the_own_reports_keep_to_their_rate},
	{"who comes again and again does not delay what others are told",
	 who_comes_again_and_again_does_not_delay_what_others_are_told},
	{"the number rises above what is heard of itself", the_number_rises_above_what_is_heard_of_itself},
	{"a clock that was set back silences nobody", a_clock_that_was_set_back_silences_nobody},
	{"lies about its number have little effect", lies_about_its_number_have_little_effect},
	{"a peer is believed, and learns of a higher number", a_peer_is_believed_and_learns_of_a_higher_number},
	{"a number that is not believed of others is not believed of itself",
	 a_number_that_is_not_believed_of_others_is_not_believed_of_itself},
	{"a lie about its number does not make it tell everything",
	 a_lie_about_its_number_does_not_make_it_tell_everything},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_reporting = {
	.pName = "reporting", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
