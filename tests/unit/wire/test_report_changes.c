#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "runner.h"
#include "unit/suites.h"
#include "wire/json.h"
#include "wire/report.h"

/* Changes applied to what is known. */

enum { NODES = 12, ADDRESSES = 5, STEPS = 60 };

static const int64_t now_us = INT64_C(1000) * 3600 * 1000 * 1000, first_seq = 1000;

/* What a node knows of itself, kept without report.h. */
struct model {
	int64_t seq, floor, late_seq;
	uint32_t late_peers;
	struct {
		enum { NEVER, UP, DOWN } is;
		int64_t seq, link_seq;
		int32_t rtt_us;
		enum report_reason reason;
	} nodes[NODES];
	struct {
		enum { UNKNOWN, FAILS, MENDED } is;
		int64_t seq;
		uint32_t tries;
	} addresses[ADDRESSES];
};

/* Two and two have the same first four bytes, the last two begin with zeros. */
static struct nodeid node(unsigned number)
{
	struct nodeid nodeid = {{[3] = (unsigned char)(number / 2 * 2), [15] = (unsigned char)(number + 1)}};
	if (number < NODES - 2)
		nodeid.bytes[0] = (unsigned char)(0xa0 + (number < 4 ? number / 2 : number));
	else
		nodeid.bytes[3] = 0;
	return nodeid;
}

static struct address address(unsigned number)
{
	return (struct address){.host = {10, 0, 0, (uint8_t)number}, .port = 5999, .family = ADDRESS_IPV4};
}

static struct report *report_of(const struct model *model)
{
	struct report *report = report_new(
		&(struct report_room){.links = NODES, .ends = NODES, .failures = ADDRESSES, .mended = ADDRESSES});
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	report->nodeid = node(0);
	report->nodeid.bytes[14] = 1;
	report->seq = model->seq;
	report->floor = model->floor;
	report->started_us = now_us - 5000000;
	report->late_peers = model->late_peers;
	for (int i = 0; i < REPORT_FACTS; i++)
		report->fact_seq[i] = i == FACT_LATE_PEERS ? model->late_seq : first_seq;
	for (unsigned i = 0; i < NODES; i++) {
		if (model->nodes[i].is == UP)
			report->links[report->link_count++] = (struct report_link){.nodeid = node(i),
										   .seq = model->nodes[i].seq,
										   .rtt_us = model->nodes[i].rtt_us,
										   .late_since_us = -1};
		else if (model->nodes[i].is == DOWN)
			report->ends[report->end_count++] = (struct report_end){.nodeid = node(i),
										.seq = model->nodes[i].seq,
										.link_seq = model->nodes[i].link_seq,
										.ended_us = now_us - 1000000,
										.reason = model->nodes[i].reason};
	}
	for (unsigned i = 0; i < ADDRESSES; i++) {
		if (model->addresses[i].is == FAILS)
			report->failures[report->failure_count++] =
				(struct report_failure){.address = address(i),
							.seq = model->addresses[i].seq,
							.since_us = now_us - 2000000,
							.last_us = now_us - 1000000,
							.reached_us = -1,
							.tries = model->addresses[i].tries,
							.reason = REASON_TIMED_OUT};
		else if (model->addresses[i].is == MENDED)
			report->mended[report->mended_count++] =
				(struct report_mended){.address = address(i), .seq = model->addresses[i].seq};
	}
	report_order(report);
	return report;
}

static void change_node(struct model *model, unsigned i, struct rng *rng)
{
	if (model->nodes[i].is == UP && rng_below(rng, 3) > 0) {
		model->nodes[i].is = DOWN;
		model->nodes[i].reason = (enum report_reason)rng_below(rng, REASONS);
		model->nodes[i].link_seq = model->nodes[i].seq;
	} else {
		model->nodes[i].is = UP;
		model->nodes[i].rtt_us = (int32_t)rng_below(rng, 1000);
	}
	model->nodes[i].seq = model->seq;
}

static void change_address(struct model *model, unsigned i, struct rng *rng)
{
	model->addresses[i].is = model->addresses[i].is == FAILS && rng_below(rng, 2) > 0 ? MENDED : FAILS;
	model->addresses[i].tries++;
	model->addresses[i].seq = model->seq;
}

/* Up to four changes, told as one; some are changed twice. */
static void step(struct model *model, struct rng *rng)
{
	model->seq++;
	for (uint64_t left = 1 + rng_below(rng, 4); left > 0; left--) {
		switch (rng_below(rng, 6)) {
		case 0:
			model->late_peers = (uint32_t)rng_below(rng, 3);
			model->late_seq = model->seq;
			break;
		case 1:
			change_address(model, (unsigned)rng_below(rng, ADDRESSES), rng);
			break;
		default:
			change_node(model, (unsigned)rng_below(rng, NODES), rng);
		}
	}
}

/* ---- through the wire ---- */

static struct buffer line_of(const struct report *report, int64_t base)
{
	struct buffer line = {0};
	struct report_words words = {.base = base, .now_us = now_us, .clock_us = -1};
	CU_ASSERT_FATAL(report_write(report, &words, &line));
	return line;
}

static struct report *read_line(const struct buffer *line)
{
	struct problem problem;
	struct json_object *object;
	struct report *report = NULL;
	size_t length = buffer_length(line) - 1;
	CU_ASSERT_FATAL(json_parse(buffer_content(line), length, 16, &object, &problem));
	EXPECT(report_read(object, now_us, &report, &problem), "%s: %.*s", problem.text, (int)length,
	       buffer_content(line));
	json_object_put(object);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	return report;
}

static struct report *sent(const struct report *report, int64_t base)
{
	struct buffer line = line_of(report, base);
	struct report *read = read_line(&line);
	buffer_fini(&line);
	return read;
}

static bool are_same(const struct report *one, const struct report *other)
{
	struct buffer first = line_of(one, 0), second = line_of(other, 0);
	bool same = buffer_length(&first) == buffer_length(&second) &&
		    memcmp(buffer_content(&first), buffer_content(&second), buffer_length(&first)) == 0;
	EXPECT(same, "%.*s is not %.*s", (int)buffer_length(&first), buffer_content(&first),
	       (int)buffer_length(&second), buffer_content(&second));
	buffer_fini(&first);
	buffer_fini(&second);
	return same;
}

/* ---- tests ---- */

/* states[i] has the number first_seq + i; changes are told by states[last]. */
static void expect_changes_lead_there(struct report *const *states, size_t last)
{
	for (size_t base = 0; base < last; base++) {
		struct report *change = sent(states[last], first_seq + (int64_t)base);
		CU_ASSERT_EQUAL(change->base, first_seq + (int64_t)base);
		for (size_t known = base; known < last; known++) {
			struct report *result = report_apply(states[known], change);
			CU_ASSERT_PTR_NOT_NULL_FATAL(result);
			EXPECT(are_same(result, states[last]), "changes since %zu, applied to %zu, give %zu", base,
			       known, last);
			report_release(result);
		}
		report_release(change);
	}
}

static void changes_since_any_base_lead_to_the_same_report(void)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct model model = {.seq = first_seq, .floor = first_seq};
		struct report *states[STEPS + 1] = {report_of(&model)};
		struct rng rng;
		rng_seed(&rng, seed);
		for (size_t i = 1; i <= STEPS; i++) {
			step(&model, &rng);
			states[i] = report_of(&model);
		}
		for (size_t last = 1; last <= STEPS; last += 7)
			expect_changes_lead_there(states, last);
		for (size_t i = 0; i <= STEPS; i++)
			report_release(states[i]);
	}
}

/* Takes what was told, complete or a change, as a node does; both are released. */
static struct report *hear(struct report *known, struct report *told)
{
	struct report *change = told->base > 0 ? report_hold(told) : report_difference(known, told);
	struct report *result = change == NULL ? report_hold(told) : report_apply(known, change);
	CU_ASSERT_PTR_NOT_NULL_FATAL(result);
	report_release(change);
	report_release(known);
	report_release(told);
	return result;
}

/*
 * A complete report is heard, then changes or complete ones, with some of them missed; each is passed on to one who is
 * further behind.
 */
static void what_was_applied_can_be_passed_on(void)
{
	size_t changes = 0, holes = 0;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct model model = {.seq = first_seq, .floor = first_seq};
		struct rng rng;
		rng_seed(&rng, seed);
		step(&model, &rng);
		struct report *origin = report_of(&model);
		struct report *first = sent(origin, 0), *second = sent(first, 0);
		CU_ASSERT_EQUAL(first->floor, origin->seq);
		for (size_t i = 1; i <= STEPS; i++) {
			report_release(origin);
			step(&model, &rng);
			origin = report_of(&model);
			if (rng_below(&rng, 2) > 0)
				continue;
			first = hear(first, sent(origin, rng_below(&rng, 3) > 0 ? first->seq : 0));
			are_same(first, origin);
			if (rng_below(&rng, 2) > 0)
				continue;
			struct report *told = sent(first, second->seq);
			changes += told->base > 0;
			holes += told->hole > 0;
			CU_ASSERT_TRUE_FATAL(told->base == 0 || report_fits(told, second->seq));
			second = hear(second, told);
			are_same(second, origin);
		}
		report_release(origin);
		report_release(first);
		report_release(second);
	}
	EXPECT(changes > 100 && holes > 10, "%zu changes, %zu with a hole", changes, holes);
}

/* Then a base that lacks a part gets all of it. */
static void what_cannot_be_told_as_a_change_is_told_completely(void)
{
	struct model model = {.seq = first_seq + 9, .floor = first_seq + 5};
	struct report *report = report_of(&model);
	static const struct {
		int64_t base;
		bool is_change;
	} cases[] = {
		{0, false}, {1, false}, {1004, false}, {1005, true}, {1008, true}, {1009, false}, {1010, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct report *read = sent(report, cases[i].base);
		EXPECT((read->base != 0) == cases[i].is_change, "base %lld", (long long)cases[i].base);
		CU_ASSERT_EQUAL(read->seq, report->seq);
		CU_ASSERT_EQUAL(read->floor, cases[i].is_change ? cases[i].base : report->seq);
		report_release(read);
	}
	report_release(report);
}

/* Applies to the report, which is released, a change of so many ends, mended addresses or failures. */
static struct report *with_more(struct report *report, const char *kind, unsigned first, unsigned count)
{
	struct report *change = report_new(&(struct report_room){.ends = count, .failures = count, .mended = count});
	CU_ASSERT_PTR_NOT_NULL_FATAL(change);
	change->seq = report->seq + 1;
	change->base = change->floor = report->seq;
	for (unsigned i = 0; i < count; i++) {
		struct nodeid nodeid = {{[0] = 1,
					 [13] = 1,
					 [14] = (unsigned char)((first + i) >> 8),
					 [15] = (unsigned char)(first + i)}};
		struct address where = address(first + i);
		int64_t moment_us = now_us - 9999999 + (int64_t)(first + i) * 1000;
		if (strcmp(kind, "ends") == 0)
			change->ends[change->end_count++] =
				(struct report_end){.nodeid = nodeid, .seq = change->seq, .ended_us = moment_us};
		else if (strcmp(kind, "mended") == 0)
			change->mended[change->mended_count++] =
				(struct report_mended){.address = where, .seq = change->seq};
		else
			change->failures[change->failure_count++] = (struct report_failure){.address = where,
											    .seq = change->seq,
											    .since_us = moment_us,
											    .last_us = now_us,
											    .reached_us = -1,
											    .tries = 1};
	}
	report_order(change);
	struct report *result = report_apply(report, change);
	CU_ASSERT_PTR_NOT_NULL_FATAL(result);
	report_release(change);
	report_release(report);
	return result;
}

static struct report *empty_report(void)
{
	struct model model = {.seq = first_seq, .floor = first_seq};
	return report_of(&model);
}

static void the_youngest_ends_are_kept_and_the_floor_says_so(void)
{
	struct report *report = with_more(empty_report(), "ends", 0, REPORT_ENDS);
	CU_ASSERT_EQUAL(report->end_count, REPORT_ENDS);
	CU_ASSERT_EQUAL(report->floor, first_seq);
	report = with_more(report, "ends", REPORT_ENDS, 2);
	CU_ASSERT_EQUAL(report->end_count, REPORT_ENDS);
	CU_ASSERT_EQUAL(report->ends[0].nodeid.bytes[15], 2);
	CU_ASSERT_EQUAL(report->floor, first_seq + 1);
	report_release(report);
}

static void the_last_mended_are_kept_and_the_floor_says_so(void)
{
	struct report *report = with_more(empty_report(), "mended", 0, REPORT_MENDED);
	CU_ASSERT_EQUAL(report->mended_count, REPORT_MENDED);
	CU_ASSERT_EQUAL(report->floor, first_seq);
	report = with_more(report, "mended", REPORT_MENDED, 2);
	CU_ASSERT_EQUAL(report->mended_count, REPORT_MENDED);
	CU_ASSERT_EQUAL(report->floor, first_seq + 1);
	report_release(report);
}

static void the_longest_failures_are_kept(void)
{
	struct report *report = with_more(empty_report(), "failing", 10, REPORT_FAILURES);
	report = with_more(report, "failing", 5, 3);
	report = with_more(report, "failing", 100, 3);
	CU_ASSERT_EQUAL(report->failure_count, REPORT_FAILURES);
	static const struct {
		unsigned number;
		bool is_kept;
	} cases[] = {{5, true}, {7, true}, {10, true}, {38, true}, {39, false}, {100, false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address where = address(cases[i].number);
		EXPECT((report_find_failure(report, &where) != NULL) == cases[i].is_kept, "%u", cases[i].number);
	}
	report_release(report);
}

static void links_beyond_the_limit_are_left_out(void)
{
	struct report *report = empty_report();
	for (unsigned round = 0; round < 3; round++) {
		struct report *change = report_new(&(struct report_room){.links = REPORT_LINKS / 2});
		CU_ASSERT_PTR_NOT_NULL_FATAL(change);
		change->seq = report->seq + 1;
		change->base = report->seq;
		for (unsigned i = 0; i < REPORT_LINKS / 2; i++)
			change->links[change->link_count++] =
				(struct report_link){.nodeid = {{[0] = (unsigned char)round,
								 [1] = 1,
								 [2] = (unsigned char)(i >> 8),
								 [3] = (unsigned char)i}},
						     .seq = change->seq};
		struct report *result = report_apply(report, change);
		CU_ASSERT_PTR_NOT_NULL_FATAL(result);
		report_release(report);
		report_release(change);
		report = result;
		CU_ASSERT_EQUAL(report->link_count, round == 0 ? REPORT_LINKS / 2 : REPORT_LINKS);
	}
	report_release(report);
}

static CU_TestInfo tests[] = {
	{"changes since any base lead to the same report", changes_since_any_base_lead_to_the_same_report},
	{"what was applied can be passed on", what_was_applied_can_be_passed_on},
	{"what cannot be told as a change is told completely", what_cannot_be_told_as_a_change_is_told_completely},
	{"the youngest ends are kept, and the floor says so", the_youngest_ends_are_kept_and_the_floor_says_so},
	{"the last mended are kept, and the floor says so", the_last_mended_are_kept_and_the_floor_says_so},
	{"the longest failures are kept", the_longest_failures_are_kept},
	{"links beyond the limit are left out", links_beyond_the_limit_are_left_out},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_report_changes = {.pName = "report_changes", .pTests = tests};
