/*
 * The threads that do the steps of all handshakes, one for each processor: a step is work for the processor and never
 * waits. GnuTLS keeps 224 bytes for each thread that has ever asked it for a random number, until the process ends
 * (3.7.9, lib/random.c), and only handshakes do: so the threads of connections must not do them.
 */
#ifndef KITH_TLS_CREW_PRIV_H
#define KITH_TLS_CREW_PRIV_H

#include <stdbool.h>

struct tls_crew;

/* NULL with an errno in error. */
struct tls_crew *tls_crew_start(int *error);
void tls_crew_stop(struct tls_crew *crew);
/* Has a thread of the crew call work(argument), and blocks until it has: its result. */
int tls_crew_do(struct tls_crew *crew, int (*work)(void *), void *argument);

#endif
