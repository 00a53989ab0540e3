#include "talk/directory.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

static void start(struct core *core, int64_t max_inbound)
{
	core_init(core, 1, "127.0.0.1:5999");
	core->settings.max_inbound = max_inbound;
	core_start(core);
}

static struct peer *meet(struct core *core, unsigned number, unsigned listen)
{
	char remote[ADDRESS_TEXT_BYTES];
	snprintf(remote, sizeof remote, "127.1.%u.%u:40000", number / 250, number % 250 + 1);
	return core_meet(core, number, remote, listen);
}

static void ask(struct core *core, struct peer *peer)
{
	core_say(core, peer, "{'msgtype': 'getaddr'}");
}

static void an_answer_is_a_little_old_at_most(void)
{
	struct core core;
	start(&core, 10);
	struct peer *asker = meet(&core, 2, 0);
	meet(&core, 3, 5999);
	ask(&core, asker);
	EXPECT_SENT(asker, "addr(127.1.0.4:5999=3)");
	meet(&core, 4, 5999);
	core.now_us += DIRECTORY_AGE_US - 1;
	ask(&core, asker);
	EXPECT_SENT(asker, "addr(127.1.0.4:5999=3)");
	core.now_us += 1;
	ask(&core, asker);
	EXPECT_SENT(asker, "addr(127.1.0.4:5999=3 127.1.0.5:5999=4)");
	core_fini(&core);
}

static void a_peer_that_is_too_new_for_an_answer_is_announced_to_the_asker(void)
{
	struct core core;
	start(&core, 10);
	struct peer *first = meet(&core, 2, 5999);
	ask(&core, first);
	EXPECT_SENT(first, "addr()");
	meet(&core, 3, 5999);
	struct peer *asker = meet(&core, 4, 0);
	ask(&core, asker);
	EXPECT_SENT(asker, "addr(127.1.0.3:5999=2)");
	core.now_us += ANNOUNCER_DELAY_US;
	protocol_run_timers(core.protocol, core.now_us, 0);
	EXPECT_SENT(asker, "addr(127.1.0.4:5999=3)");
	core_fini(&core);
}

static void a_peer_that_has_gone_is_told_for_a_little_while_at_most(void)
{
	struct core core;
	start(&core, 10);
	struct peer *asker = meet(&core, 2, 0), *other = meet(&core, 3, 5999);
	ask(&core, asker);
	EXPECT_SENT(asker, "addr(127.1.0.4:5999=3)");
	core_end(&core, other);
	core.now_us += DIRECTORY_AGE_US;
	ask(&core, asker);
	EXPECT_SENT(asker, "addr()");
	core_fini(&core);
}

static void another_time_to_share_within_holds_for_the_next_answer(void)
{
	struct core core;
	start(&core, 10);
	struct peer *asker = meet(&core, 2, 0);
	meet(&core, 3, 5999);
	core.now_us += 10 * SECOND_US;
	core.settings.share_within_us = 5 * SECOND_US;
	ask(&core, asker);
	EXPECT_SENT(asker, "addr()");
	core.settings.share_within_us = 20 * SECOND_US;
	core.now_us += DIRECTORY_AGE_US;
	ask(&core, asker);
	EXPECT_SENT(asker, "addr(127.1.0.4:5999=3)");
	core_fini(&core);
}

static void of_more_than_an_answer_may_have_a_random_choice_is_told(void)
{
	enum { PEERS = MESSAGE_ADDR_ENTRIES * 2 };
	static char answers[2][128 * 1024];
	struct core core;
	start(&core, PEERS + 1);
	struct peer *asker = meet(&core, 1 + PEERS + 1, 0);
	for (unsigned i = 0; i < PEERS; i++)
		meet(&core, i + 2, 5999);
	for (int i = 0; i < 2; i++) {
		size_t entries = 0;
		ask(&core, asker);
		snprintf(answers[i], sizeof answers[i], "%s", take_line(asker));
		for (const char *at = answers[i]; (at = strstr(at, ":5999")) != NULL; at++)
			entries++;
		CU_ASSERT_EQUAL(entries, MESSAGE_ADDR_ENTRIES);
		core.now_us += DIRECTORY_AGE_US;
	}
	CU_ASSERT_STRING_NOT_EQUAL(answers[0], answers[1]);
	core_fini(&core);
}

enum { ASKERS = 4, TIMES = 20 };

struct asker {
	struct core *core;
	struct peer *peer;
	atomic_uint *waiting; /* that have not come to the question yet */
	struct thread thread;
};

static void *ask_at_once(void *argument)
{
	static const char question[] = "{\"msgtype\":\"getaddr\"}";
	struct asker *asker = argument;
	atomic_fetch_sub(asker->waiting, 1);
	while (atomic_load(asker->waiting) > 0)
		;
	protocol_receive(asker->core->protocol, asker->peer, question, sizeof question - 1, asker->core->now_us);
	return NULL;
}

/* Each walk over so many peers makes another choice. */
static void those_that_ask_at_the_same_moment_share_one_walk(void)
{
	static char answer[128 * 1024];
	struct core core;
	struct asker askers[ASKERS];
	atomic_uint waiting = 0;
	start(&core, 2 * MESSAGE_ADDR_ENTRIES);
	for (unsigned i = 0; i < MESSAGE_ADDR_ENTRIES * 3 / 2; i++)
		meet(&core, i + 2, 5999);
	for (unsigned i = 0; i < ASKERS; i++)
		askers[i] = (struct asker){.core = &core, .peer = meet(&core, 4000 + i, 0), .waiting = &waiting};
	for (unsigned time = 0; time < TIMES; time++) {
		core.now_us += 10 * SECOND_US;
		atomic_init(&waiting, ASKERS);
		for (unsigned i = 0; i < ASKERS; i++)
			CU_ASSERT_EQUAL_FATAL(thread_start(&askers[i].thread, ask_at_once, &askers[i]), 0);
		for (unsigned i = 0; i < ASKERS; i++)
			thread_join(askers[i].thread);
		for (unsigned i = 0; i < ASKERS; i++) {
			const char *line = take_line(askers[i].peer);
			CU_ASSERT_PTR_NOT_NULL_FATAL(line);
			if (i == 0)
				snprintf(answer, sizeof answer, "%s", line);
			EXPECT(strcmp(line, answer) == 0, "time %u, asker %u", time, i);
		}
	}
	core_fini(&core);
}

/* Reaches so many addresses 127.GROUP.1.N:6000, and stays connected to none: so these are due again, too. */
static void who_is_refused_is_told_a_random_choice_and_which_limit_was_reached(void)
{
	static const char bye[] = "{\"msgtype\":\"bye\",\"reason\":\"full\",\"limit\":\"max_per_group\"}\n";
	struct core core;
	start(&core, 600);
	for (unsigned i = 0; i < 2 * PROTOCOL_REFERRED; i++)
		meet(&core, 2 + i, 5999);
	struct protocol_refusal refusal = {.near_end = address_of("127.0.0.1:5999"),
					   .far_end = address_of("127.0.0.9:40000"),
					   .limit = BYE_MAX_PER_GROUP,
					   .now_us = core.now_us + DIRECTORY_AGE_US};
	char first[1024] = "";
	for (int i = 0; i < 3; i++) {
		struct buffer lines = {0};
		struct problem problem;
		struct message message;
		refusal.names_others = i < 2;
		CU_ASSERT_FATAL(protocol_write_refusal(core.protocol, &refusal, &lines));
		size_t addr_bytes = buffer_length(&lines) - (sizeof bye - 1);
		CU_ASSERT_EQUAL(memcmp(buffer_content(&lines) + addr_bytes, bye, sizeof bye - 1), 0);
		if (i == 2) {
			CU_ASSERT_EQUAL(addr_bytes, 0);
		} else if (message_decode(buffer_content(&lines), addr_bytes - 1, core.now_us, &message, &problem)) {
			CU_ASSERT_EQUAL(message.type, MESSAGE_ADDR);
			CU_ASSERT_EQUAL(message.addr.count, PROTOCOL_REFERRED);
			CU_ASSERT_NOT_EQUAL(strncmp(first, buffer_content(&lines), sizeof first - 1), 0);
			memcpy(first, buffer_content(&lines), sizeof first - 1);
			message_fini(&message);
		} else {
			CU_FAIL("no addr");
		}
		buffer_fini(&lines);
	}
	/* Loopback addresses mean nothing elsewhere. */
	struct buffer lines = {0};
	refusal.near_end = address_of("192.0.2.1:5999");
	refusal.far_end = address_of("192.0.2.9:40000");
	refusal.names_others = true;
	CU_ASSERT_FATAL(protocol_write_refusal(core.protocol, &refusal, &lines));
	static const char none[] = "{\"msgtype\":\"addr\",\"peers\":[]}\n";
	CU_ASSERT_EQUAL(memcmp(buffer_content(&lines), none, sizeof none - 1), 0);
	buffer_fini(&lines);
	core_fini(&core);
}

static void feel(struct core *core, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct next_dial next = {0};
		char text[ADDRESS_TEXT_BYTES];
		snprintf(text, sizeof text, "127.%u.1.%u:6000", 10 + i % 200, i / 200 + 1);
		struct message_entry entry = {.address = address_of(text)};
		address_book_hear(core->book, &entry, 1, &entry.address, core->now_us);
		while (!address_equals(&next.dial.address, &entry.address)) {
			next = address_book_pick(core->book, ADDRESS_BOOK_PEERS, core->now_us);
			CU_ASSERT_FATAL(next.is_due);
			const unsigned char *host = next.dial.address.host;
			struct nodeid nodeid = nodeid_of(1000000 + host[1] * 256U + host[3]);
			address_book_reached(core->book, &next.dial, &nodeid, core->now_us);
		}
	}
}

static size_t count_in(const char *line, const char *what)
{
	size_t count = 0;
	for (const char *at = line; at != NULL && (at = strstr(at, what)) != NULL; at++)
		count++;
	return count;
}

static void connected_peers_are_told_first_and_then_a_sample_of_the_address_book(void)
{
	static const struct {
		unsigned peers, felt;
		size_t told_peers, told_sample;
	} cases[] = {
		{0, 4, 0, 0}, {3, 100, 3, 23}, {3, 0, 3, 0}, {40, 5000, 40, 960}, {1000, 200, 1000, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct core core;
		start(&core, 1100);
		feel(&core, cases[i].felt);
		struct peer *asker = meet(&core, 2, 0);
		for (unsigned j = 0; j < cases[i].peers; j++)
			meet(&core, 3 + j, 5999);
		ask(&core, asker);
		const char *line = take_line(asker);
		EXPECT(count_in(line, ":5999") == cases[i].told_peers, "case %zu: %zu peers", i,
		       count_in(line, ":5999"));
		EXPECT(count_in(line, ":6000") == cases[i].told_sample, "case %zu: %zu others", i,
		       count_in(line, ":6000"));
		const char *sample = strstr(line, ":6000");
		EXPECT(sample == NULL || strstr(sample, ":5999") == NULL, "case %zu: order", i);
		core_fini(&core);
	}
}

static void the_sample_is_the_same_to_everybody_for_a_day(void)
{
	static char answers[4][8192];
	static const int64_t after_us[] = {0, 0, DIRECTORY_SAMPLE_US, 24 * 3600 * SECOND_US};
	struct core core;
	start(&core, 10);
	/* A day of the clock begins. */
	core.now_us = 50 * 24 * 3600 * SECOND_US;
	feel(&core, 200);
	for (unsigned i = 0; i < 4; i++) {
		core.now_us += after_us[i];
		struct peer *asker = meet(&core, 2 + i, 0);
		ask(&core, asker);
		snprintf(answers[i], sizeof answers[i], "%s", take_all(asker));
		core_end(&core, asker);
	}
	CU_ASSERT_EQUAL(count_in(answers[0], ":6000"), 46);
	CU_ASSERT_STRING_EQUAL(answers[0], answers[1]);
	CU_ASSERT_STRING_EQUAL(answers[0], answers[2]);
	/* Of the next day it is another one; these were reached a day and a minute ago. */
	CU_ASSERT_STRING_EQUAL(answers[3], "addr()");
	core_fini(&core);
}

static void the_sample_is_told_only_where_it_means_something(void)
{
	struct core core;
	core_init(&core, 1, "0.0.0.0:5999");
	core_start(&core);
	feel(&core, 100);
	static const char *const ends[][2] = {
		{"127.0.0.1:5999", "127.0.0.2:1"}, {"10.0.0.1:5999", "10.0.0.2:1"}, {"8.8.0.1:5999", "8.8.0.2:1"}};
	for (unsigned i = 0; i < 3; i++) {
		struct peer *asker = core_connect(&core, PEER_INBOUND, NULL, ends[i][0], ends[i][1]);
		core_say_hello(&core, asker, 20 + i, 0);
		take_all(asker);
		ask(&core, asker);
		EXPECT(count_in(take_line(asker), ":6000") == (i == 0 ? 23 : 0), "asker %u", i);
	}
	core_fini(&core);
}

static CU_TestInfo tests[] = {
	{"an answer is a little old at most", an_answer_is_a_little_old_at_most},
	{"a peer that is too new for an answer is announced to the asker",
	 a_peer_that_is_too_new_for_an_answer_is_announced_to_the_asker},
	{"a peer that has gone is told for a little while at most",
	 a_peer_that_has_gone_is_told_for_a_little_while_at_most},
	{"another time to share within holds for the next answer",
	 another_time_to_share_within_holds_for_the_next_answer},
	{"of more than an answer may have a random choice is told",
	 of_more_than_an_answer_may_have_a_random_choice_is_told},
	{"those that ask at the same moment share one walk", those_that_ask_at_the_same_moment_share_one_walk},
	{"connected peers are told first, and then a sample of the address book",
	 connected_peers_are_told_first_and_then_a_sample_of_the_address_book},
	{"the sample is the same to everybody for a day", the_sample_is_the_same_to_everybody_for_a_day},
	{"the sample is told only where it means something", the_sample_is_told_only_where_it_means_something},
	{"who is refused is told a random choice, and which limit was reached",
	 who_is_refused_is_told_a_random_choice_and_which_limit_was_reached},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_directory = {
	.pName = "directory", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
