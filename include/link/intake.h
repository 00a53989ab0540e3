/*
 * How much a reader takes in of one peer: token buckets of messages and bytes, which delay reading and close nothing,
 * so that TCP itself slows the sender. A plain value driven by the times that are handed in; the limits are read from
 * the settings at each use.
 */
#ifndef KITH_INTAKE_H
#define KITH_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "base/token_bucket.h"
#include "settings/settings.h"

/* The size of a bucket, as seconds at its rate. */
enum { INTAKE_MESSAGES_BURST_S = 10, INTAKE_BYTES_BURST_S = 4 };

struct intake {
	struct token_bucket messages, bytes;
};

void intake_init(struct intake *intake, const struct settings *settings, int64_t now_us);
/*
 * How many bytes to read at the most, so that the rest after them is short: a peer that dies in a long one would be
 * found dead late.
 */
size_t intake_room(struct intake *intake, const struct settings *settings, int64_t now_us);
/* So much was taken in. For how long to read nothing now; 0 if reading may go on. */
int64_t intake_charge(struct intake *intake, const struct settings *settings, size_t messages, size_t bytes,
		      int64_t now_us);

#endif
