/* A registry and the connections in it, as the tests of the registry and of eviction need them. */
#ifndef KITH_UNIT_CROWD_H
#define KITH_UNIT_CROWD_H

#include "members/registry.h"
#include "unit/core.h"

enum { CROWD_SELF = 5, CROWD_MAX_INBOUND = 3 };

#define CROWD_TIMEOUT_US ((int64_t)10 * SECOND_US)

extern const int64_t crowd_start_us;
extern struct settings crowd_settings;

struct registry *crowd_new(unsigned self);
/* A connection that shakes hands, held by the registry alone. In any thread. */
struct peer *crowd_add_at(struct registry *registry, enum peer_direction direction, struct address address);
struct peer *crowd_add(struct registry *registry, enum peer_direction direction);
/* The claim, and which connection it was weighed against. */
enum registry_claim crowd_claim(struct registry *registry, struct peer *peer, unsigned number, struct peer **other);
struct peer *crowd_add_ready(struct registry *registry, enum peer_direction direction, unsigned number);
/* Who has the nodeid, or NULL. */
struct peer *crowd_find(struct registry *registry, unsigned number);
bool crowd_counts_are(struct registry *registry, struct registry_counts expected);
void crowd_remove_all(struct registry *registry);
/* An inbound peer that has answered a ping after rtt_us; 0 for none. */
struct peer *crowd_add_inbound(struct registry *registry, const char *from, unsigned number, int64_t rtt_us);
/* What happens to an inbound newcomer, and who goes for him. */
enum registry_claim crowd_arrive(struct registry *registry, unsigned number, struct peer **evicted);

#endif
