#include "histogram.h"

#include <stddef.h>

static const size_t steps = HISTOGRAM_STEPS;

/* Times below 2 * 128 ns have a step each; from there on a step is 1/128 of the power of two below the time. */
static size_t step_of(uint64_t time_ns)
{
	size_t shift = 0;
	while (time_ns >> shift >= 2 * steps)
		shift++;
	size_t step = shift * steps + (size_t)(time_ns >> shift);
	return step < HISTOGRAM_COUNTS ? step : HISTOGRAM_COUNTS - 1;
}

/* The middle of a step. */
static double time_of(size_t step)
{
	if (step < 2 * steps)
		return (double)step;
	size_t shift = step / steps - 1;
	return ((double)(step - shift * steps) + 0.5) * (double)(UINT64_C(1) << shift);
}

void histogram_add(struct histogram *histogram, int64_t time_ns)
{
	histogram->counts[step_of(time_ns < 0 ? 0 : (uint64_t)time_ns)]++;
	histogram->total++;
}

double histogram_quantile_us(const struct histogram *histogram, double share)
{
	double wanted = share * (double)histogram->total;
	uint64_t seen = 0;
	for (size_t step = 0; step < HISTOGRAM_COUNTS; step++) {
		seen += histogram->counts[step];
		if (histogram->counts[step] > 0 && (double)seen >= wanted)
			return time_of(step) / 1000;
	}
	return 0;
}
