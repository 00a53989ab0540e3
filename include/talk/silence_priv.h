/*
 * Silence: what this node and its peers find out together about a peer that no longer answers. The life of a case,
 * which is about one peer, the suspect: it begins when the suspect owes an answer for a while (PEER_SUSPECT_US),
 * or when another peer asks about it. This node asks peers at random, once a second, whether they hear the suspect
 * (`suspect`); who is asked pings it, and says what comes of that (`heard`, `unheard`). The case ends when the suspect
 * says anything: then all that have asked are told. Or it ends with the verdict that the node is gone: then the
 * connection is closed, all that have asked or hear nothing either are told for how long, and the case is kept for a
 * while, to answer those that still ask. Without a verdict ping_timeout decides.
 *
 * One object for the node; any thread may call, none blocks. Cases name nodes, and hold no peers.
 */
#ifndef KITH_SILENCE_PRIV_H
#define KITH_SILENCE_PRIV_H

#include <stdatomic.h>

#include "base/keyed_table.h"
#include "talk/protocol_priv.h"
#include "talk/suspicion.h"

enum {
	SILENCE_CASES = 256,	      /* at once; more peers that are silent are late, and ping_timeout decides */
	SILENCE_ASKERS = 16,	      /* who are remembered for each, to be told */
	SILENCE_QUESTIONS_PER_S = 35, /* that this node asks, or tells unasked, about all suspects together */
};
/* A case whose suspect owes nothing, or is gone, is forgotten after this. */
#define SILENCE_KEPT_US ((int64_t)10 * 1000 * 1000)
/* Who was heard so short a time ago, and after the asker began to wait, need not be pinged for an answer. */
#define SILENCE_RECENT_US ((int64_t)500 * 1000)
/*
 * Connections break in groups: when others hear a peer that this node misses, it pings SILENCE_AROUND of its peers, at
 * random, within SILENCE_AROUND_US, and no more of them for SILENCE_AROUND_AGAIN_US, whatever its peers do.
 */
enum { SILENCE_AROUND = 64 };
#define SILENCE_AROUND_US ((int64_t)1000 * 1000)
#define SILENCE_AROUND_AGAIN_US ((int64_t)30 * 1000 * 1000)
/* A peer is late for so long before a line says so. */
#define SILENCE_LOGGED_US ((int64_t)2000 * 1000)

extern struct mutex silence_guard;

/* Who has asked about a suspect, and when. */
struct asker {
	struct nodeid nodeid;
	int64_t asked_us;
	bool is_told; /* that this node hears nothing either */
};

struct silence_case {
	struct nodeid suspect;
	struct suspicion suspicion;
	struct asker askers[SILENCE_ASKERS];
	size_t asker_count;
	int64_t touched_us; /* when anything happened last */
	int64_t closed_us;  /* when the connection was closed for it; 0 for not yet */
	int64_t since_us;   /* then: the silence had lasted since */
	UT_hash_handle hh;
};

struct silence {
	uint64_t seed;
	atomic_size_t late; /* peers that are late */
	_Atomic int64_t stall_logged_us;
	_Atomic int64_t around_us; /* when it may ping its peers again since one connection is broken; 0 for at once */
	struct mutex mutex;
	/* Guarded. */
	struct silence_case *cases GUARDED_BY(silence_guard);
	struct token_bucket questions GUARDED_BY(silence_guard);
};

/* Those that are to be told something: noted under the lock, told without it. */
struct audience {
	struct nodeid nodeids[SILENCE_ASKERS + SUSPICION_WITNESSES];
	size_t count;
};

/* NULL if there is no memory. */
struct silence *silence_new(uint64_t seed);
void silence_free(struct silence *silence);

/* By the peer's reader, of one that is missed: it has said something. */
void silence_heard(struct protocol *protocol, struct peer *peer, int64_t now_us);
/* The connection of a READY peer has ended. */
void silence_ended(struct protocol *protocol, struct peer *peer, int64_t now_us);

/* More than half of the peers are late, three at least: it may be this node that is cut off. */
bool silence_is_me(const struct protocol *protocol);

protocol_handler silence_handle_suspect;
protocol_handler silence_handle_heard;
protocol_handler silence_handle_unheard;

/* A copy of what is known of that suspect; false without a case. */
bool silence_look(struct protocol *protocol, const struct nodeid *suspect, struct suspicion *suspicion);

/* ---- in words (silence_words.c) ---- */

/* "silent for 5.0 s, also to beta and gamma" */
void silence_say_verdict(struct protocol *protocol, const struct suspicion *evidence, int64_t silent_us,
			 char out[static PEER_ENDING_BYTES]);

/* ---- cases (silence_cases.c) ---- */

void silence_enter(struct silence *silence) ACQUIRES(silence_guard);
void silence_leave(struct silence *silence) RELEASES(silence_guard);

/* NULL if there is none. */
struct silence_case *silence_find(struct silence *silence, const struct nodeid *suspect) REQUIRES(silence_guard);
/* The open case about a suspect that is connected: one that was closed gives way. NULL if there are too many, or no
 * memory. */
struct silence_case *silence_open(struct silence *silence, const struct nodeid *suspect, int64_t now_us)
	REQUIRES(silence_guard);
/* Ends an open case, if there is one; the audience gets those that have asked. */
void silence_end(struct silence *silence, const struct nodeid *suspect, struct audience *audience)
	REQUIRES(silence_guard);

/* Says that to one peer; without a duration if that is negative. */
void silence_say(struct peer *peer, enum message_type type, const struct nodeid *suspect, int64_t duration_us);
/* Those that have asked: all, or those that were not told yet that this node hears nothing either. They count as told.
 */
void silence_gather(struct silence_case *one, bool all, struct audience *audience);
/* Says it to them, without the lock. */
void silence_tell(struct protocol *protocol, const struct audience *audience, enum message_type type,
		  const struct nodeid *suspect, int64_t duration_us);

#endif
