/*
 * Node 5, which listens on 127.0.0.1:5999: the node that the protocol's tests are about. There are smaller nodeids and
 * larger ones.
 */
#ifndef KITH_UNIT_TALK_FIVE_H
#define KITH_UNIT_TALK_FIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/peer.h"
#include "unit/core.h"

void five_start(struct core *core);

struct peer_info five_look(const struct core *core, struct peer *peer);
/* Where the peer can be dialled, as far as that is known. */
const char *five_listen_of(const struct core *core, struct peer *peer);

/* Feelers find the node, which is the peer's, wherever it says that it listens. */
void five_prove(struct core *core, unsigned number);
/* Starts the next dial; its address, or "-" if none is due. */
const char *five_dials_next(struct core *core);
/* These two are dialled now, in either order. */
#define EXPECT_DIALLED(core, one, other) five_expect_dialled(__FILE__, __LINE__, core, one, other)
void five_expect_dialled(const char *file, int line, struct core *core, const char *one, const char *other);
/* Passes time until the next dial, which must lead there; how long that took. */
int64_t five_redial_after_us(struct core *core, const char *address);
/* Is it as long as the first back-off may be? */
bool five_is_back_off(int64_t after_us);

size_t five_count_lines(const char *text);

#endif
