/*
 * What the files of the protocol share: protocol.c has the object, the table of handlers and the timers; handshake.c
 * what a hello does; hearsay.c what a peer says of addresses; endings.c what happens when a connection has ended;
 * silence.c what is found out about a peer that no longer answers; reporting.c what nodes say about themselves;
 * feelers.c whether peers can still be dialled;
 * hindrances.c which dials do not leave this machine; doubles.c who refuses this node as a duplicate; selves.c where
 * dials of this node to itself come from.
 */
#ifndef KITH_PROTOCOL_PRIV_H
#define KITH_PROTOCOL_PRIV_H

#include "base/log.h"
#include "base/rng.h"
#include "talk/feelers_priv.h"
#include "talk/isolation.h"
#include "talk/outlook_priv.h"
#include "talk/protocol.h"
#include "wire/message.h"
#include "wire/report.h"

extern struct mutex protocol_guard;

/* Why some dials do not leave this machine, and the first of them. */
struct hindrance {
	enum address_family family; /* unknown for a name */
	char text[PEER_ENDING_BYTES + 32];
	char label[PEER_LABEL_BYTES]; /* "" for none */
};

/* An address that refuses this node as a duplicate, and did so at each dial since then. */
struct twin {
	struct address address; /* unknown for none */
	int64_t since_us;
	bool is_told;
};

/* A host to which, or from which, large packets do not seem to get through. */
struct black_hole {
	struct address host; /* unknown for none */
	unsigned ends;	     /* connections in a row that ended so */
};

struct protocol {
	/* Immutable. */
	struct protocol_parts parts;
	struct announcer *announcer;
	struct directory *directory;
	struct greeter *greeter;
	struct gossip *gossip;
	struct silence *silence;
	struct reporting *reporting;
	/* Guarded. */
	struct mutex mutex;
	int64_t next_swap_us GUARDED_BY(protocol_guard);
	struct address back GUARDED_BY(protocol_guard); /* where somebody was back last */
	struct black_hole black_holes[PROTOCOL_BLACK_HOLES] GUARDED_BY(protocol_guard);
	size_t next_black_hole GUARDED_BY(protocol_guard); /* a ring */
	struct hindrance hindrances[PROTOCOL_HINDRANCES] GUARDED_BY(protocol_guard);
	size_t next_hindrance GUARDED_BY(protocol_guard); /* the one that was noted longest ago */
	struct twin doubles[PROTOCOL_DOUBLES] GUARDED_BY(protocol_guard);
	size_t next_double GUARDED_BY(protocol_guard); /* the one that was added longest ago */
	struct address
		selves[PROTOCOL_SELVES] GUARDED_BY(protocol_guard); /* far ends that say that they are this node */
	size_t next_self GUARDED_BY(protocol_guard);		    /* a ring */
	struct rng rng GUARDED_BY(protocol_guard);
	/* Atomic. */
	atomic_bool tells_now; /* it listens at an address more, and has to tell its peers */
	/* Of the thread that runs the timers. */
	int64_t asleep_us; /* as it was told last; -1 before */
	struct isolation isolation;
	struct outlook outlook;
	struct feelers feelers;
	int64_t tell_us; /* when to say again where this node listens; 0 before the first look */
};

void protocol_enter(struct protocol *protocol) ACQUIRES(protocol_guard);
void protocol_leave(struct protocol *protocol) RELEASES(protocol_guard);

/* Takes up to `wanted` of what the host of the far end may still do; returns how many there were. */
size_t protocol_charge(struct protocol *protocol, const struct peer *peer, enum source_kind kind, size_t wanted,
		       int64_t now_us);
/*
 * Ends the connection with a bye for this reason, and logs what the peer is or has done wrong. Of a dial, that is
 * logged when it has ended.
 */
void protocol_turn_away(struct protocol *protocol, struct peer *peer, enum log_level level, enum bye_reason reason,
			const char *what, int64_t now_us);

/* Handlers: one message, from this peer. */
typedef void protocol_handler(struct protocol *protocol, struct peer *peer, struct message *message, int64_t now_us);
protocol_handler handshake_handle_hello;
protocol_handler hearsay_handle_addr;
protocol_handler hearsay_handle_early_addr;

/* May the address be used or told over this connection, and could a node listen there? */
bool hearsay_is_believable(const struct protocol *protocol, const struct peer_info *info,
			   const struct address *address);
/*
 * This node says that it listens at an address: another one that is connected and was there is pinged at once, unless
 * it was within PEER_HURRY_US. If its host has started again, its kernel answers that with a reset.
 */
void hearsay_ask_tenant(struct protocol *protocol, const struct address *address, const struct nodeid *newcomer,
			int64_t now_us);
/* The peer says that it listens there, which a feeler has to find out. */
void hearsay_claim(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
		   const struct address *address, int64_t now_us);
/* A dial or feeler has found it there: the others are told. */
void hearsay_found(struct protocol *protocol, struct peer *peer, const struct address *address, int64_t now_us);

/* How a connection has ended, in words. */
struct ending_words {
	const char *verb; /* "failed", "left", ...; "" where the text says that too, as in "is full" */
	char text[PEER_ENDING_BYTES + 32];
	bool is_odd;	  /* worth a warning */
	const char *hint; /* what to look at; "" for none */
};
/* Only the caller for whom peer_take_ending was true may call it. */
void ending_words(const struct protocol *protocol, struct peer *peer, const struct peer_info *info,
		  struct ending_words *words);
/* The same in one word, from what has happened and not from the text. */
enum report_reason ending_reason(const struct peer_info *info);
/* Logs them, with `since` before the hint. */
void ending_log(struct protocol *protocol, struct peer *peer, enum log_level level, const struct ending_words *words,
		const char *since, int64_t now_us);

/* A dial did not leave this machine: logged when there was no such reason before for addresses of its family. */
void hindrances_note(struct protocol *protocol, struct peer *peer, const struct ending_words *words, int64_t now_us);
/* A dial has left this machine: logged for one that was named when it could not. */
void hindrances_over(struct protocol *protocol, struct peer *peer, int64_t now_us);

/*
 * The node at this address has refused this one as a duplicate. Once it is true, and until doubles_over is called: it
 * has done so for longer than ping_timeout. If that was only for an earlier connection of this node, the far end has
 * pinged it since the first dial, and would have ended it. What is left is that another node has the same nodeid.
 */
bool doubles_note(struct protocol *protocol, const struct address *address, int64_t now_us);
/* A dial to this address has ended in another way. */
void doubles_over(struct protocol *protocol, const struct address *address);

/*
 * Somebody has dialled this node from there, and says to be this node. Only if a dial of this node comes from there too
 * is it the other end of that dial: whoever is on the path can lead a dial back to this node, but not from its own
 * address.
 */
void selves_note(struct protocol *protocol, const struct address *from);
/* Has one of the last PROTOCOL_SELVES come from there? */
bool selves_have(struct protocol *protocol, const struct address *from);

/* If the connections with this host keep ending as if large packets did not get through, says so in the hint. */
void black_holes_judge(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
		       struct ending_words *words);

/* Logs how the connection has ended, and tells the address book. */
void endings_conclude(struct protocol *protocol, struct peer *peer, int64_t now_us);

#endif
