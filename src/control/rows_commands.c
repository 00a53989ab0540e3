#include "control/control_priv.h"

static void submit(struct call *call, enum command_kind kind)
{
	struct command command = {.kind = kind};
	if (!commands_submit(call->parts->commands, &command))
		call_fail(call, "not_done", "%s", command.problem.text);
}

void rows_reload(struct call *call)
{
	submit(call, COMMAND_RELOAD);
}

void rows_stop(struct call *call)
{
	submit(call, COMMAND_STOP);
}
