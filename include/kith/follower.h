/*
 * Follows the journal of a node: hands out each event once and in order, also across restarts of the node, for which it
 * waits. What it can't know is handed out as an event of the kind "lost". Never blocks for long. One thread.
 */
#ifndef KITH_FOLLOWER_H
#define KITH_FOLLOWER_H

#include "kith/cursor.h"
#include "kith/options.h"
#include "kith/rows.h"
#include "kith/session.h"

/* To whom it hands out. */
struct follower_taker {
	void *context;
	/* May another event come? */
	bool (*has_room)(void *context);
	/* number is 0 for one that isn't in the journal. False if there is no memory. */
	bool (*take)(void *context, struct json_object *row, uint64_t number);
	/* From now on the events are of another run of the node. */
	void (*note_boot)(void *context);
};

struct follower {
	struct options options;
	struct follower_taker taker;
	enum { FOLLOWER_AWAY, FOLLOWER_ASKS_INFO, FOLLOWER_ASKS_PEERS, FOLLOWER_ASKS_AGAIN, FOLLOWER_WATCHES } phase;
	struct session session;
	char path[SOCKET_PATH_BYTES]; /* of the node that it follows */
	int64_t due_us;		      /* when to try again, or when the node has been silent for too long */
	bool was_away;
	/* Where it went on from, and the number of the last event that has come. No boot: it has not begun. */
	struct cursor start;
	uint64_t after;
	const char *lost_reason; /* of start.is_lost_waiting */
	/* What info told. */
	struct nodeid boot;
	uint64_t last_event;
	/* The present state is handed out first, from the next row on; events up to the mark may be in it already. */
	bool wants_present;
	struct rows present;
	size_t present_next;
	uint64_t present_mark;
};

/* The options and the cursor are borrowed for this call alone; their texts longer. */
void follower_init(struct follower *follower, const struct options *options, const struct cursor *cursor,
		   bool wants_present, const struct follower_taker *taker);
void follower_fini(struct follower *follower);

/*
 * Hands out what there is, as far as there is room, but not for long: *has_more if more may be there already.
 * OUTCOME_DONE as long as it can go on; else complains.
 */
enum outcome follower_step(struct follower *follower, bool *has_more);
/* What to wait for until the next step: this to be readable (-1: nothing), or this moment. */
int follower_fd(const struct follower *follower);
int64_t follower_due_us(const struct follower *follower);

/* Writes down how far it has come; the events that wait have been noted already. */
void follower_note(const struct follower *follower, struct cursor *cursor);

#endif
