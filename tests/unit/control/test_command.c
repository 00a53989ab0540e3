#include "control/command.h"

#include <stdatomic.h>
#include <string.h>

#include "base/sync.h"
#include "runner.h"
#include "unit/suites.h"

/* The main thread, as these tests play it, is woken by this. */
static struct {
	struct mutex mutex;
	struct condition rung;
	int rings;
} bell = {MUTEX_INITIALIZER, {PTHREAD_COND_INITIALIZER}, 0};

static void ring(void)
{
	mutex_lock(&bell.mutex);
	bell.rings++;
	condition_broadcast(&bell.rung);
	mutex_unlock(&bell.mutex);
}

static void await_ring(int number) UNCHECKED
{
	mutex_lock(&bell.mutex);
	while (bell.rings < number)
		condition_wait_until(&bell.rung, &bell.mutex, FOREVER_US);
	mutex_unlock(&bell.mutex);
}

struct asking {
	struct commands *commands;
	struct command command;
	struct thread thread;
	bool result;
};

static void *ask(void *argument)
{
	struct asking *asking = argument;
	asking->result = commands_submit(asking->commands, &asking->command);
	return NULL;
}

static struct commands *begin(void)
{
	bell.rings = 0;
	struct commands *commands = commands_new(ring);
	CU_ASSERT_PTR_NOT_NULL_FATAL(commands);
	CU_ASSERT_PTR_NULL(commands_take(commands));
	return commands;
}

static void start(struct asking *asking, struct commands *commands, enum command_kind kind)
{
	*asking = (struct asking){.commands = commands, .command = {.kind = kind}};
	CU_ASSERT_EQUAL_FATAL(thread_start(&asking->thread, ask, asking), 0);
}

static void the_main_thread_does_it_and_the_client_gets_the_result(void)
{
	struct commands *commands = begin();
	struct asking asking;
	for (int i = 0; i < 2; i++) {
		start(&asking, commands, COMMAND_RELOAD);
		await_ring(i + 1);
		struct command *command = commands_take(commands);
		CU_ASSERT_PTR_NOT_NULL_FATAL(command);
		CU_ASSERT_EQUAL(command->kind, COMMAND_RELOAD);
		CU_ASSERT_PTR_NULL(commands_take(commands));
		command->has_failed = i == 1;
		problem_set(&command->problem, "no");
		commands_finish(commands, command);
		thread_join(asking.thread);
		CU_ASSERT_EQUAL(asking.result, i == 0);
		CU_ASSERT_STRING_EQUAL(asking.command.problem.text, "no");
	}
	commands_free(commands);
}

static void many_take_turns(void)
{
	enum { MANY = 8 };
	struct commands *commands = begin();
	struct asking asking[MANY];
	for (int i = 0; i < MANY; i++)
		start(&asking[i], commands, i % 2 == 0 ? COMMAND_RELOAD : COMMAND_STOP);
	for (int i = 0; i < MANY; i++) {
		await_ring(i + 1);
		struct command *command = commands_take(commands);
		CU_ASSERT_PTR_NOT_NULL_FATAL(command);
		command->has_failed = command->kind == COMMAND_STOP;
		commands_finish(commands, command);
	}
	for (int i = 0; i < MANY; i++) {
		thread_join(asking[i].thread);
		CU_ASSERT_EQUAL(asking[i].result, i % 2 == 0);
	}
	commands_free(commands);
}

/* One is taken already, one waits for the main thread, others for their turn. */
static void at_a_stop_nobody_waits(void)
{
	struct commands *commands = begin();
	struct asking asking[4];
	start(&asking[0], commands, COMMAND_RELOAD);
	await_ring(1);
	struct command *taken = commands_take(commands);
	for (int i = 1; i < 4; i++)
		start(&asking[i], commands, COMMAND_RELOAD);
	commands_close(commands);
	for (int i = 1; i < 4; i++) {
		thread_join(asking[i].thread);
		CU_ASSERT_FALSE(asking[i].result);
		CU_ASSERT_STRING_EQUAL(asking[i].command.problem.text, "the node is stopping");
	}
	commands_finish(commands, taken);
	thread_join(asking[0].thread);
	CU_ASSERT_TRUE(asking[0].result);
	start(&asking[1], commands, COMMAND_STOP);
	thread_join(asking[1].thread);
	CU_ASSERT_FALSE(asking[1].result);
	commands_free(commands);
}

static CU_TestInfo tests[] = {
	{"the main thread does it, and the client gets the result",
	 the_main_thread_does_it_and_the_client_gets_the_result},
	{"many take turns", many_take_turns},
	{"at a stop nobody waits", at_a_stop_nobody_waits},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_command = {.pName = "command", .pTests = tests};
