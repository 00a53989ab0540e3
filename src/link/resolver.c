#include "link/resolver.h"

#include <ares.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "base/sync.h"

struct lookup {
	bool is_done;
	int status;
	uint16_t port;
	struct address *addresses;
	size_t count;
};

int resolver_library_init(void)
{
	return ares_library_init(ARES_LIB_INIT_ALL);
}

void resolver_library_fini(void)
{
	ares_library_cleanup();
}

static void take_answer(void *argument, int status, int timeouts, struct ares_addrinfo *answer)
{
	struct lookup *lookup = argument;
	(void)timeouts;
	lookup->is_done = true;
	lookup->status = status;
	if (answer == NULL)
		return;
	for (struct ares_addrinfo_node *node = answer->nodes; node != NULL; node = node->ai_next) {
		struct sockaddr_storage socket_address = {0};
		struct address *address = &lookup->addresses[lookup->count];
		memcpy(&socket_address, node->ai_addr, (size_t)node->ai_addrlen);
		if (lookup->count == RESOLVER_ADDRESSES || !address_from_socket(&socket_address, address))
			continue;
		address->port = lookup->port;
		if (address_is_dialable(address))
			lookup->count++;
	}
	ares_freeaddrinfo(answer);
}

/* Waits for one of c-ares' sockets or its timer and lets it work; false when the lookup is to end. */
static bool step(ares_channel channel, int wake_fd, int64_t deadline_us)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	struct pollfd fds[ARES_GETSOCK_MAXNUM + 1] = {{.fd = wake_fd, .events = POLLIN}};
	nfds_t count = 1;
	unsigned mask = (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
	int64_t left_us = deadline_us - clock_now_us();

	if (left_us <= 0)
		return false;
	/* ARES_GETSOCK_WRITABLE shifts a one into the sign for the last socket, which is undefined. */
	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events =
			(short)((mask >> i & 1 ? POLLIN : 0) | (mask >> (i + ARES_GETSOCK_MAXNUM) & 1 ? POLLOUT : 0));
		if (events != 0)
			fds[count++] = (struct pollfd){.fd = sockets[i], .events = events};
	}
	struct timeval most = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000}, soonest;
	struct timeval *wait = ares_timeout(channel, &most, &soonest);
	struct timespec timeout = {.tv_sec = wait->tv_sec, .tv_nsec = wait->tv_usec * 1000};
	ppoll(fds, count, &timeout, NULL);
	if (fds[0].revents != 0)
		return false;
	for (nfds_t i = 1; i < count; i++)
		ares_process_fd(channel, fds[i].revents & (POLLIN | POLLERR | POLLHUP) ? fds[i].fd : ARES_SOCKET_BAD,
				fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	return true;
}

const char *resolver_lookup(const char *host, uint16_t port, int wake_fd, int64_t deadline_us,
			    struct address addresses[static RESOLVER_ADDRESSES], size_t *count)
{
	struct lookup lookup = {.port = port, .addresses = addresses};
	struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	ares_channel channel;

	*count = 0;
	int error = ares_init(&channel);
	if (error != ARES_SUCCESS)
		return ares_strerror(error);
	ares_getaddrinfo(channel, host, NULL, &hints, take_answer, &lookup);
	while (!lookup.is_done && step(channel, wake_fd, deadline_us))
		;
	bool in_time = lookup.is_done;
	ares_destroy(channel);
	*count = lookup.count;
	if (!in_time)
		return "the name server did not answer in time";
	if (lookup.status != ARES_SUCCESS)
		return ares_strerror(lookup.status);
	return lookup.count > 0 ? NULL : "the name has no address";
}
