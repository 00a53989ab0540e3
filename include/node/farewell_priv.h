/* The last words of a connection, and what is left to do after them. */
#ifndef KITH_FAREWELL_PRIV_H
#define KITH_FAREWELL_PRIV_H

#include "node/worker_priv.h"

/* How far a connection has come. */
enum reach {
	REACHED_NOBODY,
	REACHED_SOCKET, /* connected, and turned away at the handshake of the stream */
	REACHED_PEER,	/* bytes have travelled, or could have */
};

/* The end of all writing: what is left, for at most PEER_CLOSE_US, then the end of file unless both ends are through.
 */
void farewell_write(struct peer *peer, bool more_may_come, int64_t deadline_us);
/* What is left to do when the reader has stopped to read. */
void farewell_finish(struct worker *worker, enum reach reach);

#endif
