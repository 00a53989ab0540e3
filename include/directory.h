/*
 * The directory: what getaddr is answered with. Which READY peers may be told to others, as of at most DIRECTORY_AGE_US
 * ago, so that the answers to many askers cost one walk over all peers. A peer that is too new to be in it is announced
 * after that time (announcer.h), to the asker too. Of more than an answer may have, a random choice is told.
 *
 * Any thread may call; nothing blocks.
 */
#ifndef KITH_DIRECTORY_H
#define KITH_DIRECTORY_H

#include <stdint.h>

#include "announcer.h"
#include "peer.h"
#include "registry.h"

#define DIRECTORY_AGE_US ANNOUNCER_DELAY_US

struct directory;

/* Borrows the registry. Peers that were not heard from within share_within_us aren't told. NULL if there is no memory.
 */
struct directory *directory_new(struct registry *registry, int64_t share_within_us, uint64_t seed);
void directory_free(struct directory *directory);

/* Sends the asker an `addr` with all others, but for what must not travel to it. */
void directory_tell(struct directory *directory, struct peer *asker, int64_t now_us);

#endif
