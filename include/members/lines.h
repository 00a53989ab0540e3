/*
 * Lines: the limiter that each log line caused by others passes. It costs a far end nothing to connect again and again,
 * or to tell addresses where nobody listens; the log must neither fill the disk for that nor lose what matters. Each
 * kind of line has a bound for the whole node, and a host (sources.h) has a part of that, so that none hides what is
 * said of others. The next line of its kind says how many were left out.
 *
 * Lines of this node's own troubles have log_limit instead. Debug lines are for whoever asks for all, and pass.
 *
 * Any thread may call, without a lock. Times are arguments.
 */
#ifndef KITH_LINES_H
#define KITH_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "link/peer.h"
#include "members/sources.h"

/* What a line is about; lines.c has the amounts. */
enum lines_about {
	LINES_PEERS,	 /* peers that dialled this node */
	LINES_DIALLED,	 /* peers that this node dialled, and dials of what it had reached, or the operator has named */
	LINES_STRANGERS, /* connections that came in and never became peers */
	LINES_DIALS,	 /* dials of addresses that are known from hearsay alone */
	LINES_PROBLEMS,	 /* problems of the network */
	/* Connections that are refused at once: */
	LINES_DENIED,
	LINES_BANNED,
	LINES_MAX_CONNECTIONS,
	LINES_MAX_PER_ADDRESS,
	LINES_MAX_PER_GROUP,
	LINES_KINDS,
};

struct lines;

/* Borrows the sources. NULL if there is no memory. */
struct lines *lines_new(struct sources *sources, int64_t now_us);
void lines_free(struct lines *lines);

/*
 * True if a line may be logged now, which the caller does at once. The host at `from` is charged for it; NULL for none,
 * where the line is no fault of anybody's there.
 */
bool lines_take(struct lines *lines, enum lines_about about, enum log_level level, const struct address *from,
		int64_t now_us);
/* Logs "LABEL ..." as peer_log_line does, if it may. What it is about follows from the state of the peer. */
void lines_log_peer(struct lines *lines, struct peer *peer, enum log_level level, int64_t now_us, const char *format,
		    ...) __attribute__((format(printf, 5, 6)));

#endif
