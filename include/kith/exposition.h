/* Rows of metrics in the text format of Prometheus, version 0.0.4. Pure functions. */
#ifndef KITH_EXPOSITION_H
#define KITH_EXPOSITION_H

#include "base/buffer.h"
#include "kith/rows.h"

/* Appends the samples of each metric together, with its help and its type in front. False if there is no memory. */
bool exposition_add_metrics(struct buffer *out, const struct rows *metrics);
/* Does the node answer? */
bool exposition_add_up(struct buffer *out, bool is_up);
/* Those of the peers that have the longest round trips, at most that many. */
bool exposition_add_peers(struct buffer *out, const struct rows *peers, size_t most);

#endif
