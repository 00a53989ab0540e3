/*
 * The operator's bans: blocks of addresses that may not connect and are not dialled until a time. Those that this node
 * itself imposes on hosts that break the protocol are in access.h.
 *
 * Any thread may call; nothing blocks. A core that is driven without a node has none: bans_hold takes NULL.
 */
#ifndef KITH_BANS_H
#define KITH_BANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/address.h"

enum { BANS_MOST = 256 };

struct ban {
	struct address_block block;
	int64_t until_us;
};

struct bans;

/* NULL if there is no memory. */
struct bans *bans_new(void);
void bans_free(struct bans *bans);

bool bans_hold(struct bans *bans, const struct address *host, int64_t now_us);
/* In the place of an earlier one of the same block. False if there are BANS_MOST others. */
bool bans_add(struct bans *bans, const struct address_block *block, int64_t until_us, int64_t now_us);
/* False if this block is not banned. */
bool bans_remove(struct bans *bans, const struct address_block *block, int64_t now_us);
/* How many were written. */
size_t bans_list(struct bans *bans, struct ban list[static BANS_MOST], int64_t now_us);

#endif
