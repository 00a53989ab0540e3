#include "face/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sync.h"

/*
 * What each signal does. Those that are not here have the default action of signal(7): SIGTSTP stops the process until
 * SIGCONT, SIGWINCH and SIGURG do nothing, and the others end it at once, SIGQUIT with a core file. They come from
 * people or programs that want just that, or mean a bug.
 */
static const struct {
	int number;
	enum signal_action action;
} signals[] = {
	{SIGUSR1, ACTION_TABLE},   {SIGHUP, ACTION_RELOAD}, {SIGINT, ACTION_STOP},
	{SIGTERM, ACTION_STOP},	   {SIGPWR, ACTION_STOP}, /* to the first process of a container, or when the power
							   * fails
							   */
	{SIGCHLD, ACTION_REAP},	   /* as process 1, kithd has the children of others that ended before them */
	{SIGUSR2, ACTION_COMMAND}, /* by this process; from others it does nothing */
	{SIGPIPE, ACTION_NONE},	   /* the write fails instead */
	{SIGXFSZ, ACTION_NONE},	   /* the same, for a file that reaches ulimit -f */
	{SIGTTOU, ACTION_NONE},	   /* a job in the background writes its log, whatever stty tostop says */
	{SIGTTIN, ACTION_NONE},	   /* a read fails instead */
};

enum { SIGNALS = sizeof signals / sizeof *signals };

/* Those that are waited for. */
static sigset_t handled_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS; i++)
		if (signals[i].action != ACTION_NONE)
			sigaddset(&set, signals[i].number);
	return set;
}

static enum signal_action action_of(int number)
{
	for (size_t i = 0; i < SIGNALS; i++)
		if (signals[i].number == number)
			return signals[i].action;
	return ACTION_NONE;
}

void signals_settle(void)
{
	sigset_t set = handled_signals();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 0; i < SIGNALS; i++)
		if (signals[i].action == ACTION_NONE)
			signal(signals[i].number, SIG_IGN);
}

enum signal_action signals_wait_until(int *number, int64_t deadline_us)
{
	sigset_t set = handled_signals();
	int64_t left_us = deadline_us == FOREVER_US ? FOREVER_US : deadline_us - clock_now_us();
	struct timespec left = {0};
	if (left_us > 0)
		left = (struct timespec){.tv_sec = (time_t)(left_us / 1000000),
					 .tv_nsec = (long)(left_us % 1000000 * 1000)};
	*number = sigtimedwait(&set, NULL, deadline_us == FOREVER_US ? NULL : &left);
	return *number > 0 ? action_of(*number) : ACTION_NONE;
}

void signals_send_command(void)
{
	kill(getpid(), SIGUSR2);
}

void signals_reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

bool signals_stop_is_pending(void)
{
	sigset_t pending;
	sigpending(&pending);
	for (size_t i = 0; i < SIGNALS; i++)
		if (signals[i].action == ACTION_STOP && sigismember(&pending, signals[i].number))
			return true;
	return false;
}

void signals_let_stop_kill(void)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS; i++) {
		if (signals[i].action == ACTION_STOP) {
			signal(signals[i].number, SIG_DFL);
			sigaddset(&set, signals[i].number);
		}
	}
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
