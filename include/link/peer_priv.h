/* What the files of the peer share. */
#ifndef KITH_PEER_PRIV_H
#define KITH_PEER_PRIV_H

#include <stdatomic.h>

#include "base/sync.h"
#include "link/allowance.h"
#include "link/known_addresses.h"
#include "link/liveness.h"
#include "link/pace.h"
#include "link/peer.h"

extern struct mutex peer_guard;

struct peer {
	atomic_uint references;
	/* Immutable after creation. */
	enum peer_direction direction;
	struct dial dial;
	struct stream *stream;
	struct outbox *outbox;
	int64_t created_us;
	struct counters *counters; /* NULL for none; set before another thread has the peer */
	struct pace *pace;	   /* NULL for none; the same */
	int64_t kernel_rtt_us;	   /* of the handshake of an inbound connection; 0 if unknown */
	/* Guarded. */
	struct mutex mutex;
	struct nodeid nodeid GUARDED_BY(peer_guard);
	char *name GUARDED_BY(peer_guard); /* NULL without one; set once, like the next two */
	char *agent GUARDED_BY(peer_guard);
	struct address local GUARDED_BY(peer_guard);
	struct address listen GUARDED_BY(peer_guard);
	struct address claim GUARDED_BY(peer_guard);
	int64_t ready_us GUARDED_BY(peer_guard);
	int64_t ping_interval_us GUARDED_BY(peer_guard);      /* the setting, for one without a pace */
	const struct hash_key *secret GUARDED_BY(peer_guard); /* once READY */
	struct liveness liveness GUARDED_BY(peer_guard);
	int64_t hurry_us GUARDED_BY(peer_guard); /* when a ping may be hurried again */
	int64_t ask_us GUARDED_BY(peer_guard);	 /* when one may be asked for again */
	unsigned paced GUARDED_BY(peer_guard);	 /* waits for a ping so far, PEER_DRAWN_WAITS + 1 at most */
	int64_t turn_us GUARDED_BY(peer_guard);	 /* its next turn is no later */
	int64_t said_us GUARDED_BY(peer_guard);	 /* from a ping to the next, as it was told last; 0 before that */
	unsigned news GUARDED_BY(peer_guard);	 /* sent since the last pong */
	bool has_guessed GUARDED_BY(peer_guard); /* a pong that nobody waited for has come */
	enum peer_ending ending GUARDED_BY(peer_guard);
	enum bye_reason reason GUARDED_BY(peer_guard);
	int error GUARDED_BY(peer_guard);
	char *ending_text GUARDED_BY(peer_guard); /* NULL without one */
	bool stays GUARDED_BY(peer_guard);	  /* it has ended, and keeps its place */
	struct known_addresses known GUARDED_BY(peer_guard);
	/* Atomic. */
	_Atomic(enum peer_state) state; /* the reader alone sets it */
	atomic_bool is_closing;		/* an ending is set */
	atomic_bool is_logged;		/* and was logged */
	atomic_bool loses_large;
	atomic_bool is_noted;	    /* the journal has that it is up */
	atomic_bool is_established; /* a pong has come */
	atomic_bool is_missed;	    /* its next message is waited for */
	atomic_bool has_fallen;	    /* its usual round trip, to much less */
	atomic_bool has_late_line;  /* the log has said that it is late */
	atomic_bool is_late_noted;  /* and the journal has it */
	struct peer_reports reports;
	_Atomic int64_t late_us; /* silent since, while it is late; -1 otherwise */
	_Atomic int64_t heard_us;
	_Atomic int64_t rtt_us; /* as liveness has it */
	_Atomic uint64_t pongs; /* that were waited for */
	_Atomic int64_t messages_in, messages_out, bytes_in, bytes_out, ignored, useless;
	/* The reader's alone. */
	struct allowance allowance;
	/* The pinger's alone. */
	struct token_bucket late_events;
};

/* So much silence makes it late. */
int64_t peer_late_after_us(const struct peer *peer) REQUIRES(peer_guard);

/* A message has gone into the outbox. */
void peer_count_sent(struct peer *peer, enum message_type type, size_t bytes);

static inline void peer_enter(struct peer *peer) ACQUIRES(peer_guard) UNCHECKED
{
	mutex_lock(&peer->mutex);
}

static inline void peer_leave(struct peer *peer) RELEASES(peer_guard) UNCHECKED
{
	mutex_unlock(&peer->mutex);
}

#endif
