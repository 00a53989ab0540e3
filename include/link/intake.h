/*
 * How much a reader takes in of one peer: token buckets of messages and bytes, which delay reading and close nothing,
 * so that TCP itself slows the sender. A plain value driven by the times that are handed in; the limits are read from
 * the settings at each use.
 *
 * What a connection has used of its burst and not yet made up for is its debt. A host that connects again begins with
 * the debt of its connections before (members/sources.h): one connection after the other gets the rate and no more.
 */
#ifndef KITH_INTAKE_H
#define KITH_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "base/token_bucket.h"
#include "settings/settings.h"

/* The size of a bucket, as seconds at its rate. */
enum { INTAKE_MESSAGES_BURST_S = 10, INTAKE_BYTES_BURST_S = 4 };
/* With each so many values of JSON, a message counts as one more: the dearest ones take 0.8 us for a value. */
enum { INTAKE_VALUES = 128 };
/* A rest is at least this long, so that a peer that is held back is read 20 times a second. */
enum { INTAKE_REST_US = 50 * 1000 };

struct intake_debt {
	double messages, bytes;
};

struct intake {
	struct token_bucket messages, bytes;
	struct intake_debt inherited; /* at the beginning */
	int64_t begun_us;
};

void intake_init(struct intake *intake, const struct settings *settings, struct intake_debt inherited, int64_t now_us);
/* How many bytes to read at the most, so that the rest after them is short. */
size_t intake_room(struct intake *intake, const struct settings *settings, int64_t now_us);
/* So much was taken in. For how long to read nothing now; 0 if reading may go on. */
int64_t intake_charge(struct intake *intake, const struct settings *settings, size_t messages, size_t bytes,
		      int64_t now_us);
/* As how many messages one with so many values counts. */
size_t intake_weight(size_t values);

/* What is left of the burst to make up for, without what is left of the inherited debt. */
struct intake_debt intake_own_debt(struct intake *intake, const struct settings *settings, int64_t now_us);
/* A debt that has grown by another one, `elapsed_us` after it was what it is; at most one burst. */
struct intake_debt intake_add_debt(struct intake_debt debt, int64_t elapsed_us, struct intake_debt more,
				   const struct settings *settings);
/* How long so many unread bytes would take at these rates, if all were of the shortest messages. */
int64_t intake_time_us(const struct settings *settings, size_t bytes);

#endif
