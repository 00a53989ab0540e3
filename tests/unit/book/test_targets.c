#include "book/targets.h"

#include <stdio.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

#define START_US (1000 * SECOND_US)
#define WAIT_US (60 * SECOND_US)
#define HOUR_US (3600 * SECOND_US)

/* How many dials to hearsay may begin at this moment at these addresses, of which each has its number at the end. */
static unsigned begin_all(struct targets *targets, const char *format, unsigned most, int64_t now_us)
{
	unsigned begun = 0;
	for (unsigned i = 1; i <= most; i++) {
		char text[ADDRESS_TEXT_BYTES];
		snprintf(text, sizeof text, format, i);
		struct address address = address_of(text);
		begun += targets_ask(targets, &address, now_us) <= now_us && targets_begin(targets, &address, START_US);
	}
	return begun;
}

static void end_first(struct targets *targets, const char *format, unsigned count, enum target_end end, int64_t now_us)
{
	for (unsigned i = 1; i <= count; i++) {
		char text[ADDRESS_TEXT_BYTES];
		snprintf(text, sizeof text, format, i);
		struct address address = address_of(text);
		targets_end(targets, &address, end, WAIT_US, now_us);
	}
}

/* Once an unknown host or network has got its dials, they end so; how many more then begin at once. */
static void what_a_target_may_have_follows_what_came_of_its_dials(void)
{
	static const struct {
		const char *format;
		unsigned first;
		enum target_end end;
		unsigned then;
	} cases[] = {
		{"10.0.0.1:%u", 1, TARGET_REACHED, 5}, /* ports of a host */
		{"10.0.0.1:%u", 1, TARGET_FAILED, 0},
		{"10.0.0.1:%u", 1, TARGET_UNKNOWN, 1},
		{"[2001:db8::%u]:1", 1, TARGET_REACHED, 5}, /* hosts of a /64 count as one */
		{"[2001:db8::%u]:1", 1, TARGET_FAILED, 0},
		{"10.0.0.%u:1", 4, TARGET_REACHED, 20}, /* hosts of a /24 */
		{"10.0.0.%u:1", 4, TARGET_FAILED, 0},
		{"10.0.0.%u:1", 4, TARGET_UNKNOWN, 4},
		{"[2001:db8:0:%u::1]:1", 4, TARGET_REACHED, 20}, /* networks of a /56 */
		{"[2001:db8:0:%u::1]:1", 4, TARGET_FAILED, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct targets targets;
		targets_init(&targets, HOUR_US);
		unsigned first = begin_all(&targets, cases[i].format, 99, START_US);
		EXPECT(first == cases[i].first, "case %zu: %u", i, first);
		end_first(&targets, cases[i].format, first, cases[i].end, START_US);
		unsigned then = begin_all(&targets, cases[i].format, 99, START_US);
		EXPECT(then == cases[i].then, "case %zu: then %u", i, then);
		targets_fini(&targets);
	}
}

/* Until something answers there: a minute, two, four, eight, and from then on ten. */
static void a_host_where_nothing_answers_waits_longer_each_time(void)
{
	static const int64_t minutes[] = {1, 2, 4, 8, 10, 10};
	struct targets targets;
	struct address address = address_of("10.0.0.1:1");
	int64_t now_us = START_US;
	targets_init(&targets, HOUR_US);
	for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
		CU_ASSERT(targets_ask(&targets, &address, now_us) <= now_us);
		CU_ASSERT(targets_begin(&targets, &address, START_US));
		targets_end(&targets, &address, TARGET_FAILED, WAIT_US, now_us);
		int64_t next_us = targets_ask(&targets, &address, now_us);
		EXPECT(next_us == now_us + minutes[i] * WAIT_US, "%zu: %lld", i, (long long)(next_us - now_us));
		now_us = next_us;
	}
	targets_meet(&targets, &address, START_US);
	CU_ASSERT(targets_ask(&targets, &address, now_us) <= now_us);
	targets_fini(&targets);
}

static void a_hurry_ends_all_waits(void)
{
	struct targets targets;
	struct address address = address_of("10.0.0.1:1");
	targets_init(&targets, HOUR_US);
	targets_begin(&targets, &address, START_US);
	targets_end(&targets, &address, TARGET_FAILED, WAIT_US, START_US);
	CU_ASSERT(targets_ask(&targets, &address, START_US) > START_US);
	targets_hurry(&targets);
	CU_ASSERT(targets_ask(&targets, &address, START_US) <= START_US);
	targets_fini(&targets);
}

/* A host where a node was met may have some dials in vain. With what hearsay it makes true it gains no more than
 * others. */
static void a_host_with_a_node_is_no_free_target(void)
{
	struct targets targets;
	struct address address = address_of("10.0.0.1:1");
	unsigned dials = 0;
	targets_init(&targets, HOUR_US);
	for (int i = 0; i < 100; i++)
		targets_meet(&targets, &address, START_US);
	while (targets_ask(&targets, &address, START_US) <= START_US && targets_begin(&targets, &address, START_US)) {
		targets_end(&targets, &address, TARGET_FAILED, WAIT_US, START_US);
		dials++;
	}
	CU_ASSERT_EQUAL(dials, TARGETS_HOST_DIALS + TARGETS_GAIN - 1);
	targets_fini(&targets);
}

/* All ports of a host ask at once: they come again one after the other. */
static void those_that_ask_in_vain_come_again_one_after_the_other(void)
{
	struct targets targets;
	struct address address = address_of("10.0.0.1:1");
	int64_t last_us = START_US;
	targets_init(&targets, HOUR_US);
	targets_begin(&targets, &address, START_US);
	for (int i = 0; i < 1000; i++) {
		address.port++;
		int64_t next_us = targets_ask(&targets, &address, START_US);
		CU_ASSERT(next_us >= last_us + TARGETS_QUEUE_US);
		last_us = next_us;
	}
	targets_fini(&targets);
}

/* The memory is bounded; what is pushed out is what was used longest ago, and no target with dials under way. */
static void the_oldest_target_makes_room(void)
{
	struct targets targets;
	struct address busy = address_of("10.0.0.1:1"), waits = address_of("10.0.1.1:1");
	targets_init(&targets, HOUR_US);
	targets_begin(&targets, &busy, START_US);
	targets_begin(&targets, &waits, START_US);
	targets_end(&targets, &waits, TARGET_FAILED, WAIT_US, START_US);
	for (unsigned i = 0; i < TARGETS_RECORDS; i++) {
		struct address other = address_of("11.0.0.1:1");
		other.host[1] = (uint8_t)(i / 256);
		other.host[2] = (uint8_t)(i % 256);
		/* A host and a network each: half of them fill the table, and these two are in it until then. */
		bool is_kept = targets_ask(&targets, &waits, START_US) > START_US;
		EXPECT(i >= TARGETS_RECORDS / 2 - 4 || is_kept, "%u", i);
		CU_ASSERT(targets_begin(&targets, &other, START_US));
		targets_end(&targets, &other, TARGET_FAILED, WAIT_US, START_US);
	}
	CU_ASSERT(targets_ask(&targets, &waits, START_US) <= START_US);
	CU_ASSERT(targets_ask(&targets, &busy, START_US) > START_US);
	targets_fini(&targets);
}

/* As the table grows and shrinks, in every mixture of those that go and those that stay, none is lost or mixed up. */
static void targets_survive_what_comes_and_goes(void)
{
	enum { ROUNDS = 6, OTHERS = 900 };
	struct targets targets;
	struct address waits = address_of("10.0.0.1:1"), busy = address_of("10.0.1.1:1");
	int64_t now_us = START_US;
	targets_init(&targets, HOUR_US);
	targets_begin(&targets, &busy, now_us);
	for (unsigned round = 0; round < ROUNDS; round++, now_us += HOUR_US - SECOND_US) {
		CU_ASSERT(targets_begin(&targets, &waits, now_us));
		targets_end(&targets, &waits, TARGET_FAILED, WAIT_US, now_us);
		for (unsigned i = 0; i < OTHERS / (1 + round); i++) {
			struct address other = address_of("11.0.0.1:1");
			other.host[1] = (uint8_t)(round * 8 + i / 256);
			other.host[2] = (uint8_t)(i % 256);
			targets_meet(&targets, &other, now_us);
			EXPECT(targets_weigh(&targets, &other) == TARGET_MET, "round %u: %u", round, i);
		}
		targets_tidy(&targets, now_us);
		EXPECT(targets_ask(&targets, &waits, now_us) > now_us, "round %u", round);
		EXPECT(targets_ask(&targets, &busy, now_us) > now_us, "round %u", round);
	}
	targets_end(&targets, &busy, TARGET_FAILED, 0, now_us);
	targets_tidy(&targets, now_us + 2 * HOUR_US);
	CU_ASSERT_EQUAL(targets.count, 0);
	CU_ASSERT(targets_ask(&targets, &waits, now_us) <= now_us);
	targets_fini(&targets);
}

static void what_is_passed_on_of_a_target_is_bounded_unless_a_node_was_met_there(void)
{
	static const struct {
		const char *met, *format;
		unsigned told;
	} cases[] = {
		{"10.9.9.9:1", "10.0.0.1:%u", TARGETS_HOST_TOLD},
		{"10.0.0.9:1", "10.0.0.1:%u", TARGETS_HOST_TOLD},
		{"10.0.0.1:1", "10.0.0.1:%u", 250},
		{"10.9.9.9:1", "10.0.0.%u:1", TARGETS_NETWORK_TOLD},
		{"10.0.0.251:1", "10.0.0.%u:1", 250},
		{"10.9.9.9:1", "10.0.%u.1:1", 250},
		{"10.9.9.9:1", "[2001:db8::%u]:1", TARGETS_HOST_TOLD},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct targets met, targets;
		struct address meeting = address_of(cases[i].met);
		unsigned told = 0, later = 0;
		targets_init(&met, HOUR_US);
		targets_init(&targets, HOUR_US);
		targets_meet(&met, &meeting, START_US);
		for (unsigned j = 0; j < 500; j++) {
			char text[ADDRESS_TEXT_BYTES];
			int64_t now_us = START_US + (j < 250 ? 0 : TARGETS_TELL_S * SECOND_US);
			snprintf(text, sizeof text, cases[i].format, 1 + j % 250);
			struct address address = address_of(text);
			bool tells = targets_tell(&targets, &address, targets_weigh(&met, &address), now_us);
			told += j < 250 && tells;
			later += j >= 250 && tells;
		}
		EXPECT(told == cases[i].told && later == told, "case %zu: %u, later %u", i, told, later);
		targets_fini(&met);
		targets_fini(&targets);
	}
}

static CU_TestInfo tests[] = {
	{"what a target may have follows what came of its dials",
	 what_a_target_may_have_follows_what_came_of_its_dials},
	{"a host where nothing answers waits longer each time", a_host_where_nothing_answers_waits_longer_each_time},
	{"a hurry ends all waits", a_hurry_ends_all_waits},
	{"a host with a node is no free target", a_host_with_a_node_is_no_free_target},
	{"those that ask in vain come again one after the other",
	 those_that_ask_in_vain_come_again_one_after_the_other},
	{"the oldest target makes room", the_oldest_target_makes_room},
	{"targets survive what comes and goes", targets_survive_what_comes_and_goes},
	{"what is passed on of a target is bounded unless a node was met there",
	 what_is_passed_on_of_a_target_is_bounded_unless_a_node_was_met_there},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_targets = {.pName = "targets", .pTests = tests};
