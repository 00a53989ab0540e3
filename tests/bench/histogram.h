/*
 * Counts of times in nanoseconds, each kept to better than 1 %: the powers of two are divided into 128 equal steps, as
 * in HdrHistogram. A plain value of one thread, all zeros to begin with.
 */
#ifndef KITH_BENCH_HISTOGRAM_H
#define KITH_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 128, HISTOGRAM_POWERS = 34, HISTOGRAM_COUNTS = HISTOGRAM_POWERS * HISTOGRAM_STEPS };

struct histogram {
	uint64_t total;
	uint64_t counts[HISTOGRAM_COUNTS];
};

/* Times above 18 minutes count as 18 minutes. */
void histogram_add(struct histogram *histogram, int64_t time_ns);
/* The time that this share of the counts (0 to 1) doesn't exceed, in microseconds; 0 if there are none. */
double histogram_quantile_us(const struct histogram *histogram, double share);

#endif
