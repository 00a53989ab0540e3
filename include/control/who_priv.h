/*
 * Who is meant by what somebody typed: a name, a nodeid or its beginning, or an address. And what to say if nobody or
 * several are.
 */
#ifndef KITH_WHO_PRIV_H
#define KITH_WHO_PRIV_H

#include "control/control_priv.h"
#include "mesh/view.h"

/* As a peer is known by, from the weakest sign to the strongest. */
enum who_sign {
	WHO_NOBODY,
	WHO_PREFIX, /* the beginning of its nodeid, at least WHO_PREFIX_LEAST digits */
	WHO_ADDRESS,
	WHO_NODEID,
	WHO_NAME,
};

enum { WHO_PREFIX_LEAST = 4 };

/* How the text names one with these; the name may be NULL. */
enum who_sign who_matches(const char *text, const struct nodeid *nodeid, const char *name,
			  const struct address *addresses, size_t address_count);

/* An address, or a host with the default port. */
bool who_parse_address(const char *text, struct address *address);

/*
 * The one connection that the key "peer" names, held for the caller. NULL if it is none or several: the answer is then
 * an error.
 */
struct peer *who_find_peer(struct call *call);
/* The address of the key "address". False if it is none: the answer is then an error. */
bool who_find_address(struct call *call, struct address *address);
/* The block of the key "block", or one host. */
bool who_find_block(struct call *call, struct address_block *block);

/*
 * The place of the one node that the key names. SIZE_MAX if it is none or several: the answer is then an error. Of two
 * that the same sign names, the one that is there counts.
 */
size_t who_find_node(struct call *call, const struct view *view, const char *key);

/* The name of a peer that was probably meant; false if none is near. */
bool who_guess(struct call *call, const char *text, char out[static MESSAGE_TEXT_BYTES]);

#endif
