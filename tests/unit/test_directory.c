#include "directory.h"

#include <stdio.h>
#include <string.h>

#include "../runner.h"
#include "core.h"
#include "suites.h"

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

static void who_is_too_new_for_an_answer_is_announced_to_the_asker(void)
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

static void who_has_gone_is_told_for_a_little_while_at_most(void)
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

static CU_TestInfo tests[] = {
	{"an answer is a little old at most", an_answer_is_a_little_old_at_most},
	{"who is too new for an answer is announced to the asker",
	 who_is_too_new_for_an_answer_is_announced_to_the_asker},
	{"who has gone is told for a little while at most", who_has_gone_is_told_for_a_little_while_at_most},
	{"another time to share within holds for the next answer",
	 another_time_to_share_within_holds_for_the_next_answer},
	{"of more than an answer may have a random choice is told",
	 of_more_than_an_answer_may_have_a_random_choice_is_told},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_directory = {
	.pName = "directory", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
