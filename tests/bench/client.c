#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 131072, EVENTS = 256, SPARE_DESCRIPTORS = 64, SECRET_DIGITS = 64, IDENTITY_DIGITS = 32 };

struct clients {
	struct sockaddr_in target;
	const struct client_events *events;
	void *owner;
	int epoll_fd;
	uint64_t random;
	uint32_t next_source;
	int64_t now_ns;
	gnutls_psk_client_credentials_t credentials; /* NULL without TLS */
	gnutls_priority_t priority;
	struct client *list;
	size_t count;
	/* What one client wants to send is gathered here, so that the answers to one read make one write. */
	struct client *speaker;
	char out[LINE_BYTES];
	size_t out_length;
	char in[2 * LINE_BYTES];
};

/* ---- making ---- */

static bool raise_descriptor_limit(size_t wanted)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return false;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted;
}

struct clients *clients_new(const struct sockaddr_in *target, size_t count, const struct client_events *events,
			    void *owner)
{
	struct clients *clients = calloc(1, sizeof *clients);
	if (clients == NULL || !raise_descriptor_limit(count + SPARE_DESCRIPTORS))
		goto failed;
	clients->target = *target;
	clients->events = events;
	clients->owner = owner;
	clients->count = count;
	clients->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	clients->list = calloc(count, sizeof *clients->list);
	if (clients->epoll_fd < 0 || clients->list == NULL ||
	    getrandom(&clients->random, sizeof clients->random, 0) != (ssize_t)sizeof clients->random)
		goto failed;
	clients->next_source = (uint32_t)clients_random(clients);
	for (size_t i = 0; i < count; i++)
		clients->list[i] = (struct client){.clients = clients, .index = i, .fd = -1};
	return clients;
failed:
	perror("load: cannot hold so many connections");
	if (clients != NULL)
		free(clients->list);
	free(clients);
	return NULL;
}

void clients_free(struct clients *clients)
{
	for (size_t i = 0; i < clients->count; i++)
		client_abort(&clients->list[i]);
	close(clients->epoll_fd);
	if (clients->credentials != NULL) {
		gnutls_psk_free_client_credentials(clients->credentials);
		gnutls_priority_deinit(clients->priority);
	}
	free(clients->list);
	free(clients);
}

/* The name of a secret on the wire, as kith-protocol(7) says. */
static void name_secret(const gnutls_datum_t *key, char identity[static IDENTITY_DIGITS + 1])
{
	static const char label[] = "kith psk identity";
	unsigned char mac[32];
	gnutls_hmac_fast(GNUTLS_MAC_SHA256, key->data, key->size, label, sizeof label - 1, mac);
	for (size_t i = 0; i < IDENTITY_DIGITS / 2; i++)
		snprintf(identity + 2 * i, 3, "%02x", mac[i]);
}

bool clients_use_secret(struct clients *clients, const char *path)
{
	static const char priorities[] =
		"NONE:+VERS-TLS1.3:+AES-128-GCM:+AEAD:+ECDHE-PSK:+GROUP-X25519:+SIGN-EDDSA-ED25519";
	char digits[SECRET_DIGITS + 1] = "", identity[IDENTITY_DIGITS + 1];
	gnutls_datum_t hex = {.data = (unsigned char *)digits, .size = SECRET_DIGITS}, key = {0};
	FILE *file = fopen(path, "r");
	bool good = file != NULL && fread(digits, 1, SECRET_DIGITS, file) == SECRET_DIGITS &&
		    gnutls_hex_decode2(&hex, &key) == 0;
	if (file != NULL)
		fclose(file);
	if (!good)
		return false;
	name_secret(&key, identity);
	good = gnutls_psk_allocate_client_credentials(&clients->credentials) == 0 &&
	       gnutls_psk_set_client_credentials(clients->credentials, identity, &key, GNUTLS_PSK_KEY_RAW) == 0 &&
	       gnutls_priority_init(&clients->priority, priorities, NULL) == 0;
	gnutls_free(key.data);
	return good;
}

struct client *clients_get(struct clients *clients, size_t index)
{
	return &clients->list[index];
}

int64_t clients_clock_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t clients_now_ns(const struct clients *clients)
{
	return clients->now_ns;
}

/* Sebastiano Vigna's splitmix64. */
uint64_t clients_random(struct clients *clients)
{
	uint64_t number = clients->random += UINT64_C(0x9e3779b97f4a7c15);
	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return number ^ number >> 31;
}

/* ---- sending ---- */

static void watch(struct client *client, int operation, bool waits_to_write)
{
	struct epoll_event event = {.events = EPOLLIN | (waits_to_write ? EPOLLOUT : 0U), .data.ptr = client};
	client->waits_to_write = waits_to_write;
	epoll_ctl(client->clients->epoll_fd, operation, client->fd, &event);
}

static void keep_pending(struct client *client, const char *text, size_t length)
{
	if (client->pending_start > 0)
		memmove(client->pending, client->pending + client->pending_start, client->pending_length);
	client->pending_start = 0;
	char *grown = realloc(client->pending, client->pending_length + length);
	if (grown == NULL)
		abort();
	client->pending = grown;
	memcpy(client->pending + client->pending_length, text, length);
	client->pending_length += length;
	if (!client->waits_to_write)
		watch(client, EPOLL_CTL_MOD, true);
}

/* A broken connection is found by the next read. */
static size_t send_some(struct client *client, const char *text, size_t length)
{
	ssize_t sent;
	if (client->session == NULL)
		sent = send(client->fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		/* What it has begun to send and is given again later is the beginning of what is pending. */
		sent = client->is_secure ? gnutls_record_send(client->session, text, length) : 0;
	return sent < 0 ? 0 : (size_t)sent;
}

static void flush(struct clients *clients)
{
	struct client *client = clients->speaker;
	size_t sent = 0;
	if (client == NULL || clients->out_length == 0)
		return;
	if (client->pending_length == 0)
		sent = send_some(client, clients->out, clients->out_length);
	if (sent < clients->out_length)
		keep_pending(client, clients->out + sent, clients->out_length - sent);
	clients->out_length = 0;
}

void client_send(struct client *client, const char *text, size_t length)
{
	struct clients *clients = client->clients;
	if (clients->speaker != client || clients->out_length + length > sizeof clients->out)
		flush(clients);
	clients->speaker = client;
	memcpy(clients->out + clients->out_length, text, length);
	clients->out_length += length;
}

static void send_pending(struct client *client)
{
	size_t sent = send_some(client, client->pending + client->pending_start, client->pending_length);
	client->pending_start += sent;
	client->pending_length -= sent;
	if (client->pending_length > 0)
		return;
	free(client->pending);
	client->pending = NULL;
	client->pending_start = 0;
	watch(client, EPOLL_CTL_MOD, false);
}

/* ---- opening and closing ---- */

/* All of 127.0.0.0/8 but its first and its last address, in an order that jumps about. */
static struct sockaddr_in next_source(struct clients *clients)
{
	uint32_t host;
	do
		host = clients->next_source++ * 2654435761U & 0xffffffU;
	while (host == 0 || host == 0xffffffU);
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(127U << 24 | host)};
}

static void say_hello(struct client *client)
{
	char hello[128];
	uint64_t high = clients_random(client->clients), low = clients_random(client->clients);
	snprintf(client->nodeid, sizeof client->nodeid, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(high >> 32),
		 (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff), (unsigned)(low >> 52),
		 (unsigned long long)(low & 0xffffffffffff));
	int length = snprintf(hello, sizeof hello, "{\"msgtype\":\"hello\",\"nodeid\":\"%s\"}\n", client->nodeid);
	client_send(client, hello, (size_t)length);
}

static bool make_session(struct client *client)
{
	const struct clients *clients = client->clients;
	if (clients->credentials == NULL)
		return true;
	if (gnutls_init(&client->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS) != 0)
		return false;
	gnutls_priority_set(client->session, clients->priority);
	gnutls_credentials_set(client->session, GNUTLS_CRD_PSK, clients->credentials);
	gnutls_transport_set_int(client->session, client->fd);
	return true;
}

/* Goes on with the handshake of TLS, and says hello when it is done. False if it has failed. */
static bool become_secure(struct client *client)
{
	int result = gnutls_handshake(client->session);
	if (result < 0)
		return !gnutls_error_is_fatal(result);
	client->is_secure = true;
	say_hello(client);
	return true;
}

bool client_open(struct client *client)
{
	struct clients *clients = client->clients;
	struct sockaddr_in source = next_source(clients);
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&source, sizeof source) != 0 ||
	    (connect(fd, (struct sockaddr *)&clients->target, sizeof clients->target) != 0 && errno != EINPROGRESS)) {
		close(fd);
		return false;
	}
	*client =
		(struct client){.clients = clients, .index = client->index, .fd = fd, .opened_ns = clients_clock_ns()};
	if (!make_session(client)) {
		close(fd);
		client->fd = -1;
		return false;
	}
	/* Who waits for the connection to stand would begin its handshake then. */
	watch(client, EPOLL_CTL_ADD, client->session != NULL);
	if (client->session != NULL)
		return true;
	/* Over loopback the connection mostly stands by now, and the socket takes the hello at once. */
	say_hello(client);
	return true;
}

void client_finish(struct client *client)
{
	flush(client->clients);
	client->is_finishing = true;
	if (client->session != NULL)
		gnutls_bye(client->session, GNUTLS_SHUT_WR);
	shutdown(client->fd, SHUT_WR);
}

void client_abort(struct client *client)
{
	if (client->fd < 0)
		return;
	if (client->clients->speaker == client) {
		client->clients->speaker = NULL;
		client->clients->out_length = 0;
	}
	if (client->session != NULL)
		gnutls_deinit(client->session);
	client->session = NULL;
	close(client->fd);
	free(client->partial);
	free(client->pending);
	client->partial = NULL;
	client->pending = NULL;
	client->fd = -1;
}

static void end(struct client *client)
{
	struct clients *clients = client->clients;
	bool has_finished = client->is_finishing;
	client_abort(client);
	clients->events->closed(clients->owner, client, has_finished);
}

/* ---- receiving ---- */

/* The value of msgtype, in any spelling of JSON that a node uses: with or without spaces after the colon. */
static enum client_message message_of(const char *line, size_t length)
{
	static const char *const names[] = {"hello\"", "ping\"", "pong\"", "getaddr\"", "addr\"", "bye\""};
	static const char key[] = "\"msgtype\":";
	const char *limit = line + length;
	const char *value = memmem(line, length, key, sizeof key - 1);
	if (value == NULL)
		return CLIENT_UNKNOWN;
	for (value += sizeof key - 1; value < limit && (*value == ' ' || *value == '"'); value++)
		;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if ((size_t)(limit - value) >= strlen(names[i]) && memcmp(value, names[i], strlen(names[i])) == 0)
			return (enum client_message)i;
	return CLIENT_UNKNOWN;
}

static void receive_line(struct client *client, const char *line, size_t length)
{
	static const char quick_pong[] = "{\"msgtype\":\"pong\"}";
	static const char pong[] = "{\"msgtype\":\"pong\"}\n";
	static const char nobody[] = "{\"msgtype\":\"addr\",\"peers\":[]}\n";
	bool is_pong = length == sizeof quick_pong - 1 && memcmp(line, quick_pong, length) == 0;
	enum client_message message = is_pong ? CLIENT_PONG : message_of(line, length);

	if (message == CLIENT_PING)
		client_send(client, pong, sizeof pong - 1);
	else if (message == CLIENT_GETADDR)
		client_send(client, nobody, sizeof nobody - 1);
	else if (message == CLIENT_HELLO)
		client->is_ready = true;
	else if (message == CLIENT_ADDR)
		client->addrs++;
	client->clients->events->got(client->clients->owner, client, message, line, length);
}

static void keep_partial(struct client *client, const char *text, size_t length)
{
	free(client->partial);
	client->partial = NULL;
	client->partial_length = length;
	if (length == 0)
		return;
	client->partial = malloc(length);
	if (client->partial == NULL)
		abort();
	memcpy(client->partial, text, length);
}

static ssize_t receive_some(struct client *client, char *bytes, size_t size)
{
	if (client->session == NULL)
		return recv(client->fd, bytes, size, 0);
	ssize_t got = gnutls_record_recv(client->session, bytes, size);
	errno = got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED ? EAGAIN : EPROTO;
	return got < 0 ? -1 : got;
}

/* False if the connection has ended. */
static bool receive(struct client *client)
{
	struct clients *clients = client->clients;
	size_t kept = client->partial_length;
	ssize_t got = receive_some(client, clients->in + kept, sizeof clients->in - kept);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0)
		return false;
	clients->now_ns = clients_clock_ns();
	if (kept > 0)
		memcpy(clients->in, client->partial, kept);
	const char *line = clients->in, *limit = clients->in + kept + (size_t)got, *lf;
	while (client->fd >= 0 && (lf = memchr(line, '\n', (size_t)(limit - line))) != NULL) {
		receive_line(client, line, (size_t)(lf - line));
		line = lf + 1;
	}
	if (client->fd >= 0)
		keep_partial(client, line, (size_t)(limit - line));
	return limit - line < LINE_BYTES;
}

/* One connection's handshake of TLS. */
static void turn_to_secure(struct client *client)
{
	if (!become_secure(client)) {
		end(client);
		return;
	}
	watch(client, EPOLL_CTL_MOD, !client->is_secure && gnutls_record_get_direction(client->session) == 1);
	flush(client->clients);
}

static void turn(struct client *client, uint32_t events)
{
	if (client->fd >= 0 && client->session != NULL && !client->is_secure) {
		turn_to_secure(client);
		return;
	}
	if (client->fd >= 0 && (events & EPOLLOUT) != 0 && client->pending_length > 0)
		send_pending(client);
	if (client->fd >= 0 && (events & ~(uint32_t)EPOLLOUT) != 0 && !receive(client))
		end(client);
	flush(client->clients);
}

void clients_wait(struct clients *clients, int64_t deadline_ns)
{
	struct epoll_event events[EVENTS];
	flush(clients);
	int64_t left_ns = deadline_ns - clients_clock_ns();
	int count = epoll_wait(clients->epoll_fd, events, EVENTS, left_ns <= 0 ? 0 : (int)(left_ns / 1000000 + 1));
	for (int i = 0; i < count; i++)
		turn(events[i].data.ptr, events[i].events);
}
