/*
 * The connector: the thread that starts a worker for each dial that is due, and sends the announcements that are. It
 * never waits for a peer; what it waits for is its alarm or the next due time.
 */
#ifndef KITH_CONNECTOR_H
#define KITH_CONNECTOR_H

#include "sync.h"
#include "worker.h"

/* No clock of a condition variable goes on while the machine is suspended: that it was is noticed within this time. */
#define CONNECTOR_TICK_US ((int64_t)1000 * 1000)

/*
 * What a crowd of connections has left in glibc's pools goes back to the system once half of it has gone, and so long
 * after that: by then their threads have ended too.
 */
enum { CONNECTOR_CROWD = 32 };
#define CONNECTOR_TRIM_US ((int64_t)12 * 1000 * 1000)

struct connector {
	const struct worker_parts *parts;
	/* Its thread's alone. */
	size_t crowd;	 /* the most connections since memory was given back last */
	int64_t trim_us; /* when to give it back; FOREVER_US for never */
	struct alarm *alarm;
	struct thread thread;
	_Atomic bool is_stopping;
};

/* Borrows both. 0, or an errno. */
int connector_start(struct connector *connector, const struct worker_parts *parts, struct alarm *alarm);
/* Blocks until its thread has ended; nothing is dialled any more. */
void connector_stop(struct connector *connector);

#endif
