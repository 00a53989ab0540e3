#include "face/signals.h"

#include <signal.h>
#include <stddef.h>

#include "base/sync.h"

static const struct {
	int number;
	enum signal_action action;
} signals[] = {
	{SIGUSR1, ACTION_TABLE},
	{SIGHUP, ACTION_RELOAD},
	{SIGINT, ACTION_STOP},
	{SIGTERM, ACTION_STOP},
};

enum { SIGNALS = sizeof signals / sizeof *signals };

static sigset_t handled_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS; i++)
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

void signals_block(void)
{
	sigset_t set = handled_signals();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

enum signal_action signals_wait(int *number)
{
	sigset_t set = handled_signals();
	return sigwait(&set, number) == 0 ? action_of(*number) : ACTION_NONE;
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
