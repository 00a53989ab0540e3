/*
 * Whoever is at the far end of a TLS connection, and whatever comes through it: nobody without the secret gets in, and
 * what is read is what a member wrote, from its beginning, in its order, and all of it where nothing was broken.
 *
 * The input's first byte says who speaks: its bit 0 which end dials, the others the kind of the far end, enum kind.
 * Then come steps of two bytes, what happens and a number N, in the order of enum step. Before each step both ends go
 * on with their handshake. Keys are new for each run, so that a flipped bit may do something else the next time.
 */
#include "fuzz.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/must.h"
#include "base/text.h"
#include "link/tls.h"
#include "unit/some_secrets.h"

enum kind {
	MEMBER,
	STRANGER,      /* has another secret */
	OLD_FASHIONED, /* has the secret and a TLS 1.2 */
	NOBODY,	       /* speaks no TLS but what junk there is in the input */
	KINDS,
};

enum step {
	FAR_WRITES,  /* 64 N + 1 bytes */
	FAR_PADS,    /* N bytes in one record, with 63 N + 1 of padding */
	FAR_KEYS,    /* new keys of its own; for an odd N it wants new ones of the node too */
	FAR_READS,   /* 64 N + 1 bytes at most */
	FAR_ALERTS,  /* alert N */
	FAR_ENDS,    /* its TLS */
	FAR_SHUTS,   /* its socket for writing */
	FLIP,	     /* a bit of byte N of what it sends next */
	DROP,	     /* byte N of what it sends next */
	JUNK,	     /* the next N bytes of the input are sent as they are */
	NODE_WRITES, /* 64 N + 1 bytes */
	NODE_READS,  /* 64 N + 1 bytes at most */
	NODE_SHUTS,  /* for writing */
	STEPS,
};

enum {
	MOST_BYTES = 64 * 256 + 1,
	SOCKET_BYTES = 8 * 1024,  /* small, so that the node has to keep what doesn't fit */
	FEW_KEYS = 7,		  /* GnuTLS takes so many new ones in a second */
	UNSENT_BYTES = 17 * 1024, /* a record, and what answers new keys */
	MOST_TURNS = 100000,
	STILL_TURNS = 64,
};

/* From one end to the other. */
struct way {
	size_t written; /* as the writer was told */
	size_t offered; /* the same, and what it was told to offer again */
	size_t received;
};

struct far {
	gnutls_session_t session; /* NULL for nobody */
	int fd;
	struct buffer unsent;
	size_t sent;	     /* bytes that the socket took */
	enum step tampering; /* FLIP, DROP, or STEPS for none */
	size_t tampered;     /* which byte, counted from the next */
	bool is_ready, has_failed, has_shut;
	unsigned keys;
};

struct run {
	struct far far;
	struct tls *tls;
	int fd;
	bool is_ready, has_failed, has_ended, has_shut;
	bool is_broken; /* by the input: not all that was written has to come */
	size_t taken;
	struct way to_node, to_far;
};

static struct tls_context *context;
static gnutls_psk_client_credentials_t far_client[KINDS];
static gnutls_psk_server_credentials_t far_server[KINDS];
static const char *const priorities[KINDS] = {
	[MEMBER] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+PSK",
	[STRANGER] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK",
	[OLD_FASHIONED] = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK:+PSK",
};
static struct secrets *far_secrets[KINDS];

/* ---- the bytes: each is told by its place ---- */

static char byte_at(size_t place)
{
	return (char)(place ^ place >> 8);
}

static void fill(char *bytes, size_t length, size_t place)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = byte_at(place + i);
}

static void check(const char *bytes, size_t length, const struct way *way)
{
	must(way->received + length <= way->offered);
	for (size_t i = 0; i < length; i++)
		must(bytes[i] == byte_at(way->received + i));
}

/* ---- the far end ---- */

static int key_of(gnutls_session_t session, const char *identity, gnutls_datum_t *key)
{
	const struct secrets *secrets = gnutls_session_get_ptr(session);
	(void)identity;
	key->data = gnutls_malloc(secrets->list[0].length);
	must(key->data != NULL);
	memcpy(key->data, secrets->list[0].bytes, secrets->list[0].length);
	key->size = (unsigned)secrets->list[0].length;
	return 0;
}

/* Never refuses anything, as the node's own. */
static ssize_t push(gnutls_transport_ptr_t transport, const void *bytes, size_t size)
{
	struct far *far = transport;
	must(buffer_append(&far->unsent, bytes, size));
	return (ssize_t)size;
}

static ssize_t pull(gnutls_transport_ptr_t transport, void *bytes, size_t size)
{
	struct far *far = transport;
	ssize_t n = recv(far->fd, bytes, size, MSG_DONTWAIT);
	if (n < 0)
		gnutls_transport_set_errno(far->session, errno);
	return n;
}

/* What the socket takes. */
static void far_flush(struct far *far)
{
	ssize_t n;
	while (buffer_length(&far->unsent) > 0 &&
	       (n = send(far->fd, buffer_content(&far->unsent), buffer_length(&far->unsent),
			 MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) {
		buffer_consume(&far->unsent, (size_t)n);
		far->sent += (size_t)n;
	}
	if (far->has_shut && buffer_length(&far->unsent) == 0)
		shutdown(far->fd, SHUT_WR);
}

static void far_init(struct far *far, enum kind kind, enum tls_role role, int fd)
{
	far->fd = fd;
	if (kind == NOBODY)
		return;
	unsigned flags = role == TLS_CLIENT ? GNUTLS_CLIENT : GNUTLS_SERVER;
	must(gnutls_init(&far->session, flags | GNUTLS_NONBLOCK) == 0);
	must(gnutls_priority_set_direct(far->session, priorities[kind], NULL) == 0);
	must(gnutls_credentials_set(far->session, GNUTLS_CRD_PSK,
				    role == TLS_CLIENT ? (void *)far_client[kind] : (void *)far_server[kind]) == 0);
	gnutls_session_set_ptr(far->session, far_secrets[kind]);
	gnutls_transport_set_ptr(far->session, far);
	gnutls_transport_set_push_function(far->session, push);
	gnutls_transport_set_pull_function(far->session, pull);
}

static void far_fini(struct far *far)
{
	if (far->session != NULL)
		gnutls_deinit(far->session);
	buffer_fini(&far->unsent);
	close(far->fd);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	context = context_of(SOME_SECRET);
	for (enum kind kind = MEMBER; kind < NOBODY; kind++) {
		far_secrets[kind] = secrets_of(kind == STRANGER ? OTHER_SECRET : SOME_SECRET);
		const struct secret *secret = &far_secrets[kind]->list[0];
		gnutls_datum_t key = {.data = far_secrets[kind]->list[0].bytes, .size = (unsigned)secret->length};
		must(gnutls_psk_allocate_client_credentials(&far_client[kind]) == 0);
		must(gnutls_psk_set_client_credentials(far_client[kind], secret->identity, &key, GNUTLS_PSK_KEY_RAW) ==
		     0);
		must(gnutls_psk_allocate_server_credentials(&far_server[kind]) == 0);
		gnutls_psk_set_server_credentials_function(far_server[kind], key_of);
	}
	return 0;
}

/* What the far end has just put into its buffer, behind the first `from` bytes, is as the input wants it. */
static void tamper(struct run *run, size_t from)
{
	struct far *far = &run->far;
	size_t length = buffer_length(&far->unsent);
	if (far->tampering == STEPS || length <= from)
		return;
	if (far->tampered >= length - from) {
		far->tampered -= length - from;
		return;
	}
	char *byte = far->unsent.bytes + far->unsent.start + from + far->tampered;
	if (far->tampering == FLIP) {
		*(unsigned char *)byte ^= 1U << far->tampered % 8;
	} else {
		far->unsent.end--;
		memmove(byte, byte + 1, length - from - far->tampered - 1);
	}
	far->tampering = STEPS;
	run->is_broken = true;
}

static bool far_can_write(const struct run *run)
{
	return run->far.is_ready && !run->far.has_failed && !run->far.has_shut;
}

static void far_writes(struct run *run, size_t size, size_t padding)
{
	static char bytes[MOST_BYTES];
	struct far *far = &run->far;
	size_t before = buffer_length(&far->unsent);
	if (!far_can_write(run))
		return;
	fill(bytes, size, run->to_node.written);
	for (size_t done = 0; done < size || padding > 0;) {
		ssize_t n = padding > 0 ? gnutls_record_send2(far->session, bytes, size, padding, 0)
					: gnutls_record_send(far->session, bytes + done, size - done);
		if (n < 0)
			break;
		done += (size_t)n;
		run->to_node.written += (size_t)n;
		padding = 0;
	}
	run->to_node.offered = run->to_node.written;
	tamper(run, before);
}

/* True if something came. */
static bool far_reads(struct run *run, size_t size)
{
	static char bytes[MOST_BYTES];
	struct far *far = &run->far;
	if (far->session == NULL || far->has_failed)
		return recv(far->fd, bytes, size, MSG_DONTWAIT) > 0;
	if (!far->is_ready)
		return false;
	ssize_t n = gnutls_record_recv(far->session, bytes, size);
	if (n > 0) {
		check(bytes, (size_t)n, &run->to_far);
		run->to_far.received += (size_t)n;
	}
	far->has_failed |= n < 0 && gnutls_error_is_fatal((int)n);
	return n > 0;
}

static void far_acts(struct run *run, enum step step, size_t n)
{
	struct far *far = &run->far;
	size_t before = buffer_length(&far->unsent);
	if (!far_can_write(run))
		return;
	switch (step) {
	case FAR_KEYS:
		far->keys++;
		gnutls_session_key_update(far->session, n % 2 == 1 ? GNUTLS_KU_PEER : 0);
		break;
	case FAR_ALERTS:
		gnutls_alert_send(far->session, GNUTLS_AL_FATAL, (gnutls_alert_description_t)n);
		run->is_broken = true;
		break;
	default: /* FAR_ENDS */
		gnutls_bye(far->session, GNUTLS_SHUT_WR);
		far->has_shut = true;
	}
	tamper(run, before);
}

/* ---- the node ---- */

static void node_writes(struct run *run, size_t size)
{
	static char bytes[MOST_BYTES];
	struct way *way = &run->to_far;
	if (!run->is_ready || run->has_shut)
		return;
	/* What it was told to write again, and more. */
	size = size > way->offered - way->written ? size : way->offered - way->written;
	fill(bytes, size, way->written);
	ssize_t n = tls_write(run->tls, bytes, size);
	must(n != 0 && n <= (ssize_t)size);
	if (n > 0)
		way->written += (size_t)n;
	if (n > 0 || errno != EAGAIN)
		way->offered = way->written;
	else if (way->offered - way->written < size)
		way->offered = way->written + size;
}

/* True if something came. */
static bool node_reads(struct run *run, size_t size)
{
	static char bytes[MOST_BYTES];
	size_t records;
	if (!run->is_ready || run->has_failed || run->has_ended)
		return false;
	bool has_unread = tls_has_unread(run->tls);
	ssize_t n = tls_read(run->tls, bytes, size);
	int error = n < 0 ? errno : 0;
	must(n <= (ssize_t)size);
	must(!has_unread || n > 0);
	if (n > 0) {
		check(bytes, (size_t)n, &run->to_node);
		run->to_node.received += (size_t)n;
	}
	run->taken += tls_taken(run->tls, &records);
	must(records <= run->taken + 1);
	run->has_ended = n == 0;
	run->has_failed = n < 0 && error != EAGAIN;
	must(error != EPROTO || tls_problem(run->tls) != NULL);
	return n > 0;
}

static void shake_hands(struct run *run)
{
	struct far *far = &run->far;
	far_flush(far);
	if (!run->is_ready && !run->has_failed) {
		int error = tls_handshake(run->tls);
		const char *problem = tls_problem(run->tls);
		run->is_ready = error == 0;
		run->has_failed = error != 0 && error != EAGAIN;
		must((error == EPROTO) == (problem != NULL));
		must(problem == NULL || text_is_plain(problem, strlen(problem)));
	}
	if (far->session != NULL && !far->is_ready && !far->has_failed) {
		size_t before = buffer_length(&far->unsent);
		int result = gnutls_handshake(far->session);
		far->is_ready = result == 0;
		far->has_failed = result != 0 && gnutls_error_is_fatal(result);
		tamper(run, before);
		far_flush(far);
	}
}

/* ---- an input ---- */

static void init(struct run *run, uint8_t first, enum kind *kind)
{
	int ends[2], size = SOCKET_BYTES;
	enum tls_role role = first % 2 == 0 ? TLS_SERVER : TLS_CLIENT;
	*kind = (enum kind)(first / 2 % KINDS);
	*run = (struct run){.far = {.tampering = STEPS}};
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	for (int i = 0; i < 2; i++)
		must(setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
	run->fd = ends[0];
	run->tls = tls_new(context, run->fd, role);
	must(run->tls != NULL);
	far_init(&run->far, *kind, role == TLS_SERVER ? TLS_CLIENT : TLS_SERVER, ends[1]);
}

/* So many bytes of the input as they are. */
static void send_junk(struct run *run, const uint8_t *bytes, size_t length)
{
	if (length == 0 || run->far.has_shut)
		return;
	must(buffer_append(&run->far.unsent, (const char *)bytes, length));
	run->is_broken = true;
}

/* How many bytes of the input it has used beside its own two. */
static size_t take_step(struct run *run, enum step step, size_t n, const uint8_t *rest, size_t left)
{
	switch (step) {
	case FAR_WRITES:
		far_writes(run, 64 * n + 1, 0);
		break;
	case FAR_PADS:
		far_writes(run, n, 63 * n + 1);
		break;
	case FAR_KEYS:
	case FAR_ALERTS:
	case FAR_ENDS:
		far_acts(run, step, n);
		break;
	case FAR_READS:
		far_reads(run, 64 * n + 1);
		break;
	case FAR_SHUTS:
		run->is_broken |= !run->far.is_ready;
		run->far.has_shut = true;
		break;
	case FLIP:
	case DROP:
		run->far.tampering = step;
		run->far.tampered = n;
		break;
	case JUNK:
		n = n < left ? n : left;
		send_junk(run, rest, n);
		return n;
	case NODE_WRITES:
		node_writes(run, 64 * n + 1);
		break;
	case NODE_READS:
		node_reads(run, 64 * n + 1);
		break;
	default: /* NODE_SHUTS */
		if (run->is_ready && !run->has_shut)
			tls_shut_writing(run->tls);
		run->has_shut |= run->is_ready;
	}
	return 0;
}

/* Until nothing has moved for some turns: what one end has taken of a record shows in none of the counts. */
static void come_to_rest(struct run *run)
{
	unsigned still = 0;
	for (unsigned turn = 0; still < STILL_TURNS; turn++) {
		must(turn < MOST_TURNS);
		shake_hands(run);
		bool moves = node_reads(run, MOST_BYTES);
		moves |= far_reads(run, MOST_BYTES);
		size_t left = run->is_ready ? tls_unsent(run->tls) : 0;
		must(left <= UNSENT_BYTES);
		moves |= left > 0 && !run->far.has_failed;
		if (run->to_far.offered > run->to_far.written)
			node_writes(run, 0);
		still = moves ? 0 : still + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct run run;
	enum kind kind;
	if (length == 0)
		return 0;
	init(&run, bytes[0], &kind);
	for (size_t at = 1; at + 1 < length; at += 2) {
		shake_hands(&run);
		at += take_step(&run, bytes[at] % STEPS, bytes[at + 1], bytes + at + 2, length - at - 2);
	}
	come_to_rest(&run);

	must(kind == MEMBER || !run.is_ready);
	must(run.taken <= run.far.sent);
	if (kind == MEMBER && !run.is_broken && run.far.keys <= FEW_KEYS) {
		must(run.is_ready && !run.has_failed);
		must(run.to_node.received == run.to_node.written);
		must(run.to_far.received >= run.to_far.written);
		must(run.to_far.written == run.to_far.offered || run.has_shut);
	}
	tls_free(run.tls);
	close(run.fd);
	far_fini(&run.far);
	return 0;
}
