/*
 * What a client of the control socket wants and the main thread alone may do. The client's thread submits a command and
 * waits; the main thread is woken by a signal, takes it, does it, and finishes it. One at a time: others wait for their
 * turn, each in its own thread.
 */
#ifndef KITH_COMMAND_H
#define KITH_COMMAND_H

#include <stdbool.h>

#include "base/problem.h"
#include "settings/settings.h"

enum command_kind {
	COMMAND_RELOAD, /* fills the report */
	COMMAND_STOP,
	COMMAND_SET,	  /* option; fills the report */
	COMMAND_SETTINGS, /* fills report.now */
};

/* Lives in the thread that submits it. */
struct command {
	enum command_kind kind;
	const char *option;	       /* "SETTING=VALUE" */
	struct settings_report report; /* to be ended by the one who submits it */
	struct problem problem;	       /* set by the main thread if it could not be done */
	bool is_done, has_failed;
};

struct commands;

/* wake is called in the submitting thread, to wake the main thread. NULL if there is no memory. */
struct commands *commands_new(void (*wake)(void));
void commands_free(struct commands *commands);

/*
 * Any thread but the main one: blocks until it is done. False if it could not be done, with the problem in it, or if
 * the node is stopping.
 */
bool commands_submit(struct commands *commands, struct command *command);

/* The main thread's: the command that waits, or NULL. */
struct command *commands_take(struct commands *commands);
void commands_finish(struct commands *commands, struct command *command);
/* From now on nobody waits for a command. */
void commands_close(struct commands *commands);

#endif
