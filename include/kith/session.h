/*
 * A conversation with a node over its control socket: requests go out, and the rows of the answers come in, in order.
 * One thread.
 */
#ifndef KITH_SESSION_H
#define KITH_SESSION_H

#include <stdint.h>

#include "kith/outcome.h"
#include "kith/sockets.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/row.h"

/* How long a node may be silent within an answer before kith gives it up. */
enum { SESSION_PATIENCE_MS = 10000, SESSION_FOREVER_MS = -1 };

struct session {
	int fd;
	char path[SOCKET_PATH_BYTES]; /* of the node's socket, if the finder has found it */
	int patience_ms;	      /* for the next bytes; may be set at any time */
	bool is_typed;		      /* the requests are the user's own */
	bool tolerates_unknown; /* a request that the node doesn't know, or has no reports for, has an empty answer */
	struct frame in;
	/* The last row, until the next call. */
	struct json_object *row;
	const char *line; /* as it came */
	size_t length;
	uint64_t rows;	      /* of this answer so far */
	enum outcome outcome; /* why an answer failed */
	char code[32];	      /* of the error that was the answer; "" for another end */
};

/* Takes the connected descriptor. */
void session_init(struct session *session, int fd);
void session_fini(struct session *session);

/* Sends a line, without its LF. False if that can't be: complained. */
bool session_send(struct session *session, const char *line, size_t length);
/* Ends and sends a row that row_begin has begun in an empty buffer, which is freed. */
bool session_send_row(struct session *session, struct row *row);
/* A request without keys. */
bool session_ask(struct session *session, const char *request);

enum session_result {
	SESSION_ROW,
	SESSION_END,	/* of the answer */
	SESSION_FAILED, /* the node says no, or goes away: outcome says how to end */
	SESSION_SILENT, /* nothing came for patience_ms */
};

/* The next row of the answer. Complains of a failure, but not of silence. */
enum session_result session_next(struct session *session);
/* The same, where silence is a failure. */
enum session_result session_expect(struct session *session);
/* Has it more rows already, so that what is printed needs no flush yet? */
bool session_has_more(const struct session *session);

#endif
