/*
 * The connector: the thread that starts a worker for each dial that is due, and sends announcements when they are due.
 * It never waits for a peer, only for its alarm or the next due time.
 */
#ifndef KITH_CONNECTOR_H
#define KITH_CONNECTOR_H

#include "base/progress.h"
#include "base/sync.h"
#include "node/rerouting.h"
#include "node/worker.h"

/* The clocks of condition variables stop while the machine is suspended. A suspension is noticed within this time. */
#define CONNECTOR_TICK_US ((int64_t)1000 * 1000)

/* How often the pages that glibc keeps, and nobody uses, go back to the system. */
#define CONNECTOR_TRIM_US ((int64_t)10 * 1000 * 1000)

struct connector {
	const struct worker_parts *parts;
	/* Its thread's alone. */
	int64_t trim_us; /* when to give memory back next */
	struct rerouting rerouting;
	struct alarm *alarm;
	struct thread thread;
	/* Of any thread. */
	_Atomic bool is_stopping;
	struct progress progress;
};

/* Borrows both. 0, or an errno. */
int connector_start(struct connector *connector, const struct worker_parts *parts, struct alarm *alarm);
/* Its thread is asked for a sign of progress; has it given one since? (base/progress.h) */
void connector_ask_progress(struct connector *connector);
bool connector_shows_progress(const struct connector *connector);
/* Blocks until its thread has ended; nothing is dialled any more. */
void connector_stop(struct connector *connector);

#endif
