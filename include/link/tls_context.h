/*
 * What all TLS sessions of a node share: the secrets of its private network, what of TLS it speaks, and the threads
 * that do the steps of handshakes. It outlives the sessions. Any thread.
 */
#ifndef KITH_TLS_CONTEXT_H
#define KITH_TLS_CONTEXT_H

#include <stdbool.h>

#include "base/problem.h"
#include "settings/secret.h"

struct tls_context;

/* Takes the secrets, unless it returns NULL. */
struct tls_context *tls_context_new(struct secrets *secrets, struct problem *problem);
void tls_context_free(struct tls_context *context);
/* Takes the secrets for handshakes to come; existing sessions stay. False if they are the ones that it has. */
bool tls_context_set_secrets(struct tls_context *context, struct secrets *secrets);

/* The beginnings of the identities of its secrets, the one that is used to dial first. How many were written. */
enum { TLS_FINGERPRINT_BYTES = 9 };
size_t tls_context_fingerprints(struct tls_context *context, char out[static SECRETS_MOST][TLS_FINGERPRINT_BYTES]);

/* Of GnuTLS, which is loaded for it; NULL if there is none that can be used. */
const char *tls_context_library_version(void);

#endif
