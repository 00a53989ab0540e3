#include "visit.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner.h"
#include "some_secrets.h"

int64_t late_us(void)
{
	return clock_now_us() + LATE_US;
}

const char node_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK";

gnutls_session_t client_new(int fd, const char *priorities, const char *lines, const char *identity)
{
	static gnutls_psk_client_credentials_t credentials;
	gnutls_session_t client;
	struct secrets *secrets = secrets_of(lines);
	const struct secret *secret = &secrets->list[0];
	gnutls_datum_t key = {.data = secrets->list[0].bytes, .size = (unsigned)secret->length};
	if (credentials != NULL)
		gnutls_psk_free_client_credentials(credentials);
	CU_ASSERT_EQUAL_FATAL(gnutls_psk_allocate_client_credentials(&credentials), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_psk_set_client_credentials(credentials,
								identity == NULL ? secret->identity : identity, &key,
								GNUTLS_PSK_KEY_RAW),
			      0);
	secrets_free(secrets);
	CU_ASSERT_EQUAL_FATAL(gnutls_init(&client, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_priority_set_direct(client, priorities, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(gnutls_credentials_set(client, GNUTLS_CRD_PSK, credentials), 0);
	gnutls_transport_set_int(client, fd);
	return client;
}

void visit_open(struct visit *visit, struct tls_context *context)
{
	int ends[2];
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	visit->context = NULL;
	visit->stream = stream_from_socket(ends[0], context);
	CU_ASSERT_PTR_NOT_NULL_FATAL(visit->stream);
	visit->fd = ends[1];
}

void visit_init(struct visit *visit, const char *lines)
{
	struct tls_context *context = lines == NULL ? NULL : context_of(lines);
	visit_open(visit, context);
	visit->context = context;
}

void visit_fini(struct visit *visit)
{
	stream_free(visit->stream);
	tls_context_free(visit->context);
	close(visit->fd);
}

void *shake_hands(void *argument)
{
	struct handshake *handshake = argument;
	handshake->error = stream_handshake(handshake->stream, handshake->deadline_us);
	return NULL;
}

void handshake_start(struct handshake *handshake, struct stream *stream)
{
	*handshake = (struct handshake){.stream = stream, .deadline_us = late_us()};
	CU_ASSERT_EQUAL_FATAL(thread_start(&handshake->thread, shake_hands, handshake), 0);
}

int handshake_end(struct handshake *handshake)
{
	thread_join(handshake->thread);
	return handshake->error;
}

int client_handshake(gnutls_session_t client, int fd)
{
	int result;
	while ((result = gnutls_handshake(client)) == GNUTLS_E_AGAIN) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		if (poll(&ready, 1, LATE_US / 1000) <= 0)
			return result;
	}
	return result;
}

gnutls_session_t visit_as_member(struct visit *visit)
{
	struct handshake handshake;
	visit_init(visit, SOME_SECRET);
	gnutls_session_t client = client_new(visit->fd, node_priorities, SOME_SECRET, NULL);
	handshake_start(&handshake, visit->stream);
	CU_ASSERT_EQUAL_FATAL(client_handshake(client, visit->fd), 0);
	CU_ASSERT_EQUAL_FATAL(handshake_end(&handshake), 0);
	return client;
}
