#include "control/command.h"

#include <stdlib.h>

#include "base/sync.h"

extern struct mutex commands_guard;

struct commands {
	/* Immutable. */
	void (*wake)(void);
	/* Guarded. */
	struct mutex mutex;
	struct condition changed;
	struct command *waiting GUARDED_BY(commands_guard); /* NULL for none */
	bool is_taken GUARDED_BY(commands_guard);	    /* the main thread is at it */
	bool is_closed GUARDED_BY(commands_guard);
};

static void enter(struct commands *commands) ACQUIRES(commands_guard) UNCHECKED
{
	mutex_lock(&commands->mutex);
}

static void leave(struct commands *commands) RELEASES(commands_guard) UNCHECKED
{
	mutex_unlock(&commands->mutex);
}

static void wait_for_change(struct commands *commands) REQUIRES(commands_guard) UNCHECKED
{
	condition_wait_until(&commands->changed, &commands->mutex, FOREVER_US);
}

struct commands *commands_new(void (*wake)(void)) UNCHECKED
{
	struct commands *commands = calloc(1, sizeof *commands);
	if (commands == NULL)
		return NULL;
	commands->wake = wake;
	mutex_init(&commands->mutex);
	condition_init(&commands->changed);
	return commands;
}

void commands_free(struct commands *commands) UNCHECKED
{
	if (commands == NULL)
		return;
	condition_fini(&commands->changed);
	mutex_fini(&commands->mutex);
	free(commands);
}

/* Waits for its turn. False if there will be none. */
static bool take_turn(struct commands *commands, struct command *command) REQUIRES(commands_guard)
{
	while (commands->waiting != NULL && !commands->is_closed)
		wait_for_change(commands);
	if (commands->is_closed)
		return false;
	commands->waiting = command;
	return true;
}

bool commands_submit(struct commands *commands, struct command *command)
{
	enter(commands);
	bool has_turn = take_turn(commands, command);
	leave(commands);
	if (has_turn)
		commands->wake();
	enter(commands);
	/* What the main thread has begun it also finishes. */
	while (has_turn && !command->is_done && !(commands->is_closed && !commands->is_taken))
		wait_for_change(commands);
	bool is_done = has_turn && command->is_done;
	if (has_turn) {
		commands->waiting = NULL;
		commands->is_taken = false;
		condition_broadcast(&commands->changed);
	}
	leave(commands);
	if (!is_done)
		problem_set(&command->problem, "the node is stopping");
	return is_done && !command->has_failed;
}

struct command *commands_take(struct commands *commands)
{
	enter(commands);
	struct command *command = commands->is_taken ? NULL : commands->waiting;
	commands->is_taken = commands->is_taken || command != NULL;
	leave(commands);
	return command;
}

void commands_finish(struct commands *commands, struct command *command)
{
	enter(commands);
	command->is_done = true;
	condition_broadcast(&commands->changed);
	leave(commands);
}

void commands_close(struct commands *commands)
{
	enter(commands);
	commands->is_closed = true;
	condition_broadcast(&commands->changed);
	leave(commands);
}
