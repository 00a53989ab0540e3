/*
 * An `addr` line in its usual form, {"msgtype":"addr","peers":[["HOST:PORT","NODEID"],...]}: written and read entry by
 * entry. An entry may also be a bare "HOST:PORT", and one space may follow each colon and comma. What the wire means
 * stands in kith-protocol(7). Pure functions.
 */
#ifndef KITH_ADDR_LINE_H
#define KITH_ADDR_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "wire/message.h"

/* Appends the line with its LF. False if there is no memory. */
bool addr_line_write(const struct message_addr *addr, struct buffer *out);

/*
 * The entries are then the caller's to free. False for a line in any other form, an addr or not, good or bad: json-c
 * has to judge it.
 */
bool addr_line_read(const char *line, size_t length, struct message_addr *addr);

#endif
