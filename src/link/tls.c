#include "link/tls.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/sync.h"
#include "link/tls_context_priv.h"

extern struct mutex tls_guard;

enum { TLS_PROBLEM_BYTES = 96 };

/* A record begins with its type, the version and the length of its body (RFC 8446, 5.1), which is limited (5.2). */
enum { RECORD_HEADER_BYTES = 5, RECORD_BYTES = 16 * 1024 };

/*
 * What comes before the far end has proved that it is a member. The hello of this node is 330 bytes in one record, that
 * of OpenSSL 3.0 411, and one with a key share of ML-KEM (1,184 bytes) less than 2 kB. No message of the handshake is
 * longer, and neither side sends more than four records in it.
 */
enum { MESSAGE_BYTES = 8 * 1024, STRANGERS_BYTES = 16 * 1024, STRANGERS_RECORDS = 64 };

/*
 * What may come after the handshake without a byte for the reader. GnuTLS 3.7.9 collects a message of TLS itself until
 * it is complete, which may be 16 MB long; it refuses data between the parts of one.
 */
enum { FRUITLESS_BYTES = 64 * 1024 };

struct tls {
	/* Immutable. */
	struct mutex mutex;
	int fd;
	enum tls_role role;
	struct tls *broken_before; /* of those that are broken */
	/* Of the thread that shakes hands. */
	bool is_broken; /* GnuTLS must not touch the session any more */
	struct tls_search search;
	bool has_ended; /* the far end has closed */
	bool has_begun; /* something has come, and this was its first byte */
	unsigned char first_byte;
	/* Guarded. */
	gnutls_session_t session GUARDED_BY(tls_guard);
	struct buffer unsent GUARDED_BY(tls_guard); /* records that the socket didn't take */
	size_t owed GUARDED_BY(tls_guard);	    /* bytes of the caller's in these records */
	size_t fruitless GUARDED_BY(tls_guard);	    /* bytes from the socket since tls_read returned some last */
	size_t taken GUARDED_BY(tls_guard);	    /* from the socket, as tls_taken counts */
	size_t records GUARDED_BY(tls_guard);	    /* that began in these */
	size_t header_length GUARDED_BY(tls_guard); /* of the record that is coming */
	unsigned char body_length_high GUARDED_BY(tls_guard);
	size_t body_left GUARDED_BY(tls_guard);
	bool shuts_writing GUARDED_BY(tls_guard); /* when unsent is empty */
	int write_error GUARDED_BY(tls_guard);	  /* 0 before; then nothing is written any more */
	int read_error GUARDED_BY(tls_guard);
	/* Written under the lock once, before the call that tells of it returns. */
	char problem[TLS_PROBLEM_BYTES];
	bool lacks_secret; /* that is the problem */
};

static void enter(struct tls *tls) ACQUIRES(tls_guard) UNCHECKED
{
	mutex_lock(&tls->mutex);
}

static void leave(struct tls *tls) RELEASES(tls_guard) UNCHECKED
{
	mutex_unlock(&tls->mutex);
}

static int set_problem(struct tls *tls, const char *what, const char *detail)
{
	snprintf(tls->problem, sizeof tls->problem, "%s%s", what, detail);
	return EPROTO;
}

/* ---- the socket, as GnuTLS sees it: writing never waits, and never fails ---- */

/* Sends what the socket takes of the bytes; the first error stays. */
static size_t send_some(struct tls *tls, const char *bytes, size_t size) REQUIRES(tls_guard)
{
	ssize_t n;
	do
		n = send(tls->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		tls->write_error = errno;
	return n < 0 ? 0 : (size_t)n;
}

/*
 * Takes all of it: what the socket doesn't is kept. After an error of the socket it is dropped, since GnuTLS would give
 * up the whole session for it, and with that what the far end has sent before it went: its bye, or an alert.
 */
static ssize_t push(gnutls_transport_ptr_t transport, const void *bytes, size_t size) UNCHECKED
{
	struct tls *tls = transport;
	size_t sent = 0;
	if (tls->write_error == 0 && buffer_length(&tls->unsent) == 0)
		sent = send_some(tls, bytes, size);
	if (tls->write_error == 0 && sent < size &&
	    !buffer_append(&tls->unsent, (const char *)bytes + sent, size - sent))
		tls->write_error = ENOMEM;
	return (ssize_t)size;
}

/* How many records begin in these bytes from the socket. */
static size_t count_records(struct tls *tls, const unsigned char *bytes, size_t length) REQUIRES(tls_guard)
{
	size_t records = 0;
	for (size_t i = 0; i < length;) {
		if (tls->body_left > 0) {
			size_t step = tls->body_left < length - i ? tls->body_left : length - i;
			tls->body_left -= step;
			i += step;
			continue;
		}
		records += tls->header_length == 0;
		tls->header_length++;
		if (tls->header_length == RECORD_HEADER_BYTES - 1)
			tls->body_length_high = bytes[i];
		if (tls->header_length == RECORD_HEADER_BYTES) {
			tls->body_left = (size_t)tls->body_length_high << 8 | bytes[i];
			tls->header_length = 0;
		}
		i++;
	}
	return records;
}

static bool is_fruitless(struct tls *tls) REQUIRES(tls_guard)
{
	bool is = tls->fruitless >= FRUITLESS_BYTES;
	if (is)
		set_problem(tls, "sends 64 kB of TLS without a byte of a message", "");
	return is;
}

static ssize_t pull(gnutls_transport_ptr_t transport, void *bytes, size_t size) UNCHECKED
{
	struct tls *tls = transport;
	if (is_fruitless(tls)) {
		gnutls.transport_set_errno(tls->session, EPROTO);
		return -1;
	}
	ssize_t n = recv(tls->fd, bytes, size, MSG_DONTWAIT);
	if (n > 0 && !tls->has_begun) {
		tls->has_begun = true;
		tls->first_byte = *(const unsigned char *)bytes;
	}
	tls->has_ended = n == 0;
	if (n > 0) {
		tls->taken += (size_t)n;
		tls->fruitless += (size_t)n;
		tls->records += count_records(tls, bytes, (size_t)n);
	}
	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			tls->read_error = errno;
		gnutls.transport_set_errno(tls->session, errno);
	}
	return n;
}

/* Sends what is left of earlier writes: 0 when all is out, EAGAIN, or the errno of the socket. */
static int flush(struct tls *tls) REQUIRES(tls_guard)
{
	size_t length = buffer_length(&tls->unsent);
	if (length > 0 && tls->write_error == 0) {
		buffer_consume(&tls->unsent, send_some(tls, buffer_content(&tls->unsent), length));
		/* Most sessions have nothing left nearly always: then they hold no memory for it. */
		if (buffer_length(&tls->unsent) == 0)
			buffer_fini(&tls->unsent);
		if (buffer_length(&tls->unsent) == 0 && tls->shuts_writing)
			shutdown(tls->fd, SHUT_WR);
	}
	if (tls->write_error != 0)
		return tls->write_error;
	return buffer_length(&tls->unsent) == 0 ? 0 : EAGAIN;
}

/* SSLKEYLOGFILE in the environment has GnuTLS write down the keys of each session, unless somebody else does that. */
static int log_no_key(gnutls_session_t session, const char *label, const gnutls_datum_t *secret)
{
	(void)session;
	(void)label;
	(void)secret;
	return 0;
}

struct tls *tls_new(struct tls_context *context, int fd, enum tls_role role) UNCHECKED
{
	unsigned flags = role == TLS_CLIENT ? GNUTLS_CLIENT : GNUTLS_SERVER;
	struct tls *tls = calloc(1, sizeof *tls);
	if (tls == NULL)
		return NULL;
	mutex_init(&tls->mutex);
	tls->search.context = context;
	tls->fd = fd;
	tls->role = role;
	/* With a ticket, a node could join after it has lost the secret. */
	if (gnutls.init(&tls->session, flags | GNUTLS_NO_TICKETS) != 0 ||
	    !tls_context_equip(&tls->search, tls->session, role)) {
		tls_free(tls);
		return NULL;
	}
	gnutls.handshake_set_max_packet_length(tls->session, MESSAGE_BYTES);
	gnutls.session_set_keylog_function(tls->session, log_no_key);
	gnutls.transport_set_ptr(tls->session, tls);
	gnutls.transport_set_push_function(tls->session, push);
	gnutls.transport_set_pull_function(tls->session, pull);
	return tls;
}

/*
 * Where a server can't have memory in the midst of its handshake, GnuTLS 3.7.9 may free the secret at once, and at the
 * end of the session write to it and free it again. So such a session never ends. It stays within reach, its memory is
 * lost.
 */
static _Atomic(struct tls *) broken;

void tls_free(struct tls *tls) UNCHECKED
{
	if (tls == NULL)
		return;
	buffer_fini(&tls->unsent);
	mutex_fini(&tls->mutex);
	if (tls->is_broken) {
		tls->broken_before = atomic_exchange(&broken, tls);
		return;
	}
	if (tls->session != NULL)
		gnutls.deinit(tls->session);
	free(tls);
}

/* ---- the handshake ---- */

#define OTHER_VERSION "speaks a TLS other than 1.3, which private nodes speak"

static int set_no_member(struct tls *tls)
{
	tls->lacks_secret = true;
	return set_problem(tls, "does not hold this network's secret", "");
}

/* Why the far end has ended the handshake. */
static int explain_alert(struct tls *tls) REQUIRES(tls_guard)
{
	gnutls_alert_description_t alert = gnutls.alert_get(tls->session);
	const char *name = gnutls.alert_get_name(alert);
	if (alert == GNUTLS_A_UNKNOWN_PSK_IDENTITY)
		return set_no_member(tls);
	if (alert == GNUTLS_A_PROTOCOL_VERSION)
		return set_problem(tls, OTHER_VERSION, "");
	return set_problem(tls, "refuses the TLS handshake: ", name == NULL ? "no reason" : name);
}

/* What is wrong with the far end, as GnuTLS sees it. An errno. */
static int explain(struct tls *tls, int result) REQUIRES(tls_guard)
{
	if (tls->read_error != 0)
		return tls->read_error;
	if (tls->has_ended)
		return ECONNRESET;
	if (tls->search.is_unknown)
		return set_no_member(tls);
	switch (result) {
	case GNUTLS_E_AGAIN:
		return set_problem(tls, "sends too much before its TLS handshake is done", "");
	case GNUTLS_E_MEMORY_ERROR:
		return ENOMEM;
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		return explain_alert(tls);
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
		return set_problem(tls, OTHER_VERSION, "");
	/* It offers none, or its MAC is another's. */
	case GNUTLS_E_INSUFFICIENT_CREDENTIALS:
	case GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER:
	case GNUTLS_E_NO_CIPHER_SUITES:
		return set_no_member(tls);
	default:
		return set_problem(tls, "fails at the TLS handshake: ", gnutls.strerror(result));
	}
}

/* The first byte of TLS is a record's type: 22 for a handshake, 21 for an alert. */
static bool speaks_no_tls(const struct tls *tls)
{
	return tls->has_begun && tls->first_byte != 22 && tls->first_byte != 21;
}

/* Each record costs a step, though it be of one byte. */
static bool is_too_much(const struct tls *tls) REQUIRES(tls_guard)
{
	return tls->taken > STRANGERS_BYTES || tls->records > STRANGERS_RECORDS;
}

static int explain_other_protocol(struct tls *tls)
{
	unsigned char c = tls->first_byte;
	bool is_text = c == '\t' || c == '\r' || c == '\n' || (c >= ' ' && c < 127);
	return set_problem(tls, is_text ? "speaks plain text" : "speaks no TLS", ", this node has a secret_file");
}

/* So that the far end can tell its operator. */
static void send_alert(struct tls *tls, int result) REQUIRES(tls_guard)
{
	if (speaks_no_tls(tls) || result == GNUTLS_E_AGAIN)
		gnutls.alert_send(tls->session, GNUTLS_AL_FATAL, GNUTLS_A_UNEXPECTED_MESSAGE);
	else if (tls->search.is_unknown)
		gnutls.alert_send(tls->session, GNUTLS_AL_FATAL, GNUTLS_A_UNKNOWN_PSK_IDENTITY);
	else if (result != GNUTLS_E_FATAL_ALERT_RECEIVED && tls->read_error == 0)
		gnutls.alert_send_appropriate(tls->session, result);
}

/* GnuTLS has done its part: was it what this node wants? */
static int finish_handshake(struct tls *tls) REQUIRES(tls_guard)
{
	if (gnutls.protocol_get_version(tls->session) != GNUTLS_TLS1_3 ||
	    gnutls.kx_get(tls->session) != GNUTLS_KX_ECDHE_PSK)
		return set_problem(tls, "agrees to no ephemeral key exchange", "");
	/* What is left of it goes out before anything else does. */
	flush(tls);
	tls->taken = 0;
	tls->fruitless = 0;
	tls->records = 0;
	return 0;
}

static int take_step(void *argument)
{
	struct tls *tls = argument;
	enter(tls);
	int result, error;
	do
		result = gnutls.handshake(tls->session);
	while (result == GNUTLS_E_INTERRUPTED);
	tls->is_broken = result == GNUTLS_E_MEMORY_ERROR && tls->role == TLS_SERVER;
	if (result == GNUTLS_E_SUCCESS) {
		error = finish_handshake(tls);
	} else if (result == GNUTLS_E_AGAIN && !speaks_no_tls(tls) && !is_too_much(tls)) {
		/* What can't be sent is found out by reading: there may be an alert that says why. */
		flush(tls);
		error = EAGAIN;
	} else {
		error = speaks_no_tls(tls) ? explain_other_protocol(tls) : explain(tls, result);
		send_alert(tls, result);
	}
	leave(tls);
	return error;
}

int tls_handshake(struct tls *tls)
{
	return tls_crew_do(tls_context_crew(tls->search.context), take_step, tls);
}

const char *tls_problem(const struct tls *tls)
{
	return tls->problem[0] == '\0' ? NULL : tls->problem;
}

bool tls_lacks_secret(const struct tls *tls)
{
	return tls->lacks_secret;
}

/* ---- bytes ---- */

/* What a call of GnuTLS that has failed means for the caller: -1 with errno. */
static ssize_t fail_call(struct tls *tls, ssize_t result) REQUIRES(tls_guard)
{
	if (result == GNUTLS_E_AGAIN) {
		errno = EAGAIN;
	} else if (tls->read_error != 0) {
		errno = tls->read_error;
	} else if (result == GNUTLS_E_MEMORY_ERROR) {
		errno = ENOMEM;
	} else {
		if (tls->problem[0] == '\0')
			set_problem(tls, "breaks TLS: ", gnutls.strerror((int)result));
		errno = EPROTO;
	}
	return -1;
}

ssize_t tls_read(struct tls *tls, void *bytes, size_t size)
{
	enter(tls);
	ssize_t n;
	do
		n = gnutls.record_recv(tls->session, bytes, size);
	while (n == GNUTLS_E_INTERRUPTED);
	/* A kith node says bye: what ends without that has failed, with the end of TLS or without, or within a record.
	 */
	if (n < 0 && n != GNUTLS_E_AGAIN && tls->has_ended)
		n = 0;
	if (n > 0)
		tls->fruitless = 0;
	else if (n == GNUTLS_E_AGAIN && is_fruitless(tls))
		n = GNUTLS_E_PULL_ERROR;
	if (n < 0)
		n = fail_call(tls, n);
	leave(tls);
	return n;
}

size_t tls_taken(struct tls *tls, size_t *records)
{
	enter(tls);
	size_t unread = gnutls.record_check_pending(tls->session);
	size_t bytes = tls->taken > unread ? tls->taken - unread : 0;
	tls->taken -= bytes;
	*records = tls->records;
	tls->records = 0;
	leave(tls);
	return bytes;
}

/* Writes one record at the most. */
static ssize_t write_some(struct tls *tls, const void *bytes, size_t size) REQUIRES(tls_guard)
{
	int error = flush(tls);
	if (error == 0 && tls->owed == 0) {
		ssize_t n = gnutls.record_send(tls->session, bytes, size < RECORD_BYTES ? size : RECORD_BYTES);
		if (n < 0)
			return fail_call(tls, n);
		tls->owed = (size_t)n;
		error = flush(tls);
	}
	/* The caller got EAGAIN, could not keep its bytes for lack of memory, and has others now: the stream is broken.
	 */
	if (error == 0 && tls->owed > size)
		error = EPIPE;
	if (error != 0) {
		errno = error;
		return -1;
	}
	size_t written = tls->owed;
	tls->owed = 0;
	return (ssize_t)written;
}

ssize_t tls_write(struct tls *tls, const void *bytes, size_t size)
{
	enter(tls);
	ssize_t n = write_some(tls, bytes, size);
	leave(tls);
	return n;
}

bool tls_has_unread(struct tls *tls)
{
	enter(tls);
	bool has = gnutls.record_check_pending(tls->session) > 0;
	leave(tls);
	return has;
}

size_t tls_unsent(struct tls *tls)
{
	enter(tls);
	int error = flush(tls);
	size_t left = error == EAGAIN ? buffer_length(&tls->unsent) : 0;
	leave(tls);
	return left;
}

void tls_shut_writing(struct tls *tls)
{
	enter(tls);
	gnutls.bye(tls->session, GNUTLS_SHUT_WR);
	tls->shuts_writing = true;
	if (buffer_length(&tls->unsent) == 0)
		shutdown(tls->fd, SHUT_WR);
	leave(tls);
}
