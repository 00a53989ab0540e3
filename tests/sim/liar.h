/*
 * Nodes that lie about the silence of others: each is connected with everybody, answers pings, and says the same of
 * each node, whether it is asked or not, every 5 s: that it has heard nothing of it for an hour, or that it has
 * just heard it. Scripted: it does no more than that.
 */
#ifndef KITH_SIM_LIAR_H
#define KITH_SIM_LIAR_H

#include <stdbool.h>
#include <stddef.h>

#include "world.h"

struct liars;

/* Adds the hosts of so many liars to the world, and starts them. What they say is about the nodes that are there. */
struct liars *liars_new(struct world *world, size_t count, bool say_heard);
/* When nothing more happens in the world. */
void liars_free(struct liars *liars);

#endif
