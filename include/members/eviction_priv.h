/* Eviction: which connection makes room for another one. This only chooses; the callers act. */
#ifndef KITH_EVICTION_PRIV_H
#define KITH_EVICTION_PRIV_H

#include "members/registry_priv.h"

/* The oldest handshake of the host that has most, counting the newcomer. */
struct entry *eviction_choose_handshake(struct registry *registry, const struct address *from) REQUIRES(registry_guard);
/* The inbound peer that makes room for another one; NULL if all are protected. */
struct entry *eviction_choose_peer(struct registry *registry) REQUIRES(registry_guard);

#endif
