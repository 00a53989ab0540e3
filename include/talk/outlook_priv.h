/*
 * The outlook: looks at the whole network again when a report has changed, and from time to time. It finds what has
 * happened since the last look, and what is wrong. The journal learns of both, and the log of problems.
 *
 * All of it is the connector's thread's, but outlook_changed. The look at a large network takes time, and is followed
 * by a pause that is longer the larger it is.
 */
#ifndef KITH_OUTLOOK_PRIV_H
#define KITH_OUTLOOK_PRIV_H

#include <stdatomic.h>

#include "mesh/changes.h"
#include "mesh/problems.h"

struct protocol;

/* Problems that last, of which the journal has that they were raised. */
enum { NOTED_PROBLEMS = FINDINGS };
struct noted_problems {
	uint64_t numbers[NOTED_PROBLEMS];
	size_t count;
};

struct outlook {
	atomic_bool has_changed; /* it has been rung, and there was no look since */
	/* Of the connector's thread. */
	uint64_t version; /* of the reports that were looked at */
	int64_t pause_us; /* until when there is no look */
	int64_t again_us; /* when to look although nothing has changed */
	struct changes_past past;
	struct noted_problems noted;
};

void outlook_fini(struct outlook *outlook);
/* A report has changed. Any thread. */
void outlook_changed(struct protocol *protocol);
/* Looks, if it is time. Returns when to call again. */
int64_t outlook_run(struct protocol *protocol, int64_t now_us);

#endif
