/*
 * What one connection may still do: each function takes one piece of it, and says whether there was any left. The
 * peer's reader alone calls.
 */
#ifndef KITH_ALLOWANCE_H
#define KITH_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/token_bucket.h"

enum { ALLOWANCE_ADDRESSES_BURST = 1000 };
#define ALLOWANCE_ADDRESSES_PER_S 0.1
/* An answer to getaddr is thousands of times as long as the question. */
enum { ALLOWANCE_QUESTIONS_BURST = 4 };
#define ALLOWANCE_QUESTIONS_PER_S 0.1

struct allowance {
	bool has_hello; /* the hello has been taken */
	bool has_early_addr;
	size_t named; /* addresses in that one */
	unsigned claims;
	int64_t next_claim_us;
	struct token_bucket addresses, questions, suspects;
	struct token_bucket reports, asked_reports, comparisons;
};

/* Questions about peers that are silent: in a network of which half is cut off at once, a node asks another three. */
enum { ALLOWANCE_SUSPECTS_BURST = 60, ALLOWANCE_SUSPECTS_PER_S = 20 };

/* Bytes of reports that were not asked for: a node that has most connections says so in 40 kB. */
enum { ALLOWANCE_REPORTS_BURST = 256 * 1024, ALLOWANCE_REPORTS_PER_S = 32 * 1024 };
/* Reports that it asks for: a newcomer in a large network asks ten nodes for a thousand. */
enum { ALLOWANCE_ASKED_REPORTS_BURST = 1024, ALLOWANCE_ASKED_REPORTS_PER_S = 16 };
/* How often it may compare what it knows: at the beginning, and when it has found differences. */
enum { ALLOWANCE_COMPARISONS_BURST = 12 };
#define ALLOWANCE_COMPARISONS_PER_S 0.2

void allowance_init(struct allowance *allowance, int64_t now_us);

/* True once, for the one hello of a connection. */
bool allowance_take_hello(struct allowance *allowance);
/* True once, for the one `addr` that may come before the hello. */
bool allowance_take_early_addr(struct allowance *allowance);
/*
 * How many of the addresses of others that this peer tells are heard: ALLOWANCE_ADDRESSES_PER_S on average and
 * ALLOWANCE_ADDRESSES_BURST at once, as in Bitcoin Core, and what it may answer when it is asked.
 */
size_t allowance_take_addresses(struct allowance *allowance, size_t count, int64_t now_us);
/* True if a getaddr of this peer is answered: ALLOWANCE_QUESTIONS_BURST at once, and ALLOWANCE_QUESTIONS_PER_S. */
bool allowance_take_question(struct allowance *allowance, int64_t now_us);
/* True if a suspect of this peer is answered. */
bool allowance_take_suspect(struct allowance *allowance, int64_t now_us);
/* True if a report of so many bytes is heard; per_s is what is set for this node, where that is more than
 * ALLOWANCE_REPORTS_PER_S. */
bool allowance_take_report(struct allowance *allowance, size_t bytes, double per_s, int64_t now_us);
/* True if a report that it asks for may be sent. */
bool allowance_take_asked_report(struct allowance *allowance, int64_t now_us);
/* True if what it says that it knows is looked at. */
bool allowance_take_comparison(struct allowance *allowance, int64_t now_us);
/* The peer is asked for addresses. */
void allowance_expect_addresses(struct allowance *allowance);
/* True if the peer may claim now to listen at another address: the first two times, and then once in an interval. */
bool allowance_take_claim(struct allowance *allowance, int64_t now_us, int64_t interval_us);

#endif
