/*
 * What the service manager that has started this process hears from it, and what it has told it in the environment, as
 * sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3) have it. It hears lines NAME=VALUE, in a datagram to a UNIX
 * socket. For one thread.
 */
#ifndef KITH_NOTIFY_H
#define KITH_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/problem.h"

/* Where it listens. A plain value. */
struct notify {
	struct sockaddr_un address;
	socklen_t length; /* of the address; 0 if nobody listens */
};

/* From the value of $NOTIFY_SOCKET, or NULL. False with a problem, and nobody listens, if it is no UNIX socket. */
bool notify_find(struct notify *notify, const char *socket_name, struct problem *problem);
/* Blocks for a second at most. True if it is sent, or nobody listens; else errno says why not. */
bool notify_send(const struct notify *notify, const char *lines);

/*
 * From the values of $WATCHDOG_USEC and $WATCHDOG_PID, or NULL: within this time the manager must hear WATCHDOG=1 again
 * and again. 0 if there is no watchdog, or it is for another process.
 */
int64_t notify_watchdog_us(const char *usec, const char *pid);

/*
 * From the values of $LISTEN_FDS and $LISTEN_PID, or NULL: how many descriptors, from 3 on, are handed over to this
 * process.
 */
int notify_handed_over(const char *fds, const char *pid);

#endif
