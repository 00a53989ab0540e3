/*
 * The protocol: what a message does. There is one object for the whole node; it has what the handlers need. It
 * reads no clock and touches no socket: times are arguments, and it answers
 * through outboxes. kith-protocol(7) describes the messages.
 *
 * A peer's reader calls the functions of that peer, in the order connected, receive..., ended. The connector's thread
 * calls protocol_run_timers.
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
#include "members/access.h"
#include "members/parts.h"
#include "members/registry.h"
#include "settings/settings.h"

/* Reasons why dials do not leave this machine that are remembered, so that each is logged once. */
enum { PROTOCOL_HINDRANCES = 8 };
/* Addresses of which is remembered since when they refuse this node as a duplicate. */
enum { PROTOCOL_DOUBLES = 16 };
/* Connections from nodes with the nodeid of this one of which is remembered where they came from. */
enum { PROTOCOL_SELVES = 16 };

/* After so many ends in a row that look like a path that loses large packets, the log says so; of so many hosts. */
enum { PROTOCOL_BLACK_HOLE_ENDS = 2, PROTOCOL_BLACK_HOLES = 64 };

/* After the first two, a connection may have one new listening address looked into in this time. */
#define PROTOCOL_CLAIM_US ((int64_t)60 * 1000 * 1000)

/* A shorter sleep is ignored: the two clocks that show it are not read at the same moment. */
#define PROTOCOL_SLEEP_US ((int64_t)1000 * 1000)

/* How often a node tells its peers again where it listens, so that they pass it on: an address that is not told for
 * long is forgotten. */
#define PROTOCOL_TELL_US ((int64_t)24 * 3600 * 1000 * 1000)
/* Within this time at most one outbound peer has to give its place to another. */
#define PROTOCOL_SWAP_US ((int64_t)60 * 1000 * 1000)

/* What the protocol works on. */
struct protocol_parts {
	struct parts common;
	struct nodeid self;
	struct alarm *alarm;	/* rung when there is something to dial or to announce */
	struct hash_key secret; /* keys the choice of those that hearsay is passed on to, and of when to ping */
	uint64_t seed;
};

struct protocol;

/* NULL if there is no memory. */
struct protocol *protocol_new(const struct protocol_parts *parts);
void protocol_free(struct protocol *protocol);

/* The name and the address to advertise (unknown for none) that are told from now on. */
void protocol_introduce_as(struct protocol *protocol, const char *name, const struct address *advertise);

/* What this node says about itself may be different: its tags, or whether it says anything. */
void protocol_report_anew(struct protocol *protocol);

/* This node listens at an address more: it is in parts->listening, will not be dialled, and the peers are told. */
void protocol_listens(struct protocol *protocol, const struct address *address);

/* A connection that came in and is refused for a limit, before anything is read from it. */
struct protocol_refusal {
	struct address near_end, far_end;
	enum bye_limit limit;
	bool names_others; /* the answer says where else to go */
	int64_t now_us;
};

/* Addresses in the answer to one that is refused: with these the answer fits into what TCP sends at once. */
enum { PROTOCOL_REFERRED = 100 };

/* Appends the lines that answer it. False if there is no memory. */
bool protocol_write_refusal(struct protocol *protocol, const struct protocol_refusal *refusal, struct buffer *out);

/* The connection is up, and this is its near end. The side that dialled says hello. */
void protocol_connected(struct protocol *protocol, struct peer *peer, const struct address *local, int64_t now_us);
/* One line, without its LF. Returns how many values of JSON it had at most, which is what it has cost. */
size_t protocol_receive(struct protocol *protocol, struct peer *peer, const char *line, size_t length, int64_t now_us);
/* Ends the connection for a protocol error, with one log line that says what was wrong. */
void protocol_violated(struct protocol *protocol, struct peer *peer, const char *what, int64_t now_us);
/* A far end that is no node of this network. */
struct protocol_stranger {
	const char *what;  /* it is or does, as in "speaks TLS" */
	bool lacks_secret; /* of a private network */
	bool may_answer;   /* with a bye, if it has dialled */
};

/*
 * The far end speaks something else, or is no member: ends the connection, with one log line. That counts as no
 * protocol error for bans: mostly it is a member whose operator has forgotten something, and it should not stay banned
 * once that is fixed. To refuse it costs little: for an unknown secret no work with keys is done but the exchange
 * itself.
 */
void protocol_refused(struct protocol *protocol, struct peer *peer, const struct protocol_stranger *stranger,
		      int64_t now_us);
/*
 * The connection has its ending: logs it, and tells the address book. The first of the peer's two threads that notices
 * calls it; a second call does nothing.
 */
void protocol_ended(struct protocol *protocol, struct peer *peer, int64_t now_us);
/* The connection is over, to its last byte: takes it out of the registry. */
void protocol_forget(struct protocol *protocol, struct peer *peer);

/*
 * By the peer's pinger: is the peer silent? Asks others about it, and closes it when its node is gone (silence_priv.h).
 * Returns when to look again.
 */
int64_t protocol_watch(struct protocol *protocol, struct peer *peer, int64_t now_us);
/* Why a peer fails that has not answered within ping_timeout: how long it was silent, and what others have said. */
void protocol_say_timeout(struct protocol *protocol, struct peer *peer, int64_t now_us,
			  char out[static PEER_ENDING_BYTES]);
/* How many peers are late now. */
size_t protocol_late(struct protocol *protocol);
/*
 * This process did not run for so long, though it should have: the peer is not blamed for its silence until now. By its
 * pinger.
 */
#define PROTOCOL_STALL_US ((int64_t)1000 * 1000) /* that is worth a line */
void protocol_stalled(struct protocol *protocol, struct peer *peer, int64_t stalled_us, int64_t now_us);

/*
 * The wall clock, at that moment of the monotonic one. Any thread, now and then: nodes tell each other, and a report's
 * first number comes from it. Nothing else does.
 */
void protocol_note_clock(struct protocol *protocol, int64_t now_us, int64_t unix_us);

/*
 * Sends the announcements, the gossip and the reports that are due; returns when to call again. asleep_us is how long
 * the machine has been suspended since it booted: if that has grown, what is known of the peers is old, and all are
 * pinged at once.
 */
int64_t protocol_run_timers(struct protocol *protocol, int64_t now_us, int64_t asleep_us);
/* The connector's thread, when the address book has nothing to dial: a feeler to a peer, if one is due. */
struct next_dial protocol_next_feeler(struct protocol *protocol, int64_t now_us);

#endif
