#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "link/allowance.h"
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

/* It tells of so many nodes, with these numbers; no more of a flood at once than is heard. */
static void tell_of(struct core *core, struct peer *teller, unsigned first, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		telling_report(core, teller, first + i, 1000, alone);
		if (i % 100 == 99)
			telling_pass(core, 10 * SECOND_US);
	}
}

/* "9 10": whom it asks for; "" for nobody. */
static const char *asked_for(struct core *core, struct peer *peer)
{
	static char text[2048];
	size_t used = 0;
	text[0] = '\0';
	const struct message *message = telling_take(core, peer, MESSAGE_GETREPORT);
	for (size_t i = 0; message != NULL && i < message->getreport.count; i++) {
		const unsigned char *id = message->getreport.nodeids[i].bytes;
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%u", used == 0 ? "" : " ",
					 (unsigned)id[2] << 8 | id[3]);
	}
	return text;
}

static void say_numbers(struct core *core, struct peer *peer, unsigned nodeid, int64_t seq)
{
	core_say(core, peer, "{'msgtype': 'reports', 'have': [['%s', %lld]]}", nodeid_text(nodeid), (long long)seq);
}

static void what_a_peer_has_and_this_node_lacks_is_asked_for(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	telling_report(&core, peer, 9, 1000, alone);
	say_numbers(&core, peer, 9, 1000);
	say_numbers(&core, peer, 10, 7);
	telling_pass(&core, REPORTING_STALL_US / 2);
	EXPECT_TEXT(asked_for(&core, peer), "10");
	telling_report(&core, peer, 10, 7, alone);
	/* An earlier one is known: somebody may pass it on. */
	say_numbers(&core, peer, 9, 1001);
	telling_pass(&core, 3 * SECOND_US);
	EXPECT_TEXT(asked_for(&core, peer), "");
	telling_pass(&core, 2 * SECOND_US);
	EXPECT_TEXT(asked_for(&core, peer), "9");
	telling_fini(&core);
}

static void of_several_that_have_it_one_is_asked_and_then_another(void)
{
	struct core core;
	start(&core);
	struct peer *peers[2] = {telling_meet(&core, 2, alone), telling_meet(&core, 3, alone)};
	for (int i = 0; i < 2; i++)
		say_numbers(&core, peers[i], 9, 7);
	telling_pass(&core, REPORTING_STALL_US / 2);
	bool is_first = strcmp(asked_for(&core, peers[0]), "9") == 0;
	EXPECT_TEXT(asked_for(&core, peers[1]), is_first ? "" : "9");
	/* It does not answer. */
	telling_pass(&core, REPORTING_STALL_US);
	EXPECT_TEXT(asked_for(&core, peers[!is_first]), "");
	EXPECT_TEXT(asked_for(&core, peers[is_first]), "9");
	/* The other one does. */
	telling_report(&core, peers[is_first], 9, 7, alone);
	telling_pass(&core, 30 * SECOND_US);
	EXPECT_TEXT(asked_for(&core, peers[0]), "");
	EXPECT_TEXT(asked_for(&core, peers[1]), "");
	telling_fini(&core);
}

/* It has all of these. */
static void say_many_numbers(struct core *core, struct peer *peer, unsigned first, unsigned count)
{
	char text[16384];
	size_t used = 0;
	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s['%s', 7]", i == 0 ? "" : ", ",
					 nodeid_text(first + i));
	core_say(core, peer, "{'msgtype': 'reports', 'have': [%s]}", text);
}

/* Of how many; it sends the first `sends` of them. */
static size_t answer(struct core *core, struct peer *peer, size_t sends)
{
	unsigned numbers[MESSAGE_GETREPORT_NODEIDS];
	const struct message *message = telling_take(core, peer, MESSAGE_GETREPORT);
	size_t count = message == NULL ? 0 : message->getreport.count;
	for (size_t i = 0; i < count; i++) {
		const unsigned char *id = message->getreport.nodeids[i].bytes;
		numbers[i] = (unsigned)id[2] << 8 | id[3];
	}
	for (size_t i = 0; i < sends && i < count; i++)
		telling_report(core, peer, numbers[i], 7, alone);
	return count;
}

static char wrong[64];

/* Is it asked for so many? It sends the first `sends` of them. */
static bool answers(struct core *core, struct peer *peer, size_t sends, size_t expected)
{
	size_t count = answer(core, peer, sends);
	snprintf(wrong, sizeof wrong, "%zu, not %zu", count, expected);
	return count == expected;
}

static void more_is_asked_for_as_soon_as_all_has_come(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	say_many_numbers(&core, peer, 1000, 200);
	size_t expected = REPORTING_WINDOW;
	for (int i = 0; i < 3; i++) {
		telling_pass(&core, 2 * REPORTING_DELAY_US);
		EXPECT(answers(&core, peer, SIZE_MAX, expected), "%s", wrong);
		expected = 2 * expected < MESSAGE_GETREPORT_NODEIDS ? 2 * expected : MESSAGE_GETREPORT_NODEIDS;
	}
	telling_fini(&core);
}

static void a_peer_that_stops_is_asked_for_what_it_can_send(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	say_many_numbers(&core, peer, 1000, 200);
	telling_pass(&core, 2 * REPORTING_DELAY_US);
	EXPECT(answers(&core, peer, 5, REPORTING_WINDOW), "%s", wrong);
	telling_pass(&core, REPORTING_STALL_US / 2);
	EXPECT(answers(&core, peer, 0, 0), "%s", wrong);
	telling_pass(&core, REPORTING_STALL_US);
	EXPECT(answers(&core, peer, 0, 6), "%s", wrong);
	telling_fini(&core);
}

static void several_peers_are_asked_for_different_reports(void)
{
	enum { PEERS = REPORTING_TELLERS };
	struct core core;
	start(&core);
	struct peer *peers[PEERS];
	size_t bytes, before = reports_count(core.reports, &bytes);
	for (unsigned i = 0; i < PEERS; i++)
		peers[i] = telling_meet(&core, 10 + i, alone);
	for (unsigned i = 0; i < PEERS; i++)
		say_many_numbers(&core, peers[i], 1000, PEERS * REPORTING_WINDOW);
	telling_pass(&core, 2 * REPORTING_DELAY_US);
	for (unsigned i = 0; i < PEERS; i++)
		EXPECT(answers(&core, peers[i], SIZE_MAX, REPORTING_WINDOW), "%s", wrong);
	EXPECT(reports_count(core.reports, &bytes) == before + PEERS + PEERS * REPORTING_WINDOW, "%zu",
	       reports_count(core.reports, &bytes));
	telling_fini(&core);
}

static void a_peer_that_never_answers_is_soon_left_in_peace(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	say_many_numbers(&core, peer, 1000, 200);
	for (int i = 0; i < REPORTING_SILENCES; i++) {
		telling_pass(&core, (REPORTING_STALL_US << i) - REPORTING_STALL_US / 2);
		EXPECT(answers(&core, peer, 0, REPORTING_WINDOW), "%s", wrong);
	}
	telling_pass(&core, REPORTING_WANTED_US);
	EXPECT(answers(&core, peer, 0, 0), "%s", wrong);
	/* It says again what it has. */
	say_many_numbers(&core, peer, 1000, 2);
	telling_pass(&core, REPORTING_STALL_US);
	EXPECT(answers(&core, peer, 0, 2), "%s", wrong);
	telling_fini(&core);
}

/* It says that there is more than it has: who has something is asked next. */
static void a_liar_does_not_keep_others_from_being_asked(void)
{
	struct core core;
	start(&core);
	struct peer *liar = telling_meet(&core, 2, alone), *other = telling_meet(&core, 3, alone);
	say_numbers(&core, liar, 9, 1000000);
	telling_pass(&core, SECOND_US);
	EXPECT_TEXT(asked_for(&core, liar), "9");
	say_numbers(&core, other, 9, 7);
	for (int i = 0; i < 10; i++) {
		say_numbers(&core, liar, 9, 2000000 + i);
		telling_pass(&core, SECOND_US);
	}
	EXPECT_TEXT(asked_for(&core, other), "9");
	telling_fini(&core);
}

static void many_nodes_are_compared_by_sums(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	tell_of(&core, peer, 1000, REPORTING_FEW_NODES);
	struct peer *other = telling_meet_old(&core, 3);
	telling_report(&core, other, 0, 1000, alone);
	const struct message *message = telling_take(&core, other, MESSAGE_REPORTS);
	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	CU_ASSERT(message->reports.has_sums && message->reports.count == 0);
	/* The same are known there, and its own: there is nothing to say. */
	struct message same = {.type = MESSAGE_REPORTS, .reports.has_sums = true};
	struct buffer line = {0};
	reports_sums(core.reports, same.reports.sums);
	CU_ASSERT_FATAL(message_encode(&same, &line));
	core_say(&core, other, "%.*s", (int)buffer_length(&line) - 1, buffer_content(&line));
	CU_ASSERT_PTR_NULL(telling_take(&core, other, MESSAGE_REPORTS));
	/* One part differs: which reports of that part are known here is said. */
	struct nodeid nodeid = nodeid_of(1000);
	same.reports.sums[reports_part(&nodeid)] ^= 1;
	buffer_fini(&line);
	CU_ASSERT_FATAL(message_encode(&same, &line));
	core_say(&core, other, "%.*s", (int)buffer_length(&line) - 1, buffer_content(&line));
	message = telling_take(&core, other, MESSAGE_REPORTS);
	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	bool has_it = false;
	for (size_t i = 0; i < message->reports.count; i++) {
		CU_ASSERT_EQUAL(reports_part(&message->reports.have[i].nodeid), reports_part(&nodeid));
		has_it = has_it || nodeid_equals(&message->reports.have[i].nodeid, &nodeid);
	}
	CU_ASSERT(has_it);
	/* The sums of this node were sent just now. */
	CU_ASSERT_PTR_NULL(telling_take(&core, other, MESSAGE_REPORTS));
	buffer_fini(&line);
	telling_fini(&core);
}

static void what_is_asked_for_is_answered_within_report_rate(void)
{
	enum { NODES = 60 };
	static unsigned links[101];
	struct core core;
	telling_init(&core);
	core.settings.report_rate = 2048;
	telling_start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	for (unsigned i = 0; i < 100; i++)
		links[i] = 5000 + i;
	for (unsigned i = 0; i < NODES; i++) {
		telling_report(&core, peer, 1000 + i, 1000, links);
		telling_pass(&core, 10 * SECOND_US);
	}
	struct peer *other = telling_meet(&core, 3, alone);
	telling_pass(&core, 20 * SECOND_US);
	take_all(other);
	size_t bytes = 0, reports = 0;
	int64_t since_us = core.now_us;
	for (int i = 0; i < 10; i++) {
		for (unsigned j = 0; j < NODES; j++)
			core_say(&core, other, "{'msgtype': 'getreport', 'nodeids': ['%s']}", nodeid_text(1000 + j));
		while (telling_take_report(&core, other) != NULL) {
			bytes += strlen(telling_line()) + 1;
			reports++;
		}
		telling_pass(&core, SECOND_US);
	}
	double seconds = (double)(core.now_us - since_us) / 1e6, burst = 2048.0 * REPORTING_BURST_S / 2;
	EXPECT((double)bytes <= burst + 2048 * seconds + 10000, "%zu bytes in %zu reports", bytes, reports);
	EXPECT((double)bytes >= burst, "%zu bytes in %zu reports", bytes, reports);
	/* What is not known is no answer. */
	core_say(&core, other, "{'msgtype': 'getreport', 'nodeids': ['%s']}", nodeid_text(7777));
	CU_ASSERT_PTR_NULL(telling_take_report(&core, other));
	telling_fini(&core);
}

static void a_random_peer_is_compared_with_now_and_then(void)
{
	static const struct {
		unsigned nodes;
		int64_t least_s, most_s; /* between two */
	} cases[] = {{0, 290, 310}, {400, 60, 90}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		start(&core);
		struct peer *peer = telling_meet(&core, 2, alone);
		tell_of(&core, peer, 1000, cases[i].nodes);
		telling_pass(&core, 1000 * SECOND_US);
		take_all(peer);
		int64_t before_us = 0;
		for (int j = 0; j < 1000; j++) {
			telling_pass(&core, SECOND_US);
			if (telling_take(&core, peer, MESSAGE_REPORTS) == NULL)
				continue;
			int64_t wait_s = before_us == 0 ? cases[i].least_s : (core.now_us - before_us) / SECOND_US;
			EXPECT(wait_s >= cases[i].least_s && wait_s <= cases[i].most_s, "%u nodes: %lld s",
			       cases[i].nodes, (long long)wait_s);
			before_us = core.now_us;
		}
		EXPECT(before_us != 0, "%u nodes", cases[i].nodes);
		telling_fini(&core);
	}
}

/* What comes before a peer has spoken is not passed on to it. */
static void who_speaks_late_is_told_what_came_before(void)
{
	struct core core;
	start(&core);
	struct peer *teller = telling_meet(&core, 2, alone), *late = telling_meet_old(&core, 3);
	telling_pass(&core, SECOND_US);
	telling_report(&core, teller, 9, 1000, alone);
	telling_pass(&core, SECOND_US);
	telling_report(&core, late, 0, 1000, alone);
	const struct message *message = telling_take(&core, late, MESSAGE_REPORTS);
	CU_ASSERT_PTR_NOT_NULL_FATAL(message);
	const struct nodeid nine = nodeid_of(9);
	bool is_told = false;
	for (size_t i = 0; i < message->reports.count; i++)
		is_told = is_told || nodeid_equals(&message->reports.have[i].nodeid, &nine);
	CU_ASSERT(is_told);
	/* And once. */
	telling_report(&core, late, 0, 1001, alone);
	CU_ASSERT_PTR_NULL(telling_take(&core, late, MESSAGE_REPORTS));
	telling_fini(&core);
}

/* So both learn, whoever of the two has begun. */
static void who_compares_is_told_what_it_lacks(void)
{
	struct core core;
	start(&core);
	struct peer *teller = telling_meet(&core, 2, alone), *other = telling_meet(&core, 3, alone);
	telling_report(&core, teller, 9, 1000, alone);
	telling_pass(&core, 2 * REPORTING_COMPARE_LEAST_US);
	take_all(other);
	const int64_t own = reports_seq(core.reports, &core.self);
	for (int64_t seq = 999; seq <= 1000; seq++) {
		for (int i = 0; i < 2; i++) {
			core_say(&core, other,
				 "{'msgtype': 'reports', 'have': [['%s', 1000], ['%s', 1000], ['%s', %lld], "
				 "['%s', %lld]]}",
				 nodeid_text(2), nodeid_text(3), nodeid_text(9), (long long)seq, nodeid_text(5),
				 (long long)own);
			const struct message *message = telling_take(&core, other, MESSAGE_REPORTS);
			EXPECT((message != NULL) == (seq == 999 && i == 0), "%lld, %d", (long long)seq, i);
			CU_ASSERT(message == NULL || message->reports.count == 4);
		}
		telling_pass(&core, REPORTING_COMPARE_LEAST_US);
		take_all(other);
	}
	telling_fini(&core);
}

static void comparisons_of_a_peer_are_limited(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	struct message sums = {.type = MESSAGE_REPORTS, .reports = {.has_sums = true, .sums = {1, 2, 3}}};
	struct buffer line = {0};
	CU_ASSERT_FATAL(message_encode(&sums, &line));
	size_t answers = 0;
	for (int i = 0; i < 100; i++) {
		core_say(&core, peer, "%.*s", (int)buffer_length(&line) - 1, buffer_content(&line));
		while (telling_take(&core, peer, MESSAGE_REPORTS) != NULL)
			answers++;
	}
	/* The numbers each time, and the sums once. */
	EXPECT(answers >= 2 && answers <= ALLOWANCE_COMPARISONS_BURST + 1, "%zu", answers);
	buffer_fini(&line);
	telling_fini(&core);
}

static void what_is_wanted_has_a_bound(void)
{
	struct core core;
	telling_init(&core);
	core.settings.max_nodes = 100;
	telling_start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	say_many_numbers(&core, peer, 1000, 200);
	size_t asked = 0;
	for (int i = 0; i < 20; i++) {
		telling_pass(&core, REPORTING_STALL_US / 2);
		asked += answer(&core, peer, SIZE_MAX);
	}
	EXPECT(asked == 100, "%zu", asked);
	telling_fini(&core);
}

static void what_is_wanted_in_vain_is_forgotten(void) UNCHECKED
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone);
	for (unsigned i = 0; i < 5; i++)
		say_numbers(&core, peer, 1000 + i, 7);
	core_end(&core, peer);
	telling_pass(&core, REPORTING_WANTED_US - SECOND_US);
	CU_ASSERT_EQUAL(HASH_COUNT(core.protocol->reporting->wanted), 5);
	telling_pass(&core, 2 * SECOND_US);
	CU_ASSERT_PTR_NULL(core.protocol->reporting->wanted);
	telling_fini(&core);
}

/* A peer tells of more nodes than can be wanted, and goes on; none of them exists. */
static void a_flood_does_not_keep_what_others_have_from_being_wanted(void)
{
	enum { WANTED = 100 };
	struct core core;
	telling_init(&core);
	core.settings.max_nodes = WANTED;
	telling_start(&core);
	struct peer *flooder = telling_meet(&core, 2, alone);
	struct peer *others[2] = {telling_meet(&core, 3, alone), telling_meet(&core, 4, alone)};
	say_many_numbers(&core, flooder, 1000, WANTED);
	telling_pass(&core, REPORTING_STALL_US / 2);
	EXPECT(answers(&core, flooder, 0, REPORTING_WINDOW), "%s", wrong);
	for (int i = 0; i < 2; i++)
		say_numbers(&core, others[i], 9, 7);
	for (unsigned first = 2000; first < 5000; first += WANTED)
		say_many_numbers(&core, flooder, first, WANTED);
	telling_pass(&core, REPORTING_STALL_US / 2);
	size_t first = answer(&core, others[0], 0), second = answer(&core, others[1], 0);
	EXPECT(first + second == 1, "%zu, %zu", first, second);
	telling_fini(&core);
}

static void of_a_peer_that_is_heard_nobody_else_is_asked(void)
{
	struct core core;
	start(&core);
	struct peer *peer = telling_meet(&core, 2, alone), *other = telling_meet(&core, 3, alone);
	say_numbers(&core, peer, 3, 5000);
	telling_pass(&core, SECOND_US);
	EXPECT_TEXT(asked_for(&core, peer), "");
	EXPECT_TEXT(asked_for(&core, other), "");
	/* But it itself is. */
	say_numbers(&core, other, 3, 5000);
	telling_pass(&core, SECOND_US);
	EXPECT_TEXT(asked_for(&core, other), "3");
	/* And others are, once nothing is heard of it. */
	while (peer_look(other, core.now_us).late_us < core.settings.silent_after_us)
		telling_tend(&core, other, false, SECOND_US);
	say_numbers(&core, peer, 3, 6000);
	telling_pass(&core, REPORTING_PATIENCE_US + SECOND_US);
	EXPECT_TEXT(asked_for(&core, peer), "3");
	telling_fini(&core);
}

/* Each connection of it has an allowance. The first word of each is answered with what is known. */
static void comparisons_of_a_host_are_limited_over_all_its_connections(void)
{
	struct message sums = {.type = MESSAGE_REPORTS, .reports = {.has_sums = true, .sums = {1, 2, 3}}};
	struct buffer line = {0};
	CU_ASSERT_FATAL(message_encode(&sums, &line) && buffer_append(&line, "", 1));
	const char *words[] = {"{'msgtype': 'report', 'seq': 1000, 'up_s': 1}", "{'msgtype': 'reports', 'have': []}",
			       buffer_content(&line)};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct core core;
		size_t answers = 0;
		start(&core);
		for (unsigned j = 0; j < 200; j++) {
			struct peer *guest = core_meet(&core, 300 + j, "8.8.8.8:40000", 0);
			core_say(&core, guest, "%s", words[i]);
			answers += telling_take(&core, guest, MESSAGE_REPORTS) != NULL;
			core_end(&core, guest);
		}
		/* As for getaddr (members/sources.c). */
		EXPECT(answers >= 60 && answers <= 64, "%s: %zu", words[i], answers);
		telling_fini(&core);
	}
	buffer_fini(&line);
}

/* ---- two nodes ---- */

static void start_node(struct core *core, unsigned number)
{
	char address[ADDRESS_TEXT_BYTES];
	snprintf(address, sizeof address, "127.0.0.%u:5999", number);
	core_init(core, number, address);
	core->has_reports = true;
	core_start(core);
}

static void link_nodes(struct link *link, struct core *dialler, struct core *acceptor)
{
	char port[ADDRESS_TEXT_BYTES];
	snprintf(port, sizeof port, "%s", address_text(dialler->listen[0]));
	strcpy(strrchr(port, ':'), ":40000");
	link_init(link, dialler, core_dial(dialler, address_text(acceptor->listen[0])), acceptor, port);
	link_pass_all(link, 1);
}

static void pass_together(struct core *cores, size_t count, struct link *links, size_t link_count, int64_t duration_us)
{
	for (int64_t passed_us = 0; passed_us < duration_us; passed_us += 50 * MS_US) {
		for (size_t i = 0; i < count; i++)
			telling_pass(&cores[i], 50 * MS_US);
		for (size_t i = 0; i < link_count; i++)
			for (int j = 0; j < 2; j++)
				if (links[i].peers[j] != NULL)
					core_tend(links[i].cores[j], links[i].peers[j]);
		link_pass_all(links, link_count);
	}
}

static size_t nodes_of(struct core *core)
{
	size_t bytes;
	return reports_count(core->reports, &bytes);
}

static void nodes_in_a_chain_know_each_other(void)
{
	enum { NODES = 6 };
	struct core cores[NODES];
	struct link links[NODES - 1];
	for (unsigned i = 0; i < NODES; i++)
		start_node(&cores[i], i + 1);
	/* Who has been dialled has feelers to send first. */
	for (unsigned i = NODES - 1; i-- > 0;)
		link_nodes(&links[i], &cores[i], &cores[i + 1]);
	pass_together(cores, NODES, links, NODES - 1, 3 * SECOND_US);
	for (unsigned i = 0; i < NODES; i++)
		EXPECT(nodes_of(&cores[i]) == NODES, "node %u knows %zu", i + 1, nodes_of(&cores[i]));
	/* The first one hears that the last one has gone. */
	core_end(&cores[NODES - 2], links[NODES - 2].peers[0]);
	links[NODES - 2].peers[0] = NULL;
	pass_together(cores, NODES, links, NODES - 1, 2 * SECOND_US);
	struct report *report = reports_find(cores[0].reports, &cores[NODES - 2].self);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	EXPECT_TEXT(telling_ends(report), "6 closed");
	report_release(report);
	for (unsigned i = 0; i < NODES; i++)
		core_fini(&cores[i]);
}

/* Somebody tells the first one a report of the last one, with a number that it will not have for long. */
static void a_lie_about_a_node_at_the_end_of_a_chain_is_put_right(void)
{
	enum { NODES = 4 };
	struct core cores[NODES];
	struct link links[NODES - 1];
	const struct nodeid last = nodeid_of(NODES);
	for (unsigned i = 0; i < NODES; i++)
		start_node(&cores[i], i + 1);
	for (unsigned i = NODES - 1; i-- > 0;)
		link_nodes(&links[i], &cores[i], &cores[i + 1]);
	pass_together(cores, NODES, links, NODES - 1, 3 * SECOND_US);
	int64_t lie = reports_seq(cores[NODES - 1].reports, &last) + INT64_C(365) * 24 * 3600 * 1000;
	struct peer *liar = telling_meet_old(&cores[0], 50);
	telling_report(&cores[0], liar, NODES, lie, alone);
	CU_ASSERT_EQUAL(reports_seq(cores[0].reports, &last), lie);
	pass_together(cores, NODES, links, NODES - 1, 10 * SECOND_US);
	for (unsigned i = 0; i < NODES; i++) {
		struct report *report = reports_find(cores[i].reports, &last);
		CU_ASSERT_PTR_NOT_NULL_FATAL(report);
		EXPECT(report->seq > lie, "node %u has %lld", i + 1, (long long)report->seq);
		EXPECT_TEXT(telling_links(report), "3");
		report_release(report);
	}
	for (unsigned i = 0; i < NODES; i++)
		core_fini(&cores[i]);
}

/* They dial it one after the other, and can't reach each other. */
static void nodes_around_one_know_each_other(void)
{
	enum { NODES = 16 };
	struct core cores[NODES];
	struct link links[NODES - 1];
	for (unsigned i = 0; i < NODES; i++)
		start_node(&cores[i], i + 1);
	for (unsigned i = 0; i < NODES - 1; i++) {
		link_nodes(&links[i], &cores[i + 1], &cores[0]);
		for (unsigned j = i + 2; j < NODES; j++)
			telling_pass(&cores[j], 3 * SECOND_US);
		pass_together(cores, i + 2, links, i + 1, 3 * SECOND_US);
	}
	for (unsigned i = 0; i < NODES; i++)
		EXPECT(nodes_of(&cores[i]) == NODES, "node %u knows %zu", i + 1, nodes_of(&cores[i]));
	for (unsigned i = 0; i < NODES; i++)
		core_fini(&cores[i]);
}

static void a_newcomer_learns_of_all_nodes_within_seconds(void)
{
	enum { NODES = 1500 };
	struct core cores[2];
	struct link link;
	for (unsigned i = 0; i < 2; i++)
		start_node(&cores[i], i + 1);
	cores[0].settings.report_rate = 100000;
	struct peer *peer = core_meet(&cores[0], 50, "127.0.0.50:40000", 0);
	tell_of(&cores[0], peer, 1000, NODES);
	CU_ASSERT(nodes_of(&cores[0]) >= NODES);
	telling_pass(&cores[0], 10 * SECOND_US);
	cores[1].now_us = cores[0].now_us;
	link_nodes(&link, &cores[1], &cores[0]);
	pass_together(cores, 2, &link, 1, 60 * SECOND_US);
	EXPECT(nodes_of(&cores[1]) >= NODES, "%zu", nodes_of(&cores[1]));
	for (unsigned i = 0; i < 2; i++)
		core_fini(&cores[i]);
}

static void ask_for(struct core *core, struct peer *asker, unsigned number)
{
	core_say(core, asker, "{'msgtype': 'getreport', 'nodeids': ['%s']}", nodeid_text(number));
}

/* One peer asks for more than this node may send. */
static void who_asks_all_the_time_does_not_keep_others_from_catching_up(void)
{
	enum { NODES = 300 };
	static const unsigned links[] = {1, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 0};
	struct core cores[2];
	struct link link;
	for (unsigned i = 0; i < 2; i++)
		start_node(&cores[i], i + 1);
	struct peer *teller = core_meet(&cores[0], 50, "127.0.0.50:40000", 0);
	struct peer *asker = core_meet(&cores[0], 51, "127.0.0.51:40000", 0);
	for (unsigned i = 0; i < NODES; i++) {
		telling_report(&cores[0], teller, 1000 + i, 1000, links);
		if (i % 50 == 49)
			telling_pass(&cores[0], 20 * SECOND_US);
	}
	CU_ASSERT(nodes_of(&cores[0]) > NODES);
	for (unsigned i = 0; i < 1000; i++)
		ask_for(&cores[0], asker, 1000 + i % NODES);
	cores[1].now_us = cores[0].now_us;
	link_nodes(&link, &cores[1], &cores[0]);
	/* It takes 280 kB: nearly 4 kB a second. */
	for (unsigned i = 0; i < 2400; i++) {
		ask_for(&cores[0], asker, 1000 + i % NODES);
		take_all(asker);
		pass_together(cores, 2, &link, 1, 50 * MS_US);
	}
	EXPECT(nodes_of(&cores[1]) > NODES, "%zu", nodes_of(&cores[1]));
	for (unsigned i = 0; i < 2; i++)
		core_fini(&cores[i]);
}

static CU_TestInfo tests[] = {
	{"what a peer has and this node lacks is asked for", what_a_peer_has_and_this_node_lacks_is_asked_for},
	{"of several that have it one is asked, and then another",
	 of_several_that_have_it_one_is_asked_and_then_another},
	{"more is asked for as soon as all has come", more_is_asked_for_as_soon_as_all_has_come},
	{"a peer that stops is asked for what it can send", a_peer_that_stops_is_asked_for_what_it_can_send},
	{"several peers are asked for different reports", several_peers_are_asked_for_different_reports},
	{"a peer that never answers is soon left in peace", a_peer_that_never_answers_is_soon_left_in_peace},
	{"a liar does not keep others from being asked", a_liar_does_not_keep_others_from_being_asked},
	{"many nodes are compared by sums", many_nodes_are_compared_by_sums},
	{"what is asked for is answered within report_rate", what_is_asked_for_is_answered_within_report_rate},
	{"a random peer is compared with now and then", a_random_peer_is_compared_with_now_and_then},
	{"who speaks late is told what came before", who_speaks_late_is_told_what_came_before},
	{"who compares is told what it lacks", who_compares_is_told_what_it_lacks},
	{"comparisons of a peer are limited", comparisons_of_a_peer_are_limited},
	{"comparisons of a host are limited over all its connections",
	 comparisons_of_a_host_are_limited_over_all_its_connections},
	{"what is wanted has a bound", what_is_wanted_has_a_bound},
	{"what is wanted in vain is forgotten", what_is_wanted_in_vain_is_forgotten},
	{"a flood does not keep what others have from being wanted",
	 a_flood_does_not_keep_what_others_have_from_being_wanted},
	{"of a peer that is heard nobody else is asked", of_a_peer_that_is_heard_nobody_else_is_asked},
	{"nodes in a chain know each other", nodes_in_a_chain_know_each_other},
	{"a lie about a node at the end of a chain is put right",
	 a_lie_about_a_node_at_the_end_of_a_chain_is_put_right},
	{"nodes around one know each other", nodes_around_one_know_each_other},
	{"a newcomer learns of all nodes within seconds", a_newcomer_learns_of_all_nodes_within_seconds},
	{"who asks all the time does not keep others from catching up",
	 who_asks_all_the_time_does_not_keep_others_from_catching_up},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_reporting_catchup = {
	.pName = "reporting_catchup", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
