#include "node/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sync.h"
#include "base/text.h"
#include "link/stream.h"

/* The pause after an accept that failed for lack of descriptors. */
enum { PAUSE_MS = 100 };

enum { REFUSAL_BYTES = 192 };

/* Why a connection is refused: a line a minute for each. */
enum refusal {
	REFUSED_NOT,
	REFUSED_DENIED,
	REFUSED_BANNED,
	REFUSED_CONNECTIONS,
	REFUSED_ADDRESS,
	REFUSED_GROUP,
	REFUSALS,
};

struct acceptor {
	/* Immutable after acceptor_start. */
	const struct worker_parts *parts;
	struct address *addresses;
	struct pollfd *fds; /* the wakeup, then a socket for each address */
	size_t count;
	struct thread thread;
	struct wakeup wakeup;
	bool has_wakeup;
	/* The acceptor thread's alone. */
	int spare_fd; /* closed when descriptors run out, so that a connection can be accepted and refused */
	struct log_limit want_limit, limits[REFUSALS];
};

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int listen_on(const struct address *address)
{
	struct sockaddr_storage socket_address;
	socklen_t length = address_to_socket(address, &socket_address);
	int on = 1;
	int fd = socket(socket_address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* A restart must not wait until the kernel has forgotten the connections of the last run. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	stream_set_options(fd);
	/* So that a node can listen on both 0.0.0.0 and [::]. */
	if (address->family == ADDRESS_IPV6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&socket_address, length) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static struct address bound_address(int fd, const struct address *asked)
{
	struct sockaddr_storage local;
	socklen_t length = sizeof local;
	struct address address = *asked;
	if (getsockname(fd, (struct sockaddr *)&local, &length) == 0)
		address_from_socket(&local, &address);
	return address;
}

/* Says why this machine does not let us listen there, and what to do about it. */
static bool explain_listen(struct problem *problem, const struct address *address, int error)
{
	enum { FIRST_FREE_PORT = 1024 };
	char text[ADDRESS_TEXT_BYTES];
	unsigned port = address->port;
	address_format(address, text);
	if (error == EADDRINUSE)
		return problem_set(
			problem,
			"cannot listen on %s: Address already in use, perhaps by another kithd: choose another "
			"port with -l, or find it with: ss -ltnp 'sport = :%u'",
			text, port);
	if (error == EADDRNOTAVAIL)
		return problem_set(
			problem, "cannot listen on %s: no such address on this machine: choose one that ip addr shows",
			text);
	if (error == EACCES && port != 0 && port < FIRST_FREE_PORT)
		return problem_set(problem, "cannot listen on %s: ports below 1024 need root or CAP_NET_BIND_SERVICE",
				   text);
	return problem_set(problem, "cannot listen on %s: %s", text, strerror(error));
}

/* False with a problem. */
static bool open_sockets(struct acceptor *acceptor, const struct settings *settings, struct problem *problem)
{
	for (size_t i = 0; i < settings->listen_count; i++) {
		int fd = listen_on(&settings->listen[i]);
		if (fd < 0)
			return explain_listen(problem, &settings->listen[i], errno);
		acceptor->addresses[i] = bound_address(fd, &settings->listen[i]);
		acceptor->fds[++acceptor->count] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	return true;
}

static struct acceptor *acceptor_new(size_t most)
{
	struct acceptor *acceptor = calloc(1, sizeof *acceptor);
	if (acceptor == NULL)
		return NULL;
	acceptor->spare_fd = open_spare();
	acceptor->addresses = calloc(most + 1, sizeof *acceptor->addresses);
	acceptor->fds = calloc(most + 1, sizeof *acceptor->fds);
	if (acceptor->addresses != NULL && acceptor->fds != NULL)
		return acceptor;
	acceptor_close(acceptor);
	return NULL;
}

struct acceptor *acceptor_open(const struct settings *settings, struct problem *problem)
{
	struct acceptor *acceptor = acceptor_new(settings->listen_count);
	int error = acceptor == NULL ? ENOMEM : wakeup_init(&acceptor->wakeup);
	bool opened = false;
	if (error == 0) {
		acceptor->has_wakeup = true;
		acceptor->fds[0] = (struct pollfd){.fd = acceptor->wakeup.fd, .events = POLLIN};
		opened = open_sockets(acceptor, settings, problem);
	} else {
		problem_set(problem, "cannot start: %s", strerror(error));
	}
	if (opened)
		return acceptor;
	acceptor_close(acceptor);
	return NULL;
}

const struct address *acceptor_addresses(const struct acceptor *acceptor, size_t *count)
{
	*count = acceptor->count;
	return acceptor->addresses;
}

static void close_sockets(struct acceptor *acceptor)
{
	for (size_t i = 1; i <= acceptor->count; i++) {
		if (acceptor->fds[i].fd >= 0)
			close(acceptor->fds[i].fd);
		acceptor->fds[i].fd = -1;
	}
}

void acceptor_close(struct acceptor *acceptor)
{
	if (acceptor == NULL)
		return;
	close_sockets(acceptor);
	if (acceptor->has_wakeup)
		wakeup_fini(&acceptor->wakeup);
	if (acceptor->spare_fd >= 0)
		close(acceptor->spare_fd);
	free(acceptor->addresses);
	free(acceptor->fds);
	free(acceptor);
}

/* This machine lacks something, which the operator must see to. */
static void log_want(struct acceptor *acceptor, const char *of)
{
	unsigned suppressed;
	if (log_limit_passes(&acceptor->want_limit, &suppressed))
		log_error("refused a connection: %s (%u more since the last such line)", of, suppressed);
}

/* Why a connection from there is refused, and what to do about it if that is wrong. */
static void explain(const struct settings *settings, enum refusal refusal, const struct address *from,
		    char out[static REFUSAL_BYTES])
{
	static const char raise[] = "raise it if these are your nodes";
	struct address_block group = {.base = address_subnet(from),
				      .prefix_bits = from->family == ADDRESS_IPV4 ? 24 : 56};
	char block[ADDRESS_BLOCK_TEXT_BYTES], duration[TEXT_DURATION_BYTES];
	switch (refusal) {
	case REFUSED_DENIED:
		snprintf(out, REFUSAL_BYTES, "allow and deny exclude it");
		break;
	case REFUSED_BANNED:
		text_duration(settings->ban_time_us, duration);
		snprintf(out, REFUSAL_BYTES, "its host broke the protocol again and again, and is banned for %s",
			 duration);
		break;
	case REFUSED_CONNECTIONS:
		snprintf(out, REFUSAL_BYTES, "all connections are in use (max_connections = %lld); %s",
			 (long long)settings->max_connections, raise);
		break;
	case REFUSED_ADDRESS:
		snprintf(out, REFUSAL_BYTES, "%lld connections from its host already (max_per_address = %lld); %s",
			 (long long)settings->max_per_address, (long long)settings->max_per_address, raise);
		break;
	default:
		address_block_format(&group, block);
		snprintf(out, REFUSAL_BYTES, "%lld connections from %s already (max_per_group = %lld); %s",
			 (long long)settings->max_per_group, block, (long long)settings->max_per_group, raise);
	}
}

static enum refusal judge(struct acceptor *acceptor, const struct address *from, struct peer **goes)
{
	static const enum refusal by_limit[] = {[REGISTRY_NO_LIMIT] = REFUSED_NOT,
						[REGISTRY_MAX_CONNECTIONS] = REFUSED_CONNECTIONS,
						[REGISTRY_MAX_PER_ADDRESS] = REFUSED_ADDRESS,
						[REGISTRY_MAX_PER_GROUP] = REFUSED_GROUP};
	const struct worker_parts *parts = acceptor->parts;
	*goes = NULL;
	if (!access_allows(parts->common.access, from))
		return REFUSED_DENIED;
	if (access_is_banned(parts->common.access, from, clock_now_us()))
		return REFUSED_BANNED;
	return by_limit[registry_admit(parts->common.registry, from, goes)];
}

/* May this one come in? What has to give way is cut. */
static bool admit(struct acceptor *acceptor, const struct address *from)
{
	struct peer *goes;
	unsigned suppressed;
	char text[ADDRESS_TEXT_BYTES], reason[REFUSAL_BYTES];
	enum refusal refusal = judge(acceptor, from, &goes);
	if (goes != NULL) {
		peer_cut(goes, "it made room for another connection");
		peer_release(goes);
	}
	if (refusal == REFUSED_NOT)
		return true;
	if (log_limit_passes(&acceptor->limits[refusal], &suppressed)) {
		address_format(from, text);
		explain(acceptor->parts->common.settings, refusal, from, reason);
		log_warning("refused %s: %s (%u more since the last such line)", text, reason, suppressed);
	}
	return false;
}

/* Takes the socket. */
static void receive(struct acceptor *acceptor, int fd, const struct sockaddr_storage *from)
{
	const struct worker_parts *parts = acceptor->parts;
	struct dial dial = {0};
	if (!address_from_socket(from, &dial.address) || !admit(acceptor, &dial.address)) {
		close(fd);
		return;
	}
	struct stream *stream = stream_from_socket(fd, parts->context);
	struct peer *peer =
		stream == NULL ? NULL : peer_new(PEER_INBOUND, stream, &dial, parts->common.settings, clock_now_us());
	int error = peer == NULL ? ENOMEM : worker_start(parts, peer);
	if (stream == NULL)
		close(fd);
	else if (peer == NULL)
		stream_free(stream);
	else
		peer_release(peer);
	if (error != 0)
		log_want(acceptor, strerror(error));
}

/* Without this, a connection that finds no descriptor would stay in the queue, and poll would report it for ever. */
static void refuse_one(struct acceptor *acceptor, int listening_fd)
{
	if (acceptor->spare_fd < 0)
		acceptor->spare_fd = open_spare();
	if (acceptor->spare_fd < 0) {
		poll(&acceptor->fds[0], 1, PAUSE_MS);
		return;
	}
	close(acceptor->spare_fd);
	int fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	else
		poll(&acceptor->fds[0], 1, PAUSE_MS);
	acceptor->spare_fd = open_spare();
}

static void accept_one(struct acceptor *acceptor, int listening_fd)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof from;
	int fd = accept4(listening_fd, (struct sockaddr *)&from, &length, SOCK_CLOEXEC);
	if (fd >= 0) {
		receive(acceptor, fd, &from);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		log_want(acceptor, strerror(errno));
		refuse_one(acceptor, listening_fd);
	}
}

static void *accept_all(void *argument)
{
	struct acceptor *acceptor = argument;
	while (acceptor->fds[0].revents == 0) {
		poll(acceptor->fds, acceptor->count + 1, -1);
		for (size_t i = 1; i <= acceptor->count; i++)
			if (acceptor->fds[i].revents != 0)
				accept_one(acceptor, acceptor->fds[i].fd);
	}
	return NULL;
}

int acceptor_start(struct acceptor *acceptor, const struct worker_parts *parts)
{
	acceptor->parts = parts;
	return thread_start(&acceptor->thread, accept_all, acceptor);
}

void acceptor_stop(struct acceptor *acceptor)
{
	wakeup_ring(&acceptor->wakeup);
	thread_join(acceptor->thread);
	/* From now on the kernel refuses connections, instead of keeping them until the last peer has gone. */
	close_sockets(acceptor);
}
