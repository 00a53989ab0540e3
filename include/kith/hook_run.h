/*
 * A command that runs for an event: in a process group of its own, for a limited time, without a shell. A plain value;
 * one thread.
 */
#ifndef KITH_HOOK_RUN_H
#define KITH_HOOK_RUN_H

#include <stdint.h>
#include <sys/types.h>

#include "base/problem.h"
#include "kith/hook_queue.h"

/* From SIGTERM to SIGKILL. */
enum { HOOK_GRACE_S = 5 };

struct hook_run {
	struct hook_event event;
	pid_t pid; /* of the command, and of its group; 0 if it could not be started */
	enum { HOOK_RUNS, HOOK_IS_TERMINATED, HOOK_IS_KILLED } stage;
	int64_t due_us; /* when it is terminated, or killed */
};

/* Is there such a command? False with a problem. */
bool hook_run_find(const char *command, struct problem *problem);

/* Starts argv for the run's event, which is in its environment and on its stdin. Complains if that can't be. */
void hook_run_start(struct hook_run *run, char *const *argv, int64_t deadline_us);
/* Has it ended? If so, complains of a failure. */
bool hook_run_has_ended(struct hook_run *run);
/* Terminates its group if it has had its time, and kills the group later if that was in vain. */
void hook_run_limit(struct hook_run *run, int64_t now_us);
void hook_run_terminate(struct hook_run *run, int64_t now_us);

#endif
