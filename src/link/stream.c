#include "link/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/sync.h"
#include "link/path.h"
#include "link/tls.h"

/*
 * fd and wakeup are set once, by the thread that connects, and read by those that shut: each side writes its own word
 * (the descriptor, is_shut) before it reads the other's, so at least one of them sees both.
 */
struct stream {
	atomic_int fd;
	atomic_bool is_shut;
	atomic_bool has_wakeup;
	struct wakeup wakeup;
	/* Immutable. */
	struct tls_context *context; /* NULL for a plain one */
	enum tls_role role;
	/* The reader's. */
	int64_t receive_timeout_us; /* what the socket was told; 0 for none */
	bool has_read;		    /* something has come */
	bool is_hindered;
	bool trims_stack;    /* before the next wait */
	size_t taken;	     /* as stream_taken counts, of a plain one */
	const char *problem; /* of a plain one */
	struct tls *tls;     /* others use it once it is_secure */
	/* Atomic: the handshake is done. */
	atomic_bool is_secure;
};

static struct stream *new_stream(int fd, struct tls_context *context, enum tls_role role)
{
	struct stream *stream = calloc(1, sizeof *stream);
	if (stream == NULL)
		return NULL;
	atomic_init(&stream->fd, fd);
	stream->context = context;
	stream->role = role;
	return stream;
}

struct stream *stream_new(struct tls_context *context)
{
	return new_stream(-1, context, TLS_CLIENT);
}

struct stream *stream_from_socket(int fd, struct tls_context *context)
{
	return new_stream(fd, context, TLS_SERVER);
}

/* How long the kernel tries to deliver the last bytes of a closed connection (tcp(7), TCP_USER_TIMEOUT). */
enum { ORPHAN_MS = 2000 };

void stream_free(struct stream *stream)
{
	if (stream == NULL)
		return;
	int fd = atomic_load(&stream->fd), orphan_ms = ORPHAN_MS;
	tls_free(stream->tls);
	if (fd >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &orphan_ms, sizeof orphan_ms);
		close(fd);
	}
	if (atomic_load(&stream->has_wakeup))
		wakeup_fini(&stream->wakeup);
	free(stream);
}

struct resolver_answer stream_lookup(struct stream *stream, const char *host, uint16_t port, int64_t deadline_us)
{
	if (!atomic_load(&stream->has_wakeup)) {
		if (wakeup_init(&stream->wakeup) != 0)
			return (struct resolver_answer){.problem = "out of descriptors", .is_unanswered = true};
		atomic_store(&stream->has_wakeup, true);
	}
	if (atomic_load(&stream->is_shut))
		return (struct resolver_answer){.problem = "stopped", .is_unanswered = true};
	return resolver_lookup(host, port, stream->wakeup.fd, deadline_us);
}

/* 0 when one of the events is there, or an errno. */
static int wait_for(int fd, short events, int64_t deadline_us)
{
	struct pollfd ready = {.fd = fd, .events = events};
	for (;;) {
		int64_t left_us = deadline_us == FOREVER_US ? 0 : deadline_us - clock_now_us();
		struct timespec timeout = {.tv_sec = left_us > 0 ? (time_t)(left_us / 1000000) : 0,
					   .tv_nsec = left_us > 0 ? (long)(left_us % 1000000 * 1000) : 0};
		int n = ppoll(&ready, 1, deadline_us == FOREVER_US ? NULL : &timeout, NULL);
		if (n > 0)
			return 0;
		if (n == 0)
			return ETIMEDOUT;
		if (errno != EINTR)
			return errno;
	}
}

static int bind_to_host(int fd, const struct address *from)
{
	struct address any_port = *from;
	struct sockaddr_storage local;
	int on = 1;
	any_port.port = 0;
	socklen_t length = address_to_socket(&any_port, &local);
	/* The port is chosen at connect, when the far end is known: ports are then scarce per far end only. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	return bind(fd, (struct sockaddr *)&local, length) == 0 ? 0 : errno;
}

static int finish_connect(int fd, int64_t deadline_us)
{
	int error = wait_for(fd, POLLOUT, deadline_us);
	socklen_t length = sizeof error;
	if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	return error;
}

int stream_connect(struct stream *stream, const struct address *to, const struct address *from, int64_t deadline_us)
{
	struct sockaddr_storage remote;
	socklen_t length = address_to_socket(to, &remote);
	int fd = socket(remote.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0) {
		stream->is_hindered = true;
		return errno;
	}
	stream_set_options(fd);
	atomic_store(&stream->fd, fd);
	if (address_is_known(from))
		error = bind_to_host(fd, from);
	if (error == 0 && connect(fd, (struct sockaddr *)&remote, length) != 0)
		error = errno;
	/* What others answer comes later, except over loopback. Later errors may be the word of a stranger (ICMP). */
	stream->is_hindered = error != 0 && error != EINPROGRESS && error != ECONNREFUSED;
	if (atomic_load(&stream->is_shut))
		return ECANCELED;
	if (error == EINPROGRESS)
		error = finish_connect(fd, deadline_us);
	if (atomic_load(&stream->is_shut))
		return ECANCELED;
	if (error == 0 && fcntl(fd, F_SETFL, 0) != 0)
		error = errno;
	/*
	 * A dial to a port of this machine where nobody listens can get that very port as its own, and then TCP's
	 * simultaneous open connects the socket to itself (RFC 9293, 3.5). Nobody listens there.
	 */
	struct address local = stream_local_address(stream);
	return error == 0 && address_equals(&local, to) ? ECONNREFUSED : error;
}

bool stream_is_hindered(const struct stream *stream)
{
	return stream->is_hindered;
}

struct address stream_local_address(const struct stream *stream)
{
	struct sockaddr_storage local;
	socklen_t length = sizeof local;
	struct address address = {0};
	if (getsockname(atomic_load(&stream->fd), (struct sockaddr *)&local, &length) == 0)
		address_from_socket(&local, &address);
	return address;
}

/* ---- the handshake ---- */

int stream_handshake(struct stream *stream, int64_t deadline_us)
{
	int fd = atomic_load(&stream->fd), error;
	if (stream->context == NULL)
		return 0;
	stream->tls = tls_new(stream->context, fd, stream->role);
	if (stream->tls == NULL)
		return ENOMEM;
	while ((error = tls_handshake(stream->tls)) == EAGAIN && !atomic_load(&stream->is_shut)) {
		short events = tls_unsent(stream->tls) > 0 ? POLLIN | POLLOUT : POLLIN;
		/* The far end may send forever. */
		error = clock_now_us() < deadline_us ? wait_for(fd, events, deadline_us) : ETIMEDOUT;
		if (error != 0)
			break;
	}
	if (error == 0)
		atomic_store(&stream->is_secure, true);
	return atomic_load(&stream->is_shut) ? ECANCELED : error;
}

/* NULL for a plain one, and before the handshake is done. */
static struct tls *secure(const struct stream *stream)
{
	return atomic_load(&stream->is_secure) ? stream->tls : NULL;
}

const char *stream_problem(const struct stream *stream)
{
	return stream->tls != NULL ? tls_problem(stream->tls) : stream->problem;
}

bool stream_lacks_secret(const struct stream *stream)
{
	return stream->tls != NULL && tls_lacks_secret(stream->tls);
}

void stream_linger(struct stream *stream, int64_t deadline_us)
{
	enum { DROPPED_BYTES = 256 * 1024 };
	int fd = atomic_load(&stream->fd);
	char bytes[1024];
	size_t dropped = 0;
	shutdown(fd, SHUT_WR);
	while (dropped < DROPPED_BYTES && clock_now_us() < deadline_us && wait_for(fd, POLLIN, deadline_us) == 0) {
		ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n <= 0)
			return;
		dropped += (size_t)n;
	}
}

/* ---- reading ---- */

/*
 * Lets the socket itself wait, for left_us or a little longer; 0 means forever. Waiting in ppoll(2) costs one more
 * system call for each read: the median round trip of one ping at a time is 1.13 instead of 1.03 times sockperf's (make
 * bench BENCH=rtt1x1).
 */
static bool set_receive_timeout(struct stream *stream, int64_t left_us)
{
	struct timeval timeout = {.tv_sec = (time_t)(left_us / 1000000), .tv_usec = (suseconds_t)(left_us % 1000000)};
	stream->receive_timeout_us = left_us;
	return setsockopt(atomic_load(&stream->fd), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0;
}

/*
 * Is the time-out of the socket near enough to left_us? If it is somewhat too short, the reader waits a second time,
 * which is rare; if it is much too short, the reader wakes up for nothing.
 */
static bool is_patient_enough(const struct stream *stream, int64_t left_us)
{
	enum { LATE_US = 10 * 1000 };
	int64_t timeout_us = stream->receive_timeout_us;
	return timeout_us > 0 && timeout_us >= left_us / 2 && timeout_us <= left_us + LATE_US;
}

void stream_trim_stack(struct stream *stream)
{
	stream->trims_stack = true;
}

static void trim_stack(struct stream *stream)
{
	if (stream->trims_stack)
		thread_trim_stack();
	stream->trims_stack = false;
}

static ssize_t read_plain(struct stream *stream, char *bytes, size_t size, int64_t deadline_us)
{
	bool has_waited = false;
	trim_stack(stream);
	for (;;) {
		int64_t left_us = deadline_us == FOREVER_US ? 0 : deadline_us - clock_now_us();
		bool is_late = left_us <= 0 && deadline_us != FOREVER_US;
		/* A time-out left from an earlier read costs one more wait; removing it each time costs a call. */
		bool is_set = deadline_us == FOREVER_US ? !has_waited || stream->receive_timeout_us == 0
							: !has_waited && is_patient_enough(stream, left_us);
		if (!is_late && !is_set && !set_receive_timeout(stream, left_us))
			return -1;
		ssize_t n = recv(atomic_load(&stream->fd), bytes, size, is_late ? MSG_DONTWAIT : 0);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return n;
		has_waited = true;
		if (is_late) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

/* No text begins with the type of a record of TLS: 22 for a handshake, 21 for an alert. */
static bool begins_like_tls(const char *bytes)
{
	return bytes[0] == 22 || bytes[0] == 21;
}

/* For a private stream: no byte is read or written before the handshake is done. */
static ssize_t refuse(void)
{
	errno = ENOTCONN;
	return -1;
}

static ssize_t read_secure(struct stream *stream, char *bytes, size_t size, int64_t deadline_us)
{
	struct tls *tls = secure(stream);
	if (tls == NULL)
		return refuse();
	for (;;) {
		ssize_t n = tls_read(tls, bytes, size);
		if (n >= 0 || errno != EAGAIN)
			return n;
		/* TLS records may come forever without a byte of the far end's. */
		bool is_late = deadline_us != FOREVER_US && clock_now_us() >= deadline_us;
		/* A thread that has more to write waits for that itself, but nobody waits to send the end of TLS. */
		short events = tls_unsent(tls) > 0 ? POLLIN | POLLOUT : POLLIN;
		trim_stack(stream);
		int error = is_late ? ETIMEDOUT : wait_for(atomic_load(&stream->fd), events, deadline_us);
		if (error != 0) {
			errno = error;
			return -1;
		}
	}
}

ssize_t stream_read(struct stream *stream, char *bytes, size_t size, int64_t deadline_us)
{
	if (stream->context != NULL)
		return read_secure(stream, bytes, size, deadline_us);
	ssize_t n = read_plain(stream, bytes, size, deadline_us);
	stream->taken += n > 0 ? (size_t)n : 0;
	if (n > 0 && !stream->has_read) {
		stream->has_read = true;
		if (begins_like_tls(bytes)) {
			stream->problem = "speaks TLS, this node has no secret_file";
			errno = EPROTO;
			return -1;
		}
	}
	return n;
}

size_t stream_taken(struct stream *stream, size_t *records)
{
	struct tls *tls = secure(stream);
	if (tls != NULL)
		return tls_taken(tls, records);
	size_t bytes = stream->taken;
	stream->taken = 0;
	*records = 0;
	return bytes;
}

bool stream_wait_gone(const struct stream *stream, int64_t until_us)
{
	return wait_for(atomic_load(&stream->fd), POLLRDHUP, until_us) == 0;
}

void stream_wait_closed(const struct stream *stream, int64_t until_us)
{
	wait_for(atomic_load(&stream->fd), 0, until_us);
}

size_t stream_unread_bytes(const struct stream *stream)
{
	int bytes = 0;
	return ioctl(atomic_load(&stream->fd), FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

bool stream_has_unread(const struct stream *stream)
{
	struct pollfd ready = {.fd = atomic_load(&stream->fd), .events = POLLIN};
	struct tls *tls = secure(stream);
	return poll(&ready, 1, 0) > 0 || (tls != NULL && tls_has_unread(tls));
}

/* ---- writing ---- */

/* Writes without waiting: the count, or -1 with errno. */
static ssize_t write_some(struct stream *stream, const char *bytes, size_t size)
{
	if (stream->context == NULL)
		return send(atomic_load(&stream->fd), bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	struct tls *tls = secure(stream);
	return tls == NULL ? refuse() : tls_write(tls, bytes, size);
}

ssize_t stream_write(struct stream *stream, const char *bytes, size_t size, int64_t deadline_us)
{
	int fd = atomic_load(&stream->fd);
	for (;;) {
		ssize_t n = write_some(stream, bytes, size);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR) || deadline_us == 0)
			return n;
		int error = wait_for(fd, POLLOUT, deadline_us);
		if (error != 0) {
			errno = error;
			return -1;
		}
	}
}

void stream_shut_writing(struct stream *stream)
{
	struct tls *tls = secure(stream);
	if (tls != NULL)
		tls_shut_writing(tls);
	else
		shutdown(atomic_load(&stream->fd), SHUT_WR);
}

void stream_shut_reading(struct stream *stream)
{
	shutdown(atomic_load(&stream->fd), SHUT_RD);
}

void stream_shut(struct stream *stream)
{
	if (atomic_exchange(&stream->is_shut, true))
		return;
	int fd = atomic_load(&stream->fd);
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	if (atomic_load(&stream->has_wakeup))
		wakeup_ring(&stream->wakeup);
}

void stream_abort(struct stream *stream)
{
	struct linger at_once = {.l_onoff = 1};
	int fd = atomic_load(&stream->fd);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	stream_shut(stream);
}

/* Bytes written but not acknowledged by the far end; 0 if the connection is gone. */
static int unacknowledged_bytes(const struct stream *stream)
{
	int fd = atomic_load(&stream->fd), bytes = 0;
	struct tcp_info info;
	socklen_t length = sizeof info;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || info.tcpi_state == TCP_CLOSE)
		return 0;
	return ioctl(fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

void stream_drain(struct stream *stream, int64_t deadline_us)
{
	enum { LITTLE_BYTES = 4 * 1024, LOOK_MS = 10 };
	struct tls *tls = secure(stream);
	/* No event tells that bytes were acknowledged. */
	while (!atomic_load(&stream->is_shut) &&
	       ((tls != NULL && tls_unsent(tls) > 0) || unacknowledged_bytes(stream) > LITTLE_BYTES)) {
		if (clock_now_us() >= deadline_us) {
			stream_abort(stream);
			return;
		}
		poll(NULL, 0, LOOK_MS);
	}
}

bool stream_loses_large(const struct stream *stream)
{
	struct path path;
	return path_look(atomic_load(&stream->fd), &path) && path_loses_large(&path);
}

bool stream_gets_no_acks(const struct stream *stream, int64_t for_us)
{
	struct tcp_info info;
	socklen_t length = sizeof info;
	return getsockopt(atomic_load(&stream->fd), IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
	       info.tcpi_unacked > 0 && info.tcpi_retransmits >= STREAM_RETRANSMISSIONS &&
	       info.tcpi_last_ack_recv >= for_us / 1000;
}

int64_t stream_rtt_us(const struct stream *stream)
{
	struct tcp_info info;
	socklen_t length = sizeof info;
	bool is_known = getsockopt(atomic_load(&stream->fd), IPPROTO_TCP, TCP_INFO, &info, &length) == 0;
	return is_known ? (int64_t)info.tcpi_rtt : 0;
}
