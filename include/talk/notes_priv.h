/*
 * What the journal and the counters learn of connections: the same facts as the log lines, as values; one call for each
 * fact, where its log line is. What a stranger can cause again and again is noted as often as the journal allows
 * (journal_may_note), and counted always.
 */
#ifndef KITH_NOTES_PRIV_H
#define KITH_NOTES_PRIV_H

#include "talk/protocol_priv.h"

/* A connection is about to become READY; before the address book knows. Has its node another one that is? */
bool notes_before_ready(struct protocol *protocol, struct peer *peer, const struct nodeid *nodeid);
/* It is READY: a peer is up, unless another connection of its node was. */
void notes_peer_up(struct protocol *protocol, struct peer *peer, int64_t now_us);

/* The connection of a READY peer has ended; it is counted. */
void notes_connection_ended(struct protocol *protocol, const struct peer_info *info);
/* And with it the peer is down. */
void notes_peer_down(struct protocol *protocol, struct peer *peer, const struct peer_info *info,
		     const struct ending_words *words, int64_t now_us);
/*
 * It is late; it is heard again, after so long. Only while it is up in the journal, and not more often than both the
 * peer and the journal allow. Where the journal has that it is late, it also gets that it is heard again.
 */
void notes_peer_late(struct protocol *protocol, struct peer *peer, int64_t silent_us, int64_t now_us);
void notes_peer_ok(struct protocol *protocol, struct peer *peer, int64_t silent_us);

/*
 * A dial has failed for this reason: is that news? To be asked before the address book is told, which says how many
 * failures in a row that makes; then it is noted, if it counts as one.
 */
bool notes_is_news(struct protocol *protocol, struct peer *peer, const struct ending_words *words);
void notes_dial_failed(struct protocol *protocol, struct peer *peer, const struct ending_words *words, bool is_news,
		       unsigned failures);

/* An inbound connection has ended before it was READY. */
void notes_stranger_gone(struct protocol *protocol, const struct peer_info *info, const struct ending_words *words);
/* Its host is banned now. */
void notes_ban(struct protocol *protocol, struct peer *peer);

/*
 * ---- the whole network; by the thread that runs the timers ----
 */

/* Notes what has happened since an earlier view. Returns when to compare again. */
int64_t notes_view(struct protocol *protocol, const struct changes_past *past, const struct view *now);
/* A problem is raised, or over. The view may be NULL: then nobody's name is known. */
void notes_problem(struct protocol *protocol, const struct problem_entry *problem, const struct view *view);

#endif
