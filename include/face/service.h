/*
 * kithd as a service: what the service manager (systemd) hears from it. That it is ready, that it reloads or stops, in
 * one line how it is, and, if there is a watchdog, that its threads make progress: the acceptor, the connector, the
 * control thread if there is one, and main, whose module this is. Without a manager it does nothing.
 */
#ifndef KITH_SERVICE_H
#define KITH_SERVICE_H

#include "base/notify.h"
#include "control/control.h"
#include "node/node.h"

/* The line is formed again after this time at the earliest. */
#define SERVICE_STATUS_US ((int64_t)1000 * 1000)

enum { SERVICE_STATUS_BYTES = 1024 };

struct service {
	struct notify notify;
	int64_t watchdog_us; /* 0 for none */
	struct node *node;
	struct control *control; /* NULL for none */
	const char *hanging;	 /* the thread of which the log has said that it hangs; NULL for none */
	char status[SERVICE_STATUS_BYTES];
	int64_t status_due_us, look_due_us;
};

/* From the environment. What is wrong there is logged. */
void service_open(struct service *service);
/* It serves from now on: everything is borrowed until service_stopping. The control is NULL for none. */
void service_ready(struct service *service, struct node *node, struct control *control);
/* Tells what is to be told now. Returns when to call again: FOREVER_US for never. */
int64_t service_run(struct service *service, int64_t now_us);
/* Before and after the settings are read again. */
void service_reloading(const struct service *service);
void service_reloaded(const struct service *service);
void service_stopping(const struct service *service);

/* ---- the line of status: pure ---- */

struct service_facts {
	const char *name;
	struct nodeid nodeid;
	struct address listen; /* the first; may be unknown */
	const char *network;
	bool is_private;
	size_t peers;
};

void service_describe(const struct service_facts *facts, char out[static SERVICE_STATUS_BYTES]);

#endif
