/* A nodeid: the random UUID that is a node's identity. A plain value; nil means "none" and is never a nodeid. */
#ifndef KITH_NODEID_H
#define KITH_NODEID_H

#include <stdbool.h>

enum { NODEID_BYTES = 16, NODEID_TEXT_BYTES = 37 };

struct nodeid {
	unsigned char bytes[NODEID_BYTES];
};

extern const struct nodeid nodeid_none;

struct nodeid nodeid_random(void);

/* Accepts the 36-character form, in either case; false for anything else and for the nil UUID. */
bool nodeid_parse(const char *text, struct nodeid *nodeid);

/* Lower case. */
void nodeid_format(const struct nodeid *nodeid, char out[static NODEID_TEXT_BYTES]);

/* Orders by the 16 bytes as unsigned numbers, as memcmp does. */
int nodeid_compare(const struct nodeid *one, const struct nodeid *other);
bool nodeid_equals(const struct nodeid *one, const struct nodeid *other);
bool nodeid_is_none(const struct nodeid *nodeid);

/* Of libuuid, which only the name of its file tells. Main thread only. */
const char *nodeid_library_version(void);

#endif
