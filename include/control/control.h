/*
 * The control socket: answers the operator, and any program that may connect to it, about this node. kith-control(7)
 * describes what travels on it.
 *
 * One thread accepts, and one thread serves each client. A client costs its thread, a line of input and a little output
 * at a time: rows are produced a few at a time, and one that doesn't read is dropped after CONTROL_STALL_US. No lock is
 * held while a client is written to, so no peer and no other client waits for it.
 *
 * Only the main thread changes settings or stops the node. A client's request for that waits in a queue of one
 * (command.h) until the main thread has done it.
 */
#ifndef KITH_CONTROL_H
#define KITH_CONTROL_H

#include <stdint.h>

#include "control/command.h"
#include "control/place.h"
#include "link/tls_context.h"
#include "members/parts.h"
#include "wire/nodeid.h"

/* A client that takes nothing of an answer for so long is dropped. */
#define CONTROL_STALL_US ((int64_t)10 * 1000 * 1000)

/* What there is to tell about: borrowed, and good until control_stop. */
struct control_parts {
	struct parts common;
	struct commands *commands;
	struct alarm *alarm; /* rung when there is something to dial */
	struct nodeid self;
	int64_t started_us;
	struct tls_context *context; /* NULL for a network that anybody may join */
};

struct control;

/*
 * Takes the place, which has a socket. NULL with a problem, which is none for the node. Any thread may then ask; one
 * starts and stops it.
 */
struct control *control_start(const struct control_parts *parts, struct place *place, struct problem *problem);
/* The thread that accepts is asked for a sign of progress; has it given one since? (base/progress.h) */
void control_ask_progress(struct control *control);
bool control_shows_progress(const struct control *control);
/* Ends every client at once, and joins its thread. */
void control_stop(struct control *control);

/* How many clients there are. */
size_t control_clients(struct control *control);

#endif
