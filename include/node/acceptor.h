/* The acceptor: the thread that accepts connections and starts a worker for each. It never waits for a peer. */
#ifndef KITH_ACCEPTOR_H
#define KITH_ACCEPTOR_H

#include <stddef.h>

#include "base/problem.h"
#include "node/worker.h"
#include "settings/settings.h"
#include "wire/address.h"

struct acceptor;

/*
 * Opens the listening sockets. NULL with a problem that says which address cannot be listened on, and why.
 * The addresses, borrowed until acceptor_close, are as bound: no port 0.
 */
struct acceptor *acceptor_open(const struct settings *settings, struct problem *problem);
const struct address *acceptor_addresses(const struct acceptor *acceptor, size_t *count);
void acceptor_close(struct acceptor *acceptor);

/* 0, or an errno. */
int acceptor_start(struct acceptor *acceptor, const struct worker_parts *parts);
/* Blocks until its thread has ended, and closes the listening sockets. */
void acceptor_stop(struct acceptor *acceptor);

#endif
