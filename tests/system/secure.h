/*
 * The suites over TLS: with the environment variable TLS set, every kithd gets a secret_file, and every raw connection
 * shakes hands with its secret before its first byte. The tests know nothing of it.
 */
#ifndef KITH_TEST_SECURE_H
#define KITH_TEST_SECURE_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

bool secure_is_on(void);
/* The file with the run's secret; it is made when it is asked for first, and removed when the process ends. */
const char *secure_file(void);
/* A session that holds the secret; the caller sets its transport. */
gnutls_session_t secure_session(bool has_dialled);

#endif
