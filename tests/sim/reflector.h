/*
 * One host that uses the nodes as a reflector: it connects to one of them and tells addresses of a victim, ten in a
 * message, so that they are passed on. The victim is a host at which nothing answers. Scripted: it does no more than
 * that, and answers pings.
 */
#ifndef KITH_SIM_REFLECTOR_H
#define KITH_SIM_REFLECTOR_H

#include <stddef.h>

#include "world.h"

struct reflector;

/* Adds its host to the world, which dials this node and tells so many ports of the victim. */
struct reflector *reflector_new(struct world *world, const struct host *node, const struct address *victim,
				size_t ports);
/* Bytes of its hello and of what it told. */
size_t reflector_bytes(const struct reflector *reflector);
/* When nothing more of it happens in the world. */
void reflector_free(struct reflector *reflector);

#endif
