/*
 * An event: something that happened to this node, as values. The same facts are in the log, as words. Plain values.
 */
#ifndef KITH_EVENT_H
#define KITH_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/address.h"
#include "wire/nodeid.h"

enum event_kind {
	EVENT_STARTED,
	EVENT_STOPPING,	   /* reason: why */
	EVENT_RELOADED,	   /* reason: what came of it */
	EVENT_SETTING,	   /* name: the setting; value: its new value; reason: where that comes from */
	EVENT_PEER_UP,	   /* value: its agent */
	EVENT_PEER_DOWN,   /* value: its agent; ending and reason: how it ended; lasted_us: how long it was up */
	EVENT_PEER_LATE,   /* it owes an answer and says nothing; lasted_us: for how long so far */
	EVENT_PEER_OK,	   /* it was late, and is heard again; lasted_us: how long it was silent */
	EVENT_DIAL_FAILED, /* the first failure, and each change of the reason */
	EVENT_DIAL_OK,	   /* an address that had failed works again */
	EVENT_REFUSED,	   /* a connection that came in was turned away */
	EVENT_BANNED,	   /* value: for how long */
	/* Of the whole network, as the reports of the nodes tell it. */
	EVENT_NODE_UP,	    /* value: its agent; lasted_us: how long it had been gone or late */
	EVENT_NODE_LATE,    /* nobody hears it; lasted_us: for how long so far */
	EVENT_NODE_GONE,    /* value: its agent; ending and reason: how it went; lasted_us: how long it had run */
	EVENT_LINK_DOWN,    /* value: the name of the other one; reason: what both say */
	EVENT_LINK_UP,	    /* value: the name of the other one; lasted_us: how long it was down */
	EVENT_PROBLEM,	    /* value: which kind; reason: the sentence */
	EVENT_PROBLEM_OVER, /* the same; lasted_us: how long it has lasted */
	EVENT_KINDS,
};

/* How a peer went. */
enum event_ending {
	EVENT_NO_ENDING,
	EVENT_LEFT,   /* it said bye, for a reason that is no failure */
	EVENT_FAILED, /* it broke, or went silent */
	EVENT_CLOSED, /* this node ended it */
};

/* Who dialled. */
enum event_direction {
	EVENT_NO_DIRECTION,
	EVENT_INBOUND, /* the other one */
	EVENT_OUTBOUND,
};

/* What is handed in: the texts are borrowed, and NULL or "" for none. */
struct event {
	enum event_kind kind;
	enum event_ending ending;
	enum event_direction direction;
	struct nodeid nodeid;	/* of whom it is about; may be none */
	struct nodeid other;	/* the other node that it is about; may be none */
	uint64_t problem;	/* the number of the problem; 0 for none */
	struct address address; /* where that one listens, or is; may be unknown */
	const char *name;
	const char *value;
	const char *reason;
	int64_t lasted_us; /* -1 if that means nothing here */
};

/* Names as they are sent and typed: "peer_up", "left". */
const char *event_kind_name(enum event_kind kind);
/* False for no such name. */
bool event_kind_find(const char *name, enum event_kind *kind);
/* "" for none. */
const char *event_ending_name(enum event_ending ending);
const char *event_direction_name(enum event_direction direction);

#endif
