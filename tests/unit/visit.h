/* A connection that a node has accepted over TLS, and a far end of the test's own, on GnuTLS or on nothing. */
#ifndef KITH_UNIT_VISIT_H
#define KITH_UNIT_VISIT_H

#include <gnutls/gnutls.h>
#include <stdint.h>

#include "base/sync.h"
#include "link/stream.h"
#include "link/tls_context.h"

enum { LATE_US = 20 * 1000 * 1000, SOON_US = 50 * 1000 };

int64_t late_us(void);

/* What a node speaks. */
extern const char node_priorities[];

/* Non-blocking, over TLS with that priority string and secret; NULL for the identity of the secret itself. */
gnutls_session_t client_new(int fd, const char *priorities, const char *lines, const char *identity);
/* Until it succeeds or fails. */
int client_handshake(gnutls_session_t client, int fd);

/* A stream of an accepted connection, and the socket at its other end. */
struct visit {
	struct tls_context *context; /* to be freed with it */
	struct stream *stream;
	int fd;
};

/* At a node that has that context already. */
void visit_open(struct visit *visit, struct tls_context *context);
/* NULL for a plain one. */
void visit_init(struct visit *visit, const char *lines);
void visit_fini(struct visit *visit);
/* A visit whose handshake is done. */
gnutls_session_t visit_as_member(struct visit *visit);

/* A handshake in a thread of its own. */
struct handshake {
	struct stream *stream;
	int64_t deadline_us;
	struct thread thread;
	int error;
};

/* handshake_start's thread. */
void *shake_hands(void *argument);
void handshake_start(struct handshake *handshake, struct stream *stream);
int handshake_end(struct handshake *handshake);

#endif
