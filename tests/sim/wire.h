/* The wires' side of the world, for its hosts. */
#ifndef KITH_SIM_WIRE_H
#define KITH_SIM_WIRE_H

#include "world.h"

/* NULL for nobody. */
struct host *world_find_host(struct world *world, const struct address *address);
void wire_free_all(struct world *world);

/* A connection to there; takes the peer, which is NULL for an attacker. */
void wire_dial(struct host *host, const struct address *to, struct peer *peer);
/* What waits in the outboxes of this host travels, and endings take their course. */
void wire_flush(struct host *host);
/* The end is gone with its process; the far end hears of it, or not. */
void end_vanish(struct end *end, bool is_heard);

/* True while it is frozen: the call is then made when it thaws. */
bool host_keeps(struct host *host, agenda_call *call, void *subject, uint32_t mark);

/* After any call into its core: what was said travels, and the connector runs if somebody has asked for it. */
void host_attend(struct host *host);

#endif
