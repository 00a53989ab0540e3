/*
 * What the runs have found: figures by run and name, in the order in which they were found, and the curves, each a file
 * of columns. Nothing in them depends on the machine or the hour, so that two of them can be compared byte for byte.
 */
#ifndef KITH_SIM_RESULTS_H
#define KITH_SIM_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { RESULTS_NAME_BYTES = 80 };

struct figure {
	char run[RESULTS_NAME_BYTES];
	char name[RESULTS_NAME_BYTES];
	double value; /* NAN for what never came */
	int decimals;
};

struct results {
	struct figure *figures;
	size_t count;
	const char *directory; /* of the curves; NULL for none */
};

void results_fini(struct results *results);
void results_add(struct results *results, const char *run, const char *name, double value, int decimals);
/* NAN where there is no such figure. */
double results_find(const struct results *results, const char *run, const char *name);
bool results_equals(const struct results *one, const struct results *other);
void results_print(const struct results *results, FILE *out);

/* RUN.dat, or RUN-NAME.dat; NULL where no curves are wanted. */
FILE *results_open_curve(const struct results *results, const char *run, const char *name);

#endif
