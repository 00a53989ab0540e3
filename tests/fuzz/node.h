/*
 * A node's core with the far ends of its connections, under a virtual clock: what the conversation talks to. The far
 * ends are driven from outside; here is what is true of a node whatever they do. A rule that is broken is a must() that
 * fails.
 *
 * The life of an end: it comes (node_accept) or is dialled (node_dial, node_connect), talks (node_hear), and is over
 * when the peer has an ending, which is judged: was that end the one that spoke, or had it its turn by a rule of
 * kith-protocol(7)? Its place is free for another one when its peer has left the registry.
 */
#ifndef KITH_FUZZ_NODE_H
#define KITH_FUZZ_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sync.h"
#include "book/address_book.h"
#include "link/peer.h"
#include "members/access.h"
#include "members/lines.h"
#include "members/registry.h"
#include "members/sources.h"
#include "mesh/reports.h"
#include "settings/settings.h"
#include "talk/protocol.h"
#include "wire/address.h"
#include "wire/frame.h"
#include "wire/nodeid.h"

#define NODE_SECOND_US ((int64_t)1000 * 1000)
/* When it starts. */
#define NODE_BEGIN_US (1000 * NODE_SECOND_US)

enum {
	NODE_GOOD = 3, /* ends that behave: these are the first */
	NODE_ENDS = NODE_GOOD + 16,
	NODE_SELF = 0x50, /* the number of this node: some are smaller and some are greater */
	NODE_OFFENDERS = 128,
	NODE_LOOKS = 1000, /* for what is due; then no more time passes */
	NODE_LISTENS = 3,
	NODE_ERRORS = 8,   /* that a ban is for at most, here */
	NODE_REPORTS = 12, /* nodes whose reports are remembered */
};

/* Limits that change while the node runs: what is beyond one when that becomes smaller may stay. */
struct node_bound {
	_Atomic int64_t *setting;
	size_t allowed;
};

struct node_end {
	struct peer *peer; /* NULL: there is none */
	struct frame frame;
	struct address from;  /* where it dials from, or listens */
	int64_t begun_us;     /* came, or was connected */
	int64_t forget_us;    /* it is over, and leaves the registry then */
	uint64_t ready_order; /* 0: not READY */
	int64_t ready_us;     /* since when it is */
	struct nodeid nodeid; /* once it is READY */
	uint64_t over_order;  /* in which they had their endings */
	bool reads;	      /* what it is sent */
	bool answers;	      /* pings */
	bool is_late;	      /* a time-out has passed */
	bool is_over;	      /* the peer's ending was judged */
	bool was_told_hello, was_told_early_addr, was_told_bye;
	bool waits_for_pong; /* it has sent a ping, and the answer is still to come */
	unsigned pings;	     /* that wait for its answer */
	int64_t told_seq;    /* of the last report of the node itself */
	int64_t rtt_us;	     /* as it was before the step, like the next */
	bool was_established;
};

/* A host whose connections have ended in protocol errors. */
struct node_offender {
	struct address host;
	int64_t errors_us[NODE_ERRORS]; /* since the last ban */
	size_t errors;
	int64_t banned_until_us;
};

struct node {
	struct settings *settings;
	struct address listen[NODE_LISTENS];
	struct listening listening;
	struct alarm alarm;
	struct registry *registry;
	struct address_book *book;
	struct access *access;
	struct sources *sources;
	struct lines *lines;
	struct reports *reports;
	size_t relayed_bytes; /* of reports of other nodes that it has sent */
	struct protocol *protocol;
	int64_t now_us, asleep_us;
	unsigned looks; /* for what is due */
	struct node_end ends[NODE_ENDS];
	uint64_t ready_count, over_count; /* that ever were */
	struct node_bound inbound, outbound, handshakes;
	struct node_offender offenders[NODE_OFFENDERS];
	size_t offender_count;
	/* Of the step under way. */
	struct node_end *actor; /* who speaks, if somebody does */
	bool actor_is_feeler;
	struct peer *gives_way; /* the handshake that is stopped for a newcomer; not held */
	size_t inbound_before;
	bool is_stopping;
};

/* Nodeids by their first byte; 0 stands for none. */
struct nodeid node_nodeid(unsigned number);

/* Small settings, with which every bound is soon met. A plain copy will do for one node, since only numbers change. */
void node_settings(struct settings *settings);
/* Starts with three ends that behave and have been peers for longer than a handshake may take. */
void node_init(struct node *node, struct settings *settings);
/* Stops it: nothing may be left. */
void node_fini(struct node *node);

/* Somebody dials the node from there. False if the place is taken, or the connection refused. */
bool node_accept(struct node *node, struct node_end *end, const struct address *from);
/* The node dials who is due, if anybody is; the connection is under way. */
bool node_dial(struct node *node, struct node_end *end);
/* The connection is up. */
void node_connect(struct node *node, struct node_end *end);
/* The far end sends bytes. */
void node_hear(struct node *node, struct node_end *end, const char *bytes, size_t length);
/* The far end closes, or can't be reached. */
void node_break(struct node *node, struct node_end *end);
/* Time passes, and everything that is due happens. */
void node_pass(struct node *node, int64_t us);

#endif
