/*
 * The protocol: what a message does. One object for the whole node; it holds what the handlers need and the
 * departures that aren't certain yet. It reads no clock and touches no socket: times are handed in, and it answers only
 * through outboxes. What the wire means stands in kith-protocol(7).
 *
 * A peer's own functions are called by its reader, in the order connected, receive..., ended. protocol_run_timers is
 * the connector's.
 */
#ifndef KITH_PROTOCOL_H
#define KITH_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sync.h"
#include "base/token_bucket.h"
#include "book/address_book.h"
#include "link/peer.h"
#include "members/admission.h"
#include "members/registry.h"
#include "settings/settings.h"

/* Departures that wait for another connection at once. */
enum { PROTOCOL_DEPARTURES = 64 };
/*
 * Who is refused as a duplicate at the last of so many failed dials in a row, and isn't connected, is told that another
 * node may have his nodeid. An earlier connection of his own that only looks alive is pinged at the first, and mostly
 * gone at the second. Hearsay is forgotten after as many.
 */
enum { PROTOCOL_DOUBLE_FAILURES = 3 };

/*
 * Log lines about connections that came in: that costs nothing to do again and again. About those that never became
 * READY, and about peers, of which a whole network may come or go at once.
 */
enum {
	PROTOCOL_STRANGERS_BURST = 200,
	PROTOCOL_STRANGERS_PER_S = 1,
	PROTOCOL_COMERS_BURST = 4000,
	PROTOCOL_COMERS_PER_S = 10,
};

/* A connection may have one claimed address proven in this time. */
#define PROTOCOL_PROOF_US ((int64_t)60 * 1000 * 1000)
/* After the first two, a connection may have one new listening address announced in this time. */
#define PROTOCOL_MOVE_US ((int64_t)10 * 1000 * 1000)

/* A shorter sleep is none: the two clocks that tell it aren't read at the same moment. */
#define PROTOCOL_SLEEP_US ((int64_t)1000 * 1000)

/* So often a node says to its peers again where it listens, so that they pass it on: an address that nobody speaks of
 * for long is forgotten. */
#define PROTOCOL_TELL_US ((int64_t)24 * 3600 * 1000 * 1000)
/* In this time one outbound peer may have to give way to another. */
#define PROTOCOL_SWAP_US ((int64_t)60 * 1000 * 1000)

/* What a node consists of where its protocol is concerned; all of it is borrowed. */
struct protocol_parts {
	const struct settings *settings;
	struct nodeid self;
	const struct address *listen; /* as bound: no port 0 */
	size_t listen_count;
	struct registry *registry;
	struct address_book *book;
	struct admission *admission;
	struct alarm *alarm;	/* rung when there is something to dial or to announce */
	struct hash_key secret; /* keys the choice of those that hearsay is passed on to */
	uint64_t seed;
};

struct protocol;

/* NULL if there is no memory. */
struct protocol *protocol_new(const struct protocol_parts *parts);
void protocol_free(struct protocol *protocol);

/* The name and the address to advertise (unknown for none) that are told from now on. */
void protocol_introduce_as(struct protocol *protocol, const char *name, const struct address *advertise);

/* The connection is up, and this is its near end. The side that dialled says hello. */
void protocol_connected(struct protocol *protocol, struct peer *peer, const struct address *local);
/* One line, without its LF. */
void protocol_receive(struct protocol *protocol, struct peer *peer, const char *line, size_t length, int64_t now_us);
/* Ends the connection for a protocol error, with one log line that says what was wrong. */
void protocol_violated(struct protocol *protocol, struct peer *peer, const char *what, int64_t now_us);
/*
 * The far end speaks something else, or is no member: ends the connection, with one log line, and with a bye if
 * may_answer and it was the far end that dialled. That is no protocol error for bans: the one who is turned away is, as
 * a rule, a member whose operator has forgotten something, and shouldn't be kept out once that is mended; and to turn
 * him away costs little (no work with keys is done for an unknown secret but the exchange itself).
 */
void protocol_refused(struct protocol *protocol, struct peer *peer, const char *what, bool may_answer, int64_t now_us);
/*
 * The connection has its ending: logs it, and gives its address back. Called by the first of the peer's two threads
 * that notices; the second call does nothing.
 */
void protocol_ended(struct protocol *protocol, struct peer *peer, int64_t now_us);
/* The connection is over, to its last byte: takes it out of the registry. */
void protocol_forget(struct protocol *protocol, struct peer *peer);

/*
 * Sends the announcements and the gossip that are due; returns when to call again. asleep_us is how long the machine
 * was suspended since it booted: where that has grown, everything that was known of the peers is old, and all are
 * pinged at once.
 */
int64_t protocol_run_timers(struct protocol *protocol, int64_t now_us, int64_t asleep_us);

#endif
