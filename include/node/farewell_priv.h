/* The end of a connection: its last lines, and what is left to do after them. */
#ifndef KITH_FAREWELL_PRIV_H
#define KITH_FAREWELL_PRIV_H

#include "node/worker_priv.h"

/* How far a connection has come. */
enum reach {
	REACHED_NOBODY,
	REACHED_SOCKET, /* connected, and refused in the handshake of the stream */
	REACHED_PEER,	/* lines have travelled, or could have */
};

/* protocol_ended, after a look at what the kernel knows of the connection. */
void farewell_begin(struct protocol *protocol, struct peer *peer, int64_t now_us);
/* Writes what is left until the deadline, then sends the end of file if more may come from the far end. */
void farewell_write(struct peer *peer, bool more_may_come, int64_t deadline_us);
/* Ends the connection when the reader has stopped reading, and frees the worker. */
void farewell_finish(struct worker *worker, enum reach reach);

#endif
