/*
 * Sources: what each host, and each network, may still make this node do. A connection has an allowance of its own
 * (link/allowance.h), but a host that connects again has a fresh one. What is kept here outlasts connections: coming
 * and going gives nothing back. A host has the allowance of several connections, so that many nodes on one machine or
 * behind one router work as they did; a private or loopback host has more.
 *
 * The life of a record: it begins full, when a host (address_source) or a network (address_site) is first charged, and
 * each charge makes it the one that was used last. At SOURCES_HOSTS and SOURCES_NETWORKS the one that was used longest
 * ago makes room. That must not renew an allowance: a host that uses one address after the other still has the record
 * of its network, and a newcomer takes over what the displaced record had left if both are of one network (for
 * networks: of one address_network). Its weakness: an attacker with hosts in more than SOURCES_NETWORKS networks of
 * several providers, who takes turns, has full records again and again.
 *
 * Any thread may call; nothing blocks. Times are arguments.
 */
#ifndef KITH_SOURCES_H
#define KITH_SOURCES_H

#include <stddef.h>
#include <stdint.h>

#include "link/intake.h"
#include "settings/settings.h"
#include "wire/address.h"

/* Records at most, of 295 bytes each. */
enum { SOURCES_HOSTS = 4096, SOURCES_NETWORKS = 1024 };

/* What is counted; sources.c has the amounts. */
enum source_kind {
	SOURCE_ADDRESSES,      /* of others, which it tells and which are heard */
	SOURCE_RELAYS,	       /* of those, the ones that are passed on */
	SOURCE_QUESTIONS,      /* its getaddr and reports that are answered */
	SOURCE_CLAIMS,	       /* ports of its own at which its nodes say that they listen */
	SOURCE_PROOFS,	       /* the same at another host */
	SOURCE_ANNOUNCEMENTS,  /* of its nodes to up to ANNOUNCER_TARGETS peers */
	SOURCE_REFUSALS,       /* answers to its connections that are refused for a limit */
	SOURCE_PEER_LINES,     /* log lines about its nodes that are peers */
	SOURCE_STRANGER_LINES, /* and about what never became one */
	SOURCE_KINDS,
};

struct sources;

/* NULL if there is no memory. */
struct sources *sources_new(void);
void sources_free(struct sources *sources);

/*
 * Takes up to `wanted` of what the host at this address may still do, and its network too. Returns how many there were;
 * without memory 0.
 */
size_t sources_take(struct sources *sources, enum source_kind kind, const struct address *from, size_t wanted,
		    int64_t now_us);
/* Gives back what was taken for nothing. */
void sources_put_back(struct sources *sources, enum source_kind kind, const struct address *from, size_t unused,
		      int64_t now_us);

/* What the connections of a host that have ended have left to make up for, and what one more that ends adds to that. */
struct intake_debt sources_debt(struct sources *sources, const struct address *from, const struct settings *settings,
				int64_t now_us);
void sources_owe(struct sources *sources, const struct address *from, struct intake_debt debt,
		 const struct settings *settings, int64_t now_us);

#endif
