/*
 * The greeter: what a node says of itself when it meets another: hello, and the `addr` with its own address. Both are
 * the same for nearly every peer, so the lines are kept, and encoded once.
 *
 * Any thread may call; nothing blocks.
 */
#ifndef KITH_GREETER_H
#define KITH_GREETER_H

#include "link/listening.h"
#include "link/peer.h"
#include "settings/settings.h"
#include "wire/nodeid.h"

/* Those that were said last are kept: they differ by the address that the far end may dial. */
enum { GREETER_LINES = 8 };

struct greeter;

/* Borrows the network's name and the addresses as bound. NULL if there is no memory. */
struct greeter *greeter_new(const struct settings *settings, const struct nodeid *self,
			    const struct listening *listening);
void greeter_free(struct greeter *greeter);

/* The name and the address to advertise (unknown for none) that are told from now on. */
void greeter_introduce_as(struct greeter *greeter, const char *name, const struct address *advertise);

/* The one hello of a connection. */
void greeter_say_hello(struct greeter *greeter, struct peer *peer, const struct peer_info *info);
/* Where this node listens, as the far end may dial it; nothing if there is no such address. */
void greeter_say_address(struct greeter *greeter, struct peer *peer, const struct peer_info *info);

#endif
