#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "link/allowance.h"
#include "runner.h"
#include "talk/reporting_priv.h"
#include "unit/suites.h"
#include "unit/talk/telling.h"

static const unsigned alone[] = {5, 0};

/* Too many for one with few ways. */
static const unsigned many[] = {5, 50, 51, 52, 53, 54, 55, 0};

static void start(struct core *core)
{
	telling_init(core);
	telling_start(core);
}

/* The next report of another node. */
static const struct report *take_relayed(struct core *core, struct peer *peer)
{
	const struct report *report;
	while ((report = telling_take_report(core, peer)) != NULL)
		if (!nodeid_is_none(&report->nodeid))
			return report;
	return NULL;
}

static void a_report_goes_to_those_that_are_not_linked_with_its_node(void)
{
	static const unsigned links[] = {5, 3, 0};
	struct core core;
	start(&core);
	struct peer *origin = telling_meet_old(&core, 2), *linked = telling_meet(&core, 3, alone);
	struct peer *other = telling_meet(&core, 4, alone), *old = telling_meet_old(&core, 6);
	take_all(linked);
	telling_report(&core, origin, 0, 1000, links);
	telling_pass(&core, SECOND_US);
	const struct report *report = take_relayed(&core, other);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->seq, 1000);
	CU_ASSERT_EQUAL(report->base, 0);
	EXPECT_TEXT(telling_links(report), "3 5");
	CU_ASSERT_PTR_NULL(take_relayed(&core, other));
	CU_ASSERT_PTR_NULL(take_relayed(&core, origin));
	CU_ASSERT_PTR_NULL(take_relayed(&core, linked));
	CU_ASSERT_PTR_NULL(take_relayed(&core, old));
	telling_fini(&core);
}

static void a_change_is_passed_on_as_a_change(void)
{
	struct core core;
	start(&core);
	struct peer *origin = telling_meet(&core, 2, alone), *other = telling_meet(&core, 4, alone);
	take_all(other);
	core_say(&core, origin, "{'msgtype': 'report', 'seq': 1001, 'links': [['%s', 7, 1]]}", nodeid_text(9));
	core_say(&core, origin, "{'msgtype': 'report', 'seq': 1002, 'links': [['%s', 8, 1]]}", nodeid_text(10));
	telling_pass(&core, SECOND_US);
	const struct report *report = take_relayed(&core, other);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->seq, 1002);
	CU_ASSERT_EQUAL(report->base, 1000);
	EXPECT_TEXT(telling_links(report), "9+ 10+");
	CU_ASSERT_PTR_NULL(take_relayed(&core, other));
	telling_fini(&core);
}

static void what_is_passed_on_is_not_passed_back(void)
{
	struct core core;
	start(&core);
	struct peer *teller = telling_meet(&core, 2, alone), *other = telling_meet(&core, 4, alone);
	take_all(teller);
	telling_report(&core, teller, 9, 1000, alone);
	telling_pass(&core, SECOND_US);
	CU_ASSERT_PTR_NULL(take_relayed(&core, teller));
	CU_ASSERT_PTR_NOT_NULL(take_relayed(&core, other));
	/* What is known already is no news, whoever tells it. */
	telling_report(&core, other, 9, 1000, alone);
	telling_report(&core, other, 9, 999, alone);
	telling_pass(&core, SECOND_US);
	CU_ASSERT_PTR_NULL(take_relayed(&core, teller));
	telling_fini(&core);
}

/* In a network of more than REPORTING_FEW_NODES. But those with few ways are told. */
static void what_many_peers_have_is_no_news(void)
{
	for (unsigned tellers = REPORTING_MANY_TELLERS - 1; tellers <= REPORTING_MANY_TELLERS; tellers++) {
		struct core core;
		start(&core);
		struct peer *first = telling_meet(&core, 2, many), *other = telling_meet(&core, 4, many);
		struct peer *leaf = telling_meet(&core, 6, alone);
		for (unsigned i = 0; i < REPORTING_FEW_NODES; i++)
			telling_report(&core, first, 100 + i, 1000, alone);
		for (unsigned i = 0; i < tellers; i++)
			core_say(&core, i == 0 ? first : telling_meet(&core, 10 + i, alone),
				 "{'msgtype': 'reports', 'have': [['%s', 1000]]}", nodeid_text(9));
		telling_pass(&core, 2 * SECOND_US);
		take_all(other);
		take_all(leaf);
		telling_report(&core, first, 9, 1000, alone);
		telling_pass(&core, SECOND_US);
		EXPECT(take_relayed(&core, leaf) != NULL, "%u tellers", tellers);
		EXPECT((take_relayed(&core, other) == NULL) == (tellers == REPORTING_MANY_TELLERS), "%u tellers",
		       tellers);
		/* What changes there is. */
		telling_report(&core, first, 9, 1001, alone);
		telling_pass(&core, SECOND_US);
		EXPECT(take_relayed(&core, other) != NULL, "%u tellers", tellers);
		telling_fini(&core);
	}
}

/* Of what is new 6, of each change 4. */
static void some_at_random_are_told(void)
{
	enum { PEERS = 20, REPORTS = 60 };
	struct core core;
	telling_init(&core);
	core.settings.max_inbound = 100;
	telling_start(&core);
	struct peer *peers[PEERS], *teller = telling_meet(&core, 2, alone);
	size_t counts[PEERS] = {0}, all = 0;
	for (unsigned i = 0; i < PEERS; i++)
		peers[i] = telling_meet(&core, 300 + i, many);
	telling_pass(&core, 60 * SECOND_US);
	for (unsigned i = 0; i < PEERS; i++)
		take_all(peers[i]);
	for (int j = 0; j < REPORTS; j++) {
		telling_report(&core, teller, 9, 2000 + j, alone);
		telling_pass(&core, 10 * SECOND_US);
		for (unsigned i = 0; i < PEERS; i++) {
			core_say(&core, peers[i], "{'msgtype': 'pong'}");
			counts[i] += telling_count_reports(&core, peers[i]);
		}
	}
	for (unsigned i = 0; i < PEERS; i++) {
		all += counts[i];
		EXPECT(counts[i] > 2 && counts[i] < 25, "peer %u: %zu", i, counts[i]);
	}
	CU_ASSERT_EQUAL(all, REPORTING_TARGETS + (REPORTS - 1) * REPORTING_CHANGE_TARGETS);
	telling_fini(&core);
}

/* And all of it keeps to report_rate. */
static void those_with_few_ways_are_told_besides(void)
{
	enum { PEERS = 20, REPORTS = 200, SECONDS = 2 };
	struct core core;
	telling_init(&core);
	core.settings.max_inbound = 100;
	core.settings.report_rate = 1024;
	telling_start(&core);
	struct peer *peers[PEERS], *teller = telling_meet(&core, 2, many);
	for (unsigned i = 0; i < PEERS; i++)
		peers[i] = telling_meet(&core, 300 + i, i < PEERS / 2 ? many : alone);
	telling_pass(&core, 60 * SECOND_US);
	for (unsigned i = 0; i < PEERS; i++)
		take_all(peers[i]);
	telling_report(&core, teller, 9, 1000, alone);
	telling_pass(&core, SECOND_US);
	size_t all = 0, bytes = 0;
	for (unsigned i = 0; i < PEERS; i++) {
		size_t count = telling_count_reports(&core, peers[i]);
		all += count;
		EXPECT(i < PEERS / 2 || count == 1, "peer %u: %zu", i, count);
	}
	EXPECT(all >= PEERS / 2 && all <= PEERS / 2 + REPORTING_TARGETS, "%zu", all);
	telling_pass(&core, 60 * SECOND_US);
	for (unsigned i = 0; i < REPORTS; i++)
		telling_report(&core, teller, 1000 + i, 1000, alone);
	telling_pass(&core, SECONDS * SECOND_US);
	for (unsigned i = 0; i < PEERS; i++)
		while (telling_take_report(&core, peers[i]) != NULL)
			bytes += strlen(telling_line()) + 1;
	size_t most = (size_t)core.settings.report_rate * (REPORTING_BURST_S + SECONDS);
	EXPECT(bytes > most * 3 / 4 && bytes < most + 1000, "%zu, not %zu", bytes, most);
	telling_fini(&core);
}

/* A node that is connected is asked itself. */
static void of_a_peer_only_its_own_words_count(void)
{
	struct core core;
	start(&core);
	struct peer *liar = telling_meet(&core, 2, alone);
	telling_meet(&core, 3, alone);
	struct peer *other = telling_meet(&core, 4, alone);
	take_all(other);
	telling_report(&core, liar, 3, 5000, alone);
	telling_pass(&core, SECOND_US);
	struct nodeid nodeid = nodeid_of(3);
	CU_ASSERT_EQUAL(reports_seq(core.reports, &nodeid), 1000);
	CU_ASSERT_PTR_NULL(take_relayed(&core, other));
	telling_fini(&core);
}

/* The two can't hear each other, and this node hears both. */
static void a_link_that_is_late_does_not_bring_the_report(void)
{
	struct core core;
	start(&core);
	struct peer *origin = telling_meet(&core, 2, alone), *far = telling_meet(&core, 4, alone);
	core_say(&core, origin, "{'msgtype': 'report', 'seq': 1001, 'links': [['%s', 7, 1]]}", nodeid_text(4));
	telling_pass(&core, SECOND_US);
	take_all(far);
	core_say(&core, origin, "{'msgtype': 'report', 'seq': 1002, 'links': [['%s', 7, 1]]}", nodeid_text(9));
	telling_pass(&core, SECOND_US);
	CU_ASSERT_PTR_NULL(take_relayed(&core, far));
	core_say(&core, origin, "{'msgtype': 'report', 'seq': 1003, 'links': [['%s', 7, 1, 6]]}", nodeid_text(4));
	telling_pass(&core, SECOND_US);
	const struct report *report = take_relayed(&core, far);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	CU_ASSERT_EQUAL(report->seq, 1003);
	telling_fini(&core);
}

static void a_peer_that_misses_this_node_is_pinged(void)
{
	struct core core;
	start(&core);
	struct peer *other = telling_meet(&core, 2, alone), *peer = telling_meet(&core, 3, alone);
	take_all(peer);
	core_say(&core, other, "{'msgtype': 'report', 'nodeid': '%s', 'seq': 1001, 'links': [['%s', 7, 1]]}",
		 nodeid_text(3), nodeid_text(5));
	core_tend(&core, peer);
	EXPECT_SENT(peer, "");
	core_say(&core, other, "{'msgtype': 'report', 'nodeid': '%s', 'seq': 1002, 'links': [['%s', 7, 1, 6]]}",
		 nodeid_text(3), nodeid_text(5));
	core_tend(&core, peer);
	EXPECT_SENT(peer, "ping");
	core_say(&core, peer, "{'msgtype': 'pong'}");
	telling_pass(&core, 2 * SECOND_US);
	take_all(peer);
	/* And one that has lost it; it says so itself. */
	core_say(&core, peer, "{'msgtype': 'report', 'seq': 1003, 'drop': [['%.8s', 'silent']]}", nodeid_text(5));
	core_tend(&core, peer);
	EXPECT_SENT(peer, "ping");
	telling_fini(&core);
}

static void of_a_peer_that_is_silent_others_may_tell(void)
{
	struct core core;
	start(&core);
	struct nodeid nodeid = nodeid_of(3);
	struct peer *other = telling_meet(&core, 2, alone), *mute = telling_meet(&core, 3, alone);
	while (peer_look(mute, core.now_us).late_us < 2 * core.settings.silent_after_us / 5) {
		telling_report(&core, other, 3, 5000, alone);
		CU_ASSERT_EQUAL(reports_seq(core.reports, &nodeid), 1000);
		telling_tend(&core, mute, false, SECOND_US);
	}
	telling_report(&core, other, 3, 5000, alone);
	CU_ASSERT_EQUAL(reports_seq(core.reports, &nodeid), 5000);
	telling_tend(&core, mute, true, SECOND_US);
	telling_report(&core, other, 3, 6000, alone);
	CU_ASSERT_EQUAL(reports_seq(core.reports, &nodeid), 5000);
	telling_fini(&core);
}

static void what_is_told_of_a_peer_too_early_is_asked_for_again(void)
{
	struct core core;
	start(&core);
	struct nodeid nodeid = nodeid_of(3);
	struct peer *other = telling_meet(&core, 2, alone), *mute = telling_meet(&core, 3, alone);
	telling_report(&core, other, 3, 5000, alone);
	take_all(other);
	for (int i = 0; i < 3; i++)
		telling_tend(&core, mute, false, SECOND_US);
	EXPECT_SENT(other, "");
	while (peer_look(mute, core.now_us).late_us < core.settings.silent_after_us)
		telling_tend(&core, mute, false, SECOND_US);
	CU_ASSERT_PTR_NOT_NULL(telling_take(&core, other, MESSAGE_GETREPORT));
	telling_report(&core, other, 3, 5000, alone);
	CU_ASSERT_EQUAL(reports_seq(core.reports, &nodeid), 5000);
	telling_fini(&core);
}

static void what_is_passed_on_keeps_to_report_rate_and_the_newest_goes_first(void)
{
	enum { NODES = 400 };
	struct core core;
	telling_init(&core);
	core.settings.report_rate = 1024;
	telling_start(&core);
	struct peer *teller = telling_meet(&core, 2, alone), *other = telling_meet(&core, 4, alone);
	telling_pass(&core, 100 * SECOND_US);
	take_all(other);
	for (unsigned i = 0; i < NODES; i++) {
		telling_report(&core, teller, 1000 + i, 1000, alone);
		core.now_us += MS_US;
	}
	size_t bytes = 0;
	const struct report *report;
	unsigned first = 0;
	for (int i = 0; i < 100; i++) {
		telling_pass(&core, 100 * MS_US);
		core_tend(&core, other);
		core_say(&core, other, "{'msgtype': 'pong'}");
		while ((report = take_relayed(&core, other)) != NULL) {
			bytes += strlen(telling_line()) + 1;
			if (first == 0)
				first = (unsigned)report->nodeid.bytes[2] << 8 | report->nodeid.bytes[3];
		}
	}
	/* The burst, 10 s, and one report more. */
	EXPECT(bytes <= 1024 * (REPORTING_BURST_S + 10) + 200, "%zu", bytes);
	EXPECT(bytes >= 1024 * (REPORTING_BURST_S + 8), "%zu", bytes);
	EXPECT(first == 1000 + NODES - 1, "%u", first);
	telling_fini(&core);
}

static void a_flood_of_one_teller_does_not_keep_the_news_of_another_waiting(void)
{
	struct core core;
	telling_init(&core);
	core.settings.report_rate = 1024;
	telling_start(&core);
	struct peer *flooder = telling_meet(&core, 2, alone), *teller = telling_meet(&core, 3, alone);
	struct peer *other = telling_meet(&core, 4, alone);
	unsigned next = 1000;
	for (int i = 0; i < 600; i++) {
		telling_report(&core, flooder, next++, 1000, alone);
		core_tend(&core, other);
		core_say(&core, other, "{'msgtype': 'pong'}");
		telling_pass(&core, 50 * MS_US);
	}
	take_all(other);
	/* After it there is always something newer. */
	telling_report(&core, teller, 9, 1000, alone);
	struct nodeid nodeid = nodeid_of(9);
	bool is_told = false;
	for (int i = 0; i < 40; i++) {
		telling_report(&core, flooder, next++, 1000, alone);
		telling_pass(&core, 50 * MS_US);
		const struct report *report;
		while ((report = take_relayed(&core, other)) != NULL)
			is_told = is_told || nodeid_equals(&report->nodeid, &nodeid);
	}
	CU_ASSERT(is_told);
	telling_fini(&core);
}

/* There are more marks than nodes may be remembered, all of them of one teller. */
static void a_flood_does_not_keep_the_news_of_another_from_being_marked(void)
{
	enum { NODES = 100 };
	struct core core;
	telling_init(&core);
	core.settings.report_rate = 1024;
	core.settings.max_nodes = NODES;
	telling_start(&core);
	struct peer *flooder = telling_meet(&core, 2, alone), *teller = telling_meet(&core, 3, alone);
	struct peer *other = telling_meet(&core, 4, alone);
	unsigned next = 1000, told = 0;
	for (unsigned i = 0; i < 40; i++) {
		for (int j = 0; j < 50; j++) {
			telling_report(&core, flooder, next++, 1000, alone);
			telling_pass(&core, 20 * MS_US);
		}
		telling_report(&core, teller, 9, 1000 + i, alone);
		core_tend(&core, other);
		core_say(&core, other, "{'msgtype': 'pong'}");
	}
	telling_pass(&core, SECOND_US);
	struct nodeid nodeid = nodeid_of(9);
	const struct report *report;
	while ((report = take_relayed(&core, other)) != NULL)
		told += nodeid_equals(&report->nodeid, &nodeid);
	EXPECT(told >= 30, "%u", told);
	telling_fini(&core);
}

static void a_flood_does_not_keep_questions_from_being_answered(void)
{
	struct core core;
	telling_init(&core);
	core.settings.report_rate = 1024;
	telling_start(&core);
	struct peer *flooder = telling_meet(&core, 2, alone), *other = telling_meet(&core, 4, alone);
	unsigned next = 1000, answers = 0;
	for (unsigned i = 0; i < 40; i++) {
		for (int j = 0; j < 50; j++) {
			telling_report(&core, flooder, next++, 1000, alone);
			telling_pass(&core, 20 * MS_US);
		}
		core_tend(&core, other);
		core_say(&core, other, "{'msgtype': 'pong'}");
		take_all(other);
		core_say(&core, other, "{'msgtype': 'getreport', 'nodeids': ['%s']}", nodeid_text(2));
		answers += telling_take_report(&core, other) != NULL;
	}
	EXPECT(answers >= 4, "%u", answers);
	telling_fini(&core);
}

static void tend_all(struct core *core, struct peer *const *peers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		core_tend(core, peers[i]);
		core_say(core, peers[i], "{'msgtype': 'pong'}");
	}
}

/* A peer tells long ones, more than can be passed on, and another one a short one each second. */
static void long_reports_do_not_keep_the_news_of_others_waiting(void)
{
	enum { PEERS = 8, LINKS = 600, SECONDS = 60 };
	static unsigned links[LINKS + 1];
	struct core core;
	start(&core);
	struct peer *peers[PEERS], *flooder = telling_meet(&core, 2, many), *teller = telling_meet(&core, 3, many);
	for (unsigned i = 0; i < PEERS; i++)
		peers[i] = telling_meet(&core, 300 + i, many);
	for (unsigned i = 0; i < LINKS; i++)
		links[i] = 5000 + i;
	telling_pass(&core, 60 * SECOND_US);
	unsigned seconds = 0, lengthy = 0;
	for (unsigned i = 0; i < SECONDS; i++) {
		bool is_told = false;
		telling_report(&core, flooder, 1000 + i, 1000, links);
		telling_report(&core, teller, 9, 2000 + i, alone);
		for (int j = 0; j < 10; j++) {
			telling_pass(&core, 100 * MS_US);
			tend_all(&core, peers, PEERS);
		}
		for (unsigned j = 0; j < PEERS; j++) {
			const struct report *report;
			while ((report = take_relayed(&core, peers[j])) != NULL) {
				is_told = is_told || report->seq == 2000 + i;
				lengthy += report->link_count == LINKS;
			}
		}
		seconds += is_told;
	}
	EXPECT(seconds >= SECONDS - 1, "%u", seconds);
	/* What is left is for them. */
	EXPECT(lengthy >= 1, "%u", lengthy);
	telling_fini(&core);
}

/* It has yet to read what it was sent: the rest waits until it has answered a ping. */
static void who_is_slow_to_read_is_told_later(void)
{
	enum { NODES = 130 };
	struct core core;
	telling_init(&core);
	core.settings.report_rate = 1000000;
	telling_start(&core);
	struct peer *teller = telling_meet(&core, 2, alone), *other = telling_meet(&core, 4, alone);
	telling_tend(&core, other, true, SECOND_US);
	take_all(other);
	for (unsigned i = 0; i < NODES; i++)
		telling_report(&core, teller, 1000 + i, 1000, alone);
	telling_pass(&core, 3 * SECOND_US);
	size_t count = telling_count_reports(&core, other);
	EXPECT(count <= PEER_NEWS, "%zu", count);
	for (int i = 0; i < 100 && count < NODES; i++) {
		core_tend(&core, other);
		core_say(&core, other, "{'msgtype': 'pong'}");
		telling_pass(&core, 100 * MS_US);
		count += telling_count_reports(&core, other);
	}
	EXPECT(count >= NODES && count < NODES + 5, "%zu", count);
	telling_fini(&core);
}

/* What others were told while it was busy is passed on no more: as soon as it has answered, it hears what is known. */
static void who_was_busy_when_others_were_told_hears_what_is_known(void)
{
	struct core core;
	telling_init(&core);
	core.settings.report_rate = 1000000;
	telling_start(&core);
	struct peer *teller = telling_meet(&core, 2, alone);
	struct peer *slow = telling_meet(&core, 3, alone), *other = telling_meet(&core, 4, alone);
	struct peer *both[] = {slow, other};
	tend_all(&core, both, 2);
	for (unsigned i = 0; i < PEER_NEWS + 10; i++) {
		telling_report(&core, teller, 1000 + i % 20, 1000 + i, alone);
		telling_pass(&core, 200 * MS_US);
		tend_all(&core, &other, 1);
	}
	take_all(slow);
	telling_report(&core, teller, 9, 1000, alone);
	telling_pass(&core, SECOND_US);
	CU_ASSERT_PTR_NULL(telling_take(&core, slow, MESSAGE_REPORTS));
	tend_all(&core, &slow, 1);
	telling_pass(&core, SECOND_US);
	const struct message *message = telling_take(&core, slow, MESSAGE_REPORTS);
	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	CU_ASSERT_EQUAL(message->reports.count, 25);
	/* And once. */
	telling_pass(&core, 10 * SECOND_US);
	CU_ASSERT_PTR_NULL(telling_take(&core, slow, MESSAGE_REPORTS));
	telling_fini(&core);
}

/* It could not hear as many comparisons, and would miss the answers that it needs. */
static void who_is_busy_again_and_again_hears_what_is_known_now_and_then(void)
{
	enum { ROUNDS = 120 };
	struct core core;
	telling_init(&core);
	core.settings.report_rate = 1000000;
	telling_start(&core);
	struct peer *slow = telling_meet(&core, 4, alone), *tellers[4];
	for (unsigned i = 0; i < 4; i++)
		tellers[i] = telling_meet(&core, 300 + i, many);
	tend_all(&core, &slow, 1);
	take_all(slow);
	size_t count = 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned j = 0; j < PEER_NEWS + 20; j++)
			telling_report(&core, tellers[j % 4], 1000 + j, 1000 + i, alone);
		telling_pass(&core, 500 * MS_US);
		tend_all(&core, tellers, 4);
		for (unsigned j = 0; j < 4; j++)
			take_all(tellers[j]);
		core_tend(&core, slow);
		while (telling_take(&core, slow, MESSAGE_REPORTS) != NULL)
			count++;
		core_say(&core, slow, "{'msgtype': 'pong'}");
	}
	EXPECT(count >= 4 && count <= 8, "%zu", count);
	telling_fini(&core);
}

static void a_change_of_something_unknown_is_asked_for(void)
{
	struct core core;
	start(&core);
	struct peer *teller = telling_meet(&core, 2, alone);
	core_say(&core, teller, "{'msgtype': 'report', 'seq': 1010, 'base': 1005, 'drop': [['%s', 'left']]}",
		 nodeid_text(9));
	telling_pass(&core, REPORTING_STALL_US / 2);
	const struct message *message = telling_take(&core, teller, MESSAGE_GETREPORT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	CU_ASSERT_EQUAL_FATAL(message->getreport.count, 1);
	struct nodeid nodeid = nodeid_of(2);
	CU_ASSERT(nodeid_equals(&message->getreport.nodeids[0], &nodeid));
	/* The answer counts, and nothing is asked again. */
	telling_report(&core, teller, 0, 1010, alone);
	CU_ASSERT_EQUAL(reports_seq(core.reports, &nodeid), 1010);
	telling_pass(&core, 20 * SECOND_US);
	CU_ASSERT_PTR_NULL(telling_take(&core, teller, MESSAGE_GETREPORT));
	telling_fini(&core);
}

static void what_a_peer_tells_is_limited(void)
{
	static unsigned links[502];
	struct core core;
	start(&core);
	struct peer *teller = telling_meet(&core, 2, alone);
	for (unsigned i = 0; i < 500; i++)
		links[i] = 1000 + i;
	telling_pass(&core, 100 * SECOND_US);
	unsigned heard = 0;
	struct nodeid nodeid = nodeid_of(9);
	for (unsigned i = 1; i <= 100; i++) {
		telling_report(&core, teller, 9, 1000 + i, i % 2 == 0 ? links : alone);
		heard += reports_seq(core.reports, &nodeid) == 1000 + i;
	}
	/* 32 kB each. */
	EXPECT(heard >= ALLOWANCE_REPORTS_BURST / 34000 && heard < 2 * ALLOWANCE_REPORTS_BURST / 30000 + 60, "%u",
	       heard);
	CU_ASSERT(peer_look(teller, core.now_us).ignored >= 30);
	CU_ASSERT(!peer_is_closing(teller));
	/* Later it is heard again. */
	telling_pass(&core, 10 * SECOND_US);
	telling_report(&core, teller, 9, 9999, alone);
	CU_ASSERT_EQUAL(reports_seq(core.reports, &nodeid), 9999);
	telling_fini(&core);
}

static CU_TestInfo tests[] = {
	{"a report goes to those that are not linked with its node",
	 a_report_goes_to_those_that_are_not_linked_with_its_node},
	{"a change is passed on as a change", a_change_is_passed_on_as_a_change},
	{"what is passed on is not passed back", what_is_passed_on_is_not_passed_back},
	{"what many peers have is no news", what_many_peers_have_is_no_news},
	{"some at random are told", some_at_random_are_told},
	{"those with few ways are told besides", those_with_few_ways_are_told_besides},
	{"of a peer only its own words count", of_a_peer_only_its_own_words_count},
	{"a link that is late does not bring the report", a_link_that_is_late_does_not_bring_the_report},
	{"a peer that misses this node is pinged", a_peer_that_misses_this_node_is_pinged},
	{"of a peer that is silent others may tell", of_a_peer_that_is_silent_others_may_tell},
	{"what is told of a peer too early is asked for again", what_is_told_of_a_peer_too_early_is_asked_for_again},
	{"what is passed on keeps to report_rate, and the newest goes first",
	 what_is_passed_on_keeps_to_report_rate_and_the_newest_goes_first},
	{"a flood of one teller does not keep the news of another waiting",
	 a_flood_of_one_teller_does_not_keep_the_news_of_another_waiting},
	{"a flood does not keep the news of another from being marked",
	 a_flood_does_not_keep_the_news_of_another_from_being_marked},
	{"a flood does not keep questions from being answered", a_flood_does_not_keep_questions_from_being_answered},
	{"long reports do not keep the news of others waiting", long_reports_do_not_keep_the_news_of_others_waiting},
	{"who is slow to read is told later", who_is_slow_to_read_is_told_later},
	{"who was busy when others were told hears what is known",
	 who_was_busy_when_others_were_told_hears_what_is_known},
	{"who is busy again and again hears what is known now and then",
	 who_is_busy_again_and_again_hears_what_is_known_now_and_then},
	{"a change of something unknown is asked for", a_change_of_something_unknown_is_asked_for},
	{"what a peer tells is limited", what_a_peer_tells_is_limited},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_reporting_relay = {
	.pName = "reporting_relay", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
