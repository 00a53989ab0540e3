/* What the files that produce rows share. */
#ifndef KITH_ROWS_PRIV_H
#define KITH_ROWS_PRIV_H

#include "control/control_priv.h"

/* How long ago; -1 for never, which is NEVER_US or 0. */
int64_t rows_ago(int64_t then_us, int64_t now_us);

/* The keys of a peer, of an address, of an event. */
void rows_add_peer(struct row *row, struct peer *peer, int64_t now_us);
void rows_add_address(struct row *row, const struct address_info *info, int64_t now_us);
void rows_add_event(struct row *row, const struct journal_entry *entry);

/* How many peers are late, for at least so long. */
size_t rows_count_late(struct registry *registry, int64_t at_least_us);
/* How many hosts and blocks are banned. */
size_t rows_count_bans(const struct parts *parts);

#endif
