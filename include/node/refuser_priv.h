/*
 * The refuser turns connections away that the acceptor has accepted: it logs why, answers those that are refused for a
 * limit, and closes them. It starts no thread and never waits. The acceptor's thread alone calls it.
 *
 * An answered socket is kept for a second, or until REFUSER_KEPT later ones have been answered: to close it before its
 * hello has come would send a reset, which can overtake the answer.
 */
#ifndef KITH_REFUSER_PRIV_H
#define KITH_REFUSER_PRIV_H

#include "base/token_bucket.h"
#include "node/worker.h"

/* Why a connection is refused. */
enum refusal {
	REFUSED_NOT,
	REFUSED_DENIED,
	REFUSED_BANNED,
	REFUSED_CONNECTIONS,
	REFUSED_ADDRESS,
	REFUSED_GROUP,
	REFUSED_BY_OPERATOR, /* who has banned it */
};

/*
 * A flood of connections that are refused is cheap: beyond these rates, or that of their host (SOURCE_REFUSALS), they
 * are closed without an answer, or with one that names no other nodes.
 */
enum {
	REFUSER_KEPT = 32,
	REFUSER_ANSWERS_BURST = 200,
	REFUSER_ANSWERS_PER_S = 100,
	REFUSER_REFERRALS_BURST = 64,
	REFUSER_REFERRALS_PER_S = 10,
};

struct refuser {
	const struct worker_parts *parts;
	struct token_bucket answers, referrals;
	struct {
		int fd; /* -1 for none */
		int64_t until_us;
	} kept[REFUSER_KEPT]; /* a ring */
	size_t next;
};

void refuser_init(struct refuser *refuser, const struct worker_parts *parts);
void refuser_fini(struct refuser *refuser);

/* Takes the socket. */
void refuser_turn_away(struct refuser *refuser, int fd, const struct address *from, enum refusal refusal);
/* Closes the sockets that were kept long enough; returns when to call again. */
int64_t refuser_run(struct refuser *refuser, int64_t now_us);

#endif
