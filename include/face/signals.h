/*
 * The signals of kithd: ignored, or blocked in all threads and waited for in that of main. The table in signals.c is
 * the policy.
 */
#ifndef KITH_SIGNALS_H
#define KITH_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

enum signal_action {
	ACTION_NONE,
	ACTION_TABLE,
	ACTION_RELOAD,
	ACTION_STOP,
	ACTION_COMMAND, /* a client of the control socket wants something that the main thread does */
	ACTION_REAP,
};

/* Before there are threads: from now on, a signal that is not ignored waits. */
void signals_settle(void);

/* Blocks until a signal comes, whose number is for strsignal, or until deadline_us: ACTION_NONE. */
enum signal_action signals_wait_until(int *number, int64_t deadline_us);

/* Any thread: the main thread gets ACTION_COMMAND. */
void signals_send_command(void);

/* Lets go of the children that have ended: kithd starts none, but it may have inherited some. */
void signals_reap(void);

/* Has a signal come that asks for a stop, and waits? */
bool signals_stop_is_pending(void);

/* From now on a second signal to stop ends the process at once. */
void signals_let_stop_kill(void);

#endif
