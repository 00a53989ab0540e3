#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"
#include "unit/talk/five.h"

enum ending { TOLD, SILENT, LEFT };

/* One connection from its hello to its end; what is logged of the end. */
static const char *meet_and_end(struct core *core, struct peer *peer, bool loses_large, enum ending ending)
{
	if (loses_large)
		peer_note_losses(peer);
	core->now_us += 20 * SECOND_US;
	capture_log(LOG_INFO);
	if (ending == SILENT)
		peer_close(peer, BYE_TIMEOUT);
	else
		core_say(core, peer, "{'msgtype': 'bye', 'reason': '%s'}", ending == TOLD ? "timeout" : "shutdown");
	core_end(core, peer);
	return captured_log();
}

static bool has_hint(const char *log, const char *words)
{
	return strstr(log, " warning ") != NULL && strstr(log, words) != NULL &&
	       strstr(log, "(MTU?): lower the MTU of this path, or set net.ipv4.tcp_mtu_probing=1") != NULL;
}

static void two_ends_in_a_row_that_look_like_a_black_hole_give_a_hint(void)
{
	static const struct {
		bool loses_large;
		enum ending ending;
		bool has_hint;
	} steps[] = {
		{true, TOLD, false}, {true, TOLD, true},   {true, SILENT, true}, {false, LEFT, false},
		{true, TOLD, false}, {false, TOLD, false}, {true, TOLD, false},	 {true, SILENT, true},
	};
	struct core core;
	five_start(&core);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		/* Each from another port. */
		struct peer *peer = core_meet(&core, 2, i % 2 == 0 ? "127.0.0.2:40000" : "127.0.0.2:40001", 0);
		const char *log = meet_and_end(&core, peer, steps[i].loses_large, steps[i].ending);
		EXPECT(has_hint(log, ". Large packets do not get through to it ") == steps[i].has_hint, "step %zu: %s",
		       i, log);
		EXPECT(steps[i].has_hint || strstr(log, "MTU") == NULL, "step %zu: %s", i, log);
	}
	core_fini(&core);
}

static void another_host_is_another_path(void)
{
	struct core core;
	five_start(&core);
	for (unsigned i = 0; i < 4; i++) {
		char remote[ADDRESS_TEXT_BYTES];
		snprintf(remote, sizeof remote, "127.0.0.%u:40000", 2 + i % 2);
		const char *log = meet_and_end(&core, core_meet(&core, 2 + i % 2, remote, 0), true, TOLD);
		EXPECT((strstr(log, "MTU") != NULL) == (i >= 2), "end %u: %s", i, log);
	}
	core_fini(&core);
}

/* As the end that gets nothing sees it: a dial that shakes hands, and no ping is ever answered. */
static void a_dial_that_shakes_hands_and_answers_no_ping_gets_a_hint(void)
{
	for (int answers = 0; answers < 2; answers++) {
		struct core core;
		five_start(&core);
		for (unsigned i = 0; i < 2; i++) {
			struct peer *peer = i == 0 ? core_dial(&core, "127.0.0.2:5999") : core_dial_next(&core);
			CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
			core_say_hello(&core, peer, 2, 0);
			if (answers)
				core_say(&core, peer, "{'msgtype': 'pong'}");
			const char *log = meet_and_end(&core, peer, false, SILENT);
			bool is_hint = has_hint(log, ". Perhaps large packets from it do not get through ");
			EXPECT(is_hint == (i == 1 && !answers), "dial %u: %s", i, log);
			core.now_us += core.settings.retry_max_us;
		}
		core_fini(&core);
	}
}

static CU_TestInfo tests[] = {
	{"two ends in a row that look like a black hole give a hint",
	 two_ends_in_a_row_that_look_like_a_black_hole_give_a_hint},
	{"another host is another path", another_host_is_another_path},
	{"a dial that shakes hands and answers no ping gets a hint",
	 a_dial_that_shakes_hands_and_answers_no_ping_gets_a_hint},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_black_holes = {
	.pName = "black_holes", .pInitFunc = core_silence_log, .pCleanupFunc = core_restore_log, .pTests = tests};
