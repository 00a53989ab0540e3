/*
 * When to ping, for how long a peer has been silent, when to give up, and how far away it is. A plain value driven by
 * the times that are handed in: one ping is outstanding at a time, its clock runs from when it enters the outbox, and
 * the next is due an interval after the last, or at the pong if that is later. It is due earlier if the far end, which
 * pings too, is later with that than it has said. All times are microseconds of one clock.
 */
#ifndef KITH_LIVENESS_H
#define KITH_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

struct liveness {
	int64_t interval_us; /* from its last turn to the next */
	int64_t turn_us;     /* when it was pinged in turn last; meaningless before the first ping */
	int64_t timeout_us;
	int64_t ping_due_us;
	int64_t pinged_us;	/* when the outstanding ping was sent; meaningless without one */
	int64_t rtt_us;		/* of the last answered ping; -1 before the first */
	int64_t usual_rtt_us;	/* smoothed; -1 before the first */
	int64_t fallen_us;	/* the longest of the last round trips that were much shorter than usual */
	int fallen;		/* how many in a row there are */
	int64_t excused_us;	/* silence before this moment does not count */
	int64_t theirs_us;	/* when the far end pinged last; -1 before the first time */
	int64_t theirs_wait_us; /* its next ping comes within this; -1 if it has not said */
	int64_t missed_us;	/* when it was pinged since its next one had not come */
	int64_t slack_us;	/* so much later its next ping may come */
	int64_t deaf_until_us;	/* until then nothing of the peer is read */
	int64_t deaf_us;	/* so long of the time since the outstanding ping nothing was read */
	int64_t doubt_us;	/* when to look whether its host is there at all; FOREVER_US without a doubt */
	bool has_pinged;
	bool has_fallen; /* the last pong has made round trips usual that are much shorter */
	bool is_waiting; /* a ping is outstanding */
};

/* The first ping is due at once. */
void liveness_init(struct liveness *liveness, int64_t interval_us, int64_t timeout_us, int64_t now_us);

/* The next ping is then due by this interval, and an outstanding one fails by this time-out. */
void liveness_set(struct liveness *liveness, int64_t interval_us, int64_t timeout_us);

/* Is a ping to be sent now? Is it the peer's turn, too? */
bool liveness_is_due(const struct liveness *liveness, int64_t now_us);
bool liveness_is_in_turn(const struct liveness *liveness, int64_t now_us);
/* Its next turn, if the last ping is answered by then; meaningless before the first ping. */
int64_t liveness_turn_us(const struct liveness *liveness);
/*
 * True if one is to be sent now; it counts as sent. If it is the peer's turn, the next one is an interval later: others
 * come in between, and move nothing, so that what the far end was told of the next stays true.
 */
bool liveness_ping(struct liveness *liveness, int64_t interval_us, int64_t now_us);
/*
 * The far end pings, and says that its next ping comes within next_us; 0: within as long as it has said last. If it
 * has not come slack_us after that, ours is due: in a mesh whose nodes ping their peers in turn, a second after a node
 * has died somebody misses a ping of it, long before all have pinged it themselves.
 */
void liveness_note_ping(struct liveness *liveness, int64_t next_us, int64_t slack_us, int64_t now_us);
/* Makes the next ping due at once, unless one is outstanding. */
void liveness_hurry(struct liveness *liveness, int64_t now_us);
/*
 * The peer may be gone, since somebody else claims to be it: pings as liveness_hurry does. If that ping has no pong for
 * LIVENESS_DOUBT_US, it is time to look whether the host acknowledges anything (liveness_doubt_us).
 */
#define LIVENESS_DOUBT_US ((int64_t)5 * 1000 * 1000)
void liveness_doubt(struct liveness *liveness, int64_t now_us);
/* When to look; FOREVER_US for no reason to. */
int64_t liveness_doubt_us(const struct liveness *liveness);
/* It has been looked, and nothing is certain: again a second later. */
void liveness_doubt_again(struct liveness *liveness, int64_t now_us);
/*
 * False for a pong that nobody waits for. A round trip is much shorter than usual if it is less than half, and
 * LIVENESS_FALL_US less. LIVENESS_FALLS of them in a row are the usual ones from then on, without smoothing: what was
 * slow is slow no more.
 */
enum { LIVENESS_FALLS = 3 };
#define LIVENESS_FALL_US ((int64_t)100 * 1000)
bool liveness_pong(struct liveness *liveness, int64_t now_us);

/*
 * When to look again whether a ping is due. While one is outstanding that is when the next will be, or that of the far
 * end is missed, so that a pong in time needs to wake nobody; after that FOREVER_US: a pong that comes so late makes
 * the next ping due at once.
 */
int64_t liveness_next_ping_us(const struct liveness *liveness, int64_t now_us);
/* From now until then nothing of the peer is read: that time doesn't count against it. */
void liveness_be_deaf(struct liveness *liveness, int64_t now_us, int64_t until_us);

/*
 * Since when the peer owes an answer and has been heard to say nothing at all; FOREVER_US while no ping is outstanding.
 * heard_us is when its last bytes came.
 */
int64_t liveness_silent_since_us(const struct liveness *liveness, int64_t heard_us);
/* This process did not run until now: an answer that came meanwhile has not been read. */
void liveness_excuse(struct liveness *liveness, int64_t now_us);

/* When the peer has failed unless it answers before: FOREVER_US while no ping is outstanding. */
int64_t liveness_deadline_us(const struct liveness *liveness);

/* The last round trip, or the wait so far where that is longer: a hung peer never looks fresh. -1 if unknown. */
int64_t liveness_rtt_us(const struct liveness *liveness, int64_t now_us);

#endif
