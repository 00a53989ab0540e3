/*
 * Many connections to one target, in one thread, on one epoll descriptor. Each comes from a host of its own, somewhere
 * in 127.0.0.0/8, with a nodeid of its own, and names no address where it listens, so that the target never dials it.
 * It shakes hands, answers what every peer must answer (ping, getaddr), and tells its owner what else happens.
 */
#ifndef KITH_BENCH_CLIENT_H
#define KITH_BENCH_CLIENT_H

#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum client_message {
	CLIENT_HELLO,
	CLIENT_PING,
	CLIENT_PONG,
	CLIENT_GETADDR,
	CLIENT_ADDR,
	CLIENT_BYE,
	CLIENT_UNKNOWN,
};

enum { CLIENT_NODEID_BYTES = 37 };

struct clients;

struct client {
	struct clients *clients;
	size_t index;
	int fd; /* -1 while there is no connection */
	int64_t opened_ns;
	gnutls_session_t session; /* NULL without TLS */
	bool is_secure;		  /* its handshake is done */
	bool is_ready;
	bool is_finishing;
	bool waits_to_write;
	char nodeid[CLIENT_NODEID_BYTES];
	unsigned addrs; /* how many addr came */
	char *partial;	/* the beginning of a line whose end hasn't come */
	size_t partial_length;
	char *pending; /* what the socket didn't take yet */
	size_t pending_start, pending_length;
};

/* Called from clients_wait; each may open, send and finish. */
struct client_events {
	/* The line is without its LF, and lasts until the call returns. */
	void (*got)(void *owner, struct client *client, enum client_message message, const char *line, size_t length);
	/* The connection is over; has_finished if client_finish was called before. */
	void (*closed)(void *owner, struct client *client, bool has_finished);
};

/* NULL if there are no descriptors or memory for so many. */
struct clients *clients_new(const struct sockaddr_in *target, size_t count, const struct client_events *events,
			    void *owner);
void clients_free(struct clients *clients);

/* From now on connections are TLS, with the secret of which the hex is the beginning of this file. False without it. */
bool clients_use_secret(struct clients *clients, const char *path);

struct client *clients_get(struct clients *clients, size_t index);
/* CLOCK_MONOTONIC. */
int64_t clients_clock_ns(void);
/* The time at which the bytes that are being handled had come. */
int64_t clients_now_ns(const struct clients *clients);
/* A random number. */
uint64_t clients_random(struct clients *clients);

/* Waits, until the deadline at most, for something to happen, and handles it. */
void clients_wait(struct clients *clients, int64_t deadline_ns);

/* Connects, shakes hands for TLS where that is used, and says hello. False if the system refuses. */
bool client_open(struct client *client);
/* Sends before the next wait at the latest, and never waits. */
void client_send(struct client *client, const char *text, size_t length);
/* Says that no more will be sent; closed() is called when the target has closed its end too. */
void client_finish(struct client *client);
/* Closes at once; closed() isn't called. */
void client_abort(struct client *client);

#endif
