#include "link/path.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* A path that loses everything in one direction has pings and pongs under way, and no more. */
enum { LARGE_BYTES = 300, LEAST_RETRANSMITS = 2 };

bool path_look(int fd, struct path *path)
{
	struct tcp_info info;
	socklen_t length = sizeof info;
	int bytes;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || ioctl(fd, SIOCOUTQ, &bytes) != 0)
		return false;
	*path = (struct path){.unacknowledged_bytes = (uint32_t)bytes,
			      .retransmits = info.tcpi_retransmits,
			      .rto_us = info.tcpi_rto,
			      .heard_us = (int64_t)info.tcpi_last_ack_recv * 1000};
	return true;
}

bool path_loses_large(const struct path *path)
{
	return path->retransmits >= LEAST_RETRANSMITS && path->unacknowledged_bytes > LARGE_BYTES &&
	       path->heard_us < path->rto_us / 2;
}
