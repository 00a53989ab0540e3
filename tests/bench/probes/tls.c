/* One thread for each connection, which waits in GnuTLS: TLS 1.3 with ECDHE-PSK, and fixed answers. */
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"

enum { STACK_BYTES = 128 * 1024, HEX_DIGITS = 64 };

static const char priorities[] = "NONE:+VERS-TLS1.3:+AES-128-GCM:+AEAD:+ECDHE-PSK:+GROUP-X25519:+SIGN-EDDSA-ED25519";

static gnutls_psk_server_credentials_t credentials;
static gnutls_priority_t priority;
static char secret[HEX_DIGITS + 1];

/* Whatever it is called. */
static int give_secret(gnutls_session_t session, const char *identity, gnutls_datum_t *key)
{
	gnutls_datum_t hex = {.data = (unsigned char *)secret, .size = HEX_DIGITS};
	(void)session;
	(void)identity;
	return gnutls_hex_decode2(&hex, key);
}

static bool read_secret(const char *path)
{
	FILE *file = fopen(path, "r");
	bool good = file != NULL && fread(secret, 1, HEX_DIGITS, file) == HEX_DIGITS;
	if (file != NULL)
		fclose(file);
	return good;
}

/* Answers the lines, and returns how many bytes they take. */
static size_t answer_lines(gnutls_session_t session, const char *text, size_t length)
{
	const char *line = text, *lf;
	while ((lf = memchr(line, '\n', length - (size_t)(line - text))) != NULL) {
		const struct answer *answer = answer_fixed(NULL, line, (size_t)(lf - line));
		if (answer->length > 0)
			gnutls_record_send(session, answer->text, answer->length);
		line = lf + 1;
	}
	return (size_t)(line - text);
}

static void converse(gnutls_session_t session)
{
	char bytes[PROBE_READ_BYTES];
	size_t kept = 0;
	ssize_t n;
	while (kept < sizeof bytes && (n = gnutls_record_recv(session, bytes + kept, sizeof bytes - kept)) > 0) {
		size_t length = kept + (size_t)n, taken = answer_lines(session, bytes, length);
		kept = length - taken;
		memmove(bytes, bytes + taken, kept);
	}
}

static void *serve(void *argument)
{
	int fd = *(int *)argument, result;
	gnutls_session_t session;
	free(argument);
	if (gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS) == 0) {
		gnutls_priority_set(session, priority);
		gnutls_credentials_set(session, GNUTLS_CRD_PSK, credentials);
		gnutls_transport_set_int(session, fd);
		do
			result = gnutls_handshake(session);
		while (result < 0 && !gnutls_error_is_fatal(result));
		if (result == 0)
			converse(session);
		gnutls_bye(session, GNUTLS_SHUT_WR);
		gnutls_deinit(session);
	}
	close(fd);
	return NULL;
}

void serve_with_tls(int listening_fd, const char *secret_file)
{
	pthread_attr_t attributes;
	pthread_t thread;
	if (!read_secret(secret_file) || gnutls_psk_allocate_server_credentials(&credentials) != 0 ||
	    gnutls_priority_init(&priority, priorities, NULL) != 0 || pthread_attr_init(&attributes) != 0)
		return;
	gnutls_psk_set_server_credentials_function(credentials, give_secret);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	for (;;) {
		int *fd = malloc(sizeof *fd);
		if (fd == NULL)
			return;
		*fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC);
		if (*fd >= 0 && pthread_create(&thread, &attributes, serve, fd) == 0)
			continue;
		if (*fd >= 0)
			close(*fd);
		free(fd);
	}
}
