/*
 * Counters: how often something has happened since the node started, for `metrics`. Relaxed atomics: to count costs a
 * locked instruction and no lock. Any thread may count and read; what is read is of no single moment.
 *
 * A core that is driven without a node has none: each function that counts takes NULL, and does nothing then.
 */
#ifndef KITH_COUNTERS_H
#define KITH_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "telemetry/metric.h"
#include "wire/message.h"

/* Those with a result or a reason are in the order of their labels in counters.c. */
enum counter {
	COUNTER_PINGS_ANSWERED,
	COUNTER_PINGS_UNANSWERED,
	COUNTER_DIALS_READY,	/* became a peer */
	COUNTER_DIALS_FOUND,	/* a feeler found a node */
	COUNTER_DIALS_FAILED,	/* the far end did not answer, or refused */
	COUNTER_DIALS_HINDERED, /* this machine could not dial */
	/* Connections that came in and were turned away: before a byte was read ... */
	COUNTER_REFUSED_DENIED,
	COUNTER_REFUSED_BANNED,
	COUNTER_REFUSED_MAX_CONNECTIONS,
	COUNTER_REFUSED_MAX_PER_ADDRESS,
	COUNTER_REFUSED_MAX_PER_GROUP,
	/* ... and in the handshake. */
	COUNTER_REFUSED_MAX_INBOUND,
	COUNTER_REFUSED_DUPLICATE,
	COUNTER_REFUSED_NETWORK,
	COUNTER_REFUSED_PROTOCOL, /* it is no kith node, or no member */
	COUNTER_REFUSED_SILENT,	  /* it said no hello in time, or went away */
	/* Peers that have gone: whoever ended the connection. */
	COUNTER_GONE_SHUTDOWN,
	COUNTER_GONE_DUPLICATE,
	COUNTER_GONE_FULL,
	COUNTER_GONE_PROTOCOL,
	COUNTER_GONE_TIMEOUT,
	COUNTER_GONE_SLOW,
	COUNTER_GONE_BROKEN, /* without a bye: it died, or the network did */
	COUNTER_GONE_HERE,   /* this machine lost its end */
	COUNTER_GONE_OTHER,
	COUNTER_LATE, /* a peer became late */
	/* Peers that this node gave up because they were silent: */
	COUNTER_SILENT_WITNESSED, /* others heard nothing either */
	COUNTER_SILENT_TIMEOUT,	  /* ping_timeout was over */
	COUNTER_BANS,
	COUNTER_EVENTS_LEFT_OUT, /* of the journal, since strangers caused too many */
	COUNTER_REQUESTS,	 /* of clients of the control socket */
	COUNTER_REPORTS_RELAYED, /* of other nodes, to each peer that was sent one */
	COUNTERS,
};

enum counters_direction {
	COUNTERS_IN,
	COUNTERS_OUT,
};

/* Upper bounds of the buckets of round trips, and one for what is beyond. */
enum { COUNTERS_RTT_BUCKETS = 10 };

struct counters {
	_Atomic uint64_t counts[COUNTERS];
	_Atomic uint64_t messages[2][MESSAGE_TYPES];
	_Atomic uint64_t bytes[2][MESSAGE_TYPES];
	_Atomic uint64_t rtts[COUNTERS_RTT_BUCKETS + 1];
	_Atomic uint64_t rtt_sum_us;
};

static inline void counters_add(_Atomic uint64_t *count, uint64_t more)
{
	atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}

static inline void counters_count(struct counters *counters, enum counter counter)
{
	if (counters != NULL)
		counters_add(&counters->counts[counter], 1);
}

/* A message, and the bytes of its line. */
static inline void counters_count_message(struct counters *counters, enum counters_direction direction,
					  enum message_type type, size_t bytes)
{
	if (counters == NULL)
		return;
	counters_add(&counters->messages[direction][type], 1);
	counters_add(&counters->bytes[direction][type], bytes);
}

/* The round trip of a ping that was answered. */
void counters_count_rtt(struct counters *counters, int64_t rtt_us);

/* One sample of a metric. */
struct counters_sample {
	enum metric_id metric;
	const char *suffix; /* of the sample's name: "_bucket", "_sum", "_count", or "" */
	char labels[64];    /* as a JSON object */
	double value;
};

/* The sample with this number, from 0 on; false beyond the last. */
bool counters_sample(const struct counters *counters, size_t number, struct counters_sample *sample);

#endif
