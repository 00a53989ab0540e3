/* What a node says to those that ask it about a peer of it, or that it has asked. */
#include <malloc.h>
#include <string.h>

#include "link/allowance.h"
#include "runner.h"
#include "talk/silence_priv.h"
#include "unit/suites.h"
#include "unit/talk/five.h"

enum { OTHERS = 20, ASKER = 10 };

/* Node 5; the suspect is node 2, and nodes 10, 11 and so on ask about it. */
struct scene {
	struct core core;
	struct peer *suspect;
	struct peer *askers[OTHERS];
};

static struct peer *meet(struct core *core, unsigned number)
{
	char from[ADDRESS_TEXT_BYTES];
	snprintf(from, sizeof from, "127.0.1.%u:40000", number);
	struct peer *peer = core_accept(core, from);
	core_say_hello(core, peer, number, 0);
	take_all(peer);
	core_say(core, peer, "{'msgtype': 'pong'}");
	return peer;
}

/* All have answered the first ping, ten seconds ago. */
static void begin(struct scene *scene, size_t askers)
{
	memset(scene, 0, sizeof *scene);
	five_start(&scene->core);
	scene->suspect = meet(&scene->core, 2);
	for (size_t i = 0; i < askers; i++)
		scene->askers[i] = meet(&scene->core, ASKER + (unsigned)i);
	scene->core.now_us += 10 * SECOND_US;
}

static void ask(struct scene *scene, size_t asker, int silent_ms)
{
	core_say(&scene->core, scene->askers[asker], "{'msgtype': 'suspect', 'nodeid': '%s', 'silent_ms': %d}",
		 nodeid_text(2), silent_ms);
}

/* Time passes for the suspect's pinger. */
static void pass(struct scene *scene, int64_t duration_us)
{
	struct core *core = &scene->core;
	int64_t end_us = core->now_us + duration_us, next_us;
	while ((next_us = core_tend(core, scene->suspect)) <= end_us && !peer_is_closing(scene->suspect))
		core->now_us = next_us > core->now_us ? next_us : core->now_us + MS_US;
	core->now_us = end_us;
	core_tend(core, scene->suspect);
}

static int64_t ignored(struct scene *scene, struct peer *peer)
{
	return five_look(&scene->core, peer).ignored;
}

static void what_was_heard_just_now_is_said_at_once(void)
{
	static const struct {
		int64_t ago_us;
		int silent_ms;
		const char *answer, *pinged;
	} cases[] = {
		{-5 * MS_US, 1200, "heard(2=0)", ""}, /* another thread has read it meanwhile */
		{0, 1200, "heard(2=0)", ""},
		{40 * MS_US, 1200, "heard(2=40)", ""},
		{499 * MS_US, 1200, "heard(2=499)", ""},
		{500 * MS_US, 1200, "", "ping"},
		{249 * MS_US, 250, "heard(2=249)", ""},
		{250 * MS_US, 250, "", "ping"}, /* that was before the asker began to wait */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene scene;
		begin(&scene, 1);
		core_say(&scene.core, scene.suspect, "{'msgtype': 'babble'}");
		scene.core.now_us += cases[i].ago_us;
		ask(&scene, 0, cases[i].silent_ms);
		core_tend(&scene.core, scene.suspect);
		EXPECT_SENT(scene.askers[0], cases[i].answer);
		EXPECT_SENT(scene.suspect, cases[i].pinged);
		CU_ASSERT_EQUAL(ignored(&scene, scene.askers[0]), 0);
		core_fini(&scene.core);
	}
}

static void who_asks_learns_what_comes_of_the_ping(void)
{
	struct scene scene;
	begin(&scene, 2);
	ask(&scene, 0, 1000);
	pass(&scene, 20 * MS_US);
	EXPECT_SENT(scene.suspect, "ping");
	ask(&scene, 1, 1000);
	pass(&scene, 20 * MS_US);
	EXPECT_SENT(scene.suspect, "");
	EXPECT_SENT(scene.askers[0], "");
	core_say(&scene.core, scene.suspect, "{'msgtype': 'pong'}");
	EXPECT_SENT(scene.askers[0], "heard(2=0)");
	EXPECT_SENT(scene.askers[1], "heard(2=0)");
	/* Once. */
	core_say(&scene.core, scene.suspect, "{'msgtype': 'babble'}");
	pass(&scene, 20 * SECOND_US);
	EXPECT_SENT(scene.askers[0], "");
	EXPECT_SENT(scene.askers[1], "");
	core_fini(&scene.core);
}

static void who_asks_learns_that_it_is_late_and_that_it_is_back(void)
{
	struct scene scene;
	begin(&scene, 3);
	ask(&scene, 0, 900);
	/* Since it is missed by another, others are asked soon; who has asked need not be. */
	pass(&scene, 99 * MS_US);
	EXPECT_SENT(scene.askers[1], "");
	pass(&scene, MS_US);
	EXPECT_SENT(scene.askers[1], "suspect(2=100)");
	pass(&scene, 899 * MS_US);
	EXPECT_SENT(scene.askers[0], "");
	pass(&scene, MS_US);
	EXPECT_SENT(scene.askers[0], "unheard(2=1000)");
	/* Now it is known. */
	ask(&scene, 1, 1000);
	EXPECT_SENT(scene.askers[1], "unheard(2=1000)");
	pass(&scene, 250 * MS_US);
	ask(&scene, 0, 2150);
	EXPECT_SENT(scene.askers[0], "unheard(2=1250)");
	core_say(&scene.core, scene.suspect, "{'msgtype': 'ping'}");
	EXPECT_SENT(scene.askers[0], "heard(2=0)");
	EXPECT_SENT(scene.askers[1], "heard(2=0)");
	core_fini(&scene.core);
}

static void who_asks_is_a_witness_and_the_verdict_is_remembered(void)
{
	struct scene scene;
	begin(&scene, 4);
	for (size_t i = 0; i < 2; i++)
		ask(&scene, i, 0);
	pass(&scene, 4 * SECOND_US);
	for (size_t i = 0; i < 2; i++)
		ask(&scene, i, 4000);
	pass(&scene, 999 * MS_US);
	CU_ASSERT_FALSE(peer_is_closing(scene.suspect));
	for (size_t i = 0; i < 4; i++)
		take_all(scene.askers[i]);
	take_all(scene.suspect);
	pass(&scene, MS_US);
	EXPECT_SENT(scene.suspect, "bye(timeout)");
	EXPECT_SENT(scene.askers[0], "unheard(2=5000)");
	EXPECT_SENT(scene.askers[1], "unheard(2=5000)");
	EXPECT_SENT(scene.askers[2], "");
	/* Before its threads have ended, and after that. */
	ask(&scene, 2, 5000);
	EXPECT_SENT(scene.askers[2], "unheard(2=5000)");
	core_end(&scene.core, scene.suspect);
	scene.core.now_us += SILENCE_KEPT_US - MS_US;
	ask(&scene, 2, 5000);
	EXPECT_SENT(scene.askers[2], "unheard(2=14999)");
	scene.core.now_us += MS_US;
	ask(&scene, 3, 5000);
	EXPECT_SENT(scene.askers[3], "unheard(2)");
	/* What is said of it now is of no use. */
	int64_t before = ignored(&scene, scene.askers[3]);
	core_say(&scene.core, scene.askers[3], "{'msgtype': 'heard', 'nodeid': '%s', 'ago_ms': 0}", nodeid_text(2));
	CU_ASSERT_EQUAL(ignored(&scene, scene.askers[3]), before + 1);
	/* It is forgotten when there is another case. */
	struct suspicion suspicion;
	struct nodeid suspect = nodeid_of(2);
	CU_ASSERT(silence_look(scene.core.protocol, &suspect, &suspicion));
	core_say(&scene.core, scene.askers[3], "{'msgtype': 'suspect', 'nodeid': '%s', 'silent_ms': 900}",
		 nodeid_text(ASKER));
	CU_ASSERT_FALSE(silence_look(scene.core.protocol, &suspect, &suspicion));
	core_fini(&scene.core);
}

static void a_peer_that_is_back_after_the_verdict_is_a_peer(void)
{
	struct scene scene;
	begin(&scene, 3);
	for (size_t i = 0; i < 2; i++)
		ask(&scene, i, 2900);
	pass(&scene, 3 * SECOND_US);
	for (size_t i = 0; i < 2; i++)
		ask(&scene, i, 5900);
	pass(&scene, 2 * SECOND_US);
	CU_ASSERT_FATAL(peer_is_closing(scene.suspect));
	core_end(&scene.core, scene.suspect);
	scene.core.now_us += SECOND_US;
	scene.suspect = meet(&scene.core, 2);
	for (size_t i = 0; i < 3; i++)
		take_all(scene.askers[i]);
	ask(&scene, 2, 700);
	EXPECT_SENT(scene.askers[2], "heard(2=0)");
	/* The old verdict is no evidence of a new silence. */
	pass(&scene, 900 * MS_US);
	take_all(scene.suspect);
	ask(&scene, 2, 700);
	pass(&scene, 6 * SECOND_US);
	CU_ASSERT_FALSE(peer_is_closing(scene.suspect));
	EXPECT_SENT(scene.suspect, "ping");
	struct suspicion suspicion = {.count = 0};
	struct nodeid suspect = nodeid_of(2);
	CU_ASSERT_FATAL(silence_look(scene.core.protocol, &suspect, &suspicion));
	for (size_t i = 0; i < suspicion.count; i++)
		EXPECT((suspicion.witnesses[i].testimony == TESTIMONY_UNHEARD) ==
			       (suspicion.witnesses[i].nodeid.bytes[3] == ASKER + 2),
		       "%zu", i);
	core_fini(&scene.core);
}

static void a_question_that_makes_no_sense_is_ignored(void)
{
	static const struct {
		const char *line;
		const char *answer;
		int64_t ignored;
	} cases[] = {
		{"{'msgtype': 'suspect', 'nodeid': '00000005-0000-4000-8000-000000000000', 'silent_ms': 9}", "", 1},
		{"{'msgtype': 'suspect', 'nodeid': '0000000a-0000-4000-8000-000000000000', 'silent_ms': 9}", "", 1},
		{"{'msgtype': 'suspect', 'nodeid': '00000009-0000-4000-8000-000000000000', 'silent_ms': 9}",
		 "unheard(9)", 0},
		{"{'msgtype': 'suspect', 'nodeid': '00000002-0000-4000-8000-000000000000'}", "bye(protocol)", 0},
		{"{'msgtype': 'suspect', 'silent_ms': 9}", "bye(protocol)", 0},
		/* Nobody has asked. */
		{"{'msgtype': 'heard', 'nodeid': '00000002-0000-4000-8000-000000000000', 'ago_ms': 9}", "", 1},
		{"{'msgtype': 'unheard', 'nodeid': '00000002-0000-4000-8000-000000000000'}", "", 1},
		{"{'msgtype': 'unheard', 'nodeid': '00000009-0000-4000-8000-000000000000', 'silent_ms': 9}", "", 1},
		{"{'msgtype': 'heard', 'nodeid': '00000002-0000-4000-8000-000000000000'}", "bye(protocol)", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene scene;
		begin(&scene, 1);
		core_say(&scene.core, scene.askers[0], "%s", cases[i].line);
		EXPECT_SENT(scene.askers[0], cases[i].answer);
		EXPECT(ignored(&scene, scene.askers[0]) == cases[i].ignored, "%s", cases[i].line);
		core_tend(&scene.core, scene.suspect);
		EXPECT_SENT(scene.suspect, "");
		core_fini(&scene.core);
	}
}

static void before_ready_nothing_is_answered(void)
{
	static const char *const types[] = {"suspect", "heard", "unheard"};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct scene scene;
		begin(&scene, 1);
		struct peer *early = core_accept(&scene.core, "127.0.0.9:40000");
		core_say(&scene.core, early, "{'msgtype': '%s', 'nodeid': '%s', 'silent_ms': 9, 'ago_ms': 9}", types[i],
			 nodeid_text(2));
		EXPECT_SENT(early, "");
		CU_ASSERT_EQUAL(ignored(&scene, early), 1);
		core_tend(&scene.core, scene.suspect);
		EXPECT_SENT(scene.suspect, "");
		core_fini(&scene.core);
	}
}

static bool count_call(void *argument)
{
	++*(int *)argument;
	return true;
}

/* A word counts from one that was asked, or has asked; a liar that was not cannot push itself in. */
static void a_word_of_one_that_was_not_asked_does_not_count(void)
{
	struct scene scene;
	struct suspicion suspicion = {.count = 0};
	struct nodeid suspect = nodeid_of(2);
	int calls = 0;
	begin(&scene, 5);
	ask(&scene, 0, 900);
	core_say(&scene.core, scene.askers[1], "{'msgtype': 'heard', 'nodeid': '%s', 'ago_ms': 0}", nodeid_text(2));
	CU_ASSERT_EQUAL(ignored(&scene, scene.askers[1]), 1);
	CU_ASSERT(silence_look(scene.core.protocol, &suspect, &suspicion) && suspicion.count == 1);
	CU_ASSERT_EQUAL(suspicion.heard_us, 0);
	/* It is asked, with two others. */
	pass(&scene, 1600 * MS_US);
	outbox_on_call(peer_outbox(scene.suspect), count_call, &calls);
	core_say(&scene.core, scene.askers[1], "{'msgtype': 'heard', 'nodeid': '%s', 'ago_ms': 0}", nodeid_text(2));
	CU_ASSERT_EQUAL(ignored(&scene, scene.askers[1]), 1);
	CU_ASSERT(silence_look(scene.core.protocol, &suspect, &suspicion));
	CU_ASSERT_EQUAL(suspicion.heard_us, scene.core.now_us);
	/* The pinger of the suspect looks what that means. */
	CU_ASSERT_EQUAL(calls, 1);
	core_fini(&scene.core);
}

static void each_asks_once_a_second_and_sixteen_are_remembered(void)
{
	struct scene scene;
	begin(&scene, SILENCE_ASKERS + 1);
	for (size_t i = 0; i < SILENCE_ASKERS + 1; i++)
		ask(&scene, i, 900);
	CU_ASSERT_EQUAL(ignored(&scene, scene.askers[SILENCE_ASKERS]), 1);
	CU_ASSERT_EQUAL(ignored(&scene, scene.askers[0]), 0);
	scene.core.now_us += 899 * MS_US;
	ask(&scene, 0, 1799);
	CU_ASSERT_EQUAL(ignored(&scene, scene.askers[0]), 1);
	scene.core.now_us += MS_US;
	ask(&scene, 0, 1800);
	CU_ASSERT_EQUAL(ignored(&scene, scene.askers[0]), 1);
	core_say(&scene.core, scene.suspect, "{'msgtype': 'pong'}");
	for (size_t i = 0; i < SILENCE_ASKERS + 1; i++)
		EXPECT_SENT(scene.askers[i], i < SILENCE_ASKERS ? "heard(2=0)" : "");
	core_fini(&scene.core);
}

/* Of one who asks about everybody. */
static void questions_of_a_peer_are_limited(void)
{
	static const struct {
		int64_t after_us;
		int asked, answered;
	} steps[] = {{0, 100, ALLOWANCE_SUSPECTS_BURST},
		     {SECOND_US, 100, ALLOWANCE_SUSPECTS_PER_S},
		     {100 * SECOND_US, 100, ALLOWANCE_SUSPECTS_BURST}};
	struct scene scene;
	begin(&scene, 2);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		int answered = 0;
		scene.core.now_us += steps[i].after_us;
		for (unsigned j = 0; j < (unsigned)steps[i].asked; j++)
			core_say(&scene.core, scene.askers[0], "{'msgtype': 'suspect', 'nodeid': '%s', 'silent_ms': 1}",
				 nodeid_text(1000 + j));
		while (take_line(scene.askers[0]) != NULL)
			answered++;
		EXPECT(answered == steps[i].answered, "step %zu: %d", i, answered);
	}
	/* Others are not concerned. */
	ask(&scene, 1, 900);
	CU_ASSERT_EQUAL(ignored(&scene, scene.askers[1]), 0);
	core_fini(&scene.core);
}

/* Questions about strangers, and about a peer that always answers, leave nothing behind. */
static void episodes_take_no_memory_in_the_end(void)
{
	enum { WARM = 50, EPISODES = 1000 };
	struct scene scene;
	size_t before = 0;
	begin(&scene, 3);
	for (int i = 0; i < WARM + EPISODES; i++) {
		if (i == WARM)
			before = mallinfo2().uordblks;
		scene.core.now_us += 2 * SECOND_US;
		core_say(&scene.core, scene.suspect, "{'msgtype': 'pong'}");
		scene.core.now_us += SECOND_US;
		for (size_t j = 0; j < 3; j++) {
			ask(&scene, j, 900);
			core_say(&scene.core, scene.askers[j], "{'msgtype': 'suspect', 'nodeid': '%s', 'silent_ms': 1}",
				 nodeid_text(1000 + (unsigned)i));
		}
		pass(&scene, SECOND_US);
		core_say(&scene.core, scene.suspect, "{'msgtype': 'pong'}");
		take_all(scene.suspect);
		for (size_t j = 0; j < 3; j++) {
			core_say(&scene.core, scene.askers[j], "{'msgtype': 'pong'}");
			take_all(scene.askers[j]);
		}
	}
	size_t after = mallinfo2().uordblks;
	EXPECT(after <= before + sizeof(struct silence_case), "%zu bytes more", after - before);
	core_fini(&scene.core);
}

static CU_TestInfo tests[] = {
	{"what was heard just now is said at once", what_was_heard_just_now_is_said_at_once},
	{"who asks learns what comes of the ping", who_asks_learns_what_comes_of_the_ping},
	{"who asks learns that it is late, and that it is back", who_asks_learns_that_it_is_late_and_that_it_is_back},
	{"who asks is a witness, and the verdict is remembered", who_asks_is_a_witness_and_the_verdict_is_remembered},
	{"a peer that is back after the verdict is a peer", a_peer_that_is_back_after_the_verdict_is_a_peer},
	{"a question that makes no sense is ignored", a_question_that_makes_no_sense_is_ignored},
	{"before READY nothing is answered", before_ready_nothing_is_answered},
	{"a word of one that was not asked does not count", a_word_of_one_that_was_not_asked_does_not_count},
	{"each asks once a second, and sixteen are remembered", each_asks_once_a_second_and_sixteen_are_remembered},
	{"questions of a peer are limited", questions_of_a_peer_are_limited},
	{"episodes take no memory in the end", episodes_take_no_memory_in_the_end},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_silence_answers = {
	.pName = "silence_answers", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
