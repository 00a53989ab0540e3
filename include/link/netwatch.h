/*
 * Tells when the machine's network changes: a netlink socket (rtnetlink(7)) for somebody's poll(2). It says that
 * something has changed and in which direction; what the network is like now, one asks the kernel. Any thread.
 */
#ifndef KITH_NETWATCH_H
#define KITH_NETWATCH_H

enum {
	NETWATCH_GAINED = 1, /* an interface is up, or there is an address or a route more */
	NETWATCH_LOST = 2,   /* an interface is down, or there is an address or a route less */
};

/*
 * A descriptor, the caller's to close, that is readable after a change. -1 with an errno where there is none to be had
 * (systemd's RestrictAddressFamilies without AF_NETLINK, for one).
 */
int netwatch_open(void);

/* Takes what has come, without waiting: NETWATCH_GAINED, NETWATCH_LOST, both, or 0. What the kernel had to drop counts
 * as both. */
unsigned netwatch_read(int fd);

#endif
