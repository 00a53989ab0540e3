/* What a session needs of the context that it belongs to. */
#ifndef KITH_TLS_CONTEXT_PRIV_H
#define KITH_TLS_CONTEXT_PRIV_H

#include "link/tls.h"
#include "link/tls_context.h"
#include "link/tls_crew_priv.h"
#include "link/tls_library_priv.h"

/* The search for the secret of one session. */
struct tls_search {
	struct tls_context *context; /* immutable */
	bool is_unknown;	     /* the far end has named a secret that this node does not have */
};

/* Has the handshake of a session find its secret by that search, which outlives the session. False: out of memory. */
bool tls_context_equip(struct tls_search *search, gnutls_session_t session, enum tls_role role);
struct tls_crew *tls_context_crew(struct tls_context *context);

#endif
