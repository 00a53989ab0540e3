/* The acceptor: the thread that accepts connections and starts a worker for each. It never waits for a peer. */
#ifndef KITH_ACCEPTOR_H
#define KITH_ACCEPTOR_H

#include "base/problem.h"
#include "link/listening.h"
#include "node/worker.h"
#include "settings/settings.h"
#include "wire/address.h"

struct acceptor;

/*
 * Opens the listening sockets. An address that this machine does not have yet may be left for later (listen_retry): the
 * acceptor's thread tries again every second. NULL with a problem that says which address cannot be listened on, and
 * why. Where an address has port 0, the port at its place in ports is taken, if it is free and not 0; ports are then
 * those that were taken.
 */
struct acceptor *acceptor_open(const struct settings *settings, uint16_t *ports, struct problem *problem);
/* Borrowed until acceptor_close. It grows when an address is listened on that was left for later. */
const struct listening *acceptor_listening(const struct acceptor *acceptor);
/* Before acceptor_start: the first address that other machines may reach, listened on already or left for later,
 * borrowed; NULL if there is none. */
const struct address *acceptor_beyond_loopback(const struct acceptor *acceptor);
/* Before acceptor_start: a log line for each address. */
void acceptor_log(const struct acceptor *acceptor);
void acceptor_close(struct acceptor *acceptor);

/* 0, or an errno. */
int acceptor_start(struct acceptor *acceptor, const struct worker_parts *parts);
/* Its thread is asked for a sign of progress; has it given one since? (base/progress.h) */
void acceptor_ask_progress(struct acceptor *acceptor);
bool acceptor_shows_progress(const struct acceptor *acceptor);
/* Blocks until its thread has ended, and closes the listening sockets. */
void acceptor_stop(struct acceptor *acceptor);

#endif
