/*
 * Claims of a nodeid: which connection is the one of its node, and what becomes of a second one. A pair has two only
 * while both ends may have dialled at once and this end waits for the other's choice: then one is indexed by the nodeid
 * and the other one is its spare. Whichever of them ends, the other one is the indexed one from then on.
 */
#ifndef KITH_CLAIMS_PRIV_H
#define KITH_CLAIMS_PRIV_H

#include "members/registry_priv.h"

/* The connection of this nodeid that isn't closing: the indexed one, else its spare. NULL if there is none. */
struct entry *claims_find_live(struct registry *registry, const struct nodeid *nodeid) REQUIRES(registry_guard);
/* The connection is over. If it leaves a spare, that is indexed in its place, and returned; else NULL. */
struct entry *claims_succeed(struct registry *registry, struct entry *entry) REQUIRES(registry_guard);
void claims_unindex(struct registry *registry, struct entry *entry) REQUIRES(registry_guard);

#endif
