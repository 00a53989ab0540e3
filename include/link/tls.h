/*
 * TLS 1.3 with a pre-shared key and an ephemeral key exchange (psk_dhe_ke) on a socket, by GnuTLS. stream is the one
 * that uses it: here nothing waits, and what would wait is answered with EAGAIN.
 *
 * Threads: GnuTLS allows one sending and one receiving thread on a session, but a far end that forces KeyUpdates makes
 * them corrupt each other. So each session has a mutex, held while GnuTLS works and never while anybody waits. For the
 * same reason GnuTLS is never left in the midst of a write: what the socket doesn't take at once is kept here, behind
 * GnuTLS, and goes out before anything else does. So a read never waits for a write, two ends that are both full can't
 * wait for each other, and a KeyUpdate that a read causes finds no record half written.
 */
#ifndef KITH_TLS_H
#define KITH_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "link/tls_context.h"

enum tls_role {
	TLS_CLIENT,
	TLS_SERVER,
};

struct tls;

/* On a socket that stays the caller's. NULL: no memory. */
struct tls *tls_new(struct tls_context *context, int fd, enum tls_role role);
void tls_free(struct tls *tls);

/*
 * By one thread, until it returns another errno than EAGAIN: 0 when bytes may travel. After EPROTO, tls_problem says
 * what is wrong with the far end, which has been told by an alert. ECONNRESET: it has gone in the midst. It ends soon
 * whatever comes, since a far end that has proved nothing yet may send only little, in few records.
 */
int tls_handshake(struct tls *tls);
/* Of the far end, as in "10.0.0.7:5999: ..."; NULL for none. Never shows any of a secret. */
const char *tls_problem(const struct tls *tls);
/* Is that problem that one of both ends does not have the other's secret? */
bool tls_lacks_secret(const struct tls *tls);

/*
 * Any of these by any thread, once the handshake is done. The count, 0 at the end of file, or -1 with errno. EPROTO, as
 * tls_problem says: the far end breaks TLS, or 64 kB have come in a row and none of it was its bytes.
 */
ssize_t tls_read(struct tls *tls, void *bytes, size_t size);
/*
 * How many bytes were taken from the socket since this was asked last, and how many records of TLS began in them: what
 * reading has cost, which padding, empty records and messages of TLS itself do too. Bytes that tls_read has yet to
 * return are counted when it has.
 */
size_t tls_taken(struct tls *tls, size_t *records);
/*
 * Who is told EAGAIN calls again with these bytes, of which a record may be on its way: more may follow them. Only then
 * are they counted as written.
 */
ssize_t tls_write(struct tls *tls, const void *bytes, size_t size);
/* Has something come that tls_read would return, though the socket is empty? */
bool tls_has_unread(struct tls *tls);
/* What is left of earlier writes for the socket to take, and can still be sent; tries once more. */
size_t tls_unsent(struct tls *tls);
/* Tells the far end that nothing more will come, and shuts the socket for writing when that is out. */
void tls_shut_writing(struct tls *tls);

#endif
