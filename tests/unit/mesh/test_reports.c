#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/sync.h"
#include "mesh/reports.h"
#include "runner.h"
#include "unit/mesh/some_reports.h"
#include "unit/suites.h"
#include "wire/message.h"

enum { SELF = 1, REACHED = 64 };
#define MS_2026 INT64_C(1767225600000)
#define YEAR_MS (INT64_C(365) * 24 * 3600 * 1000)

struct scene {
	struct settings settings;
	struct reports *reports;
	int64_t now_us, clock_us;
	/* What came of the last report. */
	int64_t before;
	struct report *current;
};

static void start(struct scene *scene, int64_t max_nodes)
{
	struct nodeid self = some_nodeid(SELF);
	*scene = (struct scene){.settings = {.max_nodes = max_nodes, .forget_after_us = 60 * 1000000}, .now_us = 1000};
	scene->reports = reports_new(&scene->settings, &self);
	CU_ASSERT_PTR_NOT_NULL_FATAL(scene->reports);
}

static void end(struct scene *scene)
{
	report_release(scene->current);
	reports_free(scene->reports);
}

static void set_own(struct scene *scene, int64_t seq, const char *words)
{
	struct report *own = some_report(SELF, seq, words);
	CU_ASSERT_TRUE(reports_set_own(scene->reports, own, ++scene->now_us));
	report_release(own);
}

enum { FROM_PEER = 1, ORIGIN_IS_PEER };

static enum reports_outcome take(struct scene *scene, struct report *report, unsigned teller, int how)
{
	struct reports_teller from = {.nodeid = some_nodeid(teller),
				      .is_origin = how == FROM_PEER,
				      .origin_is_peer = how == FROM_PEER || how == ORIGIN_IS_PEER,
				      .now_us = ++scene->now_us,
				      .clock_us = scene->clock_us};
	report_release(scene->current);
	return reports_take(scene->reports, report, &from, &scene->current, &scene->before);
}

/* A relayed one. */
static enum reports_outcome hear(struct scene *scene, unsigned teller, unsigned number, int64_t seq, const char *words)
{
	return take(scene, some_report(number, seq, words), teller, 0);
}

static int64_t known(struct scene *scene, unsigned number)
{
	struct nodeid nodeid = some_nodeid(number);
	return reports_seq(scene->reports, &nodeid);
}

static size_t count(struct scene *scene)
{
	size_t bytes;
	return reports_count(scene->reports, &bytes);
}

static void a_newer_report_takes_the_place_of_the_one_before(void)
{
	struct scene scene;
	start(&scene, 16);
	set_own(&scene, 5, "2");
	CU_ASSERT_EQUAL(hear(&scene, 2, 7, 100, "8"), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(scene.before, 0);
	CU_ASSERT_EQUAL(hear(&scene, 2, 7, 102, "9"), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(scene.before, 100);
	CU_ASSERT_PTR_NOT_NULL_FATAL(scene.current);
	CU_ASSERT_EQUAL(some_number(&scene.current->links[0].nodeid), 9);
	struct nodeid seven = some_nodeid(7), eight = some_nodeid(8);
	struct report *found = reports_find(scene.reports, &seven);
	CU_ASSERT_PTR_EQUAL(found, scene.current);
	report_release(found);
	CU_ASSERT_PTR_NULL(reports_find(scene.reports, &eight));
	CU_ASSERT_EQUAL(hear(&scene, 3, 7, 102, "8"), REPORTS_OLD);
	CU_ASSERT_EQUAL(scene.before, 102);
	CU_ASSERT_PTR_NULL(scene.current);
	CU_ASSERT_EQUAL(hear(&scene, 3, 7, 101, "8"), REPORTS_OLD);
	CU_ASSERT_EQUAL(known(&scene, 7), 102);
	CU_ASSERT_EQUAL(known(&scene, 8), 0);
	CU_ASSERT_EQUAL(known(&scene, SELF), 5);
	CU_ASSERT_EQUAL(count(&scene), 2);
	end(&scene);
}

/* The change that the current report tells since that base; NULL if it can't. */
static struct report *told(const struct scene *scene, int64_t base)
{
	struct report_words words = {.base = base, .now_us = scene->now_us, .clock_us = -1};
	struct buffer line = {0};
	struct message message;
	struct problem problem;
	CU_ASSERT_TRUE_FATAL(report_write(scene->current, &words, &line));
	CU_ASSERT_TRUE_FATAL(
		message_decode(buffer_content(&line), buffer_length(&line) - 1, scene->now_us, &message, &problem));
	struct report *report = message.report->base == 0 ? NULL : report_hold(message.report);
	message_fini(&message);
	buffer_fini(&line);
	return report;
}

/* A complete report is told as what it changes; who knows a report in between needs it complete. */
static void what_is_the_same_in_a_complete_report_is_not_told_again(void)
{
	struct scene scene;
	start(&scene, 16);
	CU_ASSERT_EQUAL(hear(&scene, 2, 7, 100, "8 9"), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(hear(&scene, 3, 7, 101, "8 9 10"), REPORTS_TAKEN);
	struct report *change = told(&scene, 100);
	CU_ASSERT_PTR_NOT_NULL_FATAL(change);
	CU_ASSERT_EQUAL(change->link_count, 1);
	CU_ASSERT_EQUAL(some_number(&change->links[0].nodeid), 10);
	CU_ASSERT_EQUAL(change->hole, 0);
	report_release(change);
	CU_ASSERT_EQUAL(hear(&scene, 3, 7, 110, "8 9 10 11"), REPORTS_TAKEN);
	CU_ASSERT_PTR_NULL(told(&scene, 100));
	CU_ASSERT_PTR_NULL(told(&scene, 105));
	change = told(&scene, 101);
	CU_ASSERT_PTR_NOT_NULL_FATAL(change);
	CU_ASSERT_EQUAL(change->link_count, 1);
	CU_ASSERT_EQUAL(change->hole, 110);
	end(&scene);
	/* 102 to 109 may have had what 101 and 110 do not have. */
	start(&scene, 16);
	CU_ASSERT_EQUAL(hear(&scene, 2, 7, 105, "8 9 10/5000"), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(take(&scene, report_hold(change), 2, 0), REPORTS_GAP);
	CU_ASSERT_EQUAL(hear(&scene, 2, 8, 101, "8 9 10"), REPORTS_TAKEN);
	change->nodeid = some_nodeid(8);
	CU_ASSERT_EQUAL(take(&scene, change, 2, 0), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(scene.current->link_count, 4);
	CU_ASSERT_EQUAL(scene.current->floor, 101);
	/* What was a link and is not said to have ended can't be told as a change. */
	CU_ASSERT_EQUAL(hear(&scene, 2, 8, 111, "8 9 10"), REPORTS_TAKEN);
	CU_ASSERT_PTR_NULL(told(&scene, 110));
	/* Nor what a node says that has started again: its numbers begin with the time. */
	CU_ASSERT_EQUAL(hear(&scene, 2, 8, 5000, "8 9 10"), REPORTS_TAKEN);
	CU_ASSERT_PTR_NULL(told(&scene, 111));
	end(&scene);
}

static void a_change_needs_what_it_changes(void)
{
	struct scene scene;
	start(&scene, 16);
	CU_ASSERT_EQUAL(take(&scene, some_change(7, 100, 101, "9"), 2, 0), REPORTS_GAP);
	CU_ASSERT_EQUAL(count(&scene), 0);
	CU_ASSERT_EQUAL(hear(&scene, 2, 7, 100, "8 5"), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(take(&scene, some_change(7, 101, 102, "9"), 2, 0), REPORTS_GAP);
	CU_ASSERT_EQUAL(take(&scene, some_change(7, 99, 100, "9"), 2, 0), REPORTS_OLD);
	CU_ASSERT_EQUAL(take(&scene, some_change(7, 100, 103, "9 8-closed"), 2, 0), REPORTS_TAKEN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(scene.current);
	CU_ASSERT_EQUAL(scene.current->base, 0);
	CU_ASSERT_EQUAL(scene.current->link_count, 2);
	CU_ASSERT_EQUAL(scene.current->end_count, 1);
	/* Since an older one than is known. */
	CU_ASSERT_EQUAL(take(&scene, some_change(7, 100, 104, "6"), 2, 0), REPORTS_TAKEN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(scene.current);
	CU_ASSERT_EQUAL(scene.current->link_count, 3);
	CU_ASSERT_EQUAL(known(&scene, 7), 104);
	end(&scene);
}

static void whose_word_counts(void)
{
	struct scene scene;
	start(&scene, 16);
	set_own(&scene, 50, "2");
	/* A peer of this node speaks for itself; what others say of it is not heard. */
	struct report *own_word = some_report(9, 100, "1");
	own_word->nodeid = nodeid_none;
	CU_ASSERT_EQUAL(take(&scene, own_word, 2, FROM_PEER), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(known(&scene, 2), 100);
	CU_ASSERT_EQUAL(take(&scene, some_report(2, 101, ""), 3, ORIGIN_IS_PEER), REPORTS_EARLY);
	CU_ASSERT_EQUAL(known(&scene, 2), 100);
	/* It is one no longer. */
	CU_ASSERT_EQUAL(take(&scene, some_report(2, 101, ""), 3, 0), REPORTS_TAKEN);
	/* Nobody. */
	struct report *nobody = some_report(4, 100, "");
	nobody->nodeid = nodeid_none;
	CU_ASSERT_EQUAL(take(&scene, nobody, 3, 0), REPORTS_REFUSED);
	/* This node. */
	CU_ASSERT_EQUAL(hear(&scene, 3, SELF, 50, ""), REPORTS_OLD);
	CU_ASSERT_EQUAL(hear(&scene, 3, SELF, 51, ""), REPORTS_SELF);
	CU_ASSERT_EQUAL(scene.before, 50);
	CU_ASSERT_EQUAL(known(&scene, SELF), 50);
	/* No reports. */
	scene.settings.max_nodes = 0;
	CU_ASSERT_EQUAL(hear(&scene, 3, 5, 100, ""), REPORTS_REFUSED);
	CU_ASSERT_EQUAL(hear(&scene, 3, SELF, 100, ""), REPORTS_REFUSED);
	end(&scene);
}

static void a_number_is_believed_up_to_a_hundred_years_ahead(void)
{
	static const struct {
		int64_t clock_ms, seq;
		int how;
		enum reports_outcome outcome;
	} cases[] = {
		{-1, MS_2026 + 99 * YEAR_MS, 0, REPORTS_TAKEN},
		{-1, MS_2026 + 101 * YEAR_MS, 0, REPORTS_REFUSED},
		{MS_2026 - 50 * YEAR_MS, MS_2026 + 99 * YEAR_MS, 0, REPORTS_TAKEN},
		{MS_2026 + 50 * YEAR_MS, MS_2026 + 149 * YEAR_MS, 0, REPORTS_TAKEN},
		{MS_2026 + 50 * YEAR_MS, MS_2026 + 151 * YEAR_MS, 0, REPORTS_REFUSED},
		/* A node itself can go on above what others say of it. */
		{-1, MS_2026 + 199 * YEAR_MS, FROM_PEER, REPORTS_TAKEN},
		{-1, MS_2026 + 201 * YEAR_MS, FROM_PEER, REPORTS_REFUSED},
		{-1, REPORT_SEQ_MOST, FROM_PEER, REPORTS_REFUSED},
		{-1, INT64_MAX, FROM_PEER, REPORTS_REFUSED},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene scene;
		start(&scene, 16);
		set_own(&scene, 5, "");
		scene.clock_us = cases[i].clock_ms < 0 ? -1 : cases[i].clock_ms * 1000;
		enum reports_outcome outcome = take(&scene, some_report(7, cases[i].seq, ""), 7, cases[i].how);
		EXPECT(outcome == cases[i].outcome, "%zu: %d", i, outcome);
		end(&scene);
	}
	struct scene scene;
	start(&scene, 16);
	set_own(&scene, 5, "");
	CU_ASSERT_EQUAL(hear(&scene, 2, SELF, MS_2026 + 99 * YEAR_MS, ""), REPORTS_SELF);
	CU_ASSERT_EQUAL(hear(&scene, 2, SELF, MS_2026 + 101 * YEAR_MS, ""), REPORTS_REFUSED);
	/* Numbers can't be exhausted step by step. */
	int64_t seq = MS_2026;
	while (hear(&scene, 2, 7, seq, "") == REPORTS_TAKEN && seq < MS_2026 + 1000 * YEAR_MS)
		seq += 50 * YEAR_MS;
	EXPECT(known(&scene, 7) == MS_2026 + 100 * YEAR_MS, "%lld", (long long)known(&scene, 7));
	end(&scene);
}

static void what_a_node_says_itself_replaces_what_others_have_told(void)
{
	struct scene scene;
	start(&scene, 16);
	set_own(&scene, 5, "");
	CU_ASSERT_EQUAL(hear(&scene, 2, 7, 5000, "8 9"), REPORTS_TAKEN);
	/* It says less than everything: the rest is asked for. */
	CU_ASSERT_EQUAL(take(&scene, some_change(7, 1000, 1001, "10"), 7, FROM_PEER), REPORTS_GAP);
	struct reports_teller itself = {.nodeid = some_nodeid(7), .clock_us = -1};
	struct reports_teller other = {.nodeid = some_nodeid(2), .clock_us = -1};
	CU_ASSERT(reports_lacks(scene.reports, &(struct report_number){some_nodeid(7), 1001}, &itself));
	CU_ASSERT(!reports_lacks(scene.reports, &(struct report_number){some_nodeid(7), 1001}, &other));
	CU_ASSERT_EQUAL(take(&scene, some_report(7, 1001, "10"), 7, FROM_PEER), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(scene.before, 5000);
	CU_ASSERT_EQUAL(scene.current->link_count, 1);
	CU_ASSERT_EQUAL(known(&scene, 7), 1001);
	CU_ASSERT(!reports_lacks(scene.reports, &(struct report_number){some_nodeid(7), 1000}, &itself));
	/* Once: an earlier word of it, from a connection that ends, is old. */
	CU_ASSERT_EQUAL(take(&scene, some_report(7, 1000, "11"), 7, FROM_PEER), REPORTS_OLD);
	CU_ASSERT_EQUAL(take(&scene, some_change(7, 1001, 1002, "12"), 7, FROM_PEER), REPORTS_TAKEN);
	/* The same number may have been told with something else. */
	CU_ASSERT_EQUAL(hear(&scene, 2, 8, 100, "9"), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(take(&scene, some_report(8, 100, "10 11"), 8, FROM_PEER), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(scene.current->link_count, 2);
	end(&scene);
}

static void of_the_teller_who_told_most_the_oldest_gives_way(void)
{
	struct scene scene;
	start(&scene, 9);
	set_own(&scene, 5, "2");
	/* Two, who is a peer, and what it tells; three tells more. */
	CU_ASSERT_EQUAL(take(&scene, some_report(2, 100, "1"), 2, FROM_PEER), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(hear(&scene, 2, 10, 100, ""), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(hear(&scene, 2, 11, 100, ""), REPORTS_TAKEN);
	for (unsigned i = 20; i < 25; i++)
		CU_ASSERT_EQUAL(hear(&scene, 3, i, 100, ""), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(count(&scene), 9);
	/* The first one is heard again. */
	CU_ASSERT_EQUAL(hear(&scene, 3, 20, 101, ""), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(hear(&scene, 4, 30, 100, ""), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(known(&scene, 21), 0);
	CU_ASSERT_EQUAL(known(&scene, 20), 101);
	CU_ASSERT_EQUAL(hear(&scene, 3, 25, 100, ""), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(known(&scene, 22), 0);
	CU_ASSERT_EQUAL(count(&scene), 9);
	/* A flood takes from itself, as soon as nobody else has told more. */
	for (unsigned i = 100; i < 200; i++)
		CU_ASSERT_EQUAL(hear(&scene, 5, i, 100, ""), REPORTS_TAKEN);
	CU_ASSERT_TRUE(known(&scene, 11) == 100 && known(&scene, 25) == 100 && known(&scene, 30) == 100);
	CU_ASSERT_TRUE(known(&scene, 2) == 100 && known(&scene, SELF) == 5);
	CU_ASSERT_EQUAL(count(&scene), 9);
	end(&scene);
}

static void peers_and_this_node_never_give_way(void)
{
	struct scene scene;
	start(&scene, 3);
	set_own(&scene, 5, "2");
	CU_ASSERT_EQUAL(hear(&scene, 3, 2, 100, ""), REPORTS_TAKEN);
	/* One that is so new that this node's own report has no link to it. */
	CU_ASSERT_EQUAL(take(&scene, some_report(4, 100, "1"), 4, FROM_PEER), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(hear(&scene, 3, 20, 100, ""), REPORTS_REFUSED);
	CU_ASSERT_EQUAL(take(&scene, some_report(6, 100, "1"), 6, FROM_PEER), REPORTS_REFUSED);
	CU_ASSERT_EQUAL(count(&scene), 3);
	CU_ASSERT_EQUAL(hear(&scene, 3, 2, 101, ""), REPORTS_TAKEN);
	/* The own report comes, and it was no peer for long. */
	set_own(&scene, 6, "2");
	CU_ASSERT_EQUAL(hear(&scene, 3, 20, 100, ""), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(known(&scene, 4), 0);
	end(&scene);
}

/* Reports of 600 links: many more bytes than max_nodes stand for. */
static void bytes_are_bounded_too(void)
{
	enum { LINKS = 600, NODES = 32, MOST = NODES * REPORTS_NODE_BYTES + 65536 };
	struct scene scene;
	char words[LINKS * 6] = "";
	size_t bytes;
	for (unsigned i = 0; i < LINKS; i++)
		sprintf(words + strlen(words), "%u ", 1000 + i);
	start(&scene, NODES);
	set_own(&scene, 5, "");
	for (unsigned i = 2; i < 2 * NODES; i++) {
		CU_ASSERT_EQUAL(hear(&scene, 2, i, 100, words), REPORTS_TAKEN);
		size_t nodes = reports_count(scene.reports, &bytes);
		EXPECT(bytes < MOST + 256 * nodes, "%zu nodes, %zu bytes", nodes, bytes);
	}
	CU_ASSERT_TRUE(count(&scene) > 2 && count(&scene) < NODES / 2);
	/* One that grows is no way around. */
	for (unsigned i = 100; i < 100 + NODES; i++)
		CU_ASSERT_EQUAL(hear(&scene, 2, i, 100, ""), REPORTS_TAKEN);
	for (unsigned i = 100; i < 100 + NODES; i++)
		hear(&scene, 2, i, 101, words);
	size_t nodes = reports_count(scene.reports, &bytes);
	EXPECT(bytes < MOST + 256 * nodes, "%zu nodes, %zu bytes", nodes, bytes);
	end(&scene);
	/* One that is too large does not push itself out. */
	start(&scene, 2);
	CU_ASSERT_EQUAL(hear(&scene, 2, 7, 100, "8"), REPORTS_TAKEN);
	CU_ASSERT_EQUAL(hear(&scene, 2, 7, 101, words), REPORTS_REFUSED);
	CU_ASSERT_EQUAL(known(&scene, 7), 100);
	/* Those whose words were replaced are forgotten. */
	for (unsigned i = 0; i < NODES; i++) {
		size_t before = bytes;
		CU_ASSERT_EQUAL(hear(&scene, 1000 + i, 9, 100 + i, ""), REPORTS_TAKEN);
		reports_count(scene.reports, &bytes);
		EXPECT(i <= 1 || bytes == before, "%zu bytes after %zu", bytes, before);
	}
	end(&scene);
}

/* Tells who is within reach: numbers in order, ended by 0. */
static void expire(struct scene *scene, int64_t after_us, const unsigned *numbers)
{
	struct reports_sight reached[REACHED] = {0};
	size_t reached_count = 0;
	for (; numbers[reached_count] != 0; reached_count++)
		reached[reached_count].nodeid = some_nodeid(numbers[reached_count]);
	scene->now_us += after_us;
	reports_expire(scene->reports, reached, reached_count, scene->now_us);
}

static void who_is_out_of_reach_for_long_is_forgotten(void)
{
	enum { SECOND_US = 1000000 };
	struct scene scene;
	start(&scene, 16);
	set_own(&scene, 5, "2");
	for (unsigned i = 2; i < 6; i++)
		hear(&scene, 2, i, 100, "");
	/* Three is lost between two looks that are far apart, four was never within reach. */
	expire(&scene, SECOND_US, (const unsigned[]){1, 2, 3, 5, 0});
	expire(&scene, 300 * SECOND_US, (const unsigned[]){2, 5, 0});
	CU_ASSERT_EQUAL(known(&scene, 4), 0);
	CU_ASSERT_EQUAL(known(&scene, 3), 100);
	struct reports_snapshot snapshot = reports_take_snapshot(scene.reports);
	CU_ASSERT_EQUAL_FATAL(snapshot.count, 4);
	CU_ASSERT_EQUAL(snapshot.entries[2].reached_us, scene.now_us);
	reports_release_snapshot(&snapshot);
	/* Five is lost and back. */
	expire(&scene, 40 * SECOND_US, (const unsigned[]){2, 0});
	expire(&scene, 10 * SECOND_US, (const unsigned[]){2, 5, 0});
	CU_ASSERT_EQUAL(known(&scene, 3), 100);
	expire(&scene, 11 * SECOND_US, (const unsigned[]){2, 0});
	CU_ASSERT_EQUAL(known(&scene, 3), 0);
	CU_ASSERT_EQUAL(known(&scene, 5), 100);
	expire(&scene, 61 * SECOND_US, (const unsigned[]){2, 0});
	CU_ASSERT_EQUAL(known(&scene, 5), 0);
	CU_ASSERT_EQUAL(count(&scene), 2);
	/* Six was never within reach, but heard just now. */
	hear(&scene, 2, 6, 100, "");
	expire(&scene, 59 * SECOND_US, (const unsigned[]){2, 0});
	CU_ASSERT_EQUAL(known(&scene, 6), 100);
	expire(&scene, 2 * SECOND_US, (const unsigned[]){2, 0});
	CU_ASSERT_EQUAL(count(&scene), 2);
	/* This node stays, whatever it is told. */
	expire(&scene, 600 * SECOND_US, (const unsigned[]){0});
	expire(&scene, 600 * SECOND_US, (const unsigned[]){0});
	CU_ASSERT_EQUAL(count(&scene), 1);
	CU_ASSERT_EQUAL(known(&scene, SELF), 5);
	end(&scene);
}

static void a_lower_max_nodes_makes_room(void)
{
	static const unsigned all[] = {1, 2, 3, 4, 5, 6, 7, 8, 0};
	struct scene scene;
	start(&scene, 16);
	set_own(&scene, 5, "2");
	for (unsigned i = 2; i < 9; i++)
		hear(&scene, 2, i, 100, "");
	scene.settings.max_nodes = 4;
	expire(&scene, 0, all);
	CU_ASSERT_EQUAL(count(&scene), 4);
	CU_ASSERT_TRUE(known(&scene, 2) == 100 && known(&scene, 8) == 100 && known(&scene, 3) == 0);
	struct nodeid eight = some_nodeid(8), self = some_nodeid(SELF);
	reports_forget(scene.reports, &eight);
	reports_forget(scene.reports, &self);
	CU_ASSERT_TRUE(known(&scene, 8) == 0 && known(&scene, SELF) == 5);
	/* Without reports not even those of peers stay. */
	scene.settings.max_nodes = 0;
	expire(&scene, 0, all);
	CU_ASSERT_EQUAL(count(&scene), 1);
	end(&scene);
}

/* kith-internals(7) has the figure. A sanitizer's malloc tells nothing here. */
static void a_node_with_64_links_takes_3_1_kilobytes(void)
{
	enum { NODES = 1000, LINKS = 64 };
	struct scene scene;
	size_t bytes, before = mallinfo2().uordblks;
	start(&scene, NODES);
	for (unsigned i = 0; i < NODES; i++) {
		struct report *report = report_new(&(struct report_room){.links = LINKS});
		CU_ASSERT_PTR_NOT_NULL_FATAL(report);
		report->nodeid = some_nodeid(2 + i);
		report->seq = 1;
		for (unsigned j = 0; j < LINKS; j++)
			report->links[j] = (struct report_link){.nodeid = some_nodeid(2 + (i + j) % NODES)};
		report->link_count = LINKS;
		report_order(report);
		CU_ASSERT_EQUAL(take(&scene, report, 2 + i % LINKS, 0), REPORTS_TAKEN);
	}
	size_t each = (mallinfo2().uordblks - before) / NODES, counted = reports_count(scene.reports, &bytes);
	EXPECT(each <= 3150, "%zu bytes", each);
	EXPECT(counted == NODES && bytes / NODES <= 3150 && bytes / NODES > 3000, "%zu bytes", bytes);
	end(&scene);
}

static void introduce(struct scene *scene, unsigned number, const char *name)
{
	struct reports_introduced introduced = {.nodeid = some_nodeid(number), .address = some_address(number)};
	snprintf(introduced.name, sizeof introduced.name, "%s", name);
	reports_introduce(scene->reports, &introduced);
}

/* "" for one that is not known. */
static const char *introduced_name(struct scene *scene, unsigned number)
{
	static char name[REPORT_TEXT_BYTES];
	struct nodeid nodeid = some_nodeid(number);
	struct reports_snapshot snapshot = reports_take_snapshot(scene->reports);
	const struct reports_introduced *introduced = reports_find_introduced(&snapshot, &nodeid);
	snprintf(name, sizeof name, "%s", introduced == NULL ? "" : introduced->name);
	reports_release_snapshot(&snapshot);
	return name;
}

static void a_hello_is_known_until_the_first_report(void)
{
	struct scene scene;
	size_t before, bytes;
	start(&scene, 100);
	reports_count(scene.reports, &before);
	introduce(&scene, 7, "seven");
	introduce(&scene, 7, "seven again");
	introduce(&scene, 8, "eight");
	CU_ASSERT_STRING_EQUAL(introduced_name(&scene, 7), "seven again");
	CU_ASSERT_STRING_EQUAL(introduced_name(&scene, 9), "");
	CU_ASSERT_EQUAL(take(&scene, some_report(7, 5, "=other"), 7, FROM_PEER), REPORTS_TAKEN);
	CU_ASSERT_STRING_EQUAL(introduced_name(&scene, 7), "");
	introduce(&scene, 7, "seven");
	CU_ASSERT_STRING_EQUAL(introduced_name(&scene, 7), "");
	/* The last ones are known. */
	for (unsigned i = 0; i < REPORTS_INTRODUCED; i++)
		introduce(&scene, 100 + i, "later");
	CU_ASSERT_STRING_EQUAL(introduced_name(&scene, 8), "");
	CU_ASSERT_STRING_EQUAL(introduced_name(&scene, 100), "later");
	CU_ASSERT_STRING_EQUAL(introduced_name(&scene, 100 + REPORTS_INTRODUCED - 1), "later");
	reports_count(scene.reports, &bytes);
	CU_ASSERT(bytes > before + REPORTS_INTRODUCED * sizeof(struct reports_introduced));
	end(&scene);
}

static void equal_sums_mean_the_same_reports(void)
{
	struct scene one, other;
	uint64_t mine[REPORTS_PARTS], yours[REPORTS_PARTS];
	start(&one, 100);
	start(&other, 100);
	for (unsigned i = 2; i < 60; i++) {
		hear(&one, 3, i, 100 + i, "");
		hear(&other, 2, 61 - i, 7, "");
	}
	for (unsigned i = 2; i < 60; i++)
		hear(&other, 5, i, 100 + i, "9");
	hear(&other, 5, 70, 1, "9");
	reports_sums(one.reports, mine);
	reports_sums(other.reports, yours);
	struct nodeid seventy = some_nodeid(70);
	for (unsigned i = 0; i < REPORTS_PARTS; i++)
		EXPECT((mine[i] == yours[i]) == (i != reports_part(&seventy)), "part %u", i);
	reports_forget(other.reports, &seventy);
	reports_sums(other.reports, yours);
	CU_ASSERT_EQUAL(memcmp(mine, yours, sizeof mine), 0);
	hear(&other, 5, 7, 1000, "9");
	reports_sums(other.reports, yours);
	CU_ASSERT_NOT_EQUAL(memcmp(mine, yours, sizeof mine), 0);
	end(&one);
	end(&other);
}

/* What nodes compare must be the same in all versions. */
static void sums_are_as_the_protocol_says(void)
{
	struct scene scene;
	struct nodeid seven = some_nodeid(7);
	uint64_t sums[REPORTS_PARTS];
	start(&scene, 16);
	hear(&scene, 2, 7, 1732882000124, "");
	reports_sums(scene.reports, sums);
	CU_ASSERT_EQUAL(reports_part(&seven), 18);
	CU_ASSERT_EQUAL(sums[18], UINT64_C(0x94b6a2af7c42739a));
	end(&scene);
}

static void what_is_known_is_told_in_pieces(void)
{
	enum { NODES = 100, PIECE = 7 };
	struct scene scene;
	struct report_number have[PIECE];
	struct nodeid after = nodeid_none;
	size_t got, told = 0;
	unsigned last = 0;
	start(&scene, 2 * NODES);
	for (unsigned i = NODES; i > 0; i--)
		hear(&scene, 2, i + 1, 100 + i, "");
	while ((got = reports_have(scene.reports, UINT64_MAX, &after, have, PIECE)) > 0) {
		for (size_t i = 0; i < got; i++) {
			unsigned number = some_number(&have[i].nodeid);
			EXPECT(number == last + 1 + (last == 0) && have[i].seq == 99 + number, "%u after %u", number,
			       last);
			last = number;
		}
		told += got;
	}
	CU_ASSERT_EQUAL(told, NODES);
	/* In some parts only. */
	uint64_t parts = UINT64_C(0x00ff00ff00ff00ff);
	size_t in_parts = 0;
	for (unsigned i = 2; i < NODES + 2; i++) {
		struct nodeid nodeid = some_nodeid(i);
		in_parts += (parts >> reports_part(&nodeid) & 1) != 0;
	}
	told = 0;
	after = nodeid_none;
	while ((got = reports_have(scene.reports, parts, &after, have, PIECE)) > 0) {
		for (size_t i = 0; i < got; i++)
			CU_ASSERT_TRUE((parts >> reports_part(&have[i].nodeid) & 1) != 0);
		told += got;
	}
	CU_ASSERT_TRUE(told == in_parts && in_parts > 0 && in_parts < NODES);
	end(&scene);
}

static void the_version_grows_with_each_change(void)
{
	struct scene scene;
	start(&scene, 16);
	uint64_t before = reports_version(scene.reports);
	hear(&scene, 2, 7, 100, "");
	CU_ASSERT_TRUE(reports_version(scene.reports) > before);
	before = reports_version(scene.reports);
	hear(&scene, 2, 7, 100, "");
	expire(&scene, 1, (const unsigned[]){7, 0});
	CU_ASSERT_EQUAL(reports_version(scene.reports), before);
	struct nodeid seven = some_nodeid(7);
	reports_forget(scene.reports, &seven);
	CU_ASSERT_TRUE(reports_version(scene.reports) > before);
	end(&scene);
}

/* Whatever is told by whom: the bounds hold, everything stays in order, and nobody falls back. */
static void bounds_and_order_hold_whatever_is_told(void)
{
	enum { STEPS = 20000, NODES = 60, MOST = 24, TELLERS = 9 };
	struct scene scene;
	struct rng rng;
	rng_seed(&rng, 11);
	start(&scene, MOST);
	set_own(&scene, 5, "2 3 4");
	for (int step = 0; step < STEPS; step++) {
		unsigned number = rng_below(&rng, NODES) + 1;
		int64_t seq = rng_below(&rng, 3000) + 1, base = rng_below(&rng, 3000);
		bool is_change = rng_below(&rng, 3) == 0 && base > 0 && base < seq;
		int64_t before = known(&scene, number);
		struct report *report =
			is_change ? some_change(number, base, seq, "2 3-closed") : some_report(number, seq, "4 5");
		enum reports_outcome outcome = take(&scene, report, rng_below(&rng, TELLERS) + 2, 0);
		if (number != SELF && outcome == REPORTS_TAKEN)
			EXPECT(seq > before && known(&scene, number) == seq, "step %d", step);
		EXPECT(count(&scene) <= MOST && known(&scene, SELF) == 5, "step %d", step);
		if (rng_below(&rng, 100) == 0)
			expire(&scene, 1000000, (const unsigned[]){1, 2, 3, 4, 10, 11, 12, 20, 30, 0});
	}
	struct reports_snapshot snapshot = reports_take_snapshot(scene.reports);
	CU_ASSERT_EQUAL(snapshot.count, count(&scene));
	for (size_t i = 1; i < snapshot.count; i++)
		CU_ASSERT_TRUE(nodeid_compare(&snapshot.entries[i - 1].report->nodeid,
					      &snapshot.entries[i].report->nodeid) < 0);
	reports_release_snapshot(&snapshot);
	/* Back at the start, the numbers are those of one report. */
	struct scene fresh;
	uint64_t sums[REPORTS_PARTS], fresh_sums[REPORTS_PARTS];
	size_t bytes, fresh_bytes;
	start(&fresh, MOST);
	set_own(&fresh, 5, "2 3 4");
	scene.settings.max_nodes = 0;
	expire(&scene, 0, (const unsigned[]){1, 0});
	reports_sums(scene.reports, sums);
	reports_sums(fresh.reports, fresh_sums);
	CU_ASSERT_EQUAL(memcmp(sums, fresh_sums, sizeof sums), 0);
	CU_ASSERT_EQUAL(reports_count(scene.reports, &bytes), reports_count(fresh.reports, &fresh_bytes));
	end(&fresh);
	end(&scene);
}

struct crowd {
	struct scene scene;
	atomic_uint done;
};

static void *tell_much(void *argument)
{
	enum { TOLD = 300 };
	struct crowd *crowd = argument;
	struct reports *reports = crowd->scene.reports;
	for (unsigned i = 0; i < TOLD; i++) {
		struct reports_teller from = {.nodeid = some_nodeid(2 + i % 3), .now_us = i};
		struct report *current;
		int64_t before;
		uint64_t sums[REPORTS_PARTS];
		reports_take(reports, some_report(10 + i % 20, i + 1, "5 6 7"), &from, &current, &before);
		report_release(current);
		struct reports_snapshot snapshot = reports_take_snapshot(reports);
		reports_sums(reports, sums);
		reports_expire(reports, NULL, 0, i);
		reports_release_snapshot(&snapshot);
	}
	crowd->done++;
	return NULL;
}

static void many_threads_tell_and_look(void)
{
	enum { THREADS = 4 };
	static struct crowd crowd;
	struct thread threads[THREADS];
	start(&crowd.scene, 16);
	for (size_t i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], tell_much, &crowd), 0);
	for (size_t i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	CU_ASSERT_EQUAL(crowd.done, THREADS);
	CU_ASSERT_TRUE(count(&crowd.scene) > 0 && count(&crowd.scene) <= 16);
	end(&crowd.scene);
}

static CU_TestInfo tests[] = {
	{"a newer report takes the place of the one before", a_newer_report_takes_the_place_of_the_one_before},
	{"a change needs what it changes", a_change_needs_what_it_changes},
	{"what is the same in a complete report is not told again",
	 what_is_the_same_in_a_complete_report_is_not_told_again},
	{"whose word counts", whose_word_counts},
	{"a number is believed up to a hundred years ahead", a_number_is_believed_up_to_a_hundred_years_ahead},
	{"what a node says itself replaces what others have told",
	 what_a_node_says_itself_replaces_what_others_have_told},
	{"of the teller who told most the oldest gives way", of_the_teller_who_told_most_the_oldest_gives_way},
	{"peers and this node never give way", peers_and_this_node_never_give_way},
	{"bytes are bounded too", bytes_are_bounded_too},
	{"who is out of reach for long is forgotten", who_is_out_of_reach_for_long_is_forgotten},
	{"a lower max_nodes makes room", a_lower_max_nodes_makes_room},
	{"a node with 64 links takes 3.1 kB", a_node_with_64_links_takes_3_1_kilobytes},
	{"a hello is known until the first report", a_hello_is_known_until_the_first_report},
	{"equal sums mean the same reports", equal_sums_mean_the_same_reports},
	{"sums are as the protocol says", sums_are_as_the_protocol_says},
	{"what is known is told in pieces", what_is_known_is_told_in_pieces},
	{"the version grows with each change", the_version_grows_with_each_change},
	{"bounds and order hold, whatever is told", bounds_and_order_hold_whatever_is_told},
	{"many threads tell and look", many_threads_tell_and_look},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_reports = {.pName = "reports", .pTests = tests};
