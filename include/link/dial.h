/*
 * A dial: where to, and what for. The address book hands one out, a peer carries it, and the book takes it back by its
 * kind when it is over. A plain value; nothing here locks.
 *
 * The host is allocated. It belongs to whoever has the struct: the caller of address_book_pick until peer_new takes it,
 * then the peer. dial_fini frees it. A copy of the struct borrows it.
 */
#ifndef KITH_DIAL_H
#define KITH_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/address.h"
#include "wire/nodeid.h"

enum dial_kind {
	DIAL_NONE,  /* an inbound peer: this node dials nobody, and the address is the far end's */
	DIAL_NAME,  /* a bootstrap's name is looked up: a host and a port, no address */
	DIAL_ENTRY, /* an address of the book is dialled for a peer */
	/* The feelers ask who answers, and then say bye. */
	DIAL_FEELER_LOST,    /* to an address that was tried and has failed since */
	DIAL_FEELER_HEARSAY, /* to an address that peers told of */
	DIAL_PROOF_CLAIM,    /* a peer says that it listens there */
	DIAL_PROOF_RIVAL,    /* another address waits for the place of this one among the tried */
	DIAL_FEELER_PEER, /* to where a peer listens: can it still be dialled? The address book knows nothing of it */
};

struct dial {
	enum dial_kind kind;
	bool is_hearsay;	/* the address of an entry is known from others alone */
	uint16_t port;		/* of the host */
	struct address address; /* unknown for a name */
	char *host;		/* the name, or NULL */
	struct nodeid expected; /* whom a proof or a feeler to a peer looks for */
};

/* What to dial next. */
struct next_dial {
	bool is_due;
	struct dial dial; /* if one is due: the caller's */
	int64_t next_us;  /* else when to ask again; FOREVER_US for when something has changed */
};

bool dial_is_feeler(const struct dial *dial);
void dial_fini(struct dial *dial);

#endif
