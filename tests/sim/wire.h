/* The wires' side of the world, for its hosts. */
#ifndef KITH_SIM_WIRE_H
#define KITH_SIM_WIRE_H

#include "world.h"

/* NULL for nobody. */
struct host *world_find_host(struct world *world, const struct address *address);
void wire_free_all(struct world *world);

/* A connection to there; takes the peer, which is NULL for an attacker. */
void wire_dial(struct host *host, const struct address *to, struct peer *peer);
/* What waits in the outbox travels, and an ending takes its course. */
void end_flush(struct end *end);
/* The end is gone with its process; the far end hears of it, or not. */
void end_vanish(struct end *end, bool is_heard);

/* After a call into its core that may have concerned other ends too. */
void host_flush(struct host *host);
/* After any call into its core: somebody may have asked for the connector. */
void host_attend(struct host *host);

#endif
