/* The pinger: the second thread of a worker, see worker.h. */
#ifndef KITH_PINGER_PRIV_H
#define KITH_PINGER_PRIV_H

#include "node/worker_priv.h"

/* The thread. */
void pinger_run(struct pool_job *job);
/*
 * Starts it, for the first thread that needs it: the reader, when the next ping is due; another thread, when it has a
 * line that would block, or closes the peer. False if it can't be started. A connection that ends before that never has
 * a pinger, which makes opening connections 1.5 times as fast (tests/bench/README.md, keep).
 */
bool pinger_start(void *worker);

#endif
