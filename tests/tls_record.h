/* Records of TLS 1.3 that no honest program sends, sealed with the keys of a GnuTLS session. */
#ifndef KITH_TEST_TLS_RECORD_H
#define KITH_TEST_TLS_RECORD_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

/* The types of content (RFC 8446, 5.1). */
enum { TLS_RECORD_HANDSHAKE = 22, TLS_RECORD_DATA = 23 };
/* A record holds at most this much. */
enum { TLS_RECORD_BYTES = 16 * 1024 };

/*
 * Sends a record with this type of content on the session's socket, which may block or not. False if the far end has
 * gone.
 */
bool tls_record_send(gnutls_session_t session, int fd, unsigned char type, const void *bytes, size_t length);

#endif
