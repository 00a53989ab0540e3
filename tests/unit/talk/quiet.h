/*
 * A node with peers that a test plays: each answers, or no longer does. A virtual clock: what their pingers would do
 * happens at the moment it is due, and what a peer answers comes at once.
 */
#ifndef KITH_UNIT_TALK_QUIET_H
#define KITH_UNIT_TALK_QUIET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/peer.h"
#include "telemetry/event.h"
#include "unit/core.h"

enum { QUIET_PEERS = 600, QUIET_SELF = 100000 };

/* How a peer is. Each that is not mute answers pings; to a question about another it says: */
enum manner {
	OLD,	 /* nothing, since it does not know the question */
	HEARS,	 /* that it hears it now */
	AGREES,	 /* that it hears nothing, for as long as the asker */
	STRANGE, /* that it is no peer of it */
	LIES,	 /* that it has heard nothing for an hour */
	MUTE,	 /* it says nothing at all */
	BABBLES, /* it answers nothing, but sends something at each look */
};

struct quiet {
	struct core core;
	size_t count;
	struct peer *peers[QUIET_PEERS]; /* number i + 1, named by quiet_name; NULL once it has ended */
	enum manner manners[QUIET_PEERS];
	unsigned asked[QUIET_PEERS];	 /* how often it was asked about another */
	unsigned questions[QUIET_PEERS]; /* how often others were asked about it */
	unsigned told[QUIET_PEERS];	 /* how often it was told that this node hears nothing of another either */
	unsigned most_at_once;		 /* questions at one moment */
	int64_t gone_us[QUIET_PEERS];	 /* when it was closed; 0 for not yet */
	char endings[QUIET_PEERS][PEER_ENDING_BYTES];
};

/* Other settings, between quiet_init and quiet_start. The peers answer, and have been pinged once. */
void quiet_init(struct quiet *quiet);
void quiet_start(struct quiet *quiet, size_t peers);
void quiet_fini(struct quiet *quiet);
/* "beta", "gamma", "delta", "epsilon", and then "peer 5" */
const char *quiet_name(size_t i);
/* Another connection of that peer. */
void quiet_connect(struct quiet *quiet, size_t i);
/* The connection of that peer ends. */
void quiet_end(struct quiet *quiet, size_t i);

/* Time passes. */
void quiet_pass(struct quiet *quiet, int64_t duration_us);
/* From now on these peers are so. */
void quiet_set(struct quiet *quiet, size_t first, size_t count, enum manner manner);
/* From now on it is mute, and owes an answer. */
void quiet_mute(struct quiet *quiet, size_t i);
/* What is there to do at this moment. */
int64_t quiet_look(struct quiet *quiet);

/* How many events of that kind there were about that peer; *last_us gets how long the last one says that it lasted. */
size_t quiet_count_events(struct quiet *quiet, enum event_kind kind, size_t i, int64_t *lasted_us);

#endif
