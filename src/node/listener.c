#include "node/listener_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sync.h"
#include "link/stream.h"

static int bind_and_listen(int fd, const struct address *address)
{
	struct sockaddr_storage socket_address;
	socklen_t length = address_to_socket(address, &socket_address);
	int on = 1;
	/* A restart must not wait for the connections of the last run to be forgotten. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	stream_set_options(fd);
	/* So that 0.0.0.0 and [::] can be used together. */
	if (address->family == ADDRESS_IPV6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	return bind(fd, (struct sockaddr *)&socket_address, length) == 0 && listen(fd, SOMAXCONN) == 0 ? 0 : errno;
}

static void note_bound_address(struct listener *listener)
{
	struct sockaddr_storage local;
	socklen_t length = sizeof local;
	if (getsockname(listener->fd, (struct sockaddr *)&local, &length) == 0)
		address_from_socket(&local, &listener->address);
	listener->was_bound = true;
}

int listener_open(struct listener *listener, int64_t now_us)
{
	int family = listener->address.family == ADDRESS_IPV4 ? AF_INET : AF_INET6;
	listener->tried_us = now_us;
	listener->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = listener->fd < 0 ? errno : bind_and_listen(listener->fd, &listener->address);
	if (error != 0)
		listener_close(listener);
	else
		note_bound_address(listener);
	return error;
}

void listener_close(struct listener *listener)
{
	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
}

int64_t listener_retry_us(const struct listener *listener)
{
	return listener->fd >= 0 ? FOREVER_US : listener->tried_us + LISTENER_RETRY_US;
}
