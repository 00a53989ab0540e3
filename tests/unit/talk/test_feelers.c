#include <CUnit/CUnit.h>
#include <errno.h>
#include <stdio.h>

#include "runner.h"
#include "talk/feelers_priv.h"
#include "talk/reporting_priv.h"
#include "unit/suites.h"
#include "unit/talk/telling.h"

static const unsigned alone[] = {5, 0};

static void start(struct core *core)
{
	telling_init(core);
	telling_start(core);
}

/* A peer that has dialled this node, was found at port 5999 of its host, and sends reports. */
static struct peer *meet(struct core *core, unsigned number)
{
	char from[ADDRESS_TEXT_BYTES];
	snprintf(from, sizeof from, "127.0.0.%u:40000", number);
	struct peer *peer = core_meet(core, number, from, 5999);
	core_say(core, peer, "{'msgtype': 'pong'}");
	telling_report(core, peer, 0, 1000, alone);
	telling_pass(core, SECOND_US);
	take_all(peer);
	return peer;
}

/* The next one within that time; NULL if there is none. */
static struct peer *feel(struct core *core, int64_t within_us)
{
	int64_t end_us = core->now_us + within_us;
	for (;;) {
		struct next_dial next = protocol_next_feeler(core->protocol, core->now_us);
		if (next.is_due) {
			CU_ASSERT_EQUAL(next.dial.kind, DIAL_FEELER_PEER);
			return core_connect(core, PEER_OUTBOUND, &next.dial, "127.0.0.1:40001",
					    address_text(next.dial.address));
		}
		CU_ASSERT_FATAL(next.next_us > core->now_us);
		if (next.next_us > end_us)
			break;
		telling_pass(core, next.next_us - core->now_us);
	}
	telling_pass(core, end_us - core->now_us);
	return NULL;
}

static unsigned number_of(const struct peer *feeler)
{
	return peer_dial(feeler)->expected.bytes[3];
}

/* It finds whom it looks for. */
static void find(struct core *core, struct peer *feeler)
{
	core_say_hello(core, feeler, number_of(feeler), 5999);
	CU_ASSERT(peer_is_closing(feeler));
	core_end(core, feeler);
}

static void fail(struct core *core, struct peer *feeler)
{
	peer_fail_errno(feeler, ETIMEDOUT);
	core_end(core, feeler);
}

static void peers_that_send_reports_are_dialled_in_turn(void)
{
	enum { PEERS = 3, TURNS = 12 };
	struct core core;
	unsigned counts[PEERS + 2] = {0};
	start(&core);
	for (unsigned i = 2; i < PEERS + 2; i++)
		meet(&core, i);
	/* One that sends none, and one that listens nowhere. */
	core_meet(&core, 30, "127.0.0.30:40000", 5999);
	telling_meet(&core, 31, alone);
	for (int i = 0; i < TURNS; i++) {
		int64_t before_us = core.now_us;
		struct peer *feeler = feel(&core, 1000 * SECOND_US);
		CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
		int64_t waited_us = core.now_us - before_us;
		EXPECT(waited_us >= 88 * SECOND_US && waited_us <= 150 * SECOND_US, "%lld", (long long)waited_us);
		CU_ASSERT_FATAL(number_of(feeler) < PEERS + 2);
		counts[number_of(feeler)]++;
		find(&core, feeler);
	}
	for (unsigned i = 2; i < PEERS + 2; i++)
		EXPECT(counts[i] == TURNS / PEERS, "%u: %u", i, counts[i]);
	telling_fini(&core);
}

static void one_that_fails_is_tried_again_soon_and_told(void)
{
	struct core core;
	start(&core);
	struct peer *peer = meet(&core, 2), *other = meet(&core, 3);
	struct peer *feeler = feel(&core, 1000 * SECOND_US);
	CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
	unsigned number = number_of(feeler);
	struct peer *listener = number == 2 ? other : peer;
	fail(&core, feeler);
	telling_pass(&core, SECOND_US);
	CU_ASSERT_PTR_NULL(telling_take_report(&core, listener));
	for (int i = 0; i < 4; i++) {
		int64_t before_us = core.now_us;
		feeler = feel(&core, 20 * SECOND_US);
		CU_ASSERT_FATAL(feeler != NULL && number_of(feeler) == number);
		EXPECT(i == 0 || core.now_us - before_us == FEELERS_AGAIN_US, "%lld",
		       (long long)(core.now_us - before_us));
		fail(&core, feeler);
	}
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, listener);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	char failure[64];
	snprintf(failure, sizeof failure, "127.0.0.%u:5999=%u timed_out 2", number, number);
	EXPECT_TEXT(telling_failures(report), failure);
	/* It is reached again. */
	take_all(listener);
	feeler = feel(&core, 20 * SECOND_US);
	CU_ASSERT_PTR_NOT_NULL_FATAL(feeler);
	find(&core, feeler);
	telling_pass(&core, SECOND_US);
	report = telling_take_report(&core, listener);
	CU_ASSERT_FATAL(report != NULL && report->mended_count == 1);
	CU_ASSERT_PTR_NULL(feel(&core, 60 * SECOND_US));
	/* The address book has heard nothing of all that. */
	struct address_info info;
	struct address address = address_of(number == 2 ? "127.0.0.2:5999" : "127.0.0.3:5999");
	CU_ASSERT(address_book_look(core.book, &address, &info, core.now_us) && info.failures == 0);
	telling_fini(&core);
}

static void what_fails_is_not_told_once_the_peer_is_gone(void)
{
	struct core core;
	start(&core);
	struct peer *peer = meet(&core, 2), *listener = telling_meet(&core, 31, alone);
	for (int i = 0; i < 3; i++)
		fail(&core, feel(&core, 1000 * SECOND_US));
	telling_pass(&core, SECOND_US);
	const struct report *report = telling_take_report(&core, listener);
	CU_ASSERT_FATAL(report != NULL && report->failure_count == 1);
	take_all(listener);
	core_end(&core, peer);
	telling_pass(&core, 2 * SECOND_US);
	report = telling_take_report(&core, listener);
	CU_ASSERT_FATAL(report != NULL && report->mended_count == 1);
	CU_ASSERT_PTR_NULL(feel(&core, 1000 * SECOND_US));
	telling_fini(&core);
}

static void who_says_that_it_cannot_dial_this_node_is_dialled_but_not_more_often(void)
{
	struct core core;
	start(&core);
	struct peer *peer = meet(&core, 2);
	unsigned count = 0;
	for (int i = 0; i < 100; i++) {
		core_say(&core, peer,
			 "{'msgtype': 'report', 'seq': %d, 'failing': [['127.0.0.1:5999', '%s', 'timed_out', 2, 9, 1, "
			 "null]]}",
			 1001 + i, nodeid_text(5));
		struct peer *feeler = feel(&core, 500 * MS_US);
		if (feeler == NULL)
			continue;
		count++;
		find(&core, feeler);
	}
	/* 50 s. */
	EXPECT(count >= 5 && count <= 8, "%u", count);
	telling_fini(&core);
}

static void if_others_fail_to_dial_a_peer_it_is_dialled_sooner(void)
{
	struct core core;
	start(&core);
	struct peer *teller = meet(&core, 2);
	meet(&core, 3);
	unsigned counts[5] = {0};
	for (int i = 0; i < 20; i++) {
		core_say(&core, teller,
			 "{'msgtype': 'report', 'seq': %d, 'failing': [['127.0.0.3:5999', '%s', 'timed_out', 2, 9, 1, "
			 "null], ['127.0.0.9:5999', '%s', 'timed_out', 2, 9, 1, null]]}",
			 1001 + i, nodeid_text(3), nodeid_text(9));
		struct peer *feeler = feel(&core, SECOND_US);
		if (feeler == NULL)
			continue;
		counts[number_of(feeler)]++;
		find(&core, feeler);
	}
	/* Of two peers, each within 4 s. */
	EXPECT(counts[2] == 0 && counts[3] >= 3 && counts[3] <= 6, "%u and %u", counts[2], counts[3]);
	telling_fini(&core);
}

/* Of a peer that is heard, only its own words count. */
static void what_others_say_that_a_peer_says_has_nobody_dialled(void)
{
	struct core core;
	start(&core);
	core.settings.feeler_interval_us = 3600 * SECOND_US;
	struct peer *liar = meet(&core, 2);
	meet(&core, 3);
	core_say(&core, liar,
		 "{'msgtype': 'report', 'nodeid': '%s', 'seq': 1001, 'up_s': 9, 'links': [], 'failing': "
		 "[['127.0.0.1:5999', '%s', 'timed_out', 2, 9, 1, null]]}",
		 nodeid_text(3), nodeid_text(5));
	CU_ASSERT_PTR_NULL(feel(&core, 20 * SECOND_US));
	telling_fini(&core);
}

static void what_others_can_dial_again_is_tried_soon(void)
{
	struct core core;
	start(&core);
	core.settings.feeler_interval_us = 3600 * SECOND_US;
	struct peer *teller = meet(&core, 2);
	meet(&core, 3);
	/* Of ten nodes each waits for 80 s. */
	for (int i = 0; i < 10; i++)
		core_say(&core, teller,
			 "{'msgtype': 'report', 'nodeid': '%s', 'seq': 1, 'up_s': 9, 'links': [], 'failing': "
			 "[['127.0.0.3:5999', '%s', 'timed_out', 2, 9, 1, null]]}",
			 nodeid_text(100 + (unsigned)i), nodeid_text(3));
	for (int i = 0; i < 3; i++)
		fail(&core, feel(&core, 200 * SECOND_US));
	CU_ASSERT_PTR_NULL(feel(&core, 20 * SECOND_US));
	core_say(&core, teller, "{'msgtype': 'report', 'seq': 1001, 'mended': ['127.0.0.3:5999']}");
	struct peer *feeler = feel(&core, 3 * SECOND_US);
	CU_ASSERT_FATAL(feeler != NULL && number_of(feeler) == 3);
	telling_fini(&core);
}

static CU_TestInfo tests[] = {
	{"peers that send reports are dialled in turn", peers_that_send_reports_are_dialled_in_turn},
	{"one that fails is tried again soon, and told", one_that_fails_is_tried_again_soon_and_told},
	{"what fails is not told once the peer is gone", what_fails_is_not_told_once_the_peer_is_gone},
	{"who says that it cannot dial this node is dialled, but not more often",
	 who_says_that_it_cannot_dial_this_node_is_dialled_but_not_more_often},
	{"what others say that a peer says has nobody dialled", what_others_say_that_a_peer_says_has_nobody_dialled},
	{"what others can dial again is tried soon", what_others_can_dial_again_is_tried_soon},
	{"if others fail to dial a peer, it is dialled sooner", if_others_fail_to_dial_a_peer_it_is_dialled_sooner},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_feelers = {
	.pName = "feelers", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
