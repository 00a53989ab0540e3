/* A listening socket, which may have to be opened again. The acceptor's alone. */
#ifndef KITH_LISTENER_PRIV_H
#define KITH_LISTENER_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/address.h"

/* Between two attempts to open one. */
#define LISTENER_RETRY_US ((int64_t)1000 * 1000)

struct listener {
	struct address address; /* as it was asked for; as bound once it was, so without a port 0 */
	int fd;			/* -1 while it is not open */
	bool was_bound;
	int64_t tried_us; /* when it was opened, or should have been */
};

/* 0, or an errno. */
int listener_open(struct listener *listener, int64_t now_us);
void listener_close(struct listener *listener);
/* When to try again; FOREVER_US while it is open. */
int64_t listener_retry_us(const struct listener *listener);

#endif
