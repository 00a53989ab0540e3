/*
 * The directory answers getaddr. It knows which READY peers may be told to others, as of at most DIRECTORY_AGE_US ago,
 * so that the answers to many askers cost one walk over all peers. A peer that is too new to be in it is announced
 * within that time (announcer.h), to the asker too. If there are more peers than an answer may have, a random choice is
 * told. If there is room, the address book's sample of the day follows, as of at most DIRECTORY_SAMPLE_US ago.
 *
 * Any thread may call. Those that find the peers known too old at the same moment wait for one of them, which does the
 * walk.
 */
#ifndef KITH_DIRECTORY_H
#define KITH_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "book/address_book.h"
#include "link/peer.h"
#include "members/access.h"
#include "members/registry.h"
#include "settings/settings.h"
#include "talk/announcer.h"

#define DIRECTORY_AGE_US ANNOUNCER_DELAY_US
#define DIRECTORY_SAMPLE_US ((int64_t)60 * 1000 * 1000)

struct directory;

/* Borrows all of it. Peers that were not heard from within share_within aren't told. NULL if there is no memory. */
struct directory *directory_new(struct registry *registry, struct address_book *book, struct access *access,
				const struct settings *settings, uint64_t seed);
void directory_free(struct directory *directory);

/* Sends the asker an `addr` with all other peers, except what must not travel to it and what access denies. */
void directory_tell(struct directory *directory, struct peer *asker, int64_t now_us);

/*
 * Appends the `addr` for a connection between these two ends that has no peer yet: a random choice of at most so many
 * addresses. False if there is no memory.
 */
bool directory_write(struct directory *directory, const struct address *near_end, const struct address *far_end,
		     size_t most, int64_t now_us, struct buffer *out);

#endif
