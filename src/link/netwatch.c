#include "link/netwatch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

/* Messages of the kernel are shorter; datagrams taken at one go, so that a storm of them doesn't hold the caller. */
enum { MESSAGE_BYTES = 8 * 1024, MOST_DATAGRAMS = 64 };

int netwatch_open(void)
{
	struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
				     .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
						  RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&groups, sizeof groups) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static unsigned change_of(const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_NEWROUTE:
		return NETWATCH_GAINED;
	case RTM_DELADDR:
	case RTM_DELROUTE:
	case RTM_DELLINK:
		return NETWATCH_LOST;
	case RTM_NEWLINK: {
		const struct ifinfomsg *link = NLMSG_DATA(message);
		if (message->nlmsg_len < NLMSG_LENGTH(sizeof *link))
			return 0;
		return (link->ifi_flags & IFF_RUNNING) != 0 ? NETWATCH_GAINED : NETWATCH_LOST;
	}
	default:
		return 0;
	}
}

unsigned netwatch_read(int fd)
{
	/* Aligned for the headers within. */
	union {
		struct nlmsghdr header;
		char bytes[MESSAGE_BYTES];
	} datagram;
	unsigned changes = 0;
	for (int i = 0; i < MOST_DATAGRAMS; i++) {
		struct sockaddr_nl from = {0};
		socklen_t from_bytes = sizeof from;
		ssize_t got = recvfrom(fd, &datagram, sizeof datagram, 0, (struct sockaddr *)&from, &from_bytes);
		if (got < 0 && errno == ENOBUFS)
			changes |= NETWATCH_GAINED | NETWATCH_LOST;
		else if (got < 0 && errno != EINTR)
			break;
		/* Of the kernel alone. */
		if (got <= 0 || from.nl_pid != 0)
			continue;
		size_t left = (size_t)got;
		for (const struct nlmsghdr *message = &datagram.header; NLMSG_OK(message, left);
		     message = NLMSG_NEXT(message, left))
			changes |= change_of(message);
	}
	return changes;
}
