#include "link/tls_context_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sync.h"

/*
 * Nothing but TLS 1.3 with a pre-shared key and an ephemeral exchange. Named one by one, so that neither a later GnuTLS
 * nor the machine's own policy changes what two nodes have in common. A pre-shared key that comes from outside goes
 * with SHA-256 (RFC 8446, 4.2.11), and so do the ciphers. Nothing is signed, but GnuTLS wants a signature named.
 */
static const char priorities[] = "NONE:+VERS-TLS1.3:+AES-128-GCM:+CHACHA20-POLY1305:+AEAD:+ECDHE-PSK:"
				 "+GROUP-X25519:+GROUP-SECP256R1:+SIGN-EDDSA-ED25519";

extern struct mutex tls_context_guard;

struct tls_context {
	/* Immutable. */
	struct mutex mutex;
	struct tls_crew *crew;
	bool has_library;
	gnutls_priority_t priority;
	gnutls_psk_client_credentials_t client;
	gnutls_psk_server_credentials_t server;
	/* Guarded. */
	struct secrets *secrets GUARDED_BY(tls_context_guard);
};

static void enter(struct tls_context *context) ACQUIRES(tls_context_guard) UNCHECKED
{
	mutex_lock(&context->mutex);
}

static void leave(struct tls_context *context) RELEASES(tls_context_guard) UNCHECKED
{
	mutex_unlock(&context->mutex);
}

/* It is GnuTLS's then. */
static bool copy_secret(const struct secret *secret, gnutls_datum_t *key)
{
	key->data = (*gnutls.malloc)(secret->length);
	if (key->data == NULL)
		return false;
	memcpy(key->data, secret->bytes, secret->length);
	key->size = (unsigned)secret->length;
	return true;
}

static int choose_secret(gnutls_session_t session, char **identity, gnutls_datum_t *key)
{
	struct tls_search *search = gnutls.session_get_ptr(session);
	struct tls_context *context = search->context;
	enter(context);
	const struct secret *secret = &context->secrets->list[0];
	*identity = (*gnutls.strdup)(secret->identity);
	bool good = *identity != NULL && copy_secret(secret, key);
	leave(context);
	if (!good) {
		(*gnutls.free)(*identity);
		*identity = NULL;
	}
	return good ? 0 : -1;
}

static int find_secret(gnutls_session_t session, const char *identity, gnutls_datum_t *key)
{
	struct tls_search *search = gnutls.session_get_ptr(session);
	struct tls_context *context = search->context;
	enter(context);
	const struct secret *secret = secrets_find(context->secrets, identity);
	bool good = secret != NULL && copy_secret(secret, key);
	search->is_unknown = secret == NULL;
	leave(context);
	return good ? 0 : -1;
}

/* The machine's policy may take away what priorities names, and leave nothing. */
static bool set_priorities(struct tls_context *context, struct problem *problem)
{
	const unsigned *groups;
	int result = gnutls.priority_init(&context->priority, priorities, NULL);
	if (result == GNUTLS_E_MEMORY_ERROR)
		return problem_set_lacks_memory(problem);
	if (result == 0 && gnutls.priority_group_list(context->priority, &groups) > 0)
		return true;
	return problem_set(problem,
			   "this machine's policy for GnuTLS allows no TLS 1.3 with AES-128-GCM or CHACHA20-POLY1305 "
			   "and X25519 or SECP256R1, which private nodes speak: see GNUTLS_SYSTEM_PRIORITY_FILE, or "
			   "/etc/gnutls/config");
}

static bool set_credentials(struct tls_context *context, struct problem *problem)
{
	if (gnutls.psk_allocate_client_credentials(&context->client) != 0 ||
	    gnutls.psk_allocate_server_credentials(&context->server) != 0)
		return problem_set_lacks_memory(problem);
	gnutls.psk_set_client_credentials_function(context->client, choose_secret);
	gnutls.psk_set_server_credentials_function(context->server, find_secret);
	return true;
}

static bool start_crew(struct tls_context *context, struct problem *problem)
{
	int result;
	context->crew = tls_crew_start(&result);
	return context->crew != NULL || problem_set(problem, "no thread can be started: %s", strerror(result));
}

struct tls_context *tls_context_new(struct secrets *secrets, struct problem *problem) UNCHECKED
{
	struct tls_context *context = calloc(1, sizeof *context);
	if (context == NULL) {
		problem_set_lacks_memory(problem);
		return NULL;
	}
	mutex_init(&context->mutex);
	context->has_library = tls_library_open(problem);
	if (!context->has_library || !set_priorities(context, problem) || !set_credentials(context, problem) ||
	    !start_crew(context, problem)) {
		tls_context_free(context);
		return NULL;
	}
	context->secrets = secrets;
	return context;
}

void tls_context_free(struct tls_context *context) UNCHECKED
{
	if (context == NULL)
		return;
	tls_crew_stop(context->crew);
	if (context->priority != NULL)
		gnutls.priority_deinit(context->priority);
	if (context->client != NULL)
		gnutls.psk_free_client_credentials(context->client);
	if (context->server != NULL)
		gnutls.psk_free_server_credentials(context->server);
	if (context->has_library)
		tls_library_close();
	secrets_free(context->secrets);
	mutex_fini(&context->mutex);
	free(context);
}

bool tls_context_set_secrets(struct tls_context *context, struct secrets *secrets)
{
	enter(context);
	struct secrets *before = context->secrets;
	bool differs = !secrets_equal(before, secrets);
	context->secrets = secrets;
	leave(context);
	secrets_free(before);
	return differs;
}

size_t tls_context_fingerprints(struct tls_context *context, char out[static SECRETS_MOST][TLS_FINGERPRINT_BYTES])
{
	enter(context);
	size_t count = context->secrets->count;
	for (size_t i = 0; i < count; i++)
		snprintf(out[i], TLS_FINGERPRINT_BYTES, "%.8s", context->secrets->list[i].identity);
	leave(context);
	return count;
}

bool tls_context_equip(struct tls_search *search, gnutls_session_t session, enum tls_role role)
{
	struct tls_context *context = search->context;
	gnutls.session_set_ptr(session, search);
	return gnutls.priority_set(session, context->priority) == 0 &&
	       gnutls.credentials_set(session, GNUTLS_CRD_PSK,
				      role == TLS_CLIENT ? (void *)context->client : (void *)context->server) == 0;
}

struct tls_crew *tls_context_crew(struct tls_context *context)
{
	return context->crew;
}

const char *tls_context_library_version(void)
{
	struct problem problem;
	return tls_library_open(&problem) ? gnutls.check_version(NULL) : NULL;
}
