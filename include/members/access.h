/*
 * Access: which hosts this node talks to at all. The settings allow and deny say so for blocks of addresses; a host
 * that keeps breaking the protocol is banned for a while.
 *
 * The life of a host here (address_source: an IPv4 address, or an IPv6 /64): it enters with its first protocol error
 * and moves to the end of the queue with each one that follows. It is banned after ban_after errors within
 * ACCESS_WINDOW_US. If ACCESS_HOSTS are known, a newcomer makes one forgotten: of the network that has most of them
 * (address_network) the one that erred longest ago. So an attacker with endless hosts in one network makes room only
 * among his own. Its weakness: one with hosts in very many networks can have the bans of others forgotten.
 *
 * Any thread may call; nothing blocks.
 */
#ifndef KITH_ACCESS_H
#define KITH_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "settings/settings.h"
#include "wire/address.h"

/* How many hosts' protocol errors are remembered. */
enum { ACCESS_HOSTS = 1024 };

#define ACCESS_WINDOW_US ((int64_t)3600 * 1000 * 1000)

struct access;

/* Borrows the settings, of which it copies the lists. NULL if there is no memory. */
struct access *access_new(const struct settings *settings);
void access_free(struct access *access);
/* By the thread that changes the settings: copies their lists. False if there is no memory: the old lists stay. */
bool access_set_lists(struct access *access, const struct settings *settings);

/* Do the lists let this host connect and be dialled? It is in allow, or allow is empty; and it is not in deny. */
bool access_allows(struct access *access, const struct address *host);
bool access_is_banned(struct access *access, const struct address *host, int64_t now_us);
/*
 * An inbound connection of this host ended in a protocol error. True if the host is banned for it now. 127.0.0.1 and
 * ::1 are never banned: the operator tries things out from there.
 */
bool access_note_error(struct access *access, const struct address *host, int64_t now_us);

struct access_ban {
	struct address host;
	int64_t until_us;
};

/* Those that are banned now. How many were written, which is at most ACCESS_HOSTS. */
size_t access_list_bans(struct access *access, struct access_ban list[static ACCESS_HOSTS], int64_t now_us);
/* Ends the bans of the hosts in a block, and forgets their errors. How many were banned. */
size_t access_unban(struct access *access, const struct address_block *block, int64_t now_us);

#endif
