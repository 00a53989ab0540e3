#include "secure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "settings/secret.h"

static const char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:-CIPHER-ALL:+AES-128-GCM";

static struct {
	char path[64];
	pid_t owner;
	struct secrets *secrets;
	gnutls_psk_client_credentials_t client;
	gnutls_psk_server_credentials_t server;
} run;

bool secure_is_on(void)
{
	return getenv("TLS") != NULL;
}

/* A child that ends early removes nothing. */
static void forget(void)
{
	if (getpid() != run.owner)
		return;
	unlink(run.path);
	secrets_free(run.secrets);
	gnutls_psk_free_client_credentials(run.client);
	gnutls_psk_free_server_credentials(run.server);
}

static int find_secret(gnutls_session_t session, const char *identity, gnutls_datum_t *key)
{
	const struct secret *secret = secrets_find(run.secrets, identity);
	(void)session;
	if (secret == NULL)
		return -1;
	key->data = gnutls_malloc(secret->length);
	key->size = (unsigned)secret->length;
	must(key->data != NULL);
	memcpy(key->data, secret->bytes, secret->length);
	return 0;
}

const char *secure_file(void)
{
	char text[SECRET_TEXT_BYTES];
	struct problem problem;
	if (run.owner != 0)
		return run.path;
	strcpy(run.path, "/tmp/kith-test-secret-XXXXXX");
	int fd = mkstemp(run.path);
	must(fd >= 0 && secret_new(text) && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	run.secrets = secrets_read(run.path, "", &problem);
	must(run.secrets != NULL);
	const struct secret *secret = &run.secrets->list[0];
	gnutls_datum_t key = {.data = run.secrets->list[0].bytes, .size = (unsigned)secret->length};
	must(gnutls_psk_allocate_client_credentials(&run.client) == 0);
	must(gnutls_psk_set_client_credentials(run.client, secret->identity, &key, GNUTLS_PSK_KEY_RAW) == 0);
	must(gnutls_psk_allocate_server_credentials(&run.server) == 0);
	gnutls_psk_set_server_credentials_function(run.server, find_secret);
	run.owner = getpid();
	atexit(forget);
	return run.path;
}

gnutls_session_t secure_session(bool has_dialled)
{
	gnutls_session_t session;
	secure_file();
	must(gnutls_init(&session,
			 (has_dialled ? GNUTLS_CLIENT : GNUTLS_SERVER) | GNUTLS_NO_TICKETS | GNUTLS_NONBLOCK) == 0);
	must(gnutls_priority_set_direct(session, priorities, NULL) == 0);
	must(gnutls_credentials_set(session, GNUTLS_CRD_PSK, has_dialled ? (void *)run.client : (void *)run.server) ==
	     0);
	return session;
}
