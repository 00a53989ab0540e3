/*
 * A process that attacks a node: it holds many connections at once, each of which does the same bad thing over and
 * over, and opens another one for each that the node closes. It is a process of its own so that neither its work nor
 * its descriptors are the test's; it dies with the test.
 */
#ifndef KITH_TEST_ATTACKER_H
#define KITH_TEST_ATTACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness.h"

struct kithd;
struct attacker;

enum { ATTACK_HOSTS = 180 };

/* What is NULL or 0 isn't done. */
struct attack {
	const char *name;
	size_t connections; /* at once */
	double opens_per_s; /* at most; 0 for as many as the system can */
	int hosts;	    /* that they come from by turns: harness_host(1) to harness_host(hosts) */
	int receive_buffer_bytes;
	const char *hello_keys; /* further keys of the hello that each says, with a nodeid of its own; NULL: no hello */
	const char *text;	/* what each sends over and over */
	size_t text_bytes;
	size_t bytes_at_once;
	int64_t pause_us; /* between two of these; 0: whenever the socket takes more */
	bool never_reads; /* nor sees that the node wants to close, unless it does so for good */
	bool leaves;	  /* closes as soon as it has connected */
};

struct attacker *attacker_start(struct kithd *kithd, const struct attack *attack);
/* How many connections it has opened so far, how many the node has ended, and how long the longest of these lived. */
uint64_t attacker_opened(const struct attacker *attacker);
uint64_t attacker_ended(const struct attacker *attacker);
int64_t attacker_longest_us(const struct attacker *attacker);
uint64_t attacker_sent_bytes(const struct attacker *attacker);
/* All its connections end with it. */
void attacker_stop(struct attacker *attacker);
/* What a failed test has left. */
void attacker_stop_all(void);

#endif
