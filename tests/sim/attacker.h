/*
 * An attacker who wants the nodes' outbound connections: his hosts stand in few networks, answer at many ports, shake
 * hands at each of them as another node, and tell everybody of nothing but each other. He dials the nodes too, so that
 * they hear it, and keeps a few connections to each of them. Scripted: he does no more than that.
 */
#ifndef KITH_SIM_ATTACKER_H
#define KITH_SIM_ATTACKER_H

#include <stddef.h>

#include "world.h"

enum {
	ATTACKER_NETWORK_HOSTS = 16, /* of his in one /16 */
	ATTACKER_ADDRESSES = 10000,  /* at least: so many ports has each host */
	ATTACKER_INBOUND = 8,	     /* he keeps so many connections to each node */
};

/* On each of his connections, from its beginning. */
#define ATTACKER_FLOOD_US (10 * MINUTE_US)
/* How often he looks where he has too few. */
#define ATTACKER_ROUND_US (10 * SECOND_US)

struct attacker;

/* Adds his hosts to the world and starts them. */
struct attacker *attacker_new(struct world *world, size_t hosts);
/* When nothing more happens in the world. */
void attacker_free(struct attacker *attacker);

#endif
