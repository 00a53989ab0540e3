/*
 * The content of an `addr` message, and its line in the usual form, {"msgtype":"addr","peers":[["HOST:PORT","NODEID"],
 * ...]}, written and read entry by entry. An entry may also be a bare "HOST:PORT", and one space may follow each colon
 * and comma. kith-protocol(7) says what it means. Pure functions.
 */
#ifndef KITH_ADDR_LINE_H
#define KITH_ADDR_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "wire/address.h"
#include "wire/nodeid.h"

enum { MESSAGE_ADDR_ENTRIES = 1000 };

struct message_entry {
	struct address address;
	struct nodeid nodeid; /* nodeid_none for a bare address */
};

struct message_addr {
	struct message_entry *entries;
	size_t count;
	size_t useless; /* entries that were dropped because they can't be an address and a nodeid */
};

/* Appends the line with its LF. False if there is no memory. */
bool addr_line_write(const struct message_addr *addr, struct buffer *out);

/*
 * The caller frees the entries. False for a line in any other form, an addr or not, good or bad: message_decode leaves
 * that to json-c.
 */
bool addr_line_read(const char *line, size_t length, struct message_addr *addr);

#endif
