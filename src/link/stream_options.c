#include <netinet/tcp.h>
#include <sys/socket.h>

#include "link/stream.h"

#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif

/*
 * RESEND_MS is the longest wait of the kernel before it repeats what has no acknowledgement. By default it doubles the
 * wait each time, up to 2 minutes, so at 30 % loss a ping that is lost several times in a row comes too late for
 * ping_timeout: 24 to 28 ends of connections of 8 nodes failed in 250 s, none with this limit (make chaos
 * CHAOS=loss30). Linux before 6.15 knows no limit; TCP_THIN_LINEAR_TIMEOUTS in its place left 20. GIVE_UP_MS is as long
 * as the kernel tries by default, which would be 27 s with the limit: ping_timeout may be longer.
 */
static void limit_waits(int fd)
{
	enum { RESEND_MS = 2000, GIVE_UP_MS = 900 * 1000 };
	int resend_ms = RESEND_MS, give_up_ms = GIVE_UP_MS;
	setsockopt(fd, IPPROTO_TCP, TCP_RTO_MAX_MS, &resend_ms, sizeof resend_ms);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_ms, sizeof give_up_ms);
}

/*
 * UNSENT_BYTES, room for the longest line, is what the kernel buffers when the far end does not read. By default it
 * takes 2.8 MB for each peer over loopback (567 MB for the 200 of tests/system/test_attack.c, in /proc/net/sockstat),
 * however small max_outbox is.
 *
 * UNREAD_BYTES is what it buffers while this node reads nothing, of which it takes the double for its own needs. By
 * default that grows to 3.7 MB (make bench BENCH=worst). It is enough for 1 MB/s over a round trip of 200 ms: the
 * kernel offers a window of half of what it takes.
 */
void stream_set_options(int fd)
{
	enum { UNSENT_BYTES = 128 * 1024, UNREAD_BYTES = 208 * 1024 };
	int on = 1, unsent_bytes = UNSENT_BYTES, unread_bytes = UNREAD_BYTES;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &unread_bytes, sizeof unread_bytes);
	limit_waits(fd);
}
