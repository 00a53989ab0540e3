#include "node/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/progress.h"
#include "base/sync.h"
#include "link/stream.h"
#include "node/listener_priv.h"
#include "node/refuser_priv.h"

/* The pause after an accept that failed for lack of descriptors. */
enum { PAUSE_MS = 100 };

struct acceptor {
	/* Immutable after acceptor_start. */
	const struct worker_parts *parts;
	size_t count; /* of listeners */
	struct thread thread;
	struct wakeup wakeup; /* rung for a stop, and for a sign of progress */
	bool has_wakeup;
	/* The acceptor thread's alone, once it is started. */
	struct listener *listeners;
	struct pollfd *fds; /* the wakeup, then a socket for each listener */
	int spare_fd;	    /* closed when descriptors run out, so that a connection can be accepted and refused */
	struct refuser refuser;
	struct log_limit want_limit, broken_limit, retry_limit;
	/* Of any thread. */
	struct listening listening; /* the listeners that have been bound */
	struct progress progress;
	atomic_bool is_stopping;
};

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Without a list in the settings, IPv6 is listened on if this machine has it. */
static bool can_do_without(const struct settings *settings, size_t i, int error)
{
	return settings->texts->where[SETTING_LISTEN] == NULL && i > 0 &&
	       (error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}

/* Is it one that this machine doesn't have yet, as when its network comes late at boot? */
static bool may_come_later(const struct settings *settings, int error)
{
	bool has_other_uses = settings->listen_count > 1 || settings->texts->bootstrap_count > 0;
	bool is_chosen = settings->texts->where[SETTING_LISTEN_RETRY] != NULL;
	return error == EADDRNOTAVAIL && settings->listen_retry && (is_chosen || has_other_uses);
}

/* 0, or an errno. */
static int open_listener(struct acceptor *acceptor, size_t i)
{
	struct listener *listener = &acceptor->listeners[i];
	int error = listener_open(listener, clock_now_us());
	acceptor->fds[i + 1] = (struct pollfd){.fd = listener->fd, .events = POLLIN};
	return error;
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
		return problem_set(problem,
				   "cannot listen on %s: no such address on this machine: choose one that ip addr "
				   "shows, or set listen_retry = true if it comes later",
				   text);
	if (error == EACCES && port != 0 && port < FIRST_FREE_PORT)
		return problem_set(problem, "cannot listen on %s: ports below 1024 need root or CAP_NET_BIND_SERVICE",
				   text);
	return problem_set(problem, "cannot listen on %s: %s", text, strerror(error));
}

/* Where the port is for the system to choose: the one of the last run, if it is free. */
static int open_as_before(struct acceptor *acceptor, size_t i, uint16_t port)
{
	char text[ADDRESS_TEXT_BYTES];
	struct listener *listener = &acceptor->listeners[i];
	if (listener->address.port != 0 || port == 0)
		return open_listener(acceptor, i);
	listener->address.port = port;
	int error = open_listener(acceptor, i);
	if (error == 0)
		return 0;
	address_format(&listener->address, text);
	log_warning("cannot listen on %s as before: %s; another port is taken", text, strerror(error));
	listener->address.port = 0;
	return open_listener(acceptor, i);
}

/* Opens what can be opened; false with a problem if one that is needed cannot be. */
static bool open_all(struct acceptor *acceptor, const struct settings *settings, uint16_t *ports,
		     struct problem *problem)
{
	for (size_t i = 0; i < settings->listen_count; i++) {
		acceptor->listeners[acceptor->count] = (struct listener){.address = settings->listen[i], .fd = -1};
		int error = open_as_before(acceptor, acceptor->count, ports[i]);
		if (error != 0 && can_do_without(settings, i, error))
			continue;
		if (error != 0 && !may_come_later(settings, error))
			return explain_listen(problem, &settings->listen[i], error);
		if (error == 0 && settings->listen[i].port == 0)
			ports[i] = acceptor->listeners[acceptor->count].address.port;
		if (error == 0)
			listening_add(&acceptor->listening, &acceptor->listeners[acceptor->count].address);
		acceptor->count++;
	}
	return true;
}

static struct acceptor *acceptor_new(size_t most)
{
	struct acceptor *acceptor = calloc(1, sizeof *acceptor);
	if (acceptor == NULL)
		return NULL;
	acceptor->spare_fd = open_spare();
	acceptor->listeners = calloc(most + 1, sizeof *acceptor->listeners);
	acceptor->listening.addresses = calloc(most + 1, sizeof *acceptor->listening.addresses);
	acceptor->fds = calloc(most + 1, sizeof *acceptor->fds);
	if (acceptor->listeners != NULL && acceptor->listening.addresses != NULL && acceptor->fds != NULL)
		return acceptor;
	acceptor_close(acceptor);
	return NULL;
}

struct acceptor *acceptor_open(const struct settings *settings, uint16_t *ports, struct problem *problem)
{
	struct acceptor *acceptor = acceptor_new(settings->listen_count);
	int error = acceptor == NULL ? ENOMEM : wakeup_init(&acceptor->wakeup);
	bool opened = false;
	if (error == 0) {
		acceptor->has_wakeup = true;
		acceptor->fds[0] = (struct pollfd){.fd = acceptor->wakeup.fd, .events = POLLIN};
		opened = open_all(acceptor, settings, ports, problem);
	} else {
		problem_set(problem, "cannot start: %s", strerror(error));
	}
	if (opened)
		return acceptor;
	acceptor_close(acceptor);
	return NULL;
}

const struct listening *acceptor_listening(const struct acceptor *acceptor)
{
	return &acceptor->listening;
}

const struct address *acceptor_beyond_loopback(const struct acceptor *acceptor)
{
	for (size_t i = 0; i < acceptor->count; i++)
		if (address_scope_of(&acceptor->listeners[i].address) != SCOPE_LOOPBACK)
			return &acceptor->listeners[i].address;
	return NULL;
}

void acceptor_log(const struct acceptor *acceptor)
{
	char text[ADDRESS_TEXT_BYTES];
	for (size_t i = 0; i < acceptor->count; i++) {
		address_format(&acceptor->listeners[i].address, text);
		if (acceptor->listeners[i].fd >= 0)
			log_info("listening on %s", text);
		else
			log_warning("cannot listen on %s yet: this machine does not have the address; trying again "
				    "every second",
				    text);
	}
}

static void close_sockets(struct acceptor *acceptor)
{
	for (size_t i = 0; i < acceptor->count; i++) {
		listener_close(&acceptor->listeners[i]);
		acceptor->fds[i + 1].fd = -1;
	}
	refuser_fini(&acceptor->refuser);
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
	free(acceptor->listeners);
	free(acceptor->listening.addresses);
	free(acceptor->fds);
	free(acceptor);
}

/* This machine lacks something, which the operator must see to. */
static void log_want(struct acceptor *acceptor, const char *of)
{
	unsigned suppressed;
	if (log_limit_take(&acceptor->want_limit, &suppressed))
		log_error("refused a connection: %s (%u more since the last such line)", of, suppressed);
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
	int64_t now_us = clock_now_us();
	if (bans_hold(parts->common.bans, from, now_us))
		return REFUSED_BY_OPERATOR;
	if (access_is_banned(parts->common.access, from, now_us))
		return REFUSED_BANNED;
	return by_limit[registry_admit(parts->common.registry, from, goes)];
}

/* May this one come in? What has to give way is cut. */
static enum refusal admit(struct acceptor *acceptor, const struct address *from)
{
	struct peer *goes;
	enum refusal refusal = judge(acceptor, from, &goes);
	if (goes != NULL) {
		peer_cut(goes, "it made room for another connection");
		peer_release(goes);
	}
	return refusal;
}

/* Takes the socket. */
static void receive(struct acceptor *acceptor, int fd, const struct sockaddr_storage *from)
{
	const struct worker_parts *parts = acceptor->parts;
	struct dial dial = {0};
	if (!address_from_socket(from, &dial.address)) {
		close(fd);
		return;
	}
	enum refusal refusal = admit(acceptor, &dial.address);
	if (refusal != REFUSED_NOT) {
		refuser_turn_away(&acceptor->refuser, fd, &dial.address, refusal);
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

/* accept(2): errors of a connection that was waiting, and has ended. */
static bool is_of_the_connection(int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case ECONNABORTED:
	case ETIMEDOUT:
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
		return true;
	default:
		return false;
	}
}

/* The listening socket is good for nothing any more: somebody may have destroyed it (ss -K). */
static void give_up(struct acceptor *acceptor, size_t i, int error)
{
	struct listener *listener = &acceptor->listeners[i];
	char text[ADDRESS_TEXT_BYTES];
	unsigned suppressed;
	if (log_limit_take(&acceptor->broken_limit, &suppressed)) {
		address_format(&listener->address, text);
		log_error("cannot accept connections on %s: %s; its socket is closed and opened again (%u more since "
			  "the last such line)",
			  text, strerror(error), suppressed);
	}
	listener_close(listener);
	acceptor->fds[i + 1].fd = -1;
}

static void accept_one(struct acceptor *acceptor, size_t i)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof from;
	int listening_fd = acceptor->listeners[i].fd;
	int fd = accept4(listening_fd, (struct sockaddr *)&from, &length, SOCK_CLOEXEC);
	if (fd >= 0) {
		receive(acceptor, fd, &from);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		log_want(acceptor, strerror(errno));
		refuse_one(acceptor, listening_fd);
	} else if (errno == EPERM || errno == EACCES || errno == EOPNOTSUPP) {
		/* A firewall or a security module forbids this one, says accept(2), and perhaps all. */
		log_want(acceptor, strerror(errno));
		poll(&acceptor->fds[0], 1, PAUSE_MS);
	} else if (!is_of_the_connection(errno)) {
		give_up(acceptor, i, errno);
	}
}

static void open_again(struct acceptor *acceptor, size_t i)
{
	struct listener *listener = &acceptor->listeners[i];
	char text[ADDRESS_TEXT_BYTES];
	bool is_first = !listener->was_bound;
	unsigned suppressed;
	int error = open_listener(acceptor, i);
	address_format(&listener->address, text);
	if (error == 0)
		log_info("listening on %s", text);
	else if ((!is_first || error != EADDRNOTAVAIL) && log_limit_take(&acceptor->retry_limit, &suppressed))
		log_error("cannot listen on %s: %s; trying again every second (%u more since the last such line)", text,
			  strerror(error), suppressed);
	if (error != 0 || !is_first)
		return;
	listening_add(&acceptor->listening, &listener->address);
	protocol_listens(acceptor->parts->protocol, &listener->address);
}

/* Opens the sockets that are due; returns when to look again. */
static int64_t open_due(struct acceptor *acceptor, int64_t now_us)
{
	int64_t next_us = FOREVER_US;
	for (size_t i = 0; i < acceptor->count; i++) {
		if (now_us >= listener_retry_us(&acceptor->listeners[i]))
			open_again(acceptor, i);
		next_us = clock_earlier(next_us, listener_retry_us(&acceptor->listeners[i]));
	}
	return next_us;
}

/* For poll: until then, rounded up; -1 for ever. */
static int timeout_ms(int64_t until_us, int64_t now_us)
{
	if (until_us == FOREVER_US)
		return -1;
	return until_us <= now_us ? 0 : (int)((until_us - now_us) / 1000 + 1);
}

static void *accept_all(void *argument)
{
	struct acceptor *acceptor = argument;
	while (!atomic_load(&acceptor->is_stopping)) {
		progress_show(&acceptor->progress);
		int64_t now_us = clock_now_us();
		int64_t next_us = clock_earlier(open_due(acceptor, now_us), refuser_run(&acceptor->refuser, now_us));
		poll(acceptor->fds, acceptor->count + 1, timeout_ms(next_us, now_us));
		if (acceptor->fds[0].revents != 0)
			wakeup_clear(&acceptor->wakeup);
		for (size_t i = 0; i < acceptor->count; i++)
			if (acceptor->fds[i + 1].revents != 0)
				accept_one(acceptor, i);
	}
	return NULL;
}

int acceptor_start(struct acceptor *acceptor, const struct worker_parts *parts)
{
	acceptor->parts = parts;
	refuser_init(&acceptor->refuser, parts);
	return thread_start(&acceptor->thread, accept_all, acceptor);
}

void acceptor_ask_progress(struct acceptor *acceptor)
{
	progress_ask(&acceptor->progress);
	wakeup_ring(&acceptor->wakeup);
}

bool acceptor_shows_progress(const struct acceptor *acceptor)
{
	return progress_is_shown(&acceptor->progress);
}

void acceptor_stop(struct acceptor *acceptor)
{
	atomic_store(&acceptor->is_stopping, true);
	wakeup_ring(&acceptor->wakeup);
	thread_join(acceptor->thread);
	/* From now on the kernel refuses connections, instead of keeping them until the last peer has gone. */
	close_sockets(acceptor);
}
